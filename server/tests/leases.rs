//! Who may edit what: over real sockets, with people who hold, lose and pass on a field, and writes that come late.

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
use support::{Answer, Folder, Page, config, request, start};

fn quick() -> Config {
    let mut config = config();
    config.limits.presence_grace = Duration::from_millis(150);
    config.limits.presence_every = Duration::from_millis(1);
    config
}

/// On the channel, looking only.
async fn person(addr: SocketAddr, client: &str, name: &str) -> Page {
    let mut page = Page::known(addr, client, &format!("demo:{name}")).await;
    page.say(&json!({ "t": "pres", "ch": "tasks", "data": null, "all": true }))
        .await;
    page.hear_of("presence").await;
    page
}

async fn ask(page: &mut Page, id: u64, fence: Option<u64>) {
    let mut lock = json!({ "t": "lock", "id": id, "ch": "tasks", "key": "title", "ttl": 60_000 });
    if let Some(fence) = fence {
        lock["fence"] = fence.into();
    }
    page.say(&lock).await;
}

async fn lock(page: &mut Page, fence: Option<u64>) -> u64 {
    ask(page, 7, fence).await;
    let given = page.hear_of("lockd").await;
    assert_eq!((&given["id"], &given["key"]), (&json!(7), &json!("title")));
    given["fence"].as_u64().unwrap()
}

async fn write(addr: SocketAddr, title: &str, fence: &str) -> Answer {
    let headers = [
        ("content-type", "application/json"),
        ("everfresh-fence", fence),
    ];
    let body = json!({ "title": title }).to_string();
    request(addr, Method::PATCH, "/api/tasks/1", &headers, body).await
}

async fn title(addr: SocketAddr) -> Value {
    let list = support::get(addr, "/api/tasks").await.json();
    list[0]["title"].clone()
}

#[tokio::test]
async fn one_person_has_a_field_and_the_other_is_told_who() {
    let server = start(quick()).await;
    let addr = server.addr();
    let mut jane = person(addr, "tab-1", "jane").await;
    let mut bob = person(addr, "tab-2", "bob").await;
    let fence = lock(&mut jane, None).await;
    let taken = bob.hear_of("lockev").await;
    assert_eq!(
        (&taken["fence"], &taken["holder"]["user"], &taken["ttl"]),
        (&json!(fence), &json!("jane"), &json!(60_000))
    );
    ask(&mut bob, 8, None).await;
    let refused = bob.hear_of("err").await;
    assert_eq!(
        (&refused["id"], &refused["code"]),
        (&json!(8), &json!("locked"))
    );
    assert_eq!(bob.hear_of("lockev").await["holder"]["user"], "jane");
    // Who comes later is told as well.
    let mut ada = person(addr, "tab-3", "ada").await;
    assert_eq!(ada.hear_of("lockev").await["fence"], fence);
    jane.say(&json!({ "t": "unlock", "ch": "tasks", "key": "title", "fence": fence }))
        .await;
    assert_eq!(bob.hear_of("lockev").await["holder"], Value::Null);
    assert!(lock(&mut bob, None).await > fence);
    server.shutdown().await;
}

