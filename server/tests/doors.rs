//! The doors for pages that no socket reaches: a stream with requests the other way, and polling.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use everfresh_server::Config;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use support::visitor::open_stream;
use support::{Answer, config, get, in_time, publish, request, send, start, until};

const MESSAGES: (&str, &str) = ("content-type", "application/x-ndjson");

fn hello(client: &str) -> String {
    json!({ "t": "hello", "v": 1, "client": client }).to_string()
}

fn from(session: &str, messages: &[Value]) -> String {
    let mut lines = vec![json!({ "t": "from", "session": session }).to_string()];
    lines.extend(messages.iter().map(Value::to_string));
    lines.join("\n")
}

async fn knock(addr: SocketAddr, door: &str, body: String) -> Answer {
    request(
        addr,
        Method::POST,
        &format!("/live/{door}"),
        &[MESSAGES],
        body,
    )
    .await
}

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_str(line).expect("a message"))
        .collect()
}

/// A page's end of a stream.
struct Stream {
    body: Incoming,
    text: String,
    heard: std::collections::VecDeque<Value>,
    session: String,
}

impl Stream {
    async fn welcomed(addr: SocketAddr, client: &str) -> Self {
        let response = open_stream(addr, hello(client)).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(
            response.headers().get("content-type").unwrap(),
            "text/event-stream"
        );
        let mut stream = Self {
            body: response.into_body(),
            text: String::new(),
            heard: std::collections::VecDeque::new(),
            session: String::new(),
        };
        let welcome = stream.hear().await.expect("a welcome");
        assert_eq!(welcome["t"], "welcome");
        welcome["session"]
            .as_str()
            .unwrap()
            .clone_into(&mut stream.session);
        stream
    }

    /// The next message; nothing when the answer ended, in whatever way.
    async fn hear(&mut self) -> Option<Value> {
        loop {
            if let Some(message) = self.heard.pop_front() {
                return Some(message);
            }
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                for line in event.lines() {
                    let data = line.strip_prefix("data: ").expect("a line of data");
                    self.heard.extend(lines(data));
                }
                self.text = rest.to_owned();
            }
            if !self.heard.is_empty() {
                continue;
            }
            let frame = in_time("more of a stream", self.body.frame()).await?.ok()?;
            let bytes = frame.into_data().expect("data");
            self.text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }

    async fn say(&self, addr: SocketAddr, messages: &[Value]) -> StatusCode {
        knock(addr, "send", from(&self.session, messages))
            .await
            .status
    }
}

async fn open(addr: SocketAddr) -> u64 {
    get(addr, "/demo/stats").await.json()["sockets_open"]
        .as_u64()
        .unwrap()
}

#[tokio::test]
async fn a_stream_carries_what_a_socket_would() {
    let server = start(config()).await;
    let addr = server.addr();
    let mut page = Stream::welcomed(addr, "one").await;
    let sub = json!({ "t": "sub", "id": 1, "ch": "news" });
    let ping = json!({ "t": "ping", "n": 5 });
    assert_eq!(page.say(addr, &[sub, ping]).await, StatusCode::NO_CONTENT);
    let answer = page.hear().await.unwrap();
    assert_eq!(
        (&answer["t"], &answer["id"], &answer["pos"]["s"]),
        (&json!("subd"), &json!(1), &json!(0))
    );
    assert_eq!(page.hear().await.unwrap(), json!({ "t": "pong", "n": 5 }));
    for n in 1..=3_u64 {
        publish(addr, "news", &json!({ "n": n })).await;
        let event = page.hear().await.unwrap();
        assert_eq!((&event["s"], &event["data"]["n"]), (&json!(n), &json!(n)));
    }
    let unsub = json!({ "t": "unsub", "id": 2, "ch": "news" });
    assert_eq!(page.say(addr, &[unsub]).await, StatusCode::NO_CONTENT);
    assert_eq!(page.hear().await.unwrap()["t"], "unsubd");
    assert_eq!(open(addr).await, 1);
    drop(page);
    until("the connection is given up", async || open(addr).await == 0).await;
    server.shutdown().await;
}

