//! What the person at one tab did, and what that person was told.

use std::collections::BTreeMap;

use everfresh::wire::json::{self, Raw, Text};

/// The person at a tab.
#[derive(Debug, Default)]
pub(crate) struct Person {
    /// The channels that the person is on, with the number of what is shown there, if anything is.
    pub(crate) on: BTreeMap<usize, Option<usize>>,
    /// Who is there, as it was told last, of each channel.
    pub(crate) people: BTreeMap<usize, Vec<Seen>>,
    /// Who types, as it was told last: the fields.
    pub(crate) typing: BTreeMap<usize, Vec<usize>>,
    /// How each field stands, as it was told last.
    pub(crate) fields: BTreeMap<usize, Stands>,
    /// Was told that the server can not do it.
    pub(crate) unable: bool,
    /// Was told that it may not be on a channel.
    pub(crate) barred: bool,
    /// In calm: the channel on which the person types, the field that it edits, and since when.
    pub(crate) types: Option<usize>,
    pub(crate) edits: Option<usize>,
    pub(crate) since: crate::agenda::Time,
}

/// How a field stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stands {
    /// Nobody has it.
    Free,
    /// It was asked for.
    Asking,
    /// This tab has it, under this fence.
    Held(u64),
    /// It is lost.
    Lost,
    /// Somebody else has it.
    Other,
}

/// Somebody who is seen: one tab of a person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seen {
    /// The number of what is shown.
    pub(crate) showing: usize,
    /// Who it is.
    pub(crate) user: Option<String>,
    /// It is whoever looks.
    pub(crate) own: bool,
}

impl Person {
    /// The fence under which the person may edit a field, as far as was told.
    pub(crate) fn holds(&self, field: usize) -> Option<u64> {
        match self.fields.get(&field) {
            Some(Stands::Held(fence)) => Some(*fence),
            _ => None,
        }
    }
}

/// Reads who is there, as the app is told; nothing if it is not what an app can read.
pub(crate) fn read_people(text: &str) -> Option<Vec<Seen>> {
    let mut seen = Vec::new();
    let mut good = true;
    json::parse(text).ok()?.elements(|person| {
        let user = person
            .member("user")
            .and_then(Raw::string)
            .map(Text::decode);
        let own = person.member("self").and_then(Raw::bool);
        let tabs = person.member("tabs");
        let (Some(own), Some(tabs)) = (own, tabs) else {
            good = false;
            return;
        };
        tabs.elements(|tab| {
            let showing = tab
                .member("meta")
                .and_then(|meta| meta.member("n"))
                .and_then(Raw::integer);
            let user = user.as_deref().map(str::to_owned);
            match showing {
                Some(showing) => seen.push(Seen {
                    showing: showing as usize,
                    user,
                    own,
                }),
                None => good = false,
            }
        });
    });
    seen.sort();
    good.then_some(seen)
}

/// Reads who types, as the app is told: the fields.
pub(crate) fn read_typing(text: &str) -> Option<Vec<usize>> {
    let mut fields = Vec::new();
    let mut good = true;
    json::parse(text).ok()?.elements(|typing| {
        let field = typing.member("field").and_then(Raw::string);
        match field.and_then(|field| super::field_index(&field.decode())) {
            Some(field) => fields.push(field),
            None => good = false,
        }
    });
    good.then_some(fields)
}
