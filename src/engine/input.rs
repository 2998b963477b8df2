//! Everything that can happen to the engine.

use super::command::Command;
use super::http::{Failure, Reply, StreamEvent};
use super::ids::{ConnId, HttpId, LockTicket, TabId, TokenId};
use super::queue::{MutationId, Outcome};
use super::store::{StoreFault, StoreOp};
use super::token::{Token, TokenFailure};

/// Something that happened. Slices are borrowed from the browser's buffers: the engine copies
/// what it keeps.
#[derive(Clone, Debug, PartialEq)]
pub enum Input<'a> {
    /// Time passed. Early and extra ones are harmless.
    Tick,
    /// The app wants something.
    Command(Command),
    /// The app wants something, and said it by the text that the command was read from.
    Said {
        /// What it wants.
        command: Command,
        /// The text, for the recording.
        text: &'a str,
    },
    /// Something happened to a socket.
    Socket {
        /// Which one; what an older one says is dropped.
        conn: ConnId,
        /// What happened.
        event: SocketEvent<'a>,
    },
    /// An HTTP request is over.
    Response {
        /// Which one; what comes for one that was given up is dropped.
        request: HttpId,
        /// The answer, whatever its status, or why there is none.
        result: Result<Reply<'a>, Failure>,
    },
    /// Something happened to an answer that is read as it comes.
    Stream {
        /// Of which connection; what an older one says is dropped.
        conn: ConnId,
        /// What happened.
        event: StreamEvent<'a>,
    },
    /// The app answered the question for a token.
    Token {
        /// Which question; the answer to an older one is dropped.
        request: TokenId,
        /// The token, which may be that there is none, or why it is not to be had.
        result: Result<Option<Token>, TokenFailure>,
    },
    /// Something happened to the leader's lock.
    Lock(LockEvent),
    /// Another tab said something.
    TabMessage(&'a [u8]),
    /// This browser has no channel between tabs, or forbids it.
    NoTabChannel,
    /// These tabs hold their own lock.
    TabLocks(&'a [TabId]),
    /// A tab of whatever principal said something.
    UserMessage(&'a [u8]),
    /// Something happened to the page.
    Page(PageEvent),
    /// A run of the app's function ended.
    MutationDone {
        /// Which mutation.
        id: MutationId,
        /// Which run.
        attempt: u32,
        /// How.
        outcome: Outcome,
    },
    /// The storage took a value, or did not.
    Stored {
        /// The question's number.
        op: StoreOp,
        /// Whether it is stored.
        result: Result<(), StoreFault>,
    },
    /// The storage listed keys.
    StoreListed {
        /// The question's number.
        op: StoreOp,
        /// The keys, in no order.
        result: Result<&'a [String], StoreFault>,
    },
    /// The storage read values.
    StoreRead {
        /// The question's number.
        op: StoreOp,
        /// As many values as keys were asked for, in their order; nothing where nothing is.
        result: Result<&'a [Option<String>], StoreFault>,
    },
    /// Another tab changed the storage.
    StoreChanged {
        /// Where; everything if nothing.
        key: Option<&'a str>,
        /// The value that is there now.
        value: Option<&'a str>,
    },
    /// What this tab stored before a reload was read.
    SessionLoaded {
        /// Where.
        key: &'a str,
        /// What is there, if anything is.
        value: Option<&'a str>,
    },
}

/// What can happen to a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketEvent<'a> {
    /// It is open: frames may be sent.
    Opened,
    /// A frame of text came.
    Frame(&'a [u8]),
    /// A frame of bytes came.
    Bytes(&'a [u8]),
    /// It is closed, or could not be opened.
    Closed {
        /// The close code; 1006 when the browser says nothing.
        code: u16,
        /// The server's words.
        reason: &'a str,
    },
}

/// What can happen to the leader's lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockEvent {
    /// The lock is ours.
    Granted(LockTicket),
    /// The lock was taken from us, or asking for it failed.
    Lost(LockTicket),
    /// This browser has no locks.
    Unavailable,
}

/// What can happen to the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageEvent {
    /// It can be seen.
    Visible,
    /// It cannot be seen; timers get slow.
    Hidden,
    /// Its window has the focus.
    Focused,
    /// Another window has the focus.
    Blurred,
    /// The user touched something on it. Once in a while is enough.
    Touched,
    /// The browser believes that there is a network.
    Online,
    /// The browser is sure that there is none.
    Offline,
    /// It is put away: frozen, or into the back/forward cache, or for good.
    Suspended,
    /// It is back.
    Resumed,
    /// This is who holds the socket and wakes the page, while it has the link. Nothing is decided by
    /// it; it is shown, because a hidden page without a worker is woken late.
    Relay(Relay),
}

impl PageEvent {
    /// All of them, in the order of their numbers in recordings.
    pub const ALL: [PageEvent; 11] = [
        PageEvent::Visible,
        PageEvent::Hidden,
        PageEvent::Focused,
        PageEvent::Blurred,
        PageEvent::Touched,
        PageEvent::Online,
        PageEvent::Offline,
        PageEvent::Suspended,
        PageEvent::Resumed,
        PageEvent::Relay(Relay::Worker),
        PageEvent::Relay(Relay::Page),
    ];
}

/// Who holds the socket and the timers of a page that has the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relay {
    /// A worker, whose timers go on while the page is hidden.
    Worker,
    /// The page itself: no worker is to be had.
    Page,
}
