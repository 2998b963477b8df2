//! What a message may look like, and what is none.

use proptest::prelude::*;

use super::*;
use crate::engine::limits::CENTRIFUGO_FRAME_BYTES_MAX;
use crate::wire::harmed;

/// Sessions that are the recorded ones with what we asked.
const SEEDS: &str = include_str!("../../../../fuzz/seeds/centrifugo.txt");

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn whatever_becomes_of_a_session_it_says_no_more_than_was_asked_for(
        session in harmed::session(SEEDS),
    ) {
        crate::fuzz::run("centrifugo", &session);
    }
}

fn messages(frame: &str) -> Result<Vec<Message<'_>>, Fault> {
    let mut out = Vec::new();
    read(frame.as_bytes(), &mut |message| {
        out.push(message);
        Ok(())
    })?;
    Ok(out)
}

#[test]
fn what_a_newer_server_says_is_no_fault() {
    for other in [
        r#"{"push":{}}"#,
        r#"{"push":{"channel":"a"}}"#,
        r#"{"push":7}"#,
        r#"{"id":-1}"#,
        r#"{"more":{}}"#,
    ] {
        assert_eq!(messages(other), Ok(vec![Message::Other]), "{other}");
    }
    assert_eq!(
        messages(r#"{"id":7}"#),
        Ok(vec![Message::Reply(7, Ok(Raw::NULL))])
    );
    assert_eq!(messages(" {} \n\n{}\r\n"), Ok(vec![Message::Life; 2]));
}

#[test]
fn what_is_no_message_is_named() {
    for text in ["{", "7", "[]", "{}}", "{}\n{oops"] {
        assert_eq!(messages(text), Err(Fault::Json), "{text}");
    }
    let read = |bytes| read(bytes, &mut |_| Ok(()));
    assert_eq!(read(b"\xff"), Err(Fault::NotText));
    let large = vec![b' '; CENTRIFUGO_FRAME_BYTES_MAX + 1];
    assert_eq!(read(&large), Err(Fault::TooLarge));
    assert_eq!(read(&large[1..]), Ok(()));
}

#[test]
fn a_frame_that_cannot_be_read_ends_the_connection_and_what_came_before_it_counts() {
    let mut session = greeted();
    assert_eq!(
        hear(&mut session, "{\"id\":1,\"connect\":{}}\n{oops"),
        [
            "welcome 300000 Some(10000) None",
            "Broken(\"bad JSON in a packet\")"
        ]
    );
}

#[test]
fn a_position_is_read_only_where_the_server_numbers_what_it_tells() {
    let read = |text: &str| Subscription::read(json::parse(text).unwrap()).position;
    assert_eq!(
        read(r#"{"recoverable":true,"epoch":"e","offset":7}"#),
        Some(at("e", 7))
    );
    assert_eq!(read(r#"{"positioned":true,"epoch":"e"}"#), Some(at("e", 0)));
    assert_eq!(read(r#"{"positioned":true}"#), Some(at("", 0)));
    assert_eq!(read(r#"{"epoch":"e","offset":7}"#), None);
    let long = format!(r#"{{"positioned":true,"epoch":"{}"}}"#, "e".repeat(256));
    assert_eq!(read(&long), None);
}

#[test]
fn ws33_every_code_of_a_close_has_its_class() {
    let means = |code: u16| {
        let rule = CLOSES
            .iter()
            .find(|rule| rule.from <= code && code <= rule.to);
        rule.map_or(CloseMeans::Lost, |rule| rule.means)
    };
    for code in [
        1000, 1005, 1006, 1011, 3000, 3004, 3006, 3008, 3012, 3499, 4000, 4499,
    ] {
        assert_eq!(means(code), CloseMeans::Lost, "{code}");
    }
    for code in [3501, 3503, 3507, 3999, 4500, 4999] {
        assert_eq!(means(code), CloseMeans::Final, "{code}");
    }
    for code in [3005, 3014, 3500] {
        assert_eq!(means(code), CloseMeans::Unauthorized, "{code}");
    }
    for code in [1001, 1012, 3001, 3011] {
        assert_eq!(means(code), CloseMeans::GoingAway, "{code}");
    }
    assert_eq!(means(1009), CloseMeans::TooLarge);
}
