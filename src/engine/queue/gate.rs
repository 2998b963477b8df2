//! Whether anything may be sent at all, and how much at a time.
//!
//! What one mutation suffers from (a server error, a rejection) is its lane's business. What all
//! of them would suffer from is here: no network, no login, a server that asks to slow down.
//! After such a trouble one is sent alone, and only when the server answered go the others.

use crate::engine::limits::{
    QUEUE_BACKOFF_FIRST, QUEUE_BACKOFF_MAX, QUEUE_LOGIN_FIRST, QUEUE_LOGIN_MAX,
};
use crate::engine::rng::Rng;
use crate::engine::time::{Millis, Mono};

/// The gate of the queue.
#[derive(Debug)]
pub(super) struct Gate {
    state: State,
    /// The server asked to slow down: nothing before then, whatever else is well again.
    calm: Option<Mono>,
    /// What the browser believes about the network. It is a hint: true means nothing.
    online: bool,
    /// Logins that the server refused in a row.
    refused: u32,
    /// Counts the logins.
    login: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// As many as may be.
    Open,
    /// One alone, to see whether the trouble is over.
    Trial { failures: u32 },
    /// Nothing until then.
    Shut { until: Mono, failures: u32 },
    /// Nothing until there is a login, or one may have come that nobody told us of.
    Auth { until: Mono },
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
            calm: None,
            online,
            refused: 0,
            login: 0,
        }
    }

    /// How many may be on their way at a time.
    pub(super) fn limit(&self, usual: usize) -> usize {
        match self.state {
            _ if !self.online || self.calm.is_some() => 0,
            State::Shut { .. } | State::Auth { .. } => 0,
            State::Trial { .. } => 1,
            State::Open => usual,
        }
    }

    pub(super) fn shows(&self) -> Shows {
        match (self.state, self.calm) {
            (State::Auth { .. }, _) => Shows::Auth,
            (State::Open | State::Trial { .. } | State::Shut { .. }, _) if !self.online => {
                Shows::Offline
            }
            (State::Shut { until, .. }, calm) => {
                Shows::Waiting(calm.map_or(until, |c| c.max(until)))
            }
            (State::Open | State::Trial { .. }, Some(calm)) => Shows::Waiting(calm),
            (State::Open | State::Trial { .. }, None) => Shows::Open,
        }
    }

    /// The server answered something else than these troubles.
    pub(super) fn answered(&mut self) {
        match self.state {
            State::Trial { .. } => self.state = State::Open,
            // What was sent before it was shut does not open it.
            State::Open | State::Shut { .. } | State::Auth { .. } => {}
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
            State::Auth { .. } => return now,
        };
        let until = now + backoff(failures, rng);
        let failures = failures.saturating_add(1);
        self.state = State::Shut { until, failures };
        until
    }

    /// The server asked everybody of us to wait. Gives until when.
    pub(super) fn slow_down(&mut self, now: Mono, asked: Option<Millis>, rng: &mut Rng) -> Mono {
        let failures = match &mut self.state {
            State::Open => {
                self.state = State::Trial { failures: 1 };
                0
            }
            State::Trial { failures } | State::Shut { failures, .. } => {
                *failures = failures.saturating_add(1);
                *failures - 1
            }
            State::Auth { .. } => 0,
        };
        // What was asked for is waited for in full, and the jitter comes on top.
        let until = now + asked.unwrap_or_default() + backoff(failures, rng);
        self.keep_calm(until)
    }

    /// Another tab was asked to wait until then, or we were. Gives until when in all.
    pub(super) fn keep_calm(&mut self, until: Mono) -> Mono {
        let until = self.calm.map_or(until, |calm| calm.max(until));
        self.calm = Some(until);
        until
    }

    /// Before which moment the server wants nothing.
    pub(super) fn calm(&self) -> Option<Mono> {
        self.calm
    }

    /// Under which login something is sent now.
    pub(super) fn login(&self) -> u32 {
        self.login
    }

    /// The server wants a login, for something that was sent under one of ours. True if that was
    /// not known yet.
    pub(super) fn unauthorized(&mut self, now: Mono, login: u32) -> bool {
        // What was sent before the last login says nothing about it.
        if matches!(self.state, State::Auth { .. }) || login != self.login {
            return false;
        }
        let wait = QUEUE_LOGIN_FIRST.0.saturating_mul(1 << self.refused.min(8));
        let until = now + Millis(wait.min(QUEUE_LOGIN_MAX.0));
        self.refused = self.refused.saturating_add(1);
        self.state = State::Auth { until };
        true
    }

    /// There is a new login. One that is refused again and again is tried ever more slowly.
    pub(super) fn authorized(&mut self, now: Mono, rng: &mut Rng) {
        self.login = self.login.wrapping_add(1);
        if !matches!(self.state, State::Auth { .. }) {
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
            self.network_back();
        }
        back
    }

    /// The user wants it now.
    pub(super) fn hurry(&mut self) {
        self.calm = None;
        self.network_back();
    }

    /// There is a network again. That is no answer to a server that asked for calm. True if that
    /// was waited for.
    pub(super) fn network_back(&mut self) -> bool {
        match self.state {
            State::Shut { failures, .. } => {
                self.state = State::Trial { failures };
                true
            }
            State::Open | State::Trial { .. } | State::Auth { .. } => false,
        }
    }

    /// Time passed. True if one may be tried again.
    pub(super) fn tick(&mut self, now: Mono) -> bool {
        let calm = self.calm.is_some_and(|until| until <= now);
        if calm {
            self.calm = None;
        }
        match self.state {
            State::Shut { until, failures } if until <= now => {
                self.state = State::Trial { failures };
                true
            }
            State::Auth { until } if until <= now => {
                self.login = self.login.wrapping_add(1);
                self.state = State::Trial { failures: 0 };
                true
            }
            State::Open | State::Trial { .. } => calm,
            State::Shut { .. } | State::Auth { .. } => false,
        }
    }

    pub(super) fn next_wakeup(&self) -> Option<Mono> {
        let until = match self.state {
            State::Shut { until, .. } | State::Auth { until } => Some(until),
            State::Open | State::Trial { .. } => None,
        };
        let parts = [self.calm, until];
        let next = parts.into_iter().flatten().min();
        next.filter(|_| self.online)
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
        gate.online(false);
        gate.online(true);
        gate.network_back();
        assert_eq!(shut(&gate), until, "a network that is back does not");
        gate.unauthorized(Mono(0), gate.login());
        gate.authorized(Mono(0), &mut rng());
        assert_eq!(shut(&gate), until, "nor does a login");
        assert!(!gate.tick(Mono(119_999)) && gate.tick(until));
        assert_eq!(gate.limit(USUAL), 1, "one alone shows whether it is over");
    }

    #[test]
    fn nothing_goes_without_a_login_and_it_is_asked_for_once() {
        let mut gate = open();
        assert!(gate.unauthorized(Mono(0), gate.login()));
        assert!(!gate.unauthorized(Mono(0), gate.login()));
        assert_eq!(gate.limit(USUAL), 0);
        gate.hurry();
        gate.answered();
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
            assert!(gate.unauthorized(now, gate.login()));
            gate.authorized(now, &mut rng);
            if let Shows::Waiting(until) = gate.shows() {
                longest = longest.max(until.since(now));
            }
        }
        assert!(longest > Millis::seconds(20));
        gate.tick(Mono(u64::MAX));
        gate.welcomed();
        gate.unauthorized(Mono(0), gate.login());
        gate.authorized(Mono(0), &mut rng);
        assert_eq!(gate.limit(USUAL), 1, "a login that held begins anew");
    }

    #[test]
    fn a_refusal_of_what_was_sent_before_the_login_says_nothing_about_it() {
        let mut gate = open();
        let before = gate.login();
        gate.authorized(Mono(0), &mut rng());
        assert!(!gate.unauthorized(Mono(0), before));
        assert_eq!(gate.limit(USUAL), USUAL);
        assert!(gate.unauthorized(Mono(0), gate.login()));
    }

    #[test]
    fn a_login_that_nobody_told_us_of_is_found_ever_more_slowly() {
        let mut gate = open();
        let mut now = Mono(0);
        let mut waits = Vec::new();
        for _ in 0..12 {
            assert!(gate.unauthorized(now, gate.login()));
            let until = gate.next_wakeup().unwrap_or(Mono(0));
            assert!(!gate.tick(Mono(until.0 - 1)) && gate.tick(until));
            assert_eq!(gate.limit(USUAL), 1);
            waits.push(until.since(now));
            now = until;
        }
        assert_eq!(waits.first(), Some(&QUEUE_LOGIN_FIRST));
        assert_eq!(waits.last(), Some(&QUEUE_LOGIN_MAX));
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
