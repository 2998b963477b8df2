//! Contracts through the engine: what the app says, what it is told, and what other tabs hear.

#![allow(clippy::unwrap_used)]

use crate::engine::command::Command;
use crate::engine::config::Config;
use crate::engine::http::{Headers, Reply};
use crate::engine::ids::{HttpId, LockTicket, TabId};
use crate::engine::input::{Input, LockEvent, PageEvent};
use crate::engine::output::Output;
use crate::engine::time::{Mono, Now, Wall};
use crate::engine::{Boot, Engine};
use crate::wire::json::Writer;

const CONFIG: &str = r#"{"backend":{"kind":"everfresh","url":"ws://h/live"},
    "contracts":{"plan":{"key":["plan"],"maxAge":30000,"poll":30000,"probe":"https://h/plan",
    "reloadKey":"plan"}}}"#;

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

fn leader() -> Engine {
    let mut engine = engine(5);
    engine.handle(at(0), Input::Lock(LockEvent::Granted(LockTicket(1))));
    engine
}

fn say(engine: &mut Engine, now: u64, command: &str) {
    engine.handle(at(now), Input::Command(Command::parse(command).unwrap()));
}

fn mount(engine: &mut Engine, now: u64) {
    for command in [
        r#"{"do":"fetch","key":["plan",1],"phase":"observe","active":true}"#,
        r#"{"do":"fetch","key":["plan",1],"phase":"start"}"#,
        r#"{"do":"fetch","key":["plan",1],"phase":"success"}"#,
    ] {
        say(engine, now, command);
    }
}

fn outputs(engine: &mut Engine) -> Vec<Output> {
    std::iter::from_fn(|| engine.poll_output()).collect()
}

