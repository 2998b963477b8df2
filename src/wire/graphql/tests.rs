//! What is said and heard, and every frame that was recorded of the npm package's server: `tests/wires`.

#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;

use super::*;
use crate::engine::backend::Speaks;
use crate::wire::recorded::sessions;

const RECORDED: &str = include_str!("../../../tests/wires/graphql_ws.jsonl");
const SEEDS: &str = include_str!("../../../fuzz/seeds/graphql.txt");

/// The subscriptions of the recording, and one with a place in its name.
const BACKEND: &str = r#"{"kind":"graphql","subscriptions":{
    "count":{"query":"subscription($n:Int!){count(to:$n)}","variables":{"n":2},"event":"counted","data":"$.count"},
    "hello":{"query":"{hello}"},"nosuch":{"query":"{nosuch}"},"forever":{"query":"subscription{forever}"},
    "board:{id}":{"query":"subscription($b:ID!){task(board:$b){id}}","variables":{"b":"{id}"},"data":"$.task"}}}"#;

fn session(backend: &str) -> Session {
    match Speaks::read(json::parse(backend).unwrap()) {
        Ok(Speaks::GraphQl(with)) => Session::new(&with),
        other => panic!("{backend}: {other:?}"),
    }
}

/// A session that the server knows.
fn welcomed() -> Session {
    let mut session = session(BACKEND);
    session.begin();
    assert_eq!(session.hello(None), r#"{"type":"connection_init"}"#);
    assert_eq!(
        hear(&mut session, r#"{"type":"connection_ack"}"#),
        ["welcome"]
    );
    session
}

fn want(id: u64, channel: &str) -> Want<'_> {
    Want {
        id: RequestId(id),
        channel,
        position: None,
        since: None,
        token: None,
    }
}

/// What is said to ask for a channel, which is had at once.
fn asks(session: &mut Session, id: u64, channel: &str) -> Vec<String> {
    assert_eq!(session.ask(&want(id, channel)), Ask::Known);
    let mut news = session.news();
    assert_eq!(
        news.pop(),
        Some(Heard::Subscribed {
            request: None,
            channel: channel.to_owned(),
            position: None,
            recovery: Recovery::Impossible,
        })
    );
    let said = news.into_iter().map(|news| match news {
        Heard::Say(text) => text,
        other => panic!("{other:?}"),
    });
    said.collect()
}

/// What a frame means, in short.
fn hear(session: &mut Session, frame: &str) -> Vec<String> {
    let mut heard = Vec::new();
    session.read(frame.as_bytes(), &mut heard);
    let words = heard.into_iter().map(|heard| match heard {
        Heard::Welcome { .. } => "welcome".to_owned(),
        Heard::Event(event) => format!("{} {} {}", event.channel, event.name, event.data),
        Heard::Unsubscribed { channel, .. } => format!("{channel} ended"),
        Heard::Refused(refusal) => {
            let channel = refusal.channel.as_deref().unwrap_or("told:");
            format!("{channel} {}: {}", refusal.code, refusal.message)
        }
        other => format!("{other:?}"),
    });
    words.collect()
}

#[test]
fn every_recorded_frame_is_read_and_written() {
    let mut means = Vec::new();
    let mut closes = Vec::new();
    for rows in sessions(RECORDED) {
        let mut session = session(BACKEND);
        session.begin();
        for row in rows.iter() {
            match (row.ours, &*row.kind) {
                (false, "text") => means.extend(hear(&mut session, &row.frame)),
                (false, "close") => {
                    let code: u16 = row.frame.split(' ').next().unwrap().parse().unwrap();
                    let rule = CLOSES.iter().find(|rule| rule.from == code);
                    closes.push((code, rule.map(|rule| rule.means)));
                }
                (true, "text") => says(&mut session, &row.frame),
                _ => {}
            }
        }
    }
    let first = [
        "welcome",
        "count counted 1",
        "count counted 2",
        "count ended",
        r#"hello hello {"hello":"world"}"#,
        "hello ended",
        r#"told: bad_request: Cannot query field "nosuch" on type "Q". (channel nosuch)"#,
        r#"nosuch bad_request: Cannot query field "nosuch" on type "Q"."#,
        r#"forever forever {"forever":1}"#,
        r#"forever forever {"forever":2}"#,
        r#"forever forever {"forever":3}"#,
        // It was given back.
        "Unknown",
        "Pong { number: 5 }",
    ];
    assert_eq!(means.get(..first.len()).unwrap(), first);
    use CloseMeans::{Final, Unauthorized};
    assert_eq!(
        closes,
        [
            (4400, Some(Final)),
            (4408, None),
            (4401, Some(Unauthorized)),
            (4403, Some(Unauthorized)),
            (4429, None),
            (4409, None),
            (4400, Some(Final)),
            (1006, None),
        ]
    );
}

/// What the other client said, in ours: to the byte where it is something that we say.
fn says(session: &mut Session, frame: &str) {
    let Ok(raw) = json::parse(frame) else { return };
    let of = |name: &str| raw.member(name).and_then(Raw::string).map(Text::decode);
    let id = of("id").and_then(|id| text::number(&id)).unwrap_or(0);
    let query = raw
        .member("payload")
        .and_then(|payload| payload.member("query"));
    match of("type").as_deref() {
        Some("connection_init") => {
            let token = raw
                .member("payload")
                .and_then(|payload| payload.member("token"));
            let token = token.and_then(Raw::string).map(Text::decode);
            assert_eq!(session.hello(token.as_deref()), frame);
        }
        Some("subscribe") => {
            let query = query.and_then(Raw::string).unwrap().decode();
            let channel = ["count", "hello", "nosuch", "forever"]
                .into_iter()
                .find(|name| query.contains(name))
                .unwrap();
            // We give an older one back, and a server refuses a number that it has.
            if session.channels.get(channel) != Some(&id) {
                assert_eq!(asks(session, id, channel), [frame]);
            }
        }
        Some("complete") => {
            let (name, _) = session
                .channels
                .iter()
                .find(|(_, have)| **have == id)
                .unwrap();
            let name = name.to_string();
            let said = session.give_back(RequestId(99), &name);
            assert_eq!(said.as_deref(), Some(frame));
        }
        Some("ping") => assert_eq!(session.ping(5).as_deref(), Some(frame)),
        _ => {}
    }
}

#[test]
fn who_we_are_is_the_token_or_what_the_app_wrote() {
    let mut session = session(BACKEND);
    assert_eq!(
        session.hello(Some("t\"1")),
        r#"{"type":"connection_init","payload":{"token":"t\"1"}}"#
    );
    let own = BACKEND.replacen(
        '{',
        r#"{"connect":{"headers":{"authorization":"Bearer $token"},"app":7},"#,
        1,
    );
    assert_eq!(
        self::session(&own).hello(Some("t1")),
        r#"{"type":"connection_init","payload":{"headers":{"authorization":"Bearer t1"},"app":7}}"#
    );
}

#[test]
fn a_channel_that_is_asked_for_anew_has_another_number_and_the_old_one_is_given_back() {
    let mut session = welcomed();
    let first = asks(&mut session, 3, "board:7");
    assert_eq!(
        first,
        [
            r#"{"id":"3","type":"subscribe","payload":{"query":"subscription($b:ID!){task(board:$b){id}}","variables":{"b":"7"}}}"#
        ]
    );
    let next = r#"{"id":"3","type":"next","payload":{"data":{"task":{"id":"1"}}}}"#;
    assert_eq!(
        hear(&mut session, next),
        [r#"board:7 board:{id} {"id":"1"}"#]
    );
    let again = asks(&mut session, 4, "board:7");
    assert_eq!(again.first().unwrap(), r#"{"id":"3","type":"complete"}"#);
    assert_eq!(again.len(), 2);
    assert_eq!(hear(&mut session, next), ["Unknown"]);
    assert_eq!(
        hear(&mut session, r#"{"id":"4","type":"complete"}"#),
        ["board:7 ended"]
    );
    assert_eq!(session.give_back(RequestId(5), "board:7"), None);
    assert_eq!(session.ask(&want(6, "boards")), Ask::Unanswered);
}

#[test]
fn a_result_that_is_not_whole_is_an_event_all_the_same() {
    let mut session = welcomed();
    asks(&mut session, 1, "count");
    for payload in [
        r#"{"data":null,"errors":[{"message":"x"}]}"#,
        r#"{"data":{}}"#,
        "{}",
    ] {
        let frame = [r#"{"id":"1","type":"next","payload":"#, payload, "}"].concat();
        assert_eq!(
            hear(&mut session, &frame),
            ["count counted null"],
            "{payload}"
        );
    }
}

#[test]
fn why_a_subscription_is_refused_is_read_from_its_first_error() {
    for (errors, code) in [
        (
            r#"[{"message":"x","extensions":{"code":"UNAUTHENTICATED"}}]"#,
            "unauthorized",
        ),
        (
            r#"[{"message":"x","extensions":{"code":"FORBIDDEN"}},{"message":"y"}]"#,
            "forbidden",
        ),
        (
            r#"[{"message":"x","extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]"#,
            "bad_request",
        ),
        (
            r#"[{"message":"a token","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]"#,
            "internal",
        ),
        (r#"[{"message":"jwt expired"}]"#, "unauthorized"),
        (
            r#"[{"message":"x","locations":[{"line":1,"column":2}]}]"#,
            "bad_request",
        ),
        (
            r#"[{"message":"x","locations":[{"line":1,"column":2}],"path":["task"]}]"#,
            "internal",
        ),
        (r#"[{"message":"x"}]"#, "internal"),
        ("[]", "internal"),
        ("7", "internal"),
    ] {
        let mut session = welcomed();
        asks(&mut session, 1, "count");
        let frame = [r#"{"id":"1","type":"error","payload":"#, errors, "}"].concat();
        let means = hear(&mut session, &frame);
        assert!(
            means[0].starts_with(&["told: ", code, ": "].concat())
                && means[1].starts_with(&["count ", code, ": "].concat()),
            "{means:?}"
        );
        // A server that throws as it begins says the same so.
        if errors.starts_with('[') {
            asks(&mut session, 2, "count");
            let thrown = [
                r#"{"id":"2","type":"next","payload":{"errors":"#,
                errors,
                "}}",
            ];
            assert_eq!(hear(&mut session, &thrown.concat()), means);
        }
        assert_eq!(
            hear(&mut session, &frame),
            ["Unknown"],
            "it is told of once"
        );
    }
}

#[test]
fn what_is_none_of_the_protocol_is_told_and_nothing_is_lost() {
    let mut session = welcomed();
    for bad in ["", "[]", "7", "{", "{}", r#"{"type":7}"#] {
        let means = hear(&mut session, bad);
        assert!(means[0].starts_with("Malformed"), "{bad}: {means:?}");
    }
    for other in [
        r#"{"type":"ka"}"#,
        r#"{"type":"pong"}"#,
        r#"{"type":"connection_ack"}"#,
        r#"{"type":"next"}"#,
        r#"{"type":"next","id":1}"#,
        r#"{"type":"complete","id":"77"}"#,
    ] {
        assert_eq!(hear(&mut session, other), ["Unknown"], "{other}");
    }
    let large = "x".repeat(PACKET_BYTES_MAX + 1);
    assert_eq!(
        hear(&mut session, &large),
        ["Malformed(\"frame too large\")"]
    );
    assert_eq!(
        hear(&mut session, r#"{"type":"ping","payload":{}}"#),
        ["Ping { number: 0 }"]
    );
    assert_eq!(session.pong(), r#"{"type":"pong"}"#);
}

proptest! {
    #[test]
    fn a_session_that_is_harmed_says_nothing_that_is_not_so(bytes in crate::wire::harmed::session(SEEDS)) {
        crate::fuzz::run("graphql", &bytes);
    }
}
