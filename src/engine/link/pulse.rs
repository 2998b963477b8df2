//! Is the other side still there?
//!
//! Silence is no proof of death: a throttled page hears late, and a frozen one not at all. So
//! silence, waking up and doubt lead to a question, and only a question that stays without an
//! answer, in a page that was there to hear it, ends the connection.

use crate::engine::limits::{
    MEASURE_EVERY, PROBE_TIMEOUT, SILENCE_GRACE, SLOW_AFTER, SLOW_UNTIL, STALE_BURST,
};
use crate::engine::time::{Millis, Mono};

/// The signs of life of one connection.
#[derive(Debug)]
pub(super) struct Pulse {
    asks: Asks,
    /// The page was away when a sign should have come, and so waits once more.
    excused: bool,
    /// Silence for longer than this leads to a question.
    patience: Millis,
    heard: Mono,
    question: Question,
    /// When the round trip was measured last.
    measured: Option<Mono>,
    slow: bool,
}

/// When we ask for a sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asks {
    /// Only the server may: silence is death.
    Never,
    /// When the server has been silent for long.
    InSilence,
    /// Whatever the server says, because it waits for it. The last time was then.
    Regularly(Mono),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    None,
    Open {
        /// The number of the question; none until it is on its way.
        number: Option<u64>,
        at: Mono,
        until: Mono,
        /// Whether the page was away when the answer should have come, and so waits once more.
        again: bool,
    },
}

/// Why a question is asked: some answers are urgent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// There is reason to doubt the connection.
    Doubt,
    /// Only to measure the round trip, or because it is time.
    Measure,
}

/// What time says about a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing speaks against it.
    Alive,
    /// A question has to be asked.
    Ask(Why),
    /// It is dead.
    Dead,
}

impl Pulse {
    /// A connection that was just made, to a server that gives a sign of life this often.
    pub(super) fn new(now: Mono, ping: Millis) -> Self {
        Pulse {
            asks: Asks::InSilence,
            excused: false,
            patience: Millis(ping.0.saturating_add(SILENCE_GRACE.0)),
            heard: now,
            question: Question::None,
            measured: None,
            slow: false,
        }
    }

    /// The same, to a server that asks this often, gives up so long after it, and may not be asked.
    pub(super) fn listening(now: Mono, ping: Millis, timeout: Option<Millis>) -> Self {
        let timeout = timeout.unwrap_or(SILENCE_GRACE);
        Pulse {
            asks: Asks::Never,
            patience: Millis(ping.0.saturating_add(timeout.0)),
            ..Pulse::new(now, ping)
        }
    }

    /// The same, to a server that never asks and has to be asked this often.
    pub(super) fn asking(now: Mono, every: Millis) -> Self {
        Pulse {
            asks: Asks::Regularly(now),
            patience: every,
            ..Pulse::new(now, every)
        }
    }

    /// Anything came.
    pub(super) fn heard(&mut self, now: Mono) {
        self.heard = now;
        self.excused = false;
    }

    /// A question is wanted. True if it has to be sent; none is sent while one is open, but an
    /// urgent one makes the open one urgent.
    pub(super) fn ask(&mut self, now: Mono, why: Why) -> bool {
        if self.asks == Asks::Never {
            return false;
        }
        let patience = match why {
            Why::Doubt => PROBE_TIMEOUT,
            Why::Measure => self.patience,
        };
        match &mut self.question {
            Question::None => {
                if let Asks::Regularly(last) = &mut self.asks {
                    *last = now;
                }
                self.question = Question::Open {
                    number: None,
                    at: now,
                    until: now + patience,
                    again: false,
                };
                true
            }
            Question::Open { until, .. } => {
                *until = (*until).min(now + patience);
                false
            }
        }
    }

    /// The question is on its way under this number.
    pub(super) fn asked(&mut self, as_number: u64) {
        if let Question::Open { number, .. } = &mut self.question {
            *number = Some(as_number);
        }
    }

    /// An answer came, to a question of this moment. One to an older question says nothing.
    pub(super) fn answered(&mut self, now: Mono, to: u64) -> Option<Mono> {
        if let Question::Open { number, at, .. } = self.question
            && number == Some(to)
        {
            let took = now.since(at);
            self.question = Question::None;
            self.measured = Some(now);
            self.slow = if self.slow {
                took >= SLOW_UNTIL
            } else {
                took >= SLOW_AFTER
            };
            return Some(at);
        }
        None
    }

    /// Is it time to measure the round trip again?
    pub(super) fn measure_is_due(&self, now: Mono) -> bool {
        self.measured
            .is_none_or(|at| now.since(at) >= MEASURE_EVERY)
    }

    /// Are answers slow to come?
    pub(super) fn is_slow(&self) -> bool {
        self.slow
    }

