//! Names of channels, one or many: a name may have a place in braces (`"board:{id}"`), and what a channel has there
//! goes into what the server is asked, so that one entry stands for the boards that nobody knows yet.

use crate::engine::text::{concat, cut, find};
use crate::wire::json::Writer;

/// A name, or one with a place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    before: String,
    /// What stands for the place, with its braces, and what follows it in the name.
    place: Option<(String, String)>,
}

impl Pattern {
    pub(super) fn read(name: &str) -> Pattern {
        let place = cut(name, b"{").and_then(|(before, rest)| {
            let (word, after) = cut(rest, b"}")?;
            Some((before, (concat(&["{", word, "}"]), after.to_owned())))
        });
        match place {
            Some((before, place)) => Pattern {
                before: before.to_owned(),
                place: Some(place),
            },
            None => Pattern {
                before: name.to_owned(),
                place: None,
            },
        }
    }

    /// What a name has in the place, if it is one of these names.
    pub(super) fn value<'a>(&self, name: &'a str) -> Option<&'a str> {
        let rest = name.strip_prefix(&*self.before)?;
        match &self.place {
            None => rest.is_empty().then_some(""),
            Some((_, after)) => rest
                .strip_suffix(&**after)
                .filter(|value| !value.is_empty()),
        }
    }

    /// A text with that in each of its places.
    pub(super) fn fill(&self, text: &str, value: &str) -> String {
        let Some((place, _)) = &self.place else {
            return text.to_owned();
        };
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = find(rest, place) {
            out.push_str(rest.get(..at).unwrap_or(""));
            out.push_str(value);
            rest = rest.get(at + place.len()..).unwrap_or("");
        }
        out.push_str(rest);
        out
    }
}

/// Where something is wrong in the entry of a name.
pub(super) fn named(list: &str, name: &str, within: &str) -> String {
    let mut out = Writer::new();
    out.string(name);
    let dot = if within.is_empty() { "" } else { "." };
    concat(&[list, "[", &out.finish(), "]", dot, within])
}
