//! What the app says once: how large the queue may be, and how its functions want to be treated.

use std::rc::Rc;

use super::mutation::short;
use crate::engine::config::{BadInput, bad_member};
use crate::engine::limits::{
    MUTATION_TIMEOUT, MUTATION_TIMEOUT_MAX, QUEUE_BYTES_MAX, QUEUE_COUNT_MAX, QUEUE_PARALLEL,
    QUEUE_PARALLEL_MAX,
};
use crate::engine::time::Millis;
use crate::wire::json::{Raw, Text, Writer};

/// How the queue is bounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How many mutations may wait.
    pub count: usize,
    /// How many bytes they may take.
    pub bytes: usize,
    /// How many may be on their way at a time, one a lane.
    pub parallel: usize,
    /// Whether mutations are taken although they cannot be stored at all.
    pub volatile: bool,
    /// Functions that are there from the start.
    pub handlers: Vec<(Rc<str>, Handler)>,
}

/// How a function of the app wants to be treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handler {
    /// The newest form of variables that it knows.
    pub version: u64,
    /// What a conflict comes to.
    pub conflict: Policy,
    /// After how many runs that failed for no reason of the network it is given up.
    pub attempts: Option<u32>,
    /// How long a run may take.
    pub timeout: Millis,
    /// Whether its lane waits for the user when it is given up.
    pub stops: bool,
}

/// What a conflict comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// What the server has is kept.
    Server,
    /// What the page wants is done over it.
    Client,
    /// Fields that only one side changed are kept; where both changed one, the user decides.
    Merge,
    /// The user decides.
    Ask,
}

const POLICIES: [(Policy, &str); 4] = [
    (Policy::Server, "server"),
    (Policy::Client, "client"),
    (Policy::Merge, "merge"),
    (Policy::Ask, "ask"),
];

impl Default for Settings {
    fn default() -> Self {
        Settings {
            count: QUEUE_COUNT_MAX,
            bytes: QUEUE_BYTES_MAX,
            parallel: QUEUE_PARALLEL,
            volatile: false,
            handlers: Vec::new(),
        }
    }
}

impl Default for Handler {
    fn default() -> Self {
        Handler {
            version: 0,
            conflict: Policy::Ask,
            attempts: None,
            timeout: MUTATION_TIMEOUT,
            stops: false,
        }
    }
}

impl Policy {
    /// As the app writes it.
    pub fn text(self) -> &'static str {
        POLICIES
            .iter()
            .find(|(policy, _)| *policy == self)
            .map_or("ask", |(_, text)| text)
    }

    fn parse(text: &str) -> Option<Policy> {
        POLICIES
            .iter()
            .find(|(_, have)| *have == text)
            .map(|(policy, _)| *policy)
    }
}

impl Settings {
    /// Reads `queue` and `mutations` of the app's configuration.
    pub fn parse(queue: Option<Raw<'_>>, mutations: Option<Raw<'_>>) -> Result<Settings, BadInput> {
        let mut settings = Settings::default();
        if let Some(queue) = queue.filter(|raw| !raw.is_null()) {
            if !queue.is_object() {
                return Err(BadInput::at("queue", "an object"));
            }
            // More than the defaults is not to be had: they are what a browser's storage holds.
            let bounded = |name, most: usize, usual: usize, expected| match queue.member(name) {
                None => Ok(usual),
                Some(raw) => raw
                    .integer()
                    .and_then(|number| usize::try_from(number).ok())
                    .filter(|number| (1..=most).contains(number))
                    .ok_or_else(|| bad_member("queue", name, expected)),
            };
            let (count, bytes) = (QUEUE_COUNT_MAX, QUEUE_BYTES_MAX);
            settings.count = bounded("maxCount", count, count, "a whole number from 1 to 10000")?;
            settings.bytes = bounded(
                "maxBytes",
                bytes,
                bytes,
                "a whole number of bytes, at most 3 MiB",
            )?;
            settings.parallel = bounded(
                "parallel",
                QUEUE_PARALLEL_MAX,
                QUEUE_PARALLEL,
                "a whole number from 1 to 64",
            )?;
            if let Some(raw) = queue.member("volatile") {
                let bad = || bad_member("queue", "volatile", "true or false");
                settings.volatile = raw.bool().ok_or_else(bad)?;
            }
        }
        let Some(mutations) = mutations.filter(|raw| !raw.is_null()) else {
            return Ok(settings);
        };
        if !mutations.is_object() {
            return Err(BadInput::at("mutations", "an object: name to settings"));
        }
        let mut bad = None;
        mutations.members(|name, raw| match Handler::read(raw) {
            Ok(handler) => {
                let name = name.decode().as_ref().into();
                settings.handlers.push((name, handler));
            }
            Err(wrong) => {
                let mut path = "mutations.".to_owned();
                path.push_str(&name.decode());
                if !wrong.path.is_empty() {
                    path.push('.');
                    path.push_str(&wrong.path);
                }
                bad.get_or_insert(BadInput::at(path, wrong.expected));
            }
        });
        match bad {
            Some(bad) => Err(bad),
            None => Ok(settings),
        }
    }
}

