//! What became of a mutation, noted down by the tab that leads.
//!
//! It stands in a record of its own, with the mutation in it, because the accepted record belongs
//! to another tab. Where both are found, the word is newer: it is written before the accepted
//! record is removed, and a removed record may be read again.

use std::rc::Rc;

use super::mutation::{Mutation, MutationId};
use super::outcome::Failure;
use super::record;
use super::told::How;
use crate::engine::limits::ATTEMPTS_MAX;
use crate::engine::time::Wall;
use crate::wire::json::{self, Raw, Text, Writer};

/// One record: a mutation and the word on it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Entry {
    /// Accepted, and nothing more is known.
    Accepted(Rc<Mutation>),
    /// To be run again: a conflict was settled, or the user wants it.
    Again(Rc<Mutation>, Again),
    /// Waits for the user.
    Letter(Rc<Mutation>, Letter),
    /// Given up for good. The note stays a while, for the accepted record may be read again.
    Gone(MutationId, How, Wall),
}

/// What a run has to know of those before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Again {
    /// How many keys were used up: those under which it is known to have had no effect.
    pub renewed: u32,
    /// How many conflicts were settled on the way.
    pub rounds: u32,
    /// What the other side has, as JSON text, if this run is to replace it.
    pub theirs: Option<Rc<str>>,
}

/// A mutation that waits for the user.
#[derive(Clone, Debug, PartialEq)]
pub struct Letter {
    /// Why it was not done.
    pub why: Why,
    /// The HTTP status, if there was one.
    pub status: Option<u64>,
    /// What the server answered, as JSON text; in a conflict what the other side has.
    pub body: Rc<str>,
    /// The names of the fields that both sides changed, as a JSON array; in a conflict.
    pub fields: Option<Rc<str>>,
    /// How often it was run.
    pub attempts: u32,
    /// Whether its lane waits for the user too.
    pub stops: bool,
    /// When it came here.
    pub at: Wall,
    /// What the runs before have left.
    pub again: Again,
}

/// Why a mutation was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The server will never do it.
    Rejected,
    /// It was tried as often as it may be.
    Exhausted,
    /// Somebody else changed it meanwhile, and the user decides.
    Conflict,
}

const WHYS: [(Why, &str); 3] = [
    (Why::Rejected, "rejected"),
    (Why::Exhausted, "exhausted"),
    (Why::Conflict, "conflict"),
];

impl Why {
    /// As the app reads it.
    pub fn text(self) -> &'static str {
        WHYS.iter()
            .find(|(why, _)| *why == self)
            .map_or("rejected", |(_, text)| text)
    }

    /// Reads what [`Why::text`] wrote.
    pub fn parse(text: &str) -> Option<Why> {
        WHYS.iter()
            .find(|(_, have)| *have == text)
            .map(|(why, _)| *why)
    }

    /// Is it known that the last run had no effect? Then the key is used up, and the next run
    /// needs a new one, because a server repeats its answer to an old one.
    pub fn had_no_effect(self) -> bool {
        match self {
            Why::Rejected | Why::Conflict => true,
            Why::Exhausted => false,
        }
    }
}

impl Letter {
    /// A letter about a failure.
    pub fn new(why: Why, failure: &Failure, attempts: u32, again: Again, at: Wall) -> Letter {
        Letter {
            why,
            status: failure.status,
            body: Rc::clone(&failure.body),
            fields: None,
            attempts,
            stops: false,
            at,
            again,
        }
    }

    /// What a run after this letter has to know.
    pub fn again(&self) -> Again {
        let mut again = self.again.clone();
        again.renewed += u32::from(self.why.had_no_effect());
        again
    }

    /// Writes the members of the letter into an object that is open.
    pub fn write_members(&self, w: &mut Writer) {
        w.key("why").string(self.why.text());
        if let Some(status) = self.status {
            w.key("status").number(status);
        }
        w.key("body").raw(&self.body);
        if let Some(fields) = &self.fields {
            w.key("fields").raw(fields);
        }
        w.key("attempts").number(self.attempts.into());
        if self.stops {
            w.key("stops").bool(true);
        }
        w.key("since").number(self.at.0);
        self.again.write_members(w);
    }

    /// Reads what [`Letter::write_members`] wrote.
    pub fn read(raw: Raw<'_>) -> Option<Letter> {
        Some(Letter {
            why: Why::parse(&raw.member("why")?.string()?.decode())?,
            status: raw.member("status").and_then(Raw::integer),
            body: raw.member("body")?.text().into(),
            fields: raw.member("fields").map(|fields| fields.text().into()),
            attempts: small(raw.member("attempts"))?,
            stops: raw.member("stops").and_then(Raw::bool).unwrap_or(false),
            at: Wall(raw.member("since")?.integer()?),
            again: Again::read(raw)?,
        })
    }
}

