//! What a write carries that is made under a lease, so that a server can refuse it when it comes too
//! late: the fence, and the field that it is of, as a header can hold them (`docs/protocol.md`).

use super::leases::{Fence, Field};
use crate::engine::ids::number_text;

/// The guard of a write under a lease of this field.
pub(super) fn guard(field: &Field, fence: Fence) -> String {
    let mut out = number_text(fence.0);
    for name in [&field.channel, &field.name] {
        out.push(';');
        for byte in name.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                    out.push(char::from(byte));
                }
                _ => {
                    out.push('%');
                    for half in [byte >> 4, byte & 15] {
                        let digit = char::from_digit(half.into(), 16).unwrap_or('0');
                        out.push(digit.to_ascii_uppercase());
                    }
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::engine::room::talk::field;

    #[test]
    fn a_header_can_hold_it_whatever_the_names_are() {
        let of = |channel, name| guard(&field(channel, name).unwrap(), Fence(7));
        assert_eq!(of("tasks", "7/title"), "7;tasks;7%2Ftitle");
        assert_eq!(of("a;b,c", "caf\u{e9} %"), "7;a%3Bb%2Cc;caf%C3%A9%20%25");
    }
}
