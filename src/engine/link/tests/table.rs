//! The states of the link, beside everything that can happen to it.

use super::rig::{Door, PING, Rig, settings};
use crate::engine::http::{Failure, Headers};
use crate::engine::ids::{ConnId, TokenId};
use crate::engine::lapse::Lapse;
use crate::engine::link::{Link, Nudge, Sighting, Stage, State, Step, Welcome};
use crate::engine::rng::Rng;
use crate::engine::status::Transport;
use crate::engine::tests::states::{Page, cases, cell};
use crate::engine::time::{Millis, Mono};
use crate::engine::token::{Token, TokenFailure};

cases! {
    enum Is {
        Idle => "idle",
        Polling => "polling",
        Asking => "asking for a token",
        Dialling => "dialling",
        Greeting => "greeting",
        Live => "live",
        Stable => "stable",
        Waiting => "waiting",
        Resting => "resting",
        NeedsAuth => "needs a login",
        Failed => "failed",
    }
}

cases! {
    enum Happens {
        Want => "wanted",
        Unwant => "not wanted any more",
        Reconnect => "the app reconnects",
        Visible => "the page is seen again",
        Resumed => "the page is back",
        Online => "the browser is online",
        Offline => "the browser is offline",
        Opened => "the connection is open",
        Welcome => "the server welcomes",
        Heard => "something is heard",
        Ping => "the server asks for a sign of life",
        Synced => "all that was asked for is there",
        GoAway => "the server will go away",
        Closed => "the connection is lost",
        ClosedOld => "an older connection is closed for good",
        SlowDown => "closed: slow down",
        TooLarge => "closed: too large",
        Unauthorized => "closed: unauthorized",
        Forbidden => "closed: forbidden",
        Refused => "refused: 403",
        NoTransport => "refused: no such transport",
        Unanswered => "no answer",
        SawServer => "a look finds the server",
        SawNothing => "a look finds nothing",
        SawBusy => "a look finds it busy",
        SawLogin => "a look finds that it wants a login",
        Token => "the app gives a token",
        NoToken => "the app's function fails",
        NeedsLogin => "the app says: nobody is logged in",
        Login => "somebody logs in",
        OtherUser => "the user is another one",
        Slept => "the machine slept for 2 hours",
        Late => "the page was away for 20 seconds",
        Say => "something is to be said",
        Due => "the moment of the state comes",
    }
}

fn is(link: &Link) -> Is {
    match &link.state {
        State::Idle => Is::Idle,
        State::Polling => Is::Polling,
        State::Asking => Is::Asking,
        State::Dialling(dialling) => match dialling.stage {
            Stage::Opening => Is::Dialling,
            Stage::Greeting => Is::Greeting,
        },
        State::Live(live) if live.is_stable() => Is::Stable,
        State::Live(_) => Is::Live,
        State::Waiting(waiting) if waiting.resting => Is::Resting,
        State::Waiting(_) => Is::Waiting,
        State::NeedsAuth => Is::NeedsAuth,
        State::Failed => Is::Failed,
    }
}

/// A link in a state; its connection, if it has one, is the last that was opened.
fn link(state: Is) -> Rig {
    let mut settings = settings(&[Transport::Socket], state == Is::Asking);
    settings.attempts_max = Some(2);
    settings.dials = state != Is::Polling;
    let mut rig = Rig::new(settings, 1);
    match state {
        Is::Idle => return rig,
        Is::Polling => rig.want(),
        Is::Asking | Is::Dialling => rig.want(),
        Is::Greeting => {
            rig.want();
            rig.run(20);
        }
        Is::Live => {
            rig.want();
            rig.run(40);
        }
        Is::Stable => {
            rig.want();
            rig.run(40);
            rig.run(20_000);
        }
        Is::Waiting => {
            // A look is under way.
            rig.down();
            rig.want();
            rig.run(3);
        }
        Is::Resting => {
            rig.down();
            rig.want();
            rig.run(60_000);
        }
        Is::NeedsAuth => {
            rig.doors[0] = Door::Closes(4401);
            rig.want();
            rig.run(2000);
        }
        Is::Failed => {
            rig.doors[0] = Door::Closes(4403);
            rig.want();
            rig.run(2000);
        }
    }
    rig.now += 1;
    assert_eq!(is(&rig.link), state);
    rig
}

