//! G10 and G11: whose turn it is, and how many have one.

use super::*;
use crate::engine::limits::{
    REFETCH_AFTER_CALM, REFETCH_BACKOFF_FIRST, REFETCH_BURST, REFETCH_PER_SECOND, REFETCH_WAIT_MAX,
};

const ROUTES: &str = r#"{"moved":[["tasks"]]}"#;

fn task(number: u64) -> String {
    format!("[\"tasks\",{number}]")
}

/// Keys on the screen.
fn with(keys: u64) -> Bench {
    let mut bench = Bench::new(ROUTES);
    for number in 0..keys {
        bench.observe(&task(number));
    }
    bench
}

#[test]
fn what_is_on_the_screen_comes_first_then_what_is_cheap() {
    let mut bench = Bench::new(ROUTES);
    for (number, visible, takes) in [
        (0, false, 10),
        (1, true, 900),
        (2, true, 20),
        (3, false, 500),
    ] {
        bench.look(&task(number), visible);
        bench.fetch(&task(number), takes);
    }
    bench.now += WINDOW.0;
    bench.event("moved");
    assert_eq!(bench.refetch(), [task(2), task(1), task(0), task(3)]);
}

#[test]
fn on_a_page_that_nobody_sees_nothing_is_on_the_screen() {
    let mut bench = Bench::new(ROUTES);
    for (number, visible, takes) in [(0, true, 500), (1, false, 10)] {
        bench.look(&task(number), visible);
        bench.fetch(&task(number), takes);
    }
    bench.part.page_visible(false);
    bench.now += WINDOW.0;
    bench.event("moved");
    assert_eq!(bench.refetch(), [task(1), task(0)]);
}

#[test]
fn refetches_are_a_burst_and_then_a_rate() {
    let count = REFETCH_BURST + 3 * REFETCH_PER_SECOND;
    let mut bench = with(count);
    bench.event("moved");
    let told = bench.refetches_within(Millis::seconds(9));
    assert_eq!(told.len() as u64, count);
    let by = |ms| told.iter().filter(|(at, _)| *at <= ms).count() as u64;
    assert_eq!(by(0), REFETCH_BURST);
    assert_eq!(by(1000), REFETCH_BURST + REFETCH_PER_SECOND);
    assert_eq!(by(3000), count);
}

#[test]
fn nobody_waits_for_ever_behind_what_is_visible() {
    let mut bench = with(2 * REFETCH_BURST);
    bench.look(&task(0), false);
    let begin = bench.now;
    let mut running: Vec<(u64, String)> = Vec::new();
    loop {
        bench.event("moved");
        for (_, key) in running
            .extract_if(.., |(until, _)| *until <= bench.now)
            .collect::<Vec<_>>()
        {
            bench.success(&key);
        }
        let told = bench.refetch();
        if told.contains(&task(0)) {
            break;
        }
        for key in told {
            bench.start(&key);
            running.push((bench.now + 30, key));
        }
        bench.now += 10;
        assert!(bench.now < begin + 2 * REFETCH_WAIT_MAX.0, "it starves");
    }
}

#[test]
fn fault_34_ten_thousand_events_in_a_second_are_a_few_refetches_and_the_last_is_seen() {
    let mut bench = with(50);
    let (mut told, mut refetched) = (0, 0);
    for at in 0..10_000 {
        if at % 10 == 0 {
            bench.now += 1;
        }
        bench.event("moved");
        let flushed = bench.flush();
        told += texts(flushed.stale).len();
        for key in texts(flushed.refetch) {
            refetched += 1;
            bench.fetch(&key, 0);
        }
    }
    assert!(told <= 11, "{told} tellings");
    assert!(
        refetched as u64 <= REFETCH_BURST + REFETCH_PER_SECOND,
        "{refetched} refetches"
    );
    // Since the last event every key is told once more, and never again.
    let last = bench.refetches_within(Millis::seconds(20));
    let mut keys: Vec<_> = last.into_iter().map(|(_, key)| key).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 50);
}

#[test]
fn ws33_a_storm_of_bulk_updates_costs_the_same_for_every_size_of_the_page() {
    // What an event does must not depend on how many keys there are: they are looked at when the
    // family is told, which is once a window.
    let mut bench = with(2000);
    bench.event("moved");
    bench.flush();
    for _ in 0..100_000 {
        bench.event("moved");
    }
    let flushed = bench.flush();
    assert_eq!((flushed.stale.len(), flushed.refetch.len()), (0, 0));
    bench.now += WINDOW.0;
    assert_eq!(bench.stale(), ["[\"tasks\"]"]);
}

fn failure_after(retry_after: RetryAfter) -> Phase {
    Phase::Failure {
        fetch: None,
        retry_after: Some(retry_after),
    }
}

