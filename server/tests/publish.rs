//! `/api/publish`: what any backend says arrives unchanged, or is refused by name.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod support;

use everfresh_server::{Config, PublishError, Secret, To};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use support::{Answer, Page, config, get, publish, request, send, start, until};

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn a_payload_arrives_as_it_was_sent() {
    let server = start(config()).await;
    let addr = server.addr();
    let mut page = Page::welcomed(addr, "reader").await;
    page.subscribe("news", None).await;
    let body = "{\"channel\":\"news\",\"name\":\"n\",\"data\":\n { \"b\" : 12345678901234567890.5 ,\n \"a\" : \"x\\n\" }}";
    let answer = request(addr, Method::POST, "/api/publish", &[JSON], body).await;
    assert_eq!(
        (answer.status, &answer.json()["s"]),
        (StatusCode::OK, &json!(1))
    );
    let support::Got::Frame(frame) = page.frame().await else {
        panic!("a frame was expected")
    };
    assert!(
        frame.contains(r#""data":{"b":12345678901234567890.5,"a":"x\n"}"#),
        "{frame}"
    );

    let deep = format!(
        r#"{{"channel":"news","name":"n","data":{}1{}}}"#,
        "[".repeat(61),
        "]".repeat(61)
    );
    let answer = request(addr, Method::POST, "/api/publish", &[JSON], deep).await;
    assert_eq!(
        (answer.status, &answer.json()["error"]["path"]),
        (StatusCode::BAD_REQUEST, &json!("data"))
    );
    for (body, path) in [
        (json!({ "name": "n" }), "channel"),
        (json!({ "channel": "", "name": "n" }), "channel"),
        (json!({ "channel": "news" }), "name"),
        (json!({ "channel": "news", "name": "a\u{7f}" }), "name"),
    ] {
        let answer = send(addr, Method::POST, "/api/publish", &body).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]["path"]),
            (StatusCode::BAD_REQUEST, &json!(path))
        );
    }
    assert_eq!(publish(addr, "news", &Value::Null).await, 2);
    assert_eq!(page.hear().await["data"], Value::Null);
    server.shutdown().await;
}

const KEY: &str = "0123456789abcdef-key";

/// Not the demo: a server as an app would run it.
fn served() -> Config {
    Config {
        demo: false,
        publish_key: Some(Secret::new(KEY).unwrap()),
        ..config()
    }
}

async fn with_key(
    addr: std::net::SocketAddr,
    key: &str,
    more: &[(&str, &str)],
    body: &Value,
) -> Answer {
    let bearer = format!("Bearer {key}");
    let mut headers = vec![JSON, ("authorization", &bearer)];
    headers.extend(more);
    request(
        addr,
        Method::POST,
        "/api/publish",
        &headers,
        body.to_string(),
    )
    .await
}

#[tokio::test]
async fn a_backend_publishes_to_a_person_or_a_channel_with_its_key_only() {
    let server = start(served()).await;
    let addr = server.addr();
    let mut page = Page::welcomed(addr, "reader").await;
    page.subscribe("user:jane", None).await;
    let body = json!({ "user": "jane", "name": "moved", "data": { "id": "7" } });

    for key in ["", "0123456789abcdef", "0123456789abcdef-kez"] {
        let answer = with_key(addr, key, &[], &body).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.json()["error"]["code"], "unauthorized");
    }
    let answer = send(addr, Method::POST, "/api/publish", &body).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);

    let answer = with_key(addr, KEY, &[], &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(
        (&answer.json()["channel"], &answer.json()["s"]),
        (&json!("user:jane"), &json!(1))
    );
    let event = page.hear().await;
    assert_eq!(
        (&event["ch"], &event["s"], &event["data"]["id"]),
        (&json!("user:jane"), &json!(1), &json!("7"))
    );
    let both = json!({ "user": "jane", "channel": "news", "name": "moved" });
    for (body, path) in [
        (json!({ "name": "moved" }), "channel"),
        (both, "user"),
        (json!({ "user": "", "name": "moved" }), "user"),
        (json!({ "user": "x".repeat(251), "name": "moved" }), "user"),
    ] {
        let answer = with_key(addr, KEY, &[], &body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.json()["error"]["path"], path);
    }

    // Whoever does not wait is answered before the event is there, and it comes all the same.
    let answer = with_key(addr, KEY, &[("prefer", "respond-async")], &body).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(page.hear().await["s"], 2);
    // What names itself is done once, so it has to be waited for.
    let named = [("prefer", "respond-async"), ("idempotency-key", "k")];
    for _ in 0..2 {
        let answer = with_key(addr, KEY, &named, &body).await;
        assert_eq!(
            (answer.status, &answer.json()["s"]),
            (StatusCode::OK, &json!(3))
        );
    }
    assert_eq!(page.hear().await["s"], 3);
    page.hears_nothing().await;
    server.shutdown().await;
}

