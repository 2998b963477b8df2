//! The life of a mutation, beside everything that can happen to it.

#![allow(clippy::unwrap_used)]

use super::sender::{By, Stage};
use super::*;
use crate::engine::hlc::Hlc;
use crate::engine::limits::QUEUE_SETTLE;
use crate::engine::tests::states::{Page, cases, cell};
use crate::engine::time::{Mono, Wall};
use crate::wire::json;

const ME: TabId = TabId(5);
const OTHER: TabId = TabId(9);

cases! {
    enum Is {
        Storing => "being stored",
        Waiting => "in its lane",
        Pausing => "waits for a newer one",
        Running => "on its way",
        RunningThere => "on its way in another tab",
        BackOff => "failed, to be tried again",
        Noting => "being noted",
        Parked => "parked",
        Dead => "dead letter",
        Conflict => "conflict",
        Over => "over",
    }
}

cases! {
    enum Happens {
        Stored => "the storage takes it",
        Quota => "the storage is full",
        Blocked => "the storage is forbidden",
        Cleared => "somebody clears the storage",
        Applied => "the run: applied",
        Network => "the run: no network",
        SlowDown => "the run: slow down",
        Auth => "the run: login needed",
        Busy => "the run: busy",
        Timeout => "the run: timeout",
        Rejected => "the run: rejected",
        Conflicted => "the run: conflict",
        Unclear => "the run: unclear",
        Missing => "the run: no such function",
        OldRun => "an older run: rejected",
        OldApplied => "an older run: applied",
        Minute => "a minute passes",
        Newer => "a newer one replaces it",
        Handle => "a page gets its function",
        Unhandle => "the page loses its function",
        TabGone => "the other tab is gone",
        Retry => "the user: again",
        Edit => "the user: again, with other variables",
        Discard => "the user: give it up",
        Mine => "the user: mine over theirs",
        Theirs => "the user: theirs",
        Online => "the browser was offline and is online",
        Login => "there is a new login",
        Follow => "another tab leads",
        Away => "the page is put away",
        OtherUser => "the user is another one",
    }
}

struct Rig {
    queue: Queue,
    rng: Rng,
    now: u64,
    /// Writes that the storage has not answered.
    writes: Vec<(StoreOp, String)>,
    done: Vec<String>,
    id: Option<MutationId>,
}

impl Rig {
    /// A queue that leads, with nothing in it.
    fn new() -> Rig {
        let settings = Settings {
            handlers: vec![("move".into(), Handler::default())],
            ..Settings::default()
        };
        let mut rig = Rig {
            queue: Queue::new(ME, "s".into(), settings, true),
            rng: Rng::new(1),
            now: 1000,
            writes: Vec::new(),
            done: Vec::new(),
            id: None,
        };
        let term = Term { number: 7, tab: ME };
        rig.queue.lead(rig.at(), Some(term));
        rig.settle();
        rig.now += QUEUE_SETTLE.0;
        rig.settle();
        rig
    }

    fn at(&self) -> Now {
        Now {
            mono: Mono(self.now),
            wall: Wall(1_000_000 + self.now),
        }
    }

    /// Does what is due, and notes what is done about the mutation. What is listed and read is
    /// answered at once: the storage is empty.
    fn settle(&mut self) {
        loop {
            self.queue.tick(self.at(), &mut self.rng);
            let steps: Vec<Step> = std::iter::from_fn(|| self.queue.poll()).collect();
            if steps.is_empty() {
                return;
            }
            steps.into_iter().for_each(|step| self.perform(step));
        }
    }

