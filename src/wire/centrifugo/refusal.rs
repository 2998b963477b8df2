//! How the server says no, in the words of every wire.

use super::{Failure, number, word};
use crate::wire::json::Raw;
use crate::wire::{Heard, Refusal};

impl Failure<'_> {
    /// The reason in our words.
    pub(super) fn code(&self) -> &'static str {
        match self.code {
            101 => "unauthorized",
            109 | 110 => "token_expired",
            106 | 111 => "rate_limited",
            _ if self.temporary => "internal",
            0..=100 => "internal",
            102 => "not_found",
            104 | 107 | 108 => "bad_request",
            // Of the server, or of the app that stands behind it.
            _ => "forbidden",
        }
    }

    /// May it be about the token of a channel? One that is not for it is refused as one who has none is.
    pub(super) fn is_about_token(&self) -> bool {
        matches!(self.code, 101 | 103 | 109 | 110)
    }
}

pub(super) fn refusal(channel: Option<String>, code: &str, failure: &Failure<'_>) -> Refusal {
    Refusal {
        request: None,
        channel,
        code: code.to_owned(),
        message: failure.message.clone().into_owned(),
        retry_after_ms: None,
    }
}

/// The end of the connection, said as a message.
pub(super) fn sent_away(body: Raw<'_>) -> Refusal {
    let code = match number(body, "code") {
        3005 | 3014 | 3500 => "unauthorized",
        3500..=3999 | 4500..=4999 => "forbidden",
        _ => "internal",
    };
    Refusal {
        request: None,
        channel: None,
        code: code.to_owned(),
        message: word(body, "reason").into_owned(),
        retry_after_ms: None,
    }
}

/// The server did not take a channel's token.
pub(super) fn not_admitted(channel: &str, failure: &Failure<'_>) -> Heard<'static> {
    Heard::NotAdmitted(refusal(Some(channel.to_owned()), failure.code(), failure))
}
