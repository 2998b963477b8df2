//! Many subscribers in one process, as cheap as can be: frames are read by hand, because whoever measures must not be
//! what is slow. Each notes the number of every event that it gets, and how long it took.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::sides::Side;

/// Connections that are made at a time.
const AT_A_TIME: usize = 64;

/// About what an event of an app carries.
const WHAT: &str = "task 7 of project 12 was changed by jane: its status is doing now";

/// All subscribers of one server.
pub struct Crowd {
    begin: Instant,
    notes: Vec<Arc<Mutex<Vec<Note>>>>,
    heard: Arc<AtomicU64>,
    tasks: JoinSet<()>,
    number: AtomicU64,
}

/// An event that one of them got.
#[derive(Clone, Copy, Debug)]
struct Note {
    number: u32,
    micros: u32,
}

/// What all of them heard.
pub struct Heard(Vec<Vec<Note>>);

impl Heard {
    /// In milliseconds, sorted, from an event on.
    pub fn latencies_from(&self, first: u64) -> Vec<f64> {
        let all = self.0.iter().flatten();
        let chosen = all.filter(|note| u64::from(note.number) >= first);
        let mut micros: Vec<u32> = chosen.map(|note| note.micros).collect();
        micros.sort_unstable();
        let in_ms = |micros| f64::from(micros) / 1000.0;
        micros.into_iter().map(in_ms).collect()
    }

    /// All heard all, each once and in the same order.
    pub fn judge(&self, subscribers: usize, events: u64) {
        let order = |heard: &Vec<Note>| heard.iter().map(|note| note.number).collect::<Vec<_>>();
        let first = order(&self.0[0]);
        assert!(
            self.0.len() == subscribers && self.0.iter().all(|heard| order(heard) == first),
            "not all heard the same"
        );
        let mut sorted = first;
        sorted.sort_unstable();
        let all = (0..u32::try_from(events).unwrap()).collect::<Vec<_>>();
        assert!(sorted == all, "not all was heard once");
    }
}

impl Crowd {
    /// Connects so many, greets and subscribes.
    pub async fn gather(side: Side, addr: SocketAddr, count: usize) -> Self {
        let places = Arc::new(Semaphore::new(AT_A_TIME));
        let mut coming = JoinSet::new();
        for number in 0..count {
            let places = Arc::clone(&places);
            coming.spawn(async move {
                let _place = places.acquire().await.unwrap();
                timeout(Duration::from_secs(30), Link::enter(side, addr, number))
                    .await
                    .expect("a subscription in time")
            });
        }
        let mut crowd = Self {
            begin: Instant::now(),
            notes: Vec::new(),
            heard: Arc::default(),
            tasks: JoinSet::new(),
            number: AtomicU64::new(0),
        };
        while let Some(link) = coming.join_next().await {
            let notes = Arc::default();
            crowd.notes.push(Arc::clone(&notes));
            let heard = Arc::clone(&crowd.heard);
            crowd
                .tasks
                .spawn(link.unwrap().listen(crowd.begin, notes, heard));
        }
        crowd
    }

    /// What is published: an event that says its number and when it was due.
    pub fn body(&self, number: u64, due: Instant) -> String {
        let sent = due.duration_since(self.begin).as_micros();
        format!(
            r#"{{"channel":"fan","name":"changed","data":{{"what":"{WHAT}","mark":"{number}/{sent}/"}}}}"#
        )
    }

    /// The next event, now.
    pub fn next_body(&self) -> String {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        self.body(number, Instant::now())
    }

