//! The payloads of a channel, where the server may tell each as what is new of it.

use super::{fossil, is_true};
use crate::engine::limits::DELTA_BYTES_MAX;
use crate::wire::json::{self, Raw, Text};

/// What is known of the payloads of a channel, over all connections.
#[derive(Debug, Default)]
pub(super) struct Payloads {
    /// The last one.
    base: Option<String>,
    /// One did not fit: they are not asked for in this way any more.
    off: bool,
}

/// A payload cannot be made of what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoFit;

impl Payloads {
    /// Has each of them fitted?
    pub(super) fn fits(&self) -> bool {
        !self.off
    }

    /// How much is kept.
    #[cfg(any(test, fuzzing))]
    pub(super) fn bytes(&self) -> usize {
        self.base.as_ref().map_or(0, String::len)
    }

    /// The payload of a publication, as JSON.
    pub(super) fn read(&mut self, publication: Raw<'_>, data: Raw<'_>) -> Result<String, NoFit> {
        let made = self.make(publication, data);
        self.off |= made.is_none();
        // One that is larger is told whole the next time, or does not fit then.
        let kept = made.as_ref().filter(|text| text.len() <= DELTA_BYTES_MAX);
        self.base = kept.cloned();
        made.ok_or(NoFit)
    }

    fn make(&self, publication: Raw<'_>, data: Raw<'_>) -> Option<String> {
        let said = Text::decode(data.string()?);
        let text = match is_true(publication, "delta") {
            false => said.into_owned(),
            true => {
                let base = self.base.as_deref()?.as_bytes();
                let made = fossil::apply(base, said.as_bytes()).ok()?;
                String::from_utf8(made).ok()?
            }
        };
        json::parse(&text).is_ok().then_some(text)
    }
}
