//! What can be chosen at the start, and bounds. One default each; how they are said is in `settings` and `read`.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::address::Proxies;
use crate::crowd::CrowdLimits;
use crate::hub::HubLimits;
use crate::listen::ListenLimits;
use crate::neighbours::Neighbours;
use crate::protocol::{DATA_DEPTH_MAX, PAGE_FRAME_BYTES_MAX, SERVER_FRAME_BYTES_MAX};
use crate::quota::{QuotaLimits, Rate};
use crate::secret::Secret;
use crate::store::StoreLimits;

pub use read::{UsageError, help};

pub(crate) mod read;
mod settings;

/// How the server is to run.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file that settings were read from.
    pub file: Option<PathBuf>,
    /// Host and port. Port 0 takes a free one.
    pub listen: String,
    /// The folder of the built page.
    pub www: Option<PathBuf>,
    /// The SQLite file; in memory without one.
    pub data: Option<PathBuf>,
    /// The PostgreSQL database, instead of a file.
    pub database: Option<DatabaseUrl>,
    /// Example data, open publishing, and the endpoints under `/demo/`.
    pub demo: bool,
    /// The file of people who may come in; everybody without one.
    pub people: Option<PathBuf>,
    /// What whoever publishes over HTTP has to send. Without it nobody may, but for the demo, where all may.
    pub publish_key: Option<Secret>,
    /// The file that says who may do what on which channels; everybody everything without one.
    pub rules: Option<PathBuf>,
    /// How often files are looked at that may change while the server runs.
    pub reload: Duration,
    /// How tokens are checked.
    pub tokens: Tokens,
    /// Proxies whose word counts about where somebody comes from: addresses, or blocks such as `10.0.0.0/8`.
    pub trust_proxies: Proxies,
    /// The file with the certificate and its chain, as PEM; without it there is no TLS.
    pub tls_cert: Option<PathBuf>,
    /// The file with its key.
    pub tls_key: Option<PathBuf>,
    /// Where `/metrics` and `/healthz` are to be had too; the demo has both beside the rest.
    pub metrics_listen: Option<String>,
    /// The file that the audit log goes to; `-` is stdout.
    pub audit: Option<PathBuf>,
    /// How the log is written.
    pub log: Log,
    /// Other servers that the page may talk to.
    pub beside: Neighbours,
    /// Origins that may connect beside the server's own.
    pub allow_origins: Vec<String>,
    /// Bounds and times.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            file: None,
            listen: "127.0.0.1:4321".to_owned(),
            www: None,
            data: None,
            database: None,
            demo: false,
            people: None,
            publish_key: None,
            rules: None,
            reload: Duration::from_secs(2),
            tokens: Tokens::default(),
            trust_proxies: Proxies::default(),
            tls_cert: None,
            tls_key: None,
            metrics_listen: None,
            audit: None,
            log: Log::default(),
            beside: Neighbours::default(),
            allow_origins: Vec::new(),
            limits: Limits::default(),
        }
    }
}

/// How tokens are checked that somebody else signs (JSON Web Tokens). Without any key nobody has one.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The secret of HS256.
    pub secret: Option<Hidden>,
    /// The file that holds it.
    pub secret_file: Option<PathBuf>,
    /// The file with the public key of ES256, as PEM.
    pub public_key: Option<PathBuf>,
    /// The file with a set of public keys (RFC 7517).
    pub jwks: Option<PathBuf>,
    /// The token is for one of these, unless there are none.
    pub audience: Vec<String>,
    /// The token is of one of these, unless there are none.
    pub issuer: Vec<String>,
    /// How much clocks may disagree.
    pub leeway: Duration,
    /// The claim that says who it is.
    pub user_claim: String,
    /// The claim that says the roles.
    pub role_claim: String,
    /// The claim that says the name for the audit log.
    pub name_claim: String,
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            secret: None,
            secret_file: None,
            public_key: None,
            jwks: None,
            audience: Vec::new(),
            issuer: Vec::new(),
            leeway: Duration::from_secs(30),
            user_claim: "sub".to_owned(),
            role_claim: "role".to_owned(),
            name_claim: "name".to_owned(),
        }
    }
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// What is worth a line.
    pub level: Level,
    /// One JSON object a line, for machines.
    pub json: bool,
}

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Somebody has to do something.
    Error,
    /// Somebody should look.
    Warn,
    /// Good to know.
    Info,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: Level::Warn,
            json: false,
        }
    }
}

