//! How much one person, or one address where nobody is known, may ask for in how short a time.
//!
//! A person with many tabs is one person. Where nobody is known the address counts, but not that of this machine:
//! behind a proxy that nobody said to trust everybody would share it, and be refused for all the others.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::access::{Person, UserName};
use crate::address::Address;
use crate::clock;
use crate::ids::Millis;
use crate::pace::Pace;

/// Whom a bound holds for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    /// A person.
    User(UserName),
    /// Somebody at an address.
    At(Address),
}

/// So many at once, and so many a second after that.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// At once.
    pub at_once: u64,
    /// A second.
    pub a_second: u64,
}

/// What may be asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QuotaLimits {
    /// Requests under `/api`.
    pub(crate) requests: Rate,
    /// Connections that are begun.
    pub(crate) hellos: Rate,
    /// Tokens that nobody is known by.
    pub(crate) strangers: Rate,
    /// Connections at a time.
    pub(crate) connections_max: usize,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// A request under `/api`.
    Request,
    /// A connection.
    Hello,
}

/// Too much: to be asked again after so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMuch {
    /// Seconds, at least one.
    pub(crate) seconds: u64,
}

/// Persons and addresses that are remembered. Whoever asks for little is forgotten first.
const REMEMBERED_MAX: usize = 20_000;

/// What everybody has left.
#[derive(Debug)]
pub(crate) struct Quotas {
    limits: QuotaLimits,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    left: BTreeMap<Who, Left>,
    /// When room was made last: to look through all at every request would be work for whoever wants us to work.
    cleared: Millis,
}

#[derive(Clone, Debug)]
struct Left {
    requests: Pace,
    hellos: Pace,
    strangers: Pace,
    connections: usize,
}

impl Quotas {
    /// Everybody has all.
    #[must_use]
    pub(crate) fn new(limits: QuotaLimits) -> Self {
        Self {
            limits,
            known: Mutex::default(),
        }
    }

    /// May this be asked for?
    ///
    /// # Errors
    /// When there was too much of it.
    pub(crate) fn allow(&self, who: Option<&Who>, ask: Ask) -> Result<(), TooMuch> {
        self.change(who, |left, limits, now| match ask {
            Ask::Request => within(&mut left.requests, limits.requests, now),
            Ask::Hello => within(&mut left.hellos, limits.hellos, now),
        })
    }

    /// May a token be looked at? Guessing is slow.
    ///
    /// # Errors
    /// When too many of this address were nobody's.
    pub(crate) fn may_try(&self, who: Option<&Who>) -> Result<(), TooMuch> {
        self.change(who, |left, limits, now| {
            if left.strangers.has_one(now) {
                return Ok(());
            }
            Err(wait(limits.strangers))
        })
    }

    /// A token was nobody's.
    pub(crate) fn failed(&self, who: Option<&Who>) {
        let _spent = self.change(who, |left, limits, now| {
            within(&mut left.strangers, limits.strangers, now)
        });
    }

    /// A connection begins.
    ///
    /// # Errors
    /// When there are as many as may be at a time.
    pub(crate) fn enter(&self, who: Option<&Who>) -> Result<(), TooMuch> {
        self.change(who, |left, limits, _now| {
            if left.connections >= limits.connections_max {
                return Err(TooMuch { seconds: 5 });
            }
            left.connections += 1;
            Ok(())
        })
    }

    /// A connection that entered is over.
    pub(crate) fn leave(&self, who: &Who) {
        if let Some(left) = self.known().left.get_mut(who) {
            left.connections = left.connections.saturating_sub(1);
        }
    }

