//! Every state beside every input: what follows.

use super::rig::{Door, PING, Rig, Window, settings};
use crate::engine::ids::ConnId;
use crate::engine::lapse::Lapse;
use crate::engine::link::{Link, Nudge, Sighting, Step, Welcome};
use crate::engine::rng::Rng;
use crate::engine::status::Transport;
use crate::engine::time::{Millis, Now};
use crate::engine::token::Token;

const STATES: [&str; 8] = [
    "idle",
    "asking",
    "dialling",
    "greeting",
    "live",
    "waiting",
    "needs-auth",
    "failed",
];

/// A link in a state; its connection, if it has one, is the last that was opened.
fn in_state(state: &str) -> Rig {
    let mut rig = Rig::new(settings(&[Transport::Socket], state == "asking"), 1);
    match state {
        "idle" => return rig,
        "asking" | "dialling" => rig.want(),
        "greeting" => {
            rig.want();
            rig.run(20);
        }
        "live" => {
            rig.want();
            rig.run(40);
        }
        "waiting" => {
            rig.doors[0] = Door::Shut;
            rig.window = Window::Here(None);
            rig.want();
            rig.run(10);
        }
        "needs-auth" => {
            rig.doors[0] = Door::Closes(4401);
            rig.want();
            rig.run(100);
        }
        "failed" => {
            rig.doors[0] = Door::Closes(4403);
            rig.want();
            rig.run(100);
        }
        other => unreachable!("{other}"),
    }
    // Far enough from the dial that the pace does not matter.
    rig.now += 1;
    rig
}

type Act = fn(&mut Link, Now, &mut Rng);

fn inputs() -> Vec<(&'static str, Act)> {
    vec![
        ("want", |link, now, rng| link.want(now, None, rng)),
        ("unwant", |link, now, _| link.unwant(now, "not wanted")),
        ("reconnect", |link, now, _| link.reconnect(now)),
        ("visible", |link, now, _| link.nudge(now, Nudge::Visible)),
        ("online", |link, now, _| link.online(now, true)),
        ("offline", |link, now, _| link.online(now, false)),
        ("opened", |link, now, _| link.opened(now, ConnId(1))),
        ("closed", |link, now, rng| {
            link.closed(now, ConnId(1), 1006, "", rng);
        }),
        ("closed-old", |link, now, rng| {
            link.closed(now, ConnId(0), 4403, "", rng);
        }),
        ("unauthorized", |link, now, rng| {
            link.closed(now, ConnId(1), 4401, "", rng);
        }),
        ("forbidden", |link, now, rng| {
            link.closed(now, ConnId(1), 4403, "", rng);
        }),
        ("welcome", |link, now, rng| {
            let welcome = Welcome {
                ping: Millis(PING),
                session: None,
                now_ms: None,
                ends_ms: None,
            };
            link.welcome(now, ConnId(1), welcome, rng);
        }),
        ("goaway", |link, now, rng| {
            link.go_away(now, Millis(0), rng);
        }),
        ("seen", |link, now, rng| {
            link.saw(now, Sighting::Here { after: None }, rng);
        }),
        ("login", |link, now, _| {
            link.logged_in(now, Some(Token::new("T")));
        }),
        ("slept", |link, now, rng| {
            let lapse = Lapse {
                slept: Millis::minutes(120),
                ..Lapse::default()
            };
            link.lapse(now, lapse, rng);
        }),
        ("late", |link, now, rng| {
            let lapse = Lapse {
                late: Millis::seconds(20),
                ..Lapse::default()
            };
            link.lapse(now, lapse, rng);
        }),
        ("say", |link, now, rng| {
            link.say(now, "hi".to_owned(), rng);
        }),
    ]
}

/// A step as a short word.
fn brief(step: &Step) -> String {
    match step {
        Step::AskToken(..) => "ask".to_owned(),
        Step::Open(conn, _) => format!("open{}", conn.0),
        Step::Close(conn, _) => format!("close{}", conn.0),
        Step::Hello(_) => "hello".to_owned(),
        Step::Pong(..) => "pong".to_owned(),
        Step::Ping(_) => "ping".to_owned(),
        Step::Authorize(_) => "authorize".to_owned(),
        Step::Frame(..) => "frame".to_owned(),
        Step::Post { .. } => "post".to_owned(),
        Step::Poll { .. } => "poll".to_owned(),
        Step::Look(_) => "look".to_owned(),
        Step::StopLooking => "stop-looking".to_owned(),
        Step::Up => "up".to_owned(),
        Step::Down => "down".to_owned(),
        Step::TooLarge => "too-large".to_owned(),
    }
}

fn cell(state: &str, act: Act) -> String {
    let mut rig = in_state(state);
    let now = rig.time();
    let mut rng = Rng::new(9);
    act(&mut rig.link, now, &mut rng);
    let mut out = rig.word().text().to_owned();
    while let Some(step) = rig.link.poll() {
        out.push(' ');
        out.push_str(&brief(&step));
    }
    out
}

#[test]
fn every_state_answers_every_input() {
    let mut table = String::new();
    for state in STATES {
        for (input, act) in inputs() {
            table.push_str(&format!("{state} + {input}: {}\n", cell(state, act)));
        }
    }
    let expected = include_str!("table.txt");
    assert_eq!(table, expected, "the table changed:\n{table}");
}
