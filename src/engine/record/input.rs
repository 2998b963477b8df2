//! Inputs as lines of a recording: a letter that says what it is, a number, and the rest.

use super::{Recorder, mask, who};
use crate::engine::command::Command;
use crate::engine::config;
use crate::engine::http::{Failure, Headers, StreamEvent};
use crate::engine::input::{Input, LockEvent, PageEvent, SocketEvent};
use crate::engine::limits::STREAM_LINE_BYTES_MAX;
use crate::engine::principal::User;
use crate::engine::queue;
use crate::engine::store::StoreFault;
use crate::engine::token::{Token, TokenFailure};
use crate::wire::json::{self, Raw, Writer, push_number};
use crate::wire::sse::Decoder;

const OURS: &str = "everfresh:";

impl Recorder {
    pub(super) fn write_input(&mut self, input: &Input<'_>, out: &mut String) {
        match input {
            Input::Tick => out.push('.'),
            Input::Said { text, .. } => self.app(text, out),
            Input::Command(Command::Start) => out.push('s'),
            Input::Command(Command::Close) => out.push('x'),
            Input::Command(Command::SetUser { user }) => self.set_user(user.as_ref(), out),
            // What the app wants comes as text.
            Input::Command(_) => out.push('?'),
            Input::Socket { conn, event } => match event {
                SocketEvent::Opened => numbered('o', conn.0.into(), out),
                SocketEvent::Frame(bytes) => {
                    numbered('f', conn.0.into(), out);
                    self.frame(bytes, out);
                }
                // There a frame of bytes is read as one of text.
                SocketEvent::Bytes(bytes) if self.mask.plain.is_some() => {
                    numbered('f', conn.0.into(), out);
                    self.frame(bytes, out);
                }
                SocketEvent::Bytes(bytes) => {
                    numbered('b', conn.0.into(), out);
                    push_number(out, bytes.len() as u64);
                }
                SocketEvent::Closed { code, reason } => {
                    numbered('e', conn.0.into(), out);
                    push_number(out, (*code).into());
                    out.push(' ');
                    // Only what may be read from it.
                    if let Some((_, rest)) = reason.split_once("retry_after=") {
                        let digits = rest.chars().take_while(char::is_ascii_digit);
                        out.push_str("retry_after=");
                        out.extend(digits);
                    }
                }
            },
            Input::Response { request, result } => match result {
                Ok(reply) => {
                    numbered('r', request.0.into(), out);
                    self.head(reply.status, &reply.headers, out);
                    out.push(' ');
                    self.body(&reply.headers, reply.body, out);
                }
                Err(failure) => {
                    numbered('R', request.0.into(), out);
                    out.push_str(failed(*failure));
                }
            },
            Input::Stream { conn, event } => match event {
                StreamEvent::Opened { status, headers } => {
                    numbered('h', conn.0.into(), out);
                    self.head(*status, headers, out);
                }
                StreamEvent::Chunk(bytes) => {
                    numbered('c', conn.0.into(), out);
                    self.chunk(conn.0, bytes, out);
                }
                StreamEvent::Ended => numbered('E', conn.0.into(), out),
                StreamEvent::Failed(failure) => {
                    numbered('F', conn.0.into(), out);
                    out.push_str(failed(*failure));
                }
            },
            Input::Token { request, result } => {
                numbered('t', request.0.into(), out);
                self.token(result, out);
            }
            Input::Lock(event) => match event {
                LockEvent::Granted(ticket) => numbered('l', ticket.0.into(), out),
                LockEvent::Lost(ticket) => numbered('L', ticket.0.into(), out),
                LockEvent::Unavailable => out.push('N'),
            },
            Input::NoTabChannel => out.push('n'),
            Input::TabMessage(bytes) => {
                out.push('m');
                self.bytes(bytes, out);
            }
            Input::UserMessage(bytes) => {
                out.push('M');
                self.bytes(bytes, out);
            }
            Input::TabLocks(tabs) => {
                out.push('k');
                for tab in *tabs {
                    out.push_str(&tab.text());
                }
            }
            Input::Page(event) => numbered('p', page(*event), out),
            Input::MutationDone {
                id,
                attempt,
                outcome,
            } => {
                let mut w = Writer::new();
                w.object(|w| {
                    w.key("id").string(&id.text());
                    w.key("attempt").number((*attempt).into());
                    w.key("outcome");
                    outcome.write(w);
                });
                out.push('d');
                out.push_str(&self.mask.lines(&w.finish()));
            }
            Input::Stored { op, result } => {
                numbered('w', op.0, out);
                out.push_str(result.map_or_else(refused, |()| "ok"));
            }
            Input::StoreListed { op, result } => {
                numbered('i', op.0, out);
                match result {
                    Ok(keys) => {
                        let mut w = Writer::new();
                        w.array(|w| keys.iter().for_each(|key| w.string(our_key(key))));
                        out.push_str(&w.finish());
                    }
                    Err(fault) => out.push_str(refused(*fault)),
                }
            }
            Input::StoreRead { op, result } => {
                numbered('v', op.0, out);
                match result {
                    Ok(values) => {
                        let mut w = Writer::new();
                        w.array(|w| {
                            for value in *values {
                                self.stored(value.as_deref(), w);
                            }
                        });
                        out.push_str(&w.finish());
                    }
                    Err(fault) => out.push_str(refused(*fault)),
                }
            }
            Input::StoreChanged { key, value } => {
                let ours = key.is_none_or(|key| key.starts_with(OURS));
                let mut w = Writer::new();
                w.array(|w| {
                    match key {
                        Some(key) => w.string(our_key(key)),
                        None => w.null(),
                    }
                    self.stored(value.filter(|_| ours), w);
                });
                out.push('g');
                out.push_str(&w.finish());
            }
            Input::SessionLoaded { key, value } => {
                let mut w = Writer::new();
                w.array(|w| {
                    w.string(key);
                    self.stored(*value, w);
                });
                out.push('y');
                out.push_str(&w.finish());
            }
        }
    }

