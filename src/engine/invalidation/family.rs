//! Families of query keys, and which of them are to be told.
//!
//! The first event of a quiet period is told at once; those that follow within the window are
//! told together at its end. So a burst costs two tellings a window, however long it is, and the
//! last event of a burst is never lost. An event costs the same for a family of one key and of
//! thousands: its keys are looked at when the family is told.

use std::rc::Rc;

use super::ledger::KeyId;
use super::moment::Span;
use super::version::Need;
use crate::engine::key::QueryKey;
use crate::engine::limits::{FAMILIES_MAX, SPANS_MAX, TRANSIENT_FAMILIES_MAX, WINDOW};
use crate::engine::map::Map;
use crate::engine::notice::Cause;
use crate::engine::time::Mono;

/// A family's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FamilyId(pub(super) u32);

/// How long a family is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// A route names it.
    ForEver,
    /// A payload or the app named it: until it was told and its window is over.
    WhileMarked,
}

#[derive(Debug)]
pub(super) struct Family {
    pub(super) key: QueryKey,
    /// The keys of the ledger that lie in it.
    pub(super) keys: Vec<KeyId>,
    kept: Kept,
    mark: Mark,
    told: Option<Mono>,
    /// The last thing that made any of it stale.
    last: Option<(Mono, Rc<Cause>)>,
}

#[derive(Debug)]
enum Mark {
    Clean,
    Due(Due),
}

/// What is to be told of a family, and when.
#[derive(Debug)]
pub(super) struct Due {
    at: Mono,
    pub(super) cause: Rc<Cause>,
    /// What all of its keys need.
    pub(super) whole: Option<Need>,
    /// What those of its keys need that show a span of time.
    pub(super) spans: Vec<(Span, Need)>,
}

/// What a mark asks of the keys.
pub(super) enum Reach {
    /// All of them need this.
    Whole(Need),
    /// Those that show one of these spans need this.
    Spans(Vec<Span>, Need),
    /// The keys were dealt with one by one.
    Nothing,
}

/// All families.
#[derive(Debug, Default)]
pub(super) struct Families {
    slots: Vec<Option<Family>>,
    free: Vec<FamilyId>,
    by_key: Map<QueryKey, FamilyId>,
    /// Those whose keys are not found by cutting elements off a key.
    nested: Vec<FamilyId>,
    marked: Vec<FamilyId>,
    /// Those that are kept only while they are marked.
    transient: Vec<FamilyId>,
    /// Not later than the first moment at which a marked one is due.
    next: Option<Mono>,
}

/// A family, and whether it is new.
pub(super) enum Interned {
    Known(FamilyId),
    New(FamilyId),
}

