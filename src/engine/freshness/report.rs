//! What becomes of a key's age when something happens to it.

use super::Fact;
use super::ledger::{Age, Blame, Entry, KeyAge, Known, NO_NETWORK, Source, Trouble};
use crate::engine::key::QueryKey;
use crate::engine::time::{Millis, Mono};

impl Entry {
    pub(super) fn report(&mut self, now: Mono, key: &QueryKey, fact: Fact, online: bool) {
        if fact == Fact::Removed {
            self.keys.retain(|have| have.key != *key);
            return;
        }
        let vouched = self.vouched;
        let Some(record) = self.key(key) else { return };
        match fact {
            Fact::Removed => {}
            Fact::Observed(active) => {
                let begins = active && !record.active;
                let old = record.fetched.is_some();
                record.active = active;
                record.seen.get_or_insert(now);
                if begins {
                    // Old data may come on the screen: it has to be fetched, not reported.
                    self.obliged = self.obliged.map(|_| now);
                }
                if begins && old {
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
            Fact::Started => record.begins(now, now),
            Fact::Running(span) => record.begins(now, Mono(now.0.saturating_sub(span.0))),
            Fact::Cancelled => {
                // What nobody looks at any more is no window's business.
                if record.started.take().is_none() || !record.active {
                    return;
                }
                // It is not fetched again for a while, and what comes of other keys is no remedy.
                record.failed = true;
                let (blame, reason) = match online {
                    true => (Blame::SlowFetch, "the fetch was cancelled"),
                    false => (Blame::Offline, NO_NETWORK),
                };
                self.trouble = Some(Trouble {
                    at: now,
                    blame,
                    reason,
                });
            }
            Fact::Fetched => {
                // What the app put into the cache by itself proves nothing.
                let Some(started) = record.started.take() else {
                    return;
                };
                let fresh = Known::fresh(started);
                let before = record.fetched.replace(fresh).map(|known| known.at);
                // What was under way for long may be known to be younger than its beginning.
                let vouched = vouched.filter(|(from, to)| *from <= started && started < *to);
                record.failed = false;
                record.arrived = Some(now);
                record.known = Some(vouched.map_or(fresh, |(_, to)| Known::fresh(to)));
                let since = |moment: Option<Mono>| moment.is_some() && moment >= before;
                self.source = Some(match () {
                    () if since(self.event) => Source::Push,
                    () if since(self.asked) => Source::Poll,
                    () => Source::Fetch,
                });
                if !self.any_restored() {
                    self.stored = Age::Nothing;
                }
                self.went_well();
                self.arrived = Some(now);
                self.learn(now.since(started));
            }
            Fact::Failed { answered } => {
                (record.started, record.failed) = (None, true);
                let (blame, reason) = match (answered, online) {
                    (false, false) => (Blame::Offline, NO_NETWORK),
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

    /// Nothing changed for `vouched`, as of `age` ago: what was fetched since then is that young.
    /// True if some data was fetched before, so that nothing can be said of it.
    pub(super) fn vouch(&mut self, now: Mono, vouched: Millis, age: Millis) -> bool {
        let mut unproven = false;
        let ago = |span: Millis| Mono(now.0.saturating_sub(span.0));
        let since = ago(age);
        if self.vouched.is_none_or(|(_, before)| before <= since) {
            self.vouched = Some((ago(vouched), since));
        }
        for key in &mut self.keys {
            let Some(fetched) = key.fetched else { continue };
            if fetched.age(now) > vouched {
                unproven |= key.active;
                continue;
            }
            let young = Known { at: now, age };
            if key.known.is_none_or(|known| known.age(now) > age) {
                key.known = Some(young);
                key.arrived = Some(now);
                self.source = Some(Source::Probe);
            }
        }
        unproven | self.vouch_for_restored(now, vouched, age)
    }

    /// The same, of what was there before the page was loaded anew.
    fn vouch_for_restored(&mut self, now: Mono, vouched: Millis, age: Millis) -> bool {
        if !self.any_restored() {
            return false;
        }
        match self.stored {
            Age::Nothing => false,
            Age::Unknown => true,
            Age::Known(stored) if stored.age(now) > vouched => true,
            Age::Known(stored) => {
                if stored.age(now) > age {
                    self.stored = Age::Known(Known { at: now, age });
                    self.source = Some(Source::Probe);
                }
                false
            }
        }
    }
}

impl KeyAge {
    fn begins(&mut self, now: Mono, started: Mono) {
        self.started = Some(started);
        if self.fetched.is_none() && self.seen.is_none_or(|seen| seen == now) {
            self.empty = true;
        }
    }
}
