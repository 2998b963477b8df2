//! How much one may ask for: too much is refused with when to come back, and hurts nobody else. Foreign pages.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod support;

use std::net::SocketAddr;

use everfresh_server::{Config, Hidden, Proxies, Rate, Tokens};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use support::visitor::{SECRET, Visitor, WAYS, Way, call, knock, token};
use support::{Answer, Folder, Got, Page, config, request, start};

const RULES: &str = "[[channel]]\nname = \"*\"\nroles = [\"*\"]\nmay = [\"subscribe\", \"publish\", \"presence\", \"lock\"]\n";

fn signed(folder: &Folder) -> Config {
    let rules = folder.path("rules.toml");
    std::fs::write(&rules, RULES).unwrap();
    Config {
        listen: "127.0.0.1:0".to_owned(),
        rules: Some(rules),
        tokens: Tokens {
            secret: Some(Hidden::new(SECRET)),
            ..Tokens::default()
        },
        ..Config::default()
    }
}

/// So slow that no test sees it come back.
fn few(at_once: u64) -> Rate {
    Rate {
        at_once,
        a_second: 1,
    }
}

fn seconds(answer: &Answer) -> u64 {
    answer.header("retry-after").parse().unwrap_or(0)
}

#[tokio::test]
async fn requests_of_one_person_have_a_bound() {
    let folder = Folder::new("requests");
    let mut config = signed(&folder);
    config.limits.requests = few(30);
    let server = start(config).await;
    let addr = server.addr();
    let list = |user: &'static str| async move {
        call(
            addr,
            &token(user, 60, &json!({})),
            Method::GET,
            "/api/tasks",
            &Value::Null,
        )
        .await
    };
    let mut refused = None;
    for _ in 0..60 {
        let answer = list("jane").await;
        if answer.status != StatusCode::OK {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("a bound");
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.json()["error"]["code"], "rate_limited");
    assert!(seconds(&refused) >= 1, "{refused:?}");
    assert_eq!(list("bob").await.status, StatusCode::OK);
    server.shutdown().await;
}

#[tokio::test]
async fn connections_of_one_person_have_a_bound_by_every_way() {
    for way in WAYS {
        let folder = Folder::new("connections");
        let mut config = signed(&folder);
        config.limits.connections_of_one_max = 2;
        let server = start(config).await;
        let addr = server.addr();
        let jane = token("jane", 60, &json!({}));
        let _one = Visitor::come(way, addr, "one", &jane).await;
        let _two = Visitor::come(way, addr, "two", &jane).await;
        let hello = json!({ "t": "hello", "v": 1, "client": "three", "token": jane });
        match way {
            Way::Socket => {
                let mut page = Page::connect(addr).await;
                page.say(&hello).await;
                let (heard, end) = page.hear_out().await;
                assert_eq!(heard[0]["code"], "rate_limited");
                assert_eq!(end, Got::Close(4429, "retry_after=5000".to_owned()));
            }
            Way::Stream | Way::Poll => {
                let door = if way_is_stream(way) { "sse" } else { "poll" };
                let answer = knock(addr, door, hello.to_string()).await;
                assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
                assert_eq!(seconds(&answer), 5);
            }
        }
        Visitor::come(way, addr, "his", &token("bob", 60, &json!({}))).await;
        server.shutdown().await;
    }
}

fn way_is_stream(way: Way) -> bool {
    matches!(way, Way::Stream)
}

#[tokio::test]
async fn who_says_too_much_is_closed_and_told_when_to_come_back() {
    for way in WAYS {
        let mut config = config();
        config.limits.messages = few(50);
        config.limits.close_grace = std::time::Duration::from_secs(20);
        let server = start(config).await;
        let addr = server.addr();
        let mut calm = Visitor::come(way, addr, "calm", "").await;
        let mut visitor = Visitor::come(way, addr, "loud", "").await;
        let pings = (0..200).map(|n| json!({ "t": "ping", "n": n }).to_string());
        visitor.say_raw(&pings.collect::<Vec<_>>().join("\n")).await;
        let mut last = Value::Null;
        let end = loop {
            match visitor.hear_or_end().await {
                Ok(message) => last = message,
                Err(end) => break end,
            }
        };
        assert_eq!(last["code"], "rate_limited", "{way:?}");
        let wanted = match way {
            Way::Socket => 4429,
            Way::Stream => 0,
            Way::Poll => 429,
        };
        assert_eq!(end, wanted, "{way:?}");
        calm.hears_nothing().await;
        server.shutdown().await;
    }
}

