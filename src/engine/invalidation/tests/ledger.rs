//! What the adapter is told: G1 and G2 for one key.

use super::*;
use crate::engine::limits::{
    CANCEL_CALM, FETCH_LOST_AFTER, FETCH_LOST_WHEN_AWAY, FETCH_LOST_WHEN_AWAY_MAX, KEYS_MAX,
    REFETCH_BACKOFF_FIRST, REFETCH_BACKOFF_MAX, REFETCH_START_WITHIN,
};

const ROUTES: &str = r#"{"moved":{"keys":[["tasks"]],"version":"$.v"}}"#;
const TASKS: &str = "[\"tasks\"]";
const NONE: [&str; 0] = [];

fn bench() -> Bench {
    let mut bench = Bench::new(ROUTES);
    bench.observe(TASKS);
    bench
}

#[test]
fn g1_an_event_during_the_first_load_is_not_lost() {
    let mut bench = bench();
    bench.start(TASKS);
    bench.now += 10;
    bench.event("moved");
    assert_eq!(bench.refetch(), NONE, "a fetch runs");
    bench.now += WINDOW.0;
    bench.success(TASKS);
    assert_eq!(bench.refetch(), [TASKS]);
    bench.fetch(TASKS, 50);
    assert_eq!(bench.refetches_within(Millis::minutes(10)), []);
}

#[test]
fn g1_an_event_that_waits_for_its_window_while_a_fetch_starts_and_ends() {
    let mut bench = bench();
    bench.event("moved");
    assert_eq!(bench.refetch(), [TASKS]);
    bench.fetch(TASKS, 10);
    // The second event is told at the end of the window; a fetch runs from before it to before that.
    bench.start(TASKS);
    bench.now += 10;
    bench.event("moved");
    bench.now += 10;
    bench.success(TASKS);
    assert_eq!(bench.refetch(), NONE);
    assert_eq!(bench.refetches_within(Millis(2 * WINDOW.0)).len(), 1);
}

#[test]
fn a_fetch_that_started_after_the_event_costs_no_other() {
    let mut bench = bench();
    bench.event("moved");
    bench.refetch();
    bench.fetch(TASKS, 10);
    bench.event("moved");
    bench.now += 1;
    bench.fetch(TASKS, 10);
    assert_eq!(bench.refetches_within(Millis::minutes(10)), []);
}

#[test]
fn a_fetch_that_started_after_the_event_and_failed_is_made_up_for() {
    let mut bench = bench();
    bench.event("moved");
    bench.refetch();
    bench.fetch(TASKS, 10);
    bench.event("moved");
    bench.start(TASKS);
    bench.now += WINDOW.0 * 2;
    assert_eq!(bench.refetch(), NONE);
    bench.failure(TASKS);
    assert_eq!(bench.refetches_within(Millis::seconds(9)).len(), 1);
}

#[test]
fn a_version_at_least_as_new_pays_what_came_during_the_fetch() {
    for (version, refetches) in [("6", 1), ("7", 0), ("8", 0)] {
        let mut bench = bench();
        bench.start(TASKS);
        bench.now += 10;
        bench.event_of("moved", "{\"v\":7}", false);
        assert_eq!(bench.refetch(), NONE);
        bench.success_of(TASKS, version);
        assert_eq!(bench.refetches_within(WINDOW).len(), refetches, "{version}");
    }
}

#[test]
fn an_event_of_a_version_that_is_shown_costs_nothing() {
    let mut bench = bench();
    bench.success_of(TASKS, "7");
    bench.event_of("moved", "{\"v\":7}", false);
    assert_eq!(bench.refetch(), NONE);
    bench.event_of("moved", "{\"v\":8}", false);
    assert_eq!(bench.refetches_within(WINDOW).len(), 1);
}

#[test]
fn data_that_the_app_puts_there_pays_nothing_without_a_version() {
    let mut bench = bench();
    bench.event("moved");
    bench.success(TASKS);
    assert_eq!(bench.refetch(), [TASKS]);
}

