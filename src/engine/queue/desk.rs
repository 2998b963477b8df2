//! What every tab keeps, whether it leads or not: the mutations that it accepted and whose end
//! it waits for, what the storage was asked, and what is to be done next.

use std::collections::VecDeque;
use std::rc::Rc;

use super::answered::Answered;
use super::cleared::{Check, Rewriting};
use super::mutation::{Mutation, MutationId};
use super::record::Slot;
use super::sender::Asker;
use super::settings::{Draft, Handler, Settings};
use super::talk::{Offer, Talk};
use super::told::{Answer, End, Refusal, Run, Told};
use super::turn::{Flying, Turn};
use super::word::{Again, Entry};
use super::{Step, Totals};
use crate::engine::hlc::Stamp;
use crate::engine::ids::{TabId, Term, number_text};
use crate::engine::limits::{
    QUEUE_ASKS_MAX, QUEUE_CHECK, QUEUE_FLYING_MAX, QUEUE_ITEM_BYTES_MAX, QUEUE_REPOST_FIRST,
    QUEUE_REPOST_MAX, TALK_BYTES,
};
use crate::engine::map::Map;
use crate::engine::store::{StoreFault, StoreOp};
use crate::engine::time::{Millis, Mono, Now};

#[derive(Debug)]
pub(super) struct Desk {
    pub(super) me: TabId,
    pub(super) scope: Rc<str>,
    pub(super) settings: Settings,
    /// The functions of this page.
    pub(super) handlers: Map<Rc<str>, Handler>,
    /// Runs that this page was asked for and has not answered: which attempt.
    pub(super) running: Map<MutationId, Turn>,
    /// Runs of other pages that may still be answered, as a leader said when it left.
    pub(super) flying: Map<MutationId, Flying>,
    /// What was accepted here and has not ended.
    pub(super) mine: Map<MutationId, Mine>,
    /// What ended, so that whatever is read or heard late is known for what it is.
    pub(super) answered: Answered,
    pub(super) out: VecDeque<Step>,
    /// The storage answered last that it cannot be used at all.
    pub(super) blocked: bool,
    /// It did what it was asked since it last refused a letter.
    pub(super) works: bool,
    /// The greatest order that was heard of.
    order: u64,
    /// The greatest stamp that was seen.
    seen: Option<Stamp>,
    op: StoreOp,
    writing: VecDeque<(StoreOp, Writing)>,
    imports: Vec<Import>,
    /// Questions that the leader has not answered.
    asks: Map<u64, String>,
    repost: Option<Repost>,
    pub(super) check: Check,
    pub(super) check_span: Millis,
    /// Where the rewriting of what somebody cleared has come to.
    pub(super) rewriting: Option<Rewriting>,
    /// What was accepted here and the leader does not count yet.
    untold: Size,
    /// The server wants calm until then, as the leader said.
    pub(super) calm: Option<Mono>,
}

/// How much something takes of the bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) count: usize,
    pub(super) bytes: usize,
}

impl Size {
    pub(super) fn add(&mut self, mutation: &Mutation) {
        self.count += 1;
        self.bytes += mutation.bytes();
    }

    pub(super) fn sub(&mut self, mutation: &Mutation) {
        self.count = self.count.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(mutation.bytes());
    }
}

/// A mutation that this tab accepted.
#[derive(Debug)]
pub(super) struct Mine {
    /// The call that waits for its end.
    pub(super) call: u64,
    pub(super) mutation: Rc<Mutation>,
    pub(super) durable: bool,
    /// Whether the present leader has it.
    pub(super) taken: bool,
    /// The tab that led when it was accepted: no other one can have sent it before.
    pub(super) under: Option<Term>,
}

impl Mine {
    fn offer(&self) -> Offer {
        Offer {
            mutation: Rc::clone(&self.mutation),
            durable: self.durable,
            under: self.under,
        }
    }
}

/// A mutation that the storage was asked to take.
#[derive(Debug)]
struct Writing {
    by: By,
    mutation: Rc<Mutation>,
    again: Option<Again>,
}

/// Who waits for the storage's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// A call of this page.
    Call(u64),
    /// An import, by its number.
    Import(u64),
}

/// An import under way.
#[derive(Debug)]
struct Import {
    number: u64,
    asker: Asker,
    left: usize,
    stored: u64,
    why: Refusal,
}

/// A mutation that was accepted just now, and what its runs have to know of those before.
pub(super) type Accepted = (Rc<Mutation>, Option<Again>);

/// When the leader is told again what it did not say it has.
#[derive(Clone, Copy, Debug)]
struct Repost {
    at: Mono,
    wait: Millis,
}

