//! What is said over Socket.IO in the words of every wire: a channel is a namespace.
//!
//! One namespace is always connected, and is asked for as soon as the connection is open: whether the
//! server takes us is decided there, and the link is up when it did. Others are asked for as channels.
//!
//! What is told of a namespace before it is connected (what was missed, or what a server in Python says as
//! it connects us), or before anybody asked for it as a channel, is kept, and told after it: so that the
//! order is the one of every other wire.

use std::borrow::Cow;

use super::{Bookmark, Decoder, Event, Packet, Said, Says, To, Whole, ack, disconnect, payload};
use crate::engine::backend::SocketIo;
use crate::engine::http::{Call, Reply};
use crate::engine::ids::RequestId;
use crate::engine::limits::{HELD_BYTES_MAX, HELD_EVENTS_MAX};
use crate::engine::map::Map;
use crate::wire::carried::Door;
use crate::wire::engineio::{self, Fault, Frame, Open};
use crate::wire::json::{self, Raw, Text};
use crate::wire::token::{is_about_who, with_member};
use crate::wire::{
    self, Ask, Capabilities, CloseRule, Heard, Protocol, Recovery, Refusal, RoomCan, Want,
};

/// What is known of the namespaces of one person, over all connections, of which one is in use at a time.
#[derive(Debug)]
pub struct Session {
    with: SocketIo,
    decoder: Decoder,
    /// What the server said first on this connection.
    open: Option<Open>,
    /// The event by which the server says that it knows us came.
    known: bool,
    spaces: Map<Box<str>, Space>,
    news: Vec<Heard<'static>>,
}

#[derive(Debug, Default)]
struct Space {
    bookmark: Bookmark,
    place: Place,
    held: Vec<Whole<'static>>,
    held_bytes: usize,
    /// More was to be kept than may.
    lost: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Away,
    Asked,
    /// The server said yes, and is to say that it knows us.
    Taken(Recovery),
    /// It is connected, and nobody asked for it as a channel yet.
    Ready(Recovery),
    Connected,
}

impl Session {
    /// Nothing is connected, of a server of which this is known.
    pub fn new(with: &SocketIo) -> Self {
        Session {
            with: with.clone(),
            decoder: Decoder::default(),
            open: None,
            known: false,
            spaces: Map::new(),
            news: Vec::new(),
        }
    }

    /// There is a new connection: nothing is connected on it.
    pub fn begin(&mut self) {
        self.decoder = Decoder::default();
        self.open = None;
        self.known = false;
        self.news.clear();
        for space in self.spaces.values_mut() {
            space.leave();
        }
    }

    /// Another person is there.
    pub fn forget_user(&mut self) {
        self.spaces = Map::new();
        self.begin();
    }

    /// Asks for the namespace that is always connected.
    pub fn hello(&mut self, token: Option<&str>) -> String {
        let auth = self.auth(token);
        let namespace = self.with.namespace.clone();
        self.space(&namespace)
            .map(|space| space.ask(&namespace, auth.as_deref()))
            .unwrap_or_default()
    }

    /// Asks for a namespace as a channel. A server that is asked twice on a connection connects us twice,
    /// and tells everything twice.
    pub fn subscribe(&mut self, namespace: &str, token: Option<&str>) -> Ask {
        let auth = self.auth(token);
        let mut news = Vec::new();
        let Some(space) = self.space(namespace) else {
            return Ask::Unanswered;
        };
        let recovery = match space.place {
            Place::Away => return Ask::Say(space.ask(namespace, auth.as_deref())),
            Place::Asked | Place::Taken(_) => return Ask::Unanswered,
            Place::Ready(recovery) => recovery,
            // Whoever asks has not followed it.
            Place::Connected => Recovery::Impossible,
        };
        space.tell_all(namespace, recovery, &mut |heard| news.push(heard));
        self.news.append(&mut news);
        Ask::Known
    }

