//! An event came: is it the next one, an old one, or one too early?

use std::rc::Rc;

use super::channel::Place;
use super::{Channels, Source, Step, Verdict};
use crate::engine::ids::Seq;
use crate::engine::time::Mono;

impl Channels {
    /// An event came: what is it? Its text is asked for only if it has to be kept.
    pub fn event(
        &mut self,
        now: Mono,
        name: &str,
        seq: Option<Seq>,
        text: &mut dyn FnMut() -> Rc<str>,
    ) -> Verdict {
        let Some(channel) = self.channels.get_mut(name) else {
            return Verdict::Foreign;
        };
        match channel.place {
            Place::Live { .. } | Place::Torn | Place::Missing { .. } | Place::Asked { .. } => {}
            Place::Full | Place::Waiting | Place::Denied | Place::Later { .. } => {
                return Verdict::Foreign;
            }
        }
        let fresh = if channel.mine {
            Verdict::Next
        } else {
            Verdict::Pass
        };
        let Some(seq) = seq else {
            // A wire without numbers cannot be checked.
            return fresh;
        };
        let Some(position) = channel.position.as_mut() else {
            return match channel.place {
                // The answer to come says where the channel begins.
                Place::Asked { .. } | Place::Missing { .. } => Verdict::Foreign,
                Place::Live { .. }
                | Place::Torn
                | Place::Full
                | Place::Waiting
                | Place::Denied
                | Place::Later { .. } => fresh,
            };
        };
        if seq <= position.seq {
            return Verdict::Duplicate;
        }
        if seq == position.seq.next() {
            position.seq = seq;
            if !channel.held.is_empty() {
                self.release(now, name);
            }
            return fresh;
        }
        let live = matches!(channel.place, Place::Live { .. });
        channel.hold(seq, text(), &mut self.held_bytes);
        if live {
            match self.source {
                Source::Server => {
                    channel.place = Place::Torn;
                    self.due = true;
                }
                Source::Leader => self.ask_leader(now, name),
                Source::Nobody => {}
            }
            return Verdict::Ahead;
        }
        Verdict::Held
    }

    /// Hands out the held events that are next now.
    fn release(&mut self, now: Mono, name: &str) {
        let Some(channel) = self.channels.get_mut(name) else {
            return;
        };
        let mine = channel.mine;
        while let (Some(first), Some(position)) = (channel.held.first(), &mut channel.position) {
            if first.seq > position.seq.next() {
                return;
            }
            let held = channel.held.remove(0);
            self.held_bytes -= held.text.len();
            if held.seq == position.seq.next() {
                position.seq = held.seq;
                let text = held.text;
                self.out.push_back(Step::Deliver { text, mine });
            }
        }
        // What was missing came by itself, before anybody was asked for it.
        if channel.place == Place::Torn {
            channel.place = Place::Live { since: now };
        }
    }
}
