//! The arena that ops are added to.

use std::sync::Arc;

use crate::constraints::Constraints;
use crate::identity::{GraphId, Identity};
use crate::op::Op;
use crate::op::build::BuildOp;
use crate::op::diff::DiffOp;
use crate::op::exec::{ExecOp, MountResult};
use crate::op::file::FileOp;
use crate::op::merge::MergeOp;
use crate::op::passthrough::{PassthroughInput, PassthroughOp};
use crate::op::source::SourceOp;
use crate::source_map::{SourceMap, SourceMapId};

/// A file system of a graph: a result of one of its ops, or the empty file system.
///
/// It is a small handle, to be copied freely, that means something to the graph it came from only, and to
/// copies of that graph that were made later. Every other graph refuses it: its methods find nothing there,
/// and an op that uses it cannot be marshalled ([`Fault::ForeignOutput`](crate::Fault::ForeignOutput)).
///
/// Outputs of one graph are ordered by their op and then by [`index`](Self::index).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Output {
    op: u32,
    index: u32,
    graph: GraphId,
}

impl Output {
    /// The empty file system. It stands for no op at all.
    pub const SCRATCH: Self = Self { op: u32::MAX, index: 0, graph: GraphId::NONE };

    /// Whether this is the empty file system.
    pub fn is_scratch(self) -> bool {
        self.op == u32::MAX
    }

    /// Returns which result of its op this is.
    pub fn index(self) -> u32 {
        self.index
    }

    /// Returns the first result of the same op. It is the same for all results of an op, so it can stand for
    /// the op in a table.
    ///
    /// ```
    /// # use llb::{Constraints, ExecOp, Graph, ImageSource, Mount, Output};
    /// # let mut graph = Graph::new();
    /// # let rust = graph.source(ImageSource::new("rust"), Constraints::default());
    /// let mut make = ExecOp::new(rust, ["make"]);
    /// make.mounts.push(Mount::bind("/out", Output::SCRATCH));
    /// let made = graph.exec(make, Constraints::default());
    /// let out = made.mounts[0].unwrap_or_default();
    /// assert_ne!(out, made.root);
    /// assert_eq!(out.first_of_op(), made.root.first_of_op());
    /// ```
    #[must_use]
    pub fn first_of_op(self) -> Self {
        Self { index: 0, ..self }
    }

    /// Returns the first result of the op at `index` of a graph.
    pub(crate) fn first(index: usize, graph: GraphId) -> Self {
        Self { op: count(index), index: 0, graph }
    }

    pub(crate) fn op(self) -> usize {
        self.op as usize
    }
}

impl Default for Output {
    fn default() -> Self {
        Self::SCRATCH
    }
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_scratch() { f.write_str("scratch") } else { write!(f, "#{}.{}", self.op, self.index) }
    }
}

/// What an exec op yields.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Executed {
    /// The root file system after the command; the one before it if the root is read-only.
    pub root: Output,
    /// For each mount, in the order of [`ExecOp::mounts`] as they were given, the file system after
    /// the command: the mount's source if it is read-only, nothing if it cannot be used any further.
    pub mounts: Vec<Option<Output>>,
}

/// A graph of ops, built from the sources on.
///
/// Ops are only ever added, and refer to outputs of earlier ones: a graph has no cycles by
/// construction. Nothing is refused, encoded or hashed before [`Graph::marshal`], and then only what
/// the asked-for output needs. An [`Output`] or a [`SourceMapId`] of another graph is noticed when an op with it
/// is added, and refused then too.
///
/// Of a copy ([`Clone`]), the handles that the original has given out so far are the copy's as well; what
/// either gives out later is the other's no more than that of any graph.
#[derive(Debug)]
pub struct Graph {
    pub(crate) nodes: Vec<Node>,
    pub(crate) source_maps: Vec<Arc<SourceMap>>,
    pub(crate) identity: Identity,
}

impl Default for Graph {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

impl Clone for Graph {
    fn clone(&self) -> Self {
        let identity = self.identity.of_copy(self.nodes.len(), self.source_maps.len());
        Self { nodes: self.nodes.clone(), source_maps: self.source_maps.clone(), identity }
    }
}

/// An op with its surroundings.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) op: Op,
    pub(crate) constraints: Constraints,
    /// Whether an input of the op is an output of another graph.
    pub(crate) has_foreign_input: bool,
}

