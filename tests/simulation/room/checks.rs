//! What is checked about the room: while all faults go on, and when a world has healed.

use std::collections::BTreeSet;

use everfresh::wire::json::{self, Raw};

use crate::agenda::S;
use crate::promises::Promise;
use crate::room::FIELDS;
use crate::room::person::{Seen, Stands};
use crate::story::tell;
use crate::tab::Life;
use crate::world::World;

impl World {
    /// Whoever is seen was there, on this channel, and as what they let others see.
    pub(crate) fn check_seen(&mut self, tab: usize, channel: usize, people: &[Seen]) {
        for seen in people {
            let Some(showing) = self.room.shown.get(seen.showing).copied() else {
                let how = format!("{} sees what nobody showed: {seen:?}", self.name(tab));
                return self.fail(Promise::G9, how);
            };
            let browser = self.tabs[showing.tab].seat.browser;
            let user = &self.room.shape.users[browser];
            let known = seen.user.is_none() || (!showing.anonymous && seen.user == *user);
            if showing.channel != channel || !known {
                let how = format!(
                    "{} sees on channel {channel} {seen:?}, and it was {showing:?}",
                    self.name(tab)
                );
                return self.fail(Promise::G9, how);
            }
        }
    }

    /// Of two tabs that believe they have a field, the server would take the writes of both only if
    /// they had it under the same fence.
    pub(crate) fn check_one_holds(&mut self, tab: usize, field: usize, fence: u64) {
        let other = (0..self.tabs.len()).find(|other| {
            *other != tab
                && self.tabs[*other].life != Life::Gone
                && self.room.persons[*other].holds(field) == Some(fence)
        });
        if let Some(other) = other {
            let how = format!(
                "{} and {} both hold field {field} under fence {fence}",
                self.name(tab),
                self.name(other)
            );
            self.fail(Promise::Room, how);
        }
    }

    /// A tab that says now that it may edit is within the time that the server gave it, unless
    /// its lease was ended for another reason, of which it may not have heard.
    pub(crate) fn check_in_time(&mut self, tab: usize, field: usize) {
        let Some(fence) = self.room.persons[tab].holds(field) else {
            return;
        };
        let Some(lease) = self.room.server.last_lease(field).cloned() else {
            return;
        };
        let given = lease.promised.saturating_sub(40 * S);
        let trouble = self.room.clock_trouble[self.tabs[tab].seat.browser];
        let over = lease.promised > 0 && lease.promised <= self.now;
        if lease.fence == fence && over && trouble < given {
            let how = format!(
                "{} edits field {field} under {fence}, whose time is over",
                self.name(tab)
            );
            self.fail(Promise::Room, how);
        }
    }

    /// No write under an older fence is done after one under a newer one.
    pub(crate) fn check_written(&mut self, field: usize, fence: u64) {
        let last = self.room.written.entry(field).or_default();
        if fence < *last {
            let how = format!("field {field} is written under {fence} after {last}");
            return self.fail(Promise::Room, how);
        }
        *last = fence;
    }

    /// Everybody sees exactly those who are there, and the server does too.
    pub(crate) fn check_crowds(&mut self, when: &str) {
        tell!(self, "=== is the room true {when}?");
        for channel in 0..self.room.shape.channels {
            let closed = self.room.shape.closed == Some(channel);
            if !self.room.server.can.presence || closed {
                self.check_told_why(channel, closed, when);
                continue;
            }
            let there = self.there(channel);
            let known = self.known(channel);
            if known != there {
                let how = format!(
                    "channel {channel} {when}: there are {there:?}, the server knows {known:?}"
                );
                return self.fail(Promise::Room, how);
            }
            for tab in self.lookers(channel) {
                let seen = self.room.persons[tab].people.get(&channel);
                let numbers: Vec<usize> = seen
                    .into_iter()
                    .flatten()
                    .map(|seen| seen.showing)
                    .collect();
                if numbers != there {
                    let how = format!(
                        "{} on channel {channel} {when}: there are {there:?}, it sees {seen:?}",
                        self.name(tab)
                    );
                    return self.fail(Promise::Room, how);
                }
                self.check_own(tab, channel, when);
            }
        }
    }

    /// The tabs that run and are on a channel.
    pub(crate) fn lookers(&self, channel: usize) -> Vec<usize> {
        (0..self.tabs.len())
            .filter(|tab| self.tabs[*tab].life == Life::Running && self.runs(*tab))
            .filter(|tab| self.room.persons[*tab].on.contains_key(&channel))
            .collect()
    }

