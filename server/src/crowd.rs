//! Who is on which channel, and what each shows of itself. Pure: no socket, no clock, no store.
//!
//! A connection that is on a channel hears who else is there; what it shows is known under a name. Changes of a
//! channel are told together and at most every so often, so that a hundred moving cursors cost one message.
//! Whoever says nothing for too long is gone, and so is, a little later, whoever lost its connection: a page
//! that dials again at once was never away. A listener `L` is opaque: whatever the caller reaches it by.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;

use crate::access::UserName;
use crate::ids::{ChannelName, ClientId, Millis, SessionKey};
use crate::messages::{self, Shown};

/// Bounds and times of the crowd.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CrowdLimits {
    /// Channels that one connection may be on.
    pub(crate) channels_max: usize,
    /// Connections that may be on a channel.
    pub(crate) people_max: usize,
    /// Whoever says nothing for so long is gone.
    pub(crate) ttl_ms: u64,
    /// So long a connection that is lost may come back without having been away.
    pub(crate) grace_ms: u64,
    /// Changes of a channel are told at most this often.
    pub(crate) tell_ms: u64,
}

/// Everybody on every channel.
#[derive(Debug)]
pub(crate) struct Crowd<L> {
    rooms: BTreeMap<ChannelName, Room<L>>,
    /// Numbers everything that anybody shows: of two about the same name, the larger one is newer.
    reference: u64,
    limits: CrowdLimits,
}

#[derive(Debug)]
struct Room<L> {
    watchers: BTreeMap<SessionKey, Watcher<L>>,
    entries: BTreeMap<ClientId, Entry>,
    /// Names that changed since the last telling.
    changed: BTreeSet<ClientId>,
    /// Names that left since then, each with its last number.
    left: BTreeMap<ClientId, u64>,
    told: Option<Millis>,
}

#[derive(Debug)]
struct Watcher<L> {
    listener: L,
    /// The name under which it is shown.
    name: Option<ClientId>,
    /// It is told who is there.
    looks: bool,
    /// It is told who may edit what, because it asked for a field.
    edits: bool,
}

/// Who hears something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// All that have to do with a channel.
    All,
    /// Those who are there, except one.
    Others(SessionKey),
}

/// What is known under a name.
#[derive(Debug)]
struct Entry {
    client: ClientId,
    user: Option<UserName>,
    /// Others may not know who it is.
    anonymous: bool,
    data: Arc<str>,
    reference: u64,
    session: Option<SessionKey>,
    /// When it is gone, unless it says something before.
    until: Millis,
}

/// Who speaks.
#[derive(Debug)]
pub(crate) struct Speaker<'a, L> {
    /// The connection.
    pub(crate) key: SessionKey,
    /// Its client.
    pub(crate) client: &'a ClientId,
    /// The person, if the server knows one.
    pub(crate) user: Option<&'a UserName>,
    /// How to reach it.
    pub(crate) listener: &'a L,
}

/// How a connection shows itself.
#[derive(Clone, Debug)]
pub(crate) enum Show {
    /// Not at all: it looks.
    Nothing,
    /// As who it is.
    Known(Arc<str>),
    /// Under a name that nobody knows it by; the name is used where it has none yet.
    Anonymous(Arc<str>, ClientId),
}

/// There are as many as may be: on the channel, or channels that this connection is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

/// Takes a message on its way.
pub(crate) type Send<'a, L> = &'a mut dyn FnMut(&L, &Utf8Bytes);

impl<L: Clone> Crowd<L> {
    /// Channels with nobody on them.
    #[must_use]
    pub(crate) fn new(limits: CrowdLimits) -> Self {
        Self {
            rooms: BTreeMap::new(),
            reference: 0,
            limits,
        }
    }

    /// A connection is on a channel from now on, or still, and shows itself so. `all` if it wants to be told of
    /// everybody.
    ///
    /// # Errors
    /// When it is on too many channels, or too many are on this one.
    pub(crate) fn show(
        &mut self,
        now: Millis,
        who: &Speaker<'_, L>,
        channel: &ChannelName,
        show: Show,
        all: bool,
        send: Send<'_, L>,
    ) -> Result<(), TooMany> {
        self.enter(who, channel)?;
        self.reference += 1;
        let (reference, limits) = (self.reference, self.limits);
        let Some(room) = self.rooms.get_mut(channel) else {
            return Ok(());
        };
        if let Some(watcher) = room.watchers.get_mut(&who.key) {
            watcher.looks = true;
        }
        let before = room.name_of(who.key);
        room.put(now, who, show, reference, &limits);
        let name = room.name_of(who.key);
        if all {
            let you = name.as_ref();
            for text in room.everybody(channel, you) {
                send(who.listener, &text);
            }
        } else if name != before {
            send(
                who.listener,
                &messages::presence(channel, false, name.as_ref(), &[], &[]),
            );
        }
        room.tell(now, channel, &limits, send);
        Ok(())
    }

