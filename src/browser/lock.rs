//! Web Locks: the leader's, and the one that each tab holds for itself.

use js_sys::{Array, Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::AbortController;

use super::callback::{Callback, then};
use super::happening::Happening;
use super::inbox::Inbox;
use crate::engine::ids::{LockTicket, TabId};
use crate::engine::list::List;

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

    #[wasm_bindgen(method, catch)]
    fn query(this: &LockManager) -> Result<Promise, JsValue>;
}

/// What a request is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum LockKey {
    /// To lead.
    Lead(LockTicket),
    /// To show that this tab lives; numbered, because the one before may not be over yet.
    Life(u32),
}

/// How a lock is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// When everybody before us is done with it.
    Queue,
    /// At once, whoever holds it.
    Steal,
}

/// A request for the lock: waiting, granted, or over.
pub(super) struct LockRequest {
    key: LockKey,
    abort: AbortController,
    /// Settles the promise that keeps the lock; made before the lock is asked for.
    release: Function,
    _granted: Callback,
    _over: Callback,
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
    /// Asks for the lock of a name; nothing if the browser has no locks.
    pub(super) fn ask(inbox: &Inbox, name: &str, key: LockKey, how: How) -> Option<LockRequest> {
        let locks = manager()?;
        let abort = AbortController::new().ok()?;
        let options = Object::new();
        // A request can be given up or go ahead of the others, not both.
        let (option, value) = match how {
            How::Queue => ("signal", JsValue::from(abort.signal())),
            How::Steal => ("steal", JsValue::TRUE),
        };
        Reflect::set(&options, &JsValue::from_str(option), &value).ok()?;

        let mut release = None;
        let kept = Promise::new(&mut |resolve, _| release = Some(resolve));
        let release = release?;

        let into = inbox.clone();
        let granted = inbox.callback(move |_lock| {
            into.put(Happening::LockGranted(key));
            kept.clone().into()
        });
        let over = inbox.teller(move || Happening::LockOver(key));
        let promise = locks.request(name, &options, granted.function()).ok()?;
        then(&promise, &over, &over);
        Some(LockRequest {
            key,
            abort,
            release,
            _granted: granted,
            _over: over,
        })
    }

    /// Which request this is.
    pub(super) fn key(&self) -> LockKey {
        self.key
    }

    /// Leaves the queue, or gives the lock back. The request is over a moment later, and has to
    /// be kept until then, because the browser still calls it back.
    pub(super) fn release(&self) {
        let _ = self.release.call0(&JsValue::UNDEFINED);
        self.abort.abort();
    }
}

/// A question that the browser has not answered yet.
pub(super) struct LockQuery {
    _answered: Callback,
    _refused: Callback,
}

impl LockQuery {
    /// Asks which locks are held whose names begin with a prefix and end with a tab's id.
    pub(super) fn ask(inbox: &Inbox, prefix: &str) -> Option<LockQuery> {
        let promise = manager()?.query().ok()?;
        let (into, prefix) = (inbox.clone(), prefix.to_owned());
        let answered = inbox.listener(move |state| {
            into.put(Happening::TabLocks(held(&state, &prefix)));
        });
        let refused = inbox.teller(|| Happening::TabLocks(None));
        then(&promise, &answered, &refused);
        Some(LockQuery {
            _answered: answered,
            _refused: refused,
        })
    }
}

fn held(state: &JsValue, prefix: &str) -> Option<Vec<TabId>> {
    let held = Reflect::get(state, &JsValue::from_str("held")).ok()?;
    let held = held.dyn_into::<Array>().ok()?;
    let names = held.iter().filter_map(|lock| {
        let name = Reflect::get(&lock, &JsValue::from_str("name")).ok()?;
        TabId::parse(name.as_string()?.strip_prefix(prefix)?)
    });
    Some(names.list())
}
