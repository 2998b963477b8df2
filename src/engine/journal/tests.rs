#![allow(clippy::unwrap_used)]

use super::*;
use crate::wire::json;
use proptest::prelude::*;

fn key(text: &str) -> QueryKey {
    QueryKey::new(json::parse(text).unwrap()).unwrap()
}

fn text(write: impl FnOnce(&mut Writer)) -> String {
    let mut w = Writer::new();
    write(&mut w);
    w.finish()
}

#[test]
fn a_burst_is_one_entry_with_a_count() {
    let mut journal = Journal::default();
    for at in 0..1000 {
        journal.at(Wall(at));
        journal.event(Seen::New, "moved", "c");
    }
    journal.at(Wall(1000));
    journal.event(Seen::Duplicate, "moved", "c");
    assert_eq!(
        text(|w| journal.write(w)),
        r#"{"dropped":0,"entries":[{"at":0,"count":1000,"last":999,"part":"channels","what":"event","event":"moved","channel":"c"},{"at":1000,"part":"channels","what":"duplicate","event":"moved","channel":"c"}]}"#
    );
}

#[test]
fn the_chain_of_a_key_has_what_led_to_it_in_order_and_nothing_else() {
    let mut journal = Journal::default();
    journal.at(Wall(1));
    journal.link("connected", 0);
    journal.link("connected", 0);
    journal.at(Wall(2));
    journal.event(Seen::New, "moved", "c");
    journal.at(Wall(3));
    journal.event(Seen::New, "sang", "c");
    journal.at(Wall(4));
    journal.told(&[key(r#"["tasks"]"#)], "event", Some("moved"));
    journal.at(Wall(5));
    journal.told(&[key(r#"["songs"]"#)], "event", Some("sang"));
    for (at, what) in [(6, "started"), (7, "done")] {
        let key = key(r#"["tasks",{"page":1}]"#);
        journal.at(Wall(at));
        journal.note(What::Fetch { key, what });
    }
    let chain = |of: &str| {
        let mut ats = Vec::new();
        let text = text(|w| journal.write_chain(&key(of), w));
        json::parse(&text)
            .unwrap()
            .elements(|entry| ats.push(entry.member("at").unwrap().integer().unwrap()));
        ats
    };
    assert_eq!(chain(r#"["tasks",{"page":1}]"#), [1, 2, 4, 6, 7]);
    assert_eq!(chain(r#"["tasks"]"#), [1, 2, 4, 6, 7]);
    assert_eq!(chain(r#"["task"]"#), [1]);
    assert_eq!(chain(r#"["songs"]"#), [1, 3, 5]);
}

#[test]
fn only_what_is_switched_on_is_told_as_text() {
    let mut journal = Journal::default();
    journal.event(Seen::New, "moved", "c");
    journal.log(Parts::read(json::parse(r#"["channels"]"#).unwrap()).unwrap());
    journal.event(Seen::New, "moved", "c");
    journal.event(Seen::New, "moved", "c");
    journal.note(What::Fault("limit"));
    let said = (Part::Channels, "event event=moved channel=c".to_owned());
    assert_eq!(journal.take_said(), [said.clone(), said]);
    journal.log(Parts::default());
    journal.event(Seen::New, "moved", "c");
    assert_eq!(journal.take_said(), []);
}

#[test]
fn a_gap_names_some_families_and_concerns_all() {
    let mut journal = Journal::default();
    let keys: Vec<_> = (0..1000).map(|n| key(&format!("[{n}]"))).collect();
    journal.told(&keys, "gap", Some("c"));
    let chain = text(|w| journal.write_chain(&key("[999]"), w));
    assert!(chain.contains(r#""others":"984""#), "{chain}");
}

#[test]
fn parts_are_read_or_refused() {
    let read = |text| Parts::read(json::parse(text).unwrap());
    let all = read(r#"["all"]"#).unwrap();
    assert!(Part::Faults.text() == "faults" && all.has(Part::Faults));
    assert_eq!(read("[]"), Some(Parts::default()));
    assert_eq!(read(r#"["link","song"]"#), None);
    assert_eq!(read(r#"[1]"#), None);
    assert_eq!(read(r#""link""#), None);
}

#[test]
fn another_principal_finds_nothing() {
    let mut journal = Journal::default();
    journal.event(Seen::New, "moved", "c");
    journal.forget_user();
    assert_eq!(text(|w| journal.write(w)), r#"{"dropped":0,"entries":[]}"#);
    assert!(journal.names.is_empty());
}

proptest! {
    #[test]
    fn it_never_grows_beyond_its_bounds(names in prop::collection::vec("\\PC{0,300}", 0..40), rounds in 1usize..40) {
        let mut journal = Journal::default();
        for round in 0..rounds {
            for name in &names {
                let name = format!("{round}{name}");
                journal.event(Seen::New, &name, &name);
            }
        }
        prop_assert!(journal.entries.len() <= JOURNAL_MAX);
        prop_assert!(journal.names.len() <= JOURNAL_NAMES_MAX);
        prop_assert!(journal.names.iter().all(|(_, name)| name.len() <= JOURNAL_NAME_BYTES_MAX));
        prop_assert!(journal.names.is_sorted());
        let text = text(|w| journal.write(w));
        prop_assert!(json::parse(&text).is_ok());
    }
}
