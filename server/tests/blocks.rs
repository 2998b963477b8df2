//! The demo's calendar: read by range, moved where there is room, told of with the old and the new time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod support;

use std::net::SocketAddr;

use everfresh_server::Config;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use support::{Answer, Folder, Page, config, get, kept, request, send, start};

const HOUR: u64 = 60 * 60 * 1000;
const DAY: u64 = 24 * HOUR;

async fn blocks(addr: SocketAddr, from: u64, to: u64) -> Vec<Value> {
    let answer = get(addr, &format!("/api/blocks?from={from}&to={to}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.json().as_array().unwrap().clone()
}

/// All blocks of the week, and the Monday that it begins with.
async fn week(addr: SocketAddr) -> (u64, Vec<Value>) {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let now = u64::try_from(now).unwrap();
    let around = blocks(addr, now - 8 * DAY, now + 8 * DAY).await;
    let first = around[0]["start"].as_u64().unwrap();
    (first / DAY * DAY, around)
}

async fn shift(addr: SocketAddr, block: &Value, by: i64, more: &[(&str, &str)]) -> Answer {
    let time = |name: &str| block[name].as_i64().unwrap() + by;
    let body = json!({ "start": time("start"), "end": time("end") });
    let path = format!("/api/blocks/{}", block["id"].as_str().unwrap());
    let headers = [&[("content-type", "application/json")], more].concat();
    request(addr, Method::PATCH, &path, &headers, body.to_string()).await
}

#[tokio::test]
async fn a_move_is_told_with_the_old_and_the_new_time_and_only_its_days_are_new() {
    let server = start(config()).await;
    let addr = server.addr();
    let (monday, all) = week(addr).await;
    assert_eq!(all.len(), 15);
    let mut page = Page::welcomed(addr, "tab").await;
    page.subscribe("calendar", None).await;
    let day = |n: u64| {
        format!(
            "/api/blocks?from={}&to={}",
            monday + n * DAY,
            monday + (n + 1) * DAY
        )
    };
    let mut tags = Vec::new();
    for n in 0..3 {
        tags.push(get(addr, &day(n)).await.header("etag").to_owned());
    }
    // From Monday at ten to Tuesday at one.
    let by = i64::try_from(DAY + 3 * HOUR).unwrap();
    let moved = shift(addr, &all[1], by, &[("everfresh-client", "tab")]).await;
    assert_eq!(moved.status, StatusCode::OK, "{moved:?}");
    assert_eq!(moved.json()["version"], 2);
    let event = page.hear().await;
    assert_eq!(
        (&event["name"], &event["by"]),
        (&json!("timeblock_updated"), &json!("tab"))
    );
    let told = &event["data"]["timeblock"];
    assert_eq!(
        (&told["title"], &told["type"]),
        (&all[1]["title"], &all[1]["kind"])
    );
    for (name, clock) in [
        ("old_start_time", "T10:00:00.000Z"),
        ("old_end_time", "T12:00:00.000Z"),
        ("start_time", "T13:00:00.000Z"),
        ("end_time", "T15:00:00.000Z"),
    ] {
        assert!(
            told[name].as_str().unwrap().ends_with(clock),
            "{name}: {told}"
        );
    }
    for (n, known) in tags.iter().enumerate() {
        let known = [("if-none-match", known.as_str())];
        let answer = request(addr, Method::GET, &day(n as u64), &known, "").await;
        let wanted = if n == 2 { 304 } else { 200 };
        assert_eq!(answer.status.as_u16(), wanted, "day {n}");
    }
    // Where it is already is no move.
    let again = shift(addr, &moved.json(), 0, &[]).await;
    assert_eq!(again.json()["version"], 2);
    page.hears_nothing().await;
    server.shutdown().await;
}

#[tokio::test]
async fn a_time_that_is_taken_is_refused_and_one_beside_it_is_not() {
    let server = start(config()).await;
    let addr = server.addr();
    let (_, all) = week(addr).await;
    let hour = i64::try_from(HOUR).unwrap();
    // The stand-up until half past nine, to half past ten: the next one begins at ten.
    let refused = shift(addr, &all[0], hour, &[]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let message = refused.json()["error"]["message"].clone();
    assert!(
        message.as_str().unwrap().contains("Write the landing page"),
        "{message}"
    );
    let beside = shift(addr, &all[0], hour / 2, &[]).await;
    assert_eq!(beside.status, StatusCode::OK, "{beside:?}");
    server.shutdown().await;
}

#[tokio::test]
async fn a_move_is_done_once_under_its_key_and_outlives_the_server() {
    let folder = Folder::new("blocks");
    let server = start(kept(&folder)).await;
    let addr = server.addr();
    let (_, all) = week(addr).await;
    let key = [("idempotency-key", "move-1")];
    let by = i64::try_from(8 * HOUR).unwrap();
    let moved = shift(addr, &all[1], by, &key).await.json();
    // Somebody moved it on meanwhile: sent again, it does not come back.
    let on = shift(addr, &moved, i64::try_from(2 * HOUR).unwrap(), &[])
        .await
        .json();
    assert_eq!(shift(addr, &all[1], by, &key).await.json(), moved);
    server.shutdown().await;
    let server = start(kept(&folder)).await;
    let (_, after) = week(server.addr()).await;
    assert_eq!(after.len(), 15);
    assert!(after.contains(&on), "{after:?}");
    server.shutdown().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_without_the_demo_there_is_no_calendar() {
    let server = start(config()).await;
    let addr = server.addr();
    for query in [
        "",
        "?from=1",
        "?from=5&to=5",
        "?from=0&to=99999999999",
        "?from=x&to=y",
    ] {
        let answer = get(addr, &format!("/api/blocks{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
    }
    for (id, body, wanted) in [
        ("1", json!({}), 400),
        ("1", json!({ "start": 10, "end": 5 }), 400),
        ("1", json!({ "start": 1, "end": 2 + 12 * HOUR }), 400),
        ("99", json!({ "start": 1, "end": 2 }), 404),
        ("x", json!({ "start": 1, "end": 2 }), 404),
    ] {
        let path = format!("/api/blocks/{id}");
        let answer = send(addr, Method::PATCH, &path, &body).await;
        assert_eq!(answer.status.as_u16(), wanted, "{id} {body}");
    }
    server.shutdown().await;
    let plain = Config {
        listen: "127.0.0.1:0".to_owned(),
        ..Config::default()
    };
    let server = start(plain).await;
    let answer = get(server.addr(), "/api/blocks?from=1&to=2").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    server.shutdown().await;
}
