//! Who a token stands for, and which channels that person may use.
//!
//! Without a list of people and without keys everybody comes in and nobody is known by name; the demo takes a
//! visitor's word for it (`demo:NAME`). With a list, whoever has no token of it is refused; with keys, whoever has
//! no token that was signed with one of them. Where there are rules, they say what each may do.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Serialize, Serializer};

use crate::codes::ErrorCode;
use crate::faults::Passes;
use crate::ids::{BadName, ChannelName, Millis};
use crate::rules::{Deed, Rules, Traits};
use crate::tokens::{BadToken, Checker};

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

impl Serialize for UserName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Who may come in, and where they may go.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    policy: Policy,
    rules: Option<SharedRules>,
    /// What of the demo's tokens is good no more.
    pub(crate) passes: Passes,
}

#[derive(Clone, Debug)]
enum Policy {
    /// Everybody; a token of the demo says a name.
    Open { demo: bool },
    /// Only these.
    Listed(People),
    /// Only those with a token that was signed with one of our keys.
    Signed(Arc<RwLock<Arc<Checker>>>),
}

/// The rules as they are now: whoever came in under others is bound to these too.
#[derive(Clone, Debug, Default)]
struct SharedRules(Arc<RwLock<Arc<Rules>>>);

/// The list of people as it is now, by their tokens.
#[derive(Clone, Debug)]
struct People(Arc<RwLock<Arc<Lines>>>);

type Lines = BTreeMap<Arc<str>, Listed>;

/// A line of it.
#[derive(Debug)]
struct Listed {
    name: UserName,
    /// The channels that they may use: names, or beginnings of names before a `*`.
    channels: Vec<String>,
}

/// A place on the list, which may go.
#[derive(Clone, Debug)]
struct Place {
    people: People,
    token: Arc<str>,
    name: UserName,
}

impl People {
    fn read(text: &str) -> Result<Lines, BadLine> {
        let mut lines = Lines::new();
        for (index, line) in text.lines().enumerate() {
            let mut words = line.split_whitespace();
            let Some(token) = words.next().filter(|word| !word.starts_with('#')) else {
                continue;
            };
            let name = words.next().map(UserName::parse);
            let channels: Vec<String> = words.map(str::to_owned).collect();
            match name {
                Some(Ok(name)) if !channels.is_empty() => {
                    let listed = Listed { name, channels };
                    lines.entry(token.into()).or_insert(listed);
                }
                _ => return Err(BadLine(index + 1)),
            }
        }
        Ok(lines)
    }

    fn now(&self) -> Arc<Lines> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn find(&self, token: &str) -> Option<Place> {
        let lines = self.now();
        let found = lines.iter().find(|(one, _)| same(one, token))?;
        Some(Place {
            people: self.clone(),
            token: Arc::clone(found.0),
            name: found.1.name.clone(),
        })
    }
}

impl Place {
    /// Is it still there?
    fn is_kept(&self) -> bool {
        let lines = self.people.now();
        lines
            .get(&self.token)
            .is_some_and(|line| line.name == self.name)
    }

    fn is_for(&self, channel: &ChannelName) -> bool {
        let lines = self.people.now();
        let Some(line) = lines.get(&self.token) else {
            return false;
        };
        let name = channel.as_str();
        // What is told to a person is for that person, whether the list says so or not.
        let own = ChannelName::of_user(self.name.as_str());
        let fits = |pattern: &String| match pattern.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == pattern,
        };
        line.name == self.name
            && (own.is_ok_and(|own| own == *channel) || line.channels.iter().any(fits))
    }
}

/// Somebody who came in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Person {
    /// Their name, if it is known.
    pub(crate) name: Option<UserName>,
    /// How they are called in the audit log, beside that.
    pub(crate) called: Option<Arc<str>>,
    /// How long their token is good, if it ends.
    pub(crate) until: Option<Millis>,
    /// What tells a token of the demo from the one before.
    pub(crate) pass: Option<Arc<str>>,
    traits: Arc<Traits>,
    /// Where there is a list: their place on it.
    place: Option<Place>,
    rules: Option<SharedRules>,
}

