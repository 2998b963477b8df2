//! What the tab that leads does: takes every mutation, runs them in order, and brings each to its
//! end. A record is removed only when the end is known, so whoever leads next finds all the rest.

use std::rc::Rc;

use super::cleared::Slice;
use super::desk::{Desk, Size};
use super::gate::Gate;
use super::intake::Intake;
use super::lanes::Lanes;
use super::mutation::{Mutation, MutationId};
use super::notes::{Note, Reserve};
use super::outcome::{Class, Failure};
use super::settings::Handler;
use super::talk::{Lead, Talk};
use super::told::{End, How, Run};
use super::word::{Again, Entry, Letter, Why};
use super::{Step, intake};
use crate::engine::ids::{TabId, Term};
use crate::engine::limits::{
    COALESCE_LOOK_BACK, KEEPALIVE_BYTES, QUEUE_SLICE, RUNNERS_MAX, TALK_BYTES,
};
use crate::engine::map::Map;
use crate::engine::rng::Rng;
use crate::engine::time::{Mono, Now};

#[derive(Debug)]
pub(super) struct Sender {
    /// None where every tab is for itself.
    pub(super) term: Option<Term>,
    pub(super) intake: Intake,
    pub(super) items: Map<MutationId, Item>,
    pub(super) letters: Map<MutationId, (Rc<Mutation>, Letter)>,
    pub(super) aside: Vec<intake::Aside>,
    pub(super) lanes: Lanes,
    pub(super) gate: Gate,
    /// On their way.
    pub(super) flight: Vec<MutationId>,
    /// How much of the bounds is taken.
    pub(super) size: Size,
    pub(super) parked: usize,
    pub(super) drain: Option<Drain>,
    /// The functions of other pages.
    runners: Map<TabId, Map<Rc<str>, Handler>>,
    pub(super) conflicts: usize,
    /// Words that are being stored, and what follows.
    pub(super) notes: Vec<Note>,
    pub(super) reserve: Reserve,
    took: Vec<MutationId>,
    ended: Vec<(MutationId, End)>,
    ended_bytes: usize,
}

/// A mutation that is not through.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) mutation: Rc<Mutation>,
    pub(super) stage: Stage,
    /// Counts the runs.
    pub(super) attempts: u32,
    /// Runs that failed for reasons of this one.
    pub(super) tries: u32,
    pub(super) again: Again,
    /// Whether a word of the leader is stored.
    pub(super) word: bool,
    pub(super) durable: bool,
    /// When the first one came that this one replaces.
    first: Mono,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// In its lane.
    Waiting,
    /// On its way.
    Running { by: By, deadline: Mono },
    /// What became of it is being stored.
    Noting,
    /// No page has its function.
    Parked,
}

/// Who runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// This page.
    Here,
    /// Another page, because we asked it to.
    Tab(TabId),
    /// A page that was asked by a leader before us.
    Elsewhere,
}

/// Who asked for something, and by which number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asker {
    /// None for this page.
    pub(super) tab: Option<TabId>,
    pub(super) call: u64,
}

/// A backlog that is being worked off.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drain {
    pub(super) done: u64,
}

impl Item {
    /// What stands in the storage about it.
    pub(super) fn entry(&self) -> Entry {
        let mutation = Rc::clone(&self.mutation);
        if self.word {
            Entry::Again(mutation, self.again.clone())
        } else {
            Entry::Accepted(mutation)
        }
    }
}

impl Sender {
    pub(super) fn new(term: Option<Term>, online: bool) -> Self {
        Sender {
            term,
            intake: Intake::Rest { again: None },
            items: Map::new(),
            letters: Map::new(),
            aside: Vec::new(),
            lanes: Lanes::default(),
            gate: Gate::new(online),
            flight: Vec::new(),
            size: Size::default(),
            parked: 0,
            drain: None,
            runners: Map::new(),
            conflicts: 0,
            notes: Vec::new(),
            reserve: Reserve::None,
            took: Vec::new(),
            ended: Vec::new(),
            ended_bytes: 0,
        }
    }

    // What comes in.

