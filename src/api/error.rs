//! Errors as JavaScript knows them: an `Error` with a stable `code`.

use js_sys::{Error, Reflect};
use wasm_bindgen::JsValue;

use crate::engine::config::BadInput;

/// Something that the app gave is not what it has to be: the message says what would have been
/// right, `path` where. The npm package makes a sentence of both.
pub(super) fn bad_option(bad: &BadInput) -> JsValue {
    let error = Error::new(bad.expected);
    // A property can be set on an object that was made just now.
    let _ = Reflect::set(&error, &"code".into(), &"bad-option".into());
    let _ = Reflect::set(&error, &"path".into(), &bad.path.as_str().into());
    error.into()
}
