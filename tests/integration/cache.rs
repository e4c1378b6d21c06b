//! `bob du` and `bob prune` on a buildkitd of their own.

use std::io::Write as _;
use std::process::Stdio;

use super::support::{Bob, Buildkitd, Image, Outcome, Project, Registry};

fn project() -> Project {
    Project::new(&[
        ("Dockerfile", "ARG BASE\nFROM $BASE\nCOPY big /\nRUN cat /big /big > /bigger\n"),
        ("big", &"0123456789abcdef".repeat(64 * 1024)),
    ])
}

fn build(daemon: &Buildkitd) {
    let base = Image::push_source(Registry::shared(), "cache/source:latest");
    project().build_on(daemon, &["--build-arg", &format!("BASE={base}")]).succeed();
}

fn ask(daemon: &Buildkitd, args: &[&str]) -> Bob {
    Bob::new(args).args(&["--addr", &daemon.addr()])
}

/// A record's fields by its description.
fn find(records: &str, description: &str) -> serde_json::Value {
    let mut values =
        records.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    values
        .find(|value| value["Description"].as_str().is_some_and(|own| own.contains(description)))
        .expect("a record")
}

#[test]
fn the_cache_is_shown_and_freed() {
    let daemon = Buildkitd::start();
    build(&daemon);
    let table = ask(&daemon, &["du"]).succeed().stdout;
    let (rows, totals) = table.split_once("\n\n").expect("rows, then totals");
    assert!(rows.starts_with("ID "), "{table}");
    let made =
        rows.lines().find(|line| line.ends_with("-c cat /big /big > /bigger")).expect("the step's row");
    assert!(made.contains(" 2.1") && made.contains(" free ") && made.contains(" regular "), "{made}");
    assert!(totals.contains("Reclaimable:  ") && totals.contains("Total:        "), "{totals}");

    let records = ask(&daemon, &["du", "--format", "json"]).succeed().stdout;
    let step = find(&records, "-c cat");
    assert_eq!((step["Reclaimable"].as_bool(), step["Type"].as_str()), (Some(true), Some("regular")));
    let id = step["ID"].as_str().expect("an id");
    let one = ask(&daemon, &["du", "--filter", &format!("id={}", &id[..12]), "--verbose"]).succeed().stdout;
    assert!(one.starts_with(&format!("ID:           {id}\n")), "{one}");
    assert!(one.ends_with("in 1 record\n"), "{one}");
    let sizes =
        ask(&daemon, &["du", "--filter", "description~=-c cat", "--format", "{{.Type}} {{.UsageCount}}"]);
    assert_eq!(sizes.succeed().stdout, "regular 1\n");
    assert_eq!(ask(&daemon, &["du", "--filter", "until=1h", "--format", "json"]).succeed().stdout, "");

    // buildkitd would find nothing, and say why in its own log only.
    for command in ["du", "prune"] {
        let refused = ask(&daemon, &[command, "--filter", "id~=["]).fail(2).stderr;
        assert!(refused.contains("--filter \"id~=[\": \"[\" is no regular expression: "), "{refused}");
    }
    let unknown = ask(&daemon, &["du", "--filter", "type=regullar"]).succeed().stderr;
    assert!(unknown.starts_with("warning: --filter \"type=regullar\": "), "{unknown}");

    // Nobody answers, somebody says no, and what was used lately stays.
    let refused = ask(&daemon, &["prune"]).fail(2);
    assert!(refused.stderr.contains("give --force where there is no terminal"), "{}", refused.stderr);
    assert!(answered(&daemon, "n\n").stderr.ends_with("nothing was freed\n"));
    let kept = ask(&daemon, &["prune", "--force", "--keep-duration", "1h"]).succeed();
    assert_eq!(kept.stdout, "nothing was freed\n");
    assert_eq!(
        ask(&daemon, &["du", "--format", "{{.ID}}"]).succeed().stdout.lines().count(),
        records.lines().count()
    );

    let freed = ask(&daemon, &["prune", "-f", "--filter", "description~=-c cat"]).succeed().stdout;
    assert!(
        freed.contains("-c cat /big /big > /bigger\n\nfreed 2.1") && freed.ends_with(" in 1 record\n"),
        "{freed}"
    );
    let all = answered(&daemon, "yes\n");
    assert!(all.stdout.contains("\nfreed "), "{}", all.stdout);
    let left = ask(&daemon, &["du", "--format", "json"]).succeed().stdout;
    assert!(!left.contains("\"regular\""), "{left}");
}

/// `bob prune` with an answer to its question.
fn answered(daemon: &Buildkitd, answer: &str) -> Outcome {
    let mut child = ask(daemon, &["prune", "--all"]).with_stdin(Stdio::piped()).start();
    child.stdin.take().expect("piped").write_all(answer.as_bytes()).expect("bob reads");
    let outcome = Outcome::of(child);
    assert!(outcome.status.success(), "{}", outcome.stderr);
    assert!(outcome.stderr.starts_with("This frees the whole cache of buildkitd"), "{}", outcome.stderr);
    outcome
}

#[test]
fn wrong_usage_of_the_cache_is_told_before_any_daemon_is_asked() {
    for (args, words) in [
        (&["du", "--filter", "colour=red"][..], "--filter \"colour=red\""),
        (&["du", "--format", "{{range .}}"], "Bob shows fields only"),
        (&["prune", "--keep-storage", "much"], "write a size such as"),
    ] {
        let outcome = Bob::new(args).args(&["--addr", "unix:///nonexistent"]).fail(2);
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    }
}
