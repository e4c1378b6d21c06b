//! Pairs of builds that differ in one thing: the explanation has to be that one thing.

use super::*;
use crate::converter::plan::NoCache;
use crate::explain::compare::Shown;
use crate::explain::files::FileChange;

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
