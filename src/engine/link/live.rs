//! While the server knows us: signs of life, renewal of the token, the way to a better transport.

use super::line::Line;
use super::pulse::{Pulse, Verdict, Why};
use super::token::ForDial;
use super::{Link, Stage, State, Step};
use crate::engine::ids::{ConnId, RequestId};
use crate::engine::limits::{
    CONNECT_TIMEOUT, DIAL_GAP, GOAWAY_SPREAD_MAX, PING_MAX, RETRY_AFTER_MAX, SILENCE_GRACE,
    STABLE_AFTER, UPGRADE_FIRST,
};
use crate::engine::rng::Rng;
use crate::engine::time::{Millis, Mono, Now};
use crate::engine::token::TokenReason;
use crate::wire::{Ends, Heartbeat};

/// A connection on which the server knows us.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) line: Line,
    pulse: Pulse,
    pub(super) ping: Millis,
    pub(super) timeout: Option<Millis>,
    trust: Trust,
    /// The server goes away: leave then.
    pub(super) leave: Option<Mono>,
    pub(super) trial: Trial,
    /// The server's clock at a moment of ours.
    server_clock: (Mono, u64),
    /// The request by which a new token was given.
    authorizing: Option<RequestId>,
}

/// How good the connection is known to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// Something that was asked for is not answered yet.
    Unsynced,
    /// Good if it still is there then.
    Until(Mono),
    /// Good: the next loss begins with a short wait.
    Stable,
}

/// A better transport is tried beside the connection that works.
#[derive(Debug)]
pub(super) enum Trial {
    /// There is no better one.
    None,
    Planned(Mono),
    /// Waits for a token.
    Asking,
    Dialling(Box<Attempt>),
}

/// The connection that is tried.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) line: Line,
    stage: Stage,
    until: Mono,
}

/// What the server says when it knows us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// How often it gives a sign of life.
    pub ping: Millis,
    /// How long it waits for ours after that, if it says so.
    pub timeout: Option<Millis>,
    /// How it calls the connection.
    pub session: Option<String>,
    /// Its clock.
    pub now_ms: Option<u64>,
    /// Until when it accepts the token.
    pub ends: Option<Ends>,
}

impl Live {
    pub(super) fn owns(&self, conn: ConnId) -> bool {
        self.line_of(conn).is_some()
    }

    pub(super) fn line_of(&self, conn: ConnId) -> Option<&Line> {
        if self.line.conn == conn {
            return Some(&self.line);
        }
        self.trial_line().filter(|line| line.conn == conn)
    }

    pub(super) fn trial_line(&self) -> Option<&Line> {
        match &self.trial {
            Trial::Dialling(attempt) => Some(&attempt.line),
            Trial::None | Trial::Planned(_) | Trial::Asking => None,
        }
    }

    /// The trial of that number, if it is being opened.
    pub(super) fn trial_opening(&mut self, conn: ConnId) -> Option<(&mut Line, &mut Stage)> {
        match &mut self.trial {
            Trial::Dialling(attempt) if attempt.line.conn == conn => {
                Some((&mut attempt.line, &mut attempt.stage))
            }
            Trial::None | Trial::Planned(_) | Trial::Asking | Trial::Dialling(_) => None,
        }
    }

    pub(super) fn is_stable(&self) -> bool {
        self.trust == Trust::Stable
    }

    pub(super) fn is_degraded(&self, low: bool) -> bool {
        low || self.pulse.is_slow()
    }

    /// After so long without a word from us the server has closed the connection.
    pub(super) fn dead_after(&self) -> Millis {
        let span = match self.timeout {
            Some(timeout) => self.ping.0.saturating_add(timeout.0),
            // It misses two answers and gives up at the third ping.
            None => self.ping.0.saturating_mul(3),
        };
        Millis(span.saturating_add(SILENCE_GRACE.0))
    }

    pub(super) fn away(&mut self, now: Mono) {
        self.pulse.away(now);
    }

