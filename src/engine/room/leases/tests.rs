#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

const TTL: Millis = Millis(30_000);

fn field(name: &str) -> Field {
    Field {
        channel: "c".into(),
        name: name.into(),
    }
}

fn jane() -> Rc<str> {
    r#"{"user":"jane"}"#.into()
}

fn on(leases: &mut Leases, now: u64, input: Input) -> Vec<Step> {
    leases.on(Mono(now), field("title"), input).unwrap();
    std::iter::from_fn(|| leases.poll()).collect()
}

fn said(steps: &[Step]) -> Vec<Say> {
    let says = steps.iter().filter_map(|step| match step {
        Step::Say(_, say) => Some(*say),
        Step::Tell(..) => None,
    });
    says.collect()
}

fn state(leases: &Leases) -> Option<State> {
    leases
        .fields
        .get(&field("title"))
        .map(|lease| lease.state.clone())
}

fn granted(ask: u64, fence: u64) -> Input {
    Input::Granted {
        ask: Ask(ask),
        fence: Fence(fence),
        ttl: TTL,
    }
}

fn denied(ask: u64) -> Input {
    Input::Denied {
        ask: Ask(ask),
        locked: true,
    }
}

fn taken(fence: u64) -> Input {
    Input::Taken {
        fence: Fence(fence),
        holder: jane(),
        ttl: TTL,
    }
}

fn ask(ask: u64, fence: Option<u64>) -> Say {
    Say::Ask {
        ask: Ask(ask),
        fence: fence.map(Fence),
    }
}

fn back(fence: u64) -> Say {
    Say::GiveBack {
        fence: Fence(fence),
    }
}

fn linked() -> Leases {
    let mut leases = Leases::default();
    leases.link(Mono(0), true);
    leases
}

/// Holds `title` with fence 5, asked for at 1000.
fn holding() -> Leases {
    let mut leases = linked();
    assert_eq!(said(&on(&mut leases, 1000, Input::Take)), [ask(1, None)]);
    on(&mut leases, 1500, granted(1, 5));
    assert!(matches!(state(&leases), Some(State::Held(held)) if held.fence == Fence(5)));
    leases
}

/// One letter a state, and what is said.
fn short(state: &State, say: Option<Say>) -> String {
    let state = match state {
        State::Free => "free",
        State::Asking { .. } => "asking",
        State::Held(_) => "held",
        State::Lost(Why::Expired) => "expired",
        State::Lost(Why::Taken) => "taken",
        State::Lost(Why::Refused) => "refused",
        State::Other { .. } => "other",
    };
    let say = match say {
        None => String::new(),
        Some(Say::Ask { fence: None, .. }) => " ask".to_owned(),
        Some(Say::Ask { fence: Some(_), .. }) => " keep".to_owned(),
        Some(Say::GiveBack { fence }) => format!(" back{}", fence.0),
    };
    format!("{state}{say}")
}

#[test]
fn every_cell_of_the_table() {
    let held = |asked| {
        State::Held(Held {
            asked,
            ..Held::granted(Fence(5), Mono(1000), TTL)
        })
    };
    let since = Mono(1000);
    let states = [
        State::Free,
        State::Lost(Why::Expired),
        State::Other {
            holder: None,
            until: Mono(1500),
        },
        State::Asking { ask: Ask(3), since },
        held(None),
        held(Some((Ask(3), since))),
    ];
    let inputs = [
        Input::Take,
        Input::Edit,
        Input::Release,
        granted(3, 5),
        granted(3, 6),
        granted(2, 4),
        denied(3),
        denied(2),
        taken(9),
        Input::Freed { fence: Fence(9) },
        Input::LinkUp,
        Input::LinkDown,
        Input::Due,
    ];
    let facts = Facts {
        now: Mono(2000),
        linked: true,
        ask: Ask(4),
    };
    let row = |state: &State| -> Vec<String> {
        let cell = |input: &Input| {
            let (after, say) = state.clone().step(input.clone(), facts);
            short(&after, say)
        };
        inputs.iter().map(cell).collect()
    };
    let table: Vec<String> = states.iter().map(|state| row(state).join(" | ")).collect();
    let expected = [
        "asking ask | asking ask | free | free back5 | free back6 | free back4 | free | free | other | free | free | free | free",
        "asking ask | asking ask | free | expired back5 | expired back6 | expired back4 | expired | expired | expired | expired | expired | expired | expired",
        "asking ask | asking ask | other | other back5 | other back6 | other back4 | other | other | other | free | other | other | free",
        "asking | asking | free | held | held | asking back4 | other | asking | asking | asking | asking ask | asking | asking",
        "held | held | free back5 | held | held back6 | held back4 | held | held | taken | taken | held keep | held | held",
        "held | held | free back5 | held | taken back6 | held back4 | taken | held | taken | taken | held keep | held | held",
    ];
    assert_eq!(table, expected);
}

