//! The states of a tab among the tabs, beside everything that can happen to it.

use super::super::Queue;
use super::super::watch::Watch;
use super::*;
use crate::engine::limits::ASK_LATE;
use crate::engine::tests::states::{self, Page, cases};

cases! {
    enum Is {
        Away => "away",
        Alone => "alone",
        Following => "following, no leader known",
        Retrying => "following, asks for the lock again later",
        Led => "following",
        Passing => "passing the lock on",
        Leading => "leading",
    }
}

cases! {
    enum Happens {
        Start => "the page starts",
        Stop => "the page stops",
        Granted => "the lock is granted",
        GrantedOld => "an older request is granted",
        Lost => "the lock is lost, or asking for it failed",
        LostOld => "an older request fails",
        Unavailable => "there are no locks, or no channel",
        Visible => "the page is seen",
        Hidden => "the page is not seen",
        Newer => "a newer leader speaks",
        Older => "an older leader speaks",
        Future => "a leader of a term that cannot be speaks",
        LeaderStands => "that leader says how things stand",
        Other => "another tab that is seen speaks",
        OtherAsks => "another tab asks for the leader",
        LeaderLeft => "the leader says goodbye",
        OtherLeft => "another tab says goodbye",
        Offered => "the lock is offered to this tab",
        Locks => "no other tab holds its own lock",
        Due => "the moment of the state comes",
    }
}

fn is(tabs: &Tabs) -> Is {
    match &tabs.state {
        State::Away => Is::Away,
        State::Alone(_) => Is::Alone,
        State::Following(following) => match (following.queue, &following.leader) {
            (Queue::Again { .. }, _) => Is::Retrying,
            (Queue::In, None) => Is::Following,
            (Queue::In, Some(_)) => Is::Led,
        },
        State::Passing { .. } => Is::Passing,
        State::Leading(_) => Is::Leading,
    }
}

fn tabs(state: Is) -> Tabs {
    let tabs = match state {
        Is::Away => away(),
        Is::Alone => alone(),
        Is::Following => following(),
        Is::Retrying => {
            let mut tabs = following();
            tabs.lost(at(1), TICKET);
            tabs
        }
        Is::Led => led(),
        Is::Passing => passing(),
        Is::Leading => leading(),
    };
    assert_eq!(is(&tabs), state);
    tabs
}

fn happen(input: Happens, tabs: &mut Tabs) {
    let now = at(9);
    match input {
        Happens::Start => tabs.start(now),
        Happens::Stop => tabs.stop(),
        Happens::Granted => tabs.granted(now, tabs.ticket),
        Happens::GrantedOld => tabs.granted(now, LockTicket(77)),
        Happens::Lost => tabs.lost(now, tabs.ticket),
        Happens::LostOld => tabs.lost(now, LockTicket(77)),
        Happens::Unavailable => tabs.unavailable(Why::NoChannel),
        Happens::Visible => tabs.turned(now, true),
        Happens::Hidden => tabs.turned(now, false),
        Happens::Newer => {
            tabs.hears(now, term(90_000, 3));
        }
        Happens::Older => {
            tabs.hears(now, term(600, 3));
        }
        Happens::Future => {
            tabs.hears(now, term(u64::MAX, 3));
        }
        Happens::LeaderStands => tabs.follow(term(90_000, 3), status(), 2),
        Happens::Other => {
            tabs.heard(now, TabId(33), Some(true));
        }
        Happens::OtherAsks => tabs.asks(now, TabId(33)),
        Happens::LeaderLeft => tabs.left(now, OTHER),
        Happens::OtherLeft => tabs.left(now, TabId(33)),
        Happens::Offered => tabs.offered(now),
        Happens::Locks => tabs.locks(now, &[]),
        Happens::Due => {
            if let Some(due) = tabs.next_wakeup() {
                tabs.tick(at(due.0), &mut Rng::new(1));
            }
        }
    }
}

fn done(step: Step) -> String {
    let words = match step {
        Step::Queue(_) => "ask for the lock",
        Step::Steal(_) => "steal the lock",
        Step::Release(_) => "give the lock back",
        Step::TakeLead => "take the lead",
        Step::GiveUpLead => "give the lead up",
        Step::NewLeader => "tell the new leader what is needed",
        Step::LeaderLost => "forget the leader",
        Step::SayHere => "say: here",
        Step::SayLead => "say who leads",
        Step::Ask => "ask for the leader",
        Step::Offer(_) => "offer the lock",
        Step::QueryLocks => "look who holds a lock",
        Step::Gone(_) => "forget the tab",
        Step::Alone(_) => "tell that it is alone",
    };
    words.to_owned()
}

