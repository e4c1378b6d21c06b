//! Time limits of work that has to be done as a whole.

use std::time::Duration;

use super::error::TransportError;

/// Returns what `work` returns, which has to be done within `limit`. `awaited` names what is waited for, in the error.
///
/// # Errors
/// [`TransportError::TimedOut`] after `limit`.
pub(crate) async fn within<T>(
    limit: Duration,
    awaited: impl FnOnce() -> String,
    work: impl Future<Output = T>,
) -> Result<T, TransportError> {
    let timed_out = |_| TransportError::TimedOut { what: awaited(), seconds: limit.as_secs() };
    tokio::time::timeout(limit, work).await.map_err(timed_out)
}
