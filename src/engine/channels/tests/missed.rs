//! Since when the server is asked for what may be missing, and that nothing is told twice.

use super::*;
use crate::engine::limits::{REPLAY_MARGIN, REPLAY_SEEN_MAX};
use crate::engine::time::{Now, Wall};
use crate::wire::Event;

const WALL: u64 = 1_700_000_000_000;

/// A moment so many seconds after the beginning, on a wall clock that is set by so many.
fn at_second(seconds: u64, set: i64) -> Now {
    Now {
        mono: Mono(seconds * 1000),
        wall: Wall((WALL + seconds * 1000).saturating_add_signed(set * 1000)),
    }
}

/// That moment, on a clock that was never set.
fn second(seconds: u64) -> Option<Wall> {
    Some(at_second(seconds, 0).wall)
}

/// The margin before it.
fn before_second(seconds: u64) -> Option<Wall> {
    second(seconds).map(|wall| Wall(wall.0 - REPLAY_MARGIN.0))
}

struct Followed {
    channels: Channels,
    last: RequestId,
}

impl Followed {
    /// Somebody watches a channel.
    fn new() -> Self {
        let mut channels = Channels::default();
        channels.watch(Mono(0), "c").unwrap();
        let last = RequestId(0);
        Followed { channels, last }
    }

    /// The link is up: the channel is asked for at a moment, and since when is said.
    fn asks(&mut self, now: Now) -> Option<Wall> {
        self.channels.link_up();
        loop {
            match self.channels.poll(now.mono, &mut self.last).unwrap() {
                Step::Subscribe { channel, .. } => {
                    return self.channels.missed_since(now, &channel);
                }
                _ => continue,
            }
        }
    }

    /// The server says yes.
    fn has(&mut self, now: Now) {
        let impossible = Recovery::Impossible;
        self.channels
            .subscribed(now.mono, None, "c", None, impossible);
        self.channels.answered("c");
    }

    fn comes(&mut self, id: &str) -> Verdict {
        let event = Event {
            id: Some(id.into()),
            ..Event::plain("c".to_owned(), "e".into(), "1".into())
        };
        let verdict = self.channels.event(Mono(0), "c", None, &mut || "".into());
        self.channels.once(&event, verdict)
    }
}

#[test]
fn a_channel_that_was_never_followed_misses_nothing() {
    let mut f = Followed::new();
    assert_eq!(f.asks(at_second(10, 0)), None);
    // The connection was lost before the answer.
    f.channels.link_down(Mono(11_000));
    assert_eq!(f.asks(at_second(20, 0)), None);
    f.has(at_second(25, 0));
    f.channels.link_down(Mono(26_000));
    // It is followed since that question, and what was before is nobody's.
    assert_eq!(f.asks(at_second(30, 0)), second(20));
    f.has(at_second(31, 0));
    f.channels.heard_all(at_second(60, 0));
    f.channels.link_down(Mono(70_000));
    assert_eq!(f.asks(at_second(80, 0)), second(20));
    f.has(at_second(81, 0));
    f.channels.heard_all(at_second(85, 0));
    f.channels.link_down(Mono(90_000));
    assert_eq!(f.asks(at_second(95, 0)), before_second(85));
}

#[test]
fn what_was_said_until_the_last_question_that_was_answered_has_come() {
    let mut f = Followed::new();
    f.asks(at_second(10, 0));
    f.has(at_second(11, 0));
    // A question that is older than the answer says nothing of the channel.
    f.channels.heard_all(at_second(9, 0));
    f.channels.heard_all(at_second(10, 0));
    f.channels.heard_all(at_second(140, 0));
    f.channels.link_down(Mono(600_000));
    f.channels.heard_all(at_second(601, 0));
    assert_eq!(f.asks(at_second(610, 0)), before_second(140));
    // It is lost again before what was missed can have come: that is asked for again.
    f.has(at_second(611, 0));
    f.channels.link_down(Mono(612_000));
    assert_eq!(f.asks(at_second(620, 0)), before_second(140));
    f.has(at_second(621, 0));
    f.channels.heard_all(at_second(645, 0));
    f.channels.link_down(Mono(650_000));
    assert_eq!(f.asks(at_second(660, 0)), before_second(645));
}

