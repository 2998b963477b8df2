//! What the tests of this part share.
#![allow(clippy::unwrap_used)]

mod rescue;

use std::rc::Rc;

use proptest::prelude::*;

use super::*;
use crate::engine::hlc::Hlc;
use crate::engine::time::Wall;

/// JSON values as text.
fn json() -> impl Strategy<Value = Rc<str>> {
    prop::sample::select(vec![
        "null",
        "7",
        r#""a \"b\" \u00e9 \ud800""#,
        r#"{"a":[1,{"b":null}],"c":"d"}"#,
        "[]",
    ])
    .prop_map(Rc::from)
}

pub(super) fn mutations() -> impl Strategy<Value = Mutation> {
    let names = "[a-zA-Z0-9:/ \"\u{e9}]{1,12}";
    let kinds = prop::sample::select(vec![Kind::Plain, Kind::Text, Kind::Form]);
    (
        (0..1u64 << 52, any::<u64>(), names, names, 0..9u64),
        (
            json(),
            prop::option::of(json()),
            kinds,
            prop::option::of(names),
        ),
        (any::<bool>(), 0..1u64 << 45),
    )
        .prop_map(
            |((order, tab, name, lane, version), (vars, base, kind, coalesce), rest)| {
                let tab = TabId(tab);
                let at = Wall(rest.1);
                let now = Now {
                    mono: Mono(0),
                    wall: at,
                };
                Mutation {
                    id: MutationId { order, tab },
                    name: name.into(),
                    version,
                    lane: lane.into(),
                    vars,
                    base,
                    kind,
                    coalesce: coalesce.map(Rc::from),
                    barrier: rest.0,
                    at,
                    stamp: Hlc::new(tab).stamp(now),
                }
            },
        )
}

pub(super) fn letters() -> impl Strategy<Value = Letter> {
    let whys = prop::sample::select(vec![Why::Rejected, Why::Exhausted, Why::Conflict]);
    (
        (whys, prop::option::of(100..600u64), json(), any::<bool>()),
        (0..9u32, 0..9u32, 0..9u32, prop::option::of(json())),
    )
        .prop_map(
            |((why, status, body, stops), (attempts, renewed, rounds, theirs))| Letter {
                why,
                status,
                fields: (why == Why::Conflict).then(|| r#"["a"]"#.into()),
                body,
                attempts,
                stops,
                at: Wall(5),
                again: Again {
                    renewed,
                    rounds,
                    theirs,
                },
            },
        )
}
