//! Which protocol the server speaks, and what has to be known to speak it: `backend` of the options, but for
//! its address, which every protocol has.

#[cfg(feature = "centrifugo")]
pub mod centrifugo;
#[cfg(feature = "plain")]
pub mod graphql;
#[cfg(any(feature = "plain", feature = "phoenix"))]
mod pattern;
#[cfg(feature = "phoenix")]
pub mod phoenix;
#[cfg(any(feature = "plain", feature = "centrifugo"))]
pub mod places;
#[cfg(feature = "plain")]
pub mod plain;
#[cfg(feature = "socketio")]
pub mod socketio;
#[cfg(feature = "phoenix")]
pub mod supabase;

#[cfg(feature = "centrifugo")]
use self::centrifugo::Centrifugo;
#[cfg(feature = "phoenix")]
use self::phoenix::Phoenix;
#[cfg(feature = "socketio")]
pub use self::socketio::SocketIo;
#[cfg(feature = "plain")]
use self::{graphql::GraphQl, plain::Plain};
use super::config::{BadInput, is_channel_name};
use super::status::Transport;
#[cfg(feature = "other")]
use crate::wire::Protocol;
use crate::wire::json::{Raw, Text};

/// What `backend.kind` may be, whatever the module at hand was built with.
const KINDS: &str = "\"everfresh\", \"socketio\", \"phoenix\", \"supabase\", \"centrifugo\", \"graphql\", \"json\", \"sse\" or \"http\"";

/// What the server speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// Our own protocol.
    Native,
    /// Nothing: everything is asked for.
    Http,
    /// Socket.IO.
    #[cfg(feature = "socketio")]
    SocketIo(SocketIo),
    /// JSON without a protocol.
    #[cfg(feature = "plain")]
    Plain(Box<Plain>),
    /// Phoenix channels, by themselves or under Supabase Realtime.
    #[cfg(feature = "phoenix")]
    Phoenix(Phoenix),
    /// The protocol of Centrifugo.
    #[cfg(feature = "centrifugo")]
    Centrifugo(Centrifugo),
    /// Subscriptions of GraphQL.
    #[cfg(feature = "plain")]
    GraphQl(GraphQl),
}

impl Speaks {
    /// Reads what the app said of the server.
    pub fn read(backend: Raw<'_>) -> Result<Speaks, BadInput> {
        match text(backend, "kind").as_deref() {
            Some("everfresh") => Ok(Speaks::Native),
            Some("http") => Ok(Speaks::Http),
            #[cfg(feature = "socketio")]
            Some("socketio") => Ok(Speaks::SocketIo(SocketIo::read(backend)?)),
            #[cfg(feature = "plain")]
            Some("json") => Ok(Speaks::Plain(Box::new(Plain::read(backend)?))),
            #[cfg(feature = "phoenix")]
            Some("phoenix") => Ok(Speaks::Phoenix(Phoenix::read(backend)?)),
            #[cfg(feature = "phoenix")]
            Some("supabase") => Ok(Speaks::Phoenix(Phoenix::read_supabase(backend)?)),
            #[cfg(feature = "centrifugo")]
            Some("centrifugo") => Ok(Speaks::Centrifugo(Centrifugo::read(backend)?)),
            #[cfg(feature = "plain")]
            Some("graphql") => Ok(Speaks::GraphQl(GraphQl::read(backend)?)),
            #[cfg(feature = "plain")]
            Some("sse") => Ok(Speaks::Plain(Box::new(Plain::read_sse(backend)?))),
            _ => Err(BadInput::at("backend.kind", KINDS)),
        }
    }

    /// The same without payloads that are made of others: in a recording they are covered, and nothing could be made
    /// of them.
    #[cfg(feature = "centrifugo")]
    pub fn whole(self) -> Speaks {
        match self {
            Speaks::Centrifugo(with) => Speaks::Centrifugo(Centrifugo {
                delta: false,
                ..with
            }),
            other => other,
        }
    }

    /// What there is to know of it, if it speaks something that is not our own.
    #[cfg(feature = "other")]
    pub fn backend(&self) -> Option<&dyn Backend> {
        match self {
            Speaks::Native | Speaks::Http => None,
            #[cfg(feature = "socketio")]
            Speaks::SocketIo(with) => Some(with),
            #[cfg(feature = "plain")]
            Speaks::Plain(with) => Some(&**with),
            #[cfg(feature = "phoenix")]
            Speaks::Phoenix(with) => Some(with),
            #[cfg(feature = "centrifugo")]
            Speaks::Centrifugo(with) => Some(with),
            #[cfg(feature = "plain")]
            Speaks::GraphQl(with) => Some(with),
        }
    }

    #[cfg(not(feature = "other"))]
    fn backend(&self) -> Option<&dyn Backend> {
        None
    }

    /// Can it be carried so?
    pub fn goes_by(&self, transport: Transport) -> bool {
        // Of a server without connections it is of no matter.
        (self.backend()).is_none_or(|backend| backend.ways().contains(&transport))
    }

    /// Are there connections?
    pub fn connects(&self) -> bool {
        !matches!(self, Speaks::Http)
    }

    /// How it is carried, if the app says nothing of it.
    pub fn usual(&self) -> Vec<Transport> {
        let ways = self.backend().map_or(SOCKET, |backend| backend.ways());
        ways.to_vec()
    }

    /// What tells two backends at one address apart.
    pub fn place(&self) -> &str {
        match self {
            Speaks::Http => "http",
            _ => self.backend().map_or("", |backend| backend.place()),
        }
    }

    /// The channel that is there whether the app names it or not.
    pub fn always(&self) -> Option<String> {
        self.backend()?.always()
    }

    /// Does the app give each channel a token of its own?
    #[cfg(feature = "centrifugo")]
    pub fn has_channel_tokens(&self) -> bool {
        (self.backend()).is_some_and(|backend| backend.has_channel_tokens())
    }

    /// Can a channel have this name?
    pub fn is_channel(&self, name: &str) -> bool {
        match self {
            Speaks::Http => false,
            _ => (self.backend())
                .map_or_else(|| is_channel_name(name), |backend| backend.is_channel(name)),
        }
    }
}

/// A WebSocket alone.
const SOCKET: &[Transport] = &[Transport::Socket];

/// What the engine asks of what the app said of its server. What most have alike is said here.
pub trait Backend {
    /// What is spoken, on a connection of which nothing is known yet.
    #[cfg(feature = "other")]
    fn protocol(&self) -> Box<dyn Protocol>;

    /// How it may be carried, the best first.
    fn ways(&self) -> &'static [Transport] {
        SOCKET
    }

    /// What tells it from another at the same address.
    fn place(&self) -> &str {
        ""
    }

    /// The channel that is always there.
    fn always(&self) -> Option<String> {
        None
    }

    /// Can a channel have this name?
    fn is_channel(&self, name: &str) -> bool {
        is_channel_name(name)
    }

    /// Does the app give each channel a token of its own?
    #[cfg(feature = "centrifugo")]
    fn has_channel_tokens(&self) -> bool {
        false
    }
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