#[test]
fn it_ends_before_the_server_ends_it_counted_from_the_question() {
    let mut leases = holding();
    let end = 1000 + TTL.0 - LEASE_MARGIN.0;
    assert_eq!(leases.next_wakeup(), Some(Mono(end)));
    leases.tick(Mono(end - 1));
    assert_eq!(leases.poll(), None);
    leases.tick(Mono(end));
    let steps: Vec<Step> = std::iter::from_fn(|| leases.poll()).collect();
    assert_eq!(said(&steps), [back(5)]);
    assert_eq!(state(&leases), Some(State::Lost(Why::Expired)));
    assert!(
        matches!(steps[1], Step::Tell(_, State::Lost(Why::Expired))),
        "told at once"
    );
}

#[test]
fn it_is_renewed_at_a_quarter_while_the_user_edits_and_not_while_he_is_away() {
    let mut leases = holding();
    assert_eq!(on(&mut leases, 5000, Input::Edit), []);
    assert_eq!(leases.next_wakeup(), Some(Mono(1000 + TTL.0 / 4)));
    leases.tick(Mono(1000 + TTL.0 / 4));
    let field = field("title");
    assert_eq!(leases.poll(), Some(Step::Say(field, ask(2, Some(5)))));
    on(&mut leases, 8700, granted(2, 5));
    // Nobody edits any more: the next moment is the end.
    assert_eq!(
        leases.next_wakeup(),
        Some(Mono(1000 + TTL.0 / 4 + TTL.0 - LEASE_MARGIN.0))
    );
}

#[test]
fn a_grant_that_comes_after_the_release_is_given_back() {
    let mut leases = linked();
    on(&mut leases, 0, Input::Take);
    assert_eq!(said(&on(&mut leases, 10, Input::Release)), []);
    assert_eq!(said(&on(&mut leases, 20, granted(1, 5))), [back(5)]);
    // And one that answers the question before the release, when there is a new one.
    on(&mut leases, 30, Input::Take);
    on(&mut leases, 40, Input::Release);
    assert_eq!(said(&on(&mut leases, 50, Input::Take)), [ask(3, None)]);
    assert_eq!(said(&on(&mut leases, 60, granted(2, 6))), [back(6)]);
    on(&mut leases, 70, granted(3, 7));
    assert!(matches!(state(&leases), Some(State::Held(_))));
}

#[test]
fn after_a_lost_link_it_is_asked_for_with_the_old_fence_and_a_loss_is_accepted() {
    let mut leases = holding();
    leases.link(Mono(2000), false);
    assert!(
        matches!(state(&leases), Some(State::Held(_))),
        "its time is not over"
    );
    leases.link(Mono(8000), true);
    assert_eq!(
        leases.poll(),
        Some(Step::Say(field("title"), ask(2, Some(5))))
    );
    let steps = on(&mut leases, 8100, denied(2));
    assert_eq!(steps, [Step::Tell(field("title"), State::Lost(Why::Taken))]);
}

