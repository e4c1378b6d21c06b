//! What a conversion needs to know from outside, and what was found out.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::context::remote_source::RemoteSource;
use crate::image::{ConfigError, ImageConfig, Platform, Reference};

/// A fact from outside that a conversion cannot do without. Whoever calls it looks up all needs of one
/// answer at once. Two needs are equal if they have the same answer: what a look-up is called in the progress is
/// no part of them, it stands beside them in [`Needs`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// Digest and configuration of an image at its registry. Answer: [`Fact::Image`].
    Image {
        /// The image: `docker.io/library/alpine:3.20`.
        reference: Reference,
        /// The platform to choose from an index; `None` means the builder's.
        platform: Option<Platform>,
    },
    /// Digest and configuration of an image in an OCI layout at the client. Answer: [`Fact::Image`].
    OciLayout {
        /// The reference that stands for the image in the graph, with its digest.
        reference: Reference,
        /// The store, by the name that the client gave it.
        store: String,
        /// The platform to choose from an index; `None` means the builder's.
        platform: Option<Platform>,
    },
    /// The ignore file of the main context, if there is one: `<Dockerfile>.dockerignore`, else
    /// `.dockerignore`. Answer: [`Fact::Ignore`].
    Ignore,
    /// The `.dockerignore` of a local named context, if there is one. Answer: [`Fact::Ignore`].
    NamedIgnore {
        /// The local source's name.
        local: String,
    },
    /// The time that a remote source was made, for `SOURCE_DATE_EPOCH`. Answer: [`Fact::SourceTime`].
    SourceTime {
        /// The source; [`source_op`](crate::converter::lower::source_op) makes the op of it.
        source: RemoteSource,
    },
}

/// What a conversion lacks, each need once, with the name of its look-up in the progress.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs(BTreeMap<Need, String>);

impl Needs {
    /// No needs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a need whose look-up is called `log_name` in the progress. A need that is there keeps its name.
    pub fn insert(&mut self, need: Need, log_name: impl Into<String>) {
        self.0.entry(need).or_insert_with(|| log_name.into());
    }

    /// Adds the needs of another answer.
    pub fn extend(&mut self, needs: Self) {
        for (need, log_name) in needs.0 {
            self.insert(need, log_name);
        }
    }

    /// Whether nothing is needed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The needs in order, each with the name of its look-up.
    pub fn iter(&self) -> impl Iterator<Item = (&Need, &str)> {
        self.0.iter().map(|(need, log_name)| (need, log_name.as_str()))
    }
}

impl IntoIterator for Needs {
    type Item = Need;
    type IntoIter = std::collections::btree_map::IntoKeys<Need, String>;

    /// The needs in order, without names.
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_keys()
    }
}

/// An answer to a [`Need`].
#[derive(Debug, Clone)]
pub enum Fact {
    /// An image.
    Image(ImageFact),
    /// No image: what a source policy has put in its place, in the form of a named context (`local:NAME`).
    Replaced(String),
    /// An ignore file, `None` where there is none.
    Ignore(Option<IgnoreFile>),
    /// Seconds since 1970, `None` where the source has no time.
    SourceTime(Option<i64>),
}

/// What is known of an image.
#[derive(Debug, Clone)]
pub struct ImageFact {
    /// The reference that was found, where it is another than the one that was asked for.
    pub reference: Option<Reference>,
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
pub type FactFailure = Arc<dyn std::error::Error + Send + Sync>;

/// The answers so far.
#[derive(Debug, Clone, Default)]
pub struct Facts(BTreeMap<Need, Result<Fact, FactFailure>>);

impl Facts {
    /// No answers yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records the answer to a need, or why there is none.
    pub fn insert(&mut self, need: Need, answer: Result<Fact, FactFailure>) {
        self.0.insert(need, answer);
    }

    /// Needs and their answers, in the order of the needs.
    pub fn iter(&self) -> impl Iterator<Item = (&Need, &Result<Fact, FactFailure>)> {
        self.0.iter()
    }

    /// The answer to a need, `None` if nobody has looked yet.
    pub fn get(&self, need: &Need) -> Option<&Result<Fact, FactFailure>> {
        self.0.get(need)
    }
}

impl Extend<(Need, Result<Fact, FactFailure>)> for Facts {
    fn extend<I: IntoIterator<Item = (Need, Result<Fact, FactFailure>)>>(&mut self, answers: I) {
        self.0.extend(answers);
    }
}
