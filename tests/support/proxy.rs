//! A running `bob proxy`.

use super::guarded::Guarded;
use super::registry::Registry;

/// `bob proxy` before a secured registry.
#[derive(Debug)]
pub struct Proxy {
    process: Guarded,
    /// `127.0.0.1:PORT`.
    pub host: String,
}

impl Proxy {
    /// What the build has to show, or the proxy answers 401.
    pub const TOKEN: &'static str = "token-of-the-build";

    /// Starts one with the registry's credentials for the repositories `base` and `target` there.
    pub fn start(registry: &Registry, base: &str, target: &str) -> Self {
        let env = [
            ("WORKSPACEKIT_BOBPROXY_BASEREF", registry.reference(base)),
            ("WORKSPACEKIT_BOBPROXY_TARGETREF", registry.reference(target)),
            ("WORKSPACEKIT_BOBPROXY_AUTH", registry.docker_config()),
            ("WORKSPACEKIT_BOBPROXY_TOKEN", Self::TOKEN.to_owned()),
            ("SSL_CERT_FILE", registry.ca().display().to_string()),
        ];
        let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let command = [env!("CARGO_BIN_EXE_bob"), "proxy", "--listen", "127.0.0.1:0"];
        let process = Guarded::start(Guarded::folder("proxy"), &command, &env);
        let host = process.wait_for("proxy", |p| {
            let log = p.log();
            let (_, after) = log.split_once("listening on ")?;
            let address: String =
                after.chars().take_while(|c| c.is_ascii_digit() || ".:".contains(*c)).collect();
            address.starts_with("127.").then_some(address)
        });
        Self { process, host }
    }

    /// A reference as the build uses it.
    pub fn reference(&self, alias: &str) -> String {
        format!("{}/{alias}", self.host)
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        self.process.log()
    }
}
