//! A page whose server wants a token of each channel.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::page::Page;
use crate::engine::input::{Input, SocketEvent};
use crate::engine::token::{Token, TokenFailure, TokenReason};

const CONFIG: &str = r#"{"user":"ada","backend":{"kind":"centrifugo","url":"wss://h/connection/websocket","getChannelToken":true},
    "channels":["room"],"events":{"changed":[["tasks"]]}}"#;

impl Page {
    fn is_connected(&mut self) {
        self.socket(SocketEvent::Opened);
        self.hears(r#"{"id":1,"connect":{"client":"c","ping":25,"pong":true}}"#);
    }

    /// The one open question for a token of a channel, which it was asked because of this.
    fn is_asked(&mut self, reason: TokenReason) -> crate::engine::ids::TokenId {
        let asked = std::mem::take(&mut self.of_channels);
        let [(request, channel, why)] = &*asked else {
            panic!("one question: {asked:?}");
        };
        assert_eq!((&**channel, *why), ("room", reason));
        *request
    }

    fn is_given(&mut self, reason: TokenReason, result: Result<Option<&str>, TokenFailure>) {
        let request = self.is_asked(reason);
        let result = result.map(|token| token.map(Token::new));
        self.happens(Input::Token { request, result });
    }

    /// What was said of the channel last, without its number.
    fn of_channel(&self) -> String {
        let last = self.last();
        last.split_once(',')
            .unwrap()
            .1
            .trim_end_matches('}')
            .to_owned()
    }

    fn answers_last(&mut self, body: &str) {
        let number = self.last()[6..].split(',').next().unwrap().to_owned();
        self.hears(&format!(r#"{{"id":{number},{body}}}"#));
    }

    fn lives_on(&mut self, ms: u64) {
        for _ in 0..ms / 20_000 {
            self.waits(20_000);
            self.hears("{}");
        }
    }
}

const YES: &str = r#""subscribe":{"expires":true,"ttl":600}"#;
const NO: &str = r#""error":{"code":109,"message":"token expired"}"#;

#[test]
fn a_channel_is_asked_for_when_its_token_is_there_and_the_token_is_renewed_before_it_ends() {
    let mut page = Page::of(CONFIG);
    page.is_connected();
    assert_eq!(
        page.said().len(),
        1,
        "nothing is asked of the server before"
    );
    page.is_given(TokenReason::Connect, Ok(Some("t1")));
    assert_eq!(
        page.of_channel(),
        r#""subscribe":{"channel":"room","token":"t1","positioned":true,"recoverable":true"#
    );
    page.answers_last(YES);
    assert!(page.engine.channels.is_synced());
    page.lives_on(520_000);
    assert!(page.of_channels.is_empty(), "not before it is time");
    page.lives_on(40_000);
    page.is_given(TokenReason::Expiring, Ok(Some("t2")));
    assert_eq!(
        page.of_channel(),
        r#""sub_refresh":{"channel":"room","token":"t2""#
    );
    page.answers_last(r#""sub_refresh":{"expires":true,"ttl":600}"#);
    page.lives_on(520_000);
    assert!(
        page.of_channels.is_empty(),
        "the new one is good for as long"
    );
    assert_eq!(page.faults, [""; 0]);
}

#[test]
fn a_token_that_is_good_is_used_for_the_next_connection() {
    let mut page = Page::of(CONFIG);
    page.is_connected();
    page.is_given(TokenReason::Connect, Ok(Some("t1")));
    page.answers_last(YES);
    page.lost(1006);
    page.waits(20_000);
    page.is_connected();
    assert!(page.of_channels.is_empty());
    assert!(page.of_channel().contains(r#""token":"t1""#));
    // One whose end is not known is had anew.
    page.answers_last(r#""subscribe":{}"#);
    page.lost(1006);
    page.waits(20_000);
    page.is_connected();
    page.is_asked(TokenReason::Reconnect);
}

#[test]
fn the_app_is_asked_once_however_long_it_takes() {
    let mut page = Page::of(CONFIG);
    page.is_connected();
    page.waits(25_000);
    page.hears("{}");
    page.lost(1006);
    page.waits(4000);
    page.is_connected();
    page.is_given(TokenReason::Connect, Ok(Some("t1")));
    assert!(page.of_channel().contains(r#""token":"t1""#));
    page.answers_last(YES);
    assert!(page.engine.channels.is_synced());
}

#[test]
fn a_token_that_is_refused_is_asked_for_once_more_and_then_the_refusal_stands() {
    let mut page = Page::of(CONFIG);
    page.is_connected();
    page.is_given(TokenReason::Connect, Ok(Some("t1")));
    page.answers_last(NO);
    assert_eq!(page.faults, [""; 0], "another one may do");
    page.is_given(TokenReason::Rejected, Ok(Some("t2")));
    assert!(page.of_channel().contains(r#""token":"t2""#));
    page.answers_last(NO);
    assert_eq!(
        page.faults,
        [
            "token_expired: token expired (channel room)",
            "token_expired (channel room)"
        ]
    );
    page.lives_on(400_000);
    assert!(page.of_channels.is_empty(), "nobody is asked any more");
    // Until somebody logs in.
    page.happens(Input::Command(
        crate::engine::command::Command::parse(r#"{"do":"logged-in"}"#).unwrap(),
    ));
    page.is_given(TokenReason::Connect, Ok(Some("t3")));
    page.answers_last(YES);
    assert!(page.engine.channels.is_synced());
}

#[test]
fn a_renewal_that_is_refused_is_made_once_more_and_what_is_subscribed_goes_on() {
    let mut page = Page::of(CONFIG);
    page.is_connected();
    page.is_given(TokenReason::Connect, Ok(Some("t1")));
    page.answers_last(YES);
    page.lives_on(560_000);
    page.is_given(TokenReason::Expiring, Ok(Some("t2")));
    page.answers_last(NO);
    page.is_given(TokenReason::Rejected, Ok(Some("t3")));
    assert!(
        page.of_channel()
            .contains(r#"sub_refresh":{"channel":"room","token":"t3""#)
    );
    page.answers_last(NO);
    assert_eq!(page.faults, ["token_expired: token expired (channel room)"]);
    assert!(page.engine.channels.is_synced());
    // The server ends it, and it is asked for by another token.
    page.hears(r#"{"push":{"channel":"room","unsubscribe":{"code":2501,"reason":"expired"}}}"#);
    page.is_given(TokenReason::Rejected, Ok(Some("t4")));
    assert!(page.of_channel().contains(r#""token":"t4""#));
    page.answers_last(YES);
    assert!(page.engine.channels.is_synced());
}

#[test]
fn without_a_token_the_server_is_asked_without_one() {
    let mut page = Page::of(CONFIG);
    page.is_connected();
    page.is_given(TokenReason::Connect, Ok(None));
    assert!(!page.of_channel().contains("token"));
    page.answers_last(r#""error":{"code":103,"message":"permission denied"}"#);
    assert_eq!(page.faults.len(), 2, "{:?}", page.faults);
    page.waits(20_000);
    assert!(page.of_channels.is_empty());
}

#[test]
fn a_function_that_fails_is_called_again_and_one_that_wants_a_login_is_not() {
    let mut page = Page::of(CONFIG);
    page.is_connected();
    page.is_given(TokenReason::Connect, Err(TokenFailure::Failed));
    assert!(page.of_channels.is_empty(), "not at once");
    while page.of_channels.is_empty() {
        page.lives_on(20_000);
    }
    page.is_given(TokenReason::Connect, Err(TokenFailure::NeedsLogin));
    assert_eq!(page.faults, ["unauthorized (channel room)"]);
    page.lives_on(400_000);
    assert!(page.of_channels.is_empty());
    assert!(!page.said().iter().any(|said| said.contains("subscribe")));
}

#[test]
fn a_function_that_never_answers_is_called_again() {
    let mut page = Page::of(CONFIG);
    page.is_connected();
    let first = page.is_asked(TokenReason::Connect);
    while page.of_channels.is_empty() {
        page.lives_on(20_000);
    }
    let second = page.is_asked(TokenReason::Connect);
    assert_ne!(first, second);
    // The answer to the first question is nobody's.
    let result = Ok(Some(Token::new("late")));
    page.happens(Input::Token {
        request: first,
        result,
    });
    assert!(!page.said().iter().any(|said| said.contains("late")));
}

#[test]
fn what_belongs_to_another_person_is_forgotten() {
    let mut page = Page::of(CONFIG);
    page.is_connected();
    let open = page.is_asked(TokenReason::Connect);
    page.happens(Input::Command(
        crate::engine::command::Command::parse(r#"{"do":"user","user":"bob"}"#).unwrap(),
    ));
    page.waits(20_000);
    let result = Ok(Some(Token::new("of-ada")));
    page.happens(Input::Token {
        request: open,
        result,
    });
    assert!(!page.said().iter().any(|said| said.contains("of-ada")));
}

#[test]
fn a_channel_that_is_given_back_needs_no_token_any_more() {
    let mut page = Page::of(CONFIG);
    page.is_connected();
    let open = page.is_asked(TokenReason::Connect);
    page.happens(Input::Command(
        crate::engine::command::Command::parse(r#"{"do":"unwatch","channel":"room"}"#).unwrap(),
    ));
    page.lives_on(600_000);
    page.of_channels.clear();
    let result = Ok(Some(Token::new("late")));
    page.happens(Input::Token {
        request: open,
        result,
    });
    assert!(!page.said().iter().any(|said| said.contains("late")));
    assert_eq!(page.engine.admissions.next_wakeup(), None);
}
