//! Daemons that are reached through a program, and several of them.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::support::{
    Bob, Buildkitd, Outcome, Project, Registry, endless_seconds, processes, raw_manifest, tool,
};

/// A folder with a program called `name`.
fn program(folder: &Path, name: &str, script: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a program");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
    path
}

fn project() -> Project {
    Project::new(&[("Dockerfile", "FROM scratch\nCOPY f /f\n"), ("f", "content")])
}

fn build(project: &Project, addresses: &[&str], args: &[&str]) -> Bob {
    let flags = addresses.iter().flat_map(|address| ["--addr", address]);
    Bob::new(["build", "--progress=plain"]).args(&flags.collect::<Vec<_>>()).args(args).arg(project.path())
}

#[test]
fn a_daemon_is_reached_through_each_program_which_ends_with_the_build() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    let address = Buildkitd::shared().addr();
    // Stands in for the program: what it would run in a container or on another machine runs here.
    let dial = format!(
        "echo \"${{0##*/}} $*\" >> {}\nexec {} --addr {address} dial-stdio",
        log.display(),
        tool("buildctl")
    );
    for (address, command) in [
        ("docker-container://bk?context=c", "docker --context=c exec -i bk buildctl dial-stdio"),
        ("podman-container://bk", "podman exec -i bk buildctl dial-stdio"),
        ("nerdctl-container://bk?namespace=n", "nerdctl exec --namespace=n -i bk buildctl dial-stdio"),
        ("kube-pod://bk-0?namespace=n", "kubectl --namespace=n exec -i bk-0 -- buildctl dial-stdio"),
        (
            "ssh://me@h:22/run/b.sock",
            "ssh -o BatchMode=yes -l me -p 22 -- h buildctl --addr unix:///run/b.sock dial-stdio",
        ),
    ] {
        program(folder.path(), command.split(' ').next().expect("a name"), &dial);
        let project = project();
        let out = project.path().join("out");
        let built = Bob::new(["build", "--progress=plain", "-o"])
            .arg(&out)
            .arg(project.path())
            .env("BUILDKIT_HOST", address)
            .programs_of(folder.path());
        built.succeed();
        assert_eq!(fs::read_to_string(out.join("f")).expect("the file"), "content");
        let commands = fs::read_to_string(&log).expect("the log");
        assert_eq!(commands.lines().last(), Some(command));
    }
    let left = processes(|line| line.ends_with(&["--addr", &address, "dial-stdio"]));
    assert_eq!(left, Vec::<u32>::new());
}

#[test]
fn what_the_program_says_is_in_the_error() {
    let folder = tempfile::tempdir().expect("a folder");
    program(folder.path(), "docker", "echo 'Error: no such container: bk' >&2; exit 1");
    let project = project();
    let outcome = build(&project, &["docker-container://bk"], &[]).programs_of(folder.path()).fail(1);
    let expected = "docker ended (exit status: 1) and said: Error: no such container: bk";
    assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
    let header = |second: u32| format!("E1127 02:53:{second}.123456    {second} memcache.go:265]");
    let lines: Vec<String> =
        (10..15).map(|second| format!("echo '{} refused' >&2", header(second))).collect();
    program(folder.path(), "kubectl", &format!("{}; echo 'no server' >&2; exit 1", lines.join("; ")));
    let outcome = build(&project, &["kube-pod://bk"], &[]).programs_of(folder.path()).fail(1);
    let expected = "kubectl ended (exit status: 1) and said: refused (5 times)\nno server";
    assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
    let outcome = build(&project, &["kube-pod://bk"], &[]).env("PATH", "/nonexistent").fail(1);
    assert!(outcome.stderr.contains("there is no program kubectl on PATH"), "{}", outcome.stderr);
}

#[test]
fn a_program_that_ends_in_the_middle_of_a_build_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let seconds = endless_seconds();
    let dockerfile =
        format!("FROM scratch\nCOPY busybox /bin/sh\nCOPY busybox /bin/sleep\nRUN sleep {seconds}\n");
    let project = Project::new(&[("Dockerfile", &dockerfile)]);
    fs::copy(tool("busybox"), project.path().join("busybox")).expect("busybox is copied");
    let script = format!(
        "exec 3<&0\n{} --addr {} dial-stdio <&3 & dial=$!\n{}\nkill -9 $dial; echo 'the pod was evicted' >&2; exit 3",
        tool("buildctl"),
        Buildkitd::shared().addr(),
        format_args!("while [ ! -e {}/stop ]; do sleep 0.02; done", folder.path().display()),
    );
    program(folder.path(), "kubectl", &script);
    let child = build(&project, &["kube-pod://bk"], &[]).programs_of(folder.path()).start();
    while processes(|line| line.ends_with(&["sleep", &seconds])).is_empty() {
        std::thread::sleep(Duration::from_millis(10));
    }
    fs::write(folder.path().join("stop"), "").expect("a file");
    let outcome = Outcome::of(child);
    assert_eq!(outcome.status.code(), Some(1));
    let expected = "kubectl ended (exit status: 3) and said: the pod was evicted";
    assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
}

