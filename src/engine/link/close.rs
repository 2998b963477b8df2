//! What a close code means for the next dial.

use crate::engine::time::Millis;

/// What to do after a socket was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AfterClose {
    /// Dial again, with backoff; not before what the server asked for.
    Retry {
        /// What the server asked for.
        asked: Option<Millis>,
    },
    /// The server does not accept who we are.
    Unauthorized,
    /// Dialling again would be of no use.
    Give,
}

/// Classes of close codes: `docs/protocol.md`. A code that is not known means a lost connection.
pub(super) fn after_close(code: u16, reason: &str) -> AfterClose {
    match code {
        4401 => AfterClose::Unauthorized,
        4400 | 4403 | 4406 => AfterClose::Give,
        4429 => AfterClose::Retry {
            asked: retry_after(reason),
        },
        _ => AfterClose::Retry { asked: None },
    }
}

fn retry_after(reason: &str) -> Option<Millis> {
    let (_, number) = reason.split_once("retry_after=")?;
    let digits = number.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok().map(Millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_classes() {
        let retry = |asked| AfterClose::Retry { asked };
        assert_eq!(after_close(1006, ""), retry(None));
        assert_eq!(after_close(4999, "\u{fffd}"), retry(None));
        assert_eq!(after_close(4401, ""), AfterClose::Unauthorized);
        assert_eq!(after_close(4403, ""), AfterClose::Give);
        assert_eq!(
            after_close(4429, "retry_after=2000"),
            retry(Some(Millis(2000)))
        );
        assert_eq!(
            after_close(4429, "slow; retry_after=7 please"),
            retry(Some(Millis(7)))
        );
        assert_eq!(after_close(4429, "retry_after=abc"), retry(None));
    }
}
