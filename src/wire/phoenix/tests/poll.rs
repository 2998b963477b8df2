//! A connection that is carried by requests.

use super::*;
use crate::engine::http::{Headers, Method, Reply};
use crate::engine::limits::POLL_SESSION_BYTES_MAX;
use crate::wire::carried::Door;

const URL: &str = "wss://h/socket/websocket?app=a";

fn plain() -> Session {
    session(r#"{"kind":"phoenix"}"#)
}

fn hears(session: &mut Session, body: &str) -> Vec<String> {
    let mut heard = Vec::new();
    session.hear_answer(body.as_bytes(), &mut heard);
    words(heard)
}

fn meant(session: &Session, status: u16, body: &str) -> u16 {
    session.meant(&Reply {
        status,
        headers: Headers::default(),
        body: body.as_bytes(),
    })
}

const NEW: &str = r#"{"status":410,"token":"T/1","messages":[]}"#;

#[test]
fn the_requests_are_those_of_the_official_client() {
    let mut session = plain();
    let begin = session.request(URL, Door::Begin(""), Some("t 1")).unwrap();
    assert_eq!(begin.method, Method::Get);
    assert_eq!(
        begin.url,
        "https://h/socket/longpoll?app=a&token=t%201&vsn=2.0.0"
    );
    assert_eq!((begin.headers, begin.body), (vec![], None));
    assert_eq!(
        hears(&mut session, NEW),
        [r#"Opened { session: "T/1", bytes_max: None }"#]
    );
    let wait = session.request(URL, Door::Wait { session: "T/1" }, Some("t"));
    let wait = wait.unwrap();
    assert_eq!(wait.method, Method::Get);
    // The token was shown once.
    assert_eq!(
        wait.url,
        "https://h/socket/longpoll?app=a&vsn=2.0.0&token=T%2f1"
    );
    let messages = ["[1]".to_owned(), "[2]".to_owned()];
    let door = Door::Say {
        session: "T/1",
        messages: &messages,
    };
    let say = session.request(URL, door, Some("t")).unwrap();
    assert_eq!(say.method, Method::Post);
    assert_eq!(say.body.as_deref(), Some("[1]\n[2]"));
    assert_eq!(
        say.headers,
        [("content-type", "application/x-ndjson".to_owned())]
    );
    let end = Door::End { session: "T/1" };
    assert_eq!(session.request(URL, end, None), None);
}

#[test]
fn what_is_meant_stands_in_the_answer_and_not_in_the_status_of_http() {
    let status = |status: u64| format!(r#"{{"status":{status}}}"#);
    let mut session = plain();
    session.request(URL, Door::Begin(""), None);
    assert_eq!(meant(&session, 200, NEW), 200, "a session begins");
    assert_eq!(meant(&session, 200, &status(403)), 403);
    assert_eq!(
        meant(&session, 404, "<html>"),
        405,
        "there are sockets alone"
    );
    session.request(URL, Door::Begin(""), Some("t"));
    assert_eq!(
        meant(&session, 200, &status(403)),
        401,
        "another token may do"
    );
    hears(&mut session, NEW);
    for (said, means) in [
        (200, 200),
        (204, 204),
        (410, 410),
        (500, 500),
        (403, 410),
        (99_999, 500),
    ] {
        assert_eq!(meant(&session, 200, &status(said)), means, "{said}");
    }
    assert_eq!(meant(&session, 502, "<html>"), 502);
    assert_eq!(
        meant(&session, 200, "<html>"),
        200,
        "it is for who reads it"
    );
}

#[test]
fn the_messages_of_an_answer_are_frames_in_order() {
    let mut session = plain();
    hears(&mut session, NEW);
    session.hello(None);
    let ask = session.subscribe(RequestId(1), "room:a", None, None);
    assert!(matches!(ask, Ask::Say(_)));
    let heard = hears(
        &mut session,
        r#"{"status":200,"token":"T/1","messages":["[null,\"0\",\"phoenix\",\"phx_reply\",{\"status\":\"ok\",\"response\":{}}]","[\"1\",\"1\",\"room:a\",\"phx_reply\",{\"status\":\"ok\",\"response\":{}}]","[null,null,\"room:a\",\"moved\",{\"at\":\"\\u00e9\"}]"]}"#,
    );
    assert_eq!(
        heard,
        [
            "welcome 25000 Some(35000) None",
            "room:a Impossible",
            r#"room:a moved {"at":"\u00e9"}"#
        ]
    );
    // Another name is for what follows.
    assert_eq!(
        hears(
            &mut session,
            r#"{"status":204,"token":"T/2","messages":[]}"#
        ),
        [r#"Opened { session: "T/2", bytes_max: None }"#]
    );
    session.begin();
    assert_eq!(hears(&mut session, NEW).len(), 1, "another connection");
}

#[test]
fn what_is_no_answer_is_a_fault_and_nothing_of_any_size_is_kept() {
    let long = "x".repeat(POLL_SESSION_BYTES_MAX + 1);
    let large = format!(r#"{{"status":410,"token":"{long}"}}"#);
    for body in [
        "",
        "<html>",
        "{}",
        "[]",
        r#"{"status":"200"}"#,
        // Nobody named it yet.
        r#"{"status":410}"#,
        r#"{"status":410,"token":""}"#,
        &large,
    ] {
        let mut session = plain();
        let heard = hears(&mut session, body);
        assert_eq!(heard.len(), 1, "{body}");
        assert!(heard[0].starts_with("Broken"), "{body}: {heard:?}");
    }
    for messages in [r#"[7]"#, r#"["{"]"#, r#"[null]"#, r#"["7"]"#] {
        let mut session = plain();
        hears(&mut session, NEW);
        let body = format!(r#"{{"status":200,"token":"T/1","messages":{messages}}}"#);
        let heard = hears(&mut session, &body);
        assert!(heard[0].starts_with("Broken"), "{messages}: {heard:?}");
    }
}

#[test]
fn supabase_is_asked_for_text_alone() {
    let mut session = session(r#"{"kind":"supabase"}"#);
    let begin = session.request(
        "wss://h/realtime/v1/websocket?apikey=k",
        Door::Begin(""),
        Some("t"),
    );
    // The token goes with the joins.
    assert_eq!(
        begin.unwrap().url,
        "https://h/realtime/v1/longpoll?apikey=k&vsn=1.0.0"
    );
    hears(&mut session, NEW);
    assert_eq!(
        session.hello(None),
        r#"{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"0"}"#
    );
    assert!(session.socket_url("wss://h/", None).ends_with("vsn=2.0.0"));
}
