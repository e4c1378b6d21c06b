//! The converter: a Dockerfile's text and answers in; graph, configuration and warnings out.
//!
//! [`Converter`] is pure. [`convert`] drives it: asks, has everything that it needs looked up at once,
//! asks again.
//!
//! ```text
//! text ─ Converter::new ─▶ Converter ─ convert(options, platform, facts) ─▶ Need(…) or Done(…)
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use crate::diag::{Diagnostic, Source};
use crate::image::Platform;
use crate::lower::Lowered;
use crate::plan::{Fact, Facts, Failure, Need, Options};

/// A Dockerfile that was read, ready to be converted for any options and platform.
#[derive(Debug)]
pub struct Converter {
    source: Source,
}

/// What a conversion answers.
#[derive(Debug)]
pub enum Answer {
    /// Facts that are missing. Find out all of them at once and ask again.
    Need(BTreeSet<Need>),
    /// The graph, and what the build checks found.
    Done(Box<Conversion>),
}

/// A finished conversion.
#[derive(Debug)]
pub struct Conversion {
    /// Graph and configuration.
    pub lowered: Lowered,
    /// What the build checks found, in BuildKit's order.
    pub warnings: Vec<Diagnostic>,
}

/// A Dockerfile that is rejected.
#[derive(Debug)]
pub struct Rejected {
    /// What is wrong, and where.
    pub error: Box<Diagnostic>,
    /// What the build checks found before that.
    pub warnings: Vec<Diagnostic>,
}

impl Converter {
    /// The converter of a Dockerfile's text.
    ///
    /// # Errors
    /// [`Rejected`] where the text is no Dockerfile.
    pub fn new(source: Source) -> Result<Self, Rejected> {
        Ok(Self { source })
    }

    /// The Dockerfile's text.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The graph for one platform, or what is needed to make it. `platform` is one of
    /// `options.platforms`, or `None` where that is empty.
    ///
    /// # Errors
    /// [`Rejected`] where BuildKit rejects the Dockerfile with these options.
    pub fn convert(
        &self,
        options: &Options,
        platform: Option<&Platform>,
        facts: &Facts,
    ) -> Result<Answer, Rejected> {
        let _ = (options, platform, facts);
        Err(Rejected { error: Box::new(Diagnostic::error("not built yet")), warnings: Vec::new() })
    }
}

/// Looks facts up: in a lock file, at buildkitd, on disk.
pub trait Resolver {
    /// Answers every need, all at once where that is possible. A need without an answer in the result
    /// is a bug of the resolver.
    fn resolve(
        &self,
        needs: &BTreeSet<Need>,
    ) -> impl Future<Output = Vec<(Need, Result<Fact, Failure>)>> + Send;
}

/// One conversion for each platform of the options, or a single one without a platform.
#[derive(Debug)]
pub struct Converted {
    /// The conversions in the order of the options' platforms. Warnings are in the first one only.
    pub builds: Vec<(Option<Platform>, Conversion)>,
    /// Every fact that was used, to write an image lock from.
    pub facts: Facts,
}

/// Converts a Dockerfile for every platform that the options ask for.
///
/// # Errors
/// [`Rejected`] where BuildKit rejects it.
pub async fn convert(
    source: &Source,
    options: &Options,
    resolver: &impl Resolver,
) -> Result<Converted, Rejected> {
    let converter = Converter::new(source.clone())?;
    let mut facts = Facts::new();
    let platforms: Vec<Option<Platform>> = if options.platforms.is_empty() {
        vec![None]
    } else {
        options.platforms.iter().cloned().map(Some).collect()
    };
    let mut done: BTreeMap<usize, Conversion> = BTreeMap::new();
    while done.len() < platforms.len() {
        let mut needs = BTreeSet::new();
        for (index, platform) in platforms.iter().enumerate() {
            if done.contains_key(&index) {
                continue;
            }
            match converter.convert(options, platform.as_ref(), &facts)? {
                Answer::Need(more) => needs.extend(more),
                Answer::Done(mut conversion) => {
                    if index > 0 {
                        conversion.warnings.clear();
                    }
                    done.insert(index, *conversion);
                }
            }
        }
        if !needs.is_empty() {
            facts.extend(resolver.resolve(&needs).await);
        }
    }
    Ok(Converted { builds: platforms.into_iter().zip(done.into_values()).collect(), facts })
}
