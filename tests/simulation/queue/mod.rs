//! Mutations and the storage in a world: the app makes them, its functions send them to the
//! server, people decide about what failed, and all that storage and network can do gets in
//! between. `ledger.rs` is the oracle, `checks.rs` compares.

mod author;
mod checks;
mod faults;
mod ledger;
mod people;
mod plan;
mod server;
mod shell;
mod storage;

use std::collections::BTreeMap;

use everfresh::engine::config::Config;
use everfresh::engine::input::Input;
use everfresh::engine::queue::{MutationId, Outcome};
use everfresh::engine::store::{StoreFault, StoreOp};

use self::author::Author;
use self::ledger::Ledger;
use self::server::{Request, Server};
use self::storage::Storage;
use crate::agenda::Time;
use crate::chance::{Chance, Stream};
use crate::transition::{Extent, Planned};

pub(crate) use self::plan::{Deed, Spec};

/// Everything about mutations in a world.
#[derive(Debug)]
pub(crate) struct Queue {
    /// Of each browser.
    pub(crate) storages: Vec<Storage>,
    /// What is damaged in each storage: where, and what stands there.
    pub(crate) spoiled: Vec<BTreeMap<String, String>>,
    pub(crate) ledger: Ledger,
    pub(crate) server: Server,
    /// Of each tab, by its number.
    pub(crate) authors: Vec<Author>,
    /// What was saved to a file, in each browser.
    pub(crate) files: Vec<Option<String>>,
    pub(crate) chance: Chance,
    pub(crate) shape: Shape,
    /// Since when the tab leads that leads in each browser.
    pub(crate) led_since: Vec<Time>,
    /// Until when a backlog may hold up in each browser what is stale.
    pub(crate) held_until: Vec<Time>,
    /// When a tab of each browser last got a link. What is made just after it, before all that is
    /// stored was read, cannot be told from a backlog.
    pub(crate) linked: Vec<Time>,
    /// Numbers the questions about the queue.
    pub(crate) questions: u64,
}

/// What mutations look like in a world.
#[derive(Debug)]
pub(crate) struct Shape {
    /// Settings of every engine: members that end with a comma.
    pub(crate) settings: String,
    /// The name that all keys of the queue begin with.
    pub(crate) prefix: String,
    /// How many may wait.
    pub(crate) count: usize,
    /// Mutations are taken although they cannot be stored.
    pub(crate) volatile: bool,
    /// How long a tab may see what is not true any more.
    pub(crate) lag: Time,
    /// The longest lag that a fault has made, for each browser: until when, and how long.
    pub(crate) lags: Vec<(Time, Time)>,
    /// Tabs see their own values for good.
    pub(crate) stuck: bool,
    /// How long a request takes at the server at most.
    pub(crate) works: Time,
}

/// Something that is due.
#[derive(Debug)]
pub(crate) enum Due {
    /// A tab is to see what others stored.
    Sync(usize),
    /// A tab makes more mutations: how many, how far apart.
    Make(usize, Spec, u64, Time),
    /// A request reaches the server.
    Request(usize, Box<Sent>),
    /// Other code gives back the room that it took.
    Room(usize),
    /// A computer has started again.
    Boot(usize),
    /// A person logs in, in a browser.
    LogIn(usize),
    /// A person decides about what is held up.
    Decide,
    /// And about what is since then.
    DecideAgain,
}

/// A request of the app on its way.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) id: MutationId,
    pub(crate) attempt: u32,
    /// Which mutation, in which of its forms.
    pub(crate) serial: usize,
    pub(crate) form: u64,
    pub(crate) request: Request,
    /// What follows it into the function fails.
    pub(crate) throws: bool,
}

/// Something that arrives at a tab.
#[derive(Clone, Debug)]
pub(crate) enum Arrival {
    /// A run of the app's function ended.
    Ran(MutationId, u32, Outcome),
    /// The storage answers.
    Stored(StoreOp, Result<(), StoreFault>),
    /// The storage answers.
    Listed(StoreOp, Result<Vec<String>, StoreFault>),
    /// The storage answers.
    Read(StoreOp, Result<Vec<Option<String>>, StoreFault>),
    /// Another tab changed the storage.
    Changed(Option<String>, Option<String>),
}

impl Arrival {
    /// As the engine sees it.
    pub(crate) fn input(&self) -> Input<'_> {
        match self {
            Arrival::Ran(id, attempt, outcome) => Input::MutationDone {
                id: *id,
                attempt: *attempt,
                outcome: outcome.clone(),
            },
            Arrival::Stored(op, result) => Input::Stored {
                op: *op,
                result: *result,
            },
            Arrival::Listed(op, result) => Input::StoreListed {
                op: *op,
                result: result.as_deref().map_err(|fault| *fault),
            },
            Arrival::Read(op, result) => Input::StoreRead {
                op: *op,
                result: result.as_deref().map_err(|fault| *fault),
            },
            Arrival::Changed(key, value) => Input::StoreChanged {
                key: key.as_deref(),
                value: value.as_deref(),
            },
        }
    }
}

impl Queue {
    /// What a world has of it, and what will happen to it.
    pub(crate) fn new(seed: u64, extent: &Extent) -> (Queue, Vec<Planned>) {
        let mut chance = Chance::new(seed, Stream::QueuePlan);
        let plan = plan::plan(extent, &mut chance);
        let room = chance.weighted(&[(12, 5 << 20), (1, 60 << 10), (1, 0)]);
        let queue = Queue {
            storages: (0..extent.browsers).map(|_| Storage::new(room)).collect(),
            spoiled: vec![BTreeMap::new(); extent.browsers],
            ledger: Ledger::new(extent.browsers),
            server: Server::new(extent.browsers, chance.pick(&[0, 30, 6])),
            authors: Vec::new(),
            files: vec![None; extent.browsers],
            shape: Shape::new(extent, &mut chance),
            chance: Chance::new(seed, Stream::Queue),
            led_since: vec![0; extent.browsers],
            held_until: vec![0; extent.browsers],
            linked: vec![0; extent.browsers],
            questions: 0,
        };
        (queue, plan)
    }
}

impl Shape {
    fn new(extent: &Extent, chance: &mut Chance) -> Shape {
        let count = chance.weighted(&[(6, 10_000), (1, 6), (1, 15)]);
        let volatile = chance.one_in(5);
        let parallel = chance.pick(&[1, 4, 6]);
        let timeout = chance.pick(&[3_000, 10_000, 30_000]);
        let names: Vec<String> = plan::NAMES
            .iter()
            .map(|(name, treats)| format!(r#""{name}":{{{treats},"timeout":{timeout}}}"#))
            .collect();
        let settings = format!(
            r#""queue":{{"maxCount":{count},"parallel":{parallel},"volatile":{volatile}}},"mutations":{{{}}},"#,
            names.join(",")
        );
        Shape {
            settings,
            prefix: String::new(),
            count,
            volatile,
            lag: chance.weighted(&[(2, 0), (4, 5_000), (3, 60_000)]),
            lags: vec![(0, 0); extent.browsers],
            stuck: chance.one_in(10),
            works: chance.pick(&[20_000, 300_000, 2_000_000]),
        }
    }

    /// The settings are known: so are the keys.
    pub(crate) fn configured(&mut self, config: &Config) {
        self.prefix = format!("{}:q:", config.scope());
    }
}
