//! Who a token stands for, and which channels that person may use.
//!
//! Without a list of people everybody may use every channel and nobody is known by name; the demo takes a
//! visitor's word for it (`demo:NAME`). With a list, whoever has no token of it is refused.

use std::fmt;
use std::sync::Arc;

use crate::ids::{BadName, ChannelName};

/// Longest file of people that is read: some thousand lines.
pub(crate) const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// What begins the token of a visitor of the demo.
const DEMO: &str = "demo:";

/// The name of a person, as others see it and as leases are kept by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct UserName(Arc<str>);

impl UserName {
    /// Checks `text`.
    ///
    /// # Errors
    /// When it is empty, too long, or holds control characters.
    pub(crate) fn parse(text: &str) -> Result<Self, BadName> {
        if (1..=255).contains(&text.len()) && !text.chars().any(char::is_control) {
            Ok(Self(Arc::from(text)))
        } else {
            Err(BadName(
                "a person's name is 1 to 255 bytes of UTF-8 without control characters",
            ))
        }
    }

    /// The name as text.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who may come in, and where they may go.
#[derive(Clone, Debug)]
pub(crate) struct Access(Policy);

#[derive(Clone, Debug)]
enum Policy {
    /// Everybody, everywhere; a token of the demo says a name.
    Open { demo: bool },
    /// Only these.
    Listed(Arc<[Listed]>),
}

#[derive(Debug)]
struct Listed {
    token: String,
    person: Person,
}

/// Somebody who came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    /// Their name, if it is known.
    pub(crate) name: Option<UserName>,
    /// The channels that they may use: names, or beginnings of names before a `*`. All, if nothing.
    channels: Option<Arc<[String]>>,
}

impl Person {
    /// May this person use a channel?
    pub(crate) fn may(&self, channel: &ChannelName) -> bool {
        let Some(patterns) = &self.channels else {
            return true;
        };
        let name = channel.as_str();
        // What is told to a person is for that person, whether the list says so or not.
        let own = name.strip_prefix("user:").zip(self.name.as_ref());
        if own.is_some_and(|(user, own)| user == own.as_str()) {
            return true;
        }
        patterns
            .iter()
            .any(|pattern| match pattern.strip_suffix('*') {
                Some(beginning) => name.starts_with(beginning),
                None => name == pattern,
            })
    }
}

/// A token that is none, or no longer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stranger;

/// A line of the list of people that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadLine(pub(crate) usize);

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {} is not `TOKEN NAME CHANNEL...`, where a channel may end in *",
            self.0
        )
    }
}

impl Access {
    /// Everybody may come in.
    #[must_use]
    pub(crate) fn open(demo: bool) -> Self {
        Self(Policy::Open { demo })
    }

    /// Only those may come in whose tokens are listed: a line `TOKEN NAME CHANNEL...` each; lines that are empty
    /// or begin with `#` mean nothing.
    ///
    /// # Errors
    /// When a line is something else.
    pub(crate) fn listed(text: &str) -> Result<Self, BadLine> {
        let mut listed = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let mut words = line.split_whitespace();
            let Some(token) = words.next().filter(|word| !word.starts_with('#')) else {
                continue;
            };
            let name = words.next().map(UserName::parse);
            let channels: Arc<[String]> = words.map(str::to_owned).collect();
            match name {
                Some(Ok(name)) if !channels.is_empty() => listed.push(Listed {
                    token: token.to_owned(),
                    person: Person {
                        name: Some(name),
                        channels: Some(channels),
                    },
                }),
                _ => return Err(BadLine(index + 1)),
            }
        }
        Ok(Self(Policy::Listed(listed.into())))
    }

    /// Are only those let in who are known?
    pub(crate) fn is_listed(&self) -> bool {
        matches!(self.0, Policy::Listed(_))
    }

    /// Who comes with this token?
    ///
    /// # Errors
    /// When the token is not of anybody, where that matters.
    pub(crate) fn admit(&self, token: Option<&str>) -> Result<Person, Stranger> {
        match &self.0 {
            Policy::Open { demo } => {
                let name = token
                    .filter(|_| *demo)
                    .and_then(|token| UserName::parse(token.strip_prefix(DEMO)?).ok());
                let channels = None;
                Ok(Person { name, channels })
            }
            Policy::Listed(listed) => {
                let token = token.ok_or(Stranger)?;
                let found = listed.iter().find(|listed| same(&listed.token, token));
                found.map(|listed| listed.person.clone()).ok_or(Stranger)
            }
        }
    }
}

/// Compares without telling by the time it takes where two texts differ: tokens are guessed by such clocks.
fn same(one: &str, two: &str) -> bool {
    let differs = one
        .bytes()
        .zip(two.bytes())
        .fold(0, |differs, (a, b)| differs | (a ^ b));
    one.len() == two.len() && differs == 0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    fn may(access: &Access, token: &str, channel: &str) -> Option<bool> {
        let person = access.admit(Some(token)).ok()?;
        Some(person.may(&ChannelName::parse(channel).unwrap()))
    }

    #[test]
    fn who_is_listed_comes_in_and_goes_where_the_list_says() {
        let access = Access::listed("# people\n\nT1 jane tasks project:*\nT2 bob tasks\n").unwrap();
        assert_eq!(may(&access, "T1", "tasks"), Some(true));
        assert_eq!(may(&access, "T1", "project:7"), Some(true));
        assert_eq!(may(&access, "T1", "salaries"), Some(false));
        assert_eq!(may(&access, "T2", "project:7"), Some(false));
        assert_eq!(may(&access, "T2", "user:bob"), Some(true));
        assert_eq!(may(&access, "T2", "user:jane"), Some(false));
        assert_eq!(may(&access, "T2", "user:bo"), Some(false));
        assert_eq!(may(&access, "T2 ", "tasks"), None);
        assert_eq!(may(&access, "T", "tasks"), None);
        assert_eq!(access.admit(None), Err(Stranger));
        let jane = access.admit(Some("T1")).unwrap();
        assert_eq!(jane.name.unwrap().as_str(), "jane");
        assert!(access.is_listed());
    }

    #[test]
    fn without_a_list_everybody_comes_in_and_only_the_demo_believes_names() {
        let named = |demo: bool, token: Option<&str>| Access::open(demo).admit(token).unwrap().name;
        assert_eq!(named(true, Some("demo:jane")).unwrap().as_str(), "jane");
        assert_eq!(named(true, Some("demo:")), None);
        assert_eq!(named(true, Some("jane")), None);
        assert_eq!(named(true, None), None);
        assert_eq!(named(false, Some("demo:jane")), None);
        assert_eq!(may(&Access::open(false), "x", "anything"), Some(true));
    }

    #[test]
    fn a_line_that_is_something_else_is_named() {
        for (text, line) in [("T jane", 1), ("\nT", 2), ("T j c\n#\nT\tj", 3)] {
            assert_eq!(Access::listed(text).err(), Some(BadLine(line)), "{text:?}");
        }
    }
}
