//! What is stored and said of the queue, for fuzzing.

use super::record::{self, Damage, Slot};
use super::talk::Talk;
use super::word::Entry;
use crate::engine::ids::TabId;
use crate::wire::json;

const SCOPE: &str = "everfresh:1:00000000000000ab";

/// A key and a record, on a line each. The record stands there bare too, because nobody guesses a
/// checksum.
pub(crate) fn record(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (key, text) = text.split_once('\n').unwrap_or(("", text));
    let slot = Slot::parse(SCOPE, key);
    if let Some(slot) = slot {
        let key = slot.key(SCOPE);
        assert_eq!(Slot::parse(SCOPE, &key), Some(slot));
    }
    if let Ok(inner) = record::unframe(text) {
        assert_eq!(record::unframe(&record::frame(inner)), Ok(inner));
    }
    assert_eq!(record::unframe(&record::frame(text)), Ok(text));
    if let Ok(raw) = json::parse(text)
        && let Some(entry) = Entry::read(raw)
    {
        let written = entry.record();
        let slot = slot.filter(|slot| *slot != entry.slot());
        if let Some(elsewhere) = slot {
            let read = Entry::from_record(elsewhere, &written);
            assert_eq!(read, Err(Damage::Damaged));
        }
        assert_eq!(Entry::from_record(entry.slot(), &written), Ok(entry));
    }
}

/// What tabs say to each other about mutations.
pub(crate) fn talk(bytes: &[u8]) {
    const FROM: TabId = TabId(7);
    let Some(raw) = std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| json::parse(text).ok())
    else {
        return;
    };
    if let Some(talk) = Talk::read(FROM, raw) {
        let written = talk.write();
        let again = json::parse(&written).map(|raw| Talk::read(FROM, raw));
        assert_eq!(again, Ok(Some(talk)), "{written}");
    }
}

/// A text as a record that shows no damage.
pub(crate) fn framed(text: &str) -> String {
    record::frame(text)
}
