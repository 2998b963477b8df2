//! A page whose server speaks Socket.IO, from its options to what it refetches.

#![allow(clippy::unwrap_used, clippy::panic)]

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

const CONFIG: &str = r#"{"user":"ada","backend":{"kind":"socketio","url":"wss://h/socket.io/","auth":{"app":"a"}},
    "getToken":true,"events":{"changed":[["tasks"]],"other":[["counts"]]}}"#;

const OPEN: &str =
    r#"0{"sid":"S","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;

/// One tab, which leads, and time.
pub(super) struct Page {
    pub(super) engine: Engine,
    now: u64,
    /// What it said since the last look, and the last socket that it opened, and where.
    said: Vec<String>,
    conn: ConnId,
    pub(super) url: String,
    /// The last stream that it wanted.
    pub(super) stream: Option<Call>,
    pub(super) dials: u32,
    pub(super) asked: Vec<TokenReason>,
    pub(super) token: Option<TokenId>,
    /// Families that became stale since the last look.
    stale: Vec<String>,
    pub(super) faults: Vec<String>,
    /// Requests that were not looked at.
    pub(super) requests: Vec<(HttpId, Call)>,
}

impl Page {
    fn new() -> Self {
        Page::of(CONFIG)
    }

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
            stream: None,
            dials: 0,
            asked: Vec::new(),
            token: None,
            stale: Vec::new(),
            faults: Vec::new(),
            requests: Vec::new(),
        };
        page.happens(Input::Command(Command::Start));
        page.happens(Input::Lock(LockEvent::Granted(LockTicket(1))));
        page
    }

    pub(super) fn happens(&mut self, input: Input<'_>) {
        let now = Now {
            mono: Mono(self.now),
            wall: Wall(1_000_000 + self.now),
        };
        self.engine.handle(now, input);
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::OpenSocket {
                    conn,
                    url,
                    protocol,
                } => {
                    assert_eq!(protocol, "");
                    self.url = url;
                    self.conn = conn;
                    self.dials += 1;
                }
                Output::OpenStream { conn, call } => {
                    self.conn = conn;
                    self.stream = Some(call);
                    self.dials += 1;
                }
                Output::CloseStream { conn } if conn == self.conn => {
                    self.said.push("closed".to_owned());
                }
                Output::Request { request, call } => self.requests.push((request, call)),
                Output::Tell(Notice::Fault(fault)) => self.faults.push(fault.message),
                Output::SendFrame { conn, frame } if conn == self.conn => self.said.push(frame),
                Output::CloseSocket { conn } if conn == self.conn => {
                    self.said.push("closed".to_owned());
                }
                Output::AskToken { request, reason } => {
                    self.asked.push(reason);
                    self.token = Some(request);
                }
                Output::Tell(Notice::Invalidate { keys, .. }) => {
                    let keys = keys.iter().map(|key| key.text().to_owned());
                    self.stale.extend(keys);
                }
                _ => {}
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

    pub(super) fn stale(&mut self) -> Vec<String> {
        let mut stale = std::mem::take(&mut self.stale);
        stale.sort();
        stale
    }

    pub(super) fn word(&self) -> Word {
        self.engine.link.status().word
    }

    /// It dials, and is taken.
    fn connects(&mut self, pid: &str) {
        self.gives("t1");
        self.socket(SocketEvent::Opened);
        self.hears(OPEN);
        self.hears(&["40{\"sid\":\"x\",\"pid\":\"", pid, "\"}"].concat());
        assert_eq!(self.word(), Word::Connected);
    }
}