impl Desk {
    pub(super) fn new(me: TabId, scope: Rc<str>, settings: Settings) -> Self {
        let mut handlers = Map::new();
        for (name, handler) in &settings.handlers {
            handlers.insert(Rc::clone(name), *handler);
        }
        Desk {
            me,
            scope,
            settings,
            handlers,
            running: Map::new(),
            flying: Map::new(),
            mine: Map::new(),
            answered: Answered::default(),
            out: VecDeque::new(),
            blocked: false,
            works: false,
            order: 0,
            seen: None,
            op: StoreOp::default(),
            writing: VecDeque::new(),
            imports: Vec::new(),
            asks: Map::new(),
            repost: None,
            check: Check::Off,
            check_span: QUEUE_CHECK,
            rewriting: None,
            untold: Size::default(),
            calm: None,
        }
    }

    pub(super) fn tell(&mut self, told: Told) {
        self.out.push_back(Step::Tell(told));
    }

    pub(super) fn post(&mut self, talk: &Talk) {
        self.out.push_back(Step::Post(talk.write()));
    }

    pub(super) fn next_op(&mut self) -> StoreOp {
        self.op = StoreOp(self.op.0.wrapping_add(1));
        self.op
    }

    pub(super) fn write(&mut self, key: String, value: String) -> StoreOp {
        let op = self.next_op();
        self.out.push_back(Step::Write { op, key, value });
        op
    }

    pub(super) fn remove(&mut self, slot: Slot) {
        let key = slot.key(&self.scope);
        self.out.push_back(Step::Remove { key });
    }

    /// Can nothing be stored here?
    pub(super) fn blocked(&self) -> bool {
        self.blocked
    }

    /// The storage answered that this page may not use it.
    pub(super) fn block(&mut self) {
        self.blocked = true;
        self.check = Check::Off;
        self.rewriting = None;
    }

    /// The storage can be used.
    pub(super) fn unblock(&mut self) {
        self.blocked = false;
        self.works = true;
    }

    /// What is accepted from now on comes after this one. Clocks that disagree would not see to that.
    pub(super) fn comes_after(&mut self, id: MutationId) {
        self.order = self.order.max(id.order);
    }

    /// A mutation was heard of.
    pub(super) fn heard_of(&mut self, mutation: &Mutation) {
        self.comes_after(mutation.id);
        if self.seen.is_none_or(|seen| seen < mutation.stamp) {
            self.seen = Some(mutation.stamp);
            self.out.push_back(Step::Seen(mutation.stamp));
        }
    }

    /// Takes a draft: asks the storage to take it, or refuses it.
    pub(super) fn draft(&mut self, now: Now, draft: Draft, stamp: Stamp, waiting: Size) {
        let call = draft.call;
        let id = MutationId::next(self.me, now.wall, self.order);
        let mutation = Mutation {
            id,
            name: draft.name,
            version: draft.version,
            lane: draft.lane,
            vars: draft.vars,
            base: draft.base,
            kind: draft.kind,
            coalesce: draft.coalesce,
            barrier: draft.barrier,
            at: now.wall,
            stamp,
        };
        let bytes = mutation.bytes();
        let count = waiting.count + self.untold.count;
        let taken = waiting.bytes + self.untold.bytes;
        let refused = if bytes > QUEUE_ITEM_BYTES_MAX {
            Some(Refusal::TooLarge)
        } else if count >= self.settings.count || taken + bytes > self.settings.bytes {
            Some(Refusal::Full)
        } else {
            None
        };
        if let Some(why) = refused {
            self.tell(Told::Refused { call, why });
            return;
        }
        self.order = id.order;
        let mutation = Rc::new(mutation);
        self.store(By::Call(call), mutation, None);
    }

    /// Asks the storage to take what was imported.
    pub(super) fn import(&mut self, mutations: Vec<Accepted>, asker: Asker) {
        let number = self.next_op().0;
        self.imports.push(Import {
            number,
            asker,
            left: mutations.len(),
            stored: 0,
            why: Refusal::Quota,
        });
        for (mutation, again) in mutations {
            self.heard_of(&mutation);
            self.store(By::Import(number), mutation, again);
        }
    }

    /// Counts the storage's answer to a part of an import.
    fn imported(&mut self, number: u64, result: Result<(), Refusal>) {
        if let Some(import) = self.imports.iter_mut().find(|i| i.number == number) {
            import.left -= 1;
            match result {
                Ok(()) => import.stored += 1,
                Err(why) => import.why = why,
            }
        }
    }

    /// An import that the storage has answered: who asked, and how many it took.
    pub(super) fn import_over(&mut self) -> Option<(Asker, Answer)> {
        let at = self.imports.iter().position(|import| import.left == 0)?;
        let import = self.imports.swap_remove(at);
        let answer = match import.stored {
            0 => Err(import.why),
            stored => Ok(number_text(stored)),
        };
        Some((import.asker, answer))
    }