    /// What is shown on a channel by those who are there, in order.
    fn there(&self, channel: usize) -> Vec<usize> {
        let mut there: Vec<usize> = (self.lookers(channel).into_iter())
            .filter_map(|tab| self.room.persons[tab].on[&channel])
            .collect();
        there.sort_unstable();
        there
    }

    /// What the server knows to be shown on a channel.
    fn known(&self, channel: usize) -> Vec<usize> {
        let mut known = Vec::new();
        for (_, data) in self.room.server.crowd(channel) {
            let tabs = json::parse(data).ok().and_then(|data| data.member("tabs"));
            let Some(tabs) = tabs else { continue };
            tabs.members(|_, tab| {
                let number = tab.member("meta").and_then(|meta| meta.member("n"));
                known.extend(number.and_then(Raw::integer).map(|number| number as usize));
            });
        }
        known.sort_unstable();
        known
    }

    /// A person knows itself among the others.
    fn check_own(&mut self, tab: usize, channel: usize, when: &str) {
        let browser = self.tabs[tab].seat.browser;
        let person = &self.room.persons[tab];
        let Some(own) = person.on.get(&channel).copied().flatten() else {
            return;
        };
        let seen = person.people.get(&channel);
        let knows = seen.into_iter().flatten().all(|seen| {
            let of = self.tabs[self.room.shown[seen.showing].tab].seat.browser;
            // Without locks each tab is seen by itself.
            let alone = self.browsers[browser].locks.is_none();
            let same = of == browser && !alone || seen.showing == own;
            let person = seen.user.is_some() && seen.user == self.room.shape.users[browser];
            if same { seen.own } else { person || !seen.own }
        });
        if !knows {
            let how = format!(
                "{} on channel {channel} {when} does not know itself: it is {own} among {seen:?}",
                self.name(tab)
            );
            self.fail(Promise::Room, how);
        }
    }

    /// Whoever is where nobody can be seen was told so.
    fn check_told_why(&mut self, channel: usize, closed: bool, when: &str) {
        for tab in self.lookers(channel) {
            let person = &self.room.persons[tab];
            let told = match self.room.server.can.presence {
                true => !closed || person.barred,
                false => person.unable,
            };
            if !told {
                let how = format!(
                    "{} on channel {channel} {when}: it is not told that it cannot be there",
                    self.name(tab)
                );
                return self.fail(Promise::Room, how);
            }
        }
    }

    /// Whoever has a field has it at the server too, and nobody else has.
    pub(crate) fn check_leases(&mut self, when: &str) {
        let fields: BTreeSet<usize> = (0..FIELDS)
            .chain(self.room.keepers.values().map(|(field, _)| *field))
            .chain(self.room.orphan)
            .collect();
        for field in fields {
            // What was done just now is still on its way.
            if self
                .room
                .told
                .get(&field)
                .is_some_and(|at| self.now - at < 3 * S)
            {
                continue;
            }
            let given = self.room.server.lease(self.now, field);
            let given = given.map(|lease| lease.fence);
            let running = (0..self.tabs.len()).filter(|tab| self.runs(*tab));
            let holders: Vec<usize> = running
                .filter(|tab| self.room.persons[*tab].holds(field).is_some())
                .collect();
            let held: Vec<Option<u64>> = (holders.iter())
                .map(|tab| self.room.persons[*tab].holds(field))
                .collect();
            if held != Vec::from_iter(given.map(Some)) {
                let names: Vec<String> = holders.iter().map(|tab| self.name(*tab)).collect();
                let how = format!(
                    "field {field} {when}: the server gave {given:?}, and {names:?} hold {held:?}"
                );
                return self.fail(Promise::Room, how);
            }
        }
    }

    /// Nobody has a field, or waits for one, or believes that somebody has one.
    pub(crate) fn check_all_free(&mut self, when: &str) {
        self.check_leases(when);
        for tab in 0..self.tabs.len() {
            if !self.runs(tab) || self.tabs[tab].hidden.is_some() {
                continue;
            }
            let fields = self.room.persons[tab].fields.iter();
            let mut wrong = fields.filter(|(field, stands)| {
                let free = self.room.server.lease(self.now, **field).is_none();
                // Whoever is not there does not hear of it, and believes what it heard last.
                let channel = self.room.shape.channel_of(**field);
                let hears = self.room.persons[tab].on.contains_key(&channel);
                match stands {
                    Stands::Asking => true,
                    Stands::Other => free && hears,
                    Stands::Free | Stands::Held(_) | Stands::Lost => false,
                }
            });
            if let Some((field, stands)) = wrong.next() {
                let how = format!(
                    "{} {when}: field {field} is {stands:?} although nobody has it",
                    self.name(tab)
                );
                return self.fail(Promise::Room, how);
            }
        }
    }
}
