//! What the engine and the app say to each other about tokens.

use std::rc::Rc;

use super::limits::TOKEN_BYTES_MAX;

/// A secret by which a server knows the user. It lives in memory only, and never goes to storage,
/// to another tab or into a URL.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Rc<str>);

impl Token {
    /// A token from its text.
    pub fn new(text: &str) -> Token {
        Token(text.into())
    }

    /// The secret itself.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Is it longer than any token is?
    pub fn is_too_long(&self) -> bool {
        self.0.len() > TOKEN_BYTES_MAX
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Journals and failing tests are printed.
        f.write_str("Token(secret)")
    }
}

/// Why a token is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenReason {
    /// For the first connection.
    Connect,
    /// For another connection.
    Reconnect,
    /// The one in use will end soon.
    Expiring,
    /// The server did not accept the last one: one from a cache will not do.
    Rejected,
}

impl TokenReason {
    /// As the app reads it.
    pub fn text(self) -> &'static str {
        match self {
            TokenReason::Connect => "connect",
            TokenReason::Reconnect => "reconnect",
            TokenReason::Expiring => "expiring",
            TokenReason::Rejected => "rejected",
        }
    }
}

/// Why there is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFailure {
    /// Nobody is logged in: the user has to do something.
    NeedsLogin,
    /// The app's function failed or took too long; it may work the next time.
    Failed,
}
