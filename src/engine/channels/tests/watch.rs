//! Who watches what, for how long, and how many.

use super::*;

/// WS3: hierarchical names are names like any other.
#[test]
fn ws3_channel_names_in_a_hierarchy_are_channels_of_their_own() {
    let mut bench = Bench::new();
    let names = ["couple:7:tasks", "form:1", "supplier:4", "supplier:4:team"];
    for name in names {
        bench.part.watch(bench.now, name).unwrap();
    }
    bench.part.link_up();
    for (request, name) in (1..).zip(names) {
        assert_eq!(
            bench.part.poll(bench.now, &mut bench.last),
            Some(subscribe(request, name, None))
        );
        bench.confirm(request, name, at(request), Recovery::NotAsked);
        bench.part.out.clear();
    }
    assert_eq!(bench.event("supplier:4", 4), Verdict::Next);
    assert_eq!(bench.event("supplier:4:team", 4), Verdict::Duplicate);
}

/// WS4: five minutes after the last use a channel is given back, and not before.
#[test]
fn ws4_an_unused_channel_is_kept_for_five_minutes() {
    let mut bench = Bench::following();
    bench.part.unwatch(bench.now, "c");
    assert_eq!(bench.run(Millis(CHANNEL_IDLE.0 - 1)), []);
    assert_eq!(
        bench.event("c", 6),
        Verdict::Next,
        "whoever comes back has it all"
    );
    bench.part.watch(bench.now, "c").unwrap();
    assert_eq!(bench.run(Millis::minutes(10)), []);
    bench.part.unwatch(bench.now, "c");
    let left = [(CHANNEL_IDLE, unsubscribe("c"))];
    assert_eq!(bench.run(CHANNEL_IDLE), left);
    assert_eq!(bench.state("c"), None);
}

#[test]
fn a_component_that_is_taken_down_and_put_up_again_costs_nothing() {
    let mut bench = Bench::with(Settings {
        idle: Millis(0),
        ..Settings::default()
    });
    bench.part.link_up();
    for _ in 0..3 {
        bench.part.watch(bench.now, "c").unwrap();
        bench.part.unwatch(bench.now, "c");
    }
    bench.part.watch(bench.now, "c").unwrap();
    assert_eq!(
        bench.run(Millis::seconds(5)),
        [(Millis(0), subscribe(1, "c", None))]
    );
    bench.part.unwatch(bench.now, "c");
    bench.part.unwatch(bench.now, "c");
    assert_eq!(
        bench.run(CHANNEL_GRACE),
        [(CHANNEL_GRACE, unsubscribe("c"))]
    );
}

/// WS4: at most 50 channels, the least recently used idle one leaves first.
#[test]
fn ws4_of_the_idle_channels_the_least_recently_used_leaves_first() {
    let mut bench = Bench::with(Settings {
        cap: 3,
        ..Settings::default()
    });
    bench.part.link_up();
    for name in ["a", "b", "c"] {
        bench.part.watch(bench.now, name).unwrap();
    }
    bench.steps();
    for name in ["b", "a"] {
        bench.wait(Millis(10));
        bench.part.unwatch(bench.now, name);
    }
    bench.part.watch(bench.now, "d").unwrap();
    assert_eq!(bench.steps(), [unsubscribe("b"), subscribe(4, "d", None)]);
    bench.part.watch(bench.now, "e").unwrap();
    assert_eq!(bench.steps(), [unsubscribe("a"), subscribe(5, "e", None)]);
    bench.part.watch(bench.now, "f").unwrap();
    assert_eq!(bench.steps(), [refused("f", Why::Full)], "all are in use");
    assert_eq!(bench.state("f"), Some(State::Refused));
}

