//! Socket.IO 5, carried by Engine.IO 4, as servers in Node and in Python speak it.
//!
//! A packet is a type, a namespace, a number if an answer is wanted, and JSON. Bytes among the arguments
//! follow it as attachments, and [`Decoder`] puts them together again.
//!
//! What is kept of a namespace from one connection to the next is its [`Bookmark`].
//!
//! Python differs from Node: it names no `pid`, numbers answers from 1, refuses with a bare string, and
//! says events before it says that the namespace is connected. A Node that replays does the last, too.

pub mod session;

use std::borrow::Cow;

use super::engineio::{Fault, Frame, Open, encode_base64, name};
use super::json::{self, INTEGER_MAX, Raw, Text, Writer, push_number};
use super::{Capabilities, Heartbeat, Recovery, Resume, RoomCan};
use crate::engine::limits::{
    ATTACHMENT_BYTES_MAX, ATTACHMENTS_MAX, CHANNEL_NAME_BYTES_MAX, PACKET_BYTES_MAX,
};
use crate::engine::text;

/// Of a server that keeps what was missed; one that does not names no `pid`.
pub const CAPABILITIES: Capabilities = Capabilities {
    resume: Resume::Mark,
    heartbeat: Heartbeat::Server,
    acks: false,
    clock: false,
    renews: false,
    room: RoomCan::NONE,
};

/// The namespace that is not written.
pub const ROOT: &str = "/";

/// The event by which servers say, after the connection, that they know who we are.
pub const AUTHENTICATED: &str = "authenticated";

/// Names that mean something to either side's library.
const RESERVED: &[&str] = &[
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
];

/// What a frame says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// The session is open. Nothing is connected yet.
    Open(Open),
    /// The session ends.
    Close,
    /// The server asks for a sign of life.
    Ping,
    /// The answer to [`PROBE`](super::engineio::PROBE).
    Probed,
    /// Nothing: it ends a request that waits.
    Noop,
    /// A packet of Socket.IO with all that belongs to it.
    Packet(Whole<'a>),
}

/// A packet of Socket.IO as it stands in its frame, and the attachments that came behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole<'a> {
    text: Cow<'a, str>,
    /// What the placeholders stand for.
    pub attachments: Vec<Vec<u8>>,
}

/// Puts packets and their attachments together. One a connection; after a fault it is of no use.
#[derive(Debug, Default)]
pub struct Decoder {
    waiting: Option<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    text: String,
    attachments: Vec<Vec<u8>>,
    count: usize,
    bytes: usize,
}

impl Decoder {
    /// Takes the next frame. Nothing is said while attachments are missing.
    pub fn push<'a>(&mut self, frame: Frame<'a>) -> Result<Option<Said<'a>>, Fault> {
        match frame {
            Frame::Text(text) => self.packet(text),
            Frame::Binary(bytes) => self.attach(bytes),
        }
    }

    fn packet<'a>(&mut self, text: &'a str) -> Result<Option<Said<'a>>, Fault> {
        if text.len() > PACKET_BYTES_MAX {
            return Err(Fault::TooLarge);
        }
        let rest = text.get(1..).unwrap_or("");
        Ok(Some(match text.as_bytes().first() {
            Some(b'0') => Said::Open(Open::read(rest).ok_or(Fault::Json)?),
            Some(b'1') => Said::Close,
            Some(b'2') => Said::Ping,
            Some(b'3') => Said::Probed,
            Some(b'4') => return self.message(rest),
            Some(b'6') => Said::Noop,
            _ => return Err(Fault::Type),
        }))
    }

    fn message<'a>(&mut self, text: &'a str) -> Result<Option<Said<'a>>, Fault> {
        if self.waiting.is_some() {
            return Err(Fault::Order);
        }
        let count = Head::read(text)?.attachments;
        if count == 0 {
            let attachments = Vec::new();
            let text = Cow::Borrowed(text);
            return Ok(Some(Said::Packet(Whole { text, attachments })));
        }
        self.waiting = Some(Waiting {
            text: text.to_owned(),
            attachments: Vec::new(),
            count,
            bytes: 0,
        });
        Ok(None)
    }

    fn attach<'a>(&mut self, bytes: Cow<'_, [u8]>) -> Result<Option<Said<'a>>, Fault> {
        let mut waiting = self.waiting.take().ok_or(Fault::Order)?;
        waiting.bytes = waiting.bytes.saturating_add(bytes.len());
        if waiting.bytes > ATTACHMENT_BYTES_MAX {
            return Err(Fault::TooLarge);
        }
        waiting.attachments.push(bytes.into_owned());
        if waiting.attachments.len() < waiting.count {
            self.waiting = Some(waiting);
            return Ok(None);
        }
        Ok(Some(Said::Packet(Whole {
            text: Cow::Owned(waiting.text),
            attachments: waiting.attachments,
        })))
    }
}

