//! Wires: bytes to meaning and back, one file a protocol.
//!
//! A wire knows no socket, no timer and no policy. It says what a frame means ([`Heard`]) and
//! writes what the engine wants to say. What a protocol cannot do is told by its
//! [`Capabilities`], so that the engine keeps its promises by other means.

/// What our own protocol has, or what another says.
macro_rules! either {
    ($wire:expr, $native:expr, $other:ident => $said:expr) => {
        match $wire {
            Wire::Native => $native,
            #[cfg(feature = "other")]
            Wire::Other($other) => $said,
        }
    };
}

mod capabilities;
pub mod carried;
#[cfg(feature = "centrifugo")]
pub mod centrifugo;
#[cfg(all(feature = "rooms", any(feature = "phoenix", feature = "centrifugo")))]
mod crowd;
#[cfg(feature = "other")]
pub mod engineio;
#[cfg(feature = "plain")]
pub mod graphql;
#[cfg(all(test, feature = "wires"))]
pub mod harmed;
pub mod json;
pub mod native;
pub mod native_room;
#[cfg(feature = "phoenix")]
pub mod phoenix;
#[cfg(feature = "plain")]
pub mod plain;
#[cfg(feature = "other")]
mod protocol;
#[cfg(all(test, feature = "wires"))]
pub mod recorded;
pub mod relay;
#[cfg(feature = "socketio")]
pub mod socketio;
pub mod sse;
#[cfg(feature = "phoenix")]
pub mod supabase;
#[cfg(feature = "other")]
pub mod token;

use std::borrow::Cow;
use std::fmt;

pub use self::capabilities::{Capabilities, Heartbeat, Presence, Resume, RoomCan};
#[cfg(feature = "other")]
pub use self::protocol::{Protocol, Want};
use crate::engine::backend::Speaks;
use crate::engine::ids::{Position, RequestId, Seq};
#[cfg(any(feature = "phoenix", feature = "centrifugo", feature = "plain"))]
use crate::engine::text;
use crate::engine::time::Wall;
#[cfg(feature = "other")]
use native_room::Said;

/// The protocol that a link speaks. Whoever has one asks what it can, never which it is.
///
/// Our own is called by its name: a module that has no other has no table of functions either.
pub enum Wire {
    /// `fresh.v1`.
    Native,
    /// Any other, with what is known of the connection.
    #[cfg(feature = "other")]
    Other(Box<dyn Protocol>),
}

/// What is shown of this browser on a channel.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The number of the request.
    pub id: RequestId,
    /// The channel.
    pub channel: &'a str,
    /// Its tabs, as a JSON object.
    pub data: Option<&'a str>,
    /// Nobody may see who it is.
    pub anonymous: bool,
    /// Tell us everybody who is there.
    pub everybody: bool,
    /// The name of this tab, which speaks for all of the browser.
    pub tab: &'a str,
}

/// What becomes of a question for a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// The server has to be asked.
    Say(String),
    /// It is known already: [`Wire::news`] has it.
    Known,
    /// It was asked before on this connection and has not answered, and must not be asked twice.
    Unanswered,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(either!(self, "Native", _wire => "Other"))
    }
}

impl Wire {
    /// The protocol that the server speaks.
    pub fn new(speaks: &Speaks) -> Self {
        #[cfg(feature = "other")]
        if let Some(backend) = speaks.backend() {
            return Wire::Other(backend.protocol());
        }
        let _ = speaks;
        // Where nothing is dialled nothing is said.
        Wire::Native
    }

    /// What the protocol can.
    pub fn capabilities(&self) -> Capabilities {
        either!(self, native::CAPABILITIES, wire => wire.capabilities())
    }

