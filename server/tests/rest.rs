//! `/api/tasks`: answers, ETags, refusals, and the one event that each write makes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod support;

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use support::{Page, config, get, publish, request, send, start};

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn a_list_is_answered_with_304_as_long_as_it_is_the_same() {
    let server = start(config()).await;
    let addr = server.addr();
    let list = get(addr, "/api/tasks").await;
    assert_eq!(
        (list.status, list.header("cache-control")),
        (StatusCode::OK, "no-cache")
    );
    assert_eq!(list.json().as_array().unwrap().len(), 12);
    let tag = list.header("etag").to_owned();
    assert!(tag.starts_with('"'), "a strong tag: {tag}");

    for known in [
        tag.clone(),
        format!("W/{tag}"),
        format!("\"other\", {tag}"),
        "*".to_owned(),
    ] {
        let answer = request(
            addr,
            Method::GET,
            "/api/tasks",
            &[("if-none-match", &known)],
            "",
        )
        .await;
        assert_eq!(
            (answer.status, answer.body.len()),
            (StatusCode::NOT_MODIFIED, 0),
            "{known}"
        );
        assert_eq!(
            (answer.header("etag"), answer.header("cache-control")),
            (tag.as_str(), "no-cache")
        );
    }
    // An event that tells of no write leaves the list as it is.
    let burst = send(addr, Method::POST, "/demo/burst", &json!({ "count": 3 })).await;
    assert_eq!(
        burst.json(),
        json!({ "channel": "tasks", "count": 3, "last": 15 })
    );
    let answer = request(
        addr,
        Method::GET,
        "/api/tasks",
        &[("if-none-match", &tag)],
        "",
    )
    .await;
    assert_eq!(answer.status, StatusCode::NOT_MODIFIED);

    let changed = send(
        addr,
        Method::PATCH,
        "/api/tasks/2",
        &json!({ "status": "done" }),
    )
    .await;
    assert_eq!(
        (changed.status, &changed.json()["version"]),
        (StatusCode::OK, &json!(2))
    );
    let answer = request(
        addr,
        Method::GET,
        "/api/tasks",
        &[("if-none-match", &tag)],
        "",
    )
    .await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_ne!(answer.header("etag"), tag);
    assert_eq!(answer.json()[1], changed.json());

    let stats = get(addr, "/demo/stats").await.json();
    assert_eq!(
        (&stats["requests_total"], &stats["not_modified_total"]),
        (&json!(8), &json!(5))
    );
    server.shutdown().await;
}

#[tokio::test]
async fn a_project_has_its_own_list_and_tag() {
    let server = start(config()).await;
    let addr = server.addr();
    let website = get(addr, "/api/tasks?project=website").await;
    let projects: Vec<Value> = website
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|task| task["project"].clone())
        .collect();
    assert_eq!(projects, ["website"; 4]);
    let elsewhere = json!({ "title": "Sweep aisle 4", "project": "warehouse" });
    assert_eq!(
        send(addr, Method::POST, "/api/tasks", &elsewhere)
            .await
            .status,
        StatusCode::CREATED
    );
    let tag = website.header("etag");
    let again = request(
        addr,
        Method::GET,
        "/api/tasks?project=website",
        &[("if-none-match", tag)],
        "",
    )
    .await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    assert_eq!(get(addr, "/api/tasks?project=none").await.json(), json!([]));
    assert_eq!(
        get(addr, "/api/tasks?project=a:b").await.status,
        StatusCode::BAD_REQUEST
    );
    server.shutdown().await;
}

