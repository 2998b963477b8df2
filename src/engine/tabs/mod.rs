//! Who leads among the tabs of one browser.
//!
//! Leadership is a lock that every tab queues for, so that the browser itself passes it on when
//! a tab is closed or crashes (G5). A leader that nobody can see offers the lock to a tab that can
//! be seen; one that is frozen loses it to a tab that asked three times. Who loses the lock stops
//! at once, and the leader's term is in everything it says: what an older term says is void.
//!
//! It knows no sockets, no channels and no events. It says when to lead and when to stop.

pub mod calls;
mod clock;
mod hearing;
pub mod message;
mod roster;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::VecDeque;

use self::roster::Roster;
use self::watch::Watch;

pub use self::hearing::Hears;
use super::ids::{LockTicket, TabId, Term};
use super::limits::{
    LOCK_FAILURES_MAX, LOCK_RETRY, PASS_AGAIN, PASS_TIMEOUT, ROSTER_CHECK, ROSTER_RENEW,
};
use super::status::Status;
use super::time::{Millis, Mono, Now};

/// This tab's place among the tabs.
#[derive(Debug)]
pub struct Tabs {
    me: TabId,
    visible: bool,
    /// When it came into view or out of it.
    turned: Mono,
    state: State,
    /// The last request for the lock. Older ones were given back.
    ticket: LockTicket,
    /// Requests for the lock that failed in a row.
    failures: u32,
    /// The newest term that was heard of.
    seen: u64,
    /// When this tab passed the lock on last.
    passed: Option<Mono>,
    /// When this tab took the lock by force last.
    stolen: Option<Mono>,
    roster: Roster,
    /// When time passed last.
    ticked: Mono,
    out: VecDeque<Step>,
}

#[derive(Debug)]
enum State {
    /// Not running: not started, put away, or closed.
    Away,
    /// This tab is for itself.
    Alone(Why),
    /// In the queue for the lock.
    Following(Following),
    /// Holds the lock, and waits for a tab that can be seen to take it.
    Passing { to: TabId, until: Mono },
    /// Holds the lock.
    Leading(Leading),
}

#[derive(Debug)]
struct Following {
    queue: Queue,
    /// What the leader said last.
    leader: Option<Leader>,
    watch: Watch,
    /// When something was said to which the leader has an answer.
    waits: Option<Mono>,
    /// The other tab that asks the leader for all. Nobody, if this tab does.
    asker: Option<TabId>,
    /// When this one last asked it for all.
    asked: Option<Mono>,
    /// When this tab tells the leader again that it is there.
    renew: Mono,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Queue {
    /// The lock was asked for.
    In,
    /// Asking failed: again at this moment.
    Again { at: Mono },
}

#[derive(Debug)]
struct Leader {
    term: Term,
    status: Status,
    tabs: u64,
    /// It did not answer: whoever speaks as a leader next is believed.
    doubted: bool,
}

#[derive(Debug)]
struct Leading {
    term: Term,
    since: Mono,
    /// When to look which tabs are still there.
    check: Mono,
    /// Before this moment the lead is not offered.
    offer_after: Mono,
}

/// Why a tab is for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// This browser has no Web Locks, or has them in secure contexts only.
    NoLocks,
    /// This browser has locks and does not give them.
    LocksRefused,
    /// This browser has no channel between tabs, or forbids it.
    NoChannel,
}

impl Why {
    /// As the app reads it.
    pub fn text(self) -> &'static str {
        match self {
            Why::NoLocks => "no-locks",
            Why::LocksRefused => "locks-refused",
            Why::NoChannel => "no-channel",
        }
    }
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
    /// Every tab is for itself.
    Alone(Why),
}

