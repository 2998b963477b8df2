//! Mutations: accepted durably, done once and in order, and never lost out of sight.
//!
//! It holds these promises, in the words of `docs/guarantees.md`:
//!
//! * **G6, accepted is durable.** A mutation is accepted when the storage said yes, not before.
//!   Each has a record of its own under a key that only the tab writes that accepted it.
//! * **G7, once and in order.** Only the tab that leads sends, one at a time in each lane, always
//!   under the same key. Whatever may be sent twice (after a crash, a hand-over, a stale read of
//!   the storage) is recognised by the server by that key.
//! * **G8, nothing vanishes.** A record goes when the end is known: applied, resolved, or on the
//!   list of those that wait for the user.
//!
//! [`desk`](self) is what every tab keeps of its own; the sender is what the leader does with
//! everybody's. It does not know what a mutation means, how a request is sent, or who leads and
//! why: it is told, and it says what to store, what to run, and what to tell.

mod answered;
mod cleared;
mod desk;
mod ends;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod gate;
mod intake;
mod kind;
mod lanes;
mod manage;
mod merge;
mod mutation;
mod notes;
mod outcome;
mod record;
mod runners;
mod sender;
mod settings;
#[cfg(test)]
mod table;
mod take;
mod talk;
#[cfg(test)]
mod tests;
mod told;
mod totals;
mod turn;
mod word;

use std::rc::Rc;

pub use self::kind::Kind;
pub use self::mutation::{Mutation, MutationId};
pub use self::outcome::{Class, Failure, Outcome, Tried};
pub use self::record::{RESERVE_KEY, covered as covered_record};
pub use self::settings::{Draft, Handler, Policy, Settings};
pub use self::told::{Answer, End, How, Refusal, Run, Told};
pub use self::totals::{State, Totals};
pub use self::word::{Again, Letter, Why};

use self::desk::{Accepted, Desk, Size};
use self::gate::Shows;
use self::record::Slot;
use self::sender::{Asker, Page, Sender};
use self::take::Source;
use self::talk::{Lead, Offer, Talk, Wait};
use super::config::BadInput;
use super::hlc::Stamp;
use super::ids::{TabId, Term};
use super::limits::{DRAIN_HOLD, MUTATION_TIMEOUT, QUEUE_HANDLERS_MAX, TOTALS_SPAN, UNREAD_HOLD};
use super::rng::Rng;
use super::store::{StoreFault, StoreOp};
use super::time::{Millis, Mono, Now};
use crate::wire::json::Raw;

/// Whether this module can send mutations, and so may lead tabs that have some.
pub const SENDS: bool = true;

/// The text of a question, kept for [`Queue::ask`].
pub fn question(raw: Raw<'_>) -> Result<String, BadInput> {
    Ok(raw.text().to_owned())
}

/// The queue of one tab.
#[derive(Debug)]
pub struct Queue {
    desk: Desk,
    role: Role,
    online: bool,
    /// What was said last about how it stands.
    said: Totals,
    /// When that may be said again, if it changed meanwhile.
    say: Say,
    /// Until then at most, what is stale is not fetched: it would show what a backlog that waited
    /// for the network is about to change.
    hold: Option<Hold>,
    said_wait: Option<Wait>,
}

#[derive(Debug)]
enum Role {
    /// Not running.
    Away,
    /// Another tab leads; which one, if that is known, and how it says the queue stands.
    Follows {
        leader: Option<Term>,
        totals: Totals,
    },
    /// This tab leads, or is for itself.
    Leads(Box<Sender>),
}

/// Why what is stale is not fetched yet, and until when at most.
#[derive(Clone, Copy, Debug)]
struct Hold {
    wait: Wait,
    until: Mono,
}

impl Hold {
    fn new(now: Mono, wait: Wait) -> Hold {
        let span = match wait {
            Wait::Unread => UNREAD_HOLD,
            Wait::Drain => DRAIN_HOLD,
        };
        Hold {
            wait,
            until: now + span,
        }
    }
}

