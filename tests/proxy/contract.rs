//! The table of promises names tests that exist.

use std::path::Path;

#[test]
fn every_promise_names_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = String::new();
    for folder in ["tests/proxy", "tests/integration", "src/proxy", "src/registry", "src/cli"] {
        read(&root.join(folder), &mut sources);
    }
    let table = std::fs::read_to_string(root.join("tests/proxy/CONTRACT.md")).unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    for row in rows.skip(1) {
        let tests = row.trim_end_matches(" |").rsplit_once(" | ").unwrap().1;
        for test in tests.split(", ").map(|test| test.trim_matches('`')) {
            assert!(sources.contains(&format!("fn {test}(")), "{test}: {row}");
        }
    }
}

fn read(folder: &Path, sources: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            *sources += &std::fs::read_to_string(path).unwrap();
        }
    }
}
