//! Slots for connections: a limit on how many there are at once, which keeps no authorized client out.
//!
//! A connection is unadmitted at first. Its first request that passes the checks admits it: one with a token, where there
//! are tokens. Unadmitted connections have few slots and little time. For a further one the oldest of them is evicted,
//! those with refused requests first, so that connections which send nothing, or the wrong thing, keep nobody out. None
//! is evicted before what it sent first has been read, however busy the machine is: until then no further connection
//! is accepted.
//!
//! Admitted connections have slots of their own. If these are in use, the connection that has been idle longest is evicted,
//! and if all are busy the next one waits. Some slots are reserved for connections that have shown the push token.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::proxy::error::ProxyError;

/// How many slots there are, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SlotLimits {
    /// The most connections that are not admitted.
    pub(crate) unadmitted: usize,
    /// How long a connection may stay unadmitted.
    pub(crate) admission_timeout: Duration,
    /// The most connections that are admitted.
    pub(crate) admitted: usize,
    /// How many of the admitted connections have to have shown the push token.
    pub(crate) reserved_for_push: usize,
    /// How long a connection waits for admission while all slots are busy.
    pub(crate) admission_wait: Duration,
}

/// The slots of one listener's connections.
#[derive(Debug)]
pub(crate) struct ConnectionSlots {
    limits: SlotLimits,
    table: Mutex<SlotTable>,
    slot_freed: Notify,
    /// Notified when an unadmitted connection has been polled or has left its slot.
    eviction_possible: Notify,
}

#[derive(Debug, Default)]
struct SlotTable {
    /// The number of events so far, by which they are ordered.
    sequence: u64,
    connections: BTreeMap<u64, TrackedConnection>,
}

#[derive(Debug)]
struct TrackedConnection {
    state: ConnectionState,
    /// The number of the event that led to this state.
    since: u64,
    /// Whether the connection has been polled once, which reads what it sent first.
    is_polled: bool,
    has_push_token: bool,
    /// How many of its requests were refused before it was admitted.
    refusals: u32,
    eviction: CancellationToken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConnectionState {
    /// Unadmitted, without a refused request.
    New,
    /// Unadmitted, with a refused request.
    Refused,
    /// Authorized, while all slots of admitted connections are busy.
    AwaitingSlot,
    /// Admitted, with a request that is not answered yet.
    Busy,
    /// Admitted, between two requests.
    Idle,
}

const UNADMITTED: [ConnectionState; 2] = [ConnectionState::New, ConnectionState::Refused];
const ADMITTED: [ConnectionState; 2] = [ConnectionState::Busy, ConnectionState::Idle];

/// The most requests of one unadmitted connection that are refused before it is closed.
const MAX_REFUSALS: u32 = 4;

impl TrackedConnection {
    fn is_unadmitted(&self) -> bool {
        UNADMITTED.contains(&self.state)
    }

    fn is_admitted(&self) -> bool {
        ADMITTED.contains(&self.state)
    }
}

impl SlotTable {
    /// The number of the next event.
    fn next_event(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// How many connections are in one of these states.
    fn count(&self, states: &[ConnectionState]) -> usize {
        self.connections.values().filter(|connection| states.contains(&connection.state)).count()
    }

    /// Evicts the connection that has been in this state longest; `false` if there is none.
    fn evict(&mut self, state: ConnectionState) -> bool {
        self.evict_oldest(|connection| connection.state == state)
    }

    /// Evicts an unadmitted connection, one with a refused request if there is any; `false` if none may be evicted.
    fn evict_unadmitted(&mut self) -> bool {
        self.evict(ConnectionState::Refused)
            || self
                .evict_oldest(|connection| connection.state == ConnectionState::New && connection.is_polled)
    }

    /// Evicts the connection that has been in its state longest of those that may be evicted; `false` if there is none.
    fn evict_oldest(&mut self, may_be_evicted: impl Fn(&TrackedConnection) -> bool) -> bool {
        let candidates = self.connections.iter().filter(|(_, connection)| may_be_evicted(connection));
        let Some(id) = candidates.min_by_key(|(_, connection)| connection.since).map(|(id, _)| *id) else {
            return false;
        };
        if let Some(connection) = self.connections.remove(&id) {
            connection.eviction.cancel();
        }
        true
    }

    /// Notes that a connection is in this state from now on; `false` if it has been evicted.
    fn set_state(&mut self, id: u64, state: ConnectionState) -> bool {
        let since = self.next_event();
        let Some(connection) = self.connections.get_mut(&id) else { return false };
        (connection.state, connection.since) = (state, since);
        true
    }
}

impl ConnectionSlots {
    pub(crate) fn new(limits: SlotLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            table: Mutex::default(),
            slot_freed: Notify::new(),
            eviction_possible: Notify::new(),
        })
    }

