//! The way between browsers and the server: sockets with delays, that break, hang, go deaf on one
//! side or both, and hold frames back during a partition.

use everfresh::engine::ids::ConnId;

use crate::agenda::{MS, S, Time};
use crate::chance::Chance;

/// One socket from the first dial to the last word of both sides.
#[derive(Debug)]
pub(crate) struct Socket {
    /// Whose it is.
    pub(crate) tab: usize,
    /// The engine's number for it.
    pub(crate) conn: ConnId,
    /// The page's end.
    pub(crate) client: End,
    /// The server's end.
    pub(crate) server: End,
    /// From the page to the server.
    pub(crate) up: Way,
    /// From the server to the page.
    pub(crate) down: Way,
}

/// How one end of a socket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Not open yet.
    Opening,
    /// Frames may be sent.
    Open,
    /// Over.
    Closed,
}

/// One direction of a socket. What is sent arrives in order, or not at all.
#[derive(Debug, Default)]
pub(crate) struct Way {
    /// Nothing that is sent arrives any more, and nobody is told.
    pub(crate) hole: bool,
    /// When the last thing that was sent arrives.
    last: Time,
}

impl Way {
    /// When something that is sent now arrives; nothing if it never does.
    pub(crate) fn send(&mut self, earliest: Time) -> Option<Time> {
        if self.hole {
            return None;
        }
        self.last = earliest.max(self.last + 1);
        Some(self.last)
    }
}

/// The network of one computer.
#[derive(Debug)]
pub(crate) struct Network {
    least: Time,
    most: Time,
    slow_until: Time,
    slow_by: Time,
    cut: Option<Cut>,
}

/// Nothing passes for a while.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    /// Until when.
    pub(crate) until: Time,
    /// What is tried meanwhile hangs, instead of failing at once.
    pub(crate) hangs: bool,
}

impl Network {
    /// A network with delays between two bounds.
    pub(crate) fn new(least: Time, most: Time) -> Self {
        Network {
            least,
            most,
            slow_until: 0,
            slow_by: 0,
            cut: None,
        }
    }

    /// The cut that is on now.
    pub(crate) fn cut(&self, now: Time) -> Option<Cut> {
        self.cut.filter(|cut| cut.until > now)
    }

    /// Nothing passes from now on.
    pub(crate) fn cut_off(&mut self, until: Time, hangs: bool) {
        self.cut = Some(Cut { until, hangs });
    }

    /// Everything takes longer for a while.
    pub(crate) fn slow_down(&mut self, until: Time, by: Time) {
        self.slow_until = until;
        self.slow_by = by;
    }

    /// All is well again.
    pub(crate) fn heal(&mut self) {
        self.cut = None;
        self.slow_until = 0;
    }

    /// When something that is sent now arrives at the earliest: after the cut, if there is one.
    pub(crate) fn arrival(&self, now: Time, chance: &mut Chance) -> Time {
        let mut delay = chance.between(self.least, self.most);
        if now < self.slow_until {
            delay += chance.between(self.slow_by / 2, self.slow_by);
        }
        // One packet in fifty is lost and sent again.
        if chance.one_in(50) {
            delay += 200 * MS;
        }
        self.cut(now).map_or(now, |cut| cut.until) + delay
    }

    /// How long a way takes at most, if nothing is wrong.
    pub(crate) fn slowest(&self) -> Time {
        self.most + 200 * MS
    }

    /// Is something wrong with it now, or was it a moment ago?
    pub(crate) fn troubled(&self, now: Time) -> bool {
        let recently = now.saturating_sub(10 * S);
        self.slow_until > recently || self.cut.is_some_and(|cut| cut.until > recently)
    }
}
