//! What a browser gives its tabs besides the queue for a lock: taking a lock by force, a lock that
//! each tab holds for itself, a channel for the tabs of all principals, and a mark in the storage.

use std::collections::VecDeque;

use everfresh::engine::ids::TabId;
use everfresh::engine::input::LockEvent;
use everfresh::engine::output::Output;
use everfresh::engine::store::StoreOp;

use crate::agenda::MS;
use crate::browser::Claim;
use crate::sometimes::Rare;
use crate::story::tell;
use crate::tab::{Arrival, Life, Port};
use crate::world::{Happening, World};

/// Questions to the storage about the mark of the newest login.
const MARK: StoreOp = StoreOp(u64::MAX);

impl World {
    /// Does one deed of that kind. Gives back what is none.
    pub(crate) fn perform_among_tabs(
        &mut self,
        tab: usize,
        output: Output,
        inbox: &mut VecDeque<Arrival>,
    ) -> Option<Output> {
        let browser = self.tabs[tab].seat.browser;
        match output {
            Output::StealLock { ticket, name } => {
                let Some(lock) = self.browsers[browser].lock(&name) else {
                    inbox.push_back(Arrival::Lock(LockEvent::Unavailable));
                    return None;
                };
                let loser = lock.holder.replace(Claim { tab, ticket });
                if let Some(loser) = loser {
                    tell!(self, "{} loses its lock by force", self.name(loser.tab));
                    self.sometimes.reached(Rare::LockStolen);
                    self.tabs[loser.tab].fence.stolen(loser.ticket);
                    let at = self.now + self.chance.browser.between(1, 4 * MS);
                    let lost = Arrival::Lock(LockEvent::Lost(loser.ticket));
                    self.agenda.add(at, Happening::Arrives(loser.tab, lost));
                }
                self.grant_lock(Some(Claim { tab, ticket }));
                self.throw_out_of_cache(loser);
            }
            Output::HoldTabLock(name) => {
                if self.browsers[browser].locks.is_some() {
                    self.tabs[tab].own_lock = Some(name);
                }
            }
            Output::ReleaseTabLock => self.tabs[tab].own_lock = None,
            Output::QueryLocks { prefix } => {
                let ids = self.held_by(browser, &prefix);
                let at = self.now + self.chance.browser.between(1, 4 * MS);
                let arrival = Arrival::TabLocks(ids);
                self.agenda.add(at, Happening::Arrives(tab, arrival));
            }
            Output::OpenUserChannel(name) => {
                self.ports += 1;
                let number = self.ports;
                self.tabs[tab].users = Some(Port { number, name });
            }
            Output::CloseUserChannel => self.tabs[tab].users = None,
            Output::PostToUsers(message) => self.post_to_users(tab, &message),
            Output::StoreRead { op, keys } if op == MARK => {
                let marks = &self.browsers[browser].marks;
                let values = keys.iter().map(|key| {
                    let mark = marks.iter().find(|(have, _)| have == key);
                    mark.map(|(_, text)| text.clone())
                });
                inbox.push_back(Arrival::Mark(values.collect()));
            }
            Output::StoreWrite { op, key, value } if op == MARK => {
                self.write_mark(tab, &key, &value);
            }
            other => return Some(other),
        }
        None
    }

    fn held_by(&self, browser: usize, prefix: &str) -> Vec<TabId> {
        let tabs = self.tabs.iter().filter(|tab| tab.seat.browser == browser);
        let ids = tabs.filter_map(|tab| {
            let name = tab.own_lock.as_ref()?;
            TabId::parse(name.strip_prefix(prefix)?)
        });
        ids.collect()
    }

    fn post_to_users(&mut self, from: usize, message: &str) {
        let browser = self.tabs[from].seat.browser;
        let Some(name) = self.tabs[from].users.as_ref().map(|port| port.name.clone()) else {
            return;
        };
        for to in 0..self.tabs.len() {
            let other = &self.tabs[to];
            let Some(port) = other.users.as_ref().filter(|port| {
                to != from
                    && other.life != Life::Gone
                    && other.seat.browser == browser
                    && port.name == name
            }) else {
                continue;
            };
            let number = port.number;
            let delay = self
                .chance
                .browser
                .between(1, self.browsers[browser].bus_delay);
            let arrival = Arrival::UserBus(number, message.to_owned());
            self.agenda
                .add(self.now + delay, Happening::Arrives(to, arrival));
        }
    }

    /// The other tabs are told, unless they cannot run: a frozen page is never told.
    fn write_mark(&mut self, tab: usize, name: &str, text: &str) {
        let browser = self.tabs[tab].seat.browser;
        let marks = &mut self.browsers[browser].marks;
        marks.retain(|(have, _)| have != name);
        marks.push((name.to_owned(), text.to_owned()));
        for to in 0..self.tabs.len() {
            if to != tab && self.tabs[to].seat.browser == browser && self.runs(to) {
                let at = self.now + self.chance.browser.between(1, 50 * MS);
                let arrival = Arrival::MarkChanged(name.to_owned(), text.to_owned());
                self.agenda.add(at, Happening::Arrives(to, arrival));
            }
        }
    }
}
