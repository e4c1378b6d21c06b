//! Build arguments before and outside stages.

pub mod env;
pub(super) mod epoch;

use std::collections::{BTreeMap, BTreeSet};

use smol_str::SmolStr;

use super::Plan;
use super::error::Error;
use super::options::Options;
use crate::converter::dockerfile::{ArgPair, MetaArg};
use crate::converter::shell::Lex;
use crate::diag::Span;
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

pub(in crate::converter) const EPOCH: &str = "SOURCE_DATE_EPOCH";

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

/// The names of the arguments that every Dockerfile may use, in BuildKit's order (`defaultArgs` in
/// dockerfile2llb/platform.go).
pub(in crate::converter) const DEFAULT_ARGS: [&str; 11] = [
    "BUILDPLATFORM",
    "BUILDOS",
    "BUILDOSVERSION",
    "BUILDARCH",
    "BUILDVARIANT",
    "TARGETPLATFORM",
    "TARGETOS",
    "TARGETOSVERSION",
    "TARGETARCH",
    "TARGETVARIANT",
    "TARGETSTAGE",
];

/// The arguments that every Dockerfile may use, [`DEFAULT_ARGS`] with their values.
pub(super) fn default_args(options: &Options, target: &Platform, stage: &str) -> EnvList {
    let build = &options.build_platform;
    let stage = if stage.is_empty() { "default" } else { stage };
    let values: [SmolStr; DEFAULT_ARGS.len()] = [
        build.short(),
        build.os.clone(),
        build.os_version.clone(),
        build.architecture.clone(),
        build.variant.clone(),
        target.text(),
        target.os.clone(),
        target.os_version.clone(),
        target.architecture.clone(),
        target.variant.clone(),
        stage.into(),
    ];
    let mut values = values.into_iter();
    EnvList::of_distinct(DEFAULT_ARGS.map(|name| {
        let value = values.next().unwrap_or_default();
        let value = options.build_args.get(name).map_or(value, SmolStr::from);
        Variable { name: SmolStr::new_static(name), value }
    }))
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

/// An argument that is declared before the first FROM, as it is last declared there.
#[derive(Debug, Clone)]
pub struct GlobalArg<'a> {
    /// Its name, its default and what the comments above say of it.
    pub pair: &'a ArgPair,
    /// Its value, empty where it has none.
    pub value: String,
    /// The arguments that its value is made of.
    pub dependencies: BTreeSet<String>,
    /// The lines that declare it.
    pub span: Span,
}

impl<'a> Plan<'a> {
    /// Returns the arguments that are declared before the first FROM, by name (`buildMetaArgs`).
    pub fn global_args_in_detail(&self, lex: Lex) -> BTreeMap<&'a str, GlobalArg<'a>> {
        let from = self.stages[self.target].from;
        let target = from.map_or(self.options.target.as_str(), |from| &from.name);
        let mut env = default_args(self.options, &self.platform, target);
        let mut args: BTreeMap<&str, GlobalArg<'_>> = BTreeMap::new();
        let declared =
            self.meta_args.iter().flat_map(|meta| meta.arg.pairs.iter().map(move |pair| (meta, pair)));
        for (meta, pair) in declared {
            let mut dependencies = BTreeSet::new();
            let value = match (self.build_args.get(&pair.key), &pair.value) {
                (Some(given), _) => Some(given.to_owned()),
                // A value that cannot be expanded was an error before there was a plan.
                (None, Some(default)) => lex.process_word(default, &env).ok().map(|word| {
                    dependencies = word.matched;
                    if dependencies.remove(&pair.key) {
                        let before = args.get(pair.key.as_str());
                        dependencies.extend(before.iter().flat_map(|arg| arg.dependencies.iter().cloned()));
                    }
                    word.text
                }),
                (None, None) => None,
            };
            if let Some(value) = &value {
                env.set(&pair.key, value);
            }
            let value = value.unwrap_or_default();
            args.insert(&pair.key, GlobalArg { pair, value, dependencies, span: meta.head.span });
        }
        args
    }
}
