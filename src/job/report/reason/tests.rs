//! Messages and logs of real failures, as buildkitd and the programs wrote them.

use super::*;

/// buildkitd's message without the command, exit code, log → the beginning of what went wrong, what it is about.
type Case = (&'static str, Option<u32>, &'static [&'static str], &'static str, Option<&'static str>);

const CASES: [Case; 102] = [
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
        "exit code: 127",
        Some(127),
        &["/bin/sh: nope: not found"],
        "the image has no program nope",
        Some("nope"),
    ),
    (
        "exit code: 127",
        Some(127),
        &["/bin/sh: 1: nope: not found"],
        "the image has no program nope",
        Some("nope"),
    ),
    (
        "exit code: 127",
        Some(127),
        &["bash: line 3: nope: command not found"],
        "the image has no program nope",
        Some("nope"),
    ),
    (
        "exit code: 127",
        Some(127),
        &["/usr/bin/env: ‘python’: No such file or directory"],
        "the image has no program python",
        Some("python"),
    ),
    ("exit code: 127", Some(127), &["/bin/sh: /s: not found"], "/s cannot be started", Some("/s")),
    ("exit code: 127", Some(127), &[], "most likely a program was not found", None),
    (
        "exit code: 1",
        Some(1),
        &[
            "runc run failed: unable to start container process: exec: \"nope\": executable file not found in $PATH",
        ],
        "the image has no program nope in its PATH",
        Some("nope"),
    ),
    (
        "exit code: 1",
        Some(1),
        &[
            "runc run failed: unable to start container process: exec: \"/bin/sh\": stat /bin/sh: no such file or directory",
        ],
        "the image has no shell /bin/sh",
        None,
    ),
    ("exit code: 126", Some(126), &["/bin/sh: /x: Permission denied"], "/x cannot be executed", Some("/x")),
    (
        "exit code: 1",
        Some(1),
        &["runc run failed: unable to start container process: exec: \"/x\": permission denied"],
        "/x cannot be executed",
        Some("/x"),
    ),
    (
        "exit code: 124",
        Some(124),
        &["begun"],
        "most likely the command took longer than its time limit",
        None,
    ),
    ("exit code: 143", Some(143), &["Terminated"], "ended by SIGTERM", None),
    (
        "exit code: 1",
        Some(1),
        &["wget: bad address 'x.invalid'"],
        "the name of the host x.invalid could not be looked up (DNS)",
        Some("x.invalid"),
    ),
    (
        "exit code: 6",
        Some(6),
        &["curl: (6) Could not resolve host: x.invalid"],
        "the name of the host x.invalid",
        Some("x.invalid"),
    ),
    (
        "exit code: 100",
        Some(100),
        &[
            "Err:1 http://deb.x.invalid/debian bookworm InRelease",
            "  Temporary failure resolving 'deb.x.invalid'",
            "E: Unable to locate package jq",
        ],
        "the name of the host deb.x.invalid",
        Some("deb.x.invalid"),
    ),
    (
        "exit code: 128",
        Some(128),
        &["fatal: unable to access 'https://x.invalid/': Could not resolve host: x.invalid"],
        "the name of the host x.invalid",
        Some("x.invalid"),
    ),
    (
        "exit code: 1",
        Some(1),
        &[
            "npm error errno ENOTFOUND",
            "npm error request to https://x.invalid/a failed, reason: getaddrinfo ENOTFOUND x.invalid",
        ],
        "the name of the host x.invalid",
        Some("x.invalid"),
    ),
    (
        "failed to load cache key: Get \"http://x.invalid/a\": dial tcp: lookup x.invalid on 10.0.0.53:53: no such host",
        None,
        &[],
        "the name of the host x.invalid",
        Some("x.invalid"),
    ),
    (
        "exit code: 1",
        Some(1),
        &["wget: can't connect to remote host (127.0.0.1): Connection refused"],
        "network: nothing listens",
        None,
    ),
    (
        "exit code: 28",
        Some(28),
        &["curl: (28) Operation timed out after 5001 milliseconds with 0 bytes received"],
        "network: the other side does not answer",
        None,
    ),
    (
        "failed to load cache key: Get \"http://127.0.0.1:1/a\": dial tcp 127.0.0.1:1: connect: connection refused",
        None,
        &[],
        "network: nothing listens",
        None,
    ),
    (
        "exit code: 60",
        Some(60),
        &["curl: (60) SSL certificate problem: unable to get local issuer certificate"],
        "a TLS certificate is not trusted",
        None,
    ),
    (
        "failed to load cache key: invalid response status 401",
        None,
        &[],
        "a server refused: 401 Unauthorized",
        None,
    ),
    (
        "failed to load cache key: invalid response status 403",
        None,
        &[],
        "a server refused: 403 Forbidden",
        None,
    ),
    (
        "failed to load cache key: invalid response status 404",
        None,
        &[],
        "a server refused: 404 Not Found",
        None,
    ),
    (
        "failed to load cache key: invalid response status 429",
        None,
        &[],
        "a server refused: 429 Too Many Requests",
        None,
    ),
    (
        "failed to load cache key: invalid response status 503",
        None,
        &[],
        "a server refused: 503 server error",
        None,
    ),
    (
        "exit code: 22",
        Some(22),
        &["curl: (22) The requested URL returned error: 404"],
        "a server refused: 404 Not Found",
        None,
    ),
    (
        "exit code: 1",
        Some(1),
        &["wget: server returned error: HTTP/1.0 403 Forbidden"],
        "a server refused: 403 Forbidden",
        None,
    ),
    (
        "exit code: 100",
        Some(100),
        &[
            "E: Failed to fetch http://deb.example/pool/j/jq_1.6-2_amd64.deb  404  Not Found [IP: 10.0.0.1 80]",
        ],
        "a server refused: 404 Not Found",
        Some("jq_1.6-2_amd64.deb"),
    ),
    (
        "exit code: 1",
        Some(1),
        &["npm error code E404", "npm error 404 Not Found - GET https://npm.example/nope - Not found"],
        "a server refused: 404 Not Found",
        Some("nope"),
    ),
    ("digest mismatch sha256:5891: sha256:0000", None, &[], "a checksum does not match", None),
    (
        "exit code: 1",
        Some(1),
        &["md5sum: WARNING: 1 of 1 computed checksums did NOT match", "/bin/sh: FAILED"],
        "a checksum does not match",
        None,
    ),
    (
        "exit code: 100",
        Some(100),
        &["E: Failed to fetch x  Hash Sum mismatch"],
        "a checksum does not match",
        None,
    ),
    (
        "exit code: 100",
        Some(100),
        &["Reading package lists...", "E: Unable to locate package nope"],
        "there is no package nope",
        Some("nope"),
    ),
    (
        "exit code: 1",
        Some(1),
        &["ERROR: unable to select packages:", "  nope (no such package):", "    required by: world[nope]"],
        "there is no package nope",
        Some("nope"),
    ),
    (
        "exit code: 1",
        Some(1),
        &[
            "ERROR: Could not find a version that satisfies the requirement nope",
            "ERROR: No matching distribution found for nope",
        ],
        "there is no package nope",
        Some("nope"),
    ),
    (
        "exit code: 2",
        Some(2),
        &["/bin/sh: syntax error: unexpected \"then\""],
        "syntax error in a script",
        None,
    ),
    (
        "exit code: 2",
        Some(2),
        &["/bin/sh: 1: Syntax error: Unterminated quoted string"],
        "syntax error in a script",
        None,
    ),
    (
        "exit code: 1",
        Some(1),
        &["cat: can't open '/absent': No such file or directory"],
        "there is no file or folder /absent",
        Some("/absent"),
    ),
    (
        "exit code: 2",
        Some(2),
        &["ls: cannot access '/absent': No such file or directory"],
        "there is no file or folder /absent",
        Some("/absent"),
    ),
    (
        "failed to compute cache key: failed to calculate checksum of ref a::b: \"/absent\": not found",
        None,
        &[],
        "/absent does not exist",
        Some("absent"),
    ),
    ("secret x: not found", None, &[], "the step needs the secret x", Some("x")),
    (
        "unable to find user nobody9: no matching entries in passwd file",
        None,
        &[],
        "the image has no user nobody9",
        Some("nobody9"),
    ),
    ("exit code: 139", Some(139), &["Segmentation fault"], "ended by SIGSEGV", None),
    (
        "exit code: 127",
        Some(127),
        &["/bin/sh: 1: source: not found"],
        "the shell of this step has no command source",
        Some("source"),
    ),
    ("exit code: 127", Some(127), &["/bin/sh: /s.sh: not found"], "/s.sh cannot be started", Some("/s.sh")),
    (
        "exit code: 126",
        Some(126),
        &["bash: line 1: /s.pl: /usr/bin/perl: bad interpreter: No such file or directory"],
        "the image has no /usr/bin/perl, which /s.pl names",
        Some("/s.pl"),
    ),
    (
        "exit code: 1",
        Some(1),
        &["exec /s.sh: no such file or directory"],
        "/s.sh cannot be started",
        Some("/s.sh"),
    ),
    (
        "exit code: 1",
        Some(1),
        &["npm error code 127", "npm error command sh -c node-gyp rebuild", "sh: 1: node-gyp: not found"],
        "the image has no program node-gyp",
        Some("node-gyp"),
    ),
    (
        "exit code: 101",
        Some(101),
        &[
            "error: linker `cc` not found",
            "  |",
            "  = note: No such file or directory (os error 2)",
            "error: could not compile `x` (bin \"x\") due to 1 previous error",
        ],
        "the image has no program cc",
        Some("cc"),
    ),
    (
        "exit code: 126",
        Some(126),
        &["bash: line 1: /s.sh: /bin/bash^M: bad interpreter: No such file or directory"],
        "a script has the line ends of Windows",
        None,
    ),
    (
        "exit code: 127",
        Some(127),
        &["/usr/bin/env: ‘bash\\r’: No such file or directory"],
        "a script has the line ends of Windows",
        None,
    ),
    (
        "exit code: 127",
        Some(127),
        &["s.sh: line 2: $'\\r': command not found"],
        "a script has the line ends of Windows",
        None,
    ),
    ("exit code: 127", Some(127), &["begun", ": not found"], "a script has the line ends of Windows", None),
    (
        "exit code: 127",
        Some(127),
        &[
            "/app: error while loading shared libraries: libssl.so.1.1: cannot open shared object file: No such file or directory",
        ],
        "there is no shared library libssl.so.1.1",
        Some("libssl.so.1.1"),
    ),
    (
        "exit code: 127",
        Some(127),
        &[
            "Error loading shared library libstdc++.so.6: No such file or directory (needed by /app)",
            "Error relocating /app: _ZSt: symbol not found",
        ],
        "there is no shared library libstdc++.so.6",
        Some("libstdc++.so.6"),
    ),
    (
        "exit code: 1",
        Some(1),
        &["./app: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by ./app)"],
        "there is no version of glibc: 2.38",
        Some("2.38"),
    ),
    (
        "exit code: 1",
        Some(1),
        &[
            "a.c:1:10: fatal error: zlib.h: No such file or directory",
            "    1 | #include <zlib.h>",
            "compilation terminated.",
            "error: command '/usr/bin/gcc' failed with exit code 1",
        ],
        "there is no header zlib.h",
        Some("zlib.h"),
    ),
    (
        "exit code: 1",
        Some(1),
        &[
            "/usr/bin/ld: cannot find -lz: No such file or directory",
            "collect2: error: ld returned 1 exit status",
        ],
        "there is no library z",
        Some("z"),
    ),
    (
        "exit code: 1",
        Some(1),
        &[
            "Traceback (most recent call last):",
            "  File \"/a.py\", line 1, in <module>",
            "ModuleNotFoundError: No module named 'yaml'",
        ],
        "there is no Python module yaml",
        Some("yaml"),
    ),
    (
        "exit code: 1",
        Some(1),
        &[
            "node:internal/modules/cjs/loader:1228",
            "Error: Cannot find module 'express'",
            "Require stack:",
            "- /app/index.js",
        ],
        "there is no Node module or file express",
        Some("express"),
    ),
    (
        "exit code: 1",
        Some(1),
        &[
            "main.go:4:2: no required module provides package example.com/x; to add it:",
            "\tgo get example.com/x",
        ],
        "there is no Go package example.com/x",
        Some("example.com/x"),
    ),
    (
        "exit code: 128",
        Some(128),
        &[
            "Cloning into 'x'...",
            "fatal: could not read Username for 'https://git.example': No such device or address",
        ],
        "git wants a login",
        None,
    ),
    (
        "exit code: 128",
        Some(128),
        &["git@git.example: Permission denied (publickey).", "fatal: Could not read from remote repository."],
        "the SSH server takes none of the step's keys",
        None,
    ),
    (
        "failed to load cache key: error fetching default branch for repository http://git.example/a.git: git stderr:\nfatal: repository 'http://git.example/a.git/' not found\n: exit status 128",
        None,
        &[],
        "git finds no such repository",
        None,
    ),
    (
        "exit code: 128",
        Some(128),
        &["Host key verification failed.", "fatal: Could not read from remote repository."],
        "the SSH server's key is not known",
        None,
    ),
    (
        "exit code: 128",
        Some(128),
        &["fatal: not a git repository (or any of the parent directories): .git"],
        "git finds no repository",
        None,
    ),
    (
        "exit code: 128",
        Some(128),
        &[
            "Cloning into 'x'...",
            "warning: Could not find remote branch v9 to clone.",
            "fatal: Remote branch v9 not found in upstream origin",
        ],
        "git finds no such branch",
        None,
    ),
    (
        "exit code: 100",
        Some(100),
        &[
            "W: GPG error: http://apt.example stable InRelease: The following signatures couldn't be verified because the public key is not available: NO_PUBKEY 0123456789ABCDEF",
            "E: The repository 'http://apt.example stable InRelease' is not signed.",
        ],
        "a repository of packages is signed by a key",
        None,
    ),
    (
        "exit code: 100",
        Some(100),
        &["E: The repository 'http://deb.example/debian stretch Release' does not have a Release file."],
        "the package lists are too old",
        None,
    ),
    (
        "exit code: 1",
        Some(1),
        &["error: externally-managed-environment", "", "× This environment is externally managed"],
        "pip may not change the system's Python",
        None,
    ),
    (
        "exit code: 1",
        Some(1),
        &["Do you want to continue? [Y/n] Abort."],
        "the package manager asked a question",
        None,
    ),
    (
        "exit code: 1",
        Some(1),
        &[
            "npm error code EUSAGE",
            "npm error",
            "npm error The `npm ci` command can only install with an existing package-lock.json or",
        ],
        "npm ci has no package-lock.json",
        None,
    ),
    (
        "exit code: 2",
        Some(2),
        &[
            "gzip: stdin: not in gzip format",
            "tar: Child returned status 1",
            "tar: Error is not recoverable: exiting now",
        ],
        "what is to be unpacked is no archive",
        None,
    ),
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
        "exit code: 2",
        Some(2),
        &["/bin/sh: 1: set: Illegal option -o pipefail"],
        "syntax error in a script",
        None,
    ),
    ("exit code: 1", Some(1), &["chown: unknown user app9"], "the image has no user app9", Some("app9")),
    (
        "exit code: 1",
        Some(1),
        &["chown: invalid user: 'app9:app9'"],
        "the image has no user app9",
        Some("app9"),
    ),
    (
        "lstat /nofile: no such file or directory",
        None,
        &[],
        "/nofile does not exist in what this step copies from",
        Some("nofile"),
    ),
    (
        "mkdir /etc/passwd: not a directory",
        None,
        &[],
        "/etc/passwd cannot be made a folder",
        Some("/etc/passwd"),
    ),
    (
        "failed to load LLB: security.insecure is not allowed",
        None,
        &[],
        "a step needs the right security.insecure",
        None,
    ),
    (
        "granting entitlement network.host is not allowed by build daemon configuration",
        None,
        &[],
        "buildkitd does not permit network.host",
        None,
    ),
    (
        "exit code: 1",
        Some(1),
        &["cat: can't open '/run/secrets/tok': No such file or directory"],
        "the step needs the secret tok",
        Some("tok"),
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

#[test]
fn real_failures_are_told_apart() {
    for (cause, exit_code, log, what, subject) in CASES {
        let evidence = Evidence { cause, exit_code, log: log.to_vec(), ..Evidence::default() };
        let reason = find(&evidence).unwrap_or_else(|| panic!("{cause} {log:?}"));
        assert!(reason.what.starts_with(what), "{cause} {log:?}: {reason:?}");
        assert_eq!(reason.subject.as_deref(), subject, "{log:?}");
    }
}

#[test]
fn a_failure_of_which_nothing_is_known_is_its_exit_code_and_its_last_words() {
    let log = vec!["compiling", "a.c:1:1: error: x", "make: *** [a] Error 1"];
    let evidence = Evidence { cause: "exit code: 2", exit_code: Some(2), log, ..Evidence::default() };
    let reason = find(&evidence).unwrap();
    assert_eq!((reason.what.as_str(), reason.words.as_deref()), ("RUN failed", Some("a.c:1:1: error: x")));
    let words = Evidence { cause: "something new", ..Evidence::default() };
    assert_eq!(find(&words), None);
}

#[test]
fn a_limit_that_the_build_set_is_named() {
    let evidence = Evidence {
        cause: "exit code: 137",
        exit_code: Some(137),
        memory_limit: Some(24 << 20),
        ..Evidence::default()
    };
    let reason = find(&evidence).unwrap();
    assert!(
        reason.what.ends_with("it needed more than the 24 MiB that --resource memory gives a step"),
        "{reason:?}"
    );
    assert!(reason.advice.unwrap().starts_with("raise the limit"));
}

#[test]
fn npm_is_quoted_with_what_is_wrong_and_not_with_a_number() {
    let log =
        vec!["npm error code ERESOLVE", "npm error ERESOLVE unable to resolve dependency tree", "npm error"];
    let evidence = Evidence { cause: "exit code: 1", exit_code: Some(1), log, ..Evidence::default() };
    let words = find(&evidence).unwrap().words;
    assert_eq!(words.as_deref(), Some("npm error ERESOLVE unable to resolve dependency tree"));
}

#[test]
fn what_a_program_got_over_long_ago_is_no_reason() {
    let passed = ["Host key verification failed.", "trying another way"];
    let log = passed.into_iter().chain(["compiling"; 40]).chain(["error: x"]).collect();
    let evidence = Evidence { cause: "exit code: 1", exit_code: Some(1), log, ..Evidence::default() };
    assert_eq!(find(&evidence).unwrap().what, "RUN failed");
}

#[test]
fn a_foreign_platform_is_named_with_its_emulator() {
    let evidence = Evidence {
        cause: "exit code: 1",
        exit_code: Some(1),
        log: vec!["exec /bin/sh: exec format error"],
        platform: Some("linux/arm64".to_owned()),
        ..Evidence::default()
    };
    let reason = find(&evidence).unwrap();
    assert!(reason.what.contains("linux/arm64"), "{reason:?}");
    assert!(reason.advice.as_deref().unwrap().contains("binfmt --install arm64"), "{reason:?}");
}

#[test]
fn a_full_disk_is_that_of_the_program_that_says_so() {
    let of =
        |cause| find(&Evidence { cause, ..Evidence::default() }).and_then(|reason| reason.advice).unwrap();
    assert!(of("failed to write out/big: No space left on device (os error 28)").contains("this machine"));
    assert!(
        of("cannot write the OCI layout: No space left on device (os error 28)").contains("this machine")
    );
    assert!(of("write /var/lib/buildkit/x: no space left on device").contains("bob prune"));
}

#[test]
fn words_that_the_command_only_mentions_are_no_reason() {
    let log = vec!["+ echo 'no space left on device'", "+ exit 3"];
    let evidence = Evidence { cause: "exit code: 3", exit_code: Some(3), log, ..Evidence::default() };
    assert_eq!(find(&evidence).unwrap().what, "RUN failed");
}

#[test]
fn fuzz_any_words_have_a_reason_or_none() {
    let seeds: [&[u8]; 4] = [
        b"/bin/sh: 1: nope: not found",
        b"exec: \"/bin/sh\": stat /bin/sh: no such file or directory",
        b"E: Package '",
        b"Could not resolve host: \xc3\xa9.x",
    ];
    crate::fuzz::run(&seeds, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        for exit_code in [None, Some(1), Some(126), Some(127)] {
            let evidence =
                Evidence { cause: &text, exit_code, log: text.lines().collect(), ..Evidence::default() };
            let _ = find(&evidence);
        }
    });
}
