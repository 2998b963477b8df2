//! What the tab that leads does: takes every mutation, runs them in order, and brings each to its
//! end. A record is removed only when the end is known, so whoever leads next finds all the rest.

use std::collections::VecDeque;
use std::rc::Rc;

use super::cleared::Slice;
use super::desk::{Desk, Size};
use super::gate::Gate;
use super::intake::Intake;
use super::lanes::Lanes;
use super::mutation::{Mutation, MutationId};
use super::notes::{Note, Reserve};
use super::outcome::{Class, Failure, Tried};
use super::settings::Handler;
use super::talk::{Lead, Talk};
use super::told::{End, Run};
use super::turn::Turn;
use super::word::{Again, Entry, Letter, Why};
use super::{Step, intake};
use crate::engine::ids::{TabId, Term};
use crate::engine::limits::{KEEPALIVE_BYTES, QUEUE_SLICE, TALK_BYTES};
use crate::engine::map::Map;
use crate::engine::rng::Rng;
use crate::engine::time::{Mono, Now};

#[derive(Debug)]
pub(super) struct Sender {
    /// None where every tab is for itself.
    pub(super) term: Option<Term>,
    pub(super) intake: Intake,
    /// How often in a row the storage could not be listed.
    pub(super) unlisted: u32,
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
    pub(super) runners: Map<TabId, Map<Rc<str>, Handler>>,
    pub(super) conflicts: usize,
    /// Letters that the storage did not take.
    pub(super) unstored: VecDeque<MutationId>,
    /// Words that are being stored, and what follows.
    pub(super) notes: Vec<Note>,
    pub(super) reserve: Reserve,
    /// Until then it is to be heard whether another tab leads by now.
    pub(super) doubt: Option<Mono>,
    pub(super) took: Vec<MutationId>,
    pub(super) ended: Vec<(MutationId, End)>,
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
    /// No tab can have sent it before this one does.
    pub(super) new: bool,
    /// The login under which it was sent last, and how its function wants to be treated.
    pub(super) login: u32,
    pub(super) treats: Option<Handler>,
    /// When the first one came that this one replaces.
    pub(super) first: Mono,
}

impl Item {
    /// Its last run.
    pub(super) fn turn(&self) -> Turn {
        Turn {
            attempt: self.attempts,
            renewed: self.again.renewed,
        }
    }
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

/// What becomes of the page that leads no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Stays,
    Goes,
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
            unlisted: 0,
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
            unstored: VecDeque::new(),
            notes: Vec::new(),
            reserve: Reserve::None,
            doubt: None,
            took: Vec::new(),
            ended: Vec::new(),
            ended_bytes: 0,
        }
    }

    /// The run of a mutation that has such a number, under the key that it has now.
    pub(super) fn turn(&self, id: MutationId, attempt: u32) -> Turn {
        let item = self.items.get(&id);
        let renewed = item.map_or(0, |item| item.again.renewed);
        Turn { attempt, renewed }
    }

    // What goes out.

    /// Sends as much as may be sent.
    pub(super) fn pump(&mut self, desk: &mut Desk, now: Now) {
        // Also while nothing may be sent: or who waits for its moment would be woken for it again
        // and again.
        self.lanes.fire(now.mono);
        while self.may_send(desk.settings.parallel) {
            let first = self.items.keys().next().copied();
            let Some(id) = self.lanes.next(now.mono, first) else {
                break;
            };
            self.start(desk, now, id, false);
        }
        let over = self.flight.is_empty() && self.notes.is_empty() && self.intake.is_open();
        if over {
            self.drain = None;
        }
    }

    fn may_send(&self, parallel: usize) -> bool {
        let certain = self.doubt.is_none() && self.intake.is_open();
        certain && self.flight.len() < self.gate.limit(parallel)
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
        item.login = self.gate.login();
        item.treats = Some(handler);
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

    /// What another leader should know of the runs that go on without us. The requests of a page that goes
    /// end with it, or nobody hears their answer: they are sent again at once, under their keys.
    pub(super) fn leave(&mut self, desk: &mut Desk, page: Page) {
        let runs: Vec<(MutationId, Turn)> = self
            .flight
            .iter()
            .filter_map(|id| {
                let item = self.items.get(id)?;
                let Stage::Running { by, .. } = item.stage else {
                    return None;
                };
                (page == Page::Stays || by != By::Here).then_some((*id, item.turn()))
            })
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
        if self.doubt.is_some_and(|until| until <= now.mono) {
            self.doubt = None;
        }
        if self.gate.tick(now.mono) {
            self.drain();
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
                    desk.out.push_back(Step::Tried(Tried::Failed));
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
            self.doubt,
        ];
        parts.into_iter().flatten().min()
    }

    /// A backlog begins to be worked off.
    pub(super) fn drain(&mut self) {
        let may = self.intake.is_open() && self.gate.limit(1) > 0;
        if may && self.drain.is_none() && !self.items.is_empty() {
            self.drain = Some(Drain { done: 0 });
        }
    }

    // The rest.

    /// What stands in the storage about a mutation that is not through, if all is well.
    pub(super) fn entry(&self, id: MutationId) -> Option<Entry> {
        if let Some(item) = self.items.get(&id) {
            return Some(item.entry());
        }
        let (mutation, letter) = self.letters.get(&id)?;
        Some(Entry::Letter(Rc::clone(mutation), letter.clone()))
    }

    /// One came to an end, or to a word of its own: what stood there of it before is nothing to
    /// set aside any more.
    pub(super) fn forget_aside(&mut self, id: MutationId) {
        self.aside.retain(|aside| intake::slot_id(aside.slot) != id);
    }

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
}

/// An id as JSON.
pub(super) fn id_json(id: MutationId) -> String {
    let mut w = crate::wire::json::Writer::new();
    w.string(&id.text());
    w.finish()
}
