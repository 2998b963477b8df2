//! What a connection may want of the room, and how often. What makes no sense or is forbidden is refused where
//! the request has a number, and does nothing where it has none.

use std::sync::Arc;

use crate::access::Person;
use crate::audit::Line;
use crate::clock;
use crate::codes::ErrorCode;
use crate::config::Limits;
use crate::crowd::{Show, TooMany};
use crate::ids::{BadName, ChannelName, ClientId, EventName, FieldName, Millis, random_name};
use crate::live::OpenSocket;
use crate::messages::{self, BadData};
use crate::pace::Pace;
use crate::protocol::PageMessage;
use crate::room::{Guest, Wanted};
use crate::rules::Deed;
use crate::store::Claim;

/// A lease is given for so long at most: when a machine dies, others wait for it.
const LEASE_MS_MAX: u64 = 10 * 60 * 1000;

/// And for so long at least: less would be over before the answer is there.
const LEASE_MS_MIN: u64 = 1000;

/// What a connection may say in how short a time. A page shows itself at most ten times a second on each of a few
/// channels, and moves a cursor as often; its tabs come back from a lost link all at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manners {
    shows: Pace,
    signals: Pace,
    locks: Pace,
}

impl Manners {
    /// Of a connection that has said nothing yet.
    #[must_use]
    pub(crate) fn new(limits: &Limits, now: Millis) -> Self {
        Self {
            shows: Pace::of(limits.shows, now),
            signals: Pace::of(limits.signals, now),
            locks: Pace::of(limits.locks, now),
        }
    }

    /// A connection wants something of the room. `part` is the message as it came.
    pub(crate) fn wish(
        &mut self,
        place: &OpenSocket,
        client: &ClientId,
        person: &Person,
        wish: PageMessage,
        part: &str,
    ) {
        let guest = Guest {
            key: place.key,
            client: client.clone(),
            user: person.name.clone(),
            outbox: Arc::clone(&place.outbox),
            audit: place.live.audit.clone(),
        };
        let (id, ch, deed) = match &wish {
            PageMessage::Pres { id, ch, .. } => (*id, ch.clone(), Deed::Presence),
            PageMessage::Sig { ch, .. } => (None, ch.clone(), Deed::Presence),
            PageMessage::Lock { id, ch, .. } => (Some(*id), ch.clone(), Deed::Lock),
            PageMessage::Unlock { ch, .. } => (None, ch.clone(), Deed::Lock),
            _ => return,
        };
        let done = channel_of(&ch, person, deed)
            .and_then(|channel| self.grant(place, &guest, channel, wish, part));
        let Err(Refused(code, msg)) = done else {
            return;
        };
        let line = Line::of("refuse", person).on(place.key, Some(client));
        place.refused(line, Some(&ch), code);
        if let Some(id) = id {
            guest.refuse(id, &ch, code, msg);
        }
    }

    fn grant(
        &mut self,
        place: &OpenSocket,
        guest: &Guest,
        channel: ChannelName,
        wish: PageMessage,
        part: &str,
    ) -> Result<(), Refused> {
        let (room, now) = (&place.live.room, clock::now());
        let limits = &place.live.limits;
        match wish {
            PageMessage::Pres { leave: true, .. } => room.depart(guest.key, &channel),
            PageMessage::Pres { anon, all, .. } => {
                in_time(self.shows.allows(now))?;
                let show = shown(part, anon, limits)?;
                room.show(&place.store, guest, &channel, show, all)
                    .map_err(|TooMany| {
                        Refused(
                            ErrorCode::TooManySubs,
                            "too many channels, or too many there",
                        )
                    })?;
            }
            PageMessage::Sig { name, .. } => {
                in_time(self.signals.allows(now))?;
                let name = EventName::parse(&name)?;
                if let Some(data) = messages::data(part, limits.signal_bytes_max, limits.depth_max)?
                {
                    room.signal(guest, &channel, &name, &data);
                }
            }
            PageMessage::Lock {
                id,
                key,
                ttl,
                fence,
                ..
            } => {
                in_time(self.locks.allows(now))?;
                let wanted = Wanted {
                    channel,
                    field: FieldName::parse(&key)?,
                    fence: fence.map(|fence| fence.0),
                    ttl_ms: ttl.0.clamp(LEASE_MS_MIN, LEASE_MS_MAX),
                };
                room.lock(&place.store, guest, id, wanted)
                    .map_err(|code| Refused(code, "no lease can be given now"))?;
            }
            PageMessage::Unlock { key, fence, .. } => {
                let claim = Claim {
                    channel,
                    field: FieldName::parse(&key)?,
                    fence: fence.0,
                };
                // A store that is too busy for it lets the lease end by itself.
                let _busy = room.unlock(&place.store, guest, claim);
            }
            _ => {}
        }
        Ok(())
    }
}

/// Why a wish is not granted.
struct Refused(ErrorCode, &'static str);

impl From<BadName> for Refused {
    fn from(error: BadName) -> Self {
        Self(ErrorCode::BadRequest, error.0)
    }
}

impl From<BadData> for Refused {
    fn from(_error: BadData) -> Self {
        Self(
            ErrorCode::TooLarge,
            "the data is too long, or nests too deep",
        )
    }
}

fn channel_of(name: &str, person: &Person, deed: Deed) -> Result<ChannelName, Refused> {
    let channel = ChannelName::parse(name)?;
    if person.may(deed, &channel) {
        Ok(channel)
    } else {
        Err(Refused(ErrorCode::Forbidden, "this channel is not for you"))
    }
}

fn in_time(allowed: bool) -> Result<(), Refused> {
    if allowed {
        Ok(())
    } else {
        Err(Refused(ErrorCode::RateLimited, "this is said too often"))
    }
}

/// What a page shows of itself.
fn shown(part: &str, anonymous: bool, limits: &Limits) -> Result<Show, Refused> {
    let Some(data) = messages::data(part, limits.show_bytes_max, limits.depth_max)? else {
        return Ok(Show::Nothing);
    };
    let data: Arc<str> = data.get().into();
    if !anonymous {
        return Ok(Show::Known(data));
    }
    let name = random_name()
        .ok()
        .and_then(|name| ClientId::parse(&name).ok());
    match name {
        Some(name) => Ok(Show::Anonymous(data, name)),
        None => Err(Refused(ErrorCode::Internal, "no name could be made")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    #[test]
    fn what_is_shown_is_shown_with_or_without_a_name() {
        let limits = Limits::default();
        let nothing = shown(r#"{"data":null}"#, true, &limits);
        assert!(matches!(nothing, Ok(Show::Nothing)));
        assert!(
            matches!(shown(r#"{"data":{}}"#, false, &limits), Ok(Show::Known(data)) if &*data == "{}")
        );
        let anonymous = || match shown(r#"{"data":{}}"#, true, &limits) {
            Ok(Show::Anonymous(_, name)) => name,
            _ => ClientId::parse("none").unwrap(),
        };
        assert_ne!(anonymous(), anonymous());
        let long = format!(r#"{{"data":"{}"}}"#, "x".repeat(limits.show_bytes_max));
        assert!(matches!(
            shown(&long, false, &limits),
            Err(Refused(ErrorCode::TooLarge, _))
        ));
    }
}
