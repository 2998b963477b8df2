//! The leader's Web Lock.

use js_sys::{Function, Object, Promise, Reflect};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::AbortController;

use crate::engine::ids::LockTicket;

// web-sys has Web Locks only behind a compiler flag that every dependant would have to set too.
#[wasm_bindgen]
extern "C" {
    type LockManager;

    #[wasm_bindgen(method, catch)]
    fn request(
        this: &LockManager,
        name: &str,
        options: &Object,
        callback: &Function,
    ) -> Result<Promise, JsValue>;
}

/// A request for the lock: waiting, granted, or over.
pub(super) struct LockRequest {
    ticket: LockTicket,
    abort: AbortController,
    /// Settles the promise that keeps the lock; made before the lock is asked for.
    release: Function,
    _granted: Closure<dyn FnMut(JsValue) -> Promise>,
    _settled: Closure<dyn FnMut(JsValue)>,
}

/// What happened to a request.
#[derive(Clone, Copy)]
pub(super) enum Happened {
    /// The lock is ours.
    Granted,
    /// The request is over: given back, aborted, stolen, or refused.
    Over,
}

/// The browser's locks, if it has any. They exist in secure contexts only.
fn manager() -> Option<LockManager> {
    let navigator = web_sys::window()?.navigator();
    let locks = Reflect::get(&navigator, &JsValue::from_str("locks")).ok()?;
    if locks.is_undefined() || locks.is_null() {
        return None;
    }
    Some(locks.unchecked_into())
}

impl LockRequest {
    /// Joins the queue for the lock of a name; nothing if the browser has no locks.
    pub(super) fn queue(
        name: &str,
        ticket: LockTicket,
        happened: impl Fn(Happened) + Clone + 'static,
    ) -> Option<LockRequest> {
        let locks = manager()?;
        let abort = AbortController::new().ok()?;
        let options = Object::new();
        Reflect::set(&options, &JsValue::from_str("signal"), &abort.signal()).ok()?;

        let mut release = None;
        let kept = Promise::new(&mut |resolve, _| release = Some(resolve));
        let release = release?;

        let on_granted = happened.clone();
        let granted = Closure::<dyn FnMut(JsValue) -> Promise>::new(move |_lock| {
            on_granted(Happened::Granted);
            kept.clone()
        });
        let settled = Closure::<dyn FnMut(JsValue)>::new(move |_| happened(Happened::Over));
        let callback = granted.as_ref().unchecked_ref();
        let promise = locks.request(name, &options, callback).ok()?;
        let _ = promise.then2(&settled, &settled);
        Some(LockRequest {
            ticket,
            abort,
            release,
            _granted: granted,
            _settled: settled,
        })
    }

    /// Which request this is.
    pub(super) fn ticket(&self) -> LockTicket {
        self.ticket
    }

    /// Leaves the queue, or gives the lock back. The request is over a moment later, and has to
    /// be kept until then, because the browser still calls it back.
    pub(super) fn release(&self) {
        let _ = self.release.call0(&JsValue::UNDEFINED);
        self.abort.abort();
    }
}
