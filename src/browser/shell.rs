//! The one owner of the engine, and the one entry for every web event.
//!
//! Whatever happens lands in the inbox. Whoever finds nobody pumping pumps: takes an input, lets
//! the engine handle it, does what the engine wants done, until the inbox is empty. What is done
//! may make something happen at once; that lands in the inbox too. The app is told last, in a
//! microtask, when nothing of ours is borrowed and no Rust is on the stack.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use gloo_timers::callback::Timeout;
use js_sys::Function;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::StorageEvent;

use super::fetch::{self, Fetch};
use super::listener::Listener;
use super::lock::{self, How, LockKey, LockQuery, LockRequest};
use super::page::Page;
use super::session;
use super::socket::{self, Socket};
use super::tab_channel::TabChannel;
use super::{clock, entropy, storage};
use crate::engine::command::Command;
use crate::engine::config::Config;
use crate::engine::http::{Call, Failure, StreamEvent};
use crate::engine::ids::{ConnId, HttpId, LockTicket, TabId};
use crate::engine::input::{Input, LockEvent, PageEvent, SocketEvent};
use crate::engine::notice::Notice;
use crate::engine::output::Output;
use crate::engine::store::{StoreFault, StoreOp};
use crate::engine::{Boot, Engine};
use crate::wire::json::Writer;

/// Browsers keep a timer's delay in 32 bits and run a longer one at once.
const TIMER_MS_MAX: u64 = i32::MAX as u64;

/// One running instance.
pub(crate) struct Shell {
    deliver: Function,
    engine: RefCell<Engine>,
    inbox: RefCell<VecDeque<Happening>>,
    pumping: Cell<bool>,
    handles: RefCell<Handles>,
    /// Numbers the locks that this tab holds for itself.
    lives: Cell<u32>,
}

/// What the shell holds of the browser. Dropping it gives everything back.
#[derive(Default)]
struct Handles {
    page: Option<Page>,
    /// What other tabs do to the storage.
    stored: Option<Listener>,
    socket: Option<Socket>,
    streams: Vec<(ConnId, Fetch)>,
    requests: Vec<(HttpId, Fetch)>,
    tabs: Option<TabChannel>,
    users: Option<TabChannel>,
    locks: Vec<LockRequest>,
    query: Option<LockQuery>,
    timer: Option<Timeout>,
    /// The instance itself, while the browser still has calls for it after its end.
    leaving: Option<Rc<Shell>>,
}

/// Something that happened, owned, until its turn comes.
enum Happening {
    Tick,
    Command(Command),
    Socket(ConnId, socket::Happened),
    Stream(ConnId, fetch::Happened),
    Response(HttpId, Result<fetch::Whole, Failure>),
    Lock(LockEvent),
    NoTabChannel,
    Tab(Vec<u8>),
    TabLocks(Vec<TabId>),
    User(Vec<u8>),
    Page(PageEvent),
    Stored(StoreOp, Result<(), StoreFault>),
    StoreListed(StoreOp, Result<Vec<String>, StoreFault>),
    StoreRead(StoreOp, Result<Vec<Option<String>>, StoreFault>),
    StoreChanged(Option<String>, Option<String>),
    Session(String, Option<String>),
}

impl Shell {
    /// An instance that waits for [`Command::Start`].
    pub(crate) fn new(config: Config, deliver: Function) -> Rc<Shell> {
        let boot = Boot {
            seed: entropy::bits(),
            tab: TabId(entropy::bits()),
            online: web_sys::window().is_none_or(|window| window.navigator().on_line()),
        };
        let shell = Rc::new(Shell {
            deliver,
            engine: RefCell::new(Engine::new(config, boot, clock::now())),
            inbox: RefCell::default(),
            pumping: Cell::new(false),
            handles: RefCell::default(),
            lives: Cell::new(0),
        });
        if let Some(window) = web_sys::window() {
            let weak = Rc::downgrade(&shell);
            let page = Page::watch(&window, move |event| feed(&weak, Happening::Page(event)));
            let weak = Rc::downgrade(&shell);
            let stored = Listener::new(&window, "storage", move |event| {
                if let Some(event) = event.dyn_ref::<StorageEvent>() {
                    changed(&weak, event);
                }
            });
            let mut handles = shell.handles.borrow_mut();
            handles.page = Some(page);
            handles.stored = Some(stored);
            drop(handles);
            if window.document().is_some_and(|document| document.hidden()) {
                shell.feed(Happening::Page(PageEvent::Hidden));
            }
        }
        shell
    }