#[test]
fn g2_an_endless_stream_reaches_the_screen_within_a_fetch_and_a_window() {
    let (every, takes) = (40, 80);
    let mut bench = bench();
    let begin = bench.now;
    let (mut running, mut requests, mut answers) = (None, 0, Vec::new());
    for at in begin..begin + 3000 {
        bench.now = at;
        if (at - begin).is_multiple_of(every) {
            bench.event("moved");
        }
        if running == Some(at) {
            running = None;
            answers.push(at - begin);
            bench.success(TASKS);
        }
        for _ in bench.refetch() {
            assert_eq!(running, None, "one at a time");
            requests += 1;
            running = Some(at + takes);
            bench.start(TASKS);
        }
    }
    assert_eq!(answers[0], takes);
    assert!(requests <= 45, "{requests}");
    let longest = answers.windows(2).map(|pair| pair[1] - pair[0]).max();
    assert!(longest <= Some(takes + WINDOW.0), "{longest:?}");
    // The last event is shown in the end.
    bench.now = running.unwrap_or(bench.now);
    bench.success(TASKS);
    assert!(bench.refetches_within(WINDOW).len() <= 1);
}

#[test]
fn nothing_is_refetched_that_nobody_looks_at() {
    let mut bench = bench();
    bench.report(TASKS, Phase::Unobserve);
    bench.event("moved");
    assert_eq!(bench.refetches_within(Millis::minutes(10)), []);
    bench.observe(TASKS);
    assert_eq!(bench.refetch(), [TASKS]);
}

#[test]
fn what_is_only_in_the_cache_is_observed_as_inactive() {
    let mut bench = Bench::new(ROUTES);
    let (active, visible) = (false, false);
    bench.report(
        TASKS,
        Phase::Observe {
            active,
            visible,
            age: None,
        },
    );
    bench.event("moved");
    assert_eq!(bench.refetch(), NONE);
    bench.observe(TASKS);
    assert_eq!(bench.refetch(), [TASKS]);
}

#[test]
fn a_key_that_left_the_cache_is_forgotten() {
    let mut bench = bench();
    bench.event("moved");
    bench.report(TASKS, Phase::Remove);
    assert_eq!(bench.refetch(), NONE);
    assert_eq!(bench.part.keys(), 0);
    bench.observe("[\"other\"]");
    bench.now += WINDOW.0;
    bench.event("moved");
    assert_eq!(bench.refetch(), NONE, "another key took the place");
    bench.report("[\"never seen\"]", Phase::Remove);
}

#[test]
fn failures_back_off_with_jitter_and_never_end() {
    let mut bench = bench();
    bench.event("moved");
    assert_eq!(bench.refetch(), [TASKS]);
    let mut waits = Vec::new();
    for _ in 0..12 {
        bench.start(TASKS);
        bench.failure(TASKS);
        let before = bench.now;
        let told = loop {
            bench.now = bench.part.next_wakeup().unwrap().0;
            let told = bench.refetch();
            if !told.is_empty() {
                break told;
            }
        };
        assert_eq!(told, [TASKS]);
        waits.push(bench.now - before);
    }
    assert!(waits[0] <= REFETCH_BACKOFF_FIRST.0 + WINDOW.0, "{waits:?}");
    assert!(
        waits
            .iter()
            .all(|wait| *wait <= REFETCH_BACKOFF_MAX.0 + WINDOW.0),
        "{waits:?}"
    );
    assert!(waits[5..].iter().any(|wait| *wait > 10_000), "{waits:?}");
    bench.start(TASKS);
    bench.success(TASKS);
    assert_eq!(bench.refetches_within(Millis::minutes(10)), []);
}

#[test]
fn events_do_not_get_a_failing_key_refetched_sooner() {
    let mut bench = bench();
    bench.event("moved");
    bench.refetch();
    let mut told = 0;
    for _ in 0..600 {
        bench.event("moved");
        bench.report(TASKS, Phase::Unobserve);
        bench.observe(TASKS);
        for _ in bench.refetch() {
            told += 1;
            bench.start(TASKS);
            bench.failure(TASKS);
        }
        bench.now += 100;
    }
    assert!(told < 20, "{told} refetches in a minute");
}

