//! A world: browsers, tabs, a server, what is true, and one agenda for all of them.

use std::collections::BTreeSet;

use everfresh::engine::config::Config;
use everfresh::engine::http::Failure;
use everfresh::engine::ids::{ConnId, TabId};
use everfresh::engine::{Boot, Engine};

use crate::agenda::{Agenda, MIN, MS, S, Time};
use crate::app::{App, channel_name, family_key};
use crate::browser::Browser;
use crate::chance::{Chance, Stream};
use crate::drill::{self, Deed};
use crate::fence::Fence;
use crate::http::{Answered, Http};
use crate::neighbour::Neighbour;
use crate::network::{Network, Socket};
use crate::promises::{Broken, Promise};
use crate::query::Style;
use crate::queue::{self, Queue};
use crate::reference::{Kind, Reference};
use crate::room::{self, Room};
use crate::server::Server;
use crate::sometimes::{Rare, Sometimes};
use crate::story::{Story, tell};
use crate::tab::{Arrival, Life, Tab};
use crate::terms::Terms;
use crate::transition::{self, Extent, Planned, Seat};

/// How long a world may take to heal after the last fault, when no tab is hidden: silence is
/// noticed within ping and grace (35 s), a dial takes 10 s to fail, and a wait 30 s.
const HEALS_WITHIN: Time = 4 * MIN;
/// And when one is: each of these steps may be up to a minute late.
const HEALS_WITHIN_HIDDEN: Time = 12 * MIN;
/// How long a healed world is watched.
const CALM: Time = 3 * MIN;

/// Everything there is.
pub(crate) struct World {
    pub(crate) now: Time,
    pub(crate) agenda: Agenda<Happening>,
    pub(crate) shape: Shape,
    pub(crate) plan: Vec<Planned>,
    pub(crate) browsers: Vec<Browser>,
    pub(crate) tabs: Vec<Tab>,
    pub(crate) sockets: Vec<Socket>,
    pub(crate) server: Server,
    pub(crate) truth: Reference,
    pub(crate) queue: Queue,
    pub(crate) room: Room,
    pub(crate) http: Http,
    pub(crate) terms: Terms,
    pub(crate) chance: Streams,
    pub(crate) story: Story,
    pub(crate) sometimes: Sometimes,
    /// Outputs that nothing answered.
    pub(crate) unmodelled: BTreeSet<String>,
    /// Inputs that engines handled.
    pub(crate) steps: u64,
    pub(crate) broken: Option<Broken>,
    /// Faults are over.
    pub(crate) healed: Option<Time>,
    /// An event was lost without anybody having noticed: only the next one shows it.
    pub(crate) owes_event: bool,
    /// Numbers the channels between tabs.
    pub(crate) ports: u64,
    /// When the server is to be woken next, as far as it is planned.
    pub(crate) server_due: Time,
    /// When fetches last had a reason to be slow.
    pub(crate) fetch_trouble: Time,
    /// Every engine writes its run down.
    pub(crate) records: bool,
}

/// Who draws from which stream.
pub(crate) struct Streams {
    pub(crate) network: Chance,
    pub(crate) browser: Chance,
    pub(crate) app: Chance,
    pub(crate) server: Chance,
}

/// What a world looks like.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) extent: Extent,
    /// The settings of every engine, without the channels.
    pub(crate) routes: String,
    /// The queries of every app: family and key.
    pub(crate) queries: Vec<(usize, String)>,
    /// How long a fetch takes at most.
    pub(crate) fetch: Time,
    /// One fetch in so many fails; none if 0.
    pub(crate) fails: u64,
    /// Hidden tabs are throttled to a timer a minute after this long.
    pub(crate) throttled_after: Time,
    /// Frames of a socket that the engine closed may still arrive.
    pub(crate) late_frames: bool,
    /// Events and answers tell the versions of data.
    pub(crate) versions: bool,
    /// All watch all channels; otherwise each tab some.
    pub(crate) all_channels: bool,
}

