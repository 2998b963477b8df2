//! Why a window broke: what is told has to be the true cause.

use super::word::Found;
use super::*;

const PROBED: &str = r#"{"a":{"key":["a"],"maxAge":10000,"probe":"https://h/a"}}"#;
const TIMER: &str =
    r#"{"timer":{"key":["timer"],"maxAge":30000,"poll":30000,"hidden":"continue"}}"#;

/// A page whose data was fetched at the beginning.
fn page(queries: usize) -> Page {
    let mut page = Page::new(TIMER);
    for at in 0..queries {
        page.mount(&format!(r#"["timer",{at}]"#));
    }
    page
}

fn blames(page: &Page) -> Vec<Blame> {
    page.violations().into_iter().map(|seen| seen.1).collect()
}

#[test]
fn g4_a_fetch_that_the_app_cancelled_is_not_a_browser_that_is_late() {
    let mut page = page(2);
    // Both are fetched, because it is time.
    page.run(29_100);
    assert_eq!(page.fetches.len(), 2);
    let cancelled = page.keys.pop().unwrap();
    page.fetches.retain(|(_, key)| *key != cancelled);
    page.part.report(page.at(), &cancelled, Fact::Cancelled);
    page.settle();
    // The other one comes. The cancelled one is not fetched again for a while.
    page.run(5_000);
    assert_eq!(blames(&page), [Blame::SlowFetch]);
    assert_eq!(
        page.shows("timer", "reason"),
        r#""the fetch was cancelled""#
    );
    page.fetch(&cancelled);
    page.run(1_000);
    assert_eq!(page.shows("timer", "state"), r#""fresh""#);
    assert_eq!(page.shows("timer", "reason"), r#""""#);
}

#[test]
fn g4_a_fetch_that_is_cancelled_offline_is_no_slow_one() {
    let mut page = page(1);
    page.run(29_100);
    page.part.online(page.at(), false);
    let cancelled = page.keys.pop().unwrap();
    page.fetches.clear();
    page.part.report(page.at(), &cancelled, Fact::Cancelled);
    page.settle();
    page.run(5_000);
    assert_eq!(blames(&page), [Blame::Offline]);
}

#[test]
fn g4_what_was_changed_without_a_link_may_go_first() {
    let mut page = page(1);
    page.run(28_000);
    page.part.hold_back(page.at(), true);
    // It is time, and nothing is fetched yet.
    let held = std::mem::take(&mut page.keys);
    page.run(5_000);
    assert_eq!(blames(&page), [Blame::Offline]);
    page.keys = held;
    page.part.hold_back(page.at(), false);
    page.run(60_000);
    assert_eq!(blames(&page), [Blame::Offline]);
    assert_eq!(page.shows("timer", "state"), r#""fresh""#);
}

#[test]
fn g4_who_was_frozen_until_just_now_had_no_time_left_for_a_backlog() {
    let mut page = page(1);
    page.run(20_000);
    page.now = 29_800;
    page.part.start(page.at());
    page.part.set_place(Place::Leads);
    page.part.hold_back(page.at(), true);
    page.keys.clear();
    page.run(1_000);
    assert_eq!(blames(&page), [Blame::Frozen]);
}

#[test]
fn g4_a_backlog_is_no_excuse_for_a_fetch_that_began_long_after_it() {
    let mut page = page(1);
    page.part.hold_back(page.at(), true);
    page.run(20_000);
    page.part.hold_back(page.at(), false);
    page.takes = None;
    page.run(20_000);
    assert_eq!(blames(&page), [Blame::SlowFetch]);
}

#[test]
fn g4_what_is_being_fetched_does_not_wait_for_a_backlog() {
    let mut page = page(1);
    page.takes = None;
    page.run(29_900);
    page.part.hold_back(page.at(), true);
    page.run(2_000);
    assert_eq!(blames(&page), [Blame::SlowFetch]);
}

#[test]
fn g4_a_look_that_began_when_it_was_nearly_too_late_is_not_slow() {
    let mut page = page(1);
    page.run(1_000);
    let now = page.at();
    page.part.visible(now, false);
    page.settle();
    // A hidden page wakes once in a while, here just before the window ends.
    page.throttle = 29_990;
    page.takes = Some(300);
    page.run(29_050);
    page.throttle = 1;
    page.run(1_000);
    assert_eq!(blames(&page), [Blame::Throttled]);
}

#[test]
fn g4_a_server_that_wanted_calm_until_just_now_is_why_the_fetch_came_late() {
    let mut page = page(1);
    page.run(1_000);
    page.part.calm(Mono(29_900));
    // What is stale is fetched when the server wants no calm any more.
    let keys = std::mem::take(&mut page.keys);
    page.run(28_900);
    page.keys = keys;
    page.takes = Some(300);
    page.fetch(&page.keys[0].clone());
    page.run(1_000);
    assert_eq!(blames(&page), [Blame::ServerError]);
}

#[test]
fn g4_a_probe_that_was_refused_until_just_now_is_why_the_look_came_late() {
    let mut page = Page::new(r#"{"a":{"key":["a"],"maxAge":10000,"probe":"https://h/a"}}"#);
    page.mount(r#"["a"]"#);
    page.server.status = 403;
    page.run(9_500);
    page.server.status = 200;
    page.takes = Some(300);
    // An event led to a fetch meanwhile: what went wrong before is over.
    page.fetch(&page.keys[0].clone());
    page.run(9_900);
    assert_eq!(page.violations(), []);
    page.part.login();
    page.run(1_000);
    assert_eq!(blames(&page), [Blame::ServerError]);
}

#[test]
fn g4_a_probe_and_a_fetch_that_are_slower_than_before_are_slow() {
    let mut page = Page::new(r#"{"a":{"key":["a"],"maxAge":10000,"probe":"https://h/a"}}"#);
    page.mount(r#"["a"]"#);
    page.run(5_000);
    // Either would have been in time.
    page.probe_takes = 700;
    page.takes = Some(700);
    page.run(10_000);
    assert_eq!(blames(&page), [Blame::SlowFetch]);
}

#[test]
fn g4_a_fetch_that_is_cancelled_because_nobody_looks_any_more_is_no_cause() {
    let mut page = page(2);
    page.run(1_000);
    let gone = page.keys[1].clone();
    page.takes = None;
    page.fetch(&gone);
    page.unmount(gone.text());
    page.fetches.clear();
    page.part.report(page.at(), &gone, Fact::Cancelled);
    page.settle();
    assert_eq!(page.shows("timer", "reason"), r#""""#);
    // The page is woken long after the window of what is left ended.
    page.throttle = 50_000;
    page.takes = Some(200);
    page.run(60_000);
    assert_eq!(blames(&page), [Blame::Throttled]);
}

/// A page that does not lead, with data that was fetched at the beginning.
fn follower() -> Page {
    let mut page = Page::new(PROBED);
    page.part.set_place(Place::Follows);
    page.mount(r#"["a"]"#);
    page
}

impl Page {
    /// The leader says what it found in a look that began at this moment.
    fn hear(&mut self, found: Found, begun: u64) {
        let (now, begun) = (self.at(), Wall(WALL + begun));
        self.part
            .leader_found(now, "a", found, begun, &mut self.rng);
        self.settle();
    }
}

#[test]
fn g4_a_form_that_is_filled_in_while_the_leader_is_asked_does_not_cost_the_look() {
    let mut page = follower();
    page.run(9_300);
    assert_eq!(page.said.pop(), Some(Word::Ask("a".to_owned())));
    page.part.enable("a", false);
    page.settle();
    page.run(1_000);
    page.part.enable("a", true);
    page.settle();
    // The leader does not answer this time either.
    page.run(5_500);
    assert_eq!(page.violations(), []);
    assert_eq!(page.refetches().len(), 1);
}

#[test]
fn g4_word_that_is_older_than_the_window_mends_nothing_and_is_not_told_again() {
    let mut page = follower();
    page.keys.clear();
    page.run(15_000);
    assert_eq!(page.violations().len(), 1);
    let since = Wall(WALL);
    page.hear(Found::Unchanged { since }, 3_000);
    assert_eq!(page.shows("a", "state"), r#""violated""#);
    page.run(100);
    assert_eq!(page.violations().len(), 1);
    // Younger word mends it.
    page.hear(Found::Unchanged { since }, 14_900);
    assert_eq!(page.shows("a", "state"), r#""fresh""#);
}

#[test]
fn g4_a_leader_that_answers_when_it_is_too_late_was_waited_for_all_the_same() {
    let mut page = follower();
    page.takes = None;
    page.run(9_750);
    assert_eq!(page.refetches().len(), 1);
    // It looks now, and found nothing but that it is time.
    page.hear(Found::Due, 9_750);
    page.run(1_000);
    assert_eq!(blames(&page), [Blame::SlowFetch]);
}

#[test]
fn g4_an_answer_that_the_leader_waited_long_for_is_no_browser_that_is_late() {
    let mut page = follower();
    page.keys.clear();
    page.run(9_400);
    let since = Wall(WALL);
    page.hear(Found::Unchanged { since }, 400);
    page.run(1_500);
    assert_eq!(blames(&page), [Blame::SlowFetch]);
}

#[test]
fn g4_an_answer_that_waited_for_a_page_that_was_woken_late_was_not_slow() {
    let mut page = follower();
    page.keys.clear();
    page.run(8_000);
    page.now = 14_000;
    let since = Wall(WALL);
    page.hear(Found::Unchanged { since }, 5_000);
    page.run(1_500);
    assert_eq!(blames(&page), [Blame::Throttled]);
}

#[test]
fn g4_word_of_a_look_that_waited_for_a_page_that_stood_still_was_not_slow() {
    let mut page = follower();
    page.run(8_000);
    page.takes = Some(300);
    page.now = 9_990;
    page.hear(Found::Due, 9_000);
    page.run(1_500);
    assert_eq!(blames(&page), [Blame::Throttled]);
}

#[test]
fn g4_what_began_before_something_else_was_to_go_first_did_not_wait_for_it() {
    for (begins, ends) in [(0, 0), (2, 5)] {
        let mut page = page(1);
        page.run(1_000);
        page.part.visible(page.at(), false);
        page.settle();
        page.throttle = 29_990;
        page.takes = Some(300);
        page.run(28_990);
        page.run(begins);
        page.part.hold_back(page.at(), true);
        page.run(ends - begins);
        page.part.hold_back(page.at(), false);
        page.throttle = 1;
        page.run(1_000);
        assert_eq!(blames(&page), [Blame::Throttled]);
    }
}

#[test]
fn g4_who_may_be_older_because_nobody_acts_is_not_whole_again() {
    let mut page = Page::new(
        r#"{"timer":{"key":["timer"],"maxAge":30000,"poll":30000,"idleAfter":100000,"idlePoll":60000}}"#,
    );
    page.mount(r#"["timer"]"#);
    page.run(60_500);
    page.takes = None;
    page.run(39_000);
    assert_eq!(blames(&page), [Blame::SlowFetch]);
    assert_eq!(page.shows("timer", "state"), r#""violated""#);
    // The user does nothing: the window is twice as wide, and breaks once more.
    page.run(100_000);
    assert_eq!(blames(&page), [Blame::SlowFetch], "told once");
}

#[test]
fn g4_a_fetch_that_does_not_begin_is_the_apps_affair_unless_the_timers_are_late() {
    for (visible, blame) in [(true, Blame::SlowFetch), (false, Blame::Throttled)] {
        let mut page = Page::new(
            r#"{"a":{"key":["a"],"maxAge":10000,"probe":"https://h/a","hidden":"continue"}}"#,
        );
        page.part.set_place(Place::Follows);
        page.mount(r#"["a"]"#);
        page.run(5_000);
        page.part.visible(page.at(), visible);
        page.settle();
        page.run(4_400);
        // It is time, and nothing is fetched.
        page.keys.clear();
        page.hear(Found::Due, 9_400);
        page.run(1_500);
        assert_eq!(blames(&page), [blame]);
    }
}

#[test]
fn g4_what_took_long_before_a_clock_jumped_is_not_why_nothing_was_fetched_after_it() {
    let mut page = follower();
    // The leader does not answer, and this page fetches by itself.
    page.run(11_000);
    assert_eq!(page.refetches().len(), 1);
    page.keys.clear();
    // Calm ends just before the time is over in which it can be fetched.
    page.part.entries[0].bar(Mono(15_950));
    page.wall += 60_000;
    page.settle();
    let deadline = page.part.entries[0].deadline();
    assert_eq!(deadline, Some(Mono(16_000)));
    page.run(5_500);
    assert_eq!(blames(&page), [Blame::ServerError]);
}

#[test]
fn what_a_leader_finds_after_a_clock_jumped_is_fetched_though_it_just_was() {
    let mut page = follower();
    page.run(11_000);
    page.part.refetch(page.at(), 0, Why::Poll);
    page.settle();
    page.run(300);
    page.refetches();
    page.wall += 60_000;
    page.settle();
    page.hear(Found::Due, page.at().wall.0 - WALL);
    assert_eq!(page.refetches().len(), 1);
}

#[test]
fn a_word_that_is_older_than_what_was_fetched_since_is_no_look() {
    let mut page = follower();
    page.run(8_900);
    page.said.clear();
    page.hear(Found::Unchanged { since: Wall(WALL) }, 0);
    page.run(600);
    assert_eq!(page.said.pop(), Some(Word::Ask("a".to_owned())));
}

#[test]
fn what_a_page_measures_that_stood_still_is_soon_forgotten() {
    let mut took = ledger::slower(Millis(0), Millis::minutes(10));
    for _ in 0..5 {
        took = ledger::slower(took, Millis(200));
    }
    assert!(took < Millis(1500), "{took:?}");
}

#[test]
fn g4_an_answer_that_comes_when_the_window_just_ended_took_too_long() {
    let mut page = Page::new(PROBED);
    page.mount(r#"["a"]"#);
    page.run(5_000);
    page.takes = None;
    // It comes with the moment after the window's last, before any timer.
    page.probe_takes = 600_000;
    page.until(9_900);
    let (_, asked, _) = page.probes.pop().unwrap();
    page.server.etag = Some("\"2\"".to_owned());
    page.now = 10_001;
    page.answer(asked, None);
    page.settle();
    assert_eq!(blames(&page), [Blame::SlowFetch]);
}

#[test]
fn g4_a_look_of_before_is_not_why_what_the_user_asked_for_did_not_come() {
    let mut page = Page::new(PROBED);
    page.mount(r#"["a"]"#);
    // A look that takes long finds that something changed.
    page.probe_takes = 600;
    page.run(9_000);
    assert_eq!(page.probes.len(), 1);
    page.server.etag = Some("\"2\"".to_owned());
    page.run(2_000);
    assert!(page.fetches.is_empty() && page.violations().is_empty());
    // The page is asked for it, and stands still before it fetches.
    page.keys.clear();
    page.part.refresh(page.at(), "a");
    page.settle();
    page.now += 20_000;
    page.settle();
    assert_eq!(blames(&page), [Blame::Throttled]);
}
