//! Pairs of builds, made of real Dockerfiles, and what is said of them.

mod context_files;
mod kinds;
mod one_difference;
mod records;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use super::compare::Reason;
use super::record::MAX_STEPS;
use super::*;
use crate::converter::plan::{Fact, Facts, ImageFact, Need, Options};
use crate::converter::{ConversionState, Converter};
use crate::diag::Source;
use crate::image::Platform;

const DOCKERFILE: &str = "\
FROM alpine:3.20
ARG VERSION
ENV MODE=debug API_TOKEN=first-secret
WORKDIR /app
COPY a.txt lib /app/
COPY --exclude=*.md docs /docs/
COPY *.cfg /etc/
COPY <<EOF /motd
welcome
EOF
RUN make -j2 all
RUN --mount=type=cache,target=/cache,id=c1 --mount=type=tmpfs,target=/t --mount=type=bind,source=tools,target=/x tool
RUN --mount=type=secret,id=s1 --mount=type=ssh last
";

/// Two more stages behind the first.
const CHAIN: &str = "\
FROM alpine:3.20 AS two
COPY --from=one /app /two
RUN two
FROM alpine:3.20
COPY --from=two /two /three
RUN three
";

#[derive(Debug, Clone)]
struct Build {
    dockerfile: String,
    options: Options,
    base: char,
    files: BTreeMap<String, FileEntry>,
}

const FILES: [&str; 9] = [
    "a.txt",
    "docs/guide.txt",
    "docs/readme.md",
    "lib/one.c",
    "lib/deep/two.c",
    "other/unread.c",
    "site.cfg",
    "tools/x",
    "unread.txt",
];

fn build(is_chain: bool) -> Build {
    let entry = |path: &&str| {
        let entry = FileEntry { mode: 0o644, size: 10, modified: 5, content: 7, link: String::new() };
        ((*path).to_owned(), entry)
    };
    let mut dockerfile = DOCKERFILE.to_owned();
    if is_chain {
        dockerfile = dockerfile.replace("FROM alpine:3.20\n", "FROM alpine:3.20 AS one\n") + CHAIN;
    }
    let options = Options {
        build_platform: Platform::new("linux", "amd64"),
        build_args: BTreeMap::from([("VERSION".to_owned(), "1".to_owned())]),
        filename: "Dockerfile".into(),
        ..Options::default()
    };
    Build { dockerfile, options, base: '1', files: FILES.iter().map(entry).collect() }
}

impl Build {
    fn record(&self) -> Record {
        let converter =
            Converter::new(Source::new("Dockerfile", self.dockerfile.as_str()), &self.options).unwrap();
        let mut pending = converter.start(&self.options, None).unwrap();
        let mut facts = Facts::new();
        let conversion = loop {
            match pending.resume(&facts).unwrap() {
                ConversionState::Done(conversion) => break conversion,
                ConversionState::Need(more, needs) => {
                    pending = more;
                    for need in needs {
                        let config =
                            br#"{"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": ["sha256:1"]}}"#;
                        let digest = format!("sha256:{}", self.base.to_string().repeat(64));
                        let fact = match need {
                            Need::Image { .. } => Fact::Image(ImageFact::new(digest, *config)),
                            _ => Fact::Ignore(None),
                        };
                        facts.insert(need, Ok(fact));
                    }
                }
            }
        };
        let mut record = Record::new(Salt::new(1));
        record.dockerfile = "Dockerfile".into();
        add_steps(&mut record, &conversion.marshal("session").unwrap().definition);
        record.contexts.insert("context".into(), Listing::new(self.files.clone(), None));
        for step in &mut record.steps {
            step.outcome = Outcome::Cached;
        }
        record
    }

    fn edit(&mut self, from: &str, to: &str) {
        assert_eq!(self.dockerfile.matches(from).count(), 1, "{from}");
        self.dockerfile = self.dockerfile.replace(from, to);
    }
}

/// Lets the first step whose name begins with `first` run, and all that stand on it.
fn run_from(record: &mut Record, first: &str) -> usize {
    let root = record.steps.iter().position(|step| step.name.starts_with(first)).expect(first);
    let mut ran = BTreeSet::from([root]);
    for place in root..record.steps.len() {
        if place == root || record.steps[place].inputs.iter().any(|input| ran.contains(input)) {
            ran.insert(place);
            record.steps[place].outcome = Outcome::Ran;
        }
    }
    root
}

