//! Mutations that ended, remembered for a while: a removed record may be read again, and what was
//! said may be said again.

use super::mutation::MutationId;
use super::told::{End, How};
use crate::engine::limits::ANSWERED_MAX;
use crate::engine::map::Map;

/// Mutations that ended, the newest of them.
#[derive(Debug, Default)]
pub(super) struct Answered(Map<MutationId, Option<How>>);

impl Answered {
    pub(super) fn insert(&mut self, id: MutationId, end: &End) {
        let how = match end {
            End::Applied { .. } => None,
            End::Resolved { how } => Some(*how),
            // It may be retried: it has not ended.
            End::Dead { .. } => return,
        };
        self.0.insert(id, how);
        if self.0.len() > ANSWERED_MAX {
            let oldest = self.0.keys().next().copied();
            oldest.map(|oldest| self.0.remove(&oldest));
        }
    }

    pub(super) fn contains(&self, id: MutationId) -> bool {
        self.0.contains(&id)
    }

    /// How it ended. What the server answered was told once and is not kept.
    pub(super) fn end(&self, id: MutationId) -> Option<End> {
        Some(match self.0.get(&id)? {
            None => End::Applied {
                result: "null".into(),
            },
            Some(how) => End::Resolved { how: *how },
        })
    }
}
