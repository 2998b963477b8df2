//! G9: nothing of a person is visible to the next one in the same page, whatever still comes late.

#![allow(clippy::unwrap_used)]

use crate::engine::command::Command;
use crate::engine::config::Config;
use crate::engine::http::{Headers, Reply};
use crate::engine::ids::{ConnId, HttpId, TabId, TokenId};
use crate::engine::input::{Input, LockEvent, SocketEvent};
use crate::engine::notice::Notice;
use crate::engine::output::Output;
use crate::engine::queue::{MutationId, Outcome};
use crate::engine::time::{Mono, Now, Wall};
use crate::engine::{Boot, Engine};
use crate::wire::json::{self, Writer};

const CONFIG: &str = r#"{"user":"ada","backend":{"kind":"everfresh","url":"ws://h/live"},"getToken":true,
    "channels":["tasks"],"events":{"task_updated":{"keys":[["tasks","$.owner"]],"version":"$.version"}},
    "mutations":{"save":{"version":1}},"contracts":{"plan":{"key":["plan"],"maxAge":30000,"probe":"http://h/plan","reloadKey":"plan"}}}"#;

/// What only Ada may see.
const SECRETS: [&str; 3] = ["task_updated", "tasks", "adas-own"];

fn at(ms: u64) -> Now {
    Now {
        mono: Mono(ms),
        wall: Wall(1_000_000 + ms),
    }
}

fn say(engine: &mut Engine, ms: u64, command: &str) {
    engine.handle(at(ms), Input::Command(Command::parse(command).unwrap()));
}

fn frame(engine: &mut Engine, conn: u32, ms: u64, frame: &str) {
    let event = SocketEvent::Frame(frame.as_bytes());
    let conn = ConnId(conn);
    engine.handle(at(ms), Input::Socket { conn, event });
}

fn outputs(engine: &mut Engine) -> Vec<Output> {
    std::iter::from_fn(|| engine.poll_output()).collect()
}

/// What the app is told, as text.
fn told(outputs: &[Output]) -> String {
    let mut writer = Writer::new();
    writer.array(|w| {
        for output in outputs {
            if let Output::Tell(notice) = output
                && !matches!(notice, Notice::Status(_))
            {
                notice.write(w);
            }
        }
    });
    writer.finish()
}

fn run(engine: &mut Engine, from: u64, to: u64) -> Vec<Output> {
    let mut out = outputs(engine);
    let mut now = from;
    while let Some(Mono(next)) = engine.next_wakeup() {
        now = next.max(now + 1);
        if now > to {
            break;
        }
        engine.handle(at(now), Input::Tick);
        out.extend(outputs(engine));
    }
    out
}

fn asked_token(outputs: &[Output]) -> Option<TokenId> {
    outputs.iter().find_map(|output| match output {
        Output::AskToken { request, .. } => Some(*request),
        _ => None,
    })
}

