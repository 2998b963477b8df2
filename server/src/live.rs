//! Where publishing meets the connections: the hub behind its lock, and `/live`, where sockets come in.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::Notify;

use crate::access::{Access, Person};
use crate::app::App;
use crate::clock;
use crate::codes::{CloseReason, ErrorCode};
use crate::config::Limits;
use crate::doors;
use crate::error::ApiError;
use crate::hub::{Hub, TooManySubs};
use crate::ids::{ChannelName, ClientId, Integer, Millis, Seq, SessionKey};
use crate::outbox::{End, Outbox};
use crate::protocol::{Event, PAGE_FRAME_BYTES_MAX, SUBPROTOCOL, ServerMessage, subscribed_text};
use crate::room::Room;
use crate::rules::Deed;
use crate::session::{self, Admission};
use crate::store::Store;

/// tungstenite reserves this for every connection; its default of 128 KiB is too much for thousands of idle ones.
const READ_BUFFER_BYTES: usize = 4 * 1024;

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
    next_key: AtomicU64,
    events: AtomicU64,
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
    pub(crate) fn new(hub: Hub<Arc<Outbox>>, limits: Limits, access: Access) -> Self {
        Self {
            hub: Mutex::new(hub),
            seats: Mutex::default(),
            limits,
            access,
            room: Arc::new(Room::new(limits.crowd())),
            next_key: AtomicU64::new(1),
            events: AtomicU64::new(0),
            open: AtomicUsize::new(0),
            leaving: AtomicBool::new(false),
            emptied: Notify::new(),
        }
    }

    /// Hands events to their subscribers. To be called in the order of their numbers.
    pub(crate) fn publish(&self, events: Vec<Event>) {
        let mut hub = self.hub();
        for event in events {
            self.events.fetch_add(1, Ordering::Relaxed);
            let text = event.text.clone();
            for outbox in hub.publish(event) {
                outbox.push(text.clone());
            }
        }
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

    /// Ends what connections have on channels that they may not use any more, because the rules changed.
    pub(crate) fn recheck(&self) {
        let seats = self.seats();
        let known = seats.iter().filter_map(|(key, seat)| {
            let person = seat.person.clone()?;
            Some((*key, Arc::clone(&seat.outbox), person))
        });
        let known: Vec<_> = known.collect();
        drop(seats);
        for (key, outbox, person) in known {
            self.restrict(key, &outbox, &person);
        }
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

    /// Tells every connection that the server goes, and closes it. Sockets that still come in close at once.
    pub(crate) fn go_away(&self, reason: &str) {
        self.leaving.store(true, Ordering::SeqCst);
        let spread = u64::try_from(self.limits.goaway_spread.as_millis()).unwrap_or(u64::MAX);
        let text = ServerMessage::Goaway { reason, spread }.text();
        for Seat { outbox, .. } in self.seats().values() {
            outbox.push(text.clone());
            outbox.end(End::Close(CloseReason::GOING_AWAY));
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
        self.next_key.load(Ordering::Relaxed) - 1
    }

    /// Events published since the start.
    pub(crate) fn events_total(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
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

    /// Registers a new socket for as long as the returned value lives.
    pub(crate) fn open(self: &Arc<Self>, store: &Store) -> OpenSocket {
        let key = SessionKey(self.next_key.fetch_add(1, Ordering::Relaxed));
        let outbox = Arc::new(Outbox::new(self.limits.outbox_bytes_max));
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
}

impl OpenSocket {
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
        self.live.seats().remove(&self.key);
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
    // Where ours is not among them, the first one offered is taken all the same: a browser that offered some
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
    upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_message_size(PAGE_FRAME_BYTES_MAX)
        .max_frame_size(PAGE_FRAME_BYTES_MAX)
        .on_upgrade(move |socket| session::run(socket, app.live.open(&app.store), admission))
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
