//! What a message may look like, and what is none.

use proptest::prelude::*;

use super::*;
use crate::engine::limits::PACKET_BYTES_MAX;
use crate::wire::harmed;

#[test]
fn a_newer_server_may_say_more() {
    let more = br#"[null,null,"t","e",{"a":1},"more",7]"#;
    assert!(read(more).is_ok());
    let more = br#"{"more":1,"payload":7,"event":"e","topic":"t"}"#;
    let message = read(more).unwrap();
    let event = Says::Event("e".into(), Payload::Json(json::parse("7").unwrap()));
    assert_eq!((message.join, message.reference), (None, None));
    assert_eq!(message.says, event);
}

#[test]
fn a_reference_that_is_no_number_is_none_of_ours() {
    for odd in [r#""x""#, r#""""#, r#""-1""#, r#""99999999999999999999""#] {
        let text = [r#"["#, odd, r#",null,"t","e",{}]"#].concat();
        assert_eq!(read(text.as_bytes()).unwrap().join, Some(FOREIGN), "{odd}");
    }
    // The library of the server writes texts; a number is no reference at all.
    assert_eq!(read(br#"[1,2,"t","e",{}]"#).unwrap().join, None);
}

#[test]
fn what_is_no_message_is_named() {
    for (text, fault) in [
        ("", Fault::Json),
        ("[", Fault::Json),
        ("7", Fault::Head),
        ("[]", Fault::Head),
        (r#"["1","1","t"]"#, Fault::Head),
        (r#"["1","1",7,"e",{}]"#, Fault::Head),
        (r#"{"topic":"t"}"#, Fault::Head),
    ] {
        assert_eq!(read(text.as_bytes()), Err(fault), "{text}");
    }
    assert_eq!(read(b"\xff"), Err(Fault::NotText));
    let large = vec![b' '; PACKET_BYTES_MAX + 1];
    assert_eq!(read(&large), Err(Fault::TooLarge));
    assert_eq!(read_bytes(&large), Err(Fault::TooLarge));
}

#[test]
fn no_length_is_believed_before_there_is_as_much() {
    let whole: Vec<Row> = [PHOENIX, SUPABASE]
        .into_iter()
        .flat_map(rows)
        .filter(|row| !row.ours && row.kind == "binary")
        .collect();
    for row in &whole {
        let payload = match read_bytes(&row.bytes).unwrap().says {
            Says::Event(_, Payload::Bytes(bytes))
            | Says::Broadcast(_, Payload::Bytes(bytes), _) => bytes.len(),
            Says::Broadcast(_, Payload::Json(raw), _) => raw.text().len(),
            _ => 4,
        };
        for length in 0..row.bytes.len() - payload {
            assert_eq!(
                read_bytes(&row.bytes[..length]),
                Err(Fault::Head),
                "{length}"
            );
        }
        for at in 0..row.bytes.len() {
            let mut harmed = row.bytes.clone();
            harmed[at] = 0xFF;
            // Whatever it is, it is read without harm.
            let _ = read_bytes(&harmed);
        }
    }
    for (bytes, fault) in [
        (&b"\x03\0\0\0\0\0\0"[..], Fault::Type),
        (b"\x05", Fault::Type),
        (b"\x02\x01\x01\xffe", Fault::NotText),
        (b"\x04\x01\x01\0\x01te{", Fault::Json),
        (b"\x04\x01\x01\0\x01te\xff", Fault::NotText),
    ] {
        assert_eq!(read_bytes(bytes), Err(fault), "{bytes:?}");
    }
    let empty = read_bytes(b"\x02\x01\x01te").unwrap();
    assert_eq!(empty.says, Says::Event("e".into(), Payload::Bytes(b"")));
}

#[test]
fn bytes_are_told_as_base64() {
    assert_eq!(Payload::Bytes(b"\0\x01\x02\xfe\xff").json(), "\"AAEC/v8=\"");
}

/// Sessions that are the recorded ones with what we asked.
const SEEDS: &str = include_str!("../../../../fuzz/seeds/phoenix.txt");

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn whatever_becomes_of_a_session_it_says_no_more_than_was_asked_for(
        session in harmed::session(SEEDS),
    ) {
        crate::fuzz::run("phoenix", &session);
    }
}
