//! What the tab that leads notes down about a mutation, and what follows when it is stored.
//!
//! A word is stored first and acted upon then. A crash in between only means that the same is
//! found out once more.

use std::rc::Rc;

use super::Step;
use super::desk::Desk;
use super::mutation::{Mutation, MutationId};
use super::outcome::{Class, Failure};
use super::record::{RESERVE_KEY, Slot};
use super::sender::{Asker, Sender, Stage, id_json};
use super::take::Source;
use super::talk::Lead;
use super::told::{Answer, End, How, Refusal, Told};
use super::word::{Again, Entry, Letter, Why};
use crate::engine::limits::{QUEUE_ITEM_BYTES_MAX, RESERVE_CHARS};
use crate::engine::store::{StoreFault, StoreOp};
use crate::engine::time::Now;

/// A word that is being stored.
#[derive(Debug)]
pub(super) struct Note {
    op: StoreOp,
    id: MutationId,
    entry: Entry,
    then: Then,
    asker: Option<Asker>,
}

/// What follows when the word is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// A mutation under way becomes a letter.
    Bury,
    /// A mutation under way is run again.
    Rerun,
    /// A letter becomes a mutation again.
    Revive,
    /// A letter or a mutation is given up.
    GiveUp(How),
    /// A letter that the storage did not take stays one.
    Keep,
}

/// Space that is kept free for words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reserve {
    None,
    Asked(StoreOp),
    Held,
    Spent,
}

impl Sender {
    /// Stores a word, then does what follows.
    pub(super) fn note(
        &mut self,
        desk: &mut Desk,
        now: Now,
        id: MutationId,
        entry: Entry,
        then: Then,
        asker: Option<Asker>,
    ) {
        self.flight.retain(|have| *have != id);
        if let Some(item) = self.items.get_mut(&id) {
            match item.stage {
                Stage::Running { .. } | Stage::Noting => {}
                // What is in its lane must not go meanwhile.
                Stage::Waiting => {
                    self.lanes.park(now.mono, &item.mutation.lane, id, true);
                }
                Stage::Parked => self.parked = self.parked.saturating_sub(1),
            }
            item.stage = Stage::Noting;
        }
        let op = desk.write(entry.slot().key(&desk.scope), entry.record());
        self.notes.push(Note {
            op,
            id,
            entry,
            then,
            asker,
        });
    }

    /// The storage answered. True if that was about something of ours.
    pub(super) fn stored(
        &mut self,
        desk: &mut Desk,
        now: Now,
        op: StoreOp,
        result: Result<(), StoreFault>,
    ) -> bool {
        if self.reserve == Reserve::Asked(op) {
            self.reserve = match result {
                Ok(()) => Reserve::Held,
                Err(_) => Reserve::Spent,
            };
            return true;
        }
        let Some(at) = self.notes.iter().position(|note| note.op == op) else {
            return false;
        };
        let mut note = self.notes.remove(at);
        if let (Err(StoreFault::Quota), Reserve::Held) = (result, self.reserve) {
            self.reserve = Reserve::Spent;
            let key = RESERVE_KEY.to_owned();
            desk.out.push_back(Step::Remove { key });
            note.op = desk.write(note.entry.slot().key(&desk.scope), note.entry.record());
            self.notes.push(note);
            return true;
        }
        match result {
            Ok(()) => desk.unblock(),
            Err(StoreFault::Blocked) => desk.block(),
            Err(StoreFault::Quota) => {}
        }
        self.noted(desk, now, note, result);
        true
    }

