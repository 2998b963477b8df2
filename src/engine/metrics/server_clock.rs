//! What the server's clock says, as far as it can be known from here.
//!
//! The welcome carries the server's time; it was said at some moment between our greeting and the
//! welcome's arrival. The monotonic clock carries it on, so that neither a wall clock of ours that
//! is wrong nor one that somebody sets has a part in it (the server may be ten minutes off, too).

use crate::engine::time::{Millis, Mono, Wall};

/// An estimate of the server's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ServerClock {
    greeted: Option<Mono>,
    asked: Option<Mono>,
    /// The shortest way to the server and back on this connection.
    round_trip: Option<Millis>,
    /// What the server's clock said, and when that arrived.
    said: Option<(Wall, Mono)>,
}

impl ServerClock {
    /// A new connection: this tab greets the server.
    pub(super) fn greeted(&mut self, now: Mono) {
        *self = ServerClock {
            greeted: Some(now),
            ..ServerClock::default()
        };
    }

    /// The server welcomes us and says what time it is.
    pub(super) fn welcomed(&mut self, now: Mono, server: Option<u64>) {
        self.said = server.map(|server| (Wall(server), now));
        if let Some(greeted) = self.greeted.take() {
            self.took(now.since(greeted));
        }
    }

    /// This tab asks for a sign of life.
    pub(super) fn asked(&mut self, now: Mono) {
        self.asked = Some(now);
    }

    /// The server gave it.
    pub(super) fn answered(&mut self, now: Mono) {
        if let Some(asked) = self.asked.take() {
            self.took(now.since(asked));
        }
    }

    fn took(&mut self, span: Millis) {
        // The shortest one had the least waiting in it.
        self.round_trip = Some(self.round_trip.map_or(span, |have| have.min(span)));
    }

    /// The shortest way to the server and back on this connection.
    pub(super) fn round_trip(&self) -> Option<Millis> {
        self.round_trip
    }

    /// What the server's clock says now; nothing if it never told.
    pub(super) fn now(&self, now: Mono) -> Option<Wall> {
        let (said, heard) = self.said?;
        let way = Millis(self.round_trip.unwrap_or_default().0 / 2);
        Some(said + way + now.since(heard))
    }

    /// How long ago something happened by the server's clock. Nothing if that cannot be known, or
    /// if it happened before this connection: then it waited for us, and is no latency.
    pub(super) fn age(&self, now: Mono, happened: u64) -> Option<Millis> {
        let (said, _) = self.said?;
        if happened < said.0 {
            return None;
        }
        // What seems to come from the future is off by less than the way here: no time at all.
        Some(Millis(self.now(now)?.0.saturating_sub(happened)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Greeted at 1000, welcomed at 1100: the way takes 50.
    fn clock() -> ServerClock {
        let mut clock = ServerClock::default();
        clock.greeted(Mono(1000));
        clock.welcomed(Mono(1100), Some(600_000_000));
        clock
    }

    #[test]
    fn a_server_that_is_off_is_understood_by_its_own_clock() {
        assert_eq!(clock().now(Mono(1100)), Some(Wall(600_000_050)));
        assert_eq!(clock().now(Mono(2100)), Some(Wall(600_001_050)));
        assert_eq!(clock().age(Mono(2100), 600_001_000), Some(Millis(50)));
    }

    #[test]
    fn a_shorter_way_makes_a_better_estimate() {
        let mut clock = clock();
        clock.asked(Mono(2000));
        clock.answered(Mono(2020));
        clock.answered(Mono(2021));
        assert_eq!(clock.round_trip(), Some(Millis(20)));
        assert_eq!(clock.now(Mono(1100)), Some(Wall(600_000_010)));
        clock.asked(Mono(3000));
        clock.answered(Mono(9000));
        assert_eq!(clock.round_trip(), Some(Millis(20)));
    }

    #[test]
    fn what_waited_for_us_and_what_cannot_be_known_is_no_latency() {
        assert_eq!(clock().age(Mono(1100), 599_999_999), None);
        assert_eq!(clock().age(Mono(1100), 600_000_060), Some(Millis(0)));
        assert_eq!(ServerClock::default().age(Mono(1), 1), None);
        let mut silent = ServerClock::default();
        silent.greeted(Mono(0));
        silent.welcomed(Mono(10), None);
        assert_eq!(silent.now(Mono(10)), None);
    }

    #[test]
    fn nothing_overflows_whatever_a_server_says() {
        let mut clock = ServerClock::default();
        clock.welcomed(Mono(0), Some(u64::MAX));
        assert_eq!(clock.now(Mono(u64::MAX)), Some(Wall(u64::MAX)));
        assert_eq!(clock.age(Mono(5), u64::MAX), Some(Millis(0)));
    }
}
