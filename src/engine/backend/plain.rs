//! What has to be known of a server that has no protocol, and sends JSON over a socket or a stream of events.

use super::places::{Places, path};
use super::{Backend, text};
use crate::engine::config::{BadInput, bad_member};
use crate::engine::limits::{FORM_BYTES_MAX, PING_MAX, PLAIN_BEAT_MIN};
use crate::engine::status::Transport;
use crate::engine::text as words;
use crate::wire::Protocol;
use crate::wire::json::Raw;
use crate::wire::plain::Session;
use crate::wire::plain::form::Form;

/// The channel of everything that a server says without naming one.
pub const ALL: &str = "*";

/// What the app said of the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plain {
    /// What is said first.
    pub hello: Option<Form>,
    /// By what the server says that it knows us; none if it does as soon as the connection is open.
    pub welcome: Option<Form>,
    /// By what it says that it does not accept who we are.
    pub refused: Option<Form>,
    /// How a channel is asked for, and given back; nothing is said if the server decides what we hear.
    pub subscribe: Option<Form>,
    /// How it is given back.
    pub unsubscribe: Option<Form>,
    /// By what the server says that a channel is subscribed; none if it says nothing.
    pub subscribed: Option<Form>,
    /// By what it says that we may not have it.
    pub denied: Option<Form>,
    /// Where an event has its name and its payload.
    pub places: Places,
    /// Where it has its channel.
    pub channel: String,
    /// Where it has its number in the channel, if the server counts.
    pub seq: Option<String>,
    /// By what the server asks for a sign of life.
    pub ping: Option<Form>,
    /// What we answer.
    pub pong: Option<Form>,
    /// How often there is a sign of life, in milliseconds.
    pub every: Option<u64>,
    /// What we ask for one with; none if the server gives it unasked.
    pub send: Option<Form>,
    /// How it is answered; by anything, if that is not said.
    pub answer: Option<Form>,
    /// The parameter of the address that has the token, if the server wants it there.
    pub token_param: Option<String>,
    /// Close codes by which the server says that it does not accept who we are, besides the usual ones.
    pub auth_codes: Vec<u16>,
    /// It sends a stream of events, and this is known of it.
    pub stream: Option<Stream>,
}

/// What has to be known of a stream of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    /// A server that is told the last id tells everything that came after it.
    pub replays: bool,
    /// The event by which it says that it cannot.
    pub reset: Option<String>,
    /// The app said where an event has its name: then it is not looked for in the stream.
    pub named: bool,
}

const FORM: &str = "a message: an object, or a text that is no object";

impl Plain {
    pub(super) fn read(backend: Raw<'_>) -> Result<Plain, BadInput> {
        let form = |name| form(backend, "backend", name);
        let path = |name| path(backend, name);
        let beat = backend.member("heartbeat").unwrap_or(Raw::NULL);
        let beat_form = |name| self::form(beat, "backend.heartbeat", name);
        let plain = Plain {
            hello: form("hello")?,
            welcome: form("welcome")?,
            refused: form("refused")?,
            subscribe: form("subscribe")?,
            unsubscribe: form("unsubscribe")?,
            subscribed: form("subscribed")?,
            denied: form("denied")?,
            places: Places::read(backend)?,
            channel: path("channel")?.unwrap_or_else(|| ".channel".to_owned()),
            seq: path("seq")?,
            ping: form("ping")?,
            pong: form("pong")?,
            every: every(beat)?,
            send: beat_form("send")?,
            answer: beat_form("answer")?,
            token_param: token_param(backend)?,
            auth_codes: auth_codes(backend)?,
            stream: None,
        };
        plain.check()
    }

