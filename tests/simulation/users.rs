//! Worlds of their own about the user fence (G9): one browser, three tabs, two persons and nobody, who
//! log in and out in any of the tabs while mutations, reads, fetches and messages are on their way.
//!
//! The oracle knows for each mutation in whose name it was made, and looks at everything that a tab
//! is given and everything that it does.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use everfresh::engine::command::Command;
use everfresh::engine::config::Config;
use everfresh::engine::ids::{LockTicket, TabId};
use everfresh::engine::input::{Input, LockEvent, SocketEvent};
use everfresh::engine::notice::{Notice, UserChange};
use everfresh::engine::output::Output;
use everfresh::engine::queue::{MutationId, Outcome, Told};
use everfresh::engine::store::StoreOp;
use everfresh::engine::time::{Mono, Now, Wall};
use everfresh::engine::{Boot, Engine};
use everfresh::wire::json;

use crate::chance::{Chance, Stream};

/// They are long: a build for debugging takes a second for each.
const FEW: u64 = 20;
/// Of so many worlds each rare state is reached.
const ENOUGH: u64 = 100;
const TABS: usize = 3;
const USERS: [Option<&str>; 3] = [Some("alice"), Some("bob"), None];
/// How long another tab may not have heard yet who is there now, in milliseconds.
const HEARD: u64 = 20;
const MINUTE: u64 = 60_000;

/// Something on its way to a tab.
#[derive(Clone, Debug)]
enum Due {
    Granted(String, LockTicket),
    Unlocked(LockTicket),
    Tabs(Vec<TabId>),
    /// On the how-manieth channel that the tab opened.
    Said(u64, String),
    ToUsers(String),
    Stored(StoreOp),
    Listed(StoreOp, String),
    Read(StoreOp, Vec<String>),
    Changed(String, Option<String>),
    Session(String),
    Refused(everfresh::engine::ids::ConnId),
    /// The app's function ends: of which run, and what it did.
    Done(MutationId, u32),
    /// The app says who is there, as the cookie has it.
    AsksCookie,
    /// The how-manieth fetch of a tab ends; it began in this session.
    Fetched(u64, u64),
}

struct Tab {
    engine: Engine,
    id: TabId,
    user: usize,
    /// How often the app was told that the person changed, or that it is back.
    session: u64,
    fenced: bool,
    /// How many fetches it began. The next one takes the place of the one that is under way.
    fetches: u64,
    channel: Option<String>,
    opened: u64,
    users: bool,
    mark: Option<String>,
    kept: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Mutation {
    owner: usize,
    accepted: bool,
    settled: bool,
    keys: BTreeSet<String>,
}

struct World {
    seed: u64,
    now: u64,
    chance: Chance,
    tabs: Vec<Tab>,
    agenda: BTreeMap<(u64, u64), (usize, Due)>,
    planned: u64,
    store: BTreeMap<String, String>,
    locks: BTreeMap<String, VecDeque<(usize, LockTicket)>>,
    /// Who is there, and since when.
    user: usize,
    since: u64,
    list: Vec<Mutation>,
    ids: BTreeMap<String, usize>,
    /// Who fetched anything in one session.
    fetched: [bool; USERS.len()],
    seen: Seen,
}

/// How often the rare states were reached.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    waits_for_its_person: u64,
    late_run: u64,
    late_fetch: u64,
    fenced: u64,
}

fn named(user: usize) -> &'static str {
    USERS[user].unwrap_or("nobody")
}

fn quoted(user: usize) -> String {
    USERS[user].map_or("null".to_owned(), |name| format!("\"{name}\""))
}

impl World {
    /// A whole life of a browser. Panics where a promise is broken.
    fn run(seed: u64) -> Seen {
        let mut world = World::new(seed);
        world.lives();
        world.ends();
        world.seen
    }

