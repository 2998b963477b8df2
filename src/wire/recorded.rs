//! Recordings of what clients and servers said: `tests/wires`.

#![allow(clippy::unwrap_used)]

use super::json::{self, Raw, Text};

/// A line of a recording.
#[derive(Clone, Debug)]
pub struct Row {
    /// The exchange that it is of.
    pub session: String,
    /// Whether the client said it.
    pub ours: bool,
    /// `text`, `binary`, or what else happened.
    pub kind: String,
    /// What was said, if it is text.
    pub frame: String,
    /// What was said, if it is bytes.
    pub bytes: Vec<u8>,
}

/// The lines of a recording, without the one that says where it comes from.
pub fn rows(recording: &str) -> Vec<Row> {
    let of = |raw: Raw<'_>, name: &str| {
        let text = raw.member(name).and_then(Raw::string);
        text.map(Text::decode).unwrap_or_default().into_owned()
    };
    let rows = recording.lines().skip(1).map(|line| {
        let raw = json::parse(line).unwrap();
        let hex = of(raw, "hex");
        let pairs = hex
            .as_bytes()
            .chunks(2)
            .map(|pair| std::str::from_utf8(pair).unwrap());
        Row {
            session: of(raw, "session"),
            ours: of(raw, "dir") == "c>s",
            kind: of(raw, "kind"),
            frame: of(raw, "frame"),
            bytes: pairs
                .map(|pair| u8::from_str_radix(pair, 16).unwrap())
                .collect(),
        }
    });
    rows.collect()
}

/// The sessions of a recording. Some ran at the same time.
pub fn sessions(recording: &str) -> Vec<Vec<Row>> {
    let mut sessions: Vec<Vec<Row>> = Vec::new();
    for row in rows(recording) {
        match sessions.iter_mut().find(|have| {
            have.first()
                .is_some_and(|first| first.session == row.session)
        }) {
            Some(have) => have.push(row),
            None => sessions.push(vec![row]),
        }
    }
    sessions
}