#[tokio::test]
async fn each_write_is_exactly_one_event_in_each_channel() {
    let server = start(config()).await;
    let addr = server.addr();
    let mut page = Page::welcomed(addr, "reader").await;
    let all = page.subscribe("tasks", None).await["pos"]["s"]
        .as_u64()
        .unwrap();
    let part = page.subscribe("project:website", None).await["pos"]["s"]
        .as_u64()
        .unwrap();
    assert_eq!((all, part), (12, 4));

    let headers = [JSON, ("everfresh-client", "writer-1")];
    let body = json!({ "title": "  Write the press release ", "project": "website" }).to_string();
    let made = request(addr, Method::POST, "/api/tasks", &headers, body).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let made = made.json();
    assert_eq!(
        (&made["title"], &made["version"]),
        (&json!("Write the press release"), &json!(1))
    );
    let id = made["id"].as_str().unwrap().to_owned();
    for (channel, s) in [("tasks", 13), ("project:website", 5)] {
        let event = page.hear().await;
        assert_eq!(
            (&event["t"], &event["ch"], &event["s"]),
            (&json!("ev"), &json!(channel), &json!(s))
        );
        assert_eq!(
            (&event["name"], &event["by"]),
            (&json!("task_created"), &json!("writer-1"))
        );
        assert_eq!(event["data"], made);
    }

    let path = format!("/api/tasks/{id}");
    let changed = send(addr, Method::PATCH, &path, &json!({ "status": "doing" }))
        .await
        .json();
    let event = page.hear().await;
    assert_eq!(
        (&event["name"], &event["s"], &event["data"]),
        (&json!("task_updated"), &json!(14), &changed)
    );
    assert_eq!(event.get("by"), None);
    assert_eq!(page.hear().await["s"], 6);

    // What is already so is no change, and no event: else two tabs that echo each other would never rest.
    let same = send(addr, Method::PATCH, &path, &json!({ "status": "doing" })).await;
    assert_eq!((same.status, same.json()), (StatusCode::OK, changed));

    assert_eq!(
        request(addr, Method::DELETE, &path, &[], "").await.status,
        StatusCode::NO_CONTENT
    );
    let event = page.hear().await;
    assert_eq!(event["name"], "task_deleted");
    assert_eq!(
        (&event["s"], &event["data"]),
        (&json!(15), &json!({ "id": id }))
    );
    assert_eq!(page.hear().await["s"], 7);
    page.hears_nothing().await;
    server.shutdown().await;
}

#[tokio::test]
async fn a_task_without_a_project_is_on_the_main_channel_only() {
    let server = start(config()).await;
    let mut page = Page::welcomed(server.addr(), "reader").await;
    page.subscribe("tasks", None).await;
    send(
        server.addr(),
        Method::POST,
        "/api/tasks",
        &json!({ "title": "Call the bank", "project": null }),
    )
    .await;
    assert_eq!(page.hear().await["data"]["project"], Value::Null);
    page.hears_nothing().await;
    server.shutdown().await;
}

