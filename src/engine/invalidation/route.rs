//! From an event to what it concerns: fixed families, families named by the payload, spans of time.

use super::moment::Span;
use super::version::Version;
use crate::engine::config::{self, BadInput};
use crate::engine::key::{QueryKey, field, field_path, write_canonical, write_filled};
use crate::engine::limits::{CHANGE_BYTES_MAX, SPANS_PER_ROUTE_MAX};
use crate::engine::list::List;
use crate::engine::text;
use crate::wire::json::{self, Raw, Writer};

/// An event's name, and what it makes stale.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// The event's name.
    pub event: String,
    /// Which families.
    pub targets: Vec<Target>,
    /// Where the payload says which change it is.
    pub identity: Identity,
}

/// Where a payload says which change it is. Paths like `.task.id`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Identity {
    /// What the event tells of, when several layers give it several names.
    pub kind: Option<String>,
    /// The id of the change itself.
    pub change: Option<String>,
    /// The id of what changed; together with `version` it is an id of the change.
    pub entity: Option<String>,
    /// The version after the change.
    pub version: Option<String>,
    /// The id of the mutation that made the change.
    pub mutation: Option<String>,
}

/// One family that an event makes stale, or a pattern of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The elements that are the same for every payload: the family when it is not known better.
    pub wide: QueryKey,
    /// What the payload adds.
    narrow: Narrow,
}

#[derive(Clone, Debug, PartialEq)]
enum Narrow {
    /// Nothing.
    No,
    /// These elements, and then perhaps spans of time.
    Yes {
        /// All elements, as canonical JSON; those before `open` are fixed.
        elements: Vec<Box<str>>,
        open: usize,
        /// Fields with the first and the last moment of a span.
        spans: Vec<(String, String)>,
    },
}

/// What an event makes stale, with a payload's values filled in.
#[derive(Debug, PartialEq)]
pub(super) enum Aim {
    /// All of the fixed family.
    Wide,
    /// All of this family.
    Family(QueryKey),
    /// Of this family the keys that show one of these spans of time.
    Spans(QueryKey, Vec<Span>),
}

impl Target {
    /// Reads a target: a query key in which strings may name fields of the payload, and whose last
    /// element may be `{"$range": [...]}`.
    pub fn read(raw: Raw<'_>) -> Option<Target> {
        let whole = QueryKey::new(raw)?;
        let mut elements: Vec<Box<str>> = Vec::new();
        let mut open = None;
        let mut range = None;
        let mut misplaced = false;
        raw.elements(|element| {
            misplaced |= range.is_some();
            if element.is_object() && element.member("$range").is_some() {
                range = element.member("$range");
                return;
            }
            if open.is_none() && names_fields(element) {
                open = Some(elements.len());
            }
            let mut text = Writer::new();
            write_canonical(element, &mut text);
            elements.push(text.finish().into());
        });
        let spans = match range {
            Some(range) => read_spans(range).filter(|_| !misplaced)?,
            None if open.is_none() => {
                // A string that begins with "$$." stands for one that begins with "$.".
                let wide = if text::find(whole.text(), "\"$$.").is_some() {
                    QueryKey::of_elements(&unescaped(&elements))?
                } else {
                    whole
                };
                return Some(Target {
                    wide,
                    narrow: Narrow::No,
                });
            }
            None => Vec::new(),
        };
        let open = open.unwrap_or(elements.len());
        let fixed = unescaped(elements.get(..open)?);
        Some(Target {
            wide: QueryKey::of_elements(&fixed)?,
            narrow: Narrow::Yes {
                elements,
                open,
                spans,
            },
        })
    }

    /// Is the payload of any use?
    pub(super) fn is_fixed(&self) -> bool {
        self.narrow == Narrow::No
    }

    /// What exactly an event with this payload makes stale. What the payload does not say makes
    /// it more, never less.
    pub(super) fn aim(&self, payload: Raw<'_>) -> Aim {
        let Narrow::Yes {
            elements,
            open,
            spans,
        } = &self.narrow
        else {
            return Aim::Wide;
        };
        let mut filled = Vec::with_capacity(elements.len());
        for element in elements {
            let mut text = Writer::new();
            let raw = json::parse(element).unwrap_or(Raw::NULL);
            if !write_filled(raw, &mut text, Some(payload)) {
                break;
            }
            filled.push(text.finish());
        }
        let complete = filled.len() == elements.len();
        if filled.len() == *open && (!complete || spans.is_empty()) {
            return Aim::Wide;
        }
        let Some(key) = QueryKey::of_elements(&filled) else {
            return Aim::Wide;
        };
        match read_times(spans, payload).filter(|times| complete && !times.is_empty()) {
            Some(times) => Aim::Spans(key, times),
            None => Aim::Family(key),
        }
    }
}

fn names_fields(raw: Raw<'_>) -> bool {
    let mut found = field_path(raw).is_some();
    raw.elements(|element| found |= names_fields(element));
    raw.members(|_, value| found |= names_fields(value));
    found
}