    /// Of a stream: nothing is said on it, so most of that is not to be known.
    pub(super) fn read_sse(backend: Raw<'_>) -> Result<Plain, BadInput> {
        let replays = backend.member("replays").map_or(Some(false), Raw::bool);
        let reset = text(backend, "reset").filter(|name| !name.is_empty());
        if backend.member("reset").is_some() && reset.is_none() {
            return Err(BadInput::at("backend.reset", "the name of an event"));
        }
        let stream = Stream {
            replays: replays.ok_or_else(|| BadInput::at("backend.replays", "true or false"))?,
            reset,
            named: backend.member("event").is_some(),
        };
        let all = Plain::read(backend)?;
        Ok(Plain {
            places: all.places,
            channel: all.channel,
            seq: all.seq,
            every: all.every,
            token_param: all.token_param,
            stream: Some(stream),
            ..Plain::default()
        })
    }

    /// Things that are of no use alone.
    fn check(self) -> Result<Plain, BadInput> {
        let pairs = [
            (self.ping.is_some(), self.pong.is_none(), "pong"),
            (self.pong.is_some(), self.ping.is_none(), "ping"),
            (
                self.subscribed.is_some(),
                self.subscribe.is_none(),
                "subscribe",
            ),
            (self.denied.is_some(), self.subscribe.is_none(), "subscribe"),
            (
                self.unsubscribe.is_some(),
                self.subscribe.is_none(),
                "subscribe",
            ),
            (self.answer.is_some(), self.send.is_none(), "heartbeat.send"),
        ];
        for (have, lack, name) in pairs {
            if have && lack {
                return Err(bad_member(
                    "backend",
                    name,
                    "a message, or nothing that needs it",
                ));
            }
        }
        for (form, name) in [
            (&self.subscribe, "subscribe"),
            (&self.unsubscribe, "unsubscribe"),
            (&self.subscribed, "subscribed"),
            (&self.denied, "denied"),
        ] {
            if form.as_ref().is_some_and(|form| !form.names("$channel")) {
                return Err(bad_member(
                    "backend",
                    name,
                    "a message with \"$channel\" in it",
                ));
            }
        }
        Ok(self)
    }
}

fn form(of: Raw<'_>, at: &str, name: &'static str) -> Result<Option<Form>, BadInput> {
    let Some(raw) = of.member(name).filter(|raw| !raw.is_null()) else {
        return Ok(None);
    };
    let fits = raw.is_object() || raw.is_array() || raw.string().is_some_and(|text| !text.is(""));
    if !fits || raw.text().len() > FORM_BYTES_MAX {
        return Err(bad_member(at, name, FORM));
    }
    Ok(Some(Form::new(raw)))
}

fn every(beat: Raw<'_>) -> Result<Option<u64>, BadInput> {
    if beat.is_null() {
        return Ok(None);
    }
    let every = beat.member("every").and_then(Raw::integer);
    every
        .filter(|ms| (PLAIN_BEAT_MIN.0..=PING_MAX.0).contains(ms))
        .map(Some)
        .ok_or_else(|| {
            BadInput::at(
                "backend.heartbeat.every",
                "milliseconds, from 1000 to 300000",
            )
        })
}

