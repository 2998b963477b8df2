//! Tokens: one place that asks, one question at a time, and a login that is wanted once.

use super::rig::{App, Door, Rig, Window, settings};
use crate::engine::ids::TokenId;
use crate::engine::limits::TOKEN_TIMEOUT;
use crate::engine::link::Nudge;
use crate::engine::status::{Transport, Word};
use crate::engine::token::{Token, TokenFailure, TokenReason};

const HOUR: u64 = 3_600_000;

fn with_tokens() -> Rig {
    Rig::new(settings(&[Transport::Socket], true), 21)
}

#[test]
fn pp15_connected_and_known_to_the_server_are_different() {
    let mut rig = with_tokens();
    rig.want();
    rig.run(25);
    let status = rig.link.status();
    assert_eq!(
        (status.word, status.authenticated),
        (Word::Connected, false)
    );
    rig.run(30);
    let status = rig.link.status();
    assert_eq!((status.word, status.authenticated), (Word::Connected, true));
}

#[test]
fn rt5_nothing_is_dialled_before_the_token_is_there() {
    let mut rig = with_tokens();
    rig.app = App::Silent;
    rig.want();
    rig.run(TOKEN_TIMEOUT.0 - 1);
    assert_eq!((rig.dials.len(), rig.asked.len()), (0, 1));
    rig.app = App::Gives;
    rig.run(10_000);
    assert_eq!(rig.word(), Word::Connected);
    assert_eq!(rig.asked.len(), 2, "a function that hangs is called again");
}

#[test]
fn ws1_every_dial_has_a_token_of_its_own_where_their_end_is_not_known() {
    let mut rig = with_tokens();
    rig.want();
    for _ in 0..5 {
        rig.run(30_000);
        rig.crash(1006);
    }
    rig.run(30_000);
    assert_eq!(rig.asked.len(), rig.dials.len());
    assert_eq!(rig.asked[0].1, TokenReason::Connect);
    assert!(
        rig.asked[1..]
            .iter()
            .all(|(_, why)| *why == TokenReason::Reconnect)
    );
}

#[test]
fn ws1_a_token_that_is_known_to_live_is_used_again() {
    let mut rig = with_tokens();
    rig.token_life = Some(HOUR);
    rig.want();
    for _ in 0..5 {
        rig.run(30_000);
        rig.crash(1006);
    }
    rig.run(30_000);
    assert_eq!((rig.asked.len(), rig.dials.len()), (1, 6));
}

#[test]
fn ws26_a_refused_token_is_asked_for_once_more_and_then_for_a_login_once() {
    let mut rig = with_tokens();
    rig.doors[0] = Door::Closes(4401);
    rig.want();
    rig.run(5000);
    assert_eq!(rig.word(), Word::NeedsAuth);
    let reasons: Vec<TokenReason> = rig.asked.iter().map(|(_, why)| *why).collect();
    assert_eq!(reasons, [TokenReason::Connect, TokenReason::Rejected]);
    assert_eq!(rig.dials.len(), 2);
    let since = rig.link.status().since;
    for _ in 0..24 {
        rig.run(HOUR);
        rig.act(|link, now, _| link.nudge(now, Nudge::Visible));
        rig.act(|link, now, _| link.online(now, true));
    }
    assert_eq!((rig.asked.len(), rig.dials.len()), (2, 2));
    assert_eq!(rig.link.status().since, since, "said once");
}

#[test]
fn ws26_a_session_that_is_revoked_again_and_again_is_not_dialled_for_ever() {
    let mut rig = with_tokens();
    rig.want();
    // Welcomed each time, and thrown out before the connection is stable.
    for _ in 0..5 {
        rig.run(2000);
        rig.crash(4401);
    }
    assert_eq!(rig.word(), Word::NeedsAuth);
    assert_eq!(rig.dials.len(), 2);
}

#[test]
fn ws26_a_session_that_ends_after_a_long_time_asks_once_and_goes_on() {
    let mut rig = with_tokens();
    rig.want();
    for _ in 0..5 {
        rig.run(HOUR);
        rig.crash(4401);
        rig.run(2000);
        assert_eq!(rig.word(), Word::Connected);
    }
    let rejected = |(_, why): &&(u64, TokenReason)| *why == TokenReason::Rejected;
    assert_eq!(rig.asked.iter().filter(rejected).count(), 5);
}

#[test]
fn an_app_without_tokens_needs_a_login_at_once() {
    let mut rig = Rig::new(settings(&[Transport::Socket], false), 1);
    rig.doors[0] = Door::Closes(4401);
    rig.want();
    rig.run(HOUR);
    assert_eq!((rig.word(), rig.dials.len()), (Word::NeedsAuth, 1));
    // By a cookie, for example.
    rig.doors[0] = Door::Open;
    rig.act(|link, now, _| link.reconnect(now));
    rig.run(2000);
    assert_eq!(rig.word(), Word::Connected);
}