/// The address of a database. It may hold a password, and is not printed.
#[derive(Clone)]
pub struct DatabaseUrl(String);

/// A text that is no address of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoDatabase;

impl fmt::Display for NoDatabase {
    // The text is not repeated: it may be a password in the wrong place.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address such as postgres://USER@HOST/NAME")
    }
}

impl std::error::Error for NoDatabase {}

impl DatabaseUrl {
    /// Checks that `url` is one of PostgreSQL: `postgres://USER:PASSWORD@HOST/NAME`.
    ///
    /// # Errors
    /// When it is something else.
    pub fn new(url: impl Into<String>) -> Result<Self, NoDatabase> {
        let url = url.into();
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Ok(Self(url))
        } else {
            Err(NoDatabase)
        }
    }

    /// The address.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl")
    }
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(String);

impl Hidden {
    /// Keeps a text to itself.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for whoever checks by it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden")
    }
}

/// Every bound and every time that the server keeps to. Tests shrink them.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a page may take to say hello.
    pub hello_timeout: Duration,
    /// How often the server pings.
    pub ping_interval: Duration,
    /// How long news to many may wait for more of them, after a frame.
    pub gather: Duration,
    /// How long a closing connection may take to read the rest. Shorter than the time a shutdown may take.
    pub close_grace: Duration,
    /// Over which time connections are told to go when the server stops, at most. A thousand a second hear it.
    pub drain: Duration,
    /// Over which time pages spread their return after `goaway`.
    pub goaway_spread: Duration,
    /// Connections that carry requests, streams or polls, at a time. Those that became sockets are not among them.
    pub connections_max: usize,
    /// How long a TLS handshake may take, and the body of a request.
    pub patience: Duration,
    /// How long the head of a request may take, and how long a connection may wait for its next request.
    pub idle: Duration,
    /// Sockets open at a time.
    pub sockets_max: usize,
    /// Subscriptions of one connection.
    pub subs_max: usize,
    /// Bytes of a frame from a page.
    pub frame_bytes_max: usize,
    /// Bytes of a request's body.
    pub body_bytes_max: usize,
    /// Bytes of what an event carries. The frame that carries it has room for its names and for others beside it.
    pub data_bytes_max: usize,
    /// Bytes of what a connection shows of itself: all tabs of a browser together.
    pub show_bytes_max: usize,
    /// Bytes of what a signal carries.
    pub signal_bytes_max: usize,
    /// How deep what somebody sends on to others may nest.
    pub depth_max: usize,
    /// Bytes that may wait for one connection. An event counts in full here, though all share its text.
    pub outbox_bytes_max: usize,
    /// Missed events that a page still gets when it comes back.
    pub recover_max: usize,
    /// Bytes of all channels' histories in memory.
    pub memory_bytes_max: usize,
    /// Events of a channel that the store keeps.
    pub history_max: u64,
    /// How old they get.
    pub history_age: Duration,
    /// Tasks.
    pub tasks_max: u64,
    /// Channels that ever had an event.
    pub channels_max: u64,
    /// People whose own channel ever had one.
    pub users_max: u64,
    /// Whoever shows itself and then says nothing is gone after this. A page says something every 25 s.
    pub presence_ttl: Duration,
    /// What a lost connection showed and had stays for this long, in case it comes back.
    pub presence_grace: Duration,
    /// Who came and left is told at most this often.
    pub presence_every: Duration,
    /// Connections that may be on a channel.
    pub people_max: usize,
    /// Fields that are known because somebody had a lease of them.
    pub leases_max: u64,
    /// Leases of one connection.
    pub leases_of_one_max: u64,
    /// Mutations of one connection that were said on it and are not answered yet.
    pub mutations_max: usize,
    /// Answers that are kept for writes that are sent again: about 300 bytes each.
    pub answers_max: u64,
    /// Requests under `/api` of one person.
    pub requests: Rate,
    /// Connections that one person begins.
    pub hellos: Rate,
    /// Tokens from one address that nobody is known by.
    pub strangers: Rate,
    /// Connections of one person at a time.
    pub connections_of_one_max: usize,
    /// Messages of one connection, whatever they say.
    pub messages: Rate,
    /// What one connection shows of itself.
    pub shows: Rate,
    /// Signals of one connection.
    pub signals: Rate,
    /// Leases that one connection asks for.
    pub locks: Rate,
    /// Bytes of the audit log before another file is begun.
    pub audit_bytes_max: u64,
    /// Files of it that are kept beside.
    pub audit_files: usize,
    /// How old they get. A page may be away for a weekend between a write and the answer that it did not hear.
    pub answers_age: Duration,
    /// Versions of a record whose changes are kept, field by field.
    pub versions_max: u64,
    /// How old they get.
    pub versions_age: Duration,
}

