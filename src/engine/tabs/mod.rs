//! Who leads among the tabs of one browser.
//!
//! Leadership is a lock that every tab queues for, so that the browser itself passes it on when
//! a tab is closed or crashes. The leader's term is in everything it says; what an older term
//! says is void. It knows no sockets and no events.

pub mod message;

use super::ids::{LockTicket, TabId, Term};
use super::limits::{ROSTER_EXPIRE, ROSTER_RENEW, TABS_MAX};
use super::map::Map;
use super::status::Status;
use super::time::{Mono, Now};

/// This tab's place among the tabs.
#[derive(Debug)]
pub struct Tabs {
    me: TabId,
    role: Role,
    ticket: LockTicket,
    /// The newest term that was heard of.
    seen: u64,
    /// The leader's: when each other tab was last heard of.
    roster: Map<TabId, Mono>,
    /// The follower's: what the leader said last.
    leader: Option<Leader>,
    /// When this tab tells the leader again that it is there.
    renew: Option<Mono>,
}

/// What this tab is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Not running: not started, put away, or closed.
    Away,
    /// In the queue for the lock.
    Following,
    /// Holds the lock.
    Leading(Term),
    /// This browser has no locks: every tab is for itself.
    Alone,
}

#[derive(Debug)]
struct Leader {
    term: Term,
    status: Status,
    tabs: u64,
}

/// What the engine has to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Stay,
    /// This tab leads now.
    TakeLead,
    /// This tab does not lead any more.
    GiveUpLead,
}

impl Tabs {
    /// A tab that has not started.
    pub fn new(me: TabId) -> Self {
        Tabs {
            me,
            role: Role::Away,
            ticket: LockTicket::default(),
            seen: 0,
            roster: Map::new(),
            leader: None,
            renew: None,
        }
    }

    /// This tab.
    pub fn me(&self) -> TabId {
        self.me
    }

    /// What this tab is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Has this tab the link to the server?
    pub fn has_link(&self) -> bool {
        matches!(self.role, Role::Leading(_) | Role::Alone)
    }

    /// The leader's word on the link, for a follower.
    pub fn leader_status(&self) -> Option<&Status> {
        self.leader.as_ref().map(|leader| &leader.status)
    }

    /// How many tabs there are, as far as is known.
    pub fn count(&self) -> u64 {
        match (self.role, &self.leader) {
            (Role::Leading(_), _) => self.roster.len() as u64 + 1,
            (Role::Following, Some(leader)) => leader.tabs.max(2),
            _ => 1,
        }
    }

    /// Joins the queue.
    pub fn start(&mut self, now: Now) -> LockTicket {
        self.ticket = self.ticket.next();
        self.role = Role::Following;
        self.leader = None;
        self.renew = Some(now.mono + ROSTER_RENEW);
        self.ticket
    }

    /// Leaves the queue, or gives the lead up. The ticket is to be given back.
    pub fn stop(&mut self) -> LockTicket {
        self.role = Role::Away;
        self.leader = None;
        self.renew = None;
        self.roster.clear();
        self.ticket
    }

    /// The lock is ours: a new term begins.
    pub fn granted(&mut self, now: Now, ticket: LockTicket) -> Step {
        if ticket != self.ticket || self.role != Role::Following {
            return Step::Stay;
        }
        self.seen = now.wall.0.max(self.seen.saturating_add(1));
        self.role = Role::Leading(Term {
            number: self.seen,
            tab: self.me,
        });
        self.leader = None;
        self.renew = None;
        Step::TakeLead
    }

    /// The lock was taken from us.
    pub fn lost(&mut self, now: Now, ticket: LockTicket) -> Step {
        if ticket != self.ticket || !matches!(self.role, Role::Leading(_)) {
            return Step::Stay;
        }
        self.step_down(now)
    }

    /// This browser has no locks.
    pub fn alone(&mut self) -> Step {
        self.role = Role::Alone;
        self.renew = None;
        Step::TakeLead
    }

    fn step_down(&mut self, now: Now) -> Step {
        self.role = Role::Following;
        self.roster.clear();
        self.leader = None;
        self.renew = Some(now.mono + ROSTER_RENEW);
        Step::GiveUpLead
    }

    /// May what this leader says be used? A newer term ends ours.
    pub fn hear_leader(&mut self, now: Now, term: Term) -> (bool, Step) {
        self.seen = self.seen.max(term.number);
        match self.role {
            Role::Away | Role::Alone => (false, Step::Stay),
            Role::Leading(mine) if mine > term => (false, Step::Stay),
            Role::Leading(_) => (true, self.step_down(now)),
            Role::Following => {
                let void = self
                    .leader
                    .as_ref()
                    .is_some_and(|leader| leader.term > term);
                (!void, Step::Stay)
            }
        }
    }

    /// The leader says how things stand. True if it is another leader than before.
    pub fn follow(&mut self, term: Term, status: Status, tabs: u64) -> bool {
        let new = self
            .leader
            .as_ref()
            .is_none_or(|leader| leader.term != term);
        self.leader = Some(Leader { term, status, tabs });
        new
    }

