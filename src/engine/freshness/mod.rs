//! Contracts: how old data may be, and what is done so that it is not older (G4).
//!
//! Every tab knows the age of what it shows, by its own monotonic clock: a fetch counts from the
//! moment it started. When the age nears the contract's window, or the contract's interval has
//! passed, somebody looks: the leading tab for all of them, by a probe where the contract names
//! one, else by telling all to fetch. A tab that does not lead asks its leader, and helps itself
//! when there is no answer. Nothing is looked at that nobody watches (G5, G11).
//!
//! A clock that jumps makes every age unknown, and unknown is stale. A window that was broken all
//! the same is told once, with its cause.
//!
//! It fetches nothing itself: it says what to do by [`Step`]s. It knows no sockets, no queries'
//! data, and no tokens.

mod answer;
pub mod contract;
pub mod interval;
mod ledger;
mod look;
mod probe;
mod report;
mod snapshot;
mod step;
mod stored;
#[cfg(test)]
mod tests;
mod window;
pub mod word;

use std::collections::VecDeque;
use std::rc::Rc;

use self::contract::Contract;
use self::interval::Health;
use self::ledger::{Age, Entry, Probe};
pub use self::ledger::{Blame, Why};
pub use self::step::{Fact, ProbeId, Step, Violation};
use self::word::{Need, Word};
use super::ids::TabId;
use super::key::QueryKey;
use super::limits::{PACE_DOWN, TABS_MAX};
use super::map::Map;
use super::rng::Rng;
use super::time::{Millis, Mono, Now};
use crate::engine::list::List;

/// All contracts of a page.
#[derive(Debug)]
pub struct Freshness {
    /// What stored names begin with: nothing is shared between users.
    scope: Rc<str>,
    entries: Vec<Entry>,
    /// Which contracts an event is about.
    routes: Map<Rc<str>, Vec<usize>>,
    place: Place,
    page: Page,
    health: Health,
    /// What other tabs need.
    others: Map<TabId, Vec<(usize, Need)>>,
    /// What the leader was told of this tab's needs.
    said: Vec<Need>,
    said_late: bool,
    /// The last moment, to see when a clock jumps.
    last: Option<Now>,
    planned: Option<Mono>,
    /// When the page came back from being frozen or asleep.
    thawed: Option<Mono>,
    /// When it was last woken later than it wanted.
    woken_late: Option<Mono>,
    /// When it may last have been: hidden until then, or late by more than a tab that asks waits for its leader.
    tardy: Option<Mono>,
    /// Until when a server wants to be left alone by those who fetch.
    calm: Mono,
    /// Since when fetches wait until what this page changed without a link is with the server.
    holds: Option<Mono>,
    /// When they last did.
    held: Option<Mono>,
    /// The last probe.
    number: u32,
    /// Something happened that the next tick has to look at.
    touched: bool,
    steps: VecDeque<Step>,
    revision: u64,
    states: u64,
}

/// This tab's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Not running.
    Away,
    /// Another tab looks.
    Follows,
    /// This tab looks, for the others too.
    Leads,
}

#[derive(Debug)]
struct Page {
    visible: bool,
    online: bool,
    hidden_since: Option<Mono>,
    blurred_since: Option<Mono>,
    /// When the user last did something.
    active: Mono,
}

impl Freshness {
    /// The contracts of a page that has not started.
    pub fn new(scope: Rc<str>, contracts: Vec<Contract>, online: bool, now: Now) -> Freshness {
        Freshness {
            scope,
            entries: contracts.into_iter().map(Entry::new).list(),
            routes: Map::new(),
            place: Place::Away,
            page: Page {
                visible: true,
                online,
                hidden_since: None,
                blurred_since: None,
                active: now.mono,
            },
            health: Health::Down { from: now.mono },
            others: Map::new(),
            said: Vec::new(),
            said_late: false,
            last: None,
            planned: None,
            thawed: None,
            woken_late: None,
            tardy: None,
            calm: Mono(0),
            holds: None,
            held: None,
            number: 0,
            touched: true,
            steps: VecDeque::new(),
            revision: 0,
            states: 0,
        }
    }

