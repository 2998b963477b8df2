//! Whatever happens between a page and a server without a protocol: a change makes its family stale in the
//! end, whether the word of it arrived or not.

use proptest::prelude::*;

use super::page::Page;
use crate::engine::input::{Input, PageEvent, SocketEvent};

const CONFIG: &str = r#"{"user":"ada","backend":{"kind":"json","url":"wss://h/ws","seq":"$.seq",
    "heartbeat":{"every":20000,"send":"ping","answer":"pong"}},"events":{"a":[["a"]],"b":[["b"]]}}"#;
const FAMILIES: [&str; 2] = ["a", "b"];
/// Within which everything has been told that was to be told.
const SETTLED_MS: u64 = 180_000;

#[derive(Clone, Debug)]
enum Deed {
    Run(u64),
    /// Something changes, and the word of it goes out.
    Change(usize),
    /// Something changes, and the word of it is lost on the way.
    Lose(usize),
    Cut(u16),
    /// The server is not there for so long, and counts anew.
    Restart(u64),
    /// Nothing gets through, and nobody says so.
    Silence(u64),
    Garbage,
    Visible,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (1u64..40_000).prop_map(Deed::Run),
        4 => (0usize..2).prop_map(Deed::Change),
        2 => (0usize..2).prop_map(Deed::Lose),
        2 => prop_oneof![Just(1006u16), Just(1011), Just(1012), Just(1013)].prop_map(Deed::Cut),
        1 => (1u64..60_000).prop_map(Deed::Restart),
        1 => (1u64..60_000).prop_map(Deed::Silence),
        1 => Just(Deed::Garbage),
        1 => Just(Deed::Visible),
    ]
}

struct World {
    page: Page,
    dials: u32,
    open: bool,
    /// The server is there.
    up: bool,
    silent: bool,
    said: u64,
    /// Families that changed and were not stale since.
    owed: [bool; 2],
}

impl World {
    fn new() -> Self {
        World {
            page: Page::of(CONFIG),
            dials: 0,
            open: false,
            up: true,
            silent: false,
            said: 0,
            owed: [false; 2],
        }
    }

    fn run(&mut self, ms: u64) {
        let mut left = ms;
        while left > 0 {
            let step = left.min(500);
            self.page.waits(step);
            left -= step;
            self.look();
        }
    }

    /// What the page did since the last look.
    fn look(&mut self) {
        for family in self.page.stale() {
            for (at, name) in FAMILIES.iter().enumerate() {
                self.owed[at] &= family != ["[\"", name, "\"]"].concat();
            }
        }
        for said in self.page.said() {
            match said.as_str() {
                "closed" => self.open = false,
                "ping" if self.open && self.up && !self.silent => self.page.hears("pong"),
                _ => {}
            }
        }
        if self.page.dials != self.dials {
            self.dials = self.page.dials;
            self.open = self.up && !self.silent;
            if self.open {
                self.page.socket(SocketEvent::Opened);
                // From its number on holes can be seen.
                self.says("else", true);
            } else if !self.up {
                self.closes(1006);
            }
        }
    }

    fn closes(&mut self, code: u16) {
        self.open = false;
        self.page.socket(SocketEvent::Closed { code, reason: "" });
    }

    fn change(&mut self, at: usize, arrives: bool) {
        self.look();
        self.owed[at] = true;
        self.says(FAMILIES[at], arrives);
    }

    fn says(&mut self, name: &str, arrives: bool) {
        if self.up {
            self.said += 1;
        }
        if arrives && self.open && self.up && !self.silent {
            let frame = format!("{{\"type\":\"{name}\",\"seq\":{}}}", self.said);
            self.page.hears(&frame);
        }
    }

    fn does(&mut self, deed: &Deed) {
        match *deed {
            Deed::Run(ms) => self.run(ms),
            Deed::Change(at) => self.change(at, true),
            Deed::Lose(at) => self.change(at, false),
            Deed::Cut(code) if self.open => self.closes(code),
            Deed::Cut(_) => {}
            Deed::Restart(ms) => {
                self.up = false;
                if self.open {
                    self.closes(1006);
                }
                self.run(ms);
                self.said = 0;
                self.up = true;
            }
            Deed::Silence(ms) => {
                self.silent = true;
                self.run(ms);
                self.silent = false;
                // What was sent into it is lost, and the connection with it.
                if self.open {
                    self.closes(1006);
                }
            }
            Deed::Garbage if self.open => self.page.hears("{\"type\""),
            Deed::Garbage => {}
            Deed::Visible => self.page.happens(Input::Page(PageEvent::Visible)),
        }
        self.look();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn g1_what_changed_is_stale_in_the_end(deeds in prop::collection::vec(deed(), 0..40)) {
        let mut world = World::new();
        for deed in &deeds {
            world.does(deed);
        }
        world.run(SETTLED_MS);
        // A hole is seen when something follows it.
        world.says("else", true);
        world.run(SETTLED_MS);
        prop_assert!(world.open, "it is connected");
        prop_assert_eq!(world.owed, [false; 2]);
    }
}
