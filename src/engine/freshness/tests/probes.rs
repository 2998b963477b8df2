//! Probes by ETag: what each answer costs and saves.

use super::*;
use crate::engine::limits::RETRY_AFTER_MAX;

const PROBED: &str = r#"{"a":{"key":["a"],"maxAge":30000,"poll":30000,"probe":"https://h/api/a"}}"#;

/// A page whose tag is known: mounted, probed, and fetched after the tag was seen.
fn tagged() -> Page {
    let mut page = Page::new(PROBED);
    page.mount(r#"["a"]"#);
    page.run(32_000);
    let seen: Vec<_> = page.take().into_iter().map(|(_, seen)| seen).collect();
    assert_eq!(
        seen,
        [Seen::Probe(None), Seen::Refetch("a".to_owned(), Why::Poll)]
    );
    page
}

/// The same, asked again, with an event before the answer.
fn asked_before_an_event() -> Page {
    let mut page = tagged();
    page.part.route("moved", &key(r#"["a"]"#));
    page.probe_takes = 3_000;
    while page.probes.is_empty() {
        page.run(100);
    }
    page.run(100);
    page.part.event(page.at(), "moved");
    page.take();
    page
}

fn probes(seen: &[(u64, Seen)]) -> usize {
    seen.iter()
        .filter(|(_, seen)| matches!(seen, Seen::Probe(_)))
        .count()
}

fn fetches(seen: &[(u64, Seen)]) -> usize {
    seen.iter()
        .filter(|(_, seen)| matches!(seen, Seen::Refetch(..)))
        .count()
}

#[test]
fn po8_a_304_renews_freshness_and_costs_no_refetch() {
    let mut page = tagged();
    page.run(600_000);
    assert_eq!(page.violations(), []);
    let seen = page.take();
    assert_eq!(fetches(&seen), 0, "{seen:?}");
    assert!((20..=22).contains(&probes(&seen)), "{seen:?}");
    assert!(
        seen.iter()
            .all(|(_, seen)| *seen == Seen::Probe(Some("\"1\"".to_owned())))
    );
    assert_eq!(page.shows("a", "source"), r#""probe""#);
    assert_eq!(page.shows("a", "state"), r#""fresh""#);
}

#[test]
fn po8_an_answer_that_took_long_renews_from_the_question_on() {
    let mut page = tagged();
    page.probe_takes = 6_000;
    page.run(600_000);
    let seen = page.take();
    assert_eq!(fetches(&seen), 0, "{seen:?}");
    // The first slow one broke the window; the later ones begin early enough.
    let broken = page.part.entries[0].violations;
    assert!(broken <= 1, "{broken}");
    let asked: Vec<u64> = (seen.iter())
        .filter(|(_, seen)| matches!(seen, Seen::Probe(_)))
        .map(|(at, _)| *at)
        .collect();
    for pair in asked.windows(2) {
        assert!(
            pair[1] - pair[0] + 6_000 <= 30_000 || pair == &asked[..2],
            "{asked:?}"
        );
    }
}

#[test]
fn po8_another_tag_is_a_change_and_the_same_tag_with_a_body_is_none() {
    let mut page = tagged();
    page.server.etag = Some("\"2\"".to_owned());
    page.run(30_000);
    let seen = page.take();
    assert_eq!((probes(&seen), fetches(&seen)), (1, 1));
    page.run(30_000);
    assert_eq!(fetches(&page.take()), 0);
    // A server that does not know conditions.
    page.server.etag = Some("W/\"2\"".to_owned());
    page.run(60_000);
    assert_eq!(fetches(&page.take()), 0);
    assert_eq!(page.violations(), []);
}

#[test]
fn without_tags_bodies_are_compared() {
    let mut page = Page::new(PROBED);
    page.server.etag = None;
    page.mount(r#"["a"]"#);
    page.run(90_000);
    assert_eq!(fetches(&page.take()), 1);
    page.server.body = "{\"new\":1}".to_owned();
    page.run(30_000);
    assert_eq!(fetches(&page.take()), 1);
}

#[test]
fn what_was_fetched_before_the_tag_was_seen_is_not_vouched_for() {
    let mut page = tagged();
    // Another component mounts from the cache what was fetched long ago.
    let now = page.at();
    let old = key(r#"["a","old"]"#);
    page.part.report(now, &old, Fact::Observed(false));
    page.part.entries[0].key(&old).unwrap().fetched = Some(ledger::Known::fresh(Mono(1)));
    page.part.entries[0].key(&old).unwrap().known = Some(ledger::Known::fresh(Mono(1)));
    page.part.report(now, &old, Fact::Observed(true));
    page.keys.push(old);
    page.settle();
    page.run(5_000);
    let seen = page.take();
    assert_eq!((probes(&seen), fetches(&seen)), (1, 1), "{seen:?}");
}

#[test]
fn fault_37_a_304_for_a_body_that_is_gone_is_asked_again_once_without_a_condition() {
    let mut page = tagged();
    // The data left the cache, and something fetches nothing: there is no body.
    page.unmount(r#"["a"]"#);
    let now = page.at();
    page.part.report(now, &key(r#"["a"]"#), Fact::Removed);
    page.part.watch("a", true);
    page.settle();
    page.server.status = 304;
    page.run(31_000);
    let seen: Vec<_> = page.take();
    let asked: Vec<_> = seen
        .iter()
        .filter(|(_, seen)| matches!(seen, Seen::Probe(_)))
        .collect();
    assert!(
        asked.iter().all(|(_, seen)| *seen == Seen::Probe(None)),
        "{asked:?}"
    );
    assert!(
        asked.len() >= 2 && asked[1].0 - asked[0].0 <= 50,
        "{asked:?}"
    );
    page.server.status = 200;
    page.run(60_000);
    assert!(fetches(&page.take()) >= 1);
}

#[test]
fn fault_39_retry_after_in_every_form_is_obeyed() {
    for (text, least, most) in [
        ("120", 120_000, 133_100),
        ("Sat, 21 Nov 2026 08:02:00 GMT", 0, 133_100),
        ("abc", 0, 20_000),
        ("-5", 0, 20_000),
        ("1000000000", 900_000, RETRY_AFTER_MAX.0 * 11 / 10 + 1_100),
    ] {
        let mut page = tagged();
        page.server.status = 429;
        page.server.retry_after = Some(text.to_owned());
        page.run(30_000);
        let first = page.take()[0].0;
        page.server.status = 200;
        page.server.retry_after = None;
        page.run(1_200_000);
        let next = page.take()[0].0;
        assert!(
            (least..=most).contains(&(next - first)),
            "{text}: {}",
            next - first
        );
    }
}

#[test]
fn fault_39_one_host_that_wants_calm_gets_it_from_all_contracts() {
    let two = r#"{"a":{"key":["a"],"maxAge":30000,"probe":"https://h/a"},
        "b":{"key":["b"],"maxAge":40000,"probe":"https://h/b?x"},
        "c":{"key":["c"],"maxAge":40000,"probe":"https://other/c"}}"#;
    let mut page = Page::new(two);
    page.server.status = 429;
    page.server.retry_after = Some("300".to_owned());
    for key in [r#"["a"]"#, r#"["b"]"#] {
        page.mount(key);
    }
    page.run(300_000);
    assert_eq!(probes(&page.take()), 1);
    let blames: Vec<_> = page
        .part
        .entries
        .iter()
        .map(|entry| entry.violations)
        .collect();
    assert_eq!(blames, [1, 1, 0]);
    page.part.watch("c", true);
    page.server.retry_after = None;
    page.settle();
    page.run(45_000);
    assert!(probes(&page.take()) > 1);
}

#[test]
fn g11_an_answer_that_means_nothing_is_not_asked_again_while_the_server_wants_calm() {
    let mut page = Page::new(
        r#"{"a":{"key":["a"],"maxAge":10000,"probe":"https://h/a"},
            "b":{"key":["b"],"maxAge":10000,"probe":"https://h/b"}}"#,
    );
    page.mount(r#"["a"]"#);
    page.mount(r#"["b"]"#);
    page.probe_takes = 60_000;
    page.run(9_500);
    let asked = std::mem::take(&mut page.probes);
    assert_eq!(asked.len(), 2);
    page.take();
    // One of them hears that the server wants calm, and the other one "not modified".
    page.server.status = 429;
    page.server.retry_after = Some("40".to_owned());
    page.answer(asked[1].1, None);
    page.settle();
    page.server.status = 304;
    page.server.retry_after = None;
    page.answer(asked[0].1, None);
    page.settle();
    page.run(40_000);
    assert_eq!(probes(&page.take()), 0);
    page.run(10_000);
    assert_eq!(probes(&page.take()), 2);
}

#[test]
fn g11_an_answer_that_means_nothing_is_asked_again_when_somebody_needs_it() {
    let mut page = Page::new(PROBED);
    page.mount(r#"["a"]"#);
    page.probe_takes = 60_000;
    page.run(32_000);
    let asked = std::mem::take(&mut page.probes);
    assert_eq!(asked.len(), 1);
    page.take();
    let now = page.at();
    page.part.visible(now, false);
    page.settle();
    page.server.status = 304;
    page.answer(asked[0].1, None);
    page.settle();
    page.run(60_000);
    assert_eq!(probes(&page.take()), 0);
    let now = page.at();
    page.part.visible(now, true);
    page.settle();
    assert_eq!(probes(&page.take()), 1);
}

#[test]
fn fault_40_a_login_page_is_no_data_and_a_token_is_tried_once() {
    let mut page = tagged();
    page.server.content_type = Some("text/html".to_owned());
    let etag = page.server.etag.take();
    page.run(120_000);
    let seen = page.take();
    let kinds: Vec<_> = seen.iter().map(|(_, seen)| seen.clone()).collect();
    assert_eq!(probes(&seen), 1, "{seen:?}");
    assert!(kinds.contains(&Seen::Login));
    // The window broke, and the server is why; nothing was refetched over the data.
    assert!(kinds.contains(&Seen::Violation("a".to_owned(), Blame::ServerError)));
    assert_eq!(fetches(&seen), 0);
    page.part.token();
    page.settle();
    page.run(600_000);
    let seen = page.take();
    assert_eq!((probes(&seen), fetches(&seen)), (1, 0), "{seen:?}");
    assert_eq!(
        page.shows("a", "reason"),
        r#""the probe is refused with a new token too""#
    );
    // Another token does not help, the user's own wish does.
    page.part.token();
    page.settle();
    page.run(60_000);
    assert_eq!(page.take(), []);
    page.server.content_type = Some("application/json".to_owned());
    page.server.etag = etag;
    let now = page.at();
    page.part.refresh(now, "a");
    page.settle();
    page.run(120_000);
    assert!(probes(&page.take()) > 2);
    assert_eq!(page.shows("a", "state"), r#""fresh""#);
}

#[test]
fn a_401_is_mended_by_a_token() {
    let mut page = tagged();
    page.server.status = 401;
    page.run(30_000);
    page.server.status = 200;
    page.part.token();
    page.settle();
    page.run(120_000);
    let seen = page.take();
    assert!(probes(&seen) >= 4);
    assert_eq!(page.shows("a", "state"), r#""fresh""#);
}

#[test]
fn statuses_that_stop_stop() {
    for (status, refetched) in [(410, 1), (403, 0)] {
        let mut page = tagged();
        page.server.status = status;
        page.run(30_000);
        let seen = page.take();
        assert_eq!((probes(&seen), fetches(&seen)), (1, refetched), "{status}");
        page.run(3_600_000);
        assert_eq!(probes(&page.take()), 0, "{status}");
    }
}

#[test]
fn what_is_not_there_is_a_change_once() {
    let mut page = tagged();
    page.server.status = 404;
    page.run(300_000);
    let seen = page.take();
    assert_eq!(fetches(&seen), 1);
    assert!(probes(&seen) >= 10);
}

#[test]
fn a_server_that_cannot_be_probed_is_fetched_from() {
    let mut page = tagged();
    page.server.status = 405;
    page.run(300_000);
    let seen = page.take();
    assert_eq!(probes(&seen), 1);
    assert!(fetches(&seen) >= 10);
    assert_eq!(page.violations(), []);
}

#[test]
fn a_probe_that_is_lost_is_tried_again_before_the_next_interval() {
    let mut page = tagged();
    page.server.unreachable = true;
    page.run(27_000);
    assert!(probes(&page.take()) >= 1);
    page.server.unreachable = false;
    page.run(5_000);
    assert!(probes(&page.take()) >= 1);
    assert_eq!(page.violations(), []);
}

#[test]
fn a_server_that_is_down_is_not_hammered() {
    let mut page = tagged();
    page.server.status = 503;
    page.run(3_600_000);
    let tries = probes(&page.take());
    assert!((30..=120).contains(&tries), "{tries}");
}

#[test]
fn fault_41_an_answer_that_is_older_than_an_event_or_another_question_is_dropped() {
    // An event comes while the answer is on its way, and its refetch never ends.
    let mut page = asked_before_an_event();
    let age = page.shows("a", "age").parse::<u64>().unwrap();
    page.run(3_000);
    assert_eq!(page.shows("a", "age"), (age + 3_000).to_string());
    assert_ne!(page.shows("a", "source"), r#""probe""#);

    // The answer to a question that was given up.
    let mut page = tagged();
    page.probe_takes = 3_000;
    while page.probes.is_empty() {
        page.run(100);
    }
    let (_, stale, _) = page.probes[0].clone();
    page.part.set_place(Place::Follows);
    page.settle();
    assert_eq!(page.probes.len(), 0);
    page.part.set_place(Place::Leads);
    page.settle();
    while page.probes.is_empty() {
        page.run(100);
    }
    let (_, fresh, _) = page.probes[0].clone();
    assert_ne!(stale, fresh);
    let before = page.part.entries[0].probe.clone();
    page.answer(stale, Some("\"1\""));
    assert_eq!(page.part.entries[0].probe, before);
    page.run(3_000);
    assert_eq!(fetches(&page.take()), 1);
}

#[test]
fn a_change_that_no_event_made_anybody_fetch_is_fetched() {
    // What the event told of was known, and nothing is fetched for it.
    let mut page = asked_before_an_event();
    page.server.etag = Some("\"2\"".to_owned());
    page.run(3_000);
    assert_eq!(page.refetches().len(), 1);

    // It is fetched: the answer may be as old as the question.
    let mut page = asked_before_an_event();
    page.server.etag = Some("\"2\"".to_owned());
    page.fetch(&key(r#"["a"]"#));
    page.run(3_000);
    assert_eq!(page.refetches(), []);
}

#[test]
fn a_new_leader_does_not_trust_a_tag_it_did_not_see() {
    let mut page = tagged();
    page.part.set_place(Place::Follows);
    page.settle();
    page.part.set_place(Place::Leads);
    page.settle();
    page.run(60_000);
    let first = page
        .take()
        .into_iter()
        .find(|(_, seen)| matches!(seen, Seen::Probe(_)));
    assert_eq!(first.unwrap().1, Seen::Probe(None));
}
