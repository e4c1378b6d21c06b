//! `bob imagetools inspect`: what a registry has under a reference.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{failed, registries};
use crate::cli::Failure;
use crate::cli::report::{listen, print_words, words};
use crate::cli::values::syntax::template::Template;
use crate::job::imagetools::{Attested, Descriptor, ImageTools, ImageToolsError, Inspected};

/// The template that stands for what is shown without one.
const WHOLE: &str = "{{.Manifest}}";

/// Arguments of `bob imagetools inspect`.
#[derive(Debug, clap::Args)]
#[command(about = "Show what a registry has under a reference, or an OCI layout under a tag")]
pub struct Args {
    /// What is shown, such as '{{json .Manifest}}', '{{json .Image}}' or '{{.Manifest.Digest}}'
    #[arg(long, value_name = "TEMPLATE", conflicts_with = "raw")]
    format: Option<String>,
    /// The manifest or index, byte by byte
    #[arg(long)]
    raw: bool,
    /// The reference, or `oci-layout://FOLDER[:TAG][@DIGEST]`
    #[arg(value_name = "REF")]
    reference: String,
}

/// Runs `bob imagetools inspect`.
///
/// # Errors
/// A registry that does not have it, wrong usage.
pub async fn run(args: Args) -> Result<(), Failure> {
    let format =
        args.format.as_deref().filter(|format| !matches!(format.trim(), "" | WHOLE | "{{ .Manifest }}"));
    let template = format.map(Template::parse).transpose()?;
    let tools = registries()?;
    let interrupts = listen()?;
    let work = async {
        let image = tools.inspect(&args.reference).await.map_err(|error| failed(&error))?;
        match template {
            _ if args.raw => Ok(image.bytes.to_vec()),
            None => Ok(described(&image).into_bytes()),
            Some(template) => {
                let fields = fields(&tools, &image, &args.reference, &template).await?;
                let text = template.render(&fields)?;
                Ok(text.into_bytes())
            }
        }
    };
    let interrupted = || Err(failed(&ImageToolsError::Interrupted));
    print_words(&interrupts.cancel().run_until_cancelled(work).await.unwrap_or_else(interrupted)?)
}

/// What a template may name.
///
/// Source: `Print` in `util/imagetools/printers.go` in buildx.
async fn fields(
    tools: &ImageTools,
    image: &Inspected,
    name: &str,
    template: &Template,
) -> Result<Value, Failure> {
    let configs = tools.configs(image).await.map_err(|error| failed(&error))?;
    let manifest = match &image.index {
        None => json!(image.descriptor),
        Some(index) => {
            let mut value = json!(index);
            value["digest"] = json!(image.descriptor.digest);
            value["size"] = json!(image.descriptor.size);
            value
        }
    };
    let is_single = configs.len() < 2;
    // What there is of one image, or that of each by its platform.
    let of_platforms = |of: BTreeMap<String, Value>, none: Value| {
        if is_single { of.into_values().next().unwrap_or(none) } else { json!(of) }
    };
    let mut fields = json!({ "name": name, "manifest": manifest });
    if template.shows("SBOM") || template.shows("Provenance") {
        let attested = tools.attested(image).await.map_err(|error| failed(&error))?;
        let (mut sboms, mut provenances) = (BTreeMap::new(), BTreeMap::new());
        for (platform, Attested { sbom, provenance }) in attested {
            sboms.extend(sbom.map(|sbom| (platform.clone(), json!(sbom))));
            provenances.extend(provenance.map(|provenance| (platform, json!(provenance))));
        }
        fields["SBOM"] = of_platforms(sboms, json!({}));
        fields["Provenance"] = of_platforms(provenances, json!({}));
    }
    fields["image"] = of_platforms(configs, Value::Null);
    Ok(fields)
}

/// Names and values one below the other, the values aligned.
fn aligned(text: &mut String, indent: &str, pairs: &[(String, String)]) {
    let width = pairs.iter().map(|(name, _)| name.chars().count() + 2).max().unwrap_or_default();
    for (name, value) in pairs {
        let line = format!("{indent}{:<width$}{}", format!("{name}:"), words(value));
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn described(image: &Inspected) -> String {
    let mut text = String::new();
    let Descriptor { media_type, digest, .. } = &image.descriptor;
    aligned(
        &mut text,
        "",
        &[pair("Name", &image.place.to_string()), pair("MediaType", media_type), pair("Digest", digest)],
    );
    let Some(index) = &image.index else { return text };
    text += "\nManifests:\n";
    for (position, entry) in index.manifests.iter().enumerate() {
        if position > 0 {
            text.push('\n');
        }
        let mut pairs = vec![pair("Name", &image.name_of(entry)), pair("MediaType", &entry.media_type)];
        if let Some(platform) = &entry.platform {
            pairs.push(pair("Platform", &platform.short()));
            if !platform.os_version.is_empty() {
                pairs.push(pair("OSVersion", &platform.os_version));
            }
            if !platform.os_features.is_empty() {
                pairs.push(pair("OSFeatures", &platform.os_features.join(", ")));
            }
        }
        if !entry.urls.is_empty() {
            pairs.push(pair("URLs", &entry.urls.join(", ")));
        }
        aligned(&mut text, "  ", &pairs);
        if !entry.annotations.is_empty() {
            text += "  Annotations:\n";
            let annotations: Vec<_> =
                entry.annotations.iter().map(|(key, value)| pair(&words(key), value)).collect();
            aligned(&mut text, "    ", &annotations);
        }
    }
    text
}
