//! What the app is told. A batch of notices crosses into JavaScript as one JSON text.

use std::rc::Rc;

use super::freshness::{Violation, Why};
use super::ids::TokenId;
use super::key::QueryKey;
use super::queue::{MutationId, Run, Told};
use super::room;
use super::token::TokenReason;
use crate::wire::json::Writer;

/// Something the app is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// The snapshot changed; here it is, as JSON text.
    Status(String),
    /// Queries are stale: whatever their keys begin with these.
    Invalidate {
        /// Prefixes of query keys.
        keys: Vec<QueryKey>,
        /// Why.
        cause: Cause,
        /// Keys that an adapter reported are seen to: each that needs it gets its own word by
        /// [`Notice::Refetch`]. Only what was not reported is to be judged by these prefixes.
        handled: bool,
    },
    /// The adapter is to refetch exactly these keys, without cancelling a fetch that runs. The most
    /// urgent is first.
    Refetch {
        /// Keys that the adapter reported.
        keys: Vec<QueryKey>,
        /// Why.
        cause: Cause,
    },
    /// Fetches of these keys, which the adapter reported, hang: it is to cancel them, and to fetch
    /// again what somebody looks at.
    Lost {
        /// Keys that the adapter reported.
        keys: Vec<QueryKey>,
    },
    /// These keys, which the adapter reported, are stale and nobody looks at them: it is to mark
    /// them, so that whoever looks next fetches.
    Stale {
        /// Keys that the adapter reported.
        keys: Vec<QueryKey>,
    },
    /// An event that the app listens to.
    Event {
        /// The channel it came on.
        channel: String,
        /// Its name.
        name: String,
        /// Its payload, as JSON text.
        data: String,
        /// Which client caused it.
        by: Option<String>,
        /// When, by the server's clock.
        at: Option<u64>,
    },
    /// Something about a mutation, or the answer to a question about the queue.
    Mutation(Told),
    /// The app's function is to be run. The shell makes it of the engine's output, because it
    /// goes the same way.
    Run(Run),
    /// A run is to be stopped.
    CancelRun {
        /// Which mutation.
        id: MutationId,
        /// Which run.
        attempt: u32,
    },
    /// Data got older than its contract allows.
    Violation(Violation),
    /// Who is on a channel.
    People(room::Told),
    /// How a field stands that one person at a time may edit.
    Lease(room::Field, room::State),
    /// Somebody said something to all that are on a channel, for this moment.
    Signal(room::Signal),
    /// A token is wanted; [`Command::Token`](super::command::Command::Token) answers.
    Token {
        /// The question's number.
        request: TokenId,
        /// Why it is asked.
        reason: TokenReason,
        /// The channel that it is for; the connection if there is none.
        channel: Option<Rc<str>>,
    },
    /// Somebody else is there, or nobody.
    User(UserChange),
    /// Something that should not have happened was survived.
    Fault(Fault),
    /// Diagnostics of a part that was switched on.
    Log {
        /// The part.
        part: &'static str,
        /// What it decided.
        text: String,
    },
}

impl Notice {
    /// Is it about a person's data? Then it must not be told any more once another one is there.
    /// What became of a mutation is told all the same: somebody waits for it.
    pub fn is_personal(&self) -> bool {
        match self {
            Notice::Invalidate { .. }
            | Notice::Refetch { .. }
            | Notice::Lost { .. }
            | Notice::Stale { .. }
            | Notice::Event { .. }
            | Notice::Run(_)
            | Notice::Violation(_)
            | Notice::People(_)
            | Notice::Lease(..)
            | Notice::Signal(_)
            | Notice::Token { .. }
            | Notice::Log { .. } => true,
            Notice::Status(_)
            | Notice::Mutation(_)
            | Notice::CancelRun { .. }
            | Notice::User(_)
            | Notice::Fault(_) => false,
        }
    }
}

/// What happened to the person whose data this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserChange {
    /// This tab's app said who is there now. Drop what is cached.
    Switched,
    /// In another tab somebody else logged in, or this person logged out. This instance has
    /// stopped until the app says who is there. Drop what is cached.
    Fenced,
    /// This person logged in again in another tab: this instance goes on.
    Back,
    /// Somebody logged in in another tab, and here nobody has yet.
    Elsewhere,
}

impl UserChange {
    fn text(self) -> &'static str {
        match self {
            UserChange::Switched => "switched",
            UserChange::Fenced => "fenced",
            UserChange::Back => "back",
            UserChange::Elsewhere => "elsewhere",
        }
    }

    /// Has the app to drop what it has cached?
    pub fn clears(self) -> bool {
        match self {
            UserChange::Switched | UserChange::Fenced => true,
            UserChange::Back | UserChange::Elsewhere => false,
        }
    }
}

/// Why queries are stale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// An event said so.
    Event {
        /// The event's name.
        event: String,
        /// The channel it came on.
        channel: String,
    },
    /// Something may have been missed on a channel.
    Gap {
        /// The channel.
        channel: String,
    },
    /// The app said so.
    App,
    /// A contract says so.
    Contract {
        /// Its name.
        contract: Rc<str>,
        /// Why now.
        why: Why,
    },
}

