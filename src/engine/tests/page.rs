//! One tab, which leads, and time: what a server that is played by a test says to it, and what it does about it.

#![allow(clippy::unwrap_used)]

use std::rc::Rc;

use crate::engine::command::Command;
use crate::engine::config::Config;
use crate::engine::http::{Call, Headers, StreamEvent};
use crate::engine::ids::{ConnId, HttpId, LockTicket, TabId, TokenId};
use crate::engine::input::{Input, LockEvent, SocketEvent};
use crate::engine::notice::Notice;
use crate::engine::output::Output;
use crate::engine::status::Word;
use crate::engine::time::{Mono, Now, Wall};
use crate::engine::token::{Token, TokenReason};
use crate::engine::{Boot, Engine};

/// What stands behind tokens with an end of their own.
const WALL: u64 = 1_700_000_000_000;

pub(super) struct Page {
    pub(super) engine: Engine,
    pub(super) now: u64,
    /// What it said since the last look, and the last socket that it opened, and where.
    pub(super) said: Vec<String>,
    conn: ConnId,
    pub(super) url: String,
    pub(super) protocol: &'static str,
    /// The last stream that it wanted.
    pub(super) stream: Option<Call>,
    pub(super) dials: u32,
    pub(super) asked: Vec<TokenReason>,
    pub(super) token: Option<TokenId>,
    /// The questions for tokens of channels that were not looked at.
    pub(super) of_channels: Vec<(TokenId, Rc<str>, TokenReason)>,
    /// Families that became stale since the last look.
    stale: Vec<String>,
    pub(super) faults: Vec<String>,
    /// Requests that were not looked at.
    pub(super) requests: Vec<(HttpId, Call)>,
    /// What the server answers by itself: how a sign of life is answered, if this is the question for one.
    pub(super) answers_by_itself: fn(&str) -> Option<String>,
    /// How often it was asked so, and whether it answers.
    pub(super) beats: u32,
    pub(super) lives: bool,
}

impl Page {
    pub(super) fn of(config: &str) -> Self {
        let boot = Boot {
            seed: 7,
            tab: TabId(7),
            online: true,
        };
        let mut page = Page {
            engine: Engine::new(Config::parse(config).unwrap(), boot, Now::default()),
            now: 0,
            said: Vec::new(),
            conn: ConnId(0),
            url: String::new(),
            protocol: "",
            stream: None,
            dials: 0,
            asked: Vec::new(),
            token: None,
            of_channels: Vec::new(),
            stale: Vec::new(),
            faults: Vec::new(),
            requests: Vec::new(),
            answers_by_itself: |_| None,
            beats: 0,
            lives: true,
        };
        page.happens(Input::Command(Command::Start));
        page.happens(Input::Lock(LockEvent::Granted(LockTicket(1))));
        page
    }

    pub(super) fn happens(&mut self, input: Input<'_>) {
        let now = Now {
            mono: Mono(self.now),
            wall: Wall(WALL + self.now),
        };
        self.engine.handle(now, input);
        let mut answer = None;
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::OpenSocket {
                    conn,
                    url,
                    protocol,
                } => {
                    self.protocol = protocol;
                    self.url = url;
                    self.conn = conn;
                    self.dials += 1;
                }
                Output::OpenStream { conn, call } => {
                    self.conn = conn;
                    self.stream = Some(call);
                    self.dials += 1;
                }
                Output::CloseStream { conn } | Output::CloseSocket { conn }
                    if conn == self.conn =>
                {
                    self.said.push("closed".to_owned());
                }
                Output::Request { request, call } => self.requests.push((request, call)),
                Output::Tell(Notice::Fault(fault)) => self.faults.push(fault.message),
                Output::SendFrame { conn, frame } if conn == self.conn => {
                    match (self.answers_by_itself)(&frame) {
                        Some(text) => answer = Some(text),
                        None => self.said.push(frame),
                    }
                }
                Output::AskToken {
                    request,
                    reason,
                    channel: None,
                } => {
                    self.asked.push(reason);
                    self.token = Some(request);
                }
                Output::AskToken {
                    request,
                    reason,
                    channel: Some(channel),
                } => self.of_channels.push((request, channel, reason)),
                Output::Tell(Notice::Invalidate { keys, .. }) => {
                    let keys = keys.iter().map(|key| key.text().to_owned());
                    self.stale.extend(keys);
                }
                _ => {}
            }
        }
        if let Some(text) = answer {
            self.beats += 1;
            if self.lives {
                self.hears(&text);
            }
        }
    }

    pub(super) fn gives(&mut self, token: &str) {
        let request = self.token.take().unwrap();
        let result = Ok(Some(Token::new(token)));
        self.happens(Input::Token { request, result });
    }

    pub(super) fn socket(&mut self, event: SocketEvent<'_>) {
        let conn = self.conn;
        self.happens(Input::Socket { conn, event });
    }

    pub(super) fn lost(&mut self, code: u16) {
        self.socket(SocketEvent::Closed { code, reason: "" });
    }

    /// The stream that it wanted is answered.
    pub(super) fn answers(&mut self, status: u16, kind: &str) {
        let headers = Headers {
            content_type: Some(kind),
            ..Headers::default()
        };
        self.streams(StreamEvent::Opened { status, headers });
    }

    pub(super) fn streams(&mut self, event: StreamEvent<'_>) {
        let conn = self.conn;
        self.happens(Input::Stream { conn, event });
    }

    pub(super) fn hears(&mut self, frame: &str) {
        self.socket(SocketEvent::Frame(frame.as_bytes()));
    }

    pub(super) fn waits(&mut self, ms: u64) {
        let until = self.now + ms;
        while let Some(Mono(next)) = self.engine.next_wakeup().filter(|at| at.0 <= until) {
            self.now = next.max(self.now + 1);
            self.happens(Input::Tick);
        }
        self.now = until;
    }

    pub(super) fn said(&mut self) -> Vec<String> {
        std::mem::take(&mut self.said)
    }

    /// What it said last.
    pub(super) fn last(&self) -> &str {
        self.said.last().unwrap()
    }

    pub(super) fn stale(&mut self) -> Vec<String> {
        let mut stale = std::mem::take(&mut self.stale);
        stale.sort();
        stale
    }

    pub(super) fn word(&self) -> Word {
        self.engine.link.status().word
    }
}
