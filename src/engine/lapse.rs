//! Was the page away? Tells a machine that slept and a page that was frozen or throttled from one
//! that merely had nothing to do.
//!
//! A page that was away has missed its timers, and what it believes of its connections and of the
//! age of its data is old. Silence shows nothing of that: one has to compare the clocks. On some
//! systems the monotonic clock stands still in sleep, so the wall clock runs ahead of it; on
//! others it goes on, so the next wake-up comes far later than it was planned. A wall clock that
//! somebody sets looks like the first; then it costs one question to the server.

use super::limits::AWAY;
use super::time::{Millis, Mono, Now};

/// Compares the clocks of one moment with those of the last.
#[derive(Debug)]
pub struct Clocks {
    last: Now,
}

/// What lies between two moments, beyond what was planned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lapse {
    /// The wall clock ran ahead by this much: the monotonic clock stood still in sleep, or the
    /// wall clock was set. Nothing below [`AWAY`].
    pub slept: Millis,
    /// The wake-up came this much too late.
    pub late: Millis,
    /// The wall clock was set back by this much. Nothing below [`AWAY`].
    pub set_back: Millis,
}

impl Lapse {
    /// How long the page was away.
    pub fn away(self) -> Millis {
        Millis(self.slept.0.saturating_add(self.late.0))
    }
}

impl Clocks {
    /// Begins with a moment.
    pub fn new(now: Now) -> Self {
        Clocks { last: now }
    }

    /// How long the last moment is ago. A page that was away was away for no longer.
    pub fn elapsed(&self, now: Now) -> Millis {
        now.mono.since(self.last.mono)
    }

    /// The next moment, and when the page should have been woken if nothing else happened.
    pub fn sample(&mut self, now: Now, planned: Option<Mono>) -> Lapse {
        let mono = now.mono.since(self.last.mono).0;
        let last = std::mem::replace(&mut self.last, now).wall;
        let beyond = |span: u64| Millis(if span > AWAY.0 { span } else { 0 });
        Lapse {
            slept: beyond(now.wall.0.saturating_sub(last.0).saturating_sub(mono)),
            late: planned.map_or(Millis(0), |at| now.mono.since(at)),
            set_back: beyond(last.0.saturating_add(mono).saturating_sub(now.wall.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::time::Wall;
    use proptest::prelude::*;

    fn at(mono: u64, wall: u64) -> Now {
        Now {
            mono: Mono(mono),
            wall: Wall(wall),
        }
    }

    fn lapse(from: (u64, u64), to: (u64, u64), planned: Option<u64>) -> Lapse {
        let mut clocks = Clocks::new(at(from.0, from.1));
        clocks.sample(at(to.0, to.1), planned.map(Mono))
    }

    #[test]
    fn both_clocks_going_on_together_are_nothing() {
        assert_eq!(
            lapse((0, 90_000), (60_000, 150_000), None),
            Lapse::default()
        );
        // Clocks are corrected by a little all the time.
        assert_eq!(lapse((0, 90_000), (1000, 96_000), None), Lapse::default());
        assert_eq!(lapse((0, 90_000), (1000, 86_000), None), Lapse::default());
    }

    #[test]
    fn sleep_is_seen_whether_the_monotonic_clock_stands_still_or_not() {
        let two_hours = 7_200_000;
        let still = lapse((0, 0), (1000, 1000 + two_hours), Some(1000));
        assert_eq!(still.away(), Millis(two_hours));
        let running = lapse((0, 0), (two_hours, two_hours), Some(1000));
        assert_eq!(running.away(), Millis(two_hours - 1000));
        assert_eq!(running.slept, Millis(0));
    }

    #[test]
    fn a_clock_that_is_set_back_is_no_sleep() {
        let back = lapse((0, 3_600_000), (1000, 1000), Some(1000));
        assert_eq!(back.away(), Millis(0));
        assert_eq!(back.set_back, Millis(3_600_000));
    }

    #[test]
    fn an_early_wake_up_is_not_late() {
        assert_eq!(lapse((0, 0), (500, 500), Some(1000)).late, Millis(0));
    }

    proptest! {
        #[test]
        fn no_clock_makes_it_panic(a: (u64, u64), b: (u64, u64), planned: Option<u64>) {
            let _ = lapse(a, b, planned).away();
        }
    }
}
