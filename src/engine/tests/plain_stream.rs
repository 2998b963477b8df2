//! A page whose server sends a stream of events and has no protocol.

#![allow(clippy::unwrap_used)]

use super::page::Page;
use crate::engine::http::{Failure, StreamEvent};
use crate::engine::status::Word;
use crate::engine::token::TokenReason;

const PLAIN: &str = r#"{"user":"ada","backend":{"kind":"sse","url":"wss://h/events"},
    "events":{"changed":[["tasks","$.id"]],"other":[["counts"]]}}"#;
const REPLAYS: &str = r#"{"user":"ada","backend":{"kind":"sse","url":"wss://h/events","replays":true,"reset":"reset"},
    "getToken":true,"events":{"changed":[["tasks"]],"other":[["counts"]]}}"#;
const KIND: &str = "text/event-stream; charset=utf-8";

fn headers(page: &Page) -> Vec<(&'static str, &str)> {
    let call = page.stream.as_ref().unwrap();
    call.headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect()
}

fn chunk(page: &mut Page, text: &str) {
    page.streams(StreamEvent::Chunk(text.as_bytes()));
}

fn dials_again(page: &mut Page) {
    let dials = page.dials;
    while page.dials == dials {
        page.waits(100);
    }
}

#[test]
fn a_stream_is_opened_by_a_plain_request_and_its_events_have_names() {
    let mut page = Page::of(PLAIN);
    assert_eq!(page.stream.as_ref().unwrap().url, "https://h/events");
    assert_eq!(headers(&page), [("accept", "text/event-stream")]);
    page.answers(200, KIND);
    assert_eq!(page.word(), Word::Connected);
    assert!(page.engine.link.status().authenticated && page.engine.channels.is_synced());
    page.waits(30_000);
    assert_eq!(page.stale(), [r#"["counts"]"#, r#"["tasks"]"#]);
    chunk(
        &mut page,
        "event: changed\ndata: {\"id\":7}\n\n: comment\n\n",
    );
    page.waits(5000);
    assert_eq!(page.stale(), [r#"["tasks",7]"#]);
    // One without a name in the stream has it in its JSON.
    chunk(
        &mut page,
        "data: {\"type\":\"changed\",\"data\":{\"id\":8}}\n\n",
    );
    page.waits(5000);
    assert_eq!(page.stale(), [r#"["tasks",8]"#]);
    chunk(
        &mut page,
        "data: no JSON\n\ndata: 7\n\nevent: other\ndata: no JSON\n\n",
    );
    page.waits(5000);
    assert_eq!(page.stale(), [r#"["counts"]"#]);
    assert_eq!(page.faults, [""; 0]);
}

#[test]
fn a_stream_that_ends_is_opened_after_the_pause_that_the_server_wants_and_begins_with_a_gap() {
    let mut page = Page::of(PLAIN);
    page.answers(200, KIND);
    page.waits(30_000);
    chunk(&mut page, "retry: 20000\nid: 5\ndata: 1\n\n");
    page.stale();
    page.streams(StreamEvent::Ended);
    page.waits(19_900);
    assert_eq!(page.dials, 1);
    dials_again(&mut page);
    // The id is sent, but nobody said that the server knows what to do with it.
    assert!(headers(&page).contains(&("last-event-id", "5")));
    page.answers(200, KIND);
    page.waits(30_000);
    assert_eq!(page.stale(), [r#"["counts"]"#, r#"["tasks"]"#]);
}

#[test]
fn a_server_that_replays_tells_what_was_missed_and_nothing_else_is_fetched() {
    let mut page = Page::of(REPLAYS);
    page.gives("t1");
    assert!(headers(&page).contains(&("authorization", "Bearer t1")));
    page.answers(200, KIND);
    chunk(
        &mut page,
        "id: 5\nevent: changed\ndata: 1\n\nid: 6\nevent: changed\n",
    );
    page.waits(30_000);
    page.stale();
    page.streams(StreamEvent::Failed(Failure::Unreachable));
    while page.token.is_none() {
        page.waits(100);
    }
    page.gives("t1");
    // The one that broke off comes again.
    assert!(headers(&page).contains(&("last-event-id", "5")));
    page.answers(200, KIND);
    page.waits(30_000);
    assert_eq!(page.stale(), [""; 0]);
    chunk(&mut page, "id: 6\nevent: changed\ndata: 1\n\n");
    page.waits(5000);
    assert_eq!(page.stale(), [r#"["tasks"]"#]);
    // A server that says that it cannot.
    chunk(&mut page, "event: reset\ndata: {}\n\n");
    page.waits(30_000);
    assert_eq!(page.stale(), [r#"["counts"]"#, r#"["tasks"]"#]);
}

#[test]
fn g9_the_id_of_one_person_is_not_told_for_the_next() {
    use crate::engine::command::Command;
    use crate::engine::principal::User;
    let mut page = Page::of(PLAIN);
    page.answers(200, KIND);
    chunk(&mut page, "id: 5\nevent: changed\ndata: 1\n\n");
    let user = Some(User::new("ben"));
    page.happens(crate::engine::input::Input::Command(Command::SetUser {
        user,
    }));
    let mut wire = std::mem::replace(&mut page.engine.wires.link, crate::wire::Wire::Native);
    let call = wire.stream("wss://h", "me", None).unwrap();
    assert_eq!(call.headers, [("accept", "text/event-stream".to_owned())]);
}

#[test]
fn ws26_a_token_that_is_refused_is_asked_for_once_more_and_then_for_a_login() {
    let mut page = Page::of(REPLAYS);
    for last in [false, true] {
        page.gives("bad");
        page.answers(401, "application/json");
        page.waits(5000);
        assert_eq!(page.word() == Word::NeedsAuth, last);
    }
    assert_eq!(page.asked, [TokenReason::Connect, TokenReason::Rejected]);
}

#[test]
fn what_is_no_stream_is_a_fault_and_a_server_that_wants_nobody_is_left() {
    let mut page = Page::of(PLAIN);
    page.answers(200, "text/html");
    assert_eq!(page.faults, ["the answer is no stream of events"]);
    dials_again(&mut page);
    page.answers(500, "text/html");
    dials_again(&mut page);
    page.answers(204, "");
    assert_eq!(page.word(), Word::Failed);
    let dials = page.dials;
    page.waits(600_000);
    assert_eq!((page.dials, page.faults.len()), (dials, 1));
}

#[test]
fn silence_that_is_longer_than_the_server_keeps_is_death() {
    let config = PLAIN.replace("events\"},", "events\",\"heartbeat\":{\"every\":15000}},");
    let mut page = Page::of(&config);
    page.answers(200, KIND);
    for _ in 0..4 {
        page.waits(15_000);
        chunk(&mut page, ": ping\n\n");
    }
    assert_eq!(page.said(), [""; 0]);
    page.waits(26_000);
    assert_eq!(page.said(), ["closed"]);
}

/// Status, type and chunks of a recorded answer.
fn recorded(answer: &str) -> (u16, String, Vec<String>) {
    let (head, mut body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let header = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or("").to_owned()
    };
    if header("transfer-encoding: ") != "chunked" {
        return (status, header("content-type: "), vec![body.to_owned()]);
    }
    let mut chunks = Vec::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        chunks.push(rest[..size].to_owned());
        body = &rest[size + 2..];
    }
    (status, header("content-type: "), chunks)
}

#[test]
fn every_recorded_answer_of_a_server_with_sse_starlette_is_read() {
    const RECORDED: &str = include_str!("../../../tests/wires/http_sse.jsonl");
    const CONFIG: &str = r#"{"user":"ada","backend":{"kind":"sse","url":"wss://h/sse","replays":true},
        "events":{"timeblock_updated":[["blocks","$.i"]],"message":[["all"]]}}"#;
    let mut page = Page::of(CONFIG);
    let mut stale = Vec::new();
    let mut asked = Vec::new();
    for line in RECORDED.lines().skip(1) {
        let row = crate::wire::json::parse(line).unwrap();
        let of = |name: &str| {
            row.member(name)
                .and_then(|raw| raw.string())
                .unwrap()
                .decode()
        };
        if !of("session").starts_with("SSE") {
            continue;
        }
        if of("dir") == "c>s" {
            asked.push(of("frame").into_owned());
            continue;
        }
        let (status, kind, chunks) = recorded(&of("frame"));
        // What the recorded client said of the last id is what we say.
        let id = headers(&page)
            .into_iter()
            .find(|(name, _)| *name == "last-event-id");
        let theirs = asked.last().unwrap().split("Last-Event-ID: ").nth(1);
        if let (Some((_, id)), Some(theirs)) = (id, theirs) {
            assert!(theirs.starts_with(id));
        }
        page.answers(status, &kind);
        if page.word() == Word::Connected {
            page.waits(15_000);
            page.stale();
            for part in chunks {
                chunk(&mut page, &part);
            }
            page.waits(5000);
            stale.push(page.stale().join(" "));
            page.streams(StreamEvent::Ended);
        }
        match status {
            204 => {
                // It wants nobody back: another page goes on with what follows.
                assert_eq!(page.word(), Word::Failed);
                page = Page::of(CONFIG);
            }
            _ => dials_again(&mut page),
        }
    }
    let first = r#"["all"] ["blocks",1] ["blocks",2] ["blocks",3]"#;
    let then = r#"["all"] ["blocks",4] ["blocks",5] ["blocks",6]"#;
    assert_eq!(stale, [first, then]);
    assert_eq!(page.faults, ["the answer is no stream of events"]);
    assert_eq!(asked.len(), 5);
}
