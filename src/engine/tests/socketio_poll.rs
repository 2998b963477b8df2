//! The same page where no WebSocket gets through: requests that wait and requests that say something.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::page::Page;
use crate::engine::http::{Call, Failure, Headers, Method, Reply};
use crate::engine::ids::HttpId;
use crate::engine::input::{Input, SocketEvent};
use crate::engine::limits::POLL_GAP;
use crate::engine::status::{Transport, Word};

const POLLS: &str = r#"{"user":"ada","backend":{"kind":"socketio","url":"wss://h/socket.io/?v=1","ladder":["poll"]},
    "getToken":true,"events":{"changed":[["tasks"]],"other":[["counts"]]}}"#;
const BOTH: &str = r#"{"user":"ada","backend":{"kind":"socketio","url":"ws://h/socket.io/"},
    "getToken":true,"events":{"changed":[["tasks"]],"other":[["counts"]]}}"#;

const OPEN: &str = r#"0{"sid":"a&b","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
const TEXT: &str = "text/plain; charset=UTF-8";

/// A request of the page that the server has not answered.
fn open(page: &mut Page, method: Method) -> Option<(HttpId, Call)> {
    let ours = |(_, call): &(HttpId, Call)| call.method == method && call.url.contains("EIO=4");
    let at = page.requests.iter().position(ours)?;
    Some(page.requests.remove(at))
}

fn answer(page: &mut Page, request: HttpId, status: u16, kind: &str, body: &str) {
    let headers = Headers {
        content_type: Some(kind),
        ..Headers::default()
    };
    let body = body.as_bytes();
    let result = Ok(Reply {
        status,
        headers,
        body,
    });
    page.happens(Input::Response { request, result });
}

/// The request that waits is answered so, and the next one follows.
fn hears(page: &mut Page, body: &str) -> Call {
    let (request, call) = open(page, Method::Get).unwrap();
    answer(page, request, 200, TEXT, body);
    page.waits(POLL_GAP.0);
    call
}

/// What the request says that is under way, which is answered.
fn posted(page: &mut Page) -> (String, String) {
    let (request, call) = open(page, Method::Post).unwrap();
    answer(page, request, 200, "text/html", "ok");
    (call.url, call.body.unwrap())
}

