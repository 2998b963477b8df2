//! From a connection that ended to the next dial.

use super::backoff;
use super::close::{AfterClose, after_close, after_status};
use super::ladder::Strike;
use super::scout::Sighting;
use super::{Link, Stage, State, Step, Waiting};
use crate::engine::http::{Failure, Headers};
use crate::engine::ids::ConnId;
use crate::engine::limits::{
    ATTEMPTS_SPARED_MAX, COMEBACK_DELAY_MAX, COMEBACK_SPREAD, DIAL_GAP, GOAWAY_SPREAD,
    REFUSALS_BEFORE_AUTH, REST_PAUSE, SCOUT_QUICK, STATUS_GRACE,
};
use crate::engine::rng::Rng;
use crate::engine::status::Transport;
use crate::engine::time::{Millis, Now};

/// How a connection ended.
struct End {
    after: AfterClose,
    /// Whether only silence told us.
    hung: bool,
    reason: &'static str,
}

impl Link {
    /// A socket is closed, or could not be opened.
    pub fn closed(&mut self, now: Now, conn: ConnId, code: u16, reason: &str, rng: &mut Rng) {
        let after = after_close(self.settings.closes, code, reason);
        self.gone(now, conn, after, rng);
    }

    /// A request that belongs to a connection was answered by a status that is not the one that
    /// was hoped for.
    pub fn refused(
        &mut self,
        now: Now,
        conn: ConnId,
        status: u16,
        headers: &Headers<'_>,
        rng: &mut Rng,
    ) {
        if self.owns(conn) {
            self.answer();
        }
        self.nameless(conn);
        self.gone(now, conn, after_status(status, headers, now.wall), rng);
    }

    /// A request that belongs to a connection was not answered.
    pub fn unanswered(&mut self, now: Now, conn: ConnId, failure: Failure, rng: &mut Rng) {
        let after = match failure {
            Failure::Unreachable | Failure::Timeout => AfterClose::Retry,
            Failure::TooLarge => AfterClose::TooLarge,
            Failure::Unavailable => AfterClose::NoSuchTransport,
        };
        self.nameless(conn);
        self.gone(now, conn, after, rng);
    }

    /// A stream ended, and the server wants a pause before it is opened again.
    pub fn stream_ended(
        &mut self,
        now: Now,
        conn: ConnId,
        failure: Failure,
        pause: Option<Millis>,
        rng: &mut Rng,
    ) {
        match (failure, pause) {
            (Failure::Unreachable, Some(asked)) => {
                self.gone(now, conn, AfterClose::Hold { asked }, rng);
            }
            _ => self.unanswered(now, conn, failure, rng),
        }
    }

    /// The server said on the connection why it does not take it.
    pub fn turned_away(
        &mut self,
        now: Now,
        conn: ConnId,
        code: &str,
        asked: Option<Millis>,
        rng: &mut Rng,
    ) {
        let after = match (code, asked) {
            ("unauthorized" | "token_expired", _) => AfterClose::Unauthorized,
            ("forbidden", _) => AfterClose::Give,
            (_, Some(asked)) => AfterClose::Hold { asked },
            (_, None) => AfterClose::Retry,
        };
        self.gone(now, conn, after, rng);
    }

    fn gone(&mut self, now: Now, conn: ConnId, after: AfterClose, rng: &mut Rng) {
        if !self.owns(conn) {
            return;
        }
        if let State::Live(live) = &self.state
            && live.line.conn != conn
        {
            self.trial_failed(now.mono, rng);
            return;
        }
        let reason = match &self.state {
            State::Live(_) => "the connection was lost",
            State::Dialling(dialling) if dialling.stage == Stage::Greeting => {
                "the server closed the connection"
            }
            _ => "the server cannot be reached",
        };
        let hung = false;
        self.ended(
            now,
            End {
                after,
                hung,
                reason,
            },
            rng,
        );
    }

    /// The dial led nowhere.
    pub(super) fn hung(&mut self, now: Now, rng: &mut Rng) {
        let end = End {
            after: AfterClose::Retry,
            hung: true,
            reason: "the server does not answer",
        };
        self.ended(now, end, rng);
    }

