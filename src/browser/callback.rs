//! Functions of ours that the browser calls.

use js_sys::{Function, Promise};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use super::host::Host;

#[wasm_bindgen]
extern "C" {
    type Thenable;

    #[wasm_bindgen(method)]
    fn then(this: &Thenable, done: &Function, failed: &Function) -> JsValue;
}

/// One shape for all, because each shape costs the download glue of its own.
type Call = dyn FnMut(JsValue) -> JsValue;

/// A function that the browser may call for as long as this value lives. It is given away only in
/// the guard of the host: a panic would else end in the browser's console, and leave an instance
/// that does nothing and says nothing.
pub(super) struct Callback {
    guarded: Function,
    _closure: Closure<Call>,
}

impl Callback {
    pub(super) fn new(host: &Host, call: Box<Call>) -> Callback {
        let closure = Closure::wrap(call);
        Callback {
            guarded: host.guard(closure.as_ref().unchecked_ref()),
            _closure: closure,
        }
    }

    /// What is given to the browser.
    pub(super) fn function(&self) -> &Function {
        &self.guarded
    }
}

/// Says what follows when a promise is kept or broken.
pub(super) fn then(promise: &Promise, done: &Callback, failed: &Callback) {
    let _ = promise
        .unchecked_ref::<Thenable>()
        .then(done.function(), failed.function());
}
