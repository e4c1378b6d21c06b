use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{RenameFlags, renameat_with};

use super::*;

/// A folder `root` with the file `f`, beside a file `secret` that nothing may read.
fn scene() -> (tempfile::TempDir, Root) {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("root/sub/deep")).unwrap();
    fs::write(dir.path().join("root/f"), "inside").unwrap();
    fs::write(dir.path().join("secret"), "secret").unwrap();
    let root = Root::open(&dir.path().join("root")).unwrap();
    (dir, root)
}

fn read(root: &Root, path: &str) -> Result<String, String> {
    let bytes = root.read(Path::new(path), MAX_TEXT_BYTES).map_err(|error| error.to_string())?;
    Ok(String::from_utf8(bytes).unwrap())
}

#[test]
fn links_that_stay_inside_are_followed() {
    let (dir, root) = scene();
    let at = |name: &str| dir.path().join("root").join(name);
    symlink("f", at("plain")).unwrap();
    symlink("../../f", at("sub/deep/up")).unwrap();
    symlink(at("f").canonicalize().unwrap(), at("absolute")).unwrap();
    symlink("sub/deep", at("folder")).unwrap();
    symlink("plain", at("twice")).unwrap();
    for path in
        ["f", "./f", "plain", "sub/deep/up", "sub/../f", "absolute", "folder/up", "folder/../../f", "twice"]
    {
        assert_eq!(read(&root, path), Ok("inside".to_owned()), "{path}");
    }
    assert_eq!(root.file(Path::new("folder/up")).unwrap().path(), Path::new("f"));
    assert_eq!(root.folder(Path::new("folder")).unwrap().path(), at("sub/deep").canonicalize().unwrap());
}

#[test]
fn a_link_that_leads_out_is_named_and_not_followed() {
    let (dir, root) = scene();
    let at = |name: &str| dir.path().join("root").join(name);
    symlink("../secret", at("relative")).unwrap();
    symlink(dir.path().join("secret"), at("absolute")).unwrap();
    symlink("/proc/self/environ", at("environ")).unwrap();
    symlink("..", at("parent")).unwrap();
    symlink("relative", at("twice")).unwrap();
    // Its name begins like that of the root.
    fs::write(dir.path().join("rootsecret"), "secret").unwrap();
    symlink(root.path().with_file_name("rootsecret"), at("alike")).unwrap();
    for (path, link) in [
        ("relative", "relative"),
        ("absolute", "absolute"),
        ("environ", "environ"),
        ("parent/secret", "parent"),
        ("twice", "relative"),
        ("alike", "alike"),
    ] {
        let expected = format!("the link {link:?} leads out of {:?}; put the file itself there", root.path());
        assert_eq!(read(&root, path), Err(expected), "{path}");
    }
    for path in ["../secret", "sub/../../secret", "/proc/self/environ"] {
        let error = root.file(Path::new(path)).unwrap_err();
        assert!(matches!(error, Error::LeadsOut { .. }), "{path}: {error}");
    }
}

#[test]
fn what_is_no_file_is_named_and_never_waited_for() {
    let (dir, root) = scene();
    let at = |name: &str| dir.path().join("root").join(name);
    let make = |name: &str, kind, device| {
        rustix::fs::mknodat(CWD, at(name), kind, 0o600.into(), device).unwrap();
    };
    make("pipe", FileType::Fifo, 0);
    make("zero", FileType::CharacterDevice, rustix::fs::makedev(1, 5));
    let _socket = UnixListener::bind(at("socket")).unwrap();
    for (path, kind) in
        [("pipe", "a FIFO"), ("zero", "a device"), ("socket", "a socket"), ("sub", "a folder")]
    {
        assert_eq!(read(&root, path), Err(format!("it is {kind}, not a file")), "{path}");
    }
}

#[test]
fn absent_files_and_loops_are_told_apart() {
    let (dir, root) = scene();
    symlink("loop", dir.path().join("root/loop")).unwrap();
    symlink("nowhere", dir.path().join("root/dangling")).unwrap();
    for path in ["none", "none/f", "f/none", "dangling"] {
        assert!(root.file(Path::new(path)).unwrap_err().is_absent(), "{path}");
    }
    let error = root.file(Path::new("loop")).unwrap_err();
    assert!(!error.is_absent() && error.to_string().contains("symbolic links"), "{error}");
}

