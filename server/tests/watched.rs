//! What whoever runs the server sees of it: counts, who did what, whether it is well. And how it goes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod support;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use everfresh_server::{Config, Hidden, Limits, Secret, To, Tokens};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use support::visitor::{SECRET, Visitor, WAYS, Way, call, token};
use support::{Folder, Got, Page, config, get, in_time, publish, request, start, until};

const KEY: &str = "a key of the tests that publishes";

fn signed(folder: &Folder) -> Config {
    let rules = folder.path("rules.toml");
    let rule = "[[channel]]\nname = \"user:{user}\"\nroles = [\"*\"]\nmay = [\"subscribe\", \"lock\", \"publish\"]\n";
    std::fs::write(&rules, rule).unwrap();
    Config {
        listen: "127.0.0.1:0".to_owned(),
        rules: Some(rules),
        tokens: Tokens {
            secret: Some(Hidden::new(SECRET)),
            ..Tokens::default()
        },
        publish_key: Some(Secret::new(KEY.replace(' ', "-")).unwrap()),
        audit: Some(folder.path("audit")),
        ..Config::default()
    }
}

/// The lines of the audit log, once there is one that is looked for.
async fn lines(file: &Path, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
    let read = || {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let lines = whole.lines().filter(|line| !line.is_empty());
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect::<Vec<Value>>()
    };
    until("a line of the audit log", || async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        read().iter().any(&wanted)
    })
    .await;
    read()
}

#[tokio::test]
async fn who_came_heard_published_locked_and_was_refused_is_written_down_and_no_secret() {
    let folder = Folder::new("audit");
    let server = start(signed(&folder)).await;
    let addr = server.addr();
    let mut secrets = vec![SECRET.to_owned(), KEY.replace(' ', "-")];
    for way in WAYS {
        let jane = token("jane", 60, &json!({ "name": "Jane", "role": "editor" }));
        let mut visitor = Visitor::come(way, addr, &format!("tab-{way:?}"), &jane).await;
        secrets.push(jane.clone());
        secrets.push(visitor.session().to_owned());
        let own = json!({ "t": "sub", "id": 1, "ch": "user:jane" });
        assert_eq!(visitor.ask(&own).await["t"], "subd");
        let other = json!({ "t": "sub", "id": 2, "ch": "user:bob" });
        assert_eq!(visitor.ask(&other).await["code"], "forbidden");
        let lock = json!({ "t": "lock", "id": 3, "ch": "user:jane", "key": "title", "ttl": 60000 });
        let fence = visitor.hear_after(&lock, "lockd").await["fence"].clone();
        visitor
            .say(&json!({ "t": "unlock", "ch": "user:jane", "key": "title", "fence": fence }))
            .await;
        visitor
            .say(&json!({ "t": "unsub", "id": 4, "ch": "user:jane" }))
            .await;
        visitor.hear_of("unsubd").await;
        let read = call(addr, &jane, Method::GET, "/api/tasks", &Value::Null).await;
        assert_eq!(read.status, StatusCode::FORBIDDEN);
    }
    let bearer = format!("Bearer {}", KEY.replace(' ', "-"));
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    let event = json!({ "channel": "user:jane", "name": "said", "data": "a secret word" });
    secrets.push("a secret word".to_owned());
    let answer = request(
        addr,
        Method::POST,
        "/api/publish",
        &headers,
        event.to_string(),
    )
    .await;
    assert_eq!(answer.status, StatusCode::OK);
    // Whoever does not wait for the commit, and whoever publishes in this process, publishes all the same.
    let at_once = [headers[0], headers[1], ("prefer", "respond-async")];
    let path = "/api/publish";
    let answer = request(addr, Method::POST, path, &at_once, event.to_string()).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    let publisher = server.publisher();
    publisher.tell(To::User("jane"), "said", "a secret word");
    let waited = publisher.publish(To::User("jane"), "said", "a secret word");
    assert_eq!(waited.await.unwrap().seq, 4);
    let stranger = get(addr, "/api/tasks?token=forged.token.here").await;
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);
    let file = folder.path("audit");
    let written = lines(&file, |line| line["status"] == 401).await;
    for way in WAYS {
        let transport = match way {
            Way::Socket => "websocket",
            Way::Stream => "sse",
            Way::Poll => "poll",
        };
        let connect = written
            .iter()
            .find(|line| line["event"] == "connect" && line["transport"] == transport);
        let connect = connect.expect("a line of each way");
        assert_eq!(
            (
                &connect["user"],
                &connect["name"],
                &connect["roles"],
                &connect["address"]
            ),
            (
                &json!("jane"),
                &json!("Jane"),
                &json!(["editor"]),
                &json!("127.0.0.1")
            )
        );
        let of_it = |event: &str| {
            let same = |line: &&Value| {
                line["event"] == event && line["connection"] == connect["connection"]
            };
            written
                .iter()
                .find(same)
                .unwrap_or_else(|| panic!("{event} {transport}"))
        };
        assert_eq!(of_it("subscribe")["channel"], "user:jane");
        assert_eq!(of_it("unsubscribe")["channel"], "user:jane");
        assert_eq!(of_it("lock")["field"], "title");
        assert_eq!(of_it("unlock")["fence"], of_it("lock")["fence"]);
        let refused = of_it("refuse");
        assert_eq!(
            (&refused["channel"], &refused["code"]),
            (&json!("user:bob"), &json!("forbidden"))
        );
        assert!(refused["at"].as_u64().is_some());
    }
    let published = written.iter().filter(|line| line["event"] == "publish");
    let published: Vec<_> = published
        .map(|line| (&line["channel"], &line["seq"]))
        .collect();
    let jane = json!("user:jane");
    let all: Vec<_> = (1..5).map(|seq| json!(seq)).collect();
    assert_eq!(
        published,
        all.iter().map(|seq| (&jane, seq)).collect::<Vec<_>>()
    );
    assert!(written.iter().any(|line| line["event"] == "refuse"
        && line["path"] == "/api/tasks"
        && line["status"] == 403
        && line["user"] == "jane"));
    server.shutdown().await;
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text.matches("\"disconnect\"").count(), 3, "{text}");
    secrets.push("forged".to_owned());
    for secret in secrets {
        assert!(!text.contains(&secret), "{secret}");
    }
}