/// When the figures may be said again: a queue that is worked off changes them a thousand times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Say {
    /// At once, when they change.
    Free,
    /// Not before that moment.
    After(Mono),
    /// They changed: at that moment.
    At(Mono),
}

/// Something to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Store a value, and say what the storage answered.
    Write {
        /// The question's number.
        op: StoreOp,
        /// Where.
        key: String,
        /// What.
        value: String,
    },
    /// Remove a value.
    Remove {
        /// Where.
        key: String,
    },
    /// List the keys that begin with a prefix.
    List {
        /// The question's number.
        op: StoreOp,
        /// What they begin with.
        prefix: String,
    },
    /// Read values.
    Read {
        /// The question's number.
        op: StoreOp,
        /// Where.
        keys: Vec<String>,
    },
    /// Run the app's function.
    Run(Run),
    /// Stop a run: whatever comes of it does not matter any more.
    Cancel {
        /// Which mutation.
        id: MutationId,
        /// Which run.
        attempt: u32,
    },
    /// Tell the app.
    Tell(Told),
    /// Say something to the other tabs, as JSON text.
    Post(String),
    /// Something should not be and was survived.
    Fault(&'static str),
    /// A stamp of another tab was seen.
    Seen(Stamp),
    /// The server wants a new login. Nothing is sent until [`Queue::authorized`].
    NeedAuth,
    /// A run of this page ended, or took too long.
    Tried(Tried),
}

impl Queue {
    /// The queue of a tab, under the name that all tabs of its principal share.
    pub fn new(me: TabId, scope: Rc<str>, settings: Settings, online: bool) -> Self {
        Queue {
            desk: Desk::new(me, scope, settings),
            role: Role::Away,
            online,
            said: Totals::default(),
            say: Say::Free,
            hold: None,
            said_wait: None,
        }
    }

    // The app.

    /// The app wants something to be done.
    pub fn mutate(&mut self, now: Now, draft: Draft, stamp: Stamp) {
        let waiting = match &self.role {
            Role::Away => Size::default(),
            Role::Follows { totals, .. } => Size {
                count: usize::try_from(totals.count + totals.dead + totals.conflicts)
                    .unwrap_or(usize::MAX),
                bytes: usize::try_from(totals.bytes).unwrap_or(usize::MAX),
            },
            Role::Leads(sender) => sender.size,
        };
        self.desk.draft(now, draft, stamp, waiting);
    }

    /// The page has a function, or has it no more.
    pub fn handle(&mut self, now: Now, name: &Rc<str>, handler: Option<Handler>) {
        match handler {
            Some(handler) => {
                let full = self.desk.handlers.len() >= QUEUE_HANDLERS_MAX;
                if full && !self.desk.handlers.contains(name) {
                    let what = "more mutations were registered than may be";
                    self.desk.out.push_back(Step::Fault(what));
                    return;
                }
                self.desk.handlers.insert(Rc::clone(name), handler);
            }
            None => {
                self.desk.handlers.remove(name);
            }
        }
        match &mut self.role {
            Role::Leads(sender) => sender.unpark(now),
            Role::Follows {
                leader: Some(_), ..
            } => self.post_handlers(),
            Role::Follows { leader: None, .. } | Role::Away => {}
        }
    }

    /// A run of this page ended.
    pub fn done(
        &mut self,
        now: Now,
        rng: &mut Rng,
        id: MutationId,
        attempt: u32,
        outcome: Outcome,
    ) {
        let running = self.desk.running.get(&id).copied();
        let turn = running.filter(|turn| turn.attempt == attempt);
        if turn.is_some() {
            self.desk.running.remove(&id);
            self.desk.out.extend(outcome.tried().map(Step::Tried));
        }
        match &mut self.role {
            Role::Leads(sender) => {
                // Of one that this page was told to stop it is not known which it was.
                let turn = turn.unwrap_or_else(|| sender.turn(id, attempt));
                sender.done(&mut self.desk, now, rng, id, turn, outcome);
            }
            // Whoever asked this page to run it, or leads after it, waits for that.
            Role::Follows { .. } => {
                if let Some(turn) = turn {
                    self.desk.post(&Talk::Ran { id, turn, outcome });
                }
            }
            Role::Away => {}
        }
    }

