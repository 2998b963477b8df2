//! G4: how old is what a contract watches, and was each broken window told, once and truly? An
//! oracle of its own: it knows when each fetch began and when the server last said of a version
//! that it is the newest, and nothing of the engine.
//!
//! Ages are counted on the computer's monotonic clock: a sleep of which no clock of a page tells
//! makes data older than anybody on that computer can know.

use everfresh::engine::command::Command;
use everfresh::engine::freshness::{Blame, Violation};
use everfresh::engine::input::PageEvent;

use crate::agenda::{MIN, MS, S, Time};
use crate::promises::Promise;
use crate::query::{Answer, Style};
use crate::sometimes::Rare;
use crate::story::tell;
use crate::tab::{Arrival, Life};
use crate::terms::Term;
use crate::world::World;

/// Whoever comes back to old data has this long to fetch it.
const GRACE: Time = 5 * S;
/// How late a broken window may be told by a page whose timers run.
const TOLD_WITHIN: Time = 1500 * MS;
/// A fetch that takes longer than this may be why a window breaks.
pub(crate) const LONG: Time = 500 * MS;
/// One that takes less was begun too late, whatever the reason: a look begins a second before the
/// window ends, and is at most the word of another tab, a question and a fetch.
pub(crate) const RUNS: Time = 300 * MS;
/// Clocks of pages are that coarse.
pub(crate) const GRAIN: Time = 5 * MS;

/// What a tab does with one contract, and what came of it.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The app watches it by its name.
    pub(crate) by_name: bool,
    /// It is in force.
    pub(crate) enabled: bool,
    /// Since when somebody relies on it, on the monotonic clock.
    relies: Option<Time>,
    /// Since when somebody would if anything was shown.
    waits: Option<Time>,
    /// Something that may have made its data younger happened since it was last told that its
    /// window is broken; nothing if it was not told.
    pub(crate) told: Option<bool>,
    /// The window was broken, and that was told, when somebody last gave up relying on it.
    left_broken: bool,
    /// When a fetch of it last failed.
    pub(crate) failed: Time,
    /// When one that took long ended.
    pub(crate) slow: Time,
    /// When its tab asked another one to look that has not answered yet.
    pub(crate) asks: Option<Time>,
    /// When the app last cancelled one.
    pub(crate) cancelled: Time,
    /// When the engine last wanted it fetched because it was time.
    pub(crate) due: Option<Time>,
    /// The time before.
    pub(crate) due_before: Option<Time>,
    /// How often it did since the world is calm.
    pub(crate) dues: u64,
    /// Its user is idle, and so its window longer.
    idle: bool,
}

impl Default for Watch {
    fn default() -> Self {
        Watch {
            by_name: false,
            enabled: true,
            relies: None,
            waits: None,
            told: None,
            left_broken: false,
            failed: 0,
            slow: 0,
            cancelled: 0,
            asks: None,
            due: None,
            due_before: None,
            dues: 0,
            idle: false,
        }
    }
}

impl Watch {
    fn begin_anew(&mut self, mono: Time) {
        self.relies = self.relies.map(|_| mono);
        self.waits = self.waits.map(|_| mono);
    }
}

/// How old a contract's data is: until when its window holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends {
    /// If all counts that the server said.
    last: Time,
    /// If only that counts which the engine surely knows.
    sure: Time,
    /// If only fetches count.
    pub(crate) first: Time,
    /// When the fetch of its oldest data began, in the world's time.
    pub(crate) since: Time,
}

impl World {
    /// Does somebody in a tab look at data of a contract?
    pub(crate) fn shows(&self, tab: usize, term: usize) -> bool {
        let family = self.terms.list[term].family;
        let mut queries = self.tabs[tab].app.queries.list.iter();
        queries.any(|query| query.mounted && query.family == family && query.shown.is_some())
    }

    /// Would somebody rely on a contract's window in a tab if anything was shown?
    fn waits(&self, tab: usize, term: usize) -> bool {
        let terms = &self.terms.list[term];
        let put_away = self.tabs[tab].life == Life::Cached;
        let seen = self.tabs[tab].hidden.is_none() && !put_away || terms.hidden;
        terms.polls()
            && terms.window.is_some()
            && seen
            && self.terms.tabs[tab].watches[term].enabled
            && self.tabs[tab]
                .app
                .queries
                .is_mounted(self.terms.list[term].family)
    }

