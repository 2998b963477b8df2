//! Who is there: over real sockets, with people who come, go, crash and hide their name.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod support;

use std::time::Duration;

use everfresh_server::{Config, StartError, serve};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use support::{Folder, Got, Page, config, get, in_time, request, start};

/// A server that forgets a silent person in a moment, and a lost one in less.
fn quick() -> Config {
    let mut config = config();
    config.limits.presence_ttl = Duration::from_millis(600);
    config.limits.presence_grace = Duration::from_millis(150);
    config.limits.presence_every = Duration::from_millis(1);
    config
}

fn listed(folder: &Folder, people: &str) -> Config {
    let file = folder.path("people");
    std::fs::write(&file, people).unwrap();
    Config {
        people: Some(file),
        ..quick()
    }
}

/// Hears until somebody of this name left; what else is heard meanwhile is given back.
async fn hear_leave(page: &mut Page, name: &str) -> Vec<Value> {
    let mut heard = Vec::new();
    loop {
        let message = page.hear().await;
        if message["t"] == "presence" && message["leave"].get(name).is_some() {
            return heard;
        }
        heard.push(message);
    }
}

#[tokio::test]
async fn two_people_see_each_other_and_what_each_shows() {
    let server = start(quick()).await;
    let addr = server.addr();
    let mut jane = Page::known(addr, "tab-1", "demo:jane").await;
    jane.say(&json!({ "t": "pres", "ch": "tasks", "data": { "at": 1 }, "all": true }))
        .await;
    let full = jane.hear_of("presence").await;
    assert_eq!(
        (&full["full"], &full["you"], &full["join"]["tab-1"]["user"]),
        (&json!(true), &json!("tab-1"), &json!("jane"))
    );
    let mut bob = Page::known(addr, "tab-2", "demo:bob").await;
    bob.say(&json!({ "t": "pres", "ch": "tasks", "data": { "at": 2 }, "all": true }))
        .await;
    let full = bob.hear_of("presence").await;
    assert_eq!(full["join"]["tab-1"]["data"], json!({ "at": 1 }));
    let came = jane.hear_join("tab-2").await;
    assert_eq!(
        (&came["user"], &came["data"]),
        (&json!("bob"), &json!({ "at": 2 }))
    );
    bob.say(&json!({ "t": "pres", "ch": "tasks", "data": { "at": 3 } }))
        .await;
    let moved = jane.hear_join("tab-2").await;
    assert_eq!(moved["data"], json!({ "at": 3 }));
    assert!(moved["ref"].as_u64() > came["ref"].as_u64());
    bob.say(&json!({ "t": "pres", "ch": "tasks", "leave": true }))
        .await;
    hear_leave(&mut jane, "tab-2").await;
    server.shutdown().await;
}

#[tokio::test]
async fn who_crashes_is_gone_after_a_moment_and_who_is_silent_after_a_while() {
    let server = start(quick()).await;
    let addr = server.addr();
    let mut jane = Page::known(addr, "tab-1", "demo:jane").await;
    jane.say(&json!({ "t": "pres", "ch": "c", "data": null, "all": true }))
        .await;
    for name in ["tab-2", "tab-3"] {
        let mut other = Page::known(addr, name, "demo:bob").await;
        other
            .say(&json!({ "t": "pres", "ch": "c", "data": {} }))
            .await;
        jane.hear_join(name).await;
        if name == "tab-2" {
            // The link breaks without a word.
            drop(other);
            hear_leave(&mut jane, name).await;
        } else {
            // The link stands, and nobody renews.
            hear_leave(&mut jane, name).await;
            drop(other);
        }
    }
    server.shutdown().await;
}

