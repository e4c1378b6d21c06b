//! The frontend that a Dockerfile asks for: `# syntax=IMAGE`, or the build argument `BUILDKIT_SYNTAX` in its place.
//!
//! BuildKit runs that image to read the Dockerfile. Bob runs none: it speaks the language of `docker/dockerfile` itself,
//! and refuses a Dockerfile that is written for something else.

use std::collections::BTreeMap;

use super::directives::detect_syntax;
use crate::diag::{Diagnostic, Source};
use crate::image::Reference;

/// The build argument that goes before what the Dockerfile says.
const ARGUMENT: &str = "BUILDKIT_SYNTAX";
/// The frontend that is part of buildkitd.
const BUILT_IN: &str = "dockerfile.v0";
/// The repositories of Docker's own frontend, at whatever registry they are mirrored.
const REPOSITORIES: [&str; 2] = ["docker/dockerfile", "docker/dockerfile-upstream"];

/// The edition of the Dockerfile language that a Dockerfile is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edition {
    /// What every release of `docker/dockerfile` knows.
    Stable,
    /// What its releases for experiments (`labs`) know besides.
    Labs,
}

impl Edition {
    /// Returns the edition that `source` asks for with these build arguments.
    ///
    /// # Errors
    /// A message about a frontend that Bob cannot stand in for.
    ///
    /// Source: `Build` in `frontend/dockerfile/builder/build.go` of BuildKit.
    pub fn of(source: &Source, build_args: &BTreeMap<String, String>) -> Result<Self, Box<Diagnostic>> {
        if let Some(value) = build_args.get(ARGUMENT) {
            let image = value.trim().split(' ').next().unwrap_or_default();
            return of_image(image).ok_or_else(|| Box::new(foreign_argument(image)));
        }
        let Some(directive) = detect_syntax(source.bytes()) else { return Ok(Self::Stable) };
        let image = directive.first_word();
        of_image(image).ok_or_else(|| Box::new(foreign_line(image).at(source, [directive.span])))
    }
}

fn of_image(image: &str) -> Option<Edition> {
    if image == BUILT_IN {
        return Some(Edition::Stable);
    }
    let reference = Reference::parse(image).ok()?;
    let path = reference.path();
    let is_own =
        |own: &str| path.strip_suffix(own).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'));
    REPOSITORIES.iter().find(|own| is_own(own))?;
    let is_labs = reference.tag().is_some_and(|tag| tag == "labs" || tag.ends_with("-labs"));
    Some(if is_labs { Edition::Labs } else { Edition::Stable })
}

fn foreign_line(image: &str) -> Diagnostic {
    let message = format!(
        "the Dockerfile asks for the frontend {image:?}, and bob runs none: it speaks the language of docker/dockerfile itself"
    );
    Diagnostic::error(message).with_help(
        "if the file is an ordinary Dockerfile, remove the line; else build it with docker buildx build",
    )
}

fn foreign_argument(image: &str) -> Diagnostic {
    if image.is_empty() {
        let message = format!("the build argument {ARGUMENT} is empty: it names a frontend");
        return Diagnostic::error(message).with_help("leave it out");
    }
    let message = format!(
        "the build argument {ARGUMENT} asks for the frontend {image:?}, and bob runs none: it speaks the language of docker/dockerfile itself"
    );
    Diagnostic::error(message)
        .with_help("if the file is an ordinary Dockerfile, leave the argument out; else build it with docker buildx build")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edition(text: &str, argument: Option<&str>) -> Result<Edition, String> {
        let argument = argument.map(|value| (ARGUMENT.to_owned(), value.to_owned()));
        let source = Source::new("Dockerfile", text);
        Edition::of(&source, &argument.into_iter().collect()).map_err(|error| error.render())
    }

    #[test]
    fn dockers_own_frontend_is_what_bob_speaks() {
        for image in [
            "docker/dockerfile",
            "docker/dockerfile:1.7",
            "docker.io/docker/dockerfile:1@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "docker/dockerfile-upstream:master",
            "mirror.example:5000/hub/docker/dockerfile:1",
            "dockerfile.v0",
        ] {
            let text = format!("# syntax={image} and more\nFROM x\n");
            assert_eq!(edition(&text, None), Ok(Edition::Stable), "{image}");
            assert_eq!(edition("# syntax=foo\nFROM x\n", Some(image)), Ok(Edition::Stable), "{image}");
        }
        assert_eq!(edition("FROM x\n", None), Ok(Edition::Stable));
        for tag in ["labs", "1-labs", "master-labs"] {
            let text = format!("#!/usr/bin/env x\n# syntax = docker/dockerfile:{tag}\n");
            assert_eq!(edition(&text, None), Ok(Edition::Labs), "{tag}");
        }
    }

    #[test]
    fn another_frontend_is_refused_with_its_line() {
        for (text, image, line) in [
            ("#syntax=foobar\nfrom alpine", "foobar", 1),
            (
                "# check=skip=all\n# syntax=registry/docker/dockerfile2:1\n",
                "registry/docker/dockerfile2:1",
                2,
            ),
            ("// syntax=x/buildpack\n{}", "x/buildpack", 1),
            ("# syntax=notdocker/dockerfile\n", "notdocker/dockerfile", 1),
        ] {
            let error = edition(text, None).unwrap_err();
            assert!(error.starts_with("error: the Dockerfile asks for the frontend "), "{error}");
            assert!(error.contains(&format!("{image:?}")), "{error}");
            assert!(error.contains(&format!("--> Dockerfile:{line}\n")), "{error}");
        }
    }

    #[test]
    fn another_frontend_by_argument_is_refused() {
        let error = edition("FROM x\n", Some("example.test/other:1 --x")).unwrap_err();
        assert!(error.contains("BUILDKIT_SYNTAX asks for the frontend \"example.test/other:1\""), "{error}");
        for empty in ["", " "] {
            let error = edition("FROM x\n", Some(empty)).unwrap_err();
            assert!(error.contains("BUILDKIT_SYNTAX is empty"), "{error}");
        }
    }
}
