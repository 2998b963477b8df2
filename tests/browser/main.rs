//! The class that JavaScript sees, in a real browser: do the deeds reach the platform?
//!
//! `cargo xtask test --only browser`, or
//! `wasm-pack test --headless --chrome|--firefox|--safari -- --test browser --features faults`.
//!
//! A file a kind of deed. All tests run in one page, one after the other; instances of one name are
//! to each other like tabs of one browser. What only several real tabs and a real server can show is
//! in `tests/e2e`.

#![cfg(target_arch = "wasm32")]
// A test that cannot go on has failed.
#![allow(clippy::expect_used, clippy::panic)]

mod border;
mod http;
mod lead;
mod leaks;
mod lifecycle;
mod page;
mod relay;
mod socket;
mod storage;
mod tab;

use wasm_bindgen_test::wasm_bindgen_test_configure;

wasm_bindgen_test_configure!(run_in_browser);
