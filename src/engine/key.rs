//! Query keys, as TanStack Query has them: arrays of anything that is JSON.
//!
//! A key is kept in one canonical form: members of objects sorted and each once, no spaces,
//! strings escaped in one way, numbers as JavaScript writes them. So two spellings of a key are
//! one key, and a family of plain elements is a prefix of the text itself.

use std::borrow::{Borrow, Cow};
use std::rc::Rc;

use super::limits::KEY_BYTES_MAX;
use super::text;
use crate::wire::json::{self, Raw, Text, Writer};

/// A query key, or a prefix of one, in its canonical form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueryKey(Rc<str>);

impl Borrow<str> for QueryKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl QueryKey {
    /// A key from its JSON value; nothing if it is not an array or too long.
    pub fn new(raw: Raw<'_>) -> Option<QueryKey> {
        if !raw.is_array() || raw.text().len() > KEY_BYTES_MAX {
            return None;
        }
        let mut writer = Writer::new();
        write_canonical(raw, &mut writer);
        QueryKey::of_canonical(writer.finish())
    }

    /// A key from elements that are canonical already.
    pub fn of_elements<T: AsRef<str>>(elements: &[T]) -> Option<QueryKey> {
        let mut writer = Writer::new();
        writer.array(|w| {
            for element in elements {
                w.raw(element.as_ref());
            }
        });
        QueryKey::of_canonical(writer.finish())
    }

    fn of_canonical(text: String) -> Option<QueryKey> {
        (text.len() <= KEY_BYTES_MAX).then(|| QueryKey(text.into()))
    }

    /// The key as canonical JSON text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Does this key lie in the family of `prefix`, as TanStack Query v5 decides it? Arrays match
    /// element by element from the front, objects when they have all that the prefix asks for.
    pub fn in_family(&self, prefix: &QueryKey) -> bool {
        let stem = prefix.stem();
        if !self.0.starts_with(stem) {
            return false;
        }
        if prefix.is_plain() {
            // The text may go on only where an element ends.
            return stem == "[" || matches!(self.0.as_bytes().get(stem.len()), Some(b',' | b']'));
        }
        matches(self.raw(), prefix.raw())
    }

    /// The text that every key of this family begins with, for finding them in sorted order.
    pub fn stem(&self) -> &str {
        let nested = self.0.get(1..).and_then(|rest| text::mark(rest, b"{["));
        match nested {
            // Whether the bracket opens a nested value or stands in a string: what is before the
            // last whole element is text that every member of the family begins with.
            Some(at) => {
                let head = self.0.get(..=at).unwrap_or("[");
                match head.bytes().rposition(|byte| byte == b',') {
                    Some(comma) if !in_string(head, comma) => head.get(..comma).unwrap_or("["),
                    _ => "[",
                }
            }
            None => self.0.strip_suffix(']').unwrap_or("["),
        }
    }

    /// Are all elements strings, numbers and words?
    pub fn is_plain(&self) -> bool {
        let rest = self.0.get(1..).unwrap_or("");
        text::mark(rest, b"{[").is_none()
    }

    /// How many elements it has.
    pub fn length(&self) -> usize {
        let mut count = 0;
        self.raw().elements(|_| count += 1);
        count
    }

    /// The key as a JSON value.
    pub fn raw(&self) -> Raw<'_> {
        // Made from a value that was checked, so it is one.
        json::parse(&self.0).unwrap_or(Raw::NULL)
    }
}

/// Is the byte at `at` inside of a string? `text` begins outside of one.
fn in_string(text: &str, at: usize) -> bool {
    let mut inside = false;
    let mut escaped = false;
    for byte in text.bytes().take(at) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => inside = !inside,
            _ => {}
        }
    }
    inside
}