/// Something that is due.
#[derive(Debug)]
pub(crate) enum Happening {
    /// An entry of the plan.
    Planned(usize),
    /// One more of a series of changes: kind, how many are left, how far apart.
    Change(usize, u64, Time),
    /// A tab's timer goes off.
    Timer(usize, u64),
    /// Something arrives at a tab.
    Arrives(usize, Arrival),
    /// A dial reaches the server.
    Dialled(usize),
    /// A frame reaches the server.
    Frame(usize, String),
    /// The page's close reaches the server.
    Hangup(usize),
    /// A fetch reaches the server: tab, query, request.
    Request(usize, usize, u32),
    /// The server has something to do.
    Server,
    /// The locks of a tab that crashed pass on.
    LocksFreed(usize),
    /// A frozen tab goes on, a cached one comes back, a hidden one is seen again.
    Thaw(usize),
    Restore(usize),
    Show(usize),
    /// A computer wakes up.
    Wake(usize),
    /// The server is back: new epoch, keeps history, silent changes.
    ServerUp(bool, bool, u64),
    /// The network of a browser works again, and the browser says so.
    Reconnected(usize),
    /// A cut ends the connections that hung in it.
    Breaks(usize),
    /// A question by plain HTTP reaches the server.
    Asked(usize),
    /// Its answer reaches the page, or it is certain that none will.
    Answers(usize, Result<Answered, Failure>),
    /// A form is done: a contract of a tab is in force again.
    FormEnds(usize, usize),
    /// A tab that leads dies, because another one has just asked it to look.
    Ambushed(usize),
    /// The checks of every second.
    Audit,
    /// Faults are over.
    Heal,
    /// A person mends what only a person can.
    Mend,
    /// Something about mutations or the storage is due.
    Queue(queue::Due),
    /// Something about the room is due.
    Room(room::Due),
    /// Everything must be well again.
    Settled,
    /// Something gentle happens in a healed world.
    Drill(u32),
    /// It happens.
    DrillDeed(Deed),
    /// Something of this kind changes meanwhile.
    DrillChange(usize),
    /// It has to be on every screen now.
    DrillCheck,
    /// Nothing may run hot from now on.
    Calm,
    /// The world ends.
    End,
}

