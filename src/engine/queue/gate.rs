//! Whether anything may be sent at all, and how much at a time.
//!
//! What one mutation suffers from (a server error, a rejection) is its lane's business. What all
//! of them would suffer from is here: no network, no login, a server that asks to slow down.
//! After such a trouble one is sent alone, and only when the server answered go the others.

use crate::engine::limits::{QUEUE_BACKOFF_FIRST, QUEUE_BACKOFF_MAX};
use crate::engine::rng::Rng;
use crate::engine::time::{Millis, Mono};

/// The gate of the queue.
#[derive(Debug)]
pub(super) struct Gate {
    state: State,
    /// What the browser believes about the network. It is a hint: true means nothing.
    online: bool,
    /// Logins that the server refused in a row.
    refused: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// As many as may be.
    Open,
    /// One alone, to see whether the trouble is over.
    Trial { failures: u32 },
    /// Nothing until then.
    Shut { until: Mono, failures: u32 },
    /// Nothing until there is a login.
    Auth,
}

/// What the gate shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    Open,
    Offline,
    Waiting(Mono),
    Auth,
}

impl Gate {
    pub(super) fn new(online: bool) -> Self {
        Gate {
            state: State::Trial { failures: 0 },
            online,
            refused: 0,
        }
    }

    /// How many may be on their way at a time.
    pub(super) fn limit(&self, usual: usize) -> usize {
        match (self.online, self.state) {
            (false, _) | (true, State::Shut { .. } | State::Auth) => 0,
            (true, State::Trial { .. }) => 1,
            (true, State::Open) => usual,
        }
    }

    pub(super) fn shows(&self) -> Shows {
        match (self.online, self.state) {
            (_, State::Auth) => Shows::Auth,
            (false, State::Open | State::Trial { .. } | State::Shut { .. }) => Shows::Offline,
            (true, State::Shut { until, .. }) => Shows::Waiting(until),
            (true, State::Open | State::Trial { .. }) => Shows::Open,
        }
    }

    /// The server answered something else than these troubles.
    pub(super) fn answered(&mut self) {
        match self.state {
            State::Trial { .. } => self.state = State::Open,
            // What was sent before it was shut does not open it.
            State::Open | State::Shut { .. } | State::Auth => {}
        }
    }

    /// The server accepted our login.
    pub(super) fn welcomed(&mut self) {
        self.refused = 0;
    }

    /// There was no answer. Gives the moment before which nothing is sent.
    pub(super) fn no_network(&mut self, now: Mono, rng: &mut Rng) -> Mono {
        let failures = match self.state {
            State::Open => 0,
            State::Trial { failures } => failures,
            // Several were on their way when the network went: that is one failure.
            State::Shut { until, .. } => return until,
            State::Auth => return now,
        };
        let until = now + backoff(failures, rng);
        let failures = failures.saturating_add(1);
        self.state = State::Shut { until, failures };
        until
    }

    /// The server asked everybody of us to wait.
    pub(super) fn slow_down(&mut self, now: Mono, asked: Option<Millis>, rng: &mut Rng) {
        let (failures, already) = match self.state {
            State::Open => (0, now),
            State::Trial { failures } => (failures, now),
            State::Shut { until, failures } => (failures, until),
            State::Auth => return,
        };
        // What was asked for is waited for in full, and the jitter comes on top.
        let until = now + asked.unwrap_or_default() + backoff(failures, rng);
        let until = until.max(already);
        let failures = failures.saturating_add(1);
        self.state = State::Shut { until, failures };
    }

    /// The server wants a login. True if that was not known yet.
    pub(super) fn unauthorized(&mut self) -> bool {
        let news = self.state != State::Auth;
        if news {
            self.refused = self.refused.saturating_add(1);
        }
        self.state = State::Auth;
        news
    }

    /// There is a new login. One that is refused again and again is tried ever more slowly.
    pub(super) fn authorized(&mut self, now: Mono, rng: &mut Rng) {
        if self.state != State::Auth {
            return;
        }
        self.state = match self.refused.checked_sub(2) {
            None => State::Trial { failures: 0 },
            Some(again) => State::Shut {
                until: now + backoff(again, rng),
                failures: 0,
            },
        };
    }

    /// The browser changed its mind about the network. True if there may be one now.
    pub(super) fn online(&mut self, online: bool) -> bool {
        let back = online && !self.online;
        self.online = online;
        if back {
            self.hurry();
        }
        back
    }

    /// The user, or the network, wants it now.
    pub(super) fn hurry(&mut self) {
        match self.state {
            State::Shut { failures, .. } => self.state = State::Trial { failures },
            State::Open | State::Trial { .. } | State::Auth => {}
        }
    }

    /// Time passed. True if one may be tried again.
    pub(super) fn tick(&mut self, now: Mono) -> bool {
        match self.state {
            State::Shut { until, failures } if until <= now => {
                self.state = State::Trial { failures };
                true
            }
            State::Shut { .. } | State::Open | State::Trial { .. } | State::Auth => false,
        }
    }

