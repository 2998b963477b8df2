//! Random worlds: a server whose data changes, events that tell of it later, a cache that fetches
//! when it is told or when it likes to, answers that are as old as they can be.

use super::*;
use crate::engine::limits::FETCH_LOST_AFTER;
use crate::engine::rng::Rng;
use proptest::prelude::*;

const KEYS: [&str; 4] = ["[\"a\"]", "[\"a\",1]", "[\"a\",2]", "[\"b\"]"];
/// Event, payload, and which of the keys it is about.
const EVENTS: [(&str, &str, [bool; 4]); 3] = [
    ("all", "null", [true, true, true, false]),
    ("one", "{\"id\":1}", [false, true, false, false]),
    ("one", "{}", [true, true, true, false]),
];
const ROUTES: &str = r#"{"all":[["a"]],"one":[["a","$.id"]]}"#;

#[derive(Clone, Debug)]
enum Step {
    /// The data changes, and the event comes.
    Change(usize),
    /// Events were missed.
    Gap,
    /// The app fetches by itself.
    Fetch(usize),
    /// The fetch that runs ends.
    Answer(usize),
    Fail(usize),
    Cancel(usize),
    Look(usize, bool),
    Leave(usize),
    Remove(usize),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0..KEYS.len();
    prop_oneof![
        4 => (0..EVENTS.len()).prop_map(Step::Change),
        1 => Just(Step::Gap),
        2 => key.clone().prop_map(Step::Fetch),
        4 => key.clone().prop_map(Step::Answer),
        1 => key.clone().prop_map(Step::Fail),
        1 => key.clone().prop_map(Step::Cancel),
        2 => (key.clone(), any::<bool>()).prop_map(|(key, visible)| Step::Look(key, visible)),
        1 => key.clone().prop_map(Step::Leave),
        1 => key.prop_map(Step::Remove),
        4 => prop_oneof![0u64..20, 50u64..150, 1000u64..20_000].prop_map(Step::Wait),
    ]
}

/// What is true of a key, in the simplest way.
#[derive(Clone, Copy, Debug, Default)]
struct Query {
    /// Is it in the cache?
    known: bool,
    active: bool,
    /// How often the server changed what the key shows.
    server: u64,
    shown: u64,
    /// What the running fetch read.
    running: Option<u64>,
}

struct World {
    bench: Bench,
    queries: [Query; 4],
}

impl World {
    fn tell(&mut self) {
        for text in self.bench.refetch() {
            let at = KEYS.iter().position(|key| *key == text).unwrap();
            assert!(
                self.queries[at].running.is_none(),
                "{text} is fetched already"
            );
            assert!(self.queries[at].active, "nobody looks at {text}");
            self.fetch(at);
        }
    }

    fn fetch(&mut self, at: usize) {
        // The answer is as old as it can be: read when the fetch started.
        self.queries[at].running = Some(self.queries[at].server);
        self.bench.start(KEYS[at]);
    }

    fn end(&mut self, at: usize, phase: Phase) {
        let query = &mut self.queries[at];
        if let Some(read) = query.running.take() {
            if matches!(phase, Phase::Success { .. }) {
                query.shown = read;
            }
            self.bench.report(KEYS[at], phase);
        }
    }

    fn act(&mut self, step: &Step) {
        match *step {
            Step::Change(event) => {
                let (name, data, about) = EVENTS[event];
                for (query, about) in self.queries.iter_mut().zip(about) {
                    query.server += u64::from(about);
                }
                self.bench.event_of(name, data, false);
            }
            Step::Gap => {
                for query in self.queries.iter_mut().take(3) {
                    query.server += 1;
                }
                let mono = self.bench.mono();
                let mut rng = Rng::new(self.bench.now);
                self.bench.part.gap(mono, "c", &mut rng);
            }
            Step::Fetch(at) if self.queries[at].known => self.fetch(at),
            Step::Leave(at) if !self.queries[at].known => {}
            Step::Fetch(_) => {}
            Step::Answer(at) => self.end(
                at,
                Phase::Success {
                    fetch: None,
                    version: None,
                },
            ),
            Step::Fail(at) => self.end(
                at,
                Phase::Failure {
                    fetch: None,
                    retry_after: None,
                },
            ),
            Step::Cancel(at) => self.end(at, Phase::Cancel),
            Step::Look(at, visible) => {
                let query = &mut self.queries[at];
                // What comes into the cache comes with data of this moment.
                if !query.known {
                    query.shown = query.server;
                }
                (query.known, query.active) = (true, true);
                self.bench.look(KEYS[at], visible);
            }
            Step::Leave(at) => {
                self.queries[at].active = false;
                self.bench.report(KEYS[at], Phase::Unobserve);
            }
            Step::Remove(at) => {
                // What leaves the cache shows nothing.
                let server = self.queries[at].server;
                self.queries[at] = Query {
                    server,
                    ..Query::default()
                };
                self.bench.report(KEYS[at], Phase::Remove);
            }
            Step::Wait(ms) => self.wait(ms),
        }
        self.tell();
    }

    fn wait(&mut self, ms: u64) {
        let until = self.bench.now + ms;
        while let Some(next) = self.bench.part.next_wakeup().filter(|next| next.0 <= until) {
            assert!(next.0 >= self.bench.now);
            // Timers come late.
            self.bench.now = next.0 + 1;
            self.tell();
        }
        self.bench.now = self.bench.now.max(until);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn g1_g2_all_that_is_looked_at_is_fresh_in_the_end_and_no_two_fetches_run(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut world = World { bench: Bench::new(ROUTES), queries: Default::default() };
        for at in 0..KEYS.len() {
            world.act(&Step::Look(at, true));
        }
        for step in &steps {
            world.act(step);
        }
        // From now on every fetch is answered.
        for _ in 0..40 {
            for at in 0..KEYS.len() {
                world.act(&Step::Answer(at));
            }
            world.act(&Step::Wait(5000));
        }
        for (key, query) in KEYS.iter().zip(world.queries) {
            prop_assert!(!query.active || query.shown == query.server, "{key} shows {query:?}");
        }
        // And then nothing happens any more.
        world.act(&Step::Wait(FETCH_LOST_AFTER.0));
        prop_assert_eq!(world.bench.part.next_wakeup(), None);
    }
}
