//! A page, the network, and a model of a server on the other side: led by chance, a change makes its family stale in
//! the end, whatever is lost on the way.

#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;

use super::network_http::Http;
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

pub(super) const FAMILIES: [&str; 2] = ["a", "b"];
/// One way.
pub(super) const LATENCY_MS: u64 = 30;

/// The server's side of one connection at a time.
pub(super) trait Server {
    /// There is a connection.
    fn opened(&mut self, net: &mut Network);
    /// The page says something on it.
    fn hears(&mut self, net: &mut Network, frame: &str);
    /// It is over.
    fn lost(&mut self);
    /// What was not stored is forgotten.
    fn restarted(&mut self) {}
    /// When something of its own is due on it.
    fn next(&self) -> Option<u64>;
    /// It is. False if the connection is given up.
    fn due(&mut self, net: &mut Network) -> bool;
}

/// What lies between them, and the time.
pub(super) struct Network {
    pub(super) now: u64,
    /// The connection, as the server sees it.
    pub(super) link: Option<ConnId>,
    /// What is on its way to the page: when, on which connection, and what; nothing is its end.
    down: VecDeque<(u64, ConnId, Option<String>)>,
    pub(super) silent_until: u64,
    /// When each family changed last.
    changed: [u64; 2],
}

impl Network {
    /// The server says something; nothing is that it opens.
    pub(super) fn say(&mut self, frame: &str) {
        if let Some(conn) = self.link.filter(|_| self.now >= self.silent_until) {
            let at = self.now + 2 * LATENCY_MS;
            self.down.push_back((at, conn, Some(frame.to_owned())));
        }
    }

    /// A family changes.
    pub(super) fn changes(&mut self, family: usize) {
        self.changed[family] = self.now;
    }
}

/// All of it.
pub(super) struct World<S> {
    pub(super) net: Network,
    pub(super) server: S,
    pub(super) engine: Engine,
    pub(super) up: bool,
    /// What goes over HTTP.
    pub(super) http: Http,
    stale: [u64; 2],
    last_dial: Option<u64>,
    pub(super) open: Option<ConnId>,
    /// How the next end is told.
    code: u16,
}

impl<S: Server> World<S> {
    pub(super) fn new(config: &str, seed: u64, server: S) -> Self {
        let boot = Boot {
            seed,
            tab: TabId(seed | 1),
            online: true,
        };
        let mut world = World {
            net: Network {
                now: 0,
                link: None,
                down: VecDeque::new(),
                silent_until: 0,
                changed: [0; 2],
            },
            server,
            engine: Engine::new(Config::parse(config).unwrap(), boot, Now::default()),
            up: true,
            http: Http::default(),
            stale: [0; 2],
            last_dial: None,
            open: None,
            code: 1006,
        };
        world.happens(Input::Command(Command::Start));
        world.happens(Input::Lock(LockEvent::Granted(LockTicket(1))));
        world
    }

