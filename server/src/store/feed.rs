//! Hearing of writes that were made elsewhere: by another server, by any program that writes to the database.
//!
//! PostgreSQL's NOTIFY is the bell, not the letter: it names the channel, and what was written is read from the table of
//! events, from the number on that is known. So nothing is lost when the connection that listens breaks: whoever
//! listens again reads first what came meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use postgres::Client;
use postgres::fallible_iterator::FallibleIterator;

use super::database::read_head;
use super::postgres::{connect, failed, read};
use super::rows::read_event;
use super::{DatabaseError, StoreError, Trouble};
use crate::ids::{ChannelName, Seq};
use crate::log;
use crate::protocol::Event;

/// How long it is listened before a look at whether to stop.
const LISTEN: Duration = Duration::from_millis(500);

/// How often all channels are looked at although no bell rang: it may have been lost on the way, by a pooler between that
/// does not know it. It also shows that the connection lives.
const LOOK: Duration = Duration::from_secs(30);

/// The first wait after a lost connection, and the longest. The wait doubles.
const WAIT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// What was told to the hub already, and the way there. Both the thread that writes and the one that listens tell what
/// they know; each event goes on once, and in the order of its channel.
pub(super) struct Told {
    heads: Mutex<BTreeMap<ChannelName, Seq>>,
    announce: Box<dyn Fn(Vec<Event>) + Send + Sync>,
}

impl Told {
    pub(super) fn new(
        heads: BTreeMap<ChannelName, Seq>,
        announce: impl Fn(Vec<Event>) + Send + Sync + 'static,
    ) -> Self {
        Self {
            heads: Mutex::new(heads),
            announce: Box::new(announce),
        }
    }

    /// Our own writes, at once. One that comes after something not yet heard of is left to whoever listens.
    pub(super) fn wrote(&self, events: Vec<Event>) {
        self.tell(events, false);
    }

    /// What was read of a channel after all that was told. There is a hole in it where more was written than is read.
    fn heard(&self, events: Vec<Event>) {
        self.tell(events, true);
    }

    fn tell(&self, mut events: Vec<Event>, all: bool) {
        // Held while they are told: else two could overtake each other on the way.
        let mut heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        events.retain(|event| {
            let head = heads.get(&event.channel).copied().unwrap_or_default();
            let next = if all {
                event.seq > head
            } else {
                event.seq.0 == head.0 + 1
            };
            if next {
                heads.insert(event.channel.clone(), event.seq);
            }
            next
        });
        if !events.is_empty() {
            (self.announce)(events);
        }
    }

    fn head(&self, channel: &ChannelName) -> Seq {
        let heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        heads.get(channel).copied().unwrap_or_default()
    }
}

/// Listens until told to stop. Dropping it stops it, within half a second.
#[derive(Debug)]
pub(super) struct Feed(Arc<AtomicBool>);

impl Drop for Feed {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Feed {
    /// Starts to listen, on a connection and a thread of its own.
    pub(super) fn start(url: String, told: Arc<Told>, events_max: usize) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        std::thread::Builder::new()
            .name("feed".to_owned())
            .spawn(move || {
                let mut wait = WAIT.0;
                while !stopped.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    if let Err(error) = listen(&url, &told, events_max, &stopped) {
                        log::error("feed", &error, &[("again_in_ms", &wait.as_millis())]);
                        sleep(wait);
                    }
                    let lasted = began.elapsed() > LOOK;
                    wait = if lasted {
                        WAIT.0
                    } else {
                        (wait * 2).min(WAIT.1)
                    };
                }
            })?;
        Ok(Self(stop))
    }
}

