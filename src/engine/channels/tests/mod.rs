//! The part alone.

#![allow(clippy::unwrap_used)]

mod event;
#[cfg(feature = "phoenix")]
mod missed;
mod property;
mod server;
mod table;
mod tabs;
mod watch;

use super::*;
use crate::engine::limits::{
    HELD_EVENTS_MAX, JOIN_BURST, MISSING_TIMEOUT, REJOIN_FIRST, REJOIN_MAX, REJOIN_STABLE,
    SUBSCRIBE_TIMEOUT,
};
use crate::engine::rng::Rng;
use crate::wire::{Recovery, Refusal};

const TAB: TabId = TabId(7);

/// The part with what the engine keeps for it.
struct Bench {
    part: Channels,
    last: RequestId,
    now: Mono,
}

impl Bench {
    fn new() -> Bench {
        Bench::with(Settings::default())
    }

    fn with(settings: Settings) -> Bench {
        Bench {
            part: Channels::new(settings),
            last: RequestId(0),
            now: Mono(1000),
        }
    }

    /// With channel `c` subscribed at 5.
    fn following() -> Bench {
        let mut bench = Bench::new();
        bench.part.watch(bench.now, "c").unwrap();
        bench.part.link_up();
        assert_eq!(bench.steps(), [subscribe(1, "c", None)]);
        bench.confirm(1, "c", at(5), Recovery::NotAsked);
        assert_eq!(bench.steps(), [place("c", at(5), Before::Whole), gap("c")]);
        bench
    }

    /// A follower with channel `c`, which its leader has at 5.
    fn led() -> Bench {
        let mut bench = Bench::new();
        bench.part.watch(bench.now, "c").unwrap();
        bench.part.leader_has(bench.now, &[want("c", at(5))]);
        assert_eq!(bench.steps(), [gap("c")]);
        bench
    }

    fn steps(&mut self) -> Vec<Step> {
        let (part, last, now) = (&mut self.part, &mut self.last, self.now);
        std::iter::from_fn(|| part.poll(now, last)).collect()
    }

    fn confirm(&mut self, request: u64, name: &str, at: Option<Position>, recovery: Recovery) {
        let request = Some(RequestId(request));
        self.part.subscribed(self.now, request, name, at, recovery);
    }

    fn event(&mut self, name: &str, seq: u64) -> Verdict {
        let text = || Rc::from(text(name, seq).as_str());
        let mut text = text;
        self.part.event(self.now, name, Some(Seq(seq)), &mut text)
    }

    fn wait(&mut self, span: Millis) {
        self.now = self.now + span;
        self.part.tick(self.now);
    }

    /// Lets time pass as the engine does: from one wake-up to the next.
    fn run(&mut self, span: Millis) -> Vec<(Millis, Step)> {
        let begin = self.now;
        let end = self.now + span;
        let mut out = Vec::new();
        let mut wakeups = 0;
        loop {
            self.part.tick(self.now);
            let steps = self.steps();
            out.extend(steps.into_iter().map(|step| (self.now.since(begin), step)));
            match self.part.next_wakeup() {
                Some(at) if at <= end => self.now = at.max(self.now + Millis(1)),
                _ => break,
            }
            wakeups += 1;
            assert!(wakeups < 10_000, "it wakes up for nothing");
        }
        self.now = end;
        out
    }

    fn refuse(&mut self, request: u64, code: &str, retry_after_ms: Option<u64>) -> bool {
        let refusal = Refusal {
            request: Some(RequestId(request)),
            channel: None,
            code: code.to_owned(),
            message: String::new(),
            retry_after_ms,
        };
        self.part.refused(self.now, &refusal, &mut Rng::new(3))
    }

    fn state(&self, name: &str) -> Option<State> {
        let mut all = self.part.iter();
        all.find(|(have, ..)| *have == name)
            .map(|(_, state, _)| state)
    }
}

fn text(name: &str, seq: u64) -> String {
    format!("{name}{seq}")
}

fn at(seq: u64) -> Option<Position> {
    Some(Position::new("E", Seq(seq)))
}

fn want(name: &str, position: Option<Position>) -> Want {
    (name.to_owned(), position)
}

fn subscribe(request: u64, name: &str, position: Option<Position>) -> Step {
    Step::Subscribe {
        request: RequestId(request),
        channel: name.into(),
        position,
    }
}

fn unsubscribe(name: &str) -> Step {
    Step::Unsubscribe {
        channel: name.into(),
    }
}

fn gap(name: &str) -> Step {
    Step::Gap {
        channel: name.into(),
    }
}

fn place(name: &str, position: Option<Position>, before: Before) -> Step {
    Step::Place {
        channel: name.into(),
        position,
        before,
    }
}

fn deliver(name: &str, seq: u64) -> Step {
    Step::Deliver {
        text: text(name, seq).as_str().into(),
        mine: true,
    }
}

fn ask(name: &str, position: Option<Position>) -> Step {
    Step::AskLeader {
        channel: name.into(),
        position,
    }
}

fn refused(name: &str, why: Why) -> Step {
    Step::Refused {
        channel: name.into(),
        why,
    }
}
