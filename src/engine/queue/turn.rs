//! Which run of a mutation something is word of.

use crate::engine::time::Mono;

/// Which run of a mutation. Attempts are counted anew for each of its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) attempt: u32,
    pub(super) renewed: u32,
}

/// A run of another page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flying {
    pub(super) turn: Turn,
    pub(super) until: Mono,
}
