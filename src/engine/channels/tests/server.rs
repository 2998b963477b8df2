//! The server as the source: answers, refusals, pauses.

use super::*;

#[test]
fn a_lost_link_resumes_from_the_last_position() {
    let mut bench = Bench::following();
    bench.event("c", 6);
    bench.part.link_down(bench.now);
    assert_eq!(bench.state("c"), Some(State::Waiting));
    bench.part.link_up();
    assert_eq!(bench.steps(), [subscribe(2, "c", at(6))]);
    bench.confirm(2, "c", at(8), Recovery::Complete);
    assert_eq!([7, 8].map(|seq| bench.event("c", seq)), [Verdict::Next; 2]);
    bench.part.frame_end(bench.now);
    assert_eq!(
        bench.steps(),
        [place("c", at(6), Before::Whole)],
        "and no gap"
    );
}

/// Fault 29: what is not recovered is a gap, and the new position counts.
#[test]
fn fault_29_without_recovery_everything_may_have_changed() {
    let mut bench = Bench::following();
    bench.part.link_down(bench.now);
    bench.part.link_up();
    bench.steps();
    bench.confirm(2, "c", at(9), Recovery::Impossible);
    assert_eq!(bench.steps(), [place("c", at(9), Before::Gap), gap("c")]);
    assert_eq!(bench.event("c", 9), Verdict::Duplicate);
    assert_eq!(bench.event("c", 10), Verdict::Next);
}

/// Fault 36: another epoch is one full invalidation, then all is normal.
#[test]
fn fault_36_a_new_epoch_is_one_gap_whatever_the_server_says() {
    for recovery in [Recovery::Impossible, Recovery::Complete] {
        let mut bench = Bench::following();
        bench.event("c", 8);
        assert_eq!(bench.steps(), [subscribe(2, "c", at(5))]);
        let anew = Some(Position::new("F", Seq(2)));
        bench.confirm(2, "c", anew.clone(), recovery);
        bench.part.frame_end(bench.now);
        assert_eq!(bench.steps(), [place("c", anew, Before::Gap), gap("c")]);
        assert_eq!(bench.event("c", 3), Verdict::Next);
        assert_eq!(bench.steps(), [], "what was held is of the old numbering");
    }
}

#[test]
fn a_server_whose_numbers_went_back_has_lost_some() {
    let mut bench = Bench::following();
    bench.part.link_down(bench.now);
    bench.part.link_up();
    bench.steps();
    bench.confirm(2, "c", at(3), Recovery::Complete);
    assert_eq!(bench.steps(), [place("c", at(3), Before::Anew), gap("c")]);
    assert_eq!(bench.event("c", 4), Verdict::Next);
}

#[test]
fn a_confirmation_without_a_position_of_ours_is_one_gap_however_often_it_comes() {
    let mut bench = Bench::following();
    for _ in 0..3 {
        bench.confirm(1, "c", at(7), Recovery::NotAsked);
        bench
            .part
            .subscribed(bench.now, None, "c", at(7), Recovery::NotAsked);
    }
    assert_eq!(bench.steps(), []);
    assert_eq!(
        bench.event("c", 6),
        Verdict::Next,
        "the position is untouched"
    );
}

/// Faults 11, 12 and 21: what answers an older question is void.
#[test]
fn fault_12_late_answers_and_late_events_of_an_earlier_watch_do_no_harm() {
    let mut bench = Bench::with(Settings {
        idle: Millis(0),
        ..Settings::default()
    });
    bench.part.watch(bench.now, "c").unwrap();
    bench.part.link_up();
    assert_eq!(bench.steps(), [subscribe(1, "c", None)]);
    bench.part.unwatch(bench.now, "c");
    bench.wait(CHANNEL_GRACE);
    assert_eq!(bench.steps(), [unsubscribe("c")]);
    bench.confirm(1, "c", at(3), Recovery::NotAsked);
    assert_eq!(bench.event("c", 4), Verdict::Foreign);
    bench.part.watch(bench.now, "c").unwrap();
    assert_eq!(bench.steps(), [subscribe(2, "c", None)]);
    bench.confirm(1, "c", at(4), Recovery::NotAsked);
    assert_eq!(
        bench.event("c", 5),
        Verdict::Foreign,
        "of the old subscription"
    );
    assert_eq!(bench.state("c"), Some(State::Subscribing));
    bench.confirm(2, "c", at(6), Recovery::NotAsked);
    assert_eq!(bench.steps(), [place("c", at(6), Before::Whole), gap("c")]);
    assert_eq!(bench.event("c", 6), Verdict::Duplicate);
    assert_eq!(bench.event("c", 7), Verdict::Next);
}