    fn perform(&mut self, step: Step) {
        let now = self.at();
        match step {
            Step::List { op, .. } => self.queue.listed(now, op, Ok(&[])),
            Step::Read { op, keys } => {
                let values = vec![Some("1".to_owned()); keys.len()];
                self.queue.read(now, op, Ok(&values));
            }
            Step::Write { op, key, .. } => {
                let word = match Slot::parse("s", &key) {
                    Some(Slot::Accepted(_)) => "store it",
                    Some(Slot::Word(_)) => "store a word on it",
                    // The marker and the reserve.
                    None => return self.queue.stored(now, op, Ok(())),
                };
                self.done.push(word.to_owned());
                self.writes.push((op, key));
            }
            Step::Remove { key } => match Slot::parse("s", &key) {
                Some(Slot::Accepted(_)) => self.done.push("remove it".to_owned()),
                Some(Slot::Word(_)) => self.done.push("remove the word".to_owned()),
                None => {}
            },
            Step::Run(_) => self.done.push("run it".to_owned()),
            Step::Cancel { .. } => self.done.push("stop the run".to_owned()),
            Step::Tell(told) => self.done.extend(tells(&told)),
            Step::Post(text) => self.done.extend(posts(&text)),
            Step::NeedAuth => self.done.push("ask for a login".to_owned()),
            Step::Fault(_) | Step::Seen(_) | Step::Tried(_) => {}
        }
    }

