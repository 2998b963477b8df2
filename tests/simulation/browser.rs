//! One browser on one computer: its clocks, its network, its locks, the bus between its tabs.

use std::collections::VecDeque;

use everfresh::engine::ids::LockTicket;
use everfresh::engine::time::{Mono, Now, Wall};

use crate::agenda::{MS, Time};
use crate::network::Network;

/// When all worlds begin, on the wall.
const EPOCH_MS: u64 = 1_790_000_000_000;

/// A browser, and the computer that it runs on.
#[derive(Debug)]
pub(crate) struct Browser {
    /// The tabs, by their place; a closed one leaves its place free.
    pub(crate) seats: Vec<Option<usize>>,
    /// The way out.
    pub(crate) network: Network,
    /// The computer sleeps: nothing runs.
    pub(crate) asleep: Option<Sleep>,
    /// What the monotonic clock did not count because the computer slept.
    slept: Time,
    /// How far the wall clock was set from the true time, in milliseconds.
    wall_offset: i64,
    /// The locks; nothing where the browser has none.
    pub(crate) locks: Option<Vec<Lock>>,
    /// The marks in the storage.
    pub(crate) marks: Vec<(String, String)>,
    /// What the browser believes about the network.
    pub(crate) online: bool,
    /// How long a message between tabs takes at most.
    pub(crate) bus_delay: Time,
    /// Messages between tabs are held up until then.
    pub(crate) bus_slow_until: Time,
    /// Since when more than one of its tabs has a working connection.
    pub(crate) overlap: Option<Time>,
    /// When somebody last set the wall clock.
    pub(crate) clock_set: Time,
    /// When the browser last believed that there is no network.
    pub(crate) offline: Time,
    /// When the monotonic clock stood still: from when until when.
    stops: Vec<(Time, Time)>,
}

/// A sleep that is going on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sleep {
    /// Since when.
    pub(crate) since: Time,
    /// The monotonic clock stands still meanwhile.
    pub(crate) mono_stops: bool,
}

/// One lock by its name.
#[derive(Debug)]
pub(crate) struct Lock {
    /// Its name.
    pub(crate) name: String,
    /// Who has it.
    pub(crate) holder: Option<Claim>,
    /// Who waits for it, in order.
    pub(crate) queue: VecDeque<Claim>,
}

/// A request for a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Whose.
    pub(crate) tab: usize,
    /// Which request of that tab.
    pub(crate) ticket: LockTicket,
}

impl Browser {
    /// A browser without tabs.
    pub(crate) fn new(seats: usize, network: Network, has_locks: bool, bus_delay: Time) -> Self {
        Browser {
            seats: vec![None; seats],
            network,
            asleep: None,
            slept: 0,
            wall_offset: 0,
            locks: has_locks.then(Vec::new),
            marks: Vec::new(),
            online: true,
            bus_delay,
            bus_slow_until: 0,
            overlap: None,
            clock_set: 0,
            offline: 0,
            stops: Vec::new(),
        }
    }

    /// The monotonic clock, in microseconds.
    pub(crate) fn mono(&self, now: Time) -> Time {
        let sleeping = match self.asleep {
            Some(sleep) if sleep.mono_stops => now - sleep.since,
            _ => 0,
        };
        now - self.slept - sleeping
    }

    /// What a tab that was opened at `origin` (monotonic) reads from both clocks.
    pub(crate) fn clocks(&self, now: Time, origin: Time) -> Now {
        let wall = EPOCH_MS as i64 + (now / MS) as i64 + self.wall_offset;
        Now {
            mono: Mono((self.mono(now) - origin) / MS),
            wall: Wall(u64::try_from(wall).unwrap_or(0)),
        }
    }

    /// The monotonic clock at a moment that is over, in microseconds.
    pub(crate) fn mono_of(&self, moment: Time) -> Time {
        let sleeping = self.asleep.filter(|sleep| sleep.mono_stops);
        let stops = self.stops.iter().copied();
        let stops = stops.chain(sleeping.map(|sleep| (sleep.since, Time::MAX)));
        let stood = stops.map(|(from, until)| until.min(moment).saturating_sub(from));
        moment - stood.sum::<Time>()
    }

    /// What time it is, in milliseconds on the wall, whatever this computer believes.
    pub(crate) fn true_wall(now: Time) -> u64 {
        EPOCH_MS + now / MS
    }

    /// Somebody sets the wall clock.
    pub(crate) fn set_clock(&mut self, now: Time, by_ms: i64) {
        self.clock_set = now;
        self.wall_offset += by_ms;
    }

    /// The computer wakes up.
    pub(crate) fn wake(&mut self, now: Time) -> Option<Sleep> {
        let sleep = self.asleep.take()?;
        if sleep.mono_stops {
            self.stops.push((sleep.since, now));
            self.slept += now - sleep.since;
        }
        Some(sleep)
    }

    /// The lock of a name.
    pub(crate) fn lock(&mut self, name: &str) -> Option<&mut Lock> {
        let locks = self.locks.as_mut()?;
        let at = match locks.iter().position(|lock| lock.name == name) {
            Some(at) => at,
            None => {
                locks.push(Lock {
                    name: name.to_owned(),
                    holder: None,
                    queue: VecDeque::new(),
                });
                locks.len() - 1
            }
        };
        locks.get_mut(at)
    }
}

impl Lock {
    /// Joins the queue. The claim that has the lock now because of it, if one does.
    pub(crate) fn queue(&mut self, claim: Claim) -> Option<Claim> {
        self.queue.push_back(claim);
        self.pass_on()
    }

    /// Leaves the queue or gives the lock back. The claim that has it now because of it.
    pub(crate) fn release(&mut self, claim: Claim) -> Option<Claim> {
        self.queue.retain(|have| *have != claim);
        if self.holder == Some(claim) {
            self.holder = None;
        }
        self.pass_on()
    }

    /// A tab is gone. The claim that has the lock now because of it.
    pub(crate) fn forget(&mut self, tab: usize) -> Option<Claim> {
        self.queue.retain(|have| have.tab != tab);
        if self.holder.is_some_and(|holder| holder.tab == tab) {
            self.holder = None;
        }
        self.pass_on()
    }

    fn pass_on(&mut self) -> Option<Claim> {
        if self.holder.is_some() {
            return None;
        }
        self.holder = self.queue.pop_front();
        self.holder
    }
}