    /// The app wants something.
    pub(crate) fn command(self: &Rc<Self>, command: Command) {
        let closing = command == Command::Close;
        self.feed(Happening::Command(command));
        if closing {
            self.let_go();
        }
    }

    /// The state of everything, as JSON text.
    pub(crate) fn snapshot(&self) -> String {
        self.engine.borrow().snapshot(clock::now())
    }

    /// Why a query is as it is, as JSON text.
    pub(crate) fn explain(&self, key: &str) -> Option<String> {
        self.engine.borrow().explain(clock::now(), key)
    }

    /// What was decided, as JSON text.
    pub(crate) fn journal(&self) -> String {
        self.engine.borrow().journal()
    }

    /// Figures of the last hours, as JSON text.
    pub(crate) fn history(&self) -> String {
        self.engine.borrow().history()
    }

    fn let_go(self: &Rc<Self>) {
        let mut handles = self.handles.borrow_mut();
        handles.page = None;
        handles.stored = None;
        handles.timer = None;
        // The browser calls back once more for every lock that was given back. Whoever owns this
        // instance may drop it now; it stays until the last of these calls.
        if !handles.locks.is_empty() || handles.query.is_some() {
            handles.leaving = Some(Rc::clone(self));
        }
    }

    fn feed(self: &Rc<Self>, happening: Happening) {
        self.inbox.borrow_mut().push_back(happening);
        if self.pumping.replace(true) {
            return;
        }
        let mut notices: Vec<Notice> = Vec::new();
        loop {
            let Some(happening) = self.inbox.borrow_mut().pop_front() else {
                break;
            };
            self.engine
                .borrow_mut()
                .handle(clock::now(), happening.input());
            loop {
                let Some(output) = self.engine.borrow_mut().poll_output() else {
                    break;
                };
                match output {
                    Output::Tell(notice) => {
                        // What is still to be told is about the person who was there before.
                        if let Notice::User(change) = &notice
                            && change.clears()
                        {
                            notices.retain(|notice| !notice.is_personal());
                        }
                        notices.push(notice);
                    }
                    // The app's functions are called by the package, which is told like this.
                    Output::RunMutation(run) => notices.push(Notice::Run(run)),
                    Output::CancelMutation { id, attempt } => {
                        notices.push(Notice::CancelRun { id, attempt });
                    }
                    Output::AskToken { request, reason } => {
                        notices.push(Notice::Token { request, reason });
                    }
                    output => self.perform(output),
                }
            }
        }
        self.arm();
        self.pumping.set(false);
        if !notices.is_empty() {
            let mut batch = Writer::new();
            batch.array(|w| notices.iter().for_each(|notice| notice.write(w)));
            self.tell(&batch.finish());
        }
    }

    fn tell(&self, batch: &str) {
        let call = self
            .deliver
            .bind1(&JsValue::UNDEFINED, &JsValue::from_str(batch));
        match web_sys::window() {
            Some(window) => window.queue_microtask(call.unchecked_ref()),
            None => {
                let _ = call.call0(&JsValue::UNDEFINED);
            }
        }
    }

    fn arm(self: &Rc<Self>) {
        let wakeup = self.engine.borrow().next_wakeup();
        let timer = wakeup.map(|at| {
            // Clocks are read in whole milliseconds, rounded down: one more makes sure that the
            // moment has come when the timer runs.
            let delay = at
                .since(clock::now().mono)
                .0
                .saturating_add(1)
                .min(TIMER_MS_MAX);
            let weak = Rc::downgrade(self);
            Timeout::new(delay as u32, move || feed(&weak, Happening::Tick))
        });
        self.handles.borrow_mut().timer = timer;
    }

