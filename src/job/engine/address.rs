//! Where the engine is that images are loaded into: docker's context, its variables, the usual sockets.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::error::EngineError;
use super::settings::EngineSettings;
use crate::registry::{read_docker_config, without_byte_order_mark};
use crate::search_path::find_program;

/// Where docker listens by default.
const DOCKER_SOCKET: &str = "/var/run/docker.sock";
/// Where podman of the superuser listens.
const PODMAN_SOCKET: &str = "/run/podman/podman.sock";
/// The context that is no file: `DOCKER_HOST`, or the usual socket.
const DEFAULT_CONTEXT: &str = "default";

/// How an engine is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EngineAddress {
    /// A Unix socket.
    Unix(PathBuf),
    /// A TCP port, by TLS with the certificates of a folder where one is named.
    Tcp { authority: String, certificates: Option<PathBuf> },
    /// `docker system dial-stdio` on another machine: the arguments of `ssh`.
    Ssh(Vec<String>),
    /// The program `podman`, where no engine listens.
    Podman(PathBuf),
}

impl fmt::Display for EngineAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp { authority, .. } => write!(f, "tcp://{authority}"),
            Self::Ssh(arguments) => write!(f, "ssh {}", arguments.join(" ")),
            Self::Podman(program) => write!(f, "{}", program.display()),
        }
    }
}

/// Finds the engine of the docker context `context`; without one that of the context in use, as docker's own command
/// line does. A context may also be an address.
///
/// # Errors
/// [`EngineError`].
pub(super) fn find(settings: &EngineSettings, context: Option<&str>) -> Result<EngineAddress, EngineError> {
    let in_use = || -> Result<Option<String>, EngineError> {
        if settings.host.is_some() {
            return Ok(None);
        }
        match &settings.context {
            Some(context) => Ok(Some(context.clone())),
            None => current_context(settings),
        }
    };
    let name = match context {
        Some(address) if address.contains("://") => return parse(address, None),
        Some(name) => Some(name.to_owned()),
        None => in_use()?,
    };
    match name.filter(|name| name != DEFAULT_CONTEXT) {
        Some(name) => of_context(settings, &name),
        None => default(settings),
    }
}

/// The engine of the environment: `DOCKER_HOST`, docker's socket, podman's, or the program `podman`.
fn default(settings: &EngineSettings) -> Result<EngineAddress, EngineError> {
    if let Some(host) = &settings.host {
        let folder = || settings.certificates.clone().or_else(|| settings.folder.clone());
        return parse(host, settings.uses_tls.then(folder).flatten());
    }
    let of_user = settings.runtime_dir.as_ref().map(|folder| folder.join("podman/podman.sock"));
    let sockets = [Some(DOCKER_SOCKET.into()), of_user, Some(PODMAN_SOCKET.into())];
    if let Some(socket) = sockets.into_iter().flatten().find(|socket: &PathBuf| socket.exists()) {
        return Ok(EngineAddress::Unix(socket));
    }
    let podman = find_program("podman", settings.search_path.as_deref());
    podman.map(EngineAddress::Podman).ok_or(EngineError::NoEngine { socket: DOCKER_SOCKET })
}

/// Reads `unix://PATH`, `tcp://HOST:PORT`, `ssh://[USER@]HOST[:PORT]`.
fn parse(address: &str, certificates: Option<PathBuf>) -> Result<EngineAddress, EngineError> {
    let wrong = || EngineError::Address { address: address.to_owned() };
    let (scheme, rest) = address.split_once("://").ok_or_else(wrong)?;
    if rest.is_empty() {
        return Err(wrong());
    }
    if scheme == "https" && certificates.is_none() {
        return Err(EngineError::NoCertificates { address: address.to_owned() });
    }
    match scheme {
        "unix" => Ok(EngineAddress::Unix(rest.into())),
        "tcp" | "http" | "https" => {
            let authority = rest.split('/').next().unwrap_or_default();
            // Docker's ports without and with TLS.
            let port = if certificates.is_some() { 2376 } else { 2375 };
            let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
            let authority = if has_port { authority.to_owned() } else { format!("{authority}:{port}") };
            authority.parse::<http::uri::Authority>().map_err(|_| wrong())?;
            Ok(EngineAddress::Tcp { authority, certificates })
        }
        "ssh" => ssh_arguments(rest).map(EngineAddress::Ssh).ok_or_else(wrong),
        _ => Err(wrong()),
    }
}

