//! Behind nginx, with the configuration that the documents show. Where there is no nginx, there is nothing to test.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod support;

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

use everfresh_server::{Config, Proxies};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use support::visitor::{Visitor, WAYS};
use support::{Dial, Folder, Page, config, publish, request, start, until};
use tokio::net::TcpStream;

const DOCUMENT: &str = include_str!("../../docs/server/proxy.md");

/// Debian puts it where only root's shell looks.
fn program() -> Option<&'static str> {
    let places = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"];
    places
        .into_iter()
        .find(|place| std::path::Path::new(place).exists())
}

struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// The configuration of the document with other ports and without TLS, which nginx ends before all this.
fn documented(server: SocketAddr, proxy: SocketAddr) -> String {
    let (_, from) = DOCUMENT.split_once("```nginx\n").expect("a configuration");
    let (text, _) = from.split_once("\n```").unwrap();
    let kept = text
        .lines()
        .filter(|line| !line.contains("ssl_certificate"));
    let text: String = kept.map(|line| format!("{line}\n")).collect();
    for part in ["server 127.0.0.1:4321;", "listen 443 ssl http2;"] {
        assert_eq!(text.matches(part).count(), 1, "{part}");
    }
    text.replace("server 127.0.0.1:4321;", &format!("server {server};"))
        .replace("listen 443 ssl http2;", &format!("listen {proxy};"))
}

async fn nginx(program: &str, folder: &Folder, server: SocketAddr) -> (Nginx, SocketAddr) {
    let probe = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = probe.local_addr().unwrap();
    drop(probe);
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary: String = temporary
        .iter()
        .map(|name| format!("{name}_temp_path {};\n", folder.path(name).display()))
        .collect();
    let text = format!(
        "daemon off; master_process off; pid {};\nerror_log {} warn;\nevents {{ worker_connections 256; }}\nhttp {{\naccess_log off;\n{temporary}{}}}\n",
        folder.path("pid").display(),
        folder.path("error.log").display(),
        documented(server, proxy)
    );
    let file = folder.path("nginx.conf");
    std::fs::write(&file, text).unwrap();
    let child = Command::new(program)
        .arg("-p")
        .arg(folder.path(""))
        .arg("-e")
        .arg(folder.path("error.log"))
        .arg("-c")
        .arg(&file)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let running = Nginx(child);
    until("nginx", || async {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        TcpStream::connect(proxy).await.is_ok()
    })
    .await;
    (running, proxy)
}

#[tokio::test]
async fn all_ways_lead_through_nginx_as_the_documents_show_it() {
    let Some(program) = program() else {
        return;
    };
    let folder = Folder::new("nginx");
    let server = start(Config {
        trust_proxies: Proxies::parse(&["127.0.0.1".to_owned()]).unwrap(),
        audit: Some(folder.path("audit")),
        ..config()
    })
    .await;
    let (_nginx, proxy) = nginx(program, &folder, server.addr()).await;

    // Each hears an event while its answer goes on: nothing is held back.
    for way in WAYS {
        let mut visitor = Visitor::come(way, proxy, &format!("{way:?}"), "demo:jane").await;
        let subscribed = visitor
            .ask(&json!({ "t": "sub", "id": 1, "ch": "c" }))
            .await;
        assert_eq!(subscribed["t"], "subd", "{way:?}");
        for n in 0..3 {
            publish(proxy, "c", &json!({ "n": n })).await;
            assert_eq!(visitor.hear().await["data"]["n"], n, "{way:?}");
        }
    }

    // The page that nginx serves is the server's own, and no other is.
    let dial = |origin: String| Dial {
        origin: Some(origin),
        ..Dial::default()
    };
    assert!(
        Page::dial(proxy, dial(format!("http://{proxy}")))
            .await
            .is_ok()
    );
    assert!(
        Page::dial(proxy, dial("https://evil.example".to_owned()))
            .await
            .is_err()
    );

    // A chain of trusted proxies ends with whom the first of them saw.
    let forged = [
        ("x-forwarded-for", "203.0.113.7"),
        ("content-type", "application/json"),
    ];
    let body = json!({ "title": "through the proxy" }).to_string();
    let answer = request(proxy, Method::POST, "/api/tasks", &forged, body).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    server.shutdown().await;
    let audit = std::fs::read_to_string(folder.path("audit")).unwrap();
    let lines = audit
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let lines: Vec<Value> = lines.collect();
    let came: Vec<&Value> = lines
        .iter()
        .filter(|line| line["event"] == "connect")
        .collect();
    assert_eq!(came.len(), 3);
    assert!(came.iter().all(|line| line["address"] == "127.0.0.1"));
    // The test itself is at a trusted address, so what it says of another one counts, as a proxy's word before nginx would.
    let write = lines
        .iter()
        .find(|line| line["path"] == "/api/tasks")
        .unwrap();
    assert_eq!(write["address"], "203.0.113.7");
}
