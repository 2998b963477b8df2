//! One connection: from its first frame to its end. Decides who may speak when; the hub decides who hears what.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::access::{Person, Stranger};
use crate::audit::Line;
use crate::clock;
use crate::codes::{CloseReason, ErrorCode};
use crate::config::Limits;
use crate::guest::Manners;
use crate::ids::{ChannelName, ClientId, Integer, random_name};
use crate::lane::Lane;
use crate::live::{OpenSocket, Turned};
use crate::mutation::{Carried, Mutation};
use crate::outbox::{End, Outbox};
use crate::pace::Pace;
use crate::protocol::{self, CAN, PageMessage, PagePosition, ServerMessage, VERSION};
use crate::quota::Ask;
use crate::rules::Deed;

/// Pings that may stay without an answer.
const PINGS_MISSED_MAX: u32 = 2;

/// What was decided about a socket before its first frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It may say hello.
    Welcome,
    /// It speaks another subprotocol, or none.
    OtherProtocol,
    /// There are as many sockets as the server takes.
    Full,
}

/// Runs a connection to its end.
pub(crate) async fn run(socket: WebSocket, place: OpenSocket, admission: Admission) {
    let (mut sink, mut stream) = socket.split();
    let outbox = Arc::clone(&place.outbox);
    let Limits {
        close_grace: grace,
        gather,
        ..
    } = place.live.limits;
    let mut session = Session::new(place);
    match admission {
        Admission::Welcome => {}
        Admission::OtherProtocol => {
            session.refuse(
                None,
                None,
                ErrorCode::Unsupported,
                "the subprotocol spoken here is fresh.v1",
            );
            outbox.end(End::Close(CloseReason::VERSION));
        }
        Admission::Full => {
            session.refuse(
                None,
                None,
                ErrorCode::Overloaded,
                "the server has as many connections as it takes",
            );
            outbox.end(End::Close(CloseReason::TRY_LATER));
        }
    }
    let end = tokio::select! {
        biased;
        end = outbox.ended() => end,
        () = write(&mut sink, &outbox, gather) => End::Gone,
        end = session.read(&mut stream) => end,
    };
    // From here on nothing is published to it, so that what is flushed below has an end.
    outbox.end(end);
    session.place.leave();
    part(sink, stream, &outbox, end, grace).await;
}

/// Ends a socket as it is to end.
pub(crate) async fn part(
    sink: SplitSink<WebSocket, Message>,
    mut stream: SplitStream<WebSocket>,
    outbox: &Outbox,
    end: End,
    grace: Duration,
) {
    // A peer that neither reads nor answers must not hold the task for ever: hence the time limits.
    match end {
        End::Cut => {}
        End::Gone => {
            // The answer to a page's close frame goes out when the stream is read once more.
            let _ignored = timeout(grace, drain(&mut stream)).await;
        }
        End::Close(reason) => {
            let _ignored = timeout(grace, close(sink, stream, outbox, reason)).await;
        }
    }
}

/// Sends what waits, as it comes.
async fn write(sink: &mut SplitSink<WebSocket, Message>, outbox: &Outbox, gather: Duration) {
    loop {
        if sink
            .send(Message::Text(outbox.next_frame().await))
            .await
            .is_err()
        {
            return;
        }
        outbox.pause(gather).await;
    }
}

/// Sends the rest and the close frame, then waits for the peer to close.
async fn close(
    mut sink: SplitSink<WebSocket, Message>,
    mut stream: SplitStream<WebSocket>,
    outbox: &Outbox,
    reason: CloseReason,
) {
    while let Some(frame) = outbox.take_frame() {
        if sink.send(Message::Text(frame)).await.is_err() {
            return;
        }
    }
    let frame = CloseFrame {
        code: reason.code,
        reason: reason.reason.into(),
    };
    if sink.send(Message::Close(Some(frame))).await.is_err() {
        return;
    }
    // A socket that is dropped with unread bytes resets the link, and a reset overtakes the close frame. So
    // what the page still sends is read; and where the stream has failed (a frame too large to be read),
    // dropping waits until the caller's patience ends.
    drain(&mut stream).await;
    if reason == CloseReason::TOO_LARGE {
        sleep(Duration::MAX).await;
    }
}

