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

use super::freshness::contract::{Contract, contracts};
use super::ids::{TabId, number_text};
use super::invalidation::Route;
use super::invalidation::route::read_routes;
use super::key::QueryKey;
use super::limits;
use super::queue::Settings;
use crate::wire::json::{self, Raw, Text};

/// What the app wants, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Whose data this is. Tabs of different principals have nothing in common.
    pub user: Option<String>,
    /// Several instances on a page are told apart by their names.
    pub name: String,
    /// Where the native server listens: an absolute `ws:` or `wss:` URL.
    pub url: String,
    /// Channels that are watched from the start.
    pub channels: Vec<String>,
    /// Which event makes which queries stale.
    pub routes: Vec<Route>,
    /// How the queue of mutations is bounded, and how the app's functions want to be treated.
    pub queue: Settings,
    /// How fresh which queries have to be.
    pub contracts: Vec<Contract>,
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
    /// The name that tabs of the same instance, principal and backend share, and no others. It
    /// names locks and channels, which any script of the origin can list: so it is a hash.
    pub fn scope(&self) -> String {
        let mut hash = 0xCBF2_9CE4_8422_2325u64;
        let parts = [&self.name, &self.url, self.user.as_deref().unwrap_or("")];
        for part in parts {
            // FNV-1a; a byte that no UTF-8 has keeps the parts apart.
            for byte in part.bytes().chain([0xFF]) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
            }
        }
        // The version of what tabs say to each other: tabs of two releases of an app can be open at
        // a time, and a lock that they shared would be taken to and fro.
        let mut scope = "everfresh:1:".to_owned();
        scope.push_str(&TabId(hash).text());
        scope
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
        if string(backend.member("kind")).as_deref() != Some("everfresh") {
            return Err(BadInput::at("backend.kind", "\"everfresh\""));
        }
        Ok(Config {
            user: user(raw.member("user"))?,
            name: name(raw.member("name"))?,
            url: url(backend.member("url"))?,
            channels: channels(raw.member("channels"))?,
            routes: routes(raw.member("events"))?,
            queue: Settings::parse(raw.member("queue"), raw.member("mutations"))?,
            contracts: contracts(raw.member("contracts"))?,
        })
    }
}

fn string(raw: Option<Raw<'_>>) -> Option<String> {
    raw?.string().map(Text::decode).map(String::from)
}

fn user(raw: Option<Raw<'_>>) -> Result<Option<String>, BadInput> {
    match raw {
        None => Ok(None),
        Some(raw) if raw.is_null() => Ok(None),
        Some(_) => string(raw)
            .filter(|user| !user.is_empty())
            .map(Some)
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

/// Is it a name that every server accepts?
pub fn is_channel_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= limits::CHANNEL_NAME_BYTES_MAX
        && !name.chars().any(char::is_control)
}

fn channels(raw: Option<Raw<'_>>) -> Result<Vec<String>, BadInput> {
    let mut out = Vec::new();
    let Some(raw) = raw else { return Ok(out) };
    if !raw.is_array() {
        return Err(BadInput::at("channels", "an array of channel names"));
    }
    let mut bad = None;
    raw.elements(|element| match string(Some(element)) {
        Some(name) if is_channel_name(&name) => out.push(name),
        _ => {
            bad.get_or_insert(out.len());
        }
    });
    if let Some(index) = bad {
        let path = indexed("channels", index);
        return Err(BadInput::at(
            path,
            "a name of 1 to 255 bytes without control characters",
        ));
    }
    if out.len() > limits::CHANNELS_MAX {
        return Err(BadInput::at("channels", "at most 50 channels"));
    }
    Ok(out)
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
        assert_eq!(config.user.as_deref(), Some("u1"));
        assert_eq!(config.name, "default");
        assert_eq!(config.url, "ws://h/live");
        assert_eq!(config.channels, ["tasks"]);
        assert_eq!(config.routes[0].event, "task_updated");
        assert_eq!(
            config.routes[0].targets[1].wide.text(),
            r#"["counts",{"a":1}]"#
        );
    }

    #[test]
    fn what_is_wrong_is_named_with_its_path() {
        let cases = [
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