    /// Asks the storage to take a mutation.
    fn store(&mut self, by: By, mutation: Rc<Mutation>, again: Option<Again>) {
        let entry = match &again {
            None => Entry::Accepted(Rc::clone(&mutation)),
            Some(again) => Entry::Again(Rc::clone(&mutation), again.clone()),
        };
        let op = self.write(entry.slot().key(&self.scope), entry.record());
        self.untold.add(&mutation);
        let writing = Writing {
            by,
            mutation,
            again,
        };
        self.writing.push_back((op, writing));
    }

    /// The storage answered. Gives the mutation that is accepted by it.
    pub(super) fn stored(
        &mut self,
        now: Now,
        op: StoreOp,
        result: Result<(), StoreFault>,
    ) -> Option<Accepted> {
        let at = self.writing.iter().position(|(asked, _)| *asked == op)?;
        let (_, writing) = self.writing.remove(at)?;
        if result.is_ok() {
            self.unblock();
        }
        let Writing {
            by,
            mutation,
            again,
        } = writing;
        let why = match (result, by) {
            (Ok(()), By::Call(call)) => {
                self.accept(now, call, &mutation, true);
                return Some((mutation, again));
            }
            (Ok(()), By::Import(number)) => {
                self.untold.sub(&mutation);
                self.imported(number, Ok(()));
                return Some((mutation, again));
            }
            (Err(StoreFault::Quota), _) => Refusal::Quota,
            (Err(StoreFault::Blocked), by) => {
                self.block();
                if let (true, By::Call(call)) = (self.settings.volatile, by) {
                    self.accept(now, call, &mutation, false);
                    return Some((mutation, again));
                }
                Refusal::Blocked
            }
        };
        self.untold.sub(&mutation);
        match by {
            By::Call(call) => self.tell(Told::Refused { call, why }),
            By::Import(number) => self.imported(number, Err(why)),
        }
        None
    }

    fn accept(&mut self, now: Now, call: u64, mutation: &Rc<Mutation>, durable: bool) {
        let id = mutation.id;
        let mine = Mine {
            call,
            mutation: Rc::clone(mutation),
            durable,
            taken: false,
            under: None,
        };
        self.mine.insert(id, mine);
        if durable {
            self.watch_storage(now);
        }
        self.tell(Told::Accepted { call, id, durable });
    }

    /// A mutation came to an end: tells the call that waits for it, once.
    pub(super) fn ended(&mut self, id: MutationId, end: End) {
        let mine = self.mine.remove(&id);
        if mine.is_none() && self.answered.contains(id) {
            return;
        }
        self.answered.insert(id, &end);
        self.flying.remove(&id);
        if let Some(mine) = mine.as_ref().filter(|mine| !mine.taken) {
            self.untold.sub(&mine.mutation);
        }
        let call = mine.map(|mine| mine.call);
        self.tell(Told::Settled { call, id, end });
    }

    /// Tells the leader what it has not said it has; all of it if it is a new one.
    pub(super) fn repost(&mut self, now: Mono, to: Term, anew: bool) {
        if anew {
            for mine in self.mine.values_mut().filter(|mine| mine.taken) {
                mine.taken = false;
                self.untold.add(&mine.mutation);
            }
            let asks: Vec<(u64, String)> = self
                .asks
                .iter()
                .map(|(ask, text)| (*ask, text.clone()))
                .collect();
            for (ask, text) in asks {
                self.post(&Talk::Ask { ask, text });
            }
        }
        let wait = match (self.repost, anew) {
            (Some(repost), false) => Millis(repost.wait.0.saturating_mul(2)).min(QUEUE_REPOST_MAX),
            _ => QUEUE_REPOST_FIRST,
        };
        let mut items = Vec::new();
        let mut bytes = 0;
        let mut any = false;
        let untaken = self.mine.values().filter(|mine| !mine.taken);
        let untaken: Vec<Offer> = untaken.map(|mine| mine.offer()).collect();
        for offer in untaken {
            any = true;
            bytes += offer.mutation.bytes();
            items.push(offer);
            if bytes > TALK_BYTES {
                bytes = 0;
                self.offer(to, std::mem::take(&mut items));
            }
        }
        if !items.is_empty() {
            self.offer(to, items);
        }
        self.repost = any.then_some(Repost {
            at: now + wait,
            wait,
        });
    }

    fn offer(&mut self, to: Term, items: Vec<Offer>) {
        let to = Some(to);
        self.post(&Talk::Queued { to, items });
    }

