//! The engine's only source of chance: a small generator (SplitMix64) fed by the injected seed,
//! so that a run is replayed by its seed.

use super::time::Millis;

/// A seeded generator. Not for secrets.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A generator that gives the same numbers for the same seed.
    pub fn new(seed: u64) -> Self {
        Rng(seed)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`, or 0 if there is none.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The bias of a multiply-shift over 64 bits is far below what jitter could show.
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// Full jitter: any span up to `most`, all equally likely.
    pub fn jitter(&mut self, most: Millis) -> Millis {
        Millis(self.below(most.0.saturating_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_spreads_evenly_and_stays_in_its_bounds() {
        let mut rng = Rng::new(1);
        let mut buckets = [0u32; 10];
        for _ in 0..10_000 {
            let span = rng.jitter(Millis(99)).0;
            buckets[usize::try_from(span / 10).unwrap_or(0)] += 1;
        }
        assert!(
            buckets.iter().all(|count| (850..1150).contains(count)),
            "{buckets:?}"
        );
        assert_eq!(rng.jitter(Millis(0)), Millis(0));
    }
}
