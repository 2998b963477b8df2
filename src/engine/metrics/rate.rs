//! How many messages a second, over the last seconds.

use crate::engine::limits::RATE_SECONDS;
use crate::engine::time::{Millis, Mono};

const SLOTS: usize = RATE_SECONDS as usize;

/// Counts of the last seconds, a slot each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rate {
    slots: [u32; SLOTS],
    /// The second that was looked at last.
    second: u64,
    /// The second of the last message.
    newest: u64,
}

impl Rate {
    /// A message came.
    pub(super) fn add(&mut self, now: Mono) {
        self.forget(now);
        self.newest = self.second;
        let at = (self.second % RATE_SECONDS) as usize;
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = slot.saturating_add(1);
        }
    }

    /// Messages in the span that is counted.
    pub(super) fn sum(&mut self, now: Mono) -> u64 {
        self.forget(now);
        self.slots.iter().map(|slot| u64::from(*slot)).sum()
    }

    /// When all slots are empty, if no message comes; nothing if they are.
    pub(super) fn silent_at(&self) -> Option<Mono> {
        let any = self.slots.iter().any(|slot| *slot > 0);
        let end = self.newest.saturating_add(RATE_SECONDS);
        any.then_some(Mono(0) + Millis(end.saturating_mul(1000)))
    }

    fn forget(&mut self, now: Mono) {
        let second = (now.0 / 1000).max(self.second);
        let passed = second - self.second;
        for step in 1..=passed.min(RATE_SECONDS) {
            let at = ((self.second + step) % RATE_SECONDS) as usize;
            if let Some(slot) = self.slots.get_mut(at) {
                *slot = 0;
            }
        }
        self.second = second;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_counts_the_messages_of_the_last_seconds(mut times in prop::collection::vec(0u64..60_000, 0..200)) {
            times.sort_unstable();
            let mut rate = Rate::default();
            for (at, time) in times.iter().enumerate() {
                rate.add(Mono(*time));
                let first = (time / 1000 + 1).saturating_sub(RATE_SECONDS) * 1000;
                let truth = times[..=at].iter().filter(|have| **have >= first).count();
                prop_assert_eq!(rate.sum(Mono(*time)), truth as u64);
            }
            if let Some(silent) = rate.silent_at() {
                prop_assert_ne!(rate.sum(Mono(silent.0 - 1)), 0);
                prop_assert_eq!(rate.sum(silent), 0);
            }
        }
    }

    #[test]
    fn a_clock_at_its_end_does_no_harm() {
        let mut rate = Rate::default();
        rate.add(Mono(u64::MAX));
        assert_eq!(
            rate.sum(Mono(0)),
            1,
            "a moment that goes back counts as the same"
        );
        assert!(rate.silent_at().is_some());
    }
}
