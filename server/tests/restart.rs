//! What survives the end of a server, and what a page is told about the rest.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod support;

use std::path::Path;
use std::time::Duration;

use everfresh_server::{Config, StartError, serve};
use hyper::Method;
use serde_json::{Value, json};
use support::{Folder, Page, config, get, kept, on_postgres, publish, request, send, start};

#[tokio::test]
async fn with_a_file_numbers_and_records_go_on() {
    let folder = Folder::new("file");
    let server = start(kept(&folder)).await;
    let addr = server.addr();
    let mut page = Page::welcomed(addr, "tab").await;
    let at = page.subscribe("tasks", None).await["pos"].clone();
    send(
        addr,
        Method::PATCH,
        "/api/tasks/3",
        &json!({ "status": "doing" }),
    )
    .await;
    let event = page.hear().await;
    publish(addr, "news", &json!("unheard")).await;
    let list = get(addr, "/api/tasks").await;
    server.shutdown().await;

    let server = start(kept(&folder)).await;
    let addr = server.addr();
    // Nothing was seeded a second time, and the list is the same to the byte and to its tag.
    let again = request(
        addr,
        Method::GET,
        "/api/tasks",
        &[("if-none-match", list.header("etag"))],
        "",
    )
    .await;
    assert_eq!(again.status.as_u16(), 304);
    assert_eq!(get(addr, "/api/tasks").await.body, list.body);
    let mut page = Page::welcomed(addr, "tab").await;
    let answer = page.subscribe("tasks", Some(&at)).await;
    assert_eq!(
        (&answer["recovered"], &answer["missed"]),
        (&json!(true), &json!([event]))
    );
    assert_eq!(answer["pos"], json!({ "e": at["e"], "s": event["s"] }));
    let answer = page
        .subscribe("news", Some(&json!({ "e": at["e"], "s": 0 })))
        .await;
    assert_eq!(
        (&answer["recovered"], &answer["missed"][0]["data"]),
        (&json!(true), &json!("unheard"))
    );
    assert_eq!(publish(addr, "news", &json!(2)).await, 2);
    assert_eq!(page.hear().await["s"], 2);
    server.shutdown().await;
}

#[tokio::test]
async fn in_memory_another_life_begins() {
    let server = start(config()).await;
    let mut page = Page::welcomed(server.addr(), "tab").await;
    let at = page.subscribe("tasks", None).await["pos"].clone();
    let tag = get(server.addr(), "/api/tasks")
        .await
        .header("etag")
        .to_owned();
    server.shutdown().await;
    let server = start(config()).await;
    let mut page = Page::welcomed(server.addr(), "tab").await;
    let answer = page.subscribe("tasks", Some(&at)).await;
    assert_eq!(
        (&answer["recovered"], &answer["pos"]["s"]),
        (&json!(false), &at["s"])
    );
    assert_ne!(answer["pos"]["e"], at["e"]);
    // The same count of writes in another life is another list.
    let list = request(
        server.addr(),
        Method::GET,
        "/api/tasks",
        &[("if-none-match", &tag)],
        "",
    )
    .await;
    assert_eq!(list.status.as_u16(), 200);
    server.shutdown().await;
}

#[tokio::test]
async fn a_gap_beyond_the_history_is_said_after_a_restart_too() {
    let folder = Folder::new("gap");
    let mut config = kept(&folder);
    config.limits.history_max = 100;
    let server = start(config.clone()).await;
    let burst = json!({ "count": 512, "channel": "storm" });
    assert_eq!(
        send(server.addr(), Method::POST, "/demo/burst", &burst)
            .await
            .json()["last"],
        512
    );
    let e = epoch(server.addr()).await;
    server.shutdown().await;

    let server = start(config.clone()).await;
    let mut page = Page::welcomed(server.addr(), "tab").await;
    let mut recovered = async |s: u64| {
        page.subscribe("storm", Some(&json!({ "e": e, "s": s })))
            .await
    };
    let answer = recovered(412).await;
    assert_eq!(
        (
            &answer["recovered"],
            answer["missed"].as_array().unwrap().len()
        ),
        (&json!(true), 100)
    );
    let answer = recovered(411).await;
    assert_eq!(
        (&answer["recovered"], &answer["pos"]["s"]),
        (&json!(false), &json!(512))
    );
    server.shutdown().await;

    // Old events go, their numbers stay.
    config.limits.history_age = Duration::ZERO;
    let server = start(config).await;
    let mut page = Page::welcomed(server.addr(), "tab").await;
    let mut recovered = async |s: u64| {
        page.subscribe("storm", Some(&json!({ "e": e, "s": s })))
            .await
    };
    assert_eq!(recovered(511).await["recovered"], false);
    let answer = recovered(512).await;
    assert_eq!(
        (&answer["recovered"], &answer["missed"]),
        (&json!(true), &json!([]))
    );
    assert_eq!(publish(server.addr(), "storm", &Value::Null).await, 513);
    server.shutdown().await;
}

async fn epoch(addr: std::net::SocketAddr) -> Value {
    Page::welcomed(addr, "epoch")
        .await
        .subscribe("tasks", None)
        .await["pos"]["e"]
        .clone()
}

#[tokio::test]
async fn a_data_file_that_cannot_be_used_is_refused_with_a_remedy() {
    if on_postgres() {
        return;
    }
    let folder = Folder::new("refused");
    let refusal = async |file: &Path| match serve(Config {
        data: Some(file.to_owned()),
        ..config()
    })
    .await
    {
        Err(error @ StartError::Data { .. }) => error.to_string(),
        other => panic!("a refusal was expected, not {other:?}"),
    };
    let server = start(kept(&folder)).await;
    let text = refusal(&folder.path("data.sqlite")).await;
    assert!(
        text.contains("in use by another server") && text.contains("--data"),
        "{text}"
    );
    server.shutdown().await;

    let garbage = folder.path("garbage");
    std::fs::write(
        &garbage,
        "no database at all, but long enough to be looked at as one",
    )
    .unwrap();
    assert!(refusal(&garbage).await.contains("not a database"));
    assert!(
        refusal(&folder.path("no/such/folder/data"))
            .await
            .contains("--data")
    );

    let later = folder.path("later");
    rusqlite::Connection::open(&later)
        .unwrap()
        .pragma_update(None, "user_version", 6)
        .unwrap();
    assert!(refusal(&later).await.contains("a later program"));
}

/// A file as the server before leases wrote it: the same, without their tables.
#[tokio::test]
async fn a_file_of_the_last_version_is_taken_over() {
    if on_postgres() {
        return;
    }
    let folder = Folder::new("version-1");
    let server = start(kept(&folder)).await;
    publish(server.addr(), "news", &json!(1)).await;
    server.shutdown().await;
    let file = rusqlite::Connection::open(folder.path("data.sqlite")).unwrap();
    file.execute_batch(
        "DROP TABLE fence; DROP TABLE lease; DROP TABLE answer; DROP TABLE history; DROP TABLE stamp;
         DROP INDEX event_by_age; DROP TABLE block; PRAGMA user_version = 1;",
    )
    .unwrap();
    drop(file);
    let server = start(kept(&folder)).await;
    assert_eq!(publish(server.addr(), "news", &json!(2)).await, 2);
    let mut page = Page::welcomed(server.addr(), "tab").await;
    page.say(&json!({ "t": "lock", "id": 1, "ch": "c", "key": "f", "ttl": 1000 }))
        .await;
    assert_eq!(page.hear().await["t"], "lockd");
    server.shutdown().await;
}
