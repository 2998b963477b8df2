//! The states of a lane, beside everything that can happen to it.

use std::rc::Rc;

use super::{Front, Lanes};
use crate::engine::ids::TabId;
use crate::engine::queue::MutationId;
use crate::engine::tests::states::{Page, cases, cell};
use crate::engine::time::{Millis, Mono};

cases! {
    enum Is {
        Empty => "empty",
        Ready => "ready",
        Timed => "waits for its moment",
        Parked => "parked",
        Gone => "on its way",
        Stopped => "stopped",
        StoppedEmpty => "stopped, empty",
        Behind => "behind a barrier",
    }
}

cases! {
    enum Happens {
        Insert => "another one comes behind it",
        InsertTimed => "another one comes that waits",
        Older => "an older one comes",
        Next => "one may go",
        Taken => "another tab has it on its way",
        PutBack => "it is brought back",
        PutBackLater => "it is brought back, for later",
        Park => "nobody has its function",
        Unpark => "somebody has its function",
        Hurry => "what only waits for a newer one may go",
        HurryAll => "every wait is over",
        Stop => "the lane is stopped for its sake",
        GoOn => "the lane goes on",
        Removed => "it is through",
        BarrierOver => "the barrier is through",
        Due => "the moment comes",
    }
}

const NOW: Mono = Mono(1_000_000);

fn id(order: u64) -> MutationId {
    MutationId {
        order,
        tab: TabId(1),
    }
}

fn lane() -> Rc<str> {
    "a".into()
}

fn is(lanes: &Lanes) -> Is {
    let Some(lane) = lanes.lanes.get("a") else {
        return Is::Empty;
    };
    let barrier = lanes
        .barriers
        .first()
        .is_some_and(|barrier| *barrier < id(5));
    match (lane.gone, lane.stopped, lane.front) {
        (Some(_), _, _) => Is::Gone,
        (None, Some(_), _) if lane.row.is_empty() => Is::StoppedEmpty,
        (None, Some(_), _) => Is::Stopped,
        (None, None, Front::Unlisted) if lane.row.is_empty() => Is::Empty,
        (None, None, Front::Unlisted) => Is::Parked,
        (None, None, Front::Ready(_)) if barrier => Is::Behind,
        (None, None, Front::Ready(_)) => Is::Ready,
        (None, None, Front::Timed(_)) => Is::Timed,
    }
}

/// A lane with one mutation in it, number 5.
fn lanes(state: Is) -> Lanes {
    let mut lanes = Lanes::default();
    let later = Some(NOW + Millis::seconds(1));
    match state {
        Is::Empty | Is::StoppedEmpty => {}
        Is::Ready | Is::Parked | Is::Gone | Is::Stopped => {
            lanes.insert(NOW, &lane(), id(5), None, false);
        }
        Is::Timed => lanes.insert(NOW, &lane(), id(5), later, false),
        Is::Behind => {
            lanes.insert(NOW, &"b".into(), id(3), None, true);
            lanes.insert(NOW, &lane(), id(5), None, false);
        }
    }
    match state {
        Is::Empty | Is::Ready | Is::Timed | Is::Behind => {}
        Is::Parked => lanes.park(NOW, &lane(), id(5), true),
        Is::Gone => assert_eq!(lanes.next(NOW, Some(id(5))), Some(id(5))),
        Is::Stopped | Is::StoppedEmpty => lanes.stop(NOW, &lane(), id(5)),
    }
    assert_eq!(is(&lanes), state);
    lanes
}

fn happen(input: Happens, lanes: &mut Lanes) -> &'static str {
    let (name, later) = (lane(), Some(NOW + Millis::seconds(5)));
    match input {
        Happens::Insert => lanes.insert(NOW, &name, id(6), None, false),
        Happens::InsertTimed => lanes.insert(NOW, &name, id(6), later, false),
        Happens::Older => lanes.insert(NOW, &name, id(4), None, false),
        Happens::Next => {
            // Whatever waits elsewhere is older than what is here.
            let first = lanes.barriers.first().copied().or(Some(id(5)));
            return match lanes.next(NOW, first) {
                Some(went) if went == id(5) => "it goes",
                Some(_) => "the barrier goes",
                None => "",
            };
        }
        Happens::Taken => {
            if !lanes.take(NOW, &name, id(5)) {
                return "no";
            }
        }
        Happens::PutBack => lanes.put_back(NOW, &name, id(5), None),
        Happens::PutBackLater => lanes.put_back(NOW, &name, id(5), later),
        Happens::Park => lanes.park(NOW, &name, id(5), true),
        Happens::Unpark => lanes.park(NOW, &name, id(5), false),
        Happens::Hurry => lanes.hurry(NOW, &name),
        Happens::HurryAll => lanes.hurry_all(NOW),
        Happens::Stop => lanes.stop(NOW, &name, id(5)),
        Happens::GoOn => lanes.go_on(NOW, &name, id(5)),
        Happens::Removed => lanes.remove(NOW, &name, id(5)),
        Happens::BarrierOver => lanes.remove(NOW, &"b".into(), id(3)),
        Happens::Due => lanes.fire(lanes.next_wakeup().unwrap_or(NOW)),
    }
    ""
}

#[test]
fn the_states_of_a_lane_are_as_written() {
    Page::new(
        "lane.md",
        "A lane of the queue",
        "What of it may go next: [`queue/lanes.rs`](../../src/engine/queue/lanes.rs). There is one \
         mutation in it, and what happens to one happens to that. The barrier is in another lane.",
    )
    .table(
        "What follows, and what is done:",
        |state: Is, input: Happens| {
            let mut lanes = lanes(state);
            let before = (state, lanes.next_wakeup());
            let done = Some(happen(input, &mut lanes)).filter(|done| !done.is_empty());
            let done = done.map(str::to_owned).into_iter().collect();
            cell(before, (is(&lanes), lanes.next_wakeup()), done)
        },
    )
    .check(include_str!("../../../../docs/states/lane.md"));
}
