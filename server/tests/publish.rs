//! `/api/publish`: what any backend says arrives unchanged, or is refused by name.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod support;

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use support::{Page, config, publish, request, send, start};

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
