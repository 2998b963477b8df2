//! Where the messages of a server have what an event has, of a protocol that does not say it.

use std::borrow::Cow;

use crate::engine::config::{BadInput, bad_member};
use crate::engine::key::{field, field_path};
use crate::engine::limits::FORM_BYTES_MAX;
use crate::wire::json::{Raw, Text};

/// Where an event has its name and its payload: the first of these each. An empty path is the whole message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// Its name.
    pub event: Vec<String>,
    /// Its payload.
    pub data: Vec<String>,
}

const PATH: &str = "a path like \"$.type\"";

impl Places {
    /// Reads what the app said of it; most servers have it in the same places.
    pub fn read(backend: Raw<'_>) -> Result<Places, BadInput> {
        let one = |name, usual: &[&str]| {
            path(backend, name).map(|path| match path {
                Some(path) => vec![path],
                None => usual.iter().map(|path| (*path).to_owned()).collect(),
            })
        };
        Ok(Places {
            event: one("event", &[".type", ".event"])?,
            data: one("data", &[".data", ".payload", ""])?,
        })
    }

    /// The name of an event, if it has one.
    pub(crate) fn name<'a>(&self, message: Raw<'a>) -> Option<Cow<'a, str>> {
        let mut places = self.event.iter();
        places.find_map(|path| word(field(message, path)?))
    }

    /// Its payload.
    pub(crate) fn data<'a>(&self, message: Raw<'a>) -> Raw<'a> {
        let mut places = self.data.iter();
        let data = places.find_map(|path| match &**path {
            "" => Some(message),
            path => field(message, path),
        });
        data.unwrap_or(Raw::NULL)
    }
}

/// A path like `.type`; an empty one is the whole message.
pub(super) fn path(backend: Raw<'_>, name: &'static str) -> Result<Option<String>, BadInput> {
    let Some(raw) = backend.member(name) else {
        return Ok(None);
    };
    let whole = raw.string().is_some_and(|text| text.is("$"));
    match field_path(raw) {
        Some(path) if path.len() <= FORM_BYTES_MAX => Ok(Some(path)),
        None if whole && name == "data" => Ok(Some(String::new())),
        Some(_) | None => Err(bad_member("backend", name, PATH)),
    }
}

/// The string at a path of a message, or the number there as it is written.
pub(crate) fn word(raw: Raw<'_>) -> Option<Cow<'_, str>> {
    match raw.string() {
        Some(text) => Some(Text::decode(text)).filter(|text| !text.is_empty()),
        None => raw.integer().map(|_| raw.text().into()),
    }
}
