//! What a terminal gets to see of a build.

use std::process::{Command, Stdio};

use super::support::{Bob, Buildkitd, Image, Project, Registry, tool};

fn project() -> Project {
    let base = Image::push_source(Registry::shared(), "progress/source:latest");
    let dockerfile =
        format!("FROM {base}\nCOPY Dockerfile /a\nRUN echo one; echo {} ; cat /a\n", "x".repeat(120));
    Project::new(&[("Dockerfile", &dockerfile)])
}

/// What `bob build ARGS .` writes to a terminal of 40 columns and 20 rows.
fn on_terminal(project: &Project, args: &str, environment: &[(&str, &str)]) -> String {
    let bob = env!("CARGO_BIN_EXE_bob");
    let addr = Buildkitd::shared().addr();
    let line =
        format!("stty cols 40 rows 20; exec {bob} build --addr {addr} --no-cache -o type=cacheonly {args} .");
    let output = Command::new(tool("script"))
        .args(["-qec", &line, "/dev/null"])
        .current_dir(project.path())
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env("SHELL", "/bin/sh")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("script runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success(), "{text}");
    text
}

/// `text` without terminal sequences.
fn without_sequences(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain += before;
        let end = after.find(|c: char| c.is_ascii_alphabetic()).expect("a sequence ends");
        rest = &after[end + 1..];
    }
    plain + rest
}

#[test]
fn a_terminal_gets_a_live_view_that_fits_it() {
    let text = on_terminal(&project(), "", &[("TERM", "xterm"), ("BUILDKIT_COLORS", "run=yellow")]);
    assert!(text.contains("\u{1b}[33m => [2/3] COPY"), "{text:?}");
    let plain = without_sequences(&text);
    assert!(plain.contains(" FINISHED"), "{plain}");
    for line in plain.split(['\r', '\n']) {
        assert!(line.chars().count() < 40, "{line:?}");
    }
    let without = on_terminal(&project(), "", &[("TERM", "xterm"), ("NO_COLOR", "1")]);
    assert!(without.contains("\u{1b}[K") && !without.contains("\u{1b}[34m"), "{without:?}");
}

#[test]
fn a_terminal_that_cannot_move_its_cursor_gets_lines() {
    for environment in [&[("TERM", "dumb")][..], &[]] {
        let text = on_terminal(&project(), "", environment);
        assert!(text.contains("#1 ") && !text.contains("\u{1b}["), "{text:?}");
        assert!(!text.contains("instead of tty"), "{text}");
    }
    let text = on_terminal(&project(), "--progress tty", &[("TERM", "dumb")]);
    assert!(text.starts_with("progress is shown as plain text instead of tty: TERM is dumb"), "{text}");
}

#[test]
fn tty_without_a_terminal_says_why_it_is_plain() {
    let (project, addr) = (project(), Buildkitd::shared().addr());
    let build = Bob::new(["build", "--addr", &addr, "--progress", "tty", "-o", "type=cacheonly", "."]);
    let outcome = build.current_dir(project.path()).succeed();
    let said = "progress is shown as plain text instead of tty: standard error is no terminal\n";
    assert!(outcome.stderr.starts_with(said) && outcome.stderr.contains("\n#1 "), "{}", outcome.stderr);
}
