//! What Git says of the working tree that a build context lies in: buildkitd keeps it in history and provenance.
//!
//! The configuration in `.git` is whoever's who made the folder: no program that it names may run. Git is told so below.
//!
//! Source: `getGitAttributes` in build/git.go and util/gitutil of buildx.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::diag::printable_line;
use crate::search_path;
use crate::workspace::variables;

/// What stands for a part of a login in an address.
const HIDDEN: &str = "xxxxx";

/// What Git is told whatever the repository's configuration says: no program watches files, no hook runs, and a folder
/// of the repository that looks like a repository without files is none.
const SETTINGS: [&str; 4] = [
    "log.showSignature=false",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "safe.bareRepository=explicit",
];

/// Variables for Git: it asks nobody, fetches no object that is missing (a fetch runs programs that the configuration
/// names), and does not write.
const VARIABLES: [(&str, &str); 5] = [
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_ALLOW_PROTOCOL", ""),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("LC_ALL", "C"),
];

/// Variables that lead Git to another repository than that of the folder: Git sets them for its hooks.
const LEADING_ASIDE: [&str; 6] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_WORK_TREE",
];

/// The most that is quoted of Git's words, which may quote a file, in characters.
const QUOTED_CHARACTERS: usize = 80;

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
    /// The working tree is not the folder of the repository.
    #[error("the configuration in its .git says that the working tree is elsewhere")]
    Elsewhere,
    /// Git refuses.
    #[error("git says: {0}")]
    Refused(String),
}

impl Checkout {
    /// Returns what is known of the working tree that `folder` lies in; `None` where it lies in none. Git is looked for
    /// in `search_path`. With `check_dirty`, files that differ from the commit are looked for, ignored ones too; of
    /// submodules their commits count.
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
        let git = Git { program, search_path, folder: holder };
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
        let root = root.canonicalize().unwrap_or(root);
        if root != holder {
            return Err(CheckoutError::Elsewhere);
        }
        // A repository without a commit has no HEAD: Git repeats the name.
        let mut revision =
            lines.next().filter(|line| line.bytes().all(|b| b.is_ascii_hexdigit())).map(str::to_owned);
        if check_dirty && let Some(revision) = &mut revision {
            let status = git.status()?;
            if !status.succeeded || !status.text.trim().is_empty() {
                revision.push_str("-dirty");
            }
        }
        let source = git.source(&upstream, &origin)?.map(|url| without_login(&url));
        Ok(Some(Self { root, revision, source }))
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
    search_path: Option<&'a OsStr>,
    folder: &'a Path,
}

