//! When the steps of a build on several daemons have ended.
//!
//! A daemon that has ended its own must not push before all others have ended theirs: where two share this machine's
//! network, a step of one sees what permits the other to write.

use std::sync::Arc;

use tokio::sync::watch;

/// The steps of all parts of a build. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct StepsOfParts(Arc<watch::Sender<Progress>>);

#[derive(Debug)]
struct Progress {
    /// How many parts have steps that may still run.
    running: usize,
    /// Whether all have ended at one time: pushes may have begun.
    all_ended: bool,
}

impl StepsOfParts {
    /// Returns the steps of a build in `parts` parts, none of which has begun.
    pub(crate) fn new(parts: usize) -> Self {
        Self(Arc::new(watch::Sender::new(Progress { running: parts, all_ended: false })))
    }

    /// Says that the steps of one part have ended, and returns when those of all have. A part that is dropped before that
    /// may begin again.
    pub(crate) async fn ended(&self) {
        let mut progress = self.0.subscribe();
        let _ended = EndedPart::new(&self.0);
        // The sender lives as long as `self`.
        let _ = progress.wait_for(|progress| progress.all_ended).await;
    }

    /// Whether the steps of all parts have ended: from then on none may run again.
    pub(crate) fn have_all_ended(&self) -> bool {
        self.0.borrow().all_ended
    }
}

/// A part whose steps have ended; one of them that is dropped before all have ended counts as running again.
struct EndedPart<'a>(&'a watch::Sender<Progress>);

impl<'a> EndedPart<'a> {
    fn new(progress: &'a watch::Sender<Progress>) -> Self {
        progress.send_modify(|progress| {
            progress.running = progress.running.saturating_sub(1);
            progress.all_ended |= progress.running == 0;
        });
        Self(progress)
    }
}

impl Drop for EndedPart<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|progress| progress.running += usize::from(!progress.all_ended));
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn no_part_pushes_while_a_step_of_another_runs() {
        let steps = StepsOfParts::new(2);
        // One part waits, is lost, and begins again: the other one is still alone.
        {
            let mut lost = Box::pin(steps.ended());
            assert_eq!(lost.as_mut().now_or_never(), None);
        }
        let mut first = Box::pin(steps.ended());
        assert_eq!(first.as_mut().now_or_never(), None);
        assert!(!steps.have_all_ended());
        let second = steps.clone();
        assert_eq!(second.ended().now_or_never(), Some(()));
        first.await;
        assert!(steps.have_all_ended());
    }

    #[tokio::test]
    async fn what_has_ended_stays_so() {
        let steps = StepsOfParts::new(1);
        steps.ended().await;
        assert!(steps.have_all_ended());
        steps.ended().await;
    }
}
