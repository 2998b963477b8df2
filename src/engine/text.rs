//! Words, marks and numbers in a text, and texts one after the other. The standard library searches by
//! algorithms for long texts and any alphabet, joins any type and reads numbers of any base: together more
//! than three kilobytes of every page's download.

/// Where a word begins in a text for the first time.
pub fn find(text: &str, word: &str) -> Option<usize> {
    let windows = text.len().checked_sub(word.len())?;
    (0..=windows).find(|at| {
        let rest = text.as_bytes().get(*at..).unwrap_or(&[]);
        rest.starts_with(word.as_bytes())
    })
}

/// What follows a word in a text.
pub fn after<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    text.get(find(text, word)? + word.len()..)
}

/// Where the first of these marks stands, each of them ASCII.
#[inline(never)]
#[expect(
    clippy::manual_contains,
    reason = "`contains` is one of the algorithms for long texts"
)]
pub fn mark(text: &str, marks: &[u8]) -> Option<usize> {
    text.bytes()
        .position(|byte| marks.iter().any(|mark| *mark == byte))
}

/// What stands before and behind the first of these marks.
pub fn cut<'a>(text: &'a str, marks: &[u8]) -> Option<(&'a str, &'a str)> {
    let at = mark(text, marks)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// What stands before the first of these marks, and leaves the text with what stands behind it; all of the
/// text if it has none.
pub fn piece<'a>(text: &mut &'a str, marks: &[u8]) -> &'a str {
    let (before, behind) = cut(text, marks).unwrap_or((*text, ""));
    *text = behind;
    before
}

/// The number that a text is, if it has digits and nothing else.
#[inline(never)]
pub fn number(text: &str) -> Option<u64> {
    let mut number = 0u64;
    for byte in text.bytes() {
        if !byte.is_ascii_digit() {
            return None;
        }
        number = number
            .checked_mul(10)?
            .checked_add(u64::from(byte - b'0'))?;
    }
    (!text.is_empty()).then_some(number)
}

/// Digits without the zeros that they begin with.
pub fn without_zeros(digits: &str) -> &str {
    let zeros = digits.bytes().take_while(|digit| *digit == b'0');
    digits.get(zeros.count()..).unwrap_or("")
}

/// The number that a text of hexadecimal digits is.
#[inline(never)]
pub fn hex(text: &str) -> Option<u64> {
    let mut number = 0u64;
    for byte in text.bytes() {
        number = number.checked_mul(16)? | u64::from(char::from(byte).to_digit(16)?);
    }
    (!text.is_empty()).then_some(number)
}

/// Appends what stands for a text in an address behind a `?`.
pub fn push_escaped(out: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            _ => {
                out.push('%');
                for nibble in [byte >> 4, byte & 15] {
                    out.push(char::from_digit(nibble.into(), 16).unwrap_or('0'));
                }
            }
        }
    }
}

/// Texts one after the other.
pub fn concat(parts: &[&str]) -> String {
    let mut out = String::new();
    for part in parts {
        out.push_str(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_word_is_found_where_the_standard_library_finds_it(text in "[abé]{0,12}", word in "[abé]{0,4}") {
            prop_assert_eq!(find(&text, &word), text.find(&word));
            prop_assert_eq!(after(&text, &word), text.split_once(&*word).map(|(_, rest)| rest));
        }

        #[test]
        fn a_text_is_cut_where_the_standard_library_cuts_it(text in "[ab,;é]{0,12}") {
            prop_assert_eq!(mark(&text, b",;"), text.find([',', ';']));
            prop_assert_eq!(cut(&text, b","), text.split_once(','));
            let (mut rest, mut pieces) = (text.as_str(), Vec::new());
            while !rest.is_empty() {
                pieces.push(piece(&mut rest, b","));
            }
            let theirs: Vec<&str> = text.split(',').collect();
            // A mark at the very end has nothing behind it.
            prop_assert_eq!(pieces, text.strip_suffix(',').map_or(theirs, |text| text.split(',').collect()).into_iter().filter(|_| !text.is_empty()).collect::<Vec<_>>());
        }

        #[test]
        fn numbers_are_what_the_standard_library_reads(text in "[0-9a-fg+-]{0,20}") {
            let plain = !text.starts_with(['+', '-']);
            prop_assert_eq!(number(&text), text.parse().ok().filter(|_| plain));
            prop_assert_eq!(hex(&text), u64::from_str_radix(&text, 16).ok().filter(|_| plain));
        }

        #[test]
        fn long_numbers_do_not_wrap(number in any::<u128>()) {
            let text = number.to_string();
            prop_assert_eq!(super::number(&text), text.parse().ok());
            let text = format!("{number:x}");
            prop_assert_eq!(hex(&text), u64::from_str_radix(&text, 16).ok());
        }
    }

    #[test]
    fn texts_are_put_one_after_the_other() {
        assert_eq!(concat(&["a", "", "bc"]), "abc");
    }
}
