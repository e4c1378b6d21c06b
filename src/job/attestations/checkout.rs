//! What Git says of the working tree that a build context lies in: buildkitd keeps it in history and provenance.
//!
//! Source: `getGitAttributes` in build/git.go and util/gitutil of buildx.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::search_path;

/// What stands for a part of a login in an address.
const HIDDEN: &str = "xxxxx";

/// A Git working tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// Its root, links resolved.
    pub root: PathBuf,
    /// The commit that is checked out, if there is one yet; with `-dirty` where the files differ.
    pub revision: Option<String>,
    /// The address that it comes from, without passwords.
    pub source: Option<String>,
}

/// Why nothing is known of a working tree.
#[derive(Debug, thiserror::Error)]
pub enum CheckoutError {
    /// There is no Git to ask.
    #[error("git is not installed")]
    NoGit,
    /// Git does not run.
    #[error("cannot run git")]
    Run(#[source] io::Error),
    /// Git refuses.
    #[error("git says: {0}")]
    Refused(String),
}

impl Checkout {
    /// Returns what is known of the working tree that `folder` lies in; `None` where it lies in none. Git is looked for
    /// in `search_path`. With `check_dirty`, files that differ from the commit are looked for, ignored ones too.
    ///
    /// # Errors
    /// [`CheckoutError`] where there is a repository and Git does not answer for it.
    pub fn of(
        folder: &Path,
        search_path: Option<&OsStr>,
        check_dirty: bool,
    ) -> Result<Option<Self>, CheckoutError> {
        let Ok(folder) = folder.canonicalize() else { return Ok(None) };
        // Git is a program to be started; without a repository there is nothing to ask it.
        let Some(holder) = folder.ancestors().find(|above| above.join(".git").exists()) else {
            return Ok(None);
        };
        let program = search_path::find_program("git", search_path).ok_or(CheckoutError::NoGit)?;
        let git = Git { program, folder: &folder };
        // Side by side: each takes a few milliseconds.
        let tree = git.start(&["rev-parse", "--is-inside-work-tree", "--show-toplevel", "HEAD"])?;
        let upstream = git.start(&[
            "for-each-ref",
            "--points-at=HEAD",
            "--format=%(HEAD)%(upstream:remotename)",
            "refs/heads",
        ])?;
        let origin = git.start(&["remote", "get-url", "origin"])?;
        let (tree, upstream, origin) = (output(tree)?, output(upstream)?, output(origin)?);

        let mut lines = tree.text.lines();
        if lines.next() != Some("true") {
            let is_own = holder == folder;
            return if is_own { Err(CheckoutError::Refused(tree.complaint)) } else { Ok(None) };
        }
        let root = lines.next().map(PathBuf::from);
        let root = root.ok_or_else(|| CheckoutError::Refused(tree.complaint.clone()))?;
        // A repository without a commit has no HEAD: Git repeats the name.
        let mut revision =
            lines.next().filter(|line| line.bytes().all(|b| b.is_ascii_hexdigit())).map(str::to_owned);
        if check_dirty && let Some(revision) = &mut revision {
            let status = output(git.start(&["status", "--porcelain", "--ignored"])?)?;
            if !status.succeeded || !status.text.trim().is_empty() {
                revision.push_str("-dirty");
            }
        }
        let tracked =
            upstream.text.lines().find_map(|line| line.strip_prefix('*')).filter(|name| !name.is_empty());
        let url =
            |output: Output| output.succeeded.then(|| output.first_line()).filter(|url| !url.is_empty());
        let of_remote =
            |name: &str| Ok::<_, CheckoutError>(url(output(git.start(&["remote", "get-url", name])?)?));
        let mut source = match tracked {
            Some("origin") | None => None,
            Some(name) => of_remote(name)?,
        };
        if source.is_none() {
            source = url(origin);
        }
        if source.is_none() {
            source = of_remote("upstream")?;
        }
        let source = source.map(|url| without_login(&url));
        Ok(Some(Self { root: root.canonicalize().unwrap_or(root), revision, source }))
    }

    /// Returns the path of a file or folder from the root; `None` for one that lies elsewhere or does not exist.
    pub fn path_of(&self, path: &Path) -> Option<String> {
        let path = path.canonicalize().ok()?;
        let inner = path.strip_prefix(&self.root).ok()?.to_str()?;
        Some(if inner.is_empty() { ".".to_owned() } else { inner.to_owned() })
    }

    /// Returns the attributes `vcs:*` for buildkitd. `folders` are the local sources of the build by name.
    pub fn attributes<'a>(
        &self,
        folders: impl IntoIterator<Item = (&'a str, &'a Path)>,
    ) -> BTreeMap<String, String> {
        let mut attributes = BTreeMap::new();
        for (name, value) in [("vcs:revision", &self.revision), ("vcs:source", &self.source)] {
            attributes.extend(value.clone().map(|value| (name.to_owned(), value)));
        }
        for (name, folder) in folders {
            attributes.extend(self.path_of(folder).map(|inner| (format!("vcs:localdir:{name}"), inner)));
        }
        attributes
    }
}

/// Git for one folder.
struct Git<'a> {
    program: PathBuf,
    folder: &'a Path,
}

