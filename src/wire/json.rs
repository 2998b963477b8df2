//! Reading and writing JSON without a tree.
//!
//! A frame is classified from its envelope: the reader walks the members of an object and hands
//! out the rest as slices of the input, so that a payload that nobody asked for is never built.
//! Whatever comes from outside is bounded here: depth, and numbers that JavaScript can hold.

use std::borrow::Cow;

use crate::engine::text;

/// Deeper nesting than this is refused. The app's data is rarely 10 deep; a stack of one bit a
/// level fits in a word.
const DEPTH_MAX: u32 = 64;

/// The largest integer that JavaScript holds exactly.
pub const INTEGER_MAX: u64 = (1 << 53) - 1;

/// What was wrong with a text that should have been JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonFault {
    /// The text ends in the middle of a value.
    Truncated,
    /// A character stands where it may not.
    Unexpected {
        /// Byte offset in the text.
        at: usize,
    },
    /// Nested deeper than 64 levels.
    TooDeep,
    /// The bytes are not UTF-8.
    NotUtf8,
}

/// A value that was checked to be JSON, as it stands in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw<'a>(&'a str);

/// A string value: what stands between the quotes, escapes still in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a>(&'a str);

/// Checks that a text is one JSON value with nothing behind it.
pub fn parse(text: &str) -> Result<Raw<'_>, JsonFault> {
    let mut cursor = Cursor::new(text);
    cursor.space();
    let start = cursor.at;
    cursor.skip_value()?;
    let end = cursor.at;
    cursor.space();
    if cursor.at < text.len() {
        return Err(JsonFault::Unexpected { at: cursor.at });
    }
    Ok(Raw(text.get(start..end).unwrap_or("null")))
}

/// Reads the members of the one object that a text is, in order, checking as it goes.
///
/// This is the hot path: the text is walked once, and nothing is allocated.
pub fn members<'a>(
    text: &'a str,
    mut each: impl FnMut(Text<'a>, Raw<'a>),
) -> Result<(), JsonFault> {
    let mut cursor = Cursor::new(text);
    cursor.space();
    cursor.members(&mut each)?;
    cursor.space();
    match cursor.peek() {
        None => Ok(()),
        Some(_) => Err(JsonFault::Unexpected { at: cursor.at }),
    }
}

impl<'a> Raw<'a> {
    /// `null`.
    pub const NULL: Raw<'static> = Raw("null");

    /// The value's own text.
    pub fn text(self) -> &'a str {
        self.0
    }

    /// Is it `null`?
    pub fn is_null(self) -> bool {
        self.0 == "null"
    }

    /// The value as a boolean.
    pub fn bool(self) -> Option<bool> {
        match self.0 {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// The value as a whole number that JavaScript holds exactly.
    pub fn integer(self) -> Option<u64> {
        if self.0.is_empty() || self.0.len() > 16 {
            return None;
        }
        let mut number = 0u64;
        for byte in self.0.bytes() {
            if !byte.is_ascii_digit() {
                return None;
            }
            number = number * 10 + u64::from(byte - b'0');
        }
        (number <= INTEGER_MAX).then_some(number)
    }

    /// The value as a string.
    pub fn string(self) -> Option<Text<'a>> {
        self.0.strip_prefix('"')?.strip_suffix('"').map(Text)
    }

    /// Is it an array?
    pub fn is_array(self) -> bool {
        self.0.starts_with('[')
    }

    /// Is it an object?
    pub fn is_object(self) -> bool {
        self.0.starts_with('{')
    }

    /// The elements of an array; none if it is something else.
    pub fn elements(self, mut each: impl FnMut(Raw<'a>)) {
        if self.is_array() {
            // The text was checked when this value was made, so the walk cannot fail.
            let _ = Cursor::new(self.0).elements(&mut each);
        }
    }

    /// The members of an object; none if it is something else.
    pub fn members(self, mut each: impl FnMut(Text<'a>, Raw<'a>)) {
        if self.is_object() {
            let _ = Cursor::new(self.0).members(&mut each);
        }
    }

    /// The last member of that name, as JavaScript would see it.
    pub fn member(self, name: &str) -> Option<Raw<'a>> {
        let mut found = None;
        self.members(|key, value| {
            if key.is(name) {
                found = Some(value);
            }
        });
        found
    }
}

impl<'a> Text<'a> {
    /// Is it this word? Words of a protocol are compared as written; one that is spelled with
    /// escapes is compared after decoding.
    pub fn is(self, word: &str) -> bool {
        self.0 == word || (self.has_escapes() && self.decode() == word)
    }

