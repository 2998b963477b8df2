//! Settings as the app gave them, checked once: what is in a [`Config`] can be used as it is.
//!
//! # Routes
//!
//! `events` is an object from event names to routes. The short form is a list of query keys, each
//! a prefix of what the event makes stale:
//!
//! ```json
//! { "task_updated": [["tasks"], ["counts"]] }
//! ```
//!
//! Strings like `"$.task.project_id"` in a key stand for what the payload has there. Where the
//! payload has nothing, or `null`, or a number that JavaScript would round, the key ends before the
//! element: more becomes stale, never less. `"$$.x"` is the string `"$.x"`. The value has to be of
//! the type that the page has in its key: `7` and `"7"` are two keys, as in TanStack Query.
//!
//! A last element `{"$range": [["$.start", "$.end"], ["$.old_start", "$.old_end"]]}` narrows the
//! family to keys that show one of these spans of time: whose next element is `{"from", "to"}`,
//! or whose next two elements are moments. Moments are ISO 8601 texts or milliseconds since 1970;
//! one without a zone means any zone. A pair that is `null` is left out; one that is missing or
//! unreadable widens to the whole family. Apps without an adapter are told the whole family.
//!
//! The long form says besides where the payload names the change, so that several layers that
//! tell of it count once, and the echo of one's own mutation costs nothing:
//!
//! ```json
//! { "tasks_changed": {
//!     "keys": [["tasks", "$.project_id"]],
//!     "as": "task_updated",
//!     "change": "$.change_id", "entity": "$.id", "version": "$.version", "mutation": "$.mid" } }
//! ```
//!
//! A change is known by `change`, or by `entity` and `version` together with the event's name (or
//! `as`, where layers have names of their own). `version` has to be one order over all that the
//! families show if adapters report versions: a position in a log or a time, not a row's counter.

use std::rc::Rc;

use super::backend::Speaks;
use super::channels::Settings;
use super::freshness::contract::{Contract, contracts};
use super::http;
use super::ids::{Scope, number_text};
use super::invalidation::Route;
use super::invalidation::route::read_routes;
use super::key::QueryKey;
use super::layers::HERE;
use super::limits;
use super::principal::{self, User};
use super::queue;
use super::record::Wish;
use super::status::Transport;
use super::time::Millis;
use crate::wire::json::{self, Raw, Text};

/// What the app wants, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Whose data this is. Tabs of different principals have nothing in common.
    pub user: Option<User>,
    /// Several instances on a page are told apart by their names.
    pub name: String,
    /// A hash of that name and of the backend.
    pub base: Scope,
    /// Where the server listens: an absolute `ws:` or `wss:` URL.
    pub url: String,
    /// What it speaks.
    pub speaks: Speaks,
    /// The names of this and the other backends of the instance; none where this is the only one.
    pub layers: Vec<String>,
    /// What to connect with, the best first. Never empty.
    pub ladder: Vec<Transport>,
    /// Dials in a row that may fail before the server is only looked for now and then.
    pub attempts_max: Option<u32>,
    /// Whether the app has a function that gives tokens.
    pub has_tokens: bool,
    /// Channels that are watched from the start.
    pub channels: Vec<String>,
    /// How many channels, and how long one that nobody watches is kept.
    pub keep: Settings,
    /// Which event makes which queries stale.
    pub routes: Vec<Route>,
    /// How the queue of mutations is bounded, and how the app's functions want to be treated.
    pub queue: queue::Settings,
    /// How fresh which queries have to be.
    pub contracts: Vec<Contract>,
    /// Whether the run is to be recorded.
    pub record: Option<Wish>,
}

/// What is wrong with something that the app gave us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadInput {
    /// Where it is, like `events.task_updated[0]`.
    pub path: String,
    /// What would have been right.
    pub expected: &'static str,
}

impl BadInput {
    /// Something is wrong at a path.
    pub fn at(path: impl Into<String>, expected: &'static str) -> Self {
        BadInput {
            path: path.into(),
            expected,
        }
    }
}

impl Config {
    /// The name that tabs of the same instance, principal and backend share, and no others.
    pub fn scope(&self) -> Rc<str> {
        principal::scope_name(principal::scope(self))
    }

