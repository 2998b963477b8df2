//! Looks by HTTP whether the server is there, so that one dial follows one sign of it.
//!
//! A browser throttles a page that dials in vain, and says nothing of why a dial failed: a server
//! that is down, a proxy that refuses sockets and a login that ended all look like code 1006. A
//! plain request costs little and its status tells them apart.
//!
//! Not every page can see the answers: a server of another origin has to allow it. Whether looks
//! are worth anything is therefore learned, by one look while there is a link: it has to find
//! the server, and one that does not was blind.

use crate::engine::http::Sight;
use crate::engine::limits::{
    BACKOFF_MAX, RECONNECT_DEBOUNCE, SCOUT_OFFLINE, SCOUT_QUICK, SCOUT_QUICK_FOR, SCOUT_STEADY,
    SCOUT_STEADY_FOR,
};
use crate::engine::rng::Rng;
use crate::engine::time::{Millis, Mono};

/// What a look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// Nothing answers.
    Absent,
    /// Something answers that is not able to serve us now.
    Busy {
        /// How long it asks us to stay away.
        asked: Option<Millis>,
    },
    /// The server does not accept who we are.
    Unauthorized,
    /// The server is there.
    Here {
        /// After what time it wants to be dialled, if it says so.
        after: Option<Millis>,
    },
}

/// The looks of one tab.
#[derive(Debug)]
pub(super) struct Scout {
    eye: Eye,
    /// Whether this eye has ever seen the server.
    proven: bool,
    /// Whether it missed the server since the last time it saw it.
    missed: bool,
    look: Look,
    /// When the outage began that is going on.
    begun: Option<Mono>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Eye {
    /// Sees status and body.
    Full,
    /// Sees that there is an answer.
    Presence,
    /// Sees nothing: looks are of no use.
    Blind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    None,
    Open,
    Next(Mono),
}

impl Scout {
    /// Nothing is known yet; or that looks are of no use.
    pub(super) fn new(looks: bool) -> Self {
        Scout {
            eye: if looks { Eye::Full } else { Eye::Blind },
            proven: false,
            missed: false,
            look: Look::None,
            begun: None,
        }
    }

    /// Are looks of no use here?
    pub(super) fn is_blind(&self) -> bool {
        self.eye == Eye::Blind
    }

    /// Can it be relied on that the server is not there?
    pub(super) fn sees_nothing(&self) -> bool {
        self.proven && self.missed
    }

    /// There is no link, and a dial was in vain if there was none before.
    pub(super) fn outage(&mut self, now: Mono) {
        self.begun.get_or_insert(now);
    }

    /// Look after a pause.
    pub(super) fn look_at(&mut self, at: Mono) {
        if !self.is_blind() {
            self.look = Look::Next(at);
        }
    }

    /// There is a reason to look sooner.
    pub(super) fn hurry(&mut self, now: Mono) {
        let soon = now + RECONNECT_DEBOUNCE;
        // What was so for hours may be over with that.
        self.begun = Some(now);
        match self.look {
            Look::Next(at) => self.look = Look::Next(at.min(soon)),
            Look::None => self.look_at(soon),
            Look::Open => {}
        }
    }

    /// Do not look any more. True if a look is under way, which is to be given up.
    pub(super) fn rest(&mut self) -> bool {
        std::mem::replace(&mut self.look, Look::None) == Look::Open
    }

    /// Is it time to look? Then do, with as much of the answer as can be seen.
    pub(super) fn due(&mut self, now: Mono) -> Option<Sight> {
        match (self.look, self.eye) {
            (Look::Next(at), Eye::Full) if at <= now => {
                self.look = Look::Open;
                Some(Sight::Full)
            }
            (Look::Next(at), Eye::Presence) if at <= now => {
                self.look = Look::Open;
                Some(Sight::Presence)
            }
            (Look::None | Look::Open | Look::Next(_), _) => None,
        }
    }

    /// A look is over. False if it was given up before.
    pub(super) fn saw(&mut self, sighting: Sighting) -> bool {
        if self.look != Look::Open {
            return false;
        }
        self.look = Look::None;
        self.missed = sighting == Sighting::Absent;
        self.proven |= !self.missed;
        true
    }

    /// Looks again, later the longer the outage lasts.
    pub(super) fn look_again(&mut self, now: Mono, online: bool, rng: &mut Rng) {
        let lasted = self.begun.map_or(Millis(0), |begun| now.since(begun));
        let mut pause = if lasted < SCOUT_QUICK_FOR {
            SCOUT_QUICK
        } else if lasted < SCOUT_STEADY_FOR {
            SCOUT_STEADY
        } else {
            Millis((lasted.0 / 8).clamp(SCOUT_STEADY.0, BACKOFF_MAX.0))
        };
        if !online {
            pause = pause.max(SCOUT_OFFLINE);
        }
        // A quarter more or less, so that pages do not look in step.
        let pause = Millis(pause.0 - pause.0 / 4 + rng.jitter(Millis(pause.0 / 2)).0);
        self.look_at(now + pause);
    }

    /// There is a link.
    pub(super) fn linked(&mut self) {
        self.missed = false;
        self.begun = None;
    }

