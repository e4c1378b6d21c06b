//! Further kinds of differences between two builds, and the words in which they are told.

use super::*;

const LINK: u32 = 1 << 27 | 0o777;

/// Returns a build of a Dockerfile behind `FROM base` whose context has a folder `d` with a link and a file.
fn build_of(dockerfile: &str, link: &str, named: &[(&str, &str)]) -> Build {
    let mut build = build(false);
    build.dockerfile = format!("FROM base\n{dockerfile}");
    let named = named.iter().map(|(name, context)| ((*name).to_owned(), (*context).to_owned()));
    build.options.named_contexts = named.collect();
    let file = FileEntry { mode: 0o644, size: 1, modified: 5, content: 7, link: String::new() };
    let link = FileEntry { mode: LINK, link: link.to_owned(), ..FileEntry::default() };
    build.files = BTreeMap::from([("d/a".to_owned(), file), ("d/l".to_owned(), link)]);
    build
}

/// Returns what is told where the first step named `first` ran, and all that stand on it.
fn text_of(before: &Build, after: &Build, first: &str) -> String {
    let mut new = after.record();
    run_from(&mut new, first);
    explanation_text(&explain(Some(&before.record()), &new), &new)
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
        let of =
            |text: &str| build_of(text, "a", if text.contains("=n ") { &[("n", "local:n")] } else { &[] });
        let told = text_of(&of(before), &of(after), first);
        assert!(told.ends_with(expected), "{before}\n{after}\n{told}\n{expected}");
    }
    let told = text_of(&build_of("COPY d /d\n", "a", &[]), &build_of("COPY d /d\n", "b", &[]), "COPY");
    assert!(told.ends_with("1 file that it reads changed:\n      d/l (leads elsewhere)\n"), "{told}");
}
