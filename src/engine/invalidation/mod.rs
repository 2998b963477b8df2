//! From events to stale queries: which, and when to say so or to refetch them.
//!
//! Routes say which families an event makes stale ([`route`]); families merge a burst into one
//! telling a window ([`family`]); the ledger knows the keys that an adapter reports, what each
//! still owes and whose turn it is ([`ledger`], [`state`]). It knows no channels, no sockets, no
//! queries' data and no clock; chance comes in.
//!
//! # What it promises
//!
//! - G1: what a key shows in the end comes from a fetch that started after the last event for it,
//!   or carries a version at least as new. Whatever is in flight when an event comes may have been
//!   read before it, and pays for nothing that came later.
//! - G2: a fetch is never asked for while one runs, and what an endless stream owes is refetched
//!   within a window after the last fetch ended, as long as the host's bucket has a token.
//! - G10, G11: an event costs the same for one key and for ten thousand; refetches are counted
//!   by the host, wait when the server says so, and are spread after a gap.
//!
//! # Adapters and plain listeners
//!
//! `invalidate` is told always, with prefixes: an app without an adapter does with it what it
//! likes. An adapter reports its keys by [`Report`] and is told `refetch` with exact keys. When
//! [`Stale::handled`] says so, every reported key in these families has been dealt with, and the
//! adapter passes over the prefixes for them.

mod bucket;
mod family;
mod ledger;
mod moment;
pub(crate) mod route;
mod seen;
mod state;
#[cfg(test)]
mod tests;
mod version;

use std::rc::Rc;

use self::family::{Due, Families, FamilyId, Interned, Kept, Reach};
use self::ledger::{End, KeyId, Ledger};
use self::route::{Aim, Change};
pub use self::route::{Route, Target};
use self::seen::{Changes, Mutations};
use self::state::Debt;
pub use self::version::Version;
use self::version::{Need, Tide};
use super::key::QueryKey;
use super::limits::{GAP_SPREAD, GAP_SPREAD_VISIBLE, RETRY_AFTER_MAX};
use super::map::Map;
use super::notice::Cause;
use super::rng::Rng;
use super::time::{Millis, Mono, Now};
use crate::wire::json::{self, Raw};

/// Which families are stale, which keys, and which have been told.
#[derive(Debug)]
pub struct Invalidation {
    routes: Map<Rc<str>, Vec<Rule>>,
    /// The fixed parts of all routes: what a gap may have changed.
    reachable: Vec<FamilyId>,
    families: Families,
    ledger: Ledger,
    changes: Changes,
    mutations: Mutations,
    tide: Tide,
    /// Whether a reported key found no room: then nobody may rely on the ledger alone.
    overfull: bool,
}

/// A route whose fixed families are known by their places.
#[derive(Debug)]
struct Rule {
    aims: Vec<(FamilyId, Target)>,
    identity: route::Identity,
    /// Does it look into the payload?
    reads: bool,
}

/// An event, as far as it matters here.
#[derive(Clone, Copy, Debug)]
pub struct Happening<'a> {
    /// Its name.
    pub name: &'a str,
    /// The channel it came on.
    pub channel: &'a str,
    /// Its payload, as JSON text.
    pub data: &'a str,
    /// Did this very tab cause it?
    pub ours: bool,
}

/// What an event was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No route knows it.
    Unrouted,
    /// It made something stale.
    Marked,
    /// Another layer told of it before.
    Repeat,
    /// What it tells of was our own doing, and is in the cache.
    Echo,
}

/// What an event of ours means for a family.
enum Echo {
    /// It is not known to be an echo, or not of what.
    No,
    /// Its result is in the cache of every key, or was read by a fetch that started after it.
    Shown,
    /// The keys that do not show it have been marked.
    Owed,
}

/// What the adapter says about a key.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Which key.
    pub key: QueryKey,
    /// What happened to it.
    pub phase: Phase,
    /// Where it is fetched from, if the app tells hosts apart.
    pub host: Option<String>,
}

