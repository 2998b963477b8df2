//! What is said over Phoenix channels in the words of every wire: a channel is a topic that was joined.
//!
//! A server that accepts the socket has accepted us, and says nothing. The first sign of life that we ask
//! for is our greeting, and the answer to it the welcome.
//!
//! What belongs to a former join of a topic is dropped. An ask that stays unanswered is made anew, but not
//! at once: a server answers one at a time, and Supabase sleeps for five seconds before it refuses.

mod poll;
mod refused;
#[cfg(feature = "rooms")]
mod room;

use std::borrow::Cow;

#[cfg(feature = "rooms")]
use super::Payload;
use super::{Message, Say, Says, heartbeat};
use crate::engine::backend::phoenix::{Phoenix, Topics};
use crate::engine::http::{Call, Reply};
use crate::engine::ids::RequestId;
use crate::engine::limits::{
    JOIN_WAITS_MAX, JOIN_WAITS_READY_MAX, PHOENIX_HEARTBEAT, PHOENIX_PATIENCE,
};
use crate::engine::map::Map;
use crate::engine::text;
use crate::engine::time::Wall;
#[cfg(feature = "rooms")]
use crate::wire::Shown;
use crate::wire::carried::Door;
use crate::wire::engineio::Fault;
use crate::wire::json::{Raw, Writer};
use crate::wire::supabase::{self, Meaning};
use crate::wire::token::{is_about_who, push_query, with_member};
use crate::wire::{
    Ask, Capabilities, CloseRule, Ends, Event, Heard, Presence, Protocol, Recovery, Refusal, Want,
};

/// What is known of the topics, on the connection that is in use.
#[derive(Debug)]
pub struct Session {
    with: Phoenix,
    /// By the name of the channel; of those that were asked for.
    topics: Map<Box<str>, Topic>,
    /// The server answered our greeting.
    welcomed: bool,
    /// How the server calls a connection that is carried by requests.
    session: Option<Box<str>>,
    /// The token went into the address of a request.
    showed_token: bool,
    /// What the token says of itself.
    claims: supabase::Claims,
    /// The server refused a join that asked for what was missed: it is not asked for again on this connection.
    tells_once: bool,
    news: Vec<Heard<'static>>,
    /// By the name of the channel, of those on which somebody here looks who is there.
    #[cfg(feature = "rooms")]
    looks: Map<Box<str>, room::Looks>,
}

/// A topic that was asked for.
#[derive(Debug)]
struct Topic {
    /// The number of the join that counts.
    join: u64,
    place: Place,
    /// How often it was asked for again while nothing was known.
    waits: u32,
    changes: supabase::Changes,
    /// The join asks for what was missed.
    replays: bool,
    #[cfg(feature = "rooms")]
    room: room::Of,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Asked,
    /// The server said yes, and has yet to say that changes of rows are told from now on.
    Unready,
    Joined,
}

impl Session {
    /// Nothing is joined, of a server of which this is known.
    pub fn new(with: &Phoenix) -> Self {
        Session {
            with: with.clone(),
            topics: Map::new(),
            welcomed: false,
            session: None,
            showed_token: false,
            claims: supabase::Claims::default(),
            tells_once: false,
            news: Vec::new(),
            #[cfg(feature = "rooms")]
            looks: Map::new(),
        }
    }

    /// What the protocol can.
    pub fn capabilities(&self) -> Capabilities {
        let mut can = super::CAPABILITIES;
        if self.with.is_supabase() {
            can.renews = true;
            can.room.presence = Presence::Seldom;
        }
        can
    }

    /// There is a new connection: nothing is joined on it.
    pub fn begin(&mut self) {
        *self = Session::new(&self.with);
    }

    /// The address of a socket: the version comes last, and a token before it if it goes there.
    pub fn socket_url(&self, url: &str, token: Option<&str>) -> String {
        self.address(url.to_owned(), self.with.first_version, token)
    }

    fn address(&self, mut out: String, first_version: bool, token: Option<&str>) -> String {
        if let (Some(name), Some(token)) = (&self.with.token_param, token) {
            push_query(&mut out, name, token);
        }
        let version = if first_version { "1" } else { "2" };
        push_query(&mut out, "vsn", &text::concat(&[version, ".0.0"]));
        out
    }

    /// Over requests nothing is said in bytes, in which the second version of Supabase tells what clients broadcast.
    fn polls_first_version(&self) -> bool {
        self.with.first_version || self.with.is_supabase()
    }

