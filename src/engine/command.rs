//! What the app can ask of a running engine.

use super::config::{self, BadInput, is_channel_name};
use super::key::QueryKey;
use crate::wire::json::{self, Raw, Text};

/// A wish of the app.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Begin.
    Start,
    /// Watch a channel, once more.
    Watch {
        /// Its name.
        channel: String,
    },
    /// Watch a channel once less.
    Unwatch {
        /// Its name.
        channel: String,
    },
    /// Hand out events of a name to the app, once more.
    Listen {
        /// The event's name.
        event: String,
    },
    /// Hand out events of a name once less.
    Unlisten {
        /// The event's name.
        event: String,
    },
    /// Queries became stale for a reason that only the app knows.
    Invalidate {
        /// Prefixes of query keys.
        keys: Vec<QueryKey>,
    },
    /// Dial now.
    Reconnect,
    /// End for good.
    Close,
}

impl Command {
    /// Reads a command from JSON text: `{"do":"watch","channel":"tasks"}`.
    pub fn parse(text: &str) -> Result<Command, BadInput> {
        let raw = json::parse(text).map_err(|_| BadInput::at("", "a JSON object"))?;
        let word = |name: &'static str| -> Result<String, BadInput> {
            raw.member(name)
                .and_then(Raw::string)
                .map(|text| text.decode().into_owned())
                .filter(|text| !text.is_empty())
                .ok_or_else(|| BadInput::at(name, "a non-empty string"))
        };
        let channel = || {
            word("channel").and_then(|name| {
                if is_channel_name(&name) {
                    Ok(name)
                } else {
                    Err(BadInput::at(
                        "channel",
                        "a name of 1 to 255 bytes without control characters",
                    ))
                }
            })
        };
        let what = raw.member("do").and_then(Raw::string).map(Text::decode);
        Ok(match what.as_deref() {
            Some("watch") => Command::Watch {
                channel: channel()?,
            },
            Some("unwatch") => Command::Unwatch {
                channel: channel()?,
            },
            Some("listen") => Command::Listen {
                event: word("event")?,
            },
            Some("unlisten") => Command::Unlisten {
                event: word("event")?,
            },
            Some("invalidate") => Command::Invalidate {
                keys: config::keys(raw.member("keys").unwrap_or(raw))
                    .map_err(|(_, expected)| BadInput::at("keys", expected))?,
            },
            Some("reconnect") => Command::Reconnect,
            _ => return Err(BadInput::at("do", "a command that exists")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read() {
        let parse = |text| Command::parse(text);
        let channel = "tasks".to_owned();
        assert_eq!(
            parse(r#"{"do":"watch","channel":"tasks"}"#),
            Ok(Command::Watch { channel })
        );
        assert_eq!(parse(r#"{"do":"reconnect"}"#), Ok(Command::Reconnect));
        assert!(matches!(
            parse(r#"{"do":"invalidate","keys":[["a"]]}"#),
            Ok(Command::Invalidate { keys }) if keys.len() == 1
        ));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, path) in [
            ("{}", "do"),
            (r#"{"do":"fly"}"#, "do"),
            (r#"{"do":"watch"}"#, "channel"),
            ("{\"do\":\"watch\",\"channel\":\"\\u0000\"}", "channel"),
            (r#"{"do":"listen","event":1}"#, "event"),
            (r#"{"do":"invalidate","keys":["a"]}"#, "keys"),
            (r#"{"do":"invalidate"}"#, "keys"),
        ] {
            let result = Command::parse(text);
            assert_eq!(
                result.err().map(|bad| bad.path),
                Some(path.to_owned()),
                "{text}"
            );
        }
    }
}
