//! ETags, and whether a request already has what they stand for (RFC 9110, 8.8.3 and 13.1.2).

use axum::http::{HeaderMap, header};

use crate::ids::Epoch;

/// Counts the forms in which lists were ever written. The same version in another form is another text, and a
/// strong ETag stands for the very bytes.
const FORM: u32 = 1;

/// The strong ETag of a list at `version`.
#[must_use]
pub(crate) fn of(epoch: &Epoch, version: u64) -> String {
    format!("\"{FORM}-{epoch}-{version}\"")
}

/// Whether `If-None-Match` names `tag`: compared weakly, in a list, over several headers; `*` names any.
#[must_use]
pub(crate) fn matches(headers: &HeaderMap, tag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| {
            // A comma may stand inside a quoted tag, but never in ours: a part of another tag cannot equal it,
            // because ours begins and ends with its only quotes.
            value
                .split(',')
                .map(str::trim)
                .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use axum::http::HeaderValue;

    use super::*;

    fn known(values: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::IF_NONE_MATCH, HeaderValue::from_str(value).unwrap());
        }
        matches(&headers, &of(&Epoch::parse("E").unwrap(), 7))
    }

    #[test]
    fn the_comparison_is_weak_and_knows_lists() {
        for values in [
            ["\"1-E-7\""],
            ["W/\"1-E-7\""],
            ["\"x\", W/\"1-E-7\""],
            ["*"],
        ] {
            assert!(known(&values), "{values:?}");
        }
        assert!(known(&["\"x\"", "\"1-E-7\""]));
        for values in [
            ["\"1-E-8\""],
            ["1-E-7"],
            ["w/\"1-E-7\""],
            ["\"x1-E-7\""],
            [""],
        ] {
            assert!(!known(&values), "{values:?}");
        }
        assert!(!known(&[]));
    }
}
