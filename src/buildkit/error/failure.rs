//! What the daemon says of a failure, with the details that BuildKit attaches.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message as _;
use serde::{Deserialize, Serialize};
use tonic::Code;

use crate::buildkit::proto::{pb, protobuf::Any, rpc};

const TYPE_PREFIX: &str = "github.com/moby/buildkit/";

/// What the daemon said about a failure.
///
/// The details travel as `google.rpc.Status` with JSON payloads; see `solver/errdefs` in BuildKit.
#[derive(Clone, PartialEq)]
pub struct DaemonFailure {
    /// The gRPC code. BuildKit uses `Unknown` for most.
    pub code: Code,
    /// The message, for people.
    pub message: String,
    /// The digest of the vertex that failed.
    pub vertex: Option<String>,
    /// Where in the Dockerfile the failing instruction stands, innermost first.
    pub sources: Vec<SourceLocation>,
    /// The exit code of the process that failed.
    pub exit_code: Option<u32>,
    details: Vec<Any>,
}

impl fmt::Debug for DaemonFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DaemonFailure")
            .field("code", &self.code)
            .field("message", &self.message)
            .field("vertex", &self.vertex)
            .field("sources", &self.sources)
            .field("exit_code", &self.exit_code)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for DaemonFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DaemonFailure {}

/// A file and the lines in it that an error is about.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceLocation {
    /// The file's name as the source map has it.
    pub filename: String,
    /// The file's language, such as `Dockerfile`.
    pub language: String,
    /// The file's content when it was read.
    pub data: Vec<u8>,
    /// The lines, in the order given.
    pub ranges: Vec<LineRange>,
    /// The graph that yields the file. It is told to the daemon, and not read from what the daemon says.
    pub definition: Option<pb::Definition>,
}

/// Lines and columns of a source; lines count from 1, columns from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineRange {
    /// The first line.
    pub start_line: i32,
    /// The column in the first line.
    pub start_column: i32,
    /// The last line.
    pub end_line: i32,
    /// The column in the last line.
    pub end_column: i32,
}

impl DaemonFailure {
    /// Returns a failure with a message alone.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            vertex: None,
            sources: Vec::new(),
            exit_code: None,
            details: Vec::new(),
        }
    }

    /// Returns this failure with a source location added to what the daemon is told.
    #[must_use]
    pub fn with_source(mut self, source: SourceLocation) -> Self {
        self.details.push(source.to_detail());
        self.sources.push(source);
        self
    }

    /// Returns this failure with another message and all its details kept.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// Returns the failure that a gRPC status describes; details that cannot be read are left out.
    pub fn from_status(status: &tonic::Status) -> Self {
        let details = rpc::Status::decode(status.details()).map(|s| s.details).unwrap_or_default();
        let mut failure = Self::new(status.code(), status.message());
        for detail in &details {
            failure.read_detail(detail);
        }
        // Stacks are the daemon's own call stacks: long, and of no use to anyone here.
        failure.details =
            details.into_iter().filter(|d| detail_name(d) != Some("stack.Stack+json")).collect();
        failure
    }

    /// Returns the status that carries this failure with all its details.
    pub fn to_status(&self) -> rpc::Status {
        rpc::Status { code: self.code as i32, message: self.message.clone(), details: self.details.clone() }
    }

    fn read_detail(&mut self, detail: &Any) {
        match detail_name(detail) {
            Some("errdefs.Vertex+json") => {
                if let Ok(vertex) = serde_json::from_slice::<VertexJson>(&detail.value) {
                    self.vertex = Some(vertex.digest);
                }
            }
            Some("errdefs.Source+json") => {
                if let Ok(source) = serde_json::from_slice::<SourceJson>(&detail.value) {
                    self.sources.push(source.into());
                }
            }
            Some("gatewayapi.ExitMessage+json") => {
                if let Ok(exit) = serde_json::from_slice::<ExitJson>(&detail.value) {
                    self.exit_code = Some(exit.code);
                }
            }
            _ => {}
        }
    }
}

fn detail_name(detail: &Any) -> Option<&str> {
    detail.type_url.strip_prefix(TYPE_PREFIX)
}

impl SourceLocation {
    fn to_detail(&self) -> Any {
        let value =
            serde_json::to_vec(&SourceJson::from(self)).expect("strings and numbers always serialise");
        Any { type_url: format!("{TYPE_PREFIX}errdefs.Source+json"), value }
    }
}

#[derive(Deserialize)]
struct VertexJson {
    #[serde(default)]
    digest: String,
}

