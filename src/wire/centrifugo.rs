//! The JSON protocol of Centrifugo, as its versions 4 to 6 speak it.
//!
//! A frame is one message, or several on a line each. What we say is a command with a number, and is answered
//! under it; what the server says by itself is a push. An empty message is a sign of life, which the server
//! gives, and which is answered if it said so.
//!
//! Members that are zero, false or empty are left out everywhere.

mod delta;
pub mod fossil;
mod refusal;
pub mod session;
mod topic;

use std::borrow::Cow;

use super::engineio::Fault;
use super::json::{self, Raw, Text, Writer};
use super::{Capabilities, CloseMeans, CloseRule, Ends, Heartbeat, Resume, RoomCan};
use crate::engine::ids::{Position, Seq};
use crate::engine::limits::{CENTRIFUGO_FRAME_BYTES_MAX, EPOCH_BYTES_MAX};
use crate::engine::text;

/// What the protocol can.
pub const CAPABILITIES: Capabilities = Capabilities {
    resume: Resume::Positions,
    heartbeat: Heartbeat::Server,
    acks: true,
    clock: false,
    renews: true,
    room: RoomCan::NONE,
};

/// What the close codes of the socket mean: from 3500 and from 4500 on the server wants nobody back. Any
/// other means a lost connection.
pub const CLOSES: &[CloseRule] = &[
    // The token is none, has ended, or is not to be used any more.
    CloseRule::one(3500, CloseMeans::Unauthorized),
    CloseRule::one(3005, CloseMeans::Unauthorized),
    CloseRule::one(3014, CloseMeans::Unauthorized),
    CloseRule {
        from: 3500,
        to: 3999,
        means: CloseMeans::Final,
    },
    CloseRule {
        from: 4500,
        to: 4999,
        means: CloseMeans::Final,
    },
    // It shuts down, or moves its clients.
    CloseRule::one(3001, CloseMeans::GoingAway),
    CloseRule::one(3011, CloseMeans::GoingAway),
    CloseRule::one(1001, CloseMeans::GoingAway),
    CloseRule::one(1012, CloseMeans::GoingAway),
    CloseRule::one(1009, CloseMeans::TooLarge),
];

/// The sign of life that answers one.
pub const PONG: &str = "{}";

/// What we are called where the server lists its clients.
const NAME: &str = "everfresh";

/// A message of the server.
#[derive(Clone, Debug, PartialEq)]
pub enum Message<'a> {
    /// A sign of life.
    Life,
    /// The answer to the command of this number.
    Reply(u64, Result<Raw<'a>, Failure<'a>>),
    /// Something that nobody asked for.
    Push(Push<'a>),
    /// What a newer server may say.
    Other,
}

/// Why a command was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure<'a> {
    /// The number of the reason.
    pub code: u64,
    /// For reading by people.
    pub message: Cow<'a, str>,
    /// The same command may be answered otherwise later.
    pub temporary: bool,
}

/// Something that nobody asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Push<'a> {
    /// The channel; empty if it is of the connection.
    pub channel: Cow<'a, str>,
    /// What it is.
    pub kind: Cow<'a, str>,
    /// What comes with it.
    pub body: Raw<'a>,
}

/// How a channel stands, as the server says it.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscription<'a> {
    /// Where it is, if the server numbers what it tells. After a recovery that is where it began.
    pub position: Option<Position>,
    /// What was missed is told with it.
    pub recovered: bool,
    /// That, or the newest of it.
    pub publications: Raw<'a>,
    /// Every payload is told as a text from now on, of JSON or of what is new of it.
    pub delta: bool,
}

/// Hands out the messages of a frame, in order.
pub fn read<'a>(
    frame: &'a [u8],
    each: &mut dyn FnMut(Message<'a>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    // The size is looked at first: nothing of any size is walked over.
    if frame.len() > CENTRIFUGO_FRAME_BYTES_MAX {
        return Err(Fault::TooLarge);
    }
    let mut rest = std::str::from_utf8(frame).map_err(|_| Fault::NotText)?;
    while !rest.is_empty() {
        let line = text::piece(&mut rest, b"\n").trim_ascii();
        if !line.is_empty() {
            each(read_message(line)?)?;
        }
    }
    Ok(())
}

fn read_message(line: &str) -> Result<Message<'_>, Fault> {
    let (mut number, mut error, mut push, mut body) = (None, None, None, None);
    let mut empty = true;
    let walked = json::members(line, |name, value| {
        empty = false;
        if name.is("id") {
            number = value.integer();
        } else if name.is("error") {
            error = Some(value);
        } else if name.is("push") {
            push = Some(value);
        } else {
            body = Some(value);
        }
    });
    walked.map_err(|_| Fault::Json)?;
    Ok(match (number, push) {
        _ if empty => Message::Life,
        (Some(number), _) => Message::Reply(
            number,
            match error {
                Some(error) => Err(failure(error)),
                None => Ok(body.unwrap_or(Raw::NULL)),
            },
        ),
        (None, Some(push)) => read_push(push).map_or(Message::Other, Message::Push),
        (None, None) => Message::Other,
    })
}

