//! The one way to dial: by the pace, by the server's wish to be left alone, with a token.

use super::token::{Answered, ForDial};
use super::{Dialling, Link, Nudge, Stage, State, Step, Waiting};
use crate::engine::ids::{ConnId, TokenId};
use crate::engine::limits::{CONNECT_TIMEOUT, DIAL_GAP, RECONNECT_DEBOUNCE, RETRY_AFTER_MAX};
use crate::engine::rng::Rng;
use crate::engine::status::Transport;
use crate::engine::time::{Millis, Mono, Now};
use crate::engine::token::{Token, TokenFailure, TokenReason};

use super::backoff;
use super::line::Line;

impl Link {
    /// Dials, or does what has to come before: waits for its turn, or asks for a token.
    pub(super) fn dial(&mut self, now: Now, reason: &'static str) {
        self.stop_looking();
        let earliest = self.earliest(now.mono);
        if earliest > now.mono {
            self.wait_until(now, earliest, reason);
            return;
        }
        let why = self.tokens.reason(self.rejected, !self.was_linked);
        match self.tokens.for_dial(now.mono) {
            ForDial::Ready if !self.settings.dials => {
                self.enter(now, State::Polling, "the server has no connections");
            }
            ForDial::Ready => {
                let line = self.open_line(now.mono, self.ladder.current());
                let dialling = Dialling {
                    line,
                    stage: Stage::Opening,
                    until: now.mono + CONNECT_TIMEOUT,
                    again: false,
                };
                self.enter(now, State::Dialling(Box::new(dialling)), reason);
            }
            ForDial::Ask(request) => {
                self.out.push_back(Step::AskToken(request, why));
                self.enter(now, State::Asking, reason);
            }
            ForDial::Pending => self.enter(now, State::Asking, reason),
            ForDial::Later(at) => self.wait_until(now, at, "the token cannot be had"),
            ForDial::Refused => self.needs_auth(now),
        }
    }

    /// Opens a connection, whether it will be the link or a trial of a better transport.
    pub(super) fn open_line(&mut self, now: Mono, transport: Transport) -> Line {
        self.last = self.last.next();
        self.dialled = Some(now);
        self.out.push_back(Step::Open(self.last, transport));
        Line::new(self.last, transport)
    }

    /// Before when nothing may be dialled.
    pub(super) fn earliest(&self, now: Mono) -> Mono {
        let paced = self.dialled.map_or(now, |at| at + DIAL_GAP);
        paced.max(self.hold.unwrap_or(now)).max(now)
    }

    /// The server asks us to stay away. The jitter comes on top, or everybody it asked would be
    /// back at one moment.
    pub(super) fn hold_for(&mut self, now: Mono, asked: Millis, rng: &mut Rng) {
        let span = Millis(asked.0.min(RETRY_AFTER_MAX.0));
        let until = now + span + backoff::delay(self.failures, rng);
        self.hold = Some(self.hold.map_or(until, |have| have.max(until)));
    }

    /// Dials at a moment, without looking for the server before.
    pub(super) fn wait_until(&mut self, now: Now, at: Mono, reason: &'static str) {
        let waiting = Waiting {
            dial: at,
            on_sight: false,
            spread: None,
            strike: None,
            resting: false,
            absent: false,
        };
        self.enter(now, State::Waiting(waiting), reason);
    }

    pub(super) fn needs_auth(&mut self, now: Now) {
        self.stop_looking();
        self.enter(now, State::NeedsAuth, "the server wants a login");
    }

    /// The app wants a new connection, whatever was planned.
    pub fn reconnect(&mut self, now: Now) {
        self.ladder.ask();
        match &self.state {
            // An attempt is under way.
            State::Idle | State::Polling | State::Asking | State::Dialling(_) => return,
            State::Live(_) | State::Waiting(_) | State::NeedsAuth | State::Failed => {}
        }
        if matches!(self.state, State::NeedsAuth) {
            self.tokens.clear();
        }
        self.hang_up();
        self.stop_looking();
        self.failures = 0;
        self.refusals = 0;
        self.rejected = false;
        self.grace = None;
        let at = self.earliest(now.mono).max(now.mono + RECONNECT_DEBOUNCE);
        self.wait_until(now, at, "asked for by the app");
    }

    /// There is a reason to be connected sooner, or to doubt that we are. Several at a time are
    /// one.
    pub fn nudge(&mut self, now: Now, why: Nudge) {
        let soon = self.earliest(now.mono).max(now.mono + RECONNECT_DEBOUNCE);
        match &mut self.state {
            State::Waiting(waiting) => {
                // Where looks show that the server is away, a dial would be in vain.
                if (waiting.resting || self.scout.sees_nothing()) && !self.scout.is_blind() {
                    waiting.on_sight = true;
                    // Nobody shares this reason with us, so there is nobody to be spread among.
                    waiting.spread = Some(Millis(0));
                    self.scout.hurry(now.mono);
                } else {
                    waiting.dial = waiting.dial.min(soon);
                }
                self.reason = match why {
                    Nudge::Visible => "the page can be seen again",
                    Nudge::Resumed => "the page is back",
                    Nudge::Online => "the network is back",
                };
            }
            State::Live(_) => {
                self.doubt(now.mono);
                if why == Nudge::Online {
                    self.try_better_soon(now.mono);
                }
            }
            State::Idle
            | State::Polling
            | State::Asking
            | State::Dialling(_)
            | State::NeedsAuth
            | State::Failed => {}
        }
    }

