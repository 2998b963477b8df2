//! What the answer to a probe means: the rules of conditional requests, as a pure function.
//!
//! Tags are kept as the server wrote them and compared weakly, because a proxy that compresses
//! makes strong tags weak on the way (fault 38). A tag says nothing about data that was fetched
//! before it was seen; who keeps the data has to look to that.
//!
//! Assumption: a resource that changes gets another tag. One that changes to and fro between two
//! looks and gets its old tag back (a hash of the content) looks unchanged.

use std::rc::Rc;

use super::Mono;
use crate::engine::fnv;
use crate::engine::http::{Failure, Reply, retry_after};
use crate::engine::limits::ETAG_BYTES_MAX;
use crate::engine::text;
use crate::engine::time::{Millis, Wall};

/// What a resource was recognised by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// The server's `ETag`, quotes and all.
    Etag(Rc<str>),
    /// A hash of the body, where the server gives no tag.
    Body(u64),
    /// There was no such thing.
    Gone,
}

/// A tag, and since when it is known: data that was asked for later is what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tagged {
    pub(super) tag: Tag,
    pub(super) since: Mono,
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing changed since the tag was seen.
    Unchanged,
    /// It is something else now, to be recognised by this.
    Changed(Tag),
    /// It is gone for good: there is nothing to look at any more.
    Gone,
    /// "Not modified", but compared with what? To be asked again without a condition.
    Pointless,
    /// The server does not know who asks.
    Login,
    /// The server will not tell us.
    Forbidden,
    /// To be tried again, not before this span if the server named one.
    Later(Option<Millis>),
    /// No answer: to be tried again.
    Unreachable,
    /// This cannot be probed; it has to be fetched to be known.
    Useless,
}

impl Tag {
    /// Is it the same thing?
    pub(super) fn same(&self, other: &Tag) -> bool {
        match (self, other) {
            (Tag::Etag(a), Tag::Etag(b)) => weak(a) == weak(b),
            (Tag::Body(a), Tag::Body(b)) => a == b,
            (Tag::Gone, Tag::Gone) => true,
            (Tag::Etag(_) | Tag::Body(_) | Tag::Gone, _) => false,
        }
    }
}

fn weak(etag: &str) -> &str {
    etag.strip_prefix("W/").unwrap_or(etag)
}

/// What an answer means to somebody who knew `tag`.
pub(super) fn judge(result: Result<Reply<'_>, Failure>, tag: Option<&Tag>, wall: Wall) -> Verdict {
    let reply = match result {
        Ok(reply) => reply,
        Err(Failure::Unreachable | Failure::Timeout) => return Verdict::Unreachable,
        Err(Failure::TooLarge | Failure::Unavailable) => return Verdict::Useless,
    };
    match reply.status {
        304 if tag.is_some() => Verdict::Unchanged,
        304 => Verdict::Pointless,
        // A login page with status 200, of the app's server or of a hotel's network.
        200..=299 if is_page(&reply) => Verdict::Login,
        200..=299 => compare(tag_of(&reply), tag),
        401 => Verdict::Login,
        403 => Verdict::Forbidden,
        404 => compare(Tag::Gone, tag),
        410 => Verdict::Gone,
        408 | 425 | 429 | 500..=599 => Verdict::Later(retry_after(&reply.headers, wall)),
        _ => Verdict::Useless,
    }
}

fn compare(found: Tag, known: Option<&Tag>) -> Verdict {
    match known {
        Some(known) if known.same(&found) => Verdict::Unchanged,
        _ => Verdict::Changed(found),
    }
}

fn is_page(reply: &Reply<'_>) -> bool {
    let mut kind = reply.headers.content_type.unwrap_or("");
    let kind = text::piece(&mut kind, b";").trim_ascii();
    let named = |name: &str| kind.eq_ignore_ascii_case(name);
    named("text/html") || named("application/xhtml+xml") || {
        let body = reply.body.trim_ascii_start();
        kind.is_empty() && body.starts_with(b"<")
    }
}

