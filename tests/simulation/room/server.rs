//! The server's part in the room: who is on which channel, and who may edit which field. It is
//! written from `docs/protocol.md`, not from the engine and not from the reference server. It is the
//! oracle of leases too: what it gave to whom cannot be wrong.

mod crowd;

use std::collections::BTreeMap;

use everfresh::wire::json::{self, Raw, Text};

use self::crowd::{Crowd, Show};
use crate::agenda::{MS, S, Time};
use crate::chance::Chance;
use crate::promises::{Broken, Promise};
use crate::room::{field_index, field_name};
use crate::server::Does;

/// What a connection that is lost had goes on for so long.
const GRACE: Time = 10 * S;
/// What the server can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Can {
    pub(crate) presence: bool,
    pub(crate) signals: bool,
    pub(crate) leases: bool,
}

/// The server.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) can: Can,
    /// Nobody may be seen on this channel.
    closed: Option<usize>,
    channels: usize,
    guests: BTreeMap<usize, Guest>,
    rooms: BTreeMap<usize, Crowd>,
    leases: BTreeMap<usize, Lease>,
    /// Numbers what is shown.
    reference: u64,
    /// The last fence.
    fence: u64,
    /// Nothing that is shown is taken until then.
    pub(crate) overloaded_until: Time,
    pub(crate) noted: Vec<Noted>,
}

/// Something rare happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Noted {
    Locked,
    Stale,
    Revived,
    HandedOn,
    Anew,
    Overloaded,
    Forbidden,
    InParts,
    Silent,
    Forgot,
}

/// A page that is connected.
#[derive(Clone, Debug)]
struct Guest {
    client: String,
    user: Option<String>,
    /// How often it was refused on a channel.
    refused: BTreeMap<usize, u32>,
}

/// The last lease of a field.
#[derive(Clone, Debug)]
pub(crate) struct Lease {
    pub(crate) fence: u64,
    client: String,
    user: Option<String>,
    holder: String,
    socket: Option<usize>,
    /// When it ends, or ended.
    pub(crate) until: Time,
    /// When it would end if nobody had given it back and no connection had been lost.
    pub(crate) promised: Time,
}

impl Can {
    /// Most servers can do all of it.
    pub(crate) fn draw(chance: &mut Chance) -> Can {
        let part = |left_out: u64, which: u64| left_out != which && left_out != 0;
        let left_out = chance.weighted(&[(20, 9), (1, 0), (1, 1), (1, 2), (1, 3)]);
        Can {
            presence: part(left_out, 1),
            signals: part(left_out, 2),
            leases: part(left_out, 3),
        }
    }

    /// What its welcome says of it: a member, or nothing.
    pub(crate) fn member(self) -> String {
        let parts = [
            (self.presence, "\"pres\""),
            (self.signals, "\"sig\""),
            (self.leases, "\"lock\""),
        ];
        let parts: Vec<&str> = parts
            .iter()
            .filter_map(|(can, word)| can.then_some(*word))
            .collect();
        match parts.is_empty() {
            true => String::new(),
            false => format!(",\"can\":[\"fly\",{}]", parts.join(",")),
        }
    }
}

impl Server {
    /// A server that nobody is connected to.
    pub(crate) fn new(can: Can, closed: Option<usize>, channels: usize) -> Server {
        Server {
            can,
            closed,
            channels,
            guests: BTreeMap::new(),
            rooms: BTreeMap::new(),
            leases: BTreeMap::new(),
            reference: 0,
            fence: 100,
            overloaded_until: 0,
            noted: Vec::new(),
        }
    }

    /// A page is known from now on.
    pub(crate) fn meets(&mut self, socket: usize, client: String, user: Option<String>) {
        let refused = BTreeMap::new();
        let guest = Guest {
            client,
            user,
            refused,
        };
        self.guests.insert(socket, guest);
    }

    /// The connections.
    pub(crate) fn sockets(&self) -> Vec<usize> {
        self.guests.keys().copied().collect()
    }

    /// The lease of a field that goes on.
    pub(crate) fn lease(&self, now: Time, field: usize) -> Option<&Lease> {
        self.leases.get(&field).filter(|lease| lease.until > now)
    }

    /// The last lease that was given of a field.
    pub(crate) fn last_lease(&self, field: usize) -> Option<&Lease> {
        self.leases.get(&field)
    }

    /// A write under a fence: it is done if nobody else got the field since.
    pub(crate) fn takes_write(&self, field: usize, fence: u64) -> bool {
        self.leases
            .get(&field)
            .is_some_and(|lease| lease.fence == fence)
    }

    /// Who is seen on a channel: user, data.
    pub(crate) fn crowd(&self, channel: usize) -> Vec<(Option<&str>, &str)> {
        let entries = self.rooms.get(&channel).map(|crowd| &crowd.entries);
        let entries = entries.into_iter().flat_map(BTreeMap::values);
        entries
            .map(|entry| (entry.user.as_deref(), entry.data.as_str()))
            .collect()
    }

