//! A command that took longer than it may.

use super::{Evidence, Reason};

pub(super) fn find(evidence: &Evidence<'_>) -> Option<Reason> {
    if evidence.ended_with(&[124]) {
        let advice = "the command's own limit ended it (timeout gives exit code 124): see why it takes so long, or give it more time";
        return Some(Reason::new("most likely the command took longer than its time limit").advice(advice));
    }
    if evidence.ended_with(&[143]) {
        let advice = "something asked the process to end: a time limit in the command, a supervisor, or a shutdown of buildkitd's machine";
        let reason = Reason::new("ended by SIGTERM").advice(advice);
        return Some(match evidence.saying(&["terminated", "timed out", "timeout"]) {
            Some(words) => reason.words(words),
            None => reason,
        });
    }
    None
}
