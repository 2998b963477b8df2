//! PostgreSQL: writes of others are events, several servers share a database, and nothing is lost when the connection
//! that listens breaks. `server/tests/support` runs the other tests on it as well: `EVERFRESH_TEST_DATABASE=postgres`.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod support;

use everfresh_server::{Config, StartError, serve};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use support::postgres::{database, fresh, is_absent, run, with};
use support::{Page, config, get, publish, request, send, start, until};

const JSON: (&str, &str) = ("content-type", "application/json");

fn on(url: &str) -> Config {
    Config {
        database: Some(database(url)),
        ..config()
    }
}

/// The next event of a channel.
async fn event(page: &mut Page) -> Value {
    page.hear_of("ev").await
}

#[tokio::test]
async fn what_any_program_writes_is_an_event_with_a_version_and_a_history() {
    if is_absent() {
        return;
    }
    let url = fresh();
    let server = start(on(&url)).await;
    let addr = server.addr();
    let mut page = Page::welcomed(addr, "tab").await;
    page.subscribe("tasks", None).await;
    page.subscribe("project:website", None).await;
    page.subscribe("news", None).await;
    let before = get(addr, "/api/tasks").await;

    run(
        &url,
        "SET everfresh.person = 'jane'; UPDATE everfresh.task SET title = 'By hand' WHERE id = 1",
    );
    let first = event(&mut page).await;
    assert_eq!(
        (
            &first["ch"],
            &first["name"],
            &first["data"]["title"],
            &first["data"]["version"]
        ),
        (
            &json!("tasks"),
            &json!("task_updated"),
            &json!("By hand"),
            &json!(2)
        )
    );
    assert_eq!(event(&mut page).await["ch"], "project:website");
    // Whoever fetches because of it sees it, under another tag.
    let tag = before.header("etag");
    let after = request(
        addr,
        Method::GET,
        "/api/tasks",
        &[("if-none-match", tag)],
        "",
    )
    .await;
    assert_eq!(
        (after.status, &after.json()[0]["title"]),
        (StatusCode::OK, &json!("By hand"))
    );
    let history = get(addr, "/api/tasks/1/history").await.json();
    let change = &history["changes"][0];
    assert_eq!(
        (
            &change["field"],
            &change["to"],
            &change["user"],
            &change["version"]
        ),
        (
            &json!("title"),
            &json!("By hand"),
            &json!("jane"),
            &json!(2)
        )
    );
    // A page writes over it, and its stamp is greater although it was given by another clock.
    send(
        addr,
        Method::PATCH,
        "/api/tasks/1",
        &json!({ "title": "By page" }),
    )
    .await;
    let stamps = get(addr, "/api/tasks/1/history").await.json();
    let stamp = |n: usize| stamps["changes"][n]["stamp"].as_str().unwrap().to_owned();
    assert!(stamp(0) > stamp(1));
    for _ in 0..2 {
        assert_eq!(event(&mut page).await["data"]["title"], "By page");
    }

    // What is already so is nothing; what moves to another project leaves the first.
    run(
        &url,
        "UPDATE everfresh.task SET title = 'By page' WHERE id = 1",
    );
    run(
        &url,
        "UPDATE everfresh.task SET project = 'warehouse' WHERE id = 1",
    );
    let told = [event(&mut page).await, event(&mut page).await];
    assert_eq!(
        (&told[0]["name"], &told[0]["data"]["version"]),
        (&json!("task_updated"), &json!(4))
    );
    assert_eq!(
        (&told[1]["ch"], &told[1]["name"]),
        (&json!("project:website"), &json!("task_deleted"))
    );
    run(
        &url,
        "DELETE FROM everfresh.task WHERE id = 1; INSERT INTO everfresh.task (title) VALUES ('New')",
    );
    assert_eq!(event(&mut page).await["name"], "task_deleted");
    assert_eq!(event(&mut page).await["data"]["title"], "New");
    // Any other event, with what a page cannot have taken out: line feeds between tokens.
    run(
        &url,
        "SELECT everfresh.publish('news', 'n', E'{\"a\":\\n [1, 2.50]}')",
    );
    let news = event(&mut page).await;
    assert_eq!(
        (&news["s"], &news["data"]["a"][1]),
        (&json!(1), &json!(2.5))
    );
    page.hears_nothing().await;
    server.shutdown().await;
}

