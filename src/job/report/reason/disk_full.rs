//! A disk without room.

use super::{Evidence, Reason};

pub(super) fn find(evidence: &Evidence<'_>) -> Option<Reason> {
    let words = evidence.saying(&[
        "no space left on device",
        "enospc",
        "disk quota exceeded",
        "not enough free disk space",
        "not enough free space",
        "don't have enough free space",
    ])?;
    let advice = if evidence.exit_code.is_some() {
        "the step writes to the disk of buildkitd's machine (below its root folder), or to a tmpfs or /dev/shm with a size of its own: free the disk with bob prune, or enlarge the mount (--mount=type=tmpfs,size=…, --shm-size)"
    } else {
        "this is the disk of buildkitd's machine: free it with bob prune, or give buildkitd a larger one"
    };
    Some(Reason::new("the disk is full").words(words).advice(advice))
}
