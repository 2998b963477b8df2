//! A change that says from which version of a record it was made is refused when the record is another by then.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod support;

use hyper::{Method, StatusCode};
use serde_json::json;
use support::{config, get, request, send, start};

#[tokio::test]
async fn of_two_changes_from_one_version_the_second_is_refused_and_told_what_there_is() {
    let server = start(config()).await;
    let addr = server.addr();
    let path = "/api/tasks/3";
    let change = json!({ "title": "Of Ana", "version": 1 });
    let first = send(addr, Method::PATCH, path, &change).await;
    assert_eq!(
        (first.status, &first.json()["version"]),
        (StatusCode::OK, &json!(2))
    );

    let change = json!({ "title": "Of Ben", "version": 1 });
    let second = send(addr, Method::PATCH, path, &change).await;
    assert_eq!(second.status, StatusCode::CONFLICT);
    assert_eq!(second.json()["error"]["code"], "changed");
    assert_eq!(second.json()["current"], first.json());
    // Nothing of it was done: the list is what the first one made of it.
    assert_eq!(get(addr, "/api/tasks").await.json()[2], first.json());

    let version = &second.json()["current"]["version"];
    let change = json!({ "title": "Of Ben", "version": version });
    let third = send(addr, Method::PATCH, path, &change).await;
    assert_eq!(
        (third.status, &third.json()["title"]),
        (StatusCode::OK, &json!("Of Ben"))
    );
    server.shutdown().await;
}

#[tokio::test]
async fn without_a_version_the_last_writer_wins_and_a_bad_one_is_named() {
    let server = start(config()).await;
    let addr = server.addr();
    for (version, title) in [(2, "One"), (3, "Two")] {
        let done = send(
            addr,
            Method::PATCH,
            "/api/tasks/4",
            &json!({ "title": title }),
        )
        .await;
        assert_eq!(
            (done.status, &done.json()["version"]),
            (StatusCode::OK, &json!(version))
        );
    }
    for bad in [json!(0), json!("1"), json!(1.5), json!(-1)] {
        let change = json!({ "title": "Three", "version": bad });
        let refused = send(addr, Method::PATCH, "/api/tasks/4", &change).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{bad}");
        assert_eq!(refused.json()["error"]["path"], "version", "{bad}");
    }
    server.shutdown().await;
}

/// A page that heard no answer sends its change again, when the record is its own next version already.
#[tokio::test]
async fn a_change_that_was_done_is_no_conflict_when_it_is_sent_again() {
    let server = start(config()).await;
    let addr = server.addr();
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", "once"),
    ];
    let body = json!({ "title": "Sent twice", "version": 1 }).to_string();
    let mut answers = Vec::new();
    for _ in 0..2 {
        let answer = request(addr, Method::PATCH, "/api/tasks/5", &headers, body.clone()).await;
        assert_eq!(answer.status, StatusCode::OK);
        answers.push(answer.json());
    }
    assert_eq!(answers[0], answers[1]);
    server.shutdown().await;
}
