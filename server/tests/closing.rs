//! How connections end: by refusal, by silence, by slowness, by farewell, by fault.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod support;

use std::time::Duration;

use everfresh_server::Config;
use hyper::Method;
use serde_json::{Value, json};
use support::{Dial, Got, Page, get, publish, send, start, until};
use tokio_tungstenite::tungstenite::{Bytes, Message};

/// Patient in closing: a test that is held up shall still find the close frame.
fn config() -> Config {
    let mut config = support::config();
    config.limits.close_grace = Duration::from_secs(30);
    config
}

/// The refusal and the close code that `page` ends with.
async fn end_of(page: &mut Page) -> (Vec<Value>, u16) {
    match page.hear_out().await {
        (heard, Got::Close(code, _reason)) => (heard, code),
        (heard, end) => panic!("a close frame was expected, not {end:?} after {heard:?}"),
    }
}

#[tokio::test]
async fn what_is_no_message_closes_with_4400() {
    let server = start(config()).await;
    let hello = r#"{"t":"hello","v":1,"client":"tab"}"#;
    let after_hello = [
        "x",
        "[]",
        "null",
        "{}",
        r#"{"t":1}"#,
        r#"["ping",1]"#,
        r#"{"t":"ping"}"#,
        r#"{"t":"ping","n":9007199254740992}"#,
        r#"{"t":"sub","ch":"a"}"#,
        r#"{"t":"sub","id":1,"ch":"a","pos":{"e":"E"}}"#,
        r#"{"t":"sub","id":1,"ch":"a","pos":{"e":"E","s":-1}}"#,
        hello,
    ];
    for text in after_hello {
        let mut page = Page::welcomed(server.addr(), "tab").await;
        page.send(Message::text(text)).await;
        let (heard, code) = end_of(&mut page).await;
        assert_eq!((heard.len(), code), (1, 4400), "{text}: {heard:?}");
        assert_eq!(
            (&heard[0]["t"], &heard[0]["code"]),
            (&json!("err"), &json!("bad_request")),
            "{text}"
        );
    }
    for text in [
        r#"{"t":"ping","n":1}"#,
        r#"{"t":"sub","id":1,"ch":"a"}"#,
        r#"{"t":"hello","v":1,"client":"a b"}"#,
    ] {
        let mut page = Page::connect(server.addr()).await;
        page.send(Message::text(text)).await;
        assert_eq!(end_of(&mut page).await.1, 4400, "{text}");
    }
    let mut page = Page::welcomed(server.addr(), "tab").await;
    page.send(Message::binary(Bytes::from_static(b"{}"))).await;
    assert_eq!(end_of(&mut page).await.1, 4400);
    // One bad message in a batch ends it there: what follows is not done.
    let mut page = Page::connect(server.addr()).await;
    page.send(Message::text(format!(
        "{hello}\nx\n{{\"t\":\"ping\",\"n\":1}}"
    )))
    .await;
    let (heard, code) = end_of(&mut page).await;
    let types: Vec<&Value> = heard.iter().map(|message| &message["t"]).collect();
    assert_eq!(
        (types, code),
        (vec![&json!("welcome"), &json!("err")], 4400)
    );
    server.shutdown().await;
}

#[tokio::test]
async fn a_frame_has_a_largest_size() {
    let server = start(config()).await;
    let padded = |size: usize| {
        let message = json!({ "t": "later", "pad": "" }).to_string();
        let pad = "x".repeat(size - message.len());
        Message::text(json!({ "t": "later", "pad": pad }).to_string())
    };
    let mut page = Page::welcomed(server.addr(), "tab").await;
    page.send(padded(64 * 1024)).await;
    page.hears_nothing().await;
    page.send(padded(64 * 1024 + 1)).await;
    let (heard, code) = end_of(&mut page).await;
    assert_eq!((&heard[0]["code"], code), (&json!("too_large"), 4413));
    // Sent in parts it is no smaller.
    let mut page = Page::welcomed(server.addr(), "tab").await;
    page.send_in_parts(&"x".repeat(70_000), 10_000).await;
    assert_eq!(end_of(&mut page).await.1, 4413);
    server.shutdown().await;
}

#[tokio::test]
async fn without_a_hello_it_closes_with_4408() {
    let mut config = config();
    config.limits.hello_timeout = Duration::from_millis(50);
    let server = start(config).await;
    let mut page = Page::connect(server.addr()).await;
    page.say(&json!({ "t": "not yet known" })).await;
    assert_eq!(page.frame().await, Got::Close(4408, "no hello".to_owned()));
    server.shutdown().await;
}

#[tokio::test]
async fn pings_without_an_answer_close_with_4408() {
    let mut config = config();
    config.limits.ping_interval = Duration::from_millis(400);
    let server = start(config).await;
    let (mut silent, mut lively) = (
        Page::welcomed(server.addr(), "silent").await,
        Page::welcomed(server.addr(), "lively").await,
    );
    let lively = tokio::spawn(async move {
        for n in 1..=5 {
            assert_eq!(lively.hear().await, json!({ "t": "ping", "n": n }));
            lively.say(&json!({ "t": "pong", "n": n })).await;
        }
        lively.hears_nothing().await;
    });
    let (heard, code) = end_of(&mut silent).await;
    assert_eq!(
        (heard, code),
        (
            vec![
                json!({ "t": "ping", "n": 1 }),
                json!({ "t": "ping", "n": 2 })
            ],
            4408
        )
    );
    lively.await.unwrap();
    server.shutdown().await;
}

