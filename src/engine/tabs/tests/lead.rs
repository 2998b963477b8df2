//! Who leads, for how long, and how the lead passes on.

use super::*;

#[test]
fn a_grant_that_comes_after_the_request_was_given_up_is_void() {
    let mut tabs = following();
    tabs.stop();
    tabs.granted(at(1), TICKET);
    tabs.start(at(2));
    tabs.granted(at(3), TICKET);
    assert_eq!(tabs.role(), Role::Following);
    tabs.granted(at(4), LockTicket(2));
    assert!(matches!(tabs.role(), Role::Leading(_)));
}

#[test]
fn a_new_term_is_newer_than_every_term_that_was_heard_of() {
    let mut tabs = following();
    assert_eq!(tabs.hears(at(0), term(50_000, 9)), Hears::Yes);
    tabs.granted(at(1), TICKET);
    assert_eq!(tabs.role(), Role::Leading(term(50_001, 5)));
}

#[test]
fn of_two_leaders_the_older_term_steps_down() {
    let mut tabs = leading();
    assert_eq!(tabs.hears(at(2), term(1000, 9)), Hears::Void);
    assert_eq!(
        tabs.hears(at(2), term(1001, 4)),
        Hears::Void,
        "a tie is broken by the tab"
    );
    assert_eq!(tabs.hears(at(2), term(1001, 9)), Hears::Yes);
    assert_eq!(tabs.role(), Role::Following);
}

#[test]
fn no_message_takes_the_lead_by_a_term_from_the_far_future() {
    let mut tabs = leading();
    let far = term(1002 + TERM_AHEAD_MAX.0, 9);
    assert_eq!(tabs.hears(at(1), far), Hears::Foreign);
    assert_eq!(tabs.hears(at(1), term(u64::MAX, 9)), Hears::Foreign);
    assert!(matches!(tabs.role(), Role::Leading(_)));
    // The furthest that is believed leaves room for terms that a number can hold.
    assert_eq!(
        tabs.hears(at(1), term(1001 + TERM_AHEAD_MAX.0, 9)),
        Hears::Yes
    );
    let Some(Step::Queue(ticket)) = steps(&mut tabs).pop() else {
        panic!("it queues again");
    };
    tabs.granted(at(2), ticket);
    assert_eq!(tabs.role(), Role::Leading(term(1002 + TERM_AHEAD_MAX.0, 5)));
}

#[test]
fn a_clock_that_is_set_back_makes_no_leader_foreign() {
    let mut tabs = following();
    let far = Now {
        mono: Mono(0),
        wall: Wall(TERM_AHEAD_MAX.0 * 3),
    };
    tabs.hears(far, term(far.wall.0, 9));
    assert_eq!(tabs.hears(at(1), term(far.wall.0 + 5, 9)), Hears::Yes);
}

#[test]
fn a_follower_leaves_an_older_leader_for_a_newer_one() {
    let mut tabs = led();
    tabs.follow(term(700, 9), status(), 3);
    assert_eq!(steps(&mut tabs), []);
    assert_eq!(tabs.count(), 3);
    assert_eq!(tabs.hears(at(2), term(800, 2)), Hears::Yes);
    assert!(!tabs.follows(term(800, 2)), "it has not said where it is");
    tabs.follow(term(800, 2), status(), 2);
    assert_eq!(steps(&mut tabs), [Step::NewLeader]);
    assert_eq!(tabs.hears(at(3), term(700, 9)), Hears::Void);
    assert!(tabs.follows(term(800, 2)));
}

#[test]
fn the_leader_that_said_goodbye_is_followed_no_more() {
    let mut tabs = led();
    tabs.left(at(2), OTHER);
    assert_eq!(steps(&mut tabs), [Step::Gone(OTHER), Step::LeaderLost]);
    assert_eq!(tabs.leader_status(), None);
    assert_eq!(
        tabs.hears(at(3), term(3, 2)),
        Hears::Yes,
        "whoever comes next is believed"
    );
}

// Frozen leaders.

