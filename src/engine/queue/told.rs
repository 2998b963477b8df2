//! What the app is told about its mutations, and what it is asked to run.

use std::rc::Rc;

use super::mutation::MutationId;
use super::word::{Letter, Why};
use crate::engine::hlc::Stamp;
use crate::wire::json::{Raw, Text, Writer};

/// Something that the app is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// It is stored and will be done.
    Accepted {
        /// The number that the app gave its call.
        call: u64,
        /// Its name from now on.
        id: MutationId,
        /// Whether it outlives this tab.
        durable: bool,
    },
    /// It was not taken, and nothing will be done.
    Refused {
        /// The number that the app gave its call.
        call: u64,
        /// Why.
        why: Refusal,
    },
    /// It came to an end.
    Settled {
        /// The call, in the tab that made it and while that page lives.
        call: Option<u64>,
        /// Which one.
        id: MutationId,
        /// How.
        end: End,
    },
    /// It met another change, and the user decides. It is not settled.
    Conflict {
        /// The call, in the tab that made it and while that page lives.
        call: Option<u64>,
        /// Which one.
        id: MutationId,
        /// Both sides.
        letter: Letter,
    },
    /// It is stored under a user who is not here any more, and goes on when that one is back.
    Detached {
        /// The call.
        call: u64,
        /// Which one.
        id: MutationId,
    },
    /// The answer to a question about the queue.
    Answer {
        /// The number that the app gave its question.
        call: u64,
        /// The answer.
        answer: Answer,
    },
}

/// The answer to a question about the queue: JSON text, or why there is none.
pub type Answer = Result<String, Refusal>;

/// Why something was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The storage is full.
    Quota,
    /// The storage may not be used here, and the app wants nothing that is not stored.
    Blocked,
    /// As many mutations wait as may.
    Full,
    /// It is larger than one may be.
    TooLarge,
    /// Another user is here now.
    User,
    /// It is not there, or not in a state in which that can be done.
    NotThere,
    /// It is not what it should be.
    Bad,
}

const REFUSALS: [(Refusal, &str); 7] = [
    (Refusal::Quota, "quota"),
    (Refusal::Blocked, "blocked"),
    (Refusal::Full, "full"),
    (Refusal::TooLarge, "too-large"),
    (Refusal::User, "user"),
    (Refusal::NotThere, "not-there"),
    (Refusal::Bad, "bad"),
];

impl Refusal {
    /// As the app reads it.
    pub fn text(self) -> &'static str {
        REFUSALS
            .iter()
            .find(|(refusal, _)| *refusal == self)
            .map_or("bad", |(_, text)| text)
    }

    pub(super) fn parse(text: &str) -> Option<Refusal> {
        REFUSALS
            .iter()
            .find(|(_, have)| *have == text)
            .map(|(refusal, _)| *refusal)
    }
}

/// How a mutation ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// The server did it.
    Applied {
        /// What it answered, as JSON text.
        result: Rc<str>,
    },
    /// Nothing is left to do.
    Resolved {
        /// Why.
        how: How,
    },
    /// It waits for the user.
    Dead {
        /// Why.
        letter: Letter,
    },
}

/// Why nothing is left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// A newer one replaced it before it was sent.
    Superseded,
    /// What the other side has is kept.
    Server,
    /// The user gave it up.
    Discarded,
}

const HOWS: [(How, &str); 3] = [
    (How::Superseded, "superseded"),
    (How::Server, "server"),
    (How::Discarded, "discarded"),
];

impl How {
    pub(super) fn text(self) -> &'static str {
        HOWS.iter()
            .find(|(how, _)| *how == self)
            .map_or("discarded", |(_, text)| text)
    }

    pub(super) fn parse(text: &str) -> Option<How> {
        HOWS.iter()
            .find(|(_, have)| *have == text)
            .map(|(how, _)| *how)
    }
}

impl End {
    /// Writes the members of the end into an object that is open.
    pub fn write_members(&self, w: &mut Writer) {
        match self {
            End::Applied { result } => {
                w.key("end").string("applied");
                w.key("result").raw(result);
            }
            End::Resolved { how } => {
                w.key("end").string("resolved");
                w.key("how").string(how.text());
            }
            End::Dead { letter } => {
                w.key("end").string("dead");
                letter.write_members(w);
            }
        }
    }

    /// Reads what [`End::write_members`] wrote.
    pub fn read(raw: Raw<'_>) -> Option<End> {
        Some(match raw.member("end")?.string()?.decode().as_ref() {
            "applied" => End::Applied {
                result: raw.member("result")?.text().into(),
            },
            "resolved" => End::Resolved {
                how: How::parse(&raw.member("how")?.string()?.decode())?,
            },
            "dead" => End::Dead {
                letter: Letter::read(raw)?,
            },
            _ => return None,
        })
    }
}

