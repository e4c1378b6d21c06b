//! The whole path on real parts: `bob`, buildkitd, a registry, the proxy.

#![allow(clippy::disallowed_methods, reason = "tests look at files and clocks")]

#[path = "../support/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]
mod support;

mod attestations;
mod attestations_beside_buildctl;
mod cache;
mod caches_beside_buildctl;
mod contexts;
mod daemons;
mod demo;
mod explain;
mod failures;
mod faults;
mod graphs;
mod greedy_daemon;
mod history;
mod hostile;
mod hostile_daemon;
mod http_proxy;
mod imagetools;
mod interchange;
mod interrupts;
mod mounts;
mod outputs;
mod parts;
mod plain;
mod progress;
mod read_ahead;
mod registries;
mod remote_contexts;
mod reports;
mod repositories;
mod sniffing;
mod ssh_keys;
mod standard_output;
mod state;
mod unused_options;
mod workspace;
