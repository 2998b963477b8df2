//! Nothing is left behind.

use everfresh::api::Core;
use js_sys::WebAssembly::Memory;
use js_sys::{ArrayBuffer, Function};
use wasm_bindgen::JsCast;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::page::{self, Changed};
use crate::tab::{config, eventually};

fn memory() -> f64 {
    let memory = wasm_bindgen::memory().unchecked_into::<Memory>();
    f64::from(
        memory
            .buffer()
            .unchecked_into::<ArrayBuffer>()
            .byte_length(),
    )
}

/// An instance that nobody listens to: what it told would grow too.
fn start(host: &Function) -> Core {
    let config = config("cycle", r#""user":"anna""#);
    let core = Core::new(&config, page::make_host(host, host)).expect("a good configuration");
    core.start();
    core
}

async fn leads(core: &Core) {
    let leads = || core.snapshot().contains(r#""role":"leader""#).to_string();
    eventually("it leads", "true", leads).await;
}

/// Instances that were made, started and closed again: as React's StrictMode does it, a moment
/// later, or when they lead and dial.
async fn cycles(host: &Function, count: u32) {
    for at in 0..count {
        let core = start(host);
        if at % 20 == 0 {
            leads(&core).await;
            core.command(r#"{"do":"mutate","id":1,"name":"add","vars":1}"#)
                .expect("a good command");
        }
        core.close();
        if at % 2 == 0 {
            drop(core);
        }
    }
    page::clear_stores();
    // The last one gets the lock when all before it are gone.
    let last = start(host);
    leads(&last).await;
    last.close();
}

#[wasm_bindgen_test]
async fn fault_60_a_thousand_instances_leave_nothing_behind() {
    let _page = Changed::page();
    page::take_uncaught();
    page::watch_leaks();
    let nobody = Function::new_no_args("");
    let mut grown = Vec::new();
    // How many are alive at a time differs, and so what the memory has to hold; what is lost with
    // each is lost in every round.
    while grown.last() != Some(&0.0) {
        assert!(grown.len() < 5, "bytes more after each round: {grown:?}");
        let used = memory();
        cycles(&nobody, 1000).await;
        // What the browser itself has still to call, it calls now.
        eventually("nothing is left", "", page::left_behind).await;
        grown.push(memory() - used);
    }
    assert_eq!(page::take_uncaught(), "");
}
