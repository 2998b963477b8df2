//! Where people and leases meet the connections: what a connection wants of the room, and what is told to whom.
//!
//! The crowd is behind its lock; leases are decided on the store's thread, which also tells of them, so that
//! everybody hears of them in the order in which they were given.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use serde_json::value::RawValue;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::access::UserName;
use crate::audit::{Audit, Line};
use crate::clock;
use crate::codes::ErrorCode;
use crate::crowd::{Audience, Crowd, CrowdLimits, Show, Speaker, TooMany};
use crate::ids::{ChannelName, ClientId, EventName, FieldName, Integer, Millis, SessionKey};
use crate::log;
use crate::messages::{self, Holder};
use crate::outbox::Outbox;
use crate::protocol::ServerMessage;
use crate::rules::Deed;
use crate::store::{Busy, Claim, LockAsk, Locked, Owner, Store};

/// How long the keeper waits when the store has more to do than it can take.
const LATER: Duration = Duration::from_millis(200);

/// Who is where, and what waits for its time.
#[derive(Debug)]
pub(crate) struct Room {
    crowd: Mutex<Crowd<Arc<Outbox>>>,
    /// When the next lease may end.
    lease_ends: Mutex<Option<Millis>>,
    changed: Notify,
    /// How long a lost connection's leases go on.
    grace_ms: u64,
}

/// Who wants something of the room.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    /// The connection.
    pub(crate) key: SessionKey,
    /// Its client.
    pub(crate) client: ClientId,
    /// The person, if the server knows one.
    pub(crate) user: Option<UserName>,
    /// How to reach it.
    pub(crate) outbox: Arc<Outbox>,
    /// Where it is written down what it got.
    pub(crate) audit: Audit,
}

impl Guest {
    fn write_down(
        &self,
        event: &'static str,
        channel: &ChannelName,
        field: &FieldName,
        fence: u64,
    ) {
        let line = Line {
            event,
            user: self.user.as_ref().map(UserName::as_str),
            channel: Some(channel.as_str()),
            field: Some(field.as_str()),
            fence: Some(fence),
            ..Line::default()
        };
        self.audit.write(line.on(self.key, Some(&self.client)));
    }

    fn speaker(&self) -> Speaker<'_, Arc<Outbox>> {
        Speaker {
            key: self.key,
            client: &self.client,
            user: self.user.as_ref(),
            listener: &self.outbox,
        }
    }

    /// Says that a request was refused.
    pub(crate) fn refuse(&self, id: Integer, channel: &str, code: ErrorCode, msg: &str) {
        let (id, ch) = (Some(id), Some(channel));
        self.outbox
            .push(ServerMessage::refusal(id, ch, code, msg).text());
    }
}

fn push(outbox: &Arc<Outbox>, text: &Utf8Bytes) {
    outbox.push(text.clone());
}

impl Room {
    /// An empty room.
    #[must_use]
    pub(crate) fn new(limits: CrowdLimits) -> Self {
        Self {
            grace_ms: limits.grace_ms,
            crowd: Mutex::new(Crowd::new(limits)),
            // What the file holds of an earlier run is looked at once.
            lease_ends: Mutex::new(Some(Millis(0))),
            changed: Notify::new(),
        }
    }

    /// Somebody is on a channel, and shows itself so. Whoever asks for everybody is told who may edit what, too.
    ///
    /// # Errors
    /// When there are as many as may be.
    pub(crate) fn show(
        self: &Arc<Self>,
        store: &Store,
        guest: &Guest,
        channel: &ChannelName,
        show: Show,
        all: bool,
    ) -> Result<(), TooMany> {
        self.crowd().show(
            clock::now(),
            &guest.speaker(),
            channel,
            show,
            all,
            &mut push,
        )?;
        self.changed.notify_one();
        if all {
            let outbox = Arc::clone(&guest.outbox);
            // A store that is that busy says of each lease when it goes on.
            let _busy = store.leases_on(channel.clone(), clock::now(), move |channel, leases| {
                for lease in or_log(leases).unwrap_or_default() {
                    let holder = Some((&lease.holder, lease.ttl_ms));
                    outbox.push(messages::changed(
                        channel,
                        &lease.field,
                        lease.fence,
                        holder,
                    ));
                }
            });
        }
        Ok(())
    }

