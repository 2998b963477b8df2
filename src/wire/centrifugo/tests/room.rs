//! Who is on a channel.

use super::*;
use crate::wire::native_room::Said;
use crate::wire::{Presence, Protocol};

fn here() -> Session {
    let mut session = session(r#","presence":true"#);
    session.begin();
    session.hello(None);
    hear(
        &mut session,
        r#"{"id":1,"connect":{"client":"c","ping":25}}"#,
    );
    session
}

/// What the engine is told of people, in short, and what is said for it.
fn people(session: &mut Session, frame: &str) -> Vec<String> {
    let mut heard = Vec::new();
    session.read(frame.as_bytes(), &mut heard);
    short(heard)
}

fn short(heard: Vec<Heard<'_>>) -> Vec<String> {
    let short = heard.into_iter().filter_map(|heard| match heard {
        Heard::Room(Said::People {
            full,
            you,
            join,
            leave,
            ..
        }) => Some(format!("{full} {} {join} {leave}", you.unwrap_or_default())),
        Heard::Say(text) => Some(text),
        Heard::Refused(refusal) => Some(refusal.message),
        _ => None,
    });
    short.collect()
}

const SUBSCRIBED: &str = r#"{"id":2,"subscribe":{}}"#;
const ASKS: &str = r#"{"id":3,"presence":{"channel":"a"}}"#;

fn push(kind: &str, info: &str) -> String {
    format!(r#"{{"push":{{"channel":"a","{kind}":{{"info":{info}}}}}}}"#)
}

#[test]
fn who_is_there_is_asked_for_once_and_kept_by_who_comes_and_goes() {
    let mut session = here();
    assert_eq!(session.capabilities().room.presence, Presence::Others);
    assert_eq!(session.look("a", "t", true), None);
    asks(&mut session, "a", None);
    assert_eq!(people(&mut session, SUBSCRIBED), [ASKS]);
    assert_eq!(session.look("a", "t", true), None, "it is asked for");
    // Told before the answer.
    let bob = r#"{"user":"bob","client":"b","conn_info":{"name":"Bob"}}"#;
    assert_eq!(people(&mut session, &push("join", bob)), [""; 0]);
    let gone = push("leave", r#"{"user":"zoe","client":"z"}"#);
    assert_eq!(people(&mut session, &gone), [""; 0]);
    let reply = r#"{"id":3,"presence":{"presence":{"c":{"user":"ann","client":"c"},"z":{"user":"zoe","client":"z"},"n":{"client":"n","chan_info":{"x":1}}}}}"#;
    let b =
        r#""b":{"ref":2,"user":"bob","data":{"tabs":{"b":{"active":true,"meta":{"name":"Bob"}}}}}"#;
    let c = r#""c":{"ref":1,"user":"ann","data":{"tabs":{"c":{"active":true,"meta":{}}}}}"#;
    let n = r#""n":{"ref":1,"data":{"tabs":{"n":{"active":true,"meta":{"x":1}}}}}"#;
    assert_eq!(
        people(&mut session, reply),
        [format!("true c {{{b},{c},{n}}} {{}}")]
    );
    assert_eq!(
        people(&mut session, &push("leave", r#"{"client":"b"}"#)),
        [r#"false c {} {"b":4}"#]
    );
    assert_eq!(session.look("a", "t", false), None);
    assert_eq!(short(session.news()), [format!("false c {{{c},{n}}} {{}}")]);
    // On another subscription it is another question.
    let torn = r#"{"push":{"channel":"a","unsubscribe":{"code":2500,"reason":"why"}}}"#;
    people(&mut session, torn);
    asks(&mut session, "a", None);
    assert_eq!(
        people(&mut session, r#"{"id":4,"subscribe":{}}"#),
        [r#"{"id":5,"presence":{"channel":"a"}}"#]
    );
    assert_eq!(
        people(&mut session, r#"{"id":5,"presence":{}}"#),
        ["true c {} {}"]
    );
}

#[test]
fn who_looks_later_asks_then_and_a_refusal_is_told_once() {
    let mut session = here();
    asks(&mut session, "a", None);
    assert_eq!(people(&mut session, SUBSCRIBED), [""; 0]);
    assert_eq!(session.look("a", "t", true).unwrap(), ASKS);
    let refused = r#"{"id":3,"error":{"code":103,"message":"permission denied"}}"#;
    assert_eq!(
        people(&mut session, refused),
        ["permission denied (channel a)"]
    );
    assert_eq!(session.look("a", "t", false), None);
    // Where it is not asked for with the channel nobody comes or goes.
    assert_eq!(greeted().capabilities().room.presence, Presence::None);
}
