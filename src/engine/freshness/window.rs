//! Is a window broken, and whose fault is it? And what becomes of ages when a clock jumps.

use super::interval::Poll;
use super::ledger::{Age, Blame, Entry, NO_NETWORK, Probe, Why};
use super::{Freshness, Need, Step, Violation};
use crate::engine::limits::{ASK_SLACK, AWAY, FROZEN_LATE, LOOK_AHEAD_MIN, RETURN_GRACE};
use crate::engine::time::{Millis, Mono, Now};

impl Freshness {
    /// Is the window broken, and by whose fault?
    pub(super) fn check_window(&mut self, now: Now, at: usize) {
        let Some(entry) = self.entries.get_mut(at) else {
            return;
        };
        let broken = entry.deadline().filter(|deadline| *deadline < now.mono);
        let Some(deadline) = broken else {
            if entry.broken && entry.is_mended(now.mono) {
                entry.broken = false;
                self.revision += 1;
            }
            return;
        };
        if entry.broken {
            return;
        }
        let age = match entry.age() {
            Age::Known(known) => Some(known.age(now.mono)),
            Age::Nothing | Age::Unknown => None,
        };
        let window = entry.contract.window(entry.idle()).unwrap_or_default();
        let fetching = entry.keys.iter().any(|key| key.started.is_some());
        let calm = match (entry.probe.rests(), fetching) {
            (true, _) => deadline,
            (false, true) => entry.hold,
            // Nor does anybody fetch whom the server asked for calm.
            (false, false) => entry.hold.max(self.calm),
        };
        let cause = entry.cause(&Causes {
            now: now.mono,
            deadline,
            ahead: entry.ahead(window),
            thawed: self.thawed,
            online: self.page.online,
            calm,
            tardy: match self.page.visible {
                true => self.tardy,
                false => Some(now.mono),
            },
            calmed: Some(entry.hold.max(self.calm)).max(entry.rested),
            holds: self.holds.is_some(),
            held: self.held,
            // What came last was old when it came, because it took long.
            slow: entry.came_old(window, self.thawed.max(self.woken_late)),
        });
        self.break_window(at, cause, age, window);
    }

    pub(super) fn break_window(
        &mut self,
        at: usize,
        (blame, reason): Cause,
        age: Option<Millis>,
        window: Millis,
    ) {
        let Some(entry) = self.entries.get_mut(at) else {
            return;
        };
        if std::mem::replace(&mut entry.broken, true) {
            return;
        }
        entry.violations += 1;
        let contract = entry.name();
        self.revision += 1;
        self.steps.push_back(Step::Violation(Violation {
            contract,
            blame,
            age,
            window,
            reason,
        }));
    }

    /// A machine that slept, a page that was frozen and a clock that was set look alike: one clock
    /// went on without the other, or we were woken far too late.
    pub(super) fn compare_clocks(&mut self, now: Now) {
        let Some(last) = self.last.replace(now) else {
            return;
        };
        let lived = now.mono.since(last.mono).0;
        let shown = now.wall.0.saturating_sub(last.wall.0);
        let ahead = Millis(shown.saturating_sub(lived));
        let set_back = last.wall.0.saturating_add(lived).saturating_sub(now.wall.0);
        if self.late(now, LOOK_AHEAD_MIN) {
            self.woken_late = Some(now.mono);
        }
        if self.late(now, ASK_SLACK) {
            self.tardy = Some(now.mono);
        }
        if self.late(now, FROZEN_LATE) {
            self.slept(now, Millis(0));
        }
        if ahead > AWAY || set_back > AWAY.0 {
            self.slept(now, ahead);
            for entry in &mut self.entries {
                entry.lose_track(now.mono);
            }
            self.touched = true;
        }
    }

    /// Is this page woken later than it wanted to be, by more than a span?
    pub(super) fn late(&self, now: Now, span: Millis) -> bool {
        self.planned.is_some_and(|at| now.mono.since(at) > span)
    }

