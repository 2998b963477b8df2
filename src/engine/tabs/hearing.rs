//! What other tabs say: whom to believe, whom to follow, who comes and goes.

use super::watch::Watch;
use super::{Leader, Queue, State, Step, Tabs};
use crate::engine::ids::{TabId, Term};
use crate::engine::limits::{ASK_TIMEOUT, STEAL_AGAIN, TERM_AHEAD_MAX};
use crate::engine::status::Status;
use crate::engine::time::{Mono, Now};

/// May what a leader says be used?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hears {
    /// Yes.
    Yes,
    /// A leader of an older term says it.
    Void,
    /// No leader can have such a term.
    Foreign,
}

impl Tabs {
    /// May what this leader says be used? A newer term ends ours.
    pub fn hears(&mut self, now: Now, term: Term) -> Hears {
        let newest = now.wall.0.max(self.seen).saturating_add(TERM_AHEAD_MAX.0);
        if term.number > newest {
            return Hears::Foreign;
        }
        match &mut self.state {
            State::Away | State::Alone(_) => Hears::Void,
            State::Leading(leading) if leading.term > term => {
                self.out.push_back(Step::SayLead);
                Hears::Void
            }
            State::Leading(_) => {
                self.seen = self.seen.max(term.number);
                self.out.push_back(Step::GiveUpLead);
                // We may hold the lock still, when we only heard of a newer leader.
                self.out.push_back(Step::Release(self.ticket));
                self.queue(now.mono);
                Hears::Yes
            }
            State::Passing { .. } => {
                self.seen = self.seen.max(term.number);
                self.out.push_back(Step::Release(self.ticket));
                self.queue(now.mono);
                Hears::Yes
            }
            State::Following(following) => {
                if let Some(leader) = &mut following.leader {
                    if leader.term > term && !leader.doubted {
                        // Two that both lead: one of them is no longer there.
                        if leader.term.tab != term.tab
                            && matches!(following.watch, Watch::Off | Watch::Calm { .. })
                        {
                            following.watch = Watch::asked(now.mono);
                            self.out.push_back(Step::Ask);
                        }
                        return Hears::Void;
                    }
                    if leader.term == term {
                        leader.doubted = false;
                    }
                }
                self.seen = self.seen.max(term.number);
                let other_asks = following.asker.is_some();
                following.watch = Watch::calm(now.mono, self.visible, other_asks);
                if following.waits.is_some() {
                    following.watch.expects(now.mono);
                }
                Hears::Yes
            }
        }
    }

    /// The leader says how things stand. Only after [`Tabs::hears`] said yes.
    pub fn follow(&mut self, term: Term, status: Status, tabs: u64) {
        let State::Following(following) = &mut self.state else {
            return;
        };
        let known = following.leader.as_ref().map(|leader| leader.term);
        following.leader = Some(Leader {
            term,
            status,
            tabs,
            doubted: false,
        });
        if known != Some(term) {
            self.out.push_back(Step::NewLeader);
        }
        self.asks_no_more(term.tab);
    }

    /// Does what this leader says follow on what it said before? A follower that has not heard its
    /// leader's positions yet cannot place its events.
    pub fn follows(&self, term: Term) -> bool {
        match &self.state {
            State::Following(following) => following
                .leader
                .as_ref()
                .is_some_and(|leader| leader.term == term),
            State::Away | State::Alone(_) | State::Passing { .. } | State::Leading(_) => false,
        }
    }

    /// Another tab said something; perhaps whether it can be seen. True if that is news.
    pub fn heard(&mut self, now: Now, tab: TabId, visible: Option<bool>) -> bool {
        if visible == Some(false) {
            self.asks_no_more(tab);
        }
        match self.state {
            State::Away | State::Alone(_) => false,
            State::Following(_) | State::Passing { .. } | State::Leading(_) => {
                self.roster.heard(now.mono, tab, visible)
            }
        }
    }

    /// Another tab asks the leader whether it is there. This one need not.
    pub fn asks(&mut self, now: Now, tab: TabId) {
        let State::Following(following) = &mut self.state else {
            return;
        };
        // Of two that asked at a time the one with the smaller id goes on, also where both were answered before
        // they heard each other.
        let asked = matches!(following.watch, Watch::Asked { .. })
            || (following.asked).is_some_and(|at| now.mono.since(at) < ASK_TIMEOUT);
        if following.asker.is_some() || !asked || tab < self.me {
            following.asker = Some(tab);
        }
        following.watch.other_asked(now.mono);
    }

    /// This tab said something to which its leader has an answer: a lease is asked for, which
    /// does not wait as long as a silent leader is believed to be there.
    pub fn expects_answer(&mut self, now: Now) {
        if let State::Following(following) = &mut self.state {
            following.waits = Some(now.mono);
            following.watch.expects(now.mono);
        }
    }

    /// The leader answered, or need not.
    pub fn has_answer(&mut self) {
        if let State::Following(following) = &mut self.state {
            following.waits = None;
        }
    }

    /// A tab that asked for all is gone, or cannot be seen any more, or leads.
    pub(super) fn asks_no_more(&mut self, tab: TabId) {
        if let State::Following(following) = &mut self.state
            && following.asker == Some(tab)
        {
            following.asker = None;
            following.watch.other_stopped();
        }
    }

    /// Another tab said goodbye.
    pub fn left(&mut self, now: Now, tab: TabId) {
        if self.roster.left(now.mono, tab) {
            self.out.push_back(Step::Gone(tab));
        }
        self.asks_no_more(tab);
        match &mut self.state {
            State::Away | State::Alone(_) | State::Leading(_) => {}
            State::Passing { to, .. } => {
                if *to == tab {
                    self.lead(now);
                }
            }
            State::Following(following) => {
                let leader = following.leader.as_ref();
                if leader.is_some_and(|leader| leader.term.tab == tab) {
                    following.leader = None;
                    if self.visible {
                        following.watch = Watch::asked(now.mono);
                    }
                    self.out.push_back(Step::LeaderLost);
                }
            }
        }
    }

    /// A tab that holds the lock offers it to this one.
    pub fn offered(&mut self, now: Now) {
        let again = self
            .stolen
            .is_some_and(|at| now.mono.since(at) < STEAL_AGAIN);
        match self.state {
            State::Following(_) if self.visible && !again => self.steal(now.mono),
            State::Following(_)
            | State::Away
            | State::Alone(_)
            | State::Passing { .. }
            | State::Leading(_) => {}
        }
    }

    pub(super) fn steal(&mut self, now: Mono) {
        let State::Following(following) = &mut self.state else {
            return;
        };
        following.queue = Queue::In;
        following.watch = Watch::asked(now);
        self.stolen = Some(now);
        self.out.push_back(Step::Release(self.ticket));
        self.ticket = self.ticket.next();
        self.out.push_back(Step::Steal(self.ticket));
    }
}
