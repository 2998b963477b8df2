//! Is the leader still there? What a follower asks itself.
//!
//! A frozen page keeps its lock, and nobody is told. So a tab that can be seen asks a leader that
//! has been silent, and judges by its own clock, which is not throttled. One tab asks for all: each
//! hears the question and the answer, and judges by itself. It knows no locks: it says when to ask
//! and when to take the lock by force.

use crate::engine::limits::{
    ASK_LATE, ASK_MISSES, ASK_SPARE, ASK_TIMEOUT, LEADER_SILENCE, STEAL_SPREAD,
};
use crate::engine::rng::Rng;
use crate::engine::time::{Millis, Mono};

/// Where the watching stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watch {
    /// This tab cannot be seen, so its clock is no judge.
    Off,
    /// The leader was heard not long ago.
    Calm {
        /// When it is asked.
        ask_at: Mono,
    },
    /// The leader was asked.
    Asked {
        /// Questions before this one that were not answered.
        misses: u32,
        /// When the answer is overdue.
        until: Mono,
    },
    /// The leader did not answer.
    Striking {
        /// When the lock is taken, if nobody else did before.
        at: Mono,
    },
}

/// What comes of a look at the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing.
    Wait,
    /// Ask the leader.
    Ask,
    /// Ask the leader again, and believe whoever answers: the one we know may be gone.
    Doubt,
    /// Take the lock.
    Steal,
}

impl Watch {
    /// A tab that was just asked to show who leads, by a hello or by coming into view.
    pub(super) fn asked(now: Mono) -> Watch {
        Watch::Asked {
            misses: 0,
            until: now + ASK_TIMEOUT,
        }
    }

    /// The leader was heard. Where another tab asks it, this one leaves that to it.
    pub(super) fn calm(now: Mono, visible: bool, other_asks: bool) -> Watch {
        let spare = if other_asks { ASK_SPARE } else { Millis(0) };
        if visible {
            Watch::Calm {
                ask_at: now + LEADER_SILENCE + spare,
            }
        } else {
            Watch::Off
        }
    }

    /// Another tab asked the leader, and its answer counts for this one too. One that was heard
    /// just now may have answered already.
    pub(super) fn other_asked(&mut self, now: Mono) {
        if let Watch::Calm { ask_at } = *self
            && ask_at <= now + Millis(LEADER_SILENCE.0 / 2)
        {
            *self = Watch::asked(now);
        }
    }

    /// Something was said to which the leader has an answer. Without one it is asked soon.
    pub(super) fn expects(&mut self, now: Mono) {
        if let Watch::Calm { ask_at } = self {
            *ask_at = (*ask_at).min(now + ASK_TIMEOUT);
        }
    }

    /// The tab that asked does so no more.
    pub(super) fn other_stopped(&mut self) {
        if let Watch::Calm { ask_at } = self {
            *ask_at = Mono(ask_at.0.saturating_sub(ASK_SPARE.0));
        }
    }

    /// Time passed.
    pub(super) fn look(&mut self, now: Mono, visible: bool, rng: &mut Rng) -> Look {
        match *self {
            Watch::Calm { ask_at } if ask_at <= now => {
                *self = Watch::asked(now);
                Look::Ask
            }
            Watch::Asked { misses, until } if until <= now => {
                if visible && now > until + ASK_LATE {
                    // We slept. What was said meanwhile is yet to be heard.
                    *self = Watch::asked(now);
                    return Look::Ask;
                }
                let misses = misses.saturating_add(1);
                if misses < ASK_MISSES {
                    let until = now + ASK_TIMEOUT;
                    *self = Watch::Asked { misses, until };
                } else if visible {
                    let at = now + rng.jitter(STEAL_SPREAD);
                    *self = Watch::Striking { at };
                    return Look::Wait;
                } else {
                    *self = Watch::Off;
                    return Look::Wait;
                }
                Look::Doubt
            }
            Watch::Striking { at } if at <= now => {
                if now > at + ASK_LATE {
                    *self = Watch::asked(now);
                    return Look::Ask;
                }
                *self = Watch::asked(now);
                Look::Steal
            }
            Watch::Off | Watch::Calm { .. } | Watch::Asked { .. } | Watch::Striking { .. } => {
                Look::Wait
            }
        }
    }

    /// When to look again.
    pub(super) fn next_look(self) -> Option<Mono> {
        match self {
            Watch::Off => None,
            Watch::Calm { ask_at: at }
            | Watch::Asked { until: at, .. }
            | Watch::Striking { at } => Some(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(watch: &mut Watch, ms: u64) -> Look {
        watch.look(Mono(ms), true, &mut Rng::new(1))
    }

    #[test]
    fn who_waits_for_an_answer_asks_sooner() {
        let mut watch = Watch::calm(Mono(0), true, false);
        watch.expects(Mono(100));
        assert_eq!(look(&mut watch, 2099), Look::Wait);
        assert_eq!(look(&mut watch, 2100), Look::Ask);
        let mut watch = Watch::calm(Mono(0), true, false);
        watch.expects(Mono(9000));
        assert_eq!(look(&mut watch, 10_000), Look::Ask, "and never later");
        let mut watch = Watch::calm(Mono(0), false, false);
        watch.expects(Mono(9000));
        assert_eq!(watch, Watch::Off, "who cannot be seen is no judge");
    }

    #[test]
    fn a_silent_leader_is_asked_three_times_and_then_replaced() {
        let mut watch = Watch::calm(Mono(0), true, false);
        assert_eq!(look(&mut watch, 9999), Look::Wait);
        assert_eq!(look(&mut watch, 10_000), Look::Ask);
        assert_eq!(look(&mut watch, 11_999), Look::Wait);
        assert_eq!(look(&mut watch, 12_000), Look::Doubt);
        assert_eq!(look(&mut watch, 14_000), Look::Doubt);
        assert_eq!(look(&mut watch, 16_000), Look::Wait);
        let at = watch.next_look().map_or(0, |at| at.0);
        assert!((16_000..=16_500).contains(&at), "{at}");
        assert_eq!(look(&mut watch, at), Look::Steal);
    }

    #[test]
    fn whoever_slept_does_not_judge() {
        let mut watch = Watch::calm(Mono(0), true, false);
        assert_eq!(look(&mut watch, 10_000), Look::Ask);
        assert_eq!(look(&mut watch, 100_000), Look::Ask);
        assert_eq!(look(&mut watch, 102_000), Look::Doubt);
        assert_eq!(look(&mut watch, 104_000), Look::Doubt);
        assert_eq!(look(&mut watch, 106_000), Look::Wait);
        assert_eq!(
            look(&mut watch, 200_000),
            Look::Ask,
            "asleep before the strike"
        );
    }

    #[test]
    fn a_hidden_tab_may_doubt_but_never_strikes() {
        let mut rng = Rng::new(1);
        let mut watch = Watch::asked(Mono(0));
        let mut looks = Vec::new();
        for minute in 1..10 {
            looks.push(watch.look(Mono(minute * 60_000), false, &mut rng));
        }
        assert_eq!(
            looks.get(..3),
            Some([Look::Doubt, Look::Doubt, Look::Wait].as_slice())
        );
        assert_eq!(watch, Watch::Off);
        assert_eq!(watch.next_look(), None);
        assert_eq!(Watch::calm(Mono(0), false, false), Watch::Off);
    }
}
