//! Every decision. One door in, one door out, one deadline:
//!
//! ```
//! use everfresh::engine::{Boot, Engine, config::Config, command::Command, input::Input};
//! use everfresh::engine::{ids::TabId, time::Now};
//!
//! let config = Config::parse(r#"{"backend":{"kind":"everfresh","url":"ws://localhost/live"}}"#)
//!     .expect("a good configuration");
//! let mut engine = Engine::new(config, Boot { seed: 1, tab: TabId(1), online: true }, Now::default());
//! engine.handle(Now::default(), Input::Command(Command::Start));
//! while let Some(output) = engine.poll_output() {
//!     println!("{output:?}"); // what the shell must do
//! }
//! assert!(engine.next_wakeup().is_some()); // when to be woken if nothing else happens
//! ```
//!
//! After each `handle` the shell takes all outputs before it handles the next input. Parts do not
//! know each other; only [`Engine`] knows them all, and it only carries what one part says to
//! the others.

#[cfg(feature = "centrifugo")]
mod admission;
pub mod backend;
pub mod channels;
pub mod command;
pub mod config;
mod fnv;
pub mod freshness;
pub mod hlc;
pub mod http;
pub mod ids;
pub mod input;
pub mod invalidation;
pub mod journal;
pub mod key;
pub mod lapse;
#[cfg(not(feature = "layers"))]
#[path = "no_layers.rs"]
pub mod layers;
#[cfg(feature = "layers")]
pub mod layers;
pub mod limits;
pub mod link;
pub mod list;
pub mod map;
pub mod metrics;
#[cfg(all(test, feature = "layers"))]
pub mod no_layers;
#[cfg(all(test, feature = "mutations"))]
pub mod no_queue;
pub mod notice;
pub mod output;
pub mod principal;
#[cfg(not(feature = "mutations"))]
#[path = "no_queue.rs"]
pub mod queue;
#[cfg(feature = "mutations")]
pub mod queue;
#[cfg(not(feature = "recording"))]
#[path = "no_record.rs"]
pub mod record;
#[cfg(feature = "recording")]
pub mod record;
pub mod rng;
#[cfg(not(feature = "rooms"))]
#[path = "no_room.rs"]
pub mod room;
#[cfg(feature = "rooms")]
pub mod room;
#[cfg(feature = "centrifugo")]
mod route_admission;
mod route_channels;
mod route_freshness;
mod route_http;
mod route_invalidation;
mod route_journal;
mod route_layers;
mod route_link;
mod route_login;
mod route_queue;
#[cfg(feature = "rooms")]
mod route_room;
mod route_tabs;
mod route_user;
mod snapshot;
pub mod status;
pub mod store;
pub mod tabs;
mod tell;
#[cfg(test)]
mod tests;
pub mod text;
pub mod time;
pub mod token;
mod wires;

use std::collections::VecDeque;
use std::rc::Rc;

#[cfg(feature = "centrifugo")]
use self::admission::Admissions;
use self::channels::Channels;
use self::command::Command;
use self::config::Config;
use self::freshness::Freshness;
use self::hlc::Hlc;
use self::http::Requests;
use self::ids::{RequestId, Scope, TabId};
use self::input::{Input, PageEvent, Relay, SocketEvent};
use self::invalidation::Invalidation;
use self::journal::{Journal, Seen, What};
use self::lapse::{Clocks, Lapse};
use self::layers::Layers;
use self::limits::AWAY;
use self::link::{Heritage, Link, Nudge};
use self::map::Map;
use self::metrics::Metrics;
use self::notice::{Cause, Fault, FaultCode, Notice};
use self::output::Output;
use self::principal::Principal;
use self::queue::Queue;
use self::record::Recorder;
use self::rng::Rng;
use self::room::{Desk, Room};
use self::status::{Status, Word};
use self::tabs::calls::Calls;
use self::tabs::message::Says;
use self::tabs::{Role, Tabs};
use self::tell::{Told, Touched};
use self::time::{Millis, Mono, Now, Wall};
use self::wires::Wires;
use crate::wire::{Event, RoomCan, Wire};

/// What the engine is told once, when it is made.
#[derive(Clone, Copy, Debug)]
pub struct Boot {
    /// The source of all chance.
    pub seed: u64,
    /// This tab.
    pub tab: TabId,
    /// What the browser believes about the network.
    pub online: bool,
}

