//! `kill -9` in the middle of writes, again and again: nothing that was answered is lost, nothing is done twice, and a
//! page that comes back hears every event once, without a gap, however many they are.
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

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use support::program::serve;
use support::{Folder, Got, Page, get};
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tokio::time::timeout;

/// As many pages listen, each from server to server.
const LISTENERS: usize = 8;

/// As many pages write at a time, each to a task of its own.
const WRITERS: u64 = 4;

const ROUNDS: u64 = 5;

/// Far beyond what any of this takes.
const LONG: Duration = Duration::from_secs(60);

/// What is known of the world by all who take part.
#[derive(Clone)]
struct World {
    addr: watch::Receiver<SocketAddr>,
    answered: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
}

impl World {
    /// Where the server is now. One that is gone is replaced soon.
    fn addr(&self) -> SocketAddr {
        *self.addr.borrow()
    }
}

/// One request over a connection of its own. Nothing, if there was no answer.
async fn patch(
    addr: SocketAddr,
    path: &str,
    key: &str,
    body: String,
) -> Option<(StatusCode, Value)> {
    let answer = async {
        let stream = TcpStream::connect(addr).await.ok()?;
        let (mut sender, link) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .ok()?;
        let link = tokio::spawn(link);
        let request = Request::patch(path)
            .header("host", addr.to_string())
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .body(Full::<Bytes>::from(body))
            .unwrap();
        let response = sender.send_request(request).await.ok()?;
        let status = response.status();
        let body = response.into_body().collect().await.ok()?.to_bytes();
        link.abort();
        Some((status, serde_json::from_slice(&body).ok()?))
    };
    timeout(Duration::from_secs(10), answer).await.ok()?
}

