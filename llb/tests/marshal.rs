//! What marshalling takes, refuses, and how it grows.

use llb::{
    BlobSource, BuildOp, CacheSharing, Constraints, CopyAction, CopyFrom, DecodeError, Definition, ExecOp,
    Fault, FileOp, Graph, HttpSource, ImageSource, LocalSource, Location, MarshalOptions, MkdirAction, Mount,
    Op, Output, Parent, Platform, Range, RawSource, SourceMap,
};

fn options() -> MarshalOptions {
    MarshalOptions::new(Platform::new("linux", "amd64"), "unique")
}

fn none() -> Constraints {
    Constraints::default()
}

fn fault(build: impl FnOnce(&mut Graph, Output) -> Output) -> (String, Fault) {
    let mut graph = Graph::new();
    let alpine = graph.source(ImageSource::new("alpine"), none());
    let output = build(&mut graph, alpine);
    let error = graph.marshal(output, &options()).expect_err("the op is incomplete");
    (error.to_string(), error.fault)
}

#[test]
fn incomplete_ops_are_refused_by_the_name_of_their_step() {
    let (text, fault) = fault(|graph, alpine| {
        let exec = ExecOp::new(alpine, [""; 0]);
        graph.exec(exec, Constraints::named("RUN")).root
    });
    assert_eq!(fault, Fault::NoArguments);
    assert_eq!(text, "RUN: there is no command to run");
}

#[test]
fn every_fault_is_found() {
    let exec = |change: fn(&mut ExecOp, Output)| {
        let run = move |graph: &mut Graph, alpine| {
            let mut exec = ExecOp::new(alpine, ["make"]);
            change(&mut exec, alpine);
            graph.exec(exec, none()).root
        };
        fault(run).1
    };
    assert_eq!(exec(|exec, _| exec.cwd = "".into()), Fault::NoWorkingDirectory);
    let tmpfs = exec(|exec, alpine| {
        exec.mounts.push(Mount::tmpfs("/t", 0).with_source(alpine));
    });
    assert_eq!(tmpfs, Fault::TmpfsSource("/t".to_owned()));
    let cache = exec(|exec, _| {
        exec.mounts.push(Mount::cache("/c", "", CacheSharing::Shared));
    });
    assert_eq!(cache, Fault::NoCacheId("/c".to_owned()));

    let source = |source: llb::SourceOp| fault(|graph, _| graph.source(source, none()));
    assert_eq!(source(ImageSource::new("").into()).1, Fault::EmptyIdentifier);
    assert_eq!(source(HttpSource::new("").into()).1, Fault::EmptyIdentifier);
    assert_eq!(source(RawSource::default().into()).1, Fault::EmptyIdentifier);
    for blob in ["alpine", "alpine@", "a/alpine:1@sha256:ab"] {
        let (text, fault) = source(BlobSource::new(blob).into());
        assert_eq!(fault, Fault::BlobReference(blob.to_owned()));
        assert!(text.starts_with("op 1: "), "{text}");
    }

    let (_, file) = fault(|graph, alpine| graph.file(FileOp::new(alpine), none()));
    assert_eq!(file, Fault::NoActions);
    let (_, build) = fault(|graph, _| graph.build(BuildOp::new(Output::SCRATCH), none()));
    assert_eq!(build, Fault::BuildOfScratch);
    let (_, unnamed) = fault(|graph, alpine| graph.require("", alpine, &[alpine], none()));
    assert_eq!(unnamed, Fault::Passthrough);
}

#[test]
fn ops_that_are_not_needed_may_be_incomplete() {
    let mut graph = Graph::new();
    graph.source(ImageSource::new(""), none());
    let alpine = graph.source(ImageSource::new("alpine"), none());
    assert_eq!(graph.len(), 2);
    let definition = graph.marshal(alpine, &options()).unwrap();
    assert_eq!(definition.ops.len(), 2);
    assert_eq!(definition.root(), Some(definition.ops[0].digest));
    assert_eq!(definition.terminal(), Some(definition.ops[1].digest));
}

