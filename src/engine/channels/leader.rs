//! The leader as the source: another tab has the link, and says where the channels are. And the
//! other side of it: what this tab says to the others when it leads.

use std::rc::Rc;

use super::channel::Place;
use super::{Before, Channels, Replay, Source, Step, Want, Why, has_seen};
use crate::engine::ids::{Position, Seq};
use crate::engine::limits::{MISSING_TIMEOUT, MISSING_TIMEOUT_MAX};
use crate::engine::time::{Millis, Mono};

impl Channels {
    /// Nobody leads that we know of.
    pub fn leader_lost(&mut self, now: Mono) {
        if self.source == Source::Leader {
            self.source = Source::Nobody;
        }
        self.unplace(now);
    }

    /// The leader says where all its channels are. What lies between is missing here.
    pub fn leader_has(&mut self, now: Mono, channels: &[Want]) {
        self.source = Source::Leader;
        for channel in self.channels.values_mut() {
            if channel.is_served() && !channels.iter().any(|(name, _)| **name == *channel.name) {
                channel.place = Place::Waiting;
            }
        }
        for (name, position) in channels {
            self.leader_is_at(now, name, position.clone());
        }
    }

    /// The leader says where a channel is, and that nothing was lost on its side.
    pub fn leader_is_at(&mut self, now: Mono, name: &str, position: Option<Position>) {
        let Some(channel) = self.channels.get_mut(name) else {
            return;
        };
        if channel.place == Place::Full {
            return;
        }
        match (&channel.position, &position) {
            // Without numbers nobody knows what came in between: once a leader counts as a gap.
            (None, None) if channel.is_served() => {}
            (Some(ours), Some(at)) if ours.epoch == at.epoch => {
                if ours.seq >= at.seq {
                    // A leader that is behind us will hand out what we have seen already.
                    channel.place = Place::Live { since: now };
                } else if !matches!(channel.place, Place::Missing { .. }) {
                    self.ask_leader(now, name);
                }
            }
            (None | Some(_), None | Some(_)) => self.start_at(now, name, position),
        }
    }

    /// The leader says where a channel goes on, and what it knows of what came before.
    pub fn leader_places(
        &mut self,
        now: Mono,
        name: &str,
        position: Option<Position>,
        before: Before,
    ) {
        let Some(channel) = self.channels.get(name) else {
            return;
        };
        // There is no room for it here, whatever the leader has.
        if channel.place == Place::Full {
            return;
        }
        let ours = Some(&channel.position);
        match before {
            Before::Whole => self.leader_is_at(now, name, position),
            // The leader missed something. We did not, and it was heard late: to go back would be
            // to deliver twice what it will hand out.
            Before::Gap if ours.is_some_and(|ours| has_seen(ours, &position)) => {
                self.leader_is_at(now, name, position);
            }
            Before::Gap | Before::Anew => self.start_at(now, name, position),
        }
    }

    /// The leader said again what we missed, up to a position.
    pub fn replayed(&mut self, now: Mono, name: &str, position: Option<Position>) {
        let Some(channel) = self.channels.get_mut(name) else {
            return;
        };
        let Place::Missing { .. } = channel.place else {
            return;
        };
        let complete = match (&channel.position, &position) {
            (Some(ours), Some(at)) => ours.epoch == at.epoch && ours.seq >= at.seq,
            (None, _) | (_, None) => false,
        };
        if complete {
            channel.place = Place::Live { since: now };
        } else {
            self.start_at(now, name, position);
        }
    }

    /// The leader cannot have a channel.
    pub fn leader_refused(&mut self, name: &str, why: Why) {
        let Some(channel) = self.channels.get_mut(name) else {
            return;
        };
        if channel.place != Place::Denied {
            channel.place = Place::Denied;
            channel.drop_held(&mut self.held_bytes);
            self.out.push_back(Step::Refused {
                channel: Rc::clone(&channel.name),
                why,
            });
        }
    }

    pub(super) fn ask_leader(&mut self, now: Mono, name: &str) {
        let Some(channel) = self.channels.get_mut(name) else {
            return;
        };
        let wait = match channel.place {
            Place::Missing { wait, .. } => {
                Millis(wait.0.saturating_mul(2)).min(MISSING_TIMEOUT_MAX)
            }
            Place::Full
            | Place::Waiting
            | Place::Asked { .. }
            | Place::Live { .. }
            | Place::Torn
            | Place::Denied
            | Place::Later { .. } => MISSING_TIMEOUT,
        };
        let until = now + wait;
        channel.place = Place::Missing { until, wait };
        self.out.push_back(Step::AskLeader {
            channel: Rc::clone(&channel.name),
            position: channel.position.clone(),
        });
        self.note(until);
    }

    /// Remembers an event that was delivered or passed on, for a tab that is behind.
    pub fn remember(&mut self, name: &str, seq: Option<Seq>, text: &Rc<str>) {
        if let (Some(seq), Some(channel)) = (seq, self.channels.get(name)) {
            let channel = Rc::clone(&channel.name);
            self.ring.push(channel, seq, Rc::clone(text));
        }
    }

    /// A tab says how far it has followed a channel: what did it miss? Nothing if it will be told
    /// anyway, as soon as the channel is subscribed.
    pub fn replay(&self, name: &str, from: Option<&Position>) -> Option<Replay> {
        let channel = self.channels.get(name)?;
        if !channel.is_served() {
            return None;
        }
        let at = channel.position.clone();
        Some(match (from, &at) {
            (Some(from), Some(position)) if from.epoch == position.epoch => {
                if from.seq >= position.seq {
                    Replay::Events(Vec::new(), at)
                } else {
                    match self.ring.between(name, from.seq, position.seq) {
                        Some(events) => Replay::Events(events, at),
                        None => Replay::Gap(at),
                    }
                }
            }
            (None | Some(_), None | Some(_)) => Replay::Gap(at),
        })
    }
}
