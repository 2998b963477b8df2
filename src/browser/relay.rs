//! The relay worker: holds the socket and wakes the tab that has the link. It decides nothing, and
//! where there is no worker everything goes on here, as fast as the page is allowed to run.

use std::rc::Rc;

use js_sys::Uint8Array;
use wasm_bindgen::JsCast;

use super::callback::Callback;
use super::handles::Handles;
use super::happening::Happening;
use super::host::RelayWorker;
use super::inbox::Inbox;
use super::shell::Shell;
use super::socket::Socket;
use super::timer::delay;
use crate::engine::ids::ConnId;
use crate::engine::input::{Input, PageEvent, Relay as Holder, SocketEvent};
use crate::engine::time::Mono;
use crate::wire::relay::{Record, Records, VERSION};

/// A socket as the engine wants it.
pub(super) struct Dial {
    pub(super) conn: ConnId,
    pub(super) url: String,
    pub(super) protocol: &'static str,
}

/// A worker; ended when dropped, with the socket that it holds.
pub(super) struct Relay {
    worker: RelayWorker,
    /// It has begun.
    runs: bool,
    /// It may still send what it was given when it is ended.
    last_words: bool,
    /// The socket that it holds.
    conn: Option<ConnId>,
    /// When it will tick.
    armed: Option<Mono>,
    _hears: Callback,
}

impl Relay {
    /// Starts a worker; nothing if there is none to be had.
    fn start(inbox: &Inbox) -> Option<Relay> {
        let into = inbox.clone();
        let hears = inbox.listener(move |batch| {
            let batch: &Uint8Array = batch.unchecked_ref();
            into.put(Happening::Relayed(batch.to_vec()));
        });
        Some(Relay {
            worker: inbox.relay(&hears)?,
            runs: false,
            last_words: false,
            conn: None,
            armed: None,
            _hears: hears,
        })
    }

    fn open(&mut self, dial: &Dial) {
        self.conn = Some(dial.conn);
        self.worker.open(dial.conn.0, &dial.url, dial.protocol);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.worker.end(self.last_words);
    }
}

impl Handles {
    /// Sends a frame. A socket that is closing swallows it; its close event follows.
    pub(super) fn send(&self, conn: ConnId, frame: &str) {
        if let Some(relay) = self.relay.as_ref().filter(|relay| relay.conn == Some(conn)) {
            relay.worker.say(conn.0, frame);
        } else if let Some(socket) = self.socket.as_ref().filter(|have| have.conn() == conn) {
            socket.send(frame);
        }
    }

    /// Closes the socket, if it is this one.
    pub(super) fn close_socket(&mut self, conn: ConnId) {
        self.socket.take_if(|socket| socket.conn() == conn);
        self.dial.take_if(|dial| dial.conn == conn);
        if let Some(relay) = self.relay.as_mut().filter(|relay| relay.conn == Some(conn)) {
            relay.conn = None;
            relay.worker.say(conn.0, "");
        }
    }

    /// Ticks at this moment although the page is hidden, where there is a worker for it.
    pub(super) fn wake(&mut self, at: Option<Mono>) {
        if let (Some(relay), Some(at)) = (&mut self.relay, at)
            && relay.armed != Some(at)
        {
            relay.armed = Some(at);
            relay.worker.wake(delay(at));
        }
    }
}

impl Shell {
    /// Opens a socket: in the worker, or here. While the worker begins it waits for what comes of that.
    pub(super) fn open_socket(self: &Rc<Self>, dial: Dial) {
        self.start_relay();
        let mut handles = self.handles.borrow_mut();
        match &mut handles.relay {
            Some(relay) if relay.runs => relay.open(&dial),
            Some(_) => handles.dial = Some(dial),
            None => handles.socket = Socket::open(&self.inbox(), &dial),
        }
    }

    /// Has a worker while this tab has the link, and no longer.
    pub(super) fn mind_relay(self: &Rc<Self>, has_link: bool, happening: &Happening) {
        if has_link {
            return self.start_relay();
        }
        let mut ended = self.handles.borrow_mut().relay.take();
        if let Some(relay) = &mut ended {
            // A page that is put away may stop the worker before that, with its socket open.
            relay.last_words = !matches!(happening, Happening::Page(PageEvent::Suspended));
        }
    }

    fn start_relay(self: &Rc<Self>) {
        let mut handles = self.handles.borrow_mut();
        if handles.relay.is_none() && !handles.relayless {
            handles.relay = Relay::start(&self.inbox());
            if handles.relay.is_none() {
                drop(handles);
                self.without_relay();
            }
        }
    }

    /// There is no worker to be had here, or it broke. It is not tried again: whatever was in the way
    /// still is.
    fn without_relay(self: &Rc<Self>) {
        let mut handles = self.handles.borrow_mut();
        handles.relayless = true;
        let relay = handles.relay.take();
        let dial = handles.dial.take();
        drop(handles);
        self.later(Happening::Page(PageEvent::Relay(Holder::Page)));
        if let Some(dial) = dial {
            self.open_socket(dial);
        } else if let Some(conn) = relay.and_then(|relay| relay.conn) {
            self.later(Happening::closed(conn, "the relay worker broke"));
        }
    }

    /// The worker said something: what it means to the engine, one after the other. Nothing at all is
    /// said of one that cannot begin, or broke.
    pub(super) fn relayed(self: &Rc<Self>, batch: &[u8], mut handle: impl FnMut(Input<'_>)) {
        if batch.is_empty() {
            self.without_relay();
        }
        for record in Records::new(batch) {
            let (conn, event) = match record {
                Record::Frame(conn, bytes) => (conn, SocketEvent::Frame(bytes)),
                Record::Bytes(conn, bytes) => (conn, SocketEvent::Bytes(bytes)),
                Record::Opened(conn) => (conn, SocketEvent::Opened),
                Record::Closed { conn, code, reason } => {
                    (conn, SocketEvent::Closed { code, reason })
                }
                Record::Ready(VERSION) => {
                    self.relay_runs();
                    handle(Input::Page(PageEvent::Relay(Holder::Worker)));
                    continue;
                }
                Record::Ready(_) => {
                    self.without_relay();
                    continue;
                }
                Record::Tick => {
                    if let Some(relay) = &mut self.handles.borrow_mut().relay {
                        relay.armed = None;
                    }
                    handle(Input::Tick);
                    continue;
                }
            };
            handle(Input::Socket { conn, event });
        }
    }

    fn relay_runs(&self) {
        let handles = &mut *self.handles.borrow_mut();
        if let Some(relay) = &mut handles.relay {
            relay.runs = true;
            if let Some(dial) = handles.dial.take() {
                relay.open(&dial);
            }
        }
    }
}
