//! What can happen to mutations and to the storage, and the plan of one world. It is drawn from a
//! stream of its own, so that what else happens in a world is the same with it or without.

use crate::agenda::{MS, S, Time};
use crate::chance::Chance;
use crate::transition::{Extent, Planned, Seat, Transition, Who};

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// The app makes mutations, so many, so far apart.
    Make {
        seat: Seat,
        spec: Spec,
        times: u64,
        apart: Time,
    },
    /// A person does something by hand.
    Ask { seat: Seat, what: Wish, which: u64 },
    /// A part of the page with a function for mutations comes or goes.
    Handler {
        seat: Seat,
        name: usize,
        there: bool,
    },
    /// For a while the server answers mutations in this way more often than in others.
    Mood { mood: Mood, span: Time },
    /// The session of a browser ends: the server wants a login.
    LogOut { browser: usize },
    /// A person logs in.
    LogIn { seat: Seat },

    // The storage.
    /// What one tab writes the others see late.
    Lag {
        browser: usize,
        span: Time,
        by: Time,
    },
    /// Other code fills it up to so many characters.
    Fill {
        browser: usize,
        leaves: usize,
        span: Time,
    },
    /// Every access throws.
    Throws { browser: usize, span: Time },
    /// Other code clears it.
    Clear { browser: usize },
    /// A record is damaged.
    Damage { browser: usize, which: u64 },
    /// Other code leaves things there that look like ours.
    Junk { browser: usize, which: u64 },
    /// The power is lost, and the computer starts again.
    PowerLoss {
        browser: usize,
        back: Time,
        down: Time,
    },
}

/// A mutation that the app makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spec {
    /// Which lane.
    pub(crate) lane: usize,
    /// Which of [`NAMES`].
    pub(crate) name: usize,
    /// Which of [`KINDS`].
    pub(crate) kind: usize,
    /// A newer one replaces it.
    pub(crate) coalesces: bool,
    /// All before must be through first.
    pub(crate) barrier: bool,
    /// So much larger than it has to be.
    pub(crate) padding: usize,
}

/// What a person does with the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Tries one of the dead letters again.
    Retry,
    /// Tries all of them again.
    RetryAll,
    /// Changes one and tries it again.
    Edit,
    /// Gives one up.
    Discard,
    /// Gives one up that is not through yet.
    DiscardWaiting,
    /// Keeps what the other side has.
    TakeServer,
    /// Does it over what the other side has.
    TakeClient,
    /// Does something of both.
    TakeMerged,
    /// Saves all of it to a file.
    Export,
    /// Takes it back from the file.
    Import,
    /// Wants it now.
    Flush,
}

/// How the server is disposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// 500, and nothing happened.
    Busy,
    /// 429, with or without a time to wait.
    SlowsDown,
    /// 422: never.
    Rejects,
    /// 409: somebody else changed it.
    Conflicts,
    /// The answer is lost on its way, what it answers is done.
    LosesAnswers,
    /// There is never an answer; what was asked is done or not.
    Hangs,
    /// The app's function throws something, before or after.
    Throws,
}

