//! What a tab keeps over a reload: the session's storage. Any access may be refused, by the browser or
//! by the user; then nothing is kept.

use web_sys::Storage;

fn storage() -> Option<Storage> {
    web_sys::window()?.session_storage().ok()?
}

/// Keeps a value, if the browser lets us.
pub(super) fn write(key: &str, value: &str) {
    if let Some(storage) = storage() {
        let _ = storage.set_item(key, value);
    }
}

/// Keeps a value no longer.
pub(super) fn remove(key: &str) {
    if let Some(storage) = storage() {
        let _ = storage.remove_item(key);
    }
}

/// What was kept, if anything was.
pub(super) fn read(key: &str) -> Option<String> {
    storage()?.get_item(key).ok()?
}
