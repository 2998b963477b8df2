//! What `src/browser/storage.rs` and the package do, in a world: the storage answers, and the app
//! is told.

use std::collections::VecDeque;

use everfresh::engine::input::PageEvent;
use everfresh::engine::limits::DRAIN_HOLD;
use everfresh::engine::notice::Notice;
use everfresh::engine::output::Output;
use everfresh::engine::queue::{End, How, Refusal, Told};
use everfresh::engine::store::StoreFault;

use crate::agenda::{MIN, MS, S, Time};
use crate::promises::Promise;
use crate::queue::author::{Link, Running};
use crate::queue::ledger::Fate;
use crate::queue::{self, Due};
use crate::sometimes::Rare;
use crate::story::tell;
use crate::tab::{Arrival, FromSocket, Life};
use crate::world::{Happening, World};

/// What every key of ours begins with: the shell looks at no other.
const OURS: &str = "everfresh:";

impl World {
    /// A tab opens.
    pub(crate) fn queue_opens(&mut self, tab: usize) {
        let browser = self.tabs[tab].seat.browser;
        let stuck = self.queue.shape.stuck && self.queue.chance.one_in(2);
        self.queue.storages[browser].open(tab, stuck);
        self.queue.authors.push(queue::Author::default());
    }

    /// A tab is over.
    pub(crate) fn queue_ends(&mut self, tab: usize) {
        let browser = self.tabs[tab].seat.browser;
        self.queue.storages[browser].close(tab);
        self.author_ends(tab);
        self.excuse(browser);
    }

    /// Does one deed of the storage. Gives back what is none.
    pub(crate) fn perform_on_storage(
        &mut self,
        tab: usize,
        output: Output,
        inbox: &mut VecDeque<Arrival>,
    ) -> Option<Output> {
        let browser = self.tabs[tab].seat.browser;
        let now = self.now;
        let storage = &mut self.queue.storages[browser];
        let arrival = match output {
            Output::StoreWrite { op, key, value } => {
                let result = storage.write(now, tab, &key, &value);
                self.note_noted(browser, &key, &value, result.is_ok());
                match result {
                    Ok(()) => {
                        self.queue.spoiled[browser].remove(&key);
                        self.plan_syncs(tab);
                    }
                    Err(fault) => self.note_refusal(fault),
                }
                queue::Arrival::Stored(op, result)
            }
            Output::StoreRemove { key } => {
                storage.remove(now, tab, &key);
                self.plan_syncs(tab);
                return None;
            }
            Output::StoreList { op, prefix } => {
                self.note_stale(tab);
                let storage = &self.queue.storages[browser];
                queue::Arrival::Listed(op, storage.list(now, tab, &prefix))
            }
            Output::StoreRead { op, keys } => {
                self.note_stale(tab);
                let storage = &self.queue.storages[browser];
                queue::Arrival::Read(op, storage.read(now, tab, &keys))
            }
            other => return Some(other),
        };
        inbox.push_back(Arrival::Queue(arrival));
        None
    }

    /// Whoever leads noted down what became of a mutation, or could not.
    fn note_noted(&mut self, browser: usize, key: &str, value: &str, stored: bool) {
        let word = format!("{}w", self.queue.shape.prefix);
        let Some(id) = key.strip_prefix(&word) else {
            return;
        };
        for entry in &mut self.queue.ledger.list {
            if entry.browser == browser && entry.id.is_some_and(|have| have.text() == id) {
                entry.replaced |=
                    value.contains("\"how\":\"superseded\"") && entry.effects.is_empty();
                entry.unnoted = match entry.unnoted {
                    // There was room after all, once the reserve was given up.
                    Some(at) if stored && at == self.now => None,
                    None if !stored => Some(self.now),
                    before => before,
                };
            }
        }
    }