    /// A slot for an unadmitted connection, as soon as there is one or another can be evicted for it.
    pub(crate) async fn acquire(self: &Arc<Self>) -> Arc<ConnectionSlot> {
        loop {
            let eviction_possible = self.eviction_possible.notified();
            if let Some(slot) = self.try_acquire() {
                return slot;
            }
            eviction_possible.await;
        }
    }

    fn try_acquire(self: &Arc<Self>) -> Option<Arc<ConnectionSlot>> {
        let mut table = self.table();
        if table.count(&UNADMITTED) >= self.limits.unadmitted && !table.evict_unadmitted() {
            return None;
        }
        let (id, eviction) = (table.next_event(), CancellationToken::new());
        let connection = TrackedConnection {
            state: ConnectionState::New,
            since: id,
            is_polled: false,
            has_push_token: false,
            refusals: 0,
            eviction: eviction.clone(),
        };
        table.connections.insert(id, connection);
        Some(Arc::new(ConnectionSlot { slots: self.clone(), id, eviction }))
    }

    /// Evicts a connection that is unadmitted or idle, if there is one.
    pub(crate) fn evict_one(&self) {
        let mut table = self.table();
        let _ = table.evict_unadmitted() || table.evict(ConnectionState::Idle);
    }

    fn table(&self) -> MutexGuard<'_, SlotTable> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The slot of one connection. It is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct ConnectionSlot {
    slots: Arc<ConnectionSlots>,
    id: u64,
    eviction: CancellationToken,
}

/// The result of an attempt to admit a connection.
#[derive(Debug, PartialEq, Eq)]
enum Admission {
    Granted,
    /// All slots are busy; a later attempt may succeed.
    Postponed,
    Denied,
}

impl ConnectionSlot {
    /// Admits the connection, as soon as there is a slot, and notes that it is busy.
    ///
    /// # Errors
    /// [`ProxyError::Crowded`] if there is no slot in time, or the connection has been evicted.
    pub(crate) async fn admit(&self, has_push_token: bool) -> Result<(), ProxyError> {
        let deadline = Instant::now() + self.slots.limits.admission_wait;
        loop {
            let slot_freed = self.slots.slot_freed.notified();
            tokio::pin!(slot_freed);
            slot_freed.as_mut().enable();
            match self.try_admit(has_push_token) {
                Admission::Granted => return Ok(()),
                Admission::Postponed if timeout_at(deadline, slot_freed).await.is_ok() => {}
                Admission::Postponed | Admission::Denied => return Err(ProxyError::Crowded),
            }
        }
    }