    fn noted(&mut self, desk: &mut Desk, now: Now, note: Note, result: Result<(), StoreFault>) {
        let Note {
            id,
            entry,
            then,
            asker,
            ..
        } = note;
        let stored = result.is_ok();
        match (then, entry) {
            (Then::Bury, Entry::Letter(mutation, letter)) => {
                self.buried(desk, now, mutation, letter, stored);
            }
            (Then::Rerun, Entry::Again(mutation, again)) => {
                if stored || desk.blocked() {
                    self.rerun(desk, now, mutation, again, stored);
                } else {
                    // A new key that is not stored could be given twice. The user decides.
                    let body = again.theirs.clone().unwrap_or_else(|| "null".into());
                    let failure = Failure {
                        body,
                        ..Failure::of(Class::Conflict)
                    };
                    let before = Again {
                        renewed: again.renewed.saturating_sub(1),
                        ..again
                    };
                    let letter = Letter::new(Why::Conflict, &failure, 0, before, now.wall);
                    self.buried(desk, now, mutation, letter, false);
                }
            }
            (Then::Revive, Entry::Again(mutation, again)) => {
                let answer = if stored || desk.blocked() {
                    self.revive(desk, now, mutation, again, stored)
                } else {
                    Err(Refusal::Quota)
                };
                self.answer(desk, asker, answer);
            }
            (Then::GiveUp(how), _) => {
                let answer = self.gone(desk, now, id, how, stored);
                self.answer(desk, asker, answer);
            }
            (Then::Keep, _) if stored => {
                self.unstored.retain(|unstored| *unstored != id);
                desk.remove(Slot::Accepted(id));
            }
            (Then::Keep, _) => {
                desk.works = false;
                // Others may fit.
                let first = self.unstored.pop_front();
                self.unstored.extend(first);
            }
            (
                Then::Bury | Then::Rerun | Then::Revive,
                Entry::Accepted(_) | Entry::Again(..) | Entry::Letter(..) | Entry::Gone(..),
            ) => {}
        }
    }

    fn buried(
        &mut self,
        desk: &mut Desk,
        now: Now,
        mutation: Rc<Mutation>,
        letter: Letter,
        stored: bool,
    ) {
        let id = mutation.id;
        let Some(item) = self.items.remove(&id) else {
            return;
        };
        self.lanes.remove(now.mono, &item.mutation.lane, id);
        self.size.sub(&item.mutation);
        if let Some(drain) = &mut self.drain {
            drain.done += 1;
        }
        if stored {
            desk.remove(Slot::Accepted(id));
        } else {
            desk.works = false;
            self.unstored.push_back(id);
        }
        self.keep_letter(now, mutation, letter.clone());
        self.say_letter(desk, id, letter);
    }

    /// A letter that the storage did not take is in the memory of this page alone: it is written
    /// again when the storage has done something else.
    pub(super) fn store_letters(&mut self, desk: &mut Desk, now: Now) {
        let Some(id) = self.unstored.front().copied() else {
            return;
        };
        if !desk.works || self.notes.iter().any(|note| note.id == id) {
            return;
        }
        if let Some((mutation, letter)) = self.letters.get(&id) {
            let entry = Entry::Letter(Rc::clone(mutation), letter.clone());
            self.note(desk, now, id, entry, Then::Keep, None);
        }
    }

    /// Puts a letter on the list.
    pub(super) fn keep_letter(&mut self, now: Now, mutation: Rc<Mutation>, letter: Letter) {
        let id = mutation.id;
        if letter.stops {
            self.lanes.stop(now.mono, &mutation.lane, id);
        }
        self.size.add(&mutation);
        self.conflicts += usize::from(letter.why == Why::Conflict);
        self.letters.insert(id, (mutation, letter));
    }

    pub(super) fn take_letter(&mut self, id: MutationId) -> Option<(Rc<Mutation>, Letter)> {
        let (mutation, letter) = self.letters.remove(&id)?;
        self.unstored.retain(|unstored| *unstored != id);
        self.size.sub(&mutation);
        self.conflicts -= usize::from(letter.why == Why::Conflict);
        Some((mutation, letter))
    }

    fn rerun(
        &mut self,
        desk: &mut Desk,
        now: Now,
        mutation: Rc<Mutation>,
        again: Again,
        stored: bool,
    ) {
        let id = mutation.id;
        let Some(item) = self.items.get_mut(&id) else {
            return;
        };
        self.size.sub(&item.mutation);
        self.size.add(&mutation);
        item.mutation = mutation;
        item.again = again;
        item.word |= stored;
        if stored {
            desk.remove(Slot::Accepted(id));
        }
        self.put_back(now, id, None);
    }