#[test]
fn what_is_said_of_older_grants_is_old() {
    let mut leases = holding();
    assert_eq!(on(&mut leases, 2000, taken(5)), [], "our own");
    assert_eq!(on(&mut leases, 2000, Input::Freed { fence: Fence(4) }), []);
    on(&mut leases, 2100, Input::Release);
    assert_eq!(on(&mut leases, 2200, taken(5)), [], "our own, late");
    on(&mut leases, 2300, taken(6));
    assert!(matches!(state(&leases), Some(State::Other { .. })));
    on(&mut leases, 2400, Input::Freed { fence: Fence(5) });
    assert!(matches!(state(&leases), Some(State::Other { .. })));
    on(&mut leases, 2500, Input::Freed { fence: Fence(6) });
    assert_eq!(state(&leases), Some(State::Free));
}

#[test]
fn a_holder_that_goes_on_is_shown_for_longer() {
    let mut leases = linked();
    on(&mut leases, 0, taken(6));
    assert_eq!(
        on(&mut leases, 20_000, taken(6)),
        [],
        "nothing new to the app"
    );
    leases.tick(Mono(TTL.0));
    assert!(matches!(state(&leases), Some(State::Other { .. })));
    leases.tick(Mono(20_000 + TTL.0));
    assert_eq!(state(&leases), Some(State::Free));
    on(&mut leases, 60_000, Input::Freed { fence: Fence(6) });
    on(&mut leases, 60_001, taken(6));
    assert_eq!(
        state(&leases),
        Some(State::Free),
        "it is over, and this was late"
    );
}

#[test]
fn who_is_refused_knows_who_has_it() {
    let mut leases = linked();
    on(&mut leases, 0, taken(6));
    on(&mut leases, 1000, Input::Take);
    let ask = leases.last;
    on(&mut leases, 1001, Input::Denied { ask, locked: true });
    let Some(State::Other { holder, until }) = state(&leases) else {
        panic!("somebody else has it");
    };
    assert_eq!((holder.is_some(), until), (true, Mono(TTL.0)));
}

#[test]
fn what_ends_in_sleep_is_over_when_the_machine_wakes_up() {
    let mut leases = holding();
    leases.slept(TTL);
    let steps = on(&mut leases, 2000, Input::Edit);
    assert!(
        matches!(
            steps[..],
            [Step::Say(_, Say::GiveBack { .. }), Step::Tell(..)]
        ),
        "{steps:?}"
    );
    assert_eq!(state(&leases), Some(State::Lost(Why::Expired)));
}

#[test]
fn a_holder_that_vanished_is_not_shown_for_ever() {
    let mut leases = linked();
    on(&mut leases, 0, taken(6));
    assert_eq!(leases.next_wakeup(), Some(Mono(TTL.0)));
    leases.tick(Mono(TTL.0));
    assert_eq!(state(&leases), Some(State::Free));
}

#[test]
fn fields_have_a_bound_and_ours_come_first() {
    let mut leases = linked();
    for n in 0..LEASES_MAX * 2 {
        let _ = leases.on(Mono(0), field(&format!("o{n}")), taken(1));
    }
    assert_eq!(leases.fields.len(), LEASES_MAX);
    for n in 0..LEASES_MAX {
        leases
            .on(Mono(0), field(&format!("m{n}")), Input::Take)
            .unwrap();
    }
    assert_eq!(leases.fields.len(), LEASES_MAX);
    let one_more = leases.on(Mono(0), field("one more"), Input::Take);
    assert_eq!(one_more, Err(TooManyLeases));
    leases.on(Mono(0), field("o"), taken(1)).unwrap();
    assert_eq!(leases.fields.len(), LEASES_MAX);
}

/// A server with one field, as the protocol has it.
#[derive(Default)]
struct Server {
    last: u64,
    /// Fence and end.
    held: Option<(u64, u64)>,
}

impl Server {
    fn hear(&mut self, now: u64, say: Say) -> Option<Input> {
        if self.held.is_some_and(|(_, until)| until <= now) {
            self.held = None;
        }
        match say {
            Say::GiveBack { fence } => {
                if self.held.is_some_and(|(have, _)| have == fence.0) {
                    self.held = None;
                }
                None
            }
            Say::Ask { ask, fence } => {
                let own = fence.map(|fence| fence.0);
                match self.held {
                    Some((have, _)) if own == Some(have) => {
                        self.held = Some((have, now + TTL.0));
                        Some(granted(ask.0, have))
                    }
                    None if own.is_none() => {
                        self.last += 1;
                        self.held = Some((self.last, now + TTL.0));
                        Some(granted(ask.0, self.last))
                    }
                    _ => Some(denied(ask.0)),
                }
            }
        }
    }
}

