//! What a build returns to the daemon.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::gateway::Reference;
use super::proto::frontend::{self, result};

/// What a build returns. A reference of `None` is an empty file system (`FROM scratch`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildResult {
    /// One file system.
    Single {
        /// The file system.
        reference: Option<Reference>,
        /// `containerimage.config` and its like.
        metadata: BTreeMap<String, Vec<u8>>,
    },
    /// One file system for each platform.
    Platforms {
        /// Platform id → file system.
        references: BTreeMap<String, Option<Reference>>,
        /// `refs.platforms`, `containerimage.config/<id>` and their like.
        metadata: BTreeMap<String, Vec<u8>>,
    },
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

impl BuildResult {
    pub(crate) fn into_message(self) -> frontend::Result {
        let message =
            |r: Option<Reference>| frontend::Ref { id: r.map(|r| r.id).unwrap_or_default(), def: None };
        let (result, metadata) = match self {
            Self::Single { reference, metadata } => (result::Result::Ref(message(reference)), metadata),
            Self::Platforms { references, metadata } => {
                let refs: HashMap<_, _> = references.into_iter().map(|(id, r)| (id, message(r))).collect();
                (result::Result::Refs(frontend::RefMap { refs }), metadata)
            }
        };
        frontend::Result {
            metadata: metadata.into_iter().collect(),
            attestations: HashMap::new(),
            result: Some(result),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_scratch_result_is_a_reference_without_id() {
        let message = BuildResult::Single { reference: None, metadata: BTreeMap::new() }.into_message();
        assert_eq!(message.result, Some(result::Result::Ref(frontend::Ref { id: String::new(), def: None })));
    }
}