    /// Do events of this leader follow on what it said before? A follower that has not heard its
    /// leader's positions yet cannot place them.
    pub fn follows(&self, term: Term) -> bool {
        self.leader
            .as_ref()
            .is_some_and(|leader| leader.term == term)
    }

    /// Another tab is there. True if it was not known.
    pub fn seen(&mut self, now: Now, tab: TabId) -> bool {
        if tab == self.me || (!self.roster.contains(&tab) && self.roster.len() >= TABS_MAX) {
            return false;
        }
        self.roster.insert(tab, now.mono).is_none()
    }

    /// Another tab left. True if it was known.
    pub fn left(&mut self, tab: TabId) -> bool {
        self.roster.remove(&tab).is_some()
    }

    /// Tabs that have been silent for too long.
    pub fn expire(&mut self, now: Now) -> Vec<TabId> {
        let mut gone = Vec::new();
        self.roster.retain(|tab, seen| {
            let silent = now.mono.since(*seen) >= ROSTER_EXPIRE;
            if silent {
                gone.push(*tab);
            }
            !silent
        });
        gone
    }

    /// Is it time to tell the leader again that we are here?
    pub fn renew(&mut self, now: Now) -> bool {
        let due = self.renew.is_some_and(|at| at <= now.mono);
        if due {
            self.renew = Some(now.mono + ROSTER_RENEW);
        }
        due
    }

    /// When something is to be done, if nothing else happens.
    pub fn next_wakeup(&self) -> Option<Mono> {
        let expiry = self.roster.values().min().map(|seen| *seen + ROSTER_EXPIRE);
        match (self.renew, expiry) {
            (Some(renew), Some(expiry)) => Some(renew.min(expiry)),
            (renew, expiry) => renew.or(expiry),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::time::Wall;

    const ME: TabId = TabId(5);

    fn at(ms: u64) -> Now {
        Now {
            mono: Mono(ms),
            wall: Wall(1000 + ms),
        }
    }

    fn leading() -> (Tabs, LockTicket) {
        let mut tabs = Tabs::new(ME);
        let ticket = tabs.start(at(0));
        assert_eq!(tabs.granted(at(1), ticket), Step::TakeLead);
        (tabs, ticket)
    }

    fn term(number: u64, tab: u64) -> Term {
        Term {
            number,
            tab: TabId(tab),
        }
    }

    #[test]
    fn a_grant_that_comes_after_the_request_was_given_up_is_void() {
        let mut tabs = Tabs::new(ME);
        let old = tabs.start(at(0));
        assert_eq!(tabs.stop(), old);
        assert_eq!(tabs.granted(at(1), old), Step::Stay);
        tabs.start(at(2));
        assert_eq!(tabs.granted(at(3), old), Step::Stay);
    }

    #[test]
    fn a_new_term_is_newer_than_every_term_that_was_heard_of() {
        let mut tabs = Tabs::new(ME);
        let ticket = tabs.start(at(0));
        assert_eq!(tabs.hear_leader(at(0), term(50_000, 9)), (true, Step::Stay));
        tabs.granted(at(1), ticket);
        assert_eq!(tabs.role(), Role::Leading(term(50_001, 5)));
    }

    #[test]
    fn of_two_leaders_the_older_term_steps_down() {
        let (mut tabs, _) = leading();
        assert_eq!(tabs.hear_leader(at(2), term(1000, 9)), (false, Step::Stay));
        assert_eq!(
            tabs.hear_leader(at(2), term(1001, 9)),
            (true, Step::GiveUpLead)
        );
        assert_eq!(tabs.role(), Role::Following);
    }

    #[test]
    fn a_stolen_lock_ends_the_lead() {
        let (mut tabs, ticket) = leading();
        assert_eq!(tabs.lost(at(2), LockTicket(99)), Step::Stay);
        assert_eq!(tabs.lost(at(2), ticket), Step::GiveUpLead);
    }

    #[test]
    fn a_follower_leaves_an_older_leader_for_a_newer_one() {
        let mut tabs = Tabs::new(ME);
        tabs.start(at(0));
        let status = Status::idle(Wall(0));
        assert!(tabs.follow(term(7, 1), status.clone(), 2));
        assert!(!tabs.follow(term(7, 1), status.clone(), 3));
        assert!(tabs.follow(term(8, 2), status, 2));
        assert_eq!(tabs.hear_leader(at(1), term(7, 1)), (false, Step::Stay));
        assert!(!tabs.follows(term(7, 1)));
    }

    #[test]
    fn silent_tabs_leave_the_roster() {
        let (mut tabs, _) = leading();
        assert!(tabs.seen(at(10), TabId(1)));
        assert!(!tabs.seen(at(20), TabId(1)));
        assert!(!tabs.seen(at(20), ME));
        assert_eq!(tabs.count(), 2);
        assert_eq!(tabs.next_wakeup(), Some(Mono(20) + ROSTER_EXPIRE));
        assert_eq!(tabs.expire(at(20 + ROSTER_EXPIRE.0)), [TabId(1)]);
        assert_eq!(tabs.count(), 1);
    }
}
