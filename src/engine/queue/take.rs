//! How a mutation comes to the tab that leads: by its own page, by the tab that accepted it, by a
//! record. What may have been sent already is sent again under its key; only what nobody can have
//! sent gives way to a newer one.

use std::rc::Rc;

use super::answered::Answered;
use super::desk::Desk;
use super::intake::Aside;
use super::mutation::Mutation;
use super::record::{Damage, Slot};
use super::sender::{By, Item, Sender, Stage};
use super::talk::Lead;
use super::told::{End, How};
use super::turn::Turn;
use super::word::{Again, Entry, Why};
use crate::engine::limits::{COALESCE_LOOK_BACK, QUEUE_SETTLE};
use crate::engine::time::{Mono, Now};

/// Where a mutation comes from, and what follows from that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// It was accepted just now, under this leader: nobody has sent it, so a newer one may still
    /// take its place, and it may wait for one.
    New,
    /// Its record was seen to be written. It may wait, but only its tab can say that it is new.
    Seen,
    /// A leader before this one may have sent it: it is sent again, and nothing takes its place.
    Known,
}

impl Sender {
    /// Takes a mutation.
    pub(super) fn take(
        &mut self,
        desk: &mut Desk,
        now: Now,
        mutation: Rc<Mutation>,
        again: Option<Again>,
        durable: bool,
        source: Source,
    ) {
        // What another tab hands over may have lain here while this one was away.
        let others = mutation.id.tab != desk.me;
        let new = source == Source::New && !(others && self.doubt.is_some());
        let live = source != Source::Known;
        let id = mutation.id;
        desk.heard_of(&mutation);
        if let Some(end) = desk.answered.end(id) {
            self.say_ended(desk, id, end);
            return;
        }
        desk.taken(id);
        if id.tab != desk.me {
            self.took.push(id);
        }
        if let Some((_, letter)) = self.letters.get(&id) {
            // Whoever hands it over has not heard.
            let letter = letter.clone();
            match letter.why {
                Why::Conflict => self.say(desk, Lead::Conflict(id, letter)),
                Why::Rejected | Why::Exhausted => self.ended.push((id, End::Dead { letter })),
            }
            return;
        }
        if let Some(item) = self.items.get_mut(&id) {
            item.durable |= durable;
            item.new |= new;
            return;
        }
        let first = self.supersede(desk, now, &mutation, durable, live);
        let lane = Rc::clone(&mutation.lane);
        let due = if live {
            let batch = self.lanes.newest(&lane).next().and_then(|(_, due)| due);
            mutation.kind.due(now.mono, first, batch)
        } else {
            None
        };
        self.size.add(&mutation);
        let barrier = mutation.barrier;
        let word = again.is_some();
        let mut item = Item {
            mutation,
            stage: Stage::Waiting,
            attempts: 0,
            tries: 0,
            again: again.unwrap_or_default(),
            word,
            durable,
            new,
            login: 0,
            treats: None,
            first,
        };
        // It may be on its way already: a leader before us began it, or this page did when it
        // led before.
        let is_this = |turn: &Turn| turn.renewed == item.again.renewed;
        let here = desk.running.get(&id).copied().filter(is_this);
        let elsewhere = desk
            .flying
            .get(&id)
            .filter(|flying| flying.until > now.mono && is_this(&flying.turn));
        let under_way = match (here, elsewhere) {
            (Some(turn), _) => {
                let timeout = self.handler(desk, &item.mutation).timeout;
                Some((turn.attempt, By::Here, now.mono + timeout))
            }
            (None, Some(flying)) => Some((flying.turn.attempt, By::Elsewhere, flying.until)),
            (None, None) => None,
        };
        self.lanes.insert(now.mono, &lane, id, due, barrier);
        if let Some((attempt, by, deadline)) = under_way
            && self.lanes.take(now.mono, &lane, id)
        {
            item.attempts = attempt;
            item.stage = Stage::Running { by, deadline };
            self.flight.push(id);
        } else if live && due.is_none() {
            // It may not wait, so what is before it in its lane may not either.
            self.lanes.hurry(now.mono, &lane);
        }
        self.restore(desk, &item);
        self.items.insert(id, item);
        self.keep_reserve(desk, now);
    }

    /// Takes out the one that a new one replaces. Gives the moment since which the input goes on.
    fn supersede(
        &mut self,
        desk: &mut Desk,
        now: Now,
        new: &Rc<Mutation>,
        durable: bool,
        live: bool,
    ) -> Mono {
        let Some(word) = &new.coalesce else {
            return now.mono;
        };
        let old = self
            .lanes
            .newest(&new.lane)
            .take(COALESCE_LOOK_BACK)
            .find_map(|(id, _)| {
                let item = self.items.get(&id)?;
                let untouched = item.new && item.stage == Stage::Waiting && item.attempts == 0;
                let same = item.mutation.coalesce.as_ref() == Some(word);
                (id < new.id && same && untouched && (durable || !item.durable))
                    .then_some((id, item.first))
            });
        let Some((id, first)) = old else {
            return now.mono;
        };
        if self.lanes.barrier_between(id, new.id) {
            return now.mono;
        }
        let how = How::Superseded;
        // Its tab may be away and come back to lead: what it still has must not be sent after what
        // replaced it. Whoever hears of the end removes the note.
        if id.tab != desk.me
            && let Some(item) = self.items.get_mut(&id).filter(|item| item.durable)
        {
            item.word = false;
            let entry = Entry::Gone(id, how, now.wall);
            desk.write(entry.slot().key(&desk.scope), entry.record());
        }
        self.end(desk, now, id, End::Resolved { how });
        if live { first } else { now.mono }
    }

    /// This page was away. What is waiting to be heard is heard before anything is sent.
    pub(super) fn was_away(&mut self, now: Mono) {
        if self.term.is_some() {
            self.doubt = Some(now + QUEUE_SETTLE);
            for item in self.items.values_mut() {
                item.new = false;
            }
        }
    }

    /// A record shows only now. What was made before we led shows late, and what shows next may be a letter for
    /// which its lane has to wait.
    pub(super) fn seen_late(&mut self, now: Mono, slot: Slot, answered: &Answered) {
        if let (Slot::Accepted(id), Some(term)) = (slot, self.term)
            && id.order < term.number
            && self.intake.is_open()
            && self.entry(id).is_none()
            && !answered.contains(id)
        {
            self.doubt = Some(now + QUEUE_SETTLE);
        }
    }

    /// One whose record cannot be used is still in the memory of the tab that made it.
    fn restore(&mut self, desk: &mut Desk, item: &Item) {
        let entry = item.entry();
        let slot = entry.slot();
        let damaged = |aside: &Aside| aside.slot == slot && aside.damage == Damage::Damaged;
        if let Some(at) = self.aside.iter().position(damaged) {
            self.aside.remove(at);
            desk.write(slot.key(&desk.scope), entry.record());
        }
    }
}
