//! Whatever bytes come, the server lives and serves everybody else.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod support;

use std::net::SocketAddr;

use serde_json::json;
use support::{Got, Page, config, get, in_time, publish, start, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

/// A small generator of numbers (xorshift), so that every run sends the same bytes.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        std::iter::repeat_with(|| self.next().to_le_bytes()[0])
            .take(count)
            .collect()
    }
}

/// A handshake by hand, so that anything can be sent after it.
async fn raw_socket(addr: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let request = format!(
        "GET /live HTTP/1.1\r\nHost: {addr}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Protocol: fresh.v1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    in_time("the handshake", async {
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await.unwrap());
        }
    })
    .await;
    assert!(
        answer.starts_with(b"HTTP/1.1 101"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    stream
}

/// A masked text frame.
fn text_frame(text: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x81];
    match u16::try_from(text.len()) {
        Ok(length @ 0..=125) => frame.push(0x80 | u8::try_from(length).unwrap()),
        Ok(length) => {
            frame.push(0x80 | 126);
            frame.extend(length.to_be_bytes());
        }
        Err(_) => {
            frame.push(0x80 | 127);
            frame.extend((text.len() as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(text);
    frame
}

async fn serves(addr: SocketAddr) {
    let mut page = Page::welcomed(addr, "witness").await;
    page.subscribe("news", None).await;
    publish(addr, "news", &json!(1)).await;
    assert_eq!(page.hear().await["t"], "ev");
    assert_eq!(page.close().await, Got::Close(1005, String::new()));
}

#[tokio::test]
async fn broken_frames_end_only_their_own_connection() {
    let server = start(config()).await;
    let addr = server.addr();
    let hello = text_frame(br#"{"t":"hello","v":1,"client":"raw"}"#);
    let mut cases: Vec<Vec<u8>> = vec![
        vec![],
        b"\r\n\r\n".to_vec(),
        vec![0x81, 0x01, b'x'],                   // not masked
        vec![0xf1, 0x80, 0, 0, 0, 0],             // reserved bits
        vec![0x83, 0x80, 0, 0, 0, 0],             // reserved opcode
        vec![0x09, 0x80, 0, 0, 0, 0],             // a ping in parts
        vec![0x89, 0xfe, 0xff, 0xff, 0, 0, 0, 0], // a large ping
        vec![0x80, 0x80, 0, 0, 0, 0],             // a continuation of nothing
        vec![0x88, 0x81, 0, 0, 0, 0, 3],          // a close with half a code
        vec![0x88, 0x82, 0, 0, 0, 0, 0, 1],       // a close with a bad code
        vec![
            0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0,
        ], // 2^63 - 1 bytes to come
        vec![
            0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0,
        ], // and 2^64 - 1
        vec![0x81, 0xfe, 0x10, 0x00, 0, 0, 0, 0, b'{'], // half a frame
        text_frame(&[0xc3, 0x28]),                // not UTF-8
        text_frame("[".repeat(60_000).as_bytes()),
        text_frame(format!(r#"{{"t":{}"#, r#"{"t":"#.repeat(12_000)).as_bytes()),
        text_frame(
            format!(r#"{{"t":"hello","v":1,"client":"{}"}}"#, "x".repeat(60_000)).as_bytes(),
        ),
        text_frame(format!(r#"{{"t":"hello","v":1e999,"client":"{}"}}"#, "\\u0000").as_bytes()),
        text_frame("\n".repeat(60_000).as_bytes()),
    ];
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for _ in 0..100 {
        let count = numbers.below(300);
        cases.push(numbers.bytes(count));
        let count = numbers.below(300);
        cases.push(text_frame(&numbers.bytes(count)));
    }
    for (index, case) in cases.iter().enumerate() {
        for greeting in [&[][..], &hello[..]] {
            let mut stream = raw_socket(addr).await;
            // The server may have closed by the time the rest is written.
            let _refused = stream.write_all(greeting).await;
            let _refused = stream.write_all(case).await;
            let _refused = stream.shutdown().await;
            let mut rest = Vec::new();
            let _reset = in_time(
                &format!("the end of case {index}"),
                stream.read_to_end(&mut rest),
            )
            .await;
        }
    }
    serves(addr).await;
    until("no sockets", || async {
        get(addr, "/demo/stats").await.json()["sockets_open"] == 0
    })
    .await;
    server.shutdown().await;
}

#[tokio::test]
async fn messages_bent_at_random_never_stop_it() {
    let server = start(config()).await;
    let addr = server.addr();
    let good = [
        r#"{"t":"sub","id":1,"ch":"tasks","pos":{"e":"E","s":41}}"#,
        r#"{"t":"unsub","id":2,"ch":"tasks"}"#,
        r#"{"t":"ping","n":7}"#,
        r#"{"t":"pong","n":3}"#,
        r#"{"t":"hello","v":1,"client":"tab"}"#,
        r#"{"t":"mut","id":9,"key":"k","method":"PATCH","path":"/api/tasks/7","match":"\"E:7:3\"","body":{"title":"Bent"}}"#,
    ];
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    for _ in 0..300 {
        let mut page = Page::welcomed(addr, "bent").await;
        let mut text = good[numbers.below(good.len())].as_bytes().to_vec();
        for _ in 0..=numbers.below(4) {
            let at = numbers.below(text.len().max(1));
            match numbers.below(4) {
                _ if text.is_empty() => text.push(b'{'),
                0 => text[at] = b"{}[]\",:\\0\n "[numbers.below(11)],
                1 => drop(text.remove(at)),
                2 => text.insert(at, b"\"{[9"[numbers.below(4)]),
                _ => text.truncate(at.max(1)),
            }
        }
        page.send(Message::text(String::from_utf8(text).unwrap()))
            .await;
        page.send(Message::Close(None)).await;
        let (_heard, end) = page.hear_out().await;
        assert!(matches!(end, Got::Close(4400 | 1005, _)), "{end:?}");
    }
    serves(addr).await;
    server.shutdown().await;
}

#[tokio::test]
async fn a_flood_of_subscriptions_fills_only_its_own_outbox() {
    let mut config = config();
    config.limits.outbox_bytes_max = 1024 * 1024;
    let server = start(config).await;
    let addr = server.addr();
    for _ in 0..10 {
        publish(addr, "large", &json!("x".repeat(50_000))).await;
    }
    let mut page = Page::welcomed(addr, "flood").await;
    let e = page.subscribe("large", None).await["pos"]["e"].clone();
    let sub = json!({ "t": "sub", "id": 1, "ch": "large", "pos": { "e": e, "s": 0 } }).to_string();
    page.send(Message::text(vec![sub; 500].join("\n"))).await;
    let (heard, end) = page.hear_out().await;
    assert!(matches!(end, Got::Close(4430, _)), "{end:?}");
    assert!(heard.len() < 500);
    serves(addr).await;
    server.shutdown().await;
}
