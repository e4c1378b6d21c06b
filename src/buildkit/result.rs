//! What a build returns to the daemon.

use std::collections::BTreeMap;

use serde::Serialize;

use super::gateway::ResultReference;
use super::proto::{frontend, rpc};

/// What a build returns. A reference of `None` is an empty file system (`FROM scratch`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildResult {
    /// One file system.
    Single {
        /// The file system.
        reference: Option<ResultReference>,
        /// `containerimage.config` and its like.
        metadata: BTreeMap<String, Vec<u8>>,
    },
    /// One file system for each platform.
    Platforms {
        /// Platform id → file system.
        references: BTreeMap<String, Option<ResultReference>>,
        /// `refs.platforms`, `containerimage.config/<id>` and their like.
        metadata: BTreeMap<String, Vec<u8>>,
    },
    /// A result with lists of its contents.
    Listed {
        /// The result.
        result: Box<BuildResult>,
        /// Platform id → the folder of lists.
        lists: BTreeMap<String, ResultReference>,
    },
}

impl BuildResult {
    /// Returns every file system that the daemon has to build.
    pub fn references(&self) -> Vec<&ResultReference> {
        match self {
            Self::Single { reference, .. } => reference.iter().collect(),
            Self::Platforms { references, .. } => references.values().flatten().collect(),
            Self::Listed { result, lists } => result.references().into_iter().chain(lists.values()).collect(),
        }
    }
}

/// One platform of a result, as `refs.platforms` names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlatformEntry {
    /// The id, `os/arch[/variant]`.
    pub id: String,
    /// CPU architecture, in Go's names.
    pub architecture: String,
    /// Operating system, in Go's names.
    pub os: String,
    /// Version of the operating system, mostly empty.
    pub os_version: String,
    /// Features of the operating system, mostly none.
    pub os_features: Vec<String>,
    /// Variant of the architecture, such as `v7`.
    pub variant: String,
}

/// Returns the value of the metadata key `refs.platforms`.
///
/// Source: `exporter/containerimage/exptypes/types.go` in BuildKit.
pub fn platforms_metadata(platforms: &[PlatformEntry]) -> Vec<u8> {
    #[derive(Serialize)]
    struct Platforms<'a> {
        #[serde(rename = "Platforms")]
        platforms: Vec<Entry<'a>>,
    }
    #[derive(Serialize)]
    struct Entry<'a> {
        #[serde(rename = "ID")]
        id: &'a str,
        #[serde(rename = "Platform")]
        platform: Platform<'a>,
    }
    #[derive(Serialize)]
    struct Platform<'a> {
        architecture: &'a str,
        os: &'a str,
        #[serde(rename = "os.version", skip_serializing_if = "str::is_empty")]
        os_version: &'a str,
        #[serde(rename = "os.features", skip_serializing_if = "<[String]>::is_empty")]
        os_features: &'a [String],
        #[serde(skip_serializing_if = "str::is_empty")]
        variant: &'a str,
    }
    let platforms = platforms
        .iter()
        .map(|p| Entry {
            id: &p.id,
            platform: Platform {
                architecture: &p.architecture,
                os: &p.os,
                os_version: &p.os_version,
                os_features: &p.os_features,
                variant: &p.variant,
            },
        })
        .collect();
    serde_json::to_vec(&Platforms { platforms }).expect("strings always serialise")
}

/// `moby.buildkit.v1.frontend.ReturnRequest`, declared here because of its maps.
///
/// prost leaves an empty message out of a map entry, and buildkitd, which reads such an entry as a nil pointer, then
/// crashes (`Return` in `frontend/gateway/gateway.go`). A list of entries is the same on the wire and always has its
/// values.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ReturnRequest {
    #[prost(message, optional, tag = "1")]
    result: Option<ResultMessage>,
    #[prost(message, optional, tag = "2")]
    error: Option<rpc::Status>,
}

/// `moby.buildkit.v1.frontend.Result`.
#[derive(Clone, PartialEq, prost::Message)]
struct ResultMessage {
    #[prost(oneof = "Files", tags = "3, 4")]
    files: Option<Files>,
    #[prost(btree_map = "string, bytes", tag = "10")]
    metadata: BTreeMap<String, Vec<u8>>,
    #[prost(btree_map = "string, message", tag = "12")]
    attestations: BTreeMap<String, Attestations>,
}

/// `moby.buildkit.v1.frontend.Attestations`.
#[derive(Clone, PartialEq, prost::Message)]
struct Attestations {
    #[prost(message, repeated, tag = "1")]
    list: Vec<Attestation>,
}

/// `moby.buildkit.v1.frontend.Attestation`.
#[derive(Clone, PartialEq, prost::Message)]
struct Attestation {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(btree_map = "string, bytes", tag = "2")]
    metadata: BTreeMap<String, Vec<u8>>,
    #[prost(message, optional, tag = "3")]
    reference: Option<Ref>,
    #[prost(string, tag = "5")]
    predicate_type: String,
}

impl Attestations {
    /// Returns what a folder of lists stands for: each file in it is an attestation.
    ///
    /// Source: `CreateSBOMScanner` in frontend/attestations/sbom.
    fn of_lists(folder: ResultReference) -> Self {
        let metadata = [("reason", "sbom"), ("sbom-core", "sbom")];
        let metadata = metadata.map(|(key, value)| (key.to_owned(), value.as_bytes().to_vec()));
        let list = Attestation {
            // A folder whose files are attestations.
            kind: frontend::AttestationKind::Bundle.into(),
            metadata: metadata.into(),
            reference: Some(Some(folder).into()),
            predicate_type: "https://spdx.dev/Document".to_owned(),
        };
        Self { list: vec![list] }
    }
}

