//! Everything that can happen in a world, and the plan of one: what happens when, drawn from the
//! seed before anything runs, so that a failing plan can be made shorter entry by entry.

use crate::agenda::{MS, S, Time};
use crate::chance::Chance;
use crate::terms;

/// A place for a tab in a browser; free while no tab is open there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seat {
    /// Which browser.
    pub(crate) browser: usize,
    /// Which place.
    pub(crate) place: usize,
}

/// A tab that something happens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// The one on a seat.
    On(Seat),
    /// The one that leads in a browser.
    LeaderOf(usize),
}

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transition {
    // What the world is there for.
    /// Data changes, and an event tells of it; so many times, so far apart.
    Change {
        kind: usize,
        times: u64,
        apart: Time,
    },
    /// A tab is opened, if the seat is free.
    Open(Seat),
    /// Somebody begins to look at a query.
    Mount(Seat, usize),
    /// Somebody stops to look at a query.
    Unmount(Seat, usize),
    /// A query that nobody looks at leaves the cache.
    Remove(Seat, usize),
    /// The app gives up a fetch.
    CancelFetch(Seat, usize),
    /// A part of the page watches a channel.
    Watch(Seat, usize),
    /// A part of the page no longer watches a channel.
    Unwatch(Seat, usize),
    /// The app itself knows that a family is stale.
    AppInvalidates(Seat, usize),
    /// Somebody presses the button.
    Reconnect(Seat),

    // Tabs.
    /// The tab is closed.
    Close(Who),
    /// The tab is loaded anew.
    Reload(Who),
    /// The tab's process dies after so many more outputs of its engine.
    Crash { who: Who, outputs: u32 },
    /// The tab's process stands still. It is told before and after, or not.
    Freeze { who: Who, told: bool, span: Time },
    /// The page goes into the back/forward cache, and comes back.
    Cache { who: Who, span: Time },
    /// The tab is hidden, and seen again.
    Hide { who: Who, span: Time },

    // Computers.
    /// The computer sleeps.
    Sleep {
        browser: usize,
        span: Time,
        mono_stops: bool,
    },
    /// Somebody sets the wall clock.
    SetClock { browser: usize, by_ms: i64 },
    /// The browser changes its opinion of the network, which may be wrong.
    Online { browser: usize, online: bool },
    /// Messages between tabs take long.
    SlowBus { browser: usize, span: Time },
    /// Some script of the origin posts what is not ours.
    HostilePost { browser: usize, which: u64 },

    // The network.
    /// All connections of a browser break.
    Break { browser: usize },
    /// Nothing passes for a while; what is tried meanwhile hangs, or fails at once.
    Cut {
        browser: usize,
        span: Time,
        hangs: bool,
        told: bool,
    },
    /// The connections of a browser go deaf: up, down, or both.
    HalfOpen {
        browser: usize,
        up: bool,
        down: bool,
    },
    /// Everything takes longer.
    Slow {
        browser: usize,
        span: Time,
        by: Time,
    },

    // The server.
    /// It restarts.
    Restart {
        down: Time,
        new_epoch: bool,
        keeps_history: bool,
        silent: u64,
    },
    /// It forgets old events.
    Forget { keep: usize },
    /// It closes the connections of a browser.
    Kick { browser: usize, code: u16 },
    /// It closes all connections for a reason for which nobody should dial again.
    KickForGood { browser: usize, code: u16 },
    /// It says that it goes away.
    GoAway { spread: Time },
    /// It closes each connection soon after it was made.
    Flap { span: Time },
    /// It refuses dials.
    Refuse { span: Time },
    /// It sends its last events again.
    Repeat { count: usize },
    /// It loses an event on the way to some who listen, and notices nothing.
    LoseEvent { kind: usize },
    /// It sends what is not of the protocol.
    HostileFrame { browser: usize, which: u64 },

    // Mutations and the storage.
    /// Whatever `queue/plan.rs` says.
    Queue(crate::queue::Deed),

    // Who is there, and who may edit what.
    /// Whatever `room/plan.rs` says.
    Room(crate::room::Deed),
    /// Something happens to contracts.
    Terms(terms::Deed),
}

