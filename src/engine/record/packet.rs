//! Packets of Socket.IO in a recording: type, namespace and numbers stay, what is in them goes by its place.

use super::mask::{Mask, Rule};
use crate::wire::json::{self, Raw, Text};

impl Mask {
    /// Covers a packet. False if it is none, and nothing was written.
    pub(super) fn packet(&mut self, line: &str, out: &mut String) -> bool {
        let at = line.find(['{', '[', '"']).unwrap_or(line.len());
        let (head, rest) = line.split_at(at);
        let kind = match head.as_bytes() {
            // Signs of life, and the end.
            [b'1'..=b'3' | b'6'] if rest.is_empty() => None,
            [b'0'] if !rest.is_empty() => None,
            [b'4', kind @ b'0'..=b'1', ..] if is_head(head) => Some(*kind),
            [b'4', kind @ b'2'..=b'6', ..] if is_head(head) && !rest.is_empty() => Some(*kind),
            _ => return false,
        };
        if rest.is_empty() {
            out.push_str(&self.open(head));
            return true;
        }
        let Ok(raw) = json::parse(rest) else {
            return false;
        };
        out.push_str(&self.open(head));
        // What is around the value are spaces.
        let (before, after) = rest.split_once(raw.text()).unwrap_or(("", ""));
        out.push_str(before);
        self.parts(raw, kind, out);
        out.push_str(after);
        true
    }

    /// Covers a body of HTTP that carries packets. False if it is none, and nothing was written.
    pub(super) fn packets(&mut self, body: &str, out: &mut String) -> bool {
        let before = out.len();
        for (at, piece) in body.split(SEPARATOR).enumerate() {
            if at > 0 {
                out.push(SEPARATOR);
            }
            match piece.strip_prefix('b').filter(|digits| is_base64(digits)) {
                // Bytes as text: what stands for them is of that kind too.
                Some(digits) => {
                    out.push('b');
                    super::mask::cover(digits, out);
                }
                None if self.packet(piece, out) => {}
                None => {
                    out.truncate(before);
                    return false;
                }
            }
        }
        true
    }

    /// Covers the parts of its JSON, and leaves what lies between them.
    fn parts(&mut self, raw: Raw<'_>, kind: Option<u8>, out: &mut String) {
        let mut parts: Vec<(Rule, Raw<'_>)> = Vec::new();
        raw.members(|name, value| parts.push((rule_of(kind, name), value)));
        raw.elements(|value| {
            parts.push(match (kind, parts.len()) {
                (Some(b'2' | b'5'), 0) => (Rule::Open, value),
                (Some(b'2' | b'5'), 1) => (Rule::Payload, value),
                _ => (Rule::Covered, value),
            });
        });
        if !raw.is_object() && !raw.is_array() {
            parts.push((Rule::Open, raw));
        }
        let whole = raw.text();
        let mut at = 0;
        for (rule, part) in parts {
            let start = super::mask::offset(whole, part.text());
            out.push_str(&self.open(whole.get(at..start).unwrap_or("")));
            self.value(part, rule, &mut String::new(), out);
            at = start + part.text().len();
        }
        out.push_str(whole.get(at..).unwrap_or(""));
    }
}

/// What stands between the packets of a body.
const SEPARATOR: char = '\u{1e}';

fn is_base64(digits: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    digits.len().is_multiple_of(4) && !digits.is_empty() && digits.bytes().all(digit)
}

/// Is there nothing but numbers and a namespace behind the two types?
fn is_head(head: &str) -> bool {
    let mut rest = head.get(2..).unwrap_or("").trim_start_matches(is_digit);
    rest = rest.strip_prefix('-').unwrap_or(rest);
    if rest.starts_with('/') {
        rest = rest.split_once(',').map_or("-", |(_, behind)| behind);
    }
    rest.trim_start_matches(is_digit).is_empty()
}

fn is_digit(character: char) -> bool {
    character.is_ascii_digit()
}

/// How a member of a packet is treated.
fn rule_of(kind: Option<u8>, name: Text<'_>) -> Rule {
    match (kind, &*name.decode()) {
        // Equal ones have to stay equal: by them a session is known to go on.
        (_, "sid" | "pid") => Rule::Numbered,
        // What the session is like.
        (None, _) => Rule::Open,
        // Why the server refuses decides what is done next.
        (Some(b'4'), "message" | "data") => Rule::Open,
        _ => Rule::Covered,
    }
}
