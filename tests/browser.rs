//! The class that JavaScript sees, in a real browser: do the deeds reach the platform?
//!
//! `wasm-pack test --headless --chrome|--firefox|--safari -- --test browser`

#![cfg(target_arch = "wasm32")]
// A test that cannot go on has failed.
#![allow(clippy::expect_used)]

use std::cell::RefCell;
use std::rc::Rc;

use everfresh::api::Core;
use gloo_timers::future::TimeoutFuture;
use js_sys::{Function, JSON, Reflect};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// How long a condition may take before a test is given up. Not a measure of speed: browsers on a
/// busy machine take seconds for what takes milliseconds.
const PATIENCE_MS: u32 = 20_000;

/// What an instance tells to.
type Listener = Closure<dyn FnMut(String)>;

thread_local! {
    /// Kept to the end: an instance that was freed has last words.
    static LISTENERS: RefCell<Vec<Listener>> = const { RefCell::new(Vec::new()) };
}

/// An instance with everything that it told.
struct Tab {
    core: Core,
    told: Rc<RefCell<Vec<String>>>,
}

impl Tab {
    /// A started instance. Instances of one name are like tabs of one browser to each other.
    fn start(name: &str) -> Tab {
        let told = Rc::new(RefCell::new(Vec::new()));
        let into = Rc::clone(&told);
        let deliver = Closure::<dyn FnMut(String)>::new(move |batch| into.borrow_mut().push(batch));
        let function: Function = deliver.as_ref().unchecked_ref::<Function>().clone();
        LISTENERS.with_borrow_mut(|listeners| listeners.push(deliver));
        let core = Core::new(&config(name), function).expect("a good configuration");
        core.start();
        Tab { core, told }
    }

    /// A member of the snapshot.
    fn get(&self, member: &str) -> String {
        let snapshot = JSON::parse(&self.core.snapshot()).expect("the snapshot is JSON");
        let value = Reflect::get(&snapshot, &JsValue::from_str(member)).expect("an object");
        value
            .as_string()
            .or_else(|| value.as_f64().map(|n| n.to_string()))
            .unwrap_or_default()
    }

    async fn until(&self, member: &str, value: &str) {
        eventually(member, value, || self.get(member)).await;
    }
}

/// Nobody listens at port 1, and browsers refuse to try.
fn config(name: &str) -> String {
    format!(
        r#"{{"name":"{name}","backend":{{"kind":"everfresh","url":"ws://127.0.0.1:1/live"}},
            "channels":["tasks"],"events":{{"task_updated":[["tasks"]]}}}}"#
    )
}

async fn eventually(what: &str, expected: &str, mut read: impl FnMut() -> String) {
    let mut waited = 0;
    while read() != expected {
        assert!(
            waited < PATIENCE_MS,
            "{what} is {:?}, not {expected:?}",
            read()
        );
        TimeoutFuture::new(20).await;
        waited += 20;
    }
}

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
    let told = Rc::clone(&tab.told);
    eventually("a status was told", "true", || {
        let found = told
            .borrow()
            .iter()
            .any(|batch| batch.contains("\"status\":\"reconnecting\""));
        found.to_string()
    })
    .await;
}

#[wasm_bindgen_test]
async fn what_the_app_makes_stale_is_told_after_the_call() {
    let tab = Tab::start("app");
    tab.core
        .command(r#"{"do":"invalidate","keys":[["tasks"]]}"#)
        .expect("a good command");
    let during = tab
        .told
        .borrow()
        .iter()
        .any(|batch| batch.contains("\"why\":\"app\""));
    assert!(!during, "the app is never called while it calls");
    let told = Rc::clone(&tab.told);
    eventually("an invalidation was told", "true", || {
        let found = told
            .borrow()
            .iter()
            .any(|batch| batch.contains(r#""type":"invalidate","keys":[["tasks"]]"#));
        found.to_string()
    })
    .await;
}

#[wasm_bindgen_test]
fn a_bad_configuration_says_what_is_wrong_and_where() {
    let deliver = Function::new_no_args("");
    let error = Core::new(r#"{"backend":{"kind":"fax"}}"#, deliver)
        .err()
        .expect("refused");
    let get = |name: &str| {
        Reflect::get(&error, &JsValue::from_str(name))
            .ok()
            .and_then(|v| v.as_string())
    };
    assert_eq!(get("code").as_deref(), Some("bad-option"));
    assert_eq!(get("path").as_deref(), Some("backend.kind"));
    assert_eq!(get("name").as_deref(), Some("EverfreshError"));
}

#[wasm_bindgen_test]
fn closing_again_and_using_a_closed_instance_do_no_harm() {
    let tab = Tab::start("closed");
    tab.core.close();
    tab.core.close();
    tab.core.start();
    tab.core
        .command(r#"{"do":"reconnect"}"#)
        .expect("a good command");
    assert_eq!(tab.get("status"), "closed");
}

#[wasm_bindgen_test]
async fn an_instance_may_be_freed_before_the_browser_is_done_with_it() {
    let uncaught = Uncaught::collect();
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
    TimeoutFuture::new(50).await;
    assert_eq!(uncaught.list(), "");
}

/// What nobody caught on the page: errors, and rejections of promises.
struct Uncaught;

impl Uncaught {
    fn collect() -> Uncaught {
        Function::new_no_args(
            "globalThis.uncaught = [];
             addEventListener('error', (event) => uncaught.push(event.message));
             addEventListener('unhandledrejection', (event) => uncaught.push(String(event.reason)));",
        )
        .call0(&JsValue::UNDEFINED)
        .expect("listens");
        Uncaught
    }

    fn list(&self) -> String {
        let list = Function::new_no_args("return uncaught.join('; ')");
        let list = list.call0(&JsValue::UNDEFINED).expect("a list");
        list.as_string().unwrap_or_default()
    }
}
