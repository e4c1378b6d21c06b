//! Waiting for the file that says that the workspace's content is there.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::fs::{AtFlags, FileType, statat};
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, timeout, timeout_at};

use super::{Error, Workspace};

/// How long a workspace may take to become ready.
pub const READY_TIMEOUT: Duration = Duration::from_mins(30);

/// A look without an event, for filesystems that do not report changes made elsewhere.
const RECHECK: Duration = Duration::from_secs(15);

/// Returns once the workspace's ready file exists. Sleeps in between: the kernel reports changes of the
/// deepest folder on the way that exists. Dropping the future stops the wait. Only a regular file in a folder that
/// is no link says that the workspace is ready: links of these names come from a repository.
///
/// # Errors
/// [`Error::NeverReady`] after `limit`, [`Error::Watch`] where watching fails.
pub async fn wait_until_ready(workspace: &Workspace, limit: Duration) -> Result<(), Error> {
    let file = workspace.ready_file();
    let deadline = Instant::now() + limit;
    let watch_error = |source| Error::Watch { path: file.clone(), source };
    while !is_ready(workspace) {
        let changes = watch_nearest_folder(workspace.root(), &file).map_err(watch_error)?;
        // What appeared between the look and the watch gave no event.
        if is_ready(workspace) {
            break;
        }
        match timeout_at(deadline, timeout(RECHECK, next_change(&changes))).await {
            Err(_) => {
                return Err(Error::NeverReady { path: file, waited: limit });
            }
            Ok(Err(_)) => {}
            Ok(Ok(outcome)) => outcome.map_err(watch_error)?,
        }
    }
    Ok(())
}

fn is_ready(workspace: &Workspace) -> bool {
    let name = workspace.ready_file();
    let look = |folder: OwnedFd| {
        let found = statat(&folder, name.file_name().unwrap_or_default(), AtFlags::SYMLINK_NOFOLLOW);
        found.is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::RegularFile)
    };
    workspace.control_folder().is_ok_and(look)
}

/// An inotify descriptor on the deepest existing folder above `file`.
#[expect(deprecated, reason = "the replacement is unsafe code; an OwnedFd keeps what it asks for")]
fn watch_nearest_folder(root: &Path, file: &Path) -> io::Result<AsyncFd<OwnedFd>> {
    let descriptor = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
    let flags = WatchFlags::CREATE
        | WatchFlags::MOVED_TO
        | WatchFlags::DELETE_SELF
        | WatchFlags::MOVE_SELF
        | WatchFlags::ONLYDIR;
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for folder in file.ancestors().skip(1) {
        // A link in the workspace is not followed; the root may be one.
        let is_inside = folder != root && folder.starts_with(root);
        let flags = if is_inside { flags | WatchFlags::DONT_FOLLOW } else { flags };
        match inotify::add_watch(&descriptor, folder, flags) {
            Ok(_) => return AsyncFd::new(descriptor),
            Err(error) => last = error.into(),
        }
        if !matches!(last.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) {
            break;
        }
    }
    Err(last)
}

/// Returns after the next batch of events, which are read and dropped.
async fn next_change(changes: &AsyncFd<OwnedFd>) -> io::Result<()> {
    let mut ready = changes.readable().await?;
    let mut buffer = [MaybeUninit::<u8>::uninit(); 4096];
    match inotify::Reader::new(changes.get_ref(), &mut buffer).next() {
        Ok(_) => Ok(()),
        Err(rustix::io::Errno::AGAIN) => {
            ready.clear_ready();
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn scene() -> (tempfile::TempDir, Workspace) {
        let dir = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(dir.path().join("workspace"));
        (dir, workspace)
    }

    /// Less than until a look without an event.
    const LONG: Duration = Duration::from_secs(10);

    /// Lets the other side see what has happened so far, and watch for what comes next.
    async fn watched() {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_is_there_already_ends_the_wait_at_once() {
        let (_dir, workspace) = scene();
        fs::create_dir_all(workspace.root().join(".gitpod")).unwrap();
        fs::write(workspace.ready_file(), "").unwrap();
        let begin = Instant::now();
        wait_until_ready(&workspace, LONG).await.unwrap();
        assert_eq!(begin.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_renamed_into_a_folder_that_does_not_exist_yet_is_noticed_at_once() {
        let (_dir, workspace) = scene();
        let begin = Instant::now();
        let root = workspace.root();
        let make = async {
            watched().await;
            fs::create_dir_all(root).unwrap();
            watched().await;
            fs::create_dir(root.join(".gitpod")).unwrap();
            watched().await;
            let part = root.join(".gitpod/.ready-part");
            fs::write(&part, "{}").unwrap();
            watched().await;
            fs::rename(part, workspace.ready_file()).unwrap();
            watched().await;
        };
        let (ready, ()) = tokio::join!(wait_until_ready(&workspace, LONG), make);
        ready.unwrap();
        // The clock stands still for as long as something is to be done: no look was due.
        assert_eq!(begin.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_link_is_no_ready_file_wherever_it_leads() {
        use std::os::unix::fs::symlink;
        let (dir, workspace) = scene();
        fs::create_dir_all(workspace.root().join("planted")).unwrap();
        fs::write(workspace.root().join("planted/ready"), "").unwrap();
        let short = Duration::from_millis(100);
        symlink("planted", workspace.root().join(".gitpod")).unwrap();
        assert!(wait_until_ready(&workspace, short).await.is_err(), "a link in place of the folder");
        fs::remove_file(workspace.root().join(".gitpod")).unwrap();
        fs::create_dir(workspace.root().join(".gitpod")).unwrap();
        for target in ["../planted/ready", "/etc/passwd", "nowhere"] {
            symlink(target, workspace.ready_file()).unwrap();
            assert!(wait_until_ready(&workspace, short).await.is_err(), "{target}");
            // The supervisor's file replaces the link.
            let part = dir.path().join("workspace/.gitpod/.part");
            fs::write(&part, "{}").unwrap();
            fs::rename(part, workspace.ready_file()).unwrap();
            wait_until_ready(&workspace, LONG).await.unwrap();
            fs::remove_file(workspace.ready_file()).unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn other_changes_do_not_end_the_wait_and_the_limit_does() {
        let (_dir, workspace) = scene();
        fs::create_dir_all(workspace.root().join(".gitpod")).unwrap();
        fs::write(workspace.root().join(".gitpod/other"), "").unwrap();
        let error = wait_until_ready(&workspace, Duration::from_millis(100)).await.unwrap_err();
        assert!(matches!(error, Error::NeverReady { .. }), "{error}");
    }

    #[test]
    fn the_text_names_the_file_and_the_time() {
        let error = Error::NeverReady { path: "/workspace/.gitpod/ready".into(), waited: READY_TIMEOUT };
        assert_eq!(
            error.to_string(),
            "the workspace was not ready after 30m: /workspace/.gitpod/ready did not appear"
        );
    }
}
