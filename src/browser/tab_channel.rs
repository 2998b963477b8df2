//! A BroadcastChannel: between the tabs of one principal, or of all.

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BroadcastChannel, MessageEvent};

use super::happening::Happening;
use super::inbox::Inbox;
use super::listener::Listener;

/// An open channel; closed when dropped.
pub(super) struct TabChannel {
    channel: BroadcastChannel,
    _listener: Listener,
}

impl TabChannel {
    /// Opens the channel of a name; nothing if the browser has none or forbids it.
    pub(super) fn open(
        inbox: &Inbox,
        name: &str,
        heard: fn(Vec<u8>) -> Happening,
    ) -> Option<TabChannel> {
        // An old browser lacks the constructor, and calling what is not there would trap.
        if !js_sys::Reflect::has(&js_sys::global(), &JsValue::from_str("BroadcastChannel")).ok()? {
            return None;
        }
        let channel = BroadcastChannel::new(name).ok()?;
        let into = inbox.clone();
        let listener = Listener::new(&channel, "message", inbox, move |event| {
            let event: &MessageEvent = event.unchecked_ref();
            // What is not text is not ours; it is handed on to be counted as a fault.
            let text = event.data().as_string().unwrap_or_default();
            into.put(heard(text.into_bytes()));
        });
        Some(TabChannel {
            channel,
            _listener: listener,
        })
    }

    /// Says something to all other tabs.
    pub(super) fn post(&self, message: &str) {
        let _ = self.channel.post_message(&JsValue::from_str(message));
    }
}

impl Drop for TabChannel {
    fn drop(&mut self) {
        self.channel.close();
    }
}
