//! What happens all day in a healed world: tabs are opened, closed and loaded anew, crash, freeze
//! and are hidden, the one that leads before all. What changes meanwhile is on every screen soon,
//! nobody misses an event (G3), and nobody is told of a gap (G5).

use crate::agenda::{MS, S, Time};
use crate::promises::Promise;
use crate::sometimes::Rare;
use crate::story::tell;
use crate::tab::Life;
use crate::transition::Seat;
use crate::world::{Happening, World};

/// How many there are in a world.
pub(crate) const DRILLS: u32 = 4;

/// How far they are apart: who was away is back for long enough to be checked by the next.
pub(crate) const APART: Time = 45 * S;

/// The deed is done this long after the drill began, so that changes may come before it.
const LEAD: Time = 100 * MS;

/// How long after a change it is on every screen, besides two fetches: a crash is noticed
/// (120 ms), a dial goes three times to and fro over the slowest network with packets lost, the
/// event comes, the window ends.
const BOUND: Time = 8 * S;

/// How long after a leader froze it is replaced: it was heard just before, is asked ten seconds
/// later, three times, and the one who strikes waits for a moment.
const REPLACED: Time = 17 * S;

/// How long somebody is away.
const AWAY: Time = 30 * S;

/// Something gentle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Nothing.
    Rest,
    /// A tab is opened on a seat, if it is free.
    Open(Seat),
    /// A tab is closed.
    Close(usize),
    /// A tab is loaded anew.
    Reload(usize),
    /// A tab's process dies, after so many more outputs.
    Crash(usize, u32),
    /// A tab's process stands still, and it was told or not.
    Freeze(usize, bool),
    /// A page goes into the back/forward cache, and comes back.
    Cache(usize),
    /// A tab is hidden, and seen again.
    Hide(usize),
    /// All connections of a browser break.
    Break(usize),
    /// Somebody sets the wall clock of a computer by so many milliseconds.
    SetClock(usize, i64),
}

impl World {
    /// A drill begins.
    pub(crate) fn drill(&mut self, drill: u32) {
        tell!(self, "=== drill {drill}");
        for tab in &mut self.tabs {
            tab.app.is_drilled(&self.truth);
        }
        let deed = self.draw_deed();
        self.agenda.add(self.now + LEAD, Happening::DrillDeed(deed));
        // Just before the hand-over, in the middle of it, or when it is done.
        let after = self.chance.app.pick(&[
            LEAD - 60 * MS,
            LEAD - 5 * MS,
            LEAD,
            LEAD + 20 * MS,
            LEAD + 300 * MS,
            LEAD + 2 * S,
            LEAD + 10 * S,
            LEAD + 16 * S,
        ]);
        let kind = self.chance.app.index(self.shape.extent.kinds);
        // A server that keeps few events cannot send many that were missed.
        let most = (self.server.history() as u64 / 4).clamp(1, 20);
        let times = match self.chance.app.one_in(2) {
            true => 1,
            false => self.chance.app.between(1, most),
        };
        let apart = self.chance.app.pick(&[MS, 30 * MS]);
        for time in 0..times {
            let at = self.now + after + time * apart;
            self.agenda.add(at, Happening::DrillChange(kind));
        }
        let bound = 2 * self.shape.fetch + BOUND;
        let changed = after + times * apart;
        let handed_over = match deed {
            Deed::Freeze(..) => LEAD + REPLACED,
            _ => LEAD,
        };
        let check = self.now + changed.max(handed_over) + bound;
        self.agenda.add(check, Happening::DrillCheck);
    }

