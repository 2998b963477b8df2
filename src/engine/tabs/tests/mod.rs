//! The part alone.

#![allow(clippy::unwrap_used)]

mod lead;
mod table;

use super::*;
use crate::engine::limits::{
    ASK_MISSES, ASK_SPARE, ASK_TIMEOUT, HANDOVER_HIDDEN, HANDOVER_TENURE, LEADER_SILENCE,
    OFFER_AGAIN, RETURNS_WITHIN, ROSTER_EXPIRE, STEAL_AGAIN, STEAL_SPREAD, TERM_AHEAD_MAX,
};
use crate::engine::rng::Rng;
use crate::engine::time::Wall;

const ME: TabId = TabId(5);
const OTHER: TabId = TabId(9);
const TICKET: LockTicket = LockTicket(1);

fn at(ms: u64) -> Now {
    Now {
        mono: Mono(ms),
        wall: Wall(1000 + ms),
    }
}

fn term(number: u64, tab: u64) -> Term {
    Term {
        number,
        tab: TabId(tab),
    }
}

fn status() -> Status {
    Status::idle(Wall(0))
}

fn steps(tabs: &mut Tabs) -> Vec<Step> {
    std::iter::from_fn(|| tabs.poll()).collect()
}

fn following() -> Tabs {
    let mut tabs = Tabs::new(ME);
    tabs.start(at(0));
    assert_eq!(steps(&mut tabs), [Step::Queue(TICKET)]);
    tabs
}

/// Follows the other tab in term 700.
fn led() -> Tabs {
    let mut tabs = following();
    assert_eq!(tabs.hears(at(1), term(700, 9)), Hears::Yes);
    tabs.heard(at(1), OTHER, None);
    tabs.follow(term(700, 9), status(), 2);
    assert_eq!(steps(&mut tabs), [Step::NewLeader]);
    tabs
}

fn leading() -> Tabs {
    let mut tabs = following();
    tabs.granted(at(1), TICKET);
    assert_eq!(steps(&mut tabs), [Step::TakeLead]);
    tabs
}

/// Hidden, with the lock, and a visible tab that was offered it.
fn passing() -> Tabs {
    let mut tabs = following();
    tabs.turned(at(0), false);
    tabs.heard(at(0), OTHER, Some(true));
    tabs.granted(at(1), TICKET);
    assert_eq!(steps(&mut tabs), [Step::SayHere, Step::Offer(OTHER)]);
    tabs
}

fn away() -> Tabs {
    Tabs::new(ME)
}

fn alone() -> Tabs {
    let mut tabs = following();
    tabs.unavailable(Why::NoLocks);
    steps(&mut tabs);
    tabs
}

/// Lets time pass as the engine does: from one wake-up to the next.
fn run(tabs: &mut Tabs, from: u64, to: u64) -> Vec<(u64, Step)> {
    let mut rng = Rng::new(3);
    let mut now = from;
    let mut out = Vec::new();
    let mut wakeups = 0;
    loop {
        tabs.tick(at(now), &mut rng);
        out.extend(steps(tabs).into_iter().map(|step| (now, step)));
        match tabs.next_wakeup() {
            Some(due) if due.0 <= to => now = due.0.max(now + 1),
            _ => return out,
        }
        wakeups += 1;
        assert!(wakeups < 10_000, "it wakes up for nothing");
    }
}
