//! The model server: speaks `fresh.v1` with positions, epochs and a history that has an end, and
//! misbehaves when it is told to. It is written from `docs/protocol.md`, not from the engine.

use std::collections::{BTreeMap, VecDeque};

use everfresh::wire::json::{self, Raw, Text};

use crate::agenda::{MS, S, Time};
use crate::app::channel_name;
use crate::chance::Chance;
use crate::promises::{Broken, Promise};

/// The server.
#[derive(Debug)]
pub(crate) struct Server {
    /// It runs.
    pub(crate) up: bool,
    epoch: u32,
    ping: Time,
    history: usize,
    channels: Vec<Channel>,
    /// By the number of their sockets.
    sessions: BTreeMap<usize, Session>,
    /// Dials are refused until then.
    pub(crate) refuses_until: Time,
    /// Each connection is closed soon after it was made, until then.
    pub(crate) flaps_until: Time,
    pings: u64,
    /// What its welcome says of the room: a member that begins with a comma, or nothing.
    can: String,
}

#[derive(Debug)]
struct Channel {
    name: String,
    seq: u64,
    history: VecDeque<(u64, String)>,
}

#[derive(Debug)]
struct Session {
    state: State,
    channels: Vec<usize>,
}

#[derive(Debug)]
enum State {
    /// Waiting for `hello`.
    Greeting { until: Time },
    /// The page is known.
    Live {
        next_ping: Time,
        /// A ping is out; its answer is due then.
        due: Option<Time>,
        /// The server closes by itself then.
        leaves: Option<(Time, u16)>,
    },
}

/// What the server does.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Does {
    /// Sends a frame.
    Send(usize, String),
    /// Closes a connection.
    Close(usize, u16, String),
}

/// What a message of the page amounted to, for the counts of rare states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Noted {
    /// Nothing special.
    Nothing,
    /// A page was welcomed.
    Welcomed,
    /// A subscription from a position: events that were missed were sent.
    Recovered,
    /// A subscription from a position that could not be recovered.
    Impossible,
}

impl Server {
    /// A server that runs, with a history of so many events a channel.
    pub(crate) fn new(channels: usize, history: usize, ping: Time, can: String) -> Self {
        Server {
            up: true,
            epoch: 1,
            ping,
            history,
            channels: (0..channels)
                .map(|at| Channel {
                    name: channel_name(at),
                    seq: 0,
                    history: VecDeque::new(),
                })
                .collect(),
            sessions: BTreeMap::new(),
            refuses_until: 0,
            flaps_until: 0,
            pings: 0,
            can,
        }
    }

    /// The epoch's name.
    fn epoch_name(&self) -> String {
        format!("e{}", self.epoch)
    }

    /// Does it take frames on this socket from a page that it knows?
    pub(crate) fn knows(&self, socket: usize) -> bool {
        matches!(
            self.sessions.get(&socket),
            Some(Session {
                state: State::Live { .. },
                ..
            })
        )
    }

    /// How many events it keeps of each channel.
    pub(crate) fn history(&self) -> usize {
        self.history
    }

