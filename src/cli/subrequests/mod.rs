//! Questions about a Dockerfile, which `bob check` and `bob build --call` answer in place of a build: BuildKit's
//! subrequests.

mod check;
mod describe;
mod json;
mod outline;
mod table;
mod targets;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use super::Failure;
use super::report::{listen, print_words};
use super::values::call::{Call, Format, Method};
use crate::job::{self, Place, ProgressMode, Request, Results, for_log};

/// The version of every answer (`frontend/subrequests`).
const VERSION: &str = "1.0.0";

/// An answer in both of its forms.
struct Answer {
    /// As BuildKit's frontend answers.
    json: Vec<u8>,
    /// For people.
    text: String,
    /// The exit status that it asks for.
    status: u8,
    /// Why the Dockerfile cannot be built, or how much the checks found: one report on standard error.
    error: Option<String>,
    /// Whether that error is the Dockerfile's, which no `ignorestatus` hides.
    is_rejected: bool,
    /// The lines that the error is about.
    place: Option<Place>,
    /// Lines for the log of the workflow that this is a step of.
    annotations: String,
}

impl Answer {
    /// The answer that nothing is wrong with.
    fn new(json: Vec<u8>, text: String) -> Self {
        Self {
            json,
            text,
            status: 0,
            error: None,
            is_rejected: false,
            place: None,
            annotations: String::new(),
        }
    }
}

/// Answers what `call` asks of the Dockerfile of `request` on standard output, and in the file `metadata_file`.
///
/// # Errors
/// A rejected Dockerfile, findings of the build checks, and whatever keeps the question from being answered.
pub(super) async fn answer(
    mut request: Request,
    call: &Call,
    progress: ProgressMode,
    metadata_file: Option<&Path>,
) -> Result<(), Failure> {
    let answer = match call.method {
        Method::Describe | Method::Build => describe::answer()?,
        Method::Targets => {
            let parsed = job::parse(&request, progress, &listen()?).await?;
            targets::answer(&parsed.dockerfile().stages, parsed.source())?
        }
        Method::Check => {
            // Without a target every stage is checked, as BuildKit does it.
            let options = &mut request.dockerfile.options;
            options.all_stages = options.target.is_empty();
            check::answer(inspect(&request, progress).await?)?
        }
        Method::Outline => {
            request.dockerfile.options.outline = true;
            outline::answer(inspect(&request, progress).await?)?
        }
    };
    if let Some(path) = metadata_file {
        write_metadata(&answer, call.method, path)?;
    }
    match call.format {
        Format::Json => print_words(&answer.json)?,
        Format::Text => print_words(for_log(&answer.text).as_bytes())?,
    }
    let _ = std::io::stderr().lock().write_all(answer.annotations.as_bytes());
    match answer.error {
        Some(error) if answer.is_rejected || !call.ignore_status => {
            Err(Failure::of_report(&error, answer.place))
        }
        _ => Ok(()),
    }
}

async fn inspect(request: &Request, progress: ProgressMode) -> Result<job::Inspection, Failure> {
    let inspection = job::inspect(request, progress, &listen()?).await?;
    if inspection.lacks_images {
        tracing::warn!(
            "no buildkitd runs to look base images up: they count as images that set nothing; name one with --addr"
        );
    }
    Ok(inspection)
}

/// Writes the answer as buildx does: the build checks alone have an exit status.
fn write_metadata(answer: &Answer, method: Method, path: &Path) -> Result<(), Failure> {
    let mut response = BTreeMap::from([
        ("result.json".to_owned(), String::from_utf8_lossy(&answer.json).into_owned()),
        ("result.txt".to_owned(), answer.text.clone()),
        ("version".to_owned(), VERSION.to_owned()),
    ]);
    if method == Method::Check {
        response.insert("result.statuscode".to_owned(), answer.status.to_string());
    }
    Ok(Results::of_answer(response).write_metadata(path)?)
}
