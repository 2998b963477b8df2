//! A link with a world around it, in virtual time.

use std::collections::BTreeMap;

use crate::engine::http::{Failure, Headers};
use crate::engine::ids::{ConnId, RequestId, TokenId};
use crate::engine::link::{Heritage, Link, Settings, Sighting, Step, Welcome};
use crate::engine::rng::Rng;
use crate::engine::status::{Transport, Word};
use crate::engine::time::{Millis, Mono, Now, Wall};
use crate::engine::token::{Token, TokenFailure, TokenReason};
use crate::wire::Ends;
use crate::wire::native::CLOSES;

/// How the server meets a dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// It welcomes.
    Open,
    /// The connection is refused before it is open.
    Shut,
    /// Nothing ever answers.
    Hangs,
    /// It opens and closes by this code before it welcomes.
    Closes(u16),
}

/// How a look is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Window {
    /// The server answers, and may say when to dial.
    Here(Option<u64>),
    /// Nothing answers.
    Dark,
    /// It answers 401.
    Unauthorized,
    /// It answers 503, and may say when to come back.
    Busy(Option<u64>),
}

/// What the app answers when it is asked for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum App {
    Gives,
    Fails,
    NeedsLogin,
    Silent,
}

#[derive(Clone, Debug)]
enum Event {
    Opened(ConnId),
    Closed(ConnId, u16),
    Gone(ConnId),
    Refused(ConnId, u16),
    Posted(ConnId),
    Welcome(ConnId),
    Pong(ConnId, u64),
    Saw(Sighting),
    Token(TokenId),
    Authorized(RequestId),
}

pub(super) struct Rig {
    pub(super) link: Link,
    rng: Rng,
    pub(super) now: u64,
    /// What the wall clock shows beyond the monotonic one.
    pub(super) wall: u64,
    agenda: BTreeMap<(u64, u64), Event>,
    planned: u64,
    /// By transport: socket, stream, poll.
    pub(super) doors: [Door; 3],
    pub(super) window: Window,
    pub(super) app: App,
    /// Whether questions for a sign of life are answered.
    pub(super) answers: bool,
    /// For how long the server accepts a token.
    pub(super) token_life: Option<u64>,
    /// Whether all that is asked for is answered.
    pub(super) syncs: bool,
    pub(super) open: Vec<ConnId>,
    pub(super) dials: Vec<(u64, Transport)>,
    pub(super) looks: Vec<u64>,
    pub(super) asked: Vec<(u64, TokenReason)>,
    pub(super) authorized: u32,
    pub(super) up: bool,
    pub(super) ups: u32,
    pub(super) frames: Vec<String>,
    request: u64,
}

pub(super) fn settings(ladder: &[Transport], has_tokens: bool) -> Settings {
    Settings {
        can: crate::wire::native::CAPABILITIES,
        ladder: ladder.to_vec(),
        attempts_max: None,
        has_tokens,
        closes: CLOSES,
        looks: true,
        dials: true,
    }
}

pub(super) const PING: u64 = 25_000;
const TRIP: u64 = 20;

impl Rig {
    pub(super) fn new(settings: Settings, seed: u64) -> Rig {
        Rig {
            link: Link::new(settings, true, Wall(1_000_000)),
            rng: Rng::new(seed),
            now: 0,
            wall: 1_000_000,
            agenda: BTreeMap::new(),
            planned: 0,
            doors: [Door::Open; 3],
            window: Window::Here(None),
            app: App::Gives,
            answers: true,
            token_life: None,
            syncs: true,
            open: Vec::new(),
            dials: Vec::new(),
            looks: Vec::new(),
            asked: Vec::new(),
            authorized: 0,
            up: false,
            ups: 0,
            frames: Vec::new(),
            request: 0,
        }
    }

    /// A link by a socket, without tokens, that is up since 40 ms.
    pub(super) fn connected(seed: u64) -> Rig {
        let mut rig = Rig::new(settings(&[Transport::Socket], false), seed);
        rig.want();
        rig.run(40);
        assert!(rig.up);
        rig
    }

    /// The same, but stable.
    pub(super) fn stable(seed: u64) -> Rig {
        let mut rig = Rig::connected(seed);
        rig.run(20_000);
        rig
    }

    pub(super) fn time(&self) -> Now {
        Now {
            mono: Mono(self.now),
            wall: Wall(self.wall + self.now),
        }
    }

    pub(super) fn want(&mut self) {
        let now = self.time();
        self.link.want(now, None, &mut self.rng);
        self.settle();
    }