    /// The app asks something about the queue, or does something by hand: JSON text.
    pub fn ask(&mut self, now: Now, call: u64, text: &str) {
        match &mut self.role {
            Role::Leads(sender) => {
                let asker = Asker { tab: None, call };
                sender.manage(&mut self.desk, now, text, asker);
            }
            Role::Follows { leader, .. } => {
                let leader = leader.is_some();
                self.desk.ask(call, text.to_owned(), leader);
            }
            Role::Away => self.desk.ask(call, text.to_owned(), false),
        }
    }

    // The storage.

    /// The storage took a value, or did not.
    pub fn stored(&mut self, now: Now, op: StoreOp, result: Result<(), StoreFault>) {
        if let Role::Leads(sender) = &mut self.role
            && sender.stored(&mut self.desk, now, op, result)
        {
            return;
        }
        if let Some(accepted) = self.desk.stored(now, op, result) {
            self.accepted(now, accepted);
        }
        while let Some((asker, answer)) = self.desk.import_over() {
            // Whoever led for the import and leads no more is asked again, as another one is.
            if let Role::Leads(sender) = &mut self.role {
                sender.answer(&mut self.desk, Some(asker), answer);
            }
        }
    }

    fn accepted(&mut self, now: Now, (mutation, again): Accepted) {
        let mine = self.desk.mine.get(&mutation.id);
        // What was imported is nobody's, and stored.
        let durable = mine.is_none_or(|mine| mine.durable);
        match &mut self.role {
            Role::Leads(sender) => {
                let source = Source::New;
                sender.take(&mut self.desk, now, mutation, again, durable, source);
            }
            Role::Follows {
                leader: Some(to), ..
            } => self.desk.hand_over(now.mono, *to, mutation.id),
            // Whoever leads next is told then.
            Role::Follows { leader: None, .. } | Role::Away => {}
        }
    }

    /// The storage listed keys.
    pub fn listed(&mut self, now: Now, op: StoreOp, result: Result<&[String], StoreFault>) {
        if let Role::Leads(sender) = &mut self.role {
            sender.listed(&mut self.desk, now, op, result);
        }
    }

    /// The storage read values.
    pub fn read(&mut self, now: Now, op: StoreOp, result: Result<&[Option<String>], StoreFault>) {
        if !self.desk.looked(now, op, result)
            && let Role::Leads(sender) = &mut self.role
        {
            sender.values(&mut self.desk, now, op, result);
        }
    }

    /// Another tab changed the storage; everything if no key is named.
    pub fn changed(&mut self, now: Now, key: Option<&str>, value: Option<&str>) {
        let Some(key) = key else {
            self.desk.cleared(now);
            return;
        };
        let slot = Slot::parse(&self.desk.scope, key);
        if let Some(Slot::Accepted(id)) = slot {
            self.desk.comes_after(id);
        }
        // Where every tab is for itself, others send their own.
        if let Role::Leads(sender) = &mut self.role
            && sender.term.is_some()
            && let (Some(slot), Some(text)) = (slot, value)
        {
            match slot {
                // The word of who led before may be seen only now, and its lane has to wait for it.
                Slot::Word(id) if self.desk.answered.contains(id) || !sender.is_word_news(id) => {}
                Slot::Accepted(_) | Slot::Word(_) => {
                    sender.seen_late(now.mono, slot, &self.desk.answered);
                    sender.found(&mut self.desk, now, slot, text, Source::Seen);
                }
            }
        }
    }

    // The other tabs.

