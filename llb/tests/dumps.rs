//! Definitions as people and tools see them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use llb::{
    CacheSharing, Chmod, Constraints, CopyAction, EnvVar, ExecOp, FileOp, Graph, ImageSource, LocalSource,
    Location, MarshalOptions, MkfileAction, Mount, Output, Owner, Platform, Range, Secret, SourceMap,
    SymlinkAction,
};

/// Two stages: one builds in a copy of the context, the other takes the result and a made-up file.
fn two_stages() -> (Graph, Output) {
    let mut graph = Graph::new();
    let source_map = graph.source_map(SourceMap::new("Dockerfile"));
    let step = |name: &str, first, last| {
        Constraints::named(name)
            .with_locations([Location { source_map, ranges: [Range::lines(first, last)].into() }])
    };
    let alpine = graph.source(ImageSource::new("alpine:3.20"), step("FROM alpine:3.20", 1, 1));
    let context = LocalSource::new("context").with_session_id("s");
    let context = graph.source(context, Constraints::default());
    let mut copy = FileOp::new(alpine);
    copy.push(
        CopyAction::new(context, "/*.c", "/src/")
            .with_allow_wildcard(true)
            .with_owner(Owner::parse("app:100"))
            .with_chmod(Chmod::Bits(0o755)),
    );
    let copied = graph.file(copy, step("COPY *.c /src/", 2, 2));
    let run = ExecOp::new(copied, ["/bin/sh", "-c", "make\nmake install <x>"])
        .with_cwd("/src")
        .with_env([EnvVar::new("CC", "gcc -O2")])
        .with_mounts([
            Mount::cache("/root/.cache", "ccache", CacheSharing::Locked),
            Mount::bind("/out", Output::SCRATCH),
        ])
        .with_secrets([Secret::file("token", "/run/secrets/token")]);
    let mut constraints = step("RUN make\tinstall", 3, 5);
    constraints.metadata.ignore_cache = true;
    let built = graph.exec(run, constraints).mounts[1].unwrap();

    let mut last = FileOp::new(alpine);
    last.push(CopyAction::new(built, "/bin", "/usr/bin"));
    last.push(MkfileAction::new("/etc/motd", 0o644, *b"hello \"you\"\n"));
    last.push(SymlinkAction::new("/usr/bin/app", "/app"));
    let last = graph.file(last, step("COPY --from=0 /bin /usr/bin", 7, 7));
    (graph, last)
}

fn definition() -> llb::Definition {
    let (graph, output) = two_stages();
    let options = MarshalOptions::new(Platform::new("linux", "arm64"), "");
    graph.marshal(output, &options).unwrap()
}

#[test]
fn tree_shows_the_result_first_and_shared_ops_once() {
    let expected = r#"● #5 file COPY --from=0 /bin /usr/bin cfb435888e0e
│   copy     #4.1:/bin → /usr/bin
│   mkfile   /etc/motd 0644 "hello \"you\"\n"
│   symlink  /app → /usr/bin/app
│   at       Dockerfile:7
├─● #4 exec RUN make install [linux/arm64] 32118821ba4d
│ │   run      /bin/sh -c "make\nmake install <x>"
│ │   cwd      /src
│ │   env      CC=gcc -O2
│ │   mount    /out bind
│ │   mount    /root/.cache cache ccache locked
│ │   mount    /run/secrets/token secret token 0400
│ │   cache    ignored
│ │   at       Dockerfile:3-5
│ ● #3 file COPY *.c /src/ 473948031686
│ │   copy     #2:/*.c → /src/ 0755 app:100, wildcards
│ │   at       Dockerfile:2
│ ├─● #2 source local://context 304d07816dbe
│ │     attr     local.session = s
│ ● #1 source FROM alpine:3.20 [linux/arm64] b95ffba9f930
│     from     docker-image://docker.io/library/alpine:3.20
│     at       Dockerfile:1
○ #1 source FROM alpine:3.20 (above)
"#;
    assert_eq!(definition().to_tree().unwrap(), expected);
}

