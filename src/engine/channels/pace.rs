//! How fast subscriptions may be asked for.

use crate::engine::limits::{JOIN_BURST, JOIN_INTERVAL};
use crate::engine::time::Mono;

/// A bucket of permissions, filled at a constant rate.
#[derive(Debug)]
pub(super) struct Pace {
    left: u32,
    /// Up to when the bucket was filled.
    filled: Mono,
}

impl Default for Pace {
    fn default() -> Self {
        Pace {
            left: JOIN_BURST,
            filled: Mono(0),
        }
    }
}

impl Pace {
    /// Takes a permission if there is one.
    pub(super) fn take(&mut self, now: Mono) -> bool {
        let gained = now.since(self.filled).0 / JOIN_INTERVAL.0;
        if gained > 0 {
            let missing = JOIN_BURST - self.left;
            if gained >= u64::from(missing) {
                self.left = JOIN_BURST;
                self.filled = now;
            } else {
                self.left += gained as u32;
                self.filled = Mono(self.filled.0 + gained * JOIN_INTERVAL.0);
            }
        }
        let some = self.left > 0;
        self.left -= u32::from(some);
        some
    }

    /// When there will be a permission again.
    pub(super) fn next(&self) -> Mono {
        self.filled + JOIN_INTERVAL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_at_once_and_ten_a_second_after_that() {
        let mut pace = Pace::default();
        let mut given = Vec::new();
        for ms in 1000..4000 {
            while pace.take(Mono(ms)) {
                given.push(ms);
            }
        }
        assert_eq!(given.len(), 10 + 29);
        assert_eq!(given.get(..10), Some([1000; 10].as_slice()));
        for window in given.windows(11) {
            assert!(window[10] - window[0] >= 100, "{window:?}");
        }
        assert_eq!(pace.next(), Mono(4000));
    }

    #[test]
    fn a_clock_that_stands_still_or_jumps_far_does_no_harm() {
        let mut pace = Pace::default();
        for _ in 0..10 {
            assert!(pace.take(Mono(0)));
        }
        assert!(!pace.take(Mono(0)));
        for _ in 0..10 {
            assert!(pace.take(Mono(u64::MAX)));
        }
        assert!(!pace.take(Mono(u64::MAX)));
        assert_eq!(pace.next(), Mono(u64::MAX));
    }
}