/// The engine of one tab.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    /// What the tabs of this principal share, and no others.
    scope: Scope,
    principal: Principal,
    life: Life,
    rng: Rng,
    tabs: Tabs,
    calls: Calls,
    wires: Wires,
    link: Link,
    channels: Channels,
    invalidation: Invalidation,
    queue: Queue,
    hlc: Hlc,
    room: Room,
    /// What the tabs of this browser want of the room, if this one leads.
    desk: Desk,
    /// Whether this tab's room has a link, its own or the leader's.
    room_up: bool,
    /// What the server of this tab's own link can do about it.
    room_can: RoomCan,
    freshness: Freshness,
    /// The tokens of channels, where each has its own.
    #[cfg(feature = "centrifugo")]
    admissions: Admissions,
    /// The backends, where there are several.
    layers: Layers,
    metrics: Metrics,
    journal: Journal,
    requests: Requests,
    clocks: Clocks,
    /// What the leading tab said last of its link: who leads next takes that over.
    heir_of: Option<Heritage>,
    listened: Map<String, u32>,
    /// The last request to the server.
    request: RequestId,
    /// Who holds the socket.
    carrier: Option<Relay>,
    /// Events that came and are yet to be handed to the other tabs, as text.
    relay: Vec<Rc<str>>,
    /// The leader does not know yet what this page watches.
    wants_changed: bool,
    /// What this tab said last about the link, to say it again only when it changed.
    told_tabs: Option<Status>,
    /// What the app was told last, and what may have changed since.
    told: Told,
    touched: Touched,
    closed_at: Wall,
    out: VecDeque<Output>,
    recorder: Option<Recorder>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    New,
    Running,
    Suspended,
    /// Somebody else is there than this tab's person.
    Fenced,
    Closed,
}

impl Engine {
    /// An engine that waits for [`Command::Start`].
    pub fn new(mut config: Config, boot: Boot, now: Now) -> Self {
        let wire = Wire::new(&config.speaks);
        let scope = principal::scope(&config);
        let settings = config.queue.clone();
        let wish = config.record.take();
        let recorder = wish.map(|text| Recorder::new(&text, &config, boot, now));
        let mut engine = Engine {
            scope,
            principal: Principal::new(boot.tab, &config),
            queue: Queue::new(
                boot.tab,
                principal::scope_name(scope),
                settings,
                boot.online,
            ),
            hlc: Hlc::new(boot.tab),
            room: Room::new(now.mono),
            desk: Desk::default(),
            room_up: false,
            room_can: RoomCan::default(),
            life: Life::New,
            rng: Rng::new(boot.seed),
            tabs: Tabs::new(boot.tab),
            calls: Calls::default(),
            link: Link::new(Self::link_settings(&config, &wire), boot.online, now.wall),
            wires: Wires::new(wire),
            channels: Channels::new(config.keep),
            invalidation: Invalidation::default(),
            freshness: Engine::freshness_of(&mut config, boot.online, now),
            #[cfg(feature = "centrifugo")]
            admissions: Admissions::new(),
            layers: Layers::new(std::mem::take(&mut config.layers), now.wall),
            metrics: Metrics::default(),
            journal: Journal::default(),
            requests: Requests::default(),
            clocks: Clocks::new(now),
            heir_of: None,
            listened: Map::new(),
            request: RequestId::default(),
            carrier: None,
            relay: Vec::new(),
            wants_changed: false,
            told_tabs: None,
            told: Told::default(),
            touched: Touched::Channels,
            closed_at: now.wall,
            out: VecDeque::new(),
            recorder,
            config,
        };
        let routes = std::mem::take(&mut engine.config.routes);
        for route in &routes {
            if engine.invalidation.route(route).is_err() {
                engine.fault(FaultCode::Limit, "too many families of query keys");
            }
        }
        for channel in std::mem::take(&mut engine.config.channels) {
            engine.watch(now, &channel);
        }
        engine
    }