    /// What is known of what was asked for.
    pub fn news(&mut self) -> Vec<Heard<'static>> {
        std::mem::take(&mut self.news)
    }

    /// Gives a namespace back, and forgets it.
    pub fn unsubscribe(&mut self, namespace: &str) -> Option<String> {
        if namespace == &*self.with.namespace {
            if let Some(space) = self.spaces.get_mut(namespace)
                && space.place == Place::Connected
            {
                space.place = Place::Ready(Recovery::Impossible);
            }
            return None;
        }
        let space = self.spaces.remove(namespace)?;
        (space.place != Place::Away).then(|| disconnect(namespace))
    }

    /// Reads a frame. After a fault the connection is of no use.
    pub fn hear(&mut self, frame: Result<Frame<'_>, Fault>, heard: &mut Vec<Heard<'_>>) {
        let read = frame.and_then(|frame| self.read(frame, &mut |said| heard.push(said)));
        if let Err(fault) = read {
            heard.push(Heard::Broken(fault.text()));
        }
    }

    /// Reads a frame, and hands out what it means.
    pub fn read(
        &mut self,
        frame: Frame<'_>,
        each: &mut dyn FnMut(Heard<'static>),
    ) -> Result<(), Fault> {
        match self.decoder.push(frame)? {
            Some(Said::Open(open)) => {
                each(Heard::Opened {
                    session: open.session.clone(),
                    bytes_max: open.bytes_max,
                });
                self.open = Some(open);
            }
            Some(Said::Ping) => each(Heard::Ping { number: 0 }),
            Some(Said::Close) => each(Heard::GoAway { spread_ms: 0 }),
            Some(Said::Packet(whole)) => self.packet(whole, each)?,
            Some(Said::Probed | Said::Noop) | None => {}
        }
        Ok(())
    }

    fn packet(
        &mut self,
        whole: Whole<'_>,
        each: &mut dyn FnMut(Heard<'static>),
    ) -> Result<(), Fault> {
        let Packet { namespace, says } = whole.read()?;
        let main = namespace == &*self.with.namespace;
        // What comes of a namespace that was given back is nobody's.
        let Some(space) = self.spaces.get_mut(namespace) else {
            return Ok(());
        };
        match (space.place, says) {
            (Place::Asked, Says::Connected { pid, .. }) => {
                let recovery = space.bookmark.connected(pid.as_deref());
                if main {
                    space.place = Place::Taken(recovery);
                    self.enter(each);
                } else {
                    space.tell_all(namespace, recovery, each);
                }
            }
            (Place::Asked, Says::Refused { message, data }) => {
                space.leave();
                let refusal = refusal(namespace, message, data);
                each(match main {
                    true => Heard::TurnedAway(refusal),
                    false => Heard::Refused(refusal),
                });
            }
            (Place::Away, _) => {}
            (_, Says::Disconnected) => {
                space.leave();
                each(match main {
                    true => Heard::TurnedAway(Refusal {
                        request: None,
                        channel: Some(namespace.to_owned()),
                        code: "disconnected".to_owned(),
                        message: "the server ended the namespace".to_owned(),
                        retry_after_ms: None,
                    }),
                    false => Heard::Unsubscribed {
                        request: None,
                        channel: namespace.to_owned(),
                    },
                });
            }
            (Place::Connected, Says::Event(event)) => {
                space.tell(namespace, event, &whole.attachments, each);
            }
            (_, Says::Event(event)) => {
                let known_by = self.with.known_by.as_deref();
                self.known |= main && known_by == Some(&*event.name);
                space.hold(whole.into_owned());
                self.enter(each);
            }
            (_, _) => {}
        }
        Ok(())
    }

    /// The link is up as soon as the server took us, and said that it knows us if it does that.
    fn enter(&mut self, each: &mut dyn FnMut(Heard<'static>)) {
        let known = self.known || self.with.known_by.is_none();
        let (Some(open), Some(space)) = (&self.open, self.spaces.get_mut(&*self.with.namespace))
        else {
            return;
        };
        // Who was taken up again is known.
        if let Place::Taken(recovery) = space.place
            && (known || recovery == Recovery::Resumed)
        {
            space.place = Place::Ready(recovery);
            each(Heard::Welcome {
                ping_ms: open.ping_ms,
                timeout_ms: Some(open.timeout_ms),
                session: None,
                now_ms: None,
                ends: None,
                room: RoomCan::default(),
            });
        }
    }

    fn space(&mut self, namespace: &str) -> Option<&mut Space> {
        if !self.spaces.contains(namespace) {
            self.spaces.insert(namespace.into(), Space::default());
        }
        self.spaces.get_mut(namespace)
    }

    /// What the app's server is told: what the app wants told, and the token.
    fn auth(&self, token: Option<&str>) -> Option<String> {
        with_member(
            self.with.auth.as_deref(),
            token.map(|token| ("token", token)),
        )
    }
}

impl Protocol for Session {
    fn capabilities(&self) -> Capabilities {
        super::CAPABILITIES
    }

    fn closes(&self) -> &'static [CloseRule] {
        engineio::CLOSES
    }

    fn begin(&mut self) {
        Session::begin(self);
    }

    fn hello(&mut self, token: Option<&str>) -> String {
        Session::hello(self, token)
    }

    fn read<'a>(&mut self, frame: &'a [u8], heard: &mut Vec<Heard<'a>>) {
        self.hear(Frame::text(frame), heard);
    }

    fn ask(&mut self, want: &Want<'_>) -> Ask {
        self.subscribe(want.channel, want.token)
    }

    fn give_back(&mut self, _id: RequestId, channel: &str) -> Option<String> {
        self.unsubscribe(channel)
    }

    fn news(&mut self) -> Vec<Heard<'static>> {
        Session::news(self)
    }

    fn forget_user(&mut self) {
        Session::forget_user(self);
    }

    fn socket_url(&self, url: &str, _token: Option<&str>) -> String {
        engineio::address(url, true, None)
    }

    fn read_bytes<'a>(&mut self, frame: &'a [u8], heard: &mut Vec<Heard<'a>>) {
        self.hear(Ok(Frame::binary(frame)), heard);
    }

    fn pong(&self) -> String {
        engineio::PONG.to_owned()
    }

    fn call(&mut self, url: &str, door: Door<'_>, _token: Option<&str>) -> Option<Call> {
        Some(engineio::call(url, door))
    }

    fn status(&self, reply: &Reply<'_>) -> u16 {
        match reply.status {
            status @ (400 | 403) => engineio::read_error(reply.body).unwrap_or(status),
            status => status,
        }
    }

    fn body_type(&self) -> &'static str {
        engineio::BODY_TYPE
    }

    fn read_body<'a>(&mut self, body: &'a [u8], heard: &mut Vec<Heard<'a>>) {
        let read = engineio::read_body(body, &mut |frame| {
            self.read(frame, &mut |said| heard.push(said))
        });
        if let Err(fault) = read {
            heard.push(Heard::Broken(fault.text()));
        }
    }
}

