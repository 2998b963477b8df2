//! What each fuzz target does with its bytes.
//!
//! It is compiled for tests and for fuzzing only. `cargo xtask fuzz` feeds these functions with what a
//! fuzzer makes up; an ordinary test ([`corpus`]) feeds them with all that was found worth keeping, so
//! that what was mended once stays so without a fuzzer.
//!
//! A function fails by an assertion. Where a value has an encoder, what was read is written and read
//! again, and has to be the same.

mod centrifugo;
#[cfg(all(test, not(target_arch = "wasm32")))]
mod corpus;
mod engine;
mod graphql;
pub(crate) mod page;
pub(crate) mod parts;
mod phoenix;
mod plain;
mod texts;

use crate::engine::{queue, record};

/// A target: its name, and what it does with bytes.
type Target = (&'static str, fn(&[u8]));

/// All targets. `fuzz/Cargo.toml` has a program of each name.
pub const TARGETS: &[Target] = &[
    ("centrifugo", centrifugo::server),
    ("command", parts::command),
    ("config", parts::config),
    ("engine", engine::run),
    ("graphql", graphql::server),
    ("http", parts::http),
    ("ids", texts::ids),
    ("json", texts::json),
    ("keys", texts::keys),
    ("mask", record::fuzz::mask),
    ("native", texts::native),
    ("phoenix", phoenix::server),
    ("plain", plain::server),
    ("record", queue::fuzz::record),
    ("room", texts::room),
    ("routes", parts::routes),
    ("session", parts::session),
    ("socketio", texts::socketio),
    ("sse", texts::sse),
    ("tabs", texts::tabs),
    ("talk", queue::fuzz::talk),
    ("users", texts::users),
];

/// Does what the target of that name does.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|(have, _)| *have == name);
    assert!(target.is_some(), "there is no target {name}");
    if let Some((_, body)) = target {
        body(bytes);
    }
}
