//! Source policies: rules on what a build may take its files from. buildkitd applies them to look-ups and to sources alike.
//!
//! Source: `ReadSourcePolicy` in build/build.go of buildx; sourcepolicy/pb of BuildKit.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use prost::Message as _;
use serde::{Deserialize, Deserializer};

use crate::buildkit::proto::sourcepolicy as proto;
use crate::diag::visible_path;

/// Rules on the sources of a build.
#[derive(Debug, Clone, PartialEq)]
pub struct SourcePolicy(pub(super) proto::Policy);

/// Why a file holds no source policy.
#[derive(Debug, thiserror::Error)]
pub enum SourcePolicyError {
    /// It cannot be read.
    #[error("cannot read the source policy {}", visible_path(path))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It is neither form of a policy.
    #[error("{} is no source policy: {fault}", visible_path(path))]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: String,
    },
}

impl SourcePolicy {
    /// Reads the policy in a file: JSON, or BuildKit's message `Policy`.
    ///
    /// # Errors
    /// [`SourcePolicyError`].
    pub fn read(path: &Path) -> Result<Self, SourcePolicyError> {
        let bytes = std::fs::read(path)
            .map_err(|source| SourcePolicyError::Read { path: path.to_owned(), source })?;
        Self::parse(&bytes).map_err(|fault| SourcePolicyError::Malformed { path: path.to_owned(), fault })
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        // No message begins like this: it would be a group, which messages of today do not have.
        if bytes.trim_ascii_start().starts_with(b"{") {
            let policy: Policy = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
            return Ok(Self(policy.into()));
        }
        let policy = proto::Policy::decode(bytes).map_err(|error| error.to_string())?;
        if policy.rules.is_empty() {
            return Err("it has no rules; write JSON such as {\"rules\": […]}".to_owned());
        }
        Ok(Self(policy))
    }
}

/// `Policy` in JSON. A key that is none is refused: a rule that is misspelt would not protect.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Policy {
    #[serde(default)]
    version: i64,
    #[serde(default, deserialize_with = "nullable")]
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    #[serde(default, deserialize_with = "action")]
    action: i32,
    selector: Option<Selector>,
    updates: Option<Updates>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Selector {
    #[serde(default)]
    identifier: String,
    #[serde(default, deserialize_with = "match_type")]
    match_type: i32,
    #[serde(default, deserialize_with = "nullable")]
    constraints: Vec<Constraint>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Constraint {
    #[serde(default)]
    key: String,
    #[serde(default)]
    value: String,
    #[serde(default, deserialize_with = "condition")]
    condition: i32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Updates {
    #[serde(default)]
    identifier: String,
    #[serde(default, deserialize_with = "nullable")]
    attrs: BTreeMap<String, String>,
}

/// A number of an enumeration, by number or by name.
#[derive(Deserialize)]
#[serde(untagged)]
enum Named {
    Number(i64),
    Name(String),
}

fn nullable<'d, D: Deserializer<'d>, T: Deserialize<'d> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// The number of the name or number in a field; `names` are in the order of their numbers.
fn number<'d, D: Deserializer<'d>>(deserializer: D, what: &str, names: [&str; 3]) -> Result<i32, D::Error> {
    let place = match Named::deserialize(deserializer)? {
        Named::Number(number) => usize::try_from(number).ok().filter(|number| *number < names.len()),
        Named::Name(name) => names.iter().position(|known| *known == name),
    };
    let place = place.and_then(|place| i32::try_from(place).ok());
    place.ok_or_else(|| serde::de::Error::custom(format!("{what} is one of {}", names.join(", "))))
}

fn action<'d, D: Deserializer<'d>>(deserializer: D) -> Result<i32, D::Error> {
    number(deserializer, "action", ["ALLOW", "DENY", "CONVERT"])
}

fn match_type<'d, D: Deserializer<'d>>(deserializer: D) -> Result<i32, D::Error> {
    number(deserializer, "match_type", ["WILDCARD", "EXACT", "REGEX"])
}

fn condition<'d, D: Deserializer<'d>>(deserializer: D) -> Result<i32, D::Error> {
    number(deserializer, "condition", ["EQUAL", "NOTEQUAL", "MATCHES"])
}

impl From<Policy> for proto::Policy {
    fn from(policy: Policy) -> Self {
        let rule = |rule: Rule| proto::Rule {
            action: rule.action,
            selector: rule.selector.map(|selector| proto::Selector {
                identifier: selector.identifier,
                match_type: selector.match_type,
                constraints: selector.constraints.into_iter().map(constraint).collect(),
            }),
            updates: rule.updates.map(|updates| proto::Update {
                identifier: updates.identifier,
                attrs: updates.attrs.into_iter().collect(),
            }),
        };
        Self { version: policy.version, rules: policy.rules.into_iter().map(rule).collect() }
    }
}

fn constraint(constraint: Constraint) -> proto::AttrConstraint {
    let Constraint { key, value, condition } = constraint;
    proto::AttrConstraint { key, value, condition }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = r#"{"version": 1, "rules": [
        {"action": "DENY", "selector": {"identifier": "docker-image://a*", "match_type": "WILDCARD"}},
        {"action": 2, "selector": {"identifier": "b", "match_type": 2, "constraints": [
            {"key": "k", "value": "v", "condition": "NOTEQUAL"}]},
         "updates": {"identifier": "c", "attrs": {"x": "y"}}},
        {"selector": {"identifier": "d", "constraints": null}}
    ]}"#;

    #[test]
    fn names_and_numbers_of_enumerations_mean_the_same() {
        let SourcePolicy(policy) = SourcePolicy::parse(RULES.as_bytes()).unwrap();
        let [deny, convert, allow] = &policy.rules[..] else { panic!("{policy:?}") };
        assert_eq!((deny.action(), allow.action()), (proto::PolicyAction::Deny, proto::PolicyAction::Allow));
        assert_eq!(convert.action(), proto::PolicyAction::Convert);
        let selector = convert.selector.as_ref().unwrap();
        assert_eq!(selector.match_type(), proto::MatchType::Regex);
        assert_eq!(selector.constraints[0].condition(), proto::AttrMatch::Notequal);
        assert_eq!(convert.updates.as_ref().unwrap().attrs["x"], "y");
    }

    #[test]
    fn the_message_is_read_too() {
        let policy = SourcePolicy::parse(RULES.as_bytes()).unwrap();
        assert_eq!(SourcePolicy::parse(&policy.0.encode_to_vec()).unwrap(), policy);
    }

    #[test]
    fn what_is_no_policy_is_refused() {
        for (text, fault) in [
            ("{\"rules\": [{]", "key must be a string"),
            ("{\"rulez\": []}", "unknown field `rulez`"),
            ("{\"rules\": [{\"action\": \"DENI\"}]}", "action is one of ALLOW, DENY, CONVERT"),
            ("{\"rules\": [{\"action\": 3}]}", "action is one of"),
            ("rules: []", "failed to decode"),
            ("", "it has no rules"),
        ] {
            let error = SourcePolicy::parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(fault), "{text}: {error}");
        }
        let error = SourcePolicy::read(Path::new("/nonexistent/p.json")).unwrap_err();
        assert_eq!(error.to_string(), "cannot read the source policy /nonexistent/p.json");
    }
}
