//! Whole sessions, in the words of every wire.

use super::super::session::Session;
use super::super::*;
use super::{CLIENT, NODE, PYTHON, Row, frame, sessions};
use crate::engine::limits::HELD_EVENTS_MAX;
use crate::wire::Heard;

/// What a frame means, in short.
fn hear(session: &mut Session, frame: Frame<'_>) -> Vec<String> {
    let mut out = Vec::new();
    let result = session.read(frame, &mut |heard| {
        out.push(match heard {
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
            other => format!("{other:?}"),
        });
    });
    assert_eq!(result, Ok(()));
    out
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
                session.subscribe(namespace, None);
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
    let mut session = Session::default();
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
            "/ Complete",
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
    let mut session = Session::default();
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
            "Authorized { request: None, ends_ms: None }",
        ]
    );
    for said in [
        r#"/ blob {"d":{"_placeholder":true,"num":0}}"#,
        r#"/ multi "a""#,
        "/admin NotAsked",
        r#"/admin hi "there""#,
        "/none not_found: Unable to connect",
        "Ping { number: 0 }",
        "/ ended",
    ] {
        assert!(heard.iter().any(|have| have == said), "{said} in {heard:?}");
    }
    let refused = follow(
        &mut Session::default(),
        &recorded(CLIENT, "socket.io-client -> python-socketio, refused"),
    );
    assert_eq!(refused[1], "/ unauthorized: authentication failed");
}

#[test]
fn a_namespace_is_asked_for_once_a_connection() {
    let mut session = Session::default();
    assert_eq!(session.subscribe("/a", None).as_deref(), Some("40/a,"));
    assert_eq!(session.subscribe("/a", None), None);
    assert_eq!(
        say(
            &mut session,
            r#"44/a,{"message":"no","data":{"code":"busy"}}"#
        ),
        ["/a busy: no"]
    );
    assert_eq!(session.subscribe("/a", None).as_deref(), Some("40/a,"));
    assert_eq!(
        say(&mut session, r#"40/a,{"sid":"s","pid":"p"}"#),
        ["/a NotAsked"]
    );
    assert_eq!(session.subscribe("/a", None), None);
    // Said twice, it is no news.
    assert_eq!(say(&mut session, r#"40/a,{"sid":"t","pid":"q"}"#), [""; 0]);
    assert_eq!(say(&mut session, r#"42/a,["x",1,"o"]"#), ["/a x 1"]);
    session.begin();
    let again = session.subscribe("/a", None);
    assert_eq!(again.as_deref(), Some(r#"40/a,{"pid":"p","offset":"o"}"#));
    assert_eq!(session.unsubscribe("/a").as_deref(), Some("41/a,"));
    assert_eq!(session.unsubscribe("/a"), None);
    // What still comes is nobody's, and nothing is remembered.
    assert_eq!(say(&mut session, r#"42/a,["x",1,"o"]"#), [""; 0]);
    assert_eq!(session.subscribe("/a", None).as_deref(), Some("40/a,"));
}

#[test]
fn what_a_refused_namespace_told_is_dropped() {
    let mut session = Session::default();
    session.subscribe(ROOT, None);
    assert_eq!(say(&mut session, r#"42["x",1]"#), [""; 0]);
    assert_eq!(
        say(&mut session, r#"44{"message":"later"}"#),
        ["/ internal: later"]
    );
    session.subscribe(ROOT, None);
    assert_eq!(say(&mut session, r#"40{"sid":"s"}"#), ["/ NotAsked"]);
}

#[test]
fn more_than_may_be_kept_is_a_gap() {
    let mut session = Session::default();
    session.subscribe(ROOT, None);
    say(&mut session, r#"40{"sid":"s","pid":"p"}"#);
    say(&mut session, r#"42["x",0,"o"]"#);
    let again = |session: &mut Session, count: usize| {
        session.begin();
        session.subscribe(ROOT, None);
        for _ in 0..count {
            assert_eq!(say(session, r#"42["x",1,"o"]"#), [""; 0]);
        }
        say(session, r#"40{"sid":"s","pid":"p"}"#)
    };
    let heard = again(&mut session, HELD_EVENTS_MAX);
    assert_eq!(
        (heard.len(), &*heard[0]),
        (1 + HELD_EVENTS_MAX, "/ Complete")
    );
    assert_eq!(again(&mut session, HELD_EVENTS_MAX + 1), ["/ Impossible"]);
    assert_eq!(again(&mut session, 1), ["/ Complete", "/ x 1"]);
}
