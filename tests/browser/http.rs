//! Requests, and answers that are read as they come.

use wasm_bindgen_test::wasm_bindgen_test;

use crate::page::{self, Changed, request};
use crate::tab::{Tab, eventually};

const WELCOME: &str =
    "data: {\"t\":\"welcome\",\"v\":1,\"session\":\"Sträuße\",\"ping\":25000}\n\n";
const EVENTS: &str = r#"{"content-type":"text/event-stream"}"#;

/// A contract that is looked after by a probe.
const PROBED: &str = r#""contracts":{"tasks":{"key":["tasks"],"maxAge":60000,"poll":1000,
    "probe":"http://127.0.0.1:1/probe"}}"#;

/// Waits for another request to an address, and gives its place.
async fn asked(end: &str, after: i32) -> i32 {
    let another = || (page::fetch_index(end) > after).to_string();
    eventually(&format!("a request to {end}"), "true", another).await;
    page::fetch_index(end)
}

/// An instance whose contract is watched and has data.
fn probing(name: &str) -> Tab {
    let tab = Tab::start_with(name, PROBED);
    tab.command(r#"{"do":"fetch","key":["tasks"],"phase":"observe"}"#);
    tab.command(r#"{"do":"fetch","key":["tasks"],"phase":"start"}"#);
    tab.command(r#"{"do":"fetch","key":["tasks"],"phase":"success"}"#);
    tab
}

#[wasm_bindgen_test]
async fn a_conditional_request_never_comes_from_the_cache_and_names_the_tag() {
    let _page = Changed::page();
    page::fake_sockets(false);
    page::fake_fetch();
    let tab = probing("probe");
    let first = asked("/probe", -1).await;
    assert_eq!(request(first, "method"), "GET");
    assert_eq!(request(first, "cache"), "no-store");
    assert_eq!(request(first, "credentials"), "same-origin");
    assert_eq!(request(first, "mode"), "cors");
    assert!(!request(first, "headers").contains("if-none-match"));
    let json = r#"{"etag":"\"7\"","content-type":"application/json"}"#;
    page::fetch_answer(first, 200, json, "[]");
    // What was there before is not known to be that.
    tab.hear(&[r#""type":"refetch""#]).await;
    tab.told.borrow_mut().clear();

    let second = asked("/probe", first).await;
    assert_eq!(request(second, "headers.if-none-match"), "\"7\"");
    page::fetch_answer(second, 304, r#"{"etag":"\"7\""}"#, "");
    // What did not change is fresh, and is not fetched.
    let third = asked("/probe", second).await;
    assert!(!tab.heard(&[r#""type":"refetch""#]));
    page::fetch_answer(
        third,
        200,
        r#"{"etag":"\"8\"","content-type":"application/json"}"#,
        "[1]",
    );
    tab.hear(&[r#""type":"refetch""#]).await;
}

#[wasm_bindgen_test]
async fn a_request_is_given_up_when_nobody_needs_it() {
    let _page = Changed::page();
    page::fake_sockets(false);
    page::fake_fetch();
    let tab = probing("probe-abort");
    let at = asked("/probe", -1).await;
    assert_eq!(request(at, "aborted"), "false");
    tab.core.close();
    assert_eq!(request(at, "aborted"), "true");
    assert_eq!(tab.broke.borrow().len(), 0);
}

#[wasm_bindgen_test]
async fn fault_32_an_answer_that_is_too_long_is_given_up() {
    let _page = Changed::page();
    page::fake_sockets(false);
    page::fake_fetch();
    let tab = probing("probe-long");
    let at = asked("/probe", -1).await;
    page::fetch_stream(at, 200, r#"{"content-type":"application/json"}"#);
    // The bound is 1 MiB.
    for _ in 0..4 {
        page::fetch_push_bytes(at, 1 << 18);
    }
    crate::tab::pause(50).await;
    assert_eq!(request(at, "aborted"), "false");
    page::fetch_push_bytes(at, 1);
    eventually("it is given up", "true", || request(at, "aborted")).await;
    assert_eq!(tab.broke.borrow().len(), 0);
}

#[wasm_bindgen_test]
async fn a_server_that_cannot_be_reached_is_an_answer_too() {
    let _page = Changed::page();
    page::fake_sockets(false);
    page::fake_fetch();
    let tab = probing("probe-dead");
    let at = asked("/probe", -1).await;
    page::fetch_fail(at);
    eventually("there is a reason", "true", || {
        let reason = tab.get("freshness.0.reason");
        (!reason.is_empty() && reason != "a probe is under way").to_string()
    })
    .await;
    assert_eq!(tab.broke.borrow().len(), 0);
}

#[wasm_bindgen_test]
async fn fault_64_a_stream_is_read_as_it_comes_however_it_is_cut() {
    let _page = Changed::page();
    page::fake_fetch();
    let ladder = r#""backend":{"kind":"everfresh","url":"ws://127.0.0.1:1/live","ladder":["sse"]}"#;
    let tab = Tab::start_with("stream", ladder);
    let at = asked("/live/sse", -1).await;
    assert_eq!(request(at, "method"), "POST");
    assert_eq!(request(at, "url"), "http://127.0.0.1:1/live/sse");
    assert_eq!(request(at, "headers.accept"), "text/event-stream");
    assert!(request(at, "body").contains(r#""t":"hello""#));
    page::fetch_stream(at, 200, EVENTS);
    // A byte at a time: characters of two bytes are cut in two.
    let bytes = u32::try_from(WELCOME.len()).unwrap_or(0);
    for byte in 0..bytes {
        page::fetch_push(at, WELCOME, byte, byte + 1);
    }
    tab.until("authenticated", "true").await;
    assert_eq!(tab.get("transport"), "sse");
    page::fetch_end(at);
    tab.until("authenticated", "false").await;
    let again = asked("/live/sse", at).await;
    tab.core.close();
    assert_eq!(request(again, "aborted"), "true");
    assert_eq!(tab.broke.borrow().len(), 0);
}

#[wasm_bindgen_test]
async fn fault_8_a_page_in_place_of_a_stream_is_no_stream() {
    let _page = Changed::page();
    page::fake_fetch();
    let ladder = r#""backend":{"kind":"everfresh","url":"ws://127.0.0.1:1/live","ladder":["sse"]}"#;
    let tab = Tab::start_with("portal", ladder);
    let at = asked("/live/sse", -1).await;
    page::fetch_answer(
        at,
        200,
        r#"{"content-type":"text/html"}"#,
        "<html>Pay here</html>",
    );
    tab.until("status", "reconnecting").await;
    asked("/live/sse", at).await;
}
