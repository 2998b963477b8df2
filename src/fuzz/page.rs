//! An engine with as much of a browser around it as a fuzzer needs: what the engine asked for and was
//! not answered, what is stored, and two clocks.
//!
//! Everything that the engine gives out is looked at here: it has to be bounded, to be understood by
//! those who read it, and to fit to what was asked for before.

use std::collections::{BTreeMap, VecDeque};

use crate::engine::config::Config;
use crate::engine::ids::{ConnId, HttpId, LockTicket, Scope, TabId, TokenId};
use crate::engine::input::Input;
use crate::engine::limits::{KEYS_MAX, TAB_MESSAGE_BYTES_MAX};
use crate::engine::notice::Notice;
use crate::engine::output::Output;
use crate::engine::queue::{MutationId, RESERVE_KEY};
use crate::engine::store::StoreOp;
use crate::engine::tabs::message;
use crate::engine::time::{Mono, Now, Wall};
use crate::engine::{Boot, Engine, principal};
use crate::wire::json::{self, Writer};

/// Nothing that happens makes an engine want more things done than this.
const OUTPUTS_MAX: usize = KEYS_MAX;
/// What is asked and forgotten, so that a long run does not grow by itself.
const ASKED_MAX: usize = 64;
/// An engine that is left alone is not woken more often than this many times a second.
const WAKEUPS_A_SECOND: usize = 100;
/// Wake-ups that are followed in one span of time. After them the page counts as frozen.
const FOLLOWED: usize = 100;

/// Something that the engine waits for.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    Socket(ConnId),
    Stream(ConnId),
    Request(HttpId),
    Token(TokenId),
    Lock(LockTicket),
    Locks,
    Store(StoreOp, String, String),
    List(StoreOp, String),
    Read(StoreOp, Vec<String>),
    Run(MutationId, u32),
    Session(String),
}

pub(crate) struct Page {
    pub(crate) engine: Engine,
    pub(crate) config: Config,
    mono: u64,
    wall: u64,
    pub(crate) store: BTreeMap<String, String>,
    pub(crate) session: BTreeMap<String, String>,
    /// The oldest first.
    pub(crate) asked: VecDeque<Asked>,
    /// Connections that are open as far as the engine knows.
    open: Vec<ConnId>,
    last_request: Option<HttpId>,
    /// When it was woken since anything else happened.
    woken: VecDeque<u64>,
}

impl Page {
    pub(crate) fn new(config: Config) -> Page {
        let boot = Boot {
            seed: 7,
            tab: ME,
            online: true,
        };
        let (mono, wall) = (1000, 1_763_000_000_000);
        let now = at(mono, wall);
        let mut page = Page {
            engine: Engine::new(config.clone(), boot, now),
            config,
            mono,
            wall,
            store: BTreeMap::new(),
            session: BTreeMap::new(),
            asked: VecDeque::new(),
            open: Vec::new(),
            last_request: None,
            woken: VecDeque::new(),
        };
        page.perform_all();
        page
    }

    pub(crate) fn now(&self) -> Now {
        at(self.mono, self.wall)
    }

    /// Whose data the messages between tabs are about.
    pub(crate) fn scope(&self) -> Scope {
        principal::scope(&self.config)
    }

    /// Something happens.
    pub(crate) fn handle(&mut self, input: Input<'_>) {
        self.woken.clear();
        self.step(input);
        self.settle();
    }

    fn step(&mut self, input: Input<'_>) {
        self.engine.handle(self.now(), input);
        self.perform_all();
    }

    /// At any moment there is an end to what is due.
    fn settle(&mut self) {
        let mut ticks = 0;
        while self
            .engine
            .next_wakeup()
            .is_some_and(|at| at.0 <= self.mono)
        {
            self.step(Input::Tick);
            ticks += 1;
            assert!(ticks < 8, "it is due again and again at one moment");
        }
    }

    /// Time passes, and the engine is woken when it wants to be.
    pub(crate) fn advance(&mut self, span: u64) {
        let end = self.mono.saturating_add(span);
        for _ in 0..FOLLOWED {
            let Some(due) = self.engine.next_wakeup().filter(|due| due.0 <= end) else {
                break;
            };
            assert!(due.0 > self.mono, "what was due was not done");
            self.wall = self.wall.saturating_add(due.0 - self.mono);
            self.mono = due.0;
            self.woken.push_back(self.mono);
            if self.woken.len() > WAKEUPS_A_SECOND {
                let first = self.woken.pop_front().unwrap_or(0);
                assert!(self.mono - first >= 1000, "it runs hot");
            }
            self.step(Input::Tick);
            self.settle();
        }
        self.jump(end - self.mono, end - self.mono);
        self.step(Input::Tick);
        self.settle();
    }

    /// Time passes without the page.
    pub(crate) fn jump(&mut self, mono: u64, wall: u64) {
        self.mono = self.mono.saturating_add(mono);
        self.wall = self.wall.saturating_add(wall);
        self.woken.clear();
    }

    /// Somebody sets the clock back.
    pub(crate) fn set_back(&mut self, span: u64) {
        self.wall = self.wall.saturating_sub(span);
    }

    /// Takes one of the things that were asked for, counted from the newest.
    pub(crate) fn take_asked(&mut self, from_newest: usize) -> Option<Asked> {
        let at = self.asked.len().checked_sub(from_newest.checked_add(1)?)?;
        self.asked.remove(at)
    }

