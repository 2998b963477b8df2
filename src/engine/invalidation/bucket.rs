//! How many refetches a host is asked for: a token bucket, and the calm that a server asks for.

use crate::engine::limits::{REFETCH_AFTER_CALM, REFETCH_BURST, REFETCH_PER_SECOND};
use crate::engine::time::{Millis, Mono};

/// Tokens are counted in thousandths, so that a millisecond brings a whole number of them.
const TOKEN: u64 = 1000;

/// The refetches of one host.
#[derive(Debug)]
pub(super) struct Bucket {
    /// Thousandths of tokens at the moment `at`.
    tokens: u64,
    at: Mono,
    calm_until: Option<Mono>,
}

impl Bucket {
    pub(super) fn full(now: Mono) -> Self {
        Bucket {
            tokens: REFETCH_BURST * TOKEN,
            at: now,
            calm_until: None,
        }
    }

    /// How many refetches may be told now.
    pub(super) fn available(&mut self, now: Mono) -> u64 {
        if let Some(until) = self.calm_until {
            if now < until {
                return 0;
            }
            self.calm_until = None;
            self.tokens = REFETCH_AFTER_CALM * TOKEN;
            self.at = until;
        }
        let more = now.since(self.at).0.saturating_mul(REFETCH_PER_SECOND);
        self.tokens = self.tokens.saturating_add(more).min(REFETCH_BURST * TOKEN);
        self.at = self.at.max(now);
        self.tokens / TOKEN
    }

    /// Takes tokens that are there.
    pub(super) fn take(&mut self, count: u64) {
        self.tokens = self.tokens.saturating_sub(count * TOKEN);
    }

    /// When the next one may be told, if none may be now.
    pub(super) fn ready(&self, now: Mono) -> Mono {
        match self.calm_until {
            Some(until) => until.max(now),
            None => {
                let missing = TOKEN.saturating_sub(self.tokens);
                now + Millis(missing.div_ceil(REFETCH_PER_SECOND).max(1))
            }
        }
    }

    /// The server asked to be left alone. The longest wish counts.
    pub(super) fn calm(&mut self, until: Mono) {
        self.calm_until = self.calm_until.max(Some(until));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_followed_by_a_steady_rate() {
        let mut bucket = Bucket::full(Mono(0));
        assert_eq!(bucket.available(Mono(0)), REFETCH_BURST);
        bucket.take(REFETCH_BURST);
        assert_eq!(bucket.available(Mono(0)), 0);
        let next = bucket.ready(Mono(0));
        assert_eq!(bucket.available(Mono(next.0 - 1)), 0);
        assert_eq!(bucket.available(next), 1);
        assert_eq!(bucket.available(Mono(1000)), REFETCH_PER_SECOND);
        assert_eq!(bucket.available(Mono(u64::MAX)), REFETCH_BURST);
    }

    #[test]
    fn a_clock_that_stands_still_or_goes_back_brings_nothing() {
        let mut bucket = Bucket::full(Mono(1000));
        bucket.take(REFETCH_BURST);
        assert_eq!(bucket.available(Mono(500)), 0);
        assert_eq!(bucket.available(Mono(1000)), 0);
    }

    #[test]
    fn after_calm_it_begins_with_few() {
        let mut bucket = Bucket::full(Mono(0));
        bucket.calm(Mono(5000));
        bucket.calm(Mono(3000));
        assert_eq!(bucket.available(Mono(4999)), 0);
        assert_eq!(bucket.ready(Mono(10)), Mono(5000));
        assert_eq!(bucket.available(Mono(5000)), REFETCH_AFTER_CALM);
    }
}
