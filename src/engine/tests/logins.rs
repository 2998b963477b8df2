//! A server that wants to know who asks: one question to the app for all who were refused, and one
//! login, in whichever tab, for all that rests because of it.

#![allow(clippy::unwrap_used)]

use crate::engine::command::Command;
use crate::engine::config::Config;
use crate::engine::http::{Headers, Reply};
use crate::engine::ids::{HttpId, LockTicket, TabId, TokenId};
use crate::engine::input::{Input, LockEvent, SocketEvent};
use crate::engine::output::Output;
use crate::engine::time::{Mono, Now, Wall};
use crate::engine::token::TokenReason;
use crate::engine::{Boot, Engine};

/// Two contracts of the backend's own host, and one of another.
const CONFIG: &str = r#"{"user":"ada","backend":{"kind":"everfresh","url":"wss://h/live"},"getToken":true,
    "contracts":{"a":{"key":["a"],"maxAge":30000,"probe":"https://h/a"},
    "b":{"key":["b"],"maxAge":30000,"probe":"https://h/b?x"},
    "c":{"key":["c"],"maxAge":30000,"probe":"https://h.other/c"}}}"#;

fn at(ms: u64) -> Now {
    Now {
        mono: Mono(ms),
        wall: Wall(1_000_000 + ms),
    }
}

fn engine(tab: u64) -> Engine {
    let boot = Boot {
        seed: tab,
        tab: TabId(tab),
        online: true,
    };
    let mut engine = Engine::new(Config::parse(CONFIG).unwrap(), boot, at(0));
    engine.handle(at(0), Input::Command(Command::Start));
    engine
}

fn say(engine: &mut Engine, ms: u64, command: &str) {
    engine.handle(at(ms), Input::Command(Command::parse(command).unwrap()));
}

