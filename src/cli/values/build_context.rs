//! `--build-context`: contexts beside the one of the build.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::ValueError;
use super::syntax::pairs;
use crate::converter::plan::git::GitRef;
use crate::image::Reference;

/// Named contexts.
#[derive(Debug, Default)]
pub(in crate::cli) struct Contexts {
    /// What the frontend is told, by name.
    pub(in crate::cli) sources: BTreeMap<String, String>,
    /// The folders, by the names of their local sources.
    pub(in crate::cli) folders: BTreeMap<String, PathBuf>,
}

/// `NAME=VALUE`: a folder, or anything with a scheme, or a Git reference.
pub(in crate::cli) fn parse(values: &[String]) -> Result<Contexts, ValueError> {
    let mut contexts = Contexts::default();
    for (name, value) in pairs::parse("--build-context", values, |_| Some(String::new()))? {
        let wrong = |fault: &str| ValueError::BuildContext {
            name: name.clone(),
            value: value.clone(),
            fault: fault.to_owned(),
        };
        if value.is_empty() {
            return Err(wrong("write NAME=VALUE"));
        }
        let reference = Reference::parse(&name).map_err(|error| wrong(&format!("invalid name: {error}")))?;
        let familiar = reference.familiar();
        let key = familiar.strip_suffix(":latest").unwrap_or(familiar).to_owned();
        let is_git = !matches!(GitRef::parse(&value), Ok(None));
        if is_git || value.contains("://") {
            contexts.sources.insert(key, value);
            continue;
        }
        let folder = PathBuf::from(&value);
        if !folder.is_dir() {
            return Err(wrong("there is no such folder"));
        }
        // The names of the build's own local sources are taken.
        let taken = matches!(key.as_str(), "context" | "dockerfile");
        let local = if taken { format!("_{key}") } else { key.clone() };
        contexts.folders.insert(local.clone(), folder);
        contexts.sources.insert(key, format!("local:{local}"));
    }
    Ok(contexts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    #[test]
    fn contexts_are_named_as_images_are() {
        let found =
            parse(&owned(&["alpine:latest=docker-image://x", "context=/", "g=https://h/r.git"])).unwrap();
        assert_eq!(found.sources["alpine"], "docker-image://x");
        assert_eq!(found.sources["context"], "local:_context");
        assert_eq!(found.folders["_context"], PathBuf::from("/"));
        assert_eq!(found.sources["g"], "https://h/r.git");
        assert!(parse(&owned(&["a=/no/such/folder"])).is_err());
        assert!(parse(&owned(&["A=/"])).is_err());
    }
}
