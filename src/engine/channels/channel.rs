//! One channel: who watches it, how it stands, how far it has been followed.

use std::rc::Rc;

use super::{State, Want};
use crate::engine::ids::{Position, RequestId, Seq, TabId};
use crate::engine::limits::{
    HELD_BYTES_MAX, HELD_EVENTS_MAX, REJOIN_FIRST, REJOIN_MAX, REJOIN_STABLE, RETRY_AFTER_MAX,
};
use crate::engine::rng::Rng;
use crate::engine::time::{Millis, Mono};

#[derive(Debug)]
pub(super) struct Channel {
    pub(super) name: Rc<str>,
    /// Does this page follow it? It does from the first watch on until some time after the last
    /// one left. What it does not follow is subscribed for other tabs.
    pub(super) mine: bool,
    /// How many parts of this page watch it.
    pub(super) local: u32,
    /// Which other tabs watch it; known to the leader only.
    pub(super) remote: Vec<TabId>,
    /// When it was watched or left last.
    pub(super) used: Mono,
    /// When this page stops following it, and when it is given back if no other tab watches it
    /// either. Of use only while no part of this page watches it.
    pub(super) keep_until: Mono,
    pub(super) place: Place,
    pub(super) position: Option<Position>,
    /// Events that are ahead of the position, in order.
    pub(super) held: Vec<Held>,
    /// How often in a row it was refused for now, or lost soon after it was confirmed.
    pub(super) failures: u32,
    /// What may be told again after a gap.
    #[cfg(feature = "phoenix")]
    pub(super) missed: super::missed::Missed,
}

#[derive(Debug)]
pub(super) struct Held {
    pub(super) seq: Seq,
    pub(super) text: Rc<str>,
}

/// How a channel stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// There are more channels than may be had at a time. It waits for a place.
    Full,
    /// Nobody was asked for it yet.
    Waiting,
    /// The server was asked.
    Asked {
        request: RequestId,
        until: Mono,
        /// It is subscribed already, only something is missing.
        again: bool,
    },
    /// It is subscribed (or the leader has it), and nothing is missing.
    Live { since: Mono },
    /// It is subscribed, but events are missing: the server is to be asked again.
    Torn,
    /// The leader has it, but events are missing: the leader was asked for them.
    Missing { until: Mono, wait: Millis },
    /// The server said no. It is not asked again before something changes.
    Denied,
    /// The server said not now.
    Later { at: Mono },
}

impl Channel {
    pub(super) fn in_use(&self) -> bool {
        self.local > 0 || !self.remote.is_empty()
    }

    /// Has the server (or the leader) said yes to it, and not taken that back?
    pub(super) fn is_served(&self) -> bool {
        match self.place {
            Place::Live { .. }
            | Place::Torn
            | Place::Missing { .. }
            | Place::Asked { again: true, .. } => true,
            Place::Full
            | Place::Waiting
            | Place::Asked { again: false, .. }
            | Place::Denied
            | Place::Later { .. } => false,
        }
    }

    /// Is it to be asked for? Not if nobody watches it: it is kept for who comes back, not joined
    /// anew for nobody.
    pub(super) fn is_due(&self) -> bool {
        matches!(self.place, Place::Waiting | Place::Torn) && self.in_use()
    }

    /// Is no answer of the server to come that this page or another tab waits for?
    pub(super) fn is_answered(&self) -> bool {
        match self.place {
            Place::Asked { .. } | Place::Torn => false,
            Place::Waiting => !self.in_use(),
            Place::Full
            | Place::Live { .. }
            | Place::Missing { .. }
            | Place::Denied
            | Place::Later { .. } => true,
        }
    }

    pub(super) fn state(&self) -> State {
        match self.place {
            Place::Waiting | Place::Later { .. } => State::Waiting,
            Place::Asked { .. } | Place::Torn | Place::Missing { .. } => State::Subscribing,
            Place::Live { .. } => State::Subscribed,
            Place::Full | Place::Denied => State::Refused,
        }
    }

    pub(super) fn want(&self) -> Want {
        (String::from(&*self.name), self.position.clone())
    }

    /// A subscription that lived long was good.
    pub(super) fn forgive(&mut self, now: Mono) {
        if let Place::Live { since } = self.place
            && now.since(since) >= REJOIN_STABLE
        {
            self.failures = 0;
        }
    }

    /// Not now: later, and later each time.
    pub(super) fn pause(&mut self, now: Mono, asked: Option<Millis>, rng: &mut Rng) -> Mono {
        self.forgive(now);
        let most = REJOIN_FIRST
            .0
            .saturating_mul(1u64 << self.failures.min(16))
            .min(REJOIN_MAX.0);
        self.failures = self.failures.saturating_add(1);
        let least = asked.map_or(Millis(most), |asked| asked.min(RETRY_AFTER_MAX));
        // Never sooner than the pause: the others who were refused wait too.
        let at = now + least + rng.jitter(Millis(most / 2));
        self.place = Place::Later { at };
        at
    }

    pub(super) fn hold(&mut self, seq: Seq, text: Rc<str>, bytes: &mut usize) {
        let at = match self.held.binary_search_by(|held| held.seq.cmp(&seq)) {
            Ok(_) => return,
            Err(at) => at,
        };
        if self.held.len() >= HELD_EVENTS_MAX || *bytes + text.len() > HELD_BYTES_MAX {
            // What is missing was asked for, and the answer brings these too.
            self.drop_held(bytes);
            return;
        }
        *bytes += text.len();
        self.held.insert(at, Held { seq, text });
    }

    pub(super) fn drop_held(&mut self, bytes: &mut usize) {
        for held in &self.held {
            *bytes -= held.text.len();
        }
        self.held = Vec::new();
    }
}
