//! From events to stale queries: which, and when to say so.
//!
//! The first event of a quiet period is told at once; those that follow within the window are
//! told together at its end. So a burst costs two tellings a window, and the last event of a
//! burst is never lost. It knows no channels, no sockets and no clock.

use super::key::QueryKey;
use super::limits::{FAMILIES_MAX, WINDOW};
use super::map::Map;
use super::notice::Cause;
use super::time::Mono;

/// Which families are stale, and which have been told.
#[derive(Debug, Default)]
pub struct Invalidation {
    /// Event name to families.
    routes: Map<String, Vec<FamilyId>>,
    families: Vec<Family>,
    by_key: Map<QueryKey, FamilyId>,
    /// The families that are marked: what a flush looks at.
    marked: Vec<FamilyId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FamilyId(usize);

#[derive(Debug)]
struct Family {
    key: QueryKey,
    mark: Mark,
    told: Option<Mono>,
}

#[derive(Debug)]
enum Mark {
    Clean,
    Due { at: Mono, cause: Cause },
}

/// Families that are stale for one reason.
#[derive(Debug, PartialEq)]
pub struct Stale {
    /// Prefixes of query keys.
    pub keys: Vec<QueryKey>,
    /// Why.
    pub cause: Cause,
}

/// There are more families than a page can mean to have.
#[derive(Debug, PartialEq, Eq)]
pub struct TooManyFamilies;

impl Invalidation {
    /// Adds a route: the event makes these families stale.
    pub fn route(&mut self, event: &str, keys: &[QueryKey]) -> Result<(), TooManyFamilies> {
        let mut ids = Vec::with_capacity(keys.len());
        for key in keys {
            ids.push(self.intern(key)?);
        }
        self.routes.entry(event.to_owned(), Vec::new).extend(ids);
        Ok(())
    }

    fn intern(&mut self, key: &QueryKey) -> Result<FamilyId, TooManyFamilies> {
        if let Some(id) = self.by_key.get(key) {
            return Ok(*id);
        }
        if self.families.len() >= FAMILIES_MAX {
            return Err(TooManyFamilies);
        }
        let id = FamilyId(self.families.len());
        self.families.push(Family {
            key: key.clone(),
            mark: Mark::Clean,
            told: None,
        });
        self.by_key.insert(key.clone(), id);
        Ok(id)
    }

    /// An event came: marks its families. True if it has any.
    pub fn event(&mut self, now: Mono, event: &str, channel: &str) -> bool {
        let Some(ids) = self.routes.get(event) else {
            return false;
        };
        for &id in ids {
            if let Some(family) = self.families.get_mut(id.0) {
                let newly = family.mark(now, || Cause::Event {
                    event: event.to_owned(),
                    channel: channel.to_owned(),
                });
                if newly {
                    self.marked.push(id);
                }
            }
        }
        true
    }

    /// Something may have been missed on a channel: marks every family that an event can reach.
    pub fn gap(&mut self, now: Mono, channel: &str) {
        for at in 0..self.families.len() {
            self.mark(now, FamilyId(at), || Cause::Gap {
                channel: channel.to_owned(),
            });
        }
    }

    /// The app knows of a change.
    pub fn app(&mut self, now: Mono, keys: &[QueryKey]) -> Result<(), TooManyFamilies> {
        for key in keys {
            let id = self.intern(key)?;
            self.mark(now, id, || Cause::App);
        }
        Ok(())
    }

    fn mark(&mut self, now: Mono, id: FamilyId, cause: impl FnOnce() -> Cause) {
        if let Some(family) = self.families.get_mut(id.0)
            && family.mark(now, cause)
        {
            self.marked.push(id);
        }
    }

    /// When something is to be told, if nothing else happens.
    pub fn next_wakeup(&self) -> Option<Mono> {
        let due = |id: &FamilyId| match self.families.get(id.0)?.mark {
            Mark::Due { at, .. } => Some(at),
            Mark::Clean => None,
        };
        self.marked.iter().filter_map(due).min()
    }

