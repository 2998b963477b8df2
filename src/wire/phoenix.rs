//! Phoenix channels, versions 2.0.0 and 1.0.0 of their messages.
//!
//! A message has a topic, an event and a payload, a reference by which it is answered, and the reference of
//! the join that it belongs to. The second version writes them as an array, or as bytes with the length of
//! each part before them; the first as an object. We say all as text, and a reference is the number of a
//! request.
//!
//! Signs of life are ours to ask for; the server closes after a minute without a word from us.

pub mod session;

use std::borrow::Cow;

use super::engineio::{self, Fault, encode_base64};
use super::json::{self, Raw, Text, Writer};
use super::{Capabilities, CloseRule, Heartbeat, Presence, Resume, RoomCan};
use crate::engine::http;
use crate::engine::ids::number_text;
use crate::engine::limits::{ANSWER_BYTES_MAX, PACKET_BYTES_MAX};
use crate::engine::text;

/// Of a server of the app's own.
pub const CAPABILITIES: Capabilities = Capabilities {
    resume: Resume::No,
    heartbeat: Heartbeat::Us,
    acks: true,
    clock: false,
    renews: false,
    room: RoomCan {
        presence: Presence::Others,
        ..RoomCan::NONE
    },
};

/// What the close codes of the socket mean: nothing of this protocol's own. A server that cannot read us says
/// 1011, which is a lost connection like any other.
pub const CLOSES: &[CloseRule] = engineio::CLOSES;

/// Where a socket is behind the mount of the server, and where requests go.
const SOCKET: &str = "/websocket";
const POLL: &str = "/longpoll";

/// The topic of the signs of life.
const LIFE: &str = "phoenix";

/// A reference that is no number. None of ours is.
const FOREIGN: u64 = u64::MAX;

/// A message of the server.
#[derive(Clone, Debug, PartialEq)]
pub struct Message<'a> {
    /// The join that it belongs to. What is told to everybody belongs to none.
    pub join: Option<u64>,
    /// What it answers, or the join that ends with it.
    pub reference: Option<u64>,
    /// The topic.
    pub topic: Cow<'a, str>,
    /// What it says.
    pub says: Says<'a>,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq)]
pub enum Says<'a> {
    /// The answer to what we said.
    Reply {
        /// Whether it is a yes.
        ok: bool,
        /// What came with it; nothing that can be read if it is bytes.
        response: Raw<'a>,
    },
    /// Something happened.
    Event(Cow<'a, str>, Payload<'a>),
    /// The same, said by another client through the server, by a name that means nothing to the server, and what
    /// the server says of it.
    Broadcast(Cow<'a, str>, Payload<'a>, Raw<'a>),
}

/// What comes with an event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Payload<'a> {
    /// JSON.
    Json(Raw<'a>),
    /// Bytes.
    Bytes(&'a [u8]),
}

impl<'a> Payload<'a> {
    /// As JSON. Bytes become a text of base64.
    pub fn json(self) -> Cow<'a, str> {
        match self {
            Payload::Json(raw) => Cow::Borrowed(raw.text()),
            Payload::Bytes(bytes) => {
                let mut out = String::from("\"");
                encode_base64(bytes, &mut out);
                out.push('"');
                Cow::Owned(out)
            }
        }
    }
}

/// Reads a frame of text, in whichever version it is.
pub fn read(frame: &[u8]) -> Result<Message<'_>, Fault> {
    // The size is looked at first: nothing of any size is walked over.
    if frame.len() > PACKET_BYTES_MAX {
        return Err(Fault::TooLarge);
    }
    let text = std::str::from_utf8(frame).map_err(|_| Fault::NotText)?;
    let raw = json::parse(text).map_err(|_| Fault::Json)?;
    // As the array has them. More elements are a newer server's business.
    let mut parts = [Raw::NULL; 5];
    let mut count = 0;
    raw.elements(|element| {
        if let Some(part) = parts.get_mut(count) {
            *part = element;
        }
        count += 1;
    });
    raw.members(|name, value| {
        let names = ["join_ref", "ref", "topic", "event", "payload"];
        if let Some(at) = names.iter().position(|known| name.is(known))
            && let Some(part) = parts.get_mut(at)
        {
            *part = value;
        }
    });
    let [join, reference, topic, event, payload] = parts;
    let (Some(topic), Some(event)) = (word(topic), word(event)) else {
        return Err(Fault::Head);
    };
    let says = match &*event {
        "phx_reply" => Says::Reply {
            ok: payload
                .member("status")
                .and_then(Raw::string)
                .is_some_and(|status| status.is("ok")),
            response: payload.member("response").unwrap_or(Raw::NULL),
        },
        _ => Says::Event(event, Payload::Json(payload)),
    };
    Ok(Message {
        join: word(join).as_deref().map(number),
        reference: word(reference).as_deref().map(number),
        topic,
        says,
    })
}

