//! How an engine dials, seen from outside: G11.

use crate::agenda::{MIN, MS, Time};
use crate::promises::{Broken, Promise};

/// Dials within a minute. Waits double from half a second to half a minute, so that the ninth
/// dial is more than a minute after the first on average; a good connection (ten seconds long)
/// starts them anew.
const DIALS_A_MINUTE: usize = 24;

/// What one tab did, and what it was told.
#[derive(Debug, Default)]
pub(crate) struct Neighbour {
    dials: Vec<Time>,
    /// Things that are a good reason to dial at once.
    excuses: Vec<Time>,
    /// Not before this moment, on the computer's monotonic clock.
    not_before: Time,
    /// Not again at all.
    stopped: Option<u16>,
}

impl Neighbour {
    /// A connection was closed by the server.
    pub(crate) fn closed(&mut self, mono: Time, code: u16, reason: &str) {
        match code {
            4400 | 4401 | 4403 | 4406 => self.stopped = Some(code),
            4429 => {
                let asked = reason
                    .strip_prefix("retry_after=")
                    .and_then(|number| number.parse::<Time>().ok());
                self.not_before = mono + asked.unwrap_or(0) * MS;
            }
            _ => {}
        }
    }

    /// A person or the browser gave a good reason to dial at once.
    pub(crate) fn excused(&mut self, now: Time) {
        self.excuses.push(now);
    }

    /// A person wants it, or the page came back: what the server said does not hold any more.
    pub(crate) fn absolved(&mut self) {
        self.stopped = None;
        self.not_before = 0;
    }

    /// Was it told not to dial again?
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.is_some()
    }

    /// It dials.
    pub(crate) fn dialled(&mut self, now: Time, mono: Time) -> Result<(), Broken> {
        let broken = |how: String| {
            Err(Broken {
                promise: Promise::G11,
                how,
            })
        };
        if let Some(code) = self.stopped {
            return broken(format!("dials although the server said {code}"));
        }
        // A millisecond: the engine's clock is that coarse.
        if mono + MS < self.not_before {
            let early = (self.not_before - mono) / MS;
            return broken(format!("dials {early} ms before the server's retry_after"));
        }
        self.dials.push(now);
        self.dials.retain(|at| *at + MIN > now);
        self.excuses.retain(|at| *at + MIN > now);
        if self.dials.len() > DIALS_A_MINUTE + 2 * self.excuses.len() {
            return broken(format!("dials {} times within a minute", self.dials.len()));
        }
        Ok(())
    }
}
