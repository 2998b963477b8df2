//! Who is on which channel, as the server keeps it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Noted, Server, refuse, said, wrong};
use crate::agenda::{MS, S, Time};
use crate::chance::Chance;
use crate::promises::Broken;
use crate::server::Does;

/// Whoever says nothing for so long is gone.
const SILENT: Time = 55 * S;
/// Changes of a channel are told at most this often.
const TELL: Time = 100 * MS;

/// How often one page may ask for what is refused, before it can know.
const REFUSED_MOST: u32 = 10;

#[derive(Debug, Default)]
pub(super) struct Crowd {
    pub(super) watchers: BTreeMap<usize, Watcher>,
    pub(super) entries: BTreeMap<String, Entry>,
    pub(super) changed: BTreeSet<String>,
    pub(super) left: BTreeMap<String, u64>,
    pub(super) told: Option<Time>,
}

#[derive(Debug, Default)]
pub(super) struct Watcher {
    pub(super) name: Option<String>,
    pub(super) looks: bool,
    pub(super) edits: bool,
}

/// What is known under a name.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) user: Option<String>,
    pub(super) data: String,
    pub(super) reference: u64,
    pub(super) socket: Option<usize>,
    pub(super) until: Time,
}

/// How somebody is to be shown.
pub(super) struct Show {
    pub(super) id: Option<u64>,
    pub(super) data: Option<String>,
    pub(super) anonymous: bool,
    pub(super) all: bool,
}

impl Server {
    /// No answer reaches a page any more, and so no refusal does.
    pub(in crate::room) fn is_unheard(&mut self, socket: usize) {
        if let Some(guest) = self.guests.get_mut(&socket) {
            guest.refused.clear();
        }
    }

    pub(super) fn show(
        &mut self,
        now: Time,
        socket: usize,
        channel: usize,
        show: Show,
        chance: &mut Chance,
    ) -> Result<Vec<Does>, Broken> {
        let Some(guest) = self.guests.get_mut(&socket) else {
            return Ok(Vec::new());
        };
        if self.closed == Some(channel) {
            // Nothing has changed since: it is not allowed now either. Some may be on their way
            // already when the first answer comes.
            let times = guest.refused.entry(channel).or_default();
            *times += 1;
            if *times > REFUSED_MOST {
                return Err(wrong("it asks again for what was refused"));
            }
            self.noted.push(Noted::Forbidden);
            return Ok(refuse(socket, show.id, channel, "forbidden"));
        }
        if now < self.overloaded_until {
            self.noted.push(Noted::Overloaded);
            return Ok(refuse(socket, show.id, channel, "rate_limited"));
        }
        self.reference += 1;
        let reference = self.reference;
        let guest = guest.clone();
        let crowd = self.rooms.entry(channel).or_default();
        let watcher = crowd.watchers.entry(socket).or_default();
        watcher.looks = true;
        let before = watcher.name.clone();
        let name = match (&show.data, show.anonymous) {
            (None, _) => None,
            (Some(_), false) => Some(guest.client.clone()),
            // Always the same one while it is anonymous, and none that it is known by.
            (Some(_), true) => Some(match &before {
                Some(name) if *name != guest.client => name.clone(),
                Some(_) | None => format!("nobody{reference}"),
            }),
        };
        watcher.name.clone_from(&name);
        if let Some(before) = before.filter(|before| Some(before) != name.as_ref()) {
            crowd.drop_entry(&before, Some(socket));
        }
        if let (Some(name), Some(data)) = (&name, show.data) {
            let entry = Entry {
                user: guest.user.filter(|_| !show.anonymous),
                data,
                reference,
                socket: Some(socket),
                until: now + SILENT,
            };
            crowd.entries.insert(name.clone(), entry);
            crowd.changed.insert(name.clone());
            crowd.left.remove(name);
        }
        let mut out = Vec::new();
        if show.all {
            let parts = crowd.everybody(channel, name.as_deref(), chance);
            if parts.len() > 1 {
                self.noted.push(Noted::InParts);
            }
            out.extend(parts.into_iter().map(|text| Does::Send(socket, text)));
            for (field, lease) in &self.leases {
                if lease.until > now && field % self.channels == channel {
                    out.push(Does::Send(socket, said(channel, *field, lease, now)));
                }
            }
        } else if let Some(name) = name {
            // It may be another one than before.
            let text = format!(
                r#"{{"t":"presence","ch":"channel{channel}","you":"{name}","join":{{}},"leave":{{}}}}"#
            );
            out.push(Does::Send(socket, text));
        }
        out.extend(self.tell(now, channel));
        Ok(out)
    }

