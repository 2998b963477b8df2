//! A stream of events, as browsers know it, of a server that has no protocol.
//!
//! An event's name is the one that it has in the stream; one without is looked for in its JSON, as in a
//! message of a socket, and is `message` if there is none, as in a browser. What is no JSON is a string.
//!
//! The last id is sent when the stream is opened again. Whether the server then tells what was missed only
//! the app knows: a server that does not looks the same.

use std::borrow::Cow;

use super::Session;
use crate::engine::http::{Call, Method, Sight};
use crate::engine::limits::{ANSWER_BYTES_MAX, EPOCH_BYTES_MAX, RETRY_AFTER_MAX};
use crate::engine::text;
use crate::wire::Heard;
use crate::wire::json::{self, Raw, Writer};
use crate::wire::sse::SseEvent;

/// Where a stream is.
#[derive(Debug, Default)]
pub(super) struct Mark {
    id: String,
    retry: Option<u64>,
}

impl Session {
    /// Will a server that is told where we are tell the rest?
    pub(super) fn resumes(&self) -> bool {
        let replays = self.with.stream.as_ref().is_some_and(|with| with.replays);
        replays && !self.mark.id.is_empty()
    }

    /// The request that opens the stream. The server knows us when it answers it with one.
    pub fn stream(&mut self, url: String, token: Option<&str>) -> Option<Call> {
        self.with.stream.as_ref()?;
        let welcome = self.welcome();
        self.news.push(welcome);
        let mut headers = vec![("accept", "text/event-stream".to_owned())];
        if !self.mark.id.is_empty() {
            headers.push(("last-event-id", self.mark.id.clone()));
        }
        if let (None, Some(token)) = (&self.with.token_param, token) {
            headers.push(("authorization", text::concat(&["Bearer ", token])));
        }
        Some(Call {
            method: Method::Get,
            url: self.url(&url, token),
            headers,
            body: None,
            sight: Sight::Full,
            bytes_max: ANSWER_BYTES_MAX,
        })
    }

    /// Everything was told up to this id, and the server wants such a pause before the stream is opened again.
    pub fn mark(&mut self, id: &str, retry: Option<u64>) {
        let plain = id.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if !plain || id.len() > EPOCH_BYTES_MAX {
            // It cannot be sent: what follows is a gap.
            self.mark.id.clear();
        } else if self.mark.id != id {
            id.clone_into(&mut self.mark.id);
        }
        if let Some(retry) = retry {
            self.mark.retry = Some(retry.min(RETRY_AFTER_MAX.0));
        }
    }

    /// That pause.
    pub fn retry_ms(&self) -> Option<u64> {
        self.mark.retry
    }

    /// What an answer means that is no stream. Browsers never ask again after any of them; a server that is
    /// restarted answers so too.
    pub fn no_stream(&self, status: u16) -> (u16, Option<&'static str>) {
        match status {
            // The server says by it that nobody shall come back.
            204 => (403, None),
            200 => (status, Some("the answer is no stream of events")),
            _ => (status, None),
        }
    }

    /// A plain request would open one more stream.
    pub fn can_be_seen(&self) -> bool {
        self.with.stream.is_none()
    }

    /// Reads an event.
    pub fn read_event<'a>(&mut self, event: &'a SseEvent, heard: &mut Vec<Heard<'a>>) {
        let Some(stream) = &self.with.stream else {
            return;
        };
        if stream.reset.as_deref() == Some(&*event.event) {
            let lost = |name: &str| Heard::Gap {
                channel: name.to_owned(),
            };
            heard.extend(self.channels.keys().map(|name| lost(name)));
            return;
        }
        let raw = json::parse(&event.data).ok();
        let message = raw.filter(|raw| raw.is_object());
        if (stream.named || event.event.is_empty())
            && message.is_some_and(|message| self.event(message, heard))
        {
            return;
        }
        let name = match &*event.event {
            "" => "message",
            name => name,
        };
        let data = match raw {
            Some(raw) => Cow::Borrowed(raw.text()),
            None => {
                let mut writer = Writer::new();
                writer.string(&event.data);
                Cow::Owned(writer.finish())
            }
        };
        self.tell(Cow::Borrowed(name), data, raw.unwrap_or(Raw::NULL), heard);
    }
}