#[tokio::test]
async fn who_dials_again_at_once_was_never_away() {
    let mut config = quick();
    config.limits.presence_grace = Duration::from_secs(30);
    let server = start(config).await;
    let addr = server.addr();
    let mut jane = Page::known(addr, "tab-1", "demo:jane").await;
    jane.say(&json!({ "t": "pres", "ch": "c", "data": null, "all": true }))
        .await;
    let mut bob = Page::known(addr, "tab-2", "demo:bob").await;
    bob.say(&json!({ "t": "pres", "ch": "c", "data": { "n": 1 } }))
        .await;
    jane.hear_join("tab-2").await;
    drop(bob);
    let mut bob = Page::known(addr, "tab-2", "demo:bob").await;
    bob.say(&json!({ "t": "pres", "ch": "c", "data": { "n": 2 }, "all": true }))
        .await;
    let full = bob.hear_of("presence").await;
    assert_eq!(full["join"].as_object().unwrap().len(), 1);
    loop {
        let message = jane.hear_of("presence").await;
        assert_eq!(message["leave"], json!({}), "{message}");
        if message["join"]["tab-2"]["data"]["n"] == 2 {
            break;
        }
    }
    server.shutdown().await;
}

#[tokio::test]
async fn an_anonymous_person_is_known_by_nothing() {
    let server = start(quick()).await;
    let addr = server.addr();
    let mut jane = Page::known(addr, "tab-1", "demo:jane").await;
    jane.say(&json!({ "t": "pres", "ch": "c", "data": null, "all": true }))
        .await;
    assert_eq!(jane.hear().await["join"], json!({}));
    let mut bob = Page::known(addr, "tab-2", "demo:bob").await;
    bob.say(&json!({ "t": "pres", "ch": "c", "data": {}, "anon": true, "all": true }))
        .await;
    let you = bob.hear_of("presence").await["you"].clone();
    let came = jane.hear_of("presence").await;
    let text = came.to_string();
    assert!(!text.contains("bob") && !text.contains("tab-2"), "{text}");
    assert!(came["join"].get(you.as_str().unwrap()).is_some());
    // Neither does a lease or a signal tell who it is.
    bob.say(&json!({ "t": "lock", "id": 1, "ch": "c", "key": "f", "ttl": 5000 }))
        .await;
    let lease = jane.hear_of("lockev").await;
    assert_eq!(lease["holder"], json!({ "client": you }));
    bob.say(&json!({ "t": "sig", "ch": "c", "name": "cursor", "data": [1, 2] }))
        .await;
    let signal = jane.hear_of("sig").await;
    assert_eq!(
        (&signal["from"], &signal["user"], &signal["data"]),
        (&you, &Value::Null, &json!([1, 2]))
    );
    server.shutdown().await;
}

#[tokio::test]
async fn a_signal_is_for_those_who_are_there_now() {
    let server = start(quick()).await;
    let addr = server.addr();
    let mut jane = Page::known(addr, "tab-1", "demo:jane").await;
    let mut bob = Page::known(addr, "tab-2", "demo:bob").await;
    let signal = json!({ "t": "sig", "ch": "c", "name": "wave", "data": { "n": 1 } });
    // Who is not there says nothing there.
    bob.say(&signal).await;
    for page in [&mut jane, &mut bob] {
        page.say(&json!({ "t": "pres", "ch": "c", "data": null, "all": true }))
            .await;
        page.hear_of("presence").await;
    }
    bob.say(&signal).await;
    assert_eq!(
        jane.hear_of("sig").await,
        json!({ "t": "sig", "ch": "c", "name": "wave", "data": { "n": 1 } })
    );
    bob.hears_nothing().await;
    let mut late = Page::known(addr, "tab-3", "demo:ada").await;
    late.say(&json!({ "t": "pres", "ch": "c", "data": null, "all": true }))
        .await;
    late.hear_of("presence").await;
    late.hears_nothing().await;
    server.shutdown().await;
}