fn word(raw: Raw<'_>) -> Option<Cow<'_, str>> {
    raw.string().map(Text::decode)
}

fn number(word: &str) -> u64 {
    text::number(word).unwrap_or(FOREIGN)
}

/// The address of requests, of a server whose socket is at this one.
pub fn poll_url(url: &str) -> String {
    let url = http::door(url, "");
    let (path, query) = text::cut(&url, b"?").unwrap_or((&url, ""));
    let mount = path.strip_suffix(SOCKET).unwrap_or(path);
    let mark = if query.is_empty() { "" } else { "?" };
    text::concat(&[mount, POLL, mark, query])
}

/// What an answer to a request means and has, over requests: the status of HTTP is always 200.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer<'a> {
    /// The status that is meant.
    pub status: u64,
    /// By which name requests belong to the connection from now on.
    pub session: Option<Text<'a>>,
    /// Frames of text, each as a string.
    pub messages: Raw<'a>,
}

impl<'a> Answer<'a> {
    /// Reads it.
    pub fn read(body: &'a [u8]) -> Result<Self, Fault> {
        if body.len() > ANSWER_BYTES_MAX {
            return Err(Fault::TooLarge);
        }
        let text = std::str::from_utf8(body).map_err(|_| Fault::NotText)?;
        let raw = json::parse(text).map_err(|_| Fault::Json)?;
        let status = raw.member("status").and_then(Raw::integer);
        Ok(Answer {
            status: status.ok_or(Fault::Head)?,
            session: raw.member("token").and_then(Raw::string),
            messages: raw.member("messages").unwrap_or(Raw::NULL),
        })
    }
}

/// Reads a frame of bytes. Each length is one byte, and none is believed before there is as much.
pub fn read_bytes(frame: &[u8]) -> Result<Message<'_>, Fault> {
    if frame.len() > PACKET_BYTES_MAX {
        return Err(Fault::TooLarge);
    }
    let mut rest = frame;
    let [kind] = *take(&mut rest, 1)? else {
        return Err(Fault::Head);
    };
    // How many parts have a length, and whether the bytes say what they are.
    let (count, has_encoding) = match kind {
        0 => (3, false),
        1 => (4, false),
        2 => (2, false),
        4 => (3, true),
        _ => return Err(Fault::Type),
    };
    let lengths = take(&mut rest, count)?;
    let encoding = match has_encoding {
        true => take(&mut rest, 1)?,
        false => &[],
    };
    let mut parts = [""; 4];
    for (part, length) in parts.iter_mut().zip(lengths) {
        let bytes = take(&mut rest, (*length).into())?;
        *part = std::str::from_utf8(bytes).map_err(|_| Fault::NotText)?;
    }
    let payload = match encoding {
        [1] => {
            let text = std::str::from_utf8(rest).map_err(|_| Fault::NotText)?;
            Payload::Json(json::parse(text).map_err(|_| Fault::Json)?)
        }
        _ => Payload::Bytes(rest),
    };
    let [a, b, c, d] = parts;
    let message = |join, reference, topic, says| Message {
        join,
        reference,
        topic: Cow::Borrowed(topic),
        says,
    };
    Ok(match kind {
        0 => message(Some(number(a)), None, b, Says::Event(c.into(), payload)),
        1 => {
            let says = Says::Reply {
                ok: d == "ok",
                response: Raw::NULL,
            };
            message(Some(number(a)), Some(number(b)), c, says)
        }
        2 => message(None, None, a, Says::Event(b.into(), payload)),
        _ => {
            // Only what can be told again has such a word, and that comes all the same.
            let of = json::parse(c).unwrap_or(Raw::NULL);
            message(None, None, a, Says::Broadcast(b.into(), payload, of))
        }
    })
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Fault> {
    let (taken, after) = rest.split_at_checked(length).ok_or(Fault::Head)?;
    *rest = after;
    Ok(taken)
}

/// A message of ours.
#[derive(Clone, Copy, Debug)]
pub struct Say<'a> {
    /// The join that it belongs to.
    pub join: Option<u64>,
    /// The number of the request.
    pub reference: u64,
    /// The topic.
    pub topic: &'a str,
    /// The event.
    pub event: &'a str,
    /// The payload, as JSON.
    pub payload: &'a str,
}

impl Say<'_> {
    /// Writes it, in the first version or in the second.
    pub fn write(&self, first_version: bool) -> String {
        let join = self.join.map(number_text);
        let reference = number_text(self.reference);
        let mut writer = Writer::new();
        if first_version {
            writer.object(|w| {
                w.key("topic").string(self.topic);
                w.key("event").string(self.event);
                w.key("payload").raw(self.payload);
                w.key("ref").string(&reference);
                if let Some(join) = &join {
                    w.key("join_ref").string(join);
                }
            });
        } else {
            writer.array(|w| {
                match &join {
                    Some(join) => w.string(join),
                    None => w.null(),
                }
                w.string(&reference);
                w.string(self.topic);
                w.string(self.event);
                w.raw(self.payload);
            });
        }
        writer.finish()
    }
}

/// Asks for a sign of life.
pub fn heartbeat(number: u64, first_version: bool) -> String {
    let say = Say {
        join: None,
        reference: number,
        topic: LIFE,
        event: "heartbeat",
        payload: "{}",
    };
    say.write(first_version)
}

#[cfg(test)]
mod tests;
