//! The one connection to the server: when to dial, when to believe that it is alive, when to
//! give up.
//!
//! It knows no channels and no tabs. The engine tells it whether a link is wanted (this tab
//! leads), what happens to the socket and what the server says about the connection itself.

mod backoff;
mod close;

use self::close::{AfterClose, after_close};
use super::ids::ConnId;
use super::limits::{CONNECT_TIMEOUT, PROBE_TIMEOUT, SILENCE_GRACE, STABLE_AFTER};
use super::rng::Rng;
use super::status::{Status, Word};
use super::time::{Millis, Mono, Now, Wall};

/// The connection's life.
#[derive(Debug)]
pub struct Link {
    state: State,
    /// The number of the last socket that was opened.
    conn: ConnId,
    /// Dials in a row that did not lead to a stable connection.
    failures: u32,
    online: bool,
    reason: String,
    since: Wall,
    out: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No link is wanted.
    Idle,
    /// The socket is being opened, or was opened and the server has not welcomed us yet.
    Dialling { until: Mono },
    /// The server knows us.
    Live(Live),
    /// Waiting for the next dial.
    Waiting { until: Mono },
    /// The browser says that there is no network; dialled all the same, only seldom.
    Offline { until: Mono },
    /// The server does not accept who we are.
    NeedsAuth,
    /// Dialling again would be of no use.
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Live {
    /// Silence longer than this means a dead link.
    patience: Millis,
    /// When we last heard from the server.
    heard: Mono,
    /// When the answer to our own ping is due.
    probe: Option<Mono>,
    /// When the connection counts as good.
    stable: Option<Mono>,
}

/// What the link wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Open a socket.
    Open(ConnId),
    /// Close a socket.
    Close(ConnId),
    /// Say who we are.
    Hello(ConnId),
    /// Answer a sign of life.
    Pong(ConnId, u64),
    /// Ask for a sign of life.
    Ping(ConnId),
    /// The link can be used.
    Up,
    /// The link cannot be used any more.
    Down,
}