    /// A connection wants to hear who may edit what on a channel, whether it is there or not.
    ///
    /// # Errors
    /// When it has to do with too many channels, or too many with this one.
    pub(crate) fn listen(
        &mut self,
        who: &Speaker<'_, L>,
        channel: &ChannelName,
    ) -> Result<(), TooMany> {
        self.enter(who, channel)?;
        let room = self.rooms.get_mut(channel);
        if let Some(watcher) = room.and_then(|room| room.watchers.get_mut(&who.key)) {
            watcher.edits = true;
        }
        Ok(())
    }

    fn enter(&mut self, who: &Speaker<'_, L>, channel: &ChannelName) -> Result<(), TooMany> {
        let here = self.rooms.get(channel);
        if here.is_some_and(|room| room.watchers.contains_key(&who.key)) {
            return Ok(());
        }
        let on = self
            .rooms
            .values()
            .filter(|room| room.watchers.contains_key(&who.key));
        let full = here.is_some_and(|room| room.watchers.len() >= self.limits.people_max);
        if full || on.count() >= self.limits.channels_max {
            return Err(TooMany);
        }
        let room = self.rooms.entry(channel.clone()).or_insert_with(Room::new);
        let listener = who.listener.clone();
        let watcher = Watcher {
            listener,
            name: None,
            looks: false,
            edits: false,
        };
        room.watchers.insert(who.key, watcher);
        Ok(())
    }

    /// A connection is not on a channel any more.
    pub(crate) fn depart(
        &mut self,
        now: Millis,
        key: SessionKey,
        channel: &ChannelName,
        send: Send<'_, L>,
    ) {
        if let Some(room) = self.rooms.get_mut(channel) {
            if let Some(watcher) = room.watchers.get_mut(&key) {
                watcher.looks = false;
                if let Some(name) = watcher.name.take() {
                    room.drop_entry(&name, Some(key));
                }
            }
            room.watchers
                .retain(|_, watcher| watcher.looks || watcher.edits);
            room.tell(now, channel, &self.limits, send);
        }
        self.rooms.retain(|_, room| !room.is_empty());
    }

    /// A connection is lost. It may come back.
    pub(crate) fn lose(&mut self, now: Millis, key: SessionKey) {
        for room in self.rooms.values_mut() {
            if room.watchers.remove(&key).is_none() {
                continue;
            }
            for entry in room.entries.values_mut() {
                if entry.session == Some(key) {
                    entry.session = None;
                    entry.until = entry.until.min(Millis(now.0 + self.limits.grace_ms));
                }
            }
        }
        self.rooms.retain(|_, room| !room.is_empty());
    }

    /// Hands a message on, without keeping it.
    pub(crate) fn relay(
        &self,
        channel: &ChannelName,
        audience: Audience,
        text: &Utf8Bytes,
        send: Send<'_, L>,
    ) {
        let watchers = self.rooms.get(channel).map(|room| &room.watchers);
        for (key, watcher) in watchers.into_iter().flatten() {
            let hears = match audience {
                Audience::All => true,
                Audience::Others(speaker) => watcher.looks && *key != speaker,
            };
            if hears {
                send(&watcher.listener, text);
            }
        }
    }

    /// The name under which others see a connection on a channel, and whether they know who it is.
    pub(crate) fn seen_as(
        &self,
        key: SessionKey,
        channel: &ChannelName,
    ) -> Option<(&ClientId, bool)> {
        let room = self.rooms.get(channel)?;
        let name = room.watchers.get(&key)?.name.as_ref()?;
        let entry = room.entries.get(name)?;
        Some((name, !entry.anonymous))
    }

    /// The channels that a connection has to do with.
    pub(crate) fn channels_of(&self, key: SessionKey) -> Vec<ChannelName> {
        let rooms = self.rooms.iter();
        let rooms = rooms.filter(|(_, room)| room.watchers.contains_key(&key));
        rooms.map(|(channel, _)| channel.clone()).collect()
    }

    /// Is a connection on a channel?
    pub(crate) fn is_on(&self, key: SessionKey, channel: &ChannelName) -> bool {
        let watcher = self
            .rooms
            .get(channel)
            .and_then(|room| room.watchers.get(&key));
        watcher.is_some_and(|watcher| watcher.looks)
    }

    /// Time passed.
    pub(crate) fn tick(&mut self, now: Millis, send: Send<'_, L>) {
        for (channel, room) in &mut self.rooms {
            room.expire(now);
            room.tell(now, channel, &self.limits, send);
        }
        self.rooms.retain(|_, room| !room.is_empty());
    }

    /// When something is to be done, if nothing else happens.
    pub(crate) fn next_wakeup(&self) -> Option<Millis> {
        let moments = self.rooms.values().flat_map(|room| {
            let gone = room.entries.values().map(|entry| entry.until);
            gone.chain(room.telling(&self.limits))
        });
        moments.min()
    }
}

impl<L> Room<L> {
    fn new() -> Self {
        Self {
            watchers: BTreeMap::new(),
            entries: BTreeMap::new(),
            changed: BTreeSet::new(),
            left: BTreeMap::new(),
            told: None,
        }
    }

    fn is_empty(&self) -> bool {
        self.watchers.is_empty() && self.entries.is_empty()
    }

