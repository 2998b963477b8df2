//! The engine as a whole, from inputs to outputs.

mod another_user;
mod centrifugo;
mod centrifugo_chance;
mod channel_tokens;
mod contracts;
mod graphql;
mod graphql_chance;
mod hot;
mod http_only;
mod layers;
mod logins;
mod network;
mod network_http;
mod page;
mod phoenix;
mod phoenix_chance;
mod plain;
mod plain_chance;
mod plain_stream;
mod refetch;
mod room;
mod socketio;
mod socketio_chance;
mod socketio_poll;
pub(crate) mod states;
mod take_over;
mod why;
