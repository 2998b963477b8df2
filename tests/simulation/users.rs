//! Worlds of their own about the user fence (G9): one browser, three tabs, two persons and nobody, who
//! log in and out in any of the tabs while mutations, reads, fetches, frames, tokens and messages are on
//! their way, pages freeze, crash and are loaded anew, and the network is cut.
//!
//! The oracle knows for each mutation in whose name it was made, and looks at everything that a tab
//! is given and everything that it does.

mod browser;
mod server;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use everfresh::engine::command::Command;
use everfresh::engine::config::Config;
use everfresh::engine::ids::{ConnId, LockTicket, TabId, TokenId};
use everfresh::engine::input::Input;
use everfresh::engine::notice::{Notice, UserChange};
use everfresh::engine::queue::{MutationId, Told};
use everfresh::engine::store::StoreOp;
use everfresh::engine::time::{Mono, Now, Wall};
use everfresh::engine::{Boot, Engine};
use everfresh::wire::json;

use self::server::Server;
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
    Refused(ConnId),
    Opened(ConnId),
    Frame(ConnId, String),
    Cut(ConnId),
    /// The app has the token that it was asked for, of whoever it was asked for.
    Token(TokenId, usize),
    /// At the server: a frame on a line, a line's end, the time to ping.
    AtServer(usize, String),
    HungUp(usize),
    Pings(usize),
    /// A frozen page goes on, and was told that it would stand still.
    Thaws(bool),
    /// A page is loaded on the place of one that is gone.
    Boots,
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
    /// Which page it is that stands on this place.
    life: u64,
    there: bool,
    /// It stands still until then.
    frozen: Option<u64>,
    /// When it began, or went on after it stood still.
    back: u64,
    /// The last event of the person that it heard.
    heard: u64,
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
    /// The names under which it went out.
    keys: BTreeSet<String>,
}

struct World {
    seed: u64,
    now: u64,
    chance: Chance,
    tabs: Vec<Tab>,
    /// When, for which place and which page there, and what.
    agenda: BTreeMap<(u64, u64), (usize, u64, Due)>,
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
    server: Server,
    /// What the server did, by its name.
    done: BTreeSet<String>,
    /// How often a page died or stood still, and may not have heard of an end.
    lapses: u64,
    /// Whether the story is told.
    tells: bool,
    seen: Seen,
}

/// How often the rare states were reached.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    waits_for_its_person: u64,
    late_run: u64,
    late_fetch: u64,
    fenced: u64,
    welcomed: u64,
    late_token: u64,
    frozen_meanwhile: u64,
    crashed_with_work: u64,
}

fn named(user: usize) -> &'static str {
    USERS[user].unwrap_or("nobody")
}

fn quoted(user: usize) -> String {
    USERS[user].map_or("null".to_owned(), |name| format!("\"{name}\""))
}

