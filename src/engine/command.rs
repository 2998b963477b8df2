//! What the app can ask of a running engine.

use std::borrow::Cow;
use std::rc::Rc;

use super::config::{self, BadInput, is_channel_name};
use super::ids::TokenId;
use super::invalidation::{Phase, Report, RetryAfter, Version};
use super::journal::Parts;
use super::key::QueryKey;
use super::layers;
use super::limits::PRESENCE_SHOWN_BYTES_MAX;
use super::principal::User;
use super::queue::{self, Draft, Handler, MutationId, Outcome};
use super::room::{self, Field, Show, Use};
use super::status::Status;
use super::time::Millis;
use super::token::{Token, TokenFailure};
use crate::wire::Event;
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
    /// The adapter says what happens to a query key.
    Fetch(Report),
    /// A mutation was answered, and the answer is in the cache.
    Applied {
        /// The mutation's id, as the events that tell of it have it.
        mutation: String,
        /// The families into whose data the answer was put.
        keys: Vec<QueryKey>,
        /// The families that it made stale besides.
        stale: Vec<QueryKey>,
    },
    /// Do something, now or when that is possible.
    Mutate(Draft),
    /// This page has a function for mutations of a name.
    Handle {
        /// The name.
        name: Rc<str>,
        /// How it wants to be treated.
        handler: Handler,
    },
    /// This page has no function for mutations of a name any more.
    Unhandle {
        /// The name.
        name: Rc<str>,
    },
    /// A run of the app's function ended.
    MutationDone {
        /// Which mutation.
        id: MutationId,
        /// Which run.
        attempt: u32,
        /// How.
        outcome: Outcome,
    },
    /// A question about the queue, or something done by hand.
    Queue {
        /// The number of the question.
        call: u64,
        /// What, as JSON text.
        text: String,
    },
    /// A component needs a contract kept, once more.
    WatchContract {
        /// Its name.
        contract: String,
    },
    /// A component needs a contract kept once less.
    UnwatchContract {
        /// Its name.
        contract: String,
    },
    /// A contract is in force.
    EnableContract {
        /// Its name.
        contract: String,
    },
    /// A contract is off: while a form is filled in, say.
    DisableContract {
        /// Its name.
        contract: String,
    },
    /// The user wants the newest.
    RefreshContract {
        /// The contract's name.
        contract: String,
    },
    /// The user did something.
    Activity,
    /// Show this tab on a channel, and tell who is there.
    Join {
        /// The channel.
        channel: String,
        /// What others see of it.
        show: Show,
    },
    /// Be on a channel no more.
    Leave {
        /// The channel.
        channel: String,
    },
    /// Say something to the others who are on a channel now.
    Signal(room::Call),
    /// The user types.
    Typing {
        /// The channel.
        channel: String,
        /// In which field; not any more if in none.
        field: Option<String>,
    },
    /// The user does something with a field that one person at a time may edit.
    Lease {
        /// The field.
        field: Field,
        /// What.
        what: Use,
    },
    /// This person is there now; nobody after a logout.
    SetUser {
        /// Who.
        user: Option<User>,
    },
    /// How the link of another backend of the instance stands.
    Layer {
        /// Which one: the first one, which is this engine's own, is 0.
        number: usize,
        /// How.
        status: Status,
    },
    /// Another backend of the instance told of something.
    Elsewhere {
        /// Which one.
        number: usize,
        /// What.
        event: Event<'static>,
    },
    /// What another backend of the instance told of may not have been all.
    Missed {
        /// Which one.
        number: usize,
        /// On which channel.
        channel: String,
    },
    /// Dial now.
    Reconnect,
    /// Tell what these parts decide, and no others.
    Log {
        /// The parts.
        parts: Parts,
    },
    /// The answer to [`Output::AskToken`](super::output::Output::AskToken).
    Token {
        /// The question's number.
        request: TokenId,
        /// The token, which may be that there is none, or why it is not to be had.
        result: Result<Option<Token>, TokenFailure>,
    },
    /// Somebody logged in, in this tab or because this tab knows of it.
    LoggedIn {
        /// The new token, if it is at hand; if not it is asked for.
        token: Option<Token>,
    },
    /// End for good.
    Close,
}