    /// The sockets of all sessions.
    pub(crate) fn sockets(&self) -> impl Iterator<Item = usize> + '_ {
        self.sessions.keys().copied()
    }

    /// A page dials. Does the server take it?
    pub(crate) fn dialled(&mut self, now: Time, socket: usize) -> bool {
        if !self.up || now < self.refuses_until {
            return false;
        }
        self.sessions.insert(
            socket,
            Session {
                state: State::Greeting {
                    until: now + 10 * S,
                },
                channels: Vec::new(),
            },
        );
        true
    }

    /// A connection is over.
    pub(crate) fn closed(&mut self, socket: usize) {
        self.sessions.remove(&socket);
    }

    /// Stops. All connections are over.
    pub(crate) fn stop(&mut self) -> Vec<usize> {
        self.up = false;
        let sockets = self.sessions.keys().copied().collect();
        self.sessions.clear();
        sockets
    }

    /// Starts again.
    pub(crate) fn start(&mut self, new_epoch: bool, keeps_history: bool) {
        self.up = true;
        if new_epoch {
            self.epoch += 1;
        }
        for channel in &mut self.channels {
            if new_epoch {
                channel.seq = 0;
            }
            if new_epoch || !keeps_history {
                channel.history.clear();
            }
        }
    }

    /// Forgets old events, except so many of each channel.
    pub(crate) fn forget(&mut self, keep: usize) {
        for channel in &mut self.channels {
            while channel.history.len() > keep {
                channel.history.pop_front();
            }
        }
    }

    /// Something changed: an event for all who listen. `holes` of the listeners never get it.
    pub(crate) fn publish(
        &mut self,
        now: Time,
        at: usize,
        name: &str,
        data: &str,
        mut lost: impl FnMut() -> bool,
    ) -> Vec<Does> {
        let history = self.history;
        let channel = &mut self.channels[at];
        channel.seq += 1;
        let event = format!(
            r#"{{"t":"ev","ch":"{}","s":{},"name":"{name}","data":{data},"at":{}}}"#,
            channel.name,
            channel.seq,
            now / MS,
        );
        channel.history.push_back((channel.seq, event.clone()));
        if channel.history.len() > history {
            channel.history.pop_front();
        }
        self.sessions
            .iter()
            .filter(|(_, session)| session.channels.contains(&at) && !lost())
            .map(|(socket, _)| Does::Send(*socket, event.clone()))
            .collect()
    }

    /// The last events of a session's channels, once more.
    pub(crate) fn repeat(&self, count: usize) -> Vec<Does> {
        let mut out = Vec::new();
        for (socket, session) in &self.sessions {
            for channel in session
                .channels
                .iter()
                .filter_map(|at| self.channels.get(*at))
            {
                let from = channel.history.len().saturating_sub(count);
                for (_, event) in channel.history.range(from..) {
                    out.push(Does::Send(*socket, event.clone()));
                }
            }
        }
        out
    }

    /// A frame came.
    pub(crate) fn heard(
        &mut self,
        now: Time,
        socket: usize,
        frame: &str,
        chance: &mut Chance,
    ) -> Result<(Vec<Does>, Noted), Broken> {
        let Some(session) = self.sessions.get_mut(&socket) else {
            return Ok((Vec::new(), Noted::Nothing));
        };
        if frame.len() > 64 << 10 {
            return Err(wrong("a frame of more than 64 KiB"));
        }
        let message = json::parse(frame).map_err(|_| wrong("a frame that is not JSON"))?;
        let text = |name| message.member(name).and_then(Raw::string).map(Text::decode);
        let number = |name| message.member(name).and_then(Raw::integer);
        let kind = text("t").ok_or_else(|| wrong("a message without t"))?;
        match (&mut session.state, kind.as_ref()) {
            (State::Greeting { .. }, "hello") => {
                if number("v") != Some(1) || text("client").is_none() {
                    return Err(wrong("a hello that is not of version 1"));
                }
                let leaves =
                    (now < self.flaps_until).then(|| (now + chance.between(50 * MS, 3 * S), 1011));
                session.state = State::Live {
                    next_ping: now + self.ping,
                    due: None,
                    leaves,
                };
                let welcome = format!(
                    r#"{{"t":"welcome","v":1,"session":"s{socket}","ping":{},"now":{}{}}}"#,
                    self.ping / MS,
                    now / MS,
                    self.can
                );
                Ok((vec![Does::Send(socket, welcome)], Noted::Welcomed))
            }
            (State::Greeting { .. }, other) => Err(wrong(&format!("`{other}` before hello"))),
            (State::Live { .. }, "hello") => Err(wrong("a second hello")),
            (State::Live { due, .. }, "pong") => {
                *due = None;
                Ok((Vec::new(), Noted::Nothing))
            }
            (State::Live { due, .. }, "ping") => {
                *due = None;
                let n = number("n").ok_or_else(|| wrong("a ping without n"))?;
                let pong = format!(r#"{{"t":"pong","n":{n}}}"#);
                Ok((vec![Does::Send(socket, pong)], Noted::Nothing))
            }
            (State::Live { .. }, "sub") => {
                let id = number("id").ok_or_else(|| wrong("a sub without id"))?;
                let name = text("ch").ok_or_else(|| wrong("a sub without ch"))?;
                self.subscribe(socket, id, &name, message.member("pos"))
            }
            (State::Live { .. }, "unsub") => {
                let id = number("id").ok_or_else(|| wrong("an unsub without id"))?;
                let name = text("ch").ok_or_else(|| wrong("an unsub without ch"))?;
                let at = self.channels.iter().position(|have| have.name == name);
                session.channels.retain(|have| Some(*have) != at);
                let unsubd = format!(r#"{{"t":"unsubd","id":{id},"ch":"{name}"}}"#);
                Ok((vec![Does::Send(socket, unsubd)], Noted::Nothing))
            }
            (State::Live { .. }, other) => Err(wrong(&format!("a message `{other}`"))),
        }
    }

    fn subscribe(
        &mut self,
        socket: usize,
        id: u64,
        name: &str,
        position: Option<Raw<'_>>,
    ) -> Result<(Vec<Does>, Noted), Broken> {
        let epoch = self.epoch_name();
        let Some(at) = self.channels.iter().position(|have| have.name == name) else {
            let refused = format!(
                r#"{{"t":"err","id":{id},"ch":"{name}","code":"not_found","msg":"no such channel"}}"#
            );
            return Ok((vec![Does::Send(socket, refused)], Noted::Nothing));
        };
        let channel = &self.channels[at];
        let from = match position {
            None => None,
            Some(position) => {
                let theirs = position.member("e").and_then(Raw::string).map(Text::decode);
                let seq = position.member("s").and_then(Raw::integer);
                match (theirs, seq) {
                    (Some(theirs), Some(seq)) => Some((theirs == epoch, seq)),
                    _ => return Err(wrong("a position without epoch or number")),
                }
            }
        };
        let missed: Option<Vec<&str>> = from.and_then(|(same_epoch, seq)| {
            let have = channel
                .history
                .iter()
                .filter(|(have, _)| *have > seq)
                .map(|(_, event)| event.as_str())
                .collect::<Vec<_>>();
            let complete = channel.seq.checked_sub(seq) == Some(have.len() as u64);
            (same_epoch && complete).then_some(have)
        });
        let (recovered, noted) = match (from, &missed) {
            (None, _) => ("null", Noted::Nothing),
            (Some(_), None) => ("false", Noted::Impossible),
            (Some(_), Some(missed)) if missed.is_empty() => ("true", Noted::Nothing),
            (Some(_), Some(_)) => ("true", Noted::Recovered),
        };
        let answer = format!(
            r#"{{"t":"subd","id":{id},"ch":"{name}","pos":{{"e":"{epoch}","s":{}}},"recovered":{recovered},"missed":[{}]}}"#,
            channel.seq,
            missed.unwrap_or_default().join(","),
        );
        if let Some(session) = self.sessions.get_mut(&socket)
            && !session.channels.contains(&at)
        {
            session.channels.push(at);
        }
        Ok((vec![Does::Send(socket, answer)], noted))
    }

    /// The server says that it goes away, and does so a while after the spread.
    pub(crate) fn go_away(&mut self, now: Time, spread: Time) -> Vec<Does> {
        let mut out = Vec::new();
        for (socket, session) in &mut self.sessions {
            if let State::Live { leaves, .. } = &mut session.state {
                *leaves = Some((now + spread + 2 * S, 4503));
                let spread = spread / MS;
                let text = format!(r#"{{"t":"goaway","reason":"deploy","spread":{spread}}}"#);
                out.push(Does::Send(*socket, text));
            }
        }
        out
    }

    /// The session that a socket has is closed with a code.
    pub(crate) fn kick(&mut self, socket: usize, code: u16, reason: &str) -> Option<Does> {
        self.sessions.remove(&socket)?;
        Some(Does::Close(socket, code, reason.to_owned()))
    }

    /// Time passed.
    pub(crate) fn tick(&mut self, now: Time) -> Vec<Does> {
        let mut out = Vec::new();
        let (ping, pings) = (self.ping, &mut self.pings);
        self.sessions.retain(|socket, session| {
            let mut close = |code, reason: &str| {
                out.push(Does::Close(*socket, code, reason.to_owned()));
                false
            };
            match &mut session.state {
                State::Greeting { until } if *until <= now => close(4408, "no hello"),
                State::Live {
                    leaves: Some((at, code)),
                    ..
                } if *at <= now => close(*code, ""),
                State::Live { due: Some(due), .. } if *due <= now => close(4408, "no pong"),
                State::Live { next_ping, due, .. } if *next_ping <= now => {
                    *next_ping = now + ping;
                    due.get_or_insert(now + 10 * S);
                    *pings += 1;
                    out.push(Does::Send(
                        *socket,
                        format!(r#"{{"t":"ping","n":{pings}}}"#),
                    ));
                    true
                }
                State::Greeting { .. } | State::Live { .. } => true,
            }
        });
        out
    }

    /// When it has something to do by itself.
    pub(crate) fn next_wakeup(&self) -> Option<Time> {
        let wakeups = self.sessions.values().map(|session| match session.state {
            State::Greeting { until } => until,
            State::Live {
                next_ping,
                due,
                leaves,
            } => {
                let leaves = leaves.map_or(Time::MAX, |(at, _)| at);
                next_ping.min(due.unwrap_or(Time::MAX)).min(leaves)
            }
        });
        wakeups.min()
    }
}

fn wrong(what: &str) -> Broken {
    Broken {
        promise: Promise::G12,
        how: format!("the page said what the protocol does not allow: {what}"),
    }
}
