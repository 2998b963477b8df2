//! What has to be known of a server of GraphQL: which channel is which subscription.

use super::pattern::{Pattern, named};
use super::places::path;
use super::{Backend, text};
use crate::engine::config::{BadInput, is_channel_name};
use crate::engine::limits::GRAPHQL_QUERY_BYTES_MAX;
use crate::wire::Protocol;
use crate::wire::graphql::Session;
use crate::wire::json::{self, Raw, Text, Writer};
use crate::wire::plain::form::Form;

/// What has to be known of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphQl {
    /// What it is told of us; the token alone if the app says nothing of it.
    pub connect: Option<Form>,
    subscriptions: Vec<Subscription>,
}

/// What a channel is to the server, or any of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Subscription {
    name: Pattern,
    query: String,
    /// An object, as JSON.
    variables: Option<String>,
    operation: Option<String>,
    event: String,
    data: String,
}

/// What a channel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel<'a> {
    of: &'a Subscription,
    /// What its name has in the place.
    value: &'a str,
}

impl GraphQl {
    /// Reads what the app said of the server.
    pub fn read(backend: Raw<'_>) -> Result<GraphQl, BadInput> {
        let connect = backend.member("connect").filter(|raw| !raw.is_null());
        if connect.is_some_and(|raw| !raw.is_object()) {
            return Err(BadInput::at("backend.connect", "an object"));
        }
        let list = backend.member("subscriptions");
        let list = list.filter(|raw| raw.is_object()).ok_or_else(|| {
            BadInput::at(
                "backend.subscriptions",
                "an object of subscriptions, by the names of their channels",
            )
        })?;
        let mut subscriptions = Vec::new();
        let mut bad = None;
        list.members(|name, how| {
            let name = name.decode();
            match Subscription::read(&name, how) {
                Ok(subscription) => subscriptions.push(subscription),
                Err(wrong) => {
                    bad.get_or_insert(BadInput {
                        path: named("backend.subscriptions", &name, &wrong.path),
                        expected: wrong.expected,
                    });
                }
            }
        });
        let connect = connect.map(Form::new);
        bad.map_or(
            Ok(GraphQl {
                connect,
                subscriptions,
            }),
            Err,
        )
    }

    /// What a channel of that name is. The first entry that fits counts.
    pub fn channel<'a>(&'a self, name: &'a str) -> Option<Channel<'a>> {
        let fits = |of: &'a Subscription| {
            Some(Channel {
                of,
                value: of.name.value(name)?,
            })
        };
        self.subscriptions.iter().find_map(fits)
    }
}

impl Subscription {
    fn read(name: &str, how: Raw<'_>) -> Result<Subscription, BadInput> {
        let query = text(how, "query").filter(|query| !query.is_empty());
        let query = query.filter(|query| query.len() <= GRAPHQL_QUERY_BYTES_MAX);
        let query = query.ok_or_else(|| {
            BadInput::at("query", "the text of a subscription, of at most 64 KiB")
        })?;
        let variables = how.member("variables").filter(|raw| !raw.is_null());
        if variables.is_some_and(|raw| !raw.is_object()) {
            return Err(BadInput::at("variables", "an object"));
        }
        let word = |member: &'static str| match how.member(member) {
            None => Ok(None),
            Some(_) => text(how, member)
                .filter(|text| !text.is_empty())
                .map(Some)
                .ok_or_else(|| BadInput::at(member, "a text that is not empty")),
        };
        let data =
            path(how, "data").map_err(|_| BadInput::at("data", "a path like \"$.taskChanged\""))?;
        Ok(Subscription {
            name: Pattern::read(name),
            query,
            variables: variables.map(|raw| raw.text().to_owned()),
            operation: word("operationName")?,
            event: word("event")?.unwrap_or_else(|| name.to_owned()),
            data: data.unwrap_or_default(),
        })
    }
}

