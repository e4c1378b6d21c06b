//! Places for connections: those who may use the proxy always find one, whatever all others do.
//!
//! A connection begins as a newcomer. It becomes a member with its first request that is let in: one with a token,
//! where there are tokens. Newcomers have few places and little time, and the oldest one makes room for the next, first
//! of those whose requests were refused, so that nobody can be kept out by connections that say nothing or the wrong
//! thing. Members have places of their own; when those are taken, the one that has been idle longest makes room, and
//! where all are busy the next one waits. Some are kept for members that show the push token.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::error::ProxyError;

/// How many places there are, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) newcomers: usize,
    /// How long a connection may stay a newcomer.
    pub(super) newcomer_timeout: Duration,
    pub(super) members: usize,
    /// How many of these only those take who show the push token.
    pub(super) members_to_push: usize,
    /// How long a member waits for a place while all are busy.
    pub(super) member_wait: Duration,
}

/// The places of one proxy's connections.
#[derive(Debug)]
pub(super) struct Places {
    bounds: Bounds,
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Counts what happens, so that what happened first has the lowest number.
    clock: u64,
    connections: BTreeMap<u64, Connection>,
}

#[derive(Debug)]
struct Connection {
    class: Class,
    since: u64,
    /// Whether it has shown the push token.
    pushes: bool,
    /// How many of its requests were refused before it was let in.
    refusals: u32,
    eviction: CancellationToken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Newcomer,
    /// A newcomer whose requests so far were refused.
    Refused,
    /// Let in, while all places of members are busy.
    Waiting,
    /// A member whose request is under way.
    Busy,
    /// A member between two requests.
    Idle,
}

const NEWCOMERS: [Class; 2] = [Class::Newcomer, Class::Refused];
const MEMBERS: [Class; 2] = [Class::Busy, Class::Idle];

/// Requests of one connection that are refused, at most, before it ends.
const REFUSALS: u32 = 4;

impl State {
    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    fn count(&self, classes: &[Class]) -> usize {
        self.connections.values().filter(|connection| classes.contains(&connection.class)).count()
    }

    /// Ends the connection that has been of this class longest; `false` if there is none.
    fn evict(&mut self, class: Class) -> bool {
        self.evict_one(|connection| connection.class == class)
    }

    /// Ends a newcomer, of those that were refused if there are any; `false` if there is none.
    fn evict_newcomer(&mut self) -> bool {
        self.evict(Class::Refused) || self.evict(Class::Newcomer)
    }

    fn evict_one(&mut self, may_end: impl Fn(&Connection) -> bool) -> bool {
        let of_class = self.connections.iter().filter(|(_, connection)| may_end(connection));
        let Some(id) = of_class.min_by_key(|(_, connection)| connection.since).map(|(id, _)| *id) else {
            return false;
        };
        if let Some(connection) = self.connections.remove(&id) {
            connection.eviction.cancel();
        }
        true
    }

    /// Notes that a connection is of this class from now on; `false` if it has been evicted.
    fn set(&mut self, id: u64, class: Class) -> bool {
        let since = self.tick();
        let Some(connection) = self.connections.get_mut(&id) else { return false };
        (connection.class, connection.since) = (class, since);
        true
    }
}

impl Places {
    pub(super) fn new(bounds: Bounds) -> Arc<Self> {
        Arc::new(Self { bounds, state: Mutex::default(), freed: Notify::new() })
    }

    /// A newcomer's place. There always is one: the oldest newcomer makes room.
    pub(super) fn take(self: &Arc<Self>) -> Arc<Place> {
        let mut state = self.state();
        if state.count(&NEWCOMERS) >= self.bounds.newcomers {
            state.evict_newcomer();
        }
        let (id, eviction) = (state.tick(), CancellationToken::new());
        let connection = Connection {
            class: Class::Newcomer,
            since: id,
            pushes: false,
            refusals: 0,
            eviction: eviction.clone(),
        };
        state.connections.insert(id, connection);
        Arc::new(Place { places: self.clone(), id, eviction })
    }

