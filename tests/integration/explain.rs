//! Why steps ran again, on a real buildkitd: a change, a touched file, a cache that was emptied, other daemons, other
//! contexts, workspace mode.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use super::support::{
    Bob, Buildkitd, Image, Outcome, Project, Proxy, Registry, Web, Workspace, endless_seconds,
};

/// What a build with `--explain-cache` said of its steps.
fn explained(outcome: &Outcome) -> &str {
    let stderr = &outcome.stderr;
    let begins = ["\nWhy steps ran again:", "\nNo step ran again", "\nThere is no record of a build"];
    let at = begins.iter().find_map(|begin| stderr.find(begin));
    &stderr[at.unwrap_or_else(|| panic!("no explanation:\n{stderr}")) + 1..]
}

/// Builds that have one folder of records.
struct Builds<'a> {
    project: Project,
    daemon: &'a Buildkitd,
    state: tempfile::TempDir,
}

impl<'a> Builds<'a> {
    fn new(daemon: &'a Buildkitd, files: &[(&str, &str)]) -> Self {
        let state = tempfile::tempdir().expect("a folder");
        Self { project: Project::new(files), daemon, state }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.project.path().join(name), text).expect("written");
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.project.path().join(name)
    }

    /// Builds, and returns what is said of it.
    fn told(&self, args: &[&str]) -> String {
        explained(&self.command(self.daemon, args).succeed()).to_owned()
    }

    fn command(&self, daemon: &Buildkitd, args: &[&str]) -> Bob {
        let args = [&["--explain-cache", "-o", "type=cacheonly"], args].concat();
        self.project.build_on(daemon, &args).env("XDG_STATE_HOME", self.state.path())
    }

    fn asked(&self, context: impl AsRef<Path>) -> Outcome {
        Bob::new(["explain"]).arg(context.as_ref()).env("XDG_STATE_HOME", self.state.path()).run()
    }
}

const NOTHING: &str = "No step ran again: all results were in the cache.\n";

/// Pushes what a Dockerfile makes of the source image.
fn push_base(daemon: &Buildkitd, name: &str, more: &str) -> String {
    let source = Image::push_source(Registry::shared(), "explain/base-source:latest");
    let reference = Registry::shared().reference(name);
    let project = Project::new(&[("Dockerfile", &format!("FROM {source}\n{more}"))]);
    project.build_on(daemon, &["-t", &reference, "--push"]).succeed();
    reference
}

/// What is built, the change, and what has to be said then.
type Case<'a> =
    (&'a str, Vec<(&'a str, &'a str)>, &'a [&'a str], Box<dyn Fn(&Builds<'_>)>, &'a [&'a str], String);

