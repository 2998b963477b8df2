//! Engine.IO 4: what carries Socket.IO.
//!
//! A packet is a character for its type and the rest. A socket carries one a frame, a body of HTTP several
//! with a byte 0x1E between them. The server asks for signs of life, and we answer; never the other way.

use std::borrow::Cow;

use super::carried::Door;
use super::json::{self, Raw};
use super::{CloseMeans, CloseRule};
use crate::engine::http::{self, Call, Method, Sight};
use crate::engine::limits::{
    ANSWER_BYTES_MAX, ATTACHMENT_BYTES_MAX, EPOCH_BYTES_MAX, PACKET_BYTES_MAX,
};
use crate::engine::text;

/// The only sign of life that we give: the answer to the server's. A ping of ours is an error to it.
pub const PONG: &str = "3";

/// The connection ends.
pub const CLOSE: &str = "1";

/// Asks, on a socket beside a session over HTTP, whether the session can go on there.
pub const PROBE: &str = "2probe";

/// The session goes on on this socket. It is said after `Pong("probe")`.
pub const UPGRADE: &str = "5";

/// What the close codes of the socket mean. Any other means a lost connection.
pub const CLOSES: &[CloseRule] = &[
    CloseRule::one(1001, CloseMeans::GoingAway),
    CloseRule::one(1012, CloseMeans::GoingAway),
    CloseRule::one(1008, CloseMeans::Final),
    CloseRule::one(1009, CloseMeans::TooLarge),
];

/// What stands between the packets of a body.
const SEPARATOR: char = '\u{1e}';

/// Why something is none of this protocol. The connection is given up then, as the servers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is larger, or announces more, than we take.
    TooLarge,
    /// Its bytes are no text.
    NotText,
    /// There is no packet of that type.
    Type,
    /// What stands before the JSON is not what should be there.
    Head,
    /// It is not the JSON that this type has.
    Json,
    /// A placeholder names an attachment that there is none of.
    Placeholder,
    /// An attachment without a packet, or a packet where an attachment should be.
    Order,
    /// Not the spelling of bytes as text.
    Base64,
    /// The server is of a version that connects us unasked.
    OldServer,
}

impl Fault {
    /// For reading by people.
    pub fn text(self) -> &'static str {
        match self {
            Fault::TooLarge => "frame too large",
            Fault::NotText => "frame is not UTF-8",
            Fault::Type => "unknown type of packet",
            Fault::Head => "bad head of a packet",
            Fault::Json => "bad JSON in a packet",
            Fault::Placeholder => "bad placeholder",
            Fault::Order => "packet out of order",
            Fault::Base64 => "bad base64",
            Fault::OldServer => "Socket.IO 2 is not spoken",
        }
    }
}

/// What a socket or a body carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A packet.
    Text(&'a str),
    /// An attachment.
    Binary(Cow<'a, [u8]>),
}

impl<'a> Frame<'a> {
    /// A frame of text, of a socket.
    pub fn text(bytes: &'a [u8]) -> Result<Self, Fault> {
        // The size is looked at first: nothing of any size is walked over.
        if bytes.len() > PACKET_BYTES_MAX {
            return Err(Fault::TooLarge);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Fault::NotText)?;
        Ok(Frame::Text(text))
    }

    /// A frame of bytes, of a socket.
    pub fn binary(bytes: &'a [u8]) -> Self {
        Frame::Binary(Cow::Borrowed(bytes))
    }
}

/// Hands out what a body of HTTP carries, in order.
pub fn read_body<'a>(
    body: &'a [u8],
    each: &mut dyn FnMut(Frame<'a>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    if body.is_empty() {
        return Ok(());
    }
    for piece in body.split(|byte| char::from(*byte) == SEPARATOR) {
        each(match piece.split_first() {
            Some((b'b', digits)) => Frame::Binary(Cow::Owned(decode_base64(digits)?)),
            _ => Frame::text(piece)?,
        })?;
    }
    Ok(())
}