/// In seconds.
const DAY: u64 = 24 * 60 * 60;

impl Default for Limits {
    fn default() -> Self {
        Self {
            hello_timeout: Duration::from_secs(10),
            ping_interval: Duration::from_secs(25),
            gather: Duration::from_millis(16),
            close_grace: Duration::from_secs(1),
            drain: Duration::from_secs(10),
            goaway_spread: Duration::from_secs(2),
            connections_max: 12_000,
            patience: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            sockets_max: 10_000,
            subs_max: 50,
            frame_bytes_max: PAGE_FRAME_BYTES_MAX,
            body_bytes_max: 64 * 1024,
            data_bytes_max: 64 * 1024,
            show_bytes_max: 16 * 1024,
            signal_bytes_max: 2 * 1024,
            depth_max: DATA_DEPTH_MAX,
            outbox_bytes_max: 8 * 1024 * 1024,
            recover_max: 500,
            memory_bytes_max: 64 * 1024 * 1024,
            history_max: 10_000,
            history_age: Duration::from_secs(DAY),
            tasks_max: 10_000,
            channels_max: 10_000,
            users_max: 100_000,
            presence_ttl: Duration::from_secs(55),
            presence_grace: Duration::from_secs(10),
            presence_every: Duration::from_millis(100),
            people_max: 1000,
            leases_max: 10_000,
            leases_of_one_max: 200,
            mutations_max: 32,
            answers_max: 100_000,
            answers_age: Duration::from_secs(7 * DAY),
            requests: rate(500, 100),
            hellos: rate(100, 5),
            strangers: rate(30, 1),
            connections_of_one_max: 100,
            messages: rate(5000, 1000),
            shows: rate(200, 50),
            signals: rate(200, 50),
            locks: rate(400, 20),
            audit_bytes_max: 64 * 1024 * 1024,
            audit_files: 5,
            versions_max: 100,
            versions_age: Duration::from_secs(90 * DAY),
        }
    }
}

impl Limits {
    /// The hub's part.
    #[must_use]
    pub(crate) fn hub(&self) -> HubLimits {
        HubLimits {
            subs_max: self.subs_max,
            recover_max: self.recover_max,
            // The answer around the events needs room in the frame as well.
            recover_bytes_max: SERVER_FRAME_BYTES_MAX - 16 * 1024,
            age_ms_max: millis(self.history_age),
            history_bytes_max: self.memory_bytes_max,
        }
    }

    /// The store's part.
    #[must_use]
    pub(crate) fn store(&self) -> StoreLimits {
        StoreLimits {
            history_max: self.history_max,
            age_ms_max: millis(self.history_age),
            tasks_max: self.tasks_max,
            channels_max: self.channels_max,
            users_max: self.users_max,
            leases_max: self.leases_max,
            leases_of_one_max: self.leases_of_one_max,
            answers_max: self.answers_max,
            answers_age_ms_max: millis(self.answers_age),
            versions_max: self.versions_max,
            versions_age_ms_max: millis(self.versions_age),
        }
    }

    /// The part of what one person may ask for.
    #[must_use]
    pub(crate) fn quotas(&self) -> QuotaLimits {
        QuotaLimits {
            requests: self.requests,
            hellos: self.hellos,
            strangers: self.strangers,
            connections_max: self.connections_of_one_max,
        }
    }

    /// The part of what comes in.
    #[must_use]
    pub(crate) fn listen(&self) -> ListenLimits {
        ListenLimits {
            connections_max: self.connections_max,
            patience: self.patience,
            idle: self.idle,
        }
    }

    /// The crowd's part.
    #[must_use]
    pub(crate) fn crowd(&self) -> CrowdLimits {
        CrowdLimits {
            channels_max: self.subs_max,
            people_max: self.people_max,
            ttl_ms: millis(self.presence_ttl),
            grace_ms: millis(self.presence_grace),
            tell_ms: millis(self.presence_every),
        }
    }
}

fn rate(at_once: u64, a_second: u64) -> Rate {
    Rate { at_once, a_second }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What the command line asks for.
#[derive(Clone, Debug)]
pub enum Command {
    /// Run the server.
    Serve(Box<Config>),
    /// Print the help.
    Help,
    /// Print the version.
    Version,
}
