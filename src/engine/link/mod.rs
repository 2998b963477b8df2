//! The one connection to the server: when to dial and with what, when to believe that it is
//! alive, when to give up.
//!
//! It knows no channels, no tabs, no bytes and no URLs. The engine tells it whether a link is
//! wanted (this tab leads), what happens to a connection, what the server says about the
//! connection itself and what the app answers when it is asked for a token. What it wants done
//! comes out of [`Link::poll`].
//!
//! Every connection has a number of its own; what an older one still says is void. There is one
//! way to dial ([`dial`](self)), and it goes by the pace, the server's wish to be left alone and
//! the token. It holds its part of G5 (one connection) and G11 (a good neighbour).
//!
//! * `ladder`: which transport, and when to try the better one.
//! * `pulse`: is the other side there?
//! * `scout`: is the server there, while there is no connection?
//! * `token`: the only place that asks for a token.
//! * `line`: what waits to be said; `carry`: how it goes over a connection.
//! * `dial`, `live`, `outage`: the ways through the states, in this order.

mod backoff;
mod carry;
mod close;
mod dial;
mod ladder;
mod line;
mod live;
mod outage;
mod pulse;
mod scout;
pub mod token;
mod word;

#[cfg(test)]
mod tests;

pub use self::live::Welcome;
pub use self::scout::Sighting;

use std::collections::VecDeque;

use self::ladder::{Ladder, Strike};
use self::line::Line;
use self::live::Live;
use self::scout::Scout;
use self::token::Tokens;
use super::http::Sight;
use super::ids::{ConnId, TokenId};
use super::lapse::Lapse;
use super::limits::{AWAY, DUE_AT_ONCE_MAX, PROBE_TIMEOUT};
use super::rng::Rng;
use super::status::{Status, Transport, Word};
use super::time::{Millis, Mono, Now, Wall};
use super::token::{Token, TokenReason};
use crate::wire::{Capabilities, CloseRule};

/// What the app and the wire decided about the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Transports, the best first.
    pub ladder: Vec<Transport>,
    /// Dials in a row that may fail before it only looks for the server now and then.
    pub attempts_max: Option<u32>,
    /// Whether the app has a function that gives tokens.
    pub has_tokens: bool,
    /// What close codes mean.
    pub closes: &'static [CloseRule],
    /// What the protocol can.
    pub can: Capabilities,
    /// Whether a plain request tells if the server is there. Of some it opens what does not end.
    pub looks: bool,
    /// Whether there are connections. Where there are none only the token is had, for what is asked by HTTP.
    pub dials: bool,
}

/// The connection's life.
#[derive(Debug)]
pub struct Link {
    settings: Settings,
    state: State,
    /// The number of the last connection that was opened.
    last: ConnId,
    ladder: Ladder,
    scout: Scout,
    tokens: Tokens,
    /// Dials in a row that did not lead to a stable connection.
    failures: u32,
    /// Dials in a row that were refused before the connection was open.
    refusals: u32,
    /// The server refused a token since the last stable connection.
    rejected: bool,
    online: bool,
    /// Since when nothing has answered.
    unanswered: Option<Mono>,
    /// Nothing has answered for long.
    unreachable: bool,
    /// The server asked us to stay away until then.
    hold: Option<Mono>,
    /// When the last dial began.
    dialled: Option<Mono>,
    /// A stable connection was lost just now: until when that is not shown.
    grace: Option<Mono>,
    /// There was a connection before.
    was_linked: bool,
    reason: &'static str,
    shown: Word,
    /// The next dial, on both clocks.
    shown_dial: Option<(Mono, Wall)>,
    since: Wall,
    out: VecDeque<Step>,
}

#[derive(Debug)]
enum State {
    /// No link is wanted.
    Idle,
    /// Nothing is dialled, because the server has no connections, and that is as it should be.
    Polling,
    /// The app was asked for a token; the dial follows.
    Asking,
    /// A connection is being opened.
    Dialling(Box<Dialling>),
    /// The server knows us.
    Live(Box<Live>),
    /// Waiting for the next dial.
    Waiting(Waiting),
    /// The server does not accept who we are: nothing is dialled before there is a new token.
    NeedsAuth,
    /// Dialling again would be of no use.
    Failed,
}