#[tokio::test]
async fn what_was_missed_between_two_streams_is_recovered() {
    let server = start(config()).await;
    let addr = server.addr();
    let mut page = Stream::welcomed(addr, "one").await;
    let sub = json!({ "t": "sub", "id": 1, "ch": "news" });
    page.say(addr, &[sub]).await;
    let position = page.hear().await.unwrap()["pos"].clone();
    drop(page);
    publish(addr, "news", &json!({})).await;
    let mut page = Stream::welcomed(addr, "one").await;
    let sub = json!({ "t": "sub", "id": 2, "ch": "news", "pos": position });
    page.say(addr, &[sub]).await;
    let answer = page.hear().await.unwrap();
    assert_eq!(answer["recovered"], true);
    assert_eq!(answer["missed"][0]["s"], 1);
    server.shutdown().await;
}

#[tokio::test]
async fn polls_carry_what_a_socket_would() {
    let server = start(config()).await;
    let addr = server.addr();
    let first = knock(addr, "poll", hello("one")).await;
    assert_eq!(first.status, StatusCode::OK);
    assert_eq!(first.header("content-type"), "application/x-ndjson");
    let welcome = lines(std::str::from_utf8(&first.body).unwrap()).remove(0);
    let session = welcome["session"].as_str().unwrap().to_owned();

    let sub = json!({ "t": "sub", "id": 1, "ch": "news" });
    let said = knock(addr, "send", from(&session, &[sub])).await;
    assert_eq!(said.status, StatusCode::NO_CONTENT);
    let heard = knock(addr, "poll", from(&session, &[])).await;
    assert_eq!(
        lines(std::str::from_utf8(&heard.body).unwrap())[0]["t"],
        "subd"
    );

    // One that waits is answered by the event, one that comes later gets all that gathered.
    let waits = {
        let session = session.clone();
        tokio::spawn(async move { knock(addr, "poll", from(&session, &[])).await })
    };
    publish(addr, "news", &json!({ "n": 1 })).await;
    let mut events = lines(std::str::from_utf8(&waits.await.unwrap().body).unwrap());
    for n in 2..=4_u64 {
        publish(addr, "news", &json!({ "n": n })).await;
    }
    while events.len() < 4 {
        let heard = knock(addr, "poll", from(&session, &[])).await;
        assert_eq!(heard.status, StatusCode::OK);
        events.extend(lines(std::str::from_utf8(&heard.body).unwrap()));
    }
    let numbers: Vec<u64> = events.iter().map(|e| e["s"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    server.shutdown().await;
}

#[tokio::test]
async fn a_page_that_stops_polling_is_given_up() {
    let config = Config {
        limits: everfresh_server::Limits {
            ping_interval: Duration::from_millis(40),
            ..config().limits
        },
        ..config()
    };
    let server = start(config).await;
    let addr = server.addr();
    let first = knock(addr, "poll", hello("one")).await;
    assert_eq!(first.status, StatusCode::OK);
    let welcome = lines(std::str::from_utf8(&first.body).unwrap()).remove(0);
    let session = welcome["session"].as_str().unwrap().to_owned();
    until("the page is given up", async || open(addr).await == 0).await;
    until("its name is forgotten", async || {
        knock(addr, "send", from(&session, &[])).await.status == StatusCode::NOT_FOUND
    })
    .await;
    server.shutdown().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_harms_nobody() {
    let server = start(config()).await;
    let addr = server.addr();
    let mut other = Stream::welcomed(addr, "other").await;
    for (door, body, status) in [
        ("sse", String::new(), StatusCode::BAD_REQUEST),
        ("sse", "[]".to_owned(), StatusCode::BAD_REQUEST),
        (
            "sse",
            r#"{"t":"ping","n":1}"#.to_owned(),
            StatusCode::BAD_REQUEST,
        ),
        ("sse", from("x", &[]), StatusCode::BAD_REQUEST),
        (
            "sse",
            r#"{"t":"hello","v":9,"client":"a"}"#.to_owned(),
            StatusCode::NOT_ACCEPTABLE,
        ),
        ("poll", "{}".to_owned(), StatusCode::BAD_REQUEST),
        ("poll", from("nobody", &[]), StatusCode::NOT_FOUND),
        ("send", from("nobody", &[]), StatusCode::NOT_FOUND),
        ("send", hello("a"), StatusCode::BAD_REQUEST),
        ("poll", "x".repeat(70 * 1024), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let answer = knock(addr, door, body.clone()).await;
        assert_eq!(answer.status, status, "{door} {body:.60}");
    }
    // A form or plain text may be sent by any page of any site.
    for kind in ["text/plain", "application/x-www-form-urlencoded", ""] {
        let headers = [("content-type", kind)];
        let answer = request(addr, Method::POST, "/live/sse", &headers, hello("a")).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
    }
    // A bad message ends the one connection that said it.
    let mut page = Stream::welcomed(addr, "page").await;
    page.say(addr, &[json!({ "t": "sub", "id": 1 })]).await;
    let refusal = page.hear().await.unwrap();
    assert_eq!(
        (&refusal["t"], &refusal["code"]),
        (&json!("err"), &json!("bad_request"))
    );
    assert_eq!(page.hear().await, None);
    let ping = json!({ "t": "ping", "n": 1 });
    assert_eq!(other.say(addr, &[ping]).await, StatusCode::NO_CONTENT);
    assert_eq!(other.hear().await.unwrap()["t"], "pong");
    server.shutdown().await;
}

#[tokio::test]
async fn another_origin_connects_only_where_it_may() {
    let allowed = "https://app.example.com";
    let config = Config {
        allow_origins: vec![allowed.to_owned()],
        ..config()
    };
    let server = start(config).await;
    let addr = server.addr();
    let foreign = [MESSAGES, ("origin", "https://evil.example.com")];
    let answer = request(addr, Method::POST, "/live/poll", &foreign, hello("a")).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let mine = [MESSAGES, ("origin", allowed)];
    let answer = request(addr, Method::POST, "/live/poll", &mine, hello("a")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("access-control-allow-origin"), allowed);
    let asks = [
        ("origin", allowed),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type"),
    ];
    let answer = request(addr, Method::OPTIONS, "/live/poll", &asks, "").await;
    assert_eq!(answer.header("access-control-allow-origin"), allowed);
    for name in ["content-type", "accept"] {
        let allowed = answer.header("access-control-allow-headers");
        assert!(allowed.split(',').any(|allowed| allowed == name));
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_look_finds_the_server() {
    let server = start(config()).await;
    let answer = get(server.addr(), "/live").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json(), json!({ "t": "alive" }));
    server.shutdown().await;
}

#[tokio::test]
async fn a_server_that_goes_says_so_on_a_stream() {
    let server = start(config()).await;
    let mut page = Stream::welcomed(server.addr(), "one").await;
    let going = tokio::spawn(server.shutdown());
    assert_eq!(page.hear().await.unwrap()["t"], "goaway");
    assert_eq!(page.hear().await, None);
    in_time("the end", going).await.unwrap();
}

#[tokio::test]
async fn a_stream_can_be_cut_like_a_socket() {
    let server = start(config()).await;
    let addr = server.addr();
    let mut page = Stream::welcomed(addr, "one").await;
    let cut = send(addr, Method::POST, "/demo/cut", &json!({ "client": "one" })).await;
    assert_eq!(cut.json()["cut"], 1);
    assert_eq!(page.hear().await, None);
    assert_eq!(page.say(addr, &[]).await, StatusCode::NOT_FOUND);
    server.shutdown().await;
}