/// The arguments of `ssh` for `[USER@]HOST[:PORT]`. A host that looks like a flag is none.
fn ssh_arguments(rest: &str) -> Option<Vec<String>> {
    let rest = rest.trim_end_matches('/');
    let (user, host) = match rest.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, rest),
    };
    let (host, port) = match host.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse::<u16>().ok()?)),
        None => (host, None),
    };
    let is_name = |text: &str| !text.is_empty() && !text.starts_with('-') && !text.contains('/');
    if !is_name(host) || user.is_some_and(|user| !is_name(user)) {
        return None;
    }
    let mut arguments = Vec::new();
    if let Some(user) = user {
        arguments.extend(["-l".to_owned(), user.to_owned()]);
    }
    if let Some(port) = port {
        arguments.extend(["-p".to_owned(), port.to_string()]);
    }
    let command = ["--", host, "docker", "system", "dial-stdio"];
    arguments.extend(command.map(str::to_owned));
    Some(arguments)
}

/// The context that docker's configuration has in use.
fn current_context(settings: &EngineSettings) -> Result<Option<String>, EngineError> {
    #[derive(Deserialize)]
    struct Config {
        #[serde(rename = "currentContext", default)]
        current_context: Option<String>,
    }
    let Some(folder) = &settings.folder else { return Ok(None) };
    let Some(text) = read(&folder.join("config.json"))? else { return Ok(None) };
    // What is wrong in the file is told where credentials are read from it.
    let config = serde_json::from_slice::<Config>(without_byte_order_mark(&text)).ok();
    Ok(config.and_then(|config| config.current_context).filter(|name| !name.is_empty()))
}

/// Reads the address out of the files of a context (docker: `cli/context/store`).
fn of_context(settings: &EngineSettings, name: &str) -> Result<EngineAddress, EngineError> {
    #[derive(Deserialize)]
    struct Context {
        #[serde(rename = "Endpoints", default)]
        endpoints: std::collections::BTreeMap<String, Endpoint>,
    }
    #[derive(Deserialize)]
    struct Endpoint {
        #[serde(rename = "Host", default)]
        host: String,
    }
    let missing = || EngineError::NoContext { name: name.to_owned() };
    let contexts = settings.folder.as_ref().ok_or_else(missing)?.join("contexts");
    let id = hex::encode(Sha256::digest(name.as_bytes()));
    let path = contexts.join("meta").join(&id).join("meta.json");
    let text = read(&path)?.ok_or_else(missing)?;
    let context = serde_json::from_slice::<Context>(&text).ok();
    let host = context.and_then(|mut context| context.endpoints.remove("docker")).map(|docker| docker.host);
    let Some(host) = host.filter(|host| !host.is_empty()) else {
        return Err(EngineError::NoEndpoint { name: name.to_owned(), path });
    };
    let certificates = contexts.join("tls").join(&id).join("docker");
    parse(&host, certificates.is_dir().then_some(certificates))
}

fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, EngineError> {
    read_docker_config(path).map_err(|source| EngineError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> EngineSettings {
        let pairs: Vec<_> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        EngineSettings::of(move |name| {
            pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.into())
        })
    }

    fn found(settings: &EngineSettings, context: Option<&str>) -> String {
        find(settings, context).unwrap().to_string()
    }

    #[test]
    fn addresses_are_those_of_docker() {
        let found = |host: &str| found(&settings(&[("DOCKER_HOST", host)]), None);
        assert_eq!(found("unix:///run/x.sock"), "unix:///run/x.sock");
        assert_eq!(found("tcp://host"), "tcp://host:2375");
        assert_eq!(found("tcp://[::1]:99/"), "tcp://[::1]:99");
        assert_eq!(found("ssh://u@host:22"), "ssh -l u -p 22 -- host docker system dial-stdio");
        for wrong in ["nope", "unix://", "npipe:////./pipe/docker", "ssh://-oProxyCommand=x", "tcp://a b:1"] {
            let error = find(&settings(&[("DOCKER_HOST", wrong)]), None).unwrap_err().to_string();
            assert!(error.contains("is no address of docker"), "{error}");
        }
    }

    #[test]
    fn tls_is_spoken_where_the_environment_says_so() {
        let with = settings(&[
            ("DOCKER_HOST", "tcp://host"),
            ("DOCKER_TLS_VERIFY", "1"),
            ("DOCKER_CERT_PATH", "/certs"),
        ]);
        let address = find(&with, None).unwrap();
        let certificates = Some("/certs".into());
        assert_eq!(address, EngineAddress::Tcp { authority: "host:2376".to_owned(), certificates });
    }

    #[test]
    fn an_address_that_asks_for_tls_is_never_spoken_to_without() {
        let error = find(&settings(&[("DOCKER_HOST", "https://host:2376")]), None).unwrap_err();
        assert!(matches!(error, EngineError::NoCertificates { .. }), "{error}");
        let with = settings(&[
            ("DOCKER_HOST", "https://host"),
            ("DOCKER_TLS_VERIFY", "1"),
            ("DOCKER_CERT_PATH", "/certs"),
        ]);
        assert!(matches!(find(&with, None), Ok(EngineAddress::Tcp { certificates: Some(_), .. })));
    }

    #[test]
    fn contexts_are_read_from_docker_s_files() {
        let dir = tempfile::tempdir().unwrap();
        let id = hex::encode(Sha256::digest(b"far"));
        let meta = dir.path().join("contexts/meta").join(&id);
        fs::create_dir_all(&meta).unwrap();
        let text = r#"{"Name":"far","Metadata":{},"Endpoints":{"docker":{"Host":"unix:///far.sock"}}}"#;
        fs::write(meta.join("meta.json"), text).unwrap();
        let folder = dir.path().to_str().unwrap();
        let only_config = settings(&[("DOCKER_CONFIG", folder)]);
        assert_eq!(found(&only_config, Some("far")), "unix:///far.sock");
        assert_eq!(
            found(&settings(&[("DOCKER_CONFIG", folder), ("DOCKER_CONTEXT", "far")]), None),
            "unix:///far.sock"
        );
        fs::write(dir.path().join("config.json"), r#"{"currentContext":"far","auths":{}}"#).unwrap();
        assert_eq!(found(&only_config, None), "unix:///far.sock");
        let host = settings(&[("DOCKER_CONFIG", folder), ("DOCKER_HOST", "unix:///near.sock")]);
        assert_eq!(found(&host, None), "unix:///near.sock", "the variable comes first");
        assert_eq!(found(&host, Some("default")), "unix:///near.sock");
        let error = find(&only_config, Some("nope")).unwrap_err();
        assert!(matches!(error, EngineError::NoContext { name } if name == "nope"));
        fs::write(meta.join("meta.json"), r#"{"Name":"far","Endpoints":{}}"#).unwrap();
        assert!(matches!(find(&only_config, None), Err(EngineError::NoEndpoint { .. })));
    }

    #[test]
    fn a_configuration_is_read_whatever_editor_wrote_it_and_no_pipe_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.json");
        let settings = settings(&[("DOCKER_CONFIG", dir.path().to_str().unwrap())]);
        fs::write(&path, "\u{feff}{\"currentContext\":\"far\"}").unwrap();
        assert_eq!(current_context(&settings).unwrap().as_deref(), Some("far"));
        fs::remove_file(&path).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).unwrap();
        let error = current_context(&settings).unwrap_err();
        assert!(matches!(error, EngineError::File { .. }), "{error}");
    }

    #[test]
    fn podman_is_taken_where_docker_is_not() {
        let dir = tempfile::tempdir().unwrap();
        if Path::new(DOCKER_SOCKET).exists() || Path::new(PODMAN_SOCKET).exists() {
            return;
        }
        let folder = dir.path().to_str().unwrap();
        let both = settings(&[("XDG_RUNTIME_DIR", folder), ("PATH", folder)]);
        assert!(matches!(find(&both, None), Err(EngineError::NoEngine { .. })));
        let program = dir.path().join("podman");
        fs::write(&program, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        assert_eq!(found(&both, None), program.to_str().unwrap());
        fs::create_dir(dir.path().join("podman.d")).unwrap();
        fs::rename(&program, dir.path().join("podman.d/podman.sock")).unwrap();
        fs::rename(dir.path().join("podman.d"), dir.path().join("podman")).unwrap();
        assert_eq!(found(&both, None), format!("unix://{folder}/podman/podman.sock"));
    }
}
