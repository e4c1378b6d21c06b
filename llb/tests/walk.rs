//! Looking at a graph before it is marshalled: inputs, the walk, and what layers begin with.

use llb::{
    BuildOp, CacheSharing, Constraints, CopyAction, CopyFrom, ExecOp, FileOp, Graph, ImageSource,
    MarshalOptions, MkdirAction, Mount, Op, Output, Parent, PassthroughInput, Platform,
};

fn none() -> Constraints {
    Constraints::default()
}

fn image(graph: &mut Graph, name: &str) -> Output {
    graph.source(ImageSource::new(name), Constraints::named(name))
}

/// A file op that copies from a file system to another.
fn copy(graph: &mut Graph, from: Output, to: Output) -> Output {
    let mut file = FileOp::new(to);
    file.push(CopyAction::new(from, "/a", "/b"));
    graph.file(file, Constraints::named("copy"))
}

fn name(constraints: &Constraints) -> &str {
    constraints.metadata.custom_name().unwrap_or_default()
}

#[test]
fn a_walk_visits_each_needed_op_once_in_the_order_of_the_definition() {
    let mut graph = Graph::new();
    let [one, _unused, two] = ["one", "unused", "two"].map(|name| image(&mut graph, name));
    let left = graph.exec(ExecOp::new(one, ["left"]), Constraints::named("left")).root;
    let right = graph.exec(ExecOp::new(one, ["right"]), Constraints::named("right")).root;
    let both = copy(&mut graph, right, left);
    let merged = graph.merge([both, left, two], Constraints::named("merge"));

    let walked: Vec<_> =
        graph.walk(merged).map(|(output, _, constraints)| (output, name(constraints))).collect();
    let names: Vec<_> = walked.iter().map(|(_, name)| *name).collect();
    assert_eq!(names, ["one", "left", "right", "copy", "two", "merge"]);
    assert_eq!(graph.walk(merged).len(), 6);
    let outputs: Vec<_> = walked.iter().map(|(output, _)| *output).collect();
    assert_eq!(outputs, [one, left, right, both, two, merged]);
    for (at, (output, op, _)) in graph.walk(merged).enumerate() {
        assert_eq!(graph.inputs(output), op.inputs());
        assert!(op.inputs().iter().all(|input| outputs[..at].contains(&input.first_of_op())));
    }

    let options = MarshalOptions::new(Platform::new("linux", "amd64"), "unique");
    let definition = graph.clone().marshal(merged, &options).unwrap();
    let marshalled: Vec<_> = definition.ops.iter().filter_map(|op| op.metadata.custom_name()).collect();
    assert_eq!(marshalled, names);
}

#[test]
fn scratch_and_outputs_of_other_graphs_are_not_walked() {
    let mut other = Graph::new();
    let foreign = image(&mut other, "foreign");
    let mut graph = Graph::new();
    let own = image(&mut graph, "own");
    let merged = graph.merge([own, foreign], none());
    assert_eq!(graph.walk(Output::SCRATCH).len(), 0);
    assert_eq!(graph.walk(foreign).len(), 0);
    assert_eq!(graph.walk(merged).len(), 2);
    assert_eq!(graph.inputs(merged), [own, foreign]);
    assert_eq!(graph.inputs(foreign), []);
    assert_eq!(graph.bases(merged), [own]);
}

#[test]
fn a_copy_of_a_graph_is_walked_by_the_outputs_of_the_original() {
    let mut graph = Graph::new();
    let alpine = image(&mut graph, "alpine");
    let mut copied = graph.clone();
    let made = copied.exec(ExecOp::new(alpine, ["make"]), none()).root;
    let outputs: Vec<_> = copied.clone().walk(made).map(|(output, ..)| output).collect();
    assert_eq!(outputs, [alpine, made]);
}

#[test]
fn bases_show_through_every_kind_of_op() {
    let mut graph = Graph::new();
    let [base, other] = ["base", "other"].map(|name| image(&mut graph, name));
    let copied = copy(&mut graph, other, base);
    assert_eq!(graph.bases(copied), [base]);

    let mut exec = ExecOp::new(copied, ["make"]);
    exec.mounts.push(Mount::bind("/z", other));
    exec.mounts.push(Mount::bind("..", base));
    exec.mounts.push(Mount::cache("/c", "c", CacheSharing::Shared));
    let made = graph.exec(exec, none());
    assert_eq!(graph.bases(made.root), [base]);
    assert_eq!(graph.bases(made.mounts[0].unwrap()), [other]);
    assert_eq!(graph.bases(made.mounts[1].unwrap()), [base]);

    let merged = graph.merge([made.root, other, base], none());
    assert_eq!(graph.bases(merged), [base, other]);
    let diff = graph.diff(base, merged, none());
    assert_eq!(graph.bases(diff), [diff]);
    let build = graph.build(BuildOp::new(base), none());
    assert_eq!(graph.bases(build), [build]);
    let inputs = [(base, false), (other, true)].map(|(output, hand_on)| PassthroughInput { output, hand_on });
    let handed_on = graph.passthrough("p", inputs, none());
    assert_eq!(graph.bases(handed_on[0]), [other]);
    assert_eq!(graph.bases(Output::SCRATCH), []);
}

#[test]
fn the_base_of_a_file_op_is_what_its_last_action_stands_on() {
    let mut graph = Graph::new();
    let [base, side] = ["base", "side"].map(|name| image(&mut graph, name));
    let mut file = FileOp::new(base);
    let first = file.push(MkdirAction::new("/a", 0o755));
    file.push_on(Parent::Base(side), CopyAction::new(CopyFrom::Action(first), "/a", "/b"));
    assert_eq!(file.result_base(), side);
    let made = graph.file(file, none());
    assert_eq!(graph.bases(made), [side]);
}

#[test]
fn a_source_is_its_own_base_and_can_be_looked_at() {
    let mut graph = Graph::new();
    let alpine = image(&mut graph, "alpine");
    let [base] = graph.bases(alpine)[..] else { panic!("one base") };
    let Some((Op::Source(source), _)) = graph.get(base) else { panic!("a source") };
    assert_eq!(source.identifier(), "docker-image://docker.io/library/alpine:latest");
}
