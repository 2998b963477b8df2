//! What happens in the room of a world, and when.

use crate::agenda::{MS, S, Time};
use crate::chance::Chance;
use crate::room::FIELDS;
use crate::transition::{Extent, Planned, Seat, Transition, Who};

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// A person is on a channel from now on, or shows something else there.
    Join {
        who: Who,
        channel: usize,
        shows: Shows,
    },
    /// Is not there any more.
    Leave { who: Who, channel: usize },
    /// Types in a field, so many times.
    Type {
        who: Who,
        channel: usize,
        field: usize,
        times: u64,
        apart: Time,
    },
    /// Takes a field, edits it so many times, and gives it back or does not.
    Take {
        who: Who,
        field: usize,
        times: u64,
        apart: Time,
        gives_back: bool,
    },
    /// Gives a field back.
    Release { who: Who, field: usize },
    /// Writes to a field that it has, as far as it knows; that long the write is on its way.
    Write { who: Who, field: usize, takes: Time },
    /// Says something to the others who are there.
    Signal { who: Who, channel: usize },
    /// The server takes nothing that anybody shows, for a while.
    Overload { span: Time },
}

/// What a person shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shows {
    /// Nothing: looks only.
    Nothing,
    /// Itself.
    Itself,
    /// That somebody is there, and not who.
    Somebody,
}

#[derive(Clone, Copy)]
enum Class {
    Join,
    Leave,
    Type,
    Take,
    Release,
    Write,
    Signal,
    Overload,
}

const WEIGHTS: &[(u64, Class)] = &[
    (20, Class::Join),
    (4, Class::Leave),
    (8, Class::Type),
    (20, Class::Take),
    (5, Class::Release),
    (20, Class::Write),
    (4, Class::Signal),
    (1, Class::Overload),
];

/// Draws what happens.
pub(crate) fn plan(extent: &Extent, chance: &mut Chance) -> Vec<Planned> {
    let weigh = |&(weight, class): &(u64, Class)| (weight * chance.pick(&[1, 4, 10]), class);
    let weights: Vec<(u64, Class)> = WEIGHTS.iter().map(weigh).collect();
    // In half of the worlds all want the same field.
    let fields = chance.pick(&[1, 2, FIELDS]);
    let mut out = Vec::new();
    let mut before = 0;
    for _ in 0..chance.between(5, 40) {
        let at = if chance.one_in(3) {
            before + chance.between(1, 20) * 10u64.pow(2 + chance.below(4) as u32)
        } else {
            chance.below(extent.chaos)
        };
        before = at;
        let what = Transition::Room(draw(extent, &weights, fields, chance));
        out.push(Planned { at, what });
    }
    out
}

fn draw(extent: &Extent, weights: &[(u64, Class)], fields: usize, chance: &mut Chance) -> Deed {
    let class = chance.weighted(weights);
    let browser = chance.index(extent.browsers);
    let place = chance.index(extent.places);
    let who = match chance.below(4) {
        0 => Who::LeaderOf(browser),
        _ => Who::On(Seat { browser, place }),
    };
    let channel = chance.index(extent.channels);
    let field = chance.index(fields);
    match class {
        Class::Join => Deed::Join {
            who,
            channel,
            shows: chance.weighted(&[
                (6, Shows::Itself),
                (2, Shows::Somebody),
                (2, Shows::Nothing),
            ]),
        },
        Class::Leave => Deed::Leave { who, channel },
        Class::Type => Deed::Type {
            who,
            channel,
            field,
            times: chance.between(1, 20),
            apart: chance.pick(&[100 * MS, 300 * MS, 2 * S]),
        },
        Class::Take => Deed::Take {
            who,
            field,
            times: chance.weighted(&[(2, 0), (2, 3), (2, 20)]),
            apart: chance.pick(&[200 * MS, 2 * S, 9 * S]),
            gives_back: chance.one_in(2),
        },
        Class::Release => Deed::Release { who, field },
        Class::Write => Deed::Write {
            who,
            field,
            takes: chance.pick(&[5 * MS, 200 * MS, 5 * S, 45 * S]),
        },
        Class::Signal => Deed::Signal { who, channel },
        Class::Overload => Deed::Overload {
            span: chance.between(S, 20 * S),
        },
    }
}
