//! How often to look: a pure function of the health of the link (RT4).
//!
//! Every pace is a list of phases, each with the moment it begins and its interval; the smallest
//! interval that has begun is in force. So when the next look is due is known at once, also when
//! the pace will change before it.

use crate::engine::limits::{EVENT_AGING, EVENT_OLD};
use crate::engine::time::{Millis, Mono};

/// How often to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poll {
    /// Not by the clock.
    Never,
    /// Just often enough for the window.
    Window,
    /// At this interval, whatever the link does.
    Every(Millis),
    /// The more often, the less the link tells.
    ByHealth(Pace),
}

/// Intervals by the health of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Connected, and something was heard a moment ago.
    pub fresh: Millis,
    /// Connected, and the last event is some time ago.
    pub aging: Millis,
    /// Connected, and nothing was heard for long.
    pub old: Millis,
    /// Not connected, or not well.
    pub down: Millis,
}

/// What the link can be relied on for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Connected since that moment.
    Live {
        /// Since when.
        since: Mono,
    },
    /// Not connected, or degraded. The pace changes at `from` only: all pages lose a server at
    /// one moment, and shall not all look at the next.
    Down {
        /// From when on to look often.
        from: Mono,
    },
}

/// The phases of a pace. What is not in use begins never.
pub type Phases = [(Mono, Millis); 4];

const NEVER: (Mono, Millis) = (Mono(u64::MAX), Millis(u64::MAX));

impl Poll {
    /// The smallest interval that is asked for.
    pub fn fastest(self) -> Option<Millis> {
        match self {
            Poll::Never | Poll::Window => None,
            Poll::Every(every) => Some(every),
            Poll::ByHealth(pace) => Some(pace.fresh.min(pace.aging).min(pace.old).min(pace.down)),
        }
    }

    /// The phases, for a link of this health on which the last event came at `event`, so that no
    /// interval is longer than `most`.
    pub fn phases(self, health: Health, event: Option<Mono>, most: Option<Millis>) -> Phases {
        let mut phases = [NEVER; 4];
        let always = |span| (Mono(0), span);
        match self {
            Poll::Never => return phases,
            Poll::Window => {}
            Poll::Every(every) => phases[1] = always(every),
            Poll::ByHealth(pace) => {
                let (live, down) = match health {
                    Health::Live { since } => (event.map_or(since, |event| event.max(since)), None),
                    Health::Down { from } => (event.unwrap_or_default(), Some(from)),
                };
                phases[0] = always(pace.fresh);
                phases[1] = (live + EVENT_AGING, pace.aging);
                phases[2] = (live + EVENT_OLD, pace.old);
                if let Some(from) = down {
                    phases[3] = (from, pace.down);
                }
            }
        }
        if let Some(most) = most {
            // The first phase has always begun: no look is later than the window allows.
            phases[0] = match phases[0] {
                (Mono(0), span) => always(span.min(most)),
                _ => always(most),
            };
        }
        phases
    }
}

/// The interval at a moment; nothing if there is no look by the clock.
pub fn interval(phases: &Phases, at: Mono) -> Option<Millis> {
    let begun = phases
        .iter()
        .filter(|(from, _)| *from <= at && *from < NEVER.0);
    begun.map(|(_, span)| *span).min()
}

/// When to look, if what is known was `age` old at the moment `at`.
pub fn due(phases: &Phases, at: Mono, age: Millis) -> Option<Mono> {
    let phases = phases.iter().filter(|(from, _)| *from < NEVER.0);
    let moment = |(from, span): &(Mono, Millis)| {
        let left = Millis(span.0.saturating_sub(age.0));
        (at + left).max(*from)
    };
    phases.map(moment).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PACE: Pace = Pace {
        fresh: Millis(30_000),
        aging: Millis(15_000),
        old: Millis(10_000),
        down: Millis(5_000),
    };

    #[test]
    fn rt4_the_interval_by_the_health_of_the_link() {
        let live = Health::Live { since: Mono(0) };
        let down = Health::Down {
            from: Mono(1_000_000),
        };
        let event = Some(Mono(1_000_000));
        let auto = Poll::ByHealth(PACE);
        for (poll, health, event, most, at, expected) in [
            // Connected, and the last event younger than 30 s: 30 s.
            (auto, live, event, None, 1_000_000, Some(30_000)),
            (auto, live, event, None, 1_029_999, Some(30_000)),
            // Connected, and events aging: 15 s, then 10 s.
            (auto, live, event, None, 1_030_000, Some(15_000)),
            (auto, live, event, None, 1_059_999, Some(15_000)),
            (auto, live, event, None, 1_060_000, Some(10_000)),
            (auto, live, None, None, 1_000, Some(30_000)),
            (auto, live, None, None, 1_000_000, Some(10_000)),
            // Down or degraded: 5 s, once its spread is over.
            (auto, down, event, None, 999_999, Some(30_000)),
            (auto, down, event, None, 1_000_000, Some(5_000)),
            (auto, down, None, None, 1_000_000, Some(5_000)),
            // The window is the longest.
            (auto, live, event, Some(20_000), 1_000_000, Some(20_000)),
            (auto, live, event, Some(20_000), 1_030_000, Some(15_000)),
            (
                Poll::Window,
                live,
                event,
                Some(58_000),
                1_000_000,
                Some(58_000),
            ),
            (Poll::Window, live, event, None, 1_000_000, None),
            // A number is a number.
            (
                Poll::Every(Millis(30_000)),
                down,
                None,
                None,
                2_000_000,
                Some(30_000),
            ),
            (
                Poll::Every(Millis(30_000)),
                live,
                None,
                Some(28_000),
                0,
                Some(28_000),
            ),
            (Poll::Never, down, None, Some(1), 2_000_000, None),
        ] {
            let phases = poll.phases(health, event, most.map(Millis));
            let found = interval(&phases, Mono(at));
            assert_eq!(
                found,
                expected.map(Millis),
                "{poll:?} {health:?} {event:?} {most:?} {at}"
            );
        }
    }

    #[test]
    fn nothing_is_due_without_a_pace() {
        let live = Health::Live { since: Mono(0) };
        assert_eq!(
            due(&Poll::Never.phases(live, None, None), Mono(0), Millis(0)),
            None
        );
    }

    proptest! {
        /// The moment that is named is the first at which the interval has passed.
        #[test]
        fn the_next_look_is_at_the_first_moment_at_which_its_interval_has_passed(
            which in 0u8..3, base in 0u64..200, event in prop::option::of(0u64..200), since in 0u64..200,
            down: bool, most in prop::option::of(1u64..120), spans in prop::array::uniform4(1u64..120),
        ) {
            let second = |n: u64| Millis::seconds(n);
            let moment = |n: u64| Mono(n * 1000);
            let [fresh, aging, old, slow] = spans.map(second);
            let poll = match which {
                0 => Poll::Window,
                1 => Poll::Every(fresh),
                _ => Poll::ByHealth(Pace { fresh, aging, old, down: slow }),
            };
            let health = if down {
                Health::Down { from: moment(since) }
            } else {
                Health::Live { since: moment(since) }
            };
            let phases = poll.phases(health, event.map(moment), most.map(second));
            let passed = |at: u64| interval(&phases, moment(at)).is_some_and(|span| span <= second(at - base));
            let first = (base..base + 400).find(|at| passed(*at)).map(moment);
            let first = first.map(|first| first.max(moment(base + 5)));
            prop_assert_eq!(due(&phases, moment(base + 5), second(5)), first);
        }
    }
}
