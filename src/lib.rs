//! Bob builds and pushes container images: it reads the Dockerfile itself, turns it into BuildKit LLB,
//! and keeps registry credentials in a proxy that the build never sees behind.
//!
//! [`converter`] is pure: text in, graph out. [`job`] is the one place that joins it to the world.

#[cfg(feature = "buildkit")]
#[allow(clippy::disallowed_methods, reason = "opens files")]
pub mod beneath;
#[cfg(feature = "buildkit")]
#[allow(clippy::disallowed_methods, reason = "talks to buildkitd and reads the files that a build sends")]
pub mod buildkit;
#[cfg(feature = "cli")]
#[allow(clippy::disallowed_methods, reason = "arguments and the environment enter here")]
pub mod cli;
pub mod converter;
pub mod diag;
#[cfg(feature = "cli")]
pub mod explain;
#[cfg(test)]
mod fuzz;
pub mod gotext;
#[cfg(feature = "registry")]
pub mod http;
pub mod image;
#[cfg(feature = "cli")]
#[allow(clippy::disallowed_methods, reason = "joins the pure core to files, clocks and sockets")]
pub mod job;
pub mod percent;
#[cfg(feature = "buildkit")]
#[allow(clippy::disallowed_methods, reason = "shows how much time has passed")]
pub mod progress;
#[cfg(feature = "proxy")]
#[allow(clippy::disallowed_methods, reason = "serves sockets, keeps time-outs")]
pub mod proxy;
#[cfg(feature = "registry")]
#[allow(clippy::disallowed_methods, reason = "reads docker configuration, keeps token expiry")]
pub mod registry;
#[cfg(feature = "registry")]
pub mod retry;
#[cfg(any(feature = "buildkit", feature = "registry"))]
#[allow(clippy::disallowed_methods, reason = "looks for programs on disk")]
pub mod search_path;
#[cfg(any(feature = "buildkit", feature = "registry"))]
pub mod secret;
#[cfg(feature = "cli")]
#[allow(clippy::disallowed_methods, reason = "reads the workspace's environment and files")]
pub mod workspace;
