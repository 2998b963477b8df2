//! The server as the source: this tab has the link, and asks for the channels itself.

use std::rc::Rc;

use super::channel::Place;
use super::{Before, Channels, Source, Step, Why};
use crate::engine::ids::{Position, RequestId};
use crate::engine::limits::SUBSCRIBE_TIMEOUT;
use crate::engine::rng::Rng;
use crate::engine::time::{Millis, Mono};
use crate::wire::{Recovery, Refusal};

impl Channels {
    /// The link is up: everything that is watched is asked for, from its last position on.
    pub fn link_up(&mut self) {
        self.source = Source::Server;
        self.due = true;
    }

    /// The link is down: nothing is subscribed any more; the positions stay.
    pub fn link_down(&mut self, now: Mono) {
        if self.source == Source::Server {
            self.source = Source::Nobody;
        }
        self.unplace(now);
    }

    /// This tab leads from now on. What the last leader had, this one has yet to ask for.
    pub fn take_lead(&mut self, now: Mono) {
        self.source = Source::Nobody;
        self.unplace(now);
    }

    /// This tab does not lead any more: other tabs' channels are another's business.
    pub fn give_up_lead(&mut self, now: Mono) {
        self.source = Source::Nobody;
        self.unplace(now);
        let ring = &mut self.ring;
        self.channels.retain(|name, channel| {
            channel.remote.clear();
            if !channel.mine {
                // Nobody tells this tab when the numbers of the channel begin anew.
                ring.forget(name);
            }
            channel.mine
        });
        // A place may be free now, and what was kept for other tabs too ends at its own time.
        self.note(now);
    }

    /// There is a new token: what was forbidden may be allowed now.
    pub fn token_changed(&mut self) {
        for channel in self.channels.values_mut() {
            if channel.place == Place::Denied {
                channel.place = Place::Waiting;
                self.due = true;
            }
        }
    }

    /// The next thing to do. Whoever calls this numbers the requests.
    pub fn poll(&mut self, now: Mono, last: &mut RequestId) -> Option<Step> {
        if let Some(step) = self.out.pop_front() {
            return Some(step);
        }
        if !self.due {
            return None;
        }
        self.fill();
        if let Some(step) = self.out.pop_front() {
            return Some(step);
        }
        if self.source != Source::Server {
            self.due = false;
            return None;
        }
        let turn = self.channels.iter().find(|(_, channel)| channel.is_due());
        let Some(name) = turn.map(|(name, _)| Rc::clone(name)) else {
            self.due = false;
            return None;
        };
        if !self.pace.take(now) {
            self.note(self.pace.next());
            return None;
        }
        *last = last.next();
        let until = now + SUBSCRIBE_TIMEOUT;
        self.note(until);
        let channel = self.channels.get_mut(&name)?;
        channel.place = Place::Asked {
            request: *last,
            until,
            again: channel.place == Place::Torn,
        };
        Some(Step::Subscribe {
            request: *last,
            channel: name,
            position: channel.position.clone(),
        })
    }

    /// The server said how a channel stands.
    ///
    /// Without a position of ours to recover from, a change can have happened between the page's
    /// fetch and this moment: that is a gap too.
    pub fn subscribed(
        &mut self,
        now: Mono,
        request: Option<RequestId>,
        name: &str,
        position: Option<Position>,
        recovery: Recovery,
    ) {
        let Some(channel) = self.channels.get_mut(name) else {
            return;
        };
        match channel.place {
            Place::Asked { request: ours, .. } if request.is_none_or(|r| r == ours) => {}
            // An answer to a question that is no longer open: somebody left and came back, or it
            // took so long that we asked again. The answer to the last question counts.
            Place::Asked { .. }
            | Place::Full
            | Place::Waiting
            | Place::Live { .. }
            | Place::Torn
            | Place::Missing { .. }
            | Place::Denied
            | Place::Later { .. } => return,
        }
        let complete = match (recovery, &channel.position, &position) {
            // A server whose numbers went back has lost some, whatever it says.
            (Recovery::Complete, Some(ours), Some(at)) => {
                ours.epoch == at.epoch && ours.seq <= at.seq
            }
            (Recovery::Complete, Some(_), None) | (Recovery::Resumed, _, _) => true,
            (Recovery::Complete, None, _) | (Recovery::NotAsked | Recovery::Impossible, _, _) => {
                false
            }
        };
        if !complete {
            self.start_at(now, name, position);
            return;
        }
        channel.place = Place::Live { since: now };
        self.out.push_back(Step::Place {
            channel: Rc::clone(&channel.name),
            position: channel.position.clone(),
            before: Before::Whole,
        });
        // What was missed follows as events and moves the position by itself.
        if let Some(at) = position {
            self.recovering.push((Rc::clone(&channel.name), at.seq));
        }
    }

