//! Against what was recorded between the official clients and real servers: `tests/wires`.

#![allow(clippy::unwrap_used, clippy::panic)]

#[cfg(feature = "rooms")]
mod crowd;
mod forms;
mod kept;
mod poll;
mod session;

use super::session::Session;
use super::*;
use crate::engine::backend::Speaks;
use crate::engine::backend::phoenix::Phoenix;
use crate::engine::ids::RequestId;
use crate::wire::recorded::{Row, rows, sessions};
use crate::wire::{Ask, Heard};

/// phoenix.js, and a client of the first version, with a server of Phoenix.
const PHOENIX: &str = include_str!("../../../../tests/wires/phoenix.jsonl");
/// realtime-js, by both versions.
const SUPABASE: &str = include_str!("../../../../tests/wires/supabase.jsonl");
/// What PostgreSQL said of changes.
const CHANGES: &str = include_str!("../../../../tests/wires/supabase_postgres_changes.jsonl");

fn with(backend: &str) -> Phoenix {
    match Speaks::read(json::parse(backend).unwrap()) {
        Ok(Speaks::Phoenix(with)) => with,
        other => panic!("{backend}: {other:?}"),
    }
}

fn session(backend: &str) -> Session {
    Session::new(&with(backend))
}

fn read_row(row: &Row) -> Result<Message<'_>, Fault> {
    match row.kind.as_str() {
        "binary" => read_bytes(&row.bytes),
        _ => read(row.frame.as_bytes()),
    }
}

/// What a frame means, in short.
fn hear(session: &mut Session, read: Result<Message<'_>, Fault>) -> Vec<String> {
    let mut heard = Vec::new();
    session.hear(read, &mut heard);
    words(heard)
}

fn words(heard: Vec<Heard<'_>>) -> Vec<String> {
    let words = heard.into_iter().map(|heard| match heard {
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
        Heard::Refused(refusal) => match refusal.channel {
            Some(channel) => format!("{channel} {}: {}", refusal.code, refusal.message),
            None => format!("told {}: {}", refusal.code, refusal.message),
        },
        Heard::TurnedAway(refusal) => {
            format!("turned away: {}: {}", refusal.code, refusal.message)
        }
        Heard::Welcome {
            ping_ms,
            timeout_ms,
            ends,
            ..
        } => format!("welcome {ping_ms} {timeout_ms:?} {ends:?}"),
        Heard::Say(text) => format!("say {text}"),
        other => format!("{other:?}"),
    });
    words.collect()
}

