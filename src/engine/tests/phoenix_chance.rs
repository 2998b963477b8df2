//! Whatever happens between a page and a server of Phoenix channels or of Supabase: a change makes its family stale
//! in the end, whether anybody was told of it or not.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::VecDeque;

use proptest::prelude::*;

use crate::engine::command::Command;
use crate::engine::config::Config;
use crate::engine::ids::{ConnId, LockTicket, TabId};
use crate::engine::input::{Input, LockEvent, PageEvent, SocketEvent};
use crate::engine::limits::{DIAL_GAP, PHOENIX_PATIENCE};
use crate::engine::notice::Notice;
use crate::engine::output::Output;
use crate::engine::status::Word;
use crate::engine::time::{Mono, Now, Wall};
use crate::engine::token::Token;
use crate::engine::{Boot, Engine};
use crate::wire::phoenix::{Says, read};

const FAMILIES: [&str; 2] = ["a", "b"];
/// One way.
const LATENCY_MS: u64 = 30;
/// From the answer of Supabase to the first change that it tells.
const READY_MS: u64 = 3000;

const PHOENIX: &str = r#"{"user":"u","backend":{"kind":"phoenix","url":"wss://h/websocket","token":{"join":"t"}},
    "getToken":true,"channels":["t"],"events":{"a":[["a"]],"b":[["b"]]}}"#;
const SUPABASE: &str = r#"{"user":"u","backend":{"kind":"supabase","url":"wss://h/websocket?apikey=k",
    "channels":{"t":{"changes":[{"table":"a"},{"table":"b"}]}}},"getToken":true,"channels":["t"],
    "events":{"postgres:INSERT:public.a":[["a"]],"postgres:INSERT:public.b":[["b"]]}}"#;