    fn note_refusal(&mut self, fault: StoreFault) {
        self.sometimes.reached(match fault {
            StoreFault::Quota => Rare::QuotaRefused,
            StoreFault::Blocked => Rare::StorageThrew,
        });
    }

    fn note_stale(&mut self, tab: usize) {
        let browser = self.tabs[tab].seat.browser;
        let storage = &mut self.queue.storages[browser];
        if self.queue.shape.lag == 0 {
            storage.bring_up(tab);
        } else if storage.is_behind(tab) {
            self.sometimes.reached(Rare::StaleReadByLeader);
        }
    }

    /// The other tabs see what one of them did, in a while.
    pub(crate) fn plan_syncs(&mut self, by: usize) {
        let browser = self.tabs[by].seat.browser;
        for tab in 0..self.tabs.len() {
            if tab != by && self.tabs[tab].seat.browser == browser {
                self.plan_sync(tab);
            }
        }
    }

    pub(crate) fn plan_sync(&mut self, tab: usize) {
        let browser = self.tabs[tab].seat.browser;
        if self.queue.storages[browser].plan(tab) {
            let lag = self.queue.shape.lag_now(browser, self.now);
            let at = self.now + self.queue.chance.between(1, lag.max(MS));
            self.agenda.add(at, Happening::Queue(Due::Sync(tab)));
        }
    }

    /// A tab sees what the others stored. It hears of it if it can run.
    pub(crate) fn sync(&mut self, tab: usize) {
        let browser = self.tabs[tab].seat.browser;
        let changes = self.queue.storages[browser].bring_up(tab);
        if self.tabs[tab].life == Life::Gone || !self.runs(tab) {
            return;
        }
        for change in changes {
            let key = change.key.map(|key| key.to_string());
            if key.as_ref().is_none_or(|key| key.starts_with(OURS)) {
                let value = change.value.map(|value| value.to_string());
                let arrival = queue::Arrival::Changed(key, value);
                self.arrive(tab, Arrival::Queue(arrival));
            }
        }
    }

    /// A page may have got a link to the server just now.
    pub(crate) fn note_link(&mut self, tab: usize, arrival: &Arrival) {
        let browser = self.tabs[tab].seat.browser;
        // What waited because the browser believed that there is no network goes first as well.
        if let Arrival::Page(PageEvent::Online) = arrival
            && self.browsers[browser].offline > 0
            && self.queue.ledger.made_any(browser)
        {
            self.backlog_holds(browser);
        }
        let Arrival::Socket(_, FromSocket::Frame(text)) = arrival else {
            return;
        };
        if !text.starts_with("{\"t\":\"welcome\",\"v\"") {
            return;
        }
        self.queue.linked[browser] = self.now;
        // A tab that was away may not know that all it made is done, and lets it go first.
        if self.queue.ledger.made_any(browser) {
            self.backlog_holds(browser);
        }
        if self.queue.ledger.unheard(browser) {
            self.queue.authors[tab].link = Some(Link {
                at: self.now,
                made: self.queue.ledger.list.len(),
            });
        }
    }

    /// What was made before there was a link goes first from now on, for a while.
    pub(super) fn backlog_holds(&mut self, browser: usize) {
        // The others hear of it when they hear of anything.
        let slow = self.now < self.browsers[browser].bus_slow_until + MIN;
        let late = if slow { 6 * S } else { 0 };
        self.queue.held_until[browser] = self.now + late + DRAIN_HOLD.0 * MS;
    }

    /// What was made offline is with the server before anything is fetched that it changes.
    fn check_backlog_first(&mut self, tab: usize) {
        let author = &self.queue.authors[tab];
        let Some(link) = author
            .link
            .filter(|_| self.tabs[tab].app.role() == "leader")
        else {
            return;
        };
        let recent = self.now < link.at + DRAIN_HOLD.0 * MS;
        // Sent as soon as there was a link, and not answered yet.
        let waits = |run: &&Running| run.serial < link.made && run.began == link.at;
        if let Some(run) = author.running.iter().find(waits).filter(|_| recent) {
            let how = format!(
                "{} is to refetch while mutation {} is on its way, which waited for the link",
                self.name(tab),
                run.serial
            );
            self.fail(Promise::G7, how);
        }
    }

