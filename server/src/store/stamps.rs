//! The server's hybrid clock: by its stamps the last writer of a field wins, whatever the clocks of devices say. It is
//! the clock of the pages, from the crate that they run ([`everfresh::engine::hlc`]).

use std::time::Instant;

use everfresh::engine::hlc::{Hlc, Stamp};
use everfresh::engine::ids::TabId;
use everfresh::engine::time::{Mono, Now, Wall};

use super::StoreError;
use crate::ids::Millis;

pub(super) struct Stamps {
    clock: Hlc,
    began: Instant,
}

impl Stamps {
    /// A clock under a name of its own, so that two servers on one database never give the same stamp.
    pub(super) fn new() -> Result<Self, StoreError> {
        let mut name = [0; 8];
        getrandom::fill(&mut name).map_err(|_error| StoreError::Corrupt("source of randomness"))?;
        Ok(Self {
            clock: Hlc::new(TabId(u64::from_le_bytes(name))),
            began: Instant::now(),
        })
    }

    /// The stamp of a write to a field that was last written under `seen`. `sent` is what whoever writes says it was
    /// made at; one that lies further ahead than clocks may disagree is not believed. `None` where somebody else
    /// wrote the field later: then the field stays as it is. A write that `knows` what it writes over is later.
    pub(super) fn of_write(
        &mut self,
        now: Millis,
        sent: Option<&Stamp>,
        seen: Option<&Stamp>,
        knows: bool,
    ) -> Option<Stamp> {
        let now = self.now(now);
        let sent = sent.filter(|sent| self.clock.observe(now, sent).is_ok());
        match (sent, seen) {
            (Some(sent), Some(seen)) if sent <= seen && !knows => None,
            (Some(sent), seen) if seen.is_none_or(|seen| sent > seen) => Some(*sent),
            (_, Some(seen)) => Some(self.clock.stamp_over(now, seen)),
            (_, None) => Some(self.clock.stamp(now)),
        }
    }

    fn now(&self, now: Millis) -> Now {
        let passed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Now {
            mono: Mono(passed),
            wall: Wall(now.0),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    const NOON: u64 = 1_800_000_000_000;

    fn device(name: u64, at: u64) -> Stamp {
        let now = Now {
            mono: Mono(0),
            wall: Wall(at),
        };
        Hlc::new(TabId(name)).stamp(now)
    }

    #[test]
    fn the_later_write_wins_and_a_clock_that_is_wrong_does_not() {
        let mut stamps = Stamps::new().unwrap();
        let mut write = |sent: Option<&Stamp>, seen: Option<&Stamp>, knows| {
            stamps.of_write(Millis(NOON), sent, seen, knows)
        };
        let (early, late) = (device(1, NOON - 5000), device(2, NOON - 1000));
        assert_eq!(write(Some(&late), Some(&early), false), Some(late));
        assert_eq!(write(Some(&early), Some(&late), false), None);
        assert_eq!(write(Some(&early), None, false), Some(early));
        // Who knew of the later one is later still.
        assert!(write(Some(&early), Some(&late), true).unwrap() > late);
        // Who says nothing writes now.
        assert!(write(None, Some(&late), false).unwrap() > late);
        // A clock that is an hour ahead is not believed; what is written over its stamp wins.
        let ahead = device(3, NOON + 3_600_000);
        assert!(write(Some(&ahead), Some(&late), false).unwrap() < ahead);
        assert!(write(None, Some(&ahead), false).unwrap() > ahead);
    }
}