/// `partialMatchKey(a, b)` of TanStack Query v5, on canonical values. Nesting is bounded by the
/// reader, so the recursion is.
fn matches(a: Raw<'_>, b: Raw<'_>) -> bool {
    if a == b {
        return true;
    }
    if a.is_array() && b.is_array() {
        let mut have = Vec::new();
        a.elements(|element| have.push(element));
        let mut at = 0;
        let mut all = true;
        b.elements(|want| {
            all = all && have.get(at).is_some_and(|&element| matches(element, want));
            at += 1;
        });
        return all;
    }
    let mut all = true;
    if b.is_object() && (a.is_object() || a.is_array()) {
        b.members(|name, want| {
            all = all && property(a, &name.decode()).is_some_and(|found| matches(found, want));
        });
        return all;
    }
    if b.is_array() && a.is_object() {
        let mut at = 0u64;
        b.elements(|want| {
            let mut name = String::new();
            json::push_number(&mut name, at);
            all = all && property(a, &name).is_some_and(|found| matches(found, want));
            at += 1;
        });
        return all;
    }
    false
}

/// `value[name]` as JavaScript has it for an own property.
fn property<'a>(value: Raw<'a>, name: &str) -> Option<Raw<'a>> {
    if value.is_object() {
        return value.member(name);
    }
    let mut found = None;
    let mut at = 0u64;
    value.elements(|element| {
        let mut index = String::new();
        json::push_number(&mut index, at);
        if index == name {
            found = Some(element);
        }
        at += 1;
    });
    found
}

/// Writes a value in its canonical form.
pub fn write_canonical(raw: Raw<'_>, w: &mut Writer) {
    write_filled(raw, w, None);
}

/// Writes a value in its canonical form; with a payload, strings like `"$.task.id"` in it become
/// what the payload has there, and `"$$.x"` becomes `"$.x"`. False if the payload has it not.
pub fn write_filled(raw: Raw<'_>, w: &mut Writer, payload: Option<Raw<'_>>) -> bool {
    let mut whole = true;
    if raw.is_array() {
        w.array(|w| raw.elements(|element| whole &= write_filled(element, w, payload)));
    } else if raw.is_object() {
        let mut sorted: Vec<(Cow<'_, str>, Raw<'_>)> = Vec::new();
        raw.members(|name, value| {
            let name = name.decode();
            match sorted.binary_search_by(|(have, _)| have.cmp(&name)) {
                // The last of two members wins, as in JavaScript.
                Ok(at) => sorted[at].1 = value,
                Err(at) => sorted.insert(at, (name, value)),
            }
        });
        w.object(|w| {
            for (name, value) in sorted {
                whole &= write_filled(value, w.key(&name), payload);
            }
        });
    } else if let Some(text) = raw.string() {
        let text = text.decode();
        match (payload, text.strip_prefix('$')) {
            (Some(_), Some(escaped)) if escaped.starts_with("$.") => w.string(escaped),
            (Some(payload), Some(path)) if path.starts_with('.') => {
                match field(payload, path).filter(|value| may_fill(*value)) {
                    Some(value) => {
                        write_filled(value, w, None);
                    }
                    None => {
                        w.null();
                        whole = false;
                    }
                }
            }
            _ => w.string(&text),
        }
    } else {
        w.raw(&number(raw.text()));
    }
    whole
}

/// Can a payload's value stand in a key? `null` names nothing, and a number that JavaScript may
/// round is not what the page has in its key: both leave the element open.
fn may_fill(value: Raw<'_>) -> bool {
    let text = value.text();
    let numeric = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    !(value.is_null() || numeric && (digits > 15 || number(text) == "null"))
}

/// What a payload has at a path like `.task.id`.
pub fn field<'a>(payload: Raw<'a>, path: &str) -> Option<Raw<'a>> {
    let (_, mut names) = text::cut(path, b".")?;
    let mut value = payload;
    loop {
        let last = text::mark(names, b".").is_none();
        value = value.member(text::piece(&mut names, b"."))?;
        if last {
            return Some(value);
        }
    }
}