fn unescaped(elements: &[Box<str>]) -> Vec<String> {
    let fill = |element: &str| {
        let mut text = Writer::new();
        let raw = json::parse(element).unwrap_or(Raw::NULL);
        write_filled(raw, &mut text, Some(Raw::NULL));
        text.finish()
    };
    elements.iter().map(|element| fill(element)).list()
}

/// `[["$.start", "$.end"], "$.moment"]`.
fn read_spans(raw: Raw<'_>) -> Option<Vec<(String, String)>> {
    let mut out = Vec::new();
    let mut good = raw.is_array();
    raw.elements(|element| {
        if let Some(path) = field_path(element) {
            out.push((path.clone(), path));
            return;
        }
        let mut ends = Vec::new();
        element.elements(|end| ends.push(field_path(end)));
        match ends.as_slice() {
            [Some(start), Some(end)] => out.push((start.clone(), end.clone())),
            _ => good = false,
        }
    });
    (good && !out.is_empty() && out.len() <= SPANS_PER_ROUTE_MAX).then_some(out)
}

/// The spans that a payload names. `null` says that there was none, as for what is new; a missing
/// or unreadable one could have been any.
fn read_times(spans: &[(String, String)], payload: Raw<'_>) -> Option<Vec<Span>> {
    let mut out = Vec::new();
    for (start, end) in spans {
        match (field(payload, start)?, field(payload, end)?) {
            (start, end) if start.is_null() && end.is_null() => {}
            (start, end) => out.push(Span::read(start)?.to(Span::read(end)?)),
        }
    }
    Some(out)
}

/// What a payload says about the change that it tells of.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Change {
    /// What two layers that tell of the same change have in common.
    pub(super) id: Option<Box<str>>,
    pub(super) version: Option<Version>,
    pub(super) mutation: Option<Box<str>>,
}

impl Identity {
    /// Does the payload say anything that matters?
    pub(super) fn is_empty(&self) -> bool {
        *self == Identity::default()
    }

    /// What the payload says. The channel has no part in it: layers have channels of their own.
    pub(super) fn read(&self, event: &str, payload: Raw<'_>) -> Change {
        let value = |path: &Option<String>| field(payload, path.as_deref()?);
        let version = value(&self.version).and_then(Version::read);
        let kind = self.kind.as_deref().unwrap_or(event);
        let scalar = |path| Version::read(value(path)?);
        let id = match (scalar(&self.change), scalar(&self.entity), &version) {
            (Some(change), _, _) => Some(identity(&["c", change.text()])),
            (None, Some(entity), Some(version)) => {
                Some(identity(&["v", kind, entity.text(), version.text()]))
            }
            (None, _, _) => None,
        };
        Change {
            id: id.filter(|id| id.len() <= 2 * CHANGE_BYTES_MAX),
            mutation: scalar(&self.mutation).map(|id| id.text().into()),
            version,
        }
    }
}

/// Parts in one text, kept apart by a character that is in no id worth the name.
fn identity(parts: &[&str]) -> Box<str> {
    let mut all = String::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            all.push('\n');
        }
        all.push_str(part);
    }
    all.into()
}

/// Reads the routes of a configuration: an object from event names to routes.
pub(crate) fn read_routes(raw: Raw<'_>) -> Result<Vec<Route>, BadInput> {
    let mut out = Vec::new();
    let mut bad = None;
    raw.members(|name, value| {
        if bad.is_some() {
            return;
        }
        let event = name.decode().into_owned();
        let mut path = "events.".to_owned();
        path.push_str(&event);
        match read_route(event, value, &path) {
            Ok(route) => out.push(route),
            Err(what) => bad = Some(what),
        }
    });
    bad.map_or(Ok(out), Err)
}

