//! A follower becomes the leader.

#![allow(clippy::unwrap_used)]

use crate::engine::command::Command;
use crate::engine::config::Config;
use crate::engine::ids::{LockTicket, Position, Seq, TabId, Term};
use crate::engine::input::{Input, LockEvent, SocketEvent};
use crate::engine::output::Output;
use crate::engine::status::Status;
use crate::engine::tabs::message::{Message, Says};
use crate::engine::time::{Mono, Now, Wall};
use crate::engine::{Boot, Engine, principal};

const CONFIG: &str = r#"{"backend":{"kind":"everfresh","url":"ws://h/live"},"channels":["tasks"],
    "events":{"task_updated":[["tasks"]]}}"#;

fn at(ms: u64) -> Now {
    Now {
        mono: Mono(ms),
        wall: Wall(1_000_000 + ms),
    }
}

fn outputs(engine: &mut Engine) -> Vec<Output> {
    std::iter::from_fn(|| engine.poll_output()).collect()
}

#[test]
fn it_subscribes_what_the_last_leader_had_subscribed_from_where_it_was() {
    let boot = Boot {
        seed: 1,
        tab: TabId(5),
        online: true,
    };
    let config = Config::parse(CONFIG).unwrap();
    let scope = principal::scope(&config);
    let mut engine = Engine::new(config, boot, at(0));
    engine.handle(at(0), Input::Command(Command::Start));
    let lead = Message {
        from: TabId(9),
        scope,
        says: Says::Lead {
            term: Term {
                number: 7,
                tab: TabId(9),
            },
            status: Status::idle(Wall(0)),
            tabs: 2,
            positions: vec![("tasks".to_owned(), Some(Position::new("E", Seq(41))))],
        },
    };
    engine.handle(at(1), Input::TabMessage(lead.write().as_bytes()));
    engine.handle(at(2), Input::Lock(LockEvent::Granted(LockTicket(1))));
    let opened = outputs(&mut engine)
        .into_iter()
        .find_map(|output| match output {
            Output::OpenSocket { conn, .. } => Some(conn),
            _ => None,
        });
    let conn = opened.unwrap();
    for event in [
        SocketEvent::Opened,
        SocketEvent::Frame(br#"{"t":"welcome","v":1,"ping":25000}"#),
    ] {
        engine.handle(at(3), Input::Socket { conn, event });
    }
    let subscribe = r#"{"t":"sub","id":1,"ch":"tasks","pos":{"e":"E","s":41}}"#;
    let sent = outputs(&mut engine).into_iter().any(|output| match output {
        Output::SendFrame { frame, .. } => frame == subscribe,
        _ => false,
    });
    assert!(sent);
}
