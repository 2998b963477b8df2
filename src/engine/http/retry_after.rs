//! When a server wants to be asked again.

use crate::engine::limits::RETRY_AFTER_MAX;
use crate::engine::text;
use crate::engine::time::{Millis, Wall, days_since_1970};

use super::Headers;

/// How long the server asks us to stay away. Nothing if it does not say, or says nonsense.
///
/// A date is compared with the server's own clock where it told it, because ours may be far off.
pub fn retry_after(headers: &Headers<'_>, wall: Wall) -> Option<Millis> {
    let text = headers.retry_after?.trim_ascii();
    let span = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit mean for ever, and that is capped like any other long wait.
        Millis(text::number(text).unwrap_or(u64::MAX).saturating_mul(1000))
    } else {
        let now = headers.date.and_then(date).unwrap_or(wall);
        Millis(date(text)?.0.saturating_sub(now.0))
    };
    Some(span.min(RETRY_AFTER_MAX))
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// Reads a date in any of the three forms that HTTP knows:
/// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`.
///
/// The forms differ in the order of the same parts, so the parts are told apart by their looks.
pub(crate) fn date(text: &str) -> Option<Wall> {
    let mut day = None;
    let mut month = None;
    let mut year = None;
    let mut clock = None;
    let mut rest = text;
    // A date has six parts, and seven marks between them; what goes on for longer is none.
    for _ in 0..16 {
        let part = text::piece(&mut rest, b" ,-");
        if text::mark(part, b":").is_some() {
            clock = Some(clock_seconds(part)?);
        } else if let Some(number) = text::number(part) {
            let number = i64::try_from(number).ok()?;
            if day.is_none() {
                day = Some(number);
            } else {
                year = Some(full_year(number, part.len())?);
            }
        } else if !part.is_empty() && month.is_none() {
            let at = MONTHS
                .iter()
                .position(|name| part.eq_ignore_ascii_case(name));
            month = at.and_then(|at| i64::try_from(at + 1).ok());
        }
    }
    let (day, month, year) = (day?, month?, year?);
    if !(1970..=9999).contains(&year) {
        return None;
    }
    let days = days_since_1970(year, month, day)?;
    let seconds = u64::try_from(days).ok()? * 86_400 + clock?;
    Some(Wall(seconds * 1000))
}

fn clock_seconds(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut part = || text::number(text::piece(&mut rest, b":"));
    let (hours, minutes) = (part()?, part()?);
    let seconds = text::number(rest)?;
    // A minute may have a leap second.
    let valid = hours < 24 && minutes < 60 && seconds <= 60;
    valid.then_some(hours * 3600 + minutes * 60 + seconds)
}

/// The oldest form has two digits; it went out of use with the century.
fn full_year(number: i64, digits: usize) -> Option<i64> {
    match digits {
        4 => Some(number),
        2 if number < 70 => Some(2000 + number),
        2 => Some(1900 + number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Wall = Wall(784_111_777_000);

    fn after(text: &str) -> Option<Millis> {
        let headers = Headers {
            retry_after: Some(text),
            ..Headers::default()
        };
        retry_after(&headers, NOW)
    }

    #[test]
    fn the_three_forms_of_a_date_mean_the_same() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(date(text), Some(NOW), "{text}");
        }
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Thu, 29 Feb 2024 12:00:00 GMT", 1_709_208_000),
            ("Sat, 21 Nov 2026 08:00:00 GMT", 1_795_248_000),
        ] {
            assert_eq!(date(text), Some(Wall(seconds * 1000)), "{text}");
        }
    }

    #[test]
    fn fault_39_retry_after_in_every_form_is_obeyed_within_reason() {
        assert_eq!(after("120"), Some(Millis::seconds(120)));
        assert_eq!(after(" 0 "), Some(Millis(0)));
        assert_eq!(
            after("Sun, 06 Nov 1994 08:51:37 GMT"),
            Some(Millis::seconds(120))
        );
        assert_eq!(after("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Millis(0)));
        for nonsense in [
            "abc",
            "-5",
            "",
            "1.5",
            "12 abc",
            "Sun, 99 Nov 1994 08:00:00",
        ] {
            assert_eq!(after(nonsense), None, "{nonsense}");
        }
        for long in ["1000000000", "99999999999999999999999999"] {
            assert_eq!(after(long), Some(RETRY_AFTER_MAX), "{long}");
        }
    }

    #[test]
    fn a_date_is_compared_with_the_servers_own_clock() {
        let headers = Headers {
            retry_after: Some("Sun, 06 Nov 1994 08:50:07 GMT"),
            date: Some("Sun, 06 Nov 1994 08:49:37 GMT"),
            ..Headers::default()
        };
        assert_eq!(
            retry_after(&headers, Wall(NOW.0 + 3_600_000)),
            Some(Millis::seconds(30))
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "[A-Za-z0-9:, -]{0,40}") {
            let _ = (date(&text), after(&text));
        }
    }
}
