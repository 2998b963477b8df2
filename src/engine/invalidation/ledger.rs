//! The query keys of the page: who looks, what is fetched, what is owed, and whose turn it is.

use std::rc::Rc;

use super::bucket::Bucket;
use super::family::FamilyId;
use super::state::{Debt, Facts, Fetch, Input, State};
use super::version::{Tide, Version};
use crate::engine::key::QueryKey;
use crate::engine::limits::{
    CANCEL_CALM, FETCH_LOST_AFTER, FETCH_LOST_WHEN_AWAY, FETCH_LOST_WHEN_AWAY_MAX, HOSTS_MAX,
    KEYS_MAX, REFETCH_BACKOFF_FIRST, REFETCH_BACKOFF_MAX, REFETCH_START_WITHIN, REFETCH_WAIT_MAX,
    WINDOW,
};
use crate::engine::list::List;
use crate::engine::map::Map;
use crate::engine::notice::Cause;
use crate::engine::rng::Rng;
use crate::engine::time::{Millis, Mono};

/// A key's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KeyId(pub(super) u32);

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: QueryKey,
    /// The families that it lies in.
    pub(super) families: Vec<FamilyId>,
    state: State,
    active: bool,
    visible: bool,
    /// What its data has seen.
    read: Tide,
    version: Option<Version>,
    /// How long a fetch of it takes, as far as it is known.
    cost: Millis,
    failures: u32,
    /// Not to be refetched before, because fetches of it fail.
    hold: Mono,
    /// When a fetch of it was last told or started.
    last: Option<Mono>,
    /// Which bucket it takes from.
    host: usize,
    /// Is it in the list of those that wait for a moment?
    listed: bool,
}

/// What became of a fetch.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum End {
    /// It brought data of this version.
    Data(Option<Version>),
    /// It failed; the server wants to be left alone until a moment.
    Failed(Option<Mono>),
    /// The app cancelled it.
    Cancelled,
}

