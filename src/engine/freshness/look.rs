//! When to look at the server, how, and what follows from what was found.

use super::contract::Idle;
use super::interval::{self, Phases};
use super::ledger::{Age, Entry, Probe, Why, slower};
use super::probe::{Tag, Tagged};
use super::word::{Found, Need, Word};
use super::{Freshness, Place, ProbeId, Step};
use crate::engine::http::{Call, Method, Sight, origin};
use crate::engine::limits::{
    ASK_PATIENCE, ASK_SLACK, MIN_INTERVAL, PROBE_BYTES_MAX, RETRY_AFTER_MAX, VERDICT_AGE_MAX,
};
use crate::engine::rng::Rng;
use crate::engine::time::{Millis, Mono, Now, Wall};

impl Freshness {
    /// What a contract needs at this moment.
    pub(super) fn turn(&mut self, now: Now, at: usize, rng: &mut Rng) {
        let own = self.own_need(now.mono, at);
        let needed = own.max(self.need_of_others(at));
        let Some(entry) = self.entries.get_mut(at) else {
            return;
        };
        if own > entry.need {
            // What was allowed until now is not held against the fetch that mends it.
            entry.obliged = Some(now.mono);
        }
        if own == Need::None {
            entry.obliged = None;
            entry.broken = false;
            // The answer that nobody waits for any more may never come: it covers nothing.
            if entry.rescue.take().is_some() {
                entry.covered = None;
            }
        }
        entry.need = own;
        let rests = entry.probe.rests();
        if std::mem::replace(&mut entry.rests, rests) && !rests {
            entry.rested = Some(now.mono);
        }
        match needed {
            Need::None => entry.wanted = None,
            Need::Idle | Need::Full => {
                entry.wanted.get_or_insert(now.mono);
            }
        }
        if entry.rescue.is_some_and(|moment| moment <= now.mono) {
            entry.rescue = None;
            if !entry.all_in_flight() {
                self.refetch(now, at, Why::Poll);
            }
        }
        // The breach first: a look that begins now is no excuse for being late.
        self.check_window(now, at);
        if self.due(at).is_some_and(|due| due <= now.mono) {
            self.look(now, at, rng);
        }
        self.save(now, at);
        self.note(now, at);
    }

    pub(super) fn own_need(&self, now: Mono, at: usize) -> Need {
        let Some(entry) = self.entries.get(at) else {
            return Need::None;
        };
        let seen = self.page.visible || entry.goes_on_hidden();
        if !seen || !entry.enabled || entry.contract.manual || !entry.watched() {
            return Need::None;
        }
        match entry.contract.idle {
            Some(Idle { after, .. }) if self.page.active + after <= now => Need::Idle,
            _ => Need::Full,
        }
    }

    fn need_of_others(&self, at: usize) -> Need {
        let needs = self.others.values().flatten();
        let ours = needs.filter(|(contract, _)| *contract == at);
        ours.map(|(_, need)| *need).max().unwrap_or(Need::None)
    }

    /// The intervals that are in force for a contract.
    pub(super) fn phases(&self, at: usize) -> Option<Phases> {
        let entry = self.entries.get(at)?;
        let need = entry.need.max(self.need_of_others(at));
        let most = |idle: bool| {
            let window = entry.contract.window(idle)?;
            let ahead = entry.ahead(window);
            Some(Millis(window.0.saturating_sub(ahead.0)))
        };
        let poll = entry.contract.poll;
        let mut phases = poll.phases(self.health, entry.event, most(false));
        if let (Need::Idle, Some(idle)) = (need, entry.contract.idle) {
            let pace = most(true).map_or(idle.poll, |most| idle.poll.min(most));
            for (_, span) in &mut phases {
                *span = (*span).max(pace);
            }
        }
        for (_, span) in &mut phases {
            *span = (*span).max(entry.contract.min_interval);
        }
        Some(phases)
    }

    /// When to look next, if somebody needs it.
    pub(super) fn due(&self, at: usize) -> Option<Mono> {
        let entry = self.entries.get(at)?;
        let wanted = entry.wanted?;
        if entry.probe.is_busy() {
            return None;
        }
        let floor = entry.asked.map(|asked| asked + entry.contract.min_interval);
        let at = match entry.urgent {
            // What is mounted with the page fetches by itself at this moment.
            Some(Why::Reload) => wanted + ASK_SLACK,
            Some(_) => wanted,
            None => {
                let due = self.scheduled(entry, wanted, &self.phases(at)?)?;
                match self.place {
                    Place::Follows => due + ASK_SLACK,
                    Place::Leads | Place::Away => due,
                }
            }
        };
        Some(at.max(floor.unwrap_or_default()).max(entry.hold))
    }

    fn scheduled(&self, entry: &Entry, wanted: Mono, phases: &Phases) -> Option<Mono> {
        let asked = match entry.need {
            Need::None => entry.asked,
            Need::Idle | Need::Full => entry.covered,
        };
        let since_asked = asked.and_then(|asked| interval::due(phases, asked, Millis(0)));
        let since_known = match entry.age() {
            Age::Known(known) if entry.need > Need::None => {
                interval::due(phases, known.at, known.age)
            }
            // Whoever begins to watch has just fetched.
            Age::Nothing | Age::Known(_) => interval::due(phases, wanted, Millis(0)),
            Age::Unknown if since_asked.is_some() => None,
            Age::Unknown => interval::due(phases, Mono(0), Millis(u64::MAX)),
        };
        since_asked.max(since_known)
    }