    pub(super) fn next_wakeup(&self) -> Option<Mono> {
        match (self.online, self.state) {
            (true, State::Shut { until, .. }) => Some(until),
            (true, State::Open | State::Trial { .. } | State::Auth) | (false, _) => None,
        }
    }
}

/// Full jitter: anything up to a bound that doubles with each failure.
pub(super) fn backoff(failures: u32, rng: &mut Rng) -> Millis {
    let doubled = QUEUE_BACKOFF_FIRST.0.saturating_mul(1 << failures.min(16));
    rng.jitter(Millis(doubled.min(QUEUE_BACKOFF_MAX.0)))
}

#[cfg(test)]
mod table;
#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: usize = 4;

    fn rng() -> Rng {
        Rng::new(1)
    }

    fn shut(gate: &Gate) -> Mono {
        match gate.shows() {
            Shows::Waiting(until) => until,
            other => panic!("{other:?}"),
        }
    }

    fn open() -> Gate {
        let mut gate = Gate::new(true);
        gate.answered();
        gate
    }

    #[test]
    fn after_a_trouble_one_goes_alone_until_the_server_answers() {
        let mut gate = open();
        assert_eq!(gate.limit(USUAL), USUAL);
        let until = gate.no_network(Mono(0), &mut rng());
        assert_eq!((gate.limit(USUAL), gate.next_wakeup()), (0, Some(until)));
        gate.answered();
        assert_eq!(
            gate.limit(USUAL),
            0,
            "what was sent before does not open it"
        );
        assert!(gate.tick(until));
        assert_eq!(gate.limit(USUAL), 1);
        gate.answered();
        assert_eq!(gate.limit(USUAL), USUAL);
    }

    #[test]
    fn many_that_fail_at_once_are_one_failure_and_waits_grow_to_a_bound() {
        let mut rng = rng();
        let mut gate = open();
        let until = gate.no_network(Mono(0), &mut rng);
        assert_eq!(gate.no_network(Mono(0), &mut rng), until);
        let mut longest = Millis(0);
        for round in 1..200 {
            let now = Mono(round * 1_000_000);
            gate.tick(now);
            longest = longest.max(gate.no_network(now, &mut rng).since(now));
        }
        assert!(longest <= QUEUE_BACKOFF_MAX && longest.0 > QUEUE_BACKOFF_MAX.0 * 9 / 10);
    }

    #[test]
    fn what_the_server_asks_for_is_waited_for_in_full() {
        let mut gate = open();
        gate.slow_down(Mono(0), Some(Millis::seconds(120)), &mut rng());
        let until = shut(&gate);
        assert!(until >= Mono(120_000) && until <= Mono(120_000) + QUEUE_BACKOFF_FIRST);
        gate.slow_down(Mono(0), Some(Millis(5)), &mut rng());
        assert_eq!(shut(&gate), until, "a shorter wait does not shorten it");
    }

    #[test]
    fn nothing_goes_without_a_login_and_it_is_asked_for_once() {
        let mut gate = open();
        assert!(gate.unauthorized());
        assert!(!gate.unauthorized());
        assert_eq!((gate.limit(USUAL), gate.next_wakeup()), (0, None));
        gate.hurry();
        gate.answered();
        gate.slow_down(Mono(0), None, &mut rng());
        gate.no_network(Mono(0), &mut rng());
        assert_eq!(gate.shows(), Shows::Auth);
        gate.authorized(Mono(0), &mut rng());
        assert_eq!(gate.limit(USUAL), 1);
    }

    #[test]
    fn a_login_that_is_refused_again_and_again_is_tried_ever_more_slowly() {
        let mut rng = rng();
        let mut gate = open();
        let mut longest = Millis(0);
        for round in 0..100 {
            let now = Mono(round * 1_000_000);
            gate.tick(now);
            assert!(gate.unauthorized());
            gate.authorized(now, &mut rng);
            if let Shows::Waiting(until) = gate.shows() {
                longest = longest.max(until.since(now));
            }
        }
        assert!(longest > Millis::seconds(20));
        gate.tick(Mono(u64::MAX));
        gate.welcomed();
        gate.unauthorized();
        gate.authorized(Mono(0), &mut rng);
        assert_eq!(gate.limit(USUAL), 1, "a login that held begins anew");
    }

    #[test]
    fn a_network_that_is_back_ends_the_wait() {
        let mut gate = open();
        gate.no_network(Mono(0), &mut rng());
        assert!(!gate.online(false));
        assert_eq!((gate.shows(), gate.next_wakeup()), (Shows::Offline, None));
        assert!(gate.online(true));
        assert!(!gate.online(true));
        assert_eq!(gate.limit(USUAL), 1);
    }
}
