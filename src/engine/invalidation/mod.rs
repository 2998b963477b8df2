//! From events to stale queries: which, and when to say so or to refetch them.
//!
//! Routes say which families an event makes stale (`route`); families merge a burst into one
//! telling a window (`family`); the ledger knows the keys that an adapter reports, what each
//! still owes and whose turn it is (`ledger`, `state`). It knows no channels, no sockets, no
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
mod marks;
mod moment;
mod report;
pub(crate) mod route;
mod seen;
mod state;
#[cfg(test)]
mod tests;
mod version;

use std::rc::Rc;

use self::family::{Due, Families, FamilyId, Interned, Kept};
use self::ledger::{End, KeyId, Ledger};
pub use self::marks::{Happening, Outcome};
pub use self::report::{Phase, Report, Reported, RetryAfter};
pub use self::route::{Route, Target};
use self::seen::{Changes, Mutations};
use self::state::Debt;
pub use self::version::Version;
use self::version::{Need, Tide};
use super::key::QueryKey;
use super::limits::RETRY_AFTER_MAX;
use super::map::Map;
use super::notice::Cause;
use super::rng::Rng;
use super::time::{Millis, Mono, Now};

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
    /// Keys of which a fetch hangs.
    pub lost: Vec<QueryKey>,
    /// Keys to be refetched, in the order of their urgency, one entry a cause.
    pub refetch: Vec<Stale>,
    /// Keys that became stale, or are left stale, while nobody looks at them.
    pub unseen: Vec<QueryKey>,
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

    /// Another person is there: what was heard, owed and shown was the last one's. The keys stay,
    /// because an adapter need not say again that somebody looks at them; and a host that wants
    /// calm wants it from this browser.
    pub fn forget_user(&mut self) {
        self.families.forget_heard();
        // Those that a payload named go, and only they.
        self.sweep(Mono(u64::MAX));
        self.tide = self.tide.next();
        self.ledger.forget(self.tide);
        self.changes = Changes::default();
        self.mutations = Mutations::default();
    }

    /// Another tab heard that a host wants calm. Nobody is believed for longer than we would
    /// believe the server.
    pub fn calm(&mut self, now: Mono, host: &str, until: Mono) {
        self.ledger
            .calm(now, host, until.min(now + RETRY_AFTER_MAX));
    }

    /// The page was away, or the network: what is being fetched may hang for ever.
    pub fn was_away(&mut self, now: Mono) {
        self.ledger.was_away(now);
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
            out.unseen = self.ledger.take_unseen();
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
        out.lost = self.ledger.take_lost();
        self.sweep(now);
        out.unseen = self.ledger.take_unseen();
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