async fn from(addr: SocketAddr, address: &str, token: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("x-forwarded-for", address),
    ];
    request(addr, Method::GET, "/api/tasks", &headers, "").await
}

#[tokio::test]
async fn guessing_tokens_is_slow_for_the_address_that_guesses() {
    let folder = Folder::new("guess");
    let mut config = signed(&folder);
    config.limits.strangers = few(5);
    config.trust_proxies = Proxies::parse(&["127.0.0.0/8".to_owned()]).unwrap();
    let server = start(config).await;
    let addr = server.addr();
    let good = token("jane", 60, &json!({}));
    let mut last = None;
    for number in 0..20 {
        // What the guesser itself writes before its address changes nothing.
        let address = format!("10.0.0.{number}, 203.0.113.7");
        let answer = from(addr, &address, "a.b.c").await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            last = Some(answer);
            break;
        }
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    assert!(seconds(&last.expect("a bound")) >= 1);
    // A guess that is right is not looked at either.
    assert_eq!(
        from(addr, "203.0.113.7", &good).await.status,
        StatusCode::TOO_MANY_REQUESTS
    );
    assert_eq!(
        from(addr, "203.0.113.8", &good).await.status,
        StatusCode::OK
    );
    server.shutdown().await;
}

#[tokio::test]
async fn a_proxy_that_is_not_trusted_says_nothing() {
    let folder = Folder::new("untrusted");
    let mut config = signed(&folder);
    config.limits.strangers = few(3);
    let server = start(config).await;
    for _ in 0..10 {
        let answer = from(server.addr(), "203.0.113.7", "a.b.c").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    server.shutdown().await;
}

/// All headers by which docs/protocol.md lets a page say something.
const CARRIED: &str = "authorization,content-type,everfresh-client,everfresh-fence,everfresh-stamp,\
                       idempotency-key,if-match,if-none-match,prefer";

#[tokio::test]
async fn a_foreign_page_asks_nothing_unless_it_is_listed() {
    let mut config = config();
    config.allow_origins = vec!["https://app.example.com".to_owned()];
    let server = start(config).await;
    let addr = server.addr();
    let ask = |method: Method, origin: &'static str| async move {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "PATCH"),
            ("access-control-request-headers", CARRIED),
        ];
        request(addr, method, "/api/tasks", &headers, "").await
    };
    let allowed = "access-control-allow-origin";
    let good = "https://app.example.com";
    let answer = ask(Method::GET, good).await;
    assert_eq!(
        (answer.status, answer.header(allowed)),
        (StatusCode::OK, good)
    );
    assert!(
        answer
            .header("access-control-expose-headers")
            .contains("etag")
    );
    let preflight = ask(Method::OPTIONS, good).await;
    assert_eq!(
        (preflight.status, preflight.header(allowed)),
        (StatusCode::OK, good)
    );
    assert!(
        preflight
            .header("access-control-allow-methods")
            .contains("PATCH")
    );
    // A browser sends nothing at all where one header of the request is missing here.
    let may_carry = preflight.header("access-control-allow-headers").split(',');
    let may_carry: Vec<&str> = may_carry.map(str::trim).collect();
    for header in CARRIED.split(',') {
        assert!(may_carry.contains(&header), "{header}: {may_carry:?}");
    }
    for evil in [
        "https://evil.example",
        "https://app.example.com.evil.example",
        "null",
    ] {
        let answer = ask(Method::GET, evil).await;
        assert_eq!(
            (answer.status, answer.header(allowed)),
            (StatusCode::FORBIDDEN, ""),
            "{evil}"
        );
        assert_eq!(
            ask(Method::OPTIONS, evil).await.header(allowed),
            "",
            "{evil}"
        );
    }
    server.shutdown().await;
}
