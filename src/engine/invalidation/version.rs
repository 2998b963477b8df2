//! What data can be compared by: when it was asked for, and which version the server gave it.

use std::cmp::Ordering;
use std::rc::Rc;

use super::moment::Span;
use crate::engine::limits::CHANGE_BYTES_MAX;
use crate::engine::text::without_zeros;
use crate::wire::json::{Raw, Text};

/// How many changes this tab had heard of at some moment. A fetch that started at a later tide
/// than a change has seen it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tide(pub(super) u64);

impl Tide {
    /// The tide after one more change.
    pub(super) fn next(self) -> Tide {
        Tide(self.0.saturating_add(1))
    }
}

/// A version of the data behind a key, as the server counts: a position in its log, a revision, a
/// time. It has to be one order over all that the key shows; the version of a single row is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(Rc<str>);

impl Version {
    /// A version from a number or a text; nothing if it is something else.
    pub fn read(raw: Raw<'_>) -> Option<Version> {
        let text = match raw.string().map(Text::decode) {
            Some(text) => text,
            None => raw.integer().map(|_| raw.text().into())?,
        };
        (!text.is_empty() && text.len() <= CHANGE_BYTES_MAX).then(|| Version(text.as_ref().into()))
    }

    /// The version as text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Which is newer; nothing if that cannot be known.
    fn compare(&self, other: &Version) -> Option<Ordering> {
        if self == other {
            return Some(Ordering::Equal);
        }
        if let (Some(a), Some(b)) = (whole_number(&self.0), whole_number(&other.0)) {
            return Some(a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
        }
        // Only to the last digit that both have: two texts that are one moment to us could be two
        // to the server.
        let moment = |version: &Version| Span::parse(&version.0)?.exact();
        match moment(self)?.cmp(&moment(other)?) {
            Ordering::Equal => None,
            order => Some(order),
        }
    }

    /// Is it known to be at least as new?
    pub(super) fn at_least(&self, other: &Version) -> bool {
        matches!(
            self.compare(other),
            Some(Ordering::Equal | Ordering::Greater)
        )
    }
}

/// The digits of a whole number of any length, without leading zeros.
fn whole_number(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| without_zeros(text))
}

/// What it takes to be fresh again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Need {
    /// A fetch that started at this tide or later does it.
    pub(super) after: Tide,
    /// So does data of this version or a newer one, whenever it was asked for.
    pub(super) version: Option<Version>,
}

impl Need {
    /// What it takes to satisfy both.
    pub(super) fn and(&mut self, other: Need) {
        self.after = self.after.max(other.after);
        self.version = match (self.version.take(), other.version) {
            (Some(a), Some(b)) if a.at_least(&b) => Some(a),
            (Some(a), Some(b)) if b.at_least(&a) => Some(b),
            // One has no version, or they are of two orders: only a fetch can tell.
            _ => None,
        };
    }

    /// Is it satisfied by data that was asked for at a tide?
    pub(super) fn met_by_fetch(&self, started: Tide) -> bool {
        started >= self.after
    }

    /// Is it satisfied by data of a version?
    pub(super) fn met_by_version(&self, have: Option<&Version>) -> bool {
        matches!((have, &self.version), (Some(have), Some(wanted)) if have.at_least(wanted))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::wire::json;

    fn version(text: &str) -> Version {
        Version::read(json::parse(text).unwrap()).unwrap()
    }

    #[test]
    fn versions_are_compared_where_they_can_be() {
        for (a, b, order) in [
            ("1", "2", Some(Ordering::Less)),
            ("10", "9", Some(Ordering::Greater)),
            ("\"0010\"", "10", Some(Ordering::Equal)),
            (
                "\"18446744073709551617\"",
                "\"18446744073709551616\"",
                Some(Ordering::Greater),
            ),
            (
                "\"2025-10-31T20:00:00.000001Z\"",
                "\"2025-10-31T20:00:00Z\"",
                Some(Ordering::Greater),
            ),
            (
                "\"2025-10-31T20:00:00Z\"",
                "\"2025-10-31T21:00:00+01:00\"",
                None,
            ),
            ("\"W/etag\"", "\"W/etag\"", Some(Ordering::Equal)),
            ("\"W/etag\"", "\"W/other\"", None),
            ("\"2025-10-31\"", "\"2025-10-30\"", None),
            ("1", "\"2025-10-31T20:00:00Z\"", None),
        ] {
            assert_eq!(version(a).compare(&version(b)), order, "{a} {b}");
        }
        for text in ["null", "1.5", "-1", "\"\"", "[]"] {
            assert_eq!(Version::read(json::parse(text).unwrap()), None, "{text}");
        }
    }

    #[test]
    fn two_needs_are_one_that_is_met_only_when_both_are() {
        let need = |after, version: Option<&str>| Need {
            after: Tide(after),
            version: version.map(self::version),
        };
        for (a, b, both) in [
            (need(1, Some("5")), need(2, Some("7")), need(2, Some("7"))),
            (need(2, Some("7")), need(1, Some("5")), need(2, Some("7"))),
            (need(1, Some("5")), need(2, None), need(2, None)),
            (need(1, Some("5")), need(2, Some("\"x\"")), need(2, None)),
        ] {
            let mut sum = a.clone();
            sum.and(b.clone());
            assert_eq!(sum, both, "{a:?} {b:?}");
        }
        assert!(need(2, None).met_by_fetch(Tide(2)) && !need(2, None).met_by_fetch(Tide(1)));
        assert!(need(2, Some("5")).met_by_version(Some(&version("5"))));
        assert!(!need(2, Some("5")).met_by_version(Some(&version("4"))));
        assert!(!need(2, None).met_by_version(Some(&version("4"))));
        assert!(!need(2, Some("5")).met_by_version(None));
    }
}
