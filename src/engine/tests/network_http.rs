//! The same network where a connection is carried by requests, as Engine.IO and Phoenix have it: one waits for what the
//! server says, another says something.

use std::collections::VecDeque;

use super::network::{LATENCY_MS, Server, World};
use crate::engine::http::{Call, Failure, Headers, Reply};
use crate::engine::ids::{ConnId, HttpId};
use crate::engine::input::Input;
use crate::wire::json::Writer;

const UNKNOWN: &str = r#"{"code":1,"message":"Session ID unknown"}"#;
/// What Phoenix says of a session that begins, whether the last one is known or not.
const NEW: &str = r#"{"status":410,"token":"S","messages":[]}"#;

/// An answer on its way; nothing is that there is none.
type Answer = Option<(u16, String)>;

/// What is under way.
#[derive(Default)]
pub(super) struct Http {
    /// It is as Phoenix has it.
    phoenix: bool,
    /// The connection, as the server numbers it.
    conn: Option<ConnId>,
    last: u32,
    /// The request that waits.
    waits: Option<HttpId>,
    /// What the server said while none did.
    held: Vec<String>,
    replies: VecDeque<(u64, HttpId, Answer)>,
}

impl Http {
    pub(super) fn next(&self) -> Option<u64> {
        self.replies.front().map(|(at, ..)| *at)
    }

    pub(super) fn carries(&self, conn: ConnId) -> bool {
        self.conn == Some(conn)
    }

    /// What the server said, in one answer.
    fn body(&self, said: &[String]) -> String {
        if !self.phoenix {
            return said.join("\u{1e}");
        }
        let mut w = Writer::new();
        w.object(|w| {
            w.key("status").number(200);
            w.key("token").string("S");
            w.key("messages")
                .array(|w| said.iter().for_each(|frame| w.string(frame)));
        });
        w.finish()
    }

    /// Nothing of what the server said last arrives.
    pub(super) fn breaks(&mut self) {
        self.held.clear();
    }
}

impl<S: Server> World<S> {
    pub(super) fn asked_by_http(&mut self, request: HttpId, call: &Call) {
        let phoenix = call.url.contains("/longpoll");
        let is_ours = phoenix || call.url.contains("transport=polling");
        if !is_ours || self.net.now < self.net.silent_until {
            return;
        }
        self.http.phoenix = phoenix;
        let mark = if phoenix { "&token=S" } else { "&sid=S" };
        let known = self.net.link.is_some() && self.net.link == self.http.conn;
        match (call.url.contains(mark), &call.body) {
            _ if !self.up => self.answer(request, None),
            (false, _) => {
                if self.net.link.is_some() {
                    self.lose();
                }
                self.http.last += 1;
                let conn = ConnId((1 << 20) + self.http.last);
                // The last one may be over without a word to the page.
                self.open = None;
                self.paced(conn);
                self.http.held.clear();
                (self.http.conn, self.http.waits) = (Some(conn), Some(request));
                self.net.link = Some(conn);
                self.server.opened(&mut self.net);
                if phoenix {
                    self.http.waits = None;
                    self.answer(request, Some((200, NEW.to_owned())));
                }
            }
            (true, _) if !known && phoenix => self.answer(request, Some((200, NEW.to_owned()))),
            (true, _) if !known => self.answer(request, Some((400, UNKNOWN.to_owned()))),
            (true, None) if self.http.held.is_empty() => self.http.waits = Some(request),
            (true, None) => {
                let said = std::mem::take(&mut self.http.held);
                let body = self.http.body(&said);
                self.answer(request, Some((200, body)));
            }
            (true, Some(body)) => {
                for message in body.split(if phoenix { '\n' } else { '\u{1e}' }) {
                    match message {
                        "1" => return self.lose(),
                        message => self.server.hears(&mut self.net, message),
                    }
                }
                let taken = if phoenix { r#"{"status":200}"# } else { "ok" };
                self.answer(request, Some((200, taken.to_owned())));
            }
        }
    }

    pub(super) fn aborted(&mut self, request: HttpId) {
        if self.http.waits == Some(request) {
            self.http.waits = None;
            if self.net.link.is_some() && self.net.link == self.http.conn {
                self.lose();
            }
        }
        self.http.replies.retain(|(_, of, _)| *of != request);
    }

    fn answer(&mut self, request: HttpId, answer: Answer) {
        let at = self.net.now + LATENCY_MS;
        self.http.replies.push_back((at, request, answer));
    }

    /// What the server said arrives, or that the connection is over.
    pub(super) fn poll_hears(&mut self, frame: Option<String>) {
        let Some(frame) = frame else {
            self.open = None;
            if let Some(request) = self.http.waits.take() {
                self.answer(request, None);
            }
            return;
        };
        match self.http.waits.take() {
            Some(request) => {
                let at = self.net.now;
                let answer = Some((200, self.http.body(&[frame])));
                self.http.replies.push_front((at, request, answer));
            }
            None => self.http.held.push(frame),
        }
    }

    pub(super) fn reply(&mut self) {
        let Some((_, request, answer)) = self.http.replies.pop_front() else {
            return;
        };
        let headers = Headers {
            content_type: Some(match self.http.phoenix {
                true => "application/json; charset=utf-8",
                false => "text/plain; charset=UTF-8",
            }),
            ..Headers::default()
        };
        let result = match &answer {
            Some((status, body)) => Ok(Reply {
                status: *status,
                headers,
                body: body.as_bytes(),
            }),
            None => Err(Failure::Unreachable),
        };
        self.happens(Input::Response { request, result });
    }
}
