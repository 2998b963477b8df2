//! The states of a channel, beside everything that can happen to it.

use super::super::channel::Place;
use super::*;
use crate::engine::tests::states::{Page, cases, cell};

cases! {
    enum Is {
        Unknown => "unknown",
        Full => "no room",
        Waiting => "waiting",
        Asked => "asked",
        Live => "subscribed",
        Torn => "subscribed, torn",
        Again => "subscribed, asked for what is missing",
        Later => "refused for now",
        Denied => "refused",
        Led => "at the leader",
        Missing => "at the leader, some missing",
    }
}

cases! {
    enum Happens {
        Watch => "the page watches it once more",
        Unwatch => "nobody on the page watches it any more",
        UnwatchLong => "nobody has watched it for 5 minutes",
        TabWatches => "another tab watches it",
        LinkUp => "there is a link",
        LinkDown => "the link is lost",
        TakeLead => "this tab leads now",
        GiveUpLead => "this tab does not lead any more",
        OtherUser => "the user is another one",
        Next => "the next event comes",
        Old => "an event comes that was seen",
        Ahead => "an event comes too early",
        Complete => "the server: nothing is missing",
        Impossible => "the server: something was lost",
        OldAnswer => "the server answers an older question",
        RefusedNow => "the server: not now",
        Refused => "the server: no",
        Dropped => "the server ends the subscription",
        TakenBack => "the server ends it for a reason that has passed",
        Token => "there is a new token",
        Frame => "the frame ends without what was promised",
        LeaderHas => "the leader is where we are",
        LeaderAhead => "the leader is ahead",
        LeaderHasNot => "the leader does not have it",
        LeaderGap => "the leader missed something",
        LeaderAnew => "the leader begins anew",
        LeaderRefuses => "the leader cannot have it",
        Replayed => "the leader said again what was missed",
        LeaderLost => "the leader is gone",
        Due => "the moment of the state comes",
    }
}

fn is(bench: &Bench) -> Is {
    let Some(channel) = bench.part.channels.get("c") else {
        return Is::Unknown;
    };
    match channel.place {
        Place::Full => Is::Full,
        Place::Waiting => Is::Waiting,
        Place::Asked { again: false, .. } => Is::Asked,
        Place::Asked { again: true, .. } => Is::Again,
        Place::Live { .. } if bench.part.source == Source::Leader => Is::Led,
        Place::Live { .. } => Is::Live,
        Place::Torn => Is::Torn,
        Place::Missing { .. } => Is::Missing,
        Place::Denied => Is::Denied,
        Place::Later { .. } => Is::Later,
    }
}

/// A channel in a state, at position 5 where it has one, watched by one part of the page.
fn bench(state: Is) -> Bench {
    let watched = || {
        let mut bench = Bench::new();
        bench.part.watch(bench.now, "c").unwrap();
        bench
    };
    let asked = || {
        let mut bench = watched();
        bench.part.link_up();
        assert_eq!(bench.steps(), [subscribe(1, "c", None)]);
        bench
    };
    let bench = match state {
        Is::Unknown => Bench::new(),
        Is::Full => {
            let cap = 1;
            let mut bench = Bench::with(Settings {
                cap,
                ..Settings::default()
            });
            bench.part.watch(bench.now, "a").unwrap();
            bench.part.watch(bench.now, "c").unwrap();
            bench.steps();
            bench
        }
        Is::Waiting => {
            let mut bench = Bench::following();
            bench.part.link_down(bench.now);
            bench
        }
        Is::Asked => asked(),
        Is::Live => Bench::following(),
        Is::Torn => {
            let mut bench = Bench::following();
            assert_eq!(bench.event("c", 8), Verdict::Ahead);
            // So many were asked for just now that it has to wait for its turn.
            while bench.part.pace.take(bench.now) {}
            bench
        }
        Is::Again => {
            let mut bench = Bench::following();
            assert_eq!(bench.event("c", 8), Verdict::Ahead);
            bench.steps();
            bench
        }
        Is::Later => {
            let mut bench = asked();
            assert!(bench.refuse(1, "rate_limited", None));
            bench
        }
        Is::Denied => {
            let mut bench = asked();
            assert!(bench.refuse(1, "forbidden", None));
            bench.steps();
            bench
        }
        Is::Led => Bench::led(),
        Is::Missing => {
            let mut bench = Bench::led();
            assert_eq!(bench.event("c", 8), Verdict::Ahead);
            bench.steps();
            bench
        }
    };
    assert_eq!(is(&bench), state);
    bench
}

