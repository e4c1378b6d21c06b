//! The BuildKit client against a real buildkitd. Needs root, buildkitd, runc and a static busybox.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests touch real files and fail where they stand"
)]

mod odd_results;
#[path = "../support/mod.rs"]
#[allow(dead_code, unused_imports, unreachable_pub, reason = "each test binary uses a part of it")]
mod parts;
mod remote;
mod support;
mod transfer;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bob::buildkit::proto::pb;
use bob::buildkit::{
    Address, BuildError, BuildRequest, BuildResult, Client, Daemon, DaemonError, Error, ExportTarget,
    FileRange, Gateway, PlatformEntry, SolveOptions, SshAgent, TlsOptions, Warning, platforms_metadata,
};
use bob::secret::SecretBytes;
use support::{Graph, build, client, dirs, rootfs, single};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn the_daemon_tells_its_workers_and_capabilities() {
    let client = client().await;
    assert!(!client.workers().await.unwrap().is_empty());
    let (ended, _) = build(BuildRequest::default(), dirs(&[]), async |gateway: Gateway| {
        let pong = gateway.ping().await?;
        assert!(pong.llb_caps.len() > 50, "{}", pong.llb_caps.len());
        Ok((BuildResult::Single { reference: None, metadata: BTreeMap::new() }, ()))
    })
    .await;
    ended.unwrap();
}

#[tokio::test]
async fn an_address_where_no_daemon_answers_is_given_up_in_time() {
    let timeout = Duration::from_millis(500);
    let tls = TlsOptions::default();
    let absent = Address::Unix("/nonexistent/b.sock".into());
    assert!(matches!(Client::probe(&absent, &tls, timeout).await, Err(Error::Connect { .. })));
    let dir = tempfile::tempdir().unwrap();
    let silent = dir.path().join("s");
    let _listener = std::os::unix::net::UnixListener::bind(&silent).unwrap();
    let silent = Address::Unix(silent);
    let probing = tokio::time::timeout(LIMIT, Client::probe(&silent, &tls, timeout));
    let error = probing.await.expect("it gives up").unwrap_err();
    assert!(matches!(error, Error::ConnectTimeout { .. }), "{error}");
}

#[tokio::test]
async fn files_of_a_result_are_read_whole_in_part_and_when_large() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("Dockerfile"), "FROM x").unwrap();
    std::fs::write(dir.path().join("large"), vec![7; 6 << 20]).unwrap();
    let (ended, _) =
        build(BuildRequest::default(), dirs(&[("context", dir.path())]), async |gateway: Gateway| {
            let mut graph = Graph::default();
            let vertex = graph.local(&gateway, "context", &[]);
            let made = gateway.solve(graph.definition(&vertex), SolveOptions::default()).await?.unwrap();
            assert_eq!(gateway.read_file(&made, "Dockerfile", None).await?.unwrap(), b"FROM x");
            let part = Some(FileRange { offset: 5, length: 1 });
            assert_eq!(gateway.read_file(&made, "Dockerfile", part).await?.unwrap(), b"x");
            assert_eq!(gateway.read_file(&made, "large", None).await?.unwrap().len(), 6 << 20);
            assert_eq!(gateway.read_file(&made, ".dockerignore", None).await?, None);
            assert_eq!(gateway.stat_file(&made, "large").await?.unwrap().size, 6 << 20);
            assert_eq!(gateway.stat_file(&made, "absent").await?, None);
            let names: Vec<_> =
                gateway.read_dir(&made, "/", "").await?.unwrap().into_iter().map(|s| s.path).collect();
            assert_eq!(names, ["Dockerfile", "large"]);
            Ok((BuildResult::Single { reference: None, metadata: BTreeMap::new() }, ()))
        })
        .await;
    ended.unwrap();
}

