//! The native wire, `fresh.v1`: `docs/protocol.md`.

use std::borrow::Cow;

use super::carried::Door;
use super::json::{self, Raw, Text, Writer};
use super::native_room;
use super::{
    Capabilities, CloseMeans, CloseRule, Ends, Event, Heard, Heartbeat, Recovery, Refusal, Resume,
    RoomCan,
};
use crate::engine::http::{self, Call, Method, Sight};
use crate::engine::ids::{Position, RequestId, Seq};
use crate::engine::limits::ANSWER_BYTES_MAX;
use crate::engine::text;

/// The subprotocol that the socket is opened with.
pub const SUBPROTOCOL: &str = "fresh.v1";

/// The native wire can do everything.
pub const CAPABILITIES: Capabilities = Capabilities {
    resume: Resume::Positions,
    heartbeat: Heartbeat::Either,
    acks: true,
    clock: true,
    renews: true,
    room: RoomCan::ALL,
};

/// A frame from the server larger than this is refused before it is read.
pub const FRAME_BYTES_MAX: usize = 1 << 20;

/// What the close codes mean. Any other means a lost connection.
pub const CLOSES: &[CloseRule] = &[
    CloseRule::one(4401, CloseMeans::Unauthorized),
    CloseRule::one(4400, CloseMeans::Final),
    CloseRule::one(4403, CloseMeans::Final),
    CloseRule::one(4406, CloseMeans::Final),
    CloseRule::one(4413, CloseMeans::TooLarge),
    CloseRule::one(4429, CloseMeans::SlowDown),
    CloseRule::one(4503, CloseMeans::GoingAway),
    // Proxies and servers' own libraries close with the codes of RFC 6455.
    CloseRule::one(1001, CloseMeans::GoingAway),
    CloseRule::one(1012, CloseMeans::GoingAway),
    CloseRule::one(1008, CloseMeans::Final),
    CloseRule::one(1009, CloseMeans::TooLarge),
];

/// The first message: who we are.
pub fn hello(client: &str, token: Option<&str>) -> String {
    message("hello", |w| {
        w.key("v").number(1);
        w.key("client").string(client);
        if let Some(token) = token {
            w.key("token").string(token);
        }
    })
}

/// Asks for a channel from a position on.
pub fn subscribe(id: RequestId, channel: &str, position: Option<&Position>) -> String {
    message("sub", |w| {
        w.key("id").number(id.0);
        w.key("ch").string(channel);
        if let Some(position) = position {
            w.key("pos");
            position.write(w);
        }
    })
}

/// Gives a channel back.
pub fn unsubscribe(id: RequestId, channel: &str) -> String {
    message("unsub", |w| {
        w.key("id").number(id.0);
        w.key("ch").string(channel);
    })
}

/// What messages are as the body of a request, and of its answer.
pub const BODY_TYPE: &str = "application/x-ndjson";

/// The request that opens a stream of events, by what we say first.
pub fn stream(url: &str, client: &str, token: Option<&str>) -> Call {
    let mut call = post(url, "sse", hello(client, token));
    call.headers
        .push(("accept", "text/event-stream".to_owned()));
    call
}

/// The request of a connection that is carried by requests.
pub fn call(url: &str, door: Door<'_>) -> Option<Call> {
    Some(match door {
        Door::Begin(hello) => post(url, "poll", hello.to_owned()),
        Door::Wait { session } => post(url, "poll", from_session(session)),
        Door::Say { session, messages } => {
            let mut body = from_session(session);
            body.push('\n');
            for message in messages {
                body.push_str(message);
                body.push('\n');
            }
            post(url, "send", body)
        }
        // The server forgets whom it does not hear.
        Door::End { .. } => return None,
    })
}

fn post(url: &str, door: &str, body: String) -> Call {
    Call {
        method: Method::Post,
        url: http::door(url, door),
        // What is not a form makes a browser ask a server of another origin first.
        headers: vec![("content-type", BODY_TYPE.to_owned())],
        body: Some(body),
        sight: Sight::Full,
        bytes_max: ANSWER_BYTES_MAX,
    }
}

/// Says which session the messages of a request belong to.
fn from_session(session: &str) -> String {
    message("from", |w| w.key("session").string(session))
}

/// Gives a new token, on a connection that goes on.
pub fn authorize(id: RequestId, token: Option<&str>) -> String {
    message("auth", |w| {
        w.key("id").number(id.0);
        match token {
            Some(token) => w.key("token").string(token),
            None => w.key("token").null(),
        }
    })
}

