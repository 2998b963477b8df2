//! What must not get lost on the way: a letter that does not fit into the storage, an answer that
//! comes before the storage is read, and what a new tab has to know of those before it.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use super::super::*;
use crate::engine::hlc::Hlc;
use crate::engine::limits::{QUEUE_RESCAN, QUEUE_SETTLE};
use crate::engine::time::Wall;
use crate::wire::json;

const ME: TabId = TabId(5);
const OTHER: TabId = TabId(9);

/// A queue beside a storage.
struct Rig {
    queue: Queue,
    rng: Rng,
    now: u64,
    stored: BTreeMap<String, String>,
    fault: Option<StoreFault>,
    /// Nor can it be read.
    unreadable: bool,
    runs: Vec<(MutationId, u32)>,
    posts: Vec<String>,
}

impl Rig {
    fn new() -> Rig {
        Rig::of(ME)
    }

    fn of(tab: TabId) -> Rig {
        let settings = Settings {
            handlers: vec![("move".into(), Handler::default())],
            volatile: true,
            ..Settings::default()
        };
        Rig {
            queue: Queue::new(tab, "s".into(), settings, true),
            rng: Rng::new(1),
            now: 1000,
            stored: BTreeMap::new(),
            fault: None,
            unreadable: false,
            runs: Vec::new(),
            posts: Vec::new(),
        }
    }

    fn leads() -> Rig {
        let mut rig = Rig::new();
        rig.lead(7);
        rig.wait(QUEUE_SETTLE);
        rig
    }

    fn lead(&mut self, number: u64) {
        let term = Term { number, tab: ME };
        self.queue.lead(self.at(), Some(term));
        self.settle();
    }

    fn at(&self) -> Now {
        Now {
            mono: Mono(self.now),
            wall: Wall(1_000_000 + self.now),
        }
    }

    fn wait(&mut self, span: Millis) {
        self.now += span.0;
        self.settle();
    }

    /// Does what is due.
    fn settle(&mut self) {
        loop {
            self.queue.tick(self.at(), &mut self.rng);
            let steps: Vec<Step> = std::iter::from_fn(|| self.queue.poll()).collect();
            if steps.is_empty() {
                return;
            }
            steps.into_iter().for_each(|step| self.perform(step));
        }
    }

    fn perform(&mut self, step: Step) {
        let now = self.at();
        match step {
            Step::List { op, .. } => {
                let keys: Vec<String> = self.stored.keys().cloned().collect();
                let result = match self.unreadable {
                    true => Err(StoreFault::Blocked),
                    false => Ok(&*keys),
                };
                self.queue.listed(now, op, result);
            }
            Step::Read { op, keys } => {
                let values: Vec<_> = keys.iter().map(|k| self.stored.get(k).cloned()).collect();
                self.queue.read(now, op, Ok(&values));
            }
            Step::Write { op, key, value } => {
                let result = self.fault.map_or(Ok(()), Err);
                if result.is_ok() {
                    self.stored.insert(key, value);
                }
                self.queue.stored(now, op, result);
            }
            Step::Remove { key } => {
                self.stored.remove(&key);
            }
            Step::Run(run) => self.runs.push((run.id, run.attempt)),
            Step::Post(text) => self.posts.push(text),
            Step::Cancel { .. }
            | Step::Tell(_)
            | Step::NeedAuth
            | Step::Fault(_)
            | Step::Seen(_)
            | Step::Tried(_) => {}
        }
    }

    fn mutate(&mut self) {
        self.mutate_with("");
    }

    fn mutate_with(&mut self, rest: &str) {
        let text = format!(
            r#"{{"id":{},"name":"move","vars":{{"a":1}}{rest}}}"#,
            self.now
        );
        let draft = Draft::parse(json::parse(&text).unwrap()).unwrap();
        let stamp = Hlc::new(ME).stamp(self.at());
        self.queue.mutate(self.at(), draft, stamp);
        self.settle();
    }

    /// The last run fails.
    fn failed(&mut self, failure: Failure) {
        let (id, attempt) = *self.runs.last().unwrap();
        let outcome = Outcome::Failed(failure);
        self.queue
            .done(self.at(), &mut self.rng, id, attempt, outcome);
        self.settle();
    }