impl Space {
    fn ask(&mut self, namespace: &str, auth: Option<&str>) -> String {
        self.place = Place::Asked;
        let auth = auth.and_then(|auth| json::parse(auth).ok());
        self.bookmark.connect(namespace, auth)
    }

    fn leave(&mut self) {
        self.place = Place::Away;
        self.held.clear();
        self.held_bytes = 0;
        self.lost = false;
    }

    fn hold(&mut self, whole: Whole<'static>) {
        self.held_bytes = self.held_bytes.saturating_add(whole.size());
        if self.held.len() == HELD_EVENTS_MAX || self.held_bytes > HELD_BYTES_MAX {
            self.lost = true;
        }
        if self.lost {
            self.held.clear();
        } else {
            self.held.push(whole);
        }
    }

    /// The namespace is connected, and this was told of it.
    fn tell_all(
        &mut self,
        namespace: &str,
        recovery: Recovery,
        each: &mut dyn FnMut(Heard<'static>),
    ) {
        let recovery = match self.lost {
            true => Recovery::Impossible,
            false => recovery,
        };
        let held = std::mem::take(&mut self.held);
        self.leave();
        self.place = Place::Connected;
        each(Heard::Subscribed {
            request: None,
            channel: namespace.to_owned(),
            position: None,
            recovery,
        });
        for whole in &held {
            if let Ok(Packet {
                says: Says::Event(event),
                ..
            }) = whole.read()
            {
                self.tell(namespace, event, &whole.attachments, each);
            }
        }
    }

    fn tell(
        &mut self,
        namespace: &str,
        mut event: Event<'_>,
        attachments: &[Vec<u8>],
        each: &mut dyn FnMut(Heard<'static>),
    ) {
        self.bookmark.passed(&mut event);
        each(Heard::Event(wire::Event {
            channel: Cow::Owned(namespace.to_owned()),
            seq: None,
            name: Cow::Owned(event.name.clone().into_owned()),
            data: Cow::Owned(payload(&event, attachments)),
            by: None,
            at: None,
            #[cfg(feature = "phoenix")]
            id: None,
        }));
        // Who wants to know that it came may wait for the word.
        if let Some(id) = event.id {
            let to = To {
                id: Some(id),
                ..To::namespace(namespace)
            };
            each(Heard::Say(ack(&to, &[])));
        }
        if event.is_authenticated() {
            each(Heard::Authorized {
                request: None,
                ends: None,
            });
        }
    }
}

/// A refusal in our words. What is not known may be a passing trouble.
fn refusal(namespace: &str, message: Cow<'_, str>, data: Raw<'_>) -> Refusal {
    let code = data.member("code");
    let code = match (code.and_then(Raw::integer), code.and_then(Raw::string)) {
        (Some(401), _) => Cow::Borrowed("unauthorized"),
        (Some(403), _) => Cow::Borrowed("forbidden"),
        (None, Some(code)) => Text::decode(code),
        // The libraries' own words, in Node and in Python, for a namespace that there is none of.
        _ if matches!(&*message, "Invalid namespace" | "Unable to connect") => {
            Cow::Borrowed("not_found")
        }
        _ if is_about_who(&message) => Cow::Borrowed("unauthorized"),
        _ => Cow::Borrowed("internal"),
    };
    Refusal {
        request: None,
        channel: Some(namespace.to_owned()),
        code: code.into_owned(),
        message: message.into_owned(),
        retry_after_ms: None,
    }
}