/// Is it a string that names a field of the payload, like `"$.task.id"`?
pub fn field_path(raw: Raw<'_>) -> Option<String> {
    let text = raw.string().map(Text::decode)?;
    let path = text.strip_prefix('$')?;
    (path.len() > 1 && path.starts_with('.')).then(|| path.to_owned())
}

/// A number, or a word, as JavaScript writes it. Worked out on the digits: floating point with
/// its tables would cost the download more than everything else in this file.
fn number(text: &str) -> Cow<'_, str> {
    let has = |marks| text::mark(text, marks).is_some();
    if !has(b".eE") && text.len() <= 15 && text != "-0" || has(b"u") {
        return Cow::Borrowed(text);
    }
    if text == "false" {
        return Cow::Borrowed(text);
    }
    let (mantissa, exponent) = match text::cut(text, b"eE") {
        Some((mantissa, exponent)) => (mantissa, exponent_of(exponent)),
        None => (text, 0),
    };
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let (whole, fraction) = text::cut(mantissa, b".").unwrap_or((mantissa, ""));
    let mut digits = whole.to_owned();
    digits.push_str(fraction);
    // Where the point stands: 0.digits times ten to the `point`.
    let mut point = exponent.saturating_add(i64::try_from(whole.len()).unwrap_or(0));
    let significant = text::without_zeros(&digits);
    point = point.saturating_sub(i64::try_from(digits.len() - significant.len()).unwrap_or(0));
    let zeros = significant.bytes().rev().take_while(|digit| *digit == b'0');
    let significant = significant
        .get(..significant.len() - zeros.count())
        .unwrap_or("");
    if significant.is_empty() || point < -323 {
        return Cow::Borrowed("0");
    }
    if point > 309 {
        // To JavaScript it is infinite, and it writes that so.
        return Cow::Borrowed("null");
    }
    let mut out = sign.to_owned();
    place_point(&mut out, significant, point);
    Cow::Owned(out)
}

/// The rules of `Number.prototype.toString`.
fn place_point(out: &mut String, digits: &str, point: i64) {
    let length = i64::try_from(digits.len()).unwrap_or(i64::MAX);
    let at = |point: i64| digits.split_at(usize::try_from(point).unwrap_or(0));
    if point >= length && point <= 21 {
        out.push_str(digits);
        (length..point).for_each(|_| out.push('0'));
    } else if point > 0 && point <= 21 {
        let (whole, fraction) = at(point);
        out.push_str(whole);
        out.push('.');
        out.push_str(fraction);
    } else if point > -6 && point <= 0 {
        out.push_str("0.");
        (point..0).for_each(|_| out.push('0'));
        out.push_str(digits);
    } else {
        let (first, rest) = at(1);
        out.push_str(first);
        if !rest.is_empty() {
            out.push('.');
            out.push_str(rest);
        }
        let exponent = point.saturating_sub(1);
        out.push_str(if exponent < 0 { "e-" } else { "e+" });
        json::push_number(out, exponent.unsigned_abs());
    }
}

