//! Folders are read while base images are looked up.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

use super::support::{Image, Project, Registry};

/// How long a build may wait for a registry that says nothing before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(60);
const CONTEXT: &str = "[internal] load build context";

/// The steps of a message of `--progress rawjson` that read the context: their digests, and whether they have ended.
fn readings(line: &str) -> Vec<(String, bool)> {
    let message: Value = serde_json::from_str(line).unwrap_or_default();
    let vertices = message["vertexes"].as_array().cloned().unwrap_or_default();
    let context = vertices.iter().filter(|vertex| vertex["name"] == CONTEXT);
    context.map(|vertex| (vertex["digest"].to_string(), vertex["completed"].is_string())).collect()
}

/// Builds on a base whose registry says nothing until the context was read, or until [`PATIENCE`] is over. Returns whether
/// it was read.
fn reads_before_the_base(instruction: &str) -> bool {
    let registry = TcpListener::bind("127.0.0.1:0").expect("a port");
    let host = registry.local_addr().expect("an address");
    let project =
        Project::new(&[("Dockerfile", &format!("FROM {host}/a:v1\n{instruction}\n")), ("file", "text")]);
    let mut child = project.build(&["--progress=rawjson", "--output=type=cacheonly"]).start();
    let output = BufReader::new(child.stderr.take().expect("piped"));
    let (ended, end) = mpsc::channel();
    std::thread::spawn(move || {
        // A listener that is gone refuses what waits for it.
        let _ = end.recv_timeout(PATIENCE);
        drop(registry);
    });
    let mut was_read = false;
    for line in output.lines() {
        if readings(&line.expect("text")).iter().any(|(_, has_ended)| *has_ended) {
            was_read = true;
            let _ = ended.send(());
        }
    }
    assert_eq!(child.wait().expect("it ends").code(), Some(1), "a base that is not there ends a build");
    was_read
}

#[test]
fn a_context_is_read_while_the_registry_of_the_base_says_nothing() {
    assert!(reads_before_the_base("COPY file /\nRUN --mount=type=bind,target=/mnt true"));
}

#[test]
fn a_context_that_was_read_ahead_is_not_read_again() {
    let base = Image::push_source(Registry::shared(), "read-ahead/source:v1");
    let project = Project::new(&[("Dockerfile", &format!("FROM {base}\nCOPY file /\n")), ("file", "text")]);
    let outcome = project.build(&["--progress=rawjson", "--output=type=cacheonly", "--no-cache"]).succeed();
    let read: BTreeSet<String> =
        outcome.stderr.lines().flat_map(readings).map(|(digest, _)| digest).collect();
    assert_eq!(read.len(), 1, "{}", outcome.stderr);
}
