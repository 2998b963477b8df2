//! Supabase Realtime: what its channels say over Phoenix.
//!
//! A channel is asked for with the changes of rows that it is to tell. The server answers at once, and says
//! some seconds later, by a message of its own, that it tells them from now on: what changes in between is
//! told to nobody.
//!
//! A change is the event `postgres:INSERT:public.tasks`, with the server's own record of it as its payload.
//! Nobody numbers changes, and some are told to nobody at all: see `docs/backends/supabase.md`.

use std::borrow::Cow;

use super::engineio::decode_base64;
use super::json::{self, Raw, Text, Writer};
use super::phoenix::Payload;
use crate::engine::backend::supabase::{Change, Join};
use crate::engine::limits::REPLAY_ID_BYTES_MAX;
use crate::engine::text;

/// The changes of a channel: what was asked for, and what the server calls it.
#[derive(Debug, Default)]
pub struct Changes {
    asked: Vec<Change>,
    ids: Vec<u64>,
    /// Broadcasts that are missed may be told again.
    replays: bool,
}

/// What a message means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning<'a> {
    /// Nothing to us.
    Nothing,
    /// Something happened: the name of the event and its payload, and what it is called if it may be told again.
    Event(Cow<'a, str>, Cow<'a, str>, Option<Cow<'a, str>>),
    /// Changes are told from now on.
    Ready,
    /// They are not, for this reason.
    NotReady(Cow<'a, str>),
    /// Something else is wrong with the channel.
    Trouble(Cow<'a, str>),
}

/// What the server is told with a join.
pub fn join(join: &Join, token: Option<&str>) -> String {
    let mut writer = Writer::new();
    writer.object(|w| {
        w.key("config").raw(&join.config);
        if let Some(token) = token {
            w.key("access_token").string(token);
        }
    });
    writer.finish()
}

impl Changes {
    /// Those that a join asks for.
    pub fn new(join: Join) -> Self {
        Changes {
            asked: join.changes,
            ids: Vec::new(),
            replays: join.replays,
        }
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    /// The server answers with what it understood, in the order of the question. Is it what was asked?
    pub fn matched(&mut self, response: Raw<'_>) -> bool {
        let mut good = true;
        let mut asked = self.asked.iter();
        let ids = &mut self.ids;
        if let Some(understood) = response.member("postgres_changes") {
            understood.elements(|raw| {
                good &= asked.next().is_some_and(|change| is_same(change, raw));
                ids.extend(raw.member("id").and_then(Raw::integer));
            });
        }
        good && asked.next().is_none() && ids.len() == self.asked.len()
    }

    /// Reads an event.
    pub fn read<'a>(&self, name: Cow<'a, str>, payload: Payload<'a>) -> Meaning<'a> {
        let Payload::Json(raw) = payload else {
            return Meaning::Event(name, payload.json(), None);
        };
        let word = |member| raw.member(member).and_then(Raw::string).map(Text::decode);
        match &*name {
            "postgres_changes" => self.change(raw),
            "broadcast" => match (word("event"), raw.member("payload")) {
                (Some(name), data) => {
                    let data = data.unwrap_or(Raw::NULL).text().into();
                    let of = raw.member("meta").unwrap_or(Raw::NULL);
                    Meaning::Event(name, data, self.id(of))
                }
                (None, _) => Meaning::Nothing,
            },
            "system" => {
                let is_ok = word("status").as_deref() == Some("ok");
                let of_changes = word("extension").as_deref() == Some("postgres_changes");
                match (of_changes, is_ok) {
                    (true, true) => Meaning::Ready,
                    (false, true) => Meaning::Nothing,
                    (true, false) => Meaning::NotReady(word("message").unwrap_or_default()),
                    (false, false) => Meaning::Trouble(word("message").unwrap_or_default()),
                }
            }
            _ => Meaning::Event(name, raw.text().into(), None),
        }
    }

    /// What a broadcast is called, by what the server says of it: the database names what it keeps.
    pub fn id<'a>(&self, of: Raw<'a>) -> Option<Cow<'a, str>> {
        let id = of.member("id").filter(|_| self.replays)?;
        let id = id.string().map(Text::decode)?;
        (id.len() <= REPLAY_ID_BYTES_MAX).then_some(id)
    }

    /// A change of a row, if it is one of ours. A row that is too large or not to be seen by us comes
    /// without its fields, and has changed all the same.
    fn change<'a>(&self, raw: Raw<'a>) -> Meaning<'a> {
        let mut ours = false;
        if let Some(ids) = raw.member("ids") {
            ids.elements(|id| ours |= id.integer().is_some_and(|id| self.ids.contains(&id)));
        }
        let Some(data) = raw.member("data").filter(|_| ours) else {
            return Meaning::Nothing;
        };
        let word = |member| data.member(member).and_then(Raw::string).map(Text::decode);
        let part = |member| word(member).unwrap_or_default();
        let name = text::concat(&[
            "postgres:",
            &part("type"),
            ":",
            &part("schema"),
            ".",
            &part("table"),
        ]);
        Meaning::Event(name.into(), data.text().into(), None)
    }
}

