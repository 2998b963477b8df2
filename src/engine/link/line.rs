//! One connection, whatever carries it: what waits to be said on it, and for a connection over
//! HTTP the requests that say it and the answers that are read.
//!
//! A socket takes what is said at once. Over HTTP one request is under way at a time and takes
//! along all that has gathered, so that the order is kept. A request that fails is not repeated:
//! the connection is given up, and the next one begins from the positions.

use std::collections::VecDeque;

use super::Step;
use crate::engine::ids::ConnId;
use crate::engine::limits::{
    OUTBOX_BYTES_MAX, POLL_GAP, POLL_GAP_EMPTY, POST_BYTES_MAX, SIGNS_WAITING_MAX,
    STREAM_LINE_BYTES_MAX,
};
use crate::engine::status::Transport;
use crate::engine::time::Mono;
use crate::wire::sse::{Decoder, SseEvent, TooLong};

/// A connection.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) conn: ConnId,
    pub(super) transport: Transport,
    /// The name that requests say it by; known once the server gave it.
    session: Option<String>,
    /// Bytes of messages in one request.
    post_bytes_max: usize,
    /// Signs of life and the like: they do not wait for the end of a quiet time.
    first: VecDeque<String>,
    waiting: VecDeque<String>,
    waiting_bytes: usize,
    /// The server asked for quiet until then.
    quiet: Option<Mono>,
    /// Whether a request is under way that says something.
    posting: bool,
    poll: Poll,
    decoder: Decoder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Poll {
    /// A request waits for the server to say something.
    Open,
    /// The next one follows then.
    Next(Mono),
}

/// What is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Send {
    /// A frame, on a socket.
    Frame(String),
    /// Messages, by a request of their own.
    Post(Vec<String>),
    /// A request that waits for messages.
    Poll,
}

/// More waits to be said than may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMuch;

impl Line {
    /// A connection that is about to be opened.
    pub(super) fn new(conn: ConnId, transport: Transport) -> Self {
        Line {
            conn,
            transport,
            session: None,
            post_bytes_max: POST_BYTES_MAX,
            first: VecDeque::new(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            quiet: None,
            posting: false,
            poll: Poll::Open,
            decoder: Decoder::default(),
        }
    }

    /// The server calls the connection so, and takes so many bytes in a request if it says so. True if it had
    /// no name before.
    pub(super) fn named(&mut self, session: String, bytes_max: Option<u64>) -> bool {
        if let Some(max) = bytes_max.and_then(|max| usize::try_from(max).ok()) {
            self.post_bytes_max = max.min(POST_BYTES_MAX);
        }
        self.session.replace(session).is_none()
    }

    /// The name that the server gave the connection.
    pub(super) fn session(&self) -> &str {
        self.session.as_deref().unwrap_or("")
    }

    /// The connection is over, and the server knows: nothing is said by its name any more.
    pub(super) fn nameless(&mut self) {
        self.session = None;
    }

    /// What closes it: the server is told where nothing else shows it.
    pub(super) fn closing(&self) -> impl Iterator<Item = Step> {
        let end = self
            .session
            .clone()
            .filter(|_| self.transport == Transport::Poll);
        let close = Step::Close(self.conn, self.transport);
        std::iter::once(close).chain(end.map(Step::End))
    }

    /// Something is to be said.
    pub(super) fn say(&mut self, message: String) -> Result<(), TooMuch> {
        self.waiting_bytes += message.len();
        self.waiting.push_back(message);
        if self.waiting_bytes > OUTBOX_BYTES_MAX {
            return Err(TooMuch);
        }
        Ok(())
    }

    /// Something about the connection itself is to be said: before the rest, and now.
    pub(super) fn say_first(&mut self, message: String) {
        // A server that asks faster than we can answer is not answered every time.
        if self.first.len() < SIGNS_WAITING_MAX {
            self.first.push_back(message);
        }
    }

    /// The server asks for quiet.
    pub(super) fn hush(&mut self, until: Mono) {
        self.quiet = Some(self.quiet.map_or(until, |have| have.max(until)));
    }

    /// What can be sent now; again and again until there is nothing.
    pub(super) fn send(&mut self, now: Mono) -> Option<Send> {
        if self.quiet.is_some_and(|until| until <= now) {
            self.quiet = None;
        }
        match (self.transport, self.poll) {
            (Transport::Poll, Poll::Next(at)) if at <= now && self.session.is_some() => {
                self.poll = Poll::Open;
                return Some(Send::Poll);
            }
            (Transport::Socket | Transport::Stream | Transport::Poll, _) => {}
        }
        match self.transport {
            Transport::Socket => self.next_message().map(Send::Frame),
            Transport::Stream | Transport::Poll => {
                if self.posting || self.session.is_none() {
                    return None;
                }
                let messages = self.gather();
                if messages.is_empty() {
                    return None;
                }
                self.posting = true;
                Some(Send::Post(messages))
            }
        }
    }

    fn next_message(&mut self) -> Option<String> {
        if let Some(message) = self.first.pop_front() {
            return Some(message);
        }
        if self.quiet.is_some() {
            return None;
        }
        let message = self.waiting.pop_front()?;
        self.waiting_bytes -= message.len();
        Some(message)
    }

    /// As much as one request may carry; at least one message, if there is any.
    fn gather(&mut self) -> Vec<String> {
        let mut messages = Vec::new();
        let mut bytes = 0;
        while let Some(message) = self.next_message() {
            // One more stands between it and the next.
            bytes += message.len() + 1;
            messages.push(message);
            let next = self.first.front().or_else(|| self.waiting.front());
            if bytes + next.map_or(0, String::len) > self.post_bytes_max {
                break;
            }
        }
        messages
    }

    /// The request that said something was answered.
    pub(super) fn posted(&mut self) {
        self.posting = false;
    }

    /// The request that waited was answered. The next follows at once if there was something to
    /// say: but never so soon that a server that answers everything at once keeps us busy.
    pub(super) fn polled(&mut self, now: Mono, said_something: bool) {
        let pause = if said_something {
            POLL_GAP
        } else {
            POLL_GAP_EMPTY
        };
        self.poll = Poll::Next(now + pause);
    }

    /// More of a stream came: what is whole with it.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<Vec<SseEvent>, TooLong> {
        let mut events = Vec::new();
        self.decoder
            .push(bytes, STREAM_LINE_BYTES_MAX, &mut |event| {
                events.push(event);
            })?;
        Ok(events)
    }