#[test]
fn a_frozen_leader_is_asked_and_then_loses_the_lock() {
    let mut tabs = led();
    let done = run(&mut tabs, 1, 17_000);
    let asked = LEADER_SILENCE.0 + 1;
    let again = (1..u64::from(ASK_MISSES)).map(|n| (asked + n * ASK_TIMEOUT.0, Step::Ask));
    let expected: Vec<_> = [(asked, Step::Ask)].into_iter().chain(again).collect();
    assert_eq!(done[..3], expected);
    let struck = asked + u64::from(ASK_MISSES) * ASK_TIMEOUT.0;
    assert!(
        (struck..=struck + STEAL_SPREAD.0).contains(&done[3].0),
        "{done:?}"
    );
    assert_eq!(done[3].1, Step::Release(TICKET));
    assert_eq!(done[4].1, Step::Steal(LockTicket(2)));
    tabs.granted(at(17_001), LockTicket(2));
    assert!(matches!(tabs.role(), Role::Leading(_)));
    let later = 17_000 + RETURNS_WITHIN.0;
    assert!(tabs.may_return(at(later)), "it only stands still");
}

#[test]
fn a_leader_that_answers_just_before_it_freezes_is_asked_again_by_who_waits_for_more() {
    let mut tabs = led();
    // Half a second before the leader is asked anyway, a lease is asked for.
    tabs.expects_answer(at(LEADER_SILENCE.0 - 500));
    let asked = LEADER_SILENCE.0 + 1;
    assert_eq!(run(&mut tabs, 1, asked), [(asked, Step::Ask)]);
    assert_eq!(tabs.hears(at(asked), term(700, 9)), Hears::Yes);
    let again = asked + ASK_TIMEOUT.0;
    assert_eq!(run(&mut tabs, asked + 1, again), [(again, Step::Ask)]);
    // One that answers then is there.
    assert_eq!(tabs.hears(at(again), term(700, 9)), Hears::Yes);
    assert_eq!(run(&mut tabs, again + 1, again + LEADER_SILENCE.0 - 1), []);
}

#[test]
fn one_tab_asks_for_all_and_the_others_judge_by_its_question() {
    let mut tabs = led();
    let asked = 2 + LEADER_SILENCE.0;
    // The other one was a moment sooner.
    tabs.asks(at(asked - 2), TabId(2));
    let done = run(&mut tabs, asked - 2, 17_000);
    let struck = asked - 2 + u64::from(ASK_MISSES) * ASK_TIMEOUT.0;
    let (at_moment, _) = done[2];
    assert!(
        (struck..=struck + STEAL_SPREAD.0).contains(&at_moment),
        "no later than if it had asked itself: {done:?}"
    );

    // The leader answers it, again and again: this one has nothing to say.
    let mut tabs = led();
    for round in 1..20 {
        let now = round * LEADER_SILENCE.0;
        tabs.asks(at(now), TabId(2));
        assert_eq!(tabs.hears(at(now + 9), term(700, 9)), Hears::Yes);
        tabs.heard(at(now + 9), OTHER, None);
        let done = run(&mut tabs, now, now + LEADER_SILENCE.0 - 1);
        assert!(
            done.iter().all(|(_, step)| *step == Step::SayHere),
            "{done:?}"
        );
    }
}

#[test]
fn when_the_one_that_asked_for_all_stops_another_one_does() {
    let heard = LEADER_SILENCE.0 + 10;
    type Stop = (fn(&mut Tabs), u64);
    let stops: [Stop; 4] = [
        (|_| {}, heard + ASK_SPARE.0),
        (|t| t.left(at(11_000), TabId(2)), heard),
        (
            |t| {
                t.heard(at(11_000), TabId(2), Some(false));
            },
            heard,
        ),
        (
            |t| {
                // It leads now.
                t.hears(at(11_000), term(800, 2));
                t.follow(term(800, 2), status(), 2);
            },
            11_000,
        ),
    ];
    for (stop, silent_from) in stops {
        let mut tabs = led();
        tabs.asks(at(LEADER_SILENCE.0), TabId(2));
        tabs.hears(at(heard), term(700, 9));
        stop(&mut tabs);
        let done = run(&mut tabs, 11_000, 30_000);
        let asks = done.iter().find(|(_, step)| *step == Step::Ask);
        assert_eq!(asks, Some(&(silent_from + LEADER_SILENCE.0, Step::Ask)));
    }
}