    fn has_escapes(self) -> bool {
        self.0.as_bytes().contains(&b'\\')
    }

    /// The string itself. A lone surrogate becomes U+FFFD, because Rust cannot hold it.
    pub fn decode(self) -> Cow<'a, str> {
        if !self.has_escapes() {
            return Cow::Borrowed(self.0);
        }
        let mut out = String::with_capacity(self.0.len());
        let mut rest = self.0;
        while let Some(at) = text::mark(rest, b"\\") {
            let (plain, escape) = rest.split_at(at);
            out.push_str(plain);
            rest = decode_escape(escape, &mut out);
        }
        out.push_str(rest);
        Cow::Owned(out)
    }
}

/// Decodes the escape that `text` begins with and gives what follows it.
fn decode_escape<'a>(text: &'a str, out: &mut String) -> &'a str {
    let plain = match text.as_bytes().get(1) {
        Some(b'n') => '\n',
        Some(b't') => '\t',
        Some(b'r') => '\r',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'u') => return decode_unicode(text, out),
        Some(&other) => char::from(other),
        None => return "",
    };
    out.push(plain);
    text.get(2..).unwrap_or("")
}

fn decode_unicode<'a>(text: &'a str, out: &mut String) -> &'a str {
    let rest = text.get(6..).unwrap_or("");
    let Some(first) = hex4(text.get(2..6)) else {
        return rest;
    };
    if (0xD800..0xDC00).contains(&first)
        && rest.starts_with("\\u")
        && let Some(second) = hex4(rest.get(2..6)).filter(|low| (0xDC00..0xE000).contains(low))
    {
        let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
        out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        return rest.get(6..).unwrap_or("");
    }
    out.push(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
    rest
}

fn hex4(digits: Option<&str>) -> Option<u32> {
    text::hex(digits?).and_then(|code| u32::try_from(code).ok())
}

/// The place in the text that is being read.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn new(text: &'a str) -> Self {
        Cursor { text, at: 0 }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn unexpected<T>(&self) -> Result<T, JsonFault> {
        Err(match self.peek() {
            Some(_) => JsonFault::Unexpected { at: self.at },
            None => JsonFault::Truncated,
        })
    }

    fn take(&mut self, byte: u8) -> Result<(), JsonFault> {
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        self.unexpected()
    }

    fn slice(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or("")
    }

    // The callbacks are dynamic, or these walks would be compiled once more for every caller.
    fn members(&mut self, each: &mut dyn FnMut(Text<'a>, Raw<'a>)) -> Result<(), JsonFault> {
        self.take(b'{')?;
        self.space();
        if self.peek() == Some(b'}') {
            return self.take(b'}');
        }
        loop {
            let key = self.key()?;
            let start = self.at;
            self.skip_value()?;
            each(key, Raw(self.slice(start)));
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                _ => return self.take(b'}'),
            }
        }
    }

    fn elements(&mut self, each: &mut dyn FnMut(Raw<'a>)) -> Result<(), JsonFault> {
        self.take(b'[')?;
        self.space();
        if self.peek() == Some(b']') {
            return self.take(b']');
        }
        loop {
            self.space();
            let start = self.at;
            self.skip_value()?;
            each(Raw(self.slice(start)));
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                _ => return self.take(b']'),
            }
        }
    }

    /// A member's name up to where its value begins.
    fn key(&mut self) -> Result<Text<'a>, JsonFault> {
        self.space();
        let start = self.at;
        self.skip_string()?;
        let key = Text(self.text.get(start + 1..self.at - 1).unwrap_or(""));
        self.space();
        self.take(b':')?;
        self.space();
        Ok(key)
    }

    /// Walks over one value, without recursion: nesting is a stack of bits.
    fn skip_value(&mut self) -> Result<(), JsonFault> {
        let mut depth = 0u32;
        let mut objects = 0u64;
        loop {
            self.space();
            let opened = match self.peek() {
                Some(open @ (b'{' | b'[')) => {
                    if depth == DEPTH_MAX {
                        return Err(JsonFault::TooDeep);
                    }
                    self.at += 1;
                    depth += 1;
                    objects = objects << 1 | u64::from(open == b'{');
                    self.space();
                    let close = if open == b'{' { b'}' } else { b']' };
                    self.peek() != Some(close)
                }
                Some(b'"') => {
                    self.skip_string()?;
                    false
                }
                Some(b'-' | b'0'..=b'9') => {
                    self.skip_number()?;
                    false
                }
                Some(b't') => self.skip_word("true")?,
                Some(b'f') => self.skip_word("false")?,
                Some(b'n') => self.skip_word("null")?,
                _ => return self.unexpected(),
            };
            if opened {
                if objects & 1 == 1 {
                    self.key()?;
                }
                continue;
            }
            // A value ended: close what ends with it, then go on to the next one.
            loop {
                if depth == 0 {
                    return Ok(());
                }
                self.space();
                let in_object = objects & 1 == 1;
                match self.peek() {
                    Some(b',') => {
                        self.at += 1;
                        if in_object {
                            self.key()?;
                        }
                        break;
                    }
                    _ => self.take(if in_object { b'}' } else { b']' })?,
                }
                depth -= 1;
                objects >>= 1;
            }
        }
    }

    fn skip_word(&mut self, word: &str) -> Result<bool, JsonFault> {
        for &byte in word.as_bytes() {
            self.take(byte)?;
        }
        Ok(false)
    }

    fn skip_string(&mut self) -> Result<(), JsonFault> {
        self.take(b'"')?;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    self.skip_escape()?;
                }
                Some(0..=0x1F) | None => return self.unexpected(),
                Some(_) => self.at += 1,
            }
        }
    }

    fn skip_escape(&mut self) -> Result<(), JsonFault> {
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    match self.peek() {
                        Some(byte) if byte.is_ascii_hexdigit() => self.at += 1,
                        _ => return self.unexpected(),
                    }
                }
                Ok(())
            }
            _ => self.unexpected(),
        }
    }

    fn skip_number(&mut self) -> Result<(), JsonFault> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.skip_digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.skip_digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.skip_digits()?;
        }
        Ok(())
    }

    fn skip_digits(&mut self) -> Result<(), JsonFault> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start {
            return self.unexpected();
        }
        Ok(())
    }
}

