//! The room: who is there, who types, and who may edit which field.
//!
//! Every tab has its own view ([`People`]) and its own wishes ([`Mine`], [`Leases`]); the leader
//! has a [`Desk`] besides, where the wishes of all tabs of the browser become what one client says
//! to the server. A wish goes to the desk of the leader, a [`Word`] comes back; whether both are
//! the same tab makes no difference here. It knows no wire, no link and no tab messages.
//!
//! Nothing here is needed for freshness, so all of it may be lost: it is told anew on every link
//! and to every leader (G5), it is bounded (G10, G12), and it ends with the principal (G9).

pub mod desk;
mod guard;
pub mod leases;
pub mod mine;
pub mod people;
pub mod talk;

pub use desk::{Desk, Step as Deed};
pub use leases::{Ask, Fence, Field, Held, State, Why};
pub use mine::Show;
pub use people::Told;
pub use talk::{
    Call, Part, Signal, Wish, Word, call, field, holder, is_signal_name, meta, name, signal, ttl,
};

use std::rc::Rc;

use self::leases::{Input, Leases};
use self::mine::Mine;
use self::people::People;
use super::limits::CHANNELS_MAX;
use super::time::{Millis, Mono};
use crate::wire::json::Writer;

/// Whether this module has rooms.
pub const HERE: bool = true;

/// The room as one tab has it.
#[derive(Debug)]
pub struct Room {
    mine: Mine,
    people: People,
    leases: Leases,
    /// What the server cannot do: it was said, and is not said again on this link.
    unable: Vec<Part>,
    out: Vec<Step>,
}

/// What the room wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Give this to the leader's desk.
    Wish(Wish),
    /// The app is to know who is there.
    People(Told),
    /// The app is to know how a field stands.
    Lease(Field, State),
    /// Somebody said something for the moment.
    Signal(Signal),
    /// The server, or its protocol, cannot do what was asked for.
    Unable(Part),
    /// The server does not let this person onto a channel.
    Barred {
        /// The channel.
        channel: Rc<str>,
        /// Why, as a word.
        code: Rc<str>,
    },
}

/// There is as much as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMuch;

/// What the user does with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Wants to edit it.
    Take,
    /// Edits it.
    Edit,
    /// Is done with it.
    Release,
}

impl Room {
    /// An empty room.
    pub fn new(now: Mono) -> Self {
        Room {
            mine: Mine::new(now),
            people: People::default(),
            leases: Leases::default(),
            unable: Vec::new(),
            out: Vec::new(),
        }
    }

    /// This tab is on a channel and shows itself so.
    pub fn show(&mut self, channel: &str, show: Show) -> Result<(), TooMuch> {
        if !self.mine.is_on(channel) && self.mine.channels() >= CHANNELS_MAX {
            return Err(TooMuch);
        }
        for part in [Part::Presence, Part::Shows] {
            if self.unable.contains(&part) && (part == Part::Presence || show != Show::Nothing) {
                self.out.push(Step::Unable(part));
            }
        }
        let channel: Rc<str> = channel.into();
        self.people.enter(Rc::clone(&channel));
        self.mine.show(channel, show);
        Ok(())
    }

    /// Is this tab on that channel?
    pub fn is_on(&self, channel: &str) -> bool {
        self.mine.is_on(channel)
    }

    /// The channels that this tab is on.
    pub fn channels(&self) -> impl Iterator<Item = &Rc<str>> {
        self.mine.names()
    }

    /// This tab says something for the moment. Nobody hears it from where it is not.
    pub fn signal(&mut self, channel: &str, name: &str, data: Rc<str>) -> Result<(), TooMuch> {
        if !self.mine.is_on(channel) || self.mine.signal(channel, name, data) {
            return Ok(());
        }
        Err(TooMuch)
    }

    /// This tab leaves a channel.
    pub fn leave(&mut self, channel: &str) {
        if self.mine.leave(channel) {
            self.people.leave(channel);
            let channel = channel.into();
            self.out.push(Step::Wish(Wish::Absent { channel }));
        }
    }

    /// Somebody is at the tab.
    pub fn used(&mut self, now: Mono) {
        self.mine.used(now);
    }

    /// The page can be seen, or cannot.
    pub fn visible(&mut self, now: Mono, visible: bool) {
        self.mine.visible(now, visible);
    }

    /// Somebody types in a field; nowhere if nothing.
    pub fn typing(&mut self, now: Mono, channel: &str, field: Option<&str>) {
        if self.unable.contains(&Part::Typing) {
            self.mine.used(now);
        } else {
            self.mine.typing(now, channel, field);
        }
    }

    /// The user does something with a field.
    pub fn lease(&mut self, now: Mono, field: Field, what: Use) -> Result<(), TooMuch> {
        let input = match what {
            Use::Take => Input::Take,
            Use::Edit => Input::Edit,
            Use::Release => Input::Release,
        };
        self.leases.on(now, field, input).map_err(|_| TooMuch)
    }

