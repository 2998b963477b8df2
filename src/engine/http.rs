//! The one door for HTTP: what a part can ask of a server, what comes back, and who asked.
//!
//! A part describes a [`Call`] and says who it is ([`Owner`]); the engine numbers the request and
//! hands the [`Reply`] to that owner, once. An answer to a request that was given up or took too
//! long is not in the table any more, and so is void. The time limit is kept here and not by the
//! browser: a part is told of it in the same way in a simulated world and in a page.
//!
//! It knows no part's business. How many requests are under way is bounded by the parts: each
//! has its own single flight.

mod retry_after;

pub use retry_after::retry_after;

use super::freshness::ProbeId;
use super::ids::{ConnId, HttpId};
use super::limits::STALE_BURST;
use super::map::Map;
use super::text;
use super::time::{Millis, Mono, Now};

/// What to do with a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Read it.
    Get,
    /// Give it something.
    Post,
}

impl Method {
    /// As HTTP writes it.
    pub fn text(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
        }
    }
}

/// How much of an answer has to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// All of it. A server of another origin has to allow that (CORS), or the answer looks like
    /// no answer.
    Full,
    /// Only that there was one. A server of another origin need not allow that; what it answered
    /// has the status 0 then.
    Presence,
}

/// A request as a part describes it. The browser adds: never from the cache, and cookies for the
/// page's own origin only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What to do.
    pub method: Method,
    /// With which resource: an absolute URL.
    pub url: String,
    /// What else to say. Names are lower-case.
    pub headers: Vec<(&'static str, String)>,
    /// What to give.
    pub body: Option<String>,
    /// How much of the answer has to be seen.
    pub sight: Sight,
    /// A longer answer than this is given up.
    pub bytes_max: usize,
}

/// The few headers that matter to us, as the server wrote them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Headers<'a> {
    /// `etag`, quotes and all.
    pub etag: Option<&'a str>,
    /// `retry-after`; see [`retry_after`].
    pub retry_after: Option<&'a str>,
    /// `content-type`.
    pub content_type: Option<&'a str>,
    /// `date`: the server's clock.
    pub date: Option<&'a str>,
}

/// An answer, whatever its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply<'a> {
    /// The status; 0 when there was an answer that may not be seen.
    pub status: u16,
    /// Some of its headers.
    pub headers: Headers<'a>,
    /// Its body.
    pub body: &'a [u8],
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No network, no server, or one that does not let us see its answer.
    Unreachable,
    /// It took too long.
    Timeout,
    /// It is longer than was allowed.
    TooLarge,
    /// This browser cannot do it.
    Unavailable,
}

/// What happens to an answer that is read as it comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamEvent<'a> {
    /// It has begun. Its status may be any.
    Opened {
        /// The status.
        status: u16,
        /// Some of its headers.
        headers: Headers<'a>,
    },
    /// More of it came, cut anywhere.
    Chunk(&'a [u8]),
    /// It ended as it should.
    Ended,
    /// It broke, or never began.
    Failed(Failure),
}

/// Scheme, host and port of a URL: who is asked.
pub fn origin(url: &str) -> &str {
    let start = text::find(url, "://").map_or(0, |at| at + 3);
    let rest = url.get(start..).unwrap_or("");
    let end = text::mark(rest, b"/?#").map_or(url.len(), |at| start + at);
    url.get(..end).unwrap_or(url)
}

/// The address of a door that the server at a socket's address has for plain HTTP. It lies beside the socket's,
/// and keeps what follows the `?` there.
pub fn door(url: &str, door: &str) -> String {
    let (path, query) = match text::cut(url, b"?") {
        Some((path, query)) => (path, Some(query)),
        None => (url, None),
    };
    // `ws` and `wss` become `http` and `https`.
    let mut out = match path.strip_prefix("ws") {
        Some(rest) => text::concat(&["http", rest]),
        None => path.to_owned(),
    };
    if !door.is_empty() {
        if !out.ends_with('/') {
            out.push('/');
        }
        out.push_str(door);
    }
    if let Some(query) = query {
        out.push('?');
        out.push_str(query);
    }
    out
}

/// Who asked, with what that part needs to recognise its question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The link looks whether its server is there.
    LinkProbe,
    /// The link waits for messages on a connection that polls.
    LinkPoll(ConnId),
    /// The link says something on a connection that has no way up of its own.
    LinkSend(ConnId),
    /// The link says that it gave up a connection. Nobody waits for the answer.
    LinkEnd,
    /// The freshness part looks whether something changed.
    Probe(ProbeId),
}

