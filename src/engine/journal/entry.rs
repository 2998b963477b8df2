//! The entries of the journal, and the parts that they come from.

use std::rc::Rc;

use crate::engine::ids::number_text;
use crate::engine::key::QueryKey;
use crate::engine::time::Wall;
use crate::wire::json::{Raw, Text, Writer};

/// A decision, when it was made, and how often in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    at: Wall,
    last: Wall,
    count: u32,
    pub(super) what: What,
}

/// What was decided. Names come from [`Journal::name`](super::Journal::name).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The link's state changed.
    Link {
        /// The new state.
        status: &'static str,
        /// Dials in a row that failed.
        attempt: u32,
    },
    /// This tab plays another part.
    Role(&'static str),
    /// An event came.
    Event {
        /// What it was.
        seen: Seen,
        /// Its name.
        event: Rc<str>,
        /// Its channel.
        channel: Rc<str>,
    },
    /// Something may have been missed on a channel: everything that it reaches is stale.
    Gap {
        /// The channel.
        channel: Rc<str>,
    },
    /// The app was told that families are stale.
    Told {
        /// Some of them.
        keys: Box<[QueryKey]>,
        /// How many there were besides.
        others: u32,
        /// Which layer said so: `event`, `gap`, `app`, or a contract's word.
        why: &'static str,
        /// The event's or the channel's name.
        by: Option<Rc<str>>,
    },
    /// Something happened to a fetch of a query.
    Fetch {
        /// The query.
        key: QueryKey,
        /// `started`, `done`, `failed`, or what became of it.
        what: &'static str,
    },
    /// Something happened to a mutation.
    Queue {
        /// What became of it.
        what: &'static str,
        /// Of which kind, or in which lane.
        name: Rc<str>,
    },
    /// Something happened in the room.
    Room {
        /// What.
        what: &'static str,
        /// Where.
        name: Rc<str>,
    },
    /// Something that should not have happened was survived.
    Fault(&'static str),
}

/// What an event was, after a look at its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// New: used.
    New,
    /// Seen before: dropped.
    Duplicate,
    /// Others were missed before it: asked for again.
    Ahead,
}

/// The parts of the engine, as they are named to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The connection.
    Link,
    /// Who leads.
    Tabs,
    /// Events and gaps.
    Channels,
    /// What was declared stale.
    Invalidation,
    /// Fetches, and how fresh they keep.
    Freshness,
    /// Mutations.
    Queue,
    /// Presence, typing, locks.
    Room,
    /// What should not have happened.
    Faults,
}

const PARTS: [(Part, &str); 8] = [
    (Part::Link, "link"),
    (Part::Tabs, "tabs"),
    (Part::Channels, "channels"),
    (Part::Invalidation, "invalidation"),
    (Part::Freshness, "freshness"),
    (Part::Queue, "queue"),
    (Part::Room, "room"),
    (Part::Faults, "faults"),
];

/// A set of parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts(u8);

impl Part {
    /// As people and the app write it.
    pub fn text(self) -> &'static str {
        let found = PARTS.iter().find(|(part, _)| *part == self);
        found.map_or("", |(_, text)| text)
    }

    fn bit(self) -> u8 {
        1 << (self as u8)
    }
}

impl Parts {
    /// Is the part in the set?
    pub fn has(self, part: Part) -> bool {
        self.0 & part.bit() != 0
    }

    /// Reads a list of parts, in which `"all"` is every one; nothing if one is not known.
    pub fn read(raw: Raw<'_>) -> Option<Parts> {
        let mut parts = Parts::default();
        let mut good = raw.is_array();
        raw.elements(|element| {
            let name = element.string().map(Text::decode).unwrap_or_default();
            match PARTS.iter().find(|(_, text)| *text == name) {
                Some((part, _)) => parts.0 |= part.bit(),
                None if name == "all" => parts.0 = u8::MAX,
                None => good = false,
            }
        });
        good.then_some(parts)
    }
}

impl What {
    /// The part that decided it.
    pub fn part(&self) -> Part {
        match self {
            What::Link { .. } => Part::Link,
            What::Role(_) => Part::Tabs,
            What::Event { .. } | What::Gap { .. } => Part::Channels,
            What::Told { .. } => Part::Invalidation,
            What::Fetch { .. } => Part::Freshness,
            What::Queue { .. } => Part::Queue,
            What::Room { .. } => Part::Room,
            What::Fault(_) => Part::Faults,
        }
    }

