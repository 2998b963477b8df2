//! The states of a person in a room, beside everything that can happen to it.

use std::rc::Rc;

use super::{People, State};
use crate::engine::limits::{PRESENCE_TTL, TYPING_TTL};
use crate::engine::tests::states::{Page, cases, cell};
use crate::engine::time::Mono;

cases! {
    enum Is {
        Elsewhere => "this tab is not there",
        Waiting => "nobody is known yet",
        WaitingThere => "there, all is to be told anew",
        Absent => "not there",
        There => "there",
        Typing => "there, types",
    }
}

cases! {
    enum Happens {
        Enter => "this tab comes",
        Leave => "this tab leaves",
        AllWith => "everybody is told, and it is there",
        AllWithout => "everybody is told, and it is not there",
        Joins => "it comes, or shows something else",
        Types => "it types",
        JoinsOld => "what it showed before is told",
        Leaves => "it leaves",
        LeavesOld => "it left, before it came",
        Relinked => "the link is another one",
        Stops => "6 seconds pass",
        Silent => "it is silent for a minute",
    }
}

const NOW: Mono = Mono(1_000_000);
const CHANNEL: &str = "c";

fn shows(reference: u64, tab: &str) -> Rc<str> {
    format!(r#"{{"jane":{{"ref":{reference},"user":"j","data":{{"tabs":{{"t":{tab}}}}}}}}}"#).into()
}

const HERE: &str = r#"{"active":true}"#;
const TYPES: &str = r#"{"active":true,"typing":"title","typed":1}"#;

fn hear(people: &mut People, full: bool, join: Rc<str>, leave: &str) {
    people.hear(NOW, CHANNEL, full, join, leave.into());
}

fn is(people: &People) -> Is {
    let Some(room) = people.rooms.get(CHANNEL) else {
        return Is::Elsewhere;
    };
    let jane = room.clients.get("jane");
    match (&room.state, jane) {
        (State::Waiting(_), None) => Is::Waiting,
        (State::Waiting(_), Some(_)) => Is::WaitingThere,
        (State::Known, None) => Is::Absent,
        (State::Known, Some(client)) if client.typing.iter().all(|at| at.2.is_none()) => Is::There,
        (State::Known, Some(_)) => Is::Typing,
    }
}

fn people(state: Is) -> People {
    let mut people = People::default();
    if state == Is::Elsewhere {
        return people;
    }
    people.enter(CHANNEL.into());
    match state {
        Is::Elsewhere | Is::Waiting => {}
        Is::Absent => hear(&mut people, true, "{}".into(), "{}"),
        Is::There | Is::WaitingThere => hear(&mut people, true, shows(5, HERE), "{}"),
        Is::Typing => hear(&mut people, true, shows(5, TYPES), "{}"),
    }
    if state == Is::WaitingThere {
        people.link_changed();
    }
    people.due(NOW);
    assert_eq!(is(&people), state);
    people
}

fn happen(input: Happens, people: &mut People) -> Mono {
    let nobody = || Rc::from("{}");
    match input {
        Happens::Enter => people.enter(CHANNEL.into()),
        Happens::Leave => people.leave(CHANNEL),
        Happens::AllWith => hear(people, true, shows(6, r#"{"meta":{"x":1}}"#), "{}"),
        Happens::AllWithout => hear(people, true, nobody(), "{}"),
        Happens::Joins => hear(people, false, shows(6, r#"{"meta":{"x":1}}"#), "{}"),
        Happens::Types => hear(people, false, shows(6, TYPES), "{}"),
        Happens::JoinsOld => hear(people, false, shows(2, TYPES), "{}"),
        Happens::Leaves => hear(people, false, nobody(), r#"{"jane":6}"#),
        Happens::LeavesOld => hear(people, false, nobody(), r#"{"jane":2}"#),
        Happens::Relinked => people.link_changed(),
        Happens::Stops => {
            people.tick(NOW + TYPING_TTL);
            return NOW + TYPING_TTL;
        }
        Happens::Silent => {
            people.tick(NOW + PRESENCE_TTL);
            return NOW + PRESENCE_TTL;
        }
    }
    NOW
}

#[test]
fn the_states_of_a_person_are_as_written() {
    Page::new(
        "person.md",
        "A person in a room",
        "Who is on a channel, as one tab sees it: [`room/people.rs`](../../src/engine/room/people.rs). What \
         is told of a person has a number that grows; that of the person here is 5.",
    )
    .table("What follows, and what the app is told in its time:", |state: Is, input: Happens| {
        let mut people = people(state);
        let before = (state, people.next_wakeup());
        let now = happen(input, &mut people);
        let after = (is(&people), people.next_wakeup());
        let told = people.due(now + crate::engine::limits::PRESENCE_TELL);
        let mut words = Vec::new();
        for told in told {
            words.push("tell who is there".to_owned());
            if told.typing.is_some() {
                words.push("tell who types".to_owned());
            }
        }
        cell(before, after, words)
    })
    .check(include_str!("../../../../docs/states/person.md"));
}
