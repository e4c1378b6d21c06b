//! Failures of what a build is made of: the Dockerfile, contexts, images, servers, and what the build was not given.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};

use super::{Failure, failure};
use crate::support::{Refusal, registry_that_refuses};

/// Returns them all, with a web server that they ask.
pub(super) fn of_sources() -> Vec<Failure> {
    [of_dockerfiles(), of_servers(&statuses()), of_registries()].into_iter().flatten().collect()
}

/// Failures of the Dockerfile, of files and users that are not there, and of what was not given.
fn of_dockerfiles() -> Vec<Failure> {
    vec![
        failure(
            "unknown instruction",
            "RNU true",
            "build failed: unknown instruction: RNU",
            &["Dockerfile:2"],
        ),
        failure(
            "absent in the context",
            "COPY absent /x",
            "/absent does not exist in what this step copies from",
            &["Dockerfile:2"],
        ),
        failure(
            "left out of the context",
            "COPY secret.log /x",
            "/secret.log does not exist in what this step copies from",
            &["what to do: secret.log is left out of the build context by line 1 of .dockerignore"],
        ),
        failure(
            "missing secret",
            "RUN --mount=type=secret,id=token,required=true true",
            "the step needs the secret token",
            &["--secret id=token"],
        ),
        failure(
            "missing SSH agent",
            "RUN --mount=type=ssh,required=true true",
            "no SSH agent \"default\" was given to this build",
            &["Dockerfile:2"],
        ),
        failure(
            "repository by SSH without an agent",
            "ADD git@127.0.0.1:a/b.git /x",
            "no SSH agent \"default\" was given to this build",
            &["Dockerfile:2"],
        ),
        failure(
            "right that was not given",
            "RUN --security=insecure true",
            "a step needs the right security.insecure, which this build was not given",
            &["--allow security.insecure"],
        ),
        failure(
            "absent in a stage",
            "FROM scratch\nCOPY --from=0 /absent /x",
            "/absent does not exist in what this step copies from",
            &["Dockerfile:3"],
        ),
        failure(
            "file in place of a folder",
            "WORKDIR /etc/passwd",
            "/etc/passwd cannot be made a folder",
            &["Dockerfile:2"],
        ),
        failure("missing user", "USER nobody9\nRUN true", "the image has no user nobody9", &["Dockerfile:3"]),
        failure(
            "no shell",
            "FROM scratch\nCOPY arm /a\nRUN true",
            "the image has no shell /bin/sh",
            &["distroless"],
        ),
    ]
}

/// What servers do not give, with `host` as one of them.
fn of_servers(host: &str) -> Vec<Failure> {
    let zeros = "0".repeat(64);
    vec![
        failure(
            "repository that is not there",
            format!("ADD http://{host}/404/a.git /x"),
            "git finds no such repository",
            &["Dockerfile:2", "GIT_AUTH_TOKEN"],
        ),
        failure(
            "401",
            format!("ADD http://{host}/401 /x"),
            "a server refused: 401 Unauthorized",
            &["Dockerfile:2"],
        ),
        failure(
            "403",
            format!("ADD http://{host}/403 /x"),
            "a server refused: 403 Forbidden",
            &["Dockerfile:2"],
        ),
        failure(
            "404",
            format!("ADD http://{host}/404 /x"),
            "a server refused: 404 Not Found",
            &["Dockerfile:2"],
        ),
        failure(
            "429",
            format!("ADD http://{host}/429 /x"),
            "a server refused: 429 Too Many Requests",
            &["log in"],
        ),
        failure(
            "404 in a step",
            format!("RUN busybox wget http://{host}/404"),
            "a server refused: 404 Not Found (exit code: 1)",
            &[],
        ),
        failure(
            "checksum of ADD",
            format!("ADD --checksum=sha256:{zeros} http://{host}/200 /x"),
            "a checksum does not match",
            &[],
        ),
        failure(
            "name look-up of ADD",
            "ADD http://x.invalid/a /x",
            "the name of the host x.invalid could not be looked up",
            &["Dockerfile:2"],
        ),
        failure(
            "name look-up of FROM",
            "FROM x.invalid/a/b",
            "cannot reach registry x.invalid: there is no such host",
            &["Dockerfile:2"],
        ),
    ]
}

/// Base images that registries do not give.
fn of_registries() -> Vec<Failure> {
    let base = |name, refusal, first, also| {
        let host = registry_that_refuses(refusal);
        failure(name, format!("FROM {host}/a/b:1"), first, also)
    };
    vec![
        base(
            "base 401",
            Refusal::Pull(401),
            "does not give it: 401 Unauthorized",
            &["credentials", "Dockerfile:2"],
        ),
        base(
            "base 403",
            Refusal::Pull(403),
            "does not give it: 403 Forbidden",
            &["not today", "do not allow to pull"],
        ),
        base("base 404", Refusal::Pull(404), "base image does not exist; check its name", &["Dockerfile:2"]),
        base("base 429", Refusal::Pull(429), "does not give it: 429 Too Many Requests", &["use a mirror"]),
        base(
            "base 500",
            Refusal::Pull(500),
            "does not give it: 500 Internal Server Error",
            &["the registry's"],
        ),
        base("token 401", Refusal::Token(401), " answered 401 Unauthorized", &["credentials"]),
        base("token 403", Refusal::Token(403), " answered 403 Forbidden", &["do not allow to pull"]),
        base("token 429", Refusal::Token(429), " answered 429 Too Many Requests", &["use a mirror"]),
        base("token 503", Refusal::Token(503), " answered 503 Service Unavailable", &["try again later"]),
    ]
}

/// A web server that answers `/NUMBER` with that status; returns its `HOST:PORT`.
fn statuses() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(&stream));
        }
    });
    address
}

fn answer(stream: &TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    reader.read_line(&mut request).ok()?;
    let mut line = String::new();
    while reader.read_line(&mut line).ok()? > 2 {
        line.clear();
    }
    let status = request.split(' ').nth(1)?.trim_start_matches('/');
    let mut writer = stream;
    write!(writer, "HTTP/1.1 {status} Scripted\r\nContent-Length: 2\r\nConnection: close\r\n\r\n").ok()?;
    if !request.starts_with("HEAD") {
        writer.write_all(b"x\n").ok()?;
    }
    Some(())
}