#[test]
fn an_answer_that_never_comes_is_asked_for_again_and_the_late_one_does_not_count() {
    let mut bench = Bench::new();
    bench.part.watch(bench.now, "c").unwrap();
    bench.part.link_up();
    let steps = bench.run(Millis(SUBSCRIBE_TIMEOUT.0 + 1));
    let asked = [
        (Millis(0), subscribe(1, "c", None)),
        (SUBSCRIBE_TIMEOUT, subscribe(2, "c", None)),
    ];
    assert_eq!(steps, asked);
    bench.confirm(1, "c", at(3), Recovery::NotAsked);
    assert_eq!(bench.steps(), []);
    bench.confirm(2, "c", at(3), Recovery::NotAsked);
    assert_eq!(bench.steps(), [place("c", at(3), Before::Whole), gap("c")]);
}

/// Fault 28: joins after a reconnect with 50 channels are paced.
#[test]
fn fault_28_fifty_channels_are_joined_ten_at_once_and_ten_a_second() {
    let mut bench = Bench::new();
    for n in 0..50 {
        bench.part.watch(bench.now, &format!("c{n}")).unwrap();
    }
    bench.part.link_up();
    let steps = bench.run(Millis::seconds(5));
    assert_eq!(steps.len(), 50);
    let times: Vec<u64> = steps.iter().map(|(at, _)| at.0).collect();
    assert_eq!(
        times.iter().filter(|at| **at == 0).count(),
        JOIN_BURST as usize
    );
    for second in 0..4 {
        let within = times
            .iter()
            .filter(|at| (1 + second * 1000..=(second + 1) * 1000).contains(*at));
        assert_eq!(within.count(), 10);
    }
    // Again right after: the burst is used up.
    bench.part.link_down(bench.now);
    bench.part.link_up();
    assert!(bench.steps().len() <= JOIN_BURST as usize);
}

/// Fault 27: a join that is refused for now is tried again later, and later each time.
#[test]
fn fault_27_a_rate_limited_join_waits_longer_each_time_and_listens_to_the_server() {
    let mut bench = Bench::new();
    bench.part.watch(bench.now, "c").unwrap();
    bench.part.link_up();
    bench.steps();
    let mut waits = Vec::new();
    for request in 1..=7 {
        assert!(bench.refuse(request, "rate_limited", None));
        assert_eq!(bench.state("c"), Some(State::Waiting));
        let steps = bench.run(Millis(REJOIN_MAX.0 * 2));
        let (waited, step) = steps.first().unwrap();
        assert_eq!(*step, subscribe(request + 1, "c", None));
        waits.push(waited.0);
        // What the run did after that is of no interest.
        bench.last = RequestId(request + 1);
        let place = Place::Asked {
            request: bench.last,
            until: bench.now + SUBSCRIBE_TIMEOUT,
            again: false,
        };
        bench.part.channels.get_mut("c").unwrap().place = place;
    }
    for (n, wait) in waits.iter().enumerate() {
        let most = (REJOIN_FIRST.0 << n).min(REJOIN_MAX.0);
        assert!((most..=most + most / 2).contains(wait), "{waits:?}");
    }
    assert!(bench.refuse(8, "overloaded", Some(600_000)));
    assert_eq!(bench.run(Millis(599_999)), []);
}

#[test]
fn a_subscription_that_the_server_drops_is_joined_again_after_a_pause() {
    let mut bench = Bench::following();
    let mut rng = Rng::new(3);
    bench.part.dropped(bench.now, "c", &mut rng);
    assert_eq!(bench.event("c", 6), Verdict::Foreign);
    let steps = bench.run(Millis::seconds(8));
    assert!(steps.first().unwrap().0 >= REJOIN_FIRST);
    assert_eq!(steps.first().unwrap().1, subscribe(2, "c", at(5)));
    bench.confirm(2, "c", at(5), Recovery::Complete);
    bench.wait(REJOIN_STABLE);
    bench.part.dropped(bench.now, "c", &mut rng);
    let failures = bench.part.channels.get("c").unwrap().failures;
    assert_eq!(failures, 1, "it was good in between");
    bench.part.dropped(bench.now, "unknown", &mut rng);
}