/// What has to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Join the queue for the lock.
    Queue(LockTicket),
    /// Take the lock from whoever holds it.
    Steal(LockTicket),
    /// Leave the queue, or give the lock back.
    Release(LockTicket),
    /// This tab leads now, or is for itself.
    TakeLead,
    /// This tab does not lead any more.
    GiveUpLead,
    /// Another tab leads now: tell it what this page needs.
    NewLeader,
    /// Nobody leads that we know of.
    LeaderLost,
    /// Say that this tab is there, and what it watches.
    SayHere,
    /// Say again who leads: somebody does not know.
    SayLead,
    /// Ask the leader whether it is there.
    Ask,
    /// Offer the lock to this tab.
    Offer(TabId),
    /// Look which tabs hold their own lock.
    QueryLocks,
    /// This tab is gone.
    Gone(TabId),
    /// This tab is for itself from now on; worth a word to the app.
    Alone(Why),
}

impl Tabs {
    /// A tab that has not started.
    pub fn new(me: TabId) -> Self {
        Tabs {
            me,
            visible: true,
            turned: Mono(0),
            state: State::Away,
            ticket: LockTicket::default(),
            failures: 0,
            seen: 0,
            passed: None,
            stolen: None,
            roster: Roster::default(),
            ticked: Mono(0),
            out: VecDeque::new(),
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Step> {
        self.out.pop_front()
    }

    /// This tab.
    pub fn me(&self) -> TabId {
        self.me
    }

    /// Can this tab be seen?
    pub fn visible(&self) -> bool {
        self.visible
    }

    /// What this tab is.
    pub fn role(&self) -> Role {
        match &self.state {
            State::Away => Role::Away,
            State::Alone(why) => Role::Alone(*why),
            State::Following(_) | State::Passing { .. } => Role::Following,
            State::Leading(leading) => Role::Leading(leading.term),
        }
    }

    /// Has this tab the link to the server?
    pub fn has_link(&self) -> bool {
        matches!(self.role(), Role::Leading(_) | Role::Alone(_))
    }

    /// The tab that leads, for a follower.
    pub fn leader(&self) -> Option<TabId> {
        match &self.state {
            State::Following(following) => following.leader.as_ref().map(|leader| leader.term.tab),
            State::Away | State::Alone(_) | State::Passing { .. } | State::Leading(_) => None,
        }
    }

    /// The leader's word on the link, for a follower.
    pub fn leader_status(&self) -> Option<&Status> {
        match &self.state {
            State::Following(following) => following.leader.as_ref().map(|leader| &leader.status),
            State::Away | State::Alone(_) | State::Passing { .. } | State::Leading(_) => None,
        }
    }

    /// How many tabs there are, as far as is known.
    pub fn count(&self) -> u64 {
        match &self.state {
            State::Leading(_) => self.roster.len() as u64 + 1,
            State::Following(Following {
                leader: Some(leader),
                ..
            }) => leader.tabs.max(2),
            State::Away | State::Alone(_) | State::Following(_) | State::Passing { .. } => 1,
        }
    }

    /// Is there another tab that this one would have to tell something?
    pub fn has_others(&self) -> bool {
        self.roster.len() > 0
    }

    /// May a tab come back that was there, and want to hear what it missed?
    pub fn may_return(&self, now: Now) -> bool {
        self.roster.may_return(now.mono)
    }

    /// Is it a tab that is known to be there?
    pub fn knows(&self, tab: TabId) -> bool {
        self.roster.has(tab)
    }

    /// Joins the queue.
    pub fn start(&mut self, now: Now) {
        if matches!(self.state, State::Away) {
            self.ticked = now.mono;
            self.failures = 0;
            self.queue(now.mono);
        }
    }

    /// Leaves the queue, or gives the lead up.
    pub fn stop(&mut self) {
        match self.state {
            State::Away => return,
            State::Alone(_) => {}
            State::Following(_) | State::Passing { .. } | State::Leading(_) => {
                self.out.push_back(Step::Release(self.ticket));
            }
        }
        self.state = State::Away;
        self.roster.clear();
    }

    fn queue(&mut self, now: Mono) {
        self.ticket = self.ticket.next();
        self.out.push_back(Step::Queue(self.ticket));
        self.state = State::Following(Following {
            queue: Queue::In,
            leader: None,
            watch: if self.visible {
                Watch::asked(now)
            } else {
                Watch::Off
            },
            waits: None,
            asker: None,
            asked: None,
            renew: now + ROSTER_RENEW,
        });
    }

    fn lead(&mut self, now: Now) {
        // Who led until now may stand still, and come back like any other tab.
        if matches!(&self.state, State::Following(following) if following.leader.is_some()) {
            self.roster.misses(now.mono);
        }
        self.seen = now.wall.0.max(self.seen.saturating_add(1));
        self.state = State::Leading(Leading {
            term: Term {
                number: self.seen,
                tab: self.me,
            },
            since: now.mono,
            check: now.mono + ROSTER_CHECK,
            offer_after: now.mono,
        });
        self.out.push_back(Step::TakeLead);
    }

    fn alone(&mut self, why: Why) {
        self.state = State::Alone(why);
        self.roster.clear();
        self.out.push_back(Step::Alone(why));
        self.out.push_back(Step::TakeLead);
    }

    /// The lock is ours.
    pub fn granted(&mut self, now: Now, ticket: LockTicket) {
        match self.state {
            // Given up before it came, or heard twice.
            State::Away | State::Alone(_) | State::Passing { .. } | State::Leading(_) => {}
            State::Following(_) if ticket == self.ticket => {
                self.failures = 0;
                let passed = self
                    .passed
                    .is_some_and(|at| now.mono.since(at) < PASS_AGAIN);
                match self.roster.visible() {
                    Some(to) if !self.visible && !passed => {
                        self.passed = Some(now.mono);
                        let until = now.mono + PASS_TIMEOUT;
                        self.state = State::Passing { to, until };
                        self.out.push_back(Step::Offer(to));
                    }
                    Some(_) | None => self.lead(now),
                }
            }
            State::Following(_) => {}
        }
    }

    /// The lock was taken from us, or asking for it failed.
    pub fn lost(&mut self, now: Now, ticket: LockTicket) {
        if ticket != self.ticket {
            return;
        }
        match &mut self.state {
            State::Away | State::Alone(_) => {}
            State::Following(following) => {
                self.failures += 1;
                if self.failures >= LOCK_FAILURES_MAX {
                    self.alone(Why::LocksRefused);
                    return;
                }
                let wait = Millis(LOCK_RETRY.0 << self.failures);
                following.queue = Queue::Again {
                    at: now.mono + wait,
                };
            }
            State::Passing { .. } => self.queue(now.mono),
            State::Leading(_) => {
                self.out.push_back(Step::GiveUpLead);
                self.queue(now.mono);
            }
        }
    }

    /// This browser lacks something without which tabs cannot act together.
    pub fn unavailable(&mut self, why: Why) {
        match self.state {
            State::Away | State::Alone(_) => {}
            State::Following(_) | State::Passing { .. } => {
                self.out.push_back(Step::Release(self.ticket));
                self.alone(why);
            }
            State::Leading(_) => {
                self.out.push_back(Step::Release(self.ticket));
                self.out.push_back(Step::GiveUpLead);
                self.alone(why);
            }
        }
    }

    /// This tab came into view, or out of it.
    pub fn turned(&mut self, now: Now, visible: bool) {
        if self.visible == visible {
            return;
        }
        self.visible = visible;
        self.turned = now.mono;
        match &mut self.state {
            State::Away | State::Alone(_) => {}
            State::Following(following) => {
                // What is said here is answered by the leader, if there is one.
                following.watch = if visible {
                    Watch::asked(now.mono)
                } else {
                    Watch::Off
                };
                self.out.push_back(Step::SayHere);
            }
            State::Passing { .. } => {
                if visible {
                    self.lead(now);
                }
                self.out.push_back(Step::SayHere);
            }
            State::Leading(_) => self.out.push_back(Step::SayHere),
        }
    }

    /// These tabs hold their own lock.
    pub fn locks(&mut self, now: Now, held: &[TabId]) {
        for tab in self.roster.locks(now.mono, held) {
            self.asks_no_more(tab);
            self.out.push_back(Step::Gone(tab));
        }
    }
}