    /// What its close codes mean.
    pub fn closes(&self) -> &'static [CloseRule] {
        either!(self, native::CLOSES, wire => wire.closes())
    }

    /// The subprotocol that a socket is opened with; none if it is empty.
    pub fn subprotocol(&self) -> &'static str {
        either!(self, native::SUBPROTOCOL, wire => wire.subprotocol())
    }

    /// The address of a socket, of a server at this address; a few want the token in it.
    pub fn socket_url(&self, url: &str, token: Option<&str>) -> String {
        let _ = token;
        either!(self, url.to_owned(), wire => wire.socket_url(url, token))
    }

    /// A connection is opened. Nothing that was said on the last one counts.
    pub fn begin(&mut self) {
        either!(self, (), wire => wire.begin());
    }

    /// Another person is there: what is known of the last one's session is not for this one.
    pub fn forget_user(&mut self) {
        either!(self, (), wire => wire.forget_user());
    }

    /// Reads a frame of text.
    pub fn read<'a>(&mut self, frame: &'a [u8], heard: &mut Vec<Heard<'a>>) {
        either!(self, native::read(frame, heard), wire => wire.read(frame, heard));
    }

    /// Reads a frame of bytes.
    pub fn read_bytes<'a>(&mut self, frame: &'a [u8], heard: &mut Vec<Heard<'a>>) {
        either!(self, native::read(frame, heard), wire => wire.read_bytes(frame, heard));
    }

    /// What is known of a channel that was asked for, without a frame.
    pub fn news(&mut self) -> Vec<Heard<'static>> {
        either!(self, Vec::new(), wire => wire.news())
    }

    /// Reads the answer to a look whether the server is there: after how many milliseconds it wants to be
    /// dialled.
    pub fn read_alive(&self, body: &[u8]) -> Option<u64> {
        either!(self, native::read_alive(body), _wire => None)
    }

    /// A close code in the words of [`Wire::closes`]: the app may mean more by it than the protocol.
    pub fn close_code(&self, code: u16) -> u16 {
        either!(self, code, wire => wire.close_code(code))
    }

    /// The first message: who we are. It may be that there is none, and that the rest is known then:
    /// [`Wire::news`] has it.
    pub fn hello(&mut self, client: &str, token: Option<&str>) -> String {
        either!(self, native::hello(client, token), wire => wire.hello(token))
    }

    /// Gives a new token, on a connection that goes on. Only of a protocol that can. If it is not
    /// answered, [`Wire::news`] has what there is to know.
    pub fn authorize(&mut self, id: RequestId, token: Option<&str>) -> Vec<String> {
        either!(self, vec![native::authorize(id, token)], wire => wire.authorize(id, token))
    }

    /// Asks for a sign of life. Only of a protocol in which we may.
    pub fn ping(&mut self, number: u64) -> Option<String> {
        either!(self, Some(native::ping(number)), wire => wire.ping(number))
    }

    /// Gives a sign of life.
    pub fn pong(&self, number: u64) -> String {
        either!(self, native::pong(number), wire => wire.pong())
    }

    /// Asks for a channel from a position on, or from where the wire knows that it is, or, of a server that
    /// knows neither, for what it kept of it since a moment.
    pub fn subscribe(
        &mut self,
        id: RequestId,
        channel: &str,
        position: Option<&Position>,
        since: Option<Wall>,
        token: Option<&str>,
    ) -> Ask {
        let _ = (since, token);
        either!(
            self,
            Ask::Say(native::subscribe(id, channel, position)),
            wire => wire.ask(&Want { id, channel, position, since, token })
        )
    }

    /// Gives a new token of a channel that is subscribed. Only of a protocol in which channels have their own.
    #[cfg(feature = "centrifugo")]
    pub fn renew(&mut self, channel: &str, token: &str) -> Option<String> {
        either!(self, None, wire => wire.renew(channel, token))
    }

    /// Shows on a channel what can be seen of this browser; nothing to look without being seen.
    #[cfg(feature = "rooms")]
    pub fn show(&mut self, shown: &Shown<'_>) -> Option<String> {
        either!(self, Some(native_room::show(shown)), wire => wire.show(shown))
    }

    /// Somebody looks who is on a channel, of a protocol in which the wire knows it: [`Wire::news`] has it.
    /// `tab` is the name of this one, which speaks for all of the browser. There may be something to say first.
    #[cfg(all(feature = "rooms", feature = "other"))]
    pub fn look(&mut self, channel: &str, tab: &str, everybody: bool) -> Option<String> {
        either!(self, None, wire => wire.look(channel, tab, everybody))
    }

    /// Nobody here is on a channel any more, and nobody looks.
    #[cfg(feature = "rooms")]
    pub fn leave(&mut self, channel: &str) -> Option<String> {
        either!(self, Some(native_room::leave(channel)), wire => wire.leave(channel))
    }

    /// Gives a channel back. There may be nothing to say.
    pub fn unsubscribe(&mut self, id: RequestId, channel: &str) -> Option<String> {
        either!(
            self,
            Some(native::unsubscribe(id, channel)),
            wire => wire.give_back(id, channel)
        )
    }
}

