//! The way of frames, dials and fetches between the tabs and the server of a world.

use crate::agenda::{MS, S, Time};
use crate::network::End;
use crate::query::Answer;
use crate::server::{Does, Noted};
use crate::sometimes::Rare;
use crate::story::tell;
use crate::tab::{Arrival, FromSocket};
use crate::world::{Happening, World};

impl World {
    fn browser_of(&self, socket: usize) -> usize {
        self.tabs[self.sockets[socket].tab].seat.browser
    }

    fn network_arrival(&mut self, browser: usize) -> Time {
        self.browsers[browser]
            .network
            .arrival(self.now, &mut self.chance.network)
    }

    /// A page dials.
    pub(crate) fn dial(&mut self, socket: usize) {
        let browser = self.browser_of(socket);
        let tab = self.sockets[socket].tab;
        let mono = self.browsers[browser].mono(self.now);
        if let Err(mut broken) = self.tabs[tab].neighbour.dialled(self.now, mono) {
            broken.how = format!("{} {}", self.name(tab), broken.how);
            self.broken(broken);
        }
        if let Some(cut) = self.browsers[browser].network.cut(self.now) {
            if cut.hangs {
                self.sometimes.reached(Rare::DialHung);
                self.sockets[socket].up.hole = true;
                self.sockets[socket].down.hole = true;
            } else {
                self.refuse(socket);
            }
            return;
        }
        let at = self.network_arrival(browser);
        if let Some(at) = self.sockets[socket].up.send(at) {
            self.agenda.add(at, Happening::Dialled(socket));
        }
    }

    fn refuse(&mut self, socket: usize) {
        self.sometimes.reached(Rare::DialRefused);
        let at = self.now + self.chance.network.between(MS, 50 * MS);
        let closed = FromSocket::Closed(1006, String::new());
        self.towards_page(socket, at, closed);
    }

    /// A dial reaches the server.
    pub(crate) fn dialled(&mut self, socket: usize) {
        if self.sockets[socket].client == End::Closed {
            return;
        }
        if self.server.dialled(self.now, socket) {
            self.sockets[socket].server = End::Open;
            self.send_down(socket, FromSocket::Opened);
        } else {
            self.refuse(socket);
        }
    }

    /// A frame of a page goes on its way.
    pub(crate) fn send_up(&mut self, socket: usize, frame: String) {
        // A socket that is not open throws, or swallows.
        if self.sockets[socket].client != End::Open {
            return;
        }
        let browser = self.browser_of(socket);
        let at = self.network_arrival(browser);
        match self.sockets[socket].up.send(at) {
            Some(at) => {
                if self.browsers[browser].network.cut(self.now).is_some() {
                    self.sometimes.reached(Rare::HeldByPartition);
                }
                self.agenda.add(at, Happening::Frame(socket, frame));
            }
            None => self.sometimes.reached(Rare::SentIntoNothing),
        }
    }

    /// The page's end of a socket is closed.
    pub(crate) fn close_client(&mut self, socket: usize) {
        if self.sockets[socket].client == End::Closed {
            return;
        }
        self.sockets[socket].client = End::Closed;
        let browser = self.browser_of(socket);
        let at = self.network_arrival(browser);
        if let Some(at) = self.sockets[socket].up.send(at) {
            self.agenda.add(at, Happening::Hangup(socket));
        }
    }

    /// The page's close reaches the server.
    pub(crate) fn hung_up(&mut self, socket: usize) {
        self.sockets[socket].server = End::Closed;
        self.server.closed(socket);
    }

    fn send_down(&mut self, socket: usize, event: FromSocket) {
        let browser = self.browser_of(socket);
        let at = self.network_arrival(browser);
        self.towards_page(socket, at, event);
    }

    fn towards_page(&mut self, socket: usize, at: Time, event: FromSocket) {
        let tab = self.sockets[socket].tab;
        if let Some(at) = self.sockets[socket].down.send(at) {
            self.agenda
                .add(at, Happening::Arrives(tab, Arrival::Socket(socket, event)));
        } else if let FromSocket::Frame(_) = event {
            self.sometimes.reached(Rare::SentIntoNothing);
        }
    }

