//! The messages of `fresh.v1`, as docs/protocol.md describes them. Knows no socket and no state.

use axum::extract::ws::Utf8Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::codes::ErrorCode;
use crate::ids::{ChannelName, ClientId, Epoch, EventName, Integer, Millis, Seq};

/// The WebSocket subprotocol.
pub(crate) const SUBPROTOCOL: &str = "fresh.v1";

/// The version that `hello` and `welcome` carry.
pub(crate) const VERSION: u64 = 1;

/// The largest frame that a page may count on being heard.
pub(crate) const PAGE_FRAME_BYTES_MAX: usize = 64 * 1024;

/// The largest frame that the server may send.
pub(crate) const SERVER_FRAME_BYTES_MAX: usize = 1024 * 1024;

/// How deep an event's payload may nest: a page reads messages of 64 levels, and `subd` puts three around it.
/// A page's parser may recurse, so depth is a weapon.
pub(crate) const DATA_DEPTH_MAX: usize = 60;

/// What a page says. Names come as text here, because a bad name is answered with `err` and not with a close.
#[derive(Debug, Deserialize)]
#[serde(tag = "t", rename_all = "lowercase")]
pub(crate) enum PageMessage {
    /// The first message.
    Hello {
        /// The version the page speaks.
        v: u64,
        /// One id a tab.
        client: String,
        /// Who it is, if the server wants to know.
        token: Option<String>,
    },
    /// Another token, on a connection that goes on.
    Auth {
        /// Repeated in the answer.
        id: Integer,
        /// The token.
        token: Option<String>,
    },
    /// Subscribe.
    Sub {
        /// Repeated in the answer.
        id: Integer,
        /// The channel.
        ch: String,
        /// The last position that the page has.
        pos: Option<PagePosition>,
    },
    /// Unsubscribe.
    Unsub {
        /// Repeated in the answer.
        id: Integer,
        /// The channel.
        ch: String,
    },
    /// Be on a channel, and show something there; its `data` is read apart ([`crate::messages::data`]).
    Pres {
        /// Repeated in a refusal; without one a refusal is not said.
        id: Option<Integer>,
        /// The channel.
        ch: String,
        /// Nobody is to know who it is.
        #[serde(default)]
        anon: bool,
        /// Tell everybody who is there.
        #[serde(default)]
        all: bool,
        /// Not any more.
        #[serde(default)]
        leave: bool,
    },
    /// Say something to all that are on a channel now; its `data` is read apart.
    Sig {
        /// The channel.
        ch: String,
        /// What it is.
        name: String,
    },
    /// Ask for a field.
    Lock {
        /// Repeated in the answer.
        id: Integer,
        /// The channel of the field.
        ch: String,
        /// The field.
        key: String,
        /// For how long, in milliseconds.
        ttl: Integer,
        /// The fence of the lease that the page has already.
        fence: Option<Integer>,
    },
    /// Give a field back.
    Unlock {
        /// The channel of the field.
        ch: String,
        /// The field.
        key: String,
        /// The fence of the lease.
        fence: Integer,
    },
    /// Write something; what it says beside is read apart ([`crate::mutation::Mutation`]).
    Mut {
        /// Repeated in the answer.
        id: Integer,
    },
    /// Asks for a sign of life.
    Ping {
        /// Repeated in the `pong`.
        n: Integer,
    },
    /// Answers the server's `ping`.
    Pong {
        /// The number of that `ping`. It decides nothing: any message shows that the page lives.
        #[serde(rename = "n")]
        _n: Integer,
    },
    /// A message of a later version: ignored, so that both sides can grow.
    #[serde(other)]
    Unknown,
}

/// A position as a page sends it: its epoch may be any text, and then simply is not ours.
#[derive(Debug, Deserialize)]
pub(crate) struct PagePosition {
    /// The epoch.
    pub(crate) e: String,
    /// The number of the last event.
    pub(crate) s: Seq,
}

/// The parts of one frame: JSON objects separated by line feeds; empty lines mean nothing.
pub(crate) fn parts(frame: &str) -> impl Iterator<Item = &str> {
    frame
        .split('\n')
        .map(str::trim)
        .filter(|part| !part.is_empty())
}

