//! What happens to the page: seen or hidden, put away and brought back, online or not; and browsers
//! that lack what tabs share.

use wasm_bindgen_test::wasm_bindgen_test;

use crate::page::{self, Changed};
use crate::tab::{Tab, all_locks, eventually, pause};

/// Waits until this many locks are held or waited for that have a new name since `before`.
async fn until_locks(before: &str, count: usize) {
    for _ in 0..400 {
        let now = all_locks().await;
        let new = now
            .lines()
            .filter(|lock| !before.lines().any(|old| old == *lock));
        if new.count() == count {
            return;
        }
        pause(20).await;
    }
    panic!("locks: {}", all_locks().await);
}

async fn none_left(name: &str) -> String {
    let gone = Tab::start(name);
    gone.until("role", "leader").await;
    gone.core.close();
    pause(50).await;
    all_locks().await
}

#[wasm_bindgen_test]
async fn fault_4_locks_are_given_back_when_the_page_is_put_away_and_taken_when_it_is_back() {
    let _page = Changed::page();
    let before = none_left("put-away-before").await;
    for (target, away, back) in [
        ("window", "pagehide", "pageshow"),
        ("document", "freeze", "resume"),
    ] {
        let tab = Tab::start("put-away");
        tab.until("role", "leader").await;
        // The one to lead, and the one of the tab.
        until_locks(&before, 2).await;
        page::happen(target, away);
        until_locks(&before, 0).await;
        assert_eq!(tab.get("role"), "starting");
        page::happen(target, back);
        tab.until("role", "leader").await;
        until_locks(&before, 2).await;
        tab.core.close();
        until_locks(&before, 0).await;
    }
}

#[wasm_bindgen_test]
async fn a_tab_that_is_put_away_leaves_the_lead_to_another() {
    let _page = Changed::page();
    let first = Tab::start("leaves");
    first.until("role", "leader").await;
    // One that does not hear what the page is told: it begins after that.
    page::happen("document", "freeze");
    let second = Tab::start("leaves");
    second.until("role", "leader").await;
    page::happen("document", "resume");
    first.until("role", "follower").await;
    second.until("tabs", "2").await;
}

#[wasm_bindgen_test]
async fn what_the_page_hears_reaches_the_engine() {
    let _page = Changed::page();
    let contract = r#""contracts":{"c":{"key":["tasks"],"maxAge":60000,"hidden":"pause"}}"#;
    let tab = Tab::start_with("facts", contract);
    tab.until("role", "leader").await;
    tab.command(r#"{"do":"fetch","key":["tasks"],"phase":"observe"}"#);
    tab.command(r#"{"do":"fetch","key":["tasks"],"phase":"start"}"#);
    tab.command(r#"{"do":"fetch","key":["tasks"],"phase":"success"}"#);
    tab.until("freshness.0.state", "fresh").await;
    page::show(false);
    tab.until("freshness.0.state", "paused").await;
    page::show(true);
    tab.until("freshness.0.state", "fresh").await;

    page::happen("window", "offline");
    tab.until("status", "offline").await;
    page::happen("window", "online");
    eventually("it is not offline", "false", || {
        (tab.get("status") == "offline").to_string()
    })
    .await;
    assert_eq!(tab.broke.borrow().len(), 0);
}

#[wasm_bindgen_test]
async fn the_window_that_gets_the_focus_back_looks_again() {
    let _page = Changed::page();
    let contract =
        r#""contracts":{"c":{"key":["tasks"],"minInterval":10,"refetchOnFocusAfter":10}}"#;
    let tab = Tab::start_with("focus", contract);
    tab.until("role", "leader").await;
    tab.command(r#"{"do":"fetch","key":["tasks"],"phase":"observe"}"#);
    tab.command(r#"{"do":"fetch","key":["tasks"],"phase":"start"}"#);
    tab.command(r#"{"do":"fetch","key":["tasks"],"phase":"success"}"#);
    page::happen("window", "blur");
    pause(40).await;
    assert!(!tab.heard(&[r#""type":"refetch""#]));
    page::happen("window", "focus");
    tab.hear(&[r#""type":"refetch""#, r#""why":"focus""#]).await;
}

#[wasm_bindgen_test]
async fn fault_44_without_locks_each_tab_is_for_itself() {
    let _page = Changed::page();
    page::take_uncaught();
    page::lack("navigator", "locks");
    let tab = Tab::start("no-locks");
    tab.until("role", "alone").await;
    tab.hear(&[r#""type":"fault""#, r#""code":"alone""#]).await;
    let other = Tab::start("no-locks");
    other.until("role", "alone").await;
    assert_eq!(page::take_uncaught(), "");
}

#[wasm_bindgen_test]
async fn fault_44_without_a_channel_each_tab_is_for_itself() {
    let _page = Changed::page();
    page::take_uncaught();
    page::lack("window", "BroadcastChannel");
    let tab = Tab::start("no-channel");
    tab.until("role", "alone").await;
    tab.hear(&[r#""type":"fault""#, r#""code":"alone""#]).await;
    assert_eq!(page::take_uncaught(), "");
}

#[wasm_bindgen_test]
async fn fault_53_a_logout_in_one_tab_fences_the_others() {
    let _page = Changed::page();
    let one = Tab::start_with("users", r#""user":"anna""#);
    one.until("role", "leader").await;
    let two = Tab::start_with("users", r#""user":"anna""#);
    two.until("role", "follower").await;
    two.command(r#"{"do":"user","user":null}"#);
    one.until("status", "needs-auth").await;
    one.hear(&[
        r#""type":"user""#,
        r#""change":"fenced""#,
        r#""clear":true"#,
    ])
    .await;
}
