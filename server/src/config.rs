//! What can be chosen at the start: flags, environment, and bounds. One default each.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::prelude::{Long, Short, ValueExt};

use crate::crowd::CrowdLimits;
use crate::hub::HubLimits;
use crate::protocol::SERVER_FRAME_BYTES_MAX;
use crate::secret::Secret;
use crate::store::StoreLimits;

/// Shown by `--help`.
pub const HELP: &str = "\
everfresh-server: records, events and the demo in one process

  --listen ADDR          where to listen [127.0.0.1:4321]; port 0 takes a free one
  --www DIR              serve the built page in DIR
  --data FILE            keep records and events in this SQLite file [in memory]
  --allow-origin ORIGIN  let pages of this origin connect too, such as https://app.example.com; repeatable
  --people FILE          let only those in whose tokens are in FILE, a line `TOKEN NAME CHANNEL...` each;
                         a channel may end in *
  --publish-key KEY      who sends this key may publish with POST /api/publish; better given by the variable,
                         because everybody on the machine sees the flags of a program
  --ping-ms MS           how often the server pings a page [25000]
  --demo                 example tasks, POST /api/publish for everybody if there is no key, and fault switches
                         under /demo/
  --help, --version

Each flag is also an environment variable: EVERFRESH_LISTEN, EVERFRESH_WWW, EVERFRESH_DATA,
EVERFRESH_ALLOW_ORIGIN (several: separated by commas), EVERFRESH_PEOPLE, EVERFRESH_PUBLISH_KEY,
EVERFRESH_PING_MS, EVERFRESH_DEMO=1.
A flag counts more than its variable.
";

/// How the server is to run.
#[derive(Clone, Debug)]
pub struct Config {
    /// Host and port. Port 0 takes a free one.
    pub listen: String,
    /// The folder of the built page.
    pub www: Option<PathBuf>,
    /// The SQLite file; in memory without one.
    pub data: Option<PathBuf>,
    /// Example data, open publishing, and the endpoints under `/demo/`.
    pub demo: bool,
    /// The file of people who may come in; everybody without one.
    pub people: Option<PathBuf>,
    /// What whoever publishes over HTTP has to send. Without it nobody may, but for the demo, where all may.
    pub publish_key: Option<Secret>,
    /// Origins that may connect beside the server's own.
    pub allow_origins: Vec<String>,
    /// Bounds and times.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:4321".to_owned(),
            www: None,
            data: None,
            demo: false,
            people: None,
            publish_key: None,
            allow_origins: Vec::new(),
            limits: Limits::default(),
        }
    }
}

/// Every bound and every time that the server keeps to. Tests shrink them.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a page may take to say hello.
    pub hello_timeout: Duration,
    /// How often the server pings.
    pub ping_interval: Duration,
    /// How long a closing connection may take to read the rest. Shorter than the time a shutdown may take.
    pub close_grace: Duration,
    /// Over which time pages spread their return after `goaway`.
    pub goaway_spread: Duration,
    /// Sockets open at a time.
    pub sockets_max: usize,
    /// Subscriptions of one connection.
    pub subs_max: usize,
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
    /// Answers that are kept for writes that are sent again: about 300 bytes each.
    pub answers_max: u64,
    /// How old they get. A page may be away for a weekend between a write and the answer that it did not hear.
    pub answers_age: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            hello_timeout: Duration::from_secs(10),
            ping_interval: Duration::from_secs(25),
            close_grace: Duration::from_secs(1),
            goaway_spread: Duration::from_secs(2),
            sockets_max: 10_000,
            subs_max: 50,
            outbox_bytes_max: 8 * 1024 * 1024,
            recover_max: 500,
            memory_bytes_max: 64 * 1024 * 1024,
            history_max: 10_000,
            history_age: Duration::from_secs(24 * 60 * 60),
            tasks_max: 10_000,
            channels_max: 10_000,
            presence_ttl: Duration::from_secs(55),
            presence_grace: Duration::from_secs(10),
            presence_every: Duration::from_millis(100),
            people_max: 1000,
            leases_max: 10_000,
            leases_of_one_max: 200,
            answers_max: 100_000,
            answers_age: Duration::from_secs(7 * 24 * 60 * 60),
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
            leases_max: self.leases_max,
            leases_of_one_max: self.leases_of_one_max,
            answers_max: self.answers_max,
            answers_age_ms_max: millis(self.answers_age),
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

/// A command line or a variable that makes no sense.
#[derive(Debug)]
pub struct UsageError(String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; see --help", self.0)
    }
}

impl std::error::Error for UsageError {}

impl From<lexopt::Error> for UsageError {
    fn from(error: lexopt::Error) -> Self {
        Self(error.to_string())
    }
}

