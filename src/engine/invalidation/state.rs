//! How one query key stands: the table of its states.
//!
//! The states hold G1 and G2 for one key: a fetch is under way or not, something is owed or not,
//! and never is a second fetch asked for while one runs. What is owed is a [`Debt`]; it is paid
//! only by a fetch that started after it was made, or by a version at least as new.

use std::rc::Rc;

use super::version::{Need, Tide, Version};
use crate::engine::notice::Cause;
use crate::engine::time::Mono;

/// Something that the key does not show yet, and why.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Debt {
    pub(super) need: Need,
    pub(super) cause: Rc<Cause>,
}

/// A fetch that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fetch {
    /// The tide when it started: what it has seen.
    pub(super) started: Tide,
    /// When it started.
    pub(super) since: Mono,
    /// When it counts as lost.
    pub(super) lost: Mono,
    /// The adapter's number for it, if it counts them.
    pub(super) number: Option<u64>,
}

/// How a key stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    /// It shows all that was heard of.
    Settled,
    /// Stale, and nobody looks.
    Dormant(Debt),
    /// Stale, to be refetched at the moment or when its turn comes after it.
    Owed { debt: Debt, due: Mono },
    /// Stale, but held back: a fetch failed, or the server asked for calm, or the app.
    Held { debt: Debt, until: Mono },
    /// The adapter was told to refetch; until the moment it has to start.
    Told { debt: Debt, until: Mono },
    /// A fetch runs that started after all that was heard of; if it fails, the debt is left.
    Fetching { fetch: Fetch, debt: Option<Debt> },
    /// A fetch runs, and something happened after it started: another one is owed, whatever
    /// becomes of this one. `before` is what it pays, `after` what it cannot.
    Overtaken {
        fetch: Fetch,
        before: Option<Debt>,
        after: Debt,
    },
}

/// What can happen to a key.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Input {
    /// Something happened that it does not show.
    Marked(Debt),
    /// Somebody looks at it.
    Observed,
    /// Nobody looks at it any more.
    Left,
    /// A fetch of it started.
    Started(Fetch),
    /// A fetch of it brought data, or the app put data into the cache.
    Succeeded(Option<Version>),
    /// A fetch of it failed or was cancelled.
    Failed,
    /// The moment of the state came, and it is its turn.
    Due,
}

/// What a step may look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    /// Does somebody look at the key?
    pub(super) active: bool,
    /// When it may be refetched at the earliest, if nothing is against it.
    pub(super) due: Mono,
    /// Until when it is held back when a fetch of it fails.
    pub(super) hold: Mono,
    /// Until when the adapter has to start what it is told.
    pub(super) start_by: Mono,
}

impl Debt {
    /// Both debts; the older cause is told.
    fn and(mut self, other: Debt) -> Debt {
        self.need.and(other.need);
        self
    }
}

fn both(older: Option<Debt>, newer: Debt) -> Debt {
    match older {
        Some(older) => older.and(newer),
        None => newer,
    }
}