    pub(super) fn next_wakeup(&self) -> Mono {
        let trust = match self.trust {
            Trust::Until(at) => Some(at),
            Trust::Unsynced | Trust::Stable => None,
        };
        let trial = match &self.trial {
            Trial::Planned(at) => Some(*at),
            Trial::Dialling(attempt) => {
                let next = attempt.line.next_wakeup();
                next.into_iter().chain([attempt.until]).min()
            }
            Trial::None | Trial::Asking => None,
        };
        [trust, trial, self.leave, self.line.next_wakeup()]
            .into_iter()
            .flatten()
            .fold(self.pulse.next_wakeup(), Mono::min)
    }

    /// For how long the server still accepts a token that ends then.
    fn life(&self, now: Mono, ends: Option<Ends>) -> Option<Millis> {
        let (at, server) = self.server_clock;
        let server_now = server.saturating_add(now.since(at).0);
        ends.map(|ends| match ends {
            Ends::At(ms) => Millis(ms.saturating_sub(server_now)),
            Ends::In(ms) => Millis(ms),
        })
    }
}

impl Link {
    pub(super) fn live_mut(&mut self) -> Option<&mut Live> {
        match &mut self.state {
            State::Live(live) => Some(live),
            State::Idle
            | State::Polling
            | State::Asking
            | State::Dialling(_)
            | State::Waiting(_)
            | State::NeedsAuth
            | State::Failed => None,
        }
    }

    /// Anything came on a connection.
    pub fn heard(&mut self, now: Now, conn: ConnId) {
        if let Some(live) = self.live_mut()
            && live.line.conn == conn
        {
            live.pulse.heard(now.mono);
        }
    }

    /// The server knows us.
    pub fn welcome(&mut self, now: Now, conn: ConnId, welcome: Welcome, rng: &mut Rng) {
        if !self.owns(conn) {
            return;
        }
        let mut line = match std::mem::replace(&mut self.state, State::Idle) {
            State::Dialling(dialling) => dialling.line,
            State::Live(live) => match (live.trial, live.line) {
                (Trial::Dialling(attempt), old) if attempt.line.conn == conn => {
                    let line = attempt.line;
                    // The better one takes over: what was asked on the old one is asked again
                    // from the positions.
                    self.out.push_back(Step::Down);
                    self.out.extend(old.closing());
                    self.ladder.trial_won(line.transport);
                    line
                }
                (trial, line) => {
                    // It said so before.
                    self.state = State::Live(Box::new(Live {
                        trial,
                        line,
                        ..*live
                    }));
                    return;
                }
            },
            other @ (State::Idle
            | State::Polling
            | State::Asking
            | State::Waiting(_)
            | State::NeedsAuth
            | State::Failed) => {
                self.state = other;
                return;
            }
        };
        if let Some(session) = welcome.session {
            line.named(session, None);
        }
        let ping = Millis(welcome.ping.0.min(PING_MAX.0));
        let timeout = (welcome.timeout).map(|timeout| timeout.min(PING_MAX));
        let trial = self.ladder.plan_trial(now.mono, rng);
        let live = Live {
            line,
            pulse: match self.settings.can.heartbeat {
                Heartbeat::Server => Pulse::listening(now.mono, ping, timeout),
                Heartbeat::Us => Pulse::asking(now.mono, ping),
                Heartbeat::Either => Pulse::new(now.mono, ping),
            },
            ping,
            timeout,
            trust: Trust::Unsynced,
            leave: None,
            trial: trial.map_or(Trial::None, Trial::Planned),
            server_clock: (now.mono, welcome.now_ms.unwrap_or(now.wall.0)),
            authorizing: None,
        };
        self.tokens
            .lives(now.mono, live.life(now.mono, welcome.ends));
        self.refusals = 0;
        self.answer();
        self.grace = None;
        self.was_linked = true;
        self.scout.linked();
        let reason = if self.ladder.is_low() {
            "connected by a lower transport"
        } else {
            "connected"
        };
        self.enter(now, State::Live(Box::new(live)), reason);
        self.out.push_back(Step::Up);
    }

    /// All that was asked for on this connection is answered.
    pub fn synced(&mut self, now: Now) {
        if let Some(live) = self.live_mut()
            && live.trust == Trust::Unsynced
        {
            live.trust = Trust::Until(now.mono + STABLE_AFTER);
        }
    }

