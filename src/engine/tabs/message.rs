//! What tabs say to each other.
//!
//! Every message says who speaks; what a leader says carries its term. Whatever comes in is
//! checked like network input: any script of the origin can post here.

use std::borrow::Cow;

use crate::engine::freshness::word::Word;
use crate::engine::ids::{Position, Seq, TabId, Term};
use crate::engine::limits::{CHANNELS_MAX, TAB_MESSAGE_BYTES_MAX};
use crate::engine::status::Status;
use crate::engine::time::Wall;
use crate::wire::Event;
use crate::wire::json::{self, Raw, Text, Writer};
use crate::wire::native::{read_position, write_position};

/// The version of the messages. Tabs of two releases of an app can be open at a time; they do
/// not understand each other and each browser link then belongs to one release.
const VERSION: u64 = 1;

/// A message and who sent it.
#[derive(Clone, Debug, PartialEq)]
pub struct Message<'a> {
    /// The sender.
    pub from: TabId,
    /// What it says.
    pub says: Says<'a>,
}

/// What a tab can say.
#[derive(Clone, Debug, PartialEq)]
pub enum Says<'a> {
    /// I am new, or back: who leads?
    Hello,
    /// I am here, and watch these channels from these positions on.
    Here {
        /// Channels and positions.
        wants: Vec<(String, Option<Position>)>,
    },
    /// I am leaving.
    Bye,
    /// My app wants a new connection.
    Reconnect,
    /// Somebody logged in: another token is to be had. It is not in here, because every script
    /// of the origin hears this.
    LoggedIn,
    /// I lead. This is how the link stands, and where each subscribed channel is.
    Lead {
        /// My term.
        term: Term,
        /// The state of the link.
        status: Status,
        /// How many tabs there are.
        tabs: u64,
        /// Channels and positions.
        positions: Vec<(String, Option<Position>)>,
    },
    /// These events came.
    Events {
        /// My term.
        term: Term,
        /// The events, in order.
        events: Vec<Event<'a>>,
    },
    /// Something about mutations, as JSON text; only the queue knows what.
    Queue(Cow<'a, str>),
    /// Something may have been missed on a channel.
    Gap {
        /// My term.
        term: Term,
        /// The channel.
        channel: String,
        /// Where it goes on.
        position: Option<Position>,
    },
    /// Something about contracts.
    Contracts(Word),
    /// A server wants to be left alone, by all tabs.
    Calm {
        /// Which host, as the app tells hosts apart.
        host: String,
        /// Until when.
        until: Wall,
    },
}

impl Message<'_> {
    /// The message as text.
    pub fn write(&self) -> String {
        let mut writer = Writer::new();
        writer.object(|w| {
            w.key("v").number(VERSION);
            w.key("from").string(&self.from.text());
            self.says.write(w);
        });
        writer.finish()
    }
}

impl Says<'_> {
    fn write(&self, w: &mut Writer) {
        match self {
            Says::Hello => w.key("k").string("hello"),
            Says::Bye => w.key("k").string("bye"),
            Says::Reconnect => w.key("k").string("reconnect"),
            Says::LoggedIn => w.key("k").string("logged-in"),
            Says::Here { wants } => {
                w.key("k").string("here");
                w.key("channels");
                write_positions(w, wants);
            }
            Says::Lead {
                term,
                status,
                tabs,
                positions,
            } => {
                w.key("k").string("lead");
                w.key("term").number(term.number);
                w.key("tabs").number(*tabs);
                w.key("status").object(|w| status.write_members(w));
                w.key("channels");
                write_positions(w, positions);
            }
            Says::Events { term, events } => {
                w.key("k").string("events");
                w.key("term").number(term.number);
                w.key("events")
                    .array(|w| events.iter().for_each(|event| write_event(w, event)));
            }
            Says::Queue(text) => {
                w.key("k").string("queue");
                w.key("q").raw(text);
            }
            Says::Gap {
                term,
                channel,
                position,
            } => {
                w.key("k").string("gap");
                w.key("term").number(term.number);
                w.key("ch").string(channel);
                w.key("pos");
                write_maybe_position(w, position.as_ref());
            }
            Says::Contracts(word) => {
                w.key("k").string("contracts");
                word.write(w);
            }
            Says::Calm { host, until } => {
                w.key("k").string("calm");
                w.key("host").string(host);
                w.key("until").number(until.0);
            }
        }
    }
}

fn write_positions(w: &mut Writer, channels: &[(String, Option<Position>)]) {
    w.object(|w| {
        for (name, position) in channels {
            w.key(name);
            write_maybe_position(w, position.as_ref());
        }
    });
}

fn write_maybe_position(w: &mut Writer, position: Option<&Position>) {
    match position {
        Some(position) => write_position(w, position),
        None => w.null(),
    }
}

fn write_event(w: &mut Writer, event: &Event<'_>) {
    w.object(|w| {
        w.key("ch").string(&event.channel);
        w.key("name").string(&event.name);
        w.key("data").raw(event.data);
        if let Some(seq) = event.seq {
            w.key("s").number(seq.0);
        }
        if let Some(by) = &event.by {
            w.key("by").string(by);
        }
        if let Some(at) = event.at {
            w.key("at").number(at);
        }
    });
}