#[tokio::test]
async fn only_listed_people_come_in_and_go_where_they_may() {
    let folder = Folder::new("people");
    let people = "T1 jane tasks project:*\nT2 bob other\n";
    let server = start(listed(&folder, people)).await;
    let addr = server.addr();
    let mut stranger = Page::connect(addr).await;
    stranger
        .say(&json!({ "t": "hello", "v": 1, "client": "x", "token": "T3" }))
        .await;
    let (heard, end) = stranger.hear_out().await;
    assert_eq!(heard[0]["code"], "unauthorized");
    assert_eq!(end, Got::Close(4401, "unauthorized".to_owned()));

    let mut bob = Page::known(addr, "tab-2", "T2").await;
    for (id, wish) in [
        (1, json!({ "t": "sub", "ch": "tasks" })),
        (2, json!({ "t": "pres", "ch": "tasks", "data": {} })),
        (
            3,
            json!({ "t": "lock", "ch": "tasks", "key": "f", "ttl": 9 }),
        ),
    ] {
        let mut wish = wish;
        wish["id"] = id.into();
        bob.say(&wish).await;
        let refused = bob.hear().await;
        assert_eq!(
            (&refused["id"], &refused["ch"], &refused["code"]),
            (&json!(id), &json!("tasks"), &json!("forbidden"))
        );
    }
    bob.say(&json!({ "t": "sig", "ch": "tasks", "name": "n", "data": 1 }))
        .await;
    bob.hears_nothing().await;

    let list = |token: &'static str| async move {
        let header = format!("Bearer {token}");
        let headers = [("authorization", header.as_str())];
        request(addr, Method::GET, "/api/tasks", &headers, "")
            .await
            .status
    };
    assert_eq!(list("T1").await, StatusCode::OK);
    assert_eq!(list("T2").await, StatusCode::FORBIDDEN);
    assert_eq!(list("T3").await, StatusCode::UNAUTHORIZED);
    assert_eq!(
        get(addr, "/api/tasks").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(get(addr, "/healthz").await.status, StatusCode::OK);
    server.shutdown().await;
}

#[tokio::test]
async fn a_new_token_is_taken_if_it_is_the_same_persons_and_takes_what_it_takes() {
    let folder = Folder::new("tokens");
    let people = "T1 jane a b\nT2 jane b\nT3 bob a b\n";
    let server = start(listed(&folder, people)).await;
    let mut jane = Page::known(server.addr(), "tab-1", "T1").await;
    jane.subscribe("a", None).await;
    jane.subscribe("b", None).await;
    jane.say(&json!({ "t": "auth", "id": 5, "token": "T9" }))
        .await;
    let refused = jane.hear().await;
    assert_eq!(
        (&refused["id"], &refused["code"]),
        (&json!(5), &json!("unauthorized"))
    );
    jane.say(&json!({ "t": "auth", "id": 6, "token": "T2" }))
        .await;
    assert_eq!(jane.hear().await, json!({ "t": "unsubd", "ch": "a" }));
    assert_eq!(jane.hear().await, json!({ "t": "authd", "id": 6 }));
    jane.say(&json!({ "t": "auth", "id": 7, "token": "T3" }))
        .await;
    let (_, end) = jane.hear_out().await;
    assert!(matches!(end, Got::Close(4401, _)), "{end:?}");
    server.shutdown().await;
}

