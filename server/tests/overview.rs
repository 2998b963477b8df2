//! What the demo shows of a project beside its tasks: worked out from them, and with a tag that is new when it is.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod support;

use std::net::SocketAddr;

use everfresh_server::Config;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use support::{config, get, request, send, start};

const ADDRESSES: [&str; 4] = [
    "/api/projects",
    "/api/counts",
    "/api/activity",
    "/api/members",
];

async fn write(addr: SocketAddr, user: &str, method: Method, path: &str, body: Value) -> Value {
    let token = format!("Bearer demo:{user}");
    let headers = [
        ("content-type", "application/json"),
        ("authorization", token.as_str()),
    ];
    let answer = request(addr, method, path, &headers, body.to_string()).await;
    assert!(answer.status.is_success(), "{answer:?}");
    answer.json()
}

#[tokio::test]
async fn it_says_how_far_each_project_is_and_who_did_what() {
    let server = start(config()).await;
    let addr = server.addr();
    let tally = |project: &str, todo: u64, doing: u64, done: u64| json!({ "project": project, "todo": todo, "doing": doing, "done": done });
    let projects = get(addr, "/api/projects").await.json();
    assert_eq!(
        projects,
        json!([
            tally("spring-fair", 1, 2, 1),
            tally("warehouse", 2, 1, 1),
            tally("website", 2, 1, 1),
        ])
    );
    assert_eq!(
        get(addr, "/api/counts").await.json(),
        json!({ "project": null, "todo": 5, "doing": 4, "done": 3 })
    );
    // Nobody is known who made the tasks of the beginning: a line for each, and no member.
    let activity = get(addr, "/api/activity?project=website").await.json();
    assert_eq!(activity.as_array().unwrap().len(), 4);
    assert_eq!(get(addr, "/api/members").await.json(), json!([]));

    write(
        addr,
        "jane",
        Method::PATCH,
        "/api/tasks/3",
        json!({ "status": "done" }),
    )
    .await;
    write(
        addr,
        "john",
        Method::POST,
        "/api/tasks",
        json!({ "title": "Sweep aisle 4", "project": "warehouse" }),
    )
    .await;
    assert_eq!(
        get(addr, "/api/counts?project=website").await.json(),
        tally("website", 1, 1, 2)
    );
    let activity = get(addr, "/api/activity?project=website").await.json();
    let last = &activity[0];
    assert_eq!(
        (
            &last["task"],
            &last["field"],
            &last["from"],
            &last["to"],
            &last["user"]
        ),
        (
            &json!("3"),
            &json!("status"),
            &json!("todo"),
            &json!("done"),
            &json!("jane")
        )
    );
    let users = |members: Value| {
        let members = members.as_array().unwrap().clone();
        let one = |member: &Value| (member["user"].clone(), member["changes"].clone());
        members.iter().map(one).collect::<Vec<_>>()
    };
    assert_eq!(
        users(get(addr, "/api/members").await.json()),
        [(json!("jane"), json!(1)), (json!("john"), json!(1))]
    );
    assert_eq!(
        users(get(addr, "/api/members?project=warehouse").await.json()),
        [(json!("john"), json!(1))]
    );
    server.shutdown().await;
}

#[tokio::test]
async fn a_project_of_which_nothing_changed_is_answered_with_304() {
    let server = start(config()).await;
    let addr = server.addr();
    let again = async |path: &str, tag: &str| {
        request(addr, Method::GET, path, &[("if-none-match", tag)], "")
            .await
            .status
    };
    let mut tags = Vec::new();
    for address in ADDRESSES {
        for path in [address.to_owned(), format!("{address}?project=website")] {
            let tag = get(addr, &path).await.header("etag").to_owned();
            assert_eq!(again(&path, &tag).await, StatusCode::NOT_MODIFIED, "{path}");
            tags.push((path, tag));
        }
    }
    let elsewhere = json!({ "title": "Sweep aisle 4", "project": "warehouse" });
    send(addr, Method::POST, "/api/tasks", &elsewhere).await;
    for (path, tag) in tags {
        let same = path.ends_with("=website");
        let status = if same {
            StatusCode::NOT_MODIFIED
        } else {
            StatusCode::OK
        };
        assert_eq!(again(&path, &tag).await, status, "{path}");
    }
    for address in ADDRESSES {
        let bad = get(addr, &format!("{address}?project=a%20b")).await;
        assert_eq!(bad.status, StatusCode::BAD_REQUEST, "{address}");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn it_is_there_with_the_demo_only() {
    let server = start(Config {
        demo: false,
        ..config()
    })
    .await;
    for address in ADDRESSES {
        let answer = get(server.addr(), address).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{address}");
    }
    server.shutdown().await;
}
