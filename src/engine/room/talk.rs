//! What a tab and its leader say to each other about the room.
//!
//! The leader's own tab says the same to itself, as values. Between tabs it is JSON text, and is
//! checked like network input: any script of the origin can post there.

use std::rc::Rc;

use super::leases::{Ask, Fence, Field};
use crate::engine::config::is_channel_name;
use crate::engine::limits::{FIELD_BYTES_MAX, LEASE_TTL_MAX, PRESENCE_META_BYTES_MAX};
use crate::engine::time::Millis;
use crate::wire::json::{self, Raw, Text, Writer};

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
    },
    /// I am not there any more, and do not look.
    Absent {
        /// The channel.
        channel: Rc<str>,
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
    /// This is who is there, or came and left.
    People {
        /// The channel.
        channel: Rc<str>,
        /// Whether it is all, and not only what changed.
        full: bool,
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

impl Wish {
    /// The wish as JSON text.
    pub fn write(&self) -> String {
        let mut writer = Writer::new();
        writer.object(|w| match self {
            Wish::Presence {
                channel,
                meta,
                anonymous,
            } => {
                w.key("a").string("presence");
                w.key("ch").string(channel);
                w.key("meta").raw(meta.as_deref().unwrap_or("null"));
                w.key("anon").bool(*anonymous);
            }
            Wish::Absent { channel } => {
                w.key("a").string("absent");
                w.key("ch").string(channel);
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
            },
            "absent" => Wish::Absent {
                channel: members.channel()?,
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
            Word::People {
                channel,
                full,
                join,
                leave,
            } => {
                w.key("a").string("people");
                w.key("ch").string(channel);
                w.key("full").bool(*full);
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
            "people" => Word::People {
                channel: members.channel()?,
                full: members.full.and_then(Raw::bool)?,
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
            _ => return,
        };
        *member = Some(value);
    }

    fn kind(&self) -> Option<std::borrow::Cow<'a, str>> {
        self.kind?.string().map(Text::decode)
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
mod tests {
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
            },
            Wish::Presence {
                channel: Rc::clone(&channel),
                meta: None,
                anonymous: false,
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
            Word::People {
                channel: "c".into(),
                full: true,
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
            &long,
        ] {
            assert_eq!(Wish::read(text), None, "{text}");
            assert_eq!(Word::read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn damaged_text_never_panics(which in 0usize..12, at in 0usize..200, letter: char) {
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
}
