#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use serde_json::{Value, json};

use super::*;

const LIMITS: CrowdLimits = CrowdLimits {
    channels_max: 2,
    people_max: 3,
    ttl_ms: 1000,
    grace_ms: 200,
    tell_ms: 100,
};

/// A crowd, and what each connection was told.
struct Rig {
    crowd: Crowd<u64>,
    told: Vec<(u64, Value)>,
}

impl Rig {
    fn new() -> Self {
        let crowd = Crowd::new(LIMITS);
        let told = Vec::new();
        Self { crowd, told }
    }

    fn show(&mut self, now: u64, key: u64, user: Option<&str>, show: Show, all: bool) -> bool {
        self.show_on(now, key, "c", user, show, all)
    }

    fn show_on(
        &mut self,
        now: u64,
        key: u64,
        channel: &str,
        user: Option<&str>,
        show: Show,
        all: bool,
    ) -> bool {
        // A connection of the number 13 is the third one of the client 1, say.
        let client = ClientId::parse(&format!("c{}", key % 10)).unwrap();
        let user = user.map(|user| UserName::parse(user).unwrap());
        let who = Speaker {
            key: SessionKey(key),
            client: &client,
            user: user.as_ref(),
            listener: &key,
        };
        let channel = ChannelName::parse(channel).unwrap();
        let told = &mut self.told;
        let mut send = |to: &u64, text: &Utf8Bytes| {
            told.push((*to, serde_json::from_str(text.as_str()).unwrap()));
        };
        self.crowd
            .show(Millis(now), &who, &channel, show, all, &mut send)
            .is_ok()
    }

    fn depart(&mut self, now: u64, key: u64) {
        let told = &mut self.told;
        self.crowd.depart(
            Millis(now),
            SessionKey(key),
            &channel(),
            &mut |to: &u64, text: &Utf8Bytes| {
                told.push((*to, serde_json::from_str(text.as_str()).unwrap()));
            },
        );
    }

    fn tick(&mut self, now: u64) {
        let told = &mut self.told;
        self.crowd
            .tick(Millis(now), &mut |to: &u64, text: &Utf8Bytes| {
                told.push((*to, serde_json::from_str(text.as_str()).unwrap()));
            });
    }

    /// What one was told since the last time: who joined, and who left.
    fn told(&mut self, key: u64) -> Vec<(Vec<String>, Vec<String>)> {
        let (its, others) = self.told.drain(..).partition(|(to, _)| *to == key);
        self.told = others;
        let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect();
        let its: Vec<(u64, Value)> = its;
        let pairs = its
            .iter()
            .map(|(_, text)| (names(&text["join"]), names(&text["leave"])));
        pairs.collect()
    }
}

fn channel() -> ChannelName {
    ChannelName::parse("c").unwrap()
}

fn known() -> Show {
    Show::Known("{}".into())
}

fn anonymous(name: &str) -> Show {
    Show::Anonymous("{}".into(), ClientId::parse(name).unwrap())
}

fn pair(join: &[&str], leave: &[&str]) -> (Vec<String>, Vec<String>) {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    (owned(join), owned(leave))
}

#[test]
fn who_comes_is_told_of_all_and_all_of_who_comes() {
    let mut rig = Rig::new();
    rig.show(0, 1, Some("jane"), known(), true);
    assert_eq!(rig.told(1)[0], pair(&["c1"], &[]));
    rig.told.clear();
    rig.show(500, 2, None, Show::Nothing, true);
    assert_eq!(rig.told(2), [pair(&["c1"], &[])]);
    assert_eq!(rig.told(1), [], "who only looks is not seen");
    rig.show(600, 2, None, known(), false);
    assert_eq!(rig.told(1), [pair(&["c2"], &[])]);
    rig.depart(800, 2);
    assert_eq!(rig.told(1), [pair(&[], &["c2"])]);
    assert!(!rig.crowd.is_on(SessionKey(2), &channel()));
}

#[test]
fn many_changes_are_told_together_and_the_last_one_always() {
    let mut rig = Rig::new();
    rig.show(0, 1, None, Show::Nothing, true);
    rig.show(0, 2, None, known(), false);
    rig.told.clear();
    for at in 1..100 {
        let data = json!({ "x": at }).to_string();
        rig.show(at, 2, None, Show::Known(data.as_str().into()), false);
    }
    assert_eq!(rig.told(1), []);
    assert_eq!(rig.crowd.next_wakeup(), Some(Millis(100)));
    rig.tick(100);
    let last = rig.told.iter().find(|(to, _)| *to == 1).unwrap();
    assert_eq!(last.1["join"]["c2"]["data"], json!({ "x": 99 }));
    assert_eq!(rig.told(1).len(), 1);
}

#[test]
fn who_is_silent_is_gone_and_who_renews_is_not() {
    let mut rig = Rig::new();
    rig.show(0, 1, None, Show::Nothing, true);
    rig.show(0, 2, None, known(), false);
    rig.show(0, 3, None, known(), false);
    rig.tick(100);
    rig.show(600, 3, None, known(), false);
    rig.told.clear();
    rig.tick(999);
    assert_eq!(rig.told(1), []);
    rig.tick(1000);
    assert_eq!(rig.told(1), [pair(&[], &["c2"])]);
    rig.tick(1600);
    assert_eq!(rig.told(1), [pair(&[], &["c3"])]);
    assert!(
        rig.crowd.is_on(SessionKey(3), &channel()),
        "it may still look"
    );
}

