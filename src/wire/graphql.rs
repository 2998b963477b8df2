//! `graphql-transport-ws`: subscriptions of GraphQL over a WebSocket, as the npm package `graphql-ws` speaks it.
//!
//! A channel is a subscription that the app wrote down, and each result of it is an event. The server does not
//! answer to a subscription that it takes, so one is had as soon as it was asked for, and a refusal comes after
//! that. Nothing is resumed: a new connection begins with a gap.
//!
//! A subscription has a number of its own each time it is asked for. What comes of one that was given back is
//! nobody's.

use std::borrow::Cow;

use super::json::{self, Raw, Text, Writer};
use super::plain::form::Names;
use super::token::{is_about_who, with_member};
use super::{
    Ask, Capabilities, CloseMeans, CloseRule, Event, Heard, Heartbeat, Protocol, Recovery, Refusal,
    Resume, RoomCan, Want,
};
use crate::engine::backend::graphql::GraphQl;
use crate::engine::ids::{RequestId, number_text};
use crate::engine::key::field;
use crate::engine::limits::{GRAPHQL_HEARTBEAT, PACKET_BYTES_MAX};
use crate::engine::map::Map;
use crate::engine::text;

/// The subprotocol. The older one of a like name is another protocol.
pub const SUBPROTOCOL: &str = "graphql-transport-ws";

/// What the protocol can.
pub const CAPABILITIES: Capabilities = Capabilities {
    resume: Resume::No,
    heartbeat: Heartbeat::Us,
    acks: false,
    clock: false,
    renews: false,
    room: RoomCan::NONE,
};

/// What the close codes mean. Any other means a lost connection: one that is tried again costs a dial, one that
/// is not would cost the page its updates.
pub const CLOSES: &[CloseRule] = &[
    // What was said first did not come before the rest, or is not accepted.
    CloseRule::one(4401, CloseMeans::Unauthorized),
    CloseRule::one(4403, CloseMeans::Unauthorized),
    // The server does not understand us, or speaks something else.
    CloseRule::one(4400, CloseMeans::Final),
    CloseRule::one(4406, CloseMeans::Final),
    CloseRule::one(1001, CloseMeans::GoingAway),
    CloseRule::one(1012, CloseMeans::GoingAway),
    CloseRule::one(1008, CloseMeans::Final),
    CloseRule::one(1009, CloseMeans::TooLarge),
];

/// What is known of the subscriptions of a connection.
#[derive(Debug)]
pub struct Session {
    with: GraphQl,
    welcomed: bool,
    /// The number of our question for a sign of life that is not answered.
    asked: Option<u64>,
    /// The number under which each channel was asked for last.
    channels: Map<Box<str>, u64>,
    news: Vec<Heard<'static>>,
}

impl Session {
    /// Nothing is subscribed, of a server of which this is known.
    pub fn new(with: &GraphQl) -> Session {
        Session {
            with: with.clone(),
            welcomed: false,
            asked: None,
            channels: Map::new(),
            news: Vec::new(),
        }
    }

    fn message<'a>(&mut self, raw: Raw<'a>, heard: &mut Vec<Heard<'a>>) {
        let kind = raw.member("type").and_then(Raw::string).map(Text::decode);
        let payload = raw.member("payload").unwrap_or(Raw::NULL);
        match kind.as_deref() {
            Some("connection_ack") if !self.welcomed => {
                self.welcomed = true;
                heard.push(Heard::Welcome {
                    ping_ms: GRAPHQL_HEARTBEAT.0,
                    timeout_ms: None,
                    session: None,
                    now_ms: None,
                    ends: None,
                    room: RoomCan::NONE,
                });
            }
            Some("ping") => heard.push(Heard::Ping { number: 0 }),
            Some("pong") => match self.asked.take() {
                Some(number) => heard.push(Heard::Pong { number }),
                None => heard.push(Heard::Unknown),
            },
            Some(kind @ ("next" | "error" | "complete")) => {
                let id = raw.member("id").and_then(Raw::string).map(Text::decode);
                let id = id.and_then(|id| text::number(&id));
                let Some(channel) = id.and_then(|id| self.channel_of(id)) else {
                    heard.push(Heard::Unknown);
                    return;
                };
                self.said(kind, channel, payload, heard);
            }
            Some(_) => heard.push(Heard::Unknown),
            None => heard.push(Heard::Malformed("a message without a type")),
        }
    }

    fn channel_of(&self, id: u64) -> Option<String> {
        let (name, _) = self.channels.iter().find(|(_, have)| **have == id)?;
        Some(name.to_string())
    }

    fn said<'a>(
        &mut self,
        kind: &str,
        channel: String,
        payload: Raw<'a>,
        heard: &mut Vec<Heard<'a>>,
    ) {
        // Errors without any data are no result: a server that throws as it begins a subscription says so.
        let errors = payload.member("errors").filter(|errors| errors.is_array());
        let errors = errors.filter(|_| payload.member("data").is_none());
        if kind == "next" && errors.is_none() {
            let Some(with) = self.with.channel(&channel) else {
                return;
            };
            // What could not be resolved in it may be what is shown: it is told all the same.
            let data = payload.member("data").unwrap_or(Raw::NULL);
            let data = match with.data() {
                "" => data,
                path => field(data, path).unwrap_or(Raw::NULL),
            };
            let name = Cow::Owned(with.event().to_owned());
            let data = Cow::Borrowed(data.text());
            heard.push(Heard::Event(Event::plain(channel, name, data)));
            return;
        }
        self.channels.remove(&*channel);
        if kind == "complete" {
            heard.push(Heard::Unsubscribed {
                request: None,
                channel,
            });
            return;
        }
        let refusal = refusal(channel, errors.unwrap_or(payload));
        let channel = refusal.channel.as_deref().unwrap_or("");
        heard.push(Refusal::told(channel, &refusal.code, &refusal.message));
        heard.push(Heard::Refused(refusal));
    }
}

