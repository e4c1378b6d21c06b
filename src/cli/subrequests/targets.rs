//! `--call targets`: the stages of a Dockerfile (`frontend/subrequests/targets` in BuildKit).

use serde::Serialize;

use super::Answer;
use super::json::{self, Location};
use super::table::table;
use crate::cli::Failure;
use crate::converter::dockerfile::Stage;
use crate::diag::Source;

#[derive(Serialize)]
struct List<'a> {
    targets: Vec<Target<'a>>,
    sources: [String; 1],
}

#[derive(Serialize)]
struct Target<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    default: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    base: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    platform: &'a str,
    location: Location,
}

/// The answer for the stages that were read from `source`.
pub(super) fn answer(stages: &[Stage], source: &Source) -> Result<Answer, Failure> {
    let last = stages.len().saturating_sub(1);
    let targets = stages.iter().enumerate().map(|(index, stage)| Target {
        name: &stage.name,
        default: index == last,
        description: &stage.description,
        base: &stage.base_name,
        platform: &stage.platform,
        location: Location::of([stage.head.span]),
    });
    let json = json::to_bytes(&List { targets: targets.collect(), sources: [json::data(source)] })?;
    let names = stages.iter().enumerate().map(|(index, stage)| shown(&stage.name, index == last));
    let names: Vec<String> = names.collect();
    let mut rows = vec![["TARGET", "BASE", "DESCRIPTION"]];
    rows.extend(
        names
            .iter()
            .zip(stages)
            .map(|(name, stage)| [name.as_str(), stage.base_name.as_str(), stage.description.as_str()]),
    );
    Ok(Answer::new(json, table(&rows)))
}

/// A name as people see it; a stage without one can be built only if it is the last.
fn shown(name: &str, is_default: bool) -> String {
    match (name, is_default) {
        ("", true) => "(default)".to_owned(),
        (name, true) => format!("{name} (default)"),
        (name, false) => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::converter::dockerfile;

    fn answer_for(text: &str) -> Answer {
        let source = Source::new("Dockerfile", text);
        let dockerfile = dockerfile::parse(&source, &mut Vec::new()).unwrap();
        answer(&dockerfile.stages, &source).unwrap()
    }

    #[test]
    fn stages_are_listed_with_what_is_said_of_them() {
        let text = "# build makes it\nFROM --platform=$BUILDPLATFORM alpine AS build\n\nFROM build\n";
        let answer = answer_for(text);
        assert_eq!(
            answer.text,
            "TARGET      BASE     DESCRIPTION\nbuild       alpine   makes it\n(default)   build\n"
        );
        let json: serde_json::Value = serde_json::from_slice(&answer.json).unwrap();
        let at =
            |line: u32| serde_json::json!({"ranges": [{"start": {"line": line}, "end": {"line": line}}]});
        assert_eq!(
            json["targets"],
            serde_json::json!([
                {"name": "build", "description": "makes it", "base": "alpine", "platform": "$BUILDPLATFORM",
                    "location": at(2)},
                {"default": true, "base": "build", "location": at(4)},
            ])
        );
        assert_eq!(json["sources"], serde_json::json!([json::data(&Source::new("", text))]));
        assert_eq!(answer.status, 0);
    }

    #[test]
    fn a_named_last_stage_is_the_default() {
        assert!(answer_for("FROM scratch AS a\n").text.contains("a (default)   scratch\n"));
    }
}
