//! Where publishing meets the connections: the hub behind its lock, and `/live`, where sockets come in.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::access::{Access, Person, Stranger, UserName};
use crate::address::Address;
use crate::app::App;
use crate::audit::{Audit, Line};
use crate::clock;
use crate::codes::{CloseReason, ErrorCode};
use crate::config::Limits;
use crate::doors;
use crate::error::ApiError;
use crate::hub::{Hub, TooManySubs};
use crate::ids::{ChannelName, ClientId, Integer, Millis, Seq, SessionKey};
use crate::lane::Writes;
use crate::metrics::{Metrics, Way, close_code};
use crate::outbox::{End, Outbox};
use crate::protocol::{Event, SUBPROTOCOL, ServerMessage, subscribed_text};
use crate::quota::{Quotas, TooMuch, Who};
use crate::room::Room;
use crate::rules::Deed;
use crate::session::{self, Admission};
use crate::store::Store;

/// tungstenite reserves this for every connection; its default of 128 KiB is too much for thousands of idle ones.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// How often connections are told to go.
const DRAIN_STEP: Duration = Duration::from_millis(10);

/// The connections and what they hear.
#[derive(Debug)]
pub(crate) struct Live {
    hub: Mutex<Hub<Arc<Outbox>>>,
    seats: Mutex<Seats>,
    /// Bounds and times that sessions keep to.
    pub(crate) limits: Limits,
    /// Who may come in.
    pub(crate) access: Access,
    /// Who is there, and who may edit what.
    pub(crate) room: Arc<Room>,
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
    /// What is written down.
    pub(crate) audit: Audit,
    /// How much each may ask for.
    pub(crate) quotas: Quotas,
    first_key: u64,
    next_key: AtomicU64,
    open: AtomicUsize,
    leaving: AtomicBool,
    emptied: Notify,
}

type Seats = BTreeMap<SessionKey, Seat>;

/// What is known of every connection, greeted or not.
#[derive(Debug)]
struct Seat {
    outbox: Arc<Outbox>,
    person: Option<Person>,
}

/// One connection, as `/demo/stats` shows it.
#[derive(Debug, Serialize)]
pub(crate) struct Connection {
    client: ClientId,
    since: Millis,
    channels: Vec<ChannelName>,
}

impl Live {
    /// Puts a hub, with what was restored into it, to work.
    #[must_use]
    pub(crate) fn new(
        hub: Hub<Arc<Outbox>>,
        limits: Limits,
        access: Access,
        metrics: Arc<Metrics>,
        audit: Audit,
        first_key: u64,
    ) -> Self {
        Self {
            hub: Mutex::new(hub),
            seats: Mutex::default(),
            limits,
            access,
            room: Arc::new(Room::new(limits.crowd())),
            metrics,
            audit,
            quotas: Quotas::new(limits.quotas()),
            first_key,
            next_key: AtomicU64::new(first_key),
            open: AtomicUsize::new(0),
            leaving: AtomicBool::new(false),
            emptied: Notify::new(),
        }
    }

    /// Hands events to their subscribers. To be called in the order of their numbers.
    pub(crate) fn publish(&self, events: Vec<Event>) {
        let mut hub = self.hub();
        for event in events {
            self.metrics.events.fetch_add(1, Ordering::Relaxed);
            let text = event.text.clone();
            for outbox in hub.publish(event) {
                outbox.push_news(text.clone());
            }
        }
    }

    /// Lets go events that are too old to be sent to a page that comes back.
    pub(crate) fn forget_old(&self) {
        self.hub().forget_old(clock::now());
    }

    /// Subscribes and puts the answer into the outbox under the hub's lock: no event of the channel can get in
    /// between, so `pos` is exact.
    ///
    /// # Errors
    /// When the connection has as many subscriptions as it may have.
    pub(crate) fn subscribe(
        &self,
        key: SessionKey,
        outbox: &Outbox,
        id: Integer,
        channel: &ChannelName,
        last: Option<(&str, Seq)>,
    ) -> Result<(), TooManySubs> {
        let mut hub = self.hub();
        if let Some((at, recovery)) = hub.subscribe(key, channel, last, clock::now())? {
            self.metrics.subscribed(&recovery);
            outbox.push(subscribed_text(id, channel, &at, &recovery));
        }
        Ok(())
    }

    /// Unsubscribes and answers; as with [`Self::subscribe`], no event comes after the answer.
    pub(crate) fn unsubscribe(
        &self,
        key: SessionKey,
        outbox: &Outbox,
        id: Integer,
        channel: &ChannelName,
    ) {
        let mut hub = self.hub();
        hub.unsubscribe(key, channel);
        let (id, ch) = (Some(id), channel);
        outbox.push(ServerMessage::Unsubd { id, ch }.text());
    }

