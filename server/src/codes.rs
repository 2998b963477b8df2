//! The codes by which refusals and ends are known: a page decides by them, never by the text beside.

use serde::{Serialize, Serializer};

/// The kinds of refusal, on the socket and in REST answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorCode {
    /// The request makes no sense.
    BadRequest,
    /// Larger than a limit.
    TooLarge,
    /// Nobody is known by this token.
    Unauthorized,
    /// The token was good once.
    TokenExpired,
    /// Not for this sender.
    Forbidden,
    /// No such thing.
    NotFound,
    /// This connection has as many subscriptions as it may have.
    TooManySubs,
    /// Somebody else has this field.
    Locked,
    /// A lease under this fence has ended, and somebody else may have had the field since.
    StaleFence,
    /// The record was written since the version that this change was made from.
    Changed,
    /// This connection has as many leases as it may have.
    TooManyLeases,
    /// This connection has as many mutations without an answer as it may have.
    TooManyMuts,
    /// More was said than may be said in so short a time.
    RateLimited,
    /// The version is not spoken here.
    Unsupported,
    /// The server is full.
    Overloaded,
    /// The server failed.
    Internal,
}

impl ErrorCode {
    /// The code as it is sent, counted and written down.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::TooLarge => "too_large",
            Self::Unauthorized => "unauthorized",
            Self::TokenExpired => "token_expired",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::TooManySubs => "too_many_subs",
            Self::Locked => "locked",
            Self::StaleFence => "stale_fence",
            Self::Changed => "changed",
            Self::TooManyLeases => "too_many_leases",
            Self::TooManyMuts => "too_many_muts",
            Self::RateLimited => "rate_limited",
            Self::Unsupported => "unsupported",
            Self::Overloaded => "overloaded",
            Self::Internal => "internal",
        }
    }

    /// May the very same be tried again a moment later? What failed in the server may even be done already: a write's
    /// key keeps it from being done twice.
    pub(crate) fn is_passing(self) -> bool {
        match self {
            Self::RateLimited
            | Self::TooManySubs
            | Self::TooManyLeases
            | Self::TooManyMuts
            | Self::Locked
            | Self::TokenExpired
            | Self::Overloaded
            | Self::Internal => true,
            Self::BadRequest
            | Self::TooLarge
            | Self::Unauthorized
            | Self::Forbidden
            | Self::NotFound
            | Self::StaleFence
            | Self::Changed
            | Self::Unsupported => false,
        }
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Why the server closes a connection. The reason is text for a developer; a page decides by the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CloseReason {
    /// The close code.
    pub(crate) code: u16,
    /// At most 123 bytes, by RFC 6455.
    pub(crate) reason: &'static str,
}

impl CloseReason {
    /// What was sent is not of this protocol.
    pub(crate) const BAD_MESSAGE: Self = Self {
        code: 4400,
        reason: "bad message",
    };
    /// Nobody is known by the token of `hello`.
    pub(crate) const UNAUTHORIZED: Self = Self {
        code: 4401,
        reason: "unauthorized",
    };
    /// The token of the connection is not good any more, and no other came in time.
    pub(crate) const EXPIRED: Self = Self {
        code: 4401,
        reason: "token expired",
    };
    /// Somebody who may do so wants this person out.
    pub(crate) const KICKED: Self = Self {
        code: 4403,
        reason: "ended by the app",
    };
    /// Neither the subprotocol nor the version is spoken here.
    pub(crate) const VERSION: Self = Self {
        code: 4406,
        reason: "version not spoken",
    };
    /// No `hello` in time.
    pub(crate) const NO_HELLO: Self = Self {
        code: 4408,
        reason: "no hello",
    };
    /// Pings stayed without an answer.
    pub(crate) const SILENT: Self = Self {
        code: 4408,
        reason: "no answer to pings",
    };
    /// A frame was too large.
    pub(crate) const TOO_LARGE: Self = Self {
        code: 4413,
        reason: "message too large",
    };
    /// More was said than may be said in so short a time. The reason says for how many milliseconds to wait.
    pub(crate) const TOO_MANY: Self = Self {
        code: 4429,
        reason: "retry_after=5000",
    };
    /// The page reads more slowly than events come.
    pub(crate) const SLOW: Self = Self {
        code: 4430,
        reason: "read too slowly",
    };
    /// The server goes away.
    pub(crate) const GOING_AWAY: Self = Self {
        code: 4503,
        reason: "going away",
    };
    /// RFC 6455: a frame of text is no text.
    pub(crate) const NOT_UTF8: Self = Self {
        code: 1007,
        reason: "not UTF-8",
    };
    /// RFC 6455: the peer broke the WebSocket protocol itself.
    pub(crate) const PROTOCOL_ERROR: Self = Self {
        code: 1002,
        reason: "protocol error",
    };
    /// RFC 6455: more connections than this server takes.
    pub(crate) const TRY_LATER: Self = Self {
        code: 1013,
        reason: "try again later",
    };
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    const DOCUMENT: &str = include_str!("../../docs/protocol.md");

    /// Whoever writes a client reads there which of them to try again.
    #[test]
    fn the_document_says_of_each_code_whether_to_try_again() {
        use ErrorCode as E;
        let (_, table) = DOCUMENT.split_once("| error code | again |").unwrap();
        let (table, _) = table.split_once("\n\n").unwrap();
        let rows = table.lines().skip(2).map(|row| {
            let mut cells = row.split('|').map(str::trim).skip(1);
            let code = cells.next().unwrap().trim_matches('`');
            (code, cells.next().unwrap())
        });
        let all = [
            E::BadRequest,
            E::TooLarge,
            E::Unauthorized,
            E::TokenExpired,
            E::Forbidden,
            E::NotFound,
            E::Locked,
            E::StaleFence,
            E::Changed,
            E::RateLimited,
            E::TooManySubs,
            E::TooManyLeases,
            E::TooManyMuts,
            E::Unsupported,
            E::Overloaded,
            E::Internal,
        ];
        let wanted = all.map(|code| (code.as_str(), if code.is_passing() { "yes" } else { "no" }));
        assert_eq!(rows.collect::<Vec<_>>(), wanted);
    }
}
