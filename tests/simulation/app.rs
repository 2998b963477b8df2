//! The app in one tab: what it is told and what it shows. That is what a person sees, so the
//! promises about freshness are checked here and not inside the engine.

use everfresh::engine::notice::{Cause, Notice};
use everfresh::wire::json::{self, Raw};

use crate::agenda::Time;
use crate::promises::{Broken, Promise};
use crate::query::{Queries, Query, Style, Unserved, Wish, in_family};
use crate::reference::Reference;

/// One page of the app.
#[derive(Debug)]
pub(crate) struct App {
    /// Its queries.
    pub(crate) queries: Queries,
    /// How often each channel is watched.
    pub(crate) watched: Vec<u32>,
    /// The last event that was heard on each channel, as its place in the oracle's log.
    heard: Vec<Option<u64>>,
    /// The changes that were heard of, by any of the events that tell of them.
    changes: Vec<u64>,
    /// When each family was last told to be stale.
    told: Vec<Option<Time>>,
    /// Families that have to be told because an event was missed.
    pub(crate) owed: Vec<Owed>,
    /// What the engine said last about itself.
    pub(crate) status: String,
    /// How often it was told of a gap since it was drilled first.
    pub(crate) gaps: u32,
    /// How many events each channel had when the first drill began for which it was there.
    pub(crate) drilled: Option<Vec<u64>>,
    /// What the engine complained about.
    pub(crate) faults: u64,
}

/// A family that has to be told to be stale.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owed {
    /// The family.
    pub(crate) family: usize,
    /// When it was found out.
    pub(crate) since: Time,
}

/// What one notice meant to the app.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// What the app wants done.
    pub(crate) wishes: Vec<Wish>,
    /// A fetch is owed that was not before.
    pub(crate) owes: bool,
    /// Events were missed before the one that came.
    pub(crate) missed: bool,
}

impl App {
    /// A page with queries of these families, which watches nothing yet.
    pub(crate) fn new(style: Style, families: &[(usize, String)], reference: &Reference) -> Self {
        App {
            queries: Queries::new(style, families),
            watched: vec![0; reference.published.len()],
            heard: vec![None; reference.published.len()],
            changes: Vec::new(),
            told: vec![None; reference.versions.len()],
            owed: Vec::new(),
            status: String::new(),
            gaps: 0,
            drilled: None,
            faults: 0,
        }
    }

    /// The engine tells something.
    pub(crate) fn hear(
        &mut self,
        now: Time,
        notice: &Notice,
        reference: &Reference,
    ) -> Result<Heard, Broken> {
        let mut heard = Heard::default();
        match notice {
            Notice::Invalidate {
                keys,
                cause,
                handled,
            } => {
                if let Cause::Gap { channel } = cause
                    && channel_index(channel).is_some_and(|at| self.watched[at] > 0)
                {
                    self.gaps += 1;
                }
                (heard.wishes, heard.owes) = self.queries.invalidated(now, keys, *handled);
                for family in 0..self.told.len() {
                    if keys
                        .iter()
                        .any(|prefix| in_family(&family_key(family), prefix.text()))
                    {
                        self.told[family] = Some(now);
                        self.owed.retain(|owed| owed.family != family);
                    }
                }
            }
            Notice::Refetch { keys, .. } => heard.wishes = self.queries.refetch(now, keys)?,
            Notice::Lost { keys } => heard.wishes = self.queries.lost(now, keys)?,
            Notice::Event { channel, data, .. } => {
                heard.missed = self.event(now, channel, data, reference)?;
            }
            Notice::Status(snapshot) => self.status.clone_from(snapshot),
            Notice::Fault(_) => self.faults += 1,
            #[allow(unreachable_patterns, reason = "what parts to come tell the app")]
            _ => {}
        }
        Ok(heard)
    }

