//! How the queue stands, in figures: for the app, and from the leader to the other tabs.

use crate::engine::time::Wall;
use crate::wire::json::{Raw, Text, Writer};

/// How the queue stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// What it does.
    pub state: State,
    /// How many mutations are not through.
    pub count: u64,
    /// How many bytes of the bound are taken, by those and by what waits for the user.
    pub bytes: u64,
    /// How many are on their way.
    pub in_flight: u64,
    /// How many wait because no page has their function.
    pub parked: u64,
    /// How many failed for good and wait for the user.
    pub dead: u64,
    /// How many met another change and wait for the user.
    pub conflicts: u64,
    /// How many records cannot be used.
    pub aside: u64,
    /// When the oldest one that is not through was accepted.
    pub oldest: Option<Wall>,
    /// When something is tried again, if all that is left waits for that.
    pub next_retry: Option<Wall>,
    /// Of a backlog that is being worked off: how many are done, and how many there were.
    pub drain: Option<(u64, u64)>,
}

/// What the queue does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Nothing is to be done.
    #[default]
    Idle,
    /// What is stored is being read.
    Reading,
    /// Mutations are on their way.
    Sending,
    /// What is left waits: to be tried again, for a newer one, for a function, or for the user.
    Waiting,
    /// There is no network.
    Offline,
    /// The server wants a login.
    NeedsAuth,
}

const STATES: [(State, &str); 6] = [
    (State::Idle, "idle"),
    (State::Reading, "reading"),
    (State::Sending, "sending"),
    (State::Waiting, "waiting"),
    (State::Offline, "offline"),
    (State::NeedsAuth, "needs-auth"),
];

impl State {
    fn text(self) -> &'static str {
        STATES
            .iter()
            .find(|(state, _)| *state == self)
            .map_or("idle", |(_, text)| text)
    }

    fn parse(text: &str) -> Option<State> {
        STATES
            .iter()
            .find(|(_, have)| *have == text)
            .map(|(state, _)| *state)
    }
}

impl Totals {
    fn counts(&self) -> [(&'static str, u64); 7] {
        [
            ("count", self.count),
            ("bytes", self.bytes),
            ("inFlight", self.in_flight),
            ("parked", self.parked),
            ("dead", self.dead),
            ("conflicts", self.conflicts),
            ("aside", self.aside),
        ]
    }

    /// The figures as JSON.
    pub fn write(&self, w: &mut Writer) {
        w.object(|w| {
            w.key("state").string(self.state.text());
            for (name, count) in self.counts() {
                w.key(name).number(count);
            }
            for (name, at) in [("oldest", self.oldest), ("nextRetry", self.next_retry)] {
                match at {
                    Some(at) => w.key(name).number(at.0),
                    None => w.key(name).null(),
                }
            }
            match self.drain {
                Some((done, total)) => w.key("drain").object(|w| {
                    w.key("done").number(done);
                    w.key("total").number(total);
                }),
                None => w.key("drain").null(),
            }
        });
    }

    /// Reads what [`Totals::write`] wrote.
    pub fn read(raw: Raw<'_>) -> Option<Totals> {
        let state = raw
            .member("state")
            .and_then(Raw::string)
            .map(Text::decode)?;
        let number = |name: &str| raw.member(name).and_then(Raw::integer);
        let drain = raw.member("drain").and_then(|drain| {
            let number = |name: &str| drain.member(name).and_then(Raw::integer);
            Some((number("done")?, number("total")?))
        });
        Some(Totals {
            state: State::parse(&state)?,
            count: number("count")?,
            bytes: number("bytes")?,
            in_flight: number("inFlight")?,
            parked: number("parked")?,
            dead: number("dead")?,
            conflicts: number("conflicts")?,
            aside: number("aside")?,
            oldest: number("oldest").map(Wall),
            next_retry: number("nextRetry").map(Wall),
            drain,
        })
    }
}
