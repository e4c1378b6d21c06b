//! What buildkitd fetches before a Dockerfile can be converted: the Dockerfile itself, and the first bytes of a context
//! at a web address, which tell whether it is an archive.
//!
//! Source: `initContext` and `ReadEntrypoint` in frontend/dockerui, `createTempDockerfileFromURL` in buildx's
//! build/url.go.

use std::path::Path;

use llb::{Constraints, Definition, Graph, HttpSource, MarshalError, MarshalOptions, Output};

use super::archive::{HEADER_BYTES, is_archive, is_zstd};
use crate::beneath::MAX_TEXT_BYTES;
use crate::buildkit::{self, FileRange, Gateway, ResultReference, SolveOptions};
use crate::converter::lower::{llb_platform, source_op, unpacked};
use crate::converter::plan::{self, Context, Options, main_context};
use crate::diag::{Source, redact, visible};
use crate::image::Platform;

/// The name of the only file of a context at a web address.
const CONTEXT_FILE: &str = "context";
/// The name of a Dockerfile where none is given.
const DOCKERFILE: &str = "Dockerfile";
/// The largest Dockerfile at a web address of its own, in bytes: buildx's bound.
const MAX_DOCKERFILE_BYTES: u64 = 2 << 20;

/// Where a Dockerfile is read from.
#[derive(Debug, Clone)]
pub enum DockerfileSource {
    /// Its text is known, under the name that the user knows.
    Text(Source),
    /// A file of the build's context, which buildkitd fetches.
    InContext(String),
    /// A web address, which buildkitd fetches.
    Url(String),
}

