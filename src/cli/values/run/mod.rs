//! Values that say what RUN gets: network, hosts, limits, secrets, agents.

pub(in crate::cli) mod entitlement;
pub(in crate::cli) mod extra_host;
pub(in crate::cli) mod network;
pub(in crate::cli) mod resource;
pub(in crate::cli) mod secret;
pub(in crate::cli) mod shm_size;
pub(in crate::cli) mod ssh;
pub(in crate::cli) mod ulimit;
