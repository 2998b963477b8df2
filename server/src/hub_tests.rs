#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use axum::extract::ws::Utf8Bytes;

use super::*;

const LIMITS: HubLimits = HubLimits {
    subs_max: 2,
    recover_max: 5,
    recover_bytes_max: 100,
    age_ms_max: 1000,
    history_bytes_max: 1000,
};

fn name(text: &str) -> ChannelName {
    ChannelName::parse(text).unwrap()
}

fn event(channel: &str, seq: u64, at: u64, size: usize) -> Event {
    Event {
        channel: name(channel),
        seq: Seq(seq),
        at: Millis(at),
        text: Utf8Bytes::from("x".repeat(size)),
    }
}

fn hub() -> Hub<&'static str> {
    let mut hub = Hub::new(Epoch::parse("E").unwrap(), LIMITS);
    hub.join(SessionKey(1), ClientId::parse("a").unwrap(), Millis(0), "a");
    hub.join(SessionKey(2), ClientId::parse("b").unwrap(), Millis(0), "b");
    hub
}

fn publish(hub: &mut Hub<&'static str>, event: Event) -> Vec<&'static str> {
    hub.publish(event).copied().collect()
}

fn recovered(hub: &mut Hub<&'static str>, last: (&str, u64), now: u64) -> Option<Vec<u64>> {
    let answer = hub.subscribe(
        SessionKey(1),
        &name("c"),
        Some((last.0, Seq(last.1))),
        Millis(now),
    );
    match answer.unwrap().unwrap().1 {
        Recovery::Complete(missed) => Some(missed.iter().map(|event| event.seq.0).collect()),
        Recovery::Lost => None,
        Recovery::NotAsked => panic!("a position was given"),
    }
}

#[test]
fn only_subscribers_hear() {
    let mut hub = hub();
    hub.subscribe(SessionKey(1), &name("c"), None, Millis(0))
        .unwrap();
    assert_eq!(publish(&mut hub, event("c", 1, 0, 1)), ["a"]);
    hub.subscribe(SessionKey(2), &name("c"), None, Millis(0))
        .unwrap();
    assert_eq!(publish(&mut hub, event("c", 2, 0, 1)), ["a", "b"]);
    assert_eq!(publish(&mut hub, event("d", 1, 0, 1)), [""; 0]);
    hub.unsubscribe(SessionKey(1), &name("c"));
    assert_eq!(publish(&mut hub, event("c", 3, 0, 1)), ["b"]);
    hub.leave(SessionKey(2));
    assert_eq!(publish(&mut hub, event("c", 4, 0, 1)), [""; 0]);
    assert_eq!(hub.members().count(), 1);
}

#[test]
fn what_was_missed_is_complete_or_nothing() {
    let mut hub = hub();
    assert_eq!(recovered(&mut hub, ("E", 0), 0), Some(vec![]));
    for seq in 1..=8 {
        publish(&mut hub, event("c", seq, 10 * seq, 1));
    }
    assert_eq!(recovered(&mut hub, ("E", 8), 80), Some(vec![]));
    assert_eq!(recovered(&mut hub, ("E", 6), 80), Some(vec![7, 8]));
    assert_eq!(recovered(&mut hub, ("E", 3), 80), Some(vec![4, 5, 6, 7, 8]));
    assert_eq!(recovered(&mut hub, ("E", 2), 80), None, "beyond the count");
    assert_eq!(
        recovered(&mut hub, ("E", 9), 80),
        None,
        "a number that was never given"
    );
    assert_eq!(recovered(&mut hub, ("F", 8), 80), None, "another epoch");
    assert_eq!(recovered(&mut hub, ("E", 6), 1070), Some(vec![7, 8]));
    assert_eq!(recovered(&mut hub, ("E", 6), 1071), None, "beyond the age");
}

#[test]
fn a_hole_in_the_numbers_is_never_handed_out_as_complete() {
    let mut hub = hub();
    for seq in [1, 2, 5, 6] {
        publish(&mut hub, event("c", seq, 0, 1));
    }
    assert_eq!(recovered(&mut hub, ("E", 2), 0), None);
    assert_eq!(recovered(&mut hub, ("E", 3), 0), None);
    assert_eq!(recovered(&mut hub, ("E", 4), 0), Some(vec![5, 6]));
}

#[test]
fn what_does_not_fit_in_a_frame_is_not_recovered() {
    let mut hub = hub();
    for seq in 1..=3 {
        publish(&mut hub, event("c", seq, 0, 40));
    }
    assert_eq!(recovered(&mut hub, ("E", 1), 0), Some(vec![2, 3]));
    assert_eq!(recovered(&mut hub, ("E", 0), 0), None);
    publish(&mut hub, event("c", 4, 0, 101));
    assert_eq!(recovered(&mut hub, ("E", 3), 0), None);
    assert_eq!(recovered(&mut hub, ("E", 4), 0), Some(vec![]));
}

#[test]
fn a_restored_channel_goes_on_where_it_was() {
    let mut hub = hub();
    hub.restore(
        name("c"),
        Seq(42),
        vec![event("c", 41, 0, 1), event("c", 42, 0, 1)],
    );
    hub.restore(name("d"), Seq(7), vec![]);
    assert_eq!(recovered(&mut hub, ("E", 40), 0), Some(vec![41, 42]));
    assert_eq!(recovered(&mut hub, ("E", 39), 0), None);
    let (at, _) = hub
        .subscribe(SessionKey(2), &name("d"), None, Millis(0))
        .unwrap()
        .unwrap();
    assert_eq!(at.s, Seq(7));
}

#[test]
fn subscriptions_are_counted_once_and_bounded() {
    let mut hub = hub();
    for channel in ["c", "d", "c", "d"] {
        assert!(
            hub.subscribe(SessionKey(1), &name(channel), None, Millis(0))
                .is_ok()
        );
    }
    assert_eq!(
        hub.subscribe(SessionKey(1), &name("e"), None, Millis(0)),
        Err(TooManySubs)
    );
    hub.unsubscribe(SessionKey(1), &name("c"));
    assert!(
        hub.subscribe(SessionKey(1), &name("e"), None, Millis(0))
            .is_ok()
    );
    assert_eq!(
        hub.subscribe(SessionKey(9), &name("e"), None, Millis(0)),
        Ok(None),
        "never joined"
    );
}

#[test]
fn names_that_nothing_was_published_on_leave_no_trace() {
    let mut hub = hub();
    for n in 0..100 {
        let channel = name(&format!("empty:{n}"));
        hub.subscribe(SessionKey(1), &channel, None, Millis(0))
            .unwrap();
        hub.unsubscribe(SessionKey(1), &channel);
    }
    hub.subscribe(SessionKey(1), &name("empty"), None, Millis(0))
        .unwrap();
    hub.leave(SessionKey(1));
    assert!(hub.channels.is_empty());
}

#[test]
fn all_histories_together_are_bounded_and_the_silent_pay() {
    let mut hub = hub();
    for n in 0..20 {
        publish(&mut hub, event(&format!("c{n:02}"), 1, n, 90));
        let kept: usize = hub.channels.values().map(|channel| channel.bytes).sum();
        assert_eq!(kept, hub.history_bytes);
        assert!(kept <= LIMITS.history_bytes_max);
    }
    assert_eq!(hub.channels.len(), 20, "every head is kept");
    assert!(hub.channels[&name("c00")].history.is_empty());
    assert_eq!(hub.channels[&name("c19")].history.len(), 1);
}

#[test]
fn what_is_too_old_goes_and_the_numbers_stay() {
    let mut hub = hub();
    for (seq, at) in [(1, 0), (2, 500), (3, 2000)] {
        publish(&mut hub, event("c", seq, at, 10));
    }
    publish(&mut hub, event("silent", 1, 0, 10));
    hub.forget_old(Millis(1500));
    assert_eq!(hub.history_bytes, 20);
    assert_eq!(recovered(&mut hub, ("E", 1), 1500), Some(vec![2, 3]));
    assert_eq!(recovered(&mut hub, ("E", 0), 1500), None);
    hub.forget_old(Millis(9000));
    assert_eq!(hub.history_bytes, 0);
    assert_eq!(recovered(&mut hub, ("E", 3), 9000), Some(vec![]));
    assert_eq!(recovered(&mut hub, ("E", 2), 9000), None);
    publish(&mut hub, event("c", 4, 9000, 10));
    assert_eq!(recovered(&mut hub, ("E", 3), 9000), Some(vec![4]));
}
