//! What becomes of the result: `--output`, `--push`, `--load`, with the names of `--tag` and the annotations.

use super::{Args, current_dir, places};
use crate::cli::values::{ValueError, annotation, output};
use crate::image::Reference;
use crate::job::{Destination, Error, Exporter, Output};

/// What images get beside their names and annotations.
#[derive(Debug, Default)]
pub(super) struct ImageAttributes {
    /// The build argument `BUILDKIT_INLINE_BUILDINFO_ATTRS`.
    pub(super) build_info: Option<String>,
    /// Attestations are no artifacts of their own.
    pub(super) no_oci_artifact: bool,
}

/// What has an image made.
const MAKES_IMAGE: &str = "--push, --load, or --output with type=image, oci or docker does";

/// The outputs, named and annotated. Source: `toSolveOpt` and `CreateExports` in buildx (`build/opt.go`), `runBuild` in
/// `commands/build.go`.
pub(super) fn parse(args: &Args, attributes: &ImageAttributes) -> Result<Vec<Output>, Error> {
    for tag in &args.tags {
        let wrong = |source| Error::Reference { setting: "--tag", text: tag.clone(), source };
        Reference::parse(tag).map_err(wrong)?;
    }
    let annotations = annotation::parse(&args.annotations)?;
    let values = args.outputs.iter().filter(|value| !value.is_empty());
    let mut outputs = values.map(|value| output::parse(value)).collect::<Result<Vec<_>, _>>()?;
    if args.push {
        let mut images = outputs.iter_mut().filter(|output| output.is_image()).peekable();
        if images.peek().is_some() {
            images.for_each(Output::set_push);
        } else {
            outputs.push(Output::image(true));
        }
    }
    // As in buildx, an output of this type with a file counts too.
    if args.load && !outputs.iter().any(|output| output.exporter == Exporter::DOCKER) {
        outputs.push(Output::load());
    }
    if let Some(file) = &args.iidfile
        && let Some(output) =
            outputs.iter().find(|output| !output.exporter.makes_image && output.exporter != Exporter::NONE)
    {
        let fault =
            format!("an output of type={} makes no image, so there is no id to write", output.exporter.name);
        return Err(ValueError::new("--iidfile", &file.to_string_lossy(), fault).into());
    }
    for output in &mut outputs {
        output.name_by_tags(&args.tags);
        warn_of_unknown(output);
        output.annotate(&annotations);
        if output.exporter.makes_image {
            if let Some(value) = &attributes.build_info {
                output.attrs.insert("buildinfo-attrs".to_owned(), value.clone());
            }
            if attributes.no_oci_artifact && output.exporter != Exporter::DOCKER {
                output.add_attr("oci-artifact", "false");
            }
        }
        if output.pushes() && output.names().is_empty() {
            return Err(Error::PushWithoutName);
        }
    }
    if outputs.iter().filter(|output| matches!(output.destination, Destination::Layout(_))).count() > 1 {
        let fault =
            "only one can be an image layout in a folder (tar=false), since buildkitd cannot tell two apart";
        return Err(ValueError::Named { setting: "--output", fault: fault.to_owned() }.into());
    }
    let current_dir = current_dir()?;
    places::check(args, &outputs, &current_dir)?;
    if !output::may_delete(&args.allow)? {
        output::check_deletions(&outputs, &current_dir)?;
    }
    Ok(outputs)
}

/// What to say of flags that concern images where no output makes one. Nothing of names where there is no output at all,
/// which is said anyway.
pub(super) fn flags_without_image(args: &Args, outputs: &[Output]) -> Option<String> {
    if outputs.iter().any(|output| output.exporter.makes_image) {
        return None;
    }
    let is_given = |values: &[String]| values.iter().any(|value| !value.is_empty());
    let flags = [
        ("--tag", is_given(&args.tags) && !outputs.is_empty()),
        ("--label", is_given(&args.convert.label) && !outputs.is_empty()),
        ("--annotation", is_given(&args.annotations)),
    ];
    let flags: Vec<&str> = flags.iter().filter(|(_, is_given)| *is_given).map(|(flag, _)| *flag).collect();
    let (last, first) = flags.split_last()?;
    let (flags, verb) = match first {
        [] => ((*last).to_owned(), "does"),
        first => (format!("{} and {last}", first.join(", ")), "do"),
    };
    Some(format!("{flags} {verb} nothing, since no output makes an image: {MAKES_IMAGE}"))
}