#[derive(Debug)]
struct Dialling {
    line: Line,
    stage: Stage,
    until: Mono,
    /// The page was away when it should have been open, and so waits once more.
    again: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Not open yet.
    Opening,
    /// Open, and the server was told who we are.
    Greeting,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Waiting {
    /// The next dial, if nothing happens before.
    dial: Mono,
    /// Whether to dial as soon as the server is seen. Not after it was seen and refused us: that
    /// would be a dial a second for as long as it does.
    on_sight: bool,
    /// Within which span to dial when it is seen, if it was lost in a way that many share.
    spread: Option<Millis>,
    /// What the last failure says against the transport, if the server is there.
    strike: Option<Strike>,
    /// The attempts that the app allows were made.
    resting: bool,
    /// Since the last dial the server was seen not to be there.
    absent: bool,
}

/// What the link wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask the app for a token.
    AskToken(TokenId, TokenReason),
    /// Open a connection.
    Open(ConnId, Transport),
    /// Close a connection.
    Close(ConnId, Transport),
    /// Say who we are, on a socket that is open.
    Hello(ConnId),
    /// Answer a sign of life.
    Pong(ConnId, u64),
    /// Ask for a sign of life, and say by which number: [`Link::asked`].
    Ping(ConnId),
    /// Give the new token, and say by which number: [`Link::authorizing`].
    Authorize(ConnId),
    /// Send a frame on a socket.
    Frame(ConnId, String),
    /// Send messages by a request.
    Post {
        /// For which connection.
        conn: ConnId,
        /// How the server calls it.
        session: String,
        /// In this order.
        messages: Vec<String>,
    },
    /// Wait for messages by a request.
    Poll {
        /// For which connection.
        conn: ConnId,
        /// How the server calls it.
        session: String,
        /// For how long.
        patience: Millis,
    },
    /// Say that we gave up the connection of that name.
    End(String),
    /// Look whether the server is there.
    Look(Sight),
    /// Give the look up.
    StopLooking,
    /// The link can be used.
    Up,
    /// The link cannot be used any more.
    Down,
    /// What was said last is more than the server takes.
    TooLarge,
}

/// What the last leader knew of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heritage {
    transport: Option<Transport>,
    /// Somebody has to log in.
    needs_auth: bool,
    /// Until when the server asked to be left alone.
    hold: Option<Mono>,
}

impl Heritage {
    /// From what it said last.
    pub fn of(status: &Status, hold: Option<Mono>) -> Self {
        Heritage {
            transport: status.transport,
            needs_auth: status.word == Word::NeedsAuth,
            hold,
        }
    }
}

/// Why a connection is wanted now rather than later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nudge {
    /// The page can be seen again.
    Visible,
    /// The page was away and is back.
    Resumed,
    /// The browser found a network.
    Online,
}