    /// All of a frame was read: has what was promised come? A server that says that nothing is
    /// missing and then does not send it all would leave a hole that nobody sees.
    pub fn frame_end(&mut self, now: Mono) {
        for (name, to) in std::mem::take(&mut self.recovering) {
            let Some(channel) = self.channels.get(&*name) else {
                continue;
            };
            if let Some(position) = channel.position.as_ref().filter(|at| at.seq < to) {
                let at = Position {
                    epoch: position.epoch.clone(),
                    seq: to,
                };
                self.start_at(now, &name, Some(at));
            }
        }
    }

    /// Something on a channel did not come, and cannot be had.
    pub fn gap(&mut self, now: Mono, name: &str) {
        let channel = self.channels.get(name);
        if channel.is_some_and(|channel| matches!(channel.place, Place::Live { .. })) {
            self.start_at(now, name, None);
        }
    }

    /// The server tells no more of a channel for a reason that has passed. It is asked at once for what follows,
    /// unless that has happened shortly before.
    pub fn torn(&mut self, now: Mono, name: &str, rng: &mut Rng) {
        let Some(channel) = self.channels.get_mut(name) else {
            return;
        };
        channel.forgive(now);
        match channel.place {
            Place::Live { .. } | Place::Torn
                if channel.failures == 0 && self.source == Source::Server =>
            {
                channel.failures = 1;
                channel.place = Place::Torn;
                self.due = true;
            }
            _ => self.dropped(now, name, rng),
        }
    }

    /// The server ended a subscription by itself: it is asked for again, but not at once.
    pub fn dropped(&mut self, now: Mono, name: &str, rng: &mut Rng) {
        let Some(channel) = self.channels.get_mut(name) else {
            return;
        };
        match channel.place {
            Place::Live { .. } | Place::Torn | Place::Asked { .. } => {}
            Place::Full
            | Place::Waiting
            | Place::Missing { .. }
            | Place::Denied
            | Place::Later { .. } => return,
        }
        let at = channel.pause(now, None, rng);
        self.note(at);
    }

    /// The server refused a request. False if it was not about a channel that was asked for.
    pub fn refused(&mut self, now: Mono, refusal: &Refusal, rng: &mut Rng) -> bool {
        let mut found = None;
        for channel in self.channels.values_mut() {
            let ours = match (channel.place, refusal.request, &refusal.channel) {
                (Place::Asked { request, .. }, Some(answered), _) => answered == request,
                // A server that does not answer to what it takes refuses when we have it for taken.
                (Place::Asked { .. } | Place::Live { .. }, None, Some(name)) => {
                    **name == *channel.name
                }
                _ => false,
            };
            if ours {
                found = Some(channel);
                break;
            }
        }
        let Some(channel) = found else {
            return false;
        };
        if is_final(&refusal.code) {
            channel.place = Place::Denied;
            channel.drop_held(&mut self.held_bytes);
            self.out.push_back(Step::Refused {
                channel: Rc::clone(&channel.name),
                why: Why::Denied(refusal.code.as_str().into()),
            });
        } else {
            let asked = refusal.retry_after_ms.map(Millis);
            let at = channel.pause(now, asked, rng);
            self.note(at);
        }
        true
    }
}

/// Will the same question be answered the same way? Words that are not known may be a passing
/// trouble: they are asked again, ever more slowly.
fn is_final(code: &str) -> bool {
    matches!(
        code,
        "forbidden" | "unauthorized" | "token_expired" | "not_found" | "bad_request" | "too_large"
    )
}
