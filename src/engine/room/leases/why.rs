//! Why a field is not this tab's any more.

/// Why a lease was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its time was over.
    Expired,
    /// Somebody else has it, or the server ended it.
    Taken,
    /// The server does not give it.
    Refused,
}

impl Why {
    /// As the app reads it.
    pub fn text(self) -> &'static str {
        match self {
            Why::Expired => "expired",
            Why::Taken => "taken",
            Why::Refused => "refused",
        }
    }
}