/// How many builds the history of a daemon holds.
fn builds(daemon: &Buildkitd) -> usize {
    let mut command = Command::new(tool("buildctl"));
    command.args(["--addr", &daemon.addr(), "debug", "histories", "--format={{json .}}"]);
    let output = command.output().expect("buildctl runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().filter(|line| line.contains("CompletedAt")).count()
}

#[test]
fn one_of_several_daemons_builds_the_same_again_and_another_takes_over() {
    let mut daemons = [Buildkitd::start(), Buildkitd::start()].map(Some);
    let addresses = daemons.each_ref().map(|daemon| daemon.as_ref().expect("runs").addr());
    let [first, second] = addresses.each_ref().map(String::as_str);
    let project = project();
    build(&project, &[first, second], &[]).succeed();
    // The order of the addresses does not matter, nor whether they are repeated or a list.
    let list = format!("{second},{first}");
    build(&project, &[&list], &[]).succeed();
    let counts = daemons.each_ref().map(|daemon| builds(daemon.as_ref().expect("runs")));
    let used = counts.iter().position(|count| *count == 2).unwrap_or_else(|| panic!("{counts:?}"));
    assert_eq!(counts[1 - used], 0);

    daemons[used] = None;
    let outcome = build(&project, &[first, second], &[]).succeed();
    assert!(outcome.stderr.contains(&addresses[used]), "{}", outcome.stderr);
    assert_eq!(builds(daemons[1 - used].as_ref().expect("runs")), 1);
}

#[test]
fn platforms_are_built_where_they_are_native_and_joined_into_the_index_of_one_daemon() {
    let registry = Registry::shared();
    let amd64 = Buildkitd::start_with(&["--oci-worker-platform=linux/amd64"]);
    let arm64 = Buildkitd::start_with(&["--oci-worker-platform=linux/arm64"]);
    let project = project();
    let metadata = project.path().join("metadata.json").display().to_string();
    let flags = [
        "--platform=linux/amd64,linux/arm64,linux/amd64/v3",
        "--build-arg=SOURCE_DATE_EPOCH=1700000000",
        "--annotation=index:org.example.key=value",
        "--annotation=manifest-descriptor:org.example.other=value",
        "--metadata-file",
        &metadata,
    ];
    let build = |addresses: &[&str], name: &str| {
        let output = format!("-otype=registry,rewrite-timestamp=true,name={}", registry.reference(name));
        build(&project, addresses, &flags).arg(output).succeed();
        raw_manifest(&registry.reference(name))
    };
    let one = build(&[&Buildkitd::shared().addr()], "daemons/one:v1");
    let two = build(&[&amd64.addr(), &arm64.addr()], "daemons/two:v1");
    assert_eq!((builds(&amd64), builds(&arm64)), (1, 1));
    assert_eq!(String::from_utf8_lossy(&two), String::from_utf8_lossy(&one));
    let metadata: Value = serde_json::from_slice(&fs::read(&metadata).expect("the file")).expect("JSON");
    assert_eq!(metadata["image.name"], registry.reference("daemons/two:v1"));
    assert_eq!(metadata["containerimage.digest"], format!("sha256:{}", hex::encode(Sha256::digest(&two))));
    assert_eq!(metadata["containerimage.descriptor"]["size"], two.len());
}

#[test]
fn no_daemon_pushes_while_a_step_runs_on_another() {
    let registry = Registry::shared();
    let amd64 = Buildkitd::start_with(&["--oci-worker-platform=linux/amd64"]);
    let arm64 = Buildkitd::start_with(&["--oci-worker-platform=linux/arm64"]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    // The step of arm64 lasts until the test closes its connection, and fails then. amd64 has none.
    let dockerfile = format!(
        "FROM scratch AS on-arm64\nCOPY busybox /bin/sh\nCOPY busybox /bin/nc\nRUN nc 127.0.0.1 {port}; exit 3\n\
         FROM scratch AS on-amd64\nFROM on-$TARGETARCH\nCOPY f /f\n"
    );
    let project = Project::new(&[("Dockerfile", &dockerfile), ("f", "content")]);
    fs::copy(tool("busybox"), project.path().join("busybox")).expect("busybox is copied");
    let addresses = [amd64.addr(), arm64.addr()];
    let push = |addresses: &[&str], platforms: &str, name: &str| {
        let output = format!("-otype=registry,name={}", registry.reference(name));
        build(&project, addresses, &[platforms, &output])
    };
    let both = push(&[&addresses[0], &addresses[1]], "--platform=linux/amd64,linux/arm64", "daemons/held:v1");
    let mut child = both.start();
    let connection = accept(&listener, &mut child);
    // The same for amd64 alone is pushed meanwhile, so that there was time for it.
    push(&[&addresses[0]], "--platform=linux/amd64", "daemons/alone:v1").succeed();
    drop(connection);
    let outcome = Outcome::of(child);
    assert!(outcome.stderr.contains("exit code: 3"), "{}", outcome.stderr);
    let manifests =
        |name: &str| registry.storage().join("repositories/daemons").join(name).join("_manifests").exists();
    assert_eq!((manifests("alone"), manifests("held")), (true, false), "{}", outcome.stderr);
}

/// The next connection that a step of `build` makes.
fn accept(listener: &TcpListener, build: &mut Child) -> TcpStream {
    listener.set_nonblocking(true).expect("a listener");
    loop {
        if let Ok((stream, _)) = listener.accept() {
            return stream;
        }
        assert!(build.try_wait().expect("a status").is_none(), "the build has ended");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_build_whose_daemon_is_drained_begins_again_on_another() {
    let mut daemons = [Buildkitd::start(), Buildkitd::start()].map(Some);
    let addresses = daemons.each_ref().map(|daemon| daemon.as_ref().expect("runs").addr());
    let [first, second] = addresses.each_ref().map(String::as_str);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    // The step lasts until the test closes its connection.
    let dockerfile = format!(
        "FROM scratch\nCOPY busybox /bin/sh\nCOPY busybox /bin/nc\nRUN nc 127.0.0.1 {port}\nCOPY f /f\n"
    );
    let project = Project::new(&[("Dockerfile", &dockerfile), ("f", "content")]);
    fs::copy(tool("busybox"), project.path().join("busybox")).expect("busybox is copied");
    let out = project.path().join("out");
    let mut child = build(&project, &[first, second], &["-o", &out.display().to_string()]).start();
    let connection = accept(&listener, &mut child);

    let is_building = |daemon: &Option<Buildkitd>| {
        let executor = daemon.as_ref().expect("runs").folder().join("root/runc-overlayfs/executor");
        fs::read_dir(executor)
            .is_ok_and(|mut entries| entries.any(|entry| entry.is_ok_and(|e| e.path().is_dir())))
    };
    let used = daemons.iter().position(is_building).expect("one of them builds");
    let draining = daemons[used].take();
    let socket = draining.as_ref().expect("runs").folder().join("sock");
    let drained = std::thread::spawn(move || drop(draining));
    while UnixStream::connect(&socket).is_ok() {
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(connection);
    drop(accept(&listener, &mut child));
    let outcome = Outcome::of(child);
    assert!(outcome.status.success(), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("the build begins again on another buildkitd"), "{}", outcome.stderr);
    assert_eq!(fs::read_to_string(out.join("f")).expect("the file"), "content");
    drained.join().expect("the daemon has ended");
}

#[test]
fn a_folder_of_certificates_is_enough_for_a_daemon_that_asks_for_one() {
    let folder = tempfile::tempdir().expect("a folder");
    // The commands of docs/daemons.md, for another name.
    let script = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=buildkit -keyout ca.key -out ca.crt
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=buildkit-server -keyout tls.key -out tls.csr
        printf 'subjectAltName=DNS:localhost\n' >tls.ext
        openssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile tls.ext -out tls.crt";
    let made = Command::new("sh").args(["-ec", script]).current_dir(folder.path()).output().expect("sh runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let at = |name: &str| folder.path().join(name).display().to_string();
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let address = format!("tcp://localhost:{port}");
    let flags = [
        format!("--addr={address}"),
        format!("--tlscacert={}", at("ca.crt")),
        format!("--tlscert={}", at("tls.crt")),
        format!("--tlskey={}", at("tls.key")),
    ];
    let daemon = Buildkitd::start_with(&flags.each_ref().map(String::as_str));
    let project = project();
    // The options are for the address that speaks TLS, wherever the build goes.
    let tls = ["--tlsdir", folder.path().to_str().expect("UTF-8")];
    build(&project, &[&address], &tls).succeed();
    build(&project, &[&address, &daemon.addr()], &tls).succeed();
    let outcome = build(&project, &[&address], &[]).fail(1);
    assert!(outcome.stderr.contains(&address), "{}", outcome.stderr);
    fs::remove_file(at("tls.key")).expect("the key is removed");
    let outcome = build(&project, &[&address], &tls).fail(2);
    assert!(outcome.stderr.contains("key.pem or tls.key"), "{}", outcome.stderr);
    let outcome = build(&project, &[&daemon.addr()], &["--tlscacert", &at("ca.crt")]).fail(2);
    assert!(outcome.stderr.contains("does not speak TLS"), "{}", outcome.stderr);
}
