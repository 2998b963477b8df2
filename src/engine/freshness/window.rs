//! Is a window broken, and whose fault is it? And what becomes of ages when a clock jumps.

use super::interval::Poll;
use super::ledger::{Age, Blame, Entry, Probe, Why};
use super::{Freshness, Step, Violation};
use crate::engine::limits::{AWAY, FROZEN_LATE, RETURN_GRACE};
use crate::engine::time::{Millis, Mono, Now};

impl Freshness {
    /// Is the window broken, and by whose fault?
    pub(super) fn check_window(&mut self, now: Now, at: usize) {
        let Some(entry) = self.entries.get_mut(at) else {
            return;
        };
        let broken = entry.deadline().filter(|deadline| *deadline < now.mono);
        let Some(deadline) = broken else {
            // That nobody knows its age does not mend it; that nothing is shown any more does.
            if entry.broken && entry.age() != Age::Unknown {
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
        // What came last was old when it came, because it took long.
        let slow = entry.arrived.is_some_and(|at| at >= deadline) || entry.came_old(window);
        let blame = entry.blame(deadline, self.thawed, self.page.online, calm, slow);
        self.break_window(at, blame, age, window);
    }

    pub(super) fn break_window(
        &mut self,
        at: usize,
        blame: Blame,
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
        let reason = match entry.trouble {
            Some(trouble) => trouble.reason,
            None => blame.reason(),
        };
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
        let late = self.planned.map_or(Millis(0), |at| now.mono.since(at));
        if late > FROZEN_LATE {
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

    /// The page was away for a time that its monotonic clock did not see.
    fn slept(&mut self, now: Now, unseen: Millis) {
        self.thawed = Some(now.mono);
        self.touched = true;
        for at in 0..self.entries.len() {
            let Some(entry) = self.entries.get_mut(at) else {
                continue;
            };
            if entry.obliged.is_none() {
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
                    self.break_window(at, Blame::Frozen, Some(age), window);
                }
            }
        }
    }
}

impl Entry {
    /// Until when the window holds; nothing if nobody relies on it.
    pub(super) fn deadline(&self) -> Option<Mono> {
        let obliged = self.obliged?;
        if self.contract.poll == Poll::Never {
            // The user decides when it is fetched, and so how old it gets.
            return None;
        }
        let window = self.contract.window(self.idle())?;
        let grace = obliged + RETURN_GRACE.min(window);
        Some(match self.age() {
            Age::Nothing => return None,
            Age::Unknown => grace,
            Age::Known(known) => known.end(window).max(grace),
        })
    }

    /// Why was the deadline missed?
    fn blame(
        &self,
        deadline: Mono,
        thawed: Option<Mono>,
        online: bool,
        calm: Mono,
        slow: bool,
    ) -> Blame {
        // When it was so, not when that was found out.
        let known = match self.age() {
            Age::Known(known) => Mono(known.at.0.saturating_sub(known.age.0)),
            Age::Nothing | Age::Unknown => Mono(0),
        };
        let looked = self.open_look(known).filter(|began| *began <= deadline);
        let trouble = self.trouble.filter(|trouble| trouble.at >= known);
        if thawed.is_some_and(|thawed| thawed > known && thawed >= deadline) {
            return Blame::Frozen;
        }
        match (looked, trouble) {
            (_, Some(trouble)) => trouble.blame,
            _ if !online => Blame::Offline,
            // We do not look because the server does not want us to, whatever was fetched since.
            _ if calm >= deadline => Blame::ServerError,
            _ if slow => Blame::SlowFetch,
            (Some(_), None) => Blame::SlowFetch,
            (None, None) => Blame::Throttled,
        }
    }

    fn came_old(&self, window: Millis) -> bool {
        let Age::Known(oldest) = self.age() else {
            return false;
        };
        // The data that is too old, not what came last of other data.
        self.shown_keys().any(|key| {
            key.known == Some(oldest)
                && key.arrived.is_some_and(|arrived| {
                    let was = Mono(oldest.at.0.saturating_sub(oldest.age.0));
                    arrived.since(was).0 > window.0 / 4
                })
        })
    }

    /// When the look began of which nothing has come yet.
    fn open_look(&self, known: Mono) -> Option<Mono> {
        let told = self
            .told
            .filter(|told| *told > known && self.arrived.is_none_or(|arrived| arrived <= *told));
        let asking = match self.probe {
            Probe::Asking { started, .. } => Some(started),
            _ => None,
        };
        let waiting = self.rescue.and(self.asked);
        let under_way = self.keys.iter().filter_map(|key| key.started).min();
        let looks = [told, asking, waiting, under_way];
        looks.into_iter().flatten().min()
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
        for key in &mut self.keys {
            any |= key.known.take().is_some();
        }
        if any && self.automatic() {
            self.urgent.get_or_insert(Why::Wake);
        }
    }
}

impl Blame {
    fn reason(self) -> &'static str {
        match self {
            Blame::Offline => "there is no network",
            Blame::Throttled => "the browser woke the page too late",
            Blame::Frozen => "the page was frozen, or the machine slept",
            Blame::SlowFetch => "the fetch took too long",
            Blame::ServerError => "the server failed, or wants calm",
        }
    }
}