#[test]
fn the_token_goes_with_the_namespace_and_the_page_catches_up() {
    let mut page = Page::new();
    assert_eq!(page.asked, [TokenReason::Connect]);
    page.gives("t1");
    assert_eq!(page.url, "wss://h/socket.io/?EIO=4&transport=websocket");
    page.socket(SocketEvent::Opened);
    assert_eq!(page.said(), [r#"40{"app":"a","token":"t1"}"#]);
    page.hears(OPEN);
    assert!(!page.engine.link.status().authenticated);
    page.hears(r#"40{"sid":"x"}"#);
    assert!(page.engine.link.status().authenticated);
    assert!(page.engine.channels.is_synced());
    // What happened between the page's fetches and now is not known.
    page.waits(40_000);
    assert_eq!(page.stale(), [r#"["counts"]"#, r#"["tasks"]"#]);
    assert_eq!(
        page.said(),
        [""; 0],
        "nothing is asked of a server that may not be asked"
    );
}

#[test]
fn an_event_makes_its_families_stale_and_bytes_come_behind_it() {
    let mut page = Page::new();
    page.connects("p");
    page.waits(20_000);
    page.stale();
    page.hears(r#"42["changed",{"id":1}]"#);
    page.waits(5000);
    assert_eq!(page.stale(), [r#"["tasks"]"#]);
    page.hears(r#"451-["changed",{"_placeholder":true,"num":0}]"#);
    page.waits(5000);
    assert_eq!(page.stale(), [""; 0], "half of it is not there");
    page.socket(SocketEvent::Bytes(b"\x01\x02"));
    page.waits(5000);
    assert_eq!(page.stale(), [r#"["tasks"]"#]);
    page.said();
    page.hears(r#"425["changed",{"id":1}]"#);
    assert_eq!(page.said(), ["435[]"]);
}

#[test]
fn a_connection_that_is_taken_up_missed_nothing_and_one_that_is_not_may_have_missed_all() {
    let mut page = Page::new();
    page.connects("p");
    page.hears(r#"42["changed",{},"o1"]"#);
    page.waits(30_000);
    page.stale();
    page.socket(SocketEvent::Closed {
        code: 1006,
        reason: "",
    });
    page.waits(30_000);
    page.gives("t1");
    page.said();
    page.socket(SocketEvent::Opened);
    assert_eq!(
        page.said(),
        [r#"40{"pid":"p","offset":"o1","app":"a","token":"t1"}"#]
    );
    page.hears(OPEN);
    // What was missed comes before the answer.
    page.hears(r#"42["other",{},"o2"]"#);
    page.hears(r#"40{"sid":"x","pid":"p"}"#);
    page.waits(60_000);
    assert_eq!(page.stale(), [r#"["counts"]"#]);
    page.socket(SocketEvent::Closed {
        code: 1006,
        reason: "",
    });
    page.waits(30_000);
    page.connects("another");
    page.waits(60_000);
    assert_eq!(page.stale(), [r#"["counts"]"#, r#"["tasks"]"#]);
}

#[test]
fn ws26_a_token_that_is_refused_is_asked_for_once_more_and_then_for_a_login() {
    let mut page = Page::new();
    for word in [Word::Connecting, Word::NeedsAuth] {
        page.gives("bad");
        page.socket(SocketEvent::Opened);
        page.hears(OPEN);
        page.hears(r#"44{"message":"no","data":{"code":"unauthorized"}}"#);
        assert_eq!(page.said().last().unwrap(), "closed");
        page.waits(5000);
        assert!(matches!(page.word(), Word::NeedsAuth) == (word == Word::NeedsAuth));
    }
    assert_eq!(page.asked, [TokenReason::Connect, TokenReason::Rejected]);
    assert_eq!(page.dials, 2);
    let token = Some(Token::new("good"));
    page.happens(Input::Command(Command::LoggedIn { token }));
    page.waits(5000);
    page.socket(SocketEvent::Opened);
    assert_eq!(page.said(), [r#"40{"app":"a","token":"good"}"#]);
    page.hears(OPEN);
    page.hears(r#"40{"sid":"x"}"#);
    assert_eq!(page.word(), Word::Connected);
}

#[test]
fn rt5_a_new_token_is_a_new_connection() {
    let mut page = Page::new();
    page.connects("p");
    page.waits(30_000);
    page.said();
    let token = Some(Token::new("t2"));
    page.happens(Input::Command(Command::LoggedIn { token }));
    page.waits(5000);
    assert_eq!(page.said(), ["closed"]);
    assert_eq!(page.dials, 2);
    page.socket(SocketEvent::Opened);
    assert_eq!(page.said(), [r#"40{"pid":"p","app":"a","token":"t2"}"#]);
}

#[test]
fn a_server_that_ends_the_namespace_is_dialled_again_later_and_later() {
    let mut page = Page::new();
    let mut pauses = Vec::new();
    for _ in 0..8 {
        page.connects("p");
        page.hears("41");
        let (dials, from) = (page.dials, page.now);
        while page.token.is_none() {
            page.waits(10);
        }
        assert_eq!(page.dials, dials);
        pauses.push(page.now - from);
    }
    assert!(pauses.iter().max() > Some(&4000), "{pauses:?}");
}

#[test]
fn the_servers_signs_of_life_are_answered_and_missed() {
    let mut page = Page::new();
    page.connects("p");
    page.said();
    for _ in 0..5 {
        page.waits(25_000);
        page.hears("2");
        assert_eq!(page.said(), ["3"]);
    }
    page.waits(44_000);
    assert_eq!(page.said(), [""; 0]);
    page.waits(2000);
    assert_eq!(page.said(), ["closed"]);
}

#[test]
fn what_cannot_be_read_ends_the_connection() {
    let mut page = Page::new();
    page.connects("p");
    page.said();
    page.hears("4?");
    assert_eq!(page.said(), ["closed"]);
    page.waits(60_000);
    assert!(page.token.is_some(), "it dials again");
}
