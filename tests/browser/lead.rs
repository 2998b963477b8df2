//! One tab leads, and another takes over.

use wasm_bindgen_test::wasm_bindgen_test;

use crate::page;
use crate::tab::{Tab, pause};

#[wasm_bindgen_test]
async fn one_of_two_leads_and_the_other_takes_over() {
    let first = Tab::start("take-over");
    first.until("role", "leader").await;
    let second = Tab::start("take-over");
    second.until("role", "follower").await;
    first.until("tabs", "2").await;
    second.until("tabs", "2").await;
    assert_ne!(first.get("tab"), second.get("tab"));

    first.core.close();
    second.until("role", "leader").await;
    assert_eq!(first.get("status"), "closed");
}

#[wasm_bindgen_test]
async fn instances_of_other_names_have_nothing_in_common() {
    let one = Tab::start("apart-1");
    let other = Tab::start("apart-2");
    one.until("role", "leader").await;
    other.until("role", "leader").await;
}

#[wasm_bindgen_test]
async fn a_server_that_is_not_there_is_dialled_again() {
    let tab = Tab::start("no-server");
    tab.until("role", "leader").await;
    tab.until("status", "reconnecting").await;
    tab.hear(&[r#""type":"status""#, r#""status":"reconnecting""#])
        .await;
}

#[wasm_bindgen_test]
async fn an_instance_may_be_freed_before_the_browser_is_done_with_it() {
    page::take_uncaught();
    let other = Tab::start("freed");
    other.until("role", "leader").await;
    for _ in 0..50 {
        // One that waits in the queue, closed and freed at once; and one freed without a close.
        drop(Tab::start("freed"));
        drop(Tab::start("freed-alone"));
    }
    // The queue passes on in order: when this one leads, all the others have been called back.
    let last = Tab::start("freed-alone");
    last.until("role", "leader").await;
    assert_eq!(other.get("role"), "leader");
    pause(50).await;
    assert_eq!(page::take_uncaught(), "");
}
