use llb::{
    BuildOp, Constraints, ImageSource, Location, Output, PassthroughInput, ProgressGroup, Range, SourceMap,
    SourceMapId,
};

use super::{Build, Case, make, none};

fn named(name: &str) -> Constraints {
    Constraints::named(name)
}

fn at(constraints: &mut Constraints, source_map: SourceMapId, ranges: &[Range]) {
    constraints.locations.push(Location { source_map, ranges: ranges.into() });
}

fn dockerfile(b: &mut Build) -> SourceMapId {
    b.graph
        .source_map(SourceMap::new("Dockerfile").with_language("Dockerfile").with_data(*b"FROM a\nRUN b\n"))
}

fn diamond(b: &mut Build) -> Output {
    let map = dockerfile(b);
    let mut constraints = named("build");
    at(&mut constraints, map, &[Range::lines(1, 2)]);
    let built = b.graph.exec(make(b.alpine), constraints).root;
    let left = b.graph.exec(make(built), named("left")).root;
    b.graph.merge([left, built, b.busybox], none())
}

/// Two ops that are encoded the same, with different metadata and locations.
fn twins(b: &mut Build) -> Output {
    let [one, two] = [dockerfile(b), dockerfile(b)];
    let other =
        SourceMap::new("other").with_definition(b.graph.clone().marshal(b.context, &b.options).unwrap());
    let other = b.graph.source_map(other);

    let mut first = named("first");
    first.metadata.ignore_cache = true;
    first.metadata.progress_group = Some(ProgressGroup::new("g", "group").with_weak(true));
    at(&mut first, one, &[Range::lines(1, 1)]);
    let mut second = named("second");
    second.metadata.description.insert("k", "");
    second.metadata.export_cache = Some(true);
    at(&mut second, two, &[Range::lines(3, 4)]);
    at(&mut second, other, &[]);

    let first = b.graph.source(ImageSource::new("alpine"), first);
    let second = b.graph.source(ImageSource::new("docker.io/library/alpine:latest"), second);
    b.graph.merge([first, second], none())
}

fn input(output: Output, hand_on: bool) -> PassthroughInput {
    PassthroughInput { output, hand_on }
}

pub(super) const CASES: &[Case] = &[
    ("scratch", |_| Output::SCRATCH),
    ("merge", |b| b.graph.merge([b.alpine, Output::SCRATCH, b.busybox, b.alpine], none())),
    ("merge_of_one", |b| {
        let merged = b.graph.merge([Output::SCRATCH, b.alpine], none());
        assert_eq!(merged, b.alpine);
        assert_eq!(b.graph.merge([Output::SCRATCH], none()), Output::SCRATCH);
        merged
    }),
    ("diff", |b| {
        let upper = b.run(make(b.alpine));
        b.graph.diff(b.alpine, upper, named("diff"))
    }),
    ("diff_to_scratch", |b| b.graph.diff(b.alpine, Output::SCRATCH, none())),
    ("diff_of_scratch", |b| {
        let diff = b.graph.diff(Output::SCRATCH, b.alpine, none());
        assert_eq!(diff, b.alpine);
        diff
    }),
    ("diff_of_itself", |b| b.graph.diff(b.alpine, b.alpine, none())),
    ("passthrough", |b| {
        let required = [b.busybox, Output::SCRATCH, b.context];
        b.graph.require("wait", b.alpine, &required, none())
    }),
    ("passthrough_second", |b| {
        let inputs = [input(b.alpine, false), input(b.busybox, true), input(b.alpine, true)];
        b.graph.passthrough("p", inputs, named("p"))[1]
    }),
    ("build", |b| b.graph.build(BuildOp::new(b.context), none())),
    ("build_of_file", |b| {
        let build = BuildOp::new(b.alpine).with_filename("graph.pb");
        b.graph.build(build, named("nested"))
    }),
    ("diamond", diamond),
    ("twins", twins),
    ("not_exported", |b| {
        let mut constraints = named("");
        constraints.metadata.export_cache = Some(false);
        b.graph.source(ImageSource::new("alpine"), constraints)
    }),
    ("filtered", |b| {
        b.options.worker_filter = vec!["base".to_owned()];
        b.options.metadata.progress_group = Some(ProgressGroup::new("all", ""));
        let constraints = none().with_worker_filter(["a".to_owned(), "b".to_owned()]);
        b.graph.exec(make(b.alpine), constraints).root
    }),
];