fn happen(input: Happens, rig: &mut Rig) {
    let (now, rng) = (rig.time(), &mut Rng::new(9));
    let conn = rig.link.last;
    let link = &mut rig.link;
    let mut closed = |code, reason: &str| link.closed(now, conn, code, reason, rng);
    match input {
        Happens::Closed => closed(1006, ""),
        Happens::SlowDown => closed(4429, "retry_after=2000"),
        Happens::TooLarge => closed(4413, ""),
        Happens::Unauthorized => closed(4401, ""),
        Happens::Forbidden => closed(4403, ""),
        Happens::Want => link.want(now, None, rng),
        Happens::Unwant => link.unwant(now, "not wanted"),
        Happens::Reconnect => link.reconnect(now),
        Happens::Visible => link.nudge(now, Nudge::Visible),
        Happens::Resumed => link.nudge(now, Nudge::Resumed),
        Happens::Online => link.online(now, true),
        Happens::Offline => link.online(now, false),
        Happens::Opened => link.opened(now, conn),
        Happens::Welcome => {
            let welcome = Welcome {
                timeout: None,
                ping: Millis(PING),
                session: None,
                now_ms: None,
                ends: None,
            };
            link.welcome(now, conn, welcome, rng);
        }
        Happens::Heard => link.heard(now, conn),
        Happens::Ping => link.ping(now, conn, 7),
        Happens::Synced => link.synced(now),
        Happens::GoAway => link.go_away(now, Millis(0), rng),
        Happens::ClosedOld => link.closed(now, ConnId(conn.0.wrapping_sub(1)), 4403, "", rng),
        Happens::Refused => link.refused(now, conn, 403, &Headers::default(), rng),
        Happens::NoTransport => link.refused(now, conn, 405, &Headers::default(), rng),
        Happens::Unanswered => link.unanswered(now, conn, Failure::Unreachable, rng),
        Happens::SawServer => link.saw(now, Sighting::Here { after: None }, rng),
        Happens::SawNothing => link.saw(now, Sighting::Absent, rng),
        Happens::SawBusy => link.saw(now, Sighting::Busy { asked: None }, rng),
        Happens::SawLogin => link.saw(now, Sighting::Unauthorized, rng),
        Happens::Token => {
            let token = Ok(Some(Token::new("T")));
            link.token_answered(now, TokenId(1), token, rng);
        }
        Happens::NoToken => {
            link.token_answered(now, TokenId(1), Err(TokenFailure::Failed), rng);
        }
        Happens::NeedsLogin => {
            link.token_answered(now, TokenId(1), Err(TokenFailure::NeedsLogin), rng);
        }
        Happens::Login => link.logged_in(now, Some(Token::new("T"))),
        Happens::OtherUser => link.forget_user(),
        Happens::Slept => {
            let slept = Millis::minutes(120);
            let lapse = Lapse {
                slept,
                ..Lapse::default()
            };
            link.lapse(now, lapse, rng);
        }
        Happens::Late => {
            let late = Millis::seconds(20);
            let lapse = Lapse {
                late,
                ..Lapse::default()
            };
            link.lapse(now, lapse, rng);
        }
        Happens::Say => link.say(now, "hi".to_owned(), rng),
        Happens::Due => {
            if let Some(Mono(at)) = link.next_wakeup() {
                rig.now = at.max(rig.now);
                let now = rig.time();
                rig.link.tick(now, rng);
            }
        }
    }
}

fn done(step: Step) -> String {
    let words = match step {
        Step::AskToken(..) => "ask for a token",
        Step::Open(..) => "open",
        Step::Close(..) => "close",
        Step::Hello(_) => "say hello",
        Step::Pong(..) => "give a sign of life",
        Step::Ping(_) => "ask for a sign of life",
        Step::Authorize(_) => "give the token",
        Step::Frame(..) => "say it",
        Step::Post { .. } => "post",
        Step::Poll { .. } => "poll",
        Step::End(_) => "say that it is given up",
        Step::Look(_) => "look",
        Step::StopLooking => "stop looking",
        Step::Up => "up",
        Step::Down => "down",
        Step::TooLarge => "tell that it was too large",
    };
    words.to_owned()
}

#[test]
fn the_states_of_the_link_are_as_written() {
    Page::new(
        "link.md",
        "The link",
        "The one connection of a browser to its server, here over a socket: \
         [`link/`](../../src/engine/link/mod.rs). What is said of a connection is said of the last one \
         that was opened. While the server goes away, while a better transport is tried and while \
         answers are slow the link is as good as any other.",
    )
    .table(
        "What follows, and what is done:",
        |state: Is, input: Happens| {
            let mut rig = link(state);
            let before = (state, rig.link.next_wakeup());
            happen(input, &mut rig);
            let steps = std::iter::from_fn(|| rig.link.poll()).map(done).collect();
            cell(before, (is(&rig.link), rig.link.next_wakeup()), steps)
        },
    )
    .check(include_str!("../../../../docs/states/link.md"));
}
