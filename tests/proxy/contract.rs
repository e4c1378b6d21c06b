//! The table of promises names tests that exist.

use std::path::Path;

#[path = "../support/sources.rs"]
#[allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]
mod sources;

#[test]
fn every_promise_names_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let known = sources::test_names(&["tests/proxy", "tests/integration", "src"]);
    let table = std::fs::read_to_string(root.join("tests/proxy/CONTRACT.md")).unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    for row in rows.skip(1) {
        let tests = row.trim_end_matches(" |").rsplit_once(" | ").unwrap().1;
        for test in tests.split(", ").map(|test| test.trim_matches('`')) {
            assert!(known.contains(test), "there is no test {test}: {row}");
        }
    }
}
