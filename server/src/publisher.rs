//! Publishing from Rust: one call beside a write, which neither waits for anything nor fails.

use std::fmt::{self, Display};

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::access::Person;
use crate::audit::{Audit, Line};
use crate::clock;
use crate::config::Limits;
use crate::ids::{BadName, ChannelName, Epoch, EventName, Seq};
use crate::json;
use crate::log;
use crate::records::NewEvent;
use crate::store::{Busy, Origin, Store, StoreError};

/// Who is to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To<'a> {
    /// All who subscribed to this channel.
    Channel(&'a str),
    /// All devices of this person: those who subscribed to `user:NAME`.
    User(&'a str),
}

/// Publishes events of the server that it came from ([`crate::Handle::publisher`]). Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Publisher {
    store: Store,
    audit: Audit,
    bytes_max: usize,
    depth_max: usize,
}

/// Where an event stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Its channel.
    pub channel: String,
    /// The epoch of its number.
    pub epoch: String,
    /// Its number.
    pub seq: u64,
}

/// Why an event was not published.
#[derive(Debug)]
pub enum PublishError {
    /// A name or the data is not what it has to be.
    Bad(&'static str),
    /// The store did not take it.
    Store(StoreError),
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bad(rule) => f.write_str(rule),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PublishError {}

impl From<BadName> for PublishError {
    fn from(error: BadName) -> Self {
        Self::Bad(error.0)
    }
}

impl To<'_> {
    /// The channel on which they hear.
    pub(crate) fn channel(self) -> Result<ChannelName, BadName> {
        match self {
            Self::Channel(name) => ChannelName::parse(name),
            Self::User(name) => ChannelName::of_user(name),
        }
    }
}

impl Publisher {
    pub(crate) fn new(store: Store, audit: Audit, limits: &Limits) -> Self {
        Self {
            store,
            audit,
            bytes_max: limits.data_bytes_max,
            depth_max: limits.depth_max,
        }
    }

    /// Publishes after a write, from wherever it was made. It returns at once: the event is written and told by the
    /// server's own thread. What goes wrong is logged, for it must not undo the write or hold it up: whoever missed
    /// the event finds the change by polling.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), everfresh_server::StartError> {
    /// use everfresh_server::{Config, To, serve};
    ///
    /// let server = serve(Config { listen: "127.0.0.1:0".to_owned(), ..Config::default() }).await?;
    /// let publisher = server.publisher();
    /// publisher.tell(To::User("jane"), "timeblock_updated", &["7", "8"]);
    /// # server.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn tell(&self, to: To<'_>, name: &str, data: &(impl Serialize + ?Sized)) {
        match self.event(to, name, data) {
            Ok(event) => self.later(event, Person::default()),
            Err(error) => {
                let to = format!("{to:?}");
                log::error("publish", &error, &[("event", &name), ("to", &to)]);
            }
        }
    }

    /// Publishes and waits until the event is committed: for whoever wants to know its number.
    ///
    /// # Errors
    /// When a name or the data is not what it has to be, or the store does not take it.
    pub async fn publish(
        &self,
        to: To<'_>,
        name: &str,
        data: &(impl Serialize + ?Sized),
    ) -> Result<Published, PublishError> {
        let event = self.event(to, name, data)?;
        let channel = event.channel.clone();
        let seq = self.store.publish(vec![event], origin()).await;
        let seq = seq.map_err(PublishError::Store)?;
        write_down(&self.audit, &Person::default(), &channel, seq);
        let Seq(seq) = seq;
        Ok(Published {
            channel: channel.as_str().to_owned(),
            epoch: self.epoch().as_str().to_owned(),
            seq,
        })
    }

    /// Puts an event in line and returns. Who published it is written down when it is committed.
    pub(crate) fn later(&self, event: NewEvent, person: Person) {
        let (name, to) = (event.name.clone(), event.channel.clone());
        let failed = move |why: &dyn Display| {
            let (name, to) = (name.as_str(), to.as_str());
            log::error("publish", why, &[("event", &name), ("channel", &to)]);
        };
        let busy = failed.clone();
        let (audit, channel) = (self.audit.clone(), event.channel.clone());
        let asked = self
            .store
            .publish_later(vec![event], origin(), move |done| match done {
                Ok(seq) => write_down(&audit, &person, &channel, seq),
                Err(error) => failed(&error),
            });
        if let Err(Busy) = asked {
            busy(&"the store has more to do than it can take");
        }
    }

    fn epoch(&self) -> &Epoch {
        self.store.epoch()
    }

    fn event(
        &self,
        to: To<'_>,
        name: &str,
        data: &(impl Serialize + ?Sized),
    ) -> Result<NewEvent, PublishError> {
        let data: Box<RawValue> =
            to_raw_value(data).map_err(|_error| PublishError::Bad("the data cannot be JSON"))?;
        let data = json::compact(&data, self.depth_max)
            .ok_or(PublishError::Bad("the data nests too deep"))?;
        if data.get().len() > self.bytes_max {
            return Err(PublishError::Bad(
                "the data is longer than an event may carry",
            ));
        }
        Ok(NewEvent {
            channel: to.channel()?,
            name: EventName::parse(name)?,
            data,
            by: None,
        })
    }
}

/// The line of the audit log about an event that is committed, whichever way it was published.
pub(crate) fn write_down(audit: &Audit, person: &Person, channel: &ChannelName, Seq(seq): Seq) {
    audit.write(Line {
        channel: Some(channel.as_str()),
        seq: Some(seq),
        ..Line::of("publish", person)
    });
}

fn origin() -> Origin {
    Origin {
        now: clock::now(),
        ..Origin::default()
    }
}
