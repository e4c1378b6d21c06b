//! The uploads that clients have begun and not ended: a stopping proxy waits for them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::proxy::error::ProxyError;

/// Sessions remembered at most; the ones that rested longest are forgotten first.
const MEMORY: usize = 4096;

/// Uploads between their POST and their last PUT.
#[derive(Debug)]
pub(crate) struct Sessions {
    state: Mutex<State>,
    changed: Notify,
    /// A session that rests for longer counts as abandoned.
    rest: Duration,
}

#[derive(Debug, Default)]
struct State {
    last_id: u64,
    open: BTreeMap<u64, Session>,
    stopping: bool,
}

#[derive(Debug)]
struct Session {
    used: Instant,
    requests: usize,
}

impl Sessions {
    pub(crate) fn new(rest: Duration) -> Self {
        Self { state: Mutex::default(), changed: Notify::new(), rest }
    }

    /// A session for an upload that is about to be asked for; refused while the proxy is stopping.
    pub(crate) fn begin(self: &Arc<Self>) -> Result<Begun, ProxyError> {
        let mut state = self.state();
        if state.stopping {
            return Err(ProxyError::Stopping);
        }
        if state.open.len() >= MEMORY
            && let Some(oldest) = state.open.iter().min_by_key(|(_, session)| session.used).map(|(id, _)| *id)
        {
            state.open.remove(&oldest);
        }
        state.last_id += 1;
        let id = state.last_id;
        state.open.insert(id, Session { used: Instant::now(), requests: 1 });
        Ok(Begun { sessions: self.clone(), id, goes_on: false })
    }

    /// Notes that a request of a session is under way for as long as the result lives.
    pub(crate) fn resume(self: &Arc<Self>, id: u64) -> UnderWay {
        if let Some(session) = self.state().open.get_mut(&id) {
            session.requests += 1;
        }
        UnderWay { sessions: self.clone(), id }
    }

    /// Notes that a session is over.
    pub(crate) fn end(&self, id: u64) {
        self.state().open.remove(&id);
        self.changed.notify_waiters();
    }

    /// Refuses new sessions from now on.
    pub(crate) fn stop(&self) {
        self.state().stopping = true;
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.state().stopping
    }

    /// Completes once no session is left but abandoned ones.
    pub(crate) async fn finished(&self) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let abandoned_at = |session: &Session| match session.requests {
                0 => session.used + self.rest,
                _ => Instant::now() + self.rest,
            };
            let now = Instant::now();
            let due = self.state().open.values().map(abandoned_at).filter(|due| *due > now).max();
            let Some(due) = due else { return };
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep_until(due) => {}
            }
        }
    }

    fn release(&self, id: u64) {
        if let Some(session) = self.state().open.get_mut(&id) {
            session.requests = session.requests.saturating_sub(1);
            session.used = Instant::now();
        }
        self.changed.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session whose POST is under way. Dropped unsettled, it is over.
#[derive(Debug)]
pub(crate) struct Begun {
    sessions: Arc<Sessions>,
    id: u64,
    goes_on: bool,
}

impl Begun {
    /// Its number, which is never 0.
    pub(crate) const fn id(&self) -> u64 {
        self.id
    }

    /// The POST has been answered: the upload goes on, or it is over.
    pub(crate) fn settle(mut self, goes_on: bool) {
        self.goes_on = goes_on;
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if self.goes_on {
            self.sessions.release(self.id);
        } else {
            self.sessions.end(self.id);
        }
    }
}

/// A request of a session.
#[derive(Debug)]
pub(crate) struct UnderWay {
    sessions: Arc<Sessions>,
    id: u64,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.sessions.release(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: Duration = Duration::from_millis(200);

    /// How long it takes until the sessions are finished.
    async fn time_to_finish(sessions: &Sessions) -> Duration {
        let begun = Instant::now();
        sessions.finished().await;
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn sessions_are_waited_for_until_they_end_or_are_abandoned() {
        let sessions = Arc::new(Sessions::new(REST));
        assert_eq!(time_to_finish(&sessions).await, Duration::ZERO);
        drop(sessions.begin().unwrap());
        sessions.begin().unwrap().settle(false);
        assert_eq!(time_to_finish(&sessions).await, Duration::ZERO);

        let begun = sessions.begin().unwrap();
        let id = begun.id();
        begun.settle(true);
        assert_eq!(time_to_finish(&sessions).await, REST);

        let under_way = sessions.resume(id);
        let (waiting, ended) = (sessions.clone(), sessions.clone());
        let waited = tokio::spawn(async move { time_to_finish(&waiting).await });
        tokio::time::sleep(3 * REST).await;
        assert!(!waited.is_finished());
        ended.end(id);
        drop(under_way);
        assert_eq!(waited.await.unwrap(), 3 * REST);
    }

    #[test]
    fn a_stopping_proxy_begins_none() {
        let sessions = Arc::new(Sessions::new(REST));
        sessions.stop();
        assert!(sessions.is_stopping() && matches!(sessions.begin(), Err(ProxyError::Stopping)));
    }

    #[test]
    fn memory_is_bounded() {
        let sessions = Arc::new(Sessions::new(REST));
        for _ in 0..MEMORY + 10 {
            sessions.begin().unwrap().settle(true);
        }
        assert_eq!(sessions.state().open.len(), MEMORY);
    }
}
