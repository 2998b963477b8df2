//! Which keys an event is about: payloads, layers, echoes.

use super::*;

const BLOCKS: &str =
    r#"{"moved":[["blocks",{"$range":[["$.start","$.end"],["$.old_start","$.old_end"]]}]]}"#;

fn week(from: &str, to: &str) -> String {
    format!(r#"["blocks",{{"from":"2025-{from}T00:00:00Z","to":"2025-{to}T00:00:00Z"}}]"#)
}

fn moved(start: &str, old: &str) -> String {
    format!(
        r#"{{"start":"2025-{start}T10:00:00Z","end":"2025-{start}T11:00:00Z","old_start":"2025-{old}T10:00:00Z","old_end":"2025-{old}T11:00:00Z"}}"#
    )
}

#[test]
fn pp9_only_the_ranges_that_hold_the_old_or_the_new_time_are_refetched() {
    let mut bench = Bench::new(BLOCKS);
    let weeks = [
        ("10-06", "10-13"),
        ("10-13", "10-20"),
        ("10-20", "10-27"),
        ("10-27", "11-03"),
    ];
    let keys = weeks.map(|(from, to)| week(from, to));
    for key in &keys {
        bench.observe(key);
    }
    let row = r#"["blocks","range","2025-10-20T00:00:00Z","2025-10-27T00:00:00Z"]"#;
    bench.observe(row);
    bench.event_of("moved", &moved("10-31", "10-08"), false);
    let flushed = bench.flush();
    // A plain listener cannot do better than the family.
    assert_eq!(texts(flushed.stale), ["[\"blocks\"]"]);
    let told = texts(flushed.refetch);
    // What names no range at that place may show anything.
    assert_eq!(told, [keys[0].clone(), keys[3].clone(), row.to_owned()]);
}

#[test]
fn pp9_two_moments_in_a_row_are_a_range_too() {
    let mut bench = Bench::new(r#"{"moved":[["blocks","range",{"$range":["$.at"]}]]}"#);
    let row = |from: &str, to: &str| {
        format!(r#"["blocks","range","2025-{from}T00:00:00Z","2025-{to}T00:00:00Z"]"#)
    };
    bench.observe(&row("10-20", "10-27"));
    bench.observe(&row("10-27", "11-03"));
    bench.event_of("moved", r#"{"at":"2025-10-31T20:00:00+00:00"}"#, false);
    assert_eq!(bench.refetch(), [row("10-27", "11-03")]);
}

#[test]
fn pp9_many_moves_within_a_window_are_the_whole_family() {
    let mut bench = Bench::new(BLOCKS);
    bench.observe(&week("10-06", "10-13"));
    for _ in 0..1000 {
        bench.event_of("moved", &moved("10-31", "10-31"), false);
    }
    // None of them names its week, but nobody compares a thousand spans.
    assert_eq!(bench.refetch().len(), 1);
}

#[test]
fn pp9_events_of_other_weeks_cost_a_fetch_in_flight_nothing() {
    let mut bench = Bench::new(BLOCKS);
    let key = week("10-06", "10-13");
    bench.observe(&key);
    bench.start(&key);
    bench.event_of("moved", &moved("10-31", "10-31"), false);
    bench.flush();
    bench.success(&key);
    assert_eq!(bench.refetches_within(Millis::minutes(1)), []);
}

#[test]
fn a_payload_names_the_family_and_what_it_lacks_widens_it() {
    let mut bench = Bench::new(r#"{"moved":[["tasks","$.project"]]}"#);
    for key in [r#"["tasks",1,"open"]"#, r#"["tasks",2]"#, r#"["tasks"]"#] {
        bench.observe(key);
    }
    bench.event_of("moved", r#"{"project":1}"#, false);
    assert_eq!(bench.refetch(), [r#"["tasks",1,"open"]"#]);
    bench.event_of("moved", "{}", false);
    let mut told = bench.refetch();
    told.sort();
    assert_eq!(told, [r#"["tasks",2]"#, r#"["tasks"]"#]);
}

#[test]
fn a_gap_widens_every_target_to_what_is_fixed() {
    let mut bench = Bench::new(r#"{"moved":[["tasks","$.project"]]}"#);
    bench.observe(r#"["tasks",1]"#);
    bench.observe(r#"["other"]"#);
    let mono = bench.mono();
    bench.part.gap(mono, "c", &mut Rng::new(1));
    assert_eq!(bench.refetches_within(GAP_SPREAD).len(), 1);
}

#[test]
fn a_key_that_comes_after_the_family_and_one_before_it_both_belong() {
    let mut bench = Bench::new(r#"{"moved":[["tasks",{"a":"$.a"}]]}"#);
    let before = r#"["tasks",{"a":1,"b":2}]"#;
    bench.observe(before);
    bench.event_of("moved", r#"{"a":1}"#, false);
    assert_eq!(bench.refetch(), [before]);
    let after = r#"["tasks",{"b":3,"a":1},"x"]"#;
    bench.observe(after);
    bench.observe(r#"["tasks",{"b":3}]"#);
    bench.now += 1;
    bench.event_of("moved", r#"{"a":1}"#, false);
    bench.now += WINDOW.0;
    assert_eq!(bench.refetch(), [key(after).text()]);
}

const LAYERS: &str = r#"{
    "timeblock_updated": {"keys":[["blocks"]],"as":"block","entity":"$.id","version":"$.v"},
    "tasks_changed": {"keys":[["blocks"],["rows"]],"as":"block","entity":"$.row.id","version":"$.row.v"},
    "other": {"keys":[["blocks"]],"entity":"$.id","version":"$.v"},
    "logged": {"keys":[["blocks"]],"change":"$.lsn"}}"#;

#[test]
fn pp4_one_change_through_three_layers_is_one_refetch() {
    let mut bench = Bench::new(LAYERS);
    bench.observe("[\"blocks\"]");
    bench.observe("[\"rows\"]");
    let first = bench.event_of("timeblock_updated", r#"{"id":"b","v":3}"#, false);
    assert_eq!(first, Outcome::Marked);
    assert_eq!(bench.refetch(), ["[\"blocks\"]"]);
    bench.fetch("[\"blocks\"]", 50);
    bench.now += 1500;
    // The second layer reaches a family that the first did not.
    let second = bench.event_of("tasks_changed", r#"{"row":{"id":"b","v":3}}"#, false);
    assert_eq!(second, Outcome::Marked);
    assert_eq!(bench.refetch(), ["[\"rows\"]"]);
    bench.fetch("[\"rows\"]", 50);
    bench.now += 1500;
    for (name, data) in [
        ("timeblock_updated", r#"{"id":"b","v":3}"#),
        ("tasks_changed", r#"{"row":{"id":"b","v":"3"}}"#),
    ] {
        assert_eq!(bench.event_of(name, data, false), Outcome::Repeat);
    }
    assert_eq!(bench.refetches_within(Millis::seconds(10)), []);
}

#[test]
fn pp4_another_entity_version_name_or_no_id_is_another_change() {
    let mut bench = Bench::new(LAYERS);
    for (name, data, outcome) in [
        ("timeblock_updated", r#"{"id":"b","v":3}"#, Outcome::Marked),
        ("timeblock_updated", r#"{"id":"c","v":3}"#, Outcome::Marked),
        ("timeblock_updated", r#"{"id":"b","v":4}"#, Outcome::Marked),
        ("other", r#"{"id":"b","v":3}"#, Outcome::Marked),
        ("timeblock_updated", r#"{"id":"b"}"#, Outcome::Marked),
        ("timeblock_updated", r#"{"id":"b"}"#, Outcome::Marked),
        ("logged", r#"{"lsn":"16/B3"}"#, Outcome::Marked),
        ("logged", r#"{"lsn":"16/B3"}"#, Outcome::Repeat),
        ("logged", "null", Outcome::Marked),
    ] {
        assert_eq!(bench.event_of(name, data, false), outcome, "{name} {data}");
    }
}

const ECHO: &str = r#"{"moved":{"keys":[["tasks"]],"version":"$.v","mutation":"$.mid"}}"#;

#[test]
fn fault_35_the_echo_of_our_own_change_costs_nothing_when_its_result_is_shown() {
    let mut bench = Bench::new(ECHO);
    bench.observe("[\"tasks\",1]");
    bench.observe("[\"tasks\",2]");
    // The answer of mutation m1 was put into the cache of one of the keys.
    let mono = bench.mono();
    bench
        .part
        .applied(mono, "m1", vec![key("[\"tasks\",1]")], &[])
        .unwrap();
    bench.now += 5;
    assert_eq!(
        bench.event_of("moved", r#"{"mid":"m1"}"#, true),
        Outcome::Marked
    );
    assert_eq!(bench.refetch(), ["[\"tasks\",2]"], "exactly the other one");
    bench.fetch("[\"tasks\",2]", 10);
    // The echoes of other layers.
    bench.now += 1000;
    assert_eq!(
        bench.event_of("moved", r#"{"mid":"m1"}"#, true),
        Outcome::Echo
    );
    assert_eq!(bench.refetches_within(Millis::seconds(10)), []);
}

#[test]
fn fault_35_an_echo_after_a_fetch_that_started_after_the_answer_costs_nothing() {
    let mut bench = Bench::new(ECHO);
    bench.observe("[\"tasks\"]");
    let mono = bench.mono();
    bench.part.applied(mono, "m1", Vec::new(), &[]).unwrap();
    // The app invalidates by itself when the mutation is through.
    bench.fetch("[\"tasks\"]", 30);
    assert_eq!(
        bench.event_of("moved", r#"{"mid":"m1"}"#, true),
        Outcome::Echo
    );
    assert_eq!(bench.refetches_within(Millis::seconds(10)), []);
}

#[test]
fn fault_35_an_echo_during_that_fetch_costs_nothing_unless_it_fails() {
    for (fails, refetches) in [(false, 0), (true, 1)] {
        let mut bench = Bench::new(ECHO);
        bench.observe("[\"tasks\"]");
        let mono = bench.mono();
        bench.part.applied(mono, "m1", Vec::new(), &[]).unwrap();
        bench.start("[\"tasks\"]");
        bench.now += 10;
        bench.event_of("moved", r#"{"mid":"m1"}"#, true);
        bench.flush();
        if fails {
            bench.failure("[\"tasks\"]");
        } else {
            bench.success("[\"tasks\"]");
        }
        assert_eq!(bench.refetches_within(Millis::seconds(9)).len(), refetches);
    }
}

#[test]
fn fault_35_an_echo_whose_result_is_not_known_costs_exactly_one() {
    let mut bench = Bench::new(ECHO);
    bench.observe("[\"tasks\"]");
    for _ in 0..3 {
        bench.event_of("moved", r#"{"mid":"m1"}"#, true);
    }
    let mut told = 0;
    for _ in 0..20 {
        for key in bench.refetch() {
            told += 1;
            bench.fetch(&key, 10);
        }
        bench.now += 100;
    }
    assert_eq!(told, 1);
}

#[test]
fn fault_35_what_another_client_did_under_the_same_id_is_no_echo() {
    let mut bench = Bench::new(ECHO);
    bench.observe("[\"tasks\"]");
    let mono = bench.mono();
    bench
        .part
        .applied(mono, "m1", vec![key("[\"tasks\"]")], &[])
        .unwrap();
    bench.event_of("moved", r#"{"mid":"m1"}"#, false);
    assert_eq!(bench.refetch(), ["[\"tasks\"]"]);
}

#[test]
fn a_mutation_costs_one_fetch_whether_its_echo_comes_before_its_answer_or_after() {
    let stale = [key("[\"tasks\"]")];
    for echo_first in [true, false] {
        for between in [0, 5, 150] {
            let mut bench = Bench::new(ECHO);
            bench.observe("[\"tasks\"]");
            let mut told = 0;
            for step in [echo_first, !echo_first] {
                if step {
                    bench.event_of("moved", r#"{"mid":"m1"}"#, true);
                } else {
                    let mono = bench.mono();
                    bench.part.applied(mono, "m1", Vec::new(), &stale).unwrap();
                }
                let due = bench.refetch();
                told += due.len();
                for key in due {
                    bench.fetch(&key, between);
                }
            }
            for (_, key) in bench.refetches_within(Millis::seconds(1)) {
                told += 1;
                bench.fetch(&key, 10);
            }
            assert_eq!(told, 1, "{echo_first} {between}");
        }
    }
}

#[test]
fn an_answer_makes_stale_what_its_echo_does_not_reach() {
    let mut bench = Bench::new(ECHO);
    bench.observe("[\"tasks\"]");
    bench.observe("[\"counts\"]");
    bench.event_of("moved", r#"{"mid":"m1"}"#, true);
    assert_eq!(bench.refetch(), ["[\"tasks\"]"]);
    bench.fetch("[\"tasks\"]", 10);
    let stale = [key("[\"tasks\"]"), key("[\"counts\"]")];
    let mono = bench.mono();
    bench.part.applied(mono, "m1", Vec::new(), &stale).unwrap();
    let told = bench.refetches_within(Millis::seconds(1));
    let keys: Vec<_> = told.into_iter().map(|(_, key)| key).collect();
    assert_eq!(keys, ["[\"counts\"]"]);
}

#[test]
fn an_echo_by_version_needs_no_mutation_id() {
    let mut bench = Bench::new(ECHO);
    bench.observe("[\"tasks\"]");
    bench.success_of("[\"tasks\"]", "41");
    bench.event_of("moved", r#"{"v":41}"#, true);
    assert_eq!(bench.refetches_within(Millis::seconds(9)), []);
}