#[tokio::test]
async fn what_no_page_may_see_is_refused_by_the_database() {
    if is_absent() {
        return;
    }
    let url = fresh();
    let server = start(on(&url)).await;
    for statement in [
        "UPDATE everfresh.task SET status = 'lost' WHERE id = 1",
        "UPDATE everfresh.task SET title = '' WHERE id = 1",
        "UPDATE everfresh.task SET title = E'a\\nb' WHERE id = 1",
        "UPDATE everfresh.task SET project = 'a:b' WHERE id = 1",
        "UPDATE everfresh.task SET id = 99 WHERE id = 1",
        "TRUNCATE everfresh.task",
        "SELECT everfresh.publish('', 'n')",
        "SELECT everfresh.publish('news', E'a\\u0085')",
    ] {
        let refused = with(&url, move |client| client.batch_execute(statement).is_err());
        assert!(refused, "{statement}");
    }
    assert_eq!(
        get(server.addr(), "/api/tasks")
            .await
            .json()
            .as_array()
            .unwrap()
            .len(),
        12
    );
    server.shutdown().await;
}

#[tokio::test]
async fn two_servers_on_one_database_tell_of_all_writes_in_the_same_order() {
    if is_absent() {
        return;
    }
    let url = fresh();
    let (one, two) = (start(on(&url)).await, start(on(&url)).await);
    let mut pages = Vec::new();
    for server in [&one, &two] {
        let mut page = Page::welcomed(server.addr(), "tab").await;
        page.subscribe("storm", None).await;
        pages.push(page);
    }
    const EACH: u64 = 40;
    let write = async |addr, who: &str| {
        for n in 0..EACH {
            publish(addr, "storm", &json!([who, n])).await;
        }
    };
    let by_hand = {
        let url = url.clone();
        tokio::task::spawn_blocking(move || {
            for n in 0..EACH {
                run(
                    &url,
                    &format!("SELECT everfresh.publish('storm', 'n', '[\"hand\", {n}]')"),
                );
            }
        })
    };
    let ((), (), done) = tokio::join!(write(one.addr(), "one"), write(two.addr(), "two"), by_hand);
    done.unwrap();
    let mut heard = Vec::new();
    for page in &mut pages {
        let mut all = Vec::new();
        for s in 1..=3 * EACH {
            let event = event(page).await;
            assert_eq!(event["s"], s, "no hole, and none twice");
            all.push(event["data"].clone());
        }
        page.hears_nothing().await;
        heard.push(all);
    }
    assert_eq!(heard[0], heard[1]);
    for who in ["one", "two", "hand"] {
        let of: Vec<&Value> = heard[0]
            .iter()
            .filter(|data| data[0] == who)
            .map(|data| &data[1])
            .collect();
        assert_eq!(json!(of), json!((0..EACH).collect::<Vec<u64>>()));
    }
    // A position of one is good at the other: the epoch is the database's.
    let at = pages[0].subscribe("storm", None).await["pos"].clone();
    publish(one.addr(), "storm", &json!("last")).await;
    assert_eq!(event(&mut pages[1]).await["data"], "last");
    let mut late = Page::welcomed(two.addr(), "late").await;
    let answer = late.subscribe("storm", Some(&at)).await;
    assert_eq!(
        (&answer["recovered"], &answer["missed"][0]["data"]),
        (&json!(true), &json!("last"))
    );
    one.shutdown().await;
    two.shutdown().await;
}

