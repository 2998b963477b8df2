//! PO2: the eight contracts of Passion OS hold for a day.

use super::*;

/// The document's contracts, as data.
const PASSION: &str = r#"{
    "focus":     {"key":["focus"],    "maxAge":30000,  "poll":30000, "hidden":"continue"},
    "planner":   {"key":["planner"],  "maxAge":30000,  "poll":30000, "refetchOnFocusAfter":30000,
                  "idleAfter":120000, "idlePoll":60000, "reloadKey":"planner"},
    "dailyPlan": {"key":["plan"],     "maxAge":300000, "poll":false, "reloadKey":"daily-plan"},
    "quests":    {"key":["quests"],   "maxAge":60000,  "refetchOnFocusAfter":60000, "reloadKey":"quests"},
    "habits":    {"key":["habits"],   "maxAge":60000,  "refetchOnFocusAfter":60000, "reloadKey":"habits"},
    "progress":  {"key":["progress"], "maxAge":60000,  "refetchOnFocusAfter":60000, "reloadKey":"progress"},
    "books":     {"key":["books"],    "maxAge":120000, "refetchOnFocusAfter":120000, "reloadKey":"books"},
    "admin":     {"key":["admin"],    "manual":true}
}"#;

const KEYS: [&str; 8] = [
    r#"["focus"]"#,
    r#"["planner"]"#,
    r#"["plan"]"#,
    r#"["quests"]"#,
    r#"["habits"]"#,
    r#"["progress"]"#,
    r#"["books"]"#,
    r#"["admin"]"#,
];

/// A user's day, in steps of a second: comes and goes, types, opens forms. What is on a visible
/// screen is never older than its contract says.
fn day(seed: u64) -> Vec<(String, usize)> {
    let mut page = Page::new(PASSION);
    let mut chance = Rng::new(seed);
    for key in KEYS {
        page.mount(key);
    }
    let contracts: Vec<_> = page
        .part
        .entries
        .iter()
        .map(|entry| entry.contract.clone())
        .collect();
    let mut counts: Vec<_> = contracts
        .iter()
        .map(|contract| (contract.name.to_string(), 0))
        .collect();
    let mut visible = true;
    let mut enabled = true;
    // Since when the page has been what it is: a fetch needs its time.
    let mut since = 0;
    let mut hidden_looks = 0;
    for second in 1..=86_400u64 {
        page.takes = Some(100 + chance.below(400));
        page.until(second * 1000);
        let now = page.at();
        let seen_before = visible;
        match chance.below(600) {
            0 => {
                visible = !visible;
                page.part.visible(now, visible);
                since = page.now;
            }
            1 => {
                enabled = !enabled;
                page.part.enable("books", enabled);
                since = page.now;
            }
            2..=8 if visible => {
                page.part.activity(now);
                since = page.now;
            }
            _ => {}
        }
        page.settle();
        for (_, seen) in page.take() {
            if let Seen::Refetch(name, _) = &seen {
                let at = counts.iter().position(|(have, _)| have == name).unwrap();
                counts[at].1 += 1;
                hidden_looks += usize::from(!visible && !seen_before && name != "focus");
            }
            assert!(
                !matches!(seen, Seen::Violation(..)),
                "seed {seed}, {second} s: {seen:?}"
            );
        }
        let settled = page.now - since > 5_000;
        for (at, contract) in contracts.iter().enumerate() {
            let in_force = match &*contract.name {
                "focus" => true,
                "dailyPlan" | "admin" => false,
                "books" => visible && enabled,
                _ => visible,
            };
            let idle = page.part.entries[at].idle();
            let Age::Known(known) = page.part.entries[at].age() else {
                panic!("seed {seed}: {} is not known", contract.name);
            };
            if in_force && settled {
                let window = contract.window(idle).unwrap();
                let age = known.age(Mono(page.now));
                assert!(
                    age <= window,
                    "seed {seed}, {second} s: {} is {age:?} old",
                    contract.name
                );
            }
        }
    }
    assert_eq!(hidden_looks, 0);
    counts
}

#[test]
fn po2_the_eight_contracts_hold_through_a_day() {
    let counts = day(7);
    let of = |name: &str| counts.iter().find(|(have, _)| have == name).unwrap().1;
    // At most every 30 s and never more than every 20, all day long, seen or not.
    assert!((2880..=4320).contains(&of("focus")), "{counts:?}");
    assert!(of("planner") < of("focus"), "{counts:?}");
    assert!(of("quests") > 100 && of("books") > 50, "{counts:?}");
    // The user decides.
    assert_eq!((of("dailyPlan"), of("admin")), (0, 0));
}

#[test]
fn po2_a_daily_plan_waits_for_its_user_and_says_that_it_is_stale() {
    let mut page = Page::new(PASSION);
    page.mount(r#"["plan"]"#);
    page.run(299_000);
    assert_eq!(page.shows("dailyPlan", "state"), r#""fresh""#);
    page.run(2_000);
    assert_eq!(page.shows("dailyPlan", "state"), r#""stale""#);
    assert_eq!(page.take(), []);
    let now = page.at();
    page.part.refresh(now, "dailyPlan");
    page.settle();
    page.run(1_000);
    assert_eq!(page.shows("dailyPlan", "state"), r#""fresh""#);
}
