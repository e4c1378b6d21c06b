//! The converter: a Dockerfile's text and answers in; graph, configuration and warnings out.
//!
//! [`Converter`] is pure. [`convert`] drives it: asks, has everything that it needs looked up at once,
//! asks again.
//!
//! ```text
//! text ─ Converter::new ─▶ Converter ─ start(options, platform) ─▶ Pending ─ answer(facts) ─▶ Done(…)
//!                                                                    ▲          │
//!                                                                    └─ Need(…)─┘
//! ```

mod files;
mod lock;
mod plain_images;

pub use files::{LocalFiles, UnreadableIgnoreFile, own_ignore_file};
pub use llb::{Definition, MarshalError};
pub use lock::{ImageLock, LockError, LockResolver};
pub use plain_images::PlainImages;

// What a caller hands in and gets out, under one roof.
pub use crate::converter::dockerfile::parse_ram_in_bytes;
pub use crate::converter::lint::{RULES, Rule, Warning, rule};
pub use crate::converter::plan::git::GitRef;
pub use crate::converter::plan::{Context, IgnoreFile, Network, NoCache, Options, ResolveMode, Ulimit};

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;

use llb::MarshalOptions;

use crate::converter::dockerfile::{self, Dockerfile, Fact};
use crate::converter::lint::{Report, Settings};
use crate::converter::lower::{self, Lowered};
use crate::converter::plan::{self, Facts, Failure, Need, Planning};
use crate::diag::{Diagnostic, Source};
use crate::image::{ImageConfig, Platform};

/// A Dockerfile that was read, ready to be converted for any options and platform.
#[derive(Debug)]
pub struct Converter {
    source: Source,
    dockerfile: Dockerfile,
    /// What the parser saw.
    facts: Vec<Fact>,
}

/// What a conversion answers.
#[derive(Debug)]
pub enum Answer<'a> {
    /// Facts that are missing. Find out all of them at once and ask again.
    Need(Pending<'a>, BTreeSet<Need>),
    /// The graph, and what the build checks found.
    Done(Box<Conversion>),
}

/// A finished conversion.
#[derive(Debug)]
pub struct Conversion {
    /// Graph and configuration.
    pub lowered: Lowered,
    /// What the build checks found, in BuildKit's order.
    pub warnings: Vec<Warning>,
}

impl Conversion {
    /// The graph as buildkitd takes it, with what goes with it. `local_unique_id` marks local sources that
    /// no session provides.
    ///
    /// # Errors
    /// [`MarshalError`] for an op that cannot be encoded; conversion leaves none.
    pub fn marshal(self, local_unique_id: impl Into<String>) -> Result<Marshalled, MarshalError> {
        let Lowered { graph, root, platform, image, base, epoch } = self.lowered;
        let options = MarshalOptions::new(lower::llb_platform(&platform), local_unique_id);
        let definition = graph.marshal(root, &options)?;
        Ok(Marshalled { definition, image, base, epoch, warnings: self.warnings })
    }
}

/// A conversion whose graph is encoded.
#[derive(Debug)]
pub struct Marshalled {
    /// The graph.
    pub definition: Definition,
    /// The image's configuration.
    pub image: ImageConfig,
    /// The configuration of the image that the target builds on, if there is one
    /// (`containerimage.base.config`).
    pub base: Option<Arc<ImageConfig>>,
    /// `SOURCE_DATE_EPOCH` in seconds since 1970, where it is set.
    pub epoch: Option<i64>,
    /// What the build checks found, in BuildKit's order.
    pub warnings: Vec<Warning>,
}

/// A Dockerfile that is rejected.
#[derive(Debug)]
pub struct Rejected {
    /// What is wrong, and where.
    pub error: Box<Diagnostic>,
    /// What the build checks found before that.
    pub warnings: Vec<Warning>,
}

