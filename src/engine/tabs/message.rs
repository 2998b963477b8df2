//! What tabs say to each other.
//!
//! Every message says who speaks and whose data it is about; what a leader says carries its term.
//! Whatever comes in is checked like network input: any script of the origin can post here. Events
//! are carried as text: most tabs that get one only want its name, and some want it again later.

mod read;

use std::borrow::Cow;
use std::rc::Rc;

pub use self::read::read;

use crate::engine::channels::{Before, Want};
use crate::engine::freshness::word::Word;
use crate::engine::ids::{CallId, Position, Scope, Seq, TabId, Term};
use crate::engine::status::Status;
use crate::engine::time::Until;
use crate::wire::Event;
use crate::wire::json::{self, Text, Writer};

/// The version of the messages. Tabs of two releases of an app can be open at a time; they do
/// not understand each other and each browser link then belongs to one release.
const VERSION: u64 = 1;

/// A message and who sent it.
#[derive(Clone, Debug, PartialEq)]
pub struct Message<'a> {
    /// The sender.
    pub from: TabId,
    /// Whose data it is about.
    pub scope: Scope,
    /// What it says.
    pub says: Says<'a>,
}

/// What a tab can say.
#[derive(Clone, Debug, PartialEq)]
pub enum Says<'a> {
    /// I am new, or back: who leads?
    Hello {
        /// Can I be seen?
        visible: bool,
    },
    /// I am here, and watch these channels from these positions on.
    Here {
        /// Can I be seen?
        visible: bool,
        /// Channels and positions.
        wants: Vec<Want>,
    },
    /// I am leaving.
    Bye,
    /// Somebody logged in: another token is to be had. It is not in here, because every script
    /// of the origin hears this.
    LoggedIn,
    /// Something about contracts.
    Contracts(Word),
    /// Something about mutations, as JSON text; only the queue knows what.
    Queue(Cow<'a, str>),
    /// A wish about the room for whoever leads, as JSON text; only the room knows what.
    Wish(Cow<'a, str>),
    /// A server wants to be left alone, by all tabs.
    Calm {
        /// Which host, as the app tells hosts apart.
        host: String,
        /// Until when.
        until: Until,
    },
    /// Leader, are you there?
    Ask,
    /// What came on this channel behind this position?
    Missing {
        /// The channel.
        channel: Cow<'a, str>,
        /// The last position that was seen.
        position: Option<Position>,
    },
    /// Leader, do this for me.
    Call {
        /// The call's number, given by the caller.
        id: CallId,
        /// All calls of smaller numbers were answered.
        open: CallId,
        /// What is to be done.
        kind: Cow<'a, str>,
        /// With what, as JSON text.
        body: &'a str,
    },
    /// Whoever is named may take the lock: I hold it, and cannot be seen.
    Offer {
        /// Who may take it.
        to: TabId,
    },
    /// I lead. This is how the link stands, and where each subscribed channel is.
    Lead {
        /// My term.
        term: Term,
        /// The state of the link.
        status: Status,
        /// Until when the server asked us to stay away. Whoever leads next keeps to it.
        hold: Option<Until>,
        /// How many tabs there are.
        tabs: u64,
        /// Channels and positions.
        positions: Vec<Want>,
    },
    /// These events came, in this order.
    Events {
        /// My term.
        term: Term,
        /// The events, each as JSON text.
        events: Vec<Cow<'a, str>>,
    },
    /// A channel goes on behind a position.
    Place {
        /// My term.
        term: Term,
        /// For this tab only.
        to: Option<TabId>,
        /// The channel.
        channel: Cow<'a, str>,
        /// Where it goes on.
        position: Option<Position>,
        /// Whether something may have been missed before.
        before: Before,
    },
    /// This is what you missed.
    Replay {
        /// My term.
        term: Term,
        /// Who missed it.
        to: TabId,
        /// The channel.
        channel: Cow<'a, str>,
        /// The events, each as JSON text.
        events: Vec<Cow<'a, str>>,
        /// Up to where.
        position: Option<Position>,
    },
    /// A channel cannot be had.
    Refused {
        /// My term.
        term: Term,
        /// The channel.
        channel: Cow<'a, str>,
        /// Why, as a word.
        code: Cow<'a, str>,
    },
    /// What is new in the room, as JSON text.
    Room {
        /// My term.
        term: Term,
        /// For this tab only.
        to: Option<TabId>,
        /// What.
        word: Cow<'a, str>,
    },
    /// A call was done.
    Answer {
        /// My term.
        term: Term,
        /// The caller.
        to: TabId,
        /// The call.
        id: CallId,
        /// What came of it, as JSON text.
        body: &'a str,
    },
}

/// A message as text.
pub fn write(from: TabId, scope: Scope, says: &Says<'_>) -> String {
    let mut writer = Writer::new();
    writer.object(|w| {
        w.key("v").number(VERSION);
        w.key("from").string(&from.text());
        w.key("of").string(&scope.text());
        says.write(w);
    });
    writer.finish()
}

impl Message<'_> {
    /// The message as text.
    pub fn write(&self) -> String {
        write(self.from, self.scope, &self.says)
    }
}

