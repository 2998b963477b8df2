//! Clocks that jump, machines that sleep, pages that are put away, and reloads.

use super::word::Found;
use super::*;

const PLANNER: &str =
    r#"{"planner":{"key":["planner"],"maxAge":30000,"poll":30000,"reloadKey":"planner"}}"#;
const TIMER: &str =
    r#"{"timer":{"key":["timer"],"maxAge":30000,"poll":30000,"hidden":"continue"}}"#;
const HOUR: u64 = 3_600_000;

fn count(page: &mut Page) -> usize {
    page.refetches().len()
}

#[test]
fn fault_13_after_two_hours_of_sleep_there_is_one_fetch_and_not_240_missed_polls() {
    // The monotonic clock stood still.
    let mut page = Page::new(PLANNER);
    page.mount(r#"["planner"]"#);
    page.run(10_000);
    page.wall += i64::try_from(2 * HOUR).unwrap();
    page.settle();
    assert_eq!(page.refetches(), [(10_000, Why::Wake)]);
    page.run(5_000);
    assert_eq!(page.violations(), []);
    assert_eq!(count(&mut page), 0);
    page.run(60_000);
    assert_eq!(count(&mut page), 2);

    // It went on.
    let mut page = Page::new(PLANNER);
    page.mount(r#"["planner"]"#);
    page.run(10_000);
    page.now += 2 * HOUR;
    page.settle();
    page.run(5_000);
    assert_eq!(count(&mut page), 1);
    assert_eq!(page.violations(), []);
}

#[test]
fn fault_14_a_wall_clock_that_jumps_makes_nothing_fresh_for_25_hours_and_no_burst() {
    let (hour, day) = (3_600_000i64, 86_400_000i64);
    for jump in [-hour, day] {
        let mut page = Page::new(PLANNER);
        page.mount(r#"["planner"]"#);
        page.run(10_000);
        page.wall += jump;
        assert_eq!(page.shows("planner", "age"), "10000", "{jump}");
        page.settle();
        // The age is not known, so it is stale, and looked at once.
        assert_eq!(page.shows("planner", "age"), "null", "{jump}");
        page.run(1_000);
        assert_eq!(page.refetches(), [(10_000, Why::Wake)], "{jump}");
        assert_eq!(page.shows("planner", "age"), "1000", "{jump}");
        page.run(119_000);
        assert_eq!(count(&mut page), 4, "{jump}");
        assert_eq!(page.violations(), [], "{jump}");
    }
}

#[test]
fn a_clock_that_is_corrected_all_the_time_costs_nothing() {
    let mut page = Page::new(PLANNER);
    page.mount(r#"["planner"]"#);
    for _ in 0..100 {
        page.run(200);
        page.wall += 900;
        page.settle();
    }
    assert_eq!(count(&mut page), 0);
}

#[test]
fn a_clock_that_jumps_again_and_again_does_not_make_a_burst() {
    let mut page = Page::new(PLANNER);
    page.mount(r#"["planner"]"#);
    page.run(5_000);
    for round in 0..100 {
        page.wall += if round % 2 == 0 { 10_000 } else { -10_000 };
        page.settle();
        page.run(50);
    }
    // A second apart, as the hard guard says.
    assert!(count(&mut page) <= 6);
}

#[test]
fn po3_who_must_never_pause_is_told_that_the_page_was_frozen() {
    for jump in [false, true] {
        let mut page = Page::new(TIMER);
        page.mount(r#"["timer"]"#);
        page.run(10_000);
        let now = page.at();
        page.part.visible(now, false);
        page.settle();
        match jump {
            // The machine slept, and the monotonic clock with it.
            true => page.wall += 600_000,
            // The page was frozen: put away and brought back.
            false => {
                let now = page.at();
                page.part.stop(now);
                assert_eq!(page.part.next_wakeup(), None);
                page.now += 600_000;
                let now = page.at();
                page.part.start(now);
                page.part.set_place(Place::Leads);
            }
        }
        page.settle();
        page.run(5_000);
        let blames: Vec<_> = page.violations().into_iter().map(|seen| seen.1).collect();
        assert_eq!(blames, [Blame::Frozen], "{jump}");
        assert_eq!(count(&mut page), 1, "{jump}");
        assert_eq!(page.shows("timer", "state"), r#""fresh""#);
    }
}

#[test]
fn fault_14_a_clock_that_is_set_breaks_no_window_that_held() {
    for wall in [-3_600_000, 3_600_000] {
        let mut page = Page::new(r#"{"a":{"key":["a"],"maxAge":30000,"hidden":"continue"}}"#);
        page.mount(r#"["a"]"#);
        page.run(20_000);
        page.wall = wall;
        page.run(60_000);
        let blames: Vec<_> = page.violations().into_iter().map(|seen| seen.1).collect();
        // An hour that the monotonic clock did not see may have been a sleep.
        let slept = if wall > 0 {
            vec![Blame::Frozen]
        } else {
            vec![]
        };
        assert_eq!(blames, slept, "{wall}");
        assert_eq!(page.shows("a", "state"), r#""fresh""#);
    }
}

#[test]
fn po6_on_pagehide_everything_stops_and_bfcache_refreshes_only_what_is_stale() {
    for (away, looks) in [(5_000, 0), (600_000, 1)] {
        let mut page = Page::new(PLANNER);
        page.mount(r#"["planner"]"#);
        page.run(10_000);
        let now = page.at();
        page.part.stop(now);
        page.settle();
        page.run(away);
        assert_eq!(count(&mut page), 0);
        let now = page.at();
        page.part.start(now);
        page.part.set_place(Place::Leads);
        page.settle();
        page.run(2_000);
        assert_eq!(count(&mut page), looks, "{away}");
        assert_eq!(page.violations(), []);
    }
}

/// What a page stores in its life.
fn stored(page: &mut Page) -> (String, String) {
    let now = page.at();
    page.part.stop(now);
    while let Some(step) = page.part.poll() {
        if let Step::Save { key, value } = step {
            page.seen.push((page.now, Seen::Save(key, value)));
        }
    }
    let save = |(_, seen): &(u64, Seen)| match seen {
        Seen::Save(key, value) => Some((key.clone(), value.clone())),
        _ => None,
    };
    page.seen.iter().rev().find_map(save).unwrap()
}

#[test]
fn po6_fault_57_a_reload_refreshes_softly_and_only_if_it_is_stale() {
    let mut before = Page::new(PLANNER);
    before.mount(r#"["planner"]"#);
    before.run(10_000);
    let (name, value) = stored(&mut before);
    assert_eq!(
        (name.as_str(), value.as_str()),
        ("scope:fresh:planner", WALL.to_string().as_str())
    );
    for (wall, stale) in [
        (20_000i64, false),
        (40_000, true),
        // The clock was set back meanwhile: a time that is still to come is a lie.
        (-5_000, true),
    ] {
        let mut page = Page::new(PLANNER);
        assert!(page.seen.contains(&(0, Seen::Load(name.clone()))));
        page.wall = wall;
        page.part.last = Some(page.at());
        let now = page.at();
        page.part.loaded(now, &name, Some(&value));
        page.part.watch("planner", true);
        page.settle();
        if !stale {
            assert_eq!(page.shows("planner", "age"), wall.to_string());
            assert_eq!(page.shows("planner", "source"), r#""reload""#);
        }
        page.run(1_000);
        let reloads: Vec<_> = page.refetches().into_iter().map(|seen| seen.1).collect();
        assert_eq!(
            reloads,
            if stale { vec![Why::Reload] } else { vec![] },
            "{wall}"
        );
    }
}

#[test]
fn po6_what_is_stored_may_lie_in_every_way() {
    for (value, looks) in [
        (None, 0),
        (Some("lies"), 1),
        (Some(""), 1),
        (Some("-1"), 1),
        (Some("9999999999999999"), 1),
        (Some("0"), 1),
    ] {
        let mut page = Page::new(PLANNER);
        let now = page.at();
        page.part.loaded(now, "scope:fresh:planner", value);
        page.part.loaded(now, "another:fresh:planner", Some("0"));
        page.part.watch("planner", true);
        page.settle();
        page.run(1_000);
        assert_eq!(count(&mut page), looks, "{value:?}");
    }
}

#[test]
fn po6_what_is_stale_at_a_reload_and_cannot_be_fetched_is_told() {
    for value in ["1795247900000", "lies"] {
        let mut page = Page::new(PLANNER);
        page.fails = true;
        let now = page.at();
        page.part.loaded(now, "scope:fresh:planner", Some(value));
        // What the app kept is on the screen, and nobody has fetched it.
        page.part
            .report(now, &key(r#"["planner"]"#), Fact::Observed(true));
        page.keys.push(key(r#"["planner"]"#));
        page.settle();
        page.run(20_000);
        let blames: Vec<_> = page.violations().into_iter().map(|seen| seen.1).collect();
        assert_eq!(blames, [Blame::ServerError], "{value}");
    }
}

#[test]
fn po6_a_fetch_of_one_key_does_not_make_another_young_that_is_of_before_the_reload() {
    let mut page = Page::new(PLANNER);
    let now = page.at();
    let since = (WALL - 20_000).to_string();
    page.part.loaded(now, "scope:fresh:planner", Some(&since));
    let old = key(r#"["planner","kept"]"#);
    page.part.report(now, &old, Fact::Observed(true));
    page.keys.push(old);
    page.mount(r#"["planner","new"]"#);
    page.run(1_000);
    assert_eq!(page.shows("planner", "age"), "21000");
    page.run(9_000);
    assert_eq!(page.refetches(), [(9_000, Why::Poll)]);
    assert_eq!(page.shows("planner", "age"), "1000");
}

#[test]
fn po6_what_is_of_before_a_reload_is_young_again_if_nothing_changed_since_then() {
    let probed = r#"{"a":{"key":["a"],"maxAge":10000,"reloadKey":"a","probe":"https://h/a"}}"#;
    for (unchanged_for, fetches) in [(8_000, 0), (6_000, 1)] {
        let mut page = Page::new(probed);
        page.part.set_place(Place::Follows);
        let now = page.at();
        let since = (WALL - 5_000).to_string();
        page.part.loaded(now, "scope:fresh:a", Some(&since));
        let old = key(r#"["a"]"#);
        page.part.report(now, &old, Fact::Observed(true));
        page.keys.push(old);
        page.settle();
        page.run(2_000);
        assert_eq!(page.shows("a", "age"), "7000");
        let now = page.at();
        let since = Wall(now.wall.0 - unchanged_for);
        let unchanged = Found::Unchanged { since };
        page.part
            .leader_found(now, "a", unchanged, now.wall, &mut page.rng);
        page.settle();
        assert_eq!(page.refetches().len(), fetches, "{unchanged_for}");
        page.run(5_000);
        assert_eq!(page.violations(), []);
        assert_eq!(page.shows("a", "state"), r#""fresh""#);
    }
}

#[test]
fn a_query_that_is_mounted_with_the_page_makes_the_soft_refresh_needless() {
    let mut page = Page::new(PLANNER);
    let now = page.at();
    page.part.loaded(now, "scope:fresh:planner", Some("0"));
    page.settle();
    page.mount(r#"["planner"]"#);
    page.run(5_000);
    assert_eq!(count(&mut page), 0);
}

#[test]
fn times_are_stored_once_a_fetch_and_not_once_a_moment() {
    let mut page = Page::new(PLANNER);
    page.mount(r#"["planner"]"#);
    page.run(290_000);
    let saves = page
        .seen
        .iter()
        .filter(|(_, seen)| matches!(seen, Seen::Save(..)));
    assert_eq!(saves.count(), 10);
}

#[test]
fn no_time_is_stored_before_the_last_one_was_read() {
    let mut page = Page::new(PLANNER);
    // One key is shown as it was kept, and the other one is fetched.
    let old = key(r#"["planner","kept"]"#);
    let now = page.at();
    page.part.report(now, &old, Fact::Observed(true));
    page.keys.push(old);
    page.mount(r#"["planner","new"]"#);
    page.settle();
    let saves = |page: &Page| {
        let all = page.seen.iter();
        all.filter(|(_, seen)| matches!(seen, Seen::Save(..)))
            .count()
    };
    assert_eq!(saves(&page), 0, "what is stored may be older, and is");
    let now = page.at();
    let since = (WALL - 20_000).to_string();
    page.part.loaded(now, "scope:fresh:planner", Some(&since));
    page.run(10_000);
    assert_eq!(page.shows("planner", "age"), "1000");
    assert_eq!(saves(&page), 1);
}

#[test]
fn g9_another_user_finds_nothing_of_the_last_one() {
    let probed = r#"{"a":{"key":["a"],"maxAge":60000,"reloadKey":"a","probe":"https://h/a"}}"#;
    let mut page = Page::new(probed);
    page.mount(r#"["a"]"#);
    page.run(65_000);
    let tagged = Probe::Ready(None);
    assert_ne!(page.part.entries[0].probe, tagged);
    page.part.change_user("other".into());
    assert_eq!(page.part.entries[0].probe, tagged);
    assert_eq!(page.shows("a", "age"), "null");
    let now = page.at();
    page.part.start(now);
    page.part.set_place(Place::Leads);
    page.settle();
    assert!(
        page.seen
            .contains(&(65_000, Seen::Load("other:fresh:a".to_owned())))
    );
    page.take();
    page.mount(r#"["a"]"#);
    page.run(60_000);
    let first = page
        .take()
        .into_iter()
        .find(|(_, seen)| matches!(seen, Seen::Probe(_)));
    assert_eq!(first.unwrap().1, Seen::Probe(None));
}

#[test]
fn g4_whoever_gives_a_contract_up_hears_no_more_of_it() {
    let mut page = Page::new(TIMER);
    page.mount(r#"["timer"]"#);
    page.run(10_000);
    page.wall += 60_000;
    page.part.enable("timer", false);
    page.settle();
    assert_eq!(page.violations(), []);
    page.part.enable("timer", true);
    page.wall += 60_000;
    page.settle();
    assert_eq!(page.violations().len(), 0, "it begins anew");
}