    /// The link is good. If this eye has never seen the server, it has to see it now.
    pub(super) fn prove(&mut self, now: Mono) {
        if !self.proven {
            self.look_at(now);
        }
    }

    /// A look while there is a link is over. If it did not see the server, this eye is blind.
    pub(super) fn saw_while_linked(&mut self, now: Mono, sighting: Sighting) {
        if !self.saw(sighting) {
            return;
        }
        if self.missed {
            self.eye = match self.eye {
                Eye::Full => Eye::Presence,
                Eye::Presence | Eye::Blind => Eye::Blind,
            };
            self.proven = false;
            self.look_at(now + RECONNECT_DEBOUNCE);
        }
    }

    /// When something is to be done, if nothing else happens.
    pub(super) fn next_wakeup(&self) -> Option<Mono> {
        match self.look {
            Look::Next(at) => Some(at),
            Look::None | Look::Open => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Sighting = Sighting::Here { after: None };

    #[test]
    fn looks_are_quick_at_first_and_rare_in_the_end() {
        let mut rng = Rng::new(1);
        let mut scout = Scout::new(true);
        scout.outage(Mono(0));
        scout.look_at(Mono(0));
        let mut now = Mono(0);
        let mut looks = Vec::new();
        while now < Mono(3_600_000) {
            now = scout.next_wakeup().unwrap_or(Mono(u64::MAX));
            assert_eq!(scout.due(now), Some(Sight::Full));
            assert!(scout.saw(Sighting::Absent));
            scout.look_again(now, true, &mut rng);
            looks.push(now.0);
        }
        let before = |ms: u64| looks.iter().filter(|at| **at < ms).count();
        assert!((5..=9).contains(&before(1000)), "{}", before(1000));
        assert!((20..=32).contains(&before(10_000)), "{}", before(10_000));
        assert!(before(3_600_000) < 250, "{}", before(3_600_000));
    }

    #[test]
    fn a_dial_in_vain_does_not_begin_the_outage_anew_but_a_reason_to_look_does() {
        let pause = |scout: &mut Scout, now: Mono| {
            scout.look_again(now, true, &mut Rng::new(1));
            scout
                .next_wakeup()
                .map(|at| at.since(now))
                .unwrap_or_default()
        };
        let mut scout = Scout::new(true);
        scout.outage(Mono(0));
        scout.outage(Mono(5000));
        assert!(pause(&mut scout, Mono(5001)) > Millis(SCOUT_STEADY.0 / 2));
        scout.hurry(Mono(6000));
        assert!(pause(&mut scout, Mono(6001)) < Millis(SCOUT_STEADY.0 / 2));
        scout.linked();
        scout.outage(Mono(900_000));
        assert!(pause(&mut scout, Mono(900_001)) < Millis(SCOUT_STEADY.0 / 2));
    }

    #[test]
    fn without_a_network_it_looks_seldom() {
        let mut rng = Rng::new(1);
        let mut scout = Scout::new(true);
        scout.outage(Mono(0));
        scout.look_again(Mono(0), false, &mut rng);
        assert!(scout.next_wakeup() >= Some(Mono(SCOUT_OFFLINE.0 * 3 / 4)));
        scout.hurry(Mono(100));
        assert_eq!(scout.next_wakeup(), Some(Mono(100) + RECONNECT_DEBOUNCE));
    }

    #[test]
    fn an_eye_that_misses_a_server_that_is_there_is_blind() {
        let mut scout = Scout::new(true);
        let look = |scout: &mut Scout, now: u64| {
            let sight = scout.due(Mono(now));
            scout.saw_while_linked(Mono(now), Sighting::Absent);
            sight
        };
        scout.look_at(Mono(0));
        scout.due(Mono(0));
        scout.saw(Sighting::Absent);
        assert!(!scout.sees_nothing(), "it has never seen it");
        scout.linked();
        scout.prove(Mono(10));
        assert_eq!(look(&mut scout, 10), Some(Sight::Full));
        assert_eq!(look(&mut scout, 60), Some(Sight::Presence));
        assert!(scout.is_blind());
        assert_eq!(scout.next_wakeup(), None);
        scout.look_at(Mono(200));
        assert_eq!(scout.due(Mono(200)), None);
    }

    #[test]
    fn an_eye_that_has_seen_it_is_believed_when_it_sees_nothing() {
        let mut scout = Scout::new(true);
        for (sighting, nothing) in [(HERE, false), (Sighting::Absent, true), (HERE, false)] {
            scout.look_at(Mono(0));
            scout.due(Mono(0));
            assert!(scout.saw(sighting));
            assert_eq!(scout.sees_nothing(), nothing);
        }
        scout.linked();
        scout.prove(Mono(10));
        assert_eq!(scout.next_wakeup(), None, "there is nothing to find out");
    }

    #[test]
    fn a_look_that_was_given_up_says_nothing() {
        let mut scout = Scout::new(true);
        scout.look_at(Mono(0));
        scout.due(Mono(0));
        assert!(scout.rest());
        assert!(!scout.rest());
        assert!(!scout.saw(Sighting::Absent));
        assert!(!scout.sees_nothing());
    }
}
