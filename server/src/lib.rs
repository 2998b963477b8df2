//! The reference server of Everfresh: records over REST, events over `fresh.v1` (docs/protocol.md), the demo's page.
//!
//! From the outside in: [`serve`] starts and stops; `listen` and `tls` take connections in; `gate` is what every
//! request passes; `app` says which address leads where; `tasks`, `blocks`, `overview`,
//! `publish`, `kick`, `demo` and `pages` answer requests; `live` and `session` hold the sockets, `outbox` what waits on each; `doors`
//! and `carried` do the same for pages that no socket reaches. `mutation` makes a request of what a page says on its
//! connection, and `lane` has it done.
//! `access` says who comes in, by `tokens`, and by `rules` where they may go; `quota` how much each may ask for; `reload`
//! reads all that again when it changes. `audit` writes down who did what, `metrics` counts it.
//! `faults` is a bad network on demand, for the lab of the demo.
//! `guest` and `room` are about who is there and who may edit which field.
//! Inside, `hub` decides who hears what and `crowd` who is where, without any I/O, and `store` keeps records, events and leases in SQLite.
//!
//! A write goes one way: request, store (record and event in one transaction), hub, outboxes, sockets.

mod access;
mod address;
mod app;
mod audit;
mod blocks;
mod body;
mod carried;
mod clock;
mod codes;
mod config;
mod crowd;
mod demo;
mod doors;
mod echo;
mod error;
mod etag;
mod faults;
mod fence;
mod gate;
mod guest;
mod hub;
mod ids;
mod json;
mod kick;
mod lane;
mod listen;
mod live;
mod log;
mod messages;
mod metrics;
mod mutation;
mod neighbours;
mod once;
mod outbox;
mod overview;
mod pace;
mod pages;
mod protocol;
mod publish;
mod publisher;
mod quota;
mod records;
mod reload;
mod room;
mod rules;
mod secret;
mod serve;
mod session;
mod store;
mod tasks;
mod tls;
mod tokens;
mod within;

pub use address::Proxies;
pub use config::{
    Command, Config, DatabaseUrl, Hidden, Level, Limits, Log, NoDatabase, Tokens, UsageError, help,
};
pub use log::set as log_as;
pub use neighbours::Neighbours;
pub use publisher::{PublishError, Published, Publisher, To};
pub use quota::Rate;
pub use secret::{Secret, WeakSecret};
pub use serve::{Handle, StartError, serve};
pub use store::StoreError;
