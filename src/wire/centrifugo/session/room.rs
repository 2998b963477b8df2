//! Rooms over Centrifugo: who is on a channel. The server says who everybody is, and is asked for everybody when
//! somebody here looks, on each subscription once. Who comes and goes it tells by itself.

use super::{Failure, Place, Session, Topic};
use crate::engine::map::Map;
use crate::wire::crowd::{Change, Crowd, Kind};
use crate::wire::json::{self, Raw};
use crate::wire::{Heard, Refusal};

/// What is known of who is where, on one connection.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    /// Our name on this connection.
    you: Option<Box<str>>,
    /// By the names of channels, of those at which somebody here looks.
    looks: Map<Box<str>, Looks>,
}

#[derive(Debug, Default)]
struct Looks {
    crowd: Crowd,
    asked: Option<u64>,
    /// The server does not tell us.
    refused: bool,
}

impl Rooms {
    /// Is it the question who is on a channel?
    pub(super) fn is_asked(&self, id: u64) -> bool {
        self.looks.values().any(|looks| looks.asked == Some(id))
    }

    /// There is another connection.
    pub(super) fn begin(&mut self) {
        *self = Rooms::default();
    }

    /// Nobody here looks any more.
    pub(super) fn leave(&mut self, channel: &str) {
        self.looks.remove(channel);
    }
}

impl Session {
    /// The server names us.
    pub(super) fn named(&mut self, body: Raw<'_>) {
        self.room.you = Some((&*super::word(body, "client")).into());
    }

    /// Somebody here looks.
    pub(super) fn looks_at(&mut self, channel: &str, everybody: bool) -> Option<String> {
        let looks = self.room.looks.entry(channel.into(), Looks::default);
        let change = match everybody {
            true => Change::Everybody,
            false => Change::Nobody,
        };
        let said = looks.crowd.say(channel, self.room.you.as_deref(), &change);
        self.news.extend(said);
        self.asks_who_is_there(channel)
    }

    fn asks_who_is_there(&mut self, channel: &str) -> Option<String> {
        let has = |topic: &Topic| matches!(topic.place, Place::Joined | Place::Followed);
        self.topics.get(channel).filter(|topic| has(topic))?;
        let looks = self.room.looks.get_mut(channel)?;
        if looks.crowd.is_known() || looks.asked.is_some() || looks.refused {
            return None;
        }
        self.last += 1;
        looks.asked = Some(self.last);
        Some(super::super::presence(self.last, channel))
    }

    /// The channel is subscribed, or anew.
    pub(super) fn enters(&mut self, channel: &str) -> Option<Heard<'static>> {
        *self.room.looks.get_mut(channel)? = Looks::default();
        self.asks_who_is_there(channel).map(Heard::Say)
    }

    /// The same of a channel that the server has given before.
    pub(super) fn enters_given(&mut self, channel: &str) {
        let asks = self.enters(channel);
        self.news.extend(asks);
    }

    /// The server says who is there, or that it does not.
    pub(super) fn who_is_there(
        &mut self,
        id: u64,
        result: Result<Raw<'_>, Failure<'_>>,
        heard: &mut Vec<Heard<'_>>,
    ) {
        let mut all = self.room.looks.iter_mut();
        let Some((channel, looks)) = all.find(|(_, looks)| looks.asked == Some(id)) else {
            return;
        };
        looks.asked = None;
        match result {
            Ok(body) => {
                // What is empty is left out.
                let nobody = json::parse("{}").unwrap_or(Raw::NULL);
                let people = body.member("presence").unwrap_or(nobody);
                if let Some(change) = looks.crowd.hear(Kind::Everybody, people) {
                    heard.extend(looks.crowd.say(channel, self.room.you.as_deref(), &change));
                }
            }
            Err(failure) => {
                looks.refused = true;
                heard.push(Refusal::told(channel, failure.code(), &failure.message));
            }
        }
    }

    /// Somebody came to a channel, or left it.
    pub(super) fn came_or_left(
        &mut self,
        channel: &str,
        kind: &str,
        info: Raw<'_>,
    ) -> Option<Heard<'static>> {
        let looks = self.room.looks.get_mut(channel)?;
        let kind = match kind {
            "join" => Kind::Came,
            _ => Kind::Left,
        };
        let change = looks.crowd.hear(kind, info)?;
        looks.crowd.say(channel, self.room.you.as_deref(), &change)
    }
}