proptest! {
    /// Two tabs and a slow network that loses links: never do both believe to hold the field, and
    /// in the end, when both let go, the server has nothing that is held.
    #[test]
    fn two_tabs_never_hold_one_field(
        steps in prop::collection::vec((0usize..2, 0u8..6, 1u64..9000), 1..60),
    ) {
        let mut server = Server::default();
        let mut tabs = [linked(), linked()];
        // What is on its way, in both directions: when it arrives, for which tab.
        let mut up: Vec<(u64, usize, Say)> = Vec::new();
        let mut down: Vec<(u64, usize, Input)> = Vec::new();
        let mut now = 0;
        for (who, what, span) in steps {
            let until = now + span;
            while now < until {
                now += 100;
                let arrived: Vec<_> = up.extract_if(.., |(at, ..)| *at <= now).collect();
                for (_, tab, say) in arrived {
                    if let Some(answer) = server.hear(now, say) {
                        down.push((now + 300, tab, answer));
                    }
                }
                let arrived: Vec<_> = down.extract_if(.., |(at, ..)| *at <= now).collect();
                for (_, tab, input) in arrived {
                    for say in said(&on(&mut tabs[tab], now, input)) {
                        up.push((now + 300, tab, say));
                    }
                }
                for (at, tab) in tabs.iter_mut().enumerate() {
                    tab.tick(Mono(now));
                    let steps: Vec<Step> = std::iter::from_fn(|| tab.poll()).collect();
                    for say in said(&steps) {
                        up.push((now + 300, at, say));
                    }
                }
                let holds = |tab: &Leases| match state(tab) {
                    Some(State::Held(held)) if Mono(now) < held.until => Some(held.fence.0),
                    _ => None,
                };
                let holders: Vec<u64> = tabs.iter().filter_map(holds).collect();
                prop_assert!(holders.len() < 2, "both hold it at {now}: {holders:?}");
            }
            let input = match what {
                0 | 1 => Input::Take,
                2 => Input::Edit,
                3 => Input::Release,
                4 => {
                    // What was on its way is lost.
                    up.retain(|(_, tab, _)| *tab != who);
                    down.retain(|(_, tab, _)| *tab != who);
                    tabs[who].link(Mono(now), false);
                    continue;
                }
                _ => {
                    tabs[who].link(Mono(now), true);
                    let steps: Vec<Step> = std::iter::from_fn(|| tabs[who].poll()).collect();
                    for say in said(&steps) {
                        up.push((now + 300, who, say));
                    }
                    continue;
                }
            };
            for say in said(&on(&mut tabs[who], now, input)) {
                up.push((now + 300, who, say));
            }
        }
    }

    #[test]
    fn whatever_is_said_is_survived(
        inputs in prop::collection::vec((0u8..12, any::<u64>(), any::<u64>(), any::<u64>()), 1..60),
    ) {
        let mut leases = linked();
        let mut now = 0u64;
        for (what, a, b, c) in inputs {
            now = now.saturating_add(c % 40_000);
            let fence = Fence(a);
            let input = match what {
                0 | 1 => Input::Take,
                2 => Input::Edit,
                3 => Input::Release,
                4 => Input::Granted { ask: Ask(b % 5), fence, ttl: Millis(c) },
                5 => denied(b % 5),
                6 => Input::Taken { fence, holder: jane(), ttl: Millis(c) },
                7 => Input::Freed { fence },
                8 => Input::LinkUp,
                9 => Input::LinkDown,
                _ => Input::Due,
            };
            on(&mut leases, now, input);
            leases.tick(Mono(now));
            // Nothing is left that should have been done by now.
            prop_assert!(leases.next_wakeup().is_none_or(|at| at > Mono(now)));
        }
    }
}
