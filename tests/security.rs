//! SECURITY.md names the test of each promise: every one of them exists.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test reads the project's own files")]

use std::collections::BTreeSet;
use std::path::Path;

#[path = "support/sources.rs"]
#[allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]
mod sources;

#[test]
fn every_promise_names_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests = sources::test_names(&["src", "llb/src", "tests"]);
    let page = std::fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let is_named = |word: &&str| {
        word.contains('_') && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let is_numbered =
        |row: &&str| row.starts_with("| ") && row[2..].starts_with(|c: char| c.is_ascii_digit());
    for row in page.lines().filter(is_numbered) {
        let cell = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let names: Vec<&str> = cell.split('`').skip(1).step_by(2).filter(is_named).collect();
        assert!(!names.is_empty(), "no test is named: {row}");
        for name in names {
            assert!(tests.contains(name), "there is no test {name}: {row}");
        }
    }
}

#[test]
fn every_promise_finding_and_report_has_a_row() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let numbers = |heading: &str| {
        let (_, after) = page.split_once(heading).unwrap();
        let section = after.split("\n## ").next().unwrap();
        let rows = section
            .lines()
            .filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse::<u32>().ok());
        rows.collect::<BTreeSet<_>>()
    };
    assert_eq!(numbers("## Promises"), (1..=9).collect());
    assert_eq!(numbers("## What the review found"), (1..=13).collect());
    assert_eq!(numbers("## Faults that other people reported"), (1..=5).collect());
}

#[test]
fn only_functions_that_run_as_tests_count() {
    let text = r##"
        //! fn in_a_doc_comment() {}
        // #[test] fn in_a_comment() {}
        /* #[test]
        fn in_a_long_comment() {} */
        fn no_test() {}
        #[inline]
        fn of_another_attribute() {}
        const TEXT: &str = "#[test]\nfn in_a_text() {}";
        #[test]
        #[ignore]
        fn ignored() {}
        #[test]
        #[should_panic]
        fn plain() {}
        /// #[test] fn in_its_words() {}
        #[tokio::test(start_paused = true)]
        async fn of_tokio() { #[test] fn within_another() {} }
        mod tests {
            mod inner { #[test] pub(super) fn in_a_module() {} }
            proptest! {
                #![proptest_config(Config::with_cases(9))]
                #[test]
                #[allow(unused)]
                fn of_proptest(text in "[a-z]*", (a, b) in any()) { fn within_it() {} }
                fn helper(x in any()) {}
                #[ignore]
                #[test]
                fn ignored_by_proptest(x in any()) {}
            }
            other! { #[test] fn in_another_macro() {} }
        }
    "##;
    let names = ["in_a_module", "of_proptest", "of_tokio", "plain"];
    assert_eq!(sources::tests_of(text), names.map(str::to_owned).into());
}
