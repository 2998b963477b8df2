//! Whatever happens between a page and a server that speaks Socket.IO: a change of which the server told
//! anybody makes its family stale in the end, whether the word of it arrived or not.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::VecDeque;

use proptest::prelude::*;

use crate::engine::command::Command;
use crate::engine::config::Config;
use crate::engine::ids::{ConnId, LockTicket, TabId};
use crate::engine::input::{Input, LockEvent, PageEvent, SocketEvent};
use crate::engine::limits::DIAL_GAP;
use crate::engine::notice::Notice;
use crate::engine::output::Output;
use crate::engine::status::Word;
use crate::engine::time::{Mono, Now, Wall};
use crate::engine::token::Token;
use crate::engine::{Boot, Engine};

const FAMILIES: [&str; 2] = ["a", "b"];
const PING_MS: u64 = 25_000;
const TIMEOUT_MS: u64 = 20_000;
/// One way.
const LATENCY_MS: u64 = 30;

/// What kind of server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// In Node.
    Forgets,
    /// In Node, and it keeps what was missed.
    Keeps,
    /// It says events before it says that the namespace is connected.
    Python,
}

#[derive(Clone, Debug)]
enum Deed {
    Run(u64),
    /// Something changes, and everybody who is connected is told.
    Change(usize),
    /// The same, by an event that wants an answer: it is not kept.
    Ask(usize),
    Cut(u16),
    /// The server is not there for so long, and has forgotten what it kept.
    Restart(u64),
    /// Nothing gets through, and nobody says so.
    Silence(u64),
    /// The page does not run.
    Freeze(u64),
    EndNamespace,
    /// The next ones who ask for the namespace are refused.
    Deny(u8),
    Garbage,
    Visible,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (1u64..3000).prop_map(Deed::Run),
        2 => (1u64..100_000).prop_map(Deed::Run),
        6 => (0usize..2).prop_map(Deed::Change),
        1 => (0usize..2).prop_map(Deed::Ask),
        3 => prop::sample::select(vec![1000, 1001, 1005, 1006, 1011]).prop_map(Deed::Cut),
        1 => (0u64..60_000).prop_map(Deed::Restart),
        1 => (0u64..90_000).prop_map(Deed::Silence),
        1 => (0u64..200_000).prop_map(Deed::Freeze),
        1 => Just(Deed::EndNamespace),
        1 => (1u8..3).prop_map(Deed::Deny),
        1 => Just(Deed::Garbage),
        1 => Just(Deed::Visible),
    ]
}

/// A connection as the server sees it.
struct Link {
    conn: ConnId,
    /// The name of the session in the namespace, once it is connected.
    pid: Option<String>,
    /// The namespace was asked for.
    asked: bool,
    pinged: u64,
    ponged: u64,
}

struct World {
    kind: Kind,
    engine: Engine,
    now: u64,
    link: Option<Link>,
    /// What is on its way to the page: when, on which connection, and what; nothing is its end.
    down: VecDeque<(u64, ConnId, Option<String>)>,
    /// Events that were told, with their marks, since the server began.
    log: Vec<(u64, String)>,
    /// Sessions that can be taken up.
    kept: Vec<String>,
    serial: u64,
    up: bool,
    silent_until: u64,
    deny: u8,
    changed: [u64; 2],
    stale: [u64; 2],
    last_dial: Option<u64>,
    open: Option<ConnId>,
    /// How the next end is told.
    code: u16,
}

