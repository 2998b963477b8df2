//! Which keys lie in which families is kept both ways, whatever came first.

use super::*;
use crate::engine::rng::Rng;
use proptest::prelude::*;

const KEYS: [&str; 8] = [
    "[]",
    "[\"a\"]",
    "[\"a\",1]",
    "[\"a\",1,{\"x\":1,\"y\":[2,3]}]",
    "[\"a\",12]",
    "[\"a\",{\"x\":1}]",
    "[\"a,\",{\"x\":1}]",
    "[{\"x\":1},\"a\"]",
];
const FAMILIES: [&str; 8] = [
    "[]",
    "[\"a\"]",
    "[\"a\",1]",
    "[\"a\",1,{\"y\":[2]}]",
    "[\"a\",{}]",
    "[\"a,\",{\"x\":1}]",
    "[{}]",
    "[\"b\"]",
];

#[derive(Clone, Debug)]
enum Step {
    Observe(usize),
    Remove(usize),
    Invalidate(usize),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..KEYS.len()).prop_map(Step::Observe),
        1 => (0..KEYS.len()).prop_map(Step::Remove),
        3 => (0..FAMILIES.len()).prop_map(Step::Invalidate),
        2 => (0u64..150).prop_map(Step::Wait),
    ]
}

fn check(part: &Invalidation) {
    let family = |text: &str| match part.families.find(&key(text)) {
        Some(id) => part.families.get(id).map(|family| (id, family)),
        None => None,
    };
    for text in KEYS {
        let Some(id) = part.ledger.find(&key(text)) else {
            continue;
        };
        let entry = part.ledger.get(id).unwrap();
        let mut inside = 0;
        for prefix in FAMILIES {
            let Some((family_id, family)) = family(prefix) else {
                continue;
            };
            let belongs = entry.key.in_family(&family.key);
            inside += usize::from(belongs);
            let places = family.keys.iter().filter(|have| **have == id).count();
            assert_eq!(places, usize::from(belongs), "{text} in {prefix}");
            let places = entry
                .families
                .iter()
                .filter(|have| **have == family_id)
                .count();
            assert_eq!(places, usize::from(belongs), "{prefix} of {text}");
        }
        assert_eq!(
            entry.families.len(),
            inside,
            "{text} is in families that are gone"
        );
    }
    for prefix in FAMILIES {
        let Some((_, family)) = family(prefix) else {
            continue;
        };
        let known = |id: &KeyId| {
            part.ledger
                .get(*id)
                .is_some_and(|entry| entry.key.in_family(&family.key))
        };
        assert!(
            family.keys.iter().all(known),
            "{prefix} holds keys that are gone"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn families_and_keys_know_each_other(steps in prop::collection::vec(step(), 1..60)) {
        let mut bench = Bench::new(r#"{"e":[["a",1],["a",{}]]}"#);
        bench.rng = Rng::new(1);
        for step in steps {
            match step {
                Step::Observe(at) => bench.observe(KEYS[at]),
                Step::Remove(at) => {
                    bench.report(KEYS[at], Phase::Remove);
                }
                Step::Invalidate(at) => {
                    let keys = [key(FAMILIES[at])];
                    let mono = bench.mono();
                    bench.part.invalidate(mono, &keys, Cause::App).unwrap();
                }
                Step::Wait(ms) => {
                    bench.now += ms;
                    bench.flush();
                }
            }
            check(&bench.part);
        }
    }
}

#[test]
fn ws33_families_that_come_and_go_leave_nothing_at_their_keys() {
    let mut bench = Bench::new(r#"{"moved":[["tasks",{"id":"$.id"}]]}"#);
    bench.observe("[\"tasks\",{\"id\":1}]");
    for _ in 0..1000 {
        bench.event_of("moved", "{\"id\":1}", false);
        bench.flush();
        bench.now += 2 * WINDOW.0;
        bench.event_of("moved", "{\"id\":2}", false);
        bench.flush();
    }
    let id = bench
        .part
        .ledger
        .find(&key("[\"tasks\",{\"id\":1}]"))
        .unwrap();
    // The fixed family, and the one of the moment.
    assert!(bench.part.ledger.get(id).unwrap().families.len() <= 2);
}
