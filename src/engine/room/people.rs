//! Who else is there, channel by channel.
//!
//! The server tells everybody once and then who came and left, each with a number that grows: so
//! what comes twice, late, or before the whole is told changes nothing that it should not. Whoever
//! is silent for too long is gone, because a machine that crashed says no farewell. One person
//! with three tabs, or two browsers, is one person. It knows no link.

use std::rc::Rc;

use crate::engine::limits::{
    PRESENCE_CLIENTS_MAX, PRESENCE_DATA_BYTES_MAX, PRESENCE_EARLY_MAX, PRESENCE_TELL, PRESENCE_TTL,
    TYPING_TTL, WHO_BYTES_MAX,
};
use crate::engine::map::Map;
use crate::engine::time::{Millis, Mono};
use crate::wire::json::{self, Raw, Text, Writer};

/// Everybody on every channel that this tab is on.
#[derive(Debug, Default)]
pub struct People {
    rooms: Map<Rc<str>, Room>,
}

#[derive(Debug, Default)]
struct Room {
    state: State,
    /// The name under which this browser is seen.
    you: Option<Rc<str>>,
    clients: Map<Rc<str>, Client>,
    told: Option<Mono>,
    changed: bool,
    /// What the app was told last of who types.
    typing: String,
}

#[derive(Debug)]
enum State {
    /// Everybody is not known yet. What changed meanwhile waits.
    Waiting(Vec<Change>),
    /// Everybody was told.
    Known,
}

impl Default for State {
    fn default() -> Self {
        State::Waiting(Vec::new())
    }
}

#[derive(Debug)]
struct Change {
    join: Rc<str>,
    leave: Rc<str>,
}

/// One client of the server: one browser with all its tabs.
#[derive(Debug)]
struct Client {
    reference: u64,
    user: Option<Rc<str>>,
    data: Rc<str>,
    heard: Mono,
    /// Which tab types, with the number of what it typed, and until when that is believed; nothing
    /// when it is not any more, because what is told again as a sign of life is no news.
    typing: Vec<(Rc<str>, u64, Option<Mono>)>,
}

/// What the app is to be told of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The channel.
    pub channel: Rc<str>,
    /// Who is there, as JSON text.
    pub people: String,
    /// Who types, as JSON text, if that changed.
    pub typing: Option<String>,
}

impl People {
    /// This tab is on a channel.
    pub fn enter(&mut self, channel: Rc<str>) {
        self.rooms.entry(channel, Room::default);
    }

    /// This tab is not on a channel any more.
    pub fn leave(&mut self, channel: &str) {
        self.rooms.remove(channel);
    }

    /// The link is lost, or another one: everybody is told anew. Until then those stay who were
    /// there, for as long as they are believed.
    pub fn link_changed(&mut self) {
        for room in self.rooms.values_mut() {
            room.state = State::default();
        }
    }

    /// This browser is seen under a name on a channel.
    pub fn seen_as(&mut self, channel: &str, you: Rc<str>) {
        if let Some(room) = self.rooms.get_mut(channel) {
            room.changed |= room.you.as_ref() != Some(&you);
            room.you = Some(you);
        }
    }

    /// This is everybody, or who came and left.
    pub fn hear(&mut self, now: Mono, channel: &str, full: bool, join: Rc<str>, leave: Rc<str>) {
        let Some(room) = self.rooms.get_mut(channel) else {
            return;
        };
        let change = Change { join, leave };
        match (&mut room.state, full) {
            (State::Waiting(early), false) => {
                // Beyond the bound, what is missed is forgotten by its time or told again.
                if early.len() < PRESENCE_EARLY_MAX {
                    early.push(change);
                }
            }
            (State::Known, false) => room.apply(now, &change),
            (State::Waiting(_) | State::Known, true) => {
                let early = match std::mem::replace(&mut room.state, State::Known) {
                    State::Waiting(early) => early,
                    State::Known => Vec::new(),
                };
                room.replace(now, &change);
                for change in &early {
                    room.apply(now, change);
                }
            }
        }
    }

    /// Time passed.
    pub fn tick(&mut self, now: Mono) {
        for room in self.rooms.values_mut() {
            let mut changed = false;
            room.clients.retain(|_, client| {
                for (_, _, until) in &mut client.typing {
                    if until.is_some_and(|at| at <= now) {
                        *until = None;
                        changed = true;
                    }
                }
                let gone = now.since(client.heard) >= PRESENCE_TTL;
                changed |= gone;
                !gone
            });
            room.changed |= changed;
        }
    }

