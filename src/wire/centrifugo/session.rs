//! What Centrifugo says in the words of every wire: a channel is a subscription, of ours or of the server's.
//!
//! Commands have numbers of a connection, so that what answers one of another connection is none. A channel
//! that the server gives by itself (a server-side subscription) is kept until somebody asks for it: then it is
//! known already. How far it was followed is remembered here, because it is said with the first command.

#[cfg(feature = "rooms")]
mod room;
mod told;

use super::delta::{NoFit, Payloads};
use super::refusal::{not_admitted, refusal, sent_away};
use super::topic::{Answer, Held, Place, Topic};
use super::{
    Failure, Message, Push, Subscribe, Subscription, ends, is_true, life_ms, number, offset, word,
};
use crate::engine::backend::centrifugo::Centrifugo;
use crate::engine::ids::{Position, RequestId};
use crate::engine::limits::{CENTRIFUGO_GRACE, GIVEN_CHANNELS_MAX, PING_MAX};
use crate::engine::map::Map;
use crate::engine::token::Token;
use crate::wire::json::Raw;
use crate::wire::{Ask, Capabilities, CloseRule, Event, Heard, Presence, Protocol, Refusal, Want};

/// The command that says who we are is the first one.
const CONNECT: u64 = 1;

/// Who comes to a channel where joins are told.
const JOINED: &str = "presence:join";
const LEFT: &str = "presence:leave";

/// The position cannot be recovered from: the channel can be had from now on.
const UNRECOVERABLE: u64 = 112;
/// From this code on a channel that was taken back is to be asked for again.
const RESUBSCRIBE: u64 = 2500;
/// What was known of the channel does not count any more.
const INVALIDATED: u64 = 2502;

/// Why a channel is asked for anew.
const NO_FIT: &str = "a payload that is told as what is new of it does not fit on the one before";

/// What a publication is called whose data has no name.
const UNNAMED: &str = "publication";

/// What is known of the channels of one person.
#[derive(Debug)]
pub struct Session {
    with: Centrifugo,
    /// The number of the last command on this connection.
    last: u64,
    /// The server wants its signs of life answered.
    pongs: bool,
    /// The command by which a new token was given, and the request that it is of.
    refresh: Option<(u64, RequestId)>,
    /// The commands by which channels were given new tokens.
    renewals: Map<u64, Box<str>>,
    topics: Map<Box<str>, Topic>,
    /// Up to where channels are known that the server gives, over all connections.
    marks: Map<Box<str>, Position>,
    /// The last payloads of channels that are asked for by us, over all connections.
    payloads: Map<Box<str>, Payloads>,
    news: Vec<Heard<'static>>,
    #[cfg(feature = "rooms")]
    room: room::Rooms,
}

impl Session {
    /// Nothing is subscribed, of a server of which this is known.
    pub fn new(with: &Centrifugo) -> Self {
        Session {
            with: with.clone(),
            last: 0,
            pongs: false,
            refresh: None,
            renewals: Map::new(),
            topics: Map::new(),
            marks: Map::new(),
            payloads: Map::new(),
            news: Vec::new(),
            #[cfg(feature = "rooms")]
            room: room::Rooms::default(),
        }
    }

    /// There is a new connection: nothing is subscribed on it.
    pub fn begin(&mut self) {
        self.last = 0;
        self.pongs = false;
        self.refresh = None;
        self.renewals = Map::new();
        self.topics = Map::new();
        self.news.clear();
        #[cfg(feature = "rooms")]
        self.room.begin();
    }

    /// Another person is there.
    pub fn forget_user(&mut self) {
        self.marks = Map::new();
        self.payloads = Map::new();
        self.begin();
    }

    /// How much is kept of payloads.
    #[cfg(any(test, fuzzing))]
    pub fn payloads_bytes(&self) -> usize {
        self.payloads.values().map(Payloads::bytes).sum()
    }

    /// A number that somebody else has used.
    #[cfg(any(test, fuzzing))]
    pub fn skip(&mut self, id: u64) {
        self.last = self.last.max(id);
    }

    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Says who we are.
    pub fn hello(&mut self, token: Option<&str>) -> String {
        let id = self.next();
        let marks = self.marks.iter().map(|(name, at)| (&**name, at));
        super::connect(id, token, self.with.connect.as_deref(), marks)
    }

    /// Gives a new token.
    pub fn authorize(&mut self, request: RequestId, token: Option<&str>) -> Vec<String> {
        let Some(token) = token else {
            return Vec::new();
        };
        let id = self.next();
        self.refresh = Some((id, request));
        vec![super::refresh(id, token)]
    }