fn told(outputs: &[Output], kind: &str) -> Vec<String> {
    let mut out = Vec::new();
    for output in outputs {
        if let Output::Tell(notice) = output {
            let mut writer = Writer::new();
            notice.write(&mut writer);
            let text = writer.finish();
            if text.starts_with(&format!(r#"{{"type":"{kind}""#)) {
                out.push(text);
            }
        }
    }
    out
}

/// Ticks an engine as a shell does, up to a moment.
fn until(engine: &mut Engine, from: u64, to: u64) -> Vec<Output> {
    let mut out = Vec::new();
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

fn request(outputs: &[Output]) -> Option<(HttpId, bool)> {
    outputs.iter().find_map(|output| match output {
        Output::Request { request, call } if call.url == "https://h/plan" => {
            let condition = call
                .headers
                .iter()
                .any(|(name, _)| *name == "if-none-match");
            Some((*request, condition))
        }
        _ => None,
    })
}

fn given_up(outputs: &[Output], id: HttpId) -> bool {
    let is = |output: &Output| matches!(output, Output::AbortRequest { request } if *request == id);
    outputs.iter().any(is)
}

fn answer(engine: &mut Engine, now: u64, request: HttpId, status: u16) {
    let reply = Reply {
        status,
        headers: Headers {
            etag: Some("\"1\""),
            ..Headers::default()
        },
        body: b"{}",
    };
    let result = Ok(reply);
    engine.handle(at(now), Input::Response { request, result });
}

#[test]
fn a_probe_goes_out_and_its_answer_comes_to_the_app_and_the_other_tabs() {
    let mut engine = leader();
    mount(&mut engine, 100);
    outputs(&mut engine);
    let out = until(&mut engine, 100, 30_000);
    let (id, condition) = request(&out).unwrap();
    assert!(!condition);
    answer(&mut engine, 29_200, id, 200);
    let out = outputs(&mut engine);
    let stale = told(&out, "refetch");
    assert!(
        stale[0].contains(r#"{"why":"poll","contract":"plan"}"#),
        "{stale:?}"
    );
    let posted = |out: &[Output], part: &str| {
        let found =
            |output: &Output| matches!(output, Output::PostToTabs(text) if text.contains(part));
        out.iter().any(found)
    };
    assert!(posted(&out, r#""found":"changed""#), "{out:?}");
    mount(&mut engine, 29_300);
    let out = until(&mut engine, 29_300, 60_000);
    let (id, condition) = request(&out).unwrap();
    assert!(condition);
    answer(&mut engine, 58_600, id, 304);
    let out = outputs(&mut engine);
    assert_eq!(told(&out, "refetch"), [""; 0]);
    assert!(posted(&out, r#""since":"#), "{out:?}");
    let snapshot = engine.snapshot(at(58_700));
    assert!(snapshot.contains(r#""source":"probe""#), "{snapshot}");
    assert!(snapshot.contains(r#""state":"fresh""#), "{snapshot}");
}

#[test]
fn a_broken_window_is_told_once_and_counted() {
    let mut engine = leader();
    mount(&mut engine, 100);
    // The probes are never answered.
    let out = until(&mut engine, 100, 120_000);
    let broken = told(&out, "violation");
    assert_eq!(broken.len(), 1, "{broken:?}");
    assert!(
        broken[0].contains(r#""contract":"plan","cause":"#),
        "{broken:?}"
    );
    assert!(engine.snapshot(at(120_000)).contains(r#""violations":1"#));
}

#[test]
fn g4_an_answer_that_waited_for_a_page_that_stood_still_is_heard() {
    let mut engine = leader();
    mount(&mut engine, 100);
    let out = until(&mut engine, 100, 30_000);
    let (id, _) = request(&out).unwrap();
    // It stands still. When it goes on, its timers run before it hears the answer.
    engine.handle(at(45_000), Input::Tick);
    assert!(!given_up(&outputs(&mut engine), id));
    answer(&mut engine, 45_010, id, 200);
    assert_eq!(told(&outputs(&mut engine), "refetch").len(), 1);
    // Nothing came in the next one: it is given up soon.
    mount(&mut engine, 45_100);
    let out = until(&mut engine, 45_100, 75_000);
    let (id, _) = request(&out).unwrap();
    engine.handle(at(90_000), Input::Tick);
    outputs(&mut engine);
    assert!(given_up(&until(&mut engine, 90_000, 92_000), id));
}

#[test]
fn a_follower_says_what_it_needs_and_its_leader_looks_for_it() {
    let mut engine = leader();
    let mut follower = engine_that_follows(&mut engine);
    mount(&mut follower, 200);
    let needs: Vec<_> = outputs(&mut follower)
        .into_iter()
        .filter_map(|output| match output {
            Output::PostToTabs(text) if text.contains("needs") => Some(text),
            _ => None,
        })
        .collect();
    assert!(needs[0].contains(r#""needs":{"plan":"full"}"#), "{needs:?}");
    engine.handle(at(201), Input::TabMessage(needs[0].as_bytes()));
    outputs(&mut engine);
    let out = until(&mut engine, 201, 31_000);
    assert!(request(&out).is_some());
    // It is hidden: nobody needs it any more.
    follower.handle(at(31_000), Input::Page(PageEvent::Hidden));
    let rests = outputs(&mut follower)
        .into_iter()
        .any(|output| matches!(output, Output::PostToTabs(text) if text.contains(r#""needs":{}"#)));
    assert!(rests);
}

fn engine_that_follows(leader: &mut Engine) -> Engine {
    let mut follower = engine(6);
    for output in outputs(&mut follower) {
        if let Output::PostToTabs(text) = output {
            leader.handle(at(1), Input::TabMessage(text.as_bytes()));
        }
    }
    for output in outputs(leader) {
        if let Output::PostToTabs(text) = output {
            follower.handle(at(2), Input::TabMessage(text.as_bytes()));
        }
    }
    outputs(&mut follower);
    follower
}

#[test]
fn po6_the_session_is_read_at_the_start_and_written_on_pagehide() {
    let mut engine = leader();
    let read = outputs(&mut engine)
        .into_iter()
        .find_map(|output| match output {
            Output::SessionRead { key } => Some(key),
            _ => None,
        });
    let key = read.unwrap();
    assert!(
        key.starts_with("everfresh:") && key.ends_with(":fresh:plan"),
        "{key}"
    );
    mount(&mut engine, 500);
    engine.handle(at(600), Input::Page(PageEvent::Suspended));
    let value = "1000500".to_owned();
    assert!(outputs(&mut engine).contains(&Output::SessionWrite { key, value }));
    assert_eq!(engine.next_wakeup(), None);
}

#[test]
fn a_contract_that_does_not_exist_is_a_fault() {
    let mut engine = leader();
    outputs(&mut engine);
    say(
        &mut engine,
        1,
        r#"{"do":"watchContract","contract":"plna"}"#,
    );
    assert_eq!(told(&outputs(&mut engine), "fault").len(), 1);
    for wish in ["watch", "unwatch", "enable", "disable", "refresh"] {
        say(
            &mut engine,
            2,
            &format!(r#"{{"do":"{wish}Contract","contract":"plan"}}"#),
        );
    }
    say(&mut engine, 2, r#"{"do":"activity"}"#);
    assert_eq!(told(&outputs(&mut engine), "fault").len(), 0);
}

#[test]
fn fault_40_a_login_wakes_a_probe_that_was_refused() {
    let mut engine = leader();
    mount(&mut engine, 100);
    let out = until(&mut engine, 100, 30_000);
    let (id, _) = request(&out).unwrap();
    answer(&mut engine, 29_200, id, 401);
    assert!(request(&until(&mut engine, 29_200, 600_000)).is_none());
    say(&mut engine, 600_000, r#"{"do":"logged-in"}"#);
    let mut out = outputs(&mut engine);
    out.extend(until(&mut engine, 600_000, 602_000));
    assert!(request(&out).is_some());
}