    /// What the app is to be told now.
    pub fn due(&mut self, now: Mono) -> Vec<Told> {
        let mut out = Vec::new();
        for (channel, room) in self.rooms.iter_mut() {
            if room.moment().is_some_and(|at| at <= now) {
                room.changed = false;
                room.told = Some(now);
                let typing = room.write_typing();
                let new = typing != room.typing;
                room.typing.clone_from(&typing);
                out.push(Told {
                    channel: Rc::clone(channel),
                    people: room.write_people(),
                    typing: new.then_some(typing),
                });
            }
        }
        out
    }

    /// Everybody on every channel, as the npm package reads it.
    pub fn write(&self, w: &mut Writer) {
        for (channel, room) in self.rooms.iter() {
            w.object(|w| {
                w.key("channel").string(channel);
                w.key("known").bool(matches!(room.state, State::Known));
                w.key("people").raw(&room.write_people());
                w.key("typing").raw(&room.write_typing());
            });
        }
    }

    /// What the app is to be told when all of it ends.
    pub fn emptied(&self) -> Vec<Told> {
        let told = |channel: &Rc<str>| Told {
            channel: Rc::clone(channel),
            people: "[]".to_owned(),
            typing: Some("[]".to_owned()),
        };
        self.rooms.keys().map(told).collect()
    }

    /// When something is to be done, if nothing else happens.
    pub fn next_wakeup(&self) -> Option<Mono> {
        let rooms = self.rooms.values();
        let moments = rooms.flat_map(|room| {
            let clients = room.clients.values().flat_map(|client| {
                let typing = client.typing.iter().filter_map(|(_, _, until)| *until);
                typing.chain([client.heard + PRESENCE_TTL])
            });
            clients.chain(room.moment())
        });
        moments.min()
    }
}

impl Room {
    /// Telling a crowd costs more than telling of three: so it is told less often.
    fn moment(&self) -> Option<Mono> {
        if !self.changed {
            return None;
        }
        let crowd = 1 + self.clients.len() as u64 / 50;
        Some(match self.told {
            Some(told) => told + Millis(PRESENCE_TELL.0 * crowd),
            None => Mono(0),
        })
    }

    fn replace(&mut self, now: Mono, change: &Change) {
        let mut there: Vec<Rc<str>> = Vec::new();
        // A server that starts anew may count from one again: what is told as everybody is true.
        for_each(&change.join, &mut |name, raw| {
            there.push(name.into());
            self.put(now, name, raw, true);
        });
        there.sort_unstable();
        self.clients
            .retain(|name, _| there.binary_search(name).is_ok());
        self.changed = true;
    }

    fn apply(&mut self, now: Mono, change: &Change) {
        for_each(&change.join, &mut |name, raw| {
            self.put(now, name, raw, false);
        });
        for_each(&change.leave, &mut |name, raw| {
            let left = raw.integer().unwrap_or(u64::MAX);
            let gone = self
                .clients
                .get(name)
                .is_some_and(|have| have.reference <= left);
            if gone {
                self.clients.remove(name);
                self.changed = true;
            }
        });
    }

    fn put(&mut self, now: Mono, name: &str, raw: Raw<'_>, whole: bool) {
        let mut reference = 0;
        let mut user = None;
        let mut data: &str = "{}";
        raw.members(|key, value| match key.decode().as_ref() {
            "ref" => reference = value.integer().unwrap_or(0),
            "user" => user = value.string().map(Text::decode),
            "data" if value.text().len() <= PRESENCE_DATA_BYTES_MAX => data = value.text(),
            _ => {}
        });
        let user = user.filter(|user| user.len() <= WHO_BYTES_MAX);
        let full = self.clients.len() >= PRESENCE_CLIENTS_MAX || name.len() > WHO_BYTES_MAX;
        match self.clients.get_mut(name) {
            // Older than what is known: it was late.
            Some(have) if have.reference > reference && !whole => {}
            Some(have) => {
                have.heard = now;
                let same = have.reference == reference
                    && have.data.as_ref() == data
                    && have.user.as_deref() == user.as_deref();
                if !same {
                    have.reference = reference;
                    have.user = user.map(|user| user.as_ref().into());
                    have.data = data.into();
                    have.typed(now);
                    self.changed = true;
                }
            }
            None if full => {}
            None => {
                let mut client = Client {
                    reference,
                    user: user.map(|user| user.as_ref().into()),
                    data: data.into(),
                    heard: now,
                    typing: Vec::new(),
                };
                client.typed(now);
                self.clients.insert(name.into(), client);
                self.changed = true;
            }
        }
    }