#[tokio::test]
async fn without_a_key_nobody_publishes_and_a_key_closes_the_demo_too() {
    let body = json!({ "channel": "news", "name": "n" });
    let server = start(Config {
        publish_key: None,
        ..served()
    })
    .await;
    let answer = with_key(server.addr(), KEY, &[], &body).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(
        answer.json()["error"]["message"]
            .as_str()
            .unwrap()
            .contains("--publish-key")
    );
    server.shutdown().await;

    let server = start(Config {
        demo: true,
        ..served()
    })
    .await;
    let answer = send(server.addr(), Method::POST, "/api/publish", &body).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    server.shutdown().await;
}

#[tokio::test]
async fn a_key_is_all_that_a_backend_needs_where_people_are_listed() {
    let folder = support::Folder::new("publish-people");
    let people = folder.path("people");
    std::fs::write(&people, "T1 jane tasks\n").unwrap();
    let server = start(Config {
        people: Some(people),
        ..served()
    })
    .await;
    let addr = server.addr();
    let mut jane = Page::known(addr, "tab", "T1").await;
    // What is told to her is for her, though the list names no such channel.
    jane.subscribe("user:jane", None).await;
    let body = json!({ "user": "jane", "name": "moved" });
    assert_eq!(with_key(addr, KEY, &[], &body).await.status, StatusCode::OK);
    assert_eq!(jane.hear().await["ch"], "user:jane");
    assert_eq!(
        with_key(addr, "T1", &[], &body).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        get(addr, "/api/tasks").await.status,
        StatusCode::UNAUTHORIZED
    );
    server.shutdown().await;
}

#[tokio::test]
async fn rust_publishes_by_one_call_that_neither_waits_nor_fails() {
    let server = start(served()).await;
    let publisher = server.publisher();
    let mut page = Page::welcomed(server.addr(), "reader").await;
    page.subscribe("user:jane", None).await;
    publisher.tell(To::User("jane"), "moved", &json!({ "id": 7 }));
    let event = page.hear().await;
    assert_eq!(
        (&event["name"], &event["data"]),
        (&json!("moved"), &json!({ "id": 7 }))
    );
    // What makes no sense is logged and does no harm.
    publisher.tell(To::User(""), "moved", &());
    publisher.tell(To::Channel("news"), "a\n", &());
    publisher.tell(To::Channel("news"), "n", &"x".repeat(70_000));
    page.hears_nothing().await;

    let done = publisher
        .publish(To::Channel("news"), "n", &1)
        .await
        .unwrap();
    assert_eq!((done.channel.as_str(), done.seq), ("news", 1));
    let refused = publisher.publish(To::Channel(""), "n", &1).await;
    assert!(matches!(refused, Err(PublishError::Bad(_))), "{refused:?}");
    server.shutdown().await;
    // The store is gone: the caller is not held up by that, nor harmed.
    publisher.tell(To::User("jane"), "moved", &());
    until("the store's end", async || {
        matches!(
            publisher.publish(To::User("jane"), "n", &()).await,
            Err(PublishError::Store(_))
        )
    })
    .await;
}
