//! Repositories that mean harm: whatever their files, names and links are, nothing outside of them is read, printed
//! or built in, and nothing is written elsewhere.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, FileType, RenameFlags, mknodat, renameat_with};

use super::support::{Bob, Buildkitd, Outcome, Project, Workspace};

/// The value of a variable that nothing may show. It is no pattern and no instruction, so that errors would.
const CANARY: &str = "canary-hunter2[";

const DOCKERFILE: &str = "FROM scratch\nCOPY . /\n";

/// What is planted in place of a file, and what Bob says of it.
const PLANTED: [(&str, &str); 6] = [
    ("/proc/self/environ", "leads out of"),
    ("../secret", "leads out of"),
    ("/dev/zero", "leads out of"),
    ("FIFO", "a FIFO, not a file"),
    ("DEVICE", "a device, not a file"),
    ("SPARSE", "larger than 10485760 bytes"),
];

/// Puts something else in the place of a file.
fn plant(path: &Path, what: &str) {
    let _ = fs::remove_file(path);
    match what {
        "FIFO" => mknodat(CWD, path, FileType::Fifo, 0o644.into(), 0).expect("a FIFO"),
        "DEVICE" => mknodat(CWD, path, FileType::CharacterDevice, 0o644.into(), rustix::fs::makedev(1, 5))
            .expect("a device"),
        "SPARSE" => fs::File::create(path).and_then(|file| file.set_len(1 << 40)).expect("a sparse file"),
        target => symlink(target, path).expect("a link"),
    }
}

/// A folder `repository` with a Dockerfile, beside a file `secret`.
fn repository() -> Project {
    Project::new(&[
        ("secret", &format!("{CANARY}\n")),
        ("repository/Dockerfile", DOCKERFILE),
        ("repository/other/Dockerfile", "FROM scratch\nCOPY --from=named . /\n"),
        ("repository/named/file", ""),
    ])
}

fn assert_refused(outcome: &Outcome, why: &str, what: &str) {
    assert_eq!(outcome.status.code(), Some(1), "{what}: {}\n{}", outcome.stdout, outcome.stderr);
    assert!(outcome.stderr.contains(why), "{what}: no {why:?} in {}", outcome.stderr);
    for text in [&outcome.stderr, &outcome.stdout] {
        assert!(!text.contains("canary"), "{what}: {text}");
    }
}

#[test]
fn what_is_planted_for_a_dockerfile_or_an_ignore_file_is_refused() {
    let places: [(&str, &[&str]); 5] = [
        ("Dockerfile", &["."]),
        ("other/Dockerfile", &["-f", "other/Dockerfile", "named"]),
        (".dockerignore", &["."]),
        ("Dockerfile.dockerignore", &["."]),
        ("named/.dockerignore", &["-f", "other/Dockerfile", "--build-context", "named=named", "."]),
    ];
    let addr = Buildkitd::shared().addr();
    let commands: [&[&str]; 3] =
        [&["build", "--progress=plain", "-o", "out", "--addr", &addr], &["llb", "--addr", &addr], &["check"]];
    for (place, args) in places {
        for (what, why) in PLANTED {
            let project = repository();
            let is_nested = place.contains('/') && what == "../secret";
            plant(
                &project.path().join("repository").join(place),
                if is_nested { "../../secret" } else { what },
            );
            for command in commands {
                let bob = Bob::new(command.iter().chain(args)).env("CANARY", CANARY);
                let outcome = bob.current_dir(project.path().join("repository")).run();
                assert_refused(&outcome, why, &format!("{command:?} {place} {what}"));
                assert!(!project.path().join("repository/out").exists());
            }
        }
    }
}

#[test]
fn what_is_planted_in_a_workspace_is_refused_and_not_in_bob_log() {
    for place in ["Dockerfile", ".dockerignore", "Dockerfile.dockerignore"] {
        for (what, why) in PLANTED {
            let workspace = Workspace::new(&[("project/Dockerfile", DOCKERFILE)]);
            let secret = workspace.path().with_extension("secret");
            fs::write(&secret, CANARY).expect("a secret");
            let target = if what == "../secret" { secret.display().to_string() } else { what.to_owned() };
            plant(&workspace.path().join("project").join(place), &target);
            let outcome = workspace
                .build("localhost:1/base:v1", "localhost:1/target:v1")
                .env("BOB_BUILD_BASE", "true")
                .env("BOB_DOCKERFILE_PATH", workspace.at("project/Dockerfile"))
                .env("BOB_CONTEXT_DIR", workspace.at("project"))
                .env("BOB_EXTERNAL_BUILDKITD", Buildkitd::shared().addr())
                .env("CANARY", CANARY)
                .run();
            let _ = fs::remove_file(&secret);
            // The words of workspace mode for a Dockerfile elsewhere.
            let why = if place == "Dockerfile" && why == "leads out of" { "is not in" } else { why };
            assert_refused(&outcome, why, &format!("{place} {what}"));
            let log = workspace.log();
            assert!(log.contains(why) && !log.contains("canary"), "{place} {what}: {log}");
        }
    }
}