/// The oneof `result` of `moby.buildkit.v1.frontend.Result`.
#[derive(Clone, PartialEq, prost::Oneof)]
enum Files {
    #[prost(message, tag = "3")]
    Single(Ref),
    #[prost(message, tag = "4")]
    Platforms(RefMap),
}

/// `moby.buildkit.v1.frontend.RefMap`.
#[derive(Clone, PartialEq, prost::Message)]
struct RefMap {
    #[prost(message, repeated, tag = "1")]
    entries: Vec<RefEntry>,
}

/// One entry of [`RefMap`]: a platform's id and its files.
#[derive(Clone, PartialEq, prost::Message)]
struct RefEntry {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, required, tag = "2")]
    value: Ref,
}

/// `moby.buildkit.v1.frontend.Ref`: a result that the daemon holds; an empty id is an empty file system.
#[derive(Clone, PartialEq, prost::Message)]
struct Ref {
    #[prost(string, tag = "1")]
    id: String,
}

impl From<Option<ResultReference>> for Ref {
    fn from(reference: Option<ResultReference>) -> Self {
        Self { id: reference.map(|reference| reference.id).unwrap_or_default() }
    }
}

impl ReturnRequest {
    /// Returns the message that ends a build with an error.
    pub(super) fn failed(status: rpc::Status) -> Self {
        Self { result: None, error: Some(status) }
    }
}

impl From<BuildResult> for ReturnRequest {
    fn from(result: BuildResult) -> Self {
        Self { result: Some(result.into()), error: None }
    }
}

impl From<BuildResult> for ResultMessage {
    fn from(result: BuildResult) -> Self {
        let (files, metadata) = match result {
            BuildResult::Single { reference, metadata } => (Files::Single(reference.into()), metadata),
            BuildResult::Platforms { references, metadata } => {
                let entry = |(key, reference): (String, Option<_>)| RefEntry { key, value: reference.into() };
                (Files::Platforms(RefMap { entries: references.into_iter().map(entry).collect() }), metadata)
            }
            BuildResult::Listed { result, lists } => {
                let list = |(platform, folder)| (platform, Attestations::of_lists(folder));
                return Self { attestations: lists.into_iter().map(list).collect(), ..(*result).into() };
            }
        };
        Self { files: Some(files), metadata, attestations: BTreeMap::new() }
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::buildkit::proto::frontend::result;

    #[test]
    fn refs_platforms_has_gos_field_names_and_order() {
        let entry = PlatformEntry {
            id: "linux/arm/v7".into(),
            architecture: "arm".into(),
            os: "linux".into(),
            variant: "v7".into(),
            ..Default::default()
        };
        assert_eq!(
            String::from_utf8(platforms_metadata(&[entry])).unwrap(),
            r#"{"Platforms":[{"ID":"linux/arm/v7","Platform":{"architecture":"arm","os":"linux","variant":"v7"}}]}"#
        );
    }

    #[test]
    fn a_platform_without_files_is_sent_with_a_value() {
        let references = BTreeMap::from([("linux/amd64".to_owned(), None)]);
        let request = ReturnRequest::from(BuildResult::Platforms { references, metadata: BTreeMap::new() });
        // The entry: its key (field 1), and field 2 with a length of 0.
        let entry = b"\x0a\x0blinux/amd64\x12\x00";
        assert!(request.encode_to_vec().ends_with(entry), "{:?}", request.encode_to_vec());
    }

    #[test]
    fn the_messages_are_read_as_buildkits() {
        let reference = Some(ResultReference { id: "r1".to_owned() });
        let references = BTreeMap::from([("a".to_owned(), reference.clone()), ("b".to_owned(), None)]);
        let metadata = BTreeMap::from([("k".to_owned(), b"v".to_vec()), ("empty".to_owned(), Vec::new())]);
        let decode = |result: BuildResult| {
            let bytes = ReturnRequest::from(result).encode_to_vec();
            frontend::ReturnRequest::decode(bytes.as_slice()).unwrap().result.unwrap()
        };
        let many = decode(BuildResult::Platforms { references, metadata: metadata.clone() });
        let Some(result::Result::Refs(refs)) = many.result else { panic!("a map") };
        let ids: BTreeMap<_, _> =
            refs.refs.iter().map(|(key, value)| (key.as_str(), value.id.as_str())).collect();
        assert_eq!(ids, BTreeMap::from([("a", "r1"), ("b", "")]));
        assert_eq!(many.metadata, metadata.clone().into_iter().collect());
        for (reference, id) in [(reference, "r1"), (None, "")] {
            let one = decode(BuildResult::Single { reference, metadata: metadata.clone() });
            assert_eq!(one.result, Some(result::Result::Ref(frontend::Ref { id: id.to_owned(), def: None })));
        }
        let result = Box::new(BuildResult::Single { reference: None, metadata: BTreeMap::new() });
        let lists = BTreeMap::from([("linux/amd64".to_owned(), ResultReference { id: "r2".to_owned() })]);
        let listed = decode(BuildResult::Listed { result, lists });
        let attestation = &listed.attestations["linux/amd64"].attestation[0];
        assert_eq!(
            (attestation.kind(), attestation.r#ref.as_ref().unwrap().id.as_str()),
            (frontend::AttestationKind::Bundle, "r2")
        );
        assert_eq!(attestation.in_toto_predicate_type, "https://spdx.dev/Document");
        assert_eq!(attestation.metadata["sbom-core"], b"sbom");
        let status = rpc::Status { code: 2, message: "m".to_owned(), details: Vec::new() };
        let bytes = ReturnRequest::failed(status.clone()).encode_to_vec();
        assert_eq!(frontend::ReturnRequest::decode(bytes.as_slice()).unwrap().error, Some(status));
    }
}
