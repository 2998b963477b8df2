//! What only other tabs watch, following a leader, and handing on.

use super::*;

#[test]
fn what_only_other_tabs_watch_is_passed_on_and_starts_with_a_gap_here() {
    let mut bench = Bench::new();
    bench.part.link_up();
    let wants = [want("c", at(41))];
    for news in [true, false] {
        assert_eq!(bench.part.watch_for_tab(bench.now, TAB, &wants), Ok(news));
    }
    assert_eq!(bench.steps(), [subscribe(1, "c", at(41))]);
    bench.confirm(1, "c", at(42), Recovery::Complete);
    assert_eq!(bench.event("c", 42), Verdict::Pass);
    bench.part.frame_end(bench.now);
    assert_eq!(bench.steps(), [place("c", at(41), Before::Whole)]);
    bench.part.watch(bench.now, "c").unwrap();
    assert_eq!(bench.steps(), [gap("c")], "this page was not there");
    assert_eq!(bench.event("c", 43), Verdict::Next);
    bench.part.watch(bench.now, "c").unwrap();
    assert_eq!(bench.steps(), []);
}

#[test]
fn a_page_that_joins_before_the_answer_has_its_gap_too() {
    let mut bench = Bench::new();
    bench
        .part
        .watch_for_tab(bench.now, TAB, &[want("c", at(41))])
        .unwrap();
    bench.part.watch(bench.now, "c").unwrap();
    bench.part.link_up();
    assert_eq!(bench.steps(), [gap("c"), subscribe(1, "c", at(41))]);
    bench.confirm(1, "c", at(41), Recovery::Complete);
    assert_eq!(bench.steps(), [place("c", at(41), Before::Whole)]);
}

#[test]
fn a_page_that_left_for_long_is_a_stranger_to_a_channel_that_others_kept() {
    let mut bench = Bench::following();
    bench
        .part
        .watch_for_tab(bench.now, TAB, &[want("c", at(5))])
        .unwrap();
    bench.part.unwatch(bench.now, "c");
    bench.run(Millis(CHANNEL_IDLE.0 - 1));
    assert_eq!(bench.event("c", 6), Verdict::Next, "it may come back");
    bench.run(Millis(1));
    assert_eq!(bench.event("c", 7), Verdict::Pass);
    bench.part.watch(bench.now, "c").unwrap();
    assert_eq!(bench.steps(), [gap("c")]);
}

#[test]
fn a_new_leader_resumes_from_the_tab_that_is_furthest_behind() {
    let mut bench = Bench::new();
    for (tab, seq) in [(7, 41), (8, 39), (9, 50)] {
        bench
            .part
            .watch_for_tab(bench.now, TabId(tab), &[want("c", at(seq))])
            .unwrap();
    }
    bench.part.link_up();
    assert_eq!(bench.steps(), [subscribe(1, "c", at(39))]);
}

#[test]
fn a_tab_further_behind_that_is_heard_late_is_resumed_for_too() {
    let mut bench = Bench::new();
    bench.part.link_up();
    let here = |bench: &mut Bench, tab, seq| {
        let wants = [want("c", at(seq))];
        bench
            .part
            .watch_for_tab(bench.now, TabId(tab), &wants)
            .unwrap();
    };
    here(&mut bench, 7, 74);
    assert_eq!(bench.steps(), [subscribe(1, "c", at(74))]);
    here(&mut bench, 8, 73);
    assert_eq!(bench.steps(), [subscribe(2, "c", at(73))]);
    bench.confirm(1, "c", at(74), Recovery::Complete);
    assert_eq!(bench.steps(), [], "that question is not open any more");
    bench.confirm(2, "c", at(74), Recovery::Complete);
    assert_eq!(bench.event("c", 74), Verdict::Pass);
    bench.part.remember("c", Some(Seq(74)), &"74".into());
    bench.part.frame_end(bench.now);
    assert_eq!(bench.steps(), [place("c", at(73), Before::Whole)]);
    // What is remembered here need not be asked for again.
    here(&mut bench, 9, 73);
    assert_eq!(bench.steps(), []);
    here(&mut bench, 9, 70);
    assert_eq!(bench.steps(), [subscribe(3, "c", at(70))]);
}

