//! The states of the token, beside everything that can happen to it.

use super::{Answered, Asking, ForDial, Tokens, UseFor};
use crate::engine::ids::TokenId;
use crate::engine::rng::Rng;
use crate::engine::tests::states::{Page, cases, cell};
use crate::engine::time::{Millis, Mono};
use crate::engine::token::{Token, TokenFailure};

cases! {
    enum Is {
        Nothing => "none",
        OneDial => "one for a dial",
        Dials => "one with an end",
        Asked => "asked",
        AskedOneDial => "asked, one for a dial",
        Renewing => "asked, one with an end",
        Later => "failed",
        LaterOneDial => "failed, one for a dial",
        LaterDials => "failed, one with an end",
        Refused => "nobody is logged in",
        RefusedOneDial => "nobody is logged in, one for a dial",
        RefusedDials => "nobody is logged in, one with an end",
    }
}

cases! {
    enum Happens {
        Dial => "a dial begins",
        DialLate => "a dial begins when a new one is due",
        Given => "the app gives one",
        Failed => "the app's function fails",
        NeedsLogin => "the app says: nobody is logged in",
        AnswerOld => "the app answers an older question",
        Login => "somebody logs in with one",
        Lives => "the server takes it for 10 minutes",
        LivesUnknown => "the server takes it for nobody knows how long",
        Rejected => "the server rejects it",
        RenewalRejected => "the server rejects the new one",
        Cleared => "the user is another one",
        Cancelled => "no link is wanted",
        AskAnew => "a new one is wanted now",
        Slept => "the machine slept for 5 minutes",
        Due => "the moment comes",
    }
}

const NOW: Mono = Mono(1_000_000);
const LIFE: Millis = Millis::minutes(10);

fn is(tokens: &Tokens) -> Is {
    match (tokens.asking, tokens.use_for) {
        (Asking::No, UseFor::Nothing) => Is::Nothing,
        (Asking::No, UseFor::OneDial) => Is::OneDial,
        (Asking::No, UseFor::Dials { .. }) => Is::Dials,
        (Asking::Open { .. }, UseFor::Nothing) => Is::Asked,
        (Asking::Open { .. }, UseFor::OneDial) => Is::AskedOneDial,
        (Asking::Open { .. }, UseFor::Dials { .. }) => Is::Renewing,
        (Asking::Later { .. }, UseFor::Nothing) => Is::Later,
        (Asking::Later { .. }, UseFor::OneDial) => Is::LaterOneDial,
        (Asking::Later { .. }, UseFor::Dials { .. }) => Is::LaterDials,
        (Asking::Refused, UseFor::Nothing) => Is::Refused,
        (Asking::Refused, UseFor::OneDial) => Is::RefusedOneDial,
        (Asking::Refused, UseFor::Dials { .. }) => Is::RefusedDials,
    }
}

fn tokens(state: Is) -> Tokens {
    let mut tokens = Tokens::new(true);
    match state {
        Is::Nothing | Is::Asked | Is::Later | Is::Refused => {}
        Is::OneDial | Is::AskedOneDial | Is::LaterOneDial | Is::RefusedOneDial => {
            tokens.take(Some(Token::new("T")));
        }
        Is::Dials | Is::Renewing | Is::LaterDials | Is::RefusedDials => {
            tokens.take(Some(Token::new("T")));
            tokens.lives(NOW, Some(LIFE));
        }
    }
    match state {
        Is::Nothing | Is::OneDial | Is::Dials => {}
        Is::Asked | Is::AskedOneDial | Is::Renewing => {
            assert!(tokens.ask_anew(NOW).is_some());
        }
        Is::Later | Is::LaterOneDial | Is::LaterDials => tokens.fail(NOW, &mut Rng::new(1)),
        Is::Refused | Is::RefusedOneDial | Is::RefusedDials => tokens.asking = Asking::Refused,
    }
    assert_eq!(is(&tokens), state);
    tokens
}

/// What happens, and what the answer to it is.
fn happen(input: Happens, tokens: &mut Tokens) -> &'static str {
    let rng = &mut Rng::new(2);
    let dial = |dial| match dial {
        ForDial::Ready => "dial",
        ForDial::Ask(_) => "ask the app",
        ForDial::Pending => "wait for the answer",
        ForDial::Later(_) => "wait",
        ForDial::Refused => "do not dial",
    };
    let answered = |answered| match answered {
        Answered::Void => "",
        Answered::Given => "go on with it",
        Answered::Failed => "say that it failed",
        Answered::Refused => "say that a login is needed",
    };
    let asks = |asked: Option<TokenId>| if asked.is_some() { "ask the app" } else { "" };
    let last = tokens.last;
    let token = || Ok(Some(Token::new("N")));
    match input {
        Happens::Dial => dial(tokens.for_dial(NOW)),
        Happens::DialLate => dial(tokens.for_dial(NOW + Millis::minutes(9))),
        Happens::Given => answered(tokens.answer(NOW, last, token(), rng)),
        Happens::Failed => answered(tokens.answer(NOW, last, Err(TokenFailure::Failed), rng)),
        Happens::NeedsLogin => {
            answered(tokens.answer(NOW, last, Err(TokenFailure::NeedsLogin), rng))
        }
        Happens::AnswerOld => answered(tokens.answer(NOW, TokenId(77), token(), rng)),
        Happens::Login => {
            tokens.take(Some(Token::new("N")));
            ""
        }
        Happens::Lives => {
            tokens.lives(NOW, Some(LIFE));
            ""
        }
        Happens::LivesUnknown => {
            tokens.lives(NOW, None);
            ""
        }
        Happens::Rejected => {
            tokens.reject();
            ""
        }
        Happens::RenewalRejected => {
            tokens.reject_renewal(NOW, rng);
            ""
        }
        Happens::Cleared => {
            tokens.clear();
            ""
        }
        Happens::Cancelled => {
            tokens.cancel();
            ""
        }
        Happens::AskAnew => asks(tokens.ask_anew(NOW)),
        Happens::Slept => {
            tokens.slept(Millis::minutes(5));
            ""
        }
        Happens::Due => {
            let Some(at) = tokens.next_wakeup(true) else {
                return "";
            };
            if tokens.tick(at, rng) {
                return "say that it failed";
            }
            asks(tokens.renewal(at))
        }
    }
}

#[test]
fn the_states_of_the_token_are_as_written() {
    Page::new(
        "token.md",
        "The token",
        "What is known of the token that the app's function gives: \
         [`link/token.rs`](../../src/engine/link/token.rs). There is at most one question to the app at \
         a time. A token whose end is not known serves one dial.",
    )
    .table("What follows, and what is done:", |state: Is, input: Happens| {
        let mut tokens = tokens(state);
        let before = (state, tokens.next_wakeup(true));
        let done = happen(input, &mut tokens);
        let done = Some(done).filter(|done| !done.is_empty());
        let after = (is(&tokens), tokens.next_wakeup(true));
        cell(before, after, done.map(str::to_owned).into_iter().collect())
    })
    .check(include_str!("../../../../docs/states/token.md"));
}
