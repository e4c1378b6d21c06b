//! Graphs beside what BuildKit's own Go client (v0.32.2) makes of the same graphs.
//!
//! `reference.go` builds them in Go and prints `reference.tsv`; the functions here build them in Rust.
//! A graph's ops are compared by digest, then the whole definition, which adds the order of the ops,
//! metadata with capabilities, and the source map, then its JSON. The trees are this crate's own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod execs;
mod files;
mod graphs;
mod sources;

use std::collections::BTreeMap;

use llb::{
    Constraints, Definition, Digest, ExecOp, Graph, ImageSource, LocalSource, MarshalOptions, Output,
    Platform,
};

const REFERENCE: &str = include_str!("reference.tsv");
const TREES: &str = include_str!("trees.txt");

/// A graph under construction, with what many of them start from.
struct Build {
    graph: Graph,
    options: MarshalOptions,
    alpine: Output,
    busybox: Output,
    context: Output,
}

type Case = (&'static str, fn(&mut Build) -> Output);

impl Build {
    fn new() -> Self {
        let mut graph = Graph::new();
        let mut image = |name| graph.source(ImageSource::new(name), none());
        let alpine = image("alpine:3.20");
        let busybox = image("busybox");
        let context = LocalSource::new("context").with_session_id("s1");
        let context = graph.source(context, none());
        Self {
            graph,
            options: MarshalOptions::new(Platform::new("linux", "amd64"), "unique"),
            alpine,
            busybox,
            context,
        }
    }

    /// Runs `make` and returns the root after it.
    fn run(&mut self, exec: ExecOp) -> Output {
        self.graph.exec(exec, none()).root
    }
}

fn none() -> Constraints {
    Constraints::default()
}

fn make(root: Output) -> ExecOp {
    ExecOp::new(root, ["make"])
}

fn sha() -> String {
    format!("sha256:{}", "ab".repeat(32))
}

/// Returns ops, definition and JSON of a graph as a line of the reference has them.
fn summary(definition: &Definition) -> [String; 3] {
    let ops: Vec<_> = definition.ops.iter().map(|op| op.digest.short()).collect();
    let hash = |bytes: &[u8]| Digest::of(bytes).as_str()["sha256:".len()..].to_owned();
    let json = definition.to_json().unwrap();
    [ops.join(" "), hash(&definition.encode()), hash(json.as_bytes())]
}

fn check(cases: &[Case]) {
    let reference: BTreeMap<_, _> = REFERENCE
        .lines()
        .map(|line| {
            let [name, ops, whole, json] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
            (name, [ops, whole, json].map(str::to_owned))
        })
        .collect();
    let mut differing = Vec::new();
    for (name, build) in cases {
        let mut b = Build::new();
        let output = build(&mut b);
        let definition = b.graph.marshal(output, &b.options).unwrap();
        if summary(&definition) != reference[name] {
            differing.push(format!(
                "{name}: {:?}, not {:?}\n{}",
                summary(&definition),
                reference[name],
                definition.to_json().unwrap()
            ));
        }
        let again = Definition::decode(&definition.encode()).unwrap();
        assert_eq!(again.encode(), definition.encode(), "{name}");
        assert_eq!(Definition::from_pb(definition.to_pb()).unwrap().ops.len(), definition.ops.len());
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn sources_are_as_the_go_client_writes_them() {
    check(sources::CASES);
}

#[test]
fn execs_are_as_the_go_client_writes_them() {
    check(execs::CASES);
}

#[test]
fn file_ops_are_as_the_go_client_writes_them() {
    check(files::CASES);
}

#[test]
fn graphs_are_as_the_go_client_writes_them() {
    check(graphs::CASES);
}

#[test]
fn trees_say_all_that_the_ops_do() {
    let mut trees = TREES.split("== ").skip(1);
    for (name, build) in families().into_iter().flatten() {
        let mut b = Build::new();
        let output = build(&mut b);
        let definition = b.graph.marshal(output, &b.options).unwrap();
        let tree = format!("{name}\n{}", definition.to_tree().unwrap());
        assert_eq!(Some(&*tree), trees.next());
        let dot = definition.to_dot().unwrap();
        assert_eq!(dot.matches("shape=").count(), definition.ops.len(), "{name}");
    }
    assert_eq!(trees.next(), None);
}

fn families() -> [&'static [Case]; 4] {
    [sources::CASES, execs::CASES, files::CASES, graphs::CASES]
}

#[test]
fn every_graph_of_the_reference_has_its_twin() {
    let names: Vec<_> = families().into_iter().flatten().map(|(name, _)| *name).collect();
    let reference: Vec<_> = REFERENCE.lines().filter_map(|line| line.split('\t').next()).collect();
    assert_eq!(names, reference);
}