#[derive(Deserialize)]
struct ExitJson {
    #[serde(default, rename = "Code", alias = "code")]
    code: u32,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct SourceJson {
    info: InfoJson,
    ranges: Vec<RangeJson>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct InfoJson {
    #[serde(skip_serializing_if = "String::is_empty")]
    filename: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    data: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    language: String,
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    definition: Option<DefinitionJson>,
}

/// `pb.Definition` as Go's `encoding/json` writes it, of a graph without a source map of its own.
#[derive(Serialize)]
struct DefinitionJson {
    def: Vec<String>,
    metadata: BTreeMap<String, OpMetadataJson>,
}

#[derive(Serialize)]
struct OpMetadataJson {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    description: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    caps: BTreeMap<String, bool>,
}

impl From<&pb::Definition> for DefinitionJson {
    fn from(definition: &pb::Definition) -> Self {
        let metadata = |op: &pb::OpMetadata| OpMetadataJson {
            description: op.description.clone().into_iter().collect(),
            caps: op.caps.clone().into_iter().collect(),
        };
        let metadata = definition.metadata.iter().map(|(digest, op)| (digest.clone(), metadata(op)));
        Self {
            def: definition.def.iter().map(|op| STANDARD.encode(op)).collect(),
            metadata: metadata.collect(),
        }
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct RangeJson {
    start: PositionJson,
    end: PositionJson,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct PositionJson {
    #[serde(skip_serializing_if = "is_zero")]
    line: i32,
    #[serde(skip_serializing_if = "is_zero")]
    character: i32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_zero(value: &i32) -> bool {
    *value == 0
}

impl From<SourceJson> for SourceLocation {
    fn from(json: SourceJson) -> Self {
        Self {
            filename: json.info.filename,
            language: json.info.language,
            data: STANDARD.decode(json.info.data).unwrap_or_default(),
            ranges: json
                .ranges
                .into_iter()
                .map(|r| LineRange {
                    start_line: r.start.line,
                    start_column: r.start.character,
                    end_line: r.end.line,
                    end_column: r.end.character,
                })
                .collect(),
            definition: None,
        }
    }
}

impl From<&SourceLocation> for SourceJson {
    fn from(source: &SourceLocation) -> Self {
        Self {
            info: InfoJson {
                filename: source.filename.clone(),
                data: STANDARD.encode(&source.data),
                language: source.language.clone(),
                definition: source.definition.as_ref().map(DefinitionJson::from),
            },
            ranges: source
                .ranges
                .iter()
                .map(|r| RangeJson {
                    start: PositionJson { line: r.start_line, character: r.start_column },
                    end: PositionJson { line: r.end_line, character: r.end_column },
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(name: &str, value: &str) -> Any {
        Any { type_url: format!("github.com/moby/buildkit/{name}"), value: value.into() }
    }

    fn status(details: Vec<Any>) -> tonic::Status {
        let message = rpc::Status { code: Code::Unknown as i32, message: "broken".into(), details };
        tonic::Status::with_details(Code::Unknown, "broken", message.encode_to_vec().into())
    }

    #[test]
    fn vertex_exit_code_and_source_are_read() {
        let source = r#"{"info":{"filename":"Dockerfile","data":"RlJPTSB4","language":"Dockerfile"},
            "ranges":[{"start":{"line":3},"end":{"line":3,"character":9}}]}"#;
        let failure = DaemonFailure::from_status(&status(vec![
            detail("stack.Stack+json", "{}"),
            detail("errdefs.Vertex+json", r#"{"digest":"sha256:1"}"#),
            detail("errdefs.Source+json", source),
            detail("gatewayapi.ExitMessage+json", r#"{"Code":7}"#),
        ]));
        assert_eq!((failure.vertex.as_deref(), failure.exit_code), (Some("sha256:1"), Some(7)));
        let range = LineRange { start_line: 3, start_column: 0, end_line: 3, end_column: 9 };
        assert_eq!(
            (failure.sources[0].data.as_slice(), failure.sources[0].ranges[0]),
            (b"FROM x".as_slice(), range)
        );
    }

    #[test]
    fn what_is_returned_keeps_all_details_but_stacks() {
        let known =
            [detail("errdefs.Vertex+json", "{}"), detail("errdefs.Subrequest+json", r#"{"name":"x"}"#)];
        let with_stack = [known.to_vec(), vec![detail("stack.Stack+json", "{}")]].concat();
        assert_eq!(DaemonFailure::from_status(&status(with_stack)).to_status().details, known);
    }

    #[test]
    fn unreadable_details_are_left_out() {
        let failure = DaemonFailure::from_status(&status(vec![detail("errdefs.Source+json", "not json")]));
        assert_eq!((failure.message.as_str(), failure.sources.len()), ("broken", 0));
        let garbage = tonic::Status::with_details(Code::Unknown, "broken", vec![0xff; 9].into());
        assert_eq!(DaemonFailure::from_status(&garbage).to_string(), "broken");
    }

    #[test]
    fn a_source_that_is_added_comes_back_the_same() {
        let range = LineRange { start_line: 2, start_column: 0, end_line: 4, end_column: 1 };
        let source = SourceLocation {
            filename: "Dockerfile".into(),
            language: "Dockerfile".into(),
            data: b"FROM x\n".to_vec(),
            ranges: vec![range],
            definition: None,
        };
        let told =
            DaemonFailure::new(Code::InvalidArgument, "broken").with_source(source.clone()).to_status();
        assert_eq!(DaemonFailure::from_status(&status(told.details)).sources, [source]);
    }
}
