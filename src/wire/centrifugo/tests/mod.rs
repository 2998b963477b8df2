//! Against what was recorded between the official client, a client of our own and the library inside Centrifugo:
//! `tests/wires/centrifugo.jsonl`.

#![allow(clippy::unwrap_used, clippy::panic)]

mod delta;
mod forms;
mod given;
#[cfg(feature = "rooms")]
mod room;
mod session;

use super::session::Session;
use super::*;
use crate::engine::backend::Speaks;
use crate::engine::backend::centrifugo::Centrifugo;
use crate::engine::ids::RequestId;
use crate::wire::recorded::{Row, rows, sessions};
use crate::wire::{Ask, Heard};

const RECORDED: &str = include_str!("../../../../tests/wires/centrifugo.jsonl");

fn with(backend: &str) -> Centrifugo {
    match Speaks::read(json::parse(backend).unwrap()) {
        Ok(Speaks::Centrifugo(with)) => with,
        other => panic!("{backend}: {other:?}"),
    }
}

fn session(more: &str) -> Session {
    Session::new(&with(&[r#"{"kind":"centrifugo""#, more, "}"].concat()))
}

/// A session that said who it is.
fn greeted() -> Session {
    let mut session = session("");
    session.begin();
    assert_eq!(
        session.hello(None),
        r#"{"id":1,"connect":{"name":"everfresh"}}"#
    );
    session
}

fn at(epoch: &str, seq: u64) -> Position {
    Position::new(epoch, Seq(seq))
}

/// What is said to ask for a channel.
fn asks(session: &mut Session, channel: &str, from: Option<&Position>) -> String {
    match session.subscribe(channel, from, None) {
        Ask::Say(text) => text,
        other => panic!("{other:?}"),
    }
}

/// What a frame means, in short.
fn hear(session: &mut Session, frame: &str) -> Vec<String> {
    let mut heard = Vec::new();
    session.read(frame.as_bytes(), &mut heard);
    words(heard)
}

fn words(heard: Vec<Heard<'_>>) -> Vec<String> {
    let words = heard.into_iter().map(|heard| match heard {
        Heard::Event(event) => {
            assert_eq!((event.by, event.at), (None, None));
            let seq = event.seq.map_or("-".to_owned(), |seq| seq.0.to_string());
            format!("{} {seq} {} {}", event.channel, event.name, event.data)
        }
        Heard::Subscribed {
            request: None,
            channel,
            position,
            recovery,
        } => {
            let at = position.map(|at| format!("{}/{}", at.epoch.as_str(), at.seq.0));
            format!("{channel} {recovery:?} at {}", at.unwrap_or_default())
        }
        Heard::Unsubscribed { channel, .. } => format!("{channel} ended"),
        Heard::Torn { channel } => format!("{channel} torn"),
        Heard::Gap { channel } => format!("{channel} gap"),
        Heard::Refused(refusal) => match (refusal.channel, refusal.request) {
            (Some(channel), _) => format!("{channel} {}: {}", refusal.code, refusal.message),
            (None, Some(request)) => format!("{} {}", request.0, refusal.code),
            (None, None) => format!("told {}: {}", refusal.code, refusal.message),
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

/// A text as a value, whatever the order of its members.
fn sorted(raw: Raw<'_>) -> String {
    let mut parts = Vec::new();
    raw.members(|name, value| parts.push(format!("{:?}:{}", name.decode(), sorted(value))));
    parts.sort();
    match raw.is_object() {
        true => format!("{{{}}}", parts.join(",")),
        false => raw.text().to_owned(),
    }
}

/// Writes a message of the server anew, from nothing but what was read of it.
fn as_the_server_wrote(message: &Message<'_>, line: &str) -> String {
    match message {
        Message::Life => "{}".to_owned(),
        Message::Reply(id, Ok(body)) => {
            // What it answers is known by the number alone.
            let method = line.split('"').nth(3).unwrap();
            format!(r#"{{"id":{id},"{method}":{}}}"#, body.text())
        }
        Message::Reply(id, Err(failure)) => format!(
            r#"{{"id":{id},"error":{{"code":{},"message":"{}"{}}}}}"#,
            failure.code,
            failure.message,
            if failure.temporary {
                r#","temporary":true"#
            } else {
                ""
            }
        ),
        Message::Push(push) if push.channel.is_empty() => {
            format!(r#"{{"push":{{"{}":{}}}}}"#, push.kind, push.body.text())
        }
        Message::Push(push) => format!(
            r#"{{"push":{{"channel":"{}","{}":{}}}}}"#,
            push.channel,
            push.kind,
            push.body.text()
        ),
        Message::Other => "other".to_owned(),
    }
}

#[test]
fn every_recorded_frame_of_the_server_is_read_to_the_last_byte() {
    let (mut frames, mut messages) = (0, 0);
    for row in rows(RECORDED) {
        if row.ours || row.kind != "text" {
            continue;
        }
        let mut lines = row.frame.split('\n');
        let read = read(row.frame.as_bytes(), &mut |message| {
            let line = lines.next().unwrap();
            assert_eq!(as_the_server_wrote(&message, line), line);
            messages += 1;
            Ok(())
        });
        assert_eq!((read, lines.next()), (Ok(()), None));
        frames += 1;
    }
    assert_eq!((frames, messages), (30, 38));
}

/// What we have to say, of what clients said. What apps said besides is theirs.
fn client_commands() -> Vec<String> {
    let methods = [
        "connect",
        "subscribe",
        "unsubscribe",
        "refresh",
        "sub_refresh",
    ];
    let rows = rows(RECORDED).into_iter();
    let ours: Vec<Row> = rows.filter(|row| row.ours && row.kind == "text").collect();
    let lines = ours.iter().flat_map(|row| row.frame.split('\n'));
    let is_ours = |line: &&str| {
        let raw = json::parse(line).unwrap();
        methods.iter().any(|method| raw.member(method).is_some())
    };
    lines.filter(is_ours).map(str::to_owned).collect()
}

#[test]
fn every_recorded_command_that_we_have_is_written_as_it_was() {
    let commands = client_commands();
    assert_eq!(commands.len(), 15);
    for command in commands {
        let raw = json::parse(&command).unwrap();
        let id = number(raw, "id");
        let body = |method| raw.member(method);
        let written = if let Some(body) = body("connect") {
            let token = word(body, "token");
            connect(id, Some(&token), None, std::iter::empty())
        } else if let Some(body) = body("subscribe") {
            let from = is_true(body, "recover").then(|| Position {
                epoch: (&*word(body, "epoch")).into(),
                seq: Seq(number(body, "offset")),
            });
            let channel = word(body, "channel");
            let token = word(body, "token");
            let how = Subscribe {
                position: from.as_ref(),
                token: Some(&*token).filter(|token| !token.is_empty()),
                presence: is_true(body, "join_leave"),
                delta: word(body, "delta") == fossil::NAME,
            };
            subscribe(id, &channel, how)
        } else if let Some(body) = body("unsubscribe") {
            unsubscribe(id, &word(body, "channel"))
        } else if let Some(body) = body("sub_refresh") {
            sub_refresh(id, &word(body, "channel"), &word(body, "token"))
        } else {
            refresh(id, &word(body("refresh").unwrap(), "token"))
        };
        // Who we are, and what we want of each channel, is our own affair.
        let plain = |text: &str| {
            let raw = json::parse(text).unwrap();
            let mut members = Vec::new();
            raw.members(|name, value| {
                let mut inner = Vec::new();
                value
                    .members(|name, value| inner.push((name.decode().into_owned(), sorted(value))));
                let ours = ["name", "positioned", "recoverable", "flag"];
                let method = name.decode().into_owned();
                inner.retain(|(name, _)| !ours.contains(&&**name));
                inner.sort();
                let scalar = (!value.is_object()).then(|| value.text().to_owned());
                members.push((method, scalar, inner));
            });
            members.sort();
            members
        };
        assert_eq!(plain(&written), plain(&command));
    }
}

#[test]
fn what_is_fixed_is_written_to_the_byte() {
    let from = at("LqjE", 2);
    let recorded: Vec<String> = client_commands();
    for written in [
        refresh(5, "bob|60"),
        unsubscribe(3, "r:1"),
        connect(1, Some("bob"), None, std::iter::empty()).replace(r#","name":"everfresh""#, ""),
        sub_refresh(6, "r:1", "x|60"),
        subscribe(
            2,
            "r:1",
            Subscribe {
                position: Some(&from),
                ..Subscribe::default()
            },
        )
        .replace(r#","positioned":true,"recoverable":true"#, ""),
    ] {
        assert!(recorded.contains(&written), "{written}");
    }
    assert_eq!(PONG, "{}");
    let marks = [("#ann", &from)];
    assert_eq!(
        connect(1, None, Some(r#"{"a":1}"#), marks.into_iter()),
        r##"{"id":1,"connect":{"data":{"a":1},"name":"everfresh","subs":{"#ann":{"recover":true,"epoch":"LqjE","offset":2}}}}"##
    );
    assert_eq!(
        subscribe(
            2,
            "news:1",
            Subscribe {
                token: Some("t"),
                presence: true,
                ..Subscribe::default()
            }
        ),
        r#"{"id":2,"subscribe":{"channel":"news:1","token":"t","positioned":true,"recoverable":true,"join_leave":true}}"#
    );
}

/// What a whole recorded exchange means to a session that asks for what was asked there.
fn replay(name: &str) -> Vec<String> {
    replay_with(name, r#","presence":true"#)
}

fn replay_with(name: &str, more: &str) -> Vec<String> {
    let mut session = session(more);
    session.begin();
    let mut out = Vec::new();
    let rows = sessions(RECORDED);
    let rows = rows.iter().find(|rows| rows[0].session.contains(name));
    for row in rows.unwrap().iter().filter(|row| row.kind == "text") {
        if !row.ours {
            out.extend(hear(&mut session, &row.frame));
            continue;
        }
        for line in row.frame.split('\n') {
            let raw = json::parse(line).unwrap();
            let body = |method: &str| raw.member(method);
            let written = if body("connect").is_some() {
                session.hello(None)
            } else if let Some(body) = body("subscribe") {
                let epoch = word(body, "epoch");
                let from = is_true(body, "recover")
                    .then(|| Position::new(&epoch, Seq(number(body, "offset"))));
                asks(&mut session, &word(body, "channel"), from.as_ref())
            } else if let Some(body) = body("unsubscribe") {
                session.unsubscribe(&word(body, "channel")).unwrap()
            } else if let Some(body) = body("refresh") {
                let token = word(body, "token");
                session.authorize(RequestId(77), Some(&token)).remove(0)
            } else if let Some(body) = body("sub_refresh") {
                let (channel, token) = (word(body, "channel"), word(body, "token"));
                session.renew(&channel, &token).unwrap()
            } else {
                // It has its number, and none of ours may have it too.
                session.skip(number(raw, "id"));
                continue;
            };
            let raw_id = number(json::parse(&written).unwrap(), "id");
            assert_eq!(raw_id, number(raw, "id"), "{line}");
        }
    }
    out
}

#[test]
fn the_exchange_of_the_official_client_is_understood() {
    assert_eq!(
        replay("centrifuge-js"),
        [
            "welcome 3000 Some(10000) None",
            "news:1 NotAsked at XIZf/2",
            r#"news:1 - presence:join {"user":"ann","client":"ee43e5a0-ae90-4135-8d20-38879d258385","conn_info":{"name":"ann"}}"#,
            r#"news:1 3 publication {"n":1}"#,
            r#"news:1 4 publication {"from":"server"}"#,
            "Unknown",
            "Ping { number: 0 }",
        ]
    );
}

#[test]
fn the_exchange_of_a_client_that_takes_deltas_is_understood() {
    let lorem = "lorem ipsum dolor sit amet ".repeat(4);
    let told = |seq: u64| {
        format!(
            r#"delta:1 {seq} publication {{"title":"Bio Study Block","desc":"{lorem}","v":{seq}}}"#
        )
    };
    let heard = replay_with("fossil delta", r#","presence":true,"delta":"fossil""#);
    assert_eq!(heard[1], "delta:1 NotAsked at wmDw/0");
    assert_eq!(heard[3..], [told(1), told(2)]);
}

#[test]
fn the_exchanges_of_a_client_that_renews_and_recovers_are_understood() {
    let joined = |id| {
        format!(
            r#"r:1 - presence:join {{"user":"bob","client":"{id}","conn_info":{{"name":"bob"}}}}"#
        )
    };
    assert_eq!(
        replay("token refresh"),
        [
            "welcome 3000 Some(10000) Some(In(4000))",
            "r:1 NotAsked at LqjE/0",
            &joined("86a71397-ee8c-4a09-9d26-cb4c8c47d9e0"),
            r#"r:1 1 publication {"i":1}"#,
            r#"r:1 2 publication {"i":2}"#,
            "Authorized { request: Some(RequestId(77)), ends: Some(In(60000)) }",
            r#"Admitted { channel: "r:1", life_ms: Some(60000) }"#,
            "Ping { number: 0 }",
        ]
    );
    assert_eq!(
        replay("raw: recover"),
        [
            "welcome 3000 Some(10000) None",
            "r:1 Complete at LqjE/3",
            r#"r:1 3 publication {"i":3}"#,
            &joined("d96f4a6b-bfac-444f-8e21-4b7ec5ddd0d2"),
        ]
    );
    let late = joined("ad273300-b6f7-498e-9914-b245124b9256");
    assert_eq!(
        replay("recover too late"),
        [
            "welcome 3000 Some(10000) None",
            "r:1 Impossible at LqjE/8",
            &late,
            "r:1 Impossible at LqjE/8",
            &late,
        ]
    );
}