    /// Waits until all have so many events.
    pub async fn all(&self, events: u64, deadline: Duration) -> Heard {
        let wanted = events * self.notes.len() as u64;
        let complete = async {
            while self.heard.load(Ordering::Acquire) < wanted {
                sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(deadline, complete).await.unwrap_or_else(|_late| {
            panic!(
                "{} of {wanted} messages came",
                self.heard.load(Ordering::Acquire)
            )
        });
        let notes = self.notes.iter();
        Heard(notes.map(|notes| notes.lock().unwrap().clone()).collect())
    }
}

/// One subscriber's connection.
struct Link {
    side: Side,
    stream: TcpStream,
    bytes: Vec<u8>,
}

impl Link {
    async fn enter(side: Side, addr: SocketAddr, number: usize) -> Self {
        let stream = TcpStream::connect(addr).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut link = Self {
            side,
            stream,
            bytes: Vec::with_capacity(1024),
        };
        let (path, more) = match side.is_ours() {
            true => ("/live", "sec-websocket-protocol: fresh.v1\r\n"),
            false => ("/socket.io/?EIO=4&transport=websocket", ""),
        };
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {addr}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
        );
        link.stream.write_all(request.as_bytes()).await.unwrap();
        link.answered().await;
        if side.is_ours() {
            link.say(&format!(r#"{{"t":"hello","v":1,"client":"c{number}"}}"#))
                .await;
            link.until(r#"{"t":"welcome""#).await;
            link.say(r#"{"t":"sub","id":1,"ch":"fan"}"#).await;
            link.until(r#"{"t":"subd""#).await;
        } else {
            link.until("0{").await;
            link.say("40").await;
            link.until("40{").await;
            link.say(r#"420["sub","fan"]"#).await;
            link.until("430[").await;
        }
        link
    }

    /// Reads the answer to the handshake.
    async fn answered(&mut self) {
        loop {
            if let Some(end) = self.bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                assert!(self.bytes.starts_with(b"HTTP/1.1 101"));
                self.bytes.drain(..end + 4);
                return;
            }
            self.read().await;
        }
    }

    async fn read(&mut self) {
        let count = self.stream.read_buf(&mut self.bytes).await.unwrap();
        assert!(count > 0, "{} closed a connection", self.side.name());
    }

    /// Says something short.
    async fn say(&mut self, text: &str) {
        let length = u8::try_from(text.len()).unwrap();
        assert!(length < 126);
        // Masked with zeros: the rule is kept and nothing has to be done.
        let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
        frame.extend_from_slice(text.as_bytes());
        self.stream.write_all(&frame).await.unwrap();
    }

    async fn until(&mut self, start: &str) {
        loop {
            while let Some((from, to)) = frame(&self.bytes, 0) {
                let found = self.bytes[from..to].starts_with(start.as_bytes());
                self.bytes.drain(..to);
                if found {
                    return;
                }
            }
            self.read().await;
        }
    }

    /// Hears to the end.
    async fn listen(mut self, begin: Instant, notes: Arc<Mutex<Vec<Note>>>, heard: Arc<AtomicU64>) {
        loop {
            let now = begin.elapsed().as_micros();
            let mut at = 0;
            let mut count = 0;
            let mut ping = None;
            while let Some((from, to)) = frame(&self.bytes, at) {
                at = to;
                let text = std::str::from_utf8(&self.bytes[from..to]).unwrap();
                let before = count;
                let mut notes = notes.lock().unwrap();
                for mark in text.split(r#""mark":""#).skip(1) {
                    let mut parts = mark
                        .split('/')
                        .map(|part| part.parse::<u128>().unwrap_or(0));
                    let (number, sent) = (parts.next().unwrap(), parts.next().unwrap());
                    notes.push(Note {
                        number: u32::try_from(number).unwrap(),
                        micros: u32::try_from(now.saturating_sub(sent)).unwrap(),
                    });
                    count += 1;
                }
                if count == before {
                    ping = Some(text.to_owned());
                }
            }
            self.bytes.drain(..at);
            heard.fetch_add(count, Ordering::Release);
            if let Some(text) = ping {
                self.answer(&text).await;
            }
            self.read().await;
        }
    }

    /// A server that asks whether somebody is there gets an answer.
    async fn answer(&mut self, text: &str) {
        match text.strip_prefix(r#"{"t":"ping","n":"#) {
            Some(number) => {
                let pong = format!(r#"{{"t":"pong","n":{number}"#);
                self.say(&pong).await;
            }
            None if text == "2" => self.say("3").await,
            None => {}
        }
    }
}

/// Where the payload of the next frame of a server begins and ends, if it is there whole.
fn frame(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let head = bytes.get(at..at + 2)?;
    let (length, begin) = match head[1] {
        126 => {
            let size = bytes.get(at + 2..at + 4)?;
            (usize::from(size[0]) << 8 | usize::from(size[1]), at + 4)
        }
        127 => {
            let size: [u8; 8] = bytes.get(at + 2..at + 10)?.try_into().unwrap();
            (usize::try_from(u64::from_be_bytes(size)).unwrap(), at + 10)
        }
        short => (usize::from(short), at + 2),
    };
    (bytes.len() >= begin + length).then_some((begin, begin + length))
}
