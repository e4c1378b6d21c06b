//! Pairs of builds that differ in one thing, made of real Dockerfiles: the explanation has to be that one thing.

use std::collections::{BTreeMap, BTreeSet};

use super::compare::{Reason, Shown};
use super::files::FileChange;
use super::*;
use crate::converter::plan::{Fact, Facts, ImageFact, Need, NoCache, Options};
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
        record.contexts.insert("context".into(), Listing::new(self.files.clone()));
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

/// A reason in one word or a few, values of options left out.
fn brief(reason: &Reason, record: &Record) -> Vec<String> {
    vec![match reason {
        Reason::Files(changes) => {
            let file = |FileChange { path, how }: &FileChange| format!("{path} {how:?}");
            format!("files: {}", changes.iter().map(file).collect::<Vec<_>>().join(", "))
        }
        Reason::Variable(name, (old, new)) => {
            let text = |value: &Option<Shown>| value.as_ref().map_or("-".to_owned(), |value| value.0.clone());
            format!("variable {name}: {} {}", text(old), text(new))
        }
        Reason::Option(name, _) => format!("option {name}"),
        Reason::Base(name, _) => format!("base {name}"),
        Reason::Platform(_) => "platform".to_owned(),
        Reason::Earlier(roots) => {
            let of = |(place, reasons): &(usize, Vec<Reason>)| match &reasons[..] {
                [] => vec![format!("after {}", record.steps[*place].name)],
                reasons => reasons.iter().flat_map(|reason| brief(reason, record)).collect(),
            };
            return roots.iter().flat_map(of).collect();
        }
        Reason::Instruction(..) => "instruction".to_owned(),
        Reason::Content(_) => "content".to_owned(),
        Reason::Removed(names) => format!("removed {}", names.join(", ")),
        Reason::OtherInput(..) => "other input".to_owned(),
        other => format!("{other:?}"),
    }]
}

/// What differs, in which step that shows first, and the reason.
struct Case {
    name: String,
    change: Box<dyn Fn(&mut Build)>,
    step: &'static str,
    reason: String,
}

fn case(
    name: impl Into<String>,
    step: &'static str,
    reason: impl Into<String>,
    change: impl Fn(&mut Build) + 'static,
) -> Case {
    Case { name: name.into(), change: Box::new(change), step, reason: reason.into() }
}

fn edits() -> Vec<Case> {
    const MAKE: &str = "RUN make";
    const TOOL: &str = "RUN --mount=type=cache";
    const LAST: &str = "RUN --mount=type=secret";
    [
        ("make -j2", "make -j4", MAKE, "instruction"),
        ("-j2 all", "-j2", MAKE, "instruction"),
        ("-j2 all", "-j2 all install", MAKE, "instruction"),
        ("/x tool", "/x tool --fast", TOOL, "instruction"),
        ("ssh last", "ssh last one", LAST, "instruction"),
        ("MODE=debug", "MODE=release", MAKE, "variable MODE: debug release"),
        ("MODE=debug", "MODE=debug MORE=1", MAKE, "variable MORE: - 1"),
        ("MODE=debug ", "", MAKE, "variable MODE: debug -"),
        ("first-secret", "other-secret", MAKE, "variable API_TOKEN: *** ***"),
        ("ARG VERSION\n", "", MAKE, "variable VERSION: 1 -"),
        // Of a cache mount with an id of its own, buildkitd looks neither at the id nor at how it is shared.
        ("id=c1", "id=c2", TOOL, "Gone"),
        ("id=c1", "id=c1,sharing=locked", TOOL, "Gone"),
        ("target=/cache,id=c1", "target=/cache", TOOL, "option mount /cache"),
        ("target=/cache,id=c1", "target=/other,id=c1", TOOL, "option mount /cache+option mount /other"),
        ("target=/t ", "target=/t,size=1m ", TOOL, "option mount /t"),
        ("source=tools", "source=tools,rw", TOOL, "option mount /x"),
        ("--mount=type=tmpfs,target=/t ", "", TOOL, "option mount /t"),
        ("id=s1 ", "id=s1,mode=0444 ", LAST, "option mount /run/secrets/s1"),
        ("id=s1 ", "id=s1,uid=7 ", LAST, "option mount /run/secrets/s1"),
        ("type=ssh ", "type=ssh,uid=7 ", LAST, "option mount /run/buildkit/ssh_agent.0"),
        ("RUN make", "RUN --network=none make", "RUN --network", "option network"),
        ("RUN make", "USER app\nRUN make", MAKE, "option user"),
        ("RUN make", "RUN --security=insecure make", "RUN --security", "option security"),
        ("COPY a.txt lib /app/", "COPY --chown=7:7 a.txt lib /app/", "COPY --chown", "option owner"),
        ("COPY --exclude=*.md docs", "COPY --chmod=755 --exclude=*.md docs", "COPY --chmod", "option mode"),
        ("a.txt lib /app/", "a.txt lib /srv/", "COPY a.txt", "instruction"),
        ("COPY *.cfg", "COPY s*.cfg", "COPY s*", "instruction"),
        ("--exclude=*.md ", "--exclude=*.rst ", "COPY --exclude", "option exclude"),
        ("WORKDIR /app", "WORKDIR /srv", "WORKDIR", "instruction"),
        ("RUN make -j2 all", "RUN extra\nRUN make -j2 all", "RUN extra", "New"),
        ("WORKDIR /app", "RUN early\nWORKDIR /app", "RUN early", "New"),
        ("RUN make -j2 all\n", "", TOOL, "removed RUN make -j2 all"),
    ]
    .into_iter()
    .map(|(from, to, step, reason)| {
        case(format!("{from} → {to}"), step, reason, move |build| build.edit(from, to))
    })
    .collect()
}

