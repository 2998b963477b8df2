//! Finds, installs or compiles the programs that the other commands need. One file a concern.

pub mod apt;
pub mod cargo_tools;
pub mod crates;
mod debian_rust;
pub mod driver;
pub mod engines;
pub mod node;
pub mod postgres;
pub mod python;
pub mod small_std;
pub mod wasm_rust;
pub mod xvfb;