    /// The page was away for a time that its monotonic clock did not see.
    fn slept(&mut self, now: Now, unseen: Millis) {
        self.thawed = Some(now.mono);
        self.touched = true;
        for at in 0..self.entries.len() {
            // Whoever just gave it up hears no more of it.
            let unneeded = self.own_need(now.mono, at) == Need::None;
            let Some(entry) = self.entries.get_mut(at) else {
                continue;
            };
            if entry.obliged.is_none() || unneeded {
                continue;
            }
            if !entry.goes_on_hidden() {
                entry.obliged = Some(now.mono);
                continue;
            }
            // Whoever relies on it at every moment is told; that no timer ran is no excuse.
            if let (Age::Known(known), Some(window)) =
                (entry.age(), entry.contract.window(entry.idle()))
            {
                let age = Millis(known.age(now.mono).0.saturating_add(unseen.0));
                if age > window {
                    self.break_window(at, because(Blame::Frozen), Some(age), window);
                }
            }
        }
    }
}

impl Entry {
    /// Is a window that was broken whole again? Neither that nobody knows its age mends it, nor that more is allowed
    /// because nobody acts. That nothing is shown any more does.
    fn is_mended(&self, now: Mono) -> bool {
        self.age() != Age::Unknown
            && self
                .deadline_when(false)
                .is_none_or(|deadline| deadline >= now)
    }

    /// Until when the window holds; nothing if nobody relies on it.
    pub(super) fn deadline(&self) -> Option<Mono> {
        self.deadline_when(self.idle())
    }

    /// The same, if nobody acts, or somebody does.
    fn deadline_when(&self, idle: bool) -> Option<Mono> {
        let obliged = self.obliged?;
        if self.contract.poll == Poll::Never {
            // The user decides when it is fetched, and so how old it gets.
            return None;
        }
        let window = self.contract.window(idle)?;
        let grace = obliged + RETURN_GRACE.min(window);
        Some(match self.age() {
            Age::Nothing => return None,
            Age::Unknown => grace,
            Age::Known(known) => known.end(window).max(grace),
        })
    }

    /// Why was the deadline missed?
    fn cause(&self, causes: &Causes) -> Cause {
        let Causes {
            deadline, ahead, ..
        } = *causes;
        // When it was so, not when that was found out.
        let known = match self.age() {
            Age::Known(known) => Mono(known.at.0.saturating_sub(known.age.0)),
            Age::Nothing | Age::Unknown => Mono(0),
        };
        let trouble = self.trouble.filter(|trouble| trouble.at >= known);
        let thawed = causes.thawed.filter(|thawed| *thawed > known);
        // Data was wanted since then, and had not come.
        let told = self.told.filter(|told| *told > known && *told <= deadline);
        // What is being fetched does not wait for anything.
        let fetched = self
            .keys
            .iter()
            .any(|key| key.active && key.started.is_some());
        let held = told.is_some() && causes.holds && !fetched;
        // What ended so late that there was no time left is to blame for it.
        let late = |end: Mono| end + ahead > deadline;
        let began = self.keys.iter().filter(|key| key.active);
        let began = began.filter_map(|key| key.started).min();
        let before = began.is_some_and(|began| Some(began) < causes.held);
        let was_held =
            told.is_some() && causes.held >= told && causes.held.is_some_and(late) && !before;
        // Right after it one key is fetched, and the next look is a pause later.
        let again = self.contract.min_interval;
        let was_calm = causes
            .calmed
            .is_some_and(|calm| calm > known && late(calm + again));
        match trouble {
            _ if thawed >= Some(deadline) => because(Blame::Frozen),
            Some(trouble) => (trouble.blame, trouble.reason),
            None if !causes.online => because(Blame::Offline),
            // We do not look because the server does not want us to, whatever was fetched since.
            None if causes.calm >= deadline => because(Blame::ServerError),
            // It was back, and there was no time left for a backlog either.
            None if held && !thawed.is_some_and(late) => (Blame::Offline, BACKLOG),
            None if causes.slow || self.runs_long(causes, known, told) => because(Blame::SlowFetch),
            None if was_calm => because(Blame::ServerError),
            None if was_held => (Blame::Offline, BACKLOG),
            // It was back, and there was no time left.
            None if thawed.is_some_and(late) => because(Blame::Frozen),
            // What came late began late; but not for a page whose timers are late.
            None if causes.on_time(known)
                && self.open(known).any(|began| began <= causes.deadline) =>
            {
                because(Blame::SlowFetch)
            }
            // A page that finds out late was late itself, as was one whose timers are: they begin fetches.
            None if causes.on_time(known)
                && told.is_some_and(|told| told + causes.long() <= deadline) =>
            {
                (Blame::SlowFetch, "the fetch did not begin")
            }
            None => because(Blame::Throttled),
        }
    }

