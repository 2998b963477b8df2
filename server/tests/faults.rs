//! The lab of the demo: what it does to whom, and that nobody else has it.

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
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use support::{Dial, Folder, Got, Page, config, get, kept, publish, request, send, start};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Error;

/// Says something to the lab.
async fn lab(addr: SocketAddr, door: &str, body: Value) -> Value {
    let answer = send(addr, Method::POST, &format!("/demo/{door}"), &body).await;
    assert!(answer.status.is_success(), "{door}: {answer:?}");
    serde_json::from_slice(&answer.body).unwrap_or(Value::Null)
}

async fn dial(addr: SocketAddr, device: &'static str) -> Result<Page, Error> {
    let device = Some(device);
    Page::dial(
        addr,
        Dial {
            device,
            ..Dial::default()
        },
    )
    .await
}

async fn welcomed(addr: SocketAddr, device: &'static str, token: &str) -> Page {
    let mut page = dial(addr, device).await.unwrap();
    let hello = json!({ "t": "hello", "v": 1, "client": device, "token": token });
    page.say(&hello).await;
    assert_eq!(page.hear().await["t"], "welcome");
    page.subscribe("tasks", None).await;
    page
}

#[tokio::test]
async fn without_the_demo_there_is_no_lab() {
    let plain = Config {
        listen: "127.0.0.1:0".to_owned(),
        ..Config::default()
    };
    let server = start(plain).await;
    let addr = server.addr();
    for door in [
        "faults",
        "half-open",
        "expire",
        "restart",
        "cut",
        "burst",
        "wait",
        "stats",
    ] {
        let path = format!("/demo/{door}");
        let answer = get(addr, &path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        let answer = send(addr, Method::POST, &path, &json!({})).await;
        assert_ne!(answer.status.as_u16() / 100, 2, "{path}: {answer:?}");
    }
    // Nor does a page that says a device meet anything but the server.
    let device = [("everfresh-device", "one")];
    let answer = request(addr, Method::GET, "/api/tasks", &device, "").await;
    assert_eq!(answer.status, StatusCode::OK);
    server.shutdown().await;
}

#[tokio::test]
async fn an_answer_is_waited_for_as_long_as_was_asked() {
    let server = start(config()).await;
    let addr = server.addr();
    let asked = Instant::now();
    assert_eq!(
        lab(addr, "wait", json!({ "for_ms": 300 })).await,
        json!(null)
    );
    assert!(asked.elapsed() >= Duration::from_millis(300));
    for bad in [
        json!({}),
        json!({ "for_ms": -1 }),
        json!({ "for_ms": 1, "device": "one" }),
    ] {
        let answer = send(addr, Method::POST, "/demo/wait", &bad).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{bad}");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_network_that_is_down_is_so_for_one_device() {
    let server = start(config()).await;
    let addr = server.addr();
    let mut one = welcomed(addr, "one", "demo:jane").await;
    let mut two = welcomed(addr, "two", "demo:bob").await;
    let down = json!({ "device": "one", "fault": { "down": true } });
    lab(addr, "faults", down).await;
    assert_eq!(one.frame().await, Got::Broken);
    assert!(dial(addr, "one").await.is_err());
    two.hears_nothing().await;
    let listed = get(addr, "/demo/faults").await.json();
    assert_eq!(listed[0]["device"], "one");
    assert_eq!(listed[0]["fault"]["down"], true);
    lab(addr, "faults", json!({ "device": "one", "fault": {} })).await;
    assert_eq!(get(addr, "/demo/faults").await.json(), json!([]));
    welcomed(addr, "one", "demo:jane").await;
    server.shutdown().await;
}

#[tokio::test]
async fn where_sockets_are_barred_open_ones_break_and_new_ones_are_refused() {
    let server = start(config()).await;
    let addr = server.addr();
    let mut one = welcomed(addr, "one", "demo:jane").await;
    lab(addr, "faults", json!({ "fault": { "no_sockets": true } })).await;
    assert_eq!(one.frame().await, Got::Broken);
    match dial(addr, "one").await {
        Err(Error::Http(answer)) => assert_eq!(answer.status().as_u16(), 502),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("a socket came through"),
    }
    // Whoever says no device is not met.
    Page::welcomed(addr, "none").await;
    server.shutdown().await;
}

#[tokio::test]
async fn a_half_open_link_tells_nobody() {
    let server = start(config()).await;
    let addr = server.addr();
    let mut one = welcomed(addr, "one", "demo:jane").await;
    let met = lab(addr, "half-open", json!({ "device": "one" })).await;
    assert_eq!(met, json!({ "met": 1 }));
    one.say(&json!({ "t": "ping", "n": 1 })).await;
    // A new one is as good as any, and hears what the deaf one does not.
    let mut again = welcomed(addr, "one", "demo:jane").await;
    publish(addr, "tasks", &json!(1)).await;
    assert_eq!(again.hear().await["t"], "ev");
    let waited = tokio::time::timeout(Duration::from_millis(200), one.frame()).await;
    assert!(waited.is_err(), "{waited:?}");
    server.shutdown().await;
}

#[tokio::test]
async fn what_is_slow_comes_later_and_whole() {
    let server = start(config()).await;
    let addr = server.addr();
    let mut one = welcomed(addr, "one", "demo:jane").await;
    let slow = json!({ "latency_ms": 300, "loss_percent": 30 });
    lab(addr, "faults", json!({ "device": "one", "fault": slow })).await;
    let began = Instant::now();
    for n in 0..20 {
        publish(addr, "tasks", &json!(n)).await;
    }
    for n in 0..20 {
        assert_eq!(one.hear().await["data"], json!(n));
    }
    assert!(began.elapsed() >= Duration::from_millis(300));
    server.shutdown().await;
}

#[tokio::test]
async fn a_token_that_has_expired_is_refused_and_another_is_not() {
    let server = start(config()).await;
    let addr = server.addr();
    let mut one = welcomed(addr, "one", "demo:jane#one/a").await;
    let mut two = welcomed(addr, "two", "demo:bob#two/a").await;
    let met = lab(addr, "expire", json!({ "device": "one" })).await;
    assert_eq!(met, json!({ "met": 1 }));
    let (heard, end) = one.hear_out().await;
    assert_eq!(heard.last().unwrap()["code"], "token_expired");
    assert_eq!(end, Got::Close(4401, "token expired".to_owned()));
    two.hears_nothing().await;
    let mut late = dial(addr, "one").await.unwrap();
    let hello = json!({ "t": "hello", "v": 1, "client": "late", "token": "demo:jane#one/a" });
    late.say(&hello).await;
    assert_eq!(late.hear().await["code"], "token_expired");
    welcomed(addr, "one", "demo:jane#one/b").await;
    server.shutdown().await;
}

#[tokio::test]
async fn a_server_that_dies_comes_back_with_its_data() {
    let folder = Folder::new("dies");
    let config = kept(&folder);
    let server = start(config.clone()).await;
    let addr = server.addr();
    let mut page = welcomed(addr, "one", "demo:jane").await;
    let added = json!({ "title": "Kept" });
    send(addr, Method::POST, "/api/tasks", &added).await;
    lab(addr, "restart", json!({ "for_ms": 1 })).await;
    let pause = support::in_time("the order", server.told_to_die()).await;
    assert_eq!(pause, Duration::from_millis(1));
    let dying = server.die(config, pause);
    let server = support::in_time("the revival", dying).await.unwrap();
    assert_eq!(server.addr(), addr);
    assert_eq!(page.hear_out().await.1, Got::Broken);
    let tasks = get(addr, "/api/tasks").await.json();
    assert_eq!(tasks.as_array().unwrap().last().unwrap()["title"], "Kept");
    server.shutdown().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let server = start(config()).await;
    let addr = server.addr();
    for body in [
        json!({}),
        json!({ "fault": { "latency_ms": 60_001 } }),
        json!({ "fault": { "loss_percent": 91 } }),
        json!({ "fault": { "explode": true } }),
        json!({ "device": "a b", "fault": {} }),
    ] {
        let answer = send(addr, Method::POST, "/demo/faults", &body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
    }
    server.shutdown().await;
}
