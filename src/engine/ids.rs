//! Names and numbers that must not be mixed up.

use super::limits::EPOCH_BYTES_MAX;
use super::text;
use crate::wire::json::{Raw, Text, Writer, push_number};

/// One tab, or one life of it: a page that comes back from the back/forward cache keeps its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TabId(pub u64);

/// One attempt to open a socket. What an older socket still says is recognised by it and dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnId(pub u32);

/// One HTTP request. What comes for one that was given up is recognised by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct HttpId(pub u32);

/// One question to the app for a token. An answer to an older one is recognised by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenId(pub u32);

/// One request for the leader's lock. A grant that comes after the request was given up is
/// recognised by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockTicket(pub u32);

/// A request to the server on one connection. What answers an older request of the same thing is
/// recognised by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// The number of an event in its channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seq(pub u64);

/// A call of a tab to its leader. Numbered by the tab that calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallId(pub u64);

/// Whose data something is about: a hash of the instance's name, the backend and the principal.
/// Names of locks, channels and storage keys carry it, and every message between tabs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope(pub u64);

/// How often the principal changed in this tab. What was begun in an older generation is somebody
/// else's, whatever comes of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(pub u32);

/// The term of a leader. What a leader of an older term still says is void.
///
/// Two tabs can take the lead at the same moment without having heard of each other (one
/// steals the lock of a frozen one), so the tab's id breaks the tie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Term {
    /// Grows with each leader. Starts at the wall clock, so that it grows over restarts too.
    pub number: u64,
    /// The leader.
    pub tab: TabId,
}

/// In which numbering a channel's events are counted. Another epoch, another numbering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch(Box<str>);

/// A place in a channel's stream of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The numbering.
    pub epoch: Epoch,
    /// The last event that was seen.
    pub seq: Seq,
}

impl TabId {
    /// The id as 16 hexadecimal digits, for what leaves the tab.
    pub fn text(self) -> String {
        let mut out = String::with_capacity(16);
        for shift in (0..16).rev() {
            let nibble = (self.0 >> (shift * 4) & 15) as u32;
            out.push(char::from_digit(nibble, 16).unwrap_or('0'));
        }
        out
    }

    /// Reads what [`TabId::text`] wrote.
    pub fn parse(text: &str) -> Option<TabId> {
        let whole = text.len() == 16;
        text::hex(text).filter(|_| whole).map(TabId)
    }
}

impl Scope {
    /// The scope as 16 hexadecimal digits.
    pub fn text(self) -> String {
        TabId(self.0).text()
    }

    /// Reads what [`Scope::text`] wrote.
    pub fn parse(text: &str) -> Option<Scope> {
        TabId::parse(text).map(|id| Scope(id.0))
    }
}

impl Seq {
    /// The number that follows.
    pub fn next(self) -> Seq {
        Seq(self.0.saturating_add(1))
    }
}

impl Epoch {
    /// The epoch's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Epoch {
    fn from(name: &str) -> Self {
        Epoch(name.into())
    }
}

impl Position {
    /// A position from its parts.
    pub fn new(epoch: &str, seq: Seq) -> Self {
        Position {
            epoch: epoch.into(),
            seq,
        }
    }

    /// Writes it as JSON.
    pub fn write(&self, w: &mut Writer) {
        w.object(|w| {
            w.key("e").string(self.epoch.as_str());
            w.key("s").number(self.seq.0);
        });
    }

    /// Reads what [`Position::write`] wrote.
    pub fn read(raw: Raw<'_>) -> Option<Position> {
        let mut epoch = None;
        let mut seq = None;
        raw.members(|key, value| match key {
            key if key.is("e") => epoch = value.string().map(Text::decode),
            key if key.is("s") => seq = value.integer().map(Seq),
            _ => {}
        });
        // It is kept for every channel, so that it may not be of any size.
        let epoch = epoch.filter(|epoch| epoch.len() <= EPOCH_BYTES_MAX)?;
        Some(Position::new(&epoch, seq?))
    }
}

impl Generation {
    /// The generation that follows.
    pub fn next(self) -> Generation {
        Generation(self.0.wrapping_add(1))
    }
}

impl ConnId {
    /// The attempt that follows.
    pub fn next(self) -> ConnId {
        ConnId(self.0.wrapping_add(1))
    }
}

impl RequestId {
    /// The request that follows.
    pub fn next(self) -> RequestId {
        RequestId(self.0.saturating_add(1))
    }
}

impl HttpId {
    /// The request that follows.
    pub fn next(self) -> HttpId {
        HttpId(self.0.wrapping_add(1))
    }
}

impl TokenId {
    /// The question that follows.
    pub fn next(self) -> TokenId {
        TokenId(self.0.wrapping_add(1))
    }
}

impl LockTicket {
    /// The request that follows.
    pub fn next(self) -> LockTicket {
        LockTicket(self.0.wrapping_add(1))
    }
}

/// A number as text, for messages.
pub fn number_text(number: u64) -> String {
    let mut out = String::new();
    push_number(&mut out, number);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_comes_back_unless_its_epoch_is_of_any_size() {
        let read = |epoch: &str| {
            let mut writer = Writer::new();
            let position = Position::new(epoch, Seq(7));
            position.write(&mut writer);
            let text = writer.finish();
            let read = crate::wire::json::parse(&text).map(Position::read);
            read.map(|read| read == Some(position))
        };
        assert_eq!(read("E\""), Ok(true));
        assert_eq!(read(&"e".repeat(EPOCH_BYTES_MAX)), Ok(true));
        assert_eq!(read(&"e".repeat(EPOCH_BYTES_MAX + 1)), Ok(false));
    }

    #[test]
    fn a_tab_id_is_16_digits_and_comes_back() {
        let id = TabId(0x00ab_cdef_0123_4567);
        assert_eq!(id.text(), "00abcdef01234567");
        assert_eq!(TabId::parse(&id.text()), Some(id));
        for text in [
            "",
            "+0abcdef01234567",
            "00abcdef0123456",
            "zzabcdef01234567",
        ] {
            assert_eq!(TabId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn terms_are_ordered_by_number_and_then_by_tab() {
        let term = |number, tab| Term {
            number,
            tab: TabId(tab),
        };
        assert!(term(2, 1) > term(1, 9));
        assert!(term(2, 2) > term(2, 1));
    }
}