impl Says<'_> {
    /// The term of who speaks, if only a leader may say it.
    pub fn term(&self) -> Option<Term> {
        match self {
            Says::Hello { .. }
            | Says::Here { .. }
            | Says::Bye
            | Says::Calm { .. }
            | Says::LoggedIn
            | Says::Queue(_)
            | Says::Wish(_)
            | Says::Contracts(_)
            | Says::Ask
            | Says::Missing { .. }
            | Says::Call { .. }
            | Says::Offer { .. } => None,
            Says::Lead { term, .. }
            | Says::Events { term, .. }
            | Says::Place { term, .. }
            | Says::Replay { term, .. }
            | Says::Refused { term, .. }
            | Says::Room { term, .. }
            | Says::Answer { term, .. } => Some(*term),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Says::Hello { .. } => "hello",
            Says::Here { .. } => "here",
            Says::Bye => "bye",
            Says::Calm { .. } => "calm",
            Says::Queue(_) => "queue",
            Says::Wish(_) => "wish",
            Says::LoggedIn => "logged-in",
            Says::Contracts(_) => "contracts",
            Says::Ask => "ask",
            Says::Missing { .. } => "missing",
            Says::Call { .. } => "call",
            Says::Offer { .. } => "offer",
            Says::Lead { .. } => "lead",
            Says::Events { .. } => "events",
            Says::Place { .. } => "place",
            Says::Replay { .. } => "replay",
            Says::Refused { .. } => "refused",
            Says::Room { .. } => "room",
            Says::Answer { .. } => "answer",
        }
    }

    fn write(&self, w: &mut Writer) {
        w.key("k").string(self.kind());
        if let Some(term) = self.term() {
            w.key("term").number(term.number);
        }
        match self {
            Says::Bye | Says::Ask | Says::LoggedIn => {}
            Says::Hello { visible } => w.key("visible").bool(*visible),
            Says::Here { visible, wants } => {
                w.key("visible").bool(*visible);
                write_wants(w, wants);
            }
            Says::Queue(text) => w.key("q").raw(text),
            Says::Wish(wish) => w.key("body").raw(wish),
            Says::Contracts(word) => word.write(w),
            Says::Calm { host, until } => {
                w.key("host").string(host);
                write_until(w, *until);
            }
            Says::Missing { channel, position } => write_place(w, channel, position.as_ref()),
            Says::Call {
                id,
                open,
                kind,
                body,
            } => {
                w.key("id").number(id.0);
                w.key("open").number(open.0);
                w.key("do").string(kind);
                w.key("body").raw(body);
            }
            Says::Offer { to } => w.key("to").string(&to.text()),
            Says::Lead {
                status,
                hold,
                tabs,
                positions,
                ..
            } => {
                if let Some(hold) = hold {
                    write_until(w, *hold);
                }
                w.key("tabs").number(*tabs);
                w.key("status").object(|w| status.write_members(w));
                write_wants(w, positions);
            }
            Says::Events { events, .. } => write_events(w, events),
            Says::Place {
                to,
                channel,
                position,
                before,
                ..
            } => {
                if let Some(to) = to {
                    w.key("to").string(&to.text());
                }
                write_place(w, channel, position.as_ref());
                w.key("gap").number(match before {
                    Before::Whole => 0,
                    Before::Gap => 1,
                    Before::Anew => 2,
                });
            }
            Says::Replay {
                to,
                channel,
                events,
                position,
                ..
            } => {
                w.key("to").string(&to.text());
                write_place(w, channel, position.as_ref());
                write_events(w, events);
            }
            Says::Refused { channel, code, .. } => {
                w.key("ch").string(channel);
                w.key("code").string(code);
            }
            Says::Room { to, word, .. } => {
                if let Some(to) = to {
                    w.key("to").string(&to.text());
                }
                w.key("body").raw(word);
            }
            Says::Answer { to, id, body, .. } => {
                w.key("to").string(&to.text());
                w.key("id").number(id.0);
                w.key("body").raw(body);
            }
        }
    }
}

