//! Writes that are said on the connection: over each way, done once whichever way they come, by whom they are, in their
//! order, within bounds, and never more than a request may do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod support;

use std::net::SocketAddr;

use everfresh_server::{Config, Hidden, Rate, Secret, Tokens};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use support::visitor::{SECRET, Visitor, WAYS, Way, token};
use support::{Answer, Folder, Page, config, get, kept, request, start, until};

fn mutation(id: u64, key: &str, method: &str, path: &str, body: &Value) -> Value {
    json!({ "t": "mut", "id": id, "key": key, "method": method, "path": path, "body": body })
}

fn made(id: u64, key: &str, title: &str) -> Value {
    mutation(id, key, "POST", "/api/tasks", &json!({ "title": title }))
}

/// Says it, and hears the answer.
async fn answer(visitor: &mut Visitor, message: &Value) -> Value {
    visitor.say(message).await;
    loop {
        let heard = visitor.hear().await;
        if heard["id"] == message["id"] && (heard["t"] == "ack" || heard["t"] == "err") {
            return heard;
        }
    }
}

async fn over_http(addr: SocketAddr, key: &str, body: &Value) -> Answer {
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", key),
    ];
    request(addr, Method::POST, "/api/tasks", &headers, body.to_string()).await
}

async fn titled(addr: SocketAddr, title: &str) -> usize {
    let tasks = get(addr, "/api/tasks").await.json();
    let tasks = tasks.as_array().unwrap();
    tasks.iter().filter(|task| task["title"] == title).count()
}

/// Only those with a token come in, and rules say what each may do.
fn signed(folder: &Folder, rules: &str) -> Config {
    let file = folder.path("rules.toml");
    std::fs::write(&file, rules).unwrap();
    Config {
        rules: Some(file),
        tokens: Tokens {
            secret: Some(Hidden::new(SECRET)),
            ..Tokens::default()
        },
        demo: false,
        ..config()
    }
}

const EDITORS: &str = "[[channel]]\nname = \"*\"\nroles = [\"*\"]\nmay = [\"subscribe\"]\n\
                       [[channel]]\nname = \"*\"\nroles = [\"editor\"]\nmay = [\"publish\"]\n";

#[tokio::test]
async fn a_mutation_is_a_request_over_each_way() {
    let server = start(config()).await;
    let addr = server.addr();
    for way in WAYS {
        let mut visitor = Visitor::come(way, addr, &format!("tab-{way:?}"), "demo:jane").await;
        let sub = json!({ "t": "sub", "id": 1, "ch": "tasks" });
        visitor.hear_after(&sub, "subd").await;
        let (key, title) = (format!("k-{way:?}"), format!("By {way:?}"));
        visitor.say(&made(2, &key, &title)).await;
        let (mut ack, mut event) = (Value::Null, Value::Null);
        while ack.is_null() || event.is_null() {
            let heard = visitor.hear().await;
            match heard["t"].as_str() {
                Some("ack") => ack = heard,
                Some("ev") => event = heard,
                _ => panic!("{heard}"),
            }
        }
        assert_eq!((&ack["id"], &ack["status"]), (&json!(2), &json!(201)));
        assert_eq!(ack["body"]["title"], title);
        let path = format!("/api/tasks/{}", ack["body"]["id"].as_str().unwrap());
        let fetched = get(addr, &path).await;
        assert_eq!(
            (fetched.json(), fetched.header("etag")),
            (ack["body"].clone(), ack["etag"].as_str().unwrap())
        );
        assert_eq!(
            (&event["name"], &event["by"], &event["data"]),
            (
                &json!("task_created"),
                &json!(format!("tab-{way:?}")),
                &ack["body"]
            )
        );
        let history = get(addr, &format!("{path}/history")).await.json();
        assert_eq!(history["changes"][0]["user"], "jane");

        // Once more, on this connection, on another one by each way, and by a request.
        let again = answer(&mut visitor, &made(2, &key, &title)).await;
        assert_eq!(again, ack);
        drop(visitor);
        for other in WAYS {
            let mut other = Visitor::come(other, addr, "another", "demo:jane").await;
            assert_eq!(answer(&mut other, &made(2, &key, &title)).await, ack);
        }
        assert_eq!(titled(addr, &title).await, 1);

        let mut visitor = Visitor::come(way, addr, "tab", "demo:jane").await;
        let delete = json!({ "t": "mut", "id": 3, "key": format!("d-{way:?}"), "method": "DELETE", "path": path });
        for _ in 0..2 {
            assert_eq!(
                answer(&mut visitor, &delete).await,
                json!({ "t": "ack", "id": 3, "status": 204 })
            );
        }
        assert_eq!(get(addr, &path).await.status, StatusCode::NOT_FOUND);
    }
    server.shutdown().await;
}