    fn revive(
        &mut self,
        desk: &mut Desk,
        now: Now,
        mutation: Rc<Mutation>,
        again: Again,
        stored: bool,
    ) -> Answer {
        let id = mutation.id;
        let Some((old, _)) = self.take_letter(id) else {
            return Err(Refusal::NotThere);
        };
        self.lanes.go_on(now.mono, &old.lane, id);
        if stored {
            desk.remove(Slot::Accepted(id));
        }
        self.take(desk, now, mutation, Some(again), stored, Source::Known);
        Ok(id_json(id))
    }

    fn gone(
        &mut self,
        desk: &mut Desk,
        now: Now,
        id: MutationId,
        how: How,
        stored: bool,
    ) -> Answer {
        let end = End::Resolved { how };
        if !stored {
            // Without the note there is only the chance that a record that was removed is read
            // again, and then the server knows its key.
            desk.remove(Slot::Word(id));
        }
        if let Some(item) = self.items.get_mut(&id) {
            // The note stands where the word was, and must stay.
            item.word = false;
            self.end(desk, now, id, end);
            return Ok(id_json(id));
        }
        let Some((mutation, _)) = self.take_letter(id) else {
            return Err(Refusal::NotThere);
        };
        self.lanes.go_on(now.mono, &mutation.lane, id);
        self.say_ended(desk, id, end);
        desk.remove(Slot::Accepted(id));
        self.keep_reserve(desk, now);
        Ok(id_json(id))
    }

    // What the user decides.

    /// Runs a letter again, perhaps with other variables or over what the other side has.
    pub(super) fn retry(
        &mut self,
        desk: &mut Desk,
        now: Now,
        id: MutationId,
        vars: Option<Rc<str>>,
        over: bool,
        asker: Option<Asker>,
    ) {
        let Some((mutation, letter)) = self.letters.get(&id) else {
            self.answer(desk, asker, Err(Refusal::NotThere));
            return;
        };
        let mut mutation = Rc::clone(mutation);
        let mut again = letter.again();
        again.theirs = over.then(|| Rc::clone(&letter.body));
        if let Some(vars) = vars {
            let mut edited = (*mutation).clone();
            edited.vars = vars;
            if over {
                edited.base = Some(Rc::clone(&letter.body));
            }
            // Other variables under an old key would be answered with the old answer.
            again.renewed = letter.again.renewed + 1;
            mutation = Rc::new(edited);
        }
        if mutation.bytes() > QUEUE_ITEM_BYTES_MAX {
            self.answer(desk, asker, Err(Refusal::TooLarge));
            return;
        }
        let entry = Entry::Again(mutation, again);
        self.note(desk, now, id, entry, Then::Revive, asker);
    }

    /// Gives one up for good.
    pub(super) fn give_up(
        &mut self,
        desk: &mut Desk,
        now: Now,
        id: MutationId,
        how: How,
        asker: Option<Asker>,
    ) {
        let entry = Entry::Gone(id, how, now.wall);
        self.note(desk, now, id, entry, Then::GiveUp(how), asker);
    }

    /// Answers a question about the queue.
    pub(super) fn answer(&mut self, desk: &mut Desk, asker: Option<Asker>, answer: Answer) {
        let Some(Asker { tab, call }) = asker else {
            return;
        };
        match tab {
            None => desk.tell(Told::Answer { call, answer }),
            Some(to) => self.say(
                desk,
                Lead::Answer {
                    to,
                    ask: call,
                    answer,
                },
            ),
        }
    }

    /// Keeps some space for words while there is something to write words about.
    pub(super) fn keep_reserve(&mut self, desk: &mut Desk, now: Now) {
        if self.items.is_empty() {
            if let (Reserve::Spent, true) = (self.reserve, self.letters.is_empty()) {
                self.reserve = Reserve::None;
            }
            return;
        }
        if desk.blocked() {
            return;
        }
        desk.watch_storage(now);
        if self.reserve == Reserve::None {
            let space = " ".repeat(RESERVE_CHARS);
            self.reserve = Reserve::Asked(desk.write(RESERVE_KEY.to_owned(), space));
        }
    }
}
