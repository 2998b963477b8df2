//! A hybrid logical clock: stamps by which the last writer wins, although clocks disagree.
//!
//! A stamp is a time in milliseconds, a count for what happens within one, and the tab. Stamps
//! are totally ordered, a tab's own only grow, and whoever has seen a stamp gives greater ones:
//! so an edit that was made in knowledge of another one always wins over it, whatever the clocks
//! say. Only edits that nobody knew of each other are decided by time, and in the end by tab.
//!
//! The time is the wall clock, or better the server's where it is known. It is carried on by the
//! longer of what both clocks say has passed since: the monotonic clock may stand still while a
//! laptop sleeps, the wall clock may be set back. A clock that is set ahead and back again
//! therefore leaves no trace, except in the stamps that were given meanwhile.
//!
//! A stamp from elsewhere moves the clock by a bounded amount only, or one device with a wrong
//! clock would drag all others along. An edit over such a stamp wins all the same
//! ([`Hlc::stamp_over`]): it is placed just above, and the clock stays where it is.
//!
//! It does not know what is stamped, nor who compares.

use super::ids::TabId;
use super::limits::HLC_DRIFT_MAX;
use super::time::{Mono, Now, Wall};

/// 48 bits: enough until the year 10889, and what is later was never a time.
const MS_MAX: u64 = (1 << 48) - 1;

/// 20 bits.
const COUNT_MAX: u32 = (1 << 20) - 1;

/// Counts from here on are for stamps that were placed above another one, so that a clock that
/// comes to that moment by itself does not give the same stamp again. Whoever gives half a
/// million stamps within a millisecond runs ahead by one.
const COUNT_PLACED: u32 = 1 << 19;

/// Digits in the order of their bytes, so that texts compare as stamps do.
const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

/// Length of a stamp as text: 10 digits of time, 4 of count, 13 of tab.
const TEXT_LEN: usize = 27;

/// A moment by which the last writer wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    ms: u64,
    count: u32,
    tab: TabId,
}

/// The clock of one tab.
#[derive(Debug)]
pub struct Hlc {
    tab: TabId,
    last: Stamp,
    /// The greatest stamp that was placed above another one, beyond what the clock may follow.
    beyond: Stamp,
    base: Option<Base>,
}

/// What time it was when it was last known.
#[derive(Clone, Copy, Debug)]
struct Base {
    ms: u64,
    mono: Mono,
    wall: Wall,
}

/// A stamp lies further ahead than clocks may disagree. It did not move the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooFarAhead;

impl Stamp {
    /// The stamp as 27 letters and digits, which compare as the stamps do.
    pub fn text(&self) -> String {
        let mut out = String::with_capacity(TEXT_LEN);
        push_digits(&mut out, self.ms, 10);
        push_digits(&mut out, self.count.into(), 4);
        push_digits(&mut out, self.tab.0, 13);
        out
    }

    /// Reads what [`Stamp::text`] wrote.
    pub fn parse(text: &str) -> Option<Stamp> {
        if text.len() != TEXT_LEN {
            return None;
        }
        let ms = read_digits(text.get(..10)?)?;
        let count = u32::try_from(read_digits(text.get(10..14)?)?).ok()?;
        let tab = TabId(read_digits(text.get(14..)?)?);
        (ms <= MS_MAX).then_some(Stamp { ms, count, tab })
    }

    /// Roughly when it was given.
    pub fn wall(&self) -> Wall {
        Wall(self.ms)
    }

    /// The first one after this whose count is in a range.
    fn next(self, tab: TabId, first: u32, end: u32) -> Stamp {
        let count = (self.count + 1).max(first);
        if count < end {
            Stamp { count, tab, ..self }
        } else {
            let ms = (self.ms + 1).min(MS_MAX);
            let count = first;
            Stamp { ms, count, tab }
        }
    }
}

impl Hlc {
    /// The clock of a tab.
    pub fn new(tab: TabId) -> Self {
        let never = Stamp {
            ms: 0,
            count: 0,
            tab,
        };
        Hlc {
            tab,
            last: never,
            beyond: never,
            base: None,
        }
    }

    /// The server said what time it is.
    pub fn server_time(&mut self, now: Now, server: Wall) {
        self.base = Some(Base {
            ms: server.0.min(MS_MAX),
            mono: now.mono,
            wall: now.wall,
        });
    }

