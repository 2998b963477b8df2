//! Who may do what on which channels: a list of patterns, each with roles and what these may do there.
//!
//! A channel name is a hierarchy, its parts separated by `/` or `:`. A pattern has a part for each: a text that is
//! the same, `{id}` for any one part, `{user}` for the person's own id, `{claim.team}` for what the person's token
//! says, and at the end `*` for all that follows. What no rule allows is forbidden.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::ids::{ChannelName, as_part};

/// Rules of one file.
const RULES_MAX: usize = 1000;

/// What stands for everybody in a list of roles.
const EVERYBODY: &str = "*";

/// What somebody may want to do on a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Deed {
    /// To hear its events, and to read the records that they tell of.
    Subscribe,
    /// To publish events, and to write those records.
    Publish,
    /// To ask for a field.
    Lock,
    /// To be there, to see who is, and to say something to them.
    Presence,
}

/// What is known of a person, apart from the id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traits {
    /// The roles.
    pub(crate) roles: Vec<String>,
    /// What else the token says, as far as it is text or numbers.
    pub(crate) claims: BTreeMap<String, Vec<String>>,
}

/// Rules, in their order.
#[derive(Debug, Default)]
pub(crate) struct Rules(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    pattern: Vec<Part>,
    roles: Vec<String>,
    may: Vec<Deed>,
}

/// A part of a pattern, with the separator before it.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Same(Option<char>, String),
    Any(Option<char>),
    User(Option<char>),
    Claim(Option<char>, String),
    Rest(Option<char>),
}

/// A rule as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    roles: Vec<String>,
    may: Vec<Deed>,
}

impl Rules {
    /// Reads the tables `[[channel]]` of a file.
    ///
    /// # Errors
    /// Which rule cannot be read, and why.
    pub(crate) fn read(table: &toml::Table) -> Result<Self, String> {
        let list = match table.get("channel") {
            Some(toml::Value::Array(list)) => list.as_slice(),
            None => &[],
            Some(_) => return Err("rules are written as [[channel]]".to_owned()),
        };
        if list.len() > RULES_MAX {
            return Err(format!("it has more than {RULES_MAX} rules"));
        }
        let rules = list.iter().enumerate().map(|(index, rule)| {
            let wrong = |why: String| format!("rule {}: {why}", index + 1);
            let written = Written::deserialize(rule.clone())
                .map_err(|error| wrong(error.message().to_owned()))?;
            if written.roles.is_empty() || written.may.is_empty() {
                return Err(wrong(format!(
                    "{:?} needs roles (\"*\" for everybody) and what they may: subscribe, publish, lock, presence",
                    written.name
                )));
            }
            Ok(Rule {
                pattern: pattern(&written.name).map_err(wrong)?,
                roles: written.roles,
                may: written.may,
            })
        });
        rules.collect::<Result<_, _>>().map(Self)
    }

    /// May a person do this there?
    pub(crate) fn allow(
        &self,
        deed: Deed,
        channel: &ChannelName,
        user: Option<&str>,
        traits: &Traits,
    ) -> bool {
        self.0.iter().any(|rule| {
            rule.may.contains(&deed)
                && rule.is_for(&traits.roles)
                && matches(&rule.pattern, channel.as_str(), user, traits)
        })
    }
}

impl Rule {
    fn is_for(&self, roles: &[String]) -> bool {
        self.roles
            .iter()
            .any(|role| role == EVERYBODY || roles.contains(role))
    }
}

fn is_separator(letter: char) -> bool {
    matches!(letter, '/' | ':')
}

/// The first part of a name, and what follows with its separator.
fn first_part(text: &str) -> (&str, Option<(char, &str)>) {
    match text.split_once(is_separator) {
        Some((part, rest)) => {
            let separator = text.get(part.len()..).and_then(|rest| rest.chars().next());
            let separator = separator.unwrap_or('/');
            (part, Some((separator, rest)))
        }
        None => (text, None),
    }
}