#[test]
fn a_user_who_is_not_logged_in_is_asked_about_once() {
    let mut rig = with_tokens();
    rig.app = App::NeedsLogin;
    rig.want();
    rig.run(HOUR);
    assert_eq!(rig.word(), Word::NeedsAuth);
    assert_eq!((rig.asked.len(), rig.dials.len()), (1, 0));
    rig.app = App::Gives;
    rig.act(|link, now, _| link.logged_in(now, Some(Token::new("new"))));
    rig.run(2000);
    assert_eq!(rig.word(), Word::Connected);
    assert_eq!(rig.asked.len(), 1, "the token was given along");
    assert_eq!(rig.link.token(), Some(&Token::new("new")));
}

#[test]
fn a_login_is_handed_on_to_the_connection_that_is_open() {
    let mut rig = with_tokens();
    rig.want();
    rig.run(20_000);
    rig.act(|link, now, _| link.logged_in(now, None));
    rig.run(1000);
    assert_eq!((rig.authorized, rig.dials.len()), (1, 1));
    rig.act(|link, now, _| link.logged_in(now, Some(Token::new("given"))));
    rig.run(1000);
    assert_eq!((rig.authorized, rig.dials.len()), (2, 1));
}

#[test]
fn a_tab_that_takes_the_lead_does_not_ask_for_the_login_again() {
    let mut rig = with_tokens();
    rig.doors[0] = Door::Closes(4401);
    rig.want();
    rig.run(5000);
    let mut heir = with_tokens();
    heir.want_after(&rig);
    heir.run(HOUR);
    assert_eq!(heir.word(), Word::NeedsAuth);
    assert_eq!((heir.asked.len(), heir.dials.len()), (0, 0));
    heir.act(|link, now, _| link.logged_in(now, None));
    heir.run(1000);
    assert_eq!(heir.word(), Word::Connected);
}

#[test]
fn an_answer_to_an_older_question_is_void() {
    let mut rig = with_tokens();
    rig.app = App::Silent;
    rig.want();
    rig.act(|link, now, _| link.unwant(now, "closed"));
    rig.want();
    assert_eq!(rig.asked.len(), 2);
    let old = Ok(Some(Token::new("old")));
    rig.act(|link, now, rng| link.token_answered(now, TokenId(1), old, rng));
    assert_eq!(rig.dials.len(), 0);
    assert_eq!(rig.link.token(), None);
    let new = Ok(Some(Token::new("new")));
    rig.act(|link, now, rng| link.token_answered(now, TokenId(2), new, rng));
    assert_eq!(rig.dials.len(), 1);
    let failed = Err(TokenFailure::NeedsLogin);
    rig.act(|link, now, rng| link.token_answered(now, TokenId(2), failed, rng));
    assert_eq!(rig.open.len(), 1, "answered twice is answered once");
}

#[test]
fn a_function_that_fails_is_called_later_and_later() {
    let mut rig = with_tokens();
    rig.app = App::Fails;
    rig.want();
    rig.run(HOUR);
    assert_eq!(rig.dials.len(), 0);
    assert!((30..90).contains(&rig.asked.len()), "{}", rig.asked.len());
    rig.app = App::Gives;
    rig.run(3 * 60_000);
    assert_eq!(rig.word(), Word::Connected);
}

#[test]
fn a_token_with_a_very_short_life_does_not_spin() {
    let mut rig = with_tokens();
    rig.token_life = Some(1);
    rig.want();
    rig.run(HOUR);
    assert!(rig.asked.len() <= 400, "{}", rig.asked.len());
    assert_eq!(rig.dials.len(), 1);
}

#[test]
fn a_token_over_all_measure_is_a_failure() {
    let mut rig = with_tokens();
    rig.app = App::Silent;
    rig.want();
    let huge = Ok(Some(Token::new(&"x".repeat(1 << 20))));
    rig.act(|link, now, rng| link.token_answered(now, TokenId(1), huge, rng));
    assert_eq!((rig.dials.len(), rig.link.token()), (0, None));
}

#[test]
fn a_401_by_http_is_believed_only_after_refusals() {
    let mut rig = with_tokens();
    rig.doors[0] = Door::Hangs;
    rig.window = Window::Unauthorized;
    rig.want();
    rig.run(60_000);
    assert_ne!(
        rig.word(),
        Word::NeedsAuth,
        "a dial that hangs was not refused"
    );
}