#[test]
fn links_inside_a_repository_work() {
    let project = Project::new(&[
        ("build/Dockerfile.real", DOCKERFILE),
        ("build/ignore", "build\nDockerfile\n.dockerignore\nleft-out\n"),
        ("left-out", ""),
        ("kept", "k"),
    ]);
    let at = |name: &str| project.path().join(name);
    symlink("build/Dockerfile.real", at("Dockerfile")).expect("a link");
    symlink(at("build/ignore").canonicalize().expect("a path"), at(".dockerignore"))
        .expect("an absolute link");
    let out = tempfile::tempdir().expect("a folder");
    project.build(&["-o", &out.path().display().to_string()]).succeed();
    let names: Vec<_> = fs::read_dir(out.path())
        .expect("the output")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(names, ["kept"]);
}

#[test]
fn a_pattern_of_an_ignore_file_is_quoted_shortly_and_without_control_characters() {
    let pattern = format!("a\u{1b}[31m{}[", "x".repeat(5000));
    let project = Project::new(&[("Dockerfile", DOCKERFILE), (".dockerignore", &pattern)]);
    let outcome = project.build(&["-o", "out"]).fail(1);
    assert!(outcome.stderr.contains("syntax error in pattern"), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains('\u{1b}'), "{:?}", outcome.stderr);
    assert!(!outcome.stderr.contains(&"x".repeat(100)), "{}", outcome.stderr);
}

/// Exchanges two files again and again until it is dropped.
struct Swapping(Arc<AtomicBool>, Option<std::thread::JoinHandle<()>>);

impl Swapping {
    fn start(one: PathBuf, other: PathBuf) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&done);
        let work = move || {
            while !seen.load(Ordering::Relaxed) {
                renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE).expect("an exchange");
            }
        };
        Self(done, Some(std::thread::spawn(work)))
    }
}

impl Drop for Swapping {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        let _ = self.1.take().map(std::thread::JoinHandle::join);
    }
}

#[test]
fn a_workspace_dockerfile_that_is_swapped_for_a_link_is_never_read_from_outside() {
    let workspace = Workspace::new(&[("Dockerfile", "INSIDE\n")]);
    let outside = tempfile::tempdir().expect("a folder");
    fs::write(outside.path().join("secret"), CANARY).expect("a secret");
    symlink(outside.path().join("secret"), workspace.path().join("link")).expect("a link");
    let _swapping = Swapping::start(workspace.path().join("Dockerfile"), workspace.path().join("link"));
    let mut seen = [0, 0];
    for _ in 0..60 {
        let outcome = workspace
            .build("localhost:1/base:v1", "localhost:1/target:v1")
            .env("BOB_BUILD_BASE", "true")
            .env("BOB_DOCKERFILE_PATH", workspace.at("Dockerfile"))
            .fail(1);
        let text = workspace.log() + &outcome.stderr;
        assert!(!text.contains("canary"), "{text}");
        seen[usize::from(text.contains("INSIDE"))] += 1;
    }
    assert!(seen[0] > 0 && seen[1] > 0, "the swaps were not met: {seen:?}");
}

#[test]
fn files_of_a_context_that_are_swapped_for_links_are_never_built_in_from_outside() {
    let project =
        Project::new(&[("Dockerfile", "FROM scratch\nCOPY d /d\n"), ("d/f", "inside"), ("d/g", "inside")]);
    let outside = tempfile::tempdir().expect("a folder");
    fs::write(outside.path().join("f"), CANARY).expect("a secret");
    symlink(outside.path().join("f"), project.path().join("link")).expect("a link");
    let _swapping = Swapping::start(project.path().join("d/f"), project.path().join("link"));
    for round in 0..12 {
        let out = tempfile::tempdir().expect("a folder");
        // Other bytes beside it, so that the context is transferred anew.
        fs::write(project.path().join("d/g"), vec![b'g'; round + 1]).expect("a file");
        let outcome = project.build(&["-o", &out.path().display().to_string()]).run();
        let found = out.path().join("d/f");
        let is_link = fs::symlink_metadata(&found).is_ok_and(|found| found.is_symlink());
        if outcome.status.success() && !is_link {
            let text = fs::read_to_string(&found).expect("the file");
            assert!(text.is_empty() || text == "inside", "{text}");
        }
        assert!(!outcome.stderr.contains("canary"), "{}", outcome.stderr);
    }
}

#[test]
fn a_link_in_place_of_the_folder_of_bob_log_is_not_followed() {
    let workspace = Workspace::new(&[]);
    let outside = tempfile::tempdir().expect("a folder");
    fs::remove_dir_all(workspace.path().join(".gitpod")).expect("the folder goes");
    symlink(outside.path(), workspace.path().join(".gitpod")).expect("a link");
    let outcome = workspace.build("UPPER/case:!", "localhost:1/target:x").fail(2);
    assert!(outcome.stderr.contains("is a link, which is not followed"), "{}", outcome.stderr);
    assert_eq!(fs::read_dir(outside.path()).expect("the folder").count(), 0);
}