/// Reads what the server answers to a look whether it is there: after how many milliseconds it
/// wants to be dialled.
pub fn read_alive(body: &[u8]) -> Option<u64> {
    let raw = json::parse(std::str::from_utf8(body).ok()?).ok()?;
    if !raw.member("t")?.string()?.is("alive") {
        return None;
    }
    raw.member("after")?.integer()
}

/// Asks for a sign of life.
pub fn ping(number: u64) -> String {
    message("ping", |w| w.key("n").number(number))
}

/// Gives a sign of life.
pub fn pong(number: u64) -> String {
    message("pong", |w| w.key("n").number(number))
}

pub(super) fn message(kind: &str, rest: impl FnOnce(&mut Writer)) -> String {
    let mut writer = Writer::new();
    writer.object(|w| {
        w.key("t").string(kind);
        rest(w);
    });
    writer.finish()
}

/// Reads a frame: one message, or several on a line each.
pub fn read<'a>(frame: &'a [u8], heard: &mut Vec<Heard<'a>>) {
    if frame.len() > FRAME_BYTES_MAX {
        heard.push(Heard::Malformed("frame too large"));
        return;
    }
    let Ok(text) = std::str::from_utf8(frame) else {
        heard.push(Heard::Malformed("frame is not UTF-8"));
        return;
    };
    // Nearly every frame is one line. The standard library sees that a word at a time.
    let several = frame.contains(&b'\n');
    let mut rest = text;
    while !rest.is_empty() {
        let line = match several {
            true => text::piece(&mut rest, b"\n"),
            false => std::mem::take(&mut rest),
        };
        if !line.trim_ascii().is_empty() {
            read_message(line, heard);
        }
    }
}

/// Every field that any message has. One walk over the text fills it, so the order of the
/// members does not matter and nothing is looked at twice.
#[derive(Default)]
struct Fields<'a> {
    kind: Option<Text<'a>>,
    channel: Option<Cow<'a, str>>,
    name: Option<Cow<'a, str>>,
    by: Option<Cow<'a, str>>,
    request: Option<u64>,
    seq: Option<u64>,
    number: Option<u64>,
    at: Option<u64>,
    ping: Option<u64>,
    now: Option<u64>,
    ends: Option<u64>,
    session: Option<Cow<'a, str>>,
    spread: Option<u64>,
    retry_after: Option<u64>,
    data: Option<Raw<'a>>,
    position: Option<Raw<'a>>,
    recovered: Option<Raw<'a>>,
    missed: Option<Raw<'a>>,
    can: Option<Raw<'a>>,
    code: Option<Cow<'a, str>>,
    message: Option<Cow<'a, str>>,
}

impl<'a> Fields<'a> {
    fn set(&mut self, key: Text<'a>, value: Raw<'a>) {
        let text = || value.string().map(Text::decode);
        match key.decode().as_ref() {
            "t" => self.kind = value.string(),
            "ch" => self.channel = text(),
            "name" => self.name = text(),
            "by" => self.by = text(),
            "id" => self.request = value.integer(),
            "s" => self.seq = value.integer(),
            "n" => self.number = value.integer(),
            "at" => self.at = value.integer(),
            "ping" => self.ping = value.integer(),
            "now" => self.now = value.integer(),
            "exp" => self.ends = value.integer(),
            "session" => self.session = text(),
            "spread" => self.spread = value.integer(),
            "retry_after" => self.retry_after = value.integer(),
            "data" => self.data = Some(value),
            "pos" => self.position = Some(value),
            "recovered" => self.recovered = Some(value),
            "missed" => self.missed = Some(value),
            "can" if cfg!(feature = "rooms") => self.can = Some(value),
            "code" => self.code = text(),
            "msg" => self.message = text(),
            _ => {}
        }
    }

    fn event(self) -> Heard<'a> {
        match (self.channel, self.name, self.seq) {
            (Some(channel), Some(name), Some(seq)) => Heard::Event(Event {
                channel,
                seq: Some(Seq(seq)),
                name,
                data: Cow::Borrowed(self.data.map_or("null", Raw::text)),
                by: self.by,
                at: self.at,
                #[cfg(feature = "phoenix")]
                id: None,
            }),
            _ => Heard::Malformed("an event without ch, name or s"),
        }
    }
}

