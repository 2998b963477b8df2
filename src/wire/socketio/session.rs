//! What is said over Socket.IO in the words of every wire: a channel is a namespace.
//!
//! What is told of a namespace before it is connected (what was missed, or what a server in Python says as
//! it connects us) is kept, and told after it: so that the order is the one of every other wire.

use std::borrow::Cow;

use super::{Bookmark, Decoder, Event, Packet, Said, Says, Whole, disconnect};
use crate::engine::limits::{HELD_BYTES_MAX, HELD_EVENTS_MAX};
use crate::engine::map::Map;
use crate::wire::engineio::{Fault, Frame};
use crate::wire::json::{Raw, Text};
use crate::wire::{self, Heard, Recovery, Refusal, RoomCan};

/// What is known of the namespaces of one person, over all connections, of which one is in use at a time.
#[derive(Debug, Default)]
pub struct Session {
    decoder: Decoder,
    spaces: Map<Box<str>, Space>,
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
    Connected,
}

impl Session {
    /// There is a new connection: nothing is connected on it.
    pub fn begin(&mut self) {
        self.decoder = Decoder::default();
        for space in self.spaces.values_mut() {
            space.leave();
        }
    }

    /// Asks for a namespace. Nothing is to be said if that was done on this connection: a server that is asked
    /// twice connects us twice, and tells everything twice.
    pub fn subscribe(&mut self, namespace: &str, auth: Option<Raw<'_>>) -> Option<String> {
        if !self.spaces.contains(namespace) {
            self.spaces.insert(namespace.into(), Space::default());
        }
        let space = self.spaces.get_mut(namespace)?;
        if space.place != Place::Away {
            return None;
        }
        space.place = Place::Asked;
        Some(space.bookmark.connect(namespace, auth))
    }

    /// Gives a namespace back, and forgets it.
    pub fn unsubscribe(&mut self, namespace: &str) -> Option<String> {
        let space = self.spaces.remove(namespace)?;
        (space.place != Place::Away).then(|| disconnect(namespace))
    }

    /// Reads a frame. After a fault the connection is of no use.
    pub fn read(&mut self, frame: Frame<'_>, each: &mut dyn FnMut(Heard<'_>)) -> Result<(), Fault> {
        match self.decoder.push(frame)? {
            Some(Said::Open(open)) => each(Heard::Welcome {
                ping_ms: open.ping_ms,
                session: Some(open.session),
                now_ms: None,
                ends_ms: None,
                room: RoomCan::default(),
            }),
            Some(Said::Ping) => each(Heard::Ping { number: 0 }),
            Some(Said::Close) => each(Heard::GoAway { spread_ms: 0 }),
            Some(Said::Packet(whole)) => self.packet(whole, each)?,
            Some(Said::Probed | Said::Noop) | None => {}
        }
        Ok(())
    }

    fn packet(&mut self, whole: Whole<'_>, each: &mut dyn FnMut(Heard<'_>)) -> Result<(), Fault> {
        let Packet { namespace, says } = whole.read()?;
        // What comes of a namespace that was given back is nobody's.
        let Some(space) = self.spaces.get_mut(namespace) else {
            return Ok(());
        };
        match (space.place, says) {
            (Place::Asked, Says::Connected { pid, .. }) => {
                space.connected(namespace, pid.as_deref(), each);
            }
            (Place::Asked, Says::Refused { message, data }) => {
                space.leave();
                each(Heard::Refused(refusal(namespace, message, data)));
            }
            (Place::Asked | Place::Connected, Says::Disconnected) => {
                space.leave();
                each(Heard::Unsubscribed {
                    request: None,
                    channel: namespace.to_owned(),
                });
            }
            (Place::Asked, Says::Event(_)) => space.hold(whole.into_owned()),
            (Place::Connected, Says::Event(event)) => space.tell(namespace, event, each),
            (Place::Away | Place::Asked | Place::Connected, _) => {}
        }
        Ok(())
    }
}

impl Space {
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

    fn connected(&mut self, namespace: &str, pid: Option<&str>, each: &mut dyn FnMut(Heard<'_>)) {
        let mut recovery = self.bookmark.connected(pid);
        if self.lost {
            recovery = Recovery::Impossible;
        }
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
                self.tell(namespace, event, each);
            }
        }
    }

    fn tell(&mut self, namespace: &str, mut event: Event<'_>, each: &mut dyn FnMut(Heard<'_>)) {
        self.bookmark.passed(&mut event);
        each(Heard::Event(wire::Event {
            channel: Cow::Borrowed(namespace),
            seq: None,
            name: Cow::Borrowed(&event.name),
            data: event.payload().text(),
            by: None,
            at: None,
        }));
        if event.is_authenticated() {
            each(Heard::Authorized {
                request: None,
                ends_ms: None,
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