/// What becomes of a socket whose stream has failed.
pub(crate) fn end_of(error: &axum::Error) -> End {
    use tungstenite::Error;
    match std::error::Error::source(error).and_then(|source| source.downcast_ref::<Error>()) {
        Some(Error::Capacity(_)) => End::Close(CloseReason::TOO_LARGE),
        Some(Error::Utf8(_)) => End::Close(CloseReason::NOT_UTF8),
        Some(Error::Protocol(_)) => End::Close(CloseReason::PROTOCOL_ERROR),
        _ => End::Gone,
    }
}

async fn drain(stream: &mut SplitStream<WebSocket>) {
    while let Some(Ok(_)) = stream.next().await {}
}

/// What a connection may say and hears, whatever carries it.
pub(crate) struct Session {
    place: OpenSocket,
    phase: Phase,
    /// When a hello is overdue, or the next ping is due.
    due: Instant,
    /// Messages that it may say.
    pace: Pace,
    /// Mutations that it said.
    lane: Lane,
}

enum Phase {
    /// No hello yet.
    Strange,
    /// Said hello.
    Known {
        name: String,
        client: ClientId,
        person: Box<Person>,
        manners: Manners,
        pings_sent: u64,
        pings_missed: u32,
    },
}

impl Session {
    /// A connection that has not said hello.
    #[must_use]
    pub(crate) fn new(place: OpenSocket) -> Self {
        let limits = &place.live.limits;
        let due = Instant::now() + limits.hello_timeout;
        let pace = Pace::of(limits.messages, clock::now());
        let (writes, outbox) = (place.writes.clone(), Arc::clone(&place.outbox));
        let lane = Lane::new(writes, outbox, limits.mutations_max);
        Self {
            place,
            phase: Phase::Strange,
            due,
            pace,
            lane,
        }
    }

    /// When [`Self::on_deadline`] is to be called.
    #[must_use]
    pub(crate) fn due(&self) -> Instant {
        let until = match &self.phase {
            Phase::Known { person, .. } => person.until,
            Phase::Strange => None,
        };
        let left = until.map(|until| until.0.saturating_sub(clock::now().0));
        let end = left.and_then(|ms| Instant::now().checked_add(Duration::from_millis(ms)));
        end.map_or(self.due, |end| end.min(self.due))
    }

    /// The name of the connection, once it said hello. Nobody can guess it.
    #[must_use]
    pub(crate) fn name(&self) -> Option<&str> {
        match &self.phase {
            Phase::Strange => None,
            Phase::Known { name, .. } => Some(name),
        }
    }

    /// Takes the connection out of the hub: nothing more is published to it.
    pub(crate) fn leave(&self) {
        self.place.leave();
    }

    /// What waits to be sent on it.
    #[must_use]
    pub(crate) fn outbox(&self) -> Arc<Outbox> {
        Arc::clone(&self.place.outbox)
    }

    /// How long a connection that ends may take to read the rest.
    #[must_use]
    pub(crate) fn close_grace(&self) -> Duration {
        self.place.live.limits.close_grace
    }

    /// The page said something: messages separated by line feeds, or only that it lives.
    ///
    /// # Errors
    /// When the connection has to end.
    pub(crate) fn hear(&mut self, text: &str) -> Result<(), End> {
        if let Phase::Known { pings_missed, .. } = &mut self.phase {
            // Whatever arrives shows that the page lives, not only a pong.
            *pings_missed = 0;
        }
        let mut messages = 0;
        for part in protocol::parts(text) {
            messages += 1;
            if self.place.outbox.has_ended() {
                break;
            }
            if !self.pace.allows(clock::now()) {
                let msg = "this connection says too much";
                self.refuse(None, None, ErrorCode::RateLimited, msg);
                return Err(End::Close(CloseReason::TOO_MANY));
            }
            self.on_part(part)?;
        }
        self.place.live.metrics.heard.add(messages, text.len());
        Ok(())
    }