/// Writes a body of HTTP that carries these.
pub fn write_body(frames: &[Frame<'_>]) -> String {
    let mut out = String::new();
    for frame in frames {
        if !out.is_empty() {
            out.push(SEPARATOR);
        }
        match frame {
            Frame::Text(text) => out.push_str(text),
            Frame::Binary(bytes) => {
                out.push('b');
                encode_base64(bytes, &mut out);
            }
        }
    }
    out
}

/// What follows the `?` of the address: over a socket or over HTTP, of the session that we have.
pub fn query(socket: bool, session: Option<&str>) -> String {
    let transport = if socket { "websocket" } else { "polling" };
    let mut out = text::concat(&["EIO=4&transport=", transport]);
    if let Some(session) = session {
        out.push_str("&sid=");
        // A server may make its names of whatever it likes.
        text::push_escaped(&mut out, session);
    }
    out
}

/// The address of a socket, or of requests, of a server at this address.
pub fn address(url: &str, socket: bool, session: Option<&str>) -> String {
    let mark = match text::mark(url, b"?") {
        Some(_) => "&",
        None => "?",
    };
    text::concat(&[url, mark, &query(socket, session)])
}

/// Of which type a body is. As one of a form's types it lets a browser do without asking a server of another
/// origin first.
pub const BODY_TYPE: &str = "text/plain";

/// The request at a door.
pub fn call(url: &str, door: Door<'_>) -> Call {
    let (session, body) = match door {
        Door::Begin(_) => (None, None),
        Door::Wait { session } => (Some(session), None),
        Door::Say { session, messages } => {
            let frames: Vec<_> = messages.iter().map(|text| Frame::Text(text)).collect();
            (Some(session), Some(write_body(&frames)))
        }
        Door::End { session } => (Some(session), Some(CLOSE.to_owned())),
    };
    let of_body = |_: &String| ("content-type", text::concat(&[BODY_TYPE, ";charset=UTF-8"]));
    Call {
        method: match body {
            Some(_) => Method::Post,
            None => Method::Get,
        },
        url: address(&http::door(url, ""), false, session),
        headers: body.iter().map(of_body).collect(),
        body,
        sight: Sight::Full,
        bytes_max: ANSWER_BYTES_MAX,
    }
}

/// What the server means when it answers a request with 400, in the statuses of HTTP, if it says so.
pub fn read_error(body: &[u8]) -> Option<u16> {
    let raw = json::parse(std::str::from_utf8(body).ok()?).ok()?;
    Some(match raw.member("code")?.integer()? {
        // It has sockets alone, or wants to be asked in another way.
        0 | 2 => 405,
        // It does not take whoever asks: that may be another after a login.
        4 => 401,
        // It speaks another version of the protocol.
        5 => 403,
        // It does not know the session (it was started anew, or this is another server), or the
        // session goes on elsewhere.
        _ => 410,
    })
}

/// What the server says first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// How requests over HTTP say which session they belong to. No namespace's name for us.
    pub session: String,
    /// The server asks for a sign of life this often, in milliseconds.
    pub ping_ms: u64,
    /// When it did not for this long after it should have, it is gone.
    pub timeout_ms: u64,
    /// Bytes that it takes in a frame or a body. Servers before 2022 do not say.
    pub bytes_max: Option<u64>,
    /// Whether a session over HTTP may go on on a socket.
    pub upgrade: bool,
}

impl Open {
    /// Reads it from its JSON.
    pub fn read(text: &str) -> Option<Open> {
        let raw = json::parse(text).ok()?;
        let mut upgrade = false;
        if let Some(upgrades) = raw.member("upgrades") {
            upgrades.elements(|to| upgrade |= to.string().is_some_and(|to| to.is("websocket")));
        }
        Some(Open {
            session: name(raw.member("sid"))?.into_owned(),
            ping_ms: raw.member("pingInterval")?.integer()?,
            timeout_ms: raw.member("pingTimeout")?.integer()?,
            bytes_max: raw.member("maxPayload").and_then(Raw::integer),
            upgrade,
        })
    }
}