fn failure(error: Raw<'_>) -> Failure<'_> {
    Failure {
        code: number(error, "code"),
        message: word(error, "message"),
        temporary: is_true(error, "temporary"),
    }
}

fn read_push(push: Raw<'_>) -> Option<Push<'_>> {
    let mut channel = Cow::Borrowed("");
    let mut what = None;
    push.members(|name, value| {
        if name.is("channel") {
            channel = value.string().map(Text::decode).unwrap_or_default();
        } else if value.is_object() {
            what = Some((name.decode(), value));
        }
    });
    let (kind, body) = what?;
    Some(Push {
        channel,
        kind,
        body,
    })
}

impl<'a> Subscription<'a> {
    /// Reads how a channel stands.
    pub fn read(raw: Raw<'a>) -> Self {
        let epoch = word(raw, "epoch");
        let numbered = is_true(raw, "positioned") || is_true(raw, "recoverable");
        Subscription {
            // It is kept for every channel, so that it may not be of any size.
            position: (numbered && epoch.len() <= EPOCH_BYTES_MAX)
                .then(|| Position::new(&epoch, Seq(number(raw, "offset")))),
            recovered: is_true(raw, "recovered"),
            publications: raw.member("publications").unwrap_or(Raw::NULL),
            delta: is_true(raw, "delta"),
        }
    }
}

/// The number of a publication in its channel, if it has one.
pub fn offset(publication: Raw<'_>) -> Option<Seq> {
    publication.member("offset")?.integer().map(Seq)
}

/// For how long the server accepts a token, if it does not for ever.
pub fn ends(raw: Raw<'_>) -> Option<Ends> {
    life_ms(raw).map(Ends::In)
}

/// The same in milliseconds.
pub fn life_ms(raw: Raw<'_>) -> Option<u64> {
    is_true(raw, "expires").then(|| number(raw, "ttl").saturating_mul(1000))
}

/// The text of a member; empty if there is none.
pub fn word<'a>(raw: Raw<'a>, name: &str) -> Cow<'a, str> {
    let text = raw.member(name).and_then(Raw::string);
    text.map(Text::decode).unwrap_or_default()
}

/// The number of a member; zero if there is none.
pub fn number(raw: Raw<'_>, name: &str) -> u64 {
    raw.member(name).and_then(Raw::integer).unwrap_or(0)
}

/// Whether a member is true.
pub fn is_true(raw: Raw<'_>, name: &str) -> bool {
    raw.member(name).and_then(Raw::bool) == Some(true)
}

fn command(id: u64, method: &str, inside: impl FnOnce(&mut Writer)) -> String {
    let mut writer = Writer::new();
    writer.object(|w| {
        w.key("id").number(id);
        w.key(method).object(inside);
    });
    writer.finish()
}

/// Says who we are: the first command. `marks` are the places up to which channels are known that the server
/// gives us by itself.
pub fn connect<'a>(
    id: u64,
    token: Option<&str>,
    data: Option<&str>,
    marks: impl Iterator<Item = (&'a str, &'a Position)>,
) -> String {
    let mut marks = marks.peekable();
    command(id, "connect", |w| {
        if let Some(token) = token {
            w.key("token").string(token);
        }
        if let Some(data) = data {
            w.key("data").raw(data);
        }
        w.key("name").string(NAME);
        if marks.peek().is_some() {
            w.key("subs").object(|w| {
                for (channel, position) in marks {
                    w.key(channel).object(|w| recover(w, position));
                }
            });
        }
    })
}

fn recover(w: &mut Writer, position: &Position) {
    w.key("recover").bool(true);
    w.key("epoch").string(position.epoch.as_str());
    w.key("offset").number(position.seq.0);
}

/// How a channel is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subscribe<'a> {
    /// From where on.
    pub position: Option<&'a Position>,
    /// Its own token, if it has one.
    pub token: Option<&'a str>,
    /// Who comes and goes is to be told.
    pub presence: bool,
    /// Payloads may be told as what is new of each.
    pub delta: bool,
}

/// Asks for a channel.
pub fn subscribe(id: u64, channel: &str, how: Subscribe<'_>) -> String {
    command(id, "subscribe", |w| {
        w.key("channel").string(channel);
        if let Some(token) = how.token {
            w.key("token").string(token);
        }
        if let Some(position) = how.position {
            recover(w, position);
        }
        w.key("positioned").bool(true);
        w.key("recoverable").bool(true);
        if how.presence {
            w.key("join_leave").bool(true);
        }
        if how.delta {
            w.key("delta").string(fossil::NAME);
        }
    })
}

/// Asks who is on a channel.
#[cfg(feature = "rooms")]
pub fn presence(id: u64, channel: &str) -> String {
    command(id, "presence", |w| w.key("channel").string(channel))
}

/// Gives a channel back.
pub fn unsubscribe(id: u64, channel: &str) -> String {
    command(id, "unsubscribe", |w| w.key("channel").string(channel))
}

/// Gives a new token, on a connection that goes on.
pub fn refresh(id: u64, token: &str) -> String {
    command(id, "refresh", |w| w.key("token").string(token))
}

/// The same of a channel's token.
pub fn sub_refresh(id: u64, channel: &str, token: &str) -> String {
    command(id, "sub_refresh", |w| {
        w.key("channel").string(channel);
        w.key("token").string(token);
    })
}

#[cfg(test)]
mod tests;
