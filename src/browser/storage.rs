//! The storage that all tabs of the origin share. Every access may throw, at any time.

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{DomException, Storage};

use crate::engine::store::StoreFault;

/// What all keys of ours begin with.
pub(super) const PREFIX: &str = "everfresh:";

/// Stores a value.
pub(super) fn write(key: &str, value: &str) -> Result<(), StoreFault> {
    open()?
        .set_item(key, value)
        .map_err(|thrown| fault(&thrown))
}

/// Removes a value, if the storage lets us.
pub(super) fn remove(key: &str) {
    if let Ok(storage) = open() {
        let _ = storage.remove_item(key);
    }
}

/// The keys that begin with a prefix.
pub(super) fn list(prefix: &str) -> Result<Vec<String>, StoreFault> {
    let storage = open()?;
    let count = storage.length().map_err(|thrown| fault(&thrown))?;
    let mut keys = Vec::new();
    for at in 0..count {
        let key = storage.key(at).map_err(|thrown| fault(&thrown))?;
        keys.extend(key.filter(|key| key.starts_with(prefix)));
    }
    Ok(keys)
}

/// The values of keys, in their order.
pub(super) fn read(keys: &[String]) -> Result<Vec<Option<String>>, StoreFault> {
    let storage = open()?;
    keys.iter()
        .map(|key| storage.get_item(key).map_err(|thrown| fault(&thrown)))
        .collect()
}

/// Merely asking for the storage throws where cookies are blocked.
fn open() -> Result<Storage, StoreFault> {
    let window = web_sys::window().ok_or(StoreFault::Blocked)?;
    window
        .local_storage()
        .ok()
        .flatten()
        .ok_or(StoreFault::Blocked)
}

fn fault(thrown: &JsValue) -> StoreFault {
    let name = thrown.dyn_ref::<DomException>().map(DomException::name);
    match name.as_deref() {
        // Firefox had a name of its own for it.
        Some("QuotaExceededError" | "NS_ERROR_DOM_QUOTA_REACHED") => StoreFault::Quota,
        Some(_) | None => StoreFault::Blocked,
    }
}