impl Graph {
    /// Returns a graph without ops.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a graph without ops, with room for some.
    pub fn with_capacity(ops: usize) -> Self {
        Self { nodes: Vec::with_capacity(ops), source_maps: Vec::new(), identity: Identity::new() }
    }

    /// Returns the number of ops, needed or not.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are no ops.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Whether an output is a result of an op of this graph: not scratch, and not of another graph.
    pub fn owns(&self, output: Output) -> bool {
        self.identity.has_op(output.graph, output.op())
    }

    /// Returns the op that an output is a result of, and what surrounds it; nothing for scratch and for
    /// outputs of other graphs.
    pub fn get(&self, output: Output) -> Option<(&Op, &Constraints)> {
        let node = self.nodes.get(output.op()).filter(|_| self.owns(output))?;
        Some((&node.op, &node.constraints))
    }

    /// Returns the source that an output is, to be changed: what a local source has to send is often
    /// known only after the ops that copy from it. Nothing for scratch, for other ops and for outputs of
    /// other graphs.
    pub fn source_mut(&mut self, output: Output) -> Option<&mut SourceOp> {
        if !self.owns(output) {
            return None;
        }
        match &mut self.nodes.get_mut(output.op())?.op {
            Op::Source(source) => Some(source),
            Op::Exec(_) | Op::File(_) | Op::Merge(_) | Op::Diff(_) | Op::Passthrough(_) | Op::Build(_) => {
                None
            }
        }
    }

    /// Registers a source file that ops come from.
    pub fn source_map(&mut self, map: SourceMap) -> SourceMapId {
        self.source_maps.push(Arc::new(map));
        SourceMapId { index: count(self.source_maps.len() - 1), graph: self.identity.id() }
    }

    /// Adds a source.
    ///
    /// ```
    /// use llb::{Constraints, Graph, HttpSource, ImageSource, Platform};
    ///
    /// let mut graph = Graph::new();
    /// let arm = Constraints::named("FROM alpine").with_platform(Platform::new("linux", "arm64"));
    /// let image = graph.source(ImageSource::new("alpine:3.20"), arm);
    /// let file = HttpSource::new("https://example.com/a.tar.gz").with_filename("a.tar.gz");
    /// let file = graph.source(file, Constraints::named("ADD a.tar.gz"));
    /// assert_ne!(image, file);
    /// ```
    pub fn source(&mut self, source: impl Into<SourceOp>, constraints: Constraints) -> Output {
        self.add(Op::Source(source.into()), constraints)
    }

    /// Adds a command.
    ///
    /// Mounts are sorted by target, as BuildKit's client does; the results stand in the order in which
    /// the mounts were given.
    ///
    /// ```
    /// use llb::{CacheSharing, Constraints, ExecOp, Graph, ImageSource, Mount, Output};
    ///
    /// let mut graph = Graph::new();
    /// let alpine = graph.source(ImageSource::new("alpine"), Constraints::named("FROM alpine"));
    /// let fetch = ExecOp::new(alpine, ["sh", "-c", "wget -P /out https://example.com"]).with_mounts([
    ///     Mount::bind("/out", Output::SCRATCH),
    ///     Mount::cache("/var/cache", "cache", CacheSharing::Locked),
    /// ]);
    /// let fetched = graph.exec(fetch, Constraints::named("fetch the page"));
    /// assert_ne!(fetched.root, alpine);
    /// assert!(fetched.mounts[0].is_some(), "what was written to /out");
    /// assert_eq!(fetched.mounts[1], None, "a cache is no result");
    /// ```
    pub fn exec(&mut self, mut exec: ExecOp, constraints: Constraints) -> Executed {
        let first = self.next_output();
        let (root, results) = exec.sort_mounts();
        let output = |index| Output { index, ..first };
        let mounts = results
            .into_iter()
            .map(|result| match result {
                MountResult::Result(index) => Some(output(index)),
                MountResult::Unchanged(source) => Some(source),
                MountResult::Lost => None,
            })
            .collect();
        let root = root.map_or(exec.root, output);
        self.add(Op::Exec(Box::new(exec)), constraints);
        Executed { root, mounts }
    }