    fn new(seed: u64) -> World {
        let mut chance = Chance::new(seed, Stream::Plan);
        let user = chance.index(USERS.len());
        let tabs = (0..TABS).map(|at| {
            let config = format!(
                r#"{{"user":{},"backend":{{"kind":"everfresh","url":"ws://h/live"}},"channels":["c"],
                "contracts":{{"plan":{{"key":["plan"],"maxAge":30000}}}},"mutations":{{"move":{{"version":1}}}}}}"#,
                quoted(user)
            );
            let id = TabId(at as u64 + 5);
            let boot = Boot {
                seed: chance.bits(),
                tab: id,
                online: true,
            };
            let config = Config::parse(&config).expect("good settings");
            Tab {
                engine: Engine::new(config, boot, moment(0)),
                id,
                user,
                session: 0,
                fenced: false,
                fetches: 0,
                channel: None,
                opened: 0,
                users: false,
                mark: None,
                kept: BTreeMap::new(),
            }
        });
        World {
            seed,
            now: 0,
            tabs: tabs.collect(),
            chance,
            agenda: BTreeMap::new(),
            planned: 0,
            store: BTreeMap::new(),
            locks: BTreeMap::new(),
            user,
            since: 0,
            list: Vec::new(),
            ids: BTreeMap::new(),
            fetched: [false; USERS.len()],
            seen: Seen::default(),
        }
    }

    fn broken(&self, tab: usize, how: &str) -> ! {
        panic!(
            "world {} of users breaks G9, at {} ms, in tab {tab} of {}: {how}",
            self.seed,
            self.now,
            named(self.tabs[tab].user)
        )
    }

    fn plan(&mut self, delay: u64, tab: usize, due: Due) {
        self.planned += 1;
        self.agenda
            .insert((self.now + delay, self.planned), (tab, due));
    }

    fn say(&mut self, tab: usize, text: &str) {
        let command = Command::parse(text).expect("a command");
        self.happens(tab, Input::Command(command));
    }

    fn happens(&mut self, tab: usize, input: Input<'_>) {
        let now = moment(self.now);
        self.tabs[tab].engine.handle(now, input);
        while let Some(output) = self.tabs[tab].engine.poll_output() {
            self.check_secret(tab, &format!("{output:?}"));
            self.does(tab, output);
        }
        self.check_age(tab);
    }

    /// Nothing of anybody else is in it.
    fn check_secret(&self, tab: usize, text: &str) {
        for other in (0..USERS.len()).filter(|other| *other != self.tabs[tab].user) {
            if text.contains(&format!("of-{}", named(other))) {
                self.broken(tab, &format!("{} sees: {text}", named(other)));
            }
        }
    }

    /// What nobody fetched in this name has no age.
    fn check_age(&self, tab: usize) {
        let Tab {
            user,
            engine,
            fenced,
            ..
        } = &self.tabs[tab];
        if !self.fetched[*user] && !fenced {
            let snapshot = engine.snapshot(moment(self.now));
            if !snapshot.contains(r#""age":null"#) {
                self.broken(tab, &format!("fresh by another's fetch: {snapshot}"));
            }
        }
    }

    fn does(&mut self, tab: usize, output: Output) {
        match output {
            Output::OpenSocket { conn, .. } => self.plan(30, tab, Due::Refused(conn)),
            Output::QueueForLock { ticket, name } => {
                let queue = self.locks.entry(name.to_string()).or_default();
                queue.push_back((tab, ticket));
                if queue.len() == 1 {
                    self.plan(1, tab, Due::Granted(name.to_string(), ticket));
                }
            }
            Output::StealLock { ticket, name } => {
                let queue = self.locks.entry(name.to_string()).or_default();
                let loser = queue.pop_front();
                queue.push_front((tab, ticket));
                if let Some((loser, ticket)) = loser {
                    self.plan(1, loser, Due::Unlocked(ticket));
                }
                self.plan(1, tab, Due::Granted(name.to_string(), ticket));
            }
            Output::ReleaseLock(ticket) => self.release(tab, ticket),
            Output::HoldTabLock(name) => self.tabs[tab].mark = Some(name.to_string()),
            Output::ReleaseTabLock => self.tabs[tab].mark = None,
            Output::QueryLocks { prefix } => {
                let holds = |tab: &&Tab| {
                    let mark = tab.mark.as_deref();
                    mark.is_some_and(|mark| mark.starts_with(&*prefix))
                };
                let found = self.tabs.iter().filter(holds).map(|tab| tab.id).collect();
                self.plan(1, tab, Due::Tabs(found));
            }
            Output::OpenUserChannel(_) => self.tabs[tab].users = true,
            Output::CloseUserChannel => self.tabs[tab].users = false,
            Output::PostToUsers(text) => {
                for other in (0..TABS).filter(|other| *other != tab) {
                    self.plan(1, other, Due::ToUsers(text.clone()));
                }
            }
            Output::OpenTabChannel(name) => {
                self.tabs[tab].opened += 1;
                self.tabs[tab].channel = Some(name.to_string());
            }
            Output::CloseTabChannel => self.tabs[tab].channel = None,
            Output::PostToTabs(text) => {
                let name = self.tabs[tab].channel.clone();
                for other in (0..TABS).filter(|other| *other != tab) {
                    if name.is_some() && self.tabs[other].channel == name {
                        let opened = self.tabs[other].opened;
                        self.plan(1, other, Due::Said(opened, text.clone()));
                    }
                }
            }
            other => self.stores(tab, other),
        }
    }

    fn stores(&mut self, tab: usize, output: Output) {
        let delay = self.chance.between(1, 4);
        match output {
            Output::StoreWrite { op, key, value } => {
                self.store.insert(key.clone(), value.clone());
                self.plan(delay, tab, Due::Stored(op));
                self.changed(tab, &key, Some(value));
            }
            Output::StoreRemove { key } => {
                self.store.remove(&key);
                self.changed(tab, &key, None);
            }
            Output::StoreList { op, prefix } => self.plan(delay, tab, Due::Listed(op, prefix)),
            Output::StoreRead { op, keys } => self.plan(delay, tab, Due::Read(op, keys)),
            Output::SessionWrite { key, value } => {
                self.tabs[tab].kept.insert(key, value);
            }
            Output::SessionRemove { key } => {
                self.tabs[tab].kept.remove(&key);
            }
            Output::SessionRead { key } => self.plan(1, tab, Due::Session(key)),
            Output::RunMutation(run) => self.runs(tab, &run),
            Output::Tell(notice) => self.told(tab, notice),
            _ => {}
        }
    }

    fn changed(&mut self, tab: usize, key: &str, value: Option<String>) {
        for other in (0..TABS).filter(|other| *other != tab) {
            self.plan(2, other, Due::Changed(key.to_owned(), value.clone()));
        }
    }

    fn release(&mut self, tab: usize, ticket: LockTicket) {
        let mut next = Vec::new();
        for (name, queue) in &mut self.locks {
            let held = queue.front() == Some(&(tab, ticket));
            queue.retain(|entry| *entry != (tab, ticket));
            if let Some((other, ticket)) = queue.front().filter(|_| held) {
                next.push((*other, name.clone(), *ticket));
            }
        }
        for (other, name, ticket) in next {
            self.plan(1, other, Due::Granted(name, ticket));
        }
    }

    fn runs(&mut self, tab: usize, run: &everfresh::engine::queue::Run) {
        let serial = run.vars.rsplit('-').next().unwrap_or_default();
        let serial: usize = serial
            .trim_end_matches('"')
            .parse()
            .expect("a serial number");
        let owner = self.list[serial].owner;
        if owner != self.tabs[tab].user || self.tabs[tab].fenced {
            self.broken(tab, &format!("runs {} of {}", serial, named(owner)));
        }
        // What nobody made before the login is no person's secret: it goes on until the app says who is there.
        let somebodys = USERS[owner].is_some();
        if somebodys && owner != self.user && self.now > self.since + HEARD {
            self.broken(
                tab,
                &format!("runs {serial} although somebody else is there"),
            );
        }
        self.list[serial].keys.insert(run.idempotency_key.clone());
        if self.list[serial].keys.len() > 1 {
            self.broken(tab, &format!("runs {serial} under a second key"));
        }
        let delay = self.chance.between(1, 8000);
        self.plan(delay, tab, Due::Done(run.id, run.attempt));
    }

    fn told(&mut self, tab: usize, notice: Notice) {
        match notice {
            Notice::User(change) => {
                self.tabs[tab].fenced = change == UserChange::Fenced;
                self.tabs[tab].session += u64::from(change != UserChange::Elsewhere);
                if matches!(change, UserChange::Fenced | UserChange::Elsewhere) {
                    self.seen.fenced += 1;
                    let delay = self.chance.between(1, 5000);
                    self.plan(delay, tab, Due::AsksCookie);
                }
            }
            Notice::Mutation(Told::Accepted { call, id, .. }) => {
                let serial = call as usize;
                self.list[serial].accepted = true;
                self.ids.insert(id.text(), serial);
            }
            Notice::Mutation(Told::Settled { id, .. }) => {
                let Some(serial) = self.ids.get(&id.text()).copied() else {
                    return;
                };
                if self.list[serial].owner != self.tabs[tab].user {
                    self.broken(tab, &format!("is told of the end of another's {serial}"));
                }
                self.list[serial].settled = true;
            }
            _ => {}
        }
    }

    /// The app of a tab says who is there.
    fn set_user(&mut self, tab: usize) {
        let user = self.user;
        self.tabs[tab].user = user;
        self.tabs[tab].fenced = false;
        self.say(tab, &format!(r#"{{"do":"user","user":{}}}"#, quoted(user)));
    }

    /// Somebody logs in or out in a tab.
    fn switch(&mut self, tab: usize, user: usize) {
        let Tab {
            user: shown,
            fenced,
            ..
        } = self.tabs[tab];
        // Nobody logs in who is there, or out where nobody is, or where the app was just told that
        // somebody else is there: that only follows.
        if !fenced && shown == user || fenced && USERS[user].is_none() {
            return;
        }
        if user != self.user {
            let waits = |m: &Mutation| m.owner != user && m.accepted && !m.settled;
            self.seen.waits_for_its_person += u64::from(self.list.iter().any(waits));
            (self.user, self.since) = (user, self.now);
        }
        self.set_user(tab);
    }

    fn mutate(&mut self, tab: usize) {
        let (serial, owner) = (self.list.len(), self.tabs[tab].user);
        self.list.push(Mutation {
            owner,
            accepted: false,
            settled: false,
            keys: BTreeSet::new(),
        });
        let lane = self.chance.below(3);
        self.say(
            tab,
            &format!(
                r#"{{"do":"mutate","id":{serial},"name":"move","version":1,"lane":"l{lane}","vars":"of-{}-{serial}"}}"#,
                named(owner)
            ),
        );
    }

    fn arrives(&mut self, tab: usize, due: Due) {
        match due {
            Due::Granted(name, ticket) => {
                let queue = self.locks.get(&name);
                if queue.is_some_and(|queue| queue.front() == Some(&(tab, ticket))) {
                    self.happens(tab, Input::Lock(LockEvent::Granted(ticket)));
                }
            }
            Due::Unlocked(ticket) => self.happens(tab, Input::Lock(LockEvent::Lost(ticket))),
            Due::Tabs(found) => self.happens(tab, Input::TabLocks(&found)),
            Due::Said(opened, text) => {
                if self.tabs[tab].opened == opened && self.tabs[tab].channel.is_some() {
                    self.check_secret(tab, &text);
                    self.happens(tab, Input::TabMessage(text.as_bytes()));
                }
            }
            Due::ToUsers(text) => {
                if self.tabs[tab].users {
                    self.check_secret(tab, &text);
                    self.happens(tab, Input::UserMessage(text.as_bytes()));
                }
            }
            Due::Stored(op) => self.happens(tab, Input::Stored { op, result: Ok(()) }),
            Due::Listed(op, prefix) => {
                let keys = self.store.keys().filter(|key| key.starts_with(&prefix));
                let keys: Vec<String> = keys.cloned().collect();
                let result = Ok(keys.as_slice());
                self.happens(tab, Input::StoreListed { op, result });
            }
            Due::Read(op, keys) => {
                let values: Vec<_> = keys
                    .iter()
                    .map(|key| self.store.get(key).cloned())
                    .collect();
                let result = Ok(values.as_slice());
                self.happens(tab, Input::StoreRead { op, result });
            }
            Due::Changed(key, value) => {
                let (key, value) = (Some(key.as_str()), value.as_deref());
                self.happens(tab, Input::StoreChanged { key, value });
            }
            Due::Session(key) => {
                let value = self.tabs[tab].kept.get(&key).cloned();
                let (key, value) = (key.as_str(), value.as_deref());
                self.happens(tab, Input::SessionLoaded { key, value });
            }
            Due::Refused(conn) => {
                let (code, reason) = (1006, "");
                let event = SocketEvent::Closed { code, reason };
                self.happens(tab, Input::Socket { conn, event });
            }
            Due::Done(id, attempt) => {
                let of = self
                    .ids
                    .get(&id.text())
                    .map(|serial| self.list[*serial].owner);
                self.seen.late_run += u64::from(of.is_some_and(|of| of != self.tabs[tab].user));
                let raw = json::parse(r#"{"ok":true}"#).expect("JSON");
                let outcome = Outcome::read(raw).expect("an outcome");
                let input = Input::MutationDone {
                    id,
                    attempt,
                    outcome,
                };
                self.happens(tab, input);
            }
            Due::AsksCookie => self.set_user(tab),
            Due::Fetched(fetch, session) => {
                if fetch != self.tabs[tab].fetches {
                    return;
                }
                if session == self.tabs[tab].session && !self.tabs[tab].fenced {
                    self.fetched[self.tabs[tab].user] = true;
                } else {
                    self.seen.late_fetch += 1;
                }
                self.say(tab, r#"{"do":"fetch","key":["plan"],"phase":"success"}"#);
            }
        }
    }

    fn wait(&mut self, span: u64) {
        let end = self.now + span;
        loop {
            let planned = self
                .agenda
                .first_key_value()
                .map(|(at, (tab, _))| (at.0, *tab, true));
            let ticks = (0..TABS).filter_map(|at| {
                let Mono(due) = self.tabs[at].engine.next_wakeup()?;
                Some((due.saturating_sub(1000), at, false))
            });
            let next = ticks.chain(planned).min_by_key(|(at, ..)| *at);
            let Some((at, tab, planned)) = next.filter(|(at, ..)| *at <= end) else {
                break;
            };
            self.now = self.now.max(at);
            if planned {
                if let Some((_, (tab, due))) = self.agenda.pop_first() {
                    self.arrives(tab, due);
                }
            } else {
                self.happens(tab, Input::Tick);
            }
        }
        self.now = end;
    }

    fn lives(&mut self) {
        for tab in 0..TABS {
            self.say(tab, r#"{"do":"fetch","key":["plan"],"phase":"observe"}"#);
            self.happens(tab, Input::Command(Command::Start));
            let late = self.chance.below(500);
            self.wait(late);
        }
        for _ in 0..self.chance.between(10, 60) {
            let tab = self.chance.index(TABS);
            match self.chance.below(10) {
                0..=4 => self.mutate(tab),
                5 | 6 => {
                    self.say(tab, r#"{"do":"fetch","key":["plan"],"phase":"start"}"#);
                    self.tabs[tab].fetches += 1;
                    let (delay, session) = (self.chance.between(1, 3000), self.tabs[tab].session);
                    self.plan(delay, tab, Due::Fetched(self.tabs[tab].fetches, session));
                }
                _ => {
                    let user = self.chance.index(USERS.len());
                    self.switch(tab, user);
                }
            }
            let most = self.chance.pick(&[1, 5, 100, 3000, 20_000]);
            let span = self.chance.below(most);
            // Two at the same moment have no order.
            self.wait(1 + span);
        }
    }

    /// Each comes back, and finds all that was accepted done.
    fn ends(&mut self) {
        for user in 0..USERS.len() {
            let tab = self.chance.index(TABS);
            self.wait(MINUTE);
            self.switch(tab, user);
            self.wait(10 * MINUTE);
            for tab in 0..TABS {
                if self.tabs[tab].user != user || self.tabs[tab].fenced {
                    self.broken(tab, &format!("{} is there", named(user)));
                }
            }
            for (serial, of) in self.list.iter().enumerate() {
                if of.owner == user && of.accepted && !of.settled {
                    self.broken(tab, &format!("{serial} did not go out: {of:?}"));
                }
            }
        }
    }
}

fn moment(ms: u64) -> Now {
    Now {
        mono: Mono(1000 + ms),
        wall: Wall(1_790_000_000_000 + ms),
    }
}

/// One world where `EVERFRESH_USERS` names it; else a tenth of the worlds or of the time that the run is to have.
#[allow(clippy::print_stdout, reason = "the run tells what it reached")]
pub(crate) fn from_environment() {
    let of = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    if let Some(seed) = of("EVERFRESH_USERS") {
        World::run(seed);
        return;
    }
    if of("EVERFRESH_SEED").is_some() {
        return;
    }
    let first = of("EVERFRESH_FIRST").unwrap_or(0);
    let count = match (of("EVERFRESH_SEEDS"), of("EVERFRESH_SECONDS")) {
        (Some(worlds), _) => worlds / 10,
        // About a tenth of the time.
        (None, Some(seconds)) => seconds * 2,
        (None, None) => FEW,
    };
    let mut all = Seen::default();
    for seed in first..first + count {
        all.add(World::run(seed));
    }
    println!("{count} worlds of users that switch held: {all:?}");
    let least = all
        .waits_for_its_person
        .min(all.late_run)
        .min(all.late_fetch)
        .min(all.fenced);
    assert!(count < ENOUGH || least > 0, "not reached: {all:?}");
}

impl Seen {
    fn add(&mut self, other: Seen) {
        self.waits_for_its_person += other.waits_for_its_person;
        self.late_run += other.late_run;
        self.late_fetch += other.late_fetch;
        self.fenced += other.fenced;
    }
}
