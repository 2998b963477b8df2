//! The states of a family, beside everything that can happen to it.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::engine::tests::states::{Page, cases, cell};
use crate::engine::time::Millis;
use crate::wire::json;

use super::super::version::Tide;

cases! {
    enum Is {
        Gone => "unknown",
        Clean => "clean",
        Quiet => "clean, in its window",
        Due => "due",
        Waiting => "due at the end of its window",
        Spread => "due later, because of a gap",
        Fleeting => "fleeting, due",
        FleetingQuiet => "fleeting, in its window",
        FleetingOver => "fleeting, its window over",
    }
}

cases! {
    enum Happens {
        Named => "a payload names it",
        Routed => "a route names it",
        Marked => "all of it is stale",
        MarkedSpan => "what shows a span of time is stale",
        MarkedNothing => "its keys were dealt with one by one",
        Gap => "a gap makes all of it stale, spread",
        Sweep => "room is made",
        Due => "the moment comes",
    }
}

const NOW: Mono = Mono(1_000_000);
const SPREAD: Millis = Millis::seconds(1);

fn key() -> QueryKey {
    QueryKey::new(json::parse(r#"["tasks"]"#).unwrap()).unwrap()
}

fn need() -> Need {
    Need {
        after: Tide(1),
        version: None,
    }
}

fn mark(families: &mut Families, earliest: Mono, reach: Reach) {
    if let Some(id) = families.find(&key()) {
        families.mark(NOW, earliest, id, reach, &mut || Rc::new(Cause::App));
    }
}

fn is(families: &Families) -> Is {
    let Some(family) = families.find(&key()).and_then(|id| families.get(id)) else {
        return Is::Gone;
    };
    let in_window = family.told.is_some_and(|told| told + WINDOW > NOW);
    match (&family.mark, family.kept) {
        (Mark::Due(_), Kept::WhileMarked) => Is::Fleeting,
        (Mark::Clean, Kept::WhileMarked) if in_window => Is::FleetingQuiet,
        (Mark::Clean, Kept::WhileMarked) => Is::FleetingOver,
        (Mark::Due(due), Kept::ForEver) if due.at <= NOW => Is::Due,
        (Mark::Due(due), Kept::ForEver) if due.at <= NOW + WINDOW => Is::Waiting,
        (Mark::Due(_), Kept::ForEver) => Is::Spread,
        (Mark::Clean, Kept::ForEver) if in_window => Is::Quiet,
        (Mark::Clean, Kept::ForEver) => Is::Clean,
    }
}

fn families(state: Is) -> Families {
    let mut families = Families::default();
    match state {
        Is::Gone => {}
        Is::Clean | Is::Quiet | Is::Due | Is::Waiting | Is::Spread => {
            families.intern(&key(), Kept::ForEver).unwrap();
        }
        Is::Fleeting | Is::FleetingQuiet | Is::FleetingOver => {
            families.intern(&key(), Kept::WhileMarked).unwrap();
        }
    }
    let told = |families: &mut Families, at: Mono| {
        mark(families, NOW, Reach::Whole(need()));
        assert_eq!(families.take_due(NOW).len(), 1);
        let id = families.find(&key()).unwrap();
        families.get_mut(id).unwrap().told = Some(at);
    };
    match state {
        Is::Gone | Is::Clean => {}
        Is::Quiet | Is::FleetingQuiet => told(&mut families, NOW),
        Is::FleetingOver => told(&mut families, Mono(0)),
        Is::Due | Is::Fleeting => mark(&mut families, NOW, Reach::Whole(need())),
        Is::Waiting => {
            told(&mut families, NOW);
            mark(&mut families, NOW, Reach::Whole(need()));
        }
        Is::Spread => mark(&mut families, NOW + SPREAD, Reach::Whole(need())),
    }
    assert_eq!(is(&families), state);
    families
}

fn family_cell(state: Is, input: Happens) -> String {
    let mut families = families(state);
    let before = (state, families.next_wakeup());
    let all = || Reach::Whole(need());
    let spans = || Reach::Spans(vec![Span::EVER], need());
    let interned = |interned| match interned {
        Some(Interned::Known(_)) | None => "",
        Some(Interned::New(_)) => "find its keys",
    };
    let done = match input {
        Happens::Named => interned(families.intern(&key(), Kept::WhileMarked)),
        Happens::Routed => interned(families.intern(&key(), Kept::ForEver)),
        Happens::Marked => {
            mark(&mut families, NOW, all());
            ""
        }
        Happens::MarkedSpan => {
            mark(&mut families, NOW, spans());
            ""
        }
        Happens::MarkedNothing => {
            mark(&mut families, NOW, Reach::Nothing);
            ""
        }
        Happens::Gap => {
            mark(&mut families, NOW + SPREAD, all());
            ""
        }
        Happens::Sweep => match families.sweep(NOW).is_empty() {
            true => "",
            false => "forget it",
        },
        Happens::Due => match families.take_due(families.next.unwrap_or(NOW)).is_empty() {
            true => "",
            false => "tell it",
        },
    };
    let done = Some(done).filter(|done| !done.is_empty());
    let after = (is(&families), families.next_wakeup());
    cell(before, after, done.map(str::to_owned).into_iter().collect())
}

#[test]
fn the_states_of_a_family_are_as_written() {
    Page::new(
        "family.md",
        "A family of query keys",
        "What is to be told of it, and when: \
         [`invalidation/family.rs`](../../src/engine/invalidation/family.rs). The first mark is told at \
         once, those within the window after that at its end. A fleeting family was named by a payload \
         and is kept until it was told.",
    )
    .table("What follows, and what is done:", family_cell)
    .check(include_str!("../../../../docs/states/family.md"));
}
