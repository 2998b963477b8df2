//! Every message comes back as it was, and what is none is refused.

#![allow(clippy::unwrap_used)]
use super::*;
use crate::engine::limits::{CHANNELS_KNOWN_MAX, TAB_MESSAGE_BYTES_MAX};
use crate::engine::time::{Millis, Wall};
use proptest::prelude::*;

const UNTIL: Until = Until {
    at: Wall(9),
    span: Millis(4),
};

fn messages() -> Vec<Says<'static>> {
    let tab = TabId(7);
    let term = Term { number: 9, tab };
    let position = Some(Position::new("E", Seq(4)));
    let wants = vec![("a".to_owned(), position.clone()), ("b".to_owned(), None)];
    let event = Cow::Borrowed(r#"{"ch":"a","name":"n","data":1}"#);
    let channel = Cow::Borrowed("a");
    vec![
        Says::Hello { visible: true },
        Says::Bye,
        Says::Ask,
        Says::LoggedIn,
        Says::Queue(r#"{"q":"took"}"#.into()),
        Says::Wish(r#"{"a":"absent","ch":"c"}"#.into()),
        Says::Room {
            term,
            to: Some(tab),
            word: r#"{"a":"relinked"}"#.into(),
        },
        Says::Room {
            term,
            to: None,
            word: r#"{"a":"relinked"}"#.into(),
        },
        Says::Contracts(Word::Ask("planner".to_owned())),
        Says::Calm {
            host: "api".to_owned(),
            until: UNTIL,
        },
        Says::Here {
            visible: false,
            wants: wants.clone(),
        },
        Says::Missing {
            channel: channel.clone(),
            position: position.clone(),
        },
        Says::Call {
            id: CallId(3),
            open: CallId(2),
            kind: "send \"it\"".into(),
            body: r#"{"id":1}"#,
        },
        Says::Offer { to: TabId(8) },
        Says::Lead {
            term,
            status: Status::idle(Wall(1)),
            hold: None,
            tabs: 3,
            positions: wants.clone(),
        },
        Says::Lead {
            term,
            status: Status::idle(Wall(1)),
            hold: Some(UNTIL),
            tabs: 3,
            positions: wants,
        },
        Says::Events {
            term,
            events: vec![event.clone(), event.clone()],
        },
        Says::Place {
            term,
            to: None,
            channel: channel.clone(),
            position: None,
            before: Before::Anew,
        },
        Says::Place {
            term,
            to: Some(TabId(8)),
            channel: channel.clone(),
            position: position.clone(),
            before: Before::Whole,
        },
        Says::Replay {
            term,
            to: TabId(8),
            channel: channel.clone(),
            events: vec![event],
            position,
        },
        Says::Refused {
            term,
            channel,
            code: "forbidden".into(),
        },
        Says::Answer {
            term,
            to: TabId(8),
            id: CallId(3),
            body: "null",
        },
    ]
}

fn message(says: Says<'static>) -> Message<'static> {
    Message {
        from: TabId(7),
        scope: Scope(0xabc),
        says,
    }
}

#[test]
fn every_message_comes_back_as_it_was() {
    for says in messages() {
        let message = message(says);
        assert_eq!(read(message.write().as_bytes()), Some(message.clone()));
    }
}

#[test]
fn an_event_comes_back_as_it_was() {
    let event = Event {
        channel: "a".into(),
        seq: Some(Seq(5)),
        name: "moved \"it\"".into(),
        data: r#"{"id":1}"#.into(),
        by: Some("me".into()),
        at: Some(3),
        #[cfg(feature = "phoenix")]
        id: Some("b7".into()),
    };
    assert_eq!(read_event(&event_text(&event)), Some(event.clone()));
    let bare = Event {
        seq: None,
        by: None,
        at: None,
        #[cfg(feature = "phoenix")]
        id: None,
        ..event
    };
    assert_eq!(read_event(&event_text(&bare)), Some(bare));
    for text in ["", "[]", "{}", r#"{"ch":"a"}"#, r#"{"ch":1,"name":"n"}"#] {
        assert_eq!(read_event(text), None, "{text}");
    }
}

#[test]
fn what_is_not_ours_is_nothing() {
    let head = r#"{"v":1,"from":"0000000000000007","of":"0000000000000007""#;
    for text in [
        "".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        r#"{"v":2,"from":"0000000000000007","of":"0000000000000007","k":"bye"}"#.to_owned(),
        r#"{"v":1,"from":"7","of":"0000000000000007","k":"bye"}"#.to_owned(),
        r#"{"v":1,"from":"0000000000000007","k":"bye"}"#.to_owned(),
        [head, r#","k":"sing"}"#].concat(),
        [head, r#","k":"lead","term":1}"#].concat(),
        [head, r#","k":"here","visible":true,"channels":[]}"#].concat(),
        [head, r#","k":"place","term":1,"ch":"a","gap":3}"#].concat(),
        [head, r#","k":"place","term":1,"ch":"a","gap":1,"to":"?"}"#].concat(),
        [
            head,
            r#","k":"events","term":99999999999999999,"events":[]}"#,
        ]
        .concat(),
    ] {
        assert_eq!(read(text.as_bytes()), None, "{text}");
    }
    assert!(read([head, r#","k":"bye"}"#].concat().as_bytes()).is_some());
}

#[test]
fn a_message_is_of_bounded_size() {
    let mut text = message(Says::Bye).write();
    text.push_str(&" ".repeat(TAB_MESSAGE_BYTES_MAX));
    assert_eq!(read(text.as_bytes()), None);
    let many = (0..CHANNELS_KNOWN_MAX + 5).map(|n| (n.to_string(), None));
    let here = message(Says::Here {
        visible: true,
        wants: many.collect(),
    });
    let text = here.write();
    let Some(Says::Here { wants, .. }) = read(text.as_bytes()).map(|message| message.says) else {
        panic!("it was ours");
    };
    assert_eq!(wants.len(), CHANNELS_KNOWN_MAX);
}

proptest! {
    #[test]
    fn a_damaged_message_never_panics(which in 0usize..18, at in 0usize..400, byte: u8) {
        let mut bytes = message(messages().swap_remove(which)).write().into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = read(&bytes);
        let _ = read(&bytes[..at]);
    }
}