/// What happens to a key in the adapter's cache.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// It is in the cache; somebody looks at it, or not.
    Observe {
        /// Does a component use it?
        active: bool,
        /// Is that component on the screen?
        visible: bool,
        /// How old its data is, if that is not from this moment.
        age: Option<Millis>,
    },
    /// Nobody uses it any more; it stays in the cache.
    Unobserve,
    /// It left the cache.
    Remove,
    /// A fetch of it started.
    Start {
        /// The adapter's number for the fetch.
        fetch: Option<u64>,
        /// How long it has been running, if it did not start at this moment.
        age: Option<Millis>,
    },
    /// Data came: by the fetch, or, when none runs, put there by the app.
    Success {
        /// The number of the fetch.
        fetch: Option<u64>,
        /// The version of the data.
        version: Option<Version>,
    },
    /// The fetch failed, after all retries of its own.
    Failure {
        /// The number of the fetch.
        fetch: Option<u64>,
        /// What the server said about trying again.
        retry_after: Option<RetryAfter>,
    },
    /// The app cancelled the fetch.
    Cancel,
}

/// When a server wants to be asked again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// After this span.
    In(Millis),
    /// As the header says: seconds, or a date.
    Header(String),
}

/// What a report led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reported {
    /// Nothing that others need to know.
    Noted,
    /// A fetch brought data: the key is as fresh as can be known.
    Fetched,
    /// A fetch failed; its host wants calm until the moment, from all tabs.
    Calm {
        /// The host.
        host: Rc<str>,
        /// Until when.
        until: Mono,
    },
    /// There is no room for the key.
    Refused,
}

/// Families, or keys, that are stale for one reason.
#[derive(Debug, PartialEq)]
pub struct Stale {
    /// Prefixes of query keys; or exact keys, to be refetched.
    pub keys: Vec<QueryKey>,
    /// Why.
    pub cause: Rc<Cause>,
    /// Does the ledger see to the keys that the adapter reported?
    pub handled: bool,
}

/// What is to be told now.
#[derive(Debug, Default, PartialEq)]
pub struct Flushed {
    /// Families, one entry a cause.
    pub stale: Vec<Stale>,
    /// Keys to be refetched, in the order of their urgency, one entry a cause.
    pub refetch: Vec<Stale>,
}

/// There are more families than a page can mean to have.
#[derive(Debug, PartialEq, Eq)]
pub struct TooManyFamilies;

impl Default for Invalidation {
    fn default() -> Self {
        Invalidation {
            routes: Map::new(),
            reachable: Vec::new(),
            families: Families::default(),
            ledger: Ledger::new(),
            changes: Changes::default(),
            mutations: Mutations::default(),
            tide: Tide::default(),
            overfull: false,
        }
    }
}

impl Invalidation {
    /// Adds a route: the event makes these families stale.
    pub fn route(&mut self, route: &Route) -> Result<(), TooManyFamilies> {
        let mut aims = Vec::with_capacity(route.targets.len());
        for target in &route.targets {
            let id = self
                .intern(&target.wide, Kept::ForEver)
                .ok_or(TooManyFamilies)?;
            if !self.reachable.contains(&id) {
                self.reachable.push(id);
            }
            aims.push((id, target.clone()));
        }
        let reads = !route.identity.is_empty() || !route.targets.iter().all(Target::is_fixed);
        let rule = Rule {
            aims,
            identity: route.identity.clone(),
            reads,
        };
        self.routes
            .entry(route.event.as_str().into(), Vec::new)
            .push(rule);
        Ok(())
    }

    /// The family of a prefix, and what of the ledger lies in it.
    fn intern(&mut self, key: &QueryKey, kept: Kept) -> Option<FamilyId> {
        match self.families.intern(key, kept)? {
            Interned::Known(id) => Some(id),
            Interned::New(id) => {
                let keys = self.ledger.of_family(key);
                for &key in &keys {
                    self.ledger.join(key, id);
                }
                if let Some(family) = self.families.get_mut(id) {
                    family.keys = keys;
                }
                Some(id)
            }
        }
    }

    fn sweep(&mut self, now: Mono) {
        for (family, keys) in self.families.sweep(now) {
            for key in keys {
                self.ledger.leave(key, family);
            }
        }
    }

