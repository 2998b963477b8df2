//! How a run of the app's function ended, and what that means.

use std::rc::Rc;

use crate::engine::limits::RETRY_AFTER_MAX;
use crate::engine::time::Millis;
use crate::wire::json::{Raw, Text, Writer};

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server did it, now or before under the same key.
    Applied {
        /// What it answered, as JSON text.
        result: Rc<str>,
    },
    /// It was not done, or nobody knows.
    Failed(Failure),
}

/// A run that was not a success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What it means.
    pub class: Class,
    /// The HTTP status, if the server answered at all.
    pub status: Option<u64>,
    /// How long the server wants us to wait.
    pub after: Option<Millis>,
    /// What the server answered, as JSON text: the reason, or the other side of a conflict.
    pub body: Rc<str>,
}

/// What a failure means. It follows from its type, never from its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// No answer: nobody knows whether it was done. All else will fail as well.
    Network,
    /// No answer in time, for this one.
    Timeout,
    /// The server cannot do it now.
    Busy,
    /// The server asks everybody of us to slow down.
    SlowDown,
    /// The server will never do it.
    Rejected,
    /// The server wants a login first.
    Auth,
    /// Somebody else changed it meanwhile.
    Conflict,
    /// The function failed in a way that says nothing.
    Unclear,
    /// This page has no such function, or an older one.
    Missing,
}

/// What a run comes to in figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// It was done.
    Done,
    /// It was not, or nobody knows.
    Failed,
    /// Somebody else had changed the same thing.
    Conflict,
}

/// Class and text, both ways, in one table.
const CLASSES: [(Class, &str); 9] = [
    (Class::Network, "network"),
    (Class::Timeout, "timeout"),
    (Class::Busy, "busy"),
    (Class::SlowDown, "slow-down"),
    (Class::Rejected, "rejected"),
    (Class::Auth, "auth"),
    (Class::Conflict, "conflict"),
    (Class::Unclear, "unclear"),
    (Class::Missing, "missing"),
];

impl Class {
    /// As the app reads it.
    pub fn text(self) -> &'static str {
        CLASSES
            .iter()
            .find(|(class, _)| *class == self)
            .map_or("unclear", |(_, text)| text)
    }

    /// Reads what [`Class::text`] wrote.
    pub fn parse(text: &str) -> Option<Class> {
        CLASSES
            .iter()
            .find(|(_, have)| *have == text)
            .map(|(class, _)| *class)
    }

    /// What a status of HTTP means.
    pub fn of_status(status: u64, asked_to_wait: bool) -> Class {
        match status {
            401 => Class::Auth,
            409 | 412 => Class::Conflict,
            429 => Class::SlowDown,
            503 if asked_to_wait => Class::SlowDown,
            408 | 425 | 500..=599 => Class::Busy,
            400..=499 => Class::Rejected,
            _ => Class::Unclear,
        }
    }
}

impl Failure {
    /// A failure of which only the class is known.
    pub fn of(class: Class) -> Failure {
        Failure {
            class,
            status: None,
            after: None,
            body: "null".into(),
        }
    }
}

impl Outcome {
    /// What it comes to in figures; nothing if nothing was tried.
    pub fn tried(&self) -> Option<Tried> {
        match self {
            Outcome::Applied { .. } => Some(Tried::Done),
            Outcome::Failed(failure) => match failure.class {
                Class::Missing => None,
                Class::Conflict => Some(Tried::Conflict),
                Class::Network
                | Class::Timeout
                | Class::Busy
                | Class::SlowDown
                | Class::Rejected
                | Class::Auth
                | Class::Unclear => Some(Tried::Failed),
            },
        }
    }

