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
use super::text;
use super::time::{Now, Wall};
use super::{queue, room};
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
            Some(_) if self.who != last => self.claim(now),
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
            self.claim(now);
        }
        true
    }

    fn claim(&mut self, now: Now) {
        let last = self.newest.map_or(0, |claim| claim.number);
        let claim = Claim {
            number: now.wall.0.max(last.saturating_add(1)),
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

/// What all persons of an instance have in common: its name, its backend, and the parts of the engine
/// that its page has, because a tab that lacks one must not lead tabs that have it.
pub fn base(name: &str, url: &str, place: &str) -> Scope {
    let all = queue::SENDS && room::HERE;
    let at = text::concat(&[url, place]);
    Scope(hash(&[name, &at, if all { "" } else { "core" }]))
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
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::engine::time::{Mono, Wall};
    use proptest::prelude::*;

    fn config(user: Option<&str>) -> Config {
        let mut config =
            Config::parse(r#"{"backend":{"kind":"everfresh","url":"ws://h/live"}}"#).unwrap();
        config.user = user.map(User::new);
        config
    }

    fn who(id: Option<&str>) -> Option<Who> {
        id.map(|id| User::new(id).who())
    }

    fn at(ms: u64) -> Now {
        Now {
            mono: Mono(ms),
            wall: Wall(1000 + ms),
        }
    }

    fn tab(me: u64, user: Option<&str>) -> Principal {
        Principal::new(TabId(me), &config(user))
    }

    /// A tab of user a that knows who is there.
    fn open(me: u64) -> Principal {
        let mut tab = tab(me, Some("a"));
        tab.mark(at(0), Some(claim(500, 9, Some("a")))).unwrap();
        assert_eq!(steps(&mut tab), []);
        tab
    }

    fn steps(principal: &mut Principal) -> Vec<Step> {
        std::iter::from_fn(|| principal.poll()).collect()
    }

    fn claim(number: u64, tab: u64, user: Option<&str>) -> Claim {
        Claim {
            number,
            tab: TabId(tab),
            who: who(user),
        }
    }

    /// What a claim of this tab makes it say.
    fn claimed(claim: Claim) -> [Step; 2] {
        [Step::WriteMark(claim), Step::Post(Says::Claim(claim))]
    }

    #[test]
    fn a_logout_is_claimed_and_fences_the_tabs_of_that_person_once() {
        let mut here = tab(1, Some("a"));
        let mut other = tab(2, Some("a"));
        here.mark(at(0), Some(claim(500, 9, Some("a")))).unwrap();
        assert!(here.set(at(5), None));
        let out = claim(1005, 1, None);
        assert_eq!(steps(&mut here), claimed(out));
        other.mark(at(0), Some(claim(500, 9, Some("a")))).unwrap();
        for _ in 0..3 {
            other.heard(at(6), Says::Claim(out)).unwrap();
            other.mark(at(6), Some(out)).unwrap();
        }
        assert_eq!(steps(&mut other), [Step::Shut]);
        assert!(!other.is_open());
        assert_eq!(other.generation(), Generation(1));
    }

    #[test]
    fn a_logout_while_a_page_loads_is_news_to_that_page() {
        let arrived = |who| {
            let mut tab = tab(2, who);
            tab.arrive(at(10));
            assert_eq!(steps(&mut tab), [Step::Post(Says::Ask)]);
            tab
        };
        let out = claim(1012, 1, None);
        let mut page = arrived(Some("a"));
        page.mark(at(15), Some(out)).unwrap();
        assert_eq!(steps(&mut page), [Step::Shut]);
        let mut page = arrived(Some("a"));
        page.heard(at(15), Says::Claim(out)).unwrap();
        assert_eq!(steps(&mut page), [Step::Shut]);
        assert!(!page.is_open());
        // One that was before, or is beyond our clock because that was set back, is none.
        for number in [1009, 9000] {
            let mut page = arrived(Some("a"));
            page.mark(at(15), Some(claim(number, 1, None))).unwrap();
            assert!(page.is_open());
            assert_eq!(steps(&mut page).len(), 2, "it claims that it is there");
        }
    }

    #[test]
    fn a_tab_that_follows_a_logout_does_not_claim_it_again() {
        let mut tab = open(2);
        tab.heard(at(0), Says::Claim(claim(1000, 1, Some("b"))))
            .unwrap();
        assert_eq!(steps(&mut tab), [Step::Shut]);
        assert!(tab.set(at(1), None));
        assert_eq!(steps(&mut tab), [], "or the new user would be logged out");
        assert!(tab.is_open());
        assert!(tab.set(at(2), who(Some("b"))));
        assert_eq!(steps(&mut tab), [], "b is there already");
        assert!(!tab.set(at(2), who(Some("b"))));
    }

    #[test]
    fn the_last_login_wins() {
        let mut one = open(1);
        let mut two = open(2);
        two.heard(at(0), Says::Claim(claim(5000, 1, Some("b"))))
            .unwrap();
        one.heard(at(0), Says::Claim(claim(5000, 1, Some("a"))))
            .unwrap();
        steps(&mut two);
        assert!(two.set(at(0), who(Some("a"))), "its app insists");
        let again = claim(5001, 2, Some("a"));
        assert_eq!(steps(&mut two), claimed(again));
        one.heard(at(0), Says::Claim(again)).unwrap();
        assert_eq!(steps(&mut one), []);
    }

    #[test]
    fn a_person_that_is_back_reopens_the_tab() {
        let mut tab = open(2);
        tab.heard(at(0), Says::Claim(claim(1000, 1, None))).unwrap();
        tab.heard(at(0), Says::Claim(claim(1001, 1, Some("b"))))
            .unwrap();
        tab.heard(at(0), Says::Claim(claim(1002, 1, Some("a"))))
            .unwrap();
        assert_eq!(steps(&mut tab), [Step::Shut, Step::Reopen]);
        assert_eq!(tab.generation(), Generation(2));
    }

    #[test]
    fn a_page_that_was_loaded_for_somebody_else_is_a_login() {
        let mut same = tab(2, Some("a"));
        same.mark(at(0), Some(claim(500, 1, Some("a")))).unwrap();
        assert_eq!(steps(&mut same), []);
        let mut other = tab(3, Some("b"));
        other.mark(at(0), Some(claim(5000, 1, Some("a")))).unwrap();
        let login = claim(5001, 3, Some("b"));
        assert_eq!(steps(&mut other), claimed(login));
        same.heard(at(0), Says::Claim(login)).unwrap();
        assert_eq!(steps(&mut same), [Step::Shut]);
        let mut nobody = tab(4, None);
        nobody.mark(at(0), Some(claim(500, 1, Some("a")))).unwrap();
        assert_eq!(steps(&mut nobody), [Step::Elsewhere], "before its login");
        let mut unread = tab(5, Some("b"));
        unread
            .heard(at(0), Says::Claim(claim(900, 1, Some("a"))))
            .unwrap();
        let login = claim(1000, 5, Some("b"));
        let told = Step::Post(Says::Claim(login));
        assert_eq!(
            steps(&mut unread),
            [claimed(login).as_slice(), &[told]].concat(),
            "a claim that was said before the mark is read is older all the same"
        );
    }

    #[test]
    fn who_says_something_older_is_told_the_newest() {
        let mut tab = open(1);
        let newest = claim(2000, 9, Some("a"));
        tab.heard(at(0), Says::Claim(newest)).unwrap();
        tab.heard(at(0), Says::Claim(claim(1500, 3, Some("b"))))
            .unwrap();
        tab.heard(at(0), Says::Claim(claim(1500, 3, Some("a"))))
            .unwrap();
        tab.heard(at(0), Says::Ask).unwrap();
        let answer = Step::Post(Says::Claim(newest));
        assert_eq!(steps(&mut tab), [answer.clone(), answer]);
    }

    #[test]
    fn a_mark_that_was_lost_is_written_again_by_who_wrote_it() {
        let mut tab = tab(1, Some("a"));
        tab.mark(at(0), None).unwrap();
        let claim_of_ours = claim(1000, 1, Some("a"));
        assert_eq!(steps(&mut tab), claimed(claim_of_ours));
        let own = Step::WriteMark(claim_of_ours);
        tab.mark(at(1), None).unwrap();
        tab.mark(at(1), Some(claim(900, 2, Some("b")))).unwrap();
        assert_eq!(steps(&mut tab), [own.clone(), own]);
    }

    #[test]
    fn a_claim_from_the_far_future_is_none() {
        let mut tab = tab(1, Some("a"));
        let far = claim(u64::MAX >> 11, 2, None);
        assert_eq!(tab.heard(at(0), Says::Claim(far)), Err(NotAClaim));
        assert_eq!(tab.mark(at(0), Some(far)), Err(NotAClaim));
        assert!(tab.is_open());
    }

    #[test]
    fn scopes_and_names_differ_between_persons_and_instances() {
        let named = r#"{"name":"b","user":"a","backend":{"kind":"everfresh","url":"ws://h/live"}}"#;
        let other = Config::parse(named).unwrap();
        let all = [config(None), config(Some("a")), config(Some("")), other];
        for (i, one) in all.iter().enumerate() {
            for two in all.get(..i).unwrap() {
                assert_ne!(scope(one), scope(two));
            }
        }
        assert_eq!(common_name(&all[0]), common_name(&all[1]));
        assert_ne!(common_name(&all[0]), common_name(&all[3]));
        assert_eq!(
            scope_name(Scope(0xab)).as_ref(),
            "everfresh:1:00000000000000ab"
        );
    }

    #[test]
    fn what_is_said_comes_back_and_anything_else_is_nothing() {
        for says in [
            Says::Ask,
            Says::Claim(claim(7, 1, None)),
            Says::Claim(claim(7, 1, Some("a"))),
        ] {
            assert_eq!(Says::read(says.write().as_bytes()), Ok(says));
        }
        for text in [
            "",
            "null",
            "{}",
            r#"{"v":2,"k":"who"}"#,
            r#"{"v":1,"k":"user","at":1,"tab":"0000000000000001"}"#,
            r#"{"v":1,"k":"user","at":1,"tab":"0000000000000001","who":"a"}"#,
            r#"{"v":1,"k":"user","at":-1,"tab":"0000000000000001","who":null}"#,
        ] {
            assert_eq!(Says::read(text.as_bytes()), Err(NotAClaim), "{text}");
        }
        let mut long = Says::Ask.write();
        long.push_str(&" ".repeat(USER_MESSAGE_BYTES_MAX));
        assert_eq!(Says::read(long.as_bytes()), Err(NotAClaim));
    }

    proptest! {
        #[test]
        fn damaged_text_never_panics(at in 0usize..100, byte: u8) {
            let mut bytes = Says::Claim(claim(7, 1, Some("a"))).write().into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = Says::read(&bytes);
            let _ = Says::read(&bytes[..at]);
        }

        /// However claims reach the tabs, late, twice or in any order: in the end all agree, and a
        /// tab is fenced exactly if its person is not the newest claim's.
        #[test]
        fn all_tabs_agree_in_the_end(
            changes in prop::collection::vec((0usize..3, 0u8..3), 1..8),
            order in prop::collection::vec((0usize..3, 0usize..16), 0..40),
        ) {
            let users = [None, Some("a"), Some("b")];
            let mut tabs: Vec<Principal> = (0..3).map(open).collect();
            let mut said: Vec<Says> = Vec::new();
            for (ms, (which, user)) in changes.into_iter().enumerate() {
                tabs[which].set(at(ms as u64), who(users[usize::from(user)]));
                let posts = steps(&mut tabs[which]);
                said.extend(posts.into_iter().filter_map(|step| match step {
                    Step::Post(says) => Some(says),
                    Step::WriteMark(_) | Step::Shut | Step::Reopen | Step::Elsewhere => None,
                }));
            }
            let all = (0..3).flat_map(|tab| (0..said.len()).map(move |says| (tab, says)));
            let all: Vec<_> = order.into_iter().chain(all).collect();
            for (which, says) in all {
                if let Some(says) = said.get(says) {
                    tabs[which].heard(at(100), *says).unwrap();
                    tabs[which].mark(at(100), None).unwrap();
                }
            }
            if !said.is_empty() {
                let newest = tabs[0].newest;
                for tab in &tabs {
                    prop_assert_eq!(tab.newest, newest);
                    let theirs = newest.and_then(|claim| claim.who);
                    prop_assert_eq!(tab.is_open(), tab.who.is_none() || tab.who == theirs);
                }
            }
        }
    }
}