fn files() -> Vec<Case> {
    let mut cases = Vec::new();
    for (path, step) in [
        ("a.txt", "COPY a.txt"),
        ("lib/one.c", "COPY a.txt"),
        ("lib/deep/two.c", "COPY a.txt"),
        ("docs/guide.txt", "COPY --exclude"),
        ("site.cfg", "COPY *.cfg"),
        ("tools/x", "RUN --mount=type=cache"),
    ] {
        let with = |how: &str, change: fn(&mut FileEntry)| {
            let change = move |build: &mut Build| change(build.files.get_mut(path).unwrap());
            case(format!("{path} {how}"), step, format!("files: {path} {how}"), change)
        };
        cases.push(with("Content", |file| file.content = 8));
        cases.push(with("Content", |file| file.size += 1));
        cases.push(with("Mode(420, 493)", |file| file.mode = 0o755));
        cases.push(with("Kind", |file| file.mode |= 1 << 27));
        cases.push(with("Rewritten", |file| {
            (file.modified, file.content) = (6, 0);
        }));
        cases.push(case(format!("{path} removed"), step, format!("files: {path} Removed"), move |build| {
            build.files.remove(path);
        }));
        cases.push(case(format!("{path} touched"), step, "Gone", move |build| {
            build.files.get_mut(path).unwrap().modified = 6;
        }));
    }
    for (path, step) in
        [("lib/new.c", "COPY a.txt"), ("docs/n/new.txt", "COPY --exclude"), ("new.cfg", "COPY *.cfg")]
    {
        cases.push(case(format!("{path} added"), step, format!("files: {path} Added"), move |build| {
            build.files.insert(path.into(), FileEntry { mode: 0o644, ..FileEntry::default() });
        }));
    }
    // What no instruction reads explains nothing.
    for path in ["docs/readme.md", "other/unread.c", "unread.txt"] {
        cases.push(case(format!("{path} changed"), "COPY --exclude", "Gone", move |build| {
            build.files.get_mut(path).unwrap().size += 1;
        }));
    }
    cases
}

