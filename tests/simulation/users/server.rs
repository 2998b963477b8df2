//! The server of a world of users: it knows each by the token of the hello, and gives each events,
//! positions and a room of their own.

use everfresh::engine::ids::ConnId;
use everfresh::wire::json::{self, Raw, Text};

use super::{Due, USERS, World, named};

/// A frame takes this long, in milliseconds.
const WAY: u64 = 8;
/// How often it pings.
const PING: u64 = 20_000;

/// A connection.
pub(super) struct Line {
    tab: usize,
    life: u64,
    conn: ConnId,
    /// Who it is, by the token; unknown before its hello.
    who: Option<usize>,
    open: bool,
    follows: bool,
}

/// What the server knows.
#[derive(Default)]
pub(super) struct Server {
    pub(super) lines: Vec<Line>,
    /// How many events each has had.
    pub(super) told: [u64; USERS.len()],
    fences: u64,
}

impl World {
    /// A tab dials.
    pub(super) fn dials(&mut self, tab: usize, conn: ConnId) {
        if self.chance.one_in(4) {
            return self.plan(30, tab, Due::Refused(conn));
        }
        self.server.lines.push(Line {
            tab,
            life: self.tabs[tab].life,
            conn,
            who: None,
            open: true,
            follows: false,
        });
        self.plan(WAY, tab, Due::Opened(conn));
    }

    /// A tab closes its connection, or is gone; what it sent before arrives.
    pub(super) fn hangs_up(&mut self, tab: usize, conn: Option<ConnId>) {
        for at in 0..self.server.lines.len() {
            let line = &self.server.lines[at];
            if line.tab == tab && line.open && conn.is_none_or(|conn| conn == line.conn) {
                self.plan(WAY, tab, Due::HungUp(at));
            }
        }
    }

    pub(super) fn hung_up(&mut self, line: usize) {
        self.server.lines[line].open = false;
    }

    /// A tab sends something.
    pub(super) fn sends(&mut self, tab: usize, conn: ConnId, frame: String) {
        let life = self.tabs[tab].life;
        let line = self.server.lines.iter().position(|line| {
            line.tab == tab && line.life == life && line.conn == conn && line.open
        });
        if let Some(line) = line {
            self.plan(WAY, tab, Due::AtServer(line, frame));
        }
    }

    fn answers(&mut self, line: usize, frame: String) {
        let Line {
            tab, life, conn, ..
        } = self.server.lines[line];
        self.plan_for(WAY, tab, life, Due::Frame(conn, frame));
    }

    /// The server hears something.
    pub(super) fn hears(&mut self, line: usize, frame: &str) {
        if !self.server.lines[line].open {
            return;
        }
        for message in frame.split('\n') {
            self.hears_one(line, message);
        }
    }