    /// The server asks for a sign of life.
    pub fn ping(&mut self, now: Now, conn: ConnId, number: u64) {
        if !self.owns(conn) {
            return;
        }
        self.out.push_back(Step::Pong(conn, number));
        if let Some(live) = self.live_mut()
            && live.line.conn == conn
            && live.pulse.measure_is_due(now.mono)
            && live.pulse.ask(now.mono, Why::Measure)
        {
            self.out.push_back(Step::Ping(conn));
        }
    }

    /// The question for a sign of life is on its way.
    pub fn asked(&mut self, number: u64) {
        if let Some(live) = self.live_mut() {
            live.pulse.asked(number);
        }
    }

    /// The server gave the sign of life that was asked for. What it had said until the moment of the question,
    /// which is returned, has come: however late the answer is heard.
    pub fn pong(&mut self, now: Now, conn: ConnId, number: u64) -> Option<Mono> {
        let live = self.live_mut().filter(|live| live.line.conn == conn)?;
        let asked = live.pulse.answered(now.mono, number);
        self.show(now);
        asked
    }

    /// There is reason to doubt the connection: ask.
    pub(super) fn doubt(&mut self, now: Mono) {
        self.question(now, Why::Doubt);
    }

    fn question(&mut self, now: Mono, why: Why) {
        if let Some(live) = self.live_mut()
            && live.pulse.ask(now, why)
        {
            let conn = live.line.conn;
            self.out.push_back(Step::Ping(conn));
        }
    }

    /// The server will close soon: leave at a moment of our own. Until then the connection is
    /// as good as any.
    pub fn go_away(&mut self, now: Now, spread: Millis, rng: &mut Rng) {
        let leave = now.mono + rng.jitter(spread.min(GOAWAY_SPREAD_MAX));
        if let Some(live) = self.live_mut() {
            live.leave.get_or_insert(leave);
        }
    }

    /// The server has too much to do: what is said from now on waits.
    pub fn hush(&mut self, now: Now, span: Millis) {
        if let Some(live) = self.live_mut() {
            live.line.hush(now.mono + span.min(RETRY_AFTER_MAX));
        }
    }

    pub(super) fn tick_live(&mut self, now: Now, rng: &mut Rng) {
        if let Some(request) = self.tokens.renewal(now.mono) {
            let step = Step::AskToken(request, TokenReason::Expiring);
            self.out.push_back(step);
        }
        self.pump(now.mono);
        if let Some(sight) = self.scout.due(now.mono) {
            self.out.push_back(Step::Look(sight));
        }
        let Some(live) = self.live_mut() else { return };
        if live.leave.is_some_and(|at| at <= now.mono) {
            self.hang_up();
            self.dial(now, "the server is going away");
            return;
        }
        let mut proved = false;
        if let Trust::Until(at) = live.trust
            && at <= now.mono
        {
            live.trust = Trust::Stable;
            proved = true;
        }
        let verdict = live.pulse.tick(now.mono);
        if proved {
            self.failures = 0;
            self.rejected = false;
            self.ladder.proved();
            self.scout.prove(now.mono);
        }
        match verdict {
            Verdict::Alive => {}
            Verdict::Ask(why) => self.question(now.mono, why),
            Verdict::Dead => {
                self.lost(now, "the server went silent", rng);
                return;
            }
        }
        self.tick_trial(now.mono, rng);
        self.show(now);
    }

    fn tick_trial(&mut self, now: Mono, rng: &mut Rng) {
        let earliest = self.earliest(now);
        let Some(live) = self.live_mut() else { return };
        match &mut live.trial {
            Trial::Planned(at) if *at <= now && earliest > now => *at = earliest,
            Trial::Planned(at) if *at <= now => self.begin_trial(now),
            Trial::Dialling(attempt) if attempt.until <= now => self.trial_failed(now, rng),
            Trial::None | Trial::Planned(_) | Trial::Asking | Trial::Dialling(_) => {}
        }
    }

