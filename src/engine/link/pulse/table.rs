//! The states of the pulse, beside everything that can happen to it.

use super::{Pulse, Question, Verdict, Why};
use crate::engine::limits::{PROBE_TIMEOUT, SLOW_AFTER, STALE_BURST};
use crate::engine::tests::states::{Page, cases, cell};
use crate::engine::time::{Millis, Mono};

cases! {
    enum Is {
        Quiet => "well",
        Slow => "slow",
        Wanted => "to be asked",
        Asked => "asked",
        AskedSlow => "asked, slow",
        Again => "waits once more",
    }
}

cases! {
    enum Happens {
        Heard => "something is heard",
        Doubt => "there is doubt",
        Measure => "the round trip is to be measured",
        Sent => "the question is on its way",
        Answered => "the answer comes at once",
        AnsweredLate => "the answer comes after 3 seconds",
        AnsweredOld => "an older question is answered",
        Away => "the page was away past the end of its patience",
        Silence => "35 seconds pass in silence",
        Little => "2 seconds pass",
        NoAnswer => "the patience with the question ends",
        NoAnswerButNoise => "it ends, and other things were heard",
    }
}

const NOW: Mono = Mono(1_000_000);

fn is(pulse: &Pulse) -> Is {
    match (pulse.question, pulse.slow) {
        (Question::None, false) => Is::Quiet,
        (Question::None, true) => Is::Slow,
        (Question::Open { again: true, .. }, _) => Is::Again,
        (Question::Open { number: None, .. }, _) => Is::Wanted,
        (Question::Open { .. }, false) => Is::Asked,
        (Question::Open { .. }, true) => Is::AskedSlow,
    }
}

/// A pulse in a state; a question was asked just now.
fn pulse(state: Is) -> Pulse {
    let mut pulse = Pulse::new(NOW, Millis::seconds(25));
    match state {
        Is::Quiet => {}
        Is::Slow => pulse.slow = true,
        Is::Wanted | Is::Asked | Is::AskedSlow | Is::Again => {
            assert!(pulse.ask(NOW, Why::Doubt));
        }
    }
    match state {
        Is::Quiet | Is::Slow | Is::Wanted => {}
        Is::Asked => pulse.asked(1),
        Is::AskedSlow => {
            pulse.asked(1);
            pulse.slow = true;
        }
        Is::Again => {
            pulse.asked(1);
            pulse.away(NOW + PROBE_TIMEOUT);
        }
    }
    assert_eq!(is(&pulse), state);
    pulse
}

fn happen(input: Happens, pulse: &mut Pulse) -> &'static str {
    let sent = |sent| if sent { "ask" } else { "" };
    let verdict = |verdict| match verdict {
        Verdict::Alive => "",
        Verdict::Ask(_) => "ask",
        Verdict::Dead => "give it up",
    };
    let end = match pulse.question {
        Question::Open { until, .. } => until,
        Question::None => NOW + PROBE_TIMEOUT,
    };
    match input {
        Happens::Heard => pulse.heard(NOW + Millis(10)),
        Happens::Doubt => return sent(pulse.ask(NOW, Why::Doubt)),
        Happens::Measure => return sent(pulse.ask(NOW, Why::Measure)),
        Happens::Sent => pulse.asked(1),
        Happens::Answered => drop(pulse.answered(NOW + Millis(10), 1)),
        Happens::AnsweredLate => drop(pulse.answered(NOW + Millis::seconds(3), 1)),
        Happens::AnsweredOld => drop(pulse.answered(NOW + Millis(10), 77)),
        Happens::Away => pulse.away(end + Millis(1)),
        Happens::Silence => return verdict(pulse.tick(NOW + Millis::seconds(35))),
        Happens::Little => return verdict(pulse.tick(NOW + SLOW_AFTER)),
        Happens::NoAnswer => return verdict(pulse.tick(end)),
        Happens::NoAnswerButNoise => {
            pulse.heard(NOW + STALE_BURST);
            return verdict(pulse.tick(end));
        }
    }
    ""
}

#[test]
fn the_states_of_the_pulse_are_as_written() {
    Page::new(
        "pulse.md",
        "The pulse",
        "Is the other side of a connection there? [`link/pulse.rs`](../../src/engine/link/pulse.rs). \
         The server pings every 25 seconds; the question, where there is one, was asked just now \
         because of a doubt.",
    )
    .table("What follows, and what is done:", |state: Is, input: Happens| {
        let mut pulse = pulse(state);
        let before = (state, Some(pulse.next_wakeup()));
        let done = happen(input, &mut pulse);
        let done = Some(done).filter(|done| !done.is_empty());
        let after = (is(&pulse), Some(pulse.next_wakeup()));
        cell(before, after, done.map(str::to_owned).into_iter().collect())
    })
    .check(include_str!("../../../../docs/states/pulse.md"));
}