    /// The other side of a connection is not there any more, although nobody said so.
    pub(super) fn lost(&mut self, now: Now, reason: &'static str, rng: &mut Rng) {
        let end = End {
            after: AfterClose::Retry,
            hung: true,
            reason,
        };
        self.ended(now, end, rng);
    }

    fn ended(&mut self, now: Now, end: End, rng: &mut Rng) {
        let strike = self.blame(&end);
        let (was_live, leave, stable) = match &self.state {
            State::Live(live) => (true, live.leave, live.is_stable()),
            _ => (false, None, false),
        };
        let refused = matches!(
            &self.state,
            State::Dialling(dialling) if dialling.stage == Stage::Opening
        );
        self.hang_up();
        self.scout.outage(now.mono);
        if stable {
            self.grace = Some(now.mono + STATUS_GRACE);
        }
        if refused && !end.hung {
            self.refusals = self.refusals.saturating_add(1);
        }
        if refused {
            self.no_answer(now.mono);
        }
        let mut spread = None;
        match end.after {
            AfterClose::Retry | AfterClose::NoSuchTransport => {}
            AfterClose::Hold { asked } => self.hold_for(now.mono, asked, rng),
            AfterClose::Away => spread = Some(GOAWAY_SPREAD),
            AfterClose::TooLarge => self.out.push_back(Step::TooLarge),
            AfterClose::Unauthorized => return self.unauthorized(now),
            AfterClose::Give => {
                self.grace = None;
                self.stop_looking();
                self.enter(now, State::Failed, "the server refused the connection");
                return;
            }
        }
        let pause = match (leave, spread) {
            // It said before when it would be gone.
            (Some(leave), _) => leave.since(now.mono),
            (None, Some(spread)) => rng.jitter(spread),
            (None, None) => backoff::delay(self.failures, rng),
        };
        self.failures = self.failures.saturating_add(1);
        let mut waiting = Waiting {
            dial: (now.mono + pause).max(self.earliest(now.mono)),
            on_sight: was_live && leave.is_none(),
            spread,
            strike,
            resting: false,
            absent: false,
        };
        if self.scout.is_blind() {
            // It will never be known whether the server is to blame.
            if let Some(strike) = waiting.strike.take() {
                self.ladder.strike(strike);
            }
        } else if leave.is_none() {
            // After a loss that many may share the looks are spread too. A dial that failed is
            // followed by a look at once: it tells why.
            let pause = if was_live {
                rng.jitter(SCOUT_QUICK)
            } else {
                Millis(0)
            };
            self.scout.look_at(now.mono + pause);
        }
        self.rest_if_spent(now, &mut waiting, rng);
        self.enter(now, State::Waiting(waiting), end.reason);
    }

    /// What an end says against the transport.
    fn blame(&self, end: &End) -> Option<Strike> {
        if end.after == AfterClose::NoSuchTransport {
            return Some(Strike::Hard);
        }
        if end.after != AfterClose::Retry {
            return None;
        }
        match &self.state {
            State::Dialling(_) if end.hung => Some(Strike::Hard),
            State::Dialling(_) => Some(Strike::Soft),
            State::Live(live) if !live.is_stable() => Some(Strike::Soft),
            _ => None,
        }
    }

    /// After the attempts that the app allows, only a look now and then.
    fn rest_if_spent(&mut self, now: Now, waiting: &mut Waiting, rng: &mut Rng) {
        let spent = self
            .settings
            .attempts_max
            .is_some_and(|max| self.failures >= max);
        if !spent {
            return;
        }
        // A quarter more or less, so that pages do not look in step.
        let pause = Millis(REST_PAUSE.0 * 3 / 4 + rng.jitter(Millis(REST_PAUSE.0 / 2)).0);
        waiting.resting = true;
        waiting.dial = waiting.dial.max(now.mono + pause);
        waiting.on_sight = true;
        self.grace = None;
        self.stop_looking();
    }

