//! What can be read of a running engine: why things are as they are, and how fast they go.

#![allow(clippy::unwrap_used)]

use crate::engine::command::Command;
use crate::engine::config::Config;
use crate::engine::ids::{ConnId, TabId};
use crate::engine::input::{Input, LockEvent, SocketEvent};
use crate::engine::notice::Notice;
use crate::engine::output::Output;
use crate::engine::time::{Mono, Now, Wall};
use crate::engine::{Boot, Engine};
use crate::wire::json;

const CONFIG: &str = r#"{"user":"ada@private","backend":{"kind":"everfresh","url":"ws://hidden/live"},
    "channels":["tasks"],"events":{"task_updated":[["tasks"]],"sang":[["songs"]]}}"#;

fn at(ms: u64) -> Now {
    Now {
        mono: Mono(ms),
        wall: Wall(1_000_000 + ms),
    }
}

fn frame(engine: &mut Engine, ms: u64, frame: &str) {
    let event = SocketEvent::Frame(frame.as_bytes());
    let conn = ConnId(1);
    engine.handle(at(ms), Input::Socket { conn, event });
}

/// A tab alone with a link. The server's clock is ten minutes ahead of ours.
fn connected() -> Engine {
    let boot = Boot {
        seed: 1,
        tab: TabId(5),
        online: true,
    };
    let mut engine = Engine::new(Config::parse(CONFIG).unwrap(), boot, at(0));
    engine.handle(at(0), Input::Command(Command::Start));
    engine.handle(at(0), Input::Lock(LockEvent::Unavailable));
    let (conn, event) = (ConnId(1), SocketEvent::Opened);
    engine.handle(at(100), Input::Socket { conn, event });
    frame(
        &mut engine,
        140,
        r#"{"t":"welcome","v":1,"ping":25000,"now":1600120}"#,
    );
    frame(
        &mut engine,
        150,
        r#"{"t":"subd","id":1,"ch":"tasks","pos":{"e":"E","s":4},"recovered":null}"#,
    );
    // The gap before the first position is told of now, and not in the middle of a test.
    engine.handle(at(5000), Input::Tick);
    engine
}

fn told(engine: &mut Engine) -> Vec<Notice> {
    std::iter::from_fn(|| engine.poll_output())
        .filter_map(|output| match output {
            Output::Tell(notice) => Some(notice),
            _ => None,
        })
        .collect()
}

const EVENT: &str =
    r#"{"t":"ev","ch":"tasks","s":5,"name":"task_updated","data":{"pin":"4711"},"at":1605970}"#;

#[test]
fn a_stale_query_is_explained_by_the_event_that_made_it_so() {
    let mut engine = connected();
    frame(&mut engine, 6000, EVENT);
    frame(&mut engine, 6010, EVENT);
    engine.handle(at(20_000), Input::Tick);
    let why = engine
        .explain(at(20_000), r#"["tasks",{"page":2}]"#)
        .unwrap();
    let event = why
        .find(r#""what":"event","event":"task_updated""#)
        .unwrap();
    let tell = why
        .find(r#""why":"event","by":"task_updated","keys":[["tasks"]]"#)
        .unwrap();
    assert!(event < tell, "{why}");
    assert!(why.contains(r#""status":"connected""#), "{why}");
    assert!(json::parse(&why).is_ok());
    let other = engine.explain(at(20_000), r#"["songs"]"#).unwrap();
    assert!(!other.contains("task_updated"), "{other}");
    assert_eq!(engine.explain(at(20_000), "songs"), None);
    assert_eq!(engine.explain(at(20_000), "{"), None);
}

#[test]
fn reading_changes_nothing() {
    let mut engine = connected();
    frame(&mut engine, 6000, EVENT);
    let before = (
        engine.snapshot(at(6000)),
        engine.journal(),
        engine.next_wakeup(),
    );
    engine.explain(at(6000), "[]");
    engine.history();
    let after = (
        engine.snapshot(at(6000)),
        engine.journal(),
        engine.next_wakeup(),
    );
    assert_eq!(before, after);
}

#[test]
fn the_journal_holds_no_payload_no_user_and_no_address() {
    let mut engine = connected();
    frame(&mut engine, 6000, EVENT);
    frame(
        &mut engine,
        6000,
        r#"{"t":"err","code":"forbidden","msg":"token 4711 of ada@private"}"#,
    );
    frame(&mut engine, 6000, r#"{"4711""#);
    let journal = engine.journal();
    assert!(
        journal.contains("task_updated") && journal.contains("bad-frame"),
        "{journal}"
    );
    let why = engine.explain(at(6000), "[]").unwrap();
    for secret in ["4711", "ada@private", "hidden"] {
        assert!(
            !journal.contains(secret) && !why.contains(secret),
            "{journal} {why}"
        );
    }
}

#[test]
fn diagnostics_are_told_by_part_and_can_be_switched() {
    let mut engine = connected();
    told(&mut engine);
    let logs = |engine: &mut Engine| {
        let mut logs = Vec::new();
        for notice in told(engine) {
            if let Notice::Log { part, text } = notice {
                logs.push((part, text));
            }
        }
        logs
    };
    let log = Command::parse(r#"{"do":"log","parts":["channels"]}"#).unwrap();
    engine.handle(at(6000), Input::Command(log));
    frame(&mut engine, 6000, EVENT);
    assert_eq!(
        logs(&mut engine),
        [(
            "channels",
            "event event=task_updated channel=tasks".to_owned()
        )]
    );
    let log = Command::parse(r#"{"do":"log","parts":[]}"#).unwrap();
    engine.handle(at(6000), Input::Command(log));
    frame(&mut engine, 6000, EVENT);
    assert_eq!(logs(&mut engine), []);
}

#[test]
fn figures_are_in_the_snapshot_and_know_the_servers_clock() {
    let mut engine = connected();
    frame(&mut engine, 6000, EVENT);
    engine.handle(at(7000), Input::Tick);
    let snapshot = engine.snapshot(at(7000));
    // Greeted at 100, welcomed at 140: it was 1,600,140 there at 140, so 1,606,000 at 6000.
    for part in [
        r#""serverClockOffset":600000"#,
        r#""roundTrip":40"#,
        r#""event":{"samples":1,"p50":50,"#,
        r#""invalidation":{"samples":1,"p50":1,"#,
        r#""uptime":97.66"#,
    ] {
        assert!(snapshot.contains(part), "{part} is not in {snapshot}");
    }
    let history = engine.history();
    assert!(history.contains(r#""events":1,"#), "{history}");
}
