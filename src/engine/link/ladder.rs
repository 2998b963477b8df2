//! Which transport to dial with, and when to try the better one again.
//!
//! It goes down only while the server is in sight: when nothing answers at all, the transport is
//! not to blame, and every rung would fail alike. It goes up by trials beside the connection that
//! works, with a pause that grows.

use crate::engine::limits::{DIAL_GAP, TRANSPORT_STRIKES, UPGRADE_FIRST, UPGRADE_MAX};
use crate::engine::rng::Rng;
use crate::engine::status::Transport;
use crate::engine::time::{Millis, Mono};

/// The transports that may be used, the best first, and where we stand.
#[derive(Debug)]
pub(super) struct Ladder {
    rungs: Vec<Transport>,
    at: usize,
    strikes: u8,
    /// Before the next trial of a better rung.
    pause: Millis,
    /// Which rung the next trial is for. Trials take turns, or a socket that is blocked for ever
    /// would keep us from the stream that is not.
    trial: usize,
    /// The next connection on a lower rung is to be followed by a trial at once.
    asked: bool,
}

/// How much a failure says against a transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strike {
    /// It was refused, or did not hold: may be chance.
    Soft,
    /// It hangs, or the server does not have it.
    Hard,
}

impl Ladder {
    /// At the top of a ladder; one without rungs is a socket.
    pub(super) fn new(rungs: &[Transport]) -> Self {
        let mut rungs = rungs.to_vec();
        if rungs.is_empty() {
            rungs.push(Transport::Socket);
        }
        Ladder {
            rungs,
            at: 0,
            strikes: 0,
            pause: UPGRADE_FIRST,
            trial: 0,
            asked: false,
        }
    }

    /// The transport to dial with.
    pub(super) fn current(&self) -> Transport {
        self.rung(self.at)
    }

    fn rung(&self, at: usize) -> Transport {
        self.rungs.get(at).copied().unwrap_or(Transport::Socket)
    }

    /// Is it below the best?
    pub(super) fn is_low(&self) -> bool {
        self.at > 0
    }

    /// Another tab found this transport good.
    pub(super) fn remember(&mut self, transport: Transport) {
        if let Some(at) = self.rungs.iter().position(|have| *have == transport) {
            self.at = at;
            self.strikes = 0;
        }
    }

    /// The transport failed with the server in sight. Below the lowest rung it begins at the top
    /// again: whatever was in the way of the others may be gone by then. True if there is a lower one
    /// that was not tried yet.
    pub(super) fn strike(&mut self, strike: Strike) -> bool {
        self.strikes = match strike {
            Strike::Soft => self.strikes.saturating_add(1),
            Strike::Hard => TRANSPORT_STRIKES,
        };
        if self.strikes < TRANSPORT_STRIKES {
            return false;
        }
        self.strikes = 0;
        self.at = (self.at + 1) % self.rungs.len().max(1);
        self.is_low()
    }

    /// The connection was stable.
    pub(super) fn proved(&mut self) {
        self.strikes = 0;
        if self.at == 0 {
            self.pause = UPGRADE_FIRST;
        }
    }

    /// When to try a better transport, on a connection that was made now.
    pub(super) fn plan_trial(&mut self, now: Mono, rng: &mut Rng) -> Option<Mono> {
        if std::mem::take(&mut self.asked) && self.is_low() {
            return Some(now + DIAL_GAP);
        }
        // Between half and all of the pause: pages behind one firewall do not try together.
        let half = Millis(self.pause.0 / 2);
        self.is_low().then(|| now + half + rng.jitter(half))
    }

    /// The transport of the trial that is due.
    pub(super) fn trial(&self) -> Transport {
        self.rung(if self.trial < self.at { self.trial } else { 0 })
    }

    /// The trial failed: the next is for the next rung, and later.
    pub(super) fn trial_failed(&mut self) {
        self.trial = if self.trial + 1 < self.at {
            self.trial + 1
        } else {
            0
        };
        self.pause = Millis(self.pause.0.saturating_mul(2).min(UPGRADE_MAX.0));
    }

    /// The trial succeeded: this is the transport from now on.
    pub(super) fn trial_won(&mut self, transport: Transport) {
        self.trial = 0;
        self.remember(transport);
    }

    /// The network is another one: what was blocked in the old one need not be in this.
    pub(super) fn forget_pause(&mut self) {
        self.pause = UPGRADE_FIRST;
    }

    /// Somebody asked for a new connection. It begins with the transport that works, because the
    /// better one may still be blocked; but who asks does not wait for the next turn to find out.
    pub(super) fn ask(&mut self) {
        self.forget_pause();
        self.trial = 0;
        self.asked = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Transport; 3] = [Transport::Socket, Transport::Stream, Transport::Poll];

    #[test]
    fn chance_has_to_happen_three_times_and_a_hang_once() {
        let mut ladder = Ladder::new(&ALL);
        assert!(!ladder.strike(Strike::Soft) && !ladder.strike(Strike::Soft));
        assert_eq!(ladder.current(), Transport::Socket);
        assert!(ladder.strike(Strike::Soft));
        assert_eq!(ladder.current(), Transport::Stream);
        assert!(ladder.strike(Strike::Hard));
        assert_eq!(ladder.current(), Transport::Poll);
        assert!(!ladder.strike(Strike::Hard));
        assert_eq!(ladder.current(), Transport::Socket, "all failed: again");
    }

    #[test]
    fn a_good_connection_pays_for_earlier_strikes() {
        let mut ladder = Ladder::new(&ALL);
        for _ in 0..10 {
            ladder.strike(Strike::Soft);
            ladder.strike(Strike::Soft);
            ladder.proved();
        }
        assert_eq!(ladder.current(), Transport::Socket);
    }

    #[test]
    fn the_better_ones_are_tried_in_turn_with_a_growing_pause() {
        let mut rng = Rng::new(1);
        let mut ladder = Ladder::new(&ALL);
        assert_eq!(ladder.plan_trial(Mono(0), &mut rng), None);
        ladder.remember(Transport::Poll);
        let mut tried = Vec::new();
        let mut longest = Millis(0);
        for _ in 0..12 {
            let at = ladder.plan_trial(Mono(0), &mut rng).map(|at| at.0);
            assert!(at >= Some(ladder.pause.0 / 2) && at <= Some(ladder.pause.0));
            assert!(ladder.pause >= longest && ladder.pause <= UPGRADE_MAX);
            longest = ladder.pause;
            tried.push(ladder.trial());
            ladder.trial_failed();
        }
        assert_eq!(tried.first(), Some(&Transport::Socket));
        assert_eq!(tried.get(1), Some(&Transport::Stream));
        assert_eq!(longest, UPGRADE_MAX);
        ladder.trial_won(Transport::Stream);
        assert_eq!(ladder.current(), Transport::Stream);
        assert_eq!(ladder.trial(), Transport::Socket);
        ladder.trial_won(Transport::Socket);
        ladder.proved();
        assert_eq!(ladder.pause, UPGRADE_FIRST);
    }

    #[test]
    fn one_rung_is_all_there_is() {
        let mut ladder = Ladder::new(&[]);
        ladder.strike(Strike::Hard);
        assert_eq!(ladder.current(), Transport::Socket);
        ladder.remember(Transport::Poll);
        assert!(!ladder.is_low());
    }
}
