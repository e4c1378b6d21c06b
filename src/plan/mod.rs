//! From a Dockerfile's instructions to a plan: stages, arguments, bases and what the target needs.
//!
//! Planning never fetches. It is asked with the facts so far and answers with what it needs, or with
//! the plan ("ask, don't fetch").

mod args;
mod build;
mod context;
pub mod env;
mod epoch;
mod error;
pub mod git;
mod need;
mod notice;
mod options;
pub mod paths;
mod resolve;
mod stage;
mod url;

use std::collections::{BTreeMap, BTreeSet};

pub use args::BuildArgs;
pub use context::{LoadedContext, NamedContext, RemoteSource};
pub use env::EnvList;
pub use error::{Error, ErrorKind};
pub use need::{Fact, Facts, Failure, IgnoreFile, ImageFact, Need};
pub use notice::{Notice, NoticeKind};
pub use options::{Context, Network, NoCache, Options, OptionsError, ResolveMode, Ulimit};
pub use stage::{Base, Command, Stage, StageId};

use crate::dockerfile::Dockerfile;
use crate::image::Platform;
use crate::shell::Lex;
use build::Planner;
use epoch::Epoch;
use stage::Stages;

/// What planning answers.
#[derive(Debug)]
pub enum Answer<'a> {
    /// Facts that are missing. Find out all of them at once and ask again.
    Need(BTreeSet<Need>),
    /// The plan.
    Ready(Box<Plan<'a>>),
}

/// What is built from what.
#[derive(Debug)]
pub struct Plan<'a> {
    /// The options.
    pub options: &'a Options,
    /// The escape character of the Dockerfile.
    pub escape: char,
    /// The stages of the Dockerfile in order, then the images that COPY and RUN read from.
    pub stages: Vec<Stage<'a>>,
    /// Whether the target needs a stage, by its place.
    pub needed: Vec<bool>,
    /// The stage to build.
    pub target: StageId,
    /// Arguments before the first FROM.
    pub global_args: EnvList,
    /// Arguments of the options.
    pub build_args: BuildArgs<'a>,
    /// `SOURCE_DATE_EPOCH` in seconds since 1970.
    pub epoch: Option<i64>,
    /// The platform to build for.
    pub platform: Platform,
    /// Whether the platform is the builder's because none was asked for.
    pub implicit_platform: bool,
    /// The main context where it is not a folder of the client, and its step's name.
    pub remote_context: Option<(RemoteSource, String)>,
    /// The ignore file of the main context.
    pub ignore: Option<IgnoreFile>,
}

/// The plan of a Dockerfile for one platform, or what is needed to make it. `platform` is one of
/// `options.platforms`, or `None` where that is empty. What build checks report is added to `notices`,
/// also where planning fails.
///
/// # Errors
/// [`Error`] where BuildKit rejects the Dockerfile with these options and facts.
pub fn plan<'a>(
    dockerfile: &'a Dockerfile,
    options: &'a Options,
    platform: Option<&Platform>,
    facts: &Facts,
    notices: &mut Vec<Notice>,
) -> Result<Answer<'a>, Error> {
    let target_platform = platform.unwrap_or(&options.build_platform).clone();
    let last = dockerfile.stages.last().map_or("", |stage| stage.name.as_str());
    let target_name = if options.target.is_empty() { last } else { &options.target };
    let defaults = args::default_args(options, &target_platform, target_name);
    let lex = Lex::new(dockerfile.escape);
    let build_args = BuildArgs::new(&options.build_args);
    let (global_args, declared) =
        args::meta_args(defaults.clone(), lex, &dockerfile.meta_args, Some(&build_args))?;
    let mut planner = Planner {
        options,
        lex,
        global_args,
        build_args,
        asked_platform: platform.cloned(),
        target_platform,
        known_args: declared.into_iter().map(str::to_owned).collect(),
        stages: Stages::default(),
        triggered: BTreeMap::new(),
        notices,
    };
    planner.check_default_bases(dockerfile, &defaults);
    let mut needs = BTreeSet::new();
    let Epoch::Known(epoch) = planner.resolve_epoch(&dockerfile.stages, facts, &mut needs)? else {
        return Ok(Answer::Need(needs));
    };
    planner.add_stages(&dockerfile.stages)?;
    let target = planner.target()?;
    planner.add_commands()?;
    let needed = planner.resolve(target, facts, &mut needs)?;
    let remote_context = context::main_context(options)?;
    let mut ignore = None;
    if remote_context.is_none()
        && let Some(answer) = context::ignore(Need::Ignore, facts, &mut needs)?
    {
        ignore = answer.0;
    }
    if !needs.is_empty() {
        return Ok(Answer::Need(needs));
    }
    Ok(Answer::Ready(Box::new(Plan {
        options,
        escape: dockerfile.escape,
        stages: planner.stages.list,
        needed,
        target,
        global_args: planner.global_args,
        build_args: planner.build_args,
        epoch,
        platform: planner.target_platform,
        implicit_platform: platform.is_none(),
        remote_context,
        ignore,
    })))
}

#[cfg(test)]
mod tests;