impl Command {
    /// Reads the environment through `variable`, then the arguments (without the program's name) over it.
    ///
    /// # Errors
    /// When a flag is unknown or a value makes no sense.
    pub fn parse(
        arguments: impl IntoIterator<Item = OsString>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, UsageError> {
        let mut config = Config::default();
        config.read_environment(variable)?;
        let mut origins = Vec::new();
        let mut parser = lexopt::Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            match argument {
                Long("listen") => config.listen = parser.value()?.string()?,
                Long("www") => config.www = Some(parser.value()?.into()),
                Long("data") => config.data = Some(parser.value()?.into()),
                Long("people") => config.people = Some(parser.value()?.into()),
                Long("publish-key") => {
                    config.publish_key = Some(key("--publish-key", parser.value()?.string()?)?)
                }
                Long("allow-origin") => origins.push(parser.value()?.string()?),
                Long("ping-ms") => {
                    config.limits.ping_interval = ping("--ping-ms", &parser.value()?.string()?)?
                }
                Long("demo") => config.demo = true,
                Short('h') | Long("help") => return Ok(Self::Help),
                Short('V') | Long("version") => return Ok(Self::Version),
                other => return Err(other.unexpected().into()),
            }
        }
        if !origins.is_empty() {
            config.allow_origins = origins;
        }
        Ok(Self::Serve(Box::new(config)))
    }
}

impl Config {
    fn read_environment(
        &mut self,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<(), UsageError> {
        let text = |name: &str| match variable(name).map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(text)) => Ok(Some(text)),
            Some(Err(_bad)) => Err(UsageError(format!("{name} is not UTF-8"))),
        };
        if let Some(listen) = text("EVERFRESH_LISTEN")? {
            self.listen = listen;
        }
        self.www = variable("EVERFRESH_WWW").map(PathBuf::from);
        self.data = variable("EVERFRESH_DATA").map(PathBuf::from);
        self.people = variable("EVERFRESH_PEOPLE").map(PathBuf::from);
        if let Some(text) = text("EVERFRESH_PUBLISH_KEY")? {
            self.publish_key = Some(key("EVERFRESH_PUBLISH_KEY", text)?);
        }
        if let Some(origins) = text("EVERFRESH_ALLOW_ORIGIN")? {
            let origins = origins
                .split(',')
                .map(str::trim)
                .filter(|origin| !origin.is_empty());
            self.allow_origins = origins.map(str::to_owned).collect();
        }
        if let Some(ms) = text("EVERFRESH_PING_MS")? {
            self.limits.ping_interval = ping("EVERFRESH_PING_MS", &ms)?;
        }
        self.demo = match text("EVERFRESH_DEMO")?.as_deref() {
            None | Some("" | "0") => false,
            Some("1") => true,
            Some(other) => {
                return Err(UsageError(format!(
                    "EVERFRESH_DEMO is 1 or 0, not {other:?}"
                )));
            }
        };
        Ok(())
    }
}

fn key(name: &str, text: String) -> Result<Secret, UsageError> {
    Secret::new(text).map_err(|weak| UsageError(format!("{name}: {weak}")))
}

fn ping(name: &str, text: &str) -> Result<Duration, UsageError> {
    match text.parse() {
        Ok(ms) if (10..=3_600_000).contains(&ms) => Ok(Duration::from_millis(ms)),
        _ => Err(UsageError(format!(
            "{name} is 10 to 3600000 milliseconds, not {text:?}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]
    use super::*;

    fn parse(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Config, UsageError> {
        let variable = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| OsString::from(value))
        };
        match Command::parse(arguments.iter().map(OsString::from), variable)? {
            Command::Serve(config) => Ok(*config),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_flag_counts_more_than_its_variable() {
        let variables = [
            ("EVERFRESH_LISTEN", "a:1"),
            ("EVERFRESH_DATA", "d"),
            ("EVERFRESH_DEMO", "1"),
        ];
        let config = parse(
            &[
                "--listen",
                "b:2",
                "--allow-origin=https://x",
                "--ping-ms=50",
            ],
            &variables,
        )
        .unwrap();
        assert_eq!((config.listen.as_str(), config.demo), ("b:2", true));
        assert_eq!(config.data, Some(PathBuf::from("d")));
        assert_eq!(config.allow_origins, ["https://x"]);
        assert_eq!(config.limits.ping_interval, Duration::from_millis(50));
    }

    #[test]
    fn nonsense_is_refused() {
        for arguments in [["--lisen", "x"], ["--ping-ms", "0"], ["--ping-ms", "soon"]] {
            assert!(parse(&arguments, &[]).is_err(), "{arguments:?}");
        }
        assert!(parse(&[], &[("EVERFRESH_DEMO", "yes")]).is_err());
        let error = parse(&[], &[("EVERFRESH_PUBLISH_KEY", "guess me")]).unwrap_err();
        assert!(!error.to_string().contains("guess me"), "{error}");
    }
}
