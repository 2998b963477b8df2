//! Who hears what: channels, their last events, their subscribers. Pure: no socket, no clock, no store.
//!
//! The store numbers events; the hub is told of them in that order, keeps as many as can ever be sent to a
//! page that comes back, and says who listens. A listener `L` is opaque: whatever the caller reaches it by.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::ids::{ChannelName, ClientId, Epoch, Millis, Seq, SessionKey};
use crate::protocol::{Event, Position, Recovery};

/// Bounds of the hub's memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HubLimits {
    /// Subscriptions of one connection.
    pub(crate) subs_max: usize,
    /// A page that missed more events than this is told that it cannot be known what lay between.
    pub(crate) recover_max: usize,
    /// The same for their bytes: they have to fit in one frame.
    pub(crate) recover_bytes_max: usize,
    /// How old an event may be that is still sent to a page that comes back, in milliseconds.
    pub(crate) age_ms_max: u64,
    /// All histories together. Beyond it, the channels that were silent for longest lose theirs.
    pub(crate) history_bytes_max: usize,
}

/// Channels and who listens to them.
#[derive(Debug)]
pub(crate) struct Hub<L> {
    epoch: Epoch,
    limits: HubLimits,
    channels: BTreeMap<ChannelName, Channel<L>>,
    members: BTreeMap<SessionKey, Member<L>>,
    history_bytes: usize,
}

/// A connection that said hello.
#[derive(Debug)]
pub(crate) struct Member<L> {
    /// The tab's own id.
    pub(crate) client: ClientId,
    /// When it said hello.
    pub(crate) since: Millis,
    /// What it subscribed to.
    pub(crate) channels: BTreeSet<ChannelName>,
    /// How to reach it.
    pub(crate) listener: L,
}

#[derive(Debug)]
struct Channel<L> {
    head: Seq,
    history: VecDeque<Event>,
    bytes: usize,
    listeners: BTreeMap<SessionKey, L>,
}

/// A connection has as many subscriptions as it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooManySubs;

impl<L: Clone> Hub<L> {
    /// A hub without channels.
    #[must_use]
    pub(crate) fn new(epoch: Epoch, limits: HubLimits) -> Self {
        Self {
            epoch,
            limits,
            channels: BTreeMap::new(),
            members: BTreeMap::new(),
            history_bytes: 0,
        }
    }

    /// Makes a channel known that the store already has: its head, and its last events, oldest first.
    pub(crate) fn restore(&mut self, name: ChannelName, head: Seq, events: Vec<Event>) {
        for event in events {
            let _nobody_listens_yet = self.publish(event);
        }
        self.channels
            .entry(name)
            .or_insert_with(Channel::empty)
            .head = head;
    }

    /// A connection said hello.
    pub(crate) fn join(&mut self, key: SessionKey, client: ClientId, since: Millis, listener: L) {
        self.members.insert(
            key,
            Member {
                client,
                since,
                channels: BTreeSet::new(),
                listener,
            },
        );
    }

    /// A connection is gone. False if it was gone before, or never said hello.
    pub(crate) fn leave(&mut self, key: SessionKey) -> bool {
        let Some(member) = self.members.remove(&key) else {
            return false;
        };
        for channel in &member.channels {
            self.drop_listener(key, channel);
        }
        true
    }

    /// Subscribes, or subscribes again: that is how a page closes a gap. `None` where `key` did not join.
    ///
    /// # Errors
    /// When the connection has as many subscriptions as it may have.
    pub(crate) fn subscribe(
        &mut self,
        key: SessionKey,
        name: &ChannelName,
        last: Option<(&str, Seq)>,
        now: Millis,
    ) -> Result<Option<(Position, Recovery)>, TooManySubs> {
        let Some(member) = self.members.get_mut(&key) else {
            return Ok(None);
        };
        if !member.channels.contains(name) && member.channels.len() >= self.limits.subs_max {
            return Err(TooManySubs);
        }
        member.channels.insert(name.clone());
        let channel = self
            .channels
            .entry(name.clone())
            .or_insert_with(Channel::empty);
        channel.listeners.insert(key, member.listener.clone());
        let recovery = match last {
            None => Recovery::NotAsked,
            Some((epoch, _)) if epoch != self.epoch.as_str() => Recovery::Lost,
            Some((_, last)) => channel.recover(last, now, &self.limits),
        };
        Ok(Some((
            Position {
                e: self.epoch.clone(),
                s: channel.head,
            },
            recovery,
        )))
    }

    /// Unsubscribes; without effect where there was no subscription.
    pub(crate) fn unsubscribe(&mut self, key: SessionKey, name: &ChannelName) {
        if self
            .members
            .get_mut(&key)
            .is_some_and(|member| member.channels.remove(name))
        {
            self.drop_listener(key, name);
        }
    }

