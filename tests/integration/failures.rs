//! Why a build failed: real failures on a real buildkitd, and what `bob.log` says of each.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;

use super::support::{Buildkitd, Image, Project, Registry, Workspace, tool};

/// What the reader of `bob.log` takes of it, in bytes.
const LIMIT: usize = 4096;
/// In how many bytes the reason has to stand.
const FIRST: usize = 300;

/// A failure: its name, the Dockerfile behind `FROM`, what stands in the first bytes, what else stands in the log.
struct Failure {
    name: &'static str,
    dockerfile: String,
    first: &'static str,
    also: &'static [&'static str],
}

fn failure(
    name: &'static str,
    dockerfile: impl Into<String>,
    first: &'static str,
    also: &'static [&'static str],
) -> Failure {
    Failure { name, dockerfile: dockerfile.into(), first, also }
}

/// Failures of processes.
#[allow(clippy::too_many_lines, reason = "a table")]
fn of_programs() -> Vec<Failure> {
    let chain = "busybox true && ".repeat(110);
    let script = "echo a line of a long script\n".repeat(150);
    vec![
        failure(
            "exit code",
            "RUN echo the reason; exit 9",
            "build failed: RUN failed (exit code: 9): the reason",
            &[],
        ),
        failure(
            "missing program",
            "RUN nope --now",
            "the image has no program nope (exit code: 127)",
            &["install nope"],
        ),
        failure(
            "missing program without a shell",
            "RUN [\"nope\"]",
            "the image has no program nope in its PATH",
            &[],
        ),
        failure(
            "not executable",
            "RUN touch /x; /x",
            "/x cannot be executed (exit code: 126)",
            &["chmod +x"],
        ),
        failure(
            "killed",
            "RUN sh -c 'kill -9 $$'; exit $?",
            "killed by SIGKILL, most likely because there was not enough memory (exit code: 137)",
            &["more memory"],
        ),
        failure(
            "out of memory",
            "RUN ulimit -v 20000; busybox tail /dev/zero",
            "out of memory (exit code: 1): tail: out of memory",
            &[],
        ),
        failure(
            "memory fault",
            "RUN sh -c 'kill -11 $$'; exit $?",
            "ended by SIGSEGV (a memory fault) (exit code: 139)",
            &[],
        ),
        failure(
            "disk full",
            "RUN --mount=type=tmpfs,target=/t,size=1m cat /dev/zero > /t/x",
            "the disk is full (exit code: 1): cat: write error: No space left on device",
            &["bob prune"],
        ),
        failure(
            "wrong architecture",
            "COPY --chmod=755 arm /arm\nRUN [\"/arm\"]",
            "wrong architecture: ",
            &["exec format error", "binfmt"],
        ),
        failure(
            "shell syntax",
            "RUN if then",
            "syntax error in a script (exit code: 2): /bin/sh: syntax error",
            &[],
        ),
        failure(
            "missing file",
            "RUN cat /absent",
            "there is no file or folder /absent (exit code: 1)",
            &["COPY"],
        ),
        failure(
            "read-only mount",
            "RUN --mount=type=bind,target=/c touch /c/x",
            "the file system is read-only (exit code: 1)",
            &[],
        ),
        failure(
            "name look-up",
            "RUN busybox wget http://x.invalid/a",
            "the name of the host x.invalid could not be looked up (DNS)",
            &["resolv.conf"],
        ),
        failure(
            "connection refused",
            "RUN busybox wget http://127.0.0.1:1/a",
            "network: nothing listens at that address",
            &["Connection refused"],
        ),
        failure(
            "checksum of a program",
            "RUN echo '0  /bin/sh' > /s; busybox md5sum -c /s",
            "a checksum does not match (exit code: 1)",
            &[],
        ),
        failure(
            "long chain",
            format!("RUN {chain}cat /absent && {chain}true"),
            "there is no file or folder /absent",
            &["cat /absent &&", " … "],
        ),
        failure(
            "long here-document",
            format!("RUN <<EOF\nset -e\n{script}cat /absent\n{script}EOF"),
            "there is no file or folder /absent",
            &["| cat /absent\n", "/absent\n", "^^^^^^^ this failed", "... (1"],
        ),
        failure(
            "traced chain",
            "RUN set -x && \\\n  true && \\\n  sh -c 'exit 7' && \\\n  true",
            "RUN failed (exit code: 7)",
            &["^ this failed", "Dockerfile:4"],
        ),
        failure(
            "long log",
            "RUN i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo line $i; [ $i = 700 ] && echo 'E: the reason is here'; done; exit 3",
            "RUN failed (exit code: 3): E: the reason is here",
            &["line 2000", "\n  ...\n"],
        ),
        failure(
            "progress bar",
            "RUN i=0; while [ $i -lt 99 ]; do i=$((i+1)); printf \"$i%% of it\\r\"; done; echo; for i in 1 2 3; do echo same; done; exit 4",
            "RUN failed (exit code: 4): same",
            &["99% of it", "same [3 times]"],
        ),
        failure(
            "binary log",
            "RUN busybox head -c 9000 /bin/busybox; echo; echo error: the end; exit 5",
            "RUN failed (exit code: 5): error: the end",
            &["(binary data)"],
        ),
    ]
}

