//! Names and numbers that cross the border, each checked once, where it comes in.
//!
//! A value of one of these types is proof that the check was made: nothing behind the border checks again.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

/// Why a text is not a name of its kind; fit to be shown to whoever sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadName(pub(crate) &'static str);

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $valid:expr, $rule:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) struct $name(Arc<str>);

        impl $name {
            /// Checks `text`.
            ///
            /// # Errors
            /// When it is not a name of this kind; the error states the rule.
            pub(crate) fn parse(text: &str) -> Result<Self, BadName> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) { Ok(Self(Arc::from(text))) } else { Err(BadName($rule)) }
            }

            /// The name as text.
            #[must_use]
            pub(crate) fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}

/// What the channel of a person begins with.
const OF_USER: &str = "user:";

text_id!(
    /// The name of a channel.
    ChannelName,
    |text| (1..=255).contains(&text.len()) && !text.chars().any(char::is_control),
    "a channel name is 1 to 255 bytes of UTF-8 without control characters"
);

text_id!(
    /// The name of an event, for example `task_updated`.
    EventName,
    |text| (1..=64).contains(&text.len()) && !text.chars().any(char::is_control),
    "an event name is 1 to 64 bytes of UTF-8 without control characters"
);

text_id!(
    /// The id that a tab gives itself. It travels in a header too, hence ASCII.
    ClientId,
    |text| (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()),
    "a client id is 1 to 64 visible ASCII characters"
);

text_id!(
    /// The id of a project. `project:` and the id are a channel name.
    ProjectId,
    |text| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    },
    "a project id is 1 to 64 letters, digits, - or _"
);

text_id!(
    /// The name of a field that one person at a time may edit.
    FieldName,
    |text| (1..=255).contains(&text.len()) && !text.chars().any(char::is_control),
    "a field name is 1 to 255 bytes of UTF-8 without control characters"
);

text_id!(
    /// The name that a write gives itself. It travels in a header.
    WriteKey,
    |text| (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()),
    "an idempotency key is 1 to 255 visible ASCII characters"
);

text_id!(
    /// Names one life of the event numbers: positions of different epochs cannot be compared.
    Epoch,
    |text| (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()),
    "an epoch is 1 to 64 visible ASCII characters"
);

impl ProjectId {
    /// The channel on which this project's events are published.
    #[must_use]
    pub(crate) fn channel(&self) -> ChannelName {
        ChannelName(Arc::from(format!("project:{}", self.0)))
    }
}

impl ClientId {
    /// A name for a connection whose own one is taken.
    #[must_use]
    pub(crate) fn numbered(key: SessionKey) -> Self {
        Self(Arc::from(format!("~{}", key.0)))
    }
}

impl ChannelName {
    /// The channel of all tasks.
    #[must_use]
    pub(crate) fn tasks() -> Self {
        Self(Arc::from("tasks"))
    }

    /// The channel of the demo's calendar.
    #[must_use]
    pub(crate) fn calendar() -> Self {
        Self(Arc::from("calendar"))
    }

    /// The channel that all devices of a person hear.
    ///
    /// # Errors
    /// When there can be no channel of that name.
    pub(crate) fn of_user(name: &str) -> Result<Self, BadName> {
        if name.is_empty() {
            return Err(BadName("a person's name is not empty"));
        }
        Self::parse(&format!("{OF_USER}{}", as_part(name)))
    }

    /// Is it the channel of a person?
    pub(crate) fn is_of_user(&self) -> bool {
        self.0.starts_with(OF_USER)
    }
}

/// An id as a part of a channel's name. Its separators are written as in a URL, so that no id reads as two parts,
/// and no two ids as the same one.
pub(crate) fn as_part(id: &str) -> String {
    let mut written = String::with_capacity(id.len());
    for letter in id.chars() {
        match letter {
            '%' => written.push_str("%25"),
            '/' => written.push_str("%2F"),
            ':' => written.push_str("%3A"),
            letter => written.push(letter),
        }
    }
    written
}

/// The largest integer that JavaScript holds exactly: 2^53 - 1.
pub(crate) const INTEGER_MAX: u64 = (1 << 53) - 1;

/// A whole number that both sides hold exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Integer(#[serde(deserialize_with = "integer")] pub(crate) u64);

/// The number of an event in its channel; the first event is 1, and 0 is the position before it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub(crate) struct Seq(#[serde(deserialize_with = "integer")] pub(crate) u64);

/// The id of a task: a number inside, decimal text outside, since pages take ids for text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TaskId(pub(crate) u64);

impl TaskId {
    /// Reads an id. Only the form that we write is one: `07` is not the same text as `7`.
    #[must_use]
    pub(crate) fn parse(text: &str) -> Option<Self> {
        text.parse()
            .ok()
            .filter(|id: &u64| *id <= INTEGER_MAX && id.to_string() == text)
            .map(Self)
    }
}

impl Serialize for TaskId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TaskId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("no id of a task"))
    }
}

/// Milliseconds since 1970 by the server's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Millis(pub(crate) u64);

/// The number by which the server itself knows a connection. It is never told to a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SessionKey(pub(crate) u64);

fn integer<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = u64::deserialize(deserializer)?;
    if number > INTEGER_MAX {
        return Err(serde::de::Error::custom("a number is at most 2^53 - 1"));
    }
    Ok(number)
}

/// A fresh random name of 16 letters and digits: an epoch, a session.
///
/// # Errors
/// When the operating system has no randomness to give.
pub(crate) fn random_name() -> Result<String, getrandom::Error> {
    // 32 symbols, so that a byte's low five bits choose one without bias. Without i, l, o and u,
    // so that a person can read one out of a log.
    const SYMBOLS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)?;
    Ok(bytes
        .iter()
        .filter_map(|byte| SYMBOLS.get(usize::from(byte & 31)))
        .map(|&b| char::from(b))
        .collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    #[test]
    fn names_are_checked_at_their_borders() {
        assert!(ChannelName::parse("project:7").is_ok());
        assert!(ChannelName::parse(&"x".repeat(255)).is_ok());
        assert!(ChannelName::parse(&"x".repeat(256)).is_err());
        assert!(ChannelName::parse("").is_err());
        assert!(ChannelName::parse("a\nb").is_err());
        assert!(ClientId::parse("tab 1").is_err());
        assert!(ProjectId::parse("a:b").is_err());
    }

    #[test]
    fn numbers_beyond_what_javascript_holds_are_refused() {
        assert!(serde_json::from_str::<Seq>("9007199254740991").is_ok());
        assert!(serde_json::from_str::<Seq>("9007199254740992").is_err());
        assert!(serde_json::from_str::<Seq>("-1").is_err());
        assert!(serde_json::from_str::<Seq>("1.5").is_err());
    }

    #[test]
    fn random_names_differ() {
        let (one, two) = (random_name().unwrap(), random_name().unwrap());
        assert_eq!(one.len(), 16);
        assert_ne!(one, two);
    }
}
