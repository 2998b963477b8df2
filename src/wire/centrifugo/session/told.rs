//! What is told of a channel: with the answer to the question for it, and from then on.

use super::super::delta::{NoFit, Payloads};
use super::super::topic::{Answer, Place, Topic};
use super::super::{Subscription, offset};
use super::{Session, UNNAMED};
use crate::engine::ids::{Position, Seq};
use crate::engine::limits::CHANNELS_KNOWN_MAX;
use crate::wire::json::{self, Raw};
use crate::wire::{Event, Heard};

/// A payload as it was told, or made of the one before.
pub(super) enum Payload<'a> {
    Told(Raw<'a>),
    Made(String),
}

impl Session {
    /// A channel is had. False if a payload that came with it cannot be made of the one before.
    pub(super) fn joined<'a>(
        &mut self,
        channel: &str,
        from: Option<&Position>,
        passed: Option<Seq>,
        said: Subscription<'a>,
        heard: &mut Vec<Heard<'a>>,
    ) -> bool {
        let answer = Answer::new(from, said);
        let at = match answer.whole {
            true => &answer.end,
            false => &answer.start,
        };
        let numbered = at.is_some();
        let place = Place::Joined;
        let topic = Topic {
            place,
            numbered,
            delta: answer.delta,
            passed: None,
        };
        self.topics.insert(channel.into(), topic);
        let mut events = Vec::new();
        let mut fits = true;
        answer.publications(|publication, is_news| {
            if fits {
                let read = self.payload(channel, answer.delta, publication);
                fits = read.is_ok();
                events.extend(read.ok().filter(|_| is_news).map(|payload| {
                    let event = self.made(channel, numbered, publication, payload);
                    Heard::Event(event)
                }));
            }
        });
        if fits {
            heard.push(Heard::Subscribed {
                request: None,
                channel: channel.to_owned(),
                position: at.clone(),
                recovery: answer.recovery(from),
            });
            heard.append(&mut events);
            // It was no news of an older subscription.
            if numbered && passed > answer.end.as_ref().map(|end| end.seq) {
                heard.push(Heard::Gap {
                    channel: channel.to_owned(),
                });
            }
        }
        fits
    }

    /// The payload of a publication, of a channel that tells them so.
    pub(super) fn payload<'a>(
        &mut self,
        channel: &str,
        delta: bool,
        publication: Raw<'a>,
    ) -> Result<Payload<'a>, NoFit> {
        let data = publication.member("data").unwrap_or(Raw::NULL);
        if !delta {
            return Ok(Payload::Told(data));
        }
        if self.payloads.len() >= CHANNELS_KNOWN_MAX {
            // Those of channels that ended and were not asked for anew.
            let topics = &self.topics;
            self.payloads.retain(|name, _| topics.contains(&**name));
        }
        let known = self.payloads.entry(channel.into(), Payloads::default);
        known.read(publication, data).map(Payload::Made)
    }

    /// What a publication is in the words of the app.
    pub(super) fn made<'a>(
        &self,
        channel: &str,
        numbered: bool,
        publication: Raw<'a>,
        payload: Payload<'a>,
    ) -> Event<'a> {
        match payload {
            Payload::Told(data) => self.event(channel, numbered, publication, data),
            Payload::Made(text) => {
                let data = json::parse(&text).unwrap_or(Raw::NULL);
                let event = self.event(channel, numbered, Raw::NULL, data);
                Event {
                    seq: offset(publication).filter(|_| numbered),
                    ..event.into_owned()
                }
            }
        }
    }

    pub(super) fn event<'a>(
        &self,
        channel: &str,
        numbered: bool,
        publication: Raw<'a>,
        data: Raw<'a>,
    ) -> Event<'a> {
        let (name, data) = match self.with.places.name(data) {
            Some(name) => (name, self.with.places.data(data)),
            None => (UNNAMED.into(), data),
        };
        Event {
            seq: offset(publication).filter(|_| numbered),
            ..Event::plain(channel.to_owned(), name, data.text().into())
        }
    }

    /// Tells of an event, or keeps it until somebody asks for its channel.
    pub(super) fn tell<'a>(&mut self, event: Event<'a>, heard: &mut Vec<Heard<'a>>) {
        let Some(topic) = self.topics.get_mut(&*event.channel) else {
            heard.push(Heard::Unknown);
            return;
        };
        let is_given = matches!(topic.place, Place::Given(_) | Place::Followed);
        if let Some(seq) = event.seq.filter(|_| is_given)
            && let Some(mark) = self.marks.get_mut(&*event.channel)
            // Behind a hole it stays where it is: what is missing is asked for from there.
            && seq == mark.seq.next()
        {
            mark.seq = seq;
        }
        match &mut topic.place {
            Place::Given(held) => held.keep(event),
            _ => heard.push(Heard::Event(event)),
        }
    }
}
