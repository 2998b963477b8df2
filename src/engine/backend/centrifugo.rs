//! What has to be known of a server that speaks the protocol of Centrifugo.

use super::Backend;
use super::places::Places;
use crate::engine::config::BadInput;
use crate::wire::Protocol;
use crate::wire::centrifugo::fossil;
use crate::wire::centrifugo::session::Session;
use crate::wire::json::Raw;

/// What has to be known of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Centrifugo {
    /// What it is told besides the token: an object, as JSON.
    pub connect: Option<String>,
    /// Where publications have what an event has.
    pub places: Places,
    /// Who comes and goes is asked for.
    pub presence: bool,
    /// The app has a function that gives tokens of channels.
    pub channel_tokens: bool,
    /// Payloads may be told as what is new of each.
    pub delta: bool,
}

impl Centrifugo {
    /// Reads what the app said of the server.
    pub fn read(backend: Raw<'_>) -> Result<Centrifugo, BadInput> {
        let connect = backend.member("connect").filter(|data| !data.is_null());
        if connect.is_some_and(|data| !data.is_object()) {
            return Err(BadInput::at("backend.connect", "an object"));
        }
        let choice = |member: &'static str, path: &str| {
            let chosen = backend.member(member).map_or(Some(false), Raw::bool);
            chosen.ok_or_else(|| BadInput::at(path, "true or false"))
        };
        let delta = match backend.member("delta").filter(|delta| !delta.is_null()) {
            None => false,
            Some(delta) if delta.string().is_some_and(|name| name.is(fossil::NAME)) => true,
            Some(_) => return Err(BadInput::at("backend.delta", "\"fossil\"")),
        };
        Ok(Centrifugo {
            connect: connect.map(|data| data.text().to_owned()),
            places: Places::read(backend)?,
            presence: choice("presence", "backend.presence")?,
            channel_tokens: choice("getChannelToken", "backend.getChannelToken")?,
            delta,
        })
    }
}

impl Backend for Centrifugo {
    fn protocol(&self) -> Box<dyn Protocol> {
        Box::new(Session::new(self))
    }

    fn has_channel_tokens(&self) -> bool {
        self.channel_tokens
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::wire::json;

    fn read(backend: &str) -> Result<Centrifugo, BadInput> {
        Centrifugo::read(json::parse(backend).unwrap())
    }

    #[test]
    fn what_is_said_of_the_server_is_read() {
        let plain = read("{}").unwrap();
        assert_eq!((plain.connect, plain.presence), (None, false));
        assert!(!plain.channel_tokens && !plain.delta);
        let all = r#"{"connect":{"app":"a"},"presence":true,"event":"$.kind","data":"$.with","getChannelToken":true,"delta":"fossil"}"#;
        let all = read(all).unwrap();
        assert_eq!(all.connect.as_deref(), Some(r#"{"app":"a"}"#));
        assert!(all.presence && all.channel_tokens && all.delta);
        assert_ne!(all.places, plain.places);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_path() {
        for (backend, path) in [
            (r#"{"connect":7}"#, "backend.connect"),
            (r#"{"connect":[]}"#, "backend.connect"),
            (r#"{"presence":"yes"}"#, "backend.presence"),
            (r#"{"getChannelToken":1}"#, "backend.getChannelToken"),
            (r#"{"delta":"xdelta"}"#, "backend.delta"),
            (r#"{"delta":true}"#, "backend.delta"),
            (r#"{"event":"type"}"#, "backend.event"),
            (r#"{"data":7}"#, "backend.data"),
        ] {
            assert_eq!(read(backend).unwrap_err().path, path, "{backend}");
        }
    }
}