    /// The address of a door that the server has for plain HTTP. It lies beside the socket's, and
    /// keeps what follows the `?` there.
    pub fn http_url(&self, door: &str) -> String {
        http::door(&self.url, door)
    }

    /// Reads the settings from JSON text. Members that are not known are passed over: the npm
    /// package checks spelling, because it knows the types.
    pub fn parse(text: &str) -> Result<Config, BadInput> {
        let raw = json::parse(text).map_err(|_| BadInput::at("", "a JSON object"))?;
        if !raw.is_object() {
            return Err(BadInput::at("", "an object"));
        }
        let backend = raw
            .member("backend")
            .filter(|backend| backend.is_object())
            .ok_or_else(|| BadInput::at("backend", "an object"))?;
        let record = Wish::read(raw)?;
        let speaks = Speaks::read(backend)?;
        #[cfg(feature = "centrifugo")]
        let speaks = match record {
            Some(_) => speaks.whole(),
            None => speaks,
        };
        let name = name(raw.member("name"))?;
        let url = url(backend.member("url"))?;
        Ok(Config {
            user: user(raw.member("user"))?,
            base: principal::base(&name, &url, speaks.place()),
            name,
            url,
            layers: layers(raw.member("layers"))?,
            ladder: ladder(backend.member("ladder"), &speaks)?,
            attempts_max: attempts_max(backend.member("maxAttempts"))?,
            has_tokens: has_tokens(raw.member("getToken"))?,
            channels: channels(raw.member("channels"), &speaks)?,
            speaks,
            keep: keep(raw)?,
            routes: routes(raw.member("events"))?,
            queue: queue::Settings::parse(raw.member("queue"), raw.member("mutations"))?,
            contracts: contracts(raw.member("contracts"))?,
            record,
        })
    }
}

fn string(raw: Option<Raw<'_>>) -> Option<String> {
    raw?.string().map(Text::decode).map(String::from)
}

/// Reads a person's id.
pub fn user(raw: Option<Raw<'_>>) -> Result<Option<User>, BadInput> {
    match raw {
        None => Ok(None),
        Some(raw) if raw.is_null() => Ok(None),
        Some(_) => string(raw)
            .filter(|user| !user.is_empty())
            .map(|user| Some(User::new(&user)))
            .ok_or_else(|| BadInput::at("user", "a non-empty string, or null before login")),
    }
}

fn name(raw: Option<Raw<'_>>) -> Result<String, BadInput> {
    match raw {
        None => Ok("default".to_owned()),
        Some(_) => string(raw)
            .filter(|name| !name.is_empty())
            .ok_or_else(|| BadInput::at("name", "a non-empty string")),
    }
}

fn url(raw: Option<Raw<'_>>) -> Result<String, BadInput> {
    string(raw)
        .filter(|url| url.starts_with("ws://") || url.starts_with("wss://"))
        .ok_or_else(|| BadInput::at("backend.url", "an absolute ws: or wss: URL"))
}

fn ladder(raw: Option<Raw<'_>>, speaks: &Speaks) -> Result<Vec<Transport>, BadInput> {
    let bad = || {
        BadInput::at(
            "backend.ladder",
            "some of \"ws\", \"sse\", \"poll\" that the backend has, each once",
        )
    };
    let Some(raw) = raw else {
        return Ok(speaks.usual());
    };
    let mut out = Vec::new();
    let mut good = true;
    raw.elements(
        |element| match string(Some(element)).as_deref().and_then(Transport::parse) {
            Some(transport) if speaks.goes_by(transport) && !out.contains(&transport) => {
                out.push(transport);
            }
            _ => good = false,
        },
    );
    if out.is_empty() || !good {
        return Err(bad());
    }
    Ok(out)
}

fn layers(raw: Option<Raw<'_>>) -> Result<Vec<String>, BadInput> {
    let mut out: Vec<String> = Vec::new();
    let Some(raw) = raw else {
        return Ok(out);
    };
    let mut good = raw.is_array();
    raw.elements(|element| match string(Some(element)) {
        Some(name) if is_layer_name(&name) && !out.contains(&name) => out.push(name),
        _ => good = false,
    });
    if good && (2..=limits::LAYERS_MAX).contains(&out.len()) && HERE {
        return Ok(out);
    }
    Err(BadInput::at(
        "layers",
        "two to eight names of backends, each once",
    ))
}

