//! `--cache-from`, `--cache-to` and `BOB_LOCAL_CACHE_IMPORT`: caches outside of buildkitd, one file a backend.
//!
//! Source: util/buildflags/cache.go and build/opt.go in buildx.

mod aws;
mod azblob;
mod gha;
mod inline;
mod local;
mod registry;
mod s3;

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::ValueError;
use super::syntax::{alternatives, csv};
use crate::gotext::parse_bool;
use crate::job::CacheEntry;

/// The backends, in the order in which errors name them.
const BACKENDS: [&Backend; 6] =
    [&registry::BACKEND, &inline::BACKEND, &local::BACKEND, &gha::BACKEND, &s3::BACKEND, &azblob::BACKEND];

type Attributes = BTreeMap<String, String>;

/// What a cache is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Use {
    /// It is read.
    Import,
    /// It is written.
    Export,
}

/// A flag or variable that takes caches.
#[derive(Clone, Copy)]
pub(in crate::cli) struct Setting<'a> {
    /// Its name.
    pub(in crate::cli) name: &'static str,
    /// What its caches are for.
    pub(in crate::cli) purpose: Use,
    /// The variables of this process that are not empty.
    pub(in crate::cli) environment: &'a dyn Fn(&str) -> Option<OsString>,
}

impl Setting<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        (self.environment)(name)?.into_string().ok()
    }
}

/// One of buildkitd's cache backends.
struct Backend {
    /// The value of `type=`.
    name: &'static str,
    /// The attributes that buildkitd or Bob knows, beside [`OF_EVERY_EXPORT`].
    keys: &'static [&'static str],
    /// Checks the attributes and adds those that Bob knows; buildkitd gets them all. The error is what is wrong and what to write. Returns whether the cache is used.
    complete: fn(&Setting<'_>, &mut Attributes) -> Result<bool, String>,
}

/// The attributes that every backend knows where it is written.
///
/// Source: `Solve` in control/control.go and `ParseAttributes` in util/compression/attrs.go in BuildKit.
const OF_EVERY_EXPORT: [&str; 5] =
    ["compression", "compression-level", "force-compression", "ignore-error", "mode"];

impl Backend {
    /// The attributes of a cache that nobody knows, which buildkitd would ignore in silence.
    fn unknown<'a>(&self, attrs: &'a Attributes) -> impl Iterator<Item = &'a str> {
        let keys = self.keys;
        attrs.keys().map(String::as_str).filter(|key| !keys.contains(key) && !OF_EVERY_EXPORT.contains(key))
    }
}

/// Checks what buildkitd would ignore in silence where it does not understand it. The error is what is wrong and what to
/// write.
fn check_export(attrs: &Attributes) -> Result<(), String> {
    if let Some(mode) = attrs.get("mode")
        && !["", "min", "max"].contains(&mode.as_str())
    {
        return Err(format!("there is no mode {mode:?}; use min or max"));
    }
    match attrs.get("ignore-error") {
        Some(value) if parse_bool(value).is_none() => {
            Err(format!("ignore-error={value} is no boolean; write ignore-error=true or ignore-error=false"))
        }
        _ => Ok(()),
    }
}

/// A [`Backend::complete`] that leaves everything to buildkitd.
#[expect(clippy::unnecessary_wraps, reason = "other backends may refuse")]
fn pass_on(_: &Setting<'_>, _: &mut Attributes) -> Result<bool, String> {
    Ok(true)
}

/// The caches that `values` name: `REFERENCE[,REFERENCE…]`, or `type=registry,ref=REFERENCE,…` and other types. Values
/// that are empty are left out.
pub(in crate::cli) fn parse_all(
    setting: &Setting<'_>,
    values: &[String],
) -> Result<Vec<CacheEntry>, ValueError> {
    let mut entries = Vec::new();
    for value in values.iter().filter(|value| !value.is_empty()) {
        if value.contains('=') {
            entries.extend(parse(setting, value)?);
            continue;
        }
        for reference in csv::fields(setting.name, value)? {
            let fault = match reference.as_str() {
                "" => "a reference is empty",
                reference if reference.contains(',') => "a reference has no comma",
                reference => {
                    entries.push(registry::entry(reference));
                    continue;
                }
            };
            return Err(ValueError::new(setting.name, value, fault));
        }
    }
    Ok(entries)
}