#[test]
fn what_a_tab_does_not_watch_any_more_is_given_back_soon() {
    let mut bench = Bench::new();
    bench.part.link_up();
    bench
        .part
        .watch_for_tab(bench.now, TAB, &[want("c", None), want("d", None)])
        .unwrap();
    bench.steps();
    bench
        .part
        .watch_for_tab(bench.now, TAB, &[want("d", None)])
        .unwrap();
    assert_eq!(
        bench.run(Millis::seconds(9)),
        [(CHANNEL_GRACE, unsubscribe("c"))]
    );
}

#[test]
fn without_a_lead_other_tabs_channels_are_forgotten() {
    let mut bench = Bench::following();
    bench
        .part
        .watch_for_tab(bench.now, TAB, &[want("c", at(5)), want("d", None)])
        .unwrap();
    bench.steps();
    bench.part.give_up_lead(bench.now);
    bench.part.unwatch(bench.now, "c");
    assert_eq!(bench.state("d"), None);
    bench.run(CHANNEL_IDLE);
    assert_eq!(bench.state("c"), None);
    assert_eq!(bench.part.next_wakeup(), None);
}

#[test]
fn what_was_remembered_for_other_tabs_is_forgotten_with_the_lead() {
    let mut bench = Bench::new();
    let lead = |bench: &mut Bench, request: u64, epoch: &str| {
        bench.part.link_up();
        bench
            .part
            .watch_for_tab(bench.now, TAB, &[want("c", None)])
            .unwrap();
        bench.steps();
        let begin = Some(Position::new(epoch, Seq(0)));
        bench.confirm(request, "c", begin, Recovery::Impossible);
        for seq in 1..=3 {
            bench.event("c", seq);
        }
    };
    lead(&mut bench, 1, "E");
    for seq in 1..=3 {
        let text = text("c", seq);
        bench
            .part
            .remember("c", Some(Seq(seq)), &text.as_str().into());
    }
    bench.part.give_up_lead(bench.now);
    // Meanwhile another tab led, and the server lost its history.
    lead(&mut bench, 2, "F");
    let from = Position::new("F", Seq(1));
    let behind = Some(Position::new("F", Seq(3)));
    assert_eq!(
        bench.part.replay("c", Some(&from)),
        Some(Replay::Gap(behind))
    );
}

#[test]
fn a_follower_is_told_where_its_channels_are_and_starts_with_one_gap() {
    let mut bench = Bench::led();
    bench
        .part
        .leader_has(bench.now, &[want("c", at(5)), want("x", at(1))]);
    bench.part.leader_is_at(bench.now, "c", at(5));
    assert_eq!(bench.steps(), []);
    assert_eq!(bench.event("c", 6), Verdict::Next);
    bench.part.leader_has(bench.now, &[want("c", at(5))]);
    assert_eq!(
        bench.steps(),
        [],
        "a leader that is behind hands out what we saw"
    );
    assert_eq!(bench.event("c", 6), Verdict::Duplicate);
    bench.part.leader_has(bench.now, &[]);
    assert_eq!(bench.state("c"), Some(State::Waiting));
    assert_eq!(bench.event("c", 7), Verdict::Foreign);
    bench.part.leader_is_at(bench.now, "c", at(6));
    assert_eq!(bench.event("c", 7), Verdict::Next);
    assert_eq!(bench.steps(), []);
}

