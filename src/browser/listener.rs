//! Listeners that remove themselves.

use wasm_bindgen::JsValue;
use web_sys::EventTarget;

use super::callback::Callback;
use super::inbox::Inbox;

/// A listener that is removed when this value is dropped.
pub(super) struct Listener {
    target: EventTarget,
    event: &'static str,
    callback: Callback,
}

impl Listener {
    /// Listens to one kind of event.
    pub(super) fn new(
        target: &EventTarget,
        event: &'static str,
        inbox: &Inbox,
        heard: impl FnMut(JsValue) + 'static,
    ) -> Listener {
        let callback = inbox.listener(heard);
        // Adding a listener fails only for a detached target, whose events nobody needs.
        let _ = target.add_event_listener_with_callback(event, callback.function());
        Listener {
            target: target.clone(),
            event,
            callback,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let function = self.callback.function();
        let _ = self
            .target
            .remove_event_listener_with_callback(self.event, function);
    }
}