    /// Reads until the connection has to end.
    async fn read(&mut self, stream: &mut SplitStream<WebSocket>) -> End {
        loop {
            tokio::select! {
                frame = stream.next() => {
                    if let Err(end) = self.on_frame(frame) {
                        return end;
                    }
                }
                () = sleep_until(self.due()) => {
                    if let Err(end) = self.on_deadline() {
                        return end;
                    }
                }
            }
        }
    }

    fn on_frame(&mut self, frame: Option<Result<Message, axum::Error>>) -> Result<(), End> {
        match frame {
            Some(Ok(Message::Text(text))) => self.hear(text.as_str()),
            Some(Ok(Message::Binary(_))) => {
                Err(self.bad_message("binary frames are not part of this protocol"))
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => self.hear(""),
            Some(Ok(Message::Close(_))) | None => Err(End::Gone),
            Some(Err(error)) => Err(self.on_broken_stream(&error)),
        }
    }

    fn on_broken_stream(&mut self, error: &axum::Error) -> End {
        let end = end_of(error);
        match end {
            End::Close(CloseReason::TOO_LARGE) => {
                self.refuse(
                    None,
                    None,
                    ErrorCode::TooLarge,
                    "the frame is larger than a page may send",
                );
            }
            End::Close(CloseReason::NOT_UTF8) => {
                self.bad_message("a text frame is UTF-8");
            }
            End::Close(_) | End::Cut | End::Gone => {}
        }
        end
    }

    /// A hello is overdue, a token has ended, or the next ping is due.
    ///
    /// # Errors
    /// When the connection has to end.
    pub(crate) fn on_deadline(&mut self) -> Result<(), End> {
        let now = Instant::now();
        match &mut self.phase {
            Phase::Known { person, .. }
                if person.until.is_some_and(|until| until <= clock::now()) =>
            {
                self.refuse_stranger(None, Stranger::Expired);
                Err(End::Close(CloseReason::EXPIRED))
            }
            // Called early, it does no harm.
            _ if now < self.due => Ok(()),
            Phase::Strange => Err(End::Close(CloseReason::NO_HELLO)),
            Phase::Known { pings_missed, .. } if *pings_missed >= PINGS_MISSED_MAX => {
                Err(End::Close(CloseReason::SILENT))
            }
            Phase::Known {
                pings_sent,
                pings_missed,
                ..
            } => {
                *pings_sent += 1;
                *pings_missed += 1;
                self.due = now + self.place.live.limits.ping_interval;
                self.place
                    .outbox
                    .push(ServerMessage::Ping { n: *pings_sent }.text());
                Ok(())
            }
        }
    }

    fn on_part(&mut self, part: &str) -> Result<(), End> {
        let message = protocol::parse(part).map_err(|error| self.unreadable(&error))?;
        match (&mut self.phase, message) {
            (_, PageMessage::Unknown) => Ok(()),
            (Phase::Strange, PageMessage::Hello { v, client, token }) => {
                self.on_hello(v, &client, token.as_deref())
            }
            (Phase::Strange, _) => Err(self.bad_message("the first message is hello")),
            (Phase::Known { .. }, PageMessage::Hello { .. }) => {
                Err(self.bad_message("hello is said once"))
            }
            (Phase::Known { .. }, PageMessage::Auth { id, token }) => {
                self.on_auth(id, token.as_deref())
            }
            (
                Phase::Known {
                    client,
                    person,
                    manners,
                    ..
                },
                wish @ (PageMessage::Pres { .. }
                | PageMessage::Sig { .. }
                | PageMessage::Lock { .. }
                | PageMessage::Unlock { .. }),
            ) => {
                manners.wish(&self.place, client, person, wish, part);
                Ok(())
            }
            (Phase::Known { .. }, PageMessage::Sub { id, ch, pos }) => {
                self.on_sub(id, &ch, pos.as_ref());
                Ok(())
            }
            (Phase::Known { .. }, PageMessage::Unsub { id, ch }) => {
                match ChannelName::parse(&ch) {
                    Ok(channel) => {
                        let (key, outbox) = (self.place.key, &self.place.outbox);
                        self.place.live.unsubscribe(key, outbox, id, &channel);
                        self.write_down("unsubscribe", &channel);
                    }
                    Err(error) => self.refuse(Some(id), Some(&ch), ErrorCode::BadRequest, error.0),
                }
                Ok(())
            }
            (Phase::Known { .. }, PageMessage::Mut { id }) => self.on_mut(id, part),
            (Phase::Known { .. }, PageMessage::Ping { n }) => {
                self.place.outbox.push(ServerMessage::Pong { n }.text());
                Ok(())
            }
            (Phase::Known { .. }, PageMessage::Pong { .. }) => Ok(()),
        }
    }

    fn on_hello(&mut self, version: u64, client: &str, token: Option<&str>) -> Result<(), End> {
        if version != VERSION {
            self.refuse(
                None,
                None,
                ErrorCode::Unsupported,
                "the version spoken here is 1",
            );
            return Err(End::Close(CloseReason::VERSION));
        }
        let client = ClientId::parse(client).map_err(|error| self.bad_message(error.0))?;
        let person = self.admit(None, token).map_err(|turned| {
            End::Close(match turned {
                Turned::Stranger(Stranger::Unknown) => CloseReason::UNAUTHORIZED,
                Turned::Stranger(Stranger::Expired) => CloseReason::EXPIRED,
                Turned::TooMuch(_) => CloseReason::TOO_MANY,
            })
        })?;
        self.enter(&person)?;
        let Ok(session) = random_name() else {
            self.refuse(
                None,
                None,
                ErrorCode::Internal,
                "no name for the session could be made",
            );
            return Err(End::Close(CloseReason::TRY_LATER));
        };
        let limits = self.place.live.limits;
        let ping = u64::try_from(limits.ping_interval.as_millis()).unwrap_or(u64::MAX);
        let welcome = ServerMessage::Welcome {
            v: VERSION,
            session: &session,
            ping,
            now: clock::now(),
            can: CAN,
        };
        self.place.outbox.push(welcome.text());
        self.place.live.join(
            self.place.key,
            client.clone(),
            Arc::clone(&self.place.outbox),
        );
        self.place.live.seat(self.place.key, &person);
        let came = self.place.came;
        let line = Line::of("connect", &person).on(self.place.key, Some(&client));
        let line = line.from(came.address, Some(came.way));
        self.place.live.audit.write(line);
        self.due = Instant::now() + limits.ping_interval;
        self.phase = Phase::Known {
            name: session,
            client,
            person: Box::new(person),
            manners: Manners::new(&self.place.live.limits, clock::now()),
            pings_sent: 0,
            pings_missed: 0,
        };
        Ok(())
    }

    /// Another token of the same person. One of somebody else would leave them with what this one was told.
    fn on_auth(&mut self, id: Integer, token: Option<&str>) -> Result<(), End> {
        let Ok(new) = self.admit(Some(id), token) else {
            return Ok(());
        };
        let Phase::Known { person, .. } = &mut self.phase else {
            return Ok(());
        };
        if person.name != new.name {
            let msg = "this token is another person's: that needs a connection of its own";
            self.refuse(None, None, ErrorCode::Unauthorized, msg);
            return Err(End::Close(CloseReason::UNAUTHORIZED));
        }
        let exp = new.until;
        let line = Line::of("token", &new).on(self.place.key, None);
        self.place.live.audit.write(line);
        self.place.live.seat(self.place.key, &new);
        self.place
            .live
            .restrict(self.place.key, &self.place.outbox, &new);
        **person = new;
        self.place
            .outbox
            .push(ServerMessage::Authd { id, exp }.text());
        Ok(())
    }

    /// Counts the connection to those of its person.
    fn enter(&mut self, person: &Person) -> Result<(), End> {
        let live = &self.place.live;
        let who = live.who(person, self.place.came.address);
        let allowed = live.quotas.allow(who.as_ref(), Ask::Hello);
        if allowed
            .and_then(|()| live.quotas.enter(who.as_ref()))
            .is_err()
        {
            let msg = "too many connections, or too often";
            self.refuse(None, None, ErrorCode::RateLimited, msg);
            return Err(End::Close(CloseReason::TOO_MANY));
        }
        self.place.entered = who;
        Ok(())
    }

    fn admit(&self, id: Option<Integer>, token: Option<&str>) -> Result<Person, Turned> {
        let person = self.place.live.admit(token, self.place.came.address);
        match &person {
            Ok(_) => {}
            Err(Turned::Stranger(stranger)) => self.refuse_stranger(id, *stranger),
            Err(Turned::TooMuch(_)) => {
                let msg = "too many tokens that nobody is known by";
                self.refuse(id, None, ErrorCode::RateLimited, msg);
            }
        }
        person
    }

    fn refuse_stranger(&self, id: Option<Integer>, stranger: Stranger) {
        self.refuse(id, None, stranger.code(), stranger.message());
    }

    fn may_subscribe(&self, channel: &ChannelName) -> bool {
        match &self.phase {
            Phase::Strange => false,
            Phase::Known { person, .. } => person.may(Deed::Subscribe, channel),
        }
    }

    fn on_sub(&mut self, id: Integer, ch: &str, position: Option<&PagePosition>) {
        let channel = match ChannelName::parse(ch) {
            Ok(channel) => channel,
            Err(error) => return self.refuse(Some(id), Some(ch), ErrorCode::BadRequest, error.0),
        };
        if !self.may_subscribe(&channel) {
            let msg = "this channel is not for you";
            return self.refuse(Some(id), Some(ch), ErrorCode::Forbidden, msg);
        }
        let last = position.map(|position| (position.e.as_str(), position.s));
        if self
            .place
            .live
            .subscribe(self.place.key, &self.place.outbox, id, &channel, last)
            .is_err()
        {
            let msg = format!(
                "a connection has at most {} subscriptions",
                self.place.live.limits.subs_max
            );
            return self.refuse(Some(id), Some(ch), ErrorCode::TooManySubs, &msg);
        }
        self.write_down("subscribe", &channel);
        // The rules may have changed between the question and the subscription, when nobody looked at it yet.
        if let Phase::Known { person, .. } = &self.phase
            && !person.may(Deed::Subscribe, &channel)
        {
            let (key, outbox) = (self.place.key, &self.place.outbox);
            self.place.live.restrict(key, outbox, person);
        }
    }

    /// Writes something for the page, as if it had sent a request.
    fn on_mut(&mut self, id: Integer, part: &str) -> Result<(), End> {
        let Phase::Known { client, person, .. } = &self.phase else {
            return Ok(());
        };
        let mutation = Mutation::read(part).map_err(|error| self.unreadable(&error))?;
        let came = self.place.came;
        let carried = Carried {
            person: (**person).clone(),
            key: self.place.key,
            way: came.way,
        };
        let asked = mutation.request(client, came.address, carried);
        if let Err(refusal) = asked.and_then(|request| self.lane.ask(id, request)) {
            let line = Line::of("refuse", person).on(self.place.key, Some(client));
            self.place.refused(line, None, refusal.code());
            self.place.outbox.push(refusal.text(id));
        }
        Ok(())
    }

    /// Says that a message cannot be read.
    fn unreadable(&self, error: &serde_json::Error) -> End {
        // The decoder quotes what it was given, which may be long.
        self.bad_message(&error.to_string().chars().take(200).collect::<String>())
    }

    /// Says that a message is not of this protocol.
    pub(crate) fn bad_message(&self, msg: &str) -> End {
        self.refuse(None, None, ErrorCode::BadRequest, msg);
        End::Close(CloseReason::BAD_MESSAGE)
    }

    fn refuse(&self, id: Option<Integer>, ch: Option<&str>, code: ErrorCode, msg: &str) {
        let nobody = Person::default();
        let (person, client) = match &self.phase {
            Phase::Strange => (&nobody, None),
            Phase::Known { person, client, .. } => (person.as_ref(), Some(client)),
        };
        let line = Line::of("refuse", person).on(self.place.key, client);
        self.place.refused(line, ch, code);
        self.place
            .outbox
            .push(ServerMessage::refusal(id, ch, code, msg).text());
    }

    fn write_down(&self, event: &'static str, channel: &ChannelName) {
        if let Phase::Known { person, client, .. } = &self.phase {
            let line = Line::of(event, person).on(self.place.key, Some(client));
            let channel = Some(channel.as_str());
            self.place.live.audit.write(Line { channel, ..line });
        }
    }
}
