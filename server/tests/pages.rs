//! The page's files and the headers that guard them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod support;

use std::path::{Path, PathBuf};

use everfresh_server::{Config, StartError, serve};
use hyper::Method;
use support::{config, get, request, start};

fn built_page(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("everfresh-page-{name}-{}", std::process::id()));
    built_page_in(&folder);
    folder
}

fn built_page_in(folder: &Path) {
    std::fs::create_dir_all(folder.join("assets")).unwrap();
    for (file, text) in [
        ("index.html", "<!doctype html><title>demo</title>"),
        ("favicon.svg", "<svg/>"),
        ("assets/index-BMGY8Afm.js", "export {}"),
        ("assets/everfresh_bg-C0ffee_1.wasm", "\0asm"),
        ("assets/index-DeadBeef.css", "a{}"),
    ] {
        std::fs::write(folder.join(file), text).unwrap();
    }
}

#[tokio::test]
async fn files_have_their_type_their_age_and_their_policy() {
    let folder = built_page("files");
    let server = start(Config {
        www: Some(folder.clone()),
        ..config()
    })
    .await;
    let addr = server.addr();
    let immutable = "public, max-age=31536000, immutable";
    for (path, kind, caching) in [
        ("/", "text/html", "no-cache"),
        ("/index.html", "text/html", "no-cache"),
        ("/scenes/tasks", "text/html", "no-cache"),
        ("/favicon.svg", "image/svg+xml", "no-cache"),
        ("/assets/index-BMGY8Afm.js", "text/javascript", immutable),
        (
            "/assets/everfresh_bg-C0ffee_1.wasm",
            "application/wasm",
            immutable,
        ),
        ("/assets/index-DeadBeef.css", "text/css", immutable),
    ] {
        let answer = get(addr, path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("cache-control")),
            (200, caching),
            "{path}"
        );
        assert_eq!(
            answer.header("content-type").split(';').next(),
            Some(kind),
            "{path}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        let policy = answer.header("content-security-policy");
        for rule in [
            "default-src 'self';",
            "script-src 'self' 'wasm-unsafe-eval';",
            "style-src 'self';",
            "img-src 'self' data:;",
            "worker-src 'self';",
            "base-uri 'none';",
            "frame-ancestors 'self';",
            &format!("connect-src 'self' ws://{addr} "),
        ] {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
    }
    let page = get(addr, "/scenes/tasks").await;
    assert_eq!(page.body, get(addr, "/").await.body);
    let since = page.header("last-modified").to_owned();
    let again = request(addr, Method::GET, "/", &[("if-modified-since", &since)], "").await;
    assert_eq!(
        (again.status.as_u16(), again.header("cache-control")),
        (304, "no-cache")
    );
    server.shutdown().await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn only_the_demo_sets_a_page_apart() {
    let folder = built_page("apart");
    for demo in [true, false] {
        let server = start(Config {
            www: Some(folder.clone()),
            demo,
            ..config()
        })
        .await;
        let addr = server.addr();
        for (path, opener, embedder) in [
            ("/apart", "same-origin", "require-corp"),
            ("/assets/index-BMGY8Afm.js", "", "require-corp"),
            ("/stage", "", ""),
        ] {
            let answer = get(addr, path).await;
            let said = (
                answer.header("cross-origin-opener-policy"),
                answer.header("cross-origin-embedder-policy"),
            );
            let wanted = if demo { (opener, embedder) } else { ("", "") };
            assert_eq!((answer.status.as_u16(), said), (200, wanted), "{path}");
        }
        server.shutdown().await;
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn what_is_not_there_is_not_the_page() {
    let outer = std::env::temp_dir().join(format!("everfresh-outside-{}", std::process::id()));
    let folder = outer.join("www");
    built_page_in(&folder);
    std::fs::write(outer.join("everfresh-secret.txt"), "secret").unwrap();
    let server = start(Config {
        www: Some(folder.clone()),
        ..config()
    })
    .await;
    let addr = server.addr();
    for path in [
        "/assets/gone-BMGY8Afm.js",
        "/nothing.txt",
        "/../everfresh-secret.txt",
        "/%2e%2e/everfresh-secret.txt",
        "/assets/..%2f..%2feverfresh-secret.txt",
        "/api/tasks/1/x",
        "/demo/nothing",
    ] {
        let answer = get(addr, path).await;
        assert_eq!(answer.status.as_u16(), 404, "{path}");
        assert_ne!(
            answer.header("cache-control"),
            "public, max-age=31536000, immutable"
        );
    }
    assert_eq!(
        request(addr, Method::POST, "/", &[], "")
            .await
            .status
            .as_u16(),
        405
    );
    server.shutdown().await;
    std::fs::remove_dir_all(outer).unwrap();
}

#[tokio::test]
async fn a_folder_without_a_page_is_refused_with_a_remedy() {
    let folder = std::env::temp_dir();
    match serve(Config {
        www: Some(folder),
        ..config()
    })
    .await
    {
        Err(error @ StartError::NoPage { .. }) => {
            assert!(error.to_string().contains("build the page first"))
        }
        other => panic!("a refusal was expected, not {other:?}"),
    }
}
