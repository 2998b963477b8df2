//! `kill -9` in the middle of mutations that were said on connections, many at a time, over each way: whoever says what was
//! not answered again, under the same keys, on the next connection or by a request, has each done once and in order.
//!
//! A few rounds; `EVERFRESH_KILL_ROUNDS=1000` for a long look.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests may fail loudly, and a long one says how far it is"
)]

mod support;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use support::program::serve;
use support::visitor::{WAYS, Way};
use support::{Dial, Folder, Got, Page, get, schema};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

/// As many write over each way, each to a task of its own.
const WRITERS_A_WAY: u64 = 2;

/// So many mutations are said before the first is answered.
const AT_ONCE: usize = 8;

const ROUNDS: u64 = 6;

/// Far beyond what any of this takes.
const LONG: Duration = Duration::from_secs(60);

#[derive(Clone)]
struct World {
    addr: watch::Receiver<SocketAddr>,
    answered: Arc<AtomicU64>,
    repeated: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
}

impl World {
    fn addr(&self) -> SocketAddr {
        *self.addr.borrow()
    }
}

/// One request over a connection of its own. Nothing, if there was no answer.
async fn ask(addr: SocketAddr, request: Request<Full<Bytes>>) -> Option<Response<Incoming>> {
    let stream = TcpStream::connect(addr).await.ok()?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
    let (mut sender, link) = handshake.await.ok()?;
    tokio::spawn(link);
    sender.send_request(request).await.ok()
}

async fn knock(addr: SocketAddr, door: &str, lines: String) -> Option<Response<Incoming>> {
    let request = Request::post(format!("/live/{door}"))
        .header("host", addr.to_string())
        .header("content-type", "application/x-ndjson")
        .body(Full::new(Bytes::from(lines)))
        .unwrap();
    ask(addr, request).await
}

/// A connection that may end at any moment.
enum Link {
    Socket(Box<Page>),
    Stream(Incoming, String),
    Poll(SocketAddr, Option<Response<Incoming>>, String),
}

impl Link {
    /// Says `hello` and all the rest at once.
    async fn open(way: Way, addr: SocketAddr, lines: String) -> Option<Self> {
        match way {
            Way::Socket => {
                let mut page = Page::dial(addr, Dial::default()).await.ok()?;
                page.try_send(Message::text(lines)).await.then_some(())?;
                Some(Self::Socket(Box::new(page)))
            }
            Way::Stream => {
                let response = knock(addr, "sse", lines).await?;
                Some(Self::Stream(response.into_body(), String::new()))
            }
            Way::Poll => {
                let response = knock(addr, "poll", lines).await?;
                Some(Self::Poll(addr, Some(response), String::new()))
            }
        }
    }

    /// More messages. Nothing, if it ended.
    async fn hear(&mut self) -> Option<Vec<Value>> {
        let lines = match self {
            Self::Socket(page) => match page.frame().await {
                Got::Frame(frame) => frame,
                Got::Close(..) | Got::Broken => return None,
            },
            Self::Stream(body, text) => {
                let bytes = body.frame().await?.ok()?.into_data().ok()?;
                text.push_str(std::str::from_utf8(&bytes).unwrap());
                let whole = text.rfind("\n\n").map_or(0, |at| at + 2);
                let rest = text.split_off(whole);
                std::mem::replace(text, rest).replace("data: ", "")
            }
            Self::Poll(addr, first, session) => {
                let response = match first.take() {
                    Some(response) => response,
                    None => {
                        let from = json!({ "t": "from", "session": session });
                        knock(*addr, "poll", from.to_string()).await?
                    }
                };
                response.status().is_success().then_some(())?;
                let body = response.into_body().collect().await.ok()?.to_bytes();
                String::from_utf8(body.to_vec()).unwrap()
            }
        };
        let heard: Vec<Value> = lines
            .lines()
            .filter(|line| !line.is_empty())
            .map(schema::of_server)
            .collect();
        if let Self::Poll(_, _, session) = self {
            let welcome = heard.iter().find(|message| message["t"] == "welcome");
            if let Some(welcome) = welcome {
                *session = welcome["session"].as_str().unwrap().to_owned();
            }
        }
        Some(heard)
    }
}

/// Whoever writes titles to one task: the version in each answer says how often it was written.
struct Writer {
    world: World,
    way: Way,
    task: u64,
    said: u64,
    open: VecDeque<u64>,
    connections: u64,
}

impl Writer {
    fn key(&self, n: u64) -> String {
        format!("m{}-{n}", self.task)
    }

    fn body(&self, n: u64) -> Value {
        json!({ "title": self.key(n) })
    }

    fn path(&self) -> String {
        format!("/api/tasks/{}", self.task)
    }

    /// The first one without an answer has one.
    fn take(&mut self, task: &Value) {
        let n = self.open.pop_front().unwrap();
        assert_eq!(
            (&task["title"], &task["version"]),
            (&json!(self.key(n)), &json!(n + 1)),
            "each once, and in order"
        );
        self.world.answered.fetch_add(1, Ordering::Relaxed);
    }

