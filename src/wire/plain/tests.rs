//! What is said and heard, and every frame that was recorded of a server with FastAPI: `tests/wires`.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;

const FASTAPI: &str = include_str!("../../../tests/wires/fastapi_ws.jsonl");

fn session(members: &str) -> Session {
    let text = ["{\"kind\":\"json\",", members, "}"].concat();
    let speaks = crate::engine::backend::Speaks::read(json::parse(&text).unwrap()).unwrap();
    let crate::engine::backend::Speaks::Plain(with) = speaks else {
        panic!("another wire");
    };
    Session::new(&with)
}

/// One that is connected, and follows everything.
fn connected(members: &str) -> Session {
    let mut session = session(members);
    session.begin();
    session.hello(None);
    assert!(matches!(&*session.news(), [Heard::Welcome { .. }]));
    assert_eq!(session.subscribe(ALL, None), Ask::Known);
    assert_eq!(session.news(), [subscribed(ALL.to_owned(), false)]);
    session
}

fn read<'a>(session: &mut Session, frame: &'a str) -> Vec<Heard<'a>> {
    let mut heard = Vec::new();
    session.read(frame.as_bytes(), &mut heard);
    heard
}

/// Channel, name and payload of the events in a frame.
fn events(session: &mut Session, frame: &str) -> Vec<[String; 3]> {
    let each = |said| match said {
        Heard::Event(event) => Some([event.channel, event.name, event.data].map(Cow::into_owned)),
        _ => None,
    };
    read(session, frame).into_iter().filter_map(each).collect()
}

