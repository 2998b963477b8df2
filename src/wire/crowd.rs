//! Who is on a channel, as a server keeps it that says it itself: Phoenix and Centrifugo.
//!
//! It tells everybody once, with what each connection shows and a reference of that; and then who came and left, by
//! these references. What came and left may be told before the whole is. The engine is told of browsers under names,
//! with a number that grows.
//!
//! What our own page shows of a browser says of which tabs it is, and who sits there. What any other client shows is
//! one tab each.

use std::borrow::Cow;

use super::Heard;
use super::json::{self, Raw, Text, Writer};
use super::native_room::Said;
use crate::engine::limits::{PRESENCE_CLIENTS_MAX, PRESENCE_DATA_BYTES_MAX, PRESENCE_EARLY_MAX};
use crate::engine::map::Map;

/// Who is on a channel.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    /// Everybody was told.
    known: bool,
    /// What was told before that, in the words of the server.
    early: Vec<(Kind, Box<str>)>,
    /// By their references.
    shown: Map<Box<str>, Shown>,
    /// Counts what was told.
    number: u64,
}

/// What a message tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Phoenix: everybody, by keys.
    State,
    /// Phoenix: who came and left, by keys.
    Diff,
    /// Centrifugo: everybody, by their connections.
    Everybody,
    /// Centrifugo: one that came.
    Came,
    /// Centrifugo: one that left.
    Left,
}

/// What one connection shows.
#[derive(Debug)]
struct Shown {
    /// Under which name the engine knows it.
    name: Box<str>,
    user: Option<Box<str>>,
    /// Its tabs, or what it shows of the only one.
    data: Box<str>,
    /// It is a page like this one.
    ours: bool,
    /// When the server told of it, and when the engine was told of its name.
    heard: u64,
    told: u64,
}

/// Whom news are about.
#[derive(Debug)]
pub(super) enum Change {
    /// Everybody is told anew.
    Everybody,
    /// Nobody: that those who are there still are.
    Nobody,
    /// These, by their names.
    Some(Vec<Box<str>>),
}

/// What the server of Phoenix shows of a connection beside what it was told.
const REFERENCES: [&str; 2] = ["phx_ref", "phx_ref_prev"];

impl Crowd {
    /// Was everybody told?
    pub(super) fn is_known(&self) -> bool {
        self.known
    }

    /// The server says who is there, or who came and left. Gives whom that is about; nobody if it is not to be told
    /// yet, or no news.
    pub(super) fn hear(&mut self, kind: Kind, payload: Raw<'_>) -> Option<Change> {
        if matches!(kind, Kind::State | Kind::Everybody) {
            self.known = true;
            self.shown.clear();
            self.apply(kind, payload);
            for (kind, early) in std::mem::take(&mut self.early) {
                if let Ok(payload) = json::parse(&early) {
                    self.apply(kind, payload);
                }
            }
            return Some(Change::Everybody);
        }
        if self.known {
            let names = self.apply(kind, payload);
            return (!names.is_empty()).then_some(Change::Some(names));
        }
        if self.early.len() < PRESENCE_EARLY_MAX {
            self.early.push((kind, payload.text().into()));
        }
        None
    }

    fn apply(&mut self, kind: Kind, payload: Raw<'_>) -> Vec<Box<str>> {
        let mut names = Vec::new();
        self.number += 1;
        let number = self.number;
        let mut join = |reference: &str, shown: Shown| {
            if self.shown.len() < PRESENCE_CLIENTS_MAX && !self.shown.contains(reference) {
                names.push(shown.name.clone());
                self.shown.insert(reference.into(), shown);
            }
        };
        match kind {
            Kind::State => each(payload, &mut |key, reference, meta| {
                join(reference, Shown::of_key(key, meta, number));
            }),
            Kind::Diff => {
                if let Some(joins) = payload.member("joins") {
                    each(joins, &mut |key, reference, meta| {
                        join(reference, Shown::of_key(key, meta, number));
                    });
                }
            }
            Kind::Everybody => payload.members(|client, info| {
                let client = client.decode();
                join(&client, Shown::of_client(&client, info, number));
            }),
            Kind::Came => {
                if let Some(client) = word(payload, "client") {
                    join(&client, Shown::of_client(&client, payload, number));
                }
            }
            Kind::Left => {}
        }
        let mut leave = |reference: &str| {
            if let Some(gone) = self.shown.remove(reference) {
                names.push(gone.name);
            }
        };
        match kind {
            Kind::Diff => {
                if let Some(leaves) = payload.member("leaves") {
                    each(leaves, &mut |_, reference, _| leave(reference));
                }
            }
            Kind::Left => {
                if let Some(client) = word(payload, "client") {
                    leave(&client);
                }
            }
            Kind::State | Kind::Everybody | Kind::Came => {}
        }
        // What is left of a name is news as well.
        for shown in self.shown.values_mut() {
            if names.contains(&shown.name) {
                shown.told = number;
            }
        }
        names
    }

