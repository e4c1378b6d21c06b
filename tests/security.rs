//! SECURITY.md names the test of each promise: every one of them exists.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test reads the project's own files")]

use std::collections::BTreeSet;
use std::path::Path;

/// Adds the names of all test functions below `folder` to `names`.
fn collect_tests(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_tests(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(path).unwrap();
            let mut is_test = false;
            for line in text.lines().map(str::trim_start) {
                if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                    is_test = true;
                } else if let Some((before, rest)) = line.split_once("fn ")
                    && matches!(before, "" | "async ")
                {
                    if is_test {
                        names.extend(rest.split('(').next().map(str::to_owned));
                    }
                    is_test = false;
                }
            }
        }
    }
}

#[test]
fn every_promise_names_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = BTreeSet::new();
    for folder in ["src", "llb/src", "tests"] {
        collect_tests(&root.join(folder), &mut tests);
    }
    let page = std::fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let is_named = |word: &&str| {
        word.contains('_') && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    let mut count = 0;
    for row in rows {
        let cell = row.trim_end_matches('|').rsplit('|').next().unwrap();
        for name in cell.split('`').skip(1).step_by(2).filter(is_named) {
            assert!(tests.contains(name), "there is no test {name}: {row}");
            count += 1;
        }
    }
    assert!(count >= 40, "the tables of SECURITY.md name {count} tests only");
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
