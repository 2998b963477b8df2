//! What makes families and keys stale: events, gaps, the app, and the echo of one's own changes.

use std::rc::Rc;

use super::family::{FamilyId, Kept, Reach};
use super::route::{Aim, Change};
use super::state::Debt;
use super::version::{Need, Tide};
use super::{Invalidation, Rule, TooManyFamilies};
use crate::engine::key::QueryKey;
use crate::engine::limits::{GAP_SPREAD, GAP_SPREAD_VISIBLE};
use crate::engine::notice::Cause;
use crate::engine::rng::Rng;
use crate::engine::time::Mono;
use crate::wire::json::{self, Raw};

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

impl Invalidation {
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

    /// Which change an event tells of, if a route says where that stands: an id that is the same whoever tells of it, and
    /// what another layer calls its kind.
    pub fn change(&self, name: &str, data: &str) -> Option<(Box<str>, Option<Box<str>>)> {
        let rules = self.routes.get(name)?;
        let payload = json::parse(data).unwrap_or(Raw::NULL);
        rules.iter().find_map(|rule| {
            let id = rule.identity.read(name, payload).id?;
            Some((id, rule.identity.kind.as_deref().map(Box::from)))
        })
    }

    /// An event whose payload matters.
    fn read(&mut self, now: Mono, event: &Happening<'_>, rule: &Rule, payload: Raw<'_>) -> Outcome {
        let change = rule.identity.read(event.name, payload);
        let mutation = change.mutation.as_deref().filter(|_| event.ours);
        let unknown = mutation.filter(|mutation| self.mutations.find(now, mutation).is_none());
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
        if let Some(mutation) = unknown {
            // The answer comes later. Until then this is an event like any other.
            self.mutations.applied(now, self.tide, mutation, Vec::new());
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
        self.stale_since(now, self.tide, keys, cause)
    }

    /// Families are stale where what they show was not fetched at this tide or later.
    fn stale_since(
        &mut self,
        now: Mono,
        after: Tide,
        keys: &[QueryKey],
        cause: Cause,
    ) -> Result<(), TooManyFamilies> {
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
                after,
                version: None,
            };
            self.families
                .mark(now, now, id, Reach::Whole(need), &mut || Rc::clone(&cause));
        }
        Ok(())
    }

    /// A mutation of this tab was answered. The answer is in the cache of the families of `keys`;
    /// those of `stale` are to be fetched. Its echo makes only others stale than those of `keys`,
    /// and of these only what was not fetched since.
    ///
    /// An echo that came before the answer has been dealt with: a fetch that it brought about shows
    /// the mutation, and is the only one.
    pub fn applied(
        &mut self,
        now: Mono,
        mutation: &str,
        keys: Vec<QueryKey>,
        stale: &[QueryKey],
    ) -> Result<(), TooManyFamilies> {
        let tide = match self.mutations.find(now, mutation) {
            Some(echoed) => echoed.tide,
            None => {
                self.tide = self.tide.next();
                self.tide
            }
        };
        self.mutations.applied(now, tide, mutation, keys);
        self.stale_since(now, tide, stale, Cause::App)
    }
}