    /// As [`Rig::want`], after a tab whose link stands like this.
    pub(super) fn want_after(&mut self, last: &Rig) {
        let now = self.time();
        let (status, hold) = (last.link.status(), last.link.hold(now.mono));
        let heir_of = Heritage::of(&status, hold);
        self.link.want(now, Some(heir_of), &mut self.rng);
        self.settle();
    }

    /// Lets something happen to the link.
    pub(super) fn act<T>(&mut self, act: impl FnOnce(&mut Link, Now, &mut Rng) -> T) -> T {
        let now = self.time();
        let result = act(&mut self.link, now, &mut self.rng);
        self.settle();
        result
    }

    pub(super) fn word(&self) -> Word {
        self.link.status().word
    }

    /// The server goes away with all its connections.
    pub(super) fn crash(&mut self, code: u16) {
        self.agenda
            .retain(|_, event| matches!(event, Event::Saw(_) | Event::Token(_)));
        for conn in std::mem::take(&mut self.open) {
            self.act(|link, now, rng| link.closed(now, conn, code, "", rng));
        }
    }

    /// The server is down: nothing answers at all.
    pub(super) fn down(&mut self) {
        self.doors = [Door::Shut; 3];
        self.window = Window::Dark;
    }

    pub(super) fn back(&mut self, after: Option<u64>) {
        self.doors = [Door::Open; 3];
        self.window = Window::Here(after);
    }

    /// The moments of the dials since a moment.
    pub(super) fn dials_since(&self, since: u64) -> Vec<u64> {
        let all = self.dials.iter().map(|(at, _)| *at);
        all.filter(|at| *at >= since).collect()
    }

    /// Lets a span of time pass, with all that happens in it.
    pub(super) fn run(&mut self, span: u64) {
        let end = self.now + span;
        loop {
            let event = self.agenda.keys().next().map(|(at, _)| *at);
            let wakeup = self.link.next_wakeup().map(|at| at.0.max(self.now));
            let Some(at) = event
                .into_iter()
                .chain(wakeup)
                .min()
                .filter(|at| *at <= end)
            else {
                break;
            };
            self.now = self.now.max(at);
            if let Some(entry) = self.agenda.first_entry()
                && entry.key().0 <= self.now
            {
                let event = entry.remove();
                self.happen(event);
            } else {
                self.tick();
            }
        }
        self.now = end;
        self.tick();
    }

    /// Lets a span of time pass while the page does not run.
    pub(super) fn sleep(&mut self, mono: u64, wall: u64) {
        let planned = self.link.next_wakeup();
        let mut clocks = crate::engine::lapse::Clocks::new(self.time());
        self.now += mono;
        self.wall += wall - mono;
        let lapse = clocks.sample(self.time(), planned);
        self.act(|link, now, rng| link.lapse(now, lapse, rng));
        self.tick();
    }

    pub(super) fn tick(&mut self) {
        if self.up && self.syncs {
            self.act(|link, now, _| link.synced(now));
        }
        self.act(|link, now, rng| link.tick(now, rng));
        let wakeup = self.link.next_wakeup();
        assert!(
            wakeup.is_none_or(|at| at > Mono(self.now)),
            "woken again at once: {wakeup:?} at {} in {:?}",
            self.now,
            self.link.state
        );
    }

    fn plan(&mut self, after: u64, event: Event) {
        self.planned += 1;
        self.agenda.insert((self.now + after, self.planned), event);
    }

