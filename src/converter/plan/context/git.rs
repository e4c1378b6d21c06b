//! Git references in ADD and in build contexts: `https://host/repo.git#ref:dir`, `user@host:path`, query
//! form (`frontend/dockerfile/dfgitutil`).

use std::borrow::Cow;

use super::url::{self, Pair, Url};
use crate::converter::plan::paths;
use crate::gotext::{lossy, parse_bool};

/// A repository, and what of it is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitRef {
    /// The repository's URL without query and fragment.
    pub remote: String,
    /// Branch, tag or commit; the default branch if empty.
    pub reference: String,
    /// Directory that becomes the root; all if empty.
    pub subdir: String,
    /// Commit that the reference must be; any if empty.
    pub checksum: String,
    /// Whether `.git` stays, if the reference says so.
    pub keep_git_dir: Option<bool>,
    /// Whether submodules are fetched, if the reference says so.
    pub submodules: Option<bool>,
    /// What files' times are, `checkout` or `commit`; empty for the default.
    pub mtime: String,
    /// Fetch `checksum` without asking what the reference is.
    pub fetch_by_commit: bool,
    /// Percent signs stand for bytes that are not UTF-8: an op that has them cannot be encoded.
    pub not_utf8: bool,
    /// `github.com/…`, which a file might be called too: no Git reference for ADD and COPY.
    pub like_a_path: bool,
}

/// A Git reference whose query cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GitRefError {
    /// A name without a value that needs one.
    #[error("query {0:?} has no value")]
    NoValue(String),
    /// A name given twice.
    #[error("query {0:?} has multiple values")]
    Repeated(String),
    /// A name that means nothing.
    #[error("unexpected query {0:?}")]
    Unexpected(String),
    /// A value that the name does not take.
    #[error("invalid {name} value: {value:?}")]
    Invalid {
        /// The name.
        name: &'static str,
        /// The value.
        value: String,
    },
    /// Two values for one thing.
    #[error("{what} conflicts: {one:?} vs {other:?}")]
    Conflict {
        /// `ref` or `subdir`.
        what: &'static str,
        /// What was said first.
        one: String,
        /// What was said then.
        other: String,
    },
    /// A branch and a tag.
    #[error("branch conflicts with tag")]
    BranchAndTag,
}

const PROTOCOLS: [&str; 4] = ["http", "https", "ssh", "git"];

impl GitRef {
    /// The Git reference that `text` is, `None` where it is something else.
    ///
    /// # Errors
    /// [`GitRefError`] where it is one, with a query that cannot be used.
    pub fn parse(text: &str) -> Result<Option<Self>, GitRefError> {
        if text.starts_with("./") || text.starts_with("../") {
            return Ok(None);
        }
        let mut git = Self::default();
        let Some(parts) = (if text.starts_with("github.com/") {
            git.like_a_path = true;
            Url::parse(text).map(|url| Parts {
                query: url::query_pairs(&url.query),
                utf8: is_text(&url),
                remote: url.remote,
                fragment: url.fragment,
            })
        } else {
            Parts::of(text)
        }) else {
            return Ok(None);
        };
        git.not_utf8 = !parts.utf8;
        git.remote = parts.remote;
        if !parts.fragment.is_empty() {
            let fragment = git.text(&parts.fragment);
            let (reference, subdir) = fragment.split_once(':').unwrap_or((&fragment, ""));
            reference.clone_into(&mut git.reference);
            paths::join(["/", subdir])[1..].clone_into(&mut git.subdir);
        }
        git.read_query(&parts.query)?;
        Ok(Some(git))
    }

    /// Whether the repository is reached over SSH.
    pub fn is_ssh(&self) -> bool {
        let has_scheme = self.remote.contains("://");
        self.remote.starts_with("ssh://") || !(has_scheme || self.like_a_path)
    }

