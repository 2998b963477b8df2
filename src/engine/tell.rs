//! When the app is told how things stand.
//!
//! What a person acts on (status, role, tabs, the state of a channel) is told at once. Counters
//! and positions move with every event: they are told at once after a quiet time and then at
//! most every [`COUNTERS_EVERY`], so that a storm of events does not cost a snapshot each.

use super::Engine;
use super::channels::State;
use super::limits::COUNTERS_EVERY;
use super::list::List;
use super::notice::Notice;
use super::queue::Totals;
use super::status::Status;
use super::time::{Mono, Now};

/// What the app was told last.
#[derive(Debug, Default)]
pub(super) struct Told {
    snapshot: String,
    status: Option<Status>,
    role: &'static str,
    tabs: u64,
    channels: Vec<(String, State)>,
    queue: Totals,
    contracts: u64,
    layers: u64,
    at: Option<Mono>,
    /// When the counters are to be looked at.
    due: Option<Mono>,
}

/// What an input may have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Touched {
    /// Nothing that is told.
    Nothing,
    /// Counters and positions.
    Counters,
    /// The list of channels and their states too.
    Channels,
}

impl Engine {
    /// When the counters are to be told.
    pub(super) fn next_telling(&self) -> Option<Mono> {
        self.told.due
    }

    /// Tells the app how things stand.
    pub(super) fn tell_state(&mut self, now: Now) {
        let status = self.status();
        let touched = std::mem::replace(&mut self.touched, Touched::Nothing);
        let urgent = self.told.status.as_ref() != Some(&status)
            || self.told.role != self.role()
            || self.told.tabs != self.tabs.count()
            || self.told.queue != self.queue.totals()
            || self.told.contracts != self.freshness.states()
            || self.told.layers != self.layers.revision()
            || touched == Touched::Channels && !self.channels_are_as_told();
        if urgent {
            self.told.status = Some(status);
            self.told.role = self.role();
            self.told.tabs = self.tabs.count();
            self.told.queue = self.queue.totals();
            self.told.contracts = self.freshness.states();
            self.told.layers = self.layers.revision();
            self.told.channels = self
                .channels
                .iter()
                .map(|(name, state, _)| (name.to_owned(), state))
                .list();
        } else {
            if touched > Touched::Nothing && self.told.due.is_none() {
                let at = self.told.at.map_or(now.mono, |at| at + COUNTERS_EVERY);
                self.told.due = Some(at);
            }
            if self.told.due.is_none_or(|due| due > now.mono) {
                return;
            }
        }
        self.told.due = None;
        let snapshot = self.snapshot(now);
        if snapshot != self.told.snapshot {
            self.told.at = Some(now.mono);
            self.told.snapshot.clone_from(&snapshot);
            self.tell(Notice::Status(snapshot));
        }
    }

    fn channels_are_as_told(&self) -> bool {
        let told = self.told.channels.iter();
        let told = told.map(|(name, state)| (name.as_str(), *state));
        self.channels
            .iter()
            .map(|(name, state, _)| (name, state))
            .eq(told)
    }
}