    /// An event came: marks its families.
    pub fn event(&mut self, now: Mono, event: &Happening<'_>) -> Outcome {
        let Some(rules) = self.routes.get_mut(event.name) else {
            return Outcome::Unrouted;
        };
        self.tide = self.tide.next();
        let need = Need {
            after: self.tide,
            version: None,
        };
        let mut cause = || {
            Rc::new(Cause::Event {
                event: event.name.to_owned(),
                channel: event.channel.to_owned(),
            })
        };
        // The hot path: what is fixed is marked where it stands, and nothing is looked up.
        let mut reading = false;
        for rule in rules.iter() {
            if rule.reads {
                reading = true;
                continue;
            }
            for (id, _) in &rule.aims {
                self.families
                    .mark(now, now, *id, Reach::Whole(need.clone()), &mut cause);
            }
        }
        if !reading {
            return Outcome::Marked;
        }
        let rules = std::mem::take(rules);
        let mut outcome = None;
        let payload = json::parse(event.data).unwrap_or(Raw::NULL);
        for rule in &rules {
            let what = if rule.reads {
                self.read(now, event, rule, payload)
            } else {
                Outcome::Marked
            };
            // What is new to one of the rules is new.
            outcome = match (outcome, what) {
                (None, what) => Some(what),
                (Some(Outcome::Marked), _) | (_, Outcome::Marked) => Some(Outcome::Marked),
                (have, _) => have,
            };
        }
        if let Some(place) = self.routes.get_mut(event.name) {
            *place = rules;
        }
        outcome.unwrap_or(Outcome::Unrouted)
    }

    /// An event whose payload matters.
    fn read(&mut self, now: Mono, event: &Happening<'_>, rule: &Rule, payload: Raw<'_>) -> Outcome {
        let change = rule.identity.read(event.name, payload);
        let cause = Rc::new(Cause::Event {
            event: event.name.to_owned(),
            channel: event.channel.to_owned(),
        });
        let mut repeats = true;
        let mut echoes = true;
        for (wide, target) in &rule.aims {
            // Who comes later finds only the fixed family.
            self.families.remember(*wide, now, &cause);
            let (id, spans) = match target.aim(payload) {
                Aim::Wide => (*wide, None),
                Aim::Family(key) => (self.narrow(now, &key, *wide), None),
                Aim::Spans(key, spans) => (self.narrow(now, &key, *wide), Some(spans)),
            };
            let Some(family) = self.families.get(id) else {
                continue;
            };
            if let Some(change) = &change.id
                && !self.changes.count(now, change, &family.key)
            {
                continue;
            }
            repeats = false;
            if event.ours {
                match self.echo(now, id, &change, &cause) {
                    Echo::Shown => continue,
                    Echo::Owed => {
                        echoes = false;
                        continue;
                    }
                    Echo::No => {}
                }
            }
            echoes = false;
            let need = Need {
                after: self.tide,
                version: change.version.clone(),
            };
            let reach = match spans {
                Some(spans) => Reach::Spans(spans, need),
                None => Reach::Whole(need),
            };
            self.families
                .mark(now, now, id, reach, &mut || Rc::clone(&cause));
        }
        match (repeats, echoes) {
            (true, _) => Outcome::Repeat,
            (false, true) => Outcome::Echo,
            (false, false) => Outcome::Marked,
        }
    }

    /// The family that a payload names; when there are too many, the wider one.
    fn narrow(&mut self, now: Mono, key: &QueryKey, wide: FamilyId) -> FamilyId {
        if !self.families.has_room() {
            self.sweep(now);
        }
        if !self.families.has_room() {
            return wide;
        }
        self.intern(key, Kept::WhileMarked).unwrap_or(wide)
    }

    /// An event that this tab caused: which keys of the family do not show it yet?
    fn echo(&mut self, now: Mono, id: FamilyId, change: &Change, cause: &Rc<Cause>) -> Echo {
        let mutation = change.mutation.as_deref();
        let applied = mutation.and_then(|mutation| self.mutations.find(now, mutation));
        let (Some(applied), Some(family)) = (applied, self.families.get(id)) else {
            return Echo::No;
        };
        if applied.keys.iter().any(|known| family.key.in_family(known)) {
            return Echo::Shown;
        }
        if family.keys.is_empty() {
            // No adapter tells what was fetched since.
            return Echo::No;
        }
        let debt = Debt {
            need: Need {
                after: applied.tide,
                version: change.version.clone(),
            },
            cause: Rc::clone(cause),
        };
        let mut all = true;
        for &key in &family.keys {
            let known = self
                .ledger
                .get(key)
                .is_none_or(|entry| applied.keys.iter().any(|known| entry.key.in_family(known)));
            all &= known || !self.ledger.mark(now, now, key, debt.clone());
        }
        if all {
            return Echo::Shown;
        }
        // The keys have their debts; plain listeners are told of the family.
        self.families
            .mark(now, now, id, Reach::Nothing, &mut || Rc::clone(cause));
        Echo::Owed
    }