    pub(super) fn tick_waiting(&mut self, now: Now, rng: &mut Rng) {
        let State::Waiting(mut waiting) = self.state else {
            return;
        };
        if waiting.dial > now.mono {
            if let Some(sight) = self.scout.due(now.mono) {
                self.out.push_back(Step::Look(sight));
            }
            return;
        }
        if waiting.resting && !self.scout.is_blind() {
            // Only a look: a dial follows if it finds something.
            if let Some(sight) = self.look_now(now) {
                self.out.push_back(Step::Look(sight));
            }
            waiting.dial = now.mono + REST_PAUSE;
            self.state = State::Waiting(waiting);
            return;
        }
        // What looks show to be in vain is counted as an attempt and not made. When attempts have
        // been rare for long it is made all the same: looks and connections may go different ways.
        if self.scout.sees_nothing() && self.failures < ATTEMPTS_SPARED_MAX {
            let pause = backoff::delay(self.failures, rng);
            self.failures = self.failures.saturating_add(1);
            waiting.dial = (now.mono + pause).max(self.earliest(now.mono));
            self.rest_if_spent(now, &mut waiting, rng);
            self.state = State::Waiting(waiting);
            self.show(now);
            return;
        }
        self.dial(now, "trying again");
    }

    fn look_now(&mut self, now: Now) -> Option<crate::engine::http::Sight> {
        self.scout.look_at(now.mono);
        self.scout.due(now.mono)
    }

    /// A look is over.
    pub fn saw(&mut self, now: Now, sighting: Sighting, rng: &mut Rng) {
        let State::Waiting(mut waiting) = self.state else {
            if matches!(self.state, State::Live(_)) {
                self.scout.saw_while_linked(now.mono, sighting);
            }
            return;
        };
        if !self.scout.saw(sighting) {
            return;
        }
        match sighting {
            Sighting::Absent => {
                self.no_answer(now.mono);
                waiting.on_sight = true;
                waiting.absent = true;
                waiting.strike = None;
                if !waiting.resting {
                    self.scout.look_again(now.mono, self.online, rng);
                }
                self.state = State::Waiting(waiting);
            }
            Sighting::Busy { asked } => {
                self.answer();
                waiting.on_sight = true;
                waiting.strike = None;
                if let Some(asked) = asked {
                    self.hold_for(now.mono, asked, rng);
                    waiting.dial = waiting.dial.max(self.earliest(now.mono));
                }
                if !waiting.resting {
                    self.scout.look_again(now.mono, self.online, rng);
                }
                self.state = State::Waiting(waiting);
            }
            Sighting::Unauthorized if self.refusals >= REFUSALS_BEFORE_AUTH => {
                self.answer();
                self.unauthorized(now);
            }
            Sighting::Unauthorized => self.found(now, waiting, None, rng),
            Sighting::Here { after } => {
                // The pause that grows spares a server in trouble, and this one is in none: the next way
                // is tried at once, once each.
                if waiting.strike.take().is_some_and(|s| self.ladder.strike(s)) && !waiting.resting
                {
                    let soon = (now.mono + rng.jitter(DIAL_GAP)).max(self.earliest(now.mono));
                    waiting.dial = waiting.dial.min(soon);
                }
                self.found(now, waiting, after, rng);
            }
        }
        self.show(now);
    }

    /// The server is there: dial when it wants to be dialled.
    fn found(&mut self, now: Now, mut waiting: Waiting, after: Option<Millis>, rng: &mut Rng) {
        self.answer();
        if waiting.on_sight {
            let spread = backoff::bound(self.failures).min(COMEBACK_SPREAD);
            let pause = match after {
                // A server that takes connections and drops them does not know that it does: the
                // moment it names counts only for the first that it drops. One that was away does.
                Some(after) if self.failures > 1 && !waiting.absent => {
                    rng.jitter(spread).max(after)
                }
                Some(after) => after,
                None => rng.jitter(waiting.spread.unwrap_or(spread)),
            };
            let pause = pause.min(COMEBACK_DELAY_MAX);
            let dial = (now.mono + pause).max(self.earliest(now.mono));
            waiting.dial = if waiting.resting || after.is_some() {
                dial
            } else {
                dial.min(waiting.dial)
            };
            waiting.on_sight = false;
            waiting.resting = false;
            self.reason = "the server is back";
        }
        self.state = State::Waiting(waiting);
    }

    /// Is this connection carried by a stream or by requests?
    pub fn transport_of(&self, conn: ConnId) -> Option<Transport> {
        match &self.state {
            State::Dialling(dialling) if dialling.line.conn == conn => {
                Some(dialling.line.transport)
            }
            State::Live(live) => live.line_of(conn).map(|line| line.transport),
            _ => None,
        }
    }
}