    /// Something happened. Never blocks, never panics, never calls out.
    pub fn handle(&mut self, now: Now, input: Input<'_>) {
        if self.life == Life::Closed {
            return;
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.input(now, &input);
        }
        let link = self.link.live();
        let shown = self.freshness.revision();
        let touches = match &input {
            Input::Tick => Touched::Nothing,
            // What is in a frame says for itself what it touches.
            Input::Socket {
                event: SocketEvent::Frame(_) | SocketEvent::Bytes(_),
                ..
            }
            | Input::TabMessage(_) => Touched::Counters,
            _ => Touched::Channels,
        };
        self.touch(touches);
        self.journal.at(now.wall);
        let lapse = self.check_clocks(now);
        if lapse.away() > AWAY {
            self.queue.was_away(now);
            self.layers.was_away();
            self.invalidation.was_away(now.mono);
            self.requests.was_away(now);
        }
        // Before anything else, so that no write goes out under a lease that ended in sleep.
        if lapse.slept > Millis(0) {
            self.room.slept(lapse.slept);
            #[cfg(feature = "centrifugo")]
            self.admissions.slept(lapse.slept);
        }
        match input {
            Input::Tick => {}
            Input::Command(command) | Input::Said { command, .. } => self.on_command(now, command),
            Input::Socket { conn, event } => self.on_socket(now, conn, event),
            Input::Response { request, result } => self.on_response(now, request, result),
            Input::Stream { conn, event } => self.on_stream(now, conn, event),
            Input::Token { request, result } => self.on_token(now, request, result),
            Input::Lock(event) => self.on_lock(now, event),
            Input::TabMessage(bytes) => self.on_tab_message(now, bytes),
            Input::NoTabChannel => self.on_no_tab_channel(now),
            Input::TabLocks(held) => self.on_tab_locks(now, held),
            Input::UserMessage(bytes) => self.on_user_message(now, bytes),
            Input::Page(event) => self.on_page(now, event),
            Input::Stored { op, result } => self.on_stored(now, op, result),
            Input::StoreListed { op, result } => self.on_listed(now, op, result),
            Input::StoreRead { op, result } => self.on_read(now, op, result),
            Input::StoreChanged { key, value } => self.on_store_changed(now, key, value),
            Input::MutationDone {
                id,
                attempt,
                outcome,
            } => self.on_mutation_done(now, id, attempt, outcome),
            Input::SessionLoaded { key, value } => self.freshness.loaded(now, key, value),
        }
        // After the input, which may bring news of what was missed; before the timers, which may be
        // due only because nobody could look.
        self.link.lapse(now, lapse, &mut self.rng);
        self.on_time(now);
        self.keep_layers(now);
        self.keep_contracts(now);
        if self.freshness.revision() != shown {
            self.touch(Touched::Counters);
        }
        if self.link.live() != link {
            self.touch(Touched::Channels);
        }
        if self.tell_stale(now) {
            self.touch(Touched::Counters);
        }
        self.say_wants();
        self.say_lead(now);
        self.note_status(now);
        self.tell_state(now);
    }

    /// An input may have changed what the app is told.
    fn touch(&mut self, what: Touched) {
        self.touched = self.touched.max(what);
    }

    /// The next thing to do; nothing when all is done.
    pub fn poll_output(&mut self) -> Option<Output> {
        let output = self.out.pop_front();
        self.count_sent(output.as_ref());
        if let (Some(recorder), Some(output)) = (&mut self.recorder, &output) {
            recorder.output(output);
        }
        output
    }

    /// When to call `handle` with [`Input::Tick`] if nothing else happens.
    pub fn next_wakeup(&self) -> Option<Mono> {
        if self.life != Life::Running {
            return None;
        }
        let parts = [
            self.link.next_wakeup(),
            self.tabs.next_wakeup(),
            self.channels.next_wakeup(),
            self.next_stale(),
            self.freshness.next_wakeup(),
            self.requests.next_wakeup(),
            self.next_telling(),
            self.queue.next_wakeup(),
            self.metrics.next_wakeup(),
            self.room.next_wakeup(self.room_up),
            self.desk.next_wakeup(),
            self.layers.next_wakeup(),
            #[cfg(feature = "centrifugo")]
            self.admissions.next_wakeup(),
        ];
        parts.into_iter().flatten().min()
    }

    fn next_stale(&self) -> Option<Mono> {
        let next = self.invalidation.next_wakeup();
        next.filter(|_| !self.queue.holds())
    }

    /// Has this tab the link to the server, for all tabs or for itself?
    pub fn has_link(&self) -> bool {
        self.life == Life::Running && self.tabs.has_link()
    }

