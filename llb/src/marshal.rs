//! From a graph to a definition, in one forward pass.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::caps;
use crate::constraints::OpMetadata;
use crate::definition::{Definition, DefinitionOp, SourceLocation};
use crate::digest::Digest;
use crate::fault::{Fault, MarshalError};
use crate::field;
use crate::graph::{Graph, Node, Output, count};
use crate::identity::Identity;
use crate::op::Op;
use crate::platform::Platform;
use crate::setters::setters;
use crate::source_map::{SourceMap, SourceMapId};
use crate::wire::Writer;

/// What holds for a whole graph when it is marshalled.
///
/// Source: `State.Marshal` in [client/llb/state.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/state.go).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MarshalOptions {
    /// Platform of the ops that have none of their own.
    pub platform: Platform,
    /// Worker filters that stand before those of each op.
    pub worker_filter: Vec<String>,
    /// Metadata that all ops get; what an op says itself wins.
    pub metadata: OpMetadata,
    /// The value of `local.unique` in local sources without a session. BuildKit's client makes up a
    /// random one for each build, so that builds never share a transfer by accident.
    pub local_unique_id: String,
    /// How exec ops without `PATH` get one.
    pub default_path: DefaultPath,
}

setters! { MarshalOptions {
    with_worker_filter = list worker_filter: String;
    with_metadata = value metadata: OpMetadata;
    with_default_path = value default_path: DefaultPath;
} }

impl MarshalOptions {
    /// Returns options for a daemon of today.
    pub fn new(platform: Platform, local_unique_id: impl Into<String>) -> Self {
        Self {
            platform,
            worker_filter: Vec::new(),
            metadata: OpMetadata::default(),
            local_unique_id: local_unique_id.into(),
            default_path: DefaultPath::Daemon,
        }
    }

    /// Returns the `PATH` that exec ops without one get in the op itself.
    fn path_in_op(&self) -> Option<&'static str> {
        let in_op = self.default_path == DefaultPath::Op && self.platform.os != "windows";
        in_op.then_some("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    }
}

/// How exec ops without `PATH` get one (`client/llb/exec.go`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DefaultPath {
    /// By the daemon, which says that it can (`exec.meta.setsdefaultpath`).
    #[default]
    Daemon,
    /// By the op, for a daemon that says it cannot. Windows gets none.
    Op,
    /// Not at all: what the daemon can do is unknown.
    Unknown,
}

impl Graph {
    /// Returns the definition of an output: the ops that it needs, and no others, in the order in which
    /// BuildKit's own client writes them.
    ///
    /// Ops that are encoded the same appear once; their metadata is merged, and their locations are
    /// listed one after the other. The definition of scratch has no ops.
    ///
    /// ```
    /// use llb::{Constraints, ExecOp, Fault, Graph, ImageSource, MarshalOptions, Platform};
    ///
    /// let options = MarshalOptions::new(Platform::new("linux", "amd64"), "unique-id");
    /// let mut graph = Graph::new();
    /// let alpine = graph.source(ImageSource::new("alpine"), Constraints::named("FROM alpine"));
    /// let run = graph.exec(ExecOp::new(alpine, [""; 0]), Constraints::named("RUN")).root;
    ///
    /// let error = graph.clone().marshal(run, &options).unwrap_err();
    /// assert_eq!(error.fault, Fault::NoArguments);
    /// assert_eq!(error.to_string(), "RUN: there is no command to run");
    ///
    /// // What is not needed may be incomplete.
    /// let definition = graph.marshal(alpine, &options)?;
    /// assert_eq!(definition.ops[0].metadata.custom_name(), Some("FROM alpine"));
    /// # Ok::<_, llb::MarshalError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`MarshalError`] if one of the ops is incomplete, or if the output or what an op refers to is of
    /// another graph.
    pub fn marshal(self, output: Output, options: &MarshalOptions) -> Result<Definition, MarshalError> {
        if output.is_scratch() {
            return Ok(Definition::default());
        }
        if !self.owns(output) {
            return Err(MarshalError { step: "the result".to_owned(), fault: Fault::ForeignOutput });
        }
        let order = self.post_order(output);
        let Self { mut nodes, source_maps, identity } = self;
        let mut pass = Pass::new(&source_maps, &identity, options, output.op() + 1, order.len());
        for index in order {
            pass.add(index, &mut nodes[index])?;
        }
        Ok(pass.finish(output))
    }
}

