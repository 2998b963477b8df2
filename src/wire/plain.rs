//! JSON over a socket or a stream of events, of a server that has no protocol: what its messages mean is said by the app as data
//! ([`Plain`]).
//!
//! Whether anything was missed is never known from such a server, so each connection begins with a gap. A
//! server that counts its events shows holes while a connection lasts.
//!
//! What is said of no channel that was asked for is said on [`ALL`]. A server that is not asked for channels
//! decides itself what a page hears; there a channel is no more than a name in the messages.

pub mod form;
mod stream;

use std::borrow::Cow;

use self::form::{Form, Message, Names};
use super::json::{self, Raw};
use super::sse::SseEvent;
use super::{
    Ask, Capabilities, CloseMeans, CloseRule, Event, Heard, Heartbeat, Protocol, Recovery, Refusal,
    Resume, RoomCan, Want,
};
use crate::engine::backend::places::word;
use crate::engine::backend::plain::{ALL, Plain, with_token};
use crate::engine::http::Call;
use crate::engine::ids::RequestId;
use crate::engine::key::field;
use crate::engine::limits::{CHANNELS_CAP_MAX, PACKET_BYTES_MAX, PING_MAX};
use crate::engine::map::Map;

/// What close codes mean: those of the protocol of sockets, and those that servers agree on without one. A
/// server that refuses before it accepts closes with 1006, which is a lost connection like any other.
pub const CLOSES: &[CloseRule] = &[
    CloseRule::one(UNAUTHORIZED, CloseMeans::Unauthorized),
    CloseRule::one(4403, CloseMeans::Unauthorized),
    // What the documentation of FastAPI closes with.
    CloseRule::one(1008, CloseMeans::Unauthorized),
    // Registered, as the statuses 401 and 403 of HTTP.
    CloseRule::one(3000, CloseMeans::Unauthorized),
    CloseRule::one(3003, CloseMeans::Unauthorized),
    CloseRule::one(1001, CloseMeans::GoingAway),
    CloseRule::one(1012, CloseMeans::GoingAway),
    CloseRule::one(1009, CloseMeans::TooLarge),
    CloseRule::one(1013, CloseMeans::SlowDown),
    CloseRule::one(4429, CloseMeans::SlowDown),
];

const UNAUTHORIZED: u16 = 4401;

/// What is known of one connection.
#[derive(Debug)]
pub struct Session {
    with: Plain,
    welcomed: bool,
    /// The number of our question for a sign of life that is not answered.
    asked: Option<u64>,
    channels: Map<Box<str>, Channel>,
    news: Vec<Heard<'static>>,
    /// Where a stream is.
    mark: stream::Mark,
}

#[derive(Debug)]
struct Channel {
    /// The server said that it is subscribed, or says nothing about it.
    confirmed: bool,
    /// The number of the last event.
    last: Option<u64>,
    /// Nothing of it was missed since the last connection.
    whole: bool,
}

impl Session {
    /// Nothing is known yet of a server that this is said of.
    pub fn new(with: &Plain) -> Session {
        Session {
            with: with.clone(),
            welcomed: false,
            asked: None,
            channels: Map::new(),
            news: Vec::new(),
            mark: stream::Mark::default(),
        }
    }

    /// What can be had of such a server.
    pub fn capabilities(&self) -> Capabilities {
        Capabilities {
            resume: match &self.with.stream {
                Some(stream) if stream.replays => Resume::Mark,
                _ => Resume::No,
            },
            heartbeat: match self.with.send {
                Some(_) => Heartbeat::Us,
                None => Heartbeat::Server,
            },
            acks: false,
            clock: false,
            renews: false,
            room: RoomCan::NONE,
        }
    }

    /// The address, with the token if it belongs there.
    pub fn url(&self, url: &str, token: Option<&str>) -> String {
        match (&self.with.token_param, token) {
            (Some(param), Some(token)) => with_token(url, param, token),
            _ => url.to_owned(),
        }
    }

    /// The app may mean more codes by what one of ours means.
    pub fn close_code(&self, code: u16) -> u16 {
        match self.with.auth_codes.contains(&code) {
            true => UNAUTHORIZED,
            false => code,
        }
    }

    /// There is a new connection.
    pub fn begin(&mut self) {
        self.welcomed = false;
        self.asked = None;
        self.news.clear();
        match self.resumes() {
            true => self
                .channels
                .values_mut()
                .for_each(|channel| channel.whole = true),
            false => self.channels = Map::new(),
        }
    }

    /// Another person is there.
    pub fn forget_user(&mut self) {
        self.mark = stream::Mark::default();
        self.begin();
    }

    /// What is said first; it may be nothing. A server that says nothing to it knows us by it.
    pub fn hello(&mut self, token: Option<&str>) -> String {
        if self.with.welcome.is_none() {
            let welcome = self.welcome();
            self.news.push(welcome);
        }
        self.say(&self.with.hello, token, "").unwrap_or_default()
    }