/// It stands in an address as it is.
fn token_param(backend: Raw<'_>) -> Result<Option<String>, BadInput> {
    if backend.member("tokenParam").is_none() {
        return Ok(None);
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text(backend, "tokenParam")
        .filter(|name| !name.is_empty() && name.bytes().all(is_plain))
        .map(Some)
        .ok_or_else(|| BadInput::at("backend.tokenParam", "the name of a parameter"))
}

fn auth_codes(backend: Raw<'_>) -> Result<Vec<u16>, BadInput> {
    let mut codes = Vec::new();
    let Some(raw) = backend.member("authCodes") else {
        return Ok(codes);
    };
    let mut good = raw.is_array();
    raw.elements(
        |code| match code.integer().and_then(|code| u16::try_from(code).ok()) {
            Some(code) if (1000..5000).contains(&code) && codes.len() < 16 => codes.push(code),
            _ => good = false,
        },
    );
    match good {
        true => Ok(codes),
        false => Err(BadInput::at(
            "backend.authCodes",
            "at most 16 close codes from 1000 to 4999",
        )),
    }
}

/// The address with the token in it.
pub(crate) fn with_token(url: &str, param: &str, token: &str) -> String {
    let mark = if words::mark(url, b"?").is_some() {
        "&"
    } else {
        "?"
    };
    let mut out = words::concat(&[url, mark, param, "="]);
    words::push_escaped(&mut out, token);
    out
}

impl Backend for Plain {
    fn protocol(&self) -> Box<dyn Protocol> {
        Box::new(Session::new(self))
    }

    fn ways(&self) -> &'static [Transport] {
        match self.stream {
            Some(_) => &[Transport::Stream],
            None => &[Transport::Socket],
        }
    }

    fn place(&self) -> &str {
        match self.stream {
            Some(_) => "sse",
            None => "json",
        }
    }

    fn always(&self) -> Option<String> {
        Some(ALL.to_owned())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::wire::json;

    fn read(members: &str) -> Result<Plain, BadInput> {
        let text = ["{\"kind\":\"json\"", members, "}"].concat();
        Plain::read(json::parse(&text).unwrap())
    }

    #[test]
    fn where_things_stand_is_known_of_most_servers_without_being_said() {
        let plain = read("").unwrap();
        assert_eq!(plain.places.event, [".type", ".event"]);
        assert_eq!(plain.places.data, [".data", ".payload", ""]);
        assert_eq!(plain.channel, ".channel");
        let plain =
            read(r#","event":"$.kind","data":"$","seq":"$.meta.n","channel":"$.room""#).unwrap();
        assert_eq!(
            (plain.places.event, plain.places.data),
            (vec![".kind".to_owned()], vec![String::new()])
        );
        assert_eq!(
            (plain.seq.as_deref(), &*plain.channel),
            (Some(".meta.n"), ".room")
        );
    }

    #[test]
    fn what_is_wrong_is_named_with_its_path() {
        for (member, path) in [
            (r#""hello":7"#, "backend.hello"),
            (r#""hello":"""#, "backend.hello"),
            (r#""event":"type""#, "backend.event"),
            (r#""event":"$""#, "backend.event"),
            (r#""data":7"#, "backend.data"),
            (r#""seq":"$seq""#, "backend.seq"),
            (r#""heartbeat":{}"#, "backend.heartbeat.every"),
            (r#""heartbeat":{"every":1}"#, "backend.heartbeat.every"),
            (
                r#""heartbeat":{"every":5000,"send":1}"#,
                "backend.heartbeat.send",
            ),
            (
                r#""heartbeat":{"every":5000,"answer":"pong"}"#,
                "backend.heartbeat.send",
            ),
            (r#""ping":"ping""#, "backend.pong"),
            (r#""pong":"pong""#, "backend.ping"),
            (r#""subscribe":{"a":1}"#, "backend.subscribe"),
            (r#""subscribed":{"a":"$channel"}"#, "backend.subscribe"),
            (r#""tokenParam":"a=b""#, "backend.tokenParam"),
            (r#""authCodes":[1]"#, "backend.authCodes"),
            (r#""authCodes":4001"#, "backend.authCodes"),
        ] {
            let text = [",", member].concat();
            assert_eq!(read(&text).unwrap_err().path, path, "{member}");
        }
        let long = [",\"hello\":\"", &"x".repeat(FORM_BYTES_MAX), "\""].concat();
        assert_eq!(read(&long).unwrap_err().path, "backend.hello");
    }

    #[test]
    fn a_token_in_an_address_is_spelled_so_that_nothing_else_is_read() {
        assert_eq!(
            with_token("ws://h/ws", "token", "a b&c"),
            "ws://h/ws?token=a%20b%26c"
        );
        assert_eq!(
            with_token("ws://h/ws?v=1", "t", "x.y-z_~"),
            "ws://h/ws?v=1&t=x.y-z_~"
        );
    }
}