    fn first_version(&self) -> bool {
        match self.session {
            Some(_) => self.polls_first_version(),
            None => self.with.first_version,
        }
    }

    /// Greets the server.
    pub fn hello(&mut self, token: Option<&str>) -> String {
        self.take_token(token);
        self.heartbeat(0)
    }

    /// Asks for a sign of life.
    pub fn heartbeat(&self, number: u64) -> String {
        heartbeat(number, self.first_version())
    }

    fn take_token(&mut self, token: Option<&str>) {
        let reads = self.with.is_supabase();
        self.claims = (token.filter(|_| reads).and_then(supabase::claims)).unwrap_or_default();
    }

    /// Gives a new token to every channel that was asked for. There is no answer to a good one.
    pub fn authorize(&mut self, id: RequestId, token: Option<&str>) -> Vec<String> {
        let Some(token) = token else {
            return Vec::new();
        };
        self.take_token(Some(token));
        let mut payload = Writer::new();
        payload.object(|w| w.key("access_token").string(token));
        let payload = payload.finish();
        let mut out = Vec::new();
        for (channel, topic) in self.topics.iter() {
            out.push(self.say(topic.join, id.0, channel, "access_token", &payload));
        }
        self.news.push(Heard::Authorized {
            request: Some(id),
            ends: self.claims.ends_ms.map(Ends::At),
        });
        out
    }

    /// Joins a topic, which was followed until a moment if it was followed before.
    pub fn subscribe(
        &mut self,
        id: RequestId,
        channel: &str,
        since: Option<Wall>,
        token: Option<&str>,
    ) -> Ask {
        let again = match self.topics.get_mut(channel) {
            Some(topic) => {
                topic.waits += 1;
                match topic.place {
                    Place::Asked => topic.waits <= JOIN_WAITS_MAX,
                    Place::Unready => topic.waits <= JOIN_WAITS_READY_MAX,
                    // Whoever asks has not followed it.
                    Place::Joined => false,
                }
            }
            None => false,
        };
        if again {
            return Ask::Known;
        }
        let (payload, topic) = self.payload(id, channel, since, token);
        self.topics.insert(channel.into(), topic);
        Ask::Say(self.say(id.0, id.0, channel, "phx_join", &payload))
    }

    /// What the server is told with a join.
    fn payload(
        &self,
        id: RequestId,
        channel: &str,
        since: Option<Wall>,
        token: Option<&str>,
    ) -> (String, Topic) {
        let topic = |changes| Topic {
            join: id.0,
            place: Place::Asked,
            waits: 0,
            changes,
            replays: false,
            #[cfg(feature = "rooms")]
            room: room::Of::default(),
        };
        match &self.with.topics {
            Topics::Plain { join, token: name } => {
                let token = name.as_deref().zip(token);
                let payload = with_member(join.as_deref(), token);
                let payload = payload.unwrap_or_else(|| "{}".to_owned());
                (payload, topic(supabase::Changes::default()))
            }
            Topics::Supabase(project) => {
                #[cfg(feature = "rooms")]
                let crowd = self.looks.contains(channel);
                #[cfg(not(feature = "rooms"))]
                let crowd = false;
                let since = since.filter(|_| !self.tells_once);
                let join = project.join(channel, crowd, since);
                let payload = supabase::join(&join, token);
                #[cfg(feature = "rooms")]
                let room = room::Of::new(&join);
                let replays = since.is_some() && join.replays;
                let topic = topic(supabase::Changes::new(join));
                let topic = Topic { replays, ..topic };
                #[cfg(feature = "rooms")]
                let topic = Topic { room, ..topic };
                (payload, topic)
            }
        }
    }

    /// Leaves a topic.
    pub fn unsubscribe(&mut self, id: RequestId, channel: &str) -> Option<String> {
        let topic = self.topics.remove(channel)?;
        Some(self.say(topic.join, id.0, channel, "phx_leave", "{}"))
    }

    fn say(&self, join: u64, reference: u64, channel: &str, event: &str, payload: &str) -> String {
        let say = Say {
            join: Some(join),
            reference,
            topic: &self.with.topic(channel),
            event,
            payload,
        };
        say.write(self.first_version())
    }

