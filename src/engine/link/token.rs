//! The one place where a token is asked for, for every dial and every renewal.
//!
//! At most one question to the app is open at a time; an answer to an older one is void. A token
//! whose end is known is used for as long as it lasts; one whose end is not known is used for one
//! dial. A function that fails is called again later and later; one that says that the user has
//! to log in is not called again until somebody did.

use crate::engine::ids::TokenId;
use crate::engine::limits::{
    BACKOFF_FIRST, TOKEN_AHEAD, TOKEN_GAP, TOKEN_LIFE_MAX, TOKEN_RETRY_MAX, TOKEN_TIMEOUT,
};
use crate::engine::rng::Rng;
use crate::engine::time::{Millis, Mono};
use crate::engine::token::{Token, TokenFailure, TokenReason};

/// What is known of the app's token.
#[derive(Debug)]
pub(in crate::engine) struct Tokens {
    /// Whether the app has a function to ask.
    source: bool,
    asking: Asking,
    last: TokenId,
    token: Option<Token>,
    use_for: UseFor,
    /// Calls in a row that failed.
    failures: u32,
    /// The last renewal, so that they do not follow too closely.
    renewed: Option<Mono>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asking {
    No,
    Open {
        request: TokenId,
        until: Mono,
    },
    /// The last call failed.
    Later {
        at: Mono,
    },
    /// The user has to log in.
    Refused,
}

/// What the token at hand may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UseFor {
    /// Nothing: it was used or refused, or there is none.
    Nothing,
    /// One dial.
    OneDial,
    /// Every dial until `end`, but from `renew` on a newer one is to be had.
    Dials { renew: Mono, end: Mono },
}

/// Can a dial begin?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum ForDial {
    /// With the token at hand, or without one if the app has none to give.
    Ready,
    /// The app was asked; ask it.
    Ask(TokenId),
    /// The app was asked before.
    Pending,
    /// Not before then.
    Later(Mono),
    /// Not before somebody logged in.
    Refused,
}

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Answered {
    /// It was an older one: nothing.
    Void,
    /// There is a new token.
    Given,
    /// The function failed.
    Failed,
    /// The user has to log in.
    Refused,
}

impl Tokens {
    /// Nothing is known yet.
    pub(in crate::engine) fn new(source: bool) -> Self {
        Tokens {
            source,
            asking: Asking::No,
            last: TokenId::default(),
            token: None,
            use_for: UseFor::Nothing,
            failures: 0,
            renewed: None,
        }
    }

    /// Questions are numbered from here on: somebody has several of these.
    #[cfg(feature = "centrifugo")]
    pub(in crate::engine) fn number_behind(&mut self, last: TokenId) {
        self.last = last;
    }

    /// Is the answer to this question awaited?
    #[cfg(feature = "centrifugo")]
    pub(in crate::engine) fn is_asking(&self, to: TokenId) -> bool {
        matches!(self.asking, Asking::Open { request, .. } if request == to)
    }

    /// The token at hand.
    pub(in crate::engine) fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    /// Is there anybody to ask?
    pub(in crate::engine) fn has_source(&self) -> bool {
        self.source
    }

    /// Has the last call of the app's function failed?
    pub(in crate::engine) fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// A dial is about to begin.
    pub(in crate::engine) fn for_dial(&mut self, now: Mono) -> ForDial {
        if !self.source {
            return ForDial::Ready;
        }
        match (self.asking, self.use_for) {
            (Asking::Open { .. }, _) => ForDial::Pending,
            (_, UseFor::OneDial) => {
                self.use_for = UseFor::Nothing;
                ForDial::Ready
            }
            (_, UseFor::Dials { renew, .. }) if now < renew => ForDial::Ready,
            (Asking::Refused, _) => ForDial::Refused,
            // The newer one is not to be had now, but the older one is still good.
            (Asking::Later { at }, UseFor::Dials { end, .. }) if now < at && now < end => {
                ForDial::Ready
            }
            (Asking::Later { at }, _) if now < at => ForDial::Later(at),
            (Asking::No | Asking::Later { .. }, _) => ForDial::Ask(self.ask(now)),
        }
    }

    fn ask(&mut self, now: Mono) -> TokenId {
        self.last = self.last.next();
        self.asking = Asking::Open {
            request: self.last,
            until: now + TOKEN_TIMEOUT,
        };
        self.last
    }

    /// The app answered a question.
    pub(in crate::engine) fn answer(
        &mut self,
        now: Mono,
        to: TokenId,
        result: Result<Option<Token>, TokenFailure>,
        rng: &mut Rng,
    ) -> Answered {
        match self.asking {
            Asking::Open { request, .. } if request == to => {}
            Asking::No | Asking::Open { .. } | Asking::Later { .. } | Asking::Refused => {
                return Answered::Void;
            }
        }
        match result {
            Ok(token) if !token.as_ref().is_some_and(Token::is_too_long) => {
                self.take(token);
                Answered::Given
            }
            Ok(_) | Err(TokenFailure::Failed) => {
                self.fail(now, rng);
                Answered::Failed
            }
            Err(TokenFailure::NeedsLogin) => {
                self.asking = Asking::Refused;
                self.use_for = UseFor::Nothing;
                Answered::Refused
            }
        }
    }