#[test]
#[expect(clippy::too_many_lines, reason = "a table of changes")]
fn odd_changes_are_told_as_they_are() {
    let daemon = Buildkitd::shared();
    let base = Image::push_source(Registry::shared(), "explain/odd:latest");
    let other = push_base(daemon, "explain/odd:other", "ENV OTHER=1\n");
    let of = |rest: &str| format!("FROM {base}\n{rest}");
    let edit = |from: &'static str, to: &'static str| {
        Box::new(move |builds: &Builds<'_>| {
            let text = fs::read_to_string(builds.path("Dockerfile")).expect("text");
            assert!(text.contains(from), "{text}");
            builds.write("Dockerfile", &text.replace(from, to));
        }) as Box<dyn Fn(&Builds<'_>)>
    };
    let write = |name: &'static str, text: &'static str| {
        Box::new(move |builds: &Builds<'_>| builds.write(name, text)) as Box<dyn Fn(&Builds<'_>)>
    };
    let mode = |name: &'static str| {
        Box::new(move |builds: &Builds<'_>| {
            fs::set_permissions(builds.path(name), fs::Permissions::from_mode(0o700)).expect("a mode");
        }) as Box<dyn Fn(&Builds<'_>)>
    };
    let link = |name: &'static str, to: &'static str| {
        Box::new(move |builds: &Builds<'_>| {
            let _ = fs::remove_file(builds.path(name));
            symlink(to, builds.path(name)).expect("a link");
        }) as Box<dyn Fn(&Builds<'_>)>
    };
    let step = |line: u32, name: &str, why: &str| format!("  Dockerfile:{line} {name}\n    {why}\n");
    let files = |line: u32, name: &str, file: &str| {
        step(line, name, &format!("1 file that it reads changed:\n      {file}"))
    };
    let named = ["--build-context", "docs=docs"];
    let argument = format!("ARG OF={base}\nFROM $OF\nRUN echo odd-4\n");
    let (of_other, of_first) = (format!("OF={other}"), format!("OF={base}"));
    let (first_argument, other_argument) = (["--build-arg", &*of_first], ["--build-arg", &*of_other]);
    let platforms = ["--platform", "linux/amd64,linux/arm64"];
    let cases: Vec<Case<'_>> = vec![
        (
            "a named context",
            vec![("Dockerfile", "COPY --from=docs a /odd-1\n"), ("docs/a", "odd-1")],
            &named,
            write("docs/a", "odd-1 changed"),
            &named,
            files(2, "COPY --from=docs a /odd-1", "a (content)"),
        ),
        (
            "a here-document",
            vec![("Dockerfile", "COPY <<E /odd-2\none\nE\n")],
            &[],
            edit("one", "two"),
            &[],
            step(2, "preparing inline document", "the content of its here-document changed"),
        ),
        (
            "nothing, of a step that buildkitd is asked for its cache key",
            vec![("Dockerfile", "COPY <<E /odd-12\none\nE\n")],
            &[],
            Box::new(|_| {}),
            &[],
            NOTHING.to_owned(),
        ),
        (
            "the base by an argument",
            vec![("Dockerfile", "")],
            &first_argument,
            Box::new(|_| {}),
            &other_argument,
            // The variables of the other image come with it.
            format!("the base image is another: `{base}` → `{other}`\n"),
        ),
        (
            "a linked file",
            vec![("Dockerfile", "COPY link /odd-5\n"), ("a", "odd-5"), ("b", "odd-5 b"), ("link", "")],
            &[],
            link("link", "b"),
            &[],
            files(2, "COPY link /odd-5", "link (became something else)"),
        ),
        (
            "a file that comes into view",
            vec![("Dockerfile", "COPY a /odd-6/\n"), ("a", "odd-6"), ("b", "odd-6")],
            &[],
            edit("COPY a", "COPY ."),
            &[],
            step(2, "COPY . /odd-6/", "the instruction changed: `a` → `.`"),
        ),
        (
            "the id of a cache mount, which does not count",
            vec![("Dockerfile", "RUN --mount=type=cache,id=one,target=/c echo odd-7\n")],
            &[],
            edit("id=one", "id=two"),
            &[],
            NOTHING.to_owned(),
        ),
        (
            "the mode of a file",
            vec![("Dockerfile", "COPY d /odd-8\n"), ("d/a", "odd-8")],
            &[],
            mode("d/a"),
            &[],
            files(2, "COPY d /odd-8", "d/a (mode 0644 → 0700)"),
        ),
        (
            "the ignore file",
            vec![
                ("Dockerfile", "COPY d /odd-9\n"),
                ("d/a", "odd-9"),
                ("d/b", "odd-9"),
                (".dockerignore", "x\n"),
            ],
            &[],
            write(".dockerignore", "d/b\n"),
            &[],
            files(2, "COPY d /odd-9", "d/b (removed)")
                + "    the ignore file changed as well: what was added or removed may be in the folder as before\n",
        ),
        (
            "a filter of --no-cache",
            vec![("Dockerfile", "RUN echo odd-10\n")],
            &[],
            Box::new(|_| {}),
            &["--no-cache-filter", "filtered"],
            step(2, "RUN echo odd-10", "asked for with --no-cache or --no-cache-filter"),
        ),
        (
            "two platforms",
            vec![("Dockerfile", "COPY a /odd-11\n"), ("a", "odd-11")],
            &platforms,
            write("a", "odd-11 changed"),
            &platforms,
            "Dockerfile:2 COPY a /odd-11\n    1 file that it reads changed:\n      a (content)\n".to_owned(),
        ),
    ];
    for (name, mut content, args, change, again, expected) in cases {
        let rest = content[0].1;
        let dockerfile = match name {
            "the base by an argument" => argument.clone(),
            "two platforms" => format!("FROM scratch\n{rest}"),
            "a filter of --no-cache" => format!("FROM {base} AS filtered\n{rest}"),
            _ => of(rest),
        };
        content[0].1 = &dockerfile;
        let builds = Builds::new(daemon, &content);
        builds.told(args);
        change(&builds);
        let told = builds.told(again);
        assert!(told.contains(&expected), "{name}: {expected}\n{told}");
    }
}

