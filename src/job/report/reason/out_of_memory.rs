//! A process that was killed because there was no memory left, or that got none.

use super::{Evidence, Reason};

const ADVICE: &str = "give the build more memory (the machine of buildkitd, or --resource memory=…), or have the command use less: fewer parallel jobs, a smaller heap";

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
        let what = "killed by SIGKILL, most likely because there was not enough memory";
        let words = words.or_else(|| evidence.lines().rev().find(|line| line.trim().ends_with("Killed")));
        let reason = Reason::new(what).advice(ADVICE);
        return Some(match words {
            Some(words) => reason.words(words),
            None => reason,
        });
    }
    Some(Reason::new("out of memory").words(words?).advice(ADVICE))
}
