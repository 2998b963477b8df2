//! What the link and the other parts say to each other, and how a connection is carried: by a
//! socket, by a stream with requests the other way, or by requests alone.

use super::Engine;
use super::http::{Call, Failure, Headers, Method, Owner, Reply, StreamEvent, retry_after};
use super::ids::ConnId;
use super::input::SocketEvent;
use super::limits::{CONNECT_TIMEOUT, POST_TIMEOUT, SCOUT_BYTES_MAX, SCOUT_TIMEOUT};
use super::link::{self, Heritage, Sighting, Step};
use super::notice::FaultCode;
use super::output::Output;
use super::status::{Status, Transport};
use super::tabs::calls::{CallRefused, Deed};
use super::time::{Millis, Mono, Now};
use super::token::Token;
use crate::wire::carried::{Door, has_type};
use crate::wire::{Ask, Heard, Refusal, Wire};

/// How what came on a connection is read: as text, or as bytes.
type Read = for<'a> fn(&mut Wire, &'a [u8], &mut Vec<Heard<'a>>);

impl Engine {
    /// What the app and the wire decided about the link.
    pub(super) fn link_settings(config: &super::config::Config, wire: &Wire) -> link::Settings {
        link::Settings {
            ladder: config.ladder.clone(),
            attempts_max: config.attempts_max,
            has_tokens: config.has_tokens,
            closes: wire.closes(),
            can: wire.capabilities(),
            looks: wire.can_be_seen(),
            dials: config.speaks.connects(),
        }
    }

    /// A link is wanted. What the last leader knew of it is taken over.
    pub(super) fn want_link(&mut self, now: Now) {
        let heir_of = self.heir_of.take();
        self.link.want(now, heir_of, &mut self.rng);
    }

    /// Another tab leads, and says how its link stands.
    pub(super) fn remember_link(&mut self, status: &Status, hold: Option<Mono>) {
        self.heir_of = Some(Heritage::of(status, hold));
    }

    /// Something happened to a socket.
    pub(super) fn on_socket(&mut self, now: Now, conn: ConnId, event: SocketEvent<'_>) {
        if !self.link.owns(conn) {
            return;
        }
        match event {
            SocketEvent::Opened => self.link.opened(now, conn),
            SocketEvent::Closed { code, reason } => {
                let code = self.wires.of(conn).close_code(code);
                self.link.closed(now, conn, code, reason, &mut self.rng);
            }
            SocketEvent::Frame(bytes) => self.on_frame(now, conn, bytes, Wire::read),
            SocketEvent::Bytes(bytes) => self.on_frame(now, conn, bytes, Wire::read_bytes),
        }
    }

    fn on_frame(&mut self, now: Now, conn: ConnId, bytes: &[u8], read: Read) {
        self.link.heard(now, conn);
        self.metrics.frame(now, bytes.len());
        let mut heard = Vec::new();
        read(self.wires.of(conn), bytes, &mut heard);
        self.on_heard(now, conn, heard);
    }

    /// A channel is wanted: asks the server, or says what is known of it.
    pub(super) fn ask(&mut self, now: Now, ask: Ask) {
        match ask {
            Ask::Say(frame) => self.send(now, frame),
            Ask::Known => {
                if let Some(conn) = self.link.live() {
                    self.on_news(now, conn);
                }
            }
            Ask::Unanswered => {
                self.link.unheard(now, &mut self.rng);
                self.link_steps(now);
            }
        }
    }

    /// An answer that is read as it comes went on, or ended.
    pub(super) fn on_stream(&mut self, now: Now, conn: ConnId, event: StreamEvent<'_>) {
        if !self.link.owns(conn) {
            return;
        }
        match event {
            StreamEvent::Opened { status, headers } if is_event_stream(status, &headers) => {
                self.link.opened(now, conn);
                self.on_news(now, conn);
            }
            StreamEvent::Opened { status, headers } => {
                let (status, wrong) = self.wires.of(conn).no_stream(status);
                if let Some(wrong) = wrong {
                    self.fault(FaultCode::BadFrame, wrong);
                }
                self.link
                    .refused(now, conn, status, &headers, &mut self.rng);
            }
            StreamEvent::Chunk(bytes) => {
                // A comment that keeps proxies awake is a sign of life too.
                self.link.heard(now, conn);
                for event in self.link.read(now, conn, bytes, &mut self.rng) {
                    self.metrics.frame(now, event.data.len());
                    let mut heard = Vec::new();
                    self.wires.of(conn).read_event(&event, &mut heard);
                    self.on_heard(now, conn, heard);
                }
                if let Some((id, retry)) = self.link.stream_mark() {
                    self.wires.link.mark(id, retry);
                }
            }
            StreamEvent::Ended => self.stream_ended(now, conn, Failure::Unreachable),
            StreamEvent::Failed(failure) => self.stream_ended(now, conn, failure),
        }
    }