fn read_message<'a>(line: &'a str, heard: &mut Vec<Heard<'a>>) {
    let mut fields = Fields::default();
    if json::members(line, |key, value| fields.set(key, value)).is_err() {
        heard.push(Heard::Malformed("not a JSON object"));
        return;
    }
    let Some(kind) = fields.kind else {
        heard.push(Heard::Malformed("a message without t"));
        return;
    };
    match kind.decode().as_ref() {
        "ev" => heard.push(fields.event()),
        "subd" => read_subscribed(fields, heard),
        "ping" => heard.push(Heard::Ping {
            number: fields.number.unwrap_or(0),
        }),
        "pong" => heard.push(Heard::Pong {
            number: fields.number.unwrap_or(0),
        }),
        "authd" => heard.push(Heard::Authorized {
            request: fields.request.map(RequestId),
            ends: fields.ends.map(Ends::At),
        }),
        "welcome" => heard.push(match fields.ping {
            Some(ping_ms) => Heard::Welcome {
                ping_ms,
                timeout_ms: None,
                session: fields.session.map(Cow::into_owned),
                now_ms: fields.now,
                ends: fields.ends.map(Ends::At),
                room: match fields.can {
                    Some(can) if cfg!(feature = "rooms") => native_room::read_can(can),
                    Some(_) | None => RoomCan::default(),
                },
            },
            None => Heard::Malformed("a welcome without ping"),
        }),
        "unsubd" => heard.push(match fields.channel {
            Some(channel) => Heard::Unsubscribed {
                request: fields.request.map(RequestId),
                channel: channel.into_owned(),
            },
            None => Heard::Malformed("an unsubd without ch"),
        }),
        "goaway" => heard.push(Heard::GoAway {
            spread_ms: fields.spread.unwrap_or(0),
        }),
        "err" => heard.push(Heard::Refused(Refusal {
            request: fields.request.map(RequestId),
            channel: fields.channel.map(Cow::into_owned),
            code: fields
                .code
                .map_or_else(|| "internal".to_owned(), Cow::into_owned),
            message: fields.message.map(Cow::into_owned).unwrap_or_default(),
            retry_after_ms: fields.retry_after,
        })),
        // A part that a page may do without. What it says is then unknown, as to any older page.
        kind if cfg!(feature = "rooms") && native_room::is_ours(kind) => {
            heard.push(match native_room::read(kind, line) {
                Some(said) => Heard::Room(said),
                None => Heard::Malformed("a message of the room that lacks something"),
            })
        }
        _ => heard.push(Heard::Unknown),
    }
}

