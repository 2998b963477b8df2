//! A wire that loses, delays and turns around: is every event delivered once, or a gap told?

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Act {
    Publish,
    /// The next message of the wire arrives, or the one behind it.
    Arrive(bool),
    Lose,
    Cut,
    Restart,
    Wait(u64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        5 => Just(Act::Publish),
        6 => any::<bool>().prop_map(Act::Arrive),
        1 => Just(Act::Lose),
        1 => Just(Act::Cut),
        1 => Just(Act::Restart),
        2 => (1u64..12_000).prop_map(Act::Wait),
    ];
    prop::collection::vec(act, 0..120)
}

/// A server of one channel that keeps its last three events.
#[derive(Default)]
struct Server {
    epoch: u64,
    head: u64,
    published: Vec<(u64, u64)>,
    subscribed: bool,
    wire: VecDeque<Said>,
}

#[derive(Clone, Debug)]
enum Said {
    Event(u64),
    Subscribed(u64, Position, Recovery, Vec<u64>),
}

impl Server {
    fn subscribe(&mut self, request: u64, from: Option<Position>) {
        self.subscribed = true;
        let epoch = self.epoch.to_string();
        let at = Position::new(&epoch, Seq(self.head));
        let said = match from {
            None => Said::Subscribed(request, at, Recovery::NotAsked, vec![]),
            Some(from) if from.epoch != at.epoch || from.seq.0 + 3 < self.head => {
                Said::Subscribed(request, at, Recovery::Impossible, vec![])
            }
            Some(from) => {
                let missed = (from.seq.0 + 1..=self.head).collect();
                Said::Subscribed(request, at, Recovery::Complete, missed)
            }
        };
        self.wire.push_back(said);
    }
}

/// The part, the server, and what came of it.
struct World {
    bench: Bench,
    server: Server,
    delivered: Vec<(u64, u64)>,
    /// How many events were published when the last gap was told.
    gap_at: usize,
}

impl World {
    fn new() -> World {
        let mut bench = Bench::new();
        bench.part.watch(bench.now, "c").unwrap();
        bench.part.link_up();
        World {
            bench,
            server: Server {
                head: 3,
                ..Server::default()
            },
            delivered: Vec::new(),
            gap_at: 0,
        }
    }

    fn act(&mut self, act: Act) {
        let server = &mut self.server;
        match act {
            Act::Publish => {
                server.head += 1;
                server.published.push((server.epoch, server.head));
                if server.subscribed {
                    server.wire.push_back(Said::Event(server.head));
                }
            }
            Act::Arrive(second) => {
                // Only events are turned around; answers keep their place.
                let both = (server.wire.front(), server.wire.get(1));
                let turned = second && matches!(both, (Some(Said::Event(_)), Some(Said::Event(_))));
                if let Some(said) = server.wire.remove(usize::from(turned)) {
                    self.hear(said);
                }
            }
            Act::Lose => {
                if let Some(Said::Event(_)) = server.wire.front() {
                    server.wire.pop_front();
                }
            }
            Act::Cut | Act::Restart => {
                if let Act::Restart = act {
                    server.epoch += 1;
                    server.head = 0;
                }
                server.wire.clear();
                server.subscribed = false;
                self.bench.part.link_down(self.bench.now);
                self.bench.part.link_up();
            }
            Act::Wait(ms) => self.bench.wait(Millis(ms)),
        }
        self.follow();
    }

    fn hear(&mut self, said: Said) {
        match said {
            Said::Event(seq) => self.event(seq),
            Said::Subscribed(request, at, recovery, missed) => {
                self.bench.confirm(request, "c", Some(at), recovery);
                self.follow();
                for seq in missed {
                    self.event(seq);
                }
                self.bench.part.frame_end(self.bench.now);
            }
        }
    }

    fn event(&mut self, seq: u64) {
        if self.bench.event("c", seq) == Verdict::Next {
            self.delivered.push((self.server.epoch, seq));
        }
        self.follow();
    }

    fn follow(&mut self) {
        for step in self.bench.steps() {
            match step {
                Step::Subscribe {
                    request, position, ..
                } => self.server.subscribe(request.0, position),
                Step::Gap { .. } => self.gap_at = self.server.published.len(),
                Step::Deliver { text, .. } => {
                    let seq = text.trim_start_matches('c').parse().unwrap();
                    self.delivered.push((self.server.epoch, seq));
                }
                Step::Place { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

proptest! {
    /// Whatever the wire loses, delays or turns around: nothing is delivered twice or out of
    /// order, and in the end every event was delivered or a gap was told after it.
    #[test]
    fn every_event_is_delivered_once_or_a_gap_is_told(acts in acts()) {
        let mut world = World::new();
        let calm = [Act::Cut, Act::Wait(30_000)].into_iter().chain((0..300).map(|_| Act::Arrive(false)));
        let end = [Act::Publish, Act::Arrive(false)].into_iter().chain((0..40).map(|_| Act::Arrive(false)));
        for act in acts.into_iter().chain(calm).chain(end) {
            world.act(act);
        }
        let World { bench, server, delivered, gap_at } = world;
        let mut sorted = delivered.clone();
        sorted.sort_unstable();
        sorted.dedup();
        prop_assert_eq!(&sorted, &delivered, "in order, once");
        for event in &server.published[gap_at..] {
            prop_assert!(delivered.contains(event), "{event:?} is lost: {delivered:?}");
        }
        prop_assert_eq!(bench.part.held_bytes, 0);
    }
}