#[test]
fn dot_has_a_node_for_each_op_and_an_edge_for_each_input() {
    let expected = r#"digraph llb {
  node [fontname="monospace" fontsize=10];
  edge [fontname="monospace" fontsize=8];
  n1 [label="source\nFROM alpine:3.20\nlinux/arm64\nb95ffba9f930" shape=ellipse];
  n2 [label="source\nlocal://context\n304d07816dbe" shape=ellipse];
  n3 [label="file\nCOPY *.c /src/\n473948031686" shape=note];
  n4 [label="exec\nRUN make install\nlinux/arm64\n32118821ba4d" shape=box];
  n5 [label="file\nCOPY --from=0 /bin /usr/bin\ncfb435888e0e" shape=note];
  n6 [label="result\nfd38d198d745" shape=plaintext];
  n1 -> n3 [style=solid];
  n2 -> n3 [label="/*.c" style=dashed];
  n3 -> n4 [label="/" style=solid];
  n1 -> n5 [style=solid];
  n4 -> n5 [label="output 1\n/bin" style=dashed];
  n5 -> n6 [style=solid];
}
"#;
    assert_eq!(definition().to_dot().unwrap(), expected);
}

/// The file is what `buildctl debug dump-llb` prints of the same definition.
#[test]
fn json_is_that_of_buildctl() {
    let expected = include_str!("dumps.jsonl");
    assert_eq!(definition().to_json().unwrap(), expected);
}

/// A definition that came from elsewhere may lack an op: what needs it says so.
#[test]
fn an_op_that_is_missing_is_named() {
    let mut definition = definition();
    let missing = definition.ops.remove(1);
    let tree = definition.to_tree().unwrap();
    assert!(tree.contains(&format!("○ missing {}\n", missing.digest)), "{tree}");
    assert!(tree.contains(&format!("copy     missing {}:/*.c → /src/", missing.digest)), "{tree}");
    let dot = definition.to_dot().unwrap();
    assert_eq!(dot.matches(" -> ").count(), 5, "{dot}");
    // Without the op that marks the result, the last one is it.
    definition.ops.pop();
    assert!(definition.to_tree().unwrap().starts_with("● #4 file COPY --from=0 /bin /usr/bin "));
}

#[test]
fn long_files_are_shown_cut() {
    let mut graph = Graph::new();
    let mut file = FileOp::new(Output::SCRATCH);
    file.push(MkfileAction::new("/f", 0o644, "é".repeat(61).into_bytes()));
    let output = graph.file(file, Constraints::default());
    let options = MarshalOptions::new(Platform::new("linux", "amd64"), "");
    let tree = graph.marshal(output, &options).unwrap().to_tree().unwrap();
    assert!(tree.contains(&format!("\"{}…\"", "é".repeat(60))), "{tree}");
}

#[test]
fn scratch_is_shown_too() {
    let definition = llb::Definition::default();
    assert_eq!(definition.to_tree().unwrap(), "scratch\n");
    assert!(definition.to_dot().unwrap().starts_with("digraph llb {\n"));
}

#[test]
fn branches_that_would_get_too_deep_are_shown_below() {
    let mut graph = Graph::new();
    let base = graph.source(ImageSource::new("alpine"), Constraints::default());
    let mut last = graph.source(ImageSource::new("busybox"), Constraints::default());
    for number in 0..30 {
        let mut copy = FileOp::new(base);
        copy.push(CopyAction::new(last, "/a", "/b"));
        last = graph.file(copy, Constraints::named(format!("copy {number}")));
    }
    let options = MarshalOptions::new(Platform::new("linux", "amd64"), "");
    let tree = graph.marshal(last, &options).unwrap().to_tree().unwrap();
    for number in 0..30 {
        let heading =
            tree.lines().filter(|line| line.contains('●') && line.contains(&format!("file copy {number} ")));
        assert_eq!(heading.count(), 1, "{tree}");
    }
    assert_eq!(tree.matches("(below)").count(), 2, "{tree}");
    assert!(tree.contains("\n\n● #"), "{tree}");
}