#[test]
fn scratch_has_no_ops() {
    let definition = Graph::new().marshal(Output::SCRATCH, &options()).unwrap();
    assert_eq!(definition, Definition::default());
    assert_eq!((definition.root(), definition.terminal()), (None, None));
    assert_eq!(definition.encode(), b"");
    assert_eq!(definition.to_json().unwrap(), "");
    assert_eq!(definition.to_pb(), llb::pb::Definition::default());
}

/// A graph with an image, and another one with the same.
fn two_graphs() -> [(Graph, Output); 2] {
    [(); 2].map(|()| {
        let mut graph = Graph::new();
        let alpine = graph.source(ImageSource::new("alpine"), none());
        (graph, alpine)
    })
}

#[test]
fn outputs_of_another_graph_are_refused() {
    let foreign = |use_it: fn(&mut Graph, Output, Output) -> Output| {
        let [(mut graph, own), (_, other)] = two_graphs();
        assert_ne!(own, other);
        let output = use_it(&mut graph, own, other);
        let error = graph.marshal(output, &options()).unwrap_err();
        assert_eq!(error.fault, Fault::ForeignOutput);
        error.to_string()
    };
    let run = foreign(|graph, _, other| {
        graph.exec(ExecOp::new(other, ["make"]), Constraints::named("RUN make")).root
    });
    assert_eq!(run, "RUN make: an output of another graph is used here");
    let below = foreign(|graph, own, other| {
        let mut file = FileOp::new(own);
        file.push(CopyAction::new(other, "/", "/"));
        let file = graph.file(file, Constraints::named("COPY"));
        graph.exec(ExecOp::new(file, ["make"]), Constraints::named("RUN make")).root
    });
    assert_eq!(below, "COPY: an output of another graph is used here");
    foreign(|graph, own, other| graph.merge([own, other], none()));
    foreign(|graph, own, other| graph.diff(own, other, none()));
    foreign(|graph, own, other| graph.require("id", own, &[other], none()));
    foreign(|graph, _, other| graph.build(BuildOp::new(other), none()));
    let result = foreign(|_, _, other| other);
    assert_eq!(result, "the result: an output of another graph is used here");
}

#[test]
fn nothing_is_found_by_the_output_of_another_graph() {
    let [(mut graph, own), (_, other)] = two_graphs();
    assert!(graph.owns(own) && !graph.owns(other) && !graph.owns(Output::SCRATCH));
    assert!(graph.get(own).is_some() && graph.get(other).is_none());
    assert!(graph.source_mut(own).is_some() && graph.source_mut(other).is_none());
    assert!(graph.needs(own, own) && !graph.needs(own, other) && !graph.needs(other, own));
}

#[test]
fn a_copy_takes_what_the_original_had_and_not_what_it_gets_later() {
    let [(mut graph, alpine), _] = two_graphs();
    let mut copy = graph.clone();
    let in_copy = copy.exec(ExecOp::new(alpine, ["copy"]), none()).root;
    let later = graph.exec(ExecOp::new(alpine, ["make"]), none()).root;
    assert!(copy.owns(alpine) && copy.owns(in_copy) && !copy.owns(later));
    assert!(graph.owns(later) && !graph.owns(in_copy));
    let copy_of_copy = copy.clone();
    assert!(copy_of_copy.owns(alpine) && copy_of_copy.owns(in_copy) && !copy_of_copy.owns(later));
    assert_eq!(copy.marshal(in_copy, &options()).unwrap().ops.len(), 3);
}

#[test]
fn source_files_of_another_graph_are_refused() {
    let mut graph = Graph::new();
    let source_map = Graph::new().source_map(SourceMap::default());
    let mut constraints = Constraints::named("FROM alpine");
    constraints.locations.push(Location { source_map, ranges: [Range::lines(1, 1)].into() });
    let alpine = graph.source(ImageSource::new("alpine"), constraints);
    let error = graph.marshal(alpine, &options()).unwrap_err();
    assert_eq!(error.fault, Fault::ForeignSourceMap);
}