    /// `bytes` with replacement characters, which is kept in mind.
    fn text<'a>(&mut self, bytes: &'a [u8]) -> Cow<'a, str> {
        self.not_utf8 |= str::from_utf8(bytes).is_err();
        lossy(bytes)
    }

    fn read_query(&mut self, query: &[Pair]) -> Result<(), GitRefError> {
        let (mut tag, mut branch) = (String::new(), String::new());
        let query: Vec<(String, String)> = query
            .iter()
            .map(|(name, value)| (self.text(name).into_owned(), self.text(value).into_owned()))
            .collect();
        let mut seen: Vec<&str> = Vec::new();
        for (name, _) in &query {
            if seen.contains(&name.as_str()) {
                return Err(GitRefError::Repeated(name.clone()));
            }
            seen.push(name);
        }
        for (name, value) in query {
            if value.is_empty() && !matches!(name.as_str(), "submodules" | "keep-git-dir" | "fetch-by-commit")
            {
                return Err(GitRefError::NoValue(name));
            }
            match name.as_str() {
                "ref" => agree("ref", &mut self.reference, value)?,
                "subdir" => agree("subdir", &mut self.subdir, value)?,
                "tag" => tag = value,
                "branch" => branch = value,
                "checksum" | "commit" => self.checksum = value,
                "keep-git-dir" => self.keep_git_dir = Some(truth("keep-git-dir", value)?),
                "submodules" => self.submodules = Some(truth("submodules", value)?),
                "fetch-by-commit" => self.fetch_by_commit = truth("fetch-by-commit", value)?,
                "mtime" if matches!(value.as_str(), "checkout" | "commit") => self.mtime = value,
                "mtime" => return Err(GitRefError::Invalid { name: "mtime", value }),
                _ => return Err(GitRefError::Unexpected(name)),
            }
        }
        if !tag.is_empty() {
            agree("ref", &mut self.reference, qualified("refs/tags/", &tag))?;
        }
        if !branch.is_empty() {
            if !tag.is_empty() {
                return Err(GitRefError::BranchAndTag);
            }
            agree("ref", &mut self.reference, qualified("refs/heads/", &branch))?;
        }
        Ok(())
    }
}

/// A Git URL taken apart.
struct Parts {
    remote: String,
    fragment: Vec<u8>,
    query: Vec<Pair>,
    /// Whether host and path are UTF-8.
    utf8: bool,
}

impl Parts {
    fn of(text: &str) -> Option<Self> {
        let Some(protocol) = protocol(text) else { return Self::scp(text) };
        if !PROTOCOLS.contains(&protocol.to_ascii_lowercase().as_str()) {
            return None;
        }
        let url = Url::parse(text)?;
        // A web address is a repository only if it says so.
        if url.scheme.starts_with("http") && !is_repository(&url.path) {
            return None;
        }
        let (query, utf8) = (url::query_pairs(&url.query), is_text(&url));
        Some(Self { query, remote: url.remote, fragment: url.fragment, utf8 })
    }

    /// `user@host:path?query#fragment` (`util/sshutil/scpurl.go`).
    fn scp(text: &str) -> Option<Self> {
        let (user, rest) = text.split_once('@')?;
        let (host, rest) = rest.split_once(':')?;
        let word = |text: &str, more: &[u8]| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b))
        };
        if !word(user, b"-_") || !word(host, b"-.") || rest.contains('\n') {
            return None;
        }
        let (rest, fragment) = split_fragment(rest);
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        Some(Self {
            remote: format!("{user}@{host}:{path}"),
            fragment: fragment.into(),
            query: url::parse_query(query)?,
            utf8: true,
        })
    }
}

/// Whether host and path, cleaned, are UTF-8: they are what the op is named by.
fn is_text(url: &Url) -> bool {
    let path = str::from_utf8(&url.path).is_ok() || !paths::clean(&lossy(&url.path)).contains('\u{fffd}');
    path && str::from_utf8(&url.host).is_ok()
}

fn is_repository(path: &[u8]) -> bool {
    path.ends_with(b".git")
}

/// Splits at the first `#`. BuildKit's pattern takes as little as it can before `?` and `#`.
fn split_fragment(text: &str) -> (&str, &str) {
    text.split_once('#').unwrap_or((text, ""))
}

fn protocol(text: &str) -> Option<&str> {
    let (protocol, rest) = text.split_once(':')?;
    let is_one = !protocol.is_empty() && protocol.bytes().all(|b| b.is_ascii_alphanumeric());
    (is_one && rest.starts_with("//")).then_some(protocol)
}

fn agree(what: &'static str, field: &mut String, value: String) -> Result<(), GitRefError> {
    if !field.is_empty() && *field != value {
        return Err(GitRefError::Conflict { what, one: field.clone(), other: value });
    }
    *field = value;
    Ok(())
}

fn qualified(prefix: &str, name: &str) -> String {
    if name.starts_with(prefix) { name.to_owned() } else { format!("{prefix}{name}") }
}

