//! A server of the protocol of Centrifugo: what it says, while channels are asked for and given back.

use std::collections::BTreeMap;

use super::parts;
use crate::engine::backend::Speaks;
use crate::engine::ids::{Position, RequestId, Seq};
use crate::engine::tabs::message;
use crate::wire::centrifugo::session::Session;
use crate::wire::centrifugo::{self, Message};
use crate::wire::json::{self, Raw};
use crate::wire::{Ask, Heard};

/// What a channel may be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Asked,
    Joined,
}

/// A session, and what it may say of each channel.
struct Run {
    session: Session,
    channels: BTreeMap<String, Place>,
    renewing: Option<RequestId>,
    last: u64,
}

/// The first line is `backend`, and what follows it are deeds with a byte 0x1E between them: `t` before a frame,
/// `+` before a channel and, on two lines more, the place from which it is wanted, and on one more its token, `r`
/// before one that gets a new token, `-` before one that is given back, `a` before a token, `s` before a number that is used, `n` for a new connection.
pub(super) fn server(bytes: &[u8]) {
    let (Some(Speaks::Centrifugo(with)), deeds) = parts::backend(bytes) else {
        return;
    };
    let mut run = Run {
        session: Session::new(&with),
        channels: BTreeMap::new(),
        renewing: None,
        last: 0,
    };
    run.begin();
    for (kind, rest) in parts::pieces(deeds).filter_map(<[u8]>::split_first) {
        let text = std::str::from_utf8(rest).unwrap_or("");
        match kind {
            b't' => run.hears(rest),
            b'+' => run.asks(text),
            b'-' => {
                run.channels.remove(text);
                if let Some(said) = run.session.unsubscribe(text) {
                    is_ours(&said, "unsubscribe");
                }
            }
            b'r' => {
                if let Some(said) = run.session.renew(text, "token") {
                    assert_eq!(run.channels.get(text), Some(&Place::Joined));
                    is_ours(&said, "sub_refresh");
                }
            }
            b'a' => run.renews(text),
            b's' => run.session.skip(text.parse::<u32>().unwrap_or(0).into()),
            _ => run.begin(),
        }
    }
}

impl Run {
    fn begin(&mut self) {
        self.session.begin();
        self.channels.clear();
        self.renewing = None;
        is_ours(&self.session.hello(Some("token")), "connect");
    }

    fn renews(&mut self, token: &str) {
        self.last += 1;
        let request = RequestId(self.last);
        for said in self.session.authorize(request, Some(token)) {
            is_ours(&said, "refresh");
        }
        self.renewing = Some(request);
    }

    fn asks(&mut self, text: &str) {
        let mut lines = text.split('\n');
        let channel = lines.next().unwrap_or("");
        let from = lines.next().zip(lines.next()).map(|(epoch, seq)| {
            let seq = Seq(seq.parse().unwrap_or(0));
            Position::new(epoch, seq)
        });
        let before = self.channels.insert(channel.to_owned(), Place::Asked);
        match self.session.subscribe(channel, from.as_ref(), lines.next()) {
            Ask::Say(said) => {
                let mut lines = said.lines().rev();
                is_ours(lines.next().unwrap_or(""), "subscribe");
                if let Some(line) = lines.next() {
                    is_ours(line, "unsubscribe");
                    assert_eq!(before, Some(Place::Joined));
                }
            }
            Ask::Known => {
                let news = self.session.news();
                assert!(matches!(news.first(), Some(Heard::Subscribed { .. })));
                self.means(news);
            }
            Ask::Unanswered => self.begin(),
        }
    }

    fn hears(&mut self, frame: &[u8]) {
        let read = centrifugo::read(frame, &mut |message| {
            if let Message::Reply(_, Ok(body)) = message {
                let said = centrifugo::Subscription::read(body);
                assert!(
                    said.position
                        .is_none_or(|at| at.epoch.as_str().len() <= 255)
                );
            }
            Ok(())
        });
        let mut heard = Vec::new();
        self.session.read(frame, &mut heard);
        let broken = matches!(heard.last(), Some(Heard::Broken(_)));
        assert_eq!(read.is_err(), broken);
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
                Heard::Unsubscribed { channel, .. } | Heard::Torn { channel } => {
                    assert_eq!(self.channels.remove(&channel), Some(Place::Joined));
                }
                Heard::Admitted { channel, .. } => {
                    assert_eq!(self.channels.get(&channel), Some(&Place::Joined));
                }
                Heard::NotAdmitted(refusal) => {
                    let channel = refusal.channel.unwrap_or_default();
                    // One that was not to be renewed stays.
                    if self.channels.get(&channel) == Some(&Place::Asked) {
                        self.channels.remove(&channel);
                    }
                }
                Heard::Gap { channel } => assert!(self.channels.contains_key(&channel)),
                Heard::Refused(refusal) => {
                    if let Some(channel) = refusal.channel {
                        assert_eq!(self.channels.remove(&channel), Some(Place::Asked));
                    } else if refusal.request.is_some() {
                        assert_eq!(refusal.request, self.renewing.take());
                    }
                }
                Heard::Authorized { request, .. } => {
                    if request.is_some() {
                        assert_eq!(request, self.renewing.take());
                    }
                }
                Heard::Say(said) => {
                    let mut lines = said.lines();
                    let first = lines.next().unwrap_or("");
                    match first.contains("\"unsubscribe\"") {
                        true => is_ours(first, "unsubscribe"),
                        false => is_ours(first, "subscribe"),
                    }
                    if let Some(line) = lines.next() {
                        is_ours(line, "subscribe");
                    }
                }
                // A payload that does not fit on the one before.
                Heard::Malformed(_) => {}
                Heard::Broken(_) | Heard::TurnedAway(_) => return self.begin(),
                Heard::Welcome { .. } | Heard::Ping { .. } => {}
                other => assert_eq!(other, Heard::Unknown, "it has no such word"),
            }
        }
    }
}

/// What is said is a command of this name, under a number.
fn is_ours(said: &str, method: &str) {
    let raw = json::parse(said).unwrap_or(Raw::NULL);
    let id = raw.member("id").and_then(Raw::integer);
    let body = raw.member(method).is_some_and(Raw::is_object);
    assert!(body && id.is_some_and(|id| id > 0), "{method}: {said}");
}