#[test]
fn a_subscription_that_is_taken_back_for_a_passed_reason_is_asked_for_at_once_unless_that_was_just_so()
 {
    let mut bench = Bench::following();
    let mut rng = Rng::new(3);
    bench.part.torn(bench.now, "c", &mut rng);
    assert_eq!(bench.steps(), [subscribe(2, "c", at(5))]);
    bench.confirm(2, "c", at(5), Recovery::Complete);
    bench.steps();
    bench.part.torn(bench.now, "c", &mut rng);
    assert_eq!(bench.steps(), []);
    let steps = bench.run(Millis::seconds(20));
    assert!(steps.first().unwrap().0 >= REJOIN_FIRST);
    assert_eq!(steps.first().unwrap().1, subscribe(3, "c", at(5)));
    bench.confirm(3, "c", at(5), Recovery::Complete);
    bench.wait(REJOIN_STABLE);
    bench.steps();
    bench.part.torn(bench.now, "c", &mut rng);
    assert_eq!(bench.steps(), [subscribe(4, "c", at(5))]);
    bench.part.torn(bench.now, "unknown", &mut rng);
    assert_eq!(bench.steps(), []);
}

#[test]
fn a_forbidden_channel_is_told_once_and_asked_again_only_for_a_reason() {
    let mut bench = Bench::new();
    bench.part.watch(bench.now, "c").unwrap();
    bench.part.link_up();
    bench.steps();
    assert!(bench.refuse(1, "forbidden", None));
    let told = refused("c", Why::Denied("forbidden".into()));
    assert_eq!(bench.steps(), vec![told.clone()]);
    assert_eq!(bench.state("c"), Some(State::Refused));
    bench.part.link_down(bench.now);
    bench.part.link_up();
    assert_eq!(bench.run(Millis::minutes(60)), []);
    bench.part.token_changed();
    assert_eq!(bench.steps(), [subscribe(2, "c", None)]);
    assert!(bench.refuse(2, "forbidden", None));
    assert_eq!(bench.steps(), vec![told.clone()]);
    bench.part.watch(bench.now, "c").unwrap();
    assert_eq!(
        bench.steps(),
        [subscribe(3, "c", None)],
        "somebody asks anew"
    );
    assert!(bench.refuse(3, "forbidden", None));
    bench
        .part
        .watch_for_tab(bench.now, TAB, &[want("c", None)])
        .unwrap();
    assert_eq!(bench.steps(), [told, subscribe(4, "c", None)]);
    bench.refuse(4, "forbidden", None);
    bench.steps();
    bench
        .part
        .watch_for_tab(bench.now, TAB, &[want("c", None)])
        .unwrap();
    assert_eq!(bench.steps(), [], "it only says again that it is there");
}

#[test]
fn a_refusal_is_matched_by_its_number_or_by_its_channel() {
    let mut bench = Bench::new();
    bench.part.watch(bench.now, "c").unwrap();
    bench.part.watch(bench.now, "d").unwrap();
    bench.part.link_up();
    bench.steps();
    assert!(!bench.refuse(9, "forbidden", None));
    let mut refusal = Refusal {
        request: None,
        channel: None,
        code: "forbidden".to_owned(),
        message: String::new(),
        retry_after_ms: None,
    };
    let mut rng = Rng::new(3);
    assert!(!bench.part.refused(bench.now, &refusal, &mut rng));
    refusal.channel = Some("d".to_owned());
    assert!(bench.part.refused(bench.now, &refusal, &mut rng));
    assert_eq!(bench.state("c"), Some(State::Subscribing));
    assert_eq!(bench.state("d"), Some(State::Refused));
    // A server that does not answer to what it takes refuses what we have for taken; by a number it does not.
    let now = bench.now;
    bench
        .part
        .subscribed(now, None, "c", None, Recovery::Impossible);
    assert_eq!(bench.state("c"), Some(State::Subscribed));
    refusal.channel = Some("c".to_owned());
    refusal.request = Some(RequestId(1));
    assert!(!bench.part.refused(bench.now, &refusal, &mut rng));
    refusal.request = None;
    assert!(bench.part.refused(bench.now, &refusal, &mut rng));
    assert_eq!(bench.state("c"), Some(State::Refused));
}
