//! Reading what tabs say: checked like network input.

use std::borrow::Cow;

use super::{Message, Says, VERSION};
use crate::engine::channels::{Before, Want};
use crate::engine::config::is_channel_name;
use crate::engine::freshness::word::Word;
use crate::engine::ids::{CallId, Position, Scope, TabId, Term};
use crate::engine::limits::{CHANNELS_KNOWN_MAX, TAB_MESSAGE_BYTES_MAX};
use crate::engine::status::Status;
use crate::engine::time::{Millis, Until, Wall};
use crate::wire::json::{self, Raw, Text};

/// Every member that any message has; one walk over the text finds them all.
#[derive(Clone, Copy, Default)]
struct Members<'a> {
    version: Option<Raw<'a>>,
    from: Option<Raw<'a>>,
    scope: Option<Raw<'a>>,
    kind: Option<Raw<'a>>,
    term: Option<Raw<'a>>,
    to: Option<Raw<'a>>,
    channel: Option<Raw<'a>>,
    position: Option<Raw<'a>>,
    channels: Option<Raw<'a>>,
    events: Option<Raw<'a>>,
    visible: Option<Raw<'a>>,
    gap: Option<Raw<'a>>,
    status: Option<Raw<'a>>,
    tabs: Option<Raw<'a>>,
    id: Option<Raw<'a>>,
    open: Option<Raw<'a>>,
    deed: Option<Raw<'a>>,
    body: Option<Raw<'a>>,
    code: Option<Raw<'a>>,
    host: Option<Raw<'a>>,
    until: Option<Raw<'a>>,
    span: Option<Raw<'a>>,
    queue: Option<Raw<'a>>,
}

impl<'a> Members<'a> {
    fn set(&mut self, key: Text<'a>, value: Raw<'a>) {
        let member = match key.decode().as_ref() {
            "v" => &mut self.version,
            "from" => &mut self.from,
            "of" => &mut self.scope,
            "k" => &mut self.kind,
            "term" => &mut self.term,
            "to" => &mut self.to,
            "ch" => &mut self.channel,
            "pos" => &mut self.position,
            "channels" => &mut self.channels,
            "events" => &mut self.events,
            "visible" => &mut self.visible,
            "gap" => &mut self.gap,
            "status" => &mut self.status,
            "tabs" => &mut self.tabs,
            "id" => &mut self.id,
            "open" => &mut self.open,
            "do" => &mut self.deed,
            "body" => &mut self.body,
            "code" => &mut self.code,
            "host" => &mut self.host,
            "until" => &mut self.until,
            "span" => &mut self.span,
            "q" => &mut self.queue,
            _ => return,
        };
        *member = Some(value);
    }

    fn channel(&self) -> Option<Cow<'a, str>> {
        string(self.channel)
    }

    fn position(&self) -> Option<Position> {
        self.position.and_then(Position::read)
    }

    fn until(&self) -> Option<Until> {
        Some(Until {
            at: Wall(self.until?.integer()?),
            span: Millis(self.span?.integer()?),
        })
    }

    fn term(&self, from: TabId) -> Option<Term> {
        Some(Term {
            number: self.term?.integer()?,
            tab: from,
        })
    }

    /// For whom it is: for all if nobody is named.
    fn maybe_to(&self) -> Option<Option<TabId>> {
        match self.to {
            Some(_) => tab(self.to).map(Some),
            None => Some(None),
        }
    }

    fn says(&self, from: TabId, whole: &'a str) -> Option<Says<'a>> {
        Some(match string(self.kind)?.as_ref() {
            "hello" => Says::Hello {
                visible: self.visible?.bool()?,
            },
            "here" => Says::Here {
                visible: self.visible?.bool()?,
                wants: read_wants(self.channels?)?,
            },
            "bye" => Says::Bye,
            "logged-in" => Says::LoggedIn,
            "contracts" => Says::Contracts(Word::read(json::parse(whole).ok()?)?),
            "queue" => Says::Queue(self.queue?.text().into()),
            "wish" => Says::Wish(self.body?.text().into()),
            "calm" => Says::Calm {
                host: string(self.host)?.into_owned(),
                until: self.until()?,
            },
            "ask" => Says::Ask,
            "missing" => Says::Missing {
                channel: self.channel()?,
                position: self.position(),
            },
            "call" => Says::Call {
                id: CallId(self.id?.integer()?),
                open: CallId(self.open?.integer()?),
                kind: string(self.deed)?,
                body: self.body?.text(),
            },
            "offer" => Says::Offer { to: tab(self.to)? },
            "lead" => Says::Lead {
                term: self.term(from)?,
                status: Status::read(self.status?)?,
                hold: self.until(),
                tabs: self.tabs?.integer()?,
                positions: read_wants(self.channels?)?,
            },
            "events" => Says::Events {
                term: self.term(from)?,
                events: texts(self.events?),
            },
            "place" => Says::Place {
                term: self.term(from)?,
                to: self.maybe_to()?,
                channel: self.channel()?,
                position: self.position(),
                before: match self.gap?.integer()? {
                    0 => Before::Whole,
                    1 => Before::Gap,
                    2 => Before::Anew,
                    _ => return None,
                },
            },
            "replay" => Says::Replay {
                term: self.term(from)?,
                to: tab(self.to)?,
                channel: self.channel()?,
                events: texts(self.events?),
                position: self.position(),
            },
            "refused" => Says::Refused {
                term: self.term(from)?,
                channel: self.channel()?,
                code: string(self.code)?,
            },
            "room" => Says::Room {
                term: self.term(from)?,
                to: self.maybe_to()?,
                word: self.body?.text().into(),
            },
            "answer" => Says::Answer {
                term: self.term(from)?,
                to: tab(self.to)?,
                id: CallId(self.id?.integer()?),
                body: self.body?.text(),
            },
            _ => return None,
        })
    }
}

/// Reads a message; nothing if it is not one of ours.
pub fn read(bytes: &[u8]) -> Option<Message<'_>> {
    if bytes.len() > TAB_MESSAGE_BYTES_MAX {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let mut members = Members::default();
    json::members(text, |key, value| members.set(key, value)).ok()?;
    if members.version?.integer()? != VERSION {
        return None;
    }
    let from = tab(members.from)?;
    Some(Message {
        from,
        scope: Scope::parse(&string(members.scope)?)?,
        says: members.says(from, text)?,
    })
}

fn string(raw: Option<Raw<'_>>) -> Option<Cow<'_, str>> {
    Some(raw?.string()?.decode())
}

fn tab(raw: Option<Raw<'_>>) -> Option<TabId> {
    TabId::parse(&string(raw)?)
}

fn read_wants(raw: Raw<'_>) -> Option<Vec<Want>> {
    let mut out: Vec<Want> = Vec::new();
    raw.members(|name, position| {
        if out.len() < CHANNELS_KNOWN_MAX {
            out.push((name.decode().into_owned(), Position::read(position)));
        }
    });
    out.retain(|(name, _)| is_channel_name(name));
    raw.is_object().then_some(out)
}

fn texts(raw: Raw<'_>) -> Vec<Cow<'_, str>> {
    let mut out = Vec::new();
    raw.elements(|element| out.push(Cow::Borrowed(element.text())));
    out
}