    fn stream_ended(&mut self, now: Now, conn: ConnId, failure: Failure) {
        let pause = self.wires.of(conn).retry_ms().map(Millis);
        self.link
            .stream_ended(now, conn, failure, pause, &mut self.rng);
    }

    /// The answer to a request that waited for messages.
    pub(super) fn on_poll(&mut self, now: Now, conn: ConnId, result: Result<Reply<'_>, Failure>) {
        if !self.link.owns(conn) {
            return;
        }
        match result {
            Ok(reply) => {
                let wire = self.wires.of(conn);
                let status = wire.status(&reply);
                if wire.carries(status, &reply.headers) {
                    self.link.opened(now, conn);
                    self.on_frame(now, conn, reply.body, Wire::read_body);
                    self.link.polled(now, conn, !reply.body.is_empty());
                } else {
                    self.link
                        .refused(now, conn, status, &reply.headers, &mut self.rng);
                }
            }
            Err(failure) => self.link.unanswered(now, conn, failure, &mut self.rng),
        }
    }

    /// The answer to a request that said something.
    pub(super) fn on_post(&mut self, now: Now, conn: ConnId, result: Result<Reply<'_>, Failure>) {
        match result {
            Ok(reply) => match self.wires.of(conn).status(&reply) {
                200 | 202 | 204 => self.link.posted(now, conn),
                status => {
                    self.link
                        .refused(now, conn, status, &reply.headers, &mut self.rng);
                }
            },
            Err(failure) => self.link.unanswered(now, conn, failure, &mut self.rng),
        }
    }

    /// The answer to a look whether the server is there.
    pub(super) fn on_look(&mut self, now: Now, result: Result<Reply<'_>, Failure>) {
        let sighting = match result {
            // An answer that is too long is one.
            Err(Failure::TooLarge) => Sighting::Here { after: None },
            Err(Failure::Unreachable | Failure::Timeout | Failure::Unavailable) => Sighting::Absent,
            Ok(reply) => match reply.status {
                401 => Sighting::Unauthorized,
                429 | 500..=599 => Sighting::Busy {
                    asked: retry_after(&reply.headers, now.wall),
                },
                _ => Sighting::Here {
                    after: self.wires.link.read_alive(reply.body).map(Millis),
                },
            },
        };
        self.link.saw(now, sighting, &mut self.rng);
    }

    /// What the wire knows without a frame.
    pub(super) fn on_news(&mut self, now: Now, conn: ConnId) {
        let news = self.wires.of(conn).news();
        if !news.is_empty() {
            self.on_heard(now, conn, news);
        }
    }

    fn on_heard(&mut self, now: Now, conn: ConnId, heard: Vec<Heard<'_>>) {
        for said in heard {
            // What was heard before may have ended the connection.
            if !self.link.owns(conn) {
                break;
            }
            match said {
                Heard::Event(event) => {
                    self.on_event(now, &event);
                }
                #[cfg(feature = "centrifugo")]
                Heard::Admitted { channel, life_ms } => {
                    let life = life_ms.map(Millis);
                    self.admissions.admitted(now.mono, &channel, life);
                }
                #[cfg(feature = "centrifugo")]
                Heard::NotAdmitted(refusal) => self.on_not_admitted(now, refusal),
                Heard::Subscribed {
                    request,
                    channel,
                    position,
                    recovery,
                } => self.on_subscribed(now, request, &channel, position, recovery),
                Heard::Gap { channel } => self.channels.gap(now.mono, &channel),
                Heard::Torn { channel } => {
                    self.channels.torn(now.mono, &channel, &mut self.rng);
                }
                Heard::Unsubscribed { request, channel } => {
                    self.on_unsubscribed(now, request, &channel);
                }
                Heard::Unknown => {}
                Heard::Welcome {
                    ping_ms,
                    timeout_ms,
                    session,
                    now_ms,
                    ends,
                    room,
                } => {
                    self.wires.welcomed(conn);
                    self.room_can = self.wires.link.capabilities().room.and(room);
                    let welcome = link::Welcome {
                        ping: Millis(ping_ms),
                        timeout: timeout_ms.map(Millis),
                        session,
                        now_ms,
                        ends,
                    };
                    self.metrics.welcomed(now, now_ms);
                    self.link.welcome(now, conn, welcome, &mut self.rng);
                }
                Heard::Opened { session, bytes_max } => self.link.named(conn, session, bytes_max),
                Heard::Authorized { request, ends } => {
                    self.link.authorized(now, request, ends);
                    // What was forbidden may be allowed to the new token.
                    self.channels.token_changed();
                    self.desk.token_changed();
                    self.channel_steps(now);
                }
                Heard::Ping { number } => self.link.ping(now, conn, number),
                Heard::Pong { number } => {
                    self.metrics.answered(now.mono);
                    let asked = self.link.pong(now, conn, number);
                    #[cfg(feature = "phoenix")]
                    if let Some(asked) = asked {
                        self.channels.heard_all(now.at(asked));
                    }
                    let _ = asked;
                }
                Heard::GoAway { spread_ms } => {
                    self.link.go_away(now, Millis(spread_ms), &mut self.rng);
                }
                Heard::Room(said) => self.on_room(now, said),
                Heard::Refused(refusal) => self.on_link_refused(now, refusal),
                Heard::TurnedAway(refusal) => self.on_turned_away(now, conn, refusal),
                Heard::Say(message) => self.link.say_first(now, conn, message),
                Heard::Malformed(what) => self.fault(FaultCode::BadFrame, what),
                Heard::Broken(what) => {
                    self.fault(FaultCode::BadFrame, what);
                    self.link.broken(now, conn, &mut self.rng);
                }
            }
            self.link_steps(now);
        }
        self.channels.frame_end(now.mono);
        self.channel_steps(now);
    }

