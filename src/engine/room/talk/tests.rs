//! What is said between a tab and its leader comes back as it was, and nothing else is taken for it.

#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

fn wishes() -> Vec<Wish> {
    let field = field("c", "title \"x\"").unwrap();
    let channel: Rc<str> = "c".into();
    vec![
        Wish::Presence {
            channel: Rc::clone(&channel),
            meta: Some(r#"{"cursor":[1,2]}"#.into()),
            anonymous: true,
            anew: true,
        },
        Wish::Presence {
            channel: Rc::clone(&channel),
            meta: None,
            anonymous: false,
            anew: false,
        },
        Wish::Signal {
            channel: Rc::clone(&channel),
            name: "cursor \"x\"".into(),
            data: "[1,2]".into(),
        },
        Wish::Absent { channel },
        Wish::Lock {
            field: field.clone(),
            ask: Ask(3),
            fence: Some(Fence(9)),
        },
        Wish::Lock {
            field: field.clone(),
            ask: Ask(4),
            fence: None,
        },
        Wish::Unlock {
            field,
            fence: Fence(9),
        },
    ]
}

fn words() -> Vec<Word> {
    let field = field("c", "title").unwrap();
    vec![
        Word::Relinked,
        Word::Unable(Part::Signals),
        Word::Barred {
            channel: "c".into(),
            code: "forbidden".into(),
        },
        Word::Signal(Signal {
            channel: "c".into(),
            name: "cursor".into(),
            from: r#"{"client":"x"}"#.into(),
            data: "[1,2]".into(),
        }),
        Word::People {
            channel: "c".into(),
            full: false,
            you: None,
            join: "{}".into(),
            leave: r#"{"x":1}"#.into(),
        },
        Word::People {
            channel: "c".into(),
            full: true,
            you: Some("x".into()),
            join: r#"{"x":{"ref":1}}"#.into(),
            leave: "{}".into(),
        },
        Word::Granted {
            field: field.clone(),
            ask: Ask(1),
            fence: Fence(2),
            ttl: Millis(30_000),
        },
        Word::Denied {
            field: field.clone(),
            ask: Ask(1),
            locked: true,
        },
        Word::Changed {
            field: field.clone(),
            fence: Fence(2),
            holder: Some(r#"{"user":"jane"}"#.into()),
            ttl: Millis(1),
        },
        Word::Changed {
            field,
            fence: Fence(2),
            holder: None,
            ttl: Millis(0),
        },
    ]
}

#[test]
fn everything_comes_back_as_it_was() {
    for wish in wishes() {
        assert_eq!(Wish::read(&wish.write()), Some(wish));
    }
    for word in words() {
        assert_eq!(Word::read(&word.write()), Some(word));
    }
}

#[test]
fn what_is_not_ours_is_nothing() {
    let long = format!(
        r#"{{"a":"presence","ch":"c","anon":false,"meta":{{"x":"{}"}}}}"#,
        "x".repeat(PRESENCE_META_BYTES_MAX)
    );
    for text in [
        "",
        "[]",
        "{}",
        r#"{"a":"sing"}"#,
        r#"{"a":"lock","ch":"c","key":"","n":1}"#,
        r#"{"a":"lock","ch":"","key":"k","n":1}"#,
        r#"{"a":"presence","ch":"c","meta":[],"anon":false}"#,
        r#"{"a":"signal","ch":"c","name":"","data":1,"from":{}}"#,
        r#"{"a":"signal","ch":"c","name":"n"}"#,
        r#"{"a":"unable","part":"walls"}"#,
        r#"{"a":"barred","ch":"c"}"#,
        &long,
    ] {
        assert_eq!(Wish::read(text), None, "{text}");
        assert_eq!(Word::read(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn damaged_text_never_panics(which in 0usize..17, at in 0usize..200, letter: char) {
        let mut texts: Vec<String> = wishes().iter().map(Wish::write).collect();
        texts.extend(words().iter().map(Word::write));
        let text: Vec<char> = texts.swap_remove(which).chars().collect();
        let at = at % text.len();
        let mut damaged = text.clone();
        damaged[at] = letter;
        for text in [&damaged[..], &text[..at]] {
            let text: String = text.iter().collect();
            let _ = Wish::read(&text);
            let _ = Word::read(&text);
        }
    }
}
