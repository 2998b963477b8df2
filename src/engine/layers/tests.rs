#![allow(clippy::unwrap_used)]
use super::*;
use crate::engine::time::Millis;
use crate::wire::json;

fn at(ms: u64) -> Now {
    Now {
        mono: Mono(ms),
        wall: Wall(1_000_000 + ms),
    }
}

fn status(word: Word) -> Status {
    Status {
        word,
        authenticated: matches!(word, Word::Connected | Word::Degraded),
        reason: "as it is".into(),
        ..Status::idle(Wall(0))
    }
}

fn two() -> Layers {
    let mut layers = Layers::new(vec!["own".to_owned(), "feed".to_owned()], Wall(0));
    layers.is(at(0), 0, status(Word::Connected));
    layers.is(at(0), 1, status(Word::Connected));
    layers
}

fn change<'a>(id: &'a str, kind: &'a str) -> Option<Known<'a>> {
    Some(Known {
        id,
        kind,
        of_another: false,
    })
}

fn shown(layers: &Layers) -> Vec<String> {
    let mut w = Writer::new();
    layers.write(&mut w);
    let text = w.finish();
    let mut all = Vec::new();
    json::parse(&text).unwrap().elements(|layer| {
        let word = |name| {
            layer
                .member(name)
                .unwrap()
                .string()
                .unwrap()
                .decode()
                .into_owned()
        };
        all.push(word("layer") + " " + &word("status"));
    });
    all
}

#[test]
fn who_does_not_tell_of_what_another_one_tells_of_is_silent_after_two_changes() {
    let mut layers = two();
    // Both are known to tell of tasks.
    layers.heard(at(100), 0, change("1", "task"));
    layers.heard(at(200), 1, change("1", "task"));
    layers.heard(at(1000), 1, change("2", "task"));
    assert_eq!(layers.next_wakeup(), Some(Mono(1000) + LAYER_PATIENCE));
    layers.heard(at(2000), 1, change("3", "task"));
    layers.tick(at(1000 + LAYER_PATIENCE.0));
    assert_eq!(shown(&layers), ["own connected", "feed connected"]);
    let before = layers.revision();
    layers.tick(at(2000 + LAYER_PATIENCE.0));
    assert_eq!(shown(&layers), ["own silent", "feed connected"]);
    assert!(layers.revision() > before);
    let over = layers.over(status(Word::Connected));
    assert_eq!(over.word, Word::Degraded);
    assert!(
        over.reason.starts_with("changes come by feed; own: "),
        "{}",
        over.reason
    );
    assert!(layers.are_well());
    assert_eq!(layers.next_wakeup(), None);
    // It speaks again.
    layers.heard(at(20_000), 0, change("4", "task"));
    assert_eq!(shown(&layers), ["own connected", "feed connected"]);
    assert_eq!(
        layers.over(status(Word::Connected)),
        status(Word::Connected)
    );
}

#[test]
fn one_change_late_or_none_of_its_business_says_nothing() {
    let mut layers = two();
    layers.heard(at(0), 0, change("0", "task"));
    layers.heard(at(0), 1, change("0", "task"));
    for number in 1..10 {
        // Late, but in time; and of something that the first one never told of.
        let now = number * 30_000;
        let id = number.to_string();
        layers.heard(at(now), 1, change(&id, "task"));
        layers.heard(at(now), 1, change(&(id.clone() + "n"), "note"));
        layers.tick(at(now + LAYER_PATIENCE.0 - 1));
        layers.heard(at(now + LAYER_PATIENCE.0 - 1), 0, change(&id, "task"));
        layers.tick(at(now + LAYER_PATIENCE.0));
    }
    assert_eq!(shown(&layers), ["own connected", "feed connected"]);
    // What comes after the time is no new change that the other one would have to tell of.
    layers.heard(at(400_000), 1, change("x", "task"));
    layers.tick(at(411_000));
    layers.heard(at(412_000), 0, change("x", "task"));
    assert_eq!(layers.next_wakeup(), None);
}

#[test]
fn what_is_said_to_be_another_ones_change_is_expected_of_the_first_other() {
    let mut layers = two();
    for id in ["1", "2"] {
        let known = Known {
            id,
            kind: "task_updated",
            of_another: true,
        };
        layers.heard(at(1000), 1, Some(known));
    }
    layers.tick(at(1000 + LAYER_PATIENCE.0));
    assert_eq!(shown(&layers), ["own silent", "feed connected"]);
}

#[test]
fn who_was_not_there_or_a_page_that_was_away_is_not_blamed() {
    let mut layers = two();
    layers.heard(at(0), 0, change("0", "task"));
    layers.is(at(500), 0, status(Word::Reconnecting));
    for id in ["1", "2", "3"] {
        layers.heard(at(1000), 1, change(id, "task"));
    }
    layers.is(at(2000), 0, status(Word::Connected));
    layers.tick(at(1000 + LAYER_PATIENCE.0));
    assert_eq!(shown(&layers), ["own connected", "feed connected"]);
    for id in ["4", "5", "6"] {
        layers.heard(at(30_000), 1, change(id, "task"));
    }
    layers.was_away();
    layers.tick(at(90_000));
    assert_eq!(shown(&layers), ["own connected", "feed connected"]);
}

#[test]
fn a_new_connection_is_a_new_chance() {
    let mut layers = two();
    layers.heard(at(0), 0, change("0", "task"));
    for id in ["1", "2"] {
        layers.heard(at(1000), 1, change(id, "task"));
    }
    layers.tick(at(1000 + LAYER_PATIENCE.0));
    assert_eq!(shown(&layers), ["own silent", "feed connected"]);
    layers.is(at(20_000), 0, status(Word::Reconnecting));
    layers.is(at(21_000), 0, status(Word::Connected));
    assert_eq!(shown(&layers), ["own connected", "feed connected"]);
}

#[test]
fn the_next_one_takes_over_and_says_why() {
    let mut layers = two();
    let own = status(Word::Reconnecting);
    layers.is(at(1), 0, own.clone());
    let over = layers.over(own);
    assert_eq!(over.word, Word::Degraded);
    assert_eq!(over.reason, "changes come by feed; own: as it is");
    assert!(layers.are_well());
    // What somebody has to do something about is said as it is.
    let login = status(Word::NeedsAuth);
    assert_eq!(layers.over(login.clone()), login);
    layers.is(at(2), 1, status(Word::Offline));
    assert!(!layers.are_well());
    let own = status(Word::Reconnecting);
    assert_eq!(layers.over(own.clone()), own);
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut layers = two();
    for number in 0..2 * LAYER_CHANGES_MAX {
        let text = number.to_string();
        layers.heard(at(0), 1, change(&text, &text));
    }
    assert_eq!(layers.changes.len(), LAYER_CHANGES_MAX);
    assert_eq!(layers.layers[1].kinds.len(), LAYER_KINDS_MAX);
    layers.heard(
        at(CHANGE_REMEMBERED.0 + Millis::seconds(1).0),
        1,
        change("new", "task"),
    );
    assert_eq!(layers.changes.len(), 1);
}