#[derive(Clone, Debug)]
enum Deed {
    Run(u64),
    /// Something changes, and who is joined is told.
    Change(usize),
    Cut(u16),
    /// The server is not there for so long.
    Restart(u64),
    /// Nothing gets through, and nobody says so.
    Silence(u64),
    /// The page does not run.
    Freeze(u64),
    /// The channel crashes, or is closed.
    End(&'static str),
    /// The database of Supabase goes away for who is joined.
    Database,
    /// The next ones who join are refused.
    Deny(u8, &'static str),
    /// Something that was on its way when an older join ended.
    Late,
    Garbage,
    Visible,
}

fn deed() -> impl Strategy<Value = Deed> {
    let reasons = vec![
        "InvalidJWTToken: unauthorized",
        "ChannelRateLimitReached: x",
        "join crashed",
    ];
    prop_oneof![
        4 => (1u64..3000).prop_map(Deed::Run),
        2 => (1u64..100_000).prop_map(Deed::Run),
        6 => (0usize..2).prop_map(Deed::Change),
        3 => prop::sample::select(vec![1000, 1001, 1005, 1006, 1011]).prop_map(Deed::Cut),
        1 => (0u64..60_000).prop_map(Deed::Restart),
        1 => (0u64..90_000).prop_map(Deed::Silence),
        1 => (0u64..200_000).prop_map(Deed::Freeze),
        2 => prop::sample::select(vec!["phx_error", "phx_close"]).prop_map(Deed::End),
        1 => Just(Deed::Database),
        1 => (1u8..3, prop::sample::select(reasons)).prop_map(|(times, why)| Deed::Deny(times, why)),
        1 => Just(Deed::Late),
        1 => Just(Deed::Garbage),
        1 => Just(Deed::Visible),
    ]
}

/// A connection as the server sees it.
struct Link {
    conn: ConnId,
    /// The join of the topic, if it is joined, and from when on changes are told.
    joined: Option<(u64, u64)>,
    ready_said: bool,
    heard: u64,
}

struct World {
    supabase: bool,
    engine: Engine,
    now: u64,
    link: Option<Link>,
    /// What is on its way to the page: when, on which connection, and what; nothing is its end.
    down: VecDeque<(u64, ConnId, Option<String>)>,
    up: bool,
    silent_until: u64,
    deny: (u8, &'static str),
    changed: [u64; 2],
    stale: [u64; 2],
    last_dial: Option<u64>,
    open: Option<ConnId>,
    /// How the next end is told.
    code: u16,
}

impl World {
    fn new(supabase: bool, seed: u64) -> Self {
        let config = if supabase { SUPABASE } else { PHOENIX };
        let boot = Boot {
            seed,
            tab: TabId(seed | 1),
            online: true,
        };
        let mut world = World {
            supabase,
            engine: Engine::new(Config::parse(config).unwrap(), boot, Now::default()),
            now: 0,
            link: None,
            down: VecDeque::new(),
            up: true,
            silent_until: 0,
            deny: (0, ""),
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
                    self.open = self.open.filter(|open| *open != conn);
                    self.link.take_if(|link| link.conn == conn);
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
            joined: None,
            ready_said: false,
            heard: self.now,
        });
        self.say(String::new());
    }

    /// The server says something; nothing is that it opens.
    fn say(&mut self, frame: String) {
        if let Some(link) = self.link.as_ref().filter(|_| self.now >= self.silent_until) {
            let at = (self.now + 2 * LATENCY_MS, link.conn, Some(frame));
            self.down.push_back(at);
        }
    }

    fn topic(&self) -> &'static str {
        if self.supabase { "realtime:t" } else { "t" }
    }

    fn reply(&mut self, join: Option<u64>, number: u64, topic: &str, status: &str, response: &str) {
        let join = join.map_or("null".to_owned(), |join| format!("\"{join}\""));
        self.say(format!(
            r#"[{join},"{number}","{topic}","phx_reply",{{"status":"{status}","response":{response}}}]"#
        ));
    }

    /// The page says something.
    fn hears(&mut self, conn: ConnId, frame: &str) {
        let silent = self.now < self.silent_until;
        let Some(link) = self
            .link
            .as_mut()
            .filter(|link| link.conn == conn && !silent)
        else {
            return;
        };
        link.heard = self.now;
        let message = read(frame.as_bytes()).unwrap();
        let number = message.reference.unwrap();
        let Says::Event(event, _) = message.says else {
            panic!("{frame}");
        };
        match &*event {
            "heartbeat" => self.reply(None, number, "phoenix", "ok", "{}"),
            "phx_join" => self.join(number),
            "phx_leave" => link.joined = None,
            "access_token" => {}
            _ => panic!("{frame}"),
        }
    }

    fn join(&mut self, number: u64) {
        if self.deny.0 > 0 {
            self.deny.0 -= 1;
            let reason = format!("{{\"reason\":\"{}\"}}", self.deny.1);
            return self.reply(Some(number), number, self.topic(), "error", &reason);
        }
        let response = match self.supabase {
            true => {
                r#"{"postgres_changes":[{"id":1,"event":"*","schema":"public","table":"a"},{"id":2,"event":"*","schema":"public","table":"b"}]}"#
            }
            false => "{}",
        };
        self.reply(Some(number), number, self.topic(), "ok", response);
        let from = self.now + if self.supabase { READY_MS } else { 0 };
        if let Some(link) = &mut self.link {
            let before = link.joined.replace((number, from));
            link.ready_said = false;
            if let Some((before, _)) = before {
                self.end("phx_close", before);
            }
        }
    }

    fn end(&mut self, event: &str, join: u64) {
        self.say(format!(
            r#"["{join}","{join}","{}","{event}",{{}}]"#,
            self.topic()
        ));
    }

    fn system(&mut self, status: &str) {
        self.say(format!(
            r#"[null,null,"{}","system",{{"status":"{status}","message":"m","extension":"postgres_changes"}}]"#,
            self.topic()
        ));
    }

    fn change(&mut self, family: usize) {
        self.changed[family] = self.now;
        let joined = self.link.as_ref().and_then(|link| link.joined);
        if joined.is_none_or(|(_, from)| from > self.now) {
            return;
        }
        let (name, topic, id) = (FAMILIES[family], self.topic(), family + 1);
        self.say(match self.supabase {
            false => format!(r#"[null,null,"{topic}","{name}",{{}}]"#),
            true => format!(
                r#"[null,null,"{topic}","postgres_changes",{{"ids":[{id}],"data":{{"type":"INSERT","schema":"public","table":"{name}","record":{{}}}}}}]"#
            ),
        });
    }

    /// The connection breaks; what was on its way is lost.
    fn cut(&mut self) {
        if let Some(link) = self.link.take() {
            self.down.clear();
            self.down
                .push_back((self.now + LATENCY_MS, link.conn, None));
        }
    }

    /// Time passes; the page runs or not.
    fn run(&mut self, ms: u64, frozen: bool) {
        let until = self.now + ms;
        loop {
            let wake = self.engine.next_wakeup().map(|at| at.0).filter(|_| !frozen);
            let frame = self.down.front().map(|(at, ..)| *at).filter(|_| !frozen);
            let dead = self
                .link
                .as_ref()
                .map(|link| link.heard + PHOENIX_PATIENCE.0);
            let ready = self
                .link
                .as_ref()
                .filter(|link| self.supabase && !link.ready_said);
            let ready = ready.and_then(|link| link.joined).map(|(_, from)| from);
            let Some(next) = [wake, frame, dead, ready]
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
            } else if ready == Some(next) {
                if let Some(link) = &mut self.link {
                    link.ready_said = true;
                }
                self.system("ok");
            } else if frame == Some(next) {
                self.deliver();
            } else {
                self.happens(Input::Tick);
            }
        }
        self.now = until;
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
        let joined = self.link.as_ref().and_then(|link| link.joined);
        match *deed {
            Deed::Run(ms) => self.run(ms, false),
            Deed::Change(family) => self.change(family),
            Deed::Cut(code) => {
                self.code = code;
                self.cut();
            }
            Deed::Restart(ms) => {
                self.up = false;
                self.cut();
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
            Deed::End(event) => {
                if let Some((join, _)) = joined {
                    self.end(event, join);
                    self.link.as_mut().unwrap().joined = None;
                }
            }
            Deed::Database => {
                if let Some((join, _)) = joined.filter(|_| self.supabase) {
                    self.system("error");
                    // It tries again by itself, and tells nobody of what came in between.
                    let from = self.now + 2 * READY_MS;
                    let link = self.link.as_mut().unwrap();
                    (link.joined, link.ready_said) = (Some((join, from)), false);
                }
            }
            Deed::Deny(times, why) => self.deny = (times, why),
            Deed::Late => {
                let topic = self.topic();
                self.say(format!(r#"["999999","999999","{topic}","phx_close",{{}}]"#));
                self.say(format!(r#"["999999",null,"{topic}","a",{{}}]"#));
            }
            Deed::Garbage => self.say("[?".to_owned()),
            Deed::Visible => self.happens(Input::Page(PageEvent::Visible)),
        }
    }

    fn heals(&mut self) {
        self.deny = (0, "");
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
    fn a_change_makes_its_family_stale_in_the_end(
        supabase in any::<bool>(),
        seed in any::<u64>(),
        deeds in prop::collection::vec(deed(), 1..40),
    ) {
        let mut world = World::new(supabase, seed);
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
