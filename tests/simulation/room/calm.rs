//! What persons do in the room when the last fault is over, and what must come of it: who types is
//! seen, and not seen any more when it ends; who edits keeps the field, who does not loses it; and
//! who edits while the lead changes hands keeps it too.

use crate::agenda::{S, Time};
use crate::drill;
use crate::promises::Promise;
use crate::room::person::Stands;
use crate::room::plan::Shows;
use crate::room::{Due, FIELDS};
use crate::sometimes::Rare;
use crate::story::tell;
use crate::transition::Transition;
use crate::world::{Happening, World};

/// How long before everything has to be well the first step is.
const BEFORE: Time = 65 * S;
/// When each step is, from the first one.
const STEPS: [Time; 6] = [0, 4 * S, 22 * S, 38 * S, 48 * S, 61 * S];
/// How far apart somebody edits.
const EDITS: Time = 4 * S;
/// Numbers of fields that only one tab wants begin here.
const OWN_FIELDS: usize = 1000;
/// And here those of tabs that do not live to have them.
const ORPHANS: usize = 2000;

impl World {
    /// An entry of the plan may make a browser's clocks wrong by more than it can know.
    pub(crate) fn room_watches(&mut self, what: Transition) {
        match what {
            Transition::SetClock { browser, .. } => {
                self.room.clock_trouble[browser] = self.now;
            }
            // A sleep that is shorter is not told from a clock that was corrected.
            Transition::Sleep {
                browser,
                span,
                mono_stops: true,
            } if span < 6 * S => {
                let trouble = &mut self.room.clock_trouble[browser];
                *trouble = (*trouble).max(self.now + span);
            }
            _ => {}
        }
    }

    /// The last fault is over, and everything is to be well after a span.
    pub(crate) fn heal_room(&mut self, span: Time) {
        self.room.server.overloaded_until = 0;
        if self.room.shape.quiet {
            return;
        }
        for tab in 0..self.tabs.len() {
            if self.runs(tab) && self.room.chance.below(3) > 0 {
                let channel = self.room.chance.index(self.room.shape.channels);
                let shows = self
                    .room
                    .chance
                    .pick(&[Shows::Itself, Shows::Itself, Shows::Somebody]);
                self.join(tab, channel, shows);
            }
        }
        for (step, after) in STEPS.into_iter().enumerate() {
            let at = self.now + span - BEFORE + after;
            let due = Due::Calm(step as u32);
            self.agenda.add(at, Happening::Room(due));
        }
    }

    /// The tabs that somebody sees.
    fn seen_tabs(&self) -> Vec<usize> {
        (0..self.tabs.len())
            .filter(|tab| self.runs(*tab) && self.tabs[*tab].hidden.is_none())
            .collect()
    }

    /// A step of the calm.
    pub(crate) fn calm_room(&mut self, step: u32) {
        tell!(self, "=== the room, step {step}");
        match step {
            0 => {
                self.check_crowds("after the last fault");
                self.check_all_free("after the last fault");
                self.begin_typing();
                self.begin_editing();
            }
            1 => {
                self.check_typing(true);
                self.close_while_asking();
            }
            2 => {
                self.check_typing(false);
                self.check_leases("while some edit");
                self.remember_keepers(|field| field < FIELDS);
            }
            3 => {
                self.check_kept("after a while of editing");
                self.check_leases("when who does not edit has lost it");
                self.some_leave(2);
                for (tab, (field, _)) in std::mem::take(&mut self.room.keepers) {
                    self.use_field(tab, field, "release");
                }
            }
            4 => {
                self.check_all_free("when all was given back");
                self.check_crowds("when some left");
                self.leave_unheard();
                self.keep_own_fields();
            }
            _ => {
                self.remember_keepers(|field| field >= OWN_FIELDS);
                self.check_leases("before the lead changes hands");
                self.check_crowds("when some left who could not be heard");
            }
        }
    }

    fn begin_typing(&mut self) {
        for tab in self.seen_tabs() {
            let on = self.room.persons[tab].on.iter();
            let shown = on.filter(|(_, showing)| showing.is_some());
            let channels: Vec<usize> = shown.map(|(channel, _)| *channel).collect();
            for channel in channels {
                if self.room.chance.one_in(2) {
                    self.type_on(tab, channel, tab % FIELDS, 6, S);
                    self.wave(tab, channel);
                    self.room.persons[tab].types = Some(channel);
                    break;
                }
            }
        }
    }

    fn begin_editing(&mut self) {
        for tab in self.seen_tabs() {
            let field = self.room.chance.index(FIELDS);
            self.use_field(tab, field, "take");
            if self.room.chance.one_in(2) {
                self.edit_on(tab, field, 9, EDITS);
                self.room.persons[tab].edits = Some(field);
            }
        }
    }

    /// A tab asks for a field, and is closed before it has the answer.
    fn close_while_asking(&mut self) {
        let closes = self.seen_tabs().into_iter().find(|tab| {
            let person = &self.room.persons[*tab];
            let busy = person.types.is_some() || person.edits.is_some();
            !busy && self.tabs[*tab].app.role() == "follower"
        });
        if let Some(tab) = closes {
            self.sometimes.reached(Rare::ClosedWhileAsking);
            self.room.orphan = Some(ORPHANS + tab);
            self.use_field(tab, ORPHANS + tab, "take");
            self.close(tab);
        }
    }