/// An exponent; one that no number of JavaScript has is cut off.
fn exponent_of(text: &str) -> i64 {
    const MOST: i64 = 1 << 20;
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let size = digits.bytes().fold(0i64, |size, digit| {
        (size * 10 + i64::from(digit.wrapping_sub(b'0'))).min(MOST)
    });
    if negative { -size } else { size }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn key(text: &str) -> QueryKey {
        QueryKey::new(json::parse(text).unwrap()).unwrap()
    }

    /// A value as JavaScript has it: the model.
    #[derive(Clone, Debug, PartialEq)]
    enum Value {
        Null,
        Bool(bool),
        Number(i32),
        Text(String),
        Array(Vec<Value>),
        Object(BTreeMap<String, Value>),
    }

    impl Value {
        /// Writes the value in some spelling: `dice` decides the order of members and the spaces.
        fn spell(&self, dice: &mut dyn FnMut() -> bool, out: &mut String) {
            if dice() {
                out.push(' ');
            }
            match self {
                Value::Null => out.push_str("null"),
                Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
                Value::Number(value) if dice() => out.push_str(&format!("{value}.0")),
                Value::Number(value) => out.push_str(&value.to_string()),
                Value::Text(text) => {
                    out.push('"');
                    for letter in text.chars() {
                        if dice() || letter == '"' || letter == '\\' {
                            out.push_str(&format!("\\u{:04x}", u32::from(letter)));
                        } else {
                            out.push(letter);
                        }
                    }
                    out.push('"');
                }
                Value::Array(items) => {
                    out.push('[');
                    for (at, item) in items.iter().enumerate() {
                        if at > 0 {
                            out.push(',');
                        }
                        item.spell(dice, out);
                    }
                    out.push(']');
                }
                Value::Object(members) => {
                    out.push('{');
                    let mut members: Vec<_> = members.iter().collect();
                    if dice() {
                        members.reverse();
                    }
                    for (at, (name, item)) in members.into_iter().enumerate() {
                        if at > 0 {
                            out.push(',');
                        }
                        Value::Text(name.clone()).spell(&mut || false, out);
                        out.push(':');
                        item.spell(dice, out);
                    }
                    out.push('}');
                }
            }
        }

        fn get(&self, name: &str) -> Option<&Value> {
            match self {
                Value::Object(members) => members.get(name),
                Value::Array(items) => items
                    .iter()
                    .enumerate()
                    .find(|(at, _)| at.to_string() == name)
                    .map(|(_, item)| item),
                _ => None,
            }
        }

        fn names(&self) -> Option<Vec<String>> {
            match self {
                Value::Object(members) => Some(members.keys().cloned().collect()),
                Value::Array(items) => Some((0..items.len()).map(|at| at.to_string()).collect()),
                _ => None,
            }
        }
    }

    /// `partialMatchKey` of query-core 5, line by line.
    fn model(a: Option<&Value>, b: &Value) -> bool {
        let Some(a) = a else { return false };
        if a == b {
            return true;
        }
        match (a.names(), b.names()) {
            (Some(_), Some(names)) => names
                .iter()
                .all(|name| b.get(name).is_some_and(|want| model(a.get(name), want))),
            _ => false,
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            (-2i32..12).prop_map(Value::Number),
            "[ab,\\]\\[{\"\\\\1]{0,3}".prop_map(Value::Text),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
                prop::collection::btree_map("[ab01]{1,2}", inner, 0..3).prop_map(Value::Object),
            ]
        })
    }

    /// A prefix that has a chance to match: parts of the key left out, now and then one changed.
    fn weaken(value: &Value, dice: &mut dyn FnMut() -> bool) -> Value {
        match value {
            Value::Array(items) => {
                let mut out = Vec::new();
                for item in items {
                    if dice() && dice() {
                        break;
                    }
                    out.push(weaken(item, dice));
                }
                Value::Array(out)
            }
            Value::Object(members) => Value::Object(
                members
                    .iter()
                    .flat_map(|(name, item)| dice().then(|| (name.clone(), weaken(item, dice))))
                    .collect(),
            ),
            Value::Number(number) if dice() && dice() && dice() => Value::Number(number + 1),
            other => other.clone(),
        }
    }

    fn dice(mut seed: u64) -> impl FnMut() -> bool {
        move || {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            seed >> 63 == 1
        }
    }

    fn spelled(value: &Value, seed: u64) -> QueryKey {
        let mut text = String::new();
        value.spell(&mut dice(seed), &mut text);
        key(&text)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn families_are_those_of_tanstack_query(
            items in prop::collection::vec(value(), 0..4),
            others in prop::collection::vec(value(), 0..4),
            seed: u64,
        ) {
            let whole = Value::Array(items);
            for prefix in [weaken(&whole, &mut dice(seed)), Value::Array(others)] {
                let (a, b) = (spelled(&whole, seed ^ 1), spelled(&prefix, seed ^ 2));
                prop_assert_eq!(a.in_family(&b), model(Some(&whole), &prefix), "{:?} in {:?}", a, b);
                if a.in_family(&b) {
                    prop_assert!(a.text().starts_with(b.stem()));
                }
            }
        }

        #[test]
        fn every_spelling_of_a_key_is_one_key(items in prop::collection::vec(value(), 0..4), seed: u64) {
            let whole = Value::Array(items);
            let one = spelled(&whole, seed);
            prop_assert_eq!(&one, &spelled(&whole, !seed));
            prop_assert_eq!(&one, &key(one.text()));
        }

        #[test]
        fn numbers_are_written_as_javascript_writes_them(number in any::<f64>()) {
            prop_assume!(number.is_finite());
            // Rust's shortest digits are JavaScript's; only the point is placed in another way.
            for text in [format!("{number:?}"), format!("{number:e}")] {
                let text = text.replace("e-0", "e0");
                let ours = super::number(&text);
                prop_assert_eq!(ours.parse::<f64>().unwrap().to_bits() << 1, number.to_bits() << 1);
                prop_assert_eq!(&super::number(&ours), &ours);
            }
        }
    }

    #[test]
    fn numbers_of_one_value_are_one_text() {
        for (text, canonical) in [
            ("0", "0"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("0e5", "0"),
            ("1.0", "1"),
            ("1e3", "1000"),
            ("1E+3", "1000"),
            ("120e-1", "12"),
            ("-1.50", "-1.5"),
            ("0.00001", "0.00001"),
            ("0.0000001", "1e-7"),
            ("100000000000000000000", "100000000000000000000"),
            ("1000000000000000000000", "1e+21"),
            ("1.25e300", "1.25e+300"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
            ("-15e3555555", "null"),
            ("1e99999999999999999999", "null"),
            ("-5e-324", "-5e-324"),
            ("-1e-99999999999999999999", "0"),
            ("true", "true"),
            ("false", "false"),
            ("null", "null"),
        ] {
            assert_eq!(number(text), canonical, "{text}");
        }
    }

    #[test]
    fn a_family_of_plain_elements_ends_where_an_element_ends() {
        let family = key("[\"tasks\",1]");
        for (text, inside) in [
            ("[\"tasks\",1]", true),
            ("[\"tasks\",1,2]", true),
            ("[\"tasks\",12]", false),
            ("[\"tasks\"]", false),
            ("[\"tasks\",\"1\"]", false),
        ] {
            assert_eq!(key(text).in_family(&family), inside, "{text}");
        }
        assert!(key("[]").in_family(&key("[]")));
        assert!(key("[1]").in_family(&key("[]")));
    }

    #[test]
    fn a_payload_fills_a_key_or_leaves_it_open() {
        let filled = |template: &str, payload: &str| {
            let mut w = Writer::new();
            let whole = write_filled(
                json::parse(template).unwrap(),
                &mut w,
                Some(json::parse(payload).unwrap()),
            );
            (whole, w.finish())
        };
        let payload =
            r#"{"task":{"id":7.0,"tags":["b"]},"none":null,"big":12345678901234567,"far":1e999}"#;
        for (template, result) in [
            (r#""$.task.id""#, Some("7")),
            (r#"{"b":"$.task.tags","a":1}"#, Some(r#"{"a":1,"b":["b"]}"#)),
            (r#""$$.task.id""#, Some(r#""$.task.id""#)),
            (r#""$""#, Some(r#""$""#)),
            (r#""$.task.name""#, None),
            (r#""$.none""#, None),
            (r#""$.big""#, None),
            (r#""$.far""#, None),
            (r#"{"a":"$.none"}"#, None),
        ] {
            let (whole, text) = filled(template, payload);
            assert_eq!(whole.then_some(text.as_str()), result, "{template}");
        }
    }
}
