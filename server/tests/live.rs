//! The socket in its ordinary course: hello, subscriptions, events, recovery.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod support;

use hyper::Method;
use serde_json::{Value, json};
use support::{Dial, Got, Page, config, get, publish, send, start, until};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn hello_is_answered_with_welcome() {
    let server = start(config()).await;
    let mut page = Page::connect(server.addr()).await;
    page.say_anything(&json!({ "t": "hello", "v": 1, "client": "tab-1", "later": [1] }))
        .await;
    let welcome = page.hear().await;
    assert_eq!(
        (&welcome["t"], &welcome["v"], &welcome["ping"]),
        (&json!("welcome"), &json!(1), &json!(25_000))
    );
    assert!(welcome["now"].as_u64().unwrap() > 1_600_000_000_000);
    assert_eq!(
        welcome["can"],
        serde_json::json!(["pres", "sig", "lock", "mut"])
    );
    let mut other = Page::connect(server.addr()).await;
    other
        .say(&json!({ "t": "hello", "v": 1, "client": "tab-1" }))
        .await;
    assert_ne!(other.hear().await["session"], welcome["session"]);
    server.shutdown().await;
}

#[tokio::test]
async fn an_event_reaches_every_subscriber_and_nobody_else() {
    let server = start(config()).await;
    let addr = server.addr();
    let (mut one, mut two, mut three) = (
        Page::welcomed(addr, "one").await,
        Page::welcomed(addr, "two").await,
        Page::welcomed(addr, "three").await,
    );
    for page in [&mut one, &mut two] {
        let answer = page.subscribe("news", None).await;
        assert_eq!(
            (&answer["recovered"], &answer["missed"], &answer["pos"]["s"]),
            (&Value::Null, &json!([]), &json!(0))
        );
    }
    three.subscribe("other", None).await;
    publish(addr, "news", &json!({ "id": "7" })).await;
    for page in [&mut one, &mut two] {
        let event = page.hear().await;
        assert_eq!(
            (&event["ch"], &event["s"], &event["data"]["id"]),
            (&json!("news"), &json!(1), &json!("7"))
        );
    }
    one.say(&json!({ "t": "unsub", "id": 2, "ch": "news" }))
        .await;
    assert_eq!(
        one.hear().await,
        json!({ "t": "unsubd", "id": 2, "ch": "news" })
    );
    publish(addr, "news", &json!(2)).await;
    assert_eq!(two.hear().await["s"], 2);
    one.hears_nothing().await;
    three.hears_nothing().await;
    server.shutdown().await;
}

#[tokio::test]
async fn a_page_that_comes_back_gets_what_it_missed() {
    let server = start(config()).await;
    let addr = server.addr();
    let mut page = Page::welcomed(addr, "tab").await;
    publish(addr, "news", &json!(1)).await;
    let at = page.subscribe("news", None).await["pos"].clone();
    assert_eq!(at["s"], 1);
    drop(page);
    publish(addr, "news", &json!(2)).await;
    publish(addr, "news", &json!(3)).await;

    let mut page = Page::welcomed(addr, "tab").await;
    let answer = page.subscribe("news", Some(&at)).await;
    assert_eq!(
        (&answer["recovered"], &answer["pos"]["s"]),
        (&json!(true), &json!(3))
    );
    let missed = answer["missed"].as_array().unwrap();
    let numbers: Vec<&Value> = missed.iter().map(|event| &event["s"]).collect();
    assert_eq!(numbers, [&json!(2), &json!(3)]);
    assert_eq!(
        (&missed[0]["t"], &missed[0]["ch"], &missed[0]["data"]),
        (&json!("ev"), &json!("news"), &json!(2))
    );

    // Subscribing again is how a gap is closed; the subscription stays one.
    let answer = page.subscribe("news", Some(&answer["pos"])).await;
    assert_eq!(
        (&answer["recovered"], &answer["missed"]),
        (&json!(true), &json!([]))
    );
    publish(addr, "news", &json!(4)).await;
    assert_eq!(page.hear().await["s"], 4);
    page.hears_nothing().await;

    let other_epoch = json!({ "e": "another", "s": 3 });
    let from_the_future = json!({ "e": at["e"], "s": 99 });
    for position in [other_epoch, from_the_future] {
        let answer = page.subscribe("news", Some(&position)).await;
        assert_eq!(
            (&answer["recovered"], &answer["missed"]),
            (&json!(false), &json!([])),
            "{position}"
        );
        assert_eq!(answer["pos"], json!({ "e": at["e"], "s": 4 }));
    }
    server.shutdown().await;
}

