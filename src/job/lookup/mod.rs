//! Answers to what the converter needs to know: from buildkitd, a lock file, or files on this machine.
//!
//! [`convert`] drives a conversion: it asks, has everything that is needed looked up at once, and asks again.

mod files;
pub(super) mod gateway;
mod lock;
mod placeholder_images;

pub use files::{LocalFiles, UnreadableIgnoreFile, own_ignore_file};
pub use lock::{ImageLock, LockError, LockResolver};
pub use placeholder_images::PlaceholderImages;

use std::collections::BTreeMap;
use std::future::Future;

use crate::converter::lower::NamesInUse;
use crate::converter::plan::{Fact, FactFailure, Facts, Need, Needs, Options};
use crate::converter::{Conversion, ConversionState, Converter, Rejected};
use crate::diag::{Diagnostic, Source};
use crate::image::Platform;

/// Looks facts up: in a lock file, at buildkitd, on disk.
pub trait Resolver {
    /// Answers every need, all at once where that is possible. A need without an answer in the result
    /// is a bug of the resolver.
    fn resolve(&self, needs: &Needs) -> impl Future<Output = Vec<(Need, Result<Fact, FactFailure>)>> + Send;
}

/// One conversion for each platform of the options, or a single one without a platform.
#[derive(Debug)]
pub struct Converted {
    /// The conversions in the order of the options' platforms. Warnings are in the first one only.
    pub builds: Vec<(Option<Platform>, Conversion)>,
    /// Every fact that was used, to write an image lock from.
    pub facts: Facts,
    /// The Dockerfile.
    pub source: Source,
}

impl Converted {
    /// Returns the names that options may refer to, on any of the platforms; `None` where the options did not ask for them.
    pub fn names_in_use(&self) -> Option<NamesInUse> {
        let of_builds = self.builds.iter().map(|(_, build)| build.lowered.names_in_use.clone());
        of_builds.collect::<Option<Vec<_>>>()?.into_iter().reduce(|mut all, names| {
            all.extend(names);
            all
        })
    }
}

/// Parses a Dockerfile and converts it for every platform that the options ask for. The frontend that it names is not
/// looked at: BuildKit's converter does not look at it either, what calls the converter does.
///
/// # Errors
/// [`Rejected`] where BuildKit rejects it.
pub async fn convert(
    source: &Source,
    options: &Options,
    resolver: &impl Resolver,
) -> Result<Converted, Rejected> {
    convert_parsed(&Converter::new(source.clone(), options)?, options, resolver).await
}

/// Converts a Dockerfile that was parsed, for every platform that the options ask for.
///
/// # Errors
/// [`Rejected`] where BuildKit rejects it.
pub(super) async fn convert_parsed(
    converter: &Converter,
    options: &Options,
    resolver: &impl Resolver,
) -> Result<Converted, Rejected> {
    let mut facts = Facts::new();
    let platforms: Vec<Option<Platform>> = if options.platforms.is_empty() {
        vec![None]
    } else {
        options.platforms.iter().cloned().map(Some).collect()
    };
    let mut pending = Vec::new();
    for (index, platform) in platforms.iter().enumerate() {
        pending.push((index, converter.start(options, platform.as_ref())?));
    }
    let mut done: BTreeMap<usize, Conversion> = BTreeMap::new();
    while !pending.is_empty() {
        let mut needs = Needs::new();
        for (index, conversion) in std::mem::take(&mut pending) {
            match conversion.resume(&facts)? {
                ConversionState::Need(conversion, more) => {
                    needs.extend(more);
                    pending.push((index, conversion));
                }
                ConversionState::Done(mut conversion) => {
                    if index > 0 {
                        conversion.warnings.clear();
                    }
                    done.insert(index, *conversion);
                }
            }
        }
        if !needs.is_empty() {
            facts.extend(resolver.resolve(&needs).await);
            if let Some(need) = needs.iter().map(|(need, _)| need).find(|need| facts.get(need).is_none()) {
                let error = Box::new(Diagnostic::error(format!("nobody could look up {need:?}")));
                return Err(Rejected { error, warnings: Vec::new() });
            }
        }
    }
    let builds = platforms.into_iter().zip(done.into_values()).collect();
    Ok(Converted { builds, facts, source: converter.source().clone() })
}
