//! The desk at a server that keeps who is there by itself, for as long as the connection lasts.
//!
//! It has to be told nothing again, and takes it ill if it is told too often. So what is shown waits for its turn,
//! that nobody is there any more as well. Who looks asks the wire, which knows who is there, and costs nothing.

use std::rc::Rc;

use super::{Board, Desk, Step};
use crate::engine::limits::{PRESENCE_RENEW, PRESENCE_SELDOM};
use crate::engine::time::Mono;

/// What is known besides of a channel of such a server.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// When who is there was looked at.
    looked: Option<Mono>,
    /// What the server was told last, and whether without a name.
    shown: (Option<String>, bool),
}

impl Kept {
    /// The server has nothing of us.
    pub(super) fn is_nothing(&mut self) {
        self.shown = (None, false);
    }
}

impl Desk {
    /// Does the server keep who is there?
    pub(super) fn keeps(&self) -> bool {
        self.can.is_some_and(|can| can.presence.is_kept())
    }

    /// What is to be said now.
    pub(super) fn tick_kept(&mut self, now: Mono) {
        let out = &mut self.out;
        self.channels.retain(|channel, board| {
            if board.looks().is_some_and(|at| at <= now) {
                out.push(Step::Look {
                    channel: Rc::clone(channel),
                    everybody: board.asks,
                });
                board.asks = false;
                board.kept.looked = Some(now);
            }
            if board.shows().is_some_and(|at| at <= now) {
                board.changed = false;
                let shown = (board.write(), board.is_anonymous());
                if board.kept.shown != shown {
                    let (data, anonymous) = shown.clone();
                    board.kept.shown = shown;
                    board.said = Some(now);
                    out.push(Step::Show {
                        channel: Rc::clone(channel),
                        data,
                        anonymous,
                        everybody: false,
                    });
                }
            }
            let over = board.is_over().is_some_and(|at| at <= now);
            if over {
                let channel = Rc::clone(channel);
                out.push(Step::Leave { channel });
            }
            !over
        });
    }
}

impl Board {
    /// When there is something to do.
    pub(super) fn moment_kept(&self) -> Option<Mono> {
        let moments = [self.looks(), self.shows(), self.is_over()];
        moments.into_iter().flatten().min()
    }

    /// When who is there is to be looked at. Others forget who is silent, and nobody is here.
    fn looks(&self) -> Option<Mono> {
        if self.tabs.is_empty() {
            return None;
        }
        let renew = self.kept.looked.map(|at| at + PRESENCE_RENEW);
        Some(renew.filter(|_| !self.asks).unwrap_or(Mono(0)))
    }

    /// When it is time to show something.
    fn shows(&self) -> Option<Mono> {
        (self.changed && !self.barred).then(|| self.turn())
    }

    /// When nothing is left of a channel that nobody here is on. Until then it is known when it was said.
    fn is_over(&self) -> Option<Mono> {
        let nothing = self.tabs.is_empty() && (self.barred || !self.changed);
        nothing.then(|| self.turn())
    }

    fn turn(&self) -> Mono {
        self.said.map_or(Mono(0), |said| said + PRESENCE_SELDOM)
    }
}