fn probe(outputs: &[Output]) -> Option<(HttpId, Vec<(&'static str, String)>)> {
    outputs.iter().find_map(|output| match output {
        Output::Request { request, call } if call.url == "http://h/plan" => {
            Some((*request, call.headers.clone()))
        }
        _ => None,
    })
}

/// Ada's page: alone, with a link; an event came, a query was fetched and probed.
fn adas() -> (Engine, HttpId) {
    let boot = Boot {
        seed: 1,
        tab: TabId(5),
        online: true,
    };
    let mut engine = Engine::new(Config::parse(CONFIG).unwrap(), boot, at(0));
    engine.handle(at(0), Input::Command(Command::Start));
    engine.handle(at(0), Input::Lock(LockEvent::Unavailable));
    let request = asked_token(&outputs(&mut engine)).unwrap();
    let token = format!(
        r#"{{"do":"token","request":{},"token":"adas-token"}}"#,
        request.0
    );
    say(&mut engine, 1, &token);
    let (conn, event) = (ConnId(1), SocketEvent::Opened);
    engine.handle(at(10), Input::Socket { conn, event });
    for text in [
        r#"{"t":"welcome","v":1,"ping":25000,"now":5}"#,
        r#"{"t":"subd","id":1,"ch":"tasks","pos":{"e":"E","s":4},"recovered":null}"#,
    ] {
        frame(&mut engine, 1, 20, text);
    }
    run(&mut engine, 20, 100);
    for key in [r#"["plan"]"#, r#"["tasks","adas-own"]"#] {
        for phase in [r#""observe""#, r#""start""#, r#""success","version":9"#] {
            say(
                &mut engine,
                200,
                &format!(r#"{{"do":"fetch","key":{key},"phase":{phase}}}"#),
            );
        }
    }
    say(
        &mut engine,
        200,
        r#"{"do":"listen","event":"task_updated"}"#,
    );
    let out = run(&mut engine, 200, 30_000);
    let (request, headers) = probe(&out).unwrap();
    let authorization = ("authorization", "Bearer adas-token".to_owned());
    assert!(headers.contains(&authorization), "{headers:?}");
    let event = r#"{"t":"ev","ch":"tasks","s":5,"name":"task_updated","data":{"owner":"adas-own","version":10}}"#;
    frame(&mut engine, 1, 30_001, event);
    assert!(told(&outputs(&mut engine)).contains("adas-own"));
    (engine, request)
}

fn visible(engine: &Engine, ms: u64) -> String {
    [
        engine.explain(at(ms), r#"["tasks","adas-own"]"#).unwrap(),
        engine.journal(),
        engine.history(),
    ]
    .concat()
}

#[test]
fn nothing_of_the_last_person_can_be_read_any_more() {
    for command in [
        r#"{"do":"user","user":"bob"}"#,
        r#"{"do":"user","user":null}"#,
    ] {
        let (mut engine, _) = adas();
        let before = visible(&engine, 30_002);
        assert!(
            SECRETS.iter().all(|secret| before.contains(secret)),
            "{before}"
        );
        assert!(!engine.snapshot(at(30_002)).contains(r#""events":0"#));
        say(&mut engine, 30_002, command);
        let out = outputs(&mut engine);
        let key = out.iter().find_map(|output| match output {
            Output::SessionRemove { key } => Some(key.clone()),
            _ => None,
        });
        assert!(key.unwrap().ends_with(":fresh:plan"));
        assert_eq!(
            told(&out),
            r#"[{"type":"user","change":"switched","clear":true}]"#
        );
        let after = visible(&engine, 30_003).replace(r#""key":["tasks","adas-own"]"#, "");
        for secret in SECRETS {
            assert!(!after.contains(secret), "{secret} is in {after}");
        }
        let snapshot = engine.snapshot(at(30_003));
        for part in [
            r#""events":0"#,
            r#""frames":0"#,
            r#""age":null"#,
            r#""violations":0"#,
        ] {
            assert!(snapshot.contains(part), "{part} is not in {snapshot}");
        }
    }
}

#[test]
fn what_comes_late_for_the_last_person_is_void() {
    let (mut engine, request) = adas();
    say(&mut engine, 30_002, r#"{"do":"user","user":"bob"}"#);
    engine.handle(at(30_003), Input::Lock(LockEvent::Unavailable));
    let out = outputs(&mut engine);
    assert!(out.contains(&Output::AbortRequest { request }), "{out:?}");
    let of_bob = asked_token(&out).unwrap();
    let late = r#"{"t":"ev","ch":"tasks","s":6,"name":"task_updated","data":{"owner":"adas-own"}}"#;
    frame(&mut engine, 1, 30_010, late);
    let reply = Reply {
        status: 200,
        headers: Headers {
            etag: Some("\"ada\""),
            ..Headers::default()
        },
        body: b"{}",
    };
    let result = Ok(reply);
    engine.handle(at(30_010), Input::Response { request, result });
    let older = TokenId(of_bob.0 - 1);
    let token = format!(
        r#"{{"do":"token","request":{},"token":"adas-token"}}"#,
        older.0
    );
    say(&mut engine, 30_010, &token);
    let out = run(&mut engine, 30_010, 31_000);
    assert_eq!(told(&out), "[]");
    let opened = |output: &Output| matches!(output, Output::OpenSocket { .. });
    assert!(!out.iter().any(opened), "the token was another person's");
    let token = format!(
        r#"{{"do":"token","request":{},"token":"bobs-token"}}"#,
        of_bob.0
    );
    say(&mut engine, 31_000, &token);
    assert!(run(&mut engine, 31_000, 33_000).iter().any(opened));
}

#[test]
fn the_next_persons_probes_know_no_tag_and_no_token_of_the_last_one() {
    let (mut engine, request) = adas();
    let reply = Reply {
        status: 200,
        headers: Headers {
            etag: Some("\"ada\""),
            ..Headers::default()
        },
        body: b"{}",
    };
    let result = Ok(reply);
    engine.handle(at(30_005), Input::Response { request, result });
    say(&mut engine, 30_006, r#"{"do":"user","user":"bob"}"#);
    engine.handle(at(30_007), Input::Lock(LockEvent::Unavailable));
    // Bob's components were mounted all the time: nobody says again that they look.
    for phase in ["start", "success"] {
        say(
            &mut engine,
            30_100,
            &format!(r#"{{"do":"fetch","key":["plan"],"phase":"{phase}"}}"#),
        );
    }
    let out = run(&mut engine, 30_100, 62_000);
    let (_, headers) = probe(&out).unwrap();
    assert_eq!(headers, [("accept", "application/json".to_owned())]);
}

#[test]
fn an_event_of_the_last_person_makes_nothing_of_the_next_one_stale() {
    let (mut engine, _) = adas();
    // Two within a window: the second is still to be told.
    for number in [6, 7] {
        let event = format!(
            r#"{{"t":"ev","ch":"tasks","s":{number},"name":"task_updated","data":{{"owner":"adas-own","version":11}}}}"#
        );
        frame(&mut engine, 1, 40_000 + number, &event);
    }
    outputs(&mut engine);
    say(&mut engine, 40_010, r#"{"do":"user","user":"bob"}"#);
    let out = run(&mut engine, 40_010, 60_000);
    assert!(!told(&out).contains("tasks"), "{}", told(&out));
}

#[test]
fn the_next_persons_data_is_not_measured_by_the_versions_of_the_last_one() {
    let (mut engine, _) = adas();
    say(&mut engine, 40_010, r#"{"do":"user","user":"bob"}"#);
    engine.handle(at(40_011), Input::Lock(LockEvent::Unavailable));
    let token = format!(
        r#"{{"do":"token","request":{},"token":"bobs-token"}}"#,
        asked_token(&outputs(&mut engine)).unwrap().0
    );
    say(&mut engine, 40_012, &token);
    let out = run(&mut engine, 40_012, 42_000);
    let conn = out.iter().find_map(|output| match output {
        Output::OpenSocket { conn, .. } => Some(*conn),
        _ => None,
    });
    let conn = conn.unwrap();
    let event = SocketEvent::Opened;
    engine.handle(at(42_001), Input::Socket { conn, event });
    frame(
        &mut engine,
        conn.0,
        42_002,
        r#"{"t":"welcome","v":1,"ping":25000}"#,
    );
    let sent = outputs(&mut engine);
    let subscribe = sent.iter().find_map(|output| match output {
        Output::SendFrame { frame, .. } if frame.contains(r#""t":"sub""#) => Some(frame.clone()),
        _ => None,
    });
    assert!(
        !subscribe.unwrap().contains(r#""pos""#),
        "a position is a person's as well"
    );
    let id = r#"{"t":"subd","id":2,"ch":"tasks","pos":{"e":"F","s":1},"recovered":null}"#;
    frame(&mut engine, conn.0, 43_000, id);
    // What a first subscription may have missed is refetched.
    run(&mut engine, 43_000, 60_000);
    for phase in [r#""start""#, r#""success""#] {
        let report = format!(r#"{{"do":"fetch","key":["tasks","adas-own"],"phase":{phase}}}"#);
        say(&mut engine, 60_000, &report);
    }
    // Ada's data was of version 9. That does not make Bob's event old.
    let event = r#"{"t":"ev","ch":"tasks","s":2,"name":"task_updated","data":{"owner":"adas-own","version":3}}"#;
    frame(&mut engine, conn.0, 60_001, event);
    let told = told(&run(&mut engine, 60_001, 61_000));
    assert!(
        told.contains(r#""type":"refetch","keys":[["tasks","adas-own"]]"#),
        "{told}"
    );
}

/// The one who is there sends in their own name: a tab that changes hands is no page that goes, which
/// sends what is due while it still can.
#[test]
fn what_waits_has_no_last_words_when_somebody_else_comes() {
    let boot = Boot {
        seed: 1,
        tab: TabId(5),
        online: true,
    };
    let mut engine = Engine::new(Config::parse(CONFIG).unwrap(), boot, at(0));
    engine.handle(at(0), Input::Command(Command::Start));
    engine.handle(at(0), Input::Lock(LockEvent::Unavailable));
    let mutate = r#"{"do":"mutate","id":1,"name":"save","vars":"adas-own"}"#;
    say(&mut engine, 1, mutate);
    let mut ran = None;
    for _ in 0..5 {
        for output in run(&mut engine, 30_002, 30_500) {
            ran = answered(&mut engine, &output).or(ran);
        }
    }
    let (id, attempt) = ran.unwrap();
    let raw = json::parse(r#"{"ok":false,"class":"timeout"}"#).unwrap();
    let outcome = Outcome::read(raw).unwrap();
    let done = Input::MutationDone {
        id,
        attempt,
        outcome,
    };
    engine.handle(at(31_001), done);
    outputs(&mut engine);
    say(&mut engine, 900_000, r#"{"do":"user","user":"bob"}"#);
    let out = outputs(&mut engine);
    assert!(
        !out.iter().any(|o| matches!(o, Output::RunMutation(_))),
        "{out:?}"
    );
}

/// The storage is empty and takes everything; which run begins?
fn answered(engine: &mut Engine, output: &Output) -> Option<(MutationId, u32)> {
    match output {
        Output::RunMutation(run) => return Some((run.id, run.attempt)),
        Output::StoreWrite { op, .. } => {
            let stored = Input::Stored {
                op: *op,
                result: Ok(()),
            };
            engine.handle(at(31_000), stored);
        }
        Output::StoreList { op, .. } => {
            let listed = Input::StoreListed {
                op: *op,
                result: Ok(&[]),
            };
            engine.handle(at(31_000), listed);
        }
        _ => {}
    }
    None
}
