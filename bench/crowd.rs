//! A thousand pages and a server that is away. `crowd MANY AWAY_MS` prints when they dialled and when they looked whether the
//! server is there, in milliseconds since it went, as JSON, and when the last page was back.
//!
//! In virtual time, with the engine as it is. What takes time is a round trip of 20 ms, and nothing else. The server
//! answers a look as ours does, without a word on when it wants to be dialled.

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use everfresh::engine::command::Command;
use everfresh::engine::config::Config;
use everfresh::engine::http::{Failure, Headers, Reply};
use everfresh::engine::ids::{ConnId, HttpId, LockTicket, TabId};
use everfresh::engine::input::{Input, LockEvent, SocketEvent};
use everfresh::engine::output::Output;
use everfresh::engine::time::{Mono, Now, Wall};
use everfresh::engine::{Boot, Engine};

/// Long enough that what a page learnt by an earlier loss is forgotten.
const BEFORE_MS: u64 = 120_000;
const ROUND_TRIP_MS: u64 = 20;
const PATIENCE_MS: u64 = 120_000;
const CONFIG: &str =
    r#"{"user":"u","backend":{"kind":"everfresh","url":"ws://h/live"},"channels":["changes"]}"#;

/// What reaches a page.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Comes {
    Opened(u32),
    Closed(u32),
    Answer(u32),
    Nothing(u32),
}

struct Page {
    engine: Engine,
    conn: Option<ConnId>,
    live: bool,
    back: Option<u64>,
}

struct World {
    pages: Vec<Page>,
    coming: BinaryHeap<Reverse<(u64, usize, Comes)>>,
    gone: u64,
    returns: u64,
    dials: Vec<u64>,
    looks: Vec<u64>,
}

fn main() {
    let mut numbers = std::env::args()
        .skip(1)
        .filter_map(|argument| argument.parse::<u64>().ok());
    let many = numbers.next().unwrap_or(1000);
    let away = numbers.next().unwrap_or(10_000);
    let mut world = World {
        pages: Vec::new(),
        coming: BinaryHeap::new(),
        gone: BEFORE_MS,
        returns: BEFORE_MS + away,
        dials: Vec::new(),
        looks: Vec::new(),
    };
    for number in 0..many {
        let boot = Boot {
            seed: 0x5eed_0000 + number,
            tab: TabId(number + 1),
            online: true,
        };
        let engine = Engine::new(Config::parse(CONFIG).unwrap(), boot, Now::default());
        world.pages.push(Page {
            engine,
            conn: None,
            live: false,
            back: None,
        });
        let at = usize::try_from(number).unwrap();
        // Nobody opens all pages in one millisecond.
        world.happens(number, at, Input::Command(Command::Start));
        world.happens(number, at, Input::Lock(LockEvent::Granted(LockTicket(1))));
    }
    world.runs();
    let back = world.pages.iter().map(|page| page.back).max().flatten();
    let all = world.pages.iter().all(|page| page.back.is_some());
    let back = back
        .filter(|_| all)
        .map_or("null".to_owned(), |back| back.to_string());
    let list = |times: &[u64]| {
        let times: Vec<String> = times.iter().map(u64::to_string).collect();
        times.join(",")
    };
    println!(
        r#"{{"dials":[{}],"looks":[{}],"back":{back}}}"#,
        list(&world.dials),
        list(&world.looks)
    );
}

impl World {
    fn is_there(&self, now: u64) -> bool {
        now < self.gone || now >= self.returns
    }

    fn runs(&mut self) {
        let mut gone = false;
        loop {
            let next_page = self.next_wakeup();
            let next_word = self.coming.peek().map(|Reverse((at, ..))| *at);
            let next = [
                next_page.map(|(at, _)| at),
                next_word,
                (!gone).then_some(self.gone),
            ];
            let Some(now) = next.into_iter().flatten().min() else {
                break;
            };
            if now > self.returns + PATIENCE_MS || self.pages.iter().all(|page| page.back.is_some())
            {
                break;
            }
            if !gone && now >= self.gone {
                gone = true;
                self.goes();
                continue;
            }
            if let Some(Reverse((at, page, comes))) = self.coming.pop_if_due(now) {
                self.comes(at, page, comes);
                continue;
            }
            if let Some((_, page)) = next_page {
                self.happens(now, page, Input::Tick);
            }
        }
    }

    fn next_wakeup(&self) -> Option<(u64, usize)> {
        let each = self.pages.iter().enumerate();
        each.filter_map(|(at, page)| page.engine.next_wakeup().map(|Mono(ms)| (ms, at)))
            .min()
    }

