//! What requests cost beyond themselves.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of what was done for requests besides sending them once. Shared by the requests that a caller
/// wants to count together.
#[derive(Debug, Default)]
pub struct RequestCounters {
    retries: AtomicU64,
    tokens: AtomicU64,
}

impl RequestCounters {
    /// How often a request was sent again after a fault that may pass.
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// How often a token was fetched.
    pub fn tokens(&self) -> u64 {
        self.tokens.load(Ordering::Relaxed)
    }

    pub(super) fn note_retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn note_token(&self) {
        self.tokens.fetch_add(1, Ordering::Relaxed);
    }
}
