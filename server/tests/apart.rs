//! People with signed tokens: each sees what the rules give them, by every way there is, and no more.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod support;

use std::path::PathBuf;
use std::time::Duration;

use everfresh_server::{Config, Hidden, Limits, StartError, Tokens, serve};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use support::visitor::{SECRET, Visitor, WAYS, Way, call, knock, seconds, token};
use support::{Folder, Page, get, start, until};

/// Each has a project, and an inbox of their own.
const RULES: &str = r#"
[[channel]]
name = "project:{claim.project}"
roles = ["*"]
may = ["subscribe", "publish", "presence", "lock"]

[[channel]]
name = "user/{user}/inbox"
roles = ["*"]
may = ["subscribe"]

[[channel]]
name = "tasks"
roles = ["owner"]
may = ["subscribe"]
"#;

fn signed(rules: PathBuf) -> Config {
    Config {
        listen: "127.0.0.1:0".to_owned(),
        rules: Some(rules),
        reload: Duration::from_millis(10),
        tokens: Tokens {
            secret: Some(Hidden::new(SECRET)),
            leeway: Duration::ZERO,
            ..Tokens::default()
        },
        limits: Limits {
            // A poll has this long to come for the reason of an end.
            close_grace: Duration::from_secs(20),
            ..Limits::default()
        },
        ..Config::default()
    }
}

fn folder(name: &str, rules: &str) -> (Folder, PathBuf) {
    let folder = Folder::new(name);
    let file = folder.path("rules.toml");
    std::fs::write(&file, rules).unwrap();
    (folder, file)
}

fn jane() -> String {
    token("jane", 60, &json!({ "project": "alpha" }))
}

fn bob() -> String {
    token("bob", 60, &json!({ "project": "beta" }))
}