    /// Ends what a connection has on channels that it may not use any more.
    pub(crate) fn restrict(&self, key: SessionKey, outbox: &Outbox, person: &Person) {
        let mut hub = self.hub();
        for ch in hub.channels_of(key) {
            if !person.may(Deed::Subscribe, &ch) {
                hub.unsubscribe(key, &ch);
                let (id, ch) = (None, &ch);
                outbox.push(ServerMessage::Unsubd { id, ch }.text());
                let channel = Some(ch.as_str());
                let line = Line::of("revoke", person).on(key, None);
                self.audit.write(Line { channel, ..line });
            }
        }
        drop(hub);
        self.room
            .restrict(key, |deed, channel| person.may(deed, channel));
    }

    /// Whose connection it is, from now on.
    pub(crate) fn seat(&self, key: SessionKey, person: &Person) {
        if let Some(seat) = self.seats().get_mut(&key) {
            seat.person = Some(person.clone());
        }
    }

    /// Ends what connections have on channels that they may not use any more, because the rules or the list of people
    /// changed, and those of whoever is not on the list any more.
    pub(crate) fn recheck(&self) {
        let seats = self.seats();
        let known = seats.iter().filter_map(|(key, seat)| {
            let person = seat.person.clone()?;
            Some((*key, Arc::clone(&seat.outbox), person))
        });
        let known: Vec<_> = known.collect();
        drop(seats);
        for (key, outbox, person) in known {
            if person.is_struck_off() {
                let code = Stranger::Unknown.code();
                let msg = Stranger::Unknown.message();
                let (id, ch) = (None, None);
                outbox.push(ServerMessage::refusal(id, ch, code, msg).text());
                outbox.end(End::Close(CloseReason::UNAUTHORIZED));
                continue;
            }
            self.restrict(key, &outbox, &person);
        }
    }

    /// Ends the connections of a person, and returns how many.
    pub(crate) fn kick(&self, user: &UserName) -> usize {
        let seated = self.seated();
        let theirs = seated
            .iter()
            .filter(|(_, person)| person.name.as_ref() == Some(user));
        theirs
            .map(|(outbox, _)| {
                let msg = "this connection was ended by the app";
                let refusal = ServerMessage::refusal(None, None, ErrorCode::Forbidden, msg);
                outbox.push(refusal.text());
                outbox.end(End::Close(CloseReason::KICKED));
            })
            .count()
    }

    /// The connections whose people are known.
    pub(crate) fn seated(&self) -> Vec<(Arc<Outbox>, Person)> {
        let seats = self.seats();
        let known = seats
            .values()
            .filter_map(|seat| Some((Arc::clone(&seat.outbox), seat.person.clone()?)));
        known.collect()
    }

    /// A connection said hello.
    pub(crate) fn join(&self, key: SessionKey, client: ClientId, outbox: Arc<Outbox>) {
        self.hub().join(key, client, clock::now(), outbox);
    }

    /// Ends the connections of `client`, or all, and returns how many.
    pub(crate) fn cut(&self, client: Option<&ClientId>) -> usize {
        let Some(client) = client else {
            let seats = self.seats();
            return seats.values().map(|seat| seat.outbox.end(End::Cut)).count();
        };
        let hub = self.hub();
        let chosen = hub.members().filter(|(_, member)| member.client == *client);
        chosen
            .map(|(_, member)| member.listener.end(End::Cut))
            .count()
    }

    /// Tells every connection that the server goes, and closes it: a thousand a second, and all within the time that
    /// a stop may take, so that whoever takes over is not asked by all of them at once. Sockets that still come in
    /// close at once.
    pub(crate) async fn drain(&self, reason: &str) {
        self.leaving.store(true, Ordering::SeqCst);
        let spread = u64::try_from(self.limits.goaway_spread.as_millis()).unwrap_or(u64::MAX);
        let text = ServerMessage::Goaway { reason, spread }.text();
        let outboxes: Vec<Arc<Outbox>> = {
            let seats = self.seats();
            seats
                .values()
                .map(|seat| Arc::clone(&seat.outbox))
                .collect()
        };
        let most = Duration::from_millis(outboxes.len() as u64);
        let steps = self.limits.drain.min(most).as_millis() / DRAIN_STEP.as_millis();
        let in_a_step = outboxes
            .len()
            .div_ceil(usize::try_from(steps).unwrap_or(1).max(1));
        let mut chunks = outboxes.chunks(in_a_step.max(1)).peekable();
        while let Some(chunk) = chunks.next() {
            for outbox in chunk {
                outbox.push(text.clone());
                outbox.end(End::Close(CloseReason::GOING_AWAY));
            }
            if chunks.peek().is_some() {
                sleep(DRAIN_STEP).await;
            }
        }
    }