/// A packet of Socket.IO.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Where it belongs.
    pub namespace: &'a str,
    /// What it says.
    pub says: Says<'a>,
}

/// What a packet says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says<'a> {
    /// The namespace is connected.
    Connected {
        /// Our name in it. It is another one on the next connection, unless that one is a recovery.
        sid: Cow<'a, str>,
        /// The secret to take it up again with, where the server keeps what was missed.
        pid: Option<Cow<'a, str>>,
    },
    /// The namespace cannot be connected.
    Refused {
        /// For reading by people.
        message: Cow<'a, str>,
        /// What the app's server has to say about it.
        data: Raw<'a>,
    },
    /// The server ended the namespace, for good: who comes back by itself comes back in vain.
    Disconnected,
    /// Something happened.
    Event(Event<'a>),
    /// The answer to what we sent with a number.
    Ack {
        /// The number.
        id: u64,
        /// The array of what was answered; empty when the server's function gave nothing.
        args: Raw<'a>,
    },
}

/// Something that the server told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The number to answer with, if an answer is wanted.
    pub id: Option<u64>,
    /// Its name.
    pub name: Cow<'a, str>,
    /// Name and arguments.
    list: Raw<'a>,
    /// How many arguments there are.
    pub count: usize,
}

impl<'a> Event<'a> {
    fn read(list: Raw<'a>, id: Option<u64>) -> Option<Self> {
        let mut first = None;
        let mut count = 0usize;
        list.elements(|element| {
            first.get_or_insert(element);
            count += 1;
        });
        let first = first?;
        // The libraries allow a number for a name.
        let name = match first.string() {
            Some(name) => name.decode(),
            None => Cow::Borrowed(first.integer().map(|_| first.text())?),
        };
        if is_reserved(&name) {
            return None;
        }
        Some(Event {
            id,
            name,
            list,
            count: count - 1,
        })
    }

    /// Hands out the arguments.
    pub fn args(&self, each: &mut dyn FnMut(Raw<'a>)) {
        let mut at = 0;
        self.list.elements(|element| {
            if (1..=self.count).contains(&at) {
                each(element);
            }
            at += 1;
        });
    }

    /// The first argument: what nearly every event has, and nothing else.
    pub fn payload(&self) -> Raw<'a> {
        let mut first = None;
        self.args(&mut |arg| {
            first.get_or_insert(arg);
        });
        first.unwrap_or(Raw::NULL)
    }

    /// Is it the server's word that it knows who we are?
    pub fn is_authenticated(&self) -> bool {
        self.name == AUTHENTICATED
    }

    /// Where we are with this event, if that is told. It is no argument of the app any more then.
    ///
    /// A server that keeps what was missed adds a last string to events that want no answer. What is
    /// sent as volatile is not kept and has none: a last string of the app's own is taken for one there,
    /// as the libraries do.
    fn take_offset(&mut self) -> Option<Cow<'a, str>> {
        let mut last = None;
        self.args(&mut |arg| last = Some(arg));
        let offset = name(last).filter(|_| self.id.is_none())?;
        self.count -= 1;
        Some(offset)
    }
}

/// Is the name one that must not be sent?
#[expect(
    clippy::manual_contains,
    reason = "`contains` brings one more comparison of slices"
)]
pub fn is_reserved(name: &str) -> bool {
    RESERVED.iter().any(|reserved| *reserved == name)
}

/// What stands before the JSON of a packet.
struct Head<'a> {
    kind: u8,
    attachments: usize,
    namespace: &'a str,
    id: Option<u64>,
    rest: &'a str,
}

impl<'a> Head<'a> {
    fn read(text: &'a str) -> Result<Head<'a>, Fault> {
        let kind = text.bytes().next().ok_or(Fault::Type)?;
        if !matches!(kind, b'0'..=b'6') {
            return Err(Fault::Type);
        }
        let mut rest = text.get(1..).unwrap_or("");
        let mut attachments = 0;
        if matches!(kind, b'5' | b'6') {
            let count = number(&mut rest)?.ok_or(Fault::Head)?;
            rest = rest.strip_prefix('-').ok_or(Fault::Head)?;
            attachments = usize::try_from(count).unwrap_or(usize::MAX);
            if attachments > ATTACHMENTS_MAX {
                return Err(Fault::TooLarge);
            }
        }
        let mut namespace = ROOT;
        if rest.starts_with('/') {
            namespace = text::piece(&mut rest, b",");
            if namespace.len() > CHANNEL_NAME_BYTES_MAX {
                return Err(Fault::TooLarge);
            }
        }
        Ok(Head {
            kind,
            attachments,
            namespace,
            id: number(&mut rest)?,
            rest,
        })
    }
}

/// The number that a text begins with, if it begins with one.
fn number(rest: &mut &str) -> Result<Option<u64>, Fault> {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return Ok(None);
    }
    let (number, behind) = rest.split_at_checked(digits).ok_or(Fault::Head)?;
    *rest = behind;
    let number = text::number(number).filter(|number| *number <= INTEGER_MAX);
    number.map(Some).ok_or(Fault::Head)
}

