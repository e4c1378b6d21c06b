//! State, sockets and temporary folders of a buildkitd that Bob starts: the one place that makes or verifies them.
//!
//! Whoever controls a daemon's state controls what its steps see: a prepared snapshot may be a link to the host's
//! files. So a state folder is made by Bob, or verified to be the user's own; in a workspace, whose files come from a
//! repository, what lies there already is moved aside unread.

use std::fs::{self, DirBuilder, File, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use tempfile::TempDir;

/// The longest path of a socket that is used, in bytes: the kernel's limit is 107, and a second socket lies beside it.
const MAX_SOCKET_PATH_BYTES: usize = 98;
/// The name of the socket in its folder.
const SOCKET_NAME: &str = "buildkitd.sock";

/// Where a daemon that Bob starts keeps its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateFolder {
    /// In this folder, which later builds use again, one at a time. It has to be the user's own.
    Kept(PathBuf),
    /// In a fresh folder of this name. What looks like state there is moved aside, unread; a folder of the user's stays,
    /// and the state gets a name of its own beside it.
    Fresh(PathBuf),
    /// In a fresh folder of a random name, which is removed after the build.
    Temporary,
}

/// Why a folder cannot hold a daemon's state or socket.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It cannot be made or looked at.
    #[error("cannot use {path} for buildkitd's state; choose another folder with --state-dir", path = path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Somebody else could have put something into it.
    #[error(
        "{path} {fault}, so what buildkitd keeps there could be somebody else's; give it to this user alone, or choose another folder",
        path = path.display()
    )]
    NotOwn {
        /// The folder, or one that it lies in.
        path: PathBuf,
        /// What is wrong with it.
        fault: &'static str,
    },
}

/// The folders of one daemon, ready to be used.
#[derive(Debug)]
pub(crate) struct PreparedState {
    /// Where the daemon keeps its state.
    pub(crate) root: PathBuf,
    /// State beside it: what was moved aside to make place, now and by builds before.
    pub(crate) others: Vec<PathBuf>,
    /// Whether it is to be removed after the build.
    pub(crate) is_temporary: bool,
    /// Removed with this value.
    _temporary: Option<TempDir>,
}

impl StateFolder {
    /// Returns the folder of this name, if it has one.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Kept(path) | Self::Fresh(path) => Some(path),
            Self::Temporary => None,
        }
    }

    /// Makes the folder, or makes sure that it is the user's own.
    pub(crate) fn prepare(&self) -> Result<PreparedState, StateError> {
        match self {
            Self::Kept(path) => {
                let root = make_own_folder(path)?;
                Ok(PreparedState { root, others: Vec::new(), is_temporary: false, _temporary: None })
            }
            Self::Fresh(path) => fresh(path),
            Self::Temporary => {
                let folder = private_folder(&std::env::temp_dir())?;
                let root = folder.path().to_owned();
                Ok(PreparedState { root, others: Vec::new(), is_temporary: true, _temporary: Some(folder) })
            }
        }
    }
}

/// Names in a folder that is a daemon's state.
const STATE_NAMES: [&str; 5] = ["buildkitd.lock", "cache.db", "history.db", "runc-overlayfs", "runc-native"];
/// Behind the name of a state folder: what stood there and was moved aside.
const MOVED_ASIDE: &str = ".moved-aside-";
/// The same: a state folder beside something else that has the name.
const FRESH: &str = ".fresh-";

/// Makes a new folder at `path`, or beside it where a folder of the user's has the name.
fn fresh(path: &Path) -> Result<PreparedState, StateError> {
    let failed = |source| StateError::Io { path: path.to_owned(), source };
    if let Some(parent) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(failed)?;
    }
    let is_taken = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() && !looks_like_state(path) => true,
        Ok(_) => !move_aside(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(failed(error)),
    };
    let root = if is_taken { beside(path, FRESH) } else { path.to_owned() };
    // Not recursive: a folder that appeared meanwhile is somebody else's, and an error.
    DirBuilder::new().mode(0o700).create(&root).map_err(failed)?;
    let others = states_beside(path).map_err(failed)?;
    Ok(PreparedState { root, others, is_temporary: is_taken, _temporary: None })
}

/// Whether something in the folder `path` has a name that a daemon gives to its state.
fn looks_like_state(path: &Path) -> bool {
    STATE_NAMES.iter().any(|name| fs::symlink_metadata(path.join(name)).is_ok())
}

/// Gives what is at `path` another name; returns whether that was possible, which it is not for a mount.
fn move_aside(path: &Path) -> bool {
    let aside = beside(path, MOVED_ASIDE);
    let moved = fs::rename(path, &aside);
    match &moved {
        Ok(()) => tracing::warn!(
            found = %path.display(), moved_to = %aside.display(),
            "buildkitd's state folder existed already; it is not Bob's and was moved aside"
        ),
        Err(error) => tracing::warn!(
            found = %path.display(), %error,
            "buildkitd's state folder existed already and cannot be moved aside; another one is used"
        ),
    }
    moved.is_ok()
}

/// Returns a random name beside `path`.
fn beside(path: &Path, infix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!("{infix}{:016x}", rand::random::<u64>()));
    path.with_file_name(name)
}

