//! How long to wait before the next dial.

use crate::engine::limits::{BACKOFF_FIRST, BACKOFF_MAX, RETRY_AFTER_MAX};
use crate::engine::rng::Rng;
use crate::engine::time::Millis;

/// Full jitter: anything up to a bound that doubles with each failure. A thousand pages that lost
/// one server at one moment come back spread over the whole span, not in waves.
pub(super) fn delay(failures: u32, asked: Option<Millis>, rng: &mut Rng) -> Millis {
    let doubled = BACKOFF_FIRST.0.saturating_mul(1u64 << failures.min(16));
    let own = rng.jitter(Millis(doubled.min(BACKOFF_MAX.0)));
    match asked {
        // What the server asked for is waited for in full, and the jitter comes on top.
        Some(asked) => Millis(asked.0.min(RETRY_AFTER_MAX.0) + own.0),
        None => own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_doubles_up_to_its_end() {
        let mut rng = Rng::new(7);
        for (failures, bound) in [(0, 500), (1, 1000), (3, 4000), (6, 30_000), (60, 30_000)] {
            let longest = (0..2000).map(|_| delay(failures, None, &mut rng).0).max();
            let longest = longest.unwrap_or(0);
            assert!(
                longest <= bound && longest > bound * 9 / 10,
                "{failures}: {longest}"
            );
        }
    }

    #[test]
    fn the_server_is_heard_within_reason() {
        let mut rng = Rng::new(7);
        let asked = delay(0, Some(Millis::seconds(120)), &mut rng);
        assert!(asked >= Millis::seconds(120) && asked <= Millis(120_500));
        assert!(delay(0, Some(Millis(u64::MAX)), &mut rng) <= Millis(RETRY_AFTER_MAX.0 + 500));
    }
}