impl Whole<'_> {
    /// The same, kept beyond its frame.
    fn into_owned(self) -> Whole<'static> {
        Whole {
            text: Cow::Owned(self.text.into_owned()),
            attachments: self.attachments,
        }
    }

    fn size(&self) -> usize {
        let attached = self.attachments.iter().map(Vec::len);
        self.text.len() + attached.sum::<usize>()
    }

    /// Reads what it says.
    pub fn read(&self) -> Result<Packet<'_>, Fault> {
        let head = Head::read(&self.text)?;
        let raw = match head.rest {
            "" => None,
            rest => Some(json::parse(rest).map_err(|_| Fault::Json)?),
        };
        let says = match (head.kind, raw) {
            (b'0', Some(raw)) => Says::Connected {
                sid: name(raw.member("sid")).ok_or(Fault::OldServer)?,
                pid: name(raw.member("pid")),
            },
            (b'0', None) => return Err(Fault::OldServer),
            (b'1', None) => Says::Disconnected,
            (b'4', raw) => refused(raw.unwrap_or(Raw::NULL)),
            (b'2' | b'5', Some(raw)) => Says::Event(Event::read(raw, head.id).ok_or(Fault::Json)?),
            (b'3' | b'6', Some(raw)) if raw.is_array() => Says::Ack {
                id: head.id.ok_or(Fault::Head)?,
                args: raw,
            },
            _ => return Err(Fault::Json),
        };
        if matches!(head.kind, b'5' | b'6')
            && !placeholders_fit(raw.unwrap_or(Raw::NULL), self.attachments.len())
        {
            return Err(Fault::Placeholder);
        }
        Ok(Packet {
            namespace: head.namespace,
            says,
        })
    }
}

/// The first argument of an event as JSON, with its bytes as base64: nothing else of them can be JSON.
pub fn payload(event: &Event<'_>, attachments: &[Vec<u8>]) -> String {
    let raw = event.payload();
    if attachments.is_empty() {
        return raw.text().to_owned();
    }
    // One attachment may stand in many places: all of them together are bounded as the attachments are.
    let mut left = ATTACHMENT_BYTES_MAX;
    let mut writer = Writer::new();
    fill(raw, attachments, &mut left, &mut writer);
    writer.finish()
}

/// Writes a value, with bytes where placeholders stand for them. The scanner bounds how deep this goes.
fn fill(raw: Raw<'_>, attachments: &[Vec<u8>], left: &mut usize, w: &mut Writer) {
    if let Some(bytes) = stands_for(raw, attachments) {
        if bytes.len() > *left {
            return w.null();
        }
        *left -= bytes.len();
        let mut text = String::new();
        encode_base64(bytes, &mut text);
        w.string(&text);
    } else if raw.is_object() {
        w.object(|w| {
            raw.members(|name, value| fill(value, attachments, left, w.key(&name.decode())))
        });
    } else if raw.is_array() {
        w.array(|w| raw.elements(|value| fill(value, attachments, left, w)));
    } else {
        w.raw(raw.text());
    }
}

/// The bytes that a placeholder stands for, if it is one.
fn stands_for<'a>(raw: Raw<'_>, attachments: &'a [Vec<u8>]) -> Option<&'a [u8]> {
    raw.member("_placeholder")?
        .bool()
        .filter(|it_does| *it_does)?;
    let number = raw.member("num")?.integer()?;
    let bytes = attachments.get(usize::try_from(number).ok()?)?;
    Some(bytes)
}