#[test]
fn actions_that_a_file_op_does_not_have_are_refused() {
    let mut other = FileOp::new(Output::SCRATCH);
    other.push(MkdirAction::new("/a", 0o755));
    let action = other.push(MkdirAction::new("/b", 0o755));
    let (_, on) = fault(|graph, alpine| {
        let mut file = FileOp::new(alpine);
        file.push_on(Parent::Action(action), MkdirAction::new("/c", 0o755));
        graph.file(file, none())
    });
    let (_, from) = fault(|graph, alpine| {
        let mut file = FileOp::new(alpine);
        file.push(CopyAction::new(CopyFrom::Action(action), "/", "/"));
        graph.file(file, none())
    });
    assert_eq!([on, from], [Fault::UnknownAction, Fault::UnknownAction]);
}

#[test]
fn bytes_that_are_no_definition_are_refused() {
    let error = Definition::decode(b"\xff").unwrap_err();
    assert!(matches!(error, DecodeError::Definition(_)), "{error}");

    // one op, which is no message
    let definition = Definition::decode(b"\x0a\x01\xff").unwrap();
    let error = definition.to_json().unwrap_err();
    assert!(matches!(error, DecodeError::Op { index: 0, .. }), "{error}");
    assert_eq!(definition.to_tree().unwrap_err(), error);
    assert_eq!(definition.to_dot().unwrap_err(), error);
    assert_eq!(definition.root(), None);

    let mut graph = Graph::new();
    let alpine = graph.source(ImageSource::new("alpine"), none());
    let definition = graph.marshal(alpine, &options()).unwrap();
    let mut message = definition.to_pb();
    let location = llb::pb::Location { source_index: 1, ..Default::default() };
    let locations = llb::pb::Locations { locations: vec![location] };
    let alpine = definition.root().unwrap().into();
    message.source.as_mut().unwrap().locations.insert(alpine, locations);
    let error = Definition::from_pb(message).unwrap_err();
    assert_eq!(error, DecodeError::SourceIndex { index: 1, count: 0 });
}

/// A graph as deep as it has stages, wide in the op at its end, with the same source again and again.
fn stages(count: usize) -> (Graph, Output) {
    let mut graph = Graph::new();
    let mut last = Output::SCRATCH;
    let mut gather = FileOp::new(Output::SCRATCH);
    for stage in 0..count {
        let context = graph.source(LocalSource::new("context"), Constraints::named("context"));
        let base = graph.source(ImageSource::new("alpine"), Constraints::named("FROM alpine"));
        let mut copy = FileOp::new(base);
        copy.push(CopyAction::new(context, "/", format!("/{stage}")));
        copy.push(CopyAction::new(last, "/out", "/in"));
        let copied = graph.file(copy, Constraints::named("COPY"));
        last = graph.exec(ExecOp::new(copied, ["make"]), Constraints::named("RUN make")).root;
        gather.push(CopyAction::new(last, "/out", format!("/{stage}")));
    }
    let gathered = graph.file(gather, none());
    (graph, gathered)
}

#[test]
fn deep_and_wide_graphs_are_marshalled_and_shown() {
    let (graph, output) = stages(10_000);
    let definition = graph.marshal(output, &options()).unwrap();
    assert_eq!(definition.ops.len(), 2 + 2 * 10_000 + 2);
    let bytes = definition.encode();
    assert_eq!(Definition::decode(&bytes).unwrap(), definition);
    let tree = definition.to_tree().unwrap();
    assert!(tree.len() < 10_000 * 1000, "the tree has {} bytes", tree.len());
    assert_eq!(tree.matches('●').count(), 2 + 2 * 10_000 + 1);
}

