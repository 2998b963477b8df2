//! The web platform: turns web events into the engine's inputs and the engine's outputs into web
//! calls. It decides nothing.
//!
//! [`shell`] owns the engine and has the one entry for every web event. Each kind of deed has a
//! file of its own, and each handle is a value that undoes itself when it is dropped.

mod allocator;
mod callback;
mod clock;
mod deeds;
mod entropy;
mod fetch;
mod handles;
mod happening;
pub(crate) mod host;
mod inbox;
mod listener;
mod lock;
mod page;
mod relay;
mod session;
pub(crate) mod shell;
mod socket;
mod storage;
mod tab_channel;
mod timer;