    /// Gives a new token of a channel.
    pub fn renew(&mut self, channel: &str, token: &str) -> Option<String> {
        let place = &self.topics.get(channel)?.place;
        if !matches!(place, Place::Joined) {
            return None;
        }
        let id = self.next();
        self.renewals.retain(|_, name| **name != *channel);
        self.renewals.insert(id, channel.into());
        Some(super::sub_refresh(id, channel, token))
    }

    /// Asks for a channel from a position on.
    pub fn subscribe(
        &mut self,
        channel: &str,
        ours: Option<&Position>,
        token: Option<&str>,
    ) -> Ask {
        let mut said = String::new();
        match self.topics.get_mut(channel) {
            None => {}
            // The library gives the connection up, too: an answer that comes later would be to another question.
            Some(Topic {
                place: Place::Asked { .. },
                ..
            }) => return Ask::Unanswered,
            Some(topic) => match std::mem::replace(&mut topic.place, Place::Followed) {
                Place::Given(held) => {
                    held.tell(channel, ours, self.marks.get(channel), &mut self.news);
                    #[cfg(feature = "rooms")]
                    self.enters_given(channel);
                    return Ask::Known;
                }
                // What is missing of it is told with the first command alone.
                Place::Followed => {
                    if let Some(ours) = ours {
                        self.marks.insert(channel.into(), ours.clone());
                    }
                    return Ask::Unanswered;
                }
                // The server refuses a second subscription.
                Place::Joined | Place::Asked { .. } => {
                    said = super::unsubscribe(self.next(), channel);
                    said.push('\n');
                }
            },
        }
        let token = token.map(Token::new);
        said.push_str(&self.say_subscribe(channel, ours.cloned(), token));
        Ask::Say(said)
    }

    fn say_subscribe(
        &mut self,
        channel: &str,
        from: Option<Position>,
        token: Option<Token>,
    ) -> String {
        self.renewals.retain(|_, name| **name != *channel);
        let id = self.next();
        let how = Subscribe {
            position: from.as_ref(),
            token: token.as_ref().map(Token::text),
            presence: self.with.presence,
            delta: self.with.delta
                && (self.payloads.get(channel)).is_none_or(|payloads| payloads.fits()),
        };
        let said = super::subscribe(id, channel, how);
        let topic = Topic {
            place: Place::Asked { id, from, token },
            numbered: true,
            delta: false,
            passed: None,
        };
        self.topics.insert(channel.into(), topic);
        said
    }

    /// Gives a channel back. One that the server gave stays, and is kept for who asks for it.
    pub fn unsubscribe(&mut self, channel: &str) -> Option<String> {
        self.payloads.remove(channel);
        let topic = self.topics.get_mut(channel)?;
        match topic.place {
            Place::Given(_) => None,
            Place::Followed => {
                let mark = self.marks.get(channel);
                topic.place = Place::Given(Box::new(Held::new(mark.cloned(), mark.cloned())));
                None
            }
            Place::Asked { .. } | Place::Joined => {
                self.topics.remove(channel);
                self.renewals.retain(|_, name| **name != *channel);
                Some(super::unsubscribe(self.next(), channel))
            }
        }
    }