    /// Sees who relies on what now. Called whenever something happened to a tab.
    pub(crate) fn reckon(&mut self, tab: usize) {
        let mono = self.browsers[self.tabs[tab].seat.browser].mono(self.now);
        for term in 0..self.terms.list.len() {
            let waits = self.waits(tab, term);
            let relies = waits && self.shows(tab, term);
            let rests = self.terms.list[term].idle;
            let active = self.terms.tabs[tab].active;
            let idle = rests.is_some_and(|(after, _)| active + after <= self.now);
            let lost = self
                .ends(tab, term)
                .is_some_and(|ends| self.lost(tab, ends));
            let watch = &mut self.terms.tabs[tab].watches[term];
            if relies != watch.relies.is_some() {
                watch.relies = relies.then_some(mono);
                // Who was told of what was stored, and so may have been shown, is told of what
                // comes too old in its place: it was never said that the window holds again.
                watch.left_broken |= !relies && watch.told.is_some();
                watch.told = watch.told.filter(|_| relies).map(|_| true);
            }
            // Who comes back and cannot know how old it is need not be told again.
            if relies && lost && std::mem::take(&mut watch.left_broken) {
                watch.told.get_or_insert(true);
            }
            if waits != watch.waits.is_some() {
                watch.waits = waits.then_some(mono);
            }
            if std::mem::replace(&mut watch.idle, idle) != idle {
                // The longer window may hold, and break in its turn.
                watch.told = watch.told.map(|_| true);
            }
            let holds = |ends: Ends| ends.sure >= mono && !lost;
            if self.ends(tab, term).is_some_and(holds) {
                let watch = &mut self.terms.tabs[tab].watches[term];
                watch.left_broken = false;
                watch.told = watch.told.filter(|just| !just);
            }
            self.note_need(tab, term);
        }
    }

    /// The allowance for who comes back begins anew, for some contracts of a tab.
    pub(crate) fn begin_anew(&mut self, tab: usize, which: impl Fn(&Term) -> bool) {
        let mono = self.browsers[self.tabs[tab].seat.browser].mono(self.now);
        for at in 0..self.terms.list.len() {
            // That nobody knows how old it is does not mend a window: who was told need not be
            // told again.
            let lost = self.ends(tab, at).is_some_and(|ends| self.lost(tab, ends));
            let watch = &mut self.terms.tabs[tab].watches[at];
            if which(&self.terms.list[at]) {
                watch.begin_anew(mono);
                watch.told = watch.told.filter(|_| lost).map(|_| true);
            }
        }
    }

    fn lost_track(&mut self, tab: usize) {
        let mono = self.browsers[self.tabs[tab].seat.browser].mono(self.now);
        for watch in &mut self.terms.tabs[tab].watches {
            watch.told = watch.told.map(|_| true);
            watch.begin_anew(mono);
        }
    }

    /// A tab runs again that was not told that it would stand still. If it finds out, it may begin
    /// anew.
    pub(crate) fn stood_still(&mut self, tab: usize) {
        self.note_waking(tab);
        let mono = self.browsers[self.tabs[tab].seat.browser].mono(self.now);
        let watches = &mut self.terms.tabs[tab].watches;
        for (term, watch) in self.terms.list.iter().zip(watches) {
            watch.told = watch.told.map(|_| true);
            if !term.hidden {
                watch.begin_anew(mono);
            }
            // Who relies on it at every moment is told at once, but for what is of a time that nobody knows: there is
            // time to fetch that.
            watch.relies = watch.relies.map(|_| mono);
        }
    }

    /// The app's fetch of a query ended.
    pub(crate) fn fetched(&mut self, tab: usize, query: usize, answer: Answer) {
        let family = self.shape.queries[query].0;
        self.vouch_for_answer(tab, query, answer);
        let (now, began) = (self.now, self.tabs[tab].app.queries.list[query].proven);
        let watches = &mut self.terms.tabs[tab].watches;
        for (term, watch) in self.terms.list.iter().zip(watches) {
            match answer {
                _ if term.family != family => {}
                Answer::Data(_) => {
                    watch.told = watch.told.map(|_| true);
                    if began.is_some_and(|began| now > began + RUNS) {
                        watch.slow = now;
                    }
                }
                Answer::Failed(_) => watch.failed = now,
            }
        }
    }

