//! Logins, logouts, and pages that hear of them.

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
fn a_page_that_has_not_heard_of_a_logout_yet_does_not_undo_it() {
    let mut page = tab(2, Some("a"));
    page.arrive(at(10));
    // The mark of the logout cannot be seen yet.
    page.mark(at(15), None).unwrap();
    assert!(steps(&mut page).contains(&Step::WriteMark(claim(1010, 2, Some("a")))));
    page.heard(at(16), Says::Claim(claim(1012, 1, None)))
        .unwrap();
    assert_eq!(steps(&mut page), [Step::Shut]);
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
