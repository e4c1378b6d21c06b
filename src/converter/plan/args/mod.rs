//! Build arguments before and outside stages.

pub mod env;
pub(super) mod epoch;

use std::collections::{BTreeMap, BTreeSet};

use smol_str::SmolStr;

use super::error::Error;
use super::options::Options;
use crate::converter::dockerfile::MetaArg;
use crate::converter::shell::Lex;
use crate::image::Platform;
pub use env::EnvList;
use env::Variable;

/// The build arguments of the options, with `SOURCE_DATE_EPOCH` replaced by the time that it resolved to.
#[derive(Debug, Clone)]
pub struct BuildArgs<'a> {
    given: &'a BTreeMap<String, String>,
    /// What `SOURCE_DATE_EPOCH` is now.
    epoch: Epoch,
}

/// The value of `SOURCE_DATE_EPOCH`.
#[derive(Debug, Clone)]
enum Epoch {
    AsGiven,
    Seconds(String),
    /// It means no time: it counts as not given.
    Gone,
}

pub(super) const EPOCH: &str = "SOURCE_DATE_EPOCH";

impl<'a> BuildArgs<'a> {
    pub(super) const fn new(given: &'a BTreeMap<String, String>) -> Self {
        Self { given, epoch: Epoch::AsGiven }
    }

    /// The value that was given for an argument.
    pub fn get(&self, name: &str) -> Option<&str> {
        match &self.epoch {
            Epoch::Seconds(value) if name == EPOCH => Some(value),
            Epoch::Gone if name == EPOCH => None,
            _ => self.given.get(name).map(String::as_str),
        }
    }

    /// The arguments that were given, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.given.keys().filter_map(|name| Some((name.as_str(), self.get(name)?)))
    }

    pub(super) fn resolve_epoch(&mut self, value: &str) {
        if self.given.contains_key(EPOCH) {
            self.epoch = if value.is_empty() { Epoch::Gone } else { Epoch::Seconds(value.to_owned()) };
        }
    }
}

/// The arguments that every Dockerfile may use, `TARGETPLATFORM` and its like, in BuildKit's order
/// (`defaultArgs` in dockerfile2llb/platform.go).
pub(super) fn default_args(options: &Options, target: &Platform, stage: &str) -> EnvList {
    let build = &options.build_platform;
    let stage = if stage.is_empty() { "default" } else { stage };
    let given = |name: &'static str, value: &SmolStr| Variable {
        name: SmolStr::new_static(name),
        value: options.build_args.get(name).map_or_else(|| value.clone(), SmolStr::from),
    };
    EnvList::of_distinct([
        given("BUILDPLATFORM", &build.short()),
        given("BUILDOS", &build.os),
        given("BUILDOSVERSION", &build.os_version),
        given("BUILDARCH", &build.architecture),
        given("BUILDVARIANT", &build.variant),
        given("TARGETPLATFORM", &target.text()),
        given("TARGETOS", &target.os),
        given("TARGETOSVERSION", &target.os_version),
        given("TARGETARCH", &target.architecture),
        given("TARGETVARIANT", &target.variant),
        given("TARGETSTAGE", &stage.into()),
    ])
}

/// `args` with the arguments that stand before the first FROM, and the names of all of those.
pub(super) fn meta_args<'d>(
    mut args: EnvList,
    lex: Lex,
    declared: &'d [MetaArg],
    build_args: Option<&BuildArgs<'_>>,
) -> Result<(EnvList, BTreeSet<&'d str>), Error> {
    let mut names = BTreeSet::new();
    for meta in declared {
        for pair in &meta.arg.pairs {
            let value = match (build_args.and_then(|given| given.get(&pair.key)), &pair.value) {
                (Some(given), _) => Some(given.to_owned()),
                (None, Some(default)) => {
                    let word = lex.process_word(default, &args);
                    Some(word.map_err(|error| Error::from(error).or_at(Some(meta.head.span)))?.text)
                }
                (None, None) => None,
            };
            if let Some(value) = value {
                args.set(&pair.key, &value);
            }
            names.insert(pair.key.as_str());
        }
    }
    Ok((args, names))
}
