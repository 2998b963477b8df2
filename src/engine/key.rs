//! Query keys, as TanStack Query has them: arrays of anything that is JSON.

use super::limits::KEY_BYTES_MAX;
use crate::wire::json::Raw;

/// A query key, or a prefix of one, as JSON text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueryKey(Box<str>);

impl QueryKey {
    /// A key from its JSON value; nothing if it is not an array or too long.
    pub fn new(raw: Raw<'_>) -> Option<QueryKey> {
        (raw.is_array() && raw.text().len() <= KEY_BYTES_MAX).then(|| QueryKey(raw.text().into()))
    }

    /// The key as JSON text.
    pub fn text(&self) -> &str {
        &self.0
    }
}