    /// Says all that has no answer on a new connection, and hears answers until all are there or it ends.
    async fn connect(&mut self) {
        self.connections += 1;
        let client = format!("c{}-{}", self.task, self.connections);
        let mut lines = vec![json!({ "t": "hello", "v": 1, "client": client }).to_string()];
        for n in self.open.clone() {
            lines.push(
                json!({ "t": "mut", "id": n, "key": self.key(n), "method": "PATCH", "path": self.path(), "body": self.body(n) })
                    .to_string(),
            );
        }
        let link = Link::open(self.way, self.world.addr(), lines.join("\n")).await;
        let Some(mut link) = link else { return };
        while !self.open.is_empty() {
            let Some(heard) = link.hear().await else {
                return;
            };
            for message in heard {
                match message["t"].as_str() {
                    Some("ack") => {
                        assert_eq!(message["id"], self.open[0], "answers come in order");
                        self.take(&message["body"]);
                    }
                    Some("err") => {
                        assert_eq!(message["retry"], true, "{message}");
                        return;
                    }
                    _ => {}
                }
            }
        }
    }

    /// Sends the first one that has no answer as a request.
    async fn over_http(&mut self) {
        let Some(&n) = self.open.front() else { return };
        let addr = self.world.addr();
        let request = Request::patch(self.path())
            .header("host", addr.to_string())
            .header("content-type", "application/json")
            .header("idempotency-key", self.key(n))
            .body(Full::new(Bytes::from(self.body(n).to_string())))
            .unwrap();
        let Some(response) = ask(addr, request).await else {
            return;
        };
        if response.status() != StatusCode::OK {
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            return;
        }
        if let Ok(body) = response.into_body().collect().await {
            self.take(&serde_json::from_slice(&body.to_bytes()).unwrap());
        }
    }

    async fn write(mut self) -> u64 {
        while !self.world.over.load(Ordering::Relaxed) {
            while self.open.len() < AT_ONCE {
                self.said += 1;
                self.open.push_back(self.said);
            }
            let done = timeout(LONG, async {
                while !self.open.is_empty() {
                    self.connect().await;
                    if self.open.is_empty() {
                        break;
                    }
                    let repeated = self.open.len() as u64;
                    self.world.repeated.fetch_add(repeated, Ordering::Relaxed);
                    if self.connections.is_multiple_of(2) {
                        self.over_http().await;
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            });
            done.await.expect("an answer in the end");
        }
        self.said
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_said_on_a_connection_is_done_once_whatever_is_killed() {
    let rounds = std::env::var("EVERFRESH_KILL_ROUNDS");
    let rounds = rounds.map_or(ROUNDS, |rounds| rounds.parse().expect("a number of rounds"));
    let folder = Folder::new("killed-mutations");
    let variables = support::kept_variables(&folder);
    let (mut running, addr) = serve(&variables);
    let (addrs, addr) = watch::channel(addr);
    let world = World {
        addr,
        answered: Arc::default(),
        repeated: Arc::default(),
        over: Arc::default(),
    };
    let tasks = 1..=WRITERS_A_WAY * WAYS.len() as u64;
    let writers: Vec<_> = tasks
        .clone()
        .zip(WAYS.into_iter().cycle())
        .map(|(task, way)| {
            let writer = Writer {
                world: world.clone(),
                way,
                task,
                said: 0,
                open: VecDeque::new(),
                connections: 0,
            };
            tokio::spawn(writer.write())
        })
        .collect();
    for round in 0..rounds {
        // At some moment of some mutation: after a few answers, and a bit.
        let mark = world.answered.load(Ordering::Relaxed) + 1 + round * 7 % 13;
        let reached = timeout(LONG, async {
            while world.answered.load(Ordering::Relaxed) < mark {
                let gone = writers.iter().any(|writer| writer.is_finished());
                assert!(!gone, "somebody has stopped to write");
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
        });
        reached.await.expect("writes go on");
        tokio::time::sleep(Duration::from_micros(round * 137 % 3000)).await;
        // Dropping kills by SIGKILL.
        drop(running);
        let again = serve(&variables);
        running = again.0;
        addrs.send(again.1).unwrap();
    }
    world.over.store(true, Ordering::Relaxed);
    let counts = timeout(LONG, join_all(writers)).await;
    let counts = counts.expect("all is answered").into_iter();
    let counts: Vec<u64> = counts.map(Result::unwrap).collect();
    let list = get(world.addr(), "/api/tasks").await.json();
    for (task, count) in tasks.zip(&counts) {
        let row = &list[usize::try_from(task).unwrap() - 1];
        assert_eq!(
            (&row["title"], &row["version"]),
            (&json!(format!("m{task}-{count}")), &json!(count + 1))
        );
    }
    let repeated = world.repeated.load(Ordering::Relaxed);
    assert!(repeated > 0, "no kill met anything on its way");
    let written: u64 = counts.iter().sum();
    eprintln!(
        "{rounds} rounds of kill -9, {written} mutations, {repeated} said again: each done once"
    );
    drop(running);
}