    /// The newest of some kind, left where it is.
    pub(crate) fn find<T>(&self, mut of: impl FnMut(&Asked) -> Option<T>) -> Option<T> {
        self.asked.iter().rev().find_map(&mut of)
    }

    pub(crate) fn closed(&mut self, conn: ConnId) {
        self.open.retain(|have| *have != conn);
    }

    /// All that can be read of it is what it has to be.
    pub(crate) fn check(&self) {
        let now = self.now();
        for text in [
            self.engine.snapshot(now),
            self.engine.journal(),
            self.engine.history(),
            self.engine.explain(now, "[\"tasks\"]").unwrap_or_default(),
        ] {
            assert!(json::parse(&text).is_ok(), "{text}");
        }
    }

    fn ask(&mut self, asked: Asked) {
        if self.asked.len() >= ASKED_MAX {
            self.asked.pop_front();
        }
        self.asked.push_back(asked);
    }

    fn forget(&mut self, mut which: impl FnMut(&Asked) -> bool) {
        self.asked.retain(|asked| !which(asked));
    }

    fn perform_all(&mut self) {
        let mut outputs = 0;
        while let Some(output) = self.engine.poll_output() {
            self.perform(output);
            outputs += 1;
            assert!(outputs < OUTPUTS_MAX, "there is no end to what it wants");
        }
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::OpenSocket { conn, .. } => self.opens(conn, Asked::Socket(conn)),
            Output::OpenStream { conn, .. } => self.opens(conn, Asked::Stream(conn)),
            Output::SendFrame { conn, frame } => {
                assert!(self.open.contains(&conn), "a frame for a closed socket");
                is_json(&frame);
            }
            Output::CloseSocket { conn } | Output::CloseStream { conn } => {
                self.closed(conn);
                self.forget(|asked| match asked {
                    Asked::Socket(have) | Asked::Stream(have) => *have == conn,
                    _ => false,
                });
            }
            Output::Request { request, call } => {
                assert!(self.last_request.is_none_or(|last| last < request));
                self.last_request = Some(request);
                if let Some(body) = &call.body {
                    body.lines().for_each(is_json);
                }
                self.ask(Asked::Request(request));
            }
            Output::AbortRequest { request } => {
                self.forget(|asked| matches!(asked, Asked::Request(have) if *have == request));
            }
            Output::QueueForLock { ticket, .. } | Output::StealLock { ticket, .. } => {
                self.ask(Asked::Lock(ticket));
            }
            Output::ReleaseLock(ticket) => {
                self.forget(|asked| matches!(asked, Asked::Lock(have) if *have == ticket));
            }
            Output::QueryLocks { .. } => self.ask(Asked::Locks),
            Output::PostToTabs(text) => {
                assert!(text.len() <= TAB_MESSAGE_BYTES_MAX, "nobody reads so much");
                let read = message::read(text.as_bytes());
                assert!(read.is_some_and(|read| read.from == ME), "{text}");
            }
            Output::PostToUsers(text) => {
                assert!(principal::Says::read(text.as_bytes()).is_ok(), "{text}");
            }
            Output::StoreWrite { op, key, value } => {
                is_ours(&key);
                self.ask(Asked::Store(op, key, value));
            }
            Output::StoreRemove { key } => {
                is_ours(&key);
                self.store.remove(&key);
            }
            Output::StoreList { op, prefix } => self.ask(Asked::List(op, prefix)),
            Output::StoreRead { op, keys } => self.ask(Asked::Read(op, keys)),
            Output::SessionWrite { key, value } => {
                is_ours(&key);
                self.session.insert(key, value);
            }
            Output::SessionRemove { key } => {
                is_ours(&key);
                self.session.remove(&key);
            }
            Output::SessionRead { key } => self.ask(Asked::Session(key)),
            Output::RunMutation(run) => self.ask(Asked::Run(run.id, run.attempt)),
            Output::CancelMutation { id, attempt } => {
                self.forget(
                    |asked| matches!(asked, Asked::Run(have, run) if (*have, *run) == (id, attempt)),
                );
            }
            Output::AskToken { request, .. } => self.ask(Asked::Token(request)),
            // It is told all the time, and looked at in the end.
            Output::Tell(Notice::Status(_)) => {}
            Output::Tell(notice) => {
                let mut writer = Writer::new();
                notice.write(&mut writer);
                is_json(&writer.finish());
            }
            Output::HoldTabLock(_)
            | Output::ReleaseTabLock
            | Output::OpenUserChannel(_)
            | Output::CloseUserChannel
            | Output::OpenTabChannel(_)
            | Output::CloseTabChannel => {}
        }
    }

    fn opens(&mut self, conn: ConnId, asked: Asked) {
        assert!(!self.open.contains(&conn), "opened twice");
        self.open.push(conn);
        // The one that works, and a trial of a better one.
        assert!(self.open.len() <= 2, "{:?} are open", self.open);
        self.ask(asked);
    }
}

/// This tab.
pub(crate) const ME: TabId = TabId(5);

fn at(mono: u64, wall: u64) -> Now {
    Now {
        mono: Mono(mono),
        wall: Wall(wall),
    }
}

fn is_json(text: &str) {
    assert!(json::parse(text).is_ok(), "{text}");
}

fn is_ours(key: &str) {
    let ours = key.starts_with("everfresh:1:") || key == RESERVE_KEY;
    assert!(ours, "{key} may be the app's");
}
