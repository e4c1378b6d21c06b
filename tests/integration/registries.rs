//! Registries that fail for a moment while an image is copied, and docker's own configuration where it is broken.

use std::fs;
use std::io::{self, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::support::{Image, Project, Registry, Workspace, head, raw_manifest, refusing_registry};

/// How a request goes wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    /// It is read, and answered with this status line and headers.
    Answer(&'static str),
    /// Its answer, or itself, breaks off in the middle.
    Reset,
}

const BUSY: Fault = Fault::Answer("429 Too Many Requests\r\nRetry-After: 1");
const DOWN: Fault = Fault::Answer("503 Service Unavailable");
const BROKEN: Fault = Fault::Answer("500 Internal Server Error");

/// A relay in front of the shared registry that makes the first request of one kind fail, as often as said.
struct Relay {
    host: String,
    seen: Arc<Mutex<Vec<(String, Instant)>>>,
}

/// The requests that fail: a method, a part of the path, how, and how often.
type Failing = (&'static str, &'static str, Fault, usize);

impl Relay {
    fn start(failing: Failing) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let host = format!("localhost:{}", listener.local_addr().expect("an address").port());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let records = Arc::clone(&seen);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let records = Arc::clone(&records);
                std::thread::spawn(move || relay(&client, failing, &records));
            }
        });
        Self { host, seen }
    }

    fn reference(&self, name: &str) -> String {
        format!("{}/{name}", self.host)
    }

    /// When each request of the failing kind came.
    fn times(&self, (method, part, ..): Failing) -> Vec<Instant> {
        let seen = self.seen.lock().expect("no panic");
        let kind = |line: &str| line.starts_with(method) && line.contains(part);
        seen.iter().filter(|(line, _)| kind(line)).map(|(_, at)| *at).collect()
    }
}

fn relay(client: &TcpStream, failing: Failing, seen: &Mutex<Vec<(String, Instant)>>) -> io::Result<()> {
    let mut reader = BufReader::new(client);
    let (line, length, headers) = head(&mut reader)?;
    let (method, part, fault, times) = failing;
    let fails = {
        let mut seen = seen.lock().expect("no panic");
        let kind = |line: &str| line.starts_with(method) && line.contains(part);
        let before = seen.iter().filter(|(line, _)| kind(line)).count();
        seen.push((line.clone(), Instant::now()));
        kind(&line) && before < times
    };
    let mut writer = client;
    match fault {
        Fault::Answer(answer) if fails => {
            io::copy(&mut reader.by_ref().take(length), &mut io::sink())?;
            let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            return writer.write_all(answer.as_bytes());
        }
        Fault::Reset if fails && method != "GET" => {
            io::copy(&mut reader.by_ref().take(length / 2), &mut io::sink())?;
            return Ok(());
        }
        _ => {}
    }
    let registry = TcpStream::connect(&Registry::shared().host)?;
    (&registry).write_all(format!("{line}\r\n{headers}Connection: close\r\n\r\n").as_bytes())?;
    io::copy(&mut reader.by_ref().take(length), &mut &registry)?;
    let mut answer = BufReader::new(&registry);
    let (line, length, headers) = head(&mut answer)?;
    writer.write_all(format!("{line}\r\n{headers}Connection: close\r\n\r\n").as_bytes())?;
    let length = if fails { length / 2 } else { u64::MAX };
    io::copy(&mut answer.take(length), &mut writer)?;
    Ok(())
}

/// Copies the workspace image with no buildkitd in reach, and checks that it is the base's.
#[track_caller]
fn copy(base: &str, target: &str) -> String {
    let workspace = Workspace::new(&[]);
    let shown = workspace.build(base, target).env("PATH", "/nonexistent").succeed().stderr;
    assert_eq!(raw_manifest(base), raw_manifest(target));
    shown
}

#[test]
fn passing_faults_of_the_target_are_retried_in_a_copy_between_registries() {
    let base = Image::push_source(Registry::shared(), "passing/source:latest");
    for (index, failing) in [
        ("PUT", "/blobs/", BUSY, 1),
        ("PUT", "/blobs/", DOWN, 2),
        ("PUT", "/blobs/", BROKEN, 1),
        ("PUT", "/blobs/", Fault::Reset, 2),
        ("POST", "/blobs/", BUSY, 1),
        ("POST", "/blobs/", Fault::Reset, 1),
        ("HEAD", "/blobs/", BUSY, 1),
        ("PUT", "/manifests/", BUSY, 1),
        ("PUT", "/manifests/", Fault::Reset, 1),
    ]
    .into_iter()
    .enumerate()
    {
        let relay = Relay::start(failing);
        let shown = copy(&base, &relay.reference(&format!("passing/target-{index}:v1")));
        let times = relay.times(failing);
        assert!(times.len() > failing.3, "{failing:?}: {shown}");
        if failing.2 == BUSY {
            let others = times.iter().skip(1).any(|time| *time - times[0] >= Duration::from_secs(1));
            assert!(others, "nothing came again after the second that was asked for: {failing:?}");
        }
    }
}