    /// This tab leads now; without a term it is for itself.
    pub fn lead(&mut self, now: Now, term: Option<Term>) {
        let mut sender = Sender::new(term, self.online);
        self.hold = None;
        if let Some(until) = self.desk.calm.take().filter(|until| *until > now.mono) {
            sender.gate.keep_calm(until);
        }
        let mine: Vec<(Rc<Mutation>, bool)> = self
            .desk
            .mine
            .values()
            .map(|mine| (Rc::clone(&mine.mutation), mine.durable))
            .collect();
        for (mutation, durable) in mine {
            let source = Source::Known;
            sender.take(&mut self.desk, now, mutation, None, durable, source);
        }
        sender.read_first(&mut self.desk, now);
        self.desk.leaderless();
        let asks = self.desk.take_asks();
        for (call, text) in asks.iter() {
            let asker = Asker {
                tab: None,
                call: *call,
            };
            sender.manage(&mut self.desk, now, text, asker);
        }
        self.role = Role::Leads(Box::new(sender));
    }

    /// This tab runs and does not lead.
    pub fn follow(&mut self) {
        self.leave(Page::Stays);
        self.hold = None;
        self.desk.leaderless();
        self.role = Role::Follows {
            leader: None,
            totals: self.said,
        };
    }

    /// Another tab leads now: it is told what this one has.
    pub fn follow_leader(&mut self, now: Now, term: Term) {
        if matches!(self.role, Role::Leads(_)) {
            self.follow();
        }
        self.role = Role::Follows {
            leader: Some(term),
            totals: self.said,
        };
        self.post_handlers();
        self.desk.repost(now.mono, term, true);
    }

    /// This page is put away or closed. `last` says that no other tab is there to go on.
    pub fn away(&mut self, now: Now, last: bool) {
        if let (Role::Leads(sender), true) = (&mut self.role, last) {
            sender.last_words(&mut self.desk, now);
        }
        self.desk.look();
        self.leave(Page::Goes);
        self.desk.leaderless();
        self.role = Role::Away;
    }

    fn leave(&mut self, page: Page) {
        if let Role::Leads(sender) = &mut self.role {
            sender.leave(&mut self.desk, page);
            // It holds for this tab too, if it is the next one to lead.
            self.desk.calm = self.desk.calm.max(sender.gate.calm());
        }
    }

    /// Another tab is gone.
    pub fn tab_gone(&mut self, now: Now, tab: TabId) {
        if let Role::Leads(sender) = &mut self.role {
            sender.tab_gone(now, tab);
            sender.read_soon(now);
        }
    }

    fn post_handlers(&mut self) {
        let handlers = self.desk.handlers.iter();
        let handlers = handlers.map(|(name, handler)| (Rc::clone(name), *handler));
        let handlers = Talk::Handlers(handlers.collect());
        self.desk.post(&handlers);
    }

    /// Which leader a message claims to be of, if it claims that.
    pub fn claims(from: TabId, raw: Raw<'_>) -> Option<Term> {
        let number = raw.member("term").and_then(Raw::integer)?;
        Some(Term { number, tab: from })
    }

