//! What a conversion asks for, and the answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::context::RemoteSource;
use crate::image::{ConfigError, ImageConfig, Platform};

/// A fact from outside that a conversion cannot do without. Whoever calls it looks up all needs of one
/// answer at once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// Digest and configuration of an image at its registry. Answer: [`Fact::Image`].
    Image {
        /// The normalised reference, `docker.io/library/alpine:3.20`.
        reference: String,
        /// The platform to choose from an index; `None` means the builder's.
        platform: Option<Platform>,
        /// What to call the look-up in the progress.
        log_name: String,
    },
    /// Digest and configuration of an image in an OCI layout at the client. Answer: [`Fact::Image`].
    OciLayout {
        /// The reference that stands for the image in the graph, with its digest.
        reference: String,
        /// The store, by the name that the client gave it.
        store: String,
        /// The platform to choose from an index; `None` means the builder's.
        platform: Option<Platform>,
        /// What to call the look-up in the progress.
        log_name: String,
    },
    /// The ignore file of the main context, if there is one: `<Dockerfile>.dockerignore`, else
    /// `.dockerignore`. Answer: [`Fact::Ignore`].
    Ignore,
    /// The `.dockerignore` of a local named context, if there is one. Answer: [`Fact::Ignore`].
    NamedIgnore {
        /// The local source's name.
        local: String,
        /// What to call the transfer in the progress.
        log_name: String,
    },
    /// The time that a remote source was made, for `SOURCE_DATE_EPOCH`. Answer: [`Fact::SourceTime`].
    SourceTime {
        /// The source; [`source_op`](crate::converter::lower::source_op) makes the op of it.
        source: RemoteSource,
        /// What to call the look-up in the progress.
        log_name: String,
    },
}

/// An answer to a [`Need`].
#[derive(Debug, Clone)]
pub enum Fact {
    /// An image.
    Image(ImageFact),
    /// An ignore file, `None` where there is none.
    Ignore(Option<IgnoreFile>),
    /// Seconds since 1970, `None` where the source has no time.
    SourceTime(Option<i64>),
}

/// What is known of an image.
#[derive(Debug, Clone)]
pub struct ImageFact {
    /// The reference that was found, where it is another than the one that was asked for.
    pub reference: Option<String>,
    /// Digest of the manifest or index; empty where it is not known.
    pub digest: String,
    /// Text of the configuration file.
    pub json: Arc<[u8]>,
    /// The configuration, or why it cannot be read.
    pub config: Result<Arc<ImageConfig>, Arc<ConfigError>>,
}

impl ImageFact {
    /// The fact of an image with a digest and the text of its configuration file.
    pub fn new(digest: impl Into<String>, json: impl Into<Arc<[u8]>>) -> Self {
        let json = json.into();
        let config = ImageConfig::parse(&json).map(Arc::new).map_err(Arc::new);
        Self { reference: None, digest: digest.into(), json, config }
    }
}

/// An ignore file of a context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoreFile {
    /// Its name, for errors.
    pub name: String,
    /// Its bytes.
    pub text: Vec<u8>,
}

/// Why a fact could not be found out. Shared, because a conversion asks for it again and again.
pub type Failure = Arc<dyn std::error::Error + Send + Sync>;

/// The answers so far.
#[derive(Debug, Clone, Default)]
pub struct Facts(BTreeMap<Need, Result<Fact, Failure>>);

impl Facts {
    /// No answers yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records the answer to a need, or why there is none.
    pub fn insert(&mut self, need: Need, answer: Result<Fact, Failure>) {
        self.0.insert(need, answer);
    }

    /// Needs and their answers, in the order of the needs.
    pub fn iter(&self) -> impl Iterator<Item = (&Need, &Result<Fact, Failure>)> {
        self.0.iter()
    }

    /// The answer to a need, `None` if nobody has looked yet.
    pub fn get(&self, need: &Need) -> Option<&Result<Fact, Failure>> {
        self.0.get(need)
    }
}

impl Extend<(Need, Result<Fact, Failure>)> for Facts {
    fn extend<I: IntoIterator<Item = (Need, Result<Fact, Failure>)>>(&mut self, answers: I) {
        self.0.extend(answers);
    }
}