/// Reads one message.
///
/// # Errors
/// When it is not a JSON object, has no `t`, or lacks what its `t` needs.
pub(crate) fn parse(part: &str) -> Result<PageMessage, serde_json::Error> {
    if !part.starts_with('{') {
        // The decoder would take an array for an object's fields in their order.
        return Err(serde::de::Error::custom("a message is a JSON object"));
    }
    serde_json::from_str(part)
}

/// A place in a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Position {
    /// The epoch.
    pub(crate) e: Epoch,
    /// The number of the last event.
    pub(crate) s: Seq,
}

/// What this server can do beside events: tell who is there, hand signals on, give leases, write.
pub(crate) const CAN: [&str; 4] = ["pres", "sig", "lock", "mut"];

/// What the server says, except `ev` and `subd`, which [`event_text`] and [`subscribed_text`] write.
#[derive(Debug, Serialize)]
#[serde(tag = "t", rename_all = "lowercase")]
pub(crate) enum ServerMessage<'a> {
    /// The page is known.
    Welcome {
        /// The version spoken.
        v: u64,
        /// The name of this connection, for logs on both sides.
        session: &'a str,
        /// How often the server pings, in milliseconds.
        ping: u64,
        /// The server's clock.
        now: Millis,
        /// What it can do beside events.
        can: [&'static str; 4],
    },
    /// Unsubscribed.
    Unsubd {
        /// The request's id; none where nobody asked for it.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<Integer>,
        /// The channel.
        ch: &'a ChannelName,
    },
    /// Another token is taken.
    Authd {
        /// The request's id.
        id: Integer,
        /// Until when, if it ends.
        #[serde(skip_serializing_if = "Option::is_none")]
        exp: Option<Millis>,
    },
    /// Asks for a sign of life.
    Ping {
        /// Counts up.
        n: u64,
    },
    /// Answers the page's `ping`.
    Pong {
        /// The page's number.
        n: Integer,
    },
    /// A request was refused.
    Err {
        /// The request's id, where it had one.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<Integer>,
        /// The request's channel as it was sent, where it had one.
        #[serde(skip_serializing_if = "Option::is_none")]
        ch: Option<&'a str>,
        /// What kind of refusal.
        code: ErrorCode,
        /// For a developer's eyes.
        msg: &'a str,
        /// May the same be tried again?
        retry: bool,
    },
    /// The server is about to close.
    Goaway {
        /// Why.
        reason: &'a str,
        /// The time over which pages shall spread their return, in milliseconds.
        spread: u64,
    },
}

impl<'a> ServerMessage<'a> {
    /// An `err`, which says by its code whether to try again.
    #[must_use]
    pub(crate) fn refusal(
        id: Option<Integer>,
        ch: Option<&'a str>,
        code: ErrorCode,
        msg: &'a str,
    ) -> Self {
        let retry = code.is_passing();
        Self::Err {
            id,
            ch,
            code,
            msg,
            retry,
        }
    }

    /// The message as it travels.
    #[must_use]
    pub(crate) fn text(&self) -> Utf8Bytes {
        match serde_json::to_string(self) {
            Ok(text) => Utf8Bytes::from(text),
            // None of the fields can fail to serialize; still, a page must get something that it can read.
            Err(_) => Utf8Bytes::from_static(
                r#"{"t":"err","code":"internal","msg":"no answer could be written","retry":true}"#,
            ),
        }
    }
}

/// One event of a channel, with the text that every subscriber gets: written once, shared by all.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    /// Its channel.
    pub(crate) channel: ChannelName,
    /// Its number in the channel.
    pub(crate) seq: Seq,
    /// When it was made.
    pub(crate) at: Millis,
    /// The `ev` message.
    pub(crate) text: Utf8Bytes,
}

/// What an `ev` message says; `data` is JSON without line feeds (see [`crate::json::compact`]).
#[derive(Debug, Serialize)]
pub(crate) struct EventFields<'a> {
    /// Its channel.
    pub(crate) ch: &'a ChannelName,
    /// Its number in the channel.
    pub(crate) s: Seq,
    /// What happened.
    pub(crate) name: &'a EventName,
    /// The payload.
    pub(crate) data: &'a RawValue,
    /// The tab that caused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<&'a ClientId>,
    /// When it was made.
    pub(crate) at: Millis,
}

