//! What the room and the other parts say to each other: a tab's wishes go to the desk of whoever
//! leads, the desk speaks to the server for all tabs of the browser, and what the server says goes
//! back to those whom it concerns.

use std::borrow::Cow;
use std::rc::Rc;

use super::Engine;
use super::ids::TabId;
use super::journal::What;
use super::limits::{LEASE_TTL, LEASE_TTL_MAX, WHO_BYTES_MAX};
use super::notice::{FaultCode, Notice};
use super::room::{self, Call, Deed, Desk, Fence, Field, Room, Show, TooMuch, Use, Wish, Word};
use super::status::Status;
use super::tabs::Role;
use super::tabs::message::Says;
use super::time::{Millis, Now};
use crate::wire::Shown;
use crate::wire::json::{Raw, Writer};
use crate::wire::native_room::{self, Said};

impl Engine {
    // The app.

    /// This tab is on a channel, and shows itself there.
    pub(super) fn on_join(&mut self, now: Now, channel: &str, show: Show) {
        let new = !self.room.is_on(channel);
        match self.room.show(channel, show) {
            Err(TooMuch) => self.fault(FaultCode::Limit, "on more channels than a tab may be"),
            Ok(()) if new && self.is_kept() => {
                // The leader is to know that somebody looks before it asks for the channel.
                self.room_steps(now);
                self.watch(now, channel);
            }
            Ok(()) => {}
        }
    }

    /// This tab is not on a channel any more.
    pub(super) fn on_leave(&mut self, now: Now, channel: &str) {
        if self.room.is_on(channel) && self.is_kept() {
            self.channels.unwatch(now.mono, channel);
        }
        self.room.leave(channel);
    }

    /// Is who is there part of a channel that is had, whichever tab has the link?
    fn is_kept(&self) -> bool {
        self.wires.link.capabilities().room.presence.is_kept()
    }

    /// This tab says something to the others who are there now.
    pub(super) fn on_signal(&mut self, call: Call) {
        if let Err(TooMuch) = self.room.signal(&call.channel, &call.name, call.data) {
            self.fault(FaultCode::Limit, "more signals than a tab may send at once");
        }
    }

    /// The user does something with a field.
    pub(super) fn on_lease(&mut self, now: Now, field: Field, what: Use) {
        if let Err(TooMuch) = self.room.lease(now.mono, field, what) {
            self.fault(FaultCode::Limit, "more fields than a tab may hold");
        }
    }

    // The link.

    /// The desk of this browser has a connection, or lost it.
    pub(super) fn desk_link(&mut self, now: Now, up: bool) {
        self.desk.link(up.then_some(self.room_can));
        self.room_link(now, up);
        if up {
            self.tell_room(None, &Word::Relinked);
        }
    }

    /// The leader said how its link stands. A leader that is new to us knows nothing of this tab.
    pub(super) fn room_follows(&mut self, now: Now, new: bool) {
        let up = self.tabs.leader_status().is_some_and(Status::has_link);
        if new {
            self.room.new_leader();
        }
        if new || up != self.room_up {
            self.room_link(now, up);
        }
    }

    /// Somebody in this browser has a connection now, or nobody has.
    pub(super) fn room_link(&mut self, now: Now, up: bool) {
        self.room_up = up;
        self.room.link(now.mono, up);
    }

