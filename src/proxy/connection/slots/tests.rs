use super::*;

const LIMITS: SlotLimits = SlotLimits {
    unadmitted: 3,
    admission_timeout: Duration::from_millis(100),
    admitted: 2,
    reserved_for_push: 0,
    admission_wait: Duration::from_millis(100),
};

async fn acquire_polled(slots: &Arc<ConnectionSlots>, count: usize) -> Vec<Arc<ConnectionSlot>> {
    let mut acquired = Vec::new();
    for _ in 0..count {
        let slot = slots.acquire().await;
        slot.note_polled();
        acquired.push(slot);
    }
    acquired
}

fn is_evicted(slot: &ConnectionSlot) -> bool {
    slot.eviction.is_cancelled()
}

#[tokio::test]
async fn the_oldest_unadmitted_connection_is_evicted_and_an_admitted_one_never_is() {
    let slots = ConnectionSlots::new(LIMITS);
    let admitted = slots.acquire().await;
    admitted.admit(false).await.unwrap();
    let unadmitted = acquire_polled(&slots, 10).await;
    let evicted: Vec<_> = unadmitted.iter().map(|slot| is_evicted(slot)).collect();
    assert_eq!(evicted, [vec![true; 7], vec![false; 3]].concat());
    assert!(!is_evicted(&admitted));
    assert_eq!(slots.table().connections.len(), 4);
    // An evicted connection is not admitted any more.
    assert!(unadmitted[0].admit(false).await.is_err());
    unadmitted[9].admit(false).await.unwrap();
    drop((admitted, unadmitted));
    assert!(slots.table().connections.is_empty());
}

#[tokio::test]
async fn an_unadmitted_connection_is_evicted_only_after_its_first_bytes_were_read() {
    let slots = ConnectionSlots::new(LIMITS);
    let mut first = Vec::new();
    for _ in 0..LIMITS.unadmitted {
        first.push(slots.acquire().await);
    }
    let none = tokio::time::timeout(Duration::from_millis(50), slots.acquire()).await;
    assert!(none.is_err(), "none of them has been polled yet");
    // One that is admitted, has ended or has been polled gives its slot at once.
    first[2].admit(false).await.unwrap();
    let second = slots.acquire().await;
    drop(second);
    let third = slots.acquire().await;
    third.run(async {}).await;
    let fourth = slots.acquire().await;
    assert!(is_evicted(&third));
    assert!([&first[0], &first[1], &fourth].into_iter().all(|slot| !is_evicted(slot)));
    // The waiting one is notified.
    let waiting = tokio::spawn({
        let slots = slots.clone();
        async move { slots.acquire().await }
    });
    tokio::task::yield_now().await;
    assert!(!first[0].run(std::future::pending()).await);
    waiting.await.unwrap();
}

#[tokio::test]
async fn an_unadmitted_connection_has_little_time_and_an_admitted_one_is_not_limited() {
    let slots = ConnectionSlots::new(LIMITS);
    let (unadmitted, admitted) = (slots.acquire().await, slots.acquire().await);
    admitted.admit(false).await.unwrap();
    unadmitted.lost().await;
    let stays = tokio::time::timeout(3 * LIMITS.admission_timeout, admitted.lost()).await;
    assert!(stays.is_err());
}

#[tokio::test]
async fn the_longest_idle_admitted_connection_is_evicted_and_busy_ones_are_waited_for_in_bounds() {
    let slots = ConnectionSlots::new(LIMITS);
    let all = acquire_polled(&slots, 3).await;
    all[0].admit(false).await.unwrap();
    all[1].admit(false).await.unwrap();
    assert!(all[2].admit(false).await.is_err(), "both slots are busy");
    all[1].note_idle();
    all[0].note_idle();
    all[2].admit(false).await.unwrap();
    assert!(is_evicted(&all[1]) && !is_evicted(&all[0]));

    // Busy again, so that the next one waits until a slot is free.
    all[0].admit(false).await.unwrap();
    let next = slots.acquire().await;
    let waiting = next.clone();
    let waited = tokio::spawn(async move { waiting.admit(false).await });
    while !slots.table().connections.values().any(|known| known.state == ConnectionState::AwaitingSlot) {
        tokio::task::yield_now().await;
    }
    all[2].note_idle();
    waited.await.unwrap().unwrap();
}

#[tokio::test]
async fn refused_connections_are_evicted_before_those_without_a_request() {
    let slots = ConnectionSlots::new(LIMITS);
    let all = acquire_polled(&slots, 3).await;
    all[2].note_refusal();
    all[1].note_refusal();
    let next = slots.acquire().await;
    next.note_refusal();
    let _last = slots.acquire().await;
    let evicted: Vec<_> = all.iter().map(|slot| is_evicted(slot)).collect();
    assert_eq!((evicted, is_evicted(&next)), (vec![false, true, true], false));
    // A refused connection is admitted once it sends the right request.
    next.admit(false).await.unwrap();
    assert_eq!(next.refusals(), 0);
}

#[tokio::test]
async fn readers_take_no_slot_that_is_reserved_for_pushes() {
    let slots =
        ConnectionSlots::new(SlotLimits { unadmitted: 9, admitted: 3, reserved_for_push: 1, ..LIMITS });
    let all = acquire_polled(&slots, 6).await;
    all[0].admit(false).await.unwrap();
    all[1].admit(false).await.unwrap();
    assert!(all[2].admit(false).await.is_err(), "the last slot is reserved");
    all[3].admit(true).await.unwrap();
    all[3].note_idle();
    assert!(all[4].admit(false).await.is_err(), "an idle one with the push token stays");
    all[5].admit(true).await.unwrap();
    assert!(is_evicted(&all[3]) && !is_evicted(&all[0]) && !is_evicted(&all[1]));
}

#[tokio::test]
async fn an_unadmitted_connection_has_four_refusals() {
    let slots = ConnectionSlots::new(LIMITS);
    let slot = slots.acquire().await;
    for count in 1..=4 {
        assert!(!slot.has_max_refusals());
        slot.note_refusal();
        assert_eq!(slot.refusals(), count);
    }
    assert!(slot.has_max_refusals());
}

#[tokio::test]
async fn the_one_that_is_evicted_is_unadmitted_else_idle_and_never_busy() {
    let slots = ConnectionSlots::new(LIMITS);
    let all = acquire_polled(&slots, 3).await;
    all[0].admit(false).await.unwrap();
    all[1].admit(false).await.unwrap();
    all[1].note_idle();
    let evicted = || all.iter().map(|slot| is_evicted(slot)).collect::<Vec<_>>();
    for want in [[false, false, true], [false, true, true], [false, true, true]] {
        slots.evict_one();
        assert_eq!(evicted(), want);
    }
}

#[tokio::test]
async fn no_more_wait_for_admission_than_are_admitted_of_readers_and_of_pushes() {
    let slots = ConnectionSlots::new(SlotLimits { unadmitted: 9, ..LIMITS });
    let all = acquire_polled(&slots, 8).await;
    for slot in &all[..2] {
        slot.admit(false).await.unwrap();
    }
    for (slot, has_push_token, want) in [
        (2, false, Admission::Postponed),
        (3, false, Admission::Postponed),
        (4, false, Admission::Denied),
        // One that waits already keeps waiting.
        (3, false, Admission::Postponed),
        (5, true, Admission::Postponed),
        (6, true, Admission::Postponed),
        (7, true, Admission::Denied),
    ] {
        let admission = all[slot].try_admit(has_push_token);
        assert_eq!(admission, want, "{slot}");
    }
}
