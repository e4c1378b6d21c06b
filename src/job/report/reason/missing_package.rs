//! A package that a package manager does not find.

use super::{Evidence, Reason};

/// What stands before the package's name, and after it.
const FORMS: [(&str, &str); 15] = [
    ("E: Unable to locate package ", ""),
    ("E: Package '", "' has no installation candidate"),
    ("E: Version '", "' was not found"),
    ("E: Couldn't find any package by glob '", "'"),
    ("No match for argument: ", ""),
    ("No package ", " available"),
    ("No matching distribution found for ", ""),
    ("error: target not found: ", ""),
    ("no matching package named `", "`"),
    ("no matching package found: ", ""),
    ("npm error 404  '", "'"),
    ("Could not find gem '", "'"),
    ("PackagesNotFoundError: ", ""),
    ("Could not find artifact ", " "),
    ("No provider of '", "'"),
];

pub(super) fn find(evidence: &Evidence<'_>) -> Option<Reason> {
    let found = evidence.lines().iter().copied().find_map(|line| {
        if let Some(name) = line.trim().strip_suffix(" (no such package):") {
            return Some((line, name));
        }
        let (name, end) =
            FORMS.iter().find_map(|(before, end)| line.split_once(before).map(|(_, name)| (name, *end)))?;
        let name = if end.is_empty() { name } else { name.split(end).next()? };
        Some((line, name.trim()))
    });
    let (line, package) = found?;
    let advice = "check its spelling and that this release of the distribution has it; bring the package lists up to date in the same RUN (apt-get update && apt-get install …); a look-up that failed before it, in the log below, may be why";
    Some(
        Reason::new(format!("there is no package {package}")).words(line).advice(advice).about(Some(package)),
    )
}