/// Returns everything beside `path` that builds moved aside or made there.
fn states_beside(path: &Path) -> io::Result<Vec<PathBuf>> {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    let is_state = |entry: &std::ffi::OsStr| {
        let rest = entry.as_encoded_bytes().strip_prefix(name);
        rest.is_some_and(|rest| [MOVED_ASIDE, FRESH].iter().any(|infix| rest.starts_with(infix.as_bytes())))
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(path.parent().unwrap_or(Path::new(".")))? {
        let entry = entry?;
        if is_state(&entry.file_name()) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// Makes a folder for this user alone, or makes sure that an existing one is: it belongs to the user, nobody else may
/// write to it, and nobody else may exchange it or a folder on the way to it. Returns its real path: links on the way
/// that was given may be somebody else's.
///
/// # Errors
/// [`StateError`].
pub(crate) fn make_own_folder(path: &Path) -> Result<PathBuf, StateError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| StateError::Io { path, source }
    };
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed(path))?;
    let real = fs::canonicalize(path).map_err(failed(path))?;
    let found = fs::symlink_metadata(&real).map_err(failed(path))?;
    if found.uid() != user() {
        return Err(StateError::NotOwn { path: path.to_owned(), fault: "belongs to another user" });
    }
    if found.mode() & 0o022 != 0 {
        return Err(StateError::NotOwn { path: path.to_owned(), fault: "may be written to by other users" });
    }
    real.ancestors().skip(1).try_for_each(check_exchange)?;
    Ok(real)
}

/// Makes the folder of a socket, or makes sure that nobody else can exchange what this user puts there.
fn make_socket_folder(path: &Path) -> Result<(), StateError> {
    let failed = |source| StateError::Io { path: path.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
    fs::canonicalize(path).map_err(failed)?.ancestors().try_for_each(check_exchange)
}

/// Makes sure that nobody else can exchange what lies in `folder`.
fn check_exchange(folder: &Path) -> Result<(), StateError> {
    let found = fs::symlink_metadata(folder);
    let found = found.map_err(|source| StateError::Io { path: folder.to_owned(), source })?;
    match exchange_fault(&found) {
        Some(fault) => Err(StateError::NotOwn { path: folder.to_owned(), fault }),
        None => Ok(()),
    }
}

/// Returns why others could exchange what lies in a folder, if they could.
fn exchange_fault(folder: &Metadata) -> Option<&'static str> {
    const STICKY: u32 = 0o1000;
    let is_sticky = folder.mode() & STICKY != 0;
    // A group of the user's own is usual, with a umask to match.
    let is_own_group = folder.gid() == rustix::process::getegid().as_raw();
    match folder {
        other if other.uid() != user() && other.uid() != 0 => Some("belongs to another user"),
        open if open.mode() & 0o002 != 0 && !is_sticky => Some("may be written to by everybody"),
        open if open.mode() & 0o020 != 0 && !is_sticky && !is_own_group => {
            Some("may be written to by a group")
        }
        _ => None,
    }
}

fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Makes a folder of a random name in `parent` that only this user may enter.
fn private_folder(parent: &Path) -> Result<TempDir, StateError> {
    let made = tempfile::Builder::new()
        .prefix("bob-")
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(parent);
    made.map_err(|source| StateError::Io { path: parent.to_owned(), source })
}

/// A socket's path, and the folder that was made for it alone.
#[derive(Debug)]
pub(crate) struct SocketPath {
    pub(crate) path: PathBuf,
    /// Removed with this value.
    folder: Option<TempDir>,
}

impl SocketPath {
    /// Returns `given` where that is set, else a place in the state folder `root`, or in a fresh folder of a shorter
    /// path: `runtime_dir`, the temporary folder or `/tmp`.
    pub(crate) fn choose(
        given: Option<&Path>,
        root: &Path,
        runtime_dir: Option<&Path>,
    ) -> Result<Self, StateError> {
        if let Some(path) = given {
            if let Some(folder) = path.parent() {
                make_socket_folder(folder)?;
            }
            return Ok(Self { path: path.to_owned(), folder: None });
        }
        let below_root = root.join(SOCKET_NAME);
        if below_root.as_os_str().len() <= MAX_SOCKET_PATH_BYTES {
            return Ok(Self { path: below_root, folder: None });
        }
        let temporary = std::env::temp_dir();
        let mut tried = Err(StateError::NotOwn { path: below_root, fault: "is too long for a socket" });
        for parent in runtime_dir.into_iter().chain([temporary.as_path(), Path::new("/tmp")]) {
            tried = private_folder(parent).map(|folder| {
                let path = folder.path().join(SOCKET_NAME);
                Self { path, folder: Some(folder) }
            });
            if tried.as_ref().is_ok_and(|place| place.path.as_os_str().len() <= MAX_SOCKET_PATH_BYTES) {
                break;
            }
        }
        tried
    }

    /// Returns the folder that was made for this socket alone.
    pub(crate) fn own_folder(&self) -> Option<&Path> {
        self.folder.as_ref().map(TempDir::path)
    }
}

/// Whether there is a socket at `path`, and it can only be that of root or of this user, so that nobody else stands in
/// for a daemon. One that is not used for that reason is told in a warning.
pub(crate) fn is_trusted_socket(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    let Ok(found) = fs::metadata(path) else { return false };
    if !found.file_type().is_socket() {
        return false;
    }
    let is_own = found.uid() == 0 || found.uid() == user();
    let folder = path.parent().and_then(|folder| fs::metadata(folder).ok());
    let trusted = is_own && folder.is_some_and(|folder| exchange_fault(&folder).is_none());
    if !trusted {
        tracing::warn!(
            socket = %path.display(),
            "another user could have put this socket there, so it is not used; name it with --addr to use it all the same"
        );
    }
    trusted
}

/// Returns the state folders that there are at `path` and beside it, whichever daemon they are of.
pub(crate) fn states_at(path: &Path) -> Vec<PathBuf> {
    let own = looks_like_state(path).then(|| path.to_owned());
    own.into_iter().chain(states_beside(path).unwrap_or_default()).collect()
}

/// Opens the lock file of a state folder.
pub(crate) fn lock_file(root: &Path) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::open(root.join("bob.lock"), flags, Mode::RUSR | Mode::WUSR)?.into())
}

#[cfg(test)]
mod tests;