#[test]
fn an_event_is_found_where_most_servers_have_it() {
    let mut session = connected("\"a\":1");
    for (frame, name, data) in [
        (
            r#"{"type":"moved","data":{"id":1}}"#,
            "moved",
            r#"{"id":1}"#,
        ),
        (r#"{"event":"moved","payload":[1]}"#, "moved", "[1]"),
        (
            r#"{"type":"moved","id":1}"#,
            "moved",
            r#"{"type":"moved","id":1}"#,
        ),
        (r#" {"type":7,"data":null}"#, "7", "null"),
        (
            r#"{"type":"mo\u0076ed","data":"x","channel":"web"}"#,
            "moved",
            "\"x\"",
        ),
    ] {
        let expected = [ALL, name, data].map(str::to_owned);
        assert_eq!(events(&mut session, frame), [expected], "{frame}");
    }
    let three = "[{\"type\":\"a\"},{\"type\":\"b\"},{\"type\":\"c\"}]";
    assert_eq!(events(&mut session, three).len(), 3);
    let lines = "{\"type\":\"a\"}\r\n\n{\"type\":\"b\"}\n";
    assert_eq!(events(&mut session, lines).len(), 2);
}

#[test]
fn what_is_no_message_is_a_fault_and_what_has_no_name_is_passed_over() {
    let mut session = connected("\"a\":1");
    for frame in ["", "  \n"] {
        assert_eq!(read(&mut session, frame), [], "{frame}");
    }
    for frame in ["hello", "7", "\"x\"", "{", "[1]"] {
        assert!(
            matches!(&*read(&mut session, frame), [Heard::Malformed(_)]),
            "{frame}"
        );
    }
    for frame in [
        "{}",
        r#"{"type":{}}"#,
        r#"{"type":""}"#,
        r#"{"type":null,"data":1}"#,
    ] {
        assert_eq!(read(&mut session, frame), [Heard::Unknown], "{frame}");
    }
    let mut heard = Vec::new();
    session.read(b"\xff", &mut heard);
    let large = " ".repeat(PACKET_BYTES_MAX + 1);
    session.read(large.as_bytes(), &mut heard);
    assert!(matches!(
        &*heard,
        [Heard::Malformed(_), Heard::Malformed(_)]
    ));
}

#[test]
fn the_app_says_where_things_stand() {
    let mut session = connected(
        r#""event":"$.head.kind","data":"$.body","channel":"$.head.room","seq":"$.head.n""#,
    );
    session.subscribe("r1", None);
    let frame = r#"{"head":{"kind":"moved","room":"r1","n":3},"body":{"type":"x"}}"#;
    let expected = ["r1", "moved", r#"{"type":"x"}"#].map(str::to_owned);
    assert_eq!(events(&mut session, frame), [expected]);
    let frame = r#"{"head":{"kind":"moved","room":"r1","n":4}}"#;
    assert_eq!(events(&mut session, frame)[0][2], "null");
}

#[test]
fn numbers_show_holes_and_what_comes_twice() {
    let mut session = connected(r#""seq":"$.seq""#);
    let mut kinds = |n: u64| {
        let frame = format!("{{\"type\":\"a\",\"seq\":{n}}}");
        let heard = read(&mut session, &frame).into_iter();
        let kind = |said: Heard<'_>| match said {
            Heard::Gap { channel } if channel == ALL => "gap",
            Heard::Event(_) => "event",
            Heard::Unknown => "old",
            other => panic!("{other:?}"),
        };
        heard.map(kind).collect::<Vec<_>>().join(" ")
    };
    let seen = [5, 6, 6, 8, 7, 9].map(&mut kinds);
    assert_eq!(seen, ["event", "event", "old", "gap event", "old", "event"]);
    // Another connection counts anew.
    session.begin();
    session.subscribe(ALL, None);
    assert_eq!(read(&mut session, r#"{"type":"a","seq":1}"#).len(), 1);
    // One without a number is used as it is.
    assert_eq!(events(&mut session, r#"{"type":"a"}"#).len(), 1);
}

#[test]
fn a_server_may_want_to_be_asked_for_channels_and_say_yes_or_no() {
    let mut session = connected(
        r#""subscribe":{"op":"sub","room":"$channel","key":"$token"},"unsubscribe":{"op":"unsub","room":"$channel"},
        "subscribed":{"op":"subbed","room":"$channel"},"denied":{"op":"no","room":"$channel"},"channel":"$.room""#,
    );
    let ask = Ask::Say(r#"{"op":"sub","room":"r1","key":"t"}"#.to_owned());
    assert_eq!(session.subscribe("r1", Some("t")), ask);
    assert_eq!(session.news(), []);
    assert_eq!(read(&mut session, r#"{"op":"subbed","room":"r2"}"#), []);
    let yes = read(&mut session, r#"{"op":"subbed","room":"r1"}"#);
    assert_eq!(yes, [subscribed("r1".to_owned(), false)]);
    assert_eq!(
        events(&mut session, r#"{"type":"a","room":"r1"}"#)[0][0],
        "r1"
    );
    let no = read(
        &mut session,
        r#"{"op":"no","room":"r3","reason":"private"}"#,
    );
    let [Heard::Refused(refusal)] = &*no else {
        panic!("{no:?}");
    };
    assert_eq!(
        (&*refusal.code, &*refusal.message),
        ("forbidden", "private")
    );
    assert_eq!(refusal.channel.as_deref(), Some("r3"));
    let gone = session.unsubscribe("r1");
    assert_eq!(gone.as_deref(), Some(r#"{"op":"unsub","room":"r1"}"#));
    assert_eq!(
        events(&mut session, r#"{"type":"a","room":"r1"}"#),
        [[""; 3]; 0]
    );
    // What names none is for all.
    assert_eq!(events(&mut session, r#"{"type":"a"}"#)[0][0], ALL);
    assert_eq!(session.unsubscribe(ALL), None);
}

#[test]
fn a_server_that_does_not_answer_has_what_it_was_asked_for() {
    let mut session = connected(r#""subscribe":"SUB $channel""#);
    assert_eq!(session.subscribe("r1", None), Ask::Known);
    let said = Heard::Say("SUB r1".to_owned());
    assert_eq!(session.news(), [said, subscribed("r1".to_owned(), false)]);
    // A server that is asked for nothing says what it likes, of any channel.
    let mut session = connected("\"a\":1");
    assert_eq!(session.subscribe("r1", None), Ask::Known);
    assert_eq!(session.news(), [subscribed("r1".to_owned(), false)]);
    assert_eq!(
        events(&mut session, r#"{"type":"a","channel":"r1"}"#)[0][0],
        "r1"
    );
    assert_eq!(
        events(&mut session, r#"{"type":"a","channel":"r2"}"#)[0][0],
        ALL
    );
}

#[test]
fn who_we_are_may_be_said_first_and_the_server_may_answer() {
    let mut session = session(
        r#""hello":{"type":"auth","token":"$token"},"welcome":{"type":"ok"},"refused":{"type":"error"},"tokenParam":"t""#,
    );
    session.begin();
    assert_eq!(session.hello(Some("s")), r#"{"type":"auth","token":"s"}"#);
    assert_eq!(session.news(), []);
    assert_eq!(session.url("ws://h", Some("s")), "ws://h?t=s");
    assert_eq!(session.url("ws://h", None), "ws://h");
    assert!(matches!(
        &*read(&mut session, r#"{"type":"ok"}"#),
        [Heard::Welcome { .. }]
    ));
    assert_eq!(read(&mut session, r#"{"type":"ok"}"#), []);
    let no = read(&mut session, r#"{"type":"error","detail":"too old"}"#);
    let [Heard::TurnedAway(refusal)] = &*no else {
        panic!("{no:?}");
    };
    assert_eq!(
        (&*refusal.code, &*refusal.message),
        ("unauthorized", "too old")
    );
}

#[test]
fn signs_of_life_go_either_way() {
    let mut session =
        connected(r#""ping":{"type":"ping"},"pong":{"type":"pong"},"heartbeat":{"every":5000}"#);
    assert_eq!(session.capabilities().heartbeat, Heartbeat::Server);
    assert_eq!(
        read(&mut session, r#"{"type":"ping"}"#),
        [Heard::Ping { number: 0 }]
    );
    assert_eq!(session.pong(), r#"{"type":"pong"}"#);
    assert_eq!(session.ping(1), None);

    let mut session = connected(r#""heartbeat":{"every":5000,"send":"ping","answer":"pong"}"#);
    assert_eq!(session.capabilities().heartbeat, Heartbeat::Us);
    assert_eq!(read(&mut session, "pong"), []);
    assert_eq!(session.ping(7).as_deref(), Some("ping"));
    assert_eq!(read(&mut session, r#"{"type":"a"}"#).len(), 1);
    assert_eq!(read(&mut session, "pong"), [Heard::Pong { number: 7 }]);
    assert_eq!(read(&mut session, "pong"), []);

    let mut session = connected(r#""heartbeat":{"every":5000,"send":"ping"}"#);
    session.ping(8);
    let heard = read(&mut session, r#"{"type":"a"}"#);
    assert!(matches!(
        &*heard,
        [Heard::Pong { number: 8 }, Heard::Event(_)]
    ));
}

#[test]
fn fault_5_close_codes_of_servers_without_a_protocol() {
    let session = session(r#""authCodes":[4001,4999]"#);
    let means = |code| {
        let code = session.close_code(code);
        let rule = CLOSES
            .iter()
            .find(|rule| rule.from <= code && code <= rule.to);
        rule.map_or(CloseMeans::Lost, |rule| rule.means)
    };
    for code in [1008, 3000, 3003, 4001, 4401, 4403, 4999] {
        assert_eq!(means(code), CloseMeans::Unauthorized, "{code}");
    }
    for code in [1000, 1006, 1011, 4000, 4408] {
        assert_eq!(means(code), CloseMeans::Lost, "{code}");
    }
    assert_eq!(means(1009), CloseMeans::TooLarge);
    assert_eq!(means(1012), CloseMeans::GoingAway);
}

#[test]
fn every_recorded_frame_of_a_server_with_fastapi_is_read() {
    let mut session = connected(r#""event":"$.t""#);
    let mut frames = 0;
    for line in FASTAPI.lines().skip(1) {
        let row = json::parse(line).unwrap();
        let of = |name: &str| row.member(name).and_then(Raw::string).unwrap().decode();
        if of("dir") != "s>c" {
            continue;
        }
        let said = of("frame");
        match &*of("kind") {
            "text" => {
                let expected = [ALL, "hello", &*said].map(str::to_owned);
                assert_eq!(events(&mut session, &said), [expected]);
                frames += 1;
            }
            "close" => {
                // Nothing there is a refusal, and nothing is final.
                let code = text_number(&said);
                let rule = CLOSES
                    .iter()
                    .find(|rule| rule.from <= code && code <= rule.to);
                let means = rule.map_or(CloseMeans::Lost, |rule| rule.means);
                let expected = match code {
                    1009 => CloseMeans::TooLarge,
                    _ => CloseMeans::Lost,
                };
                assert_eq!(means, expected, "{said}");
                frames += 1;
            }
            // Not for a page to see.
            "http" | "ws-ping" => {}
            other => panic!("{other}"),
        }
    }
    assert_eq!(frames, 6);
}

fn text_number(said: &str) -> u16 {
    said.split(' ').next().unwrap().parse().unwrap()
}