    /// Does one deed. Nothing is decided here.
    fn perform(self: &Rc<Self>, output: Output) {
        match output {
            Output::OpenSocket {
                conn,
                url,
                protocol,
            } => {
                let weak = Rc::downgrade(self);
                let socket = Socket::open(conn, &url, protocol, move |happened| {
                    feed(&weak, Happening::Socket(conn, happened));
                });
                self.handles.borrow_mut().socket = socket;
            }
            Output::SendFrame { conn, frame } => {
                if let Some(socket) = self
                    .handles
                    .borrow()
                    .socket
                    .as_ref()
                    .filter(|s| s.conn() == conn)
                {
                    socket.send(&frame);
                }
            }
            Output::CloseSocket { conn } => {
                let mut handles = self.handles.borrow_mut();
                if handles
                    .socket
                    .as_ref()
                    .is_some_and(|socket| socket.conn() == conn)
                {
                    handles.socket = None;
                }
            }
            Output::Request { request, call } => self.send_request(request, &call),
            Output::AbortRequest { request } => self
                .handles
                .borrow_mut()
                .requests
                .retain(|(have, _)| *have != request),
            Output::OpenStream { conn, call } => self.open_stream(conn, &call),
            Output::CloseStream { conn } => self
                .handles
                .borrow_mut()
                .streams
                .retain(|(have, _)| *have != conn),
            Output::QueueForLock { ticket, name } => self.ask_lead(ticket, &name, How::Queue),
            Output::StealLock { ticket, name } => self.ask_lead(ticket, &name, How::Steal),
            Output::ReleaseLock(ticket) => {
                for request in &self.handles.borrow().locks {
                    if request.key() == LockKey::Lead(ticket) {
                        request.release();
                    }
                }
            }
            Output::OpenTabChannel(name) => {
                let weak = Rc::downgrade(self);
                let channel = TabChannel::open(&name, move |bytes| {
                    feed(&weak, Happening::Tab(bytes));
                });
                if channel.is_none() {
                    self.later(Happening::NoTabChannel);
                }
                self.handles.borrow_mut().tabs = channel;
            }
            Output::PostToTabs(message) => {
                if let Some(channel) = &self.handles.borrow().tabs {
                    channel.post(&message);
                }
            }
            Output::CloseTabChannel => self.handles.borrow_mut().tabs = None,
            Output::HoldTabLock(name) => self.hold_tab_lock(&name),
            Output::ReleaseTabLock => {
                for request in &self.handles.borrow().locks {
                    if let LockKey::Life(_) = request.key() {
                        request.release();
                    }
                }
            }
            Output::QueryLocks { prefix } => self.query_locks(&prefix),
            Output::OpenUserChannel(name) => {
                let weak = Rc::downgrade(self);
                let channel = TabChannel::open(&name, move |bytes| {
                    feed(&weak, Happening::User(bytes));
                });
                self.handles.borrow_mut().users = channel;
            }
            Output::PostToUsers(message) => {
                if let Some(channel) = &self.handles.borrow().users {
                    channel.post(&message);
                }
            }
            Output::CloseUserChannel => self.handles.borrow_mut().users = None,
            Output::StoreWrite { op, key, value } => {
                self.later(Happening::Stored(op, storage::write(&key, &value)));
            }
            Output::StoreRemove { key } => storage::remove(&key),
            Output::StoreList { op, prefix } => {
                self.later(Happening::StoreListed(op, storage::list(&prefix)));
            }
            Output::StoreRead { op, keys } => {
                self.later(Happening::StoreRead(op, storage::read(&keys)));
            }
            Output::SessionWrite { key, value } => session::write(&key, &value),
            Output::SessionRemove { key } => session::remove(&key),
            Output::SessionRead { key } => {
                let value = session::read(&key);
                self.later(Happening::Session(key, value));
            }
            Output::AskToken { .. }
            | Output::Tell(_)
            | Output::RunMutation(_)
            | Output::CancelMutation { .. } => {}
        }
    }

    fn send_request(self: &Rc<Self>, request: HttpId, call: &Call) {
        let weak = Rc::downgrade(self);
        let fetch = Fetch::whole(call, move |result| {
            if let Some(shell) = weak.upgrade() {
                shell
                    .handles
                    .borrow_mut()
                    .requests
                    .retain(|(have, _)| *have != request);
                shell.feed(Happening::Response(request, result));
            }
        });
        match fetch {
            Some(fetch) => self.handles.borrow_mut().requests.push((request, fetch)),
            None => self.later(Happening::Response(request, Err(Failure::Unavailable))),
        }
    }

    fn open_stream(self: &Rc<Self>, conn: ConnId, call: &Call) {
        let weak = Rc::downgrade(self);
        let fetch = Fetch::stream(call, move |happened| {
            feed(&weak, Happening::Stream(conn, happened));
        });
        match fetch {
            Some(fetch) => self.handles.borrow_mut().streams.push((conn, fetch)),
            None => self.later(Happening::Stream(
                conn,
                fetch::Happened::Failed(Failure::Unavailable),
            )),
        }
    }

