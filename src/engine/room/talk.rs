//! What a tab and its leader say to each other about the room.
//!
//! The leader's own tab says the same to itself, as values. Between tabs it is JSON text, and is
//! checked like network input: any script of the origin can post there.

use std::borrow::Cow;
use std::rc::Rc;

use super::leases::{Ask, Fence, Field};
use crate::engine::config::{BadInput, is_channel_name};
use crate::engine::limits::{
    FIELD_BYTES_MAX, LEASE_TTL_MAX, PRESENCE_META_BYTES_MAX, SIGNAL_NAME_BYTES_MAX, WHO_BYTES_MAX,
};
use crate::engine::time::Millis;
use crate::wire::json::{self, Raw, Text, Writer};
use crate::wire::{Presence, RoomCan};

/// What a tab wants of its leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Show me so on a channel, and tell me who is there.
    Presence {
        /// The channel.
        channel: Rc<str>,
        /// What others see of this tab, as a JSON object; nothing to look without being seen.
        meta: Option<Rc<str>>,
        /// Others may not see who it is.
        anonymous: bool,
        /// What was told of the channel before was said by another one that leads: say it all.
        anew: bool,
    },
    /// I am not there any more, and do not look.
    Absent {
        /// The channel.
        channel: Rc<str>,
    },
    /// Say this to the others who are there now.
    Signal {
        /// The channel.
        channel: Rc<str>,
        /// What it is.
        name: Rc<str>,
        /// With what, as JSON text.
        data: Rc<str>,
    },
    /// Give me a field.
    Lock {
        /// The field.
        field: Field,
        /// The question's number.
        ask: Ask,
        /// The fence of the lease that this tab has.
        fence: Option<Fence>,
    },
    /// I do not need a field.
    Unlock {
        /// The field.
        field: Field,
        /// The lease's fence.
        fence: Fence,
    },
}

/// What the leader answers, or tells all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// The link is another one than before: who is on it knows nothing of you.
    Relinked,
    /// The server, or its protocol, cannot do this.
    Unable(Part),
    /// The server does not let this person onto a channel.
    Barred {
        /// The channel.
        channel: Rc<str>,
        /// Why, as a word.
        code: Rc<str>,
    },
    /// Somebody says this to those who are there now.
    Signal(Signal),
    /// This is who is there, or came and left.
    People {
        /// The channel.
        channel: Rc<str>,
        /// Whether it is all, and not only what changed.
        full: bool,
        /// The name under which this browser is seen, where that is new.
        you: Option<Rc<str>>,
        /// Who is there, as a JSON object.
        join: Rc<str>,
        /// Who left, as a JSON object.
        leave: Rc<str>,
    },
    /// A field is given.
    Granted {
        /// The field.
        field: Field,
        /// The question that this answers.
        ask: Ask,
        /// The lease's fence.
        fence: Fence,
        /// How long it lasts.
        ttl: Millis,
    },
    /// A field is not given.
    Denied {
        /// The field.
        field: Field,
        /// The question that this answers.
        ask: Ask,
        /// Somebody else has it.
        locked: bool,
    },
    /// Somebody got a field, or nobody has it any more.
    Changed {
        /// The field.
        field: Field,
        /// The lease's fence.
        fence: Fence,
        /// Who has it, as JSON text; nobody if nothing.
        holder: Option<Rc<str>>,
        /// How long it lasts.
        ttl: Millis,
    },
}

/// What the app says for the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The channel.
    pub channel: String,
    /// What it is.
    pub name: String,
    /// With what, as JSON text.
    pub data: Rc<str>,
}

/// Reads what the app says on a channel for the moment.
pub fn call(channel: String, raw: Raw<'_>) -> Result<Call, BadInput> {
    let name = string(raw.member("name")).map(Cow::into_owned);
    Ok(Call {
        channel,
        name: name
            .filter(|name| is_signal_name(name))
            .ok_or_else(|| BadInput::at("name", "a name of 1 to 64 bytes"))?,
        data: signal(raw.member("data").unwrap_or(Raw::NULL))
            .ok_or_else(|| BadInput::at("data", "at most 2048 bytes"))?,
    })
}