    /// The app hears a notice about mutations.
    pub(crate) fn hear_of_mutations(&mut self, tab: usize, notice: &Notice) {
        if self.tabs[tab].life == Life::Gone {
            return;
        }
        match notice {
            Notice::Run(run) => self.run_mutation(tab, run),
            Notice::CancelRun { id, attempt } => self.cancel_run(tab, *id, *attempt),
            Notice::Mutation(told) => self.told(tab, told),
            Notice::Invalidate { .. } | Notice::Refetch { .. } => self.check_backlog_first(tab),
            _ => {}
        }
    }

    fn told(&mut self, tab: usize, told: &Told) {
        tell!(self, "{} is told: {told:?}", self.name(tab));
        let now = self.now;
        let ledger = &mut self.queue.ledger;
        let result = match told {
            Told::Accepted { call, id, durable } => {
                let serial = *call as usize;
                let result = ledger.accepted(now, serial, *id, *durable);
                self.check_accepted(tab, serial);
                result
            }
            Told::Refused { call, why } => {
                if *why == Refusal::Full {
                    self.sometimes.reached(Rare::QueueFull);
                }
                ledger.refused(*call as usize, *why)
            }
            Told::Settled { call, id, end } => {
                let serial = match call {
                    Some(call) => Some(*call as usize),
                    None => ledger.serial(*id),
                };
                self.note_end(end);
                if let (End::Dead { .. }, Some(serial)) = (end, serial) {
                    let retries = self.retries_open(tab);
                    self.queue.ledger.list[serial].asked |= retries;
                }
                serial.map_or(Ok(()), |serial| {
                    let ledger = &mut self.queue.ledger;
                    if let End::Applied { .. } = end {
                        ledger.list[serial].witnesses.push((tab, now));
                    }
                    ledger.ended(now, serial, end, call.is_some())
                })
            }
            Told::Conflict { id, .. } => {
                self.sometimes.reached(Rare::ConflictForUser);
                if let Some(serial) = ledger.serial(*id) {
                    ledger.conflicts(serial);
                }
                Ok(())
            }
            Told::Answer { call, answer } => {
                self.answered(tab, *call, answer);
                Ok(())
            }
            Told::Detached { .. } => Ok(()),
        };
        if let Err(mut broken) = result {
            broken.how = format!("{}: {}", self.name(tab), broken.how);
            self.broken(broken);
        }
    }

    fn note_end(&mut self, end: &End) {
        match end {
            End::Applied { .. } => {}
            End::Dead { .. } => self.sometimes.reached(Rare::DeadLetter),
            End::Resolved { how } => self.sometimes.reached(match how {
                How::Superseded => Rare::Superseded,
                How::Server => Rare::OtherSideKept,
                How::Discarded => Rare::Discarded,
            }),
        }
    }

    /// G6: what is accepted stands in the storage, and not only in a memory.
    fn check_accepted(&mut self, tab: usize, serial: usize) {
        let entry = &self.queue.ledger.list[serial];
        let Fate::Accepted { durable, .. } = entry.fate else {
            return;
        };
        self.check_bounds(tab);
        if !durable {
            self.sometimes.reached(Rare::AcceptedInMemory);
            if !self.queue.shape.volatile {
                let how = format!("mutation {serial} is accepted although it cannot be stored");
                self.fail(Promise::G6, how);
            }
            return;
        }
        self.note_two_authors(serial);
        if !self.is_stored(serial) {
            let how = format!(
                "{} is told that mutation {serial} is accepted, and it is not stored",
                self.name(tab)
            );
            self.fail(Promise::G6, how);
        }
    }

