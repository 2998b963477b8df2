//! What an event is, by its number.

use super::*;

const HELD_BYTES: usize = crate::engine::limits::HELD_BYTES_MAX;

#[test]
fn events_are_taken_in_order_once() {
    let mut bench = Bench::following();
    assert_eq!(bench.event("c", 6), Verdict::Next);
    assert_eq!(bench.event("c", 6), Verdict::Duplicate);
    assert_eq!(bench.event("other", 1), Verdict::Foreign);
    assert_eq!(
        bench.part.event(bench.now, "c", None, &mut || "".into()),
        Verdict::Next
    );
}

/// Fault 30: 5 then 8 is resumed, and no event is 8 before 6 and 7.
#[test]
fn fault_30_a_gap_is_asked_for_once_and_nothing_comes_out_of_order() {
    let mut bench = Bench::following();
    assert_eq!(bench.event("c", 8), Verdict::Ahead);
    assert_eq!(bench.event("c", 9), Verdict::Held);
    assert_eq!(bench.steps(), [subscribe(2, "c", at(5))]);
    assert_eq!(bench.event("c", 10), Verdict::Held);
    assert_eq!(bench.steps(), []);
    bench.confirm(2, "c", at(9), Recovery::Complete);
    assert_eq!(bench.steps(), [place("c", at(5), Before::Whole)]);
    let verdicts = [6, 7, 8, 9].map(|seq| bench.event("c", seq));
    assert_eq!(
        verdicts,
        [
            Verdict::Next,
            Verdict::Next,
            Verdict::Duplicate,
            Verdict::Duplicate
        ]
    );
    let held = [deliver("c", 8), deliver("c", 9), deliver("c", 10)];
    assert_eq!(bench.steps(), held);
    bench.part.frame_end(bench.now);
    assert_eq!(bench.steps(), []);
    assert_eq!(bench.event("c", 11), Verdict::Next);
    assert_eq!(bench.state("c"), Some(State::Subscribed));
}

#[test]
fn an_event_that_only_came_late_ends_the_trouble_before_anybody_is_asked() {
    let mut bench = Bench::following();
    assert_eq!(bench.event("c", 7), Verdict::Ahead);
    assert_eq!(bench.event("c", 6), Verdict::Next);
    assert_eq!(bench.steps(), [deliver("c", 7)]);
    assert_eq!(bench.state("c"), Some(State::Subscribed));
    assert_eq!(bench.event("c", 8), Verdict::Next);
}

#[test]
fn too_many_held_events_are_dropped_because_the_answer_brings_them() {
    let mut bench = Bench::following();
    for seq in 7..=7 + HELD_EVENTS_MAX as u64 {
        bench.event("c", seq);
    }
    assert_eq!(bench.part.held_bytes, 0);
    assert_eq!(bench.steps(), [subscribe(2, "c", at(5))]);
    let last = 8 + HELD_EVENTS_MAX as u64;
    bench.confirm(2, "c", at(last), Recovery::Complete);
    for seq in 6..=last {
        assert_eq!(bench.event("c", seq), Verdict::Next);
    }
    bench.part.frame_end(bench.now);
    assert_eq!(bench.steps(), [place("c", at(5), Before::Whole)]);
}

#[test]
fn held_events_are_bounded_in_bytes_over_all_channels() {
    let mut bench = Bench::following();
    let large: Rc<str> = "x".repeat(HELD_BYTES / 2 - 1).into();
    let mut event = |seq| {
        let mut text = || Rc::clone(&large);
        bench.part.event(bench.now, "c", Some(Seq(seq)), &mut text)
    };
    assert_eq!([event(7), event(8)], [Verdict::Ahead, Verdict::Held]);
    assert_eq!(event(9), Verdict::Held);
    assert_eq!(bench.part.held_bytes, 0, "the third was one too many");
}

#[test]
fn a_server_that_promises_all_and_sends_less_leaves_no_hole() {
    let mut bench = Bench::following();
    bench.event("c", 9);
    bench.steps();
    bench.confirm(2, "c", at(9), Recovery::Complete);
    assert_eq!(bench.event("c", 6), Verdict::Next);
    bench.part.frame_end(bench.now);
    let told = [
        place("c", at(5), Before::Whole),
        place("c", at(9), Before::Gap),
        gap("c"),
    ];
    assert_eq!(bench.steps(), told);
    assert_eq!(bench.event("c", 10), Verdict::Next);
}
