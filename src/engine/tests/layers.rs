//! A page that has a second backend: what both tell of, what one alone tells of, and who takes over.

#![allow(clippy::unwrap_used)]

use super::page::Page;
use crate::engine::command::Command;
use crate::engine::input::{Input, SocketEvent};
use crate::engine::status::Word;
use crate::wire::json;

const CONFIG: &str = r#"{"user":"ada","backend":{"kind":"socketio","url":"wss://h/socket.io/"},
    "layers":["socketio","feed"],
    "events":{"task_updated":{"keys":[["tasks"]],"change":"$.change"},
        "postgres:UPDATE:public.tasks":{"keys":[["tasks"]],"as":"task_updated","change":"$.record.change"},
        "noted":[["notes"]]},
    "contracts":{"tasks":{"key":["tasks"],"poll":"auto"}}}"#;

const OPEN: &str =
    r#"0{"sid":"S","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;

impl Page {
    fn has_feed(&mut self, status: &str, reason: &str) {
        let up = status == "connected";
        self.does(&format!(
            r#"{{"do":"layer","n":1,"status":"{status}","reason":"{reason}","since":1,"authenticated":{up}}}"#
        ));
    }

    fn feed_tells(&mut self, change: u32) {
        self.does(&format!(
            r#"{{"do":"elsewhere","n":1,"channel":"project:p1","name":"postgres:UPDATE:public.tasks","data":{{"record":{{"change":"c{change}"}}}}}}"#
        ));
    }

    fn own_tells(&mut self, change: u32) {
        self.hears(&format!(r#"42["task_updated",{{"change":"c{change}"}}]"#));
    }

    fn does(&mut self, command: &str) {
        let command = Command::parse(command).unwrap();
        self.happens(Input::Command(command));
    }

    fn comes_up(&mut self) {
        self.socket(SocketEvent::Opened);
        self.hears(OPEN);
        self.hears(r#"40{"sid":"x"}"#);
        self.has_feed("connected", "as it is");
        self.waits(20_000);
        self.stale();
    }

    fn shown(&self, name: &str) -> String {
        let snapshot = self.engine.snapshot(crate::engine::time::Now::default());
        let raw = json::parse(&snapshot).unwrap();
        raw.member(name).unwrap().text().to_owned()
    }
}

#[test]
fn a_change_that_both_tell_of_counts_once_whoever_is_first() {
    let mut page = Page::of(CONFIG);
    page.comes_up();
    page.own_tells(1);
    page.feed_tells(1);
    page.waits(5000);
    assert_eq!(page.stale(), [r#"["tasks"]"#]);
    page.feed_tells(2);
    page.waits(3000);
    assert_eq!(page.stale(), [r#"["tasks"]"#]);
    // By then the first one's refetch may be over: the second word would cost another one.
    page.own_tells(2);
    page.waits(5000);
    assert_eq!(page.stale(), [""; 0]);
    assert_eq!(page.engine.metrics.repeats, 2);
}

#[test]
fn while_the_first_is_away_the_second_brings_changes_and_the_status_says_so() {
    let mut page = Page::of(CONFIG);
    page.does(r#"{"do":"watchContract","contract":"tasks"}"#);
    page.comes_up();
    assert_eq!(page.shown("status"), r#""connected""#);
    page.lost(1006);
    page.waits(2000);
    assert_eq!(page.shown("status"), r#""degraded""#);
    let reason = page.shown("reason");
    assert!(
        reason.starts_with(r#""changes come by feed; socketio: "#),
        "{reason}"
    );
    page.feed_tells(3);
    page.waits(3000);
    assert_eq!(page.stale(), [r#"["tasks"]"#]);
    // Both away: only looks are left, and they come faster.
    let calm = page.engine.freshness.next_wakeup();
    page.has_feed("reconnecting", "gone too");
    assert_ne!(page.shown("status"), r#""degraded""#);
    assert_ne!(page.engine.freshness.next_wakeup(), calm);
}

#[test]
fn what_the_second_missed_makes_everything_stale_that_an_event_could_have() {
    let mut page = Page::of(CONFIG);
    page.comes_up();
    page.does(r#"{"do":"missed","n":1,"channel":"project:p1"}"#);
    page.waits(15_000);
    assert_eq!(page.stale(), [r#"["notes"]"#, r#"["tasks"]"#]);
}

#[test]
fn one_that_is_connected_and_tells_of_nothing_is_silent_and_a_look_is_not_trusted_to_it() {
    let mut page = Page::of(CONFIG);
    page.comes_up();
    for change in 10..13 {
        page.feed_tells(change);
        page.waits(2000);
    }
    // Before the link gives up a server that gives no sign of life.
    page.waits(12_000);
    let layers = page.shown("layers");
    assert!(
        layers.contains(r#""layer":"socketio","status":"silent""#),
        "{layers}"
    );
    assert_eq!(page.word(), Word::Connected, "the link is what it is");
    assert_eq!(page.shown("status"), r#""degraded""#);
    page.own_tells(20);
    assert_eq!(page.shown("status"), r#""connected""#);
}

#[test]
fn what_came_by_another_backend_is_told_by_its_name() {
    let mut page = Page::of(CONFIG);
    page.comes_up();
    page.feed_tells(30);
    page.waits(3000);
    let why = page
        .engine
        .explain(crate::engine::time::Now::default(), r#"["tasks"]"#)
        .unwrap();
    assert!(why.contains("feed/project:p1"), "{why}");
}

#[test]
fn a_backend_that_is_not_there_is_a_fault_and_names_are_looked_at() {
    let mut page = Page::of(CONFIG);
    page.does(r#"{"do":"missed","n":2,"channel":"c"}"#);
    page.does(r#"{"do":"missed","n":0,"channel":"c"}"#);
    assert_eq!(page.faults, ["there is no backend of this number"; 2]);
    for layers in [r#"["a"]"#, r#"["a","a"]"#, r#"["a",""]"#, "1"] {
        let config = CONFIG.replace(r#"["socketio","feed"]"#, layers);
        let bad = crate::engine::config::Config::parse(&config).unwrap_err();
        assert_eq!(bad.path, "layers", "{layers}");
    }
    for (text, path) in [
        (r#"{"do":"layer","status":"connected"}"#, "n"),
        (r#"{"do":"layer","n":1,"status":"asleep"}"#, "status"),
        (r#"{"do":"elsewhere","n":1,"channel":"c"}"#, "name"),
        (r#"{"do":"elsewhere","n":1,"name":"e"}"#, "channel"),
        (r#"{"do":"missed","n":1}"#, "channel"),
    ] {
        assert_eq!(Command::parse(text).unwrap_err().path, path, "{text}");
    }
}

#[test]
fn g9_behind_the_fence_nothing_of_another_backend_is_told() {
    let mut page = Page::of(CONFIG);
    page.does(r#"{"do":"listen","event":"postgres:UPDATE:public.tasks"}"#);
    page.comes_up();
    page.feed_tells(40);
    page.waits(3000);
    assert_eq!(page.stale(), [r#"["tasks"]"#]);
    // Another tab says that somebody else is there, and the feed's engine has not heard it yet.
    page.engine.life = crate::engine::Life::Fenced;
    let events = page.engine.metrics.events;
    page.feed_tells(41);
    page.does(r#"{"do":"missed","n":1,"channel":"project:p1"}"#);
    page.waits(15_000);
    assert_eq!(page.stale(), [""; 0]);
    assert_eq!(page.engine.metrics.events, events);
}