impl Command {
    /// Reads a command from JSON text: `{"do":"watch","channel":"tasks"}`.
    ///
    /// A token is given by `{"do":"token","request":1,"token":"..."}`, where `token` may be null
    /// for nobody; that it is not to be had is said by `"failed":"needs-login"` or `"error"`.
    /// A login is told by `{"do":"logged-in"}`, with or without `"token"`.
    pub fn parse(text: &str) -> Result<Command, BadInput> {
        let raw = json::parse(text).map_err(|_| BadInput::at("", "a JSON object"))?;
        let word = |name: &'static str| -> Result<String, BadInput> {
            raw.member(name)
                .and_then(Raw::string)
                .map(|text| text.decode().into_owned())
                .filter(|text| !text.is_empty())
                .ok_or_else(|| BadInput::at(name, "a non-empty string"))
        };
        let channel = || name(raw.member("channel"), "channel");
        let token = || match raw.member("token") {
            None => Ok(None),
            Some(raw) if raw.is_null() => Ok(None),
            Some(raw) => raw
                .string()
                .map(|text| Some(Token::new(&text.decode())))
                .ok_or_else(|| BadInput::at("token", "a string, or null")),
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
            Some("fetch") => Command::Fetch(report(raw)?),
            Some("applied") => Command::Applied {
                mutation: word("mutation")?,
                keys: families(raw, "keys")?,
                stale: families(raw, "stale")?,
            },
            Some("mutate") => Command::Mutate(Draft::parse(raw)?),
            Some("handle") => Command::Handle {
                name: word("name")?.into(),
                handler: Handler::read(raw)?,
            },
            Some("unhandle") => Command::Unhandle {
                name: word("name")?.into(),
            },
            Some("done") => Command::MutationDone {
                id: raw
                    .member("id")
                    .and_then(MutationId::read)
                    .ok_or_else(|| BadInput::at("id", "the id of a mutation"))?,
                attempt: raw
                    .member("attempt")
                    .and_then(Raw::integer)
                    .and_then(|attempt| u32::try_from(attempt).ok())
                    .ok_or_else(|| BadInput::at("attempt", "the number of the run"))?,
                outcome: raw
                    .member("outcome")
                    .and_then(Outcome::read)
                    .ok_or_else(|| BadInput::at("outcome", "how the run ended"))?,
            },
            Some("queue") => Command::Queue {
                call: raw
                    .member("id")
                    .and_then(Raw::integer)
                    .ok_or_else(|| BadInput::at("id", "the number of the question"))?,
                text: queue::question(raw)?,
            },
            Some("watchContract") => Command::WatchContract {
                contract: word("contract")?,
            },
            Some("unwatchContract") => Command::UnwatchContract {
                contract: word("contract")?,
            },
            Some("enableContract") => Command::EnableContract {
                contract: word("contract")?,
            },
            Some("disableContract") => Command::DisableContract {
                contract: word("contract")?,
            },
            Some("refreshContract") => Command::RefreshContract {
                contract: word("contract")?,
            },
            Some("activity") => Command::Activity,
            Some("join" | "leave" | "signal" | "typing" | "lease") if !room::HERE => {
                let expected = "nothing: this module was built without rooms";
                return Err(BadInput::at("", expected));
            }
            Some("join") => Command::Join {
                channel: channel()?,
                show: show(raw)?,
            },
            Some("leave") => Command::Leave {
                channel: channel()?,
            },
            Some("signal") => Command::Signal(room::call(channel()?, raw)?),
            Some("typing") => Command::Typing {
                channel: channel()?,
                field: match raw.member("field") {
                    Some(field) if field.is_null() => None,
                    field => Some(name(field, "field")?),
                },
            },
            Some("lease") => Command::Lease {
                field: Field {
                    channel: channel()?.into(),
                    name: name(raw.member("field"), "field")?.into(),
                },
                what: match word("use")?.as_str() {
                    "take" => Use::Take,
                    "edit" => Use::Edit,
                    "release" => Use::Release,
                    _ => return Err(BadInput::at("use", "take, edit or release")),
                },
            },
            Some("user") => Command::SetUser {
                user: config::user(raw.member("user"))?,
            },
            Some("layer" | "elsewhere" | "missed") if !layers::HERE => {
                let expected = "nothing: this module was built for one backend";
                return Err(BadInput::at("", expected));
            }
            Some("layer") => Command::Layer {
                number: layer(raw)?,
                status: Status::read(raw)
                    .ok_or_else(|| BadInput::at("status", "a state of a link"))?,
            },
            Some("elsewhere") => Command::Elsewhere {
                number: layer(raw)?,
                event: Event {
                    data: Cow::Owned(raw.member("data").unwrap_or(Raw::NULL).text().to_owned()),
                    by: raw
                        .member("by")
                        .and_then(Raw::string)
                        .map(|by| Cow::Owned(by.decode().into_owned())),
                    at: raw.member("at").and_then(Raw::integer),
                    #[cfg(feature = "phoenix")]
                    id: None,
                    channel: Cow::Owned(channel()?),
                    name: Cow::Owned(word("name")?),
                    seq: None,
                },
            },
            Some("missed") => Command::Missed {
                number: layer(raw)?,
                channel: channel()?,
            },
            Some("reconnect") => Command::Reconnect,
            Some("log") => Command::Log {
                parts: raw
                    .member("parts")
                    .and_then(Parts::read)
                    .ok_or_else(|| BadInput::at("parts", "an array of parts, or [\"all\"]"))?,
            },
            Some("token") => Command::Token {
                request: raw
                    .member("request")
                    .and_then(Raw::integer)
                    .and_then(|number| u32::try_from(number).ok())
                    .map(TokenId)
                    .ok_or_else(|| BadInput::at("request", "the number of the question"))?,
                result: match raw.member("failed").and_then(Raw::string) {
                    Some(how) if how.is("needs-login") => Err(TokenFailure::NeedsLogin),
                    Some(_) => Err(TokenFailure::Failed),
                    None => Ok(token()?),
                },
            },
            Some("logged-in") => Command::LoggedIn { token: token()? },
            _ => return Err(BadInput::at("do", "a command that exists")),
        })
    }
}