    /// The server refused something. What concerns the connection is the link's business, all
    /// else the channels'.
    fn on_link_refused(&mut self, now: Now, refusal: Refusal) {
        if let Some(request) = refusal.request
            && self.link.refused_token(now, request, &mut self.rng)
        {
            self.fault(FaultCode::Refused, "the server refused the new token");
            return;
        }
        if let Some(ms) = refusal.retry_after_ms {
            self.link.hush(now, Millis(ms));
        }
        if let Some(request) = refusal.request
            && self.desk.refused(now.mono, request, &refusal.code)
        {
            return;
        }
        #[cfg(feature = "centrifugo")]
        if let Some(channel) = &refusal.channel {
            self.admissions.over(channel);
        }
        self.on_refused(now, refusal);
    }

    /// The server does not take the connection.
    fn on_turned_away(&mut self, now: Now, conn: ConnId, refusal: Refusal) {
        let after = refusal.retry_after_ms.map(Millis);
        (self.link).turned_away(now, conn, &refusal.code, after, &mut self.rng);
        self.tell_refusal(refusal);
    }

    /// Says something to the server, if it can be heard.
    pub(super) fn send(&mut self, now: Now, frame: String) {
        self.link.say(now, frame, &mut self.rng);
    }

    /// Does what the link wants done.
    pub(super) fn link_steps(&mut self, now: Now) {
        while let Some(step) = self.link.poll() {
            self.link_step(now, step);
        }
    }