#[test]
fn a_follower_that_is_behind_asks_and_gets_what_it_missed_in_order() {
    let mut bench = Bench::led();
    bench.part.leader_lost(bench.now);
    bench.part.leader_has(bench.now, &[want("c", at(8))]);
    bench.part.leader_has(bench.now, &[want("c", at(8))]);
    assert_eq!(bench.steps(), [ask("c", at(5))], "once");
    assert_eq!(bench.event("c", 9), Verdict::Held);
    assert_eq!(
        [6, 7, 8].map(|seq| bench.event("c", seq)),
        [Verdict::Next; 3]
    );
    assert_eq!(bench.steps(), [deliver("c", 9)]);
    bench.part.replayed(bench.now, "c", at(8));
    assert_eq!(bench.state("c"), Some(State::Subscribed));
    assert_eq!(bench.event("c", 10), Verdict::Next);
    assert_eq!(bench.steps(), []);
}

#[test]
fn a_follower_that_cannot_catch_up_has_one_gap() {
    let mut bench = Bench::led();
    assert_eq!(bench.event("c", 8), Verdict::Ahead);
    assert_eq!(bench.steps(), [ask("c", at(5))]);
    bench.part.leader_places(bench.now, "c", at(8), Before::Gap);
    assert_eq!(bench.steps(), [gap("c")]);
    bench.part.replayed(bench.now, "c", at(8));
    assert_eq!(bench.event("c", 8), Verdict::Duplicate);
    assert_eq!(bench.event("c", 9), Verdict::Next);
    assert_eq!(bench.steps(), []);
}

#[test]
fn a_leader_that_is_new_to_a_channel_makes_no_gap_for_who_has_followed_it() {
    let mut leader = Bench::new();
    leader.part.watch(leader.now, "c").unwrap();
    leader.part.link_up();
    leader.steps();
    leader.confirm(1, "c", at(7), Recovery::NotAsked);
    let told = place("c", at(7), Before::Whole);
    assert_eq!(leader.steps(), [told, gap("c")]);

    let mut bench = Bench::led();
    bench
        .part
        .leader_places(bench.now, "c", at(7), Before::Whole);
    assert_eq!(bench.steps(), [ask("c", at(5))]);
}

#[test]
fn what_the_leader_missed_is_no_gap_of_who_is_further_already() {
    let mut bench = Bench::led();
    bench.event("c", 6);
    for seq in [3, 6] {
        bench
            .part
            .leader_places(bench.now, "c", at(seq), Before::Gap);
        assert_eq!(bench.steps(), []);
        assert_eq!(bench.event("c", 6), Verdict::Duplicate);
    }
    bench.part.leader_places(bench.now, "c", at(7), Before::Gap);
    assert_eq!(bench.steps(), [gap("c")]);
    // A server that lost some of its numbers, and says so to nobody but the leader.
    bench
        .part
        .leader_places(bench.now, "c", at(4), Before::Anew);
    assert_eq!(bench.steps(), [gap("c")]);
    assert_eq!(bench.event("c", 5), Verdict::Next);
}

#[test]
fn a_replay_that_is_not_complete_is_a_gap() {
    let mut bench = Bench::led();
    bench.event("c", 8);
    bench.steps();
    assert_eq!(bench.event("c", 6), Verdict::Next);
    bench.part.replayed(bench.now, "c", at(9));
    assert_eq!(bench.steps(), [gap("c")]);
    assert_eq!(bench.event("c", 10), Verdict::Next);
}

#[test]
fn a_leader_that_does_not_answer_is_asked_again_and_again_more_slowly() {
    let mut bench = Bench::led();
    bench.event("c", 8);
    let steps = bench.run(Millis::minutes(2));
    let times: Vec<u64> = steps.iter().map(|(at, _)| at.0 / 1000).collect();
    assert_eq!(times, [0, 2, 6, 14, 30, 60, 90, 120]);
    assert!(steps.iter().all(|(_, step)| *step == ask("c", at(5))));
    assert_eq!(MISSING_TIMEOUT, Millis::seconds(2));
}

#[test]
fn another_epoch_at_the_leader_is_one_gap() {
    let mut bench = Bench::led();
    let anew = Some(Position::new("F", Seq(2)));
    bench
        .part
        .leader_places(bench.now, "c", anew.clone(), Before::Gap);
    bench.part.leader_has(bench.now, &[want("c", anew)]);
    assert_eq!(bench.steps(), [gap("c")]);
    assert_eq!(bench.event("c", 3), Verdict::Next);
}

