//! What a wire has to say for itself, beside our own: one value of this a connection.
//!
//! What most of them do alike is said here once, so that a wire is what is its own.

#[cfg(feature = "rooms")]
use super::Shown;
use super::carried::Door;
use super::sse::SseEvent;
use super::{Ask, Capabilities, CloseRule, Heard};
use crate::engine::http::{Call, Reply};
use crate::engine::ids::{Position, RequestId};
use crate::engine::time::Wall;

/// A channel that is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Want<'a> {
    /// The number of the request.
    pub id: RequestId,
    /// The name of the channel.
    pub channel: &'a str,
    /// From where on.
    pub position: Option<&'a Position>,
    /// Of what the server keeps and is not known to have come, that since this moment, if there is such.
    pub since: Option<Wall>,
    /// The token at hand; of the channel, where channels have their own.
    pub token: Option<&'a str>,
}

/// A protocol, with what is known of a connection and of those before it. [`super::Wire`] says what each is for.
///
/// It cannot be shown: what shows it would be in every module, of each of them.
pub trait Protocol {
    /// What it can.
    fn capabilities(&self) -> Capabilities;
    /// What its close codes mean.
    fn closes(&self) -> &'static [CloseRule];
    /// There is a new connection.
    fn begin(&mut self);
    /// What is said first.
    fn hello(&mut self, token: Option<&str>) -> String;
    /// Reads a frame of text.
    fn read<'a>(&mut self, frame: &'a [u8], heard: &mut Vec<Heard<'a>>);
    /// Asks for a channel.
    fn ask(&mut self, want: &Want<'_>) -> Ask;
    /// Gives a channel back.
    fn give_back(&mut self, id: RequestId, channel: &str) -> Option<String>;
    /// What is known without a frame.
    fn news(&mut self) -> Vec<Heard<'static>>;

    /// Another person is there.
    fn forget_user(&mut self) {
        self.begin();
    }

    /// The subprotocol of a socket.
    fn subprotocol(&self) -> &'static str {
        ""
    }

    /// The address of a socket.
    fn socket_url(&self, url: &str, _token: Option<&str>) -> String {
        url.to_owned()
    }

    /// Reads a frame of bytes.
    fn read_bytes<'a>(&mut self, frame: &'a [u8], heard: &mut Vec<Heard<'a>>) {
        self.read(frame, heard);
    }

    /// A close code in the words of [`Protocol::closes`].
    fn close_code(&self, code: u16) -> u16 {
        code
    }

    /// Gives a new token.
    fn authorize(&mut self, _id: RequestId, _token: Option<&str>) -> Vec<String> {
        Vec::new()
    }

    /// Gives a new token of a channel.
    fn renew(&mut self, _channel: &str, _token: &str) -> Option<String> {
        None
    }

    /// Asks for a sign of life.
    fn ping(&mut self, _number: u64) -> Option<String> {
        None
    }

    /// Gives one.
    fn pong(&self) -> String {
        String::new()
    }

    /// Shows this browser on a channel.
    #[cfg(feature = "rooms")]
    fn show(&mut self, _shown: &Shown<'_>) -> Option<String> {
        None
    }

    /// Somebody looks who is on a channel.
    #[cfg(feature = "rooms")]
    fn look(&mut self, _channel: &str, _tab: &str, _everybody: bool) -> Option<String> {
        None
    }

    /// Nobody looks any more.
    #[cfg(feature = "rooms")]
    fn leave(&mut self, _channel: &str) -> Option<String> {
        None
    }

    /// The request at a door, of a connection that is carried by requests.
    fn call(&mut self, _url: &str, _door: Door<'_>, _token: Option<&str>) -> Option<Call> {
        None
    }

    /// What the server means by an answer to such a request, in the statuses of HTTP.
    fn status(&self, reply: &Reply<'_>) -> u16 {
        reply.status
    }

    /// Of which type the body of an answer is that has messages.
    fn body_type(&self) -> &'static str {
        "application/json"
    }

    /// Reads such a body.
    fn read_body<'a>(&mut self, body: &'a [u8], heard: &mut Vec<Heard<'a>>) {
        self.read(body, heard);
    }

    /// The request that opens a stream of events.
    fn stream(&mut self, _url: String, _token: Option<&str>) -> Option<Call> {
        None
    }

    /// Reads an event of a stream.
    fn read_event<'a>(&mut self, event: &'a SseEvent, heard: &mut Vec<Heard<'a>>) {
        self.read(event.data.as_bytes(), heard);
    }

    /// Where the stream is.
    fn mark(&mut self, _id: &str, _retry: Option<u64>) {}

    /// After how many milliseconds a stream that ended may be opened again.
    fn retry_ms(&self) -> Option<u64> {
        None
    }

    /// What a status means where a stream was wanted.
    fn no_stream(&self, status: u16) -> (u16, Option<&'static str>) {
        (status, None)
    }

    /// Does a plain request tell whether the server is there?
    fn can_be_seen(&self) -> bool {
        true
    }
}
