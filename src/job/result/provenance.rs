//! The provenance in the metadata file.

use serde_json::{Map, Value, json};

use crate::buildkit::{Error, Provenance};

/// How much provenance the metadata file gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProvenanceDetail {
    /// Without the graph of the build and without the times.
    Min,
    /// All of it.
    Max,
}

/// The member of the metadata file; behind it stands the platform, where there are several.
const MEMBER: &str = "buildx.build.provenance";
/// The kind that is turned into the one that the metadata file has.
const V1: &str = "https://slsa.dev/provenance/v1";
/// What the members of BuildKit's own begin with.
const BUILDKIT: &str = "https://mobyproject.org/buildkit@v1";

/// Returns the members of the metadata file for what the daemon recorded: always in the form of SLSA 0.2.
///
/// Source: `encodeProvenance` in `build/provenance.go` in buildx.
///
/// # Errors
/// [`Error::Incomplete`] for a record that is not JSON.
pub(crate) fn members(
    records: Vec<Provenance>,
    detail: ProvenanceDetail,
) -> Result<Map<String, Value>, Error> {
    let member = |Provenance { platform, predicate_type, predicate }: Provenance| {
        let missing = "provenance that is a JSON object";
        let read = serde_json::from_slice(&predicate);
        let read = read.map_err(|_| Error::Incomplete { during: "ListenBuildHistory", missing })?;
        let mut predicate = if predicate_type == V1 { in_form_02(read) } else { read };
        if detail == ProvenanceDetail::Min {
            predicate.remove("buildConfig");
            predicate.remove("metadata");
        }
        let name = platform.map_or_else(|| MEMBER.to_owned(), |platform| format!("{MEMBER}/{platform}"));
        Ok((name, Value::Object(predicate)))
    };
    records.into_iter().map(member).collect()
}

/// Returns a predicate of SLSA 1.0 in the form of 0.2.
///
/// Source: `ConvertToSLSA02` in `solver/llbsolver/provenance/types/types.go` in BuildKit.
fn in_form_02(mut predicate: Map<String, Value>) -> Map<String, Value> {
    let (mut definition, mut run) =
        (taken(&mut predicate, "buildDefinition"), taken(&mut predicate, "runDetails"));
    let mut external = taken(&mut definition, "externalParameters");
    let mut source = taken(&mut external, "configSource");
    let mut environment = taken(&mut definition, "internalParameters");
    let build_config = environment.remove("buildConfig");
    environment.remove("targetPlatform");
    renamed(&mut environment, "builderPlatform", "platform");
    renamed(&mut source, "path", "entryPoint");
    let id = taken(&mut run, "builder").remove("id").unwrap_or_default();
    let mut converted = json!({
        "builder": {"id": id},
        "buildType": BUILDKIT,
        "invocation": {
            "configSource": source,
            "parameters": taken(&mut external, "request"),
            "environment": environment,
        },
    });
    if let Some(Value::Array(materials)) = definition.remove("resolvedDependencies") {
        let materials = materials.into_iter().map(|mut material| {
            if let Value::Object(members) = &mut material {
                members.retain(|name, _| matches!(name.as_str(), "uri" | "digest"));
            }
            material
        });
        converted["materials"] = materials.collect();
    }
    if let Some(build_config) = build_config {
        converted["buildConfig"] = build_config;
    }
    if let Some(Value::Object(metadata)) = run.remove("metadata") {
        converted["metadata"] = metadata_02(metadata);
    }
    match converted {
        Value::Object(converted) => converted,
        _ => Map::new(),
    }
}

fn metadata_02(mut metadata: Map<String, Value>) -> Value {
    let complete = taken(&mut metadata, "buildkit_completeness");
    let part = |name| complete.get(name).cloned().unwrap_or(Value::Bool(false));
    let mut converted = json!({
        "completeness": {
            "parameters": part("request"),
            "environment": true,
            "materials": part("resolvedDependencies"),
        },
        "reproducible": metadata.remove("buildkit_reproducible").unwrap_or(Value::Bool(false)),
        format!("{BUILDKIT}#metadata"): taken(&mut metadata, "buildkit_metadata"),
    });
    let hermetic = format!("{BUILDKIT}#hermetic");
    let optional = [
        ("invocationID", "buildInvocationID"),
        ("startedOn", "buildStartedOn"),
        ("finishedOn", "buildFinishedOn"),
        ("buildkit_hermetic", hermetic.as_str()),
    ];
    for (from, to) in optional {
        if let Some(value) = metadata.remove(from) {
            converted[to] = value;
        }
    }
    converted
}