impl Link {
    /// A link that nobody wants yet.
    pub fn new(settings: Settings, online: bool, since: Wall) -> Self {
        Link {
            state: State::Idle,
            last: ConnId::default(),
            ladder: Ladder::new(&settings.ladder),
            scout: Scout::new(settings.looks),
            tokens: Tokens::new(settings.has_tokens),
            failures: 0,
            refusals: 0,
            rejected: false,
            online,
            unanswered: None,
            unreachable: false,
            hold: None,
            dialled: None,
            grace: None,
            was_linked: false,
            reason: "not started",
            shown: Word::Idle,
            shown_dial: None,
            since,
            out: VecDeque::new(),
            settings,
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Step> {
        self.out.pop_front()
    }

    /// The token at hand, for what is said to the server.
    pub fn token(&self) -> Option<&Token> {
        self.tokens.token()
    }

    /// Until when the server asked to be left alone, if that is still to come.
    pub fn hold(&self, now: Mono) -> Option<Mono> {
        self.hold.filter(|until| *until > now)
    }

    /// The current connection, if it may be used.
    pub fn live(&self) -> Option<ConnId> {
        match &self.state {
            State::Live(live) => Some(live.line.conn),
            State::Idle
            | State::Polling
            | State::Asking
            | State::Dialling(_)
            | State::Waiting(_)
            | State::NeedsAuth
            | State::Failed => None,
        }
    }

    /// Is this a connection of ours? What an older one says is dropped.
    pub fn owns(&self, conn: ConnId) -> bool {
        match &self.state {
            State::Dialling(dialling) => dialling.line.conn == conn,
            State::Live(live) => live.owns(conn),
            State::Idle
            | State::Polling
            | State::Asking
            | State::Waiting(_)
            | State::NeedsAuth
            | State::Failed => false,
        }
    }

    /// A link is wanted from now on. What the last leader knew of it is taken over: a transport
    /// that was good, a wish of the server, and that somebody has to log in.
    pub fn want(&mut self, now: Now, heir_of: Option<Heritage>, rng: &mut Rng) {
        if !matches!(self.state, State::Idle) {
            return;
        }
        self.failures = 0;
        self.rejected = false;
        if let Some(last) = heir_of {
            if let Some(transport) = last.transport {
                self.ladder.remember(transport);
            }
            if let Some(hold) = last.hold.filter(|hold| *hold > now.mono) {
                self.hold_for(now.mono, hold.since(now.mono), rng);
            }
            if last.needs_auth {
                self.enter(now, State::NeedsAuth, "the server wants a login");
                return;
            }
        }
        self.dial(now, "first connection");
    }

    /// No link is wanted any more.
    pub fn unwant(&mut self, now: Now, reason: &'static str) {
        self.hang_up();
        self.stop_looking();
        self.tokens.cancel();
        self.grace = None;
        self.enter(now, State::Idle, reason);
    }

    /// The user is another one: nothing of the last may be used.
    pub fn forget_user(&mut self) {
        self.tokens.clear();
        self.rejected = false;
    }

    /// The clocks do not agree with what was planned: the page was away.
    pub fn lapse(&mut self, now: Now, lapse: Lapse, rng: &mut Rng) {
        // The wait that the server asked for is not cut short: the wall clock may only have been
        // set, and then it is not over.
        self.tokens.slept(lapse.slept);
        let away = lapse.away();
        if away <= AWAY && lapse.set_back <= AWAY {
            return;
        }
        match &mut self.state {
            State::Dialling(dialling) => dialling.away(now.mono),
            State::Live(live) => {
                live.away(now.mono);
                if away >= live.dead_after() {
                    // The server has closed it long ago, and the word of it is lost.
                    self.lost(now, "the page slept", rng);
                } else {
                    self.doubt(now.mono);
                }
            }
            State::Waiting(_) if away > AWAY => self.nudge(now, Nudge::Resumed),
            State::Idle
            | State::Polling
            | State::Asking
            | State::Waiting(_)
            | State::NeedsAuth
            | State::Failed => {}
        }
    }

    /// Time passed.
    pub fn tick(&mut self, now: Now, rng: &mut Rng) {
        // What is done may make something else due at once: a dial that failed is followed by a
        // look. The bound is never reached; without one a mistake here would hang the page.
        for _ in 0..DUE_AT_ONCE_MAX {
            self.do_due(now, rng);
            if self.next_wakeup().is_none_or(|at| at > now.mono) {
                break;
            }
        }
    }

    fn do_due(&mut self, now: Now, rng: &mut Rng) {
        if self.tokens.tick(now.mono, rng) {
            self.token_failed(now);
        }
        match &self.state {
            State::Idle | State::Polling | State::Asking | State::Failed => {}
            State::Dialling(dialling) if dialling.until <= now.mono => self.hung(now, rng),
            State::Dialling(_) => self.pump(now.mono),
            State::Live(_) => self.tick_live(now, rng),
            State::Waiting(_) => self.tick_waiting(now, rng),
            State::NeedsAuth => {
                if let Some(request) = self.tokens.renewal(now.mono) {
                    self.out
                        .push_back(Step::AskToken(request, TokenReason::Rejected));
                }
            }
        }
        if self.grace.is_some_and(|until| until <= now.mono) {
            self.grace = None;
        }
        self.show(now);
    }

    /// When something is to be done, if nothing else happens.
    pub fn next_wakeup(&self) -> Option<Mono> {
        let state = match &self.state {
            State::Idle | State::Polling | State::Asking | State::NeedsAuth | State::Failed => None,
            State::Dialling(dialling) => {
                let next = dialling.line.next_wakeup();
                next.into_iter().chain([dialling.until]).min()
            }
            State::Live(live) => Some(live.next_wakeup()),
            State::Waiting(waiting) => Some(waiting.dial),
        };
        let looks = match &self.state {
            State::Live(_) | State::Waiting(_) => self.scout.next_wakeup(),
            State::Idle
            | State::Polling
            | State::Asking
            | State::Dialling(_)
            | State::NeedsAuth
            | State::Failed => None,
        };
        let renews = matches!(self.state, State::Live(_) | State::NeedsAuth);
        let tokens = self.tokens.next_wakeup(renews);
        [state, looks, tokens, self.grace]
            .into_iter()
            .flatten()
            .min()
    }

    fn enter(&mut self, now: Now, state: State, reason: &'static str) {
        self.state = state;
        self.reason = reason;
        self.show(now);
    }

    fn stop_looking(&mut self) {
        if self.scout.rest() {
            self.out.push_back(Step::StopLooking);
        }
    }

    /// Closes what is open, and says that it is down if it was up.
    fn hang_up(&mut self) {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Live(live) => {
                self.out.push_back(Step::Down);
                if let Some(line) = live.trial_line() {
                    self.out.extend(line.closing());
                }
                self.out.extend(live.line.closing());
            }
            State::Dialling(dialling) => self.out.extend(dialling.line.closing()),
            State::Idle
            | State::Polling
            | State::Asking
            | State::Waiting(_)
            | State::NeedsAuth
            | State::Failed => {}
        }
    }
}

impl Dialling {
    /// What should have been open by now may be, and the word of it may still wait to be heard.
    fn away(&mut self, now: Mono) {
        if self.until <= now && !self.again {
            self.again = true;
            self.until = now + PROBE_TIMEOUT;
        }
    }
}