/// Writes a message of the server as it was, from nothing but what was read of it.
fn as_the_server_wrote(message: &Message<'_>, first_version: bool) -> String {
    let (event, payload) = match &message.says {
        Says::Reply { ok, response } => {
            let status = if *ok { "ok" } else { "error" };
            let payload = format!(r#"{{"status":"{status}","response":{}}}"#, response.text());
            ("phx_reply", payload)
        }
        Says::Event(name, payload) | Says::Broadcast(name, payload, _) => {
            (&**name, payload.json().into_owned())
        }
    };
    let number = |number: Option<u64>| match number {
        Some(number) => format!("\"{number}\""),
        None => "null".to_owned(),
    };
    let (join, reference) = (number(message.join), number(message.reference));
    let topic = &message.topic;
    match first_version {
        true => format!(
            r#"{{"ref":{reference},"topic":"{topic}","event":"{event}","payload":{payload}}}"#
        ),
        false => format!(r#"[{join},{reference},"{topic}","{event}",{payload}]"#),
    }
}

#[test]
fn every_recorded_text_of_a_server_is_read_to_the_last_byte() {
    let mut count = 0;
    for row in [PHOENIX, SUPABASE, CHANGES].into_iter().flat_map(rows) {
        if !row.ours && row.kind == "text" {
            let message = read(row.frame.as_bytes()).unwrap();
            let first_version = row.frame.starts_with('{');
            assert_eq!(as_the_server_wrote(&message, first_version), row.frame);
            count += 1;
        }
    }
    assert_eq!(count, 54);
}

#[test]
fn every_recorded_frame_of_bytes_is_read() {
    let all: Vec<Row> = [PHOENIX, SUPABASE].into_iter().flat_map(rows).collect();
    let theirs = all.iter().filter(|row| !row.ours && row.kind == "binary");
    let read: Vec<String> = theirs
        .map(|row| format!("{:?}", read_bytes(&row.bytes).unwrap()))
        .collect();
    assert_eq!(
        read,
        [
            r#"Message { join: Some(3), reference: Some(7), topic: "room:lobby", says: Reply { ok: true, response: Raw("null") } }"#,
            r#"Message { join: Some(3), reference: None, topic: "room:lobby", says: Event("blob", Bytes([0, 1, 2, 254, 255])) }"#,
            r#"Message { join: None, reference: None, topic: "room:lobby", says: Event("blob", Bytes([0, 1, 2, 254, 255])) }"#,
            r#"Message { join: None, reference: None, topic: "realtime:task-updates:p1", says: Broadcast("task-update", Json(Raw("{\"id\":7,\"s\":\"é\"}")), Raw("null")) }"#,
            r#"Message { join: None, reference: None, topic: "realtime:task-updates:p1", says: Broadcast("task-update", Bytes([1, 2, 3, 255]), Raw("null")) }"#,
        ]
    );
}

/// Everything that a client has to say, and in which version it said it. What apps said besides is theirs.
fn client_frames(recording: &str) -> Vec<(String, bool)> {
    let events = ["phx_join", "phx_leave", "heartbeat", "access_token"];
    let ours = rows(recording)
        .into_iter()
        .filter(|row| row.ours && row.kind == "text");
    ours.filter(|row| {
        events
            .iter()
            .any(|event| row.frame.contains(&format!("\"{event}\"")))
    })
    .map(|row| (row.frame.clone(), row.frame.starts_with('{')))
    .collect()
}

#[test]
fn every_recorded_frame_of_the_clients_is_written_to_the_byte() {
    let frames: Vec<_> = [PHOENIX, SUPABASE]
        .into_iter()
        .flat_map(client_frames)
        .collect();
    assert_eq!(frames.len(), 14);
    for (frame, first_version) in frames {
        let message = read(frame.as_bytes()).unwrap();
        let Says::Event(event, payload) = &message.says else {
            panic!("{frame}");
        };
        let say = Say {
            join: message.join,
            reference: message.reference.unwrap(),
            topic: &message.topic,
            event,
            payload: &payload.json(),
        };
        assert_eq!(say.write(first_version), frame);
    }
}

#[test]
fn what_a_session_says_is_what_the_clients_said_of_the_same_options() {
    let said = |ask| match ask {
        Ask::Say(text) => text,
        other => panic!("{other:?}"),
    };
    let mut plain = session(r#"{"kind":"phoenix","join":{"plan":"a"}}"#);
    let mut frames = vec![
        said(plain.subscribe(RequestId(3), "room:lobby", None, None)),
        plain.heartbeat(11),
        plain.heartbeat(12),
        plain.unsubscribe(RequestId(13), "room:lobby").unwrap(),
    ];
    let mut old = session(r#"{"kind":"phoenix","vsn":"1.0.0"}"#);
    frames.extend([
        said(old.subscribe(RequestId(1), "room:v1", None, None)),
        old.heartbeat(4),
        old.unsubscribe(RequestId(5), "room:v1").unwrap(),
    ]);
    let expected: Vec<String> = client_frames(PHOENIX)
        .into_iter()
        .map(|(frame, _)| frame)
        .collect();
    assert_eq!(frames, expected);

    let mut project = session(
        r#"{"kind":"supabase","channels":{"task-updates:{id}":{
            "broadcast":{"self":true,"ack":true},"presence":{"key":"u1","enabled":true},
            "changes":[{"event":"INSERT","table":"tasks","filter":"project_id=eq.{id}"},
                       {"event":"UPDATE","table":"tasks","filter":"project_id=eq.{id}"}]}}}"#,
    );
    let mut frames = vec![
        said(project.subscribe(RequestId(6), "task-updates:p1", None, None)),
        project.heartbeat(12),
    ];
    frames.extend(project.authorize(RequestId(14), Some("jwt-2")));
    frames.push(project.heartbeat(16));
    frames.extend(project.unsubscribe(RequestId(17), "task-updates:p1"));
    let mut old = session(
        r#"{"kind":"supabase","vsn":"1.0.0","channels":{"room1":{"broadcast":{"self":true}}}}"#,
    );
    frames.push(said(old.subscribe(RequestId(6), "room1", None, None)));
    frames.extend(old.unsubscribe(RequestId(8), "room1"));
    let expected: Vec<String> = client_frames(SUPABASE)
        .into_iter()
        .map(|(frame, _)| frame)
        .collect();
    assert_eq!(frames, expected);
}

#[test]
fn the_address_is_the_one_that_the_clients_dialled() {
    let opened: Vec<String> = [PHOENIX, SUPABASE]
        .into_iter()
        .flat_map(rows)
        .filter(|row| row.kind == "open")
        .map(|row| row.frame.replace("GET ", ""))
        .collect();
    let plain = session(r#"{"kind":"phoenix","token":{"param":"user"}}"#);
    let project = session(r#"{"kind":"supabase"}"#);
    let old = session(r#"{"kind":"supabase","vsn":"1.0.0"}"#);
    let ours = [
        plain.socket_url("/socket/websocket", Some("ann")),
        // Who names no version is taken to speak the first one; we name it.
        "/socket/websocket?user=old".to_owned(),
        project.socket_url("/realtime/v1/websocket?apikey=anon-key", Some("jwt")),
        old.socket_url("/realtime/v1/websocket?apikey=anon-key", Some("jwt")),
    ];
    assert_eq!(ours.as_slice(), opened);
    let odd = session(r#"{"kind":"phoenix"}"#).socket_url("ws://h/websocket?a=1", Some("a b&c=%é"));
    assert_eq!(
        odd,
        "ws://h/websocket?a=1&token=a%20b%26c%3d%25%c3%a9&vsn=2.0.0"
    );
}