#[test]
fn an_op_without_locations_has_no_entry_in_the_message_s_source_map() {
    let mut graph = Graph::new();
    let root = graph.source(ImageSource::new("alpine"), none());
    let message = graph.marshal(root, &options()).unwrap().to_pb();
    assert!(message.source.unwrap().locations.is_empty(), "BuildKit v0.32.2 crashes on an empty entry");
}

#[test]
fn what_requires_nothing_is_no_op() {
    let mut graph = Graph::new();
    assert!(graph.is_empty());
    let alpine = graph.source(ImageSource::new("alpine"), none());
    assert_eq!(graph.require("", alpine, &[], none()), alpine);
    assert_eq!(graph.len(), 1);
}

#[test]
fn only_sources_can_be_changed_later() {
    let mut graph = Graph::new();
    let alpine = graph.source(ImageSource::new("alpine"), none());
    let root = graph.exec(ExecOp::new(alpine, ["make"]), none()).root;
    assert!(graph.source_mut(root).is_none() && graph.source_mut(Output::SCRATCH).is_none());
    *graph.source_mut(alpine).unwrap() = ImageSource::new("busybox").into();
    let definition = graph.marshal(alpine, &options()).unwrap();
    let caps = &definition.ops[0].metadata.caps;
    assert!(caps.contains("source.image") && !caps.contains("source.local"));
    assert!(definition.to_tree().unwrap().contains("docker-image://docker.io/library/busybox:latest"));
}

#[test]
fn the_ops_of_a_graph_can_be_read() {
    let mut graph = Graph::new();
    let [alpine, busybox] = ["alpine", "busybox"].map(|name| graph.source(ImageSource::new(name), none()));
    let merged = graph.merge([alpine, busybox], none());
    let changed = graph.diff(alpine, merged, none());
    let waited = graph.require("wait", changed, &[busybox], none());
    let op = |output| graph.get(output).unwrap().0;
    let Op::Merge(merge) = op(merged) else { panic!("{merged:?}") };
    assert_eq!(merge.inputs(), [alpine, busybox]);
    let Op::Diff(diff) = op(changed) else { panic!("{changed:?}") };
    assert_eq!((diff.lower(), diff.upper()), (alpine, merged));
    let Op::Passthrough(passthrough) = op(waited) else { panic!("{waited:?}") };
    let inputs: Vec<_> = passthrough.inputs().iter().map(|input| (input.output, input.hand_on)).collect();
    assert_eq!((passthrough.id(), inputs), ("wait", vec![(changed, true), (busybox, false)]));
    let mut file = FileOp::new(alpine);
    assert_eq!((file.base(), file.is_empty()), (alpine, true));
    file.push(CopyAction::new(busybox, "/a", "/b"));
    assert!(!file.is_empty());
}

/// BuildKit's rule: the definitions that two maps come from count only where both have one.
#[test]
fn one_file_has_one_source_map() {
    let from = |name: &str| {
        let mut graph = Graph::new();
        let output = graph.source(LocalSource::new(name), none());
        graph.marshal(output, &options()).unwrap()
    };
    let maps = |definitions: [Option<Definition>; 2]| {
        let mut graph = Graph::new();
        let mut last = Output::SCRATCH;
        for definition in definitions {
            let map = SourceMap::new("Dockerfile").with_definition(definition);
            let source_map = graph.source_map(map);
            let locations = vec![Location { source_map, ranges: [Range::lines(1, 1)].into() }];
            let step = none().with_locations(locations);
            last = graph.exec(ExecOp::new(last, ["make"]), step).root;
        }
        graph.marshal(last, &options()).unwrap().to_pb().source.unwrap().infos.len()
    };
    assert_eq!(maps([Some(from("a")), Some(from("a"))]), 1);
    assert_eq!(maps([Some(from("a")), Some(from("b"))]), 2);
    assert_eq!(maps([Some(from("a")), None]), 1);
}