    /// Reads an outcome: `{"ok":true,"data":…}`, or `{"ok":false}` with a `class` or a `status`,
    /// and perhaps `retryAfter` in milliseconds and `data`.
    pub fn read(raw: Raw<'_>) -> Option<Outcome> {
        let data: Rc<str> = raw.member("data").map_or("null", Raw::text).into();
        if raw.member("ok")?.bool()? {
            return Some(Outcome::Applied { result: data });
        }
        let status = raw.member("status").and_then(Raw::integer);
        let after = raw.member("retryAfter").and_then(Raw::integer);
        let class = match raw.member("class").and_then(Raw::string).map(Text::decode) {
            Some(word) => Class::parse(&word)?,
            None => match status {
                Some(status) => Class::of_status(status, after.is_some()),
                None => Class::Unclear,
            },
        };
        Some(Outcome::Failed(Failure {
            class,
            status,
            after: after.map(|ms| Millis(ms.min(RETRY_AFTER_MAX.0))),
            body: data,
        }))
    }

    /// Writes what [`Outcome::read`] reads; one tab tells another.
    pub fn write(&self, w: &mut Writer) {
        w.object(|w| match self {
            Outcome::Applied { result } => {
                w.key("ok").bool(true);
                w.key("data").raw(result);
            }
            Outcome::Failed(failure) => {
                w.key("ok").bool(false);
                w.key("class").string(failure.class.text());
                if let Some(status) = failure.status {
                    w.key("status").number(status);
                }
                if let Some(after) = failure.after {
                    w.key("retryAfter").number(after.0);
                }
                w.key("data").raw(&failure.body);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::wire::json;

    fn read(text: &str) -> Option<Outcome> {
        Outcome::read(json::parse(text).unwrap())
    }

    fn class(text: &str) -> Option<Class> {
        match read(text)? {
            Outcome::Applied { .. } => None,
            Outcome::Failed(failure) => Some(failure.class),
        }
    }

    #[test]
    fn a_failure_is_classed_by_its_type_and_never_by_its_words() {
        for (status, expected) in [
            (401, Class::Auth),
            (409, Class::Conflict),
            (412, Class::Conflict),
            (408, Class::Busy),
            (425, Class::Busy),
            (429, Class::SlowDown),
            (500, Class::Busy),
            (503, Class::Busy),
            (599, Class::Busy),
            (400, Class::Rejected),
            (403, Class::Rejected),
            (404, Class::Rejected),
            (422, Class::Rejected),
            (302, Class::Unclear),
            (0, Class::Unclear),
        ] {
            assert_eq!(Class::of_status(status, false), expected, "{status}");
        }
        assert_eq!(Class::of_status(503, true), Class::SlowDown);
        let words = r#"{"ok":false,"data":"latency was 4000 ms, 401, conflict"}"#;
        assert_eq!(class(words), Some(Class::Unclear));
        let told = r#"{"ok":false,"class":"network","status":400}"#;
        assert_eq!(class(told), Some(Class::Network));
    }

    #[test]
    fn a_wait_is_bounded() {
        let asked = r#"{"ok":false,"status":429,"retryAfter":9000000000000000}"#;
        let Some(Outcome::Failed(failure)) = read(asked) else {
            panic!("a failure")
        };
        assert_eq!(failure.after, Some(RETRY_AFTER_MAX));
        for nonsense in [r#""abc""#, "-5", "1.5", "null"] {
            let text = [
                "{\"ok\":false,\"status\":429,\"retryAfter\":",
                nonsense,
                "}",
            ]
            .concat();
            assert!(matches!(read(&text), Some(Outcome::Failed(f)) if f.after.is_none()));
        }
    }

    #[test]
    fn every_outcome_survives_the_way_to_another_tab() {
        let mut outcomes = vec![Outcome::Applied {
            result: r#"{"a":1}"#.into(),
        }];
        for (class, _) in CLASSES {
            outcomes.push(Outcome::Failed(Failure {
                class,
                status: Some(418),
                after: Some(Millis(7)),
                body: "[1]".into(),
            }));
            outcomes.push(Outcome::Failed(Failure::of(class)));
        }
        for outcome in outcomes {
            let mut w = Writer::new();
            outcome.write(&mut w);
            assert_eq!(read(&w.finish()), Some(outcome));
        }
    }

    #[test]
    fn what_is_no_outcome_is_nothing() {
        for text in [
            "null",
            "[]",
            "{}",
            r#"{"ok":1}"#,
            r#"{"ok":false,"class":"sad"}"#,
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