#[tokio::test]
async fn who_is_kicked_is_out_by_every_way_and_the_others_are_not() {
    let folder = Folder::new("kick");
    let server = start(signed(&folder)).await;
    let addr = server.addr();
    let key = KEY.replace(' ', "-");
    let kick = |key: &str, body: Value| {
        let key = key.to_owned();
        async move { call(addr, &key, Method::POST, "/api/kick", &body).await }
    };
    let (jane, bob) = (token("jane", 60, &json!({})), token("bob", 60, &json!({})));
    let mut theirs = Vec::new();
    for way in WAYS {
        theirs.push(Visitor::come(way, addr, &format!("tab-{way:?}"), &jane).await);
    }
    let mut other = Visitor::come(Way::Socket, addr, "tab-bob", &bob).await;

    for (key, body, status) in [
        ("", json!({ "user": "jane" }), StatusCode::UNAUTHORIZED),
        (&jane, json!({ "user": "bob" }), StatusCode::UNAUTHORIZED),
        (&key, json!({}), StatusCode::BAD_REQUEST),
        (&key, json!({ "user": "" }), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(kick(key, body).await.status, status);
    }
    let nobody = kick(&key, json!({ "user": "ann" })).await;
    assert_eq!(nobody.json(), json!({ "kicked": 0 }));
    let done = kick(&key, json!({ "user": "jane" })).await;
    assert_eq!(
        (done.status, done.json()),
        (StatusCode::OK, json!({ "kicked": 3 }))
    );

    for (mut visitor, way) in theirs.into_iter().zip(WAYS) {
        let why = visitor.hear_or_end().await.expect("it is said why");
        assert_eq!(
            (&why["code"], &why["retry"]),
            (&json!("forbidden"), &json!(false)),
            "{way:?}"
        );
        let end = visitor.hear_or_end().await.expect_err("the end");
        let wanted = match way {
            Way::Socket => 4403,
            Way::Stream => 0,
            Way::Poll => 403,
        };
        assert_eq!(end, wanted, "{way:?}");
    }
    let own = json!({ "t": "sub", "id": 1, "ch": "user:bob" });
    assert_eq!(other.ask(&own).await["t"], "subd");
    let file = folder.path("audit");
    let written = lines(&file, |line| {
        line["event"] == "kick" && line["user"] == "jane"
    })
    .await;
    assert!(
        !written
            .iter()
            .any(|line| line["event"] == "disconnect" && line["user"] == "bob")
    );
    server.shutdown().await;
}

/// A figure of `/metrics`; 0 where it is not shown yet.
async fn figure(addr: SocketAddr, name: &str) -> f64 {
    let answer = get(addr, "/metrics").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        answer.header("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
    value.unwrap_or(0.0)
}

#[tokio::test]
async fn what_happens_is_counted() {
    let server = start(config()).await;
    let addr = server.addr();
    let mut visitors = Vec::new();
    for way in WAYS {
        visitors.push(Visitor::come(way, addr, &format!("{way:?}"), "").await);
    }
    for transport in ["websocket", "sse", "poll"] {
        let name = format!("everfresh_connections_open{{transport=\"{transport}\"}}");
        assert_eq!(figure(addr, &name).await, 1.0, "{transport}");
    }
    let mut page = Page::welcomed(addr, "tab").await;
    let position = page.subscribe("c", None).await["pos"].clone();
    publish(addr, "c", &json!({})).await;
    assert_eq!(page.hear().await["t"], "ev");
    page.subscribe("c", Some(&position)).await;
    page.subscribe("c", Some(&json!({ "e": "other", "s": 1 })))
        .await;
    for (name, wanted) in [
        ("everfresh_events_total", 1.0),
        ("everfresh_subscriptions_total{kind=\"new\"}", 1.0),
        ("everfresh_subscriptions_total{kind=\"resumed\"}", 1.0),
        ("everfresh_subscriptions_total{kind=\"gap\"}", 1.0),
        (
            "everfresh_requests_total{method=\"POST\",status=\"200\"}",
            1.0,
        ),
        ("everfresh_request_seconds_count", 1.0),
        ("everfresh_outbox_bytes", 0.0),
    ] {
        assert_eq!(figure(addr, name).await, wanted, "{name}");
    }
    page.say_anything(&json!({ "t": "sub", "id": 9, "ch": "" }))
        .await;
    assert_eq!(page.hear().await["code"], "bad_request");
    assert_eq!(
        figure(addr, "everfresh_refusals_total{code=\"bad_request\"}").await,
        1.0
    );
    assert!(figure(addr, "everfresh_messages_received_total").await >= 8.0);
    assert!(figure(addr, "everfresh_bytes_sent_total").await > 500.0);
    page.send(tokio_tungstenite::tungstenite::Message::text("nonsense"))
        .await;
    page.hear_out().await;
    until("the end to be counted", || async {
        figure(addr, "everfresh_closes_total{code=\"4400\"}").await == 1.0
    })
    .await;
    server.shutdown().await;
}

#[tokio::test]
async fn counts_are_for_those_who_watch() {
    let mut quiet = config();
    quiet.demo = false;
    quiet.metrics_listen = Some("127.0.0.1:0".to_owned());
    let server = start(quiet).await;
    let watched = server.metrics_addr().unwrap();
    assert_eq!(
        get(server.addr(), "/metrics").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(figure(watched, "everfresh_events_total").await, 0.0);
    assert_eq!(get(watched, "/healthz").await.json(), json!({ "ok": true }));
    assert_eq!(
        get(watched, "/api/tasks").await.status,
        StatusCode::NOT_FOUND
    );
    server.shutdown().await;
}

#[tokio::test]
async fn it_goes_by_and_by_and_says_so_meanwhile() {
    let server = start(Config {
        limits: Limits {
            drain: Duration::from_secs(60),
            ..Limits::default()
        },
        ..config()
    })
    .await;
    let addr = server.addr();
    let mut pages = Vec::new();
    for number in 0..120 {
        pages.push(Page::welcomed(addr, &format!("tab-{number}")).await);
    }
    let gone = tokio::spawn(server.shutdown());
    // The last one is told some hundred milliseconds after the first.
    let (heard, end) = pages.remove(0).hear_out().await;
    assert_eq!(heard[0]["t"], "goaway");
    assert_eq!(end, Got::Close(4503, "going away".to_owned()));
    assert_eq!(
        get(addr, "/healthz").await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    let live = get(addr, "/live").await;
    assert_eq!(
        (live.status, live.header("retry-after")),
        (StatusCode::SERVICE_UNAVAILABLE, "2")
    );
    let hello = json!({ "t": "hello", "v": 1, "client": "late" }).to_string();
    for door in ["sse", "poll"] {
        let answer = support::visitor::knock(addr, door, hello.clone()).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{door}");
        assert_ne!(answer.header("retry-after"), "");
    }
    for mut page in pages {
        let (heard, end) = page.hear_out().await;
        assert_eq!(heard.last().unwrap()["t"], "goaway");
        assert_eq!(end, Got::Close(4503, "going away".to_owned()));
    }
    in_time("the end", gone).await.unwrap();
}
