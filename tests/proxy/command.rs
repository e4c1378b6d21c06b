//! `bob proxy` as a program: arguments, variables, logs, signals, exit codes.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::DIGEST;
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
        (
            &REFS,
            &[auth, ("WORKSPACEKIT_BOBPROXY_TOKEN", "x"), ("WORKSPACEKIT_BOBPROXY_PUSH_TOKEN", "")],
            "WORKSPACEKIT_BOBPROXY_PUSH_TOKEN",
        ),
        // A push token alone would leave reading open.
        (&REFS, &[auth, ("WORKSPACEKIT_BOBPROXY_PUSH_TOKEN", "hunter2")], "WORKSPACEKIT_BOBPROXY_TOKEN"),
        (&["--base-ref", "me:hunter2@r.example/a", "--target-ref", "a"], &[auth], "***@r.example/a"),
        (&["--base-ref", "https://me:hunter2@r.example/a", "--target-ref", "a"], &[auth], "--base-ref"),
        (
            &["--base-ref", "https://HUNTER2:hunter2@r.example:5000", "--target-ref", "a"],
            &[auth],
            "--base-ref",
        ),
        (&["--base-ref", "a", "--target-ref", "r.example/HUNTER2@hunter2@x/a"], &[auth], "--target-ref"),
        (
            &["--base-ref", "a", "--target-ref", "b", "--insecure-registry", "me:hunter2@r.example"],
            &[auth],
            "--insecure-registry",
        ),
        (&["--listen", "0.0.0.0:8080"], &[auth], "loopback"),
        (&["--listen", "8080"], &[auth], "--listen"),
        (&["--upstream-timeout", "0"], &[auth], "--upstream-timeout"),
        (
            &["--base-ref", "a", "--target-ref", "b", "--insecure-registry", "http://x"],
            &[auth],
            "--insecure-registry",
        ),
        (&["--no-such-flag"], &[auth], "--no-such-flag"),
    ];
    for (args, env, words) in cases {
        let output = bob(args, env);
        let text = String::from_utf8_lossy(&output.stderr);
        // The first case of a bad reference names where it came from: the flag.
        let words = if args.contains(&"a/UPPER") { "--base-ref" } else { words };
        assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
        assert!(text.contains(words), "{args:?}: {text}");
        assert!(!text.to_lowercase().contains("hunter2"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_warns_where_whoever_reads_may_push_and_only_there() {
    let flags = ["--listen", "127.0.0.1:0", "--base-ref", "a", "--target-ref", "b", "--auth", "{}"];
    let (read, push) = ("WORKSPACEKIT_BOBPROXY_TOKEN", "WORKSPACEKIT_BOBPROXY_PUSH_TOKEN");
    for (env, words) in [
        (&[][..], "no access token"),
        (&[(read, "hunter2")], "there is no push token"),
        (&[(read, "hunter2"), (push, "hunter2")], "the push token is the access token"),
        (&[(read, "hunter2"), (push, "hunter3")], ""),
    ] {
        let running = Running::start(&flags, env);
        running.addresses(1).await;
        let log = running.log();
        assert_eq!(log.contains("WARN"), !words.is_empty(), "{log}");
        assert!(log.contains(words) && !log.contains("hunter"), "{log}");
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

/// A running `bob proxy`, ended with the test.
pub(crate) struct Running {
    child: Child,
    folder: tempfile::TempDir,
}

impl Running {
    pub(crate) fn start(args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bob"));
        command.arg("proxy").args(args);
        Self::spawn(command, env)
    }

    fn spawn(mut command: Command, env: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        command.env_clear().envs(env.iter().copied());
        Self { child: command.stdin(Stdio::null()).stderr(log).spawn().unwrap(), folder }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// The addresses that it logs, once there are `count` of them.
    pub(crate) async fn addresses(&self, count: usize) -> Vec<String> {
        for _ in 0..1000 {
            let log = self.log();
            let found = log.lines().filter_map(|line| line.split_once("listening on "));
            let found: Vec<String> = found.map(|(_, rest)| rest.trim().to_owned()).collect();
            if found.len() == count {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("not listening: {}", self.log());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_both_families_logs_no_secret_and_ends_on_sigterm() {
    let upstream = Upstream::start_async(|seen| {
        Box::pin(async move {
            if seen.header("authorization").is_none() {
                return reply(401, &[("www-authenticate", "Basic realm=\"r\"")], "");
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            reply(200, &[], "whole")
        })
    })
    .await;
    let base = format!("{}/a/b:1", upstream.host());
    let auth = format!(r#"{{"auths":{{"{}":{{"username":"user","password":"hunter2"}}}}}}"#, upstream.host());
    let flags =
        ["--listen", "127.0.0.1:0", "--listen", "[::1]:0", "--base-ref", &base, "--target-ref", &base];
    let env = [
        ("WORKSPACEKIT_BOBPROXY_AUTH", auth.as_str()),
        ("WORKSPACEKIT_BOBPROXY_TOKEN", "sesame"),
        ("WORKSPACEKIT_BOBPROXY_ADDITIONALAUTH", ""),
        ("LOG_LEVEL", "trace"),
    ];
    let mut running = Running::start(&flags, &env);
    let addresses = running.addresses(2).await;
    assert!(addresses[0].starts_with("127.0.0.1:") && addresses[1].starts_with("[::1]:"), "{addresses:?}");

    // "bob:sesame"
    let request = format!(
        "GET /v2/base/blobs/{DIGEST} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic Ym9iOnNlc2FtZQ==\r\n\r\n"
    );
    let mut clients = Vec::new();
    for address in &addresses {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(request.as_bytes()).await.unwrap();
        clients.push(client);
    }
    while upstream.seen().iter().filter(|seen| seen.header("authorization").is_some()).count() < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let pid = running.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    // What is under way finishes.
    for client in &mut clients {
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("whole"), "{answer}");
    }
    assert!(running.child.wait().unwrap().success());
    let log = running.log();
    assert!(log.contains("alias=\"base\"") && log.contains("upstream=200"), "{log}");
    // Neither secret, nor in base64 ("user:hunter2", "bob:sesame").
    for secret in ["hunter2", "sesame", "dXNlcjpodW50ZXIy", "Ym9iOnNlc2FtZQ=="] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[tokio::test]
async fn other_processes_of_its_user_cannot_read_its_variables() {
    // The user cannot look into the project's folder, perhaps.
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("bob");
    std::fs::copy(env!("CARGO_BIN_EXE_bob"), &program).unwrap();
    let mut command = Command::new("/usr/bin/setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program);
    command.args(["proxy", "--listen", "127.0.0.1:0", "--base-ref", "a", "--target-ref", "b"]);
    let running = Running::spawn(command, &[("WORKSPACEKIT_BOBPROXY_AUTH", "{}")]);
    running.addresses(1).await;
    let proc = format!("/proc/{}", running.child.id());
    let status = std::fs::read_to_string(format!("{proc}/status")).unwrap();
    assert!(status.contains("\nUid:\t65534\t"), "{status}");
    assert_eq!(std::fs::metadata(format!("{proc}/environ")).unwrap().uid(), 0, "the user may read it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_and_registries_send_reaches_the_log_without_control_characters() {
    // Sets the clipboard, a title, and the colour; as C1 and turning the text's direction, too.
    const HOSTILE: &str = "\\u001b]52;c;AAAA\\u0007\\u001b[31m\\u009b2J\\u202e\\r\\nINFO forged";
    let upstream = Upstream::start(|seen| {
        if seen.path() == "/token" {
            let body =
                format!(r#"{{"errors":[{{"code":"X","message":"{HOSTILE}"}}],"details":"{HOSTILE}"}}"#);
            return reply(500, &[("content-type", "application/json")], body);
        }
        let host = seen.header("host").unwrap();
        let challenge = format!(r#"Bearer realm="http://{host}/token",service="s""#);
        reply(401, &[("www-authenticate", &challenge)], "")
    })
    .await;
    let base = format!("{}/a/b:1", upstream.host());
    let flags = ["--listen", "127.0.0.1:0", "--base-ref", &base, "--target-ref", &base, "--auth", "{}"];
    let running = Running::start(&flags, &[("LOG_LEVEL", "trace")]);
    let address = running.addresses(1).await.remove(0);
    for head in [
        "GET /v2/base/manifests/x HTTP/1.1\r\nHost: localhost\r\nUser-Agent: \u{9b}31m\u{202e}",
        "GET /v2/base/manifests/x HTTP/1.1\r\nHost: \u{9b}31mevil",
        "GET /v2/base/manifests/x HTTP/1.1\r\nHost: a\tb",
        "GET /v2/\u{1b}[31m/manifests/x HTTP/1.1\r\nHost: localhost",
        "GET /v2/%1b[31m/manifests/x HTTP/1.1\r\nHost: localhost",
        "GET /v2/x/manifests/x?ns=%1b%5b31m HTTP/1.1\r\nHost: localhost",
        "GET /v2/x/manifests/x?ns=%c2%9b31m.invalid HTTP/1.1\r\nHost: localhost",
        "\u{1b}[31mGET /v2/ HTTP/1.1\r\nHost: localhost",
        "GE\u{1b}T /v2/ HTTP/1.1\r\nHost: localhost",
        "POST /v2/target/blobs/uploads/?mount=%1b&from=%1b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0",
        "PUT /v2/target/blobs/uploads/x%1b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0",
    ] {
        let answer =
            crate::harness::raw(&address, format!("{head}\r\nConnection: close\r\n\r\n").as_bytes()).await;
        let is_clean = |c: char| !c.is_control() || matches!(c, '\r' | '\n');
        assert!(answer.starts_with("HTTP/1.1 ") && answer.chars().all(is_clean), "{head:?}: {answer:?}");
    }
    let log = running.log();
    assert!(log.contains("a request failed"), "{log}");
    let hostile = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!log.contains(hostile) && !log.contains("\nINFO forged"), "{log:?}");
}