/// Reads a message; nothing if it is not one of ours.
pub fn read(bytes: &[u8]) -> Option<Message<'_>> {
    if bytes.len() > TAB_MESSAGE_BYTES_MAX {
        return None;
    }
    let raw = json::parse(std::str::from_utf8(bytes).ok()?).ok()?;
    if raw.member("v")?.integer()? != VERSION {
        return None;
    }
    let from = TabId::parse(&raw.member("from")?.string()?.decode())?;
    let term = || {
        Some(Term {
            number: raw.member("term")?.integer()?,
            tab: from,
        })
    };
    let says = match raw.member("k")?.string()?.decode().as_ref() {
        "hello" => Says::Hello,
        "bye" => Says::Bye,
        "reconnect" => Says::Reconnect,
        "logged-in" => Says::LoggedIn,
        "here" => Says::Here {
            wants: read_positions(raw.member("channels")?)?,
        },
        "lead" => Says::Lead {
            term: term()?,
            status: Status::read(raw.member("status")?)?,
            tabs: raw.member("tabs")?.integer()?,
            positions: read_positions(raw.member("channels")?)?,
        },
        "events" => Says::Events {
            term: term()?,
            events: read_events(raw.member("events")?),
        },
        "queue" => Says::Queue(raw.member("q")?.text().into()),
        "gap" => Says::Gap {
            term: term()?,
            channel: raw.member("ch")?.string()?.decode().into_owned(),
            position: raw.member("pos").and_then(read_position),
        },
        "contracts" => Says::Contracts(Word::read(raw)?),
        "calm" => Says::Calm {
            host: raw.member("host")?.string()?.decode().into_owned(),
            until: Wall(raw.member("until")?.integer()?),
        },
        _ => return None,
    };
    Some(Message { from, says })
}

fn read_positions(raw: Raw<'_>) -> Option<Vec<(String, Option<Position>)>> {
    let mut out = Vec::new();
    raw.members(|name, position| {
        if out.len() < CHANNELS_MAX {
            out.push((name.decode().into_owned(), read_position(position)));
        }
    });
    raw.is_object().then_some(out)
}

fn read_events(raw: Raw<'_>) -> Vec<Event<'_>> {
    let mut out = Vec::new();
    raw.elements(|element| out.extend(read_event(element)));
    out
}

fn read_event(raw: Raw<'_>) -> Option<Event<'_>> {
    let mut channel = None;
    let mut name = None;
    let mut event = Event {
        channel: Cow::Borrowed(""),
        seq: None,
        name: Cow::Borrowed(""),
        data: "null",
        by: None,
        at: None,
    };
    raw.members(|key, value| {
        let text = || value.string().map(Text::decode);
        match key.decode().as_ref() {
            "ch" => channel = text(),
            "name" => name = text(),
            "data" => event.data = value.text(),
            "s" => event.seq = value.integer().map(Seq),
            "by" => event.by = text(),
            "at" => event.at = value.integer(),
            _ => {}
        }
    });
    event.channel = channel?;
    event.name = name?;
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn messages() -> Vec<Says<'static>> {
        let term = Term {
            number: 9,
            tab: TabId(7),
        };
        let position = Some(Position::new("E", Seq(4)));
        vec![
            Says::Hello,
            Says::Bye,
            Says::Reconnect,
            Says::LoggedIn,
            Says::Here {
                wants: vec![("a".to_owned(), position.clone()), ("b".to_owned(), None)],
            },
            Says::Lead {
                term,
                status: Status::idle(Wall(1)),
                tabs: 3,
                positions: vec![("a".to_owned(), position.clone())],
            },
            Says::Events {
                term,
                events: vec![Event {
                    channel: "a".into(),
                    seq: Some(Seq(5)),
                    name: "moved \"it\"".into(),
                    data: r#"{"id":1}"#,
                    by: Some("me".into()),
                    at: Some(3),
                }],
            },
            Says::Queue(r#"{"q":"took"}"#.into()),
            Says::Gap {
                term,
                channel: "a".to_owned(),
                position,
            },
            Says::Contracts(Word::Ask("planner".to_owned())),
            Says::Calm {
                host: "api".to_owned(),
                until: Wall(9),
            },
        ]
    }

    #[test]
    fn every_message_comes_back_as_it_was() {
        for says in messages() {
            let message = Message {
                from: TabId(7),
                says,
            };
            assert_eq!(read(message.write().as_bytes()), Some(message.clone()));
        }
    }

    #[test]
    fn what_is_not_ours_is_nothing() {
        for text in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"v":2,"from":"0000000000000007","k":"hello"}"#,
            r#"{"v":1,"from":"7","k":"hello"}"#,
            r#"{"v":1,"from":"0000000000000007","k":"sing"}"#,
            r#"{"v":1,"from":"0000000000000007","k":"lead","term":1}"#,
            r#"{"v":1,"from":"0000000000000007","k":"here","channels":[]}"#,
        ] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_damaged_message_never_panics(which in 0usize..10, at in 0usize..400, byte: u8) {
            let message = Message { from: TabId(7), says: messages().swap_remove(which) };
            let mut bytes = message.write().into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = read(&bytes);
            let _ = read(&bytes[..at]);
        }
    }
}