    pub(super) fn happens(&mut self, input: Input<'_>) {
        let now = Now {
            mono: Mono(self.net.now),
            wall: Wall(1_000_000 + self.net.now),
        };
        self.engine.handle(now, input);
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::OpenSocket { conn, .. } => self.dialled(conn),
                Output::CloseSocket { conn } => {
                    self.open = self.open.filter(|open| *open != conn);
                    if self.net.link == Some(conn) {
                        self.lose();
                    }
                }
                Output::SendFrame { conn, frame }
                    if self.net.link == Some(conn) && self.net.now >= self.net.silent_until =>
                {
                    self.server.hears(&mut self.net, &frame);
                }
                Output::Request { request, call } => self.asked_by_http(request, &call),
                Output::AbortRequest { request } => self.aborted(request),
                Output::AskToken { request, .. } => {
                    let result = Ok(Some(Token::new("t")));
                    self.engine.handle(now, Input::Token { request, result });
                }
                Output::Tell(Notice::Invalidate { keys, .. }) => {
                    for (at, family) in FAMILIES.iter().enumerate() {
                        let whole = ["[\"", family, "\"]"].concat();
                        if keys.iter().any(|key| *key.text() == *whole) {
                            self.stale[at] = self.net.now;
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn dialled(&mut self, conn: ConnId) {
        self.paced(conn);
        if !self.up {
            let at = self.net.now + LATENCY_MS;
            self.net.down.push_back((at, conn, None));
            return;
        }
        self.net.link = Some(conn);
        self.net.say("");
        self.server.opened(&mut self.net);
    }

    pub(super) fn paced(&mut self, conn: ConnId) {
        assert_eq!(self.open, None, "one connection at a time");
        let since = self.last_dial.map(|at| self.net.now - at);
        assert!(
            since.is_none_or(|since| since >= DIAL_GAP.0),
            "a dial after {since:?}"
        );
        (self.open, self.last_dial) = (Some(conn), Some(self.net.now));
    }

    /// The connection is over for the server.
    pub(super) fn lose(&mut self) {
        self.net.link = None;
        self.server.lost();
    }

    /// The connection breaks; what was on its way is lost.
    fn breaks(&mut self) {
        if let Some(conn) = self.net.link {
            self.lose();
            self.net.down.clear();
            let at = self.net.now + LATENCY_MS;
            self.net.down.push_back((at, conn, None));
            self.http.breaks();
        }
    }

    /// The same, and the page is told by this code.
    pub(super) fn cut(&mut self, code: u16) {
        self.code = code;
        self.breaks();
    }

    /// The server is not there for so long.
    pub(super) fn restart(&mut self, ms: u64) {
        self.up = false;
        self.breaks();
        self.server.restarted();
        self.run(ms);
        self.up = true;
    }

    /// Nothing gets through, and nobody says so.
    pub(super) fn silence(&mut self, ms: u64) {
        self.net.silent_until = self.net.now + ms;
        self.run(ms);
        // What was said meanwhile is lost, and so is the connection.
        self.breaks();
    }

    pub(super) fn is_seen(&mut self) {
        self.happens(Input::Page(PageEvent::Visible));
    }

    pub(super) fn run(&mut self, ms: u64) {
        self.pass(ms, false);
        self.happens(Input::Tick);
    }

    /// Time passes, and the page does not run.
    pub(super) fn freeze(&mut self, ms: u64) {
        self.pass(ms, true);
    }

    fn pass(&mut self, ms: u64, frozen: bool) {
        let until = self.net.now + ms;
        loop {
            let wake = self.engine.next_wakeup().map(|at| at.0).filter(|_| !frozen);
            let frame = self.net.down.front().map(|(at, ..)| *at);
            let frame = frame.filter(|_| !frozen);
            let reply = self.http.next().filter(|_| !frozen);
            let own = self.server.next().filter(|_| self.net.link.is_some());
            let next = [wake, frame, reply, own].into_iter().flatten().min();
            let Some(next) = next.filter(|at| *at <= until) else {
                break;
            };
            self.net.now = self.net.now.max(next);
            if own == Some(next) {
                if !self.server.due(&mut self.net) {
                    self.breaks();
                }
            } else if reply == Some(next) {
                self.reply();
            } else if frame == Some(next) {
                self.deliver();
            } else {
                self.happens(Input::Tick);
            }
        }
        self.net.now = until;
    }

    fn deliver(&mut self) {
        let Some((_, conn, frame)) = self.net.down.pop_front() else {
            return;
        };
        if self.open != Some(conn) {
            return;
        }
        if self.http.carries(conn) {
            self.poll_hears(frame);
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

    /// Somebody logs in, if that is wanted.
    pub(super) fn logs_in(&mut self) {
        if self.engine.link.status().word == Word::NeedsAuth {
            let token = Some(Token::new("t"));
            self.happens(Input::Command(Command::LoggedIn { token }));
        }
    }

    /// Nothing is in the way any more: what was told, or may have been missed, is stale in the end.
    pub(super) fn settles(&mut self) {
        self.run(1000);
        self.logs_in();
        self.run(400_000);
        assert_eq!(self.engine.link.status().word, Word::Connected);
        assert!(self.engine.channels.is_synced());
        for (at, family) in FAMILIES.iter().enumerate() {
            let (changed, stale) = (self.net.changed[at], self.stale[at]);
            assert!(
                stale >= changed,
                "{family} changed at {changed} and was stale at {stale} last"
            );
        }
    }
}
