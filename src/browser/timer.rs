//! Timers of the page.

use std::cell::Cell;

use js_sys::Function;
use wasm_bindgen::prelude::wasm_bindgen;

use super::callback::Callback;
use super::clock;
use super::happening::Happening;
use super::inbox::Inbox;
use crate::engine::time::Mono;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Function, delay: u32) -> i32;

    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: i32);
}

/// Browsers keep a timer's delay in 32 bits and run a longer one at once.
const TIMER_MS_MAX: u64 = i32::MAX as u64;

/// Says something once, when it is due; stopped when dropped.
pub(super) struct Timer {
    due: Callback,
    armed: Cell<Option<(Mono, i32)>>,
}

impl Timer {
    pub(super) fn new(inbox: &Inbox, says: impl Fn() -> Happening + 'static) -> Timer {
        Timer {
            due: inbox.teller(says),
            armed: Cell::default(),
        }
    }

    /// It is due at this moment, and no other.
    pub(super) fn set(&self, at: Option<Mono>) {
        // Most of what happens does not change when the next thing is due.
        if self.armed.get().map(|(armed, _)| armed) == at {
            return;
        }
        self.stop();
        let Some(at) = at else { return };
        let timer = set_timeout(self.due.function(), delay(at));
        self.armed.set(Some((at, timer)));
    }

    /// It ran: it has to be set again.
    pub(super) fn ran(&self) {
        self.armed.set(None);
    }

    fn stop(&self) {
        if let Some((_, timer)) = self.armed.take() {
            clear_timeout(timer);
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// How long it is until then.
pub(super) fn delay(at: Mono) -> u32 {
    // Clocks are read in whole milliseconds, rounded down: one more makes sure that the moment has
    // come when the timer runs.
    let delay = at.since(clock::now().mono).0.saturating_add(1);
    delay.min(TIMER_MS_MAX) as u32
}