    /// A stamp greater than all that this clock gave or followed.
    pub fn stamp(&mut self, now: Now) -> Stamp {
        let fresh = Stamp {
            ms: self.time(now),
            count: 0,
            tab: self.tab,
        };
        self.last = fresh.max(self.last.next(self.tab, 0, COUNT_PLACED));
        self.last
    }

    /// A stamp for what replaces something: greater than its stamp, however far ahead that is.
    pub fn stamp_over(&mut self, now: Now, seen: &Stamp) -> Stamp {
        if self.observe(now, seen).is_ok() {
            return self.stamp(now);
        }
        let above = self.beyond.max(*seen);
        self.beyond = above.next(self.tab, COUNT_PLACED, COUNT_MAX + 1);
        self.beyond
    }

    /// A stamp came from elsewhere: what is given from now on is greater, if it can be believed.
    pub fn observe(&mut self, now: Now, seen: &Stamp) -> Result<(), TooFarAhead> {
        let ahead = seen.ms > self.time(now).saturating_add(HLC_DRIFT_MAX.0);
        if *seen > self.last {
            if ahead {
                return Err(TooFarAhead);
            }
            self.last = *seen;
        }
        Ok(())
    }

    fn time(&mut self, now: Now) -> u64 {
        let base = *self.base.get_or_insert(Base {
            ms: now.wall.0,
            mono: now.mono,
            wall: now.wall,
        });
        let by_wall = now.wall.0.saturating_sub(base.wall.0);
        let passed = now.mono.since(base.mono).0.max(by_wall);
        base.ms.saturating_add(passed).min(MS_MAX)
    }
}

fn push_digits(out: &mut String, value: u64, digits: u32) {
    for place in (0..digits).rev() {
        let digit = value.checked_shr(place * 5).unwrap_or(0) & 31;
        let digit = usize::try_from(digit).ok().and_then(|at| DIGITS.get(at));
        out.push(char::from(digit.copied().unwrap_or(b'0')));
    }
}