    /// Somebody is not on a channel any more.
    pub(crate) fn depart(&self, key: SessionKey, channel: &ChannelName) {
        self.crowd().depart(clock::now(), key, channel, &mut push);
    }

    /// Somebody may be on these channels only, or ask for fields there. A lease that goes on ends with its time,
    /// because it cannot be renewed.
    pub(crate) fn restrict(&self, key: SessionKey, may: impl Fn(Deed, &ChannelName) -> bool) {
        let mut crowd = self.crowd();
        for channel in crowd.channels_of(key) {
            let here_to = if crowd.is_on(key, &channel) {
                Deed::Presence
            } else {
                Deed::Lock
            };
            if !may(here_to, &channel) {
                crowd.depart(clock::now(), key, &channel, &mut push);
            }
        }
    }

    /// Somebody says something to the others on a channel, for this moment only. False if it is not there.
    pub(crate) fn signal(
        &self,
        guest: &Guest,
        channel: &ChannelName,
        name: &EventName,
        data: &RawValue,
    ) -> bool {
        let crowd = self.crowd();
        if !crowd.is_on(guest.key, channel) {
            return false;
        }
        let from = crowd.seen_as(guest.key, channel);
        let from = from.map(|(name, known)| (name, guest.user.as_ref().filter(|_| known)));
        let text = messages::signal(channel, from, name, data);
        crowd.relay(channel, Audience::Others(guest.key), &text, &mut push);
        true
    }

    /// Somebody asks for a lease. The answer comes by itself.
    ///
    /// # Errors
    /// When the store has more to do than it can take, or there are too many on the channel.
    pub(crate) fn lock(
        self: &Arc<Self>,
        store: &Store,
        guest: &Guest,
        id: Integer,
        what: Wanted,
    ) -> Result<(), ErrorCode> {
        // Whoever has a lease has to hear when somebody else gets it.
        let listens = self.crowd().listen(&guest.speaker(), &what.channel);
        listens.map_err(|TooMany| ErrorCode::TooManySubs)?;
        let ask = LockAsk {
            shown: self.shown(guest, &what.channel),
            channel: what.channel,
            field: what.field,
            fence: what.fence,
            ttl_ms: what.ttl_ms,
            owner: Owner {
                client: guest.client.clone(),
                user: guest.user.clone(),
            },
            session: guest.key,
        };
        let (room, guest) = (Arc::clone(self), guest.clone());
        let asked = store.lock(ask, clock::now(), move |ask, locked| {
            room.locked(&guest, id, ask, locked.map_err(|error| log::store(&error)));
        });
        asked.map_err(|Busy| ErrorCode::Overloaded)
    }

    fn locked(&self, guest: &Guest, id: Integer, ask: &LockAsk, locked: Result<Locked, ()>) {
        let (channel, field) = (&ask.channel, &ask.field);
        let refuse = |code, msg| guest.refuse(id, channel.as_str(), code, msg);
        match locked {
            Ok(Locked::Granted { fence }) => {
                let ttl = ask.ttl_ms;
                if ask.fence.is_none() {
                    guest.write_down("lock", channel, field, fence);
                }
                guest
                    .outbox
                    .push(messages::granted(id, channel, field, fence, ttl));
                let text = messages::changed(channel, field, fence, Some((&ask.shown, ttl)));
                self.crowd().relay(channel, Audience::All, &text, &mut push);
                self.lease_ends_at(Millis(clock::now().0 + ttl));
            }
            Ok(Locked::Taken(lease)) => {
                guest.write_down("lock_refused", channel, field, lease.fence);
                refuse(ErrorCode::Locked, "somebody else has this field");
                let holder = Some((&lease.holder, lease.ttl_ms));
                let text = messages::changed(channel, field, lease.fence, holder);
                guest.outbox.push(text);
            }
            Ok(Locked::Stale) => refuse(ErrorCode::StaleFence, "the lease of this fence has ended"),
            Ok(Locked::TooMany) => refuse(ErrorCode::TooManyLeases, "too many leases"),
            Err(()) => refuse(ErrorCode::Internal, "the server failed; it is logged"),
        }
    }

