//! Moments and spans of time in payloads and query keys.
//!
//! A text without a time zone, or a mere date, means another moment in each zone of the world.
//! So a moment is an interval: what cannot be known is covered rather than missed.

use crate::engine::time::days_since_1970;
use crate::wire::json::{Raw, Text};

const NS_PER_SECOND: i64 = 1_000_000_000;
const NS_PER_MS: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// The zones of the world reach from 12 hours behind UTC to 14 before it.
const ZONES_SECONDS: i64 = 14 * 3600;

/// The earliest and the latest moment that a text can mean, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    first: i64,
    last: i64,
}

impl Span {
    /// All of time.
    pub(super) const EVER: Span = Span {
        first: i64::MIN,
        last: i64::MAX,
    };

    /// From the start of one to the end of the other.
    pub(super) fn to(self, end: Span) -> Span {
        Span {
            first: self.first.min(end.first),
            last: self.last.max(end.last),
        }
    }

    /// Have they a moment in common?
    pub(super) fn meets(self, other: Span) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// The one moment that it means, if it is one.
    pub(super) fn exact(self) -> Option<i64> {
        (self.first == self.last).then_some(self.first)
    }

    /// A moment from a JSON value: ISO 8601 text, or milliseconds since 1970.
    pub(super) fn read(raw: Raw<'_>) -> Option<Span> {
        if let Some(text) = raw.string().map(Text::decode) {
            return Span::parse(&text);
        }
        let at = i64::try_from(raw.integer()?).ok()?.checked_mul(NS_PER_MS)?;
        Some(Span {
            first: at,
            last: at,
        })
    }

    /// A moment from ISO 8601 text.
    pub(super) fn parse(text: &str) -> Option<Span> {
        let mut cursor = Cursor(text.as_bytes());
        let days = cursor.date()?;
        if cursor.0.is_empty() {
            // A day, in some zone.
            let start = days.checked_mul(SECONDS_PER_DAY)?;
            return Span::of_seconds(
                start.checked_sub(ZONES_SECONDS)?,
                start.checked_add(SECONDS_PER_DAY + ZONES_SECONDS)?,
                0,
            );
        }
        cursor.one_of(b"Tt ")?;
        let hours = cursor.number(2)?;
        cursor.one_of(b":")?;
        let minutes = cursor.number(2)?;
        let seconds = match cursor.one_of(b":") {
            Some(()) => cursor.number(2)?,
            None => 0,
        };
        let fraction = match cursor.one_of(b".,") {
            Some(()) => cursor.fraction()?,
            None => 0,
        };
        if hours > 24 || minutes > 59 || seconds > 60 {
            return None;
        }
        let local = days
            .checked_mul(SECONDS_PER_DAY)?
            .checked_add(hours * 3600 + minutes * 60 + seconds)?;
        let (before, after) = cursor.zone()?;
        Span::of_seconds(
            local.checked_sub(before)?,
            local.checked_sub(after)?,
            fraction,
        )
    }

    fn of_seconds(first: i64, last: i64, fraction: i64) -> Option<Span> {
        let ns = |seconds: i64| seconds.checked_mul(NS_PER_SECOND)?.checked_add(fraction);
        Some(Span {
            first: ns(first)?,
            last: ns(last)?,
        })
    }
}

/// Which span of time the elements of a key name: an object with `from` and `to`, or two moments
/// in a row. What cannot be read may be any time.
pub(super) fn span_of_key(key: Raw<'_>, depth: usize) -> Span {
    let mut at = 0;
    let mut found = [None, None];
    key.elements(|element| {
        if let Some(place) = found.get_mut(at.max(depth) - depth).filter(|_| at >= depth) {
            *place = Some(element);
        }
        at += 1;
    });
    let (from, to) = match found {
        [Some(object), _] if object.is_object() => (object.member("from"), object.member("to")),
        both => (both[0], both[1]),
    };
    let (from, to) = (from.and_then(Span::read), to.and_then(Span::read));
    match (from, to) {
        (Some(from), Some(to)) => from.to(to),
        (Some(from), None) => from.to(Span::EVER_AFTER),
        (None, Some(to)) => Span::EVER_BEFORE.to(to),
        (None, None) => Span::EVER,
    }
}

impl Span {
    const EVER_AFTER: Span = Span {
        first: i64::MAX,
        last: i64::MAX,
    };
    const EVER_BEFORE: Span = Span {
        first: i64::MIN,
        last: i64::MIN,
    };
}

struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn one_of(&mut self, wanted: &[u8]) -> Option<()> {
        let (first, rest) = self.0.split_first()?;
        wanted.contains(first).then(|| self.0 = rest)
    }

    fn number(&mut self, digits: usize) -> Option<i64> {
        let (text, rest) = self.0.split_at_checked(digits)?;
        let mut number = 0;
        for byte in text {
            if !byte.is_ascii_digit() {
                return None;
            }
            number = number * 10 + i64::from(byte - b'0');
        }
        self.0 = rest;
        Some(number)
    }

    /// Digits behind the point, as nanoseconds.
    fn fraction(&mut self) -> Option<i64> {
        let digits = self
            .0
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if digits == 0 || digits > 9 {
            return None;
        }
        let mut ns = self.number(digits)?;
        for _ in digits..9 {
            ns *= 10;
        }
        Some(ns)
    }

    fn date(&mut self) -> Option<i64> {
        let year = self.number(4)?;
        self.one_of(b"-")?;
        let month = self.number(2)?;
        self.one_of(b"-")?;
        let day = self.number(2)?;
        days_since_1970(year, month, day)
    }

    /// Seconds that local time is before UTC, at most and at least; up to the end of the text.
    fn zone(&mut self) -> Option<(i64, i64)> {
        if self.0.is_empty() {
            return Some((ZONES_SECONDS, -ZONES_SECONDS));
        }
        let exact = if self.one_of(b"Zz").is_some() {
            0
        } else {
            let sign = if self.one_of(b"+").is_some() { 1 } else { -1 };
            if sign < 0 {
                self.one_of(b"-")?;
            }
            let hours = self.number(2)?;
            let _ = self.one_of(b":");
            let minutes = if self.0.is_empty() {
                0
            } else {
                self.number(2)?
            };
            if hours > 23 || minutes > 59 {
                return None;
            }
            sign * (hours * 3600 + minutes * 60)
        };
        self.0.is_empty().then_some((exact, exact))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::wire::json;
    use proptest::prelude::*;

    fn ms(text: &str) -> Option<i64> {
        Span::parse(text)?.exact().map(|ns| ns / NS_PER_MS)
    }

    #[test]
    fn moments_are_read_in_every_usual_spelling() {
        for (text, moment) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2025-10-31T20:00:00Z", Some(1_761_940_800_000)),
            ("2025-10-31T20:00:00.5Z", Some(1_761_940_800_500)),
            ("2025-10-31 22:00:00+02:00", Some(1_761_940_800_000)),
            ("2025-10-31T16:00-0400", Some(1_761_940_800_000)),
            ("2025-10-31T21:00:00+01", Some(1_761_940_800_000)),
            ("2024-02-29T00:00:00Z", Some(1_709_164_800_000)),
            ("1969-12-31T23:59:59Z", Some(-1000)),
            ("2025-13-31T20:00:00Z", None),
            ("2025-10-31T20", None),
            ("2025-10-31T20:00:00.Z", None),
            ("2025-10-31T20:00:00Zx", None),
            ("tomorrow", None),
            ("", None),
        ] {
            assert_eq!(ms(text), moment, "{text}");
        }
    }

    #[test]
    fn what_has_no_zone_covers_all_zones() {
        let local = Span::parse("2025-10-31T20:00:00").unwrap();
        for zone in ["Z", "+14:00", "-12:00"] {
            let mut text = "2025-10-31T20:00:00".to_owned();
            text.push_str(zone);
            assert!(local.meets(Span::parse(&text).unwrap()), "{zone}");
        }
        assert!(!local.meets(Span::parse("2025-10-30T17:59:59-12:00").unwrap()));
        let day = Span::parse("2025-10-31").unwrap();
        assert!(day.meets(Span::parse("2025-10-31T23:59:59-12:00").unwrap()));
        assert!(!day.meets(Span::parse("2025-10-29T00:00:00Z").unwrap()));
    }

    #[test]
    fn the_span_of_a_key_is_an_object_or_two_elements() {
        let span = |key: &str, depth| span_of_key(json::parse(key).unwrap(), depth);
        let noon = Span::parse("2025-10-31T12:00:00Z").unwrap();
        for (key, holds) in [
            (
                r#"["a",{"from":"2025-10-31T00:00:00Z","to":"2025-11-01T00:00:00Z"}]"#,
                true,
            ),
            (
                r#"["a",{"from":"2025-11-01T00:00:00Z","to":"2025-11-02T00:00:00Z"}]"#,
                false,
            ),
            (
                r#"["a","2025-10-31T00:00:00Z","2025-11-01T00:00:00Z"]"#,
                true,
            ),
            (
                r#"["a","2025-10-30T00:00:00Z","2025-10-31T00:00:00Z"]"#,
                false,
            ),
            (r#"["a",1761868800000,1761955200000]"#, true),
            (r#"["a",1761955200000]"#, false),
            (r#"["a",{"to":"2025-10-31T00:00:00Z"}]"#, false),
            (r#"["a",{"from":"someday"}]"#, true),
            (r#"["a"]"#, true),
            ("[]", true),
        ] {
            assert_eq!(span(key, 1).meets(noon), holds, "{key}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[0-9TZ:.+ -]{0,40}") {
            let _ = Span::parse(&text);
        }

        #[test]
        fn days_follow_each_other(year in 1600i64..2600, month in 1i64..12) {
            // The first of a month is at most 31 and at least 28 days after the last one.
            let days = days_since_1970(year, month + 1, 1).unwrap() - days_since_1970(year, month, 1).unwrap();
            prop_assert!((28..=31).contains(&days));
        }
    }
}
