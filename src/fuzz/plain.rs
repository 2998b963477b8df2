//! A server without a protocol: what the app says of it, and what it says.

use super::parts;
use crate::engine::backend::Speaks;
use crate::engine::backend::plain::{ALL, Plain};
use crate::engine::tabs::message;
use crate::wire::json;
use crate::wire::plain::Session;
use crate::wire::plain::form::{Form, Message, Names};
use crate::wire::sse::Decoder;
use crate::wire::{Ask, Heard};

/// The first line is `backend`, and what follows it are frames with a byte 0x1E between them.
pub(super) fn server(bytes: &[u8]) {
    let (Some(Speaks::Plain(with)), frames) = parts::backend(bytes) else {
        return;
    };
    forms(&with);
    if with.stream.is_some() {
        return stream(&with, frames);
    }
    let mut session = Session::new(&with);
    session.begin();
    session.hello(Some("token"));
    let _ = session.news();
    for name in [ALL, "a", "b"] {
        if session.subscribe(name, None) == Ask::Known {
            assert!(matches!(
                session.news().last(),
                Some(Heard::Subscribed { .. })
            ));
        }
    }
    session.unsubscribe("b");
    session.ping(7);
    for frame in parts::pieces(frames) {
        let mut heard = Vec::new();
        session.read(frame, &mut heard);
        for said in heard {
            match said {
                Heard::Event(event) => {
                    assert!(event.channel == ALL || event.channel == "a");
                    assert!(!event.name.is_empty() && json::parse(&event.data).is_ok());
                    let text = message::event_text(&event);
                    assert_eq!(message::read_event(&text).as_ref(), Some(&event));
                }
                Heard::Gap { channel } => assert!(channel == ALL || channel == "a"),
                Heard::Pong { number } => assert_eq!(number, 7),
                _ => {}
            }
        }
    }
}

/// The same of a stream: what follows the first line is one.
fn stream(with: &Plain, bytes: &[u8]) {
    let mut session = Session::new(with);
    session.begin();
    assert!(
        session
            .stream("https://h".to_owned(), Some("token"))
            .is_some()
    );
    let _ = session.news();
    assert_eq!(session.subscribe(ALL, None), Ask::Known);
    let _ = session.news();
    let mut decoder = Decoder::default();
    let mut events = Vec::new();
    let _ = decoder.push(bytes, 1 << 12, &mut |event| events.push(event));
    for event in &events {
        let mut heard = Vec::new();
        session.read_event(event, &mut heard);
        assert!(!heard.is_empty());
        for said in heard {
            if let Heard::Event(event) = said {
                assert_eq!(event.channel, ALL);
                assert!(!event.name.is_empty() && json::parse(&event.data).is_ok());
            }
        }
    }
    session.mark(decoder.last_id(), decoder.retry_ms());
    session.begin();
    let call = session.stream("https://h".to_owned(), None);
    for (_, value) in call.map(|call| call.headers).unwrap_or_default() {
        assert!(
            value.bytes().all(|byte| matches!(byte, b' '..=b'~')),
            "{value}"
        );
    }
}

/// What is said of a form without places is what the form means.
fn forms(with: &Plain) {
    let all = [
        &with.hello,
        &with.welcome,
        &with.pong,
        &with.send,
        &with.subscribe,
    ];
    for form in all.into_iter().flatten() {
        let said = form.fill(Names {
            token: "t\"\n",
            channel: "c",
        });
        let raw = json::parse(&said).ok();
        if !form.names("$") && !form.names("[") {
            let mut channel = "".into();
            let message = Message { text: &said, raw };
            let whole = said.trim_ascii().len() == said.len();
            assert!(!whole || form.fits(message, &mut channel) || twice(form));
        }
    }
}

/// An object may have a member twice, and then the last one counts.
fn twice(form: &Form) -> bool {
    let text = form.fill(Names::default());
    let mut names: Vec<String> = Vec::new();
    collect(json::parse(&text).ok(), &mut names);
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    names.len() < count
}

fn collect(raw: Option<json::Raw<'_>>, names: &mut Vec<String>) {
    if let Some(raw) = raw {
        raw.members(|name, value| {
            names.push(name.decode().into_owned());
            collect(Some(value), names);
        });
        raw.elements(|value| collect(Some(value), names));
    }
}