#[test]
fn what_another_daemon_does_not_have_has_not_changed() {
    let [one, two] = [Buildkitd::start(), Buildkitd::start()];
    let builds =
        Builds::new(&one, &[("Dockerfile", "FROM scratch\nCOPY a /a\nCOPY b /b\n"), ("a", "1"), ("b", "2")]);
    builds.told(&[]);
    let on_two = || explained(&builds.command(&two, &[]).succeed()).to_owned();
    let told = on_two();
    let copy = "  Dockerfile:2 COPY a /a\n    nothing changed: this buildkitd does not have its result; the last build was \
                on another one\n  Dockerfile:3 COPY b /b\n    a step before it ran again: Dockerfile:2 COPY a /a\n";
    assert_eq!(told, format!("Why steps ran again:\n{copy}"));
    assert_eq!(on_two(), NOTHING);
    builds.write("b", "3");
    let told = on_two();
    assert!(told.ends_with("COPY b /b\n    1 file that it reads changed:\n      b (content)\n"), "{told}");
    let told = builds.told(&[]);
    assert!(
        told.contains("COPY b /b\n    nothing changed: this buildkitd does not have its result"),
        "{told}"
    );
    Bob::new(["prune", "--all", "--force", "--addr", &one.addr()]).succeed();
    let told = builds.told(&[]);
    assert!(
        told.contains("nothing changed: buildkitd and the imported caches no longer have its result"),
        "{told}"
    );
}

#[test]
fn steps_that_the_last_build_did_not_end_are_not_called_lost() {
    let base = Image::push_source(Registry::shared(), "explain/unended:latest");
    let seconds = endless_seconds();
    let dockerfile =
        format!("FROM {base}\nCOPY a /unended\nRUN test \"$(cat /unended)\" = good\nRUN echo late\n");
    let builds = Builds::new(Buildkitd::shared(), &[("Dockerfile", &dockerfile), ("a", &seconds)]);
    let failed = || explained(&builds.command(builds.daemon, &[]).fail(1)).to_owned();
    failed();
    let told = failed();
    assert!(told.contains("    nothing changed: it did not end well in the last build\n"), "{told}");
    builds.write("Dockerfile", &dockerfile.replace(" = good", " != good"));
    let told = builds.told(&[]);
    assert!(told.contains("    the instruction changed: `=` → `!=`\n"), "{told}");
    assert!(told.contains("RUN echo late\n    a step before it ran again: Dockerfile:3 RUN test"), "{told}");
}

