//! The part as a whole: promises, and faults by their numbers.

#![allow(clippy::unwrap_used)]

mod calm;
mod families;
mod index;
mod ledger;
mod targets;
mod worlds;

use super::*;
use crate::engine::limits::WINDOW;
use crate::engine::limits::{GAP_SPREAD, GAP_SPREAD_VISIBLE};
use crate::engine::time::Wall;
use crate::wire::json;

/// The part, and the clock and the chance that it is given.
struct Bench {
    part: Invalidation,
    rng: Rng,
    now: u64,
}

fn key(text: &str) -> QueryKey {
    QueryKey::new(json::parse(text).unwrap()).unwrap()
}

fn texts(stale: Vec<Stale>) -> Vec<String> {
    let keys = stale.into_iter().flat_map(|stale| stale.keys);
    keys.map(|key| key.text().to_owned()).collect()
}

impl Bench {
    fn new(routes: &str) -> Bench {
        let mut part = Invalidation::default();
        for route in route::read_routes(json::parse(routes).unwrap()).unwrap() {
            part.route(&route).unwrap();
        }
        let rng = Rng::new(7);
        // Not zero, so that something can be before.
        let now = 1_000_000;
        Bench { part, rng, now }
    }

    fn mono(&self) -> Mono {
        Mono(self.now)
    }

    fn flush(&mut self) -> Flushed {
        self.part.flush(self.mono(), &mut self.rng)
    }

    /// The keys to be refetched now.
    fn refetch(&mut self) -> Vec<String> {
        texts(self.flush().refetch)
    }

    /// The families that are told now.
    fn stale(&mut self) -> Vec<String> {
        texts(self.flush().stale)
    }

    /// The keys to be refetched from now on, with the moments as spans from now.
    fn refetches_within(&mut self, span: Millis) -> Vec<(u64, String)> {
        let (from, until) = (self.now, self.now + span.0);
        let mut out = Vec::new();
        loop {
            out.extend(self.refetch().into_iter().map(|key| (self.now - from, key)));
            match self.part.next_wakeup() {
                Some(next) if next.0 <= until => {
                    assert!(next.0 > self.now, "it wants to be woken in the past");
                    self.now = next.0;
                }
                _ => break,
            }
        }
        self.now = until;
        out
    }

    fn event_of(&mut self, name: &str, data: &str, ours: bool) -> Outcome {
        let happening = Happening {
            name,
            channel: "c",
            data,
            ours,
        };
        self.part.event(self.mono(), &happening)
    }

    fn event(&mut self, name: &str) {
        self.event_of(name, "null", false);
    }

    fn report(&mut self, key: &str, phase: Phase) -> Reported {
        let report = Report {
            key: self::key(key),
            phase,
            host: None,
        };
        let now = Now {
            mono: self.mono(),
            wall: Wall(1_445_412_480_000),
        };
        self.part.report(now, &report, &mut self.rng)
    }

    fn observe(&mut self, key: &str) {
        self.look(key, true);
    }

    fn look(&mut self, key: &str, visible: bool) {
        let active = true;
        self.report(
            key,
            Phase::Observe {
                active,
                visible,
                age: None,
            },
        );
    }

    fn start(&mut self, key: &str) {
        self.report(
            key,
            Phase::Start {
                fetch: None,
                age: None,
            },
        );
    }

    fn success(&mut self, key: &str) {
        self.report(
            key,
            Phase::Success {
                fetch: None,
                version: None,
            },
        );
    }

    fn success_of(&mut self, key: &str, version: &str) {
        let version = Version::read(json::parse(version).unwrap());
        self.report(
            key,
            Phase::Success {
                fetch: None,
                version,
            },
        );
    }

    fn failure(&mut self, key: &str) {
        self.report(
            key,
            Phase::Failure {
                fetch: None,
                retry_after: None,
            },
        );
    }

    /// A fetch that takes a while, from start to end.
    fn fetch(&mut self, key: &str, takes: u64) {
        self.start(key);
        self.now += takes;
        self.success(key);
    }
}