impl Person {
    /// May this person do this on a channel, now?
    pub(crate) fn may(&self, deed: Deed, channel: &ChannelName) -> bool {
        self.place
            .as_ref()
            .is_none_or(|place| place.is_for(channel))
            && self.rules.as_ref().is_none_or(|rules| {
                let user = self.name.as_ref().map(UserName::as_str);
                rules.now().allow(deed, channel, user, &self.traits)
            })
    }

    /// The person's roles.
    pub(crate) fn roles(&self) -> &[String] {
        &self.traits.roles
    }

    /// Were they on the list, and are not any more?
    pub(crate) fn is_struck_off(&self) -> bool {
        self.place.as_ref().is_some_and(|place| !place.is_kept())
    }
}

impl SharedRules {
    fn now(&self) -> Arc<Rules> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, rules: Rules) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }
}

/// Why somebody does not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stranger {
    /// Nobody is known by the token, or there is none.
    Unknown,
    /// The token was good once.
    Expired,
}

impl Stranger {
    /// The code of the refusal.
    pub(crate) fn code(self) -> ErrorCode {
        match self {
            Self::Unknown => ErrorCode::Unauthorized,
            Self::Expired => ErrorCode::TokenExpired,
        }
    }

    /// The same for a developer.
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::Unknown => "nobody is known by this token",
            Self::Expired => "this token has expired",
        }
    }
}

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
        Self::of(Policy::Open { demo })
    }

    /// Only those may come in whose tokens are listed: a line `TOKEN NAME CHANNEL...` each; lines that are empty
    /// or begin with `#` mean nothing.
    ///
    /// # Errors
    /// When a line is something else.
    pub(crate) fn listed(text: &str) -> Result<Self, BadLine> {
        let lines = People::read(text)?;
        let people = People(Arc::new(RwLock::new(Arc::new(lines))));
        Ok(Self::of(Policy::Listed(people)))
    }

    /// Another list from now on, where there is one.
    ///
    /// # Errors
    /// When a line is something else. Then nothing has changed.
    pub(crate) fn replace_people(&self, text: &str) -> Result<(), BadLine> {
        if let Policy::Listed(People(shared)) = &self.policy {
            let lines = Arc::new(People::read(text)?);
            *shared.write().unwrap_or_else(PoisonError::into_inner) = lines;
        }
        Ok(())
    }

    /// Only those may come in whose tokens are signed with a key that the checker has.
    #[must_use]
    pub(crate) fn signed(checker: Checker) -> Self {
        Self::of(Policy::Signed(Arc::new(RwLock::new(Arc::new(checker)))))
    }

    fn of(policy: Policy) -> Self {
        Self {
            policy,
            rules: None,
            passes: Passes::default(),
        }
    }

    /// The same, where rules say who may do what.
    #[must_use]
    pub(crate) fn with_rules(self, rules: Rules) -> Self {
        let shared = SharedRules::default();
        shared.replace(rules);
        Self {
            rules: Some(shared),
            ..self
        }
    }

    /// Other rules from now on, where there are any.
    pub(crate) fn replace_rules(&self, rules: Rules) {
        if let Some(shared) = &self.rules {
            shared.replace(rules);
        }
    }

    /// Other keys from now on, where there are any. Whoever is in stays in until the token ends.
    pub(crate) fn replace_keys(&self, checker: Checker) {
        if let Policy::Signed(shared) = &self.policy {
            *shared.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(checker);
        }
    }

    /// Are only those let in who are known?
    pub(crate) fn is_closed(&self) -> bool {
        !matches!(self.policy, Policy::Open { .. })
    }

    /// Who comes with this token?
    ///
    /// # Errors
    /// When the token is not of anybody, where that matters.
    pub(crate) fn admit(&self, token: Option<&str>) -> Result<Person, Stranger> {
        let person = match &self.policy {
            Policy::Open { demo } => self.visitor(token.filter(|_| *demo))?,
            Policy::Listed(people) => {
                let token = token.ok_or(Stranger::Unknown)?;
                let place = people.find(token).ok_or(Stranger::Unknown)?;
                Person {
                    name: Some(place.name.clone()),
                    place: Some(place),
                    ..Person::default()
                }
            }
            Policy::Signed(checker) => {
                let token = token.ok_or(Stranger::Unknown)?;
                let checker = Arc::clone(&checker.read().unwrap_or_else(PoisonError::into_inner));
                let checked = checker.check(token).map_err(|bad| match bad {
                    BadToken::Expired => Stranger::Expired,
                    BadToken::Wrong => Stranger::Unknown,
                })?;
                Person {
                    name: Some(checked.user),
                    called: checked.name.map(Arc::from),
                    until: Some(checked.until),
                    traits: Arc::new(checked.traits),
                    ..Person::default()
                }
            }
        };
        let rules = self.rules.clone();
        Ok(Person { rules, ..person })
    }

    /// Whoever says `demo:NAME` is called so, and `demo:NAME#PASS` is good until the lab ends the pass.
    fn visitor(&self, token: Option<&str>) -> Result<Person, Stranger> {
        let Some(said) = token.and_then(|token| token.strip_prefix(DEMO)) else {
            return Ok(Person::default());
        };
        let (name, pass) = match said.split_once('#') {
            Some((name, pass)) => (name, Some(pass)),
            None => (said, None),
        };
        if pass.is_some_and(|pass| self.passes.has_expired(pass)) {
            return Err(Stranger::Expired);
        }
        Ok(Person {
            name: UserName::parse(name).ok(),
            pass: pass.map(Arc::from),
            ..Person::default()
        })
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
        Some(person.may(Deed::Subscribe, &ChannelName::parse(channel).unwrap()))
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
        assert_eq!(access.admit(None).err(), Some(Stranger::Unknown));
        let jane = access.admit(Some("T1")).unwrap();
        assert_eq!(jane.name.unwrap().as_str(), "jane");
        assert!(access.is_closed());
    }

    #[test]
    fn another_list_holds_for_those_who_are_in() {
        let access = Access::listed("T1 jane a b\nT2 bob a\nT3 ann a\n").unwrap();
        let of = |token| access.admit(Some(token)).unwrap();
        let (jane, bob, ann) = (of("T1"), of("T2"), of("T3"));
        assert_eq!(access.replace_people("T1 jane"), Err(BadLine(1)));
        access.replace_people("T1 jane b c\nT3 bob a\n").unwrap();
        let may = |person: &Person, channel: &str| {
            person.may(Deed::Subscribe, &ChannelName::parse(channel).unwrap())
        };
        assert_eq!(
            ["a", "b", "c"].map(|ch| may(&jane, ch)),
            [false, true, true]
        );
        assert!(!jane.is_struck_off());
        // Whose token it is not any more, or is somebody else's now.
        assert!(bob.is_struck_off() && ann.is_struck_off());
        assert!(!may(&bob, "a") && !may(&ann, "a") && !may(&ann, "user:ann"));
        assert!(access.admit(Some("T2")).is_err());
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
    fn a_pass_of_the_demo_is_good_until_it_has_expired() {
        let access = Access::open(true);
        let jane = access.admit(Some("demo:jane#phone/1")).unwrap();
        assert_eq!(jane.name.unwrap().as_str(), "jane");
        access.passes.expire(jane.pass.unwrap());
        let expired = access.admit(Some("demo:jane#phone/1")).err();
        assert_eq!(expired, Some(Stranger::Expired));
        assert!(access.admit(Some("demo:jane#phone/2")).is_ok());
    }

    #[test]
    fn a_line_that_is_something_else_is_named() {
        for (text, line) in [("T jane", 1), ("\nT", 2), ("T j c\n#\nT\tj", 3)] {
            assert_eq!(Access::listed(text).err(), Some(BadLine(line)), "{text:?}");
        }
    }
}
