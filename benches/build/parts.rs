//! What is compared: a row of the table each.

use std::cell::Cell;
use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::Command;

use super::rounds;
use super::support::{Buildkitd, Image, Registry, tool};
use super::ways::{ANOTHER_USER, bob, buildctl, compare};

/// Steps of a build of some size: two stages, files, commands.
const DOCKERFILE: &str = "FROM BASE AS tools\nRUN echo tools > /tools\nFROM BASE\nCOPY one /srv/one\nRUN echo one > /one\n\
    COPY two /srv/\nRUN echo two > /two\nCOPY --from=tools /tools /tools\nENV A=b\nCMD [\"sh\"]\n";

/// `--version` of both.
pub(crate) fn version() {
    let here = Path::new(".");
    let mut ways = bob(here, &["--version"]);
    ways.push(buildctl("buildctl", here, &["--version"]));
    compare("the version", rounds() * 10, None, &ways, || {});
}

/// A build that has nothing to do but to push.
pub(crate) fn rebuild() {
    let (registry, daemon) = (Registry::open(), Buildkitd::start());
    let base = Image::push_source(&registry, "bench/base:v1");
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("Dockerfile", &DOCKERFILE.replace("BASE", &base));
    write("one", "1");
    write("two", "2");
    let (address, name) = (daemon.addr(), registry.reference("bench/app:v1"));
    let graph = folder.path().join("graph.pb");
    let made = Command::new(env!("CARGO_BIN_EXE_bob"))
        .args(["llb", "--format", "pb", "."])
        .current_dir(folder.path())
        .env("BUILDKIT_HOST", &address)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    fs::write(&graph, made.stdout).unwrap();
    let output = format!("type=image,name={name},push=true");
    let locals =
        ["--local", "context=.", "--local", "dockerfile=.", "--progress", "quiet", "--output", &output];
    let of_buildctl = |more: &[&'static str]| [&["--addr", &address, "build"], &locals[..], more].concat();
    let mut ways =
        bob(folder.path(), &["build", "--addr", &address, "--progress", "quiet", "-t", &name, "--push", "."]);
    ways.push(buildctl("buildctl, the ready graph", folder.path(), &of_buildctl(&[])).reading(graph));
    let frontend = of_buildctl(&["--frontend", "dockerfile.v0"]);
    ways.push(buildctl("buildctl, dockerfile.v0", folder.path(), &frontend));
    compare("a cached rebuild with push", rounds(), Some(&daemon), &ways, || {});
}

/// Returns a context of 30,000 files and 390 MB.
fn large_context() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for group in 0..300 {
        let group_folder = folder.path().join(format!("d{:02}/package{group:03}", group / 20));
        fs::create_dir_all(&group_folder).unwrap();
        for file in 0..100 {
            let text = format!("{group} {file}\n").repeat(13_000 / format!("{group} {file}\n").len());
            fs::write(group_folder.join(format!("file_{file:03}.txt")), text).unwrap();
        }
    }
    fs::write(folder.path().join("Dockerfile"), "FROM scratch\nCOPY . /src/\n").unwrap();
    folder
}

fn prune(address: &str) {
    let done = Command::new(tool("buildctl")).args(["--addr", address, "prune", "--all"]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// A large context: sent for the first time, and unchanged.
pub(crate) fn many_files(cold: bool, unchanged: bool) {
    let (daemon, folder) = (Buildkitd::start(), large_context());
    let address = daemon.addr();
    let mut ways = bob(folder.path(), &["build", "--addr", &address, "--progress", "quiet", "."]);
    let args = ["--addr", &address, "build", "--frontend", "dockerfile.v0", "--progress", "quiet"];
    let args = [&args[..], &["--local", "context=.", "--local", "dockerfile=."]].concat();
    ways.push(buildctl("buildctl, dockerfile.v0", folder.path(), &args));
    if cold {
        let rounds = rounds().div_ceil(5);
        compare("30,000 files, 390 MB, cold", rounds, Some(&daemon), &ways, || prune(&address));
    }
    if unchanged {
        compare("30,000 files, unchanged", rounds(), Some(&daemon), &ways, || {});
    }
}

/// What keeping the record of a build adds: the same build by a user with a folder for records, and by one with none.
pub(crate) fn record() {
    let (daemon, folder, state) = (Buildkitd::start(), large_context(), tempfile::tempdir().unwrap());
    chown(state.path(), Some(ANOTHER_USER), Some(ANOTHER_USER)).unwrap();
    let address = daemon.addr();
    let build = || bob(folder.path(), &["build", "--addr", &address, "--progress", "quiet", "."]);
    let build = || build().into_iter().map(|way| way.for_another_user().with("HOME", ""));
    let state_home = state.path().display().to_string();
    let with = build().map(|way| way.named(", with a record").with("XDG_STATE_HOME", &state_home));
    let ways: Vec<_> = with.chain(build().map(|way| way.named(", without"))).collect();
    let compare = |title: &str, rounds: usize, before: &dyn Fn()| {
        let walls = compare(title, rounds, Some(&daemon), &ways, before);
        let half = walls.len() / 2;
        for (with, without) in walls[..half].iter().zip(&walls[half..]) {
            println!("  the record adds {:.1} ms", (with - without) * 1000.0);
        }
    };
    compare("30,000 files and a record, cold", rounds().div_ceil(5), &|| prune(&address));
    let changed = Cell::new(0);
    let change = || {
        changed.set(changed.get() + 1);
        fs::write(folder.path().join("d07/package150/file_050.txt"), changed.get().to_string()).unwrap();
    };
    compare("30,000 files and a record, one changed", rounds(), &change);
    compare("30,000 files and a record, unchanged", rounds(), &|| {});
    for entry in fs::read_dir(state.path().join("bob/builds")).unwrap() {
        println!("  the record is {:.2} MB", entry.unwrap().metadata().unwrap().len() as f64 / 1e6);
    }
}
