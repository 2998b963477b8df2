//! Everything that the engine can ask of the browser, in the order in which it has to be done.

use std::rc::Rc;

use super::http::Call;
use super::ids::{ConnId, HttpId, LockTicket, TokenId};
use super::notice::Notice;
use super::queue::{MutationId, Run};
use super::store::StoreOp;
use super::token::TokenReason;

/// Something to do. Values only: an output can be compared, printed and sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Open a socket.
    OpenSocket {
        /// The attempt's number, to be given back with all that happens to it.
        conn: ConnId,
        /// Where to.
        url: String,
        /// The subprotocol to ask for.
        protocol: &'static str,
    },
    /// Send a text frame.
    SendFrame {
        /// On which socket.
        conn: ConnId,
        /// The frame.
        frame: String,
    },
    /// Close a socket and forget it: nothing that still happens to it matters.
    CloseSocket {
        /// Which one.
        conn: ConnId,
    },
    /// Send an HTTP request; what becomes of it comes as one [`Input::Response`](super::input::Input::Response).
    Request {
        /// Its number, to be given back with the answer.
        request: HttpId,
        /// What to ask.
        call: Call,
    },
    /// Give up a request: its answer does not matter any more.
    AbortRequest {
        /// Which one.
        request: HttpId,
    },
    /// Send an HTTP request and hand out its answer as it comes, as
    /// [`Input::Stream`](super::input::Input::Stream).
    OpenStream {
        /// The attempt's number, to be given back with all that happens to it.
        conn: ConnId,
        /// What to ask. There is no bound on the length of the answer.
        call: Call,
    },
    /// Stop reading an answer and forget it: nothing that still happens to it matters.
    CloseStream {
        /// Which one.
        conn: ConnId,
    },
    /// Join the queue for the leader's lock.
    QueueForLock {
        /// The request's number, to be given back with all that happens to it.
        ticket: LockTicket,
        /// The lock's name.
        name: Rc<str>,
    },
    /// Take the leader's lock from whoever holds it, ahead of the queue.
    StealLock {
        /// The request's number, to be given back with all that happens to it.
        ticket: LockTicket,
        /// The lock's name.
        name: Rc<str>,
    },
    /// Leave the queue, or give the lock back.
    ReleaseLock(LockTicket),
    /// Hold a lock of this name until told otherwise: as long as it is held, this tab lives.
    HoldTabLock(Rc<str>),
    /// Give that lock back.
    ReleaseTabLock,
    /// Say which tabs hold their own lock: the names begin with this and end with the tab's id.
    /// Answered by `Input::TabLocks`.
    QueryLocks {
        /// What the names begin with.
        prefix: Rc<str>,
    },
    /// Begin to listen to the tabs of all principals, on a channel of this name.
    OpenUserChannel(Rc<str>),
    /// Say something to the tabs of all principals.
    PostToUsers(String),
    /// Stop listening to the tabs of all principals.
    CloseUserChannel,
    /// Begin to listen to the other tabs, on a channel of this name.
    OpenTabChannel(Rc<str>),
    /// Say something to the other tabs.
    PostToTabs(String),
    /// Stop listening to the other tabs: a message that arrives for a page in the back/forward
    /// cache would throw it out.
    CloseTabChannel,
    /// Store a value, and answer with [`Input::Stored`](super::input::Input::Stored).
    StoreWrite {
        /// The question's number, to be given back with the answer.
        op: StoreOp,
        /// Where.
        key: String,
        /// What.
        value: String,
    },
    /// Store a value for a reload of this tab, if there is a place for it. Whether it worked does not
    /// matter: what is not there after a reload counts as stale.
    SessionWrite {
        /// Where.
        key: String,
        /// What.
        value: String,
    },
    /// Remove what is stored for a reload of this tab, if it can be.
    SessionRemove {
        /// Where.
        key: String,
    },
    /// Remove a value. Whether it worked does not matter: it may be seen again later anyhow.
    StoreRemove {
        /// Where.
        key: String,
    },
    /// List the keys that begin with a prefix, and answer with
    /// [`Input::StoreListed`](super::input::Input::StoreListed).
    StoreList {
        /// The question's number, to be given back with the answer.
        op: StoreOp,
        /// What the keys begin with.
        prefix: String,
    },
    /// Read values, and answer with [`Input::StoreRead`](super::input::Input::StoreRead).
    StoreRead {
        /// The question's number, to be given back with the answer.
        op: StoreOp,
        /// Where.
        keys: Vec<String>,
    },
    /// Run the app's function, and answer with
    /// [`Input::MutationDone`](super::input::Input::MutationDone).
    RunMutation(Run),
    /// Stop a run: whatever comes of it does not matter any more.
    CancelMutation {
        /// Which mutation.
        id: MutationId,
        /// Which run.
        attempt: u32,
    },
    /// Read what this tab stored before a reload, and answer with
    /// [`Input::SessionLoaded`](super::input::Input::SessionLoaded).
    SessionRead {
        /// Where.
        key: String,
    },
    /// Ask the app for a token. Asked like the app is told things: last, when nothing of ours is
    /// borrowed.
    AskToken {
        /// The question's number, to be given back with the answer.
        request: TokenId,
        /// Why it is asked.
        reason: TokenReason,
        /// The channel that it is for; the connection if there is none.
        channel: Option<Rc<str>>,
    },
    /// Tell the app something. Told last, when nothing of ours is borrowed.
    Tell(Notice),
}