/// What a frame of the server says. Slices point into the frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard<'a> {
    /// The server knows who we are; the link may be used.
    Welcome {
        /// How often the server gives a sign of life, in milliseconds.
        ping_ms: u64,
        /// After how many milliseconds more it gives us up, if it says so.
        timeout_ms: Option<u64>,
        /// The name of the connection, where it comes with this: [`Heard::Opened`].
        session: Option<String>,
        /// The server's clock.
        now_ms: Option<u64>,
        /// Until when the server accepts our token.
        ends: Option<Ends>,
        /// What it can do about who is there and who may edit what.
        room: RoomCan,
    },
    /// The server accepted a new token.
    Authorized {
        /// The request that this answers.
        request: Option<RequestId>,
        /// Until when it accepts it.
        ends: Option<Ends>,
    },
    /// A channel is subscribed.
    Subscribed {
        /// The request that this answers, if the wire says so. An answer to an older request of
        /// the same channel is recognised by it.
        request: Option<RequestId>,
        /// The channel.
        channel: String,
        /// Where the channel is now, if the wire has positions.
        position: Option<Position>,
        /// What became of the time between the position that was asked for and now.
        recovery: Recovery,
    },
    /// The server names the connection, or names it anew. Who is carried by requests says by it from now on
    /// which connection they belong to, and says who we are then.
    Opened {
        /// The name.
        session: String,
        /// How many bytes the server takes in a request, if it says so.
        bytes_max: Option<u64>,
    },
    /// The server took the token by which a channel is had.
    #[cfg(feature = "centrifugo")]
    Admitted {
        /// The channel.
        channel: String,
        /// For how many milliseconds from now on, if it does not for ever.
        life_ms: Option<u64>,
    },
    /// The server did not take it. Which channel that is about is said.
    #[cfg(feature = "centrifugo")]
    NotAdmitted(Refusal),
    /// Something happened on a channel.
    Event(Event<'a>),
    /// Something on a channel did not come, and cannot be had.
    Gap {
        /// The channel.
        channel: String,
    },
    /// The server tells a channel no more for a reason that has passed: it may be asked at once for what
    /// follows.
    Torn {
        /// The channel.
        channel: String,
    },
    /// A channel is no longer subscribed.
    Unsubscribed {
        /// The request that this answers; none if the server did it by itself.
        request: Option<RequestId>,
        /// The channel.
        channel: String,
    },
    /// The server asks for a sign of life.
    Ping {
        /// To be repeated in the answer.
        number: u64,
    },
    /// The server gave a sign of life.
    Pong {
        /// The number of the question.
        number: u64,
    },
    /// The server will close soon.
    GoAway {
        /// Dial again at a random moment within this many milliseconds.
        spread_ms: u64,
    },
    /// The server refused something.
    Refused(Refusal),
    /// The server refused who we are, or sends us away: the connection is of no use.
    TurnedAway(Refusal),
    /// The protocol wants this said.
    Say(String),
    /// Something about who is there and who may edit what.
    Room(native_room::Said<'a>),
    /// Something that a newer server says and we need not know.
    Unknown,
    /// Not a frame of this protocol.
    Malformed(&'static str),
    /// The same, and nothing that follows it can be read.
    Broken(&'static str),
}

/// When something ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// At this moment of the server's clock, in milliseconds.
    At(u64),
    /// So many milliseconds from now.
    In(u64),
}

/// An event on a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Event<'a> {
    /// The channel it came on.
    pub channel: Cow<'a, str>,
    /// Its number in the channel, if the wire has numbers.
    pub seq: Option<Seq>,
    /// Its name.
    pub name: Cow<'a, str>,
    /// Its payload, as JSON text.
    pub data: Cow<'a, str>,
    /// Which client caused it, if the server says so.
    pub by: Option<Cow<'a, str>>,
    /// When it happened, by the server's clock.
    pub at: Option<u64>,
    /// What it is called by a server that may tell it again.
    #[cfg(feature = "phoenix")]
    pub id: Option<Cow<'a, str>>,
}

#[cfg(feature = "other")]
impl Heard<'_> {
    /// The same, of whatever it was read.
    pub fn into_owned(self) -> Heard<'static> {
        match self {
            Heard::Welcome {
                ping_ms,
                timeout_ms,
                session,
                now_ms,
                ends,
                room,
            } => Heard::Welcome {
                ping_ms,
                timeout_ms,
                session,
                now_ms,
                ends,
                room,
            },
            Heard::Authorized { request, ends } => Heard::Authorized { request, ends },
            Heard::Subscribed {
                request,
                channel,
                position,
                recovery,
            } => Heard::Subscribed {
                request,
                channel,
                position,
                recovery,
            },
            Heard::Opened { session, bytes_max } => Heard::Opened { session, bytes_max },
            #[cfg(feature = "centrifugo")]
            Heard::Admitted { channel, life_ms } => Heard::Admitted { channel, life_ms },
            #[cfg(feature = "centrifugo")]
            Heard::NotAdmitted(refusal) => Heard::NotAdmitted(refusal),
            Heard::Event(event) => Heard::Event(event.into_owned()),
            Heard::Gap { channel } => Heard::Gap { channel },
            Heard::Torn { channel } => Heard::Torn { channel },
            Heard::Unsubscribed { request, channel } => Heard::Unsubscribed { request, channel },
            Heard::Ping { number } => Heard::Ping { number },
            Heard::Pong { number } => Heard::Pong { number },
            Heard::GoAway { spread_ms } => Heard::GoAway { spread_ms },
            Heard::Refused(refusal) => Heard::Refused(refusal),
            Heard::TurnedAway(refusal) => Heard::TurnedAway(refusal),
            Heard::Say(text) => Heard::Say(text),
            Heard::Room(Said::People {
                channel,
                full,
                you,
                join,
                leave,
            }) => Heard::Room(Said::People {
                channel: owned(channel),
                full,
                you: you.map(owned),
                join: owned(join),
                leave: owned(leave),
            }),
            // The rest of it only our own protocol has, which is read where it stands.
            Heard::Room(_) | Heard::Unknown => Heard::Unknown,
            Heard::Malformed(what) => Heard::Malformed(what),
            Heard::Broken(what) => Heard::Broken(what),
        }
    }
}