/// A name that the server gives, and that is kept: so it may not be of any size.
pub(super) fn name(raw: Option<Raw<'_>>) -> Option<Cow<'_, str>> {
    let name = raw?.string()?.decode();
    (!name.is_empty() && name.len() <= EPOCH_BYTES_MAX).then_some(name)
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends bytes as text.
pub(crate) fn encode_base64(bytes: &[u8], out: &mut String) {
    for group in bytes.chunks(3) {
        let mut bits = 0u32;
        for at in 0..3 {
            bits = bits << 8 | u32::from(group.get(at).copied().unwrap_or(0));
        }
        for at in 0..4u32 {
            let digit = DIGITS.get((bits >> (18 - 6 * at) & 63) as usize);
            let used = at as usize <= group.len();
            out.push(
                digit
                    .filter(|_| used)
                    .map_or('=', |digit| char::from(*digit)),
            );
        }
    }
}

/// The bytes of such a text.
pub(super) fn decode_base64(digits: &[u8]) -> Result<Vec<u8>, Fault> {
    if digits.len() / 4 * 3 > ATTACHMENT_BYTES_MAX {
        return Err(Fault::TooLarge);
    }
    if !digits.len().is_multiple_of(4) {
        return Err(Fault::Base64);
    }
    let plain = digits.strip_suffix(b"=").unwrap_or(digits);
    let plain = plain.strip_suffix(b"=").unwrap_or(plain);
    let mut out = Vec::with_capacity(digits.len() / 4 * 3);
    for group in plain.chunks(4) {
        let mut bits = 0u32;
        for &digit in group {
            let value = DIGITS.iter().position(|have| *have == digit);
            bits = bits << 6 | value.ok_or(Fault::Base64)? as u32;
        }
        bits <<= 6 * (4 - group.len());
        let [_, bytes @ ..] = bits.to_be_bytes();
        out.extend(bytes.iter().take(group.len() - 1));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_first_frame_says_how_the_session_goes() {
        let said = Open::read(
            r#"{"sid":"S","upgrades":["x","websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":9}"#,
        )
        .unwrap();
        let expected = Open {
            session: "S".to_owned(),
            ping_ms: 25_000,
            timeout_ms: 20_000,
            bytes_max: Some(9),
            upgrade: true,
        };
        assert_eq!(said, expected);
        // Before 2022, and in the order of Python.
        let said = Open::read(r#"{"sid":"S","pingTimeout":1,"pingInterval":2}"#).unwrap();
        assert_eq!((said.ping_ms, said.timeout_ms), (2, 1));
        assert_eq!((said.bytes_max, said.upgrade), (None, false));
        let long = "x".repeat(EPOCH_BYTES_MAX + 1);
        for bad in [
            String::new(),
            "{}".to_owned(),
            "[]".to_owned(),
            r#"{"sid":"","pingTimeout":1,"pingInterval":2}"#.to_owned(),
            r#"{"sid":"S","pingTimeout":1}"#.to_owned(),
            r#"{"sid":"S","pingTimeout":1,"pingInterval":-2}"#.to_owned(),
            [
                r#"{"sid":""#,
                &long,
                r#"","pingTimeout":1,"pingInterval":2}"#,
            ]
            .concat(),
        ] {
            assert_eq!(Open::read(&bad), None, "{bad}");
        }
    }

    #[test]
    fn a_name_of_a_session_goes_into_an_address_as_it_is() {
        assert_eq!(query(false, None), "EIO=4&transport=polling");
        let odd = query(true, Some("a_-B9&x=\u{e9}#"));
        assert_eq!(odd, "EIO=4&transport=websocket&sid=a_-B9%26x%3d%c3%a9%23");
    }

    #[test]
    fn bytes_are_spelled_as_everywhere() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"f", "Zg=="),
            (b"fo", "Zm8="),
            (b"foo", "Zm9v"),
            (b"\xff\xfe", "//4="),
            (b"\xfb\xef\xbe", "++++"),
        ] {
            let mut out = String::new();
            encode_base64(bytes, &mut out);
            assert_eq!(out, text);
            assert_eq!(decode_base64(text.as_bytes()).as_deref(), Ok(bytes));
        }
        for bad in ["Z", "Zg", "Zg=", "Z===", "====", "Zg=a", "Zm9-", "Zm 9"] {
            assert_eq!(decode_base64(bad.as_bytes()), Err(Fault::Base64), "{bad}");
        }
        let large = vec![b'A'; ATTACHMENT_BYTES_MAX / 3 * 4 + 8];
        assert_eq!(decode_base64(&large), Err(Fault::TooLarge));
    }
}
