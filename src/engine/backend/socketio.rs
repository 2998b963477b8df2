//! A server that speaks Socket.IO.

use super::{Backend, text};
use crate::engine::config::{BadInput, is_channel_name};
use crate::engine::status::Transport;
use crate::engine::text::mark;
use crate::wire::Protocol;
use crate::wire::json::Raw;
use crate::wire::socketio::session::Session;

/// What has to be known of a server that speaks Socket.IO.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketIo {
    /// The namespace that is always connected. Whether the server takes us is decided there.
    pub namespace: String,
    /// What it is told besides the token: an object, as JSON.
    pub auth: Option<String>,
    /// The event by which it says that it knows us, if its word on the namespace is not enough.
    pub known_by: Option<String>,
}

impl Backend for SocketIo {
    fn protocol(&self) -> Box<dyn Protocol> {
        Box::new(Session::new(self))
    }

    fn ways(&self) -> &'static [Transport] {
        &[Transport::Socket, Transport::Poll]
    }

    fn place(&self) -> &str {
        &self.namespace
    }

    fn always(&self) -> Option<String> {
        Some(self.namespace.clone())
    }

    fn is_channel(&self, name: &str) -> bool {
        is_namespace(name)
    }
}

impl SocketIo {
    pub(super) fn read(backend: Raw<'_>) -> Result<SocketIo, BadInput> {
        let namespace = match backend.member("namespace") {
            None => Some("/".to_owned()),
            Some(_) => text(backend, "namespace").filter(|name| is_namespace(name)),
        };
        let auth = backend.member("auth").filter(|auth| !auth.is_null());
        if auth.is_some_and(|auth| !auth.is_object()) {
            return Err(BadInput::at("backend.auth", "an object"));
        }
        let known_by = text(backend, "authenticated").filter(|name| !name.is_empty());
        if backend.member("authenticated").is_some() && known_by.is_none() {
            return Err(BadInput::at(
                "backend.authenticated",
                "the name of an event",
            ));
        }
        Ok(SocketIo {
            namespace: namespace.ok_or_else(|| {
                BadInput::at(
                    "backend.namespace",
                    "a name that begins with / and has no comma",
                )
            })?,
            auth: auth.map(|auth| auth.text().to_owned()),
            known_by,
        })
    }
}

/// A comma ends the name in a packet, and a server takes what follows a `?` for a query.
fn is_namespace(name: &str) -> bool {
    is_channel_name(name) && name.starts_with('/') && mark(name, b",?").is_none()
}
