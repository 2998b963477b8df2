//! One channel: whether it was asked for or given, and what was told of it that nobody asked for yet.

use super::{Subscription, offset};
use crate::engine::ids::{Position, Seq};
use crate::engine::limits::{GIVEN_BYTES_MAX, HELD_EVENTS_MAX};
use crate::engine::token::Token;
use crate::wire::json::Raw;
use crate::wire::{Event, Heard, Recovery};

/// What is known of a channel, on the connection that is in use.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) place: Place,
    /// What it tells is numbered.
    pub(super) numbered: bool,
    /// Its payloads are told as texts, of JSON or of what is new of each.
    pub(super) delta: bool,
    /// The last one that came while it was asked for, and was passed over: how it is told is not known before the answer.
    pub(super) passed: Option<Seq>,
}

#[derive(Debug)]
pub(super) enum Place {
    /// The command of this number asks for it, from there on, by that token.
    Asked {
        id: u64,
        from: Option<Position>,
        token: Option<Token>,
    },
    /// It was asked for, and the server said yes.
    Joined,
    /// The server gave it by itself, and nobody asked for it yet.
    Given(Box<Held>),
    /// The server gave it by itself, and it was asked for.
    Followed,
}

/// What was told of a channel that nobody asked for yet.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Nothing was missed since then.
    from: Option<Position>,
    /// Where the channel was when the server gave it.
    at: Option<Position>,
    events: Vec<Event<'static>>,
    bytes: usize,
    /// More was to be kept than may.
    lost: bool,
}

impl Held {
    /// A channel of which nothing was missed since `from`, and that was at `at` then.
    pub(super) fn new(from: Option<Position>, at: Option<Position>) -> Self {
        Held {
            from,
            at,
            ..Held::default()
        }
    }

    /// Keeps an event.
    pub(super) fn keep(&mut self, event: Event<'_>) {
        self.bytes += event.data.len() + event.name.len();
        if self.lost || self.events.len() >= HELD_EVENTS_MAX || self.bytes > GIVEN_BYTES_MAX {
            self.lost = true;
            self.events = Vec::new();
            return;
        }
        self.events.push(event.into_owned());
    }

    /// Somebody asks for the channel from `ours` on, which is at `mark` by now: what there is to say.
    pub(super) fn tell(
        self,
        channel: &str,
        ours: Option<&Position>,
        mark: Option<&Position>,
        heard: &mut Vec<Heard<'static>>,
    ) {
        let whole = match (ours, &self.from) {
            (Some(ours), Some(from)) => {
                !self.lost && ours.epoch == from.epoch && ours.seq >= from.seq
            }
            _ => false,
        };
        let position = match self.lost {
            true => mark.cloned(),
            false => self.at,
        };
        heard.push(Heard::Subscribed {
            request: None,
            channel: channel.to_owned(),
            position,
            recovery: match (whole, ours) {
                (true, _) => Recovery::Complete,
                (false, Some(_)) => Recovery::Impossible,
                (false, None) => Recovery::NotAsked,
            },
        });
        heard.extend(self.events.into_iter().map(Heard::Event));
    }
}

/// What became of a channel that was asked for from `from` on.
pub(super) struct Answer<'a> {
    /// Everything that was missed is in it.
    pub(super) whole: bool,
    /// Where the channel is when that was told.
    pub(super) end: Option<Position>,
    /// Where it begins for who missed something: what is told up to there is no news.
    pub(super) start: Option<Position>,
    /// What was missed, or the newest of it.
    publications: Raw<'a>,
    /// How payloads are told from now on.
    pub(super) delta: bool,
}

impl<'a> Answer<'a> {
    /// Looks whether what is told follows on what is known, without a hole: the server may be one that keeps
    /// the newest alone.
    pub(super) fn new(from: Option<&Position>, said: Subscription<'a>) -> Self {
        let Subscription {
            position,
            recovered,
            publications,
            delta,
        } = said;
        let mut next = from.map(|from| from.seq.next());
        let mut last = None;
        let mut follows = true;
        publications.elements(|publication| {
            let number = offset(publication);
            follows = follows && number.is_some() && number == next;
            next = number.map(Seq::next);
            last = number.or(last);
        });
        let same = match (from, &position) {
            (Some(from), Some(at)) => from.epoch == at.epoch,
            _ => false,
        };
        let whole = recovered && follows && same;
        let at = |seq| {
            move |position: &Position| Position {
                epoch: position.epoch.clone(),
                seq,
            }
        };
        let end = match (&position, last) {
            (Some(position), Some(last)) if last > position.seq => Some(at(last)(position)),
            _ => position.clone(),
        };
        // The newest is told all the same: of a server that keeps no more it is what there is.
        let start = match (&end, last) {
            (Some(end), Some(Seq(last))) if !whole && last == end.seq.0 => {
                Some(at(Seq(last.saturating_sub(1)))(end))
            }
            _ => end.clone(),
        };
        Answer {
            whole,
            end,
            start,
            publications,
            delta,
        }
    }

    /// What became of the time between.
    pub(super) fn recovery(&self, from: Option<&Position>) -> Recovery {
        match (self.whole, from) {
            (true, _) => Recovery::Complete,
            (false, Some(_)) => Recovery::Impossible,
            (false, None) => Recovery::NotAsked,
        }
    }

    /// Hands out what came with it, and whether it is news: what follows may be told as what is new of what is
    /// none.
    pub(super) fn publications(&self, mut each: impl FnMut(Raw<'a>, bool)) {
        let start = self.start.as_ref().map(|start| start.seq);
        self.publications.elements(|publication| {
            each(publication, self.whole || offset(publication) > start);
        });
    }
}