    /// Tells the leader of one that was just accepted.
    pub(super) fn hand_over(&mut self, now: Mono, to: Term, id: MutationId) {
        if let Some(mine) = self.mine.get_mut(&id) {
            mine.under = Some(to);
            let offer = mine.offer();
            self.offer(to, vec![offer]);
        }
        self.repost.get_or_insert(Repost {
            at: now + QUEUE_REPOST_FIRST,
            wait: QUEUE_REPOST_FIRST,
        });
    }

    /// The leader has it.
    pub(super) fn taken(&mut self, id: MutationId) {
        if let Some(mine) = self.mine.get_mut(&id).filter(|mine| !mine.taken) {
            mine.taken = true;
            self.untold.sub(&mine.mutation);
        }
    }

    /// Nobody leads for now: there is nobody to tell again.
    pub(super) fn leaderless(&mut self) {
        self.repost = None;
    }

    /// Sends a question to the leader, and keeps it until there is an answer.
    pub(super) fn ask(&mut self, ask: u64, text: String, leader: bool) {
        if self.asks.len() >= QUEUE_ASKS_MAX {
            let answer = Err(Refusal::Full);
            self.tell(Told::Answer { call: ask, answer });
            return;
        }
        if leader {
            let text = text.clone();
            self.post(&Talk::Ask { ask, text });
        }
        self.asks.insert(ask, text);
    }

    /// The leader answered a question.
    pub(super) fn answered_ask(&mut self, ask: u64, answer: Answer) {
        if self.asks.remove(&ask).is_some() {
            self.tell(Told::Answer { call: ask, answer });
        }
    }

    /// Questions that nobody answered yet: this tab leads now.
    pub(super) fn take_asks(&mut self) -> Map<u64, String> {
        std::mem::take(&mut self.asks)
    }

    /// Runs a function of this page.
    pub(super) fn run(&mut self, run: Run) {
        let key = MutationId::parse_key(&run.idempotency_key);
        let turn = Turn {
            attempt: run.attempt,
            renewed: key.map_or(0, |(_, renewed)| renewed),
        };
        self.running.insert(run.id, turn);
        self.out.push_back(Step::Run(run));
    }

    /// Stops a run of this page.
    pub(super) fn cancel(&mut self, id: MutationId) {
        if let Some(Turn { attempt, .. }) = self.running.remove(&id) {
            self.out.push_back(Step::Cancel { id, attempt });
        }
    }

    /// A leader that leaves has runs that may still be answered.
    pub(super) fn flying(&mut self, now: Mono, id: MutationId, turn: Turn, span: Millis) {
        self.flying.retain(|_, flying| flying.until > now);
        if self.flying.len() < QUEUE_FLYING_MAX {
            let until = now + span;
            self.flying.insert(id, Flying { turn, until });
        }
    }

    /// Another user is here: everything of the one before leaves the memory.
    pub(super) fn fence(&mut self, scope: Rc<str>) {
        let writing = std::mem::take(&mut self.writing);
        for (_, writing) in writing {
            self.remove(Slot::Accepted(writing.mutation.id));
            if let By::Call(call) = writing.by {
                let why = Refusal::User;
                self.tell(Told::Refused { call, why });
            }
        }
        for (id, mine) in std::mem::take(&mut self.mine).iter() {
            let call = mine.call;
            self.tell(Told::Detached { call, id: *id });
        }
        let running: Vec<MutationId> = self.running.keys().copied().collect();
        running.into_iter().for_each(|id| self.cancel(id));
        for (call, _) in self.take_asks().iter() {
            let answer = Err(Refusal::User);
            self.tell(Told::Answer {
                call: *call,
                answer,
            });
        }
        self.imports.clear();
        self.flying.clear();
        self.answered = Answered::default();
        self.repost = None;
        self.rewriting = None;
        self.check = Check::Off;
        self.untold = Size::default();
        self.calm = None;
        self.scope = scope;
    }

    /// What has become due; something to tell again only if there is a leader.
    pub(super) fn tick(&mut self, now: Now, leader: Option<Term>) {
        if let Check::At(at) = self.check
            && at <= now.mono
        {
            self.look();
        }
        if let Some(to) = leader
            && self.repost.is_some_and(|repost| repost.at <= now.mono)
        {
            self.repost(now.mono, to, false);
        }
    }

    pub(super) fn next_wakeup(&self) -> Option<Mono> {
        let check = match self.check {
            Check::At(at) => Some(at),
            Check::Off | Check::Asked(_) => None,
        };
        let parts = [
            check,
            self.repost.map(|repost| repost.at),
            self.rewriting.map(|rewriting| rewriting.at),
        ];
        parts.into_iter().flatten().min()
    }

    /// Adds what the leader does not count yet to what it said.
    pub(super) fn add_untold(&self, totals: &mut Totals) {
        totals.count += self.untold.count as u64;
        totals.bytes += self.untold.bytes as u64;
    }
}