fn outputs(engine: &mut Engine) -> Vec<Output> {
    std::iter::from_fn(|| engine.poll_output()).collect()
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

fn asked(outputs: &[Output]) -> Vec<(TokenId, TokenReason)> {
    let mut out = Vec::new();
    for output in outputs {
        if let Output::AskToken {
            request, reason, ..
        } = output
        {
            out.push((*request, *reason));
        }
    }
    out
}

fn give(engine: &mut Engine, ms: u64, request: TokenId, token: &str) {
    let number = request.0;
    say(
        engine,
        ms,
        &format!(r#"{{"do":"token","request":{number},"token":"{token}"}}"#),
    );
}

/// The probes: which request, for what, and what it says of who asks.
fn probes(outputs: &[Output]) -> Vec<(HttpId, String, Option<String>)> {
    let mut out = Vec::new();
    for output in outputs {
        if let Output::Request { request, call } = output
            && call.url != "https://h/live"
        {
            let mut headers = call.headers.iter();
            let shown = headers.find(|(name, _)| *name == "authorization");
            let shown = shown.map(|(_, value)| value.clone());
            out.push((*request, call.url.clone(), shown));
        }
    }
    out
}

fn answer(engine: &mut Engine, ms: u64, request: HttpId, status: u16) {
    let reply = Reply {
        status,
        headers: Headers {
            etag: Some("\"1\""),
            ..Headers::default()
        },
        body: b"{}",
    };
    let result = Ok(reply);
    engine.handle(at(ms), Input::Response { request, result });
}

/// A leader whose three probes are out, asked with the first token.
fn probing() -> (Engine, Vec<HttpId>) {
    let mut engine = engine(5);
    engine.handle(at(0), Input::Lock(LockEvent::Granted(LockTicket(1))));
    let (request, _) = asked(&outputs(&mut engine))[0];
    give(&mut engine, 1, request, "one");
    let opened = outputs(&mut engine)
        .into_iter()
        .find_map(|output| match output {
            Output::OpenSocket { conn, .. } => Some(conn),
            _ => None,
        });
    let conn = opened.unwrap();
    for event in [
        SocketEvent::Opened,
        SocketEvent::Frame(br#"{"t":"welcome","v":1,"ping":60000}"#),
    ] {
        engine.handle(at(2), Input::Socket { conn, event });
    }
    for key in ["a", "b", "c"] {
        for phase in ["observe", "start", "success"] {
            let report = format!(r#"{{"do":"fetch","key":["{key}"],"phase":"{phase}"}}"#);
            say(&mut engine, 2, &report);
        }
    }
    let out = run(&mut engine, 2, 29_500);
    let sent: Vec<_> = probes(&out);
    let shown = |host: &str| {
        let mut of_host = sent.iter().filter(|(_, url, _)| url.starts_with(host));
        of_host.all(|(.., shown)| shown.as_deref() == Some("Bearer one"))
    };
    assert_eq!(sent.len(), 3);
    assert!(shown("https://h/"), "{sent:?}");
    assert!(!shown("https://h.other/"), "a token is for its own host");
    let ids = sent.into_iter().map(|(id, ..)| id).collect();
    (engine, ids)
}

#[test]
fn several_probes_that_are_refused_ask_for_one_token_and_go_on_with_it() {
    let (mut engine, ids) = probing();
    for id in ids {
        answer(&mut engine, 29_600, id, 401);
    }
    let out = run(&mut engine, 29_600, 35_000);
    let question = asked(&out);
    assert_eq!(question.len(), 1, "{question:?}");
    assert_eq!(question[0].1, TokenReason::Rejected);
    assert_eq!(probes(&out), [], "there is no better token yet");
    give(&mut engine, 35_000, question[0].0, "two");
    let sent = probes(&run(&mut engine, 35_000, 38_000));
    let shown: Vec<_> = sent.iter().map(|(.., shown)| shown.as_deref()).collect();
    assert_eq!(shown, [Some("Bearer two"), Some("Bearer two"), None]);
    for (id, ..) in sent {
        answer(&mut engine, 38_000, id, 200);
    }
    assert_eq!(asked(&run(&mut engine, 38_000, 39_000)), []);
}

#[test]
fn a_probe_that_is_refused_with_the_new_token_too_asks_no_more() {
    let (mut engine, ids) = probing();
    answer(&mut engine, 29_600, ids[0], 401);
    let question = asked(&outputs(&mut engine));
    give(&mut engine, 29_700, question[0].0, "two");
    let sent = probes(&run(&mut engine, 29_700, 33_000));
    answer(&mut engine, 33_000, sent[0].0, 401);
    let out = run(&mut engine, 33_000, 35_000);
    assert_eq!((asked(&out), probes(&out)), (vec![], vec![]));
}

#[test]
fn an_app_that_said_that_a_login_is_wanted_is_not_asked_again() {
    let (mut engine, ids) = probing();
    answer(&mut engine, 29_600, ids[0], 401);
    let (request, _) = asked(&outputs(&mut engine))[0];
    let number = request.0;
    let refused = format!(r#"{{"do":"token","request":{number},"failed":"needs-login"}}"#);
    say(&mut engine, 29_700, &refused);
    answer(&mut engine, 29_800, ids[1], 401);
    assert_eq!(asked(&outputs(&mut engine)), []);
}

#[test]
fn a_login_in_another_tab_wakes_every_probe_of_the_leader_that_was_refused() {
    let (mut leader, ids) = probing();
    let mut follower = engine(6);
    for output in outputs(&mut follower) {
        if let Output::PostToTabs(text) = output {
            leader.handle(at(29_510), Input::TabMessage(text.as_bytes()));
        }
    }
    for output in outputs(&mut leader) {
        if let Output::PostToTabs(text) = output {
            follower.handle(at(29_511), Input::TabMessage(text.as_bytes()));
        }
    }
    outputs(&mut follower);
    // One is refused with a new token too, one is forbidden, one waits for a token.
    answer(&mut leader, 29_600, ids[0], 401);
    let question = asked(&outputs(&mut leader));
    give(&mut leader, 29_600, question[0].0, "two");
    let sent = probes(&run(&mut leader, 29_600, 32_000));
    answer(&mut leader, 32_000, sent[0].0, 401);
    answer(&mut leader, 32_000, ids[1], 403);
    answer(&mut leader, 32_000, ids[2], 401);
    assert_eq!(probes(&run(&mut leader, 32_000, 38_000)), []);
    say(
        &mut follower,
        38_000,
        r#"{"do":"logged-in","token":"three"}"#,
    );
    for output in outputs(&mut follower) {
        if let Output::PostToTabs(text) = output {
            assert!(!text.contains("three"), "a token stays in its tab");
            leader.handle(at(38_001), Input::TabMessage(text.as_bytes()));
        }
    }
    let out = run(&mut leader, 38_001, 41_000);
    assert_eq!(probes(&out).len(), 3, "{out:?}");
}