    /// What is known without a frame.
    pub fn news(&mut self) -> Vec<Heard<'static>> {
        std::mem::take(&mut self.news)
    }

    /// Reads a frame. After a fault the connection is of no use: what could not be read may have been the word
    /// of a change.
    pub fn read<'a>(&mut self, frame: &'a [u8], heard: &mut Vec<Heard<'a>>) {
        let read = super::read(frame, &mut |message| {
            self.message(message, heard);
            Ok(())
        });
        if let Err(fault) = read {
            heard.push(Heard::Broken(fault.text()));
        }
    }

    fn message<'a>(&mut self, message: Message<'a>, heard: &mut Vec<Heard<'a>>) {
        match message {
            Message::Life if self.pongs => heard.push(Heard::Ping { number: 0 }),
            // That something came is known already.
            Message::Life | Message::Other => heard.push(Heard::Unknown),
            Message::Push(push) => self.push(push, heard),
            Message::Reply(CONNECT, Ok(body)) => self.connected(body, heard),
            Message::Reply(CONNECT, Err(failure)) => {
                heard.push(Heard::TurnedAway(refusal(None, failure.code(), &failure)));
            }
            Message::Reply(id, result) => self.answered(id, result, heard),
        }
    }

    fn connected<'a>(&mut self, body: Raw<'a>, heard: &mut Vec<Heard<'a>>) {
        self.pongs = is_true(body, "pong");
        let ping_ms = match number(body, "ping") {
            // It gives none.
            0 => PING_MAX.0,
            seconds => seconds.saturating_mul(1000),
        };
        heard.push(Heard::Welcome {
            ping_ms,
            timeout_ms: Some(CENTRIFUGO_GRACE.0),
            session: None,
            now_ms: None,
            ends: ends(body),
            room: self.capabilities().room,
        });
        #[cfg(feature = "rooms")]
        self.named(body);
        let marks = std::mem::take(&mut self.marks);
        if let Some(subs) = body.member("subs") {
            subs.members(|name, value| {
                let channel = name.decode();
                let from = marks.get(&*channel).cloned();
                self.given(&channel, from, Subscription::read(value), heard);
            });
        }
    }

    /// The server gives a channel by itself.
    fn given<'a>(
        &mut self,
        channel: &str,
        from: Option<Position>,
        said: Subscription<'a>,
        heard: &mut Vec<Heard<'a>>,
    ) {
        let known = self.topics.get(channel).map(|topic| &topic.place);
        let wanted = match known {
            // There may be any number of them.
            None if self.topics.len() >= GIVEN_CHANNELS_MAX => return,
            None => None,
            // It was quicker than the answer to our question, which will be that there is one already.
            Some(Place::Asked { from, .. }) => Some(from.clone()),
            Some(Place::Given(_) | Place::Followed | Place::Joined) => return,
        };
        let answer = Answer::new(from.as_ref(), said);
        let since = match answer.whole {
            true => from,
            false => answer.start.clone(),
        };
        let at = match answer.whole {
            true => &answer.end,
            false => &answer.start,
        };
        let mut held = Held::new(since, at.clone());
        let numbered = at.is_some();
        // What is not asked for is not told as what is new of it.
        answer.publications(|publication, is_news| {
            if is_news {
                let data = publication.member("data").unwrap_or(Raw::NULL);
                held.keep(self.event(channel, numbered, publication, data));
            }
        });
        if let Some(end) = &answer.end {
            self.marks.insert(channel.into(), end.clone());
        }
        let place = match wanted {
            None => Place::Given(Box::new(held)),
            Some(ours) => {
                let mut news = Vec::new();
                held.tell(channel, ours.as_ref(), answer.end.as_ref(), &mut news);
                heard.extend(news);
                Place::Followed
            }
        };
        let topic = Topic {
            place,
            numbered,
            delta: false,
            passed: None,
        };
        self.topics.insert(channel.into(), topic);
    }

    fn answered<'a>(
        &mut self,
        id: u64,
        result: Result<Raw<'a>, Failure<'a>>,
        heard: &mut Vec<Heard<'a>>,
    ) {
        if let Some((command, request)) = self.refresh
            && command == id
        {
            self.refresh = None;
            heard.push(match result {
                Ok(body) => Heard::Authorized {
                    request: Some(request),
                    ends: ends(body),
                },
                Err(failure) => Heard::Refused(Refusal {
                    request: Some(request),
                    ..refusal(None, failure.code(), &failure)
                }),
            });
            return;
        }
        if let Some(channel) = self.renewals.remove(&id) {
            heard.push(match result {
                Ok(body) => admitted(&channel, body),
                Err(failure) => not_admitted(&channel, &failure),
            });
            return;
        }
        #[cfg(feature = "rooms")]
        if self.room.is_asked(id) {
            self.who_is_there(id, result, heard);
            return;
        }
        let is_it =
            |topic: &Topic| matches!(topic.place, Place::Asked { id: asked, .. } if asked == id);
        let Some(channel) =
            (self.topics.iter()).find_map(|(name, topic)| is_it(topic).then(|| name.clone()))
        else {
            return;
        };
        let Some(Topic {
            place: Place::Asked { from, token, .. },
            passed,
            ..
        }) = self.topics.remove(&*channel)
        else {
            return;
        };
        match result {
            Ok(body) => {
                let said = Subscription::read(body);
                if !self.joined(&channel, from.as_ref(), passed, said, heard) {
                    // It is ours by now, and is asked for anew from the same place on.
                    let mut said = super::unsubscribe(self.next(), &channel);
                    said.push('\n');
                    said.push_str(&self.say_subscribe(&channel, from, token));
                    heard.push(Heard::Malformed(NO_FIT));
                    heard.push(Heard::Say(said));
                } else {
                    if token.is_some() {
                        heard.push(admitted(&channel, body));
                    }
                    #[cfg(feature = "rooms")]
                    heard.extend(self.enters(&channel));
                }
            }
            Err(failure) if failure.code == UNRECOVERABLE && from.is_some() => {
                heard.push(Heard::Say(self.say_subscribe(&channel, None, token)));
            }
            // Another one may be taken.
            Err(failure) if token.is_some() && failure.is_about_token() => {
                heard.push(not_admitted(&channel, &failure));
            }
            Err(failure) => {
                let code = failure.code();
                heard.push(Refusal::told(&channel, code, &failure.message));
                heard.push(Heard::Refused(refusal(
                    Some(channel.into()),
                    code,
                    &failure,
                )));
            }
        }
    }

    fn push<'a>(&mut self, push: Push<'a>, heard: &mut Vec<Heard<'a>>) {
        let Push {
            channel,
            kind,
            body,
        } = push;
        match &*kind {
            "pub" => {
                let wants_delta = self.with.delta;
                let topic = self.topics.get_mut(&*channel);
                let (numbered, delta) = match topic {
                    // Mostly of the subscription before: whether it is a delta nobody can tell.
                    Some(topic) if wants_delta && matches!(topic.place, Place::Asked { .. }) => {
                        topic.passed = topic.passed.max(offset(body));
                        return heard.push(Heard::Unknown);
                    }
                    Some(topic) => (topic.numbered, topic.delta),
                    None => (false, false),
                };
                match self.payload(&channel, delta, body) {
                    Ok(payload) => {
                        let event = self.made(&channel, numbered, body, payload);
                        self.tell(event, heard);
                    }
                    Err(NoFit) => {
                        heard.push(Heard::Malformed(NO_FIT));
                        // What follows is of no use, and comes again when the channel is asked for.
                        self.topics.remove(&*channel);
                        let said = super::unsubscribe(self.next(), &channel);
                        heard.push(Heard::Say(said));
                        heard.push(Heard::Torn {
                            channel: channel.into_owned(),
                        });
                    }
                }
            }
            "join" | "leave" => {
                let name = if &*kind == "join" { JOINED } else { LEFT };
                let info = body.member("info").unwrap_or(Raw::NULL);
                #[cfg(feature = "rooms")]
                heard.extend(self.came_or_left(&channel, &kind, info));
                let event = Event::plain(channel.into_owned(), name.into(), info.text().into());
                self.tell(event, heard);
            }
            "subscribe" => self.given(&channel, None, Subscription::read(body), heard),
            "unsubscribe" => self.ended(channel.into_owned(), body, heard),
            "refresh" => heard.push(Heard::Authorized {
                request: None,
                ends: ends(body),
            }),
            "disconnect" => heard.push(Heard::TurnedAway(sent_away(body))),
            _ => heard.push(Heard::Unknown),
        }
    }

    /// The server takes a channel back, for now or for good.
    fn ended(&mut self, channel: String, body: Raw<'_>, heard: &mut Vec<Heard<'_>>) {
        match self.topics.get(&*channel).map(|topic| &topic.place) {
            Some(Place::Joined | Place::Followed) => {}
            Some(Place::Given(_)) => {
                self.forget(&channel);
                return;
            }
            // It ends a subscription before the one that is asked for.
            Some(Place::Asked { .. }) | None => return,
        }
        self.forget(&channel);
        let code = number(body, "code");
        if code == INVALIDATED {
            heard.push(Heard::Gap {
                channel: channel.clone(),
            });
        }
        if code >= RESUBSCRIBE {
            heard.push(Heard::Torn { channel });
        } else {
            heard.push(Refusal::told(&channel, "forbidden", &word(body, "reason")));
            heard.push(Heard::Unsubscribed {
                request: None,
                channel,
            });
        }
    }

    fn forget(&mut self, channel: &str) {
        self.topics.remove(channel);
        self.marks.remove(channel);
        self.renewals.retain(|_, name| **name != *channel);
    }
}