    fn app(&mut self, text: &str, out: &mut String) {
        if let Ok(raw) = json::parse(text)
            && raw
                .member("do")
                .and_then(Raw::string)
                .is_some_and(|what| what.is("user"))
            && let Ok(user) = config::user(raw.member("user"))
        {
            self.set_user(user.as_ref(), out);
            return;
        }
        out.push('a');
        out.push_str(&self.mask.lines(text));
    }

    fn set_user(&mut self, user: Option<&User>, out: &mut String) {
        out.push('u');
        out.push_str(&who(user));
        if let Some(user) = user {
            self.mask.user(user);
            self.cover_past();
        }
    }

    /// A frame of a socket; what is no text is only counted.
    fn frame(&mut self, bytes: &[u8], out: &mut String) {
        match std::str::from_utf8(bytes) {
            Ok(text) => out.push_str(&self.mask.frame(text)),
            Err(_) => numbered('!', bytes.len() as u64, out),
        }
    }

    /// Messages; what is no text is only counted.
    fn bytes(&mut self, bytes: &[u8], out: &mut String) {
        match std::str::from_utf8(bytes) {
            Ok(text) => out.push_str(&self.mask.lines(text)),
            Err(_) => numbered('!', bytes.len() as u64, out),
        }
    }

    fn head(&mut self, status: u16, headers: &Headers<'_>, out: &mut String) {
        let mut w = Writer::new();
        w.array(|w| {
            w.number(status.into());
            let Headers {
                etag,
                retry_after,
                content_type,
                date,
            } = headers;
            for header in [etag, retry_after, content_type, date] {
                match header {
                    Some(text) => w.string(&self.mask.open(text)),
                    None => w.null(),
                }
            }
        });
        out.push_str(&w.finish());
    }