    /// There is a new token, asked for or not. Whatever was asked before is answered by it.
    pub(in crate::engine) fn take(&mut self, token: Option<Token>) {
        self.asking = Asking::No;
        self.failures = 0;
        self.token = token;
        self.use_for = UseFor::OneDial;
    }

    fn fail(&mut self, now: Mono, rng: &mut Rng) {
        let bound = BACKOFF_FIRST
            .0
            .saturating_mul(2 << self.failures.min(16))
            .min(TOKEN_RETRY_MAX.0);
        self.failures = self.failures.saturating_add(1);
        // At least half of it: the first failure is not answered by a call at once.
        let pause = Millis(bound / 2 + rng.jitter(Millis(bound / 2)).0);
        self.asking = Asking::Later { at: now + pause };
    }

    /// The server does not accept the token.
    pub(in crate::engine) fn reject(&mut self) {
        self.token = None;
        self.use_for = UseFor::Nothing;
    }

    /// The server does not accept a renewal: the app's next token may be better.
    pub(in crate::engine) fn reject_renewal(&mut self, now: Mono, rng: &mut Rng) {
        self.use_for = UseFor::Nothing;
        self.fail(now, rng);
    }

    /// Somebody logged in, or out: what was known is void.
    pub(in crate::engine) fn clear(&mut self) {
        self.reject();
        self.asking = Asking::No;
        self.failures = 0;
    }

    /// Nobody waits for an answer any more.
    pub(in crate::engine) fn cancel(&mut self) {
        if matches!(self.asking, Asking::Open { .. }) {
            self.asking = Asking::No;
        }
    }

    /// The server said for how long it accepts the token at hand; nothing if it did not.
    pub(in crate::engine) fn lives(&mut self, now: Mono, life: Option<Millis>) {
        if !self.source {
            return;
        }
        self.use_for = match life {
            None => UseFor::Nothing,
            Some(life) => {
                let life = life.0.min(TOKEN_LIFE_MAX.0);
                let ahead = (life / 2).min((life / 10).max(TOKEN_AHEAD.0));
                let soonest = self.renewed.map_or(now, |at| at + TOKEN_GAP).max(now);
                UseFor::Dials {
                    renew: (now + Millis(life - ahead)).max(soonest),
                    end: now + Millis(life),
                }
            }
        };
    }

    /// The machine slept, and the monotonic clock stood still: the token is older than it seems.
    pub(in crate::engine) fn slept(&mut self, span: Millis) {
        if let UseFor::Dials { renew, end } = &mut self.use_for {
            renew.0 = renew.0.saturating_sub(span.0);
            end.0 = end.0.saturating_sub(span.0);
        }
    }

    /// Is it time to ask for a new token, without a dial? Then ask.
    pub(in crate::engine) fn renewal(&mut self, now: Mono) -> Option<TokenId> {
        if self.renewal_at()? > now {
            return None;
        }
        self.renewed = Some(now);
        Some(self.ask(now))
    }

    fn renewal_at(&self) -> Option<Mono> {
        match (self.asking, self.use_for) {
            (Asking::No, UseFor::Dials { renew, .. }) => Some(renew),
            (Asking::Later { at }, _) => Some(at),
            (Asking::No | Asking::Open { .. } | Asking::Refused, _) => None,
        }
    }

    /// Asks for a new token now, unless that was done already or there is nobody to ask.
    pub(in crate::engine) fn ask_anew(&mut self, now: Mono) -> Option<TokenId> {
        match self.asking {
            Asking::Open { .. } => None,
            Asking::No | Asking::Later { .. } | Asking::Refused => {
                self.source.then(|| self.ask(now))
            }
        }
    }

    /// Asks for a new token because the one at hand was refused somewhere else. Not if an answer is
    /// awaited or will be asked for, and not if the user has to log in first.
    pub(in crate::engine) fn ask_for_others(&mut self, now: Mono) -> Option<TokenId> {
        match self.asking {
            Asking::No => self.source.then(|| self.ask(now)),
            Asking::Open { .. } | Asking::Later { .. } | Asking::Refused => None,
        }
    }

    /// Time passed. True if the app's function has taken too long.
    pub(in crate::engine) fn tick(&mut self, now: Mono, rng: &mut Rng) -> bool {
        match self.asking {
            Asking::Open { until, .. } if until <= now => {
                self.fail(now, rng);
                true
            }
            Asking::No | Asking::Open { .. } | Asking::Later { .. } | Asking::Refused => false,
        }
    }

    /// When something is to be done, if nothing else happens. Renewals happen only while somebody
    /// uses the token.
    pub(in crate::engine) fn next_wakeup(&self, renews: bool) -> Option<Mono> {
        match self.asking {
            Asking::Open { until, .. } => Some(until),
            Asking::No | Asking::Later { .. } | Asking::Refused if renews => self.renewal_at(),
            Asking::No | Asking::Later { .. } | Asking::Refused => None,
        }
    }

    /// Why a token is asked for, for the app to read.
    pub(in crate::engine) fn reason(&self, rejected: bool, first: bool) -> TokenReason {
        match (rejected, first) {
            (true, _) => TokenReason::Rejected,
            (false, true) => TokenReason::Connect,
            (false, false) => TokenReason::Reconnect,
        }
    }
}

#[cfg(test)]
mod table;