/// What somebody says for the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// The channel.
    pub channel: Rc<str>,
    /// What it is.
    pub name: Rc<str>,
    /// Who says it, as JSON text.
    pub from: Rc<str>,
    /// With what, as JSON text.
    pub data: Rc<str>,
}

impl Signal {
    /// As the app, or another tab, reads it; they do not call the channel the same.
    pub fn write_members(&self, channel: &str, w: &mut Writer) {
        write_signal(w, channel, (&self.channel, &self.name, &self.data));
        w.key("from").raw(&self.from);
    }
}

/// What a server can do about the room, one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Tell who is there.
    Presence,
    /// Hand on what is said for the moment.
    Signals,
    /// Give a field to one at a time.
    Leases,
    /// Have a page show something of itself.
    Shows,
    /// Tell who types.
    Typing,
}

impl Part {
    /// As it is written.
    pub fn text(self) -> &'static str {
        match self {
            Part::Presence => "presence",
            Part::Signals => "signals",
            Part::Leases => "leases",
            Part::Shows => "presence that a page tells",
            Part::Typing => "typing",
        }
    }

    /// Is it among what a server can do?
    pub fn is_in(self, can: RoomCan) -> bool {
        match self {
            Part::Presence => can.presence > Presence::None,
            Part::Shows => can.presence >= Presence::Seldom,
            Part::Typing => can.presence >= Presence::Often,
            Part::Signals => can.signals,
            Part::Leases => can.leases,
        }
    }

    fn parse(text: &str) -> Option<Part> {
        let parts = [
            Part::Presence,
            Part::Signals,
            Part::Leases,
            Part::Shows,
            Part::Typing,
        ];
        parts.into_iter().find(|part| part.text() == text)
    }
}

impl Wish {
    /// What the server has to be able to do for it.
    pub fn part(&self) -> Part {
        match self {
            Wish::Presence { .. } | Wish::Absent { .. } => Part::Presence,
            Wish::Signal { .. } => Part::Signals,
            Wish::Lock { .. } | Wish::Unlock { .. } => Part::Leases,
        }
    }

    /// The wish as JSON text.
    pub fn write(&self) -> String {
        let mut writer = Writer::new();
        writer.object(|w| match self {
            Wish::Presence {
                channel,
                meta,
                anonymous,
                anew,
            } => {
                w.key("a").string("presence");
                w.key("ch").string(channel);
                w.key("meta").raw(meta.as_deref().unwrap_or("null"));
                w.key("anon").bool(*anonymous);
                if *anew {
                    w.key("full").bool(true);
                }
            }
            Wish::Absent { channel } => {
                w.key("a").string("absent");
                w.key("ch").string(channel);
            }
            Wish::Signal {
                channel,
                name,
                data,
            } => {
                w.key("a").string("signal");
                write_signal(w, "ch", (channel, name, data));
            }
            Wish::Lock { field, ask, fence } => {
                w.key("a").string("lock");
                write_field(w, field);
                w.key("n").number(ask.0);
                if let Some(fence) = fence {
                    w.key("fence").number(fence.0);
                }
            }
            Wish::Unlock { field, fence } => {
                w.key("a").string("unlock");
                write_field(w, field);
                w.key("fence").number(fence.0);
            }
        });
        writer.finish()
    }

    /// Reads what [`Wish::write`] wrote; nothing if it is something else.
    pub fn read(text: &str) -> Option<Wish> {
        let members = Members::of(text)?;
        Some(match members.kind()?.as_ref() {
            "presence" => Wish::Presence {
                channel: members.channel()?,
                meta: match members.meta {
                    Some(raw) if raw.is_null() => None,
                    Some(raw) => Some(meta(raw)?),
                    None => None,
                },
                anonymous: members.anonymous.and_then(Raw::bool)?,
                anew: members.full.and_then(Raw::bool).unwrap_or(false),
            },
            "absent" => Wish::Absent {
                channel: members.channel()?,
            },
            "signal" => Wish::Signal {
                channel: members.channel()?,
                name: members.event_name()?,
                data: signal(members.data?)?,
            },
            "lock" => Wish::Lock {
                field: members.field()?,
                ask: members.ask()?,
                fence: members.fence(),
            },
            "unlock" => Wish::Unlock {
                field: members.field()?,
                fence: members.fence()?,
            },
            _ => return None,
        })
    }
}

