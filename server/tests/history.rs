//! What was done to a record, and over which version of it a write may be made.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod support;

use std::net::SocketAddr;

use everfresh::engine::hlc::{Hlc, Stamp};
use everfresh::engine::ids::TabId;
use everfresh::engine::time::{Mono, Now, Wall};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use support::{Answer, config, get, request, send, start};

const JSON: (&str, &str) = ("content-type", "application/json");

async fn patch(addr: SocketAddr, path: &str, more: &[(&str, &str)], body: &Value) -> Answer {
    let headers = [&[JSON], more].concat();
    request(addr, Method::PATCH, path, &headers, body.to_string()).await
}

async fn changes(addr: SocketAddr, path: &str) -> Vec<Value> {
    let answer = get(addr, &format!("{path}/history")).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.json()["changes"].as_array().unwrap().clone()
}

async fn made(addr: SocketAddr) -> String {
    let body = json!({ "title": "A", "project": "p" });
    let answer = send(addr, Method::POST, "/api/tasks", &body).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert!(!answer.header("etag").is_empty());
    format!("/api/tasks/{}", answer.json()["id"].as_str().unwrap())
}

#[tokio::test]
async fn every_change_of_a_field_is_kept_with_who_and_when() {
    let server = start(config()).await;
    let addr = server.addr();
    let path = made(addr).await;
    let jane = [
        ("authorization", "Bearer demo:jane"),
        ("everfresh-client", "tab-1"),
    ];
    patch(
        addr,
        &path,
        &jane,
        &json!({ "title": "B", "status": "done" }),
    )
    .await;
    patch(addr, &path, &[], &json!({ "title": "C", "status": "done" })).await;
    patch(addr, &path, &[], &json!({ "title": "C" })).await;

    let all = changes(addr, &path).await;
    let told: Vec<Value> = all
        .iter()
        .map(|one| {
            json!([
                one["version"],
                one["field"],
                one["from"],
                one["to"],
                one["user"],
                one["by"]
            ])
        })
        .collect();
    assert_eq!(
        json!(told),
        json!([
            [3, "title", "B", "C", null, null],
            [2, "status", "todo", "done", "jane", "tab-1"],
            [2, "title", "A", "B", "jane", "tab-1"],
            [1, "project", null, "p", null, null],
            [1, "status", null, "todo", null, null],
            [1, "title", null, "A", null, null],
        ])
    );
    let stamps: Vec<Stamp> = all
        .iter()
        .map(|one| Stamp::parse(one["stamp"].as_str().unwrap()).unwrap())
        .collect();
    assert!(stamps[0] > stamps[2] && stamps[2] > stamps[5]);
    assert!(
        all.iter()
            .all(|one| one["at"].as_u64().unwrap() > 1_600_000_000_000)
    );
    let before = get(addr, &format!("{path}/history?before=2")).await.json();
    assert_eq!(before["changes"].as_array().unwrap().len(), 3);

    // What a record was can be read when it is gone.
    send(addr, Method::DELETE, &path, &Value::Null).await;
    let all = changes(addr, &path).await;
    assert_eq!(
        (all.len(), &all[0]["field"], &all[0]["version"]),
        (7, &json!("deleted"), &json!(4))
    );
    assert_eq!(get(addr, &path).await.status, StatusCode::NOT_FOUND);
    for path in ["/api/tasks/999/history", "/api/tasks/x/history"] {
        assert_eq!(get(addr, path).await.status, StatusCode::NOT_FOUND);
    }
    let bad = get(addr, &format!("{path}/history?before=x")).await;
    assert_eq!(bad.status, StatusCode::BAD_REQUEST);
    server.shutdown().await;
}

#[tokio::test]
async fn as_many_versions_are_kept_as_may_be() {
    let mut config = config();
    config.limits.versions_max = 5;
    let server = start(config).await;
    let path = made(server.addr()).await;
    for n in 2..=9 {
        patch(
            server.addr(),
            &path,
            &[],
            &json!({ "title": format!("T{n}") }),
        )
        .await;
    }
    let versions: Vec<Value> = changes(server.addr(), &path).await;
    let versions: Vec<u64> = versions
        .iter()
        .map(|one| one["version"].as_u64().unwrap())
        .collect();
    assert_eq!(versions, [9, 8, 7, 6, 5]);
    server.shutdown().await;
}