/// The inputs of the op that is being encoded: what they are, and which number each has got.
pub(crate) struct Inputs<'a> {
    /// For each op of the graph its position in the definition.
    positions: &'a [u32],
    /// Position in the definition and output index of each input.
    list: Vec<(u32, u32)>,
}

impl Inputs<'_> {
    /// Returns the number of an input, which is added unless it is there; -1 for scratch.
    pub(crate) fn index_of(&mut self, output: Output) -> i64 {
        if output.is_scratch() {
            return -1;
        }
        let input = (self.positions[output.op()], output.index());
        match self.list.iter().position(|listed| *listed == input) {
            Some(index) => i64::from(count(index)),
            None => self.push(output),
        }
    }

    /// Adds an input even if it is there, and returns its number; -1 for scratch.
    pub(crate) fn push(&mut self, output: Output) -> i64 {
        if output.is_scratch() {
            return -1;
        }
        self.list.push((self.positions[output.op()], output.index()));
        self.len() - 1
    }

    pub(crate) fn len(&self) -> i64 {
        i64::from(count(self.list.len()))
    }
}

struct Pass<'a> {
    source_maps: &'a [Arc<SourceMap>],
    identity: &'a Identity,
    options: &'a MarshalOptions,
    definition: Definition,
    positions: Vec<u32>,
    by_digest: BTreeMap<Digest, u32>,
    /// For each source map of the graph its index in the definition.
    source_indexes: Vec<Option<u32>>,
    /// Room for the inputs of the op that is being encoded.
    inputs: Vec<(u32, u32)>,
    /// Room for the oneof of the op that is being encoded, and for the op.
    body: Writer,
    whole: Writer,
}

impl<'a> Pass<'a> {
    fn new(
        source_maps: &'a [Arc<SourceMap>],
        identity: &'a Identity,
        options: &'a MarshalOptions,
        nodes: usize,
        needed: usize,
    ) -> Self {
        Self {
            source_maps,
            identity,
            options,
            definition: Definition { ops: Vec::with_capacity(needed + 1), sources: Vec::new() },
            positions: vec![0; nodes],
            by_digest: BTreeMap::new(),
            source_indexes: vec![None; source_maps.len()],
            inputs: Vec::new(),
            body: Writer::new(),
            whole: Writer::new(),
        }
    }

    /// Adds the op at `index` of the graph, whose metadata and locations are taken over.
    fn add(&mut self, index: usize, node: &mut Node) -> Result<(), MarshalError> {
        self.check(node).map_err(|fault| {
            let name = node.constraints.metadata.custom_name();
            let step = name.map_or_else(|| format!("op {index}"), ToOwned::to_owned);
            MarshalError { step, fault }
        })?;
        let bytes = self.encode(node);
        let digest = Digest::of(&bytes);

        let own = std::mem::take(&mut node.constraints.metadata);
        let limits_resources = own.linux_resources.is_some();
        let mut metadata = self.options.metadata.clone();
        metadata.merge(own);
        caps::add(&mut metadata.caps, &node.op, limits_resources, self.options.default_path);
        let locations = std::mem::take(&mut node.constraints.locations).into_iter();
        let locations: Vec<_> = locations
            .map(|location| SourceLocation {
                source: self.source_index(location.source_map.index),
                ranges: location.ranges,
            })
            .collect();

        let ops = &mut self.definition.ops;
        self.positions[index] = *self.by_digest.entry(digest).or_insert(count(ops.len()));
        match ops.get_mut(self.positions[index] as usize) {
            Some(twin) => {
                twin.metadata.merge(metadata);
                twin.locations.extend(locations);
            }
            None => ops.push(DefinitionOp { digest, bytes, metadata, locations }),
        }
        Ok(())
    }

    /// Checks that an op is complete and refers to nothing of another graph.
    fn check(&self, node: &Node) -> Result<(), Fault> {
        if node.has_foreign_input {
            return Err(Fault::ForeignOutput);
        }
        let own = |map: SourceMapId| self.identity.has_source_map(map.graph, map.index as usize);
        if !node.constraints.locations.iter().all(|location| own(location.source_map)) {
            return Err(Fault::ForeignSourceMap);
        }
        node.op.check()
    }

