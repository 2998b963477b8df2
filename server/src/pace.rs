//! How often something may be said: so many at once, and so many a second after that.

use crate::ids::Millis;
use crate::quota::Rate;

/// Words that may be said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    at_once: u64,
    a_second: u64,
    /// Thousandths of a word that are left.
    left: u64,
    at: Millis,
}

impl Pace {
    /// As many as may be said at once, and how many a second after that.
    #[must_use]
    pub(crate) fn new(at_once: u64, a_second: u64, now: Millis) -> Self {
        Self {
            at_once,
            a_second,
            left: at_once * 1000,
            at: now,
        }
    }

    /// The same, as it was set.
    #[must_use]
    pub(crate) fn of(rate: Rate, now: Millis) -> Self {
        Self::new(rate.at_once, rate.a_second, now)
    }

    /// May one more be said? If so it is.
    pub(crate) fn allows(&mut self, now: Millis) -> bool {
        let allowed = self.has_one(now);
        if allowed {
            self.left -= 1000;
        }
        allowed
    }

    /// Might one more be said?
    pub(crate) fn has_one(&mut self, now: Millis) -> bool {
        self.pass(now);
        self.left >= 1000
    }

    /// Is it as if nothing had been said?
    pub(crate) fn is_full(&mut self, now: Millis) -> bool {
        self.pass(now);
        self.left >= self.at_once * 1000
    }

    fn pass(&mut self, now: Millis) {
        let passed = now.0.saturating_sub(self.at.0);
        let more = passed.saturating_mul(self.a_second);
        self.left = self.left.saturating_add(more).min(self.at_once * 1000);
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_at_once_and_then_so_many_a_second() {
        let mut pace = Pace::new(3, 2, Millis(0));
        let mut said = |at| pace.allows(Millis(at));
        assert_eq!(
            [said(0), said(0), said(0), said(0)],
            [true, true, true, false]
        );
        assert_eq!(
            [said(400), said(500), said(999), said(1000)],
            [false, true, false, true]
        );
        assert_eq!(
            [said(60_000), said(60_000), said(60_000), said(60_000)],
            [true, true, true, false]
        );
        // A clock that is set back gives nothing and takes nothing.
        assert!(!said(10));
        assert!(said(510));
    }
}
