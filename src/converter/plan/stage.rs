//! The stages of a plan.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use smol_str::SmolStr;

use super::context::{LoadedContext, NamedContext};
use crate::converter::dockerfile::{self, Instruction};
use crate::diag::Span;
use crate::gotext::to_lower;
use crate::image::{ImageConfig, Platform, Reference};

/// Which stage of a plan: its index in [`Plan::stages`](super::Plan::stages).
pub type StageId = usize;

/// A stage of the Dockerfile, or an image that COPY or RUN reads from.
#[derive(Debug, Clone)]
pub struct Stage<'a> {
    /// The stage's name in lower case, empty if it has none.
    pub name: String,
    /// The name that steps show: `stage-N` without one, nothing where the Dockerfile has one stage only.
    pub label: String,
    /// The expanded name of what it builds on; normalised once an image is looked up.
    pub base_name: String,
    /// The FROM instruction, `None` for an image that COPY or RUN reads from.
    pub from: Option<&'a dockerfile::Stage>,
    /// The lines that errors about its base name: those of FROM or COPY, none for RUN.
    pub span: Option<Span>,
    /// The platform: as FROM says, then that of the base.
    pub platform: Option<Platform>,
    /// What it builds on.
    pub base: Base,
    /// Its instructions, the base's triggers first.
    pub commands: Vec<Command<'a>>,
    /// The stages that its instructions read from, each with the lines of the last one that does.
    pub(super) reads: Reads,
    /// How many steps its names count.
    pub steps: usize,
    /// How many steps they counted when the step of FROM got its name: triggers come later.
    pub steps_at_from: usize,
    /// How many of them come before its instructions.
    pub steps_before: usize,
    /// Whether its steps run even if they are cached.
    pub no_cache: bool,
    /// Whether its instructions are left out: its files are taken as they are.
    pub ready: bool,
    /// What the planner has done to it already.
    pub(super) progress: Progress,
}

/// What a stage builds on.
#[derive(Debug, Clone)]
pub enum Base {
    /// An earlier stage.
    Stage(StageId),
    /// Nothing: `FROM scratch`.
    Scratch,
    /// An image.
    Image {
        /// Its reference with the digest.
        reference: Reference,
        /// Its configuration, triggers taken out.
        config: Arc<ImageConfig>,
        /// Whether it has no layers: it is then the same as scratch, apart from its configuration.
        empty: bool,
    },
    /// A named context in place of the image in FROM: the stage's instructions build on it.
    Context(Box<(NamedContext, LoadedContext)>),
    /// A named context in place of the whole stage.
    Replaced(Box<(NamedContext, Option<LoadedContext>)>),
    /// Not looked up: nothing needs it.
    Unknown,
}

impl Base {
    /// What the named context holds, where it is one that is looked up.
    pub fn loaded(&self) -> Option<&LoadedContext> {
        match self {
            Self::Context(context) => Some(&context.1),
            Self::Replaced(context) => context.1.as_ref(),
            _ => None,
        }
    }

    /// The configuration of the image, where it is one.
    pub fn config(&self) -> Option<&Arc<ImageConfig>> {
        match self {
            Self::Image { config, .. } => Some(config),
            _ => self.loaded()?.config(),
        }
    }
}

/// An instruction, and where it reads from.
#[derive(Debug, Clone)]
pub struct Command<'a> {
    /// The instruction.
    pub instruction: InstructionRef<'a>,
    /// COPY: the stage that it copies from, if any. RUN: the stage of each mount.
    pub sources: Vec<StageId>,
    /// Whether it is a trigger of the base.
    pub on_build: bool,
}

/// An instruction of the Dockerfile, or one that a trigger of the base stands for.
#[derive(Debug, Clone)]
pub enum InstructionRef<'a> {
    /// An instruction of the Dockerfile.
    Dockerfile(&'a Instruction),
    /// The instruction that a trigger of the base stands for.
    Trigger(Box<Instruction>),
}

impl Deref for InstructionRef<'_> {
    type Target = Instruction;

    fn deref(&self) -> &Instruction {
        match self {
            Self::Dockerfile(instruction) => instruction,
            Self::Trigger(instruction) => instruction,
        }
    }
}