    /// Looks, or asks the leader to.
    fn look(&mut self, now: Now, at: usize, rng: &mut Rng) {
        let place = self.place;
        let Some(entry) = self.entries.get_mut(at) else {
            return;
        };
        let why = entry.urgent.take().unwrap_or(Why::Poll);
        if let Some(since) = entry.in_flight_since()
            && entry.need > Need::None
            && self.others.is_empty()
        {
            // What is being fetched is the look. It began when it began: one that takes long is
            // followed by the next one all the sooner.
            entry.asked = Some(now.mono);
            entry.covered = Some(since);
            return;
        }
        entry.asked = Some(now.mono);
        self.revision += 1;
        match (place, &entry.probe) {
            (Place::Away, _) => {}
            (Place::Follows, _) => {
                entry.covered = Some(now.mono);
                entry.rescue = Some(entry.patience(now.mono));
                let name = String::from(&*entry.contract.name);
                self.steps.push_back(Step::Say(Word::Ask(name)));
            }
            (Place::Leads, Probe::Ready(tag)) => {
                // With nothing on the screen there is nothing that "not modified" could mean.
                let empty = entry.need > Need::None && entry.age() == Age::Nothing;
                let tag = tag.clone().filter(|_| !empty);
                self.ask_server(now, at, tag, false);
            }
            (Place::Leads, _) => self.announce(now, at, Found::Due, now.mono, why, rng),
        }
    }

    pub(super) fn ask_server(&mut self, now: Now, at: usize, tag: Option<Tagged>, plain: bool) {
        self.number = self.number.wrapping_add(1);
        let number = self.number;
        let Some(entry) = self.entries.get_mut(at) else {
            return;
        };
        let Some(url) = &entry.contract.probe else {
            return;
        };
        let mut headers = vec![("accept", "application/json".to_owned())];
        if let Some(Tagged {
            tag: Tag::Etag(etag),
            ..
        }) = &tag
            && !plain
        {
            headers.push(("if-none-match", String::from(&**etag)));
        }
        let call = Call {
            method: Method::Get,
            url: String::from(&**url),
            headers,
            body: None,
            sight: Sight::Full,
            bytes_max: PROBE_BYTES_MAX,
        };
        entry.probe = Probe::Asking {
            number,
            started: now.mono,
            tag,
            plain,
        };
        let id = ProbeId {
            contract: at,
            number,
        };
        self.steps.push_back(Step::Probe { id, call });
    }

    /// Tells all tabs what was found, this one included.
    pub(super) fn announce(
        &mut self,
        now: Now,
        at: usize,
        found: Found,
        begun: Mono,
        why: Why,
        rng: &mut Rng,
    ) {
        if let Some(entry) = self.entries.get(at) {
            let contract = String::from(&*entry.contract.name);
            let at = now.wall_before(begun);
            self.steps.push_back(Step::Say(Word::Found {
                term: 0,
                contract,
                found,
                at,
            }));
        }
        let age = now.mono.since(begun);
        if let Some(entry) = self.entries.get_mut(at) {
            entry.look_took = age;
        }
        self.found(now, at, found, age, why, rng);
    }

    /// The leader looked.
    pub fn leader_found(&mut self, now: Now, name: &str, found: Found, begun: Wall, rng: &mut Rng) {
        let Some((at, _)) = self.find(name) else {
            return;
        };
        // One clock for all tabs of a machine; but it may jump, and a page may be frozen while the
        // message waits for it.
        let old = begun > now.wall || now.wall.0 - begun.0 > VERDICT_AGE_MAX.0;
        if old && matches!(found, Found::Unchanged { .. } | Found::Calm { .. }) {
            return;
        }
        self.touched = true;
        let woken = self.late(now, ASK_SLACK).then_some(now.mono).or(self.tardy);
        let age = Millis(now.wall.0.saturating_sub(begun.0));
        if !old && let Some(entry) = self.entries.get_mut(at) {
            // While it waited for this page, which was late itself, nobody looked.
            let took = woken.map_or(age, |woken| age.min(now.mono.since(woken)));
            // Whoever asks the leader has to ask that much earlier; but nobody waits for longer than this.
            entry.answer_took = slower(entry.answer_took, took.min(ASK_PATIENCE));
            entry.look_took = took;
            // What has been fetched since is newer: this is no answer to what was asked after it, and no
            // reason to ask later.
            let unchanged = matches!(found, Found::Unchanged { .. });
            if unchanged && matches!(entry.age(), Age::Known(known) if known.age(now.mono) <= age) {
                return;
            }
        }
        self.found(now, at, found, age, Why::Poll, rng);
    }