    /// The leader says something.
    pub fn hear(&mut self, now: Mono, word: Word) {
        let (field, input) = match word {
            Word::Relinked => {
                self.link(now, true);
                return;
            }
            Word::Unable(part) => {
                if !self.unable.contains(&part) {
                    self.unable.push(part);
                    if part == Part::Typing {
                        self.mine.type_unseen();
                    }
                    self.out.push(Step::Unable(part));
                }
                return;
            }
            Word::Barred { channel, code } => {
                if self.mine.is_on(&channel) {
                    self.out.push(Step::Barred { channel, code });
                }
                return;
            }
            Word::Signal(signal) => {
                if self.mine.is_on(&signal.channel) {
                    self.out.push(Step::Signal(signal));
                }
                return;
            }
            Word::People {
                channel,
                full,
                you,
                join,
                leave,
            } => {
                if let Some(you) = you {
                    self.people.seen_as(&channel, you);
                }
                self.people.hear(now, &channel, full, join, leave);
                return;
            }
            Word::Granted {
                field,
                ask,
                fence,
                ttl,
            } => (field, Input::Granted { ask, fence, ttl }),
            Word::Denied { field, ask, locked } => (field, Input::Denied { ask, locked }),
            Word::Changed {
                field,
                fence,
                holder: Some(holder),
                ttl,
            } => (field, Input::Taken { fence, holder, ttl }),
            Word::Changed {
                field,
                fence,
                holder: None,
                ..
            } => (field, Input::Freed { fence }),
        };
        // Only what the user begins can be too much; the rest makes no new field, or room for it.
        let _ = self.leases.on(now, field, input);
    }

    /// There is a link now, by this tab or another, or there is none any more. Again when another
    /// tab leads or the link is another one: whoever is there now knows nothing of this tab.
    pub fn link(&mut self, now: Mono, up: bool) {
        self.leases.link(now, up);
        self.people.link_changed();
        self.unable.clear();
        if up {
            self.mine.tell_all();
        } else {
            self.mine.drop_signals();
        }
    }

    /// Another tab leads than before.
    pub fn new_leader(&mut self) {
        self.mine.begin_anew();
    }

    /// The machine slept for so long, and this clock stood still meanwhile.
    pub fn slept(&mut self, span: Millis) {
        self.leases.slept(span);
    }

    /// Everything is given back: the page is put away, closed, or another principal's.
    pub fn end(&mut self, now: Mono) {
        self.leases.release_all(now);
    }

    /// Time passed.
    pub fn tick(&mut self, now: Mono) {
        self.leases.tick(now);
        self.people.tick(now);
    }

    /// What is to be done now.
    pub fn due(&mut self, now: Mono, linked: bool) -> Vec<Step> {
        let mut out = std::mem::take(&mut self.out);
        while let Some(step) = self.leases.poll() {
            out.push(match step {
                leases::Step::Say(field, leases::Say::Ask { ask, fence }) => {
                    Step::Wish(Wish::Lock { field, ask, fence })
                }
                leases::Step::Say(field, leases::Say::GiveBack { fence }) => {
                    Step::Wish(Wish::Unlock { field, fence })
                }
                leases::Step::Tell(field, state) => Step::Lease(field, state),
            });
        }
        if linked {
            let mut wishes = self.mine.due(now);
            let mute = self.unable.contains(&Part::Presence);
            wishes.retain(|wish| !mute || wish.part() != Part::Presence);
            out.extend(wishes.into_iter().map(Step::Wish));
        }
        out.extend(self.people.due(now).into_iter().map(Step::People));
        out
    }

    /// When something is to be done, if nothing else happens.
    pub fn next_wakeup(&self, linked: bool) -> Option<Mono> {
        let mine = self.mine.next_wakeup().filter(|_| linked);
        let parts = [mine, self.people.next_wakeup(), self.leases.next_wakeup()];
        parts.into_iter().flatten().min()
    }

    /// Who is there and how fields stand, as the npm package reads it.
    pub fn write(&self, w: &mut Writer) {
        w.object(|w| {
            w.key("channels").array(|w| self.people.write(w));
            w.key("leases").array(|w| {
                for (field, state) in self.leases.iter() {
                    w.object(|w| state.write_members(field, w));
                }
            });
        });
    }

    /// Nobody is anywhere any more: what the app is to be told of that.
    pub fn emptied(&self) -> Vec<Step> {
        let people = self.people.emptied().into_iter().map(Step::People);
        let fields = self.leases.iter();
        let fields = fields.map(|(field, _)| Step::Lease(field.clone(), State::Free));
        people.chain(fields).collect()
    }
}