#[test]
fn fault_39_a_server_that_asks_for_calm_gets_it() {
    let header = |text: &str| RetryAfter::Header(text.to_owned());
    let own = REFETCH_BACKOFF_FIRST.0 + WINDOW.0;
    // The wall clock of the tests stands at Wed, 21 Oct 2015 07:28:00 GMT.
    for (said, least, most) in [
        (header("120"), 120_000, 120_000),
        (RetryAfter::In(Millis::seconds(120)), 120_000, 120_000),
        (header("Wed, 21 Oct 2015 07:30:00 GMT"), 120_000, 120_000),
        (header("Wed, 21 Oct 2015 07:20:00 GMT"), 0, own),
        (header("abc"), 0, own),
        (header("-5"), 0, own),
        (header(""), 0, own),
        (header("1000000000"), RETRY_AFTER_MAX.0, RETRY_AFTER_MAX.0),
        (
            header("99999999999999999999"),
            RETRY_AFTER_MAX.0,
            RETRY_AFTER_MAX.0,
        ),
        (
            RetryAfter::In(Millis(u64::MAX)),
            RETRY_AFTER_MAX.0,
            RETRY_AFTER_MAX.0,
        ),
    ] {
        let mut bench = with(1);
        bench.event("moved");
        bench.refetch();
        bench.start(&task(0));
        bench.report(&task(0), failure_after(said.clone()));
        let told = bench.refetches_within(Millis::minutes(20));
        let (at, _) = told[0];
        let jitter = REFETCH_BACKOFF_FIRST.0;
        assert!(at >= least && at <= most + jitter, "{said:?}: {at}");
    }
}

#[test]
fn fault_39_all_keys_of_the_host_and_all_tabs_obey() {
    let mut bench = with(50);
    bench.start(&task(0));
    let calm = bench.report(&task(0), failure_after(RetryAfter::In(Millis::seconds(60))));
    let until = bench.mono() + Millis::seconds(60);
    assert_eq!(
        calm,
        Reported::Calm {
            host: "".into(),
            until
        }
    );
    bench.event("moved");
    let mut other = with(50);
    other.part.calm(other.mono(), "", until);
    other.event("moved");
    for bench in [&mut bench, &mut other] {
        assert_eq!(bench.refetches_within(Millis(59_999)), []);
        // And then it begins gently.
        let told = bench.refetches_within(Millis(1));
        assert_eq!(told.len() as u64, REFETCH_AFTER_CALM);
    }
}

#[test]
fn another_tab_is_not_believed_for_longer_than_the_server() {
    let mut bench = with(1);
    bench.part.calm(bench.mono(), "", Mono(u64::MAX));
    bench.event("moved");
    assert_eq!(bench.refetches_within(RETRY_AFTER_MAX).len(), 1);
}

#[test]
fn one_host_that_wants_calm_does_not_silence_the_others() {
    let mut bench = with(1);
    let host = Some("other".to_owned());
    let key = key("[\"tasks\",\"there\"]");
    let (active, visible) = (true, true);
    let now = Now {
        mono: bench.mono(),
        wall: Wall(0),
    };
    for phase in [
        Phase::Observe {
            active,
            visible,
            age: None,
        },
        failure_after(RetryAfter::In(Millis::seconds(60))),
    ] {
        let report = Report {
            key: key.clone(),
            phase,
            host: host.clone(),
        };
        bench.part.report(now, &report, &mut Rng::new(1));
    }
    bench.event("moved");
    assert_eq!(bench.refetch(), [task(0)]);
    bench.fetch(&task(0), 10);
    assert_eq!(bench.refetches_within(Millis::seconds(59)), []);
    assert_eq!(bench.refetches_within(Millis::seconds(4)).len(), 1);
}

#[test]
fn after_a_gap_the_herd_is_spread_and_the_screen_comes_first() {
    let mut at_once = 0;
    let mut late = 0;
    for seed in 0..200 {
        let mut bench = with(0);
        bench.rng = Rng::new(seed);
        bench.look(&task(1), true);
        bench.look(&task(2), false);
        let mono = bench.mono();
        let mut rng = Rng::new(seed);
        bench.part.gap(mono, "c", &mut rng);
        // A page that renders anew says again who looks; that is no reason to hurry.
        bench.look(&task(1), true);
        bench.look(&task(2), false);
        let told = bench.refetches_within(GAP_SPREAD);
        assert_eq!(told.len(), 2);
        for (at, key) in told {
            let span = if key == task(1) {
                GAP_SPREAD_VISIBLE
            } else {
                GAP_SPREAD
            };
            assert!(at <= span.0, "{key} at {at}");
            at_once += u64::from(at < GAP_SPREAD_VISIBLE.0 / 10);
            late += u64::from(at > GAP_SPREAD.0 / 2);
        }
    }
    // Full jitter: a tenth of the first second holds a tenth of the visible ones.
    assert!((10..40).contains(&at_once), "{at_once}");
    assert!((70..130).contains(&late), "{late}");
}

#[test]
fn ws33_a_key_that_nobody_watches_is_never_fetched_whatever_comes() {
    let mut bench = with(20);
    for number in 0..20 {
        bench.report(&task(number), Phase::Unobserve);
    }
    for _ in 0..1000 {
        bench.event("moved");
        let mono = bench.mono();
        bench.part.gap(mono, "c", &mut Rng::new(3));
        assert_eq!(bench.refetches_within(Millis(50)), []);
    }
    // Nor is anybody woken for it.
    bench.now += 10_000;
    bench.flush();
    assert_eq!(bench.part.next_wakeup(), None);
}
