//! Logs of programs as they write them, with much that is no reason: harmless complaints, warnings, counts of failures.

mod builds;
mod packages;
mod programs;
mod test_runs;

use super::*;

/// What ran, its log, its exit code, how the reason begins, and what the words have that say so.
type Log = (&'static str, &'static str, u32, &'static str, &'static str);

#[test]
fn what_a_program_got_over_is_not_told_as_the_reason() {
    let logs = packages::LOGS.iter().chain(&builds::LOGS).chain(&test_runs::LOGS).chain(&programs::LOGS);
    let wrong: Vec<String> = logs
        .filter_map(|(name, log, code, what, words)| {
            let cause = format!("exit code: {code}");
            let log = log.lines().collect();
            let reason =
                find(&Evidence { cause: &cause, exit_code: Some(*code), log, ..Evidence::default() });
            let is_well = reason.as_ref().is_some_and(|reason| {
                let words = reason.words.as_ref().is_some_and(|found| found.contains(words));
                reason.what.starts_with(what) && words
            });
            (!is_well).then(|| format!("{name}: {reason:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