#[tokio::test]
async fn a_write_under_an_old_fence_is_refused_and_does_nothing() {
    let server = start(quick()).await;
    let addr = server.addr();
    let mut jane = person(addr, "tab-1", "jane").await;
    let mut bob = person(addr, "tab-2", "bob").await;
    let old = lock(&mut jane, None).await;
    let fence = |fence: u64| format!("{fence};tasks;title");
    assert_eq!(write(addr, "one", &fence(old)).await.status, StatusCode::OK);
    jane.say(&json!({ "t": "unlock", "ch": "tasks", "key": "title", "fence": old }))
        .await;
    // It was sent before, and nobody had the field since.
    assert_eq!(write(addr, "two", &fence(old)).await.status, StatusCode::OK);
    while bob.hear_of("lockev").await["holder"] != Value::Null {}
    let new = lock(&mut bob, None).await;
    let late = write(addr, "late", &fence(old)).await;
    assert_eq!(
        (late.status, &late.json()["error"]["code"]),
        (StatusCode::PRECONDITION_FAILED, &json!("stale_fence"))
    );
    assert_eq!(title(addr).await, "two");
    assert_eq!(
        write(addr, "three", &fence(new)).await.status,
        StatusCode::OK
    );
    let two = format!("{new};tasks;title, {old};tasks;title");
    assert_eq!(
        write(addr, "four", &two).await.status,
        StatusCode::PRECONDITION_FAILED
    );
    assert_eq!(
        write(addr, "five", "7").await.status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(title(addr).await, "three");
    let headers = [("everfresh-fence", fence(old))];
    let headers = headers
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let late = request(addr, Method::DELETE, "/api/tasks/1", &headers, "").await;
    assert_eq!(late.status, StatusCode::PRECONDITION_FAILED);
    server.shutdown().await;
}

#[tokio::test]
async fn a_lease_ends_by_itself_and_a_moment_after_its_holder_is_lost() {
    let server = start(quick()).await;
    let addr = server.addr();
    let mut bob = person(addr, "tab-2", "bob").await;
    for ends in ["by itself", "with its connection"] {
        let mut jane = person(addr, "tab-1", "jane").await;
        let ttl = if ends == "by itself" { 1 } else { 600_000 };
        jane.say(&json!({ "t": "lock", "id": 1, "ch": "tasks", "key": ends, "ttl": ttl }))
            .await;
        jane.hear_of("lockd").await;
        assert_eq!(bob.hear_of("lockev").await["holder"]["user"], "jane");
        if ends != "by itself" {
            drop(jane);
        }
        let freed = bob.hear_of("lockev").await;
        assert_eq!(
            (&freed["key"], &freed["holder"]),
            (&json!(ends), &Value::Null)
        );
    }
    server.shutdown().await;
}

#[tokio::test]
async fn the_next_tab_of_a_person_goes_on_with_the_fence_and_nobody_else_does() {
    let mut config = quick();
    config.limits.presence_grace = Duration::from_secs(30);
    let server = start(config).await;
    let addr = server.addr();
    let mut jane = person(addr, "tab-1", "jane").await;
    let fence = lock(&mut jane, None).await;
    let mut bob = person(addr, "tab-3", "bob").await;
    ask(&mut bob, 8, Some(fence)).await;
    assert_eq!(bob.hear_of("err").await["code"], "locked");
    // The tab that led hangs; its connection still stands.
    let mut next = person(addr, "tab-2", "jane").await;
    assert_eq!(lock(&mut next, Some(fence)).await, fence);
    drop(jane);
    ask(&mut bob, 9, Some(fence)).await;
    assert_eq!(bob.hear_of("err").await["code"], "locked");
    next.say(&json!({ "t": "unlock", "ch": "tasks", "key": "title", "fence": fence }))
        .await;
    while bob.hear_of("lockev").await["holder"] != Value::Null {}
    let newer = lock(&mut bob, None).await;
    ask(&mut next, 10, Some(fence)).await;
    assert_eq!(next.hear_of("err").await["code"], "stale_fence");
    assert!(newer > fence);
    server.shutdown().await;
}

#[tokio::test]
async fn a_restart_gives_no_fence_twice_and_lets_who_held_go_on() {
    let folder = Folder::new("leases");
    let config = || Config {
        limits: quick().limits,
        ..support::kept(&folder)
    };
    let server = start(config()).await;
    let mut jane = person(server.addr(), "tab-1", "jane").await;
    let fence = lock(&mut jane, None).await;
    server.shutdown().await;

    let server = start(config()).await;
    let addr = server.addr();
    let mut bob = person(addr, "tab-2", "bob").await;
    assert_eq!(bob.hear_of("lockev").await["holder"]["user"], "jane");
    ask(&mut bob, 8, None).await;
    assert_eq!(bob.hear_of("err").await["code"], "locked");
    let mut jane = person(addr, "tab-1", "jane").await;
    assert_eq!(lock(&mut jane, Some(fence)).await, fence);
    jane.say(&json!({ "t": "unlock", "ch": "tasks", "key": "title", "fence": fence }))
        .await;
    while bob.hear_of("lockev").await["holder"] != Value::Null {}
    let newer = lock(&mut bob, None).await;
    assert!(newer > fence);
    assert_eq!(
        write(addr, "late", &format!("{fence};tasks;title"))
            .await
            .status,
        StatusCode::PRECONDITION_FAILED
    );
    server.shutdown().await;

    // Without a file the records are gone, and still no fence comes a second time.
    let server = start(quick()).await;
    let mut jane = person(server.addr(), "tab-1", "jane").await;
    let one = lock(&mut jane, None).await;
    server.shutdown().await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let server = start(quick()).await;
    let mut jane = person(server.addr(), "tab-1", "jane").await;
    assert!(lock(&mut jane, None).await > one);
    server.shutdown().await;
}
