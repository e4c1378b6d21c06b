//! A file that may not be read or written.

use super::{Evidence, Reason};

pub(super) fn find(evidence: &Evidence<'_>) -> Option<Reason> {
    let words = evidence.ending_with(&[
        "permission denied",
        "operation not permitted",
        "read-only file system",
        "eacces:",
    ])?;
    let lower = words.to_lowercase();
    let is_of_kernel = ["sysctl", "/proc/", "/sys/"].iter().any(|word| lower.contains(word));
    let (what, advice) = if lower.contains("read-only file system") && is_of_kernel {
        (
            "the step may not change settings of the kernel",
            "/proc and /sys are read-only in a step, and an image holds none of their settings: set them on the machine, or when the image runs",
        )
    } else if lower.contains("read-only file system") {
        (
            "the file system is read-only",
            "bind mounts of RUN are read-only unless they have rw, and what is written to one is lost: write elsewhere",
        )
    } else if lower.contains("operation not permitted") || lower.starts_with("mount: ") {
        (
            "the step may not do this",
            "a step has few of root's rights: what needs more needs RUN --security=insecure (--allow security.insecure, and a buildkitd that permits it); changing owners of files in a mount may be refused too",
        )
    } else {
        (
            "permission denied",
            "look which USER the step runs as and who owns the file: COPY --chown=USER, or USER root before this step and back after it; Debian's and Ubuntu's package managers need root",
        )
    };
    Some(Reason::new(what).words(words).advice(advice))
}
