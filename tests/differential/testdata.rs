//! The Dockerfiles of `testdata`, not mutated, with the flags that lie beside them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::case::Case;

/// Every Dockerfile of `testdata` by its path there.
pub(crate) fn cases() -> Vec<(String, Case)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut found = Vec::new();
    for folder in ["ok", "err", "check"] {
        let entries = fs::read_dir(root.join(folder)).expect("testdata");
        for path in entries.map(|entry| entry.expect("an entry").path()) {
            let (dockerfile, args) = match path.extension() {
                _ if path.is_dir() => (path.join("Dockerfile"), path.join("args")),
                Some(extension) if extension == "Dockerfile" => (path.clone(), path.with_extension("args")),
                _ => continue,
            };
            let name = dockerfile.strip_prefix(&root).expect("in testdata").display().to_string();
            let mut case = Case::of(fs::read(&dockerfile).expect("a file"));
            case.ignore = ignore_file(&dockerfile);
            set_flags(&mut case, &fs::read_to_string(args).unwrap_or_default());
            found.push((name, case));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// An image built on each config of `testdata/configs.txt`.
pub(crate) fn configs() -> Vec<(String, Case)> {
    let lines = include_str!("../../testdata/configs.txt").lines();
    let configs = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let case = |config: &str| {
        let hex = config.bytes().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        let text = format!("FROM example.org/img/config-{hex}\nWORKDIR sub\nRUN x\nCMD y\n");
        (config.to_owned(), Case::of(text.into_bytes()))
    };
    configs.map(case).collect()
}

/// The ignore file that holds for a Dockerfile.
fn ignore_file(dockerfile: &Path) -> String {
    let own = PathBuf::from(format!("{}.dockerignore", dockerfile.display()));
    let common = dockerfile.with_file_name(".dockerignore");
    fs::read_to_string(own).or_else(|_| fs::read_to_string(common)).unwrap_or_default()
}

/// Gives `case` the flags of `bob llb` in `text`, one word a line.
fn set_flags(case: &mut Case, text: &str) {
    let mut words = text.lines().map(str::to_owned);
    while let Some(flag) = words.next() {
        let mut value = || words.next().expect("a value");
        let pair = |text: String| {
            let (name, value) = text.split_once('=').expect("NAME=VALUE");
            (name.to_owned(), value.to_owned())
        };
        match flag.as_str() {
            "--target" => case.target = value(),
            "--platform" => case.platform = value(),
            "--build-platform" => case.build_platform = value(),
            "--build-arg" => case.build_args.extend([pair(value())]),
            "--label" => case.labels.extend([pair(value())]),
            "--build-context" => case.contexts.extend([pair(value())]),
            "--no-cache" => case.no_cache = true,
            "--no-cache-filter" => case.no_cache_filter.push(value()),
            "--add-host" => case.add_host.push(value()),
            "--network" => case.network = value(),
            "--shm-size" => case.shm_size = value(),
            "--ulimit" => case.ulimit.push(value()),
            "--cgroup-parent" => case.cgroup_parent = value(),
            "--pull" => case.pull = true,
            other => panic!("the oracle does not know {other}"),
        }
    }
}