#[tokio::test]
async fn a_failing_step_names_vertex_exit_code_and_lines() {
    let rootfs = rootfs();
    let failing = std::sync::Mutex::new(String::new());
    let (ended, status) =
        build(BuildRequest::default(), dirs(&[("rootfs", rootfs.path())]), async |gateway: Gateway| {
            let mut graph = Graph::default();
            let root = graph.local(&gateway, "rootfs", &[]);
            let step = graph.run(&root, "echo going wrong; exit 7", vec![]);
            failing.lock().unwrap().clone_from(&step.0);
            let range = pb::Range {
                start: Some(pb::Position { line: 3, character: 0 }),
                end: Some(pb::Position { line: 4, character: 9 }),
            };
            let location = pb::Location { source_index: 0, ranges: vec![range] };
            graph.source = Some(pb::Source {
                locations: BTreeMap::from([(step.0.clone(), pb::Locations { locations: vec![location] })]),
                infos: vec![pb::SourceInfo {
                    filename: "Dockerfile".into(),
                    data: b"the text".to_vec(),
                    language: "Dockerfile".into(),
                    definition: None,
                }],
            });
            single(&gateway, graph, &step).await
        })
        .await;
    let BuildError::Daemon(error) = ended.unwrap_err() else { panic!("the solve fails") };
    let failure = error.failure().unwrap();
    assert!(failure.message.contains("exit code: 7"), "{failure}");
    assert_eq!(failure.exit_code, Some(7));
    assert_eq!(failure.vertex.as_ref(), Some(&*failing.lock().unwrap()));
    let source = &failure.sources[0];
    assert_eq!((source.filename.as_str(), source.data.as_slice()), ("Dockerfile", b"the text".as_slice()));
    assert_eq!(
        (source.ranges[0].start_line, source.ranges[0].end_line, source.ranges[0].end_column),
        (3, 4, 9)
    );
    let logs: Vec<u8> = status.iter().flat_map(|s| &s.logs).flat_map(|l| l.msg.clone()).collect();
    assert_eq!(String::from_utf8_lossy(&logs), "going wrong\n");
}