    fn name_of(&self, key: SessionKey) -> Option<ClientId> {
        self.watchers.get(&key)?.name.clone()
    }

    fn put(
        &mut self,
        now: Millis,
        who: &Speaker<'_, L>,
        show: Show,
        reference: u64,
        limits: &CrowdLimits,
    ) {
        let named = self.name_of(who.key);
        let shown = match show {
            Show::Nothing => None,
            Show::Known(data) => Some((self.free_name(who), data, false)),
            Show::Anonymous(data, fresh) => {
                let had = named.clone().filter(|name| self.is_anonymous(name));
                Some((had.unwrap_or(fresh), data, true))
            }
        };
        let name = shown.as_ref().map(|(name, ..)| name.clone());
        // One connection has one name; what it showed under another one before, or before it was lost, is over.
        // And a person who is here need not be waited for on a connection that is lost.
        let old: Vec<ClientId> = (self.entries.iter())
            .filter(|(have, entry)| {
                let waits = entry.session.is_none()
                    && entry.user.as_ref() == who.user
                    && (who.user.is_some() || entry.client == *who.client);
                Some(*have) != name.as_ref() && (entry.session == Some(who.key) || waits)
            })
            .map(|(have, _)| have.clone())
            .collect();
        for old in old {
            self.drop_entry(&old, None);
        }
        if let Some(watcher) = self.watchers.get_mut(&who.key) {
            watcher.name.clone_from(&name);
        }
        let Some((name, data, anonymous)) = shown else {
            return;
        };
        self.left.remove(&name);
        self.changed.insert(name.clone());
        let entry = Entry {
            client: who.client.clone(),
            user: who.user.cloned(),
            anonymous,
            data,
            reference,
            session: Some(who.key),
            until: Millis(now.0 + limits.ttl_ms),
        };
        self.entries.insert(name, entry);
    }

    fn is_anonymous(&self, name: &ClientId) -> bool {
        self.entries.get(name).is_some_and(|entry| entry.anonymous)
    }

    /// The client's own id, unless somebody else is known by it: names are no secret, and nobody may take the
    /// place of another person.
    fn free_name(&self, who: &Speaker<'_, L>) -> ClientId {
        let taken = self.entries.get(who.client).is_some_and(|entry| {
            entry.user.as_ref() != who.user && entry.session.is_some_and(|key| key != who.key)
        });
        if taken {
            ClientId::numbered(who.key)
        } else {
            who.client.clone()
        }
    }

    /// Takes an entry out; only if this connection shows it, where one is named.
    fn drop_entry(&mut self, name: &ClientId, of: Option<SessionKey>) {
        let entry = self.entries.get(name);
        let Some(entry) = entry.filter(|entry| of.is_none() || entry.session == of) else {
            return;
        };
        self.left.insert(name.clone(), entry.reference);
        self.changed.remove(name);
        self.entries.remove(name);
    }

    fn expire(&mut self, now: Millis) {
        let gone = self.entries.iter().filter(|(_, entry)| entry.until <= now);
        let gone: Vec<ClientId> = gone.map(|(name, _)| name.clone()).collect();
        for name in gone {
            self.drop_entry(&name, None);
        }
        for watcher in self.watchers.values_mut() {
            let name = watcher.name.take();
            watcher.name = name.filter(|name| self.entries.contains_key(name));
        }
    }

    /// When the next telling is due.
    fn telling(&self, limits: &CrowdLimits) -> Option<Millis> {
        if self.changed.is_empty() && self.left.is_empty() {
            return None;
        }
        Some(match self.told {
            Some(told) => Millis(told.0 + limits.tell_ms),
            None => Millis(0),
        })
    }

    /// Tells what changed, if it is time.
    fn tell(
        &mut self,
        now: Millis,
        channel: &ChannelName,
        limits: &CrowdLimits,
        send: Send<'_, L>,
    ) {
        if self.telling(limits).is_none_or(|at| at > now) {
            return;
        }
        self.told = Some(now);
        let left: Vec<_> = std::mem::take(&mut self.left).into_iter().collect();
        let changed = std::mem::take(&mut self.changed);
        let shown = changed.iter().filter_map(|name| self.shown(name));
        for text in messages::presences(channel, false, None, shown, &left) {
            for watcher in self.watchers.values().filter(|watcher| watcher.looks) {
                send(&watcher.listener, &text);
            }
        }
    }

    fn everybody(&self, channel: &ChannelName, you: Option<&ClientId>) -> Vec<Utf8Bytes> {
        let shown = self.entries.keys().filter_map(|name| self.shown(name));
        messages::presences(channel, true, you, shown, &[])
    }

    fn shown<'a>(&'a self, name: &'a ClientId) -> Option<Shown<'a>> {
        let entry = self.entries.get(name)?;
        Some(Shown {
            name,
            user: entry.user.as_ref().filter(|_| !entry.anonymous),
            reference: entry.reference,
            data: &entry.data,
        })
    }
}

#[cfg(test)]
#[path = "crowd_tests.rs"]
mod tests;