    /// A tab asks this one, which leads, to look.
    pub fn asked(&mut self, now: Now, name: &str, rng: &mut Rng) {
        if self.place != Place::Leads {
            return;
        }
        // What is found now is of after a jump of the clocks, if there was one.
        self.compare_clocks(now);
        let Some((at, entry)) = self.find(name) else {
            return;
        };
        if entry.barred > now.mono {
            // Whoever asks has not heard yet that the server wants calm.
            let wait = entry.barred.since(now.mono);
            let contract = String::from(&*entry.contract.name);
            self.steps.push_back(Step::Say(Word::Found {
                term: 0,
                contract,
                found: Found::Calm { wait },
                at: now.wall,
            }));
            return;
        }
        let soon = entry
            .asked
            .is_some_and(|asked| asked + entry.contract.min_interval > now.mono);
        if !soon && !entry.probe.is_busy() && entry.hold <= now.mono {
            self.touched = true;
            self.look(now, at, rng);
        }
    }

    fn found(&mut self, now: Now, at: usize, found: Found, age: Millis, why: Why, rng: &mut Rng) {
        let leads = self.place == Place::Leads;
        let Some(entry) = self.entries.get_mut(at) else {
            return;
        };
        let waited = entry.rescue.take().is_some();
        entry.unfinished = None;
        let needs = entry.need > Need::None;
        // What is as it was is so since the question: the answer took its time.
        let moment = match found {
            Found::Unchanged { .. } => Some(Mono(now.mono.0.saturating_sub(age.0))),
            // What is so young that it is not fetched again is not younger for it.
            Found::Due => Some(entry.in_flight_since().unwrap_or(match entry.age() {
                Age::Known(known) if known.age(now.mono) < entry.contract.min_interval => {
                    Mono(known.at.0.saturating_sub(known.age.0))
                }
                _ => now.mono,
            })),
            Found::Changed => Some(now.mono),
            Found::Calm { .. } => None,
        };
        if let Some(moment) = moment {
            // Whoever does not need it now has nothing from this look when they come back.
            entry.covered = needs.then_some(moment);
            if !leads {
                entry.asked = Some(now.mono);
            }
        }
        match found {
            Found::Due => {
                let young = match entry.age() {
                    Age::Known(known) => known.age(now.mono) < entry.contract.min_interval,
                    Age::Nothing | Age::Unknown => false,
                };
                // The word of a leader whose answer we did not wait for comes after our own.
                let told = entry.told.map(|told| told + entry.contract.min_interval);
                let again = told.is_some_and(|until| until > now.mono);
                if needs && !young && !again && !entry.all_in_flight() {
                    self.refetch(now, at, why);
                }
            }
            Found::Changed => {
                entry.vouched = None;
                if needs {
                    self.refetch(now, at, why);
                } else if entry.automatic() {
                    // Whoever comes back to it must not take it for young.
                    entry.urgent = Some(Why::Poll);
                }
            }
            Found::Unchanged { since } => {
                let vouched = Millis(now.wall.0.saturating_sub(since.0));
                let unproven = entry.vouch(now.mono, vouched, age);
                if unproven && needs && !entry.all_in_flight() {
                    self.refetch(now, at, why);
                }
            }
            Found::Calm { wait } => {
                let until = now.mono + wait.min(RETRY_AFTER_MAX);
                // The host is what wants calm, not the resource.
                let host = entry
                    .contract
                    .probe
                    .as_deref()
                    .map(origin)
                    .map(String::from);
                entry.bar(until);
                if waited && needs {
                    // Nobody looked: this tab asks again as soon as the calm is over.
                    entry.asked = None;
                    entry.covered = None;
                    entry.urgent.get_or_insert(Why::Poll);
                }
                for other in &mut self.entries {
                    let theirs = other.contract.probe.as_deref().map(origin);
                    if theirs.is_some() && theirs == host.as_deref() {
                        let spread = rng.jitter(MIN_INTERVAL);
                        other.bar(until + spread);
                    }
                }
            }
        }
        self.revision += 1;
    }

    /// Lets this tab fetch the family.
    pub(super) fn refetch(&mut self, now: Now, at: usize, why: Why) {
        let Some(entry) = self.entries.get_mut(at) else {
            return;
        };
        entry.rescue = None;
        entry.told = Some(now.mono);
        let asked = entry.asked.map_or(Millis(0), |asked| now.mono.since(asked));
        entry.told_after = asked.max(entry.look_took);
        let step = Step::Refetch {
            key: entry.contract.key.clone(),
            contract: entry.name(),
            why,
        };
        self.revision += 1;
        self.steps.push_back(step);
    }

    pub(super) fn entry_wakeup(&self, at: usize) -> Option<Mono> {
        let entry = self.entries.get(at)?;
        let idle = match (entry.need, entry.contract.idle) {
            (Need::Full, Some(idle)) => Some(self.page.active + idle.after),
            _ => None,
        };
        // Past the deadline by a millisecond, because at the deadline the window still holds.
        let deadline = entry.deadline().filter(|_| !entry.broken);
        let deadline = deadline.map(|moment| moment + Millis(1));
        let moments = [self.due(at), entry.rescue, idle, deadline];
        moments.into_iter().flatten().min()
    }
}