    /// A connection is lost: what it had goes on for a moment.
    pub(crate) fn lost(&mut self, now: Time, socket: usize) {
        self.guests.remove(&socket);
        for crowd in self.rooms.values_mut() {
            crowd.watchers.remove(&socket);
            for entry in crowd.entries.values_mut() {
                if entry.socket == Some(socket) {
                    entry.socket = None;
                    entry.until = entry.until.min(now + GRACE);
                }
            }
        }
        for lease in self.leases.values_mut() {
            if lease.socket == Some(socket) {
                lease.socket = None;
                lease.until = lease.until.min(now + GRACE);
            }
        }
    }

    /// The server stops: who was there is forgotten, and who may edit what is kept or not. Fences
    /// grow all the same.
    pub(crate) fn stop(&mut self, keeps_leases: bool) {
        self.guests.clear();
        self.rooms.clear();
        for lease in self.leases.values_mut() {
            lease.socket = None;
        }
        if !keeps_leases {
            self.leases.clear();
            self.fence += 1_000_000;
            self.noted.push(Noted::Forgot);
        }
    }

    /// A page says something about the room.
    pub(crate) fn heard(
        &mut self,
        now: Time,
        socket: usize,
        frame: &str,
        chance: &mut Chance,
    ) -> Result<Vec<Does>, Broken> {
        let message = json::parse(frame).map_err(|_| wrong("a frame that is not JSON"))?;
        let text = |name| message.member(name).and_then(Raw::string).map(Text::decode);
        let number = |name| message.member(name).and_then(Raw::integer);
        let flag = |name| message.member(name).and_then(Raw::bool) == Some(true);
        let kind = text("t").unwrap_or_default();
        let can = match kind.as_ref() {
            "pres" => self.can.presence,
            "sig" => self.can.signals,
            _ => self.can.leases,
        };
        if !can {
            return Err(wrong("it asks for what the server cannot do"));
        }
        let name = text("ch").ok_or_else(|| wrong("no channel"))?;
        let channel = crate::app::channel_index(&name).ok_or_else(|| wrong("no such channel"))?;
        match kind.as_ref() {
            "pres" if flag("leave") => Ok(self.leave(now, socket, channel)),
            "pres" => {
                let data = message.member("data").filter(|data| !data.is_null());
                if data.is_some_and(|data| !data.is_object() || data.text().len() > 16 << 10) {
                    return Err(wrong("data that is too much, or none"));
                }
                let show = Show {
                    id: number("id"),
                    data: data.map(|data| data.text().to_owned()),
                    anonymous: flag("anon"),
                    all: flag("all"),
                };
                self.show(now, socket, channel, show, chance)
            }
            "sig" => {
                let data = message.member("data").ok_or_else(|| wrong("no data"))?;
                let name = text("name").ok_or_else(|| wrong("no name"))?;
                Ok(self.signal(socket, channel, &name, data.text()))
            }
            "lock" | "unlock" => {
                let field = text("key").and_then(|key| field_index(&key));
                let field = field.ok_or_else(|| wrong("a field that nobody has"))?;
                let fence = number("fence");
                if kind == "unlock" {
                    let fence = fence.ok_or_else(|| wrong("an unlock without fence"))?;
                    return Ok(self.unlock(now, socket, channel, field, fence));
                }
                let id = number("id").ok_or_else(|| wrong("a lock without id"))?;
                let ttl = number("ttl").filter(|ttl| (1000..=600_000).contains(ttl));
                let ttl = ttl.ok_or_else(|| wrong("a lock for no time that may be"))? * MS;
                Ok(self.lock(now, socket, (channel, field), id, ttl, fence))
            }
            _ => Err(wrong("a message that is not of the room")),
        }
    }

