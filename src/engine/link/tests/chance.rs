//! Whatever happens in whatever order: what must always be so, and what must be so in the end.

use proptest::prelude::*;

use super::rig::{App, Door, Rig, Window, settings};
use crate::engine::limits::DIAL_GAP;
use crate::engine::link::Nudge;
use crate::engine::status::{Transport, Word};

#[derive(Clone, Copy, Debug)]
enum Deed {
    Run(u64),
    Sleep(u64, u64),
    Throttled(u64),
    Crash(u16),
    Door(usize, Door),
    Window(Window),
    App(App),
    Answers(bool),
    Syncs(bool),
    TokenLife(Option<u64>),
    Online(bool),
    Nudge(bool),
    Reconnect,
    Login,
    GoAway(u64),
    Want,
    Unwant,
    Say,
}

fn door() -> impl Strategy<Value = Door> {
    prop_oneof![
        Just(Door::Open),
        Just(Door::Shut),
        Just(Door::Hangs),
        code().prop_map(Door::Closes),
    ]
}

fn code() -> impl Strategy<Value = u16> {
    prop::sample::select(vec![
        1000, 1001, 1006, 1009, 1012, 4401, 4403, 4429, 4503, 4999,
    ])
}

fn window() -> impl Strategy<Value = Window> {
    let span = || prop::option::of(0u64..100_000);
    prop_oneof![
        span().prop_map(Window::Here),
        Just(Window::Dark),
        Just(Window::Unauthorized),
        span().prop_map(Window::Busy),
    ]
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (1u64..3000).prop_map(Deed::Run),
        2 => (1u64..200_000).prop_map(Deed::Run),
        1 => (0u64..100_000, 0u64..10_000_000).prop_map(|(a, b)| Deed::Sleep(a, a + b)),
        1 => (0u64..120_000).prop_map(Deed::Throttled),
        2 => code().prop_map(Deed::Crash),
        3 => (0usize..3, door()).prop_map(|(at, door)| Deed::Door(at, door)),
        2 => window().prop_map(Deed::Window),
        1 => prop::sample::select(vec![App::Gives, App::Fails, App::NeedsLogin, App::Silent])
            .prop_map(Deed::App),
        1 => any::<bool>().prop_map(Deed::Answers),
        1 => any::<bool>().prop_map(Deed::Syncs),
        1 => prop::option::of(0u64..4_000_000).prop_map(Deed::TokenLife),
        1 => any::<bool>().prop_map(Deed::Online),
        1 => any::<bool>().prop_map(Deed::Nudge),
        1 => Just(Deed::Reconnect),
        1 => Just(Deed::Login),
        1 => (0u64..60_000).prop_map(Deed::GoAway),
        1 => Just(Deed::Want),
        1 => Just(Deed::Unwant),
        1 => Just(Deed::Say),
    ]
}

fn perform(rig: &mut Rig, deed: Deed) {
    match deed {
        Deed::Run(span) => rig.run(span),
        Deed::Sleep(mono, wall) => rig.sleep(mono, wall),
        Deed::Throttled(span) => rig.sleep(span, span),
        Deed::Crash(code) => rig.crash(code),
        Deed::Door(at, door) => rig.doors[at] = door,
        Deed::Window(window) => rig.window = window,
        Deed::App(app) => rig.app = app,
        Deed::Answers(answers) => rig.answers = answers,
        Deed::Syncs(syncs) => rig.syncs = syncs,
        Deed::TokenLife(life) => rig.token_life = life,
        Deed::Online(online) => rig.act(|link, now, _| link.online(now, online)),
        Deed::Nudge(true) => rig.act(|link, now, _| link.nudge(now, Nudge::Visible)),
        Deed::Nudge(false) => rig.act(|link, now, _| link.nudge(now, Nudge::Resumed)),
        Deed::Reconnect => rig.act(|link, now, _| link.reconnect(now)),
        Deed::Login => rig.act(|link, now, _| link.logged_in(now, None)),
        Deed::GoAway(spread) => rig.act(|link, now, rng| {
            link.go_away(now, crate::engine::time::Millis(spread), rng);
        }),
        Deed::Want => rig.want(),
        Deed::Unwant => rig.act(|link, now, _| link.unwant(now, "not wanted")),
        Deed::Say => rig.act(|link, now, rng| link.say(now, "x".to_owned(), rng)),
    }
}

fn ladders() -> impl Strategy<Value = Vec<Transport>> {
    prop::sample::select(vec![
        vec![Transport::Socket],
        vec![Transport::Socket, Transport::Stream, Transport::Poll],
        vec![Transport::Stream, Transport::Poll],
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn one_connection_at_a_good_pace_and_up_in_the_end(
        ladder in ladders(),
        has_tokens: bool,
        attempts in prop::option::of(1u32..5),
        seed: u64,
        deeds in prop::collection::vec(deed(), 0..60),
    ) {
        let mut settings = settings(&ladder, has_tokens);
        settings.attempts_max = attempts;
        let low_is_possible = ladder.len() > 1;
        let mut rig = Rig::new(settings, seed);
        rig.want();
        for deed in deeds {
            perform(&mut rig, deed);
            rig.tick();
            // One connection; beside it at most the trial of a better one.
            let allowed = if rig.up && low_is_possible { 2 } else { 1 };
            prop_assert!(rig.open.len() <= allowed, "{:?}", rig.open);
            // Up is what the status says.
            let status = rig.link.status();
            prop_assert_eq!(rig.up, status.authenticated);
            prop_assert_eq!(rig.up, rig.link.live().is_some());
        }
        let gaps = rig.dials.windows(2).map(|pair| pair[1].0 - pair[0].0);
        prop_assert!(gaps.min() >= Some(DIAL_GAP.0) || rig.dials.len() < 2);
        if has_tokens {
            prop_assert!(rig.dials.is_empty() || !rig.asked.is_empty());
        }

        // When all that was wrong is over, it is up in the end; where only a person can help,
        // a person does.
        rig.back(None);
        (rig.app, rig.answers, rig.syncs, rig.token_life) = (App::Gives, true, true, None);
        rig.act(|link, now, _| link.online(now, true));
        rig.want();
        if matches!(rig.word(), Word::NeedsAuth | Word::Failed) {
            rig.act(|link, now, _| link.logged_in(now, None));
        }
        // The longest that a server may keep us away, twice: it may have said so in the end.
        rig.run(40 * 60_000);
        // A refusal can have been on its way when all was mended.
        if matches!(rig.word(), Word::NeedsAuth | Word::Failed) {
            rig.act(|link, now, _| link.logged_in(now, None));
            rig.run(40 * 60_000);
        }
        prop_assert!(rig.up, "{:?}", rig.link);
        prop_assert_eq!(rig.open.len(), 1);

        rig.act(|link, now, _| link.unwant(now, "over"));
        prop_assert_eq!(rig.open.len(), 0);
        prop_assert_eq!(rig.link.next_wakeup(), None);
    }
}
