//! The storage that all tabs share, and the one of this tab. Every access may throw.

use wasm_bindgen_test::wasm_bindgen_test;

use crate::page::{self, Changed};
use crate::tab::{Tab, eventually, pause};

const MUTATE: &str = r#"{"do":"mutate","id":ID,"name":"add","vars":{"n":ID},"lane":"l"}"#;

fn mutate(tab: &Tab, id: u32) {
    tab.command(&MUTATE.replace("ID", &id.to_string()));
}

/// How many mutations are stored.
fn stored() -> usize {
    let keys = page::store_keys();
    keys.lines().filter(|key| key.contains(":q:m")).count()
}

async fn accepted(tab: &Tab, id: u32, durable: bool) {
    let call = format!(r#""call":{id},"#);
    let durable = format!(r#""durable":{durable}"#);
    tab.hear(&[r#""state":"accepted""#, &call, &durable]).await;
}

async fn refused(tab: &Tab, id: u32, code: &str) {
    let call = format!(r#""call":{id},"#);
    let code = format!(r#""code":"{code}""#);
    tab.hear(&[r#""state":"refused""#, &call, &code]).await;
}

#[wasm_bindgen_test]
async fn what_is_accepted_is_stored_before_it_is_said_and_read_by_the_next_page() {
    let _page = Changed::page();
    let tab = Tab::start("store");
    tab.until("role", "leader").await;
    for id in 0..5 {
        mutate(&tab, id);
    }
    for id in 0..5 {
        accepted(&tab, id, true).await;
    }
    assert_eq!(stored(), 5);
    tab.core.close();
    let next = Tab::start("store");
    next.until("queue.count", "5").await;
    next.command(r#"{"do":"handle","name":"add"}"#);
    let run = next.hear(&[r#""type":"run""#, r#""vars":{"n":0}"#]).await;
    let id = run
        .split(r#""id":""#)
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    let id = id.expect("an id");
    next.command(&format!(
        r#"{{"do":"done","id":"{id}","attempt":1,"outcome":{{"ok":true,"data":null}}}}"#
    ));
    eventually("it is done", "4", || stored().to_string()).await;
    next.hear(&[r#""type":"run""#, r#""vars":{"n":1}"#]).await;
}

#[wasm_bindgen_test]
async fn fault_46_a_full_storage_is_said_at_once_and_harms_nothing_older() {
    let _page = Changed::page();
    let tab = Tab::start("quota");
    tab.until("role", "leader").await;
    mutate(&tab, 1);
    accepted(&tab, 1, true).await;
    let old = page::store_keys();
    let old = old
        .lines()
        .find(|key| key.contains(":q:m"))
        .expect("a record");
    let record = page::store_get(old).expect("it is there");
    assert!(page::fill_store() > 1 << 20, "it was really filled");
    mutate(&tab, 2);
    refused(&tab, 2, "quota").await;
    assert_eq!(
        page::store_get(old),
        Some(record),
        "the older one is as it was"
    );
    assert_eq!(stored(), 1);
    page::store_set("filler", "");
    mutate(&tab, 3);
    accepted(&tab, 3, true).await;
}

#[wasm_bindgen_test]
async fn fault_44_a_storage_that_throws_whatever_is_done_is_survived() {
    let _page = Changed::page();
    page::take_uncaught();
    page::block_storage("localStorage");
    page::block_storage("sessionStorage");
    let tab = Tab::start_with(
        "blocked",
        r#""contracts":{"c":{"key":["tasks"],"maxAge":60000,"reloadKey":"r"}}"#,
    );
    tab.until("role", "leader").await;
    mutate(&tab, 1);
    refused(&tab, 1, "blocked").await;
    page::happen("window", "pagehide");
    page::happen("window", "pageshow");
    tab.until("role", "leader").await;
    let volatile = Tab::start_with("blocked-volatile", r#""queue":{"volatile":true}"#);
    volatile.until("role", "leader").await;
    mutate(&volatile, 1);
    accepted(&volatile, 1, false).await;
    assert_eq!(
        (tab.broke.borrow().len(), page::take_uncaught()),
        (0, String::new())
    );
}

#[wasm_bindgen_test]
async fn a_write_that_is_refused_is_typed_by_its_name() {
    for (name, code) in [
        ("QuotaExceededError", "quota"),
        ("NS_ERROR_DOM_QUOTA_REACHED", "quota"),
        ("SecurityError", "blocked"),
        ("InvalidStateError", "blocked"),
    ] {
        let _page = Changed::page();
        let tab = Tab::start(&format!("typed-{name}"));
        tab.until("role", "leader").await;
        page::refuse_writes(name);
        mutate(&tab, 1);
        refused(&tab, 1, code).await;
    }
}

#[wasm_bindgen_test]
async fn fault_47_what_another_document_clears_is_written_again() {
    let _page = Changed::page();
    let tab = Tab::start("cleared");
    tab.until("role", "leader").await;
    mutate(&tab, 1);
    mutate(&tab, 2);
    accepted(&tab, 2, true).await;
    assert_eq!(stored(), 2);
    let other = page::other_document();
    page::other_clears(&other);
    eventually("they are back", "2", || stored().to_string()).await;
    page::remove_frame(&other);
}

#[wasm_bindgen_test]
async fn fault_53_what_another_document_writes_is_heard() {
    let _page = Changed::page();
    let tab = Tab::start_with("heard", r#""user":"anna""#);
    tab.until("role", "leader").await;
    // The mark that says who is there; every instance of this name and backend has the same.
    let mark = || {
        let keys = page::store_keys();
        let marks: Vec<&str> = keys.lines().filter(|key| !key.contains(":q:")).collect();
        marks
            .first()
            .map(|key| (*key).to_owned())
            .unwrap_or_default()
    };
    eventually("there is a mark", "true", || {
        (!mark().is_empty()).to_string()
    })
    .await;
    let claim = page::store_get(&mark()).expect("it is there");
    // Nobody is there now, by the word of a later claim.
    let digits: String = claim.chars().filter(char::is_ascii_digit).collect();
    assert!(digits.len() > 3, "{claim}");
    let other = page::other_document();
    page::other_sets(&other, &mark(), &later_and_nobody(&claim));
    tab.until("status", "needs-auth").await;
    tab.hear(&[r#""type":"user""#, r#""change":"fenced""#])
        .await;
    page::remove_frame(&other);
}

/// The same claim with a higher number, and without a person.
fn later_and_nobody(claim: &str) -> String {
    let edit = js_sys::Function::new_with_args(
        "text",
        "const claim = JSON.parse(text);
         for (const key of Object.keys(claim)) {
           if (typeof claim[key] === 'number' && claim[key] > 1e6) claim[key] += 1000;
           if (key === 'who') claim[key] = null;
         }
         return JSON.stringify(claim)",
    );
    let edited = edit.call1(&wasm_bindgen::JsValue::UNDEFINED, &claim.into());
    edited
        .ok()
        .and_then(|text| text.as_string())
        .expect("a claim")
}

#[wasm_bindgen_test]
async fn fault_57_the_age_of_data_is_kept_over_a_reload_and_used() {
    const CONTRACT: &str =
        r#""contracts":{"c":{"key":["tasks"],"maxAge":60000,"reloadKey":"tasks"}}"#;
    let _page = Changed::page();
    let tab = Tab::start_with("reload", CONTRACT);
    tab.until("role", "leader").await;
    tab.command(r#"{"do":"fetch","key":["tasks"],"phase":"observe"}"#);
    tab.command(r#"{"do":"fetch","key":["tasks"],"phase":"start"}"#);
    tab.command(r#"{"do":"fetch","key":["tasks"],"phase":"success"}"#);
    page::happen("window", "pagehide");
    assert_eq!(
        page::session_keys().lines().count(),
        1,
        "{}",
        page::session_keys()
    );
    drop(tab);
    pause(30).await;
    let next = Tab::start_with("reload", CONTRACT);
    next.until("role", "leader").await;
    next.command(r#"{"do":"fetch","key":["tasks"],"phase":"observe"}"#);
    let age = || next.get("freshness.0.age").parse::<f64>().unwrap_or(-1.0);
    assert!(age() >= 30.0 && age() < 60_000.0, "{}", age());
    assert_eq!(next.get("freshness.0.state"), "fresh");
}
