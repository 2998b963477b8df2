//! What is checked while a world runs, and when it has healed.

use everfresh::engine::limits::WINDOW;

use crate::agenda::{MS, S, Time};
use crate::network::End;
use crate::promises::Promise;
use crate::story::tell;
use crate::tab::Life;
use crate::world::World;

/// How long two tabs may both have a working connection: a stolen lock is told of a moment later.
const OVERLAP: Time = 2 * S;
/// How long after an event that came too early (others were missed) the app may not know yet.
const OWED_FOR: Time = 3 * S;
/// Inputs that a tab may handle in three minutes of calm: a ping every five seconds from the
/// server, a question of one tab to the leader every ten seconds and the answer to it, a look into
/// the storage every minute (two if letters lie there), and a few looks at the clock.
const CALM_INPUTS: u64 = 155;
/// What each other tab of the browser adds every minute: a sign of life, what it needs of contracts, and a look at the
/// clock after them.
const CALM_INPUTS_A_TAB: u64 = 9;
/// How often the tabs of a browser ask in three minutes of calm whether their leader is there: one of them for all,
/// every ten seconds.
const CALM_QUESTIONS: u64 = 22;

impl World {
    /// The checks of every second.
    pub(crate) fn audit(&mut self) {
        for browser in 0..self.browsers.len() {
            self.audit_leaders(browser);
        }
        for tab in 0..self.tabs.len() {
            if self.runs(tab) && self.tabs[tab].hidden.is_none() {
                self.audit_owed(tab);
                self.audit_screen(tab);
            }
        }
    }

    /// The tabs of a browser that run and have a connection which the server would take frames
    /// from.
    fn acting(&self, browser: usize) -> Vec<usize> {
        (0..self.sockets.len())
            .filter(|&at| {
                let socket = &self.sockets[at];
                socket.client == End::Open && !socket.up.hole && self.server.knows(at)
            })
            .map(|at| self.sockets[at].tab)
            .filter(|&tab| self.tabs[tab].seat.browser == browser && self.runs(tab))
            .collect()
    }

    /// G5: one of them at most.
    fn audit_leaders(&mut self, browser: usize) {
        if self.browsers[browser].locks.is_none() {
            return;
        }
        let acting = self.acting(browser);
        if acting.len() < 2 {
            self.browsers[browser].overlap = None;
            return;
        }
        let since = *self.browsers[browser].overlap.get_or_insert(self.now);
        if self.now - since >= OVERLAP {
            let names: Vec<String> = acting.iter().map(|tab| self.name(*tab)).collect();
            let how = format!("{} have a connection each", names.join(" and "));
            self.fail(Promise::G5, how);
        }
    }

    /// G3: who missed events is told.
    fn audit_owed(&mut self, tab: usize) {
        // What the page itself changed offline goes first, for a while.
        let held = self.queue.held_until[self.tabs[tab].seat.browser];
        let steady = self.tabs[tab].steady_since.max(held);
        let late = |since: Time| self.now.saturating_sub(since.max(steady)) > OWED_FOR;
        if let Some(owed) = self.tabs[tab].app.owed.iter().find(|owed| late(owed.since)) {
            let how = format!(
                "{} missed an event of family {} and is not told",
                self.name(tab),
                owed.family
            );
            self.fail(Promise::G3, how);
        }
    }

    /// G2: what was heard of is on the screen soon.
    fn audit_screen(&mut self, tab: usize) {
        if self.shape.fails > 0 {
            return;
        }
        let browser = &self.browsers[self.tabs[tab].seat.browser];
        if !self.server.up || browser.network.troubled(self.now) {
            self.fetch_trouble = self.fetch_trouble.max(self.now);
        }
        // What the page itself changed offline goes first, for a while.
        let held = self.queue.held_until[self.tabs[tab].seat.browser];
        let steady = self.tabs[tab]
            .steady_since
            .max(self.tabs[tab].hangs_until)
            .max(self.fetch_trouble)
            .max(held);
        // The fetch under way, the one that follows, the window, and a moment to spare.
        let bound = 2 * self.shape.fetch + 2 * WINDOW.0 * MS + S;
        let Some((query, since)) = self.tabs[tab].app.longest_unserved() else {
            return;
        };
        if self.now.saturating_sub(since.max(steady)) > bound {
            let how = format!(
                "{} heard {} ms ago that {} changed and does not show it",
                self.name(tab),
                (self.now - since) / MS,
                query.key
            );
            self.fail(Promise::G2, how);
        }
    }

