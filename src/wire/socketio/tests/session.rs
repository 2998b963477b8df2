//! Whole sessions, in the words of every wire.

use super::super::session::Session;
use super::super::*;
use super::{CLIENT, NODE, PYTHON, frame};
use crate::engine::backend::SocketIo;
use crate::engine::limits::{ATTACHMENT_BYTES_MAX, HELD_EVENTS_MAX};
use crate::wire::recorded::{Row, sessions};
use crate::wire::{Ask, Heard};

/// A server of which nothing is known but the namespace that is always connected.
fn of(namespace: &str) -> SocketIo {
    SocketIo {
        namespace: namespace.to_owned(),
        auth: None,
        known_by: None,
    }
}

fn fresh() -> Session {
    Session::new(&of(ROOT))
}

/// The same, with that namespace connected.
fn connected(more: &str) -> Session {
    let mut session = fresh();
    session.begin();
    say(&mut session, OPEN);
    assert_eq!(session.hello(None), "40");
    let heard = say(&mut session, &["40{\"sid\":\"s\"", more, "}"].concat());
    assert_eq!(heard, ["welcome 25000", "/ NotAsked"]);
    session
}

const OPEN: &str = r#"0{"sid":"S","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;

/// What a frame means, in short. What is always connected is asked for as a channel as soon as it is.
fn hear(session: &mut Session, frame: Frame<'_>) -> Vec<String> {
    let mut heard = Vec::new();
    let result = session.read(frame, &mut |said| heard.push(said));
    assert_eq!(result, Ok(()));
    if let [Heard::Welcome { .. }] = &*heard {
        assert_eq!(session.subscribe(ROOT, None), Ask::Known);
        heard.append(&mut session.news());
    }
    words(heard)
}

fn words(heard: Vec<Heard<'_>>) -> Vec<String> {
    // How requests name the connection is nothing to one on a socket.
    let on_a_socket = |heard: &Heard<'_>| !matches!(heard, Heard::Opened { .. });
    let words = heard
        .into_iter()
        .filter(on_a_socket)
        .map(|heard| match heard {
            Heard::Event(event) => {
                assert_eq!((event.seq, event.by, event.at), (None, None, None));
                format!("{} {} {}", event.channel, event.name, event.data)
            }
            Heard::Subscribed {
                request: None,
                channel,
                position: None,
                recovery,
            } => format!("{channel} {recovery:?}"),
            Heard::Unsubscribed { channel, .. } => format!("{channel} ended"),
            Heard::Refused(refusal) => {
                let channel = refusal.channel.unwrap_or_default();
                format!("{channel} {}: {}", refusal.code, refusal.message)
            }
            Heard::Welcome { ping_ms, .. } => format!("welcome {ping_ms}"),
            Heard::TurnedAway(refusal) => {
                format!("turned away: {}: {}", refusal.code, refusal.message)
            }
            Heard::Say(text) => format!("say {text}"),
            other => format!("{other:?}"),
        });
    words.collect()
}

fn say(session: &mut Session, text: &str) -> Vec<String> {
    hear(session, Frame::Text(text))
}

/// Leads a recorded session, asking for a namespace whenever its client did, until a frame that is not to
/// be heard any more.
fn follow(session: &mut Session, rows: &[Row]) -> Vec<String> {
    let mut out = Vec::new();
    for row in rows.iter().filter(|row| row.kind != "http") {
        match (row.ours, row.kind.as_str()) {
            (true, "open") => session.begin(),
            (true, _) if row.frame.starts_with("40") => {
                let rest = row.frame.get(2..).unwrap();
                let to = rest.split_once(',').map_or(ROOT, |(to, _)| to);
                let namespace = if to.starts_with('/') { to } else { ROOT };
                match namespace {
                    ROOT => drop(session.hello(None)),
                    _ => drop(session.subscribe(namespace, None)),
                }
            }
            (true, _) => {}
            (false, "close") => out.push("closed".to_owned()),
            (false, _) => out.extend(hear(session, frame(row))),
        }
    }
    out
}

fn recorded(recording: &str, name: &str) -> Vec<Row> {
    let mut all = sessions(recording).into_iter();
    all.find(|rows| rows[0].session == name).unwrap()
}

#[test]
fn what_was_missed_is_told_after_the_answer() {
    let mut session = fresh();
    let heard = follow(&mut session, &recorded(NODE, "recovery"));
    let shown: Vec<&str> = heard
        .iter()
        .map(|said| said.split(",\"auth\"").next().unwrap())
        .collect();
    assert_eq!(
        shown,
        [
            "welcome 2500",
            "/ NotAsked",
            r#"/ welcome {"id":"3nnJtTGMqksY245nAAAG","recovered":false"#,
            "closed",
            "welcome 2500",
            "/ Resumed",
            r#"/ timeblock_updated {"missed":1}"#,
            r#"/ welcome {"id":"3nnJtTGMqksY245nAAAG","recovered":true"#,
            "closed",
        ]
    );
    let refused = follow(&mut session, &recorded(NODE, "recovery refused"));
    assert_eq!(refused[1], "/ Impossible");
}