fn is_layer_name(name: &str) -> bool {
    is_channel_name(name) && name.len() <= limits::LAYER_NAME_BYTES_MAX
}

fn attempts_max(raw: Option<Raw<'_>>) -> Result<Option<u32>, BadInput> {
    match raw {
        None => Ok(None),
        Some(raw) if raw.is_null() => Ok(None),
        Some(raw) => raw
            .integer()
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| *number > 0)
            .map(Some)
            .ok_or_else(|| BadInput::at("backend.maxAttempts", "a whole number above 0, or null")),
    }
}

fn has_tokens(raw: Option<Raw<'_>>) -> Result<bool, BadInput> {
    match raw {
        None => Ok(false),
        Some(raw) => raw
            .bool()
            .ok_or_else(|| BadInput::at("getToken", "true or false")),
    }
}

/// Is it a name that every server accepts?
pub fn is_channel_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= limits::CHANNEL_NAME_BYTES_MAX
        && !name.chars().any(char::is_control)
}

fn channels(raw: Option<Raw<'_>>, speaks: &Speaks) -> Result<Vec<String>, BadInput> {
    let mut out = Vec::new();
    let Some(raw) = raw else {
        out.extend(speaks.always());
        return Ok(out);
    };
    if !raw.is_array() {
        return Err(BadInput::at("channels", "an array of channel names"));
    }
    let mut bad = None;
    raw.elements(|element| match string(Some(element)) {
        Some(name) if speaks.is_channel(&name) => out.push(name),
        _ => {
            bad.get_or_insert(out.len());
        }
    });
    if let Some(index) = bad {
        let path = indexed("channels", index);
        return Err(BadInput::at(
            path,
            "a name of 1 to 255 bytes without control characters; of Socket.IO a namespace",
        ));
    }
    if let Some(always) = speaks.always().filter(|name| !out.contains(name)) {
        out.push(always);
    }
    if out.len() > limits::CHANNELS_MAX {
        return Err(BadInput::at("channels", "at most 50 channels"));
    }
    Ok(out)
}

fn keep(raw: Raw<'_>) -> Result<Settings, BadInput> {
    let number = |name: &'static str, least: u64, most: u64, expected: &'static str| {
        let Some(value) = raw.member(name) else {
            return Ok(None);
        };
        match value.integer() {
            Some(number) if (least..=most).contains(&number) => Ok(Some(number)),
            Some(_) | None => Err(BadInput::at(name, expected)),
        }
    };
    let mut keep = Settings::default();
    let most = limits::CHANNELS_CAP_MAX as u64;
    if let Some(cap) = number("channelsMax", 1, most, "a number from 1 to 500")? {
        keep.cap = cap as usize;
    }
    let most = limits::CHANNEL_IDLE_MAX.0;
    let expected = "milliseconds, at most a day";
    if let Some(idle) = number("channelIdle", 0, most, expected)? {
        keep.idle = Millis(idle);
    }
    Ok(keep)
}

fn routes(raw: Option<Raw<'_>>) -> Result<Vec<Route>, BadInput> {
    let Some(raw) = raw else {
        return Ok(Vec::new());
    };
    if !raw.is_object() {
        return Err(BadInput::at(
            "events",
            "an object: event name to query keys",
        ));
    }
    let out = read_routes(raw)?;
    if out.len() > limits::ROUTES_MAX {
        return Err(BadInput::at("events", "at most 1000 events"));
    }
    Ok(out)
}

/// Reads a list of query keys; what is wrong comes with the index of the first bad one.
pub fn keys(raw: Raw<'_>) -> Result<Vec<QueryKey>, (Option<usize>, &'static str)> {
    if !raw.is_array() {
        return Err((None, "an array of query keys"));
    }
    let mut out = Vec::new();
    let mut bad = None;
    raw.elements(|element| match QueryKey::new(element) {
        Some(key) => out.push(key),
        None => {
            bad.get_or_insert(out.len());
        }
    });
    match bad {
        Some(index) => Err((Some(index), "a query key: an array of at most 4096 bytes")),
        None => Ok(out),
    }
}

/// A member of an object at a path is not what it should be.
pub(crate) fn bad_member(path: &str, member: &str, expected: &'static str) -> BadInput {
    let mut at = path.to_owned();
    at.push('.');
    at.push_str(member);
    BadInput::at(at, expected)
}

