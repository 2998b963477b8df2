//! What an adapter says about the keys of its cache, and what comes of it.

use std::rc::Rc;

use super::version::Version;
use crate::engine::http::{Headers, retry_after};
use crate::engine::key::QueryKey;
use crate::engine::limits::RETRY_AFTER_MAX;
use crate::engine::time::{Millis, Mono, Now};

/// What the adapter says about a key.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Which key.
    pub key: QueryKey,
    /// What happened to it.
    pub phase: Phase,
    /// Where it is fetched from, if the app tells hosts apart.
    pub host: Option<String>,
}

/// What happens to a key in the adapter's cache.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// It is in the cache; somebody looks at it, or not.
    Observe {
        /// Does a component use it?
        active: bool,
        /// Is that component on the screen?
        visible: bool,
        /// How old its data is, if that is not from this moment.
        age: Option<Millis>,
    },
    /// Nobody uses it any more; it stays in the cache.
    Unobserve,
    /// It left the cache.
    Remove,
    /// A fetch of it started.
    Start {
        /// The adapter's number for the fetch.
        fetch: Option<u64>,
        /// How long it has been running, if it did not start at this moment.
        age: Option<Millis>,
    },
    /// Data came: by the fetch, or, when none runs, put there by the app.
    Success {
        /// The number of the fetch.
        fetch: Option<u64>,
        /// The version of the data.
        version: Option<Version>,
    },
    /// The fetch failed, after all retries of its own.
    Failure {
        /// The number of the fetch.
        fetch: Option<u64>,
        /// What the server said about trying again.
        retry_after: Option<RetryAfter>,
    },
    /// The app cancelled the fetch.
    Cancel,
}

/// When a server wants to be asked again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// After this span.
    In(Millis),
    /// As the header says: seconds, or a date.
    Header(String),
}

/// What a report led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reported {
    /// Nothing that others need to know.
    Noted,
    /// A fetch brought data: the key is as fresh as can be known.
    Fetched,
    /// A fetch failed; its host wants calm until the moment, from all tabs.
    Calm {
        /// The host.
        host: Rc<str>,
        /// Until when.
        until: Mono,
    },
    /// There is no room for the key.
    Refused,
}

impl RetryAfter {
    /// Until when; nothing if it makes no sense. No server may silence a page for ever.
    pub(super) fn until(&self, now: Now) -> Option<Mono> {
        let span = match self {
            RetryAfter::In(span) => *span,
            RetryAfter::Header(text) => {
                let headers = Headers {
                    retry_after: Some(text),
                    ..Headers::default()
                };
                retry_after(&headers, now.wall)?
            }
        };
        Some(now.mono + span.min(RETRY_AFTER_MAX))
    }
}
