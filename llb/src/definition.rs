//! Marshalled graphs.

use std::sync::Arc;

use bollard_buildkit_proto::pb;
use prost::Message;

use crate::constraints::{LinuxResources, OpMetadata, ProgressGroup};
use crate::digest::Digest;
use crate::field;
use crate::marshal::terminal;
use crate::message;
use crate::source_map::{Position, Range, SourceMap};
use crate::wire::Writer;

/// A marshalled graph: what is sent to a daemon, and what dumps are made of.
///
/// It holds the ops as bytes, inputs before the ops that use them. Metadata and locations stand beside
/// each op, because they are no part of its identity.
///
/// Source: `Definition` in [client/llb/marshal.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/marshal.go).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Definition {
    /// The ops. The last one is the terminal, which only names the output that was asked for. There
    /// are none if that was scratch.
    pub ops: Vec<DefinitionOp>,
    /// The source files that [`DefinitionOp::locations`] refer to.
    pub sources: Vec<Arc<SourceMap>>,
}

/// One op of a [`Definition`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DefinitionOp {
    /// Digest of the bytes.
    pub digest: Digest,
    /// The op as a protobuf message `pb.Op`.
    pub bytes: Vec<u8>,
    /// What is no part of the op's identity.
    pub metadata: OpMetadata,
    /// Where the op comes from.
    pub locations: Vec<SourceLocation>,
}

/// Parts of one source file that an op of a [`Definition`] comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceLocation {
    /// The file, by its index in [`Definition::sources`].
    pub source: u32,
    /// The parts of the file.
    pub ranges: Arc<[Range]>,
}

impl Definition {
    /// Returns the digest of the op that yields the result; nothing if that is scratch.
    pub fn root(&self) -> Option<Digest> {
        let terminal = pb::Op::decode(&*self.ops.last()?.bytes).ok()?;
        terminal.inputs.first()?.digest.parse().ok()
    }

    /// Returns the digest of the terminal op; nothing if the result is scratch.
    pub fn terminal(&self) -> Option<Digest> {
        self.ops.last().map(|op| op.digest)
    }

    /// Returns a definition of each folder of the client that this one reads. Its op is the same one: a daemon that is handed
    /// both in one build reads the folder once.
    ///
    /// ```
    /// use llb::{Constraints, Graph, LocalSource, MarshalOptions, Platform};
    ///
    /// let mut graph = Graph::new();
    /// let folder = graph.source(LocalSource::new("context"), Constraints::named("load the context"));
    /// let options = MarshalOptions::new(Platform::new("linux", "amd64"), "unique-id");
    /// let definition = graph.marshal(folder, &options)?;
    /// assert_eq!(definition.local_folders(), [definition]);
    /// # Ok::<_, llb::MarshalError>(())
    /// ```
    pub fn local_folders(&self) -> Vec<Self> {
        let is_local = |op: &&DefinitionOp| {
            let decoded = pb::Op::decode(&*op.bytes).ok().and_then(|op| op.op);
            matches!(decoded, Some(pb::op::Op::Source(source)) if source.identifier.starts_with("local://"))
        };
        let alone = |op: &DefinitionOp| {
            let op = DefinitionOp { locations: Vec::new(), ..op.clone() };
            let terminal = terminal(std::slice::from_ref(&op), &op.digest, 0);
            Self { ops: vec![op, terminal], sources: Vec::new() }
        };
        self.ops.iter().filter(is_local).map(alone).collect()
    }