/// A refusal is an object, or the bare words of a server in Python.
fn refused(raw: Raw<'_>) -> Says<'_> {
    let message = raw.string().or_else(|| raw.member("message")?.string());
    Says::Refused {
        message: message.map(Text::decode).unwrap_or_default(),
        data: raw.member("data").unwrap_or(Raw::NULL),
    }
}

/// Has every placeholder an attachment? The scanner bounds how deep this goes.
fn placeholders_fit(raw: Raw<'_>, count: usize) -> bool {
    let (mut stands_for_bytes, mut number) = (false, None);
    let mut fit = true;
    raw.members(|name, value| {
        if name.is("_placeholder") {
            stands_for_bytes = value.bool() == Some(true);
        } else if name.is("num") {
            number = value.integer();
        }
        fit = fit && placeholders_fit(value, count);
    });
    raw.elements(|value| fit = fit && placeholders_fit(value, count));
    match stands_for_bytes {
        true => number.is_some_and(|number| usize::try_from(number).is_ok_and(|at| at < count)),
        false => fit,
    }
}

/// What is kept of a namespace, so that the next connection goes on where the last one ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bookmark {
    pid: Option<String>,
    offset: Option<String>,
}

impl Bookmark {
    /// Asks for the namespace, with what the app's server wants to know: an object.
    pub fn connect(&self, namespace: &str, auth: Option<Raw<'_>>) -> String {
        let mut out = begin(b'0', &To::namespace(namespace));
        if let Some(pid) = &self.pid {
            let mut writer = Writer::new();
            writer.object(|w| {
                w.key("pid").string(pid);
                if let Some(offset) = &self.offset {
                    w.key("offset").string(offset);
                }
                if let Some(auth) = auth {
                    auth.members(|name, value| w.key(&name.decode()).raw(value.text()));
                }
            });
            out.push_str(&writer.finish());
        } else if let Some(auth) = auth {
            out.push_str(auth.text());
        }
        out
    }

    /// The namespace is connected. What was said before on this connection is passed on only now.
    pub fn connected(&mut self, pid: Option<&str>) -> Recovery {
        // A server that cannot go on gives another name.
        if pid.is_some() && self.pid.as_deref() == pid && self.offset.is_some() {
            return Recovery::Resumed;
        }
        let had = self.pid.is_some();
        *self = Bookmark {
            pid: pid.map(str::to_owned),
            offset: None,
        };
        if had {
            Recovery::Impossible
        } else {
            Recovery::NotAsked
        }
    }

    /// An event is passed on, after the namespace was connected: remembers where we are with it, and
    /// takes that from the event.
    pub fn passed(&mut self, event: &mut Event<'_>) {
        if self.pid.is_some()
            && let Some(offset) = event.take_offset()
        {
            self.offset = Some(offset.into_owned());
        }
    }
}

/// Where something goes, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct To<'a> {
    /// The namespace.
    pub namespace: &'a str,
    /// The number of the answer: of the one that is wanted, or of the one that is given.
    pub id: Option<u64>,
    /// How many frames of bytes follow.
    pub attachments: usize,
}

impl<'a> To<'a> {
    /// To a namespace, without a number and without bytes.
    pub fn namespace(namespace: &'a str) -> Self {
        To {
            namespace,
            id: None,
            attachments: 0,
        }
    }
}

/// Tells of something. Each argument is JSON; where one has bytes, it has a [`placeholder`].
pub fn event(to: &To<'_>, name: &str, args: &[&str]) -> String {
    list(
        if to.attachments == 0 { b'2' } else { b'5' },
        to,
        Some(name),
        args,
    )
}

/// Answers something.
pub fn ack(to: &To<'_>, args: &[&str]) -> String {
    list(
        if to.attachments == 0 { b'3' } else { b'6' },
        to,
        None,
        args,
    )
}

/// Leaves a namespace.
pub fn disconnect(namespace: &str) -> String {
    begin(b'1', &To::namespace(namespace))
}

/// What stands for the attachment of that number.
pub fn placeholder(number: u64) -> String {
    let mut writer = Writer::new();
    writer.object(|w| {
        w.key("_placeholder").bool(true);
        w.key("num").number(number);
    });
    writer.finish()
}

fn list(kind: u8, to: &To<'_>, name: Option<&str>, args: &[&str]) -> String {
    let mut writer = Writer::new();
    writer.array(|w| {
        if let Some(name) = name {
            w.string(name);
        }
        for arg in args {
            w.raw(arg);
        }
    });
    let mut out = begin(kind, to);
    out.push_str(&writer.finish());
    out
}

fn begin(kind: u8, to: &To<'_>) -> String {
    let mut out = String::from("4");
    out.push(char::from(kind));
    if to.attachments > 0 {
        push_number(&mut out, to.attachments as u64);
        out.push('-');
    }
    if to.namespace != ROOT {
        out.push_str(to.namespace);
        out.push(',');
    }
    if let Some(id) = to.id {
        push_number(&mut out, id);
    }
    out
}

#[cfg(test)]
mod tests;
