//! The states of a query key, beside everything that can happen to it.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::engine::tests::states::{Case, Page, cases};
use crate::wire::json;

cases! {
    enum Is {
        Settled => "settled",
        Dormant => "dormant",
        Owed => "owed",
        Held => "held",
        Told => "told",
        Fetching => "fetching",
        FetchingFor => "fetching what is owed",
        Overtaken => "overtaken",
    }
}

cases! {
    enum Happens {
        Marked => "something newer happened (7)",
        MarkedSame => "something that the fetch has seen happened (5)",
        Observed => "somebody looks",
        Left => "nobody looks",
        Started => "a fetch starts that has seen all (8)",
        StartedOld => "a fetch is told of that had started before (3)",
        Succeeded => "the fetch brings data",
        SucceededOld => "the fetch brings data of version 3",
        SucceededNew => "the fetch brings data of version 9",
        Failed => "the fetch fails, or is cancelled",
        Due => "the moment of the state comes",
    }
}

const FACTS: Facts = Facts {
    active: true,
    due: Mono(10),
    hold: Mono(20),
    start_by: Mono(30),
};

fn version(number: u64) -> Version {
    Version::read(json::parse(&number.to_string()).unwrap()).unwrap()
}

fn debt(after: u64, of: Option<u64>) -> Debt {
    Debt {
        need: Need {
            after: Tide(after),
            version: of.map(version),
        },
        cause: Rc::new(Cause::App),
    }
}

fn fetch(started: u64) -> Fetch {
    Fetch {
        started: Tide(started),
        since: Mono(0),
        lost: Mono(99),
        number: None,
    }
}

/// Debts are of tide 5 and version 5, fetches of tide 5.
fn state(of: Is) -> State {
    let (debt, due, until) = (|| debt(5, Some(5)), Mono(15), Mono(15));
    let state = match of {
        Is::Settled => State::Settled,
        Is::Dormant => State::Dormant(debt()),
        Is::Owed => State::Owed { debt: debt(), due },
        Is::Held => State::Held {
            debt: debt(),
            until,
        },
        Is::Told => State::Told {
            debt: debt(),
            until,
        },
        Is::Fetching => State::Fetching {
            fetch: fetch(5),
            debt: None,
        },
        Is::FetchingFor => State::Fetching {
            fetch: fetch(5),
            debt: Some(debt()),
        },
        Is::Overtaken => State::Overtaken {
            fetch: fetch(5),
            before: Some(self::debt(4, None)),
            after: self::debt(6, Some(6)),
        },
    };
    assert_eq!(is(&state), of);
    state
}

fn is(state: &State) -> Is {
    match state {
        State::Settled => Is::Settled,
        State::Dormant(_) => Is::Dormant,
        State::Owed { .. } => Is::Owed,
        State::Held { .. } => Is::Held,
        State::Told { .. } => Is::Told,
        State::Fetching { debt: None, .. } => Is::Fetching,
        State::Fetching { debt: Some(_), .. } => Is::FetchingFor,
        State::Overtaken { .. } => Is::Overtaken,
    }
}

fn input(of: Happens) -> Input {
    match of {
        Happens::Marked => Input::Marked(debt(7, Some(7))),
        Happens::MarkedSame => Input::Marked(debt(5, None)),
        Happens::Observed => Input::Observed,
        Happens::Left => Input::Left,
        Happens::Started => Input::Started(fetch(8)),
        Happens::StartedOld => Input::Started(fetch(3)),
        Happens::Succeeded => Input::Succeeded(None),
        Happens::SucceededOld => Input::Succeeded(Some(version(3))),
        Happens::SucceededNew => Input::Succeeded(Some(version(9))),
        Happens::Failed => Input::Failed,
        Happens::Due => Input::Due,
    }
}

/// What a state owes, and its moment if that is one of the table's.
fn words(state: &State) -> String {
    let owes = |debt: &Debt| match &debt.need.version {
        Some(version) => format!("{} v{}", debt.need.after.0, version.text()),
        None => debt.need.after.0.to_string(),
    };
    let rest = match state {
        State::Settled => String::new(),
        State::Dormant(debt) => owes(debt),
        State::Owed { debt, due } => format!("{} at {}", owes(debt), due.0),
        State::Held { debt, until } => format!("{} until {}", owes(debt), until.0),
        State::Told { debt, until } => format!("{} until {}", owes(debt), until.0),
        State::Fetching { fetch, debt } => match debt {
            Some(debt) => format!("@{}, for {}", fetch.started.0, owes(debt)),
            None => format!("@{}", fetch.started.0),
        },
        State::Overtaken {
            fetch,
            before,
            after,
        } => {
            let before = before.as_ref().map(|debt| format!(", for {}", owes(debt)));
            let before = before.unwrap_or_default();
            format!("@{}{before}, then {}", fetch.started.0, owes(after))
        }
    };
    format!("{} {rest}", is(state).text()).trim_end().to_owned()
}

fn follows(of: Is, what: Happens, active: bool) -> State {
    state(of).step(input(what), Facts { active, ..FACTS })
}

fn key_cell(of: Is, what: Happens) -> String {
    let (before, after) = (state(of), follows(of, what, true));
    match before == after {
        true => "·".to_owned(),
        false => words(&after),
    }
}

#[test]
fn the_states_of_a_key_are_as_written() {
    Page::new(
        "key.md",
        "A query key",
        "Is what it shows fresh, and if not, what is owed: \
         [`invalidation/state.rs`](../../src/engine/invalidation/state.rs). Numbers are moments of what was \
         heard: \"owed 7 v7\" has to show what happened at 7, or version 7; \"fetching @5\" started when 5 \
         had happened. In the columns 5 v5 is owed until 15, a fetch has seen 5, and one that is overtaken \
         pays 4 and leaves 6 v6. Somebody looks; a refetch may start at 10, a failure holds until 20, and \
         what is told has to start until 30.",
    )
    .table("What follows:", key_cell)
    .check(include_str!("../../../../docs/states/key.md"));
}

#[test]
fn while_nobody_looks_what_is_stale_sleeps() {
    for &of in Is::ALL {
        for &what in Happens::ALL {
            let (active, idle) = (follows(of, what, true), follows(of, what, false));
            let owes = |state: &State| match state {
                State::Settled | State::Fetching { .. } | State::Overtaken { .. } => None,
                State::Dormant(debt)
                | State::Owed { debt, .. }
                | State::Held { debt, .. }
                | State::Told { debt, .. } => Some(debt.clone()),
            };
            // Being told of a key that is refetched at this moment changes nothing.
            let sleeps = idle == active || is(&idle) == Is::Dormant && owes(&idle) == owes(&active);
            assert!(sleeps, "{of:?}, {what:?}: {active:?} became {idle:?}");
        }
    }
}

#[test]
fn a_fetch_that_started_before_the_debt_does_not_pay_it() {
    for &of in Is::ALL {
        let marked = state(of).step(Input::Marked(debt(100, None)), FACTS);
        let started = marked.step(Input::Started(fetch(99)), FACTS);
        let answered = started.step(Input::Succeeded(None), FACTS);
        assert!(answered.to_tell().is_some(), "{answered:?}");
        let started = answered.step(Input::Started(fetch(100)), FACTS);
        assert_eq!(started.step(Input::Succeeded(None), FACTS), State::Settled);
    }
}