#[tokio::test]
async fn one_key_is_one_write_over_http_and_on_connections() {
    let server = start(config()).await;
    let addr = server.addr();
    let mut page = Visitor::come(Way::Socket, addr, "tab", "").await;
    let body = json!({ "title": "Both" });
    let asked = over_http(addr, "one", &body).await;
    let said = answer(&mut page, &made(1, "one", "Both")).await;
    assert_eq!(
        (&said["status"], &said["body"]),
        (&json!(201), &asked.json())
    );
    assert_eq!(said["etag"], asked.header("etag"));

    let said = answer(&mut page, &made(2, "two", "Both")).await;
    let asked = over_http(addr, "two", &body).await;
    assert_eq!(
        (asked.status.as_u16(), asked.json()),
        (201, said["body"].clone())
    );
    assert_eq!(titled(addr, "Both").await, 2);

    let other = answer(&mut page, &made(3, "one", "Another")).await;
    assert_eq!(
        [
            &other["t"],
            &other["code"],
            &other["status"],
            &other["path"],
            &other["retry"]
        ],
        [
            &json!("err"),
            &json!("bad_request"),
            &json!(422),
            &json!("key"),
            &json!(false)
        ]
    );
    // Of the same at the same time, over both, one is done.
    page.say(&made(4, "three", "At once")).await;
    let many: Vec<_> = (0..8)
        .map(|_| {
            tokio::spawn(
                async move { over_http(addr, "three", &json!({ "title": "At once" })).await },
            )
        })
        .collect();
    let ack = page.hear_of("ack").await;
    for one in many {
        assert_eq!(one.await.unwrap().json(), ack["body"]);
    }
    assert_eq!(titled(addr, "At once").await, 1);
    server.shutdown().await;
}

#[tokio::test]
async fn another_person_learns_nothing_by_the_key_of_somebody_else() {
    let server = start(config()).await;
    let addr = server.addr();
    let mut jane = Visitor::come(Way::Socket, addr, "tab-1", "demo:jane").await;
    assert_eq!(answer(&mut jane, &made(1, "k", "Hers")).await["t"], "ack");
    let mut bob = Visitor::come(Way::Stream, addr, "tab-2", "demo:bob").await;
    let refused = answer(&mut bob, &made(1, "k", "Hers")).await;
    assert_eq!(
        (&refused["t"], &refused["status"]),
        (&json!("err"), &json!(422))
    );
    assert_eq!(refused.get("body"), None);
    server.shutdown().await;
}

