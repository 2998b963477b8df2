//! ETags, and whether a request already has what they stand for (RFC 9110, 8.8.3 and 13.1).

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;

use crate::ids::{Epoch, TaskId};

/// Counts the forms in which lists were ever written. The same version in another form is another text, and a
/// strong ETag stands for the very bytes.
const FORM: u32 = 1;

/// The strong ETag of a list at `version`.
#[must_use]
pub(crate) fn of(epoch: &Epoch, version: u64) -> String {
    format!("\"{FORM}-{epoch}-{version}\"")
}

/// The strong ETag of one task at `version`.
#[must_use]
pub(crate) fn of_task(epoch: &Epoch, id: TaskId, version: u64) -> String {
    format!("\"{FORM}-{epoch}-t{}-{version}\"", id.0)
}

/// The strong ETag of a part of a list: of the very records that are in it, at their versions.
#[must_use]
pub(crate) fn of_range(epoch: &Epoch, records: impl Iterator<Item = (TaskId, u64)>) -> String {
    let records: Vec<String> = records
        .map(|(id, version)| format!("{}.{version}", id.0))
        .collect();
    format!("\"{FORM}-{epoch}-b{}\"", records.join("_"))
}

/// The strong ETag of what is worked out of a list at `version`, and of these counts, which change without it.
#[must_use]
pub(crate) fn of_view(
    epoch: &Epoch,
    version: u64,
    counts: impl IntoIterator<Item = u64>,
) -> String {
    let counts: Vec<String> = counts.into_iter().map(|count| count.to_string()).collect();
    format!("\"{FORM}-{epoch}-v{version}-{}\"", counts.join("_"))
}

/// The versions of a task that `If-Match` names: those over which a write may be made. `None` without the header, or
/// where it is `*`, for only what is there can be written anyway. A weak tag matches nothing (RFC 9110, 13.1.1).
#[must_use]
pub(crate) fn may_match(headers: &HeaderMap, epoch: &Epoch, id: TaskId) -> Option<Vec<u64>> {
    let mut named = None;
    for value in headers.get_all(header::IF_MATCH) {
        for tag in value.to_str().unwrap_or_default().split(',').map(str::trim) {
            if tag == "*" {
                return None;
            }
            let versions = named.get_or_insert_with(Vec::new);
            let version = tag.trim_matches('"').rsplit('-').next();
            let version = version.and_then(|version| version.parse().ok());
            versions.extend(version.filter(|version| of_task(epoch, id, *version) == tag));
        }
    }
    named
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

/// An answer that may be kept, and has to be asked for again.
pub(crate) fn with(mut response: Response, tag: &str) -> Response {
    let headers = response.headers_mut();
    // Not "no-store": the browser may keep it, but has to ask.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    fn known(values: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::IF_NONE_MATCH, HeaderValue::from_str(value).unwrap());
        }
        matches(&headers, &of(&Epoch::parse("E").unwrap(), 7))
    }

    #[test]
    fn a_write_may_be_made_over_the_very_versions_that_it_names() {
        let epoch = Epoch::parse("E-1").unwrap();
        let over = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::IF_MATCH, HeaderValue::from_str(value).unwrap());
            }
            may_match(&headers, &epoch, TaskId(3))
        };
        assert_eq!(of_task(&epoch, TaskId(3), 7), "\"1-E-1-t3-7\"");
        assert_eq!(over(&[]), None);
        assert_eq!(over(&["*"]), None);
        assert_eq!(
            over(&["\"1-E-1-t3-7\", \"1-E-1-t3-9\"", "\"1-E-1-t3-12\""]),
            Some(vec![7, 9, 12])
        );
        for other in [
            "",
            "W/\"1-E-1-t3-7\"",
            "1-E-1-t3-7",
            "\"1-E-1-t4-7\"",
            "\"1-E-2-t3-7\"",
            "\"1-E-1-t3-07\"",
        ] {
            assert_eq!(over(&[other]), Some(Vec::new()), "{other:?}");
        }
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