    /// What happened while something was done is handled when that is done.
    fn later(&self, happening: Happening) {
        self.inbox.borrow_mut().push_back(happening);
    }

    fn forget_lock(&self, key: LockKey) {
        let mut handles = self.handles.borrow_mut();
        handles.locks.retain(|have| have.key() != key);
        handles.leave();
    }

    fn ask_lead(self: &Rc<Self>, ticket: LockTicket, name: &str, how: How) {
        let weak = Rc::downgrade(self);
        let key = LockKey::Lead(ticket);
        let request = LockRequest::ask(name, key, how, move |happened| match happened {
            lock::Happened::Granted => feed(&weak, Happening::Lock(LockEvent::Granted(ticket))),
            lock::Happened::Over => {
                if let Some(shell) = weak.upgrade() {
                    shell.feed(Happening::Lock(LockEvent::Lost(ticket)));
                    shell.forget_lock(key);
                }
            }
        });
        match request {
            Some(request) => self.handles.borrow_mut().locks.push(request),
            None => self.later(Happening::Lock(LockEvent::Unavailable)),
        }
    }

    fn hold_tab_lock(self: &Rc<Self>, name: &str) {
        let weak = Rc::downgrade(self);
        let key = LockKey::Life(self.lives.replace(self.lives.get().wrapping_add(1)));
        let request = LockRequest::ask(name, key, How::Queue, move |happened| match happened {
            lock::Happened::Granted => {}
            lock::Happened::Over => {
                if let Some(shell) = weak.upgrade() {
                    shell.forget_lock(key);
                }
            }
        });
        self.handles.borrow_mut().locks.extend(request);
    }

    fn query_locks(self: &Rc<Self>, prefix: &str) {
        if self.handles.borrow().query.is_some() {
            return;
        }
        let weak = Rc::downgrade(self);
        let query = LockQuery::ask(prefix, move |held| {
            if let Some(shell) = weak.upgrade() {
                shell.feed(Happening::TabLocks(held));
                let mut handles = shell.handles.borrow_mut();
                handles.query = None;
                handles.leave();
            }
        });
        self.handles.borrow_mut().query = query;
    }
}

impl Handles {
    /// Lets the instance go if it is over and the browser has no more calls for it. The caller
    /// holds on to the instance for as long as its own call takes.
    fn leave(&mut self) {
        if self.locks.is_empty() && self.query.is_none() {
            self.leaving = None;
        }
    }
}

fn feed(shell: &Weak<Shell>, happening: Happening) {
    if let Some(shell) = shell.upgrade() {
        shell.feed(happening);
    }
}

/// Another tab changed the storage. What is not ours is not looked at.
fn changed(shell: &Weak<Shell>, event: &StorageEvent) {
    let key = event.key();
    if key
        .as_ref()
        .is_none_or(|key| key.starts_with(storage::PREFIX))
    {
        feed(shell, Happening::StoreChanged(key, event.new_value()));
    }
}

impl Happening {
    fn input(&self) -> Input<'_> {
        match self {
            Happening::Tick => Input::Tick,
            Happening::Command(command) => Input::Command(command.clone()),
            Happening::Socket(conn, happened) => Input::Socket {
                conn: *conn,
                event: match happened {
                    socket::Happened::Opened => SocketEvent::Opened,
                    socket::Happened::Frame(bytes) => SocketEvent::Frame(bytes),
                    socket::Happened::Closed { code, reason } => SocketEvent::Closed {
                        code: *code,
                        reason,
                    },
                },
            },
            Happening::Stream(conn, happened) => Input::Stream {
                conn: *conn,
                event: match happened {
                    fetch::Happened::Opened(head) => StreamEvent::Opened {
                        status: head.status,
                        headers: head.headers(),
                    },
                    fetch::Happened::Chunk(bytes) => StreamEvent::Chunk(bytes),
                    fetch::Happened::Ended => StreamEvent::Ended,
                    fetch::Happened::Failed(failure) => StreamEvent::Failed(*failure),
                },
            },
            Happening::Response(request, result) => Input::Response {
                request: *request,
                result: result
                    .as_ref()
                    .map(fetch::Whole::reply)
                    .map_err(|failure| *failure),
            },
            Happening::Lock(event) => Input::Lock(*event),
            Happening::NoTabChannel => Input::NoTabChannel,
            Happening::Tab(bytes) => Input::TabMessage(bytes),
            Happening::TabLocks(held) => Input::TabLocks(held),
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
        }
    }
}
