//! Why a build failed: real failures on a real buildkitd, and what `bob.log` says of each.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

use super::support::{
    Bob, Buildkitd, Image, Outcome, Project, Refusal, Registry, Workspace, endless_seconds, processes,
    registry_that_refuses, tool,
};

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
            "interpreter that is missing",
            "COPY --chmod=755 bash.sh /s\nRUN /s",
            "/s cannot be started: it is not there, or what has to start it is not (exit code: 127)",
            &["bash, say"],
        ),
        failure(
            "interpreter that is missing, without a shell",
            "COPY --chmod=755 bash.sh /s\nRUN [\"/s\"]",
            "/s cannot be started: it is not there, or what has to start it is not (exit code: 1): exec /s",
            &["bash, say"],
        ),
        failure(
            "line ends of Windows",
            "COPY crlf.sh /s\nRUN sh /s",
            "a script has the line ends of Windows (CR LF) (exit code: 127)",
            &["eol=lf"],
        ),
        failure(
            "time limit",
            "RUN busybox timeout 1 sleep 60; exit $(( $? == 143 ? 124 : $? ))",
            "the command took longer than its time limit (exit code: 124)",
            &[],
        ),
        failure(
            "killed process",
            "RUN sh -c 'kill -9 $$'; exit 3",
            "a process of the step was killed (SIGKILL), most likely because there was not enough memory (exit code: 3)",
            &["more memory"],
        ),
        failure(
            "unknown user of chown",
            "RUN chown app9 /tmp",
            "the image has no user app9 (exit code: 1)",
            &["useradd"],
        ),
        failure(
            "wrong user",
            "USER app\nRUN mkdir /x",
            "permission denied (exit code: 1): mkdir: can't create directory '/x': Permission denied",
            &["USER root"],
        ),
        failure(
            "secret that may be missing",
            "RUN --mount=type=secret,id=token cat /run/secrets/token",
            "the step needs the secret token, which this build was not given (exit code: 1)",
            &["--secret id=token"],
        ),
        failure(
            "folder in use",
            "RUN --mount=type=cache,target=/c rm -r /c",
            "a file or folder is in use, most likely as a mount of this step (exit code: 1)",
            &[],
        ),
        failure(
            "command too long",
            format!("RUN <<EOF\n{}EOF", "echo a line of a long script\n".repeat(5000)),
            "a command is longer than the kernel takes (exit code: 1)",
            &["128 KiB", "5003 | EOF"],
        ),
        failure(
            "open files",
            "RUN ulimit -n 3; cat /etc/passwd",
            "the step has too many open files (exit code: 1): cat: can't open '/etc/passwd': Too many open files",
            &["--ulimit nofile="],
        ),
        failure(
            "no network",
            "RUN --network=none busybox wget http://192.0.2.1/a",
            "network: there is no network to it (exit code: 1)",
            &[],
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
#[allow(clippy::too_many_lines, reason = "a table")]
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
            "repository that is not there",
            format!("ADD http://{host}/404/a.git /x"),
            "git finds no such repository",
            &["Dockerfile:2", "GIT_AUTH_TOKEN"],
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

#[test]
fn every_failure_begins_with_its_reason_and_fits() {
    let source = Image::push_source(Registry::shared(), "failures/source:latest");
    let daemon = Buildkitd::shared().addr();
    let host = statuses();
    let failures: Vec<Failure> =
        of_programs().into_iter().chain(of_sources(&host)).chain(of_registries()).collect();
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
    let workspace = Workspace::new(&[
        ("Dockerfile", &dockerfile),
        (".dockerignore", "*.log\n"),
        ("secret.log", "x"),
        ("bash.sh", "#!/bin/bash\necho begun\n"),
        ("crlf.sh", "echo begun\r\nnope\r\n"),
    ]);
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

/// A push that is refused: what refuses, what the first bytes say, and what else is said.
const PUSHES: [(Refusal, &str, &str); 9] = [
    (Refusal::Push(401), "401 Unauthorized", "credentials"),
    (Refusal::Push(403), "403 Forbidden", "do not allow to push"),
    (Refusal::Push(413), "413 Request Entity Too Large", "client_max_body_size"),
    (Refusal::Push(429), "429 Too Many Requests", "too many requests"),
    (Refusal::Push(500), "500 Internal Server Error", "the registry's"),
    (Refusal::Push(507), "507 Insufficient Storage", "quota"),
    (Refusal::Token(401), "401 Unauthorized", "credentials"),
    (Refusal::Token(403), "403 Forbidden", ""),
    (Refusal::Token(429), "429 Too Many Requests", ""),
];

#[test]
fn a_push_that_is_refused_begins_with_its_reason() {
    let source = Image::push_source(Registry::shared(), "failures/pushed:latest");
    let project = Project::new(&[("Dockerfile", &format!("FROM {source}\nRUN echo pushed > /pushed\n"))]);
    let problems: Vec<String> = std::thread::scope(|scope| {
        let project = &project;
        let push = |way: &'static str, (refusal, first, also): (Refusal, &'static str, &'static str)| {
            let host = registry_that_refuses(refusal);
            let target = format!("{host}/failures/pushed:v1");
            let stderr = project.build(&["-t", &target, "--push", "--push-via", way]).fail(1).stderr;
            let report = stderr.split_once("\nerror: ").map(|(_, report)| report).unwrap_or_default();
            let begins = &report[..report.floor_char_boundary(FIRST)];
            let is_well = begins.contains(first) && begins.contains(&host) && report.contains(also);
            (!is_well || report.len() > LIMIT).then(|| format!("{way} {refusal:?}:\n{report}"))
        };
        let runs: Vec<_> = ["session", "proxy"]
            .into_iter()
            .flat_map(|way| PUSHES.chunks(3).map(move |some| (way, some)))
            .map(|(way, some)| {
                scope.spawn(move || some.iter().filter_map(|one| push(way, *one)).collect::<Vec<_>>())
            })
            .collect();
        runs.into_iter().flat_map(|run| run.join().expect("no panic")).collect()
    });
    assert!(problems.is_empty(), "{}", problems.join("\n=====\n"));
}

#[test]
fn a_step_that_the_kernel_kills_for_its_memory_says_so() {
    let source = Image::push_source(Registry::shared(), "failures/greedy:latest");
    let project = Project::new(&[("Dockerfile", &format!("FROM {source}\nRUN busybox tail /dev/zero\n"))]);
    let stderr = project.build(&["--resource", "memory=24m"]).fail(1).stderr;
    let (_, report) = stderr.split_once("\nerror: ").expect("a report");
    let first = report.lines().next().expect("a line");
    // buildkitd knows of the kernel's act where the machine has cgroups of version 2.
    let is_told = first.starts_with(
        "killed by SIGKILL, most likely because it needed more than the 24 MiB that --resource memory gives a step",
    ) || first.starts_with("out of memory: the step used more than it may, and was killed");
    assert!(is_told && first.ends_with("(exit code: 137)"), "{report}");
}

#[test]
fn a_disk_of_buildkitd_that_is_full_says_so() {
    let source = Image::push_source(Registry::shared(), "failures/large:latest");
    let project = Project::new(&[("Dockerfile", &format!("FROM {source}\nRUN cat /dev/zero > /x\n"))]);
    let daemon = Buildkitd::with_disk("24m");
    let stderr = project.build_on(&daemon, &[]).fail(1).stderr;
    let (_, report) = stderr.split_once("\nerror: ").expect("a report");
    assert!(
        report.contains("disk") && report.contains("is full") && report.contains("bob prune"),
        "{report}"
    );
    assert!(
        report.contains("no space left on device") || report.contains("No space left on device"),
        "{report}"
    );
}

#[test]
fn a_buildkitd_that_is_killed_in_a_step_says_so() {
    let source = Image::push_source(Registry::shared(), "failures/killed:latest");
    let seconds = endless_seconds(7);
    let project = Project::new(&[("Dockerfile", &format!("FROM {source}\nRUN sleep {seconds}\n"))]);
    // What a killed daemon leaves mounted ends with its own mounts.
    let daemon = Buildkitd::with_disk("64m");
    let mut build = project.build_on(&daemon, &[]).start();
    let socket = daemon.folder().join("sock").display().to_string();
    let sleeps = || !processes(|arguments| arguments == ["sleep", seconds.as_str()]).is_empty();
    while !sleeps() {
        assert!(build.try_wait().expect("a status").is_none(), "the build ended before its step slept");
        std::thread::sleep(Duration::from_millis(20));
    }
    let is_daemon = |arguments: &[&str]| {
        arguments[0].ends_with("buildkitd") && arguments.iter().any(|argument| argument.ends_with(&socket))
    };
    for process in processes(is_daemon) {
        Command::new("kill").args(["-KILL", &process.to_string()]).status().expect("kill runs");
    }
    let outcome = Outcome::of(build);
    for process in processes(|arguments| arguments == ["sleep", seconds.as_str()]) {
        Command::new("kill").args(["-KILL", &process.to_string()]).status().expect("kill runs");
    }
    assert_eq!(outcome.status.code(), Some(1), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("what to do: buildkitd ended or cannot be reached any more"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_workflow_of_github_obeys_nothing_of_a_step_and_gets_an_annotation_for_each_check() {
    let source = Image::push_source(Registry::shared(), "failures/checked:latest");
    let dockerfile =
        format!("FROM {source}\nMAINTAINER a ##[group]b\nRUN echo '::error::c'; echo 'x ##[add-mask]d'\n");
    let project = Project::new(&[("Dockerfile", &dockerfile)]);
    let folder = project.path().display().to_string();
    let in_workflow = |bob: Bob| bob.env("GITHUB_ACTIONS", "true").env("GITHUB_WORKSPACE", &folder);
    let annotation = "\n::warning file=Dockerfile,line=2,endLine=2,title=MaintainerDeprecated::MAINTAINER is";
    let built = in_workflow(project.build(&["--no-cache"])).succeed().stderr;
    assert!(built.contains(annotation), "{built}");
    assert!(built.contains("x # #[add-mask]d") && !built.contains("##["), "{built}");
    let commands: Vec<&str> = built
        .lines()
        .filter(|line| line.trim_start().starts_with("::"))
        .map(|line| line.split([' ', ':']).find(|word| !word.is_empty()).unwrap_or_default())
        .collect();
    assert_eq!(commands, ["warning"], "{built}");
    assert_eq!(built.matches("MAINTAINER is deprecated").count(), 1, "{built}");
    let raw = in_workflow(project.build(&["--no-cache", "--progress=rawjson"])).succeed().stderr;
    assert!(!raw.contains("##["), "{raw}");
    let checked = in_workflow(Bob::new(["check", "."]).current_dir(project.path())).fail(1);
    assert!(format!("\n{}", checked.stderr).contains(annotation), "{}", checked.stderr);
    assert!(checked.stdout.contains("# #[group]b") && !checked.stdout.contains("##["), "{}", checked.stdout);
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