/// Something that should not have happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// A stable word.
    pub code: FaultCode,
    /// For reading by people.
    pub message: String,
}

/// What kind of thing should not have happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultCode {
    /// A frame of the server is not of its protocol.
    BadFrame,
    /// A message of another tab is not ours.
    BadTabMessage,
    /// The server refused something.
    Refused,
    /// A limit of ours was reached.
    Limit,
    /// Something in the storage cannot be used.
    BadRecord,
    /// The server, or its protocol, cannot do what was asked for.
    Unsupported,
    /// This browser lacks something without which tabs cannot share a connection.
    Alone,
}

impl FaultCode {
    /// As the app reads it.
    pub fn text(self) -> &'static str {
        match self {
            FaultCode::BadFrame => "bad-frame",
            FaultCode::BadTabMessage => "bad-tab-message",
            FaultCode::Refused => "refused",
            FaultCode::Limit => "limit",
            FaultCode::BadRecord => "bad-record",
            FaultCode::Unsupported => "unsupported",
            FaultCode::Alone => "alone",
        }
    }
}

impl Fault {
    /// A fault with its words.
    pub fn new(code: FaultCode, message: impl Into<String>) -> Self {
        Fault {
            code,
            message: message.into(),
        }
    }
}

impl Cause {
    fn write(&self, w: &mut Writer) {
        w.key("cause").object(|w| match self {
            Cause::Event { event, channel } => {
                w.key("why").string("event");
                w.key("event").string(event);
                w.key("channel").string(channel);
            }
            Cause::Gap { channel } => {
                w.key("why").string("gap");
                w.key("channel").string(channel);
            }
            Cause::App => w.key("why").string("app"),
            Cause::Contract { contract, why } => {
                w.key("why").string(why.text());
                w.key("contract").string(contract);
            }
        });
    }
}

impl Notice {
    /// Writes the notice as the npm package reads it.
    pub fn write(&self, w: &mut Writer) {
        w.object(|w| match self {
            Notice::Status(snapshot) => {
                w.key("type").string("status");
                w.key("snapshot").raw(snapshot);
            }
            Notice::Invalidate {
                keys,
                cause,
                handled,
            } => {
                write_keys(w, "invalidate", keys);
                cause.write(w);
                w.key("handled").bool(*handled);
            }
            Notice::Refetch { keys, cause } => {
                write_keys(w, "refetch", keys);
                cause.write(w);
            }
            Notice::Lost { keys } => write_keys(w, "lost", keys),
            Notice::Stale { keys } => write_keys(w, "stale", keys),
            Notice::Event {
                channel,
                name,
                data,
                by,
                at,
            } => {
                w.key("type").string("event");
                w.key("channel").string(channel);
                w.key("name").string(name);
                w.key("data").raw(data);
                match by {
                    Some(by) => w.key("by").string(by),
                    None => w.key("by").null(),
                }
                match at {
                    Some(at) => w.key("at").number(*at),
                    None => w.key("at").null(),
                }
            }
            Notice::Mutation(told) => told.write_members(w),
            Notice::Run(run) => run.write_members(w),
            Notice::CancelRun { id, attempt } => {
                w.key("type").string("cancel");
                w.key("id").string(&id.text());
                w.key("attempt").number((*attempt).into());
            }
            Notice::Violation(violation) => {
                w.key("type").string("violation");
                w.key("contract").string(&violation.contract);
                w.key("cause").string(violation.blame.text());
                match violation.age {
                    Some(age) => w.key("age").number(age.0),
                    None => w.key("age").null(),
                }
                w.key("window").number(violation.window.0);
                w.key("reason").string(violation.reason);
            }
            Notice::People(told) => {
                w.key("type").string("people");
                w.key("channel").string(&told.channel);
                w.key("people").raw(&told.people);
                if let Some(typing) = &told.typing {
                    w.key("typing").raw(typing);
                }
            }
            Notice::Lease(field, state) => {
                w.key("type").string("lease");
                state.write_members(field, w);
            }
            Notice::Signal(signal) => {
                w.key("type").string("signal");
                signal.write_members("channel", w);
            }
            Notice::Token {
                request,
                reason,
                channel,
            } => {
                w.key("type").string("token");
                w.key("request").number(request.0.into());
                w.key("reason").string(reason.text());
                if let Some(channel) = channel {
                    w.key("channel").string(channel);
                }
            }
            Notice::User(change) => {
                w.key("type").string("user");
                w.key("change").string(change.text());
                w.key("clear").bool(change.clears());
            }
            Notice::Fault(fault) => {
                w.key("type").string("fault");
                w.key("code").string(fault.code.text());
                w.key("message").string(&fault.message);
            }
            Notice::Log { part, text } => {
                w.key("type").string("log");
                w.key("part").string(part);
                w.key("text").string(text);
            }
        });
    }
}

fn write_keys(w: &mut Writer, kind: &str, keys: &[QueryKey]) {
    w.key("type").string(kind);
    w.key("keys").array(|w| {
        for key in keys {
            w.raw(key.text());
        }
    });
}