    fn hears_one(&mut self, line: usize, message: &str) {
        let raw = json::parse(message).expect("JSON");
        let text = |name| raw.member(name).and_then(Raw::string).map(Text::decode);
        let number = |name| raw.member(name).and_then(Raw::integer).unwrap_or_default();
        let kind = text("t").expect("a type");
        let of = self.server.lines[line].who;
        match (&*kind, of) {
            ("hello", None) => {
                let token = text("token");
                let who = match token.as_deref().and_then(|token| token.split("of-").nth(1)) {
                    Some(name) => USERS.iter().position(|user| *user == Some(name)),
                    None => USERS.iter().position(Option::is_none),
                };
                self.server.lines[line].who = Some(who.expect("a known token"));
                self.seen.welcomed += 1;
                let welcome = format!(
                    r#"{{"t":"welcome","v":1,"session":"s{line}","ping":{PING},"now":{},"can":["pres","sig","lock"]}}"#,
                    self.now
                );
                self.answers(line, welcome);
                let tab = self.server.lines[line].tab;
                self.plan(PING, tab, Due::Pings(line));
            }
            ("sub", Some(user)) => self.follows(line, user, number("id"), &raw),
            ("unsub", Some(_)) => {
                self.server.lines[line].follows = false;
                let id = number("id");
                self.answers(line, format!(r#"{{"t":"unsubd","id":{id},"ch":"c"}}"#));
            }
            ("ping", Some(_)) => {
                let n = number("n");
                self.answers(line, format!(r#"{{"t":"pong","n":{n}}}"#));
            }
            ("auth", Some(user)) => {
                let token = text("token").unwrap_or_default();
                if USERS[user].is_none_or(|name| !token.ends_with(name)) {
                    let tab = self.server.lines[line].tab;
                    self.broken(tab, &format!("says {token} on a line of {}", named(user)));
                }
                let id = number("id");
                self.answers(line, format!(r#"{{"t":"authd","id":{id}}}"#));
            }
            ("pres", Some(user)) => self.shows(line, user, &raw),
            ("lock", Some(user)) => self.lends(line, user, number("id")),
            ("pong" | "unlock" | "sig", Some(_)) => {}
            (other, _) => {
                let tab = self.server.lines[line].tab;
                self.broken(tab, &format!("says `{other}` to {of:?}"));
            }
        }
    }

    fn follows(&mut self, line: usize, user: usize, id: u64, raw: &Raw<'_>) {
        let pos = raw.member("pos");
        let epoch = pos.and_then(|pos| pos.member("e"));
        let epoch = epoch.and_then(Raw::string).map(Text::decode);
        let after = pos.and_then(|pos| pos.member("s")).and_then(Raw::integer);
        let own = format!("epoch-of-{}", named(user));
        let at = self.server.told[user];
        if epoch.as_deref().is_some_and(|epoch| epoch != own) {
            let tab = self.server.lines[line].tab;
            self.broken(tab, &format!("resumes at {epoch:?} as {}", named(user)));
        }
        self.server.lines[line].follows = true;
        let missed: Vec<String> = match after {
            Some(after) => (after + 1..=at).map(|seq| event(user, seq)).collect(),
            None => Vec::new(),
        };
        let answer = format!(
            r#"{{"t":"subd","id":{id},"ch":"c","pos":{{"e":"{own}","s":{at}}},"recovered":{},"missed":[{}]}}"#,
            after.is_some(),
            missed.join(",")
        );
        self.answers(line, answer);
    }

    fn shows(&mut self, line: usize, user: usize, raw: &Raw<'_>) {
        if raw.member("leave").is_none() {
            let name = named(user);
            let answer = format!(
                r#"{{"t":"presence","ch":"c","full":true,"you":"n{line}","join":{{"n{line}":{{"ref":1,"user":"of-{name}","data":{{}}}}}},"leave":{{}}}}"#
            );
            self.answers(line, answer);
        }
    }

    fn lends(&mut self, line: usize, user: usize, id: u64) {
        self.server.fences += 1;
        let (fence, name) = (self.server.fences, named(user));
        let field = format!(r#""ch":"c","key":"f","fence":{fence}"#);
        let answer = format!(r#"{{"t":"lockd","id":{id},{field},"ttl":30000}}"#);
        self.answers(line, answer);
        let answer =
            format!(r#"{{"t":"lockev",{field},"holder":{{"user":"of-{name}"}},"ttl":30000}}"#);
        self.answers(line, answer);
    }

    /// Something happened of which one person is to hear.
    pub(super) fn publishes(&mut self, user: usize) {
        self.server.told[user] += 1;
        let text = event(user, self.server.told[user]);
        for line in 0..self.server.lines.len() {
            let Line {
                who, open, follows, ..
            } = self.server.lines[line];
            if open && follows && who == Some(user) {
                self.answers(line, text.clone());
            }
        }
    }

    /// The server pings, as long as the line is there.
    pub(super) fn pings(&mut self, line: usize) {
        let Line { tab, open, .. } = self.server.lines[line];
        if open {
            self.answers(line, r#"{"t":"ping","n":1}"#.to_owned());
            self.plan(PING, tab, Due::Pings(line));
        }
    }

    /// The network cuts all connections of the browser.
    pub(super) fn cuts(&mut self) {
        for line in 0..self.server.lines.len() {
            let Line {
                tab,
                life,
                conn,
                open,
                ..
            } = self.server.lines[line];
            if open {
                self.server.lines[line].open = false;
                self.plan_for(WAY, tab, life, Due::Cut(conn));
            }
        }
    }
}

fn event(user: usize, seq: u64) -> String {
    let name = named(user);
    format!(
        r#"{{"t":"ev","ch":"c","s":{seq},"name":"noted","data":{{"n":{seq},"text":"of-{name}"}},"at":1}}"#
    )
}
