//! How long something takes: counts in fixed buckets, so that a million samples cost no more
//! than ten.

use crate::engine::limits::LATENCY_SAMPLES_MAX;
use crate::engine::time::Millis;

/// The upper ends of the buckets in milliseconds. The promises that people read are among them,
/// so that "below 50 ms" is exact.
const ENDS: [u32; 18] = [
    1, 2, 5, 10, 20, 50, 75, 100, 150, 200, 300, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000,
];

/// Counts of samples by how long they took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Histogram {
    counts: [u32; ENDS.len()],
    total: u32,
}

impl Histogram {
    /// Something took this long. What is beyond the last bucket counts in it.
    pub(super) fn add(&mut self, took: Millis) {
        if self.total >= LATENCY_SAMPLES_MAX {
            self.total = 0;
            for count in &mut self.counts {
                *count /= 2;
                self.total += *count;
            }
        }
        let last = ENDS.len() - 1;
        let at = ENDS
            .iter()
            .position(|end| took.0 <= u64::from(*end))
            .unwrap_or(last);
        if let Some(count) = self.counts.get_mut(at) {
            *count += 1;
            self.total += 1;
        }
    }

    /// How many samples the figures are of.
    pub(super) fn samples(&self) -> u32 {
        self.total
    }

    /// Below which time so many of a thousand samples are; nothing without samples. Between the
    /// ends of a bucket the samples are taken to be spread evenly.
    pub(super) fn quantile(&self, permille: u32) -> Option<Millis> {
        if self.total == 0 {
            return None;
        }
        let total = u64::from(self.total);
        let rank = (total * u64::from(permille)).div_ceil(1000).max(1);
        let mut below = 0u64;
        let mut start = 0u64;
        for (end, count) in ENDS.iter().zip(self.counts) {
            let (end, count) = (u64::from(*end), u64::from(count));
            if below + count >= rank {
                let inside = rank - below;
                return Some(Millis(
                    start + ((end - start) * inside).div_ceil(count.max(1)),
                ));
            }
            below += count;
            start = end;
        }
        Some(Millis(start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_samples_no_figure() {
        assert_eq!(Histogram::default().quantile(500), None);
    }

    #[test]
    fn what_is_beyond_all_bounds_counts_in_the_last_bucket() {
        let mut histogram = Histogram::default();
        histogram.add(Millis(u64::MAX));
        assert_eq!(histogram.quantile(990), Some(Millis(60_000)));
    }

    #[test]
    fn old_samples_weigh_less() {
        let mut histogram = Histogram::default();
        for _ in 0..LATENCY_SAMPLES_MAX {
            histogram.add(Millis(1000));
        }
        for _ in 0..4 * LATENCY_SAMPLES_MAX {
            histogram.add(Millis(1));
        }
        assert!(histogram.samples() <= LATENCY_SAMPLES_MAX);
        assert_eq!(histogram.quantile(900), Some(Millis(1)));
    }

    proptest! {
        /// The figure lies in the bucket in which the true one lies.
        #[test]
        fn a_figure_is_in_the_bucket_of_the_true_one(
            mut samples in prop::collection::vec(0u64..70_000, 1..300),
            permille in 1u32..=1000,
        ) {
            let mut histogram = Histogram::default();
            for sample in &samples {
                histogram.add(Millis(*sample));
            }
            samples.sort_unstable();
            let rank = (samples.len() as u64 * u64::from(permille)).div_ceil(1000).max(1);
            let truth = samples[rank as usize - 1].min(60_000);
            let end = u64::from(*ENDS.iter().find(|end| truth <= u64::from(**end)).unwrap_or(&60_000));
            let start = ENDS.iter().rev().map(|end| u64::from(*end)).find(|below| *below < truth).unwrap_or(0);
            let figure = histogram.quantile(permille).map_or(u64::MAX, |span| span.0);
            prop_assert!(start <= figure && figure <= end, "{start} <= {figure} <= {end}");
        }
    }
}
