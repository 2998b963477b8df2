//! Which protocol the server speaks, and what has to be known to speak it: `backend` of the options, but for
//! its address, which every protocol has.

#[cfg(feature = "wires")]
pub mod centrifugo;
#[cfg(feature = "wires")]
pub mod phoenix;
#[cfg(feature = "wires")]
pub mod places;
#[cfg(feature = "wires")]
pub mod plain;
#[cfg(feature = "wires")]
pub mod supabase;

#[cfg(feature = "wires")]
use self::{centrifugo::Centrifugo, phoenix::Phoenix, plain::Plain};
use super::config::{BadInput, is_channel_name};
use super::status::Transport;
use crate::wire::json::{Raw, Text};

/// What `backend.kind` may be, whatever the module at hand was built with.
const KINDS: &str = "\"everfresh\", \"socketio\", \"phoenix\", \"supabase\", \"centrifugo\", \"json\", \"sse\" or \"http\"";

/// What the server speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// Our own protocol.
    Native,
    /// Nothing: everything is asked for.
    Http,
    /// Socket.IO.
    #[cfg(feature = "wires")]
    SocketIo(SocketIo),
    /// JSON without a protocol.
    #[cfg(feature = "wires")]
    Plain(Box<Plain>),
    /// Phoenix channels, by themselves or under Supabase Realtime.
    #[cfg(feature = "wires")]
    Phoenix(Phoenix),
    /// The protocol of Centrifugo.
    #[cfg(feature = "wires")]
    Centrifugo(Centrifugo),
}

/// What has to be known of a server that speaks Socket.IO.
#[cfg(feature = "wires")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketIo {
    /// The namespace that is always connected. Whether the server takes us is decided there.
    pub namespace: String,
    /// What it is told besides the token: an object, as JSON.
    pub auth: Option<String>,
    /// The event by which it says that it knows us, if its word on the namespace is not enough.
    pub known_by: Option<String>,
}

impl Speaks {
    /// Reads what the app said of the server.
    pub fn read(backend: Raw<'_>) -> Result<Speaks, BadInput> {
        match text(backend, "kind").as_deref() {
            Some("everfresh") => Ok(Speaks::Native),
            Some("http") => Ok(Speaks::Http),
            #[cfg(feature = "wires")]
            Some("socketio") => Ok(Speaks::SocketIo(SocketIo::read(backend)?)),
            #[cfg(feature = "wires")]
            Some("json") => Ok(Speaks::Plain(Box::new(Plain::read(backend)?))),
            #[cfg(feature = "wires")]
            Some("phoenix") => Ok(Speaks::Phoenix(Phoenix::read(backend)?)),
            #[cfg(feature = "wires")]
            Some("supabase") => Ok(Speaks::Phoenix(Phoenix::read_supabase(backend)?)),
            #[cfg(feature = "wires")]
            Some("centrifugo") => Ok(Speaks::Centrifugo(Centrifugo::read(backend)?)),
            #[cfg(feature = "wires")]
            Some("sse") => Ok(Speaks::Plain(Box::new(Plain::read_sse(backend)?))),
            _ => Err(BadInput::at("backend.kind", KINDS)),
        }
    }

    /// Can it be carried so?
    pub fn goes_by(&self, transport: Transport) -> bool {
        match (self, transport) {
            // Of a server without connections it is of no matter.
            (Speaks::Native | Speaks::Http, _) => true,
            #[cfg(feature = "wires")]
            (Speaks::Plain(with), transport) if with.stream.is_some() => {
                transport == Transport::Stream
            }
            #[cfg(feature = "wires")]
            (
                Speaks::SocketIo(_) | Speaks::Plain(_) | Speaks::Phoenix(_) | Speaks::Centrifugo(_),
                transport,
            ) => transport == Transport::Socket,
        }
    }

    /// Are there connections?
    pub fn connects(&self) -> bool {
        !matches!(self, Speaks::Http)
    }