/// The path of an element.
pub(crate) fn indexed(path: &str, index: usize) -> String {
    let mut out = path.to_owned();
    out.push('[');
    out.push_str(&number_text(index as u64));
    out.push(']');
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const GOOD: &str = r#"{"user":"u1","backend":{"kind":"everfresh","url":"ws://h/live"},
        "channels":["tasks"],"events":{"task_updated":[["tasks"],["counts",{"a":1}]]}}"#;

    #[test]
    fn settings_are_read() {
        let config = Config::parse(GOOD).unwrap();
        assert_eq!(config.user, Some(User::new("u1")));
        assert_eq!(config.name, "default");
        assert_eq!(config.url, "ws://h/live");
        assert_eq!(config.channels, ["tasks"]);
        assert_eq!(config.routes[0].event, "task_updated");
        assert_eq!(config.keep, Settings::default());
        assert_eq!(
            config.routes[0].targets[1].wide.text(),
            r#"["counts",{"a":1}]"#
        );
    }

    #[test]
    fn the_doors_for_plain_http_lie_beside_the_socket() {
        let config = |url: &str| Config {
            url: url.to_owned(),
            ..Config::parse(GOOD).unwrap()
        };
        assert_eq!(config("ws://h/live").http_url("sse"), "http://h/live/sse");
        assert_eq!(
            config("wss://h/live?a=b").http_url("poll"),
            "https://h/live/poll?a=b"
        );
        assert_eq!(
            config("wss://h/live?a=b").http_url(""),
            "https://h/live?a=b"
        );
        assert_eq!(
            config("ws://ws.h/ws/").http_url("send"),
            "http://ws.h/ws/send"
        );
    }

    #[test]
    fn a_ladder_is_a_socket_unless_the_app_wants_more() {
        let parse = |backend: &str| {
            Config::parse(&format!(
                r#"{{"backend":{{"kind":"everfresh","url":"ws://h"{backend}}},"getToken":true}}"#
            ))
        };
        let config = parse("").unwrap();
        assert_eq!(config.ladder, [Transport::Socket]);
        assert_eq!((config.attempts_max, config.has_tokens), (None, true));
        let config = parse(r#","ladder":["sse","poll"],"maxAttempts":3"#).unwrap();
        assert_eq!(config.ladder, [Transport::Stream, Transport::Poll]);
        assert_eq!(config.attempts_max, Some(3));
        for ladder in ["[]", r#"["fax"]"#, r#"["ws","ws"]"#, "1"] {
            let bad = parse(&format!(r#","ladder":{ladder}"#)).unwrap_err();
            assert_eq!(bad.path, "backend.ladder", "{ladder}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_path() {
        let cases = [
            (
                r#"{"backend":{"kind":"everfresh","url":"ws://h","maxAttempts":0}}"#,
                "backend.maxAttempts",
            ),
            (
                r#"{"backend":{"kind":"everfresh","url":"ws://h"},"getToken":"yes"}"#,
                "getToken",
            ),
            ("[]", ""),
            ("{", ""),
            ("{}", "backend"),
            (r#"{"backend":{"kind":"fax"}}"#, "backend.kind"),
            (
                r#"{"backend":{"kind":"everfresh","url":"/live"}}"#,
                "backend.url",
            ),
            (
                r#"{"user":"","backend":{"kind":"everfresh","url":"ws://h"}}"#,
                "user",
            ),
            (
                r#"{"backend":{"kind":"everfresh","url":"ws://h"},"channels":["a",""]}"#,
                "channels[1]",
            ),
            (
                r#"{"backend":{"kind":"everfresh","url":"ws://h"},"channelsMax":0}"#,
                "channelsMax",
            ),
            (
                r#"{"backend":{"kind":"everfresh","url":"ws://h"},"channelIdle":86400001}"#,
                "channelIdle",
            ),
            (
                r#"{"backend":{"kind":"everfresh","url":"ws://h"},"events":{"e":"tasks"}}"#,
                "events.e",
            ),
            (
                r#"{"backend":{"kind":"everfresh","url":"ws://h"},"events":{"e":[["a"],"b"]}}"#,
                "events.e[1]",
            ),
        ];
        for (text, path) in cases {
            assert_eq!(Config::parse(text).unwrap_err().path, path, "{text}");
        }
    }
}