/// All keys that the adapter told of.
#[derive(Debug)]
pub(super) struct Ledger {
    slots: Vec<Option<Entry>>,
    free: Vec<KeyId>,
    by_key: Map<QueryKey, KeyId>,
    /// Keys whose state has a moment.
    listed: Vec<KeyId>,
    /// Not later than the first of these moments.
    next: Option<Mono>,
    hosts: Vec<(Rc<str>, Bucket)>,
    page_visible: bool,
    /// Keys that are stale without anybody looking, since the last telling.
    unseen: Vec<KeyId>,
    /// Keys of which a fetch was taken for lost, since the last telling.
    lost: Vec<QueryKey>,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Ledger {
            slots: Vec::new(),
            free: Vec::new(),
            by_key: Map::new(),
            listed: Vec::new(),
            next: None,
            hosts: vec![("".into(), Bucket::full(Mono(0)))],
            page_visible: true,
            unseen: Vec::new(),
            lost: Vec::new(),
        }
    }

    /// The keys of which a fetch was taken for lost, since they were last asked for.
    pub(super) fn take_lost(&mut self) -> Vec<QueryKey> {
        std::mem::take(&mut self.lost)
    }

    /// The page was away, or the network: what is being fetched may hang for ever.
    pub(super) fn was_away(&mut self, now: Mono) {
        for &id in &self.listed {
            let Some(entry) = self.slots.get_mut(id.0 as usize).and_then(Option::as_mut) else {
                continue;
            };
            let twice = entry.cost.0.saturating_mul(2);
            let span = Millis(twice.clamp(FETCH_LOST_WHEN_AWAY.0, FETCH_LOST_WHEN_AWAY_MAX.0));
            if let Some(lost) = entry.state.lost_by(now + span) {
                self.next = Some(self.next.map_or(lost, |next| next.min(lost)));
            }
        }
    }

    /// The keys that nobody looks at and that are stale, since they were last asked for.
    pub(super) fn take_unseen(&mut self) -> Vec<QueryKey> {
        let unseen = std::mem::take(&mut self.unseen);
        let entries = unseen.iter().filter_map(|id| self.get(*id));
        entries
            .filter(|entry| matches!(entry.state, State::Dormant(_)))
            .map(|entry| entry.key.clone())
            .list()
    }

    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    pub(super) fn page_visible(&mut self, visible: bool) {
        self.page_visible = visible;
    }

    pub(super) fn find(&self, key: &QueryKey) -> Option<KeyId> {
        self.by_key.get(key).copied()
    }

    pub(super) fn get(&self, id: KeyId) -> Option<&Entry> {
        self.slots.get(id.0 as usize)?.as_ref()
    }

    fn get_mut(&mut self, id: KeyId) -> Option<&mut Entry> {
        self.slots.get_mut(id.0 as usize)?.as_mut()
    }

    /// The keys that lie in a family, found by how they begin.
    pub(super) fn of_family(&self, family: &QueryKey) -> Vec<KeyId> {
        let stem = family.stem();
        self.by_key
            .range_from(stem)
            .take_while(|(key, _)| key.text().starts_with(stem))
            .filter(|(key, _)| key.in_family(family))
            .map(|(_, id)| *id)
            .list()
    }

    /// A new key, whose data has seen what was heard up to `read`. Nothing if there is no room.
    pub(super) fn add(
        &mut self,
        key: &QueryKey,
        read: Tide,
        families: Vec<FamilyId>,
    ) -> Option<KeyId> {
        if self.by_key.len() >= KEYS_MAX {
            return None;
        }
        let id = match self.free.pop() {
            Some(id) => id,
            None => {
                let id = KeyId(u32::try_from(self.slots.len()).ok()?);
                self.slots.push(None);
                id
            }
        };
        *self.slots.get_mut(id.0 as usize)? = Some(Entry {
            key: key.clone(),
            families,
            state: State::Settled,
            active: false,
            visible: true,
            read,
            version: None,
            cost: Millis(0),
            failures: 0,
            hold: Mono(0),
            last: None,
            host: 0,
            listed: false,
        });
        self.by_key.insert(key.clone(), id);
        Some(id)
    }

    /// Takes a key out; gives the families that it was in.
    pub(super) fn remove(&mut self, key: &QueryKey) -> Option<(KeyId, Vec<FamilyId>)> {
        let id = self.by_key.remove(key)?;
        let entry = self.slots.get_mut(id.0 as usize)?.take()?;
        if entry.listed {
            self.listed.retain(|have| *have != id);
        }
        self.free.push(id);
        Some((id, entry.families))
    }

    pub(super) fn join(&mut self, id: KeyId, family: FamilyId) {
        if let Some(entry) = self.get_mut(id) {
            entry.families.push(family);
        }
    }

    pub(super) fn leave(&mut self, id: KeyId, family: FamilyId) {
        if let Some(entry) = self.get_mut(id) {
            entry.families.retain(|have| *have != family);
        }
    }

    /// Which host the key is fetched from.
    pub(super) fn set_host(&mut self, now: Mono, id: KeyId, host: &str) {
        let at = self.host(now, host);
        if let Some(entry) = self.get_mut(id) {
            entry.host = at;
        }
    }

    fn host(&mut self, now: Mono, host: &str) -> usize {
        if let Some(at) = self.hosts.iter().position(|(have, _)| **have == *host) {
            return at;
        }
        if self.hosts.len() >= HOSTS_MAX {
            return 0;
        }
        self.hosts.push((host.into(), Bucket::full(now)));
        self.hosts.len() - 1
    }

    /// The host that a key is fetched from.
    pub(super) fn host_of(&self, id: KeyId) -> Rc<str> {
        let host = self.get(id).map_or(0, |entry| entry.host);
        match self.hosts.get(host) {
            Some((name, _)) => Rc::clone(name),
            None => "".into(),
        }
    }

    /// A host wants to be left alone until a moment.
    pub(super) fn calm(&mut self, now: Mono, host: &str, until: Mono) {
        let at = self.host(now, host);
        if let Some((_, bucket)) = self.hosts.get_mut(at) {
            bucket.calm(until);
        }
    }

    /// Somebody looks at a key, or it is only in the cache.
    pub(super) fn look(&mut self, now: Mono, id: KeyId, active: bool, visible: bool) {
        let Some(entry) = self.get_mut(id) else {
            return;
        };
        // Said again and again, as when a page renders anew, it must not undo the spread of a herd.
        if entry.active == active && entry.visible == visible {
            return;
        }
        entry.active = active;
        entry.visible = visible;
        let input = if active { Input::Observed } else { Input::Left };
        self.step(now, now, id, input);
    }

    /// Something happened that a key may not show yet; it is refetched not before `earliest`.
    /// True if it is owed.
    pub(super) fn mark(&mut self, now: Mono, earliest: Mono, id: KeyId, debt: Debt) -> bool {
        let Some(entry) = self.get(id) else {
            return false;
        };
        let shown = debt.need.met_by_version(entry.version.as_ref())
            || entry.state.fetch().is_none() && debt.need.met_by_fetch(entry.read);
        if shown {
            return false;
        }
        self.step(now, earliest, id, Input::Marked(debt));
        true
    }

    /// Since when a fetch of a key runs; nothing if none does.
    pub(super) fn fetching_since(&self, id: KeyId) -> Option<Mono> {
        self.get(id)?.state.fetch().map(|fetch| fetch.since)
    }

    /// How long until a key is refetched after a gap, at most.
    pub(super) fn is_visible(&self, id: KeyId) -> bool {
        self.page_visible && self.get(id).is_some_and(|entry| entry.visible)
    }

    /// A fetch of a key started, at this tide.
    pub(super) fn start(&mut self, now: Mono, id: KeyId, started: Tide, number: Option<u64>) {
        let fetch = Fetch {
            started,
            since: now,
            lost: now + FETCH_LOST_AFTER,
            number,
        };
        if let Some(entry) = self.get_mut(id) {
            entry.last = Some(now);
        }
        self.step(now, now, id, Input::Started(fetch));
    }

    /// A fetch of a key ended. False if it was not the last one that started: what it brought is
    /// older than what is to come.
    pub(super) fn end(
        &mut self,
        now: Mono,
        id: KeyId,
        number: Option<u64>,
        end: End,
        rng: &mut Rng,
    ) -> bool {
        let Some(entry) = self.get_mut(id) else {
            return false;
        };
        let fetch = entry.state.fetch().copied();
        if let (Some(ended), Some(running)) = (number, fetch.and_then(|fetch| fetch.number))
            && ended != running
        {
            return false;
        }
        let input = match end {
            End::Data(version) => {
                if let Some(fetch) = fetch {
                    entry.read = entry.read.max(fetch.started);
                    let took = now.since(fetch.since);
                    // Half of it is news, so that one slow answer does not stick. That the page was away meanwhile
                    // says nothing of the fetch.
                    if fetch.lost >= fetch.since + FETCH_LOST_AFTER {
                        entry.cost = Millis((entry.cost.0 + took.0).div_ceil(2));
                    }
                    entry.failures = 0;
                    entry.hold = Mono(0);
                }
                if version.is_some() {
                    entry.version.clone_from(&version);
                }
                Input::Succeeded(version)
            }
            End::Failed(calm) => {
                entry.failures = entry.failures.saturating_add(1);
                let most = backoff(entry.failures);
                let hold = now + WINDOW + rng.jitter(most);
                // The server's wish is kept, and spread a little: other tabs have heard it too.
                let calm = calm.map_or(Mono(0), |until| until + rng.jitter(REFETCH_BACKOFF_FIRST));
                entry.hold = hold.max(calm);
                Input::Failed
            }
            End::Cancelled => {
                entry.hold = now + CANCEL_CALM;
                Input::Failed
            }
        };
        self.step(now, now, id, input);
        true
    }

    fn step(&mut self, now: Mono, earliest: Mono, id: KeyId, input: Input) {
        let Some(entry) = self.slots.get_mut(id.0 as usize).and_then(Option::as_mut) else {
            return;
        };
        let window = entry.last.map_or(now, |last| last + WINDOW);
        let facts = Facts {
            active: entry.active,
            due: now.max(window).max(entry.hold).max(earliest),
            hold: entry.hold.max(now + WINDOW),
            start_by: now + REFETCH_START_WITHIN,
        };
        let state = std::mem::replace(&mut entry.state, State::Settled);
        let slept = matches!(state, State::Dormant(_));
        entry.state = state.step(input, facts);
        if !slept && matches!(entry.state, State::Dormant(_)) {
            self.unseen.push(id);
        }
        if let Some(moment) = entry.state.moment() {
            if !entry.listed {
                entry.listed = true;
                self.listed.push(id);
            }
            self.next = Some(self.next.map_or(moment, |next| next.min(moment)));
        }
    }

    /// Nothing is known of what any key shows, and nothing is owed; whoever looked still does.
    pub(super) fn forget(&mut self, read: Tide) {
        for entry in self.slots.iter_mut().flatten() {
            entry.state = State::Settled;
            entry.read = read;
            entry.version = None;
            entry.failures = 0;
            entry.hold = Mono(0);
            entry.last = None;
            entry.listed = false;
        }
        self.listed.clear();
        self.unseen.clear();
        self.lost.clear();
        self.next = None;
    }

    pub(super) fn next_wakeup(&self) -> Option<Mono> {
        self.next
    }

    /// The keys whose turn it is, each with why.
    pub(super) fn take_due(&mut self, now: Mono, rng: &mut Rng) -> Vec<(QueryKey, Rc<Cause>)> {
        let mut out = Vec::new();
        if self.next.is_none_or(|next| next > now) {
            return out;
        }
        for id in self.give_up(now, rng) {
            if let Some(entry) = self.get_mut(id)
                && let Some(debt) = entry.state.to_tell()
            {
                out.push((entry.key.clone(), Rc::clone(&debt.cause)));
                entry.last = Some(now);
            }
            self.step(now, now, id, Input::Due);
        }
        self.plan(now);
        out
    }

    /// Ends what took too long; gives those whose turn it is, within what the hosts bear.
    fn give_up(&mut self, now: Mono, rng: &mut Rng) -> Vec<KeyId> {
        let mut late = Vec::new();
        let mut turns = Turns::of(&mut self.hosts, now);
        let slots = &self.slots;
        let page_visible = self.page_visible;
        for &id in &self.listed {
            let Some(entry) = slots.get(id.0 as usize).and_then(Option::as_ref) else {
                continue;
            };
            match entry.state.moment().filter(|moment| *moment <= now) {
                Some(due) if entry.state.to_tell().is_some() => {
                    turns.offer(entry.host, entry.rank(now, due, page_visible), id);
                }
                Some(_) => late.push(id),
                None => {}
            }
        }
        for id in late {
            if let Some(entry) = self.get_mut(id) {
                entry.failures = entry.failures.saturating_add(1);
                entry.hold = now + WINDOW + rng.jitter(backoff(entry.failures));
                if entry.state.fetch().is_some() {
                    let key = entry.key.clone();
                    self.lost.push(key);
                }
            }
            self.step(now, now, id, Input::Due);
        }
        turns.take(&mut self.hosts)
    }

    /// Forgets those that wait for nothing, and finds the next moment.
    fn plan(&mut self, now: Mono) {
        let (slots, hosts) = (&mut self.slots, &self.hosts);
        let mut next: Option<Mono> = None;
        self.listed.retain(|id| {
            let Some(entry) = slots.get_mut(id.0 as usize).and_then(Option::as_mut) else {
                return false;
            };
            let Some(mut moment) = entry.state.moment() else {
                entry.listed = false;
                return false;
            };
            if moment <= now
                && let Some((_, bucket)) = hosts.get(entry.host)
            {
                moment = bucket.ready(now);
            }
            next = Some(next.map_or(moment, |next| next.min(moment)));
            true
        });
        self.next = next;
    }

    #[cfg(test)]
    pub(super) fn state(&self, key: &QueryKey) -> Option<&State> {
        self.find(key)
            .and_then(|id| self.get(id))
            .map(|entry| &entry.state)
    }
}