    fn try_admit(&self, has_push_token: bool) -> Admission {
        let SlotLimits { admitted, reserved_for_push, .. } = self.slots.limits;
        let mut table = self.slots.table();
        let Some(connection) = table.connections.get_mut(&self.id) else { return Admission::Denied };
        connection.has_push_token |= has_push_token;
        let (state, has_push_token) = (connection.state, connection.has_push_token);
        let readers = table.connections.values().filter(|other| other.is_admitted() && !other.has_push_token);
        let may_add_one = has_push_token || readers.count() < admitted - reserved_for_push;
        let has_slot = ADMITTED.contains(&state) || (may_add_one && table.count(&ADMITTED) < admitted);
        // A reader, once readers have all slots that are not reserved, can only replace another reader.
        let may_be_evicted = |other: &TrackedConnection| {
            other.state == ConnectionState::Idle && (may_add_one || !other.has_push_token)
        };
        if has_slot || table.evict_oldest(may_be_evicted) {
            table.set_state(self.id, ConnectionState::Busy);
            self.slots.eviction_possible.notify_one();
            return Admission::Granted;
        }
        if state != ConnectionState::AwaitingSlot {
            // Counted apart, so that waiting readers keep no connection with the push token from waiting.
            let waiting =
                table.connections.values().filter(|other| other.state == ConnectionState::AwaitingSlot);
            if waiting.filter(|other| other.has_push_token == has_push_token).count() >= admitted {
                return Admission::Denied;
            }
            table.set_state(self.id, ConnectionState::AwaitingSlot);
        }
        Admission::Postponed
    }

    /// Notes that a request of this connection has been refused. Counts only while it is unadmitted.
    pub(crate) fn note_refusal(&self) {
        let mut table = self.slots.table();
        let connection = table.connections.get_mut(&self.id).filter(|connection| connection.is_unadmitted());
        let Some(connection) = connection else { return };
        connection.refusals += 1;
        if connection.state == ConnectionState::New {
            table.set_state(self.id, ConnectionState::Refused);
        }
    }

    /// How many requests of this connection have been refused; 0 once it is admitted.
    pub(crate) fn refusals(&self) -> u32 {
        let table = self.slots.table();
        let connection = table.connections.get(&self.id).filter(|connection| connection.is_unadmitted());
        connection.map_or(0, |connection| connection.refusals)
    }

    /// Whether so many requests have been refused that the connection has to be closed.
    pub(crate) fn has_max_refusals(&self) -> bool {
        self.refusals() >= MAX_REFUSALS
    }

    /// Notes that the request of an admitted connection has been answered.
    pub(crate) fn note_idle(&self) {
        let mut table = self.slots.table();
        let is_busy =
            table.connections.get(&self.id).is_some_and(|known| known.state == ConnectionState::Busy);
        if is_busy && table.set_state(self.id, ConnectionState::Idle) {
            self.slots.slot_freed.notify_waiters();
        }
    }

    /// Runs `serving` until it ends or the connection loses its slot; returns whether it ended.
    pub(crate) async fn run(&self, serving: impl Future<Output = ()>) -> bool {
        tokio::pin!(serving);
        let first_poll = poll_fn(|context| Poll::Ready(serving.as_mut().poll(context))).await;
        self.note_polled();
        if first_poll.is_ready() {
            return true;
        }
        tokio::select! {
            () = serving => true,
            () = self.lost() => false,
        }
    }

    /// Notes that the connection has been polled once, which reads what it sent first.
    fn note_polled(&self) {
        if let Some(connection) = self.slots.table().connections.get_mut(&self.id) {
            connection.is_polled = true;
        }
        self.slots.eviction_possible.notify_one();
    }

    /// Completes once the connection has been evicted, or has stayed unadmitted for too long.
    async fn lost(&self) {
        let overdue = async {
            tokio::time::sleep(self.slots.limits.admission_timeout).await;
            if !self.is_unadmitted() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = self.eviction.cancelled() => {}
            () = overdue => {}
        }
    }

    fn is_unadmitted(&self) -> bool {
        self.slots.table().connections.get(&self.id).is_none_or(TrackedConnection::is_unadmitted)
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.slots.table().connections.remove(&self.id);
        self.slots.slot_freed.notify_waiters();
        self.slots.eviction_possible.notify_one();
    }
}

#[cfg(test)]
mod tests;