#[test]
fn a_clock_that_is_set_makes_the_moment_an_earlier_one_and_never_a_later_one() {
    for (set_before, set_after) in [(0, 0), (0, 3600), (0, -3600), (3600, 0), (-3600, 0)] {
        let mut f = Followed::new();
        f.asks(at_second(10, set_before));
        f.has(at_second(11, set_before));
        f.channels.heard_all(at_second(140, set_before));
        f.channels.link_down(Mono(160_000));
        let asked = f.asks(at_second(200, set_after)).unwrap();
        let right = before_second(140).unwrap().0;
        let least = right.saturating_add_signed(1000 * i64::min(set_before, set_after));
        assert!(least <= right);
        assert_eq!(asked, Wall(least));
    }
    // A machine that slept, whose monotonic clock stood still.
    let mut f = Followed::new();
    f.asks(at_second(10, 0));
    f.has(at_second(11, 0));
    f.channels.heard_all(at_second(140, 0));
    f.channels.link_down(Mono(160_000));
    assert_eq!(f.asks(at_second(161, 36_000)), before_second(140));
}

#[test]
fn a_crashed_channel_is_asked_for_what_it_missed_on_the_same_connection() {
    let mut f = Followed::new();
    f.asks(at_second(10, 0));
    f.has(at_second(11, 0));
    f.channels.heard_all(at_second(140, 0));
    f.channels.dropped(Mono(150_000), "c", &mut Rng::new(7));
    // What came of other channels says nothing of this one.
    f.channels.heard_all(at_second(151, 0));
    f.channels.tick(Mono(200_000));
    assert_eq!(f.asks(at_second(200, 0)), before_second(140));
}

#[test]
fn who_followed_through_another_tab_asks_for_all_since_then() {
    let mut f = Followed::new();
    f.channels.leader_has(Mono(5000), &[("c".to_owned(), None)]);
    f.channels.followed(at_second(5, 0));
    assert_eq!(f.comes("a"), Verdict::Next);
    f.channels
        .leader_has(Mono(90_000), &[("c".to_owned(), None)]);
    f.channels.followed(at_second(90, 0));
    f.channels.heard_all(at_second(95, 0));
    f.channels.take_lead(Mono(100_000));
    assert_eq!(f.asks(at_second(101, 0)), second(5));
    // What the leader had told is known here too.
    f.has(at_second(102, 0));
    assert_eq!(f.comes("a"), Verdict::Duplicate);
    assert_eq!(f.comes("b"), Verdict::Next);
}

#[test]
fn an_event_is_told_once_by_its_name_as_long_as_it_can_come_again() {
    let mut f = Followed::new();
    // Before the channel is asked for, it is nobody's, and nothing is remembered.
    assert_eq!(f.comes("0"), Verdict::Foreign);
    f.asks(at_second(10, 0));
    assert_eq!(f.comes("0"), Verdict::Next);
    f.has(at_second(11, 0));
    for n in 0..REPLAY_SEEN_MAX {
        let expected = if n == 0 {
            Verdict::Duplicate
        } else {
            Verdict::Next
        };
        assert_eq!(f.comes(&n.to_string()), expected);
    }
    f.channels.link_down(Mono(12_000));
    f.asks(at_second(20, 0));
    f.has(at_second(21, 0));
    for n in 0..REPLAY_SEEN_MAX {
        assert_eq!(f.comes(&n.to_string()), Verdict::Duplicate);
    }
    // One more, and the oldest is forgotten.
    assert_eq!(f.comes("new"), Verdict::Next);
    assert_eq!(f.comes("0"), Verdict::Next);
    assert_eq!(f.comes("2"), Verdict::Duplicate);
    assert_eq!(f.comes("new"), Verdict::Duplicate);
}

#[test]
fn g9_nothing_of_the_last_person_is_remembered() {
    let mut f = Followed::new();
    f.asks(at_second(10, 0));
    f.has(at_second(11, 0));
    assert_eq!(f.comes("a"), Verdict::Next);
    f.channels.forget_all();
    assert_eq!(f.asks(at_second(20, 0)), None);
    f.has(at_second(21, 0));
    assert_eq!(f.comes("a"), Verdict::Next);
}