#[test]
fn an_adapter_that_does_not_start_is_told_again() {
    let mut bench = bench();
    bench.event("moved");
    assert_eq!(bench.refetch(), [TASKS]);
    assert_eq!(
        bench.refetches_within(Millis(REFETCH_START_WITHIN.0 - 1)),
        []
    );
    assert_eq!(
        bench.refetches_within(REFETCH_BACKOFF_FIRST + WINDOW).len(),
        1
    );
}

#[test]
fn a_fetch_that_never_ends_is_made_up_for() {
    let mut bench = bench();
    bench.start(TASKS);
    bench.event("moved");
    assert_eq!(bench.refetches_within(Millis(FETCH_LOST_AFTER.0 - 1)), []);
    assert_eq!(bench.refetches_within(Millis::seconds(9)).len(), 1);
}

#[test]
fn a_fetch_that_ran_while_the_page_was_away_is_given_up_soon() {
    let mut bench = bench();
    bench.start(TASKS);
    bench.part.was_away(bench.mono());
    bench.now += FETCH_LOST_WHEN_AWAY.0 - 1;
    assert!(bench.flush().lost.is_empty(), "it has time to end");
    bench.now += 1;
    let lost = bench.flush().lost;
    assert_eq!(lost.iter().map(QueryKey::text).collect::<Vec<_>>(), [TASKS]);
    assert!(bench.flush().lost.is_empty(), "told once");
}

#[test]
fn what_an_outage_took_does_not_let_a_hung_fetch_hang_on() {
    let mut bench = bench();
    bench.start(TASKS);
    // With the retries of an outage.
    bench.now += 60_000;
    bench.report(
        TASKS,
        Phase::Success {
            fetch: None,
            version: None,
        },
    );
    bench.flush();
    bench.start(TASKS);
    bench.part.was_away(bench.mono());
    bench.now += FETCH_LOST_WHEN_AWAY_MAX.0 - 1;
    assert!(bench.flush().lost.is_empty(), "it has time to end");
    bench.now += 1;
    assert_eq!(bench.flush().lost.len(), 1);
}

#[test]
fn what_a_freeze_took_is_not_how_long_a_fetch_takes() {
    let mut bench = bench();
    bench.start(TASKS);
    bench.now += 20_000;
    bench.part.was_away(bench.mono());
    bench.report(
        TASKS,
        Phase::Success {
            fetch: None,
            version: None,
        },
    );
    bench.flush();
    bench.start(TASKS);
    bench.part.was_away(bench.mono());
    bench.now += FETCH_LOST_WHEN_AWAY.0;
    assert_eq!(bench.flush().lost.len(), 1);
}

#[test]
fn a_cancelled_fetch_leaves_the_optimistic_value_alone_for_a_while() {
    let mut bench = bench();
    bench.event("moved");
    bench.refetch();
    bench.start(TASKS);
    bench.report(TASKS, Phase::Cancel);
    assert_eq!(bench.refetches_within(Millis(CANCEL_CALM.0 - 1)), []);
    assert_eq!(bench.refetches_within(Millis(1)).len(), 1);
}

#[test]
fn fault_41_an_answer_of_an_older_fetch_does_not_count() {
    let mut bench = bench();
    let start = |fetch| Phase::Start {
        fetch: Some(fetch),
        age: None,
    };
    let success = |fetch| Phase::Success {
        fetch: Some(fetch),
        version: None,
    };
    bench.report(TASKS, start(1));
    bench.now += 10;
    bench.event("moved");
    bench.flush();
    // The app cancels and starts another; then the first answer comes after all.
    bench.report(TASKS, start(2));
    assert_eq!(bench.report(TASKS, success(1)), Reported::Noted);
    assert_eq!(
        bench.report(
            TASKS,
            Phase::Failure {
                fetch: Some(1),
                retry_after: None
            }
        ),
        Reported::Noted
    );
    assert!(
        bench
            .part
            .ledger
            .state(&key(TASKS))
            .unwrap()
            .fetch()
            .is_some()
    );
    bench.now += 10;
    bench.event("moved");
    assert_eq!(bench.report(TASKS, success(2)), Reported::Fetched);
    // An event that is newer than the answer is not forgotten for it.
    assert_eq!(bench.refetches_within(Millis(2 * WINDOW.0)).len(), 1);
}

