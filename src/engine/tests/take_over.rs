//! A follower becomes the leader.

#![allow(clippy::unwrap_used)]

use crate::engine::command::Command;
use crate::engine::config::Config;
use crate::engine::ids::{ConnId, LockTicket, Position, Seq, TabId, Term};
use crate::engine::input::{Input, LockEvent, SocketEvent};
use crate::engine::limits::BACKOFF_FIRST;
use crate::engine::output::Output;
use crate::engine::status::Status;
use crate::engine::tabs::message::{Message, Says};
use crate::engine::time::{Millis, Mono, Now, Until, Wall};
use crate::engine::{Boot, Engine, principal};

const CONFIG: &str = r#"{"backend":{"kind":"everfresh","url":"ws://h/live"},"channels":["tasks"],
    "events":{"task_updated":[["tasks"]]}}"#;

const LEADER: Term = Term {
    number: 7,
    tab: TabId(9),
};

fn at(ms: u64) -> Now {
    Now {
        mono: Mono(ms),
        wall: Wall(1_000_000 + ms),
    }
}

fn outputs(engine: &mut Engine) -> Vec<Output> {
    std::iter::from_fn(|| engine.poll_output()).collect()
}

/// A tab that hears that another one leads, and then leads itself.
fn heir(says: Says<'_>) -> Engine {
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
        from: LEADER.tab,
        scope,
        says,
    };
    engine.handle(at(1), Input::TabMessage(lead.write().as_bytes()));
    engine.handle(at(2), Input::Lock(LockEvent::Granted(LockTicket(1))));
    engine
}

fn opened(outputs: Vec<Output>) -> Option<ConnId> {
    outputs.into_iter().find_map(|output| match output {
        Output::OpenSocket { conn, .. } => Some(conn),
        _ => None,
    })
}

#[test]
fn it_subscribes_what_the_last_leader_had_subscribed_from_where_it_was() {
    let mut engine = heir(Says::Lead {
        term: LEADER,
        status: Status::idle(Wall(0)),
        hold: None,
        tabs: 2,
        positions: vec![("tasks".to_owned(), Some(Position::new("E", Seq(41))))],
    });
    let conn = opened(outputs(&mut engine)).unwrap();
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

#[test]
fn it_stays_away_for_as_long_as_the_server_asked_and_no_longer_whatever_the_clock_says() {
    // When the wait ends by the wall clock, and how long it was; and when this tab dials.
    let day = 86_400_000;
    for (at_wall, span, dials) in [
        (60_000, 60_000, 60_000),
        (day, 60_000, 60_000),
        (9000, day, 9000),
    ] {
        let mut engine = heir(Says::Lead {
            term: LEADER,
            status: Status::idle(Wall(0)),
            hold: Some(Until {
                at: at(at_wall).wall,
                span: Millis(span),
            }),
            tabs: 2,
            positions: Vec::new(),
        });
        assert_eq!(opened(outputs(&mut engine)), None);
        engine.handle(at(dials - 1), Input::Tick);
        assert_eq!(opened(outputs(&mut engine)), None);
        // A little later, because others were asked to stay away as well.
        engine.handle(at(dials + 1 + BACKOFF_FIRST.0), Input::Tick);
        assert!(opened(outputs(&mut engine)).is_some());
    }
}