/// Writes title after title to one task, each under a name of its own, and sends again what was not answered. The
/// version in each answer says how often the task was written: once a title.
async fn write(world: World, task: u64) -> u64 {
    let mut count = 0;
    while !world.over.load(Ordering::Relaxed) {
        count += 1;
        let title = format!("w{task}-{count}");
        let body = json!({ "title": title }).to_string();
        let path = format!("/api/tasks/{task}");
        let answer = timeout(LONG, async {
            loop {
                match patch(world.addr(), &path, &title, body.clone()).await {
                    Some((StatusCode::OK, task)) => return task,
                    Some((StatusCode::SERVICE_UNAVAILABLE, _)) | None => {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    Some(other) => panic!("{title}: {other:?}"),
                }
            }
        });
        let answer = answer.await.expect("an answer in the end");
        assert_eq!(
            (&answer["title"], &answer["version"]),
            (&json!(title), &json!(count + 1))
        );
        world.answered.fetch_add(1, Ordering::Relaxed);
    }
    count
}

/// Hears every event of the channel, from server to server, until as many titles as were written are heard.
async fn listen(
    number: usize,
    world: World,
    total: watch::Receiver<Option<u64>>,
    coming: UnboundedSender<()>,
) -> Vec<String> {
    let mut at: Option<Value> = None;
    let mut heard = Vec::new();
    let mut connections = 0;
    let done = |heard: &Vec<String>| {
        total
            .borrow()
            .is_some_and(|total| heard.len() as u64 >= total)
    };
    while !done(&heard) {
        let Ok(mut page) = Page::dial(world.addr(), support::Dial::default()).await else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        connections += 1;
        let hello = json!({ "t": "hello", "v": 1, "client": format!("c{number}-{connections}") });
        let mut sub = json!({ "t": "sub", "id": 1, "ch": "tasks" });
        if let Some(at) = &at {
            sub["pos"] = at.clone();
        }
        if !page.try_say(&hello).await || !page.try_say(&sub).await {
            continue;
        }
        while !done(&heard) {
            let frame = match timeout(Duration::from_millis(500), page.frame()).await {
                Ok(Got::Frame(frame)) => frame,
                Ok(Got::Close(..) | Got::Broken) => break,
                Err(_quiet) => continue,
            };
            for message in frame.split('\n') {
                let message: Value = serde_json::from_str(message).unwrap();
                if message["t"] == "subd" {
                    if let Some(at) = &at {
                        assert_eq!(message["recovered"], true, "a gap after {at}: {message}");
                    } else {
                        at = Some(message["pos"].clone());
                        coming.send(()).unwrap();
                    }
                    for event in message["missed"].as_array().into_iter().flatten() {
                        take(event, &mut at, &mut heard);
                    }
                    assert_eq!(message["pos"], *at.as_ref().unwrap());
                } else if message["t"] == "ev" {
                    take(&message, &mut at, &mut heard);
                }
            }
        }
    }
    heard
}

fn take(event: &Value, at: &mut Option<Value>, heard: &mut Vec<String>) {
    let at = at.as_mut().expect("subscribed first");
    let next = at["s"].as_u64().unwrap() + 1;
    assert_eq!(event["s"], next, "a hole, or one twice");
    at["s"] = next.into();
    heard.push(event["data"]["title"].as_str().unwrap().to_owned());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_loses_nothing_and_does_nothing_twice() {
    let rounds = std::env::var("EVERFRESH_KILL_ROUNDS");
    let rounds = rounds.map_or(ROUNDS, |rounds| rounds.parse().expect("a number of rounds"));
    let folder = Folder::new("killed");
    let variables = support::kept_variables(&folder);
    let (mut running, addr) = serve(&variables);
    let (addrs, addr) = watch::channel(addr);
    let world = World {
        addr,
        answered: Arc::default(),
        over: Arc::default(),
    };
    let (totals, total) = watch::channel(None);
    let (coming, mut there) = tokio::sync::mpsc::unbounded_channel();
    let listeners: Vec<_> = (0..LISTENERS)
        .map(|number| tokio::spawn(listen(number, world.clone(), total.clone(), coming.clone())))
        .collect();
    // The pages have to be there before the first write, to hear all of them.
    let epoch = get(world.addr(), "/api/tasks")
        .await
        .header("etag")
        .to_owned();
    for _ in 0..LISTENERS {
        let came = timeout(LONG, there.recv()).await;
        assert!(came.expect("a subscription in time").is_some());
    }
    let writers: Vec<_> = (1..=WRITERS)
        .map(|task| tokio::spawn(write(world.clone(), task)))
        .collect();

    for round in 0..rounds {
        // At some moment of some write: after a few answers, and a bit.
        let mark = world.answered.load(Ordering::Relaxed) + 1 + round * 7 % 13;
        let reached = timeout(LONG, async {
            while world.answered.load(Ordering::Relaxed) < mark {
                let gone = listeners.iter().any(|listener| listener.is_finished());
                assert!(!gone, "a page has stopped to listen");
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
        if round % 100 == 99 {
            eprintln!(
                "{} rounds, {} writes",
                round + 1,
                world.answered.load(Ordering::Relaxed)
            );
        }
    }
    world.over.store(true, Ordering::Relaxed);
    let counts: Vec<u64> = join_all(writers)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let written: u64 = counts.iter().sum();
    totals.send(Some(written)).unwrap();
    let heard = timeout(LONG, join_all(listeners))
        .await
        .expect("all is heard");
    let heard: Vec<Vec<String>> = heard.into_iter().map(Result::unwrap).collect();
    assert!(
        heard.iter().all(|one| *one == heard[0]),
        "all heard the same"
    );

    let mut by_writer: BTreeMap<u64, u64> = BTreeMap::new();
    for title in &heard[0] {
        let (task, count) = title.strip_prefix('w').unwrap().split_once('-').unwrap();
        let last = by_writer.entry(task.parse().unwrap()).or_default();
        *last += 1;
        assert_eq!(
            count.parse::<u64>().unwrap(),
            *last,
            "each title once, and in order"
        );
    }
    assert_eq!(by_writer.values().sum::<u64>(), written);
    let tasks = get(world.addr(), "/api/tasks").await;
    assert_ne!(tasks.header("etag"), epoch);
    for (task, count) in (1..=WRITERS).zip(&counts) {
        let row = &tasks.json()[usize::try_from(task).unwrap() - 1];
        assert_eq!(
            (&row["title"], &row["version"]),
            (&json!(format!("w{task}-{count}")), &json!(count + 1))
        );
    }
    eprintln!(
        "{rounds} rounds of kill -9, {written} writes: none lost, none twice, no gap for any of {LISTENERS} pages"
    );
}