impl Protocol for Session {
    fn capabilities(&self) -> Capabilities {
        let mut can = super::CAPABILITIES;
        if self.with.presence {
            can.room.presence = Presence::Others;
        }
        can
    }

    #[cfg(feature = "rooms")]
    fn look(&mut self, channel: &str, _tab: &str, everybody: bool) -> Option<String> {
        self.looks_at(channel, everybody)
    }

    #[cfg(feature = "rooms")]
    fn leave(&mut self, channel: &str) -> Option<String> {
        self.room.leave(channel);
        None
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
        Session::read(self, frame, heard);
    }

    fn ask(&mut self, want: &Want<'_>) -> Ask {
        // That of the connection is for no channel.
        let token = want.token.filter(|_| self.with.channel_tokens);
        self.subscribe(want.channel, want.position, token)
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

    fn authorize(&mut self, id: RequestId, token: Option<&str>) -> Vec<String> {
        Session::authorize(self, id, token)
    }

    fn renew(&mut self, channel: &str, token: &str) -> Option<String> {
        Session::renew(self, channel, token)
    }

    fn pong(&self) -> String {
        super::PONG.to_owned()
    }
}

/// The server took a channel's token.
fn admitted(channel: &str, body: Raw<'_>) -> Heard<'static> {
    Heard::Admitted {
        channel: channel.to_owned(),
        life_ms: life_ms(body),
    }
}