#[test]
fn a_step_that_the_last_build_did_not_reach_is_not_called_lost() {
    let (mut old, mut new) = (build(false).record(), build(false).record());
    let root = run_from(&mut new, "RUN make");
    old.steps[root].outcome = Outcome::NotReached;
    let Explanation::Steps(steps) = explain(Some(&old), &new) else { panic!("a record is there") };
    assert_eq!(steps[0].reasons, [Reason::NotReached]);
    old.steps[root].outcome = Outcome::Failed;
    let Explanation::Steps(steps) = explain(Some(&old), &new) else { panic!("a record is there") };
    assert_eq!(steps[0].reasons, [Reason::Unfinished]);
    assert_eq!(explain(None, &new), Explanation::FirstBuild);
}

/// Returns what is told of the step whose name begins with `step`, where that and all that stand on it ran.
fn told_of(before: &Build, after: &Build, step: &str) -> String {
    let (old, mut new) = (before.record(), after.record());
    let root = run_from(&mut new, step);
    let told = told(&explain(Some(&old), &new), &new);
    told.into_iter().find(|told| told.steps.contains(&root)).expect("it is told").lines.join("\n")
}

#[test]
fn what_a_step_stands_on_is_compared_whatever_it_is() {
    const ON_IMAGE: &str = "FROM alpine:3.20\nCOPY a.txt /x\n";
    const ON_NOTHING: &str = "FROM scratch\nCOPY a.txt /x\n";
    const STAGES: &str = "FROM alpine:3.20 AS one\nRUN one\nFROM alpine:3.20 AS two\nRUN two\nFROM scratch\n";
    let of = |dockerfile: &str| Build { dockerfile: dockerfile.to_owned(), ..build(false) };
    let stages = |last: &str| of(&format!("{STAGES}{last}"));
    for (before, after, step, told) in [
        (
            of(ON_IMAGE),
            of(ON_NOTHING),
            "COPY",
            "it stands on another step: on `FROM docker.io/library/alpine:3.20` before, on nothing now",
        ),
        (
            of(ON_NOTHING),
            of(ON_IMAGE),
            "COPY",
            "a step before it changed: Dockerfile:1 FROM docker.io/library/alpine:3.20\nit was not there",
        ),
        (
            of(ON_IMAGE),
            Build { base: '2', ..of(&ON_IMAGE.replace("alpine:3.20", "busybox:1")) },
            "COPY",
            "the base image is another: `docker.io/library/alpine:3.20` → `docker.io/library/busybox:1`",
        ),
        (
            stages("COPY --from=one /a /a\n"),
            stages("COPY --from=two /a /a\n"),
            "COPY",
            "a step before it changed: Dockerfile:4 RUN two\nit was not there in the last build",
        ),
        (
            of("FROM alpine:3.20\nRUN [\"git\", \"-C\", \"one\"]\n"),
            of("FROM alpine:3.20\nRUN [\"git\", \"-c\", \"one\"]\n"),
            "RUN",
            "the instruction changed:",
        ),
    ] {
        let found = told_of(&before, &after, step);
        assert!(found.contains(told), "{}\n{}\n{found}", before.dockerfile, after.dockerfile);
        assert!(!found.contains("nothing changed"), "{found}");
    }
}

#[test]
fn an_image_under_another_name_is_the_same_by_its_digest() {
    let before = build(false);
    let mut after = before.clone();
    after.edit("FROM alpine:3.20", "FROM alpine:3.21");
    assert_eq!(told_of(&before, &after, "WORKDIR"), told_of(&before, &before, "WORKDIR"));
    after.base = '2';
    let other =
        "the base image is another: `docker.io/library/alpine:3.20` → `docker.io/library/alpine:3.21`";
    assert_eq!(told_of(&before, &after, "WORKDIR"), other);
}

/// A build of `count` instructions, the source image not among them.
fn long_build(count: usize) -> Build {
    let runs: Vec<String> = (0..count).map(|number| format!("RUN step {number}\n")).collect();
    Build { dockerfile: format!("FROM alpine:3.20\n{}", runs.concat()), ..build(false) }
}
