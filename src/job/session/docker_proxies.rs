//! `proxies` of docker's configuration: the HTTP proxies that RUN steps are told of.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::registry::{read_docker_config, without_byte_order_mark};
use crate::workspace::variables;

/// Where docker's client finds its engine where nothing says so.
const USUAL_HOST: &str = "unix:///var/run/docker.sock";
/// The entry of engines that have none of their own.
const DEFAULT: &str = "default";

/// The proxies of a docker configuration cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DockerProxiesError {
    /// The file cannot be read.
    #[error("cannot read {path}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The text is no configuration. The text of the error quotes nothing: the file holds logins.
    #[error("{path} is no docker configuration: see its \"proxies\" (line {line})", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
}

#[derive(Deserialize)]
struct Configuration {
    #[serde(default)]
    proxies: BTreeMap<String, Proxies>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Proxies {
    #[serde(rename = "httpProxy")]
    http: String,
    #[serde(rename = "httpsProxy")]
    https: String,
    #[serde(rename = "noProxy")]
    exceptions: String,
    #[serde(rename = "ftpProxy")]
    ftp: String,
}

/// Returns the build arguments that the docker configuration in `folder` gives every build for the engine at `host`.
///
/// Source: `GetProxyConfig` in `store/storeutil` of buildx.
///
/// # Errors
/// [`DockerProxiesError`]. A file that is not there says nothing.
pub fn docker_proxies(
    folder: &Path,
    host: Option<&str>,
) -> Result<BTreeMap<String, String>, DockerProxiesError> {
    let path = folder.join("config.json");
    let text = match read_docker_config(&path) {
        Ok(Some(text)) => text,
        Ok(None) => return Ok(BTreeMap::new()),
        Err(source) => return Err(DockerProxiesError::Read { path, source }),
    };
    let text = without_byte_order_mark(&text);
    if text.trim_ascii().is_empty() {
        return Ok(BTreeMap::new());
    }
    let malformed = |error: serde_json::Error| DockerProxiesError::Malformed { path, line: error.line() };
    let mut all = serde_json::from_slice::<Configuration>(text).map_err(malformed)?.proxies;
    let own = all.remove(host.unwrap_or(USUAL_HOST)).or_else(|| all.remove(DEFAULT)).unwrap_or_default();
    let arguments = [
        (variables::HTTP_PROXY.name, own.http),
        (variables::HTTPS_PROXY.name, own.https),
        (variables::NO_PROXY.name, own.exceptions),
        ("FTP_PROXY", own.ftp),
    ];
    let given = arguments.into_iter().filter(|(_, value)| !value.is_empty());
    Ok(given.map(|(name, value)| (name.to_owned(), value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, host: Option<&str>) -> Result<Vec<String>, DockerProxiesError> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("config.json"), text).unwrap();
        let arguments = docker_proxies(dir.path(), host)?;
        Ok(arguments.into_iter().map(|(name, value)| format!("{name}={value}")).collect())
    }

    #[test]
    fn an_engine_has_proxies_of_its_own_or_the_default_ones() {
        let text = r#"{"auths": {"r": {"auth": "x"}}, "proxies": {
            "default": {"httpProxy": "http://p:1", "noProxy": "a,b", "allProxy": "socks"},
            "tcp://e:1": {"httpsProxy": "http://p:2"}
        }}"#;
        assert_eq!(read(text, None).unwrap(), ["HTTP_PROXY=http://p:1", "NO_PROXY=a,b"]);
        assert_eq!(read(text, Some("tcp://e:1")).unwrap(), ["HTTPS_PROXY=http://p:2"]);
        assert_eq!(read("", None).unwrap(), [""; 0]);
        assert_eq!(read("{}", None).unwrap(), [""; 0]);
        assert!(docker_proxies(Path::new("/no/such/folder"), None).unwrap().is_empty());
    }

    #[test]
    fn a_configuration_that_logins_are_read_from_is_not_too_large_for_its_proxies() {
        let logins = "x".repeat(2 << 20);
        let text = format!(
            r#"{{"auths": {{"r": {{"auth": "{logins}"}}}}, "proxies": {{"default": {{"noProxy": "a"}}}}}}"#
        );
        assert_eq!(read(&text, None).unwrap(), ["NO_PROXY=a"]);
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("config.json")).unwrap();
        let error = docker_proxies(folder.path(), None).unwrap_err();
        assert!(matches!(error, DockerProxiesError::Read { .. }), "{error}");
    }

    #[test]
    fn a_broken_configuration_is_named_and_not_quoted() {
        let text = read("{\n\"proxies\": \"s3cr3t\"}", None).unwrap_err().to_string();
        assert!(
            text.contains("config.json") && text.contains("line 2") && !text.contains("s3cr3t"),
            "{text}"
        );
    }
}
