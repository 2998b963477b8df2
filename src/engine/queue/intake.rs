//! What the tab that leads reads from the storage: all that was accepted and has not ended.
//!
//! The keys are listed at once, the values read in slices, oldest first, so that ten thousand of
//! them do not hold up the page. Nothing is sent before the first reading is through, or a lane
//! could begin in its middle. Later readings find what a tab wrote that crashed before it could
//! tell us, and what was not yet to be seen when we looked before.

use std::rc::Rc;

use super::Step;
use super::desk::Desk;
use super::mutation::MutationId;
use super::record::{Damage, Slot, prefix};
use super::sender::{Sender, Stage};
use super::take::Source;
use super::told::{End, How};
use super::word::Entry;
use crate::engine::limits::{
    ASIDE_MAX, QUEUE_RESCAN, QUEUE_RESCAN_FIRST, QUEUE_SETTLE, QUEUE_SLICE, TOMBSTONE_SPAN,
};
use crate::engine::store::{StoreFault, StoreOp};
use crate::engine::time::{Millis, Mono, Now, Wall};

/// Whether everything that is stored is known.
#[derive(Debug)]
pub(super) enum Intake {
    /// Not yet: nothing may be sent.
    First(Reading),
    /// It was, and what came since is being read.
    Later(Reading),
    /// Yes, until it is read again, if ever.
    Rest { again: Option<Mono> },
}

/// How far a reading has come.
#[derive(Debug)]
pub(super) struct Reading {
    at: At,
    /// What is still to be read, the next one last.
    left: Vec<Slot>,
}

#[derive(Debug)]
enum At {
    /// The keys are being listed.
    Keys(StoreOp),
    /// These values are being read.
    Values(StoreOp, Vec<Slot>),
    /// The page has its turn before the next slice.
    Pause(Mono),
    /// What another tab did last is yet to be seen.
    Settle(Mono),
}

/// A record that cannot be used. It is left where it is: a newer release may understand it, and
/// a damaged one may still tell a person something.
#[derive(Debug)]
pub(super) struct Aside {
    pub(super) slot: Slot,
    pub(super) text: String,
    pub(super) damage: Damage,
}

impl Intake {
    /// May anything be sent?
    pub(super) fn is_open(&self) -> bool {
        match self {
            Intake::First(_) => false,
            Intake::Later(_) | Intake::Rest { .. } => true,
        }
    }

    pub(super) fn next_wakeup(&self) -> Option<Mono> {
        match self {
            Intake::Rest { again } => *again,
            Intake::First(reading) | Intake::Later(reading) => match reading.at {
                At::Pause(at) | At::Settle(at) => Some(at),
                At::Keys(_) | At::Values(..) => None,
            },
        }
    }
}

impl Sender {
    /// Begins to read.
    pub(super) fn read_first(&mut self, desk: &mut Desk, now: Now) {
        self.intake = Intake::First(if self.term.is_some() {
            Reading {
                at: At::Settle(now.mono + QUEUE_SETTLE),
                left: Vec::new(),
            }
        } else {
            list(desk)
        });
    }

    /// Reads again soon: a tab is gone that may have left something behind.
    pub(super) fn read_soon(&mut self, now: Now) {
        // Where every tab is for itself, others send their own.
        if let (Intake::Rest { again }, Some(_)) = (&mut self.intake, self.term) {
            let soon = now.mono + QUEUE_RESCAN_FIRST;
            *again = Some(again.map_or(soon, |at| at.min(soon)));
        }
    }

    /// What has become due.
    pub(super) fn read_on(&mut self, desk: &mut Desk, now: Now) {
        match &mut self.intake {
            Intake::Rest { again: Some(at) } if *at <= now.mono => {
                self.intake = Intake::Later(list(desk));
            }
            Intake::First(reading) | Intake::Later(reading) => match reading.at {
                At::Pause(at) if at <= now.mono => slice(reading, desk),
                At::Settle(at) if at <= now.mono => *reading = list(desk),
                At::Pause(_) | At::Settle(_) | At::Keys(_) | At::Values(..) => {}
            },
            Intake::Rest { .. } => {}
        }
    }