impl Told {
    /// Writes the members of the notice into an object that is open.
    pub fn write_members(&self, w: &mut Writer) {
        let mut head = |state: &str, call: Option<u64>, id: Option<MutationId>| {
            w.key("type").string("mutation");
            w.key("state").string(state);
            match call {
                Some(call) => w.key("call").number(call),
                None => w.key("call").null(),
            }
            if let Some(id) = id {
                w.key("id").string(&id.text());
            }
        };
        match self {
            Told::Accepted { call, id, durable } => {
                head("accepted", Some(*call), Some(*id));
                w.key("durable").bool(*durable);
            }
            Told::Refused { call, why } => {
                head("refused", Some(*call), None);
                w.key("code").string(why.text());
            }
            Told::Settled { call, id, end } => {
                head("settled", *call, Some(*id));
                end.write_members(w);
            }
            Told::Conflict { call, id, letter } => {
                head("conflict", *call, Some(*id));
                letter.write_members(w);
            }
            Told::Detached { call, id } => head("detached", Some(*call), Some(*id)),
            Told::Answer { call, answer } => {
                w.key("type").string("queue");
                w.key("call").number(*call);
                write_answer(w, answer);
            }
        }
    }
}

/// Writes the members of an answer into an object that is open.
pub(super) fn write_answer(w: &mut Writer, answer: &Answer) {
    match answer {
        Ok(value) => {
            w.key("ok").bool(true);
            w.key("value").raw(value);
        }
        Err(why) => {
            w.key("ok").bool(false);
            w.key("code").string(why.text());
        }
    }
}

/// Reads what [`write_answer`] wrote.
pub(super) fn read_answer(raw: Raw<'_>) -> Option<Answer> {
    if raw.member("ok")?.bool()? {
        return Some(Ok(raw.member("value")?.text().to_owned()));
    }
    Refusal::parse(&raw.member("code")?.string()?.decode()).map(Err)
}

/// What the app is asked to do: run its function of a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Which mutation it is for.
    pub id: MutationId,
    /// Which function.
    pub name: Rc<str>,
    /// The version of the variables' form, for a function that knows older ones too.
    pub version: u64,
    /// Its lane.
    pub lane: Rc<str>,
    /// What the function is given, as JSON text.
    pub vars: Rc<str>,
    /// By which the server recognises that it did this already.
    pub idempotency_key: String,
    /// Counts the runs; the answer has to name it.
    pub attempt: u32,
    /// By which the last writer wins.
    pub stamp: Stamp,
    /// What the other side has and this run is to replace, as JSON text; after a conflict.
    pub theirs: Option<Rc<str>>,
    /// The page is about to go: only a request that outlives it is of use, and it must be small.
    pub keepalive: bool,
}

impl Run {
    /// Writes the members of the run into an object that is open.
    pub fn write_members(&self, w: &mut Writer) {
        w.key("type").string("run");
        w.key("id").string(&self.id.text());
        w.key("name").string(&self.name);
        w.key("version").number(self.version);
        w.key("lane").string(&self.lane);
        w.key("vars").raw(&self.vars);
        w.key("idempotencyKey").string(&self.idempotency_key);
        w.key("attempt").number(self.attempt.into());
        w.key("stamp").string(&self.stamp.text());
        if let Some(theirs) = &self.theirs {
            w.key("theirs").raw(theirs);
        }
        w.key("keepalive").bool(self.keepalive);
    }

    /// Reads what [`Run::write_members`] wrote: one tab asks another to run.
    pub fn read(raw: Raw<'_>) -> Option<Run> {
        let text = |name: &str| raw.member(name)?.string().map(Text::decode);
        Some(Run {
            id: MutationId::read(raw.member("id")?)?,
            name: text("name")?.into(),
            version: raw.member("version")?.integer()?,
            lane: text("lane")?.into(),
            vars: raw.member("vars")?.text().into(),
            idempotency_key: text("idempotencyKey")?.into_owned(),
            attempt: u32::try_from(raw.member("attempt")?.integer()?).ok()?,
            stamp: Stamp::parse(&text("stamp")?)?,
            theirs: raw.member("theirs").map(|theirs| theirs.text().into()),
            keepalive: raw.member("keepalive").and_then(Raw::bool).unwrap_or(false),
        })
    }
}

impl Why {
    /// What is told about a letter when it is written.
    pub(super) fn told(self, call: Option<u64>, id: MutationId, letter: Letter) -> Told {
        match self {
            Why::Conflict => Told::Conflict { call, id, letter },
            Why::Rejected | Why::Exhausted => {
                let end = End::Dead { letter };
                Told::Settled { call, id, end }
            }
        }
    }
}