impl Handler {
    /// Reads a handler's settings; what is not there is as usual.
    pub fn read(raw: Raw<'_>) -> Result<Handler, BadInput> {
        if !raw.is_object() {
            return Err(BadInput::at("", "an object"));
        }
        let usual = Handler::default();
        let number = |name, least, most, expected| match raw.member(name) {
            None => Ok(None),
            Some(value) => match value.integer() {
                Some(number) if (least..=most).contains(&number) => Ok(Some(number)),
                Some(_) | None => Err(BadInput::at(name, expected)),
            },
        };
        let version = number("version", 0, u64::MAX, "a whole number")?;
        let attempts = number("attempts", 1, u64::from(u32::MAX), "a whole number above 0")?;
        let timeout = number(
            "timeout",
            1,
            MUTATION_TIMEOUT_MAX.0,
            "whole milliseconds, at most 30 minutes",
        )?;
        Ok(Handler {
            version: version.unwrap_or(usual.version),
            conflict: match raw.member("conflict") {
                None => usual.conflict,
                Some(raw) => raw
                    .string()
                    .and_then(|word| Policy::parse(&word.decode()))
                    .ok_or_else(|| {
                        BadInput::at("conflict", "\"server\", \"client\", \"merge\" or \"ask\"")
                    })?,
            },
            attempts: attempts.and_then(|most| u32::try_from(most).ok()),
            timeout: timeout.map_or(usual.timeout, Millis),
            stops: match raw.member("stops") {
                None => usual.stops,
                Some(raw) => raw
                    .bool()
                    .ok_or_else(|| BadInput::at("stops", "true or false"))?,
            },
        })
    }

    /// Writes what [`Handler::read`] reads, with its name.
    pub fn write(&self, w: &mut Writer, name: &str) {
        w.object(|w| {
            w.key("name").string(name);
            w.key("version").number(self.version);
            w.key("conflict").string(self.conflict.text());
            if let Some(attempts) = self.attempts {
                w.key("attempts").number(attempts.into());
            }
            w.key("timeout").number(self.timeout.0);
            w.key("stops").bool(self.stops);
        });
    }

    /// Reads what [`Handler::write`] wrote.
    pub fn read_named(raw: Raw<'_>) -> Option<(Rc<str>, Handler)> {
        Some((short(raw.member("name")?)?, Handler::read(raw).ok()?))
    }
}

/// What the app wants to be done, before it is accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// The number that the app gave its call.
    pub call: u64,
    /// Which function.
    pub name: Rc<str>,
    /// The version of the variables' form.
    pub version: u64,
    /// What the function is given, as JSON text.
    pub vars: Rc<str>,
    /// The lane.
    pub lane: Rc<str>,
    /// What the app edited, as JSON text.
    pub base: Option<Rc<str>>,
    /// The kind of input.
    pub kind: super::kind::Kind,
    /// What a newer one replaces it by.
    pub coalesce: Option<Rc<str>>,
    /// Whether all before must be through first.
    pub barrier: bool,
    /// The stamp of what it replaces.
    pub over: Option<crate::engine::hlc::Stamp>,
}

/// The lane of a mutation that names none: all of them go in order.
const DEFAULT_LANE: &str = "default";

impl Draft {
    /// Reads `{"do":"mutate","id":7,"name":…,"vars":…,"lane":…}` and what is optional.
    pub fn parse(raw: Raw<'_>) -> Result<Draft, BadInput> {
        let name = |member: &'static str| match raw.member(member) {
            None => Ok(None),
            Some(raw) => short(raw)
                .filter(|name| !name.is_empty())
                .map(Some)
                .ok_or(BadInput::at(member, "a string of 1 to 255 bytes")),
        };
        let missing = |member: &'static str, expected| BadInput::at(member, expected);
        let word = |member: &str| raw.member(member).map(|raw| raw.string().map(Text::decode));
        Ok(Draft {
            call: raw
                .member("id")
                .and_then(Raw::integer)
                .ok_or_else(|| missing("id", "the number of the call"))?,
            name: name("name")?.ok_or_else(|| missing("name", "the name of a mutation"))?,
            version: match raw.member("version") {
                None => 0,
                Some(raw) => raw
                    .integer()
                    .ok_or_else(|| missing("version", "a whole number"))?,
            },
            vars: raw.member("vars").map_or("null", Raw::text).into(),
            lane: name("lane")?.unwrap_or_else(|| DEFAULT_LANE.into()),
            base: raw.member("base").map(|base| base.text().into()),
            kind: match word("kind") {
                None => super::kind::Kind::Plain,
                Some(word) => word
                    .and_then(|word| super::kind::Kind::parse(&word))
                    .ok_or_else(|| missing("kind", "a kind of input that exists"))?,
            },
            coalesce: name("coalesce")?,
            barrier: match raw.member("barrier") {
                None => false,
                Some(raw) => raw
                    .bool()
                    .ok_or_else(|| missing("barrier", "true or false"))?,
            },
            over: match word("over") {
                None => None,
                Some(word) => Some(
                    word.and_then(|word| crate::engine::hlc::Stamp::parse(&word))
                        .ok_or_else(|| missing("over", "a stamp"))?,
                ),
            },
        })
    }
}