fn connects(page: &mut Page) {
    page.gives("t1");
    hears(page, OPEN);
    let (_, said) = posted(page);
    assert_eq!(said, r#"40{"token":"t1"}"#);
    hears(page, r#"40{"sid":"x"}"#);
    assert!(page.engine.channels.is_synced());
}

fn is_live(page: &Page) -> bool {
    page.engine.link.live().is_some()
}

fn transport(page: &Page) -> Option<Transport> {
    page.engine.link.status().transport
}

#[test]
fn a_session_is_opened_named_and_waited_on() {
    let mut page = Page::of(POLLS);
    page.gives("t1");
    let first = hears(&mut page, OPEN);
    assert_eq!(
        first.url,
        "https://h/socket.io/?v=1&EIO=4&transport=polling"
    );
    assert_eq!((first.body, first.headers), (None, vec![]));
    let sid = "https://h/socket.io/?v=1&EIO=4&transport=polling&sid=a%26b";
    // What is said and what is waited for are one request each, and go on beside each other.
    assert_eq!(
        posted(&mut page),
        (sid.to_owned(), r#"40{"token":"t1"}"#.to_owned())
    );
    assert!(!is_live(&page));
    assert_eq!(hears(&mut page, r#"40{"sid":"x"}"#).url, sid);
    assert!(is_live(&page));
    page.waits(20_000);
    page.stale();
    // Several packets come in one answer, with bytes among them.
    let several =
        "42[\"other\",1]\u{1e}451-[\"changed\",{\"_placeholder\":true,\"num\":0}]\u{1e}bAQI=";
    hears(&mut page, several);
    page.waits(5000);
    assert_eq!(page.stale(), [r#"["counts"]"#, r#"["tasks"]"#]);
    assert_eq!(page.dials, 0, "no socket is opened");
}

#[test]
fn the_servers_signs_of_life_are_answered_by_a_request_and_its_silence_is_noticed() {
    let mut page = Page::of(POLLS);
    connects(&mut page);
    for _ in 0..5 {
        page.waits(25_000 - POLL_GAP.0);
        hears(&mut page, "2");
        assert_eq!(posted(&mut page).1, "3");
    }
    page.waits(44_000);
    assert!(is_live(&page));
    page.waits(2000);
    assert!(!is_live(&page));
    // It is told that nobody waits any more.
    assert_eq!(posted(&mut page).1, "1");
}

#[test]
fn what_is_said_while_a_request_is_under_way_goes_with_the_next() {
    let mut page = Page::of(POLLS);
    connects(&mut page);
    hears(&mut page, "421[\"changed\"]\u{1e}2");
    let (request, first) = open(&mut page, Method::Post).unwrap();
    assert_eq!(first.body.as_deref(), Some("431[]"));
    hears(&mut page, "422[\"changed\"]\u{1e}423[\"changed\"]");
    assert!(open(&mut page, Method::Post).is_none(), "one at a time");
    answer(&mut page, request, 200, "text/html", "ok");
    assert_eq!(posted(&mut page).1, "3\u{1e}432[]\u{1e}433[]");
}

#[test]
fn a_server_that_takes_little_gets_no_more_in_a_request() {
    let mut page = Page::of(POLLS);
    page.gives("t1");
    let small =
        r#"0{"sid":"S","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":10}"#;
    hears(&mut page, small);
    posted(&mut page);
    hears(&mut page, r#"40{"sid":"x"}"#);
    hears(&mut page, "421[\"a\"]\u{1e}422[\"a\"]\u{1e}423[\"a\"]");
    assert_eq!(posted(&mut page).1, "431[]");
    assert_eq!(posted(&mut page).1, "432[]");
}

#[test]
fn a_session_that_the_server_does_not_know_any_more_is_opened_anew() {
    let unknown = r#"{"code":1,"message":"Session ID unknown"}"#;
    for method in [Method::Get, Method::Post] {
        let mut page = Page::of(POLLS);
        connects(&mut page);
        page.waits(20_000);
        page.stale();
        if method == Method::Post {
            hears(&mut page, "2");
        }
        let (request, _) = open(&mut page, method).unwrap();
        answer(&mut page, request, 400, "application/json", unknown);
        assert!(!is_live(&page));
        assert!(
            open(&mut page, Method::Post).is_none(),
            "nothing is said to who does not know us"
        );
        page.requests.clear();
        page.waits(10_000);
        connects(&mut page);
        // A connection that was not taken up is a gap.
        page.waits(30_000);
        assert_eq!(page.stale(), [r#"["counts"]"#, r#"["tasks"]"#]);
    }
}

#[test]
fn a_page_that_is_no_answer_of_such_a_server_is_told_from_one() {
    for (status, kind, body) in [
        (200, "text/html", "<html>log in</html>"),
        (200, TEXT, "hello"),
        (502, TEXT, OPEN),
        (200, TEXT, "0{}"),
    ] {
        let mut page = Page::of(POLLS);
        page.gives("t1");
        let (request, _) = open(&mut page, Method::Get).unwrap();
        answer(&mut page, request, status, kind, body);
        assert!(!is_live(&page), "{body}");
        assert!(open(&mut page, Method::Post).is_none(), "{body}");
    }
}

#[test]
fn what_the_server_says_of_a_request_decides_what_is_next() {
    for (code, status, word) in [
        (5, 400, Word::Failed),
        (4, 403, Word::NeedsAuth),
        (3, 400, Word::Reconnecting),
    ] {
        let mut page = Page::of(POLLS);
        for token in ["bad", "bad too"] {
            page.waits(2000);
            if page.token.is_some() {
                page.gives(token);
            }
            let Some((request, _)) = open(&mut page, Method::Get) else {
                continue;
            };
            let body = ["{\"code\":", &code.to_string(), "}"].concat();
            answer(&mut page, request, status, "application/json", &body);
        }
        page.waits(3000);
        assert_eq!(page.word(), word, "{code}");
    }
}

/// Sockets are refused at once, and the server is there.
fn socket_is_blocked(page: &mut Page) {
    page.lost(1006);
    page.waits(10);
    let look = page
        .requests
        .iter()
        .position(|(_, call)| !call.url.contains("EIO=4"));
    if let Some(at) = look {
        let (request, _) = page.requests.remove(at);
        answer(page, request, 400, "application/json", "{\"code\":0}");
    }
}

#[test]
fn where_no_socket_gets_through_requests_do_and_the_socket_is_tried_again() {
    let mut page = Page::of(BOTH);
    for dials in 1..=3 {
        page.gives("t1");
        assert_eq!(page.dials, dials);
        socket_is_blocked(&mut page);
        page.waits(6000);
    }
    page.gives("t1");
    assert_eq!(page.dials, 3);
    hears(&mut page, OPEN);
    posted(&mut page);
    hears(&mut page, r#"40{"sid":"x"}"#);
    assert_eq!(
        (page.word(), transport(&page)),
        (Word::Degraded, Some(Transport::Poll))
    );
    page.waits(20_000);
    page.stale();
    hears(&mut page, "2");
    posted(&mut page);
    // The socket is tried beside it, which takes nothing from it.
    page.waits(24_000);
    page.gives("t1");
    assert_eq!(page.dials, 4);
    page.said();
    page.socket(SocketEvent::Opened);
    page.hears(r#"0{"sid":"T","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#);
    hears(&mut page, "42[\"changed\",1]");
    page.waits(5000);
    assert_eq!(page.stale(), [r#"["tasks"]"#]);
    assert_eq!(page.said(), [r#"40{"token":"t1"}"#]);
    // It is refused there, and the requests go on.
    page.lost(1006);
    assert_eq!(transport(&page), Some(Transport::Poll));
    hears(&mut page, "2");
    assert_eq!(posted(&mut page).1, "3");
    for _ in 0..3 {
        page.waits(20_000 - POLL_GAP.0);
        hears(&mut page, "2");
        posted(&mut page);
    }
    page.gives("t1");
    assert_eq!(page.dials, 5);
    page.socket(SocketEvent::Opened);
    page.hears(r#"0{"sid":"T","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#);
    page.hears(r#"40{"sid":"y"}"#);
    assert_eq!(
        (page.word(), transport(&page)),
        (Word::Connected, Some(Transport::Socket))
    );
    assert_eq!(posted(&mut page).1, "1", "the old one is given up");
    assert!(page.engine.channels.is_synced());
    // What happened between the two is not known.
    page.waits(30_000);
    assert_eq!(page.stale(), [r#"["counts"]"#, r#"["tasks"]"#]);
    page.hears("42[\"changed\",1]");
    page.waits(5000);
    assert_eq!(page.stale(), [r#"["tasks"]"#]);
}

#[test]
fn a_network_that_goes_is_no_reason_to_say_goodbye() {
    let mut page = Page::of(POLLS);
    connects(&mut page);
    let (request, _) = open(&mut page, Method::Get).unwrap();
    page.happens(Input::Response {
        request,
        result: Err(Failure::Unreachable),
    });
    assert!(!is_live(&page));
    assert!(open(&mut page, Method::Post).is_none());
}