#[test]
fn a_server_in_python_connects_authenticates_and_refuses() {
    let mut session = fresh();
    let heard = follow(
        &mut session,
        &recorded(PYTHON, "python-socketio 5.18 + uvicorn"),
    );
    assert_eq!(
        heard[..4],
        [
            "welcome 2000",
            "/ NotAsked",
            r#"/ authenticated {"user_id":"87fb4009","auth":{"token":"jwt"}}"#,
            "Authorized { request: None, ends: None }",
        ]
    );
    for said in [
        r#"/ blob {"d":"AQL/"}"#,
        r#"/ multi "a""#,
        "/admin NotAsked",
        r#"/admin hi "there""#,
        "/none not_found: Unable to connect",
        "Ping { number: 0 }",
        "say 431[]",
        "turned away: disconnected: the server ended the namespace",
    ] {
        assert!(heard.iter().any(|have| have == said), "{said} in {heard:?}");
    }
    let refused = follow(
        &mut fresh(),
        &recorded(CLIENT, "socket.io-client -> python-socketio, refused"),
    );
    let why = "turned away: unauthorized: authentication failed";
    assert_eq!(refused[0], why);
}

fn said(text: &str) -> Ask {
    Ask::Say(text.to_owned())
}

#[test]
fn a_namespace_is_asked_for_once_a_connection() {
    let mut session = connected("");
    assert_eq!(session.subscribe("/a", None), said("40/a,"));
    assert_eq!(session.subscribe("/a", None), Ask::Unanswered);
    let busy = r#"44/a,{"message":"no","data":{"code":"busy"}}"#;
    assert_eq!(say(&mut session, busy), ["/a busy: no"]);
    assert_eq!(session.subscribe("/a", None), said("40/a,"));
    let there = r#"40/a,{"sid":"s","pid":"p"}"#;
    assert_eq!(say(&mut session, there), ["/a NotAsked"]);
    // Who asks for what is there has not followed it.
    assert_eq!(session.subscribe("/a", None), Ask::Known);
    assert_eq!(words(session.news()), ["/a Impossible"]);
    // Said twice, it is no news.
    assert_eq!(say(&mut session, r#"40/a,{"sid":"t","pid":"q"}"#), [""; 0]);
    assert_eq!(say(&mut session, r#"42/a,["x",1,"o"]"#), ["/a x 1"]);
    session.begin();
    let again = session.subscribe("/a", None);
    assert_eq!(again, said(r#"40/a,{"pid":"p","offset":"o"}"#));
    assert_eq!(session.unsubscribe("/a").as_deref(), Some("41/a,"));
    assert_eq!(session.unsubscribe("/a"), None);
    // What still comes is nobody's, and nothing is remembered.
    assert_eq!(say(&mut session, r#"42/a,["x",1,"o"]"#), [""; 0]);
    assert_eq!(session.subscribe("/a", None), said("40/a,"));
}

#[test]
fn what_a_refused_namespace_told_is_dropped() {
    let mut session = connected("");
    session.subscribe("/a", None);
    assert_eq!(say(&mut session, r#"42/a,["x",1]"#), [""; 0]);
    let later = r#"44/a,{"message":"later"}"#;
    assert_eq!(say(&mut session, later), ["/a internal: later"]);
    session.subscribe("/a", None);
    assert_eq!(say(&mut session, r#"40/a,{"sid":"s"}"#), ["/a NotAsked"]);
}

#[test]
fn more_than_may_be_kept_is_a_gap() {
    let mut session = connected(r#","pid":"p""#);
    say(&mut session, r#"42["x",0,"o"]"#);
    let again = |session: &mut Session, count: usize| {
        session.begin();
        session.hello(None);
        say(session, OPEN);
        for _ in 0..count {
            assert_eq!(say(session, r#"42["x",1,"o"]"#), [""; 0]);
        }
        let mut heard = say(session, r#"40{"sid":"s","pid":"p"}"#);
        assert_eq!(heard.remove(0), "welcome 25000");
        heard
    };
    let heard = again(&mut session, HELD_EVENTS_MAX);
    assert_eq!(
        (heard.len(), &*heard[0]),
        (1 + HELD_EVENTS_MAX, "/ Resumed")
    );
    assert_eq!(again(&mut session, HELD_EVENTS_MAX + 1), ["/ Impossible"]);
    assert_eq!(again(&mut session, 1), ["/ Resumed", "/ x 1"]);
}

#[test]
fn what_comes_before_anybody_asks_is_told_after_the_answer() {
    let mut session = fresh();
    session.begin();
    session.hello(None);
    let mut heard = Vec::new();
    for frame in [OPEN, r#"40{"sid":"s"}"#, r#"42["x",1]"#] {
        session.hear(Ok(Frame::Text(frame)), &mut heard);
    }
    assert_eq!(words(heard), ["welcome 25000"]);
    assert_eq!(session.subscribe(ROOT, None), Ask::Known);
    assert_eq!(words(session.news()), ["/ NotAsked", "/ x 1"]);
}

#[test]
fn whether_the_server_takes_us_is_said_by_one_namespace() {
    for (frame, told) in [
        (
            r#"44{"message":"no","data":{"code":401}}"#,
            "unauthorized: no",
        ),
        (r#"44{"message":"no","data":{"code":"busy"}}"#, "busy: no"),
        (
            r#"44{"message":"jwt expired"}"#,
            "unauthorized: jwt expired",
        ),
        (
            r#"44{"message":"Invalid namespace"}"#,
            "not_found: Invalid namespace",
        ),
        (r#"44"Unable to connect""#, "not_found: Unable to connect"),
        (
            r#"44{"message":"Connection rejected by server"}"#,
            "unauthorized: Connection rejected by server",
        ),
    ] {
        let mut session = fresh();
        session.hello(None);
        say(&mut session, OPEN);
        let told = ["turned away: ", told].concat();
        assert_eq!(say(&mut session, frame), [told]);
    }
    let gone = ["turned away: disconnected: the server ended the namespace"];
    assert_eq!(say(&mut connected(""), "41"), gone);
}

#[test]
fn the_token_goes_with_what_the_app_wants_told() {
    let auth = |auth: Option<&str>, token: Option<&str>| {
        let with = SocketIo {
            auth: auth.map(str::to_owned),
            ..of("/live")
        };
        Session::new(&with).hello(token)
    };
    assert_eq!(auth(None, None), "40/live,");
    assert_eq!(auth(None, Some("t")), r#"40/live,{"token":"t"}"#);
    assert_eq!(auth(Some(r#"{"a":1}"#), None), r#"40/live,{"a":1}"#);
    let both = auth(Some(r#"{"token":"old","a":[1]}"#), Some("t"));
    assert_eq!(both, r#"40/live,{"a":[1],"token":"t"}"#);
}

#[test]
fn pp15_who_is_known_by_an_event_is_not_known_before_it() {
    let with = SocketIo {
        known_by: Some("ready".to_owned()),
        ..of(ROOT)
    };
    let ready = r#"42["ready",7]"#;
    let connect = r#"40{"sid":"s"}"#;
    // A server in Python says it as it connects us.
    for frames in [
        [connect, r#"42["x",1]"#, ready],
        [r#"42["x",1]"#, ready, connect],
    ] {
        let mut session = Session::new(&with);
        session.begin();
        session.hello(None);
        let mut heard = Vec::new();
        for frame in [&[OPEN], &frames[..]].concat() {
            assert_eq!(heard, [""; 0]);
            heard = say(&mut session, frame);
        }
        assert_eq!(heard, ["welcome 25000", "/ NotAsked", "/ x 1", "/ ready 7"]);
    }
}

#[test]
fn who_wants_to_know_that_an_event_came_is_told() {
    let mut session = connected("");
    session.subscribe("/a", None);
    say(&mut session, r#"40/a,{"sid":"s"}"#);
    let heard = say(&mut session, r#"42/a,17["x",1]"#);
    assert_eq!(heard, ["/a x 1", "say 43/a,17[]"]);
}

#[test]
fn another_person_takes_up_nobody_elses_session() {
    let mut session = connected(r#","pid":"p""#);
    say(&mut session, r#"42["x",0,"o"]"#);
    session.begin();
    assert_eq!(session.hello(None), r#"40{"pid":"p","offset":"o"}"#);
    session.forget_user();
    assert_eq!(session.hello(None), "40");
}

#[test]
fn what_cannot_be_read_ends_the_reading() {
    let mut session = connected("");
    let mut heard = Vec::new();
    session.hear(Ok(Frame::binary(b"x")), &mut heard);
    assert_eq!(heard, [Heard::Broken("packet out of order")]);
}

#[test]
fn bytes_are_told_as_base64_and_no_more_of_them_than_came() {
    let mut session = connected("");
    let frame = r#"452-["x",{"a":[{"_placeholder":true,"num":1}],"b":{"num":0,"_placeholder":true},"c":{"_placeholder":false,"num":0},"d":1.50}]"#;
    assert_eq!(say(&mut session, frame), [""; 0]);
    assert_eq!(hear(&mut session, Frame::binary(b"fo")), [""; 0]);
    let told = r#"/ x {"a":["AA=="],"b":"Zm8=","c":{"_placeholder":false,"num":0},"d":1.50}"#;
    assert_eq!(hear(&mut session, Frame::binary(b"\0")), [told]);
    // Two places for what is more than half of what may come.
    let twice = r#"451-["x",[{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]]"#;
    say(&mut session, twice);
    let large = vec![0; ATTACHMENT_BYTES_MAX / 2 + 1];
    let told = hear(&mut session, Frame::binary(&large));
    assert!(told[0].ends_with("AAAA\",null]"), "{}", told[0].len());
}