    /// Adds a chain of changes to files.
    pub fn file(&mut self, file: FileOp, constraints: Constraints) -> Output {
        self.add(Op::File(file), constraints)
    }

    /// Returns file systems laid over each other, later ones on top.
    ///
    /// Scratch is left out. Of one file system that is the file system itself, of none scratch; an op
    /// is added for two and more only.
    ///
    /// ```
    /// # use llb::{Constraints, Graph, ImageSource, Output};
    /// # let mut graph = Graph::new();
    /// # let alpine = graph.source(ImageSource::new("alpine"), Constraints::default());
    /// # let tools = graph.source(ImageSource::new("tools"), Constraints::default());
    /// let both = graph.merge([alpine, tools], Constraints::named("alpine with tools"));
    /// assert_eq!(graph.inputs(both), [alpine, tools]);
    /// let one = graph.merge([Output::SCRATCH, alpine], Constraints::default());
    /// assert_eq!(one, alpine);
    /// ```
    pub fn merge(&mut self, inputs: impl IntoIterator<Item = Output>, constraints: Constraints) -> Output {
        let inputs: Vec<_> = inputs.into_iter().filter(|i| !i.is_scratch()).collect();
        match inputs[..] {
            [] => Output::SCRATCH,
            [only] => only,
            _ => self.add(Op::Merge(MergeOp { inputs }), constraints),
        }
    }

    /// Returns what `upper` has changed of `lower`.
    ///
    /// Compared with scratch that is `upper` itself, without an op.
    pub fn diff(&mut self, lower: Output, upper: Output, constraints: Constraints) -> Output {
        if lower.is_scratch() {
            return upper;
        }
        self.add(Op::Diff(DiffOp { lower, upper }), constraints)
    }

    /// Adds an op that waits for all of its inputs and hands some of them on. Returns those, in their
    /// order. Scratch is left out of the inputs.
    pub fn passthrough(
        &mut self,
        id: impl Into<String>,
        inputs: impl IntoIterator<Item = PassthroughInput>,
        constraints: Constraints,
    ) -> Vec<Output> {
        let inputs: Vec<_> = inputs.into_iter().filter(|input| !input.output.is_scratch()).collect();
        let handed_on = inputs.iter().filter(|input| input.hand_on).count();
        let id = id.into();
        let first = self.add(Op::Passthrough(PassthroughOp { id, inputs }), constraints);
        (0..count(handed_on)).map(|index| Output { index, ..first }).collect()
    }

    /// Returns `output`, not to be had before all of `required` are there too.
    ///
    /// Without requirements that is `output` itself, without an op.
    pub fn require(
        &mut self,
        id: impl Into<String>,
        output: Output,
        required: &[Output],
        constraints: Constraints,
    ) -> Output {
        if required.is_empty() {
            return output;
        }
        let waited = required.iter().map(|&output| PassthroughInput { output, hand_on: false });
        let handed_on = PassthroughInput { output, hand_on: true };
        let inputs = std::iter::once(handed_on).chain(waited);
        let outputs = self.passthrough(id, inputs, constraints);
        outputs.first().copied().unwrap_or_default()
    }

    /// Adds the build of a graph that another op yields.
    pub fn build(&mut self, build: BuildOp, constraints: Constraints) -> Output {
        self.add(Op::Build(build), constraints)
    }

    fn add(&mut self, op: Op, constraints: Constraints) -> Output {
        let added = self.next_output();
        let mut has_foreign_input = false;
        op.for_each_input(|input| has_foreign_input |= !self.owns(input));
        self.nodes.push(Node { op, constraints, has_foreign_input });
        added
    }

    /// Returns the first result of the op that is added next.
    fn next_output(&self) -> Output {
        Output::first(self.nodes.len(), self.identity.id())
    }
}

/// Returns a number of things as the type that handles hold.
pub(crate) fn count(things: usize) -> u32 {
    u32::try_from(things).expect("a graph has fewer than 2^32 ops and each fewer results")
}
