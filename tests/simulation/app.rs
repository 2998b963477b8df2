//! The app in one tab: queries that it shows, and fetches when it is told that they are stale, in
//! the way in which the package's `attach` drives TanStack Query. What it shows is what a person
//! sees, so the promises about freshness are checked here and not inside the engine.

use everfresh::engine::notice::{Cause, Notice};

use crate::agenda::{S, Time};
use crate::promises::{Broken, Promise};
use crate::reference::Reference;

/// One page of the app.
#[derive(Debug)]
pub(crate) struct App {
    /// The queries.
    pub(crate) queries: Vec<Query>,
    /// How often each channel is watched.
    pub(crate) watched: Vec<u32>,
    /// The last event that was heard on each channel, as its place in the oracle's log.
    heard: Vec<Option<u64>>,
    /// When each family was last told to be stale.
    told: Vec<Option<Time>>,
    /// Families that have to be told because an event was missed: family, and since when it is owed.
    pub(crate) owed: Vec<Owed>,
    /// What the engine said last about itself.
    pub(crate) status: String,
    /// How often it was told of a gap since the last drill began.
    pub(crate) gaps: u32,
    /// It was there when the last drill began.
    pub(crate) drilled: bool,
    /// What the engine complained about.
    pub(crate) faults: u64,
    requests: u32,
}

/// A family that has to be told to be stale.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owed {
    /// The family.
    pub(crate) family: usize,
    /// When it was found out.
    pub(crate) since: Time,
}

/// A query.
#[derive(Debug)]
pub(crate) struct Query {
    /// The family it belongs to.
    pub(crate) family: usize,
    /// Its key as JSON text.
    pub(crate) key: String,
    /// Does anybody look at it?
    pub(crate) mounted: bool,
    /// It was told to be stale and not fetched since.
    stale: bool,
    /// What is shown.
    pub(crate) shown: Option<u64>,
    fetch: Option<Fetch>,
    /// It became stale while it was being fetched.
    owes: bool,
    /// How often fetches failed in a row.
    failures: u32,
    /// The first change that the page heard of and that is not on the screen yet.
    unserved: Option<Time>,
}

#[derive(Clone, Copy, Debug)]
struct Fetch {
    request: u32,
    began: Time,
}

