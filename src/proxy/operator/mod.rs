//! Metrics and health, for the operator of a proxy.

pub(super) mod listener;
pub(super) mod metrics;
