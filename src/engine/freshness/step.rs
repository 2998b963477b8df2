//! What the freshness part is told of keys, and what it wants done.

use std::rc::Rc;

use super::ledger::{Blame, Why};
use super::word::Word;
use crate::engine::http::Call;
use crate::engine::key::QueryKey;
use crate::engine::time::Millis;

/// Which probe of which contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeId {
    pub(super) contract: usize,
    pub(super) number: u32,
}

/// What happens to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Somebody looks at it, or nobody does.
    Observed(bool),
    /// It left the cache.
    Removed,
    /// The adapter came late, and found data of this age in the cache.
    Found(Millis),
    /// A fetch of it started.
    Started,
    /// The adapter came late, and found that a fetch has been running for this long.
    Running(Millis),
    /// The fetch brought data.
    Fetched,
    /// The fetch failed; perhaps the server said so.
    Failed {
        /// Did the server answer?
        answered: bool,
    },
    /// The fetch was cancelled.
    Cancelled,
}

/// A window that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which contract.
    pub contract: Rc<str>,
    /// Why.
    pub blame: Blame,
    /// How old the data is, if that is known.
    pub age: Option<Millis>,
    /// How old it may be.
    pub window: Millis,
    /// What went wrong last, for reading by people.
    pub reason: &'static str,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Fetch the family in this tab.
    Refetch {
        /// The family.
        key: QueryKey,
        /// The contract.
        contract: Rc<str>,
        /// Why.
        why: Why,
    },
    /// Ask a server whether something changed.
    Probe {
        /// To be given back with the answer.
        id: ProbeId,
        /// What to ask.
        call: Call,
    },
    /// The answer to a probe does not matter any more.
    AbortProbe(ProbeId),
    /// Say it to the other tabs; what a leader found, under its term.
    Say(Word),
    /// Tell the app.
    Violation(Violation),
    /// The server wants to know who asks.
    Login,
    /// Store for a reload of this tab.
    Save {
        /// Where.
        key: String,
        /// What.
        value: String,
    },
    /// Take out what is stored for a reload.
    Erase {
        /// Where.
        key: String,
    },
    /// Read what was stored before a reload.
    Load {
        /// Where.
        key: String,
    },
}
