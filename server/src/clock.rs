//! The one place that reads the wall clock.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::ids::Millis;

/// The time now. A clock before 1970 reads as 1970.
pub(crate) fn now() -> Millis {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

const DAY: u64 = 24 * 60 * 60 * 1000;

/// A time as ISO 8601 writes it: `2026-11-26T09:30:00.000Z`.
pub(crate) fn iso(time: Millis) -> String {
    let (days, ms) = (time.0 / DAY, time.0 % DAY);
    let (year, month, day) = date(days);
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    let ms = ms % 1000;
    format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{ms:03}Z")
}

/// The first moment of the week's Monday.
pub(crate) fn monday(time: Millis) -> Millis {
    let days = time.0 / DAY;
    // 1970 began on a Thursday.
    Millis((days - (days + 3) % 7) * DAY)
}

/// Year, month and day of a day since 1970 (H. Hinnant, `civil_from_days`), for years that begin in March.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let in_next = month >= 10;
    let month = if in_next { month - 9 } else { month + 3 };
    (era * 400 + year + u64::from(in_next), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_calendar_has_them() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_795_685_589_123, "2026-11-26T09:33:09.123Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(iso(Millis(ms)), text);
        }
    }

    #[test]
    fn a_week_begins_on_monday() {
        let monday_of = |ms| iso(monday(Millis(ms)));
        assert_eq!(monday_of(1_795_685_589_123), "2026-11-23T00:00:00.000Z");
        assert_eq!(monday_of(1_795_392_000_000), "2026-11-23T00:00:00.000Z");
        assert_eq!(monday_of(1_795_391_999_999), "2026-11-16T00:00:00.000Z");
    }
}
