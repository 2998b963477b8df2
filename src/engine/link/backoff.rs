//! How long to wait before the next dial.

use crate::engine::limits::{BACKOFF_FIRST, BACKOFF_MAX};
use crate::engine::rng::Rng;
use crate::engine::time::Millis;

/// The longest wait after so many failures. It doubles with each.
pub(super) fn bound(failures: u32) -> Millis {
    let doubled = BACKOFF_FIRST.0.saturating_mul(1u64 << failures.min(16));
    Millis(doubled.min(BACKOFF_MAX.0))
}

/// Full jitter: anything up to the bound. A thousand pages that lost one server at one moment
/// come back spread over the whole span, not in waves.
pub(super) fn delay(failures: u32, rng: &mut Rng) -> Millis {
    rng.jitter(bound(failures))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_doubles_up_to_its_end() {
        let mut rng = Rng::new(7);
        for (failures, bound) in [
            (0, 500),
            (1, 1000),
            (3, 4000),
            (6, 30_000),
            (u32::MAX, 30_000),
        ] {
            let longest = (0..2000).map(|_| delay(failures, &mut rng).0).max();
            let longest = longest.unwrap_or(0);
            assert!(
                longest <= bound && longest > bound * 9 / 10,
                "{failures}: {longest}"
            );
        }
    }
}