impl Entry {
    /// The smaller, the sooner: who waited too long, who is on the screen, who is cheap, who was
    /// first.
    fn rank(&self, now: Mono, due: Mono, page_visible: bool) -> u64 {
        let waited = now.since(due);
        let patient = u64::from(waited < REFETCH_WAIT_MAX);
        let hidden = u64::from(!(self.visible && page_visible));
        let cost = if patient == 0 {
            0
        } else {
            self.cost.0.min((1 << 20) - 1)
        };
        let hidden = if patient == 0 { 0 } else { hidden };
        let order = ((1u64 << 40) - 1).saturating_sub(waited.0);
        patient << 63 | hidden << 62 | cost << 40 | order
    }
}

/// Full jitter up to this.
fn backoff(failures: u32) -> Millis {
    let doublings = failures.saturating_sub(1).min(16);
    Millis((REFETCH_BACKOFF_FIRST.0 << doublings).min(REFETCH_BACKOFF_MAX.0))
}

/// The best of those that want a turn, as many as there are tokens.
struct Turns(Vec<HostTurns>);

struct HostTurns {
    room: usize,
    best: Vec<(u64, KeyId)>,
}

impl Turns {
    fn of(hosts: &mut [(Rc<str>, Bucket)], now: Mono) -> Self {
        let room = |(_, bucket): &mut (Rc<str>, Bucket)| HostTurns {
            room: usize::try_from(bucket.available(now)).unwrap_or(usize::MAX),
            best: Vec::new(),
        };
        Turns(hosts.iter_mut().map(room).list())
    }

    fn offer(&mut self, host: usize, rank: u64, id: KeyId) {
        let Some(turns) = self.0.get_mut(host) else {
            return;
        };
        let bid = (rank, id);
        let at = turns.best.partition_point(|have| *have <= bid);
        if at < turns.room {
            turns.best.truncate(turns.room - 1);
            turns.best.insert(at, bid);
        }
    }

    fn take(self, hosts: &mut [(Rc<str>, Bucket)]) -> Vec<KeyId> {
        let mut out = Vec::new();
        for (turns, (_, bucket)) in self.0.into_iter().zip(hosts) {
            bucket.take(turns.best.len() as u64);
            out.extend(turns.best.into_iter().map(|(_, id)| id));
        }
        out
    }
}
