//! What an operator sees: metrics and health.

pub(super) mod listener;
pub(super) mod metrics;
