//! Everything that can happen, owned, until its turn comes.

use std::mem;

use super::fetch;
use super::lock::LockKey;
use super::socket;
use crate::engine::command::Command;
use crate::engine::http::{Failure, StreamEvent};
use crate::engine::ids::{ConnId, HttpId, TabId};
use crate::engine::input::{Input, LockEvent, PageEvent, SocketEvent};
use crate::engine::store::{StoreFault, StoreOp};

/// Something that happened.
pub(super) enum Happening {
    /// The timer of the page ran.
    Tick,
    /// The app wants something.
    Command(Command),
    /// The app wants something, and said it by this text.
    Said(Command, String),
    /// Something happened to a socket of the page.
    Socket(ConnId, socket::Happened),
    /// The relay worker handed over records.
    Relayed(Vec<u8>),
    /// Something happened to an answer that is read as it comes.
    Stream(ConnId, fetch::Happened),
    /// A request is over.
    Response(HttpId, Result<fetch::Whole, Failure>),
    /// A lock is ours.
    LockGranted(LockKey),
    /// A request for a lock is over: given back, given up, taken from us, or refused.
    LockOver(LockKey),
    /// This browser has no locks.
    NoLocks,
    /// This browser has no channel between tabs.
    NoTabChannel,
    /// Another tab said something.
    Tab(Vec<u8>),
    /// These tabs hold their own lock; nothing if the browser refused to say.
    TabLocks(Option<Vec<TabId>>),
    /// A tab of whatever principal said something.
    User(Vec<u8>),
    /// Something happened to the page.
    Page(PageEvent),
    /// The storage took a value, or did not.
    Stored(StoreOp, Result<(), StoreFault>),
    /// The storage listed keys.
    StoreListed(StoreOp, Result<Vec<String>, StoreFault>),
    /// The storage read values.
    StoreRead(StoreOp, Result<Vec<Option<String>>, StoreFault>),
    /// Another tab changed the storage.
    StoreChanged(Option<String>, Option<String>),
    /// What was kept over a reload was read.
    Session(String, Option<String>),
}

impl Happening {
    /// A socket is gone, and nobody told more than that.
    pub(super) fn closed(conn: ConnId, reason: &str) -> Happening {
        let (code, reason) = (1006, reason.to_owned());
        Happening::Socket(conn, socket::Happened::Closed { code, reason })
    }

    /// As the engine takes it, once: a command is taken out. Nothing if it is the shell's business alone.
    pub(super) fn input(&mut self) -> Option<Input<'_>> {
        // To copy any command would be half a kilobyte of the download.
        let taken = |command: &mut Command| mem::replace(command, Command::Activity);
        Some(match self {
            Happening::Tick => Input::Tick,
            Happening::Command(command) => Input::Command(taken(command)),
            Happening::Said(command, text) => Input::Said {
                command: taken(command),
                text,
            },
            Happening::Socket(conn, happened) => Input::Socket {
                conn: *conn,
                event: of_socket(happened),
            },
            Happening::Stream(conn, happened) => Input::Stream {
                conn: *conn,
                event: of_stream(happened),
            },
            Happening::Response(request, result) => Input::Response {
                request: *request,
                result: match result {
                    Ok(whole) => Ok(whole.reply()),
                    Err(failure) => Err(*failure),
                },
            },
            Happening::LockGranted(LockKey::Lead(ticket)) => {
                Input::Lock(LockEvent::Granted(*ticket))
            }
            Happening::LockOver(LockKey::Lead(ticket)) => Input::Lock(LockEvent::Lost(*ticket)),
            Happening::LockGranted(LockKey::Life(_))
            | Happening::LockOver(LockKey::Life(_))
            | Happening::Relayed(_) => return None,
            Happening::NoLocks => Input::Lock(LockEvent::Unavailable),
            Happening::NoTabChannel => Input::NoTabChannel,
            Happening::Tab(bytes) => Input::TabMessage(bytes),
            Happening::TabLocks(held) => Input::TabLocks(held.as_deref()?),
            Happening::User(bytes) => Input::UserMessage(bytes),
            Happening::Page(event) => Input::Page(*event),
            Happening::Stored(op, result) => Input::Stored {
                op: *op,
                result: *result,
            },
            Happening::StoreListed(op, result) => Input::StoreListed {
                op: *op,
                result: result.as_deref().map_err(|fault| *fault),
            },
            Happening::StoreRead(op, result) => Input::StoreRead {
                op: *op,
                result: result.as_deref().map_err(|fault| *fault),
            },
            Happening::StoreChanged(key, value) => Input::StoreChanged {
                key: key.as_deref(),
                value: value.as_deref(),
            },
            Happening::Session(key, value) => Input::SessionLoaded {
                key,
                value: value.as_deref(),
            },
        })
    }
}

fn of_socket(happened: &socket::Happened) -> SocketEvent<'_> {
    match happened {
        socket::Happened::Opened => SocketEvent::Opened,
        socket::Happened::Frame(bytes) => SocketEvent::Frame(bytes),
        socket::Happened::Bytes(bytes) => SocketEvent::Bytes(bytes),
        socket::Happened::Closed { code, reason } => SocketEvent::Closed {
            code: *code,
            reason,
        },
    }
}

fn of_stream(happened: &fetch::Happened) -> StreamEvent<'_> {
    match happened {
        fetch::Happened::Opened(head) => StreamEvent::Opened {
            status: head.status,
            headers: head.headers(),
        },
        fetch::Happened::Chunk(bytes) => StreamEvent::Chunk(bytes),
        fetch::Happened::Ended => StreamEvent::Ended,
        fetch::Happened::Failed(failure) => StreamEvent::Failed(*failure),
    }
}
