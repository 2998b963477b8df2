//! A page that follows subscriptions of GraphQL, from its options to what it refetches.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::page::Page;
use crate::engine::input::SocketEvent;
use crate::engine::limits::GRAPHQL_HEARTBEAT;
use crate::engine::status::Word;

const CONFIG: &str = r#"{"user":"ada","backend":{"kind":"graphql","url":"wss://h/graphql","subscriptions":{
    "list:{id}":{"query":"subscription($l:ID!){task(list:$l){id}}","variables":{"l":"{id}"},"event":"changed","data":"$.task"},
    "other":{"query":"subscription{other}"}}},
    "getToken":true,"channels":["list:1","other"],"events":{"changed":[["task","$.id"]],"other":[["counts"]]}}"#;

/// A page of a server that answers signs of life by itself.
fn page() -> Page {
    let mut page = Page::of(CONFIG);
    page.answers_by_itself =
        |frame| (frame == r#"{"type":"ping"}"#).then(|| r#"{"type":"pong"}"#.to_owned());
    page
}

/// It dials, is taken, and asks for its channels; the numbers of both.
fn connects(page: &mut Page) -> [String; 2] {
    page.gives("t1");
    page.socket(SocketEvent::Opened);
    let hello = r#"{"type":"connection_init","payload":{"token":"t1"}}"#;
    assert_eq!(page.said().last().unwrap(), hello);
    page.hears(r#"{"type":"connection_ack","payload":{}}"#);
    assert!(page.engine.channels.is_synced());
    assert_eq!(page.word(), Word::Connected);
    let said = page.said();
    let number = |what: &str| {
        let frame = said.iter().find(|frame| frame.contains(what)).unwrap();
        frame.split('"').nth(3).unwrap().to_owned()
    };
    [number(r#""variables":{"l":"1"}"#), number("{other}")]
}

fn result(page: &mut Page, id: &str, payload: &str) {
    page.hears(&format!(
        r#"{{"id":"{id}","type":"next","payload":{payload}}}"#
    ));
}

#[test]
fn results_are_events_and_each_connection_begins_with_a_gap() {
    let mut page = page();
    let [first, _] = connects(&mut page);
    assert_eq!(
        (&*page.url, page.protocol),
        ("wss://h/graphql", "graphql-transport-ws")
    );
    page.waits(20_000);
    assert_eq!(page.stale(), [r#"["counts"]"#, r#"["task"]"#]);
    result(&mut page, &first, r#"{"data":{"task":{"id":7}}}"#);
    page.waits(5000);
    assert_eq!(page.stale(), [r#"["task",7]"#]);
    page.lost(1006);
    page.waits(20_000);
    let [second, _] = connects(&mut page);
    assert_ne!(first, second, "a number is not used twice");
    page.waits(20_000);
    assert_eq!(page.stale(), [r#"["counts"]"#, r#"["task"]"#]);
    // What comes under the old number is nobody's.
    result(&mut page, &first, r#"{"data":{"task":{"id":7}}}"#);
    page.waits(5000);
    assert_eq!(page.stale(), [""; 0]);
}

#[test]
fn a_subscription_that_is_refused_after_it_was_had_is_not_asked_for_again() {
    let mut page = page();
    let [list, other] = connects(&mut page);
    page.waits(20_000);
    page.stale();
    page.said();
    let no = r#"[{"message":"not yours","extensions":{"code":"FORBIDDEN"}}]"#;
    page.hears(&format!(
        r#"{{"id":"{other}","type":"error","payload":{no}}}"#
    ));
    assert!(page.faults.iter().any(|fault| fault.contains("not yours")));
    page.waits(300_000);
    assert_eq!(page.said(), [""; 0]);
    assert_eq!(page.stale(), [""; 0]);
    // The other goes on.
    result(&mut page, &list, r#"{"data":{"task":{"id":7}}}"#);
    page.waits(5000);
    assert_eq!(page.stale(), [r#"["task",7]"#]);
}

#[test]
fn one_that_ends_or_fails_for_now_is_asked_for_again_after_a_pause() {
    for payload in [
        r#""type":"complete""#,
        r#""type":"error","payload":[{"message":"no database"}]"#,
    ] {
        let mut page = page();
        let [_, other] = connects(&mut page);
        page.waits(20_000);
        page.stale();
        page.said();
        page.hears(&format!(r#"{{"id":"{other}",{payload}}}"#));
        assert_eq!(page.said(), [""; 0], "{payload}");
        page.waits(30_000);
        let said = page.said();
        assert_eq!(said.len(), 1, "{payload}");
        assert!(said.last().unwrap().contains("{other}"));
        // What it missed meanwhile is not known, nor what it would have been called.
        assert_eq!(page.stale(), [r#"["counts"]"#, r#"["task"]"#], "{payload}");
    }
}

#[test]
fn who_is_refused_gives_another_token_and_then_needs_a_login() {
    let mut page = page();
    for last in [false, true] {
        page.gives("bad");
        page.socket(SocketEvent::Opened);
        page.lost(4403);
        page.waits(5000);
        assert_eq!(page.word() == Word::NeedsAuth, last);
    }
    for (code, word) in [(4400, Word::Failed), (4406, Word::Failed)] {
        let mut page = self::page();
        connects(&mut page);
        page.lost(code);
        assert_eq!(page.word(), word, "{code}");
    }
    for code in [4408, 4409, 4429, 4500, 1011] {
        let mut page = self::page();
        connects(&mut page);
        page.lost(code);
        page.waits(20_000);
        connects(&mut page);
    }
}

#[test]
fn the_server_is_asked_for_signs_of_life_and_its_own_are_answered() {
    let mut page = page();
    connects(&mut page);
    page.waits(10 * GRAPHQL_HEARTBEAT.0);
    assert!(page.beats >= 9, "{}", page.beats);
    assert_eq!(page.word(), Word::Connected);
    page.said();
    page.hears(r#"{"type":"ping","payload":{"at":1}}"#);
    assert_eq!(page.said(), [r#"{"type":"pong"}"#]);
    page.lives = false;
    page.waits(2 * GRAPHQL_HEARTBEAT.0 + 1000);
    assert!(page.said().contains(&"closed".to_owned()));
}
