//! Whose data this is, and the fence between one person and the next (G9).
//!
//! A login, a logout or a change of the person is a claim: numbered, so that all tabs agree on the
//! newest however late they hear of it. It travels on a channel that the tabs of all principals
//! share, and lies in the storage as a mark for tabs that were away. A tab whose person is not the
//! newest claim's is fenced: it stops, and stays so until its app says who is there now. What was
//! begun for an earlier principal is recognised by the generation.
//!
//! Names never travel: a claim holds a hash of the person's id. It knows no links and no storage.

mod cover;

use std::collections::VecDeque;
use std::rc::Rc;

use super::config::Config;
use super::fnv;
use super::ids::{Generation, Scope, TabId};
use super::limits::{TERM_AHEAD_MAX, USER_MESSAGE_BYTES_MAX};
use super::queue;
use super::text;
use super::time::{Now, Wall};
use crate::wire::json::{self, Raw, Text, Writer};

/// The version of what tabs of different principals say to each other.
const VERSION: u64 = 1;

/// A hash of a person's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Who(u64);

pub use self::cover::Cover;

/// A person.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    who: Who,
    /// The id; empty where only the hash is known.
    id: Rc<str>,
}

/// Somebody logged in (or out) at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Grows with each claim. Starts at the wall clock, so that it grows over restarts too.
    pub number: u64,
    /// Where it happened; breaks the tie of two at the same moment.
    pub tab: TabId,
    /// Who is there now; nobody after a logout.
    pub who: Option<Who>,
}

/// What is said on the channel of all principals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// This is the newest that I know.
    Claim(Claim),
    /// Which is the newest?
    Ask,
}

/// This tab's principal.
#[derive(Debug)]
pub struct Principal {
    me: TabId,
    who: Option<Who>,
    generation: Generation,
    fence: Fence,
    newest: Option<Claim>,
    /// When this tab began, or came back.
    arrived: Wall,
    out: VecDeque<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fence {
    /// This tab has just begun, and does not know yet what the mark says. What was claimed before
    /// cannot end what begins only now.
    New,
    /// The data of our person may be used.
    Open,
    /// Somebody else is there now, or nobody.
    Shut,
}

/// What has to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Say this to the tabs of all principals.
    Post(Says),
    /// Write the newest claim where tabs that are away will find it.
    WriteMark(Claim),
    /// Stop: this tab's person is not there any more.
    Shut,
    /// Go on: this tab's person is there again.
    Reopen,
    /// Somebody logged in in another tab; this one has nobody yet.
    Elsewhere,
}

/// What was received is not a claim, or none that can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAClaim;

