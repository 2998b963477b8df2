//! What the app and its adapter are told, and when.

#![allow(clippy::unwrap_used)]

use crate::engine::command::Command;
use crate::engine::config::Config;
use crate::engine::ids::{ConnId, LockTicket, TabId};
use crate::engine::input::{Input, LockEvent, SocketEvent};
use crate::engine::limits::{COUNTERS_EVERY, GAP_SPREAD_VISIBLE, WINDOW};
use crate::engine::notice::Notice;
use crate::engine::output::Output;
use crate::engine::tabs::message::{self, Says};
use crate::engine::time::{Millis, Mono, Now, Until, Wall};
use crate::engine::{Boot, Engine};
use crate::wire::json::Writer;

const CONFIG: &str = r#"{"backend":{"kind":"everfresh","url":"ws://h/live"},"channels":["tasks"],
    "events":{"task_updated":{"keys":[["tasks"]],"mutation":"$.mid"}}}"#;

struct Page {
    engine: Engine,
    conn: ConnId,
    now: u64,
    seq: u64,
}

impl Page {
    /// A leading tab that is connected and has nothing left to say.
    fn open(tab: u64) -> Page {
        let boot = Boot {
            seed: 1,
            tab: TabId(tab),
            online: true,
        };
        let engine = Engine::new(Config::parse(CONFIG).unwrap(), boot, at(0));
        let mut page = Page {
            engine,
            conn: ConnId::default(),
            now: 0,
            seq: 0,
        };
        page.handle(Input::Command(Command::Start));
        page.handle(Input::Lock(LockEvent::Granted(LockTicket(1))));
        page.socket(SocketEvent::Opened);
        page.socket(SocketEvent::Frame(br#"{"t":"welcome","v":1,"ping":25000}"#));
        page.socket(SocketEvent::Frame(
            br#"{"t":"subd","id":1,"ch":"tasks","pos":{"e":"E","s":0}}"#,
        ));
        // What may have been missed before the subscription is told within its spread.
        page.now += GAP_SPREAD_VISIBLE.0;
        page.handle(Input::Tick);
        page.now += COUNTERS_EVERY.0;
        page.handle(Input::Tick);
        page
    }

    fn handle(&mut self, input: Input<'_>) -> Vec<Output> {
        self.engine.handle(at(self.now), input);
        let out: Vec<_> = std::iter::from_fn(|| self.engine.poll_output()).collect();
        for output in &out {
            if let Output::OpenSocket { conn, .. } = output {
                self.conn = *conn;
            }
        }
        out
    }

    fn socket(&mut self, event: SocketEvent<'_>) -> Vec<Output> {
        let conn = self.conn;
        self.handle(Input::Socket { conn, event })
    }

    fn event(&mut self, rest: &str) -> Vec<Output> {
        self.seq += 1;
        let text = format!(
            r#"{{"t":"ev","ch":"tasks","s":{},"name":"task_updated"{rest}}}"#,
            self.seq
        );
        self.socket(SocketEvent::Frame(text.as_bytes()))
    }

    fn command(&mut self, text: &str) -> Vec<Output> {
        self.handle(Input::Command(Command::parse(text).unwrap()))
    }
}

fn at(ms: u64) -> Now {
    Now {
        mono: Mono(1000 + ms),
        wall: Wall(1_000_000 + ms),
    }
}

/// What the app is told besides how things stand, as it reads it.
fn told(outputs: &[Output]) -> Vec<String> {
    let text = |output: &Output| match output {
        Output::Tell(Notice::Status(_)) => None,
        Output::Tell(notice) => {
            let mut w = Writer::new();
            notice.write(&mut w);
            Some(w.finish())
        }
        _ => None,
    };
    outputs.iter().filter_map(text).collect()
}

fn snapshots(outputs: &[Output]) -> usize {
    let is = |output: &&Output| matches!(output, Output::Tell(Notice::Status(_)));
    outputs.iter().filter(is).count()
}

#[test]
fn an_adapter_is_told_exact_keys_and_a_plain_listener_prefixes() {
    let mut page = Page::open(5);
    assert_eq!(
        told(&page.event("")),
        [
            r#"{"type":"invalidate","keys":[["tasks"]],"cause":{"why":"event","event":"task_updated","channel":"tasks"},"handled":false}"#
        ]
    );
    page.now += WINDOW.0;
    page.command(r#"{"do":"fetch","key":["tasks",{"b":1,"a":2}],"phase":"observe"}"#);
    assert_eq!(
        told(&page.event("")),
        [
            r#"{"type":"invalidate","keys":[["tasks"]],"cause":{"why":"event","event":"task_updated","channel":"tasks"},"handled":true}"#,
            r#"{"type":"refetch","keys":[["tasks",{"a":2,"b":1}]],"cause":{"why":"event","event":"task_updated","channel":"tasks"}}"#
        ]
    );
}

#[test]
fn what_is_owed_is_told_when_the_fetch_ends_and_not_later() {
    let mut page = Page::open(5);
    for phase in ["observe", "start"] {
        page.command(&format!(
            r#"{{"do":"fetch","key":["tasks"],"phase":"{phase}"}}"#
        ));
    }
    page.now += 200;
    assert_eq!(told(&page.event("")).len(), 1, "no refetch while one runs");
    page.now += 200;
    let done = page.command(r#"{"do":"fetch","key":["tasks"],"phase":"success"}"#);
    assert_eq!(told(&done).len(), 1);
    assert!(told(&done)[0].starts_with(r#"{"type":"refetch""#));
}

#[test]
fn the_echo_of_this_tab_is_known_by_its_id_and_no_other_tab_is() {
    let mut page = Page::open(5);
    page.command(r#"{"do":"applied","mutation":"m1","keys":[["tasks"]]}"#);
    let mine = r#","by":"0000000000000005","data":{"mid":"m1"}"#;
    let other = r#","by":"0000000000000006","data":{"mid":"m1"}"#;
    assert_eq!(told(&page.event(mine)), [""; 0]);
    assert_eq!(told(&page.event(other)).len(), 1);
}

#[test]
fn all_tabs_hear_that_a_server_wants_calm() {
    let mut page = Page::open(5);
    page.command(r#"{"do":"fetch","key":["tasks"],"phase":"start"}"#);
    let out = page.command(
        r#"{"do":"fetch","key":["tasks"],"phase":"failure","retryAfter":"60","host":"api"}"#,
    );
    let said = out.iter().find_map(|output| match output {
        Output::PostToTabs(text) => Some(text.clone()),
        _ => None,
    });
    let said = said.unwrap();
    let until = at(page.now).wall.0 + 60_000;
    let calm = Says::Calm {
        host: "api".to_owned(),
        until: Until {
            at: Wall(until),
            span: Millis(60_000),
        },
    };
    assert_eq!(message::read(said.as_bytes()).unwrap().says, calm);

    let mut other = Page::open(6);
    other.now = page.now;
    other.handle(Input::TabMessage(said.as_bytes()));
    other.command(r#"{"do":"fetch","key":["tasks"],"phase":"observe","host":"api"}"#);
    let refetches = |out: &[Output]| {
        told(out)
            .iter()
            .filter(|text| text.contains("refetch"))
            .count()
    };
    assert_eq!(refetches(&other.event("")), 0);
    other.now += 60_000;
    assert_eq!(refetches(&other.handle(Input::Tick)), 1);
}

#[test]
fn a_wish_for_calm_that_is_heard_late_or_on_another_clock_holds_no_longer_than_it_was_meant() {
    // The word was said a moment before: by a clock that was set back meanwhile, and to a page that
    // was frozen for all but a second of it.
    for (said_at, holds) in [(86_400_000, 60_000), (0, 60_000), (-59_000, 1000)] {
        let mut page = Page::open(5);
        page.command(r#"{"do":"fetch","key":["tasks"],"phase":"observe","host":"api"}"#);
        let until = at(page.now).wall.0.saturating_add_signed(said_at + 60_000);
        let calm = Says::Calm {
            host: "api".to_owned(),
            until: Until {
                at: Wall(until),
                span: Millis(60_000),
            },
        };
        let calm = message::write(TabId(9), page.engine.scope, &calm);
        page.handle(Input::TabMessage(calm.as_bytes()));
        let refetches = |out: &[Output]| {
            told(out)
                .iter()
                .filter(|text| text.contains("refetch"))
                .count()
        };
        assert_eq!(refetches(&page.event("")), 0);
        page.now += holds - 1;
        assert_eq!(refetches(&page.handle(Input::Tick)), 0, "{said_at}");
        page.now += 1;
        assert_eq!(refetches(&page.handle(Input::Tick)), 1, "{said_at}");
    }
}

#[test]
fn counters_are_told_at_once_after_a_quiet_time_and_then_four_times_a_second() {
    let mut page = Page::open(5);
    page.now += 10_000;
    assert_eq!(snapshots(&page.event("")), 1);
    let mut tellings = 0;
    for _ in 0..1000 {
        page.now += 1;
        tellings += snapshots(&page.event(""));
    }
    assert_eq!(tellings, 4);
    // The last ones are told although nothing else happens.
    page.event("");
    page.now = page.engine.next_wakeup().unwrap().0 - 1000;
    let mut last = Vec::new();
    for _ in 0..10 {
        last.extend(page.handle(Input::Tick));
        page.now += COUNTERS_EVERY.0;
    }
    let last = last.into_iter().rev().find_map(|output| match output {
        Output::Tell(Notice::Status(snapshot)) => Some(snapshot),
        _ => None,
    });
    assert!(last.unwrap().contains("\"events\":1002,"));
}

#[test]
fn what_a_person_acts_on_is_told_at_once() {
    let mut page = Page::open(5);
    page.event("");
    page.now += 1;
    let lost = page.socket(SocketEvent::Closed {
        code: 1006,
        reason: "",
    });
    assert_eq!(snapshots(&lost), 1);
    page.now += 1;
    assert_eq!(
        snapshots(&page.command(r#"{"do":"watch","channel":"more"}"#)),
        1
    );
    page.now += 1;
    let hello = Says::Hello { visible: true };
    let hello = message::write(TabId(9), page.engine.scope, &hello);
    assert_eq!(
        snapshots(&page.handle(Input::TabMessage(hello.as_bytes()))),
        1,
        "one more tab"
    );
}

#[test]
fn an_idle_page_is_not_woken_to_be_told_nothing() {
    let mut page = Page::open(5);
    let mut wakeups = 0;
    let until = page.now + 20_000;
    while let Some(next) = page.engine.next_wakeup().filter(|next| next.0 < until) {
        page.now = next.0 - 1000;
        page.handle(Input::Tick);
        wakeups += 1;
    }
    // The link proves itself after ten seconds, and looks once for its server by HTTP.
    assert!(wakeups < 8, "{wakeups} in 20 seconds");
}
