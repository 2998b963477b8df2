//! Everything that can be set, each once: its name, what it means, and where its value goes.
//!
//! A name is a flag (`--ping-ms`), a variable (`EVERFRESH_PING_MS`) and a key of the file (`ping-ms`). What holds
//! when nothing is said is what [`Config::default`] has there, so the help and the documents cannot drift from it:
//! `read_tests.rs` compares them.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::{Config, DatabaseUrl, Hidden, Level};
use crate::address::Proxies;
use crate::neighbours::Neighbours;
use crate::protocol::DATA_DEPTH_MAX;
use crate::quota::Rate;
use crate::secret::Secret;

/// One thing that can be set.
pub(crate) struct Setting {
    /// The name, as a flag without its dashes.
    pub(crate) name: &'static str,
    /// What stands for its value in the help.
    value: &'static str,
    /// What it means, for the help.
    about: &'static str,
    /// Where the value is kept, and which values there are.
    slot: fn(&mut Config) -> Slot<'_>,
}

/// Where a value is kept.
pub(crate) enum Slot<'a> {
    /// Any text.
    Text(&'a mut String),
    /// A file or a folder.
    Path(&'a mut Option<PathBuf>),
    /// What no log, no error and no list of processes may show.
    Secret(&'a mut Option<Hidden>),
    /// The same, which has to be hard to guess and to fit in a header.
    Key(&'a mut Option<Secret>),
    /// The address of a database, which may hold a password.
    Database(&'a mut Option<DatabaseUrl>),
    /// On or off.
    Switch(&'a mut bool),
    /// Several texts.
    List(&'a mut Vec<String>),
    /// Several addresses.
    Addresses(&'a mut Proxies),
    /// Several other servers, by names.
    Neighbours(&'a mut Neighbours),
    /// A text that may be missing.
    Maybe(&'a mut Option<String>),
    /// Which lines of the log are written.
    Level(&'a mut Level),
    /// So many at once and so many a second, as `100+5`.
    Rate(&'a mut Rate),
    /// A time, in this unit.
    Time(&'a mut Duration, Unit, RangeInclusive<u64>),
    /// How many.
    Count(&'a mut usize, RangeInclusive<usize>),
    /// How many, where it may be more than memory holds.
    Number(&'a mut u64, RangeInclusive<u64>),
}

/// In what a time is given. The name of the setting ends in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Thousandths of a second.
    Milliseconds,
    /// Seconds.
    Seconds,
}

/// What a value should have been.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wanted(pub(crate) String);

impl Unit {
    fn of(self, count: u64) -> Duration {
        match self {
            Self::Milliseconds => Duration::from_millis(count),
            Self::Seconds => Duration::from_secs(count),
        }
    }

    fn count(self, time: Duration) -> u128 {
        match self {
            Self::Milliseconds => time.as_millis(),
            Self::Seconds => u128::from(time.as_secs()),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Milliseconds => "milliseconds",
            Self::Seconds => "seconds",
        }
    }
}

impl Setting {
    /// Where its value is kept in `config`.
    pub(crate) fn slot<'a>(&self, config: &'a mut Config) -> Slot<'a> {
        (self.slot)(config)
    }

    /// The variable's name.
    pub(crate) fn variable(&self) -> String {
        let name = self.name.replace('-', "_").to_ascii_uppercase();
        format!("EVERFRESH_{name}")
    }

    /// What holds when nothing is said, as the documents write it.
    pub(crate) fn default(&self) -> String {
        let mut config = Config::default();
        match self.slot(&mut config) {
            Slot::Text(text) => text.clone(),
            Slot::Path(path) => shown_or_none(path.as_ref().map(|path| path.display().to_string())),
            Slot::Secret(_) | Slot::Key(_) | Slot::Database(_) => "none".to_owned(),
            Slot::Switch(on) => if *on { "on" } else { "off" }.to_owned(),
            Slot::List(texts) => shown_or_none((!texts.is_empty()).then(|| texts.join(", "))),
            Slot::Addresses(proxies) => {
                shown_or_none(Some(proxies.texts().join(", ")).filter(|text| !text.is_empty()))
            }
            Slot::Neighbours(all) => {
                shown_or_none(Some(all.texts().join(", ")).filter(|text| !text.is_empty()))
            }
            Slot::Maybe(text) => shown_or_none(text.clone()),
            Slot::Level(level) => LEVELS
                .iter()
                .find(|(_, known)| known == level)
                .map_or("", |(name, _)| name)
                .to_owned(),
            Slot::Rate(rate) => format!("{}+{}", rate.at_once, rate.a_second),
            Slot::Time(time, unit, _) => unit.count(*time).to_string(),
            Slot::Count(count, _) => count.to_string(),
            Slot::Number(number, _) => number.to_string(),
        }
    }

    /// Its lines of the help.
    pub(crate) fn help(&self) -> String {
        let flag = format!("--{} {}", self.name, self.value);
        let default = self.default();
        format!("  {:28} {} [{default}]\n", flag.trim_end(), self.about)
    }
}

fn shown_or_none(text: Option<String>) -> String {
    text.unwrap_or_else(|| "none".to_owned())
}

impl Slot<'_> {
    /// Puts values in. Where one is wanted, the last counts.
    ///
    /// # Errors
    /// When a value makes no sense here.
    pub(crate) fn put(self, values: &[String]) -> Result<(), Wanted> {
        let last = values.last().map(String::as_str).unwrap_or_default();
        match self {
            Self::Text(text) => {
                if last.is_empty() {
                    return Err(Wanted("a text that is not empty".to_owned()));
                }
                last.clone_into(text);
            }
            Self::Path(path) => *path = (!last.is_empty()).then(|| PathBuf::from(last)),
            Self::Secret(secret) => *secret = (!last.is_empty()).then(|| Hidden::new(last)),
            Self::Key(key) => {
                let secret = Secret::new(last).map_err(|weak| Wanted(weak.to_string()))?;
                *key = Some(secret);
            }
            Self::Database(database) => {
                let url = DatabaseUrl::new(last).map_err(|none| Wanted(none.to_string()));
                *database = if last.is_empty() { None } else { Some(url?) };
            }
            Self::Switch(on) => {
                *on = match last {
                    "1" | "true" => true,
                    "" | "0" | "false" => false,
                    _ => return Err(Wanted("1 or 0".to_owned())),
                }
            }
            Self::List(texts) => *texts = values.to_vec(),
            Self::Addresses(proxies) => {
                *proxies = Proxies::parse(values).map_err(|bad| {
                    Wanted(format!(
                        "addresses, or blocks such as 10.0.0.0/8, without {bad:?}"
                    ))
                })?;
            }
            Self::Neighbours(all) => {
                *all = Neighbours::parse(values).map_err(|bad| {
                    Wanted(format!(
                        "NAME=ORIGIN, such as feed=http://127.0.0.1:4000, without {bad:?}"
                    ))
                })?;
            }
            Self::Maybe(text) => *text = (!last.is_empty()).then(|| last.to_owned()),
            Self::Level(level) => {
                let known = LEVELS.iter().find(|(name, _)| *name == last);
                *level = known
                    .ok_or_else(|| Wanted("error, warn or info".to_owned()))?
                    .1;
            }
            Self::Rate(rate) => {
                let wanted =
                    || Wanted("so many at once and so many a second, such as 100+5".to_owned());
                let (at_once, a_second) = last.split_once('+').ok_or_else(wanted)?;
                let count = |text| number(text, &(1..=1_000_000), "").map_err(|_bad| wanted());
                *rate = Rate {
                    at_once: count(at_once)?,
                    a_second: count(a_second)?,
                };
            }
            Self::Time(time, unit, range) => *time = unit.of(number(last, &range, unit.name())?),
            Self::Count(count, range) => *count = number(last, &range, "")?,
            Self::Number(count, range) => *count = number(last, &range, "")?,
        }
        Ok(())
    }

    /// Does it take several values?
    pub(crate) fn is_list(&self) -> bool {
        matches!(
            self,
            Self::List(_) | Self::Addresses(_) | Self::Neighbours(_)
        )
    }

    /// Is it a flag without a value?
    pub(crate) fn is_switch(&self) -> bool {
        matches!(self, Self::Switch(_))
    }

    /// May it be a flag, which everybody on the machine can see?
    pub(crate) fn is_for_flags(&self) -> bool {
        !matches!(self, Self::Secret(_))
    }

    /// May nobody see the value?
    pub(crate) fn is_secret(&self) -> bool {
        matches!(self, Self::Secret(_) | Self::Key(_) | Self::Database(_))
    }
}

fn number<N: std::str::FromStr + PartialOrd + std::fmt::Display>(
    text: &str,
    range: &RangeInclusive<N>,
    unit: &str,
) -> Result<N, Wanted> {
    match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => {
            let wanted = format!("{} to {} {unit}", range.start(), range.end());
            Err(Wanted(wanted.trim_end().to_owned()))
        }
    }
}

/// The levels of the log, by their names.
const LEVELS: [(&str, Level); 3] = [
    ("error", Level::Error),
    ("warn", Level::Warn),
    ("info", Level::Info),
];

/// The most that anything is counted up to: no bound at all, as good as.
const MANY: u64 = 1_000_000_000;

/// The same where memory is the bound.
const MANY_HERE: usize = 1_000_000_000;

/// A mebibyte.
const MIB: usize = 1024 * 1024;

/// An hour, in milliseconds.
const HOUR: u64 = 3_600_000;

macro_rules! setting {
    ($name:literal, $value:literal, $about:literal, $slot:expr) => {
        Setting {
            name: $name,
            value: $value,
            about: $about,
            slot: $slot,
        }
    };
}

use Unit::{Milliseconds, Seconds};

/// All of them, in the order of the help.
#[rustfmt::skip]
pub(crate) const SETTINGS: &[Setting] = &[
    setting!("listen", "ADDR", "where to listen; port 0 takes a free one", |c| Slot::Text(&mut c.listen)),
    setting!("www", "DIR", "serve the built page in DIR", |c| Slot::Path(&mut c.www)),
    setting!("data", "FILE", "keep records and events in this SQLite file; in memory without one", |c| Slot::Path(&mut c.data)),
    setting!("database", "URL", "keep them in PostgreSQL instead, such as postgres://USER@HOST/NAME?sslmode=verify-full&sslrootcert=FILE; with a password better by the variable", |c| Slot::Database(&mut c.database)),
    setting!("demo", "", "example tasks, publishing for everybody if there is no key, and a lab of faults under /demo/", |c| Slot::Switch(&mut c.demo)),
    setting!("beside", "NAME=ORIGIN", "let the served page talk to this origin too; the demo tells it the name; repeatable", |c| Slot::Neighbours(&mut c.beside)),
    setting!("allow-origin", "ORIGIN", "let pages of this origin in too, such as https://app.example.com; repeatable", |c| Slot::List(&mut c.allow_origins)),
    setting!("people", "FILE", "let only those in whose tokens are in FILE, a line `TOKEN NAME CHANNEL...` each; a channel may end in *", |c| Slot::Path(&mut c.people)),
    setting!("publish-key", "KEY", "who sends this key may POST /api/publish and /api/kick; better by the variable", |c| Slot::Key(&mut c.publish_key)),
    setting!("rules", "FILE", "who may do what on which channels; TOML", |c| Slot::Path(&mut c.rules)),
    setting!("reload-ms", "MS", "how often files are looked at that may change while it runs", |c| Slot::Time(&mut c.reload, Milliseconds, 10..=HOUR)),

    setting!("jwt-secret", "TEXT", "secret of HS256 tokens; never a flag", |c| Slot::Secret(&mut c.tokens.secret)),
    setting!("jwt-secret-file", "FILE", "file with that secret", |c| Slot::Path(&mut c.tokens.secret_file)),
    setting!("jwt-public-key", "FILE", "public key of ES256 tokens; PEM", |c| Slot::Path(&mut c.tokens.public_key)),
    setting!("jwt-jwks", "FILE", "public keys of tokens; a JSON Web Key Set", |c| Slot::Path(&mut c.tokens.jwks)),
    setting!("jwt-audience", "TEXT", "a token is for one of these (`aud`); repeatable", |c| Slot::List(&mut c.tokens.audience)),
    setting!("jwt-issuer", "TEXT", "a token is of one of these (`iss`); repeatable", |c| Slot::List(&mut c.tokens.issuer)),
    setting!("jwt-leeway-s", "S", "how much clocks may disagree", |c| Slot::Time(&mut c.tokens.leeway, Seconds, 0..=600)),
    setting!("jwt-user-claim", "CLAIM", "which claim says who it is", |c| Slot::Text(&mut c.tokens.user_claim)),
    setting!("jwt-role-claim", "CLAIM", "which claim says the roles: a text, or a list of texts", |c| Slot::Text(&mut c.tokens.role_claim)),

    setting!("jwt-name-claim", "CLAIM", "which claim says the name for the audit log", |c| Slot::Text(&mut c.tokens.name_claim)),

    setting!("trust-proxy", "ADDR", "believe this proxy's X-Forwarded-For: an address, or a block such as 10.0.0.0/8; repeatable", |c| Slot::Addresses(&mut c.trust_proxies)),
    setting!("tls-cert", "FILE", "speak TLS with this certificate and its chain; PEM", |c| Slot::Path(&mut c.tls_cert)),
    setting!("tls-key", "FILE", "its private key; PEM", |c| Slot::Path(&mut c.tls_key)),
    setting!("metrics-listen", "ADDR", "where /metrics is to be had; the demo has it beside the rest", |c| Slot::Maybe(&mut c.metrics_listen)),
    setting!("audit", "FILE", "write down who did what, as JSON lines; - is stdout", |c| Slot::Path(&mut c.audit)),
    setting!("audit-bytes-max", "N", "bytes of that file before another one is begun", |c| Slot::Number(&mut c.limits.audit_bytes_max, 4096..=MANY * 1000)),
    setting!("audit-files", "N", "earlier files that are kept", |c| Slot::Count(&mut c.limits.audit_files, 0..=1000)),
    setting!("log-level", "LEVEL", "which lines of the log are written: error, warn or info", |c| Slot::Level(&mut c.log.level)),
    setting!("log-json", "", "the log as JSON lines", |c| Slot::Switch(&mut c.log.json)),

    setting!("ping-ms", "MS", "how often the server pings a page", |c| Slot::Time(&mut c.limits.ping_interval, Milliseconds, 10..=HOUR)),
    setting!("hello-ms", "MS", "how long a page may take to say hello", |c| Slot::Time(&mut c.limits.hello_timeout, Milliseconds, 10..=HOUR)),
    setting!("gather-ms", "MS", "how long news may wait for more of them, after a frame", |c| Slot::Time(&mut c.limits.gather, Milliseconds, 0..=1000)),
    setting!("close-ms", "MS", "how long a closing connection may take to read the rest", |c| Slot::Time(&mut c.limits.close_grace, Milliseconds, 10..=HOUR)),
    setting!("drain-ms", "MS", "over which time connections are told to go when the server stops, at most", |c| Slot::Time(&mut c.limits.drain, Milliseconds, 0..=HOUR)),
    setting!("goaway-spread-ms", "MS", "over which time pages spread their return after goaway", |c| Slot::Time(&mut c.limits.goaway_spread, Milliseconds, 0..=HOUR)),
    setting!("connections-max", "N", "connections that carry requests, streams or polls at a time", |c| Slot::Count(&mut c.limits.connections_max, 1..=1_000_000)),
    setting!("patience-ms", "MS", "how long a TLS handshake may take, and the body of a request", |c| Slot::Time(&mut c.limits.patience, Milliseconds, 10..=HOUR)),
    setting!("idle-ms", "MS", "how long a request's head may take, and a connection may wait for the next one", |c| Slot::Time(&mut c.limits.idle, Milliseconds, 10..=HOUR)),
    setting!("sockets-max", "N", "connections of pages at a time", |c| Slot::Count(&mut c.limits.sockets_max, 1..=MANY_HERE)),
    setting!("subs-max", "N", "subscriptions of one connection", |c| Slot::Count(&mut c.limits.subs_max, 1..=10_000)),
    setting!("mutations-max", "N", "mutations of one connection that wait for their answer (mut)", |c| Slot::Count(&mut c.limits.mutations_max, 1..=10_000)),
    setting!("frame-bytes-max", "N", "bytes of a frame from a page", |c| Slot::Count(&mut c.limits.frame_bytes_max, 1024..=MIB * 16)),
    setting!("body-bytes-max", "N", "bytes of a request's body", |c| Slot::Count(&mut c.limits.body_bytes_max, 1024..=MIB * 16)),
    setting!("data-bytes-max", "N", "bytes of what an event carries", |c| Slot::Count(&mut c.limits.data_bytes_max, 256..=MIB / 2)),
    setting!("show-bytes-max", "N", "bytes of what a connection shows of itself (pres)", |c| Slot::Count(&mut c.limits.show_bytes_max, 16..=MIB / 16)),
    setting!("signal-bytes-max", "N", "bytes of what a signal carries (sig)", |c| Slot::Count(&mut c.limits.signal_bytes_max, 16..=MIB / 16)),
    setting!("depth-max", "N", "how deep what is sent on to others may nest", |c| Slot::Count(&mut c.limits.depth_max, 1..=DATA_DEPTH_MAX)),
    setting!("outbox-bytes-max", "N", "bytes that may wait for one connection", |c| Slot::Count(&mut c.limits.outbox_bytes_max, 1024..=MANY_HERE)),
    setting!("connections-of-one-max", "N", "connections of one person at a time", |c| Slot::Count(&mut c.limits.connections_of_one_max, 1..=MANY_HERE)),
    setting!("hellos", "RATE", "connections that one person begins", |c| Slot::Rate(&mut c.limits.hellos)),
    setting!("requests", "RATE", "requests under /api of one person", |c| Slot::Rate(&mut c.limits.requests)),
    setting!("strangers", "RATE", "tokens from one address that nobody is known by", |c| Slot::Rate(&mut c.limits.strangers)),
    setting!("messages", "RATE", "messages of one connection", |c| Slot::Rate(&mut c.limits.messages)),
    setting!("shows", "RATE", "what one connection shows of itself (pres)", |c| Slot::Rate(&mut c.limits.shows)),
    setting!("signals", "RATE", "signals of one connection (sig)", |c| Slot::Rate(&mut c.limits.signals)),
    setting!("locks", "RATE", "leases that one connection asks for (lock)", |c| Slot::Rate(&mut c.limits.locks)),
    setting!("recover-max", "N", "missed events that a page still gets when it comes back", |c| Slot::Count(&mut c.limits.recover_max, 0..=100_000)),
    setting!("memory-bytes-max", "N", "bytes of all channels' events in memory", |c| Slot::Count(&mut c.limits.memory_bytes_max, 0..=usize::MAX)),
    setting!("history-max", "N", "events of a channel that are kept", |c| Slot::Number(&mut c.limits.history_max, 0..=MANY)),
    setting!("history-age-s", "S", "how old they get", |c| Slot::Time(&mut c.limits.history_age, Seconds, 1..=MANY)),
    setting!("tasks-max", "N", "tasks", |c| Slot::Number(&mut c.limits.tasks_max, 1..=MANY)),
    setting!("users-max", "N", "people whose own channel ever had an event", |c| Slot::Number(&mut c.limits.users_max, 1..=MANY)),
    setting!("channels-max", "N", "channels that ever had an event, without those of people", |c| Slot::Number(&mut c.limits.channels_max, 1..=MANY)),
    setting!("presence-ttl-ms", "MS", "who says nothing for so long is gone", |c| Slot::Time(&mut c.limits.presence_ttl, Milliseconds, 10..=HOUR)),
    setting!("presence-grace-ms", "MS", "a lost connection's people and leases stay for so long", |c| Slot::Time(&mut c.limits.presence_grace, Milliseconds, 0..=HOUR)),
    setting!("presence-every-ms", "MS", "who came and left is told at most this often", |c| Slot::Time(&mut c.limits.presence_every, Milliseconds, 1..=HOUR)),
    setting!("people-max", "N", "connections that may be on a channel", |c| Slot::Count(&mut c.limits.people_max, 1..=MANY_HERE)),
    setting!("leases-max", "N", "fields that are known because somebody had a lease of them", |c| Slot::Number(&mut c.limits.leases_max, 1..=MANY)),
    setting!("leases-of-one-max", "N", "leases of one connection", |c| Slot::Number(&mut c.limits.leases_of_one_max, 1..=MANY)),
    setting!("answers-max", "N", "answers that are kept for writes that are sent again", |c| Slot::Number(&mut c.limits.answers_max, 1..=MANY)),
    setting!("answers-age-s", "S", "how old they get", |c| Slot::Time(&mut c.limits.answers_age, Seconds, 1..=MANY)),
    setting!("versions-max", "N", "versions of a record whose changes are kept, field by field", |c| Slot::Number(&mut c.limits.versions_max, 1..=MANY)),
    setting!("versions-age-s", "S", "how old they get", |c| Slot::Time(&mut c.limits.versions_age, Seconds, 1..=MANY)),
];
