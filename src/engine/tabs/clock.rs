//! What becomes due as time passes.

use super::watch::Look;
use super::{Queue, State, Step, Tabs};
use crate::engine::ids::TabId;
use crate::engine::limits::{
    ASK_TIMEOUT, HANDOVER_HIDDEN, HANDOVER_TENURE, OFFER_AGAIN, ROSTER_CHECK, ROSTER_RENEW,
    ROSTER_SLEEP,
};
use crate::engine::rng::Rng;
use crate::engine::time::{Mono, Now};

impl Tabs {
    /// Time passed.
    pub fn tick(&mut self, now: Now, rng: &mut Rng) {
        let slept = now.mono.since(self.ticked);
        self.ticked = now.mono;
        if slept >= ROSTER_SLEEP {
            self.roster.slept(now.mono, slept);
        }
        if self.roster.next_expiry().is_some_and(|at| at <= now.mono) {
            for tab in self.roster.expire(now.mono) {
                self.asks_no_more(tab);
                self.out.push_back(Step::Gone(tab));
            }
        }
        match &self.state {
            State::Away | State::Alone(_) => {}
            State::Following(_) => self.tick_following(now.mono, rng),
            State::Passing { until, .. } => {
                if *until <= now.mono {
                    self.lead(now);
                }
            }
            State::Leading(_) => self.tick_leading(now.mono),
        }
    }

    fn tick_following(&mut self, now: Mono, rng: &mut Rng) {
        let State::Following(following) = &mut self.state else {
            return;
        };
        if let Queue::Again { at } = following.queue
            && at <= now
        {
            following.queue = Queue::In;
            self.ticket = self.ticket.next();
            self.out.push_back(Step::Queue(self.ticket));
        }
        if following.renew <= now {
            following.renew = now + ROSTER_RENEW;
            self.out.push_back(Step::SayHere);
        }
        match following.watch.look(now, self.visible, rng) {
            Look::Wait => {}
            Look::Ask => {
                following.asker = None;
                following.asked = Some(now);
                // If it answers this, an answer that is overdue is late for another reason.
                following.waits = (following.waits).filter(|since| now.since(*since) < ASK_TIMEOUT);
                self.out.push_back(Step::Ask);
            }
            Look::Doubt => {
                if let Some(leader) = &mut following.leader {
                    leader.doubted = true;
                }
                self.out.push_back(Step::Ask);
            }
            Look::Steal => self.steal(now),
        }
    }

    fn tick_leading(&mut self, now: Mono) {
        let offer = self.next_offer().filter(|(at, _)| *at <= now);
        let State::Leading(leading) = &mut self.state else {
            return;
        };
        if self.roster.len() > 0 && leading.check <= now {
            leading.check = now + ROSTER_CHECK;
            self.out.push_back(Step::QueryLocks);
        }
        if let Some((_, to)) = offer {
            leading.offer_after = now + OFFER_AGAIN;
            self.out.push_back(Step::Offer(to));
        }
    }

    /// When the lead is offered, and to whom.
    fn next_offer(&self) -> Option<(Mono, TabId)> {
        let State::Leading(leading) = &self.state else {
            return None;
        };
        if self.visible {
            return None;
        }
        let to = self.roster.visible()?;
        let hidden = self.turned + HANDOVER_HIDDEN;
        let tenure = leading.since + HANDOVER_TENURE;
        Some((hidden.max(tenure).max(leading.offer_after), to))
    }

    /// When something is to be done, if nothing else happens.
    pub fn next_wakeup(&self) -> Option<Mono> {
        let own = match &self.state {
            State::Away | State::Alone(_) => return None,
            State::Following(following) => {
                let again = match following.queue {
                    Queue::In => None,
                    Queue::Again { at } => Some(at),
                };
                let watch = following.watch.next_look();
                [Some(following.renew), again, watch]
            }
            State::Passing { until, .. } => [Some(*until), None, None],
            State::Leading(leading) => {
                let check = (self.roster.len() > 0).then_some(leading.check);
                [check, self.next_offer().map(|(at, _)| at), None]
            }
        };
        let expiry = self.roster.next_expiry();
        own.into_iter().chain([expiry]).flatten().min()
    }
}