    fn draw_deed(&mut self) -> Deed {
        let chance = &mut self.chance.app;
        let browser = chance.index(self.browsers.len());
        let place = chance.index(self.shape.extent.places);
        let seats = self.browsers[browser].seats.iter().flatten();
        let several = seats.count() > 1;
        let leader = match chance.below(3) {
            0 => self.tab_at(Seat { browser, place }),
            _ => self.leader(browser),
        };
        let chance = &mut self.chance.app;
        match (
            chance.below(12),
            leader.filter(|tab| several && self.tabs[*tab].life == Life::Running),
        ) {
            (0 | 1, Some(tab)) => Deed::Close(tab),
            (2, Some(tab)) => Deed::Crash(tab, 0),
            (3, Some(tab)) => Deed::Crash(tab, chance.below(8) as u32),
            (4, Some(tab)) => Deed::Reload(tab),
            (5, Some(tab)) => Deed::Freeze(tab, chance.one_in(3)),
            (6, Some(tab)) => Deed::Cache(tab),
            (7, Some(tab)) => Deed::Hide(tab),
            (8, _) => Deed::Open(Seat { browser, place }),
            (9, _) => Deed::Break(browser),
            (10, _) => {
                let hours = chance.pick(&[-24, -1, 1, 24]);
                Deed::SetClock(browser, hours * 3_600_000)
            }
            _ => Deed::Rest,
        }
    }

    /// The deed of a drill is done.
    pub(crate) fn do_drill(&mut self, deed: Deed) {
        tell!(self, "--- {deed:?}");
        let tab = match deed {
            Deed::Rest | Deed::Open(_) | Deed::Break(_) | Deed::SetClock(..) => None,
            Deed::Close(tab)
            | Deed::Reload(tab)
            | Deed::Crash(tab, _)
            | Deed::Freeze(tab, _)
            | Deed::Cache(tab)
            | Deed::Hide(tab) => Some(tab),
        };
        if tab.is_some_and(|tab| self.tabs[tab].app.role() == "leader") {
            self.sometimes.reached(Rare::HandOverInHealedWorld);
            if let Deed::Freeze(_, false) = deed {
                self.sometimes.reached(Rare::LeaderFrozenInHealedWorld);
            }
        }
        match deed {
            Deed::Rest => {}
            Deed::Open(seat) => self.open(seat),
            Deed::Close(tab) => self.close(tab),
            Deed::Reload(tab) => self.reload(tab),
            Deed::Crash(tab, 0) => self.crash(tab),
            Deed::Crash(tab, outputs) => self.tabs[tab].fuse = Some(outputs - 1),
            Deed::Freeze(tab, told) => self.freeze(tab, told, AWAY),
            Deed::Cache(tab) => self.cache(tab, AWAY),
            Deed::Hide(tab) => self.hide(tab, AWAY),
            Deed::SetClock(browser, by_ms) => {
                self.browsers[browser].set_clock(self.now, by_ms);
                self.room.clock_trouble[browser] = self.now;
            }
            Deed::Break(browser) => {
                for socket in self.open_sockets(browser) {
                    self.break_socket(socket);
                }
            }
        }
    }

    /// What changed in a healed world is on every screen, and every listener has heard of it.
    pub(crate) fn check_drill(&mut self) {
        tell!(self, "=== has everybody seen it?");
        self.check_kept("in a healed world");
        for tab in 0..self.tabs.len() {
            // Who did not die by now is not to die when it is the last one.
            self.tabs[tab].fuse = None;
            if self.tabs[tab].life == Life::Running && self.tabs[tab].hidden.is_none() {
                self.check_shown(tab, "a moment after a change in a healed world");
                self.check_nothing_missed(tab);
            }
        }
    }

    /// Who has been there since a drill began has missed nothing and was told of no gap. A server
    /// that keeps no history cannot send what it published in a hand-over.
    pub(crate) fn check_nothing_missed(&mut self, tab: usize) {
        let app = &self.tabs[tab].app;
        if app.drilled.is_none() || self.server.history() == 0 {
            return;
        }
        if let Some((channel, last)) = app.missed(&self.truth) {
            let how = format!(
                "{} has not heard event {last} of channel {channel} in a healed world",
                self.name(tab)
            );
            self.fail(Promise::G3, how);
        }
        if self.tabs[tab].app.gaps > 0 {
            let how = format!("{} is told of a gap in a healed world", self.name(tab));
            self.fail(Promise::G5, how);
        }
    }
}
