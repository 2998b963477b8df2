//! How a connection is carried over HTTP: by a stream of events with requests the other way, or by requests alone.

use super::sse::SseEvent;
use super::{Heard, Wire, native};
use crate::engine::http::{Call, Headers, Reply};
use crate::engine::text;

/// What a request is for, of a connection that is carried by requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door<'a> {
    /// A connection begins. What is said first goes along where the server names the connection with its
    /// welcome; it is empty where that is said under the name.
    Begin(&'a str),
    /// Waits for what the server says.
    Wait {
        /// The name of the connection.
        session: &'a str,
    },
    /// Says something.
    Say {
        /// The name of the connection.
        session: &'a str,
        /// Messages, in order.
        messages: &'a [String],
    },
    /// The connection is given up by us.
    End {
        /// The name of the connection.
        session: &'a str,
    },
}

impl Wire {
    /// The request at a door of a server at this address; none if nothing has to be asked for. A few want the token in
    /// its address.
    pub fn call(&mut self, url: &str, door: Door<'_>, token: Option<&str>) -> Option<Call> {
        let _ = token;
        either!(self, native::call(url, door), wire => wire.call(url, door, token))
    }

    /// Does the server name a connection before it hears who we are?
    pub fn is_named_first(&self) -> bool {
        !matches!(self, Wire::Native)
    }

    /// What the server means by an answer, in the statuses of HTTP.
    pub fn status(&self, reply: &Reply<'_>) -> u16 {
        either!(self, reply.status, wire => wire.status(reply))
    }

    /// Are there messages in an answer of this status? A captive portal answers everything with 200 and a page.
    pub fn carries(&self, status: u16, headers: &Headers<'_>) -> bool {
        let wanted = either!(self, native::BODY_TYPE, wire => wire.body_type());
        status == 204 || (status == 200 && has_type(headers, wanted))
    }

    /// Reads the messages of an answer.
    pub fn read_body<'a>(&mut self, body: &'a [u8], heard: &mut Vec<Heard<'a>>) {
        either!(self, native::read(body, heard), wire => wire.read_body(body, heard));
    }

    /// The request that opens a stream of events. Our own protocol says first who we are; of another one what is
    /// known by then is told when it is open ([`Wire::news`]).
    pub fn stream(&mut self, url: &str, client: &str, token: Option<&str>) -> Option<Call> {
        either!(
            self,
            Some(native::stream(url, client, token)),
            wire => {
                let _ = client;
                wire.stream(crate::engine::http::door(url, ""), token)
            }
        )
    }

    /// Reads an event of a stream.
    pub fn read_event<'a>(&mut self, event: &'a SseEvent, heard: &mut Vec<Heard<'a>>) {
        either!(
            self,
            native::read(event.data.as_bytes(), heard),
            wire => wire.read_event(event, heard)
        );
    }

    /// Everything of a stream was told up to this id, and the server wants so many milliseconds of pause before
    /// it is opened again.
    pub fn mark(&mut self, id: &str, retry: Option<u64>) {
        let _ = (id, retry);
        either!(self, (), wire => wire.mark(id, retry));
    }

    /// After how many milliseconds a stream that ended may be opened again.
    pub fn retry_ms(&self) -> Option<u64> {
        either!(self, None, wire => wire.retry_ms())
    }

    /// What the server means that answers with this status where a stream was wanted, in the statuses of HTTP;
    /// and what is wrong, if it is no answer of such a server.
    pub fn no_stream(&self, status: u16) -> (u16, Option<&'static str>) {
        either!(self, (status, None), wire => wire.no_stream(status))
    }

    /// Does a plain request tell whether the server is there?
    pub fn can_be_seen(&self) -> bool {
        either!(self, true, wire => wire.can_be_seen())
    }
}

/// Is an answer of this type?
pub fn has_type(headers: &Headers<'_>, wanted: &str) -> bool {
    headers
        .content_type
        .map(|mut text| text::piece(&mut text, b";").trim_ascii())
        .is_some_and(|kind| kind.eq_ignore_ascii_case(wanted))
}