    /// Ends a connection that nothing is lost with, if there is one.
    pub(super) fn make_room(&self) {
        let mut state = self.state();
        let _ = state.evict_newcomer() || state.evict(Class::Idle);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one connection, which is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    id: u64,
    eviction: CancellationToken,
}

/// Whether a connection may be a member.
#[derive(Debug, PartialEq, Eq)]
enum Entry {
    Member,
    Later,
    Never,
}

impl Place {
    /// Makes the connection a busy member, once there is a place; at once if there is one. `pushes` says whether it
    /// shows the push token.
    pub(super) async fn enter(&self, pushes: bool) -> Result<(), ProxyError> {
        let deadline = Instant::now() + self.places.bounds.member_wait;
        loop {
            let freed = self.places.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            match self.try_enter(pushes) {
                Entry::Member => return Ok(()),
                Entry::Later if timeout_at(deadline, freed).await.is_ok() => {}
                Entry::Later | Entry::Never => return Err(ProxyError::Crowded),
            }
        }
    }

    fn try_enter(&self, pushes: bool) -> Entry {
        let Bounds { members, members_to_push, .. } = self.places.bounds;
        let mut state = self.places.state();
        let Some(connection) = state.connections.get_mut(&self.id) else { return Entry::Never };
        connection.pushes |= pushes;
        let (class, pushes) = (connection.class, connection.pushes);
        let readers =
            state.connections.values().filter(|known| MEMBERS.contains(&known.class) && !known.pushes);
        let may_have_place = pushes || readers.count() < members - members_to_push;
        let has_room = MEMBERS.contains(&class) || (may_have_place && state.count(&MEMBERS) < members);
        // Whoever may not have one more place has that of another reader.
        let may_end = |known: &Connection| known.class == Class::Idle && (may_have_place || !known.pushes);
        if has_room || state.evict_one(may_end) {
            state.set(self.id, Class::Busy);
            return Entry::Member;
        }
        if class != Class::Waiting {
            // Readers that wait keep nobody from waiting who pushes.
            let waiting = state.connections.values().filter(|known| known.class == Class::Waiting);
            if waiting.filter(|known| known.pushes == pushes).count() >= members {
                return Entry::Never;
            }
            state.set(self.id, Class::Waiting);
        }
        Entry::Later
    }

    /// Notes that a request of this connection is refused.
    pub(super) fn refuse(&self) {
        let mut state = self.places.state();
        let newcomer = state.connections.get_mut(&self.id).filter(|known| NEWCOMERS.contains(&known.class));
        let Some(newcomer) = newcomer else { return };
        newcomer.refusals += 1;
        if newcomer.class == Class::Newcomer {
            state.set(self.id, Class::Refused);
        }
    }

    /// How many requests of this connection were refused, if it has not been let in.
    pub(super) fn refusals(&self) -> u32 {
        let state = self.places.state();
        let known = state.connections.get(&self.id).filter(|known| NEWCOMERS.contains(&known.class));
        known.map_or(0, |newcomer| newcomer.refusals)
    }

    /// Whether the connection is to end: it has had its number of refusals.
    pub(super) fn is_refused(&self) -> bool {
        self.refusals() >= REFUSALS
    }

    /// Notes that what a member asked for has been answered.
    pub(super) fn rest(&self) {
        let mut state = self.places.state();
        let is_busy = state.connections.get(&self.id).is_some_and(|known| known.class == Class::Busy);
        if is_busy && state.set(self.id, Class::Idle) {
            self.places.freed.notify_waiters();
        }
    }

    /// Completes once the connection has lost its place: another one needed it, or it stayed a newcomer for too
    /// long.
    pub(super) async fn lost(&self) {
        let overdue = async {
            tokio::time::sleep(self.places.bounds.newcomer_timeout).await;
            if !self.is_newcomer() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = self.eviction.cancelled() => {}
            () = overdue => {}
        }
    }