    /// If the server goes: over which time pages are to spread their return.
    pub(crate) fn leaving_within(&self) -> Option<Duration> {
        let leaving = self.leaving.load(Ordering::SeqCst);
        leaving.then_some(self.limits.goaway_spread)
    }

    /// Waits until no socket is open.
    pub(crate) async fn emptied(&self) {
        while self.sockets_open() > 0 {
            self.emptied.notified().await;
        }
    }

    /// Sockets open now, greeted or not.
    pub(crate) fn sockets_open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// Sockets opened since the start.
    pub(crate) fn sockets_total(&self) -> u64 {
        self.next_key.load(Ordering::Relaxed) - self.first_key
    }

    /// Events published since the start.
    pub(crate) fn events_total(&self) -> u64 {
        self.metrics.events.load(Ordering::Relaxed)
    }

    /// The connections that said hello.
    pub(crate) fn connections(&self) -> Vec<Connection> {
        let hub = self.hub();
        hub.members()
            .map(|(_, member)| Connection {
                client: member.client.clone(),
                since: member.since,
                channels: member.channels.iter().cloned().collect(),
            })
            .collect()
    }

    /// Bytes that wait for all pages together, and for the one that is furthest behind.
    pub(crate) fn outbox_bytes(&self) -> (usize, usize) {
        let seats = self.seats();
        let bytes = seats.values().map(|seat| seat.outbox.bytes());
        bytes.fold((0, 0), |(all, most), bytes| (all + bytes, most.max(bytes)))
    }

    /// Whom a bound holds for: the name of a person counts only where it is known for sure.
    pub(crate) fn who(&self, person: &Person, address: Option<Address>) -> Option<Who> {
        Who::of(self.access.is_closed().then_some(person), address)
    }

    /// Who comes with this token? Whoever guesses is slowed down by their address.
    ///
    /// # Errors
    /// When the token is nobody's, or too many were.
    pub(crate) fn admit(
        &self,
        token: Option<&str>,
        address: Option<Address>,
    ) -> Result<Person, Turned> {
        if !self.access.is_closed() {
            return self.access.admit(token).map_err(Turned::Stranger);
        }
        let who = Who::of(None, address);
        self.quotas.may_try(who.as_ref()).map_err(Turned::TooMuch)?;
        self.access.admit(token).map_err(|stranger| {
            self.quotas.failed(who.as_ref());
            Turned::Stranger(stranger)
        })
    }

    /// Registers a new socket for as long as the returned value lives.
    pub(crate) fn open(self: &Arc<Self>, store: &Store, writes: &Writes, came: Came) -> OpenSocket {
        self.metrics.came(came.way);
        let key = SessionKey(self.next_key.fetch_add(1, Ordering::Relaxed));
        let outbox = Outbox::new(self.limits.outbox_bytes_max, Arc::clone(&self.metrics));
        let outbox = Arc::new(outbox);
        let seat = Seat {
            outbox: Arc::clone(&outbox),
            person: None,
        };
        self.seats().insert(key, seat);
        self.open.fetch_add(1, Ordering::SeqCst);
        if self.leaving.load(Ordering::SeqCst) {
            outbox.end(End::Close(CloseReason::GOING_AWAY));
        }
        OpenSocket {
            key,
            outbox,
            live: Arc::clone(self),
            store: store.clone(),
            writes: writes.clone(),
            came,
            entered: None,
        }
    }

    fn hub(&self) -> MutexGuard<'_, Hub<Arc<Outbox>>> {
        self.hub.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A socket's place in [`Live`]; dropping it takes the connection out, whatever way its session ended.
#[derive(Debug)]
pub(crate) struct OpenSocket {
    /// The connection's number.
    pub(crate) key: SessionKey,
    /// What waits to be sent on it.
    pub(crate) outbox: Arc<Outbox>,
    /// Where it is registered.
    pub(crate) live: Arc<Live>,
    /// Where leases are kept.
    pub(crate) store: Store,
    /// Where its mutations are done.
    pub(crate) writes: Writes,
    /// How it came.
    pub(crate) came: Came,
    /// Whose connections it counts to.
    pub(crate) entered: Option<Who>,
}

/// How a connection came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Came {
    /// By which way.
    pub(crate) way: Way,
    /// From where.
    pub(crate) address: Option<Address>,
}

/// Why somebody does not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turned {
    /// They are not known.
    Stranger(Stranger),
    /// They asked too often.
    TooMuch(TooMuch),
}

