//! `--build-context`: contexts beside the one of the build.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::ValueError;
use crate::converter::plan::git::GitRef;
use crate::converter::plan::paths::{base, clean};
use crate::diag::with_causes;
use crate::image::Reference;
use crate::job::OciLayout;

/// What a context may be.
const FORMS: &str = "write a folder, docker-image://REF, oci-layout://FOLDER, a Git URL or http(s)://";

/// What is told to buildkitd as it is.
const REMOTE: [&str; 3] = ["docker-image://", "http://", "https://"];

/// Named contexts.
#[derive(Debug, Default)]
pub(in crate::cli) struct Contexts {
    /// What the frontend is told, by name.
    pub(in crate::cli) sources: BTreeMap<String, String>,
    /// The folders, by the names of their local sources.
    pub(in crate::cli) folders: BTreeMap<String, PathBuf>,
    /// The folders of OCI layouts, by the names of their stores.
    pub(in crate::cli) layouts: BTreeMap<String, PathBuf>,
    /// Hints for sharing what was sent before of the folders, by the names of the contexts.
    pub(in crate::cli) shared_keys: BTreeMap<String, String>,
}

/// `NAME=VALUE`: a folder, or anything with a scheme, or a Git reference.
pub(in crate::cli) fn parse(values: &[String]) -> Result<Contexts, ValueError> {
    let mut contexts = Contexts::default();
    for (key, (name, value)) in last_of_each(values)? {
        let wrong = |fault: &str| wrong(name, value, fault);
        let value = value.to_owned();
        if value.is_empty() {
            return Err(wrong("write NAME=VALUE"));
        }
        let is_git = !matches!(GitRef::parse(&value), Ok(None));
        if is_git || REMOTE.iter().any(|scheme| value.starts_with(scheme)) {
            contexts.sources.insert(key, value);
            continue;
        }
        if let Some(layout) = value.strip_prefix("oci-layout://") {
            let layout = OciLayout::find(layout).map_err(|error| wrong(&with_causes(&error)))?;
            contexts.sources.insert(key, layout.source());
            contexts.layouts.insert(layout.store(), layout.folder);
            continue;
        }
        if value.starts_with("target:") {
            return Err(wrong(&format!("targets belong to docker buildx bake; {FORMS}")));
        }
        let folder = PathBuf::from(&value);
        if !folder.is_dir() {
            let fault = if folder.exists() { "it is not a folder" } else { "there is no such folder" };
            return Err(wrong(&format!("{fault}; {FORMS}")));
        }
        let path = std::path::absolute(&folder).unwrap_or_else(|_| folder.clone());
        contexts.shared_keys.insert(key.clone(), base(&clean(&path.to_string_lossy())).to_owned());
        // The names of the build's own local sources are taken.
        let taken = matches!(key.as_str(), "context" | "dockerfile");
        let local = if taken { format!("_{key}") } else { key.clone() };
        contexts.folders.insert(local.clone(), folder);
        contexts.sources.insert(key, format!("local:{local}"));
    }
    Ok(contexts)
}

/// The names and values of `values`, the last one of each name, by the names as images are called.
fn last_of_each(values: &[String]) -> Result<BTreeMap<String, (&str, &str)>, ValueError> {
    let mut contexts = BTreeMap::new();
    for text in values {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        if name.is_empty() {
            return Err(ValueError::Unnamed { setting: "--build-context", given: text.clone() });
        }
        let reference =
            Reference::parse(name).map_err(|error| wrong(name, value, &format!("invalid name: {error}")))?;
        contexts.insert(reference.context_name().to_owned(), (name, value));
    }
    Ok(contexts)
}

fn wrong(name: &str, value: &str, fault: &str) -> ValueError {
    ValueError::BuildContext { name: name.to_owned(), value: value.to_owned(), fault: fault.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::values::owned;

    #[test]
    fn contexts_are_named_as_images_are() {
        let found =
            parse(&owned(&["alpine:latest=docker-image://x", "context=/", "g=https://h/r.git"])).unwrap();
        assert_eq!(found.sources["alpine"], "docker-image://x");
        assert_eq!(found.sources["context"], "local:_context");
        assert_eq!(found.folders["_context"], PathBuf::from("/"));
        assert_eq!(found.sources["g"], "https://h/r.git");
        assert!(parse(&owned(&["A=/"])).is_err());
    }

    #[test]
    fn the_last_context_of_a_name_holds() {
        let found = parse(&owned(&["a=/", "a=docker-image://x"])).unwrap();
        assert_eq!(found.sources["a"], "docker-image://x");
        assert!(found.folders.is_empty());
        let found = parse(&owned(&["a:latest=docker-image://x", "docker.io/library/a=/"])).unwrap();
        assert_eq!(found.sources["a"], "local:a");
        parse(&owned(&["a=/no/such/folder", "a=/"])).unwrap();
    }

    #[test]
    fn what_was_sent_before_of_a_folder_is_known_by_the_folders_name() {
        let key = |value: &str| parse(&owned(&[value])).unwrap().shared_keys["a"].clone();
        let here = std::env::current_dir().unwrap();
        let name = here.file_name().unwrap().to_str().unwrap();
        assert_eq!((key("a=."), key("a=src/..")), (name.to_owned(), name.to_owned()));
        assert_eq!(key("a=/"), "/");
    }

    #[test]
    fn contexts_that_mean_nothing_are_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let file = file.path().display();
        for (value, fault) in [
            ("a=/no/such/folder".to_owned(), "there is no such folder"),
            (format!("a={file}"), "it is not a folder"),
            ("a=ftp://h/x".to_owned(), "there is no such folder"),
            ("a=target:b".to_owned(), "targets belong to docker buildx bake"),
            ("a=oci-layout:///no/such/layout".to_owned(), "/no/such/layout is not an OCI layout"),
            ("a".to_owned(), "write NAME=VALUE"),
        ] {
            let error = parse(std::slice::from_ref(&value)).unwrap_err().to_string();
            assert!(error.starts_with("--build-context a=") && error.contains(fault), "{error}");
        }
    }
}
