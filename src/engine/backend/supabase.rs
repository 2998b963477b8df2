//! What has to be known of a project of Supabase: which channel is joined how.
//!
//! Channels have a name, or a name with a place in it (`"board:{id}"`): what a channel has there is put
//! into the filters of its changes, so that one entry stands for the boards that nobody knows yet.

use super::pattern::{Pattern, named};
use super::text;
use crate::engine::config::{BadInput, bad_member, indexed};
use crate::engine::limits::REPLAY_LIMIT;
use crate::engine::time::Wall;
use crate::wire::json::{self, Raw, Writer};

/// How the channels of a project are joined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Supabase {
    channels: Vec<Channel>,
}

/// How a channel is joined, or any of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Channel {
    name: Pattern,
    /// What of it is JSON already: `broadcast` and `presence` as the app wrote them.
    broadcast: Option<String>,
    presence: Option<String>,
    changes: Vec<Change>,
    private: bool,
    replay: bool,
}

/// Changes of rows that are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// `INSERT`, `UPDATE`, `DELETE`, or `*` for all of them.
    pub event: String,
    /// The schema.
    pub schema: String,
    /// The table; all of the schema if there is none.
    pub table: Option<String>,
    /// Which rows.
    pub filter: Option<String>,
}

/// How a channel is joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// The member `config` of what the server is told, as JSON.
    pub config: String,
    /// The changes that are asked for in it.
    pub changes: Vec<Change>,
    /// Broadcasts that are missed are asked for after a gap.
    pub replays: bool,
    /// Who is there is asked for in it.
    #[cfg(feature = "rooms")]
    pub crowd: bool,
    /// Under which key we are to be there, if the app says so.
    #[cfg(feature = "rooms")]
    pub key: Option<String>,
}

impl Supabase {
    /// Reads what the app said of the channels.
    pub fn read(backend: Raw<'_>) -> Result<Supabase, BadInput> {
        let mut channels = Vec::new();
        let mut bad = None;
        if let Some(raw) = backend.member("channels").filter(|raw| !raw.is_null()) {
            if !raw.is_object() {
                return Err(BadInput::at("backend.channels", "an object of channels"));
            }
            raw.members(|name, how| {
                let name = name.decode();
                match Channel::read(&name, how) {
                    Ok(channel) => channels.push(channel),
                    Err(wrong) => {
                        bad.get_or_insert(BadInput {
                            path: named("backend.channels", &name, &wrong.path),
                            expected: wrong.expected,
                        });
                    }
                }
            });
        }
        bad.map_or(Ok(Supabase { channels }), Err)
    }

    /// How a channel of that name is joined, whether somebody wants to know who is there, and since when
    /// broadcasts may be missing. The first entry that fits counts.
    pub fn join(&self, name: &str, crowd: bool, since: Option<Wall>) -> Join {
        let fits = |channel| Channel::filled(channel, name, crowd, since);
        self.channels
            .iter()
            .find_map(fits)
            .unwrap_or_else(|| write(None, Vec::new(), crowd, None))
    }
}

impl Channel {
    fn read(name: &str, how: Raw<'_>) -> Result<Channel, BadInput> {
        if !how.is_object() {
            return Err(BadInput::at("", "an object: how the channel is joined"));
        }
        let object = |member: &'static str, known: &[&str]| {
            let Some(raw) = how.member(member).filter(|raw| !raw.is_null()) else {
                return Ok(None);
            };
            let mut good = raw.is_object();
            raw.members(|name, _| good &= known.iter().any(|known| name.is(known)));
            match good {
                true => Ok(Some(raw.text().to_owned())),
                false => Err(BadInput::at(
                    member,
                    "an object as the server takes it: { self, ack } or { enabled, key }",
                )),
            }
        };
        let is = |member: &'static str| match how.member(member) {
            None => Ok(false),
            Some(raw) => (raw.bool()).ok_or_else(|| BadInput::at(member, "true or false")),
        };
        let (private, replay) = (is("private")?, is("replay")?);
        if replay && !private {
            let expected = "false where the channel is not private: the server keeps nothing of it";
            return Err(BadInput::at("replay", expected));
        }
        Ok(Channel {
            name: Pattern::read(name),
            broadcast: object("broadcast", &["self", "ack"])?,
            presence: object("presence", &["enabled", "key"])?,
            changes: changes(how.member("changes"))?,
            private,
            replay,
        })
    }

    fn filled(&self, name: &str, crowd: bool, since: Option<Wall>) -> Option<Join> {
        let value = self.name.value(name)?;
        let mut changes = self.changes.clone();
        for change in &mut changes {
            let filter = change.filter.take();
            change.filter = filter.map(|text| self.name.fill(&text, value));
        }
        Some(write(Some(self), changes, crowd, since))
    }
}

