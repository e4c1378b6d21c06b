//! What CONTEXT and `--file` name: the files of a build, and its Dockerfile.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::dockerfile_place::DockerfilePlace;
use crate::beneath::{self, MAX_TEXT_BYTES, read_stream};
use crate::cli::Failure;
use crate::cli::usage::UsageError;
use crate::converter::plan::Context;
use crate::converter::plan::git::GitRef;
use crate::diag::{Source, visible_path};
use crate::job::lookup::LocalFiles;
use crate::job::{DockerfileSource, HEADER_BYTES, Upload, is_archive};

/// What the user knows a Dockerfile by that comes from standard input.
const STANDARD_INPUT: &str = "standard input";
/// The name of a Dockerfile where none is given, and of one that has no name.
const DOCKERFILE: &str = "Dockerfile";

/// The files of a build, and its Dockerfile.
#[derive(Debug)]
pub(super) struct BuildSources {
    /// Where the files come from.
    pub(super) context: Context,
    /// The Dockerfile.
    pub(super) dockerfile: DockerfileSource,
    /// Its name in messages to buildkitd.
    pub(super) filename: String,
    /// The folders that the build reads, without named contexts.
    pub(super) files: LocalFiles,
    /// Attributes for buildkitd that nothing else stands for.
    pub(super) attributes: BTreeMap<String, String>,
}