impl World {
    fn new(kind: Kind, seed: u64) -> Self {
        let config = r#"{"user":"u","backend":{"kind":"socketio","url":"wss://h/socket.io/"},"getToken":true,
            "events":{"a":[["a"]],"b":[["b"]]}}"#;
        let boot = Boot {
            seed,
            tab: TabId(seed | 1),
            online: true,
        };
        let mut world = World {
            kind,
            engine: Engine::new(Config::parse(config).unwrap(), boot, Now::default()),
            now: 0,
            link: None,
            down: VecDeque::new(),
            log: Vec::new(),
            kept: Vec::new(),
            serial: 0,
            up: true,
            silent_until: 0,
            deny: 0,
            changed: [0; 2],
            stale: [0; 2],
            last_dial: None,
            open: None,
            code: 1006,
        };
        world.happens(Input::Command(Command::Start));
        world.happens(Input::Lock(LockEvent::Granted(LockTicket(1))));
        world
    }

    fn happens(&mut self, input: Input<'_>) {
        let now = Now {
            mono: Mono(self.now),
            wall: Wall(1_000_000 + self.now),
        };
        self.engine.handle(now, input);
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::OpenSocket { conn, .. } => self.dialled(conn),
                Output::CloseSocket { conn } => {
                    if self.open == Some(conn) {
                        self.open = None;
                    }
                    self.lose(conn);
                }
                Output::SendFrame { conn, frame } => self.hears(conn, &frame),
                Output::AskToken { request, .. } => {
                    let result = Ok(Some(Token::new("t")));
                    self.engine.handle(now, Input::Token { request, result });
                }
                Output::Tell(Notice::Invalidate { keys, .. }) => {
                    for (at, family) in FAMILIES.iter().enumerate() {
                        let whole = ["[\"", family, "\"]"].concat();
                        if keys.iter().any(|key| *key.text() == *whole) {
                            self.stale[at] = self.now;
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn dialled(&mut self, conn: ConnId) {
        assert_eq!(self.open, None, "one socket at a time");
        let since = self.last_dial.map(|at| self.now - at);
        assert!(
            since.is_none_or(|since| since >= DIAL_GAP.0),
            "a dial after {since:?}"
        );
        (self.open, self.last_dial) = (Some(conn), Some(self.now));
        if !self.up {
            self.down.push_back((self.now + LATENCY_MS, conn, None));
            return;
        }
        self.link = Some(Link {
            conn,
            pid: None,
            asked: false,
            pinged: self.now,
            ponged: self.now,
        });
        self.say("");
        let open = r#"0{"sid":"S","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
        self.say(open);
    }

    /// The server says something; nothing is that it opens.
    fn say(&mut self, frame: &str) {
        if let Some(link) = self.link.as_ref().filter(|_| self.now >= self.silent_until) {
            let at = (self.now + 2 * LATENCY_MS, link.conn, Some(frame.to_owned()));
            self.down.push_back(at);
        }
    }

    /// The page says something.
    fn hears(&mut self, conn: ConnId, frame: &str) {
        let Some(link) = self.link.as_mut().filter(|link| link.conn == conn) else {
            return;
        };
        if self.now < self.silent_until {
            return;
        }
        match frame {
            "3" => link.ponged = self.now,
            frame if frame.starts_with("43") => {}
            frame => {
                assert!(frame.starts_with("40{"), "{frame}");
                assert!(!link.asked, "asked twice on a connection");
                link.asked = true;
                self.connect(frame);
            }
        }
    }

    fn connect(&mut self, frame: &str) {
        if self.deny > 0 {
            self.deny -= 1;
            self.say(r#"44{"message":"no","data":{"code":"unauthorized"}}"#);
            if let Some(link) = &mut self.link {
                link.asked = false;
            }
            return;
        }
        let part = |name: &str| {
            let (_, rest) = frame.split_once(&["\"", name, "\":\""].concat())?;
            Some(rest.split_once('"')?.0.to_owned())
        };
        self.serial += 1;
        let fresh = ["p", &self.serial.to_string()].concat();
        let before = part("pid").filter(|pid| self.kept.contains(pid));
        let from = part("offset").and_then(|offset| {
            let at: u64 = offset.strip_prefix('o')?.parse().ok()?;
            self.log.iter().position(|(mark, _)| *mark == at)
        });
        match (self.kind, before.zip(from)) {
            (Kind::Keeps, Some((pid, from))) => {
                let missed: Vec<String> = self
                    .log
                    .iter()
                    .skip(from + 1)
                    .map(|(_, frame)| frame.clone())
                    .collect();
                for frame in missed {
                    self.say(&frame);
                }
                self.kept.retain(|have| *have != pid);
                self.connected(pid);
            }
            (Kind::Python, _) => {
                self.say(r#"42["authenticated",{}]"#);
                self.connected(fresh);
            }
            (Kind::Keeps | Kind::Forgets, _) => self.connected(fresh),
        }
    }

    fn connected(&mut self, pid: String) {
        let named = match self.kind {
            Kind::Keeps => [r#"40{"sid":"x","pid":""#, &pid, "\"}"].concat(),
            Kind::Forgets | Kind::Python => r#"40{"sid":"x"}"#.to_owned(),
        };
        self.say(&named);
        if let Some(link) = &mut self.link {
            link.pid = Some(pid);
        }
    }

    fn change(&mut self, family: usize, asks: bool) {
        self.changed[family] = self.now;
        self.serial += 1;
        let mark = self.serial;
        let name = FAMILIES[family];
        let number = mark.to_string();
        let frame = match (self.kind, asks) {
            (_, true) => ["42", &number, "[\"", name, "\",{}]"].concat(),
            (Kind::Keeps, false) => ["42[\"", name, "\",{},\"o", &number, "\"]"].concat(),
            (Kind::Forgets | Kind::Python, false) => ["42[\"", name, "\",{}]"].concat(),
        };
        if !asks {
            self.log.push((mark, frame.clone()));
        }
        if self.link.as_ref().is_some_and(|link| link.pid.is_some()) {
            self.say(&frame);
        }
    }

    /// The connection is over for the server.
    fn lose(&mut self, conn: ConnId) {
        if self.link.as_ref().is_some_and(|link| link.conn == conn)
            && let Some(pid) = self.link.take().and_then(|link| link.pid)
        {
            self.kept.push(pid);
        }
    }

    /// The connection breaks; what was on its way is lost.
    fn cut(&mut self) {
        if let Some(conn) = self.link.as_ref().map(|link| link.conn) {
            self.lose(conn);
            self.down.clear();
            self.down.push_back((self.now + LATENCY_MS, conn, None));
        }
    }

    fn restart(&mut self) {
        self.cut();
        self.log.clear();
        self.kept.clear();
    }

    /// Time passes; the page runs or not.
    fn run(&mut self, ms: u64, frozen: bool) {
        let until = self.now + ms;
        loop {
            let wake = self.engine.next_wakeup().map(|at| at.0).filter(|_| !frozen);
            let frame = self.down.front().map(|(at, ..)| *at).filter(|_| !frozen);
            let ping = self.link.as_ref().map(|link| link.pinged + PING_MS);
            let dead = (self.link.as_ref())
                .filter(|link| link.ponged < link.pinged)
                .map(|link| link.pinged + TIMEOUT_MS);
            let Some(next) = [wake, frame, ping, dead]
                .into_iter()
                .flatten()
                .min()
                .filter(|at| *at <= until)
            else {
                break;
            };
            self.now = self.now.max(next);
            if dead == Some(next) {
                self.cut();
            } else if ping == Some(next) {
                let now = self.now;
                if let Some(link) = &mut self.link {
                    link.pinged = now;
                }
                self.say("2");
            } else if frame == Some(next) {
                self.deliver();
            } else {
                self.now = self.now.max(next);
                self.happens(Input::Tick);
            }
        }
        self.now = until;
        if !frozen {
            self.happens(Input::Tick);
        }
    }

    fn deliver(&mut self) {
        let Some((_, conn, frame)) = self.down.pop_front() else {
            return;
        };
        if self.open != Some(conn) {
            return;
        }
        let event = match frame.as_deref() {
            None => {
                self.open = None;
                SocketEvent::Closed {
                    code: std::mem::replace(&mut self.code, 1006),
                    reason: "",
                }
            }
            Some("") => SocketEvent::Opened,
            Some(frame) => SocketEvent::Frame(frame.as_bytes()),
        };
        self.happens(Input::Socket { conn, event });
    }

    fn does(&mut self, deed: &Deed) {
        match *deed {
            Deed::Run(ms) => self.run(ms, false),
            Deed::Change(family) => self.change(family, false),
            Deed::Ask(family) => self.change(family, true),
            Deed::Cut(code) => {
                self.code = code;
                self.cut();
            }
            Deed::Restart(ms) => {
                self.up = false;
                self.restart();
                self.run(ms, false);
                self.up = true;
            }
            Deed::Silence(ms) => {
                self.silent_until = self.now + ms;
                self.run(ms, false);
                // What was said meanwhile is lost, and so is the connection.
                self.cut();
            }
            Deed::Freeze(ms) => self.run(ms, true),
            Deed::EndNamespace => {
                if let Some(link) = self.link.as_mut().filter(|link| link.pid.is_some()) {
                    link.pid = None;
                    self.say("41");
                }
            }
            Deed::Deny(times) => self.deny = times,
            Deed::Garbage => self.say("4?!"),
            Deed::Visible => self.happens(Input::Page(PageEvent::Visible)),
        }
    }

    fn heals(&mut self) {
        self.deny = 0;
        self.run(1000, false);
        if self.engine.link.status().word == Word::NeedsAuth {
            let token = Some(Token::new("t"));
            self.happens(Input::Command(Command::LoggedIn { token }));
        }
        self.run(400_000, false);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn a_change_that_was_told_makes_its_family_stale_in_the_end(
        kind in prop::sample::select(vec![Kind::Forgets, Kind::Keeps, Kind::Python]),
        seed in any::<u64>(),
        deeds in prop::collection::vec(deed(), 1..40),
    ) {
        let mut world = World::new(kind, seed);
        for deed in &deeds {
            world.does(deed);
        }
        world.heals();
        prop_assert_eq!(world.engine.link.status().word, Word::Connected);
        prop_assert!(world.engine.channels.is_synced());
        for (at, family) in FAMILIES.iter().enumerate() {
            prop_assert!(
                world.stale[at] >= world.changed[at],
                "{} changed at {} and was stale at {} last",
                family, world.changed[at], world.stale[at]
            );
        }
    }
}
