//! The state of a buildkitd that Bob starts: its own, and never part of a context.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use super::support::{Bob, Buildkitd, Image, Registry, Workspace, pull, tool};

fn build(workspace: &Workspace, name: &str) -> Bob {
    let registry = Registry::shared();
    let (base, target) =
        (registry.reference(&format!("{name}-base:v1")), registry.reference(&format!("{name}:v1")));
    workspace
        .build(&base, &target)
        .env("BOB_BUILD_BASE", "true")
        .env("BOB_DOCKERFILE_PATH", workspace.at("Dockerfile"))
        .env("BOB_CONTEXT_DIR", workspace.path())
}

/// Every path below `root`, relative to it.
fn paths(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            found.push(path.strip_prefix(root).expect("below").display().to_string());
            if entry.file_type().expect("a type").is_dir() {
                open.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_context_that_holds_the_state_folder_is_sent_without_it() {
    let workspace = Workspace::new(&[("Dockerfile", "FROM scratch\nCOPY . /all\n"), ("kept/file", "x")]);
    // Whatever the ignore file says.
    workspace.write(".dockerignore", "!buildkit\n!**/buildkit*\n");
    for _ in 0..3 {
        build(&workspace, "state/context").succeed();
        let registry = Registry::shared();
        let image = pull(registry, &registry.reference("state/context:v1"));
        let all = paths(&image.unpack().join("all"));
        assert_eq!(all, [".dockerignore", ".gitpod", ".gitpod/ready", "Dockerfile", "kept", "kept/file"]);
    }
}

#[test]
fn a_state_folder_inside_a_context_is_not_sent_outside_of_a_workspace_either() {
    let workspace = Workspace::new(&[("Dockerfile", "FROM scratch\nCOPY . /\n"), ("kept", "x")]);
    for _ in 0..2 {
        Bob::new(["build", "--state-dir", "state", "-o", "out", "."]).current_dir(workspace.path()).succeed();
        assert_eq!(paths(&workspace.path().join("out")), [".gitpod", ".gitpod/ready", "Dockerfile", "kept"]);
        fs::remove_dir_all(workspace.path().join("out")).expect("removed");
    }
}

#[test]
fn state_of_a_build_before_is_no_part_of_a_context_whichever_daemon_builds() {
    let workspace = Workspace::new(&[("Dockerfile", "FROM scratch\nCOPY . /all\n")]);
    build(&workspace, "state/own").succeed();
    build(&workspace, "state/external").env("BOB_EXTERNAL_BUILDKITD", Buildkitd::shared().addr()).succeed();
    let registry = Registry::shared();
    let image = pull(registry, &registry.reference("state/external:v1"));
    assert_eq!(paths(&image.unpack().join("all")), [".gitpod", ".gitpod/ready", "Dockerfile"]);
}

#[test]
fn a_folder_of_the_users_called_buildkit_stays_and_is_part_of_the_context() {
    let workspace = Workspace::new(&[
        ("Dockerfile", "FROM scratch\nCOPY . /all\n"),
        ("buildkit/main.go", "package main\n"),
    ]);
    for _ in 0..2 {
        build(&workspace, "state/users").succeed();
        let registry = Registry::shared();
        let image = pull(registry, &registry.reference("state/users:v1"));
        let all = paths(&image.unpack().join("all"));
        assert_eq!(all, [".gitpod", ".gitpod/ready", "Dockerfile", "buildkit", "buildkit/main.go"]);
    }
    let entries = fs::read_dir(workspace.path()).expect("a folder").flatten();
    let left: Vec<_> = entries.map(|entry| entry.file_name()).filter(|name| name != "buildkit").collect();
    assert_eq!(left.len(), 2, "state is left behind: {left:?}");
}

#[test]
fn a_file_that_is_being_written_into_the_context_is_no_part_of_it() {
    let workspace = Workspace::new(&[("Dockerfile", "FROM scratch\nCOPY . /\n"), ("kept", "x")]);
    let addr = Buildkitd::shared().addr();
    Bob::new(["build", "--addr", &addr, "-o", "type=tar,dest=out.tar", "."])
        .current_dir(workspace.path())
        .succeed();
    let listed = Command::new(tool("tar"))
        .args(["-tf", "out.tar"])
        .current_dir(workspace.path())
        .output()
        .expect("tar runs");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains("kept") && !listed.contains(".bob-"), "{listed}");
}

/// Replaces the `fs` folder of every snapshot below `state` by a link to `outside`.
fn plant(state: &Path, outside: &Path) -> usize {
    let mut planted = 0;
    for path in paths(state).iter().filter(|path| path.ends_with("/fs")) {
        let fs_folder = state.join(path);
        if fs::symlink_metadata(&fs_folder).is_ok_and(|found| found.is_dir()) {
            fs::remove_dir_all(&fs_folder).expect("removed");
            symlink(outside, &fs_folder).expect("a link");
            planted += 1;
        }
    }
    planted
}

#[test]
fn a_repository_that_looks_like_state_is_moved_aside_and_never_used() {
    let source = Image::push_source(Registry::shared(), "state/source:v1");
    let workspace = Workspace::new(&[("Dockerfile", &format!("FROM {source}\nRUN true\n"))]);
    // The state that a daemon leaves is what an attacker prepares: with it, a step's root is a folder of the host.
    build(&workspace, "state/first").succeed();
    let outside = tempfile::tempdir().expect("a temporary folder");
    fs::write(outside.path().join("canary"), "of the host").expect("a file");
    fs::create_dir(outside.path().join("bin")).expect("a folder");
    for program in ["sh", "cat"] {
        fs::copy(tool("busybox"), outside.path().join("bin").join(program)).expect("busybox");
    }
    let before = paths(outside.path());
    let dockerfile = format!("FROM {source}\nRUN (cat /canary || true) && echo hacked > /written\n");
    workspace.write("Dockerfile", &dockerfile);
    assert!(plant(&workspace.path().join("buildkit"), outside.path()) > 0);

    let outcome = build(&workspace, "state/second").succeed();
    assert!(!outcome.stderr.contains("of the host"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("moved aside"), "{}", outcome.stderr);
    assert_eq!(paths(outside.path()), before, "a step wrote to the host");
    let moved: Vec<_> = fs::read_dir(workspace.path()).expect("a folder").flatten().collect();
    let moved = moved.iter().filter(|entry| entry.file_name().to_string_lossy().contains("moved-aside"));
    assert_eq!(moved.count(), 1);
}

#[test]
fn nothing_is_left_in_the_temporary_folder_and_its_names_are_not_predictable() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let temporary = folder.path().join("t");
    fs::create_dir(&temporary).expect("a folder");
    let source = Image::push_source(Registry::shared(), "state/temporary:latest");
    // buildkitd forgets the folder of the mount's socket.
    let dockerfile = format!("FROM {source}\nCOPY Dockerfile /\nRUN --mount=type=ssh,required=true true\n");
    let workspace = Workspace::new(&[("Dockerfile", &dockerfile)]);
    let key = workspace.at("key");
    let made = Command::new(tool("ssh-keygen")).args(["-q", "-t", "ed25519", "-N", "", "-f", &key]).status();
    assert!(made.expect("ssh-keygen runs").success());
    // Too long for sockets of the daemon itself, and too long for those of mounts alone.
    for length in [120, 50] {
        Bob::new(["build", "-o", "out", "--ssh", &format!("default={key}"), "--state-dir"])
            .arg(folder.path().join("x".repeat(length)))
            .arg(".")
            .env("TMPDIR", &temporary)
            .current_dir(workspace.path())
            .succeed();
        assert_eq!(paths(&temporary), Vec::<String>::new(), "{length}");
        assert!(workspace.path().join("out/Dockerfile").exists());
        fs::remove_dir_all(workspace.path().join("out")).expect("removed");
    }
}
