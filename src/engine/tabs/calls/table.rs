//! The states of a call, beside everything that can happen to it.

use super::{Calls, Deed, Progress, Taken};
use crate::engine::ids::{CallId, TabId};
use crate::engine::limits::CALL_ANSWER_BYTES_MAX;
use crate::engine::tests::states::{Page, cases, cell};

const TAB: TabId = TabId(7);
const CALL: CallId = CallId(1);

cases! {
    enum Caller {
        Open => "open",
        Over => "answered",
    }
}

cases! {
    enum ToCaller {
        Another => "the app calls once more",
        Answered => "it is answered",
        AnsweredOther => "another call is answered",
        OtherUser => "the user is another one",
    }
}

fn caller(calls: &Calls) -> Caller {
    match calls.open().iter().any(|call| call.id == CALL) {
        true => Caller::Open,
        false => Caller::Over,
    }
}

fn caller_cell(state: Caller, input: ToCaller) -> String {
    let mut calls = Calls::default();
    let mut called = calls.call(Deed::Reconnect, "1").is_ok();
    match state {
        Caller::Open => {}
        Caller::Over => called &= calls.answered(CALL).is_some(),
    }
    assert!(called && caller(&calls) == state);
    let done = match input {
        ToCaller::Another => calls
            .call(Deed::Reconnect, "2")
            .ok()
            .map(|_| "say the new one"),
        ToCaller::Answered => calls.answered(CALL).map(|_| "give the answer"),
        ToCaller::AnsweredOther => calls.answered(CallId(9)).map(|_| "give the answer"),
        ToCaller::OtherUser => {
            calls.forget_all();
            None
        }
    };
    let done = done.map(str::to_owned).into_iter().collect();
    cell((state, None), (caller(&calls), None), done)
}

cases! {
    enum Leader {
        Unknown => "unknown",
        Doing => "being done",
        Done => "done",
        Known => "known to be answered",
    }
}

cases! {
    enum ToLeader {
        Called => "the tab calls",
        CalledLater => "the tab calls, and knows this answer",
        Done => "the deed is done",
        DoneLarge => "the deed is done, with a large answer",
        TabGone => "the tab is gone",
        NotLeading => "this tab does not lead any more",
    }
}

fn leader(calls: &Calls) -> Leader {
    let Some(caller) = calls.callers.get(&TAB) else {
        return Leader::Unknown;
    };
    match caller.calls.get(&CALL) {
        Some(Progress::Doing) => Leader::Doing,
        Some(Progress::Done(_)) => Leader::Done,
        None if caller.open > CALL => Leader::Known,
        None => Leader::Unknown,
    }
}

fn leader_cell(state: Leader, input: ToLeader) -> String {
    let mut calls = Calls::default();
    match state {
        Leader::Unknown => {}
        Leader::Doing => {
            calls.take(TAB, CALL, CALL);
        }
        Leader::Done => {
            calls.take(TAB, CALL, CALL);
            calls.done(TAB, CALL, "1");
        }
        Leader::Known => {
            calls.take(TAB, CallId(2), CallId(2));
        }
    }
    assert_eq!(leader(&calls), state);
    let taken = |taken| match taken {
        Taken::Do => Some("do it"),
        Taken::Ignore => None,
        Taken::Answer(_) => Some("say the answer again"),
    };
    let large = "x".repeat(CALL_ANSWER_BYTES_MAX + 1);
    let done = match input {
        ToLeader::Called => taken(calls.take(TAB, CALL, CALL)),
        ToLeader::CalledLater => taken(calls.take(TAB, CALL, CallId(2))),
        ToLeader::Done => calls.done(TAB, CALL, "1").map(|_| "say the answer"),
        ToLeader::DoneLarge => calls.done(TAB, CALL, &large).map(|_| "say the answer"),
        ToLeader::TabGone => {
            calls.forget_tab(TAB);
            None
        }
        ToLeader::NotLeading => {
            calls.give_up_lead();
            None
        }
    };
    let done = done.map(str::to_owned).into_iter().collect();
    cell((state, None), (leader(&calls), None), done)
}

#[test]
fn the_states_of_a_call_are_as_written() {
    Page::new(
        "call.md",
        "A call of a tab to its leader",
        "What a tab asks of its leader is answered once: \
         [`tabs/calls.rs`](../../src/engine/tabs/calls.rs). A call that is open is said again to each \
         new leader.",
    )
    .table("As the tab that calls sees it:", caller_cell)
    .table("As the leader sees it:", leader_cell)
    .check(include_str!("../../../../docs/states/call.md"));
}
