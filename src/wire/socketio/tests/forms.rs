//! What no recording has: bounds, faults, and anything at all.

use super::super::*;
use super::{args, whole};
use crate::engine::limits::EPOCH_BYTES_MAX;
use crate::wire::engineio::{read_body, write_body};
use proptest::prelude::*;

fn fault(text: &str) -> Fault {
    match whole(text) {
        Ok(whole) => whole
            .read()
            .map(|packet| format!("{packet:?}"))
            .unwrap_err(),
        Err(fault) => fault,
    }
}

#[test]
fn attachments_come_back_in_their_order() {
    let mut decoder = Decoder::default();
    let text = r#"452-/a,7["b",{"_placeholder":true,"num":1},[{"num":0,"_placeholder":true}]]"#;
    assert_eq!(decoder.push(Frame::Text(text)), Ok(None));
    // A sign of life is no packet of Socket.IO: it may come between.
    assert_eq!(decoder.push(Frame::Text("2")), Ok(Some(Said::Ping)));
    assert_eq!(decoder.push(Frame::binary(b"one")), Ok(None));
    let Ok(Some(Said::Packet(whole))) = decoder.push(Frame::binary(b"two")) else {
        panic!("all is there");
    };
    assert_eq!(whole.attachments, [b"one".to_vec(), b"two".to_vec()]);
    let packet = whole.read().unwrap();
    assert_eq!(packet.namespace, "/a");
    assert!(matches!(packet.says, Says::Event(event) if event.id == Some(7) && event.count == 2));
    // Nothing is left over.
    assert_eq!(decoder.push(Frame::binary(b"three")), Err(Fault::Order));
}

