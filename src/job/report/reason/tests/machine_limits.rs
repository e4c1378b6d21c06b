//! Memory, disks, time and other limits; programs of other machines; signals.

use super::Case;

pub(super) const CASES: &[Case] = &[
    ("cannot allocate memory", Some(137), &[], "out of memory: ", None),
    ("exit code: 137", Some(137), &[], "killed by SIGKILL, most likely", None),
    ("exit code: 1", Some(1), &["tail: out of memory"], "out of memory", None),
    (
        "exit code: 1",
        Some(1),
        &["c++: fatal error: Killed signal terminated program cc1plus", "make: *** [a.o] Error 1"],
        "out of memory",
        None,
    ),
    (
        "exit code: 134",
        Some(134),
        &[
            "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
            "Aborted (core dumped)",
        ],
        "out of memory",
        None,
    ),
    ("exit code: 1", Some(1), &["cat: write error: No space left on device"], "the disk is full", None),
    ("failed to copy: write /var/lib/x: no space left on device", None, &[], "the disk is full", None),
    (
        "exit code: 1",
        Some(1),
        &["E: You don't have enough free space in /var/cache/apt/archives/."],
        "the disk is full",
        None,
    ),
    ("exit code: 1", Some(1), &["npm error code ENOSPC"], "the disk is full", None),
    ("exit code: 1", Some(1), &["exec /arm: exec format error"], "wrong architecture", Some("/arm")),
    (
        "exit code: 2",
        Some(2),
        &[
            "/arm: line 1: ELF\u{fffd}\u{fffd}@@p8@8: not found",
            "/arm: line 2: syntax error: unexpected \"(\"",
        ],
        "wrong architecture",
        None,
    ),
    ("exit code: 126", Some(126), &["/bin/sh: 1: /arm: Exec format error"], "wrong architecture", None),
    (
        "exit code: 126",
        Some(126),
        &["bash: line 1: /x: cannot execute binary file: Exec format error"],
        "wrong architecture",
        None,
    ),
    (
        "exit code: 124",
        Some(124),
        &["begun"],
        "most likely the command took longer than its time limit",
        None,
    ),
    ("exit code: 143", Some(143), &["Terminated"], "ended by SIGTERM", None),
    ("exit code: 139", Some(139), &["Segmentation fault"], "ended by SIGSEGV", None),
    (
        "exit code: 1",
        Some(1),
        &["Error: EMFILE: too many open files, open '/x'"],
        "the step has too many open files",
        None,
    ),
    (
        "exit code: 2",
        Some(2),
        &["/bin/sh: can't fork: Resource temporarily unavailable"],
        "the step cannot start further processes",
        None,
    ),
    (
        "exit code: 255",
        Some(255),
        &["exec /bin/sh: argument list too long"],
        "a command is longer than the kernel takes",
        None,
    ),
    (
        "exit code: 1",
        Some(1),
        &[
            "rm: can't remove '/var/cache/apt': Resource busy",
            "rm: cannot remove '/c': Device or resource busy",
        ],
        "a file or folder is in use",
        None,
    ),
    (
        "exit code: 3",
        Some(3),
        &["begin", "Killed", "after 137"],
        "a process of the step was killed (SIGKILL), most likely because there was not enough memory",
        None,
    ),
    (
        "exit code: 1",
        Some(1),
        &["bash: line 1:     7 Killed                  tail /dev/zero"],
        "a process of the step was killed",
        None,
    ),
];
