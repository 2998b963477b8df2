//! The delta format of Fossil, which Centrifugo uses: how one text is made of another.
//!
//! A delta is `<size>\n`, then commands, then `<checksum>;`. `<n>@<offset>,` copies n bytes of the base, and
//! `<n>:` is followed by n bytes that are new. Numbers are written to the base 64.

use crate::engine::limits::DELTA_BYTES_MAX;

/// What it is called where it is asked for.
pub const NAME: &str = "fossil";

/// Why a delta is none, or none of this base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    /// It announces more bytes than are taken.
    TooLarge,
    /// It is not written as deltas are.
    Form,
    /// It copies what the base does not have.
    Copy,
    /// It makes more bytes than it announced, or fewer.
    Size,
    /// What it makes is not what was meant.
    Checksum,
}

/// Makes the text. How long it becomes is known before there is room for it, and no command goes beyond that.
pub fn apply(base: &[u8], delta: &[u8]) -> Result<Vec<u8>, Bad> {
    let mut rest = delta;
    let size = number(&mut rest)? as usize;
    mark(&mut rest, b'\n')?;
    if size > DELTA_BYTES_MAX {
        return Err(Bad::TooLarge);
    }
    let mut out = Vec::with_capacity(size);
    loop {
        let count = number(&mut rest)?;
        let length = count as usize;
        let (&command, after) = rest.split_first().ok_or(Bad::Form)?;
        rest = after;
        let bytes = match command {
            b'@' => {
                let from = number(&mut rest)? as usize;
                mark(&mut rest, b',')?;
                let copied = base.get(from..).and_then(|base| base.get(..length));
                copied.ok_or(Bad::Copy)?
            }
            b':' => {
                let (new, after) = rest.split_at_checked(length).ok_or(Bad::Form)?;
                rest = after;
                new
            }
            b';' if !rest.is_empty() => return Err(Bad::Form),
            b';' if out.len() != size => return Err(Bad::Size),
            b';' if checksum(&out) != count => return Err(Bad::Checksum),
            b';' => return Ok(out),
            _ => return Err(Bad::Form),
        };
        if bytes.len() > size - out.len() {
            return Err(Bad::Size);
        }
        out.extend_from_slice(bytes);
    }
}

/// A number, the most significant digit first. Of more than 32 bits there is none.
fn number(rest: &mut &[u8]) -> Result<u32, Bad> {
    let mut value = None;
    while let Some((&byte, after)) = rest.split_first()
        && let Some(digit) = digit(byte)
    {
        let shifted = value.unwrap_or(0u32).checked_mul(64).ok_or(Bad::Form)?;
        value = Some(shifted | digit);
        *rest = after;
    }
    value.ok_or(Bad::Form)
}

fn digit(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'0'..=b'9' => byte - b'0',
        b'A'..=b'Z' => byte - b'A' + 10,
        b'_' => 36,
        b'a'..=b'z' => byte - b'a' + 37,
        b'~' => 63,
        _ => return None,
    }))
}

fn mark(rest: &mut &[u8], mark: u8) -> Result<(), Bad> {
    *rest = rest.strip_prefix(&[mark]).ok_or(Bad::Form)?;
    Ok(())
}

/// The sum of the bytes as words of 32 bits, the most significant byte first, filled up with zeros.
fn checksum(bytes: &[u8]) -> u32 {
    let word = |sum: u32, word: &[u8]| {
        let byte = |at: usize| u32::from(word.get(at).copied().unwrap_or(0));
        sum.wrapping_add(byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3))
    };
    bytes.chunks(4).fold(0, word)
}

/// Writes deltas, for tests.
#[cfg(any(test, fuzzing))]
pub mod write {
    /// A number.
    pub fn number(mut value: u32) -> String {
        const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~";
        let mut out: Vec<u8> = Vec::new();
        loop {
            out.extend(DIGITS.get(value as usize % 64));
            value /= 64;
            if value == 0 {
                break;
            }
        }
        out.iter().rev().map(|byte| char::from(*byte)).collect()
    }