    /// G10: no more wait than may. A tab knows what the others made when it hears of it.
    fn check_bounds(&mut self, tab: usize) {
        let browser = self.tabs[tab].seat.browser;
        let tabs = self.browsers[browser].seats.iter().flatten().count();
        // Who has just been opened knows nothing before it hears of a leader.
        let led = self.leader(browser).is_some();
        let knows = led && self.now.saturating_sub(self.queue.led_since[browser]) > 5 * S;
        let alone = self.browsers[browser].locks.is_none();
        let waiting: Vec<_> = (self.queue.ledger.list.iter())
            .filter(|entry| entry.browser == browser && entry.waits() && !entry.harmed)
            // Where every tab is for itself it knows nothing of the others.
            .filter(|entry| !alone || entry.tab == tab)
            // What was in a memory went with it.
            .filter(|entry| {
                let in_memory = matches!(entry.fate, Fate::Accepted { durable: false, .. });
                !in_memory || self.tabs[entry.tab].life != Life::Gone
            })
            .collect();
        // Nor does a page that made some as soon as it was opened, and is gone by now, perhaps. And of one that is gone
        // the others have yet to hear.
        let gone = |tab: usize| self.tabs[tab].life == Life::Gone;
        let mut young: Vec<usize> = (waiting.iter())
            .filter(|entry| {
                entry.made.saturating_sub(entry.opened) <= 5 * S
                    || gone(entry.tab) && self.now.saturating_sub(entry.made) <= 5 * S
            })
            .map(|entry| entry.tab)
            .collect();
        young.dedup();
        let may = self.queue.shape.count * (tabs + young.len().max(usize::from(!knows)));
        let waiting = waiting.len();
        if waiting > may {
            let how = format!(
                "{waiting} mutations wait where {} may",
                self.queue.shape.count
            );
            self.fail(Promise::G10, how);
        }
    }

    /// Does an unharmed record of it stand in the storage?
    pub(crate) fn is_stored(&self, serial: usize) -> bool {
        let entry = &self.queue.ledger.list[serial];
        let Some(id) = entry.id else {
            return false;
        };
        ['m', 'w'].iter().any(|kind| {
            let key = format!("{}{kind}{}", self.queue.shape.prefix, id.text());
            let spoiled = self.queue.spoiled[entry.browser].get(&key);
            let stands = self.queue.storages[entry.browser].truth(&key);
            stands.is_some() && stands != spoiled.map(String::as_str)
        })
    }

    /// A tab takes the lead: what only the memory of the last one held is gone.
    pub(crate) fn queue_led(&mut self, tab: usize) {
        let browser = self.tabs[tab].seat.browser;
        self.queue.led_since[browser] = self.now;
        self.excuse(browser);
        let knowledge = self.queue.ledger.knowledge[browser];
        let unread = (knowledge.mute_from..=knowledge.mute_until).contains(&self.now);
        for serial in 0..self.queue.ledger.list.len() {
            let entry = &self.queue.ledger.list[serial];
            let in_memory = matches!(entry.fate, Fate::Accepted { durable: false, .. });
            let lost = unread || in_memory && !self.is_stored(serial);
            let there = entry.browser == browser && entry.letter;
            self.queue.ledger.list[serial].lost |= lost && there;
        }
    }

    /// Those whose record was harmed from outside are lost if the memory that held them goes.
    pub(crate) fn excuse(&mut self, browser: usize) {
        for serial in 0..self.queue.ledger.list.len() {
            let entry = &self.queue.ledger.list[serial];
            if entry.browser == browser && entry.harmed && !entry.excused && !self.is_stored(serial)
            {
                self.queue.ledger.list[serial].excused = true;
            }
        }
    }
}

impl queue::Shape {
    /// How late a tab sees what others stored.
    fn lag_now(&self, browser: usize, now: Time) -> Time {
        match self.lags[browser] {
            (until, by) if now < until => by,
            _ => self.lag,
        }
    }
}
