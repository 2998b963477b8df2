//! Both clocks of the page.

use wasm_bindgen::prelude::wasm_bindgen;

use crate::engine::time::{Mono, Now, Wall};

#[wasm_bindgen]
extern "C" {
    // Read for every input: a way over the window and its members would cost more than the engine.
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
}

/// What both clocks say.
pub(super) fn now() -> Now {
    Now {
        mono: Mono(performance_now() as u64),
        wall: Wall(js_sys::Date::now() as u64),
    }
}
