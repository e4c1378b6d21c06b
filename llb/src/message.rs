//! Messages of BuildKit 0.32 in which `bollard-buildkit-proto` lacks a field, for decoding.

use std::collections::BTreeMap;

use bollard_buildkit_proto::pb;
use prost::{Message, Oneof};

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Op {
    #[prost(message, repeated, tag = "1")]
    pub(crate) inputs: Vec<pb::Input>,
    #[prost(oneof = "OpKind", tags = "2, 3, 4, 5, 6, 7, 8")]
    pub(crate) kind: Option<OpKind>,
    #[prost(message, optional, tag = "10")]
    pub(crate) platform: Option<pb::Platform>,
    #[prost(message, optional, tag = "11")]
    pub(crate) constraints: Option<pb::WorkerConstraints>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum OpKind {
    #[prost(message, boxed, tag = "2")]
    Exec(Box<pb::ExecOp>),
    #[prost(message, tag = "3")]
    Source(pb::SourceOp),
    #[prost(message, tag = "4")]
    File(pb::FileOp),
    #[prost(message, tag = "5")]
    Build(pb::BuildOp),
    #[prost(message, tag = "6")]
    Merge(pb::MergeOp),
    #[prost(message, tag = "7")]
    Diff(pb::DiffOp),
    #[prost(message, tag = "8")]
    Passthrough(PassthroughOp),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct PassthroughOp {
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    #[prost(int64, repeated, tag = "2")]
    pub(crate) outputs: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Definition {
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub(crate) def: Vec<Vec<u8>>,
    #[prost(btree_map = "string, message", tag = "2")]
    pub(crate) metadata: BTreeMap<String, OpMetadata>,
    #[prost(message, optional, tag = "3")]
    pub(crate) source: Option<pb::Source>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct OpMetadata {
    #[prost(bool, tag = "1")]
    pub(crate) ignore_cache: bool,
    #[prost(btree_map = "string, string", tag = "2")]
    pub(crate) description: BTreeMap<String, String>,
    #[prost(message, optional, tag = "4")]
    pub(crate) export_cache: Option<pb::ExportCache>,
    #[prost(btree_map = "string, bool", tag = "5")]
    pub(crate) caps: BTreeMap<String, bool>,
    #[prost(message, optional, tag = "6")]
    pub(crate) progress_group: Option<pb::ProgressGroup>,
    #[prost(message, optional, tag = "7")]
    pub(crate) linux_resources: Option<LinuxResources>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct LinuxResources {
    #[prost(int64, tag = "1")]
    pub(crate) memory: i64,
    #[prost(int64, tag = "2")]
    pub(crate) memory_swap: i64,
    #[prost(uint64, tag = "3")]
    pub(crate) cpu_shares: u64,
    #[prost(uint64, tag = "4")]
    pub(crate) cpu_period: u64,
    #[prost(int64, tag = "5")]
    pub(crate) cpu_quota: i64,
    #[prost(string, tag = "6")]
    pub(crate) cpuset_cpus: String,
    #[prost(string, tag = "7")]
    pub(crate) cpuset_mems: String,
}

impl From<pb::Definition> for Definition {
    fn from(message: pb::Definition) -> Self {
        let metadata = message.metadata.into_iter();
        Self {
            def: message.def,
            metadata: metadata.map(|(k, m)| (k, m.into())).collect(),
            source: message.source,
        }
    }
}

impl From<pb::OpMetadata> for OpMetadata {
    fn from(message: pb::OpMetadata) -> Self {
        Self {
            ignore_cache: message.ignore_cache,
            description: message.description,
            export_cache: message.export_cache,
            caps: message.caps,
            progress_group: message.progress_group,
            linux_resources: None,
        }
    }
}
