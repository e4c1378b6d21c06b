//! A running `bob proxy`.

use super::guarded::Guarded;
use super::registry::Registry;

/// `bob proxy` before a registry.
#[derive(Debug)]
pub struct Proxy {
    process: Guarded,
    /// `127.0.0.1:PORT`.
    pub host: String,
}

impl Proxy {
    /// What the build has to show, or the proxy answers 401.
    pub const TOKEN: &'static str = "token-of-the-build";

    /// What a build has to show to write, where [`Proxy::start_with_push_token`] started it.
    pub const PUSH_TOKEN: &'static str = "push-token-of-the-build";

    /// Starts one with the registry's credentials for the repositories `base` and `target` there. Its one token
    /// serves reading and writing.
    pub fn start(registry: &Registry, base: &str, target: &str) -> Self {
        Self::start_before(registry, base, target, &[])
    }

    /// As [`Proxy::start`], with [`Proxy::TOKEN`] for reading and [`Proxy::PUSH_TOKEN`] for writing.
    pub fn start_with_push_token(registry: &Registry, base: &str, target: &str) -> Self {
        let token = ("WORKSPACEKIT_BOBPROXY_PUSH_TOKEN", Self::PUSH_TOKEN);
        Self::start_before(registry, base, target, &[token])
    }

    fn start_before(registry: &Registry, base: &str, target: &str, more: &[(&str, &str)]) -> Self {
        let (base, target) = (registry.reference(base), registry.reference(target));
        Self::launch(&base, &target, &registry.docker_config(), &registry.ca().display().to_string(), more)
    }

    /// Starts one for the references `base` and `target` at open registries.
    pub fn before(base: &str, target: &str) -> Self {
        Self::launch(base, target, "{}", "", &[])
    }

    /// As [`Proxy::before`], with [`Proxy::TOKEN`] for reading and [`Proxy::PUSH_TOKEN`] for writing.
    pub fn before_with_push_token(base: &str, target: &str) -> Self {
        Self::launch(base, target, "{}", "", &[("WORKSPACEKIT_BOBPROXY_PUSH_TOKEN", Self::PUSH_TOKEN)])
    }

    fn launch(base: &str, target: &str, auth: &str, ca: &str, more: &[(&str, &str)]) -> Self {
        let mut env = vec![
            ("WORKSPACEKIT_BOBPROXY_BASEREF", base),
            ("WORKSPACEKIT_BOBPROXY_TARGETREF", target),
            ("WORKSPACEKIT_BOBPROXY_AUTH", auth),
            ("WORKSPACEKIT_BOBPROXY_TOKEN", Self::TOKEN),
            ("SSL_CERT_FILE", ca),
        ];
        env.extend(more);
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