    /// Every connection ends without a word.
    fn goes(&mut self) {
        for page in 0..self.pages.len() {
            if let Some(conn) = self.pages[page].conn.take() {
                self.pages[page].live = false;
                self.coming
                    .push(Reverse((self.gone, page, Comes::Closed(conn.0))));
            }
        }
    }

    fn comes(&mut self, now: u64, page: usize, comes: Comes) {
        match comes {
            Comes::Opened(conn) if self.is_there(now) => {
                self.pages[page].conn = Some(ConnId(conn));
                self.socket(now, page, conn, SocketEvent::Opened);
                let welcome = r#"{"t":"welcome","v":1,"session":"s","ping":25000,"now":1}"#;
                self.socket(now, page, conn, SocketEvent::Frame(welcome.as_bytes()));
                self.pages[page].live = true;
                if now >= self.returns {
                    self.pages[page].back.get_or_insert(now - self.returns);
                }
            }
            Comes::Opened(conn) | Comes::Closed(conn) => {
                let closed = SocketEvent::Closed {
                    code: 1006,
                    reason: "",
                };
                self.socket(now, page, conn, closed);
            }
            Comes::Answer(request) => {
                let reply = Reply {
                    status: 200,
                    headers: Headers::default(),
                    body: br#"{"t":"alive"}"#,
                };
                let request = HttpId(request);
                self.happens(
                    now,
                    page,
                    Input::Response {
                        request,
                        result: Ok(reply),
                    },
                );
            }
            Comes::Nothing(request) => {
                let (request, result) = (HttpId(request), Err(Failure::Unreachable));
                self.happens(now, page, Input::Response { request, result });
            }
        }
    }

    fn socket(&mut self, now: u64, page: usize, conn: u32, event: SocketEvent<'_>) {
        let conn = ConnId(conn);
        self.happens(now, page, Input::Socket { conn, event });
    }

    fn happens(&mut self, now: u64, at: usize, input: Input<'_>) {
        let clocks = Now {
            mono: Mono(now),
            wall: Wall(1_700_000_000_000 + now),
        };
        self.pages[at].engine.handle(clocks, input);
        let mut wants = Vec::new();
        while let Some(output) = self.pages[at].engine.poll_output() {
            wants.push(output);
        }
        for output in wants {
            self.does(now, at, output);
        }
    }

    fn does(&mut self, now: u64, at: usize, output: Output) {
        let there = self.is_there(now);
        let soon = now + ROUND_TRIP_MS;
        let comes = match output {
            Output::OpenSocket { conn, .. } if there => Comes::Opened(conn.0),
            Output::OpenSocket { conn, .. } => Comes::Closed(conn.0),
            Output::Request { request, .. } if there => Comes::Answer(request.0),
            Output::Request { request, .. } => Comes::Nothing(request.0),
            Output::SendFrame { conn, frame } => {
                // What is asked for is given.
                for line in frame.lines().filter(|line| line.contains(r#""t":"sub""#)) {
                    let id = number_after(line, r#""id":"#);
                    let answer = format!(
                        r#"{{"t":"subd","id":{id},"ch":"changes","pos":{{"e":"e","s":0}},"recovered":true,"missed":[]}}"#
                    );
                    self.socket(now, at, conn.0, SocketEvent::Frame(answer.as_bytes()));
                }
                return;
            }
            _ => return,
        };
        if now >= self.gone {
            match comes {
                Comes::Opened(_) | Comes::Closed(_) => self.dials.push(now - self.gone),
                Comes::Answer(_) | Comes::Nothing(_) => self.looks.push(now - self.gone),
            }
        }
        self.coming.push(Reverse((soon, at, comes)));
    }
}

fn number_after(text: &str, name: &str) -> u64 {
    let rest = text.split_once(name).map_or("", |(_, rest)| rest);
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

/// The first of what is due by a moment.
trait PopIfDue<T> {
    fn pop_if_due(&mut self, now: u64) -> Option<T>;
}

impl PopIfDue<Reverse<(u64, usize, Comes)>> for BinaryHeap<Reverse<(u64, usize, Comes)>> {
    fn pop_if_due(&mut self, now: u64) -> Option<Reverse<(u64, usize, Comes)>> {
        let due = self.peek().is_some_and(|Reverse((at, ..))| *at <= now);
        due.then(|| self.pop()).flatten()
    }
}
