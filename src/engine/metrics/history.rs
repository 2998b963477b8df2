//! What happened in each of the last minutes, for graphs.
//!
//! A row is made when the first input of the next minute comes: nobody is woken for it. A minute
//! in which nothing happened has no row, and a graph shows a hole there.

use std::collections::VecDeque;

use crate::engine::limits::HISTORY_ROWS_MAX;
use crate::engine::time::{Millis, Mono, Now, Wall};
use crate::wire::json::Writer;

const MINUTE: Millis = Millis::minutes(1);

/// One minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    /// When it began.
    pub(super) at: Wall,
    /// Events that were new.
    pub(super) events: u32,
    /// Bytes that came.
    pub(super) bytes: u32,
    /// Families of queries that the app was told about.
    pub(super) invalidations: u32,
    /// Connections after the first.
    pub(super) reconnects: u32,
    /// Fetches and mutations that failed.
    pub(super) failures: u32,
    /// For how long a link was wanted, in milliseconds.
    pub(super) wanted: u32,
    /// For how long there was one.
    pub(super) up: u32,
}

/// The last minutes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct History {
    rows: VecDeque<Row>,
    row: Row,
    began: Option<Mono>,
}

impl History {
    /// The row of this minute.
    pub(super) fn row(&mut self, now: Now) -> &mut Row {
        match self.began {
            Some(began) if now.mono.since(began) < MINUTE => {}
            began => {
                if began.is_some() {
                    if self.rows.len() >= HISTORY_ROWS_MAX {
                        self.rows.pop_front();
                    }
                    self.rows.push_back(self.row);
                }
                self.began = Some(now.mono);
                self.row = Row {
                    at: now.wall,
                    ..Row::default()
                };
            }
        }
        &mut self.row
    }

    /// Connections after the first in the last hour.
    pub(super) fn reconnects_an_hour(&self) -> u32 {
        let last = self.rows.iter().rev().take(59);
        last.chain([&self.row])
            .filter(|row| row.at.0.saturating_add(60 * MINUTE.0) > self.row.at.0)
            .fold(0, |sum, row| sum.saturating_add(row.reconnects))
    }

    /// Writes the rows as an array, the oldest first, this minute last.
    pub(super) fn write(&self, w: &mut Writer) {
        w.array(|w| {
            for row in self.rows.iter().chain(self.began.map(|_| &self.row)) {
                w.object(|w| {
                    w.key("at").number(row.at.0);
                    for (name, value) in [
                        ("events", row.events),
                        ("bytes", row.bytes),
                        ("invalidations", row.invalidations),
                        ("reconnects", row.reconnects),
                        ("failures", row.failures),
                        ("wantedMs", row.wanted),
                        ("upMs", row.up),
                    ] {
                        w.key(name).number(value.into());
                    }
                });
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Now {
        Now {
            mono: Mono(ms),
            wall: Wall(1_000_000 + ms),
        }
    }

    #[test]
    fn a_minute_is_a_row() {
        let mut history = History::default();
        history.row(at(5)).events += 1;
        history.row(at(59_999)).events += 1;
        history.row(at(60_005)).events += 1;
        let mut w = Writer::new();
        history.write(&mut w);
        let text = w.finish();
        assert!(text.starts_with(r#"[{"at":1000005,"events":2,"#), "{text}");
        assert!(text.contains(r#"{"at":1060005,"events":1,"#), "{text}");
    }

    #[test]
    fn the_oldest_minutes_leave() {
        let mut history = History::default();
        for minute in 0..2000 {
            history.row(at(minute * 60_000)).events = 1;
        }
        assert_eq!(history.rows.len(), HISTORY_ROWS_MAX);
        assert_eq!(
            history.row(at(1999 * 60_000)).at,
            Wall(1_000_000 + 1999 * 60_000)
        );
    }

    #[test]
    fn reconnects_are_counted_over_an_hour() {
        let mut history = History::default();
        history.row(at(0)).reconnects = 7;
        history.row(at(60 * 60_000 - 1)).reconnects = 2;
        assert_eq!(history.reconnects_an_hour(), 9);
        history.row(at(61 * 60_000)).reconnects = 1;
        assert_eq!(history.reconnects_an_hour(), 3);
    }
}
