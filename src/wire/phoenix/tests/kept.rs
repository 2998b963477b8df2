//! Broadcasts that Supabase keeps: they are asked for after a gap, and known by their names.

use super::session::{ask, join, plain, say};
use super::*;
use crate::engine::limits::REPLAY_ID_BYTES_MAX;
use crate::engine::time::Wall;

const KEPT: &str =
    r#"{"kind":"supabase","channels":{"t":{"private":true,"replay":true},"u":{"private":true}}}"#;

/// Asks for a channel that was followed until a moment.
fn ask_since(session: &mut Session, id: u64, channel: &str, since: u64) -> String {
    match session.subscribe(RequestId(id), channel, Some(Wall(since)), None) {
        Ask::Say(text) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_missed_is_asked_for_after_a_gap_of_a_channel_where_it_is_wanted() {
    let mut session = session(KEPT);
    let first = r#"["1","1","realtime:t","phx_join",{"config":{"broadcast":{"ack":false,"self":false},"presence":{"key":"","enabled":false},"postgres_changes":[],"private":true},"access_token":"t"}]"#;
    assert_eq!(ask(&mut session, 1, "t"), first);
    session.begin();
    let again = first.replace(
        r#""self":false}"#,
        r#""self":false,"replay":{"since":1700000000000,"limit":25}}"#,
    );
    let again = again.replace(r#","access_token":"t""#, "");
    assert_eq!(ask_since(&mut session, 1, "t", 1_700_000_000_000), again);
    for channel in ["u", "other"] {
        let said = ask_since(&mut session, 2, channel, 1_700_000_000_000);
        assert!(!said.contains("replay"), "{said}");
    }
    // What the app wants of broadcasts besides is said as it was.
    let mut session = super::session(&KEPT.replace(
        r#""replay":true"#,
        r#""replay":true,"broadcast":{"self":true}"#,
    ));
    let said = ask_since(&mut session, 1, "t", 7);
    let config = r#""broadcast":{"self":true,"replay":{"since":7,"limit":25}}"#;
    assert!(said.contains(config), "{said}");
}

/// What an event is called, by a frame that tells it.
fn id_of(session: &mut Session, read: Result<Message<'_>, Fault>) -> Option<String> {
    let mut heard = Vec::new();
    session.hear(read, &mut heard);
    match heard.as_slice() {
        [Heard::Event(event)] => {
            assert_eq!((&*event.name, &*event.data), ("e", "1"));
            event.id.as_deref().map(str::to_owned)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_broadcast_that_may_come_again_is_known_by_its_name() {
    let mut session = session(KEPT);
    ask(&mut session, 1, "t");
    ask(&mut session, 2, "u");
    let text = |channel: &str, meta: &str| {
        format!(
            r#"[null,null,"realtime:{channel}","broadcast",{{"type":"broadcast","event":"e","payload":1{meta}}}]"#
        )
    };
    let bytes = |channel: &str, meta: &str| {
        let topic = format!("realtime:{channel}");
        let (topic_length, meta_length) = (topic.len() as u8, meta.len() as u8);
        [
            &[4, topic_length, 1, meta_length, 1],
            topic.as_bytes(),
            b"e",
            meta.as_bytes(),
            b"1",
        ]
        .concat()
    };
    let long = "x".repeat(REPLAY_ID_BYTES_MAX + 1);
    for (channel, meta, id) in [
        ("t", r#"{"id":"b-7"}"#, Some("b-7")),
        ("t", r#"{"replayed":true,"id":"b-7"}"#, Some("b-7")),
        ("u", r#"{"id":"b-7"}"#, None),
        ("t", r#"{"id":7}"#, None),
        ("t", r#"{"id":null}"#, None),
        ("t", &format!(r#"{{"id":"{long}"}}"#), None),
        ("t", "{}", None),
        ("t", "[]", None),
    ] {
        let frame = text(channel, &format!(r#","meta":{meta}"#));
        assert_eq!(
            id_of(&mut session, read(frame.as_bytes())).as_deref(),
            id,
            "{meta}"
        );
        let frame = bytes(channel, meta);
        assert_eq!(
            id_of(&mut session, read_bytes(&frame)).as_deref(),
            id,
            "{meta}"
        );
    }
    // What cannot be read is about the message, and not it.
    for meta in ["", "{", "\u{1}"] {
        assert_eq!(id_of(&mut session, read_bytes(&bytes("t", meta))), None);
    }
    assert_eq!(id_of(&mut session, read(text("t", "").as_bytes())), None);
    // A server of the app's own says what it likes by that name.
    let mut plain = plain();
    join(&mut plain, 1, "t");
    let frame = r#"[null,null,"t","e",1]"#;
    assert_eq!(id_of(&mut plain, read(frame.as_bytes())), None);
    let frame = [b"\x04\x01\x01\x0c\x01te".as_slice(), br#"{"id":"b-7"}1"#].concat();
    assert_eq!(id_of(&mut plain, read_bytes(&frame)), None);
}

#[test]
fn a_join_that_is_refused_for_what_it_asks_besides_is_made_without() {
    let refuse = |id: u64, reason: &str| {
        format!(
            r#"["{id}","{id}","realtime:t","phx_reply",{{"status":"error","response":{{"reason":"{reason}"}}}}]"#
        )
    };
    for (reason, code) in [
        (
            "UnableToReplayMessages: Realtime was unable to replay messages",
            "bad_request",
        ),
        (
            "Unauthorized: You do not have permissions to read from this Channel topic: t",
            "forbidden",
        ),
    ] {
        let mut session = session(KEPT);
        assert!(ask_since(&mut session, 1, "t", 7).contains("replay"));
        let told = say(&mut session, &refuse(1, reason));
        assert_eq!(told[1], format!("t internal: {reason}"));
        assert!(!ask_since(&mut session, 2, "t", 7).contains("replay"));
        // Now it is about the channel.
        let told = say(&mut session, &refuse(2, reason));
        assert_eq!(told[1], format!("t {code}: {reason}"));
        session.begin();
        assert!(ask_since(&mut session, 3, "t", 7).contains("replay"));
    }
    // Any other refusal says what it said before.
    let mut session = session(KEPT);
    ask_since(&mut session, 1, "t", 7);
    let reason = "InvalidJWTToken: Token has expired";
    assert_eq!(
        say(&mut session, &refuse(1, reason)),
        [format!("turned away: unauthorized: {reason}")]
    );
    let mut session = super::session(KEPT);
    ask_since(&mut session, 1, "t", 7);
    let reason = "ChannelRateLimitReached: Too many channels";
    assert_eq!(
        say(&mut session, &refuse(1, reason))[1],
        format!("t rate_limited: {reason}")
    );
    assert!(ask_since(&mut session, 2, "t", 7).contains("replay"));
}
