//! The states of the principal, beside everything that can happen to it.

use super::{Claim, Fence, Principal, Says, Step, User, Who};
use crate::engine::config::Config;
use crate::engine::ids::TabId;
use crate::engine::tests::states::{Page, cases, cell};
use crate::engine::time::{Mono, Now, Wall};

const ME: TabId = TabId(1);

cases! {
    enum Is {
        New => "new, of A",
        NewNobody => "new, of nobody",
        Open => "open, of A",
        OpenNobody => "open, of nobody",
        Shut => "shut, was of A",
        OpenB => "open, of B",
        ShutB => "shut, was of B",
    }
}

cases! {
    enum Happens {
        SetA => "the app says: A",
        SetB => "the app says: B",
        SetNobody => "the app says: nobody",
        ClaimA => "another tab claims: A",
        ClaimB => "another tab claims: B",
        ClaimNobody => "another tab claims: nobody",
        ClaimOld => "another tab claims something older: B",
        ClaimFuture => "another tab claims in the far future",
        Asked => "another tab asks",
        MarkA => "the mark says: A, newer",
        MarkB => "the mark says: B, newer",
        NoMark => "there is no mark",
        Arrives => "the page starts, or is back",
    }
}

fn at(ms: u64) -> Now {
    Now {
        mono: Mono(ms),
        wall: Wall(1000 + ms),
    }
}

fn who(id: Option<&str>) -> Option<Who> {
    id.map(|id| User::new(id).who())
}

fn claim(number: u64, user: Option<&str>) -> Claim {
    Claim {
        number,
        tab: TabId(9),
        who: who(user),
    }
}

fn is(principal: &Principal) -> Option<Is> {
    let (a, b) = (who(Some("a")), who(Some("b")));
    match (principal.fence, principal.who) {
        (Fence::New, None) => Some(Is::NewNobody),
        (Fence::New, who) if who == a => Some(Is::New),
        (Fence::Open, None) => Some(Is::OpenNobody),
        (Fence::Open, who) if who == a => Some(Is::Open),
        (Fence::Open, who) if who == b => Some(Is::OpenB),
        (Fence::Shut, who) if who == a => Some(Is::Shut),
        (Fence::Shut, who) if who == b => Some(Is::ShutB),
        (Fence::New | Fence::Open | Fence::Shut, Some(_)) | (Fence::Shut, None) => None,
    }
}

fn principal(state: Is) -> Principal {
    let config = |user: Option<&str>| Config {
        user: user.map(User::new),
        ..config()
    };
    let known = |user: Option<&str>| {
        let mut principal = Principal::new(ME, &config(user));
        assert_eq!(principal.mark(at(0), Some(claim(500, user))), Ok(()));
        principal
    };
    let shut = |user: &str| {
        let mut principal = known(Some(user));
        let logout = Says::Claim(claim(600, None));
        assert_eq!(principal.heard(at(0), logout), Ok(()));
        principal
    };
    let mut principal = match state {
        Is::New => Principal::new(ME, &config(Some("a"))),
        Is::NewNobody => Principal::new(ME, &config(None)),
        Is::Open => known(Some("a")),
        Is::OpenNobody => known(None),
        Is::OpenB => known(Some("b")),
        Is::Shut => shut("a"),
        Is::ShutB => shut("b"),
    };
    while principal.poll().is_some() {}
    assert_eq!(is(&principal), Some(state));
    principal
}

#[allow(clippy::unwrap_used)]
fn config() -> Config {
    Config::parse(r#"{"backend":{"kind":"everfresh","url":"ws://h/live"}}"#).unwrap()
}

/// What happens; true if it is no claim at all.
fn happen(input: Happens, principal: &mut Principal) -> bool {
    let now = at(10);
    let says = |number, user| Says::Claim(claim(number, user));
    let heard = match input {
        Happens::SetA => {
            principal.set(now, who(Some("a")));
            Ok(())
        }
        Happens::SetB => {
            principal.set(now, who(Some("b")));
            Ok(())
        }
        Happens::SetNobody => {
            principal.set(now, None);
            Ok(())
        }
        Happens::ClaimA => principal.heard(now, says(900, Some("a"))),
        Happens::ClaimB => principal.heard(now, says(900, Some("b"))),
        Happens::ClaimNobody => principal.heard(now, says(900, None)),
        Happens::ClaimOld => principal.heard(now, says(100, Some("b"))),
        Happens::ClaimFuture => principal.heard(now, says(u64::MAX >> 11, Some("b"))),
        Happens::Asked => principal.heard(now, Says::Ask),
        Happens::MarkA => principal.mark(now, Some(claim(900, Some("a")))),
        Happens::MarkB => principal.mark(now, Some(claim(900, Some("b")))),
        Happens::NoMark => principal.mark(now, None),
        Happens::Arrives => {
            principal.arrive(now);
            Ok(())
        }
    };
    heard.is_err()
}

fn done(step: Step) -> String {
    let words = match step {
        Step::Post(Says::Ask) => "ask the tabs",
        Step::Post(Says::Claim(_)) => "say the newest claim",
        Step::WriteMark(_) => "write the mark",
        Step::Shut => "stop, forget, tell the app",
        Step::Reopen => "go on, tell the app",
        Step::Elsewhere => "tell the app that somebody logged in",
    };
    words.to_owned()
}

#[test]
fn the_states_of_the_principal_are_as_written() {
    Page::new(
        "principal.md",
        "The principal",
        "Whose data this is, and the fence between one person and the next: \
         [`principal.rs`](../../src/engine/principal.rs). What is known, where something is, is a claim \
         of number 500; a tab that is shut heard of a logout of number 600.",
    )
    .table("What follows, and what is done:", |state: Is, input: Happens| {
        let mut principal = principal(state);
        let refused = happen(input, &mut principal);
        let mut steps: Vec<String> = std::iter::from_fn(|| principal.poll()).map(done).collect();
        if refused {
            steps.push("report it".to_owned());
        }
        let after = is(&principal);
        assert!(after.is_some(), "{principal:?}");
        cell((state, None), (after.unwrap_or(state), None), steps)
    })
    .check(include_str!("../../../docs/states/principal.md"));
}
