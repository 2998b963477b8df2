//! The room through the whole engine: two tabs of one browser, and what they say to a server with
//! one voice.

#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;

use crate::engine::command::Command;
use crate::engine::config::Config;
use crate::engine::ids::{ConnId, LockTicket, TabId};
use crate::engine::input::{Input, LockEvent, PageEvent, SocketEvent};
use crate::engine::notice::Notice;
use crate::engine::output::Output;
use crate::engine::room::State;
use crate::engine::time::{Mono, Now, Wall};
use crate::engine::{Boot, Engine};

const CONFIG: &str = r#"{"user":"ada","backend":{"kind":"everfresh","url":"ws://h/live"}}"#;

/// Two tabs, the bus between them, and the server's end of the socket.
struct Browser {
    now: u64,
    tabs: Vec<Engine>,
    /// Who has a socket, and its number.
    socket: Option<(usize, ConnId)>,
    said: Vec<String>,
    told: Vec<Vec<Notice>>,
    /// Who waits for the lock; the first one has it.
    lock: VecDeque<(usize, LockTicket)>,
    granted: Option<(usize, LockTicket)>,
    gone: Vec<bool>,
}

impl Browser {
    fn new() -> Browser {
        let mut browser = Browser {
            now: 0,
            tabs: Vec::new(),
            socket: None,
            said: Vec::new(),
            told: vec![Vec::new(), Vec::new()],
            lock: VecDeque::new(),
            granted: None,
            gone: vec![false, false],
        };
        for tab in 0..2 {
            let boot = Boot {
                seed: tab + 1,
                tab: TabId(tab + 1),
                online: true,
            };
            let config = Config::parse(CONFIG).unwrap();
            browser.tabs.push(Engine::new(config, boot, browser.time()));
        }
        for tab in 0..2 {
            browser.handle(tab, Input::Command(Command::Start));
        }
        browser.pass_time(100);
        browser.greet();
        browser.pass_time(2000);
        browser
    }

    fn time(&self) -> Now {
        Now {
            mono: Mono(self.now),
            wall: Wall(1_000_000 + self.now),
        }
    }