/// The number of a backend.
fn layer(raw: Raw<'_>) -> Result<usize, BadInput> {
    raw.member("n")
        .and_then(Raw::integer)
        .and_then(|number| usize::try_from(number).ok())
        .ok_or_else(|| BadInput::at("n", "the number of a backend"))
}

/// A name of a channel or a field.
fn name(raw: Option<Raw<'_>>, path: &'static str) -> Result<String, BadInput> {
    raw.and_then(Raw::string)
        .map(|text| text.decode().into_owned())
        .filter(|name| is_channel_name(name))
        .ok_or_else(|| BadInput::at(path, "a name of 1 to 255 bytes without control characters"))
}

/// What others are to see of this tab: the object `meta`, without a name if `anonymous`; nothing
/// without one.
fn show(raw: Raw<'_>) -> Result<Show, BadInput> {
    let meta = match raw.member("meta") {
        None => return Ok(Show::Nothing),
        Some(meta) if meta.is_null() => return Ok(Show::Nothing),
        Some(meta) => room::meta(meta)
            .filter(|meta| meta.len() <= PRESENCE_SHOWN_BYTES_MAX)
            .ok_or_else(|| BadInput::at("meta", "an object of at most 1024 bytes, or null"))?,
    };
    Ok(match raw.member("anonymous").and_then(Raw::bool) {
        Some(true) => Show::Anonymous(meta),
        Some(false) | None => Show::Known(meta),
    })
}

fn families(raw: Raw<'_>, name: &'static str) -> Result<Vec<QueryKey>, BadInput> {
    match raw.member(name) {
        Some(keys) => config::keys(keys).map_err(|(_, expected)| BadInput::at(name, expected)),
        None => Ok(Vec::new()),
    }
}

