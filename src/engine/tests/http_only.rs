//! A page whose server has no connections: contracts ask it, and nothing is dialled.

#![allow(clippy::unwrap_used)]

use super::page::Page;
use crate::engine::command::Command;
use crate::engine::config::Config;
use crate::engine::http::{Call, Headers, Reply};
use crate::engine::ids::HttpId;
use crate::engine::input::{Input, PageEvent};
use crate::engine::status::Word;
use crate::engine::token::{Token, TokenReason};

const PLAIN: &str = r#"{"user":"ada","backend":{"kind":"http","url":"wss://h/"},
    "contracts":{"a":{"key":["a"],"maxAge":30000,"probe":"https://h/a"}}}"#;
const TOKENS: &str = r#"{"user":"ada","backend":{"kind":"http","url":"wss://h/"},"getToken":true,
    "contracts":{"a":{"key":["a"],"maxAge":30000,"probe":"https://h/a"}}}"#;

fn say(page: &mut Page, command: &str) {
    page.happens(Input::Command(Command::parse(command).unwrap()));
}

/// The page shows something that it has just fetched.
fn watches(page: &mut Page) {
    for phase in ["observe", "start", "success"] {
        let report = [r#"{"do":"fetch","key":["a"],"phase":""#, phase, "\"}"].concat();
        say(page, &report);
    }
}

/// The next look whether it is still so.
fn probe(page: &mut Page) -> (HttpId, Call) {
    for _ in 0..400 {
        if let Some(found) = page.requests.pop() {
            return found;
        }
        page.waits(100);
    }
    panic!("it does not look");
}

fn answer(page: &mut Page, request: HttpId, status: u16, etag: Option<&str>) {
    let headers = Headers {
        etag,
        ..Headers::default()
    };
    let body = b"{}";
    let result = Ok(Reply {
        status,
        headers,
        body,
    });
    page.happens(Input::Response { request, result });
}

fn header<'a>(call: &'a Call, name: &str) -> Option<&'a str> {
    let found = call.headers.iter().find(|(have, _)| *have == name);
    found.map(|(_, value)| value.as_str())
}

#[test]
fn po8_nothing_is_dialled_and_a_tag_that_is_the_same_renews_what_is_shown() {
    let mut page = Page::of(PLAIN);
    assert_eq!(page.word(), Word::Polling);
    watches(&mut page);
    let (first, call) = probe(&mut page);
    assert_eq!(header(&call, "if-none-match"), None);
    answer(&mut page, first, 200, Some("\"1\""));
    page.waits(2000);
    page.stale();
    watches(&mut page);
    for _ in 0..3 {
        let (request, call) = probe(&mut page);
        if header(&call, "if-none-match") == Some("\"1\"") {
            answer(&mut page, request, 304, Some("\"1\""));
            page.waits(2000);
            assert_eq!(page.stale(), [""; 0]);
        } else {
            answer(&mut page, request, 200, Some("\"1\""));
            page.waits(2000);
            page.stale();
            watches(&mut page);
        }
    }
    let (request, call) = probe(&mut page);
    assert_eq!(header(&call, "if-none-match"), Some("\"1\""));
    answer(&mut page, request, 200, Some("\"2\""));
    page.waits(2000);
    assert_eq!(page.stale(), [r#"["a"]"#]);
    page.waits(600_000);
    assert_eq!((page.dials, page.word()), (0, Word::Polling));
}

#[test]
fn a_token_is_had_for_what_is_asked_and_a_refusal_asks_for_another_once() {
    let mut page = Page::of(TOKENS);
    assert_eq!(page.asked, [TokenReason::Connect]);
    page.gives("t1");
    assert_eq!(page.word(), Word::Polling);
    watches(&mut page);
    let (request, call) = probe(&mut page);
    assert_eq!(header(&call, "authorization"), Some("Bearer t1"));
    answer(&mut page, request, 401, None);
    page.waits(1000);
    assert_eq!(page.asked.last(), Some(&TokenReason::Rejected));
    page.gives("t2");
    let (_, call) = probe(&mut page);
    assert_eq!(header(&call, "authorization"), Some("Bearer t2"));
    let token = Some(Token::new("t3"));
    page.happens(Input::Command(Command::LoggedIn { token }));
    page.waits(1000);
    assert_eq!((page.dials, page.word()), (0, Word::Polling));
}

#[test]
fn ws26_who_has_to_log_in_is_told_so() {
    let mut page = Page::of(TOKENS);
    let request = page.token.take().unwrap();
    let result = Err(crate::engine::token::TokenFailure::NeedsLogin);
    page.happens(Input::Token { request, result });
    assert_eq!(page.word(), Word::NeedsAuth);
    let token = Some(Token::new("t"));
    page.happens(Input::Command(Command::LoggedIn { token }));
    assert_eq!(page.word(), Word::Polling);
}

#[test]
fn without_a_network_it_says_so() {
    let mut page = Page::of(PLAIN);
    page.happens(Input::Page(PageEvent::Offline));
    assert_eq!(page.word(), Word::Offline);
    page.happens(Input::Page(PageEvent::Online));
    assert_eq!(page.word(), Word::Polling);
    say(&mut page, r#"{"do":"reconnect"}"#);
    page.waits(60_000);
    assert_eq!(page.dials, 0);
}

#[test]
fn there_are_no_channels() {
    let config = PLAIN.replace("\"contracts\"", "\"channels\":[\"a\"],\"contracts\"");
    assert_eq!(Config::parse(&config).unwrap_err().path, "channels[0]");
}
