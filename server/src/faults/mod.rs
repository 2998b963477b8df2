//! A bad network and a server that dies, on demand: what the demo's lab switches on. Nothing of it is there without
//! `--demo`: then no connection is wrapped, and no address leads here.
//!
//! A page says which device it stands for, by `?device=` in the address of its connection and by a header of its
//! requests. A fault holds for one device, or for all of them; the requests of the lab itself name none, and always
//! come through. `gate` decides at the head of each request, `wire` does what happens to bytes, `passes` ends tokens,
//! `apart` sets a page apart that is to stand still, and `doors` is where the lab asks for it.

mod apart;
mod doors;
mod gate;
mod passes;
mod wire;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use tokio::sync::watch;

pub(crate) use apart::apart;
pub(crate) use doors::{expire, half_open, list, restart, set, wait};
pub(crate) use gate::meet;
pub(crate) use passes::Passes;
pub(crate) use wire::{Link, Wire};

/// The longest delay.
const LATENCY_MS_MAX: u64 = 60_000;

/// The largest share of packets that are lost. With all of them lost nothing would ever come through: that is `down`.
const LOSS_PERCENT_MAX: u8 = 90;

/// How many devices may have faults of their own.
const DEVICES_MAX: usize = 64;

/// What one browser stands for in the demo: 1 to 32 letters, digits and dashes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Device(Arc<str>);

impl Device {
    /// Checks `text`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        ((1..=32).contains(&text.len()) && text.bytes().all(plain)).then(|| Self(Arc::from(text)))
    }

    /// The name as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for Device {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl TryFrom<String> for Device {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("a device is 1 to 32 letters, digits and dashes")
    }
}

/// What is wrong with a device's network, for as long as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Fault {
    /// Nothing comes through: connections are reset, new ones as soon as they say whose they are.
    down: bool,
    /// So much later everything from the server comes, in milliseconds.
    latency_ms: u64,
    /// So many of a hundred packets are lost, and sent again as TCP does it.
    loss_percent: u8,
    /// No handshake of a WebSocket comes through, as where a proxy does not know them.
    no_sockets: bool,
    /// No stream of events comes through: a proxy waits for its end before it passes anything on.
    no_streams: bool,
}

impl Fault {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }

    fn is_within_bounds(&self) -> bool {
        self.latency_ms <= LATENCY_MS_MAX && self.loss_percent <= LOSS_PERCENT_MAX
    }
}

/// For whom a fault is set: for all who have none of their own, or for one.
type Whom = Option<Device>;

/// The faults that are on, and the connections that they meet.
#[derive(Debug)]
pub(crate) struct Faults {
    set: Mutex<BTreeMap<Whom, Fault>>,
    /// Whether there are any: looked at for each write, where a lock that all connections share would be felt.
    any: AtomicBool,
    links: Mutex<Links>,
    restart: watch::Sender<Option<Duration>>,
}

/// The connections that there are, and some that there were.
#[derive(Debug, Default)]
struct Links {
    known: Vec<Weak<Link>>,
    /// At so many those that are gone are looked for.
    full_at: usize,
}

impl Links {
    fn add(&mut self, link: &Arc<Link>) {
        if self.known.len() >= self.full_at {
            self.known.retain(|known| known.strong_count() > 0);
            // Half of what is there at least is new the next time, so that looking costs little for each.
            self.full_at = (self.known.len() * 2).max(64);
        }
        self.known.push(Arc::downgrade(link));
    }

    fn all(&self) -> impl Iterator<Item = Arc<Link>> {
        self.known.iter().filter_map(Weak::upgrade)
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            set: Mutex::default(),
            any: AtomicBool::new(false),
            links: Mutex::default(),
            restart: watch::Sender::new(None),
        }
    }
}

impl Faults {
    /// What is wrong with a device's network now. Whoever names no device has none.
    pub(crate) fn of(&self, device: Option<&Device>) -> Fault {
        let Some(device) = device.filter(|_| self.are_any()) else {
            return Fault::default();
        };
        let set = self.faults();
        let own = set.get(&Some(device.clone()));
        own.or_else(|| set.get(&None)).copied().unwrap_or_default()
    }

    /// Whether anything is wrong with anybody's network.
    fn are_any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// From now on this is wrong, and nothing else. False if too many devices have faults.
    fn put(&self, whom: Whom, fault: Fault) -> bool {
        let mut set = self.faults();
        if fault.is_none() && whom.is_none() {
            // Who heals everything means the devices too.
            set.clear();
        } else if fault.is_none() {
            set.remove(&whom);
        } else if set.len() < DEVICES_MAX || set.contains_key(&whom) {
            set.insert(whom.clone(), fault);
        } else {
            return false;
        }
        self.any.store(!set.is_empty(), Ordering::Release);
        drop(set);
        for link in self.links_of(whom.as_ref()) {
            if fault.down || link.is_barred_by(fault) {
                link.cut();
            }
        }
        true
    }

    /// A connection that begins.
    pub(crate) fn link(self: &Arc<Self>) -> Arc<Link> {
        let link = Arc::new(Link::new(Arc::clone(self)));
        self.links().add(&link);
        link
    }

    /// Resets all connections, as when a machine loses its power.
    pub(crate) fn cut_all(&self) {
        for link in self.links().all() {
            link.cut();
        }
    }

    /// Waits until the server is to die, and returns for how long.
    pub(crate) async fn told_to_die(&self) -> Duration {
        let mut told = self.restart.subscribe();
        match told.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(pause)) => *pause,
            // Its sender lives as long as this does.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    fn links_of(&self, whom: Option<&Device>) -> Vec<Arc<Link>> {
        let links = self.links();
        links
            .all()
            .filter(|link| match (link.device(), whom) {
                (None, _) => false,
                (Some(_), None) => true,
                (Some(device), Some(whom)) => device == *whom,
            })
            .collect()
    }

    fn faults(&self) -> MutexGuard<'_, BTreeMap<Whom, Fault>> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn links(&self) -> MutexGuard<'_, Links> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    #[test]
    fn a_fault_meets_the_device_it_was_set_for_and_never_the_lab() {
        let faults = Faults::default();
        let (one, two) = (Device::parse("one").unwrap(), Device::parse("two").unwrap());
        let down = Fault {
            down: true,
            ..Fault::default()
        };
        assert!(faults.put(Some(one.clone()), down));
        assert_eq!(faults.of(Some(&one)), down);
        assert_eq!(faults.of(Some(&two)), Fault::default());
        assert_eq!(faults.of(None), Fault::default());
        let slow = Fault {
            latency_ms: 5,
            ..Fault::default()
        };
        assert!(faults.put(None, slow));
        assert_eq!(faults.of(Some(&one)), down);
        assert_eq!(faults.of(Some(&two)), slow);
        assert_eq!(faults.of(None), Fault::default());
        assert!(faults.put(None, Fault::default()));
        assert_eq!(faults.of(Some(&one)), Fault::default());
    }

    #[test]
    fn a_device_has_a_plain_name() {
        for text in ["", "a b", "ä", "a/b", &"x".repeat(33)] {
            assert_eq!(Device::parse(text), None, "{text:?}");
        }
        assert_eq!(Device::parse("phone-2").unwrap().as_str(), "phone-2");
    }
}
