//! What the npm package gives to an instance: functions of its side of the border.

use js_sys::Function;
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
    pub type Host;

    #[wasm_bindgen(method, getter)]
    pub(super) fn deliver(this: &Host) -> Function;

    #[wasm_bindgen(method)]
    pub(super) fn guard(this: &Host, callback: &Function) -> Function;
}