    /// The page was away for so long. What came meanwhile may only now be delivered, so an answer
    /// that is overdue is waited for once more.
    pub(super) fn away(&mut self, now: Mono) {
        if self.asks == Asks::Never && !self.excused && now >= self.heard + self.patience {
            self.excused = true;
            self.heard = Mono((now + PROBE_TIMEOUT).0.saturating_sub(self.patience.0));
        }
        if let Question::Open { until, again, .. } = &mut self.question
            && *until <= now
            && !*again
        {
            *again = true;
            *until = now + PROBE_TIMEOUT;
        }
    }

    /// Time passed.
    pub(super) fn tick(&mut self, now: Mono) -> Verdict {
        match self.question {
            Question::None if now >= self.due() => match self.asks {
                Asks::InSilence => Verdict::Ask(Why::Doubt),
                // The answer may take as long as the next question: it may stand behind what takes long.
                Asks::Regularly(_) => Verdict::Ask(Why::Measure),
                Asks::Never => Verdict::Dead,
            },
            Question::None => Verdict::Alive,
            Question::Open { at, until, .. } => {
                if now >= at + SLOW_AFTER {
                    self.slow = true;
                }
                if now < until {
                    Verdict::Alive
                } else if self.heard >= at + STALE_BURST {
                    // It speaks but does not answer; perhaps the answer stands behind much else.
                    self.question = Question::None;
                    Verdict::Alive
                } else {
                    Verdict::Dead
                }
            }
        }
    }

    /// When silence has lasted for too long, or it is time to ask.
    fn due(&self) -> Mono {
        match self.asks {
            Asks::Regularly(last) => last + self.patience,
            Asks::Never | Asks::InSilence => self.heard + self.patience,
        }
    }

    /// When something is to be done, if nothing else happens.
    pub(super) fn next_wakeup(&self) -> Mono {
        match self.question {
            Question::None => self.due(),
            Question::Open { at, until, .. } if !self.slow => until.min(at + SLOW_AFTER),
            Question::Open { until, .. } => until,
        }
    }
}

#[cfg(test)]
mod table;
#[cfg(test)]
mod tests {
    use super::*;

    const PING: Millis = Millis::seconds(25);
    const PATIENCE: u64 = 35_000;

    fn asked() -> Pulse {
        let mut pulse = Pulse::new(Mono(0), PING);
        assert_eq!(pulse.tick(Mono(PATIENCE - 1)), Verdict::Alive);
        assert_eq!(pulse.next_wakeup(), Mono(PATIENCE));
        assert_eq!(pulse.tick(Mono(PATIENCE)), Verdict::Ask(Why::Doubt));
        assert!(pulse.ask(Mono(PATIENCE), Why::Doubt));
        pulse.asked(1);
        pulse
    }

    #[test]
    fn silence_is_a_question_and_no_answer_is_death() {
        let mut pulse = asked();
        let until = PATIENCE + PROBE_TIMEOUT.0;
        assert_eq!(pulse.tick(Mono(until - 1)), Verdict::Alive);
        assert_eq!(pulse.next_wakeup(), Mono(until));
        assert_eq!(pulse.tick(Mono(until)), Verdict::Dead);
    }

    #[test]
    fn an_answer_is_life() {
        let mut pulse = asked();
        pulse.heard(Mono(PATIENCE + 80));
        pulse.answered(Mono(PATIENCE + 80), 7);
        let later = Mono(PATIENCE + PROBE_TIMEOUT.0);
        assert!(pulse.measure_is_due(later), "that was another question");
        pulse.answered(Mono(PATIENCE + 80), 1);
        assert!(!pulse.is_slow());
        assert_eq!(pulse.tick(Mono(PATIENCE + 30_000)), Verdict::Alive);
        assert!(!pulse.measure_is_due(Mono(PATIENCE + 30_000)));
        assert!(pulse.measure_is_due(Mono(PATIENCE + 80 + MEASURE_EVERY.0)));
    }

    #[test]
    fn a_side_that_speaks_but_does_not_answer_lives() {
        let mut pulse = asked();
        pulse.heard(Mono(PATIENCE + STALE_BURST.0));
        let until = PATIENCE + PROBE_TIMEOUT.0;
        assert_eq!(pulse.tick(Mono(until)), Verdict::Alive);
        assert!(pulse.is_slow());
    }

    #[test]
    fn what_waited_for_a_frozen_page_is_no_sign_of_life() {
        let mut pulse = asked();
        pulse.heard(Mono(PATIENCE + STALE_BURST.0 - 1));
        assert_eq!(pulse.tick(Mono(PATIENCE + PROBE_TIMEOUT.0)), Verdict::Dead);
    }

