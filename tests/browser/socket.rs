//! A socket on the page: a stand-in shows what is said to the platform, and says what a real one
//! would.

use wasm_bindgen_test::wasm_bindgen_test;

use crate::page::{self, Changed, socket, sockets};
use crate::tab::{Tab, eventually};

const WELCOME: &str = r#"{"t":"welcome","v":1,"session":"S","ping":25000,"now":1761940800000}"#;

async fn dialled(count: i32) {
    eventually("sockets were opened", &count.to_string(), || {
        sockets().to_string()
    })
    .await;
}

#[wasm_bindgen_test]
async fn a_socket_is_opened_greeted_heard_and_closed() {
    let _page = Changed::page();
    page::fake_sockets(false);
    let tab = Tab::start("socket");
    dialled(1).await;
    assert_eq!(socket(0, "url"), "ws://127.0.0.1:1/live");
    assert_eq!(socket(0, "protocol"), "fresh.v1");
    assert_eq!(socket(0, "sent"), "[]", "nothing is said before it is open");
    page::socket_open(0);
    assert!(socket(0, "sent.0").contains(r#""t":"hello""#));
    page::socket_say(0, WELCOME, false);
    tab.until("status", "connected").await;
    let event = r#"{"t":"ev","ch":"tasks","s":1,"name":"task_updated","data":{"title":"Füße 🦶"}}"#;
    tab.command(r#"{"do":"listen","event":"task_updated"}"#);
    let subscribed =
        r#"{"t":"subd","id":1,"ch":"tasks","pos":{"e":"E","s":0},"recovered":null,"missed":[]}"#;
    page::socket_say(0, subscribed, false);
    // A frame of bytes is a frame like any other.
    page::socket_say(0, event, true);
    tab.hear(&[r#""type":"event""#, "Füße 🦶"]).await;
    tab.core.close();
    assert_eq!(socket(0, "closed"), "1000");
    assert_eq!(tab.broke.borrow().len(), 0);
}

#[wasm_bindgen_test]
async fn fault_5_the_code_of_a_close_reaches_the_engine() {
    let _page = Changed::page();
    page::fake_sockets(false);
    let tab = Tab::start("socket-code");
    dialled(1).await;
    page::socket_open(0);
    page::socket_close(0, 4403, "a reason");
    tab.until("status", "failed").await;
}

#[wasm_bindgen_test]
async fn a_browser_that_refuses_a_socket_at_once_is_a_link_that_failed() {
    let _page = Changed::page();
    page::fake_sockets(true);
    let tab = Tab::start("socket-refused");
    tab.until("role", "leader").await;
    tab.until("status", "reconnecting").await;
    assert_eq!(tab.broke.borrow().len(), 0);
}

#[wasm_bindgen_test]
async fn fault_12_what_an_old_socket_still_says_is_dropped() {
    let _page = Changed::page();
    page::fake_sockets(false);
    let tab = Tab::start("socket-old");
    dialled(1).await;
    page::socket_open(0);
    page::socket_say(0, WELCOME, false);
    tab.until("status", "connected").await;
    page::socket_close(0, 1006, "");
    tab.command(r#"{"do":"reconnect"}"#);
    dialled(2).await;
    let frames = tab.get("counters.frames");
    page::socket_say(0, WELCOME, false);
    page::socket_close(0, 4403, "");
    assert_eq!(tab.get("counters.frames"), frames);
    assert_ne!(tab.get("status"), "failed");
    page::socket_open(1);
    page::socket_say(1, WELCOME, false);
    tab.until("authenticated", "true").await;
}