impl<'a> Channel<'a> {
    /// What its events are called.
    pub fn event(self) -> &'a str {
        &self.of.event
    }

    /// Where their payload is in what the server resolved; it is all of it if this is empty.
    pub fn data(self) -> &'a str {
        &self.of.data
    }

    /// What the server is asked for it: an object.
    pub fn write(self, writer: &mut Writer) {
        writer.object(|w| {
            w.key("query").string(&self.of.query);
            if let Some(variables) = &self.of.variables {
                let raw = json::parse(variables).unwrap_or(Raw::NULL);
                self.fill(raw, w.key("variables"));
            }
            if let Some(name) = &self.of.operation {
                w.key("operationName").string(name);
            }
        });
    }

    /// Variables with what the name has in its place. The scanner bounds how deep this goes.
    fn fill(self, raw: Raw<'_>, w: &mut Writer) {
        if raw.is_object() {
            w.object(|w| raw.members(|name, value| self.fill(value, w.key(&name.decode()))));
        } else if raw.is_array() {
            w.array(|w| raw.elements(|value| self.fill(value, w)));
        } else if let Some(text) = raw.string() {
            w.string(&self.of.name.fill(&Text::decode(text), self.value));
        } else {
            w.raw(raw.text());
        }
    }
}

impl Backend for GraphQl {
    fn protocol(&self) -> Box<dyn Protocol> {
        Box::new(Session::new(self))
    }

    fn is_channel(&self, name: &str) -> bool {
        is_channel_name(name) && self.channel(name).is_some()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(backend: &str) -> Result<GraphQl, BadInput> {
        GraphQl::read(json::parse(backend).unwrap())
    }

    #[test]
    fn a_channel_is_a_subscription_with_what_its_name_has_in_the_place() {
        let with = read(
            r#"{"connect":{"authorization":"Bearer $token"},"subscriptions":{
                "news":{"query":"subscription{news}"},
                "board:{id}":{"query":"subscription T($b:ID!){task(board:$b){id}}","operationName":"T",
                    "variables":{"b":"{id}","in":["of {id}",7]},"event":"task_changed","data":"$.task"}}}"#,
        )
        .unwrap();
        assert!(with.connect.is_some());
        let write = |channel: Channel<'_>| {
            let mut writer = Writer::new();
            channel.write(&mut writer);
            writer.finish()
        };
        let news = with.channel("news").unwrap();
        assert_eq!((news.event(), news.data()), ("news", ""));
        assert_eq!(write(news), r#"{"query":"subscription{news}"}"#);
        let board = with.channel("board:7\"").unwrap();
        assert_eq!((board.event(), board.data()), ("task_changed", ".task"));
        assert_eq!(
            write(board),
            r#"{"query":"subscription T($b:ID!){task(board:$b){id}}","variables":{"b":"7\"","in":["of 7\"",7]},"operationName":"T"}"#
        );
        for other in ["new", "board:", "boards:7", ""] {
            assert!(!with.is_channel(other), "{other}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_path() {
        let long = [
            "{\"subscriptions\":{\"a\":{\"query\":\"",
            &"x".repeat(GRAPHQL_QUERY_BYTES_MAX + 1),
            "\"}}}",
        ];
        let long = long.concat();
        for (backend, path) in [
            ("{}", "backend.subscriptions"),
            (r#"{"subscriptions":[]}"#, "backend.subscriptions"),
            (r#"{"connect":7,"subscriptions":{}}"#, "backend.connect"),
            (
                r#"{"subscriptions":{"a":7}}"#,
                r#"backend.subscriptions["a"].query"#,
            ),
            (
                r#"{"subscriptions":{"a":{"query":""}}}"#,
                r#"backend.subscriptions["a"].query"#,
            ),
            (&long, r#"backend.subscriptions["a"].query"#),
            (
                r#"{"subscriptions":{"a":{"query":"q","variables":[]}}}"#,
                r#"backend.subscriptions["a"].variables"#,
            ),
            (
                r#"{"subscriptions":{"a":{"query":"q","event":""}}}"#,
                r#"backend.subscriptions["a"].event"#,
            ),
            (
                r#"{"subscriptions":{"a":{"query":"q","operationName":7}}}"#,
                r#"backend.subscriptions["a"].operationName"#,
            ),
            (
                r#"{"subscriptions":{"a":{"query":"q","data":"x"}}}"#,
                r#"backend.subscriptions["a"].data"#,
            ),
        ] {
            assert_eq!(read(backend).unwrap_err().path, path, "{backend}");
        }
    }
}