#[tokio::test]
async fn another_protocol_is_accepted_and_then_refused_with_a_reason() {
    let server = start(config()).await;
    for protocols in [None, Some("fresh.v2"), Some("graphql-ws, fresh.v9")] {
        // A client that offered some and got none fails the handshake, as browsers do: this one does, too.
        let mut page = Page::dial(
            server.addr(),
            Dial {
                protocols,
                ..Dial::default()
            },
        )
        .await
        .expect("accepted");
        let (heard, code) = end_of(&mut page).await;
        assert_eq!(
            (&heard[0]["code"], code),
            (&json!("unsupported"), 4406),
            "{protocols:?}"
        );
    }
    let dial = Dial {
        protocols: Some("fresh.v2, fresh.v1"),
        ..Dial::default()
    };
    let mut page = Page::dial(server.addr(), dial).await.expect("accepted");
    page.say_anything(&json!({ "t": "hello", "v": 2, "client": "tab" }))
        .await;
    let (heard, code) = end_of(&mut page).await;
    assert_eq!((&heard[0]["code"], code), (&json!("unsupported"), 4406));
    server.shutdown().await;
}

#[tokio::test]
async fn a_full_server_says_so() {
    let mut config = config();
    config.limits.sockets_max = 1;
    let server = start(config).await;
    let addr = server.addr();
    let first = Page::welcomed(addr, "first").await;
    let (heard, code) = end_of(&mut Page::connect(addr).await).await;
    assert_eq!((&heard[0]["code"], code), (&json!("overloaded"), 1013));
    first.close().await;
    until("room", || async {
        get(addr, "/demo/stats").await.json()["sockets_open"] == 0
    })
    .await;
    Page::welcomed(addr, "second").await;
    server.shutdown().await;
}

#[tokio::test]
async fn who_reads_too_slowly_is_closed_with_4430_and_resumes() {
    let mut config = config();
    config.limits.outbox_bytes_max = 64 * 1024;
    let server = start(config).await;
    let addr = server.addr();
    let dial = Dial {
        receive_buffer: Some(4096),
        ..Dial::default()
    };
    let mut slow = Page::dial(addr, dial).await.expect("accepted");
    slow.say(&json!({ "t": "hello", "v": 1, "client": "slow" }))
        .await;
    slow.hear().await;
    slow.subscribe("storm", None).await;
    let mut quick = Page::welcomed(addr, "quick").await;
    quick.subscribe("other", None).await;
    until("the slow page to be given up", || async {
        send(
            addr,
            Method::POST,
            "/demo/burst",
            &json!({ "count": 2_000, "channel": "storm" }),
        )
        .await;
        let stats = get(addr, "/demo/stats").await.json();
        stats["connections"].as_array().unwrap().len() == 1
    })
    .await;
    publish(addr, "other", &json!(1)).await;
    assert_eq!(quick.hear().await["s"], 1);

    let (heard, code) = end_of(&mut slow).await;
    assert_eq!(code, 4430);
    let numbers: Vec<u64> = heard
        .iter()
        .map(|event| event["s"].as_u64().unwrap())
        .collect();
    assert!(
        numbers.iter().copied().eq(1..=numbers.len() as u64),
        "what it got has no hole"
    );
    server.shutdown().await;
}

#[tokio::test]
async fn a_shutdown_says_farewell_to_everybody() {
    let server = start(config()).await;
    let addr = server.addr();
    let mut known = Page::welcomed(addr, "known").await;
    let mut strange = Page::connect(addr).await;
    until("both sockets", || async {
        get(addr, "/demo/stats").await.json()["sockets_open"] == 2
    })
    .await;
    // The answer to a close frame comes from reading: so both read while the server goes.
    let farewell = async { (known.hear_out().await, strange.hear_out().await) };
    let ((known, known_end), (strange, strange_end)) = tokio::join!(farewell, server.shutdown()).0;
    for (heard, end) in [(known, known_end), (strange, strange_end)] {
        assert_eq!(
            heard,
            [json!({ "t": "goaway", "reason": "shutdown", "spread": 2_000 })]
        );
        assert_eq!(end, Got::Close(4503, "going away".to_owned()));
    }
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_who_does_not_answer() {
    let server = start(config()).await;
    let _deaf = Page::welcomed(server.addr(), "deaf").await;
    support::in_time("the shutdown", server.shutdown()).await;
}

#[tokio::test]
async fn a_cut_is_abrupt_and_meets_whom_it_names() {
    let server = start(config()).await;
    let addr = server.addr();
    let (mut one, mut two) = (
        Page::welcomed(addr, "one").await,
        Page::welcomed(addr, "two").await,
    );
    let cut =
        |body: Value| async move { send(addr, Method::POST, "/demo/cut", &body).await.json() };
    assert_eq!(
        cut(json!({ "client": "nobody" })).await,
        json!({ "cut": 0 })
    );
    assert_eq!(cut(json!({ "client": "one" })).await, json!({ "cut": 1 }));
    assert_eq!(one.frame().await, Got::Broken);
    two.hears_nothing().await;
    assert_eq!(cut(json!({})).await, json!({ "cut": 1 }));
    assert_eq!(two.frame().await, Got::Broken);
    server.shutdown().await;
}