    /// Takes in the channel's next event and returns who is to get it.
    pub(crate) fn publish(&mut self, event: Event) -> impl Iterator<Item = &L> {
        let (name, size) = (event.channel.clone(), event.text.as_str().len());
        let channel = self
            .channels
            .entry(name.clone())
            .or_insert_with(Channel::empty);
        if event.seq.0 != channel.head.0 + 1 {
            // A hole in the numbers: what was before cannot be handed out as complete.
            self.history_bytes = self.history_bytes.saturating_sub(channel.forget());
        }
        channel.head = event.seq;
        channel.history.push_back(event);
        channel.bytes += size;
        self.history_bytes += size;
        while channel.history.len() > self.limits.recover_max
            || channel.bytes > self.limits.recover_bytes_max
        {
            let size = channel.drop_oldest();
            self.history_bytes = self.history_bytes.saturating_sub(size);
        }
        if self.history_bytes > self.limits.history_bytes_max {
            self.forget_the_silent();
        }
        self.channels
            .get(&name)
            .into_iter()
            .flat_map(|channel| channel.listeners.values())
    }

    /// The connections that said hello.
    pub(crate) fn members(&self) -> impl Iterator<Item = (SessionKey, &Member<L>)> {
        self.members.iter().map(|(key, member)| (*key, member))
    }

    /// What a connection subscribed to.
    pub(crate) fn channels_of(&self, key: SessionKey) -> Vec<ChannelName> {
        let member = self.members.get(&key);
        member
            .into_iter()
            .flat_map(|member| member.channels.iter().cloned())
            .collect()
    }

    fn drop_listener(&mut self, key: SessionKey, name: &ChannelName) {
        let Some(channel) = self.channels.get_mut(name) else {
            return;
        };
        channel.listeners.remove(&key);
        if channel.listeners.is_empty() && channel.head == Seq(0) {
            // Nothing was ever published there: a page may subscribe to any name, and must not fill memory so.
            self.channels.remove(name);
        }
    }

    /// Lets go what is too old to be sent to a page that comes back. A channel that is silent would keep it else.
    pub(crate) fn forget_old(&mut self, now: Millis) {
        let oldest_at = now.0.saturating_sub(self.limits.age_ms_max);
        for channel in self.channels.values_mut() {
            while channel
                .history
                .front()
                .is_some_and(|event| event.at.0 < oldest_at)
            {
                let size = channel.drop_oldest();
                self.history_bytes = self.history_bytes.saturating_sub(size);
            }
        }
    }

    /// Makes room down to 7/8 of the bound, so that a full hub does not search at every event.
    fn forget_the_silent(&mut self) {
        let mut by_silence: Vec<(Millis, ChannelName)> = self
            .channels
            .iter()
            .filter_map(|(name, channel)| {
                channel.history.back().map(|last| (last.at, name.clone()))
            })
            .collect();
        by_silence.sort();
        for (_, name) in by_silence {
            if self.history_bytes <= self.limits.history_bytes_max / 8 * 7 {
                return;
            }
            if let Some(channel) = self.channels.get_mut(&name) {
                self.history_bytes = self.history_bytes.saturating_sub(channel.forget());
            }
        }
    }
}

impl<L> Channel<L> {
    fn empty() -> Self {
        Self {
            head: Seq(0),
            history: VecDeque::new(),
            bytes: 0,
            listeners: BTreeMap::new(),
        }
    }

    /// Drops the oldest event and returns how many bytes it had.
    fn drop_oldest(&mut self) -> usize {
        let oldest = self.history.pop_front();
        let size = oldest.map_or(0, |event| event.text.as_str().len());
        self.bytes = self.bytes.saturating_sub(size);
        size
    }

    /// Drops the history and returns how many bytes it had.
    fn forget(&mut self) -> usize {
        self.history.clear();
        std::mem::take(&mut self.bytes)
    }

    fn recover(&self, last: Seq, now: Millis, limits: &HubLimits) -> Recovery {
        let Some(count) = self.head.0.checked_sub(last.0) else {
            // A position that we never gave out: of another life of the numbers, whatever its epoch says.
            return Recovery::Lost;
        };
        let Some(skipped) = usize::try_from(count)
            .ok()
            .and_then(|count| self.history.len().checked_sub(count))
        else {
            return Recovery::Lost;
        };
        let missed: Vec<Event> = self.history.iter().skip(skipped).cloned().collect();
        let oldest_at = now.0.saturating_sub(limits.age_ms_max);
        if missed.iter().any(|event| event.at.0 < oldest_at) {
            return Recovery::Lost;
        }
        Recovery::Complete(missed)
    }
}

#[cfg(test)]
#[path = "hub_tests.rs"]
mod tests;
