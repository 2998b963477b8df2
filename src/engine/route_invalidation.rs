//! What the invalidation part and the other parts say to each other.

use std::rc::Rc;

use super::Engine;
use super::ids::TabId;
use super::invalidation::{Happening, Outcome, Report, Reported, TooManyFamilies};
use super::key::QueryKey;
use super::notice::{Cause, FaultCode, Notice};
use super::tabs::message::Says;
use super::time::{Now, Until};
use crate::wire::Event;

impl Engine {
    /// An event makes queries stale.
    pub(super) fn mark(&mut self, now: Now, event: &Event<'_>) {
        let ours = event
            .by
            .as_deref()
            .is_some_and(|by| TabId::parse(by) == Some(self.tabs.me()));
        let happening = Happening {
            name: &event.name,
            channel: &event.channel,
            data: &event.data,
            ours,
        };
        match self.invalidation.event(now.mono, &happening) {
            Outcome::Unrouted => {}
            Outcome::Marked => self.metrics.due(now.mono),
            Outcome::Repeat => self.metrics.repeats += 1,
            Outcome::Echo => self.metrics.echoes += 1,
        }
    }

    /// Queries became stale for a reason that is no event.
    pub(super) fn invalidate(&mut self, now: Now, keys: &[QueryKey], cause: Cause) {
        let marked = self.invalidation.invalidate(now.mono, keys, cause);
        self.fit(marked);
    }

    /// A mutation of this tab was answered.
    pub(super) fn on_applied(
        &mut self,
        now: Now,
        mutation: &str,
        keys: Vec<QueryKey>,
        stale: &[QueryKey],
    ) {
        let marked = self.invalidation.applied(now.mono, mutation, keys, stale);
        self.fit(marked);
    }

    fn fit(&mut self, marked: Result<(), TooManyFamilies>) {
        if marked.is_err() {
            self.fault(FaultCode::Limit, "too many families of query keys");
        }
    }

    /// The adapter says what happens to a key.
    pub(super) fn on_report(&mut self, now: Now, report: &Report) {
        self.note_report(now, report);
        match self.invalidation.report(now, report, &mut self.rng) {
            Reported::Noted | Reported::Fetched => {}
            Reported::Calm { host, until } => {
                self.freshness.calm(until);
                let until = now.until(until);
                let host = host.as_ref().to_owned();
                self.post(Says::Calm { host, until });
            }
            Reported::Refused => self.fault(FaultCode::Limit, "more query keys than can be kept"),
        }
    }

    /// Another tab heard that a host wants to be left alone.
    pub(super) fn on_calm(&mut self, now: Now, host: &str, until: Until) {
        let until = now.heard(until);
        self.freshness.calm(until);
        self.invalidation.calm(now.mono, host, until);
    }

    /// Tells the app what is stale and what to refetch. True if there was anything.
    pub(super) fn tell_stale(&mut self, now: Now) -> bool {
        // What this page itself changed is to be with the server first.
        if self.queue.holds() {
            return false;
        }
        let told = self.invalidation.flush(now.mono, &mut self.rng);
        let any = !told.stale.is_empty() || !told.refetch.is_empty();
        if !told.unseen.is_empty() {
            self.tell(Notice::Stale { keys: told.unseen });
        }
        for stale in told.stale {
            self.metrics.invalidations += stale.keys.len() as u64;
            self.note_told(now, &stale.keys, &stale.cause);
            self.tell(Notice::Invalidate {
                keys: stale.keys,
                cause: Rc::unwrap_or_clone(stale.cause),
                handled: stale.handled,
            });
        }
        if !told.lost.is_empty() {
            self.tell(Notice::Lost { keys: told.lost });
        }
        for stale in told.refetch {
            self.metrics.refetches += stale.keys.len() as u64;
            self.note_told(now, &stale.keys, &stale.cause);
            self.tell(Notice::Refetch {
                keys: stale.keys,
                cause: Rc::unwrap_or_clone(stale.cause),
            });
        }
        any
    }
}
