//! A page of Phoenix channels where no WebSocket gets through: requests that wait and requests that say something.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::page::Page;
use crate::engine::http::{Call, Headers, Method, Reply};
use crate::engine::ids::HttpId;
use crate::engine::input::{Input, SocketEvent};
use crate::engine::limits::POLL_GAP;
use crate::engine::status::{Transport, Word};
use crate::wire::json::{self, Writer};

const BOTH: &str = r#"{"user":"ada","backend":{"kind":"phoenix","url":"wss://h/socket/websocket"},
    "getToken":true,"channels":["room:a"],"events":{"changed":[["tasks"]]}}"#;

fn polls() -> Page {
    Page::of(&BOTH.replace(r#""kind""#, r#""ladder":["poll"],"kind""#))
}

/// A request of the page that the server has not answered.
fn open(page: &mut Page, method: Method) -> Option<(HttpId, Call)> {
    let ours = |(_, call): &(HttpId, Call)| call.method == method && call.url.contains("/longpoll");
    let at = page.requests.iter().position(ours)?;
    Some(page.requests.remove(at))
}

fn answer(page: &mut Page, request: HttpId, body: &str) {
    let headers = Headers {
        content_type: Some("application/json; charset=utf-8"),
        ..Headers::default()
    };
    let result = Ok(Reply {
        status: 200,
        headers,
        body: body.as_bytes(),
    });
    page.happens(Input::Response { request, result });
}

/// The request that waits is answered so, and the next one follows.
fn answered(page: &mut Page, body: &str) -> Call {
    let (request, call) = open(page, Method::Get).unwrap();
    answer(page, request, body);
    page.waits(POLL_GAP.0);
    call
}

fn hears(page: &mut Page, frames: &[&str]) -> Call {
    let mut w = Writer::new();
    w.object(|w| {
        w.key("status").number(200);
        w.key("token").string("S");
        w.key("messages")
            .array(|w| frames.iter().for_each(|frame| w.string(frame)));
    });
    answered(page, &w.finish())
}

/// What the request says that is under way, which is answered.
fn posted(page: &mut Page) -> Vec<String> {
    let (request, call) = open(page, Method::Post).unwrap();
    answer(page, request, r#"{"status":200}"#);
    let body = call.body.unwrap();
    body.lines().map(str::to_owned).collect()
}

/// A question is answered with yes.
fn says_yes(page: &mut Page, said: &str) {
    let raw = json::parse(said).unwrap();
    let mut parts = Vec::new();
    raw.elements(|part| parts.push(part.text().to_owned()));
    let [join, number, topic, ..] = &*parts else {
        panic!("{said}");
    };
    let reply =
        format!(r#"[{join},{number},{topic},"phx_reply",{{"status":"ok","response":{{}}}}]"#);
    hears(page, &[&reply]);
}

const NEW: &str = r#"{"status":410,"token":"S","messages":[]}"#;

fn connects(page: &mut Page) {
    page.gives("t1");
    let begin = answered(page, NEW);
    assert_eq!(begin.url, "https://h/socket/longpoll?token=t1&vsn=2.0.0");
    let greeting = posted(page);
    assert!(greeting[0].contains("heartbeat"), "{greeting:?}");
    says_yes(page, &greeting[0]);
    let join = posted(page);
    assert!(join[0].contains("phx_join"), "{join:?}");
    says_yes(page, &join[0]);
    assert!(page.engine.channels.is_synced());
}

fn is_live(page: &Page) -> bool {
    page.engine.link.live().is_some()
}

fn transport(page: &Page) -> Option<Transport> {
    page.engine.link.status().transport
}

const CHANGED: &str = r#"[null,null,"room:a","changed",{}]"#;

#[test]
fn a_session_is_begun_waited_on_and_heard() {
    let mut page = polls();
    connects(&mut page);
    page.waits(20_000);
    page.stale();
    let wait = hears(&mut page, &[CHANGED, CHANGED]);
    assert_eq!(wait.url, "https://h/socket/longpoll?vsn=2.0.0&token=S");
    page.waits(4000);
    assert_eq!(page.stale(), [r#"["tasks"]"#]);
    // Nothing came for as long as it waits; and then under another name.
    answered(&mut page, r#"{"status":204,"token":"S2","messages":[]}"#);
    let wait = hears(&mut page, &[]);
    assert_eq!(wait.url, "https://h/socket/longpoll?vsn=2.0.0&token=S2");
    assert!(is_live(&page));
    assert_eq!((page.dials, page.faults.len()), (0, 0));
}

#[test]
fn our_signs_of_life_go_by_requests_and_silence_is_noticed() {
    let mut page = polls();
    connects(&mut page);
    for _ in 0..4 {
        page.waits(26_000);
        let asked = posted(&mut page);
        assert!(asked[0].contains("heartbeat"), "{asked:?}");
        says_yes(&mut page, &asked[0]);
    }
    assert!(is_live(&page));
    page.waits(120_000);
    assert!(!is_live(&page));
}

#[test]
fn a_session_that_is_gone_is_begun_anew_and_what_was_missed_is_fetched() {
    for body in [NEW, r#"{"status":403}"#] {
        let mut page = polls();
        connects(&mut page);
        page.waits(20_000);
        page.stale();
        let (request, _) = open(&mut page, Method::Get).unwrap();
        answer(&mut page, request, body);
        assert!(!is_live(&page));
        page.requests.clear();
        page.waits(10_000);
        connects(&mut page);
        page.waits(30_000);
        assert_eq!(page.stale(), [r#"["tasks"]"#]);
    }
}

#[test]
fn a_token_that_is_refused_is_asked_for_once_more_and_then_a_login_is_wanted() {
    let mut page = polls();
    for token in ["bad", "bad too"] {
        page.waits(2000);
        page.gives(token);
        let (request, _) = open(&mut page, Method::Get).unwrap();
        answer(&mut page, request, r#"{"status":403}"#);
    }
    page.waits(3000);
    assert_eq!(page.word(), Word::NeedsAuth);
}

/// Sockets are refused at once, and the server is there.
fn socket_is_blocked(page: &mut Page) {
    page.lost(1006);
    page.waits(10);
    let look = page
        .requests
        .iter()
        .position(|(_, call)| !call.url.contains("/longpoll"));
    if let Some(at) = look {
        let (request, _) = page.requests.remove(at);
        answer(page, request, "{}");
    }
}

#[test]
fn where_no_socket_gets_through_requests_do_and_the_socket_is_gone_back_to() {
    let mut page = Page::of(BOTH);
    for dials in 1..=3 {
        page.gives("t1");
        assert_eq!(page.dials, dials);
        socket_is_blocked(&mut page);
        page.waits(6000);
    }
    connects(&mut page);
    assert_eq!(
        (page.word(), transport(&page)),
        (Word::Degraded, Some(Transport::Poll))
    );
    page.waits(20_000);
    page.stale();
    let asked = |page: &mut Page| {
        if open(page, Method::Post).is_some() {
            panic!("the signs of life are answered below");
        }
    };
    asked(&mut page);
    // The socket is tried beside it.
    let mut beats = 0;
    while page.token.is_none() {
        page.waits(1000);
        if let Some((request, call)) = open(&mut page, Method::Post) {
            answer(&mut page, request, r#"{"status":200}"#);
            says_yes(&mut page, call.body.unwrap().lines().next().unwrap());
            beats += 1;
        }
        assert!(beats < 10, "it is tried");
    }
    page.gives("t1");
    assert_eq!(page.dials, 4);
    page.said();
    page.socket(SocketEvent::Opened);
    let greeting = page.said();
    let number = greeting[0].split('"').nth(1).unwrap().to_owned();
    page.hears(&format!(
        r#"[null,"{number}","phoenix","phx_reply",{{"status":"ok","response":{{}}}}]"#
    ));
    assert_eq!(
        (page.word(), transport(&page)),
        (Word::Connected, Some(Transport::Socket))
    );
    let join = page.said();
    let number = join[0].split('"').nth(1).unwrap().to_owned();
    page.hears(&format!(
        r#"["{number}","{number}","room:a","phx_reply",{{"status":"ok","response":{{}}}}]"#
    ));
    assert!(page.engine.channels.is_synced());
    // What happened between the two is not known.
    page.waits(20_000);
    assert_eq!(page.stale(), [r#"["tasks"]"#]);
}
