//! What has to be known of a server that speaks Phoenix channels, by itself or under Supabase Realtime.

use super::supabase::Supabase;
use super::{Backend, text};
use crate::engine::config::{BadInput, is_channel_name};
use crate::engine::status::Transport;
use crate::engine::text::concat;
use crate::wire::Protocol;
use crate::wire::json::Raw;
use crate::wire::phoenix::session::Session;

/// What has to be known of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phoenix {
    /// Messages are objects, as the first version of the protocol has them, and not arrays.
    pub first_version: bool,
    /// The name that the token has in the address of the socket, if it goes there.
    pub token_param: Option<String>,
    /// What channels are to it.
    pub topics: Topics,
}

/// What channels are to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topics {
    /// Topics of the app's own, all joined in the same way.
    Plain {
        /// What the server is told with each join: an object, as JSON.
        join: Option<String>,
        /// The name that the token has in it, if it goes there.
        token: Option<String>,
    },
    /// Channels of Supabase Realtime.
    Supabase(Supabase),
}

impl Phoenix {
    /// Reads what the app said of its own server.
    pub fn read(backend: Raw<'_>) -> Result<Phoenix, BadInput> {
        let join = backend.member("join").filter(|join| !join.is_null());
        if join.is_some_and(|join| !join.is_object()) {
            return Err(BadInput::at("backend.join", "an object"));
        }
        let token = backend.member("token").filter(|token| !token.is_null());
        if token.is_some_and(|token| !token.is_object()) {
            return Err(BadInput::at("backend.token", "an object of names"));
        }
        let name = |member: &'static str, path: &str| match token {
            None => Ok(None),
            Some(token) if token.member(member).is_none_or(Raw::is_null) => Ok(None),
            Some(token) => (text(token, member).filter(|name| !name.is_empty()))
                .map(Some)
                .ok_or_else(|| BadInput::at(path, "the name that the token has there")),
        };
        let param = name("param", "backend.token.param")?;
        Ok(Phoenix {
            first_version: first_version(backend)?,
            token_param: match token {
                None => Some("token".to_owned()),
                Some(_) => param,
            },
            topics: Topics::Plain {
                token: name("join", "backend.token.join")?,
                join: join.map(|join| join.text().to_owned()),
            },
        })
    }

    /// The same of a project of Supabase.
    pub fn read_supabase(backend: Raw<'_>) -> Result<Phoenix, BadInput> {
        Ok(Phoenix {
            first_version: first_version(backend)?,
            token_param: None,
            topics: Topics::Supabase(Supabase::read(backend)?),
        })
    }

    /// Can a channel have this name? That of the signs of life is no channel.
    pub fn is_channel(&self, name: &str) -> bool {
        is_channel_name(name) && (self.is_supabase() || name != "phoenix")
    }

    /// Is it a project of Supabase?
    pub fn is_supabase(&self) -> bool {
        matches!(self.topics, Topics::Supabase(_))
    }

    /// What the server calls a channel.
    pub fn topic(&self, channel: &str) -> String {
        match self.is_supabase() {
            true => concat(&[TOPIC, channel]),
            false => channel.to_owned(),
        }
    }

    /// The channel that the server calls so, if it is one.
    pub fn channel<'a>(&self, topic: &'a str) -> Option<&'a str> {
        match self.is_supabase() {
            true => topic.strip_prefix(TOPIC),
            false => Some(topic),
        }
    }
}

/// What a channel of Supabase is called begins so.
const TOPIC: &str = "realtime:";

fn first_version(backend: Raw<'_>) -> Result<bool, BadInput> {
    match (backend.member("vsn"), text(backend, "vsn").as_deref()) {
        (None, _) | (_, Some("2.0.0")) => Ok(false),
        (_, Some("1.0.0")) => Ok(true),
        _ => Err(BadInput::at("backend.vsn", "\"2.0.0\" or \"1.0.0\"")),
    }
}

impl Backend for Phoenix {
    fn protocol(&self) -> Box<dyn Protocol> {
        Box::new(Session::new(self))
    }

    fn ways(&self) -> &'static [Transport] {
        &[Transport::Socket, Transport::Poll]
    }

    fn is_channel(&self, name: &str) -> bool {
        Phoenix::is_channel(self, name)
    }
}