impl World {
    /// The world of a seed, before anything happened. `kept` says which entries of the plan
    /// happen; all of them if it is nothing.
    pub(crate) fn new(seed: u64, kept: Option<&[bool]>, story: bool) -> World {
        let mut chance = Chance::new(seed, Stream::Shape);
        let extent = Extent {
            browsers: chance.weighted(&[(6, 1), (3, 2), (1, 3)]),
            places: chance.weighted(&[(2, 1), (4, 2), (4, 3), (2, 5)]),
            kinds: 1 + chance.index(4),
            families: 1 + chance.index(4),
            queries: 0,
            channels: 1 + chance.index(3),
            chaos: chance.between(20 * S, 4 * MIN),
            transitions: chance.between(10, 60),
        };
        // A version is one order over all that a family shows: so one family a kind.
        let (versions, layers) = (chance.one_in(3), chance.one_in(4));
        let mut kinds: Vec<Kind> = (0..extent.kinds)
            .map(|kind| Kind {
                event: format!("event{kind}"),
                channel: chance.index(extent.channels),
                families: (0..extent.families)
                    .filter(|family| {
                        *family == kind % extent.families || (!versions && chance.one_in(4))
                    })
                    .collect(),
                twin: None,
            })
            .collect();
        if layers {
            let twins = kinds.clone();
            for (at, mut twin) in twins.into_iter().enumerate() {
                kinds[at].twin = Some(kinds.len());
                twin.event = format!("layer{at}");
                twin.channel = chance.index(extent.channels);
                kinds.push(twin);
            }
        }
        let queries: Vec<(usize, String)> = (0..extent.families)
            .flat_map(|family| {
                let page = format!("[\"family{family}\",{{\"page\":1}}]");
                [(family, family_key(family)), (family, page)]
            })
            .take(6)
            .collect();
        let extent = Extent {
            queries: queries.len(),
            ..extent
        };
        let mut plan = transition::plan(&extent, &mut Chance::new(seed, Stream::Plan));
        let (queue, deeds) = Queue::new(seed, &extent);
        plan.extend(deeds);
        let (room, deeds) = Room::new(seed, &extent);
        plan.extend(deeds);
        let terms = Terms::new(Chance::new(seed, Stream::Terms), &extent);
        plan.extend(terms.plan(&extent, &mut Chance::new(seed, Stream::TermsPlan)));
        plan.sort_by_key(|planned| planned.at);
        if let Some(kept) = kept {
            let mut kept = kept.iter();
            plan.retain(|_| kept.next().copied().unwrap_or(true));
        }
        let truth = Reference::new(extent.families, extent.channels, kinds);
        let ping = chance.pick(&[5 * S, 15 * S, 25 * S]);
        let history = chance.weighted(&[(1, 0), (2, 3), (3, 20), (4, 1000)]);
        let (least, most) = chance.pick(&[(MS, 5 * MS), (10 * MS, 60 * MS), (50 * MS, 400 * MS)]);
        let browsers = (0..extent.browsers)
            .map(|_| {
                let has_locks = !chance.one_in(12);
                let bus = chance.pick(&[MS, 5 * MS, 50 * MS]);
                Browser::new(extent.places, Network::new(least, most), has_locks, bus)
            })
            .collect();
        let shape = Shape {
            routes: routes(&truth, versions, layers),
            versions,
            queries,
            fetch: chance.pick(&[20 * MS, 150 * MS, 1500 * MS]),
            fails: chance.pick(&[0, 20, 4]),
            throttled_after: chance.pick(&[30 * S, 5 * MIN]),
            late_frames: chance.one_in(3),
            all_channels: chance.one_in(2),
            extent,
        };
        World {
            now: 0,
            agenda: Agenda::new(),
            plan,
            browsers,
            tabs: Vec::new(),
            sockets: Vec::new(),
            truth,
            queue,
            server: Server::new(extent.channels, history, ping, room.server.can.member()),
            room,
            http: Http::new(Chance::new(seed, Stream::Http)),
            terms,
            chance: Streams {
                network: Chance::new(seed, Stream::Network),
                browser: Chance::new(seed, Stream::Browser),
                app: Chance::new(seed, Stream::App),
                server: Chance::new(seed, Stream::Server),
            },
            story: Story::new(story),
            sometimes: Sometimes::default(),
            unmodelled: BTreeSet::new(),
            steps: 0,
            broken: None,
            healed: None,
            owes_event: false,
            ports: 0,
            server_due: Time::MAX,
            fetch_trouble: 0,
            records: false,
            shape,
        }
    }