    fn on_command(&mut self, now: Now, command: Command) {
        match command {
            Command::Start if self.life == Life::New => self.run(now),
            Command::Start => {}
            Command::Watch { channel } => {
                self.watch(now, &channel);
            }
            Command::Unwatch { channel } => {
                self.channels.unwatch(now.mono, &channel);
                self.channel_steps(now);
            }
            Command::Listen { event } => *self.listened.entry(event, || 0) += 1,
            Command::Unlisten { event } => {
                if let Some(count) = self.listened.get_mut(&event) {
                    *count = count.saturating_sub(1);
                }
                self.listened.retain(|_, count| *count > 0);
            }
            Command::Invalidate { keys } => self.invalidate(now, &keys, Cause::App),
            Command::Fetch(report) => {
                self.age_of_key(now, &report);
                self.on_report(now, &report);
            }
            Command::Applied {
                mutation,
                keys,
                stale,
            } => self.on_applied(now, &mutation, keys, &stale),
            Command::Mutate(draft) => self.on_mutate(now, draft),
            Command::Handle { name, handler } => self.on_handler(now, &name, Some(handler)),
            Command::Unhandle { name } => self.on_handler(now, &name, None),
            Command::MutationDone {
                id,
                attempt,
                outcome,
            } => self.on_mutation_done(now, id, attempt, outcome),
            Command::Queue { call, text } => self.queue.ask(now, call, &text),
            Command::WatchContract { contract } => {
                self.on_contract(&contract, &mut |part, name| part.watch(name, true));
            }
            Command::UnwatchContract { contract } => {
                self.on_contract(&contract, &mut |part, name| part.watch(name, false));
            }
            Command::EnableContract { contract } => {
                self.on_contract(&contract, &mut |part, name| part.enable(name, true));
            }
            Command::DisableContract { contract } => {
                self.on_contract(&contract, &mut |part, name| part.enable(name, false));
            }
            Command::RefreshContract { contract } => {
                self.on_contract(&contract, &mut |part, name| part.refresh(now, name));
            }
            Command::Activity => {
                self.freshness.activity(now);
                self.room.used(now.mono);
            }
            Command::Join { channel, show } => self.on_join(now, &channel, show),
            Command::Leave { channel } => self.on_leave(now, &channel),
            Command::Signal(call) => self.on_signal(call),
            Command::Typing { channel, field } => {
                self.room.typing(now.mono, &channel, field.as_deref());
            }
            Command::Lease { field, what } => self.on_lease(now, field, what),
            Command::SetUser { user } => self.set_user(now, user),
            Command::Log { parts } => self.journal.log(parts),
            Command::Layer { number, status } => self.on_layer(now, number, status),
            Command::Elsewhere { number, event } => self.on_elsewhere(now, number, event),
            Command::Missed { number, channel } => self.on_missed(now, number, &channel),
            Command::Reconnect => self.reconnect(now),
            Command::Token { request, result } => self.on_token(now, request, result),
            Command::LoggedIn { token } => self.on_login(now, token),
            Command::Close => self.close(now),
        }
    }

    fn run(&mut self, now: Now) {
        self.life = Life::Running;
        self.freshness.start(now);
        self.meet_users(now);
        // The mark is read by now; what it says is the next input.
        self.out
            .push_back(Output::OpenTabChannel(principal::scope_name(self.scope)));
        self.out.push_back(Output::HoldTabLock(self.own_lock()));
        self.tabs.start(now);
        self.tabs_steps(now);
        self.queue.follow();
        self.say_hello();
    }

    /// Puts everything down in the order in which others can take it up: first the link, then
    /// the lock, last the word to the other tabs.
    fn stop(&mut self, now: Now, reason: &'static str) {
        self.stop_room(now);
        self.freshness.stop(now);
        self.freshness_steps(now);
        self.link.unwant(now, reason);
        self.link_steps(now);
        self.channels.give_up_lead(now.mono);
        self.calls.give_up_lead();
        self.abort_requests();
        self.flush_relay();
        self.queue.away(now, self.tabs.count() <= 1);
        self.queue_steps(now);
        self.post(Says::Bye);
        self.tabs.stop();
        self.tabs_steps(now);
        self.out.push_back(Output::ReleaseTabLock);
        self.out.push_back(Output::CloseTabChannel);
        self.told_tabs = None;
    }

    fn close(&mut self, now: Now) {
        match self.life {
            Life::Running => self.stop(now, "closed by the app"),
            Life::New | Life::Suspended | Life::Fenced | Life::Closed => {}
        }
        self.out.push_back(Output::CloseUserChannel);
        self.closed_at = now.wall;
        self.life = Life::Closed;
    }