#[tokio::test]
async fn who_missed_too_much_is_told_so() {
    let server = start(config()).await;
    let addr = server.addr();
    let mut page = Page::welcomed(addr, "tab").await;
    let e = page.subscribe("storm", None).await["pos"]["e"].clone();
    page.say(&json!({ "t": "unsub", "id": 1, "ch": "storm" }))
        .await;
    page.hear().await;
    let burst = send(
        addr,
        Method::POST,
        "/demo/burst",
        &json!({ "count": 501, "channel": "storm" }),
    )
    .await;
    assert_eq!(burst.json()["last"], 501);
    let answer = page
        .subscribe("storm", Some(&json!({ "e": e, "s": 1 })))
        .await;
    assert_eq!(
        (
            &answer["recovered"],
            answer["missed"].as_array().unwrap().len()
        ),
        (&json!(true), 500)
    );
    let answer = page
        .subscribe("storm", Some(&json!({ "e": e, "s": 0 })))
        .await;
    assert_eq!(
        (
            &answer["recovered"],
            answer["missed"].as_array().unwrap().len()
        ),
        (&json!(false), 0)
    );

    // Few, but together more than a frame holds.
    let large = json!("x".repeat(60_000));
    for _ in 0..20 {
        publish(addr, "large", &large).await;
    }
    let answer = page
        .subscribe("large", Some(&json!({ "e": e, "s": 0 })))
        .await;
    assert_eq!(answer["recovered"], false);
    let answer = page
        .subscribe("large", Some(&json!({ "e": e, "s": 10 })))
        .await;
    assert_eq!(
        (
            &answer["recovered"],
            answer["missed"].as_array().unwrap().len()
        ),
        (&json!(true), 10)
    );
    server.shutdown().await;
}

#[tokio::test]
async fn events_that_are_ready_together_travel_together() {
    let server = start(config()).await;
    let addr = server.addr();
    let mut page = Page::welcomed(addr, "tab").await;
    page.subscribe("storm", None).await;
    let count = 5_000;
    let burst = json!({ "count": count, "channel": "storm" });
    assert_eq!(
        send(addr, Method::POST, "/demo/burst", &burst)
            .await
            .status
            .as_u16(),
        200
    );
    let (mut frames, mut next) = (0, 1);
    while next <= count {
        let Got::Frame(frame) = page.frame().await else {
            panic!("a frame was expected")
        };
        frames += 1;
        assert!(frame.len() <= 1024 * 1024);
        for part in frame.split('\n') {
            let event: Value = serde_json::from_str(part).unwrap();
            assert_eq!((&event["t"], &event["s"]), (&json!("ev"), &json!(next)));
            next += 1;
        }
    }
    assert!(frames < count, "{frames} frames for {count} events");
    page.hears_nothing().await;
    server.shutdown().await;
}

#[tokio::test]
async fn a_page_may_batch_as_well() {
    let server = start(config()).await;
    let mut page = Page::connect(server.addr()).await;
    let frame = [
        r#"{"t":"hello","v":1,"client":"tab"}"#,
        "",
        r#" {"t":"sub","id":1,"ch":"a"} "#,
        r#"{"t":"sub","id":2,"ch":"b"}"#,
        r#"{"t":"ping","n":3}"#,
    ];
    page.send(Message::text(frame.join("\n"))).await;
    for t in ["welcome", "subd", "subd", "pong"] {
        assert_eq!(page.hear().await["t"], t);
    }
    server.shutdown().await;
}