fn changes(raw: Option<Raw<'_>>) -> Result<Vec<Change>, BadInput> {
    let mut out = Vec::new();
    let Some(raw) = raw.filter(|raw| !raw.is_null()) else {
        return Ok(out);
    };
    if !raw.is_array() {
        return Err(BadInput::at("changes", "a list of changes"));
    }
    let mut bad = None;
    raw.elements(|raw| match Change::read(raw) {
        Ok(change) => out.push(change),
        Err((member, expected)) => {
            let at = indexed("changes", out.len());
            bad.get_or_insert(bad_member(&at, member, expected));
        }
    });
    bad.map_or(Ok(out), Err)
}

impl Change {
    fn read(raw: Raw<'_>) -> Result<Change, (&'static str, &'static str)> {
        let word = |member: &'static str| match raw.member(member) {
            None => Ok(None),
            Some(_) => text(raw, member)
                .filter(|text| !text.is_empty())
                .map(Some)
                .ok_or((member, "a text that is not empty")),
        };
        let event = word("event")?.unwrap_or_else(|| "*".to_owned());
        if !matches!(&*event, "*" | "INSERT" | "UPDATE" | "DELETE") {
            return Err(("event", "\"INSERT\", \"UPDATE\", \"DELETE\" or \"*\""));
        }
        let change = Change {
            event,
            schema: word("schema")?.unwrap_or_else(|| "public".to_owned()),
            table: word("table")?,
            filter: word("filter")?,
        };
        match (&change.table, &change.filter) {
            (None, Some(_)) => Err(("table", "the table that the filter is of")),
            _ => Ok(change),
        }
    }

    /// Writes it as the official client does: a server that answers says the same of it.
    fn write(&self, writer: &mut Writer) {
        writer.object(|w| {
            w.key("event").string(&self.event);
            w.key("schema").string(&self.schema);
            for (name, value) in [("table", &self.table), ("filter", &self.filter)] {
                if let Some(value) = value {
                    w.key(name).string(value);
                }
            }
        });
    }
}