#[test]
fn of_two_that_ask_at_a_time_one_goes_on() {
    let ask = |other: u64| {
        let mut tabs = led();
        run(&mut tabs, 1, 1 + LEADER_SILENCE.0);
        tabs.asks(at(2 + LEADER_SILENCE.0), TabId(other));
        tabs.hears(at(20_000), term(700, 9));
        let done = run(&mut tabs, 20_000, 31_000);
        done.iter().map(|(at, _)| *at).find(|at| *at > 20_000)
    };
    assert_eq!(ask(6), Some(20_000 + LEADER_SILENCE.0));
    assert_eq!(ask(4), Some(20_000 + LEADER_SILENCE.0 + ASK_SPARE.0));
    // The leader answered before they heard of each other.
    let ask = |other: u64| {
        let mut tabs = led();
        run(&mut tabs, 1, 1 + LEADER_SILENCE.0);
        let heard = 3 + LEADER_SILENCE.0;
        tabs.hears(at(heard), term(700, 9));
        tabs.asks(at(heard + 1), TabId(other));
        tabs.hears(at(heard + 2), term(700, 9));
        let done = run(&mut tabs, heard + 3, 31_000);
        done.iter()
            .map(|(at, _)| at - heard - 2)
            .find(|at| *at > 5000)
    };
    assert_eq!(ask(6), Some(LEADER_SILENCE.0));
    assert_eq!(ask(4), Some(LEADER_SILENCE.0 + ASK_SPARE.0));
}

#[test]
fn a_question_that_was_answered_before_it_was_heard_is_none() {
    let mut tabs = led();
    tabs.hears(at(LEADER_SILENCE.0), term(700, 9));
    tabs.asks(at(LEADER_SILENCE.0 + 1), TabId(2));
    let done = run(&mut tabs, LEADER_SILENCE.0, 2 * LEADER_SILENCE.0 - 1);
    assert_eq!(done, []);
}

#[test]
fn a_leader_that_answers_late_but_answers_keeps_the_lock() {
    let mut tabs = led();
    for ms in (1..600_000).step_by(1000) {
        for (_, step) in run(&mut tabs, ms, ms + 999) {
            assert!(matches!(step, Step::Ask | Step::SayHere), "{step:?}");
        }
        // It answers every second question, a good second after it.
        if ms % 18_000 == 1 {
            assert_eq!(tabs.hears(at(ms), term(700, 9)), Hears::Yes);
        }
        if ms % 12_000 == 1 {
            tabs.hears(at(ms), term(700, 9));
            tabs.heard(at(ms), OTHER, None);
        }
    }
}

#[test]
fn a_hidden_tab_does_not_ask_and_one_that_comes_into_view_does() {
    let mut tabs = led();
    tabs.turned(at(2), false);
    steps(&mut tabs);
    let done = run(&mut tabs, 2, 170_000);
    assert!(
        done.iter().all(|(_, step)| *step == Step::SayHere),
        "{done:?}"
    );
    tabs.heard(at(170_000), OTHER, None);
    tabs.turned(at(170_000), true);
    let done = run(&mut tabs, 170_000, 171_999);
    assert_eq!(done, [(170_000, Step::SayHere)], "which the leader answers");
    let done = run(&mut tabs, 172_000, 180_000);
    assert!(
        done.iter().any(|(_, step)| matches!(step, Step::Steal(_))),
        "{done:?}"
    );
}

#[test]
fn a_leader_that_does_not_answer_is_doubted_and_another_one_is_believed() {
    let mut tabs = led();
    assert_eq!(tabs.hears(at(2), term(600, 3)), Hears::Void);
    assert_eq!(steps(&mut tabs), [Step::Ask], "two leaders: one is gone");
    run(&mut tabs, 2, 2 + ASK_TIMEOUT.0);
    assert_eq!(tabs.hears(at(3000), term(600, 3)), Hears::Yes);
    tabs.follow(term(600, 3), status(), 2);
    assert_eq!(steps(&mut tabs), [Step::NewLeader]);
    assert_eq!(
        tabs.hears(at(3001), term(700, 9)),
        Hears::Yes,
        "it is there after all"
    );
}