impl Tab {
    fn new(place: usize, user: usize, seed: u64) -> Tab {
        let config = format!(
            r#"{{"user":{},"backend":{{"kind":"everfresh","url":"ws://h/live"}},"getToken":true,"channels":["c"],
            "contracts":{{"plan":{{"key":["plan"],"maxAge":30000}}}},"mutations":{{"move":{{"version":1}}}}}}"#,
            quoted(user)
        );
        let id = TabId(place as u64 + 5);
        let boot = Boot {
            seed,
            tab: id,
            online: true,
        };
        let config = Config::parse(&config).expect("good settings");
        Tab {
            engine: Engine::new(config, boot, moment(0)),
            id,
            user,
            life: 0,
            there: true,
            frozen: None,
            back: 0,
            heard: 0,
            session: 0,
            fenced: false,
            fetches: 0,
            channel: None,
            opened: 0,
            users: false,
            mark: None,
            kept: BTreeMap::new(),
        }
    }

    /// Is it there, and does it go on?
    fn runs(&self) -> bool {
        self.there && self.frozen.is_none()
    }
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
        let tabs = (0..TABS).map(|at| Tab::new(at, user, chance.bits()));
        let tabs = tabs.collect();
        World {
            seed,
            now: 0,
            tabs,
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
            server: Server::default(),
            done: BTreeSet::new(),
            lapses: 0,
            tells: std::env::var_os("EVERFRESH_WHOLE").is_some(),
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
        self.plan_for(delay, tab, self.tabs[tab].life, due);
    }

    fn plan_for(&mut self, delay: u64, tab: usize, life: u64, due: Due) {
        self.planned += 1;
        self.agenda
            .insert((self.now + delay, self.planned), (tab, life, due));
    }

    fn say(&mut self, tab: usize, text: &str) {
        let command = Command::parse(text).expect("a command");
        self.happens(tab, Input::Command(command));
    }

    fn happens(&mut self, tab: usize, input: Input<'_>) {
        let now = moment(self.now);
        if !matches!(input, Input::Tick) {
            self.tell(tab, &format!("<- {input:?}"));
        }
        self.tabs[tab].engine.handle(now, input);
        while let Some(output) = self.tabs[tab].engine.poll_output() {
            self.tell(tab, &format!("   -> {output:?}"));
            self.check_secret(tab, &format!("{output:?}"));
            self.does(tab, output);
        }
        self.check_age(tab);
    }

    #[allow(clippy::print_stderr, reason = "a story is asked for")]
    fn tell(&self, tab: usize, what: &str) {
        if self.tells {
            let Tab { user, life, .. } = self.tabs[tab];
            eprintln!("{:>9} {tab}.{life} {:<6} {what}", self.now, named(user));
        }
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
        // Nor has a page heard of it that stood still.
        let heard = self.since.max(self.tabs[tab].back) + HEARD;
        if somebodys && owner != self.user && self.now > heard {
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
            Notice::Event { data, .. } => {
                let raw = json::parse(&data).expect("JSON");
                let heard = raw.member("n").and_then(json::Raw::integer);
                self.tabs[tab].heard = heard.expect("a number");
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
        if self.tabs[tab].user != user {
            self.tabs[tab].heard = 0;
        }
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
            let frozen = self.tabs.iter().any(|tab| tab.frozen.is_some());
            self.seen.frozen_meanwhile += u64::from(frozen);
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

    fn lives(&mut self) {
        for tab in 0..TABS {
            self.starts(tab);
            let late = self.chance.below(500);
            self.wait(late);
        }
        for _ in 0..self.chance.between(10, 60) {
            let tab = self.chance.index(TABS);
            if self.tabs[tab].runs() {
                self.goes_on(tab);
            }
            let most = self.chance.pick(&[1, 5, 100, 3000, 20_000]);
            let span = self.chance.below(most);
            // Two at the same moment have no order.
            self.wait(1 + span);
        }
    }

    fn goes_on(&mut self, tab: usize) {
        match self.chance.below(20) {
            0..=7 => self.mutate(tab),
            8..=10 => {
                self.say(tab, r#"{"do":"fetch","key":["plan"],"phase":"start"}"#);
                self.tabs[tab].fetches += 1;
                let (delay, session) = (self.chance.between(1, 3000), self.tabs[tab].session);
                self.plan(delay, tab, Due::Fetched(self.tabs[tab].fetches, session));
            }
            11 => {
                let user = self.chance.index(USERS.len());
                self.publishes(user);
            }
            12 => {
                let text = self.chance.pick(&[
                    r#"{"do":"join","channel":"c","meta":{"at":1}}"#,
                    r#"{"do":"lease","channel":"c","field":"f","use":"take"}"#,
                    r#"{"do":"lease","channel":"c","field":"f","use":"release"}"#,
                ]);
                self.say(tab, text);
            }
            13 => {
                let span = self.chance.between(100, MINUTE);
                let told = self.chance.one_in(2);
                self.freezes(tab, span, told);
            }
            14 => {
                let (down, reload) = (self.chance.between(20, 5000), self.chance.one_in(2));
                self.dies(tab, down, reload);
            }
            15 => self.cuts(),
            _ => {
                let user = self.chance.index(USERS.len());
                self.switch(tab, user);
            }
        }
    }

    /// Each comes back, and finds all that was accepted done.
    fn ends(&mut self) {
        for user in 0..USERS.len() {
            let tab = self.chance.index(TABS);
            // Whoever stood still goes on, and asks who is there.
            self.wait(2 * MINUTE);
            self.switch(tab, user);
            self.wait(10 * MINUTE);
            self.publishes(user);
            self.wait(MINUTE);
            for tab in 0..TABS {
                if self.tabs[tab].user != user || self.tabs[tab].fenced {
                    self.broken(tab, &format!("{} is there", named(user)));
                }
                if self.tabs[tab].heard != self.server.told[user] {
                    self.broken(tab, "has not heard the last event");
                }
            }
            for (serial, of) in self.list.iter().enumerate() {
                let done = of.keys.iter().any(|key| self.done.contains(key));
                let through = of.settled || done && self.lapses > 0;
                if of.owner == user && of.accepted && !through {
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

/// Worlds of users that broke a promise once, each with what it was. They are run first.
const ONCE_BROKEN: &[(u64, &str)] = &[
    (
        31305,
        "a page was loading while somebody logged out in another tab, and claimed its person back",
    ),
    (
        83191,
        "a page that was loaded could not see the mark of a logout yet, and claimed its person at a later moment",
    ),
];

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
    for (seed, _what_it_was) in ONCE_BROKEN {
        World::run(*seed);
    }
    for seed in first..first + count {
        all.add(World::run(seed));
    }
    println!("{count} worlds of users that switch held: {all:?}");
    let least = all
        .waits_for_its_person
        .min(all.late_run)
        .min(all.late_fetch)
        .min(all.fenced)
        .min(all.welcomed)
        .min(all.late_token)
        .min(all.frozen_meanwhile)
        .min(all.crashed_with_work);
    assert!(count < ENOUGH || least > 0, "not reached: {all:?}");
}

impl Seen {
    fn add(&mut self, other: Seen) {
        self.waits_for_its_person += other.waits_for_its_person;
        self.late_run += other.late_run;
        self.late_fetch += other.late_fetch;
        self.fenced += other.fenced;
        self.welcomed += other.welcomed;
        self.late_token += other.late_token;
        self.frozen_meanwhile += other.frozen_meanwhile;
        self.crashed_with_work += other.crashed_with_work;
    }
}