fn write(
    channel: Option<&Channel>,
    changes: Vec<Change>,
    crowd: bool,
    since: Option<Wall>,
) -> Join {
    let replays = channel.is_some_and(|channel| channel.replay);
    let broadcast = channel.and_then(|channel| channel.broadcast.as_deref());
    let presence = channel.and_then(|channel| channel.presence.as_deref());
    let said = json::parse(presence.unwrap_or("{}")).unwrap_or(Raw::NULL);
    let key = text(said, "key").filter(|key| !key.is_empty());
    let has_crowd = crowd || said.member("enabled").and_then(Raw::bool) == Some(true);
    let mut writer = Writer::new();
    writer.object(|w| {
        let broadcast = broadcast.unwrap_or(r#"{"ack":false,"self":false}"#);
        w.key("broadcast");
        match since.filter(|_| replays) {
            Some(since) => w.object(|w| {
                let said = json::parse(broadcast).unwrap_or(Raw::NULL);
                said.members(|name, value| w.key(&name.decode()).raw(value.text()));
                w.key("replay").object(|w| {
                    w.key("since").number(since.0);
                    w.key("limit").number(REPLAY_LIMIT);
                });
            }),
            None => w.raw(broadcast),
        }
        w.key("presence");
        match presence {
            Some(presence) if !crowd => w.raw(presence),
            _ => w.object(|w| {
                w.key("key").string(key.as_deref().unwrap_or(""));
                w.key("enabled").bool(has_crowd);
            }),
        }
        w.key("postgres_changes").array(|w| {
            for change in &changes {
                change.write(w);
            }
        });
        w.key("private")
            .bool(channel.is_some_and(|channel| channel.private));
    });
    Join {
        config: writer.finish(),
        changes,
        replays,
        #[cfg(feature = "rooms")]
        crowd: has_crowd,
        #[cfg(feature = "rooms")]
        key,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::engine::text::concat;
    use crate::wire::json;

    fn read(channels: &str) -> Result<Supabase, BadInput> {
        let backend = concat(&["{\"channels\":", channels, "}"]);
        Supabase::read(json::parse(&backend).unwrap())
    }

    #[test]
    fn a_channel_that_is_not_named_is_joined_without_anything() {
        let join = Supabase::default().join("any", false, None);
        assert_eq!(
            join.config,
            r#"{"broadcast":{"ack":false,"self":false},"presence":{"key":"","enabled":false},"postgres_changes":[],"private":false}"#
        );
        assert_eq!(join.changes, []);
    }

    #[test]
    fn what_a_name_has_in_its_place_goes_into_the_filters() {
        let all = read(
            r#"{"board:lobby":{"private":true},
                "board:{id}:{x":{"broadcast":{"self":true,"ack":true},"presence":{"key":"u","enabled":true},
                "changes":[{"table":"tasks","filter":"board=eq.{id},was=neq.{id}"},{"event":"DELETE","schema":"a","table":"t"},{}]}}"#,
        )
        .unwrap();
        let join = all.join("board:7/8:{x", false, None);
        assert_eq!(
            join.config,
            r#"{"broadcast":{"self":true,"ack":true},"presence":{"key":"u","enabled":true},"postgres_changes":[{"event":"*","schema":"public","table":"tasks","filter":"board=eq.7/8,was=neq.7/8"},{"event":"DELETE","schema":"a","table":"t"},{"event":"*","schema":"public"}],"private":false}"#
        );
        assert_eq!(join.changes.len(), 3);
        assert!(
            all.join("board:lobby", false, None)
                .config
                .ends_with("\"private\":true}")
        );
        for other in ["board:lobb", "board::{x", "board:7", "x"] {
            assert_eq!(
                all.join(other, false, None),
                Supabase::default().join(other, false, None),
                "{other}"
            );
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_path() {
        for (channels, path) in [
            ("7", "backend.channels"),
            (r#"{"a":7}"#, r#"backend.channels["a"]"#),
            (
                r#"{"a\"":{"private":1}}"#,
                r#"backend.channels["a\""].private"#,
            ),
            (r#"{"a":{"replay":1}}"#, r#"backend.channels["a"].replay"#),
            (
                r#"{"a":{"replay":true}}"#,
                r#"backend.channels["a"].replay"#,
            ),
            (
                r#"{"a":{"private":false,"replay":true}}"#,
                r#"backend.channels["a"].replay"#,
            ),
            (
                r#"{"a":{"broadcast":true}}"#,
                r#"backend.channels["a"].broadcast"#,
            ),
            (
                r#"{"a":{"broadcast":{"slef":true}}}"#,
                r#"backend.channels["a"].broadcast"#,
            ),
            (
                r#"{"a":{"presence":[]}}"#,
                r#"backend.channels["a"].presence"#,
            ),
            (
                r#"{"a":{"changes":{}}}"#,
                r#"backend.channels["a"].changes"#,
            ),
            (
                r#"{"a":{"changes":[{},{"event":"insert"}]}}"#,
                r#"backend.channels["a"].changes[1].event"#,
            ),
            (
                r#"{"a":{"changes":[{"table":7}]}}"#,
                r#"backend.channels["a"].changes[0].table"#,
            ),
            (
                r#"{"a":{"changes":[{"filter":"a=eq.1"}]}}"#,
                r#"backend.channels["a"].changes[0].table"#,
            ),
        ] {
            assert_eq!(read(channels).unwrap_err().path, path, "{channels}");
        }
    }
}
