//! Messages and logs of real failures, as buildkitd and the programs wrote them.

mod files_and_packages;
mod logs;
mod machine_limits;
mod networks;
mod programs;

use super::*;

/// buildkitd's message without the command, exit code, log → the beginning of what went wrong, what it is about.
type Case = (&'static str, Option<u32>, &'static [&'static str], &'static str, Option<&'static str>);

const CASES: [&[Case]; 4] =
    [machine_limits::CASES, networks::CASES, programs::CASES, files_and_packages::CASES];

#[test]
fn real_failures_are_told_apart() {
    for (cause, exit_code, log, what, subject) in CASES.concat() {
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