impl Principal {
    /// The principal that the configuration names.
    pub fn new(me: TabId, config: &Config) -> Self {
        Principal {
            me,
            who: config.user.as_ref().map(User::who),
            generation: Generation::default(),
            fence: Fence::New,
            newest: None,
            arrived: Wall(u64::MAX),
            out: VecDeque::new(),
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Step> {
        self.out.pop_front()
    }

    /// What is begun now carries this number. It grows when the principal changes or is fenced.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// May the data of this tab's person be used?
    pub fn is_open(&self) -> bool {
        self.fence != Fence::Shut
    }

    /// This tab begins, or comes back: is there anything newer?
    pub fn arrive(&mut self, now: Now) {
        self.arrived = now.wall;
        self.out.push_back(Step::Post(Says::Ask));
    }

    /// This tab knows by now what was claimed before it began. A page that was loaded for another
    /// person than the last one is a login.
    fn begin(&mut self, now: Now) {
        if self.fence != Fence::New {
            return;
        }
        self.fence = Fence::Open;
        let last = self.newest.and_then(|claim| claim.who);
        let news = self.newest.is_some_and(|claim| self.is_news(now, claim));
        match self.who {
            Some(_) if self.who != last && news => self.shut(),
            // It has been so since the page was loaded: who logged out since then did so later.
            Some(_) if self.who != last => self.claim(self.arrived.min(now.wall)),
            None if last.is_some() => self.out.push_back(Step::Elsewhere),
            Some(_) | None => {}
        }
    }

    /// Was it claimed since we began? Then it is news to us, as to every other tab. A number beyond our clock
    /// says nothing: that was set back.
    fn is_news(&self, now: Now, claim: Claim) -> bool {
        (self.arrived.0..=now.wall.0).contains(&claim.number)
    }

    /// The app says who is there. False if that is no news.
    pub fn set(&mut self, now: Now, who: Option<Who>) -> bool {
        if who == self.who && self.is_open() {
            return false;
        }
        // A tab that was fenced and now says that nobody is there only follows what happened.
        let follows = who.is_none() && !self.is_open();
        let known = self.newest.is_some_and(|claim| claim.who == who);
        self.who = who;
        self.fence = Fence::Open;
        self.generation = self.generation.next();
        if !follows && !known {
            self.claim(now.wall);
        }
        true
    }

    fn claim(&mut self, since: Wall) {
        let last = self.newest.map_or(0, |claim| claim.number);
        let claim = Claim {
            number: since.0.max(last.saturating_add(1)),
            tab: self.me,
            who: self.who,
        };
        self.newest = Some(claim);
        self.out.push_back(Step::WriteMark(claim));
        self.out.push_back(Step::Post(Says::Claim(claim)));
    }

    /// Another tab said something.
    pub fn heard(&mut self, now: Now, says: Says) -> Result<(), NotAClaim> {
        match says {
            Says::Ask => {
                if let Some(newest) = self.newest {
                    self.out.push_back(Step::Post(Says::Claim(newest)));
                }
                Ok(())
            }
            Says::Claim(claim) => {
                if !self.is_news(now, claim) {
                    self.begin(now);
                }
                let age = self.learn(now, claim)?;
                self.begin(now);
                if age == Age::Old {
                    self.answer(claim);
                }
                Ok(())
            }
        }
    }

    /// The mark was read, or another tab wrote it; nothing if there is none.
    pub fn mark(&mut self, now: Now, mark: Option<Claim>) -> Result<(), NotAClaim> {
        let age = match mark {
            Some(claim) => self.learn(now, claim)?,
            None => Age::Old,
        };
        if self.fence == Fence::New {
            self.begin(now);
            return Ok(());
        }
        // Somebody cleared the storage, or wrote over our newer mark.
        if let (Age::Old, Some(newest)) = (age, self.newest)
            && newest.tab == self.me
        {
            self.out.push_back(Step::WriteMark(newest));
        }
        Ok(())
    }

    /// Whoever says something older has not heard the newest yet.
    fn answer(&mut self, heard: Claim) {
        if let Some(newest) = self.newest
            && newest.who != heard.who
        {
            self.out.push_back(Step::Post(Says::Claim(newest)));
        }
    }

    fn shut(&mut self) {
        self.fence = Fence::Shut;
        self.generation = self.generation.next();
        self.out.push_back(Step::Shut);
    }

    fn learn(&mut self, now: Now, claim: Claim) -> Result<Age, NotAClaim> {
        let last = self.newest.map_or(0, |claim| claim.number);
        if claim.number > now.wall.0.max(last).saturating_add(TERM_AHEAD_MAX.0) {
            return Err(NotAClaim);
        }
        if let Some(newest) = self.newest {
            let (theirs, ours) = ((claim.number, claim.tab), (newest.number, newest.tab));
            if theirs == ours {
                return Ok(Age::Same);
            }
            if theirs < ours {
                return Ok(Age::Old);
            }
        }
        self.newest = Some(claim);
        match (self.fence, self.who) {
            (Fence::New, _) => {}
            (Fence::Open, ours) if ours == claim.who => {}
            (Fence::Open, None) => self.out.push_back(Step::Elsewhere),
            (Fence::Open, Some(_)) => self.shut(),
            (Fence::Shut, ours) if ours == claim.who => {
                self.fence = Fence::Open;
                self.generation = self.generation.next();
                self.out.push_back(Step::Reopen);
            }
            (Fence::Shut, _) => {}
        }
        Ok(Age::New)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Age {
    New,
    Same,
    Old,
}

/// A number for parts that are kept apart by a byte that no UTF-8 has.
fn hash(parts: &[&str]) -> u64 {
    fnv::number(parts.iter().flat_map(|part| part.bytes().chain([0xFF])))
}

impl User {
    /// The person of an id.
    pub fn new(id: &str) -> User {
        User {
            who: Who(hash(&[id])),
            id: id.into(),
        }
    }

    /// A person of whom a recording knows.
    pub fn of(who: Who) -> User {
        let id = "".into();
        User { who, id }
    }

    /// The id; empty where only the hash is known.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The hash of the id.
    pub fn who(&self) -> Who {
        self.who
    }
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Journals and failing tests are printed.
        self.who.fmt(f)
    }
}

impl Who {
    /// The hash as 16 hexadecimal digits.
    pub fn text(self) -> String {
        Scope(self.0).text()
    }

    /// Reads what [`Who::text`] wrote.
    pub fn parse(text: &str) -> Option<Who> {
        Scope::parse(text).map(|scope| Who(scope.0))
    }
}

/// What all persons of an instance have in common: its name, its backend, and whether its page has a
/// queue, because a tab that cannot send a mutation must not lead tabs that have some. One without rooms
/// may lead tabs that are in some: they wait for another leader. A scope of their own would cost more,
/// for what is stored would stay behind when an app begins to have rooms.
pub fn base(name: &str, url: &str, place: &str) -> Scope {
    let at = text::concat(&[url, place]);
    Scope(hash(&[name, &at, if queue::SENDS { "" } else { "core" }]))
}

/// Whose data this configuration is about: tabs of the same instance, principal and backend share
/// it, and no others. Any script of the origin can list the names of locks and channels, so they
/// hold a hash.
pub fn scope(config: &Config) -> Scope {
    let who = config.user.as_ref().map(User::who);
    let who = who.map(Who::text).unwrap_or_default();
    Scope(hash(&[&config.base.text(), &who]))
}

/// The name of the leader's lock and of the channel between the tabs of a scope. It holds the
/// version of what they say: tabs of two releases of an app can be open at a time, and a lock that
/// they shared would be taken to and fro.
pub fn scope_name(scope: Scope) -> Rc<str> {
    text::concat(&["everfresh:1:", &scope.text()]).into()
}

/// What the names of the locks begin with that each tab of a scope holds for itself.
pub fn tab_locks(scope: Scope) -> Rc<str> {
    text::concat(&[&scope_name(scope), ":tab:"]).into()
}

/// The name of the lock that a tab holds as long as it lives.
pub fn tab_lock(scope: Scope, tab: TabId) -> Rc<str> {
    text::concat(&[&tab_locks(scope), &tab.text()]).into()
}

/// The name of the channel that the tabs of all principals share, and of the mark.
pub fn common_name(config: &Config) -> Rc<str> {
    let name = Scope(hash(&[&config.name]));
    text::concat(&["everfresh:1:user:", &name.text()]).into()
}

impl Says {
    /// As text. A mark is written like a claim that is said.
    pub fn write(&self) -> String {
        let mut writer = Writer::new();
        writer.object(|w| {
            w.key("v").number(VERSION);
            match self {
                Says::Ask => w.key("k").string("who"),
                Says::Claim(claim) => {
                    w.key("k").string("user");
                    w.key("at").number(claim.number);
                    w.key("tab").string(&claim.tab.text());
                    match claim.who {
                        Some(who) => w.key("who").string(&who.text()),
                        None => w.key("who").null(),
                    }
                }
            }
        });
        writer.finish()
    }

    /// Reads what [`Says::write`] wrote.
    pub fn read(bytes: &[u8]) -> Result<Says, NotAClaim> {
        if bytes.len() > USER_MESSAGE_BYTES_MAX {
            return Err(NotAClaim);
        }
        parse(bytes).ok_or(NotAClaim)
    }
}

fn parse(bytes: &[u8]) -> Option<Says> {
    let raw = json::parse(std::str::from_utf8(bytes).ok()?).ok()?;
    if raw.member("v")?.integer()? != VERSION {
        return None;
    }
    let text = |raw: Raw<'_>| raw.string().map(Text::decode).map(String::from);
    match text(raw.member("k")?)?.as_str() {
        "who" => Some(Says::Ask),
        "user" => {
            let who = raw.member("who")?;
            Some(Says::Claim(Claim {
                number: raw.member("at")?.integer()?,
                tab: TabId::parse(&text(raw.member("tab")?)?)?,
                who: if who.is_null() {
                    None
                } else {
                    Some(Who::parse(&text(who)?)?)
                },
            }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod table;
#[cfg(test)]
mod tests;
