//! Errors as JavaScript knows them: an `Error` with a stable `code`.

use js_sys::{Error, Reflect};
use wasm_bindgen::JsValue;

use crate::engine::config::BadInput;

/// Something that the app gave is not what it has to be.
pub(super) fn bad_option(bad: &BadInput) -> JsValue {
    let mut message = String::new();
    if !bad.path.is_empty() {
        message.push_str(&bad.path);
        message.push_str(": ");
    }
    message.push_str("expected ");
    message.push_str(bad.expected);
    let error = Error::new(&message);
    error.set_name("EverfreshError");
    // A property can be set on an object that was made just now.
    let _ = Reflect::set(&error, &"code".into(), &"bad-option".into());
    let _ = Reflect::set(&error, &"path".into(), &bad.path.as_str().into());
    error.into()
}
