//! What each deed does to a world, and how its faults end.

use crate::agenda::{MIN, S, Time};
use crate::queue::Due;
use crate::queue::ledger::{Ended, Fate};
use crate::queue::plan::{Deed, NAMES, STRICT, Wish};
use crate::sometimes::Rare;
use crate::story::tell;
use crate::tab::Life;
use crate::transition::Seat;
use crate::world::{Happening, World};

impl World {
    /// A deed of the plan is done.
    pub(crate) fn do_deed(&mut self, deed: Deed) {
        match deed {
            Deed::Make {
                seat,
                spec,
                times,
                apart,
            } => self.with_author(seat, |world, tab| world.make(tab, spec, times, apart)),
            Deed::Ask { seat, what, which } => {
                self.with_author(seat, |world, tab| world.ask(tab, what, which));
            }
            Deed::Handler { seat, name, there } => {
                self.with_author(seat, |world, tab| world.handler(tab, name, there));
            }
            Deed::Mood { mood, span } => self.queue.server.mood(mood, self.now + span),
            Deed::LogOut { browser } => self.queue.server.log_in(browser, false),
            Deed::LogIn { seat } => self.with_author(seat, |world, tab| world.log_in(tab)),
            Deed::Lag { browser, span, by } => {
                self.queue.shape.lags[browser] = (self.now + span, by);
                let knowledge = &mut self.queue.ledger.knowledge[browser];
                knowledge.late_until = knowledge.late_until.max(self.now + span + by);
            }
            Deed::Fill {
                browser,
                leaves,
                span,
            } => {
                self.queue.storages[browser].fill(Some(leaves));
                let due = Due::Room(browser);
                self.agenda.add(self.now + span, Happening::Queue(due));
            }
            Deed::Throws { browser, span } => {
                self.harm(browser, |_| true);
                let knowledge = &mut self.queue.ledger.knowledge[browser];
                // Who could not read it reads again in a while, and until then it is the same time for everybody.
                if knowledge.mute_until == 0 || knowledge.mute_until + MIN + 5 * S < self.now {
                    knowledge.mute_from = self.now;
                }
                knowledge.mute_until = self.now + span;
                self.queue.storages[browser].throw_until(self.now + span);
            }
            Deed::Clear { browser } => self.clear_storage(browser),
            Deed::Damage { browser, which } => self.damage(browser, which),
            Deed::Junk { browser, which } => self.leave_junk(browser, which),
            Deed::PowerLoss {
                browser,
                back,
                down,
            } => self.lose_power(browser, back, down),
        }
    }

    /// Something of ours is due.
    pub(crate) fn queue_happens(&mut self, due: Due) {
        match due {
            Due::Sync(tab) => self.sync(tab),
            Due::Make(tab, spec, left, apart) => {
                if self.healed.is_none() {
                    self.make(tab, spec, left, apart);
                }
            }
            Due::Request(tab, sent) => self.mutation_arrives(tab, &sent),
            Due::Room(browser) => self.queue.storages[browser].fill(None),
            Due::Boot(browser) => self.open(Seat { browser, place: 0 }),
            Due::LogIn(browser) => {
                let tab = (0..self.tabs.len())
                    .find(|tab| self.tabs[*tab].seat.browser == browser && self.runs(*tab));
                if let Some(tab) = tab.filter(|_| self.queue.server.wants_login(browser)) {
                    self.log_in(tab);
                }
            }
            Due::Decide => self.decide(),
            Due::DecideAgain => self.decide_again(),
        }
    }

    fn with_author(&mut self, seat: Seat, what: impl FnOnce(&mut World, usize)) {
        if let Some(tab) = self.tab_at(seat).filter(|tab| self.runs(*tab)) {
            what(self, tab);
        }
    }

    /// Something is done to the records of a browser that no browser promises not to do.
    fn harm(&mut self, browser: usize, which: impl Fn(&str) -> bool) {
        for entry in &mut self.queue.ledger.list {
            let id = entry.id.map(|id| id.text());
            if entry.browser == browser && id.is_some_and(|id| which(&id)) {
                entry.harmed = true;
            }
        }
    }

