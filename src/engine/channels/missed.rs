//! What a server that keeps broadcasts is asked for after a gap, and that none of them is told twice.
//!
//! It keeps them by time, and tells the newest again that it has since a moment. That moment is when all that it had
//! said was certain to have come: not when something was heard last, which may be long after it was said in a page
//! that was frozen, but when a question was asked that it answered. A clock that was set in between makes it an
//! earlier one, never a later one. That asks for more than was missed, so what came is remembered by its name.

use std::collections::VecDeque;

use super::channel::Place;
use super::{Channels, Source, Verdict};
use crate::engine::limits::{REPLAY_MARGIN, REPLAY_SEEN_MAX};
use crate::engine::time::{Now, Wall};
use crate::wire::Event;

/// What is remembered of a channel for that.
#[derive(Debug, Default)]
pub(super) struct Missed {
    /// The first question for it that is not answered.
    pub(super) asked: Option<Now>,
    followed: Option<Followed>,
    /// The names of the events that came last, the oldest first.
    seen: VecDeque<Box<str>>,
}

/// Since when a channel is followed.
#[derive(Clone, Copy, Debug)]
struct Followed {
    /// It was asked for then, and nobody here misses what was before.
    first: Now,
    /// All that the server had said of it until then has come.
    sure: Now,
}

impl Missed {
    fn begin(&mut self, now: Now) {
        let (first, sure) = (now, now);
        self.followed.get_or_insert(Followed { first, sure });
    }
}

impl Channels {
    /// The server is asked for a channel: since when may events be missing? Nobody knows it of one that was never
    /// followed.
    pub fn missed_since(&mut self, now: Now, name: &str) -> Option<Wall> {
        let missed = &mut self.channels.get_mut(name)?.missed;
        missed.asked.get_or_insert(now);
        let followed = missed.followed?;
        let by = |then: Now| then.wall.min(now.wall_before(then.mono)).0;
        let sure = by(followed.sure).saturating_sub(REPLAY_MARGIN.0);
        Some(Wall(sure.max(by(followed.first))))
    }

    /// The server answered a question for a channel. What was missed before it may be on its way now: until the
    /// next sign of life that is not certain.
    pub fn answered(&mut self, name: &str) {
        if let Some(channel) = self.channels.get_mut(name).filter(|c| c.is_served())
            && let Some(asked) = channel.missed.asked.take()
        {
            channel.missed.begin(asked);
        }
    }

    /// The server answered a question of this moment: what it had said until then has come, of every channel that
    /// it told already.
    pub fn heard_all(&mut self, then: Now) {
        if self.source != Source::Server {
            return;
        }
        for channel in self.channels.values_mut() {
            if let Place::Live { since } = channel.place
                && since <= then.mono
                && let Some(followed) = &mut channel.missed.followed
            {
                followed.sure = then;
            }
        }
    }

    /// The leader has said where channels are. How sure it is of its connection nobody else knows, so that a tab
    /// that leads after it asks for all since this moment.
    pub fn followed(&mut self, now: Now) {
        for channel in self.channels.values_mut() {
            if channel.is_served() {
                channel.missed.begin(now);
            }
        }
    }

    /// Did an event come before, by its name? Else it is remembered.
    pub fn once(&mut self, event: &Event<'_>, verdict: Verdict) -> Verdict {
        let Some(id) = &event.id else { return verdict };
        if !matches!(verdict, Verdict::Next | Verdict::Pass) {
            return verdict;
        }
        let Some(channel) = self.channels.get_mut(&*event.channel) else {
            return verdict;
        };
        let seen = &mut channel.missed.seen;
        if seen.iter().any(|have| **have == **id) {
            return Verdict::Duplicate;
        }
        if seen.len() >= REPLAY_SEEN_MAX {
            seen.pop_front();
        }
        seen.push_back((&**id).into());
        verdict
    }
}
