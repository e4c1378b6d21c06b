//! The field of a manifest that makes its push a write of referrers.

use std::fmt;

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};

/// Whether the manifest names a `subject`; none if it is not a JSON object.
/// (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests-with-subject>)
///
/// Registries written in Go match field names in any case, with Unicode folding, and may take either of two equal fields.
/// So any such field counts.
pub(crate) fn has_subject(bytes: &[u8]) -> Option<bool> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let found = deserializer.deserialize_map(SubjectVisitor).ok()?;
    deserializer.end().ok()?;
    Some(found)
}

/// Visits the fields of a manifest; its value is whether one is `subject`.
struct SubjectVisitor;

impl<'de> Visitor<'de> for SubjectVisitor {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(name) = map.next_key::<String>()? {
            if name.replace('\u{17f}', "s").eq_ignore_ascii_case("subject") {
                found |= map.next_value::<Option<IgnoredAny>>()?.is_some();
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::has_subject;

    #[test]
    fn a_subject_is_found_however_it_is_written() {
        for json in [
            r#"{"subject":{}}"#,
            r#"{"Subject":{}}"#,
            r#"{"\u0073ubject":1}"#,
            "{\"\u{17f}ubject\":{}}",
            r#"{"subject":null,"subject":{}}"#,
            r#"{"subject":{},"subject":null}"#,
        ] {
            assert_eq!(has_subject(json.as_bytes()), Some(true), "{json}");
        }
        for json in [r#"{"layers":[{"subject":{}}]}"#, r#"{"subject":null}"#, "{}", r#"{"subjects":1}"#] {
            assert_eq!(has_subject(json.as_bytes()), Some(false), "{json}");
        }
        for json in ["", "[]", "null", "{", "{}{}", "{}x", "\"subject\""] {
            assert_eq!(has_subject(json.as_bytes()), None, "{json}");
        }
    }
}