fn happen(input: Happens, bench: &mut Bench) -> &'static str {
    let (now, last) = (bench.now, bench.last);
    let rng = &mut Rng::new(3);
    let refusal = |code: &str| Refusal {
        request: Some(last),
        channel: None,
        code: code.to_owned(),
        message: String::new(),
        retry_after_ms: None,
    };
    let event = |verdict| match verdict {
        Verdict::Next => "use it",
        Verdict::Pass => "pass it on",
        Verdict::Duplicate => "drop it",
        Verdict::Ahead | Verdict::Held => "keep it",
        Verdict::Foreign => "",
    };
    let part = &mut bench.part;
    match input {
        Happens::Watch => assert_eq!(part.watch(now, "c"), Ok(())),
        Happens::Unwatch => part.unwatch(now, "c"),
        Happens::UnwatchLong => {
            part.unwatch(now, "c");
            bench.wait(Settings::default().idle);
        }
        Happens::TabWatches => {
            let watched = part.watch_for_tab(now, TAB, &[want("c", at(5))]);
            assert!(watched.is_ok());
        }
        Happens::LinkUp => part.link_up(),
        Happens::LinkDown => part.link_down(now),
        Happens::TakeLead => part.take_lead(now),
        Happens::GiveUpLead => part.give_up_lead(now),
        Happens::OtherUser => part.forget_all(),
        Happens::Next => return event(bench.event("c", 6)),
        Happens::Old => return event(bench.event("c", 5)),
        Happens::Ahead => return event(bench.event("c", 9)),
        Happens::Complete => part.subscribed(now, Some(last), "c", at(5), Recovery::Complete),
        Happens::Impossible => part.subscribed(now, Some(last), "c", at(9), Recovery::Impossible),
        Happens::OldAnswer => {
            let old = Some(RequestId(77));
            part.subscribed(now, old, "c", at(9), Recovery::Impossible);
        }
        Happens::RefusedNow => {
            part.refused(now, &refusal("rate_limited"), rng);
        }
        Happens::Refused => {
            part.refused(now, &refusal("forbidden"), rng);
        }
        Happens::Dropped => part.dropped(now, "c", rng),
        Happens::TakenBack => part.torn(now, "c", rng),
        Happens::Token => part.token_changed(),
        Happens::Frame => {
            part.subscribed(now, Some(last), "c", at(9), Recovery::Complete);
            part.frame_end(now);
        }
        Happens::LeaderHas => part.leader_is_at(now, "c", at(5)),
        Happens::LeaderAhead => part.leader_is_at(now, "c", at(9)),
        Happens::LeaderHasNot => part.leader_has(now, &[]),
        Happens::LeaderGap => part.leader_places(now, "c", at(9), Before::Gap),
        Happens::LeaderAnew => part.leader_places(now, "c", at(0), Before::Anew),
        Happens::LeaderRefuses => part.leader_refused("c", Why::Full),
        Happens::Replayed => part.replayed(now, "c", at(5)),
        Happens::LeaderLost => part.leader_lost(now),
        Happens::Due => {
            if let Some(at) = part.next_wakeup() {
                bench.now = at.max(now);
                bench.part.tick(bench.now);
            }
        }
    }
    ""
}

fn done(step: &Step) -> Option<String> {
    let words = match step {
        Step::Subscribe { channel, .. } if **channel == *"c" => "subscribe",
        // The other one, where there is only room for one.
        Step::Subscribe { .. } => return None,
        Step::Unsubscribe { .. } => "unsubscribe",
        Step::Gap { .. } => "tell of a gap",
        Step::Deliver { .. } => "use one that was kept",
        Step::Place { before, .. } => match before {
            Before::Whole => "tell the tabs where it is",
            Before::Gap => "tell the tabs of a gap",
            Before::Anew => "tell the tabs that it begins anew",
        },
        Step::AskLeader { .. } => "ask the leader",
        Step::TellWants => "tell the leader what is watched",
        Step::Refused { .. } => "tell that it is refused",
    };
    Some(words.to_owned())
}

#[test]
fn the_states_of_a_channel_are_as_written() {
    Page::new(
        "channel.md",
        "A channel",
        "Who says what happens on it, and how far it was followed: \
         [`channels/`](../../src/engine/channels/mod.rs). One part of the page watches it, no other tab \
         does, and where it has a position that is 5. \"No room\" means that another channel has the only \
         place.",
    )
    .table("What follows, and what is done:", |state: Is, input: Happens| {
        let mut bench = bench(state);
        let before = (state, bench.part.next_wakeup());
        let done_at_once = happen(input, &mut bench);
        let mut words: Vec<String> = Vec::new();
        words.extend(Some(done_at_once.to_owned()).filter(|word| !word.is_empty()));
        words.extend(bench.steps().iter().filter_map(done));
        cell(before, (is(&bench), bench.part.next_wakeup()), words)
    })
    .check(include_str!("../../../../docs/states/channel.md"));
}
