//! Counts of retries and fetched tokens.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of retries and fetched tokens, shared by the requests that a caller counts together.
#[derive(Debug, Default)]
pub struct RequestCounters {
    retries: AtomicU64,
    tokens: AtomicU64,
}

impl RequestCounters {
    /// Returns how often a request was sent again after a transient fault.
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// Returns how often a token was fetched.
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