    /// What the engine is told of a change; nothing while nobody knows who is there.
    pub(super) fn say(
        &self,
        channel: &str,
        you: Option<&str>,
        change: &Change,
    ) -> Option<Heard<'static>> {
        if !self.known {
            return None;
        }
        let mut names: Vec<&str> = match change {
            Change::Some(names) => names.iter().map(|name| &**name).collect(),
            Change::Everybody | Change::Nobody => {
                self.shown.values().map(|shown| &*shown.name).collect()
            }
        };
        names.sort_unstable();
        names.dedup();
        let (mut join, mut leave) = (Writer::new(), Writer::new());
        join.object(|join| {
            leave.object(|leave| {
                for name in names {
                    let of = |(_, shown): &(&str, &Shown)| &*shown.name == name;
                    let all = self.shown.iter().map(|(key, shown)| (&**key, shown));
                    let all: Vec<_> = all.filter(of).collect();
                    if all.is_empty() {
                        leave.key(name).number(self.number);
                    } else {
                        join.key(name);
                        write(join, &all);
                    }
                }
            });
        });
        Some(Heard::Room(Said::People {
            channel: Cow::Owned(channel.to_owned()),
            full: matches!(change, Change::Everybody),
            you: you.map(|you| Cow::Owned(you.to_owned())),
            join: Cow::Owned(join.finish()),
            leave: Cow::Owned(leave.finish()),
        }))
    }
}

impl Shown {
    /// Of Phoenix: whoever has the key is the person, unless a page like this one says who it is.
    fn of_key(key: &str, meta: Raw<'_>, number: u64) -> Shown {
        let tabs = meta.member("tabs").filter(|tabs| tabs.is_object());
        match (tabs, word(meta, "client")) {
            (Some(tabs), Some(client)) => {
                Shown::new(&client, word(meta, "user").as_deref(), tabs, true, number)
            }
            _ => Shown::new(key, Some(key), meta, false, number),
        }
    }

    /// Of Centrifugo: the server says who it is.
    fn of_client(client: &str, info: Raw<'_>, number: u64) -> Shown {
        let user = word(info, "user").filter(|user| !user.is_empty());
        let of = |member| info.member(member).filter(|info| info.is_object());
        let shown = of("conn_info").or(of("chan_info")).unwrap_or(Raw::NULL);
        Shown::new(client, user.as_deref(), shown, false, number)
    }

    fn new(name: &str, user: Option<&str>, data: Raw<'_>, ours: bool, number: u64) -> Shown {
        // What is larger is not shown.
        let data = Some(data.text()).filter(|text| text.len() <= PRESENCE_DATA_BYTES_MAX / 2);
        Shown {
            name: name.into(),
            user: user.map(Into::into),
            data: data.unwrap_or("{}").into(),
            ours,
            heard: number,
            told: number,
        }
    }
}

fn word<'a>(raw: Raw<'a>, member: &str) -> Option<Cow<'a, str>> {
    raw.member(member).and_then(Raw::string).map(Text::decode)
}

/// Writes what the connections of a name show. A page that came back may be there twice for a while.
fn write(w: &mut Writer, all: &[(&str, &Shown)]) {
    let shown = all.iter().map(|(_, shown)| shown);
    let Some(last) = shown.max_by_key(|shown| (shown.ours, shown.heard)) else {
        return;
    };
    w.object(|w| {
        let number = all.iter().map(|(_, shown)| shown.told).max();
        w.key("ref").number(number.unwrap_or(0));
        if let Some(user) = &last.user {
            w.key("user").string(user);
        }
        w.key("data").object(|w| {
            w.key("tabs");
            if last.ours {
                w.raw(&last.data);
                return;
            }
            w.object(|w| {
                for (reference, shown) in all {
                    w.key(reference).object(|w| {
                        w.key("active").bool(true);
                        w.key("meta").object(|w| write_meta(w, &shown.data));
                    });
                }
            });
        });
    });
}

fn write_meta(w: &mut Writer, data: &str) {
    let _ = json::members(data, |key, value| {
        if !REFERENCES.iter().any(|reference| key.is(reference)) {
            w.key(&key.decode()).raw(value.text());
        }
    });
}

/// Each thing that Phoenix shows, with its key and its reference.
fn each(keys: Raw<'_>, what: &mut dyn FnMut(&str, &str, Raw<'_>)) {
    keys.members(|key, value| {
        if let Some(metas) = value.member("metas") {
            let key = key.decode();
            metas.elements(|meta| {
                if let Some(reference) = word(meta, REFERENCES[0]) {
                    what(&key, &reference, meta);
                }
            });
        }
    });
}
