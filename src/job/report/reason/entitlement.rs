//! A right that a step needs and that the build or buildkitd does not give it.

use super::{Evidence, Reason};

/// The rights that a build has to be given by name, without devices.
/// (BuildKit: `Entitlement` in util/entitlements)
const RIGHTS: [&str; 2] = ["security.insecure", "network.host"];

pub(super) fn find(evidence: &Evidence<'_>) -> Option<Reason> {
    if evidence.exit_code.is_some() || !evidence.cause.contains(" is not allowed") {
        return None;
    }
    let right = RIGHTS.into_iter().find(|right| evidence.cause.contains(right))?;
    let at_daemon = format!(
        "buildkitd permits it when it is started with --allow-insecure-entitlement {right}, or with insecure-entitlements in buildkitd.toml"
    );
    Some(if evidence.cause.contains("build daemon configuration") {
        Reason::new(format!("buildkitd does not permit {right}")).advice(at_daemon)
    } else {
        Reason::new(format!("a step needs the right {right}, which this build was not given"))
            .advice(format!("give it with --allow {right}; {at_daemon}"))
    })
}