    /// The storage listed keys. True if we had asked for that.
    pub(super) fn listed(
        &mut self,
        desk: &mut Desk,
        now: Now,
        op: StoreOp,
        result: Result<&[String], StoreFault>,
    ) -> bool {
        let reading = match &mut self.intake {
            Intake::First(reading) | Intake::Later(reading) => reading,
            Intake::Rest { .. } => return false,
        };
        if !matches!(reading.at, At::Keys(asked) if asked == op) {
            return false;
        }
        let keys = match result {
            Ok(keys) => {
                self.unlisted = 0;
                desk.unblock();
                keys
            }
            Err(fault) => {
                self.unlisted = self.unlisted.saturating_add(1);
                if fault == StoreFault::Blocked {
                    desk.block();
                }
                self.read_through(desk, now);
                return true;
            }
        };
        let mut accepted = Vec::new();
        let mut words = Vec::new();
        for slot in keys.iter().filter_map(|key| Slot::parse(&desk.scope, key)) {
            match slot {
                Slot::Accepted(id) => accepted.push(id),
                Slot::Word(id) => words.push(id),
            }
        }
        accepted.sort_unstable();
        words.sort_unstable();
        accepted.retain(|id| self.is_accepted_news(desk, *id, words.binary_search(id).is_ok()));
        words.retain(|id| self.is_word_news(*id));
        // Words are read first, because where both are found the word counts. The list is read
        // from its end.
        let accepted = accepted.into_iter().rev().map(Slot::Accepted);
        let words = words.into_iter().rev().map(Slot::Word);
        let left: Vec<Slot> = accepted.chain(words).collect();
        if let Intake::First(reading) | Intake::Later(reading) = &mut self.intake {
            reading.left = left;
            slice(reading, desk);
        }
        if self.nothing_left() {
            self.read_through(desk, now);
        }
        true
    }

    /// Is there something to learn from an accepted record? What is left of one that ended is
    /// removed, but not what alone stands for a letter: its own record did not fit.
    fn is_accepted_news(&self, desk: &mut Desk, id: MutationId, word: bool) -> bool {
        let slot = Slot::Accepted(id);
        let letter = self.letters.contains(&id);
        let ended = desk.answered.contains(id);
        if ended || (letter && word) {
            desk.remove(slot);
        }
        !ended && !letter && !self.is_aside(slot) && !self.items.contains(&id)
    }

    /// Is there something to learn from a word?
    pub(super) fn is_word_news(&self, id: MutationId) -> bool {
        let word = self.items.get(&id).is_some_and(|item| item.word);
        !self.is_aside(Slot::Word(id)) && !word && !self.letters.contains(&id)
    }

    fn is_aside(&self, slot: Slot) -> bool {
        self.aside.iter().any(|aside| aside.slot == slot)
    }

    fn nothing_left(&self) -> bool {
        match &self.intake {
            Intake::First(reading) | Intake::Later(reading) => match &reading.at {
                At::Values(_, slots) => slots.is_empty(),
                At::Keys(_) | At::Pause(_) | At::Settle(_) => false,
            },
            Intake::Rest { .. } => false,
        }
    }

    /// The storage read values. True if we had asked for that.
    pub(super) fn values(
        &mut self,
        desk: &mut Desk,
        now: Now,
        op: StoreOp,
        result: Result<&[Option<String>], StoreFault>,
    ) -> bool {
        let reading = match &mut self.intake {
            Intake::First(reading) | Intake::Later(reading) => reading,
            Intake::Rest { .. } => return false,
        };
        let slots = match &mut reading.at {
            At::Values(asked, slots) if *asked == op => std::mem::take(slots),
            At::Values(..) | At::Keys(_) | At::Pause(_) | At::Settle(_) => return false,
        };
        reading.at = At::Pause(now.mono);
        let more = !reading.left.is_empty();
        match result {
            Ok(values) => {
                for (slot, value) in slots.into_iter().zip(values) {
                    if let Some(text) = value {
                        self.found(desk, now, slot, text, Source::Known);
                    }
                }
            }
            Err(StoreFault::Blocked) => desk.block(),
            Err(StoreFault::Quota) => {}
        }
        if !more || desk.blocked() {
            // What could not be read is read again later.
            self.read_through(desk, now);
        }
        true
    }

    /// A record was found.
    pub(super) fn found(
        &mut self,
        desk: &mut Desk,
        now: Now,
        slot: Slot,
        text: &str,
        source: Source,
    ) {
        let entry = match Entry::from_record(slot, text) {
            Ok(entry) => entry,
            Err(damage) => {
                self.set_aside(desk, slot, text, damage);
                return;
            }
        };
        let id = entry.id();
        match entry {
            Entry::Accepted(mutation) => {
                if desk.answered.contains(id) {
                    desk.remove(slot);
                } else if !self.letters.contains(&id) {
                    self.take(desk, now, mutation, None, true, source);
                }
            }
            Entry::Again(mutation, again) => {
                if desk.answered.contains(id) {
                    desk.remove(slot);
                } else if self.drop_unsent(now, id) {
                    self.take(desk, now, mutation, Some(again), true, Source::Known);
                }
            }
            Entry::Letter(mutation, letter) => {
                if desk.answered.contains(id) {
                    desk.remove(slot);
                } else if self.drop_unsent(now, id) {
                    desk.heard_of(&mutation);
                    desk.taken(id);
                    self.keep_letter(now, mutation, letter.clone());
                    // Whoever waits for it here has not been told.
                    if desk.mine.contains(&id) {
                        self.say_letter(desk, id, letter);
                    }
                }
            }
            // What was replaced was never sent when that was noted down; it has been since, by who could not see
            // the note yet. What became of it is for the server to say.
            Entry::Gone(id, How::Superseded, _) if self.was_sent(id) => desk.remove(slot),
            Entry::Gone(id, how, since) => {
                if self.drop_unsent(now, id) && !desk.answered.contains(id) {
                    self.say_ended(desk, id, End::Resolved { how });
                }
                if is_old(since, now.wall) {
                    desk.remove(slot);
                }
            }
        }
    }

