//! The desk alone: wishes of two tabs, and what comes of them.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::engine::limits::PRESENCE_SELDOM;
use crate::engine::room::talk::{Part, field};

const A: TabId = TabId(1);
const B: TabId = TabId(2);

fn steps(desk: &mut Desk) -> Vec<Step> {
    std::iter::from_fn(|| desk.poll()).collect()
}

fn desk() -> Desk {
    let mut desk = Desk::default();
    desk.link(Some(RoomCan::ALL));
    desk
}

fn shows(desk: &mut Desk, tab: TabId, meta: Option<&str>, anonymous: bool) {
    let wish = Wish::Presence {
        channel: "c".into(),
        meta: meta.map(Rc::from),
        anonymous,
        anew: false,
    };
    desk.hear(Mono(0), tab, wish);
}

fn wants(desk: &mut Desk, now: u64, tab: TabId, fence: Option<u64>) {
    let wish = Wish::Lock {
        field: field("c", "title").unwrap(),
        ask: Ask(7),
        fence: fence.map(Fence),
    };
    desk.hear(Mono(now), tab, wish);
}

fn show(data: Option<&str>, anonymous: bool, everybody: bool) -> Step {
    Step::Show {
        channel: "c".into(),
        data: data.map(str::to_owned),
        anonymous,
        everybody,
    }
}

