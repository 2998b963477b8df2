//! Writes that name themselves: done once, however often they are sent.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod support;

use std::net::SocketAddr;

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use support::{Answer, Page, config, get, publish, request, start};

async fn write(addr: SocketAddr, method: Method, path: &str, key: &str, body: &Value) -> Answer {
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", key),
    ];
    request(addr, method, path, &headers, body.to_string()).await
}

async fn titled(addr: SocketAddr, title: &str) -> usize {
    let tasks = get(addr, "/api/tasks").await.json();
    let tasks = tasks.as_array().unwrap();
    tasks.iter().filter(|task| task["title"] == title).count()
}

#[tokio::test]
async fn a_write_that_is_sent_again_is_answered_as_before_and_done_once() {
    let server = start(config()).await;
    let addr = server.addr();
    let mut page = Page::welcomed(addr, "tab").await;
    page.subscribe("tasks", None).await;
    let body = json!({ "title": "Once" });
    let first = write(addr, Method::POST, "/api/tasks", "k1", &body).await;
    assert_eq!(first.status, StatusCode::CREATED);
    for _ in 0..3 {
        let again = write(addr, Method::POST, "/api/tasks", "k1", &body).await;
        assert_eq!((again.status, again.json()), (first.status, first.json()));
    }
    assert_eq!(titled(addr, "Once").await, 1);

    let path = format!("/api/tasks/{}", first.json()["id"].as_str().unwrap());
    let change = json!({ "title": "Changed once" });
    let changed = write(addr, Method::PATCH, &path, "k2", &change).await;
    assert_eq!(changed.json()["version"], 2);
    // Somebody else changes it; what was done stays done, and is not done over that.
    write(
        addr,
        Method::PATCH,
        &path,
        "k3",
        &json!({ "title": "Later" }),
    )
    .await;
    let again = write(addr, Method::PATCH, &path, "k2", &change).await;
    assert_eq!(again.json(), changed.json());
    assert_eq!(titled(addr, "Later").await, 1);

    for _ in 0..2 {
        let gone = write(addr, Method::DELETE, &path, "k4", &Value::Null).await;
        assert_eq!(gone.status, StatusCode::NO_CONTENT);
    }
    let mut names = Vec::new();
    for _ in 0..4 {
        names.push(page.hear_of("ev").await["name"].clone());
    }
    assert_eq!(
        names,
        [
            "task_created",
            "task_updated",
            "task_updated",
            "task_deleted"
        ]
    );
    assert_eq!(
        publish(addr, "tasks", &json!({})).await,
        17,
        "no other event was made"
    );
}

#[tokio::test]
async fn a_published_event_that_is_sent_again_is_one_event() {
    let server = start(config()).await;
    let body = json!({ "channel": "news", "name": "n", "data": 1 });
    let first = write(server.addr(), Method::POST, "/api/publish", "k", &body).await;
    let again = write(server.addr(), Method::POST, "/api/publish", "k", &body).await;
    assert_eq!(first.json()["s"], 1);
    assert_eq!(again.json(), first.json());
    assert_eq!(publish(server.addr(), "news", &json!({})).await, 2);
}

#[tokio::test]
async fn another_write_under_the_same_key_is_refused_and_a_bad_key_is_named() {
    let server = start(config()).await;
    let addr = server.addr();
    write(
        addr,
        Method::POST,
        "/api/tasks",
        "k",
        &json!({ "title": "One" }),
    )
    .await;
    let other = write(
        addr,
        Method::POST,
        "/api/tasks",
        "k",
        &json!({ "title": "Two" }),
    )
    .await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(other.json()["error"]["path"], "idempotency-key");
    assert_eq!(titled(addr, "Two").await, 0);
    for key in ["", "two words", &"x".repeat(256)] {
        let refused = write(
            addr,
            Method::POST,
            "/api/tasks",
            key,
            &json!({ "title": "x" }),
        )
        .await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{key}");
        assert_eq!(refused.json()["error"]["path"], "idempotency-key");
    }
}

#[tokio::test]
async fn what_was_refused_is_tried_anew() {
    let mut config = config();
    config.limits.tasks_max = 12;
    let server = start(config).await;
    let addr = server.addr();
    let body = json!({ "title": "Too many" });
    let full = write(addr, Method::POST, "/api/tasks", "k", &body).await;
    assert_eq!(full.status, StatusCode::SERVICE_UNAVAILABLE);
    write(addr, Method::DELETE, "/api/tasks/1", "d", &Value::Null).await;
    let done = write(addr, Method::POST, "/api/tasks", "k", &body).await;
    assert_eq!(done.status, StatusCode::CREATED);
}

#[tokio::test]
async fn of_many_at_the_same_time_one_is_done() {
    let server = start(config()).await;
    let addr = server.addr();
    let body = json!({ "title": "At once" });
    let all: Vec<_> = (0..20)
        .map(|_| {
            let body = body.clone();
            tokio::spawn(async move { write(addr, Method::POST, "/api/tasks", "k", &body).await })
        })
        .collect();
    let mut ids = Vec::new();
    for one in all {
        ids.push(one.await.unwrap().json()["id"].clone());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(titled(addr, "At once").await, 1);
}

#[tokio::test]
async fn old_answers_leave_room_for_new_ones() {
    let mut config = config();
    config.limits.answers_max = 10;
    let server = start(config).await;
    let addr = server.addr();
    for n in 0..130 {
        let body = json!({ "channel": "news", "name": "n" });
        write(addr, Method::POST, "/api/publish", &format!("k{n}"), &body).await;
    }
    let body = json!({ "channel": "news", "name": "n" });
    let old = write(addr, Method::POST, "/api/publish", "k0", &body).await;
    assert_eq!(old.json()["s"], 131, "it was forgotten");
    let new = write(addr, Method::POST, "/api/publish", "k129", &body).await;
    assert_eq!(new.json()["s"], 130);
}