    /// Somebody gives a lease back. What is not theirs stays as it is.
    ///
    /// # Errors
    /// When the store has more to do than it can take: the lease ends by itself then.
    pub(crate) fn unlock(
        self: &Arc<Self>,
        store: &Store,
        guest: &Guest,
        claim: Claim,
    ) -> Result<(), Busy> {
        let owner = Owner {
            client: guest.client.clone(),
            user: guest.user.clone(),
        };
        let (room, guest) = (Arc::clone(self), guest.clone());
        store.unlock(claim, owner, clock::now(), move |claim, unlocked| {
            if or_log(unlocked) == Some(true) {
                guest.write_down("unlock", &claim.channel, &claim.field, claim.fence);
                let text = messages::changed(&claim.channel, &claim.field, claim.fence, None);
                room.crowd()
                    .relay(&claim.channel, Audience::All, &text, &mut push);
            }
        })
    }

    /// A connection is lost. Its people and leases stay for a moment, in case it comes back.
    pub(crate) fn lose(self: &Arc<Self>, store: &Store, key: SessionKey) {
        let now = clock::now();
        self.crowd().lose(now, key);
        self.changed.notify_one();
        let until = Millis(now.0 + self.grace_ms);
        let room = Arc::clone(self);
        let _busy = store.lose_leases(key, until, move |lost| {
            if or_log(lost).is_some() {
                room.lease_ends_at(until);
            }
        });
    }

    /// Ends what is over, when it is, for as long as it is polled.
    pub(crate) async fn keep(self: Arc<Self>, store: Store) {
        loop {
            let now = clock::now();
            self.crowd().tick(now, &mut push);
            let due = self.lease_ends().is_some_and(|at| at <= now);
            if due && self.expire(&store, now).is_err() {
                sleep(LATER).await;
            }
            let next = [self.crowd().next_wakeup(), *self.lease_ends()];
            let wait = match next.into_iter().flatten().min() {
                Some(at) => Duration::from_millis(at.0.saturating_sub(now.0).max(1)),
                None => Duration::MAX,
            };
            let _due = timeout(wait, self.changed.notified()).await;
        }
    }

    fn expire(self: &Arc<Self>, store: &Store, now: Millis) -> Result<(), Busy> {
        *self.lease_ends() = None;
        let room = Arc::clone(self);
        let asked = store.expire_leases(now, move |expired| {
            let Some((freed, next)) = or_log(expired) else {
                return;
            };
            for freed in freed {
                let text = messages::changed(&freed.channel, &freed.field, freed.fence, None);
                room.crowd()
                    .relay(&freed.channel, Audience::All, &text, &mut push);
            }
            if let Some(next) = next {
                room.lease_ends_at(next);
            }
        });
        if asked.is_err() {
            self.lease_ends_at(now);
        }
        asked
    }

    fn lease_ends_at(&self, at: Millis) {
        let mut ends = self.lease_ends();
        let sooner = ends.is_none_or(|have| at < have);
        if sooner {
            *ends = Some(at);
            self.changed.notify_one();
        }
    }

    /// Who gets a lease, as others see it: not as more than they see of them on the channel.
    fn shown(&self, guest: &Guest, channel: &ChannelName) -> Holder {
        match self.crowd().seen_as(guest.key, channel) {
            Some((name, known)) => Holder {
                client: Some(name.clone()),
                user: guest.user.clone().filter(|_| known),
            },
            None => Holder {
                client: None,
                user: guest.user.clone(),
            },
        }
    }

    fn crowd(&self) -> MutexGuard<'_, Crowd<Arc<Outbox>>> {
        self.crowd.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lease_ends(&self) -> MutexGuard<'_, Option<Millis>> {
        self.lease_ends
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// What somebody wants to edit.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// The field's channel.
    pub(crate) channel: ChannelName,
    /// The field.
    pub(crate) field: FieldName,
    /// The fence of the lease that they have already.
    pub(crate) fence: Option<u64>,
    /// How long it is to last.
    pub(crate) ttl_ms: u64,
}

fn or_log<T>(result: Result<T, crate::store::StoreError>) -> Option<T> {
    result.map_err(|error| log::store(&error)).ok()
}