/// The app's functions: a name, how it wants to be treated.
pub(crate) const NAMES: [(&str, &str); 6] = [
    ("set", r#""conflict":"ask""#),
    ("force", r#""conflict":"client""#),
    ("yield", r#""conflict":"server""#),
    ("blend", r#""conflict":"merge""#),
    ("strict", r#""conflict":"ask","stops":true"#),
    ("frail", r#""conflict":"ask","attempts":2"#),
];

/// Those of [`NAMES`] that are looked for by what they are.
pub(crate) const YIELD: usize = 2;
/// The one whose lane waits for the user.
pub(crate) const STRICT: usize = 4;

/// The kinds of input.
pub(crate) const KINDS: [&str; 6] = ["plain", "text", "slider", "checkbox", "form", "analytics"];

const MOODS: [Mood; 7] = [
    Mood::Busy,
    Mood::SlowsDown,
    Mood::Rejects,
    Mood::Conflicts,
    Mood::LosesAnswers,
    Mood::Hangs,
    Mood::Throws,
];

#[derive(Clone, Copy)]
enum Class {
    Make,
    Ask,
    Handler,
    Mood,
    LogOut,
    LogIn,
    Lag,
    Fill,
    Throws,
    Clear,
    Damage,
    Junk,
    PowerLoss,
}

const WEIGHTS: &[(u64, Class)] = &[
    (60, Class::Make),
    (20, Class::Ask),
    (6, Class::Handler),
    (14, Class::Mood),
    (3, Class::LogOut),
    (4, Class::LogIn),
    (6, Class::Lag),
    (4, Class::Fill),
    (1, Class::Throws),
    (2, Class::Clear),
    (3, Class::Damage),
    (2, Class::Junk),
    (2, Class::PowerLoss),
];

/// Draws what happens to mutations in a world: nothing in every fourth.
pub(crate) fn plan(extent: &Extent, chance: &mut Chance) -> Vec<Planned> {
    let mut out = Vec::new();
    if chance.one_in(4) {
        return out;
    }
    let weights: Vec<(u64, Class)> = WEIGHTS
        .iter()
        .map(|&(weight, class)| match class {
            Class::Make => (2 * weight, class),
            _ => (weight * chance.pick(&[0, 1, 4, 12]), class),
        })
        .collect();
    let lanes = 1 + chance.index(3);
    // Each world has its own habits.
    let habits = Habits {
        lanes,
        names: (0..NAMES.len())
            .map(|name| (chance.pick(&[0, 1, 3]), name))
            .collect(),
        kinds: chance.pick(&[0, 2, 8]),
        barriers: chance.pick(&[0, 0, 8, 30]),
    };
    let mut before = 0;
    for _ in 0..chance.between(4, 26) {
        let at = if chance.one_in(2) {
            before + chance.between(1, 20) * 10u64.pow(2 + chance.below(4) as u32)
        } else {
            chance.below(extent.chaos)
        };
        before = at;
        let deed = draw(extent, &weights, &habits, chance);
        let what = Transition::Queue(deed);
        out.push(Planned { at, what });
        // What queues is what the other faults are to hit.
        if let Deed::Make { seat, .. } = deed
            && chance.one_in(4)
        {
            let at = at + chance.between(0, 10) * 10u64.pow(2 + chance.below(4) as u32);
            let what = blow(seat, chance);
            out.push(Planned { at, what });
        }
    }
    out
}

struct Habits {
    lanes: usize,
    names: Vec<(u64, usize)>,
    kinds: u64,
    barriers: u64,
}

/// Something that happens to who has just made a mutation, or to who is to send it.
fn blow(seat: Seat, chance: &mut Chance) -> Transition {
    let who = if chance.one_in(2) {
        Who::LeaderOf(seat.browser)
    } else {
        Who::On(seat)
    };
    match chance.below(6) {
        0 => Transition::Close(who),
        1 => Transition::Reload(who),
        2 => Transition::Freeze {
            who,
            told: chance.one_in(2),
            span: chance.between(S, 60 * S),
        },
        3 => Transition::Cut {
            browser: seat.browser,
            span: chance.between(S, 30 * S),
            hangs: chance.one_in(2),
            told: chance.one_in(2),
        },
        _ => Transition::Crash {
            who,
            outputs: chance.below(30) as u32,
        },
    }
}

fn draw(extent: &Extent, weights: &[(u64, Class)], habits: &Habits, chance: &mut Chance) -> Deed {
    let class = chance.weighted(weights);
    let browser = chance.index(extent.browsers);
    let place = chance.index(extent.places);
    let seat = Seat { browser, place };
    let span = chance.between(50 * MS, 200 * MS) * 10u64.pow(chance.below(4) as u32);
    match class {
        Class::Make => {
            let (times, most) =
                chance.weighted(&[(6, (1, 0)), (6, (5, 0)), (4, (6, 300 * MS)), (1, (20, 0))]);
            Deed::Make {
                seat,
                spec: spec(habits, chance),
                times: chance.between(1, times),
                apart: chance.below(most + 1),
            }
        }
        Class::Ask => Deed::Ask {
            seat,
            what: chance.weighted(&[
                (4, Wish::Retry),
                (2, Wish::RetryAll),
                (4, Wish::Edit),
                (3, Wish::Discard),
                (2, Wish::DiscardWaiting),
                (2, Wish::TakeServer),
                (3, Wish::TakeClient),
                (2, Wish::TakeMerged),
                (2, Wish::Export),
                (2, Wish::Import),
                (2, Wish::Flush),
            ]),
            which: chance.bits(),
        },
        Class::Handler => Deed::Handler {
            seat,
            name: chance.index(NAMES.len()),
            there: chance.one_in(2),
        },
        Class::Mood => Deed::Mood {
            mood: chance.pick(&MOODS),
            span,
        },
        Class::LogOut => Deed::LogOut { browser },
        Class::LogIn => Deed::LogIn { seat },
        Class::Lag => Deed::Lag {
            browser,
            span,
            by: chance.pick(&[20 * MS, 500 * MS, 5 * S]),
        },
        Class::Fill => Deed::Fill {
            browser,
            leaves: chance.pick(&[0, 150, 400, 2000, 70_000]),
            span,
        },
        Class::Throws => Deed::Throws { browser, span },
        Class::Clear => Deed::Clear { browser },
        Class::Damage => Deed::Damage {
            browser,
            which: chance.bits(),
        },
        Class::Junk => Deed::Junk {
            browser,
            which: chance.bits(),
        },
        Class::PowerLoss => Deed::PowerLoss {
            browser,
            back: chance.pick(&[0, 50 * MS, S, 5 * S, 20 * S]),
            down: chance.between(S, 20 * S),
        },
    }
}

fn spec(habits: &Habits, chance: &mut Chance) -> Spec {
    let any = habits.names.iter().any(|(weight, _)| *weight > 0);
    let name = if any {
        chance.weighted(&habits.names)
    } else {
        0
    };
    let plain = habits.kinds == 0 || !chance.one_in(habits.kinds);
    let kind = if plain { 0 } else { chance.index(KINDS.len()) };
    Spec {
        lane: chance.index(habits.lanes),
        name,
        kind,
        coalesces: chance.one_in(if kind == 0 { 6 } else { 2 }),
        barrier: habits.barriers > 0 && chance.one_in(habits.barriers),
        padding: chance.weighted(&[(8, 0), (2, 300), (1, 5000)]),
    }
}
