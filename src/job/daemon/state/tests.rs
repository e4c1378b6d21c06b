use std::os::unix::fs::symlink;

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn what_a_repository_has_in_place_of_the_state_is_moved_aside_unread() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("kept"), "x").unwrap();
    for planted in ["folder", "link", "file", "dangling link"] {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("buildkit");
        match planted {
            "folder" => fs::create_dir_all(path.join("runc-overlayfs/snapshots/snapshots/1")).unwrap(),
            "link" => symlink(outside.path(), &path).unwrap(),
            "file" => fs::write(&path, "x").unwrap(),
            _ => symlink("/nonexistent/x", &path).unwrap(),
        }
        let state = StateFolder::Fresh(path.clone()).prepare().unwrap();
        assert_eq!(state.root, path);
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0, "{planted}");
        assert_eq!(mode(&path), 0o700);
        let [moved] = &state.others[..] else { panic!("{planted}: {:?}", state.others) };
        assert_eq!(moved.parent(), path.parent());
        assert!(fs::symlink_metadata(moved).is_ok(), "{planted}");
        fs::write(path.join("cache.db"), "").unwrap();
        assert_eq!(StateFolder::Fresh(path.clone()).prepare().unwrap().others.len(), 2, "{planted}");
    }
    assert_eq!(fs::read_to_string(outside.path().join("kept")).unwrap(), "x");
}

#[test]
fn a_folder_of_the_users_that_has_the_name_stays_where_it_is() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("buildkit");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("Dockerfile"), "FROM scratch\n").unwrap();
    let state = StateFolder::Fresh(path.clone()).prepare().unwrap();
    assert!(path.join("Dockerfile").exists() && state.is_temporary);
    assert_eq!((state.root.parent(), mode(&state.root)), (path.parent(), 0o700));
    assert_eq!(state.others, std::slice::from_ref(&state.root));
    assert_eq!(states_at(&path), [state.root]);
}

#[test]
fn a_link_to_a_kept_folder_is_not_followed_again_after_the_check() {
    let dir = tempfile::tempdir().unwrap();
    let (real, link) = (dir.path().canonicalize().unwrap().join("real"), dir.path().join("link"));
    fs::create_dir(&real).unwrap();
    symlink(&real, &link).unwrap();
    assert_eq!(StateFolder::Kept(link).prepare().unwrap().root, real);
}

#[test]
fn a_kept_folder_is_made_for_its_user_alone_and_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b/state");
    for _ in 0..2 {
        let state = StateFolder::Kept(path.clone()).prepare().unwrap();
        assert_eq!((state.root.as_path(), state.others.len()), (path.as_path(), 0));
    }
    assert_eq!((mode(&path), mode(&dir.path().join("a"))), (0o700, 0o700));
}

#[test]
fn a_folder_that_others_could_have_filled_or_exchanged_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state");
    fs::create_dir(&path).unwrap();
    let refusal = || StateFolder::Kept(path.clone()).prepare().unwrap_err().to_string();
    for open in [0o777, 0o1777, 0o770, 0o722] {
        fs::set_permissions(&path, fs::Permissions::from_mode(open)).unwrap();
        assert!(refusal().contains("may be written to by other users"), "{open:o}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(StateFolder::Kept(path.clone()).prepare().is_ok());
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(refusal().contains("may be written to by everybody"));
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o770)).unwrap();
    assert!(StateFolder::Kept(path.clone()).prepare().is_ok(), "the user's own group");
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(dir.path(), None, Some(12345)).unwrap();
        assert!(refusal().contains("may be written to by a group"));
    }
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&path, Some(12345), None).unwrap();
        assert!(refusal().contains("belongs to another user"));
        std::os::unix::fs::chown(&path, Some(0), None).unwrap();
        std::os::unix::fs::chown(dir.path(), Some(12345), None).unwrap();
        assert!(refusal().contains("belongs to another user"));
    }
}

#[test]
fn a_socket_whose_path_would_be_too_long_gets_a_fresh_private_folder_that_goes_away() {
    let long = Path::new("/").join("x".repeat(200));
    let place = SocketPath::choose(None, &long, None).unwrap();
    let other = SocketPath::choose(None, &long, None).unwrap();
    assert_ne!(place.path, other.path);
    let folder = place.path.parent().unwrap().to_owned();
    assert_eq!(mode(&folder), 0o700);
    assert!(!place.path.display().to_string().contains(&std::process::id().to_string()));
    drop(place);
    assert!(!folder.exists());
    let short = SocketPath::choose(None, Path::new("/s"), None).unwrap();
    assert_eq!(short.path, Path::new("/s/buildkitd.sock"));
}

#[test]
fn temporary_state_is_private_and_goes_away() {
    let state = StateFolder::Temporary.prepare().unwrap();
    let root = state.root.clone();
    assert_eq!(mode(&root), 0o700);
    drop(state);
    assert!(!root.exists());
}

#[test]
fn a_socket_of_somebody_else_is_not_trusted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    assert!(!is_trusted_socket(&path));
    fs::write(&path, "").unwrap();
    assert!(!is_trusted_socket(&path));
    fs::remove_file(&path).unwrap();
    let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    assert!(is_trusted_socket(&path));
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(!is_trusted_socket(&path));
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&path, Some(12345), None).unwrap();
        assert!(!is_trusted_socket(&path));
    }
}