    fn clear_storage(&mut self, browser: usize) {
        let seats = &self.browsers[browser].seats;
        let tabs: Vec<usize> = seats.iter().flatten().copied().collect();
        let running: Vec<usize> = tabs.into_iter().filter(|tab| self.runs(*tab)).collect();
        if running.is_empty() {
            return;
        }
        let by = running[self.queue.chance.index(running.len())];
        tell!(self, "{} clears the storage", self.name(by));
        if self.queue.ledger.pending(browser).next().is_some() {
            self.sometimes.reached(Rare::ClearedWhileQueued);
        }
        self.harm(browser, |_| true);
        // A tab that leads and has read holds them all, and each tab that made one holds its own.
        let all_held = self.is_all_held(browser);
        for serial in 0..self.queue.ledger.list.len() {
            let entry = &self.queue.ledger.list[serial];
            let held = all_held || (self.runs(entry.tab) && !entry.letter);
            let entry = &mut self.queue.ledger.list[serial];
            entry.excused |= entry.browser == browser && !held;
        }
        self.queue.storages[browser].clear(self.now, by);
        self.plan_syncs(by);
    }

    /// Does a tab lead that has had time to read what is stored?
    fn is_all_held(&self, browser: usize) -> bool {
        let led_since = self.queue.led_since[browser];
        let knowledge = self.queue.ledger.knowledge[browser];
        // Who could not read when it began to lead reads again in a while.
        let could_read = led_since + 5 * S < knowledge.mute_from
            || led_since > knowledge.mute_until
            || self.now > knowledge.mute_until + MIN + 5 * S;
        let leads = self.leader(browser).is_some_and(|tab| self.runs(tab));
        leads && could_read && self.now.saturating_sub(led_since) > 5 * S
    }

    /// The keys of our records in a browser's storage.
    fn records(&self, browser: usize) -> Vec<String> {
        let prefix = &self.queue.shape.prefix;
        let ours = |key: &&str| {
            let rest = key.strip_prefix(prefix.as_str()).unwrap_or("here");
            rest.starts_with('m') || rest.starts_with('w')
        };
        let keys = self.queue.storages[browser].keys().filter(ours);
        keys.map(str::to_owned).collect()
    }

    fn damage(&mut self, browser: usize, which: u64) {
        let records = self.records(browser);
        if records.is_empty() {
            return;
        }
        let key = records[(which % records.len() as u64) as usize].clone();
        let whole = self.queue.storages[browser].truth(&key).unwrap_or("");
        let half = whole.len() / 2;
        let spoiled = match which >> 32 & 3 {
            0 => whole.get(..half).unwrap_or("").to_owned(),
            1 => whole.replacen("\"name\"", "\"nome\"", 1),
            2 => format!("2{}", whole.get(1..).unwrap_or("")),
            _ => String::new(),
        };
        tell!(self, "the record {key} is damaged: {spoiled}");
        self.sometimes.reached(Rare::RecordDamaged);
        self.harm(browser, |id| key.ends_with(id));
        let now = self.now;
        self.queue.storages[browser].damage(now, &key, &spoiled);
        self.queue.spoiled[browser].insert(key, spoiled);
        if !self.is_all_held(browser) {
            self.excuse(browser);
        }
        for tab in 0..self.tabs.len() {
            if self.tabs[tab].seat.browser == browser {
                self.plan_sync(tab);
            }
        }
    }

    fn leave_junk(&mut self, browser: usize, which: u64) {
        let prefix = &self.queue.shape.prefix;
        let id = format!(
            "{:016x}{:016x}",
            1_790_000_000_000u64 + (which >> 40),
            which
        );
        let junk = [
            ("somebody:else".to_owned(), "{}".to_owned()),
            (format!("{prefix}m"), String::new()),
            (
                format!("{prefix}m{id}"),
                "1 2 0000000000000000 {}".to_owned(),
            ),
            (format!("{prefix}w{id}"), "null".to_owned()),
            (format!("{prefix}mzz"), "x".repeat(5000)),
            (format!("{prefix}here2"), "1".to_owned()),
            (
                format!("{prefix}w{}", "f".repeat(32)),
                "9 what may come".to_owned(),
            ),
        ];
        let (key, value) = &junk[(which % junk.len() as u64) as usize];
        self.sometimes.reached(Rare::JunkInStorage);
        let now = self.now;
        self.queue.storages[browser].damage(now, key, value);
    }