    /// Where the stream can be taken up again, and after which pause the server wants that.
    pub(super) fn stream_mark(&self) -> (&str, Option<u64>) {
        (self.decoder.last_id(), self.decoder.retry_ms())
    }

    /// When something is to be done, if nothing else happens.
    pub(super) fn next_wakeup(&self) -> Option<Mono> {
        let poll = match (self.transport, self.poll) {
            (Transport::Poll, Poll::Next(at)) if self.session.is_some() => Some(at),
            (Transport::Socket | Transport::Stream | Transport::Poll, _) => None,
        };
        let quiet = self.quiet.filter(|_| !self.waiting.is_empty());
        poll.into_iter().chain(quiet).min()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn line(transport: Transport) -> Line {
        Line::new(ConnId(1), transport)
    }

    #[test]
    fn a_socket_says_everything_at_once_and_in_order() {
        let mut line = line(Transport::Socket);
        line.say("a".to_owned()).unwrap();
        line.say("b".to_owned()).unwrap();
        assert_eq!(line.send(Mono(0)), Some(Send::Frame("a".to_owned())));
        assert_eq!(line.send(Mono(0)), Some(Send::Frame("b".to_owned())));
        assert_eq!(line.send(Mono(0)), None);
    }

    #[test]
    fn over_http_what_gathers_goes_with_the_next_request() {
        let mut line = line(Transport::Stream);
        line.say("a".to_owned()).unwrap();
        assert_eq!(line.send(Mono(0)), None, "the server does not know us yet");
        line.named("S".to_owned(), None);
        assert_eq!(line.send(Mono(0)), Some(Send::Post(vec!["a".to_owned()])));
        line.say("b".to_owned()).unwrap();
        line.say("c".to_owned()).unwrap();
        assert_eq!(line.send(Mono(0)), None, "one request at a time");
        line.posted();
        assert_eq!(
            line.send(Mono(0)),
            Some(Send::Post(vec!["b".to_owned(), "c".to_owned()]))
        );
    }

    #[test]
    fn a_request_carries_no_more_than_the_server_takes() {
        let mut line = line(Transport::Stream);
        line.named("S".to_owned(), None);
        let message = "x".repeat(POST_BYTES_MAX - 10);
        line.say(message.clone()).unwrap();
        line.say(message.clone()).unwrap();
        for _ in 0..2 {
            let one = Some(Send::Post(vec![message.clone()]));
            assert_eq!(line.send(Mono(0)), one);
            line.posted();
        }
        assert_eq!(line.waiting_bytes, 0);
    }

    #[test]
    fn ws28_what_the_server_is_too_busy_for_waits_and_is_not_lost() {
        let mut line = line(Transport::Socket);
        line.hush(Mono(2000));
        line.hush(Mono(1000));
        line.say("a".to_owned()).unwrap();
        line.say_first("pong".to_owned());
        assert_eq!(line.send(Mono(1999)), Some(Send::Frame("pong".to_owned())));
        assert_eq!(line.send(Mono(1999)), None);
        assert_eq!(line.next_wakeup(), Some(Mono(2000)));
        assert_eq!(line.send(Mono(2000)), Some(Send::Frame("a".to_owned())));
        assert_eq!(line.next_wakeup(), None);
    }

    #[test]
    fn what_waits_has_a_bound() {
        let mut line = line(Transport::Stream);
        let message = "x".repeat(OUTBOX_BYTES_MAX / 4);
        for _ in 0..4 {
            assert_eq!(line.say(message.clone()), Ok(()));
        }
        assert_eq!(line.say(message), Err(TooMuch));
    }

    #[test]
    fn polls_follow_each_other_with_a_pause() {
        let mut line = line(Transport::Poll);
        line.named("S".to_owned(), None);
        assert_eq!(line.send(Mono(0)), None, "one is under way");
        line.polled(Mono(0), true);
        assert_eq!(line.next_wakeup(), Some(Mono(0) + POLL_GAP));
        assert_eq!(line.send(Mono(0) + POLL_GAP), Some(Send::Poll));
        assert_eq!(line.send(Mono(10_000)), None);
        line.polled(Mono(10_000), false);
        assert_eq!(line.next_wakeup(), Some(Mono(10_000) + POLL_GAP_EMPTY));
    }
}
