//! How a run ended, and what that comes to.

use std::rc::Rc;

use super::Step;
use super::desk::Desk;
use super::gate::backoff;
use super::merge::{Merge, merge};
use super::mutation::MutationId;
use super::notes::Then;
use super::outcome::{Class, Failure, Outcome};
use super::record::Slot;
use super::sender::{Item, Sender, Stage};
use super::settings::Policy;
use super::talk::Lead;
use super::told::{End, How};
use super::turn::Turn;
use super::word::{Again, Entry, Letter, Why};
use crate::engine::limits::{CONFLICT_ROUNDS_MAX, UNCLEAR_ATTEMPTS_MAX};
use crate::engine::rng::Rng;
use crate::engine::time::{Millis, Mono, Now};

impl Sender {
    /// A run ended; `by` is whoever says so.
    pub(super) fn done(
        &mut self,
        desk: &mut Desk,
        now: Now,
        rng: &mut Rng,
        id: MutationId,
        turn: Turn,
        outcome: Outcome,
    ) {
        // Under an older key it was another one: what the user has changed since is still to be done.
        let item = self.items.get(&id);
        let item = item.filter(|item| item.again.renewed == turn.renewed);
        let present =
            |item: &&Item| item.turn() == turn && matches!(item.stage, Stage::Running { .. });
        if let (Outcome::Failed(failure), None) = (&outcome, item.filter(present)) {
            // An older run; the present one will tell. Or what is stored is not read yet: another
            // page led while it was on its way.
            if failure.class == Class::SlowDown {
                self.slow_down(desk, now, rng, failure.after);
            }
            return;
        }
        let Some(item) = item.filter(|item| item.stage != Stage::Noting) else {
            return;
        };
        let failure = match outcome {
            // Whoever did it did it under this mutation's key: it is done.
            Outcome::Applied { result } => {
                self.gate.welcomed();
                self.gate.answered();
                self.lanes.succeeded(&item.mutation.lane);
                self.end(desk, now, id, End::Applied { result });
                return;
            }
            Outcome::Failed(failure) => failure,
        };
        self.failed(desk, now, rng, id, &failure);
    }

    /// The server wants calm, of whatever run it says so.
    fn slow_down(&mut self, desk: &mut Desk, now: Now, rng: &mut Rng, after: Option<Millis>) {
        let until = self.gate.slow_down(now.mono, after, rng);
        let span = until.since(now.mono);
        self.say(desk, Lead::Calm(now.wall_at(until), span));
    }

    pub(super) fn failed(
        &mut self,
        desk: &mut Desk,
        now: Now,
        rng: &mut Rng,
        id: MutationId,
        failure: &Failure,
    ) {
        let Some(item) = self.items.get_mut(&id) else {
            return;
        };
        let mutation = Rc::clone(&item.mutation);
        match failure.class {
            Class::Network => {
                let until = self.gate.no_network(now.mono, rng);
                // Later than the gate opens, so that the next one alone is another one: if only
                // this one cannot be sent, it must not stand in everybody's way.
                let failures = self.lanes.failed(&mutation.lane);
                let due = until + backoff(failures, rng);
                self.put_back(now, id, Some(due));
            }
            Class::SlowDown => {
                self.slow_down(desk, now, rng, failure.after);
                self.put_back(now, id, None);
            }
            Class::Auth => {
                if self.gate.unauthorized(now.mono, item.login) {
                    desk.out.push_back(Step::NeedAuth);
                }
                self.put_back(now, id, None);
            }
            Class::Missing => {
                if let Stage::Running { by, .. } = item.stage {
                    self.forget_handler(desk, by, &mutation.name);
                }
                self.put_back(now, id, None);
            }
            Class::Busy | Class::Timeout | Class::Unclear => {
                if failure.class == Class::Busy {
                    self.gate.answered();
                }
                item.tries = item.tries.saturating_add(1);
                let tries = item.tries;
                let handler = self.treats(desk, id);
                let unclear = failure.class == Class::Unclear;
                let most = handler.attempts.or(unclear.then_some(UNCLEAR_ATTEMPTS_MAX));
                if most.is_some_and(|most| tries >= most) {
                    self.bury(desk, now, id, Why::Exhausted, failure, None);
                    return;
                }
                let failures = self.lanes.failed(&mutation.lane);
                let wait = failure.after.unwrap_or_default();
                let due = now.mono + wait + backoff(failures, rng);
                self.put_back(now, id, Some(due));
            }
            Class::Rejected => {
                self.gate.answered();
                self.lanes.succeeded(&mutation.lane);
                self.bury(desk, now, id, Why::Rejected, failure, None);
            }
            Class::Conflict => {
                self.gate.answered();
                self.lanes.succeeded(&mutation.lane);
                self.conflict(desk, now, id, failure);
            }
        }
    }

