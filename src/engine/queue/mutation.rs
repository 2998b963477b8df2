//! A mutation as it was accepted, and its text.

use std::rc::Rc;

use super::kind::Kind;
use crate::engine::hlc::Stamp;
use crate::engine::ids::{TabId, number_text};
use crate::engine::limits::{QUEUE_ITEM_BYTES_MAX, QUEUE_NAME_BYTES_MAX};
use crate::engine::time::Wall;
use crate::wire::json::{Raw, Text, Writer};

/// Names a mutation, and says its place among all others.
///
/// The order grows with everything that its tab knows of, so a tab's own mutations are in the
/// order in which they were made, also over reloads and when the clock is set back. Whatever two
/// tabs made without knowing of each other is ordered by time, roughly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MutationId {
    /// Its place.
    pub order: u64,
    /// The tab that accepted it.
    pub tab: TabId,
}

/// An order beyond this was never given by a clock. Half of what JavaScript can hold remains to
/// count on from whatever was believed.
const ORDER_MAX: u64 = 1 << 52;

/// What the app wants to be done. It never changes once it is accepted, except by a conflict that
/// is settled or by the user's own hand, and then it gets a new key.
#[derive(Clone, Debug, PartialEq)]
pub struct Mutation {
    /// Its name and place.
    pub id: MutationId,
    /// Which of the app's functions is to run.
    pub name: Rc<str>,
    /// The version of the variables' form.
    pub version: u64,
    /// What happens in a lane happens in order.
    pub lane: Rc<str>,
    /// What the function is given, as JSON text.
    pub vars: Rc<str>,
    /// What the app edited, as JSON text: the common ground of a merge.
    pub base: Option<Rc<str>>,
    /// How long to wait for a newer one that replaces it.
    pub kind: Kind,
    /// A newer one of the same lane with the same word here replaces it.
    pub coalesce: Option<Rc<str>>,
    /// All that was accepted before must be through first, and all that comes after waits.
    pub barrier: bool,
    /// When it was accepted.
    pub at: Wall,
    /// By which the last writer wins.
    pub stamp: Stamp,
}

impl MutationId {
    /// The id as 32 hexadecimal digits, which compare as ids do.
    pub fn text(self) -> String {
        let mut out = TabId(self.order).text();
        out.push_str(&self.tab.text());
        out
    }

    /// Reads what [`MutationId::text`] wrote.
    pub fn parse(text: &str) -> Option<MutationId> {
        let order = TabId::parse(text.get(..16)?)?.0;
        let tab = TabId::parse(text.get(16..)?)?;
        (order <= ORDER_MAX).then_some(MutationId { order, tab })
    }

    /// Reads an id that stands in JSON.
    pub fn read(raw: Raw<'_>) -> Option<MutationId> {
        MutationId::parse(&raw.string()?.decode())
    }

    /// Reads what [`MutationId::key`] wrote: also how often the key was renewed.
    pub fn parse_key(text: &str) -> Option<(MutationId, u32)> {
        match text.split_once('.') {
            None => Some((MutationId::parse(text)?, 0)),
            Some((id, renewed)) => Some((MutationId::parse(id)?, renewed.parse().ok()?)),
        }
    }

    /// The next place of a tab that knows of mutations up to `last`.
    pub fn next(tab: TabId, now: Wall, last: u64) -> MutationId {
        let order = now.0.max(last.saturating_add(1)).min(ORDER_MAX);
        MutationId { order, tab }
    }

    /// The key by which a server recognises that it did this already. Whatever may have had an
    /// effect keeps its key; what is known to have had none gets the next one.
    pub fn key(self, renewed: u32) -> String {
        let mut key = self.text();
        if renewed > 0 {
            key.push('.');
            key.push_str(&number_text(renewed.into()));
        }
        key
    }
}

impl Mutation {
    /// How much of the bound it takes: about what its record takes in the storage.
    pub fn bytes(&self) -> usize {
        const REST: usize = 160;
        let base = self.base.as_ref().map_or(0, |base| base.len());
        let names = self.name.len() + self.lane.len();
        REST + names + self.vars.len() + base
    }

