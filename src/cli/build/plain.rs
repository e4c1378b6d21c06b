//! From arguments to a build outside of a workspace.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::{Args, daemon_choice, environment, failure, listen};
use crate::build::{
    self, CacheEntry, ConvertOptions, DockerLogins, Error, Output, PlainBuild, ProgressMode, annotations,
    parse_cache, secrets, ssh_agents,
};
use crate::cli::Failure;

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    if let Some(refusal) = args.later.refusal() {
        return Err(Failure::Usage(refusal));
    }
    let build = plain_build(&args)?;
    let interrupts = listen()?;
    let results = build::build(&build, &interrupts).await.map_err(|error| failure(&error))?;
    if let Some(path) = &args.metadata_file {
        results.write_metadata(path)?;
    }
    if let Some(path) = &args.iidfile {
        results.write_image_id(path)?;
    }
    if args.quiet
        && let Some(id) = results.image_id()
    {
        let _ = writeln!(std::io::stdout(), "{id}");
    }
    Ok(())
}

fn plain_build(args: &Args) -> Result<PlainBuild, Failure> {
    let context = context(args)?;
    let dockerfile = dockerfile(args, &context);
    let options = ConvertOptions { filename: filename(dockerfile.as_deref()), ..ConvertOptions::default() };
    let understood = || -> Result<PlainBuild, Error> {
        Ok(PlainBuild {
            outputs: outputs(args)?,
            secrets: secrets(&args.secrets, &environment)?,
            ssh_agents: ssh_agents(&args.ssh, &environment)?,
            cache_imports: caches("--cache-from", &args.cache_from)?,
            cache_exports: caches("--cache-to", &args.cache_to)?,
            entitlements: args.allow.clone(),
            progress: if args.quiet { ProgressMode::Quiet } else { args.progress },
            push_via: args.push_via,
            logins: DockerLogins::of(environment),
            daemon: daemon_choice(args)?,
            named_folders: BTreeMap::new(),
            dockerfile,
            context,
            options,
        })
    };
    understood().map_err(|error| failure(&error))
}

/// The context folder.
fn context(args: &Args) -> Result<PathBuf, Failure> {
    let Some(context) = &args.context else {
        let text = "the build context is missing: bob build [OPTIONS] CONTEXT, usually `bob build .`";
        return Err(Failure::Usage(text.to_owned()));
    };
    let text = context.to_string_lossy();
    let is_remote = ["http://", "https://", "git://", "git@", "ssh://", "github.com/"]
        .iter()
        .any(|prefix| text.starts_with(prefix));
    if text == "-" || is_remote {
        let text = format!("the build context {text:?} is not supported yet; give a folder");
        return Err(Failure::Usage(text));
    }
    Ok(context.clone())
}

/// The Dockerfile; `None` for standard input.
fn dockerfile(args: &Args, context: &Path) -> Option<PathBuf> {
    match &args.file {
        Some(file) if file.as_os_str() == "-" => None,
        Some(file) => Some(file.clone()),
        None => Some(context.join("Dockerfile")),
    }
}

/// What the source map calls the Dockerfile.
fn filename(dockerfile: Option<&Path>) -> String {
    let name = dockerfile.and_then(Path::file_name);
    name.map_or_else(|| "Dockerfile".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// The outputs, named and annotated. An image is made without being kept anywhere where only its
/// digests are asked for.
fn outputs(args: &Args) -> Result<Vec<Output>, Error> {
    let annotations = annotations(&args.annotations)?;
    let mut outputs = args.outputs.iter().map(|value| Output::parse(value)).collect::<Result<Vec<_>, _>>()?;
    if args.push {
        let mut images = outputs.iter_mut().filter(|output| output.is_image()).peekable();
        if images.peek().is_some() {
            images.for_each(Output::set_push);
        } else {
            outputs.push(Output::image(true));
        }
    }
    let wants_digests = args.metadata_file.is_some() || args.iidfile.is_some() || args.quiet;
    if outputs.is_empty() && wants_digests {
        outputs.push(Output::image(false));
    }
    for output in &mut outputs {
        output.name_if_unnamed(&args.tags);
        output.annotate(&annotations);
        if output.pushes() && output.names().is_empty() {
            return Err(Error::Usage("an image that is pushed needs a name; give one with --tag".to_owned()));
        }
    }
    Ok(outputs)
}

fn caches(flag: &'static str, values: &[String]) -> Result<Vec<CacheEntry>, Error> {
    Ok(values.iter().map(|value| parse_cache(flag, value)).collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn parse(args: &[&str]) -> Args {
        Cli::try_parse_from([&["bob"], args].concat()).unwrap().args
    }

    fn error(args: &[&str]) -> String {
        let failure = plain_build(&parse(args)).unwrap_err();
        assert_eq!(failure.exit_code(), 2, "{args:?}");
        failure.render()
    }

    #[test]
    fn tags_and_push_name_one_image() {
        let outputs = outputs(&parse(&["-t", "a", "-t", "b:1", "--push", "."])).unwrap();
        assert_eq!(outputs.len(), 1);
        assert!(outputs[0].pushes());
        assert_eq!(outputs[0].names(), ["a", "b:1"]);
    }

    #[test]
    fn push_goes_to_the_image_output_that_is_there() {
        let outputs =
            outputs(&parse(&["-t", "a", "--push", "-o", "type=image,compression=zstd", "-o", "out", "."]));
        let pushed: Vec<bool> = outputs.unwrap().iter().map(Output::pushes).collect();
        assert_eq!(pushed, [true, false]);
    }

    #[test]
    fn without_an_output_nothing_is_exported_unless_digests_are_asked_for() {
        assert!(outputs(&parse(&["-t", "a", "."])).unwrap().is_empty());
        for flag in [&["--iidfile", "f"][..], &["--metadata-file", "f"], &["-q"]] {
            let outputs = outputs(&parse(&[flag, &["."]].concat())).unwrap();
            assert!(outputs[0].is_image() && !outputs[0].pushes());
        }
    }

    #[test]
    fn the_dockerfile_lies_in_the_context_unless_it_is_named() {
        let at = |args: &[&str]| dockerfile(&parse(args), Path::new("ctx"));
        assert_eq!(at(&["ctx"]).unwrap(), Path::new("ctx/Dockerfile"));
        assert_eq!(at(&["-f", "ops/D", "ctx"]).unwrap(), Path::new("ops/D"));
        assert_eq!(at(&["-f", "-", "ctx"]), None);
        assert_eq!(filename(Some(Path::new("ops/D"))), "D");
    }

    #[test]
    fn wrong_usage_is_named() {
        assert_eq!(
            error(&["-t", "x"]),
            "error: the build context is missing: bob build [OPTIONS] CONTEXT, usually `bob build .`"
        );
        assert_eq!(error(&["-"]), "error: the build context \"-\" is not supported yet; give a folder");
        assert_eq!(
            error(&["--push", "."]),
            "error: an image that is pushed needs a name; give one with --tag"
        );
        assert!(error(&["--addr", "nonsense", "."]).contains("has no scheme"));
        assert!(error(&["-o", "type=zip", "."]).contains("there is no type \"zip\""));
    }
}