#[tokio::test]
async fn a_write_that_reaches_two_servers_is_done_once() {
    if is_absent() {
        return;
    }
    let url = fresh();
    let (one, two) = (start(on(&url)).await, start(on(&url)).await);
    for round in 0..10 {
        let key = format!("k{round}");
        let body = json!({ "title": key }).to_string();
        let headers = [JSON, ("idempotency-key", key.as_str())];
        let ask = |addr| request(addr, Method::POST, "/api/tasks", &headers, body.clone());
        let (a, b) = tokio::join!(ask(one.addr()), ask(two.addr()));
        assert_eq!(
            (a.status, b.status),
            (StatusCode::CREATED, StatusCode::CREATED)
        );
        assert_eq!(a.json(), b.json());
    }
    let tasks = get(one.addr(), "/api/tasks").await.json();
    assert_eq!(tasks.as_array().unwrap().len(), 12 + 10);
    one.shutdown().await;
    two.shutdown().await;
}

#[tokio::test]
async fn a_lease_holds_on_all_servers() {
    if is_absent() {
        return;
    }
    let url = fresh();
    let (one, two) = (start(on(&url)).await, start(on(&url)).await);
    let lock = json!({ "t": "lock", "id": 1, "ch": "tasks", "key": "1/title", "ttl": 60_000 });
    let mut jane = Page::welcomed(one.addr(), "jane").await;
    jane.say(&lock).await;
    let fence = jane.hear_of("lockd").await["fence"].as_u64().unwrap();
    let mut bob = Page::welcomed(two.addr(), "bob").await;
    bob.say(&lock).await;
    assert_eq!(bob.hear_of("err").await["code"], "locked");
    // Bob goes, and takes nothing of Jane's along: connections of two servers are not mixed up.
    drop(bob);
    let held = format!("{fence};tasks;1%2Ftitle");
    let headers = [JSON, ("everfresh-fence", held.as_str())];
    let write = request(
        two.addr(),
        Method::PATCH,
        "/api/tasks/1",
        &headers,
        json!({ "title": "Hers" }).to_string(),
    );
    assert_eq!(write.await.status, StatusCode::OK);
    one.shutdown().await;
    two.shutdown().await;
}

/// Ends sessions of the server, as a failing network or an operator does.
fn cut(url: &str, application: &'static str) -> bool {
    with(url, move |client| {
        let cut = client.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = $1",
            &[&application],
        );
        !cut.unwrap().is_empty()
    })
}

#[tokio::test]
async fn what_is_written_while_nobody_listens_is_heard_when_somebody_listens_again() {
    if is_absent() {
        return;
    }
    let url = fresh();
    let server = start(on(&url)).await;
    let addr = server.addr();
    let mut page = Page::welcomed(addr, "tab").await;
    page.subscribe("news", None).await;
    let mut next = 0;
    for _ in 0..3 {
        until("somebody to listen", async || cut(&url, "everfresh-feed")).await;
        // Written while the connection is down, or comes up: both are told of, in order.
        for _ in 0..5 {
            run(
                &url,
                &format!("SELECT everfresh.publish('news', 'n', '{next}')"),
            );
            next += 1;
        }
        publish(addr, "news", &json!(next)).await;
        next += 1;
        for n in next - 6..next {
            let event = event(&mut page).await;
            assert_eq!((&event["s"], &event["data"]), (&json!(n + 1), &json!(n)));
        }
    }
    page.hears_nothing().await;
    server.shutdown().await;
}

#[tokio::test]
async fn a_server_whose_connection_is_cut_connects_anew_and_goes_on() {
    if is_absent() {
        return;
    }
    let url = fresh();
    let server = start(on(&url)).await;
    let addr = server.addr();
    for n in 0..3 {
        assert!(cut(&url, "everfresh"));
        let (title, key) = (format!("After cut {n}"), format!("cut-{n}"));
        // The cut may be noticed by this very write, of which it is then not known whether it was done. Its name
        // makes sure that it is done once.
        until("the write", async || {
            let headers = [JSON, ("idempotency-key", key.as_str())];
            let body = json!({ "title": title }).to_string();
            let answer = request(addr, Method::POST, "/api/tasks", &headers, body).await;
            assert!([201, 503].contains(&answer.status.as_u16()), "{answer:?}");
            answer.status == StatusCode::CREATED
        })
        .await;
    }
    let tasks = get(addr, "/api/tasks").await.json();
    assert_eq!(tasks.as_array().unwrap().len(), 12 + 3);
    server.shutdown().await;
}

