//! What the end of a connection means for the next dial.
//!
//! Close codes are the wire's ([`CloseRule`]); statuses of HTTP mean the same for every wire.

use crate::engine::http::{Headers, retry_after};
use crate::engine::text;
use crate::engine::time::{Millis, Wall};
use crate::wire::{CloseMeans, CloseRule};

/// What to do after a connection has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AfterClose {
    /// Dial again, with backoff.
    Retry,
    /// Dial again, but not before the server wants us.
    Hold {
        /// How long it asked us to stay away.
        asked: Millis,
    },
    /// Dial again some time within a spread, like everybody else who was sent away.
    Away,
    /// Dial again; what was said last must not be said again.
    TooLarge,
    /// The server does not accept who we are.
    Unauthorized,
    /// The server does not have this transport; perhaps it has another.
    NoSuchTransport,
    /// Dialling again would be of no use.
    Give,
}

/// What a close code of a socket means. A code that is not in the table means a lost connection.
pub(super) fn after_close(rules: &[CloseRule], code: u16, reason: &str) -> AfterClose {
    let rule = rules
        .iter()
        .find(|rule| rule.from <= code && code <= rule.to);
    match rule.map_or(CloseMeans::Lost, |rule| rule.means) {
        CloseMeans::Lost => AfterClose::Retry,
        CloseMeans::SlowDown => {
            retry_after_ms(reason).map_or(AfterClose::Retry, |asked| AfterClose::Hold { asked })
        }
        CloseMeans::GoingAway => AfterClose::Away,
        CloseMeans::TooLarge => AfterClose::TooLarge,
        CloseMeans::Unauthorized => AfterClose::Unauthorized,
        CloseMeans::Final => AfterClose::Give,
    }
}

/// `retry_after=ms` somewhere in the reason of a close.
fn retry_after_ms(reason: &str) -> Option<Millis> {
    let number = text::after(reason, "retry_after=")?;
    let digits = number.bytes().take_while(u8::is_ascii_digit).count();
    text::number(number.get(..digits)?).map(Millis)
}

/// What a status means that is not the one that was hoped for.
pub(super) fn after_status(status: u16, headers: &Headers<'_>, wall: Wall) -> AfterClose {
    match status {
        401 => AfterClose::Unauthorized,
        403 => AfterClose::Give,
        413 => AfterClose::TooLarge,
        // The session ended on the other side; the next one goes on from the positions.
        404 | 410 => AfterClose::Retry,
        405 | 406 | 415 | 426 | 501 => AfterClose::NoSuchTransport,
        429 | 503 => {
            retry_after(headers, wall).map_or(AfterClose::Retry, |asked| AfterClose::Hold { asked })
        }
        _ => AfterClose::Retry,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::native::CLOSES;

    fn native(code: u16, reason: &str) -> AfterClose {
        after_close(CLOSES, code, reason)
    }

    #[test]
    fn fault_5_every_close_code_has_its_class() {
        for code in [1000, 1006, 1011, 1013, 4408, 4430] {
            assert_eq!(native(code, ""), AfterClose::Retry, "{code}");
        }
        for code in [1001, 1012, 4503] {
            assert_eq!(native(code, ""), AfterClose::Away, "{code}");
        }
        for code in [1009, 4413] {
            assert_eq!(native(code, ""), AfterClose::TooLarge, "{code}");
        }
        for code in [1008, 4400, 4403, 4406] {
            assert_eq!(native(code, ""), AfterClose::Give, "{code}");
        }
        assert_eq!(native(4401, ""), AfterClose::Unauthorized);
    }

    #[test]
    fn fault_5_another_wire_has_other_classes() {
        let rules = [
            CloseRule::one(3501, CloseMeans::Unauthorized),
            CloseRule {
                from: 3500,
                to: 3999,
                means: CloseMeans::Final,
            },
            CloseRule {
                from: 4500,
                to: 4999,
                means: CloseMeans::Final,
            },
        ];
        assert_eq!(after_close(&rules, 3501, ""), AfterClose::Unauthorized);
        assert_eq!(after_close(&rules, 3500, ""), AfterClose::Give);
        assert_eq!(after_close(&rules, 4999, ""), AfterClose::Give);
        assert_eq!(after_close(&rules, 3001, ""), AfterClose::Retry);
        assert_eq!(after_close(&rules, 4403, ""), AfterClose::Retry);
    }

    #[test]
    fn fault_6_a_code_or_a_reason_that_is_not_known_means_a_lost_connection() {
        for code in [0, 999, 2999, 4000, 4999, u16::MAX] {
            assert_eq!(native(code, "\u{fffd}\0\n"), AfterClose::Retry, "{code}");
        }
        assert_eq!(native(4429, "retry_after="), AfterClose::Retry);
        assert_eq!(native(4429, "retry_after=abc"), AfterClose::Retry);
        let huge = "retry_after=99999999999999999999999";
        assert_eq!(native(4429, huge), AfterClose::Retry);
    }

    #[test]
    fn fault_39_a_server_that_wants_less_is_asked_less() {
        let asked = Millis(2000);
        assert_eq!(native(4429, "retry_after=2000"), AfterClose::Hold { asked });
        assert_eq!(
            native(4429, "slow; retry_after=2000 please"),
            AfterClose::Hold { asked }
        );
        let headers = Headers {
            retry_after: Some("2"),
            ..Headers::default()
        };
        for status in [429, 503] {
            assert_eq!(
                after_status(status, &headers, Wall(0)),
                AfterClose::Hold { asked }
            );
        }
        assert_eq!(
            after_status(503, &Headers::default(), Wall(0)),
            AfterClose::Retry
        );
        assert_eq!(after_status(500, &headers, Wall(0)), AfterClose::Retry);
    }
}