#[cfg(feature = "other")]
fn owned(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}

impl<'a> Event<'a> {
    /// The same, of whatever it was read.
    #[cfg(feature = "other")]
    #[must_use]
    pub fn into_owned(self) -> Event<'static> {
        Event {
            channel: owned(self.channel),
            seq: self.seq,
            name: owned(self.name),
            data: owned(self.data),
            by: self.by.map(owned),
            at: self.at,
            #[cfg(feature = "phoenix")]
            id: self.id.map(owned),
        }
    }

    /// One of which the server says no more than this.
    #[must_use]
    pub fn plain(channel: String, name: Cow<'a, str>, data: Cow<'a, str>) -> Self {
        Event {
            channel: Cow::Owned(channel),
            seq: None,
            name,
            data,
            by: None,
            at: None,
            #[cfg(feature = "phoenix")]
            id: None,
        }
    }
}

/// What became of the events between the position that was asked for and now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// No position was given: there is nothing to recover.
    NotAsked,
    /// Everything that was missed follows as events.
    Complete,
    /// The same, by a mark of the server's own: no position shows it.
    Resumed,
    /// It cannot be known what was missed.
    Impossible,
}

/// The server refused a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The request that was refused, if the wire says so.
    pub request: Option<RequestId>,
    /// The channel it was about, if it was about one.
    pub channel: Option<String>,
    /// What it said, as a stable word.
    pub code: String,
    /// For reading by people.
    pub message: String,
    /// When to try again, in milliseconds.
    pub retry_after_ms: Option<u64>,
}

#[cfg(any(feature = "phoenix", feature = "centrifugo", feature = "plain"))]
impl Refusal {
    /// What decides about a channel is its code. The words are for the app, whatever is decided.
    fn told(channel: &str, code: &str, words: &str) -> Heard<'static> {
        Heard::Refused(Refusal {
            request: None,
            channel: None,
            code: code.to_owned(),
            message: text::concat(&[words, " (channel ", channel, ")"]),
            retry_after_ms: None,
        })
    }
}

/// What a close code means, in any protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseMeans {
    /// The connection was lost.
    Lost,
    /// The server wants us to come back later; the reason may say when.
    SlowDown,
    /// The server sends everybody away.
    GoingAway,
    /// What was said last is more than the server takes.
    TooLarge,
    /// The server does not accept who we are.
    Unauthorized,
    /// Coming back would be of no use.
    Final,
}

/// What a protocol means by a range of close codes. The first rule that fits counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseRule {
    /// The first code.
    pub from: u16,
    /// The last code.
    pub to: u16,
    /// What they mean.
    pub means: CloseMeans,
}

impl CloseRule {
    /// A rule for one code.
    pub const fn one(code: u16, means: CloseMeans) -> CloseRule {
        CloseRule {
            from: code,
            to: code,
            means,
        }
    }
}