    /// An event came. True if others were missed before it.
    fn event(
        &mut self,
        now: Time,
        channel: &str,
        data: &str,
        reference: &Reference,
    ) -> Result<bool, Broken> {
        let payload = json::parse(data).unwrap_or(Raw::NULL);
        let number = |name| payload.member(name).and_then(Raw::integer);
        let at = channel_index(channel);
        let (Some(place), Some(at)) = (number("place"), at) else {
            return Err(Broken {
                promise: Promise::G12,
                how: format!("the app was handed an event that nobody published: {channel} {data}"),
            });
        };
        // The same change told by a second layer needs no second fetch.
        let change = number("change").unwrap_or(0);
        let repeats = reference.has_layers() && self.changes.contains(&change);
        self.changes.push(change);
        if self.watched[at] == 0 {
            return Ok(false);
        }
        let mut missed = false;
        if let Some(last) = self.heard[at] {
            if place <= last {
                return Err(Broken {
                    promise: Promise::G3,
                    how: format!("event {place} of {channel} was delivered after event {last}"),
                });
            }
            for event in reference.between(at, last, place) {
                missed = true;
                for &family in &reference.kinds[event.kind].families {
                    if self.told[family].is_none_or(|told| told < event.at) {
                        self.owed.push(Owed { family, since: now });
                    }
                }
            }
        }
        self.heard[at] = Some(place);
        let Some(event) = reference.published[at].get(place as usize - 1) else {
            return Err(Broken {
                promise: Promise::G12,
                how: format!("event {place} of {channel} was delivered before it was published"),
            });
        };
        if repeats {
            return Ok(missed);
        }
        let version = number("version");
        for query in &mut self.queries.list {
            let shows = version.is_some() && query.shown >= version;
            let concerned = reference.kinds[event.kind].families.contains(&query.family);
            if query.mounted && concerned && !shows {
                query.unserved.push(Unserved {
                    since: now,
                    version,
                });
            }
        }
        Ok(missed)
    }

    /// A drill begins: from now on it shall not miss anything.
    pub(crate) fn is_drilled(&mut self, reference: &Reference) {
        if self.drilled.is_none() {
            let published = reference.published.iter().map(|log| log.len() as u64);
            self.drilled = Some(published.collect());
            self.gaps = 0;
        }
    }

    /// The channel and the number of an event that was published after it was first drilled, and
    /// that it should have heard.
    pub(crate) fn missed(&self, reference: &Reference) -> Option<(usize, u64)> {
        let before = self.drilled.as_ref()?;
        (0..before.len())
            .filter(|&channel| self.watched[channel] > 0)
            .map(|channel| (channel, reference.published[channel].len() as u64))
            .find(|&(channel, last)| last > before[channel] && self.heard[channel] != Some(last))
    }

    /// A channel is not watched any more: what is published from now on is not missed.
    pub(crate) fn stop_following(&mut self, channel: usize) {
        self.heard[channel] = None;
    }

    /// The query whose oldest change has waited longest for the screen, and since when. One whose
    /// fetches fail waits for its next try.
    pub(crate) fn longest_unserved(&self) -> Option<(&Query, Time)> {
        self.queries
            .list
            .iter()
            .filter(|query| query.failures == 0)
            .filter_map(|query| Some((query, query.unserved.first()?.since.max(query.rests_until))))
            .min_by_key(|(_, since)| *since)
    }

    /// What the engine says it is: `leader`, `follower`, `alone` or `starting`.
    pub(crate) fn role(&self) -> &str {
        member(&self.status, "role")
    }

    /// What the engine says about the link.
    pub(crate) fn word(&self) -> &str {
        member(&self.status, "status")
    }
}

/// A string member of the snapshot, found without a parser: its values hold no quotes.
fn member<'a>(snapshot: &'a str, name: &str) -> &'a str {
    let pattern = format!("\"{name}\":\"");
    snapshot
        .split_once(pattern.as_str())
        .and_then(|(_, rest)| rest.split_once('"'))
        .map_or("", |(value, _)| value)
}

/// The key of a family, as the routes have it.
pub(crate) fn family_key(family: usize) -> String {
    format!("[\"family{family}\"]")
}

/// The name of a channel.
pub(crate) fn channel_name(channel: usize) -> String {
    format!("channel{channel}")
}

pub(crate) fn channel_index(name: &str) -> Option<usize> {
    name.strip_prefix("channel")?.parse().ok()
}
