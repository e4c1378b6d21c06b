//! From a Dockerfile's instructions to a plan: stages, arguments, bases and what the target needs.
//!
//! Planning never fetches. It is asked with the facts so far and answers with what it needs, or with
//! the plan ("ask, don't fetch").

mod args;
mod build;
mod context;
mod error;
mod need;
mod notice;
mod options;
pub mod paths;
mod resolve;
mod stage;

use std::collections::{BTreeMap, BTreeSet};

pub use args::{BuildArgs, EnvList, GlobalArg, env};
pub(in crate::converter) use args::{DEFAULT_ARGS, EPOCH};
pub use context::remote_source::RemoteSource;
pub use context::{LoadedContext, NamedContext, git, main_context};
pub use error::{Error, ErrorKind};
pub use need::{Fact, FactFailure, Facts, IgnoreFile, ImageFact, Need, Needs};
pub use notice::{Notice, NoticeKind};
pub use options::{Context, LinuxResources, Network, NoCache, Options, OptionsError, ResolveMode, Ulimit};
pub use stage::{Base, Command, InstructionRef, Stage, StageId};

use super::dockerfile::{Dockerfile, MetaArg};
use super::shell::Lex;
use crate::image::Platform;
use args::epoch::Epoch;
use build::Planner;
use stage::Stages;

/// How far planning came with the facts that it was given.
#[derive(Debug)]
pub enum PlanState<'a> {
    /// Facts that are missing. Find out all of them at once and ask again.
    Need(Needs),
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
    /// How they are declared.
    pub meta_args: &'a [MetaArg],
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

/// The making of a plan: it goes on from where facts were missing.
#[derive(Debug)]
pub struct Planning<'a> {
    dockerfile: &'a Dockerfile,
    planner: Planner<'a>,
    phase: Phase,
}

/// How far planning has come.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Nothing is done.
    New,
    /// The arguments are known, up to `SOURCE_DATE_EPOCH`.
    Arguments,
    /// The stages are known, up to what they build on.
    Stages { target: StageId, epoch: Option<i64> },
}

impl<'a> Planning<'a> {
    /// The making of a plan for one platform: one of `options.platforms`, or `None` where that is empty.
    pub fn new(dockerfile: &'a Dockerfile, options: &'a Options, platform: Option<&Platform>) -> Self {
        let planner = Planner {
            options,
            lex: Lex::new(dockerfile.escape),
            global_args: EnvList::new(),
            build_args: BuildArgs::new(&options.build_args),
            asked_platform: platform.cloned(),
            target_platform: platform.unwrap_or(&options.build_platform).clone(),
            known_args: BTreeSet::new(),
            stages: Stages::with_capacity(dockerfile.stages.len()),
            triggered: BTreeMap::new(),
            notices: Vec::new(),
        };
        Self { dockerfile, planner, phase: Phase::New }
    }

    /// The plan, or what is needed to make it. After the plan there is nothing more to ask.
    ///
    /// # Errors
    /// [`Error`] where BuildKit rejects the Dockerfile with these options and facts.
    pub fn resume(&mut self, facts: &Facts) -> Result<PlanState<'a>, Error> {
        let (dockerfile, planner) = (self.dockerfile, &mut self.planner);
        let mut needs = Needs::new();
        if let Phase::New = self.phase {
            planner.declare_args(dockerfile)?;
            self.phase = Phase::Arguments;
        }
        if let Phase::Arguments = self.phase {
            let Epoch::Known(epoch) = planner.resolve_epoch(&dockerfile.stages, facts, &mut needs)? else {
                return Ok(PlanState::Need(needs));
            };
            planner.add_stages(&dockerfile.stages)?;
            let target = planner.target()?;
            planner.add_commands()?;
            self.phase = Phase::Stages { target, epoch };
        }
        let Phase::Stages { target, epoch } = self.phase else { return Ok(PlanState::Need(needs)) };
        let needed = planner.resolve(target, facts, &mut needs)?;
        let remote_context = main_context(planner.options)?;
        let mut ignore = None;
        if remote_context.is_none()
            && let Some(file) = context::ignore(Need::Ignore, String::new, facts, &mut needs)?
        {
            ignore = file.0;
        }
        if !needs.is_empty() {
            return Ok(PlanState::Need(needs));
        }
        Ok(PlanState::Ready(Box::new(Plan {
            options: planner.options,
            escape: dockerfile.escape,
            stages: std::mem::take(&mut planner.stages.list),
            needed,
            target,
            global_args: std::mem::take(&mut planner.global_args),
            meta_args: &dockerfile.meta_args,
            build_args: planner.build_args.clone(),
            epoch,
            platform: planner.target_platform.clone(),
            implicit_platform: planner.asked_platform.is_none(),
            remote_context,
            ignore,
        })))
    }

    /// What build checks report so far.
    pub fn into_notices(self) -> Vec<Notice> {
        self.planner.notices
    }
}

#[cfg(test)]
mod tests;
