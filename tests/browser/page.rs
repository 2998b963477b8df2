//! The page around an instance: what `page.js` does to it.

use everfresh::api::Host;
use js_sys::{Function, JSON, Promise, Reflect};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(module = "/tests/browser/page.js")]
extern "C" {
    #[wasm_bindgen(js_name = makeHost)]
    pub(crate) fn make_host(deliver: &Function, broke: &Function) -> Host;
    #[wasm_bindgen(js_name = takeUncaught)]
    pub(crate) fn take_uncaught() -> String;
    pub(crate) fn happen(target: &str, name: &str);
    pub(crate) fn locks() -> Promise;

    #[wasm_bindgen(js_name = fakeSockets)]
    pub(crate) fn fake_sockets(refuses: bool);
    #[wasm_bindgen(js_name = socketCalls)]
    fn socket_calls() -> String;
    #[wasm_bindgen(js_name = socketOpen)]
    pub(crate) fn socket_open(at: i32);
    #[wasm_bindgen(js_name = socketSay)]
    pub(crate) fn socket_say(at: i32, text: &str, binary: bool);
    #[wasm_bindgen(js_name = socketClose)]
    pub(crate) fn socket_close(at: i32, code: u16, reason: &str);

    #[wasm_bindgen(js_name = fakeWorkers)]
    pub(crate) fn fake_workers(refuses: bool);
    #[wasm_bindgen(js_name = workerCalls)]
    fn worker_calls() -> String;
    #[wasm_bindgen(js_name = workerSay)]
    pub(crate) fn worker_say(at: i32, records: &str);
    #[wasm_bindgen(js_name = workerFail)]
    pub(crate) fn worker_fail(at: i32);
    #[wasm_bindgen(js_name = stopTimers)]
    pub(crate) fn stop_timers();
    pub(crate) async fn wait(ms: u32);

    #[wasm_bindgen(js_name = fakeFetch)]
    pub(crate) fn fake_fetch();
    #[wasm_bindgen(js_name = fetchCalls)]
    fn fetch_calls() -> String;
    #[wasm_bindgen(js_name = fetchIndex)]
    pub(crate) fn fetch_index(end: &str) -> i32;
    #[wasm_bindgen(js_name = fetchAnswer)]
    pub(crate) fn fetch_answer(at: i32, status: u16, headers: &str, body: &str);
    #[wasm_bindgen(js_name = fetchFail)]
    pub(crate) fn fetch_fail(at: i32);
    #[wasm_bindgen(js_name = fetchStream)]
    pub(crate) fn fetch_stream(at: i32, status: u16, headers: &str);
    #[wasm_bindgen(js_name = fetchPush)]
    pub(crate) fn fetch_push(at: i32, text: &str, from: u32, to: u32);
    #[wasm_bindgen(js_name = fetchPushBytes)]
    pub(crate) fn fetch_push_bytes(at: i32, count: u32);
    #[wasm_bindgen(js_name = fetchEnd)]
    pub(crate) fn fetch_end(at: i32);

    fn restore();
    pub(crate) fn lack(of: &str, name: &str);
    #[wasm_bindgen(js_name = blockStorage)]
    pub(crate) fn block_storage(name: &str);
    #[wasm_bindgen(js_name = refuseWrites)]
    pub(crate) fn refuse_writes(name: &str);
    pub(crate) fn show(visible: bool);

    #[wasm_bindgen(js_name = watchLeaks)]
    pub(crate) fn watch_leaks();
    #[wasm_bindgen(js_name = leftBehind)]
    pub(crate) fn left_behind() -> String;

    #[wasm_bindgen(js_name = storeSet)]
    pub(crate) fn store_set(key: &str, value: &str);
    #[wasm_bindgen(js_name = storeGet)]
    pub(crate) fn store_get(key: &str) -> Option<String>;
    #[wasm_bindgen(js_name = storeKeys)]
    pub(crate) fn store_keys() -> String;
    #[wasm_bindgen(js_name = sessionKeys)]
    pub(crate) fn session_keys() -> String;
    #[wasm_bindgen(js_name = clearStores)]
    pub(crate) fn clear_stores();
    #[wasm_bindgen(js_name = fillStore)]
    pub(crate) fn fill_store() -> u32;
    #[wasm_bindgen(js_name = otherDocument)]
    pub(crate) fn other_document() -> JsValue;
    #[wasm_bindgen(js_name = otherSets)]
    pub(crate) fn other_sets(frame: &JsValue, key: &str, value: &str);
    #[wasm_bindgen(js_name = otherClears)]
    pub(crate) fn other_clears(frame: &JsValue);
    #[wasm_bindgen(js_name = removeFrame)]
    pub(crate) fn remove_frame(frame: &JsValue);
}

/// What was changed about the page is put back when this is dropped; a test that fails does not
/// spoil the next one.
pub(crate) struct Changed;

impl Changed {
    /// From a page as the browser made it, with nothing stored.
    pub(crate) fn page() -> Changed {
        restore();
        clear_stores();
        Changed
    }
}

impl Drop for Changed {
    fn drop(&mut self) {
        restore();
        clear_stores();
    }
}

/// A member of the socket at a place in the list, counted from its end by negative numbers.
pub(crate) fn socket(at: i32, member: &str) -> String {
    read(&socket_calls(), at, member)
}

/// How many sockets were opened.
pub(crate) fn sockets() -> i32 {
    read(&socket_calls(), 0, "length").parse().unwrap_or(0)
}

/// A member of the worker at a place in the list.
pub(crate) fn worker(at: i32, member: &str) -> String {
    read(&worker_calls(), at, member)
}

/// A member of the request at a place in the list.
pub(crate) fn request(at: i32, member: &str) -> String {
    read(&fetch_calls(), at, member)
}

/// Reads a list in JSON text: a member of an element as text, or the length of the list.
fn read(list: &str, at: i32, member: &str) -> String {
    let list = js_sys::Array::from(&JSON::parse(list).unwrap_or_default());
    if member == "length" {
        return list.length().to_string();
    }
    let mut value = list.at(at);
    for name in member.split('.') {
        value = Reflect::get(&value, &JsValue::from_str(name)).unwrap_or_default();
    }
    match value.as_string() {
        Some(text) => text,
        None if value.is_undefined() => String::new(),
        None => JSON::stringify(&value)
            .map(String::from)
            .unwrap_or_default(),
    }
}
