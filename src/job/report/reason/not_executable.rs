//! A program that is there but may not be run.

use super::{Evidence, Reason};

pub(super) fn find(evidence: &Evidence<'_>) -> Option<Reason> {
    let start = evidence.saying(&["unable to start container process: exec: \""]);
    let start = start.filter(|words| words.contains("permission denied"));
    let words = match start {
        Some(words) => words,
        None if evidence.ended_with(&[126]) => {
            evidence.saying(&["permission denied", "is a directory", "cannot execute"])?
        }
        None => return None,
    };
    let program = match start {
        Some(words) => words.split('"').nth(1),
        None => words.split(": ").filter(|part| part.contains('/')).last(),
    };
    let what = match program {
        Some(program) => format!("{program} cannot be executed"),
        None => "a program cannot be executed".to_owned(),
    };
    let advice = "give it the right to be executed (RUN chmod +x FILE, COPY --chmod=755, git update-index --chmod=+x), and see that it is a program and not a folder";
    Some(Reason::new(what).words(words).advice(advice).about(program))
}