impl Word {
    /// The word as JSON text.
    pub fn write(&self) -> String {
        let mut writer = Writer::new();
        writer.object(|w| match self {
            Word::Relinked => w.key("a").string("relinked"),
            Word::Unable(part) => {
                w.key("a").string("unable");
                w.key("part").string(part.text());
            }
            Word::Barred { channel, code } => {
                w.key("a").string("barred");
                w.key("ch").string(channel);
                w.key("code").string(code);
            }
            Word::Signal(signal) => {
                w.key("a").string("signal");
                signal.write_members("ch", w);
            }
            Word::People {
                channel,
                full,
                you,
                join,
                leave,
            } => {
                w.key("a").string("people");
                w.key("ch").string(channel);
                w.key("full").bool(*full);
                if let Some(you) = you {
                    w.key("you").string(you);
                }
                w.key("join").raw(join);
                w.key("leave").raw(leave);
            }
            Word::Granted {
                field,
                ask,
                fence,
                ttl,
            } => {
                w.key("a").string("granted");
                write_field(w, field);
                w.key("n").number(ask.0);
                w.key("fence").number(fence.0);
                w.key("ttl").number(ttl.0);
            }
            Word::Denied { field, ask, locked } => {
                w.key("a").string("denied");
                write_field(w, field);
                w.key("n").number(ask.0);
                w.key("locked").bool(*locked);
            }
            Word::Changed {
                field,
                fence,
                holder,
                ttl,
            } => {
                w.key("a").string("changed");
                write_field(w, field);
                w.key("fence").number(fence.0);
                w.key("holder").raw(holder.as_deref().unwrap_or("null"));
                w.key("ttl").number(ttl.0);
            }
        });
        writer.finish()
    }

    /// Reads what [`Word::write`] wrote; nothing if it is something else.
    pub fn read(text: &str) -> Option<Word> {
        let members = Members::of(text)?;
        Some(match members.kind()?.as_ref() {
            "relinked" => Word::Relinked,
            "unable" => Word::Unable(Part::parse(&string(members.part)?)?),
            "barred" => Word::Barred {
                channel: members.channel()?,
                code: string(members.code)?.as_ref().into(),
            },
            "signal" => Word::Signal(Signal {
                channel: members.channel()?,
                name: members.event_name()?,
                from: members.from.and_then(holder)?,
                data: signal(members.data?)?,
            }),
            "people" => Word::People {
                channel: members.channel()?,
                full: members.full.and_then(Raw::bool)?,
                you: members.you.and_then(name),
                join: members.join.filter(|raw| raw.is_object())?.text().into(),
                leave: members.leave.filter(|raw| raw.is_object())?.text().into(),
            },
            "granted" => Word::Granted {
                field: members.field()?,
                ask: members.ask()?,
                fence: members.fence()?,
                ttl: members.ttl()?,
            },
            "denied" => Word::Denied {
                field: members.field()?,
                ask: members.ask()?,
                locked: members.locked.and_then(Raw::bool)?,
            },
            "changed" => Word::Changed {
                field: members.field()?,
                fence: members.fence()?,
                holder: members.holder.and_then(holder),
                ttl: members.ttl()?,
            },
            _ => return None,
        })
    }
}

fn write_signal(w: &mut Writer, key: &str, (channel, name, data): (&str, &str, &str)) {
    w.key(key).string(channel);
    w.key("name").string(name);
    w.key("data").raw(data);
}

fn write_field(w: &mut Writer, field: &Field) {
    w.key("ch").string(&field.channel);
    w.key("key").string(&field.name);
}

/// A field from its names; nothing if they are no names.
pub fn field(channel: &str, name: &str) -> Option<Field> {
    let good = is_channel_name(channel) && !name.is_empty() && name.len() <= FIELD_BYTES_MAX;
    good.then(|| Field {
        channel: channel.into(),
        name: name.into(),
    })
}

/// What a tab shows of itself; nothing if it is no object, or too large.
pub fn meta(raw: Raw<'_>) -> Option<Rc<str>> {
    let good = raw.is_object() && raw.text().len() <= PRESENCE_META_BYTES_MAX;
    good.then(|| raw.text().into())
}