impl Link {
    /// A link that nobody wants yet.
    pub fn new(online: bool, since: Wall) -> Self {
        Link {
            state: State::Idle,
            conn: ConnId::default(),
            failures: 0,
            online,
            reason: "not started".to_owned(),
            since,
            out: Vec::new(),
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Step> {
        if self.out.is_empty() {
            return None;
        }
        Some(self.out.remove(0))
    }

    /// The current socket, if it may be used.
    pub fn live(&self) -> Option<ConnId> {
        matches!(self.state, State::Live(_)).then_some(self.conn)
    }

    /// Is this the current socket? What an older one says is dropped.
    pub fn owns(&self, conn: ConnId) -> bool {
        conn == self.conn && matches!(self.state, State::Dialling { .. } | State::Live(_))
    }

    /// A link is wanted from now on.
    pub fn want(&mut self, now: Now) {
        if self.state == State::Idle {
            self.failures = 0;
            self.dial(now, "first connection");
        }
    }

    /// No link is wanted any more.
    pub fn unwant(&mut self, now: Now, reason: &str) {
        self.hang_up();
        self.enter(now, State::Idle, reason);
    }

    /// Dial now, whatever was planned.
    pub fn reconnect(&mut self, now: Now) {
        if self.state != State::Idle {
            self.hang_up();
            self.failures = 0;
            self.dial(now, "asked for by the app");
        }
    }

    /// The socket is open.
    pub fn opened(&mut self, conn: ConnId) {
        if self.owns(conn) {
            self.out.push(Step::Hello(conn));
        }
    }

    /// Anything came from the server.
    pub fn heard(&mut self, now: Now) {
        if let State::Live(live) = &mut self.state {
            live.heard = now.mono;
            live.probe = None;
        }
    }

    /// The server knows us.
    pub fn welcome(&mut self, now: Now, ping: Millis) {
        if !matches!(self.state, State::Dialling { .. }) {
            return;
        }
        let live = Live {
            patience: Millis(ping.0.saturating_add(SILENCE_GRACE.0)),
            heard: now.mono,
            probe: None,
            stable: Some(now.mono + STABLE_AFTER),
        };
        self.enter(now, State::Live(live), "connected");
        self.out.push(Step::Up);
    }

    /// The server asks for a sign of life.
    pub fn ping(&mut self, number: u64) {
        self.out.push(Step::Pong(self.conn, number));
    }

    /// The server will close soon: leave before it does, at a moment of our own.
    pub fn go_away(&mut self, now: Now, spread: Millis, rng: &mut Rng) {
        if self.live().is_some() {
            self.hang_up();
            let until = now.mono + rng.jitter(spread);
            self.enter(now, State::Waiting { until }, "the server is going away");
        }
    }

    /// The socket is closed, or could not be opened.
    pub fn closed(&mut self, now: Now, conn: ConnId, code: u16, reason: &str, rng: &mut Rng) {
        if !self.owns(conn) {
            return;
        }
        if self.live().is_some() {
            self.out.push(Step::Down);
        }
        match after_close(code, reason) {
            AfterClose::Retry { asked } => {
                let why = match self.state {
                    State::Live(_) => "the connection was lost",
                    _ => "the server cannot be reached",
                };
                self.wait(now, asked, why, rng);
            }
            AfterClose::Unauthorized => {
                self.enter(now, State::NeedsAuth, "the server wants a login")
            }
            AfterClose::Give => self.enter(now, State::Failed, "the server refused the connection"),
        }
    }

    /// The browser's opinion of the network changed.
    pub fn online(&mut self, now: Now, online: bool, rng: &mut Rng) {
        self.online = online;
        match (online, self.state) {
            (true, State::Offline { .. }) => self.dial(now, "the network is back"),
            // An open socket can outlive the browser's opinion; ask it.
            (_, State::Live(_)) => self.probe(now),
            (false, State::Waiting { .. }) => self.wait(now, None, "no network", rng),
            _ => {}
        }
    }

    /// The page can be seen again, or woke up: what was planned may be long overdue.
    pub fn wake(&mut self, now: Now) {
        match self.state {
            State::Live(_) => self.probe(now),
            State::Waiting { .. } => self.dial(now, "the page is back"),
            _ => {}
        }
    }

    fn probe(&mut self, now: Now) {
        if let State::Live(live) = &mut self.state
            && live.probe.is_none()
        {
            live.probe = Some(now.mono + PROBE_TIMEOUT);
            self.out.push(Step::Ping(self.conn));
        }
    }

    /// Time passed.
    pub fn tick(&mut self, now: Now, rng: &mut Rng) {
        match &mut self.state {
            State::Dialling { until } if *until <= now.mono => {
                self.hang_up();
                self.wait(now, None, "the server does not answer", rng);
            }
            State::Waiting { until } | State::Offline { until } if *until <= now.mono => {
                self.dial(now, "trying again");
            }
            State::Live(live) => {
                if live.stable.is_some_and(|at| at <= now.mono) {
                    live.stable = None;
                    self.failures = 0;
                }
                self.check_silence(now, rng);
            }
            _ => {}
        }
    }

    /// Silence alone is not death: a throttled page hears late. So silence leads to a question,
    /// and only an unanswered question to a new dial.
    fn check_silence(&mut self, now: Now, rng: &mut Rng) {
        let State::Live(live) = self.state else {
            return;
        };
        match live.probe {
            Some(until) if until <= now.mono => {
                self.hang_up();
                self.wait(now, None, "the server went silent", rng);
            }
            None if now.mono >= live.heard + live.patience => self.probe(now),
            _ => {}
        }
    }

    /// When something is to be done, if nothing else happens.
    pub fn next_wakeup(&self) -> Option<Mono> {
        match self.state {
            State::Dialling { until } | State::Waiting { until } | State::Offline { until } => {
                Some(until)
            }
            State::Live(live) => {
                let silence = live.probe.unwrap_or(live.heard + live.patience);
                Some(live.stable.map_or(silence, |stable| stable.min(silence)))
            }
            State::Idle | State::NeedsAuth | State::Failed => None,
        }
    }

    fn dial(&mut self, now: Now, reason: &str) {
        self.conn = self.conn.next();
        self.out.push(Step::Open(self.conn));
        let until = now.mono + CONNECT_TIMEOUT;
        self.enter(now, State::Dialling { until }, reason);
    }

    fn wait(&mut self, now: Now, asked: Option<Millis>, reason: &str, rng: &mut Rng) {
        let until = now.mono + backoff::delay(self.failures, asked, rng);
        self.failures = self.failures.saturating_add(1);
        if self.online {
            self.enter(now, State::Waiting { until }, reason);
        } else {
            self.enter(now, State::Offline { until }, "no network");
        }
    }

    fn hang_up(&mut self) {
        match self.state {
            State::Live(_) => {
                self.out.push(Step::Down);
                self.out.push(Step::Close(self.conn));
            }
            State::Dialling { .. } => self.out.push(Step::Close(self.conn)),
            _ => {}
        }
    }

    fn enter(&mut self, now: Now, state: State, reason: &str) {
        if self.word() != word(state, self.failures) {
            self.since = now.wall;
        }
        self.state = state;
        reason.clone_into(&mut self.reason);
    }

    fn word(&self) -> Word {
        word(self.state, self.failures)
    }

    /// The state as the app sees it.
    pub fn status(&self, now: Now) -> Status {
        Status {
            word: self.word(),
            reason: self.reason.clone(),
            since: self.since,
            attempt: self.failures,
            next_retry: match self.state {
                State::Waiting { until } | State::Offline { until } => Some(now.wall_at(until)),
                _ => None,
            },
        }
    }
}

fn word(state: State, failures: u32) -> Word {
    match state {
        State::Idle => Word::Idle,
        State::Dialling { .. } if failures == 0 => Word::Connecting,
        State::Dialling { .. } | State::Waiting { .. } => Word::Reconnecting,
        State::Live(_) => Word::Connected,
        State::Offline { .. } => Word::Offline,
        State::NeedsAuth => Word::NeedsAuth,
        State::Failed => Word::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Now {
        Now {
            mono: Mono(ms),
            wall: Wall(1_000_000 + ms),
        }
    }

    fn steps(link: &mut Link) -> Vec<Step> {
        std::iter::from_fn(|| link.poll()).collect()
    }

    const FIRST: ConnId = ConnId(1);

    fn live() -> Link {
        let mut link = Link::new(true, Wall(0));
        link.want(at(0));
        link.opened(FIRST);
        link.welcome(at(10), Millis::seconds(25));
        assert_eq!(
            steps(&mut link),
            [Step::Open(FIRST), Step::Hello(FIRST), Step::Up]
        );
        link
    }

    #[test]
    fn a_lost_connection_is_dialled_again_after_a_jittered_wait() {
        let mut rng = Rng::new(3);
        let mut link = live();
        link.closed(at(100), FIRST, 1006, "", &mut rng);
        assert_eq!(steps(&mut link), [Step::Down]);
        assert_eq!(link.status(at(100)).word, Word::Reconnecting);
        let due = link.next_wakeup().unwrap_or_default();
        assert!(due >= Mono(100) && due <= Mono(600));
        link.tick(at(due.0), &mut rng);
        assert_eq!(steps(&mut link), [Step::Open(ConnId(2))]);
    }

    #[test]
    fn the_wait_starts_short_again_only_after_a_stable_connection() {
        let mut rng = Rng::new(3);
        let mut link = live();
        link.closed(at(100), FIRST, 1006, "", &mut rng);
        assert_eq!(link.status(at(100)).attempt, 1);
        link.tick(at(700), &mut rng);
        link.opened(ConnId(2));
        link.welcome(at(710), Millis::seconds(25));
        link.tick(at(711), &mut rng);
        assert_eq!(
            link.status(at(711)).attempt,
            1,
            "welcomed is not stable yet"
        );
        link.tick(at(710 + STABLE_AFTER.0), &mut rng);
        assert_eq!(link.status(at(20_000)).attempt, 0);
    }

    #[test]
    fn silence_leads_to_a_question_and_only_no_answer_to_a_new_dial() {
        let mut rng = Rng::new(3);
        let mut link = live();
        link.tick(at(10 + 35_000), &mut rng);
        assert_eq!(steps(&mut link), [Step::Ping(FIRST)]);
        link.heard(at(36_000));
        link.tick(at(41_000), &mut rng);
        assert_eq!(steps(&mut link), []);
        link.tick(at(36_000 + 35_000), &mut rng);
        link.tick(at(36_000 + 35_000 + PROBE_TIMEOUT.0), &mut rng);
        assert_eq!(
            steps(&mut link),
            [Step::Ping(FIRST), Step::Down, Step::Close(FIRST)]
        );
    }

    #[test]
    fn a_socket_that_never_opens_is_given_up() {
        let mut rng = Rng::new(3);
        let mut link = Link::new(true, Wall(0));
        link.want(at(0));
        link.tick(at(CONNECT_TIMEOUT.0), &mut rng);
        assert_eq!(steps(&mut link), [Step::Open(FIRST), Step::Close(FIRST)]);
        assert_eq!(link.status(at(10_000)).word, Word::Reconnecting);
    }

    #[test]
    fn what_an_older_socket_says_is_void() {
        let mut rng = Rng::new(3);
        let mut link = live();
        link.reconnect(at(50));
        link.closed(at(60), FIRST, 4403, "", &mut rng);
        assert!(link.owns(ConnId(2)));
        assert_eq!(link.status(at(60)).word, Word::Connecting);
    }

    #[test]
    fn some_closes_end_it() {
        for (code, word) in [
            (4401, Word::NeedsAuth),
            (4403, Word::Failed),
            (4406, Word::Failed),
        ] {
            let mut link = live();
            link.closed(at(100), FIRST, code, "", &mut Rng::new(3));
            assert_eq!(link.status(at(100)).word, word);
            assert_eq!(link.next_wakeup(), None);
        }
    }

    #[test]
    fn no_network_is_a_state_of_its_own_and_ends_with_the_network() {
        let mut rng = Rng::new(3);
        let mut link = live();
        link.online(at(100), false, &mut rng);
        assert_eq!(
            steps(&mut link),
            [Step::Ping(FIRST)],
            "an open socket may live on"
        );
        link.closed(at(200), FIRST, 1006, "", &mut rng);
        assert_eq!(link.status(at(200)).word, Word::Offline);
        steps(&mut link);
        link.online(at(300), true, &mut rng);
        assert_eq!(steps(&mut link), [Step::Open(ConnId(2))]);
    }

    #[test]
    fn a_server_that_goes_away_is_left_within_its_spread() {
        let mut rng = Rng::new(3);
        let mut link = live();
        link.go_away(at(100), Millis::seconds(30), &mut rng);
        assert_eq!(steps(&mut link), [Step::Down, Step::Close(FIRST)]);
        assert!(link.next_wakeup() <= Some(Mono(30_100)));
    }
}