    /// Nobody looks at a query any more: what is left may be younger than it was, and is old anew
    /// in its turn.
    pub(crate) fn put_aside(&mut self, tab: usize, query: usize) {
        let family = self.shape.queries[query].0;
        let watches = &mut self.terms.tabs[tab].watches;
        for (term, watch) in self.terms.list.iter().zip(watches) {
            if term.family == family {
                watch.told = watch.told.map(|_| true);
            }
        }
    }

    /// The app cancelled a fetch.
    pub(crate) fn fetch_cancelled(&mut self, tab: usize, key: &str) {
        let mut queries = self.tabs[tab].app.queries.list.iter();
        let family = queries
            .find(|query| query.key == key)
            .map(|query| query.family);
        let watches = &mut self.terms.tabs[tab].watches;
        for (term, watch) in self.terms.list.iter().zip(watches) {
            if Some(term.family) == family {
                watch.cancelled = self.now;
            }
        }
    }

    /// What the page of a tab is told may begin the allowance anew.
    pub(crate) fn reckon_arrival(&mut self, tab: usize, arrival: &Arrival) {
        (0..self.terms.list.len()).for_each(|term| self.note_need(tab, term));
        let set = self.browsers[self.tabs[tab].seat.browser].clock_set;
        if self.terms.tabs[tab].clock_seen < set {
            // No age is known any more: there is time to fetch everything.
            self.terms.tabs[tab].clock_seen = self.now;
            self.lost_track(tab);
        }
        if let Arrival::Bus(_, text) = arrival {
            self.note_found(tab, text);
        }
        let now = self.now;
        if matches!(arrival, Arrival::Start) {
            self.terms.tabs[tab].active = now;
            // A page that stood still before it ran promised nothing meanwhile.
            self.begin_anew(tab, |_| true);
        }
        // A page that stands still does not end a form either.
        if let Arrival::Command(command) = arrival {
            let (contract, enabled) = match command {
                Command::EnableContract { contract } => (contract, true),
                Command::DisableContract { contract } => (contract, false),
                _ => return,
            };
            if let Some(term) = self.term(contract) {
                self.terms.tabs[tab].watches[term].enabled = enabled;
                self.note_need(tab, term);
            }
        }
        let Arrival::Page(event) = arrival else {
            return;
        };
        let terms = &mut self.terms.tabs[tab];
        match event {
            // A browser says so too after a sleep of the computer, which nobody need have ended.
            PageEvent::Visible if !std::mem::take(&mut terms.unseen) => {}
            PageEvent::Visible | PageEvent::Focused | PageEvent::Touched => {
                // Who is not idle any more relies on more than before.
                let active = std::mem::replace(&mut self.terms.tabs[tab].active, now);
                let rested = |after: Time| active + after <= now + GRAIN;
                let told = self.told_at_the_edge(tab, active);
                self.begin_anew(tab, |term| {
                    term.idle.is_some_and(|(after, _)| rested(after))
                });
                // Who just did not count as idle was told, and need not be told again.
                for term in told {
                    self.terms.tabs[tab].watches[term].told = Some(true);
                }
            }
            PageEvent::Resumed => self.begin_anew(tab, |term| !term.hidden),
            PageEvent::Hidden => terms.unseen = true,
            PageEvent::Blurred
            | PageEvent::Online
            | PageEvent::Offline
            | PageEvent::Suspended
            | PageEvent::Relay(_) => {}
        }
    }

    /// The contracts that a tab was told of, and of which it may or may not count as idle now,
    /// because the clocks of pages are coarse.
    fn told_at_the_edge(&self, tab: usize, active: Time) -> Vec<usize> {
        let edge = |term: &Term| {
            term.idle
                .is_some_and(|(after, _)| (active + after).abs_diff(self.now) <= GRAIN)
        };
        let watches = &self.terms.tabs[tab].watches;
        (0..self.terms.list.len())
            .filter(|term| edge(&self.terms.list[*term]) && watches[*term].told.is_some())
            .collect()
    }