/// Does the server speak of this change?
fn is_same(change: &Change, raw: Raw<'_>) -> bool {
    let is = |member, ours: Option<&str>| {
        let theirs = raw.member(member).and_then(Raw::string).map(Text::decode);
        theirs.as_deref() == ours
    };
    is("event", Some(&change.event))
        && is("schema", Some(&change.schema))
        && is("table", change.table.as_deref())
        && is("filter", change.filter.as_deref())
}

/// A refusal in our words. Its reason begins with a code; what is not known may be a passing trouble.
pub fn code(reason: &str) -> &'static str {
    let (code, _) = text::cut(reason, b":").unwrap_or((reason, ""));
    match code {
        "ChannelRateLimitReached" | "ConnectionRateLimitReached" | "ClientJoinRateLimitReached" => {
            "rate_limited"
        }
        // Of this channel, by a token that is good.
        "Unauthorized" | "PrivateOnly" | "RealtimeDisabledForTenant" => "forbidden",
        "TopicNameRequired" | "UnableToReplayMessages" => "bad_request",
        _ if ["JWT", "Jwt"]
            .iter()
            .any(|word| text::find(code, word).is_some()) =>
        {
            "unauthorized"
        }
        _ => "internal",
    }
}

/// May a join be refused for this because it asks for what was missed? The server could not look for it, or lets
/// this user see who is there and no broadcasts.
pub fn is_about_replay(reason: &str) -> bool {
    matches!(code(reason), "bad_request" | "forbidden")
}

/// The same of a refusal to tell changes, which has no code. One of the parameters is for good: the server
/// does not try them again either.
pub fn code_of_changes(message: &str) -> &'static str {
    match text::find(message, "param") {
        Some(_) => "bad_request",
        None => "internal",
    }
}

/// What is read of a token, if it is a JWT.
#[derive(Debug, Default)]
pub struct Claims {
    /// When it ends, in milliseconds since 1970.
    pub ends_ms: Option<u64>,
    /// Whose it is.
    #[cfg(feature = "rooms")]
    pub who: Option<Box<str>>,
}

/// Reads them.
pub fn claims(token: &str) -> Option<Claims> {
    let (_, rest) = text::cut(token, b".")?;
    let (claims, _) = text::cut(rest, b".")?;
    // Spelled for addresses, and without what fills it up.
    let mut digits: Vec<u8> = claims.bytes().map(standard).collect();
    while !digits.len().is_multiple_of(4) {
        digits.push(b'=');
    }
    let claims = decode_base64(&digits).ok()?;
    let claims = json::parse(std::str::from_utf8(&claims).ok()?).ok()?;
    let ends = claims.member("exp").and_then(Raw::integer);
    Some(Claims {
        ends_ms: ends.and_then(|seconds| seconds.checked_mul(1000)),
        #[cfg(feature = "rooms")]
        who: (claims.member("sub").and_then(Raw::string)).map(|sub| (&*sub.decode()).into()),
    })
}

fn standard(digit: u8) -> u8 {
    match digit {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends_ms(token: &str) -> Option<u64> {
        claims(token)?.ends_ms
    }

    #[test]
    fn the_end_of_a_token_is_read_if_it_says_so() {
        let with = |claims: &str| {
            let mut digits = String::new();
            super::super::engineio::encode_base64(claims.as_bytes(), &mut digits);
            let digits = digits
                .trim_end_matches('=')
                .replace('+', "-")
                .replace('/', "_");
            ends_ms(&["h.", &digits, ".s"].concat())
        };
        assert_eq!(
            with(r#"{"exp":1700000000,"a":"ÿþ~~~>>>???"}"#),
            Some(1_700_000_000_000)
        );
        assert_eq!(with(r#"{"a":"~~~>>>???","exp":1}"#), Some(1000));
        for other in [r#"{"exp":-1}"#, r#"{"exp":"1"}"#, "{}", "[]", "", "{"] {
            assert_eq!(with(other), None, "{other}");
        }
        assert_eq!(
            with(r#"{"exp":9007199254740991}"#),
            Some(9_007_199_254_740_991_000)
        );
        for token in [
            "",
            "a",
            "a.b",
            "a.b.c",
            "a.é.c",
            "sb_publishable_x",
            "..",
            "h.AA=A.s",
        ] {
            assert_eq!(ends_ms(token), None, "{token}");
        }
    }
}
