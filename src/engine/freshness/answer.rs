//! What the answer to a probe means for its contract, and what follows from it for all tabs.

use super::ledger::{Blame, Entry, Probe, Trouble, Why, slower};
use super::probe::{Tag, Tagged, Verdict, judge};
use super::word::Found;
use super::{Freshness, ProbeId, Step};
use crate::engine::http::{Failure, Reply};
use crate::engine::limits::{MIN_INTERVAL, PROBE_BACKOFF_MAX};
use crate::engine::rng::Rng;
use crate::engine::time::{Millis, Now};

/// Why nothing is asked for a while, for reading by people.
const CALM: &str = "the server wants calm, or failed";

impl Freshness {
    /// The answer to a probe came, or will not come.
    pub fn answered(
        &mut self,
        now: Now,
        id: ProbeId,
        result: Result<Reply<'_>, Failure>,
        rng: &mut Rng,
    ) {
        let at = id.contract;
        let Some(entry) = self.entries.get_mut(at) else {
            return;
        };
        let Probe::Asking {
            number,
            started,
            tag,
            plain,
        } = entry.probe.clone()
        else {
            return;
        };
        // An older question's answer says nothing that a newer one does not say better.
        if number != id.number {
            return;
        }
        self.touched = true;
        self.revision += 1;
        let condition = tag.as_ref().map(|tagged| &tagged.tag);
        let sent = matches!(condition, Some(Tag::Etag(_))) && !plain;
        // Without a condition of ours "not modified" compares with nothing.
        let known = match result {
            Ok(reply) if reply.status == 304 && !sent => None,
            _ => condition,
        };
        let verdict = judge(result, known, now.wall);
        let said = matches!(
            verdict,
            Verdict::Unchanged | Verdict::Changed(_) | Verdict::Gone
        );
        if said {
            entry.failures = 0;
            entry.after_token = false;
            entry.went_well();
            entry.answer_took = slower(entry.answer_took, now.mono.since(started));
            // What happened since the question was asked may be in the answer, or not. A change is one
            // all the same unless it is being fetched: the event may have told of another one, which
            // was known.
            let happened = entry.event.is_some_and(|event| event >= started);
            let news = matches!(verdict, Verdict::Changed(_));
            if happened && !(news && entry.unfetched_since(started)) {
                entry.probe = Probe::Ready(tag);
                return;
            }
        }
        if matches!(verdict, Verdict::Changed(_) | Verdict::Gone) {
            // What broke until now broke because this took so long.
            self.compare_clocks(now);
            self.check_window(now, at);
        }
        let Some(entry) = self.entries.get_mut(at) else {
            return;
        };
        match verdict {
            Verdict::Unchanged => {
                let since = tag.as_ref().map_or(now.mono, |tagged| tagged.since);
                entry.probe = Probe::Ready(tag);
                let since = now.wall_before(since);
                self.announce(now, at, Found::Unchanged { since }, started, Why::Poll, rng);
            }
            Verdict::Changed(tag) => {
                let since = now.mono;
                entry.probe = Probe::Ready(Some(Tagged { tag, since }));
                self.announce(now, at, Found::Changed, started, Why::Poll, rng);
            }
            Verdict::Gone => {
                self.give_up_probe(now, at, Probe::Gone, "what was probed is gone for good");
                self.announce(now, at, Found::Changed, started, Why::Poll, rng);
            }
            Verdict::Pointless if plain => {
                self.try_later(now, at, None, "the probe makes no sense", rng);
            }
            // Another contract heard meanwhile that the server wants calm: from all of them.
            Verdict::Pointless if entry.barred > now.mono => {
                self.try_later(now, at, None, CALM, rng);
            }
            // Who needed it does not any more, and whoever does next looks then.
            Verdict::Pointless if entry.wanted.is_none() => {
                entry.probe = Probe::Ready(None);
                entry.urgent.get_or_insert(Why::Poll);
            }
            Verdict::Pointless => {
                entry.asked = Some(now.mono);
                entry.look_took = now.mono.since(started);
                self.ask_server(now, at, None, true);
            }
            Verdict::Login if entry.after_token => {
                self.give_up_probe(
                    now,
                    at,
                    Probe::Refused,
                    "the probe is refused with a new token too",
                );
            }
            Verdict::Login => {
                self.give_up_probe(now, at, Probe::Login, "the probe needs a login");
                self.steps.push_back(Step::Login);
            }
            Verdict::Forbidden => {
                self.give_up_probe(now, at, Probe::Refused, "the probe is forbidden");
            }
            Verdict::Later(wait) => {
                self.try_later(now, at, wait, CALM, rng);
            }
            Verdict::Unreachable => {
                self.try_later(now, at, None, "the probe was not answered", rng);
                let online = self.page.online;
                if let Some(Entry {
                    trouble: Some(trouble),
                    ..
                }) = self.entries.get_mut(at)
                    && !online
                {
                    trouble.blame = Blame::Offline;
                }
            }
            Verdict::Useless => {
                entry.probe = Probe::None;
                self.announce(now, at, Found::Due, now.mono, Why::Poll, rng);
            }
        }
    }

    fn give_up_probe(&mut self, now: Now, at: usize, probe: Probe, reason: &'static str) {
        if let Some(entry) = self.entries.get_mut(at) {
            entry.probe = probe;
            entry.trouble = Some(Trouble {
                at: now.mono,
                blame: Blame::ServerError,
                reason,
            });
        }
    }

    /// A probe failed, and is tried again: not before the server wants it, nor at one moment with
    /// everybody else.
    fn try_later(
        &mut self,
        now: Now,
        at: usize,
        wait: Option<Millis>,
        reason: &'static str,
        rng: &mut Rng,
    ) {
        // What broke until now did not break by this.
        self.compare_clocks(now);
        self.check_window(now, at);
        let Some(entry) = self.entries.get_mut(at) else {
            return;
        };
        let tag = match &mut entry.probe {
            Probe::Asking { tag, .. } => tag.take(),
            Probe::None | Probe::Ready(_) | Probe::Login | Probe::Refused | Probe::Gone => None,
        };
        entry.probe = Probe::Ready(tag);
        entry.urgent.get_or_insert(Why::Poll);
        entry.trouble = Some(Trouble {
            at: now.mono,
            blame: Blame::ServerError,
            reason,
        });
        let most = MIN_INTERVAL.0 << entry.failures.min(7);
        let backoff = rng.jitter(Millis(most).min(PROBE_BACKOFF_MAX));
        entry.failures = entry.failures.saturating_add(1);
        let Some(wait) = wait else {
            // What the server wants holds for longer.
            entry.hold = entry.barred.max(now.mono + backoff);
            return;
        };
        let wait = wait.max(backoff);
        let wait = Millis(wait.0.saturating_add(rng.jitter(Millis(wait.0 / 10)).0));
        self.announce(now, at, Found::Calm { wait }, now.mono, Why::Poll, rng);
    }
}
