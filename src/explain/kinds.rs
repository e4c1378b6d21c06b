//! Further kinds of differences between two builds, and the words in which they are told.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::converter::plan::{Fact, Facts, ImageFact, Need, Options};
use crate::converter::{ConversionState, Converter};
use crate::diag::Source;
use crate::image::Platform;

const LINK: u32 = 1 << 27 | 0o777;

/// Returns the record of a build of a Dockerfile behind `FROM base` whose context has a folder `d` with a link and a file.
fn record(dockerfile: &str, link: &str, named: &[(&str, &str)]) -> Record {
    let named = named.iter().map(|(name, context)| ((*name).to_owned(), (*context).to_owned()));
    let options = Options {
        build_platform: Platform::new("linux", "amd64"),
        filename: "Dockerfile".into(),
        named_contexts: named.collect(),
        ..Options::default()
    };
    let text = format!("FROM base\n{dockerfile}");
    let converter = Converter::new(Source::new("Dockerfile", text.as_str()), &options).unwrap();
    let mut pending = converter.start(&options, None).unwrap();
    let mut facts = Facts::new();
    let conversion = loop {
        match pending.resume(&facts).unwrap() {
            ConversionState::Done(conversion) => break conversion,
            ConversionState::Need(more, needs) => {
                pending = more;
                let config =
                    br#"{"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": ["sha256:1"]}}"#;
                facts.extend(needs.into_iter().map(|need| {
                    let image = || ImageFact::new(format!("sha256:{}", "1".repeat(64)), *config);
                    let fact = match need {
                        Need::Image { .. } => Fact::Image(image()),
                        _ => Fact::Ignore(None),
                    };
                    (need, Ok(fact))
                }));
            }
        }
    };
    let mut record = Record::new(Salt::new(1));
    record.dockerfile = "Dockerfile".into();
    add_steps(&mut record, &conversion.marshal("session").unwrap().definition);
    let file = FileEntry { mode: 0o644, size: 1, modified: 5, content: 7, link: String::new() };
    let link = FileEntry { mode: LINK, link: link.to_owned(), ..FileEntry::default() };
    let files = BTreeMap::from([("d/a".to_owned(), file), ("d/l".to_owned(), link)]);
    record.contexts.insert("context".into(), Listing::new(files, None));
    for step in &mut record.steps {
        step.outcome = Outcome::Cached;
    }
    record
}

/// Returns what is told where the first step named `first` ran, and all that stand on it.
fn told_of(old: &Record, mut new: Record, first: &str) -> String {
    let root = new.steps.iter().position(|step| step.name.starts_with(first)).expect(first);
    let mut ran = BTreeSet::from([root]);
    for place in root..new.steps.len() {
        if place == root || new.steps[place].inputs.iter().any(|input| ran.contains(input)) {
            ran.insert(place);
            new.steps[place].outcome = Outcome::Ran;
        }
    }
    explanation_text(&explain(Some(old), &new), &new)
}

#[test]
fn each_difference_is_told_as_the_user_made_it() {
    let stages = "RUN stage > /a\nFROM base\n";
    let stages = |rest: &str| format!("{stages}{rest}");
    for (before, after, first, expected) in [
        (
            "COPY d /d\nRUN ls\n",
            "COPY --link d /d\nRUN ls\n",
            "COPY",
            "  Dockerfile:2 COPY --link d /d\n    the instruction changed: `--link` was added\n  Dockerfile:2 LINK COPY --link d /d\n  Dockerfile:3 RUN ls\n    a step before it ran again: Dockerfile:2 COPY --link d /d\n",
        ),
        (
            "COPY --link d /d\nRUN ls\n",
            "COPY d /d\nRUN ls\n",
            "COPY",
            "  Dockerfile:2 COPY d /d\n    the instruction changed: `--link` was removed\n  Dockerfile:3 RUN ls\n    a step before it ran again: Dockerfile:2 COPY d /d\n",
        ),
        ("COPY d /d\n", "ADD d /d\n", "ADD", "ADD d /d\n    the instruction changed: `COPY` → `ADD`\n"),
        (
            "RUN echo a\n",
            "RUN [\"echo\", \"a\"]\n",
            "RUN",
            "    the instruction changed: `echo a` → `[\"echo\", \"a\"]`\n",
        ),
        (
            "RUN echo a\n",
            "RUN --mount=type=ssh echo a\n",
            "RUN",
            "RUN --mount=type=ssh echo a\n    mount /run/buildkit/ssh_agent.0 was added: type=ssh,id=default,uid=0,gid=0,mode=0600\n",
        ),
        (
            "RUN echo a\n",
            "RUN --mount=type=tmpfs,target=/t echo a\n",
            "RUN",
            "echo a\n    mount /t was added: type=tmpfs\n",
        ),
        (
            &stages("COPY --from=0 /a /a\n"),
            &stages("COPY --from=n /a /a\n"),
            "COPY",
            "    a step before it changed: the named context n\n    it was not there in the last build\n",
        ),
    ] {
        let of = |text: &str| record(text, "a", if text.contains("=n ") { &[("n", "local:n")] } else { &[] });
        let told = told_of(&of(before), of(after), first);
        assert!(told.ends_with(expected), "{before}\n{after}\n{told}\n{expected}");
    }
    let told = told_of(&record("COPY d /d\n", "a", &[]), record("COPY d /d\n", "b", &[]), "COPY");
    assert!(told.ends_with("1 file that it reads changed:\n      d/l (leads elsewhere)\n"), "{told}");
}