    fn is_me(&self, name: &str) -> bool {
        self.you.as_deref() == Some(name)
    }

    fn write_typing(&self) -> String {
        let mut w = Writer::new();
        w.array(|w| {
            for (name, client) in self.clients.iter().filter(|(name, _)| !self.is_me(name)) {
                for_each_tab(&client.data, &mut |tab, raw| {
                    if let Some(field) = client.typing_in(tab, raw) {
                        w.object(|w| {
                            w.key("user");
                            write_user(w, client.user.as_deref());
                            w.key("client").string(name);
                            w.key("field").string(&field);
                        });
                    }
                });
            }
        });
        w.finish()
    }

    /// Writes the people: known ones by their name, each once; the others client by client.
    fn write_people(&self) -> String {
        let mut people: Map<(&str, &str), Vec<(&str, &Client)>> = Map::new();
        for (name, client) in self.clients.iter() {
            let person = match client.user.as_deref() {
                Some(user) => (user, ""),
                None => ("", name.as_ref()),
            };
            people.entry(person, Vec::new).push((name, client));
        }
        let mut w = Writer::new();
        w.array(|w| {
            for clients in people.values() {
                w.object(|w| {
                    let user = clients
                        .first()
                        .and_then(|(_, client)| client.user.as_deref());
                    let mut active = false;
                    w.key("user");
                    write_user(w, user);
                    w.key("self")
                        .bool(clients.iter().any(|(name, _)| self.is_me(name)));
                    w.key("tabs").array(|w| {
                        for (_, client) in clients {
                            for_each_tab(&client.data, &mut |tab, raw| {
                                let here = raw.member("active").and_then(Raw::bool);
                                active |= here == Some(true);
                                w.object(|w| {
                                    w.key("active").bool(here == Some(true));
                                    w.key("typing");
                                    write_user(w, client.typing_in(tab, raw).as_deref());
                                    let meta = raw.member("meta").map_or("{}", Raw::text);
                                    w.key("meta").raw(meta);
                                });
                            });
                        }
                    });
                    w.key("active").bool(active);
                });
            }
        });
        w.finish()
    }
}

impl Client {
    /// New data: whoever types is believed for a while from now on.
    fn typed(&mut self, now: Mono) {
        let old = std::mem::take(&mut self.typing);
        let mut new = Vec::new();
        for_each_tab(&self.data, &mut |tab, raw| {
            if raw.member("typing").and_then(Raw::string).is_none() {
                return;
            }
            let number = raw.member("typed").and_then(Raw::integer).unwrap_or(0);
            let until = match old
                .iter()
                .find(|(have, n, _)| have.as_ref() == tab && *n == number)
            {
                Some((_, _, until)) => *until,
                None => Some(now + TYPING_TTL),
            };
            new.push((tab.into(), number, until));
        });
        self.typing = new;
    }

    fn typing_in(&self, tab: &str, raw: Raw<'_>) -> Option<String> {
        let typing = self
            .typing
            .iter()
            .any(|(have, _, until)| until.is_some() && have.as_ref() == tab);
        let field = raw.member("typing").filter(|_| typing)?.string()?;
        Some(field.decode().into_owned())
    }
}

fn write_user(w: &mut Writer, user: Option<&str>) {
    match user {
        Some(user) => w.string(user),
        None => w.null(),
    }
}