#[test]
fn attachments_are_bounded_and_in_order() {
    let mut decoder = Decoder::default();
    let many = format!("45{}-[\"b\"]", ATTACHMENTS_MAX + 1);
    assert_eq!(decoder.push(Frame::Text(&many)), Err(Fault::TooLarge));
    let huge = "4599999999999999999999-[\"b\"]";
    assert_eq!(decoder.push(Frame::Text(huge)), Err(Fault::Head));
    for text in [r#"45-["b"]"#, r#"45["b"]"#, r#"451["b"]"#, "451"] {
        assert_eq!(decoder.push(Frame::Text(text)), Err(Fault::Head), "{text}");
    }
    assert_eq!(decoder.push(Frame::Text(r#"452-["b"]"#)), Ok(None));
    assert_eq!(decoder.push(Frame::Text(r#"42["x"]"#)), Err(Fault::Order));
    let half = vec![0; ATTACHMENT_BYTES_MAX / 2 + 1];
    assert_eq!(decoder.push(Frame::binary(&half)), Ok(None));
    assert_eq!(decoder.push(Frame::binary(&half)), Err(Fault::TooLarge));
    for bad in [
        r#"{"_placeholder":true,"num":1}"#,
        r#"{"_placeholder":true,"num":-1}"#,
        r#"{"_placeholder":true}"#,
        r#"[{"a":{"_placeholder":true,"num":"0"}}]"#,
    ] {
        let text = ["451-[\"b\",", bad, "]"].concat();
        let mut decoder = Decoder::default();
        assert_eq!(decoder.push(Frame::Text(&text)), Ok(None));
        let Ok(Some(Said::Packet(whole))) = decoder.push(Frame::binary(b"")) else {
            panic!("all is there");
        };
        assert_eq!(whole.read(), Err(Fault::Placeholder), "{text}");
    }
    // Where nothing is attached, an object of that form is the app's.
    assert!(
        whole(r#"42["b",{"_placeholder":true,"num":1}]"#)
            .unwrap()
            .read()
            .is_ok()
    );
}

#[test]
fn what_is_none_of_the_protocol_is_told_why() {
    for (text, expected) in [
        ("", Fault::Type),
        ("5", Fault::Type),
        ("x", Fault::Type),
        ("4", Fault::Type),
        ("47", Fault::Type),
        ("4\u{e9}", Fault::Type),
        ("40", Fault::OldServer),
        ("40{}", Fault::OldServer),
        (r#"40{"sid":7}"#, Fault::OldServer),
        ("42", Fault::Json),
        ("42[]", Fault::Json),
        ("42{}", Fault::Json),
        ("42[{}]", Fault::Json),
        (r#"42["x""#, Fault::Json),
        (r#"42["connect"]"#, Fault::Json),
        (r#"42["newListener",1]"#, Fault::Json),
        ("43[]", Fault::Head),
        ("431{}", Fault::Json),
        ("41{}", Fault::Json),
        ("4299999999999999999[]", Fault::Head),
        ("42-1[]", Fault::Json),
        (r#"42/a["x"]"#, Fault::Json),
        ("44{", Fault::Json),
    ] {
        assert_eq!(fault(text), expected, "{text}");
    }
    let long = ["41/", &"x".repeat(CHANNEL_NAME_BYTES_MAX), ","].concat();
    assert_eq!(fault(&long), Fault::TooLarge);
    let large = " ".repeat(PACKET_BYTES_MAX + 1);
    assert_eq!(Frame::text(large.as_bytes()), Err(Fault::TooLarge));
    assert_eq!(
        Decoder::default().push(Frame::Text(&large)),
        Err(Fault::TooLarge)
    );
    assert_eq!(Frame::text(b"2\xff"), Err(Fault::NotText));
    let deep = ["42[\"x\",", &"[".repeat(70), &"]".repeat(70), "]"].concat();
    assert_eq!(fault(&deep), Fault::Json);
}

#[test]
fn a_namespace_ends_at_a_comma_or_with_the_packet() {
    for (text, namespace) in [("41", "/"), ("41/", "/"), ("41/a", "/a"), ("41/a,", "/a")] {
        let whole = whole(text).unwrap();
        let packet = whole.read().unwrap();
        assert_eq!(
            (packet.namespace, packet.says),
            (namespace, Says::Disconnected),
            "{text}"
        );
    }
}

#[test]
fn a_refusal_is_an_object_or_words_or_nothing() {
    for (text, words, data) in [
        (
            r#"44{"message":"m","data":{"code":401}}"#,
            "m",
            r#"{"code":401}"#,
        ),
        (
            r#"44/none,"Unable to connect""#,
            "Unable to connect",
            "null",
        ),
        ("44", "", "null"),
        ("44[1]", "", "null"),
    ] {
        let whole = whole(text).unwrap();
        let Says::Refused {
            message,
            data: have,
        } = whole.read().unwrap().says
        else {
            panic!("{text}");
        };
        assert_eq!((&*message, have.text()), (words, data));
    }
}

#[test]
fn only_what_can_be_a_mark_is_taken_for_one() {
    let mut bookmark = Bookmark::default();
    let pass = |bookmark: &mut Bookmark, text: &str| {
        let whole = whole(text).unwrap();
        let Says::Event(mut event) = whole.read().unwrap().says else {
            panic!("{text}");
        };
        bookmark.passed(&mut event);
        args(&event).join(" ")
    };
    assert_eq!(
        pass(&mut bookmark, r#"42["x",1,"a"]"#),
        "1 \"a\"",
        "nothing is kept there"
    );
    assert_eq!(bookmark.connected(Some("P")), Recovery::NotAsked);
    // Without a mark there is nothing to go on from.
    assert_eq!(bookmark.connect(ROOT, None), r#"40{"pid":"P"}"#);
    assert_eq!(bookmark.connected(Some("P")), Recovery::Impossible);
    assert_eq!(pass(&mut bookmark, r#"42["x"]"#), "", "a name is no mark");
    assert_eq!(pass(&mut bookmark, r#"42["x",1,2]"#), "1 2");
    assert_eq!(
        pass(&mut bookmark, r#"427["x","a"]"#),
        "\"a\"",
        "an answer is wanted"
    );
    let long = ["\"", &"x".repeat(EPOCH_BYTES_MAX + 1), "\""].concat();
    assert_eq!(
        pass(&mut bookmark, &["42[\"x\",", &long, "]"].concat()),
        long
    );
    assert_eq!(bookmark.offset, None);
    assert_eq!(pass(&mut bookmark, r#"42["x","O"]"#), "");
    assert_eq!(bookmark.connected(Some("P")), Recovery::Resumed);
    assert_eq!(bookmark.connected(None), Recovery::Impossible);
}

#[test]
fn the_payload_is_the_first_argument() {
    for (text, payload) in [
        (r#"42["x",{"a":[1]},2]"#, r#"{"a":[1]}"#),
        (r#"42["x"]"#, "null"),
        (r#"42/a,[7,"y"]"#, r#""y""#),
    ] {
        let whole = whole(text).unwrap();
        let Says::Event(event) = whole.read().unwrap().says else {
            panic!("{text}");
        };
        assert_eq!(event.payload().text(), payload);
    }
}

proptest! {
    #[test]
    fn what_we_say_is_read_as_it_was_said(
        namespace in "(/[a-z0-9\"]{1,8})?",
        id in prop::option::of(0..=INTEGER_MAX),
        name in "[a-z0-9\\[\"\u{e9},/ -]{0,8}",
        values in prop::collection::vec("(-?[1-9][0-9]{0,3}|null|\"[a-z,]{0,3}\"|\\[\\[1\\],\\{\"a\":true\\}\\])", 0..4),
    ) {
        let namespace = if namespace.is_empty() { ROOT } else { &namespace };
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let to = To { namespace, id, attachments: 0 };
        let text = event(&to, &name, &values);
        let read = whole(&text).unwrap();
        let packet = read.read().unwrap();
        prop_assert_eq!(packet.namespace, namespace);
        let Says::Event(said) = packet.says else { panic!("{text}") };
        prop_assert_eq!((said.id, &*said.name, args(&said)), (id, &*name, values.clone()));
        let to = To { id: Some(id.unwrap_or(0)), ..to };
        let text = ack(&to, &values);
        let read = whole(&text).unwrap();
        let Says::Ack { id: number, args } = read.read().unwrap().says else { panic!("{text}") };
        prop_assert_eq!(Some(number), to.id);
        prop_assert_eq!(args.text(), ["[", &values.join(","), "]"].concat());
    }

    #[test]
    fn bodies_are_read_as_they_were_written(
        parts in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..9)), 0..6),
    ) {
        let texts: Vec<String> = parts.iter().map(|(_, bytes)| {
            bytes.iter().map(|byte| char::from(b'0' + byte % 7)).chain(['4']).collect()
        }).collect();
        let frames: Vec<Frame<'_>> = parts.iter().zip(&texts).map(|((binary, bytes), text)| {
            if *binary { Frame::binary(bytes) } else { Frame::Text(text) }
        }).collect();
        let body = write_body(&frames);
        let mut read = Vec::new();
        let result = read_body(body.as_bytes(), &mut |frame| {
            read.push(match frame {
                Frame::Text(text) => Frame::Text(texts.iter().find(|have| *have == text).unwrap()),
                Frame::Binary(bytes) => Frame::Binary(Cow::Owned(bytes.into_owned())),
            });
            Ok(())
        });
        prop_assert_eq!(result, Ok(()));
        prop_assert_eq!(read, frames);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        crate::fuzz::run("socketio", &bytes);
    }

    #[test]
    fn nothing_like_a_packet_makes_it_panic(
        text in "[0-6]{0,3}(-|/a,|[0-9]{0,3}){0,3}(\\[|\\]|\\{|\\}|\"[a-z]{0,3}\"|:|,|[0-9]|true){0,12}\u{1e}?(b[A-Za-z0-9=]{0,9})?",
    ) {
        crate::fuzz::run("socketio", text.as_bytes());
    }
}