#[test]
fn a_file_beyond_the_limit_is_refused_and_one_at_it_is_not() {
    let (_dir, root) = scene();
    assert_eq!(root.read(Path::new("f"), 6).unwrap(), b"inside");
    let error = root.read(Path::new("f"), 5).unwrap_err();
    assert_eq!(error.to_string(), "it is larger than 5 bytes, which is the most that is read");
}

#[test]
fn a_kernel_without_openat2_gives_the_same_answers() {
    let (dir, root) = scene();
    symlink("../secret", dir.path().join("root/out")).unwrap();
    symlink("sub", dir.path().join("root/folder")).unwrap();
    fs::write(dir.path().join("root/sub/deep/g"), "").unwrap();
    for path in ["f", "sub/deep/g", "out", "folder/deep/g", "none", "f/x", "sub", "."] {
        let direct = root.open_unlinked(Path::new(path), FILE).map(drop);
        assert_eq!(root.open_by_steps(Path::new(path), FILE).map(drop), direct, "{path}");
    }
    assert_eq!(root.open_by_steps(Path::new("../secret"), FILE).map(drop), Err(Errno::XDEV));
    let long = "sub/../".repeat(800);
    assert_eq!(root.open_unlinked(Path::new(&long), FILE).map(drop), Err(Errno::XDEV), "never by `..`");
}

#[test]
fn a_path_longer_than_one_call_takes_is_opened() {
    let (dir, root) = scene();
    let name = "n".repeat(200);
    let mut fd = root.open_unlinked(Path::new(""), FOLDER).unwrap();
    for _ in 0..30 {
        rustix::fs::mkdirat(&fd, &name, 0o700.into()).unwrap();
        fd = open_entry(&fd, OsStr::new(&name), FOLDER).unwrap();
    }
    let path = PathBuf::from(vec![name; 30].join("/"));
    assert!(path.as_os_str().len() > 4096);
    root.open_unlinked(&path, FOLDER).unwrap();
    drop(dir);
}

#[test]
fn a_path_finds_its_place_below_a_root_by_either_name() {
    let (dir, _) = scene();
    symlink("root", dir.path().join("alias")).unwrap();
    let root = Root::open(&dir.path().join("alias")).unwrap();
    for name in ["alias/f", "root/f", "root/sub/../f", "alias/../root/f"] {
        assert_eq!(root.place(&dir.path().join(name)).as_deref(), Some(Path::new("f")), "{name}");
    }
    for name in ["secret", "root/../secret", "rootsecret", "none/f"] {
        assert_eq!(root.place(&dir.path().join(name)), None, "{name}");
    }
}

struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_file_swapped_for_a_link_is_never_read_from_outside() {
    let (dir, root) = scene();
    symlink("../secret", dir.path().join("root/link")).unwrap();
    let done = AtomicBool::new(false);
    let mut seen = [0, 0];
    std::thread::scope(|scope| {
        // However the test ends, the swaps do.
        let _stop = Stop(&done);
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                renameat_with(&root, "f", &root, "link", RenameFlags::EXCHANGE).unwrap();
            }
        });
        for _ in 0..20_000 {
            match read(&root, "f") {
                Ok(text) => {
                    assert_eq!(text, "inside");
                    seen[0] += 1;
                }
                Err(_) => seen[1] += 1,
            }
        }
    });
    assert!(seen[0] > 0 && seen[1] > 0, "the swaps were not met: {seen:?}");
}

#[test]
fn what_the_user_names_is_a_file_or_a_pipe_and_has_an_end() {
    let (dir, _) = scene();
    symlink("secret", dir.path().join("link")).unwrap();
    assert_eq!(read_named(&dir.path().join("link"), 6).unwrap(), b"secret");
    assert!(matches!(read_named(&dir.path().join("link"), 5), Err(Error::TooLarge { limit: 5 })));
    for (path, text) in [("/dev/zero", "it is a device, not a file"), ("/", "it is a folder, not a file")] {
        assert_eq!(read_named(Path::new(path), 10).unwrap_err().to_string(), text);
    }
    let pipe = dir.path().join("pipe");
    rustix::fs::mknodat(CWD, &pipe, FileType::Fifo, 0o600.into(), 0).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| fs::write(&pipe, "from a pipe").unwrap());
        assert_eq!(read_named(&pipe, 100).unwrap(), b"from a pipe");
    });
}

#[test]
fn names_come_out_without_control_characters() {
    let (dir, root) = scene();
    symlink("/etc/passwd", dir.path().join("root/\u{1b}[2J")).unwrap();
    assert!(!read(&root, "\u{1b}[2J").unwrap_err().contains('\u{1b}'));
}
