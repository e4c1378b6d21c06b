//! The buildkitd of a job: found, or started with a state of its own.

pub(super) mod builder;
pub(super) mod platforms;
pub(super) mod rendezvous;
pub(super) mod state;
