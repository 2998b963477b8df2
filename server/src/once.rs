//! The header by which a write names itself: `idempotency-key: 0192…`. Under one key it is done once, however
//! often it is sent.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};

use crate::body::client;
use crate::clock;
use crate::error::ApiError;
use crate::fence;
use crate::ids::WriteKey;
use crate::store::{Once, Origin};

/// Its name, as in draft-ietf-httpapi-idempotency-key-header.
const KEY_HEADER: &str = "idempotency-key";

/// A request that writes.
#[derive(Debug)]
pub(crate) struct Asked {
    method: Method,
    path: String,
    pub(crate) headers: HeaderMap,
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self {
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
            claims: fence::claims(&self.headers)?,
            once: once(&self.headers, &self.method, &self.path, body)?,
            now: clock::now(),
        })
    }
}

/// The name that a write gave itself: none without the header. What is asked for is remembered with it, so that
/// another write under the same name is refused rather than answered with what it did not do.
fn once(
    headers: &HeaderMap,
    method: &Method,
    path: &str,
    body: &[u8],
) -> Result<Option<Once>, ApiError> {
    let Some(value) = headers.get(KEY_HEADER) else {
        return Ok(None);
    };
    // The draft writes a quoted string; everybody else writes the bare key.
    let key = value.to_str().unwrap_or_default().trim_matches('"');
    let key = WriteKey::parse(key).map_err(|error| ApiError::field(KEY_HEADER, error.0))?;
    let asked = [method.as_str().as_bytes(), path.as_bytes(), body];
    Ok(Some(Once {
        key,
        asked: fingerprint(&asked),
    }))
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

    #[test]
    fn a_write_is_known_by_all_that_it_asks_for() {
        let mut seen = Vec::new();
        for (method, path, body) in [
            (Method::POST, "/api/tasks", "{}"),
            (Method::PUT, "/api/tasks", "{}"),
            (Method::POST, "/api/tasks{", "}"),
            (Method::POST, "/api/tasks", "{ }"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(KEY_HEADER, "\"k\"".parse().unwrap());
            let once = once(&headers, &method, path, body.as_bytes())
                .unwrap()
                .unwrap();
            assert_eq!(once.key, WriteKey::parse("k").unwrap());
            assert!(!seen.contains(&once.asked));
            seen.push(once.asked);
        }
    }
}
