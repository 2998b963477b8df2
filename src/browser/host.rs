//! What the npm package gives to an instance: functions of its side of the border.

use js_sys::Function;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    /// An object of JavaScript with these members:
    ///
    /// * `deliver(batch)` takes a batch of notices as JSON text. It is called in a microtask, when
    ///   none of ours is running, so it may do whatever it likes, closing the instance included.
    /// * `guard(callback)` gives a function that calls `callback` and catches what it throws.
    ///   Nothing of ours throws on purpose: what comes out has left the engine in no known state,
    ///   so the instance is to be abandoned.
    /// * `relay(hears)` starts a worker with the relay's file, or throws where the page may have
    ///   none. `hears` is called with what it hands over, and with no bytes when it cannot begin or
    ///   broke.
    pub type Host;

    #[wasm_bindgen(method, getter)]
    pub(super) fn deliver(this: &Host) -> Function;

    #[wasm_bindgen(method, catch)]
    pub(super) fn relay(this: &Host, hears: &Function) -> Result<RelayWorker, JsValue>;

    #[wasm_bindgen(method)]
    pub(super) fn guard(this: &Host, callback: &Function) -> Function;

    /// A relay worker, with these members:
    ///
    /// * `open(conn, url, protocol)` opens a socket, with a subprotocol if it is not empty.
    /// * `say(conn, text)` sends the text on it; without a text it closes it.
    /// * `wake(ms)` has it tick after a span of time, instead of what was said before.
    /// * `end(last_words)` ends it: at once, or when it has sent what it was given.
    pub(super) type RelayWorker;

    #[wasm_bindgen(method)]
    pub(super) fn open(this: &RelayWorker, conn: u32, url: &str, protocol: &str);

    #[wasm_bindgen(method)]
    pub(super) fn say(this: &RelayWorker, conn: u32, text: &str);

    #[wasm_bindgen(method)]
    pub(super) fn wake(this: &RelayWorker, ms: u32);

    #[wasm_bindgen(method)]
    pub(super) fn end(this: &RelayWorker, last_words: bool);
}