    /// A socket was asked for: the server welcomes it.
    fn greet(&mut self) {
        let (tab, conn) = self.socket.unwrap();
        self.handle(
            tab,
            Input::Socket {
                conn,
                event: SocketEvent::Opened,
            },
        );
        self.hear(r#"{"t":"welcome","v":1,"ping":25000,"can":["pres","sig","lock"]}"#);
    }

    /// The server says something.
    fn hear(&mut self, frame: &str) {
        let (tab, conn) = self.socket.unwrap();
        let event = SocketEvent::Frame(frame.as_bytes());
        self.handle(tab, Input::Socket { conn, event });
    }

    fn say(&mut self, tab: usize, command: &str) {
        let command = Command::parse(command).unwrap();
        self.handle(tab, Input::Command(command));
    }

    fn handle(&mut self, tab: usize, input: Input<'_>) {
        let now = self.time();
        self.tabs[tab].handle(now, input);
        let mut bus = VecDeque::new();
        self.perform(tab, &mut bus);
        while let Some((from, text)) = bus.pop_front() {
            let to = 1 - from;
            if !self.gone[to] {
                self.tabs[to].handle(now, Input::TabMessage(String::as_bytes(&text)));
                self.perform(to, &mut bus);
            }
        }
        if let Some(first) = self.lock.front().copied()
            && self.granted != Some(first)
        {
            self.granted = Some(first);
            let (tab, ticket) = first;
            self.handle(tab, Input::Lock(LockEvent::Granted(ticket)));
        }
    }

    fn perform(&mut self, tab: usize, bus: &mut VecDeque<(usize, String)>) {
        while let Some(output) = self.tabs[tab].poll_output() {
            match output {
                Output::OpenSocket { conn, .. } => self.socket = Some((tab, conn)),
                Output::CloseSocket { .. } => self.socket = None,
                Output::SendFrame { frame, .. } => self.said.push(frame),
                Output::PostToTabs(text) => bus.push_back((tab, text)),
                Output::QueueForLock { ticket, .. } => self.lock.push_back((tab, ticket)),
                Output::ReleaseLock(ticket) => self.lock.retain(|have| *have != (tab, ticket)),
                Output::Tell(notice) => self.told[tab].push(notice),
                _ => {}
            }
        }
    }

    fn pass_time(&mut self, span: u64) {
        let until = self.now + span;
        loop {
            let next = (0..2)
                .filter(|&tab| !self.gone[tab])
                .filter_map(|tab| Some((self.tabs[tab].next_wakeup()?.0.max(self.now), tab)))
                .min();
            match next {
                Some((at, tab)) if at <= until => {
                    self.now = at;
                    self.handle(tab, Input::Tick);
                }
                _ => break,
            }
        }
        self.now = until;
    }

    /// What was said to the server since the last time that begins so.
    fn said(&mut self, kind: &str) -> Vec<String> {
        let begin = format!(r#"{{"t":"{kind}""#);
        let said = std::mem::take(&mut self.said);
        said.into_iter()
            .filter(|frame| frame.starts_with(&begin))
            .collect()
    }

    /// What a tab was told last of the people.
    fn people(&self, tab: usize) -> Option<&str> {
        self.told[tab].iter().rev().find_map(|notice| match notice {
            Notice::People(told) => Some(told.people.as_str()),
            _ => None,
        })
    }

    /// What a tab was told last of the field.
    fn lease(&self, tab: usize) -> Option<&State> {
        self.told[tab].iter().rev().find_map(|notice| match notice {
            Notice::Lease(_, state) => Some(state),
            _ => None,
        })
    }

    fn holds(&self, tab: usize) -> Option<u64> {
        match self.lease(tab) {
            Some(State::Held(held)) => Some(held.fence.0),
            _ => None,
        }
    }

    /// A tab takes the field, and the server gives it under a fence.
    fn take(&mut self, tab: usize, fence: u64) {
        self.said.clear();
        self.say(
            tab,
            r#"{"do":"lease","channel":"c","field":"f","use":"take"}"#,
        );
        let asked = self.said("lock");
        let [asked] = asked.as_slice() else {
            unreachable!("one question: {asked:?}");
        };
        self.grant(asked, fence);
        assert_eq!(self.holds(tab), Some(fence));
    }

    fn grant(&mut self, asked: &str, fence: u64) {
        let id = crate::wire::json::parse(asked).unwrap();
        let id = id.member("id").unwrap().integer().unwrap();
        self.hear(&format!(
            r#"{{"t":"lockd","id":{id},"fence":{fence},"ttl":30000}}"#
        ));
    }

    fn reconnect(&mut self) {
        let (tab, conn) = self.socket.unwrap();
        let event = SocketEvent::Closed {
            code: 1006,
            reason: "",
        };
        self.handle(tab, Input::Socket { conn, event });
        while self.socket.is_none_or(|(_, new)| new == conn) {
            self.pass_time(1000);
            assert!(self.now < 120_000, "it dials again");
        }
        self.said.clear();
        self.greet();
    }
}

const JOIN: &str = r#"{"do":"join","channel":"c","meta":{"view":"list"}}"#;

#[test]
fn two_tabs_are_shown_as_one_client_and_both_are_told_who_is_there() {
    let mut browser = Browser::new();
    browser.say(0, JOIN);
    browser.say(1, r#"{"do":"join","channel":"c","meta":{"view":"map"}}"#);
    browser.pass_time(1000);
    let said = browser.said("pres");
    let last = said.last().unwrap();
    assert!(last.contains(r#"{"view":"list"}"#) && last.contains(r#"{"view":"map"}"#));
    let me = TabId(1).text();
    browser.hear(&format!(
        r#"{{"t":"presence","ch":"c","full":true,"you":"{me}","join":{{"{me}":{{"ref":1,"user":"ada"}},"x":{{"ref":2,"user":"bob"}}}}}}"#
    ));
    browser.pass_time(1000);
    for tab in 0..2 {
        let people = browser.people(tab).unwrap();
        assert!(people.contains(r#""user":"bob","self":false"#), "{people}");
        assert!(people.contains(r#""user":"ada","self":true"#), "{people}");
    }
}

#[test]
fn a_follower_gets_a_lease_the_other_tab_does_not_and_the_server_hears_of_its_end() {
    let mut browser = Browser::new();
    browser.take(1, 7);
    browser.say(
        0,
        r#"{"do":"lease","channel":"c","field":"f","use":"take"}"#,
    );
    assert!(matches!(
        browser.lease(0),
        Some(State::Other { .. } | State::Lost(_))
    ));
    assert_eq!(
        browser.said("lock"),
        [""; 0],
        "the browser knows that it has it"
    );
    browser.say(
        1,
        r#"{"do":"lease","channel":"c","field":"f","use":"release"}"#,
    );
    assert_eq!(
        browser.said("unlock"),
        [r#"{"t":"unlock","ch":"c","key":"f","fence":7}"#]
    );
    assert_eq!(browser.lease(1), Some(&State::Free));
}

#[test]
fn on_a_new_link_everything_is_said_anew_and_a_lease_keeps_its_fence() {
    let mut browser = Browser::new();
    browser.say(0, JOIN);
    browser.take(1, 7);
    browser.pass_time(1000);
    browser.reconnect();
    browser.pass_time(1000);
    let said = std::mem::take(&mut browser.said);
    let shown = said.iter().any(|frame| frame.starts_with(r#"{"t":"pres""#));
    assert!(shown, "{said:?}");
    let asked = said
        .iter()
        .find(|frame| frame.starts_with(r#"{"t":"lock""#));
    let asked = asked.unwrap();
    assert!(asked.ends_with(r#""fence":7}"#), "{asked}");
    browser.grant(asked, 7);
    assert_eq!(browser.holds(1), Some(7));
}

#[test]
fn who_leads_next_says_everything_anew() {
    let mut browser = Browser::new();
    browser.say(1, JOIN);
    browser.take(1, 7);
    browser.said.clear();
    browser.handle(0, Input::Command(Command::Close));
    browser.gone[0] = true;
    browser.pass_time(5000);
    browser.greet();
    browser.pass_time(1000);
    let said = std::mem::take(&mut browser.said);
    let shown = said.iter().any(|frame| frame.starts_with(r#"{"t":"pres""#));
    assert!(shown, "{said:?}");
    let asked = said
        .iter()
        .find(|frame| frame.starts_with(r#"{"t":"lock""#));
    let asked = asked.unwrap().clone();
    assert!(asked.ends_with(r#""fence":7}"#), "{asked}");
    browser.grant(&asked, 7);
    assert_eq!(browser.holds(1), Some(7));
}

#[test]
fn a_tab_that_goes_gives_back_what_it_has() {
    let mut browser = Browser::new();
    browser.say(1, JOIN);
    browser.take(1, 7);
    browser.said.clear();
    browser.handle(1, Input::Page(PageEvent::Suspended));
    browser.gone[1] = true;
    browser.pass_time(1000);
    let said = browser.said.join("\n");
    assert!(
        said.contains(r#"{"t":"unlock","ch":"c","key":"f","fence":7}"#),
        "{said}"
    );
    assert!(
        said.contains(r#"{"t":"pres","ch":"c","leave":true}"#),
        "{said}"
    );
}

#[test]
fn a_lease_that_somebody_else_got_is_lost() {
    let mut browser = Browser::new();
    browser.take(1, 7);
    browser
        .hear(r#"{"t":"lockev","ch":"c","key":"f","fence":8,"holder":{"user":"bob"},"ttl":30000}"#);
    assert!(!matches!(browser.lease(1), Some(State::Held(_))));
    // Late news of an older lease changes nothing.
    browser.hear(r#"{"t":"lockev","ch":"c","key":"f","fence":7,"holder":null}"#);
    assert!(!matches!(browser.lease(1), Some(State::Free)));
}

#[test]
fn who_has_a_field_is_known_although_it_is_said_in_one_frame_with_the_refusal() {
    for tab in [0, 1] {
        let mut browser = Browser::new();
        browser.said.clear();
        browser.say(
            tab,
            r#"{"do":"lease","channel":"c","field":"f","use":"take"}"#,
        );
        let asked = browser.said("lock").join("");
        let id = crate::wire::json::parse(&asked).unwrap();
        let id = id.member("id").unwrap().integer().unwrap();
        browser.hear(&format!(
            "{}\n{}",
            format_args!(
                r#"{{"t":"err","id":{id},"ch":"c","code":"locked","msg":"somebody has it"}}"#
            ),
            r#"{"t":"lockev","ch":"c","key":"f","fence":8,"holder":{"user":"bob"},"ttl":30000}"#
        ));
        let Some(State::Other { holder, .. }) = browser.lease(tab) else {
            unreachable!("somebody has it");
        };
        assert_eq!(holder.as_deref(), Some(r#"{"user":"bob"}"#));
    }
}

#[test]
fn g9_another_user_is_nowhere_and_holds_nothing() {
    let mut browser = Browser::new();
    browser.say(0, JOIN);
    browser.take(0, 7);
    browser.said.clear();
    browser.say(0, r#"{"do":"user","user":"bob"}"#);
    let said = browser.said.join("\n");
    assert!(
        said.contains(r#"{"t":"unlock","ch":"c","key":"f","fence":7}"#),
        "{said}"
    );
    browser.said.clear();
    browser.pass_time(2000);
    if browser.socket.is_some() {
        browser.greet();
    }
    browser.pass_time(2000);
    let said = browser.said.join("\n");
    assert!(
        !said.contains(r#""t":"pres""#) && !said.contains(r#""t":"lock""#),
        "{said}"
    );
}
