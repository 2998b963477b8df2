//! What tabs say to each other.
//!
//! Every message says who speaks and whose data it is about; what a leader says carries its term.
//! Whatever comes in is checked like network input: any script of the origin can post here. Events
//! are carried as text: most tabs that get one only want its name, and some want it again later.

use std::borrow::Cow;
use std::rc::Rc;

use crate::engine::channels::{Before, Want};
use crate::engine::config::is_channel_name;
use crate::engine::freshness::word::Word;
use crate::engine::ids::{CallId, Position, Scope, Seq, TabId, Term};
use crate::engine::limits::{CHANNELS_KNOWN_MAX, TAB_MESSAGE_BYTES_MAX};
use crate::engine::status::Status;
use crate::engine::time::{Millis, Wall};
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
    /// Whose data it is about.
    pub scope: Scope,
    /// What it says.
    pub says: Says<'a>,
}

/// What a tab can say.
#[derive(Clone, Debug, PartialEq)]
pub enum Says<'a> {
    /// I am new, or back: who leads?
    Hello {
        /// Can I be seen?
        visible: bool,
    },
    /// I am here, and watch these channels from these positions on.
    Here {
        /// Can I be seen?
        visible: bool,
        /// Channels and positions.
        wants: Vec<Want>,
    },
    /// I am leaving.
    Bye,
    /// Somebody logged in: another token is to be had. It is not in here, because every script
    /// of the origin hears this.
    LoggedIn,
    /// Something about contracts.
    Contracts(Word),
    /// Something about mutations, as JSON text; only the queue knows what.
    Queue(Cow<'a, str>),
    /// A server wants to be left alone, by all tabs.
    Calm {
        /// Which host, as the app tells hosts apart.
        host: String,
        /// Until when.
        until: Wall,
        /// How long that was when it was said. Whichever is shorter counts: the message may be
        /// heard late, by a page that was frozen, and the clock may be set meanwhile.
        span: Millis,
    },
    /// Leader, are you there?
    Ask,
    /// What came on this channel behind this position?
    Missing {
        /// The channel.
        channel: Cow<'a, str>,
        /// The last position that was seen.
        position: Option<Position>,
    },
    /// Leader, do this for me.
    Call {
        /// The call's number, given by the caller.
        id: CallId,
        /// All calls of smaller numbers were answered.
        open: CallId,
        /// What is to be done.
        kind: Cow<'a, str>,
        /// With what, as JSON text.
        body: &'a str,
    },
    /// Whoever is named may take the lock: I hold it, and cannot be seen.
    Offer {
        /// Who may take it.
        to: TabId,
    },
    /// I lead. This is how the link stands, and where each subscribed channel is.
    Lead {
        /// My term.
        term: Term,
        /// The state of the link.
        status: Status,
        /// How many tabs there are.
        tabs: u64,
        /// Channels and positions.
        positions: Vec<Want>,
    },
    /// These events came, in this order.
    Events {
        /// My term.
        term: Term,
        /// The events, each as JSON text.
        events: Vec<Cow<'a, str>>,
    },
    /// A channel goes on behind a position.
    Place {
        /// My term.
        term: Term,
        /// For this tab only.
        to: Option<TabId>,
        /// The channel.
        channel: Cow<'a, str>,
        /// Where it goes on.
        position: Option<Position>,
        /// Whether something may have been missed before.
        before: Before,
    },
    /// This is what you missed.
    Replay {
        /// My term.
        term: Term,
        /// Who missed it.
        to: TabId,
        /// The channel.
        channel: Cow<'a, str>,
        /// The events, each as JSON text.
        events: Vec<Cow<'a, str>>,
        /// Up to where.
        position: Option<Position>,
    },
    /// A channel cannot be had.
    Refused {
        /// My term.
        term: Term,
        /// The channel.
        channel: Cow<'a, str>,
        /// Why, as a word.
        code: Cow<'a, str>,
    },
    /// A call was done.
    Answer {
        /// My term.
        term: Term,
        /// The caller.
        to: TabId,
        /// The call.
        id: CallId,
        /// What came of it, as JSON text.
        body: &'a str,
    },
}

