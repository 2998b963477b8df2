//! TLS to a real PostgreSQL that takes nothing else.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod support;

use std::path::Path;

use everfresh_server::{Config, serve};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;
use support::postgres::{Secure, database, is_absent, secure, with};
use support::{Folder, Page, publish, start};

/// Signs for `localhost`, and for no address. What a client trusts is in `root.pem`.
fn certificates(folder: &Path) {
    let mut root = CertificateParams::default();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(root, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let server = server.signed_by(&key, &root).unwrap();
    let write = |name: &str, text: String| std::fs::write(folder.join(name), text).unwrap();
    write("root.pem", root.pem());
    write("server.crt", server.pem());
    write("server.key", key.serialize_pem());
    let mut other = CertificateParams::default();
    other.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let other = CertifiedIssuer::self_signed(other, KeyPair::generate().unwrap()).unwrap();
    write("other.pem", other.pem());
}

fn config(url: &str) -> Config {
    Config {
        listen: "127.0.0.1:0".to_owned(),
        demo: true,
        database: Some(database(url)),
        ..Config::default()
    }
}

#[tokio::test]
async fn the_database_is_reached_by_tls_and_its_certificate_is_looked_at() {
    if is_absent() {
        return;
    }
    let folder = Folder::new("database-tls");
    certificates(&folder.path(""));
    let postgres: Secure = secure(&folder.path(""));
    let url = |host: &str, query: &str| postgres.url(host, query);
    let root = |name: &str| {
        let file = folder.path(name).display().to_string();
        format!("&sslrootcert={}", file.replace('/', "%2F"))
    };

    let full = url(
        "localhost",
        &format!("sslmode=verify-full{}", root("root.pem")),
    );
    let server = start(config(&full)).await;
    let mut page = Page::welcomed(server.addr(), "tab").await;
    page.subscribe("news", None).await;
    assert_eq!(publish(server.addr(), "news", &json!("sealed")).await, 1);
    assert_eq!(page.hear().await["data"], "sealed");
    // Both its connections: the one that writes and the one that listens.
    let sealed = with(&postgres.inside(), |client| {
        let rows = client.query(
            "SELECT application_name, ssl FROM pg_stat_activity JOIN pg_stat_ssl USING (pid)
             WHERE application_name LIKE 'everfresh%' ORDER BY 1",
            &[],
        );
        let rows = rows.unwrap().into_iter();
        rows.map(|row| (row.get(0), row.get(1)))
            .collect::<Vec<(String, bool)>>()
    });
    let names = ["everfresh", "everfresh-feed"].map(|name| (name.to_owned(), true));
    assert_eq!(sealed, names);
    server.shutdown().await;

    for (host, query, well) in [
        ("127.0.0.1", "sslmode=require".to_owned(), true),
        ("127.0.0.1", "sslmode=prefer".to_owned(), true),
        (
            "127.0.0.1",
            format!("sslmode=verify-ca{}", root("root.pem")),
            true,
        ),
        (
            "127.0.0.1",
            format!("sslmode=verify-full{}", root("root.pem")),
            false,
        ),
        (
            "localhost",
            format!("sslmode=verify-full{}", root("other.pem")),
            false,
        ),
        (
            "localhost",
            format!("sslmode=verify-ca{}", root("other.pem")),
            false,
        ),
        (
            "localhost",
            format!("sslmode=require{}", root("other.pem")),
            false,
        ),
        ("localhost", "sslmode=disable".to_owned(), false),
    ] {
        match serve(config(&url(host, &query))).await {
            Ok(server) => {
                assert!(well, "{host} {query}");
                server.shutdown().await;
            }
            Err(error) => assert!(!well, "{host} {query}: {error}"),
        }
    }
}