#[tokio::test]
async fn a_list_that_cannot_be_read_is_said_before_anybody_comes() {
    let folder = Folder::new("bad-people");
    for (people, why) in [(Some("T jane"), "line 1"), (None, "")] {
        let mut config = listed(&folder, people.unwrap_or_default());
        if people.is_none() {
            config.people = Some(folder.path("nowhere"));
        }
        match serve(config).await {
            Err(error @ StartError::People { .. }) => {
                let text = error.to_string();
                assert!(text.contains(why) && text.contains("--people"), "{text}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn what_makes_no_sense_does_nothing_and_the_connection_goes_on() {
    let server = start(quick()).await;
    let mut page = Page::known(server.addr(), "tab-1", "demo:jane").await;
    let long = "x".repeat(17 * 1024);
    for (wish, code) in [
        (
            json!({ "t": "pres", "id": 1, "ch": "", "data": {} }),
            "bad_request",
        ),
        (
            json!({ "t": "pres", "id": 1, "ch": "c", "data": long }),
            "too_large",
        ),
        (
            json!({ "t": "lock", "id": 1, "ch": "c", "key": "", "ttl": 9 }),
            "bad_request",
        ),
        (
            json!({ "t": "lock", "id": 1, "ch": "c", "key": "f", "ttl": 9, "fence": 3 }),
            "stale_fence",
        ),
    ] {
        page.say_anything(&wish).await;
        assert_eq!(page.hear().await["code"], code, "{wish}");
    }
    for wish in [
        json!({ "t": "pres", "ch": "", "data": {} }),
        json!({ "t": "pres", "ch": "c", "leave": true }),
        json!({ "t": "sig", "ch": "c", "name": "", "data": 1 }),
        json!({ "t": "unlock", "ch": "c", "key": "f", "fence": 3 }),
    ] {
        page.say_anything(&wish).await;
        page.hears_nothing().await;
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_storm_is_thinned_out_and_hurts_nobody() {
    let server = start(quick()).await;
    let addr = server.addr();
    let mut jane = Page::known(addr, "tab-1", "demo:jane").await;
    jane.say(&json!({ "t": "pres", "ch": "c", "data": null, "all": true }))
        .await;
    jane.hear_of("presence").await;
    let mut bob = Page::known(addr, "tab-2", "demo:bob").await;
    bob.say(&json!({ "t": "pres", "ch": "c", "data": null }))
        .await;
    let signals: Vec<String> = (0..2000)
        .map(|n| json!({ "t": "sig", "ch": "c", "name": "n", "data": n }).to_string())
        .collect();
    for frame in signals.chunks(500) {
        bob.send(tokio_tungstenite::tungstenite::Message::text(
            frame.join("\n"),
        ))
        .await;
    }
    bob.hears_nothing().await;
    jane.say(&json!({ "t": "ping", "n": 1 })).await;
    let count = in_time("the pong", async {
        let mut count = 0;
        while jane.hear().await["t"] == "sig" {
            count += 1;
        }
        count
    })
    .await;
    // So many at once, and some more while they came.
    assert!((200..1000).contains(&count), "{count}");
    let locks: Vec<String> = (0..600)
        .map(|n| {
            json!({ "t": "lock", "id": n, "ch": "c", "key": "f", "ttl": 9000, "fence": 1 })
                .to_string()
        })
        .collect();
    bob.send(tokio_tungstenite::tungstenite::Message::text(
        locks.join("\n"),
    ))
    .await;
    let mut limited = 0;
    for _ in 0..600 {
        limited += u32::from(bob.hear_of("err").await["code"] == "rate_limited");
    }
    assert!((1..=200).contains(&limited), "{limited}");
    server.shutdown().await;
}

#[tokio::test]
async fn another_list_holds_for_those_who_are_in_and_a_bad_one_does_not() {
    let folder = Folder::new("people-change");
    let mut config = listed(&folder, "T1 jane a b\nT2 bob a\n");
    config.reload = Duration::from_millis(10);
    let file = config.people.clone().unwrap();
    let server = start(config).await;
    let addr = server.addr();
    let mut jane = Page::known(addr, "tab-1", "T1").await;
    let mut bob = Page::known(addr, "tab-2", "T2").await;
    jane.subscribe("a", None).await;
    jane.subscribe("b", None).await;
    bob.subscribe("a", None).await;
    std::fs::write(&file, "T1 jane").unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    bob.hears_nothing().await;
    // In one step, as whoever keeps a list should: a list of which half is written is one without the other half.
    std::fs::write(folder.path("next"), "T1 jane b c\nT3 ann a\n").unwrap();
    std::fs::rename(folder.path("next"), &file).unwrap();
    assert_eq!(jane.hear().await, json!({ "t": "unsubd", "ch": "a" }));
    jane.subscribe("c", None).await;
    let (heard, end) = bob.hear_out().await;
    assert_eq!(heard[0]["code"], "unauthorized");
    assert_eq!(end, Got::Close(4401, "unauthorized".to_owned()));
    Page::known(addr, "tab-3", "T3")
        .await
        .subscribe("a", None)
        .await;
    server.shutdown().await;
}