/// Reads what the adapter says about a key:
///
/// ```json
/// { "do": "fetch", "key": ["tasks", 1], "phase": "observe", "active": true, "visible": true }
/// ```
///
/// - `observe`: the key is in the cache; `active` if a component uses it (default true), `visible`
///   if that is on the screen (default true). Said again when one of them changes.
/// - `unobserve`: nobody uses it, it stays in the cache. `remove`: it left the cache.
/// - `start`, `success`, `failure`, `cancel`: of a fetch. `fetch` numbers the fetches, if the adapter
///   counts them: an answer of an older one is then passed over. `success` may say the `version` of
///   the data, and without a `start` tells of data that the app put there. `failure` comes after the
///   query's own retries; `retryAfter` is what the server said: milliseconds, or the header's text.
///
/// An adapter that comes late says with `observe` how old the data is, and with `start` how long the
/// fetch has been running: `age`, in milliseconds. What happened since is owed.
///
/// `host` names the server, if the app's queries go to several (default: one for all).
fn report(raw: Raw<'_>) -> Result<Report, BadInput> {
    let key = raw
        .member("key")
        .and_then(QueryKey::new)
        .ok_or_else(|| BadInput::at("key", "a query key: an array of at most 4096 bytes"))?;
    let flag = |name| raw.member(name).and_then(Raw::bool).unwrap_or(true);
    let fetch = raw.member("fetch").and_then(Raw::integer);
    let age = raw.member("age").and_then(Raw::integer).map(Millis);
    let phase = match raw
        .member("phase")
        .and_then(Raw::string)
        .map(Text::decode)
        .as_deref()
    {
        Some("observe") => Phase::Observe {
            active: flag("active"),
            visible: flag("visible"),
            age,
        },
        Some("unobserve") => Phase::Unobserve,
        Some("remove") => Phase::Remove,
        Some("start") => Phase::Start { fetch, age },
        Some("success") => Phase::Success {
            fetch,
            version: raw.member("version").and_then(Version::read),
        },
        Some("failure") => Phase::Failure {
            fetch,
            retry_after: raw.member("retryAfter").and_then(retry_after),
        },
        Some("cancel") => Phase::Cancel,
        _ => {
            return Err(BadInput::at(
                "phase",
                "observe, unobserve, remove, start, success, failure or cancel",
            ));
        }
    };
    let host = raw.member("host").and_then(Raw::string);
    Ok(Report {
        key,
        phase,
        host: host.map(|host| host.decode().into_owned()),
    })
}

/// Milliseconds, or what the header says. What is neither was never said.
fn retry_after(raw: Raw<'_>) -> Option<RetryAfter> {
    match raw.string() {
        Some(header) => Some(RetryAfter::Header(header.decode().into_owned())),
        None => raw.integer().map(|ms| RetryAfter::In(Millis(ms))),
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
        for (text, user) in [
            (r#"{"do":"user","user":"u1"}"#, Some(User::new("u1"))),
            (r#"{"do":"user","user":null}"#, None),
        ] {
            assert_eq!(parse(text), Ok(Command::SetUser { user }));
        }
        assert!(matches!(
            parse(r#"{"do":"invalidate","keys":[["a"]]}"#),
            Ok(Command::Invalidate { keys }) if keys.len() == 1
        ));
    }

    #[test]
    fn tokens_are_read_and_never_shown() {
        let request = TokenId(3);
        let cases = [
            (r#""token":"T""#, Ok(Some(Token::new("T")))),
            (r#""token":null"#, Ok(None)),
            (r#""failed":"needs-login""#, Err(TokenFailure::NeedsLogin)),
            (r#""failed":"error""#, Err(TokenFailure::Failed)),
        ];
        for (text, result) in cases {
            let text = format!(r#"{{"do":"token","request":3,{text}}}"#);
            assert_eq!(
                Command::parse(&text),
                Ok(Command::Token { request, result })
            );
        }
        let command = Command::parse(r#"{"do":"logged-in","token":"hush"}"#);
        assert!(!format!("{command:?}").contains("hush"));
        assert!(matches!(command, Ok(Command::LoggedIn { token: Some(_) })));
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
            (r#"{"do":"fetch","phase":"start"}"#, "key"),
            (r#"{"do":"fetch","key":{},"phase":"start"}"#, "key"),
            (r#"{"do":"fetch","key":[1]}"#, "phase"),
            (r#"{"do":"fetch","key":[1],"phase":"begin"}"#, "phase"),
            (r#"{"do":"applied"}"#, "mutation"),
            (r#"{"do":"applied","mutation":"m","keys":[1]}"#, "keys"),
            (r#"{"do":"applied","mutation":"m","stale":[1]}"#, "stale"),
            (r#"{"do":"log","parts":["music"]}"#, "parts"),
            (r#"{"do":"token","token":"T"}"#, "request"),
            (r#"{"do":"token","request":1,"token":2}"#, "token"),
            (r#"{"do":"user","user":""}"#, "user"),
            (r#"{"do":"user","user":7}"#, "user"),
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