    /// Writes the members of the mutation into an object that is open.
    pub fn write_members(&self, w: &mut Writer) {
        w.key("id").string(&self.id.text());
        w.key("name").string(&self.name);
        w.key("v").number(self.version);
        w.key("lane").string(&self.lane);
        w.key("vars").raw(&self.vars);
        if let Some(base) = &self.base {
            w.key("base").raw(base);
        }
        if self.kind != Kind::Plain {
            w.key("kind").string(self.kind.text());
        }
        if let Some(coalesce) = &self.coalesce {
            w.key("co").string(coalesce);
        }
        if self.barrier {
            w.key("barrier").bool(true);
        }
        w.key("at").number(self.at.0);
        w.key("stamp").string(&self.stamp.text());
    }

    /// Reads what [`Mutation::write_members`] wrote; nothing if something is missing or too long.
    pub fn read(raw: Raw<'_>) -> Option<Mutation> {
        let name = |member: &str| short(raw.member(member)?);
        let kind = match raw.member("kind") {
            None => Kind::Plain,
            Some(kind) => Kind::parse(&kind.string()?.decode())?,
        };
        let mutation = Mutation {
            id: MutationId::read(raw.member("id")?)?,
            name: name("name")?,
            version: raw.member("v")?.integer()?,
            lane: name("lane")?,
            vars: raw.member("vars")?.text().into(),
            base: raw.member("base").map(|base| base.text().into()),
            kind,
            coalesce: match raw.member("co") {
                None => None,
                Some(word) => Some(short(word)?),
            },
            barrier: raw.member("barrier").and_then(Raw::bool).unwrap_or(false),
            at: Wall(raw.member("at")?.integer()?),
            stamp: Stamp::parse(&raw.member("stamp")?.string()?.decode())?,
        };
        (mutation.bytes() <= QUEUE_ITEM_BYTES_MAX).then_some(mutation)
    }
}

/// A name of reasonable length.
pub(super) fn short(raw: Raw<'_>) -> Option<Rc<str>> {
    let text = raw.string().map(Text::decode)?;
    (text.len() <= QUEUE_NAME_BYTES_MAX).then(|| text.as_ref().into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::engine::queue::tests::mutations;
    use crate::wire::json;
    use proptest::prelude::*;

    #[test]
    fn a_place_is_after_all_that_is_known_also_when_the_clock_is_set_back() {
        let tab = TabId(7);
        let first = MutationId::next(tab, Wall(1000), 0);
        let second = MutationId::next(tab, Wall(1000), first.order);
        let set_back = MutationId::next(tab, Wall(10), second.order);
        assert!(first < second && second < set_back);
        assert_eq!(first.order, 1000);
    }

    #[test]
    fn an_id_comes_back_and_compares_as_its_text() {
        let id = |order, tab| MutationId {
            order,
            tab: TabId(tab),
        };
        assert_eq!(MutationId::parse(&id(5, 7).text()), Some(id(5, 7)));
        assert!(id(5, 9).text() < id(16, 1).text());
        assert_eq!(MutationId::parse(&id(ORDER_MAX + 1, 7).text()), None);
        for bad in ["", "x", "00000000000000050000000000000007x", "\u{e9}"] {
            assert_eq!(MutationId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_new_key_is_another_key_of_the_same_mutation() {
        let id = MutationId::next(TabId(7), Wall(1000), 0);
        assert_eq!(id.key(0), id.text());
        assert_ne!(id.key(1), id.key(2));
    }

    proptest! {
        #[test]
        fn mutations_survive_the_round_trip(mutation in mutations()) {
            let mut w = Writer::new();
            w.object(|w| mutation.write_members(w));
            let text = w.finish();
            prop_assert_eq!(Mutation::read(json::parse(&text).unwrap()), Some(mutation));
        }
    }
}
