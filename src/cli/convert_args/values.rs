//! The syntax of values, as buildx reads it before it hands them to the frontend.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use crate::cli::Failure;
use crate::converter::dockerfile::parse_ram_in_bytes;
use crate::converter::plan::Ulimit;
use crate::converter::plan::git::GitRef;
use crate::image::{Platform, Reference};

/// `NAME=VALUE` pairs, the last one of a name. A name alone gets what `default` says, or is left out.
pub(super) fn pairs(
    flag: &str,
    values: &[String],
    default: impl Fn(&str) -> Option<String>,
) -> Result<BTreeMap<String, String>, Failure> {
    let mut pairs = BTreeMap::new();
    for text in values {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text.as_str(), default(text)),
        };
        if name.is_empty() {
            return Err(Failure::Usage(format!("{flag} {text:?} has no name: write NAME=VALUE")));
        }
        if let Some(value) = value {
            pairs.insert(name.to_owned(), value);
        }
    }
    Ok(pairs)
}

/// Platforms, normalised.
pub(super) fn platforms(values: &[String]) -> Result<Vec<Platform>, Failure> {
    let parse = |text: &String| {
        let platform =
            Platform::parse(text).map_err(|error| Failure::Usage(format!("--platform: {error}")))?;
        Ok(platform.normalized())
    };
    values.iter().map(parse).collect()
}

/// `HOST:IP` or `HOST=IP[,IP…]`, host names in lower case.
pub(super) fn hosts(values: &[String]) -> Result<Vec<(String, IpAddr)>, Failure> {
    let mut hosts = Vec::new();
    for text in values {
        let wrong = || Failure::Usage(format!("--add-host {text:?}: write HOST:IP"));
        let (host, ips) = text.split_once('=').or_else(|| text.split_once(':')).ok_or_else(wrong)?;
        if host.is_empty() || ips.is_empty() {
            return Err(wrong());
        }
        for ip in ips.split(',') {
            let bare = ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')).filter(|ip| !ip.is_empty());
            let ip: IpAddr = bare.unwrap_or(ip).parse().map_err(|_| wrong())?;
            hosts.push((host.to_lowercase(), ip.to_canonical()));
        }
    }
    Ok(hosts)
}

/// A size with a unit, as in `64m`; zero for sizes that are not more.
pub(super) fn bytes(text: &str) -> Result<i64, Failure> {
    if text.is_empty() {
        return Ok(0);
    }
    let wrong =
        || Failure::Usage(format!("--shm-size {text:?}: write a number of bytes, or one with k, m or g"));
    parse_ram_in_bytes(text).map(|size| size.max(0)).ok_or_else(wrong)
}

const LIMITS: [&str; 15] = [
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// `NAME=SOFT[:HARD]`, the last one of a name, by name.
pub(super) fn ulimits(values: &[String]) -> Result<Vec<Ulimit>, Failure> {
    let mut limits = BTreeMap::new();
    for text in values {
        let wrong = |reason: &str| Failure::Usage(format!("--ulimit {text:?}: {reason}"));
        let (name, limit) = text.split_once('=').ok_or_else(|| wrong("write NAME=SOFT[:HARD]"))?;
        if !LIMITS.contains(&name) {
            return Err(wrong(&format!("there is no limit {name:?}")));
        }
        let number = |text: &str| text.parse::<i64>().map_err(|_| wrong("a limit is a number"));
        let (soft, hard) = match limit.split_once(':') {
            Some((soft, hard)) => (number(soft)?, number(hard)?),
            None => (number(limit)?, number(limit)?),
        };
        if hard != -1 && (soft == -1 || soft > hard) {
            return Err(wrong("the soft limit is above the hard limit"));
        }
        limits.insert(name.to_owned(), Ulimit { name: name.to_owned(), soft, hard });
    }
    Ok(limits.into_values().collect())
}

/// Named contexts.
#[derive(Debug, Default)]
pub(super) struct Contexts {
    /// What the frontend is told, by name.
    pub(super) sources: BTreeMap<String, String>,
    /// The folders, by the names of their local sources.
    pub(super) folders: BTreeMap<String, PathBuf>,
}

/// `NAME=VALUE`: a folder, or anything with a scheme, or a Git reference.
pub(super) fn contexts(values: &[String]) -> Result<Contexts, Failure> {
    let mut contexts = Contexts::default();
    for (name, value) in pairs("--build-context", values, |_| Some(String::new()))? {
        let wrong = |reason: &str| Failure::Usage(format!("--build-context {name}={value}: {reason}"));
        if value.is_empty() {
            return Err(wrong("write NAME=VALUE"));
        }
        let reference = Reference::parse(&name).map_err(|error| wrong(&format!("invalid name: {error}")))?;
        let familiar = reference.familiar();
        let name = familiar.strip_suffix(":latest").unwrap_or(familiar).to_owned();
        let is_git = !matches!(GitRef::parse(&value), Ok(None));
        if is_git || value.contains("://") {
            contexts.sources.insert(name, value);
            continue;
        }
        let folder = PathBuf::from(&value);
        if !folder.is_dir() {
            return Err(wrong("there is no such folder"));
        }
        // The names of the build's own local sources are taken.
        let taken = matches!(name.as_str(), "context" | "dockerfile");
        let local = if taken { format!("_{name}") } else { name.clone() };
        contexts.folders.insert(local.clone(), folder);
        contexts.sources.insert(name, format!("local:{local}"));
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
    fn names_without_a_value_get_the_default() {
        let values = owned(&["A=1=2", "B", "C", "A=3"]);
        let pairs = pairs("--build-arg", &values, |name| (name == "B").then(|| "b".into())).unwrap();
        assert_eq!(pairs, BTreeMap::from([("A".into(), "3".into()), ("B".into(), "b".into())]));
    }

    #[test]
    fn hosts_take_both_separators() {
        let hosts = hosts(&owned(&["A:1.2.3.4", "b=[::1],::ffff:1.2.3.4"])).unwrap();
        let text: Vec<String> = hosts.iter().map(|(host, ip)| format!("{host} {ip}")).collect();
        assert_eq!(text, ["a 1.2.3.4", "b ::1", "b 1.2.3.4"]);
        for value in ["a", ":1.2.3.4", "a:", "a:x"] {
            assert!(super::hosts(&owned(&[value])).is_err(), "{value}");
        }
    }

    #[test]
    fn limits_are_sorted_and_checked() {
        let limits = ulimits(&owned(&["nofile=1:2", "core=-1", "nofile=3"])).unwrap();
        let text: Vec<String> = limits.iter().map(|l| format!("{}={}:{}", l.name, l.soft, l.hard)).collect();
        assert_eq!(text, ["core=-1:-1", "nofile=3:3"]);
        for value in ["nofile", "x=1", "nofile=a", "nofile=2:1", "nofile=-1:1", "nofile=1:2:3"] {
            assert!(ulimits(&owned(&[value])).is_err(), "{value}");
        }
    }

    #[test]
    fn contexts_are_named_as_images_are() {
        let found =
            contexts(&owned(&["alpine:latest=docker-image://x", "context=/", "g=https://h/r.git"])).unwrap();
        assert_eq!(found.sources["alpine"], "docker-image://x");
        assert_eq!(found.sources["context"], "local:_context");
        assert_eq!(found.folders["_context"], PathBuf::from("/"));
        assert_eq!(found.sources["g"], "https://h/r.git");
        assert!(contexts(&owned(&["a=/no/such/folder"])).is_err());
        assert!(contexts(&owned(&["A=/"])).is_err());
    }
}
