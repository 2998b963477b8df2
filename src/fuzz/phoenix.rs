//! A server of Phoenix channels or of Supabase Realtime: what it says, while channels are asked for and given back.

use std::collections::BTreeMap;

use super::parts;
use crate::engine::backend::Speaks;
use crate::engine::ids::RequestId;
use crate::engine::limits::POLL_SESSION_BYTES_MAX;
use crate::engine::tabs::message;
use crate::engine::time::Wall;
use crate::wire::json;
use crate::wire::phoenix::session::Session;
use crate::wire::phoenix::{self, Message, Payload, Say, Says};
use crate::wire::{Ask, Heard};

/// What a channel may be told of: it was asked for, or it is joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Asked,
    Joined,
}

/// A session, and what it may say of each channel.
struct Run {
    session: Session,
    channels: BTreeMap<String, Place>,
    welcomed: bool,
    last: u64,
}

/// The first line is `backend`, and what follows it are deeds with a byte 0x1E between them: `t` and `b` before a
/// frame of text and of bytes, `p` before the answer to a request, `+` and `-` before a channel, `*` before one that was
/// followed before, `a` before a token, `n` for a new connection.
pub(super) fn server(bytes: &[u8]) {
    let (Some(Speaks::Phoenix(with)), deeds) = parts::backend(bytes) else {
        return;
    };
    let mut run = Run {
        session: Session::new(&with),
        channels: BTreeMap::new(),
        welcomed: false,
        last: 0,
    };
    run.begin();
    for (kind, rest) in parts::pieces(deeds).filter_map(<[u8]>::split_first) {
        let text = std::str::from_utf8(rest).unwrap_or("");
        match kind {
            b't' => run.hears(phoenix::read(rest)),
            b'b' => run.hears(phoenix::read_bytes(rest)),
            b'p' => {
                let mut heard = Vec::new();
                run.session.hear_answer(rest, &mut heard);
                run.means(heard);
            }
            b'+' => run.asks(text, None),
            b'*' => run.asks(text, Some(Wall(7))),
            b'-' => {
                let id = run.next();
                let said = run.session.unsubscribe(id, text);
                assert_eq!(said.is_some(), run.channels.remove(text).is_some());
                said.iter().for_each(|said| is_ours(said, "phx_leave"));
            }
            b'a' => {
                let id = run.next();
                for said in run.session.authorize(id, Some(text)) {
                    is_ours(&said, "access_token");
                }
            }
            _ => run.begin(),
        }
    }
}

impl Run {
    fn next(&mut self) -> RequestId {
        self.last += 1;
        RequestId(self.last)
    }

    fn begin(&mut self) {
        self.session.begin();
        self.channels.clear();
        self.welcomed = false;
        is_ours(&self.session.hello(Some("h.e30.s")), "heartbeat");
    }

    fn asks(&mut self, channel: &str, since: Option<Wall>) {
        let id = self.next();
        let ask = self.session.subscribe(id, channel, since, Some("token"));
        if let Ask::Say(said) = ask {
            is_ours(&said, "phx_join");
            self.channels.insert(channel.to_owned(), Place::Asked);
        } else {
            assert_eq!(ask, Ask::Known);
            assert_eq!(self.channels.get(channel), Some(&Place::Asked));
        }
    }

    fn hears(&mut self, read: Result<Message<'_>, crate::wire::engineio::Fault>) {
        if let Ok(message) = &read {
            is_written_as_read(message);
        }
        let mut heard = Vec::new();
        self.session.hear(read, &mut heard);
        self.means(heard);
    }

    fn means(&mut self, heard: Vec<Heard<'_>>) {
        for said in heard {
            match said {
                Heard::Event(event) => {
                    assert!(self.channels.contains_key(&*event.channel));
                    assert!(json::parse(&event.data).is_ok());
                    let text = message::event_text(&event);
                    assert_eq!(message::read_event(&text).as_ref(), Some(&event));
                }
                Heard::Subscribed { channel, .. } => {
                    let before = self.channels.insert(channel, Place::Joined);
                    assert_eq!(before, Some(Place::Asked));
                }
                Heard::Unsubscribed { channel, .. } => {
                    assert!(self.channels.remove(&channel).is_some());
                }
                Heard::Refused(refusal) => {
                    if let Some(channel) = refusal.channel {
                        assert_eq!(self.channels.remove(&channel), Some(Place::Asked));
                    }
                }
                Heard::Welcome { .. } => {
                    assert!(!self.welcomed);
                    self.welcomed = true;
                }
                Heard::Opened { session, .. } => {
                    assert!(!session.is_empty() && session.len() <= POLL_SESSION_BYTES_MAX);
                }
                Heard::Pong { .. } => assert!(self.welcomed),
                Heard::Say(said) => is_ours(&said, "phx_leave"),
                Heard::Broken(_) | Heard::TurnedAway(_) => return self.begin(),
                other => assert_eq!(other, Heard::Unknown, "it has no such word"),
            }
        }
    }
}

/// What is said is a message of this event.
fn is_ours(said: &str, wanted: &str) {
    let says = phoenix::read(said.as_bytes()).map(|message| message.says);
    let is_so = matches!(&says, Ok(Says::Event(event, Payload::Json(_))) if event == wanted);
    assert!(is_so, "{said}: {says:?}");
}

/// A message that is written in either version is read as it was.
fn is_written_as_read(message: &Message<'_>) {
    let Says::Event(event, payload) = &message.says else {
        return;
    };
    if event == "phx_reply" {
        return;
    }
    let json = payload.json();
    let say = Say {
        join: message.join,
        reference: message.reference.unwrap_or(0),
        topic: &message.topic,
        event,
        payload: &json,
    };
    for first_version in [false, true] {
        let text = say.write(first_version);
        let again = phoenix::read(text.as_bytes()).map(|again| (again.join, again.says));
        let says = Says::Event(
            event.clone(),
            Payload::Json(json::parse(&json).unwrap_or(json::Raw::NULL)),
        );
        assert_eq!(again, Ok((message.join, says)), "{text}");
    }
}
