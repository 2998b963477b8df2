//! What stands in for [`queue`](super::queue) in a module without mutations: the same names, and
//! nothing behind them. A page that has no mutations downloads a fifth less.
//!
//! No value of most of these types can exist, so the compiler takes out whatever would handle one.

use std::rc::Rc;

use super::config::BadInput;
use super::hlc::Stamp;
use super::ids::{TabId, Term};
use super::rng::Rng;
use super::store::{StoreFault, StoreOp};
use super::time::{Mono, Now};
use crate::wire::json::{Raw, Writer};

/// Whether this module can send mutations, and so may lead tabs that have some.
pub const SENDS: bool = false;

const NOT_HERE: &str = "nothing: this module was built without mutations";

/// How a queue stands that nothing is ever in, as [`Totals::write`] of the real one says it.
const IDLE: &str = r#"{"state":"idle","count":0,"bytes":0,"inFlight":0,"parked":0,"dead":0,"conflicts":0,"aside":0,"oldest":null,"nextRetry":null,"drain":null}"#;

macro_rules! never {
    ($($(#[$about:meta])* $name:ident)*) => {$(
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {}
    )*};
}

never! {
    /// How the page's function wants to be treated.
    Handler
    /// What names a mutation.
    MutationId
    /// How a run ended.
    Outcome
    /// A run of the page's function.
    Run
    /// Something about a mutation.
    Told
}

/// What a run comes to in figures. There is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the real one has them")]
pub enum Tried {
    Done,
    Failed,
    Conflict,
}

/// What the app wants to be done.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// What the app has seen.
    pub over: Option<Stamp>,
    never: MutationId,
}

/// How the queue is bounded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings;

/// How the queue stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals;

/// Something to do: never anything.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the real one has them")]
pub enum Step {
    Write {
        op: StoreOp,
        key: String,
        value: String,
    },
    Remove {
        key: String,
    },
    List {
        op: StoreOp,
        prefix: String,
    },
    Read {
        op: StoreOp,
        keys: Vec<String>,
    },
    Run(Run),
    Cancel {
        id: MutationId,
        attempt: u32,
    },
    Tell(Told),
    Post(String),
    Fault(&'static str),
    Seen(Stamp),
    NeedAuth,
    Tried(Tried),
}

/// The queue of a tab that has none.
#[derive(Debug)]
pub struct Queue;

impl Settings {
    /// Accepts that nothing is asked for.
    pub fn parse(_: Option<Raw<'_>>, mutations: Option<Raw<'_>>) -> Result<Settings, BadInput> {
        let mut any = false;
        if let Some(mutations) = mutations {
            mutations.members(|_, _| any = true);
        }
        match any {
            false => Ok(Settings),
            true => Err(BadInput::at("mutations", NOT_HERE)),
        }
    }
}

impl Draft {
    /// Refuses it.
    pub fn parse(_: Raw<'_>) -> Result<Draft, BadInput> {
        Err(BadInput::at("", NOT_HERE))
    }
}

impl Handler {
    /// Refuses it.
    pub fn read(_: Raw<'_>) -> Result<Handler, BadInput> {
        Err(BadInput::at("", NOT_HERE))
    }
}

impl MutationId {
    /// Refuses it.
    pub fn read(_: Raw<'_>) -> Option<MutationId> {
        None
    }

    /// Never called.
    pub fn text(self) -> String {
        match self {}
    }
}

impl Outcome {
    /// Refuses it.
    pub fn read(_: Raw<'_>) -> Option<Outcome> {
        None
    }
}

impl Run {
    /// Never called.
    pub fn write_members(&self, _: &mut Writer) {
        match *self {}
    }
}

impl Told {
    /// Never called.
    pub fn write_members(&self, _: &mut Writer) {
        match *self {}
    }
}

impl Totals {
    /// The figures as JSON.
    pub fn write(&self, w: &mut Writer) {
        w.raw(IDLE);
    }
}

/// Refuses a question.
pub fn question(_: Raw<'_>) -> Result<String, BadInput> {
    Err(BadInput::at("", NOT_HERE))
}

#[expect(missing_docs, reason = "the real one has them")]
impl Queue {
    pub fn new(_: TabId, _: Rc<str>, _: Settings, _: bool) -> Self {
        Queue
    }
    pub fn mutate(&mut self, _: Now, draft: Draft, _: Stamp) {
        match draft.never {}
    }
    pub fn handle(&mut self, _: Now, _: &Rc<str>, _: Option<Handler>) {}
    pub fn done(&mut self, _: Now, _: &mut Rng, id: MutationId, _: u32, _: Outcome) {
        match id {}
    }
    pub fn ask(&mut self, _: Now, _: u64, _: &str) {}
    pub fn stored(&mut self, _: Now, _: StoreOp, _: Result<(), StoreFault>) {}
    pub fn listed(&mut self, _: Now, _: StoreOp, _: Result<&[String], StoreFault>) {}
    pub fn read(&mut self, _: Now, _: StoreOp, _: Result<&[Option<String>], StoreFault>) {}
    pub fn changed(&mut self, _: Now, _: Option<&str>, _: Option<&str>) {}
    pub fn lead(&mut self, _: Now, _: Option<Term>) {}
    pub fn follow(&mut self) {}
    pub fn follow_leader(&mut self, _: Now, _: Term) {}
    pub fn away(&mut self, _: Now, _: bool) {}
    pub fn tab_gone(&mut self, _: Now, _: TabId) {}
    pub fn claims(_: TabId, _: Raw<'_>) -> Option<Term> {
        None
    }
    pub fn heard(&mut self, _: Now, _: &mut Rng, _: TabId, _: Raw<'_>) -> bool {
        false
    }
    pub fn heard_of_others(&mut self, _: Now, _: TabId, _: Raw<'_>) {}
    pub fn was_away(&mut self, _: Now) {}
    pub fn online(&mut self, _: Now, _: bool, _: bool) {}
    pub fn linked(&mut self, _: Now) {}
    pub fn holds(&self) -> bool {
        false
    }
    pub fn authorized(&mut self, _: Now, _: &mut Rng) {}
    pub fn fence(&mut self, _: Rc<str>) {}
    pub fn tick(&mut self, _: Now, _: &mut Rng) {}
    pub fn next_wakeup(&self) -> Option<Mono> {
        None
    }
    pub fn poll(&mut self) -> Option<Step> {
        None
    }
    pub fn totals(&self) -> Totals {
        Totals
    }
}

#[cfg(test)]
mod tests {
    use super::IDLE;
    use crate::engine::queue::Totals;
    use crate::wire::json::Writer;

    #[test]
    fn an_absent_queue_stands_as_an_empty_one_does() {
        let mut w = Writer::new();
        Totals::default().write(&mut w);
        assert_eq!(w.finish(), IDLE);
    }
}
