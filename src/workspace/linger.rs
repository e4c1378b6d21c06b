//! How long a failed build stays, so that the reader of its output can attach.

use std::time::Duration;

use super::{Environment, Error, variables};

/// A build that fails within this time stays for [`STAY`] longer.
const SHORT: Duration = Duration::from_secs(5);
const STAY: Duration = Duration::from_secs(10);

/// Whether short failures linger: `BOB_LINGER=0` switches it off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linger {
    /// Stay after a short failure.
    On,
    /// Leave at once.
    Off,
}

impl Linger {
    /// The choice in `BOB_LINGER`.
    ///
    /// # Errors
    /// [`Error::NotUtf8`].
    pub fn read(environment: &Environment) -> Result<Self, Error> {
        Ok(if environment.get(variables::LINGER)? == Some("0") { Self::Off } else { Self::On })
    }

    /// How long to stay after a failure that took `ran`.
    pub fn stay(self, ran: Duration) -> Duration {
        if self == Self::On && ran < SHORT { STAY } else { Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_failures_stay_and_only_when_on() {
        assert_eq!(Linger::On.stay(Duration::from_millis(4999)), Duration::from_secs(10));
        assert_eq!(Linger::On.stay(Duration::from_secs(5)), Duration::ZERO);
        assert_eq!(Linger::Off.stay(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn zero_switches_it_off() {
        let read = |value: &str| Linger::read(&[("BOB_LINGER", value)].into_iter().collect()).unwrap();
        assert_eq!(read("0"), Linger::Off);
        assert_eq!(read("1"), Linger::On);
        assert_eq!(Linger::read(&Environment::default()).unwrap(), Linger::On);
    }
}
