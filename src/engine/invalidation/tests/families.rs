//! What plain listeners are told.

use super::*;
use crate::engine::limits::{FAMILIES_MAX, TRANSIENT_FAMILIES_MAX};

const ROUTES: &str = r#"{"moved":[["tasks"],["counts"]],"added":[["tasks"]]}"#;

#[test]
fn the_first_event_is_told_at_once_and_a_burst_at_the_end_of_the_window() {
    let mut bench = Bench::new(ROUTES);
    bench.event("added");
    assert_eq!(bench.stale(), ["[\"tasks\"]"]);
    let first = bench.now;
    for _ in 0..50 {
        bench.now += 1;
        bench.event("added");
        assert_eq!(bench.stale(), [""; 0]);
    }
    assert_eq!(bench.part.next_wakeup(), Some(Mono(first) + WINDOW));
    bench.now = first + WINDOW.0;
    assert_eq!(bench.stale(), ["[\"tasks\"]"]);
    assert_eq!(bench.part.next_wakeup(), None);
}

#[test]
fn a_steady_stream_is_told_once_a_window_and_never_starves() {
    let mut bench = Bench::new(ROUTES);
    let mut tellings = 0;
    for _ in 0..300 {
        bench.event("added");
        tellings += bench.stale().len();
        bench.now += 10;
    }
    assert_eq!(tellings, 30);
}

#[test]
fn families_of_one_cause_are_told_together() {
    let mut bench = Bench::new(ROUTES);
    bench.event("moved");
    let stale = bench.flush().stale;
    assert_eq!(stale.len(), 1);
    assert_eq!(stale[0].keys.len(), 2);
}

#[test]
fn a_gap_reaches_every_family_once_within_the_spread() {
    let mut bench = Bench::new(ROUTES);
    let mut rng = Rng::new(1);
    bench.part.gap(bench.mono(), "c", &mut rng);
    let until = bench.now + GAP_SPREAD_VISIBLE.0;
    let mut told = Vec::new();
    while let Some(next) = bench.part.next_wakeup() {
        bench.now = next.0;
        told.extend(bench.stale());
    }
    assert!(bench.now <= until);
    told.sort();
    assert_eq!(told, ["[\"counts\"]", "[\"tasks\"]"]);
}

#[test]
fn an_event_is_told_at_once_also_while_a_gap_waits_for_its_moment() {
    let mut bench = Bench::new(ROUTES);
    let mut rng = Rng::new(1);
    bench.part.gap(bench.mono(), "c", &mut rng);
    bench.event("moved");
    assert_eq!(bench.stale().len(), 2);
}

#[test]
fn an_event_without_a_route_does_nothing() {
    let mut bench = Bench::new(ROUTES);
    assert_eq!(bench.event_of("sang", "null", false), Outcome::Unrouted);
    assert_eq!(bench.part.next_wakeup(), None);
}

#[test]
fn families_have_a_limit_and_those_that_the_app_names_are_forgotten() {
    let mut bench = Bench::new("{}");
    let keys: Vec<_> = (0..FAMILIES_MAX).map(|n| key(&format!("[{n}]"))).collect();
    let more = [key("[\"one more\"]")];
    let mono = bench.mono();
    assert_eq!(bench.part.invalidate(mono, &keys, Cause::App), Ok(()));
    assert_eq!(
        bench.part.invalidate(mono, &more, Cause::App),
        Err(TooManyFamilies)
    );
    assert_eq!(bench.stale().len(), FAMILIES_MAX);
    bench.now += WINDOW.0;
    let mono = bench.mono();
    assert_eq!(bench.part.invalidate(mono, &more, Cause::App), Ok(()));
}

#[test]
fn a_storm_that_names_too_many_families_is_told_by_the_wider_one() {
    let mut bench = Bench::new(r#"{"moved":[["tasks","$.id"]]}"#);
    for id in 0..10_000 {
        bench.event_of("moved", &format!("{{\"id\":{id}}}"), false);
    }
    let told = bench.stale();
    assert_eq!(told.len(), TRANSIENT_FAMILIES_MAX + 1);
    assert!(told.contains(&"[\"tasks\"]".to_owned()));
    bench.now += 2 * WINDOW.0;
    bench.event_of("moved", "{\"id\":1}", false);
    assert_eq!(bench.stale(), ["[\"tasks\",1]"]);
}

#[test]
fn whether_the_ledger_sees_to_the_keys_is_said() {
    let mut bench = Bench::new(ROUTES);
    bench.event("added");
    assert!(!bench.flush().stale[0].handled);
    bench.observe("[\"tasks\"]");
    bench.now += WINDOW.0;
    bench.event("added");
    assert!(bench.flush().stale[0].handled);
}
