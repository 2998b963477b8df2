//! Everfresh keeps every query of a page as fresh as its contract says, over the realtime
//! backend that the app already has, in all tabs at once.
//!
//! The crate has three floors, and arrows point down only.
//!
//! * [`engine`] and [`wire`] decide. They are plain Rust: no clock, no randomness, no browser,
//!   no I/O. The engine takes inputs and gives outputs; a wire turns bytes into meaning and back.
//! * `browser` acts. It turns web events into the engine's inputs and the engine's outputs
//!   into web calls, and decides nothing. It exists on wasm32 only.
//! * `api` is what JavaScript sees. It exists on wasm32 only.

pub mod engine;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod wire;

#[cfg(target_arch = "wasm32")]
pub mod api;
#[cfg(target_arch = "wasm32")]
mod browser;