    fn happen(&mut self, event: Event) {
        let token_life = self.token_life;
        match event {
            Event::Opened(conn) => self.act(|link, now, _| link.opened(now, conn)),
            Event::Closed(conn, code) => {
                self.open.retain(|have| *have != conn);
                self.act(|link, now, rng| link.closed(now, conn, code, "", rng));
            }
            Event::Gone(conn) => {
                self.open.retain(|have| *have != conn);
                self.act(|link, now, rng| {
                    link.unanswered(now, conn, Failure::Unreachable, rng);
                });
            }
            Event::Refused(conn, status) => {
                self.open.retain(|have| *have != conn);
                let headers = Headers::default();
                self.act(|link, now, rng| link.refused(now, conn, status, &headers, rng));
            }
            Event::Posted(conn) => self.act(|link, now, _| link.posted(now, conn)),
            Event::Welcome(conn) => self.act(|link, now, rng| {
                let welcome = Welcome {
                    timeout: None,
                    ping: Millis(PING),
                    session: Some("S".to_owned()),
                    now_ms: Some(5_000_000 + now.mono.0),
                    ends: token_life.map(|life| Ends::At(5_000_000 + now.mono.0 + life)),
                };
                link.welcome(now, conn, welcome, rng);
            }),
            Event::Pong(conn, number) => self.act(|link, now, _| {
                link.heard(now, conn);
                link.pong(now, conn, number);
            }),
            Event::Saw(sighting) => self.act(|link, now, rng| link.saw(now, sighting, rng)),
            Event::Token(request) => {
                let result = match self.app {
                    App::Gives => Ok(Some(Token::new("T"))),
                    App::Fails => Err(TokenFailure::Failed),
                    App::NeedsLogin => Err(TokenFailure::NeedsLogin),
                    App::Silent => return,
                };
                self.act(|link, now, rng| link.token_answered(now, request, result, rng));
            }
            Event::Authorized(request) => self.act(|link, now, _| {
                let ends = token_life.map(|life| Ends::At(5_000_000 + now.mono.0 + life));
                link.authorized(now, Some(request), ends);
            }),
        }
    }

    fn settle(&mut self) {
        while let Some(step) = self.link.poll() {
            self.perform(step);
        }
        assert!(self.open.len() <= 2, "{:?}", self.open);
    }

    fn perform(&mut self, step: Step) {
        match step {
            Step::AskToken(request, reason) => {
                self.asked.push((self.now, reason));
                self.plan(5, Event::Token(request));
            }
            Step::Open(conn, transport) => self.dial(conn, transport),
            Step::Close(conn, _) => {
                self.open.retain(|have| *have != conn);
            }
            Step::Hello(conn) => match self.doors[0] {
                Door::Closes(code) => self.plan(TRIP, Event::Closed(conn, code)),
                Door::Open | Door::Shut | Door::Hangs => self.plan(TRIP, Event::Welcome(conn)),
            },
            Step::Ping(conn) => {
                self.request += 1;
                let number = self.request;
                self.link.asked(number);
                if self.answers {
                    self.plan(TRIP, Event::Pong(conn, number));
                }
            }
            Step::Authorize(_) => {
                self.request += 1;
                let request = RequestId(self.request);
                self.link.authorizing(request);
                self.authorized += 1;
                self.plan(TRIP, Event::Authorized(request));
            }
            Step::Look(_) => {
                self.looks.push(self.now);
                let sighting = match self.window {
                    Window::Here(after) => Sighting::Here {
                        after: after.map(Millis),
                    },
                    Window::Dark => Sighting::Absent,
                    Window::Unauthorized => Sighting::Unauthorized,
                    Window::Busy(asked) => Sighting::Busy {
                        asked: asked.map(Millis),
                    },
                };
                self.plan(2, Event::Saw(sighting));
            }
            Step::StopLooking => self
                .agenda
                .retain(|_, event| !matches!(event, Event::Saw(_))),
            Step::Up => {
                assert!(!self.up, "up twice");
                self.up = true;
                self.ups += 1;
            }
            Step::Down => {
                assert!(self.up, "down twice");
                self.up = false;
            }
            Step::Frame(_, frame) => self.frames.push(frame),
            Step::Post { conn, messages, .. } => {
                self.frames.extend(messages);
                self.plan(TRIP, Event::Posted(conn));
            }
            Step::Poll { .. } | Step::Pong(..) | Step::End(_) | Step::TooLarge => {}
        }
    }

    fn dial(&mut self, conn: ConnId, transport: Transport) {
        self.dials.push((self.now, transport));
        self.open.push(conn);
        let door = match transport {
            Transport::Socket => self.doors[0],
            Transport::Stream => self.doors[1],
            Transport::Poll => self.doors[2],
        };
        match (door, transport) {
            (Door::Hangs, _) => {}
            (Door::Shut, Transport::Socket) => self.plan(3, Event::Closed(conn, 1006)),
            (Door::Shut, Transport::Stream | Transport::Poll) => self.plan(3, Event::Gone(conn)),
            (Door::Open | Door::Closes(_), Transport::Socket) => {
                self.plan(TRIP, Event::Opened(conn));
            }
            (Door::Open, Transport::Stream | Transport::Poll) => {
                self.plan(TRIP, Event::Opened(conn));
                self.plan(TRIP, Event::Welcome(conn));
            }
            (Door::Closes(code), Transport::Stream | Transport::Poll) => {
                self.plan(TRIP, Event::Refused(conn, code));
            }
        }
    }
}
