//! What happened last, for reading by people. Written only when a failing world is run again.

use std::collections::VecDeque;

use crate::agenda::{S, Time};

/// Enough to see how a world came to fail, few enough to be read.
const LINES_KEPT: usize = 220;

/// A longer line is cut.
const LINE_LENGTH: usize = 230;

/// The whole story is told if this is set in the environment.
const WHOLE: &str = "EVERFRESH_WHOLE";

/// The last lines of a world's story.
#[derive(Debug, Default)]
pub(crate) struct Story {
    wanted: bool,
    /// From its first line to its last, each to its end.
    whole: bool,
    lines: VecDeque<String>,
    left_out: usize,
}

impl Story {
    /// A story that is told only if somebody wants it.
    pub(crate) fn new(wanted: bool) -> Self {
        Story {
            wanted,
            whole: wanted && std::env::var_os(WHOLE).is_some(),
            ..Story::default()
        }
    }

    /// Will it be read?
    pub(crate) fn wanted(&self) -> bool {
        self.wanted
    }

    /// Adds a line.
    pub(crate) fn add(&mut self, now: Time, line: &str) {
        if self.lines.len() >= LINES_KEPT && !self.whole {
            self.lines.pop_front();
            self.left_out += 1;
        }
        let (seconds, rest) = (now / S, now % S / 10);
        let mut text = format!("{seconds:>6}.{rest:05} ");
        let printable = |c: char| if c.is_control() { ' ' } else { c };
        let most = if self.whole { usize::MAX } else { LINE_LENGTH };
        text.extend(line.chars().take(most).map(printable));
        if line.len() > most {
            text.push('…');
        }
        self.lines.push_back(text);
    }

    /// The story as text.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        if self.left_out > 0 {
            out.push_str(&format!("       … {} lines before\n", self.left_out));
        }
        for line in &self.lines {
            out.push_str(line);
            out.push('\n');
        }
        out
    }
}

/// Adds a line to the story of a world, formatted only when somebody wants it.
macro_rules! tell {
    ($world:expr, $($words:tt)*) => {
        if $world.story.wanted() {
            let line = format!($($words)*);
            $world.story.add($world.now, &line);
        }
    };
}
pub(crate) use tell;
