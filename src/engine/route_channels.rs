//! What the channels part and the other parts say to each other.

use super::Engine;
use super::channels::{self, Verdict};
use super::ids::Position;
use super::journal::{Seen, What};
use super::notice::FaultCode;
use super::tabs::message::Says;
use super::tell::Touched;
use super::time::Now;
use crate::wire::native;
use crate::wire::{Event, Recovery, Refusal};

impl Engine {
    /// Looks at an event's number and delivers it here. True if it was new.
    pub(super) fn on_event(&mut self, now: Now, event: &Event<'_>) -> bool {
        match self.channels.event(&event.channel, event.seq) {
            Verdict::Next => {
                self.deliver(now, event);
                true
            }
            Verdict::Duplicate => {
                self.metrics.duplicates += 1;
                self.journal
                    .event(Seen::Duplicate, &event.name, &event.channel);
                false
            }
            Verdict::Ahead => {
                self.metrics.gaps += 1;
                self.journal.event(Seen::Ahead, &event.name, &event.channel);
                let step = self.channels.repair(&event.channel);
                self.channel_steps(now, step);
                false
            }
            Verdict::Foreign => false,
        }
    }

    pub(super) fn on_subscribed(
        &mut self,
        now: Now,
        channel: &str,
        position: Option<Position>,
        recovery: Recovery,
    ) {
        self.touch(Touched::Channels);
        let step = self
            .channels
            .subscribed(channel, position.clone(), recovery);
        if step.is_some() {
            self.lead_says(|term| Says::Gap {
                term,
                channel: channel.to_owned(),
                position,
            });
        }
        self.channel_steps(now, step);
    }

    pub(super) fn on_refused(&mut self, refusal: Refusal) {
        let mut message = refusal.code;
        message.push_str(": ");
        message.push_str(&refusal.message);
        if let Some(channel) = refusal.channel {
            message.push_str(" (channel ");
            message.push_str(&channel);
            message.push(')');
        }
        self.fault(FaultCode::Refused, message);
    }

    pub(super) fn watch(&mut self, now: Now, channel: &str) {
        match self.channels.watch(channel) {
            Ok(step) => self.channel_steps(now, step),
            Err(channels::TooManyChannels) => {
                self.fault(
                    FaultCode::Limit,
                    "more channels than may be watched at a time",
                );
            }
        }
    }

    pub(super) fn channel_steps(
        &mut self,
        now: Now,
        steps: impl IntoIterator<Item = channels::Step>,
    ) {
        for step in steps {
            self.touch(Touched::Channels);
            match step {
                channels::Step::Subscribe { channel, position } => {
                    self.subscribe(now, &channel, position.as_ref());
                }
                channels::Step::Unsubscribe { channel } => {
                    let request = self.next_request();
                    self.send(now, native::unsubscribe(request, &channel));
                }
                channels::Step::Gap { channel } => {
                    let name = self.journal.name(&channel);
                    self.journal.note(What::Gap { channel: name });
                    self.invalidation.gap(now.mono, &channel, &mut self.rng);
                }
            }
        }
    }

    pub(super) fn subscribe(&mut self, now: Now, channel: &str, position: Option<&Position>) {
        let request = self.next_request();
        self.send(now, native::subscribe(request, channel, position));
    }
}
