//! The fence between two that lead, seen from outside: who lost the lock stops at once, and a
//! tab that heard of a newer leader does not follow an older one (G5).

use std::rc::Rc;

use everfresh::engine::ids::LockTicket;
use everfresh::engine::input::{LockEvent, PageEvent};

use crate::agenda::{S, Time};
use crate::promises::Promise;
use crate::tab::Arrival;
use crate::world::World;

/// A leader that is silent for longer may be doubted, and then another one is believed.
const BELIEVED: Time = 2 * S;

/// What one tab heard of those that lead.
#[derive(Debug, Default)]
pub(crate) struct Fence {
    newest: Option<Leader>,
    /// What is being handled was said by a leader of an older term.
    void: bool,
    /// What the tab says in answer to a new leader, as far as it was said.
    here: bool,
    handlers: bool,
    /// Its request for the lock that had it when it was taken by force.
    stolen: Option<LockTicket>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Leader {
    /// Its term: the number, and who it is.
    term: (u64, Rc<str>),
    heard: Time,
}

impl Fence {
    /// Whatever was heard of leaders does not hold any more.
    pub(crate) fn forget(&mut self) {
        self.newest = None;
    }

    /// The lock that it had by this request was taken by force, and it will be told.
    pub(crate) fn stolen(&mut self, ticket: LockTicket) {
        self.stolen = Some(ticket);
    }

    /// Another tab said something.
    fn hears(&mut self, now: Time, text: &str) {
        let Some(from) = member(text, "\"from\":\"").map(Rc::from) else {
            return;
        };
        if member(text, "\"k\":\"") == Some("bye") {
            self.newest = self.newest.take().filter(|newest| newest.term.1 != from);
        }
        let Some(number) = number(text, "\"term\":") else {
            return;
        };
        let term = (number, from);
        let voids = |newest: &Leader| newest.term > term && now - newest.heard < BELIEVED;
        self.void = self.newest.as_ref().is_some_and(voids);
        // Only who says that it leads is followed by who follows nobody yet: another word may have
        // waited for a page that stood still since before somebody else took the lead.
        let leads = self.newest.is_some() || member(text, "\"k\":\"") == Some("lead");
        if !self.void && leads {
            self.newest = Some(Leader { term, heard: now });
        }
    }

    /// The tab says something to the others. False if it says hello to an older leader.
    pub(crate) fn says(&mut self, text: &str) -> bool {
        self.here |= member(text, "\"k\":\"") == Some("here");
        self.handlers |= member(text, "\"q\":{\"q\":\"") == Some("handlers");
        !(self.void && self.here && self.handlers)
    }
}

/// The text behind a mark, up to the next quote.
fn member<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.split_once(mark)?.1.split('"').next()
}

fn number(text: &str, mark: &str) -> Option<u64> {
    let (_, rest) = text.split_once(mark)?;
    rest.split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

impl World {
    /// A tab is about to handle something.
    pub(crate) fn before_fence(&mut self, tab: usize, arrival: &Arrival) {
        let tab = &mut self.tabs[tab];
        let fence = &mut tab.fence;
        (fence.void, fence.here, fence.handlers) = (false, false, false);
        match arrival {
            // It follows whoever speaks next.
            Arrival::Lock(_) | Arrival::Page(PageEvent::Suspended | PageEvent::Resumed) => {
                fence.forget();
            }
            _ if tab.app.role() != "follower" => fence.forget(),
            Arrival::Bus(_, text) => fence.hears(self.now, text),
            _ => {}
        }
    }

    /// A tab handled something, and its app was told what came of it.
    pub(crate) fn after_fence(&mut self, tab: usize, lost: Option<LockTicket>) {
        if lost.is_none() || lost != self.tabs[tab].fence.stolen {
            return;
        }
        let browser = &self.browsers[self.tabs[tab].seat.browser];
        let mut locks = browser.locks.iter().flatten();
        let holds = locks.any(|lock| lock.holder.is_some_and(|holder| holder.tab == tab));
        if !holds && self.tabs[tab].app.role() == "leader" {
            let how = format!("{} leads on although it lost the lock", self.name(tab));
            self.fail(Promise::G5, how);
        }
    }

    /// A tab says something to the others of its browser.
    pub(crate) fn check_fence(&mut self, tab: usize, message: &str) {
        if !self.tabs[tab].fence.says(message) {
            let how = format!(
                "{} follows a leader of an older term than the one that it follows",
                self.name(tab)
            );
            self.fail(Promise::G5, how);
        }
    }
}

/// Which request for the lock is said to be over?
pub(crate) fn lost(arrival: &Arrival) -> Option<LockTicket> {
    match arrival {
        Arrival::Lock(LockEvent::Lost(ticket)) => Some(*ticket),
        _ => None,
    }
}
