//! What the queue and the other parts say to each other.

use std::rc::Rc;

use super::Engine;
use super::ids::TabId;
use super::metrics;
use super::notice::{FaultCode, Notice};
use super::output::Output;
use super::queue::{Draft, Handler, MutationId, Outcome, Queue, Step, Tried};
use super::store::{StoreFault, StoreOp};
use super::tabs::Role;
use super::tabs::message::Says;
use super::time::Now;
use crate::wire::json;

impl Engine {
    /// The app wants something to be done.
    pub(super) fn on_mutate(&mut self, now: Now, draft: Draft) {
        let stamp = match &draft.over {
            Some(seen) => self.hlc.stamp_over(now, seen),
            None => self.hlc.stamp(now),
        };
        self.queue.mutate(now, draft, stamp);
    }

    /// The page has a function for mutations of a name, or has it no more.
    pub(super) fn on_handler(&mut self, now: Now, name: &Rc<str>, handler: Option<Handler>) {
        self.queue.handle(now, name, handler);
    }

    /// A run of the app's function ended.
    pub(super) fn on_mutation_done(
        &mut self,
        now: Now,
        id: MutationId,
        attempt: u32,
        outcome: Outcome,
    ) {
        self.queue.done(now, &mut self.rng, id, attempt, outcome);
    }

    /// The storage took a value, or did not.
    pub(super) fn on_stored(&mut self, now: Now, op: StoreOp, result: Result<(), StoreFault>) {
        self.queue.stored(now, op, result);
    }

    /// The storage listed keys.
    pub(super) fn on_listed(
        &mut self,
        now: Now,
        op: StoreOp,
        result: Result<&[String], StoreFault>,
    ) {
        self.queue.listed(now, op, result);
    }

    /// Another tab said something about the queue.
    pub(super) fn on_queue_talk(&mut self, now: Now, from: TabId, text: &str) {
        let Ok(raw) = json::parse(text) else { return };
        if let Some(term) = Queue::claims(from, raw) {
            // What a leader says that is not ours, or not yet, is said again when it is.
            if !self.hears(now, term) || !self.tabs.follows(term) {
                self.queue.heard_of_others(now, from, raw);
                return;
            }
        }
        if !self.queue.heard(now, &mut self.rng, from, raw) {
            let what = "a message of another tab about mutations is not ours";
            self.fault(FaultCode::BadTabMessage, what);
        }
    }

    /// This tab leads now, or is for itself.
    pub(super) fn queue_leads(&mut self, now: Now) {
        let term = match self.tabs.role() {
            Role::Leading(term) => Some(term),
            Role::Alone(_) | Role::Following | Role::Away => None,
        };
        self.queue.lead(now, term);
    }

    /// Does what the queue wants done.
    pub(super) fn queue_steps(&mut self, now: Now) {
        while let Some(step) = self.queue.poll() {
            let output = match step {
                Step::Write { op, key, value } => Output::StoreWrite { op, key, value },
                Step::Remove { key } => Output::StoreRemove { key },
                Step::List { op, prefix } => Output::StoreList { op, prefix },
                Step::Read { op, keys } => Output::StoreRead { op, keys },
                Step::Run(run) => Output::RunMutation(run),
                Step::Cancel { id, attempt } => Output::CancelMutation { id, attempt },
                Step::Tell(told) => Output::Tell(Notice::Mutation(told)),
                Step::Post(text) => {
                    self.post(Says::Queue(text.into()));
                    continue;
                }
                Step::Fault(what) => {
                    self.fault(FaultCode::BadRecord, what);
                    continue;
                }
                Step::Seen(stamp) => {
                    // One that is too far ahead does not move our clock: that is the point.
                    let _ = self.hlc.observe(now, &stamp);
                    continue;
                }
                Step::NeedAuth => {
                    // Without a function to ask, somebody has to log in first.
                    self.want_token(now);
                    continue;
                }
                Step::Tried(tried) => {
                    let outcome = match tried {
                        Tried::Done => metrics::Outcome::Done,
                        Tried::Failed => metrics::Outcome::Failed,
                        Tried::Conflict => metrics::Outcome::Conflict,
                    };
                    self.metrics.mutated(now, outcome);
                    continue;
                }
            };
            self.out.push_back(output);
        }
    }
}