/// Who holds a lease, as the server says it; nobody if it is `null` or no description of anybody.
pub fn holder(raw: Raw<'_>) -> Option<Rc<str>> {
    let good = !raw.is_null() && raw.text().len() <= PRESENCE_META_BYTES_MAX;
    good.then(|| raw.text().into())
}

/// Is it a name of a signal that every server accepts?
pub fn is_signal_name(name: &str) -> bool {
    is_channel_name(name) && name.len() <= SIGNAL_NAME_BYTES_MAX
}

/// What a signal carries; nothing if it is too large.
pub fn signal(raw: Raw<'_>) -> Option<Rc<str>> {
    (raw.text().len() <= PRESENCE_META_BYTES_MAX).then(|| raw.text().into())
}

/// The name of a user or a client; nothing if it is none, or too long.
pub fn name(raw: Raw<'_>) -> Option<Rc<str>> {
    let name = raw.string()?.decode();
    (name.len() <= WHO_BYTES_MAX).then(|| name.as_ref().into())
}

fn string(raw: Option<Raw<'_>>) -> Option<Cow<'_, str>> {
    raw?.string().map(Text::decode)
}

/// How long a lease lasts. Longer than any lease is as good as the longest.
pub fn ttl(raw: Raw<'_>) -> Option<Millis> {
    raw.integer().map(|ms| Millis(ms).min(LEASE_TTL_MAX))
}

#[derive(Clone, Copy, Default)]
struct Members<'a> {
    kind: Option<Raw<'a>>,
    channel: Option<Raw<'a>>,
    name: Option<Raw<'a>>,
    meta: Option<Raw<'a>>,
    anonymous: Option<Raw<'a>>,
    ask: Option<Raw<'a>>,
    fence: Option<Raw<'a>>,
    ttl: Option<Raw<'a>>,
    full: Option<Raw<'a>>,
    join: Option<Raw<'a>>,
    leave: Option<Raw<'a>>,
    locked: Option<Raw<'a>>,
    holder: Option<Raw<'a>>,
    event: Option<Raw<'a>>,
    data: Option<Raw<'a>>,
    from: Option<Raw<'a>>,
    you: Option<Raw<'a>>,
    part: Option<Raw<'a>>,
    code: Option<Raw<'a>>,
}

impl<'a> Members<'a> {
    fn of(text: &'a str) -> Option<Members<'a>> {
        let mut members = Members::default();
        json::members(text, |key, value| members.set(&key.decode(), value)).ok()?;
        Some(members)
    }

    fn set(&mut self, key: &str, value: Raw<'a>) {
        let member = match key {
            "a" => &mut self.kind,
            "ch" => &mut self.channel,
            "key" => &mut self.name,
            "meta" => &mut self.meta,
            "anon" => &mut self.anonymous,
            "n" => &mut self.ask,
            "fence" => &mut self.fence,
            "ttl" => &mut self.ttl,
            "full" => &mut self.full,
            "join" => &mut self.join,
            "leave" => &mut self.leave,
            "locked" => &mut self.locked,
            "holder" => &mut self.holder,
            "name" => &mut self.event,
            "data" => &mut self.data,
            "from" => &mut self.from,
            "you" => &mut self.you,
            "part" => &mut self.part,
            "code" => &mut self.code,
            _ => return,
        };
        *member = Some(value);
    }

    fn kind(&self) -> Option<Cow<'a, str>> {
        string(self.kind)
    }

    fn event_name(&self) -> Option<Rc<str>> {
        let name = string(self.event)?;
        is_signal_name(&name).then(|| name.as_ref().into())
    }

    fn channel(&self) -> Option<Rc<str>> {
        let name = self.channel?.string()?.decode();
        is_channel_name(&name).then(|| name.as_ref().into())
    }

    fn field(&self) -> Option<Field> {
        let channel = self.channel?.string()?.decode();
        field(&channel, &self.name?.string()?.decode())
    }

    fn ask(&self) -> Option<Ask> {
        self.ask?.integer().map(Ask)
    }

    fn fence(&self) -> Option<Fence> {
        self.fence?.integer().map(Fence)
    }

    fn ttl(&self) -> Option<Millis> {
        ttl(self.ttl?)
    }
}

#[cfg(test)]
mod tests;