fn pattern(name: &str) -> Result<Vec<Part>, String> {
    let wrong = |why: &str| Err(format!("the name {name:?} {why}"));
    if ChannelName::parse(name).is_err() {
        return wrong("is no channel's");
    }
    let mut parts = Vec::new();
    let mut rest = Some((None, name));
    while let Some((separator, text)) = rest {
        let (part, after) = first_part(text);
        rest = after.map(|(separator, text)| (Some(separator), text));
        let inner = part
            .strip_prefix('{')
            .and_then(|part| part.strip_suffix('}'));
        parts.push(match inner {
            Some("user") => Part::User(separator),
            Some(inner) => match inner.strip_prefix("claim.") {
                Some("") => return wrong("names no claim"),
                Some(claim) => Part::Claim(separator, claim.to_owned()),
                None if is_word(inner) => Part::Any(separator),
                None => return wrong("has a parameter that is no word"),
            },
            None if part == "*" && rest.is_none() => Part::Rest(separator),
            None if part.contains(['{', '}', '*']) => {
                return wrong("has a brace or a star within a part");
            }
            None => Part::Same(separator, part.to_owned()),
        });
    }
    Ok(parts)
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn matches(pattern: &[Part], name: &str, user: Option<&str>, traits: &Traits) -> bool {
    let mut rest = Some((None, name));
    for part in pattern {
        let Some((separator, text)) = rest else {
            return false;
        };
        let (here, after) = first_part(text);
        let (wanted, same) = match part {
            Part::Same(separator, text) => (separator, text == here),
            Part::Any(separator) => (separator, !here.is_empty()),
            Part::User(separator) => (separator, user.is_some_and(|user| is(user, here))),
            Part::Claim(separator, claim) => {
                let values = traits.claims.get(claim);
                let same = values.is_some_and(|values| values.iter().any(|value| is(value, here)));
                (separator, same)
            }
            Part::Rest(wanted) => return *wanted == separator && !text.is_empty(),
        };
        if *wanted != separator || !same {
            return false;
        }
        rest = after.map(|(separator, text)| (Some(separator), text));
    }
    rest.is_none()
}

/// Does a part of a channel's name stand for this value?
fn is(value: &str, part: &str) -> bool {
    !value.is_empty() && as_part(value) == part
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    fn read(text: &str) -> Result<Rules, String> {
        Rules::read(&text.parse::<toml::Table>().unwrap())
    }

    fn rule(name: &str) -> Rules {
        read(&format!(
            "[[channel]]\nname = {name:?}\nroles = [\"*\"]\nmay = [\"subscribe\"]"
        ))
        .unwrap()
    }

    fn fits(name: &str, channel: &str, user: Option<&str>) -> bool {
        let claims = BTreeMap::from([("team".to_owned(), vec!["7".to_owned(), "a:b".to_owned()])]);
        let traits = Traits {
            roles: Vec::new(),
            claims,
        };
        let channel = ChannelName::parse(channel).unwrap();
        rule(name).allow(Deed::Subscribe, &channel, user, &traits)
    }

    #[test]
    fn a_pattern_fits_part_by_part() {
        assert!(fits("tasks", "tasks", None));
        assert!(fits("project/{id}/tasks", "project/7/tasks", None));
        assert!(fits("supplier:{id}:team", "supplier:7:team", None));
        assert!(fits("*", "a/b:c", None));
        assert!(fits("project/*", "project/7/tasks", None));
        for (name, channel) in [
            ("tasks", "tasks/7"),
            ("tasks", "task"),
            ("project/{id}/tasks", "project//tasks"),
            ("project/{id}/tasks", "project/7/8/tasks"),
            ("project/{id}/tasks", "project:7:tasks"),
            ("project/{id}", "project/7:8"),
            ("project/*", "project"),
            ("project/*", "project/"),
            ("project/*", "project:7"),
        ] {
            assert!(!fits(name, channel, None), "{name} {channel}");
        }
    }

    #[test]
    fn a_person_is_bound_to_what_the_token_says() {
        assert!(fits("user/{user}/inbox", "user/jane/inbox", Some("jane")));
        assert!(!fits("user/{user}/inbox", "user/bob/inbox", Some("jane")));
        assert!(!fits("user/{user}/inbox", "user/jane/inbox", None));
        assert!(fits("team:{claim.team}", "team:7", None));
        assert!(!fits("team:{claim.team}", "team:8", None));
        assert!(!fits("team:{claim.other}", "team:7", None));
        // Nobody reaches into another's part of the tree by the letters of an id.
        assert!(fits("user/{user}", "user/a%2Fb", Some("a/b")));
        assert!(!fits("user/{user}", "user/a/b", Some("a/b")));
        assert!(!fits("user/{user}", "user/a%2Fb", Some("a%2Fb")));
        assert!(fits("team:{claim.team}", "team:a%3Ab", None));
        assert!(!fits("user/{user}", "user/*", Some("jane")));
    }

    #[test]
    fn roles_and_deeds_are_those_of_the_rule() {
        let rules = read(
            "[[channel]]\nname = \"a\"\nroles = [\"editor\", \"owner\"]\nmay = [\"publish\", \"lock\"]\n\
             [[channel]]\nname = \"a\"\nroles = [\"*\"]\nmay = [\"subscribe\"]",
        )
        .unwrap();
        let may = |role: &str| {
            let traits = Traits {
                roles: vec![role.to_owned()],
                claims: BTreeMap::new(),
            };
            let channel = ChannelName::parse("a").unwrap();
            let deeds = [Deed::Subscribe, Deed::Publish, Deed::Lock, Deed::Presence];
            let may = deeds.into_iter();
            let may = may.filter(|deed| rules.allow(*deed, &channel, None, &traits));
            may.collect::<Vec<_>>()
        };
        assert_eq!(may("owner"), [Deed::Subscribe, Deed::Publish, Deed::Lock]);
        assert_eq!(may("reader"), [Deed::Subscribe]);
        assert_eq!(may("*"), [Deed::Subscribe]);
    }

    #[test]
    fn a_rule_that_cannot_be_read_is_named() {
        let with =
            |name: &str, rest: &str| read(&format!("[[channel]]\nname = \"{name}\"\n{rest}"));
        let whole = "roles = [\"*\"]\nmay = [\"lock\"]";
        for (name, rest) in [
            ("a", "roles = [\"*\"]\nmay = [\"write\"]"),
            ("a", "roles = []\nmay = [\"lock\"]"),
            ("a", "roles = [\"*\"]"),
            ("a", "roles = [\"*\"]\nmay = [\"lock\"]\nfor = 1"),
            ("a/*/b", whole),
            ("a*", whole),
            ("{a}b", whole),
            ("{a-b}", whole),
            ("{claim.}", whole),
            ("", whole),
        ] {
            let told = with(name, rest).unwrap_err();
            assert!(told.starts_with("rule 1: "), "{told}");
        }
        assert!(read("channel = 1").is_err());
        assert!(with("a", whole).is_ok());
    }
}