    /// Lets everything happen, until the end or until a promise is broken.
    pub(crate) fn run(&mut self) {
        for at in 0..self.plan.len() {
            self.agenda.add(self.plan[at].at, Happening::Planned(at));
        }
        tell!(self, "contracts{}", self.terms.settings());
        self.agenda.add(S, Happening::Audit);
        self.agenda.add(self.shape.extent.chaos, Happening::Heal);
        for browser in 0..self.browsers.len() {
            if self.browsers[browser].locks.is_none() {
                self.sometimes.reached(Rare::NoLocks);
            }
            for place in 0..self.shape.extent.places {
                if place == 0 || self.chance.app.one_in(2) {
                    self.open(Seat { browser, place });
                }
            }
        }
        while self.broken.is_none()
            && let Some((at, happening)) = self.agenda.next()
        {
            self.now = at;
            if let Happening::End = happening {
                self.check_healed("after a while of calm");
                for tab in 0..self.tabs.len() {
                    if self.tabs[tab].life == Life::Running {
                        self.check_nothing_missed(tab);
                    }
                }
                self.check_crowds("after a while of calm");
                self.check_all_free("after a while of calm");
                self.check_calm();
                self.check_polls();
                break;
            }
            self.happen(happening);
            self.arm_server();
            self.arm_room();
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Planned(at) => self.apply(self.plan[at].what),
            Happening::Change(kind, left, apart) => self.change(kind, left, apart),
            Happening::Timer(tab, arming) => {
                if self.tabs[tab].arming == arming {
                    self.arrive(tab, Arrival::Tick);
                }
            }
            Happening::Arrives(tab, arrival) => self.arrive(tab, arrival),
            Happening::Dialled(socket) => self.dialled(socket),
            Happening::Frame(socket, frame) => self.server_hears(socket, &frame),
            Happening::Hangup(socket) => self.hung_up(socket),
            Happening::Request(tab, query, request) => self.requested(tab, query, request),
            Happening::Server => {
                self.server_due = Time::MAX;
                let does = self.server.tick(self.now);
                self.server_does(does);
            }
            Happening::LocksFreed(tab) => self.free_locks(tab),
            Happening::Thaw(tab) => self.thaw(tab),
            Happening::Restore(tab) => self.restore(tab),
            Happening::Show(tab) => self.show(tab),
            Happening::Wake(browser) => self.wake(browser),
            Happening::ServerUp(new_epoch, keeps_history, silent) => {
                self.server_up(new_epoch, keeps_history, silent);
            }
            Happening::Reconnected(browser) => self.set_online(browser, true),
            Happening::Breaks(socket) => self.break_socket(socket),
            Happening::Asked(exchange) => self.asked(exchange),
            Happening::Answers(exchange, result) => self.answers(exchange, result),
            Happening::FormEnds(tab, term) => self.enable(tab, term, true),
            Happening::Audit => {
                self.audit();
                self.audit_windows();
                self.agenda.add(self.now + S, Happening::Audit);
            }
            Happening::Heal => {
                self.heal();
                let hidden = self.tabs.iter().any(|tab| tab.hidden.is_some());
                let span = if hidden {
                    HEALS_WITHIN_HIDDEN
                } else {
                    HEALS_WITHIN
                };
                // What the server said last may still be on its way.
                self.agenda.add(self.now + 30 * S, Happening::Mend);
                let decide = Happening::Queue(queue::Due::Decide);
                self.agenda.add(self.now + span / 2, decide);
                let again = Happening::Queue(queue::Due::DecideAgain);
                self.agenda.add(self.now + span / 4 * 3, again);
                self.agenda.add(self.now + span, Happening::Settled);
                self.heal_room(span);
            }
            Happening::Mend => self.mend(),
            Happening::Queue(due) => self.queue_happens(due),
            Happening::Room(due) => self.room_happens(due),
            Happening::Settled => {
                self.check_healed("after the last fault");
                self.check_queue("after the last fault");
                self.check_crowds("when all is settled");
                for drill in 0..drill::DRILLS {
                    let at = self.now + u64::from(drill) * drill::APART;
                    self.agenda.add(at, Happening::Drill(drill));
                }
                let calm = self.now + u64::from(drill::DRILLS) * drill::APART + 30 * S;
                self.agenda.add(calm, Happening::Calm);
                self.agenda.add(calm + CALM, Happening::End);
            }
            Happening::Drill(drill) => self.drill(drill),
            Happening::Ambushed(tab) => self.ambushed(tab),
            Happening::DrillDeed(deed) => self.do_drill(deed),
            Happening::DrillChange(kind) => self.change(kind, 1, 0),
            Happening::DrillCheck => self.check_drill(),
            Happening::Calm => {
                self.begin_calm();
                for tab in &mut self.tabs {
                    tab.inputs = 0;
                    tab.questions = 0;
                }
            }
            Happening::End => {}
        }
    }