/// Says which attributes of an output do nothing: a mistyped one must not go unnoticed.
fn warn_of_unknown(output: &Output) {
    for name in output::unknown_attributes(output) {
        let exporter = output.exporter.name;
        tracing::warn!("--output: BuildKit's exporter {exporter} has no attribute {name:?} and ignores it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::pflag::parse_args;

    fn outputs(args: &[&str]) -> Vec<Output> {
        try_parse(args).unwrap()
    }

    fn try_parse(args: &[&str]) -> Result<Vec<Output>, Error> {
        parse(&parse_args(args).unwrap(), &ImageAttributes::default())
    }

    #[test]
    fn names_are_checked_even_where_no_image_is_made() {
        for tag in ["", "UPPER", "a:b:c", "a,b", "name:", ":tag", "http://x/y", "a b", "-x"] {
            let error = try_parse(&["-t", tag, "-o", "out", "."]).unwrap_err();
            assert!(error.is_usage(), "{tag}");
            assert!(error.to_string().starts_with("--tag \""), "{error}");
        }
    }

    #[test]
    fn attributes_of_images_go_to_images() {
        let args = parse_args(&["-o", "type=image", "-o", "out", "."]).unwrap();
        let attributes = ImageAttributes { build_info: Some("1".to_owned()), no_oci_artifact: true };
        let outputs = parse(&args, &attributes).unwrap();
        assert_eq!(outputs[0].attrs["buildinfo-attrs"], "1");
        assert_eq!(outputs[0].attrs["oci-artifact"], "false");
        assert!(outputs[1].attrs.is_empty());
    }

    #[test]
    fn tags_and_push_name_one_image() {
        let outputs = outputs(&["-t", "a", "-t", "b:1", "--push", "."]);
        assert_eq!(outputs.len(), 1);
        assert!(outputs[0].pushes());
        assert_eq!(outputs[0].names(), ["a", "b:1"]);
        assert_eq!(outputs[0].attrs["unpack"], "false");
    }

    #[test]
    fn push_goes_to_the_image_output_that_is_there() {
        let outputs = outputs(&["-t", "a", "--push", "-o", "type=image,push=false,unpack=true", "-o", "out"]);
        let pushed: Vec<bool> = outputs.iter().map(Output::pushes).collect();
        assert_eq!(pushed, [true, false]);
        assert_eq!(outputs[0].attrs["unpack"], "true");
    }

    #[test]
    fn tags_come_before_names_of_outputs() {
        let outputs =
            outputs(&["-t", "a", "-o", "type=registry,name=b", "-o", "type=oci,dest=f", "-o", "out"]);
        let names: Vec<_> = outputs.iter().map(Output::names).collect();
        assert_eq!(names, [vec!["a"], vec!["a"], vec![]]);
    }

    #[test]
    fn load_adds_an_output_unless_one_of_its_type_is_there() {
        let engine = |outputs: &[Output]| {
            outputs.iter().filter(|output| matches!(output.destination, Destination::Engine(_))).count()
        };
        assert_eq!(engine(&outputs(&["--load", "."])), 1);
        assert_eq!(engine(&outputs(&["--load", "-o", "type=docker", "."])), 1);
        assert_eq!(engine(&outputs(&["--load", "-o", "type=docker,dest=f", "."])), 0);
        let both = outputs(&["--load", "--push", "-t", "a", "."]);
        assert_eq!((both.len(), engine(&both)), (2, 1));
        assert_eq!(both[1].names(), ["a"]);
    }

    #[test]
    fn flags_of_images_are_said_to_do_nothing_where_none_is_made() {
        let said = |line: &[&str]| {
            let args: Args = parse_args(line).unwrap();
            let outputs = parse(&args, &ImageAttributes::default()).unwrap();
            let text = flags_without_image(&args, &outputs);
            text.map(|text| text.split(" nothing, ").next().unwrap_or_default().to_owned())
        };
        let all = ["-t", "a", "--annotation", "a=b", "--label", "c=d"];
        assert_eq!(said(&[&all[..], &["-o", "out"]].concat()).unwrap(), "--tag, --label and --annotation do");
        assert_eq!(said(&[&all[..], &["-o", "type=cacheonly"]].concat()).unwrap().len(), 34);
        assert_eq!(said(&all).unwrap(), "--annotation does");
        assert_eq!(said(&["--annotation", "a=b", "-o", "-"]).unwrap(), "--annotation does");
        for line in [
            &[&all[..], &["-o", "out", "-o", "type=oci,dest=f"]].concat()[..],
            &[&all[..], &["--push"]].concat(),
            &[&all[..], &["--load"]].concat(),
            &["-t", "a"],
            &["-o", "out", "--annotation", ""],
        ] {
            assert_eq!(said(line), None, "{line:?}");
        }
    }

    #[test]
    fn files_have_no_image_id() {
        let error = |output: &str| try_parse(&["--iidfile", "i", "-o", output, "."]).unwrap_err().to_string();
        for (output, kind) in [("out", "local"), ("-", "tar")] {
            let fault = format!("an output of type={kind} makes no image, so there is no id to write");
            assert_eq!(error(output), format!("--iidfile \"i\": {fault}"));
        }
        outputs(&["--iidfile", "i", "-o", "type=cacheonly", "."]);
    }

    #[test]
    fn two_layouts_in_folders_are_one_too_many() {
        let layout = |folder: &str| format!("type=oci,tar=false,dest={folder}");
        let error = try_parse(&["-o", &layout("a"), "-o", &layout("b"), "."]).unwrap_err();
        assert!(error.is_usage() && error.to_string().starts_with("--output: only one "), "{error}");
    }

    #[test]
    fn an_empty_output_is_passed_over() {
        assert_eq!(outputs(&["-o", "", "-o", "out", "."]).len(), 1);
    }

    #[test]
    fn without_an_output_nothing_is_exported() {
        for flag in [&["-t", "a"][..], &["--iidfile", "f"], &["--metadata-file", "f"], &["-q"]] {
            assert!(outputs(&[flag, &["."]].concat()).is_empty());
        }
    }
}
