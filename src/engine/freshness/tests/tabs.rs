//! Several tabs of one browser: one looks for all.

use super::word::Found;
use super::*;
use crate::engine::limits::MIN_INTERVAL;

const PLAN: &str = r#"{"plan":{"key":["plan"],"maxAge":30000,"poll":30000}}"#;
const PROBED: &str =
    r#"{"plan":{"key":["plan"],"maxAge":30000,"poll":30000,"probe":"https://h/plan"}}"#;
const TIMER: &str =
    r#"{"timer":{"key":["timer"],"maxAge":30000,"poll":30000,"hidden":"continue"}}"#;

/// Tabs that hear each other at once. The first leads.
struct Browser {
    tabs: Vec<Page>,
    now: u64,
    /// Tabs that hear and do nothing.
    frozen: Vec<usize>,
}

impl Browser {
    fn new(contracts: &str, count: usize) -> Browser {
        let mut tabs: Vec<_> = (0..count).map(|_| Page::new(contracts)).collect();
        for tab in tabs.iter_mut().skip(1) {
            tab.part.set_place(Place::Follows);
            tab.settle();
        }
        let mut browser = Browser {
            tabs,
            now: 0,
            frozen: Vec::new(),
        };
        browser.talk();
        browser
    }

    fn talk(&mut self) {
        for _ in 0..10 {
            let mut said = Vec::new();
            for (from, tab) in self.tabs.iter_mut().enumerate() {
                said.extend(tab.said.drain(..).map(|word| (from, word)));
            }
            if said.is_empty() {
                return;
            }
            for (from, word) in said {
                for to in 0..self.tabs.len() {
                    if to != from && !self.frozen.contains(&to) {
                        self.hear(from, to, &word);
                    }
                }
            }
        }
        panic!("they talk for ever");
    }

    fn hear(&mut self, from: usize, to: usize, word: &Word) {
        let tab = &mut self.tabs[to];
        let now = tab.at();
        match word {
            Word::Needs(needs) => tab.part.others_need(TabId(from as u64), needs),
            Word::Ask(name) => tab.part.asked(now, name, &mut tab.rng),
            Word::Found {
                contract,
                found,
                at,
                ..
            } => tab
                .part
                .leader_found(now, contract, *found, *at, &mut tab.rng),
        }
        tab.settle();
    }

    fn run(&mut self, span: u64) {
        let end = self.now + span;
        while self.now < end {
            self.now += 10;
            for at in 0..self.tabs.len() {
                if !self.frozen.contains(&at) {
                    self.tabs[at].until(self.now);
                }
            }
            self.talk();
        }
    }

    fn looks(&mut self) -> Vec<Vec<u64>> {
        let of = |tab: &mut Page| tab.refetches().into_iter().map(|(at, _)| at).collect();
        self.tabs.iter_mut().map(of).collect()
    }
}