    /// Something may have been missed on a channel: marks every family that an event can reach.
    /// Not all at once: the server that comes back has a thousand pages like this one.
    pub fn gap(&mut self, now: Mono, channel: &str, rng: &mut Rng) {
        self.tide = self.tide.next();
        let cause = Rc::new(Cause::Gap {
            channel: channel.to_owned(),
        });
        let debt = Debt {
            need: Need {
                after: self.tide,
                version: None,
            },
            cause: Rc::clone(&cause),
        };
        for &id in &self.reachable {
            let at = now + rng.jitter(GAP_SPREAD_VISIBLE);
            self.families
                .mark(now, at, id, Reach::Nothing, &mut || Rc::clone(&cause));
            let Some(family) = self.families.get(id) else {
                continue;
            };
            for &key in &family.keys {
                let span = if self.ledger.is_visible(key) {
                    GAP_SPREAD_VISIBLE
                } else {
                    GAP_SPREAD
                };
                self.ledger
                    .mark(now, now + rng.jitter(span), key, debt.clone());
            }
        }
    }

    /// Families are stale for a reason that the caller knows: the app, or a contract that is due.
    pub fn invalidate(
        &mut self,
        now: Mono,
        keys: &[QueryKey],
        cause: Cause,
    ) -> Result<(), TooManyFamilies> {
        self.tide = self.tide.next();
        let cause = Rc::new(cause);
        for key in keys {
            let id = match self.intern(key, Kept::WhileMarked) {
                Some(id) => id,
                None => {
                    self.sweep(now);
                    self.intern(key, Kept::WhileMarked).ok_or(TooManyFamilies)?
                }
            };
            let need = Need {
                after: self.tide,
                version: None,
            };
            self.families
                .mark(now, now, id, Reach::Whole(need), &mut || Rc::clone(&cause));
        }
        Ok(())
    }

    /// A mutation of this tab was answered, and the answer is in the cache of these families. Its
    /// echo makes only the others stale, and of these only what was not fetched since.
    pub fn applied(&mut self, now: Mono, mutation: &str, keys: Vec<QueryKey>) {
        self.tide = self.tide.next();
        self.mutations.applied(now, self.tide, mutation, keys);
    }

    /// The adapter tells what happens to a key.
    pub fn report(&mut self, now: Now, report: &Report, rng: &mut Rng) -> Reported {
        let mono = now.mono;
        if report.phase == Phase::Remove {
            if let Some((id, families)) = self.ledger.remove(&report.key) {
                for family in families {
                    if let Some(family) = self.families.get_mut(family) {
                        family.keys.retain(|have| *have != id);
                    }
                }
            }
            return Reported::Noted;
        }
        let Some(id) = self
            .ledger
            .find(&report.key)
            .or_else(|| self.add(&report.key))
        else {
            self.overfull = true;
            return Reported::Refused;
        };
        if let Some(host) = &report.host {
            self.ledger.set_host(mono, id, host);
        }
        match &report.phase {
            Phase::Remove => Reported::Noted,
            Phase::Observe {
                active,
                visible,
                age,
            } => {
                self.ledger.look(mono, id, *active, *visible);
                self.catch_up(mono, id, *age);
                Reported::Noted
            }
            Phase::Unobserve => {
                self.ledger.look(mono, id, false, false);
                Reported::Noted
            }
            Phase::Start { fetch, age } => {
                self.ledger.start(mono, id, self.tide, *fetch);
                self.catch_up(mono, id, *age);
                Reported::Noted
            }
            Phase::Success { fetch, version } => {
                let end = End::Data(version.clone());
                if self.ledger.end(mono, id, *fetch, end, rng) {
                    Reported::Fetched
                } else {
                    Reported::Noted
                }
            }
            Phase::Failure { fetch, retry_after } => {
                let calm = retry_after.as_ref().and_then(|wish| wish.until(now));
                if !self.ledger.end(mono, id, *fetch, End::Failed(calm), rng) {
                    return Reported::Noted;
                }
                let Some(until) = calm else {
                    return Reported::Noted;
                };
                let host = self.ledger.host_of(id);
                self.ledger.calm(mono, &host, until);
                Reported::Calm { host, until }
            }
            Phase::Cancel => {
                self.ledger.end(mono, id, None, End::Cancelled, rng);
                Reported::Noted
            }
        }
    }