#[tokio::test]
async fn they_are_done_in_their_order_and_hold_nothing_up() {
    let folder = Folder::new("mutations-order");
    let server = start(kept(&folder)).await;
    for (task, way) in WAYS.into_iter().enumerate() {
        let mut page = Visitor::come(way, server.addr(), "tab", "").await;
        let path = format!("/api/tasks/{}", task + 1);
        let title = |n: u64| json!({ "title": format!("Title {n}") });
        let mut lines: Vec<String> = (0..30)
            .map(|n| mutation(n, &format!("{way:?}-{n}"), "PATCH", &path, &title(n)).to_string())
            .collect();
        lines.push(json!({ "t": "ping", "n": 99 }).to_string());
        page.say_raw(&lines.join("\n")).await;
        let (mut next, mut alive) = (0, false);
        while next < 30 {
            let heard = page.hear().await;
            if heard["t"] == "pong" {
                alive = true;
                continue;
            }
            assert_eq!((&heard["t"], &heard["id"]), (&json!("ack"), &json!(next)));
            assert_eq!(heard["body"]["version"], next + 2);
            assert_eq!(heard["body"]["title"], title(next)["title"]);
            next += 1;
        }
        assert!(alive, "the sign of life waited for 30 transactions");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn what_is_refused_says_why_whether_to_try_again_and_what_is_there() {
    let server = start(config()).await;
    let addr = server.addr();
    for way in WAYS {
        let mut page = Visitor::come(way, addr, &format!("t-{way:?}"), "").await;
        let k = |name: &str| format!("{name}-{way:?}");
        let task = answer(&mut page, &made(1, &k("a"), "First")).await;
        let path = format!("/api/tasks/{}", task["body"]["id"].as_str().unwrap());
        let patch = |id: u64, key: &str, body: &Value| mutation(id, &k(key), "PATCH", &path, body);
        let mut over = patch(2, "b", &json!({ "title": "Second" }));
        over["match"] = task["etag"].clone();
        let second = answer(&mut page, &over).await;
        assert_eq!(second["body"]["version"], 2);
        let mut late = patch(3, "c", &json!({ "title": "Late" }));
        late["match"] = task["etag"].clone();
        let refused = answer(&mut page, &late).await;
        assert_eq!(
            [
                &refused["t"],
                &refused["code"],
                &refused["status"],
                &refused["retry"]
            ],
            [&json!("err"), &json!("changed"), &json!(412), &json!(false)]
        );
        assert_eq!(refused["cur"], second["body"]);

        let lock = json!({ "t": "lock", "id": 4, "ch": "tasks", "key": k("title"), "ttl": 60000 });
        let old = page.hear_after(&lock, "lockd").await["fence"].clone();
        let new = page.hear_after(&lock, "lockd").await["fence"].clone();
        for (n, fence, wanted) in [(5, old, json!("stale_fence")), (6, new, Value::Null)] {
            let mut fenced = patch(n, &format!("f{n}"), &json!({ "title": format!("{n}") }));
            fenced["fences"] = json!(format!("{fence};tasks;{}", k("title")));
            let heard = answer(&mut page, &fenced).await;
            assert_eq!(heard["code"], wanted, "{heard}");
        }
        let wrong = answer(&mut page, &patch(7, "g", &json!({ "status": "lost" }))).await;
        assert_eq!(
            [&wrong["code"], &wrong["path"], &wrong["retry"]],
            [&json!("bad_request"), &json!("status"), &json!(false)]
        );
        let mut stamped = patch(8, "h", &json!({ "title": "x" }));
        stamped["stamp"] = json!("yesterday");
        assert_eq!(answer(&mut page, &stamped).await["path"], "stamp");
        page.hears_nothing().await;
    }
    server.shutdown().await;
}

#[tokio::test]
async fn who_may_not_write_by_a_request_may_not_on_a_connection() {
    let folder = Folder::new("mutations-rights");
    let mut config = signed(&folder, EDITORS);
    config.publish_key = Some(Secret::new("a-key-of-the-tests-that-publishes".to_owned()).unwrap());
    let server = start(config).await;
    let addr = server.addr();
    let editor = token("jane", 60, &json!({ "role": "editor" }));
    for way in WAYS {
        let mut reader = Visitor::come(way, addr, "tab-1", &token("bob", 60, &json!({}))).await;
        let refused = answer(&mut reader, &made(1, "k", "Not his")).await;
        assert_eq!(
            [
                &refused["t"],
                &refused["code"],
                &refused["status"],
                &refused["retry"]
            ],
            [
                &json!("err"),
                &json!("forbidden"),
                &json!(403),
                &json!(false)
            ]
        );
        let mut jane = Visitor::come(way, addr, "tab-2", &editor).await;
        assert_eq!(answer(&mut jane, &made(1, "k", "Hers")).await["t"], "ack");
        let patch = mutation(2, "p", "PATCH", "/api/tasks/1", &json!({ "title": "His" }));
        assert_eq!(answer(&mut reader, &patch).await["code"], "forbidden");
        // The key of a backend is none that a connection has.
        let event = json!({ "channel": "tasks", "name": "n", "data": 1 });
        let publish = mutation(3, "e", "POST", "/api/publish", &event);
        assert_eq!(answer(&mut jane, &publish).await["code"], "unauthorized");
        // Another token takes the right from the connection that goes on.
        let lesser = json!({ "t": "auth", "id": 4, "token": token("jane", 60, &json!({})) });
        jane.hear_after(&lesser, "authd").await;
        let refused = answer(&mut jane, &made(5, "k2", "Hers no more")).await;
        assert_eq!(refused["code"], "forbidden");
        jane.hears_nothing().await;
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_right_that_is_taken_by_the_rules_is_gone_at_once() {
    let folder = Folder::new("mutations-rules");
    let mut config = signed(&folder, EDITORS);
    config.reload = std::time::Duration::from_millis(10);
    let rules = config.rules.clone().unwrap();
    let server = start(config).await;
    let addr = server.addr();
    let editor = token("jane", 60, &json!({ "role": "editor" }));
    let mut jane = Visitor::come(Way::Socket, addr, "tab", &editor).await;
    assert_eq!(answer(&mut jane, &made(0, "k", "Hers")).await["t"], "ack");
    let sub = json!({ "t": "sub", "id": 9, "ch": "tasks" });
    jane.hear_after(&sub, "subd").await;
    std::fs::write(&rules, "").unwrap();
    jane.hear_of("unsubd").await;
    let refused = answer(&mut jane, &made(1, "k1", "Too late")).await;
    assert_eq!(refused["code"], "forbidden");
    server.shutdown().await;
}

#[tokio::test]
async fn what_one_may_ask_for_counts_messages_and_requests_together() {
    let folder = Folder::new("mutations-rate");
    let mut config = signed(&folder, EDITORS);
    config.limits.requests = Rate {
        at_once: 5,
        a_second: 1,
    };
    let server = start(config).await;
    let editor = token("jane", 60, &json!({ "role": "editor" }));
    let mut jane = Visitor::come(Way::Poll, server.addr(), "tab", &editor).await;
    let mut refused = Value::Null;
    for n in 0..20 {
        refused = answer(&mut jane, &made(n, &format!("k{n}"), "Many")).await;
        if refused["t"] == "err" {
            break;
        }
    }
    assert_eq!(
        [&refused["code"], &refused["status"], &refused["retry"]],
        [&json!("rate_limited"), &json!(429), &json!(true)]
    );
    assert!(
        refused["retry_after"].as_u64().unwrap() >= 1000,
        "{refused}"
    );
    jane.hears_nothing().await;
    server.shutdown().await;
}

#[tokio::test]
async fn so_many_wait_for_their_answer_and_one_more_is_refused_and_not_done() {
    let folder = Folder::new("mutations-many");
    let mut config = kept(&folder);
    config.limits.mutations_max = 2;
    let server = start(config).await;
    let addr = server.addr();
    let mut page = Page::welcomed(addr, "tab").await;
    let all: Vec<String> = (0..50)
        .map(|n| made(n, &format!("k{n}"), &format!("Many {n}")).to_string())
        .collect();
    page.send(tokio_tungstenite::tungstenite::Message::text(
        all.join("\n"),
    ))
    .await;
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    while done.len() + refused.len() < 50 {
        let heard = page.hear().await;
        let id = heard["id"].as_u64().unwrap();
        if heard["t"] == "ack" {
            done.push(id);
        } else {
            assert_eq!(
                (&heard["code"], &heard["retry"]),
                (&json!("too_many_muts"), &json!(true)),
                "{heard}"
            );
            refused.push(id);
        }
    }
    assert!(
        done.len() >= 2 && !refused.is_empty(),
        "{done:?} {refused:?}"
    );
    assert!(done.is_sorted(), "{done:?}");
    for n in &refused {
        assert_eq!(titled(addr, &format!("Many {n}")).await, 0);
    }
    // Said again, they are done: nothing is remembered of a refusal.
    for n in refused {
        page.say(&made(n, &format!("k{n}"), &format!("Many {n}")))
            .await;
        assert_eq!(page.hear_of("ack").await["id"], n);
    }
    for n in 0..50 {
        assert_eq!(titled(addr, &format!("Many {n}")).await, 1);
    }
    server.shutdown().await;
}

#[tokio::test]
async fn nobody_reaches_more_by_a_message_than_by_a_request() {
    let folder = Folder::new("mutations-hostile");
    let mut config = config();
    config.audit = Some(folder.path("audit"));
    let server = start(config).await;
    let addr = server.addr();
    let mut other = Page::welcomed(addr, "other").await;
    for way in WAYS {
        let mut page = Visitor::come(way, addr, "tab", "").await;
        let mut id = 100;
        for (field, value, code) in [
            ("path", json!("/demo/cut"), "not_found"),
            ("path", json!("/demo/restart"), "not_found"),
            ("path", json!("/live/send"), "not_found"),
            ("path", json!("/api/../demo/cut"), "not_found"),
            ("path", json!("/api/%2e%2e/demo/cut"), "not_found"),
            ("path", json!("//api/tasks"), "not_found"),
            ("path", json!("/api/nothing"), "not_found"),
            ("path", json!("/api/tasks/1/history"), "bad_request"),
            ("path", json!("http://127.0.0.1/api/tasks"), "bad_request"),
            ("path", json!("*"), "bad_request"),
            (
                "path",
                json!("/api/tasks HTTP/1.1\r\nhost: x"),
                "bad_request",
            ),
            (
                "path",
                json!(format!("/api/{}", "x".repeat(2000))),
                "bad_request",
            ),
            ("method", json!("CONNECT"), "bad_request"),
            ("method", json!("GET"), "bad_request"),
            ("method", json!("PUT"), "bad_request"),
            ("key", json!(""), "bad_request"),
            ("key", json!("k\r\nauthorization: Bearer x"), "bad_request"),
            ("key", json!("ключ"), "bad_request"),
            ("match", json!("\"a\"\r\nx: y"), "bad_request"),
            ("fences", json!("nothing"), "bad_request"),
            ("body", json!([1]), "bad_request"),
            ("body", Value::Null, "bad_request"),
            ("body", json!("{\"title\":\"x\"}"), "bad_request"),
        ] {
            id += 1;
            let mut message = made(id, "k", "Never");
            message[field] = value;
            page.say_raw(&message.to_string()).await;
            let heard = page.hear().await;
            assert_eq!(
                [&heard["t"], &heard["id"], &heard["code"], &heard["retry"]],
                [&json!("err"), &json!(id), &json!(code), &json!(false)],
                "{message}: {heard}"
            );
        }
        page.hears_nothing().await;
        // A body that only nests.
        let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
        let head = r#"{"t":"mut","id":7,"key":"k","method":"POST","path":"/api/tasks","body":"#;
        page.say_raw(&format!("{head}{deep}}}")).await;
        assert_eq!(page.hear_of("err").await["id"], 7);
        page.hears_nothing().await;
    }
    other.hears_nothing().await;
    assert_eq!(titled(addr, "Never").await, 0);
    server.shutdown().await;
}

#[tokio::test]
async fn what_is_no_mutation_ends_the_connection() {
    let server = start(config()).await;
    let addr = server.addr();
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let large = format!("\"{}\"", "x".repeat(70_000));
    for (rest, socket, others) in [
        (
            r#""method":"POST","path":"/api/tasks""#.to_owned(),
            4400,
            400,
        ),
        (
            r#""key":1,"method":"POST","path":"/api/tasks""#.to_owned(),
            4400,
            400,
        ),
        (r#""key":"k","path":"/api/tasks""#.to_owned(), 4400, 400),
        (r#""key":"k","method":"POST""#.to_owned(), 4400, 400),
        (
            r#""key":"k","key":"l","method":"POST","path":"/api/tasks""#.to_owned(),
            4400,
            400,
        ),
        (
            r#""key":"k","method":"POST","path":"/api/tasks","match":7"#.to_owned(),
            4400,
            400,
        ),
        (
            format!(r#""key":"k","method":"POST","path":"/api/tasks","body":{deep}"#),
            4400,
            400,
        ),
        (
            format!(r#""key":"k","method":"POST","path":"/api/tasks","body":{{"title":{large}}}"#),
            4413,
            413,
        ),
    ] {
        for way in WAYS {
            let mut page = Visitor::come(way, addr, "tab", "").await;
            page.say_raw(&format!(r#"{{"t":"mut","id":1,{rest}}}"#))
                .await;
            if others == 413 && !matches!(way, Way::Socket) {
                // The request is refused, and the connection never heard of it.
                page.hears_nothing().await;
                continue;
            }
            let wanted = if socket == 4413 {
                "too_large"
            } else {
                "bad_request"
            };
            let heard = page.hear().await;
            assert_eq!(
                (&heard["t"], &heard["code"]),
                (&json!("err"), &json!(wanted))
            );
            let end = page.hear_or_end().await.unwrap_err();
            let wanted: &[u16] = match way {
                Way::Socket => &[socket],
                Way::Stream => &[0],
                Way::Poll => &[others, 404, 410],
            };
            assert!(wanted.contains(&end), "{way:?}: {end}");
        }
    }
    // Nobody writes who has not said who they are.
    let mut page = Page::connect(addr).await;
    page.say(&made(1, "k", "Nobody's")).await;
    let (heard, end) = page.hear_out().await;
    assert_eq!(heard[0]["code"], "bad_request");
    assert_eq!(end, support::Got::Close(4400, "bad message".to_owned()));
    assert_eq!(titled(addr, "Nobody's").await, 0);
    server.shutdown().await;
}

#[tokio::test]
async fn who_wrote_what_by_which_way_is_written_down_and_counted() {
    let folder = Folder::new("mutations-audit");
    let mut config = config();
    config.audit = Some(folder.path("audit"));
    let server = start(config).await;
    let addr = server.addr();
    for way in WAYS {
        let mut page = Visitor::come(way, addr, &format!("tab-{way:?}"), "demo:jane").await;
        answer(&mut page, &made(1, &format!("k-{way:?}"), "A secret title")).await;
        let elsewhere = made(2, "k", "x");
        let mut elsewhere = elsewhere.clone();
        elsewhere["path"] = json!("/demo/cut");
        answer(&mut page, &elsewhere).await;
    }
    let read = || {
        let text = std::fs::read_to_string(folder.path("audit")).unwrap_or_default();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let lines = whole
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        (text.clone(), lines.collect::<Vec<Value>>())
    };
    for (way, transport) in WAYS.into_iter().zip(["websocket", "sse", "poll"]) {
        for (event, status) in [("write", json!(201)), ("refuse", Value::Null)] {
            until("a line of the audit log", || async {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                read().1.iter().any(|line| {
                    line["event"] == event
                        && line["status"] == status
                        && line["transport"] == transport
                        && line["connection"].is_u64()
                        && line["client"] == format!("tab-{way:?}")
                        && line["user"] == "jane"
                })
            })
            .await;
        }
    }
    let (text, _) = read();
    assert!(!text.contains("A secret title") && !text.contains("k-Socket"));
    let metrics = get(addr, "/metrics").await;
    let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();
    assert!(
        metrics.contains("method=\"POST\",status=\"201\""),
        "{metrics}"
    );
    server.shutdown().await;
}
