//! A process that was killed because there was no memory left, or that got none.

use super::{Evidence, Reason};

const ADVICE: &str = "give the build more memory (the machine of buildkitd, or --resource memory=…), or have the command use less: fewer parallel jobs, a smaller heap";

const AT_LIMIT: &str =
    "raise the limit or leave it out, or have the command use less: fewer parallel jobs, a smaller heap";
/// How far from the end of a log a killed process still is why the step ended.
const NEAR_END: usize = 10;

pub(super) fn find(evidence: &Evidence<'_>) -> Option<Reason> {
    const WORDS: [&str; 9] = [
        "out of memory",
        "cannot allocate memory",
        "can't allocate",
        "std::bad_alloc",
        "memoryerror",
        "outofmemoryerror",
        "memory exhausted",
        "killed signal terminated program",
        "signal: 9, sigkill",
    ];
    if evidence.cause.ends_with("cannot allocate memory") {
        return Some(
            Reason::new("out of memory: the step used more than it may, and was killed").advice(ADVICE),
        );
    }
    let words = evidence.saying(&WORDS);
    if evidence.ended_with(&[137]) {
        let (why, advice) = likely_cause(evidence);
        let what = format!("killed by SIGKILL, most likely because {why}");
        let words = words
            .or_else(|| evidence.lines().iter().copied().rev().find(|line| line.trim().ends_with("Killed")));
        let reason = Reason::new(what).advice(advice);
        return Some(match words {
            Some(words) => reason.words(words),
            None => reason,
        });
    }
    if let Some(words) = words {
        return Some(Reason::new("out of memory").words(words).advice(ADVICE));
    }
    let killed = killed_process(evidence)?;
    let (why, advice) = likely_cause(evidence);
    let what = format!("a process of the step was killed (SIGKILL), most likely because {why}");
    Some(Reason::new(what).words(killed).advice(advice))
}

/// Why the kernel most likely killed a process, and what to do.
fn likely_cause(evidence: &Evidence<'_>) -> (String, &'static str) {
    match evidence.memory_limit {
        Some(limit) => {
            let size = match limit {
                limit if limit % (1 << 20) == 0 => format!("{} MiB", limit >> 20),
                limit => format!("{limit} bytes"),
            };
            (format!("it needed more than the {size} that --resource memory gives a step"), AT_LIMIT)
        }
        None => ("there was not enough memory".to_owned(), ADVICE),
    }
}

/// The line in which a shell tells, near the end of a log, that one of its processes was killed.
fn killed_process<'a>(evidence: &Evidence<'a>) -> Option<&'a str> {
    evidence.exit_code?;
    evidence.lines().iter().copied().rev().take(NEAR_END).find(|line| {
        // bash tells its name, the line and the process before, and the command behind.
        line.trim() == "Killed" || (line.contains(": line ") && line.contains(" Killed "))
    })
}