/// The requests under way.
#[derive(Debug, Default)]
pub struct Requests {
    last: HttpId,
    open: Map<HttpId, Open>,
}

#[derive(Debug)]
struct Open {
    owner: Owner,
    until: Mono,
}

impl Requests {
    /// Numbers a request that has to be answered within a span of time.
    pub fn start(&mut self, now: Now, owner: Owner, timeout: Millis) -> HttpId {
        self.last = self.last.next();
        let until = now.mono + timeout;
        self.open.insert(self.last, Open { owner, until });
        self.last
    }

    /// A request is over: who asked? Nobody, if it was given up.
    pub fn finish(&mut self, request: HttpId) -> Option<Owner> {
        self.open.remove(&request).map(|open| open.owner)
    }

    /// Gives up what an owner asked.
    pub fn abort(&mut self, owner: Owner) -> Option<HttpId> {
        let (request, _) = self.open.iter().find(|(_, open)| open.owner == owner)?;
        let request = *request;
        self.open.remove(&request);
        Some(request)
    }

    /// A request that took too long; again and again until there is none.
    pub fn expired(&mut self, now: Now) -> Option<(HttpId, Owner)> {
        let (request, open) = self.open.iter().find(|(_, open)| open.until <= now.mono)?;
        let expired = (*request, open.owner);
        self.open.remove(&expired.0);
        Some(expired)
    }

    /// The page was away: what was answered meanwhile is still to be heard.
    pub fn was_away(&mut self, now: Now) {
        for open in self.open.values_mut() {
            open.until = open.until.max(now.mono + STALE_BURST);
        }
    }

    /// Any request under way; again and again until there is none, when all have to end.
    pub fn abort_any(&mut self) -> Option<HttpId> {
        let request = *self.open.keys().next()?;
        self.open.remove(&request);
        Some(request)
    }

    /// When something is to be done, if nothing else happens.
    pub fn next_wakeup(&self) -> Option<Mono> {
        self.open.values().map(|open| open.until).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::time::Wall;

    fn at(ms: u64) -> Now {
        Now {
            mono: Mono(ms),
            wall: Wall(ms),
        }
    }

    #[test]
    fn an_answer_goes_to_who_asked_once() {
        let mut requests = Requests::default();
        let probe = requests.start(at(0), Owner::LinkProbe, Millis(10));
        let poll = requests.start(at(0), Owner::LinkPoll(ConnId(3)), Millis(10));
        assert_eq!(requests.finish(poll), Some(Owner::LinkPoll(ConnId(3))));
        assert_eq!(requests.finish(poll), None);
        assert_eq!(requests.finish(probe), Some(Owner::LinkProbe));
        assert_eq!(requests.next_wakeup(), None);
    }

    #[test]
    fn what_takes_too_long_is_given_up_and_its_late_answer_is_void() {
        let mut requests = Requests::default();
        let slow = requests.start(at(0), Owner::LinkProbe, Millis(10));
        requests.start(at(0), Owner::LinkSend(ConnId(1)), Millis(20));
        assert_eq!(requests.next_wakeup(), Some(Mono(10)));
        assert_eq!(requests.expired(at(9)), None);
        assert_eq!(requests.expired(at(10)), Some((slow, Owner::LinkProbe)));
        assert_eq!(requests.expired(at(10)), None);
        assert_eq!(requests.finish(slow), None);
    }

    #[test]
    fn an_answer_that_came_while_the_page_was_away_is_still_heard() {
        let mut requests = Requests::default();
        let asked = requests.start(at(0), Owner::LinkProbe, Millis(10));
        requests.was_away(at(60_000));
        assert_eq!(requests.expired(at(60_000)), None);
        let heard = Mono(60_000) + STALE_BURST;
        assert_eq!(requests.next_wakeup(), Some(heard));
        assert_eq!(
            requests.expired(at(heard.0)),
            Some((asked, Owner::LinkProbe))
        );
    }

    #[test]
    fn a_request_is_given_up_by_its_owner_alone() {
        let mut requests = Requests::default();
        let one = requests.start(at(0), Owner::LinkSend(ConnId(1)), Millis(10));
        requests.start(at(0), Owner::LinkSend(ConnId(2)), Millis(10));
        assert_eq!(requests.abort(Owner::LinkSend(ConnId(1))), Some(one));
        assert_eq!(requests.abort(Owner::LinkSend(ConnId(1))), None);
        assert!(requests.abort_any().is_some());
        assert_eq!(requests.abort_any(), None);
    }
}
