//! A sender's JSON, carried on without a change of meaning.
//!
//! Payloads are not decoded and encoded again: that would round numbers that a double cannot hold. But they
//! must hold no line feed, because line feeds separate the messages of a frame; and they must not be deep.

use serde_json::value::RawValue;

/// `raw` without the white space between its tokens, or `None` when it nests deeper than that.
#[must_use]
pub(crate) fn compact(raw: &RawValue, depth_max: usize) -> Option<Box<RawValue>> {
    let mut text = String::with_capacity(raw.get().len());
    let mut place = Place::Between;
    let mut depth = 0_usize;
    for c in raw.get().chars() {
        place = match (place, c) {
            (Place::Between, ' ' | '\t' | '\n' | '\r') => continue,
            (Place::Between, '"') => Place::InText,
            (Place::Between, '{' | '[') => {
                depth += 1;
                if depth > depth_max {
                    return None;
                }
                Place::Between
            }
            (Place::Between, '}' | ']') => {
                depth = depth.saturating_sub(1);
                Place::Between
            }
            (Place::InText, '"') => Place::Between,
            (Place::InText, '\\') => Place::AfterBackslash,
            (Place::AfterBackslash, _) => Place::InText,
            (place, _) => place,
        };
        text.push(c);
    }
    RawValue::from_string(text).ok()
}

#[derive(Clone, Copy)]
enum Place {
    Between,
    InText,
    AfterBackslash,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    fn compacted(text: &str) -> Option<String> {
        let raw: &RawValue = serde_json::from_str(text).unwrap();
        compact(raw, 60).map(|raw| raw.get().to_owned())
    }

    #[test]
    fn only_the_space_between_tokens_goes() {
        let text = "{ \"a b\" : \"x \\\" y\\\\\" ,\r\n\t\"n\": 12345678901234567890.10 , \"l\": [ 1 , true ] }";
        assert_eq!(
            compacted(text).unwrap(),
            "{\"a b\":\"x \\\" y\\\\\",\"n\":12345678901234567890.10,\"l\":[1,true]}"
        );
    }

    #[test]
    fn depth_has_an_end() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(compacted(&nested(60)).is_some());
        assert!(compacted(&nested(61)).is_none());
        assert!(compacted(r#""[[[[""#).is_some());
    }
}