    /// The server said something about the room.
    pub(super) fn on_room(&mut self, now: Now, said: Said<'_>) {
        // What was said before it is heard before it: that a field is refused, and then who has it.
        self.desk_deeds(now);
        if let Said::People {
            channel,
            full: true,
            ..
        } = &said
        {
            self.desk.everybody_told(channel);
        }
        let word = match said {
            Said::Granted {
                request,
                fence,
                ttl_ms,
            } => {
                let ttl = Millis(ttl_ms).min(LEASE_TTL_MAX);
                self.desk.granted(now.mono, request, Fence(fence), ttl);
                return;
            }
            Said::Signal {
                channel,
                name,
                from,
                user,
                data,
            } => {
                let Some(data) = room::signal(data).filter(|_| room::is_signal_name(&name)) else {
                    return self.fault(FaultCode::BadFrame, "a signal is too large");
                };
                Word::Signal(room::Signal {
                    channel: channel.as_ref().into(),
                    name: name.as_ref().into(),
                    from: who(from, user),
                    data,
                })
            }
            Said::People {
                channel,
                full,
                you,
                join,
                leave,
            } => Word::People {
                channel: channel.as_ref().into(),
                full,
                you: you
                    .filter(|you| you.len() <= WHO_BYTES_MAX)
                    .map(|you| you.as_ref().into()),
                join: join.as_ref().into(),
                leave: leave.as_ref().into(),
            },
            Said::Changed {
                channel,
                field,
                fence,
                holder,
                ttl_ms,
            } => {
                let Some(field) = room::field(&channel, &field) else {
                    return self.fault(FaultCode::BadFrame, "a field without a name");
                };
                Word::Changed {
                    field,
                    fence: Fence(fence),
                    holder: room::holder(holder),
                    ttl: Millis(ttl_ms).min(LEASE_TTL_MAX),
                }
            }
        };
        self.tell_room(None, &word);
        self.room.hear(now.mono, word);
    }

    /// The page is put away or closed, or another person is there: what this tab has is given back
    /// while somebody can hear it. Those who are left say the rest.
    pub(super) fn stop_room(&mut self, now: Now) {
        self.room.end(now.mono);
        self.room_steps(now);
        if self.tabs.has_link() {
            let me = self.tabs.me();
            self.desk.forget_tab(me);
            self.room_steps(now);
        }
        self.desk.clear();
        self.room_link(now, false);
    }

    // The other tabs.

    /// Another tab wants something of this tab's desk.
    pub(super) fn on_wish(&mut self, now: Now, from: TabId, text: &str) {
        match Wish::read(text) {
            Some(wish) if self.tabs.knows(from) => self.desk.hear(now.mono, from, wish),
            // It is asked who it is, and tells all again when it follows.
            Some(_) => {}
            None => self.fault(
                FaultCode::BadTabMessage,
                "a wish of another tab is not ours",
            ),
        }
    }

    /// The leader says what is new in the room.
    pub(super) fn on_word_of_room(&mut self, now: Now, text: &str) {
        match Word::read(text) {
            Some(Word::Relinked) => self.room_link(now, true),
            Some(word) => {
                if let Word::Granted { .. } | Word::Denied { .. } = word {
                    self.tabs.has_answer();
                }
                self.room.hear(now.mono, word);
            }
            None => self.fault(FaultCode::BadTabMessage, "a word of the leader is not ours"),
        }
    }

    fn tell_room(&mut self, to: Option<TabId>, word: &Word) {
        if let Some(term) = self.lead_term()
            && self.tabs.count() > 1
        {
            let word = Cow::Owned(word.write());
            self.post(Says::Room { term, to, word });
        }
    }

    // What is to be done.

    /// Time passed.
    pub(super) fn tick_room(&mut self, now: Now) {
        self.room.tick(now.mono);
        self.room_steps(now);
    }

    /// Does what the room and the desk want done. What one does may make the other want something.
    pub(super) fn room_steps(&mut self, now: Now) {
        loop {
            let steps = self.room.due(now.mono, self.room_up);
            let mut idle = steps.is_empty();
            for step in steps {
                self.room_step(now, step);
            }
            self.desk.tick(now.mono);
            idle &= !self.desk_deeds(now);
            if idle {
                break;
            }
        }
        self.link_steps(now);
    }

    /// Does what the desk wants done. True if it wanted anything.
    fn desk_deeds(&mut self, now: Now) -> bool {
        let mut any = false;
        while let Some(deed) = self.desk.poll() {
            any = true;
            self.desk_deed(now, deed);
        }
        any
    }

