//! Somebody may clear the storage at any time, the app itself most likely. What is in memory is
//! then written again.

use std::rc::Rc;

use super::Step;
use super::desk::Desk;
use super::mutation::MutationId;
use super::record::marker_key;
use super::word::Entry;
use crate::engine::ids::TabId;
use crate::engine::limits::{QUEUE_CHECK, QUEUE_CHECK_LETTERS, QUEUE_SLICE};
use crate::engine::store::{StoreFault, StoreOp};
use crate::engine::time::{Mono, Now};

/// Whether somebody cleared the storage. Its own page hears no event of that.
#[derive(Clone, Copy, Debug)]
pub(super) enum Check {
    /// Nothing is stored that could be missed.
    Off,
    At(Mono),
    Asked(StoreOp),
}

/// Where the rewriting goes on, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rewriting {
    from: MutationId,
    pub(super) at: Mono,
}

/// Records to be written again.
#[derive(Debug)]
pub(super) struct Slice {
    pub(super) entries: Vec<Entry>,
    /// Where the next slice begins, if there is one.
    pub(super) next: Option<MutationId>,
}

impl Desk {
    /// Something is stored from now on that somebody may clear.
    pub(super) fn watch_storage(&mut self, now: Now) {
        if let (Check::Off, false) = (self.check, self.blocked) {
            self.check = Check::At(now.mono + self.check_span);
            let key = marker_key(&self.scope);
            self.write(key, "1".to_owned());
        }
    }

    /// What would be lost if somebody cleared the storage: mutations that wait, or letters only.
    pub(super) fn would_lose(&mut self, now: Now, mutations: bool) {
        self.check_span = match mutations {
            true => QUEUE_CHECK,
            false => QUEUE_CHECK_LETTERS,
        };
        if let Check::At(at) = self.check {
            self.check = Check::At(at.min(now.mono + self.check_span));
        }
    }

    /// Looks whether somebody cleared the storage.
    pub(super) fn look(&mut self) {
        if let Check::At(_) = self.check {
            let op = self.next_op();
            let keys = vec![marker_key(&self.scope)];
            self.out.push_back(Step::Read { op, keys });
            self.check = Check::Asked(op);
        }
    }

    /// The storage read something. True if that was about whether somebody cleared it.
    pub(super) fn looked(
        &mut self,
        now: Now,
        op: StoreOp,
        result: Result<&[Option<String>], StoreFault>,
    ) -> bool {
        if !matches!(self.check, Check::Asked(asked) if asked == op) {
            return false;
        }
        self.check = Check::At(now.mono + self.check_span);
        match result {
            Ok([None]) => self.cleared(now),
            Ok(_) | Err(StoreFault::Quota) => {}
            Err(StoreFault::Blocked) => self.block(),
        }
        true
    }

    /// Somebody cleared the storage: what is in memory is written again, a slice at a time.
    pub(super) fn cleared(&mut self, now: Now) {
        if let Check::Off = self.check {
            return;
        }
        self.check = Check::Off;
        self.watch_storage(now);
        let from = MutationId {
            order: 0,
            tab: TabId(0),
        };
        self.rewriting = Some(Rewriting { from, at: now.mono });
    }

    /// The next slice that is to be written again begins here, if one is due.
    pub(super) fn rewriting(&self) -> Option<MutationId> {
        self.rewriting.map(|rewriting| rewriting.from)
    }

    /// Writes a slice again that somebody cleared.
    pub(super) fn rewrite(&mut self, now: Mono, slice: Slice) {
        for entry in slice.entries {
            // What cannot be stored again is kept in memory for as long as this page lives.
            self.write(entry.slot().key(&self.scope), entry.record());
        }
        self.rewriting = slice.next.map(|from| Rewriting { from, at: now });
    }

    /// What of our own is to be written again from an id on.
    pub(super) fn slice(&self, from: MutationId) -> Slice {
        let mut rest = self.mine.iter().skip_while(|(id, _)| **id < from);
        let slice = rest.by_ref().take(QUEUE_SLICE);
        let entries = slice
            .filter(|(_, mine)| mine.durable)
            .map(|(_, mine)| Entry::Accepted(Rc::clone(&mine.mutation)))
            .collect();
        let next = rest.next().map(|(id, _)| *id);
        Slice { entries, next }
    }

    /// Nothing is stored any more that somebody could clear.
    pub(super) fn rest(&mut self) {
        if self.mine.is_empty() {
            self.check = Check::Off;
        }
    }
}
