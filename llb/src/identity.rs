//! Which graph a handle belongs to.

use std::sync::atomic::{AtomicU32, Ordering};

/// The number of a graph in this process. It is compared with, and written nowhere: equal graphs give equal
/// bytes whatever their numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct GraphId(u32);

impl GraphId {
    /// The graph of handles that belong to none, such as scratch.
    pub(crate) const NONE: Self = Self(0);

    /// Returns a number that no other graph has. (Numbers repeat after four billion graphs.)
    fn next() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// What a graph calls its own: handles that it gave out, and those of the graphs that it is a copy of, as far
/// as they had got by then.
#[derive(Debug)]
pub(crate) struct Identity {
    id: GraphId,
    origins: Vec<Origin>,
}

/// A graph that another one was copied from, and what it held at that time.
#[derive(Clone, Copy, Debug)]
struct Origin {
    id: GraphId,
    ops: usize,
    source_maps: usize,
}

impl Identity {
    pub(crate) fn new() -> Self {
        Self { id: GraphId::next(), origins: Vec::new() }
    }

    pub(crate) fn id(&self) -> GraphId {
        self.id
    }

    /// Returns the identity of a copy of a graph, which holds so many ops and source maps. Handles that either
    /// of the two gives out later mean nothing to the other.
    pub(crate) fn of_copy(&self, ops: usize, source_maps: usize) -> Self {
        let mut origins = self.origins.clone();
        origins.push(Origin { id: self.id, ops, source_maps });
        Self { id: GraphId::next(), origins }
    }

    /// Returns the graph whose handles stand for the op at `index`: the one that it was first added to.
    pub(crate) fn id_of_op(&self, index: usize) -> GraphId {
        let origin = self.origins.iter().find(|origin| index < origin.ops);
        origin.map_or(self.id, |origin| origin.id)
    }

    /// Whether the op at `index` of the graph `id` is one of this graph.
    pub(crate) fn has_op(&self, id: GraphId, index: usize) -> bool {
        id == self.id || self.origins.iter().any(|origin| origin.id == id && index < origin.ops)
    }

    /// Whether the source map at `index` of the graph `id` is one of this graph.
    pub(crate) fn has_source_map(&self, id: GraphId, index: usize) -> bool {
        id == self.id || self.origins.iter().any(|origin| origin.id == id && index < origin.source_maps)
    }
}