    /// What is known without a frame.
    pub fn news(&mut self) -> Vec<Heard<'static>> {
        std::mem::take(&mut self.news)
    }

    /// Reads a message. After a fault the connection is of no use: what could not be read may have been
    /// the word of a change.
    pub fn hear<'a>(&mut self, read: Result<Message<'a>, Fault>, heard: &mut Vec<Heard<'a>>) {
        match read {
            Ok(message) if message.topic == super::LIFE => self.lives(&message, heard),
            Ok(message) => self.message(message, heard),
            Err(fault) => heard.push(Heard::Broken(fault.text())),
        }
    }

    fn lives(&mut self, message: &Message<'_>, heard: &mut Vec<Heard<'_>>) {
        let (Says::Reply { .. }, Some(number)) = (&message.says, message.reference) else {
            return;
        };
        heard.push(if self.welcomed {
            Heard::Pong { number }
        } else {
            self.welcomed = true;
            Heard::Welcome {
                ping_ms: PHOENIX_HEARTBEAT.0,
                timeout_ms: Some(PHOENIX_PATIENCE.0 - PHOENIX_HEARTBEAT.0),
                session: None,
                now_ms: None,
                ends: self.claims.ends_ms.map(Ends::At),
                room: self.capabilities().room,
            }
        });
    }

    fn message<'a>(&mut self, message: Message<'a>, heard: &mut Vec<Heard<'a>>) {
        let Message {
            join,
            reference,
            topic,
            says,
        } = message;
        // What comes of a topic that was left is nobody's.
        let channel = self.with.channel(&topic);
        let Some((channel, topic)) =
            channel.and_then(|name| self.topics.get(name).map(|topic| (name, topic)))
        else {
            return;
        };
        let channel = channel.to_owned();
        let (current, place) = (topic.join, topic.place);
        let ours = |number: Option<u64>| number.is_none_or(|number| number == current);
        #[cfg(feature = "rooms")]
        match &says {
            Says::Reply {
                ok: false,
                response,
            } => heard.extend(self.show_refused(&channel, reference, *response)),
            Says::Event(name, Payload::Json(raw)) if ours(join) => {
                heard.extend(self.crowd(&channel, name, *raw));
            }
            _ => {}
        }
        match says {
            Says::Reply { ok, response } => {
                if reference == Some(current) && place == Place::Asked {
                    self.answered(channel, ok, response, heard);
                }
            }
            _ if !ours(join) => {}
            Says::Event(name, _) if matches!(&*name, "phx_error" | "phx_close") => {
                // The first version says by the reference alone which join it is that ends.
                if ours(reference) {
                    self.ended(channel, heard);
                }
            }
            Says::Event(name, payload) if self.with.is_supabase() => {
                if let Some(topic) = self.topics.get(&*channel) {
                    let meaning = topic.changes.read(name, payload);
                    self.means(channel, place, meaning, heard);
                }
            }
            Says::Event(name, payload) => heard.push(event(channel, name, payload.json(), None)),
            Says::Broadcast(name, payload, of) => {
                let id = (self.topics.get(&*channel)).and_then(|topic| topic.changes.id(of));
                heard.push(event(channel, name, payload.json(), id));
            }
        }
    }

    /// The server ended a topic, or what kept it there crashed.
    fn ended(&mut self, channel: String, heard: &mut Vec<Heard<'_>>) {
        self.topics.remove(&*channel);
        heard.push(Heard::Unsubscribed {
            request: None,
            channel,
        });
    }

    fn answered(
        &mut self,
        channel: String,
        ok: bool,
        response: Raw<'_>,
        heard: &mut Vec<Heard<'_>>,
    ) {
        let Some(topic) = self.topics.get_mut(&*channel) else {
            return;
        };
        if !ok {
            let replays = topic.replays;
            self.topics.remove(&*channel);
            self.refused(channel, response, replays, heard);
        } else if !topic.changes.matched(response) {
            let text = "the server understood other changes than were asked for";
            self.leave(channel, "bad_request", text, heard);
        } else {
            topic.place = Place::Unready;
            topic.waits = 0;
            let is_ready = topic.changes.is_empty();
            #[cfg(feature = "rooms")]
            self.enters(&channel, heard);
            if is_ready {
                self.joined(channel, heard);
            }
        }
    }

    fn joined(&mut self, channel: String, heard: &mut Vec<Heard<'_>>) {
        if let Some(topic) = self.topics.get_mut(&*channel) {
            topic.place = Place::Joined;
        }
        #[cfg(feature = "rooms")]
        let again = self.joins_anew(&channel);
        heard.push(Heard::Subscribed {
            request: None,
            channel,
            position: None,
            recovery: Recovery::Impossible,
        });
        #[cfg(feature = "rooms")]
        if let Some(say) = again {
            heard.push(Heard::Say(say));
            heard.extend(Session::news(self));
        }
    }

    /// What a message of Supabase means for a channel.
    fn means<'a>(
        &mut self,
        channel: String,
        place: Place,
        meaning: Meaning<'a>,
        heard: &mut Vec<Heard<'a>>,
    ) {
        match meaning {
            Meaning::Nothing => {}
            Meaning::Event(name, data, id) => heard.push(event(channel, name, data, id)),
            Meaning::Ready if place == Place::Unready => self.joined(channel, heard),
            // It says so after each new token, too.
            Meaning::Ready => {}
            Meaning::NotReady(text) if place == Place::Unready => {
                let code = supabase::code_of_changes(&text);
                self.leave(channel, code, &text, heard);
            }
            // Changes were told until now, and are not told any more.
            Meaning::NotReady(text) => {
                heard.push(Refusal::told(&channel, "internal", &text));
                if let Some(say) = self.part(&channel) {
                    heard.push(Heard::Say(say));
                }
                self.ended(channel, heard);
            }
            // What ends the channel follows.
            Meaning::Trouble(text) => match is_about_who(&text) {
                true => heard.push(Heard::TurnedAway(refusal(None, "unauthorized", &text))),
                false => heard.push(Refusal::told(&channel, "rate_limited", &text)),
            },
        }
    }

    /// Leaves a channel that nobody asked to leave. The answer to it is nobody's.
    fn part(&mut self, channel: &str) -> Option<String> {
        let join = self.topics.get(channel)?.join;
        self.unsubscribe(RequestId(join), channel)
    }
}

