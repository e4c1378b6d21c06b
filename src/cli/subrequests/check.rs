//! The build checks, without building (`frontend/subrequests/lint` in BuildKit).

use serde::Serialize;

use super::Answer;
use super::json::{self, Location};
use crate::cli::Failure;
use crate::converter::lint::Warning;
use crate::diag::{Diagnostic, Source};
use crate::job::{Inspection, Place, Workflow};

#[derive(Serialize)]
struct Results<'a> {
    warnings: Vec<Finding<'a>>,
    sources: [SourceFile<'a>; 1],
    #[serde(rename = "buildError", skip_serializing_if = "Option::is_none")]
    error: Option<BuildError<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding<'a> {
    rule_name: &'a str,
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    detail: &'a str,
    location: Location,
}

#[derive(Serialize)]
struct SourceFile<'a> {
    filename: &'a str,
    language: &'static str,
    data: String,
}

#[derive(Serialize)]
struct BuildError<'a> {
    message: &'a str,
    location: Location,
}

/// The answer for a Dockerfile that was looked at.
pub(super) fn answer(inspection: Inspection) -> Result<Answer, Failure> {
    let Inspection { conversion, source, filename, .. } = inspection;
    let (source, filename) = (&source, filename.as_str());
    let (warnings, error) = match conversion {
        Ok(converted) => (converted.builds.into_iter().flat_map(|(_, build)| build.warnings).collect(), None),
        Err(rejected) => (rejected.warnings, Some(rejected.error)),
    };
    let json = json(&warnings, error.as_deref(), source, filename)?;
    let is_rejected = error.is_some();
    let place = error.as_ref().and_then(|error| Place::of(error.location.as_ref()?));
    let workflow = Workflow::of_process();
    let annotations = workflow.map(|workflow| workflow.warnings(&warnings, source)).unwrap_or_default();
    let error = match (error, warnings.len()) {
        (Some(error), _) => Some(error.render()),
        (None, 0) => None,
        (None, 1) => Some("error: one check found something".to_owned()),
        (None, count) => Some(format!("error: the checks found {count} things")),
    };
    let text =
        if error.is_none() { "the checks found nothing\n".to_owned() } else { text(&warnings, source) };
    let status = u8::from(error.is_some());
    Ok(Answer { json, text, status, error, is_rejected, place, annotations })
}

fn text(warnings: &[Warning], source: &Source) -> String {
    warnings.iter().map(|warning| warning.diagnostic(source).render()).collect()
}

fn json(
    warnings: &[Warning],
    error: Option<&Diagnostic>,
    source: &Source,
    filename: &str,
) -> Result<Vec<u8>, Failure> {
    json::to_bytes(&Results {
        warnings: warnings
            .iter()
            .map(|warning| Finding {
                rule_name: warning.rule.name,
                description: warning.rule.summary,
                url: warning.rule.url,
                detail: &warning.message,
                location: Location::of(warning.span),
            })
            .collect(),
        sources: [SourceFile { filename, language: "Dockerfile", data: json::data(source) }],
        error: error.map(|error| BuildError {
            message: &error.message,
            location: Location::of(error.location.iter().flat_map(|place| place.spans.iter().copied())),
        }),
    })
}
