//! What the other backends of the instance say.

use super::journal::What;
use super::layers::Known;
use super::notice::FaultCode;
use super::status::Status;
use super::text;
use super::time::Now;
use super::{Engine, Life};
use crate::wire::Event;

impl Engine {
    /// How the link of another backend stands.
    pub(super) fn on_layer(&mut self, now: Now, number: usize, status: Status) {
        if self.is_layer(number) {
            self.layers.is(now, number, status);
        }
    }

    /// Another backend told of something.
    pub(super) fn on_elsewhere(&mut self, now: Now, number: usize, mut event: Event<'_>) {
        // Behind the fence nothing is heard, whoever tells it: the other backend's engine may not know of it yet.
        if !self.is_layer(number) || self.life != Life::Running {
            return;
        }
        event.channel = self.of_layer(number, &event.channel).into();
        self.deliver(now, &event);
        self.heard_of(now, number, &event);
    }

    /// What another backend told of may not have been all.
    pub(super) fn on_missed(&mut self, now: Now, number: usize, channel: &str) {
        if !self.is_layer(number) || self.life != Life::Running {
            return;
        }
        let channel = self.of_layer(number, channel);
        let name = self.journal.name(&channel);
        self.journal.note(What::Gap { channel: name });
        self.invalidation.gap(now.mono, &channel, &mut self.rng);
    }

    fn is_layer(&mut self, number: usize) -> bool {
        let has = self.layers.has(number);
        if !has {
            self.fault(FaultCode::Limit, "there is no backend of this number");
        }
        has
    }

    /// What came by another backend is told from what came by this one by its channel.
    fn of_layer(&self, number: usize, channel: &str) -> String {
        text::concat(&[self.layers.name(number), "/", channel])
    }

    /// A backend told of a change: the others are to tell of it too.
    pub(super) fn heard_of(&mut self, now: Now, number: usize, event: &Event<'_>) {
        if !self.layers.any() {
            return;
        }
        let change = self.invalidation.change(&event.name, &event.data);
        let known = change.as_ref().map(|(id, kind)| Known {
            id,
            kind: kind.as_deref().unwrap_or(&event.name),
            of_another: kind.as_deref().is_some_and(|kind| *kind != *event.name),
        });
        self.layers.heard(now, number, known);
    }

    /// Looks how this engine's own link stands, and who is silent.
    pub(super) fn keep_layers(&mut self, now: Now) {
        if self.layers.any() {
            let own = self.link_status();
            self.layers.is(now, 0, own);
            self.layers.tick(now);
        }
    }

    /// The state as the app sees it.
    pub(super) fn status(&self) -> Status {
        self.layers.over(self.link_status())
    }
}
