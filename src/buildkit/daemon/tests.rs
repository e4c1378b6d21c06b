use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn program(dir: &Path, script: &str) -> PathBuf {
    let path = dir.join("buildkitd");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn options(dir: &Path, script: &str) -> DaemonOptions {
    let mut options = DaemonOptions::new(program(dir, script), dir.join("root"), dir.join("run/b.sock"));
    options.ready_timeout = Duration::from_millis(500);
    options.stop_grace = Duration::from_millis(500);
    options
}

#[test]
fn a_missing_daemon_says_how_to_get_one() {
    let dir = tempfile::tempdir().unwrap();
    let error = find_program(None, Some(dir.path().as_os_str())).unwrap_err();
    assert!(error.to_string().contains("github.com/moby/buildkit/releases"), "{error}");
    let error = find_program(Some(&dir.path().join("x")), None).unwrap_err();
    assert!(error.to_string().contains("/x;"), "{error}");
}

#[test]
fn the_first_program_on_the_path_is_found() {
    let (empty, full) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = program(full.path(), "");
    let search = std::env::join_paths([empty.path(), full.path()]).unwrap();
    assert_eq!(find_program(None, Some(&search)).unwrap(), path);
}

#[tokio::test]
async fn a_daemon_that_ends_at_once_shows_its_last_words() {
    let dir = tempfile::tempdir().unwrap();
    let error = Daemon::start(options(dir.path(), "echo no overlayfs here >&2; exit 3")).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("exit status: 3") && text.contains("no overlayfs here"), "{text}");
}

#[tokio::test]
async fn a_daemon_that_never_answers_is_given_up_and_killed() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path(), "trap '' TERM; echo waiting; while :; do sleep 0.05; done");
    let error = Daemon::start(options).await.unwrap_err();
    assert!(matches!(&error, DaemonError::NotReady { log_tail, .. } if log_tail == &["waiting"]), "{error}");
}

#[tokio::test]
async fn a_program_that_cannot_be_started_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path(), "");
    options.program = dir.path().join("absent");
    let error = Daemon::start(options).await.unwrap_err();
    assert!(matches!(&error, DaemonError::Spawn { program, .. } if program.ends_with("absent")), "{error}");
}

#[tokio::test]
async fn a_socket_in_use_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path(), "");
    std::fs::create_dir_all(options.socket.parent().unwrap()).unwrap();
    let _listener = std::os::unix::net::UnixListener::bind(&options.socket).unwrap();
    let error = Daemon::start(options).await.unwrap_err();
    assert!(matches!(error, DaemonError::InUse { .. }), "{error}");
}

#[tokio::test]
async fn the_environment_of_the_daemon_holds_only_what_it_needs() {
    let dir = tempfile::tempdir().unwrap();
    let error = Daemon::start(options(dir.path(), "env; exit 1")).await.unwrap_err();
    let DaemonError::Exited { log_tail, .. } = error else { panic!("{error}") };
    let names: Vec<_> = log_tail.iter().map(|line| line.split('=').next().unwrap()).collect();
    assert!(names.contains(&"PATH") && names.contains(&"BUILDKIT_STEP_LOG_MAX_SIZE"), "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with("CARGO")), "{names:?}");
}

fn watched(script: &str, folder: &Path) -> (Child, Watchdog) {
    let child = Command::new("/bin/sh").args(["-c", script]).process_group(0).spawn().unwrap();
    let daemon = WatchedDaemon {
        pid: child.id().unwrap(),
        grace: Duration::from_millis(300),
        root: &folder.join("root"),
        sockets: [&folder.join("a.sock"), &folder.join("b.sock")],
        remove_root: true,
        socket_folder: None,
    };
    let watchdog = Watchdog::start(&daemon).unwrap();
    (child, watchdog)
}

#[tokio::test]
async fn a_daemon_does_not_outlive_bob() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("root")).unwrap();
    for name in ["a.sock", "b.sock", "root/state"] {
        std::fs::write(dir.path().join(name), "").unwrap();
    }
    for script in ["sleep 1000", "trap '' TERM; while :; do sleep 0.05; done"] {
        let (mut child, watchdog) = watched(script, dir.path());
        // The end of the pipe is all that the end of Bob, by whatever signal, leaves.
        drop(watchdog);
        let ended = tokio::time::timeout(Duration::from_secs(5), child.wait()).await;
        assert!(ended.is_ok(), "{script} still runs");
    }
    let began = std::time::Instant::now();
    while std::fs::read_dir(dir.path()).unwrap().count() > 0 {
        assert!(began.elapsed() < Duration::from_secs(5), "something is left");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
