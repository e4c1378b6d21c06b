//! When something that failed is tried again: one policy for requests to registries, copies between them and the start of
//! programs.

use std::time::Duration;

/// Settings of trying again: how often and after which pauses. Which failures are worth it, they say themselves
/// ([`TransientFailure`]).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryPolicy {
    /// How often something is tried, the first time included.
    pub max_attempts: u32,
    /// The pause after the first attempt. Each further one is twice as long as the one before.
    pub first_pause: Duration,
    /// The longest pause. What asks for a longer one is not tried again.
    pub max_pause: Duration,
    /// The part of a pause that is random, from 0 to 1, so that clients which failed together do not return together.
    pub jitter: f64,
}

/// A failure that knows whether another attempt may succeed.
pub trait TransientFailure {
    /// Whether the same attempt may well succeed a moment later.
    fn is_transient(&self) -> bool;

    /// Returns the pause that the other side asks for, if it does.
    fn requested_pause(&self) -> Option<Duration> {
        None
    }
}

impl RetryPolicy {
    /// The policy for requests to registries and for blobs that are copied between them.
    pub const REGISTRY: Self = Self {
        max_attempts: 4,
        first_pause: Duration::from_millis(250),
        max_pause: Duration::from_secs(30),
        jitter: 0.5,
    };
    /// The policy for starting a program that is being written just now, or while memory or processes are short.
    pub const PROGRAM_START: Self = Self {
        max_attempts: 7,
        first_pause: Duration::from_millis(20),
        max_pause: Duration::from_millis(640),
        jitter: 0.0,
    };

    /// Returns the pause after the attempt number `attempt`, from 1, which ended in `failure`. None if that was the last
    /// attempt, the failure is not transient, or the other side asks for a longer pause than the longest.
    pub fn pause_after(&self, attempt: u32, failure: &impl TransientFailure) -> Option<Duration> {
        if attempt >= self.max_attempts || !failure.is_transient() {
            return None;
        }
        let backoff = self.backoff(attempt);
        match failure.requested_pause() {
            Some(requested) => (requested <= self.max_pause).then(|| requested.max(backoff)),
            None => Some(backoff),
        }
    }

    fn backoff(&self, attempt: u32) -> Duration {
        let doubled = self.first_pause.saturating_mul(2_u32.saturating_pow(attempt - 1));
        doubled.min(self.max_pause).mul_f64(1.0 - self.jitter * rand::random::<f64>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A failure that asks for a pause, or asks for none; `None` for one that lasts.
    struct Failure(Option<Option<Duration>>);

    impl TransientFailure for Failure {
        fn is_transient(&self) -> bool {
            self.0.is_some()
        }

        fn requested_pause(&self) -> Option<Duration> {
            self.0.flatten()
        }
    }

    #[test]
    fn pauses_grow_and_are_bounded() {
        let policy = RetryPolicy { max_attempts: 20, ..RetryPolicy::REGISTRY };
        let pause = |attempt| policy.pause_after(attempt, &Failure(Some(None)));
        for attempt in 1..20 {
            let pause = pause(attempt).unwrap();
            assert!(pause >= policy.first_pause.mul_f64(0.5) && pause <= policy.max_pause, "{attempt}");
        }
        assert!(pause(4) >= pause(1));
        assert_eq!(pause(20), None);
        assert_eq!(policy.pause_after(1, &Failure(None)), None);
    }

    #[test]
    fn a_program_is_started_seven_times_with_doubled_pauses() {
        let pauses: Vec<Option<u128>> = (1..=7)
            .map(|attempt| RetryPolicy::PROGRAM_START.pause_after(attempt, &Failure(Some(None))))
            .map(|pause| pause.map(|pause| pause.as_millis()))
            .collect();
        assert_eq!(pauses, [Some(20), Some(40), Some(80), Some(160), Some(320), Some(640), None]);
    }

    #[test]
    fn a_pause_that_is_asked_for_is_kept_unless_it_is_too_long() {
        let ask = |seconds| {
            RetryPolicy::REGISTRY.pause_after(1, &Failure(Some(Some(Duration::from_secs(seconds)))))
        };
        assert_eq!(ask(7), Some(Duration::from_secs(7)));
        assert_eq!(ask(30), Some(Duration::from_secs(30)));
        assert_eq!(ask(31), None);
        // The pause of the policy is the shortest.
        assert!(ask(0) >= Some(Duration::from_millis(125)));
    }
}
