//! Where a Dockerfile is read, and what its links may lead to.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use crate::beneath::{Error, MAX_TEXT_BYTES, Root, read_named};
use crate::converter::plan::IgnoreFile;
use crate::job::lookup::{UnreadableIgnoreFile, own_ignore_file};

/// Where a Dockerfile is on this machine.
#[derive(Debug)]
pub(super) enum DockerfilePlace {
    /// A file in `/dev` or `/proc`, such as a shell makes for `<(command)`: only the user can mean it.
    Device(PathBuf),
    /// A file below a folder, which its links may not lead out of.
    Below(Root, PathBuf),
}

impl DockerfilePlace {
    /// The place of a path in `--file`, and the name of the file there: `dockerfile` where `Dockerfile` is not there.
    ///
    /// The user named the path, but whoever wrote the repository chose what lies there. So links may lead as far
    /// as the context if the path lies in it, else as far as the current folder, else as far as the file's own
    /// folder, which is all that BuildKit's own clients allow.
    ///
    /// # Errors
    /// [`Error::Io`] where the folder cannot be opened.
    pub(super) fn named(path: &Path, context: Option<&Path>) -> Result<(Self, OsString), Error> {
        let given = path.file_name().unwrap_or_default().to_owned();
        if is_device(path) {
            return Ok((Self::Device(path.to_owned()), given));
        }
        let (root, path) = near(path, context)?;
        if given == NAMES[0] {
            let (folder, name) = (path.parent().unwrap_or(Path::new("")), found_name(&root, &path));
            return Ok((Self::Below(root, folder.join(name)), name.into()));
        }
        Ok((Self::Below(root, path), given))
    }

    /// The Dockerfile of a context that is named by nothing else: `Dockerfile`, or `dockerfile` where that is not
    /// there. Returns also what it is called.
    pub(super) fn default_of(context: &Path) -> (Result<Self, Error>, PathBuf) {
        let root = match Root::open(context) {
            Ok(root) => root,
            Err(error) => return (Err(error.into()), context.join(NAMES[0])),
        };
        let name = found_name(&root, Path::new(NAMES[0]));
        (Ok(Self::Below(root, name.into())), context.join(name))
    }

    /// Reads the Dockerfile.
    ///
    /// # Errors
    /// [`Error`].
    pub(super) fn read(&self) -> Result<Vec<u8>, Error> {
        match self {
            Self::Device(path) => read_named(path, MAX_TEXT_BYTES),
            Self::Below(root, path) => root.read(path, MAX_TEXT_BYTES),
        }
    }

    /// Whether a policy for the sources of the build lies beside it: `<Dockerfile>.rego`, as buildx looks for it
    /// (`loadInputs` in build/opt.go).
    pub(super) fn has_policy(&self) -> bool {
        let Self::Below(root, path) = self else { return false };
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".rego");
        is_there(root, &path.with_file_name(name))
    }

    /// `<Dockerfile>.dockerignore`, if it is there.
    ///
    /// # Errors
    /// [`UnreadableIgnoreFile`].
    pub(super) fn own_ignore_file(&self) -> Result<Option<IgnoreFile>, UnreadableIgnoreFile> {
        match self {
            Self::Device(_) => Ok(None),
            Self::Below(root, path) => own_ignore_file(root, path),
        }
    }
}

/// Reads a file that the user named and that may come from the repository, as [`DockerfilePlace::named`] does.
///
/// # Errors
/// [`Error`].
pub(in crate::cli) fn read_near(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    if is_device(path) {
        return read_named(path, limit);
    }
    let (root, path) = near(path, None)?;
    root.read(&path, limit)
}

/// The names of a Dockerfile that goes without being named: the second one where the first is not there.
const NAMES: [&str; 2] = ["Dockerfile", "dockerfile"];

/// The name of the file that is meant by `path`, whose own name is the first one.
fn found_name(root: &Root, path: &Path) -> &'static str {
    NAMES.into_iter().find(|name| is_there(root, &path.with_file_name(name))).unwrap_or(NAMES[0])
}

/// Whether anything is at `path`; what cannot be opened is there, too.
fn is_there(root: &Root, path: &Path) -> bool {
    root.file(path).map_or_else(|error| !error.is_absent(), |_| true)
}

/// Whether a path leads where no repository lies.
fn is_device(path: &Path) -> bool {
    ["/dev", "/proc"].iter().any(|folder| path.starts_with(folder))
        && !path.components().any(|part| part == Component::ParentDir)
}