    /// A socket breaks: both ends notice, if they can hear at all.
    pub(crate) fn break_socket(&mut self, socket: usize) {
        if self.sockets[socket].client != End::Closed {
            self.sockets[socket].down.hole = false;
            let at = self.now + self.chance.network.between(1, 20 * MS);
            let closed = FromSocket::Closed(1006, String::new());
            self.towards_page(socket, at, closed);
            self.sockets[socket].down.hole = true;
        }
        self.sockets[socket].up.hole = true;
        self.hung_up(socket);
    }

    /// A frame reaches the server.
    pub(crate) fn server_hears(&mut self, socket: usize, frame: &str) {
        if self.sockets[socket].server != End::Open {
            return;
        }
        tell!(self, "server <- {frame} (socket {socket})");
        if self.room_hears(socket, frame) {
            return;
        }
        match self
            .server
            .heard(self.now, socket, frame, &mut self.chance.server)
        {
            Ok((does, noted)) => {
                match noted {
                    Noted::Nothing | Noted::Welcomed => {}
                    Noted::Recovered => self.sometimes.reached(Rare::Recovered),
                    Noted::Impossible => self.sometimes.reached(Rare::RecoveryImpossible),
                }
                self.server_does(does);
            }
            Err(mut broken) => {
                let name = self.name(self.sockets[socket].tab);
                broken.how = format!("{name}: {} ({frame})", broken.how);
                self.broken(broken);
            }
        }
    }

    /// Does what the server wants done.
    pub(crate) fn server_does(&mut self, does: Vec<Does>) {
        for deed in does {
            match deed {
                Does::Send(socket, frame) => {
                    tell!(self, "server -> {frame} (socket {socket})");
                    self.send_down(socket, FromSocket::Frame(frame));
                }
                Does::Close(socket, code, reason) => {
                    tell!(self, "server closes socket {socket}: {code} {reason}");
                    if code == 4408 {
                        self.sometimes.reached(Rare::ServerGaveUpOnSession);
                    }
                    self.send_down(socket, FromSocket::Closed(code, reason));
                    self.sockets[socket].down.hole = true;
                    self.sockets[socket].server = End::Closed;
                    self.server.closed(socket);
                }
            }
        }
    }

    /// Plans the server's next wake-up.
    pub(crate) fn arm_server(&mut self) {
        if let Some(at) = self.server.next_wakeup()
            && at < self.server_due
        {
            self.server_due = at.max(self.now + 1);
            self.agenda.add(self.server_due, Happening::Server);
        }
    }

    /// The app fetches.
    pub(crate) fn fetch(&mut self, tab: usize, query: usize, request: u32) {
        let browser = self.tabs[tab].seat.browser;
        let at = match self.browsers[browser].network.cut(self.now) {
            Some(cut) => {
                // Fails at once, or hangs until the network is back and then fails.
                let at = if cut.hangs {
                    cut.until.min(self.now + 30 * S)
                } else {
                    self.now
                };
                let at = at + self.chance.app.between(MS, 100 * MS);
                self.answer_at(at, tab, query, request, Answer::Failed(None));
                return;
            }
            None => self.now + self.chance.app.between(MS, self.shape.fetch / 2),
        };
        self.agenda.add(at, Happening::Request(tab, query, request));
    }

    /// A fetch reaches the server.
    pub(crate) fn requested(&mut self, tab: usize, query: usize, request: u32) {
        let family = self.shape.queries[query].0;
        let fails = self.healed.is_none()
            && self.shape.fails > 0
            && self.chance.app.one_in(self.shape.fails);
        let answer = if self.server.up && !fails {
            Answer::Data(self.truth.versions[family])
        } else if fails && self.chance.app.one_in(4) {
            self.sometimes.reached(Rare::FetchRefused);
            Answer::Failed(Some(self.chance.app.between(100, 10_000) * MS))
        } else {
            Answer::Failed(None)
        };
        let at = self.now + self.chance.app.between(MS, self.shape.fetch / 2);
        self.answer_at(at, tab, query, request, answer);
    }

    fn answer_at(&mut self, at: Time, tab: usize, query: usize, request: u32, answer: Answer) {
        if let Answer::Failed(_) = answer {
            // It is tried again a while later.
            self.fetch_trouble = self.fetch_trouble.max(at + 10 * S);
        }
        let answer = Arrival::Answer(query, request, answer);
        self.agenda.add(at, Happening::Arrives(tab, answer));
    }
}