/// What the planner has done to a stage.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Progress {
    /// Its base was looked up because something needs it.
    pub(super) resolved: bool,
    /// The triggers of the base stage were added.
    pub(super) triggered: bool,
    /// The triggers of the image were added.
    pub(super) image_triggered: bool,
}

/// Stages that are read from, each once, in the order in which they were first named.
#[derive(Debug, Clone, Default)]
pub(super) struct Reads {
    index: BTreeMap<StageId, usize>,
    list: Vec<(StageId, Option<Span>)>,
}

impl Reads {
    pub(super) fn add(&mut self, stage: StageId, span: Span) {
        let next = self.list.len();
        let position = *self.index.entry(stage).or_insert(next);
        if position == next {
            self.list.push((stage, Some(span)));
        } else {
            self.list[position].1 = Some(span);
        }
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (StageId, Option<Span>)> {
        self.list.iter().copied()
    }

    pub(super) fn get(&self, position: usize) -> Option<(StageId, Option<Span>)> {
        self.list.get(position).copied()
    }
}

impl<'a> Stage<'a> {
    /// An image that the instruction at `span` reads from.
    pub(super) fn image(base_name: &str, span: Option<Span>) -> Self {
        Self {
            name: String::new(),
            label: String::new(),
            base_name: base_name.to_owned(),
            from: None,
            span,
            platform: None,
            base: Base::Unknown,
            commands: Vec::new(),
            reads: Reads::default(),
            steps: 0,
            steps_at_from: 0,
            steps_before: 0,
            no_cache: false,
            ready: false,
            progress: Progress::default(),
        }
    }

    /// The stage that this one builds on, if it is one.
    pub const fn parent(&self) -> Option<StageId> {
        match self.base {
            Base::Stage(parent) => Some(parent),
            _ => None,
        }
    }

    /// A stage of the Dockerfile, its base not known yet.
    pub(super) fn new(from: &'a dockerfile::Stage, base_name: &str) -> Self {
        Self {
            name: from.name.clone(),
            label: from.name.clone(),
            from: Some(from),
            ..Self::image(base_name, Some(from.head.span))
        }
    }
}

/// The stages in order, found by name.
#[derive(Debug, Default)]
pub(super) struct Stages<'a> {
    pub(super) list: Vec<Stage<'a>>,
    by_name: BTreeMap<SmolStr, StageId>,
    /// The stages as `COPY --from=INDEX` counts them.
    numbered: Vec<StageId>,
}

impl<'a> Stages<'a> {
    /// No stages, with room for some.
    pub(super) fn with_capacity(stages: usize) -> Self {
        let (list, numbered) = (Vec::with_capacity(stages), Vec::with_capacity(stages));
        Self { list, by_name: BTreeMap::new(), numbered }
    }

    /// Adds a stage, on top of the earlier stage that its base names, if there is one. Names of stages
    /// are in lower case here, so that FROM finds them only in lower case.
    pub(super) fn add(&mut self, mut stage: Stage<'a>) -> StageId {
        let id = self.list.len();
        if let Some(&parent) = self.by_name.get(stage.base_name.as_str())
            && matches!(stage.base, Base::Unknown)
        {
            stage.base = Base::Stage(parent);
        }
        if !stage.name.is_empty() {
            self.by_name.insert(to_lower(&stage.name), id);
        }
        self.list.push(stage);
        self.numbered.push(id);
        id
    }

    /// The stage with a number. BuildKit gives an image that COPY or RUN reads from one more number each
    /// time that it is found by its number.
    pub(super) fn at(&mut self, number: usize) -> Option<StageId> {
        let id = *self.numbered.get(number)?;
        if self.list[id].from.is_none() {
            self.numbered.push(id);
        }
        Some(id)
    }

    pub(super) fn named(&self, name: &str) -> Option<StageId> {
        self.by_name.get(&to_lower(name)).copied()
    }

    /// The names that steps show, for suggestions.
    pub(super) fn labels(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|stage| stage.label.as_str()).filter(|label| !label.is_empty())
    }
}