fn listen(url: &str, told: &Told, events_max: usize, stop: &AtomicBool) -> Result<(), StoreError> {
    let mut client = connect(url, "everfresh-feed")?;
    // First the ear, then the look: what is written in between is heard twice rather than not at all.
    client.batch_execute("LISTEN everfresh").map_err(failed)?;
    let mut looked = None;
    while !stop.load(Ordering::Relaxed) {
        if looked.is_none_or(|at: Instant| at.elapsed() > LOOK) {
            for channel in behind(&mut client, told)? {
                catch_up(&mut client, told, &channel, events_max)?;
            }
            looked = Some(Instant::now());
        }
        for channel in rung(&mut client)? {
            catch_up(&mut client, told, &channel, events_max)?;
        }
        if client.is_closed() {
            return Err(lost());
        }
    }
    Ok(())
}

/// Waits for a bell, and gives the channels of all that have rung, in that order.
fn rung(client: &mut Client) -> Result<Vec<ChannelName>, StoreError> {
    let (mut names, mut known) = (Vec::new(), BTreeSet::new());
    let mut bells = client.notifications();
    let mut next = bells.timeout_iter(LISTEN).next().map_err(failed)?;
    while let Some(bell) = next {
        // Whatever else rings there is none of ours.
        if let Ok(name) = ChannelName::parse(bell.payload())
            && known.insert(name.clone())
        {
            names.push(name);
        }
        next = bells.iter().next().map_err(failed)?;
    }
    Ok(names)
}

/// The channels in which more was written than was told.
fn behind(client: &mut Client, told: &Told) -> Result<Vec<ChannelName>, StoreError> {
    let rows = client
        .query("SELECT name, head FROM channel", &[])
        .map_err(failed)?;
    let mut behind = Vec::new();
    for row in &rows {
        let (name, head) = read_head(&read(row)?)?;
        if head > told.head(&name) {
            behind.push(name);
        }
    }
    Ok(behind)
}

fn catch_up(
    client: &mut Client,
    told: &Told,
    channel: &ChannelName,
    events_max: usize,
) -> Result<(), StoreError> {
    let after = i64::try_from(told.head(channel).0).unwrap_or(i64::MAX);
    let limit = i64::try_from(events_max).unwrap_or(i64::MAX);
    let rows = client
        .query(
            "SELECT seq, name, data, by, at FROM event WHERE channel = $1 AND seq > $2 ORDER BY seq DESC LIMIT $3",
            &[&channel.as_str(), &after, &limit],
        )
        .map_err(failed)?;
    let mut events = Vec::with_capacity(rows.len());
    for row in rows.iter().rev() {
        match read(row).and_then(|row| read_event(channel, &row)) {
            Ok(event) => events.push(event),
            // One bad row must not silence the channel. Pages see the hole, and fetch.
            Err(error) => log::error("feed", &error, &[("channel", &channel.as_str())]),
        }
    }
    told.heard(events);
    Ok(())
}

fn lost() -> StoreError {
    StoreError::Database(DatabaseError {
        trouble: Trouble::Lost,
        text: "PostgreSQL: the connection is lost".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;
    use crate::ids::Millis;

    fn event(seq: u64) -> Event {
        Event {
            channel: ChannelName::tasks(),
            seq: Seq(seq),
            at: Millis(0),
            text: "".into(),
        }
    }

    #[test]
    fn an_event_is_told_once_and_in_order_whoever_hears_of_it_first() {
        let out = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&out);
        let heads = BTreeMap::from([(ChannelName::tasks(), Seq(3))]);
        let told = Told::new(heads, move |events| {
            let seqs = events.iter().map(|event: &Event| event.seq.0);
            heard.lock().unwrap().extend(seqs);
        });
        told.wrote(vec![event(4)]);
        // Another server wrote 5; ours wrote 6 before it heard of that.
        told.wrote(vec![event(6)]);
        told.heard(vec![event(4), event(5), event(6)]);
        told.wrote(vec![event(6), event(7)]);
        // More was written than is read: there is a hole, which the hub knows how to say.
        told.heard(vec![event(20), event(21)]);
        told.wrote(vec![event(22)]);
        assert_eq!(*out.lock().unwrap(), [4, 5, 6, 7, 20, 21, 22]);
    }
}