    /// Returns the definition as bytes of a protobuf message `pb.Definition`, as `buildctl build` takes
    /// it on standard input. Equal graphs give equal bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        self.encode_to(&mut w);
        w.finish()
    }

    fn encode_to(&self, w: &mut Writer) {
        for op in &self.ops {
            w.element(field::definition::DEF, &op.bytes);
        }
        let mut sorted: Vec<_> = self.ops.iter().collect();
        sorted.sort_by_key(|op| &op.digest);
        sorted.dedup_by_key(|op| &op.digest);
        for op in &sorted {
            w.entry(field::definition::METADATA, op.digest.as_str(), |w| {
                w.message(field::map_entry::VALUE, |w| encode_metadata(w, &op.metadata));
            });
        }
        let Some(terminal) = self.terminal() else {
            return;
        };
        w.message(field::definition::SOURCE, |w| {
            for op in sorted.into_iter().filter(|op| op.digest != terminal) {
                w.entry(field::source::LOCATIONS, op.digest.as_str(), |w| {
                    w.message(field::map_entry::VALUE, |w| encode_locations(w, &op.locations));
                });
            }
            for source in &self.sources {
                w.message(field::source::INFOS, |w| {
                    w.string(field::source_info::FILENAME, &source.filename);
                    w.bytes(field::source_info::DATA, &source.data);
                    if let Some(definition) = &source.definition {
                        w.message(field::source_info::DEFINITION, |w| definition.encode_to(w));
                    }
                    w.string(field::source_info::LANGUAGE, &source.language);
                });
            }
        });
    }

    /// Returns the definition that was encoded in some bytes. The ops stay as they are, byte for byte;
    /// metadata and locations of ops that are not there are dropped.
    ///
    /// ```
    /// use llb::{Constraints, Definition, Graph, ImageSource, MarshalOptions, Platform};
    ///
    /// let mut graph = Graph::new();
    /// let alpine = graph.source(ImageSource::new("alpine"), Constraints::named("FROM alpine"));
    /// let options = MarshalOptions::new(Platform::new("linux", "amd64"), "unique-id");
    /// let bytes = graph.marshal(alpine, &options)?.encode();
    ///
    /// let definition = Definition::decode(&bytes)?;
    /// assert!(definition.to_tree()?.starts_with("● #1 source FROM alpine [linux/amd64]"));
    /// assert!(Definition::decode(b"no definition").is_err());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`DecodeError::Definition`] if the bytes are no `pb.Definition`, [`DecodeError::SourceIndex`] if
    /// a location refers to a source file that is not there.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let message = message::Definition::decode(bytes)
            .map_err(|error| DecodeError::Definition(InvalidMessage(error)))?;
        Self::from_message(message)
    }

    pub(crate) fn from_message(message: message::Definition) -> Result<Self, DecodeError> {
        let mut metadata = message.metadata;
        let source = message.source.unwrap_or_default();
        let mut sources = Vec::with_capacity(source.infos.len());
        for info in source.infos {
            let definition = info.definition.map(|nested| Self::from_message(nested.into())).transpose()?;
            sources.push(Arc::new(SourceMap {
                filename: info.filename,
                language: info.language,
                data: info.data,
                definition,
            }));
        }
        let mut ops = Vec::with_capacity(message.def.len());
        for bytes in message.def {
            let digest = Digest::of(&bytes);
            let metadata = metadata.remove(digest.as_str()).unwrap_or_default();
            let locations = match source.locations.get(digest.as_str()) {
                Some(locations) => locations_from_pb(locations, sources.len())?,
                None => Vec::new(),
            };
            ops.push(DefinitionOp { digest, bytes, metadata: metadata_from_message(metadata), locations });
        }
        Ok(Self { ops, sources })
    }
}

fn encode_metadata(w: &mut Writer, metadata: &OpMetadata) {
    w.bool(field::op_metadata::IGNORE_CACHE, metadata.ignore_cache);
    w.string_map(field::op_metadata::DESCRIPTION, metadata.description.iter());
    if let Some(export) = metadata.export_cache {
        w.message(field::op_metadata::EXPORT_CACHE, |w| w.bool(field::export_cache::VALUE, export));
    }
    for cap in metadata.caps.iter() {
        w.entry(field::op_metadata::CAPS, cap, |w| w.scalar(field::map_entry::VALUE, 1));
    }
    if let Some(group) = &metadata.progress_group {
        w.message(field::op_metadata::PROGRESS_GROUP, |w| {
            w.string(field::progress_group::ID, &group.id);
            w.string(field::progress_group::NAME, &group.name);
            w.bool(field::progress_group::WEAK, group.weak);
        });
    }
    if let Some(resources) = &metadata.linux_resources {
        w.message(field::op_metadata::LINUX_RESOURCES, |w| {
            w.int(field::linux_resources::MEMORY, resources.memory);
            w.int(field::linux_resources::MEMORY_SWAP, resources.memory_swap);
            w.uint(field::linux_resources::CPU_SHARES, resources.cpu_shares);
            w.uint(field::linux_resources::CPU_PERIOD, resources.cpu_period);
            w.int(field::linux_resources::CPU_QUOTA, resources.cpu_quota);
            w.string(field::linux_resources::CPUSET_CPUS, &resources.cpuset_cpus);
            w.string(field::linux_resources::CPUSET_MEMS, &resources.cpuset_mems);
        });
    }
}

