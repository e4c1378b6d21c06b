//! A disk without room.

use super::{Evidence, Reason};

/// What Rust says of an error of the system: so speaks this program, while it takes a result or a cache, and not buildkitd.
const OWN_ERROR: &str = "(os error ";

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
    } else if evidence.cause.contains(OWN_ERROR) {
        "this is the disk of this machine, on which the result or the cache is written: free some of it, or name a place on another disk"
    } else {
        "this is the disk of buildkitd's machine: free it with bob prune, or give buildkitd a larger one"
    };
    if words.contains("/dev/shm") && evidence.exit_code.is_some() {
        let advice = "it has 64 MiB unless the build says otherwise: --shm-size 1g, or have the program write elsewhere";
        return Some(Reason::new("/dev/shm is full").words(words).advice(advice));
    }
    Some(Reason::new("the disk is full").words(words).advice(advice))
}
