//! The link as a whole, beside a small world: a server that can be down, refuse or hang, and an
//! app that is asked for tokens.

#![allow(clippy::unwrap_used)]

mod auth;
mod chance;
mod comeback;
mod faults;
mod rig;
mod table;
mod transports;