    fn lock(
        &mut self,
        now: Time,
        socket: usize,
        (channel, field): (usize, usize),
        id: u64,
        ttl: Time,
        fence: Option<u64>,
    ) -> Vec<Does> {
        let Some(guest) = self.guests.get(&socket).cloned() else {
            return Vec::new();
        };
        let crowd = self.rooms.entry(channel).or_default();
        let watcher = crowd.watchers.entry(socket).or_default();
        watcher.edits = true;
        let seen = watcher.name.clone();
        let known = seen.as_ref().is_none_or(|name| *name == guest.client);
        let mut holder = Vec::new();
        if let Some(seen) = seen {
            holder.push(format!(r#""client":"{seen}""#));
        }
        if let Some(user) = guest.user.as_ref().filter(|_| known) {
            holder.push(format!(r#""user":"{user}""#));
        }
        let last = self.leases.get(&field);
        let live = last.is_some_and(|last| last.until > now);
        let theirs = last.is_some_and(|last| {
            let client = last.client == guest.client || last.socket.is_none();
            last.user == guest.user && (guest.user.is_some() || client)
        });
        let same = last.is_some_and(|last| last.client == guest.client && last.user == guest.user);
        let goes_on = match (fence, last) {
            (Some(fence), Some(last)) if last.fence == fence && theirs => {
                if !live {
                    self.noted.push(Noted::Revived);
                } else if last.client != guest.client {
                    self.noted.push(Noted::HandedOn);
                }
                Some(fence)
            }
            (Some(fence), Some(last)) if last.fence == fence && live => {
                return self.is_locked(now, socket, id, channel, field);
            }
            (Some(_), _) => {
                self.noted.push(Noted::Stale);
                return refuse(socket, Some(id), channel, "stale_fence");
            }
            (None, Some(_)) if live && !same => {
                return self.is_locked(now, socket, id, channel, field);
            }
            (None, _) => None,
        };
        if goes_on.is_none() {
            self.fence += 1;
            if live {
                self.noted.push(Noted::Anew);
            }
        }
        let lease = Lease {
            fence: goes_on.unwrap_or(self.fence),
            client: guest.client,
            user: guest.user,
            holder: format!("{{{}}}", holder.join(",")),
            socket: Some(socket),
            until: now + ttl,
            promised: now + ttl,
        };
        let key = field_name(field);
        let granted = format!(
            r#"{{"t":"lockd","id":{id},"ch":"channel{channel}","key":"{key}","fence":{},"ttl":{}}}"#,
            lease.fence,
            ttl / MS
        );
        let text = said(channel, field, &lease, now);
        self.leases.insert(field, lease);
        let mut out = vec![Does::Send(socket, granted)];
        out.extend(self.relay(channel, &text));
        out
    }

    fn is_locked(
        &mut self,
        now: Time,
        socket: usize,
        id: u64,
        channel: usize,
        field: usize,
    ) -> Vec<Does> {
        self.noted.push(Noted::Locked);
        let mut out = refuse(socket, Some(id), channel, "locked");
        if let Some(lease) = self.leases.get(&field) {
            out.push(Does::Send(socket, said(channel, field, lease, now)));
        }
        out
    }

    fn unlock(
        &mut self,
        now: Time,
        socket: usize,
        channel: usize,
        field: usize,
        fence: u64,
    ) -> Vec<Does> {
        let (Some(guest), Some(lease)) = (self.guests.get(&socket), self.leases.get_mut(&field))
        else {
            return Vec::new();
        };
        let client = lease.client == guest.client || lease.socket.is_none();
        let theirs = lease.user == guest.user && (guest.user.is_some() || client);
        if lease.fence != fence || lease.until <= now || !theirs {
            return Vec::new();
        }
        lease.until = 0;
        lease.promised = 0;
        self.relay(channel, &freed(channel, field, fence))
    }

    /// Time passed.
    pub(crate) fn tick(&mut self, now: Time) -> Vec<Does> {
        let channels: Vec<usize> = self.rooms.keys().copied().collect();
        let mut out = Vec::new();
        for channel in channels {
            if let Some(crowd) = self.rooms.get_mut(&channel) {
                let silent = crowd.entries.iter().filter(|(_, entry)| entry.until <= now);
                let silent: Vec<String> = silent.map(|(name, _)| name.clone()).collect();
                for name in silent {
                    self.noted.push(Noted::Silent);
                    crowd.drop_entry(&name, None);
                }
            }
            out.extend(self.tell(now, channel));
        }
        let over = self.leases.iter_mut();
        let over = over.filter(|(_, lease)| lease.until > 0 && lease.until <= now);
        let over: Vec<(usize, u64)> = over
            .map(|(field, lease)| {
                lease.until = 0;
                (*field, lease.fence)
            })
            .collect();
        for (field, fence) in over {
            let channel = field % self.channels;
            out.extend(self.relay(channel, &freed(channel, field, fence)));
        }
        out
    }

    /// When it has something to do by itself.
    pub(crate) fn next_wakeup(&self) -> Option<Time> {
        let crowds = self.rooms.values().flat_map(|crowd| {
            let ends = crowd.entries.values().map(|entry| entry.until);
            ends.chain(crowd.telling())
        });
        let leases = self.leases.values().map(|lease| lease.until);
        crowds.chain(leases.filter(|until| *until > 0)).min()
    }
}

/// Says who has a field.
fn said(channel: usize, field: usize, lease: &Lease, now: Time) -> String {
    format!(
        r#"{{"t":"lockev","ch":"channel{channel}","key":"{}","fence":{},"holder":{},"ttl":{}}}"#,
        field_name(field),
        lease.fence,
        lease.holder,
        lease.until.saturating_sub(now) / MS
    )
}

/// Says that nobody has a field any more.
fn freed(channel: usize, field: usize, fence: u64) -> String {
    format!(
        r#"{{"t":"lockev","ch":"channel{channel}","key":"{}","fence":{fence},"holder":null}}"#,
        field_name(field),
    )
}

fn refuse(socket: usize, id: Option<u64>, channel: usize, code: &str) -> Vec<Does> {
    let id = id.map_or(String::new(), |id| format!(r#""id":{id},"#));
    let text = format!(r#"{{"t":"err",{id}"ch":"channel{channel}","code":"{code}","msg":"no"}}"#);
    vec![Does::Send(socket, text)]
}

fn wrong(what: &str) -> Broken {
    Broken {
        promise: Promise::G12,
        how: format!("the page said of the room what the protocol does not allow: {what}"),
    }
}