    fn mutate(&mut self, call: u64, rest: &str) {
        let text = format!(r#"{{"id":{call},"vars":{{"a":1}}{rest}}}"#);
        let draft = Draft::parse(json::parse(&text).unwrap()).unwrap();
        let stamp = Hlc::new(ME).stamp(self.at());
        self.queue.mutate(self.at(), draft, stamp);
        self.settle();
    }

    /// The storage answers what it was asked first.
    fn answer(&mut self, result: Result<(), StoreFault>) {
        if !self.writes.is_empty() {
            let (op, key) = self.writes.remove(0);
            let slot = Slot::parse("s", &key);
            if let Some(Slot::Accepted(id)) = slot {
                self.id.get_or_insert(id);
            }
            self.queue.stored(self.at(), op, result);
        }
        self.settle();
    }

    fn ran(&mut self, attempt: u32, outcome: Outcome) {
        let (now, id) = (self.at(), self.id.unwrap_or(NOBODY));
        self.queue.done(now, &mut self.rng, id, attempt, outcome);
        self.settle();
    }

    fn failed(&mut self, class: Class) {
        self.ran(1, Outcome::Failed(Failure::of(class)));
    }

    fn ask(&mut self, rest: &str) {
        let id = self.id.unwrap_or(NOBODY).text();
        let text = format!(r#"{{"mutation":"{id}",{rest}}}"#);
        self.queue.ask(self.at(), 9, &text);
        self.settle();
    }

    /// A function of another tab.
    fn other_tab(&mut self) {
        let handler = (Rc::from("there"), Handler::default());
        let talk = Talk::Handlers(vec![handler]).write();
        let raw = json::parse(&talk).unwrap();
        let now = self.at();
        assert!(self.queue.heard(now, &mut self.rng, OTHER, raw));
        self.settle();
    }
}

const NOBODY: MutationId = MutationId { order: 1, tab: ME };

fn tells(told: &Told) -> Option<String> {
    let words = match told {
        Told::Accepted { durable: true, .. } => "tell: accepted",
        Told::Accepted { durable: false, .. } => "tell: accepted, not stored",
        Told::Refused { .. } => "tell: refused",
        Told::Settled { end, .. } => match end {
            End::Applied { .. } => "tell: applied",
            End::Resolved { how } => match how {
                How::Superseded => "tell: superseded",
                How::Server => "tell: theirs is kept",
                How::Discarded => "tell: given up",
            },
            End::Dead { .. } => "tell: dead",
        },
        Told::Conflict { .. } => "tell: conflict",
        Told::Detached { .. } => "tell: detached",
        Told::Answer { answer: Ok(_), .. } => "answer: yes",
        Told::Answer { answer: Err(_), .. } => "answer: no",
    };
    Some(words.to_owned())
}

fn posts(text: &str) -> Option<String> {
    let raw = json::parse(text).unwrap();
    let words = match Talk::read(ME, raw)? {
        Talk::Lead(_, Lead::Run { .. }) => "let the tab run it",
        Talk::Lead(_, Lead::Cancel { .. }) => "let the tab stop the run",
        Talk::Flying(_) => "say that it is on its way",
        Talk::Queued { .. } => "hand it over",
        // What the other tabs are told follows from what the app is told.
        Talk::Lead(
            _,
            Lead::Took(_)
            | Lead::Ended(_)
            | Lead::Conflict(..)
            | Lead::Totals(..)
            | Lead::Calm(..)
            | Lead::Answer { .. },
        )
        | Talk::Handlers(_)
        | Talk::Ran { .. }
        | Talk::Ask { .. } => return None,
    };
    Some(words.to_owned())
}

/// How the mutation stands for the tab that leads; nothing for one that does not.
fn is(rig: &Rig) -> Option<Is> {
    let Role::Leads(sender) = &rig.queue.role else {
        return None;
    };
    let Some(id) = rig.id else {
        return Some(Is::Storing);
    };
    if let Some((_, letter)) = sender.letters.get(&id) {
        return Some(match letter.why {
            Why::Rejected | Why::Exhausted => Is::Dead,
            Why::Conflict => Is::Conflict,
        });
    }
    let Some(item) = sender.items.get(&id) else {
        return Some(Is::Over);
    };
    Some(match item.stage {
        Stage::Waiting if item.attempts > 0 => Is::BackOff,
        Stage::Waiting if sender.lanes.next_wakeup().is_some() => Is::Pausing,
        Stage::Waiting => Is::Waiting,
        Stage::Running { by: By::Here, .. } => Is::Running,
        Stage::Running {
            by: By::Tab(_) | By::Elsewhere,
            ..
        } => Is::RunningThere,
        Stage::Noting => Is::Noting,
        Stage::Parked => Is::Parked,
    })
}

fn rig(state: Is) -> Rig {
    let mut rig = Rig::new();
    match state {
        Is::Storing => rig.mutate(1, r#","name":"move","coalesce":"w""#),
        Is::Waiting => {
            // Nothing may be sent.
            rig.queue.online(rig.at(), false, true);
            rig.mutate(1, r#","name":"move","coalesce":"w""#);
            rig.answer(Ok(()));
        }
        Is::Pausing => {
            rig.mutate(1, r#","name":"move","coalesce":"w","kind":"text""#);
            rig.answer(Ok(()));
        }
        Is::RunningThere => {
            rig.other_tab();
            rig.mutate(1, r#","name":"there","coalesce":"w""#);
            rig.answer(Ok(()));
        }
        Is::Parked => {
            rig.mutate(1, r#","name":"nowhere","coalesce":"w""#);
            rig.answer(Ok(()));
        }
        Is::Running | Is::BackOff | Is::Noting | Is::Dead | Is::Conflict | Is::Over => {
            rig.mutate(1, r#","name":"move","coalesce":"w""#);
            rig.answer(Ok(()));
        }
    }
    match state {
        Is::Storing | Is::Waiting | Is::Pausing | Is::RunningThere | Is::Parked | Is::Running => {}
        Is::BackOff => rig.failed(Class::Busy),
        Is::Noting => rig.failed(Class::Conflict),
        Is::Conflict => {
            rig.failed(Class::Conflict);
            rig.answer(Ok(()));
        }
        Is::Dead => {
            rig.failed(Class::Rejected);
            rig.answer(Ok(()));
        }
        Is::Over => {
            let result = "1".into();
            rig.ran(1, Outcome::Applied { result });
        }
    }
    rig.done.clear();
    assert_eq!(is(&rig), Some(state));
    rig
}

fn happen(input: Happens, rig: &mut Rig) {
    let now = rig.at();
    let applied = || Outcome::Applied { result: "1".into() };
    match input {
        Happens::Stored => rig.answer(Ok(())),
        Happens::Quota => rig.answer(Err(StoreFault::Quota)),
        Happens::Blocked => rig.answer(Err(StoreFault::Blocked)),
        Happens::Cleared => rig.queue.changed(now, None, None),
        Happens::Applied => rig.ran(1, applied()),
        Happens::Network => rig.failed(Class::Network),
        Happens::SlowDown => rig.failed(Class::SlowDown),
        Happens::Auth => rig.failed(Class::Auth),
        Happens::Busy => rig.failed(Class::Busy),
        Happens::Timeout => rig.failed(Class::Timeout),
        Happens::Rejected => rig.failed(Class::Rejected),
        Happens::Conflicted => rig.failed(Class::Conflict),
        Happens::Unclear => rig.failed(Class::Unclear),
        Happens::Missing => rig.failed(Class::Missing),
        Happens::OldRun => rig.ran(0, Outcome::Failed(Failure::of(Class::Rejected))),
        Happens::OldApplied => rig.ran(0, applied()),
        Happens::Minute => rig.now += MUTATION_TIMEOUT.0,
        Happens::Newer => {
            let name = rig
                .id
                .and_then(|id| name_of(rig, id))
                .unwrap_or("move".into());
            rig.mutate(2, &format!(r#","name":"{name}","coalesce":"w""#));
            // It counts when it is accepted, and not before the one that it replaces.
            if rig.writes.len() == 1 {
                rig.answer(Ok(()));
            }
            let about = ["store it", "tell: accepted", "run it", "let the tab run it"];
            rig.done.retain(|done| !about.contains(&done.as_str()));
        }
        Happens::Handle => {
            for name in ["move", "nowhere"] {
                let handler = Some(Handler::default());
                rig.queue.handle(now, &name.into(), handler);
            }
        }
        Happens::Unhandle => rig.queue.handle(now, &"move".into(), None),
        Happens::TabGone => rig.queue.tab_gone(now, OTHER),
        Happens::Retry => rig.ask(r#""op":"retry""#),
        Happens::Edit => rig.ask(r#""op":"edit","vars":2"#),
        Happens::Discard => rig.ask(r#""op":"discard""#),
        Happens::Mine => rig.ask(r#""op":"resolve","take":"client""#),
        Happens::Theirs => rig.ask(r#""op":"resolve","take":"server""#),
        Happens::Online => {
            rig.queue.online(now, false, true);
            rig.queue.online(now, true, true);
        }
        Happens::Login => rig.queue.authorized(now, &mut rig.rng),
        Happens::Follow => {
            let term = Term {
                number: 8,
                tab: OTHER,
            };
            rig.queue.follow_leader(now, term);
        }
        Happens::Away => rig.queue.away(now, false),
        Happens::OtherUser => rig.queue.fence("t".into()),
    }
    rig.settle();
}

fn name_of(rig: &Rig, id: MutationId) -> Option<Rc<str>> {
    let Role::Leads(sender) = &rig.queue.role else {
        return None;
    };
    let item = sender.items.get(&id)?;
    Some(Rc::clone(&item.mutation.name))
}

#[test]
fn the_states_of_a_mutation_are_as_written() {
    Page::new(
        "mutation.md",
        "A mutation",
        "From the moment in which it is made to its end, as the tab sees it that made it and leads: \
         [`queue/`](../../src/engine/queue/mod.rs). \"In its lane\" is shown while the browser is offline, \
         or it would be on its way. What is being noted met a conflict that is the user's to decide.",
    )
    .table("What follows, and what is done:", |state: Is, input: Happens| {
        let mut rig = rig(state);
        let before = (state, None);
        happen(input, &mut rig);
        // Who does not lead keeps what is its own, and leaves the rest to who does.
        let after = (is(&rig).unwrap_or(state), None);
        cell(before, after, std::mem::take(&mut rig.done))
    })
    .check(include_str!("../../../docs/states/mutation.md"));
}
