//! A page whose server speaks Socket.IO, from its options to what it refetches.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::page::Page;
use crate::engine::command::Command;
use crate::engine::input::{Input, SocketEvent};
use crate::engine::status::Word;
use crate::engine::token::{Token, TokenReason};

const CONFIG: &str = r#"{"user":"ada","backend":{"kind":"socketio","url":"wss://h/socket.io/","auth":{"app":"a"}},
    "getToken":true,"events":{"changed":[["tasks"]],"other":[["counts"]]}}"#;

const OPEN: &str =
    r#"0{"sid":"S","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;

impl Page {
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
    let mut page = Page::of(CONFIG);
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
    let mut page = Page::of(CONFIG);
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
    let mut page = Page::of(CONFIG);
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
    let mut page = Page::of(CONFIG);
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
    let mut page = Page::of(CONFIG);
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
    let mut page = Page::of(CONFIG);
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
    let mut page = Page::of(CONFIG);
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
    let mut page = Page::of(CONFIG);
    page.connects("p");
    page.said();
    page.hears("4?");
    assert_eq!(page.said(), ["closed"]);
    page.waits(60_000);
    assert!(page.token.is_some(), "it dials again");
}