    /// Another tab said something; what a leader said is known to be of the present one. False if
    /// it is nothing that tabs say.
    pub fn heard(&mut self, now: Now, rng: &mut Rng, from: TabId, raw: Raw<'_>) -> bool {
        let Some(talk) = Talk::read(from, raw) else {
            return false;
        };
        match (talk, &mut self.role) {
            (Talk::Flying(runs), _) => {
                for (id, turn) in runs {
                    self.desk.flying(now.mono, id, turn, MUTATION_TIMEOUT);
                }
            }
            (Talk::Queued { to, items }, Role::Leads(sender)) => {
                // What is in the memory of its page alone and was offered to who led before us is offered again,
                // with what was made before it and comes first.
                let ours = to.is_none() || to == sender.term;
                for offer in items.into_iter().filter(|offer| ours || offer.durable) {
                    // It may have been accepted under who led before us.
                    let source = match offer.under {
                        Some(under) if sender.term == Some(under) => Source::New,
                        Some(_) | None => Source::Known,
                    };
                    let Offer {
                        mutation, durable, ..
                    } = offer;
                    sender.take(&mut self.desk, now, mutation, None, durable, source);
                }
            }
            // What is made here from now on comes after it.
            (Talk::Queued { items, .. }, Role::Follows { .. }) => {
                items
                    .iter()
                    .for_each(|offer| self.desk.heard_of(&offer.mutation));
            }
            (Talk::Handlers(handlers), Role::Leads(sender)) => {
                if sender.runner(now, from, handlers) {
                    let totals = Lead::Totals(self.said, self.said_wait);
                    sender.say(&mut self.desk, totals);
                }
            }
            (Talk::Ran { id, turn, outcome }, Role::Leads(sender)) => {
                sender.done(&mut self.desk, now, rng, id, turn, outcome);
            }
            (Talk::Ask { ask, text }, Role::Leads(sender)) => {
                let tab = Some(from);
                let asker = Asker { tab, call: ask };
                sender.manage(&mut self.desk, now, &text, asker);
            }
            (Talk::Lead(_, lead), Role::Follows { .. }) => self.heard_lead(now, lead),
            (Talk::Handlers(_) | Talk::Ran { .. } | Talk::Ask { .. }, Role::Follows { .. })
            | (Talk::Lead(..), Role::Leads(_))
            | (_, Role::Away) => {}
        }
        true
    }

    /// A tab said something that does not lead any more, or is not known to lead yet. What it says
    /// of ends is true whoever leads, and what it took was made before what is made here now.
    pub fn heard_of_others(&mut self, now: Now, from: TabId, raw: Raw<'_>) {
        let ends = match Talk::read(from, raw) {
            Some(Talk::Lead(_, Lead::Ended(ends))) => ends,
            Some(Talk::Lead(_, Lead::Took(ids))) => {
                ids.into_iter().for_each(|id| self.desk.comes_after(id));
                return;
            }
            _ => return,
        };
        match &mut self.role {
            Role::Leads(sender) => {
                for (id, end) in ends {
                    sender.ended_elsewhere(&mut self.desk, now, id, end);
                }
            }
            Role::Follows { .. } => self.heard_lead(now, Lead::Ended(ends)),
            Role::Away => {}
        }
    }

    fn heard_lead(&mut self, now: Now, lead: Lead) {
        let me = self.desk.me;
        match lead {
            Lead::Took(ids) => {
                for id in ids {
                    self.desk.comes_after(id);
                    self.desk.taken(id);
                }
            }
            Lead::Ended(ends) => {
                for (id, end) in ends {
                    self.desk.comes_after(id);
                    // Whoever leads removed the record, and we may have written it again.
                    if self.desk.mine.contains(&id) && !matches!(end, End::Dead { .. }) {
                        self.desk.remove(Slot::Accepted(id));
                        // The note is for who does not hear.
                        if let End::Resolved {
                            how: How::Superseded,
                        } = end
                        {
                            self.desk.remove(Slot::Word(id));
                        }
                    }
                    self.desk.ended(id, end);
                }
            }
            Lead::Conflict(id, letter) => {
                let call = self.desk.mine.get(&id).map(|mine| mine.call);
                self.desk.tell(Told::Conflict { call, id, letter });
            }
            Lead::Totals(totals, wait) => {
                if let Role::Follows { totals: have, .. } = &mut self.role {
                    *have = totals;
                }
                // For no longer than a leader would, whatever becomes of this one.
                self.hold = wait.map(|wait| {
                    let same = self.hold.filter(|hold| hold.wait == wait);
                    same.unwrap_or(Hold::new(now.mono, wait))
                });
            }
            Lead::Calm(until, span) => {
                // A clock that was set meanwhile makes that no longer.
                let span = span.min(Millis(until.0.saturating_sub(now.wall.0)));
                self.desk.calm = Some(now.mono + span);
            }
            Lead::Run { to, run } if to == me => self.desk.run(run),
            Lead::Cancel { to, id } if to == me => self.desk.cancel(id),
            Lead::Answer { to, ask, answer } if to == me => self.desk.answered_ask(ask, answer),
            Lead::Run { .. } | Lead::Cancel { .. } | Lead::Answer { .. } => {}
        }
    }