/// A message as text.
pub fn write(from: TabId, scope: Scope, says: &Says<'_>) -> String {
    let mut writer = Writer::new();
    writer.object(|w| {
        w.key("v").number(VERSION);
        w.key("from").string(&from.text());
        w.key("of").string(&scope.text());
        says.write(w);
    });
    writer.finish()
}

impl Message<'_> {
    /// The message as text.
    pub fn write(&self) -> String {
        write(self.from, self.scope, &self.says)
    }
}

impl Says<'_> {
    /// The term of who speaks, if only a leader may say it.
    pub fn term(&self) -> Option<Term> {
        match self {
            Says::Hello { .. }
            | Says::Here { .. }
            | Says::Bye
            | Says::Calm { .. }
            | Says::LoggedIn
            | Says::Queue(_)
            | Says::Contracts(_)
            | Says::Ask
            | Says::Missing { .. }
            | Says::Call { .. }
            | Says::Offer { .. } => None,
            Says::Lead { term, .. }
            | Says::Events { term, .. }
            | Says::Place { term, .. }
            | Says::Replay { term, .. }
            | Says::Refused { term, .. }
            | Says::Answer { term, .. } => Some(*term),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Says::Hello { .. } => "hello",
            Says::Here { .. } => "here",
            Says::Bye => "bye",
            Says::Calm { .. } => "calm",
            Says::Queue(_) => "queue",
            Says::LoggedIn => "logged-in",
            Says::Contracts(_) => "contracts",
            Says::Ask => "ask",
            Says::Missing { .. } => "missing",
            Says::Call { .. } => "call",
            Says::Offer { .. } => "offer",
            Says::Lead { .. } => "lead",
            Says::Events { .. } => "events",
            Says::Place { .. } => "place",
            Says::Replay { .. } => "replay",
            Says::Refused { .. } => "refused",
            Says::Answer { .. } => "answer",
        }
    }

    fn write(&self, w: &mut Writer) {
        w.key("k").string(self.kind());
        if let Some(term) = self.term() {
            w.key("term").number(term.number);
        }
        match self {
            Says::Bye | Says::Ask | Says::LoggedIn => {}
            Says::Hello { visible } => w.key("visible").bool(*visible),
            Says::Here { visible, wants } => {
                w.key("visible").bool(*visible);
                write_wants(w, wants);
            }
            Says::Queue(text) => w.key("q").raw(text),
            Says::Contracts(word) => word.write(w),
            Says::Calm { host, until, span } => {
                w.key("host").string(host);
                w.key("until").number(until.0);
                w.key("span").number(span.0);
            }
            Says::Missing { channel, position } => write_place(w, channel, position.as_ref()),
            Says::Call {
                id,
                open,
                kind,
                body,
            } => {
                w.key("id").number(id.0);
                w.key("open").number(open.0);
                w.key("do").string(kind);
                w.key("body").raw(body);
            }
            Says::Offer { to } => w.key("to").string(&to.text()),
            Says::Lead {
                status,
                tabs,
                positions,
                ..
            } => {
                w.key("tabs").number(*tabs);
                w.key("status").object(|w| status.write_members(w));
                write_wants(w, positions);
            }
            Says::Events { events, .. } => write_events(w, events),
            Says::Place {
                to,
                channel,
                position,
                before,
                ..
            } => {
                if let Some(to) = to {
                    w.key("to").string(&to.text());
                }
                write_place(w, channel, position.as_ref());
                w.key("gap").number(match before {
                    Before::Whole => 0,
                    Before::Gap => 1,
                    Before::Anew => 2,
                });
            }
            Says::Replay {
                to,
                channel,
                events,
                position,
                ..
            } => {
                w.key("to").string(&to.text());
                write_place(w, channel, position.as_ref());
                write_events(w, events);
            }
            Says::Refused { channel, code, .. } => {
                w.key("ch").string(channel);
                w.key("code").string(code);
            }
            Says::Answer { to, id, body, .. } => {
                w.key("to").string(&to.text());
                w.key("id").number(id.0);
                w.key("body").raw(body);
            }
        }
    }
}