#[tokio::test]
async fn a_failure_of_the_caller_ends_the_build_and_stays_what_it_was() {
    let began = Instant::now();
    let (ended, _) = build(BuildRequest::default(), dirs(&[]), async |_| {
        Err(Error::Incomplete { during: "a test", missing: "nothing" })
    })
    .await;
    let error = ended.unwrap_err();
    assert!(matches!(error, BuildError::Caller(Error::Incomplete { .. })), "{error}");
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

fn secret_mount(id: &str, optional: bool) -> pb::Mount {
    pb::Mount {
        input: -1,
        output: 0,
        dest: format!("/run/secrets/{id}"),
        mount_type: pb::MountType::Secret.into(),
        secret_opt: Some(pb::SecretOpt { id: id.into(), mode: 0o400, optional, ..Default::default() }),
        ..Default::default()
    }
}

#[tokio::test]
async fn secrets_reach_a_step_and_optional_ones_may_be_absent() {
    let rootfs = rootfs();
    let mut session = dirs(&[("rootfs", rootfs.path())]);
    session.secrets.insert("token".into(), SecretBytes::from("s3cret".to_owned()));
    let (ended, _) = build(BuildRequest::default(), session, async |gateway: Gateway| {
        let mut graph = Graph::default();
        let root = graph.local(&gateway, "rootfs", &[]);
        let script =
            "test \"$(/bin/busybox cat /run/secrets/token)\" = s3cret && test ! -e /run/secrets/other";
        let step = graph.run(&root, script, vec![secret_mount("token", false), secret_mount("other", true)]);
        single(&gateway, graph, &step).await
    })
    .await;
    ended.unwrap();
}

#[tokio::test]
async fn an_agent_is_mounted_and_a_missing_one_is_named() {
    let (rootfs, dir) = (rootfs(), tempfile::tempdir().unwrap());
    let socket = dir.path().join("agent");
    let _agent = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let mut session = dirs(&[("rootfs", rootfs.path())]);
    session.ssh_agents.insert("default".into(), SshAgent::Socket { path: socket, is_raw: false });
    for (id, works) in [("", true), ("other", false)] {
        let (ended, _) = build(BuildRequest::default(), session.clone(), async |gateway: Gateway| {
            let mut graph = Graph::default();
            let root = graph.local(&gateway, "rootfs", &[]);
            let mount = pb::Mount {
                input: -1,
                output: 0,
                dest: "/run/agent.sock".into(),
                mount_type: pb::MountType::Ssh.into(),
                ssh_opt: Some(pb::SshOpt { id: id.into(), mode: 0o600, ..Default::default() }),
                ..Default::default()
            };
            let step = graph.run(&root, "test -S /run/agent.sock", vec![mount]);
            single(&gateway, graph, &step).await
        })
        .await;
        match ended {
            Ok(_) => assert!(works, "{id}"),
            Err(error) => assert!(!works && error.to_string().contains("--ssh other"), "{error}"),
        }
    }
}

#[tokio::test]
async fn cancelling_ends_a_running_step() {
    let rootfs = rootfs();
    let client = client().await;
    let (sender, mut status) = mpsc::channel(64);
    let cancel = CancellationToken::new();
    let session = dirs(&[("rootfs", rootfs.path())]);
    let building = client
        .build(BuildRequest::default(), session, sender, &cancel, |gateway| sleeping(gateway, "987654"));
    let waiting = async {
        while let Some(message) = status.recv().await {
            if !message.logs.is_empty() {
                cancel.cancel();
            }
        }
    };
    let ending = async { tokio::join!(building, waiting) };
    let (ended, ()) = tokio::time::timeout(LIMIT, ending).await.expect("the build ends");
    assert!(matches!(ended, Err(BuildError::Cancelled)));
    assert_eq!(sleepers("987654"), 0, "the container still runs");
}

#[tokio::test]
async fn dropping_a_build_ends_a_running_step() {
    let rootfs = rootfs();
    let client = client().await;
    let (sender, mut status) = mpsc::channel(64);
    let cancel = CancellationToken::new();
    let session = dirs(&[("rootfs", rootfs.path())]);
    let mut building = Box::pin(
        client
            .build(BuildRequest::default(), session, sender, &cancel, |gateway| sleeping(gateway, "765432")),
    );
    loop {
        tokio::select! {
            _ = &mut building => panic!("it sleeps for long"),
            message = status.recv() => if !message.unwrap().logs.is_empty() { break },
        }
    }
    until("it sleeps", || sleepers("765432") > 0).await;
    drop(building);
    until("the container ends", || sleepers("765432") == 0).await;
}

#[tokio::test]
async fn warnings_come_back_in_the_status_stream() {
    let dir = tempfile::tempdir().unwrap();
    let session = dirs(&[("context", dir.path())]);
    let (ended, status) = build(BuildRequest::default(), session, async |gateway: Gateway| {
        let mut graph = Graph::default();
        let vertex = graph.local(&gateway, "context", &[]);
        let returned = single(&gateway, graph, &vertex).await?;
        let warning = Warning { vertex: vertex.0, level: 1, short: "beware".into(), ..Warning::default() };
        gateway.warn(warning).await?;
        Ok(returned)
    })
    .await;
    ended.unwrap();
    let warnings: Vec<_> = status.iter().flat_map(|s| &s.warnings).map(|w| w.short.as_slice()).collect();
    assert_eq!(warnings, [b"beware"]);
}

#[tokio::test]
async fn several_platforms_are_returned_as_one_result() {
    let (dir, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(dir.path().join("file"), "x").unwrap();
    let request = support::export("local", ExportTarget::Folder(out.path().to_owned().into()));
    let (ended, _) = build(request, dirs(&[("context", dir.path())]), async |gateway: Gateway| {
        let mut references = BTreeMap::new();
        let mut entries = Vec::new();
        for architecture in ["amd64", "arm64"] {
            let mut graph = Graph::default();
            let vertex = graph.local(&gateway, "context", &[]);
            let reference = gateway.solve(graph.definition(&vertex), SolveOptions::default()).await?;
            let id = format!("linux/{architecture}");
            references.insert(id.clone(), reference);
            let (architecture, os) = (architecture.to_owned(), "linux".to_owned());
            entries.push(PlatformEntry { id, architecture, os, ..PlatformEntry::default() });
        }
        let metadata = BTreeMap::from([("refs.platforms".to_owned(), platforms_metadata(&entries))]);
        Ok((BuildResult::Platforms { references, metadata }, ()))
    })
    .await;
    ended.unwrap();
    for folder in ["linux_amd64", "linux_arm64"] {
        assert_eq!(std::fs::read(out.path().join(folder).join("file")).unwrap(), b"x");
    }
}

/// How long a test waits for what would otherwise never happen.
const LIMIT: Duration = Duration::from_secs(60);

/// Waits until `holds`, which is looked at again and again.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(LIMIT, waiting).await.is_ok(), "waited in vain until {what}");
}

/// Builds a step that writes to its log, and then sleeps for more `seconds` than any test takes.
async fn sleeping(gateway: Gateway, seconds: &str) -> Result<(BuildResult, ()), Error> {
    let mut graph = Graph::default();
    let root = graph.local(&gateway, "rootfs", &[]);
    let script = format!("echo sleeping; /bin/busybox sleep {seconds}");
    let step = graph.run(&root, &script, vec![]);
    single(&gateway, graph, &step).await
}

/// Processes whose command line holds `mark`.
fn sleepers(mark: &str) -> usize {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines
        .filter(|line| {
            line.starts_with(b"/bin/busybox\0sleep") && line.ends_with(format!("{mark}\0").as_bytes())
        })
        .count()
}

#[tokio::test]
async fn a_daemon_that_dies_is_noticed_and_leaves_nothing() {
    let (rootfs, folder) = (rootfs(), tempfile::tempdir().unwrap());
    let daemon = Daemon::start(support::options(folder.path())).await.unwrap();
    let tls = TlsOptions::default();
    let client = Client::connect(daemon.address(), &tls, Duration::from_secs(5)).await.unwrap();
    let (sender, mut status) = mpsc::channel(64);
    let cancel = CancellationToken::new();
    let session = dirs(&[("rootfs", rootfs.path())]);
    let building = client
        .build(BuildRequest::default(), session, sender, &cancel, |gateway| sleeping(gateway, "876543"));
    let killing = async {
        while let Some(message) = status.recv().await {
            if !message.logs.is_empty() {
                let pid = rustix::process::Pid::from_raw(daemon.pid().cast_signed()).unwrap();
                rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
                let exit = daemon.exited().await;
                assert!(exit.status.to_string().contains("SIGKILL"), "{}", exit.status);
                assert!(!exit.log_tail.is_empty());
            }
        }
    };
    let ending = async { tokio::join!(building, killing) };
    let (ended, ()) = tokio::time::timeout(LIMIT, ending).await.expect("the build ends");
    let error = ended.unwrap_err();
    assert!(matches!(error, BuildError::Daemon(Error::Disconnected { .. })), "{error:?}");
    daemon.stop().await;
    assert_eq!(sleepers("876543"), 0, "the container still runs");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "state or socket is left");
}

#[tokio::test]
async fn a_stopped_daemon_leaves_no_state_and_no_socket() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(support::options(folder.path())).await.unwrap();
    let socket = folder.path().join("b.sock");
    assert!(socket.exists());
    assert!(matches!(Daemon::start(support::options(folder.path())).await, Err(DaemonError::InUse { .. })));
    daemon.stop().await;
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);

    let mut kept = support::options(folder.path());
    kept.remove_root = false;
    let daemon = Daemon::start(kept).await.unwrap();
    daemon.stop().await;
    let root = folder.path().join("root");
    assert!(root.join("cache.db").exists() && !root.join("tmp").exists(), "the cache stays, nothing else");
    assert!(!socket.exists());
}
