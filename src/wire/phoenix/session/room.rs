//! Rooms over Phoenix channels: who is on a topic, and of Supabase what this browser shows there.
//!
//! All of it belongs to a join. Who looks before the topic is joined has a join that asks for who is there; who looks
//! afterwards, where that was not asked for, has it joined anew. What is shown is told to each join.

use super::{Place, Session, refusal};
use crate::engine::backend::phoenix::Topics;
use crate::engine::backend::supabase::Join;
use crate::engine::ids::RequestId;
use crate::wire::crowd::{Change, Crowd, Kind};
use crate::wire::json::{Raw, Text, Writer};
use crate::wire::{Heard, Refusal, Shown};

/// What somebody here wants of who is on a channel.
#[derive(Debug, Default)]
pub(super) struct Looks {
    /// The name under which this browser is seen, where it can show itself.
    you: Option<Box<str>>,
    /// What the server was told that this browser shows.
    shown: Option<String>,
    /// The number of the last request that said so.
    request: u64,
}

/// What is known of who is on a topic that was asked for.
#[derive(Debug, Default)]
pub(super) struct Of {
    crowd: Crowd,
    /// The join asked for it.
    asked: bool,
}

impl Of {
    /// Of a topic that is asked for like this.
    pub(super) fn new(join: &Join) -> Of {
        Of {
            crowd: Crowd::default(),
            asked: join.crowd,
        }
    }
}

impl Session {
    /// Somebody looks. What is known is told, as far as it is.
    pub(super) fn looks_at(&mut self, channel: &str, tab: &str, everybody: bool) -> Option<String> {
        let you = self.with.is_supabase().then_some(tab);
        let looks = self.looks.entry(channel.into(), Looks::default);
        looks.you = you.map(Into::into);
        let topic = self.topics.get(channel)?;
        let change = if everybody {
            Change::Everybody
        } else {
            Change::Nobody
        };
        self.news
            .extend(topic.room.crowd.say(channel, you, &change));
        self.joins_anew(channel)
    }

    /// Leaves a topic that was joined without asking for who is there. It is asked for again.
    pub(super) fn joins_anew(&mut self, channel: &str) -> Option<String> {
        let topic = self.topics.get(channel)?;
        let has = topic.room.asked || topic.place != Place::Joined;
        if has || !self.looks.contains(channel) || !self.with.is_supabase() {
            return None;
        }
        let channel = channel.to_owned();
        let say = self.part(&channel);
        self.news.push(Heard::Torn { channel });
        say
    }

    /// Shows what can be seen of this browser, or that nothing is any more.
    pub(super) fn shows(&mut self, shown: &Shown<'_>) -> Option<String> {
        let channel = shown.channel;
        // The topic may not be asked for yet.
        let key = match &self.with.topics {
            Topics::Supabase(project) => project.join(channel, true, None).key,
            Topics::Plain { .. } => None,
        };
        let who = self.claims.who.as_deref().or(key.as_deref());
        let looks = self.looks.entry(channel.into(), Looks::default);
        looks.request = shown.id.0;
        looks.shown = shown.data.map(|data| {
            let mut w = Writer::new();
            w.object(|w| {
                w.key("client").string(shown.tab);
                if let Some(who) = who.filter(|_| !shown.anonymous) {
                    w.key("user").string(who);
                }
                // It is `{"tabs":{…}}`.
                let tabs = crate::wire::json::parse(data).ok();
                if let Some(tabs) = tabs.and_then(|data| data.member("tabs")) {
                    w.key("tabs").raw(tabs.text());
                }
            });
            w.finish()
        });
        let topic = self.topics.get(channel)?;
        if topic.place == Place::Asked {
            return None;
        }
        self.say_shown(channel)
    }

    fn say_shown(&self, channel: &str) -> Option<String> {
        let (topic, looks) = (self.topics.get(channel)?, self.looks.get(channel)?);
        let mut w = Writer::new();
        w.object(|w| {
            w.key("type").string("presence");
            match &looks.shown {
                Some(shown) => {
                    w.key("event").string("track");
                    w.key("payload").raw(shown);
                }
                None => w.key("event").string("untrack"),
            }
        });
        Some(self.say(topic.join, looks.request, channel, "presence", &w.finish()))
    }

    /// A topic is joined: what is shown there is told to this join.
    pub(super) fn enters(&mut self, channel: &str, heard: &mut Vec<Heard<'_>>) {
        let Some(looks) = self.looks.get(channel) else {
            return;
        };
        if looks.shown.is_some() {
            heard.extend(self.say_shown(channel).map(Heard::Say));
        }
    }

    /// The server tells of who is there.
    pub(super) fn crowd(
        &mut self,
        channel: &str,
        name: &str,
        payload: Raw<'_>,
    ) -> Option<Heard<'static>> {
        let kind = match name {
            "presence_state" => Kind::State,
            "presence_diff" => Kind::Diff,
            _ => return None,
        };
        let crowd = &mut self.topics.get_mut(channel)?.room.crowd;
        let change = crowd.hear(kind, payload)?;
        let looks = self.looks.get(channel)?;
        crowd.say(channel, looks.you.as_deref(), &change)
    }

    /// The server does not show this browser. Of a channel that has ended it is said in another way.
    pub(super) fn show_refused(
        &self,
        channel: &str,
        reference: Option<u64>,
        response: Raw<'_>,
    ) -> Option<Heard<'static>> {
        let request = self.looks.get(channel)?.request;
        let topic = self.topics.get(channel)?;
        if reference != Some(request) || request == topic.join {
            return None;
        }
        let reason = response.member("reason").and_then(Raw::string);
        let reason = reason.map(Text::decode).unwrap_or_default();
        let request = Some(RequestId(request));
        (reason != "unmatched topic").then(|| {
            Heard::Refused(Refusal {
                request,
                ..refusal(None, "forbidden", &reason)
            })
        })
    }
}
