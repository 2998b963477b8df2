//! A session with what was not recorded: refusals, ends, holes.

use super::*;

const WELCOME: &str = r#"{"id":1,"connect":{"client":"c","ping":25,"pong":true}}"#;

/// A channel is subscribed, at E/2.
fn joined() -> Session {
    let mut session = greeted();
    hear(&mut session, WELCOME);
    asks(&mut session, "a", None);
    let reply =
        r#"{"id":2,"subscribe":{"recoverable":true,"positioned":true,"epoch":"E","offset":2}}"#;
    assert_eq!(hear(&mut session, reply), ["a NotAsked at E/2"]);
    session
}

fn unsubscribe_push(code: u64) -> String {
    format!(r#"{{"push":{{"channel":"a","unsubscribe":{{"code":{code},"reason":"why"}}}}}}"#)
}

#[test]
fn a_sign_of_life_is_answered_only_where_the_server_said_so() {
    let mut session = greeted();
    assert_eq!(hear(&mut session, "{}"), ["Unknown"]);
    hear(&mut session, WELCOME);
    assert_eq!(hear(&mut session, "{}"), ["Ping { number: 0 }"]);
    let mut session = greeted();
    hear(
        &mut session,
        r#"{"id":1,"connect":{"client":"c","ping":25}}"#,
    );
    assert_eq!(hear(&mut session, "{}"), ["Unknown"]);
}

#[test]
fn a_refused_connection_is_one_of_the_token_or_for_good_or_for_now() {
    for (error, meaning) in [
        (r#"{"code":109,"message":"token expired"}"#, "token_expired"),
        (r#"{"code":101,"message":"unauthorized"}"#, "unauthorized"),
        (r#"{"code":103,"message":"permission denied"}"#, "forbidden"),
        (
            r#"{"code":100,"message":"internal","temporary":true}"#,
            "internal",
        ),
        (r#"{"code":100,"message":"internal"}"#, "internal"),
        (
            r#"{"code":111,"message":"too many requests","temporary":true}"#,
            "rate_limited",
        ),
        (r#"{"code":1400,"message":"ours"}"#, "forbidden"),
        (
            r#"{"code":1400,"message":"ours","temporary":true}"#,
            "internal",
        ),
    ] {
        let heard = hear(&mut greeted(), &format!(r#"{{"id":1,"error":{error}}}"#));
        let [one] = &*heard else { panic!("{heard:?}") };
        assert!(
            one.starts_with(&format!("turned away: {meaning}: ")),
            "{one}"
        );
    }
    for (code, meaning) in [
        (3000, "internal"),
        (3005, "unauthorized"),
        (3500, "unauthorized"),
        (3503, "forbidden"),
        (4400, "internal"),
        (4501, "forbidden"),
    ] {
        let push = format!(r#"{{"push":{{"disconnect":{{"code":{code},"reason":"r"}}}}}}"#);
        assert_eq!(
            hear(&mut greeted(), &push),
            [format!("turned away: {meaning}: r")]
        );
    }
}

#[test]
fn a_refused_channel_is_told_of_with_the_words_of_the_server() {
    for (error, code) in [
        (r#"{"code":102,"message":"m"}"#, "not_found"),
        (r#"{"code":103,"message":"m"}"#, "forbidden"),
        (r#"{"code":104,"message":"m"}"#, "bad_request"),
        (r#"{"code":106,"message":"m"}"#, "rate_limited"),
        (r#"{"code":108,"message":"m"}"#, "bad_request"),
        (r#"{"code":108,"message":"m","temporary":true}"#, "internal"),
        (r#"{"code":109,"message":"m"}"#, "token_expired"),
    ] {
        let mut session = greeted();
        hear(&mut session, WELCOME);
        asks(&mut session, "a", None);
        let reply = format!(r#"{{"id":2,"error":{error}}}"#);
        assert_eq!(
            hear(&mut session, &reply),
            [
                format!("told {code}: m (channel a)"),
                format!("a {code}: m")
            ]
        );
        // It can be asked for again.
        assert!(asks(&mut session, "a", None).starts_with(r#"{"id":3,"#));
    }
}

#[test]
fn where_a_position_cannot_be_recovered_from_the_channel_is_had_from_now_on() {
    let mut session = greeted();
    hear(&mut session, WELCOME);
    asks(&mut session, "a", Some(&at("E", 2)));
    assert_eq!(
        hear(
            &mut session,
            r#"{"id":2,"error":{"code":112,"message":"unrecoverable position"}}"#
        ),
        [r#"say {"id":3,"subscribe":{"channel":"a","positioned":true,"recoverable":true}}"#]
    );
    assert_eq!(
        hear(
            &mut session,
            r#"{"id":3,"subscribe":{"positioned":true,"epoch":"F","offset":9}}"#
        ),
        ["a NotAsked at F/9"]
    );
    // Where nothing was to be recovered it is a refusal like any other.
    let mut session = greeted();
    hear(&mut session, WELCOME);
    asks(&mut session, "a", None);
    let heard = hear(
        &mut session,
        r#"{"id":2,"error":{"code":112,"message":"m"}}"#,
    );
    assert_eq!(heard, ["told forbidden: m (channel a)", "a forbidden: m"]);
}

#[test]
fn what_a_server_keeps_of_the_newest_alone_is_a_gap_and_is_told() {
    let mut session = greeted();
    hear(&mut session, WELCOME);
    asks(&mut session, "a", Some(&at("E", 2)));
    let reply = r#"{"id":2,"subscribe":{"recoverable":true,"positioned":true,"epoch":"E","offset":2,"was_recovering":true,"recovered":true,"publications":[{"data":{"type":"x"},"offset":9}]}}"#;
    assert_eq!(
        hear(&mut session, reply),
        ["a Impossible at E/8", r#"a 9 x {"type":"x"}"#]
    );
    // So is what has a hole, and what is of another epoch, whatever the server says of it.
    for (epoch, offsets) in [("E", [3, 5]), ("F", [3, 4])] {
        let mut session = greeted();
        hear(&mut session, WELCOME);
        asks(&mut session, "a", Some(&at("E", 2)));
        let [one, two] = offsets;
        let reply = format!(
            r#"{{"id":2,"subscribe":{{"recoverable":true,"epoch":"{epoch}","offset":2,"recovered":true,"publications":[{{"data":1,"offset":{one}}},{{"data":2,"offset":{two}}}]}}}}"#
        );
        assert_eq!(
            hear(&mut session, &reply),
            [
                format!("a Impossible at {epoch}/{}", two - 1),
                format!("a {two} publication 2")
            ]
        );
    }
}

#[test]
fn a_channel_without_history_has_no_numbers() {
    let mut session = greeted();
    hear(&mut session, WELCOME);
    asks(&mut session, "a", None);
    assert_eq!(
        hear(&mut session, r#"{"id":2,"subscribe":{}}"#),
        ["a NotAsked at "]
    );
    let push = r#"{"push":{"channel":"a","pub":{"data":{"type":"x","data":{"id":7}},"offset":5}}}"#;
    assert_eq!(hear(&mut session, push), [r#"a - x {"id":7}"#]);
}

#[test]
fn a_hole_is_asked_for_by_leaving_and_coming_back() {
    let mut session = joined();
    let said = asks(&mut session, "a", Some(&at("E", 2)));
    assert_eq!(
        said,
        "{\"id\":3,\"unsubscribe\":{\"channel\":\"a\"}}\n{\"id\":4,\"subscribe\":{\"channel\":\"a\",\"recover\":true,\"epoch\":\"E\",\"offset\":2,\"positioned\":true,\"recoverable\":true}}"
    );
    let late = r#"{"push":{"channel":"a","pub":{"data":1,"offset":4}}}"#;
    assert_eq!(hear(&mut session, late), ["a 4 publication 1"]);
    let reply = "{\"id\":3,\"unsubscribe\":{}}\n{\"id\":4,\"subscribe\":{\"recoverable\":true,\"epoch\":\"E\",\"offset\":2,\"recovered\":true,\"publications\":[{\"data\":0,\"offset\":3},{\"data\":1,\"offset\":4}]}}";
    assert_eq!(
        hear(&mut session, reply),
        [
            "a Complete at E/4",
            "a 3 publication 0",
            "a 4 publication 1"
        ]
    );
}

#[test]
fn an_answer_that_does_not_come_ends_the_connection_and_one_of_the_last_connection_is_none() {
    let mut session = greeted();
    hear(&mut session, WELCOME);
    asks(&mut session, "a", None);
    assert_eq!(session.subscribe("a", None, None), Ask::Unanswered);
    session.begin();
    session.hello(None);
    let old = r#"{"id":2,"subscribe":{"positioned":true,"epoch":"E"}}"#;
    assert_eq!(hear(&mut session, old), [""; 0]);
    assert_eq!(
        hear(
            &mut session,
            r#"{"push":{"channel":"a","pub":{"data":1,"offset":4}}}"#
        ),
        ["Unknown"]
    );
}

#[test]
fn a_channel_that_the_server_takes_back_is_torn_or_ended() {
    for code in [2500, 2501, 2999] {
        let mut session = joined();
        assert_eq!(hear(&mut session, &unsubscribe_push(code)), ["a torn"]);
        // Nothing has to be left.
        let said = asks(&mut session, "a", Some(&at("E", 2)));
        assert!(said.starts_with(r#"{"id":3,"subscribe":{"channel":"a","recover":true"#));
        // It ends the one before.
        assert_eq!(hear(&mut session, &unsubscribe_push(code)), [""; 0]);
    }
    assert_eq!(
        hear(&mut joined(), &unsubscribe_push(2502)),
        ["a gap", "a torn"]
    );
    assert_eq!(
        hear(&mut joined(), &unsubscribe_push(2000)),
        ["told forbidden: why (channel a)", "a ended"]
    );
    let mut session = joined();
    assert!(session.unsubscribe("a").is_some());
    assert_eq!(hear(&mut session, &unsubscribe_push(2500)), [""; 0]);
    assert_eq!(session.unsubscribe("a"), None);
}

#[test]
fn a_new_token_is_answered_and_the_server_may_renew_by_itself() {
    let mut session = joined();
    assert_eq!(
        session.authorize(RequestId(9), Some("t2")),
        [r#"{"id":3,"refresh":{"token":"t2"}}"#]
    );
    assert_eq!(
        hear(
            &mut session,
            r#"{"id":3,"error":{"code":109,"message":"token expired"}}"#
        ),
        ["9 token_expired"]
    );
    session.authorize(RequestId(10), Some("t3"));
    assert_eq!(
        hear(&mut session, r#"{"id":4,"refresh":{}}"#),
        ["Authorized { request: Some(RequestId(10)), ends: None }"]
    );
    assert_eq!(
        hear(
            &mut session,
            r#"{"push":{"refresh":{"expires":true,"ttl":7}}}"#
        ),
        ["Authorized { request: None, ends: Some(In(7000)) }"]
    );
    assert_eq!(session.authorize(RequestId(11), None), [""; 0]);
}

#[test]
fn where_an_event_has_its_name_is_said_by_the_app_or_usual() {
    let publication = |session: &mut Session, data: &str| {
        hear(session, WELCOME);
        asks(session, "a", None);
        hear(session, r#"{"id":2,"subscribe":{}}"#);
        let push = format!(r#"{{"push":{{"channel":"a","pub":{{"data":{data}}}}}}}"#);
        hear(session, &push).remove(0)
    };
    let usual = |data| publication(&mut greeted(), data);
    assert_eq!(usual(r#"{"event":"moved","payload":[1]}"#), "a - moved [1]");
    assert_eq!(usual(r#""text""#), r#"a - publication "text""#);
    let mut own = session(r#","event":"$.head.kind","data":"$.body""#);
    own.begin();
    own.hello(None);
    let data = r#"{"head":{"kind":"k"},"body":{"id":7}}"#;
    assert_eq!(publication(&mut own, data), r#"a - k {"id":7}"#);
}

#[test]
fn who_comes_and_goes_is_an_event() {
    let mut session = joined();
    for (kind, name) in [("join", "presence:join"), ("leave", "presence:leave")] {
        let push = format!(r#"{{"push":{{"channel":"a","{kind}":{{"info":{{"user":"u"}}}}}}}}"#);
        assert_eq!(
            hear(&mut session, &push),
            [format!(r#"a - {name} {{"user":"u"}}"#)]
        );
    }
}

#[test]
fn the_token_of_a_channel_goes_with_it_and_is_renewed_alone() {
    let mut session = greeted();
    hear(&mut session, WELCOME);
    let asked = session.subscribe("a", None, Some("t1"));
    assert_eq!(
        asked,
        Ask::Say(
            r#"{"id":2,"subscribe":{"channel":"a","token":"t1","positioned":true,"recoverable":true}}"#
                .to_owned()
        )
    );
    assert_eq!(session.renew("a", "t2"), None, "it was not taken yet");
    assert_eq!(
        hear(
            &mut session,
            r#"{"id":2,"subscribe":{"expires":true,"ttl":60}}"#
        ),
        [
            "a NotAsked at ",
            r#"Admitted { channel: "a", life_ms: Some(60000) }"#
        ]
    );
    let renewed = session.renew("a", "t2").unwrap();
    assert_eq!(
        renewed,
        r#"{"id":3,"sub_refresh":{"channel":"a","token":"t2"}}"#
    );
    assert_eq!(
        hear(&mut session, r#"{"id":3,"sub_refresh":{}}"#),
        [r#"Admitted { channel: "a", life_ms: None }"#]
    );
    session.renew("a", "t3");
    let refused = hear(
        &mut session,
        r#"{"id":4,"error":{"code":109,"message":"token expired"}}"#,
    );
    assert_eq!(refused.len(), 1);
    assert!(refused[0].starts_with("NotAdmitted"), "{refused:?}");
    // What answers a renewal of a channel that was given back is nobody's.
    session.renew("a", "t4");
    session.unsubscribe("a");
    assert_eq!(hear(&mut session, r#"{"id":5,"sub_refresh":{}}"#), [""; 0]);
}

#[test]
fn what_may_be_about_a_token_is_said_to_be_and_nothing_else() {
    for (code, is_about) in [
        (101, true),
        (103, true),
        (109, true),
        (102, false),
        (100, false),
    ] {
        for token in [Some("t"), None] {
            let mut session = greeted();
            hear(&mut session, WELCOME);
            session.subscribe("a", None, token);
            let error = format!(r#"{{"id":2,"error":{{"code":{code},"message":"m"}}}}"#);
            let heard = hear(&mut session, &error);
            let said = heard.iter().any(|heard| heard.starts_with("NotAdmitted"));
            assert_eq!(said, is_about && token.is_some(), "{code} {token:?}");
        }
    }
}

#[test]
fn a_place_that_cannot_be_recovered_is_given_up_by_the_same_token() {
    let mut session = greeted();
    hear(&mut session, WELCOME);
    session.subscribe("a", Some(&at("E", 2)), Some("t"));
    let heard = hear(
        &mut session,
        r#"{"id":2,"error":{"code":112,"message":"unrecoverable position"}}"#,
    );
    assert_eq!(
        heard,
        [
            r#"say {"id":3,"subscribe":{"channel":"a","token":"t","positioned":true,"recoverable":true}}"#
        ]
    );
}
