//! `bob imagetools create`: an image out of images.

use std::path::PathBuf;

use clap::ArgAction;
use serde_json::json;

use super::{failed, registries};
use crate::cli::Failure;
use crate::cli::pflag::truth_value;
use crate::cli::report::{listen, print_words};
use crate::cli::usage::UsageError;
use crate::cli::values::{ValueError, platform, progress};
use crate::image::Platform;
use crate::job::imagetools::{
    Combined, ImageToolsError, IndexAnnotation, IndexPlace, NewImage, Place, Source,
};
use crate::job::{self, ProgressMode};

/// The largest file with a source that is read, in bytes.
const MAX_SOURCE_BYTES: u64 = 4 << 20;

/// Arguments of `bob imagetools create`.
#[derive(Debug, clap::Args)]
#[command(
    about = "Make an index of images, or copy one; no layer goes through this machine within a registry"
)]
pub struct Args {
    /// Name of the new image, or `oci-layout://FOLDER[:TAG]`; may be repeated
    #[arg(short = 't', long = "tag", value_name = "REF")]
    tags: Vec<String>,
    /// Read a source from this file: a reference, a digest or a descriptor in JSON; may be repeated
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Add to the image that the first name has now
    #[arg(long)]
    append: bool,
    /// Annotation: index:KEY=VALUE or manifest-descriptor[PLATFORM]:KEY=VALUE; may be repeated
    #[arg(long = "annotation", value_name = "ANNOTATION")]
    annotations: Vec<String>,
    /// Print the new image and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Keep images of these platforms only; may be repeated
    #[arg(short, long = "platform", value_name = "PLATFORM", value_delimiter = ',')]
    platforms: Vec<String>,
    /// Whether a single image becomes an index of one, or is copied as it is
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true", value_parser = truth_value, action = ArgAction::Set)]
    prefer_index: bool,
    /// Write digest and names of the new image as JSON
    #[arg(long, value_name = "FILE")]
    metadata_file: Option<PathBuf>,
    /// How progress is shown: auto, plain, tty, rawjson or quiet
    #[arg(long, value_name = "MODE", default_value = "auto")]
    progress: ProgressMode,
    /// References, digests, descriptors in JSON, or `oci-layout://FOLDER[:TAG][@DIGEST]`
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
}

/// Runs `bob imagetools create`.
///
/// # Errors
/// A registry that does not do what is asked, wrong usage.
pub async fn run(args: Args) -> Result<(), Failure> {
    let image = args.image()?;
    let progress = if args.progress == ProgressMode::AUTO { progress::of_variable()? } else { args.progress };
    let tools = registries()?;
    let interrupts = listen()?;
    let cancel = interrupts.cancel();
    let combined = cancel.run_until_cancelled(tools.combine(&image)).await;
    let combined = combined.unwrap_or(Err(ImageToolsError::Interrupted)).map_err(|error| failed(&error))?;
    for warning in &combined.warnings {
        tracing::warn!("{warning}");
    }
    if args.dry_run {
        return print_words(&[&combined.bytes[..], b"\n"].concat());
    }
    if let Some(path) = &args.metadata_file {
        job::check_writable(path).map_err(job::Error::from)?;
    }
    let published = tools.publish(&combined, &image.targets, progress, cancel).await;
    published.map_err(|error| failed(&error))?;
    if let Some(path) = &args.metadata_file {
        job::write_whole(path, &metadata(&combined, &image.targets)).map_err(job::Error::from)?;
    }
    Ok(())
}

impl Args {
    fn image(&self) -> Result<NewImage, Failure> {
        if self.sources.is_empty() && self.files.is_empty() {
            return Err(UsageError::NoSources.into());
        }
        if self.tags.is_empty() && !self.dry_run {
            return Err(UsageError::NoTarget.into());
        }
        let target = |text: &String| Place::parse(text).map_err(|error| failed(&error));
        let mut texts: Vec<String> = self.tags.iter().take(usize::from(self.append)).cloned().collect();
        for path in &self.files {
            texts.push(read_source(path)?);
        }
        texts.extend(self.sources.iter().cloned());
        let source = |text: &String| Source::parse(text).map_err(|error| failed(&error));
        Ok(NewImage {
            sources: texts.iter().map(source).collect::<Result<_, _>>()?,
            targets: self.tags.iter().map(target).collect::<Result<_, _>>()?,
            annotations: annotations(&self.annotations)?,
            prefers_index: self.prefer_index,
            platforms: platform::parse("--platform", self.platforms.iter().map(String::as_str))?.platforms,
        })
    }
}

fn read_source(path: &std::path::Path) -> Result<String, Failure> {
    use std::io::Read as _;
    let failed = |source| job::Error::Read { what: "the source", path: path.to_owned(), source };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(MAX_SOURCE_BYTES).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

/// The annotations `TYPE[PLATFORM],…:KEY=VALUE`.
///
/// Source: `ParseAnnotations` in `util/buildflags/export.go`, `combine` in `util/imagetools/create.go` in buildx.
fn annotations(values: &[String]) -> Result<Vec<IndexAnnotation>, Failure> {
    let mut annotations = Vec::new();
    for value in values.iter().filter(|value| !value.is_empty()) {
        let wrong = |fault: &str| Failure::from(ValueError::new("--annotation", value, fault));
        let (name, text) = value.split_once('=').ok_or_else(|| wrong("write index:KEY=VALUE"))?;
        let misplaced = |place: &str| {
            failed(&ImageToolsError::Annotation { key: name.to_owned(), place: place.to_owned() })
        };
        let (places, key) = name.split_once(':').ok_or_else(|| misplaced("the image itself"))?;
        for place in places.split(',') {
            let (kind, platform) = match place.strip_suffix(']').and_then(|place| place.split_once('[')) {
                Some((kind, platform)) => {
                    let parsed = Platform::parse(platform).map_err(|error| wrong(&error.to_string()))?;
                    (kind, Some(parsed))
                }
                None => (place, None),
            };
            let place = match (kind, platform) {
                ("index", None) => IndexPlace::Index,
                ("index", Some(_)) => return Err(wrong("an index is for no platform")),
                ("manifest-descriptor", platform) => IndexPlace::Entry(platform),
                ("manifest", _) => return Err(misplaced("the image itself")),
                ("index-descriptor", _) => return Err(misplaced("what lies above the index")),
                _ => return Err(wrong("the type is index or manifest-descriptor")),
            };
            annotations.push(IndexAnnotation { place, key: key.to_owned(), value: text.to_owned() });
        }
    }
    Ok(annotations)
}

/// The text of the metadata file.
///
/// Source: `runCreate` in `commands/imagetools/create.go` in buildx.
fn metadata(image: &Combined, targets: &[Place]) -> Vec<u8> {
    let mut names: Vec<String> = targets.iter().map(Place::name).collect();
    names.sort_unstable();
    names.dedup();
    let value = json!({
        "containerimage.descriptor": image.descriptor,
        "containerimage.digest": image.descriptor.digest,
        "image.name": names.join(","),
    });
    serde_json::to_vec_pretty(&value).expect("texts and numbers can be written")
}