    #[test]
    fn a_page_that_was_away_waits_once_more_for_the_answer_but_only_once() {
        let mut pulse = asked();
        let back = Mono(PATIENCE + 60_000);
        pulse.away(back);
        assert_eq!(pulse.tick(back), Verdict::Alive);
        let again = Mono(back.0 + 60_000);
        pulse.away(again);
        assert_eq!(pulse.tick(again), Verdict::Dead);
    }

    #[test]
    fn a_slow_answer_is_told_before_it_comes_and_until_a_quick_one() {
        let mut pulse = Pulse::new(Mono(0), PING);
        assert!(pulse.ask(Mono(0), Why::Measure));
        pulse.asked(1);
        assert_eq!(pulse.next_wakeup(), Mono(SLOW_AFTER.0));
        pulse.tick(Mono(SLOW_AFTER.0));
        assert!(pulse.is_slow());
        pulse.answered(Mono(3000), 1);
        assert!(pulse.is_slow());
        for (number, at, took, slow) in [
            (2, 10_000, 1500, true),
            (3, 20_000, 900, false),
            (4, 30_000, 1500, false),
        ] {
            pulse.ask(Mono(at), Why::Measure);
            pulse.asked(number);
            pulse.answered(Mono(at + took), number);
            assert_eq!(pulse.is_slow(), slow, "{took}");
        }
    }

    #[test]
    fn where_only_the_server_may_ask_nothing_is_asked_and_silence_is_death() {
        let timeout = Millis::seconds(20);
        let mut pulse = Pulse::listening(Mono(0), PING, Some(timeout));
        assert!(!pulse.ask(Mono(0), Why::Doubt));
        assert_eq!(pulse.tick(Mono(44_999)), Verdict::Alive);
        assert_eq!(pulse.next_wakeup(), Mono(45_000));
        assert_eq!(pulse.tick(Mono(45_000)), Verdict::Dead);
        pulse.heard(Mono(30_000));
        assert_eq!(pulse.tick(Mono(74_999)), Verdict::Alive);
        assert_eq!(pulse.tick(Mono(75_000)), Verdict::Dead);
        assert!(!pulse.is_slow(), "no round trip is known");
    }

    #[test]
    fn where_only_the_server_may_ask_a_page_that_was_away_waits_once_more() {
        let mut pulse = Pulse::listening(Mono(0), PING, Some(Millis::seconds(20)));
        let back = Mono(100_000);
        pulse.away(back);
        assert_eq!(pulse.tick(back), Verdict::Alive);
        let until = back + PROBE_TIMEOUT;
        assert_eq!(pulse.next_wakeup(), until);
        let again = Mono(200_000);
        pulse.away(again);
        assert_eq!(pulse.tick(again), Verdict::Dead);
        // What waited for the page to come back is a sign of life.
        pulse.heard(again);
        pulse.away(again);
        assert_eq!(pulse.tick(again), Verdict::Alive);
    }

    #[test]
    fn a_server_that_waits_to_be_asked_is_asked_whatever_it_says() {
        let mut pulse = Pulse::asking(Mono(0), PING);
        pulse.heard(Mono(24_000));
        assert_eq!(pulse.next_wakeup(), Mono(25_000));
        assert_eq!(pulse.tick(Mono(24_999)), Verdict::Alive);
        assert_eq!(pulse.tick(Mono(25_000)), Verdict::Ask(Why::Measure));
        assert!(pulse.ask(Mono(25_000), Why::Measure));
        pulse.asked(1);
        pulse.answered(Mono(25_100), 1);
        assert_eq!(pulse.tick(Mono(49_999)), Verdict::Alive);
        assert_eq!(pulse.tick(Mono(50_000)), Verdict::Ask(Why::Measure));
        assert!(pulse.ask(Mono(50_000), Why::Measure));
        // It has as long to answer as there is between two questions.
        assert_eq!(pulse.tick(Mono(74_999)), Verdict::Alive);
        assert_eq!(pulse.tick(Mono(75_000)), Verdict::Dead);
        // One that speaks is asked once more.
        pulse.heard(Mono(60_000));
        assert_eq!(pulse.tick(Mono(75_000)), Verdict::Alive);
        assert_eq!(pulse.tick(Mono(75_000)), Verdict::Ask(Why::Measure));
    }

    #[test]
    fn doubt_makes_an_open_question_urgent() {
        let mut pulse = Pulse::new(Mono(0), PING);
        assert!(pulse.ask(Mono(0), Why::Measure));
        assert!(!pulse.ask(Mono(100), Why::Doubt), "one question at a time");
        assert_eq!(pulse.tick(Mono(100 + PROBE_TIMEOUT.0)), Verdict::Dead);
    }
}