fn for_each(object: &str, each: &mut dyn FnMut(&str, Raw<'_>)) {
    if let Ok(raw) = json::parse(object) {
        raw.members(|key, value| each(&key.decode(), value));
    }
}

/// The tabs of a client; `each` gets those that are objects.
fn for_each_tab(data: &str, each: &mut dyn FnMut(&str, Raw<'_>)) {
    if let Some(tabs) = json::parse(data).ok().and_then(|raw| raw.member("tabs")) {
        tabs.members(|key, value| {
            if value.is_object() {
                each(&key.decode(), value);
            }
        });
    }
}

#[cfg(test)]
mod table;
#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn client(reference: u64, user: &str, tabs: &str) -> String {
        format!(r#"{{"ref":{reference},"user":{user},"data":{{"tabs":{tabs}}}}}"#)
    }

    fn one(name: &str, reference: u64) -> Rc<str> {
        let client = client(reference, "\"jane\"", r#"{"t":{"active":true,"meta":{}}}"#);
        format!(r#"{{"{name}":{client}}}"#).into()
    }

    fn none() -> Rc<str> {
        "{}".into()
    }

    fn people() -> People {
        let mut people = People::default();
        people.enter("c".into());
        people
    }

    fn names(people: &People) -> Vec<String> {
        let clients = &people.rooms.get("c").unwrap().clients;
        clients
            .iter()
            .map(|(name, client)| format!("{name}{}", client.reference))
            .collect()
    }

    #[test]
    fn what_changed_before_everybody_was_told_is_not_lost_and_changes_nothing_that_is_newer() {
        let mut people = people();
        people.hear(Mono(0), "c", false, one("a", 1), none());
        people.hear(Mono(0), "c", false, one("b", 2), none());
        people.hear(Mono(0), "c", false, none(), r#"{"d":3}"#.into());
        assert_eq!(names(&people), [""; 0]);
        let full = r#"{"b":{"ref":5},"d":{"ref":3},"e":{"ref":4}}"#;
        people.hear(Mono(0), "c", true, full.into(), none());
        assert_eq!(names(&people), ["a1", "b5", "e4"]);
    }

    #[test]
    fn a_leave_that_is_older_than_the_coming_changes_nothing() {
        let mut people = people();
        people.hear(Mono(0), "c", true, one("a", 7), none());
        people.hear(Mono(0), "c", false, none(), r#"{"a":6}"#.into());
        assert_eq!(names(&people), ["a7"]);
        people.hear(Mono(0), "c", false, none(), r#"{"a":7}"#.into());
        assert_eq!(names(&people), [""; 0]);
    }

    #[test]
    fn one_person_with_three_tabs_in_two_browsers_is_one_person() {
        let mut people = people();
        let two = client(
            1,
            "\"jane\"",
            r#"{"t":{"active":false,"meta":{"at":1}},"u":{"active":true,"meta":{}}}"#,
        );
        let three = client(2, "\"jane\"", r#"{"v":{"active":false,"meta":{}}}"#);
        let hidden = client(3, "null", r#"{"w":{"active":false,"meta":{}}}"#);
        let join = format!(r#"{{"x":{two},"y":{three},"z":{hidden}}}"#);
        people.hear(Mono(0), "c", true, join.as_str().into(), none());
        people.seen_as("c", "y".into());
        let told = people.due(Mono(0)).pop().unwrap();
        assert_eq!(
            told.people,
            r#"[{"user":null,"self":false,"tabs":[{"active":false,"typing":null,"meta":{}}],"active":false},{"user":"jane","self":true,"tabs":[{"active":false,"typing":null,"meta":{"at":1}},{"active":true,"typing":null,"meta":{}},{"active":false,"typing":null,"meta":{}}],"active":true}]"#
        );
    }

    #[test]
    fn who_is_silent_is_gone_after_a_while_and_who_is_told_again_stays() {
        let mut people = people();
        people.hear(Mono(0), "c", true, one("a", 1), none());
        people.hear(Mono(10_000), "c", false, one("b", 2), none());
        people.due(Mono(10_000));
        people.hear(Mono(30_000), "c", false, one("a", 1), none());
        assert!(people.due(Mono(30_000)).is_empty(), "nothing changed");
        let gone = people.next_wakeup().unwrap();
        assert_eq!(gone, Mono(10_000) + PRESENCE_TTL);
        people.tick(gone);
        assert_eq!(names(&people), ["a1"]);
        assert_eq!(people.due(gone).len(), 1);
    }

    #[test]
    fn typing_ends_by_itself_unless_it_goes_on() {
        let mut people = people();
        let typing = |number: u64, reference: u64| -> Rc<str> {
            let tabs = format!(
                r#"{{"t":{{"active":true,"typing":"title","typed":{number},"meta":{{}}}}}}"#
            );
            format!(r#"{{"a":{}}}"#, client(reference, "\"jane\"", &tabs)).into()
        };
        people.hear(Mono(0), "c", true, typing(1, 1), none());
        let told = people.due(Mono(0)).pop().unwrap();
        let jane = r#"[{"user":"jane","client":"a","field":"title"}]"#;
        assert_eq!(told.typing.as_deref(), Some(jane));
        people.hear(Mono(3000), "c", false, typing(2, 2), none());
        assert_eq!(people.due(Mono(3000)).pop().unwrap().typing, None);
        // The same number again is only a sign of life.
        people.hear(Mono(5000), "c", false, typing(2, 3), none());
        people.tick(Mono(3000) + TYPING_TTL);
        let told = people.due(Mono(3000) + TYPING_TTL).pop().unwrap();
        assert_eq!(told.typing.as_deref(), Some("[]"));
        assert!(told.people.contains(r#""typing":null"#));
        // A browser whose tab is frozen says again what that tab was at.
        people.hear(Mono(30_000), "c", false, typing(2, 4), none());
        people.due(Mono(30_000));
        assert!(
            !people
                .rooms
                .get("c")
                .unwrap()
                .write_typing()
                .contains("title")
        );
        people.hear(Mono(31_000), "c", false, typing(3, 5), none());
        let told = people.due(Mono(31_000)).pop().unwrap();
        assert_eq!(told.typing.as_deref(), Some(jane));
    }

    #[test]
    fn a_lost_link_keeps_who_was_there_until_everybody_is_told_anew() {
        let mut people = people();
        people.hear(Mono(0), "c", true, one("a", 9), none());
        people.link_changed();
        people.hear(Mono(1), "c", false, one("b", 2), none());
        assert_eq!(names(&people), ["a9"]);
        people.hear(Mono(2), "c", true, one("a", 1), none());
        assert_eq!(names(&people), ["a1", "b2"], "a new server may count anew");
    }

    #[test]
    fn a_crowd_has_a_bound() {
        let mut people = people();
        people.hear(Mono(0), "c", true, none(), none());
        for n in 0..PRESENCE_CLIENTS_MAX as u64 + 50 {
            people.hear(Mono(0), "c", false, one(&format!("n{n}"), n), none());
        }
        assert_eq!(names(&people).len(), PRESENCE_CLIENTS_MAX);
        people.link_changed();
        for n in 0..10_000 {
            people.hear(Mono(0), "c", false, one("x", n), none());
        }
        let State::Waiting(early) = &people.rooms.get("c").unwrap().state else {
            panic!("it waits");
        };
        assert_eq!(early.len(), PRESENCE_EARLY_MAX);
    }

    proptest! {
        /// Whenever everybody is told among the changes, what is known in the end is what is true.
        #[test]
        fn in_the_end_those_are_there_who_are(
            steps in prop::collection::vec((0usize..4, any::<bool>()), 1..40),
            full_at in 0usize..40,
            snapshot_lag in 0usize..5,
        ) {
            let mut truth: Map<String, u64> = Map::new();
            let mut people = people();
            let mut diffs = Vec::new();
            let mut states = Vec::new();
            for (at, (who, comes)) in steps.iter().enumerate() {
                let name = format!("n{who}");
                let reference = at as u64 + 1;
                if *comes {
                    truth.insert(name.clone(), reference);
                    diffs.push((one(&name, reference), none()));
                } else {
                    let left = truth.remove(&name).unwrap_or(0);
                    diffs.push((none(), format!(r#"{{"{name}":{left}}}"#).into()));
                }
                let state: Vec<String> = truth.iter().map(|(name, reference)| {
                    let one = one(name, *reference);
                    one[1..one.len() - 1].to_owned()
                }).collect();
                states.push(format!("{{{}}}", state.join(",")));
            }
            // The whole is as of some change, and arrives a little later or earlier than it.
            let full_at = full_at.min(steps.len() - 1);
            let as_of = full_at + snapshot_lag;
            for (at, (join, leave)) in diffs.iter().enumerate() {
                people.hear(Mono(0), "c", false, Rc::clone(join), Rc::clone(leave));
                if at == full_at {
                    let state = states[as_of.min(at)].as_str();
                    people.hear(Mono(0), "c", true, state.into(), none());
                }
            }
            let expected: Vec<String> = truth.iter().map(|(name, reference)| format!("{name}{reference}")).collect();
            prop_assert_eq!(names(&people), expected);
        }

        #[test]
        fn whatever_a_server_says_is_survived(join in "\\PC{0,80}", leave in "[{}a-f0-9\":,]{0,40}", full: bool) {
            let mut people = people();
            people.hear(Mono(0), "c", full, join.as_str().into(), leave.as_str().into());
            people.hear(Mono(0), "c", true, leave.as_str().into(), join.as_str().into());
            people.tick(Mono(1));
            for told in people.due(Mono(1)) {
                prop_assert!(json::parse(&told.people).is_ok());
            }
        }
    }
}