/// Why buildkitd could not fetch what a conversion begins with.
#[derive(Debug, thiserror::Error)]
pub enum FetchFailure {
    /// The context.
    #[error("cannot fetch the build context {context}")]
    Context {
        /// The context as the user knows it.
        context: String,
        /// Why not.
        source: buildkit::Error,
    },
    /// A Dockerfile at a web address of its own.
    #[error("cannot fetch the Dockerfile {url}")]
    Url {
        /// The address.
        url: String,
        /// Why not.
        source: buildkit::Error,
    },
    /// The context has no such Dockerfile.
    #[error("the Dockerfile {name} is not in the context {context}; name another one with --file")]
    Missing {
        /// The Dockerfile.
        name: String,
        /// The context as the user knows it.
        context: String,
    },
    /// A Dockerfile is larger than what is read.
    #[error("the Dockerfile {name} is larger than {limit} bytes, which is the most that is read")]
    TooLarge {
        /// The Dockerfile.
        name: String,
        /// The most that is read, in bytes.
        limit: u64,
    },
    /// A context at a web address is neither an archive that BuildKit knows nor a Dockerfile.
    #[error(
        "the context {context} is compressed with zstd, which BuildKit does not take: use gzip, bzip2 or xz"
    )]
    Zstd {
        /// The context as the user knows it.
        context: String,
    },
    /// The context's URL.
    #[error("context {context:?}: {reason}")]
    Address {
        /// The context.
        context: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The graph cannot be encoded.
    #[error(transparent)]
    Encoding(#[from] MarshalError),
}

impl FetchFailure {
    /// Returns what buildkitd or the connection to it said, where that was it.
    pub(crate) const fn daemon_error(&self) -> Option<&buildkit::Error> {
        match self {
            Self::Context { source, .. } | Self::Url { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// What was fetched.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// The context, with what it turned out to be.
    pub(crate) context: Context,
    /// The Dockerfile; `None` where its text was known.
    pub(crate) dockerfile: Option<FetchedDockerfile>,
}

/// A Dockerfile that was fetched.
#[derive(Debug)]
pub(crate) struct FetchedDockerfile {
    /// Its text, under the name that the user knows.
    pub(crate) source: Source,
    /// Its name in messages to buildkitd.
    pub(crate) filename: String,
    /// The graph that yields it; `None` where it is as good as a local one.
    pub(crate) definition: Option<Definition>,
}

/// Fetches what the conversion with `options` begins with. `upload` says that the context is an archive that the client
/// sends.
///
/// # Errors
/// [`FetchFailure`].
pub(crate) async fn fetch(
    gateway: &Gateway,
    options: &Options,
    dockerfile: &DockerfileSource,
    upload: bool,
) -> Result<Fetched, FetchFailure> {
    let mut options = options.clone();
    let shown = match &options.context {
        _ if upload => "on standard input".to_owned(),
        Context::Local => String::new(),
        Context::Git(url) | Context::Http { url, .. } => visible(&redact(url)).into_owned(),
    };
    let mut only_file = None;
    if let Context::Http { url, .. } = &options.context
        && !upload
    {
        let url = url.clone();
        options.context = Context::Http { url: url.clone(), archive: false };
        let files = RemoteFiles::of_context(gateway, &options, shown.clone()).await?;
        let header = files.read(CONTEXT_FILE, HEADER_BYTES as u64).await?.unwrap_or_default();
        if is_zstd(&header) {
            return Err(FetchFailure::Zstd { context: shown });
        }
        if is_archive(&header) {
            options.context = Context::Http { url, archive: true };
        } else {
            only_file = Some(files);
        }
    }
    let dockerfile = match (dockerfile, only_file) {
        (DockerfileSource::Text(_), _) => None,
        (DockerfileSource::Url(url), _) => Some(at_url(gateway, url, &options.build_platform).await?),
        (DockerfileSource::InContext(_), Some(files)) => Some(files.only_file().await?),
        (DockerfileSource::InContext(name), None) => {
            Some(RemoteFiles::of_context(gateway, &options, shown).await?.dockerfile(name).await?)
        }
    };
    Ok(Fetched { context: options.context, dockerfile })
}

/// The files of a context that buildkitd fetches.
struct RemoteFiles<'a> {
    gateway: &'a Gateway,
    /// The context as the user knows it.
    shown: String,
    definition: Definition,
    /// `None` where there are none.
    files: Option<ResultReference>,
}

impl<'a> RemoteFiles<'a> {
    /// Has the context of `options` fetched, as the graph of the build has it.
    async fn of_context(
        gateway: &'a Gateway,
        options: &Options,
        shown: String,
    ) -> Result<Self, FetchFailure> {
        let wrong =
            |error: plan::Error| FetchFailure::Address { context: shown.clone(), reason: error.to_string() };
        let mut graph = Graph::new();
        let mut root = Output::SCRATCH;
        if let Some((source, step)) = main_context(options).map_err(wrong)? {
            root = graph.source(source_op(&source), Constraints::named(step));
        }
        if matches!(options.context, Context::Http { archive: true, .. }) {
            root = unpacked(&mut graph, root, CONTEXT_FILE);
        }
        let definition = marshal(graph, root, &options.build_platform)?;
        // What is wrong with the context shows here, and not as a file that cannot be read.
        let at_once = SolveOptions { evaluate: true, ..SolveOptions::default() };
        let solved = gateway.solve(definition.encode(), at_once).await;
        let files = solved.map_err(|source| FetchFailure::Context { context: shown.clone(), source })?;
        Ok(Self { gateway, shown, definition, files })
    }

    /// Reads at most `limit` bytes of a file, `None` where it is not there.
    async fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, FetchFailure> {
        let Some(files) = &self.files else { return Ok(None) };
        let range = FileRange { offset: 0, length: limit };
        let read = self.gateway.read_file(files, name, Some(range)).await;
        read.map_err(|source| FetchFailure::Context { context: self.shown.clone(), source })
    }

    /// Reads the Dockerfile called `name`, or `dockerfile` where `Dockerfile` is not there.
    async fn dockerfile(self, name: &str) -> Result<FetchedDockerfile, FetchFailure> {
        let mut text = self.read(name, MAX_TEXT_BYTES + 1).await?;
        let path = Path::new(name);
        if text.is_none() && path.file_name().is_some_and(|file| file == DOCKERFILE) {
            let lower_case = path.with_file_name(DOCKERFILE.to_ascii_lowercase());
            text = self.read(&lower_case.to_string_lossy(), MAX_TEXT_BYTES + 1).await?;
        }
        let missing =
            || FetchFailure::Missing { name: visible(name).into_owned(), context: self.shown.clone() };
        let text = bounded(name, text.ok_or_else(missing)?, MAX_TEXT_BYTES)?;
        let source = Source::new(visible(name), text);
        Ok(FetchedDockerfile { source, filename: name.to_owned(), definition: Some(self.definition) })
    }

    /// Reads the Dockerfile where it is all that lies at the address.
    async fn only_file(self) -> Result<FetchedDockerfile, FetchFailure> {
        let text = self.read(CONTEXT_FILE, MAX_TEXT_BYTES + 1).await?.unwrap_or_default();
        let text = bounded(&self.shown, text, MAX_TEXT_BYTES)?;
        let source = Source::new(self.shown, text);
        Ok(FetchedDockerfile { source, filename: CONTEXT_FILE.to_owned(), definition: Some(self.definition) })
    }
}

/// Fetches a Dockerfile that lies at a web address of its own.
async fn at_url(
    gateway: &Gateway,
    url: &str,
    platform: &Platform,
) -> Result<FetchedDockerfile, FetchFailure> {
    let shown = visible(&redact(url)).into_owned();
    let failed = |source| FetchFailure::Url { url: shown.clone(), source };
    let mut graph = Graph::new();
    let source = HttpSource::new(url).with_filename(DOCKERFILE);
    let root = graph.source(source, Constraints::named(format!("[internal] load {shown}")));
    let definition = marshal(graph, root, platform)?;
    let file = gateway.solve(definition.encode(), SolveOptions::default()).await.map_err(failed)?;
    let mut text = None;
    if let Some(file) = file {
        let range = FileRange { offset: 0, length: MAX_DOCKERFILE_BYTES + 1 };
        text = gateway.read_file(&file, DOCKERFILE, Some(range)).await.map_err(failed)?;
    }
    let text = bounded(&shown, text.unwrap_or_default(), MAX_DOCKERFILE_BYTES)?;
    let source = Source::new(shown, text);
    Ok(FetchedDockerfile { source, filename: DOCKERFILE.to_owned(), definition: None })
}

fn marshal(graph: Graph, root: Output, platform: &Platform) -> Result<Definition, MarshalError> {
    graph.marshal(root, &MarshalOptions::new(llb_platform(platform), String::new()))
}

/// Returns `text`, unless it is longer than `limit` bytes.
fn bounded(name: &str, text: Vec<u8>, limit: u64) -> Result<Vec<u8>, FetchFailure> {
    if text.len() as u64 > limit {
        return Err(FetchFailure::TooLarge { name: visible(name).into_owned(), limit });
    }
    Ok(text)
}
