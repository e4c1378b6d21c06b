//! `--call subrequests.describe`: what can be asked.

use serde::Serialize;

use super::table::table;
use super::{Answer, VERSION, json};
use crate::cli::Failure;

/// `subrequests.Request` in BuildKit.
#[derive(Serialize)]
struct Subrequest {
    name: &'static str,
    version: &'static str,
    r#type: &'static str,
    description: &'static str,
    opts: &'static [Named],
    inputs: &'static [Named],
    metadata: &'static [Named],
    refs: &'static [Named],
}

#[derive(Serialize)]
struct Named {
    name: &'static str,
    description: &'static str,
}

const TARGET: &[Named] = &[Named { name: "target", description: "the stage; the last one without it" }];
const RESULTS: &[Named] = &[named("result.json"), named("result.txt")];
const RESULTS_WITH_STATUS: &[Named] =
    &[named("result.json"), named("result.txt"), named("result.statuscode")];

const SUBREQUESTS: [Subrequest; 4] = [
    subrequest(
        "frontend.outline",
        "What a target can be given: arguments, secrets, SSH agents",
        TARGET,
        RESULTS,
    ),
    subrequest("frontend.targets", "The targets of the Dockerfile", &[], RESULTS),
    subrequest("frontend.lint", "What the build checks find", TARGET, RESULTS_WITH_STATUS),
    subrequest("frontend.subrequests.describe", "What can be asked", &[], RESULTS),
];

const fn named(name: &'static str) -> Named {
    Named { name, description: "" }
}

const fn subrequest(
    name: &'static str,
    description: &'static str,
    opts: &'static [Named],
    metadata: &'static [Named],
) -> Subrequest {
    Subrequest { name, version: VERSION, r#type: "rpc", description, opts, inputs: &[], metadata, refs: &[] }
}

pub(super) fn answer() -> Result<Answer, Failure> {
    let mut rows = vec![["NAME", "VERSION", "DESCRIPTION"]];
    rows.extend(SUBREQUESTS.iter().map(|request| {
        let name = request.name.strip_prefix("frontend.").unwrap_or(request.name);
        [name, request.version, request.description]
    }));
    Ok(Answer::new(json::to_bytes(&SUBREQUESTS)?, table(&rows)))
}