    fn was_sent(&self, id: MutationId) -> bool {
        self.items.get(&id).is_some_and(|item| item.attempts > 0)
    }

    /// Forgets one that was taken before the word on it was read. False if it is too late, because
    /// it is on its way: then its end will be the newer word.
    fn drop_unsent(&mut self, now: Now, id: MutationId) -> bool {
        if self.letters.contains(&id) {
            return false;
        }
        let Some(item) = self.items.get(&id) else {
            return true;
        };
        match item.stage {
            Stage::Waiting | Stage::Parked => {
                self.parked -= usize::from(item.stage == Stage::Parked);
                let lane = Rc::clone(&item.mutation.lane);
                self.size.sub(&item.mutation);
                self.items.remove(&id);
                self.lanes.remove(now.mono, &lane, id);
                true
            }
            Stage::Running { .. } | Stage::Noting => false,
        }
    }

    fn set_aside(&mut self, desk: &mut Desk, slot: Slot, text: &str, damage: Damage) {
        if let Some(entry) = self.entry(slot_id(slot)) {
            // It is known already, so nothing is lost. What a newer release wrote stays its own.
            if damage == Damage::Damaged && entry.slot() == slot {
                desk.write(slot.key(&desk.scope), entry.record());
            }
            return;
        }
        if self.aside.len() >= ASIDE_MAX || self.aside.iter().any(|have| have.slot == slot) {
            return;
        }
        desk.out.push_back(Step::Fault(match damage {
            Damage::Newer => "a stored mutation is of a newer release and waits for it",
            Damage::Damaged => "a stored mutation is damaged and was set aside",
        }));
        let text = text.to_owned();
        self.aside.push(Aside { slot, text, damage });
    }

    fn read_through(&mut self, desk: &mut Desk, now: Now) {
        let wait = match (&self.intake, self.unlisted) {
            // What it holds waits for that, and a storage that throws may do so for a moment only.
            (_, failures @ 1..) => {
                Millis(QUEUE_RESCAN_FIRST.0 << (failures - 1).min(5)).min(QUEUE_RESCAN)
            }
            (Intake::First(_), 0) => QUEUE_RESCAN_FIRST,
            (Intake::Later(_) | Intake::Rest { .. }, 0) => QUEUE_RESCAN,
        };
        let again = (self.term.is_some() || desk.blocked()).then(|| now.mono + wait);
        self.opened(now, again);
    }

    fn opened(&mut self, now: Now, again: Option<Mono>) {
        let first = !self.intake.is_open();
        self.intake = Intake::Rest { again };
        if first {
            // Only now is it known what is first in each lane.
            self.unpark(now);
            self.drain();
        }
    }
}

/// Which mutation a record is about.
pub(super) fn slot_id(slot: Slot) -> MutationId {
    match slot {
        Slot::Accepted(id) | Slot::Word(id) => id,
    }
}

fn list(desk: &mut Desk) -> Reading {
    let op = desk.next_op();
    let prefix = prefix(&desk.scope);
    desk.out.push_back(Step::List { op, prefix });
    Reading {
        at: At::Keys(op),
        left: Vec::new(),
    }
}

/// Asks for the next values.
fn slice(reading: &mut Reading, desk: &mut Desk) {
    let mut slots = Vec::new();
    let mut keys = Vec::new();
    while slots.len() < QUEUE_SLICE
        && let Some(slot) = reading.left.pop()
    {
        keys.push(slot.key(&desk.scope));
        slots.push(slot);
    }
    let op = desk.next_op();
    if !keys.is_empty() {
        desk.out.push_back(Step::Read { op, keys });
    }
    reading.at = At::Values(op, slots);
}

/// A note that something was given up is kept for as long as its record might be read again. A
/// clock that was set back must not keep it for ever.
fn is_old(since: Wall, now: Wall) -> bool {
    now.0.abs_diff(since.0) > TOMBSTONE_SPAN.0
}
