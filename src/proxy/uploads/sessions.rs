//! The uploads that clients have started and not ended. A stopping proxy waits for them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::proxy::error::ProxyError;

/// The most sessions that are remembered; of more, the one that was used longest ago is forgotten.
const MAX_SESSIONS: usize = 4096;

/// The uploads between their POST and their last PUT.
/// (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs>)
#[derive(Debug)]
pub(crate) struct UploadSessions {
    state: Mutex<State>,
    changed: Notify,
    /// How long a session without a request may last until it counts as abandoned.
    idle_timeout: Duration,
}

#[derive(Debug, Default)]
struct State {
    last_id: u64,
    by_id: BTreeMap<u64, Session>,
    stopping: bool,
}

#[derive(Debug)]
struct Session {
    /// When its last request began or ended.
    last_used: Instant,
    /// How many of its requests are active.
    requests: usize,
}

impl UploadSessions {
    pub(crate) fn new(idle_timeout: Duration) -> Self {
        Self { state: Mutex::default(), changed: Notify::new(), idle_timeout }
    }

    /// A session for an upload whose POST is about to be sent.
    ///
    /// # Errors
    /// [`ProxyError::Stopping`] while the proxy is stopping.
    pub(crate) fn begin(self: &Arc<Self>) -> Result<PendingSession, ProxyError> {
        let mut state = self.state();
        if state.stopping {
            return Err(ProxyError::Stopping);
        }
        if state.by_id.len() >= MAX_SESSIONS
            && let Some(oldest) =
                state.by_id.iter().min_by_key(|(_, session)| session.last_used).map(|(id, _)| *id)
        {
            state.by_id.remove(&oldest);
        }
        state.last_id += 1;
        let id = state.last_id;
        state.by_id.insert(id, Session { last_used: Instant::now(), requests: 1 });
        Ok(PendingSession { sessions: self.clone(), id, continues: false })
    }

    /// A further request of a session, which is active until this is dropped.
    pub(crate) fn resume(self: &Arc<Self>, id: u64) -> ActiveRequest {
        if let Some(session) = self.state().by_id.get_mut(&id) {
            session.requests += 1;
        }
        ActiveRequest { sessions: self.clone(), id }
    }

    /// Notes that a session is over.
    pub(crate) fn end(&self, id: u64) {
        self.state().by_id.remove(&id);
        self.changed.notify_waiters();
    }

    /// Refuses new sessions from now on.
    pub(crate) fn stop(&self) {
        self.state().stopping = true;
    }

    /// Whether new sessions are refused.
    pub(crate) fn is_stopping(&self) -> bool {
        self.state().stopping
    }

    /// Completes once all sessions have ended or are abandoned.
    pub(crate) async fn finished(&self) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let abandoned_at = |session: &Session| match session.requests {
                0 => session.last_used + self.idle_timeout,
                _ => Instant::now() + self.idle_timeout,
            };
            let now = Instant::now();
            let due = self.state().by_id.values().map(abandoned_at).filter(|due| *due > now).max();
            let Some(due) = due else { return };
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep_until(due) => {}
            }
        }
    }

    /// Notes that a request of a session has ended.
    fn release_request(&self, id: u64) {
        if let Some(session) = self.state().by_id.get_mut(&id) {
            session.requests = session.requests.saturating_sub(1);
            session.last_used = Instant::now();
        }
        self.changed.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session whose POST has not been answered yet. If this is dropped before, the session is over.
#[derive(Debug)]
pub(crate) struct PendingSession {
    sessions: Arc<UploadSessions>,
    id: u64,
    continues: bool,
}

impl PendingSession {
    /// Its number, which is never 0.
    pub(crate) const fn id(&self) -> u64 {
        self.id
    }

    /// Notes that the POST has been answered: the upload continues, or it is over.
    pub(crate) fn finish_start(mut self, continues: bool) {
        self.continues = continues;
    }
}

impl Drop for PendingSession {
    fn drop(&mut self) {
        if self.continues {
            self.sessions.release_request(self.id);
        } else {
            self.sessions.end(self.id);
        }
    }
}

/// A request of a session that has not ended; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct ActiveRequest {
    sessions: Arc<UploadSessions>,
    id: u64,
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.sessions.release_request(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE_TIMEOUT: Duration = Duration::from_millis(200);

    /// How long it takes until the sessions are finished.
    async fn time_to_finish(sessions: &UploadSessions) -> Duration {
        let start = Instant::now();
        sessions.finished().await;
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn sessions_are_waited_for_until_they_end_or_are_abandoned() {
        let sessions = Arc::new(UploadSessions::new(IDLE_TIMEOUT));
        assert_eq!(time_to_finish(&sessions).await, Duration::ZERO);
        drop(sessions.begin().unwrap());
        sessions.begin().unwrap().finish_start(false);
        assert_eq!(time_to_finish(&sessions).await, Duration::ZERO);

        let pending = sessions.begin().unwrap();
        let id = pending.id();
        pending.finish_start(true);
        assert_eq!(time_to_finish(&sessions).await, IDLE_TIMEOUT);

        let active = sessions.resume(id);
        let (waiting, ended) = (sessions.clone(), sessions.clone());
        let waited = tokio::spawn(async move { time_to_finish(&waiting).await });
        tokio::time::sleep(3 * IDLE_TIMEOUT).await;
        assert!(!waited.is_finished());
        ended.end(id);
        drop(active);
        assert_eq!(waited.await.unwrap(), 3 * IDLE_TIMEOUT);
    }

    #[test]
    fn a_stopping_proxy_starts_no_session() {
        let sessions = Arc::new(UploadSessions::new(IDLE_TIMEOUT));
        sessions.stop();
        assert!(sessions.is_stopping() && matches!(sessions.begin(), Err(ProxyError::Stopping)));
    }

    #[test]
    fn the_number_of_sessions_is_limited() {
        let sessions = Arc::new(UploadSessions::new(IDLE_TIMEOUT));
        for _ in 0..MAX_SESSIONS + 10 {
            sessions.begin().unwrap().finish_start(true);
        }
        assert_eq!(sessions.state().by_id.len(), MAX_SESSIONS);
    }
}