fn write_wants(w: &mut Writer, wants: &[Want]) {
    w.key("channels").object(|w| {
        for (name, position) in wants {
            w.key(name);
            write_maybe_position(w, position.as_ref());
        }
    });
}

fn write_place(w: &mut Writer, channel: &str, position: Option<&Position>) {
    w.key("ch").string(channel);
    w.key("pos");
    write_maybe_position(w, position);
}

fn write_maybe_position(w: &mut Writer, position: Option<&Position>) {
    match position {
        Some(position) => write_position(w, position),
        None => w.null(),
    }
}

fn write_events(w: &mut Writer, events: &[Cow<'_, str>]) {
    w.key("events").array(|w| {
        for event in events {
            w.raw(event);
        }
    });
}

/// An event as it is written between tabs.
pub fn event_text(event: &Event<'_>) -> Rc<str> {
    let mut writer = Writer::new();
    writer.object(|w| {
        w.key("ch").string(&event.channel);
        w.key("name").string(&event.name);
        if let Some(seq) = event.seq {
            w.key("s").number(seq.0);
        }
        if let Some(by) = &event.by {
            w.key("by").string(by);
        }
        if let Some(at) = event.at {
            w.key("at").number(at);
        }
        w.key("data").raw(event.data);
    });
    writer.finish().into()
}

/// Reads what [`event_text`] wrote.
pub fn read_event(text: &str) -> Option<Event<'_>> {
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
    json::members(text, |key, value| {
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
    })
    .ok()?;
    event.channel = channel?;
    event.name = name?;
    Some(event)
}

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
        self.position.and_then(read_position)
    }

    fn term(&self, from: TabId) -> Option<Term> {
        Some(Term {
            number: self.term?.integer()?,
            tab: from,
        })
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
            "calm" => Says::Calm {
                host: string(self.host)?.into_owned(),
                until: Wall(self.until?.integer()?),
                span: Millis(self.span?.integer()?),
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
                tabs: self.tabs?.integer()?,
                positions: read_wants(self.channels?)?,
            },
            "events" => Says::Events {
                term: self.term(from)?,
                events: texts(self.events?),
            },
            "place" => Says::Place {
                term: self.term(from)?,
                to: match self.to {
                    Some(_) => Some(tab(self.to)?),
                    None => None,
                },
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
            out.push((name.decode().into_owned(), read_position(position)));
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn messages() -> Vec<Says<'static>> {
        let tab = TabId(7);
        let term = Term { number: 9, tab };
        let position = Some(Position::new("E", Seq(4)));
        let wants = vec![("a".to_owned(), position.clone()), ("b".to_owned(), None)];
        let event = Cow::Borrowed(r#"{"ch":"a","name":"n","data":1}"#);
        let channel = Cow::Borrowed("a");
        vec![
            Says::Hello { visible: true },
            Says::Bye,
            Says::Ask,
            Says::LoggedIn,
            Says::Queue(r#"{"q":"took"}"#.into()),
            Says::Contracts(Word::Ask("planner".to_owned())),
            Says::Calm {
                host: "api".to_owned(),
                until: Wall(9),
                span: Millis(4),
            },
            Says::Here {
                visible: false,
                wants: wants.clone(),
            },
            Says::Missing {
                channel: channel.clone(),
                position: position.clone(),
            },
            Says::Call {
                id: CallId(3),
                open: CallId(2),
                kind: "send \"it\"".into(),
                body: r#"{"id":1}"#,
            },
            Says::Offer { to: TabId(8) },
            Says::Lead {
                term,
                status: Status::idle(Wall(1)),
                tabs: 3,
                positions: wants,
            },
            Says::Events {
                term,
                events: vec![event.clone(), event.clone()],
            },
            Says::Place {
                term,
                to: None,
                channel: channel.clone(),
                position: None,
                before: Before::Anew,
            },
            Says::Place {
                term,
                to: Some(TabId(8)),
                channel: channel.clone(),
                position: position.clone(),
                before: Before::Whole,
            },
            Says::Replay {
                term,
                to: TabId(8),
                channel: channel.clone(),
                events: vec![event],
                position,
            },
            Says::Refused {
                term,
                channel,
                code: "forbidden".into(),
            },
            Says::Answer {
                term,
                to: TabId(8),
                id: CallId(3),
                body: "null",
            },
        ]
    }

    fn message(says: Says<'static>) -> Message<'static> {
        Message {
            from: TabId(7),
            scope: Scope(0xabc),
            says,
        }
    }

    #[test]
    fn every_message_comes_back_as_it_was() {
        for says in messages() {
            let message = message(says);
            assert_eq!(read(message.write().as_bytes()), Some(message.clone()));
        }
    }

    #[test]
    fn an_event_comes_back_as_it_was() {
        let event = Event {
            channel: "a".into(),
            seq: Some(Seq(5)),
            name: "moved \"it\"".into(),
            data: r#"{"id":1}"#,
            by: Some("me".into()),
            at: Some(3),
        };
        assert_eq!(read_event(&event_text(&event)), Some(event.clone()));
        let bare = Event {
            seq: None,
            by: None,
            at: None,
            ..event
        };
        assert_eq!(read_event(&event_text(&bare)), Some(bare));
        for text in ["", "[]", "{}", r#"{"ch":"a"}"#, r#"{"ch":1,"name":"n"}"#] {
            assert_eq!(read_event(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_not_ours_is_nothing() {
        let head = r#"{"v":1,"from":"0000000000000007","of":"0000000000000007""#;
        for text in [
            "".to_owned(),
            "null".to_owned(),
            "[]".to_owned(),
            "{}".to_owned(),
            r#"{"v":2,"from":"0000000000000007","of":"0000000000000007","k":"bye"}"#.to_owned(),
            r#"{"v":1,"from":"7","of":"0000000000000007","k":"bye"}"#.to_owned(),
            r#"{"v":1,"from":"0000000000000007","k":"bye"}"#.to_owned(),
            [head, r#","k":"sing"}"#].concat(),
            [head, r#","k":"lead","term":1}"#].concat(),
            [head, r#","k":"here","visible":true,"channels":[]}"#].concat(),
            [head, r#","k":"place","term":1,"ch":"a","gap":3}"#].concat(),
            [head, r#","k":"place","term":1,"ch":"a","gap":1,"to":"?"}"#].concat(),
            [
                head,
                r#","k":"events","term":99999999999999999,"events":[]}"#,
            ]
            .concat(),
        ] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
        assert!(read([head, r#","k":"bye"}"#].concat().as_bytes()).is_some());
    }

    #[test]
    fn a_message_is_of_bounded_size() {
        let mut text = message(Says::Bye).write();
        text.push_str(&" ".repeat(TAB_MESSAGE_BYTES_MAX));
        assert_eq!(read(text.as_bytes()), None);
        let many = (0..CHANNELS_KNOWN_MAX + 5).map(|n| (n.to_string(), None));
        let here = message(Says::Here {
            visible: true,
            wants: many.collect(),
        });
        let text = here.write();
        let Some(Says::Here { wants, .. }) = read(text.as_bytes()).map(|message| message.says)
        else {
            panic!("it was ours");
        };
        assert_eq!(wants.len(), CHANNELS_KNOWN_MAX);
    }

    proptest! {
        #[test]
        fn a_damaged_message_never_panics(which in 0usize..18, at in 0usize..400, byte: u8) {
            let mut bytes = message(messages().swap_remove(which)).write().into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = read(&bytes);
            let _ = read(&bytes[..at]);
        }
    }
}