/// The cache of one value with keys; `None` where it is not to be used here.
fn parse(setting: &Setting<'_>, value: &str) -> Result<Option<CacheEntry>, ValueError> {
    let shown = without_secrets(value);
    let wrong = |fault: String| ValueError::new(setting.name, &shown, fault);
    let mut attrs = Attributes::new();
    for field in csv::fields(setting.name, value).map_err(|_| wrong("its quotes do not match".to_owned()))? {
        let (key, text) = field
            .split_once('=')
            .ok_or_else(|| wrong(format!("{:?} is not of the form key=value", without_secrets(&field))))?;
        attrs.insert(key.to_lowercase(), text.to_owned());
    }
    let kind = attrs.remove("type").filter(|kind| !kind.is_empty());
    let kind = kind.ok_or_else(|| wrong("type= is missing".to_owned()))?;
    let Some(backend) = BACKENDS.into_iter().find(|backend| backend.name == kind) else {
        let names = alternatives(BACKENDS.map(|backend| backend.name));
        let fault = format!("there is no type {kind:?}; use {names}");
        if setting.purpose == Use::Export {
            return Err(wrong(fault));
        }
        // As in buildx: a build can do without a cache that it cannot read.
        tracing::warn!(setting = setting.name, value = %shown, fault, "this cache is not read");
        return Ok(None);
    };
    if setting.purpose == Use::Export {
        check_export(&attrs).map_err(wrong)?;
    }
    for key in backend.unknown(&attrs) {
        tracing::warn!(
            "{}: a cache of type {kind} has no attribute {key:?}, and buildkitd ignores it",
            setting.name
        );
    }
    let is_used = (backend.complete)(setting, &mut attrs).map_err(wrong)?;
    if !is_used {
        tracing::debug!(setting = setting.name, kind, "this cache is not used: nothing says where it is");
    }
    Ok(is_used.then_some(CacheEntry { kind, attrs }))
}

