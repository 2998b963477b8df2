//! What stands in the storage: keys, and text that shows when it was damaged.

use super::mutation::MutationId;
use crate::engine::fnv;
use crate::engine::ids::{TabId, number_text};

/// The version of the records. One of a newer release is left alone for that release.
const VERSION: u64 = 1;

/// Space that is freed when there is none left to note down what became of a mutation. All
/// instances of an origin share it: whoever needs it removes it.
pub const RESERVE_KEY: &str = "everfresh:reserve";

/// What a key of ours stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// A mutation, written by the tab that accepted it.
    Accepted(MutationId),
    /// What became of it, written by the tab that leads.
    Word(MutationId),
}

/// Why a record cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    /// A newer release wrote it.
    Newer,
    /// It is not what was written.
    Damaged,
}

impl Slot {
    /// The key in the storage.
    pub(super) fn key(self, scope: &str) -> String {
        let mut key = prefix(scope);
        let id = match self {
            Slot::Accepted(id) => {
                key.push('m');
                id
            }
            Slot::Word(id) => {
                key.push('w');
                id
            }
        };
        key.push_str(&id.text());
        key
    }

    /// Reads a key; nothing if it is not one of a mutation.
    pub(super) fn parse(scope: &str, key: &str) -> Option<Slot> {
        let rest = key.strip_prefix(prefix(scope).as_str())?;
        match rest.as_bytes().first()? {
            b'm' => MutationId::parse(rest.get(1..)?).map(Slot::Accepted),
            b'w' => MutationId::parse(rest.get(1..)?).map(Slot::Word),
            _ => None,
        }
    }
}

/// What all keys of a principal's queue begin with.
pub(super) fn prefix(scope: &str) -> String {
    let mut prefix = scope.to_owned();
    prefix.push_str(":q:");
    prefix
}

/// A key that is there for as long as nobody clears the storage.
pub(super) fn marker_key(scope: &str) -> String {
    let mut key = prefix(scope);
    key.push_str("here");
    key
}

/// Puts version, length and checksum before a text.
pub(super) fn frame(text: &str) -> String {
    let mut out = number_text(VERSION);
    out.push(' ');
    out.push_str(&number_text(text.len() as u64));
    out.push(' ');
    out.push_str(&TabId(checksum(text)).text());
    out.push(' ');
    out.push_str(text);
    out
}

/// The text of a record, if it is what was written.
pub(super) fn unframe(record: &str) -> Result<&str, Damage> {
    let mut parts = record.splitn(4, ' ');
    let mut next = || parts.next().ok_or(Damage::Damaged);
    // The version comes first and alone decides whether the rest can be judged.
    match next()?.parse::<u64>() {
        Ok(VERSION) => {}
        Ok(newer) if newer > VERSION => return Err(Damage::Newer),
        Ok(_) | Err(_) => return Err(Damage::Damaged),
    }
    let length = next()?;
    let sum = next()?;
    let text = next()?;
    if length != number_text(text.len() as u64) || sum != TabId(checksum(text)).text() {
        return Err(Damage::Damaged);
    }
    Ok(text)
}

/// A record whose text is covered by `cover`, and that is as good or as damaged as before. What is no
/// record of ours is covered as it is.
pub fn covered(record: &str, cover: &mut dyn FnMut(&str) -> String) -> String {
    match unframe(record) {
        Ok(text) => frame(&cover(text)),
        Err(Damage::Newer) => {
            let (version, rest) = record.split_once(' ').unwrap_or((record, ""));
            let mut out = version.to_owned();
            if !rest.is_empty() {
                out.push(' ');
                out.push_str(&cover(rest));
            }
            out
        }
        Err(Damage::Damaged) => cover(record),
    }
}

/// Against damage, not against malice.
fn checksum(text: &str) -> u64 {
    fnv::number(text.bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_come_back_and_foreign_ones_are_nothing() {
        let id = MutationId {
            order: 5,
            tab: TabId(7),
        };
        for slot in [Slot::Accepted(id), Slot::Word(id)] {
            assert_eq!(Slot::parse("s", &slot.key("s")), Some(slot));
            assert_eq!(Slot::parse("t", &slot.key("s")), None);
        }
        for key in ["", "s:q:", "s:q:m", "s:q:m00", "s:q:here", "s:q:\u{e9}"] {
            assert_eq!(Slot::parse("s", key), None, "{key}");
        }
        assert_eq!(Slot::parse("s", &marker_key("s")), None);
    }

    #[test]
    fn a_record_of_a_newer_release_is_told_from_a_damaged_one() {
        assert_eq!(unframe("2 whatever it has become"), Err(Damage::Newer));
        for damaged in ["", "1", "1 2", "x 2 0 {}", "0 2 0 {}", "1 2 0 {}"] {
            assert_eq!(unframe(damaged), Err(Damage::Damaged), "{damaged}");
        }
    }

    proptest! {
        #[test]
        fn records_survive_the_round_trip(text in any::<String>()) {
            let record = frame(&text);
            prop_assert_eq!(unframe(&record), Ok(text.as_str()));
        }

        #[test]
        fn damage_is_seen(text in "[ -~]{1,60}", at: prop::sample::Index, byte in 32u8..127) {
            let whole = frame(&text);
            let mut bytes = whole.clone().into_bytes();
            let at = at.index(bytes.len());
            prop_assume!(bytes[at] != byte);
            bytes[at] = byte;
            let damaged = String::from_utf8(bytes).unwrap_or_default();
            prop_assert!(unframe(&damaged).is_err(), "{}", damaged);
            prop_assert!(unframe(whole.get(..at).unwrap_or("")).is_err());
        }

        #[test]
        fn no_record_makes_the_reader_panic(record in any::<String>(), key in any::<String>()) {
            let _ = unframe(&record);
            let _ = Slot::parse("", &key);
        }
    }
}