    fn change(
        &self,
        who: Option<&Who>,
        change: impl FnOnce(&mut Left, &QuotaLimits, Millis) -> Result<(), TooMuch>,
    ) -> Result<(), TooMuch> {
        let Some(who) = who else {
            return Ok(());
        };
        let now = clock::now();
        let limits = &self.limits;
        let mut known = self.known();
        if !known.has_room_for(who, now) {
            // So many at once are no persons. Each of them may be let through; none of them fills memory.
            return Ok(());
        }
        let pace = |rate: Rate| Pace::of(rate, now);
        let left = known.left.entry(who.clone()).or_insert_with(|| Left {
            requests: pace(limits.requests),
            hellos: pace(limits.hellos),
            strangers: pace(limits.strangers),
            connections: 0,
        });
        change(left, limits, now)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn has_room_for(&mut self, who: &Who, now: Millis) -> bool {
        if self.left.len() < REMEMBERED_MAX || self.left.contains_key(who) {
            return true;
        }
        if now.0.abs_diff(self.cleared.0) >= 1000 {
            self.cleared = now;
            self.left.retain(|_, left| !left.is_rested(now));
        }
        self.left.len() < REMEMBERED_MAX
    }
}

impl Left {
    /// Is it as if nothing had ever been asked for?
    fn is_rested(&mut self, now: Millis) -> bool {
        let paces = [&mut self.requests, &mut self.hellos, &mut self.strangers];
        self.connections == 0 && paces.into_iter().all(|pace| pace.is_full(now))
    }
}

impl Who {
    /// Whom something counts for: a person that is known for sure, else the address, unless it is this machine's.
    pub(crate) fn of(person: Option<&Person>, address: Option<Address>) -> Option<Self> {
        let user = person.and_then(|person| person.name.clone());
        let user = user.map(Self::User);
        user.or_else(|| {
            let address = address.filter(|address| !address.is_here())?;
            Some(Self::At(address.network()))
        })
    }
}

fn within(pace: &mut Pace, rate: Rate, now: Millis) -> Result<(), TooMuch> {
    if pace.allows(now) {
        Ok(())
    } else {
        Err(wait(rate))
    }
}

/// When there is room for a tenth of what may be asked for at once.
fn wait(rate: Rate) -> TooMuch {
    let seconds = rate.at_once.div_ceil(10).div_ceil(rate.a_second.max(1));
    TooMuch {
        seconds: seconds.clamp(1, 60),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    fn quotas() -> Quotas {
        let rate = Rate {
            at_once: 3,
            a_second: 1,
        };
        Quotas::new(QuotaLimits {
            requests: rate,
            hellos: rate,
            strangers: rate,
            connections_max: 2,
        })
    }

    #[test]
    fn each_has_their_own() {
        let quotas = quotas();
        let (jane, bob) = (user("jane"), user("bob"));
        let ask = |who: &Who, ask| quotas.allow(Some(who), ask).is_ok();
        assert_eq!(
            [(); 4].map(|()| ask(&jane, Ask::Request)),
            [true, true, true, false]
        );
        assert!(ask(&jane, Ask::Hello));
        assert!(ask(&bob, Ask::Request));
        assert!(quotas.allow(None, Ask::Request).is_ok());
        let told = quotas.allow(Some(&jane), Ask::Request).unwrap_err();
        assert_eq!(told.seconds, 1);
    }

    #[test]
    fn guessing_ends_before_the_guess_is_looked_at() {
        let (quotas, jane) = (quotas(), user("jane"));
        for _ in 0..3 {
            assert!(quotas.may_try(Some(&jane)).is_ok());
            quotas.failed(Some(&jane));
        }
        assert!(quotas.may_try(Some(&jane)).is_err());
    }

    #[test]
    fn connections_are_counted_while_they_last() {
        let (quotas, jane) = (quotas(), user("jane"));
        let enter = || quotas.enter(Some(&jane)).is_ok();
        assert_eq!([enter(), enter(), enter()], [true, true, false]);
        quotas.leave(&jane);
        assert!(enter());
    }

    #[test]
    fn this_machine_counts_for_nobody() {
        let at = |text: &str| Who::of(None, Some(Address(text.parse().unwrap())));
        assert_eq!(at("127.0.0.1"), None);
        assert_eq!(at("::1"), None);
        assert_eq!(
            at("10.1.1.1"),
            Some(Who::At(Address("10.1.1.1".parse().unwrap())))
        );
        assert_eq!(Who::of(None, None), None);
    }

    fn user(name: &str) -> Who {
        Who::User(UserName::parse(name).unwrap())
    }
}
