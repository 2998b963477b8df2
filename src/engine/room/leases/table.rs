//! The states of a lease, beside everything that can happen to it.

use super::{Ask, Facts, Fence, Held, Input, Say, State, Why};
use crate::engine::limits::LEASE_ASK_TIMEOUT;
use crate::engine::tests::states::{Page, cases, cell};
use crate::engine::time::{Millis, Mono};

cases! {
    enum Is {
        Free => "free",
        Asking => "asking",
        Held => "held",
        Edited => "held, edited",
        Renewing => "held, asks for more",
        Expired => "lost: expired",
        Taken => "lost: taken",
        Refused => "lost: refused",
        Other => "somebody else's",
    }
}

cases! {
    enum Happens {
        Take => "the user wants to edit",
        Edit => "the user edits",
        Release => "the user is done",
        Granted => "it is granted",
        GrantedOther => "it is granted, with another fence",
        GrantedOld => "an older question is granted",
        Locked => "somebody else has it",
        Denied => "it is refused",
        DeniedOld => "an older question is refused",
        Taken => "somebody else got it later",
        TakenBefore => "somebody else got it before",
        Freed => "a later lease ended",
        FreedBefore => "an earlier lease ended",
        LinkUp => "there is a link",
        LinkDown => "the link is lost",
        Soon => "a quarter of its time is over",
        NoAnswer => "no answer comes",
        End => "its time is over",
        EndUnlinked => "its time is over, without a link",
    }
}

const NOW: Mono = Mono(1_000_000);
const TTL: Millis = Millis::seconds(30);
const ASKED: Ask = Ask(3);
const FENCE: Fence = Fence(5);

fn is(state: &State) -> Is {
    match state {
        State::Free => Is::Free,
        State::Asking { .. } => Is::Asking,
        State::Held(held) => match (held.asked, held.edited) {
            (Some(_), _) => Is::Renewing,
            (None, true) => Is::Edited,
            (None, false) => Is::Held,
        },
        State::Lost(Why::Expired) => Is::Expired,
        State::Lost(Why::Taken) => Is::Taken,
        State::Lost(Why::Refused) => Is::Refused,
        State::Other { .. } => Is::Other,
    }
}

fn state(of: Is) -> State {
    let held = Held::granted(FENCE, NOW, TTL);
    let state = match of {
        Is::Free => State::Free,
        Is::Asking => State::Asking {
            ask: ASKED,
            since: NOW,
        },
        Is::Held => State::Held(held),
        Is::Edited => State::Held(Held {
            edited: true,
            ..held
        }),
        Is::Renewing => State::Held(Held {
            edited: true,
            asked: Some((ASKED, NOW)),
            ..held
        }),
        Is::Expired => State::Lost(Why::Expired),
        Is::Taken => State::Lost(Why::Taken),
        Is::Refused => State::Lost(Why::Refused),
        Is::Other => State::Other {
            holder: Some("{}".into()),
            until: NOW + TTL,
        },
    };
    assert_eq!(is(&state), of);
    state
}

/// What happens, when, and whether there is a link.
fn input(of: Happens) -> (Input, Mono, bool) {
    let granted = |ask, fence| Input::Granted {
        ask,
        fence,
        ttl: TTL,
    };
    let denied = |ask, locked| Input::Denied { ask, locked };
    let taken = |fence| Input::Taken {
        fence,
        holder: "{}".into(),
        ttl: TTL,
    };
    let (later, before) = (Fence(9), Fence(2));
    let now = |input| (input, NOW, true);
    match of {
        Happens::Take => now(Input::Take),
        Happens::Edit => now(Input::Edit),
        Happens::Release => now(Input::Release),
        Happens::Granted => now(granted(ASKED, FENCE)),
        Happens::GrantedOther => now(granted(ASKED, later)),
        Happens::GrantedOld => now(granted(Ask(1), later)),
        Happens::Locked => now(denied(ASKED, true)),
        Happens::Denied => now(denied(ASKED, false)),
        Happens::DeniedOld => now(denied(Ask(1), false)),
        Happens::Taken => now(taken(later)),
        Happens::TakenBefore => now(taken(before)),
        Happens::Freed => now(Input::Freed { fence: later }),
        Happens::FreedBefore => now(Input::Freed { fence: before }),
        Happens::LinkUp => now(Input::LinkUp),
        Happens::LinkDown => (Input::LinkDown, NOW, false),
        Happens::Soon => (Input::Due, NOW + Millis(TTL.0 / 4), true),
        Happens::NoAnswer => (Input::Due, NOW + LEASE_ASK_TIMEOUT, true),
        Happens::End => (Input::Due, NOW + TTL, true),
        Happens::EndUnlinked => (Input::Due, NOW + TTL, false),
    }
}

fn lease_cell(of: Is, what: Happens) -> String {
    let (input, now, linked) = input(what);
    let before = state(of);
    let moment = before.moment(true);
    let facts = Facts {
        now,
        linked,
        ask: Ask(4),
    };
    let (after, say) = before.step(input, facts);
    let say = say.map(|say| match say {
        Say::Ask { fence: None, .. } => "ask",
        Say::Ask { fence: Some(_), .. } => "ask for more",
        Say::GiveBack { .. } => "give it back",
    });
    let said = say.map(str::to_owned).into_iter().collect();
    cell((of, moment), (is(&after), after.moment(linked)), said)
}

#[test]
fn the_states_of_a_lease_are_as_written() {
    Page::new(
        "lease.md",
        "A lease of a field",
        "May this tab edit a field: [`room/leases.rs`](../../src/engine/room/leases.rs). A lease lasts 30 \
         seconds; the one that is held has fence 5, and fences grow.",
    )
    .table("What follows, and what is said:", lease_cell)
    .check(include_str!("../../../../docs/states/lease.md"));
}