/// The folder that the links of `path` may not lead out of, and the path below it.
fn near(path: &Path, context: Option<&Path>) -> Result<(Root, PathBuf), Error> {
    for folder in context.into_iter().chain([Path::new(".")]) {
        let (absolute, folder) = (std::path::absolute(path)?, std::path::absolute(folder)?);
        if let Ok(rest) = absolute.strip_prefix(&folder)
            && !rest.components().any(|part| part == Component::ParentDir)
        {
            return Ok((Root::open(&folder)?, rest.to_owned()));
        }
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // The context by another name.
    if let Some(context) = context {
        let root = Root::open(context)?;
        if let Some(place) = root.place(path) {
            return Ok((root, place));
        }
    }
    Ok((Root::open(folder)?, path.file_name().map(PathBuf::from).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::{fs, io};

    use super::*;

    fn read(path: &Path, context: &Path) -> Result<String, String> {
        let text = DockerfilePlace::named(path, Some(context)).and_then(|(place, _)| place.read());
        text.map(|text| String::from_utf8(text).unwrap()).map_err(|error| error.to_string())
    }

    /// `repo/docker/Dockerfile` beside `repo/context`, and links to it.
    fn scene() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join("repo").join(name);
        for folder in ["docker", "context/sub"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        fs::write(at("docker/Dockerfile"), "docker").unwrap();
        fs::write(at("context/Dockerfile"), "context").unwrap();
        fs::write(dir.path().join("secret"), "secret").unwrap();
        symlink("Dockerfile", at("docker/beside")).unwrap();
        symlink("../Dockerfile", at("context/sub/up")).unwrap();
        symlink("../../secret", at("docker/out")).unwrap();
        symlink("../docker/Dockerfile", at("context/out")).unwrap();
        symlink("../docker", at("context/folder")).unwrap();
        symlink("/proc/self/environ", at("context/environ")).unwrap();
        symlink("context", at("alias")).unwrap();
        dir
    }

    #[test]
    fn links_of_a_named_dockerfile_lead_as_far_as_its_context_or_its_folder() {
        let dir = scene();
        let at = |name: &str| dir.path().join("repo").join(name);
        for (path, text) in [
            ("docker/Dockerfile", "docker"),
            ("docker/beside", "docker"),
            ("context/Dockerfile", "context"),
            ("context/sub/up", "context"),
            ("alias/sub/up", "context"),
            ("docker/../context/sub/up", "context"),
        ] {
            assert_eq!(read(&at(path), &at("context")), Ok(text.to_owned()), "{path}");
        }
        for path in
            ["docker/out", "context/out", "context/folder/Dockerfile", "context/environ", "alias/environ"]
        {
            let error = read(&at(path), &at("context")).unwrap_err();
            assert!(error.contains(" leads out of "), "{path}: {error}");
        }
    }

    #[test]
    fn a_policy_belongs_to_one_dockerfile() {
        let dir = scene();
        let at = |name: &str| dir.path().join("repo").join(name);
        let has_policy =
            |path: &str| DockerfilePlace::named(&at(path), Some(&at("context"))).unwrap().0.has_policy();
        fs::write(at("docker/Dockerfile.rego"), "").unwrap();
        assert!(has_policy("docker/Dockerfile"));
        assert!(!has_policy("docker/beside") && !has_policy("context/Dockerfile"));
        symlink("/etc/passwd", at("context/Dockerfile.rego")).unwrap();
        assert!(has_policy("context/Dockerfile"), "a link that leads out hides no policy");
    }

    #[test]
    fn a_pipe_of_the_shell_is_read_and_a_device_is_not() {
        use std::io::Write as _;
        use std::os::fd::AsRawFd as _;
        let dir = scene();
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(b"FROM scratch").unwrap();
        drop(writer);
        let path = PathBuf::from(format!("/dev/fd/{}", reader.as_raw_fd()));
        assert_eq!(read(&path, dir.path()), Ok("FROM scratch".to_owned()));
        assert_eq!(read(Path::new("/dev/zero"), dir.path()), Err("it is a device, not a file".to_owned()));
    }

    #[test]
    fn the_default_is_the_one_that_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let name = || {
            let (place, name) = DockerfilePlace::default_of(dir.path());
            place.unwrap();
            name.file_name().unwrap().to_owned()
        };
        assert_eq!(name(), "Dockerfile");
        fs::write(dir.path().join("dockerfile"), "").unwrap();
        assert_eq!(name(), "dockerfile");
        symlink("/etc/passwd", dir.path().join("Dockerfile")).unwrap();
        assert_eq!(name(), "Dockerfile", "a link that leads out is an error, not a reason to look elsewhere");
    }
}
