//! The log: one line an event on stderr, for whoever runs the server. Never a token, never a payload.
//!
//! A few dozen lines in place of `tracing`: there are no spans to follow here, since what a connection did is in the
//! audit log and how much of it in the metrics.

use std::fmt::{self, Display};
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::clock;
use crate::config::{Level, Log};
use crate::store::StoreError;

/// Written by [`set`]: one program has one log, whoever writes to it.
static LEVEL: AtomicU8 = AtomicU8::new(Level::Warn as u8);
static JSON: AtomicBool = AtomicBool::new(false);

/// How the log is written from now on.
pub fn set(log: Log) {
    LEVEL.store(log.level as u8, Ordering::Relaxed);
    JSON.store(log.json, Ordering::Relaxed);
}

/// What a line says beside its message: a name and a value each.
pub(crate) type Fields<'a> = &'a [(&'a str, &'a dyn Display)];

/// Writes a line that somebody has to look at: which part of the server says it, what, and of whom.
pub(crate) fn error(part: &str, message: &dyn Display, fields: Fields<'_>) {
    write(Level::Error, part, message, fields);
}

/// Writes a line that somebody should look at.
pub(crate) fn warn(part: &str, message: &dyn Display, fields: Fields<'_>) {
    write(Level::Warn, part, message, fields);
}

/// Writes a line that is good to know.
pub(crate) fn info(part: &str, message: &dyn Display, fields: Fields<'_>) {
    write(Level::Info, part, message, fields);
}

/// Writes that the store failed. What went wrong inside is for the operator, not for whoever asked.
pub(crate) fn store(failure: &StoreError) {
    error("store", failure, &[]);
}

fn write(level: Level, part: &str, message: &dyn Display, fields: Fields<'_>) {
    if level as u8 > LEVEL.load(Ordering::Relaxed) {
        return;
    }
    let line = Line {
        at: clock::now().0,
        level: match level {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
        },
        part,
        message: message.to_string(),
        fields,
    };
    let text = match JSON.load(Ordering::Relaxed) {
        true => serde_json::to_string(&line).unwrap_or_default(),
        false => line.to_string(),
    };
    // A log that cannot be written must not stop the server.
    let _ignored = writeln!(std::io::stderr().lock(), "{text}");
}

struct Line<'a> {
    at: u64,
    level: &'a str,
    part: &'a str,
    message: String,
    fields: Fields<'a>,
}

/// For a machine: each field is a member.
impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("at", &self.at)?;
        map.serialize_entry("level", self.level)?;
        map.serialize_entry("part", self.part)?;
        map.serialize_entry("message", &self.message)?;
        for (name, value) in self.fields {
            map.serialize_entry(name, &value.to_string())?;
        }
        map.end()
    }
}

/// For a person.
impl Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, millis) = (self.at / 1000, self.at % 1000);
        // What somebody else wrote must not look like a line of ours.
        let message = self.message.replace(char::is_control, "?");
        write!(
            f,
            "{seconds}.{millis:03} {} {}: {message}",
            self.level, self.part
        )?;
        for (name, value) in self.fields {
            write!(f, " {name}={:?}", value.to_string())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line_and_has_its_fields() {
        let mut line = Line {
            at: 1_007,
            level: "warn",
            part: "publish",
            message: "a\nb \"c\"".to_owned(),
            fields: &[("channel", &"x\ny"), ("waits", &7)],
        };
        let text = r#"1.007 warn publish: a?b "c" channel="x\ny" waits="7""#;
        assert_eq!(line.to_string(), text);
        let json = r#"{"at":1007,"level":"warn","part":"publish","message":"a\nb \"c\"","channel":"x\ny","waits":"7"}"#;
        assert_eq!(serde_json::to_string(&line).ok().as_deref(), Some(json));
        line.fields = &[];
        assert_eq!(line.to_string(), r#"1.007 warn publish: a?b "c""#);
    }
}