fn tag_of(reply: &Reply<'_>) -> Tag {
    match reply.headers.etag.map(str::trim_ascii) {
        Some(etag) if !etag.is_empty() && etag.len() <= ETAG_BYTES_MAX => Tag::Etag(etag.into()),
        _ => Tag::Body(fnv::number(reply.body.iter().copied())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::http::Headers;
    use proptest::prelude::*;

    fn etag(text: &str) -> Tag {
        Tag::Etag(text.into())
    }

    fn answer<'a>(status: u16, headers: Headers<'a>, body: &'a [u8]) -> Result<Reply<'a>, Failure> {
        Ok(Reply {
            status,
            headers,
            body,
        })
    }

    fn tagged(text: &str) -> Headers<'_> {
        Headers {
            etag: Some(text),
            content_type: Some("application/json"),
            ..Headers::default()
        }
    }

    fn after(text: &str) -> Headers<'_> {
        Headers {
            retry_after: Some(text),
            ..Headers::default()
        }
    }

    #[test]
    fn every_status_has_its_meaning() {
        let known = etag("\"a\"");
        let none = Headers::default();
        let html = Headers {
            content_type: Some("Text/HTML; charset=utf-8"),
            ..none
        };
        for (status, headers, body, with, without) in [
            (304, none, "", Verdict::Unchanged, Verdict::Pointless),
            (
                200,
                tagged("\"a\""),
                "{}",
                Verdict::Unchanged,
                Verdict::Changed(known.clone()),
            ),
            (
                200,
                tagged("\"b\""),
                "{}",
                Verdict::Changed(etag("\"b\"")),
                Verdict::Changed(etag("\"b\"")),
            ),
            (200, html, "{}", Verdict::Login, Verdict::Login),
            (
                200,
                none,
                " \n<!doctype html>",
                Verdict::Login,
                Verdict::Login,
            ),
            (401, none, "", Verdict::Login, Verdict::Login),
            (403, none, "", Verdict::Forbidden, Verdict::Forbidden),
            (
                404,
                none,
                "",
                Verdict::Changed(Tag::Gone),
                Verdict::Changed(Tag::Gone),
            ),
            (410, none, "", Verdict::Gone, Verdict::Gone),
            (408, none, "", Verdict::Later(None), Verdict::Later(None)),
            (425, none, "", Verdict::Later(None), Verdict::Later(None)),
            (
                503,
                after("2"),
                "",
                Verdict::Later(Some(Millis(2000))),
                Verdict::Later(Some(Millis(2000))),
            ),
            (500, none, "", Verdict::Later(None), Verdict::Later(None)),
            (405, none, "", Verdict::Useless, Verdict::Useless),
            (0, none, "", Verdict::Useless, Verdict::Useless),
        ] {
            let reply = || answer(status, headers, body.as_bytes());
            assert_eq!(
                judge(reply(), Some(&known), Wall(0)),
                with,
                "{status} {body}"
            );
            assert_eq!(judge(reply(), None, Wall(0)), without, "{status} {body}");
        }
        for (failure, meaning) in [
            (Failure::Unreachable, Verdict::Unreachable),
            (Failure::Timeout, Verdict::Unreachable),
            (Failure::TooLarge, Verdict::Useless),
            (Failure::Unavailable, Verdict::Useless),
        ] {
            assert_eq!(judge(Err(failure), Some(&known), Wall(0)), meaning);
        }
    }

    #[test]
    fn fault_38_a_proxy_that_weakens_tags_changes_nothing() {
        for (known, found) in [
            ("\"a\"", "W/\"a\""),
            ("W/\"a\"", "\"a\""),
            ("W/\"a\"", "W/\"a\""),
        ] {
            let verdict = judge(
                answer(200, tagged(found), b"{}"),
                Some(&etag(known)),
                Wall(0),
            );
            assert_eq!(verdict, Verdict::Unchanged, "{known} {found}");
        }
        let other = judge(
            answer(200, tagged("W/\"b\""), b"{}"),
            Some(&etag("\"a\"")),
            Wall(0),
        );
        assert_eq!(other, Verdict::Changed(etag("W/\"b\"")));
    }

    #[test]
    fn fault_39_a_429_in_every_form_is_a_later_and_never_a_change() {
        for (text, wait) in [
            ("120", Some(Millis::seconds(120))),
            ("abc", None),
            ("-5", None),
            ("1000000000", Some(Millis::minutes(15))),
            ("Thu, 01 Jan 1970 00:00:30 GMT", Some(Millis::seconds(30))),
        ] {
            assert_eq!(
                judge(answer(429, after(text), b""), None, Wall(0)),
                Verdict::Later(wait),
                "{text}"
            );
        }
    }

    #[test]
    fn without_a_tag_the_body_is_compared() {
        let first = judge(answer(200, Headers::default(), b"[1]"), None, Wall(0));
        let Verdict::Changed(tag) = first else {
            panic!("{first:?}");
        };
        let again = |body| judge(answer(200, Headers::default(), body), Some(&tag), Wall(0));
        assert_eq!(again(b"[1]"), Verdict::Unchanged);
        assert!(matches!(again(b"[2]"), Verdict::Changed(_)));
    }

    #[test]
    fn what_stays_gone_has_not_changed() {
        let reply = answer(404, Headers::default(), b"");
        assert_eq!(judge(reply, Some(&Tag::Gone), Wall(0)), Verdict::Unchanged);
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(status: u16, text in "[ -~]{0,40}", body: Vec<u8>, wall: u64) {
            let headers = Headers {
                etag: Some(&text),
                retry_after: Some(&text),
                content_type: Some(&text),
                date: Some(&text),
            };
            let _ = judge(answer(status, headers, &body), Some(&etag(&text)), Wall(wall));
        }
    }
}
