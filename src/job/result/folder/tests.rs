use std::os::unix::fs::{MetadataExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use super::*;

/// A test that is run once more by a user who is not the superuser, whom no mode stops.
fn as_another_user(name: &str) {
    const MARK: &str = "BOB_TEST_AS_USER";
    if std::env::var_os(MARK).is_some() || !rustix::process::geteuid().is_root() {
        return;
    }
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new(program);
    command.args(["--exact", &format!("job::result::folder::tests::{name}")]).env(MARK, "1");
    // The program may lie in a folder that is the superuser's alone.
    match command.uid(65534).gid(65534).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout)),
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::PermissionDenied),
    }
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    set_mode(path, mode);
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().mode() & 0o7777
}

/// Receives into `out` what `fill` makes.
fn export(out: &Path, old_files: OldFiles, fill: impl Fn(&Path)) -> UnfinishedFolder {
    let unfinished = UnfinishedFolder::new(&OutputFolder { old_files, ..OutputFolder::new(out) }).unwrap();
    fill(unfinished.temporary_path());
    unfinished.export.transfers.fetch_add(1, Ordering::Relaxed);
    unfinished
}

#[test]
fn a_folder_appears_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("a/b/out");
    let fill = |folder: &Path| write(&folder.join("sub/f"), "new", 0o640);
    drop(export(&out, OldFiles::Keep, fill));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    let unfinished = export(&out, OldFiles::Keep, fill);
    assert!(!out.exists());
    unfinished.keep().unwrap();
    assert_eq!(fs::read(out.join("sub/f")).unwrap(), b"new");
    assert_eq!(mode(&out.join("sub/f")), 0o640);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");
}

#[test]
fn what_is_there_is_replaced_by_name_and_the_rest_stays() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    for name in ["same", "sub/same", "sub/old", "was-folder/x/y", "was-file", "old/z"] {
        write(&out.join(name), "old", 0o600);
    }
    symlink("/nowhere", out.join("link")).unwrap();
    symlink(dir.path(), out.join("escape")).unwrap();
    let unfinished = export(&out, OldFiles::Keep, |folder| {
        for name in ["same", "sub/same", "was-folder", "was-file/x", "escape/f", "link"] {
            write(&folder.join(name), "new", 0o644);
        }
        set_mode(&folder.join("sub"), 0o711);
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(77);
        fs::File::open(folder.join("sub")).unwrap().set_modified(time).unwrap();
    });
    assert_eq!(fs::read(out.join("same")).unwrap(), b"old", "nothing changes before the end");
    unfinished.keep().unwrap();
    for (name, text) in [
        ("same", "new"),
        ("sub/same", "new"),
        ("sub/old", "old"),
        ("was-folder", "new"),
        ("was-file/x", "new"),
        ("old/z", "old"),
        ("escape/f", "new"),
        ("link", "new"),
    ] {
        assert_eq!(fs::read_to_string(out.join(name)).unwrap(), text, "{name}");
    }
    assert_eq!((mode(&out.join("sub")), out.join("sub").metadata().unwrap().mtime()), (0o711, 77));
    assert!(!dir.path().join("f").exists(), "a link is replaced, not followed");
    assert_eq!(fs::read_dir(&out).unwrap().count(), 7);
}

#[test]
fn old_files_are_removed_where_that_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    for name in ["old", "sub/old", "sub/deep/er/old", "gone/x", "sub/same"] {
        write(&out.join(name), "old", 0o400);
    }
    fs::create_dir(dir.path().join("outside")).unwrap();
    write(&dir.path().join("outside/f"), "kept", 0o600);
    symlink(dir.path().join("outside"), out.join("link")).unwrap();
    let unfinished = export(&out, OldFiles::Delete, |folder| write(&folder.join("sub/same"), "new", 0o644));
    unfinished.keep().unwrap();
    assert_eq!(fs::read_dir(&out).unwrap().count(), 1);
    assert_eq!(fs::read_dir(out.join("sub")).unwrap().count(), 1);
    assert_eq!(fs::read(out.join("sub/same")).unwrap(), b"new");
    assert_eq!(fs::read(dir.path().join("outside/f")).unwrap(), b"kept");
}

#[test]
fn an_export_that_never_came_empties_no_folder() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("old"), "old", 0o600);
    let folder = OutputFolder { old_files: OldFiles::Delete, ..OutputFolder::new(dir.path()) };
    UnfinishedFolder::new(&folder).unwrap().keep().unwrap_err();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_read_only_copy_of_itself_is_no_obstacle() {
    as_another_user("a_read_only_copy_of_itself_is_no_obstacle");
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let fill = |text: &'static str| {
        move |folder: &Path| {
            write(&folder.join("d/e/f"), text, 0o444);
            write(&folder.join("d/only-here"), text, 0o400);
            set_mode(&folder.join("d/e"), 0o500);
            set_mode(&folder.join("d"), 0o555);
        }
    };
    for text in ["one", "two"] {
        export(&out, OldFiles::Keep, fill(text)).keep().unwrap();
        assert_eq!(fs::read_to_string(out.join("d/e/f")).unwrap(), text);
        assert_eq!((mode(&out.join("d")), mode(&out.join("d/e"))), (0o555, 0o500));
    }
    drop(export(&out, OldFiles::Keep, fill("three")));
    export(&out, OldFiles::Delete, |_| ()).keep().unwrap();
    assert_eq!(fs::read_dir(&out).unwrap().count(), 0);
}

#[test]
fn a_deep_folder_is_merged_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let deep = |folder: &Path| {
        let mut made =
            rustix::fs::open(folder, rustix::fs::OFlags::DIRECTORY, rustix::fs::Mode::empty()).unwrap();
        for _ in 0..100 {
            rustix::fs::mkdirat(&made, "d", rustix::fs::Mode::RWXU).unwrap();
            made = rustix::fs::openat(&made, "d", rustix::fs::OFlags::DIRECTORY, rustix::fs::Mode::empty())
                .unwrap();
        }
    };
    export(&out, OldFiles::Keep, deep).keep().unwrap();
    export(&out, OldFiles::Keep, deep).keep().unwrap();
    export(&out, OldFiles::Delete, |_| ()).keep().unwrap();
    assert_eq!(fs::read_dir(&out).unwrap().count(), 0);
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    for path in ["/proc/nope", "/dev/null", "/dev/null/x"] {
        let error = UnfinishedFolder::new(&OutputFolder::new(path)).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot write {path}"));
    }
}
