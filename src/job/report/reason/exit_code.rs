//! A process that ended with an exit code, or by a signal, of which no more is known than that and its last words.

use super::evidence::is_trace;
use super::{Evidence, Reason};
use crate::diag::tells_of_fault;

/// What a shell adds to the number of a signal that ended a process.
const SIGNAL: u32 = 128;

pub(super) fn find(evidence: &Evidence<'_>) -> Option<Reason> {
    let code = evidence.exit_code?;
    let reason = match signal(code) {
        Some((name, meaning, advice)) => Reason::new(format!("ended by {name} ({meaning})")).advice(advice),
        None => Reason::new("RUN failed"),
    };
    Some(match evidence.telling_words() {
        Some(words) if reason.advice.is_none() && !tells_of_fault(&words) && !has_place(&words) => {
            let reason = reason.words(&words);
            match evidence.log.iter().any(|line| is_trace(line)) {
                true => reason,
                false => reason.advice(
                    "where these words do not say why: set -x as the first command shows which command fails",
                ),
            }
        }
        Some(words) => reason.words(&words),
        None if reason.advice.is_none() => {
            reason.advice("the command logged nothing; set -x as its first command shows what it runs")
        }
        None => reason,
    })
}

/// Whether words begin with a place in a source: `./main.go:5:2: undefined: foo`.
fn has_place(words: &str) -> bool {
    let number = |part: Option<&str>| part.is_some_and(|part| part.parse::<u32>().is_ok());
    let mut parts = words.split(':').skip(1);
    number(parts.next()) && parts.next().is_some()
}

fn signal(code: u32) -> Option<(&'static str, &'static str, &'static str)> {
    Some(match code.checked_sub(SIGNAL)? {
        1 => (
            "SIGHUP",
            "its terminal ended",
            "a program that wants a terminal has none in a build: look for its option for scripts",
        ),
        2 => ("SIGINT", "interrupted", "something interrupted the process; try again"),
        3 => ("SIGQUIT", "asked to end with a core dump", "something asked the process to end; try again"),
        4 => (
            "SIGILL",
            "an instruction that the processor does not know",
            "the program was built for a newer processor, or the emulator of a foreign platform does not know the instruction: use a build for an older one",
        ),
        5 => ("SIGTRAP", "a trap of the program", "the program ended itself at a fault of its own"),
        6 => (
            "SIGABRT",
            "it gave up",
            "the program found a fault of its own; its last words, below, say which",
        ),
        7 => (
            "SIGBUS",
            "memory that is not there",
            "often /dev/shm or a disk that is full: try --shm-size, bob prune",
        ),
        8 => ("SIGFPE", "a division by zero", "the program has a fault"),
        11 => (
            "SIGSEGV",
            "a memory fault",
            "the program has a fault (an endless recursion, say), or runs under an emulator that has; an older or newer version of it may not",
        ),
        13 => (
            "SIGPIPE",
            "nobody read its output",
            "a later command of the pipe ended first, which set -o pipefail makes a failure",
        ),
        24 => ("SIGXCPU", "it used up its CPU time", "raise the limit (--ulimit cpu=…)"),
        25 => ("SIGXFSZ", "its file grew too large", "raise the limit (--ulimit fsize=…)"),
        31 => (
            "SIGSYS",
            "a forbidden system call",
            "seccomp forbids the call: RUN --security=insecure permits it where buildkitd does",
        ),
        _ => return None,
    })
}