    // The world.

    /// The browser changed its mind about the network. There may be a link all the while.
    pub fn online(&mut self, now: Now, online: bool, linked: bool) {
        self.online = online;
        if let Role::Leads(sender) = &mut self.role
            && sender.gate.online(online)
        {
            sender.lanes.hurry_all(now.mono);
            sender.drain();
            // As if the link came now.
            if linked && sender.drain.is_some() {
                self.hold = Some(Hold::new(now.mono, Wait::Drain));
            }
        }
    }

    /// This page was frozen or asleep, or its timers were late. Who led may lead no more and not
    /// know yet; another leader may have done since what this one still believes to be new.
    pub fn was_away(&mut self, now: Now) {
        if let Role::Leads(sender) = &mut self.role {
            sender.was_away(now.mono);
        }
    }

    /// There is a link to the server again: there is a network. What waited for that goes first,
    /// and what is stale is fetched then.
    pub fn linked(&mut self, now: Now) {
        if let Role::Leads(sender) = &mut self.role {
            if sender.gate.network_back() {
                sender.lanes.hurry_all(now.mono);
            }
            // The calm that was asked for may end at this very moment.
            sender.gate.tick(now.mono);
            sender.drain();
            let wait = match sender.drain {
                _ if !sender.intake.is_open() => Some(Wait::Unread),
                Some(_) => Some(Wait::Drain),
                None => None,
            };
            self.hold = wait.map(|wait| Hold::new(now.mono, wait));
        }
    }

    /// Would what is fetched now show what a backlog is about to change?
    pub fn holds(&self) -> bool {
        self.hold.is_some()
    }

    /// There is a new login.
    pub fn authorized(&mut self, now: Now, rng: &mut Rng) {
        if let Role::Leads(sender) = &mut self.role {
            sender.gate.authorized(now.mono, rng);
            sender.drain();
        }
    }

    /// Another user is here. Everything of the one before leaves the memory; what is stored goes
    /// on when that one is back.
    pub fn fence(&mut self, scope: Rc<str>) {
        self.desk.fence(scope);
        self.role = Role::Away;
        self.said = Totals::default();
        self.say = Say::Free;
        self.hold = None;
    }

    /// Time passed, and whatever happened has been said: does what has become due.
    pub fn tick(&mut self, now: Now, rng: &mut Rng) {
        let leader = match self.role {
            Role::Follows { leader, .. } => leader,
            Role::Leads(_) | Role::Away => None,
        };
        self.desk.tick(now, leader);
        if let Role::Leads(sender) = &mut self.role {
            sender.tick(&mut self.desk, now, rng);
            sender.read_on(&mut self.desk, now);
            sender.store_letters(&mut self.desk, now);
            sender.pump(&mut self.desk, now);
            sender.say_batches(&mut self.desk);
            self.desk.would_lose(now, !sender.items.is_empty());
            if sender.items.is_empty() && sender.letters.is_empty() {
                self.desk.rest();
            } else {
                self.desk.watch_storage(now);
            }
        } else {
            self.desk.would_lose(now, true);
            self.desk.rest();
        }
        if let Some(from) = self.desk.rewriting() {
            let slice = match &self.role {
                Role::Leads(sender) => sender.slice(from),
                Role::Follows { .. } | Role::Away => self.desk.slice(from),
            };
            self.desk.rewrite(now.mono, slice);
        }
        self.hold = self.hold.and_then(|hold| self.still(now, hold));
        self.say_totals(now);
    }

