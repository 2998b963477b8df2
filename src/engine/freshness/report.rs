//! What becomes of a key's age when something happens to it.

use super::Fact;
use super::ledger::{Blame, Entry, Known, Source, Trouble};
use crate::engine::key::QueryKey;
use crate::engine::time::Mono;

impl Entry {
    pub(super) fn report(&mut self, now: Mono, key: &QueryKey, fact: Fact, online: bool) {
        if fact == Fact::Removed {
            self.keys.retain(|have| have.key != *key);
            return;
        }
        let Some(record) = self.key(key) else { return };
        match fact {
            Fact::Removed => {}
            Fact::Observed(active) => {
                let begins = active && !record.active && record.fetched.is_some();
                record.active = active;
                if begins {
                    // Old data comes on the screen: it has to be fetched, not reported.
                    self.obliged = self.obliged.map(|_| now);
                    self.covered = None;
                }
            }
            // Whatever is known already is known better.
            Fact::Found(age) => {
                if record.fetched.is_none() {
                    let known = Known { at: now, age };
                    (record.fetched, record.known) = (Some(known), Some(known));
                }
            }
            Fact::Started => record.started = Some(now),
            Fact::Running(span) => record.started = Some(Mono(now.0.saturating_sub(span.0))),
            Fact::Cancelled => record.started = None,
            Fact::Fetched => {
                // What the app put into the cache by itself proves nothing.
                let Some(started) = record.started.take() else {
                    return;
                };
                let fresh = Known::fresh(started);
                let before = record.fetched.replace(fresh).map(|known| known.at);
                record.known = Some(fresh);
                let since = |moment: Option<Mono>| moment.is_some() && moment >= before;
                self.source = Some(match () {
                    () if since(self.event) => Source::Push,
                    () if since(self.asked) => Source::Poll,
                    () => Source::Fetch,
                });
                self.stored = None;
                self.trouble = None;
                self.learn(now.since(started));
            }
            Fact::Failed { answered } => {
                record.started = None;
                let (blame, reason) = match (answered, online) {
                    (false, false) => (Blame::Offline, "there is no network"),
                    _ => (Blame::ServerError, "the fetch failed"),
                };
                self.trouble = Some(Trouble {
                    at: now,
                    blame,
                    reason,
                });
            }
        }
    }
}