fn write_until(w: &mut Writer, until: Until) {
    w.key("until").number(until.at.0);
    w.key("span").number(until.span.0);
}

fn write_wants(w: &mut Writer, wants: &[Want]) {
    w.key("channels").object(|w| {
        for (name, position) in wants {
            w.key(name);
            write_maybe_position(w, position.as_ref());
        }
    });
}

fn write_place(w: &mut Writer, channel: &str, position: Option<&Position>) {
    w.key("ch").string(channel);
    w.key("pos");
    write_maybe_position(w, position);
}

fn write_maybe_position(w: &mut Writer, position: Option<&Position>) {
    match position {
        Some(position) => position.write(w),
        None => w.null(),
    }
}

fn write_events(w: &mut Writer, events: &[Cow<'_, str>]) {
    w.key("events").array(|w| {
        for event in events {
            w.raw(event);
        }
    });
}

/// An event as it is written between tabs.
pub fn event_text(event: &Event<'_>) -> Rc<str> {
    let mut writer = Writer::new();
    writer.object(|w| {
        w.key("ch").string(&event.channel);
        w.key("name").string(&event.name);
        if let Some(seq) = event.seq {
            w.key("s").number(seq.0);
        }
        if let Some(by) = &event.by {
            w.key("by").string(by);
        }
        if let Some(at) = event.at {
            w.key("at").number(at);
        }
        #[cfg(feature = "phoenix")]
        if let Some(id) = &event.id {
            w.key("id").string(id);
        }
        w.key("data").raw(&event.data);
    });
    writer.finish().into()
}

/// Reads what [`event_text`] wrote.
pub fn read_event(text: &str) -> Option<Event<'_>> {
    let mut channel = None;
    let mut name = None;
    let mut event = Event {
        channel: Cow::Borrowed(""),
        seq: None,
        name: Cow::Borrowed(""),
        data: Cow::Borrowed("null"),
        by: None,
        at: None,
        #[cfg(feature = "phoenix")]
        id: None,
    };
    json::members(text, |key, value| {
        let text = || value.string().map(Text::decode);
        match key.decode().as_ref() {
            "ch" => channel = text(),
            "name" => name = text(),
            "data" => event.data = Cow::Borrowed(value.text()),
            "s" => event.seq = value.integer().map(Seq),
            "by" => event.by = text(),
            "at" => event.at = value.integer(),
            #[cfg(feature = "phoenix")]
            "id" => event.id = text(),
            _ => {}
        }
    })
    .ok()?;
    event.channel = channel?;
    event.name = name?;
    Some(event)
}

#[cfg(test)]
mod tests;