fn encode_locations(w: &mut Writer, locations: &[SourceLocation]) {
    for location in locations {
        w.message(field::locations::LOCATIONS, |w| {
            w.uint(field::location::SOURCE_INDEX, location.source);
            for range in &*location.ranges {
                w.message(field::location::RANGES, |w| {
                    for (field, position) in
                        [(field::range::START, range.start), (field::range::END, range.end)]
                    {
                        w.message(field, |w| {
                            w.int(field::position::LINE, position.line);
                            w.int(field::position::CHARACTER, position.character);
                        });
                    }
                });
            }
        });
    }
}

fn metadata_from_message(message: message::OpMetadata) -> OpMetadata {
    let caps = message.caps.into_iter().filter(|(_, needed)| *needed);
    OpMetadata {
        ignore_cache: message.ignore_cache,
        description: message.description.into_iter().collect(),
        export_cache: message.export_cache.map(|export| export.value),
        caps: caps.map(|(cap, _)| cap).collect(),
        progress_group: message.progress_group.map(|group| ProgressGroup {
            id: group.id,
            name: group.name,
            weak: group.weak,
        }),
        linux_resources: message.linux_resources.map(|resources| {
            Box::new(LinuxResources {
                memory: resources.memory,
                memory_swap: resources.memory_swap,
                cpu_shares: resources.cpu_shares,
                cpu_period: resources.cpu_period,
                cpu_quota: resources.cpu_quota,
                cpuset_cpus: resources.cpuset_cpus,
                cpuset_mems: resources.cpuset_mems,
            })
        }),
    }
}

fn locations_from_pb(message: &pb::Locations, sources: usize) -> Result<Vec<SourceLocation>, DecodeError> {
    let position = |position: Option<pb::Position>| {
        let position = position.unwrap_or_default();
        Position { line: position.line, character: position.character }
    };
    let range = |range: &pb::Range| Range { start: position(range.start), end: position(range.end) };
    let location = |location: &pb::Location| match u32::try_from(location.source_index) {
        Ok(index) if (index as usize) < sources => {
            Ok(SourceLocation { source: index, ranges: location.ranges.iter().map(range).collect() })
        }
        _ => Err(DecodeError::SourceIndex { index: location.source_index, count: sources }),
    };
    message.locations.iter().map(location).collect()
}

/// Why bytes are no definition.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// They are no protobuf message of this type.
    #[error("not an LLB definition: the bytes are no valid protobuf message")]
    Definition(#[source] InvalidMessage),
    /// An op in it is no protobuf message.
    #[error("op {index} of the LLB definition ({digest}) is no valid protobuf message")]
    Op {
        /// Position in the definition, counted from 0.
        index: usize,
        /// The op's digest.
        digest: Digest,
        /// What is wrong with it.
        #[source]
        source: InvalidMessage,
    },
    /// A location refers to a source file that is not there.
    #[error("a location of the LLB definition refers to source file {index} of {count}")]
    SourceIndex {
        /// The index.
        index: i32,
        /// The number of source files.
        count: usize,
    },
}

/// What is wrong with bytes that are no protobuf message of the expected type.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(transparent)]
pub struct InvalidMessage(pub(crate) prost::DecodeError);
