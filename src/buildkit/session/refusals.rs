//! What the session refused to the daemon, kept as the cause of what follows.
//!
//! A refused stream ends with a status. grpc-go cancels the stream's context as soon as it reads that status, and
//! the daemon's receiver (`fsutil/receive.go`) has several goroutines that watch both: whichever comes first decides
//! whether the daemon reports our reason or `context canceled`. Our reason is the cause in either case.

use std::sync::{Arc, Mutex, PoisonError};

use tonic::{Code, Status};

use crate::buildkit::error::Error;

/// The first refusal of a session; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refusals(Arc<Mutex<Option<String>>>);

impl Refusals {
    /// Remembers a refusal, if it is the first one.
    pub(crate) fn note(&self, reason: &str) {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert_with(|| reason.to_owned());
    }

    /// Remembers the reason in `status` and returns it.
    pub(crate) fn refuse(&self, status: Status) -> Status {
        self.note(status.message());
        status
    }

    /// Returns `error` with the reason of the first refusal in place of the cancellation that followed it.
    pub(crate) fn explain(&self, error: Error) -> Error {
        let Error::Failed { during, failure } = error else { return error };
        let cancelled = failure.code == Code::Cancelled || failure.message.contains("context canceled");
        let reason = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match reason.filter(|_| cancelled) {
            Some(reason) => Error::Failed { during, failure: Box::new(failure.with_message(reason)) },
            None => Error::Failed { during, failure },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_the_refusal_and_not_the_cancellation_that_followed() {
        let refusals = Refusals::default();
        let cancelled =
            || Error::from_status("Solve", Status::unknown("failed to receive: context canceled"));
        assert_eq!(refusals.explain(cancelled()).to_string(), "failed to receive: context canceled");
        refusals.refuse(Status::not_found("no access allowed to dir \"other\""));
        refusals.note("something later");
        assert_eq!(refusals.explain(cancelled()).to_string(), "no access allowed to dir \"other\"");
        let other = Error::from_status("Solve", Status::unknown("exit code: 1"));
        assert_eq!(refusals.explain(other).to_string(), "exit code: 1");
    }
}