    /// Another tab says something.
    fn hears(&mut self, talk: &str) {
        self.hears_of(OTHER, talk);
    }

    fn hears_of(&mut self, tab: TabId, talk: &str) {
        let raw = json::parse(talk).unwrap();
        assert!(self.queue.heard(self.at(), &mut self.rng, tab, raw));
        self.settle();
    }

    /// What this tab offered to who leads.
    fn offers(&self) -> Vec<String> {
        let offers = self
            .posts
            .iter()
            .filter(|text| text.contains(r#""q":"queued""#));
        offers.cloned().collect()
    }

    fn is_stored(&self, slot: Slot) -> bool {
        self.stored.contains_key(&slot.key("s"))
    }
}

#[test]
fn a_letter_that_does_not_fit_leaves_what_was_accepted_where_it_is() {
    let mut rig = Rig::leads();
    rig.mutate();
    let (id, _) = *rig.runs.last().unwrap();
    rig.fault = Some(StoreFault::Quota);
    rig.failed(Failure::of(Class::Rejected));
    assert!(!rig.is_stored(Slot::Word(id)));
    rig.wait(QUEUE_RESCAN);
    rig.wait(QUEUE_RESCAN);
    assert!(
        rig.is_stored(Slot::Accepted(id)),
        "nothing else tells of it"
    );
    // A copy that comes back beside the letter is removed.
    let mut rig = Rig::leads();
    rig.mutate();
    let (id, _) = *rig.runs.last().unwrap();
    let key = Slot::Accepted(id).key("s");
    let copy = rig.stored.get(&key).cloned().unwrap();
    rig.failed(Failure::of(Class::Rejected));
    assert!(rig.is_stored(Slot::Word(id)) && !rig.is_stored(Slot::Accepted(id)));
    rig.stored.insert(key, copy);
    rig.wait(QUEUE_RESCAN);
    rig.wait(QUEUE_RESCAN);
    assert!(rig.is_stored(Slot::Word(id)) && !rig.is_stored(Slot::Accepted(id)));
}

#[test]
fn a_server_that_asks_for_calm_is_heard_before_the_storage_is_read() {
    let mut rig = Rig::leads();
    rig.mutate();
    rig.queue.away(rig.at(), false);
    rig.settle();
    rig.lead(8);
    let mut failure = Failure::of(Class::SlowDown);
    failure.after = Some(Millis::seconds(120));
    rig.failed(failure);
    let before = rig.runs.len();
    rig.wait(QUEUE_SETTLE);
    rig.wait(Millis::seconds(119));
    assert_eq!(rig.runs.len(), before, "nothing goes before that");
    rig.wait(Millis::seconds(60));
    assert_eq!(rig.runs.len(), before + 1);
}

#[test]
fn what_was_offered_to_who_led_before_does_not_overtake_what_is_offered_again() {
    // A page without storage, which is told that its first one was taken.
    let mut page = Rig::of(OTHER);
    page.fault = Some(StoreFault::Blocked);
    let old = Term {
        number: 6,
        tab: TabId(3),
    };
    page.queue.follow();
    page.queue.follow_leader(page.at(), old);
    page.mutate();
    let text = page.offers().remove(0);
    let Some(Talk::Queued { items, .. }) = Talk::read(OTHER, json::parse(&text).unwrap()) else {
        panic!("{text}");
    };
    let first = items[0].mutation.id;
    page.hears_of(old.tab, &Talk::Lead(old, Lead::Took(vec![first])).write());
    page.wait(Millis(1));
    page.mutate();
    let late = page.offers().pop().unwrap();

    // Who leads next hears of the second one, which was meant for the one before.
    let mut rig = Rig::leads();
    let handlers = vec![("move".into(), Handler::default())];
    rig.hears(&Talk::Handlers(handlers).write());
    rig.hears(&late);
    assert_eq!(rig.runs, []);
    // The page hears who leads now.
    page.posts.clear();
    page.queue
        .follow_leader(page.at(), Term { number: 7, tab: ME });
    page.settle();
    page.offers().iter().for_each(|text| rig.hears(text));
    assert_eq!(rig.runs, [(first, 1)]);
}

#[test]
fn a_new_tab_is_told_how_the_queue_stands_and_orders_its_own_behind() {
    let mut rig = Rig::leads();
    rig.mutate();
    let (id, _) = *rig.runs.last().unwrap();
    rig.posts.clear();
    let handlers = Talk::Handlers(Vec::new()).write();
    rig.hears(&handlers);
    let said: Vec<Talk> = (rig.posts.iter())
        .map(|text| Talk::read(ME, json::parse(text).unwrap()).unwrap())
        .collect();
    let counts = |talk: &Talk| matches!(talk, Talk::Lead(_, Lead::Totals(t, _)) if t.count == 1);
    assert!(said.iter().any(counts));
    let took = Lead::Took(vec![id]);
    assert!(
        said.iter()
            .any(|t| matches!(t, Talk::Lead(_, lead) if *lead == took))
    );
    // It is said once.
    rig.posts.clear();
    rig.hears(&handlers);
    assert_eq!(rig.posts, Vec::<String>::new());

    // Whoever hears it makes nothing that would go before, whatever its clock says.
    let mut rig = Rig::new();
    let leader = Term {
        number: 7,
        tab: OTHER,
    };
    rig.queue.follow();
    rig.queue.follow_leader(rig.at(), leader);
    let ahead = MutationId {
        order: 9_000_000,
        tab: OTHER,
    };
    let took = Talk::Lead(leader, Lead::Took(vec![ahead])).write();
    rig.hears(&took);
    rig.mutate();
    let made = rig.stored.keys().find_map(|key| Slot::parse("s", key));
    assert!(matches!(made, Some(Slot::Accepted(id)) if id > ahead));

    // Also if it does not know yet who leads.
    let mut rig = Rig::new();
    rig.queue.follow();
    let now = rig.at();
    rig.queue
        .heard_of_others(now, OTHER, json::parse(&took).unwrap());
    rig.mutate();
    let made = rig.stored.keys().find_map(|key| Slot::parse("s", key));
    assert!(matches!(made, Some(Slot::Accepted(id)) if id > ahead));
}

#[test]
fn what_waits_goes_first_when_the_calm_ends_in_the_moment_in_which_there_is_a_link() {
    let mut rig = Rig::leads();
    rig.mutate();
    let mut failure = Failure::of(Class::SlowDown);
    failure.after = Some(Millis::seconds(20));
    rig.failed(failure);
    while rig.runs.len() == 1 {
        rig.now = rig.queue.next_wakeup().unwrap().0;
        rig.queue.linked(rig.at());
        rig.settle();
    }
    assert!(rig.queue.holds(), "nothing is fetched before it");
}

#[test]
fn what_waits_goes_first_when_the_browser_is_online_after_there_is_a_link() {
    let mut rig = Rig::leads();
    rig.queue.online(rig.at(), false, true);
    rig.mutate();
    rig.queue.linked(rig.at());
    rig.settle();
    assert!(rig.runs.is_empty());
    rig.queue.online(rig.at(), true, true);
    rig.settle();
    assert!(rig.runs.len() == 1 && rig.queue.holds());
}

#[test]
fn who_follows_waits_no_longer_than_who_leads_would_for_a_storage_that_is_not_read() {
    let leader = Term {
        number: 7,
        tab: OTHER,
    };
    for (wait, span) in [(Wait::Unread, UNREAD_HOLD), (Wait::Drain, DRAIN_HOLD)] {
        let mut rig = Rig::new();
        rig.queue.follow();
        rig.queue.follow_leader(rig.at(), leader);
        let says = |wait| Talk::Lead(leader, Lead::Totals(Totals::default(), wait)).write();
        rig.hears(&says(Some(Wait::Unread)));
        rig.hears(&says(Some(wait)));
        // The leader froze.
        rig.wait(Millis(span.0 - 1));
        rig.hears(&says(Some(wait)));
        assert!(rig.queue.holds(), "{wait:?}");
        rig.wait(Millis(1));
        assert!(!rig.queue.holds(), "{wait:?}");
        rig.hears(&says(Some(wait)));
        rig.hears(&says(None));
        assert!(!rig.queue.holds(), "{wait:?}");
    }
}

#[test]
fn what_was_sent_is_not_said_to_have_been_replaced_by_a_note_that_is_read_late() {
    let mut rig = Rig::leads();
    rig.mutate();
    let (id, _) = *rig.runs.last().unwrap();
    let mut failure = Failure::of(Class::SlowDown);
    failure.after = Some(Millis::seconds(2));
    rig.failed(failure);
    // Who led before replaced it and crashed before it could say so; this tab could not see the note then.
    let note = word::Entry::Gone(id, How::Superseded, rig.at().wall);
    let (key, value) = (note.slot().key("s"), note.record());
    rig.stored.insert(key.clone(), value.clone());
    rig.queue.changed(rig.at(), Some(&key), Some(&value));
    rig.settle();
    assert!(!rig.is_stored(Slot::Word(id)));
    rig.wait(Millis::seconds(3));
    assert_eq!(
        rig.runs.last(),
        Some(&(id, 2)),
        "the server says what became of it"
    );
}

#[test]
fn what_was_replaced_while_its_page_was_away_is_not_sent_by_it() {
    let input = r#","lane":"l","coalesce":"f""#;
    let mut rig = Rig::leads();
    rig.mutate_with(r#","lane":"l""#);
    let leader = Term { number: 7, tab: ME };
    let mut page = Rig::of(OTHER);
    page.queue.follow();
    page.queue.follow_leader(page.at(), leader);
    page.mutate_with(input);
    page.offers().iter().for_each(|text| rig.hears(text));
    let old = page.stored.keys().find_map(|key| Slot::parse("s", key));
    let Some(Slot::Accepted(old)) = old else {
        panic!("{old:?}");
    };
    page.wait(Millis::seconds(1));
    rig.wait(Millis::seconds(1));
    page.queue.away(page.at(), false);
    page.settle();
    rig.posts.clear();
    rig.mutate_with(input);
    assert!(rig.is_stored(Slot::Word(old)));

    // It comes back to lead.
    let heard = page.stored.clone();
    page.stored = rig.stored.clone();
    page.lead(8);
    page.wait(QUEUE_SETTLE);
    let sent: Vec<MutationId> = page.runs.iter().map(|(id, _)| *id).collect();
    assert!(!sent.is_empty() && !sent.contains(&old), "{sent:?}");

    // Whoever hears it needs no note.
    let mut page = Rig::of(OTHER);
    page.queue.follow();
    page.queue.follow_leader(page.at(), leader);
    page.mutate_with(input);
    assert_eq!(page.stored.keys().next(), heard.keys().next());
    page.stored.insert(Slot::Word(old).key("s"), String::new());
    rig.posts.iter().for_each(|text| {
        page.hears_of(ME, text);
    });
    assert!(!page.is_stored(Slot::Word(old)) && !page.is_stored(Slot::Accepted(old)));
}

#[test]
fn a_letter_that_no_storage_took_is_stored_when_something_else_is() {
    for fault in [StoreFault::Blocked, StoreFault::Quota] {
        let mut rig = Rig::leads();
        rig.mutate();
        rig.mutate();
        rig.fault = Some(fault);
        let mut buried = Vec::new();
        for _ in 0..2 {
            buried.push(rig.runs.last().unwrap().0);
            rig.failed(Failure::of(Class::Rejected));
        }
        assert!(buried[0] != buried[1]);
        rig.wait(Millis::seconds(1));
        assert!(!buried.iter().any(|id| rig.is_stored(Slot::Word(*id))));
        // One is given up meanwhile.
        rig.queue.ask(
            rig.at(),
            1,
            &format!(r#"{{"op":"discard","mutation":"{}"}}"#, buried[0].text()),
        );
        rig.settle();
        rig.fault = None;
        rig.mutate();
        rig.wait(Millis(1));
        assert!(rig.is_stored(Slot::Word(buried[1])), "{fault:?}");
        assert!(!rig.is_stored(Slot::Accepted(buried[1])), "{fault:?}");
        assert!(!rig.is_stored(Slot::Word(buried[0])), "{fault:?}");
    }
}

#[test]
fn a_letter_of_who_led_before_that_is_seen_late_stops_its_lane() {
    let mut before = Rig::leads();
    let handler = Handler {
        stops: true,
        ..Handler::default()
    };
    let now = before.at();
    before.queue.handle(now, &"move".into(), Some(handler));
    before.mutate_with(r#","lane":"l""#);
    let (id, _) = *before.runs.last().unwrap();
    before.failed(Failure::of(Class::Rejected));
    let key = Slot::Word(id).key("s");
    let letter = before.stored.get(&key).cloned().unwrap();

    let mut rig = Rig::of(OTHER);
    rig.lead(8);
    rig.wait(QUEUE_SETTLE);
    let now = rig.at();
    rig.queue.changed(now, Some(&key), Some(&letter));
    rig.settle();
    rig.mutate_with(r#","lane":"l""#);
    assert_eq!(rig.runs, []);
    rig.mutate_with(r#","lane":"other""#);
    assert_eq!(rig.runs.len(), 1);
}

#[test]
fn what_shows_late_is_sent_when_its_letter_would_show_too() {
    let mut before = Rig::leads();
    before.mutate_with(r#","lane":"l""#);
    let (id, _) = *before.runs.last().unwrap();
    let key = Slot::Accepted(id).key("s");
    let value = before.stored.get(&key).cloned().unwrap();
    for (number, waits) in [(2_000_000, true), (8, false)] {
        let mut rig = Rig::of(OTHER);
        rig.lead(number);
        rig.wait(QUEUE_SETTLE);
        let now = rig.at();
        rig.queue.changed(now, Some(&key), Some(&value));
        rig.settle();
        assert_eq!(rig.runs.is_empty(), waits, "made before this tab led");
        rig.wait(QUEUE_SETTLE);
        assert_eq!(rig.runs.len(), 1);
    }
}

#[test]
fn g7_what_comes_late_of_a_mutation_before_it_was_changed_is_not_word_of_the_changed_one() {
    let mut rig = Rig::leads();
    rig.mutate();
    let (id, _) = *rig.runs.last().unwrap();
    rig.failed(Failure::of(Class::Conflict));
    assert!(rig.is_stored(Slot::Word(id)));
    // Nor is a run that goes on elsewhere one of the changed mutation.
    rig.hears(&format!(r#"{{"q":"flying","runs":{{"{}":1}}}}"#, id.text()));
    let edit = format!(
        r#"{{"op":"edit","mutation":"{}","vars":{{"a":2}}}}"#,
        id.text()
    );
    rig.queue.ask(rig.at(), 1, &edit);
    rig.settle();
    // It runs again, for the first time under its new key.
    assert_eq!(rig.runs, [(id, 1), (id, 1)]);
    let ran = |key: &str, outcome: &str| {
        format!(r#"{{"q":"ran","id":"{key}","attempt":1,"outcome":{outcome}}}"#)
    };
    // A page that was away says what became of the run before.
    for outcome in [
        r#"{"ok":false,"class":"conflict","status":409}"#,
        r#"{"ok":true,"data":1}"#,
    ] {
        rig.hears(&ran(&id.key(0), outcome));
        let now = Slot::Word(id).key("s");
        assert!(rig.stored[&now].contains(r#""is":"again""#), "{outcome}");
    }
    rig.hears(&ran(&id.key(1), r#"{"ok":true,"data":1}"#));
    assert!(!rig.is_stored(Slot::Accepted(id)) && !rig.is_stored(Slot::Word(id)));
}

#[test]
fn a_storage_that_throws_for_a_moment_does_not_hold_up_what_it_holds() {
    let mut before = Rig::leads();
    before.mutate();
    let mut rig = Rig::new();
    rig.stored = before.stored;
    rig.unreadable = true;
    rig.lead(8);
    rig.wait(QUEUE_SETTLE);
    for _ in 0..60 {
        rig.wait(Millis(100));
    }
    assert_eq!(rig.runs, []);
    rig.unreadable = false;
    for _ in 0..90 {
        rig.wait(Millis(100));
    }
    assert_eq!(rig.runs.len(), 1);
}