#[test]
fn records_of_a_workspace_are_told_of_its_builds() {
    let registry = Registry::shared_secured();
    let source = Image::push_source(Registry::shared(), "explain/workspace:latest");
    let dockerfile = format!("FROM {source}\nCOPY greeting /\nRUN cat /greeting\n");
    let files = [("project/.gitpod.Dockerfile", dockerfile.as_str()), ("project/greeting", "hello\n")];
    let workspace = Workspace::new(&files);
    let state = tempfile::tempdir().expect("a folder");
    let daemon = Buildkitd::shared();
    let build = |number: u32| {
        let names = ["base", "target"].map(|name| format!("explain{number}/{name}:v1"));
        let proxy = Proxy::start(registry, &names[0], &names[1]);
        let outcome = workspace
            .build(&proxy.reference("base:v1"), &proxy.reference("target:v1"))
            .env("BOB_PROXY_TOKEN", Proxy::TOKEN)
            .env("BOB_BUILD_BASE", "true")
            .env("BOB_DOCKERFILE_PATH", workspace.at("project/.gitpod.Dockerfile"))
            .env("BOB_CONTEXT_DIR", workspace.at("project"))
            .env("BOB_EXTERNAL_BUILDKITD", daemon.addr())
            .env("BOB_EXPLAIN_CACHE", "1")
            .env("XDG_STATE_HOME", state.path())
            .succeed();
        explained(&outcome).to_owned()
    };
    assert!(build(1).starts_with("There is no record of a build before this one"));
    workspace.write("project/greeting", "good bye\n");
    let told = build(2);
    let why = "COPY greeting /\n    1 file that it reads changed:\n      greeting (content)\n";
    assert!(told.contains(why), "{told}");
    let asked = Bob::new(["explain", &workspace.at("project")]).env("XDG_STATE_HOME", state.path()).succeed();
    let (_, asked) = asked.stdout.split_once('\n').expect("a line on the build, and why");
    assert!(told.starts_with(asked), "{asked}\n{told}");
    assert!(build(3).starts_with(NOTHING), "the record is no part of the context");
}

#[test]
fn remote_contexts_have_records_by_their_urls_and_input_by_its_folder() {
    let web = Web::start();
    let dockerfile = "FROM scratch\nCOPY hello.txt /explained\n";
    let files = |text: &'static str| [("Dockerfile", dockerfile), ("hello.txt", text)];
    web.put_repository("explained.git", &[("main", &files("one\n"))]);
    web.put_archive("explained.tar.gz", "gzip", &files("one\n"));
    let builds = Builds::new(Buildkitd::shared(), &[("archive", "")]);
    let bob = |context: &str| {
        Bob::new(["build", "--explain-cache", "--progress=plain", "--addr", &builds.daemon.addr()])
            .args(&["-o", "type=cacheonly", context])
            .current_dir(builds.project.path())
            .env("XDG_STATE_HOME", builds.state.path())
    };
    for name in ["explained.git", "explained.tar.gz"] {
        let url = web.url(name);
        let told = || explained(&bob(&url).succeed()).to_owned();
        assert!(told().starts_with("There is no record of a build before this one"), "{name}");
        assert_eq!(told(), NOTHING, "{name}");
        match name {
            "explained.git" => web.put_repository(name, &[("main", &files("two\n"))]),
            _ => web.put_archive(name, "gzip", &files("two\n")),
        }
        let changed = told();
        assert!(
            changed.contains("nothing changed here; whether what it fetches changed at its URL is not known"),
            "{changed}"
        );
        let asked = builds.asked(&url);
        assert!(asked.status.success() && asked.stdout.ends_with(&changed), "{}", asked.stderr);
    }
    let input = |text: &'static str| {
        fs::write(builds.path("archive"), super::support::archive("gzip", &files(text))).expect("written");
        let file = fs::File::open(builds.path("archive")).expect("a file");
        explained(&bob("-").with_stdin(file).succeed()).to_owned()
    };
    assert!(input("three\n").starts_with("There is no record of a build before this one"));
    assert_eq!(input("three\n"), NOTHING);
    let changed = input("four\n");
    assert!(!changed.contains("the instruction changed"), "{changed}");
    assert!(changed.contains("whether what it fetches changed"), "{changed}");
    let asked = Bob::new(["explain", "-"])
        .current_dir(builds.project.path())
        .env("XDG_STATE_HOME", builds.state.path())
        .succeed();
    assert!(asked.stdout.starts_with("Build of standard input with ") && asked.stdout.ends_with(&changed));
}

