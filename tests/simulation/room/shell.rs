//! How the room gets between the tabs and the server of a world, and what the app is told.

use everfresh::engine::notice::{FaultCode, Notice};
use everfresh::engine::room::{Held, State};
use everfresh::wire::json::{self, Raw, Text};

use crate::app::channel_index;
use crate::promises::Promise;
use crate::room::person::{Person, Stands, read_people, read_typing};
use crate::room::server::Noted;
use crate::room::{Due, field_index};
use crate::sometimes::Rare;
use crate::story::tell;
use crate::world::{Happening, World};

impl World {
    /// A tab opens.
    pub(crate) fn room_opens(&mut self) {
        self.room.persons.push(Person::default());
    }

    /// A tab is over.
    pub(crate) fn room_ends(&mut self, tab: usize) {
        self.room.persons[tab] = Person::default();
        self.room.keepers.remove(&tab);
    }

    /// A frame reaches the server. True if it is about the room.
    pub(crate) fn room_hears(&mut self, socket: usize, frame: &str) -> bool {
        let message = json::parse(frame).unwrap_or(Raw::NULL);
        let text = |name| message.member(name).and_then(Raw::string).map(Text::decode);
        let tab = self.sockets[socket].tab;
        match text("t").as_deref() {
            Some("hello") => {
                let user = &self.room.shape.users[self.tabs[tab].seat.browser];
                let client = text("client").unwrap_or_default().into_owned();
                self.room.server.meets(socket, client, user.clone());
                false
            }
            Some("pres" | "sig" | "lock" | "unlock") if self.server.knows(socket) => {
                if self.sockets[socket].down.hole {
                    self.room.server.is_unheard(socket);
                }
                let chance = &mut self.room.chance;
                match self.room.server.heard(self.now, socket, frame, chance) {
                    Ok(does) => self.server_does(does),
                    Err(mut broken) => {
                        broken.how = format!("{}: {}", self.name(tab), broken.how);
                        self.broken(broken);
                    }
                }
                for noted in std::mem::take(&mut self.room.server.noted) {
                    self.note_in_room(noted);
                }
                true
            }
            _ => false,
        }
    }

    fn note_in_room(&mut self, noted: Noted) {
        self.sometimes.reached(match noted {
            Noted::Locked => Rare::FieldTaken,
            Noted::Stale => Rare::LeaseTooOld,
            Noted::Revived => Rare::LeaseCameBack,
            Noted::HandedOn => Rare::LeaseHandedOn,
            Noted::Anew => Rare::LeaseGivenAnew,
            Noted::Overloaded => Rare::PresenceLimited,
            Noted::Forbidden => Rare::PresenceForbidden,
            Noted::InParts => Rare::CrowdInParts,
            Noted::Silent => Rare::SilentGone,
            Noted::Forgot => Rare::LeasesForgotten,
        });
    }

    /// The server finds out what it lost, and when it has something to do next.
    pub(crate) fn arm_room(&mut self) {
        let stopped = !self.server.up;
        if stopped && !self.room.server.sockets().is_empty() {
            let keeps = self.room.chance.below(3) > 0;
            self.room.server.stop(keeps);
        }
        for socket in self.room.server.sockets() {
            if !self.server.knows(socket) {
                self.room.server.lost(self.now, socket);
            }
        }
        if let Some(at) = self.room.server.next_wakeup()
            && at < self.room.due
            && !stopped
        {
            self.room.due = at.max(self.now + 1);
            let due = Happening::Room(Due::Server);
            self.agenda.add(self.room.due, due);
        }
        for noted in std::mem::take(&mut self.room.server.noted) {
            self.note_in_room(noted);
        }
    }

    /// The app is told something about the room.
    pub(crate) fn hear_of_room(&mut self, tab: usize, notice: &Notice) {
        if self.tabs[tab].life == crate::tab::Life::Gone {
            return;
        }
        match notice {
            Notice::People(told) => {
                tell!(self, "{} is told: {told:?}", self.name(tab));
                let people = read_people(&told.people);
                let typing = match &told.typing {
                    Some(typing) => read_typing(typing).map(Some),
                    None => Some(None),
                };
                let channel = channel_index(&told.channel);
                let (Some(channel), Some(people), Some(typing)) = (channel, people, typing) else {
                    let how = format!("{} is told what no app can read: {told:?}", self.name(tab));
                    return self.fail(Promise::G12, how);
                };
                self.check_seen(tab, channel, &people);
                let person = &mut self.room.persons[tab];
                person.people.insert(channel, people);
                if let Some(typing) = typing {
                    if !typing.is_empty() {
                        self.sometimes.reached(Rare::TypingSeen);
                    }
                    person.typing.insert(channel, typing);
                }
            }
            Notice::Lease(field, state) => {
                tell!(
                    self,
                    "{} is told: field {} is {state:?}",
                    self.name(tab),
                    field.name
                );
                if let Some(field) = field_index(&field.name) {
                    self.told_of_field(tab, field, state);
                }
            }
            Notice::Signal(signal) => {
                self.sometimes.reached(Rare::SignalHeard);
                tell!(self, "{} is told: {signal:?}", self.name(tab));
                let channel = channel_index(&signal.channel);
                let on = &self.room.persons[tab].on;
                if channel.is_none_or(|channel| !on.contains_key(&channel)) {
                    let how = format!("{} hears a signal of where it is not", self.name(tab));
                    self.fail(Promise::G9, how);
                }
            }
            Notice::Fault(fault) if fault.code == FaultCode::Unsupported => {
                self.sometimes.reached(Rare::RoomNotSupported);
                self.room.persons[tab].unable = true;
            }
            Notice::Fault(fault) if fault.code == FaultCode::Refused => {
                self.room.persons[tab].barred |= fault.message.contains("presence");
            }
            _ => {}
        }
    }

    fn told_of_field(&mut self, tab: usize, field: usize, state: &State) {
        let stands = match state {
            State::Free => Stands::Free,
            State::Asking { .. } => Stands::Asking,
            State::Held(Held { fence, .. }) => Stands::Held(fence.0),
            State::Lost(_) => Stands::Lost,
            State::Other { .. } => Stands::Other,
        };
        self.room.told.insert(field, self.now);
        let before = self.room.persons[tab].fields.insert(field, stands);
        match (before, stands) {
            (Some(Stands::Held(_)), Stands::Lost) => self.sometimes.reached(Rare::LeaseLost),
            (_, Stands::Held(fence)) => {
                self.sometimes.reached(Rare::LeaseGranted);
                self.check_one_holds(tab, field, fence);
            }
            _ => {}
        }
    }
}
