//! The promises (design, section 1) as the simulator checks them, and what breaking one looks like.

use std::fmt;

/// What must hold in every world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    /// No lost freshness: what is shown in the end comes from a fetch that began after the last
    /// change.
    G1,
    /// No starvation: under an endless stream of events new data reaches the screen within one
    /// fetch and one window, counted from the end of the fetch that is under way.
    G2,
    /// No gap: events come in order, once; what was missed is told.
    G3,
    /// Contracts: what is shown is not older than its window, and a window that broke is told.
    G4,
    /// One browser, one link, one leader.
    G5,
    /// Accepted is durable: what was accepted survives, what was refused is never sent.
    G6,
    /// Once, in order: each mutation takes effect once, in order in its lane.
    G7,
    /// Nothing vanishes: every mutation ends done, given up, or on a list.
    G8,
    /// One principal: nobody sees what is another one's.
    G9,
    /// Calm: nothing runs hot.
    G10,
    /// A good neighbour: dials are spread and bounded, the server's word counts.
    G11,
    /// Hostile input: no panic, and nothing but the protocol is spoken.
    G12,
    /// The room: everybody sees who is there, and one at a time may edit a field.
    Room,
}

impl Promise {
    /// In a few words.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Promise::G1 => "no lost freshness",
            Promise::G2 => "no starvation",
            Promise::G3 => "no gap",
            Promise::G4 => "contracts",
            Promise::G5 => "one browser, one link",
            Promise::G6 => "accepted is durable",
            Promise::G7 => "once, in order",
            Promise::G8 => "nothing vanishes",
            Promise::G9 => "one principal",
            Promise::G10 => "calm",
            Promise::G11 => "good neighbour",
            Promise::G12 => "hostile input",
            Promise::Room => "who is there is seen, one edits",
        }
    }
}

/// A promise was broken.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    /// Which one.
    pub(crate) promise: Promise,
    /// How.
    pub(crate) how: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} ({}): {}",
            self.promise,
            self.promise.about(),
            self.how
        )
    }
}