    fn on_page(&mut self, now: Now, event: PageEvent) {
        match event {
            PageEvent::Visible => self.page_visible(now, true),
            PageEvent::Hidden => self.page_visible(now, false),
            PageEvent::Focused => self.freshness.focused(now, true),
            PageEvent::Blurred => self.freshness.focused(now, false),
            PageEvent::Touched => {
                self.freshness.activity(now);
                self.room.used(now.mono);
            }
            PageEvent::Online => {
                self.freshness.online(now, true);
                self.invalidation.was_away(now.mono);
            }
            PageEvent::Offline => self.freshness.online(now, false),
            PageEvent::Resumed => self.invalidation.was_away(now.mono),
            PageEvent::Suspended => {}
            PageEvent::Relay(relay) => self.carrier = Some(relay),
        }
        self.tabs_steps(now);
        match (event, self.life) {
            (PageEvent::Suspended, Life::Running) => {
                self.stop(now, "the page is put away");
                self.out.push_back(Output::CloseUserChannel);
                self.life = Life::Suspended;
            }
            (PageEvent::Suspended, Life::Fenced) => {
                self.out.push_back(Output::CloseUserChannel);
                self.life = Life::Suspended;
            }
            // Everything may have changed meanwhile; the positions say what is to be caught up.
            (PageEvent::Resumed, Life::Suspended) if self.principal.is_open() => self.run(now),
            (PageEvent::Resumed, Life::Suspended) => {
                self.life = Life::Fenced;
                self.meet_users(now);
            }
            (PageEvent::Visible, Life::Running) => self.link.nudge(now, Nudge::Visible),
            (PageEvent::Resumed, Life::Running) => self.link.nudge(now, Nudge::Resumed),
            (PageEvent::Online, _) => {
                self.link.online(now, true);
                let linked = self.link.live().is_some();
                self.queue.online(now, true, linked);
            }
            (PageEvent::Offline, _) => {
                self.link.online(now, false);
                self.queue.online(now, false, false);
            }
            _ => {}
        }
    }

    fn deliver(&mut self, now: Now, event: &Event<'_>) {
        self.metrics.event(now, event.at);
        self.journal.event(Seen::New, &event.name, &event.channel);
        if self.listened.contains(event.name.as_ref()) {
            self.tell(Notice::Event {
                channel: event.channel.clone().into_owned(),
                name: event.name.clone().into_owned(),
                data: event.data.clone().into_owned(),
                by: event.by.clone().map(String::from),
                at: event.at,
            });
        }
        self.freshness.event(now, &event.name);
        self.mark(now, event);
    }

    fn next_request(&mut self) -> RequestId {
        self.request = self.request.next();
        self.request
    }

    /// Was the page away?
    fn check_clocks(&mut self, now: Now) -> Lapse {
        let planned = if self.clocks.elapsed(now) > AWAY {
            self.next_wakeup()
        } else {
            None
        };
        self.clocks.sample(now, planned)
    }

    fn on_time(&mut self, now: Now) {
        if self.life == Life::Running {
            self.tick_link(now);
            self.tabs.tick(now, &mut self.rng);
            self.tabs_steps(now);
            self.channels.tick(now.mono);
            self.channel_steps(now);
            self.expire_requests(now);
            self.queue.tick(now, &mut self.rng);
            self.tick_room(now);
        }
        self.link_steps(now);
        self.queue_steps(now);
    }

    /// How this engine's own link stands, or the one that serves it.
    fn link_status(&self) -> Status {
        match (self.life, self.tabs.role()) {
            (Life::Closed, _) => Status {
                word: Word::Closed,
                reason: "closed by the app".into(),
                ..Status::idle(self.closed_at)
            },
            (Life::Fenced, _) => Status {
                word: Word::NeedsAuth,
                reason: "somebody else is logged in, or nobody".into(),
                ..Status::idle(self.closed_at)
            },
            (_, Role::Following) => match self.tabs.leader_status() {
                Some(status) => status.clone(),
                None => Status {
                    word: Word::Connecting,
                    reason: "looking for the leading tab".into(),
                    ..Status::idle(self.closed_at)
                },
            },
            _ => self.link.status(),
        }
    }

    fn fault(&mut self, code: FaultCode, message: impl Into<String>) {
        self.metrics.faults += 1;
        self.journal.note(What::Fault(code.text()));
        self.tell(Notice::Fault(Fault::new(code, message)));
    }

    fn tell(&mut self, notice: Notice) {
        self.out.push_back(Output::Tell(notice));
    }
}
