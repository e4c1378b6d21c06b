//! Every Dockerfile of `testdata`: its graph and image config, its error, or what the build checks find.

#![allow(clippy::disallowed_methods, reason = "tests look at files and clocks")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bob::converter::lint::RULES;

/// A Dockerfile of a folder of `testdata`.
struct Case {
    name: String,
    dockerfile: PathBuf,
    context: PathBuf,
    args: Vec<String>,
}

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

/// The cases of a folder of `testdata`, by name.
fn cases(folder: &str) -> Vec<Case> {
    let empty = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("empty");
    fs::create_dir_all(&empty).expect("an empty context");
    let mut found = Vec::new();
    for entry in fs::read_dir(testdata().join(folder)).expect("testdata") {
        let path = entry.expect("an entry").path();
        let file = path.file_name().expect("a name").to_string_lossy().into_owned();
        let (name, dockerfile, context, args) = if path.is_dir() {
            (file, path.join("Dockerfile"), path.clone(), path.join("args"))
        } else if let Some(name) = file.strip_suffix(".Dockerfile") {
            (name.to_owned(), path.clone(), empty.clone(), path.with_extension("args"))
        } else {
            continue;
        };
        let args = fs::read_to_string(args).unwrap_or_default().lines().map(str::to_owned).collect();
        found.push(Case { name, dockerfile, context, args });
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn llb(case: &Case, metadata: &Path) -> Output {
    let metadata = metadata.to_str().expect("UTF-8");
    bob(case, &["llb", "--format", "tree", "--local-unique-id", "test", "--metadata-file", metadata])
}

/// What `bob COMMAND` says about a Dockerfile.
fn bob(case: &Case, command: &[&str]) -> Output {
    let given = case.args.iter().any(|arg| arg == "--build-platform");
    let default: &[&str] = if given { &[] } else { &["--build-platform", "linux/amd64"] };
    Command::new(env!("CARGO_BIN_EXE_bob"))
        .args(command)
        .args(default)
        .arg("--image-lock")
        .arg(testdata().join("images.json"))
        .arg("--file")
        .arg(&case.dockerfile)
        .args(&case.args)
        .arg(&case.context)
        .env_clear()
        // Where coverage is measured, the lines that `bob` runs count too.
        .envs(std::env::var_os("LLVM_PROFILE_FILE").map(|file| ("LLVM_PROFILE_FILE", file)))
        .output()
        .expect("bob runs")
}

/// Holds `text` against the snapshot `FOLDER__NAME`.
fn hold(folder: &str, case: &Case, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_input_file(&case.dockerfile);
    settings.bind(|| insta::assert_snapshot!(format!("{folder}__{}", case.name), text));
}

#[test]
fn every_accepted_dockerfile_has_its_graph_and_config() {
    let metadata = tempfile::NamedTempFile::new().expect("a temporary file");
    for case in &cases("ok") {
        let output = llb(case, metadata.path());
        let (tree, warnings) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{}: {warnings}", case.name);
        let written = fs::read(metadata.path()).expect("the metadata file");
        let metadata: serde_json::Value = serde_json::from_slice(&written).expect("JSON");
        let config = serde_json::to_string_pretty(&metadata["containerimage.config"]).expect("JSON");
        hold("ok", case, &format!("{}\n{config}\n", tree.trim_end()));
    }
}

#[test]
fn every_rejected_dockerfile_has_its_error() {
    let metadata = tempfile::tempdir().expect("a temporary folder");
    let metadata = metadata.path().join("metadata.json");
    for case in &cases("err") {
        let output = llb(case, &metadata);
        let error = String::from_utf8_lossy(&output.stderr);
        // Options that cannot be used are wrong usage.
        let codes = if case.args.is_empty() { 1..=1 } else { 1..=2 };
        assert!(output.status.code().is_some_and(|code| codes.contains(&code)), "{}: {error}", case.name);
        assert!(output.stdout.is_empty() && !metadata.exists(), "{}: something was written", case.name);
        hold("err", case, &without_folder(&error));
    }
}

#[test]
fn every_build_check_has_its_warnings() {
    let cases = cases("check");
    let names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    let rules: Vec<&str> = RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(names, rules, "testdata/check has one Dockerfile for each rule");
    for case in &cases {
        let output = bob(case, &["check"]);
        let warnings = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{}: {warnings}", case.name);
        assert!(warnings.contains(&format!("warning[{}]", case.name)), "{}: {warnings}", case.name);
        hold("check", case, &without_folder(&warnings));
    }
}

#[test]
fn every_file_belongs_to_a_case_and_every_case_has_its_snapshot_and_no_other() {
    let mut expected = BTreeMap::new();
    for folder in ["ok", "err", "check"] {
        let cases = cases(folder);
        for case in &cases {
            let source = case.dockerfile.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("in the project");
            let snapshot = format!("{folder}__{}.snap", case.name);
            let other = expected.insert(snapshot, source.display().to_string());
            assert_eq!(other, None, "two cases are called {folder}/{}", case.name);
        }
        let known: BTreeSet<String> = cases.iter().flat_map(|case| files_of(folder, case)).collect();
        let unknown: Vec<_> =
            names_in(&testdata().join(folder)).into_iter().filter(|n| !known.contains(n)).collect();
        assert!(unknown.is_empty(), "of no Dockerfile in testdata/{folder}: {unknown:?}");
    }

    let snapshots = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots");
    let found = names_in(&snapshots);
    let found: BTreeSet<&String> = found.iter().filter(|name| !name.ends_with(".snap.new")).collect();
    let missing: Vec<_> = expected.keys().filter(|name| !found.contains(name)).collect();
    assert!(missing.is_empty(), "Dockerfiles without their snapshot: {missing:?}");
    let orphans: Vec<_> = found.iter().filter(|name| !expected.contains_key(**name)).collect();
    assert!(orphans.is_empty(), "snapshots without a Dockerfile: {orphans:?}");
    for (snapshot, source) in &expected {
        let text = fs::read_to_string(snapshots.join(snapshot)).expect("a snapshot");
        let named = text.lines().find_map(|line| line.strip_prefix("input_file: "));
        assert_eq!(named, Some(source.as_str()), "{snapshot} is of another file");
    }
}

/// The names in a folder.
fn names_in(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect()
}

/// What a case may have in its folder of `testdata`.
fn files_of(folder: &str, case: &Case) -> Vec<String> {
    let name = &case.name;
    if testdata().join(folder).join(name).is_dir() {
        return vec![name.clone()];
    }
    let endings = ["Dockerfile", "Dockerfile.dockerignore", "args"];
    endings.iter().map(|ending| format!("{name}.{ending}")).collect()
}

/// `text` with paths as seen from `testdata`.
fn without_folder(text: &str) -> String {
    text.replace(&format!("{}/", testdata().display()), "")
}