fn truth(name: &'static str, value: String) -> Result<bool, GitRefError> {
    if value.is_empty() {
        return Ok(true);
    }
    parse_bool(&value).ok_or(GitRefError::Invalid { name, value })
}

/// Whether `source` is a file at an HTTP address: no repository.
pub fn is_http(source: &str) -> bool {
    (source.starts_with("http://") || source.starts_with("https://")) && !is_git(source)
}

/// Whether `source` is a Git repository with a query that can be used.
pub fn is_git(source: &str) -> bool {
    matches!(GitRef::parse(source), Ok(Some(_)))
}

/// The name of the file that a web address gives, which need not be UTF-8; `__unnamed__` where its path
/// names none.
pub fn http_filename(source: &str) -> Vec<u8> {
    let path = Url::parse(source).map(|url| url.path).unwrap_or_default();
    let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
    let name = path[..end].rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    if matches!(name, b"" | b".") { b"__unnamed__".into() } else { name.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> GitRef {
        GitRef::parse(text).unwrap().unwrap()
    }

    #[test]
    fn fragments_name_reference_and_directory() {
        let git = parse("https://example.com/a/b.git#main:/x/../y");
        assert_eq!(
            (git.remote.as_str(), git.reference.as_str(), git.subdir.as_str()),
            ("https://example.com/a/b.git", "main", "y")
        );
        let git = parse("git@example.com:a/b#:dir");
        assert_eq!(
            (git.remote.as_str(), git.reference.as_str(), git.subdir.as_str()),
            ("git@example.com:a/b", "", "dir")
        );
    }

    #[test]
    fn queries_name_the_rest() {
        let git = parse(
            "https://h/r.git?tag=v1&subdir=s&keep-git-dir&submodules=0&commit=ab&mtime=commit&fetch-by-commit=1",
        );
        assert_eq!(git.reference, "refs/tags/v1");
        assert_eq!((git.keep_git_dir, git.submodules), (Some(true), Some(false)));
        assert_eq!((git.checksum.as_str(), git.mtime.as_str(), git.fetch_by_commit), ("ab", "commit", true));
    }

    #[test]
    fn contradictions_are_errors() {
        for text in [
            "https://h/r.git?ref=a#b",
            "https://h/r.git?tag=a&branch=b",
            "https://h/r.git?ref=a&ref=a",
            "https://h/r.git?ref",
            "https://h/r.git?x=1",
            "https://h/r.git?submodules=no",
            "git@h:r?x=1",
        ] {
            assert!(GitRef::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn other_sources_are_no_repositories() {
        for text in [
            "./a",
            "../a.git",
            "file",
            "https://h/r",
            "https://h/r.tar.git/x",
            "ftp://h/r.git",
            "git+ssh://h/r.git",
            "/a@b:c",
        ] {
            assert_eq!(GitRef::parse(text), Ok(None), "{text}");
        }
        assert!(parse("github.com/a/b").like_a_path);
        assert!(is_http("https://h/x.tar") && !is_http("https://h/x.git"));
        assert!(is_http("https://h/r.git?x=1"));
    }

    #[test]
    fn some_repositories_are_reached_over_ssh() {
        for (text, is_ssh) in [
            ("git@h:r", true),
            ("SSH://h/r", true),
            ("https://h/r.git", false),
            ("git://h/r", false),
            ("github.com/a/b", false),
        ] {
            assert_eq!(parse(text).is_ssh(), is_ssh, "{text}");
        }
    }

    #[test]
    fn files_are_named_by_the_path() {
        for (url, name) in [
            ("https://h/a/b%20c?x#y", &b"b c"[..]),
            ("https://h/", b"__unnamed__"),
            ("https://h/%zz", b"__unnamed__"),
            ("https://h/.", b"__unnamed__"),
            ("https://h/a//", b"a"),
            ("https://h/%ff/a%fe", b"a\xfe"),
        ] {
            assert_eq!(http_filename(url), name, "{url}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_kept_in_mind() {
        assert!(parse("https://h/r.git#%ff").not_utf8);
        assert!(parse("https://h/r.git?subdir=%ff").not_utf8);
        assert!(parse("https://h/%ff.git").not_utf8);
        assert!(parse("https://%ff/a.git").not_utf8);
        assert!(!parse("https://h/%ff/../a.git").not_utf8);
        assert!(!parse("git@h:r#%ff").not_utf8);
    }
}