    /// One person in so many is not there any more.
    fn some_leave(&mut self, one_in: u64) {
        for tab in self.seen_tabs() {
            let on: Vec<usize> = self.room.persons[tab].on.keys().copied().collect();
            for channel in on {
                if self.room.chance.one_in(one_in) {
                    self.leave_room(tab, channel);
                }
            }
        }
    }

    /// A browser is not connected for a moment, and some leave meanwhile.
    fn leave_unheard(&mut self) {
        let browser = self.room.chance.index(self.browsers.len());
        for socket in self.open_sockets(browser) {
            self.break_socket(socket);
        }
        self.some_leave(3);
    }

    /// Whoever types is seen by those in other browsers, or nobody is.
    fn check_typing(&mut self, types: bool) {
        if !self.room.server.can.presence {
            return;
        }
        for typer in self.seen_tabs() {
            let Some(channel) = self.room.persons[typer].types else {
                continue;
            };
            if self.room.shape.closed == Some(channel) {
                continue;
            }
            for tab in self.lookers(channel) {
                let other = self.tabs[tab].seat.browser != self.tabs[typer].seat.browser;
                if !other || self.tabs[tab].hidden.is_some() {
                    continue;
                }
                let typing = self.room.persons[tab].typing.get(&channel);
                let seen = typing.is_some_and(|fields| fields.contains(&(typer % FIELDS)));
                if seen != types {
                    let how = format!(
                        "{} types on channel {channel}: {types}; {} sees: {typing:?}",
                        self.name(typer),
                        self.name(tab)
                    );
                    return self.fail(Promise::Room, how);
                }
            }
        }
    }

    /// Who edits and has a field now is to keep it.
    fn remember_keepers(&mut self, which: impl Fn(usize) -> bool) {
        self.room.keepers.clear();
        for tab in self.seen_tabs() {
            let Some(field) = self.room.persons[tab].edits.filter(|field| which(*field)) else {
                continue;
            };
            if let Some(fence) = self.room.persons[tab].holds(field) {
                self.room.keepers.insert(tab, (field, fence));
            } else if field >= OWN_FIELDS && self.room.server.can.leases {
                let how = format!(
                    "{} does not get field {field}, which nobody has",
                    self.name(tab)
                );
                return self.fail(Promise::Room, how);
            }
        }
    }

    /// Each tab edits a field that nobody else wants, until the drills are over.
    fn keep_own_fields(&mut self) {
        let span = u64::from(drill::DRILLS) * drill::APART + 10 * S;
        for tab in self.seen_tabs() {
            let field = OWN_FIELDS + tab;
            self.use_field(tab, field, "take");
            self.edit_on(tab, field, span / EDITS, EDITS);
            self.room.persons[tab].edits = Some(field);
            self.room.persons[tab].since = self.now;
        }
    }

    /// Whoever edits still has the same lease.
    pub(crate) fn check_kept(&mut self, when: &str) {
        for (tab, (field, fence)) in self.room.keepers.clone() {
            let browser = self.tabs[tab].seat.browser;
            let steady = self.runs(tab)
                && self.tabs[tab].hidden.is_none()
                && self.tabs[tab].steady_since <= self.room.persons[tab].since
                // A clock that is set forward looks like sleep.
                && self.room.clock_trouble[browser] <= self.room.persons[tab].since;
            // Nobody knows that a client who is not known is the same person under another name.
            let known = self.room.shape.users[browser].is_some();
            if !steady || (field >= OWN_FIELDS && !known) {
                self.room.keepers.remove(&tab);
                continue;
            }
            let stands = self.room.persons[tab].fields.get(&field).copied();
            if stands != Some(Stands::Held(fence)) {
                let how = format!(
                    "{} edits field {field} under {fence} {when}, and it is {stands:?}",
                    self.name(tab)
                );
                return self.fail(Promise::Room, how);
            }
            self.sometimes.reached(Rare::LeaseKeptOverDrill);
        }
    }

    /// All that is heard of the room in a world in which nothing happens, at most. Each browser says
    /// every 25 s to all that it is there, and is answered; each tab says so to the one that leads.
    /// A word is heard, and the engine is woken at most once more for what it holds back.
    pub(crate) fn calm_inputs_of_room(&self, tab: usize) -> u64 {
        /// How often that is in three minutes.
        const ROUNDS: u64 = 8;
        if self.room.shape.quiet {
            return 0;
        }
        let browser = self.tabs[tab].seat.browser;
        let mut most = 12;
        for channel in 0..self.room.shape.channels {
            let lookers = self.lookers(channel);
            let here = lookers
                .iter()
                .filter(|at| self.tabs[**at].seat.browser == browser);
            let words = (1 + here.count() + lookers.len()) as u64;
            most += ROUNDS * (2 * words + 1);
        }
        most
    }
}