#[test]
fn the_ledger_has_a_limit_and_says_so() {
    let mut bench = Bench::new(ROUTES);
    for number in 0..KEYS_MAX {
        bench.observe(&format!("[\"tasks\",{number}]"));
    }
    let active = true;
    let visible = true;
    let observe = Phase::Observe {
        active,
        visible,
        age: None,
    };
    assert_eq!(bench.report("[\"tasks\",-1]", observe), Reported::Refused);
    bench.event("moved");
    // From now on nobody may pass over the prefixes.
    assert!(!bench.flush().stale[0].handled);
}

#[test]
fn g1_an_adapter_that_comes_late_is_owed_what_it_missed() {
    for (age, owed) in [(None, 0), (Some(5), 0), (Some(10), 1), (Some(u64::MAX), 1)] {
        let age = age.map(Millis);
        let mut bench = Bench::new(ROUTES);
        bench.event("moved");
        bench.flush();
        bench.now += 10;
        let (active, visible) = (true, true);
        bench.report(
            TASKS,
            Phase::Observe {
                active,
                visible,
                age,
            },
        );
        assert_eq!(bench.refetch().len(), owed, "data of {age:?} ago");

        let fetch = "[\"tasks\",1]";
        bench.observe(fetch);
        bench.report(fetch, Phase::Start { fetch: None, age });
        assert_eq!(bench.refetch(), NONE);
        bench.now += 10;
        bench.success(fetch);
        let told = bench.refetches_within(WINDOW);
        assert_eq!(told.len(), owed, "a fetch that began {age:?} ago");
    }
}

/// The keys that the adapter is told to mark.
fn unseen(bench: &mut Bench) -> Vec<String> {
    let keys = bench.flush().unseen;
    keys.iter().map(|key| key.text().to_owned()).collect()
}

#[test]
fn what_becomes_stale_while_nobody_looks_is_told_once_to_be_marked() {
    let mut bench = Bench::new(r#"{"e":[["a"]]}"#);
    for key in ["[\"a\",1]", "[\"a\",2]", "[\"b\"]"] {
        bench.observe(key);
        bench.success(key);
    }
    bench.report("[\"a\",1]", Phase::Unobserve);
    bench.event("e");
    assert_eq!(unseen(&mut bench), ["[\"a\",1]"]);
    bench.event("e");
    bench.now += WINDOW.0;
    assert_eq!(unseen(&mut bench), [""; 0], "it is marked already");
    bench.report("[\"a\",1]", Phase::Remove);
}

#[test]
fn what_is_left_while_it_is_stale_is_told_to_be_marked() {
    let mut bench = Bench::new(r#"{"e":[["a"]]}"#);
    bench.observe("[\"a\"]");
    bench.start("[\"a\"]");
    bench.event("e");
    bench.flush();
    bench.report("[\"a\"]", Phase::Unobserve);
    assert_eq!(unseen(&mut bench), [""; 0], "the fetch goes on");
    bench.success("[\"a\"]");
    assert_eq!(unseen(&mut bench), ["[\"a\"]"], "and did not see the event");
    bench.report(
        "[\"a\"]",
        Phase::Observe {
            active: true,
            visible: true,
            age: None,
        },
    );
    bench.report("[\"a\"]", Phase::Unobserve);
    bench.report(
        "[\"a\"]",
        Phase::Observe {
            active: true,
            visible: true,
            age: None,
        },
    );
    assert_eq!(unseen(&mut bench), [""; 0], "somebody looks again");
}
