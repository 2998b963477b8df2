//! How much memory an engine holds. A binary of its own, because it counts every byte.

#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used)]

use std::alloc::System;

use everfresh::engine::command::Command;
use everfresh::engine::config::Config;
use everfresh::engine::ids::{ConnId, LockTicket, TabId};
use everfresh::engine::input::{Input, LockEvent, SocketEvent};
use everfresh::engine::output::Output;
use everfresh::engine::time::{Mono, Now, Wall};
use everfresh::engine::{Boot, Engine};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const BYTES_MAX: usize = 1 << 20;

fn held(region: &Region<'_, System>) -> usize {
    let change = region.change();
    change.bytes_allocated - change.bytes_deallocated
}

fn at(ms: u64) -> Now {
    Now {
        mono: Mono(ms),
        wall: Wall(1_761_940_800_000 + ms),
    }
}

/// Handles an input, and gives the socket that was opened, if one was.
fn handle(engine: &mut Engine, now: Now, input: Input<'_>) -> Option<ConnId> {
    engine.handle(now, input);
    let mut opened = None;
    while let Some(output) = engine.poll_output() {
        if let Output::OpenSocket { conn, .. } = output {
            opened = Some(conn);
        }
    }
    opened
}

fn frame(engine: &mut Engine, now: Now, conn: ConnId, text: &str) {
    let event = SocketEvent::Frame(text.as_bytes());
    handle(engine, now, Input::Socket { conn, event });
}

/// A leading tab with 50 channels, 100 events and 1,000 keys that have all been fetched.
fn page() -> (Engine, ConnId) {
    let channels: Vec<String> = (0..50)
        .map(|at| format!("\"project:{at}:tasks\""))
        .collect();
    let events: Vec<String> = (0..100)
        .map(|at| format!(r#""task_updated_{at}":[["tasks",{at}],["counts","$.project_id"]]"#))
        .collect();
    let config = format!(
        r#"{{"backend":{{"kind":"everfresh","url":"ws://h/live"}},"channels":[{}],"events":{{{}}}}}"#,
        channels.join(","),
        events.join(",")
    );
    let boot = Boot {
        seed: 1,
        tab: TabId(5),
        online: true,
    };
    let mut engine = Engine::new(Config::parse(&config).unwrap(), boot, at(0));
    handle(&mut engine, at(0), Input::Command(Command::Start));
    let granted = LockEvent::Granted(LockTicket(1));
    let conn = handle(&mut engine, at(0), Input::Lock(granted)).unwrap();
    let event = SocketEvent::Opened;
    handle(&mut engine, at(1), Input::Socket { conn, event });
    frame(
        &mut engine,
        at(1),
        conn,
        r#"{"t":"welcome","v":1,"ping":25000}"#,
    );
    for channel in 0..50 {
        let id = channel + 1;
        let said = format!(
            r#"{{"t":"subd","id":{id},"ch":"project:{channel}:tasks","pos":{{"e":"2f1c","s":100}}}}"#
        );
        frame(&mut engine, at(2), conn, &said);
    }
    for key in 0..1000 {
        for phase in ["observe", "start", "success"] {
            let report = format!(
                r#"{{"do":"fetch","key":["tasks",{},{{"page":{key},"sort":"title"}}],"phase":"{phase}"}}"#,
                key % 100
            );
            let command = Command::parse(&report).unwrap();
            handle(&mut engine, at(3), Input::Command(command));
        }
    }
    (engine, conn)
}

// One test, because the counts are of the whole process.
#[test]
fn an_idle_engine_with_1000_keys_and_50_channels_stays_below_a_mebibyte_and_storms_leave_nothing() {
    let region = Region::new(ALLOCATOR);
    let (mut engine, conn) = page();
    let idle = held(&region);
    assert!(idle < BYTES_MAX, "{idle} bytes");

    // Storms that name ever other families, and then a quiet time.
    let mut now = 1000;
    for seq in 101..20_000u64 {
        now += u64::from(seq.is_multiple_of(10));
        let event = format!(
            r#"{{"t":"ev","ch":"project:7:tasks","s":{seq},"name":"task_updated_{}","data":{{"project_id":{seq}}}}}"#,
            seq % 100
        );
        frame(&mut engine, at(now), conn, &event);
    }
    for _ in 0..100 {
        now += 250;
        handle(&mut engine, at(now), Input::Tick);
    }
    let after = held(&region);
    assert!(
        after < BYTES_MAX,
        "{after} bytes after a storm, {idle} before"
    );

    drop(engine);
    let left = held(&region);
    // The page has let go of everything; what is left is what the test's own strings leave.
    assert!(left < 1024, "{left} bytes are left");
}