#[test]
fn a_connection_that_comes_back_in_time_was_never_away() {
    let mut rig = Rig::new();
    rig.show(0, 1, None, Show::Nothing, true);
    rig.show(0, 2, Some("jane"), known(), false);
    rig.told.clear();
    rig.crowd.lose(Millis(100), SessionKey(2));
    // The same client on another connection.
    rig.show(250, 12, Some("jane"), known(), true);
    rig.tick(900);
    let told = rig.told(1);
    assert!(told.iter().all(|(_, left)| left.is_empty()), "{told:?}");
    // A late end of the first connection changes nothing.
    rig.crowd.lose(Millis(901), SessionKey(2));
    rig.tick(1200);
    assert_eq!(rig.told(1), []);
    rig.crowd.lose(Millis(1200), SessionKey(12));
    rig.tick(1400);
    assert_eq!(rig.told(1), [pair(&[], &["c2"])]);
}

#[test]
fn a_person_who_goes_on_elsewhere_is_there_once() {
    let mut rig = Rig::new();
    rig.show(0, 1, None, Show::Nothing, true);
    rig.show(0, 2, Some("jane"), known(), false);
    rig.crowd.lose(Millis(100), SessionKey(2));
    rig.told.clear();
    rig.show(150, 3, Some("jane"), known(), false);
    assert_eq!(rig.told(1), [pair(&["c3"], &["c2"])]);
}

#[test]
fn an_anonymous_one_has_another_name_and_keeps_it() {
    let mut rig = Rig::new();
    rig.show(0, 1, None, Show::Nothing, true);
    rig.show(0, 2, Some("jane"), known(), true);
    rig.told.clear();
    rig.show(200, 2, Some("jane"), anonymous("x"), false);
    let you = &rig.told.iter().find(|(to, _)| *to == 2).unwrap().1["you"];
    assert_eq!(you, "x");
    let text = &rig.told.iter().find(|(to, _)| *to == 1).unwrap().1;
    assert_eq!(text["join"], json!({ "x": { "ref": 3, "data": {} } }));
    assert_eq!(rig.told(1), [pair(&["x"], &["c2"])]);
    rig.told.clear();
    rig.show(400, 2, Some("jane"), anonymous("y"), false);
    assert_eq!(rig.told(1), [pair(&["x"], &[])]);
    let seen = rig.crowd.seen_as(SessionKey(2), &channel()).unwrap();
    assert_eq!((seen.0.as_str(), seen.1), ("x", false));
}

#[test]
fn nobody_takes_the_name_of_another_person() {
    let mut rig = Rig::new();
    rig.show(0, 2, Some("jane"), known(), true);
    rig.show(200, 12, Some("mallory"), known(), true);
    let seen = |key| {
        rig.crowd
            .seen_as(SessionKey(key), &channel())
            .unwrap()
            .0
            .clone()
    };
    assert_eq!(seen(2).as_str(), "c2");
    assert_ne!(seen(12).as_str(), "c2");
}

#[test]
fn channels_and_people_have_a_number() {
    let mut rig = Rig::new();
    for key in [1, 2, 3] {
        assert!(rig.show(0, key, None, known(), false));
    }
    assert!(!rig.show(0, 4, None, known(), false));
    assert!(rig.show(0, 3, None, known(), false), "who is there stays");
    assert!(rig.show_on(0, 3, "d", None, known(), false));
    assert!(!rig.show_on(0, 3, "e", None, known(), false));
}

#[test]
fn a_signal_reaches_those_who_are_there_and_news_of_leases_also_those_who_edit() {
    let mut rig = Rig::new();
    rig.show(0, 1, None, Show::Nothing, true);
    rig.show(0, 2, None, known(), false);
    let client = ClientId::parse("c3").unwrap();
    let who = Speaker {
        key: SessionKey(3),
        client: &client,
        user: None,
        listener: &3,
    };
    rig.crowd.listen(&who, &channel()).unwrap();
    assert!(!rig.crowd.is_on(SessionKey(3), &channel()));
    let text = Utf8Bytes::from_static("{}");
    let mut heard = Vec::new();
    for audience in [Audience::Others(SessionKey(2)), Audience::All] {
        rig.crowd
            .relay(&channel(), audience, &text, &mut |to, _| heard.push(*to));
    }
    assert_eq!(heard, [1, 1, 2, 3]);
    // It still edits when it is not there any more.
    rig.show(0, 3, None, known(), false);
    rig.depart(0, 3);
    assert!(!rig.crowd.is_on(SessionKey(3), &channel()));
    let mut heard = Vec::new();
    rig.crowd
        .relay(&channel(), Audience::All, &text, &mut |to, _| {
            heard.push(*to)
        });
    assert_eq!(heard, [1, 2, 3]);
}

#[test]
fn what_nobody_has_to_do_with_is_forgotten() {
    let mut rig = Rig::new();
    rig.show(0, 1, None, known(), false);
    rig.crowd.lose(Millis(0), SessionKey(1));
    assert_eq!(rig.crowd.rooms.len(), 1);
    rig.tick(200);
    assert_eq!(rig.crowd.rooms.len(), 0);
    assert_eq!(rig.crowd.next_wakeup(), None);
}