    fn say(&self, form: &Option<Form>, token: Option<&str>, channel: &str) -> Option<String> {
        let token = token.unwrap_or("");
        form.as_ref()
            .map(|form| form.fill(Names { token, channel }))
    }

    fn welcome(&mut self) -> Heard<'static> {
        self.welcomed = true;
        Heard::Welcome {
            ping_ms: self.with.every.unwrap_or(PING_MAX.0),
            timeout_ms: None,
            session: None,
            now_ms: None,
            ends: None,
            room: RoomCan::NONE,
        }
    }

    /// Asks for a channel. One that the server is not asked for, or does not confirm, is had at once.
    pub fn subscribe(&mut self, name: &str, token: Option<&str>) -> Ask {
        let say = match name {
            ALL => None,
            _ => self.say(&self.with.subscribe, token, name),
        };
        let confirmed = say.is_none() || self.with.subscribed.is_none();
        let before = self.channels.get(name);
        let known = before.is_some_and(|channel| channel.confirmed);
        let whole = before.is_some_and(|channel| channel.whole);
        if self.channels.len() < CHANNELS_CAP_MAX || self.channels.contains(name) {
            let channel = Channel {
                confirmed: confirmed || known,
                last: None,
                whole: false,
            };
            self.channels.insert(name.into(), channel);
        }
        match say {
            Some(frame) if !confirmed => return Ask::Say(frame),
            Some(frame) => self.news.push(Heard::Say(frame)),
            None => {}
        }
        self.news.push(subscribed(name.to_owned(), whole));
        Ask::Known
    }

    /// What is known without a frame.
    pub fn news(&mut self) -> Vec<Heard<'static>> {
        std::mem::take(&mut self.news)
    }

    /// Gives a channel back.
    pub fn unsubscribe(&mut self, name: &str) -> Option<String> {
        self.channels.remove(name);
        match name {
            ALL => None,
            _ => self.say(&self.with.unsubscribe, None, name),
        }
    }

    /// Asks for a sign of life.
    pub fn ping(&mut self, number: u64) -> Option<String> {
        self.asked = Some(number);
        self.say(&self.with.send, None, "")
    }

    /// Gives one.
    pub fn pong(&self) -> String {
        self.say(&self.with.pong, None, "").unwrap_or_default()
    }

    /// Reads a frame: a message, a list of messages, or a message a line.
    pub fn read<'a>(&mut self, frame: &'a [u8], heard: &mut Vec<Heard<'a>>) {
        if frame.len() > PACKET_BYTES_MAX {
            heard.push(Heard::Malformed("frame too large"));
            return;
        }
        let Ok(text) = std::str::from_utf8(frame) else {
            heard.push(Heard::Malformed("frame is not UTF-8"));
            return;
        };
        match json::parse(text) {
            Ok(raw) if raw.is_array() => {
                raw.elements(|raw| self.message(raw.text(), Some(raw), heard));
            }
            Ok(raw) => self.message(text, Some(raw), heard),
            Err(_) => {
                for line in text.split('\n') {
                    let line = line.trim_ascii();
                    if !line.is_empty() {
                        self.message(line, json::parse(line).ok(), heard);
                    }
                }
            }
        }
    }

    fn message<'a>(&mut self, text: &'a str, raw: Option<Raw<'a>>, heard: &mut Vec<Heard<'a>>) {
        let message = Message { text, raw };
        let mut channel = Cow::Borrowed("");
        let mut is = |form: &Option<Form>| {
            let form = form.as_ref();
            form.is_some_and(|form| form.fits(message, &mut channel))
        };
        let answers = is(&self.with.answer);
        if let Some(number) = self.asked
            && (answers || self.with.answer.is_none())
        {
            self.asked = None;
            heard.push(Heard::Pong { number });
        }
        if answers {
            return;
        }
        if is(&self.with.ping) {
            heard.push(Heard::Ping { number: 0 });
        } else if is(&self.with.refused) {
            heard.push(Heard::TurnedAway(refusal(raw, None, "unauthorized")));
        } else if is(&self.with.welcome) {
            if !self.welcomed {
                let welcome = self.welcome();
                heard.push(welcome);
            }
        } else if is(&self.with.subscribed) {
            if let Some(known) = self.channels.get_mut(&*channel) {
                known.confirmed = true;
                heard.push(subscribed(channel.into_owned(), false));
            }
        } else if is(&self.with.denied) {
            self.channels.remove(&*channel);
            let channel = Some(channel.into_owned());
            heard.push(Heard::Refused(refusal(raw, channel, "forbidden")));
        } else if let Some(raw) = raw.filter(|raw| raw.is_object()) {
            if !self.event(raw, heard) {
                heard.push(Heard::Unknown);
            }
        } else {
            heard.push(Heard::Malformed("a message that is no object"));
        }
    }

    /// Tells of an event, if it has a name.
    fn event<'a>(&mut self, raw: Raw<'a>, heard: &mut Vec<Heard<'a>>) -> bool {
        let Some(name) = self.with.places.name(raw) else {
            return false;
        };
        let data = Cow::Borrowed(self.with.places.data(raw).text());
        self.tell(name, data, raw, heard);
        true
    }

    /// Tells of an event on the channel that its message names.
    fn tell<'a>(
        &mut self,
        name: Cow<'a, str>,
        data: Cow<'a, str>,
        raw: Raw<'a>,
        heard: &mut Vec<Heard<'a>>,
    ) {
        let said = field(raw, &self.with.channel).and_then(word);
        let channel = match said {
            Some(channel) if self.channels.contains(&*channel) => channel,
            // What is not asked for any more.
            Some(_) if self.with.subscribe.is_some() => {
                heard.push(Heard::Unknown);
                return;
            }
            Some(_) | None => Cow::Borrowed(ALL),
        };
        let number = self.with.seq.as_ref();
        let number = number.and_then(|path| field(raw, path)?.integer());
        let last = self.channels.get_mut(&*channel).map(|have| &mut have.last);
        let mut hole = false;
        if let (Some(number), Some(last)) = (number, last) {
            if last.is_some_and(|last| number <= last) {
                heard.push(Heard::Unknown);
                return;
            }
            hole = last.is_some_and(|last| number > last + 1);
            *last = Some(number);
        }
        if hole {
            heard.push(Heard::Gap {
                channel: channel.clone().into_owned(),
            });
        }
        heard.push(Heard::Event(Event {
            channel,
            seq: None,
            name,
            data,
            by: None,
            at: None,
            #[cfg(feature = "phoenix")]
            id: None,
        }));
    }
}

