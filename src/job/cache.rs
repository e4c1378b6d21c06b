//! `--cache-from` and `--cache-to`: caches outside of buildkitd.

use std::collections::BTreeMap;

use super::csv::{self, ValueError};
use crate::buildkit::CacheEntry;

/// The cache that `value` names: `REFERENCE`, or `type=registry,ref=REFERENCE,…` and other types.
///
/// # Errors
/// [`ValueError`] where the value is malformed, or asks for what is not built yet.
pub fn parse(flag: &'static str, value: &str) -> Result<CacheEntry, ValueError> {
    let fields = csv::fields(flag, value)?;
    if let [reference] = fields.as_slice()
        && !reference.contains('=')
    {
        let attrs = BTreeMap::from([("ref".to_owned(), reference.clone())]);
        return Ok(CacheEntry { kind: "registry".to_owned(), attrs });
    }
    let mut attrs: BTreeMap<String, String> = csv::pairs(flag, value)?.into_iter().collect();
    let wrong = |fault: String| ValueError::new(flag, value, fault);
    let kind = attrs.remove("type").ok_or_else(|| wrong("type= is missing".to_owned()))?;
    match kind.as_str() {
        "registry" | "inline" | "s3" | "azblob" => Ok(CacheEntry { kind, attrs }),
        "local" | "gha" => Err(wrong(format!("type={kind} is not supported yet; use registry or inline"))),
        _ => Err(wrong(format!("there is no type {kind:?}; use registry, inline, s3 or azblob"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_reference_is_a_registry() {
        let entry = parse("--cache-from", "r.example/cache:1").unwrap();
        assert_eq!((entry.kind.as_str(), entry.attrs["ref"].as_str()), ("registry", "r.example/cache:1"));
        let entry = parse("--cache-to", "type=registry,ref=r.example/c,mode=max").unwrap();
        assert_eq!((entry.kind.as_str(), entry.attrs["mode"].as_str()), ("registry", "max"));
    }

    #[test]
    fn types_that_are_missing_or_unknown_are_named() {
        let text = |value| parse("--cache-from", value).unwrap_err().to_string();
        assert!(text("type=local,src=x").contains("type=local is not supported yet"));
        assert!(text("type=nfs,src=x").contains("there is no type \"nfs\""));
        assert!(text("ref=x").contains("type= is missing"));
    }
}