/// Something that happens at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    /// When.
    pub(crate) at: Time,
    /// What.
    pub(crate) what: Transition,
}

/// How big the world is that a plan is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    /// Browsers.
    pub(crate) browsers: usize,
    /// Places for tabs in each.
    pub(crate) places: usize,
    /// Kinds of changes.
    pub(crate) kinds: usize,
    /// Families of queries.
    pub(crate) families: usize,
    /// Queries in each app.
    pub(crate) queries: usize,
    /// Channels.
    pub(crate) channels: usize,
    /// How long faults happen.
    pub(crate) chaos: Time,
    /// How many things happen.
    pub(crate) transitions: u64,
}

/// A class of things that happen, to draw from by weight.
#[derive(Clone, Copy)]
enum Class {
    Change,
    Open,
    Mount,
    Unmount,
    Remove,
    CancelFetch,
    Watch,
    Unwatch,
    AppInvalidates,
    Reconnect,
    Close,
    Reload,
    Crash,
    Freeze,
    Cache,
    Hide,
    Sleep,
    SetClock,
    Online,
    SlowBus,
    HostilePost,
    Break,
    Cut,
    HalfOpen,
    Slow,
    Restart,
    Forget,
    Kick,
    KickForGood,
    GoAway,
    Flap,
    Refuse,
    Repeat,
    LoseEvent,
    HostileFrame,
}

const WEIGHTS: &[(u64, Class)] = &[
    (90, Class::Change),
    (14, Class::Open),
    (6, Class::Mount),
    (4, Class::Unmount),
    (2, Class::Remove),
    (3, Class::CancelFetch),
    (4, Class::Watch),
    (4, Class::Unwatch),
    (2, Class::AppInvalidates),
    (1, Class::Reconnect),
    (5, Class::Close),
    (4, Class::Reload),
    (8, Class::Crash),
    (6, Class::Freeze),
    (4, Class::Cache),
    (5, Class::Hide),
    (3, Class::Sleep),
    (2, Class::SetClock),
    (2, Class::Online),
    (2, Class::SlowBus),
    (1, Class::HostilePost),
    (5, Class::Break),
    (4, Class::Cut),
    (4, Class::HalfOpen),
    (2, Class::Slow),
    (4, Class::Restart),
    (2, Class::Forget),
    (4, Class::Kick),
    (1, Class::KickForGood),
    (2, Class::GoAway),
    (1, Class::Flap),
    (2, Class::Refuse),
    (2, Class::Repeat),
    (2, Class::LoseEvent),
    (1, Class::HostileFrame),
];

/// Close codes after which the page is to dial again.
const KICKS: [u16; 11] = [
    1000, 1001, 1006, 1011, 1012, 1013, 4408, 4413, 4429, 4430, 4503,
];

/// Draws what happens in a world.
pub(crate) fn plan(extent: &Extent, chance: &mut Chance) -> Vec<Planned> {
    let weights = swarm(chance);
    let mut out = Vec::new();
    let mut before = 0;
    for _ in 0..extent.transitions {
        // Things that happen at nearly the same moment find the interleavings.
        let at = if chance.one_in(3) {
            before + chance.between(1, 20) * 10u64.pow(2 + chance.below(4) as u32)
        } else {
            chance.below(extent.chaos)
        };
        before = at;
        let what = draw(extent, &weights, chance);
        out.push(Planned { at, what });
    }
    out.sort_by_key(|planned| planned.at);
    out
}

/// Each world has some classes of faults and not others, some often and some seldom: a few faults
/// again and again reach states that all faults now and then do not.
fn swarm(chance: &mut Chance) -> Vec<(u64, Class)> {
    let weigh = |&(weight, class): &(u64, Class)| match class {
        Class::Change | Class::Open => (4 * weight, class),
        _ => (weight * chance.pick(&[0, 0, 4, 4, 20]), class),
    };
    WEIGHTS.iter().map(weigh).collect()
}