#[test]
fn a_leader_that_answers_is_not_doubted_any_more() {
    let mut tabs = led();
    tabs.hears(at(2), term(600, 3));
    run(&mut tabs, 2, 2 + ASK_TIMEOUT.0);
    assert_eq!(tabs.hears(at(3000), term(700, 9)), Hears::Yes);
    assert_eq!(tabs.hears(at(3001), term(600, 3)), Hears::Void);
}

// Hand-over.

#[test]
fn a_leader_that_was_hidden_for_a_while_offers_the_lead_to_a_visible_tab() {
    let mut tabs = leading();
    tabs.heard(at(1), OTHER, Some(false));
    tabs.heard(at(1), TabId(2), None);
    tabs.turned(at(40_000), false);
    steps(&mut tabs);
    let hidden = |at: u64| at + HANDOVER_HIDDEN.0;
    let offers = |done: Vec<(u64, Step)>| -> Vec<(u64, Step)> {
        let offers = done
            .into_iter()
            .filter(|(_, step)| matches!(step, Step::Offer(_)));
        offers.collect()
    };
    assert_eq!(
        offers(run(&mut tabs, 40_000, 100_000)),
        [],
        "nobody can be seen"
    );
    tabs.heard(at(100_000), OTHER, Some(true));
    let first = offers(run(&mut tabs, 100_000, 100_000));
    assert_eq!(first, [(100_000, Step::Offer(OTHER))]);
    // Nobody took it: the lead goes on, and is offered again much later.
    assert!(matches!(tabs.role(), Role::Leading(_)));
    tabs.heard(at(140_000), OTHER, None);
    let next = offers(run(&mut tabs, 100_001, 100_000 + OFFER_AGAIN.0));
    assert_eq!(next, [(100_000 + OFFER_AGAIN.0, Step::Offer(OTHER))]);
    tabs.turned(at(161_000), true);
    tabs.turned(at(162_000), false);
    tabs.heard(at(162_000), OTHER, None);
    let again = offers(run(&mut tabs, 162_000, 230_000));
    assert_eq!(
        again,
        [(220_000, Step::Offer(OTHER))],
        "not before {}",
        hidden(162_000)
    );
}

#[test]
fn a_young_lead_is_not_handed_over() {
    let mut tabs = leading();
    tabs.heard(at(2), OTHER, Some(true));
    tabs.turned(at(2), false);
    steps(&mut tabs);
    let done = run(&mut tabs, 2, 60_000);
    let offered = done.iter().find(|(_, step)| matches!(step, Step::Offer(_)));
    assert_eq!(offered, Some(&(1 + HANDOVER_TENURE.0, Step::Offer(OTHER))));
}

#[test]
fn an_offer_is_taken_by_force_and_not_twice_in_a_row() {
    let mut tabs = led();
    tabs.offered(at(10));
    assert_eq!(
        steps(&mut tabs),
        [Step::Release(TICKET), Step::Steal(LockTicket(2))]
    );
    tabs.offered(at(11));
    assert_eq!(steps(&mut tabs), []);
    tabs.granted(at(12), LockTicket(2));
    assert!(matches!(tabs.role(), Role::Leading(_)));
    let mut hidden = led();
    hidden.turned(at(2), false);
    steps(&mut hidden);
    hidden.offered(at(10 + STEAL_AGAIN.0));
    assert_eq!(steps(&mut hidden), [], "it cannot be seen any more");
}

#[test]
fn a_hidden_tab_that_gets_the_lock_passes_it_on_once() {
    let mut tabs = passing();
    assert_eq!(tabs.role(), Role::Following);
    tabs.lost(at(5), TICKET);
    assert_eq!(steps(&mut tabs), [Step::Queue(LockTicket(2))]);
    tabs.granted(at(9), LockTicket(2));
    assert!(
        matches!(tabs.role(), Role::Leading(_)),
        "it came back: no ping-pong"
    );
}