/// Writes JSON text. Commas come by themselves; the caller opens and closes.
#[derive(Debug, Default)]
pub struct Writer {
    out: String,
    /// Whether the next value needs a comma before it.
    follows: bool,
}

impl Writer {
    /// An empty text.
    pub fn new() -> Self {
        Writer::default()
    }

    /// The text written so far.
    pub fn finish(self) -> String {
        self.out
    }

    #[inline(never)]
    fn separate(&mut self) {
        if self.follows {
            self.out.push(',');
        }
        self.follows = true;
    }

    /// Opens an object; what `inside` writes are its members.
    pub fn object(&mut self, inside: impl FnOnce(&mut Writer)) {
        self.open("{");
        inside(self);
        self.close("}");
    }

    /// Opens an array; what `inside` writes are its elements.
    pub fn array(&mut self, inside: impl FnOnce(&mut Writer)) {
        self.open("[");
        inside(self);
        self.close("]");
    }

    // The generic functions above are compiled for every caller, so they hold no code of their own.
    #[inline(never)]
    fn open(&mut self, bracket: &str) {
        self.separate();
        self.out.push_str(bracket);
        self.follows = false;
    }

    #[inline(never)]
    fn close(&mut self, bracket: &str) {
        self.out.push_str(bracket);
        self.follows = true;
    }

    /// A member's name; the next value written belongs to it.
    #[inline(never)]
    pub fn key(&mut self, name: &str) -> &mut Writer {
        self.separate();
        self.quoted(name);
        self.out.push(':');
        self.follows = false;
        self
    }

    /// A string value.
    #[inline(never)]
    pub fn string(&mut self, value: &str) {
        self.separate();
        self.quoted(value);
    }

    /// A number.
    #[inline(never)]
    pub fn number(&mut self, value: u64) {
        self.separate();
        push_number(&mut self.out, value);
    }

    /// `true` or `false`.
    pub fn bool(&mut self, value: bool) {
        self.raw(if value { "true" } else { "false" });
    }

    /// `null`.
    pub fn null(&mut self) {
        self.raw("null");
    }

    /// Text that is JSON already.
    #[inline(never)]
    pub fn raw(&mut self, json: &str) {
        self.separate();
        self.out.push_str(json);
    }

    fn quoted(&mut self, value: &str) {
        self.out.push('"');
        for character in value.chars() {
            match character {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                // As JavaScript does: nothing is written longer than it was read.
                '\u{8}' => self.out.push_str("\\b"),
                '\u{c}' => self.out.push_str("\\f"),
                control if u32::from(control) < 0x20 => {
                    self.out.push_str("\\u00");
                    for nibble in [u32::from(control) >> 4, u32::from(control) & 15] {
                        self.out.push(char::from_digit(nibble, 16).unwrap_or('0'));
                    }
                }
                plain => self.out.push(plain),
            }
        }
        self.out.push('"');
    }
}