#[tokio::test]
async fn what_is_not_known_is_ignored() {
    let server = start(config()).await;
    let mut page = Page::connect(server.addr()).await;
    page.say(&json!({ "t": "later", "v": 9 })).await;
    page.say_anything(
        &json!({ "t": "hello", "v": 1, "client": "tab", "token": "secret", "caps": ["x"] }),
    )
    .await;
    assert_eq!(page.hear().await["t"], "welcome");
    page.say(&json!({ "t": "presence", "ch": 7, "data": { "x": [null] } }))
        .await;
    page.say_anything(&json!({ "t": "sub", "id": 1, "ch": "a", "params": {}, "pos": null }))
        .await;
    assert_eq!(page.hear().await["t"], "subd");
    page.say(&json!({ "t": "unsub", "id": 2, "ch": "never subscribed" }))
        .await;
    assert_eq!(page.hear().await["t"], "unsubd");
    server.shutdown().await;
}

#[tokio::test]
async fn a_request_that_is_refused_leaves_the_connection_open() {
    let mut config = config();
    config.limits.subs_max = 3;
    let server = start(config).await;
    let mut page = Page::welcomed(server.addr(), "tab").await;
    for channel in ["a", "b", "c", "a"] {
        page.subscribe(channel, None).await;
    }
    page.say(&json!({ "t": "sub", "id": 9, "ch": "d" })).await;
    let refusal = page.hear().await;
    assert_eq!(
        (&refusal["t"], &refusal["code"]),
        (&json!("err"), &json!("too_many_subs"))
    );
    // Once another one is given back.
    assert_eq!(refusal["retry"], true);
    assert_eq!((&refusal["id"], &refusal["ch"]), (&json!(9), &json!("d")));
    for (t, ch) in [
        ("sub", String::new()),
        ("sub", "a\u{1}".to_owned()),
        ("unsub", "x".repeat(256)),
    ] {
        page.say_anything(&json!({ "t": t, "id": 10, "ch": ch }))
            .await;
        let refusal = page.hear().await;
        assert_eq!(
            (&refusal["code"], &refusal["id"], &refusal["ch"]),
            (&json!("bad_request"), &json!(10), &json!(ch))
        );
        assert_eq!(refusal["retry"], false);
    }
    page.say(&json!({ "t": "unsub", "id": 11, "ch": "a" }))
        .await;
    assert_eq!(page.hear().await["t"], "unsubd");
    page.subscribe("d", None).await;
    server.shutdown().await;
}

#[tokio::test]
async fn pages_of_this_host_and_of_listed_origins_may_connect() {
    let mut config = config();
    config.allow_origins = vec!["https://App.example.com/".to_owned()];
    let server = start(config).await;
    let addr = server.addr();
    let dial = |origin: &str| {
        Page::dial(
            addr,
            Dial {
                origin: Some(origin.to_owned()),
                ..Dial::default()
            },
        )
    };
    assert!(dial(&format!("http://{addr}")).await.is_ok());
    assert!(dial("https://app.example.com").await.is_ok());
    for origin in [
        "http://evil.example",
        "null",
        "http://app.example.com",
        &format!("http://{addr}.evil.example"),
        "",
    ] {
        match dial(origin).await {
            Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => {
                assert_eq!(answer.status().as_u16(), 403)
            }
            other => panic!("{origin}: {:?}", other.err()),
        }
    }
    server.shutdown().await;
}

#[tokio::test]
async fn stats_show_who_is_there() {
    let server = start(config()).await;
    let addr = server.addr();
    let mut page = Page::welcomed(addr, "tab-1").await;
    page.subscribe("tasks", None).await;
    page.subscribe("project:website", None).await;
    let silent = Page::connect(addr).await;
    until("both sockets", || async {
        get(addr, "/demo/stats").await.json()["sockets_open"] == 2
    })
    .await;
    let stats = get(addr, "/demo/stats").await.json();
    assert_eq!(
        (
            &stats["sockets_total"],
            stats["connections"].as_array().unwrap().len()
        ),
        (&json!(2), 1)
    );
    assert_eq!(stats["connections"][0]["client"], "tab-1");
    assert_eq!(
        stats["connections"][0]["channels"],
        json!(["project:website", "tasks"])
    );
    drop(silent);
    assert_eq!(page.close().await, Got::Close(1005, String::new()));
    until("no sockets", || async {
        get(addr, "/demo/stats").await.json()["sockets_open"] == 0
    })
    .await;
    assert_eq!(
        get(addr, "/demo/stats").await.json()["connections"],
        json!([])
    );
    server.shutdown().await;
}