    /// Everything must be well: what is shown is true, one leads, one connection a browser.
    pub(crate) fn check_healed(&mut self, when: &str) {
        tell!(self, "=== is all well {when}?");
        for tab in 0..self.tabs.len() {
            if self.tabs[tab].life == Life::Running {
                self.check_shown(tab, when);
            }
        }
        for browser in 0..self.browsers.len() {
            self.check_link(browser, when);
        }
    }

    /// G1: what is shown is what is true.
    pub(crate) fn check_shown(&mut self, tab: usize, when: &str) {
        let app = &self.tabs[tab].app;
        let stale = app.queries.list.iter().find(|query| {
            query.mounted
                && self
                    .truth
                    .channels_of(query.family)
                    .all(|channel| app.watched[channel] > 0)
                && query.shown != Some(self.truth.versions[query.family])
        });
        if let Some(query) = stale {
            let how = format!(
                "{} {when}: {} shows version {:?}, the truth is {}",
                self.name(tab),
                query.key,
                query.shown,
                self.truth.versions[query.family]
            );
            self.fail(Promise::G1, how);
        }
        if !self.tabs[tab].app.owed.is_empty() {
            let how = format!("{} {when}: missed events and is not told", self.name(tab));
            self.fail(Promise::G3, how);
        }
    }

    /// G5: one leader with one connection, and everybody knows that it stands.
    fn check_link(&mut self, browser: usize, when: &str) {
        let tabs: Vec<usize> = (0..self.tabs.len())
            .filter(|&tab| {
                self.tabs[tab].seat.browser == browser && self.tabs[tab].life == Life::Running
            })
            .collect();
        let alone = self.browsers[browser].locks.is_none();
        let roles: Vec<&str> = tabs.iter().map(|tab| self.tabs[*tab].app.role()).collect();
        let leaders = roles.iter().filter(|role| **role == "leader").count();
        let good = if alone {
            roles.iter().all(|role| *role == "alone")
        } else {
            leaders == 1
                && roles.iter().filter(|role| **role == "follower").count() == tabs.len() - 1
        };
        let mut wrong = None;
        if !good {
            wrong = Some(format!("the roles are {roles:?}"));
        }
        let sessions = self
            .server
            .sockets()
            .filter(|socket| self.tabs[self.sockets[*socket].tab].seat.browser == browser)
            .count();
        let links = if alone { tabs.len() } else { 1 };
        if sessions != links || self.acting(browser).len() != links {
            wrong = Some(format!("{sessions} sessions where {links} should be"));
        }
        for &tab in &tabs {
            let word = self.tabs[tab].app.word();
            if word != "connected" {
                wrong = Some(format!("{} says it is {word:?}", self.name(tab)));
            }
        }
        if let Some(wrong) = wrong {
            let how = format!("browser {browser} {when}: {wrong}");
            self.fail(Promise::G5, how);
        }
    }

    /// G10: an idle world is quiet.
    pub(crate) fn check_calm(&mut self) {
        for browser in 0..self.browsers.len() {
            let own = (self.tabs.iter()).filter(|tab| tab.seat.browser == browser);
            let questions: u64 = own.map(|tab| tab.questions).sum();
            if questions > CALM_QUESTIONS {
                let how = format!(
                    "the tabs of browser {browser} asked {questions} times in three minutes in which nothing happened \
                     whether their leader is there"
                );
                self.fail(Promise::G10, how);
            }
        }
        for tab in 0..self.tabs.len() {
            let inputs = self.tabs[tab].inputs;
            let browser = self.tabs[tab].seat.browser;
            let others = self
                .tabs
                .iter()
                .filter(|other| other.seat.browser == browser && other.life == Life::Running)
                .count()
                .saturating_sub(1);
            let most = CALM_INPUTS
                + CALM_INPUTS_A_TAB * others as u64
                + self.calm_inputs_of_room(tab)
                + self.inputs_of_looks();
            if self.tabs[tab].life == Life::Running && inputs > most {
                let how = format!(
                    "{} handled {inputs} inputs in three minutes in which nothing happened",
                    self.name(tab)
                );
                self.fail(Promise::G10, how);
            }
        }
    }
}