impl Converter {
    /// The converter of a Dockerfile's text. `options` say only how its build checks are set.
    ///
    /// # Errors
    /// [`Rejected`] where the text is no Dockerfile.
    pub fn new(source: Source, options: &Options) -> Result<Self, Rejected> {
        let mut facts = Vec::new();
        match dockerfile::parse(&source, &mut facts) {
            Ok(dockerfile) => Ok(Self { source, dockerfile, facts }),
            Err(error) => {
                let settings = settings(&source, options)?;
                let mut report = Report::default();
                report.add_facts(&facts, &settings);
                Err(Rejected { error: Box::new(error.diagnostic(&source)), warnings: report.warnings })
            }
        }
    }

    /// The Dockerfile's text.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The conversion for one platform: one of `options.platforms`, or `None` where that is empty.
    ///
    /// # Errors
    /// [`Rejected`] where the settings of the build checks mean nothing.
    pub fn start<'a>(
        &'a self,
        options: &'a Options,
        platform: Option<&Platform>,
    ) -> Result<Pending<'a>, Rejected> {
        let settings = settings(&self.source, options)?;
        let planning = Box::new(Planning::new(&self.dockerfile, options, platform));
        Ok(Pending { converter: self, settings, planning })
    }
}

/// A conversion for which facts may be missing.
#[derive(Debug)]
pub struct Pending<'a> {
    converter: &'a Converter,
    settings: Settings,
    planning: Box<Planning<'a>>,
}

impl<'a> Pending<'a> {
    /// The graph, or what is needed to make it before this is asked again.
    ///
    /// # Errors
    /// [`Rejected`] where BuildKit rejects the Dockerfile with these options.
    pub fn answer(mut self, facts: &Facts) -> Result<Answer<'a>, Rejected> {
        let source = &self.converter.source;
        let planned = match self.planning.answer(facts) {
            Ok(plan::Answer::Need(needs)) => return Ok(Answer::Need(self, needs)),
            Ok(plan::Answer::Ready(plan)) => Ok(plan),
            Err(error) => Err(Box::new(error.diagnostic(source))),
        };
        let settings = self.settings;
        let mut notices = self.planning.into_notices();
        let lowered = planned.and_then(|plan| {
            lower::lower(&plan, source, &mut notices).map_err(|error| Box::new(error.diagnostic(source)))
        });
        let mut report = Report::default();
        report.add_facts(&self.converter.facts, &settings);
        report.add_dockerfile(&self.converter.dockerfile, &settings);
        report.add_notices(&notices, &settings);
        let violated = report.violated(&settings);
        let warnings = report.warnings;
        let lowered = match lowered {
            Ok(lowered) => lowered,
            Err(error) => return Err(Rejected { error, warnings }),
        };
        if let Some(rules) = violated {
            let rules: Vec<&str> = rules.into_iter().collect();
            let text = format!("lint violation found for rules: {}", rules.join(", "));
            return Err(Rejected { error: Box::new(Diagnostic::error(text)), warnings });
        }
        Ok(Answer::Done(Box::new(Conversion { lowered, warnings })))
    }
}

fn settings(source: &Source, options: &Options) -> Result<Settings, Rejected> {
    Settings::of(options.check.as_deref(), source.bytes()).map_err(|error| Rejected {
        error: Box::new(Diagnostic::error(error.to_string())),
        warnings: Vec::new(),
    })
}

/// Looks facts up: in a lock file, at buildkitd, on disk.
pub trait Resolver {
    /// Answers every need, all at once where that is possible. A need without an answer in the result
    /// is a bug of the resolver.
    fn resolve(
        &self,
        needs: &BTreeSet<Need>,
    ) -> impl Future<Output = Vec<(Need, Result<plan::Fact, Failure>)>> + Send;
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
    let converter = Converter::new(source.clone(), options)?;
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
        let mut needs = BTreeSet::new();
        for (index, conversion) in std::mem::take(&mut pending) {
            match conversion.answer(&facts)? {
                Answer::Need(conversion, more) => {
                    needs.extend(more);
                    pending.push((index, conversion));
                }
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
            if let Some(need) = needs.iter().find(|need| facts.get(need).is_none()) {
                let error = Box::new(Diagnostic::error(format!("nobody could look up {need:?}")));
                return Err(Rejected { error, warnings: Vec::new() });
            }
        }
    }
    Ok(Converted { builds: platforms.into_iter().zip(done.into_values()).collect(), facts })
}
