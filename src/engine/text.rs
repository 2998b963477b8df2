//! A word in a text, and texts one after the other. The standard library searches by an algorithm for
//! long texts and joins by one for any type: together more than two kilobytes of every page's download.

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
    }

    #[test]
    fn texts_are_put_one_after_the_other() {
        assert_eq!(concat(&["a", "", "bc"]), "abc");
    }
}
