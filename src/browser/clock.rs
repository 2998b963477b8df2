//! Both clocks of the page.

use crate::engine::time::{Mono, Now, Wall};

/// What both clocks say.
pub(super) fn now() -> Now {
    let mono = web_sys::window()
        .and_then(|window| window.performance())
        .map_or(0.0, |performance| performance.now());
    Now {
        mono: Mono(mono as u64),
        wall: Wall(js_sys::Date::now() as u64),
    }
}
