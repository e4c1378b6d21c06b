//! Looking at a graph: what ops read, what an output needs, and what its layers begin with.

use std::collections::BTreeSet;

use crate::constraints::Constraints;
use crate::graph::{Graph, Node, Output};
use crate::op::Op;

impl Graph {
    /// Returns the outputs that the op of an output reads, as [`Op::inputs`] does; none for scratch and for
    /// outputs of other graphs.
    ///
    /// ```
    /// use llb::{Constraints, ExecOp, Graph, ImageSource, Mount};
    ///
    /// let mut graph = Graph::new();
    /// let [rust, cache] = ["rust", "my-cache"].map(|name| {
    ///     graph.source(ImageSource::new(name), Constraints::named(name))
    /// });
    /// let mut make = ExecOp::new(rust, ["make"]);
    /// make.mounts.push(Mount::bind("/cache", cache));
    /// let made = graph.exec(make, Constraints::named("make"));
    /// assert_eq!(graph.inputs(made.root), [rust, cache]);
    /// assert_eq!(graph.inputs(rust), []);
    /// ```
    pub fn inputs(&self, output: Output) -> Vec<Output> {
        self.get(output).map(|(op, _)| op.inputs()).unwrap_or_default()
    }

    /// Returns every op that `output` needs, its own included: inputs before the ops that use them, each once, in
    /// the order in which they appear in the [`Definition`](crate::Definition). An op comes with its first
    /// output, by which [`first_of_op`](Output::first_of_op) of an input finds it. Scratch needs no op, and
    /// outputs of other graphs are left out.
    ///
    /// ```
    /// use llb::{Constraints, ExecOp, Graph, ImageSource, Op};
    ///
    /// let mut graph = Graph::new();
    /// let rust = graph.source(ImageSource::new("rust"), Constraints::named("FROM rust"));
    /// graph.source(ImageSource::new("unused"), Constraints::named("FROM unused"));
    /// let made = graph.exec(ExecOp::new(rust, ["make"]), Constraints::named("RUN make")).root;
    ///
    /// let images: Vec<_> = graph
    ///     .walk(made)
    ///     .filter_map(|(_, op, _)| match op {
    ///         Op::Source(source) => Some(source.identifier().into_owned()),
    ///         Op::Exec(_) | Op::File(_) | Op::Merge(_) | Op::Diff(_) | Op::Passthrough(_) | Op::Build(_) => None,
    ///     })
    ///     .collect();
    /// assert_eq!(images, ["docker-image://docker.io/library/rust:latest"]);
    /// ```
    pub fn walk(&self, output: Output) -> impl ExactSizeIterator<Item = (Output, &Op, &Constraints)> {
        self.post_order(output).into_iter().map(|index| {
            let Node { op, constraints, .. } = &self.nodes[index];
            (self.output_of(index), op, constraints)
        })
    }

    /// Returns the outputs that the layers of an output begin with, the lowest first, down to what no op of the
    /// graph is below: sources, and the results of diffs and builds. Each comes once, where it is lowest.
    ///
    /// For a Dockerfile that is the base image of its last stage, whatever the steps copy from or mount.
    ///
    /// ```
    /// use llb::{Constraints, CopyAction, FileOp, Graph, ImageSource};
    ///
    /// let mut graph = Graph::new();
    /// let [base, other] = ["base", "other"].map(|name| {
    ///     graph.source(ImageSource::new(name), Constraints::named(name))
    /// });
    /// let mut copy = FileOp::new(base);
    /// copy.push(CopyAction::new(other, "/file", "/"));
    /// let copied = graph.file(copy, Constraints::named("copy"));
    /// assert_eq!(graph.bases(copied), [base]);
    /// ```
    pub fn bases(&self, output: Output) -> Vec<Output> {
        let mut bases = Vec::new();
        let (mut seen, mut open) = (BTreeSet::new(), vec![output]);
        while let Some(output) = open.pop() {
            let Some((op, _)) = self.get(output).filter(|_| seen.insert(output)) else { continue };
            match op {
                Op::Source(_) | Op::Diff(_) | Op::Build(_) => bases.push(output),
                Op::Exec(_) | Op::File(_) | Op::Merge(_) | Op::Passthrough(_) => {
                    open.extend(op.layers_below(output.index()).into_iter().rev());
                }
            }
        }
        bases
    }

    /// Whether the definition of `output` has the op that `part` is a result of.
    pub fn needs(&self, output: Output, part: Output) -> bool {
        self.owns(part) && self.post_order(output).contains(&part.op())
    }

    /// Returns the ops that `output` needs, inputs before the ops that use them, in the order of a
    /// depth-first walk. Outputs of other graphs are left out.
    pub(crate) fn post_order(&self, output: Output) -> Vec<usize> {
        enum Visit {
            Enter(usize),
            Leave(usize),
        }
        if !self.owns(output) {
            return Vec::new();
        }
        let root = output.op();
        let mut order = Vec::with_capacity(root + 1);
        let mut seen = vec![false; root + 1];
        let mut stack = Vec::with_capacity(16);
        stack.push(Visit::Enter(root));
        while let Some(visit) = stack.pop() {
            match visit {
                Visit::Leave(node) => order.push(node),
                Visit::Enter(node) if seen[node] => {}
                Visit::Enter(node) => {
                    seen[node] = true;
                    stack.push(Visit::Leave(node));
                    let inputs = stack.len();
                    let Node { op, has_foreign_input, .. } = &self.nodes[node];
                    op.for_each_input(|input| {
                        if !has_foreign_input || self.owns(input) {
                            stack.push(Visit::Enter(input.op()));
                        }
                    });
                    stack[inputs..].reverse();
                }
            }
        }
        order
    }

    /// Returns the first result of the op at `index`, equal to what its users know it by.
    fn output_of(&self, index: usize) -> Output {
        Output::first(index, self.identity.id_of_op(index))
    }
}
