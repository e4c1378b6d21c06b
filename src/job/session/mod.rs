//! What buildkitd may ask a build for: logins and secrets.

pub(super) mod docker_proxies;
pub(super) mod grants;
pub(super) mod logins;
pub(super) mod secrets;
pub(crate) mod ssh_agent;