impl Protocol for Session {
    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn closes(&self) -> &'static [CloseRule] {
        CLOSES
    }

    fn subprotocol(&self) -> &'static str {
        SUBPROTOCOL
    }

    fn begin(&mut self) {
        self.welcomed = false;
        self.asked = None;
        self.channels = Map::new();
        self.news.clear();
    }

    fn hello(&mut self, token: Option<&str>) -> String {
        let payload = match &self.with.connect {
            Some(form) => Some(form.fill(Names {
                token: token.unwrap_or(""),
                channel: "",
            })),
            None => with_member(None, token.map(|token| ("token", token))),
        };
        say("connection_init", None, |w| {
            if let Some(payload) = payload {
                w.key("payload").raw(&payload);
            }
        })
    }

    fn read<'a>(&mut self, frame: &'a [u8], heard: &mut Vec<Heard<'a>>) {
        if frame.len() > PACKET_BYTES_MAX {
            heard.push(Heard::Malformed("frame too large"));
            return;
        }
        let raw = std::str::from_utf8(frame).ok().map(json::parse);
        match raw {
            Some(Ok(raw)) if raw.is_object() => self.message(raw, heard),
            _ => heard.push(Heard::Malformed("a frame that is no object")),
        }
    }

    fn ask(&mut self, want: &Want<'_>) -> Ask {
        let Some(channel) = self.with.channel(want.channel) else {
            return Ask::Unanswered;
        };
        let frame = say("subscribe", Some(want.id), |w| {
            channel.write(w.key("payload"))
        });
        // What is under another number still would be told twice.
        if let Some(old) = self.channels.insert(want.channel.into(), want.id.0) {
            let frame = say("complete", Some(RequestId(old)), |_| {});
            self.news.push(Heard::Say(frame));
        }
        self.news.push(Heard::Say(frame));
        self.news.push(Heard::Subscribed {
            request: None,
            channel: want.channel.to_owned(),
            position: None,
            recovery: Recovery::Impossible,
        });
        Ask::Known
    }

    fn give_back(&mut self, _id: RequestId, channel: &str) -> Option<String> {
        let id = self.channels.remove(channel)?;
        Some(say("complete", Some(RequestId(id)), |_| {}))
    }

    fn news(&mut self) -> Vec<Heard<'static>> {
        std::mem::take(&mut self.news)
    }

    fn ping(&mut self, number: u64) -> Option<String> {
        self.asked = Some(number);
        Some(say("ping", None, |_| {}))
    }

    fn pong(&self) -> String {
        say("pong", None, |_| {})
    }
}

/// Writes a message. A subscription's number is a string.
fn say(kind: &str, id: Option<RequestId>, rest: impl FnOnce(&mut Writer)) -> String {
    let mut writer = Writer::new();
    writer.object(|w| {
        if let Some(RequestId(id)) = id {
            w.key("id").string(&number_text(id));
        }
        w.key("type").string(kind);
        rest(w);
    });
    writer.finish()
}

/// Why the server refuses a subscription: the first of its errors, in our words. `extensions.code` is what most
/// servers say; without it what the server says of a query that is wrong has a place in its text.
fn refusal(channel: String, errors: Raw<'_>) -> Refusal {
    let mut first = None;
    errors.elements(|error| {
        first.get_or_insert(error);
    });
    let first = first.unwrap_or(Raw::NULL);
    let message = first.member("message").and_then(Raw::string);
    let message = message.map(Text::decode).unwrap_or_default();
    let code = first
        .member("extensions")
        .and_then(|more| more.member("code"));
    let code = code.and_then(Raw::string).map(Text::decode);
    let code = match code.as_deref() {
        Some("UNAUTHENTICATED") => "unauthorized",
        Some("FORBIDDEN") => "forbidden",
        Some("GRAPHQL_PARSE_FAILED" | "GRAPHQL_VALIDATION_FAILED" | "BAD_USER_INPUT") => {
            "bad_request"
        }
        Some(_) => "internal",
        None if is_about_who(&message) => "unauthorized",
        None if first.member("locations").is_some() && first.member("path").is_none() => {
            "bad_request"
        }
        None => "internal",
    };
    Refusal {
        request: None,
        channel: Some(channel),
        code: code.to_owned(),
        message: message.into_owned(),
        retry_after_ms: None,
    }
}

#[cfg(test)]
mod tests;
