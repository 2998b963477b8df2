//! What of a protocol is its own where it is carried by a stream of events that is opened by a plain request.
//! Our own protocol opens its stream by what it says first, and says all else in the stream's data.

use super::sse::SseEvent;
use super::{Heard, Wire};
use crate::engine::http::Call;

impl Wire {
    /// The request that opens a stream of events, of a protocol that has one of its own; what is known by then
    /// is told when it is open ([`Wire::news`]).
    pub fn stream(&mut self, url: String, token: Option<&str>) -> Option<Call> {
        #[cfg(feature = "wires")]
        if let Wire::Plain(session) = self {
            return session.stream(url, token);
        }
        let _ = (url, token);
        None
    }

    /// Reads an event of a stream.
    pub fn read_event<'a>(&mut self, event: &'a SseEvent, heard: &mut Vec<Heard<'a>>) {
        #[cfg(feature = "wires")]
        if let Wire::Plain(session) = self {
            return session.read_event(event, heard);
        }
        self.read(event.data.as_bytes(), heard);
    }

    /// Everything of a stream was told up to this id, and the server wants so many milliseconds of pause before
    /// it is opened again.
    pub fn mark(&mut self, id: &str, retry: Option<u64>) {
        #[cfg(feature = "wires")]
        if let Wire::Plain(session) = self {
            session.mark(id, retry);
        }
        let _ = (id, retry);
    }

    /// After how many milliseconds a stream that ended may be opened again.
    pub fn retry_ms(&self) -> Option<u64> {
        #[cfg(feature = "wires")]
        if let Wire::Plain(session) = self {
            return session.retry_ms();
        }
        None
    }

    /// What the server means that answers with this status where a stream was wanted, in the statuses of HTTP;
    /// and what is wrong, if it is no answer of such a server.
    pub fn no_stream(&self, status: u16) -> (u16, Option<&'static str>) {
        #[cfg(feature = "wires")]
        if let Wire::Plain(session) = self {
            return session.no_stream(status);
        }
        (status, None)
    }

    /// Does a plain request tell whether the server is there?
    pub fn can_be_seen(&self) -> bool {
        #[cfg(feature = "wires")]
        if let Wire::Plain(session) = self {
            return session.can_be_seen();
        }
        true
    }
}
