//! Looks by the clock, by the focus and by the user; windows that break, and whose fault it is.

use super::*;

const PLANNER: &str = r#"{"planner":{"key":["planner"],"maxAge":30000,"poll":30000,
    "refetchOnFocusAfter":30000,"idleAfter":120000,"idlePoll":60000}}"#;
const TIMER: &str =
    r#"{"timer":{"key":["timer"],"maxAge":30000,"poll":30000,"hidden":"continue"}}"#;
const AUTO: &str = r#"{"tasks":{"key":["tasks"],"poll":"auto"}}"#;
const PLAIN: &str = r#"{"a":{"key":["a"],"maxAge":60000}}"#;

#[test]
fn a_window_is_kept_by_looking_before_it_ends() {
    let mut page = Page::new(PLAIN);
    page.mount(r#"["a",1]"#);
    page.run(600_000);
    assert_eq!(page.violations(), []);
    let looks = page.refetches();
    assert!((10..=11).contains(&looks.len()), "{looks:?}");
    assert_eq!(page.shows("a", "state"), r#""fresh""#);
    assert_eq!(page.shows("a", "source"), r#""poll""#);
}

#[test]
fn g11_nothing_is_looked_at_that_nobody_watches() {
    let mut page = Page::new(PLAIN);
    page.run(600_000);
    assert_eq!(page.take(), []);
    assert_eq!(page.part.next_wakeup(), None);
    page.mount(r#"["a",1]"#);
    page.run(100);
    page.unmount(r#"["a",1]"#);
    page.run(600_000);
    assert_eq!(page.take(), []);
    assert_eq!(page.shows("a", "state"), r#""unwatched""#);
    assert!(page.part.watch("a", true));
    page.settle();
    page.run(60_000);
    assert_eq!(page.refetches().len(), 1);
    assert!(page.part.watch("a", false));
    page.settle();
    page.run(600_000);
    assert_eq!(page.take(), []);
}

#[test]
fn po4_however_many_components_watch_there_is_one_look() {
    let mut page = Page::new(PLAIN);
    for _ in 0..20 {
        page.part.watch("a", true);
    }
    for n in 0..20 {
        page.mount(&format!(r#"["a",{n}]"#));
    }
    page.run(65_000);
    assert_eq!(page.refetches().len(), 1);
}

#[test]
fn rt4_polls_follow_the_health_of_the_link() {
    let mut page = Page::new(AUTO);
    page.part.route("moved", &key(r#"["tasks"]"#));
    page.mount(r#"["tasks"]"#);
    for _ in 0..6 {
        // Events come, and are followed by fetches: no poll at all.
        page.run(20_000);
        let now = page.at();
        page.part.event(now, "moved");
        page.fetch(&key(r#"["tasks"]"#));
    }
    assert_eq!(page.take(), []);
    let start = page.now;
    page.run(120_000);
    let at: Vec<_> = page
        .refetches()
        .into_iter()
        .map(|(at, _)| at - start)
        .collect();
    // Aging: 30 s after the event, then every 15 s, from the 60th second on every 10 s.
    assert_eq!(
        at,
        [
            30_000, 45_000, 60_000, 70_000, 80_000, 90_000, 100_000, 110_000, 120_000
        ]
    );
    let now = page.at();
    page.part.link(now, false, &mut page.rng);
    let down = page.now;
    page.settle();
    page.run(60_000);
    let at: Vec<_> = page
        .refetches()
        .into_iter()
        .map(|(at, _)| at - down)
        .collect();
    assert!((11..=12).contains(&at.len()), "{at:?}");
    assert!(
        at[0] <= 10_000 && at.windows(2).all(|pair| pair[1] - pair[0] == 5_000),
        "{at:?}"
    );
    let now = page.at();
    page.part.link(now, true, &mut page.rng);
    let up = page.now;
    page.settle();
    page.run(60_000);
    let at: Vec<_> = page
        .refetches()
        .into_iter()
        .map(|(at, _)| at - up)
        .collect();
    assert!(at.len() <= 3, "{at:?}");
}

#[test]
fn fault_09_pages_that_lose_a_server_at_one_moment_do_not_all_look_at_the_next() {
    let mut firsts = Vec::new();
    for seed in 0..50 {
        let mut page = Page::new(AUTO);
        page.rng = Rng::new(seed);
        page.mount(r#"["tasks"]"#);
        page.run(9_000);
        page.take();
        let now = page.at();
        page.part.link(now, false, &mut page.rng);
        page.settle();
        page.run(10_000);
        firsts.push(page.refetches()[0].0 - 9_000);
    }
    let early = firsts.iter().filter(|first| **first < 1000).count();
    assert!(
        early < 25 && firsts.iter().all(|first| *first <= 5_000),
        "{firsts:?}"
    );
}

#[test]
fn fault_26_what_no_event_tells_of_is_found_within_the_window() {
    // The link is well and tells other things all the time.
    let mut page = Page::new(r#"{"tasks":{"key":["tasks"],"maxAge":30000,"poll":"auto"}}"#);
    page.part.route("moved", &key(r#"["tasks"]"#));
    page.mount(r#"["tasks",1]"#);
    page.run(1_000);
    let deleted = page.now;
    for _ in 0..60 {
        page.run(1_000);
        let now = page.at();
        page.part.event(now, "moved");
    }
    let first = page.refetches()[0].0;
    assert!(first - deleted < 30_000);
    assert_eq!(page.violations(), []);
}

#[test]
fn po5_fault_42_a_planner_rests_while_hidden_and_looks_once_on_return() {
    let mut page = Page::new(PLANNER);
    page.mount(r#"["planner"]"#);
    page.run(10_000);
    let now = page.at();
    page.part.visible(now, false);
    page.settle();
    assert_eq!(page.shows("planner", "state"), r#""paused""#);
    page.run(600_000);
    assert_eq!(page.take(), []);
    let now = page.at();
    page.part.visible(now, true);
    page.settle();
    page.run(5_000);
    assert_eq!(page.refetches().len(), 1);
    assert_eq!(page.violations(), []);
    // A short look away costs nothing.
    let now = page.at();
    page.part.visible(now, false);
    page.settle();
    page.run(5_000);
    let now = page.at();
    page.part.visible(now, true);
    page.settle();
    page.run(5_000);
    assert_eq!(page.take(), []);
}

#[test]
fn po3_fault_42_a_focus_timer_goes_on_while_hidden() {
    let mut page = Page::new(TIMER);
    page.mount(r#"["timer"]"#);
    let now = page.at();
    page.part.visible(now, false);
    page.settle();
    // A worker's timers, or the relay's ticks: none is late.
    page.run(600_000);
    let looks = page.refetches();
    assert!(looks.len() >= 20);
    let gaps = looks.windows(2).map(|pair| pair[1].0 - pair[0].0);
    assert!(gaps.max().unwrap() <= 30_000);
    assert_eq!(page.violations(), []);
}

#[test]
fn po3_po13_where_the_browser_throttles_it_is_said_once_a_breach() {
    let mut page = Page::new(TIMER);
    page.mount(r#"["timer"]"#);
    page.run(100);
    let now = page.at();
    page.part.visible(now, false);
    page.settle();
    page.throttle = 60_000;
    page.until(600_000);
    let blames = page.violations();
    assert!((9..=10).contains(&blames.len()), "{blames:?}");
    assert!(blames.iter().all(|(_, blame)| *blame == Blame::Throttled));
    assert_eq!(page.shows("timer", "violations"), blames.len().to_string());
    // What is kept best of all: one look at every tick.
    assert_eq!(page.refetches().len(), 10);
}

#[test]
fn po13_a_breach_is_told_once_with_its_cause() {
    // The server fails.
    let mut page = Page::new(TIMER);
    page.mount(r#"["timer"]"#);
    page.run(1_000);
    page.fails = true;
    page.run(300_000);
    let blames: Vec<_> = page.violations();
    assert_eq!(blames.len(), 1, "{blames:?}");
    assert_eq!(blames[0].1, Blame::ServerError);
    assert_eq!(page.shows("timer", "state"), r#""violated""#);
    assert_eq!(page.shows("timer", "reason"), r#""the fetch failed""#);
    // It mends, and breaks again: that is another one.
    page.fails = false;
    page.run(40_000);
    assert_eq!(page.shows("timer", "state"), r#""fresh""#);
    page.fails = true;
    page.run(300_000);
    assert_eq!(page.violations().len(), 2);

    // There is no network.
    let mut page = Page::new(TIMER);
    page.mount(r#"["timer"]"#);
    page.run(1_000);
    page.fails = true;
    let now = page.at();
    page.part.online(now, false);
    page.run(300_000);
    assert_eq!(
        page.violations()
            .into_iter()
            .map(|seen| seen.1)
            .collect::<Vec<_>>(),
        [Blame::Offline]
    );

    // The fetch takes too long.
    let mut page = Page::new(TIMER);
    page.mount(r#"["timer"]"#);
    page.run(1_000);
    page.takes = None;
    page.run(300_000);
    assert_eq!(
        page.violations()
            .into_iter()
            .map(|seen| seen.1)
            .collect::<Vec<_>>(),
        [Blame::SlowFetch]
    );
}

#[test]
fn data_that_comes_too_old_after_nothing_was_shown_is_told_of_anew() {
    let mut page = Page::new(TIMER);
    page.mount(r#"["timer",1]"#);
    page.run(1_000);
    page.takes = None;
    page.run(40_000);
    page.takes = Some(40_000);
    page.mount(r#"["timer",2]"#);
    page.run(10_000);
    // The old data leaves the screen, and nothing is shown until the fetch is over.
    page.unmount(r#"["timer",1]"#);
    let before = page.violations().len();
    page.run(25_000);
    assert_eq!(page.violations().len(), before);
    page.run(10_000);
    assert_eq!(page.violations().len(), before + 1);
}

#[test]
fn slow_fetches_begin_earlier() {
    let mut page = Page::new(TIMER);
    page.takes = Some(4_000);
    page.mount(r#"["timer"]"#);
    page.run(600_000);
    assert_eq!(page.violations(), []);
    assert!(page.refetches().len() <= 26);
}

#[test]
fn a_fetch_that_took_most_of_a_window_is_followed_by_the_next_before_it_ends() {
    let mut page = Page::new(r#"{"a":{"key":["a"],"maxAge":10000}}"#);
    page.mount(r#"["a"]"#);
    page.run(1_000);
    page.take();
    // It was begun by something else, and is still under way when it is time to look.
    page.takes = Some(8_500);
    page.fetch(&key(r#"["a"]"#));
    page.takes = Some(200);
    page.settle();
    page.run(30_000);
    assert_eq!(page.violations(), []);
}

#[test]
fn po5_focus_refetches_what_is_old_after_being_away_for_long() {
    let quests = r#"{"quests":{"key":["quests"],"poll":false,"refetchOnFocusAfter":60000}}"#;
    let away = |blur: bool, span: u64| {
        let mut page = Page::new(quests);
        page.mount(r#"["quests"]"#);
        page.run(70_000);
        let now = page.at();
        match blur {
            true => page.part.focused(now, false),
            false => page.part.visible(now, false),
        }
        page.settle();
        page.run(span);
        let now = page.at();
        match blur {
            true => page.part.focused(now, true),
            false => page.part.visible(now, true),
        }
        page.settle();
        // The second event of the same return.
        let now = page.at();
        page.part.focused(now, true);
        page.settle();
        page.run(30_000);
        page.refetches()
            .into_iter()
            .map(|(_, why)| why)
            .collect::<Vec<_>>()
    };
    assert_eq!(away(false, 60_001), [Why::Focus]);
    assert_eq!(away(true, 60_001), [Why::Focus]);
    assert_eq!(away(false, 59_000), []);
    assert_eq!(away(true, 59_000), []);
}

#[test]
fn an_idle_user_is_polled_for_less_often_and_a_waking_one_at_once() {
    let mut page = Page::new(PLANNER);
    page.mount(r#"["planner"]"#);
    let now = page.at();
    page.part.activity(now);
    page.run(120_000);
    assert_eq!(page.refetches().len(), 4);
    page.run(600_000);
    let idle = page.refetches();
    assert!((10..=11).contains(&idle.len()), "{idle:?}");
    assert!(idle.windows(2).all(|pair| pair[1].0 - pair[0].0 <= 60_000));
    // 40 s after the last look the user comes back: too old for them.
    let last = idle.last().unwrap().0;
    page.until(last + 60_000 + 40_000);
    page.take();
    let now = page.at();
    page.part.activity(now);
    page.settle();
    page.run(1_000);
    assert_eq!(page.refetches().len(), 1);
    assert_eq!(page.violations(), []);
}

#[test]
fn po7_nothing_is_looked_at_during_a_form_and_what_is_old_after_it() {
    let mut page =
        Page::new(r#"{"books":{"key":["books"],"maxAge":120000,"refetchOnFocusAfter":120000}}"#);
    page.mount(r#"["books"]"#);
    page.run(1_000);
    assert!(page.part.enable("books", false));
    page.settle();
    assert_eq!(page.shows("books", "state"), r#""disabled""#);
    let now = page.at();
    page.part.visible(now, false);
    page.settle();
    page.run(600_000);
    let now = page.at();
    page.part.visible(now, true);
    page.settle();
    page.run(600_000);
    assert_eq!(page.take(), []);
    assert!(page.part.enable("books", true));
    page.settle();
    page.run(1_000);
    assert_eq!(page.refetches().len(), 1);
    assert_eq!(page.violations(), []);
}

#[test]
fn a_manual_contract_waits_for_the_user() {
    let mut page =
        Page::new(r#"{"admin":{"key":["admin"],"manual":true,"refetchOnFocusAfter":1000}}"#);
    page.mount(r#"["admin"]"#);
    page.run(3_600_000);
    for visible in [false, true] {
        let now = page.at();
        page.part.visible(now, visible);
        page.settle();
        page.run(600_000);
    }
    page.wall += 3_600_000;
    page.settle();
    page.run(600_000);
    assert_eq!(page.take(), []);
    assert_eq!(page.shows("admin", "state"), r#""manual""#);
    let now = page.at();
    assert!(page.part.refresh(now, "admin"));
    page.settle();
    assert_eq!(
        page.refetches()
            .into_iter()
            .map(|seen| seen.1)
            .collect::<Vec<_>>(),
        [Why::User]
    );
}

#[test]
fn a_hard_guard_holds_against_everything_that_asks() {
    let guarded =
        r#"{"a":{"key":["a"],"maxAge":60000,"minInterval":20000,"refetchOnFocusAfter":1}}"#;
    let mut page = Page::new(guarded);
    page.mount(r#"["a"]"#);
    page.run(30_000);
    for round in 0..200 {
        let now = page.at();
        page.part.visible(now, round % 2 == 0);
        page.part.focused(now, round % 3 == 0);
        page.settle();
        if round % 2 == 0 {
            page.part.asked(now, "a", &mut page.rng);
        }
        page.settle();
        page.run(777);
    }
    let looks = page.refetches();
    assert!(looks.len() > 3);
    assert!(
        looks.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 20_000),
        "{looks:?}"
    );
}

#[test]
fn a_fetch_of_the_app_is_as_good_as_a_look() {
    let mut page = Page::new(PLAIN);
    page.mount(r#"["a"]"#);
    for _ in 0..20 {
        page.run(40_000);
        page.fetch(&key(r#"["a"]"#));
    }
    assert_eq!(page.take(), []);
    assert_eq!(page.shows("a", "source"), r#""fetch""#);
}

#[test]
fn data_is_as_old_as_its_oldest_key_that_somebody_looks_at() {
    let mut page = Page::new(PLAIN);
    page.mount(r#"["a",1]"#);
    page.run(20_000);
    page.mount(r#"["a",2]"#);
    page.run(1_000);
    assert_eq!(page.shows("a", "age"), "21000");
    page.unmount(r#"["a",1]"#);
    assert_eq!(page.shows("a", "age"), "1000");
    // What the app puts there by itself proves nothing.
    page.run(1_000);
    let now = page.at();
    page.part.report(now, &key(r#"["a",2]"#), Fact::Fetched);
    assert_eq!(page.shows("a", "age"), "2000");
    assert_eq!(page.part.entries[0].keys.len(), 2);
    page.part.report(now, &key(r#"["a",1]"#), Fact::Removed);
    assert_eq!(page.part.entries[0].keys.len(), 1);
}

#[test]
fn old_data_that_comes_on_the_screen_is_fetched_and_not_reported() {
    let mut page = Page::new(PLAIN);
    page.mount(r#"["a",1]"#);
    page.run(1_000);
    page.unmount(r#"["a",1]"#);
    page.mount(r#"["a",2]"#);
    page.run(300_000);
    page.take();
    page.keys.push(key(r#"["a",1]"#));
    let now = page.at();
    page.part
        .report(now, &key(r#"["a",1]"#), Fact::Observed(true));
    page.settle();
    page.run(5_000);
    assert_eq!(page.refetches().len(), 1);
    assert_eq!(page.violations(), []);
}

#[test]
fn data_that_was_in_the_cache_before_us_is_as_old_as_the_adapter_says() {
    let mut page = Page::new(r#"{"a":{"key":["a"],"maxAge":30000}}"#);
    let now = page.at();
    let (old, young) = (key(r#"["a",1]"#), key(r#"["a",2]"#));
    for (key, age) in [(&old, 25_000), (&young, 1_000)] {
        page.part.report(now, key, Fact::Found(Millis(age)));
        page.part.report(now, key, Fact::Observed(true));
        page.keys.push(key.clone());
    }
    page.settle();
    assert_eq!(page.shows("a", "age"), "25000");
    page.run(3_000);
    assert_eq!(page.refetches(), []);
    page.run(2_000);
    assert_eq!(page.refetches(), [(4_000, Why::Poll)]);
    // Once it is known when it was fetched, what the cache says is no news.
    let now = page.at();
    page.part.report(now, &old, Fact::Found(Millis(900_000)));
    assert_eq!(page.shows("a", "age"), "1000");
    assert_eq!(page.violations(), []);
}

#[test]
fn a_fetch_that_began_before_us_counts_from_its_beginning() {
    let mut page = Page::new(r#"{"a":{"key":["a"],"maxAge":30000}}"#);
    page.run(10_000);
    let (now, key) = (page.at(), key(r#"["a"]"#));
    page.part.report(now, &key, Fact::Observed(true));
    page.part.report(now, &key, Fact::Running(Millis(4_000)));
    page.part.report(now, &key, Fact::Fetched);
    page.settle();
    assert_eq!(page.shows("a", "age"), "4000");
}

#[test]
fn keys_have_a_limit() {
    let mut page = Page::new(PLAIN);
    for n in 0..1000 {
        page.mount(&format!(r#"["a",{n}]"#));
    }
    assert_eq!(
        page.part.entries[0].keys.len(),
        crate::engine::limits::CONTRACT_KEYS_MAX
    );
}
