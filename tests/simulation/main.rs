//! The simulator: whole worlds in virtual time, with real engines in every tab.
//!
//! One seed is one world: browsers with tabs, a model server, a network, and a plan of everything
//! that happens to them (`transition.rs`). While a world runs and after its last fault the promises
//! are checked (`checks.rs`) against a simple oracle (`reference.rs`). A world that breaks one is
//! run again with fewer and fewer faults, and its story is printed (`run.rs`).
//!
//! `cargo xtask simulate` runs more worlds, faster; `EVERFRESH_SEED` replays one.

#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test says so what is wrong"
)]

mod agenda;
mod among_tabs;
mod app;
mod backend;
mod browser;
mod chance;
mod checks;
mod drill;
mod faults;
mod fence;
mod http;
mod neighbour;
mod network;
mod polls;
mod promises;
mod query;
mod queue;
mod reference;
mod replay;
mod room;
mod run;
mod said;
mod secrets;
mod server;
mod shell;
mod sometimes;
mod story;
mod tab;
mod terms;
mod transition;
mod users;
mod windows;
mod world;

/// Seeds that found a fault once.
const SEEDS: &str = include_str!("seeds.txt");

/// Worlds of an ordinary test run.
const WORLDS: u64 = 1000;

#[test]
fn worlds_that_failed_once_hold_the_promises() {
    let seeds = SEEDS
        .lines()
        .filter_map(|line| line.split('#').next()?.trim().parse().ok());
    run::seeds(seeds.collect());
}

#[test]
fn a_recording_is_replayed() {
    replay::from_environment();
}

#[test]
fn worlds_hold_the_promises() {
    run::from_environment(WORLDS);
    users::from_environment();
}
