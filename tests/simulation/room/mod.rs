//! The room in a world: persons come, leave, type, and take and give back the fields that one at a
//! time may edit, while all the faults of a world go on. `server.rs` is the server's part and the
//! oracle of leases; `person.rs` is what one tab's person did and was told; `checks.rs` compares.

mod calm;
mod checks;
mod deeds;
mod person;
mod plan;
mod server;
mod shell;

use std::collections::BTreeMap;

use self::person::Person;
use self::server::Server;
use crate::agenda::Time;
use crate::chance::{Chance, Stream};
use crate::transition::{Extent, Planned};

pub(crate) use self::plan::Deed;

/// Everything about the room in a world.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) server: Server,
    /// Of each tab, by its number.
    pub(crate) persons: Vec<Person>,
    pub(crate) chance: Chance,
    pub(crate) shape: Shape,
    /// When the server is to be woken next, as far as it is planned.
    pub(crate) due: Time,
    /// Numbers what is shown: of everything that anybody ever showed, who could see what.
    pub(crate) shown: Vec<Showing>,
    /// The largest fence under which a write was done, of each field.
    pub(crate) written: BTreeMap<usize, u64>,
    /// When a browser last had a reason to be wrong about how late it is.
    pub(crate) clock_trouble: Vec<Time>,
    /// Who has to have which field, under which fence, for as long as nothing happens to the tab.
    pub(crate) keepers: BTreeMap<usize, (usize, u64)>,
    /// A field that was asked for by a tab that is gone.
    pub(crate) orphan: Option<usize>,
    /// When a tab was last told of each field.
    pub(crate) told: BTreeMap<usize, Time>,
}

/// Something that a tab showed of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Showing {
    pub(crate) tab: usize,
    pub(crate) channel: usize,
    pub(crate) anonymous: bool,
}

/// What the room looks like in a world.
#[derive(Debug)]
pub(crate) struct Shape {
    /// Nobody is in any room in this world.
    pub(crate) quiet: bool,
    /// Who uses each browser, if the server knows it.
    pub(crate) users: Vec<Option<String>>,
    /// The channel on which nobody may be seen.
    pub(crate) closed: Option<usize>,
    /// How many channels there are.
    pub(crate) channels: usize,
}

/// Something that is due.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Due {
    /// The server has something to do.
    Server,
    /// A person types on: tab, channel, field, how often yet, how far apart.
    Type(usize, usize, usize, u64, Time),
    /// A person edits on: tab, field, how often yet, how far apart.
    Edit(usize, usize, u64, Time),
    /// A person is done with a field.
    Release(usize, usize),
    /// A write reaches the server: field, fence.
    Write(usize, u64),
    /// A step of the calm after the last fault.
    Calm(u32),
}

/// How many fields there are. A field is on the channel of its number.
pub(crate) const FIELDS: usize = 6;

impl Room {
    /// What a world has of it, and what will happen in it.
    pub(crate) fn new(seed: u64, extent: &Extent) -> (Room, Vec<Planned>) {
        let mut chance = Chance::new(seed, Stream::RoomPlan);
        let shape = Shape::new(extent, &mut chance);
        let can = server::Can::draw(&mut chance);
        let plan = match shape.quiet {
            true => Vec::new(),
            false => plan::plan(extent, &mut chance),
        };
        let room = Room {
            server: Server::new(can, shape.closed, extent.channels),
            persons: Vec::new(),
            chance: Chance::new(seed, Stream::Room),
            shape,
            due: Time::MAX,
            shown: Vec::new(),
            written: BTreeMap::new(),
            clock_trouble: vec![0; extent.browsers],
            keepers: BTreeMap::new(),
            orphan: None,
            told: BTreeMap::new(),
        };
        (room, plan)
    }
}

impl Shape {
    fn new(extent: &Extent, chance: &mut Chance) -> Shape {
        let one_person = chance.one_in(3);
        let users = (0..extent.browsers).map(|browser| {
            let known = chance.below(3) > 0;
            let number = if one_person { 0 } else { browser };
            known.then(|| format!("user{number}"))
        });
        Shape {
            users: users.collect(),
            quiet: chance.one_in(3),
            closed: chance.one_in(6).then(|| chance.index(extent.channels)),
            channels: extent.channels,
        }
    }

    /// The channel that a field is on.
    pub(crate) fn channel_of(&self, field: usize) -> usize {
        field % self.channels
    }
}

/// A field's name.
pub(crate) fn field_name(field: usize) -> String {
    format!("{field}/title")
}

/// The field of a name.
pub(crate) fn field_index(name: &str) -> Option<usize> {
    let (number, _) = name.split_once('/')?;
    number.parse().ok().filter(|field| *field < 100_000)
}