impl Families {
    pub(super) fn get(&self, id: FamilyId) -> Option<&Family> {
        self.slots.get(id.0 as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, id: FamilyId) -> Option<&mut Family> {
        self.slots.get_mut(id.0 as usize)?.as_mut()
    }

    /// The families that a key lies in.
    pub(super) fn of_key(&self, key: &QueryKey, out: &mut Vec<FamilyId>) {
        // A plain family is the key with elements cut off its end.
        let mut elements = Vec::new();
        key.raw().elements(|element| elements.push(element.text()));
        for count in 0..=elements.len() {
            let head = elements.get(..count).unwrap_or(&[]);
            if let Some(prefix) = QueryKey::of_elements(head)
                && prefix.is_plain()
                && let Some(&id) = self.by_key.get(&prefix)
            {
                out.push(id);
            }
        }
        for &id in &self.nested {
            if self
                .get(id)
                .is_some_and(|family| key.in_family(&family.key))
            {
                out.push(id);
            }
        }
    }

    /// The family of a prefix, made if there is room for it.
    pub(super) fn intern(&mut self, key: &QueryKey, kept: Kept) -> Option<Interned> {
        if let Some(&id) = self.by_key.get(key) {
            if kept == Kept::ForEver
                && let Some(family) = self.get_mut(id)
            {
                family.kept = kept;
            }
            return Some(Interned::Known(id));
        }
        if self.by_key.len() >= FAMILIES_MAX {
            return None;
        }
        let family = Family {
            key: key.clone(),
            keys: Vec::new(),
            kept,
            mark: Mark::Clean,
            told: None,
            last: None,
        };
        let id = match self.free.pop() {
            Some(id) => id,
            None => {
                let id = FamilyId(u32::try_from(self.slots.len()).ok()?);
                self.slots.push(None);
                id
            }
        };
        *self.slots.get_mut(id.0 as usize)? = Some(family);
        self.by_key.insert(key.clone(), id);
        if !key.is_plain() {
            self.nested.push(id);
        }
        if kept == Kept::WhileMarked {
            self.transient.push(id);
        }
        Some(Interned::New(id))
    }

    /// Is there room for one more family that a payload names?
    pub(super) fn has_room(&self) -> bool {
        self.transient.len() < TRANSIENT_FAMILIES_MAX
    }

    /// Takes out the families that are kept only while they are marked and no longer are. The
    /// caller takes them out of the ledger.
    pub(super) fn sweep(&mut self, now: Mono) -> Vec<(FamilyId, Vec<KeyId>)> {
        let mut out = Vec::new();
        for id in std::mem::take(&mut self.transient) {
            match self.get(id).map(|family| (family.kept, family.over(now))) {
                Some((Kept::WhileMarked, false)) => self.transient.push(id),
                Some((Kept::WhileMarked, true)) => {
                    if let Some(family) = self.slots.get_mut(id.0 as usize).and_then(Option::take) {
                        self.by_key.remove(&family.key);
                        self.nested.retain(|have| *have != id);
                        self.free.push(id);
                        out.push((id, family.keys));
                    }
                }
                Some((Kept::ForEver, _)) | None => {}
            }
        }
        out
    }

    /// Marks a family, to be told at once or at the end of its window, not before `earliest`.
    pub(super) fn mark(
        &mut self,
        now: Mono,
        earliest: Mono,
        id: FamilyId,
        reach: Reach,
        cause: &mut dyn FnMut() -> Rc<Cause>,
    ) {
        let Some(family) = self.get_mut(id) else {
            return;
        };
        // Within the window of the last telling it has to wait for the end of it.
        let window = match family.told {
            Some(told) if told + WINDOW > now => told + WINDOW,
            _ => now,
        };
        let at = window.max(earliest);
        match &mut family.mark {
            Mark::Due(due) => {
                family.last = Some((now, Rc::clone(&due.cause)));
                due.add(reach);
                // Also while a gap waits for its moment an event is told within its window.
                if due.at <= at {
                    return;
                }
                due.at = at;
            }
            Mark::Clean => {
                let cause = cause();
                family.last = Some((now, Rc::clone(&cause)));
                let mut due = Due {
                    at,
                    cause,
                    whole: None,
                    spans: Vec::new(),
                };
                due.add(reach);
                family.mark = Mark::Due(due);
                self.marked.push(id);
            }
        }
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }

    /// Nothing was heard of any of them.
    pub(super) fn forget_heard(&mut self) {
        for family in self.slots.iter_mut().flatten() {
            family.mark = Mark::Clean;
            family.told = None;
            family.last = None;
        }
        self.marked.clear();
        self.next = None;
    }

    /// Something in a family became stale.
    pub(super) fn remember(&mut self, id: FamilyId, now: Mono, cause: &Rc<Cause>) {
        if let Some(family) = self.get_mut(id) {
            family.last = Some((now, Rc::clone(cause)));
        }
    }

    #[cfg(test)]
    pub(super) fn find(&self, key: &QueryKey) -> Option<FamilyId> {
        self.by_key.get(key).copied()
    }

    pub(super) fn next_wakeup(&self) -> Option<Mono> {
        self.next
    }

    /// Takes the marks that are due.
    pub(super) fn take_due(&mut self, now: Mono) -> Vec<(FamilyId, Due)> {
        let mut out = Vec::new();
        if self.next.is_none_or(|next| next > now) {
            return out;
        }
        self.next = None;
        let slots = &mut self.slots;
        let next = &mut self.next;
        self.marked.retain(|&id| {
            let Some(family) = slots.get_mut(id.0 as usize).and_then(Option::as_mut) else {
                return false;
            };
            match std::mem::replace(&mut family.mark, Mark::Clean) {
                Mark::Clean => false,
                Mark::Due(due) if due.at <= now => {
                    family.told = Some(now);
                    out.push((id, due));
                    false
                }
                Mark::Due(due) => {
                    *next = Some(next.map_or(due.at, |next| next.min(due.at)));
                    family.mark = Mark::Due(due);
                    true
                }
            }
        });
        out
    }
}

impl Family {
    /// Why some of it became stale at a moment or after it, if it did.
    pub(super) fn marked_since(&self, moment: Mono) -> Option<Rc<Cause>> {
        let (at, cause) = self.last.as_ref()?;
        (*at >= moment).then(|| Rc::clone(cause))
    }

    /// Is it clean, and its window over?
    fn over(&self, now: Mono) -> bool {
        matches!(self.mark, Mark::Clean) && self.told.is_none_or(|told| told + WINDOW <= now)
    }
}

impl Due {
    fn add(&mut self, reach: Reach) {
        match reach {
            Reach::Nothing => {}
            Reach::Whole(need) => match &mut self.whole {
                Some(have) => have.and(need),
                None => self.whole = Some(need),
            },
            Reach::Spans(spans, need) => {
                if self.spans.len() + spans.len() > SPANS_MAX {
                    // So many blocks moved that about all of the calendar is concerned.
                    let mut all = need;
                    for (_, need) in std::mem::take(&mut self.spans) {
                        all.and(need);
                    }
                    self.add(Reach::Whole(all));
                    return;
                }
                for span in spans {
                    self.spans.push((span, need.clone()));
                }
            }
        }
    }

    /// What a key needs that shows a span of time.
    pub(super) fn need_of(&self, shows: &mut dyn FnMut() -> Span) -> Option<Need> {
        let mut need = self.whole.clone();
        if self.spans.is_empty() {
            return need;
        }
        let shown = shows();
        for (span, more) in &self.spans {
            if shown.meets(*span) {
                match &mut need {
                    Some(need) => need.and(more.clone()),
                    None => need = Some(more.clone()),
                }
            }
        }
        need
    }
}

#[cfg(test)]
mod table;
