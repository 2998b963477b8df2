//! What goes over a connection, at whatever it is: being opened, in use, or tried beside the one in use.

use std::collections::VecDeque;

use super::line::{Line, Send};
use super::live::Trial;
use super::{Link, State, Step};
use crate::engine::ids::ConnId;
use crate::engine::limits::{CONNECT_TIMEOUT, SILENCE_GRACE};
use crate::engine::rng::Rng;
use crate::engine::status::Transport;
use crate::engine::time::{Millis, Mono, Now};
use crate::wire::sse::SseEvent;

impl Link {
    /// Something is to be said to the server. It is lost if there is no link: who says it, says
    /// it again when there is one.
    pub fn say(&mut self, now: Now, message: String, rng: &mut Rng) {
        let Some(live) = self.live_mut() else { return };
        let result = live.line.say(message);
        self.pump(now.mono);
        if result.is_err() {
            self.lost(now, "more is to be said than the server takes", rng);
        }
    }

    /// Something about the connection itself is to be said: it does not wait.
    pub fn say_first(&mut self, now: Now, conn: ConnId, message: String) {
        if let Some(line) = self.line_mut(conn) {
            line.say_first(message);
            self.pump(now.mono);
        }
    }

    /// The server names a connection, which says who we are under that name if it is carried by requests.
    pub fn named(&mut self, conn: ConnId, session: String, bytes_max: Option<u64>) {
        if let Some(line) = self.line_mut(conn)
            && line.named(session, bytes_max)
            && line.transport == Transport::Poll
        {
            self.out.push_back(Step::Hello(conn));
        }
    }

    /// A request that said something was answered.
    pub fn posted(&mut self, now: Now, conn: ConnId) {
        if let Some(line) = self.line_mut(conn) {
            line.posted();
            self.pump(now.mono);
        }
    }

    /// A request that waited for messages was answered.
    pub fn polled(&mut self, now: Now, conn: ConnId, said_something: bool) {
        if let Some(line) = self.line_mut(conn) {
            line.polled(now.mono, said_something);
        }
    }

    /// More of a stream came: what is whole with it.
    pub fn read(&mut self, now: Now, conn: ConnId, bytes: &[u8], rng: &mut Rng) -> Vec<SseEvent> {
        match self.line_mut(conn).map(|line| line.read(bytes)) {
            None => Vec::new(),
            Some(Ok(events)) => events,
            Some(Err(_)) => {
                self.broken(now, conn, rng);
                Vec::new()
            }
        }
    }

    /// Where the stream of the link can be taken up again, and after which pause.
    pub fn stream_mark(&self) -> Option<(&str, Option<u64>)> {
        match &self.state {
            State::Live(live) => Some(live.line.stream_mark()),
            _ => None,
        }
    }

    /// A connection of ours, at whatever it is.
    fn line_mut(&mut self, conn: ConnId) -> Option<&mut Line> {
        match &mut self.state {
            State::Dialling(dialling) if dialling.line.conn == conn => Some(&mut dialling.line),
            State::Live(live) => match &mut live.trial {
                _ if live.line.conn == conn => Some(&mut live.line),
                Trial::Dialling(attempt) if attempt.line.conn == conn => Some(&mut attempt.line),
                _ => None,
            },
            _ => None,
        }
    }

    /// The server knows that a connection is over, or is not there to be told.
    pub(super) fn nameless(&mut self, conn: ConnId) {
        if let Some(line) = self.line_mut(conn) {
            line.nameless();
        }
    }

    /// Sends what can be sent.
    pub(super) fn pump(&mut self, now: Mono) {
        match &mut self.state {
            State::Dialling(dialling) => {
                pump(&mut dialling.line, now, CONNECT_TIMEOUT, &mut self.out)
            }
            State::Live(live) => {
                // The server says something that often, and may be as late as its signs of life.
                let late = live.timeout.unwrap_or(SILENCE_GRACE).max(SILENCE_GRACE);
                let patience = Millis(live.ping.0.saturating_add(late.0));
                pump(&mut live.line, now, patience, &mut self.out);
                if let Trial::Dialling(attempt) = &mut live.trial {
                    pump(&mut attempt.line, now, CONNECT_TIMEOUT, &mut self.out);
                }
            }
            _ => {}
        }
    }
}

/// Sends what can be sent on a connection, whose requests wait for so long.
fn pump(line: &mut Line, now: Mono, patience: Millis, out: &mut VecDeque<Step>) {
    let conn = line.conn;
    while let Some(send) = line.send(now) {
        let session = || line.session().to_owned();
        out.push_back(match send {
            Send::Frame(frame) => Step::Frame(conn, frame),
            Send::Post(messages) => Step::Post {
                conn,
                session: session(),
                messages,
            },
            Send::Poll => Step::Poll {
                conn,
                session: session(),
                patience,
            },
        });
    }
}