    /// A server wants no fetches until then. Whose windows break meanwhile are told so.
    pub fn calm(&mut self, until: Mono) {
        self.calm = self.calm.max(until);
    }

    /// Nothing is fetched while what this page changed without a link goes to the server, or it is
    /// again.
    pub fn hold_back(&mut self, now: Now, holds: bool) {
        match self.holds {
            None => self.holds = holds.then_some(now.mono),
            Some(_) if holds => {}
            Some(since) => {
                self.holds = None;
                // Who heard of it when it was over waited for nothing.
                if since < now.mono {
                    self.held = Some(now.mono);
                }
            }
        }
    }

    /// An event makes this family stale: its contracts have heard something when it comes.
    pub fn route(&mut self, event: &str, family: &QueryKey) {
        for (at, entry) in self.entries.iter().enumerate() {
            let key = &entry.contract.key;
            if family.in_family(key) || key.in_family(family) {
                let contracts = self.routes.entry(event.into(), Vec::new);
                if !contracts.contains(&at) {
                    contracts.push(at);
                }
            }
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Step> {
        self.steps.pop_front()
    }

    /// Grows whenever the app is shown something else.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Grows whenever a contract gets into another state.
    pub fn states(&self) -> u64 {
        self.states
    }

    /// Are there no contracts at all?
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The page begins, or comes back.
    pub fn start(&mut self, now: Now) {
        let first = self.last.is_none();
        self.touched = true;
        self.place = Place::Follows;
        if first {
            self.page.active = now.mono;
            self.last = Some(now);
            self.load();
            return;
        }
        // The clocks are compared by the next tick; what was planned meanwhile did not happen.
        self.planned = None;
        self.thawed = Some(now.mono);
        for entry in &mut self.entries {
            if !entry.goes_on_hidden() {
                entry.obliged = entry.obliged.map(|_| now.mono);
            }
            let stale = match (entry.age(), entry.contract.max_age) {
                (Age::Known(known), Some(window)) => known.age(now.mono) > window,
                (Age::Unknown, _) => true,
                (Age::Nothing | Age::Known(_), _) => false,
            };
            if stale && !entry.contract.manual {
                entry.urgent.get_or_insert(Why::Reload);
            }
        }
    }

    /// The page is put away: nothing is done until it comes back.
    pub fn stop(&mut self, now: Now) {
        self.save_all(now);
        self.steps.retain(|step| matches!(step, Step::Save { .. }));
        self.set_place(Place::Away);
        self.steps.retain(|step| matches!(step, Step::Save { .. }));
    }

    /// This tab leads now, or does not.
    pub fn set_place(&mut self, place: Place) {
        if self.place == place {
            return;
        }
        self.touched = true;
        self.place = place;
        self.others.clear();
        self.said.clear();
        self.said_late = true;
        for (contract, entry) in self.entries.iter_mut().enumerate() {
            // Whoever was asked to look is not there any more, or is this tab itself now.
            if entry.rescue.take().is_some() {
                entry.unfinished = entry.asked.take();
                entry.covered = None;
            }
            if let Probe::Asking { number, .. } = entry.probe {
                self.steps
                    .push_back(Step::AbortProbe(ProbeId { contract, number }));
                // Whoever leads now has to take the look that this one did not finish.
                entry.asked = None;
                entry.covered = None;
            }
            // What a tag stands for is known only to who looked without a break.
            if entry.probe != Probe::None {
                entry.probe = Probe::Ready(None);
            }
        }
    }

    /// How the link to the server stands.
    pub fn link(&mut self, now: Now, live: bool, rng: &mut Rng) {
        match (self.health, live) {
            (Health::Live { .. }, true) | (Health::Down { .. }, false) => {}
            (Health::Down { .. }, true) => {
                self.health = Health::Live { since: now.mono };
                self.touched = true;
            }
            (Health::Live { .. }, false) => {
                let from = now.mono + rng.jitter(PACE_DOWN);
                self.health = Health::Down { from };
                self.touched = true;
            }
        }
    }

    /// An event came.
    pub fn event(&mut self, now: Now, name: &str) {
        let Some(contracts) = self.routes.get(name) else {
            return;
        };
        for at in contracts {
            if let Some(entry) = self.entries.get_mut(*at) {
                entry.event = Some(now.mono);
            }
        }
    }

    /// The browser believes that there is a network, or is sure that there is none.
    pub fn online(&mut self, now: Now, online: bool) {
        if self.page.online == online {
            return;
        }
        self.page.online = online;
        self.touched = true;
        if online {
            for entry in &mut self.entries {
                // What failed for want of a network is tried at once.
                if entry
                    .trouble
                    .is_some_and(|trouble| trouble.blame == Blame::Offline)
                {
                    entry.hold = entry.barred.max(now.mono);
                }
            }
        }
    }

    /// The page can be seen, or not.
    pub fn visible(&mut self, now: Now, visible: bool) {
        if self.page.visible == visible {
            return;
        }
        self.touched = true;
        self.page.visible = visible;
        if visible {
            // A hidden page's timers are slowed down.
            self.tardy = Some(now.mono);
            let since = self.page.hidden_since.take();
            self.came_back(now, since);
        } else {
            self.page.hidden_since = Some(now.mono);
        }
    }

    /// The window has the focus, or lost it.
    pub fn focused(&mut self, now: Now, focused: bool) {
        if focused {
            let since = self.page.blurred_since.take();
            self.came_back(now, since);
        } else {
            self.page.blurred_since.get_or_insert(now.mono);
        }
    }

    fn came_back(&mut self, now: Now, since: Option<Mono>) {
        self.activity(now);
        let Some(since) = since else { return };
        self.touched = true;
        let away = now.mono.since(since);
        for entry in &mut self.entries {
            let Some(after) = entry.contract.focus_after else {
                continue;
            };
            let old = match entry.age() {
                Age::Nothing => false,
                Age::Unknown => true,
                Age::Known(known) => known.age(now.mono) > after,
            };
            if away > after && old && entry.automatic() {
                entry.urgent.get_or_insert(Why::Focus);
            }
        }
    }

    /// The user does something.
    pub fn activity(&mut self, now: Now) {
        self.page.active = now.mono;
        self.touched |= self
            .entries
            .iter()
            .any(|entry| entry.contract.idle.is_some());
    }

    fn find(&mut self, name: &str) -> Option<(usize, &mut Entry)> {
        let mut entries = self.entries.iter_mut().enumerate();
        entries.find(|(_, entry)| *entry.contract.name == *name)
    }

    /// A component watches a contract, once more or once less. False if there is none of the name.
    pub fn watch(&mut self, name: &str, more: bool) -> bool {
        self.touched = true;
        let Some((_, entry)) = self.find(name) else {
            return false;
        };
        entry.watchers = match more {
            true => entry.watchers.saturating_add(1),
            false => entry.watchers.saturating_sub(1),
        };
        true
    }

    /// A contract is in force, or off: while a form is filled in, say.
    pub fn enable(&mut self, name: &str, enabled: bool) -> bool {
        self.touched = true;
        let Some((_, entry)) = self.find(name) else {
            return false;
        };
        if enabled && !entry.enabled && entry.probe.rests() {
            entry.probe = Probe::Ready(None);
        }
        entry.enabled = enabled;
        true
    }

    /// The user wants to see the newest: whatever the contract says.
    pub fn refresh(&mut self, now: Now, name: &str) -> bool {
        self.touched = true;
        let Some((at, entry)) = self.find(name) else {
            return false;
        };
        if entry.probe.rests() {
            entry.probe = Probe::Ready(None);
        }
        entry.asked = Some(now.mono);
        entry.covered = Some(now.mono);
        entry.urgent = None;
        // No look led to it, however long the last one took.
        entry.look_took = Millis(0);
        self.refetch(now, at, Why::User);
        true
    }

    /// Something happened to a key in the cache.
    pub fn report(&mut self, now: Now, key: &QueryKey, fact: Fact) {
        let online = self.page.online;
        for entry in &mut self.entries {
            if key.in_family(&entry.contract.key) {
                self.touched = true;
                entry.report(now.mono, key, fact, online);
            }
        }
    }

    /// Another tab told what it needs.
    pub fn others_need(&mut self, tab: TabId, needs: &[(String, Need)]) {
        if self.place != Place::Leads
            || (!self.others.contains(&tab) && self.others.len() >= TABS_MAX)
        {
            return;
        }
        self.touched = true;
        let mut known = Vec::new();
        for (name, need) in needs {
            if let Some((at, _)) = self.find(name) {
                known.push((at, *need));
            }
        }
        self.others.insert(tab, known);
    }

    /// Another tab is gone.
    pub fn forget_tab(&mut self, tab: TabId) {
        self.touched |= self.others.remove(&tab).is_some();
    }

    /// The leader may have forgotten what this tab needs: tells it again.
    pub fn tell_again(&mut self) {
        self.said_late = true;
        self.touched = true;
    }

    /// There is a new token: whoever was refused may try again, once.
    pub fn token(&mut self) {
        for entry in &mut self.entries {
            if entry.probe == Probe::Login {
                entry.after_token = true;
                entry.try_anew();
                self.touched = true;
            }
        }
    }

    /// Somebody logged in: whoever was refused, for whatever reason, may try again.
    pub fn login(&mut self) {
        for entry in &mut self.entries {
            if matches!(entry.probe, Probe::Login | Probe::Refused) {
                entry.after_token = false;
                entry.try_anew();
                self.touched = true;
            }
        }
    }

    /// Another user: nothing that is known of the last one's data means anything for theirs.
    pub fn change_user(&mut self, scope: Rc<str>) {
        self.set_place(Place::Away);
        self.steps
            .retain(|step| matches!(step, Step::AbortProbe(_)));
        // The data is gone from the page, and so its age means nothing, to whoever comes next and
        // to the last one when they are back.
        if self.last.is_some() {
            self.erase();
        }
        self.scope = scope;
        self.entries.iter_mut().for_each(Entry::forget);
        self.last = None;
        self.thawed = None;
        self.revision += 1;
    }

    /// Does what is due. Called after everything that happened.
    pub fn tick(&mut self, now: Now, rng: &mut Rng) {
        if self.place == Place::Away {
            return;
        }
        self.compare_clocks(now);
        if !self.touched && self.planned.is_none_or(|at| at > now.mono) {
            return;
        }
        self.touched = false;
        for at in 0..self.entries.len() {
            self.turn(now, at, rng);
        }
        self.tell_needs();
        self.planned = self.next_wakeup();
    }

    fn tell_needs(&mut self) {
        if self.place != Place::Follows {
            return;
        }
        let needs = || self.entries.iter().map(|entry| entry.need);
        let late = std::mem::take(&mut self.said_late);
        if !late && needs().eq(self.said.iter().copied()) {
            return;
        }
        let first = self.said.is_empty();
        self.said = needs().list();
        let needed = |entry: &&Entry| entry.need != Need::None;
        let word: Vec<_> = self
            .entries
            .iter()
            .filter(needed)
            .map(|entry| (String::from(&*entry.contract.name), entry.need))
            .list();
        if !(word.is_empty() && first) {
            self.steps.push_back(Step::Say(Word::Needs(word)));
        }
    }

    /// When something is to be done, if nothing else happens.
    pub fn next_wakeup(&self) -> Option<Mono> {
        if self.place == Place::Away {
            return None;
        }
        let moments = (0..self.entries.len()).filter_map(|at| self.entry_wakeup(at));
        moments.min()
    }
}