#[test]
fn a_lock_that_nobody_takes_is_used_by_who_has_it() {
    let mut tabs = passing();
    let done = run(&mut tabs, 1, 1 + PASS_TIMEOUT.0);
    assert_eq!(done, [(1 + PASS_TIMEOUT.0, Step::TakeLead)]);
    assert!(matches!(tabs.role(), Role::Leading(_)));
}

#[test]
fn a_visible_tab_keeps_the_lock_that_it_gets() {
    let mut tabs = following();
    tabs.heard(at(0), OTHER, Some(true));
    tabs.granted(at(1), TICKET);
    assert!(matches!(tabs.role(), Role::Leading(_)));
}

// Locks that fail.

#[test]
fn a_request_that_fails_is_made_again_and_after_three_the_tab_is_for_itself() {
    let mut tabs = following();
    tabs.lost(at(10), TICKET);
    let done = run(&mut tabs, 10, 3000);
    assert!(
        done.contains(&(10 + 2 * LOCK_RETRY.0, Step::Queue(LockTicket(2)))),
        "{done:?}"
    );
    tabs.lost(at(3000), LockTicket(2));
    run(&mut tabs, 3000, 8000);
    assert_eq!(tabs.role(), Role::Following);
    let ticket = tabs.ticket;
    tabs.lost(at(9000), ticket);
    assert_eq!(
        steps(&mut tabs),
        [Step::Alone(Why::LocksRefused), Step::TakeLead]
    );
    assert_eq!(tabs.next_wakeup(), None);
    assert!(tabs.has_link());
}

#[test]
fn a_lead_that_is_stolen_and_won_again_counts_no_failures() {
    let mut tabs = leading();
    for n in 1..10 {
        tabs.lost(at(n), LockTicket(n as u32));
        assert_eq!(tabs.role(), Role::Following);
        tabs.granted(at(n), LockTicket(n as u32 + 1));
        assert!(matches!(tabs.role(), Role::Leading(_)));
    }
}

// The roster.

#[test]
fn silent_tabs_leave_the_roster() {
    let mut tabs = leading();
    tabs.heard(at(20), OTHER, None);
    assert_eq!(tabs.count(), 2);
    assert!(tabs.knows(OTHER));
    let done = run(&mut tabs, 20, 20 + ROSTER_EXPIRE.0);
    assert_eq!(
        done.last(),
        Some(&(20 + ROSTER_EXPIRE.0, Step::Gone(OTHER)))
    );
    assert_eq!(tabs.count(), 1);
    assert_eq!(tabs.next_wakeup(), None, "a leader of nobody sleeps");
}

#[test]
fn a_leader_looks_up_who_is_still_there() {
    let mut tabs = leading();
    tabs.heard(at(2), OTHER, None);
    let done = run(&mut tabs, 2, ROSTER_CHECK.0 * 2 + 5);
    let looks = [1, 2].map(|n| (1 + n * ROSTER_CHECK.0, Step::QueryLocks));
    assert_eq!(done, looks);
    tabs.locks(at(70_000), &[OTHER, TabId(77)]);
    assert_eq!(steps(&mut tabs), []);
    tabs.locks(at(90_000), &[]);
    assert_eq!(steps(&mut tabs), [Step::Gone(OTHER)]);
}

#[test]
fn a_leader_that_slept_does_not_throw_everybody_out() {
    let mut tabs = leading();
    tabs.heard(at(10), OTHER, None);
    tabs.tick(at(20), &mut Rng::new(1));
    tabs.tick(at(7_200_000), &mut Rng::new(1));
    assert_eq!(steps(&mut tabs), [Step::QueryLocks]);
    assert!(tabs.knows(OTHER));
}

#[test]
fn whoever_is_put_away_forgets_everybody_and_starts_anew() {
    let mut tabs = led();
    tabs.stop();
    assert_eq!(steps(&mut tabs), [Step::Release(TICKET)]);
    assert!(!tabs.knows(OTHER));
    assert_eq!(tabs.next_wakeup(), None);
    tabs.start(at(99));
    assert_eq!(steps(&mut tabs), [Step::Queue(LockTicket(2))]);
    assert_eq!(tabs.leader_status(), None);
}
