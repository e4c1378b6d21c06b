//! `bob proxy` as a program: arguments, variables, logs, signals, exit codes.

use std::process::{Command, Output};
use std::time::Duration;

use crate::support::Guarded;
use crate::upstream::{Upstream, reply};

fn bob(args: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bob"));
    command.arg("proxy").args(args).env_clear().envs(env.iter().copied());
    command.output().unwrap()
}

/// Arguments, variables, and words of the error.
type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);

#[test]
fn wrong_usage_is_told_without_secrets_and_exits_with_2() {
    const REFS: [&str; 4] = ["--base-ref", "r.example/a:1", "--target-ref", "r.example/b:1"];
    let auth = ("WORKSPACEKIT_BOBPROXY_AUTH", "{}");
    let cases: &[Case] = &[
        (&[], &[auth], "WORKSPACEKIT_BOBPROXY_BASEREF"),
        (&["--base-ref", "a"], &[auth], "WORKSPACEKIT_BOBPROXY_TARGETREF"),
        (&[], &[], "WORKSPACEKIT_BOBPROXY_AUTH"),
        (&["--base-ref", "a/UPPER", "--target-ref", "a"], &[auth], "WORKSPACEKIT_BOBPROXY_BASEREF"),
        (&REFS, &[("WORKSPACEKIT_BOBPROXY_AUTH", "hunter2")], "WORKSPACEKIT_BOBPROXY_AUTH"),
        (
            &REFS,
            &[("WORKSPACEKIT_BOBPROXY_AUTH", r#"{"auths":{"a.example":{"auth":"hunter2"}}}"#)],
            "a.example",
        ),
        (
            &REFS,
            &[auth, ("WORKSPACEKIT_BOBPROXY_ADDITIONALAUTH", "hunter2")],
            "WORKSPACEKIT_BOBPROXY_ADDITIONALAUTH",
        ),
        (&REFS, &[auth, ("WORKSPACEKIT_BOBPROXY_TOKEN", "")], "WORKSPACEKIT_BOBPROXY_TOKEN"),
        (&["--listen", "0.0.0.0:8080"], &[auth], "loopback"),
        (&["--listen", "8080"], &[auth], "--listen"),
        (&["--upstream-timeout", "0"], &[auth], "--upstream-timeout"),
        (&["--insecure-registry", "http://x"], &[auth], "--insecure-registry"),
        (&["--no-such-flag"], &[auth], "--no-such-flag"),
    ];
    for (args, env, words) in cases {
        let output = bob(args, env);
        let text = String::from_utf8_lossy(&output.stderr);
        // The first case of a bad reference names where it came from: the flag.
        let words = if args.contains(&"a/UPPER") { "--base-ref" } else { words };
        assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
        assert!(text.contains(words), "{args:?}: {text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn help_shows_no_values_of_variables() {
    let output = bob(
        &["--help"],
        &[("WORKSPACEKIT_BOBPROXY_AUTH", "hunter2"), ("WORKSPACEKIT_BOBPROXY_TOKEN", "hunter2")],
    );
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("WORKSPACEKIT_BOBPROXY_AUTH") && !text.contains("hunter2"), "{text}");
}

#[test]
fn an_address_in_use_is_named_and_exits_with_1() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let args = ["--base-ref", "a", "--target-ref", "b", "--auth", "{}", "--listen", &address];
    let output = bob(&args, &[]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(&address) && text.contains("--listen"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_both_families_logs_no_secret_and_ends_on_sigterm() {
    let upstream = Upstream::start_async(|seen| {
        Box::pin(async move {
            if seen.header("authorization").is_none() {
                return reply(401, &[("www-authenticate", "Basic realm=\"r\"")], "");
            }
            tokio::time::sleep(Duration::from_millis(700)).await;
            reply(200, &[], "whole")
        })
    })
    .await;
    let base = format!("{}/a/b:1", upstream.host());
    let auth = format!(r#"{{"auths":{{"{}":{{"username":"user","password":"hunter2"}}}}}}"#, upstream.host());
    let folder = Guarded::folder("proxy");
    let pid = folder.join("pid").display().to_string();
    let script = r#"echo $$ > "$1"; shift; exec "$@""#;
    let command = ["sh", "-c", script, "sh", &pid, env!("CARGO_BIN_EXE_bob"), "proxy"];
    let flags =
        ["--listen", "127.0.0.1:0", "--listen", "[::1]:0", "--base-ref", &base, "--target-ref", &base];
    let env = [
        ("WORKSPACEKIT_BOBPROXY_AUTH", auth.as_str()),
        ("WORKSPACEKIT_BOBPROXY_TOKEN", "sesame"),
        ("WORKSPACEKIT_BOBPROXY_ADDITIONALAUTH", ""),
        ("LOG_LEVEL", "trace"),
    ];
    let process = Guarded::start(folder.clone(), &[&command[..], &flags[..]].concat(), &env);
    let addresses: Vec<String> = process.wait_for("two addresses", |process| {
        let log = process.log();
        let found = log
            .lines()
            .filter_map(|line| line.split_once("listening on "))
            .map(|(_, rest)| rest.trim().to_owned());
        let found: Vec<String> = found.collect();
        (found.len() == 2).then_some(found)
    });
    assert!(addresses[0].starts_with("127.0.0.1:") && addresses[1].starts_with("[::1]:"), "{addresses:?}");

    let requests = addresses.iter().map(|address| {
        let uri = format!("http://{address}/v2/base/blobs/{}?ns=", crate::harness::DIGEST);
        let uri = uri.trim_end_matches("?ns=").to_owned();
        std::thread::spawn(move || {
            Command::new("curl").args(["-s", "-u", "bob:sesame", &uri]).output().unwrap()
        })
    });
    let requests: Vec<_> = requests.collect();
    tokio::time::sleep(Duration::from_millis(400)).await;
    let pid = std::fs::read_to_string(folder.join("pid")).unwrap();
    assert!(Command::new("kill").args(["-TERM", pid.trim()]).status().unwrap().success());
    // What is under way finishes.
    for request in requests {
        assert_eq!(request.join().unwrap().stdout, b"whole");
    }
    process.wait_for("the end", |_| {
        (!std::path::Path::new(&format!("/proc/{}", pid.trim())).exists()).then_some(())
    });
    let log = process.log();
    assert!(log.contains("alias=\"base\"") && log.contains("upstream=200"), "{log}");
    // Neither secret, nor in base64 ("user:hunter2", "bob:sesame").
    for secret in ["hunter2", "sesame", "dXNlcjpodW50ZXIy", "Ym9iOnNlc2FtZQ=="] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}
