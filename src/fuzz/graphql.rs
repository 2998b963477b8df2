//! A server of GraphQL: what it says, while subscriptions are asked for and given back.

use std::collections::BTreeSet;

use super::parts;
use crate::engine::backend::Speaks;
use crate::engine::backend::graphql::GraphQl;
use crate::engine::ids::RequestId;
use crate::engine::tabs::message;
use crate::wire::graphql::Session;
use crate::wire::json::{self, Raw};
use crate::wire::{Ask, Heard, Protocol, Want};

/// A session, and the channels that it may tell of.
struct Run {
    with: GraphQl,
    session: Session,
    channels: BTreeSet<String>,
    asked: Option<u64>,
    last: u64,
}

/// The first line is `backend`, and what follows it are deeds with a byte 0x1E between them: `t` before a frame,
/// `+` before a channel, `-` before one that is given back, `p` for a question for a sign of life, `n` for a new
/// connection.
pub(super) fn server(bytes: &[u8]) {
    let (Some(Speaks::GraphQl(with)), deeds) = parts::backend(bytes) else {
        return;
    };
    let mut run = Run {
        session: Session::new(&with),
        with,
        channels: BTreeSet::new(),
        asked: None,
        last: 0,
    };
    run.begin();
    for (kind, rest) in parts::pieces(deeds).filter_map(<[u8]>::split_first) {
        let text = std::str::from_utf8(rest).unwrap_or("");
        run.last += 1;
        match kind {
            b't' => run.hears(rest),
            b'+' => run.asks(text),
            b'-' => {
                let had = run.channels.remove(text);
                let said = run.session.give_back(RequestId(run.last), text);
                assert_eq!(said.is_some(), had);
                is_ours(said.as_deref(), "complete");
            }
            b'p' => {
                is_ours(run.session.ping(run.last).as_deref(), "ping");
                run.asked = Some(run.last);
            }
            _ => run.begin(),
        }
    }
}

impl Run {
    fn begin(&mut self) {
        self.session.begin();
        self.channels.clear();
        self.asked = None;
        is_ours(Some(&self.session.hello(Some("token"))), "connection_init");
        is_ours(Some(&self.session.pong()), "pong");
    }

    fn asks(&mut self, channel: &str) {
        let want = Want {
            id: RequestId(self.last),
            channel,
            position: None,
            since: None,
            token: None,
        };
        match self.session.ask(&want) {
            Ask::Known => {
                let had = !self.channels.insert(channel.to_owned());
                let news = self.session.news();
                let mut said = Vec::new();
                for news in &news {
                    match news {
                        Heard::Say(text) => said.push(text),
                        Heard::Subscribed { channel: of, .. } => assert_eq!(of, channel),
                        other => unreachable!("{other:?}"),
                    }
                }
                assert_eq!(said.len(), 1 + usize::from(had));
                is_ours(said.pop().map(String::as_str), "subscribe");
                is_ours(said.pop().map(String::as_str), "complete");
            }
            Ask::Unanswered => assert!(self.with.channel(channel).is_none()),
            Ask::Say(text) => unreachable!("{text}"),
        }
    }

    fn hears(&mut self, frame: &[u8]) {
        let mut heard = Vec::new();
        self.session.read(frame, &mut heard);
        for said in heard {
            match said {
                Heard::Event(event) => {
                    assert!(self.channels.contains(&*event.channel));
                    assert!(json::parse(&event.data).is_ok());
                    let text = message::event_text(&event);
                    assert_eq!(message::read_event(&text).as_ref(), Some(&event));
                }
                Heard::Unsubscribed { channel, .. } => assert!(self.channels.remove(&channel)),
                Heard::Refused(refusal) => {
                    // The words, and what decides.
                    if let Some(channel) = refusal.channel {
                        assert!(self.channels.remove(&channel));
                    }
                }
                Heard::Pong { number } => assert_eq!(Some(number), self.asked.take()),
                Heard::Welcome { .. } | Heard::Ping { .. } | Heard::Malformed(_) => {}
                other => assert_eq!(other, Heard::Unknown, "it has no such word"),
            }
        }
    }
}

/// What is said, if anything is, is a message of this type.
fn is_ours(said: Option<&str>, kind: &str) {
    let Some(said) = said else { return };
    let raw = json::parse(said).unwrap_or(Raw::NULL);
    let type_of = raw.member("type").and_then(Raw::string);
    assert!(type_of.is_some_and(|of| of.is(kind)), "{kind}: {said}");
    let numbered = raw.member("id").and_then(Raw::string).is_some();
    assert_eq!(numbered, matches!(kind, "subscribe" | "complete"));
}
