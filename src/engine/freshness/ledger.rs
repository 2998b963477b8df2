//! What is known of one contract: how old its data is, who said so, and what went wrong.

use std::rc::Rc;

use super::contract::{Contract, Hidden};
use super::probe::Tagged;
use super::word::Need;
use crate::engine::key::QueryKey;
use crate::engine::limits::{
    ASK_PATIENCE, ASK_SLACK, CONTRACT_KEYS_MAX, LOOK_AHEAD_MIN, LOOK_TOOK_MAX,
};
use crate::engine::time::{Millis, Mono, Wall};

/// Data was `age` old at the moment `at`. Not one moment, because data of before a reload is older
/// than this page's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) at: Mono,
    pub(super) age: Millis,
}

impl Known {
    pub(super) fn fresh(at: Mono) -> Known {
        let age = Millis(0);
        Known { at, age }
    }

    pub(super) fn age(self, now: Mono) -> Millis {
        Millis(now.since(self.at).0.saturating_add(self.age.0))
    }

    /// Is it the older one? Whatever the time is now.
    fn is_older(self, other: Known) -> bool {
        let (a, b) = (self, other);
        a.at.0.saturating_add(b.age.0) < b.at.0.saturating_add(a.age.0)
    }

    /// When it will be as old as the window allows, or was.
    pub(super) fn end(self, window: Millis) -> Mono {
        let end = self.at + window;
        Mono(end.0.saturating_sub(self.age.0))
    }
}

/// How old a contract's data is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// There is no data that anybody looks at.
    Nothing,
    /// There is, but a clock jumped.
    Unknown,
    /// The oldest of it is this old.
    Known(Known),
}

/// A key of the contract's family.
#[derive(Debug)]
pub(super) struct KeyAge {
    pub(super) key: QueryKey,
    pub(super) active: bool,
    /// When the fetch that runs started.
    pub(super) started: Option<Mono>,
    /// How old the data is, counted from the start of the fetch that brought it.
    pub(super) fetched: Option<Known>,
    /// How old the data is: younger than its fetch when a probe vouched for it.
    pub(super) known: Option<Known>,
    /// When the data came, or word that it is the newest.
    pub(super) arrived: Option<Mono>,
    /// The last fetch failed.
    pub(super) failed: bool,
    /// When it was seen first.
    pub(super) seen: Option<Mono>,
    /// The app had nothing to show: it was fetched as soon as it was seen.
    pub(super) empty: bool,
}

/// Who said last that the data is fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A fetch that an event led to.
    Push,
    /// A fetch that a poll led to.
    Poll,
    /// A probe that found nothing changed.
    Probe,
    /// A fetch of the app.
    Fetch,
    /// What was stored before the page was loaded again.
    Reload,
}

impl Source {
    pub(super) fn text(self) -> &'static str {
        match self {
            Source::Push => "push",
            Source::Poll => "poll",
            Source::Probe => "probe",
            Source::Fetch => "fetch",
            Source::Reload => "reload",
        }
    }
}

/// Why a look is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It was time.
    Poll,
    /// Somebody came back to the page.
    Focus,
    /// The page was loaded again, or brought back.
    Reload,
    /// A clock jumped: nothing is known.
    Wake,
    /// The user asked for it.
    User,
}

impl Why {
    /// As the app reads it.
    pub fn text(self) -> &'static str {
        match self {
            Why::Poll => "poll",
            Why::Focus => "focus",
            Why::Reload => "reload",
            Why::Wake => "wake",
            Why::User => "user",
        }
    }
}

/// Why a window was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// There is no network.
    Offline,
    /// The browser woke us too late.
    Throttled,
    /// The page was frozen, or the machine slept.
    Frozen,
    /// The fetch took too long.
    SlowFetch,
    /// The server failed, or wants calm, or will not tell us.
    ServerError,
}

impl Blame {
    /// As the app reads it.
    pub fn text(self) -> &'static str {
        match self {
            Blame::Offline => "offline",
            Blame::Throttled => "throttled",
            Blame::Frozen => "frozen",
            Blame::SlowFetch => "slow-fetch",
            Blame::ServerError => "server-error",
        }
    }
}

/// Why nothing is fetched offline, for reading by people.
pub(super) const NO_NETWORK: &str = "there is no network";

/// What went wrong last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) at: Mono,
    pub(super) blame: Blame,
    pub(super) reason: &'static str,
}

/// How the contract's probe stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    /// There is none, or it is of no use: the family is fetched to be known.
    None,
    /// Nothing is under way.
    Ready(Option<Tagged>),
    /// An answer is awaited.
    Asking {
        number: u32,
        started: Mono,
        tag: Option<Tagged>,
        /// The second time, without a condition.
        plain: bool,
    },
    /// The server wants to know who asks.
    Login,
    /// The server does not want to be asked by us: not before somebody logs in.
    Refused,
    /// There is nothing to ask for any more.
    Gone,
}

