//! The states of the gate, beside everything that can happen to it.

use super::{Gate, Shows, State};
use crate::engine::rng::Rng;
use crate::engine::tests::states::{Page, cases, cell};
use crate::engine::time::{Millis, Mono};

cases! {
    enum Is {
        Open => "open",
        Trial => "trial",
        Shut => "shut",
        Auth => "needs a login",
        Calm => "calm",
        CalmShut => "calm and shut",
        CalmAuth => "calm and needs a login",
        OpenOffline => "open, offline",
        TrialOffline => "trial, offline",
        ShutOffline => "shut, offline",
        AuthOffline => "needs a login, offline",
        CalmOffline => "calm, offline",
    }
}

cases! {
    enum Happens {
        Answered => "the server answers",
        Welcomed => "the server does something",
        NoNetwork => "there is no answer",
        SlowDown => "the server asks to slow down",
        Unauthorized => "the server wants a login",
        Login => "there is a new login",
        LoginAgain => "there is a new login, the second in a row",
        Online => "the browser is online",
        Offline => "the browser is offline",
        Linked => "there is a link to the server",
        Hurry => "the user wants it now",
        Early => "some time passes",
        Due => "the moment comes",
    }
}

const NOW: Mono = Mono(1_000_000);

fn is(gate: &Gate) -> Is {
    let calm = gate.calm.is_some();
    match (gate.state, gate.online) {
        (State::Shut { .. }, true) if calm => Is::CalmShut,
        (State::Auth { .. }, true) if calm => Is::CalmAuth,
        (State::Open | State::Trial { .. }, true) if calm => Is::Calm,
        (_, false) if calm => Is::CalmOffline,
        (State::Open, true) => Is::Open,
        (State::Trial { .. }, true) => Is::Trial,
        (State::Shut { .. }, true) => Is::Shut,
        (State::Auth { .. }, true) => Is::Auth,
        (State::Open, false) => Is::OpenOffline,
        (State::Trial { .. }, false) => Is::TrialOffline,
        (State::Shut { .. }, false) => Is::ShutOffline,
        (State::Auth { .. }, false) => Is::AuthOffline,
    }
}

fn gate(state: Is) -> Gate {
    let mut gate = Gate::new(true);
    match state {
        Is::Trial | Is::TrialOffline => {}
        Is::Open | Is::OpenOffline => gate.answered(),
        Is::Shut | Is::ShutOffline | Is::CalmShut => {
            gate.no_network(NOW, &mut Rng::new(1));
        }
        Is::Auth | Is::AuthOffline | Is::CalmAuth => {
            assert!(gate.unauthorized(NOW, gate.login()));
        }
        Is::Calm | Is::CalmOffline => {}
    }
    match state {
        Is::Calm | Is::CalmOffline | Is::CalmShut | Is::CalmAuth => {
            gate.slow_down(NOW, Some(Millis(5000)), &mut Rng::new(1));
        }
        Is::Open | Is::Trial | Is::Shut | Is::Auth => {}
        Is::OpenOffline | Is::TrialOffline | Is::ShutOffline | Is::AuthOffline => {}
    }
    match state {
        Is::Open | Is::Trial | Is::Shut | Is::Auth => {}
        Is::Calm | Is::CalmShut | Is::CalmAuth => {}
        Is::OpenOffline | Is::TrialOffline | Is::ShutOffline | Is::AuthOffline => {
            gate.online(false);
        }
        Is::CalmOffline => {
            gate.online(false);
        }
    }
    assert_eq!(is(&gate), state);
    gate
}

fn happen(input: Happens, gate: &mut Gate) -> &'static str {
    let rng = &mut Rng::new(2);
    match input {
        Happens::Answered => gate.answered(),
        Happens::Welcomed => gate.welcomed(),
        Happens::NoNetwork => {
            gate.no_network(NOW, rng);
        }
        Happens::SlowDown => {
            gate.slow_down(NOW, Some(Millis(9000)), rng);
        }
        Happens::Unauthorized => {
            if gate.unauthorized(NOW, gate.login()) {
                return "ask for a login";
            }
        }
        Happens::Login => gate.authorized(NOW, rng),
        Happens::LoginAgain => {
            gate.refused = 2;
            gate.authorized(NOW, rng);
        }
        Happens::Online => {
            if gate.online(true) {
                return "send what waits";
            }
        }
        Happens::Offline => {
            gate.online(false);
        }
        Happens::Linked => {
            if gate.network_back() {
                return "send what waits";
            }
        }
        Happens::Hurry => gate.hurry(),
        Happens::Early => {
            gate.tick(NOW + Millis(1));
        }
        Happens::Due => {
            if gate.tick(NOW + Millis::minutes(10)) {
                return "send one";
            }
        }
    }
    ""
}

#[test]
fn the_states_of_the_gate_are_as_written() {
    for &state in <Is as crate::engine::tests::states::Case>::ALL {
        let gate = gate(state);
        let many = match gate.shows() {
            Shows::Open if state == Is::Trial => 1,
            Shows::Open => 4,
            Shows::Offline | Shows::Waiting(_) | Shows::Auth => 0,
        };
        assert_eq!(gate.limit(4), many, "{state:?}");
    }
    Page::new(
        "gate.md",
        "The gate of the queue",
        "May anything be sent at all: [`queue/gate.rs`](../../src/engine/queue/gate.rs). Open: as many as \
         may be at a time. Trial: one alone. In all other states nothing is sent, and nothing while the \
         browser is offline. Calm: the server asked to slow down.",
    )
    .table("What follows, and what is done:", |state: Is, input: Happens| {
        let mut gate = gate(state);
        let before = (state, gate.next_wakeup());
        let done = Some(happen(input, &mut gate)).filter(|done| !done.is_empty());
        let done = done.map(str::to_owned).into_iter().collect();
        cell(before, (is(&gate), gate.next_wakeup()), done)
    })
    .check(include_str!("../../../../docs/states/gate.md"));
}
