//! Channels that the server gives by itself.

use super::*;
use crate::engine::limits::{GIVEN_BYTES_MAX, GIVEN_CHANNELS_MAX, HELD_EVENTS_MAX};

const SUB: &str = r#"{"recoverable":true,"positioned":true,"epoch":"E","offset":2}"#;

fn connect_reply(subs: &str) -> String {
    format!(r#"{{"id":1,"connect":{{"client":"c","ping":25,"subs":{subs}}}}}"#)
}

/// The server gives `a`, at E/2.
fn given() -> Session {
    let mut session = greeted();
    let heard = hear(&mut session, &connect_reply(&format!(r#"{{"a":{SUB}}}"#)));
    assert_eq!(heard, ["welcome 25000 Some(10000) None"]);
    session
}

fn publication(seq: u64) -> String {
    format!(r#"{{"push":{{"channel":"a","pub":{{"data":{seq},"offset":{seq}}}}}}}"#)
}

fn told(session: &mut Session, seq: u64) -> Vec<String> {
    hear(session, &publication(seq))
}

/// Somebody asks for it: what is known.
fn follows(session: &mut Session, from: Option<&Position>) -> Vec<String> {
    assert_eq!(session.subscribe("a", from, None), Ask::Known);
    words(session.news())
}

#[test]
fn what_was_told_before_anybody_asked_is_told_when_somebody_does() {
    let mut session = given();
    assert_eq!(told(&mut session, 3), [""; 0]);
    assert_eq!(told(&mut session, 4), [""; 0]);
    assert_eq!(
        follows(&mut session, None),
        [
            "a NotAsked at E/2",
            "a 3 publication 3",
            "a 4 publication 4"
        ]
    );
    assert_eq!(told(&mut session, 5), ["a 5 publication 5"]);
    // It is given back by nothing that is said.
    assert_eq!(session.unsubscribe("a"), None);
    told(&mut session, 6);
    let back = follows(&mut session, Some(&at("E", 5)));
    assert_eq!(back, ["a Complete at E/5", "a 6 publication 6"]);
}

#[test]
fn how_far_it_was_followed_is_said_with_the_first_command() {
    let mut session = given();
    follows(&mut session, None);
    told(&mut session, 3);
    session.begin();
    let hello = session.hello(Some("t"));
    assert_eq!(
        hello,
        r#"{"id":1,"connect":{"token":"t","name":"everfresh","subs":{"a":{"recover":true,"epoch":"E","offset":3}}}}"#
    );
    let sub = r#"{"recoverable":true,"epoch":"E","offset":3,"recovered":true,"publications":[{"data":4,"offset":4}]}"#;
    let reply = connect_reply(&format!(r#"{{"a":{sub}}}"#));
    assert_eq!(hear(&mut session, &reply).len(), 1);
    assert_eq!(
        follows(&mut session, Some(&at("E", 3))),
        ["a Complete at E/4", "a 4 publication 4"]
    );
    session.begin();
    assert!(session.hello(None).contains(r#""offset":4"#));
    // What is not given any more is forgotten, and so is what another person followed.
    hear(&mut session, &connect_reply("{}"));
    session.begin();
    assert!(!session.hello(None).contains("subs"));
    let mut session = given();
    session.forget_user();
    assert!(!session.hello(None).contains("subs"));
}

#[test]
fn who_is_further_behind_than_the_server_was_told_has_missed_something() {
    let mut session = given();
    follows(&mut session, None);
    session.begin();
    session.hello(None);
    let sub = r#"{"recoverable":true,"epoch":"E","offset":2,"recovered":true}"#;
    hear(&mut session, &connect_reply(&format!(r#"{{"a":{sub}}}"#)));
    assert_eq!(
        follows(&mut session, Some(&at("E", 1))),
        ["a Impossible at E/2"]
    );
    let mut session = given();
    assert_eq!(
        follows(&mut session, Some(&at("F", 2))),
        ["a Impossible at E/2"]
    );
}

#[test]
fn a_hole_in_it_is_filled_by_another_connection() {
    let mut session = given();
    follows(&mut session, None);
    assert_eq!(told(&mut session, 4), ["a 4 publication 4"]);
    assert_eq!(
        session.subscribe("a", Some(&at("E", 2)), None),
        Ask::Unanswered
    );
    session.begin();
    assert!(session.hello(None).contains(r#""epoch":"E","offset":2"#));
}

#[test]
fn more_than_may_be_kept_is_a_gap() {
    let mut session = given();
    for seq in 0..=HELD_EVENTS_MAX as u64 {
        told(&mut session, 3 + seq);
    }
    let end = 3 + HELD_EVENTS_MAX as u64;
    assert_eq!(
        follows(&mut session, Some(&at("E", 2))),
        [format!("a Impossible at E/{end}")]
    );
    let mut session = given();
    let long = "x".repeat(GIVEN_BYTES_MAX);
    let push = format!(r#"{{"push":{{"channel":"a","pub":{{"data":"{long}","offset":3}}}}}}"#);
    hear(&mut session, &push);
    assert_eq!(
        follows(&mut session, Some(&at("E", 2))),
        ["a Impossible at E/3"]
    );
}

#[test]
fn there_are_no_more_of_them_than_may_be() {
    let mut session = greeted();
    let subs = (0..GIVEN_CHANNELS_MAX + 9).map(|n| format!(r#""c{n}":{SUB}"#));
    let subs = subs.collect::<Vec<_>>().join(",");
    hear(&mut session, &connect_reply(&format!("{{{subs}}}")));
    assert_eq!(session.subscribe("c0", None, None), Ask::Known);
    let last = format!("c{}", GIVEN_CHANNELS_MAX);
    assert!(matches!(session.subscribe(&last, None, None), Ask::Say(_)));
}

#[test]
fn it_may_be_given_and_taken_while_the_connection_lasts() {
    let mut session = greeted();
    hear(&mut session, &connect_reply("{}"));
    let push = format!(r#"{{"push":{{"channel":"a","subscribe":{SUB}}}}}"#);
    assert_eq!(hear(&mut session, &push), [""; 0]);
    assert_eq!(follows(&mut session, None), ["a NotAsked at E/2"]);
    let end = r#"{"push":{"channel":"a","unsubscribe":{"code":2000,"reason":"r"}}}"#;
    assert_eq!(
        hear(&mut session, end),
        ["told forbidden: r (channel a)", "a ended"]
    );
    hear(&mut session, &push);
    assert_eq!(hear(&mut session, end), [""; 0], "nobody asked for it");
    // It is given while it is asked for: the refusal that follows says no more.
    asks(&mut session, "a", Some(&at("E", 1)));
    assert_eq!(hear(&mut session, &push), ["a Impossible at E/2"]);
    let refused = r#"{"id":2,"error":{"code":105,"message":"already subscribed"}}"#;
    assert_eq!(hear(&mut session, refused), [""; 0]);
    assert_eq!(told(&mut session, 3), ["a 3 publication 3"]);
}