    /// Takes a mutation. `live` says that it was accepted just now, so a newer one may replace it
    /// soon.
    pub(super) fn take(
        &mut self,
        desk: &mut Desk,
        now: Now,
        mutation: Rc<Mutation>,
        again: Option<Again>,
        durable: bool,
        live: bool,
    ) {
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
            first,
        };
        // It may be on its way already: a leader before us began it, or this page did when it
        // led before.
        let here = desk.running.get(&id).copied();
        let elsewhere = desk
            .flying
            .get(&id)
            .filter(|flying| flying.until > now.mono);
        let under_way = match (here, elsewhere) {
            (Some(attempt), _) => {
                let timeout = self.handler(desk, &item.mutation).timeout;
                Some((attempt, By::Here, now.mono + timeout))
            }
            (None, Some(flying)) => Some((flying.attempt, By::Elsewhere, flying.until)),
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
                let untouched = item.stage == Stage::Waiting && item.attempts == 0 && !item.word;
                let same = item.mutation.coalesce.as_ref() == Some(word);
                (id < new.id && same && untouched && (durable || !item.durable))
                    .then_some((id, item.first))
            });
        let Some((id, first)) = old else {
            return now.mono;
        };
        // One that may have been run by a leader before us, or in this page, is not replaced: it
        // may have had its effect already, or have it still.
        let sent = desk.running.contains(&id) || desk.flying.contains(&id);
        if sent || self.lanes.barrier_between(id, new.id) {
            return now.mono;
        }
        let how = How::Superseded;
        self.end(desk, now, id, End::Resolved { how });
        if live { first } else { now.mono }
    }

    /// Another page has these functions.
    pub(super) fn runner(&mut self, now: Now, tab: TabId, handlers: Vec<(Rc<str>, Handler)>) {
        if !self.runners.contains(&tab) && self.runners.len() >= RUNNERS_MAX {
            return;
        }
        let mut names = Map::new();
        for (name, handler) in handlers {
            names.insert(name, handler);
        }
        self.runners.insert(tab, names);
        self.unpark(now);
    }

    /// A page is gone, and with it the runs that it was asked for.
    pub(super) fn tab_gone(&mut self, now: Now, tab: TabId) {
        self.runners.remove(&tab);
        for id in self.flying_by(By::Tab(tab)) {
            self.put_back(now, id, None);
        }
    }

    /// There is a function that was not there before.
    pub(super) fn unpark(&mut self, now: Now) {
        if self.parked == 0 {
            return;
        }
        for item in self.items.values_mut() {
            if item.stage == Stage::Parked {
                item.stage = Stage::Waiting;
                let mutation = &item.mutation;
                self.lanes
                    .park(now.mono, &mutation.lane, mutation.id, false);
            }
        }
        self.parked = 0;
    }

    // What goes out.

    /// Sends as much as may be sent.
    pub(super) fn pump(&mut self, desk: &mut Desk, now: Now) {
        // Also while nothing may be sent: or who waits for its moment would be woken for it again
        // and again.
        self.lanes.fire(now.mono);
        while self.intake.is_open() && self.flight.len() < self.gate.limit(desk.settings.parallel) {
            let first = self.items.keys().next().copied();
            let Some(id) = self.lanes.next(now.mono, first) else {
                break;
            };
            self.start(desk, now, id, false);
        }
        let over = self.flight.is_empty() && self.notes.is_empty() && self.intake.is_open();
        if over && self.drain.take().is_some() {
            desk.out.push_back(Step::Drained);
        }
    }

    fn start(&mut self, desk: &mut Desk, now: Now, id: MutationId, keepalive: bool) {
        let Some(item) = self.items.get(&id) else {
            return;
        };
        let mutation = Rc::clone(&item.mutation);
        let knows = |handler: &Handler| handler.version >= mutation.version;
        let here = desk.handlers.get(&mutation.name).filter(|h| knows(h));
        let (by, handler) = match here {
            Some(handler) => (By::Here, *handler),
            None => {
                let there = self.runners.iter().find_map(|(tab, names)| {
                    let handler = names.get(&mutation.name).filter(|h| knows(h))?;
                    Some((By::Tab(*tab), *handler))
                });
                match there {
                    Some(there) => there,
                    None => return self.park(now, id),
                }
            }
        };
        let Some(item) = self.items.get_mut(&id) else {
            return;
        };
        item.attempts = item.attempts.saturating_add(1);
        let deadline = now.mono + handler.timeout;
        item.stage = Stage::Running { by, deadline };
        let run = Run {
            id,
            name: Rc::clone(&mutation.name),
            version: mutation.version,
            lane: Rc::clone(&mutation.lane),
            vars: Rc::clone(&mutation.vars),
            idempotency_key: id.key(item.again.renewed),
            attempt: item.attempts,
            stamp: mutation.stamp,
            theirs: item.again.theirs.clone(),
            keepalive,
        };
        self.flight.push(id);
        match by {
            By::Tab(to) => self.say(desk, Lead::Run { to, run }),
            By::Here | By::Elsewhere => desk.run(run),
        }
    }

    fn park(&mut self, now: Now, id: MutationId) {
        if let Some(item) = self.items.get_mut(&id) {
            item.stage = Stage::Parked;
            self.parked += 1;
            let lane = &item.mutation.lane;
            self.lanes.park(now.mono, lane, id, true);
        }
    }

    /// The page goes and no other one is there: what fits into a request that outlives it is
    /// sent. It is an optimisation: nothing is removed without an answer.
    pub(super) fn last_words(&mut self, desk: &mut Desk, now: Now) {
        let mut room = KEEPALIVE_BYTES;
        while self.intake.is_open() && self.gate.limit(1) > 0 {
            let first = self.items.keys().next().copied();
            let Some(id) = self.lanes.next(now.mono, first) else {
                return;
            };
            let bytes = self.items.get(&id).map_or(0, |item| item.mutation.bytes());
            if bytes > room {
                return;
            }
            room -= bytes;
            self.start(desk, now, id, true);
        }
    }

    /// What another leader should know of the runs that go on without us.
    pub(super) fn leave(&mut self, desk: &mut Desk) {
        let runs: Vec<(MutationId, u32)> = self
            .flight
            .iter()
            .filter_map(|id| Some((*id, self.items.get(id)?.attempts)))
            .collect();
        if !runs.is_empty() && self.term.is_some() {
            desk.post(&Talk::Flying(runs));
        }
        self.say_batches(desk);
    }

    // What is said to the other tabs.

    pub(super) fn say(&mut self, desk: &mut Desk, lead: Lead) {
        if let Some(term) = self.term {
            desk.post(&Talk::Lead(term, lead));
        }
    }

    pub(super) fn say_letter(&mut self, desk: &mut Desk, id: MutationId, letter: Letter) {
        match letter.why {
            Why::Conflict => {
                let call = desk.mine.get(&id).map(|mine| mine.call);
                desk.tell(letter.why.told(call, id, letter.clone()));
                self.say(desk, Lead::Conflict(id, letter));
            }
            Why::Rejected | Why::Exhausted => self.say_ended(desk, id, End::Dead { letter }),
        }
    }

    pub(super) fn say_ended(&mut self, desk: &mut Desk, id: MutationId, end: End) {
        if self.term.is_some() {
            self.ended_bytes += match &end {
                End::Applied { result } => result.len(),
                End::Resolved { .. } => 0,
                End::Dead { letter } => letter.body.len(),
            };
            self.ended.push((id, end.clone()));
            if self.ended_bytes > TALK_BYTES {
                self.say_batches(desk);
            }
        }
        desk.ended(id, end);
    }

    /// Says what has gathered.
    pub(super) fn say_batches(&mut self, desk: &mut Desk) {
        if !self.took.is_empty() {
            let took = std::mem::take(&mut self.took);
            self.say(desk, Lead::Took(took));
        }
        if !self.ended.is_empty() {
            self.ended_bytes = 0;
            let ended = std::mem::take(&mut self.ended);
            self.say(desk, Lead::Ended(ended));
        }
    }

    // Time.

    pub(super) fn tick(&mut self, desk: &mut Desk, now: Now, rng: &mut Rng) {
        if self.gate.tick(now.mono) {
            self.drain(desk);
        }
        let late: Vec<(MutationId, By)> = self
            .flight
            .iter()
            .filter_map(|id| match self.items.get(id)?.stage {
                Stage::Running { by, deadline } if deadline <= now.mono => Some((*id, by)),
                Stage::Running { .. } | Stage::Waiting | Stage::Noting | Stage::Parked => None,
            })
            .collect();
        for (id, by) in late {
            match by {
                By::Here => {
                    desk.cancel(id);
                    self.failed(desk, now, rng, id, &Failure::of(Class::Timeout));
                }
                By::Tab(tab) => {
                    // It is frozen or gone. What it still answers is heard.
                    self.runners.remove(&tab);
                    self.say(desk, Lead::Cancel { to: tab, id });
                    self.failed(desk, now, rng, id, &Failure::of(Class::Timeout));
                }
                By::Elsewhere => self.put_back(now, id, None),
            }
        }
    }

    pub(super) fn next_wakeup(&self) -> Option<Mono> {
        let deadline = self.flight.iter().filter_map(|id| {
            let Stage::Running { deadline, .. } = self.items.get(id)?.stage else {
                return None;
            };
            Some(deadline)
        });
        let parts = [
            deadline.min(),
            (!self.items.is_empty())
                .then(|| self.gate.next_wakeup())
                .flatten(),
            self.lanes.next_wakeup(),
            self.intake.next_wakeup(),
        ];
        parts.into_iter().flatten().min()
    }

    /// A backlog begins to be worked off.
    pub(super) fn drain(&mut self, desk: &mut Desk) {
        let may = self.intake.is_open() && self.gate.limit(1) > 0;
        if may && self.drain.is_none() && !self.items.is_empty() {
            self.drain = Some(Drain { done: 0 });
            desk.out.push_back(Step::Draining);
        }
    }

    // The rest.

    /// Records from an id on that are to be written again.
    pub(super) fn slice(&self, from: MutationId) -> Slice {
        let mut entries = Vec::new();
        let items = self.items.iter().filter(|(id, _)| **id >= from);
        for (_, item) in items.take(QUEUE_SLICE + 1) {
            if !item.durable {
                continue;
            }
            entries.push(item.entry());
        }
        let letters = self.letters.iter().filter(|(id, _)| **id >= from);
        for (id, (mutation, letter)) in letters.take(QUEUE_SLICE + 1) {
            let entry = Entry::Letter(Rc::clone(mutation), letter.clone());
            let at = entries.partition_point(|have: &Entry| have.id() < *id);
            entries.insert(at, entry);
        }
        let next = entries.get(QUEUE_SLICE).map(Entry::id);
        entries.truncate(QUEUE_SLICE);
        Slice { entries, next }
    }

    fn flying_by(&self, who: By) -> Vec<MutationId> {
        let by_them = |id: &&MutationId| {
            let stage = self.items.get(id).map(|item| item.stage);
            matches!(stage, Some(Stage::Running { by, .. }) if by == who)
        };
        self.flight.iter().filter(by_them).copied().collect()
    }

    pub(super) fn forget_handler(&mut self, desk: &mut Desk, by: By, name: &str) {
        match by {
            By::Here => {
                desk.handlers.remove(name);
            }
            By::Tab(tab) => {
                if let Some(names) = self.runners.get_mut(&tab) {
                    names.remove(name);
                }
            }
            By::Elsewhere => {}
        }
    }

    /// How a mutation's function wants to be treated, wherever it is.
    pub(super) fn handler(&self, desk: &Desk, mutation: &Mutation) -> Handler {
        let there = || {
            self.runners
                .values()
                .find_map(|names| names.get(&mutation.name))
        };
        let handler = desk.handlers.get(&mutation.name).or_else(there);
        handler.copied().unwrap_or_default()
    }

    /// Is there a function for it somewhere, if only for an older form of its variables?
    pub(super) fn has_name(&self, desk: &Desk, name: &str) -> bool {
        desk.handlers.contains(name) || self.runners.values().any(|names| names.contains(name))
    }
}

/// An id as JSON.
pub(super) fn id_json(id: MutationId) -> String {
    let mut w = crate::wire::json::Writer::new();
    w.string(&id.text());
    w.finish()
}