#[test]
fn a_wire_without_numbers_has_one_gap_with_each_new_leader() {
    let mut bench = Bench::new();
    bench.part.watch(bench.now, "c").unwrap();
    for _ in 0..3 {
        bench.part.leader_lost(bench.now);
        for _ in 0..3 {
            bench.part.leader_has(bench.now, &[want("c", None)]);
        }
        assert_eq!(bench.steps(), [gap("c")]);
        let mut text = || Rc::from("");
        assert_eq!(
            bench.part.event(bench.now, "c", None, &mut text),
            Verdict::Next
        );
    }
}

#[test]
fn a_refusal_that_the_leader_tells_is_told_once_and_ends_when_it_has_the_channel() {
    let mut bench = Bench::led();
    for _ in 0..3 {
        bench.part.leader_refused("c", Why::Full);
    }
    assert_eq!(bench.steps(), [refused("c", Why::Full)]);
    bench.part.leader_is_at(bench.now, "c", at(6));
    assert_eq!(bench.steps(), [ask("c", at(5))]);
}

#[test]
fn a_channel_for_which_there_is_no_room_has_none_because_the_leader_missed_something() {
    let cap = 1;
    let mut bench = Bench::with(Settings {
        cap,
        ..Settings::default()
    });
    bench.part.watch(bench.now, "a").unwrap();
    bench.part.watch(bench.now, "c").unwrap();
    bench.part.leader_has(bench.now, &[want("a", at(5))]);
    bench.steps();
    bench.part.leader_places(bench.now, "c", at(7), Before::Gap);
    assert_eq!(bench.steps(), []);
    assert_eq!(bench.state("c"), Some(State::Refused));
}

#[test]
fn a_follower_says_what_it_watches_when_that_changes() {
    let mut bench = Bench::led();
    bench.part.watch(bench.now, "c").unwrap();
    assert_eq!(bench.steps(), []);
    bench.part.watch(bench.now, "d").unwrap();
    bench.part.unwatch(bench.now, "c");
    assert_eq!(bench.steps(), [Step::TellWants]);
    assert_eq!(bench.part.wants(), [want("c", at(5)), want("d", None)]);
    bench.part.unwatch(bench.now, "c");
    assert_eq!(bench.steps(), [Step::TellWants]);
    assert_eq!(bench.part.wants(), [want("d", None)]);
}

#[test]
fn a_tab_that_is_a_few_behind_gets_a_replay_and_one_that_is_far_behind_a_gap() {
    let mut bench = Bench::following();
    for seq in 6..=8 {
        bench.event("c", seq);
        bench
            .part
            .remember("c", Some(Seq(seq)), &text("c", seq).as_str().into());
    }
    let replay = |from: Option<Position>| bench.part.replay("c", from.as_ref());
    let texts = |seqs: &[u64]| {
        seqs.iter()
            .map(|seq| text("c", *seq).as_str().into())
            .collect()
    };
    assert_eq!(replay(at(6)), Some(Replay::Events(texts(&[7, 8]), at(8))));
    assert_eq!(replay(at(8)), Some(Replay::Events(texts(&[]), at(8))));
    assert_eq!(replay(at(9)), Some(Replay::Events(texts(&[]), at(8))));
    assert_eq!(replay(at(4)), Some(Replay::Gap(at(8))));
    assert_eq!(replay(None), Some(Replay::Gap(at(8))));
    let other = Some(Position::new("F", Seq(7)));
    assert_eq!(replay(other), Some(Replay::Gap(at(8))));
    assert_eq!(bench.part.replay("d", None), None);
    bench.part.link_down(bench.now);
    assert_eq!(
        bench.part.replay("c", at(6).as_ref()),
        None,
        "it will be told"
    );
}