/// Failures of everything else, with `host` as the web server.
fn of_sources(host: &str) -> Vec<Failure> {
    let zeros = "0".repeat(64);
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
        failure("missing user", "USER nobody9\nRUN true", "the image has no user nobody9", &["Dockerfile:3"]),
        failure(
            "no shell",
            "FROM scratch\nCOPY arm /a\nRUN true",
            "the image has no shell /bin/sh",
            &["distroless"],
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

#[test]
fn every_failure_begins_with_its_reason_and_fits() {
    let source = Image::push_source(Registry::shared(), "failures/source:latest");
    let daemon = Buildkitd::shared().addr();
    let host = statuses();
    let failures: Vec<Failure> = of_programs().into_iter().chain(of_sources(&host)).collect();
    let problems: Vec<String> = std::thread::scope(|scope| {
        let (source, daemon) = (&source, &daemon);
        let runs: Vec<_> = failures
            .chunks(failures.len().div_ceil(4))
            .map(|some| {
                let work = move || some.iter().filter_map(|one| problem(one, source, daemon)).collect();
                scope.spawn(work)
            })
            .collect();
        runs.into_iter()
            .flat_map(|run| run.join().unwrap_or_else(|_| vec!["a thread failed".to_owned()]))
            .collect()
    });
    assert!(problems.is_empty(), "{}", problems.join("\n=====\n"));
}

/// Makes a failure and returns what is wrong with its report.
fn problem(failure: &Failure, source: &str, daemon: &str) -> Option<String> {
    let dockerfile = format!("FROM {source}\n{}\n", failure.dockerfile);
    let workspace =
        Workspace::new(&[("Dockerfile", &dockerfile), (".dockerignore", "*.log\n"), ("secret.log", "x")]);
    let program = fs::read(tool("busybox")).expect("busybox");
    // The machine in the header becomes AArch64.
    let foreign: Vec<u8> = [&program[..18], &[0xb7, 0], &program[20..4096]].concat();
    let path = workspace.path().join("arm");
    fs::write(&path, foreign).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
    let registry = Registry::shared();
    let outcome = workspace
        .build(&registry.reference("failures/base:v1"), &registry.reference("failures/target:v1"))
        .env("BOB_BUILD_BASE", "true")
        .env("BOB_DOCKERFILE_PATH", workspace.at("Dockerfile"))
        .env("BOB_EXTERNAL_BUILDKITD", daemon)
        .run();
    let log = workspace.log();
    #[expect(clippy::print_stdout, reason = "the test runner shows it where it is asked to")]
    {
        println!("--- {}\n{log}", failure.name);
    }
    let first = &log[..log.floor_char_boundary(FIRST)];
    let is_well = outcome.status.code() == Some(1)
        && log.len() <= LIMIT
        && first.contains(failure.first)
        && failure.also.iter().all(|phrase| log.contains(phrase))
        && outcome.stderr.contains(log.lines().next()?.trim_start_matches("build failed: "));
    (!is_well).then(|| {
        format!(
            "{}: expected {:?} and {:?} in {} bytes:\n{log}",
            failure.name,
            failure.first,
            failure.also,
            log.len()
        )
    })
}

#[test]
fn a_workflow_of_github_gets_an_annotation_at_the_line_and_a_group() {
    let source = Image::push_source(Registry::shared(), "failures/workflow:latest");
    let dockerfile = format!("FROM {source}\nRUN echo '::error::planted'; nope\n");
    let project = Project::new(&[("ops/Dockerfile", &dockerfile)]);
    let folder = project.path().display().to_string();
    let outcome = project
        .build(&["-f", "ops/Dockerfile"])
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_WORKSPACE", folder)
        .fail(1);
    let (_, report) = outcome
        .stderr
        .split_once("\n::error file=ops/Dockerfile,line=2,endLine=2,title=bob::")
        .expect("the annotation");
    assert!(report.starts_with("the image has no program nope (exit code: 127)"), "{report}");
    let (_, group) = report.split_once("\n::group::error: the image has no program nope").expect("a group");
    let (_, stopped) = group.split_once("\n::stop-commands::").expect("commands are stopped");
    let token = stopped.lines().next().expect("a token");
    let (inside, after) = stopped.split_once(&format!("\n::{token}::\n")).expect("the token again");
    assert!(inside.contains("::error::planted") && after == "::endgroup::\n", "{report}");
    let plain = project.build(&["-f", "ops/Dockerfile"]).fail(1);
    assert!(plain.stderr.contains("\nerror: the image has no program nope"), "{}", plain.stderr);
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
