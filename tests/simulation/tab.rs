//! One tab: a real engine, and a shell around it that does what `src/browser/shell.rs` does, with
//! the worst that a browser may do in between.

use std::collections::VecDeque;
use std::rc::Rc;

use everfresh::engine::Engine;
use everfresh::engine::command::Command;
use everfresh::engine::http::Failure;
use everfresh::engine::ids::{HttpId, TabId};
use everfresh::engine::input::{Input, LockEvent, PageEvent, SocketEvent};
use everfresh::engine::store::StoreOp;

use crate::agenda::Time;
use crate::app::App;
use crate::fence::Fence;
use crate::http::Answered;
use crate::neighbour::Neighbour;
use crate::query::Answer;
use crate::transition::Seat;

/// A tab, from opening to the end. A place that is used again holds another tab.
#[derive(Debug)]
pub(crate) struct Tab {
    /// Where it is.
    pub(crate) seat: Seat,
    /// The engine.
    pub(crate) engine: Engine,
    /// The app.
    pub(crate) app: App,
    /// What is done with it.
    pub(crate) life: Life,
    /// Since when nobody sees it; nothing while somebody does.
    pub(crate) hidden: Option<Time>,
    /// When it was opened, on its computer's monotonic clock.
    pub(crate) origin: Time,
    /// What arrived while it could not run.
    pub(crate) inbox: VecDeque<Arrival>,
    /// The socket that the shell has.
    pub(crate) socket: Option<usize>,
    /// The open channel to the other tabs.
    pub(crate) port: Option<Port>,
    /// The open channel to the tabs of all principals.
    pub(crate) users: Option<Port>,
    /// The lock that it holds for itself.
    pub(crate) own_lock: Option<Rc<str>>,
    /// Numbers the timers: an older one is void.
    pub(crate) arming: u64,
    /// The process dies after so many more outputs.
    pub(crate) fuse: Option<u32>,
    /// Since when it has run without a break, in sight of its timers.
    pub(crate) steady_since: Time,
    /// Until when it may wait for a fetch that hangs.
    pub(crate) hangs_until: Time,
    /// It was told that it would be frozen.
    pub(crate) told: bool,
    /// How it dials.
    pub(crate) neighbour: Neighbour,
    /// What it heard of those that lead.
    pub(crate) fence: Fence,
    /// Ticks within the current second, to find what runs hot.
    pub(crate) ticks: (Time, usize),
    /// Everything that the engine handled.
    pub(crate) inputs: u64,
    /// How often it asked the other tabs whether the leader is there.
    pub(crate) questions: u64,
    /// Messages of other tabs are held in order: when the last one arrives.
    pub(crate) bus_last: Vec<(usize, Time)>,
}

/// An open channel to the other tabs.
#[derive(Clone, Debug)]
pub(crate) struct Port {
    /// Its number: what was posted to an older one is lost.
    pub(crate) number: u64,
    /// The name that it has in common with those of the others.
    pub(crate) name: Rc<str>,
}

impl Tab {
    /// Does it listen on the channel of this number?
    pub(crate) fn hears_on(&self, number: u64) -> bool {
        let ports = [&self.port, &self.users];
        ports
            .into_iter()
            .flatten()
            .any(|port| port.number == number)
    }
}

/// What is done with a tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// It runs, unless its computer sleeps.
    Running,
    /// Its process stands still.
    Frozen,
    /// It is in the back/forward cache.
    Cached,
    /// It is over.
    Gone,
}

/// Something that arrives at a tab and waits there while the tab cannot run.
#[derive(Clone, Debug)]
pub(crate) enum Arrival {
    /// The module is loaded: the engine starts.
    Start,
    /// The app asks the engine for something.
    Command(Command),
    /// Something happened to a socket.
    Socket(usize, FromSocket),
    /// Something happened to the lock.
    Lock(LockEvent),
    /// Another tab said something.
    Bus(u64, String),
    /// A tab of whatever principal said something.
    UserBus(u64, String),
    /// The mark of the newest login, as it was read.
    Mark(Vec<Option<String>>),
    /// Another tab wrote the mark.
    MarkChanged(String, String),
    /// The tabs that hold their own lock.
    TabLocks(Vec<TabId>),
    /// Something happened to the page.
    Page(PageEvent),
    /// The answer to a question by plain HTTP, or why there is none.
    Reply(usize, HttpId, Result<Answered, Failure>),
    /// What was stored for a reload of this tab.
    Session(String, Option<String>),
    /// The answer to a fetch: query, request, and what it was.
    Answer(usize, u32, Answer),
    /// The app tries a query again.
    Retry(usize),
    /// Something about mutations or the storage.
    Queue(crate::queue::Arrival),
    /// The timer went off.
    Tick,
}

/// Something that happened to a socket.
#[derive(Clone, Debug)]
pub(crate) enum FromSocket {
    /// It is open.
    Opened,
    /// A frame came.
    Frame(String),
    /// It is closed.
    Closed(u16, String),
}

impl Arrival {
    /// As the engine sees it; nothing if it is the app's business alone.
    pub(crate) fn input(&self, conn: everfresh::engine::ids::ConnId) -> Option<Input<'_>> {
        Some(match self {
            Arrival::Start => Input::Command(Command::Start),
            Arrival::Command(command) => Input::Command(command.clone()),
            Arrival::Socket(_, event) => Input::Socket {
                conn,
                event: match event {
                    FromSocket::Opened => SocketEvent::Opened,
                    FromSocket::Frame(text) => SocketEvent::Frame(text.as_bytes()),
                    FromSocket::Closed(code, reason) => SocketEvent::Closed {
                        code: *code,
                        reason,
                    },
                },
            },
            Arrival::Lock(event) => Input::Lock(*event),
            Arrival::Bus(_, text) => Input::TabMessage(text.as_bytes()),
            Arrival::UserBus(_, text) => Input::UserMessage(text.as_bytes()),
            Arrival::Mark(values) => Input::StoreRead {
                op: StoreOp(u64::MAX),
                result: Ok(values),
            },
            Arrival::MarkChanged(key, value) => Input::StoreChanged {
                key: Some(key),
                value: Some(value),
            },
            Arrival::TabLocks(held) => Input::TabLocks(held),
            Arrival::Page(event) => Input::Page(*event),
            Arrival::Queue(arrival) => arrival.input(),
            Arrival::Reply(_, request, result) => Input::Response {
                request: *request,
                result: result
                    .as_ref()
                    .map(Answered::reply)
                    .map_err(|failure| *failure),
            },
            Arrival::Session(key, value) => Input::SessionLoaded {
                key,
                value: value.as_deref(),
            },
            Arrival::Tick => Input::Tick,
            Arrival::Answer(..) | Arrival::Retry(_) => return None,
        })
    }

    /// In words, for the story.
    pub(crate) fn words(&self) -> String {
        match self {
            Arrival::Socket(socket, FromSocket::Frame(text)) => format!("socket {socket}: {text}"),
            Arrival::Socket(socket, event) => format!("socket {socket}: {event:?}"),
            Arrival::Bus(_, text) => format!("hears {text}"),
            other => format!("{other:?}"),
        }
    }
}