impl Protocol for Session {
    fn capabilities(&self) -> Capabilities {
        Session::capabilities(self)
    }

    fn closes(&self) -> &'static [CloseRule] {
        CLOSES
    }

    fn begin(&mut self) {
        Session::begin(self);
    }

    fn hello(&mut self, token: Option<&str>) -> String {
        Session::hello(self, token)
    }

    fn read<'a>(&mut self, frame: &'a [u8], heard: &mut Vec<Heard<'a>>) {
        Session::read(self, frame, heard);
    }

    fn ask(&mut self, want: &Want<'_>) -> Ask {
        self.subscribe(want.channel, want.token)
    }

    fn give_back(&mut self, _id: RequestId, channel: &str) -> Option<String> {
        self.unsubscribe(channel)
    }

    fn news(&mut self) -> Vec<Heard<'static>> {
        Session::news(self)
    }

    fn forget_user(&mut self) {
        Session::forget_user(self);
    }

    fn socket_url(&self, url: &str, token: Option<&str>) -> String {
        self.url(url, token)
    }

    fn close_code(&self, code: u16) -> u16 {
        Session::close_code(self, code)
    }

    fn ping(&mut self, number: u64) -> Option<String> {
        Session::ping(self, number)
    }

    fn pong(&self) -> String {
        Session::pong(self)
    }

    fn stream(&mut self, url: String, token: Option<&str>) -> Option<Call> {
        Session::stream(self, url, token)
    }

    fn read_event<'a>(&mut self, event: &'a SseEvent, heard: &mut Vec<Heard<'a>>) {
        Session::read_event(self, event, heard);
    }

    fn mark(&mut self, id: &str, retry: Option<u64>) {
        Session::mark(self, id, retry);
    }

    fn retry_ms(&self) -> Option<u64> {
        Session::retry_ms(self)
    }

    fn no_stream(&self, status: u16) -> (u16, Option<&'static str>) {
        Session::no_stream(self, status)
    }

    fn can_be_seen(&self) -> bool {
        Session::can_be_seen(self)
    }
}

/// Nothing is known of what was before, or nothing of it was missed.
fn subscribed(channel: String, whole: bool) -> Heard<'static> {
    Heard::Subscribed {
        request: None,
        channel,
        position: None,
        recovery: match whole {
            true => Recovery::Resumed,
            false => Recovery::Impossible,
        },
    }
}

/// A refusal, with the words that the server has for it.
fn refusal(raw: Option<Raw<'_>>, channel: Option<String>, code: &str) -> Refusal {
    let mut words = ["message", "detail", "reason", "error"].iter();
    let message = words.find_map(|name| word(raw?.member(name)?));
    Refusal {
        request: None,
        channel,
        code: code.to_owned(),
        message: message.unwrap_or(Cow::Borrowed("refused")).into_owned(),
        retry_after_ms: None,
    }
}

#[cfg(test)]
mod tests;