    /// What is to be told now, one entry a cause.
    pub fn flush(&mut self, now: Mono) -> Vec<Stale> {
        let mut out: Vec<Stale> = Vec::new();
        let families = &mut self.families;
        self.marked.retain(|id| {
            let Some(family) = families.get_mut(id.0) else {
                return false;
            };
            let Some(cause) = family.take_due(now) else {
                return true;
            };
            let key = family.key.clone();
            match out.iter_mut().find(|stale| stale.cause == cause) {
                Some(stale) => stale.keys.push(key),
                None => out.push(Stale {
                    keys: vec![key],
                    cause,
                }),
            }
            false
        });
        out
    }
}

impl Family {
    /// Marks the family, to be told at once or at the end of the window. True if it was clean.
    fn mark(&mut self, now: Mono, cause: impl FnOnce() -> Cause) -> bool {
        if let Mark::Due { .. } = self.mark {
            return false;
        }
        let at = match self.told {
            Some(told) if told + WINDOW > now => told + WINDOW,
            _ => now,
        };
        self.mark = Mark::Due { at, cause: cause() };
        true
    }

    fn take_due(&mut self, now: Mono) -> Option<Cause> {
        match std::mem::replace(&mut self.mark, Mark::Clean) {
            Mark::Due { at, cause } if at <= now => {
                self.told = Some(now);
                Some(cause)
            }
            other => {
                self.mark = other;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::engine::time::Millis;
    use crate::wire::json;

    fn key(text: &str) -> QueryKey {
        QueryKey::new(json::parse(text).unwrap()).unwrap()
    }

    fn part() -> Invalidation {
        let mut part = Invalidation::default();
        part.route("moved", &[key("[\"tasks\"]"), key("[\"counts\"]")])
            .unwrap();
        part.route("added", &[key("[\"tasks\"]")]).unwrap();
        part
    }

    fn told(part: &mut Invalidation, now: u64) -> Vec<String> {
        let keys = part
            .flush(Mono(now))
            .into_iter()
            .flat_map(|stale| stale.keys);
        keys.map(|key| key.text().to_owned()).collect()
    }

    #[test]
    fn the_first_event_is_told_at_once_and_a_burst_at_the_end_of_the_window() {
        let mut part = part();
        assert!(part.event(Mono(1000), "added", "c"));
        assert_eq!(told(&mut part, 1000), ["[\"tasks\"]"]);
        for at in 1001..1050 {
            part.event(Mono(at), "added", "c");
            assert_eq!(told(&mut part, at), [""; 0]);
        }
        assert_eq!(part.next_wakeup(), Some(Mono(1000) + WINDOW));
        assert_eq!(told(&mut part, 1000 + WINDOW.0), ["[\"tasks\"]"]);
        assert_eq!(part.next_wakeup(), None);
    }

    #[test]
    fn a_steady_stream_is_told_once_a_window_and_never_starves() {
        let mut part = part();
        let mut tellings = 0;
        for at in (0..3000).step_by(10) {
            part.event(Mono(at), "added", "c");
            tellings += told(&mut part, at).len();
        }
        assert_eq!(tellings, 30);
    }

    #[test]
    fn families_of_one_cause_are_told_together() {
        let mut part = part();
        part.event(Mono(0), "moved", "c");
        let stale = part.flush(Mono(0));
        assert_eq!(stale.len(), 1);
        assert_eq!(stale[0].keys.len(), 2);
    }

    #[test]
    fn a_gap_reaches_every_family() {
        let mut part = part();
        part.gap(Mono(0), "c");
        assert_eq!(told(&mut part, 0).len(), 2);
    }

    #[test]
    fn an_event_without_a_route_does_nothing() {
        let mut part = part();
        assert!(!part.event(Mono(0), "sang", "c"));
        assert_eq!(part.next_wakeup(), None);
    }

    #[test]
    fn families_have_a_limit() {
        let mut part = Invalidation::default();
        let keys: Vec<_> = (0..FAMILIES_MAX).map(|n| key(&format!("[{n}]"))).collect();
        assert_eq!(part.app(Mono(0), &keys), Ok(()));
        assert_eq!(
            part.app(Mono(0) + Millis(1), &[key("[\"one more\"]")]),
            Err(TooManyFamilies)
        );
    }
}
