//! Definitions as messages of the crate `bollard-buildkit-proto`.

use bollard_buildkit_proto::pb;

use crate::constraints::OpMetadata;
use crate::definition::{DecodeError, Definition, SourceLocation};
use crate::source_map::{Position, Range, SourceMap};

impl Definition {
    /// Returns the definition as the message of the `bollard-buildkit-proto` crate, which requests to a
    /// daemon are made of. That crate's messages have no place for
    /// [`linux_resources`](OpMetadata::linux_resources).
    pub fn to_pb(&self) -> pb::Definition {
        let Some((_, but_terminal)) = self.ops.split_last() else {
            return pb::Definition::default();
        };
        // Prost leaves an empty message out of a map entry, and BuildKit then finds a nil pointer there
        // when such an op fails (`wrapError` in solver/llbsolver/result.go): no entry at all is safe.
        let locations = but_terminal.iter().filter(|op| !op.locations.is_empty());
        let source = pb::Source {
            locations: locations.map(|op| (op.digest.into(), locations_to_pb(&op.locations))).collect(),
            infos: self.sources.iter().map(|s| source_to_pb(s)).collect(),
        };
        let metadata = self.ops.iter();
        pb::Definition {
            def: self.ops.iter().map(|op| op.bytes.clone()).collect(),
            metadata: metadata.map(|op| (op.digest.into(), metadata_to_pb(&op.metadata))).collect(),
            source: Some(source),
        }
    }

    /// Returns the definition in a message of the `bollard-buildkit-proto` crate, as
    /// [`decode`](Self::decode) does.
    ///
    /// # Errors
    ///
    /// [`DecodeError::SourceIndex`] if a location refers to a source file that is not there.
    pub fn from_pb(message: pb::Definition) -> Result<Self, DecodeError> {
        Self::from_message(message.into())
    }
}

fn metadata_to_pb(metadata: &OpMetadata) -> pb::OpMetadata {
    pb::OpMetadata {
        ignore_cache: metadata.ignore_cache,
        description: metadata.description.iter().map(|(key, text)| (key.into(), text.into())).collect(),
        export_cache: metadata.export_cache.map(|value| pb::ExportCache { value }),
        caps: metadata.caps.iter().map(|c| (c.to_owned(), true)).collect(),
        progress_group: metadata.progress_group.as_ref().map(|g| pb::ProgressGroup {
            id: g.id.clone(),
            name: g.name.clone(),
            weak: g.weak,
        }),
    }
}

fn source_to_pb(source: &SourceMap) -> pb::SourceInfo {
    pb::SourceInfo {
        filename: source.filename.clone(),
        data: source.data.clone(),
        definition: source.definition.as_ref().map(Definition::to_pb),
        language: source.language.clone(),
    }
}

fn locations_to_pb(locations: &[SourceLocation]) -> pb::Locations {
    let position =
        |position: Position| Some(pb::Position { line: position.line, character: position.character });
    let range = |range: &Range| pb::Range { start: position(range.start), end: position(range.end) };
    let location = |location: &SourceLocation| pb::Location {
        source_index: location.source.cast_signed(),
        ranges: location.ranges.iter().map(range).collect(),
    };
    pb::Locations { locations: locations.iter().map(location).collect() }
}