    fn begin_trial(&mut self, now: Mono) {
        let trial = match self.tokens.for_dial(now) {
            ForDial::Ready => Trial::Dialling(Box::new(Attempt {
                line: self.open_line(now, self.ladder.trial()),
                stage: Stage::Opening,
                until: now + CONNECT_TIMEOUT,
            })),
            ForDial::Ask(request) => {
                self.out
                    .push_back(Step::AskToken(request, TokenReason::Reconnect));
                Trial::Asking
            }
            ForDial::Pending => Trial::Asking,
            ForDial::Later(at) => Trial::Planned(at),
            ForDial::Refused => Trial::Planned(now + UPGRADE_FIRST),
        };
        if let Some(live) = self.live_mut() {
            live.trial = trial;
        }
    }

    /// The better transport does not work yet.
    pub(super) fn trial_failed(&mut self, now: Mono, rng: &mut Rng) {
        self.ladder.trial_failed();
        let planned = self.ladder.plan_trial(now, rng);
        let Some(live) = self.live_mut() else { return };
        let planned = planned.map_or(Trial::None, Trial::Planned);
        if let Trial::Dialling(attempt) = std::mem::replace(&mut live.trial, planned) {
            self.out.extend(attempt.line.closing());
        }
    }

    /// The trial waited for a token that is not to be had.
    pub(super) fn trial_token_failed(&mut self, now: Mono) {
        if let Some(live) = self.live_mut()
            && matches!(live.trial, Trial::Asking)
        {
            live.trial = Trial::Planned(now + UPGRADE_FIRST);
        }
    }

    /// The network is another one: what was blocked in the old one need not be in this.
    pub(super) fn try_better_soon(&mut self, now: Mono) {
        self.ladder.forget_pause();
        if let Some(live) = self.live_mut()
            && let Trial::Planned(at) = &mut live.trial
        {
            *at = (*at).min(now + DIAL_GAP);
        }
    }

    /// A new token is there while the old one is in use: give it to the server.
    pub(super) fn token_for_live(&mut self, now: Now) {
        let renews = self.settings.can.renews;
        let Some(live) = self.live_mut() else { return };
        let conn = live.line.conn;
        let waits = matches!(live.trial, Trial::Asking);
        if renews {
            self.out.push_back(Step::Authorize(conn));
        }
        if waits {
            self.begin_trial(now.mono);
        } else if !renews {
            // What it is for is said when a connection begins, and never again.
            self.hang_up();
            self.dial(now, "there is a new token");
        }
    }

    /// The new token is on its way.
    pub fn authorizing(&mut self, request: RequestId) {
        if let Some(live) = self.live_mut() {
            live.authorizing = Some(request);
        }
    }

    /// The server accepted the new token.
    pub fn authorized(&mut self, now: Now, request: Option<RequestId>, ends: Option<Ends>) {
        let Some(live) = self.live_mut() else { return };
        if request.is_some() && request != live.authorizing {
            return;
        }
        live.authorizing = None;
        let life = live.life(now.mono, ends);
        self.tokens.lives(now.mono, life);
    }

    /// The server refused a request. True if it was the one that gave a new token.
    pub fn refused_token(&mut self, now: Now, request: RequestId, rng: &mut Rng) -> bool {
        let Some(live) = self.live_mut() else {
            return false;
        };
        if live.authorizing != Some(request) {
            return false;
        }
        live.authorizing = None;
        self.tokens.reject_renewal(now.mono, rng);
        true
    }

    /// The server was asked for something, and has said nothing about it for long.
    pub fn unheard(&mut self, now: Now, rng: &mut Rng) {
        if self.live_mut().is_some() {
            self.lost(now, "the server does not answer", rng);
        }
    }

    /// What came on a connection cannot be read.
    pub fn broken(&mut self, now: Now, conn: ConnId, rng: &mut Rng) {
        if self.live() == Some(conn) {
            self.lost(now, "the answer cannot be read", rng);
        } else if matches!(self.state, State::Dialling(_)) {
            self.hung(now, rng);
        } else {
            self.trial_failed(now.mono, rng);
        }
    }
}