    /// Did what was begun in time take long? What was begun just before the window ended did not.
    fn runs_long(&self, causes: &Causes, known: Mono, told: Option<Mono>) -> bool {
        let long = causes.long();
        self.open(known)
            .any(|began| began + long <= causes.deadline)
            || told.is_some() && self.told_after.max(self.look_took) >= long
    }

    /// Since when each thing is under way that would bring newer data.
    fn open(&self, known: Mono) -> impl Iterator<Item = Mono> {
        let asking = match self.probe {
            // The second question is a part of the look that the first one began.
            Probe::Asking {
                started,
                plain: true,
                ..
            } => Some(Mono(started.0.saturating_sub(self.look_took.0))),
            Probe::Asking { started, .. } => Some(started),
            _ => None,
        };
        let waiting = self.rescue.and(self.asked);
        let unfinished = self.unfinished.filter(|began| *began > known);
        let under_way = self.keys.iter().filter(|key| key.active);
        let under_way = under_way.filter_map(|key| key.started).min();
        [asking, waiting, unfinished, under_way]
            .into_iter()
            .flatten()
    }

    fn came_old(&self, window: Millis, woken: Option<Mono>) -> bool {
        let Age::Known(oldest) = self.age() else {
            return false;
        };
        let was = Mono(oldest.at.0.saturating_sub(oldest.age.0));
        // Word of another tab may have waited for this page, which was late itself.
        let waited = oldest.age > Millis(0) && woken > Some(was);
        // The data that is too old, not what came last of other data.
        !waited
            && self.shown_keys().any(|key| {
                let late = |arrived: Mono| arrived.since(was).0 > window.0 / 4;
                key.known == Some(oldest) && key.arrived.is_some_and(late)
            })
    }

    /// A clock jumped: no age is known any more.
    fn lose_track(&mut self, now: Mono) {
        // What was within its window just now is not held against the fetch that tells its age.
        self.obliged = self.obliged.map(|_| now);
        let mut any = self.stored != Age::Nothing;
        if any {
            self.stored = Age::Unknown;
        }
        self.covered = None;
        self.vouched = None;
        // What was wanted before it says nothing of what is wanted now.
        self.told = None;
        for key in &mut self.keys {
            any |= key.known.take().is_some();
        }
        if any && self.automatic() {
            self.urgent.get_or_insert(Why::Wake);
        }
    }
}

/// Whose fault it is, and in words.
type Cause = (Blame, &'static str);

/// What may be why a deadline was missed.
struct Causes {
    now: Mono,
    deadline: Mono,
    /// How long before it a look has to begin.
    ahead: Millis,
    /// When the page was last frozen or asleep.
    thawed: Option<Mono>,
    /// When its timers were last late, or may have been.
    tardy: Option<Mono>,
    online: bool,
    /// Until when a server wants to be left alone, as far as that keeps us from fetching.
    calm: Mono,
    /// Until when one last wanted it, or told us nothing.
    calmed: Option<Mono>,
    /// What is to be fetched waits for what the page itself changed.
    holds: bool,
    /// When that last ended.
    held: Option<Mono>,
    /// What came was old when it came.
    slow: bool,
}

impl Causes {
    /// A look is a question and a fetch, and another tab may be the one that asks: if it began in
    /// time and there was not enough, one of them took this long. What this look itself taught of
    /// how early one has to begin is no measure.
    fn long(&self) -> Millis {
        Millis(self.ahead.min(LOOK_AHEAD_MIN).0 / 3)
    }

    /// Did the page's timers run in time, since its data was known and until it was too old?
    fn on_time(&self, known: Mono) -> bool {
        self.now <= self.deadline + LOOK_AHEAD_MIN && self.tardy.is_none_or(|at| at <= known)
    }
}

/// Why nothing is fetched after a time without a link, for reading by people.
const BACKLOG: &str = "what was changed without a link goes first";

fn because(blame: Blame) -> Cause {
    let reason = match blame {
        Blame::Offline => NO_NETWORK,
        Blame::Throttled => "the browser woke the page too late",
        Blame::Frozen => "the page was frozen, or the machine slept",
        Blame::SlowFetch => "the fetch took too long",
        Blame::ServerError => "the server failed, or wants calm",
    };
    (blame, reason)
}