    /// What of a reason to wait is left.
    fn still(&self, now: Now, hold: Hold) -> Option<Hold> {
        let left = hold.until > now.mono;
        let Role::Leads(sender) = &self.role else {
            return left.then_some(hold);
        };
        let draining = sender.drain.is_some();
        match hold.wait {
            Wait::Unread if sender.intake.is_open() => {
                draining.then(|| Hold::new(now.mono, Wait::Drain))
            }
            Wait::Unread => left.then_some(hold),
            Wait::Drain => (draining && left).then_some(hold),
        }
    }

    /// When something is due, if nothing else happens.
    pub fn next_wakeup(&self) -> Option<Mono> {
        let sender = match &self.role {
            Role::Leads(sender) => sender.next_wakeup(),
            Role::Follows { .. } | Role::Away => None,
        };
        let say = match self.say {
            Say::At(at) => Some(at),
            Say::Free | Say::After(_) => None,
        };
        let hold = self.hold.map(|hold| hold.until);
        let parts = [self.desk.next_wakeup(), sender, say, hold];
        parts.into_iter().flatten().min()
    }

    /// The next thing to do; nothing when all is done.
    pub fn poll(&mut self) -> Option<Step> {
        self.desk.out.pop_front()
    }

    /// How the queue stood when that was last said.
    pub fn totals(&self) -> Totals {
        self.said
    }

    fn say_totals(&mut self, now: Now) {
        let totals = self.count(now);
        let wait = self.hold.map(|hold| hold.wait);
        let turns = self.said_wait != wait;
        let may = turns
            || match self.say {
                Say::Free => true,
                Say::After(at) | Say::At(at) => at <= now.mono,
            };
        if totals == self.said && !turns {
            self.say = match self.say {
                Say::At(at) | Say::After(at) if !may => Say::After(at),
                Say::At(_) | Say::After(_) | Say::Free => Say::Free,
            };
            return;
        }
        if !may {
            if let Say::After(at) = self.say {
                self.say = Say::At(at);
            }
            return;
        }
        self.said = totals;
        self.said_wait = wait;
        self.say = Say::After(now.mono + TOTALS_SPAN);
        if let Role::Leads(sender) = &mut self.role {
            sender.say(&mut self.desk, Lead::Totals(totals, wait));
        }
    }

    fn count(&self, now: Now) -> Totals {
        let mut totals = match &self.role {
            Role::Away => Totals::default(),
            Role::Follows { totals, .. } => *totals,
            Role::Leads(sender) => sender.totals(now),
        };
        self.desk.add_untold(&mut totals);
        totals
    }
}

impl Sender {
    fn totals(&self, now: Now) -> Totals {
        let conflicts = self.conflicts as u64;
        let count = self.items.len() as u64;
        let in_flight = self.flight.len() as u64;
        let drain = self.drain.map(|drain| (drain.done, drain.done + count));
        let waits = match self.gate.shows() {
            Shows::Waiting(until) => Some(until),
            Shows::Open | Shows::Offline | Shows::Auth => self.lanes.next_wakeup(),
        };
        let state = match self.gate.shows() {
            _ if count == 0 => State::Idle,
            _ if !self.intake.is_open() => State::Reading,
            Shows::Auth => State::NeedsAuth,
            Shows::Offline => State::Offline,
            Shows::Open | Shows::Waiting(_) if in_flight > 0 => State::Sending,
            Shows::Open | Shows::Waiting(_) => State::Waiting,
        };
        Totals {
            state,
            count,
            bytes: self.size.bytes as u64,
            in_flight,
            parked: self.parked as u64,
            dead: self.letters.len() as u64 - conflicts,
            conflicts,
            aside: self.aside.len() as u64,
            oldest: self.items.values().next().map(|item| item.mutation.at),
            next_retry: waits
                .filter(|_| state == State::Waiting)
                .map(|at| now.wall_at(at)),
            drain,
        }
    }
}