fn read_route(event: String, raw: Raw<'_>, path: &str) -> Result<Route, BadInput> {
    let mut identity = Identity::default();
    let mut keys = Some(raw);
    let mut keys_path = path.to_owned();
    if raw.is_object() {
        keys = raw.member("keys");
        keys_path.push_str(".keys");
        for (name, place) in [
            ("change", &mut identity.change),
            ("entity", &mut identity.entity),
            ("version", &mut identity.version),
            ("mutation", &mut identity.mutation),
        ] {
            let Some(value) = raw.member(name) else {
                continue;
            };
            let Some(field) = field_path(value) else {
                return Err(config::bad_member(
                    path,
                    name,
                    "a field of the payload, like \"$.task.id\"",
                ));
            };
            *place = Some(field);
        }
        if let Some(kind) = raw.member("as") {
            let Some(kind) = kind.string() else {
                return Err(config::bad_member(path, "as", "a string"));
            };
            identity.kind = Some(kind.decode().into_owned());
        }
    }
    let Some(keys) = keys.filter(|keys| keys.is_array()) else {
        return Err(BadInput::at(keys_path, "an array of query keys"));
    };
    let mut targets = Vec::new();
    let mut bad = None;
    keys.elements(|element| match Target::read(element) {
        Some(target) => targets.push(target),
        None => {
            bad.get_or_insert(targets.len());
        }
    });
    match bad {
        Some(at) => Err(BadInput::at(
            config::indexed(&keys_path, at),
            "a query key: an array of at most 4096 bytes, with `$range` only at its end",
        )),
        None => Ok(Route {
            event,
            targets,
            identity,
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn target(text: &str) -> Target {
        Target::read(json::parse(text).unwrap()).unwrap()
    }

    fn aim(template: &str, payload: &str) -> String {
        match target(template).aim(json::parse(payload).unwrap()) {
            Aim::Wide => "wide".to_owned(),
            Aim::Family(key) => key.text().to_owned(),
            Aim::Spans(key, spans) => format!("{} in {}", key.text(), spans.len()),
        }
    }

    #[test]
    fn fields_of_the_payload_make_the_family_narrower_as_far_as_they_are_there() {
        let template = r#"["tasks","$.project_id",{"by":"$.user.id"}]"#;
        assert_eq!(target(template).wide.text(), r#"["tasks"]"#);
        for (payload, result) in [
            (
                r#"{"project_id":7,"user":{"id":"u"}}"#,
                r#"["tasks",7,{"by":"u"}]"#,
            ),
            (r#"{"project_id":7}"#, r#"["tasks",7]"#),
            (r#"{"user":{"id":"u"}}"#, "wide"),
            (r#"{"project_id":null}"#, "wide"),
            ("null", "wide"),
            ("[]", "wide"),
            ("7", "wide"),
        ] {
            assert_eq!(aim(template, payload), result, "{payload}");
        }
        let long = format!(r#"{{"project_id":"{}"}}"#, "x".repeat(5000));
        assert_eq!(aim(template, &long), "wide");
        assert_eq!(aim(r#"["tasks"]"#, "{}"), "wide");
        assert_eq!(target(r#"["a","$$.b"]"#).wide.text(), r#"["a","$.b"]"#);
        assert_eq!(target(r#"["$$.b","$.c"]"#).wide.text(), r#"["$.b"]"#);
    }

    #[test]
    fn pp9_times_of_the_payload_make_spans() {
        let template = r#"["blocks",{"$range":[["$.start","$.end"],["$.old_start","$.old_end"]]}]"#;
        let noon = "\"2025-10-31T12:00:00Z\"";
        let payload = |old: &str| format!(r#"{{"start":{noon},"end":{noon}{old}}}"#);
        for (old, result) in [
            (
                format!(r#","old_start":{noon},"old_end":{noon}"#),
                r#"["blocks"] in 2"#,
            ),
            (
                r#","old_start":null,"old_end":null"#.to_owned(),
                r#"["blocks"] in 1"#,
            ),
            (String::new(), r#"["blocks"]"#),
            (
                r#","old_start":"soon","old_end":"later""#.to_owned(),
                r#"["blocks"]"#,
            ),
            (
                format!(r#","old_start":{noon},"old_end":null"#),
                r#"["blocks"]"#,
            ),
        ] {
            assert_eq!(aim(template, &payload(&old)), result, "{old}");
        }
        assert_eq!(
            aim(r#"["b","$.id",{"$range":["$.start"]}]"#, &payload("")),
            "wide"
        );
    }

    #[test]
    fn what_is_not_a_target_is_refused() {
        for text in [
            "\"tasks\"",
            r#"["a",{"$range":"$.start"}]"#,
            r#"["a",{"$range":[]}]"#,
            r#"["a",{"$range":[["$.start"]]}]"#,
            r#"["a",{"$range":["start"]}]"#,
            r#"["a",{"$range":["$.start"]},"b"]"#,
        ] {
            assert_eq!(Target::read(json::parse(text).unwrap()), None, "{text}");
        }
    }

    #[test]
    fn an_object_says_where_the_payload_names_the_change() {
        let read = |text: &str| read_routes(json::parse(text).unwrap());
        let routes = read(
            r#"{"moved":{"keys":[["a"]],"as":"task","change":"$.c","entity":"$.id","version":"$.v","mutation":"$.m"}}"#,
        )
        .unwrap();
        let change = |payload: &str| {
            routes[0]
                .identity
                .read("moved", json::parse(payload).unwrap())
        };
        assert_eq!(
            change(r#"{"c":"x","id":1,"v":2}"#).id.as_deref(),
            Some("c\nx")
        );
        assert_eq!(
            change(r#"{"id":1,"v":2,"m":9}"#).id.as_deref(),
            Some("v\ntask\n1\n2")
        );
        assert_eq!(
            change(r#"{"id":1,"v":2,"m":9}"#).mutation.as_deref(),
            Some("9")
        );
        assert_eq!(change(r#"{"id":1}"#), Change::default());
        for (text, path) in [
            (r#"{"e":{}}"#, "events.e.keys"),
            (r#"{"e":{"keys":[["a"],1]}}"#, "events.e.keys[1]"),
            (r#"{"e":{"keys":[],"entity":"id"}}"#, "events.e.entity"),
            (r#"{"e":{"keys":[],"as":1}}"#, "events.e.as"),
            (r#"{"e":[1]}"#, "events.e[0]"),
        ] {
            assert_eq!(read(text).unwrap_err().path, path, "{text}");
        }
    }
}