impl Git<'_> {
    fn start(&self, arguments: &[&str]) -> Result<Child, CheckoutError> {
        self.command(arguments).spawn().map_err(CheckoutError::Run)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
        command.args(arguments).current_dir(self.folder).envs(VARIABLES);
        for variable in LEADING_ASIDE {
            command.env_remove(variable);
        }
        if let Some(search_path) = self.search_path.and_then(search_path::absolute) {
            command.env(variables::SEARCH_PATH.name, search_path);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Returns the address of the remote that the branch follows according to `upstream`, else that of `origin`, else of the
    /// remote `upstream`.
    fn source(&self, upstream: &Output, origin: &Output) -> Result<Option<String>, CheckoutError> {
        let followed = upstream.text.lines().find_map(|line| line.strip_prefix('*'));
        if let Some(name) = followed.filter(|name| !["", "origin"].contains(name))
            && let Some(url) = self.url_of_remote(name)?
        {
            return Ok(Some(url));
        }
        match origin.address() {
            Some(url) => Ok(Some(url)),
            None => self.url_of_remote("upstream"),
        }
    }

    fn url_of_remote(&self, name: &str) -> Result<Option<String>, CheckoutError> {
        Ok(output(self.start(&["remote", "get-url", "--", name])?)?.address())
    }

    /// Returns which files differ. To compare a file, Git may run a filter on it: those of the user do, those that the
    /// repository's own configuration names do not. Submodules have configurations of their own, so that only their
    /// commits are compared.
    fn status(&self) -> Result<Output, CheckoutError> {
        let listing = ["config", "--show-scope", "--name-only", "-z", "--get-regexp", r"^filter\."];
        let listing = output(self.start(&listing)?)?;
        let mut words = listing.text.split('\0');
        let mut filters = BTreeSet::new();
        while let (Some(scope), Some(name)) = (words.next(), words.next()) {
            if matches!(scope, "local" | "worktree") {
                filters.extend(name.rsplit_once('.').map(|(filter, _)| filter));
            }
        }
        let status = ["status", "--porcelain", "--ignored", "--ignore-submodules=dirty"];
        let mut command = self.command(&status);
        // By variables, which no character of a name breaks out of; the user's own are kept.
        let count = std::env::var("GIT_CONFIG_COUNT").ok().and_then(|count| count.parse().ok());
        let mut count: usize = count.unwrap_or(0);
        for filter in filters {
            for (key, value) in [("clean", ""), ("smudge", ""), ("process", ""), ("required", "false")] {
                command.env(format!("GIT_CONFIG_KEY_{count}"), format!("{filter}.{key}"));
                command.env(format!("GIT_CONFIG_VALUE_{count}"), value);
                count += 1;
            }
        }
        command.env("GIT_CONFIG_COUNT", count.to_string());
        output(command.spawn().map_err(CheckoutError::Run)?)
    }
}

/// What Git answered.
struct Output {
    succeeded: bool,
    text: String,
    /// The beginning of what it complains of.
    complaint: String,
}

impl Output {
    /// The address of a remote; `None` where Git knows none.
    fn address(&self) -> Option<String> {
        let line = self.text.lines().next().unwrap_or_default();
        (self.succeeded && !line.is_empty()).then(|| line.to_owned())
    }
}

fn output(child: Child) -> Result<Output, CheckoutError> {
    let output = child.wait_with_output().map_err(CheckoutError::Run)?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    Ok(Output {
        succeeded: output.status.success(),
        text: String::from_utf8_lossy(&output.stdout).into_owned(),
        complaint: printable_line(complaint.lines().next().unwrap_or("nothing"), QUOTED_CHARACTERS),
    })
}

/// Returns an address with `xxxxx` in place of the user and the password in it (BuildKit: `RedactCredentials` in
/// util/urlutil). An address without a scheme, such as `git@host:path`, has no password.
pub(in crate::job) fn without_login(url: &str) -> String {
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

    /// A repository whose configuration names `program` wherever Git runs one.
    fn hostile(root: &Path, program: &str) {
        git(root, &["init", "-q", "."]);
        std::fs::write(root.join("f"), "1").unwrap();
        std::fs::write(root.join(".gitattributes"), "f filter=a=b\ng filter=evil\n").unwrap();
        std::fs::write(root.join("g"), "1").unwrap();
        git(root, &["add", "."]);
        git(root, &["commit", "-qm", "x"]);
        for (name, value) in [
            ("core.fsmonitor", program),
            ("core.sshCommand", program),
            ("core.pager", program),
            ("filter.a=b.clean", program),
            ("filter.evil.process", program),
            ("filter.evil.required", "true"),
            ("remote.origin.url", "ext::sh -c exit"),
            ("remote.origin.uploadpack", program),
            ("remote.origin.promisor", "true"),
            ("protocol.ext.allow", "always"),
            ("protocol.file.allow", "always"),
            ("extensions.partialClone", "origin"),
            ("core.repositoryFormatVersion", "1"),
        ] {
            git(root, &["config", name, value]);
        }
        for hook in ["post-index-change", "fsmonitor-watchman", "post-checkout"] {
            let path = root.join(".git/hooks").join(hook);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::copy(program, &path).unwrap();
        }
        // As long as before: Git has to read it to see that it differs.
        std::fs::write(root.join("f"), "2").unwrap();
        std::fs::write(root.join("g"), "2").unwrap();
    }

    /// A program that leaves a file called `ran` beside itself, and the path of that.
    fn telltale(folder: &Path) -> (String, PathBuf) {
        use std::os::unix::fs::PermissionsExt as _;
        let (program, mark) = (folder.join("program"), folder.join("ran"));
        std::fs::write(&program, format!("#!/bin/sh\necho \"$0 $*\" >> {}\n", mark.display())).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        (program.to_str().unwrap().to_owned(), mark)
    }

    #[test]
    fn a_repository_names_programs_to_git_and_none_runs() {
        let (outside, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (program, ran) = telltale(outside.path());
        hostile(folder.path(), &program);
        let found = checkout(folder.path(), true).unwrap();
        assert!(found.revision.unwrap().ends_with("-dirty"));
        // The commit itself is missing, so that Git would fetch it from where the configuration says.
        for url in ["ext::sh -c program", &format!("file://{}", folder.path().display()), "ssh://h.invalid/r"]
        {
            git(folder.path(), &["config", "remote.origin.url", &url.replace("program", &program)]);
            let objects = folder.path().join(".git/objects");
            let _ = std::fs::rename(&objects, folder.path().join("objects"));
            std::fs::create_dir_all(&objects).unwrap();
            let found = checkout(folder.path(), true).unwrap();
            assert!(found.revision.unwrap().ends_with("-dirty"));
        }
        let words = std::fs::read_to_string(ran).unwrap_or_default();
        assert_eq!(words, "", "programs of the repository ran");
    }

    #[test]
    fn a_folder_of_a_repository_that_looks_like_one_is_none() {
        let (outside, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (program, ran) = telltale(outside.path());
        let (root, inner) = (folder.path(), folder.path().join("inner"));
        git(root, &["init", "-q", "."]);
        std::fs::create_dir(&inner).unwrap();
        git(&inner, &["init", "-q", "--bare", "."]);
        for (name, value) in [
            ("core.bare", "false"),
            ("core.worktree", ".."),
            ("core.fsmonitor", &program),
            ("remote.origin.url", "https://evil.example/r"),
        ] {
            git(root, &["--git-dir=inner", "config", name, value]);
        }
        let found = checkout(&inner, true).unwrap();
        assert_eq!((found.root, found.source), (root.canonicalize().unwrap(), None));
        assert!(!ran.exists());
    }

    #[test]
    fn a_working_tree_that_is_elsewhere_is_not_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        git(folder.path(), &["init", "-q", "."]);
        git(folder.path(), &["config", "core.worktree", "/"]);
        let found = Checkout::of(folder.path(), std::env::var_os("PATH").as_deref(), true);
        assert!(matches!(found, Err(CheckoutError::Elsewhere)), "{found:?}");
    }

    #[test]
    fn little_is_quoted_of_a_file_that_is_no_part_of_a_repository() {
        let folder = tempfile::tempdir().unwrap();
        git(folder.path(), &["init", "-q", "."]);
        let secret = format!("\u{1b}]0;title\u{7}{}", "s".repeat(200));
        std::fs::write(folder.path().join(".git/packed-refs"), secret).unwrap();
        let found = Checkout::of(folder.path(), std::env::var_os("PATH").as_deref(), true);
        let words = found.map_or_else(|error| error.to_string(), |found| format!("{found:?}"));
        assert!(!words.contains(['\u{1b}', '\u{7}']) && !words.contains(&"s".repeat(80)), "{words}");
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
