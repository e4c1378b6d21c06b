//! `--cache-from`, `--cache-to` and `BOB_LOCAL_CACHE_IMPORT`: caches outside of buildkitd, one file a backend.

mod azblob;
mod inline;
mod registry;
mod s3;

use std::collections::BTreeMap;

use super::ValueError;
use super::syntax::{alternatives, csv};
use crate::job::CacheEntry;

/// The backends, in the order in which errors name them.
const BACKENDS: [&Backend; 4] = [&registry::BACKEND, &inline::BACKEND, &s3::BACKEND, &azblob::BACKEND];

/// Backends of buildx that are known and not supported yet.
const UNSUPPORTED: [&str; 2] = ["local", "gha"];

type Attributes = BTreeMap<String, String>;

/// One of buildkitd's cache backends.
struct Backend {
    /// The value of `type=`.
    name: &'static str,
    /// Checks the attributes and adds those that Bob knows; buildkitd gets what is left, and refuses what it does not
    /// know. The error is what is wrong and what to write.
    complete: fn(&mut Attributes) -> Result<(), String>,
}

/// A [`Backend::complete`] that leaves everything to buildkitd.
#[expect(clippy::unnecessary_wraps, reason = "other backends may refuse")]
fn pass_on(_: &mut Attributes) -> Result<(), String> {
    Ok(())
}

/// The cache that `value` names: `REFERENCE`, or `type=registry,ref=REFERENCE,…` and other types.
pub(in crate::cli) fn parse(setting: &'static str, value: &str) -> Result<CacheEntry, ValueError> {
    let fields = csv::fields(setting, value)?;
    if let [reference] = fields.as_slice()
        && !reference.contains('=')
    {
        return Ok(registry::entry(reference));
    }
    let mut attrs: Attributes = csv::pairs(setting, value)?.into_iter().collect();
    let wrong = |fault: String| ValueError::new(setting, value, fault);
    let kind = attrs.remove("type").ok_or_else(|| wrong("type= is missing".to_owned()))?;
    if UNSUPPORTED.contains(&kind.as_str()) {
        return Err(wrong(format!("type={kind} is not supported yet; use registry or inline")));
    }
    let backend = BACKENDS.into_iter().find(|backend| backend.name == kind).ok_or_else(|| {
        let names = alternatives(BACKENDS.map(|backend| backend.name));
        wrong(format!("there is no type {kind:?}; use {names}"))
    })?;
    (backend.complete)(&mut attrs).map_err(wrong)?;
    Ok(CacheEntry { kind, attrs })
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
    fn every_backend_passes_its_attributes_on() {
        for backend in BACKENDS {
            let entry = parse("--cache-to", &format!("type={},mode=max", backend.name)).unwrap();
            assert_eq!((entry.kind.as_str(), entry.attrs["mode"].as_str()), (backend.name, "max"));
        }
    }

    #[test]
    fn types_that_are_missing_or_unknown_are_named() {
        let text = |value| parse("--cache-from", value).unwrap_err().to_string();
        assert!(text("type=local,src=x").contains("type=local is not supported yet; use registry or inline"));
        assert!(text("type=nfs,src=x").ends_with("no type \"nfs\"; use registry, inline, s3 or azblob"));
        assert!(text("ref=x").contains("type= is missing"));
    }
}