    fn encode(&mut self, node: &Node) -> Vec<u8> {
        let Node { op, constraints, .. } = node;
        let options = self.options;
        let mut inputs = Inputs { positions: &self.positions, list: std::mem::take(&mut self.inputs) };
        let body = &mut self.body;
        body.clear();
        let field = match op {
            Op::Exec(_) => field::op::EXEC,
            Op::Source(_) => field::op::SOURCE,
            Op::File(_) => field::op::FILE,
            Op::Build(_) => field::op::BUILD,
            Op::Merge(_) => field::op::MERGE,
            Op::Diff(_) => field::op::DIFF,
            Op::Passthrough(_) => field::op::PASSTHROUGH,
        };
        body.message(field, |w| match op {
            Op::Exec(op) => op.encode(w, &mut inputs, options.path_in_op()),
            Op::Source(op) => op.encode(w, &options.local_unique_id),
            Op::File(op) => op.encode(w, &mut inputs),
            Op::Build(op) => op.encode(w, &mut inputs),
            Op::Merge(op) => op.encode(w, &mut inputs),
            Op::Diff(op) => op.encode(w, &mut inputs),
            Op::Passthrough(op) => op.encode(w, &mut inputs),
        });

        let w = &mut self.whole;
        w.clear();
        for (position, index) in inputs.list.drain(..) {
            encode_input(w, &self.definition.ops[position as usize].digest, index);
        }
        self.inputs = inputs.list;
        let has_platform = match op {
            Op::Exec(_) | Op::Build(_) => true,
            Op::Source(source) => source.has_platform(),
            Op::File(_) | Op::Merge(_) | Op::Diff(_) | Op::Passthrough(_) => false,
        };
        if has_platform {
            let platform = constraints.platform.as_ref().unwrap_or(&options.platform);
            w.message(field::op::PLATFORM, |w| platform.encode(w));
        }
        w.message(field::op::CONSTRAINTS, |w| {
            w.strings(field::worker_constraints::FILTER, &options.worker_filter);
            w.strings(field::worker_constraints::FILTER, &constraints.worker_filter);
        });
        w.append(body);
        w.to_vec()
    }

    /// Returns the index of a source map in the definition, where equal maps are one.
    fn source_index(&mut self, map: u32) -> u32 {
        if let Some(index) = self.source_indexes[map as usize] {
            return index;
        }
        let added = &self.source_maps[map as usize];
        let sources = &mut self.definition.sources;
        let known = sources.iter().position(|known| known.same_as(added));
        let index = known.unwrap_or_else(|| {
            sources.push(added.clone());
            sources.len() - 1
        });
        let index = count(index);
        self.source_indexes[map as usize] = Some(index);
        index
    }

    /// Adds the terminal op.
    fn finish(self, output: Output) -> Definition {
        let Self { mut definition, positions, .. } = self;
        let root = definition.ops[positions[output.op()] as usize].digest;
        definition.ops.push(terminal(&definition.ops, &root, output.index()));
        definition
    }
}

/// Returns the op after `ops` that has nothing but the output of `root` as its input.
pub(crate) fn terminal(ops: &[DefinitionOp], root: &Digest, output: u32) -> DefinitionOp {
    let mut w = Writer::new();
    encode_input(&mut w, root, output);
    let bytes = w.finish();
    let mut metadata = OpMetadata::default();
    metadata.caps.extend(["constraints", "platform"]);
    for op in ops {
        if op.metadata.ignore_cache {
            metadata.caps.insert("meta.ignorecache");
        }
        if !op.metadata.description.is_empty() {
            metadata.caps.insert("meta.description");
        }
        if op.metadata.export_cache.is_some() {
            metadata.caps.insert("meta.exportcache");
        }
    }
    DefinitionOp { digest: Digest::of(&bytes), bytes, metadata, locations: Vec::new() }
}

fn encode_input(w: &mut Writer, digest: &Digest, index: u32) {
    w.message(field::op::INPUTS, |w| {
        w.string(field::input::DIGEST, digest.as_str());
        w.uint(field::input::INDEX, index);
    });
}