/// A value with `***` in place of what its keys call secret.
fn without_secrets(value: &str) -> String {
    let field = |field: &str| match field.split_once('=') {
        Some((key, _)) if CacheEntry::is_secret(key) => format!("{key}=***"),
        _ => field.to_owned(),
    };
    value.split(',').map(field).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a setting reads of a value, with variables.
    fn read_with(
        purpose: Use,
        value: &str,
        variables: &[(&str, &str)],
    ) -> Result<Vec<CacheEntry>, ValueError> {
        let environment = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name)?;
            Some(OsString::from(found.1))
        };
        let name = if purpose == Use::Import { "--cache-from" } else { "--cache-to" };
        parse_all(&Setting { name, purpose, environment: &environment }, &[value.to_owned()])
    }

    fn read(value: &str) -> CacheEntry {
        read_with(Use::Export, value, &[]).unwrap().pop().unwrap()
    }

    fn attributes(purpose: Use, value: &str, variables: &[(&str, &str)]) -> Vec<String> {
        let entries = read_with(purpose, value, variables).unwrap();
        let attrs = entries.into_iter().flat_map(|entry| entry.attrs);
        attrs.map(|(key, value)| format!("{key}={value}")).collect()
    }

    #[test]
    fn bare_references_are_registries() {
        let entries = read_with(Use::Import, "r.example/cache:1,r.example/cache:2", &[]).unwrap();
        let references: Vec<_> =
            entries.iter().map(|entry| (entry.kind.as_str(), entry.attrs["ref"].as_str())).collect();
        assert_eq!(references, [("registry", "r.example/cache:1"), ("registry", "r.example/cache:2")]);
        let entry = read("TYPE=registry,Ref=r.example/c,mode=max");
        assert_eq!((entry.kind.as_str(), entry.attrs["ref"].as_str()), ("registry", "r.example/c"));
        assert_eq!(entry.attrs["mode"], "max");
        assert!(read_with(Use::Import, "", &[]).unwrap().is_empty());
    }

    #[test]
    fn every_backend_passes_its_attributes_on() {
        for backend in BACKENDS {
            let value = format!("type={},mode=max,ref=r,dest=d,token=t,url=u", backend.name);
            let entry = read(&value);
            assert_eq!((entry.kind.as_str(), entry.attrs["mode"].as_str()), (backend.name, "max"));
        }
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        let text = |purpose, value| read_with(purpose, value, &[]).unwrap_err().to_string();
        assert!(
            text(Use::Export, "type=nfs,src=x")
                .ends_with("no type \"nfs\"; use registry, inline, local, gha, s3 or azblob")
        );
        assert!(text(Use::Import, "ref=x").contains("type= is missing"));
        assert!(text(Use::Import, "a,,b").ends_with("a reference is empty"));
        assert!(text(Use::Export, "\"a,b\"").ends_with("a reference has no comma"));
        assert!(text(Use::Export, "type=registry,x").contains("\"x\" is not of the form key=value"));
        assert!(text(Use::Export, "type=local").contains("dest= is missing"));
        assert!(text(Use::Import, "type=local,dest=x").contains("src= is missing"));
        assert!(text(Use::Export, "type=local,dest=x,reset=y").contains("reset=y is neither true nor false"));
        assert!(text(Use::Export, "type=registry").contains("ref= is missing"));
        // A build can do without a cache.
        assert!(read_with(Use::Import, "type=nfs", &[]).unwrap().is_empty());
    }

    #[test]
    fn what_buildkitd_would_ignore_is_an_error_or_named() {
        let text = |value| read_with(Use::Export, value, &[]).unwrap_err().to_string();
        assert!(text("type=registry,ref=r,mode=mx").ends_with("there is no mode \"mx\"; use min or max"));
        assert!(text("type=inline,ignore-error=y").contains("ignore-error=y is no boolean"));
        assert_eq!(read("type=registry,ref=r,mode=").attrs["mode"], "");
        let attrs = |key: &str| Attributes::from([(key.to_owned(), String::new())]);
        for backend in BACKENDS {
            for key in ["compresion", "", "Mode"] {
                assert_eq!(backend.unknown(&attrs(key)).collect::<Vec<_>>(), [key], "{}", backend.name);
            }
            for key in backend.keys.iter().chain(&OF_EVERY_EXPORT) {
                assert_eq!(backend.unknown(&attrs(key)).count(), 0, "{} {key}", backend.name);
            }
        }
    }

    #[test]
    fn no_secret_is_in_an_error() {
        let error = read_with(Use::Export, "type=s3,secret_access_key=s3cr3t,token=\"s3cr3t\",x", &[]);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("secret_access_key=***") && !error.contains("s3cr3t"), "{error}");
    }

    #[test]
    fn the_cache_of_github_is_found_by_its_variables() {
        let token = ("ACTIONS_RUNTIME_TOKEN", "t");
        assert!(attributes(Use::Export, "type=gha", &[]).is_empty());
        assert!(attributes(Use::Export, "type=gha", &[token]).is_empty());
        assert_eq!(
            attributes(Use::Export, "type=gha,scope=s", &[token, ("ACTIONS_CACHE_URL", "u")]),
            ["scope=s", "token=t", "url=u"]
        );
        let results = [token, ("ACTIONS_RESULTS_URL", "r"), ("ACTIONS_CACHE_SERVICE_V2", "True")];
        assert_eq!(attributes(Use::Import, "type=gha", &results), ["token=t", "url=r", "url_v2=r"]);
        assert_eq!(
            attributes(Use::Import, "type=gha,version=1,token=x", &results),
            ["token=x", "url=r", "version=1"]
        );
    }

    #[test]
    fn keys_of_s3_come_from_the_environment_or_from_files() {
        let keys = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "s"), ("AWS_SESSION_TOKEN", "t")];
        assert_eq!(
            attributes(Use::Export, "type=s3,bucket=b", &keys),
            ["access_key_id=a", "bucket=b", "secret_access_key=s", "session_token=t"]
        );
        let given = "type=s3,access_key_id=x,secret_access_key=y";
        assert_eq!(attributes(Use::Export, given, &keys), ["access_key_id=x", "secret_access_key=y"]);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("credentials");
        let text = "[default]\naws_access_key_id = d\n# no\n[ci]\naws_access_key_id=c\naws_secret_access_key = k=1\n";
        std::fs::write(&path, text).unwrap();
        let file = ("AWS_SHARED_CREDENTIALS_FILE", path.to_str().unwrap());
        assert_eq!(
            attributes(Use::Export, "type=s3", &[file, ("AWS_PROFILE", "ci")]),
            ["access_key_id=c", "secret_access_key=k=1"]
        );
        assert!(attributes(Use::Export, "type=s3", &[file]).is_empty(), "half of a login is none");
    }
}