    /// The body of an answer: messages of our server, or what is only compared.
    fn body(&mut self, headers: &Headers<'_>, body: &[u8], out: &mut String) {
        let ours = headers
            .content_type
            .is_some_and(|kind| kind.contains("ndjson"));
        let text = std::str::from_utf8(body).unwrap_or("");
        if ours || crate::wire::native::read_alive(body).is_some() {
            return self.bytes(body, out);
        }
        if text.len() < body.len() {
            return numbered('!', body.len() as u64, out);
        }
        // A page is told by how it begins.
        if text.trim_start().starts_with('<') {
            out.push('<');
            return mask::cover(text.get(1..).unwrap_or(""), out);
        }
        if self.mask.packets(text, out) || self.mask.polled(text, out) {
            return;
        }
        out.push_str(&self.mask.numbered(text));
    }

    /// A part of a stream: the frames that are whole with it.
    fn chunk(&mut self, conn: u32, bytes: &[u8], out: &mut String) {
        if self.streams.0 != conn {
            self.streams = (conn, Decoder::default());
        }
        let mut frames = Vec::new();
        let (_, decoder) = &mut self.streams;
        let read = decoder.push(bytes, STREAM_LINE_BYTES_MAX, &mut |event| {
            frames.push((event.event, event.data))
        });
        let (id, retry) = (decoder.last_id().to_owned(), decoder.retry_ms());
        let mut w = Writer::new();
        // Of a stream with names and ids those are lines of their own.
        let named = self.mask.plain.is_some();
        let field = |name: &str, value: &str| ["\u{1}", name, ": ", value].concat();
        w.array(|w| {
            for (event, frame) in frames {
                if named {
                    w.string(&field("event", &self.mask.open(&event)));
                    w.string(&self.mask.frame(&frame));
                } else {
                    w.string(&self.mask.lines(&frame));
                }
            }
            if named {
                w.string(&field("id", &self.mask.numbered(&id)));
                if let Some(retry) = retry {
                    w.string(&field("retry", &retry.to_string()));
                }
                // What has no data is no event, and counts all the same.
                w.string("\u{1}");
            }
        });
        out.push_str(if read.is_err() { "!" } else { "" });
        out.push_str(&w.finish());
    }

    fn token(&mut self, result: &Result<Option<Token>, TokenFailure>, out: &mut String) {
        match result {
            Ok(Some(token)) => {
                out.push('+');
                out.push_str(&self.mask.numbered(token.text()));
            }
            Ok(None) => out.push('0'),
            Err(TokenFailure::Failed) => out.push('-'),
            Err(TokenFailure::NeedsLogin) => out.push('?'),
        }
    }

    /// What stands in a storage.
    fn stored(&mut self, value: Option<&str>, w: &mut Writer) {
        let Some(value) = value else { return w.null() };
        let plain = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        if plain {
            return w.string(value);
        }
        let mask = &mut self.mask;
        w.string(&queue::covered_record(value, &mut |text| mask.lines(text)));
    }
}

/// A letter and a number, and a space for the rest.
fn numbered(letter: char, number: u64, out: &mut String) {
    out.push(letter);
    push_number(out, number);
    out.push(' ');
}

/// The key of a storage, if it is one of ours.
fn our_key(key: &str) -> &str {
    if key.starts_with(OURS) { key } else { "" }
}

fn refused(fault: StoreFault) -> &'static str {
    match fault {
        StoreFault::Quota => "quota",
        StoreFault::Blocked => "blocked",
    }
}

fn failed(failure: Failure) -> &'static str {
    match failure {
        Failure::Unreachable => "unreachable",
        Failure::Timeout => "timeout",
        Failure::TooLarge => "too-large",
        Failure::Unavailable => "unavailable",
    }
}

/// Events of a page by their number.
fn page(event: PageEvent) -> u64 {
    PageEvent::ALL
        .iter()
        .position(|have| *have == event)
        .unwrap_or(0) as u64
}