#[test]
fn the_tabs_of_a_browser_are_shown_as_one_and_at_most_ten_times_a_second() {
    let mut desk = desk();
    shows(&mut desk, A, Some(r#"{"x":1}"#), false);
    shows(&mut desk, B, None, false);
    desk.tick(Mono(1000));
    let one = r#"{"tabs":{"0000000000000001":{"x":1}}}"#;
    assert_eq!(steps(&mut desk), [show(Some(one), false, true)]);
    desk.everybody_told("c");
    shows(&mut desk, B, Some("{}"), true);
    desk.tick(Mono(1050));
    assert_eq!(steps(&mut desk), []);
    assert_eq!(desk.next_wakeup(), Some(Mono(1000) + PRESENCE_THROTTLE));
    desk.tick(Mono(1100));
    let two = r#"{"tabs":{"0000000000000001":{"x":1},"0000000000000002":{}}}"#;
    assert_eq!(steps(&mut desk), [show(Some(two), true, false)]);
    desk.forget_tab(A);
    desk.forget_tab(B);
    assert_eq!(
        steps(&mut desk),
        [Step::Leave {
            channel: "c".into()
        }]
    );
}

#[test]
fn who_only_looks_is_not_shown() {
    let mut desk = desk();
    shows(&mut desk, A, None, false);
    desk.tick(Mono(0));
    assert_eq!(steps(&mut desk), [show(None, false, true)]);
}

#[test]
fn a_new_link_is_told_everything_and_nothing_is_said_without_one() {
    let mut desk = desk();
    shows(&mut desk, A, None, false);
    desk.tick(Mono(0));
    steps(&mut desk);
    desk.link(None);
    desk.tick(Mono(1));
    assert_eq!((steps(&mut desk), desk.next_wakeup()), (vec![], None));
    desk.link(Some(RoomCan::ALL));
    desk.tick(Mono(2));
    assert_eq!(steps(&mut desk), [show(None, false, true)]);
}

#[test]
fn two_tabs_of_a_browser_do_not_have_the_same_field() {
    let mut desk = desk();
    let field = field("c", "title").unwrap();
    wants(&mut desk, 0, A, None);
    wants(&mut desk, 0, B, None);
    let denied = Word::Denied {
        field: field.clone(),
        ask: Ask(7),
        locked: true,
    };
    let lock = |tab| Step::Lock {
        tab,
        field: field.clone(),
        ask: Ask(7),
        fence: None,
    };
    assert_eq!(steps(&mut desk), [lock(A), Step::Tell(B, denied)]);
    desk.asked(RequestId(1), A, field.clone(), Ask(7));
    desk.granted(Mono(0), RequestId(1), Fence(5), Millis(30_000));
    assert!(matches!(
        steps(&mut desk)[..],
        [Step::Tell(A, Word::Granted { .. })]
    ));
    // Its time is over, and nobody heard of the tab again.
    wants(&mut desk, 30_000, B, None);
    assert_eq!(steps(&mut desk), [lock(B)]);
}

#[test]
fn a_tab_that_is_gone_holds_nothing_not_even_what_it_gets_too_late() {
    let mut desk = desk();
    let field = field("c", "title").unwrap();
    let unlock = |fence| Step::Unlock {
        field: field.clone(),
        fence: Fence(fence),
    };
    wants(&mut desk, 0, A, None);
    desk.asked(RequestId(1), A, field.clone(), Ask(7));
    steps(&mut desk);
    desk.forget_tab(A);
    desk.granted(Mono(0), RequestId(1), Fence(5), Millis(30_000));
    assert_eq!(steps(&mut desk), [unlock(5)]);
    wants(&mut desk, 0, B, Some(6));
    steps(&mut desk);
    desk.forget_tab(B);
    assert_eq!(steps(&mut desk), [unlock(6)]);
}

#[test]
fn what_the_server_refuses_is_told_to_who_asked_once() {
    let mut desk = desk();
    let field = field("c", "title").unwrap();
    wants(&mut desk, 0, A, None);
    desk.asked(RequestId(1), A, field, Ask(7));
    steps(&mut desk);
    assert!(!desk.refused(Mono(0), RequestId(9), "locked"));
    assert!(desk.refused(Mono(0), RequestId(1), "locked"));
    assert!(!desk.refused(Mono(0), RequestId(1), "locked"));
    assert!(matches!(
        steps(&mut desk)[..],
        [Step::Tell(A, Word::Denied { locked: true, .. })]
    ));
}

#[test]
fn the_server_is_told_again_now_and_then_and_by_a_tab_that_says_the_same_no_sooner() {
    let mut desk = desk();
    shows(&mut desk, A, Some("{}"), false);
    desk.tick(Mono(0));
    steps(&mut desk);
    desk.everybody_told("c");
    shows(&mut desk, A, Some("{}"), false);
    desk.tick(Mono(1000));
    assert_eq!(steps(&mut desk), []);
    assert_eq!(desk.next_wakeup(), Some(Mono(0) + PRESENCE_RENEW));
    desk.tick(Mono(0) + PRESENCE_RENEW);
    let one = r#"{"tabs":{"0000000000000001":{}}}"#;
    assert_eq!(steps(&mut desk), [show(Some(one), false, false)]);
    shows(&mut desk, A, None, false);
    desk.tick(Mono(0) + PRESENCE_RENEW + PRESENCE_THROTTLE);
    steps(&mut desk);
    assert_eq!(desk.next_wakeup(), None, "who only looks need not renew");
}

#[test]
fn who_is_there_is_asked_with_all_that_is_shown_until_it_was_told() {
    let mut desk = desk();
    for (at, meta, everybody) in [(0, "1", true), (1000, "2", true), (2000, "3", false)] {
        if !everybody {
            desk.everybody_told("c");
        }
        shows(&mut desk, A, Some(meta), false);
        desk.tick(Mono(at));
        let data = format!(r#"{{"tabs":{{"0000000000000001":{meta}}}}}"#);
        assert_eq!(steps(&mut desk), [show(Some(&data), false, everybody)]);
    }
}

#[test]
fn what_a_server_cannot_do_is_told_and_not_asked() {
    let mut desk = Desk::default();
    desk.link(Some(RoomCan::default()));
    shows(&mut desk, A, None, false);
    wants(&mut desk, 0, B, None);
    desk.hear(
        Mono(0),
        A,
        Wish::Signal {
            channel: "c".into(),
            name: "n".into(),
            data: "1".into(),
        },
    );
    desk.tick(Mono(0));
    let unable = |tab, part| Step::Tell(tab, Word::Unable(part));
    let denied = Word::Denied {
        field: field("c", "title").unwrap(),
        ask: Ask(7),
        locked: false,
    };
    assert_eq!(
        steps(&mut desk),
        [
            unable(A, Part::Presence),
            unable(B, Part::Leases),
            Step::Tell(B, denied),
            unable(A, Part::Signals),
        ]
    );
}

#[test]
fn a_channel_that_is_not_for_this_person_is_asked_again_with_a_new_token() {
    let mut desk = desk();
    shows(&mut desk, A, None, false);
    desk.tick(Mono(0));
    steps(&mut desk);
    desk.shown(RequestId(3), "c".into());
    assert!(desk.refused(Mono(1), RequestId(3), "forbidden"));
    let barred = |tab| {
        let (channel, code) = ("c".into(), "forbidden".into());
        Step::Tell(tab, Word::Barred { channel, code })
    };
    assert_eq!(steps(&mut desk), [barred(A)]);
    shows(&mut desk, B, Some("{}"), false);
    desk.tick(Mono(100_000));
    assert_eq!(
        (steps(&mut desk), desk.next_wakeup()),
        (vec![barred(B)], None)
    );
    desk.token_changed();
    desk.tick(Mono(100_000));
    let one = r#"{"tabs":{"0000000000000002":{}}}"#;
    assert_eq!(steps(&mut desk), [show(Some(one), false, true)]);
}

#[test]
fn a_refusal_of_what_was_shown_again_meanwhile_holds_until_there_is_a_new_token() {
    let mut desk = desk();
    shows(&mut desk, A, Some("1"), false);
    desk.shown(RequestId(3), "c".into());
    shows(&mut desk, A, Some("2"), false);
    desk.shown(RequestId(4), "c".into());
    assert!(desk.refused(Mono(1), RequestId(3), "forbidden"));
    assert!(desk.refused(Mono(2), RequestId(4), "forbidden"));
    let (channel, code) = ("c".into(), "forbidden".into());
    let barred = Step::Tell(A, Word::Barred { channel, code });
    assert_eq!(steps(&mut desk), [barred], "told once");
    shows(&mut desk, A, Some("3"), false);
    desk.tick(Mono(1000));
    assert_eq!(steps(&mut desk), []);
    // What was asked before it says nothing about it.
    desk.shown(RequestId(5), "c".into());
    desk.token_changed();
    assert!(!desk.refused(Mono(1001), RequestId(5), "forbidden"));
    desk.tick(Mono(1001));
    assert_eq!(steps(&mut desk).len(), 1);
}

#[test]
fn what_was_said_too_often_is_said_again_later() {
    let mut desk = desk();
    shows(&mut desk, A, None, false);
    desk.tick(Mono(0));
    steps(&mut desk);
    desk.shown(RequestId(3), "c".into());
    assert!(desk.refused(Mono(50), RequestId(3), "rate_limited"));
    desk.tick(Mono(1000));
    assert_eq!(steps(&mut desk), []);
    desk.tick(desk.next_wakeup().unwrap());
    assert_eq!(steps(&mut desk), [show(None, false, true)]);
}

#[test]
fn a_signal_is_said_at_once_or_never() {
    let mut desk = Desk::default();
    let signal = |data: &str| Wish::Signal {
        channel: "c".into(),
        name: "cursor".into(),
        data: data.into(),
    };
    desk.hear(Mono(0), A, signal("1"));
    desk.link(Some(RoomCan::ALL));
    assert_eq!(steps(&mut desk), []);
    desk.hear(Mono(0), A, signal("2"));
    assert!(matches!(&steps(&mut desk)[..], [Step::Signal { data, .. }] if &**data == "2"));
}

#[test]
fn who_goes_over_to_this_tab_late_is_told_who_is_there_though_it_was_shown_before() {
    let mut desk = desk();
    shows(&mut desk, A, Some("{}"), false);
    desk.tick(Mono(1000));
    steps(&mut desk);
    desk.everybody_told("c");
    let wish = Wish::Presence {
        channel: "c".into(),
        meta: Some("{}".into()),
        anonymous: false,
        anew: true,
    };
    desk.hear(Mono(2000), A, wish.clone());
    desk.tick(Mono(2000));
    let one = r#"{"tabs":{"0000000000000001":{}}}"#;
    assert_eq!(steps(&mut desk), [show(Some(one), false, true)]);
    desk.everybody_told("c");
    // Said again without that it is a sign of life.
    shows(&mut desk, A, Some("{}"), false);
    desk.tick(Mono(4000));
    assert_eq!(steps(&mut desk), []);
}

fn keeps(presence: Presence) -> Desk {
    let mut desk = Desk::default();
    let can = RoomCan {
        presence,
        ..RoomCan::NONE
    };
    desk.link(Some(can));
    desk
}

fn look(everybody: bool) -> Step {
    Step::Look {
        channel: "c".into(),
        everybody,
    }
}

fn at(desk: &mut Desk, now: u64) -> Vec<Step> {
    desk.tick(Mono(now));
    steps(desk)
}

const ONE: &str = r#"{"tabs":{"0000000000000001":{"x":1}}}"#;

#[test]
fn a_server_that_keeps_who_is_there_is_told_seldom_and_who_looks_at_once() {
    let mut desk = keeps(Presence::Seldom);
    shows(&mut desk, A, Some(r#"{"x":1}"#), false);
    assert_eq!(
        at(&mut desk, 1000),
        [look(true), show(Some(ONE), false, false)]
    );
    // Another tab looks, and shows nothing.
    shows(&mut desk, B, None, false);
    assert_eq!(at(&mut desk, 1100), [look(true)]);
    shows(&mut desk, B, Some("{}"), true);
    assert_eq!(desk.next_wakeup(), Some(Mono(1000 + PRESENCE_SELDOM.0)));
    shows(&mut desk, B, Some(r#"{"y":2}"#), false);
    assert_eq!(at(&mut desk, 8999), []);
    let both = r#"{"tabs":{"0000000000000001":{"x":1},"0000000000000002":{"y":2}}}"#;
    assert_eq!(
        at(&mut desk, 9000),
        [show(Some(both), false, false)],
        "the last word"
    );
    // What is as it was is not told again, and that others are there still is.
    shows(&mut desk, A, Some(r#"{"x":1}"#), false);
    assert_eq!(desk.next_wakeup(), Some(Mono(1100 + PRESENCE_RENEW.0)));
    assert_eq!(at(&mut desk, 1100 + PRESENCE_RENEW.0), [look(false)]);
}

#[test]
fn who_leaves_such_a_server_and_comes_back_has_not_told_it_more_often() {
    let mut desk = keeps(Presence::Seldom);
    let mut told = Vec::new();
    for now in (0..60_000).step_by(500) {
        match now % 1000 {
            0 => shows(&mut desk, A, Some(r#"{"x":1}"#), false),
            _ => desk.forget_tab(A),
        }
        for step in at(&mut desk, now) {
            match step {
                Step::Show { .. } => told.push(now),
                Step::Look { .. } | Step::Leave { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
    for five in told.windows(6) {
        assert!(five[5] - five[0] > 30_000, "{told:?}");
    }
    let mut desk = keeps(Presence::Seldom);
    shows(&mut desk, A, Some(r#"{"x":1}"#), false);
    at(&mut desk, 0);
    desk.forget_tab(A);
    assert_eq!(at(&mut desk, 7999), []);
    assert_eq!(at(&mut desk, 8000), [show(None, false, false)]);
    assert_eq!(at(&mut desk, 15_999), []);
    let leave = Step::Leave {
        channel: "c".into(),
    };
    assert_eq!(at(&mut desk, 16_000), [leave]);
    assert_eq!(desk.next_wakeup(), None);
}

#[test]
fn what_such_a_server_cannot_tell_is_said_and_not_shown() {
    let mut desk = keeps(Presence::Others);
    shows(&mut desk, A, Some(r#"{"x":1}"#), false);
    let unable = |part| Step::Tell(A, Word::Unable(part));
    assert_eq!(at(&mut desk, 0), [unable(Part::Shows), look(true)]);
    let mut desk = keeps(Presence::Seldom);
    shows(
        &mut desk,
        A,
        Some(r#"{"active":true,"typing":"f","typed":1,"meta":{}}"#),
        false,
    );
    assert_eq!(at(&mut desk, 0), [unable(Part::Typing)]);
    wants(&mut desk, 0, A, None);
    assert!(matches!(
        &at(&mut desk, 0)[..],
        [
            Step::Tell(_, Word::Unable(Part::Leases)),
            Step::Tell(_, Word::Denied { .. })
        ]
    ));
}

#[test]
fn who_is_not_let_in_is_shown_when_another_token_is_there() {
    let mut desk = keeps(Presence::Seldom);
    shows(&mut desk, A, Some(r#"{"x":1}"#), false);
    at(&mut desk, 0);
    desk.shown(RequestId(5), "c".into());
    assert!(desk.refused(Mono(100), RequestId(5), "forbidden"));
    assert!(matches!(
        &at(&mut desk, 20_000)[..],
        [Step::Tell(_, Word::Barred { .. })]
    ));
    desk.token_changed();
    assert_eq!(
        at(&mut desk, 20_000),
        [look(true), show(Some(ONE), false, false)]
    );
}