impl Probe {
    /// Can nothing be asked now?
    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Probe::Asking { .. }) || self.rests()
    }

    /// Is nothing asked, until something else changes?
    pub(super) fn rests(&self) -> bool {
        matches!(self, Probe::Login | Probe::Refused | Probe::Gone)
    }
}

/// A contract and all that is known of it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) contract: Contract,
    /// Components that watch it in this tab.
    pub(super) watchers: u32,
    pub(super) enabled: bool,
    pub(super) keys: Vec<KeyAge>,
    /// The age of the data before a reload, until all that somebody looks at was fetched since.
    pub(super) stored: Age,
    /// When this tab took or asked for its last look.
    pub(super) asked: Option<Mono>,
    /// When a look was taken that covers everything that this page shows.
    pub(super) covered: Option<Mono>,
    /// Look as soon as it is allowed.
    pub(super) urgent: Option<Why>,
    /// When this tab was last told to fetch.
    pub(super) told: Option<Mono>,
    /// How long the look took that led to it.
    pub(super) told_after: Millis,
    /// When this tab fetches by itself because its leader does not answer.
    pub(super) rescue: Option<Mono>,
    /// No look before this: the server wants calm, or looking failed.
    pub(super) hold: Mono,
    /// No look before this: the server wants calm.
    pub(super) barred: Mono,
    pub(super) failures: u32,
    /// The last event of the family.
    pub(super) event: Option<Mono>,
    /// What this page needs.
    pub(super) need: Need,
    /// Since when some page needs it.
    pub(super) wanted: Option<Mono>,
    /// Since when this page relies on the window.
    pub(super) obliged: Option<Mono>,
    /// The window is broken, and that was told.
    pub(super) broken: bool,
    pub(super) violations: u64,
    pub(super) source: Option<Source>,
    pub(super) trouble: Option<Trouble>,
    pub(super) probe: Probe,
    /// Nothing could be asked.
    pub(super) rests: bool,
    /// When that last ended.
    pub(super) rested: Option<Mono>,
    /// A token came after the last refusal.
    pub(super) after_token: bool,
    /// The last probe that found nothing new: since when nothing is, and as of when.
    pub(super) vouched: Option<(Mono, Mono)>,
    /// When a fetch last ended well.
    pub(super) arrived: Option<Mono>,
    /// How long fetches take, and answers to probes.
    pub(super) took: Millis,
    pub(super) answer_took: Millis,
    /// How long the last look took.
    pub(super) look_took: Millis,
    /// When a look began that whoever took it did not finish: the next one goes on with it.
    pub(super) unfinished: Option<Mono>,
    pub(super) saved: Option<Wall>,
    /// The word that the app was shown last, and since when.
    pub(super) shown: (&'static str, Wall),
}

/// How long it takes, with what is known of before; a slow one counts for some time.
pub(super) fn slower(known: Millis, took: Millis) -> Millis {
    took.min(LOOK_TOOK_MAX).max(Millis(known.0 / 4 * 3))
}

impl Entry {
    pub(super) fn new(contract: Contract) -> Entry {
        Entry {
            watchers: 0,
            enabled: contract.enabled,
            keys: Vec::new(),
            stored: Age::Nothing,
            asked: None,
            covered: None,
            urgent: None,
            told: None,
            told_after: Millis(0),
            rescue: None,
            hold: Mono(0),
            barred: Mono(0),
            failures: 0,
            event: None,
            need: Need::None,
            wanted: None,
            obliged: None,
            broken: false,
            violations: 0,
            source: None,
            trouble: None,
            probe: match contract.probe {
                Some(_) => Probe::Ready(None),
                None => Probe::None,
            },
            rests: false,
            rested: None,
            after_token: false,
            vouched: None,
            arrived: None,
            took: Millis(0),
            answer_took: Millis(0),
            look_took: Millis(0),
            unfinished: None,
            saved: None,
            shown: ("unwatched", Wall(0)),
            contract,
        }
    }

    /// Does anybody in this tab look at it?
    pub(super) fn watched(&self) -> bool {
        self.watchers > 0 || self.keys.iter().any(|key| key.active)
    }

    pub(super) fn goes_on_hidden(&self) -> bool {
        self.contract.hidden == Hidden::Continue
    }

    /// May the engine look by itself?
    pub(super) fn automatic(&self) -> bool {
        use super::interval::Poll;
        let polls = self.contract.poll != Poll::Never;
        !self.contract.manual && (polls || self.contract.focus_after.is_some())
    }

    pub(super) fn shown_keys(&self) -> impl Iterator<Item = &KeyAge> {
        self.keys
            .iter()
            .filter(|key| key.active && key.fetched.is_some())
    }