fn read_subscribed<'a>(fields: Fields<'a>, heard: &mut Vec<Heard<'a>>) {
    let Some(channel) = fields.channel else {
        heard.push(Heard::Malformed("a subd without ch"));
        return;
    };
    let recovery = match fields.recovered.and_then(Raw::bool) {
        Some(true) => Recovery::Complete,
        Some(false) => Recovery::Impossible,
        None => Recovery::NotAsked,
    };
    heard.push(Heard::Subscribed {
        request: fields.request.map(RequestId),
        channel: channel.clone().into_owned(),
        position: fields.position.and_then(Position::read),
        recovery,
    });
    if let Some(missed) = fields.missed {
        missed.elements(|element| {
            let mut event = Fields::default();
            element.members(|key, value| event.set(key, value));
            // Events in `missed` belong to the channel even when they do not repeat its name.
            event.channel.get_or_insert_with(|| channel.clone());
            heard.push(event.event());
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(frame: &str) -> Vec<Heard<'_>> {
        let mut out = Vec::new();
        read(frame.as_bytes(), &mut out);
        out
    }

    fn event<'a>(channel: &'a str, seq: u64, name: &'a str, data: &'a str) -> Event<'a> {
        Event {
            channel: channel.into(),
            seq: Some(Seq(seq)),
            name: name.into(),
            data: data.into(),
            by: None,
            at: None,
            #[cfg(feature = "phoenix")]
            id: None,
        }
    }

    #[test]
    fn an_event_keeps_its_payload_as_text() {
        let frame = r#"{"t":"ev","ch":"tasks","s":45,"name":"task_updated","data":{"id":1, "x":[1]},"by":"c","at":9}"#;
        let expected = Event {
            by: Some("c".into()),
            at: Some(9),
            ..event("tasks", 45, "task_updated", r#"{"id":1, "x":[1]}"#)
        };
        assert_eq!(heard(frame), [Heard::Event(expected)]);
    }

    #[test]
    fn several_messages_share_a_frame_and_a_bad_one_does_not_hide_the_others() {
        let frame = "{\"t\":\"ping\",\"n\":3}\n\n{oops\n{\"t\":\"pong\",\"n\":1}\n";
        assert_eq!(
            heard(frame),
            [
                Heard::Ping { number: 3 },
                Heard::Malformed("not a JSON object"),
                Heard::Pong { number: 1 }
            ]
        );
    }

    #[test]
    fn a_subscription_is_followed_by_what_was_missed() {
        let frame = r#"{"t":"subd","id":1,"ch":"tasks","pos":{"e":"E","s":44},"recovered":true,"missed":[{"t":"ev","s":43,"name":"a","data":1},{"s":44,"name":"b"}]}"#;
        assert_eq!(
            heard(frame),
            [
                Heard::Subscribed {
                    request: Some(RequestId(1)),
                    channel: "tasks".to_owned(),
                    position: Some(Position::new("E", Seq(44))),
                    recovery: Recovery::Complete,
                },
                Heard::Event(event("tasks", 43, "a", "1")),
                Heard::Event(event("tasks", 44, "b", "null")),
            ]
        );
    }

    #[test]
    fn what_is_not_known_is_passed_over() {
        assert_eq!(heard(r#"{"t":"cake","flavour":"new"}"#), [Heard::Unknown]);
        assert_eq!(
            heard(r#"{"flavour":"new"}"#),
            [Heard::Malformed("a message without t")]
        );
        assert_eq!(
            heard(r#"{"t":"ev","ch":"tasks","s":-1,"name":"x"}"#),
            [Heard::Malformed("an event without ch, name or s")]
        );
    }

    #[test]
    fn a_welcome_says_how_long_the_token_lasts() {
        assert_eq!(
            heard(r#"{"t":"welcome","v":1,"session":"S","ping":25000,"now":5,"exp":9}"#),
            [Heard::Welcome {
                ping_ms: 25_000,
                timeout_ms: None,
                session: Some("S".to_owned()),
                now_ms: Some(5),
                ends: Some(Ends::At(9)),
                room: RoomCan::default(),
            }]
        );
        assert_eq!(
            heard(r#"{"t":"authd","id":3,"exp":9}"#),
            [Heard::Authorized {
                request: Some(RequestId(3)),
                ends: Some(Ends::At(9)),
            }]
        );
    }

    #[test]
    fn the_answer_to_a_look_may_say_when_to_dial() {
        assert_eq!(read_alive(br#"{"t":"alive","after":120}"#), Some(120));
        for body in [
            "",
            "ok",
            "<html>",
            "{}",
            r#"{"t":"alive"}"#,
            r#"{"after":1}"#,
        ] {
            assert_eq!(read_alive(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn what_we_say_is_what_the_protocol_says() {
        assert_eq!(
            hello("c1", Some("t\"")),
            r#"{"t":"hello","v":1,"client":"c1","token":"t\""}"#
        );
        assert_eq!(
            subscribe(RequestId(1), "tasks", Some(&Position::new("E", Seq(41)))),
            r#"{"t":"sub","id":1,"ch":"tasks","pos":{"e":"E","s":41}}"#
        );
        assert_eq!(
            unsubscribe(RequestId(2), "tasks"),
            r#"{"t":"unsub","id":2,"ch":"tasks"}"#
        );
        assert_eq!(
            authorize(RequestId(3), Some("T")),
            r#"{"t":"auth","id":3,"token":"T"}"#
        );
        assert_eq!(from_session("S"), r#"{"t":"from","session":"S"}"#);
        assert_eq!(ping(7), r#"{"t":"ping","n":7}"#);
        assert_eq!(pong(3), r#"{"t":"pong","n":3}"#);
    }

    #[test]
    fn frames_over_the_limit_and_frames_of_other_bytes_are_malformed() {
        let large = " ".repeat(FRAME_BYTES_MAX + 1);
        assert_eq!(heard(&large), [Heard::Malformed("frame too large")]);
        let mut out = Vec::new();
        read(&[0xFF, 0xFE], &mut out);
        assert_eq!(out, [Heard::Malformed("frame is not UTF-8")]);
    }
}