    fn is_newcomer(&self) -> bool {
        let state = self.places.state();
        state.connections.get(&self.id).is_none_or(|connection| NEWCOMERS.contains(&connection.class))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.state().connections.remove(&self.id);
        self.places.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        newcomers: 3,
        newcomer_timeout: Duration::from_millis(100),
        members: 2,
        members_to_push: 0,
        member_wait: Duration::from_millis(100),
    };

    fn is_evicted(place: &Place) -> bool {
        place.eviction.is_cancelled()
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_newcomer_makes_room_and_members_never_do_for_newcomers() {
        let places = Places::new(BOUNDS);
        let member = places.take();
        member.enter(false).await.unwrap();
        let newcomers: Vec<_> = (0..10).map(|_| places.take()).collect();
        let evicted: Vec<_> = newcomers.iter().map(|place| is_evicted(place)).collect();
        assert_eq!(evicted, [vec![true; 7], vec![false; 3]].concat());
        assert!(!is_evicted(&member));
        assert_eq!(places.state().connections.len(), 4);
        // An evicted one is not let in any more.
        assert!(newcomers[0].enter(false).await.is_err());
        newcomers[9].enter(false).await.unwrap();
        drop((member, newcomers));
        assert!(places.state().connections.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_newcomer_has_little_time_and_a_member_all_of_it() {
        let places = Places::new(BOUNDS);
        let (newcomer, member) = (places.take(), places.take());
        member.enter(false).await.unwrap();
        newcomer.lost().await;
        let stays = tokio::time::timeout(3 * BOUNDS.newcomer_timeout, member.lost()).await;
        assert!(stays.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_idle_member_makes_room_and_busy_ones_are_waited_for_in_bounds() {
        let places = Places::new(BOUNDS);
        let all: Vec<_> = (0..3).map(|_| places.take()).collect();
        all[0].enter(false).await.unwrap();
        all[1].enter(false).await.unwrap();
        assert!(all[2].enter(false).await.is_err(), "both places are busy");
        all[1].rest();
        all[0].rest();
        all[2].enter(false).await.unwrap();
        assert!(is_evicted(&all[1]) && !is_evicted(&all[0]));

        // Busy again, so that the next one waits until a place is free.
        all[0].enter(false).await.unwrap();
        let next = places.take();
        let waiting = next.clone();
        let waited = tokio::spawn(async move { waiting.enter(false).await });
        while !places.state().connections.values().any(|known| known.class == Class::Waiting) {
            tokio::task::yield_now().await;
        }
        all[2].rest();
        waited.await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn refused_newcomers_make_room_before_those_that_have_not_asked() {
        let places = Places::new(BOUNDS);
        let all: Vec<_> = (0..3).map(|_| places.take()).collect();
        all[2].refuse();
        all[1].refuse();
        let next = places.take();
        next.refuse();
        let _last = places.take();
        let evicted: Vec<_> = all.iter().map(|place| is_evicted(place)).collect();
        assert_eq!((evicted, is_evicted(&next)), (vec![false, true, true], false));
        // One that learns from its refusal is let in as any other.
        next.enter(false).await.unwrap();
        assert_eq!(next.refusals(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn readers_take_no_place_that_is_kept_for_those_who_push() {
        let places = Places::new(Bounds { newcomers: 9, members: 3, members_to_push: 1, ..BOUNDS });
        let all: Vec<_> = (0..6).map(|_| places.take()).collect();
        all[0].enter(false).await.unwrap();
        all[1].enter(false).await.unwrap();
        assert!(all[2].enter(false).await.is_err(), "it is kept");
        all[3].enter(true).await.unwrap();
        all[3].rest();
        assert!(all[4].enter(false).await.is_err(), "an idle one that pushes stays");
        all[5].enter(true).await.unwrap();
        assert!(is_evicted(&all[3]) && !is_evicted(&all[0]) && !is_evicted(&all[1]));
    }
}