impl Again {
    fn write_members(&self, w: &mut Writer) {
        w.key("renewed").number(self.renewed.into());
        w.key("rounds").number(self.rounds.into());
        if let Some(theirs) = &self.theirs {
            w.key("theirs").raw(theirs);
        }
    }

    fn read(raw: Raw<'_>) -> Option<Again> {
        Some(Again {
            renewed: small(raw.member("renewed"))?,
            rounds: small(raw.member("rounds"))?,
            theirs: raw.member("theirs").map(|theirs| theirs.text().into()),
        })
    }
}

/// A count that was not made up: whoever counts on from it must not overflow.
pub(super) fn small(raw: Option<Raw<'_>>) -> Option<u32> {
    let number = u32::try_from(raw?.integer()?).ok()?;
    (number <= ATTEMPTS_MAX).then_some(number)
}

impl Entry {
    /// Which mutation it is about.
    pub(super) fn id(&self) -> MutationId {
        match self {
            Entry::Accepted(mutation) | Entry::Again(mutation, _) | Entry::Letter(mutation, _) => {
                mutation.id
            }
            Entry::Gone(id, ..) => *id,
        }
    }

    /// Where it is stored.
    pub(super) fn slot(&self) -> record::Slot {
        match self {
            Entry::Accepted(mutation) => record::Slot::Accepted(mutation.id),
            Entry::Again(..) | Entry::Letter(..) | Entry::Gone(..) => record::Slot::Word(self.id()),
        }
    }

    /// The entry as JSON.
    pub(super) fn write(&self, w: &mut Writer) {
        w.object(|w| match self {
            Entry::Accepted(mutation) => mutation.write_members(w),
            Entry::Again(mutation, again) => {
                mutation.write_members(w);
                w.key("is").string("again");
                again.write_members(w);
            }
            Entry::Letter(mutation, letter) => {
                mutation.write_members(w);
                w.key("is").string("letter");
                letter.write_members(w);
            }
            Entry::Gone(id, how, at) => {
                w.key("id").string(&id.text());
                w.key("is").string("gone");
                w.key("how").string(how.text());
                w.key("since").number(at.0);
            }
        });
    }

    /// Reads what [`Entry::write`] wrote.
    pub(super) fn read(raw: Raw<'_>) -> Option<Entry> {
        let is = raw.member("is").and_then(Raw::string).map(Text::decode);
        if is.as_deref() == Some("gone") {
            let at = Wall(raw.member("since")?.integer()?);
            let how = raw.member("how").and_then(Raw::string).map(Text::decode)?;
            let id = MutationId::read(raw.member("id")?)?;
            return Some(Entry::Gone(id, How::parse(&how)?, at));
        }
        let mutation = Rc::new(Mutation::read(raw)?);
        match is.as_deref() {
            None => Some(Entry::Accepted(mutation)),
            Some("again") => Some(Entry::Again(mutation, Again::read(raw)?)),
            Some("letter") => Some(Entry::Letter(mutation, Letter::read(raw)?)),
            Some(_) => None,
        }
    }

    /// The text of the entry's record.
    pub(super) fn record(&self) -> String {
        let mut w = Writer::new();
        self.write(&mut w);
        record::frame(&w.finish())
    }

    /// Reads what [`Entry::record`] wrote, and checks that it stands where it belongs.
    pub(super) fn from_record(slot: record::Slot, text: &str) -> Result<Entry, record::Damage> {
        let inner = record::unframe(text)?;
        json::parse(inner)
            .ok()
            .and_then(Entry::read)
            .filter(|entry| entry.slot() == slot)
            .ok_or(record::Damage::Damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::queue::tests::{letters, mutations};
    use proptest::prelude::*;

    fn entries() -> impl Strategy<Value = Entry> {
        (mutations(), letters(), 0u8..4).prop_map(|(mutation, letter, which)| {
            let mutation = Rc::new(mutation);
            match which {
                0 => Entry::Accepted(mutation),
                1 => Entry::Again(mutation, letter.again),
                2 => Entry::Letter(mutation, letter),
                _ => Entry::Gone(mutation.id, How::Server, letter.at),
            }
        })
    }

    proptest! {
        #[test]
        fn entries_survive_the_round_trip(entry in entries()) {
            prop_assert_eq!(Entry::from_record(entry.slot(), &entry.record()), Ok(entry));
        }

        #[test]
        fn an_entry_in_anothers_place_is_damaged(entry in entries(), other in entries()) {
            prop_assume!(entry.slot() != other.slot());
            let read = Entry::from_record(other.slot(), &entry.record());
            prop_assert_eq!(read, Err(record::Damage::Damaged));
        }

        #[test]
        fn no_damage_makes_the_reader_panic(entry in entries(), at: prop::sample::Index, byte in 32u8..127) {
            let mut w = Writer::new();
            entry.write(&mut w);
            let mut bytes = w.finish().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let _ = Entry::from_record(entry.slot(), &record::frame(&text));
        }
    }
}
