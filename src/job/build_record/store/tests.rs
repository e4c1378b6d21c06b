use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;
use crate::explain::Salt;

fn record(folder: &str) -> Record {
    let mut record = Record::new(Salt::new(7));
    folder.clone_into(&mut record.folder);
    record
}

fn store(path: &Path, build: &str) -> Store {
    Store::new(path, "f", build)
}

#[test]
fn a_record_is_read_as_it_was_written_and_is_for_its_user_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state/builds");
    let one = store(&path, "one");
    assert!(one.read().unwrap().is_none());
    assert!(one.read_last().unwrap().is_none());
    assert!(!path.exists(), "reading makes nothing");
    one.write(&record("a")).unwrap();
    one.write(&record("b")).unwrap();
    assert_eq!(one.read().unwrap(), Some(record("b")));
    let mode = fs::metadata(path.join("f-one.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::read_dir(&path).unwrap().count(), 1, "nothing else is left");
}

#[test]
fn the_last_record_of_a_folder_is_found_and_old_ones_go() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..=MAX_RECORDS {
        let name = format!("b{number:03}");
        store(dir.path(), &name).write(&record(&name)).unwrap();
        let written = SystemTime::now() - Duration::from_secs(1000 - number as u64);
        let file = File::open(dir.path().join(format!("f-{name}.json"))).unwrap();
        file.set_modified(written).unwrap();
    }
    assert_eq!(store(dir.path(), "").read_last().unwrap().unwrap().folder, format!("b{MAX_RECORDS:03}"));
    store(dir.path(), "new").write(&record("new")).unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), MAX_RECORDS);
    assert!(!dir.path().join("f-b000.json").exists());
    let aged = File::open(dir.path().join("f-b009.json")).unwrap();
    aged.set_modified(SystemTime::now() - MAX_AGE - Duration::from_secs(60)).unwrap();
    store(dir.path(), "new").write(&record("new")).unwrap();
    assert!(!dir.path().join("f-b009.json").exists());
}

#[test]
fn what_somebody_planted_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let one = store(dir.path(), "one");
    let place = dir.path().join("f-one.json");
    one.write(&record("a")).unwrap();
    fs::rename(&place, dir.path().join("elsewhere")).unwrap();
    symlink("elsewhere", &place).unwrap();
    assert!(matches!(one.read(), Err(StoreError::Foreign)));
    // A link in its place is replaced, not followed.
    one.write(&record("b")).unwrap();
    assert!(!fs::symlink_metadata(&place).unwrap().is_symlink());
    for bytes in [&b"{"[..], b"[]", b"\xff", br#"{"format":9}"#] {
        fs::write(&place, bytes).unwrap();
        assert!(matches!(one.read(), Err(StoreError::Record(_))), "{bytes:?}");
    }
    File::create(&place).unwrap().set_len(MAX_RECORD_BYTES as u64 + 1).unwrap();
    assert!(one.read().is_err());
    fs::remove_file(&place).unwrap();
    fs::create_dir(&place).unwrap();
    assert!(matches!(one.read(), Err(StoreError::Foreign)));
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(one.read(), Err(StoreError::Folder(_))));
}