    /// Opens a tab: the app is there at once, the engine when its module is loaded.
    pub(crate) fn open(&mut self, seat: Seat) {
        if self.browsers[seat.browser].seats[seat.place].is_some() {
            return;
        }
        let channels: Vec<String> = (0..self.shape.extent.channels)
            .filter(|_| self.shape.all_channels || self.chance.app.one_in(2))
            .map(|channel| format!("\"{}\"", channel_name(channel)))
            .collect();
        let config = format!(
            r#"{{"backend":{{"kind":"everfresh","url":"ws://world/live"}},"channels":[{}],"record":{},{}{}{}}}"#,
            channels.join(","),
            self.records,
            self.queue.shape.settings,
            self.shape.routes,
            self.terms.settings()
        );
        let config = Config::parse(&config).expect("the simulator writes good settings");
        self.queue.shape.configured(&config);
        let style = self.style();
        let browser = &self.browsers[seat.browser];
        let origin = browser.mono(self.now);
        let boot = Boot {
            seed: self.chance.browser.bits(),
            tab: TabId(self.chance.browser.bits()),
            online: browser.online,
        };
        let mut app = App::new(style, &self.shape.queries, &self.truth);
        for channel in &config.channels {
            for at in 0..self.shape.extent.channels {
                if channel_name(at) == *channel {
                    app.watched[at] += 1;
                }
            }
        }
        let engine = Engine::new(config, boot, browser.clocks(self.now, origin));
        let at = self.tabs.len();
        tell!(self, "{} opens, watches {channels:?}", tab_name(seat, at));
        self.tabs.push(Tab {
            seat,
            engine,
            app,
            life: Life::Running,
            hidden: None,
            origin,
            inbox: std::collections::VecDeque::new(),
            socket: None,
            port: None,
            users: None,
            own_lock: None,
            arming: 0,
            fuse: None,
            steady_since: self.now,
            hangs_until: 0,
            told: false,
            neighbour: Neighbour::default(),
            fence: Fence::default(),
            ticks: (0, 0),
            inputs: 0,
            questions: 0,
            bus_last: Vec::new(),
        });
        self.browsers[seat.browser].seats[seat.place] = Some(at);
        self.queue_opens(at);
        self.room_opens();
        self.open_terms(at);
        for query in 0..self.shape.queries.len() {
            if self.chance.app.below(3) > 0 {
                self.mount(at, query);
            }
        }
        for kind in 0..self.truth.kinds.len() {
            let event = self.truth.kinds[kind].event.clone();
            let listen = everfresh::engine::command::Command::Listen { event };
            self.arrive(at, Arrival::Command(listen));
        }
        let loads = self.now + self.chance.app.between(MS, 300 * MS);
        self.agenda
            .add(loads, Happening::Arrives(at, Arrival::Start));
    }

    /// How an app listens.
    fn style(&mut self) -> Style {
        // What one page stores of its contracts the next one reads: they listen in the same way.
        if self.terms.plain.unwrap_or(self.chance.app.below(5) < 2) {
            return Style::Plain;
        }
        Style::Adapter {
            versions: self.shape.versions && self.chance.app.below(3) > 0,
            retries: self.chance.app.below(3) as u32,
        }
    }

    /// The tab on a seat, if there is one that is open.
    pub(crate) fn tab_at(&self, seat: Seat) -> Option<usize> {
        self.browsers[seat.browser].seats[seat.place]
    }

    /// Can it run now?
    pub(crate) fn runs(&self, tab: usize) -> bool {
        let tab = &self.tabs[tab];
        tab.life == Life::Running && self.browsers[tab.seat.browser].asleep.is_none()
    }

    /// A name for the story.
    pub(crate) fn name(&self, tab: usize) -> String {
        tab_name(self.tabs[tab].seat, tab)
    }

    /// A promise is broken: the world ends.
    pub(crate) fn fail(&mut self, promise: Promise, how: String) {
        self.broken(Broken { promise, how });
    }

    /// A promise is broken: the world ends.
    pub(crate) fn broken(&mut self, broken: Broken) {
        if self.broken.is_none() {
            tell!(self, "*** {broken}");
            self.broken = Some(broken);
        }
    }

    /// The socket of a tab by the engine's number.
    pub(crate) fn socket_of(&self, tab: usize, conn: ConnId) -> Option<usize> {
        self.tabs[tab]
            .socket
            .filter(|socket| self.sockets[*socket].conn == conn)
    }
}

fn tab_name(seat: Seat, at: usize) -> String {
    let browser = char::from(b'A' + seat.browser as u8);
    format!("{browser}{}#{at}", seat.place)
}

/// The routes of every engine, as a member of its settings.
fn routes(truth: &Reference, versions: bool, layers: bool) -> String {
    let routes: Vec<String> = truth
        .kinds
        .iter()
        .map(|kind| {
            let keys: Vec<String> = kind.families.iter().copied().map(family_key).collect();
            let (event, keys) = (&kind.event, keys.join(","));
            let version = if versions {
                r#","version":"$.version""#
            } else {
                ""
            };
            let change = if layers {
                r#","change":"$.change""#
            } else {
                ""
            };
            match versions || layers {
                true => format!(r#""{event}":{{"keys":[{keys}]{version}{change}}}"#),
                false => format!(r#""{event}":[{keys}]"#),
            }
        })
        .collect();
    format!("\"events\":{{{}}}", routes.join(","))
}