    /// How it is carried, if the app says nothing of it.
    pub fn usual(&self) -> Transport {
        match self.goes_by(Transport::Socket) {
            true => Transport::Socket,
            false => Transport::Stream,
        }
    }

    /// What tells two backends at one address apart.
    pub fn place(&self) -> &str {
        match self {
            Speaks::Native => "",
            Speaks::Http => "http",
            #[cfg(feature = "wires")]
            Speaks::SocketIo(with) => &with.namespace,
            #[cfg(feature = "wires")]
            Speaks::Plain(with) if with.stream.is_some() => "sse",
            #[cfg(feature = "wires")]
            Speaks::Plain(_) => "json",
            #[cfg(feature = "wires")]
            Speaks::Phoenix(_) | Speaks::Centrifugo(_) => "",
        }
    }

    /// The channel that is there whether the app names it or not.
    pub fn always(&self) -> Option<String> {
        match self {
            Speaks::Native | Speaks::Http => None,
            #[cfg(feature = "wires")]
            Speaks::SocketIo(with) => Some(with.namespace.clone()),
            #[cfg(feature = "wires")]
            Speaks::Plain(_) => Some(plain::ALL.to_owned()),
            #[cfg(feature = "wires")]
            Speaks::Phoenix(_) | Speaks::Centrifugo(_) => None,
        }
    }

    /// Can a channel have this name?
    pub fn is_channel(&self, name: &str) -> bool {
        match self {
            Speaks::Native => is_channel_name(name),
            Speaks::Http => false,
            #[cfg(feature = "wires")]
            Speaks::SocketIo(_) => is_namespace(name),
            #[cfg(feature = "wires")]
            Speaks::Plain(_) | Speaks::Centrifugo(_) => is_channel_name(name),
            #[cfg(feature = "wires")]
            Speaks::Phoenix(with) => with.is_channel(name),
        }
    }
}

#[cfg(feature = "wires")]
impl SocketIo {
    fn read(backend: Raw<'_>) -> Result<SocketIo, BadInput> {
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
#[cfg(feature = "wires")]
fn is_namespace(name: &str) -> bool {
    is_channel_name(name) && name.starts_with('/') && super::text::mark(name, b",?").is_none()
}

fn text(raw: Raw<'_>, name: &str) -> Option<String> {
    raw.member(name)?
        .string()
        .map(Text::decode)
        .map(String::from)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::wire::json;

    fn read(backend: &str) -> Result<Speaks, BadInput> {
        Speaks::read(json::parse(backend).unwrap())
    }

    #[test]
    fn what_speaks_is_known_by_its_kind() {
        assert_eq!(read(r#"{"kind":"everfresh"}"#), Ok(Speaks::Native));
        let plain = SocketIo {
            namespace: "/".to_owned(),
            auth: None,
            known_by: None,
        };
        assert_eq!(read(r#"{"kind":"socketio"}"#), Ok(Speaks::SocketIo(plain)));
        let all =
            r#"{"kind":"socketio","namespace":"/live","auth":{"a":1},"authenticated":"ready"}"#;
        let full = SocketIo {
            namespace: "/live".to_owned(),
            auth: Some(r#"{"a":1}"#.to_owned()),
            known_by: Some("ready".to_owned()),
        };
        assert_eq!(read(all), Ok(Speaks::SocketIo(full)));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_path() {
        for (member, path) in [
            (r#""namespace":"live""#, "backend.namespace"),
            (r#""namespace":"/a,b""#, "backend.namespace"),
            (r#""namespace":"/a?b""#, "backend.namespace"),
            (r#""namespace":7"#, "backend.namespace"),
            (r#""auth":"token""#, "backend.auth"),
            (r#""authenticated":"""#, "backend.authenticated"),
            (r#""authenticated":true"#, "backend.authenticated"),
        ] {
            let text = ["{\"kind\":\"socketio\",", member, "}"].concat();
            assert_eq!(read(&text).unwrap_err().path, path, "{member}");
        }
        assert_eq!(read("{}").unwrap_err().path, "backend.kind");
    }
}
