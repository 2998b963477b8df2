//! A page whose server sends JSON and has no protocol, from its options to what it refetches.

#![allow(clippy::unwrap_used)]

use super::page::Page;
use crate::engine::input::SocketEvent;
use crate::engine::status::Word;
use crate::engine::token::TokenReason;

const PLAIN: &str = r#"{"user":"ada","backend":{"kind":"json","url":"wss://h/ws"},
    "events":{"changed":[["tasks","$.id"]],"other":[["counts"]]}}"#;

const ASKS: &str = r#"{"user":"ada","backend":{"kind":"json","url":"wss://h/ws","tokenParam":"token",
    "hello":{"type":"auth","token":"$token"},"welcome":{"type":"welcome"},"refused":{"type":"refused"},
    "subscribe":{"type":"subscribe","channel":"$channel"},"subscribed":{"type":"subscribed","channel":"$channel"},
    "unsubscribe":{"type":"unsubscribe","channel":"$channel"},"authCodes":[4001],"seq":"$.seq",
    "heartbeat":{"every":20000,"send":{"type":"ping"},"answer":{"type":"pong"}}},
    "getToken":true,"channels":["plan"],"events":{"changed":[["tasks"]],"other":[["counts"]]}}"#;

fn closed(code: u16) -> SocketEvent<'static> {
    SocketEvent::Closed { code, reason: "" }
}

fn dials_again(page: &mut Page) {
    let dials = page.dials;
    while page.dials == dials {
        page.waits(100);
    }
}

/// It dials, and is taken.
fn connects(page: &mut Page) {
    page.gives("t1");
    page.socket(SocketEvent::Opened);
    page.hears(r#"{"type":"welcome"}"#);
    page.hears(r#"{"type":"subscribed","channel":"plan"}"#);
    assert_eq!(page.word(), Word::Connected);
}

#[test]
fn cl5_a_server_that_says_nothing_of_itself_is_followed_from_the_moment_it_is_open() {
    let mut page = Page::of(PLAIN);
    assert_eq!(page.url, "wss://h/ws");
    page.socket(SocketEvent::Opened);
    assert_eq!(page.said(), [""; 0]);
    assert!(page.engine.link.status().authenticated);
    assert_eq!(page.word(), Word::Connected);
    assert!(page.engine.channels.is_synced());
    page.waits(30_000);
    assert_eq!(page.stale(), [r#"["counts"]"#, r#"["tasks"]"#]);
    page.hears(r#"{"type":"changed","data":{"id":7}}"#);
    page.waits(5000);
    assert_eq!(page.stale(), [r#"["tasks",7]"#]);
    // What was missed is not known.
    page.socket(closed(1006));
    dials_again(&mut page);
    page.socket(SocketEvent::Opened);
    page.waits(30_000);
    assert_eq!(page.stale(), [r#"["counts"]"#, r#"["tasks"]"#]);
    assert_eq!(page.said(), ["closed"]);
}

#[test]
fn a_connection_on_which_nothing_comes_for_minutes_is_made_anew() {
    let mut page = Page::of(PLAIN);
    page.socket(SocketEvent::Opened);
    page.waits(300_000);
    page.hears(r#"{"type":"unknown"}"#);
    page.waits(309_000);
    assert_eq!((page.dials, page.said().len()), (1, 0));
    page.waits(1000);
    assert_eq!(page.said(), ["closed"]);
    dials_again(&mut page);
}

#[test]
fn what_the_app_wrote_down_is_said_in_its_turn() {
    let mut page = Page::of(ASKS);
    page.gives("t1");
    assert_eq!(page.url, "wss://h/ws?token=t1");
    page.socket(SocketEvent::Opened);
    assert_eq!(page.said(), [r#"{"type":"auth","token":"t1"}"#]);
    assert!(!page.engine.link.status().authenticated);
    page.hears(r#"{"type":"welcome"}"#);
    assert!(page.engine.link.status().authenticated);
    assert_eq!(page.said(), [r#"{"type":"subscribe","channel":"plan"}"#]);
    assert!(!page.engine.channels.is_synced());
    page.hears(r#"{"type":"subscribed","channel":"plan"}"#);
    assert!(page.engine.channels.is_synced());
    page.waits(15_000);
    page.stale();
    page.hears(r#"{"type":"changed","channel":"plan","seq":1}"#);
    page.hears(r#"{"type":"changed","channel":"else","seq":1}"#);
    page.waits(4000);
    assert_eq!(page.stale(), [r#"["tasks"]"#]);
    // A hole: it is not known what it was.
    page.hears(r#"{"type":"changed","channel":"plan","seq":3}"#);
    page.waits(15_000);
    assert!(page.stale().contains(&r#"["counts"]"#.to_owned()));
}

#[test]
fn a_server_that_does_not_give_the_sign_of_life_that_it_is_asked_for_is_left() {
    let mut page = Page::of(ASKS);
    connects(&mut page);
    page.said();
    for _ in 0..3 {
        while page.said() != [r#"{"type":"ping"}"#] {
            page.waits(1000);
        }
        page.hears(r#"{"type":"pong"}"#);
    }
    page.waits(60_000);
    assert!(page.said().contains(&"closed".to_owned()));
}

#[test]
fn ws26_a_token_that_is_refused_is_asked_for_once_more_and_then_for_a_login() {
    for refuse in [4001, 4401, 1008, 0] {
        let mut page = Page::of(ASKS);
        for last in [false, true] {
            page.gives("bad");
            page.socket(SocketEvent::Opened);
            match refuse {
                0 => page.hears(r#"{"type":"refused","reason":"no"}"#),
                code => page.socket(closed(code)),
            }
            page.waits(5000);
            assert_eq!(page.word() == Word::NeedsAuth, last, "{refuse}");
        }
        assert_eq!(page.asked, [TokenReason::Connect, TokenReason::Rejected]);
        assert_eq!(page.dials, 2);
    }
}

#[test]
fn a_refusal_before_the_connection_is_open_is_no_different_from_a_server_that_is_away() {
    let mut page = Page::of(ASKS);
    for _ in 0..5 {
        page.gives("bad");
        page.socket(closed(1006));
        assert_ne!(page.word(), Word::NeedsAuth);
        while page.token.is_none() {
            page.waits(1000);
        }
    }
}

#[test]
fn what_cannot_be_read_is_a_fault_and_no_end() {
    let mut page = Page::of(PLAIN);
    page.socket(SocketEvent::Opened);
    page.hears("what?");
    page.socket(SocketEvent::Bytes(b"\xff"));
    page.hears(r#"{"type":"changed","id":1}"#);
    page.waits(30_000);
    assert_eq!((page.dials, page.word()), (1, Word::Connected));
    assert!(page.stale().contains(&r#"["tasks",1]"#.to_owned()));
}