    /// The adapter came late: what was read a while ago does not show what happened since.
    fn catch_up(&mut self, now: Mono, id: KeyId, age: Option<Millis>) {
        let (Some(age), Some(entry)) = (age, self.ledger.get(id)) else {
            return;
        };
        let read = Mono(now.0.saturating_sub(age.0));
        let families = entry.families.iter();
        let cause = families
            .filter_map(|family| self.families.get(*family)?.marked_since(read))
            .next();
        if let Some(cause) = cause {
            self.tide = self.tide.next();
            let need = Need {
                after: self.tide,
                version: None,
            };
            self.ledger.mark(now, now, id, Debt { need, cause });
        }
    }

    fn add(&mut self, key: &QueryKey) -> Option<KeyId> {
        let mut families = Vec::new();
        self.families.of_key(key, &mut families);
        let id = self.ledger.add(key, self.tide, families.clone())?;
        for family in families {
            if let Some(family) = self.families.get_mut(family) {
                family.keys.push(id);
            }
        }
        Some(id)
    }

    /// Another tab heard that a host wants calm. Nobody is believed for longer than we would
    /// believe the server.
    pub fn calm(&mut self, now: Mono, host: &str, until: Mono) {
        self.ledger
            .calm(now, host, until.min(now + RETRY_AFTER_MAX));
    }

    /// The page can be seen, or not: then nothing on it is urgent.
    pub fn page_visible(&mut self, visible: bool) {
        self.ledger.page_visible(visible);
    }

    /// How many keys the adapter reported.
    pub fn keys(&self) -> usize {
        self.ledger.len()
    }

    /// Since when a fetch of a key runs; nothing if none does.
    pub fn fetching_since(&self, key: &QueryKey) -> Option<Mono> {
        self.ledger.fetching_since(self.ledger.find(key)?)
    }

    /// When something is to be told, if nothing else happens.
    pub fn next_wakeup(&self) -> Option<Mono> {
        let parts = [self.families.next_wakeup(), self.ledger.next_wakeup()];
        parts.into_iter().flatten().min()
    }

    /// What is to be told now.
    pub fn flush(&mut self, now: Mono, rng: &mut Rng) -> Flushed {
        let mut out = Flushed::default();
        if self.next_wakeup().is_none_or(|next| next > now) {
            return out;
        }
        let handled = self.ledger.len() > 0 && !self.overfull;
        for (id, due) in self.families.take_due(now) {
            self.pay_out(now, id, &due);
            if let Some(family) = self.families.get(id) {
                group(&mut out.stale, family.key.clone(), due.cause, handled);
            }
        }
        for (key, cause) in self.ledger.take_due(now, rng) {
            group(&mut out.refetch, key, cause, true);
        }
        self.sweep(now);
        out
    }

    /// Gives the keys of a family their debts.
    fn pay_out(&mut self, now: Mono, id: FamilyId, due: &Due) {
        let Some(family) = self.families.get(id) else {
            return;
        };
        let depth = family.key.length();
        for &key in &family.keys {
            let Some(entry) = self.ledger.get(key) else {
                continue;
            };
            let need = due.need_of(&mut || moment::span_of_key(entry.key.raw(), depth));
            if let Some(need) = need {
                let cause = Rc::clone(&due.cause);
                self.ledger.mark(now, now, key, Debt { need, cause });
            }
        }
    }
}

impl RetryAfter {
    /// Until when; nothing if it makes no sense. No server may silence a page for ever.
    fn until(&self, now: Now) -> Option<Mono> {
        let span = match self {
            RetryAfter::In(span) => *span,
            RetryAfter::Header(text) => {
                let text = text.trim();
                if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
                    // More digits than a number holds are more than the limit, too.
                    text.parse().map_or(RETRY_AFTER_MAX, |seconds: u32| {
                        Millis::seconds(u64::from(seconds))
                    })
                } else {
                    let at = moment::http_date_ms(text)?;
                    Millis(at.saturating_sub(now.wall.0))
                }
            }
        };
        Some(now.mono + span.min(RETRY_AFTER_MAX))
    }
}

fn group(out: &mut Vec<Stale>, key: QueryKey, cause: Rc<Cause>, handled: bool) {
    match out
        .iter_mut()
        .find(|stale| Rc::ptr_eq(&stale.cause, &cause) || stale.cause == cause)
    {
        Some(stale) => stale.keys.push(key),
        None => out.push(Stale {
            keys: vec![key],
            cause,
            handled,
        }),
    }
}