impl State {
    /// The state that follows. Every pair has a row; a missing one does not compile.
    pub(super) fn step(self, input: Input, facts: Facts) -> State {
        use Input::{Due, Failed, Left, Marked, Observed, Started, Succeeded};
        use State::{Dormant, Fetching, Held, Overtaken, Owed, Settled, Told};
        let Facts { due, hold, .. } = facts;
        match (self, input) {
            (Settled, Marked(debt)) => State::owing(debt, due, facts),
            (Settled, Observed | Left | Succeeded(_) | Failed | Due) => Settled,

            (Dormant(debt), Marked(more)) => State::owing(debt.and(more), due, facts),
            (Dormant(debt), Observed) => Owed { debt, due },
            (Dormant(debt), Left | Failed | Due) => Dormant(debt),
            (Dormant(debt), Succeeded(version)) => debt.paid_by(version, Dormant),

            (Owed { debt, due: have }, Marked(more)) => Owed {
                debt: debt.and(more),
                due: have.min(due),
            },
            (Owed { debt, due: have }, Observed) => Owed {
                debt,
                due: have.min(due),
            },
            (Owed { debt, .. }, Left) => Dormant(debt),
            (Owed { debt, due }, Succeeded(version)) => {
                debt.paid_by(version, |debt| Owed { debt, due })
            }
            (Owed { debt, .. }, Failed) => Held { debt, until: hold },
            (Owed { debt, .. }, Due) => Told {
                debt,
                until: facts.start_by,
            },

            (Held { debt, until }, Marked(more)) => Held {
                debt: debt.and(more),
                until,
            },
            (Held { debt, until }, Observed) => Held { debt, until },
            (Held { debt, .. }, Left) => Dormant(debt),
            (Held { debt, until }, Succeeded(version)) => {
                debt.paid_by(version, |debt| Held { debt, until })
            }
            (Held { debt, until }, Failed) => Held {
                debt,
                until: until.max(hold),
            },
            (Held { debt, .. }, Due) => Told {
                debt,
                until: facts.start_by,
            },

            (Told { debt, until }, Marked(more)) => Told {
                debt: debt.and(more),
                until,
            },
            (Told { debt, until }, Observed) => Told { debt, until },
            (Told { debt, .. }, Left) => Dormant(debt),
            (Told { debt, until }, Succeeded(version)) => {
                debt.paid_by(version, |debt| Told { debt, until })
            }
            // Nothing started, or what started failed before we heard of it.
            (Told { debt, .. }, Failed | Due) => State::held(debt, facts),

            (Fetching { fetch, debt }, Marked(more)) => {
                if more.need.met_by_fetch(fetch.started) {
                    let debt = Some(both(debt, more));
                    Fetching { fetch, debt }
                } else {
                    Overtaken {
                        fetch,
                        before: debt,
                        after: more,
                    }
                }
            }
            (Fetching { fetch, debt }, Observed | Left) => Fetching { fetch, debt },
            (Fetching { .. }, Succeeded(_)) => Settled,
            (Fetching { debt, .. }, Failed | Due) => match debt {
                Some(debt) => State::held(debt, facts),
                None => Settled,
            },

            (
                Overtaken {
                    fetch,
                    before,
                    after,
                },
                Marked(more),
            ) => {
                if more.need.met_by_fetch(fetch.started) {
                    let before = Some(both(before, more));
                    Overtaken {
                        fetch,
                        before,
                        after,
                    }
                } else {
                    Overtaken {
                        fetch,
                        before,
                        after: after.and(more),
                    }
                }
            }
            (overtaken @ Overtaken { .. }, Observed | Left) => overtaken,
            (Overtaken { after, .. }, Succeeded(version)) => {
                after.paid_by(version, |debt| State::owing(debt, due, facts))
            }
            (Overtaken { before, after, .. }, Failed | Due) => {
                State::held(both(before, after), facts)
            }

            (Settled, Started(fetch)) => Fetching { fetch, debt: None },
            // A fetch that the adapter began before it told of it may be older than the debt.
            (
                Dormant(debt) | Owed { debt, .. } | Held { debt, .. } | Told { debt, .. },
                Started(fetch),
            ) => Fetching { fetch, debt: None }.step(Marked(debt), facts),
            // The app cancelled one and started another: the new one pays for all it has seen.
            (Fetching { debt: None, .. }, Started(fetch)) => Fetching { fetch, debt: None },
            (
                Fetching {
                    debt: Some(debt), ..
                },
                Started(fetch),
            ) => Fetching { fetch, debt: None }.step(Marked(debt), facts),
            (Overtaken { before, after, .. }, Started(fetch)) => {
                Fetching { fetch, debt: None }.step(Marked(both(before, after)), facts)
            }
        }
    }

    /// Stale: to be refetched if somebody looks.
    fn owing(debt: Debt, due: Mono, facts: Facts) -> State {
        if facts.active {
            State::Owed { debt, due }
        } else {
            State::Dormant(debt)
        }
    }

    /// Stale, and not to be refetched at once.
    fn held(debt: Debt, facts: Facts) -> State {
        if facts.active {
            State::Held {
                debt,
                until: facts.hold,
            }
        } else {
            State::Dormant(debt)
        }
    }

    /// When something has to happen, if nothing else does.
    pub(super) fn moment(&self) -> Option<Mono> {
        match self {
            State::Settled | State::Dormant(_) => None,
            State::Owed { due, .. } => Some(*due),
            State::Held { until, .. } | State::Told { until, .. } => Some(*until),
            State::Fetching { fetch, .. } | State::Overtaken { fetch, .. } => Some(fetch.lost),
        }
    }

    /// The debt for which the adapter is to be told, when the moment has come.
    pub(super) fn to_tell(&self) -> Option<&Debt> {
        match self {
            State::Owed { debt, .. } | State::Held { debt, .. } => Some(debt),
            State::Settled
            | State::Dormant(_)
            | State::Told { .. }
            | State::Fetching { .. }
            | State::Overtaken { .. } => None,
        }
    }

    /// A fetch that runs counts as lost at a moment, if not before. Gives when it does.
    pub(super) fn lost_by(&mut self, moment: Mono) -> Option<Mono> {
        let (State::Fetching { fetch, .. } | State::Overtaken { fetch, .. }) = self else {
            return None;
        };
        fetch.lost = fetch.lost.min(moment);
        Some(fetch.lost)
    }

    /// The fetch that runs.
    pub(super) fn fetch(&self) -> Option<&Fetch> {
        match self {
            State::Fetching { fetch, .. } | State::Overtaken { fetch, .. } => Some(fetch),
            State::Settled
            | State::Dormant(_)
            | State::Owed { .. }
            | State::Held { .. }
            | State::Told { .. } => None,
        }
    }
}

impl Debt {
    fn paid_by(self, version: Option<Version>, rest: impl FnOnce(Debt) -> State) -> State {
        if self.need.met_by_version(version.as_ref()) {
            State::Settled
        } else {
            rest(self)
        }
    }
}

#[cfg(test)]
mod table;
