//! Three versions of one thing made into one, field by field.

use crate::engine::map::Map;
use crate::wire::json::{self, Raw, Writer};

/// What came of a merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Merge {
    /// Both sides changed different fields; here is what holds all changes, as JSON text.
    Clean(String),
    /// Both sides changed these fields, to different values; a JSON array of their names.
    Clash(String),
    /// There is nothing to compare: one of the three is not an object.
    Unknown,
}

/// The fields of an object: name as written, value as written.
struct Fields<'a>(Map<String, Raw<'a>>);

/// Merges `mine` and `theirs`, both made from `base`. Arguments are JSON text.
///
/// A field that only one side changed gets that side's value; one that is gone on one side and
/// untouched on the other is gone. What `mine` does not mention was not edited: the app sends
/// changed fields only.
pub(super) fn merge(base: &str, mine: &str, theirs: &str) -> Merge {
    let (Some(base), Some(mine), Some(theirs)) = (fields(base), fields(mine), fields(theirs))
    else {
        return Merge::Unknown;
    };
    let mut clashes = Writer::new();
    let mut clashed = false;
    clashes.array(|w| {
        for (name, value) in mine.0.iter() {
            let was = base.0.get(name);
            let is = theirs.0.get(name);
            let theirs_changed = !same(was, is);
            if !same(was, Some(value)) && theirs_changed && !same(is, Some(value)) {
                clashed = true;
                w.string(name);
            }
        }
    });
    if clashed {
        return Merge::Clash(clashes.finish());
    }
    let mut merged = Writer::new();
    merged.object(|w| {
        for (name, value) in mine.0.iter() {
            let was = base.0.get(name);
            // Sent along but not edited: what the other side has is newer.
            let value = if same(was, Some(value)) {
                theirs.0.get(name)
            } else {
                Some(value)
            };
            if let Some(value) = value {
                w.key(name).raw(value.text());
            }
        }
    });
    Merge::Clean(merged.finish())
}

fn fields(text: &str) -> Option<Fields<'_>> {
    let raw = json::parse(text).ok()?;
    let mut fields = Map::new();
    raw.members(|name, value| {
        fields.insert(name.decode().into_owned(), value);
    });
    raw.is_object().then_some(Fields(fields))
}

/// Are two values the same? By their text, and then by their meaning, because a server writes
/// members in another order, with other spaces and other escapes.
fn same(a: Option<&Raw<'_>>, b: Option<&Raw<'_>>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => a.text() == b.text() || canon(*a) == canon(*b),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// One text for all texts of a value. The depth of what was parsed is bounded.
fn canon(raw: Raw<'_>) -> String {
    let mut w = Writer::new();
    write_canon(&mut w, raw);
    w.finish()
}

fn write_canon(w: &mut Writer, raw: Raw<'_>) {
    if raw.is_object() {
        let mut sorted = Map::new();
        raw.members(|name, value| {
            sorted.insert(name.decode().into_owned(), value);
        });
        w.object(|w| {
            for (name, value) in sorted.iter() {
                w.key(name);
                write_canon(w, *value);
            }
        });
    } else if raw.is_array() {
        w.array(|w| raw.elements(|element| write_canon(w, element)));
    } else if let Some(text) = raw.string() {
        w.string(&text.decode());
    } else {
        w.raw(raw.text());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn clean(text: &str) -> Merge {
        Merge::Clean(text.to_owned())
    }

    #[test]
    fn different_fields_are_merged() {
        let base = r#"{"title":"a","notes":"b","n":1}"#;
        let mine = r#"{"title":"A","notes":"b"}"#;
        let theirs = r#"{"notes":"B","title":"a","n":2}"#;
        assert_eq!(
            merge(base, mine, theirs),
            clean(r#"{"notes":"B","title":"A"}"#)
        );
    }

    #[test]
    fn the_same_field_is_a_clash_unless_both_want_the_same() {
        let base = r#"{"title":"a","tags":[1]}"#;
        let clash = merge(
            base,
            r#"{"title":"b","tags":[2]}"#,
            r#"{"title":"c","tags":[2]}"#,
        );
        assert_eq!(clash, Merge::Clash(r#"["title"]"#.to_owned()));
        let agreed = merge(base, r#"{"title":"b"}"#, r#"{"title":"b"}"#);
        assert_eq!(agreed, clean(r#"{"title":"b"}"#));
    }

    #[test]
    fn a_field_that_they_removed_stays_removed_unless_it_was_edited() {
        let base = r#"{"a":1,"b":2}"#;
        assert_eq!(
            merge(base, r#"{"a":1,"b":2}"#, r#"{"b":2}"#),
            clean(r#"{"b":2}"#)
        );
        let edited = merge(base, r#"{"a":9}"#, r#"{"b":2}"#);
        assert_eq!(edited, Merge::Clash(r#"["a"]"#.to_owned()));
    }

    #[test]
    fn values_are_compared_by_meaning() {
        let base = r#"{"x":{"p":1,"q":"\u0041"}}"#;
        let theirs = r#"{"x":{ "q":"A", "p":1 }}"#;
        let mine = r#"{"x":{"p":2}}"#;
        assert_eq!(merge(base, mine, theirs), clean(mine));
    }

    #[test]
    fn what_has_no_fields_is_not_merged() {
        for (base, mine, theirs) in [
            ("null", "{}", "{}"),
            ("{}", "[1]", "{}"),
            ("{}", "{}", "3"),
            ("{", "{}", "{}"),
        ] {
            assert_eq!(merge(base, mine, theirs), Merge::Unknown);
        }
    }

    fn objects() -> impl Strategy<Value = Vec<(char, u8)>> {
        prop::collection::btree_map(prop::char::range('a', 'e'), 0u8..3, 0..5)
            .prop_map(|map| map.into_iter().collect())
    }

    fn text(object: &[(char, u8)]) -> String {
        let fields: Vec<String> = object.iter().map(|(k, v)| format!("\"{k}\":{v}")).collect();
        format!("{{{}}}", fields.join(","))
    }

    proptest! {
        /// Written onto what the server has, a clean merge leaves every field as the side has it
        /// that changed it; a clash names exactly the fields that both changed differently.
        #[test]
        fn no_change_of_either_side_is_lost(base in objects(), mine in objects(), theirs in objects()) {
            let get = |of: &[(char, u8)], name| of.iter().find(|(k, _)| *k == name).map(|(_, v)| *v);
            let clashes: Vec<char> = mine.iter().filter(|(name, value)| {
                let was = get(&base, *name);
                let is = get(&theirs, *name);
                was != Some(*value) && was != is && is != Some(*value)
            }).map(|(name, _)| *name).collect();
            match merge(&text(&base), &text(&mine), &text(&theirs)) {
                Merge::Unknown => prop_assert!(false, "all three are objects"),
                Merge::Clash(names) => {
                    let expected: Vec<String> = clashes.iter().map(|c| format!("\"{c}\"")).collect();
                    prop_assert!(!clashes.is_empty());
                    prop_assert_eq!(names, format!("[{}]", expected.join(",")));
                }
                Merge::Clean(merged) => {
                    prop_assert!(clashes.is_empty());
                    let merged = json::parse(&merged).unwrap();
                    for (name, value) in &mine {
                        let edited = get(&base, *name) != Some(*value);
                        let expected = if edited { Some(*value) } else { get(&theirs, *name) };
                        let got = merged.member(&name.to_string()).and_then(Raw::integer);
                        prop_assert_eq!(got, expected.map(u64::from));
                    }
                }
            }
        }
    }
}