/// Appends a number in decimal. `core::fmt` would do it as well, for some kilobytes of download.
pub fn push_number(out: &mut String, mut value: u64) {
    let mut digits = [0u8; 20];
    let mut used = 0;
    for digit in &mut digits {
        *digit = b'0' + (value % 10) as u8;
        used += 1;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    for &digit in digits.iter().take(used).rev() {
        out.push(char::from(digit));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn members_come_in_order_with_their_own_text() {
        let mut seen = Vec::new();
        members(
            r#" {"a":1, "b" : {"c":[1,2,{"d":"}"}]} ,"e":"x\"y"} "#,
            |key, value| {
                seen.push((key.decode().into_owned(), value.text().to_owned()));
            },
        )
        .unwrap();
        assert_eq!(
            seen,
            [
                ("a".to_owned(), "1".to_owned()),
                ("b".to_owned(), r#"{"c":[1,2,{"d":"}"}]}"#.to_owned()),
                ("e".to_owned(), r#""x\"y""#.to_owned()),
            ]
        );
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in [
            "",
            " ",
            "{",
            "[",
            "[1",
            "[1,",
            "[1,]",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "01",
            "1.",
            ".5",
            "-",
            "1e",
            "+1",
            "tru",
            "nul",
            "\"",
            "\"\\",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\n\"",
            "[1 2]",
            "1 2",
            "]",
            "}",
            "[}",
            "{]",
            "[1}",
            "{\"a\":1]",
            "NaN",
            "'a'",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn depth_has_a_limit_and_no_recursion() {
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(parse(&deep(64)).is_ok());
        assert_eq!(parse(&deep(65)), Err(JsonFault::TooDeep));
        assert_eq!(parse(&deep(100_000)), Err(JsonFault::TooDeep));
    }

    #[test]
    fn integers_are_those_that_javascript_holds() {
        let integer = |text| parse(text).unwrap().integer();
        assert_eq!(integer("9007199254740991"), Some(INTEGER_MAX));
        assert_eq!(integer("9007199254740992"), None);
        for text in ["-1", "1.0", "1e3", "\"1\"", "99999999999999999999"] {
            assert_eq!(integer(text), None, "{text}");
        }
    }

    #[test]
    fn strings_decode_with_surrogates() {
        let decode = |text| parse(text).unwrap().string().unwrap().decode().into_owned();
        assert_eq!(
            decode(r#""a\u00e9\ud83d\ude00\n\/""#),
            "a\u{e9}\u{1f600}\n/"
        );
        assert_eq!(decode(r#""\ud800x""#), "\u{fffd}x");
        assert_eq!(decode(r#""\ud800\u0041""#), "\u{fffd}A");
        assert_eq!(decode(r#""\udc00""#), "\u{fffd}");
        assert!(parse(r#""\u0061b""#).unwrap().string().unwrap().is("ab"));
    }

    #[test]
    fn the_last_of_two_members_wins_as_in_javascript() {
        let raw = parse(r#"{"a":1,"a":2}"#).unwrap();
        assert_eq!(raw.member("a").and_then(Raw::integer), Some(2));
    }

    #[test]
    fn a_string_is_written_in_the_shortest_form() {
        let mut writer = Writer::new();
        writer.string("\u{8}\u{c}\n\r\t\"\\\u{1}/\u{7f}\u{e9}");
        assert_eq!(
            writer.finish(),
            "\"\\b\\f\\n\\r\\t\\\"\\\\\\u0001/\u{7f}\u{e9}\""
        );
    }

    proptest! {
        #[test]
        fn strings_survive_the_round_trip(text in any::<String>()) {
            let mut writer = Writer::new();
            writer.string(&text);
            let written = writer.finish();
            let decoded = parse(&written).unwrap().string().unwrap().decode().into_owned();
            prop_assert_eq!(decoded, text);
        }

        #[test]
        fn numbers_survive_the_round_trip(number in 0..=INTEGER_MAX) {
            let mut writer = Writer::new();
            writer.number(number);
            prop_assert_eq!(parse(&writer.finish()).unwrap().integer(), Some(number));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "[\\[\\]{}\",:0-9a-u\\\\ .eE+-]{0,40}") {
            if let Ok(raw) = parse(&text) {
                raw.members(|key, value| { let _ = (key.decode(), value.integer()); });
                raw.elements(|value| { let _ = value.string().map(Text::decode); });
            }
        }
    }
}