#[tokio::test]
async fn a_write_is_made_over_the_version_that_it_names_or_not_at_all() {
    let server = start(config()).await;
    let addr = server.addr();
    let path = made(addr).await;
    let first = get(addr, &path).await;
    let tag = first.header("etag").to_owned();
    let same = request(addr, Method::GET, &path, &[("if-none-match", &tag)], "").await;
    assert_eq!(
        (same.status, same.body.len()),
        (StatusCode::NOT_MODIFIED, 0)
    );

    let over = [("if-match", tag.as_str())];
    let done = patch(addr, &path, &over, &json!({ "title": "B" })).await;
    assert_eq!(done.status, StatusCode::OK);
    let newer = done.header("etag").to_owned();
    assert_ne!(newer, tag);
    assert_eq!(get(addr, &path).await.header("etag"), newer);

    let late = patch(addr, &path, &over, &json!({ "title": "C" })).await;
    assert_eq!(late.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(
        (
            &late.json()["error"]["code"],
            &late.json()["current"]["title"]
        ),
        (&json!("changed"), &json!("B"))
    );
    let late = request(addr, Method::DELETE, &path, &over, "").await;
    assert_eq!(late.status, StatusCode::PRECONDITION_FAILED);
    // Done once already: the answer to that is what counts, not the version by now.
    let keyed = [("if-match", newer.as_str()), ("idempotency-key", "k")];
    for _ in 0..2 {
        let done = patch(addr, &path, &keyed, &json!({ "title": "D" })).await;
        assert_eq!(
            (done.status, &done.json()["version"]),
            (StatusCode::OK, &json!(3))
        );
    }
    let any = patch(addr, &path, &[("if-match", "*")], &json!({ "title": "E" })).await;
    assert_eq!(any.json()["version"], 4);
    let tag = any.header("etag").to_owned();
    let gone = request(addr, Method::DELETE, &path, &[("if-match", &tag)], "").await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    server.shutdown().await;
}

/// A stamp of a device whose clock is off by so many milliseconds.
fn stamp(device: u64, off_ms: i64) -> String {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let wall = u64::try_from(now.as_millis())
        .unwrap()
        .saturating_add_signed(off_ms);
    let now = Now {
        mono: Mono(0),
        wall: Wall(wall),
    };
    Hlc::new(TabId(device)).stamp(now).text()
}

#[tokio::test]
async fn of_writes_that_know_nothing_of_each_other_the_later_one_wins_field_by_field() {
    let server = start(config()).await;
    let addr = server.addr();
    let path = made(addr).await;
    let (early, late) = (stamp(1, 1_000), stamp(2, 2_000));
    patch(
        addr,
        &path,
        &[("everfresh-stamp", &late)],
        &json!({ "title": "late" }),
    )
    .await;
    // It was made before, offline, and comes after: its title is old, its status nobody else wrote.
    let body = json!({ "title": "early", "status": "done" });
    let merged = patch(addr, &path, &[("everfresh-stamp", &early)], &body)
        .await
        .json();
    assert_eq!(
        (&merged["title"], &merged["status"]),
        (&json!("late"), &json!("done"))
    );
    let all = changes(addr, &path).await;
    assert_eq!(
        (&all[0]["field"], &all[0]["stamp"]),
        (&json!("status"), &json!(early))
    );
    assert_eq!(
        (&all[1]["field"], &all[1]["stamp"]),
        (&json!("title"), &json!(late))
    );

    // An hour ahead is no time at all: the server takes its own, and the next one wins again.
    let ahead = stamp(3, 3_600_000);
    patch(
        addr,
        &path,
        &[("everfresh-stamp", &ahead)],
        &json!({ "title": "ahead" }),
    )
    .await;
    assert_ne!(changes(addr, &path).await[0]["stamp"], json!(ahead));
    let next = patch(addr, &path, &[], &json!({ "title": "next" })).await;
    assert_eq!(next.json()["title"], "next");

    // Whoever says from which version, knew of what is there.
    let version = next.json()["version"].clone();
    let body = json!({ "title": "known", "version": version });
    let known = patch(addr, &path, &[("everfresh-stamp", &early)], &body).await;
    assert_eq!(known.json()["title"], "known");
    let bad = patch(
        addr,
        &path,
        &[("everfresh-stamp", "noon")],
        &json!({ "title": "x" }),
    )
    .await;
    assert_eq!(
        (bad.status, &bad.json()["error"]["path"]),
        (StatusCode::BAD_REQUEST, &json!("everfresh-stamp"))
    );
    server.shutdown().await;
}