    fn lose_power(&mut self, browser: usize, back: Time, down: Time) {
        tell!(self, "browser {browser}: the power is lost");
        if self.queue.ledger.pending(browser).next().is_some() {
            self.sometimes.reached(Rare::PowerLostWhileQueued);
        }
        for tab in 0..self.tabs.len() {
            if self.tabs[tab].seat.browser == browser && self.tabs[tab].life != Life::Gone {
                self.end_tab(tab, true);
            }
        }
        let to = self.now.saturating_sub(back);
        self.harm(browser, |_| true);
        self.queue.storages[browser].roll_back(to);
        self.excuse(browser);
        for entry in &mut self.queue.ledger.list {
            // What was given up since then was never given up.
            let gone = matches!(entry.end, Some(Ended::Resolved(_))) && entry.ended_at >= to;
            let unheard = entry.fate == Fate::Open && entry.made >= to;
            entry.excused |= entry.browser == browser && (gone || unheard);
        }
        let due = Due::Boot(browser);
        self.agenda.add(self.now + down, Happening::Queue(due));
    }

    /// The last fault is over.
    pub(crate) fn heal_queue(&mut self) {
        self.queue.server.heal();
        for storage in &mut self.queue.storages {
            storage.fill(None);
            storage.throw_until(0);
        }
        for lag in &mut self.queue.shape.lags {
            *lag = (0, 0);
        }
        for tab in 0..self.tabs.len() {
            for name in 0..NAMES.len() {
                if self.runs(tab) {
                    self.handler(tab, name, true);
                }
            }
        }
    }

    /// A person does what only a person can.
    pub(crate) fn mend_queue(&mut self) {
        for browser in 0..self.browsers.len() {
            self.queue_happens(Due::LogIn(browser));
        }
    }

    /// A person decides about everything that holds up a lane, and about some of the rest.
    fn decide(&mut self) {
        self.look_at_letters();
        self.check_lanes_free();
        for browser in 0..self.browsers.len() {
            let Some(tab) = self.someone(browser) else {
                continue;
            };
            for serial in 0..self.queue.ledger.list.len() {
                let entry = &self.queue.ledger.list[serial];
                if entry.browser != browser || !entry.letter {
                    continue;
                }
                let stops = NAMES[entry.spec.name].1.contains("stops");
                let what = match self.queue.chance.below(3) {
                    0 => Wish::Retry,
                    1 => Wish::Discard,
                    _ if stops => Wish::Edit,
                    _ => continue,
                };
                self.decide_one(tab, serial, what);
            }
        }
    }

    /// What went on because of that may hold up a lane anew: the person gives it up.
    fn decide_again(&mut self) {
        self.look_at_letters();
        for browser in 0..self.browsers.len() {
            let listed = self.listed(browser, &["dead", "conflicts"]);
            let Some(tab) = self.someone(browser) else {
                continue;
            };
            for serial in 0..self.queue.ledger.list.len() {
                let entry = &self.queue.ledger.list[serial];
                let is_listed = entry.id.is_some_and(|id| listed.contains(&id.text()));
                if entry.browser == browser && entry.spec.name == STRICT && is_listed {
                    self.decide_one(tab, serial, Wish::Discard);
                }
            }
        }
    }

    /// A person looks at the lists: what was never told, because a tab died, stands there.
    fn look_at_letters(&mut self) {
        for browser in 0..self.browsers.len() {
            let listed = self.listed(browser, &["dead", "conflicts"]);
            let aside = self.listed(browser, &["aside"]);
            for entry in &mut self.queue.ledger.list {
                let id = entry.id.map(|id| id.text());
                let is_on = |list: &[String]| id.as_ref().is_some_and(|id| list.contains(id));
                entry.letter |= is_on(&listed);
                entry.excused |= entry.harmed && is_on(&aside);
            }
        }
    }

    fn decide_one(&mut self, tab: usize, serial: usize, what: Wish) {
        let browser = self.tabs[tab].seat.browser;
        let letters: Vec<usize> = (0..self.queue.ledger.list.len())
            .filter(|at| {
                let entry = &self.queue.ledger.list[*at];
                entry.browser == browser && entry.letter && entry.id.is_some()
            })
            .collect();
        if let Some(at) = letters.iter().position(|have| *have == serial) {
            self.ask(tab, what, at as u64);
        }
    }

    /// The tab of a browser in which a person is: the one that leads, if one does.
    pub(crate) fn someone(&self, browser: usize) -> Option<usize> {
        let running = |tab: &usize| self.runs(*tab);
        let leader = self.leader(browser).filter(running);
        leader.or_else(|| {
            let seats = self.browsers[browser].seats.iter().flatten();
            seats.copied().find(running)
        })
    }
}
