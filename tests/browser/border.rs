//! The border to JavaScript: what is refused, what the app does from within its own functions, and
//! an engine that breaks.

use std::cell::RefCell;
use std::rc::Rc;

use everfresh::api::Core;
use js_sys::{Function, Reflect};
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::page;
use crate::tab::{Tab, all_locks, config, eventually, hears, pause};

#[wasm_bindgen_test]
fn a_bad_configuration_says_what_is_wrong_and_where() {
    let nothing = Function::new_no_args("");
    let error = Core::new(
        r#"{"backend":{"kind":"fax"}}"#,
        page::make_host(&nothing, &nothing),
    )
    .err()
    .expect("refused");
    let get = |name: &str| {
        Reflect::get(&error, &JsValue::from_str(name))
            .ok()
            .and_then(|v| v.as_string())
    };
    assert_eq!(get("code").as_deref(), Some("bad-option"));
    assert_eq!(get("path").as_deref(), Some("backend.kind"));
    // What would have been right; the npm package makes a sentence of it.
    // Another wire is one more name in that sentence.
    let expected = get("message").expect("a message");
    let named = expected.split(" or ").flat_map(|part| part.split(", "));
    let named: Vec<_> = named.map(|name| name.trim_matches('"')).collect();
    assert!(named.len() > 1 && named[0] == "everfresh", "{expected}");
}

#[wasm_bindgen_test]
fn closing_again_and_using_a_closed_instance_do_no_harm() {
    let tab = Tab::start("closed");
    tab.core.close();
    tab.core.close();
    tab.core.start();
    tab.command(r#"{"do":"reconnect"}"#);
    assert_eq!(tab.get("status"), "closed");
}

#[wasm_bindgen_test]
async fn what_the_app_makes_stale_is_told_after_the_call() {
    let tab = Tab::start("app");
    tab.command(r#"{"do":"invalidate","keys":[["tasks"]]}"#);
    assert!(
        !tab.heard(&[r#""why":"app""#]),
        "the app is never called while it calls"
    );
    tab.hear(&[r#""type":"invalidate""#, r#""keys":[["tasks"]]"#])
        .await;
}

#[wasm_bindgen_test]
async fn fault_59_the_app_may_close_and_command_from_within_its_own_function() {
    page::take_uncaught();
    let core: Rc<RefCell<Option<Core>>> = Rc::default();
    let calls = Rc::new(RefCell::new(0));
    let (own, count) = (Rc::clone(&core), Rc::clone(&calls));
    let deliver = hears(move |_| {
        *count.borrow_mut() += 1;
        if let Some(core) = &*own.borrow() {
            core.command(r#"{"do":"invalidate","keys":[["tasks"]]}"#)
                .expect("a good command");
            core.close();
            core.snapshot();
        }
    });
    let broke = hears(|error| take_uncaught_and_fail(&error));
    let made = Core::new(&config("inside", ""), page::make_host(&deliver, &broke)).expect("good");
    made.start();
    core.replace(Some(made));
    eventually("the app was called", "true", || {
        (*calls.borrow() > 0).to_string()
    })
    .await;
    let status = || {
        let core = core.borrow();
        let closed = core
            .as_ref()
            .is_some_and(|core| core.snapshot().contains(r#""closed""#));
        closed.to_string()
    };
    eventually("it is closed", "true", status).await;
    pause(50).await;
    assert_eq!(page::take_uncaught(), "");
}

fn take_uncaught_and_fail(error: &str) {
    assert_eq!(error, "", "nothing may break");
}

#[wasm_bindgen_test]
async fn fault_59_a_function_of_the_app_that_throws_is_reported_and_harms_nothing() {
    page::take_uncaught();
    let throws = Function::new_no_args("throw new Error('thrown by the app')");
    let broke = hears(|error| take_uncaught_and_fail(&error));
    let core = Core::new(&config("throws", ""), page::make_host(&throws, &broke)).expect("good");
    core.start();
    let mut seen = String::new();
    eventually("it was reported", "true", || {
        seen.push_str(&page::take_uncaught());
        seen.contains("thrown by the app").to_string()
    })
    .await;
    let leads = || core.snapshot().contains(r#""role":"leader""#).to_string();
    eventually("it goes on", "true", leads).await;
    core.close();
    // Its last words are thrown back too.
    pause(50).await;
    page::take_uncaught();
}

#[cfg(feature = "faults")]
#[wasm_bindgen_test]
async fn fault_59_an_engine_that_panics_is_caught_and_gives_back_what_it_holds() {
    page::take_uncaught();
    let before = all_locks().await;
    let tab = Tab::start("panics");
    tab.until("role", "leader").await;
    let other = Tab::start("panics");
    other.until("role", "follower").await;
    tab.core.panic_next();
    page::happen("window", "focus");
    eventually("it broke", "1", || tab.broke.borrow().len().to_string()).await;
    assert!(
        tab.broke.borrow()[0].starts_with("RuntimeError"),
        "{:?}",
        tab.broke.borrow()
    );
    tab.core.abandon();
    tab.core.close();
    // The lock passes on, and one more instance in the same module runs as if nothing had been.
    other.until("role", "leader").await;
    let third = Tab::start("panics");
    third.until("role", "follower").await;
    pause(50).await;
    assert_eq!(page::take_uncaught(), "");
    assert_eq!(other.broke.borrow().len(), 0);
    drop(tab);
    other.core.close();
    third.until("role", "leader").await;
    third.core.close();
    let new = |locks: &str| {
        let new = locks
            .lines()
            .filter(|lock| !before.lines().any(|old| old == *lock));
        new.count()
    };
    for _ in 0..100 {
        if new(&all_locks().await) == 0 {
            return;
        }
        pause(50).await;
    }
    panic!("not given back: {}", all_locks().await);
}
