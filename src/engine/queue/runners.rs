//! Which page has the function for a mutation, and what happens to those that have none.

use std::rc::Rc;

use super::desk::Desk;
use super::mutation::{Mutation, MutationId};
use super::sender::{By, Sender, Stage};
use super::settings::Handler;
use crate::engine::ids::TabId;
use crate::engine::limits::RUNNERS_MAX;
use crate::engine::map::Map;
use crate::engine::time::Now;

impl Sender {
    /// Another page has these functions. True if it was not known before.
    pub(super) fn runner(
        &mut self,
        now: Now,
        tab: TabId,
        handlers: Vec<(Rc<str>, Handler)>,
    ) -> bool {
        let new = !self.runners.contains(&tab);
        if new && self.runners.len() >= RUNNERS_MAX {
            return false;
        }
        let mut names = Map::new();
        for (name, handler) in handlers {
            names.insert(name, handler);
        }
        self.runners.insert(tab, names);
        self.unpark(now);
        if new {
            // What it makes comes after what waits, whatever its clock says.
            self.took.extend(self.items.keys().next_back());
        }
        new
    }

    /// A page is gone, and with it the runs that it was asked for.
    pub(super) fn tab_gone(&mut self, now: Now, tab: TabId) {
        self.runners.remove(&tab);
        for id in self.flying_by(By::Tab(tab)) {
            self.put_back(now, id, None);
        }
    }

    /// There is a function that was not there before.
    pub(super) fn unpark(&mut self, now: Now) {
        if self.parked == 0 {
            return;
        }
        for item in self.items.values_mut() {
            if item.stage == Stage::Parked {
                item.stage = Stage::Waiting;
                let mutation = &item.mutation;
                self.lanes
                    .park(now.mono, &mutation.lane, mutation.id, false);
            }
        }
        self.parked = 0;
    }

    pub(super) fn park(&mut self, now: Now, id: MutationId) {
        if let Some(item) = self.items.get_mut(&id) {
            item.stage = Stage::Parked;
            self.parked += 1;
            let lane = &item.mutation.lane;
            self.lanes.park(now.mono, lane, id, true);
        }
    }

    fn flying_by(&self, who: By) -> Vec<MutationId> {
        let by_them = |id: &&MutationId| {
            let stage = self.items.get(id).map(|item| item.stage);
            matches!(stage, Some(Stage::Running { by, .. }) if by == who)
        };
        self.flight.iter().filter(by_them).copied().collect()
    }

    pub(super) fn forget_handler(&mut self, desk: &mut Desk, by: By, name: &str) {
        match by {
            By::Here => {
                desk.handlers.remove(name);
            }
            By::Tab(tab) => {
                if let Some(names) = self.runners.get_mut(&tab) {
                    names.remove(name);
                }
            }
            By::Elsewhere => {}
        }
    }

    /// How a mutation's function wanted to be treated when it was run: it may be gone by now.
    pub(super) fn treats(&self, desk: &Desk, id: MutationId) -> Handler {
        let item = self.items.get(&id);
        let now = || item.map(|item| self.handler(desk, &item.mutation));
        let then = item.and_then(|item| item.treats);
        then.or_else(now).unwrap_or_default()
    }

    /// How a mutation's function wants to be treated, wherever it is.
    pub(super) fn handler(&self, desk: &Desk, mutation: &Mutation) -> Handler {
        let there = || {
            self.runners
                .values()
                .find_map(|names| names.get(&mutation.name))
        };
        let handler = desk.handlers.get(&mutation.name).or_else(there);
        handler.copied().unwrap_or_default()
    }

    /// Is there a function for it somewhere, if only for an older form of its variables?
    pub(super) fn has_name(&self, desk: &Desk, name: &str) -> bool {
        desk.handlers.contains(name) || self.runners.values().any(|names| names.contains(name))
    }
}