#[test]
fn po4_the_leader_looks_for_all_tabs_and_tells_them() {
    let mut browser = Browser::new(PLAN, 4);
    // The leader itself shows nothing of it.
    for tab in browser.tabs.iter_mut().skip(1) {
        tab.mount(r#"["plan"]"#);
    }
    browser.talk();
    browser.run(300_000);
    let looks = browser.looks();
    assert_eq!(looks[0], []);
    assert!((10..=11).contains(&looks[1].len()), "{looks:?}");
    assert!(looks[2..].iter().all(|tab| *tab == looks[1]), "{looks:?}");
    assert!(browser.tabs.iter().all(|tab| tab.violations().is_empty()));
}

#[test]
fn po4_one_probe_serves_all_tabs() {
    let mut browser = Browser::new(PROBED, 4);
    for tab in &mut browser.tabs {
        tab.mount(r#"["plan"]"#);
    }
    browser.talk();
    browser.run(35_000);
    browser.tabs.iter_mut().for_each(|tab| drop(tab.take()));
    browser.run(300_000);
    assert!(browser.tabs.iter().all(|tab| tab.violations().is_empty()));
    let seen: Vec<_> = browser.tabs.iter_mut().map(Page::take).collect();
    assert!((10..=11).contains(&seen[0].len()), "{seen:?}");
    assert!(
        seen[0]
            .iter()
            .all(|(_, seen)| matches!(seen, Seen::Probe(Some(_))))
    );
    assert!(seen[1..].iter().all(Vec::is_empty), "{seen:?}");
    // Something changed: each fetches for itself, once.
    browser.tabs[0].server.etag = Some("\"2\"".to_owned());
    browser.run(30_000);
    let looks = browser.looks();
    assert!(looks.iter().all(|tab| tab.len() == 1), "{looks:?}");
}

#[test]
fn g11_a_leader_does_not_look_for_tabs_that_are_hidden_or_gone() {
    let mut browser = Browser::new(PLAN, 2);
    browser.tabs[1].mount(r#"["plan"]"#);
    browser.talk();
    browser.run(65_000);
    assert_eq!(browser.looks()[1].len(), 2);
    let now = browser.tabs[1].at();
    browser.tabs[1].part.visible(now, false);
    browser.tabs[1].settle();
    browser.talk();
    browser.run(300_000);
    assert_eq!(browser.looks(), [[0u64; 0], []]);
    assert_eq!(browser.tabs[0].part.next_wakeup(), None);
    let now = browser.tabs[1].at();
    browser.tabs[1].part.visible(now, true);
    browser.tabs[1].settle();
    browser.talk();
    browser.run(5_000);
    assert_eq!(browser.looks()[1].len(), 1);
    // It crashes: the leader hears of it from the roster.
    browser.tabs.pop();
    browser.tabs[0].part.forget_tab(TabId(1));
    browser.tabs[0].settle();
    browser.run(300_000);
    assert_eq!(browser.looks()[0], [0u64; 0]);
}

#[test]
fn po3_a_leader_whose_timers_run_looks_for_a_tab_whose_timers_do_not() {
    let mut browser = Browser::new(TIMER, 2);
    browser.tabs[1].mount(r#"["timer"]"#);
    browser.talk();
    browser.tabs[1].throttle = 60_000;
    let now = browser.tabs[1].at();
    browser.tabs[1].part.visible(now, false);
    browser.tabs[1].settle();
    browser.run(600_000);
    assert!(browser.looks()[1].len() >= 20);
    assert_eq!(browser.tabs[1].violations(), []);
}

#[test]
fn a_tab_whose_leader_is_frozen_helps_itself_before_its_window_breaks() {
    let mut browser = Browser::new(TIMER, 3);
    for tab in &mut browser.tabs {
        tab.mount(r#"["timer"]"#);
    }
    browser.talk();
    browser.run(5_000);
    browser.frozen.push(0);
    browser.run(120_000);
    let looks = browser.looks();
    assert!(looks[1].len() >= 4 && looks[2].len() >= 4, "{looks:?}");
    for tab in &browser.tabs[1..] {
        assert_eq!(tab.shows("timer", "state"), r#""fresh""#);
        assert_eq!(tab.violations(), []);
    }
}

#[test]
fn a_new_leader_is_told_what_is_needed_and_the_window_holds() {
    let mut browser = Browser::new(PLAN, 3);
    for tab in browser.tabs.iter_mut().skip(1) {
        tab.mount(r#"["plan"]"#);
    }
    browser.talk();
    browser.run(20_000);
    // The leader is closed; the next one shows nothing of it.
    browser.tabs.remove(0);
    browser.tabs[0].unmount(r#"["plan"]"#);
    browser.tabs[0].part.set_place(Place::Leads);
    browser.tabs[0].settle();
    browser.tabs[1].part.tell_again();
    browser.tabs[1].settle();
    browser.talk();
    browser.run(300_000);
    assert_eq!(browser.tabs[1].violations(), []);
    assert!((10..=12).contains(&browser.looks()[1].len()));
}

#[test]
fn a_tab_that_asked_and_leads_before_it_is_answered_looks_itself() {
    let mut browser = Browser::new(PLAN, 1);
    let tab = &mut browser.tabs[0];
    tab.mount(r#"["plan"]"#);
    tab.run(5_000);
    // It is brought back after a while: it does not lead yet, and nobody else does.
    let now = tab.at();
    tab.part.stop(now);
    tab.settle();
    tab.now += 40_000;
    tab.part.start(tab.at());
    tab.settle();
    tab.run(1_000);
    tab.part.set_place(Place::Leads);
    tab.settle();
    tab.run(4_000);
    assert_eq!(tab.refetches().len(), 1);
    tab.run(60_000);
    assert_eq!(tab.violations(), []);
}

#[test]
fn fault_39_calm_is_kept_by_whoever_leads_next() {
    let mut browser = Browser::new(PROBED, 2);
    for tab in &mut browser.tabs {
        tab.mount(r#"["plan"]"#);
        tab.server.status = 429;
        tab.server.retry_after = Some("600".to_owned());
    }
    browser.talk();
    browser.run(40_000);
    browser.tabs.iter_mut().for_each(|tab| drop(tab.take()));
    browser.tabs.remove(0);
    browser.tabs[0].part.set_place(Place::Leads);
    browser.tabs[0].settle();
    browser.run(500_000);
    let seen = browser.tabs[0].take();
    assert!(
        !seen.iter().any(|(_, seen)| matches!(seen, Seen::Probe(_))),
        "{seen:?}"
    );
}

#[test]
fn word_that_waited_for_a_frozen_page_does_not_make_old_data_young() {
    let mut page = Page::new(PROBED);
    page.part.set_place(Place::Follows);
    page.mount(r#"["plan"]"#);
    page.run(20_000);
    let unchanged = |since: u64| Found::Unchanged {
        since: Wall(WALL + since),
    };
    for (begun, since, age) in [
        (WALL + 20_000 - 31_000, 100, 20_000), // too old
        (WALL + 21_000, 100, 20_000),          // still to come
        (WALL + 19_000, 0, 1_000),             // good
    ] {
        let now = page.at();
        page.part
            .leader_found(now, "plan", unchanged(since), Wall(begun), &mut page.rng);
        assert_eq!(page.shows("plan", "age"), age.to_string(), "{begun}");
    }
    // Data from before the tag was seen is fetched instead.
    page.settle();
    page.take();
    let now = page.at();
    page.part.leader_found(
        now,
        "plan",
        unchanged(10),
        Wall(WALL + 20_000),
        &mut page.rng,
    );
    page.settle();
    assert_eq!(page.refetches().len(), 1);
    // Nobody knows that contract; another release of the app does.
    page.part.leader_found(
        now,
        "other",
        unchanged(10),
        Wall(WALL + 20_000),
        &mut page.rng,
    );
    page.part.asked(now, "other", &mut page.rng);
    page.settle();
    assert_eq!(page.take(), []);
}

#[test]
fn a_tab_that_floods_the_leader_with_questions_gets_a_look_a_second() {
    let mut page = Page::new(PLAN);
    page.mount(r#"["plan"]"#);
    page.run(5_000);
    for _ in 0..1000 {
        let now = page.at();
        page.part.asked(now, "plan", &mut page.rng);
        page.settle();
        page.run(10);
    }
    assert!(page.refetches().len() <= 10);
}

#[test]
fn what_a_hidden_leader_finds_for_others_does_not_make_its_own_data_young() {
    let mut browser = Browser::new(PLAN, 2);
    for tab in &mut browser.tabs {
        tab.mount(r#"["plan"]"#);
    }
    browser.talk();
    browser.run(5_000);
    let now = browser.tabs[0].at();
    browser.tabs[0].part.visible(now, false);
    browser.tabs[0].settle();
    browser.run(118_000);
    let looks = browser.looks();
    assert_eq!((looks[0].len(), looks[1].len()), (0, 4), "{looks:?}");
    let now = browser.tabs[0].at();
    browser.tabs[0].part.visible(now, true);
    browser.tabs[0].settle();
    browser.talk();
    browser.run(4_000);
    assert_eq!(browser.looks()[0].len(), 1);
    assert_eq!(browser.tabs[0].violations(), []);
}

#[test]
fn who_is_asked_to_wait_by_the_leader_asks_again_after_the_calm() {
    let mut page = Page::new(PROBED);
    page.part.set_place(Place::Follows);
    page.mount(r#"["plan"]"#);
    let asks = |page: &mut Page| {
        let said = page.said.drain(..);
        said.filter(|word| matches!(word, Word::Ask(_))).count()
    };
    while asks(&mut page) == 0 {
        page.run(10);
        assert!(page.now < 30_000, "it never asks");
    }
    let now = page.at();
    let wait = Millis(5);
    let calm = Found::Calm { wait };
    page.part
        .leader_found(now, "plan", calm, now.wall, &mut page.rng);
    page.settle();
    // Nobody looked, and the leader says nothing more.
    page.run(5 + MIN_INTERVAL.0 + 10);
    assert_eq!(asks(&mut page), 1);
    page.run(2_000);
    let blames = page.violations();
    assert!(
        blames.iter().all(|(_, blame)| *blame != Blame::Throttled),
        "{blames:?}"
    );
    assert_ne!(page.refetches(), []);
}
