//! How each contract stands, as the app reads it.

use super::Freshness;
use super::interval;
use super::ledger::{Age, Entry, Probe};
use super::word::Need;
use crate::engine::time::{Mono, Now, Wall};
use crate::wire::json::Writer;

impl Entry {
    fn state(&self, visible: bool, now: Mono) -> &'static str {
        if self.broken {
            return "violated";
        }
        if !self.watched() {
            return "unwatched";
        }
        if self.contract.manual {
            return "manual";
        }
        if !self.enabled {
            return "disabled";
        }
        if !visible && !self.goes_on_hidden() {
            return "paused";
        }
        match (self.age(), self.contract.window(self.idle())) {
            (Age::Nothing, _) => "empty",
            (Age::Unknown, _) => "stale",
            (Age::Known(known), Some(window)) if known.age(now) > window => "stale",
            (Age::Known(_), _) => "fresh",
        }
    }

    fn reason(&self) -> &'static str {
        match (&self.probe, self.trouble) {
            (_, Some(trouble)) => trouble.reason,
            (Probe::Asking { .. }, None) => "a probe is under way",
            (Probe::None | Probe::Ready(_) | Probe::Login | Probe::Refused | Probe::Gone, None) => {
                ""
            }
        }
    }
}

impl Freshness {
    /// Remembers since when a contract stands as it does.
    pub(super) fn note(&mut self, now: Now, at: usize) {
        let visible = self.page.visible;
        if let Some(entry) = self.entries.get_mut(at) {
            let word = entry.state(visible, now.mono);
            if entry.shown.0 != word {
                entry.shown = (word, now.wall);
                self.states += 1;
            }
        }
    }

    /// Writes one object a contract.
    pub fn write(&self, w: &mut Writer, now: Now) {
        w.array(|w| {
            for (at, entry) in self.entries.iter().enumerate() {
                w.object(|w| self.write_entry(w, now, at, entry));
            }
        });
    }

    fn write_entry(&self, w: &mut Writer, now: Now, at: usize, entry: &Entry) {
        w.key("contract").string(&entry.contract.name);
        w.key("state")
            .string(entry.state(self.page.visible, now.mono));
        let age = match entry.age() {
            Age::Known(known) => Some(known.age(now.mono)),
            Age::Nothing | Age::Unknown => None,
        };
        number_or_null(w, "age", age.map(|age| age.0));
        let wall = |moment: Mono| {
            let Wall(wall) = match moment > now.mono {
                true => now.wall_at(moment),
                false => now.wall_before(moment),
            };
            wall
        };
        number_or_null(w, "deadline", entry.deadline().map(wall));
        match entry.source {
            Some(source) => w.key("source").string(source.text()),
            None => w.key("source").null(),
        }
        w.key("since").number(entry.shown.1.0);
        w.key("violations").number(entry.violations);
        number_or_null(w, "nextPoll", self.due(at).map(wall));
        let needed = entry.need > Need::None || entry.wanted.is_some();
        let phases = self.phases(at).filter(|_| needed);
        let interval = phases.and_then(|phases| interval::interval(&phases, now.mono));
        number_or_null(w, "interval", interval.map(|span| span.0));
        w.key("reason").string(entry.reason());
    }
}

fn number_or_null(w: &mut Writer, name: &str, value: Option<u64>) {
    match value {
        Some(value) => w.key(name).number(value),
        None => w.key(name).null(),
    }
}
