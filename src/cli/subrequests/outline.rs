//! `--call outline`: what a target can be given (`frontend/subrequests/outline` in BuildKit).

use serde::Serialize;

use super::Answer;
use super::json::{self, Location};
use super::table::table;
use crate::cli::Failure;
use crate::converter::{Outline, OutlineArg, OutlineMount};
use crate::diag::Source;
use crate::job::{Inspection, Place};

#[derive(Serialize)]
struct Json<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    args: Vec<Arg<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<Mount<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ssh: Vec<Mount<'a>>,
    sources: [String; 1],
}

#[derive(Serialize)]
struct Arg<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    value: &'a str,
    location: Location,
}

#[derive(Serialize)]
struct Mount<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    required: bool,
    location: Location,
}

impl<'a> From<&'a OutlineArg> for Arg<'a> {
    fn from(arg: &'a OutlineArg) -> Self {
        let OutlineArg { name, description, value, span } = arg;
        Self { name, description, value, location: Location::of([*span]) }
    }
}

impl<'a> From<&'a OutlineMount> for Mount<'a> {
    fn from(mount: &'a OutlineMount) -> Self {
        Self { name: &mount.name, required: mount.is_required, location: Location::of([mount.span]) }
    }
}

/// The answer for a Dockerfile that was looked at.
pub(super) fn answer(inspection: Inspection) -> Result<Answer, Failure> {
    let converted = match inspection.conversion {
        Ok(converted) => converted,
        Err(rejected) => {
            let place = rejected.error.location.as_ref().and_then(Place::of);
            return Err(Failure::of_report(&rejected.error.render(), place));
        }
    };
    let outline = converted.builds.into_iter().find_map(|(_, build)| build.lowered.outline);
    of_outline(&outline.unwrap_or_default(), &inspection.source)
}

fn of_outline(outline: &Outline, source: &Source) -> Result<Answer, Failure> {
    let json = Json {
        name: &outline.name,
        description: &outline.description,
        args: outline.args.iter().map(Arg::from).collect(),
        secrets: outline.secrets.iter().map(Mount::from).collect(),
        ssh: outline.agents.iter().map(Mount::from).collect(),
        sources: [json::data(source)],
    };
    Ok(Answer::new(json::to_bytes(&json)?, text(outline)))
}

/// A table for each kind of thing, with an empty line between them.
fn text(outline: &Outline) -> String {
    let name = if outline.name.is_empty() { "(default)" } else { &outline.name };
    let mut parts = vec![table(&[["TARGET", "DESCRIPTION"], [name, &outline.description]])];
    if !outline.args.is_empty() {
        let mut rows = vec![["BUILD ARG", "VALUE", "DESCRIPTION"]];
        rows.extend(
            outline.args.iter().map(|arg| [arg.name.as_str(), arg.value.as_str(), arg.description.as_str()]),
        );
        parts.push(table(&rows));
    }
    for (heading, mounts) in [("SECRET", &outline.secrets), ("SSH", &outline.agents)] {
        if !mounts.is_empty() {
            let mut rows = vec![[heading, "REQUIRED"]];
            rows.extend(mounts.iter().map(|mount| [mount.name.as_str(), yes(mount.is_required)]));
            parts.push(table(&rows));
        }
    }
    parts.join("\n")
}

const fn yes(is_required: bool) -> &'static str {
    if is_required { "yes" } else { "no" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Span;

    #[test]
    fn everything_that_a_target_can_be_given_is_listed() {
        let mount = |name: &str, is_required| OutlineMount {
            name: name.to_owned(),
            is_required,
            span: Span::line(7),
        };
        let arg = |name: &str, value: &str, description: &str| OutlineArg {
            name: name.to_owned(),
            description: description.to_owned(),
            value: value.to_owned(),
            span: Span::new(2, 3),
        };
        let outline = Outline {
            name: "app".to_owned(),
            description: "is the program".to_owned(),
            args: vec![arg("VERSION", "1.2", "of it"), arg("DEBUG", "", "")],
            secrets: vec![mount("token", true)],
            agents: vec![mount("default", false)],
        };
        let answer = of_outline(&outline, &Source::new("Dockerfile", "FROM x")).unwrap();
        assert_eq!(
            answer.text,
            "TARGET   DESCRIPTION\napp      is the program\n\n\
             BUILD ARG   VALUE   DESCRIPTION\nVERSION     1.2     of it\nDEBUG\n\n\
             SECRET   REQUIRED\ntoken    yes\n\nSSH       REQUIRED\ndefault   no\n"
        );
        let json: serde_json::Value = serde_json::from_slice(&answer.json).unwrap();
        let line = |line: u32| serde_json::json!({"start": {"line": line}, "end": {"line": line}});
        assert_eq!(
            json["args"][0],
            serde_json::json!({"name": "VERSION", "description": "of it", "value": "1.2",
                "location": {"ranges": [line(2), line(3)]}})
        );
        assert_eq!(json["secrets"][0]["required"], true);
        assert_eq!(json["ssh"][0], serde_json::json!({"name": "default", "location": {"ranges": [line(7)]}}));
        assert_eq!(json["sources"][0], "RlJPTSB4");
    }

    #[test]
    fn a_target_without_a_name_is_the_default() {
        let answer = of_outline(&Outline::default(), &Source::new("Dockerfile", "")).unwrap();
        assert_eq!(answer.text, "TARGET      DESCRIPTION\n(default)\n");
    }
}
