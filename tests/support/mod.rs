//! Real parts for tests: buildkitd, registries, source images, and `bob` itself.
//!
//! Every part lives in a temporary folder of its own, listens where nothing else does, and ends with
//! the test process however that ends.

mod buildkitd;
mod cloud;
mod command;
mod counter;
mod engine;
mod folder;
mod guarded;
mod http_proxy;
mod image;
mod processes;
mod project;
mod proxy;
mod refusing;
mod registry;
mod steps;
mod web;
mod workspace;

pub use buildkitd::Buildkitd;
pub use cloud::Cloud;
pub use command::{Bob, Outcome};
pub use counter::{Counter, Exchange, head};
pub use engine::Engine;
pub use folder::files;
pub use guarded::tool;
pub use http_proxy::HttpProxy;
pub use image::{Image, digest_in_layout, pull, raw_manifest, source_layout};
pub use processes::{endless_seconds, processes};
pub use project::Project;
pub use proxy::Proxy;
pub use refusing::{Refusal, refusing_registry, registry_that_refuses};
pub use registry::Registry;
pub use steps::steps;
pub use web::{Web, archive};
pub use workspace::Workspace;