/// What the app wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Fetch a query.
    Fetch {
        /// Which.
        query: usize,
        /// The number of the request.
        request: u32,
    },
    /// Try a query again later.
    Retry {
        /// Which.
        query: usize,
        /// After how long.
        after: Time,
    },
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
    pub(crate) fn new(families: &[(usize, String)], reference: &Reference) -> Self {
        let queries = families.iter().map(|(family, key)| Query {
            family: *family,
            key: key.clone(),
            mounted: false,
            stale: true,
            shown: None,
            fetch: None,
            owes: false,
            failures: 0,
            unserved: None,
        });
        App {
            queries: queries.collect(),
            watched: vec![0; reference.published.len()],
            heard: vec![None; reference.published.len()],
            told: vec![None; reference.versions.len()],
            owed: Vec::new(),
            status: String::new(),
            gaps: 0,
            drilled: false,
            faults: 0,
            requests: 0,
        }
    }

    /// Somebody looks at a query.
    pub(crate) fn mount(&mut self, now: Time, query: usize) -> Option<Wish> {
        self.queries[query].mounted = true;
        if self.queries[query].stale {
            return self.fetch(now, query);
        }
        None
    }

    /// Nobody looks at a query any more. Its fetch goes on.
    pub(crate) fn unmount(&mut self, query: usize) {
        self.queries[query].mounted = false;
        self.queries[query].unserved = None;
    }

    fn fetch(&mut self, now: Time, at: usize) -> Option<Wish> {
        let query = &mut self.queries[at];
        if query.fetch.is_some() {
            return None;
        }
        self.requests += 1;
        let request = self.requests;
        query.fetch = Some(Fetch {
            request,
            began: now,
        });
        query.stale = false;
        query.owes = false;
        Some(Wish::Fetch { query: at, request })
    }

    /// An answer came. Gives what the app wants done.
    pub(crate) fn answered(
        &mut self,
        now: Time,
        at: usize,
        request: u32,
        version: Option<u64>,
    ) -> Option<Wish> {
        let query = &mut self.queries[at];
        let fetch = query.fetch.filter(|fetch| fetch.request == request)?;
        query.fetch = None;
        match version {
            Some(version) => {
                query.failures = 0;
                query.shown = Some(version);
                if query.unserved.is_some_and(|since| since <= fetch.began) {
                    query.unserved = None;
                }
            }
            None => {
                // Still not loaded; the app tries again.
                query.failures += 1;
                query.stale = true;
                let after = (S << query.failures.min(4)).min(10 * S);
                return query.mounted.then_some(Wish::Retry { query: at, after });
            }
        }
        if query.owes && query.mounted {
            return self.fetch(now, at);
        }
        query.stale |= query.owes;
        None
    }

    /// It is time to try again.
    pub(crate) fn retry(&mut self, now: Time, at: usize) -> Option<Wish> {
        let query = &self.queries[at];
        if query.mounted && query.stale {
            return self.fetch(now, at);
        }
        None
    }

    /// The engine tells something.
    pub(crate) fn hear(
        &mut self,
        now: Time,
        notice: &Notice,
        reference: &Reference,
    ) -> Result<Heard, Broken> {
        match notice {
            Notice::Invalidate { keys, cause, .. } => {
                if let Cause::Gap { channel } = cause
                    && channel_index(channel).is_some_and(|at| self.watched[at] > 0)
                {
                    self.gaps += 1;
                }
                let mut heard = Heard::default();
                for at in 0..self.queries.len() {
                    let key = &self.queries[at].key;
                    if keys.iter().any(|prefix| in_family(key, prefix.text())) {
                        self.invalidated(now, at, &mut heard);
                    }
                }
                for family in 0..self.told.len() {
                    if keys
                        .iter()
                        .any(|prefix| in_family(&family_key(family), prefix.text()))
                    {
                        self.told[family] = Some(now);
                        self.owed.retain(|owed| owed.family != family);
                    }
                }
                Ok(heard)
            }
            Notice::Event { channel, data, .. } => self.event(now, channel, data, reference),
            Notice::Status(snapshot) => {
                self.status.clone_from(snapshot);
                Ok(Heard::default())
            }
            Notice::Fault(_) => {
                self.faults += 1;
                Ok(Heard::default())
            }
            #[allow(unreachable_patterns, reason = "what parts to come tell the app")]
            _ => Ok(Heard::default()),
        }
    }

    fn invalidated(&mut self, now: Time, at: usize, heard: &mut Heard) {
        let query = &mut self.queries[at];
        if query.fetch.is_some() {
            heard.owes |= !query.owes;
            query.owes = true;
        } else if query.mounted {
            heard.wishes.extend(self.fetch(now, at));
        } else {
            query.stale = true;
        }
    }

    fn event(
        &mut self,
        now: Time,
        channel: &str,
        data: &str,
        reference: &Reference,
    ) -> Result<Heard, Broken> {
        let mut heard = Heard::default();
        let place = data
            .strip_prefix("{\"place\":")
            .and_then(|rest| rest.strip_suffix('}'))
            .and_then(|number| number.parse::<u64>().ok());
        let at = channel_index(channel);
        let (Some(place), Some(at)) = (place, at) else {
            return Err(Broken {
                promise: Promise::G12,
                how: format!("the app was handed an event that nobody published: {channel} {data}"),
            });
        };
        if self.watched[at] == 0 {
            return Ok(heard);
        }
        if let Some(last) = self.heard[at] {
            if place <= last {
                return Err(Broken {
                    promise: Promise::G3,
                    how: format!("event {place} of {channel} was delivered after event {last}"),
                });
            }
            for missed in reference.between(at, last, place) {
                heard.missed = true;
                for &family in &reference.kinds[missed.kind].families {
                    if self.told[family].is_none_or(|told| told < missed.at) {
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
        for query in &mut self.queries {
            if query.mounted && reference.kinds[event.kind].families.contains(&query.family) {
                query.unserved.get_or_insert(now);
            }
        }
        Ok(heard)
    }

    /// Did it hear other events of a channel, but not this one?
    pub(crate) fn behind(&self, channel: usize, last: u64) -> bool {
        self.heard[channel].is_some_and(|heard| heard < last)
    }

    /// A channel is not watched any more: what is published from now on is not missed.
    pub(crate) fn stop_following(&mut self, channel: usize) {
        self.heard[channel] = None;
    }

    /// The query whose oldest change has waited longest for the screen, and since when. One whose
    /// fetches fail waits for its next try.
    pub(crate) fn longest_unserved(&self) -> Option<(&Query, Time)> {
        self.queries
            .iter()
            .filter(|query| query.failures == 0)
            .filter_map(|query| Some((query, query.unserved?)))
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

fn channel_index(name: &str) -> Option<usize> {
    name.strip_prefix("channel")?.parse().ok()
}

/// Does a query key begin with a prefix? Both as JSON text without spaces.
fn in_family(key: &str, prefix: &str) -> bool {
    let Some(open) = prefix.strip_suffix(']') else {
        return false;
    };
    key.strip_prefix(open)
        .is_some_and(|rest| open == "[" || rest.starts_with([',', ']']))
}