async fn task(addr: std::net::SocketAddr, token: &str, project: &str) -> Value {
    let body = json!({ "title": "a secret of this project", "project": project });
    let answer = call(addr, token, Method::POST, "/api/tasks", &body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    answer.json()
}

#[tokio::test]
async fn nobody_hears_of_anothers_data_by_any_way() {
    let (_folder, rules) = folder("apart", RULES);
    let server = start(signed(rules)).await;
    let addr = server.addr();
    for way in WAYS {
        let mut hers = Visitor::come(way, addr, "tab-jane", &jane()).await;
        let mut his = Visitor::come(way, addr, "tab-bob", &bob()).await;
        for (visitor, own) in [(&mut hers, "project:alpha"), (&mut his, "project:beta")] {
            let subscribed = visitor
                .ask(&json!({ "t": "sub", "id": 1, "ch": own }))
                .await;
            assert_eq!(subscribed["t"], "subd", "{way:?} {subscribed}");
        }
        for channel in [
            "project:alpha",
            "tasks",
            "user/jane/inbox",
            "project:*",
            "*",
            "project:",
        ] {
            for mut wish in [
                json!({ "t": "sub" }),
                json!({ "t": "sub", "pos": { "e": "E", "s": 0 } }),
                json!({ "t": "pres", "data": null, "all": true }),
                json!({ "t": "lock", "key": "1/title", "ttl": 30000 }),
            ] {
                wish["id"] = json!(2);
                wish["ch"] = json!(channel);
                let refused = his.ask(&wish).await;
                assert_eq!(
                    (&refused["t"], &refused["code"], &refused["id"]),
                    (&json!("err"), &json!("forbidden"), &json!(2)),
                    "{way:?} {wish}"
                );
            }
            his.say(&json!({ "t": "sig", "ch": channel, "name": "n", "data": 1 }))
                .await;
        }
        let inbox = his
            .ask(&json!({ "t": "sub", "id": 3, "ch": "user/bob/inbox" }))
            .await;
        assert_eq!(inbox["t"], "subd");
        hers.ask(&json!({ "t": "pres", "ch": "project:alpha", "data": { "at": 1 }, "all": true }))
            .await;
        let written = task(addr, &jane(), "alpha").await;
        let event = hers.hear_of("ev").await;
        assert_eq!(event["data"], written, "{way:?}");
        his.hears_nothing().await;
    }
    server.shutdown().await;
}

#[tokio::test]
async fn records_are_for_those_who_may_use_their_channel() {
    let (_folder, rules) = folder("records", RULES);
    let server = start(signed(rules)).await;
    let addr = server.addr();
    let written = task(addr, &jane(), "alpha").await;
    let path = format!("/api/tasks/{}", written["id"].as_str().unwrap());
    let (jane, bob) = (jane(), bob());
    let status = |token: String, method: Method, path: String, body: Value| async move {
        let answer = call(addr, &token, method, &path, &body).await;
        let told = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(
            answer.status.is_success() || !told.contains("a secret"),
            "{told}"
        );
        answer.status
    };
    let read = |token: &str, query: &str| {
        let path = format!("/api/tasks{query}");
        status(token.to_owned(), Method::GET, path, Value::Null)
    };
    let write = |token: &str, method, body| status(token.to_owned(), method, path.clone(), body);
    assert_eq!(read(&jane, "?project=alpha").await, StatusCode::OK);
    assert_eq!(read(&bob, "?project=alpha").await, StatusCode::FORBIDDEN);
    assert_eq!(read(&bob, "").await, StatusCode::FORBIDDEN);
    let change = json!({ "title": "mine now" });
    // Not even that it exists.
    let missing = StatusCode::NOT_FOUND;
    assert_eq!(write(&bob, Method::PATCH, change.clone()).await, missing);
    assert_eq!(write(&bob, Method::DELETE, Value::Null).await, missing);
    assert_eq!(write(&bob, Method::GET, Value::Null).await, missing);
    assert_eq!(write(&jane, Method::GET, Value::Null).await, StatusCode::OK);
    let history = |token: &str| {
        let path = format!("{path}/history");
        status(token.to_owned(), Method::GET, path, Value::Null)
    };
    assert_eq!(history(&bob).await, missing);
    assert_eq!(history(&jane).await, StatusCode::OK);
    let body = json!({ "title": "x", "project": "alpha" });
    let create = status(bob.clone(), Method::POST, "/api/tasks".to_owned(), body);
    assert_eq!(create.await, StatusCode::FORBIDDEN);
    let owner = token("olga", 60, &json!({ "role": "owner" }));
    assert_eq!(read(&owner, "").await, StatusCode::OK);
    // Who may read and not write is told so.
    let told = write(&owner, Method::PATCH, change.clone()).await;
    assert_eq!(told, StatusCode::FORBIDDEN);
    assert_eq!(write(&jane, Method::PATCH, change).await, StatusCode::OK);
    let expired = token("jane", 0, &json!({ "project": "alpha" }));
    until("the token to expire", || async {
        let query = "/api/tasks?project=alpha";
        let answer = call(addr, &expired, Method::GET, query, &Value::Null).await;
        answer.status == StatusCode::UNAUTHORIZED
            && answer.json()["error"]["code"] == "token_expired"
    })
    .await;
    assert_eq!(
        get(addr, "/api/tasks").await.status,
        StatusCode::UNAUTHORIZED
    );
    server.shutdown().await;
}

#[tokio::test]
async fn who_is_not_known_is_told_so_by_every_way() {
    let (_folder, rules) = folder("unknown", RULES);
    let server = start(signed(rules)).await;
    let addr = server.addr();
    let forged = jane().rsplit_once('.').unwrap().0.to_owned() + ".AAAA";
    let huge = json!(format!("{}.{}.x", "e".repeat(20_000), "y".repeat(20_000)));
    for token in [
        json!(forged),
        json!("demo:jane"),
        json!(""),
        huge,
        Value::Null,
    ] {
        let hello = json!({ "t": "hello", "v": 1, "client": "tab", "token": token });
        let mut page = Page::connect(addr).await;
        page.say(&hello).await;
        let (heard, end) = page.hear_out().await;
        assert_eq!(heard[0]["code"], "unauthorized");
        assert!(format!("{end:?}").contains("4401"));
        for door in ["sse", "poll"] {
            let answer = knock(addr, door, hello.to_string()).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{door}");
        }
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_token_ends_and_another_one_goes_on() {
    let (_folder, rules) = folder("ends", RULES);
    let server = start(signed(rules)).await;
    let addr = server.addr();
    let short = || token("jane", 2, &json!({ "project": "alpha" }));
    let mut kept = Page::known(addr, "kept", &short()).await;
    let until = seconds() + 60;
    kept.say(&json!({ "t": "auth", "id": 5, "token": jane() }))
        .await;
    let taken = kept.hear().await;
    assert_eq!((&taken["t"], &taken["id"]), (&json!("authd"), &json!(5)));
    assert!(
        taken["exp"].as_u64().unwrap() >= (until - 1) * 1000,
        "{taken}"
    );
    for way in WAYS {
        let mut visitor = Visitor::come(way, addr, "ends", &short()).await;
        let told = visitor.hear().await;
        assert_eq!(told["code"], "token_expired", "{way:?} {told}");
        let end = visitor.hear_or_end().await.unwrap_err();
        let wanted = match way {
            Way::Socket => 4401,
            Way::Stream => 0,
            Way::Poll => 401,
        };
        assert_eq!(end, wanted, "{way:?}");
    }
    kept.hears_nothing().await;
    server.shutdown().await;
}

#[tokio::test]
async fn what_the_new_token_may_not_is_over_at_once() {
    let (_folder, rules) = folder("less", RULES);
    let server = start(signed(rules)).await;
    let addr = server.addr();
    for way in WAYS {
        let both = token(
            "jane",
            60,
            &json!({ "project": ["alpha", "beta"], "role": "owner" }),
        );
        let mut visitor = Visitor::come(way, addr, "tab", &both).await;
        for channel in ["project:alpha", "project:beta", "tasks"] {
            let subscribed = visitor
                .ask(&json!({ "t": "sub", "id": 1, "ch": channel }))
                .await;
            assert_eq!(subscribed["t"], "subd");
        }
        visitor
            .say(&json!({ "t": "auth", "id": 2, "token": jane() }))
            .await;
        let mut over = Vec::new();
        loop {
            let message = visitor.hear().await;
            if message["t"] == "authd" {
                break;
            }
            assert_eq!(
                (&message["t"], &message["id"]),
                (&json!("unsubd"), &Value::Null)
            );
            over.push(message["ch"].as_str().unwrap().to_owned());
        }
        assert_eq!(over, ["project:beta", "tasks"], "{way:?}");
        let beta = token("bob", 60, &json!({ "project": "beta" }));
        task(addr, &beta, "beta").await;
        visitor.hears_nothing().await;
        // Another person's token ends it.
        visitor
            .say(&json!({ "t": "auth", "id": 3, "token": bob() }))
            .await;
        assert_eq!(visitor.hear().await["code"], "unauthorized", "{way:?}");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn rules_that_change_hold_at_once_for_those_who_are_in() {
    let (_folder, rules) = folder("reload", RULES);
    let server = start(signed(rules.clone())).await;
    let addr = server.addr();
    let mut visitors = Vec::new();
    for way in WAYS {
        let mut visitor = Visitor::come(way, addr, &format!("{way:?}"), &jane()).await;
        visitor
            .ask(&json!({ "t": "sub", "id": 1, "ch": "project:alpha" }))
            .await;
        visitor
            .ask(&json!({ "t": "sub", "id": 1, "ch": "user/jane/inbox" }))
            .await;
        visitors.push(visitor);
    }
    // One that cannot be read changes nothing.
    std::fs::write(&rules, "[[channel]]\nname = 1").unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let written = task(addr, &jane(), "alpha").await;
    for visitor in &mut visitors {
        assert_eq!(visitor.hear().await["data"], written);
    }
    std::fs::write(
        &rules,
        RULES.replace("project:{claim.project}", "projects:{claim.project}"),
    )
    .unwrap();
    for visitor in &mut visitors {
        let over = visitor.hear().await;
        assert_eq!(over, json!({ "t": "unsubd", "ch": "project:alpha" }));
        let refused = visitor
            .ask(&json!({ "t": "sub", "id": 1, "ch": "project:alpha" }))
            .await;
        assert_eq!(refused["code"], "forbidden");
        let kept = visitor
            .ask(&json!({ "t": "sub", "id": 1, "ch": "user/jane/inbox" }))
            .await;
        assert_eq!(kept["t"], "subd");
    }
    let query = "/api/tasks?project=alpha";
    let answer = call(addr, &jane(), Method::GET, query, &Value::Null).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    server.shutdown().await;
}

#[tokio::test]
async fn keys_without_rules_and_rules_without_sense_do_not_start() {
    let (_folder, rules) = folder("start", "[[channel]]\nname = \"a\"\nroles = []\nmay = []");
    let why = |config: Config| async { serve(config).await.err().map(|error| error.to_string()) };
    let none = Config {
        rules: None,
        ..signed(rules.clone())
    };
    assert!(matches!(serve(none).await, Err(StartError::NoRules)));
    let told = why(signed(rules.clone())).await.unwrap();
    assert!(
        told.starts_with("rules: ") && told.contains("rule 1"),
        "{told}"
    );
    std::fs::write(&rules, "listen = \"a\"").unwrap();
    let told = why(signed(rules.clone())).await.unwrap();
    assert!(told.contains("\"listen\""), "{told}");
    std::fs::write(&rules, RULES).unwrap();
    let mut weak = signed(rules);
    weak.tokens.secret = Some(Hidden::new("hush"));
    let told = why(weak).await.unwrap();
    assert!(
        told.starts_with("jwt-secret: ") && !told.contains("hush"),
        "{told}"
    );
}
