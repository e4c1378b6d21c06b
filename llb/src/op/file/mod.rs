//! File: copies, makes and removes files without running anything.

mod action;
mod owner;

pub use action::{
    Chmod, CopyAction, CopyFrom, FileAction, MkdirAction, MkfileAction, RmAction, SymlinkAction,
};
pub use owner::{Owner, UserRef};

use crate::fault::Fault;
use crate::field;
use crate::graph::{Output, count};
use crate::marshal::Inputs;
use crate::text::Text;
use crate::wire::Writer;

/// A chain of changes to a file system, each on top of the one before; the last one's result is the
/// op's. Add it with [`Graph::file`](crate::Graph::file).
///
/// ```
/// use llb::{Constraints, CopyAction, FileOp, Graph, LocalSource, MkdirAction, Output};
///
/// let mut graph = Graph::new();
/// let context = graph.source(LocalSource::new("context"), Constraints::default());
/// let mut file = FileOp::new(Output::SCRATCH);
/// file.push(MkdirAction::new("/srv/app", 0o755).with_make_parents(true));
/// file.push(CopyAction::new(context, "/*.html", "/srv/app/").with_allow_wildcard(true));
/// let pages = graph.file(file, Constraints::named("copy the pages"));
/// # let _ = pages;
/// ```
///
/// Source: `NewFileOp` in [client/llb/fileop.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/fileop.go).
#[derive(Clone, Debug, PartialEq)]
pub struct FileOp {
    base: Output,
    dir: Text,
    steps: Vec<Step>,
    /// Whether an action was pushed that refers to one which the op does not have.
    has_unknown_action: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct Step {
    parent: Parent,
    /// What the chain of parents starts from.
    base: Output,
    action: FileAction,
}

/// What an action of a [`FileOp`] changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parent {
    /// A file system of the graph.
    Base(Output),
    /// The result of an earlier action of the same op.
    Action(ActionId),
}

/// Stands for an action of a [`FileOp`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ActionId(u32);

impl FileOp {
    /// Returns a chain without actions yet on a base. User and group names of owners are looked up in
    /// the base.
    pub fn new(base: Output) -> Self {
        Self { base, dir: Text::new_static("/"), steps: Vec::new(), has_unknown_action: false }
    }

    /// Returns this chain with relative paths of its actions relative to `dir` rather than `/`. (The
    /// source of a copy is relative to the root of the file system that it is in.)
    #[must_use]
    pub fn in_dir(self, dir: impl Into<Text>) -> Self {
        Self { dir: dir.into(), ..self }
    }

    /// Returns what the first action changes.
    pub fn base(&self) -> Output {
        self.base
    }

    /// Returns the actions in their order.
    pub fn actions(&self) -> impl ExactSizeIterator<Item = &FileAction> {
        self.steps.iter().map(|step| &step.action)
    }

    /// Whether the chain has no actions. Such an op cannot be marshalled.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Adds an action on top of the last one, or on the base if it is the first.
    pub fn push(&mut self, action: impl Into<FileAction>) -> ActionId {
        let parent = match self.steps.len() {
            0 => Parent::Base(self.base),
            len => Parent::Action(ActionId(count(len - 1))),
        };
        self.push_on(parent, action)
    }

    /// Adds an action on top of something else than the last one. With this an op prepares files on
    /// the side and copies them with [`CopyFrom::Action`].
    ///
    /// If the parent or a copy's source is an action that this op does not have, the op cannot be marshalled
    /// ([`Fault::UnknownAction`]).
    pub fn push_on(&mut self, parent: Parent, action: impl Into<FileAction>) -> ActionId {
        let mut action = action.into();
        let id = ActionId(count(self.steps.len()));
        if let FileAction::Copy(copy) = &mut action
            && copy.from.action().is_some_and(|copied| self.step(copied).is_none())
        {
            copy.from = CopyFrom::Output(Output::SCRATCH);
            self.has_unknown_action = true;
        }
        let (parent, base) = match parent {
            Parent::Base(base) => (parent, base),
            Parent::Action(earlier) => {
                if let Some(earlier) = self.step(earlier) {
                    (parent, earlier.base)
                } else {
                    self.has_unknown_action = true;
                    (Parent::Base(self.base), self.base)
                }
            }
        };
        self.steps.push(Step { parent, base, action });
        id
    }