    /// The browser's opinion of the network changed. It is a hint, and no more.
    pub fn online(&mut self, now: Now, online: bool) {
        let changed = self.online != online;
        self.online = online;
        if online {
            self.nudge(now, Nudge::Online);
        } else if changed {
            // An open connection can outlive the browser's opinion: ask it.
            self.doubt(now.mono);
        }
        self.show(now);
    }

    /// The connection is open.
    pub fn opened(&mut self, now: Now, conn: ConnId) {
        let Some((line, stage)) = self.opening(conn) else {
            return;
        };
        let before = std::mem::replace(stage, Stage::Greeting);
        if before == Stage::Opening && line.transport == Transport::Socket {
            self.out.push_back(Step::Hello(conn));
        }
        self.refusals = 0;
        self.answer();
        self.show(now);
    }

    /// The connection of that number, if it is being opened.
    fn opening(&mut self, conn: ConnId) -> Option<(&mut Line, &mut Stage)> {
        match &mut self.state {
            State::Dialling(dialling) if dialling.line.conn == conn => {
                Some((&mut dialling.line, &mut dialling.stage))
            }
            State::Live(live) => live.trial_opening(conn),
            State::Idle
            | State::Polling
            | State::Asking
            | State::Dialling(_)
            | State::Waiting(_)
            | State::NeedsAuth
            | State::Failed => None,
        }
    }

    /// The app answered the question for a token. False if it was an older question.
    pub fn token_answered(
        &mut self,
        now: Now,
        request: TokenId,
        result: Result<Option<Token>, TokenFailure>,
        rng: &mut Rng,
    ) -> bool {
        match self.tokens.answer(now.mono, request, result, rng) {
            Answered::Void => return false,
            Answered::Given => self.token_given(now),
            Answered::Failed => self.token_failed(now),
            Answered::Refused => match &self.state {
                State::Asking | State::Polling => self.needs_auth(now),
                // The session goes on for as long as the server lets it.
                State::Live(_) => self.trial_token_failed(now.mono),
                State::Idle
                | State::Dialling(_)
                | State::Waiting(_)
                | State::NeedsAuth
                | State::Failed => {}
            },
        }
        true
    }

    /// A server that another part asked did not accept who we are. The app may have a better token:
    /// it is asked once, however many were refused.
    pub fn refused_elsewhere(&mut self, now: Now) {
        match &self.state {
            // Who has no link asks for nobody; and a login that is wanted already comes by itself.
            State::Idle | State::NeedsAuth => {}
            State::Polling
            | State::Asking
            | State::Dialling(_)
            | State::Live(_)
            | State::Waiting(_)
            | State::Failed => {
                if let Some(request) = self.tokens.ask_for_others(now.mono) {
                    let why = TokenReason::Rejected;
                    self.out.push_back(Step::AskToken(request, why));
                }
            }
        }
    }

    /// Somebody logged in. `token` is the new one, if the app gave it along; if not, it is asked.
    pub fn logged_in(&mut self, now: Now, token: Option<Token>) {
        self.tokens.clear();
        if token.is_some() {
            self.tokens.take(token);
        }
        match &self.state {
            // One that was not given along is asked for.
            State::Polling => self.dial(now, "somebody logged in"),
            State::Idle => {}
            State::Live(_) if self.tokens.token().is_some() => self.token_given(now),
            State::Live(_) => {
                if let Some(request) = self.tokens.ask_anew(now.mono) {
                    self.out
                        .push_back(Step::AskToken(request, TokenReason::Rejected));
                }
            }
            // What is under way carries the old token.
            State::Asking | State::Dialling(_) => {
                self.hang_up();
                self.rejected = false;
                self.dial(now, "somebody logged in");
            }
            State::Waiting(_) | State::NeedsAuth | State::Failed => {
                self.failures = 0;
                self.rejected = false;
                self.dial(now, "somebody logged in");
            }
        }
    }

    fn token_given(&mut self, now: Now) {
        match &self.state {
            State::Asking => self.dial(now, self.reason),
            State::NeedsAuth => {
                self.failures = 0;
                self.dial(now, "there is a new token");
            }
            State::Live(_) => self.token_for_live(now),
            // The next dial will use it.
            State::Idle
            | State::Polling
            | State::Dialling(_)
            | State::Waiting(_)
            | State::Failed => {}
        }
    }

    /// The app's function failed. It will be called again, later and later.
    pub(super) fn token_failed(&mut self, now: Now) {
        match &self.state {
            State::Asking if self.rejected => self.needs_auth(now),
            State::Asking => self.dial(now, "the token cannot be had"),
            State::Live(_) => self.trial_token_failed(now.mono),
            State::Idle
            | State::Polling
            | State::Dialling(_)
            | State::Waiting(_)
            | State::NeedsAuth
            | State::Failed => {}
        }
    }

    /// The server does not accept who we are. The app may have a better token: it is asked once.
    pub(super) fn unauthorized(&mut self, now: Now) {
        let asked_before = self.rejected || self.tokens.is_failing();
        self.rejected = true;
        self.tokens.reject();
        if asked_before || !self.tokens.has_source() {
            self.needs_auth(now);
        } else {
            self.dial(now, "the server wants another token");
        }
    }
}