    /// How old the oldest data is that somebody looks at.
    pub(super) fn age(&self) -> Age {
        let mut oldest: Option<Known> = None;
        for key in self.shown_keys() {
            let Some(known) = key.known else {
                return Age::Unknown;
            };
            if oldest.is_none_or(|oldest| known.is_older(oldest)) {
                oldest = Some(known);
            }
        }
        // What neither was nor is fetched shows what was there before the reload.
        match (oldest, self.stored) {
            (Some(known), _) if !self.any_restored() => Age::Known(known),
            (Some(known), Age::Known(stored)) if !stored.is_older(known) => Age::Known(known),
            (Some(known), Age::Nothing) => Age::Known(known),
            (_, stored) => stored,
        }
    }

    /// Does somebody look at a key that was not fetched since the page was loaded?
    pub(super) fn any_restored(&self) -> bool {
        let mut keys = self.keys.iter();
        keys.any(|key| key.active && key.fetched.is_none() && !key.empty)
    }

    /// Something went well. What failed of another key may be why the window breaks all the same.
    pub(super) fn went_well(&mut self) {
        if !self.keys.iter().any(|key| key.active && key.failed) {
            self.trouble = None;
        }
    }

    /// Is everything that somebody looks at being fetched?
    pub(super) fn all_in_flight(&self) -> bool {
        self.in_flight_since().is_some()
    }

    /// When the oldest fetch began, if everything that somebody looks at is being fetched.
    pub(super) fn in_flight_since(&self) -> Option<Mono> {
        let mut oldest = None;
        for key in self.keys.iter().filter(|key| key.active) {
            let started = key.started?;
            oldest = Some(oldest.map_or(started, |oldest: Mono| oldest.min(started)));
        }
        oldest
    }

    /// Is it needed here, and has nobody fetched it, or been told to, since then?
    pub(super) fn unfetched_since(&self, moment: Mono) -> bool {
        let fetched = match self.age() {
            Age::Known(known) => Some(Mono(known.at.0.saturating_sub(known.age.0))),
            Age::Nothing | Age::Unknown => None,
        };
        let last = fetched.max(self.in_flight_since()).max(self.told);
        self.need > Need::None && last.is_none_or(|last| last < moment)
    }

    /// The key's record; nothing if there is no room for it.
    pub(super) fn key(&mut self, key: &QueryKey) -> Option<&mut KeyAge> {
        if let Some(at) = self.keys.iter().position(|have| have.key == *key) {
            return self.keys.get_mut(at);
        }
        if self.keys.len() >= CONTRACT_KEYS_MAX {
            return None;
        }
        self.keys.push(KeyAge {
            key: key.clone(),
            active: false,
            started: None,
            fetched: None,
            known: None,
            failed: false,
            seen: None,
            arrived: None,
            empty: false,
        });
        self.keys.last_mut()
    }

    /// How long before the end of a window a look has to begin: what it finds may have to be
    /// fetched.
    pub(super) fn ahead(&self, window: Millis) -> Millis {
        let both = self.took.0.saturating_add(self.answer_took.0);
        let usual = Millis(both.saturating_add(both / 2).saturating_add(500));
        usual.max(LOOK_AHEAD_MIN).min(Millis(window.0 / 4))
    }

    /// Until when the leader has time to answer: not so long that the window breaks meanwhile.
    pub(super) fn patience(&self, now: Mono) -> Mono {
        let usual = now + ASK_PATIENCE;
        let fetch = self.took.0.saturating_add(self.took.0 / 2);
        let fetch = fetch.max(ASK_SLACK.0);
        match self.deadline() {
            Some(end) if end > now => {
                let latest = Mono(end.0.saturating_sub(fetch));
                usual.min(latest.max(now + ASK_SLACK))
            }
            Some(_) | None => usual,
        }
    }

    /// Remembers how long a fetch took.
    pub(super) fn learn(&mut self, took: Millis) {
        self.took = slower(self.took, took);
    }

    /// The probe was refused, and is asked again as soon as it may be.
    pub(super) fn try_anew(&mut self) {
        self.probe = Probe::Ready(None);
        self.urgent.get_or_insert(Why::Poll);
    }

    /// The server wants calm.
    pub(super) fn bar(&mut self, until: Mono) {
        self.barred = self.barred.max(until);
        self.hold = self.hold.max(until);
    }

    pub(super) fn idle(&self) -> bool {
        self.need == Need::Idle
    }

    /// Forgets what belongs to one user.
    pub(super) fn forget(&mut self) {
        let contract = self.contract.clone();
        // Who looked still does; an adapter need not say so again.
        let mut keys = std::mem::take(&mut self.keys);
        for key in &mut keys {
            (key.started, key.fetched, key.known) = (None, None, None);
        }
        *self = Entry {
            watchers: self.watchers,
            enabled: self.enabled,
            keys,
            ..Entry::new(contract)
        };
    }

    pub(super) fn name(&self) -> Rc<str> {
        Rc::clone(&self.contract.name)
    }
}
