//! The header by which a write names itself: `idempotency-key: 0192…`. Under one key it is done once, however
//! often it is sent.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use everfresh::engine::hlc::Stamp;

use crate::access::Person;
use crate::body::client;
use crate::clock;
use crate::error::ApiError;
use crate::fence;
use crate::ids::WriteKey;
use crate::store::{Once, Origin};

/// Its name, as in draft-ietf-httpapi-idempotency-key-header.
const KEY_HEADER: &str = "idempotency-key";

/// The header that says when a write was made, by the hybrid clock of the page: the `stamp` of a mutation.
const STAMP_HEADER: &str = "everfresh-stamp";

/// A request that writes.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Whose it is, where people come in by tokens.
    pub(crate) person: Person,
    method: Method,
    path: String,
    pub(crate) headers: HeaderMap,
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let person = parts.extensions.get::<Person>();
        Ok(Self {
            person: person.cloned().unwrap_or_default(),
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            headers: parts.headers.clone(),
        })
    }
}

impl Asked {
    /// All that its headers say about the write.
    pub(crate) fn origin(&self, body: &[u8]) -> Result<Origin, ApiError> {
        Ok(Origin {
            by: client(&self.headers)?,
            user: self.person.name.clone(),
            stamp: stamp(&self.headers)?,
            claims: fence::claims(&self.headers)?,
            once: self.once(body)?,
            now: clock::now(),
            over: None,
            knows: false,
        })
    }

    /// The name that a write gave itself: none without the header. What is asked for is remembered with it, so that
    /// another write under the same name is refused rather than answered with what it did not do.
    fn once(&self, body: &[u8]) -> Result<Option<Once>, ApiError> {
        let Some(value) = self.headers.get(KEY_HEADER) else {
            return Ok(None);
        };
        // The draft writes a quoted string; everybody else writes the bare key.
        let key = value.to_str().unwrap_or_default().trim_matches('"');
        let key = WriteKey::parse(key).map_err(|error| ApiError::field(KEY_HEADER, error.0))?;
        let (method, path) = (self.method.as_str().as_bytes(), self.path.as_bytes());
        // Nobody learns another's answer by sending the same.
        let asked: &[&[u8]] = match &self.person.name {
            None => &[method, path, body],
            Some(user) => &[method, path, body, user.as_str().as_bytes()],
        };
        Ok(Some(Once {
            key,
            asked: fingerprint(asked),
        }))
    }
}

/// When a write was made, as whoever made it says.
fn stamp(headers: &HeaderMap) -> Result<Option<Stamp>, ApiError> {
    let Some(value) = headers.get(STAMP_HEADER) else {
        return Ok(None);
    };
    let stamp = value.to_str().ok().and_then(Stamp::parse);
    stamp.map(Some).ok_or_else(|| {
        ApiError::field(STAMP_HEADER, "a stamp is 27 digits and letters from a to v")
    })
}

/// FNV-1a over all parts, with their lengths between them. It tells a mistake of a client from a repetition; nobody
/// gains anything by forging it, because the key alone is what has to be secret.
fn fingerprint(parts: &[&[u8]]) -> u64 {
    let lengths = parts.iter().map(|part| part.len().to_le_bytes());
    let lengths: Vec<u8> = lengths.flatten().collect();
    let bytes = parts.iter().flat_map(|part| part.iter()).chain(&lengths);
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;
    use crate::access::UserName;

    #[test]
    fn a_write_is_known_by_all_that_it_asks_for() {
        let mut seen = Vec::new();
        for (user, method, path, body) in [
            (None, Method::POST, "/api/tasks", "{}"),
            (Some("jane"), Method::POST, "/api/tasks", "{}"),
            (Some("bob"), Method::POST, "/api/tasks", "{}"),
            (None, Method::PUT, "/api/tasks", "{}"),
            (None, Method::POST, "/api/tasks{", "}"),
            (None, Method::POST, "/api/tasks", "{ }"),
        ] {
            let mut person = Person::default();
            person.name = user.map(|user| UserName::parse(user).unwrap());
            let mut headers = HeaderMap::new();
            headers.insert(KEY_HEADER, "\"k\"".parse().unwrap());
            let asked = Asked {
                person,
                method,
                path: path.to_owned(),
                headers,
            };
            let once = asked.once(body.as_bytes()).unwrap().unwrap();
            assert_eq!(once.key, WriteKey::parse("k").unwrap());
            assert!(!seen.contains(&once.asked));
            seen.push(once.asked);
        }
    }
}