/// Writes an `ev` message.
///
/// # Errors
/// None that the fields can cause; the serializer's signature has one.
pub(crate) fn event_text(fields: &EventFields<'_>) -> Result<Utf8Bytes, serde_json::Error> {
    #[derive(Serialize)]
    struct Tagged<'a> {
        t: &'static str,
        #[serde(flatten)]
        fields: &'a EventFields<'a>,
    }
    serde_json::to_string(&Tagged { t: "ev", fields }).map(Utf8Bytes::from)
}

/// What `recovered` in a `subd` message says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Recovery {
    /// `null`: the page gave no position.
    NotAsked,
    /// `true`: these events, oldest first, are all that lay between.
    Complete(Vec<Event>),
    /// `false`: it cannot be known what lay between.
    Lost,
}

/// Writes a `subd` message. The events are already text, so the message is put together by hand.
#[must_use]
pub(crate) fn subscribed_text(
    id: Integer,
    channel: &ChannelName,
    at: &Position,
    recovery: &Recovery,
) -> Utf8Bytes {
    let (recovered, missed) = match recovery {
        Recovery::NotAsked => ("null", [].as_slice()),
        Recovery::Complete(missed) => ("true", missed.as_slice()),
        Recovery::Lost => ("false", [].as_slice()),
    };
    let channel = serde_json::Value::from(channel.as_str());
    let epoch = serde_json::Value::from(at.e.as_str());
    let (id, seq) = (id.0, at.s.0);
    let mut text = format!(
        r#"{{"t":"subd","id":{id},"ch":{channel},"pos":{{"e":{epoch},"s":{seq}}},"recovered":{recovered},"missed":["#
    );
    for (index, event) in missed.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(event.text.as_str());
    }
    text.push_str("]}");
    Utf8Bytes::from(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]
    use super::*;

    #[test]
    fn a_message_needs_a_type_and_its_fields() {
        assert!(matches!(
            parse(r#"{"t":"ping","n":7}"#),
            Ok(PageMessage::Ping { n: Integer(7) })
        ));
        assert!(matches!(
            parse(r#"{"t":"later","id":1,"deep":[{}]}"#),
            Ok(PageMessage::Unknown)
        ));
        assert!(matches!(
            parse(r#"{"n":7,"x":null,"t":"ping"}"#),
            Ok(PageMessage::Ping { .. })
        ));
        for bad in [
            "",
            "7",
            "null",
            "[]",
            r#"["ping",7]"#,
            "{}",
            r#"{"t":7}"#,
            r#"{"t":"ping"}"#,
            r#"{"t":"ping","n":-1}"#,
            r#"{"t":"sub","id":1}"#,
            r#"{"t":"hello","v":1}"#,
            "{\"t\":\"ping\"",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(parse(&format!(r#"{{"t":"ping","n":{}"#, "[".repeat(60_000))).is_err());
    }

    #[test]
    fn a_frame_is_split_at_line_feeds() {
        assert_eq!(
            parts("{\"a\":1}\n\n {\"b\":2}\r\n").collect::<Vec<_>>(),
            ["{\"a\":1}", "{\"b\":2}"]
        );
    }

    #[test]
    fn a_subscription_is_answered_with_what_was_missed() {
        let channel = ChannelName::parse("a\"b").unwrap();
        let at = Position {
            e: Epoch::parse("E").unwrap(),
            s: Seq(2),
        };
        let data = RawValue::from_string(r#"{"id":"7"}"#.to_owned()).unwrap();
        let name = EventName::parse("task_updated").unwrap();
        let fields = EventFields {
            ch: &channel,
            s: Seq(2),
            name: &name,
            data: &data,
            by: None,
            at: Millis(9),
        };
        let text = event_text(&fields).unwrap();
        assert_eq!(
            text.as_str(),
            r#"{"t":"ev","ch":"a\"b","s":2,"name":"task_updated","data":{"id":"7"},"at":9}"#
        );
        let event = Event {
            channel: channel.clone(),
            seq: Seq(2),
            at: Millis(9),
            text,
        };
        let answer = subscribed_text(
            Integer(1),
            &channel,
            &at,
            &Recovery::Complete(vec![event.clone(), event]),
        );
        let answer: serde_json::Value = serde_json::from_str(answer.as_str()).unwrap();
        assert_eq!(answer["missed"][1]["data"]["id"], "7");
        assert_eq!(answer["recovered"], true);
        assert_eq!(answer["pos"]["s"], 2);
    }
}
