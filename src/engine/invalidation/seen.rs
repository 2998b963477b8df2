//! Changes that were counted, and mutations of our own whose result is in the cache.

use std::collections::VecDeque;

use super::version::Tide;
use crate::engine::key::QueryKey;
use crate::engine::limits::{APPLIED_MAX, CHANGE_REMEMBERED, CHANGES_MAX};
use crate::engine::map::Map;
use crate::engine::time::Mono;

/// Which changes have made which families stale. One layer's copy of a change makes a family
/// stale; the copies of the others find it here.
///
/// It remembers the family too: another layer may tell of the same change under a name that
/// reaches more families.
#[derive(Debug, Default)]
pub(super) struct Changes {
    known: Map<Counted, Mono>,
    /// In the order of their coming, to forget the oldest.
    order: VecDeque<(Mono, Counted)>,
}

type Counted = (Box<str>, QueryKey);

impl Changes {
    /// Counts a change for a family. False if it has been counted.
    pub(super) fn count(&mut self, now: Mono, change: &str, family: &QueryKey) -> bool {
        while let Some((at, counted)) = self.order.front() {
            if *at + CHANGE_REMEMBERED > now && self.order.len() < CHANGES_MAX {
                break;
            }
            self.known.remove(counted);
            self.order.pop_front();
        }
        let counted: Counted = (change.into(), family.clone());
        if self.known.contains(&counted) {
            return false;
        }
        self.order.push_back((now, counted.clone()));
        self.known.insert(counted, now);
        true
    }
}

/// A mutation of ours that the server has answered.
#[derive(Debug)]
pub(super) struct Applied {
    mutation: Box<str>,
    /// The tide when the answer came: a fetch that started later shows the change.
    pub(super) tide: Tide,
    /// Families into whose data the answer was put.
    pub(super) keys: Vec<QueryKey>,
    at: Mono,
}

/// The mutations whose echo may still come.
#[derive(Debug, Default)]
pub(super) struct Mutations(VecDeque<Applied>);

impl Mutations {
    pub(super) fn applied(&mut self, now: Mono, tide: Tide, mutation: &str, keys: Vec<QueryKey>) {
        while let Some(oldest) = self.0.front() {
            if oldest.at + CHANGE_REMEMBERED > now && self.0.len() < APPLIED_MAX {
                break;
            }
            self.0.pop_front();
        }
        self.0.push_back(Applied {
            mutation: mutation.into(),
            tide,
            keys,
            at: now,
        });
    }

    /// What is known of a mutation. It is not forgotten: several layers echo it.
    pub(super) fn find(&self, now: Mono, mutation: &str) -> Option<&Applied> {
        self.0
            .iter()
            .rev()
            .find(|applied| *applied.mutation == *mutation && applied.at + CHANGE_REMEMBERED > now)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::wire::json;

    fn key(text: &str) -> QueryKey {
        QueryKey::new(json::parse(text).unwrap()).unwrap()
    }

    #[test]
    fn a_change_counts_once_for_a_family_within_the_time() {
        let mut changes = Changes::default();
        let (a, b) = (key("[\"a\"]"), key("[\"b\"]"));
        assert!(changes.count(Mono(0), "1", &a));
        assert!(!changes.count(Mono(1), "1", &a));
        assert!(changes.count(Mono(2), "1", &b));
        assert!(changes.count(Mono(2), "2", &a));
        assert!(changes.count(Mono(0) + CHANGE_REMEMBERED, "1", &a));
    }

    #[test]
    fn memory_is_bounded_and_loses_the_oldest_first() {
        let mut changes = Changes::default();
        let family = key("[\"a\"]");
        for number in 0..=CHANGES_MAX {
            assert!(changes.count(Mono(0), &number.to_string(), &family));
        }
        assert_eq!(changes.order.len(), CHANGES_MAX);
        assert_eq!(changes.known.len(), CHANGES_MAX);
        assert!(!changes.count(Mono(0), &CHANGES_MAX.to_string(), &family));
        assert!(changes.count(Mono(0), "0", &family));
        let mut mutations = Mutations::default();
        for number in 0..=APPLIED_MAX {
            mutations.applied(Mono(0), Tide(0), &number.to_string(), Vec::new());
        }
        assert_eq!(mutations.0.len(), APPLIED_MAX);
        assert!(mutations.find(Mono(0), "0").is_none());
        assert!(mutations.find(Mono(0), "1").is_some());
        assert!(mutations.find(Mono(0) + CHANGE_REMEMBERED, "1").is_none());
    }
}