fn read_digits(text: &str) -> Option<u64> {
    let mut value = 0u64;
    for byte in text.bytes() {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'v' => byte - b'a' + 10,
            _ => return None,
        };
        // Thirteen digits have one bit more than a number; what does not fit was not written.
        value = value.checked_mul(32)?.checked_add(digit.into())?;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::engine::time::Millis;
    use proptest::prelude::*;

    const HOUR: u64 = 3_600_000;
    const NOON: u64 = 1_800_000_000_000;

    fn at(mono: u64, wall: u64) -> Now {
        Now {
            mono: Mono(mono),
            wall: Wall(wall),
        }
    }

    #[test]
    fn stamps_grow_within_a_millisecond_and_when_the_clock_is_set_back() {
        let mut clock = Hlc::new(TabId(1));
        let first = clock.stamp(at(0, NOON));
        let second = clock.stamp(at(0, NOON));
        let set_back = clock.stamp(at(10, NOON - HOUR));
        assert!(first < second && second < set_back);
        assert_eq!(
            set_back.wall(),
            Wall(NOON + 10),
            "the other clock carries it on"
        );
    }

    #[test]
    fn a_clock_that_was_an_hour_ahead_for_a_while_leaves_no_trace() {
        let mut clock = Hlc::new(TabId(1));
        clock.stamp(at(0, NOON));
        assert!(
            clock
                .observe(at(5, NOON + 5 + HOUR), &stamp(0, 0, 1))
                .is_ok()
        );
        assert_eq!(clock.stamp(at(10, NOON + 10)).wall(), Wall(NOON + 10));
    }

    #[test]
    fn a_sleep_that_the_monotonic_clock_did_not_see_is_seen_by_the_wall_clock() {
        let mut clock = Hlc::new(TabId(1));
        clock.stamp(at(0, NOON));
        assert_eq!(clock.stamp(at(1, NOON + HOUR)).wall(), Wall(NOON + HOUR));
    }

    #[test]
    fn a_clock_that_is_an_hour_ahead_is_put_right_by_the_server() {
        let mut clock = Hlc::new(TabId(1));
        clock.server_time(at(0, NOON + HOUR), Wall(NOON));
        assert_eq!(clock.stamp(at(7, NOON + HOUR + 7)).wall(), Wall(NOON + 7));
    }

    #[test]
    fn a_device_with_a_wrong_clock_drags_nobody_along_but_its_edits_can_be_replaced() {
        let mut wrong = Hlc::new(TabId(1));
        let mut right = Hlc::new(TabId(2));
        let theirs = wrong.stamp(at(0, NOON + HOUR));
        assert_eq!(right.observe(at(0, NOON), &theirs), Err(TooFarAhead));
        let ours = right.stamp_over(at(1, NOON), &theirs);
        let again = right.stamp_over(at(2, NOON), &theirs);
        assert!(theirs < ours && ours < again);
        assert_eq!(right.stamp(at(3, NOON + 3)).wall(), Wall(NOON + 3));
    }

    #[test]
    fn of_two_who_knew_nothing_of_each_other_the_tab_decides_the_tie() {
        let one = Hlc::new(TabId(1)).stamp(at(0, NOON));
        let two = Hlc::new(TabId(2)).stamp(at(9, NOON));
        assert!(one < two);
    }

    #[test]
    fn the_end_of_time_is_survived() {
        let mut clock = Hlc::new(TabId(1));
        let end = stamp(MS_MAX, COUNT_MAX, 9);
        let _ = clock.stamp_over(at(0, u64::MAX), &end);
        let _ = clock.stamp(at(u64::MAX, u64::MAX));
    }

    #[test]
    fn what_is_no_stamp_is_nothing() {
        let good = stamp(NOON, 7, 3).text();
        assert_eq!(good.len(), TEXT_LEN);
        for bad in [
            "",
            "0",
            &good[1..],
            &good.replace('0', "w"),
            &"v".repeat(27),
        ] {
            assert_eq!(Stamp::parse(bad), None, "{bad}");
        }
    }

    fn stamp(ms: u64, count: u32, tab: u64) -> Stamp {
        let tab = TabId(tab);
        Stamp { ms, count, tab }
    }

    fn stamps() -> impl Strategy<Value = Stamp> {
        (0..=MS_MAX, 0..=COUNT_MAX, any::<u64>()).prop_map(|(ms, count, tab)| stamp(ms, count, tab))
    }

    proptest! {
        #[test]
        fn texts_compare_as_stamps_do_and_come_back(a in stamps(), b in stamps()) {
            prop_assert_eq!(a.text().cmp(&b.text()), a.cmp(&b));
            prop_assert_eq!(Stamp::parse(&a.text()), Some(a));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "[0-9a-z\u{e9}]{24,30}") {
            if let Some(stamp) = Stamp::parse(&text) {
                prop_assert_eq!(stamp.text(), text);
            }
        }

        /// Devices with clocks that jump by hours edit one value and hear of each other now and
        /// then. Whoever edits what it has seen wins over it, no stamp is given twice, and nobody
        /// gets further from its own clock than clocks may disagree.
        #[test]
        fn an_edit_wins_over_what_its_maker_saw(
            steps in prop::collection::vec((0usize..3, 0u8..4, 0u64..5000, -2i64..3), 1..120),
        ) {
            let mut clocks: Vec<Hlc> = (0..3).map(|tab| Hlc::new(TabId(tab))).collect();
            let mut seen: Vec<Vec<Stamp>> = vec![Vec::new(); 3];
            let mut given: Vec<Stamp> = Vec::new();
            let mut shift = [0u64; 3];
            let mut highest = [0u64; 3];
            let mut mono = 0;
            for (who, what, wait, jump) in steps {
                mono += wait;
                if what == 0 {
                    shift[who] = (10 * HOUR).saturating_add_signed(jump * HOUR as i64);
                }
                let now = at(mono, NOON + mono + shift[who]);
                highest[who] = highest[who].max(now.wall.0);
                let stamp = match (what, given.last().copied()) {
                    (0 | 1, _) | (_, None) => clocks[who].stamp(now),
                    (2, Some(theirs)) => clocks[who].stamp_over(now, &theirs),
                    (_, Some(theirs)) => {
                        if clocks[who].observe(now, &theirs).is_ok() {
                            seen[who].push(theirs);
                        }
                        continue;
                    }
                };
                if what == 2 && let Some(theirs) = given.last() {
                    prop_assert!(stamp > *theirs);
                } else {
                    prop_assert!(seen[who].iter().all(|seen| *seen < stamp));
                    let bound = highest[who] + mono + HLC_DRIFT_MAX.0 + Millis::seconds(1).0;
                    prop_assert!(stamp.wall().0 <= bound);
                    seen[who].push(stamp);
                }
                prop_assert!(!given.contains(&stamp));
                given.push(stamp);
            }
        }
    }
}
