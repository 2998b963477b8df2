//! The state of the link as the app sees it.

use std::borrow::Cow;

use super::time::Wall;
use crate::wire::json::{Raw, Text, Writer};

/// One word for the state of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Not started, or nothing to do.
    Idle,
    /// The first dial is under way.
    Connecting,
    /// There is a connection; [`Status::authenticated`] says whether the server knows us.
    Connected,
    /// Connected, but by a lower transport, or slow.
    Degraded,
    /// The server has no connections: everything is asked for.
    Polling,
    /// The link was lost; it is being dialled again.
    Reconnecting,
    /// The browser says that there is no network, or nothing has answered for long.
    Offline,
    /// The server wants a login.
    NeedsAuth,
    /// Dialling again would be of no use.
    Failed,
    /// Closed by the app.
    Closed,
}

/// Word and text, both ways, in one table.
const WORDS: [(Word, &str); 10] = [
    (Word::Idle, "idle"),
    (Word::Connecting, "connecting"),
    (Word::Connected, "connected"),
    (Word::Degraded, "degraded"),
    (Word::Polling, "polling"),
    (Word::Reconnecting, "reconnecting"),
    (Word::Offline, "offline"),
    (Word::NeedsAuth, "needs-auth"),
    (Word::Failed, "failed"),
    (Word::Closed, "closed"),
];

impl Word {
    /// As the app reads it.
    pub fn text(self) -> &'static str {
        WORDS
            .iter()
            .find(|(word, _)| *word == self)
            .map_or("idle", |(_, text)| text)
    }

    fn parse(text: &str) -> Option<Word> {
        WORDS
            .iter()
            .find(|(_, have)| *have == text)
            .map(|(word, _)| *word)
    }
}

/// What carries the messages of a connection, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A WebSocket.
    Socket,
    /// An answer that is read as it comes (server-sent events), and requests the other way.
    Stream,
    /// Requests that the server answers when it has something to say.
    Poll,
}

impl Transport {
    /// As the app reads and writes it.
    pub fn text(self) -> &'static str {
        match self {
            Transport::Socket => "ws",
            Transport::Stream => "sse",
            Transport::Poll => "poll",
        }
    }

    /// Reads what [`Transport::text`] wrote.
    pub fn parse(text: &str) -> Option<Transport> {
        match text {
            "ws" => Some(Transport::Socket),
            "sse" => Some(Transport::Stream),
            "poll" => Some(Transport::Poll),
            _ => None,
        }
    }
}

/// The state of the link, with its why and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The state.
    pub word: Word,
    /// Why, for reading by people.
    pub reason: Cow<'static, str>,
    /// Since when.
    pub since: Wall,
    /// How many dials in a row failed.
    pub attempt: u32,
    /// When the next dial is due.
    pub next_retry: Option<Wall>,
    /// Does the server know us? A connection is there before it does.
    pub authenticated: bool,
    /// What carries the link; while it is down, what it will be dialled with.
    pub transport: Option<Transport>,
}

impl Status {
    /// Can something be said to the server?
    pub fn has_link(&self) -> bool {
        matches!(self.word, Word::Connected | Word::Degraded)
    }

    /// Not started yet.
    pub fn idle(since: Wall) -> Status {
        Status {
            word: Word::Idle,
            reason: Cow::Borrowed("not started"),
            since,
            attempt: 0,
            next_retry: None,
            authenticated: false,
            transport: None,
        }
    }

    /// Writes the members of the status into an object that is open.
    pub fn write_members(&self, w: &mut Writer) {
        w.key("status").string(self.word.text());
        w.key("reason").string(&self.reason);
        w.key("since").number(self.since.0);
        w.key("attempt").number(self.attempt.into());
        match self.next_retry {
            Some(at) => w.key("nextRetry").number(at.0),
            None => w.key("nextRetry").null(),
        }
        w.key("authenticated").bool(self.authenticated);
        match self.transport {
            Some(transport) => w.key("transport").string(transport.text()),
            None => w.key("transport").null(),
        }
    }

    /// Reads what [`Status::write_members`] wrote; a follower learns its leader's status so.
    pub fn read(raw: Raw<'_>) -> Option<Status> {
        let mut word = None;
        let mut status = Status::idle(Wall(0));
        raw.members(|key, value| match key.decode().as_ref() {
            "status" => word = value.string().and_then(|text| Word::parse(&text.decode())),
            "reason" => {
                let text = value.string().map(Text::decode).unwrap_or_default();
                status.reason = Cow::Owned(text.into_owned());
            }
            "since" => status.since = Wall(value.integer().unwrap_or(0)),
            "attempt" => {
                status.attempt = value
                    .integer()
                    .and_then(|n| u32::try_from(n).ok())
                    .unwrap_or(0);
            }
            "nextRetry" => status.next_retry = value.integer().map(Wall),
            "authenticated" => status.authenticated = value.bool().unwrap_or(false),
            "transport" => {
                let text = value.string().map(Text::decode);
                status.transport = text.and_then(|text| Transport::parse(&text));
            }
            _ => {}
        });
        status.word = word?;
        Some(status)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::wire::json;

    #[test]
    fn every_word_survives_the_way_to_another_tab() {
        for (word, _) in WORDS {
            let status = Status {
                word,
                reason: "a \"reason\"".into(),
                since: Wall(7),
                attempt: 3,
                next_retry: (word == Word::Reconnecting).then_some(Wall(9)),
                authenticated: word == Word::Connected,
                transport: (word == Word::Degraded).then_some(Transport::Poll),
            };
            let mut writer = Writer::new();
            writer.object(|w| status.write_members(w));
            let text = writer.finish();
            assert_eq!(Status::read(json::parse(&text).unwrap()), Some(status));
        }
    }
}