    /// May a page have lost track of how old its data is?
    pub(crate) fn lost(&self, tab: usize, ends: Ends) -> bool {
        let browser = &self.browsers[self.tabs[tab].seat.browser];
        self.tabs[tab].steady_since > ends.since || browser.clock_set > ends.since
    }

    pub(crate) fn ends(&self, tab: usize, term: usize) -> Option<Ends> {
        let relies = self.terms.tabs[tab].watches[term].relies?;
        let terms = &self.terms.list[term];
        let window = terms.window?;
        let most = match terms.idle {
            Some((_, poll)) => window.max(poll),
            None => window,
        };
        let browser = &self.browsers[self.tabs[tab].seat.browser];
        let grace = |since: Time| since + GRACE.min(window);
        let waits = self.terms.tabs[tab].watches[term].waits.unwrap_or(0);
        let queries = self.tabs[tab].app.queries.list.iter();
        let shown = queries
            .filter(|query| query.mounted && query.family == terms.family && query.shown.is_some());
        let mut ends: Option<Ends> = None;
        for query in shown {
            let fetched = query.proven.unwrap_or(0);
            let vouched = query.vouched.max(fetched);
            let own = Ends {
                last: browser.mono_of(vouched) + most,
                sure: browser.mono_of(fetched.max(query.sure)) + window,
                first: browser.mono_of(fetched) + window,
                since: fetched,
            };
            ends = Some(ends.map_or(own, |ends| Ends {
                last: ends.last.min(own.last),
                sure: ends.sure.min(own.sure),
                first: ends.first.min(own.first),
                since: ends.since.min(own.since),
            }));
        }
        ends.map(|ends| Ends {
            last: ends.last.max(grace(relies)),
            first: ends.first.max(grace(waits)),
            ..ends
        })
    }

    /// The checks of every second: data that is too old was told to be.
    pub(crate) fn audit_windows(&mut self) {
        for tab in 0..self.tabs.len() {
            if self.tabs[tab].life == Life::Gone {
                continue;
            }
            self.reckon(tab);
            if !self.runs(tab) {
                continue;
            }
            for term in 0..self.terms.list.len() {
                self.audit_window(tab, term);
            }
        }
    }

    fn audit_window(&mut self, tab: usize, term: usize) {
        // Without an adapter nobody tells the engine when something was fetched.
        if self.tabs[tab].app.queries.style() == Style::Plain {
            return;
        }
        let Some(ends) = self.ends(tab, term) else {
            return;
        };
        let browser = &self.browsers[self.tabs[tab].seat.browser];
        let timers = match self.tabs[tab].hidden {
            Some(_) => MIN,
            None => 0,
        };
        let steady = browser.mono_of(self.tabs[tab].steady_since);
        let latest = ends.last.max(steady) + TOLD_WITHIN + timers;
        let mono = browser.mono(self.now);
        if mono > latest && self.terms.tabs[tab].watches[term].told.is_none() {
            let how = format!(
                "{} shows data of {} that is {} ms older than its window, and is not told",
                self.name(tab),
                self.terms.list[term].name,
                (mono - ends.last) / MS
            );
            self.fail(Promise::G4, how);
        }
    }

    /// The engine says that a window is broken.
    pub(crate) fn violated(&mut self, tab: usize, violation: &Violation) {
        tell!(self, "{} is told: {violation:?}", self.name(tab));
        let Some(term) = self.term(&violation.contract) else {
            return self.fail(Promise::G4, "of a contract that nobody made".to_owned());
        };
        self.sometimes.reached(match violation.blame {
            Blame::Offline => Rare::BrokenOffline,
            Blame::Throttled => Rare::BrokenThrottled,
            Blame::Frozen => Rare::BrokenFrozen,
            Blame::SlowFetch => Rare::BrokenBySlowFetch,
            Blame::ServerError => Rare::BrokenByServer,
        });
        if let Some(wrong) = self.wrong_with(tab, term, violation) {
            let how = format!("{} is told of {violation:?}, {wrong}", self.name(tab));
            self.fail(Promise::G4, how);
        }
        self.terms.tabs[tab].watches[term].told = Some(false);
    }
}