    fn link_step(&mut self, now: Now, step: Step) {
        match step {
            Step::AskToken(request, reason) => {
                self.out.push_back(Output::AskToken {
                    request,
                    reason,
                    channel: None,
                });
            }
            Step::Open(conn, transport) => self.open_link(now, conn, transport),
            Step::Close(conn, transport) => match transport {
                Transport::Socket => self.out.push_back(Output::CloseSocket { conn }),
                Transport::Stream => {
                    self.out.push_back(Output::CloseStream { conn });
                    self.abort_request(Owner::LinkSend(conn));
                }
                Transport::Poll => {
                    self.abort_request(Owner::LinkPoll(conn));
                    self.abort_request(Owner::LinkSend(conn));
                }
            },
            Step::Hello(conn) => {
                self.metrics.greeted(now.mono);
                let frame = self.hello(conn);
                if !frame.is_empty() {
                    self.link.say_first(now, conn, frame);
                }
                self.on_news(now, conn);
            }
            Step::Pong(conn, number) => {
                let message = self.wires.of(conn).pong(number);
                self.link.say_first(now, conn, message);
            }
            Step::Ping(conn) => {
                self.metrics.asked(now.mono);
                let number = self.next_request().0;
                self.link.asked(number);
                if let Some(message) = self.wires.link.ping(number) {
                    self.link.say_first(now, conn, message);
                }
            }
            Step::Authorize(conn) => {
                let request = self.next_request();
                let token = self.link.token().map(Token::text);
                let messages = self.wires.link.authorize(request, token);
                self.link.authorizing(request);
                for message in messages {
                    self.link.say_first(now, conn, message);
                }
                self.on_news(now, conn);
            }
            Step::Frame(conn, frame) => self.out.push_back(Output::SendFrame { conn, frame }),
            Step::Post {
                conn,
                session,
                messages,
            } => {
                let (session, messages) = (&*session, &*messages);
                let door = Door::Say { session, messages };
                self.ask_over_http(now, Owner::LinkSend(conn), POST_TIMEOUT, door);
            }
            Step::Poll {
                conn,
                session,
                patience,
            } => {
                let door = Door::Wait { session: &session };
                self.ask_over_http(now, Owner::LinkPoll(conn), patience, door);
            }
            Step::End(session) => {
                let door = Door::End { session: &session };
                self.ask_over_http(now, Owner::LinkEnd, POST_TIMEOUT, door);
            }
            Step::Look(sight) => {
                let call = Call {
                    method: Method::Get,
                    url: self.config.http_url(""),
                    headers: Vec::new(),
                    body: None,
                    sight,
                    bytes_max: SCOUT_BYTES_MAX,
                };
                self.send_request(now, Owner::LinkProbe, SCOUT_TIMEOUT, call);
            }
            Step::StopLooking => self.abort_request(Owner::LinkProbe),
            Step::Up => {
                #[cfg(feature = "centrifugo")]
                self.admissions.unlinked();
                self.desk_link(now, true);
                // A channel may be asked for in another way where somebody looks who is on it.
                #[cfg(all(feature = "rooms", feature = "other"))]
                if self.room_can.presence.is_kept() {
                    self.room_steps(now);
                }
                self.channels.link_up();
                self.queue.linked(now);
                self.channel_steps(now);
            }
            Step::Down => {
                self.channels.link_down(now.mono);
                #[cfg(feature = "centrifugo")]
                self.admissions.unlinked();
                self.desk_link(now, false);
            }
            Step::TooLarge => self.fault(
                FaultCode::Refused,
                "a message was larger than the server takes",
            ),
        }
    }

    fn hello(&mut self, conn: ConnId) -> String {
        let token = self.link.token().map(Token::text);
        self.wires.of(conn).hello(&self.tabs.me().text(), token)
    }

    /// Asks the server for something of a connection that is carried by requests.
    fn ask_over_http(&mut self, now: Now, owner: Owner, timeout: Millis, door: Door<'_>) {
        let token = self.link.token().map(Token::text);
        if let Some(call) = self.wires.link.call(&self.config.url, door, token) {
            self.send_request(now, owner, timeout, call);
        }
    }

    fn open_link(&mut self, now: Now, conn: ConnId, transport: Transport) {
        self.metrics.dials += 1;
        match self.link.live() {
            Some(_) => self.wires.try_beside(conn, Wire::new(&self.config.speaks)),
            None => self.wires.link.begin(),
        }
        let token = self.link.token().map(Token::text);
        let (wire, url) = (self.wires.of(conn), &*self.config.url);
        match transport {
            Transport::Socket => {
                let (url, protocol) = (wire.socket_url(url, token), wire.subprotocol());
                self.out.push_back(Output::OpenSocket {
                    conn,
                    url,
                    protocol,
                });
            }
            Transport::Stream => {
                self.metrics.greeted(now.mono);
                if let Some(call) = wire.stream(url, &self.tabs.me().text(), token) {
                    self.out.push_back(Output::OpenStream { conn, call });
                }
            }
            Transport::Poll => {
                let mut hello = String::new();
                if !wire.is_named_first() {
                    self.metrics.greeted(now.mono);
                    hello = self.hello(conn);
                }
                let door = Door::Begin(&hello);
                self.ask_over_http(now, Owner::LinkPoll(conn), CONNECT_TIMEOUT, door);
            }
        }
    }

    /// Lets the link see how the clocks went on, and what became of what it asked for.
    pub(super) fn tick_link(&mut self, now: Now) {
        if self.link.live().is_some() && self.channels.is_synced() {
            self.link.synced(now);
        }
        self.link.tick(now, &mut self.rng);
        #[cfg(feature = "centrifugo")]
        {
            self.admissions.tick(now.mono, &mut self.rng);
            self.admission_steps(now);
        }
    }

    /// The app wants a new connection. Whoever leads makes it.
    pub(super) fn reconnect(&mut self, now: Now) {
        if let Err(CallRefused) = self.call_leader(now, Deed::Reconnect, "null") {
            self.fault(FaultCode::Limit, "too many calls to the leading tab");
        }
    }
}

/// A captive portal answers everything with 200 and a page.
fn is_event_stream(status: u16, headers: &Headers<'_>) -> bool {
    status == 200 && has_type(headers, "text/event-stream")
}
