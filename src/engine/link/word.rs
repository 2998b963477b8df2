//! The state of the link in a word, for the app.

use std::borrow::Cow;

use super::{Link, Stage, State};
use crate::engine::limits::OFFLINE_AFTER;
use crate::engine::status::{Status, Word};
use crate::engine::time::{Mono, Now, Wall};

impl Link {
    /// The state as the app sees it.
    pub fn status(&self) -> Status {
        // Moments of the wall clock are worked out once: the two clocks are read in whole
        // milliseconds, and what is worked out again and again changes all the time.
        Status {
            word: self.word(),
            reason: Cow::Borrowed(self.reason),
            since: self.since,
            attempt: self.failures,
            next_retry: self.shown_dial.map(|(_, wall)| wall),
            authenticated: matches!(self.state, State::Live(_)),
            transport: match &self.state {
                State::Idle | State::Polling => None,
                State::Dialling(dialling) => Some(dialling.line.transport),
                State::Live(live) => Some(live.line.transport),
                State::Asking | State::Waiting(_) | State::NeedsAuth | State::Failed => {
                    Some(self.ladder.current())
                }
            },
        }
    }

    fn word(&self) -> Word {
        match &self.state {
            State::Idle => Word::Idle,
            State::Polling if self.online => Word::Polling,
            State::Polling => Word::Offline,
            State::NeedsAuth => Word::NeedsAuth,
            State::Failed => Word::Failed,
            State::Live(live) if live.is_degraded(self.ladder.is_low()) => Word::Degraded,
            State::Live(_) => Word::Connected,
            _ if self.grace.is_some() => Word::Connected,
            State::Dialling(dialling) if dialling.stage == Stage::Greeting => Word::Connected,
            State::Waiting(waiting) if waiting.resting => Word::Failed,
            State::Asking | State::Dialling(_) | State::Waiting(_) => {
                if !self.online || self.unreachable {
                    Word::Offline
                } else if self.failures == 0 && !self.was_linked {
                    Word::Connecting
                } else {
                    Word::Reconnecting
                }
            }
        }
    }

    /// The state may be called otherwise now.
    pub(super) fn show(&mut self, now: Now) {
        let word = self.word();
        if word != self.shown {
            self.shown = word;
            self.since = now.wall;
        }
        let dial = match &self.state {
            State::Waiting(waiting) => Some(waiting.dial),
            State::Idle
            | State::Polling
            | State::Asking
            | State::Dialling(_)
            | State::Live(_)
            | State::NeedsAuth
            | State::Failed => None,
        };
        keep(&mut self.shown_dial, dial, now);
    }

    /// Nothing answered once more.
    pub(super) fn no_answer(&mut self, now: Mono) {
        let since = *self.unanswered.get_or_insert(now);
        self.unreachable = now.since(since) >= OFFLINE_AFTER;
    }

    /// Something answered.
    pub(super) fn answer(&mut self) {
        self.unanswered = None;
        self.unreachable = false;
    }
}

/// Works out a moment of the wall clock, unless that was done before.
fn keep(shown: &mut Option<(Mono, Wall)>, at: Option<Mono>, now: Now) {
    if shown.map(|(have, _)| have) != at {
        *shown = at.map(|at| (at, now.wall_at(at)));
    }
}