impl OpenSocket {
    /// Something was refused on it.
    pub(crate) fn refused(&self, line: Line<'_>, channel: Option<&str>, code: ErrorCode) {
        self.live.metrics.refused(code);
        let line = line.from(self.came.address, Some(self.came.way));
        let code = Some(code);
        self.live.audit.write(Line {
            channel,
            code,
            ..line
        });
    }

    /// Takes the connection out of the hub, while its socket still closes.
    pub(crate) fn leave(&self) {
        let was_here = self.live.hub().leave(self.key);
        // A page that loses its connection because the server goes is not away: it may go on with its leases.
        if was_here && self.live.leaving_within().is_none() {
            self.live.room.lose(&self.store, self.key);
        }
    }
}

impl Drop for OpenSocket {
    fn drop(&mut self) {
        self.leave();
        let seat = self.live.seats().remove(&self.key);
        let close = self.outbox.end_so_far().map_or(0, close_code);
        self.live.metrics.went(self.came.way, close);
        if let Some(who) = &self.entered {
            self.live.quotas.leave(who);
        }
        if let Some(person) = seat.and_then(|seat| seat.person) {
            let line = Line::of("disconnect", &person).on(self.key, None);
            let line = line.from(self.came.address, Some(self.came.way));
            let close = Some(close);
            self.live.audit.write(Line { close, ..line });
        }
        if self.live.open.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.live.emptied.notify_waiters();
            self.live.emptied.notify_one();
        }
    }
}

/// `GET /live`: the WebSocket.
///
/// A foreign Origin is refused with 403 before the handshake: such a page is not ours and needs no reason. All
/// else is accepted first and refused with `err` and a close code, since a browser shows a refused handshake
/// as 1006 without a reason, which its page cannot tell from a dead network.
pub(crate) async fn upgrade(
    State(app): State<App>,
    Extension(writes): Extension<Writes>,
    address: Option<Extension<Address>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let mut upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(_) if !headers.contains_key(header::UPGRADE) => return doors::alive(&app),
        Err(rejection) => {
            return ApiError::new(
                rejection.status(),
                ErrorCode::BadRequest,
                "this address speaks WebSocket only",
            )
            .into_response();
        }
    };
    if !app.origins.allow(&headers) {
        return ApiError::new(
            StatusCode::FORBIDDEN,
            ErrorCode::Forbidden,
            "this Origin may not connect: start the server with --allow-origin",
        )
        .into_response();
    }
    let spoken = HeaderValue::from_static(SUBPROTOCOL);
    let speaks = upgrade
        .requested_protocols()
        .any(|offered| *offered == spoken);
    // Where ours is not among them, one that was offered is taken all the same: a browser that offered some
    // and gets none fails the handshake and would never show the close code that follows.
    let chosen = if speaks {
        Some(spoken)
    } else {
        upgrade.requested_protocols().next().cloned()
    };
    if let Some(chosen) = chosen {
        upgrade.set_selected_protocol(chosen);
    }
    let full = app.live.sockets_open() >= app.live.limits.sockets_max;
    let admission = match (full, speaks) {
        (true, _) => Admission::Full,
        (false, false) => Admission::OtherProtocol,
        (false, true) => Admission::Welcome,
    };
    bounded(upgrade, &app.live.limits).on_upgrade(move |socket| {
        let address = address.map(|Extension(address)| address);
        let way = Way::Socket;
        session::run(
            socket,
            app.live.open(&app.store, &writes, Came { way, address }),
            admission,
        )
    })
}

/// A socket with its bounds, before it is opened.
pub(crate) fn bounded(upgrade: WebSocketUpgrade, limits: &Limits) -> WebSocketUpgrade {
    upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_message_size(limits.frame_bytes_max)
        .max_frame_size(limits.frame_bytes_max)
}

/// Which pages may open a socket.
#[derive(Clone, Debug)]
pub(crate) struct Origins(Arc<[String]>);

impl Origins {
    /// Pages of the server's own host, and of these origins, for example `https://app.example.com`.
    #[must_use]
    pub(crate) fn new(allowed: &[String]) -> Self {
        Self(
            allowed
                .iter()
                .map(|origin| origin.trim_end_matches('/').to_ascii_lowercase())
                .collect(),
        )
    }

    /// Whether a request may connect. One without an Origin comes from no page.
    pub(crate) fn allow(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else {
            return true;
        };
        let Ok(origin) = origin.to_str().map(str::to_ascii_lowercase) else {
            return false;
        };
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .map(str::to_ascii_lowercase);
        let same_host = match (origin.split_once("://"), host) {
            (Some((_, authority)), Some(host)) => authority == host,
            _ => false,
        };
        same_host || self.0.contains(&origin)
    }
}