#[tokio::test]
async fn a_row_that_somebody_keeps_makes_a_write_fail_and_not_the_server_stand_still() {
    if is_absent() {
        return;
    }
    let url = fresh();
    let server = start(on(&url)).await;
    let addr = server.addr();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (held, is_held) = std::sync::mpsc::channel();
    let holder = {
        let url = url.clone();
        std::thread::spawn(move || {
            with(&url, move |client| {
                let update = "BEGIN; UPDATE everfresh.task SET title = 'Held' WHERE id = 1";
                client.batch_execute(update).unwrap();
                held.send(()).unwrap();
                released.recv().unwrap();
                client.batch_execute("COMMIT").unwrap();
            });
        })
    };
    is_held.recv().unwrap();
    let title = json!({ "title": "Mine" });
    let refused = send(addr, Method::PATCH, "/api/tasks/1", &title).await;
    assert_eq!(
        refused.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "{refused:?}"
    );
    assert_eq!(refused.json()["error"]["code"], "overloaded");
    assert_eq!(get(addr, "/api/tasks/1").await.status, StatusCode::OK);
    release.send(()).unwrap();
    holder.join().unwrap();
    let done = send(addr, Method::PATCH, "/api/tasks/1", &title).await;
    assert_eq!(
        (done.status, &done.json()["version"]),
        (StatusCode::OK, &json!(3))
    );
    server.shutdown().await;
}

/// Others write while a server starts: what it reads of a channel may be more than its head was a moment before.
#[tokio::test]
async fn a_server_that_starts_while_others_write_begins_where_they_are() {
    if is_absent() {
        return;
    }
    let url = fresh();
    start(on(&url)).await.shutdown().await;
    let over = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writer = {
        let (url, over) = (url.clone(), std::sync::Arc::clone(&over));
        std::thread::spawn(move || {
            with(&url, move |client| {
                while !over.load(std::sync::atomic::Ordering::Relaxed) {
                    client
                        .batch_execute("SELECT everfresh.publish('storm', 'n')")
                        .unwrap();
                }
            });
        })
    };
    for round in 0..3 {
        let server = start(on(&url)).await;
        let mut page = Page::welcomed(server.addr(), "tab").await;
        let at = page.subscribe("storm", None).await["pos"].clone();
        for n in 1..=20 {
            let event = event(&mut page).await;
            assert_eq!(event["s"], at["s"].as_u64().unwrap() + n, "round {round}");
        }
        // And what it has of the time before is whole.
        let mut back = at.clone();
        back["s"] = at["s"].as_u64().unwrap().saturating_sub(30).into();
        let mut late = Page::welcomed(server.addr(), "late").await;
        let answer = late.subscribe("storm", Some(&back)).await;
        if answer["recovered"] == true {
            let missed = answer["missed"].as_array().unwrap();
            for (event, n) in missed.iter().zip(1..) {
                assert_eq!(event["s"], back["s"].as_u64().unwrap() + n);
            }
        }
        server.shutdown().await;
    }
    over.store(true, std::sync::atomic::Ordering::Relaxed);
    writer.join().unwrap();
}

#[tokio::test]
async fn a_database_that_cannot_be_used_is_refused_with_a_remedy_and_without_its_password() {
    if is_absent() {
        return;
    }
    let config = Config {
        database: Some(database("postgres://me:sesame@127.0.0.1:1/none")),
        ..config()
    };
    match serve(config).await {
        Err(error @ StartError::Database { .. }) => {
            let text = error.to_string();
            assert!(
                text.contains("--database") && !text.contains("sesame"),
                "{text}"
            );
        }
        other => panic!("a refusal was expected, not {other:?}"),
    }
    let url = fresh();
    start(on(&url)).await.shutdown().await;
    run(&url, "UPDATE everfresh.version SET number = 99");
    assert!(matches!(
        serve(on(&url)).await,
        Err(StartError::Database { .. })
    ));
}