    fn room_step(&mut self, now: Now, step: room::Step) {
        match step {
            room::Step::People(told) => self.tell(Notice::People(told)),
            room::Step::Lease(field, state) => {
                self.note_lease(&field, &state);
                self.tell(Notice::Lease(field, state));
            }
            room::Step::Signal(signal) => self.tell(Notice::Signal(signal)),
            room::Step::Unable(part) => self.fault(
                FaultCode::Unsupported,
                ["this server has no ", part.text()].concat(),
            ),
            room::Step::Barred { channel, code } => {
                let message = [&*code, ": presence (channel ", &*channel, ")"].concat();
                self.fault(FaultCode::Refused, message);
            }
            room::Step::Wish(wish) => match self.tabs.role() {
                Role::Leading(_) | Role::Alone(_) => {
                    let me = self.tabs.me();
                    self.desk.hear(now.mono, me, wish);
                }
                // Who leads next is told all again.
                Role::Following | Role::Away => {
                    self.post(Says::Wish(wish.write().into()));
                    if let Wish::Lock { .. } = wish {
                        self.tabs.expects_answer(now);
                    }
                }
            },
        }
    }

    fn desk_deed(&mut self, now: Now, deed: Deed) {
        match deed {
            Deed::Show {
                channel,
                data,
                anonymous,
                everybody,
            } => {
                let id = self.next_request();
                let text = self.wires.link.show(&Shown {
                    id,
                    channel: &channel,
                    data: data.as_deref(),
                    anonymous,
                    everybody,
                    tab: &self.tabs.me().text(),
                });
                self.desk.shown(id, channel);
                self.say(now, text);
            }
            Deed::Look { channel, everybody } => self.look(now, &channel, everybody),
            Deed::Signal {
                channel,
                name,
                data,
            } => self.send(now, native_room::signal(&channel, &name, &data)),
            Deed::Leave { channel } => {
                let text = self.wires.link.leave(&channel);
                self.say(now, text);
            }
            Deed::Lock {
                tab,
                field,
                ask,
                fence,
            } => {
                let id = self.next_request();
                let fence = fence.map(|fence| fence.0);
                let (channel, name) = (Rc::clone(&field.channel), Rc::clone(&field.name));
                self.desk.asked(id, tab, field, ask);
                let ttl = LEASE_TTL.0;
                self.send(now, native_room::lock(id, &channel, &name, ttl, fence));
            }
            Deed::Unlock { field, fence } => {
                let text = native_room::unlock(&field.channel, &field.name, fence.0);
                self.send(now, text);
            }
            Deed::Tell(tab, word) if tab == self.tabs.me() => self.room.hear(now.mono, word),
            Deed::Tell(tab, word) => self.tell_room(Some(tab), &word),
        }
    }

    /// Somebody here looks who is on a channel.
    fn look(&mut self, now: Now, channel: &str, everybody: bool) {
        #[cfg(feature = "other")]
        {
            let me = self.tabs.me().text();
            let text = self.wires.link.look(channel, &me, everybody);
            self.say(now, text);
            if let Some(conn) = self.link.live() {
                self.on_news(now, conn);
            }
        }
        #[cfg(not(feature = "other"))]
        let _ = (now, channel, everybody);
    }

    fn say(&mut self, now: Now, text: Option<String>) {
        if let Some(text) = text {
            self.send(now, text);
        }
    }

    fn note_lease(&mut self, field: &Field, state: &room::State) {
        let name = self.journal.name(&field.name);
        let what = state.text();
        self.journal.note(What::Room { what, name });
    }

    /// Who is there and how fields stand, as JSON text.
    pub fn room(&self) -> String {
        let mut writer = Writer::new();
        self.room.write(&mut writer);
        writer.finish()
    }

    /// Another person is there: nobody is where this one was.
    pub(super) fn forget_room(&mut self, now: Now) {
        let emptied = self.room.emptied();
        if self.is_kept() {
            for channel in self.room.channels() {
                self.channels.unwatch(now.mono, channel);
            }
        }
        self.room = Room::new(now.mono);
        self.room.visible(now.mono, self.tabs.visible());
        self.desk = Desk::default();
        self.room_up = false;
        for step in emptied {
            self.room_step(now, step);
        }
    }
}

/// Who says something, as JSON text: a name on the channel, and a person, as far as others may know.
fn who(from: Option<Raw<'_>>, user: Option<Raw<'_>>) -> Rc<str> {
    let mut w = Writer::new();
    w.object(|w| {
        for (key, raw) in [("client", from), ("user", user)] {
            if let Some(name) = raw.and_then(room::name) {
                w.key(key).string(&name);
            }
        }
    });
    w.finish().into()
}