    /// What makes `target` of `base`: what they begin and end with alike is copied.
    pub fn delta(base: &str, target: &str) -> Vec<u8> {
        let (old, new) = (base.as_bytes(), target.as_bytes());
        let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
        let most = old.len().min(new.len()) - head;
        let ends = old.iter().rev().zip(new.iter().rev());
        let tail = ends.take(most).take_while(|(a, b)| a == b).count();
        let n = |value: usize| number(u32::try_from(value).unwrap_or(0));
        let mut out = [&n(new.len()), "\n"].concat().into_bytes();
        let copy = |count: usize, from: usize| {
            let text = [&n(count), "@", &n(from), ","].concat();
            if count == 0 {
                Vec::new()
            } else {
                text.into_bytes()
            }
        };
        out.extend(copy(head, 0));
        let middle = new.get(head..new.len() - tail).unwrap_or_default();
        if !middle.is_empty() {
            out.extend([&n(middle.len()), ":"].concat().into_bytes());
            out.extend(middle);
        }
        out.extend(copy(tail, old.len() - tail));
        out.extend([&number(super::checksum(new)), ";"].concat().into_bytes());
        out
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_the_real_server_said_is_what_it_meant() {
        // `tests/wires/centrifugo.jsonl`, the session of deltas.
        let lorem = "lorem ipsum dolor sit amet ".repeat(4);
        let base = [
            "{\"title\":\"Bio Study Block\",\"desc\":\"",
            &lorem,
            "\",\"v\":1}",
        ]
        .concat();
        let made = apply(base.as_bytes(), b"2N\n2L@0,2:2}2rmmft;").unwrap();
        let expected = base.replace("\"v\":1", "\"v\":2");
        assert_eq!(String::from_utf8(made).unwrap(), expected);
    }

    #[test]
    fn numbers_have_the_digits_of_the_format() {
        for (text, value) in [
            ("0", 0),
            ("Z", 35),
            ("_", 36),
            ("a", 37),
            ("~", 63),
            ("10", 64),
            ("3~~~~~", u32::MAX),
        ] {
            assert_eq!(number(&mut text.as_bytes()), Ok(value), "{text}");
            assert_eq!(write::number(value), text);
        }
        for text in ["", "-1", "4000000", "40000000000000"] {
            assert_eq!(number(&mut text.as_bytes()), Err(Bad::Form), "{text}");
        }
    }

    #[test]
    fn what_is_no_delta_of_this_base_makes_nothing() {
        let huge = [&write::number(DELTA_BYTES_MAX as u32 + 1), "\n0;"].concat();
        for (delta, bad) in [
            ("", Bad::Form),
            ("3", Bad::Form),
            ("3\n", Bad::Form),
            ("3\n3@0,", Bad::Form),
            ("3\n3@0", Bad::Form),
            ("3\n3!abc", Bad::Form),
            ("3\n:abc0;", Bad::Form),
            ("3\n4:abc", Bad::Form),
            ("3\n3:abc", Bad::Form),
            // Something stands behind its end.
            ("0\n0;0", Bad::Form),
            (&huge, Bad::TooLarge),
            ("3~~~~~\n3~~~~~@0,0;", Bad::TooLarge),
            ("3\n7@0,", Bad::Copy),
            ("3\n3@4,", Bad::Copy),
            ("3\n1@3~~~~~,", Bad::Copy),
            ("3\n3~~~~~@3,", Bad::Copy),
            // More than it announced, of which nothing is made.
            ("3\n3@0,1@0,", Bad::Size),
            ("2\n3:abc", Bad::Size),
            ("4\n3@0,0;", Bad::Size),
            ("3\n3@0,0;", Bad::Checksum),
        ] {
            assert_eq!(apply(b"abcdef", delta.as_bytes()), Err(bad), "{delta}");
        }
        assert_eq!(apply(b"", b"0\n0;").as_deref(), Ok(&b""[..]));
    }

    proptest! {
        #[test]
        fn a_delta_makes_what_it_was_made_of(
            base in "[ab\u{e9}\u{1f600}]{0,40}",
            target in "[ab\u{e9}\u{1f600}]{0,40}",
        ) {
            let delta = write::delta(&base, &target);
            prop_assert_eq!(apply(base.as_bytes(), &delta), Ok(target.into_bytes()));
        }

        #[test]
        fn a_damaged_delta_makes_no_more_than_it_says(
            base in "[ab]{0,40}",
            target in "[ab]{1,40}",
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let mut delta = write::delta(&base, &target);
            let at = at.index(delta.len());
            delta[at] = byte;
            if let Ok(made) = apply(base.as_bytes(), &delta) {
                prop_assert!(made.len() <= DELTA_BYTES_MAX);
            }
        }
    }
}