#[test]
fn what_changed_is_told_and_what_was_pruned_too() {
    let registry = Registry::shared();
    let daemon = Buildkitd::start();
    let base = Image::push_source(registry, "explain/source:latest");
    let dockerfile = format!(
        "FROM {base}\nARG EXPLAIN_TOKEN\nCOPY src /src\nRUN cat /src/a.txt > /one\nRUN echo two > /two\n"
    );
    let project =
        Project::new(&[("Dockerfile", &dockerfile), ("src/a.txt", "first\n"), ("unread.txt", "first\n")]);
    let state = tempfile::tempdir().expect("a folder");
    let build = |token: &str| {
        let token = format!("EXPLAIN_TOKEN={token}");
        let args = ["--explain-cache", "-o", "type=cacheonly", "--build-arg", &token];
        project.build_on(&daemon, &args).env("XDG_STATE_HOME", state.path()).succeed()
    };
    let explained = |outcome: &Outcome| format!("\n{}", explained(outcome));

    let first = build("hidden-value-1").stderr;
    assert!(first.contains("There is no record of a build before this one"), "{first}");
    assert_eq!(explained(&build("hidden-value-1")), "\nNo step ran again: all results were in the cache.\n");

    fs::write(project.path().join("unread.txt"), "second\n").expect("written");
    fs::write(project.path().join("src/a.txt"), "first\n").expect("written again");
    let touched = build("hidden-value-1");
    assert_eq!(explained(&touched), "\nNo step ran again: all results were in the cache.\n");

    fs::write(project.path().join("src/a.txt"), "other\n").expect("written");
    let changed = build("hidden-value-1");
    let copy = "  Dockerfile:3 COPY src /src\n    1 file that it reads changed:\n      src/a.txt (content)\n";
    let runs = "  Dockerfile:4 RUN cat /src/a.txt > /one\n  Dockerfile:5 RUN echo two > /two\n    a step before it \
                ran again: Dockerfile:3 COPY src /src\n";
    assert_eq!(explained(&changed), format!("\nWhy steps ran again:\n{copy}{runs}"));

    let secret = build("hidden-value-2");
    let told = explained(&secret);
    assert!(told.contains("ENV or ARG EXPLAIN_TOKEN changed: its value is not shown\n"), "{told}");

    Bob::new(["prune", "--all", "--force", "--addr", &daemon.addr()]).succeed();
    let pruned = explained(&build("hidden-value-2"));
    let lost =
        "  Dockerfile:3 COPY src /src\n    nothing changed: buildkitd and the imported caches no longer have";
    assert!(pruned.contains(lost), "{pruned}");
    assert!(pruned.contains(runs), "{pruned}");

    let asked = Bob::new(["explain"]).arg(project.path()).env("XDG_STATE_HOME", state.path()).succeed();
    assert!(asked.stdout.ends_with(pruned.trim_start()), "{}", asked.stdout);
    for entry in fs::read_dir(state.path().join("bob/builds")).expect("the records") {
        let text = fs::read_to_string(entry.expect("a record").path()).expect("text");
        assert!(!text.contains("hidden-value"), "{text}");
    }
    let other = tempfile::tempdir().expect("a folder");
    let none = Bob::new(["explain"]).arg(other.path()).env("XDG_STATE_HOME", state.path()).fail(1);
    assert!(none.stderr.starts_with("error: there is no record of a build of "), "{}", none.stderr);
}

#[test]
fn who_asks_is_told_where_no_record_can_be_kept() {
    let project =
        Project::new(&[("Dockerfile", "FROM scratch\nCOPY f /f\n"), ("f", "text"), ("no-folder", "")]);
    let build = |args: &[&str]| {
        let state = project.path().join("no-folder");
        project.build(args).env("XDG_STATE_HOME", state).succeed().stderr
    };
    let told = build(&["--explain-cache", "-o", "type=cacheonly"]);
    assert!(told.contains("this build leaves no record"), "{told}");
    let silent = build(&["-o", "type=cacheonly"]);
    assert!(!silent.contains("record"), "{silent}");
}