cases! {
    enum Watching {
        Off => "off",
        Calm => "calm",
        Asked => "asked",
        AskedTwice => "asked twice in vain",
        Striking => "about to strike",
    }
}

cases! {
    enum Passes {
        Little => "some time, seen",
        Due => "until its moment, seen",
        Late => "far beyond its moment, seen",
        DueHidden => "until its moment, hidden",
        Heard => "until the leader is heard, seen",
        HeardHidden => "until the leader is heard, hidden",
        HeardForAll => "until the leader is heard, and another tab asks it",
        OtherAsks => "until another tab asks the leader",
        OtherStops => "until another tab asks the leader no more",
    }
}

fn watching(watch: Watch) -> Watching {
    match watch {
        Watch::Off => Watching::Off,
        Watch::Calm { .. } => Watching::Calm,
        Watch::Asked { misses, .. } if misses + 1 < ASK_MISSES => Watching::Asked,
        Watch::Asked { .. } => Watching::AskedTwice,
        Watch::Striking { .. } => Watching::Striking,
    }
}

fn watch(state: Watching) -> Watch {
    let until = Mono(0) + ASK_TIMEOUT;
    let watch = match state {
        Watching::Off => Watch::Off,
        Watching::Calm => Watch::calm(Mono(0), true, false),
        Watching::Asked => Watch::asked(Mono(0)),
        Watching::AskedTwice => {
            let misses = ASK_MISSES - 1;
            Watch::Asked { misses, until }
        }
        Watching::Striking => Watch::Striking { at: until },
    };
    assert_eq!(watching(watch), state);
    watch
}

fn watch_cell(state: Watching, passes: Passes) -> String {
    use super::super::watch::Look;
    let mut now = watch(state);
    let due = now.next_look().unwrap_or(Mono(1000));
    let rng = &mut Rng::new(1);
    let look = match passes {
        Passes::Little => now.look(Mono(due.0 - 1), true, rng),
        Passes::Due => now.look(due, true, rng),
        Passes::Late => now.look(due + ASK_LATE + ASK_LATE, true, rng),
        Passes::DueHidden => now.look(due, false, rng),
        Passes::Heard => {
            now = Watch::calm(due, true, false);
            Look::Wait
        }
        Passes::HeardHidden => {
            now = Watch::calm(due, false, false);
            Look::Wait
        }
        Passes::HeardForAll => {
            now = Watch::calm(due, true, true);
            Look::Wait
        }
        Passes::OtherAsks => {
            now.other_asked(due);
            Look::Wait
        }
        Passes::OtherStops => {
            now.other_stopped();
            Look::Wait
        }
    };
    let done = match look {
        Look::Wait => None,
        Look::Ask => Some("ask for the leader"),
        Look::Doubt => Some("ask, and believe whoever answers"),
        Look::Steal => Some("steal the lock"),
    };
    let before = (state, watch(state).next_look());
    let after = (watching(now), now.next_look());
    states::cell(before, after, done.map(str::to_owned).into_iter().collect())
}

#[test]
fn the_states_of_a_tab_are_as_written() {
    Page::new(
        "tabs.md",
        "A tab among the tabs",
        "Who leads: [`tabs/`](../../src/engine/tabs/mod.rs). The leader, where one is known, is of term \
         700. The page is seen, except while it passes the lock on to a tab that is.",
    )
    .table("What follows, and what is done:", |state: Is, input: Happens| {
        let mut tabs = tabs(state);
        let before = (state, tabs.next_wakeup());
        happen(input, &mut tabs);
        let steps = steps(&mut tabs).into_iter().map(done).collect();
        states::cell(before, (is(&tabs), tabs.next_wakeup()), steps)
    })
    .table(
        "How a follower watches its leader ([`watch.rs`](../../src/engine/tabs/watch.rs)), as time passes:",
        watch_cell,
    )
    .check(include_str!("../../../../docs/states/tabs.md"));
}