#[test]
fn a_secret_without_an_end_is_refused() {
    let project = Project::new(&[("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")]);
    let outcome = project.build(&["--secret", "id=x,src=/dev/zero"]).fail(1);
    assert!(outcome.stderr.contains("it is a device, not a file"), "{}", outcome.stderr);
}

#[test]
fn a_file_that_vanishes_while_the_context_is_sent_is_told_and_the_build_goes_on() {
    let project = Project::new(&[("Dockerfile", "FROM scratch\nCOPY c /\n"), ("c/z", "gone soon")]);
    let context = project.path().join("c").canonicalize().expect("a path");
    // Every reader is busy with one of these when `z` is asked for.
    for name in ["a0", "a1", "a2", "a3"] {
        fs::write(context.join(name), vec![b'a'; 48 << 20]).expect("a large file");
    }
    // On a very busy machine the last file may have gone before this test takes it away: then once more.
    for attempt in 0.. {
        fs::write(context.join("z"), "gone soon").expect("a file");
        let out = tempfile::tempdir().expect("a folder");
        let opened = wait_for_open(&context);
        let mut child = project.build(&["--no-cache", "-o", &out.path().display().to_string()]).start();
        while !opened.is_finished() {
            let ended = child.try_wait().expect("a process");
            assert!(ended.is_none(), "bob ended: {}", Outcome::of(child).stderr);
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        fs::remove_file(context.join("z")).expect("the file goes");
        let outcome = Outcome::of(child);
        assert!(outcome.status.success(), "{}", outcome.stderr);
        assert_eq!(fs::metadata(out.path().join("a3")).expect("the file").len(), 48 << 20);
        if outcome.stderr.contains("c/z vanished while the context was sent") {
            assert_eq!(fs::read(out.path().join("z")).expect("an empty file"), b"");
            return;
        }
        assert_eq!(fs::read(out.path().join("z")).expect("a whole file"), b"gone soon");
        assert!(attempt < 10, "{}", outcome.stderr);
        // Other times, so that all is transferred anew.
        for name in ["a0", "a1", "a2", "a3"] {
            fs::write(context.join(name), vec![b'a'; 48 << 20]).expect("a large file");
        }
    }
}

/// A thread that ends when a file in `folder` is opened.
fn wait_for_open(folder: &Path) -> std::thread::JoinHandle<()> {
    use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};

    let watch = inotify::init(CreateFlags::CLOEXEC).expect("a watch");
    inotify::add_watch(&watch, folder, WatchFlags::OPEN).expect("a watch");
    std::thread::spawn(move || {
        let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(watch, &mut buffer);
        // The folder itself is opened first, to be listed.
        while events.next().expect("an event").events().contains(ReadFlags::ISDIR) {}
    })
}

#[test]
fn a_closed_folder_is_left_out_in_silence_only_where_nothing_in_it_is_wanted() {
    // Another user looks into all of this.
    let daemon = Buildkitd::start();
    let socket = PathBuf::from(daemon.addr().trim_start_matches("unix://"));
    let open = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    };
    open(socket.parent().expect("its folder"), 0o755);
    open(&socket, 0o666);
    let project = Project::new(&[
        ("Dockerfile", "FROM scratch\nCOPY . /\n"),
        ("closed/f", "wanted"),
        ("src/main.go", ""),
    ]);
    open(project.path(), 0o777);
    open(&project.path().join("closed"), 0o700);
    let program = project.path().join("bob");
    fs::copy(env!("CARGO_BIN_EXE_bob"), &program).expect("a copy");
    // A file that may not be read is never built in as an empty one.
    fs::write(project.path().join("private"), "p").expect("a file");
    open(&project.path().join("private"), 0o600);
    let closed = Some("/closed: permission denied");
    for (ignore, refused) in [
        ("bob\nclosed\n", Some("/private: permission denied")),
        ("bob\nprivate\nclosed\n", None),
        ("bob\nprivate\nclosed\n!closed/f\n", closed),
        ("*\n!src/**/*.go\n", None),
        ("*\n!**/*.go\n", closed),
        ("bob\nprivate\n!closed/f\nclosed\n", None),
        ("bob\nprivate\n", closed),
    ] {
        fs::write(project.path().join(".dockerignore"), ignore).expect("an ignore file");
        let child = Command::new("/usr/bin/setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(&program)
            .args(["build", "--progress=plain", "--addr", &daemon.addr(), "-o", "out", "."])
            .current_dir(project.path())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("setpriv starts");
        let outcome = Outcome::of(child);
        assert_eq!(outcome.status.success(), refused.is_none(), "{ignore:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(refused.unwrap_or_default()), "{ignore:?}: {}", outcome.stderr);
        let _ = fs::remove_dir_all(project.path().join("out"));
    }
}