/// Where a Dockerfile is, by the form of `--file`.
enum Named<'a> {
    Default,
    Input,
    Url(&'a str),
    Path(&'a Path),
}

impl<'a> Named<'a> {
    fn of(file: Option<&'a Path>) -> Self {
        match file {
            None => Self::Default,
            Some(path) if path == Path::new("-") => Self::Input,
            Some(path) => match path.to_str().filter(|text| is_web_address(text)) {
                Some(url) => Self::Url(url),
                None => Self::Path(path),
            },
        }
    }
}

impl BuildSources {
    /// Returns what `context` and the value of `--file` name (`loadInputs` in buildx's build/opt.go).
    ///
    /// # Errors
    /// [`Failure::Usage`] for a context that is none, [`Failure::Failed`] for a Dockerfile that cannot be read.
    pub(super) fn find(context: &str, file: Option<&Path>) -> Result<Self, Failure> {
        let named = Named::of(file);
        if context == "-" {
            return Self::of_input(&named);
        }
        let folder = PathBuf::from(context);
        if folder.is_dir() {
            return Self::of_folder(folder, &named);
        }
        let context = remote_context(context)?;
        let mut sources = match named {
            Named::Input => Self::of_text(input_text(io::stdin().lock())?),
            Named::Url(url) => Self::at_url(url),
            Named::Path(path) if path.is_absolute() => Self::at_path(path, None)?,
            Named::Path(path) => Self::in_context(&path.to_string_lossy()),
            Named::Default => Self::in_context(DOCKERFILE),
        };
        sources.context = context;
        Ok(sources)
    }

    /// A folder of this machine.
    fn of_folder(folder: PathBuf, named: &Named<'_>) -> Result<Self, Failure> {
        let mut sources = match named {
            Named::Input => Self::of_text(input_text(io::stdin().lock())?),
            Named::Url(url) => Self::at_url(url),
            Named::Path(path) => Self::at_path(path, Some(&folder))?,
            Named::Default => {
                let (place, name) = DockerfilePlace::default_of(&folder);
                Self::read(place, &name)?
            }
        };
        sources.files.context = Some(folder);
        Ok(sources)
    }

    /// Standard input: an archive, which is sent on to buildkitd, or the Dockerfile of a build without files.
    fn of_input(named: &Named<'_>) -> Result<Self, Failure> {
        if matches!(named, Named::Input) {
            return Err(UsageError::StandardInputTwice.into());
        }
        let mut header = Vec::new();
        let read = io::stdin().lock().take(HEADER_BYTES as u64).read_to_end(&mut header);
        read.map_err(|error| cannot_read(STANDARD_INPUT, &error.into()))?;
        if header.is_empty() {
            return Err(UsageError::StandardInputEmpty.into());
        }
        if is_archive(&header) {
            return Self::of_archive(header, named);
        }
        if !matches!(named, Named::Default) {
            return Err(UsageError::DockerfileTwice.into());
        }
        let mut sources = Self::of_text(input_text(io::Cursor::new(header).chain(io::stdin().lock()))?);
        let empty = Arc::new(tempfile::tempdir()?);
        sources.files.context = Some(empty.path().to_owned());
        sources.files.empty_context = Some(empty);
        Ok(sources)
    }

    /// An archive on standard input whose first bytes were read.
    fn of_archive(header: Vec<u8>, named: &Named<'_>) -> Result<Self, Failure> {
        let mut sources = match named {
            Named::Url(url) => Self::at_url(url),
            Named::Path(path) if path.is_absolute() && path.is_file() => Self::at_path(path, None)?,
            Named::Path(path) => Self::in_context(&path.to_string_lossy()),
            Named::Input | Named::Default => Self::in_context(DOCKERFILE),
        };
        let upload = Upload::new(io::Cursor::new(header).chain(io::stdin()));
        sources.context = Context::Http { url: upload.url(), archive: true };
        sources.files.upload = Some(upload);
        Ok(sources)
    }

    fn new(dockerfile: DockerfileSource, filename: impl Into<String>) -> Self {
        Self {
            context: Context::Local,
            dockerfile,
            filename: filename.into(),
            files: LocalFiles::default(),
            attributes: BTreeMap::new(),
        }
    }

    fn of_text(text: Vec<u8>) -> Self {
        Self::new(DockerfileSource::Text(Source::new(STANDARD_INPUT, text)), DOCKERFILE).with_own_dockerfile()
    }

    fn at_url(url: &str) -> Self {
        Self::new(DockerfileSource::Url(url.to_owned()), DOCKERFILE).with_own_dockerfile()
    }

    fn in_context(name: &str) -> Self {
        Self::new(DockerfileSource::InContext(name.to_owned()), name)
    }

    /// A Dockerfile of this machine at a path that the user named, for the folder `context` or for a context elsewhere.
    fn at_path(path: &Path, context: Option<&Path>) -> Result<Self, Failure> {
        let path = path.to_owned();
        let sources = match DockerfilePlace::named(&path, context) {
            Ok((place, name)) => Self::read(Ok(place), &path.with_file_name(name)),
            Err(error) => Self::read(Err(error), &path),
        }?;
        Ok(if context.is_none() { sources.with_own_dockerfile() } else { sources })
    }

    fn read(place: Result<DockerfilePlace, beneath::Error>, path: &Path) -> Result<Self, Failure> {
        let shown = visible_path(path.strip_prefix("./").unwrap_or(path));
        let read = place.and_then(|place| Ok((place.read()?, place)));
        let (text, place) = read.map_err(|error| cannot_read(&format!("the Dockerfile {shown}"), &error))?;
        if place.has_policy() {
            return Err(UsageError::Policy { file: format!("{shown}.rego") }.into());
        }
        let filename = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let source = DockerfileSource::Text(Source::new(shown, text));
        let mut sources = Self::new(source, filename.unwrap_or_else(|| DOCKERFILE.to_owned()));
        sources.files.dockerfile_ignore = place.own_ignore_file()?;
        Ok(sources)
    }

    /// Notes that the Dockerfile does not come from the context.
    fn with_own_dockerfile(mut self) -> Self {
        self.attributes.insert("dockerfilekey".to_owned(), "dockerfile".to_owned());
        self
    }
}

fn cannot_read(what: &str, error: &beneath::Error) -> Failure {
    let help = if error.leads_out() { ", or name it with --file" } else { "" };
    Failure::failed(format!("cannot read {what}: {error}{help}"))
}

fn input_text(input: impl Read) -> Result<Vec<u8>, Failure> {
    read_stream(input, MAX_TEXT_BYTES)
        .map_err(|error| cannot_read(&format!("the Dockerfile from {STANDARD_INPUT}"), &error))
}

fn is_web_address(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://")
}

/// Whether buildkitd fetches the context over SSH, for which it needs an agent.
pub(in crate::cli) fn needs_ssh(context: &Context) -> bool {
    matches!(context, Context::Git(url) if matches!(GitRef::parse(url), Ok(Some(git)) if git.is_ssh()))
}

/// The abilities that buildx wants of a frontend for these contexts, in its words (`loadInputs`, `processGitURL`).
/// They are only recorded.
pub(super) fn wanted_abilities(context: &Context, named: &BTreeMap<String, String>) -> Option<String> {
    let main = match context {
        Context::Git(url) | Context::Http { url, .. } => has_query(url),
        Context::Local => false,
    };
    let wanted = [
        (!named.is_empty(), "moby.buildkit.frontend.contexts+forward"),
        (main, "moby.buildkit.frontend.gitquerystring"),
        (named.values().any(|url| has_query(url)), "moby.buildkit.frontend.gitquerystring+forward"),
    ];
    let names: Vec<&str> = wanted.iter().filter(|(is_wanted, _)| *is_wanted).map(|(_, name)| *name).collect();
    (!names.is_empty()).then(|| names.join(","))
}

/// Whether the URL of a repository or file has a query.
fn has_query(url: &str) -> bool {
    let is_remote = is_web_address(url) || matches!(GitRef::parse(url), Ok(Some(_)));
    let before_fragment = url.split('#').next().unwrap_or_default();
    is_remote && before_fragment.split_once('?').is_some_and(|(_, query)| !query.is_empty())
}

/// The context where it is a Git repository or a file at a web address.
fn remote_context(context: &str) -> Result<Context, UsageError> {
    let wrong = |source| UsageError::ContextRepository { context: context.to_owned(), source };
    if GitRef::parse(context).map_err(wrong)?.is_some() {
        return Ok(Context::Git(context.to_owned()));
    }
    if is_web_address(context) {
        // What lies there is seen once buildkitd has fetched it.
        return Ok(Context::Http { url: context.to_owned(), archive: false });
    }
    Err(UsageError::ContextNotAFolder { context: context.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(context: &str, file: Option<&str>) -> Result<BuildSources, String> {
        BuildSources::find(context, file.map(Path::new)).map_err(|failure| failure.render())
    }

    #[test]
    fn the_dockerfile_of_a_remote_context_lies_in_it_unless_its_path_is_absolute() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "FROM scratch").unwrap();
        let path = file.path().to_str().unwrap();
        for context in ["https://h/r.git#v1:sub", "git@h:r", "https://h/x.tar.gz", "github.com/a/b"] {
            let sources = find(context, None).unwrap();
            assert!(matches!(&sources.dockerfile, DockerfileSource::InContext(name) if name == "Dockerfile"));
            assert!(sources.attributes.is_empty());
            let sources = find(context, Some("sub/D")).unwrap();
            assert!(matches!(&sources.dockerfile, DockerfileSource::InContext(name) if name == "sub/D"));
            assert_eq!(sources.filename, "sub/D");
            let sources = find(context, Some(path)).unwrap();
            assert!(matches!(&sources.dockerfile, DockerfileSource::Text(_)), "{context}");
            assert_eq!(sources.attributes["dockerfilekey"], "dockerfile");
            let sources = find(context, Some("https://h/D")).unwrap();
            assert!(matches!(&sources.dockerfile, DockerfileSource::Url(url) if url == "https://h/D"));
            assert_eq!(sources.filename, "Dockerfile");
        }
        let http = find("https://h/x.tar.gz", None).unwrap().context;
        assert_eq!(http, Context::Http { url: "https://h/x.tar.gz".into(), archive: false });
    }

    #[test]
    fn a_folder_goes_before_a_repository_of_its_name() {
        let dir = tempfile::tempdir_in(".").unwrap();
        let folder = dir.path().join("u@h:r");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("dockerfile"), "FROM scratch").unwrap();
        let sources = find(folder.to_str().unwrap(), None).unwrap();
        assert_eq!((sources.context, sources.filename.as_str()), (Context::Local, "dockerfile"));
        let named = folder.join("Dockerfile");
        let sources = find(folder.to_str().unwrap(), named.to_str()).unwrap();
        assert_eq!(
            sources.filename, "dockerfile",
            "the lower case one is meant where the other is not there"
        );
    }

    #[test]
    fn buildkitd_is_told_which_abilities_the_contexts_want() {
        let named = |value: &str| BTreeMap::from([("a".to_owned(), value.to_owned())]);
        let git = |url: &str| Context::Git(url.to_owned());
        let none = BTreeMap::new();
        assert_eq!(wanted_abilities(&Context::Local, &none), None);
        assert_eq!(wanted_abilities(&git("https://h/r.git#a?b"), &none), None);
        let main = wanted_abilities(&git("https://h/r.git?ref=a"), &none).unwrap();
        assert_eq!(main, "moby.buildkit.frontend.gitquerystring");
        let both = wanted_abilities(&git("git@h:r?ref=a"), &named("https://h/r.git?ref=a")).unwrap();
        assert_eq!(
            both,
            "moby.buildkit.frontend.contexts+forward,moby.buildkit.frontend.gitquerystring,moby.buildkit.frontend.gitquerystring+forward"
        );
        let image = wanted_abilities(&Context::Local, &named("docker-image://a?b")).unwrap();
        assert_eq!(image, "moby.buildkit.frontend.contexts+forward");
        assert!(needs_ssh(&git("git@h:r")) && !needs_ssh(&git("https://h/r.git")));
    }

    #[test]
    fn what_is_no_context_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        for context in ["nowhere", "github.com.invalid/x/y", path] {
            assert_eq!(
                find(context, None).unwrap_err(),
                format!("error: context {context:?} is neither a folder nor the URL of a repository or file")
            );
        }
        let error = find("https://h/r.git?foo=bar", None).unwrap_err();
        assert!(error.contains("unexpected query \"foo\""), "{error}");
        assert!(find("-", Some("-")).unwrap_err().contains("standard input"));
    }
}