    pub(super) fn is_event(&self, seen: Seen, event: &str, channel: &str) -> bool {
        matches!(self, What::Event { seen: s, event: e, channel: c }
            if *s == seen && e.as_ref() == event && c.as_ref() == channel)
    }

    /// Does it name a key of this family, or a family that the key lies in?
    pub(super) fn names_key(&self, key: &QueryKey) -> bool {
        match self {
            What::Told { keys, others, .. } => {
                *others > 0 || keys.iter().any(|have| related(have, key))
            }
            What::Fetch { key: have, .. } => related(have, key),
            What::Link { .. }
            | What::Role(_)
            | What::Event { .. }
            | What::Gap { .. }
            | What::Queue { .. }
            | What::Room { .. }
            | What::Fault(_) => false,
        }
    }

    /// Has it a part in how fresh a key is? Events are judged by what they led to.
    pub(super) fn concerns(&self, key: &QueryKey) -> bool {
        match self {
            What::Link { .. } | What::Role(_) | What::Gap { .. } => true,
            What::Told { .. } | What::Fetch { .. } => self.names_key(key),
            What::Event { .. } | What::Queue { .. } | What::Room { .. } | What::Fault(_) => false,
        }
    }

    /// Was it told because of that event?
    pub(super) fn is_caused_by(&self, event: &What) -> bool {
        match (self, event) {
            (What::Told { by: Some(by), .. }, What::Event { event, .. }) => by == event,
            _ => false,
        }
    }

    /// The entry for people to read.
    pub fn text(&self) -> String {
        let mut out = String::new();
        self.fields(&mut |name, value| {
            if name != "what" {
                out.push(' ');
                out.push_str(name);
                out.push('=');
            }
            out.push_str(value);
        });
        out
    }

    /// Name and value of all that is to be said; the first is called `what`.
    fn fields(&self, each: &mut dyn FnMut(&'static str, &str)) {
        match self {
            What::Link { status, attempt } => {
                each("what", status);
                if *attempt > 0 {
                    each("attempt", &number_text((*attempt).into()));
                }
            }
            What::Role(role) => each("what", role),
            What::Event {
                seen,
                event,
                channel,
            } => {
                each("what", seen.text());
                each("event", event);
                each("channel", channel);
            }
            What::Gap { channel } => {
                each("what", "gap");
                each("channel", channel);
            }
            What::Told {
                keys,
                others,
                why,
                by,
            } => {
                each("what", "told");
                each("why", why);
                if let Some(by) = by {
                    each("by", by);
                }
                for key in keys {
                    each("key", key.text());
                }
                if *others > 0 {
                    each("others", &number_text((*others).into()));
                }
            }
            What::Fetch { key, what } => {
                each("what", what);
                each("key", key.text());
            }
            What::Queue { what, name } | What::Room { what, name } => {
                each("what", what);
                each("name", name);
            }
            What::Fault(code) => each("what", code),
        }
    }
}

impl Seen {
    fn text(self) -> &'static str {
        match self {
            Seen::New => "event",
            Seen::Duplicate => "duplicate",
            Seen::Ahead => "ahead",
        }
    }
}

impl Entry {
    pub(super) fn new(at: Wall, what: What) -> Self {
        Entry {
            at,
            last: at,
            count: 1,
            what,
        }
    }

    pub(super) fn again(&mut self, at: Wall) {
        self.last = at;
        self.count = self.count.saturating_add(1);
    }

    pub(super) fn write(&self, w: &mut Writer) {
        w.object(|w| {
            w.key("at").number(self.at.0);
            if self.count > 1 {
                w.key("count").number(self.count.into());
                w.key("last").number(self.last.0);
            }
            w.key("part").string(self.what.part().text());
            let mut keys: Vec<&QueryKey> = Vec::new();
            match &self.what {
                What::Told { keys: told, .. } => keys.extend(told.iter()),
                What::Fetch { key, .. } => keys.push(key),
                What::Link { .. }
                | What::Role(_)
                | What::Event { .. }
                | What::Gap { .. }
                | What::Queue { .. }
                | What::Room { .. }
                | What::Fault(_) => {}
            }
            self.what.fields(&mut |name, value| {
                if name != "key" {
                    w.key(name).string(value);
                }
            });
            if !keys.is_empty() {
                w.key("keys")
                    .array(|w| keys.iter().for_each(|key| w.raw(key.text())));
            }
        });
    }
}

/// Does one of the two keys lie in the family of the other?
fn related(a: &QueryKey, b: &QueryKey) -> bool {
    a.in_family(b) || b.in_family(a)
}