/// Takes the object of this name out of `members`; an empty one where there is none.
fn taken(members: &mut Map<String, Value>, name: &str) -> Map<String, Value> {
    match members.remove(name) {
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

fn renamed(members: &mut Map<String, Value>, from: &str, to: &str) {
    if let Some(value) = members.remove(from) {
        members.insert(to.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(predicate: &Value) -> Provenance {
        let predicate = predicate.to_string().into_bytes();
        Provenance { platform: Some("linux/arm64".to_owned()), predicate_type: V1.to_owned(), predicate }
    }

    fn version_1() -> Value {
        json!({
            "buildDefinition": {
                "buildType": "b",
                "externalParameters": {
                    "configSource": {"uri": "https://git.example/r.git", "path": "Dockerfile"},
                    "request": {"frontend": "gateway.v0"},
                },
                "internalParameters": {
                    "buildConfig": {"llbDefinition": [{"id": "step0"}]},
                    "builderPlatform": "linux/amd64",
                    "targetPlatform": "linux/arm64",
                    "team": "a",
                },
                "resolvedDependencies": [{"uri": "pkg:docker/a@1", "digest": {"sha256": "1"}, "name": "n"}],
            },
            "runDetails": {
                "builder": {"id": "me"},
                "metadata": {
                    "invocationID": "i",
                    "startedOn": "s",
                    "buildkit_hermetic": true,
                    "buildkit_completeness": {"request": true, "resolvedDependencies": false},
                    "buildkit_metadata": {"vcs": {"revision": "1"}},
                },
            },
        })
    }

    #[test]
    fn version_1_is_turned_into_version_02() {
        let members = members(vec![record(&version_1())], ProvenanceDetail::Max).unwrap();
        let expected = json!({
            "builder": {"id": "me"},
            "buildType": "https://mobyproject.org/buildkit@v1",
            "invocation": {
                "configSource": {"uri": "https://git.example/r.git", "entryPoint": "Dockerfile"},
                "parameters": {"frontend": "gateway.v0"},
                "environment": {"platform": "linux/amd64", "team": "a"},
            },
            "materials": [{"uri": "pkg:docker/a@1", "digest": {"sha256": "1"}}],
            "buildConfig": {"llbDefinition": [{"id": "step0"}]},
            "metadata": {
                "buildInvocationID": "i",
                "buildStartedOn": "s",
                "completeness": {"parameters": true, "environment": true, "materials": false},
                "reproducible": false,
                "https://mobyproject.org/buildkit@v1#metadata": {"vcs": {"revision": "1"}},
                "https://mobyproject.org/buildkit@v1#hermetic": true,
            },
        });
        assert_eq!(Value::Object(members), json!({"buildx.build.provenance/linux/arm64": expected}));
    }

    #[test]
    fn the_least_has_no_graph_and_no_times() {
        let members = members(vec![record(&version_1())], ProvenanceDetail::Min).unwrap();
        let predicate = &members["buildx.build.provenance/linux/arm64"];
        assert_eq!(predicate["builder"]["id"], "me");
        assert!(predicate.get("buildConfig").is_none() && predicate.get("metadata").is_none());
    }

    #[test]
    fn version_02_stays_and_what_is_no_json_is_an_error() {
        let record = |predicate: &[u8]| Provenance {
            platform: None,
            predicate_type: "https://slsa.dev/provenance/v0.2".to_owned(),
            predicate: predicate.to_vec(),
        };
        let read = members(vec![record(br#"{"builder":{"id":"x"}}"#)], ProvenanceDetail::Max).unwrap();
        assert_eq!(Value::Object(read), json!({"buildx.build.provenance": {"builder": {"id": "x"}}}));
        for predicate in [&b"[]"[..], b"", b"{"] {
            assert!(members(vec![record(predicate)], ProvenanceDetail::Max).is_err());
        }
    }
}
