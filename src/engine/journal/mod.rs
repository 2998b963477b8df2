//! What was decided, and why: a bounded ring of small entries.
//!
//! An entry is a few words: what happened, to which key, event or channel. Payloads, tokens,
//! addresses and what people typed are not in it, so that it can be shown and sent to somebody
//! who helps. It decides nothing; who wants to know why a query is fresh or stale reads the
//! entries that concern it, in their order. The same entries, as text, are the diagnostics: one
//! vocabulary for both, and a part that is switched off costs one comparison.

mod entry;

pub use entry::{Entry, Part, Parts, Seen, What};

use std::collections::VecDeque;
use std::rc::Rc;

use super::fnv;
use super::key::QueryKey;
use super::limits::{JOURNAL_KEYS_MAX, JOURNAL_MAX, JOURNAL_NAME_BYTES_MAX, JOURNAL_NAMES_MAX};
use super::time::Wall;
use crate::engine::list::List;
use crate::wire::json::Writer;

/// The last decisions.
#[derive(Debug, Default)]
pub struct Journal {
    entries: VecDeque<Entry>,
    /// Names that entries share, sorted by a number made of each: names of one app begin alike, and comparing them took a tenth of the
    /// time of an event.
    names: Vec<(u64, Rc<str>)>,
    /// Entries that had to leave.
    dropped: u64,
    /// The parts whose entries are told as text, too.
    logged: Parts,
    said: Vec<(Part, String)>,
    now: Wall,
    link: Option<(&'static str, u32)>,
    role: &'static str,
}

impl Journal {
    /// What follows is noted with this time.
    pub fn at(&mut self, now: Wall) {
        self.now = now;
    }

    /// Something was decided.
    ///
    /// What happens again and again is one entry with a count, so that a burst of events does
    /// not push out what led to it.
    pub fn note(&mut self, what: What) {
        self.say(&what);
        match self.entries.back_mut() {
            Some(last) if last.what == what => last.again(self.now),
            _ => {
                if self.entries.len() >= JOURNAL_MAX {
                    self.entries.pop_front();
                    self.dropped += 1;
                }
                self.entries.push_back(Entry::new(self.now, what));
            }
        }
    }

    /// An event came. The hot path: nothing is allocated for names that are known.
    pub fn event(&mut self, seen: Seen, event: &str, channel: &str) {
        if let Some(last) = self.entries.back_mut()
            && !self.logged.has(Part::Channels)
            && last.what.is_event(seen, event, channel)
        {
            last.again(self.now);
            return;
        }
        let event = self.name(event);
        let channel = self.name(channel);
        self.note(What::Event {
            seen,
            event,
            channel,
        });
    }

    /// This is how the link stands. Noted when it is new.
    pub fn link(&mut self, status: &'static str, attempt: u32) {
        if self.link != Some((status, attempt)) {
            self.link = Some((status, attempt));
            self.note(What::Link { status, attempt });
        }
    }

    /// This is the part that this tab plays. Noted when it is new.
    pub fn role(&mut self, role: &'static str) {
        if self.role != role {
            self.role = role;
            self.note(What::Role(role));
        }
    }

    /// The app was told that families are stale.
    pub fn told(&mut self, keys: &[QueryKey], why: &'static str, by: Option<&str>) {
        let (some, others) = keys.split_at(keys.len().min(JOURNAL_KEYS_MAX));
        let by = by.map(|name| self.name(name));
        self.note(What::Told {
            keys: some.into(),
            others: u32::try_from(others.len()).unwrap_or(u32::MAX),
            why,
            by,
        });
    }

    fn say(&mut self, what: &What) {
        let part = what.part();
        if self.logged.has(part) {
            self.said.push((part, what.text()));
        }
    }

    /// The texts of the parts that are logged, since the last time.
    pub fn take_said(&mut self) -> Vec<(Part, String)> {
        std::mem::take(&mut self.said)
    }

    /// A name to be used in entries: cut to what an entry may hold, and shared.
    pub fn name(&mut self, name: &str) -> Rc<str> {
        let name = cut(name);
        let number = fnv::number(name.bytes());
        let found = self
            .names
            .binary_search_by(|(have, text)| have.cmp(&number).then_with(|| (**text).cmp(name)));
        match found {
            Ok(at) => {
                let known = self.names.get(at);
                known.map_or_else(|| name.into(), |(_, text)| Rc::clone(text))
            }
            Err(at) => {
                let shared: Rc<str> = name.into();
                let entry = (number, Rc::clone(&shared));
                if self.names.len() >= JOURNAL_NAMES_MAX {
                    // Names whose entries have left make room.
                    self.names.retain(|(_, have)| Rc::strong_count(have) > 1);
                    let at = self.names.binary_search(&entry).unwrap_or_else(|at| at);
                    if self.names.len() < JOURNAL_NAMES_MAX {
                        self.names.insert(at, entry);
                    }
                } else {
                    self.names.insert(at, entry);
                }
                shared
            }
        }
    }

    /// Tells the entries of these parts as text from now on, and of no others.
    pub fn log(&mut self, parts: Parts) {
        self.logged = parts;
    }

    /// Somebody else's data begins: what was noted is not for them (G9).
    pub fn forget_user(&mut self) {
        *self = Journal {
            logged: self.logged,
            now: self.now,
            ..Journal::default()
        };
    }

    /// Writes all entries, the oldest first.
    pub fn write(&self, w: &mut Writer) {
        w.object(|w| {
            w.key("dropped").number(self.dropped);
            w.key("entries")
                .array(|w| self.entries.iter().for_each(|entry| entry.write(w)));
        });
    }

    /// Writes the entries that say how a key, or a family, came to be as it is, in their order:
    /// what was told and fetched of it, the events that led to that, and how the link stood.
    pub fn write_chain(&self, key: &QueryKey, w: &mut Writer) {
        let told: Vec<&What> = self
            .entries
            .iter()
            .map(|entry| &entry.what)
            .filter(|what| what.names_key(key))
            .list();
        w.array(|w| {
            for entry in &self.entries {
                let concerns = match &entry.what {
                    What::Event { .. } => told.iter().any(|told| told.is_caused_by(&entry.what)),
                    what => what.concerns(key),
                };
                if concerns {
                    entry.write(w);
                }
            }
        });
    }
}

fn cut(name: &str) -> &str {
    let mut end = name.len().min(JOURNAL_NAME_BYTES_MAX);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.get(..end).unwrap_or("")
}

#[cfg(test)]
mod tests;
