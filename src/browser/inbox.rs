//! The way of everything that happens into the instance.

use std::rc::{Rc, Weak};

use wasm_bindgen::JsValue;

use super::callback::Callback;
use super::happening::Happening;
use super::host::{Host, RelayWorker};
use super::shell::Shell;

/// Where what happens is put. It keeps no instance alive.
#[derive(Clone)]
pub(super) struct Inbox {
    shell: Weak<Shell>,
    host: Rc<Host>,
}

impl Inbox {
    pub(super) fn new(shell: Weak<Shell>, host: Rc<Host>) -> Inbox {
        Inbox { shell, host }
    }

    /// Something happened. It is handled at once, or after what is being handled now.
    pub(super) fn put(&self, happening: Happening) {
        if let Some(shell) = self.shell.upgrade() {
            shell.feed(happening);
        }
    }

    /// A function for the browser.
    pub(super) fn callback(&self, call: impl FnMut(JsValue) -> JsValue + 'static) -> Callback {
        Callback::new(&self.host, Box::new(call))
    }

    /// A function for the browser that has nothing to answer.
    pub(super) fn listener(&self, mut call: impl FnMut(JsValue) + 'static) -> Callback {
        self.callback(move |value| {
            call(value);
            JsValue::UNDEFINED
        })
    }

    /// A function for the browser that only says that something happened.
    pub(super) fn teller(&self, happening: impl Fn() -> Happening + 'static) -> Callback {
        let inbox = self.clone();
        self.listener(move |_| inbox.put(happening()))
    }

    /// A worker that runs the relay's file; nothing if this page may have none.
    pub(super) fn relay(&self, hears: &Callback) -> Option<RelayWorker> {
        self.host.relay(hears.function()).ok()
    }
}