    pub(super) fn leave(&mut self, now: Time, socket: usize, channel: usize) -> Vec<Does> {
        if let Some(crowd) = self.rooms.get_mut(&channel)
            && let Some(watcher) = crowd.watchers.get_mut(&socket)
        {
            watcher.looks = false;
            if let Some(name) = watcher.name.take() {
                crowd.drop_entry(&name, Some(socket));
            }
        }
        self.tell(now, channel)
    }

    pub(super) fn signal(
        &self,
        socket: usize,
        channel: usize,
        name: &str,
        data: &str,
    ) -> Vec<Does> {
        let Some(crowd) = self.rooms.get(&channel) else {
            return Vec::new();
        };
        let Some(speaker) = crowd.watchers.get(&socket).filter(|have| have.looks) else {
            return Vec::new();
        };
        let mut who = String::new();
        if let Some(seen) = &speaker.name {
            who = format!(r#","from":"{seen}""#);
            if let Some(user) = crowd
                .entries
                .get(seen)
                .and_then(|entry| entry.user.as_ref())
            {
                who = format!(r#"{who},"user":"{user}""#);
            }
        }
        let text =
            format!(r#"{{"t":"sig","ch":"channel{channel}","name":"{name}"{who},"data":{data}}}"#);
        let others = crowd.watchers.iter();
        let others = others.filter(|(other, watcher)| **other != socket && watcher.looks);
        others
            .map(|(other, _)| Does::Send(*other, text.clone()))
            .collect()
    }

    pub(super) fn relay(&self, channel: usize, text: &str) -> Vec<Does> {
        let watchers = self.rooms.get(&channel).map(|crowd| &crowd.watchers);
        let watchers = watchers.into_iter().flat_map(BTreeMap::iter);
        let hears = watchers.filter(|(_, watcher)| watcher.looks || watcher.edits);
        hears
            .map(|(socket, _)| Does::Send(*socket, text.to_owned()))
            .collect()
    }

    pub(super) fn tell(&mut self, now: Time, channel: usize) -> Vec<Does> {
        let Some(crowd) = self.rooms.get_mut(&channel) else {
            return Vec::new();
        };
        if crowd.telling().is_none_or(|at| at > now) {
            return Vec::new();
        }
        crowd.told = Some(now);
        let changed = std::mem::take(&mut crowd.changed);
        let join: Vec<String> = changed
            .iter()
            .filter_map(|name| crowd.entry_text(name))
            .collect();
        let left = std::mem::take(&mut crowd.left);
        let left: Vec<String> = left
            .iter()
            .map(|(name, n)| format!("\"{name}\":{n}"))
            .collect();
        let text = format!(
            r#"{{"t":"presence","ch":"channel{channel}","join":{{{}}},"leave":{{{}}}}}"#,
            join.join(","),
            left.join(",")
        );
        let lookers = crowd.watchers.iter().filter(|(_, watcher)| watcher.looks);
        lookers
            .map(|(socket, _)| Does::Send(*socket, text.clone()))
            .collect()
    }
}

impl Crowd {
    pub(super) fn telling(&self) -> Option<Time> {
        let any = !self.changed.is_empty() || !self.left.is_empty();
        any.then(|| self.told.map_or(0, |told| told + TELL))
    }

    /// An entry goes, if it is of this connection or of none.
    pub(super) fn drop_entry(&mut self, name: &str, socket: Option<usize>) {
        let theirs = (self.entries.get(name))
            .is_some_and(|entry| socket.is_none() || entry.socket == socket);
        if theirs && let Some(entry) = self.entries.remove(name) {
            self.changed.remove(name);
            self.left.insert(name.to_owned(), entry.reference);
        }
    }

    fn entry_text(&self, name: &str) -> Option<String> {
        let entry = self.entries.get(name)?;
        let user = match &entry.user {
            Some(user) => format!(r#","user":"{user}""#),
            None => String::new(),
        };
        Some(format!(
            r#""{name}":{{"ref":{}{user},"data":{}}}"#,
            entry.reference, entry.data
        ))
    }

    /// Everybody, in one message or several.
    fn everybody(&self, channel: usize, you: Option<&str>, chance: &mut Chance) -> Vec<String> {
        let texts: Vec<String> = (self.entries.keys())
            .filter_map(|name| self.entry_text(name))
            .collect();
        let size = chance.pick(&[1, 2, 100]);
        let mut parts: Vec<&[String]> = texts.chunks(size).collect();
        if parts.is_empty() {
            parts.push(&[]);
        }
        let you = you.map_or(String::new(), |you| format!(r#","you":"{you}""#));
        let part = |(at, part): (usize, &&[String])| {
            let full = if at == 0 { r#","full":true"# } else { "" };
            let join = part.join(",");
            format!(
                r#"{{"t":"presence","ch":"channel{channel}"{full}{you},"join":{{{join}}},"leave":{{}}}}"#
            )
        };
        parts.iter().enumerate().map(part).collect()
    }
}
