//! What a message may look like, and what is none.

use proptest::prelude::*;

use super::*;
use crate::engine::limits::PACKET_BYTES_MAX;

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
            Says::Event(_, Payload::Bytes(bytes)) | Says::Broadcast(_, Payload::Bytes(bytes)) => {
                bytes.len()
            }
            Says::Broadcast(_, Payload::Json(raw)) => raw.text().len(),
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

/// A whole session as the target of the fuzzer reads it, and what may become of it on the way.
#[derive(Clone, Debug)]
enum Harm {
    Drop(usize),
    Twice(usize),
    Swap(usize, usize),
    Cut(usize, usize),
    Byte(usize, usize, u8),
    Begin(usize),
}

fn harm() -> impl Strategy<Value = Harm> {
    let at = || 0usize..64;
    prop_oneof![
        at().prop_map(Harm::Drop),
        at().prop_map(Harm::Twice),
        (at(), at()).prop_map(|(a, b)| Harm::Swap(a, b)),
        (at(), 0usize..400).prop_map(|(a, b)| Harm::Cut(a, b)),
        (at(), 0usize..400, any::<u8>()).prop_map(|(a, b, c)| Harm::Byte(a, b, c)),
        at().prop_map(Harm::Begin),
    ]
}

/// The sessions of `fuzz/seeds`, which are the recorded ones with what we asked.
fn seeds() -> Vec<Vec<u8>> {
    let text = include_str!("../../../../fuzz/seeds/phoenix.txt");
    let bytes = |line: &str| {
        let mut out = Vec::new();
        let mut rest = line;
        while let Some(at) = rest.find('\\') {
            out.extend(&rest.as_bytes()[..at]);
            let (escape, length) = match rest.as_bytes()[at + 1] {
                b'n' => (b'\n', 2),
                b'x' => (u8::from_str_radix(&rest[at + 2..at + 4], 16).unwrap(), 4),
                other => (other, 2),
            };
            out.push(escape);
            rest = &rest[at + length..];
        }
        out.extend(rest.as_bytes());
        out
    };
    text.lines().map(bytes).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn whatever_becomes_of_a_session_it_says_no_more_than_was_asked_for(
        seed in 0usize..5,
        harms in prop::collection::vec(harm(), 0..12),
    ) {
        let seed = &seeds()[seed];
        let at = seed.iter().position(|byte| *byte == b'\n').unwrap();
        let (config, deeds) = seed.split_at(at + 1);
        let mut deeds: Vec<Vec<u8>> = deeds.split(|byte| *byte == 0x1E).map(<[u8]>::to_vec).collect();
        for harm in harms {
            let count = deeds.len();
            match harm {
                Harm::Drop(at) if count > 1 => { deeds.remove(at % count); }
                Harm::Twice(at) => { let deed = deeds[at % count].clone(); deeds.insert(at % count, deed); }
                Harm::Swap(a, b) => deeds.swap(a % count, b % count),
                Harm::Cut(at, length) => deeds[at % count].truncate(length),
                Harm::Byte(at, place, byte) => {
                    let deed = &mut deeds[at % count];
                    if let Some(there) = deed.get_mut(place) { *there = byte; }
                }
                Harm::Begin(at) => deeds.insert(at % count, b"n".to_vec()),
                Harm::Drop(_) => {}
            }
        }
        let mut all = config.to_vec();
        all.extend(deeds.join(&0x1E));
        crate::fuzz::run("phoenix", &all);
    }
}
