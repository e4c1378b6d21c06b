//! What the environment says of docker and podman.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::job::session::logins::DockerLogins;
use crate::workspace::variables;

/// What the environment says of the engine that images are loaded into.
#[derive(Debug, Clone, Default)]
pub struct EngineSettings {
    /// The address in `DOCKER_HOST`.
    pub(super) host: Option<String>,
    /// The docker context in `DOCKER_CONTEXT`.
    pub(super) context: Option<String>,
    /// Whether docker's address of the environment is spoken to by TLS (`DOCKER_TLS_VERIFY`).
    pub(super) uses_tls: bool,
    /// The folder of the certificates for that (`DOCKER_CERT_PATH`).
    pub(super) certificates: Option<PathBuf>,
    /// The folder of docker's configuration, with its contexts.
    pub(super) folder: Option<PathBuf>,
    /// Where sockets of this user lie (`XDG_RUNTIME_DIR`).
    pub(super) runtime_dir: Option<PathBuf>,
    /// Where programs are found (`PATH`).
    pub(super) search_path: Option<OsString>,
    /// Whether attestations of images in docker's containerd store are no artifacts of their own.
    pub(super) lacks_oci_artifacts: bool,
}

impl EngineSettings {
    /// Returns what `environment` says.
    pub fn of(environment: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| environment(name).filter(|value| !value.is_empty());
        let text = |name: &str| set(name).and_then(|value| value.into_string().ok());
        Self {
            host: text(variables::DOCKER_HOST.name),
            context: text(variables::DOCKER_CONTEXT.name),
            uses_tls: set(variables::DOCKER_TLS_VERIFY.name).is_some(),
            certificates: set(variables::DOCKER_CERT_PATH.name).map(PathBuf::from),
            folder: DockerLogins::of(&environment).folder,
            runtime_dir: set(variables::XDG_RUNTIME_DIR.name).map(PathBuf::from),
            search_path: set(variables::SEARCH_PATH.name),
            lacks_oci_artifacts: false,
        }
    }

    /// These settings, with attestations of images in docker's containerd store that are artifacts of their own, or not.
    #[must_use]
    pub fn with_oci_artifacts(self, has_oci_artifacts: bool) -> Self {
        Self { lacks_oci_artifacts: !has_oci_artifacts, ..self }
    }
}