    fn conflict(&mut self, desk: &mut Desk, now: Now, id: MutationId, failure: &Failure) {
        let Some(item) = self.items.get(&id) else {
            return;
        };
        let mutation = Rc::clone(&item.mutation);
        let policy = self.treats(desk, id).conflict;
        let theirs = Rc::clone(&failure.body);
        let again = Again {
            renewed: item.again.renewed + 1,
            rounds: item.again.rounds + 1,
            theirs: Some(Rc::clone(&theirs)),
        };
        // Two that overwrite each other for ever would never end.
        let policy = if again.rounds > CONFLICT_ROUNDS_MAX {
            Policy::Ask
        } else {
            policy
        };
        match policy {
            Policy::Server => {
                let how = How::Server;
                self.give_up(desk, now, id, how, None);
            }
            Policy::Client => {
                let entry = Entry::Again(mutation, again);
                self.note(desk, now, id, entry, Then::Rerun, None);
            }
            Policy::Merge => {
                let base = mutation.base.as_deref().unwrap_or("null");
                match merge(base, &mutation.vars, &theirs) {
                    Merge::Clean(vars) => {
                        let mut merged = (*mutation).clone();
                        merged.vars = vars.into();
                        merged.base = Some(theirs);
                        let entry = Entry::Again(Rc::new(merged), again);
                        self.note(desk, now, id, entry, Then::Rerun, None);
                    }
                    Merge::Clash(fields) => {
                        let fields = Some(fields.into());
                        self.bury(desk, now, id, Why::Conflict, failure, fields);
                    }
                    Merge::Unknown => self.bury(desk, now, id, Why::Conflict, failure, None),
                }
            }
            Policy::Ask => self.bury(desk, now, id, Why::Conflict, failure, None),
        }
    }

    fn bury(
        &mut self,
        desk: &mut Desk,
        now: Now,
        id: MutationId,
        why: Why,
        failure: &Failure,
        fields: Option<Rc<str>>,
    ) {
        let Some(item) = self.items.get(&id) else {
            return;
        };
        let mutation = Rc::clone(&item.mutation);
        let again = item.again.clone();
        let mut letter = Letter::new(why, failure, item.attempts, again, now.wall);
        letter.fields = fields;
        letter.stops = self.treats(desk, id).stops;
        let entry = Entry::Letter(mutation, letter);
        self.note(desk, now, id, entry, Then::Bury, None);
    }

    /// Brings one back that was on its way: it may go again at a moment.
    pub(super) fn put_back(&mut self, now: Now, id: MutationId, due: Option<Mono>) {
        self.flight.retain(|have| *have != id);
        if let Some(item) = self.items.get_mut(&id) {
            item.stage = Stage::Waiting;
            let lane = &item.mutation.lane;
            self.lanes.put_back(now.mono, lane, id, due);
        }
    }

    /// A tab that led before us says that one came to an end.
    pub(super) fn ended_elsewhere(&mut self, desk: &mut Desk, now: Now, id: MutationId, end: End) {
        // A letter stands in the storage, and may have been tried again since.
        if let End::Dead { .. } = end {
            return;
        }
        match self.items.get(&id).map(|item| item.stage) {
            Some(Stage::Noting) => {}
            Some(Stage::Waiting | Stage::Running { .. } | Stage::Parked) => {
                self.end(desk, now, id, end);
            }
            None => {
                if let Some((mutation, _)) = self.take_letter(id) {
                    self.lanes.go_on(now.mono, &mutation.lane, id);
                }
                self.say_ended(desk, id, end);
            }
        }
    }

    /// A mutation came to its end: everybody is told, and then its records go.
    pub(super) fn end(&mut self, desk: &mut Desk, now: Now, id: MutationId, end: End) {
        self.flight.retain(|have| *have != id);
        let Some(item) = self.items.remove(&id) else {
            return;
        };
        if item.stage == Stage::Parked {
            self.parked = self.parked.saturating_sub(1);
        }
        self.lanes.remove(now.mono, &item.mutation.lane, id);
        self.size.sub(&item.mutation);
        if let Some(drain) = &mut self.drain {
            drain.done += 1;
        }
        // A run of this page that is still on its way has nothing left to say.
        if desk.running.contains(&id) {
            desk.cancel(id);
        }
        self.say_ended(desk, id, end);
        self.forget_aside(id);
        desk.remove(Slot::Accepted(id));
        if item.word {
            desk.remove(Slot::Word(id));
        }
        self.keep_reserve(desk, now);
    }
}