impl Git<'_> {
    fn start(&self, arguments: &[&str]) -> Result<Child, CheckoutError> {
        let mut command = Command::new(&self.program);
        command.args(["-c", "log.showSignature=false"]).args(arguments).current_dir(self.folder);
        command.env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().map_err(CheckoutError::Run)
    }
}

/// What Git answered.
struct Output {
    succeeded: bool,
    text: String,
    /// The last line of what it complains of.
    complaint: String,
}

impl Output {
    fn first_line(&self) -> String {
        self.text.lines().next().unwrap_or_default().to_owned()
    }
}

fn output(child: Child) -> Result<Output, CheckoutError> {
    let output = child.wait_with_output().map_err(CheckoutError::Run)?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    Ok(Output {
        succeeded: output.status.success(),
        text: String::from_utf8_lossy(&output.stdout).into_owned(),
        complaint: complaint.lines().next().unwrap_or("nothing").to_owned(),
    })
}

/// Returns an address with `xxxxx` in place of the user and the password in it (BuildKit: `RedactCredentials` in
/// util/urlutil). An address without a scheme, such as `git@host:path`, has no password.
fn without_login(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let Some((login, host)) = authority.rsplit_once('@') else { return url.to_owned() };
    let hidden = match login.split_once(':') {
        Some(("", _)) => format!(":{HIDDEN}"),
        Some(_) => format!("{HIDDEN}:{HIDDEN}"),
        None if login.is_empty() => String::new(),
        None => HIDDEN.to_owned(),
    };
    format!("{scheme}://{hidden}@{host}{}", &rest[authority.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(folder: &Path, arguments: &[&str]) {
        let identity = ["-c", "user.name=a", "-c", "user.email=b", "-c", "commit.gpgsign=false"];
        let made = Command::new("git").args(identity).args(arguments).current_dir(folder).output().unwrap();
        assert!(made.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&made.stderr));
    }

    fn checkout(folder: &Path, check_dirty: bool) -> Option<Checkout> {
        Checkout::of(folder, std::env::var_os("PATH").as_deref(), check_dirty).unwrap()
    }

    #[test]
    fn a_folder_outside_of_any_repository_has_nothing_to_tell() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(checkout(folder.path(), false), None);
    }

    #[test]
    fn commit_address_and_folders_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir(root.join("sub")).unwrap();
        std::fs::write(root.join("sub/f"), "1").unwrap();
        git(root, &["init", "-q", "."]);
        let unborn = checkout(root, true).unwrap();
        assert_eq!((unborn.revision, unborn.source), (None, None));

        git(root, &["remote", "add", "upstream", "https://u:p@h.example/up.git"]);
        git(root, &["add", "."]);
        git(root, &["commit", "-qm", "x"]);
        let found = checkout(&root.join("sub"), true).unwrap();
        assert_eq!(found.source.as_deref(), Some("https://xxxxx:xxxxx@h.example/up.git"));
        let attributes = found.attributes([("context", root.join("sub").as_path()), ("n", Path::new("/"))]);
        assert_eq!(attributes["vcs:localdir:context"], "sub");
        assert_eq!(attributes["vcs:revision"].len(), 40);
        assert!(!attributes.contains_key("vcs:localdir:n"));
        assert_eq!(found.path_of(root).as_deref(), Some("."));

        git(root, &["remote", "add", "origin", "git@h.example:a/b.git"]);
        std::fs::write(root.join("other"), "1").unwrap();
        let dirty = checkout(root, true).unwrap();
        assert_eq!(dirty.source.as_deref(), Some("git@h.example:a/b.git"));
        assert_eq!(dirty.revision, found.revision.as_ref().map(|revision| format!("{revision}-dirty")));
        assert_eq!(checkout(root, false).unwrap().revision, found.revision);

        git(root, &["remote", "add", "mine", "https://h.example/mine.git"]);
        git(root, &["update-ref", "refs/remotes/mine/m", "HEAD"]);
        git(root, &["checkout", "-q", "-b", "m"]);
        git(root, &["config", "branch.m.remote", "mine"]);
        git(root, &["config", "branch.m.merge", "refs/heads/m"]);
        git(root, &["config", "remote.mine.fetch", "+refs/heads/*:refs/remotes/mine/*"]);
        assert_eq!(checkout(root, false).unwrap().source.as_deref(), Some("https://h.example/mine.git"));
    }

    #[test]
    fn a_repository_that_git_refuses_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(".git")).unwrap();
        let path = std::env::var_os("PATH");
        let error = Checkout::of(folder.path(), path.as_deref(), false).unwrap_err();
        assert!(error.to_string().starts_with("git says: fatal: not a git repository"), "{error}");
        let error = Checkout::of(folder.path(), None, false).unwrap_err();
        assert_eq!(error.to_string(), "git is not installed");
    }

    #[test]
    fn logins_are_hidden() {
        for (url, shown) in [
            ("https://u:p@h/r.git", "https://xxxxx:xxxxx@h/r.git"),
            ("https://token@h/r.git?a=b@c", "https://xxxxx@h/r.git?a=b@c"),
            ("https://:p@h", "https://:xxxxx@h"),
            ("https://h/r@v", "https://h/r@v"),
            ("git@h:r.git", "git@h:r.git"),
            ("/path/r", "/path/r"),
        ] {
            assert_eq!(without_login(url), shown);
        }
    }
}
