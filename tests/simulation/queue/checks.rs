//! What is checked about mutations: G6, G7 and G8. What took effect and what was told is checked
//! by the ledger when it happens; here is what must hold at moments.

use crate::promises::Promise;
use crate::queue::ledger::{Ended, Entry, Fate};
use crate::queue::people::Question;
use crate::queue::plan::{STRICT, YIELD};
use crate::queue::server::Verdict;
use crate::sometimes::Rare;
use crate::story::tell;
use crate::tab::Life;
use crate::world::World;

impl World {
    /// A while after the last fault, before anybody decides anything: what waits, waits for a
    /// person. Other lanes are not held up.
    pub(crate) fn check_lanes_free(&mut self) {
        tell!(self, "=== do only those lanes wait that have to?");
        for browser in 0..self.browsers.len() {
            if self.browsers[browser].locks.is_none() {
                continue;
            }
            let list = &self.queue.ledger.list;
            let stopped = |lane: usize| {
                list.iter().any(|entry| {
                    entry.browser == browser
                        && entry.spec.lane == lane
                        && entry.spec.name == STRICT
                        && (entry.letter || entry.verdict.is_some_and(|v| v != Verdict::Applied))
                })
            };
            let pending: Vec<usize> = (self.queue.ledger.pending(browser))
                .filter(|at| !list[*at].excused && !self.is_silently_through(*at))
                .collect();
            // Also one that may be lost, because its record was harmed: it may be there as well.
            let there = |entry: &&Entry| {
                entry.browser == browser
                    && entry.fate != Fate::Refused
                    && entry.effects.is_empty()
                    && entry.end.is_none()
            };
            let barrier = list.iter().filter(there).any(|entry| entry.spec.barrier);
            let held = (list.iter().filter(there))
                .any(|entry| (entry.spec.barrier || !entry.excused) && stopped(entry.spec.lane));
            if held {
                self.sometimes.reached(Rare::LaneHeldByConflict);
            }
            let idle = pending
                .iter()
                .filter(|_| !(barrier && held))
                .find(|at| !stopped(list[**at].spec.lane));
            if let Some(serial) = idle {
                let how = format!("mutation {serial} is not sent although nothing holds it up");
                self.fail(Promise::G8, how);
            }
        }
    }

    /// Was it given up or replaced without anybody being there who could have been told?
    fn is_silently_through(&self, serial: usize) -> bool {
        let entry = &self.queue.ledger.list[serial];
        let unheard = self.tabs[entry.tab].life == Life::Gone;
        // What was in memory only went with it.
        let in_memory = matches!(entry.fate, Fate::Accepted { durable: false, .. });
        if unheard && in_memory {
            return true;
        }
        let kept = entry.spec.name == YIELD
            && matches!(entry.verdict, Some(Verdict::Conflict | Verdict::Clash));
        entry.unwanted || unheard && (kept || self.queue.ledger.was_replaced(serial))
    }

    /// Everything is through, or on the lists for the user.
    pub(crate) fn check_queue(&mut self, when: &str) {
        tell!(self, "=== is every mutation through {when}?");
        for browser in 0..self.browsers.len() {
            let alone = self.browsers[browser].locks.is_none();
            let listed = self.listed(browser, &["dead", "conflicts", "aside"]);
            let waiting = match alone {
                true => self.listed(browser, &["queue"]),
                false => Vec::new(),
            };
            for serial in 0..self.queue.ledger.list.len() {
                if self.queue.ledger.list[serial].browser == browser {
                    self.check_through(serial, &listed, &waiting, alone, when);
                }
            }
            if !alone {
                self.check_empty(browser, when);
            }
        }
    }

    /// What the tabs of a browser list, as ids.
    pub(crate) fn listed(&mut self, browser: usize, lists: &[&str]) -> Vec<String> {
        let mut out = Vec::new();
        let running: Vec<usize> = (0..self.tabs.len())
            .filter(|tab| self.tabs[*tab].seat.browser == browser && self.runs(*tab))
            .filter(|tab| self.tabs[*tab].app.role() != "follower")
            .collect();
        for tab in running {
            self.queue.authors[tab].listed.clear();
            for of in lists {
                let text = format!(r#""op":"list","of":"{of}""#);
                self.question(tab, &text, Question::List);
            }
            let listed = &self.queue.authors[tab].listed;
            out.extend(listed.iter().map(|id| id.text()));
        }
        out
    }

    fn check_through(
        &mut self,
        serial: usize,
        listed: &[String],
        waiting: &[String],
        alone: bool,
        when: &str,
    ) {
        let entry = &self.queue.ledger.list[serial];
        let Fate::Accepted { durable, .. } = entry.fate else {
            return;
        };
        let gone = self.tabs[entry.tab].life == Life::Gone;
        // What the storage did not take lives in memory: until it is sent, in that of its author,
        // who is told of its end; as a letter, in that of the tab that led.
        if entry.excused || (!durable && (gone || entry.letter)) {
            return;
        }
        let is_on = |list: &[String]| entry.id.is_some_and(|id| list.contains(&id.text()));
        let is_listed = is_on(listed);
        let through = !entry.effects.is_empty()
            || entry.end.is_some()
            || is_listed
            || self.is_silently_through(serial)
            // Where every tab is for itself, its lane may wait for a person who looked elsewhere: in the
            // storage, or in the memory of its tab.
            || (alone && (self.is_stored(serial) || is_on(waiting) || entry.harmed));
        if !through {
            let how = format!("mutation {serial} {when}: neither done nor given up nor listed");
            return self.fail(Promise::G8, how);
        }
        let awaits = !gone && !entry.told && !is_listed && !alone;
        if awaits && !entry.harmed {
            let how = format!(
                "mutation {serial} {when}: it is through ({:?}, {:?}) and its call was never told",
                entry.effects, entry.end
            );
            return self.fail(Promise::G8, how);
        }
        // What is done is not on the list of what failed. If all who knew are gone or were away meanwhile, it was
        // sent again, to a server that may not have answered.
        let mut witnesses = entry.witnesses.iter();
        let known = witnesses.any(|(tab, at)| {
            let tab = &self.tabs[*tab];
            tab.life != Life::Gone && tab.steady_since <= *at
        });
        let applied = known && entry.end == Some(Ended::Applied);
        let wrong = is_listed && applied && !entry.harmed && !alone;
        if wrong && !entry.asked {
            let how = format!("mutation {serial} {when}: it is applied and listed as failed");
            self.fail(Promise::G8, how);
        }
    }

    /// Nothing waits, and nothing is left behind in the storage.
    fn check_empty(&mut self, browser: usize, when: &str) {
        let Some(tab) = self.someone(browser) else {
            return;
        };
        let now = self.browsers[browser].clocks(self.now, self.tabs[tab].origin);
        let snapshot = self.tabs[tab].engine.snapshot(now);
        let totals = snapshot
            .split_once("\"queue\":")
            .map_or("", |(_, rest)| rest);
        let waits = !totals.starts_with(r#"{"state":"idle","count":0,"#);
        if waits {
            let totals: String = totals.chars().take(200).collect();
            let how = format!(
                "{} {when}: the queue is not empty: {totals}",
                self.name(tab)
            );
            self.fail(Promise::G8, how);
        }
    }
}
