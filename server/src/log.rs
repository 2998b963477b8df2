//! The log: one line an event on stderr, for whoever runs the server. Never a token, never a payload.
//!
//! A few dozen lines in place of `tracing`: there are no spans to follow here, since what a connection did is in the
//! audit log and how much of it in the metrics.

use std::fmt;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use serde::Serialize;

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

/// Writes a line that somebody has to look at.
pub(crate) fn error(message: fmt::Arguments<'_>) {
    write(Level::Error, message);
}

/// Writes a line that somebody should look at.
pub(crate) fn warn(message: fmt::Arguments<'_>) {
    write(Level::Warn, message);
}

/// Writes a line that is good to know.
pub(crate) fn info(message: fmt::Arguments<'_>) {
    write(Level::Info, message);
}

/// Writes that the store failed. What went wrong inside is for the operator, not for whoever asked.
pub(crate) fn store(failure: &StoreError) {
    error(format_args!("store: {failure}"));
}

fn write(level: Level, message: fmt::Arguments<'_>) {
    if level as u8 > LEVEL.load(Ordering::Relaxed) {
        return;
    }
    let line = line(level, clock::now().0, message, JSON.load(Ordering::Relaxed));
    // A log that cannot be written must not stop the server.
    let _ignored = writeln!(std::io::stderr().lock(), "{line}");
}

fn line(level: Level, at: u64, message: fmt::Arguments<'_>, json: bool) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        at: u64,
        level: &'a str,
        message: &'a str,
    }
    let level = match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
    };
    let message = message.to_string();
    if json {
        let message = message.as_str();
        return serde_json::to_string(&Line { at, level, message }).unwrap_or_default();
    }
    // What somebody else wrote must not look like a line of ours.
    let message = message.replace(char::is_control, "?");
    format!("{}.{:03} {level} {message}", at / 1000, at % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line() {
        let text = line(Level::Warn, 1_007, format_args!("a\nb \"c\""), false);
        assert_eq!(text, "1.007 warn a?b \"c\"");
        let json = line(Level::Error, 5, format_args!("a\nb"), true);
        assert_eq!(json, r#"{"at":5,"level":"error","message":"a\nb"}"#);
    }
}