    fn step(&self, id: ActionId) -> Option<&Step> {
        self.steps.get(id.0 as usize)
    }

    pub(crate) fn check(&self) -> Result<(), Fault> {
        if self.has_unknown_action {
            return Err(Fault::UnknownAction);
        }
        if self.is_empty() { Err(Fault::NoActions) } else { Ok(()) }
    }

    /// Returns the file system that the result begins with: what the chain of the last action's parents
    /// starts from.
    pub fn result_base(&self) -> Output {
        self.steps.last().map_or(self.base, |last| last.base)
    }
}

impl Step {
    /// What the action takes from outside of the op.
    fn copied(&self) -> Option<Output> {
        match self.action.source() {
            Some(CopyFrom::Output(output)) => Some(output),
            Some(CopyFrom::Action(_)) | None => None,
        }
    }
}

impl FileOp {
    /// Calls `visit` with bases and sources in the order of `allOutputs` in `client/llb/fileop.go`:
    /// from the last action back, what an action copies before what it stands on.
    pub(crate) fn for_each_input(&self, mut visit: impl FnMut(Output)) {
        if self.is_chain() {
            for step in self.steps.iter().rev() {
                visit(step.base);
                step.copied().into_iter().for_each(&mut visit);
            }
            return;
        }
        let mut seen = vec![false; self.steps.len()];
        let mut waiting = Vec::new();
        let mut next = self.steps.len().checked_sub(1);
        while let Some(at) = next {
            if !std::mem::replace(&mut seen[at], true) {
                let step = &self.steps[at];
                visit(step.base);
                if let Parent::Action(parent) = step.parent {
                    waiting.push(parent.0 as usize);
                }
                match step.action.source() {
                    Some(CopyFrom::Output(output)) => visit(output),
                    Some(CopyFrom::Action(id)) => waiting.push(id.0 as usize),
                    None => {}
                }
            }
            next = waiting.pop();
        }
    }

    /// Whether each action stands on the one before, and none is copied from.
    fn is_chain(&self) -> bool {
        self.steps.iter().enumerate().all(|(at, step)| {
            let in_order = match step.parent {
                Parent::Base(_) => at == 0,
                Parent::Action(parent) => parent.0 as usize + 1 == at,
            };
            in_order && !matches!(step.action.source(), Some(CopyFrom::Action(_)))
        })
    }

    /// Writes the actions. An action's input is an input of the op, or, after those, an earlier
    /// action; only the last one's result is an output.
    pub(crate) fn encode(&self, w: &mut Writer, inputs: &mut Inputs<'_>) {
        for step in &self.steps {
            inputs.index_of(step.base);
            step.copied().map(|output| inputs.index_of(output));
        }
        let actions = inputs.len();
        let action_index = |id: ActionId| actions + i64::from(id.0);

        for (at, step) in self.steps.iter().enumerate() {
            let base = inputs.index_of(step.base);
            let input = match step.parent {
                Parent::Base(_) => base,
                Parent::Action(parent) => action_index(parent),
            };
            let secondary = match step.action.source() {
                Some(CopyFrom::Output(output)) => inputs.index_of(output),
                Some(CopyFrom::Action(id)) => action_index(id),
                None => -1,
            };
            let output = if at + 1 == self.steps.len() { 0 } else { -1 };
            w.message(field::file_op::ACTIONS, |w| {
                w.int(field::file_action::INPUT, input);
                w.int(field::file_action::SECONDARY_INPUT, secondary);
                w.int(field::file_action::OUTPUT, output);
                step.action.encode(w, &self.dir, base);
            });
        }
    }
}
