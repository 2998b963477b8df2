//! One WebSocket on the page.

use wasm_bindgen::JsCast;
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket};

use super::happening::Happening;
use super::inbox::Inbox;
use super::listener::Listener;
use super::relay::Dial;
use crate::engine::ids::ConnId;

/// An open or opening socket; closed when dropped.
pub(super) struct Socket {
    conn: ConnId,
    socket: WebSocket,
    _listeners: [Listener; 3],
}

/// What happened to a socket, owned.
pub(super) enum Happened {
    /// It is open.
    Opened,
    /// A frame of text came.
    Frame(Vec<u8>),
    /// A frame of bytes came.
    Bytes(Vec<u8>),
    /// It is closed.
    Closed { code: u16, reason: String },
}

impl Socket {
    /// Opens a socket. A browser that refuses at once (a bad URL, a policy) is told like a close.
    pub(super) fn open(inbox: &Inbox, dial: &Dial) -> Option<Socket> {
        let conn = dial.conn;
        let put = {
            let inbox = inbox.clone();
            move |happened| inbox.put(Happening::Socket(conn, happened))
        };
        let made = match dial.protocol {
            "" => WebSocket::new(&dial.url),
            protocol => WebSocket::new_with_str(&dial.url, protocol),
        };
        let Ok(socket) = made else {
            inbox.put(Happening::closed(conn, "the browser refused the socket"));
            return None;
        };
        socket.set_binary_type(BinaryType::Arraybuffer);
        let opened = put.clone();
        let framed = put.clone();
        let listeners = [
            Listener::new(&socket, "open", inbox, move |_| opened(Happened::Opened)),
            Listener::new(&socket, "message", inbox, move |event| {
                if let Some(frame) = frame(event.unchecked_ref()) {
                    framed(frame);
                }
            }),
            Listener::new(&socket, "close", inbox, move |event| {
                let event: &CloseEvent = event.unchecked_ref();
                put(Happened::Closed {
                    code: event.code(),
                    reason: event.reason(),
                });
            }),
        ];
        Some(Socket {
            conn,
            socket,
            _listeners: listeners,
        })
    }

    /// The attempt that this socket is.
    pub(super) fn conn(&self) -> ConnId {
        self.conn
    }

    /// Sends a frame. A socket that is closing swallows it; its close event follows.
    pub(super) fn send(&self, frame: &str) {
        let _ = self.socket.send_with_str(frame);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // 1000: the only code below 3000 that a page may say.
        let _ = self.socket.close_with_code(1000);
    }
}

fn frame(event: &MessageEvent) -> Option<Happened> {
    let data = event.data();
    if let Some(text) = data.as_string() {
        return Some(Happened::Frame(text.into_bytes()));
    }
    data.dyn_ref::<js_sys::ArrayBuffer>()
        .map(|buffer| Happened::Bytes(js_sys::Uint8Array::new(buffer).to_vec()))
}
