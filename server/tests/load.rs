//! Many at once: hundreds of pages, each event to fifty of them, all hear all in order, and those that do not read are
//! cut without harm to the others. How fast that is, is measured by `bench/server`; here nothing is a matter of time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use everfresh_server::{Publisher, To};
use futures_util::future::join_all;
use serde_json::{Value, json};
use support::{Dial, Got, Page, config, get, in_time, start};

const CHANNELS: usize = 10;
const SUBSCRIBERS: usize = 50;
const EVENTS: u64 = 200;
/// Those that subscribe and then never read.
const DEAF: usize = 5;

/// Large enough that what one of them may leave unread is soon full: the system's buffers hold megabytes.
const DATA_BYTES: usize = 48 * 1024;

fn name(channel: usize) -> String {
    format!("room/{channel}")
}

async fn enter(addr: SocketAddr, channel: usize, number: usize) -> Page {
    let mut page = Page::welcomed(addr, &format!("c{channel}-{number}")).await;
    page.subscribe(&name(channel), None).await;
    page
}

/// Publishes one after the other and waits for each: the order is known.
async fn publish(publisher: Publisher, channel: usize, events: u64) {
    let room = name(channel);
    for number in 1..=events {
        let data = json!({ "n": number });
        let done = publisher.publish(To::Channel(&room), "changed", &data);
        assert_eq!(in_time("a commit", done).await.unwrap().seq, number);
    }
}

/// Hears all events of its channel, each once and in order, and nothing of another channel.
async fn hear_all(mut page: Page, channel: usize) {
    let channel = name(channel);
    let mut next = 1;
    while next <= EVENTS {
        let Got::Frame(text) = page.frame().await else {
            panic!("cut before event {next} of {channel}");
        };
        for line in text.split('\n') {
            let event: Value = serde_json::from_str(line).unwrap();
            let told = (&event["t"], &event["ch"], &event["s"], &event["data"]["n"]);
            let wanted = (&json!("ev"), &json!(channel), &json!(next), &json!(next));
            assert_eq!(told, wanted);
            next += 1;
        }
    }
    page.hears_nothing().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_pages_hear_all_that_is_for_them_in_order() {
    let server = start(config()).await;
    let addr = server.addr();
    let pages = (0..CHANNELS).flat_map(|channel| {
        (0..SUBSCRIBERS).map(move |number| async move {
            let page = enter(addr, channel, number).await;
            (channel, page)
        })
    });
    let pages = join_all(pages).await;
    let hearing: Vec<_> = pages
        .into_iter()
        .map(|(channel, page)| tokio::spawn(hear_all(page, channel)))
        .collect();
    join_all((0..CHANNELS).map(|channel| publish(server.publisher(), channel, EVENTS))).await;
    for heard in hearing {
        heard.await.unwrap();
    }
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_is_cut_and_the_others_hear_all() {
    let mut config = config();
    config.limits.outbox_bytes_max = 1024 * 1024;
    let server = start(config).await;
    let addr = server.addr();
    let mut deaf = Vec::new();
    for number in 0..DEAF {
        let dial = Dial {
            receive_buffer: Some(4096),
            ..Dial::default()
        };
        let mut page = Page::dial(addr, dial).await.unwrap();
        page.say(&json!({ "t": "hello", "v": 1, "client": format!("deaf{number}") }))
            .await;
        page.hear_of("welcome").await;
        page.subscribe(&name(0), None).await;
        deaf.push(page);
    }
    let pages = join_all((0..SUBSCRIBERS).map(|number| enter(addr, 0, number))).await;
    let heard = Arc::new(AtomicU64::new(0));
    let hearing: Vec<_> = pages
        .into_iter()
        .map(|page| tokio::spawn(hear_until_told(page, Arc::clone(&heard))))
        .collect();
    let publisher = server.publisher();
    let room = name(0);
    let publish = async |event: &str, data: Value| {
        let done = publisher.publish(To::Channel(&room), event, &data);
        in_time("a commit", done).await.unwrap().seq
    };
    // As long as it takes until all of the deaf are cut. One event after the other, so that on a busy machine none of
    // those that read is behind.
    in_time("the deaf ones to be cut", async {
        loop {
            let sent = publish("changed", json!("x".repeat(DATA_BYTES))).await;
            while heard.load(Ordering::SeqCst) < sent * SUBSCRIBERS as u64 {
                tokio::task::yield_now().await;
            }
            let stats = get(addr, "/demo/stats").await.json();
            if stats["connections"].as_array().unwrap().len() == SUBSCRIBERS {
                break;
            }
        }
    })
    .await;
    let last = publish("last", Value::Null).await;
    for heard in hearing {
        assert_eq!(heard.await.unwrap(), last);
    }
    drop(deaf);
    server.shutdown().await;
}

/// Hears events without a hole to the one that is called the last, and returns its number.
async fn hear_until_told(mut page: Page, heard: Arc<AtomicU64>) -> u64 {
    let mut next = 1;
    loop {
        let Got::Frame(text) = page.frame().await else {
            panic!("cut before event {next}");
        };
        for line in text.split('\n') {
            let event: Value = serde_json::from_str(line).unwrap();
            assert_eq!(event["s"], next);
            heard.fetch_add(1, Ordering::SeqCst);
            if event["name"] == "last" {
                return next;
            }
            next += 1;
        }
    }
}