fn others() -> Vec<Case> {
    vec![
        case("base", "WORKDIR", "base docker.io/library/alpine:3.20", |build| build.base = '2'),
        case("argument", "RUN make", "variable VERSION: 1 2", |build| {
            build.options.build_args.insert("VERSION".into(), "2".into());
        }),
        case("platform", "WORKDIR", "platform", |build| {
            build.options.build_platform = Platform::new("linux", "arm64");
        }),
        case("no cache", "COPY a.txt", "Requested", |build| build.options.no_cache = NoCache::All),
        case("nothing", "RUN make", "Gone", |_| {}),
    ]
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

/// Returns what is wrong with the explanation of a case, if something is.
fn check(case: &Case, is_chain: bool) -> Option<String> {
    let before = build(is_chain);
    let mut after = before.clone();
    (case.change)(&mut after);
    let old = Record::from_bytes(&before.record().to_bytes().unwrap()).unwrap();
    let mut new = after.record();
    let root = run_from(&mut new, case.step);
    let Explanation::Steps(steps) = explain(Some(&old), &new) else { panic!("a record is there") };
    let mut allowed: Vec<String> = case.reason.split('+').map(str::to_owned).collect();
    allowed.push(format!("after {}", new.steps[root].name));
    if case.step == "WORKDIR" && case.reason == "instruction" {
        // What the commands behind it see of it.
        allowed.push("option working folder".to_owned());
    }
    let mut is_root_explained = false;
    for explained in &steps {
        let reasons: Vec<String> = explained.reasons.iter().flat_map(|reason| brief(reason, &new)).collect();
        let is_root = explained.step == root;
        is_root_explained |= is_root;
        if (is_root && reasons.join("+") != case.reason)
            || !reasons.iter().all(|reason| allowed.contains(reason))
        {
            return Some(format!("{}: {}: {reasons:?}", case.name, new.steps[explained.step].name));
        }
    }
    let text = explanation_text(&Explanation::Steps(steps), &new);
    let written = String::from_utf8(new.to_bytes().unwrap()).unwrap();
    let shows_secret = text.contains("-secret") || written.contains("-secret");
    (shows_secret || !is_root_explained).then(|| format!("{}: {text}", case.name))
}

fn cases() -> Vec<Case> {
    edits().into_iter().chain(files()).chain(others()).collect()
}

#[test]
fn one_difference_is_explained_by_itself_alone() {
    let cases = cases();
    assert!(cases.len() >= 60, "{}", cases.len());
    let wrong: Vec<String> = cases.iter().filter_map(|case| check(case, false)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn one_difference_explains_all_steps_of_three_stages() {
    // What all stages have in common is more than one difference there.
    let common = ["base", "platform", "no cache"];
    let cases = cases().into_iter().filter(|case| !common.contains(&case.name.as_str()));
    let wrong: Vec<String> = cases.filter_map(|case| check(&case, true)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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

#[test]
fn files_that_the_last_build_did_not_list_have_not_changed() {
    let before = build(false);
    let mut after = before.clone();
    after.edit("COPY a.txt lib /app/", "COPY . /app/");
    let mut old = before.record();
    let few = before.files.iter().filter(|(path, _)| path.starts_with("lib"));
    old.contexts.insert("context".into(), Listing::new(few.map(|(path, file)| (path.clone(), file.clone()))));
    let mut new = after.record();
    let root = run_from(&mut new, "COPY . /app/");
    let told = told(&explain(Some(&old), &new), &new);
    assert_eq!((told[0].steps.as_slice(), told[0].lines.len()), (&[root][..], 1), "{told:?}");
    assert!(told[0].lines[0].starts_with("the instruction changed: "), "{told:?}");
}

#[test]
fn the_mode_of_a_folder_counts_where_it_is_copied() {
    let mut before = build(false);
    before.files.insert("lib".into(), FileEntry { mode: 1 << 31 | 0o755, ..FileEntry::default() });
    let mut after = before.clone();
    after.files.get_mut("lib").unwrap().mode = 1 << 31 | 0o700;
    let told = told_of(&before, &after, "COPY a.txt");
    assert_eq!(told, "1 file that it reads changed:\n  lib (mode 0755 → 0700)");
}

#[test]
fn a_here_document_has_the_lines_of_its_instruction() {
    let before = build(false);
    let mut after = before.clone();
    after.edit("welcome", "good bye");
    let (old, mut new) = (before.record(), after.record());
    run_from(&mut new, "preparing");
    let text = explanation_text(&explain(Some(&old), &new), &new);
    let expected = "  Dockerfile:8 preparing inline document\n    the content of its here-document changed\n";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn what_a_link_leads_to_is_read() {
    let link = |to: &str| FileEntry { mode: 1 << 27 | 0o777, link: to.to_owned(), ..FileEntry::default() };
    let mut before = build(false);
    before.files.insert("a.txt".into(), link("other"));
    before.files.insert("own.cfg".into(), link("unread.txt"));
    let mut after = before.clone();
    after.files.get_mut("other/unread.c").unwrap().content = 8;
    let told = told_of(&before, &after, "COPY a.txt");
    assert_eq!(told, "1 file that it reads changed:\n  other/unread.c (content)");
    let mut after = before.clone();
    after.files.get_mut("unread.txt").unwrap().content = 8;
    assert_eq!(
        told_of(&before, &after, "COPY *.cfg"),
        "1 file that it reads changed:\n  unread.txt (content)"
    );
    after.files.insert("a.txt".into(), link("lib"));
    let told = told_of(&before, &after, "COPY a.txt");
    assert!(told.contains("  a.txt (leads elsewhere)"), "{told}");
}

#[test]
fn a_further_name_of_a_file_has_its_content() {
    let name = |content| FileEntry { mode: 0o644, size: 10, modified: 5, content, link: "a.txt".into() };
    let mut before = build(false);
    before.files.insert("lib/two".into(), name(0));
    let mut after = before.clone();
    after.files.get_mut("a.txt").unwrap().content = 8;
    let lists = |build: &Build| {
        let mut listing = Listing::new(build.files.clone()).unwrap();
        listing.carry_over(None);
        listing
    };
    let (mut old, mut new) = (before.record(), after.record());
    old.contexts.insert("context".into(), Some(lists(&before)));
    new.contexts.insert("context".into(), Some(lists(&after)));
    run_from(&mut new, "COPY a.txt");
    let text = explanation_text(&explain(Some(&old), &new), &new);
    assert!(text.contains("      a.txt (content)\n      lib/two (content)\n"), "{text}");
}

#[test]
fn a_file_that_may_have_changed_hides_nothing_that_did() {
    let before = build(false);
    let mut after = before.clone();
    let file = after.files.get_mut("docs/guide.txt").unwrap();
    (file.modified, file.content) = (6, 0);
    let told = told_of(&before, &after, "COPY --exclude");
    assert!(told.starts_with("1 file that it reads may have changed:\n"), "{told}");
    after.base = '2';
    assert_eq!(told_of(&before, &after, "WORKDIR").lines().count(), 1);
    let (old, mut new) = (before.record(), after.record());
    run_from(&mut new, "WORKDIR");
    let text = explanation_text(&explain(Some(&old), &new), &new);
    assert!(!text.contains("guide.txt"), "{text}");
}

#[test]
fn another_daemon_and_an_ignore_file_are_named() {
    let (mut old, mut new) = (build(false).record(), build(false).record());
    (old.daemon, new.daemon) = ("one".into(), "two".into());
    run_from(&mut new, "RUN make");
    let text = explanation_text(&explain(Some(&old), &new), &new);
    assert!(
        text.contains("    nothing changed: this buildkitd does not have its result; the last"),
        "{text}"
    );
    new.daemon.clear();
    let text = explanation_text(&explain(Some(&old), &new), &new);
    assert!(text.contains("    nothing changed: buildkitd and the imported caches no longer"), "{text}");
}

#[test]
fn graphs_are_compared_without_a_build() {
    let before = build(false);
    let mut after = before.clone();
    after.edit("make -j2", "make -j4");
    let (old, new) = (before.record(), after.record());
    let text = diff_text(&graph_difference(&old, &new), &old, &new);
    assert_eq!(text, "Dockerfile:11 RUN make -j4 all\n    the instruction changed: `-j2` → `-j4`\n");
    assert_eq!(diff_text(&graph_difference(&old, &old), &old, &old), "The graphs have the same steps.\n");
}

#[test]
fn many_files_are_counted_and_those_that_programs_make_are_named() {
    let before = build(false);
    let mut after = before.clone();
    for number in 0..12 {
        after.files.insert(format!("lib/log{number:02}.log"), FileEntry::default());
    }
    let (old, mut new) = (before.record(), after.record());
    run_from(&mut new, "COPY a.txt");
    let text = explanation_text(&explain(Some(&old), &new), &new);
    let expected = "Why steps ran again:\n  Dockerfile:5 COPY a.txt lib /app/\n    12 files that it reads \
                    changed:\n      lib/log00.log (added)\n";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.contains("\n      and 2 more\n"), "{text}");
    assert!(text.contains("name them in .dockerignore: **/*.log\n"), "{text}");
    let chain = "\n    a step before it ran again: Dockerfile:5 COPY a.txt lib /app/\n";
    assert!(text.ends_with(chain), "{text}");
}

#[test]
fn fuzz_records_of_anybody_are_read_without_harm() {
    let bytes = build(true).record().to_bytes().unwrap();
    let mut new = build(false).record();
    run_from(&mut new, "WORKDIR");
    crate::fuzz::run(&[&bytes], |mutated| {
        if let Ok(old) = Record::from_bytes(mutated) {
            let _ = explanation_text(&explain(Some(&old), &new), &new);
            let _ = diff_text(&graph_difference(&old, &new), &old, &new);
        }
    });
}

#[test]
fn a_record_of_many_files_stays_small() {
    let file = |number: usize| {
        let path = format!("packages/module-{:03}/src/components/file-{number:05}.ts", number / 100);
        let (number, second) = (number as u64, 1_000_000_000);
        let modified =
            1_700_000_000 * second + (number * 7_919 % 86_400).cast_signed() * second + 123_456_789;
        let content = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (path, FileEntry { mode: 0o644, size: 13_000, modified, content, link: String::new() })
    };
    let mut record = build(true).record();
    record.contexts.insert("context".into(), Listing::new((0..30_000).map(file)));
    let bytes = record.to_bytes().unwrap();
    assert!(bytes.len() <= 3_000_000, "{}", bytes.len());
    assert_eq!(Record::from_bytes(&bytes).unwrap(), record);
}
