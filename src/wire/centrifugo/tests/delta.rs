//! Payloads that are told as what is new of each.

use super::*;
use crate::engine::limits::DELTA_BYTES_MAX;

const SUBSCRIBED: &str =
    r#"{"id":2,"subscribe":{"recoverable":true,"positioned":true,"epoch":"E","delta":true}}"#;

/// A session whose channel tells deltas.
fn joined() -> Session {
    let mut session = session(r#","delta":"fossil""#);
    session.begin();
    session.hello(None);
    hear(&mut session, r#"{"id":1,"connect":{"client":"c"}}"#);
    assert!(asks(&mut session, "a", None).contains(r#""delta":"fossil""#));
    hear(&mut session, SUBSCRIBED);
    session
}

fn quoted(text: &str) -> String {
    let mut writer = json::Writer::new();
    writer.string(text);
    writer.finish()
}

fn whole(offset: u64, data: &str) -> String {
    format!(r#"{{"data":{},"offset":{offset}}}"#, quoted(data))
}

fn delta(offset: u64, base: &str, data: &str) -> String {
    let delta = String::from_utf8(fossil::write::delta(base, data)).unwrap();
    format!(
        r#"{{"data":{},"offset":{offset},"delta":true}}"#,
        quoted(&delta)
    )
}

fn told(session: &mut Session, publication: &str) -> Vec<String> {
    let frame = format!(r#"{{"push":{{"channel":"a","pub":{publication}}}}}"#);
    hear(session, &frame)
}

#[test]
fn each_payload_is_made_of_the_one_before_and_has_its_name_and_place() {
    let mut session = joined();
    let (one, two) = (
        r#"{"type":"moved","data":{"at":"\u00e9 1"}}"#,
        r#"{"type":"moved","data":{"at":"é 2"}}"#,
    );
    assert_eq!(
        told(&mut session, &whole(1, one)),
        [r#"a 1 moved {"at":"\u00e9 1"}"#]
    );
    assert_eq!(
        told(&mut session, &delta(2, one, two)),
        [r#"a 2 moved {"at":"é 2"}"#]
    );
    assert_eq!(
        told(&mut session, &delta(3, two, one)),
        [r#"a 3 moved {"at":"\u00e9 1"}"#]
    );
    assert_eq!(told(&mut session, &whole(4, "7")), ["a 4 publication 7"]);
    assert_eq!(
        told(&mut session, &delta(5, "7", "8")),
        ["a 5 publication 8"]
    );
}

#[test]
fn what_was_missed_may_go_on_from_what_was_told_on_the_last_connection() {
    let mut session = joined();
    told(&mut session, &whole(1, "[1,2,3]"));
    session.begin();
    session.hello(None);
    hear(&mut session, r#"{"id":1,"connect":{"client":"c"}}"#);
    asks(&mut session, "a", Some(&at("E", 1)));
    let missed = [delta(2, "[1,2,3]", "[1,2,4]"), delta(3, "[1,2,4]", "[1,2]")].join(",");
    let heard = hear(
        &mut session,
        &format!(
            r#"{{"id":2,"subscribe":{{"recoverable":true,"positioned":true,"epoch":"E","offset":1,"recovered":true,"delta":true,"publications":[{missed}]}}}}"#
        ),
    );
    assert_eq!(
        heard,
        [
            "a Complete at E/3",
            "a 2 publication [1,2,4]",
            "a 3 publication [1,2]"
        ]
    );
}

#[test]
fn what_does_not_fit_is_a_fault_and_the_channel_is_had_again_without_deltas() {
    let bad = |data: &str, more: &str| format!(r#"{{"data":{data},"offset":2{more}}}"#);
    for publication in [
        // Of another one than the last.
        delta(2, "[9,9,9,9,9]", "[9,9,9,9,8]"),
        // No delta at all, or no text.
        bad(r#""x""#, r#","delta":true"#),
        bad("[1]", ""),
        bad("null", ""),
        // What it makes is no JSON.
        delta(2, "[1,2,3]", "[1,2,"),
        bad(r#""[1""#, ""),
    ] {
        let mut session = joined();
        told(&mut session, &whole(1, "[1,2,3]"));
        let heard = told(&mut session, &publication);
        assert!(
            heard[0].starts_with("Malformed"),
            "{publication}: {heard:?}"
        );
        assert_eq!(
            heard[1..],
            [r#"say {"id":3,"unsubscribe":{"channel":"a"}}"#, "a torn"]
        );
        // What is on its way is of no use, and follows when it is asked for.
        assert_eq!(told(&mut session, &delta(3, "[1,2,3]", "[1]")), ["Unknown"]);
        assert_eq!(
            asks(&mut session, "a", Some(&at("E", 1))),
            r#"{"id":4,"subscribe":{"channel":"a","recover":true,"epoch":"E","offset":1,"positioned":true,"recoverable":true}}"#
        );
    }
}

#[test]
fn what_was_missed_and_does_not_fit_is_asked_for_anew_from_the_same_place_on() {
    let mut session = joined();
    session.begin();
    session.hello(None);
    hear(&mut session, r#"{"id":1,"connect":{"client":"c"}}"#);
    session.subscribe("a", Some(&at("E", 1)), Some("t"));
    let missed = delta(2, "[1,2,3]", "[1,2,4]");
    let heard = hear(
        &mut session,
        &format!(
            r#"{{"id":2,"subscribe":{{"recoverable":true,"positioned":true,"epoch":"E","offset":1,"recovered":true,"delta":true,"publications":[{missed}]}}}}"#
        ),
    );
    assert!(heard[0].starts_with("Malformed"));
    assert_eq!(
        heard[1..],
        [
            "say {\"id\":3,\"unsubscribe\":{\"channel\":\"a\"}}\n{\"id\":4,\"subscribe\":{\"channel\":\"a\",\"token\":\"t\",\"recover\":true,\"epoch\":\"E\",\"offset\":1,\"positioned\":true,\"recoverable\":true}}"
        ]
    );
}

#[test]
fn of_a_large_payload_nothing_is_kept() {
    let mut session = joined();
    let large = format!("\"{}\"", "x".repeat(DELTA_BYTES_MAX));
    assert_eq!(told(&mut session, &whole(1, &large)).len(), 1);
    assert_eq!(session.payloads_bytes(), 0);
    let heard = told(&mut session, &delta(2, &large, "1"));
    assert!(heard[0].starts_with("Malformed"), "{heard:?}");
}

#[test]
fn a_server_that_takes_no_deltas_tells_payloads_as_ever() {
    let mut session = session(r#","delta":"fossil""#);
    session.begin();
    session.hello(None);
    hear(&mut session, r#"{"id":1,"connect":{"client":"c"}}"#);
    asks(&mut session, "a", None);
    hear(&mut session, r#"{"id":2,"subscribe":{}}"#);
    assert_eq!(
        told(&mut session, r#"{"data":"text"}"#),
        [r#"a - publication "text""#]
    );
    assert_eq!(session.payloads_bytes(), 0);
}

#[test]
fn what_is_kept_goes_with_the_channel_and_with_the_person() {
    for goes in [
        |session: &mut Session| drop(session.unsubscribe("a")),
        |session: &mut Session| session.forget_user(),
    ] {
        let mut session = joined();
        told(&mut session, &whole(1, "[1,2,3]"));
        assert_eq!(session.payloads_bytes(), 7);
        goes(&mut session);
        assert_eq!(session.payloads_bytes(), 0);
    }
}

#[test]
fn what_was_not_asked_for_is_read_as_the_official_client_does() {
    let heard = replay("fossil delta");
    assert_eq!(heard.len(), 5, "{heard:?}");
    assert!(heard[4].starts_with("delta:1 2 publication {"));
}

#[test]
fn what_is_to_be_recorded_is_told_whole() {
    let config = |record| {
        let text = format!(
            r#"{{"backend":{{"kind":"centrifugo","url":"ws://h","delta":"fossil"}},"record":{record}}}"#
        );
        match crate::engine::config::Config::parse(&text).unwrap().speaks {
            Speaks::Centrifugo(with) => with.delta,
            other => panic!("{other:?}"),
        }
    };
    assert!(config(false));
    #[cfg(feature = "recording")]
    assert!(!config(true));
}

#[test]
fn what_comes_before_the_answer_is_passed_over_and_is_a_gap_if_the_answer_does_not_reach_it() {
    for (end, more) in [(3, None), (4, None), (2, Some("a gap"))] {
        let mut session = session(r#","delta":"fossil""#);
        session.begin();
        session.hello(None);
        hear(&mut session, r#"{"id":1,"connect":{"client":"c"}}"#);
        asks(&mut session, "a", None);
        for offset in [3, 2] {
            let publication = delta(offset, "[1,2,3]", "[1,2,4]");
            assert_eq!(told(&mut session, &publication), ["Unknown"]);
        }
        let answer = format!(
            r#"{{"id":2,"subscribe":{{"recoverable":true,"positioned":true,"epoch":"E","offset":{end},"delta":true}}}}"#
        );
        let mut expected = vec![format!("a NotAsked at E/{end}")];
        expected.extend(more.map(str::to_owned));
        assert_eq!(hear(&mut session, &answer), expected);
    }
}