#[test]
fn a_blob_that_breaks_off_at_its_source_is_fetched_again() {
    let name = "passing/broken-source:latest";
    Image::push_source(Registry::shared(), name);
    for (index, fault) in [Fault::Reset, BUSY, DOWN].into_iter().enumerate() {
        let failing = ("GET", "/blobs/", fault, 1);
        let relay = Relay::start(failing);
        let target = Registry::shared().reference(&format!("passing/again-{index}:v1"));
        let shown = copy(&relay.reference(name), &target);
        assert!(relay.times(failing).len() > 2, "{shown}");
    }
}

#[test]
fn a_mount_that_fails_for_a_moment_is_asked_for_again() {
    let name = "passing/mounted-source:latest";
    Image::push_source(Registry::shared(), name);
    for (index, fault) in [BUSY, DOWN, Fault::Reset].into_iter().enumerate() {
        let relay = Relay::start(("POST", "mount=", fault, 1));
        let target = relay.reference(&format!("passing/mounted-{index}:v1"));
        let shown = copy(&relay.reference(name), &target);
        assert!(shown.contains("2 blobs stay at the registry, 0 uploaded"), "{fault:?}: {shown}");
    }
}

#[test]
fn a_registry_that_asks_for_an_hour_is_given_up_with_its_status() {
    let base = Image::push_source(Registry::shared(), "passing/hour:latest");
    let failing = ("PUT", "/blobs/", Fault::Answer("429 Too Many Requests\r\nRetry-After: 3600"), 9);
    let relay = Relay::start(failing);
    let workspace = Workspace::new(&[]);
    let bob = workspace.build(&base, &relay.reference("passing/hour-target:v1"));
    let outcome = bob.env("PATH", "/nonexistent").fail(1);
    assert!(outcome.stderr.contains("429 Too Many Requests"), "{}", outcome.stderr);
}

#[test]
fn an_empty_docker_config_is_valid_and_a_broken_one_is_told_and_left_out() {
    let project = Project::new(&[("Dockerfile", "FROM scratch\nCOPY f /\n"), ("f", "text\n")]);
    for (text, told) in [
        ("", None),
        ("{}", None),
        ("{\"auths\":{\"a.example\":{}}}", None),
        ("{\n\"auths\":{},\n}\n", Some("line 3, column 1 (trailing comma)")),
        ("\u{feff}{}", Some("byte order mark")),
        ("{\"auths\":{\"a.example\":{\"auth\":\"s3cr3t!\"}}}", Some("a.example")),
        ("{\"auths\": s3cr3t", Some("line 1")),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("config.json"), text).expect("a file");
        let outcome = project.build(&[]).env("DOCKER_CONFIG", folder.path()).succeed();
        assert!(!outcome.stderr.contains("s3cr3t"), "{}", outcome.stderr);
        match told {
            Some(told) => {
                assert!(outcome.stderr.contains(told), "{text}: {}", outcome.stderr);
                assert!(outcome.stderr.contains("config.json"), "{text}: {}", outcome.stderr);
            }
            None => assert!(!outcome.stderr.contains("config"), "{text}: {}", outcome.stderr),
        }
        let inline = project.build(&[]).env("DOCKER_AUTH_CONFIG", text).succeed();
        assert_eq!(inline.stderr.contains("DOCKER_AUTH_CONFIG"), told.is_some(), "{text}: {}", inline.stderr);
    }
}

#[test]
fn a_docker_config_that_is_no_readable_file_is_told_and_left_out() {
    let project = Project::new(&[("Dockerfile", "FROM scratch\nCOPY f /\n"), ("f", "text\n")]);
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("config.json");
    fs::create_dir(&config).expect("a folder");
    let outcome = project.build(&[]).env("DOCKER_CONFIG", folder.path()).succeed();
    assert!(outcome.stderr.contains("cannot read the credentials in the file"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("is a directory"), "{}", outcome.stderr);
    fs::remove_dir(&config).expect("an empty folder");
    fs::write(&config, "{}").expect("a file");
    fs::set_permissions(&config, fs::Permissions::from_mode(0o000)).expect("a mode");
    // Whoever may read everything reads this too.
    project.build(&[]).env("DOCKER_CONFIG", folder.path()).succeed();
}

#[test]
fn a_login_that_is_refused_says_again_what_could_not_be_read() {
    let project = Project::new(&[("Dockerfile", "FROM scratch\nCOPY f /\n"), ("f", "text\n")]);
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("config.json"), "{\"auths\":{},}").expect("a file");
    let target = format!("{}/broken/config:v1", refusing_registry(401));
    let bob = project.build(&["-t", &target, "--push"]).env("DOCKER_CONFIG", folder.path());
    let outcome = bob.fail(1);
    let (_, error) = outcome.stderr.split_once("error: ").expect("an error");
    assert!(error.contains("there are no credentials for it"), "{error}");
    assert!(error.contains("config.json") && error.contains("trailing comma"), "{error}");
}

#[test]
fn a_base_at_a_tls_registry_on_localhost_says_how_buildkitd_is_told_to_speak_tls() {
    let registry = Registry::shared_secured();
    let project = Project::new(&[("Dockerfile", &format!("FROM {}\n", registry.reference("tls/base:v1")))]);
    let stderr = project.build(&[]).fail(1).stderr;
    assert!(stderr.contains("buildkitd speaks to every registry on localhost"), "{stderr}");
    assert!(stderr.contains(&format!("[registry.\"{}\"] in buildkitd.toml", registry.host)), "{stderr}");
}
