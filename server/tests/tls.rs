//! Connections as they come in: with TLS, a certificate that is renewed, and peers that take their time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use everfresh_server::{Config, StartError, serve};
use futures_util::{SinkExt, StreamExt};
use hyper::StatusCode;
use serde_json::{Value, json};
use support::{Folder, config, get, in_time, start, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// Writes a certificate of this machine and its key, and returns the certificate.
fn certificate(folder: &Folder) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(folder.path("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.path("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

fn secure(folder: &Folder) -> Config {
    Config {
        tls_cert: Some(folder.path("cert.pem")),
        tls_key: Some(folder.path("key.pem")),
        reload: Duration::from_millis(10),
        ..config()
    }
}

/// Connects as whoever trusts this certificate and no other.
async fn connect(
    addr: SocketAddr,
    trusted: &CertificateDer<'static>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(addr).await?;
    let name = ServerName::try_from("localhost").unwrap();
    in_time(
        "a handshake",
        TlsConnector::from(Arc::new(config)).connect(name, stream),
    )
    .await
}

#[tokio::test]
async fn sockets_and_requests_go_over_tls_and_the_certificate_may_be_renewed() {
    let folder = Folder::new("tls");
    let first = certificate(&folder);
    let server = start(secure(&folder)).await;
    let addr = server.addr();
    assert_eq!(server.url(), format!("https://{addr}"));

    let mut stream = connect(addr, &first).await.unwrap();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    let _cut = in_time("an answer", stream.read_to_string(&mut answer)).await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with(r#"{"ok":true}"#),
        "{answer}"
    );

    let mut request = format!("wss://localhost:{}/live", addr.port())
        .into_client_request()
        .unwrap();
    request
        .headers_mut()
        .insert("sec-websocket-protocol", "fresh.v1".parse().unwrap());
    let stream = connect(addr, &first).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async(request, stream)
        .await
        .unwrap();
    let hello = json!({ "t": "hello", "v": 1, "client": "tab" });
    socket.send(Message::text(hello.to_string())).await.unwrap();
    let welcome = in_time("a welcome", socket.next()).await.unwrap().unwrap();
    let welcome: Value = serde_json::from_str(welcome.to_text().unwrap()).unwrap();
    assert_eq!(welcome["t"], "welcome");

    // One that cannot be read changes nothing.
    std::fs::write(folder.path("cert.pem"), "nonsense").unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(connect(addr, &first).await.is_ok());
    let second = certificate(&folder);
    until("the new certificate", || async {
        connect(addr, &second).await.is_ok()
    })
    .await;
    assert!(connect(addr, &first).await.is_err());
    // Who was there goes on.
    socket
        .send(Message::text(r#"{"t":"ping","n":1}"#))
        .await
        .unwrap();
    let pong = in_time("a pong", socket.next()).await.unwrap().unwrap();
    assert_eq!(pong.to_text().unwrap(), r#"{"t":"pong","n":1}"#);
    server.shutdown().await;
}

#[tokio::test]
async fn who_speaks_no_tls_or_takes_too_long_for_it_holds_nobody_up() {
    let folder = Folder::new("no-tls");
    let trusted = certificate(&folder);
    let mut slow = secure(&folder);
    slow.limits.patience = Duration::from_millis(200);
    slow.limits.connections_max = 2;
    let server = start(slow).await;
    let addr = server.addr();
    let mut plain = TcpStream::connect(addr).await.unwrap();
    plain
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    let mut silent = TcpStream::connect(addr).await.unwrap();
    // Both places are taken until their time is over.
    assert!(connect(addr, &trusted).await.is_ok());
    for stream in [&mut plain, &mut silent] {
        let mut rest = Vec::new();
        let _reset = in_time("the end", stream.read_to_end(&mut rest)).await;
        assert!(!rest.starts_with(b"HTTP"));
    }
    server.shutdown().await;
}

#[tokio::test]
async fn heads_and_bodies_that_never_end_are_given_up() {
    let mut hasty = config();
    hasty.limits.idle = Duration::from_millis(200);
    hasty.limits.patience = Duration::from_millis(200);
    let server = start(hasty).await;
    let addr = server.addr();
    let head = "POST /live/poll HTTP/1.1\r\nhost: a\r\n";
    let body =
        format!("{head}content-type: application/x-ndjson\r\ncontent-length: 1000\r\n\r\n{{");
    for begun in [head, &body, ""] {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(begun.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _reset = in_time("the end", stream.read_to_end(&mut answer)).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
    }
    assert_eq!(get(addr, "/healthz").await.status, StatusCode::OK);
    server.shutdown().await;
}

#[tokio::test]
async fn a_certificate_that_is_none_does_not_start() {
    let folder = Folder::new("half");
    certificate(&folder);
    let half = Config {
        tls_key: None,
        ..secure(&folder)
    };
    assert!(matches!(serve(half).await, Err(StartError::HalfOfTls)));
    let told = |config| async {
        serve(config)
            .await
            .err()
            .map(|error| error.to_string())
            .unwrap()
    };
    let other = rcgen::KeyPair::generate().unwrap();
    std::fs::write(folder.path("key.pem"), other.serialize_pem()).unwrap();
    let why = told(secure(&folder)).await;
    assert!(
        why.starts_with("tls-key: ") && why.contains("key.pem"),
        "{why}"
    );
    std::fs::write(folder.path("key.pem"), "hush-hush").unwrap();
    let why = told(secure(&folder)).await;
    assert!(
        why.starts_with("tls-key: ") && !why.contains("hush"),
        "{why}"
    );
    std::fs::write(folder.path("cert.pem"), "").unwrap();
    assert!(told(secure(&folder)).await.starts_with("tls-cert: "));
}