#[tokio::test]
async fn bad_input_is_refused_by_name_and_changes_nothing() {
    let server = start(config()).await;
    let addr = server.addr();
    let mut page = Page::welcomed(addr, "reader").await;
    page.subscribe("tasks", None).await;
    let long = "x".repeat(201);
    let create = [
        (json!({}), "title"),
        (json!({ "title": "  " }), "title"),
        (json!({ "title": long }), "title"),
        (json!({ "title": "a\nb" }), "title"),
        (json!({ "title": 7 }), "title"),
        (json!({ "title": "x", "status": "later" }), "status"),
        (json!({ "title": "x", "project": "a b" }), "project"),
    ];
    for (body, path) in create {
        let answer = send(addr, Method::POST, "/api/tasks", &body).await;
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status, error["code"].as_str()),
            (StatusCode::BAD_REQUEST, Some("bad_request")),
            "{body}"
        );
        assert_eq!(
            (&error["path"], &error["retry"]),
            (&json!(path), &json!(false))
        );
        assert!(!error["message"].as_str().unwrap().is_empty());
    }
    for body in ["", "{", "[]", "7", "\u{fffd}", "{\"title\":\"x\"} x"] {
        let answer = request(addr, Method::POST, "/api/tasks", &[JSON], body).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]["code"]),
            (StatusCode::BAD_REQUEST, &json!("bad_request"))
        );
    }
    assert_eq!(
        request(addr, Method::POST, "/api/tasks", &[JSON], vec![0xff; 10])
            .await
            .status,
        StatusCode::BAD_REQUEST
    );

    let patch = |path: &'static str, body: Value| async move {
        send(addr, Method::PATCH, path, &body).await
    };
    assert_eq!(
        patch("/api/tasks/1", json!({ "titel": "x" })).await.status,
        StatusCode::BAD_REQUEST
    );
    for path in [
        "/api/tasks/999",
        "/api/tasks/01",
        "/api/tasks/x",
        "/api/tasks/-1",
    ] {
        assert_eq!(
            patch(path, json!({ "title": "x" })).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
        assert_eq!(
            request(addr, Method::DELETE, path, &[], "").await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    let large = json!({ "title": "x".repeat(70_000) });
    let answer = send(addr, Method::POST, "/api/tasks", &large).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["error"]["code"]),
        (413, &json!("too_large"))
    );
    // What a foreign page may send without being asked must not write.
    let form = request(
        addr,
        Method::POST,
        "/api/tasks",
        &[("content-type", "text/plain")],
        "{\"title\":\"x\"}",
    )
    .await;
    assert_eq!(form.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let headers = [JSON, ("everfresh-client", "a b")];
    let answer = request(
        addr,
        Method::POST,
        "/api/tasks",
        &headers,
        "{\"title\":\"x\"}",
    )
    .await;
    assert_eq!(
        (answer.status, &answer.json()["error"]["path"]),
        (StatusCode::BAD_REQUEST, &json!("everfresh-client"))
    );
    assert_eq!(
        get(addr, "/api/nothing").await.json()["error"]["code"],
        "not_found"
    );
    page.hears_nothing().await;
    server.shutdown().await;
}

#[tokio::test]
async fn collections_have_an_end() {
    let mut config = config();
    config.limits.tasks_max = 13;
    config.limits.channels_max = 5;
    config.limits.users_max = 2;
    let server = start(config).await;
    let addr = server.addr();
    let task = json!({ "title": "x" });
    assert_eq!(
        send(addr, Method::POST, "/api/tasks", &task).await.status,
        StatusCode::CREATED
    );
    let answer = send(addr, Method::POST, "/api/tasks", &task).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["error"]["code"]),
        (503, &json!("overloaded"))
    );
    // Four channels come with the example tasks.
    assert_eq!(publish(addr, "fifth", &task).await, 1);
    let body = json!({ "channel": "sixth", "name": "n" });
    assert_eq!(
        send(addr, Method::POST, "/api/publish", &body)
            .await
            .status
            .as_u16(),
        503
    );
    assert_eq!(publish(addr, "fifth", &task).await, 2);
    // Channels of people are counted for themselves.
    let to = async |user: &str| {
        let body = json!({ "user": user, "name": "n" });
        let answer = send(addr, Method::POST, "/api/publish", &body).await;
        answer.status.as_u16()
    };
    for (user, status) in [("ann", 200), ("bob", 200), ("cid", 503), ("ann", 200)] {
        assert_eq!(to(user).await, status, "{user}");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn without_demo_there_is_no_back_door() {
    let server = start(everfresh_server::Config {
        demo: false,
        ..config()
    })
    .await;
    let addr = server.addr();
    assert_eq!(get(addr, "/api/tasks").await.json(), json!([]));
    let event = json!({ "channel": "tasks", "name": "n" });
    assert_eq!(
        send(addr, Method::POST, "/api/publish", &event)
            .await
            .status,
        StatusCode::FORBIDDEN
    );
    for path in ["/demo/cut", "/demo/burst"] {
        assert_ne!(
            send(addr, Method::POST, path, &json!({ "count": 1 }))
                .await
                .status,
            StatusCode::OK,
            "{path}"
        );
    }
    assert_eq!(get(addr, "/demo/stats").await.status, StatusCode::NOT_FOUND);
    assert_eq!(get(addr, "/healthz").await.json(), json!({ "ok": true }));
    server.shutdown().await;
}