impl Protocol for Session {
    fn capabilities(&self) -> Capabilities {
        Session::capabilities(self)
    }

    fn closes(&self) -> &'static [CloseRule] {
        super::CLOSES
    }

    fn begin(&mut self) {
        Session::begin(self);
    }

    fn hello(&mut self, token: Option<&str>) -> String {
        Session::hello(self, token)
    }

    fn read<'a>(&mut self, frame: &'a [u8], heard: &mut Vec<Heard<'a>>) {
        self.hear(super::read(frame), heard);
    }

    fn ask(&mut self, want: &Want<'_>) -> Ask {
        self.subscribe(want.id, want.channel, want.since, want.token)
    }

    fn give_back(&mut self, id: RequestId, channel: &str) -> Option<String> {
        self.unsubscribe(id, channel)
    }

    fn news(&mut self) -> Vec<Heard<'static>> {
        Session::news(self)
    }

    fn socket_url(&self, url: &str, token: Option<&str>) -> String {
        Session::socket_url(self, url, token)
    }

    fn read_bytes<'a>(&mut self, frame: &'a [u8], heard: &mut Vec<Heard<'a>>) {
        self.hear(super::read_bytes(frame), heard);
    }

    fn authorize(&mut self, id: RequestId, token: Option<&str>) -> Vec<String> {
        Session::authorize(self, id, token)
    }

    fn ping(&mut self, number: u64) -> Option<String> {
        Some(self.heartbeat(number))
    }

    #[cfg(feature = "rooms")]
    fn show(&mut self, shown: &Shown<'_>) -> Option<String> {
        self.shows(shown)
    }

    #[cfg(feature = "rooms")]
    fn look(&mut self, channel: &str, tab: &str, everybody: bool) -> Option<String> {
        self.looks_at(channel, tab, everybody)
    }

    #[cfg(feature = "rooms")]
    fn leave(&mut self, channel: &str) -> Option<String> {
        self.looks.remove(channel);
        None
    }

    fn call(&mut self, url: &str, door: Door<'_>, token: Option<&str>) -> Option<Call> {
        self.request(url, door, token)
    }

    fn status(&self, reply: &Reply<'_>) -> u16 {
        self.meant(reply)
    }

    fn read_body<'a>(&mut self, body: &'a [u8], heard: &mut Vec<Heard<'a>>) {
        self.hear_answer(body, heard);
    }
}

fn event<'a>(
    channel: String,
    name: Cow<'a, str>,
    data: Cow<'a, str>,
    id: Option<Cow<'a, str>>,
) -> Heard<'a> {
    Heard::Event(Event {
        id,
        ..Event::plain(channel, name, data)
    })
}

fn refusal(channel: Option<String>, code: &str, text: &str) -> Refusal {
    Refusal {
        request: None,
        channel,
        code: code.to_owned(),
        message: text.to_owned(),
        retry_after_ms: None,
    }
}