#[test]
fn a_channel_that_had_no_place_gets_the_first_one_that_is_free() {
    let mut bench = Bench::with(Settings {
        cap: 1,
        idle: Millis(0),
    });
    bench.part.link_up();
    for name in ["a", "z", "b"] {
        bench.part.watch(bench.now, name).unwrap();
        bench.wait(Millis(1));
    }
    let first = [
        refused("z", Why::Full),
        refused("b", Why::Full),
        subscribe(1, "a", None),
    ];
    assert_eq!(bench.steps(), first);
    bench.part.unwatch(bench.now, "a");
    bench.wait(CHANNEL_GRACE);
    assert_eq!(bench.steps(), [unsubscribe("a"), subscribe(2, "z", None)]);
    bench.part.unwatch(bench.now, "b");
    assert_eq!(bench.state("b"), None, "nothing of it is kept");
}

#[test]
fn there_is_an_end_to_what_can_be_asked_for() {
    let mut bench = Bench::new();
    for n in 0..CHANNELS_KNOWN_MAX {
        bench.part.watch(bench.now, &format!("c{n}")).unwrap();
    }
    assert_eq!(
        bench.part.watch(bench.now, "one more"),
        Err(TooManyChannels)
    );
    assert_eq!(bench.part.watch(bench.now, "c0"), Ok(()));
    let wants = [want("one more", None)];
    assert_eq!(
        bench.part.watch_for_tab(bench.now, TAB, &wants),
        Err(TooManyChannels)
    );
    bench.part.unwatch(bench.now, "c3");
    assert_eq!(bench.part.watch(bench.now, "one more"), Ok(()));
}

/// RT11: the new project's channel is asked for before the old one is given back, and the start on
/// the new one counts as a gap.
#[test]
fn rt11_a_change_of_project_loses_nothing() {
    let mut bench = Bench::following();
    bench.part.unwatch(bench.now, "c");
    bench.part.watch(bench.now, "project:2").unwrap();
    let steps = bench.run(CHANNEL_IDLE);
    let order: Vec<Step> = steps.into_iter().map(|(_, step)| step).collect();
    assert_eq!(order.first(), Some(&subscribe(2, "project:2", None)));
    assert_eq!(
        order
            .iter()
            .filter(|step| **step == unsubscribe("c"))
            .count(),
        1
    );
    let last = bench.last.0;
    bench.confirm(last, "project:2", at(40), Recovery::NotAsked);
    assert_eq!(
        bench.steps(),
        [place("project:2", at(40), Before::Whole), gap("project:2")]
    );
}

/// RT1: one subscription however many listen.
#[test]
fn rt1_many_listeners_of_a_channel_are_one_subscription() {
    let mut bench = Bench::following();
    for _ in 0..5 {
        bench.part.watch(bench.now, "c").unwrap();
    }
    bench
        .part
        .watch_for_tab(bench.now, TAB, &[want("c", at(5))])
        .unwrap();
    assert_eq!(bench.steps(), []);
    for _ in 0..6 {
        bench.part.unwatch(bench.now, "c");
    }
    assert_eq!(
        bench.run(Millis::minutes(60)),
        [],
        "the other tab still watches"
    );
    bench.part.forget_tab(bench.now, TAB);
    bench.part.forget_tab(bench.now, TAB);
    assert_eq!(bench.run(CHANNEL_IDLE), [(CHANNEL_IDLE, unsubscribe("c"))]);
}

#[test]
fn another_person_starts_with_nothing() {
    let mut bench = Bench::following();
    bench
        .part
        .watch_for_tab(bench.now, TAB, &[want("d", at(3))])
        .unwrap();
    bench.event("c", 8);
    bench.part.remember("c", Some(Seq(6)), &"text".into());
    bench.part.unwatch(bench.now, "c");
    bench.part.watch(bench.now, "e").unwrap();
    bench.part.forget_all();
    assert_eq!(bench.steps(), []);
    let all: Vec<_> = bench.part.iter().collect();
    assert_eq!(all, [("e", State::Waiting, None)]);
    assert_eq!(bench.part.held_bytes, 0);
    bench.part.link_up();
    assert_eq!(bench.steps().last(), Some(&subscribe(2, "e", None)));
}