fn draw(extent: &Extent, weights: &[(u64, Class)], chance: &mut Chance) -> Transition {
    let class = chance.weighted(weights);
    let browser = chance.index(extent.browsers);
    let place = chance.index(extent.places);
    let seat = Seat { browser, place };
    let who = if chance.below(5) < 2 {
        Who::LeaderOf(browser)
    } else {
        Who::On(seat)
    };
    // Spans from a blink to minutes, each order of magnitude as likely as the others.
    let order = chance.below(4) as u32;
    let span = chance.between(50 * MS, 200 * MS) * 10u64.pow(order);
    match class {
        Class::Change => {
            let kind = chance.index(extent.kinds);
            let (times, most) =
                chance.weighted(&[(12, (1, 0)), (4, (5, 50 * MS)), (2, (40, 100 * MS))]);
            let times = chance.between(1, times);
            let apart = chance.below(most + 1);
            Transition::Change { kind, times, apart }
        }
        Class::Open => Transition::Open(seat),
        Class::Mount => Transition::Mount(seat, chance.index(extent.queries)),
        Class::Unmount => Transition::Unmount(seat, chance.index(extent.queries)),
        Class::Remove => Transition::Remove(seat, chance.index(extent.queries)),
        Class::CancelFetch => Transition::CancelFetch(seat, chance.index(extent.queries)),
        Class::Watch => Transition::Watch(seat, chance.index(extent.channels)),
        Class::Unwatch => Transition::Unwatch(seat, chance.index(extent.channels)),
        Class::AppInvalidates => Transition::AppInvalidates(seat, chance.index(extent.families)),
        Class::Reconnect => Transition::Reconnect(seat),
        Class::Close => Transition::Close(who),
        Class::Reload => Transition::Reload(who),
        Class::Crash => Transition::Crash {
            who,
            outputs: chance.below(12) as u32,
        },
        Class::Freeze => Transition::Freeze {
            who,
            told: chance.one_in(2),
            span,
        },
        Class::Cache => Transition::Cache { who, span },
        Class::Hide => Transition::Hide { who, span },
        Class::Sleep => Transition::Sleep {
            browser,
            span,
            mono_stops: chance.one_in(2),
        },
        Class::SetClock => Transition::SetClock {
            browser,
            by_ms: chance.pick(&[
                -86_400_000,
                -3_600_000,
                -7_000,
                -40,
                40,
                9_000,
                3_600_000,
                86_400_000,
            ]),
        },
        Class::Online => Transition::Online {
            browser,
            online: chance.one_in(2),
        },
        Class::SlowBus => Transition::SlowBus { browser, span },
        Class::HostilePost => Transition::HostilePost {
            browser,
            which: chance.bits(),
        },
        Class::Break => Transition::Break { browser },
        Class::Cut => Transition::Cut {
            browser,
            span,
            hangs: chance.one_in(2),
            told: chance.one_in(2),
        },
        Class::HalfOpen => {
            let (up, down) = chance.pick(&[(true, true), (true, false), (false, true)]);
            Transition::HalfOpen { browser, up, down }
        }
        Class::Slow => Transition::Slow {
            browser,
            span,
            by: chance.between(100 * MS, 8 * S),
        },
        Class::Restart => Transition::Restart {
            down: span,
            new_epoch: chance.one_in(2),
            keeps_history: chance.one_in(2),
            silent: chance.below(3),
        },
        Class::Forget => Transition::Forget {
            keep: chance.index(3),
        },
        Class::Kick => Transition::Kick {
            browser,
            code: chance.pick(&KICKS),
        },
        Class::KickForGood => Transition::KickForGood {
            browser,
            code: chance.pick(&[4400, 4401, 4403, 4406]),
        },
        Class::GoAway => Transition::GoAway {
            spread: chance.between(0, 20 * S),
        },
        Class::Flap => Transition::Flap {
            span: span.max(20 * S),
        },
        Class::Refuse => Transition::Refuse { span },
        Class::Repeat => Transition::Repeat {
            count: 1 + chance.index(4),
        },
        Class::LoseEvent => Transition::LoseEvent {
            kind: chance.index(extent.kinds),
        },
        Class::HostileFrame => Transition::HostileFrame {
            browser,
            which: chance.bits(),
        },
    }
}
