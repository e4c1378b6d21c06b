//! `--ssh`: SSH agents for RUN.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::cli::values::ValueError;
use crate::gotext::parse_bool;
use crate::job::{DEFAULT_AGENT, SshRequest};

const SETTING: &str = "--ssh";

/// The agents that `values` ask for: `ID[=SOCKET[,raw=true]]` or `ID=KEY[,KEY…]`. Without an id it is the default one. An
/// empty value is none. (BuildKit: `cmd/buildctl/build/ssh.go`)
pub(in crate::cli) fn parse(values: &[String]) -> Result<Vec<SshRequest>, ValueError> {
    let mut requests = BTreeMap::new();
    for value in values.iter().filter(|value| !value.is_empty()) {
        let request = parse_one(value)?;
        if let Some(other) = requests.insert(request.id.clone(), request) {
            let fault = format!("the id {:?} is given twice: give the second agent another id", other.id);
            return Err(ValueError::new(SETTING, value, fault));
        }
    }
    Ok(requests.into_values().collect())
}

fn parse_one(value: &str) -> Result<SshRequest, ValueError> {
    let wrong = |fault: &str| ValueError::new(SETTING, value, fault);
    let (id, parts) = match value.split_once('=') {
        Some((id, parts)) => (id, Some(parts)),
        None => (value, None),
    };
    let id = if id.is_empty() { DEFAULT_AGENT } else { id }.to_owned();
    let (mut paths, mut is_raw) = (Vec::new(), false);
    for part in parts.into_iter().flat_map(|parts| parts.split(',')) {
        match part.strip_prefix("raw=") {
            Some(raw) => is_raw = parse_bool(raw).ok_or_else(|| wrong("raw is true or false"))?,
            None => paths.push(PathBuf::from(part)),
        }
    }
    if is_raw && paths.len() != 1 {
        return Err(wrong("raw=true stands beside one socket: write ID=SOCKET,raw=true"));
    }
    if paths.len() > 1 && paths.iter().any(|path| path.as_os_str().is_empty()) {
        return Err(wrong("a path is empty"));
    }
    Ok(SshRequest { id, paths, is_raw })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::values::owned;

    fn requests(values: &[&str]) -> Result<Vec<SshRequest>, ValueError> {
        parse(&owned(values))
    }

    #[test]
    fn an_agent_without_an_id_is_the_default_one() {
        let request = |id: &str, paths: &[&str], is_raw| SshRequest {
            id: id.to_owned(),
            paths: paths.iter().map(PathBuf::from).collect(),
            is_raw,
        };
        assert_eq!(requests(&["", "default"]).unwrap(), [request("default", &[], false)]);
        assert_eq!(requests(&["=/a"]).unwrap(), [request("default", &["/a"], false)]);
        assert_eq!(requests(&["git=/a=b,/c"]).unwrap(), [request("git", &["/a=b", "/c"], false)]);
        assert_eq!(requests(&["git=/a,raw=1"]).unwrap(), [request("git", &["/a"], true)]);
        assert_eq!(requests(&["b=", "a"]).unwrap(), [request("a", &[], false), request("b", &[""], false)]);
    }

    #[test]
    fn an_id_stands_once_and_raw_with_one_socket() {
        for values in [
            &["default", "default=/a"][..],
            &["", "=/a", "default"],
            &["git=/a,/b,raw=true"],
            &["git=raw=true"],
            &["git=/a,raw=x"],
            &["git=/a,"],
        ] {
            assert!(requests(values).is_err(), "{values:?}");
        }
    }
}
